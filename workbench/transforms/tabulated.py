"""Terms as tables of all states of the discrete numbers that they depend on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

import workbench.tensor as pt
from workbench.distributions.constraints import CheckParameters
from workbench.graph.expr import Expr
from workbench.tensor.elementwise import Elementwise
from workbench.tensor.gufunc import Gufunc
from workbench.tensor.markers import Annotation
from workbench.tensor.reduction.reductions import Reduce
from workbench.tensor.shape import BroadcastTo, Reshape
from workbench.transforms.accesses import Access, Dependence
from workbench.transforms.enumerated import unchecked
from workbench.transforms.factor_graphs import Table
from workbench.transforms.vectorise import vectorize_graph

Array = np.ndarray[Any, Any]


class NotKnown(Exception):
    """Why a term is no table: which numbers it depends on is not known, or how."""


class Numbered(NamedTuple):
    """A discrete array among those whose elements are numbered one after the other."""

    first: int
    """The number of its first element."""
    states: Any
    """All states, (states, *shape)."""


def elements_of(x: Any, on: Dependence) -> list[Access]:
    """Return the accesses of an expression, each of one element.

    Raises
    ------
    NotKnown
        If the elements follow from data that may be replaced.
    """
    found = []
    for a in on.of(x):
        source: Any = a.source
        if a.element is None:
            found += [Access(source, pt.constant(np.full((1,) * x.type.ndim, i))) for i in range(source.size)]
        elif a.numbers is None:
            raise NotKnown("which of its elements it depends on follows from data that may be replaced")
        else:
            found.append(a)
    return found


def tabulated(term: Any, on: Dependence, arrays: Mapping[Expr, Numbered]) -> list[Table]:
    """Return a term of which each element depends on some elements of discrete arrays as tables.

    Parameters
    ----------
    term
        The term, of known lengths.
    on
        The accesses to the arrays.
    arrays
        Their numbers, and states.

    Raises
    ------
    NotKnown
        If it cannot be.
    """
    term = unchecked(term)
    accesses = elements_of(term, on)
    sizes = [arrays[a.source].states.type.shape[0] for a in accesses]
    values = vectorize_graph(term, dict(_in_states(term, on, accesses, arrays)))
    r, shape = len(accesses), term.type.static_shape
    every = np.broadcast_shapes(*(_known(a).shape for a in accesses))
    over = tuple(r + axis for axis in range(len(shape)) if every[axis] == 1 and shape[axis] != 1)
    values = pt.sum(values, axis=over, keepdims=True) if over else values
    values = pt.transpose(pt.reshape(values, (*sizes, math.prod(every))), (r, *range(r)))
    numbers = [np.broadcast_to(_known(a), every).ravel() for a in accesses]
    scopes = np.stack([np.where(n >= 0, n + arrays[a.source].first, -1) for n, a in zip(numbers, accesses)], axis=1)
    return _regular(values, scopes)


def _known(access: Access) -> Array:
    numbers = access.numbers
    assert numbers is not None
    return numbers


def _regular(values: Any, scopes: Array) -> list[Table]:
    """Tables of terms that depend on each of their numbers once, and on all."""
    first_place = np.where(scopes < 0, -1, (scopes[:, :, None] == scopes[:, None, :]).argmax(2))
    found = []
    for pattern in np.unique(first_place, axis=0):
        rows = np.flatnonzero((first_place == pattern).all(axis=1))
        part = values if len(rows) == len(scopes) else values[rows]
        kept = [k for k, place in enumerate(pattern) if place == k]
        for k in reversed(range(len(pattern))):
            if pattern[k] < 0:
                # It depends on none there: it is the same for all states.
                part = part[(slice(None),) * (1 + k) + (0,)]
            elif pattern[k] != k:
                part = _diagonal(part, 1 + int(pattern[k]), 1 + k)
        if kept:
            found.append(Table(part, scopes[rows][:, kept]))
    return found


def _diagonal(values: Any, one: int, other: int) -> Any:
    """Entries whose indices along two axes are equal; the second axis leaves."""
    rest = [a for a in range(values.ndim) if a not in (one, other)]
    n = values.type.shape[one]
    each = pt.transpose(values, (one, other, *rest))[np.arange(n), np.arange(n)]
    order = [a for a in range(values.ndim) if a != other]
    now = [one, *rest]
    return pt.transpose(each, tuple(now.index(a) for a in order))


# States in the places of arrays ----------------------------------------------------------------------


def _in_states(term: Any, on: Dependence, accesses: Sequence[Access], arrays: Mapping[Expr, Numbered]) -> list[tuple[Expr, Any]]:
    """What lies below a term and depends on one element for each of its own, with each state on the axis of the access."""
    ends: dict[Expr, bool] = {}
    pending: list[tuple[Any, bool]] = [(term, True)]
    seen: set[tuple[Any, bool]] = set()
    while pending:
        node, in_place = pending.pop()
        own = on.of(node)
        if not own or (node, in_place) in seen:
            continue
        seen.add((node, in_place))
        if len(own) == 1 and own[0].element is not None:
            ends[node] = ends.get(node, True) and in_place
        else:
            pending += [(x, in_place and _keeps_places(node, on)) for x in node.inputs]
    return [(node, _on_axes(node, on.of(node)[0], accesses, arrays, in_place)) for node, in_place in ends.items()]


def _keeps_places(node: Any, on: Dependence) -> bool:
    """Whether elements of the result depend on those in the same place, but for axes of length 1."""
    op = node.op
    if isinstance(op, (Elementwise, Annotation, CheckParameters, BroadcastTo)):
        return True
    if isinstance(op, Reshape):
        kept = [n for n in node.inputs[0].type.shape if n != 1]
        return kept == [n for n in node.type.shape if n != 1]
    elements = [a.element for x in node.inputs for a in on.of(x)]
    if any(e is None for e in elements):
        return False
    if isinstance(op, Reduce):
        return all(e.type.shape[axis] == 1 for e in elements for axis in op.axes)  # type: ignore[union-attr]
    if isinstance(op, Gufunc):
        cores = [core for x, core in zip(node.inputs, op.cores) for _ in on.of(x)]
        return all(n == 1 for e, core in zip(elements, cores) for n in (e.type.shape[e.ndim - core :] if core else ()))  # type: ignore[union-attr]
    return False


def _on_axes(node: Any, own: Access, accesses: Sequence[Access], arrays: Mapping[Expr, Numbered], in_place: bool) -> Any:
    """An expression for all states of the element that it depends on, along the axes of the accesses that this is one of."""
    source, index = own.source, _known(own)
    states = vectorize_graph(node, {source: arrays[source].states})
    mine = [(axis, _known(a)) for axis, a in enumerate(accesses) if a.source is source]
    sets = [np.unique(n) for _, n in mine]
    if sum(map(len, sets)) == len(np.unique(np.concatenate(sets))):
        found: Any = None
        for (axis, _), numbers in zip(mine, sets):
            here = np.isin(index, numbers)
            part = _spread(states, axis, len(accesses))
            found = part if found is None or here.all() else pt.where(pt.constant(here), part, found)
        return found
    if in_place:
        for alike in (_alike, _alike_but_for_units):
            same = [axis for axis, n in mine if alike(n, index)]
            if len(same) == 1:
                return _spread(states, same[0], len(accesses))
    raise NotKnown("how an element of it depends on several of its elements is not followed through the operations")


def _alike(one: Array, other: Array) -> bool:
    """Whether numbers are the same, with axes of length 1 in front."""
    rank = max(one.ndim, other.ndim)
    one, other = (x.reshape((1,) * (rank - x.ndim) + x.shape) for x in (one, other))
    return one.shape == other.shape and bool((one == other).all())


def _alike_but_for_units(one: Array, other: Array) -> bool:
    return _alike(*(x.reshape([n for n in x.shape if n != 1]) for x in (one, other)))


def _spread(states: Any, axis: int, rank: int) -> Any:
    """States along one of so many new first axes."""
    return pt.expand_dims(states, tuple(a for a in range(rank) if a != axis))
