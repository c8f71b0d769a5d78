"""What the parts of a term are: their values, if these can be had without calling anything, and their shapes by the dims' names."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench import Model
from workbench.graph import Expr
from workbench.tensor.tensor import Tensor

if TYPE_CHECKING:
    from kernel_ext.cell.errors import Cell

NOTHING: Any = object()
"""No value."""

OPERATORS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv, ast.Pow: operator.pow,
    ast.FloorDiv: operator.floordiv, ast.Mod: operator.mod, ast.MatMult: operator.matmul, ast.USub: operator.neg, ast.UAdd: operator.pos,
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt, ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
}  # fmt: skip


def value_of(node: ast.AST, frame: FrameType, cell: Cell) -> Any:
    """The value of a term, or `NOTHING`; nothing is called for it."""
    try:
        return _value(node, frame, cell)
    except Exception:
        return NOTHING


def _value(node: ast.AST, frame: FrameType, cell: Cell) -> Any:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        for names in (frame.f_locals, cell.made, cell.seen):
            if node.id in names:
                return names[node.id]
    elif isinstance(node, ast.Attribute):
        return getattr(_value(node.value, frame, cell), node.attr)
    elif isinstance(node, ast.UnaryOp):
        return OPERATORS[type(node.op)](_value(node.operand, frame, cell))
    elif isinstance(node, ast.BinOp):
        return OPERATORS[type(node.op)](_value(node.left, frame, cell), _value(node.right, frame, cell))
    elif isinstance(node, ast.Compare) and len(node.ops) == 1:
        return OPERATORS[type(node.ops[0])](_value(node.left, frame, cell), _value(node.comparators[0], frame, cell))
    elif isinstance(node, ast.Subscript):
        return _value(node.value, frame, cell)[_value(node.slice, frame, cell)]
    elif isinstance(node, ast.Slice):
        return slice(*(None if part is None else _value(part, frame, cell) for part in (node.lower, node.upper, node.step)))
    elif isinstance(node, ast.Tuple):
        return tuple(_value(x, frame, cell) for x in node.elts)
    raise LookupError


def described(node: ast.AST | None, frame: FrameType, cell: Cell, error: BaseException) -> list[str]:
    """Sentences on the parts of a term: which lengths they have, or which index was not there."""
    if node is None:
        return []
    if isinstance(node, ast.Subscript):
        found = _bad_index(node, frame, cell)
        if found is not None:
            return [found]
    said: dict[str, str] = {}
    for part in _operands(node):
        value = value_of(part, frame, cell)
        pieces = [part] if value is not NOTHING else [n for n in ast.walk(part) if isinstance(n, ast.Name)]
        for piece in pieces:
            x = value_of(piece, frame, cell)
            text = ast.unparse(piece)
            if (shape := shape_of(x, cell.model)) and len(text) <= 60:
                said[text] = f"{text} has {lengths(x, shape, cell.model)}"
    return [", ".join(said.values())] if said else []


def _operands(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.BinOp):
        return [node.left, node.right]
    if isinstance(node, ast.Compare):
        return [node.left, *node.comparators]
    if isinstance(node, ast.Call):
        return [*node.args, *(k.value for k in node.keywords if k.arg != "dims")]
    if isinstance(node, ast.Subscript):
        return [node.value, node.slice]
    return []


def index_that_fits(node: ast.AST | None, frame: FrameType | None, cell: Cell) -> str | None:
    """``a[county]``, where a part of a term has a value for each county, another a row for each of its places, and `county` says which is whose."""
    if node is None or frame is None:
        return None
    shapes = {ast.unparse(part): shape for part in _operands(node) if (shape := shape_of(value_of(part, frame, cell), cell.model))}
    vectors = {n: shape[0] for n, shape in shapes.items() if len(shape) == 1 and isinstance(cell.made.get(n), Tensor) and isinstance(shape[0], int)}
    for name, length in vectors.items():
        rows = {shape[0] for shape in shapes.values() if len(shape) == 1 and shape[0] != length}
        for index, x in {**cell.notebook, **cell.seen, **cell.made}.items():
            x = getattr(x, "values", x) if type(x).__module__.startswith("pandas") else x
            if isinstance(x, np.ndarray) and x.dtype.kind in "iu" and x.ndim == 1 and len(x) in rows and index.isidentifier():
                if not index.startswith("_") and x.min() >= 0 and length * 0.5 <= x.max() + 1 <= length:
                    return f"{name}[{index}]"
    return None


def shape_of(x: Any, model: Model | None) -> tuple[Any, ...] | None:
    """The shape of an expression or an array; ``None`` for anything else."""
    if isinstance(x, Tensor):
        return tuple(model.shapes.of(x)) if model is not None else x.type.shape
    if isinstance(x, (list, tuple)):
        try:
            return np.shape(x)
        except ValueError:
            return None
    shape = getattr(x, "shape", None)
    return shape if isinstance(shape, tuple) and not isinstance(x, Expr) else None


def lengths(x: Any, shape: tuple[Any, ...], model: Model | None) -> str:
    """A shape in words, by the dims' names: ``length county (85)``, ``shape county (85) x 3``."""
    dims = _dims(x, shape, model)
    words = [str(n) if d is None else f"{d} ({n})" for n, d in zip(shape, dims)]
    return f"length {words[0]}" if len(words) == 1 else f"shape {' x '.join(words)}"


def _dims(x: Any, shape: tuple[Any, ...], model: Model | None) -> tuple[str | None, ...]:
    """The dims of a variable; of anything else those of the same length, where only one has it."""
    if model is None:
        return (None,) * len(shape)
    if isinstance(x, Tensor) and x.name in model.named_vars_to_dims and model.named_vars.get(str(x.name)) is x:
        return model.named_vars_to_dims[str(x.name)]
    known = {d: model.length_of(d) for d in model.dim_lengths}
    alike = [[d for d, m in known.items() if m == n] for n in shape]
    return tuple(found[0] if len(found) == 1 else None for found in alike)


def _bad_index(node: ast.Subscript, frame: FrameType, cell: Cell) -> str | None:
    """The first index that is outside of its axis: what it is, where, and what there is."""
    value, index = value_of(node.value, frame, cell), value_of(node.slice, frame, cell)
    shape = shape_of(value, cell.model)
    if not shape or index is NOTHING:
        return None
    for axis, at in enumerate(index if isinstance(index, tuple) else (index,)):
        if axis >= len(shape) or isinstance(at, (slice, Tensor)) or at is None or at is Ellipsis:
            return None
        numbers = np.asarray(at)
        n = shape[axis]
        if numbers.dtype.kind not in "iu" or not isinstance(n, int):
            return None
        bad = np.argwhere((numbers >= n) | (numbers < -n))
        if not len(bad):
            continue
        where = tuple(int(i) for i in bad[0])
        term = ast.unparse(node.slice.elts[axis] if isinstance(node.slice, ast.Tuple) and isinstance(index, tuple) else node.slice)
        dim = _dims(value, shape, cell.model)[axis]
        labels = cell.model.coords.get(dim) if cell.model is not None and dim is not None else None
        ends = f", {labels[0]!r} to {labels[-1]!r}" if labels else ""
        said = f"{term} is {numbers[where]}" if where else f"the index is {numbers[()]}"
        position = f" at position {where[0] if len(where) == 1 else where}{_label(at, where, cell.model)}" if where else ""
        return f"{said}{position}: {ast.unparse(node.value)} has {dim or 'positions'} 0 to {n - 1}{ends}"
    return None


def _label(x: Any, where: tuple[int, ...], model: Model | None) -> str:
    """What a position of an array is called by the labels of its dim, in brackets."""
    if model is None or len(where) != 1:
        return ""
    (dim,) = _dims(x, np.shape(x), model)
    labels = model.coords.get(dim) if dim is not None else None
    return f" ({dim} {labels[where[0]]!r})" if labels and labels[where[0]] != where[0] else ""
