"""Time series whose steps depend on what came before: AR, GARCH, stochastic differential equations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

import workbench.tensor as pt
from workbench.distributions.components import (
    Component,
    batch_of,
    component,
    component_checks,
    draw_of,
    logp_of,
    names_of,
    ranks_of,
    support_point_of,
)  # fmt: skip
from workbench.distributions.constraints import Check, not_negative, positive
from workbench.distributions.continuous import Normal
from workbench.distributions.distribution import Draw, cast_real
from workbench.distributions.formulas import sigma_of
from workbench.distributions.random_walks import (
    GaussianRandomWalk,
    MvGaussianRandomWalk,
    MvStudentTRandomWalk,
    RandomWalk,
    Series,
    default_start,
)  # fmt: skip
from workbench.errors import ShapeError
from workbench.graph.types import Shape
from workbench.tensor.elementwise import broadcast_shapes
from workbench.tensor.shape import paired
from workbench.tensor.tensor import Tensor

__all__ = [
    "AR", "GARCH11", "EulerMaruyama", "GaussianRandomWalk", "MvGaussianRandomWalk", "MvStudentTRandomWalk", "RandomWalk",
]  # fmt: skip


class AR(Series):
    """Autoregressive process: each value is a weighted sum of the last p, with normal noise.

        x[t] = rho[0] * x[t-1] + ... + rho[p-1] * x[t-p] + noise,  noise ~ Normal(0, sigma)

    Parameters
    ----------
    rho
        Coefficients, shape ``(..., p)``, that of the last value first; with `constant`
        ``(..., p + 1)``, the constant term first.
    sigma
        Standard deviation of the noise, > 0; 1 by default.
    tau
        Precision of the noise, ``1 / sigma**2``: an alternative to `sigma`.
    constant
        Whether `rho` has a constant term.
    init_dist
        Distribution of the first p values, made by ``.dist()``: of numbers, its last batch axis over
        the p values, or of vectors of length p; ``Normal.dist(0, 100)``, with a warning, by default.
    ar_order
        The order p; the length of `rho` tells it by default.
    exogenous
        What is added to the mean of each value, such as ``X @ beta``: shape ``(..., p + steps)``, a number for each time. Those of the first
        p values are not used: these are `init_dist`'s.
    steps
        How many values after the first p. The shape tells it where given.

    Notes
    -----
    Shape ``(..., p + steps)``. The log-density is summed over the series.

    Examples
    --------
    >>> from workbench.transforms.logprob import logp
    >>> x = AR.dist(rho=[0.5], sigma=1.0, init_dist=Normal.dist(0.0, 1.0), steps=2)
    >>> round(float(logp(x, [0.0, 1.0, 0.5]).eval()), 4)
    -3.2568
    """

    event_rank = 1
    start: ClassVar[Draw]
    order: ClassVar[int]
    constant: ClassVar[bool]
    driven: ClassVar[bool] = False

    @classmethod
    def dist(  # type: ignore[override]
        cls, rho: Any, sigma: Any = None, tau: Any = None, *, init_dist: Any = None, steps: Any = None,
        constant: bool = False, ar_order: int | None = None, exogenous: Any = None, shape: Any = None, size: Any = None,
    ) -> Tensor:  # fmt: skip
        noise = cast_real(sigma_of(sigma, tau))
        weights = cast_real(rho)
        weights = pt.reshape(weights, (1,)) if weights.ndim == 0 else weights
        order = _order(weights, ar_order, bool(constant))
        if weights.type.shape[-1] == 1:
            weights = pt.broadcast_to(weights, (*weights.type.shape[:-1], order + bool(constant)))
        if init_dist is None:
            init_dist = default_start(cls.__name__, Normal.dist(0.0, 100.0), "Normal(0, 100)")
        draw, first = component("AR: init_dist", init_dist)
        if draw.distribution.event_rank > 1:
            raise ShapeError(f"AR: init_dist is a distribution of numbers or vectors, {draw.name} has matrices")
        if draw.shape and draw.shape[-1] not in (1, order):
            raise ShapeError(f"AR: init_dist has shape {draw.shape}, but the order is {order}")
        added = [] if exogenous is None else [cast_real(exogenous)]
        if added and added[0].ndim < 1:
            raise ShapeError("AR: exogenous is a number for each time", "a constant term is constant=True")
        if added and steps is None and shape is None:
            shape = tuple(added[0].type.shape[-1:])
        made, along = cls.of_length(
            steps,
            shape,
            order,
            start=draw,
            order=order,
            constant=bool(constant),
            driven=bool(added),
            parameters=("rho", "sigma", *names_of(draw, "init_dist"), *(["exogenous"] if added else [])),
            ranks=(1, 0, *ranks_of(draw), *([1] if added else [])),
        )
        if added and made.length is not None and isinstance(n := added[0].type.shape[-1], int) and n != made.length:
            raise ShapeError(f"AR: exogenous has length {n}, the series {made.length}", "a number for each time, those of the first values too")
        return made.variable([weights, noise, *first, *added, *along], shape, size)

    @classmethod
    def split(cls, parameters: Sequence[Tensor]) -> tuple[Tensor, Tensor, Component, Any]:
        """The weights, the noise, the start, and what is added to the mean after it, or 0."""
        rho, sigma, *first = cls.own(parameters)
        added = first.pop()[..., cls.order :] if cls.driven else 0.0
        return rho, sigma, (cls.start, tuple(first)), added

    @classmethod
    def batch_shape(cls, *parameters: Tensor) -> Shape:
        rho, sigma, _, added = cls.split(parameters)
        shapes = (rho.type.shape[:-1], sigma.type.shape, cls.start.shape[:-1], *([added.type.shape[:-1]] if cls.driven else []))
        return broadcast_shapes(*shapes, what="parameters of AR")

    @classmethod
    def checks(cls, *parameters: Tensor) -> list[Check]:
        _, sigma, first, _ = cls.split(parameters)
        start = component_checks("init_dist", first, over_last=cls.start.distribution.event_rank == 0)
        return [(positive.holds(sigma), "sigma must be positive"), *start]

    @classmethod
    def _weights(cls, rho: Tensor) -> tuple[Any, list[Tensor]]:
        """The constant term, and the weights of the last value, the one before, ..."""
        terms = [rho[..., i] for i in range(cls.order + cls.constant)]
        return (terms[0], terms[1:]) if cls.constant else (0.0, terms)

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        rho, sigma, first, added = cls.split(parameters)
        p = cls.order
        start = logp_of(first, paired("AR: the first values, and as many as the order,", value[..., :p], -1, pt.zeros(p), 0))
        if cls.start.distribution.event_rank == 0:
            start = pt.sum(start, axis=-1)
        constant, weights = cls._weights(rho)
        mean = (constant[..., None] if cls.constant else 0.0) + added
        for i, weight in enumerate(weights):
            mean = mean + weight[..., None] * value[..., p - 1 - i : -1 - i]
        return start + pt.sum(Normal.logp(value[..., p:], pt.as_tensor(mean), sigma[..., None]), axis=-1)

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        rho, sigma, first, added = cls.split(parameters)
        batch, p = shape[:-1], cls.order
        keys = pt.random.split(key, 2)
        start = draw_of(first, keys[0], (*batch, p))
        if shape[-1] == p:
            return start
        noise = pt.random.normal(keys[1], (shape[-1] - p, *batch)) * sigma
        if cls.driven:
            noise = noise + pt.moveaxis(pt.broadcast_to(added, (*batch, shape[-1] - p)), -1, 0)
        constant, weights = cls._weights(rho)

        def step(*arguments: Tensor) -> tuple[list[Tensor], list[Tensor]]:
            *last, shock = arguments
            new = shock + constant
            for weight, x in zip(weights, reversed(last)):
                new = new + weight * x
            return [*last[1:], new], [new]

        _, (rest,) = pt.scan(step, [start[..., i] for i in range(p)], [noise])
        return pt.concatenate([start, _time_last(rest)], axis=-1)

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        _, _, first, _ = cls.split(parameters)
        batch = tuple(n if isinstance(n, int) else 0 for n in cls.batch_shape(*parameters))
        start = support_point_of(first, (*batch, cls.order))
        return pt.broadcast_to(start[..., -1:], (*batch, *cls.event_shape(*parameters)))


def _order(rho: Tensor, given: int | None, constant: bool) -> int:
    """The order of an AR process, told by the length of its coefficients or given."""
    length = rho.type.shape[-1]
    if not isinstance(length, int) and given is None:
        raise ShapeError("AR: the length of rho is known only at run time", "give ar_order=")
    order = int(given) if given is not None else length - constant
    if order < 1:
        raise ShapeError(f"AR: rho of length {length} leaves no coefficients", "give more, or constant=False")
    if isinstance(length, int) and length not in (1, order + constant):
        raise ShapeError(f"AR: rho has length {length}, an order of {order} needs {order + constant}")
    return order


class GARCH11(Series):
    """GARCH(1, 1): normal noise whose variance follows its own past.

        x[t] ~ Normal(0, sigma[t]),  sigma[t]**2 = omega + alpha_1 * x[t-1]**2 + beta_1 * sigma[t-1]**2,  sigma[0] =
            initial_vol

    Parameters
    ----------
    omega
        Constant part of the variance, > 0.
    alpha_1
        Weight of the last squared value, >= 0.
    beta_1
        Weight of the last variance, >= 0. The process is stationary where ``alpha_1 + beta_1 < 1``.
    initial_vol
        Standard deviation of the first value, > 0.
    steps
        How many values after the first. The shape tells it where given.

    Notes
    -----
    Shape ``(..., steps + 1)``. The log-density is summed over the series. Source: Bollerslev,
    "Generalized autoregressive conditional heteroskedasticity" (1986).

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.GARCH11("x", omega=0.1, alpha_1=0.2, beta_1=0.7, initial_vol=1.0, steps=9)
    """

    parameters = ("omega", "alpha_1", "beta_1", "initial_vol")
    domains = {"omega": positive, "alpha_1": not_negative, "beta_1": not_negative, "initial_vol": positive}
    event_rank = 1

    @classmethod
    def dist(  # type: ignore[override]
        cls, omega: Any, alpha_1: Any, beta_1: Any, initial_vol: Any, *, steps: Any = None, shape: Any = None, size: Any = None
    ) -> Tensor:
        made, along = cls.of_length(steps, shape)
        return made.variable([*map(cast_real, (omega, alpha_1, beta_1, initial_vol)), *along], shape, size)

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        omega, alpha, beta, initial = cls.own(parameters)
        squares = pt.square(value)
        # The state has the shape of all of them together.
        first = pt.square(initial) + pt.zeros_like(value[..., 0] + omega + alpha + beta)

        def step(variance: Tensor, square: Tensor) -> tuple[list[Tensor], list[Tensor]]:
            new = omega + alpha * square + beta * variance
            return [new], [new]

        _, (rest,) = pt.scan(step, [first], [pt.moveaxis(squares[..., :-1], -1, 0)])
        variance = pt.concatenate([first[..., None], _time_last(rest)], axis=-1)
        return pt.sum(-0.5 * (squares / variance + pt.log(variance) + np.log(2.0 * np.pi)), axis=-1)

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        omega, alpha, beta, initial = cls.own(parameters)
        noise = pt.random.normal(key, (shape[-1], *shape[:-1]))
        first = pt.broadcast_to(pt.square(initial), shape[:-1])

        def step(variance: Tensor, shock: Tensor) -> tuple[list[Tensor], list[Tensor]]:
            drawn = pt.sqrt(variance) * shock
            return [omega + alpha * pt.square(drawn) + beta * variance], [drawn]

        _, (drawn,) = pt.scan(step, [first], [noise])
        return _time_last(drawn)

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        return pt.zeros(cls.event_shape(*parameters))


class EulerMaruyama(Series):
    """A stochastic differential equation, in steps of Euler and Maruyama.

        dX = f(X) * dt + g(X) * dW,  x[t+1] ~ Normal(x[t] + f(x[t]) * dt, g(x[t]) * sqrt(dt))

    Parameters
    ----------
    dt
        Length of a time step, > 0.
    sde_fn
        ``f, g = sde_fn(x, *sde_pars)``: drift and diffusion at `x`, which may have more axes.
    sde_pars
        The parameters theta.
    init_dist
        Distribution of the start, of numbers, made by ``.dist()``; ``Normal.dist(0, 100)``, with a
        warning, by default.
    steps
        How many time steps. The shape tells it where given.

    Notes
    -----
    Shape ``(..., steps + 1)``. The log-density is summed over the series.

    Examples
    --------
    >>> x = EulerMaruyama.dist(0.1, lambda x, a: (-a * x, 1.0), (2.0,), init_dist=Normal.dist(0.0, 1.0), steps=3)
    >>> x.type.shape
    (4,)
    """

    event_rank = 1
    start: ClassVar[Draw]
    equation: ClassVar[Callable[..., Any]]

    @classmethod
    def dist(  # type: ignore[override]
        cls, dt: Any, sde_fn: Callable[..., Any], sde_pars: Sequence[Any] = (), *, init_dist: Any = None,
        steps: Any = None, shape: Any = None, size: Any = None,
    ) -> Tensor:  # fmt: skip
        if init_dist is None:
            init_dist = default_start(cls.__name__, Normal.dist(0.0, 100.0), "Normal(0, 100)")
        draw, first = component("EulerMaruyama: init_dist", init_dist)
        if draw.distribution.event_rank:
            raise ShapeError(f"EulerMaruyama: init_dist is a distribution of numbers, {draw.name} is not")
        theta = [cast_real(p) for p in sde_pars]
        made, along = cls.of_length(
            steps,
            shape,
            start=draw,
            equation=sde_fn,
            parameters=("dt", *(f"sde_pars[{i}]" for i in range(len(theta))), *names_of(draw, "init_dist")),
            ranks=(0,) * (1 + len(theta)) + ranks_of(draw),
        )
        return made.variable([cast_real(dt), *theta, *first, *along], shape, size)

    @classmethod
    def _parts(cls, parameters: Sequence[Tensor]) -> tuple[Tensor, Sequence[Tensor], Component]:
        parameters = cls.own(parameters)
        count = len(parameters) - len(cls.start.distribution.parameters)
        return parameters[0], parameters[1:count], (cls.start, tuple(parameters[count:]))

    @classmethod
    def batch_shape(cls, *parameters: Tensor) -> Shape:
        dt, theta, start = cls._parts(parameters)
        shapes = [dt.type.shape, *(p.type.shape for p in theta), batch_of(start)]
        return broadcast_shapes(*shapes, what="parameters of EulerMaruyama")

    @classmethod
    def checks(cls, *parameters: Tensor) -> list[Check]:
        dt, _, start = cls._parts(parameters)
        return [(positive.holds(dt), "dt must be positive"), *component_checks("init_dist", start)]

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        dt, theta, start = cls._parts(parameters)
        before, after = value[..., :-1], value[..., 1:]
        drift, diffusion = cls.equation(before, *(p[..., None] for p in theta))
        step = dt[..., None]
        moved = Normal.logp(after, before + step * drift, pt.sqrt(step) * diffusion)
        return logp_of(start, value[..., 0]) + pt.sum(moved, axis=-1)

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        dt, theta, start = cls._parts(parameters)
        keys = pt.random.split(key, 2)
        first = draw_of(start, keys[0], shape[:-1])
        if shape[-1] == 1:
            return first[..., None]
        noise = pt.random.normal(keys[1], (shape[-1] - 1, *shape[:-1])) * pt.sqrt(dt)

        def step(x: Tensor, shock: Tensor) -> tuple[list[Tensor], list[Tensor]]:
            drift, diffusion = cls.equation(x, *theta)
            new = x + dt * drift + diffusion * shock
            return [new], [new]

        _, (rest,) = pt.scan(step, [first], [noise])
        return pt.concatenate([first[..., None], _time_last(rest)], axis=-1)

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        """Every value at the support point of the start."""
        _, _, start = cls._parts(parameters)
        batch = batch_of(start)
        return pt.broadcast_to(support_point_of(start, batch)[..., None], (*batch, *cls.event_shape(*parameters)))


def _time_last(x: Tensor) -> Tensor:
    return pt.moveaxis(x, 0, -1)
