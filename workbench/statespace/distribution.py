"""A linear system of normal states as a distribution of what is seen of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

import workbench.tensor as pt
from workbench.distributions.constraints import Check, CheckParameters
from workbench.distributions.distribution import cast_real
from workbench.distributions.random_walks import Series
from workbench.errors import ModelError, ShapeError
from workbench.graph.expr import intern
from workbench.graph.serialise import NAMED
from workbench.graph.types import Shape
from workbench.statespace.matrices import NAMES, Matrices, Pattern, Start, packed, product, system_of
from workbench.tensor.elementwise import broadcast_shapes
from workbench.tensor.shape import extent
from workbench.tensor.tensor import Tensor
from workbench.transforms.gaussian_filter import (
    LOG_2PI,
    Arrays,
    Filtered,
    System,
    diffuse_of,
    filtered,
    log_terms,
    matrix_of,
    rows_of,
    times,
    total,
)
from workbench.transforms.gaussian_smoother import Smoothed, smoothed


class LinearGaussianStateSpace(Series):
    """What is seen of a linear system of normal states: its density is found by the Kalman filter.

        y[t] = Z x[t] + d + noise,  noise ~ Normal(0, H)
        x[t+1] = T x[t] + c + R shock,  shock ~ Normal(0, Q);  x[0] ~ Normal(a0, P0)

    Parameters
    ----------
    a0, P0
        Mean and covariance of the first states, shapes ``(states,)`` and ``(states, states)``.
    c, d
        Intercepts of states and of what is seen, shapes ``(states,)`` and ``(observed,)``.
    T, Z, R, H, Q
        Transition ``(states, states)``, design ``(observed, states)``, selection ``(states, shocks)``, covariance of errors ``(observed,
        observed)`` and of shocks ``(shocks, shocks)``. With an axis in front each is one for each time.
    steps
        How many times. The shape tells it where given.
    diffuse
        Numbers of states whose start is flat: their variance in `P0` should be 1.
    steady
        Whether the filter begins in its steady state, whatever `P0` is: an approximation, and quicker where states are many. Nothing may be
        missing then.

    Notes
    -----
    Shape ``(time, observed)``, or ``(time,)`` with ``flat=True`` for one observed series. NaN in a value is what was not seen: it is
    integrated over. Entries that are constants of 0 or 1 cost nothing. With diffuse states the log-density is the limit of that with their
    variance growing, plus half its logarithm for each, as in Durbin and Koopman (2012), section 7.2.

    Examples
    --------
    A local level, seen with noise:

    >>> import workbench as pm
    >>> y = pm.statespace.LinearGaussianStateSpace.dist([0.0], [[1.0]], [0.0], [0.0], [[1.0]], [[1.0]], [[1.0]], [[1.0]], [[0.5]], steps=2)
    >>> round(float(pm.logp(y, [[1.0], [2.0]]).eval()), 4)  # y[0] ~ N(0, 2), y[1] ~ N(0.5, 2)
    -3.3435
    """

    event_rank = 2
    missing_as_nan = True
    patterns: ClassVar[tuple[tuple[Any, ...], ...]]
    numbers: ClassVar[tuple[int, int, int]]
    diffuse: ClassVar[tuple[int, ...]] = ()
    flat: ClassVar[bool] = False
    steady: ClassVar[bool] = False

    @classmethod
    def dist(  # type: ignore[override]
        cls, a0: Any, P0: Any, c: Any, d: Any, T: Any, Z: Any, R: Any, H: Any, Q: Any, *, steps: Any = None, diffuse: Sequence[int] = (),
        flat: bool = False, steady: bool = False, shape: Any = None, size: Any = None,
    ) -> Tensor:  # fmt: skip
        mean, cov, transition, design, selection = (cast_real(x) for x in (a0, P0, T, Z, R))
        if mean.ndim < 1 or design.ndim < 2 or selection.ndim < 2:
            raise ShapeError("LinearGaussianStateSpace: a0 is a vector, Z and R are matrices", f"their shapes are {mean.type.shape}, {design.type.shape}, {selection.type.shape}")
        sizes = (mean.type.shape[-1], selection.type.shape[-1], design.type.shape[-2])
        if not all(isinstance(n, int) for n in sizes):
            raise ShapeError("LinearGaussianStateSpace: how many states, shocks and observed series there are must be known", f"a0, R and Z say {sizes}")
        matrices = Matrices(*sizes)  # type: ignore[arg-type]
        for name, value in zip(NAMES, (transition, c, selection, Q, design, d, H)):
            matrices.put(name, cast_real(value))
        if cov.type.shape[-2:] != (sizes[0], sizes[0]):
            raise ShapeError(f"LinearGaussianStateSpace: P0 has shape {cov.type.shape}, there are {sizes[0]} states")
        matrices.start = Start(mean, cov, tuple(int(i) for i in diffuse))
        return cls.of(matrices, steps=steps, flat=flat, shape=shape, size=size, steady=steady)

    @classmethod
    def of(cls, matrices: Matrices, steps: Any = None, flat: bool = False, shape: Any = None, size: Any = None, steady: bool = False) -> Tensor:
        """Return a variable of the system of some matrices.

        Parameters
        ----------
        matrices
            The system.
        steps, shape, size
            How long it is.
        flat
            Whether one observed series has no axis of its own.
        steady
            Whether the filter begins in its steady state.
        """
        start = matrices.start
        assert start is not None
        if steady and (matrices.moving or start.diffuse):
            raise ModelError("a filter has no steady state where matrices change with the time, or the start is diffuse", 'filter_type="standard"')
        if flat and matrices.observed != 1:
            raise ShapeError(f"a state space with {matrices.observed} observed series is a matrix of times and series", "leave flat out")
        given, names, ranks, patterns = [start.mean, start.cov], ["a0", "P0"], [1, 2], []
        for name in NAMES:
            pattern, fixed, moving = packed(matrices[name])
            patterns.append(pattern)
            if fixed:
                given.append(pt.stack(pt.broadcast_arrays(*fixed), axis=-1))
                names.append(name)
                ranks.append(1)
            if moving:
                given.append(pt.stack(pt.broadcast_arrays(*moving), axis=-1))
                names.append(f"{name}[time]")
                ranks.append(2)
        if steps is None and shape is None:
            steps = next((p.type.shape[-2] for p, name in zip(given, names) if name.endswith("[time]")), None)
        made, along = cls.of_length(
            steps, shape, least=0, event_rank=1 if flat else 2, patterns=tuple(p.places for p in patterns), numbers=(matrices.states, matrices.shocks, matrices.observed),
            diffuse=start.diffuse, flat=flat, steady=steady, parameters=tuple(names), ranks=tuple(ranks),
        )  # fmt: skip
        lengths = {p.type.shape[-2] for p, name in zip(given, names) if name.endswith("[time]")}
        if made.length is not None and any(isinstance(n, int) and n != made.length for n in lengths):
            raise ShapeError(f"the state space has {made.length} times, what changes with the time has {', '.join(map(str, sorted(lengths)))}", "give as many rows of data as there are times")
        return made.variable([*map(cast_real, given), *along], shape, size)

    @classmethod
    def event_shape(cls, *parameters: Tensor) -> Shape:
        return (*super().event_shape(*parameters), *(() if cls.flat else (cls.numbers[2],)))

    @classmethod
    def batch_shape(cls, *parameters: Tensor) -> Shape:
        shapes = [p.type.shape[: p.ndim - rank] for p, rank in zip(cls.own(parameters), cls.ranks)]
        return broadcast_shapes(*shapes, what=f"parameters of {cls.__name__}")

    @classmethod
    def checks(cls, *parameters: Tensor) -> list[Check]:
        mean, cov = parameters[:2]
        finite = pt.logical_and(pt.all(pt.isfinite(cov), axis=(-1, -2)), pt.all(pt.isfinite(mean), axis=-1))
        found = [(finite, "there must be a start: the states have no stationary distribution where the transition has an eigenvalue of absolute value 1 or more")]
        if not cls.diffuse:
            found.append((pt.all(pt.diagonal(cov, axis1=-2, axis2=-1) >= 0.0, axis=-1) | pt.logical_not(finite), "P0 must be a covariance: its diagonal has a negative number"))
        return found

    # The system ----------------------------------------------------------------------------------

    @classmethod
    def _kept(cls, parameters: Sequence[Tensor]) -> dict[str, Tensor]:
        return dict(zip(cls.parameters, cls.own(parameters)))

    @classmethod
    def moving(cls, parameters: Sequence[Tensor]) -> list[Tensor]:
        """What changes from time to time, with the time in front: a sequence for each entry."""
        kept = cls._kept(parameters)
        return [pt.moveaxis(x[..., k], -1, 0) for name in NAMES if (x := kept.get(f"{name}[time]")) is not None for k in range(x.type.shape[-1])]

    @classmethod
    def at(cls, parameters: Sequence[Tensor]) -> Any:
        """The system at a time, as a function of the elements of `moving`."""
        kept = cls._kept(parameters)
        of = dict(zip(NAMES, map(Pattern, cls.patterns)))
        noise = None if of["R"].changes() or of["Q"].changes() else product(*(of[n].entries(kept.get(n), None) for n in "RQ"))

        def at(*elements: Any) -> System:
            return system_of(cls.entries(parameters, elements), cls.numbers[2], noise)

        return at

    @classmethod
    def entries(cls, parameters: Sequence[Tensor], elements: Sequence[Any]) -> dict[str, dict[Any, Any]]:
        """The entries of all matrices at a time."""
        kept, rest, found = cls._kept(parameters), list(elements), {}
        for name, pattern in zip(NAMES, map(Pattern, cls.patterns)):
            count = kept[f"{name}[time]"].type.shape[-1] if pattern.changes() else 0
            found[name] = pattern.entries(kept.get(name), rest[:count])
            rest = rest[count:]
        return found

    @classmethod
    def filter(cls, value: Tensor, parameters: Sequence[Tensor], keep: bool = True) -> Filtered:
        """What the filter finds."""
        d = cls.numbers[0]
        y = value[..., None] if cls.flat else value
        batch = broadcast_shapes(y.type.shape[:-2], cls.batch_shape(*parameters), what="a value and the parameters of a state space")
        mean, cov = cls.own(parameters)[:2]
        means = [pt.broadcast_to(mean, (*batch, d)), *(pt.broadcast_to(np.eye(d)[i], (*batch, d)) for i in cls.diffuse)]
        y = pt.moveaxis(pt.broadcast_to(y, (*batch, *y.shape[-2:])) if batch else y, (-2, -1), (0, 1))
        return filtered(cls.at(parameters), means, pt.broadcast_to(cov, (*batch, d, d)), y, cls.moving(parameters), keep)

    @classmethod
    def smooth(cls, value: Tensor, parameters: Sequence[Tensor]) -> Smoothed:
        """What is known of the states given all that is seen."""
        return smoothed(cls.at(parameters), cls.filter(value, parameters), cls.moving(parameters))

    # The density ---------------------------------------------------------------------------------

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        if cls.steady:
            return cls._steady(value, parameters)
        found = cls.filter(value, parameters, keep=False)
        result = pt.sum(log_terms(found), axis=(0, 1))
        if cls.diffuse:
            result = result + diffuse_of(found).term
        holds = pt.all(found.variance > 0.0, axis=(0, 1))
        text = f"{cls.__name__}: the variance of what is seen must be positive, given what was seen before: P0, Q or H is no covariance, or nothing has noise"
        return intern(CheckParameters(text, cls.parameters), (result, holds, *parameters))

    @classmethod
    def _steady(cls, value: Tensor, parameters: Sequence[Tensor]) -> Tensor:
        """The density by the filter that begins in its steady state: a step has no covariance in it."""
        y, mean = value[..., None] if cls.flat else value, parameters[0]
        if cls.batch_shape(*parameters) or y.ndim != 2:
            raise ShapeError("the filter of a steady state takes one series of times", 'filter_type="standard" takes several')
        d, _, p = cls.numbers
        system = cls.at(parameters)()
        transition, errors = matrix_of(system.transition, d), matrix_of(system.variances, p)
        design = matrix_of({(i, j): a for i, row in enumerate(system.design) for j, a in row.items()}, (p, d))
        cov = pt.linalg.solve_discrete_are(transition.T, design.T, matrix_of(system.noise, d), errors)
        factor = pt.linalg.cholesky(pt.dot(design, pt.dot(cov, design.T)) + errors)
        gain = pt.linalg.cho_solve(factor, pt.dot(design, cov), b_ndim=2).T
        rows, known = rows_of(system.transition, d), [system.shift.get(i, 0.0) for i in range(p)]

        def step(*given: Tensor) -> tuple[list[Tensor], list[Tensor]]:
            m, seen = given[:d], given[d]
            new = [seen[i] - total([known[i], *(times(a, m[j]) for j, a in system.design[i].items())]) for i in range(p)]
            after = [m[i] + total([gain[i, k] * new[k] for k in range(p)]) for i in range(d)]
            return [total([system.intercept.get(i, 0.0), *(times(a, after[j]) for j, a in rows[i].items())]) + 0.0 * m[i] for i in range(d)], [pt.stack(new)]

        _, (news,) = pt.scan(step, [mean[i] for i in range(d)], [y], names=[f"state{i}" for i in range(d)])
        white = pt.linalg.solve_triangular(factor, news.T, lower=True, b_ndim=2)
        n = extent(news, 0)
        result = -0.5 * (n * p * LOG_2PI + pt.sum(white * white)) - n * pt.sum(pt.log(pt.diagonal(factor)))
        text = f"{cls.__name__}: there is no steady state of the filter: errors need a variance, and what is not stationary must be seen"
        return intern(CheckParameters(text, cls.parameters), (result, pt.all(pt.isfinite(cov)), *parameters))

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        if cls.diffuse:
            raise ModelError("a state space with a diffuse start has no draws: nothing is known of where it is", 'give the start a distribution, as by initialization="given", or forecast from data')
        steps = shape[-1] if cls.flat else shape[-2]
        batch = shape[:-1] if cls.flat else shape[:-2]
        _, seen = cls.simulate(key, steps, batch, parameters)
        return seen[..., 0] if cls.flat else seen

    @classmethod
    def simulate(cls, key: Tensor, steps: Any, batch: Sequence[Any], parameters: Sequence[Tensor], first: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Draw states ``(..., time, states)`` and what is seen of them ``(..., time, observed)``; from their first states, if these are given."""
        d, r, p = cls.numbers
        keys = pt.random.split(key, 3)
        mean, cov = cls.own(parameters)[:2]
        if first is None:
            first = mean + pt.sum(root_of(cov) * pt.random.normal(keys[0], (*batch, d))[..., None, :], axis=-1)
        noise = [pt.random.normal(k, (steps, *batch, n)) for k, n in ((keys[1], r), (keys[2], p))]
        moving = cls.moving(parameters)
        space = Arrays(d)

        def step(x: Tensor, shock: Tensor, error: Tensor, *elements: Tensor) -> tuple[list[Tensor], list[Tensor]]:
            entries = cls.entries(parameters, elements)
            system = system_of(entries, p, {})
            errors, shocks = coloured(entries["H"], error), coloured(entries["Q"], shock)
            seen = [total([space.dot(row, x) if row else x[..., 0] * 0.0, *errors.get(i, ()), *([system.shift[i]] if i in system.shift else ())]) for i, row in enumerate(system.design)]
            (moved,), _ = space.ahead(system, [x], pt.zeros((d, d)))
            pushed: dict[int, list[Any]] = {}
            for (i, k), a in entries["R"].items():
                pushed.setdefault(i, []).extend(a * e for e in shocks.get(k, ()))
            zero = x[..., 0] * 0.0
            pushes = pt.stack([total([zero, *pushed.get(i, ())]) for i in range(d)], axis=-1)
            return [moved + pushes], [x, pt.stack(seen, axis=-1)]

        _, (states, seen) = pt.scan(step, [pt.broadcast_to(first, (*batch, d))], [*noise, *moving], names=["states"])
        return pt.moveaxis(states, 0, -2), pt.moveaxis(seen, 0, -2)

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        return pt.zeros((*cls.batch_shape(*parameters), *cls.event_shape(*parameters)))


NAMED["state space"] = {"LinearGaussianStateSpace": LinearGaussianStateSpace}


def root_of(cov: Tensor) -> Tensor:
    """A square root of a covariance matrix, which may be singular."""
    values, vectors = pt.linalg.eigh(cov)
    return vectors * pt.sqrt(pt.maximum(values, 0.0))[..., None, :]


def coloured(cov: Mapping[tuple[int, int], Any], noise: Tensor) -> dict[int, list[Any]]:
    """Independent numbers turned into ones of a covariance: for each, what it is the sum of."""
    if all(i == j for i, j in cov):
        return {i: [pt.sqrt(a) * noise[..., i]] for (i, _), a in cov.items()}
    n = noise.type.shape[-1]
    root = root_of(matrix_of(cov, n))
    found = pt.sum(root * noise[..., None, :], axis=-1)
    return {i: [found[..., i]] for i in range(n)}


__all__ = ["LinearGaussianStateSpace"]
