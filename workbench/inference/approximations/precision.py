"""Sparse precision matrices: a band with a border of full rows, factored by Cholesky.

Chains, grids and maps have a narrow band in the order of Cuthill and McKee (reversed); what meets nearly all others, such as an
intercept or a scale, is put last, in the border. A matrix without such an order is all border, which is dense Cholesky.
SciPy's one sparse factorisation is LU, which gives neither draws nor a proof that a matrix is positive definite: see the decision on
nested Laplace approximations.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
NARROWEST_BLOCK = 16
DENSE_SPEED = 8.0
"""How much faster an operation of dense factorisation is than one of a banded one, about."""


@dataclass(frozen=True, eq=False)
class Structure:
    """Where a symmetric matrix is not zero, on and below its diagonal, and the order in which it is factored.

    Attributes
    ----------
    size
        Rows of the matrix.
    rows, columns
        Places of the elements, row >= column, int64.
    inner, border
        Rows within the band, in order, and those in the border.
    band
        Greatest distance of an element of the band from the diagonal.
    """

    size: int
    rows: Array
    columns: Array
    inner: Array
    border: Array
    band: int

    @cached_property
    def places(self) -> tuple[Array, Array]:
        """Rows and columns in the order of factoring, the row never before the column."""
        at = np.empty(self.size, np.int64)
        at[np.concatenate([self.inner, self.border])] = np.arange(self.size)
        i, j = at[self.rows], at[self.columns]
        return np.maximum(i, j), np.minimum(i, j)

    @cached_property
    def order(self) -> Array:
        return np.concatenate([self.inner, self.border])

    def times(self, values: Array, v: Array) -> Array:
        """Return the matrix of these elements times a vector."""
        found = np.bincount(self.rows, values * v[self.columns], self.size)
        off = self.rows != self.columns
        return found + np.bincount(self.columns[off], values[off] * v[self.rows[off]], self.size)

    def dense(self, values: Array) -> Array:
        """Return the matrix of these elements."""
        full = np.zeros((self.size, self.size))
        full[self.rows, self.columns] = values
        full[self.columns, self.rows] = values
        return full

    @cached_property
    def diagonal(self) -> Array:
        """Where the elements of the diagonal are among the elements, (size,)."""
        on = np.flatnonzero(self.rows == self.columns)
        found = np.empty(self.size, np.int64)
        found[self.rows[on]] = on
        return found


def structure_of(size: int, rows: Array, columns: Array) -> Structure:
    """Return the structure of a symmetric matrix that is not zero at some places, in the cheapest order found."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import reverse_cuthill_mckee

    every = np.arange(size)
    low = np.unique(np.maximum(rows, columns) * size + np.minimum(rows, columns))
    low = np.union1d(low, every * size + every)
    i, j = low // size, low % size
    pattern = coo_array((np.ones(2 * len(i), np.int8), (np.r_[i, j], np.r_[j, i])), shape=(size, size)).tocsr()
    degree = np.diff(pattern.indptr)
    best = (size**3 / 3.0 / DENSE_SPEED, every[:0], every, 0)
    for most in sorted({size, *(size >> k for k in range(1, 8) if size >> k >= 4)}, reverse=True):
        border, kept = every[degree > most], every[degree <= most]
        if not len(kept):
            continue
        part = pattern[kept][:, kept].tocsr()
        order = reverse_cuthill_mckee(part, symmetric_mode=True)
        at = np.empty(len(kept), np.int64)
        at[order] = np.arange(len(kept))
        places = part.tocoo()
        band = int(np.abs(at[places.row] - at[places.col]).max(initial=0))
        n, m = len(kept), len(border)
        cost = n * (band + 1.0) ** 2 + n * m * (2.0 * band + m / DENSE_SPEED) + m**3 / 3.0 / DENSE_SPEED
        if cost < best[0]:
            best = (cost, kept[order], border, band)
    _, inner, border, band = best
    return Structure(size, i, j, inner, border, band)


class NotPositiveDefinite(Exception):
    """A matrix that has no Cholesky factor."""


class Factor:
    """The Cholesky factor of a positive definite matrix of some structure.

    Parameters
    ----------
    structure, values
        The matrix.

    Raises
    ------
    NotPositiveDefinite
        If it is not positive definite.
    """

    def __init__(self, structure: Structure, values: Array) -> None:
        from scipy.linalg import lapack

        if not np.isfinite(values).all():
            raise NotPositiveDefinite
        self.structure = s = structure
        n, m = len(s.inner), len(s.border)
        i, j = s.places
        band, low, corner = np.zeros((s.band + 1, n)), np.zeros((n, m)), np.zeros((m, m))
        inner, mixed, outer = i < n, (i >= n) & (j < n), j >= n
        band[i[inner] - j[inner], j[inner]] = values[inner]
        low[j[mixed], i[mixed] - n] = values[mixed]
        corner[i[outer] - n, j[outer] - n] = values[outer]
        self.band = band
        if n:
            self.band, info = lapack.dpbtrf(band, lower=1)
            if info:
                raise NotPositiveDefinite
        self.low = self._solved_band(low)
        if m:
            corner = np.tril(corner) + np.tril(corner, -1).T - (low.T @ self.low if n else 0.0)
            corner, info = lapack.dpotrf(corner, lower=1, clean=1)
            if info:
                raise NotPositiveDefinite
        self.corner = corner

    def _solved_band(self, x: Array) -> Array:
        from scipy.linalg import lapack

        if not x.size:
            return x
        return lapack.dpbtrs(self.band, x, lower=1)[0]  # type: ignore[no-any-return]

    @property
    def log_det(self) -> float:
        """Logarithm of the determinant of the matrix."""
        diagonal = self.band[0] if len(self.structure.inner) else np.empty(0)
        return float(2.0 * (np.log(diagonal).sum() + np.log(np.diag(self.corner)).sum()))

    def solve(self, x: Array) -> Array:
        """Return the inverse of the matrix times a vector (size,), or the columns of a matrix."""
        from scipy.linalg import cho_solve

        s = self.structure
        columns = x.reshape(len(x), -1)
        inner, outer = columns[s.inner], columns[s.border]
        first = self._solved_band(inner)
        if len(s.border):
            outer = cho_solve((self.corner, True), outer - self.low.T @ inner)
            first = first - self.low @ outer
        found = np.empty_like(columns)
        found[s.order] = np.concatenate([first, outer])
        return found.reshape(x.shape)

    def coloured(self, noise: Array) -> Array:
        """Return normal vectors with this precision, from standard normal ones: columns (size, n)."""
        from scipy.linalg import lapack, solve_triangular

        s = self.structure
        n = len(s.inner)
        first, outer = noise[:n], noise[n:]
        if n:
            first = lapack.dtbtrs(self.band, np.asfortranarray(first), uplo="L", trans="T")[0]
        if len(s.border):
            outer = solve_triangular(self.corner, outer, lower=True, trans="T")
            first = first - self.low @ outer
        found = np.empty_like(noise)
        found[s.order] = np.concatenate([first, outer])
        return found

    def inverse(self) -> Array:
        """Return the inverse of the matrix, dense."""
        found = self.solve(np.eye(self.structure.size))
        return (found + found.T) / 2.0  # type: ignore[no-any-return]

    def inverse_elements(self) -> Array:
        """Return the elements of the inverse where the matrix is not zero, as `structure` has them.

        Source: Takahashi, Fagan and Chin, "Formation of a sparse bus impedance matrix" (1973), here by blocks.
        """
        from scipy.linalg import cho_solve

        s = self.structure
        n, m = len(s.inner), len(s.border)
        i, j = s.places
        found = np.zeros(len(i))
        inner, mixed, outer = i < n, (i >= n) & (j < n), j >= n
        if m:
            corner = cho_solve((self.corner, True), np.eye(m))
            found[outer] = corner[i[outer] - n, j[outer] - n]
            spread = self.low @ corner
            found[mixed] = -spread[j[mixed], i[mixed] - n]
            found[inner] = np.einsum("ek,ek->e", spread[i[inner]], self.low[j[inner]])
        if n:
            found[inner] += self._inverse_of_band(i[inner], j[inner])
        return found

    def _inverse_of_band(self, i: Array, j: Array) -> Array:
        """Elements of the inverse of the band's own matrix, near the diagonal."""
        n, width = self.band.shape[1], max(self.structure.band, NARROWEST_BLOCK)
        count = -(-n // width)
        padded = np.zeros((self.band.shape[0], count * width))
        padded[:, :n] = self.band
        padded[0, n:] = 1.0
        a = np.arange(width)
        start = width * np.arange(count)[:, None, None]

        def blocks(below: int) -> Array:
            distance = a[:, None] - a[None, :] + below * width
            inside = (distance >= 0) & (distance < padded.shape[0])
            return np.where(inside, padded[np.where(inside, distance, 0), start + a[None, :]], 0.0)

        inverses = np.linalg.inv(blocks(0))
        steps = blocks(1) @ inverses
        diagonal = np.swapaxes(inverses, 1, 2) @ inverses
        beside = np.zeros_like(diagonal)
        for k in range(count - 2, -1, -1):
            beside[k] = -diagonal[k + 1] @ steps[k]
            diagonal[k] -= steps[k].T @ beside[k]
        own = i // width == j // width
        return np.where(own, diagonal[i // width, i % width, j % width], beside[j // width, i % width, j % width])
