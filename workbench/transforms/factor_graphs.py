"""Sums over all states of many discrete numbers whose joint density is a product of terms of few of them: variable elimination.

The numbers are the vertices of a graph, terms join those that they depend on. A number is summed out by adding up the terms that it is
in, as a table of its states and its neighbours', and summing over its own: what is left is a term of its neighbours (Zhang and Poole,
1994). The order decides what that costs. Here it is that of least tables, and numbers that are not joined, with tables of one form,
are summed out together, in one operation on arrays: a tree takes as many rounds as it is deep.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

import workbench.tensor as pt
from workbench.graph.expr import intern
from workbench.tensor.indexing.rows import AddAt

Array = np.ndarray[Any, Any]
Scope = tuple[int, ...]

FEW_ROUNDS = 48
"""So many rounds are taken in the order of least tables; beyond, larger tables are taken for fewer rounds."""


class Table(NamedTuple):
    """Terms of one form: for each row, the logarithms for all states of the numbers that it depends on."""

    values: Any
    """(rows, states of the first, states of the second, ...)."""
    scopes: Array
    """Which numbers, (rows, how many)."""


class Round(NamedTuple):
    """Numbers summed out together."""

    numbers: Array
    """Which, (rows,)."""
    neighbours: Array
    """Those that they are joined with, (rows, how many)."""
    joint: Any
    """All terms that they were in, (rows, own states, states of the first neighbour, ...)."""


class Elimination(NamedTuple):
    """The logarithm of the sum over all states, and how it was made."""

    parts: Any
    """Of each connected part of the graph, in the order of its first number."""
    rounds: list[Round]


class Order(NamedTuple):
    """Which numbers are summed out together, with their neighbours then."""

    rounds: list[list[tuple[int, Scope]]]
    cost: int
    """Elements of all tables."""


def order_of(scopes: Iterable[Scope], sizes: Array, slack: int = 1) -> Order:
    """Return an order of elimination: in each round numbers of the least tables, or of up to `slack` times that, none joined with another.

    Examples
    --------
    A star: its ends first, together.

    >>> order_of([(0, 1), (0, 2), (0, 3)], np.full(4, 2)).rounds
    [[(1, (0,)), (2, (0,)), (3, (0,))], [(0, ())]]
    """
    joined: dict[int, set[int]] = {i: set() for i in range(len(sizes))}
    for scope in scopes:
        for i in scope:
            joined[i].update(scope)
            joined[i].discard(i)
    size = {i: int(k) for i, k in enumerate(sizes)}
    weights = {i: size[i] * math.prod(size[j] for j in joined[i]) for i in joined}
    rounds, cost = [], 0
    while weights:
        most = slack * min(weights.values())
        taken: dict[int, Scope] = {}
        blocked: set[int] = set()
        for i in sorted((i for i, w in weights.items() if w <= most), key=lambda i: weights[i]):
            if i not in blocked:
                taken[i] = tuple(sorted(joined[i]))
                blocked |= joined[i]
        changed: set[int] = set()
        for i, around in taken.items():
            cost += weights.pop(i)
            for j in around:
                joined[j].update(around)
                joined[j] -= {i, j}
            del joined[i]
            changed.update(around)
        for j in changed - taken.keys():
            weights[j] = size[j] * math.prod(size[k] for k in joined[j])
        rounds.append(sorted(taken.items()))
    return Order(rounds, cost)


def best_order(scopes: Sequence[Scope], sizes: Array) -> Order:
    """Return the order of least tables; one of fewer rounds, if that takes many."""
    found = order_of(scopes, sizes)
    if len(found.rounds) > FEW_ROUNDS:
        other = order_of(scopes, sizes, slack=int(sizes.max()))
        if other.cost <= int(sizes.max()) * found.cost:
            return other
    return found


def eliminate(tables: Sequence[Table], sizes: Array, order: Order | None = None) -> Elimination:
    """Return the logarithm of the sum, over all states of all numbers, of the product of all terms.

    Parameters
    ----------
    tables
        The terms, as logarithms.
    sizes
        How many states each number has, (numbers,).
    order
        The order; the best one by default.

    Examples
    --------
    Two coins that like to agree, by a factor of 3: 3 + 1 + 1 + 3.

    >>> alike = Table(pt.log(pt.constant([[[3.0, 1.0], [1.0, 3.0]]])), np.array([[0, 1]]))
    >>> round(float(pt.exp(eliminate([alike], np.array([2, 2])).parts[0]).eval()), 12)
    8.0
    """
    live = _Live(sizes)
    for table in tables:
        live.add(table)
    chosen = order or best_order([tuple(s) for t in tables for s in np.unique(t.scopes, axis=0).tolist()], sizes)
    rounds: list[Round] = []
    ends: list[tuple[Array, Any]] = []
    for taken in chosen.rounds:
        made = []
        for numbers, neighbours, joint in live.joints(taken):
            rounds.append(Round(numbers, neighbours, joint))
            left = pt.logsumexp(joint, axis=1)
            if neighbours.shape[1]:
                made.append(Table(left, neighbours))
            else:
                ends.append((numbers, left))
        live.remove([i for i, _ in taken])
        for table in made:
            live.add(table)
    first = _first_numbers([tuple(s) for t in tables for s in t.scopes.tolist()], len(sizes))
    numbers = np.concatenate([n for n, _ in ends])
    parts = pt.concatenate([x for _, x in ends]) if len(ends) > 1 else ends[0][1]
    order_of_parts = np.argsort(first[numbers], kind="stable")
    parts = parts if np.array_equal(order_of_parts, np.arange(len(numbers))) else parts[order_of_parts]
    return Elimination(parts, rounds)


def _first_numbers(scopes: Sequence[Scope], n: int) -> Array:
    """The first number of the connected part that each is in."""
    above = list(range(n))

    def root(i: int) -> int:
        while above[i] != i:
            above[i] = above[above[i]]
            i = above[i]
        return i

    for scope in scopes:
        roots = [root(i) for i in scope]
        for r in roots:
            above[r] = min(roots)
    return np.array([root(i) for i in range(n)])


class _Live:
    """The terms that there are while numbers are summed out: of the same numbers, one."""

    def __init__(self, sizes: Array) -> None:
        self.sizes = sizes
        self.tables: dict[Scope, tuple[Any, dict[Scope, int]]] = {}
        """By the numbers of states: all rows, and the row of each scope."""
        self.of: dict[int, set[Scope]] = {}
        self.waiting: dict[Scope, list[tuple[Any, list[Scope]]]] = {}

    def add(self, table: Table) -> None:
        """Add terms; each scope is put in order."""
        orders = np.argsort(table.scopes, axis=1, kind="stable")
        for order in np.unique(orders, axis=0):
            rows = np.flatnonzero((orders == order).all(axis=1))
            scopes = table.scopes[rows][:, order]
            values = table.values if len(rows) == len(orders) else table.values[rows]
            values = pt.transpose(values, (0, *(1 + order)))
            for sizes in np.unique(self.sizes[scopes], axis=0):
                same = np.flatnonzero((self.sizes[scopes] == sizes).all(axis=1))
                part = values if len(same) == len(scopes) else values[same]
                self.waiting.setdefault(tuple(sizes.tolist()), []).append((part, list(map(tuple, scopes[same].tolist()))))
        for scope in map(tuple, np.sort(table.scopes, axis=1).tolist()):
            for i in scope:
                self.of.setdefault(i, set()).add(scope)

    def remove(self, numbers: Iterable[int]) -> None:
        for i in numbers:
            for scope in self.of.pop(i, set()):
                for j in scope:
                    if j in self.of:
                        self.of[j].discard(scope)
                self.tables[tuple(self.sizes[list(scope)].tolist())][1].pop(scope, None)

    def _merge(self) -> None:
        """Add up the terms of the same numbers."""
        for form, parts in self.waiting.items():
            values, rows = self.tables.get(form, (None, {}))
            if rows:
                parts = [(values[np.array(list(rows.values()))], list(rows)), *parts]
            place = {s: i for i, s in enumerate(dict.fromkeys(s for _, own in parts for s in own))}
            # Added up in memory: what is read from it next is not computed again for each reader.
            together: Any = pt.zeros((len(place), *form))
            for part, own in parts:
                together = intern(AddAt(), (together, pt.constant(np.array([place[s] for s in own])), part))
            self.tables[form] = together, place
        self.waiting = {}

    def joints(self, taken: Sequence[tuple[int, Scope]]) -> list[tuple[Array, Array, Any]]:
        """The sums of the terms of some numbers, those with terms of one form together."""
        self._merge()
        alike: dict[Any, list[tuple[int, Scope, list[int]]]] = {}
        for i, joined in taken:
            neighbours = tuple(sorted(joined, key=lambda j: (self.sizes[j], j)))
            axes = {i: 0, **{j: 1 + k for k, j in enumerate(neighbours)}}
            terms = []
            for scope in self.of.get(i, ()):
                form = tuple(self.sizes[list(scope)].tolist())
                terms.append(((form, tuple(axes[j] for j in scope)), self.tables[form][1][scope]))
            terms.sort()
            shape = tuple(self.sizes[[i, *neighbours]].tolist())
            alike.setdefault((shape, tuple(key for key, _ in terms)), []).append((i, neighbours, [row for _, row in terms]))
        found = []
        for (shape, keys), members in alike.items():
            rows = np.array([r for *_, r in members]).reshape(len(members), len(keys))
            joint: Any = pt.zeros((len(members), *shape))
            for at, (form, axes) in enumerate(keys):
                part = _in_axes(self.tables[form][0][rows[:, at]], axes, len(shape))
                joint = joint + part
            around = np.array([n for _, n, _ in members], int).reshape(len(members), len(shape) - 1)
            found.append((np.array([i for i, *_ in members]), around, joint))
        return found


def _in_axes(values: Any, axes: Sequence[int], ndim: int) -> Any:
    """A table with its axes, but the rows, put at some axes of `ndim`; others have length 1."""
    order = sorted(range(len(axes)), key=lambda k: axes[k])
    moved = pt.transpose(values, (0, *(1 + k for k in order)))
    absent = tuple(1 + a for a in range(ndim) if a not in axes)
    return pt.expand_dims(moved, absent) if absent else moved
