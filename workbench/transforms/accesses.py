"""Which elements of an array each element of an expression depends on: which axes stay independent.

An expression is walked once, inputs before users, and each node keeps its *accesses*: for each array that it depends on, and each
of the elements that it takes of that, an array of their numbers, one for each element of the node. Operations that move elements
(slices, reshaping, gathers by data, joins) move the numbers; operations over elements keep those of all operands; a reduction over
an axis along which the numbers change takes as many elements as it has.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

import workbench.tensor as pt
from workbench.distributions.constraints import CheckParameters
from workbench.graph.expr import Constant, Data, Expr, Get, Input, intern
from workbench.graph.inner import Graph
from workbench.graph.traverse import topological
from workbench.tensor.elementwise import Elementwise
from workbench.tensor.gufunc import Gufunc
from workbench.tensor.indexing.advanced import Index
from workbench.tensor.indexing.layout import layout_of
from workbench.tensor.indexing.rows import SetAt, Take
from workbench.tensor.indexing.slices import SetSlice, Slice
from workbench.tensor.linalg.diagonal import Diagonal
from workbench.tensor.linalg.linear_systems import Solve
from workbench.tensor.linalg.products import MatMul
from workbench.tensor.linalg.triangular_systems import SolveTriangular
from workbench.tensor.markers import Annotation
from workbench.tensor.reduction.reductions import Reduce
from workbench.tensor.shape import BroadcastTo, Dim, Reshape, SameLength, Transpose
from workbench.tensor.shape.joining import Concatenate
from workbench.tensor.tensor import Tensor

MOST_ELEMENTS = 24
"""So many elements of an array are told apart, where an element of an expression depends on several."""


class Access(NamedTuple):
    """One element of an array, for each element of an expression."""

    source: Expr
    """The array."""
    element: Tensor | None
    """Its number in row-major order, int64: as many axes as the expression has, of length 1 where the number does not change
    along them; -1 where the expression depends on none. ``None`` where it may be all of them."""

    @property
    def numbers(self) -> np.ndarray[Any, Any] | None:
        """The element, where it is known; ``None`` where it is data that may be replaced, or may be all."""
        return self.element.op.value if self.element is not None and isinstance(self.element.op, Constant) else None


Accesses = tuple[Access, ...]


class Dependence:
    """The accesses of expressions to some arrays.

    Parameters
    ----------
    sources
        The arrays, of known lengths.
    numbers
        What their elements are told apart by, where that is not their place in row-major order: elements of one number count as one.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> z, table = pt.tensor("z", "int64", (4,)), pt.constant([[0.0, 1.0], [2.0, 3.0]])
    >>> on = Dependence([z])
    >>> [a.numbers.tolist() for a in on.of(table[z] * z[::-1, None])]
    [[[0], [1], [2], [3]], [[3], [2], [1], [0]]]
    """

    def __init__(self, sources: Sequence[Expr], numbers: Mapping[Expr, Tensor] = MappingProxyType({})) -> None:
        self.sources, self.numbers = tuple(sources), numbers
        self._found: dict[Expr, Accesses] = {}

    def of(self, x: Expr) -> Accesses:
        """Return the accesses of an expression: none, if it depends on none of the arrays."""
        if x not in self._found:
            for node in topological([x]):
                if node not in self._found:
                    self._found[node] = self._accesses(node)
        return self._found[x]

    def _accesses(self, node: Any) -> Accesses:
        if any(node is s for s in self.sources):
            return (Access(node, self.numbers[node] if node in self.numbers else numbers_of(node)),)
        if isinstance(node.op, Dim) or not any(self._found[x] for x in node.inputs):
            return ()
        found = _rule(node.op)(self, node)
        return self.everything(node) if found is None else distinct(found)

    def everything(self, node: Any) -> Accesses:
        """Any element may depend on all elements that its inputs do."""
        found: list[Access] = []
        for x in node.inputs:
            for access in self._found[x]:
                found += self.over_axes(access, range(access.element.ndim), 0) if access.element is not None else [access]
        rank = getattr(node.type, "ndim", 0)
        return distinct([a if a.element is None else Access(a.source, pt.reshape(a.element, (1,) * rank)) for a in found])

    def over_axes(self, access: Access, axes: Sequence[int], keep: int) -> list[Access]:
        """The elements along some axes as so many accesses, of the axes that are left."""
        index = access.element
        if index is None:
            return [access]
        left = [a for a in range(index.ndim) if a not in axes]
        lengths = [index.type.shape[a] for a in axes]
        if any(not isinstance(n, int) for n in lengths):
            return [Access(access.source, None)]
        count = math.prod(lengths)
        moved = pt.reshape(pt.transpose(index, (*axes, *left)), (count, *(index.shape[a] for a in left)))
        numbers = _folded(moved)
        if isinstance(numbers.op, Constant) and not left:
            each = np.unique(numbers.op.value)
            if len(each) > MOST_ELEMENTS:
                return [Access(access.source, None)]
            return [Access(access.source, pt.constant(np.int64(i))) for i in each if i >= 0]
        if count > MOST_ELEMENTS:
            return [Access(access.source, None)]
        return [Access(access.source, _folded(numbers[i])) for i in range(count)]


def numbers_of(x: Any) -> Tensor:
    """Return the numbers of an array's elements in row-major order, of its shape."""
    if x.type.is_open:
        return pt.reshape(pt.arange(x.size_expr()), x.shape)
    return pt.constant(np.arange(x.size).reshape(x.type.static_shape))


def distinct(accesses: Sequence[Access]) -> Accesses:
    """Each access once; all of an array's elements include the others."""
    whole = {a.source for a in accesses if a.element is None}
    accesses = [a if a.element is None or isinstance(a.element.op, Constant) else Access(a.source, _folded(a.element)) for a in accesses]
    return tuple(dict.fromkeys(a for a in accesses if a.element is None or a.source not in whole))


def _folded(index: Any) -> Tensor:
    """Numbers that follow from constants, as one; along axes where they do not change, of length 1."""
    if not isinstance(index.op, Constant):
        if any(isinstance(n.op, (Data, Input)) for n in topological([index])):
            return index  # type: ignore[no-any-return]
        index = pt.constant(Graph([], [index]).run("numpy")[0])
    value = index.op.value
    for axis in range(value.ndim):
        if value.shape[axis] > 1:
            first = value[(slice(None),) * axis + (slice(0, 1),)]
            if np.array_equal(np.broadcast_to(first, value.shape), value):
                value = first
    return index if value is index.op.value else pt.constant(value)  # type: ignore[no-any-return]


def _widened(index: Any, rank: int) -> Tensor:
    """An index with more axes of length 1 in front."""
    return pt.expand_dims(index, tuple(range(rank - index.ndim)))


def _broadcast(on: Dependence, node: Any, operands: Sequence[Any]) -> list[Access]:
    found = []
    for x in operands:
        for a in on.of(x):
            found.append(Access(a.source, None if a.element is None else _widened(a.element, node.type.ndim)))
    return found


def _elementwise(on: Dependence, node: Any) -> list[Access]:
    return _broadcast(on, node, node.inputs)


def _checked(on: Dependence, node: Any) -> list[Access]:
    return _broadcast(on, node, node.inputs[:2])


def _moved(on: Dependence, node: Any) -> list[Access]:
    """An operation that puts elements of its first input elsewhere does so with their numbers."""
    x, *rest = node.inputs
    found = []
    for a in on.of(x):
        if a.element is not None and all(n == 1 for n in a.element.type.shape):
            # One element, wherever it goes.
            found.append(Access(a.source, pt.reshape(a.element, (1,) * node.type.ndim)))
            continue
        moved = None if a.element is None else _folded(intern(node.op, (pt.broadcast_to(a.element, x.shape), *rest)))
        found.append(Access(a.source, moved))
    return found


def _broadcast_to(on: Dependence, node: Any) -> list[Access]:
    return _broadcast(on, node, node.inputs[:1])


def _reshape(on: Dependence, node: Any) -> list[Access]:
    x = node.inputs[0]
    found = []
    for a in on.of(x):
        if a.element is not None and all(n == 1 for n in a.element.type.shape):
            found.append(Access(a.source, pt.reshape(a.element, (1,) * node.type.ndim)))
        else:
            found.append(Access(a.source, None if a.element is None else _folded(pt.reshape(pt.broadcast_to(a.element, x.shape), node.shape))))
    return found


def _transpose(on: Dependence, node: Any) -> list[Access]:
    return [Access(a.source, None if a.element is None else _folded(pt.transpose(a.element, node.op.axes))) for a in on.of(node.inputs[0])]


def _reduce(on: Dependence, node: Any) -> list[Access]:
    return [made for a in on.of(node.inputs[0]) for made in on.over_axes(a, node.op.axes, node.type.ndim)]


def _joined(on: Dependence, node: Any) -> list[Access]:
    """Accesses of parts that are put side by side: the first of one with the first of the others, where an array is the same."""
    return _side_by_side(on, node, node.inputs, lambda parts: pt.concatenate(parts, axis=node.op.axis))


def _updated(on: Dependence, node: Any) -> list[Access] | None:
    """Some elements replaced by others, at places that are known."""
    x, *rest = node.inputs
    value, places = rest[-1], rest[:-1]
    if any(on.of(p) for p in places):
        return None
    return _side_by_side(on, node, (x, value), lambda parts: intern(node.op, (parts[0], *places, parts[1])))


def _side_by_side(on: Dependence, node: Any, parts: Sequence[Any], put: Callable[[list[Tensor]], Tensor]) -> list[Access]:
    found = []
    sources = dict.fromkeys(a.source for x in parts for a in on.of(x))
    for source in sources:
        each = [[a.element for a in on.of(x) if a.source is source] for x in parts]
        if any(i is None for indices in each for i in indices):
            found.append(Access(source, None))
            continue
        for row in itertools.zip_longest(*each):
            indices = [pt.broadcast_to(pt.constant(np.int64(-1)) if i is None else i, x.shape) for i, x in zip(row, parts)]
            found.append(Access(source, _folded(put(indices))))
    return found


def _rows(on: Dependence, node: Any, numbers: Sequence[Any], start: int, rank: int) -> list[Access]:
    """What depends on the rows that are taken: on their numbers, along the axes that these have in the result."""
    found = []
    for x in numbers:
        for a in on.of(x):
            behind = node.type.ndim - start - rank
            if a.element is not None:
                lead = start + rank - a.element.ndim
                a = Access(a.source, pt.expand_dims(a.element, (*range(lead), *range(start + rank, start + rank + behind))))
            found.append(a)
    return found


def _of_a_table(on: Dependence, table: Any, node: Any, axes: Sequence[int]) -> list[Access]:
    """A table's elements that may be taken, where it is not known which rows are: all along its axes that are indexed."""
    found = []
    for a in on.of(table):
        for made in on.over_axes(a, axes, node.type.ndim):
            rest = None if made.element is None else made.element
            if rest is not None and any(n != 1 for n in rest.type.shape):
                return [Access(a.source, None) for a in on.of(table)]
            found.append(Access(a.source, None if rest is None else pt.reshape(rest, (1,) * node.type.ndim)))
    return found


def _take(on: Dependence, node: Any) -> list[Access]:
    x, index = node.inputs
    if not on.of(index):
        return _moved(on, node)
    return [*_rows(on, node, [index], 0, index.type.ndim), *_of_a_table(on, x, node, (0,))]


def _index(on: Dependence, node: Any) -> list[Access] | None:
    x, *others = node.inputs
    if not any(on.of(o) for o in others):
        return _moved(on, node)
    if any(e[0] == "flag" for e in node.op.key):
        return None
    arrays = [others[e[1]] for e in node.op.key if e[0] == "array"]
    if any(on.of(o) for o in others if not any(o is a for a in arrays)):
        return None
    layout = layout_of(node.op.key, x.type, [o.type for o in others], [0] * len(others))
    axes = [axis for axis, (kind, *_) in enumerate(layout.axes) if kind == "array"]
    return [*_rows(on, node, arrays, layout.start, len(layout.together)), *_of_a_table(on, x, node, axes)]


def _gufunc(on: Dependence, node: Any) -> list[Access]:
    """Leading axes stay apart; what an operation does with the last ones may depend on all of their elements."""
    batch = max(x.type.ndim - core for x, core in zip(node.inputs, node.op.cores))
    rank = getattr(node.type, "ndim", batch)
    found = []
    for x, core in zip(node.inputs, node.op.cores):
        for a in on.of(x):
            for made in on.over_axes(a, range(x.type.ndim - core, x.type.ndim), rank):
                if made.element is not None:
                    wide = _widened(made.element, batch)
                    made = Access(made.source, pt.expand_dims(wide, tuple(range(batch, rank))))
                found.append(made)
    return found


def _columns(on: Dependence, node: Any) -> list[Access]:
    """Columns stay apart: those of a product, and of what a system is solved for; and the rows of a product."""
    found = []
    for which, x in enumerate(node.inputs):
        both = x.type.ndim - 2, x.type.ndim - 1
        for a in on.of(x):
            axes = both[:1] if which else both[1:] if isinstance(node.op, MatMul) else both
            for made in on.over_axes(a, axes, node.type.ndim):
                if made.element is not None:
                    made = Access(made.source, _widened(pt.expand_dims(made.element, axes), node.type.ndim))
                found.append(made)
    return found


def _get(on: Dependence, node: Any) -> list[Access]:
    found = []
    for a in on.of(node.inputs[0]):
        if a.element is not None:
            a = Access(a.source, pt.expand_dims(a.element, tuple(range(a.element.ndim, node.type.ndim))))
        found.append(a)
    return found


Rule = Callable[[Dependence, Any], "Sequence[Access] | None"]

RULES: dict[type, Rule] = {
    Elementwise: _elementwise, Annotation: _elementwise, CheckParameters: _checked, Reduce: _reduce,
    BroadcastTo: _broadcast_to, SameLength: _broadcast_to, Reshape: _reshape, Transpose: _transpose, Slice: _moved, Diagonal: _moved,
    Concatenate: _joined, SetSlice: _updated, SetAt: _updated, Take: _take, Index: _index, MatMul: _columns, Solve: _columns, SolveTriangular: _columns,
    Gufunc: _gufunc, Get: _get,
}  # fmt: skip
"""How accesses go through each operation; an element of any other may depend on all of its operands' elements."""


def _rule(op: Any) -> Rule:
    return next((RULES[kind] for kind in type(op).__mro__ if kind in RULES), lambda on, node: None)
