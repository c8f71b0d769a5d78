"""The Kalman filter as a graph, for any linear system of normal states: one filter for chains, Matérn processes and state spaces.

A matrix is written by its entries that are not zero. What is known to be zero or one costs nothing: a step of few states is straight code
of scalars, one of many is operations on arrays that gather what a row needs. Observations are taken one at a time, which needs no inverse.

The start may be *diffuse*: flat along some of the states. What is seen is then linear in the unknown start: means have a column for
each, and the flat start is integrated over at the end. It is exact, and the same however much variance the filter gives these states
to begin with, as a flat density stays flat.

Sources: Durbin and Koopman, "Time Series Analysis by State Space Methods" (2012), sections 4.3, 5.7, 6.4; de Jong, "The diffuse
Kalman filter" (1991).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

import workbench.tensor as pt
from workbench.graph.expr import Constant
from workbench.tensor.tensor import Tensor

LOG_2PI = math.log(2.0 * math.pi)
MOST_SCALARS = 14
"""So many states are scalars of straight code; more are arrays."""

Row = Mapping[int, Any]
"""Entries of a vector that are not zero, by their number."""
Entries = Mapping[tuple[int, int], Any]
"""Entries of a matrix that are not zero, by row and column. Each is a number or a tensor."""


class System(NamedTuple):
    """A step of a linear system: ``y = Z x + d + noise(H)``, then ``x = T x + c + noise(W)``.

    Attributes
    ----------
    transition, intercept
        T and c.
    noise
        W, both triangles.
    design, shift
        The rows of Z; and d.
    variances
        H: both triangles where errors are correlated, else the diagonal.
    """

    transition: Entries
    intercept: Row
    noise: Entries
    design: Sequence[Row]
    shift: Row
    variances: Entries

    @property
    def correlated(self) -> bool:
        """Whether errors of what is seen at a time depend on one another."""
        return any(i != j for i, j in self.variances)


class Update(NamedTuple):
    """What is seen of a number whose variance is known: how much is learned.

    Attributes
    ----------
    weight
        By which what is new counts: 1 over its variance; 0 where nothing is seen.
    kept
        What is left of the number's variance, as a part of it.
    """

    weight: Any
    kept: Any


class Filtered(NamedTuple):
    """What a filter finds, with the time in front.

    Attributes
    ----------
    news
        For each number that is seen, what is new in it: ``(time, columns, numbers, ...)``. The first column is of the data, the others
        of the diffuse states.
    weight, variance
        1 over the variance of what is new, 0 where nothing is seen; and the variance, 1 there: ``(time, numbers, ...)``.
    across
        The covariance of the states with each number when it is seen.
    means, cov
        Of the states before what is seen at the time, and after all times: means ``(time + 1, columns, ...)``.
    after, after_cov
        The same after what is seen.
    """

    news: Any
    weight: Any
    variance: Any
    across: Any
    means: Any
    cov: Any
    after: Any
    after_cov: Any


def total(terms: Any) -> Any:
    """The sum of some terms, of which none is a zero that someone put there; ``None`` for none."""
    found: Any = None
    for x in terms:
        found = x if found is None else found + x
    return found


def times(a: Any, x: Any) -> Any:
    """A product; by a number that is 1, the other factor."""
    if isinstance(a, (int, float)) and a == 1:
        return x
    if isinstance(a, (int, float)) and a == -1:
        return -x
    return a * x


class Scalars:
    """States as scalars: a mean is a list of d numbers, a covariance one of those of its lower triangle."""

    def __init__(self, d: int) -> None:
        self.d = d
        self.below = [(i, j) for i in range(d) for j in range(i + 1)]
        self.at = {(i, j): k for k, (i, j) in enumerate(self.below)} | {(j, i): k for k, (i, j) in enumerate(self.below)}

    def start(self, means: Sequence[Tensor], cov: Tensor) -> list[Any]:
        """What is carried, of arrays ``(..., d)`` and ``(..., d, d)``."""
        return [*(m[..., i] for m in means for i in range(self.d)), *(cov[..., i, j] for i, j in self.below)]

    def open(self, carried: Sequence[Any], columns: int) -> tuple[list[Any], Any]:
        """Means and covariance of what is carried."""
        d = self.d
        return [list(carried[k * d : (k + 1) * d]) for k in range(columns)], list(carried[columns * d :])

    def close(self, means: Sequence[Any], cov: Any) -> list[Any]:
        """What is carried, of means and covariance."""
        return [*(x for m in means for x in m), *cov]

    def names(self, columns: int) -> list[str]:
        return [*(f"state{i}" if not k else f"diffuse{k}_{i}" for k in range(columns) for i in range(self.d)), *(f"cov{i}_{j}" for i, j in self.below)]

    def dot(self, row: Row, m: Any) -> Any:
        return total(times(a, m[j]) for j, a in row.items())

    def across(self, row: Row, cov: Any) -> Any:
        return [total(times(a, cov[self.at[i, j]]) for j, a in row.items()) for i in range(self.d)]

    def moved(self, m: Any, across: Any, by: Any) -> Any:
        return [x + a * by for x, a in zip(m, across)]

    def narrowed(self, cov: Any, across: Any, update: Update, own: int | None) -> Any:
        gain = [a * update.weight for a in across]
        found = []
        for x, (i, j) in zip(cov, self.below):
            # What is seen itself keeps its digits: it is divided, not subtracted from.
            found.append(x * update.kept if own in (i, j) else x - across[i] * gain[j])
        return found

    def ahead(self, system: System, means: Sequence[Any], cov: Any) -> tuple[list[Any], Any]:
        rows = rows_of(system.transition, self.d)
        zero = means[0][0] * 0.0 if any(not row for row in rows) else 0.0
        moved = [[zero if not rows[i] else self.dot(rows[i], m) for i in range(self.d)] for m in means]
        moved[0] = [x + system.intercept[i] if i in system.intercept else x for i, x in enumerate(moved[0])]
        half = [[self.dot(rows[i], [cov[self.at[j, k]] for j in range(self.d)]) for k in range(self.d)] if rows[i] else [None] * self.d for i in range(self.d)]
        wide = []
        for i, j in self.below:
            x = self.dot(rows[j], half[i]) if rows[i] and rows[j] else None
            w = system.noise.get((i, j))
            both = [y for y in (x, w) if y is not None]
            wide.append(total(both) if both else zero)
        return moved, wide

    def extended(self, system: System, means: Sequence[Any], cov: Any) -> tuple[Scalars, list[Any], Any]:
        """With what is seen, its errors included, in front of the states."""
        p, d = len(system.design), self.d
        wide = Scalars(p + d)
        seen = [self.across(row, cov) for row in system.design]
        found = []
        for i, j in wide.below:
            if i < p:
                x = self.dot(system.design[i], seen[j])
                found.append(x + system.variances[i, j] if (i, j) in system.variances else x)
            else:
                found.append(seen[j][i - p] if j < p else cov[self.at[i - p, j - p]])
        return wide, [[*(self.dot(row, m) for row in system.design), *m] for m in means], found

    def narrow(self, p: int, means: Sequence[Any], cov: Any) -> tuple[list[Any], Any]:
        """The states alone again."""
        wide = Scalars(self.d + p)
        return [m[p:] for m in means], [cov[wide.at[i + p, j + p]] for i, j in self.below]

    def vector(self, m: Any) -> Tensor:
        return pt.stack(m, axis=-1)

    def matrix(self, cov: Any) -> Tensor:
        return pt.stack([pt.stack([cov[self.at[i, j]] for j in range(self.d)], axis=-1) for i in range(self.d)], axis=-2)


class Arrays:
    """States as arrays: a mean ``(..., d)``, a covariance ``(..., d, d)``."""

    def __init__(self, d: int) -> None:
        self.d = d

    def start(self, means: Sequence[Tensor], cov: Tensor) -> list[Any]:
        return [*means, cov]

    def open(self, carried: Sequence[Any], columns: int) -> tuple[list[Any], Any]:
        return list(carried[:columns]), carried[columns]

    def close(self, means: Sequence[Any], cov: Any) -> list[Any]:
        return [*means, cov]

    def names(self, columns: int) -> list[str]:
        return [*("states" if not k else f"diffuse{k}" for k in range(columns)), "cov"]

    def dot(self, row: Row, m: Any) -> Any:
        return total(times(a, m[..., j]) for j, a in row.items())

    def across(self, row: Row, cov: Any) -> Any:
        return total(times(wide(a, 1), cov[..., j]) for j, a in row.items())

    def moved(self, m: Any, across: Any, by: Any) -> Any:
        return m + across * by[..., None]

    def narrowed(self, cov: Any, across: Any, update: Update, own: int | None) -> Any:
        less = cov - across[..., :, None] * (across * update.weight[..., None])[..., None, :]
        if own is None:
            return less
        share, here = across * update.kept[..., None], np.arange(self.d) == own
        return pt.where(here[:, None], share[..., None, :], pt.where(here, share[..., :, None], less))

    def ahead(self, system: System, means: Sequence[Any], cov: Any) -> tuple[list[Any], Any]:
        by = Gathered(system.transition, self.d)
        moved = [by.of_rows(m[..., None])[..., 0] for m in means]
        if system.intercept:
            moved[0] = moved[0] + vector_of(system.intercept, self.d)
        half = by.of_rows(cov)
        wide = pt.swapaxes(by.of_rows(pt.swapaxes(half, -1, -2)), -1, -2)
        return moved, wide + matrix_of(system.noise, self.d) if system.noise else wide

    def extended(self, system: System, means: Sequence[Any], cov: Any) -> tuple[Arrays, list[Any], Any]:
        p = len(system.design)
        seen = pt.stack([self.across(row, cov) for row in system.design], axis=-2)
        corner = pt.stack([total(times(wide(a, 1), seen[..., j]) for j, a in row.items()) for row in system.design], axis=-2)
        corner = corner + matrix_of(system.variances, p)
        upper = pt.concatenate([corner, seen], axis=-1)
        lower = pt.concatenate([pt.swapaxes(seen, -1, -2), cov], axis=-1)
        longer = [pt.concatenate([pt.stack([self.dot(row, m) for row in system.design], axis=-1), m], axis=-1) for m in means]
        return Arrays(p + self.d), longer, pt.concatenate([upper, lower], axis=-2)

    def narrow(self, p: int, means: Sequence[Any], cov: Any) -> tuple[list[Any], Any]:
        return [m[..., p:] for m in means], cov[..., p:, p:]

    def vector(self, m: Any) -> Tensor:
        found: Tensor = m
        return found

    matrix = vector


class Gathered:
    """Products by a matrix that has few entries a row: rows are gathered; those of rows with many entries are summed."""

    def __init__(self, entries: Entries, d: int, most: int = 2) -> None:
        rows = rows_of(entries, d)
        self.d, self.layers = d, []
        self.heavy = [i for i, row in enumerate(rows) if len(row) > most]
        light = [{} if i in self.heavy else row for i, row in enumerate(rows)]
        for k in range(max((len(row) for row in light), default=0)):
            chosen = [list(row.items())[k] if len(row) > k else (i, 0.0) for i, row in enumerate(light)]
            self.layers.append(([j for j, _ in chosen], vector_of({i: a for i, (_, a) in enumerate(chosen)}, d)))
        self.rest = matrix_of({(n, j): a for n, i in enumerate(self.heavy) for j, a in rows[i].items()}, (len(self.heavy), d)) if self.heavy else None

    def of_rows(self, x: Any) -> Any:
        """The product with a matrix ``(..., d, n)``."""
        parts = [x[..., at, :] * by[..., :, None] for at, by in self.layers]
        if self.rest is not None:
            sums = pt.matmul(self.rest, x)
            place = [self.heavy.index(i) if i in self.heavy else len(self.heavy) for i in range(self.d)]
            parts.append(pt.concatenate([sums, pt.zeros_like(sums[..., :1, :])], axis=-2)[..., place, :])
        return total(parts)


def wide(a: Any, axes: int) -> Any:
    """A number, or a tensor with some more axes."""
    return a[(..., *(None,) * axes)] if isinstance(a, Tensor) and a.ndim else a


def rows_of(entries: Entries, d: int) -> list[dict[int, Any]]:
    """The rows of a matrix that is written by its entries."""
    rows: list[dict[int, Any]] = [{} for _ in range(d)]
    for (i, j), a in entries.items():
        rows[i][j] = a
    return rows


def vector_of(row: Row, d: int) -> Tensor:
    """A vector of its entries."""
    if not any(isinstance(a, Tensor) for a in row.values()):
        return pt.constant(np.array([float(row.get(i, 0.0)) for i in range(d)]))
    return pt.stack(pt.broadcast_arrays(*(pt.as_tensor(row.get(i, 0.0)) for i in range(d))), axis=-1)


def matrix_of(entries: Entries, shape: Any) -> Tensor:
    """A matrix of its entries."""
    n, d = (shape, shape) if isinstance(shape, int) else shape
    rows = rows_of(entries, n)
    if not any(isinstance(a, Tensor) for a in entries.values()):
        return pt.constant(np.array([[float(row.get(j, 0.0)) for j in range(d)] for row in rows]).reshape(n, d))
    fixed = sorted({float(a) for a in entries.values() if not isinstance(a, Tensor)} | {0.0})
    at = {k: len(fixed) + n for n, k in enumerate(k for k, a in entries.items() if isinstance(a, Tensor))}
    values = pt.stack(pt.broadcast_arrays(*(pt.as_tensor(a) for a in (*fixed, *(entries[k] for k in at)))), axis=-1)
    place = [at[i, j] if (i, j) in at else fixed.index(float(rows[i].get(j, 0.0))) for i in range(n) for j in range(d)]
    return pt.reshape(values[..., place], (*values.shape[:-1], n, d))


def layout_of(d: int) -> Any:
    """How d states are written."""
    return Scalars(d) if d <= MOST_SCALARS else Arrays(d)


def seen_with(variance: Any, error: Any, there: Any) -> Update:
    """What is learned of a number from a value with normal error; `there` says whether it is seen, ``None`` that it is."""
    if there is None:
        return Update(1.0 / variance, error / variance)
    whole = pt.where(there, variance, 1.0)
    return Update(pt.where(there, 1.0 / whole, 0.0), pt.where(there, error / whole, 1.0))


def filtered(
    at: Callable[..., System], means: Sequence[Tensor], cov: Tensor, y: Tensor, moving: Sequence[Tensor] = (), keep: bool = False, layout: Any = None
) -> Filtered:
    """Run the filter over times.

    Parameters
    ----------
    at
        The system at a time, given the elements of `moving`.
    means, cov
        Of the states at the first time: columns ``(..., d)``, of which those after the first are of diffuse states, and ``(..., d, d)``.
    y
        What is seen, NaN where it is not, ``(time, numbers, ...)``.
    moving
        What changes from time to time, with the time in front.
    keep
        Whether to give the states, not only what is new.
    layout
        Of the states; by their number if not given.
    """
    columns, d = len(means), means[0].type.shape[-1]
    layout = layout_of(d) if layout is None else layout
    masked = not (isinstance(y.op, Constant) and not np.isnan(y.op.value).any())
    there = pt.logical_not(pt.isnan(y))
    values = [pt.where(there, y, 0.0), there] if masked else [y]

    def body(*given: Any) -> tuple[list[Any], list[Any]]:
        now, (value, *elements) = given[:width], given[width:]
        sees: Any = elements.pop(0) if masked else None
        system = at(*elements)
        m, c = layout.open(now, columns)
        before = [m, c]
        space = layout
        p, correlated = len(system.design), system.correlated
        if correlated:
            space, m, c = layout.extended(system, m, c)
        news, weights, spreads, reached = [], [], [], []
        for i, row in enumerate(system.design):
            row, error = ({i: 1.0}, 0.0) if correlated else (row, system.variances.get((i, i), 0.0))
            across = space.across(row, c)
            variance = space.dot(row, across) + error
            update = seen_with(variance, error, sees[i] if masked else None)
            expected = [space.dot(row, x) for x in m]
            if i in system.shift:
                expected[0] = expected[0] + system.shift[i]
            new = [value[i] - expected[0], *(-x for x in expected[1:])]
            if masked:
                new = [pt.where(sees[i], x, 0.0) for x in new]
            m = [space.moved(x, across, update.weight * v) for x, v in zip(m, new)]
            own = next(iter(row)) if len(row) == 1 and not isinstance(next(iter(row.values())), Tensor) and next(iter(row.values())) == 1 else None
            c = space.narrowed(c, across, update, own)
            news += new
            weights.append(update.weight)
            spreads.append(pt.where(sees[i], variance, 1.0) if masked else variance)
            reached.append(across)
        if correlated:
            m, c = layout.narrow(p, m, c)
        out = [*news, *weights, *spreads]
        if keep:
            gains = pt.stack([space.vector(a) for a in reached])
            out += [gains, pt.stack([layout.vector(x) for x in before[0]]), layout.matrix(before[1]), pt.stack([layout.vector(x) for x in m]), layout.matrix(c)]
        return layout.close(*layout.ahead(system, m, c)), out

    start = layout.start(means, cov)
    width = len(start)
    last, made = pt.scan(body, start, [*values, *moving], names=layout.names(columns))
    p = (len(made) - 5 * keep) // (columns + 2)
    news = pt.stack([pt.stack(made[k : p * columns : columns], axis=1) for k in range(columns)], axis=1)
    weight, variance = (pt.stack(made[p * n : p * (n + 1)], axis=1) for n in (columns, columns + 1))
    if not keep:
        return Filtered(news, weight, variance, None, None, None, None, None)
    across, before, before_cov, after, after_cov = made[-5:]
    m, c = layout.open(last, columns)
    end, end_cov = pt.stack([layout.vector(x) for x in m]), layout.matrix(c)
    return Filtered(
        news, weight, variance, across,
        pt.concatenate([before, end[None]]), pt.concatenate([before_cov, end_cov[None]]), after, after_cov,
    )  # fmt: skip


def log_terms(found: Filtered) -> Tensor:
    """The log-density of each number that is seen, given those before, ``(time, numbers, ...)``; diffuse states count as known."""
    seen = found.weight > 0.0
    return pt.where(seen, -0.5 * (LOG_2PI + pt.log(found.variance) + found.news[:, 0] ** 2 * found.weight), 0.0)


class Flat(NamedTuple):
    """What is known of diffuse states: their precision, their mean, and what integrating over them adds to the log-density."""

    precision: Any
    mean: Any
    term: Any


def diffuse_of(found: Filtered) -> Flat:
    """What is known of the diffuse states at the end; the density is its limit times the square root of the flat prior's variance for each."""
    news = pt.moveaxis(found.news, (0, 1, 2), (-1, -3, -2))
    flat = pt.reshape(news, (*news.shape[:-2], -1))
    weight = pt.moveaxis(found.weight, (0, 1), (-1, -2))
    by = pt.reshape(weight, (*weight.shape[:-2], -1))[..., None, :]
    data, rest = flat[..., :1, :], flat[..., 1:, :]
    precision = pt.matmul(rest * by, pt.swapaxes(rest, -1, -2))
    slope = pt.matmul(rest * by, pt.swapaxes(data, -1, -2))[..., 0]
    factor = pt.linalg.cholesky(precision)
    half = pt.linalg.solve_triangular(factor, slope, lower=True)
    mean = -pt.linalg.solve_triangular(factor, half, lower=True, trans=1)
    log_det = pt.sum(pt.log(pt.diagonal(factor, axis1=-2, axis2=-1)), axis=-1)
    return Flat(precision, mean, 0.5 * pt.sum(half * half, axis=-1) - log_det)
