"""Graphs as columns for the widgets: what to draw of an expression and of a model."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.distributions import Draw
from workbench.graph import Constant, Data, Expr, Input, formula, topological
from workbench.graph.printing import op_text
from workbench.tensor.control.flow import Cond, Region, Slot, While
from workbench.tensor.elementwise import Elementwise
from workbench.tensor.indexing.rows import AddAt, SetAt, Take
from workbench.tensor.indexing.slices import SetSlice, Slice
from workbench.tensor.reduction.reductions import Reduce
from workbench.tensor.shape import Arange, BroadcastTo, Dim, Reshape, Transpose
from workbench.tensor.shape.joining import Concatenate

KINDS: tuple[tuple[tuple[type, ...], str], ...] = (
    ((Input,), "input"),
    ((Constant,), "constant"),
    ((Data,), "data"),
    ((Draw,), "random"),
    ((Elementwise,), "elementwise"),
    ((Reduce,), "reduction"),
    ((Reshape, BroadcastTo, Transpose, Concatenate, Arange, Dim), "shape"),
    ((Slice, SetSlice, Take, SetAt, AddAt), "indexing"),
    ((While, Cond), "control"),
    ((Region, Slot), "region"),
)


FORMULA = 48
"""Most characters of a node's formula."""
LONGEST = 400
"""Most characters of a name that widgets are told."""


class Keys:
    """Numbers for expressions: the same number for as long as the widget lives."""

    def __init__(self) -> None:
        self._numbers: dict[Expr, int] = {}
        self._exprs: list[Expr] = []
        self._labels: dict[Expr, str] = {}
        self._lock = threading.Lock()

    def of(self, expr: Expr) -> int:
        found = self._numbers.get(expr)
        if found is None:
            with self._lock:  # Code is numbered on a thread of its own.
                found = self._numbers.get(expr)
                if found is None:
                    self._exprs.append(expr)
                    found = self._numbers[expr] = len(self._exprs) - 1
        return found

    def expr(self, key: int) -> Expr:
        return self._exprs[key]

    def label(self, expr: Expr) -> str:
        """Return what a node is called: by its name, else by its formula."""
        found = self._labels.get(expr)
        if found is None:
            found = self._labels[expr] = (expr.name or formula(expr, FORMULA))[:LONGEST]
        return found


def kind_of(expr: Expr) -> str:
    """Return what sort of node an expression is."""
    return next((kind for classes, kind in KINDS if isinstance(expr.op, classes)), "other")


def label_of(expr: Expr) -> str:
    """Return a node's short label: its name, else its operation."""
    if expr.name:
        return expr.name
    symbol = getattr(expr.op, "symbol", "")
    if symbol:
        return symbol if len(expr.inputs) == 2 else f"{symbol}x"
    text = op_text(expr)
    return str(expr.op.name) if len(text) > 24 or _told_by_type(expr) else text


def _told_by_type(expr: Expr) -> bool:
    """Whether a node's type says all that its parameters would: of what is summed over, or laid out."""
    whole = isinstance(expr.op, Reduce) and len(expr.op.axes) == expr.inputs[0].type.ndim
    return whole or isinstance(expr.op, (Reshape, BroadcastTo))


def columns(keys: Keys, nodes: Sequence[Expr], edges: Sequence[tuple[Expr, Expr]], labels: dict[Expr, str],
            kinds: dict[Expr, str], types: dict[Expr, str], groups: Sequence[int] = ()) -> dict[str, Any]:  # fmt: skip
    """Return the columns of a drawing; `groups` are the numbers of the nodes' boxes, -1 for none."""
    return {
        "key": np.array([keys.of(n) for n in nodes], np.int32),
        "op": [str(n.op.name) for n in nodes],
        "label": [(labels.get(n) or keys.label(n))[:LONGEST] for n in nodes],
        "kind": [kinds.get(n) or kind_of(n) for n in nodes],
        "type": [types.get(n) or str(n.type) for n in nodes],
        "group": np.array(groups or [-1] * len(nodes), np.int32),
        "src": np.array([keys.of(a) for a, _ in edges], np.int32),
        "dst": np.array([keys.of(b) for _, b in edges], np.int32),
    }


def expression_columns(keys: Keys, roots: Sequence[Expr]) -> dict[str, Any]:
    """Return the columns of a whole computation. Scalar constants stay inside their users' labels."""
    nodes = [n for n in topological(roots) if not written_inside(n)]
    drawn = set(nodes)
    edges = [(x, n) for n in nodes for x in dict.fromkeys(n.inputs) if x in drawn]
    return columns(keys, nodes, edges, {}, {}, {})


def written_inside(x: Expr) -> bool:
    """Whether a node is a number that stands in the labels of its users, and is not drawn itself."""
    return isinstance(x.op, Constant) and x.type.ndim == 0


def summarise(value: Any) -> str:
    """Return a value in a few words."""
    array = np.asarray(value)
    if array.ndim == 0:
        return f"{array.item():.6g}" if array.dtype.kind == "f" else str(array.item())
    if array.size == 0:
        return f"empty {list(array.shape)}"
    if array.dtype.kind not in "fiu":
        return f"{int(array.sum())} of {array.size} true" if array.dtype.kind == "b" else str(array.dtype)
    first = ", ".join(f"{v:.4g}" for v in array.reshape(-1)[:5])
    more = ", …" if array.size > 5 else ""
    fine = array[np.isfinite(array)]
    note = f"{array.size - fine.size} not finite; " if fine.size < array.size else ""
    spread = f"min {fine.min():.4g}, mean {fine.mean():.4g}, max {fine.max():.4g}" if fine.size else "no finite number"
    return f"{list(array.shape)} {note}{spread}: {first}{more}"


THUMBNAIL, SIDE = 4096, 48
"""Most numbers of a thumbnail, and most rows and columns of a picture."""


def thumbnail(value: Any) -> tuple[list[int], np.ndarray[Any, Any]]:
    """Return the shape and numbers of a small picture of a value: all of them, or evenly chosen ones."""
    array = np.asarray(value)
    if array.dtype.kind not in "fiub" or array.ndim == 0:
        return [], np.empty(0)
    if array.ndim == 2 and min(array.shape) > 1:
        array = array[:: -(-array.shape[0] // SIDE), :: -(-array.shape[1] // SIDE)]
        return list(array.shape), array.astype(np.float64).reshape(-1)
    flat = array.reshape(-1)
    flat = flat[:: max(1, -(-flat.size // THUMBNAIL))].astype(np.float64)
    return [flat.size], flat
