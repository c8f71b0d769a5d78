"""Random walks: sums of independent steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

import workbench.tensor as pt
from workbench.distributions.components import (
    Component,
    batch_of,
    component,
    component_checks,
    draw_of,
    event_of,
    logp_of,
    names_of,
    ranks_of,
    split,
    support_point_of,
    widened,
)  # fmt: skip
from workbench.distributions.constraints import Check
from workbench.distributions.continuous import Normal
from workbench.distributions.distribution import DISCRETE, REAL, Distribution, Draw
from workbench.errors import ShapeError, warn_user
from workbench.graph.types import Shape
from workbench.tensor.elementwise import broadcast_shapes
from workbench.tensor.tensor import Tensor, as_tensor


def series_length(title: str, steps: Any, shape: Any, given: int, event_rank: int = 1) -> int:
    """Return the length of a series, from its number of steps or its shape.

    Parameters
    ----------
    given
        How many values stand before the first step.
    event_rank
        On which axis from the end the series runs.

    Raises
    ------
    ShapeError
        If neither is given, or they disagree.
    """
    whole = None if shape is None else (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
    if whole is None and steps is None:
        raise ShapeError(f"{title}: how long is it?", "give steps=, shape=, dims= or observed=")
    if whole is None:
        length = int(steps) + given
    elif len(whole) < event_rank:
        raise ShapeError(f"{title}: a series has at least {event_rank} axes, its shape is {whole}")
    else:
        length = int(whole[-event_rank])
        if steps is not None and length != int(steps) + given:
            raise ShapeError(f"{title}: {int(steps)} steps make a series of length {int(steps) + given}, its shape is {whole}")
    if length < given:
        raise ShapeError(f"{title}: a series of length {length} is shorter than its start of {given}")
    return length


def default_start(title: str, start: Tensor, text: str) -> Tensor:
    """Return the distribution of a start that was not given, and say so."""
    warn_user(f"{title}: the start has no distribution; it is {text} (init_dist=... gives another)")
    return start


class RandomWalk(Distribution):
    r"""Random walk: a start, and independent steps added to it.

    .. math:: x_0 \sim \mathrm{init},\quad x_t = x_{t-1} + \epsilon_t,\quad \epsilon_t \sim \mathrm{innovation}

    Parameters
    ----------
    init_dist
        Distribution of the start, made by ``.dist()``, of numbers or vectors.
    innovation_dist
        Distribution of each step, made by ``.dist()``. Its batch axes are those of several walks.
    steps
        How many steps; one less than the length of the series. The shape tells it where given.

    Notes
    -----
    Shape ``(*batch, steps + 1, *event)``. The log-density is summed over the series.

    Examples
    --------
    >>> from workbench.transforms.logprob import logp
    >>> x = RandomWalk.dist(Normal.dist(0.0, 1.0), Normal.dist(0.0, 0.5), steps=2)
    >>> x.type.shape
    (3,)
    >>> round(float(logp(x, [0.0, 0.5, 0.5]).eval()), 4)
    -1.8705
    """

    event_rank = 1
    components: ClassVar[tuple[Draw, Draw]]
    length: ClassVar[int]

    @classmethod
    def dist(  # type: ignore[override]
        cls, init_dist: Any, innovation_dist: Any, steps: Any = None, *, shape: Any = None, size: Any = None
    ) -> Tensor:
        title = cls.__name__
        (start, first), (step, inner) = component(f"{title}: init_dist", init_dist), component(f"{title}: innovation_dist", innovation_dist)
        if event_of(start) != event_of(step):
            raise ShapeError(f"{title}: the start has event shape {event_of(start)}, a step {event_of(step)}")
        rank = step.distribution.event_rank + 1
        dtype = np.result_type(start.distribution.dtype, step.distribution.dtype).name
        made = cls.with_fields(
            components=(start, step),
            length=series_length(title, steps, shape, 1, rank),
            parameters=(*names_of(start, "init_dist"), *names_of(step, "innovation_dist")),
            ranks=(*ranks_of(start), *ranks_of(step)),
            event_rank=rank,
            dtype=dtype,
            support=DISCRETE if np.dtype(dtype).kind in "iu" else REAL,
        )
        return made.variable([*first, *inner], shape, size)

    @classmethod
    def _parts(cls, parameters: Sequence[Tensor]) -> tuple[Component, Component]:
        """The start; and the steps, their parameters with an axis for the time."""
        start, step = split(cls.components, parameters)
        return start, (step[0], widened(step))

    @classmethod
    def event_shape(cls, *parameters: Tensor) -> tuple[int, ...]:
        return (cls.length, *event_of(cls.components[1]))

    @classmethod
    def batch_shape(cls, *parameters: Tensor) -> Shape:
        return broadcast_shapes(*map(batch_of, split(cls.components, parameters)), what=f"start and steps of {cls.__name__}")

    @classmethod
    def checks(cls, *parameters: Tensor) -> list[Check]:
        start, step = split(cls.components, parameters)
        return [*component_checks("init_dist", start), *component_checks("innovation_dist", step)]

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        start, step = cls._parts(parameters)
        time = value.ndim - cls.event_rank
        before = (slice(None),) * time
        moves = value[(*before, slice(1, None))] - value[(*before, slice(None, -1))]
        return logp_of(start, value[(*before, 0)]) + pt.sum(logp_of(step, moves), axis=-1)

    @classmethod
    def _walk(cls, first: Tensor, moves: Tensor) -> Tensor:
        time = moves.ndim - cls.event_rank
        joined = pt.concatenate([pt.cast(pt.expand_dims(first, time), cls.dtype), pt.cast(moves, cls.dtype)], axis=time)
        return pt.cumsum(joined, axis=time)

    @classmethod
    def _shapes(cls, shape: tuple[int, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The shapes of the start and of the steps in a whole of `shape`."""
        time = len(shape) - cls.event_rank
        return (*shape[:time], *shape[time + 1 :]), (*shape[:time], shape[time] - 1, *shape[time + 1 :])

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        start, step = cls._parts(parameters)
        keys = pt.random.split(key, 2)
        first, moves = cls._shapes(shape)
        return cls._walk(draw_of(start, keys[0], first), draw_of(step, keys[1], moves))

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        start, step = cls._parts(parameters)
        batch = tuple(n or 0 for n in cls.batch_shape(*parameters))
        first, moves = cls._shapes((*batch, *cls.event_shape(*parameters)))
        return cls._walk(support_point_of(start, first), support_point_of(step, moves))


class GaussianRandomWalk(RandomWalk):
    r"""Random walk with normal steps.

    .. math:: x_t = x_{t-1} + \epsilon_t,\quad \epsilon_t \sim \mathrm{Normal}(\mu, \sigma)

    Parameters
    ----------
    mu
        Mean of a step; 0 by default.
    sigma
        Standard deviation of a step, > 0; 1 by default.
    init_dist
        Distribution of the start, made by ``.dist()``; ``Normal.dist(0, 100)``, with a warning, by default.
    steps
        How many steps; one less than the length of the series. The shape tells it where given.
    """

    @classmethod
    def dist(  # type: ignore[override]
        cls, mu: Any = 0.0, sigma: Any = 1.0, *, init_dist: Any = None, steps: Any = None, shape: Any = None, size: Any = None
    ) -> Tensor:
        if init_dist is None:
            init_dist = default_start(cls.__name__, Normal.dist(0.0, 100.0), "Normal(0, 100)")
        return super().dist(init_dist, Normal.dist(mu, sigma), steps, shape=shape, size=size)


class MvGaussianRandomWalk(RandomWalk):
    r"""Random walk of vectors with normal steps.

    .. math:: x_t = x_{t-1} + \epsilon_t,\quad \epsilon_t \sim \mathrm{MvNormal}(\mu, \Sigma)

    Parameters
    ----------
    mu
        Mean of a step, shape ``(..., n)``.
    cov, tau, chol
        Covariance matrix of a step, its inverse, or its Cholesky factor: one of them, shape ``(..., n, n)``.
    lower
        Whether `chol` is lower triangular.
    init_dist
        Distribution of the start, of vectors of length n, made by ``.dist()``;
        ``MvNormal.dist(0, 100 I)``, with a warning, by default.
    steps
        How many steps; one less than the length of the series. The shape tells it where given.

    Notes
    -----
    Shape ``(..., steps + 1, n)``.
    """

    @classmethod
    def dist(  # type: ignore[override]
        cls, mu: Any, *, cov: Any = None, tau: Any = None, chol: Any = None, lower: bool = True,
        init_dist: Any = None, steps: Any = None, shape: Any = None, size: Any = None,
    ) -> Tensor:  # fmt: skip
        from workbench.distributions.normals import MvNormal

        if init_dist is None:
            init_dist = _vector_start(cls.__name__, mu)
        step = MvNormal.dist(mu, cov=cov, tau=tau, chol=chol, lower=lower)
        return super().dist(init_dist, step, steps, shape=shape, size=size)


class MvStudentTRandomWalk(RandomWalk):
    r"""Random walk of vectors with steps from a multivariate Student's t distribution.

    .. math:: x_t = x_{t-1} + \epsilon_t,\quad \epsilon_t \sim \mathrm{MvStudentT}(\nu, \mu, \Sigma)

    Parameters
    ----------
    nu
        Degrees of freedom, > 0.
    mu
        Centre of a step, shape ``(..., n)``.
    scale, tau, chol
        Scale matrix of a step, its inverse, or its Cholesky factor: one of them, shape ``(..., n, n)``.
    lower
        Whether `chol` is lower triangular.
    init_dist
        Distribution of the start, of vectors of length n, made by ``.dist()``;
        ``MvNormal.dist(0, 100 I)``, with a warning, by default.
    steps
        How many steps; one less than the length of the series. The shape tells it where given.
    """

    @classmethod
    def dist(  # type: ignore[override]
        cls, *, nu: Any, mu: Any, scale: Any = None, tau: Any = None, chol: Any = None, lower: bool = True,
        init_dist: Any = None, steps: Any = None, shape: Any = None, size: Any = None,
    ) -> Tensor:  # fmt: skip
        from workbench.distributions.normals import MvStudentT

        if init_dist is None:
            init_dist = _vector_start(cls.__name__, mu)
        step = MvStudentT.dist(nu=nu, mu=mu, scale=scale, tau=tau, chol=chol, lower=lower)
        return super().dist(init_dist, step, steps, shape=shape, size=size)


def _vector_start(title: str, mu: Any) -> Tensor:
    from workbench.distributions.normals import MvNormal

    n = as_tensor(mu).type.static_shape[-1]
    return default_start(title, MvNormal.dist(np.zeros(n), cov=100.0 * np.eye(n)), "MvNormal(0, 100 I)")
