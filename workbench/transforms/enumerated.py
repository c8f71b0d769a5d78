"""Terms of a discrete array's elements, with every state in the place of the array: on a new first axis, summed to its elements."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

import workbench.tensor as pt
from workbench.distributions.constraints import CheckParameters
from workbench.graph.expr import Constant, Expr, intern
from workbench.graph.inner import mapped
from workbench.tensor.elementwise import Cast
from workbench.tensor.indexing.rows import AddAt
from workbench.tensor.markers import Annotation, StopGradient
from workbench.tensor.reduction.reductions import Reduce
from workbench.tensor.shape import Reshape
from workbench.tensor.tensor import Tensor
from workbench.transforms.accesses import Access, Dependence, numbers_of
from workbench.transforms.vectorise import vectorize_graph


class StateSpace(NamedTuple):
    """The states of a discrete array: so many whole numbers in a row, from the lowest of each element."""

    low: Any
    """The lowest, int64, of the array's shape."""
    size: int
    """The most that an element has."""
    there: Any = None
    """Which of them an element has, (size, *shape); ``None`` if all have as many."""
    enough: Any = None
    """Whether they are all that there are, where that follows from data; ``None`` if it is known."""
    last: int | None = None
    """The highest, where there are infinitely many."""

    @property
    def is_cut(self) -> bool:
        return self.last is not None

    def values(self, shape: Sequence[Any]) -> Tensor:
        """Return all states, (size, *shape)."""
        numbers = pt.constant(np.arange(self.size).reshape((self.size, *(1,) * len(shape))))
        every = self.low + numbers
        if self.there is not None:
            # What an element has not is never computed with: its density may be no number.
            every = pt.where(self.there, every, self.low)
        return pt.broadcast_to(every, (self.size, *shape))


def over_states(term: Any, array: Any, states: Tensor) -> Tensor:
    """Return a term with each state in the place of an array: (count, *shape of the term).

    Where parameters are invalid for a state, its density is 0, as in compiled functions.
    """
    return vectorize_graph(unchecked(term), {array: states})  # type: ignore[no-any-return]


def summands(term: Any) -> list[Any]:
    """Return terms whose elements add up to those of a term: the parts of its sums, before they were added.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> x, y = pt.vector("x", 3), pt.vector("y", 2)
    >>> summands(pt.sum(x) - 2.0 * pt.sum(pt.exp(y)))
    [x, -(2.0 * exp(y))]
    """
    op = term.op
    if isinstance(op, Reduce) and op.kind == "sum":
        return summands(term.inputs[0])
    if isinstance(op, Annotation) and not isinstance(op, StopGradient):
        return summands(term.inputs[0])
    if op is pt.negative:
        return [-x for x in summands(term.inputs[0])]
    if op in (pt.add, pt.subtract):
        one, other = (pt.broadcast_to(x, term.shape) if x.type.shape != term.type.shape else x for x in term.inputs)
        return [*summands(one), *((-x for x in summands(other)) if op is pt.subtract else summands(other))]
    if isinstance(op, Cast):
        parts = summands(term.inputs[0])
        return [term] if parts[0] is term.inputs[0] else [pt.cast(x, term.dtype) for x in parts]
    if op in (pt.multiply, pt.divide):
        pairs = (term.inputs, term.inputs[::-1]) if op is pt.multiply else (term.inputs[::-1],)
        for factor, rest in pairs:
            parts = summands(rest) if not factor.ndim else [rest]
            if parts[0] is not rest:
                return [intern(op, (factor, x) if op is pt.multiply else (x, factor)) for x in parts]
    return [term]


def parts_of(term: Any, on: Dependence, array: Any) -> list[Any]:
    """Return a term; or the parts of its sums, where an element of it depends on several elements of an array."""
    accesses = [a for a in on.of(term) if a.source is array]
    return [term] if len(accesses) == 1 and accesses[0].element is not None else summands(term)


def unchecked(term: Any) -> Any:
    """Return a log-density that is minus infinity where parameters are invalid, and no error."""

    def change(node: Expr, inputs: tuple[Any, ...]) -> Expr | None:
        return pt.where(inputs[1], inputs[0], -np.inf) if isinstance(node.op, CheckParameters) else None

    return mapped([term], change)[0]


def summed_to(values: Any, access: Access, shape: Sequence[Any], own: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
    """Return terms of all states, summed to the elements of the array that they depend on.

    Parameters
    ----------
    values
        The terms, (count, *shape of the term).
    access
        Which element each depends on.
    shape
        Of the array, or of its parts that count as one element.
    own
        The numbers of these, where they are not those of the array's elements.

    Returns
    -------
    summed
        (size, *shape).
    rest
        The sum of the terms that depend on no element; ``None`` if all depend on one.
    """
    index: Any = access.element
    count = values.type.shape[0]
    kept = [a for a in range(index.ndim) if index.type.shape[a] != 1]
    summed_axes = tuple(1 + a for a in range(index.ndim) if a not in kept)
    terms = pt.sum(values, axis=summed_axes) if summed_axes else values
    numbers = access.numbers
    order = _in_order(index, kept, numbers_of(access.source) if own is None else own)
    if order is not None:
        return pt.reshape(pt.transpose(terms, (0, *(1 + a for a in order))), (count, *shape)), None
    rows = pt.transpose(pt.reshape(terms, (count, -1)), (1, 0))
    where = pt.reshape(index, (-1,))
    size = math.prod(shape)
    some_depend_on_none = numbers is not None and bool((numbers < 0).any())
    if some_depend_on_none:
        where = pt.where(where < 0, size, where)
    added = intern(AddAt(), (pt.zeros((size + some_depend_on_none, count)), where, rows))
    rest = added[size, 0] if some_depend_on_none else None
    return pt.reshape(pt.transpose(added[:size], (1, 0)), (count, *shape)), rest


def in_order(access: Access) -> bool:
    """Whether the elements of a term, along the axes where it changes, are those of the array, each once."""
    index: Any = access.element
    return _in_order(index, [a for a in range(index.ndim) if index.type.shape[a] != 1], numbers_of(access.source)) is not None


def _in_order(index: Any, kept: Sequence[int], own: Any) -> tuple[int, ...] | None:
    """The order of the axes along which numbers change in which they are an array's own, each once."""
    if not isinstance(index.op, Constant):
        # Of lengths that may change: in their own order, with axes of length 1 between.
        below = index
        while isinstance(below.op, Reshape) and below is not own:
            below = below.inputs[0]
        return tuple(range(len(kept))) if below is own and len(kept) == own.ndim else None
    numbers = index.op.value.reshape([index.type.shape[a] for a in kept])
    if not isinstance(own.op, Constant) or numbers.size != own.size or numbers.ndim > 4:
        return None
    wanted = np.arange(numbers.size)
    return next((o for o in itertools.permutations(range(numbers.ndim)) if np.array_equal(numbers.transpose(o).ravel(), wanted)), None)
