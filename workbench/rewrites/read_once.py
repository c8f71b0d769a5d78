"""Results of which only a part is read, or that only one product reads: what else would be computed is not.

Whether that saves anything is no question about the expression but about who else reads it, so these rules are asked on whole
graphs (`lifted`), where a result has no other reader.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import workbench.tensor as pt
from workbench.graph.expr import Expr, intern, rebuild
from workbench.graph.lengths import Size, at_least
from workbench.graph.provenance import derived
from workbench.graph.rewrite import Firing, Rule, rule
from workbench.graph.traverse import ancestors, topological
from workbench.tensor import elementwise as e
from workbench.tensor.elementwise import Cast, ScalarOp
from workbench.tensor.indexing.slices import Slice, Spec, everything, part_of
from workbench.tensor.linalg.products import MatMul
from workbench.tensor.reduction.reductions import Reduce
from workbench.tensor.shape import Reshape, Transpose, expand_dims, extents
from workbench.tensor.tensor import Tensor

GROUP = "read once"
WHOLE = "whole operations"
"""Rules that find operations with a derivative of their own: asked early, and before a graph is differentiated."""


def _tall(name: str = "x") -> Tensor:
    return pt.matrix(name, 4, 3)


# Parts ----------------------------------------------------------------------------------------


def _part(x: Expr, spec: Spec, shape: tuple[Size, ...]) -> Any:
    """The part of an operand that makes a part of a result of a shape; ``None`` if no bounds say it."""
    own = spec[len(spec) - x.type.ndim :]
    wanted = shape[len(shape) - x.type.ndim :]
    found: list[tuple[Size, Size, int]] = []
    for n, m, one in zip(x.type.shape, wanted, own):
        if n != m and n != 1:
            return None
        found.append(one if n == m else (0, 1, 1))
    return part_of(x, tuple(found))


def _takes_fewer(expr: Expr) -> bool:
    """Whether a slice leaves something out."""
    spec, shape = expr.op.spec(expr), expr.inputs[0].type.shape
    return spec != everything(shape) and all(at_least(n, length) for (_, length, _), n in zip(spec, shape)) and any(length != n for (_, length, _), n in zip(spec, shape))


@rule(GROUP, ops=(Slice,), over=(ScalarOp, Cast), examples=lambda: [pt.exp(_tall())[:1], (_tall() * pt.vector("v", 3))[1:3, ::2], (_tall() + pt.scalar("s"))[::3]])
def slice_of_elementwise(expr: Expr) -> Expr | None:
    """Elements of which only a part is read are computed there alone."""
    whole = expr.inputs[0]
    if not _takes_fewer(expr):
        return None
    parts = [_part(x, expr.op.spec(expr), whole.type.shape) for x in whole.inputs]
    return None if any(p is None for p in parts) else intern(whole.op, tuple(parts))


@rule(GROUP, ops=(Slice,), over=(Reduce,), examples=lambda: [pt.sum(_tall(), axis=1)[2:], pt.max(_tall(), axis=0)[1:2]])
def slice_of_reduction(expr: Expr) -> Expr | None:
    """A part of sums is made of a part of the terms."""
    whole = expr.inputs[0]
    (x,) = whole.inputs
    if not _takes_fewer(expr):
        return None
    kept = iter(expr.op.spec(expr))
    part = part_of(x, tuple((0, n, 1) if i in whole.op.axes else next(kept) for i, n in enumerate(x.type.shape)))
    return None if part is None else intern(whole.op, (part,))


@rule(GROUP, ops=(Slice,), over=(Reshape,), examples=lambda: [expand_dims(_tall(), 1)[2:]])
def slice_of_more_axes(expr: Expr) -> Expr | None:
    """A part of a tensor with axes of length 1 added is such a tensor of a part."""
    whole = expr.inputs[0]
    (x, *_) = whole.inputs
    if [n for n in whole.type.shape if n != 1] != [n for n in x.type.shape if n != 1] or not _takes_fewer(expr):
        return None
    kept = iter([one for one, n in zip(expr.op.spec(expr), whole.type.shape) if n != 1])
    part = part_of(x, tuple((0, 1, 1) if n == 1 else next(kept) for n in x.type.shape))
    return None if part is None else pt.reshape(part, extents(expr))


@rule(GROUP, ops=(Slice,), over=(MatMul,), examples=lambda: [(_tall() @ pt.matrix("y", 3, 5))[1:2], (_tall() @ pt.matrix("y", 3, 5))[:2, 3:], (pt.tensor("x", shape=(2, 4, 3)) @ pt.matrix("y", 3, 5))[1:, :, :1]])
def slice_of_product(expr: Expr) -> Expr | None:
    """Rows and columns of a product are products of rows and columns."""
    whole = expr.inputs[0]
    a, b = whole.inputs
    if not _takes_fewer(expr):
        return None
    *batch, rows, columns = expr.op.spec(expr)
    shape = whole.type.shape
    n = a.type.shape[-1]
    left = _part(a, (*batch, rows, (0, n, 1)), (*shape[:-1], n))
    m = b.type.shape[-2]
    right = _part(b, (*batch, (0, m, 1), columns), (*shape[:-2], m, shape[-1]))
    return None if left is None or right is None else intern(MatMul(), (left, right))


# Products -------------------------------------------------------------------------------------


def _is_cheaper(*lengths: Size) -> bool:
    """Whether ``a @ (b @ c)`` takes fewer multiplications than ``(a @ b) @ c``, for a p by q, b q by r and c r by s.

    Where a length is open, that is so for one column, if the others are 2 or more: the pass may then lose a few multiplications.
    """
    p, q, r, s = lengths
    if all(isinstance(n, int) for n in lengths):
        return q * r * s + p * q * s < p * q * r + p * r * s  # type: ignore[operator]
    return s == 1 and p != 1 and r != 1


@rule(GROUP, ops=(MatMul,), over=(MatMul,), examples=lambda: [(_tall() @ pt.matrix("y", 3, 5)) @ pt.matrix("z", 5, 1), pt.matrix("z", 1, 4) @ (_tall() @ pt.matrix("y", 3, 5))])
def product_in_cheaper_order(expr: Expr) -> Expr | None:
    """A product of three matrices is made in the order that takes fewer multiplications."""
    left, right = expr.inputs
    if any(x.type.ndim != 2 for x in expr.inputs):
        return None
    if isinstance(left.op, MatMul):
        a, b = left.inputs
        if a.type.ndim == b.type.ndim == 2 and _is_cheaper(*a.type.shape, *right.type.shape):
            return intern(MatMul(), (a, intern(MatMul(), (b, right))))
    if isinstance(right.op, MatMul):
        a, b = right.inputs
        if a.type.ndim == b.type.ndim == 2 and _is_cheaper(*b.type.shape[::-1], *left.type.shape[::-1]):
            return intern(MatMul(), (intern(MatMul(), (left, a)), b))
    return None


@rule(GROUP, ops=(Reduce,), over=(e.multiply,), examples=lambda: [(_tall() @ pt.matrix("y", 3, 5)) @ pt.vector("v", 5), pt.vector("v", 4) @ (_tall() @ pt.matrix("y", 3, 5))])
def product_times_vector(expr: Expr) -> Expr | None:
    """A product of matrices times a vector is two products with vectors."""
    terms = expr.inputs[0]
    if expr.op.kind != "sum" or terms.op is not e.multiply or terms.type.ndim != 2 or len(expr.op.axes) != 1:
        return None
    for product, vector in (terms.inputs, terms.inputs[::-1]):
        if not isinstance(product.op, MatMul) or any(x.type.ndim != 2 for x in product.inputs) or product.type.shape != terms.type.shape:
            continue
        a, b = product.inputs
        if expr.op.axes == (1,) and vector.type.shape in ((b.type.shape[1],), (1, b.type.shape[1])) and _is_cheaper(*a.type.shape, *b.type.shape[1:], 1):
            return a @ (b @ pt.reshape(vector, extents(b)[1:]))  # type: ignore[no-any-return]
        if expr.op.axes == (0,) and vector.type.shape == (a.type.shape[0], 1) and _is_cheaper(*b.type.shape[::-1], a.type.shape[0], 1):
            return (pt.reshape(vector, extents(a)[:1]) @ a) @ b  # type: ignore[no-any-return]
    return None


# Whole graphs ---------------------------------------------------------------------------------


def lifted(roots: Sequence[Expr], rules: Iterable[Rule]) -> tuple[Sequence[Expr], list[Firing]]:
    """Return expressions with rules applied where what they take apart has no other reader, and the steps."""
    by_op: dict[Any, list[Rule]] = {}
    for r in rules:
        for root in r.roots:
            by_op.setdefault(root, []).append(r)
    nodes = topological(roots)
    if not any(n.op.__class__ in by_op for n in nodes):
        return roots, []
    readers: dict[Expr, set[Any]] = {}
    for n in nodes:
        for x in n.inputs:
            readers.setdefault(x, set()).add(n)
    for root in roots:
        readers.setdefault(root, set()).add(None)
    became: dict[Expr, Expr] = {}
    steps: list[Firing] = []
    for whole in reversed(nodes):
        while len(found := readers.get(whole, set())) == 1:
            (reader,) = found
            made = None if reader is None else _read_alone(reader, whole, by_op, readers)
            if made is None:
                break
            used, after = made
            became[reader] = after
            steps.append(Firing(used, reader, after, 0.0))
            _move(reader, after, readers)
    return (_with(roots, became), steps) if became else (roots, [])


def _read_alone(reader: Expr, whole: Expr, by_op: dict[Any, list[Rule]], readers: dict[Expr, set[Any]]) -> tuple[Rule, Expr] | None:
    """The first rule that fires on a reader, or on the sum of it, and what it makes."""
    # A product that is taken apart has no other reader, be it one of the terms of a sum.
    terms = whole if isinstance(reader.op, Reduce) else reader if isinstance(reader.op, MatMul) and isinstance(whole.op, MatMul) else None
    if terms is not None and any(isinstance(x.op, MatMul) and readers.get(x) != {terms} for x in terms.inputs):
        return None
    for used in (*by_op.get(reader.op, ()), *by_op.get(reader.op.__class__, ())):
        if whole.op not in used.over and whole.op.__class__ not in used.over:
            continue
        with derived(reader.provenance, used.name):
            made = used.made_of((reader,))
            after = None if made is None else made.fit(reader)
        if after is not None and not _is_kept(reader, after, readers):
            return used, after
    return None


def _is_kept(reader: Expr, after: Expr, readers: dict[Expr, set[Any]]) -> bool:
    """Whether an operand that is taken apart has other readers, as it is or in another order: it would be computed in both forms."""
    shared = [x for x in reader.inputs if any(len(readers.get(n, ())) > 1 for n in _in_other_orders(x))]
    below = ancestors([after]) if shared else set()
    return any(x not in below for x in shared)


def _in_other_orders(x: Expr) -> Iterator[Expr]:
    yield x
    while isinstance(x.op, Transpose):
        (x,) = x.inputs
        yield x


def _move(old: Expr, new: Expr, readers: dict[Expr, set[Any]]) -> None:
    """Say who reads what, after one expression took the place of another."""
    gone = [old]
    while gone:
        node = gone.pop()
        for x in set(node.inputs):
            readers[x].discard(node)
            if not readers[x]:
                gone.append(x)
    readers[new] = readers.get(new, set()) | readers.get(old, set())
    pending, known = [new], set()
    while pending:
        node = pending.pop()
        if node in known:
            continue
        known.add(node)
        for x in node.inputs:
            if not readers.get(x):
                pending.append(x)
            readers.setdefault(x, set()).add(node)


def _with(roots: Sequence[Expr], became: dict[Expr, Expr]) -> list[Expr]:
    """Expressions with others in the place of some, in what took their place too."""
    memo: dict[Expr, Expr] = {}
    for root in roots:
        stack = [root]
        while stack:
            node = stack[-1]
            if node in memo:
                stack.pop()
                continue
            needed = (became[node],) if node in became else node.inputs
            waiting = [x for x in needed if x not in memo]
            if waiting:
                stack += waiting
                continue
            stack.pop()
            memo[node] = memo[became[node]] if node in became else rebuild(node, tuple(memo[x] for x in node.inputs)) if node.inputs else node
    return [memo[r] for r in roots]
