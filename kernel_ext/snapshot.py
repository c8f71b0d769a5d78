"""Graphs as columns for the widgets: what to draw of an expression and of a model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.distributions import Draw
from workbench.graph import Constant, Data, Expr, Input, topological
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


class Keys:
    """Numbers for expressions: the same number for as long as the widget lives."""

    def __init__(self) -> None:
        self._numbers: dict[Expr, int] = {}
        self._exprs: list[Expr] = []

    def of(self, expr: Expr) -> int:
        found = self._numbers.get(expr)
        if found is None:
            found = self._numbers[expr] = len(self._exprs)
            self._exprs.append(expr)
        return found

    def expr(self, key: int) -> Expr:
        return self._exprs[key]


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
    return text if len(text) <= 24 else str(expr.op.name)


def columns(keys: Keys, nodes: Sequence[Expr], edges: Sequence[tuple[Expr, Expr]], labels: dict[Expr, str],
            kinds: dict[Expr, str], types: dict[Expr, str], groups: Sequence[int] = ()) -> dict[str, Any]:  # fmt: skip
    """Return the columns of a drawing; `groups` are the numbers of the nodes' boxes, -1 for none."""
    return {
        "key": np.array([keys.of(n) for n in nodes], np.int32),
        "op": [str(n.op.name) for n in nodes],
        "label": [labels.get(n) or label_of(n) for n in nodes],
        "kind": [kinds.get(n) or kind_of(n) for n in nodes],
        "type": [types.get(n) or str(n.type) for n in nodes],
        "group": np.array(groups or [-1] * len(nodes), np.int32),
        "src": np.array([keys.of(a) for a, _ in edges], np.int32),
        "dst": np.array([keys.of(b) for _, b in edges], np.int32),
        "port": np.zeros(len(edges), np.int32),
    }


def expression_columns(keys: Keys, roots: Sequence[Expr]) -> dict[str, Any]:
    """Return the columns of a whole computation. Scalar constants stay inside their users' labels."""
    nodes = [n for n in topological(roots) if not written_inside(n)]
    drawn = set(nodes)
    edges = [(x, n) for n in nodes for x in dict.fromkeys(n.inputs) if x in drawn]
    labels = {n: _with_constants(n) for n in nodes if not n.name and any(written_inside(x) for x in n.inputs)}
    return columns(keys, nodes, edges, labels, {}, {})


def written_inside(x: Expr) -> bool:
    """Whether a node is a number that stands in the labels of its users, and is not drawn itself."""
    return isinstance(x.op, Constant) and x.type.ndim == 0


def _with_constants(n: Expr) -> str:
    shown = [op_text(x) if written_inside(x) else "·" for x in n.inputs]
    shown = [f"{float(s):.6g}" if _is_number(s) else s for s in shown]
    symbol = getattr(n.op, "symbol", "")
    if symbol and len(shown) == 2:
        return f" {symbol} ".join(shown)
    return f"{n.op.name}({', '.join(shown)})"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


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
    bad = int((~np.isfinite(array)).sum())
    note = f"; {bad} not finite" if bad else ""
    return f"{list(array.shape)} min {array.min():.4g}, mean {array.mean():.4g}, max {array.max():.4g}{note}: {first}{more}"
