"""Sparse negative second derivatives of a log-density: where they are not zero, and their values from few directions.

The product with one direction gives many columns at once, where no two of them have an element in one row (Curtis, Powell and Reid,
1974). Elements that meet nearly all others, such as an intercept, have a direction of their own and are left out of the others' rows:
the matrix is symmetric.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.inference.approximations.flat_density import FlatDensity
from workbench.inference.approximations.precision import Structure, structure_of

Array = np.ndarray[Any, Any]
PROBES = 2
"""Points at which it is looked for elements that are not zero: at one of them some may be so by chance."""
TINY = 1e-14
"""What is smaller than this share of the largest element of its column is rounding."""
CHECKED = 1e-6


class Hessian:
    """Negative second derivatives of a log-density by some elements of its flat vector.

    Parameters
    ----------
    density
        The density.
    where
        The elements, int64 (n,).
    at
        A point (d,) around which it is looked for what is not zero.

    Attributes
    ----------
    structure
        Where elements are, and in which order they are factored.
    """

    def __init__(self, density: FlatDensity, where: Array, at: Array) -> None:
        self.density, self.where = density, where
        self._probe(at)

    def _probe(self, at: Array) -> None:
        """Find what is not zero, from all columns at points near `at`."""
        n = len(self.where)
        rng = np.random.default_rng(0)
        rows: list[Array] = []
        columns: list[Array] = []
        for turn in range(PROBES):
            q = at if turn == 0 else at + 0.1 * rng.uniform(-1.0, 1.0, len(at))
            direction = np.zeros(len(at))
            for j in range(n):
                direction[self.where[j]] = 1.0
                size = np.abs(self.density.hessian_product(q, direction)[self.where])
                direction[self.where[j]] = 0.0
                # What is no number here may be one elsewhere.
                rows.append(np.flatnonzero(~(size <= TINY * np.nanmax(size, initial=0.0))))
                columns.append(np.full(len(rows[-1]), j))
        self.structure: Structure = structure_of(n, np.concatenate(rows), np.concatenate(columns))
        self._directions = self._coloured()

    def _coloured(self) -> list[tuple[Array, Array, Array]]:
        """Directions, each with the places in `structure` of the elements that its product gives, and their rows in the product."""
        s = self.structure
        in_border = np.zeros(s.size, bool)
        in_border[s.border] = True
        colour = _colours(s, in_border)
        found = []
        for c in range(colour.max(initial=-1) + 1):
            members = colour == c
            direction = np.zeros(self.density.size)
            direction[self.where[members]] = 1.0
            # An element (row, column) below the diagonal is read from the column's product, or the row's if the row is in the border.
            alone = in_border[s.rows] | in_border[s.columns]
            owner = np.where(in_border[s.columns], s.columns, np.where(in_border[s.rows], s.rows, s.columns))
            own = members[owner]
            other = np.where(owner == s.columns, s.rows, s.columns)
            places = np.flatnonzero(own & (alone | ~in_border[owner]))
            found.append((direction, places, self.where[other[places]]))
        return found

    def at(self, q: Array) -> Array:
        """Return the elements at a point, as `structure` has them; looks for others, if a random direction shows that there are some."""
        values = self._values(q)
        if not self._agrees(q, values):
            self._probe(q)
            values = self._values(q)
        return values

    def _values(self, q: Array) -> Array:
        values = np.empty(len(self.structure.rows))
        for direction, places, rows in self._directions:
            values[places] = -self.density.hessian_product(q, direction)[rows]
        return values

    def _agrees(self, q: Array, values: Array) -> bool:
        if not np.isfinite(values).all():
            return True
        v = np.zeros(self.density.size)
        v[self.where] = np.random.default_rng(1).choice([-1.0, 1.0], len(self.where))
        there = -self.density.hessian_product(q, v)[self.where]
        here, most = self.structure.times(values, v[self.where]), self.structure.times(np.abs(values), np.ones(len(self.where)))
        return bool((np.abs(there - here) <= CHECKED * (most + np.max(most, initial=0.0) * 1e-6) + 1e-12).all())

    def slope_of_trace(self, q: Array, weights: Array) -> Array:
        """Return the gradient (d,) at a point of the sum of all elements times constant weights, given as `structure` has them."""
        s = self.structure
        # Elements off the diagonal stand for two.
        doubled = np.where(s.rows == s.columns, weights, 2.0 * weights)
        total = np.zeros(self.density.size)
        for direction, places, rows in self._directions:
            u = np.zeros(self.density.size)
            u[rows] = doubled[places]
            total -= self.density.third(q, u, direction)
        return total


def _colours(s: Structure, in_border: Array) -> Array:
    """Colours of columns: two that share a row outside of the border differ, those of the border are alone."""
    neighbours: list[list[int]] = [[] for _ in range(s.size)]
    for i, j in zip(s.rows.tolist(), s.columns.tolist()):
        if not in_border[i] and not in_border[j]:
            neighbours[i].append(j)
            if i != j:
                neighbours[j].append(i)
    colour = np.full(s.size, -1)
    most = -1
    for j in range(s.size):
        if in_border[j]:
            continue
        taken = {int(colour[k]) for i in neighbours[j] for k in neighbours[i]}
        mine = 0
        while mine in taken:
            mine += 1
        colour[j] = mine
        most = max(most, mine)
    for j in np.flatnonzero(in_border):
        most += 1
        colour[j] = most
    return colour
