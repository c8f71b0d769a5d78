"""Random walks: sums of independent steps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Self

import numpy as np

import workbench.tensor as pt
from workbench.distributions.batch_shapes import alike
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
from workbench.distributions.distribution import DISCRETE, LENGTHS, REAL, Distribution, Draw, as_length
from workbench.errors import ShapeError, warn_user
from workbench.graph.expr import Constant
from workbench.graph.types import Shape
from workbench.tensor.elementwise import broadcast_shapes
from workbench.tensor.shape import extent, paired
from workbench.tensor.tensor import Tensor, as_tensor


class Series(Distribution):
    """What distributions of series share: how long one is.

    Attributes
    ----------
    length
        The length; ``None`` where it is known only at run time: it is then that of the last parameter, of
        zeros, which has no other use.
    least
        How many values stand before the first step.
    """

    length: ClassVar[int | None] = None
    least: ClassVar[int] = 1

    @classmethod
    def of_length(cls, steps: Any, shape: Any, least: int = 1, event_rank: int = 1, **fields: Any) -> tuple[type[Self], list[Tensor]]:
        """Return the class for series of the length that their steps or their shape tell, and the parameter that has it, if one has.

        Parameters
        ----------
        steps, shape
            As they are given; a length in them may be an expression.
        least
            How many values stand before the first step.
        event_rank
            On which axis from the end the series runs.
        fields
            Others that are fixed; `parameters` and `ranks` without the length.

        Raises
        ------
        ShapeError
            If neither is given, or they disagree.
        """
        title = cls.__name__
        whole = None if shape is None else (shape,) if isinstance(shape, (int, np.integer, Tensor)) else tuple(shape)
        if whole is None and steps is None:
            raise ShapeError(f"{title}: how long is it?", "give steps=, shape=, dims= or observed=")
        if whole is not None and len(whole) < event_rank:
            raise ShapeError(f"{title}: a series has at least {event_rank} axes, its shape is {whole}")
        of_steps = None if steps is None else _number(title, steps) + least
        of_shape = None if whole is None or whole[-event_rank] is None else _number(title, whole[-event_rank])
        lengths = [n for n in (of_shape, of_steps) if n is not None]
        fields = {"least": least, "event_rank": event_rank, **fields}
        if all(isinstance(n, int) for n in lengths):
            if len(set(lengths)) > 1:
                raise ShapeError(f"{title}: {lengths[1] - least} steps make a series of length {lengths[1]}, its shape is {whole}")
            made = cls.with_fields(length=lengths[0], **fields)
            made.event_shape()
            return made, []
        along = pt.zeros((lengths[0],))
        if len(lengths) > 1:
            along = paired(f"{title}: its shape, and one that follows from steps=,", along, 0, pt.zeros((lengths[1],)), 0)
        names, ranks = (fields.pop(what, None) or getattr(cls, what) for what in ("parameters", "ranks"))
        ranks = ranks or (0,) * len(names)
        return cls.with_fields(length=None, parameters=(*names, LENGTHS), ranks=(*ranks, 1), **fields), [along]

    @classmethod
    def _lengths_from(cls, event_rank: int) -> int | None:
        return None

    @classmethod
    def _of_lengths(cls, value: Tensor, parameters: Sequence[Tensor]) -> Tensor:
        like = pt.zeros(cls.length) if cls.length is not None else parameters[-1]
        axis = value.ndim - cls.event_rank
        if isinstance(value.type.shape[axis], int) and cls.length is not None:
            return value
        return paired(f"{cls.__name__}: a value, and its steps or shape,", value, axis, like, 0)

    @classmethod
    def own(cls, parameters: Sequence[Tensor]) -> Sequence[Tensor]:
        """The parameters without that which has the length."""
        return parameters if cls.length is not None else parameters[:-1]

    @classmethod
    def event_shape(cls, *parameters: Tensor) -> Shape:
        n = cls.length if cls.length is not None else parameters[-1].type.shape[-1]
        if isinstance(n, int) and n < cls.least:
            raise ShapeError(f"{cls.__name__}: a series of length {n} is shorter than its start of {cls.least}")
        return (n,)


def _number(title: str, n: Any) -> Any:
    """A length as an integer, or as an expression."""
    x = as_tensor(n)
    if x.ndim or x.type.kind not in "iuf" or (x.type.kind == "f" and not isinstance(x.op, Constant)):
        raise ShapeError(f"{title}: a number of steps is a whole number, not {n!r}")
    return as_length(x.op.value[()]) if isinstance(x.op, Constant) else x


def default_start(title: str, start: Tensor, text: str) -> Tensor:
    """Return the distribution of a start that was not given, and say so."""
    warn_user(f"{title}: the start has no distribution; it is {text} (init_dist=... gives another)")
    return start


class RandomWalk(Series):
    """Random walk: a start, and independent steps added to it.

        x[0] ~ init_dist,  x[t] = x[t-1] + step,  step ~ innovation_dist

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

    @classmethod
    def dist(  # type: ignore[override]
        cls, init_dist: Any, innovation_dist: Any, steps: Any = None, *, shape: Any = None, size: Any = None
    ) -> Tensor:
        title = cls.__name__
        (start, first), (step, inner) = component(f"{title}: init_dist", init_dist), component(f"{title}: innovation_dist", innovation_dist)
        events = event_of((start, first)), event_of((step, inner))
        if not alike(*events):
            raise ShapeError(f"{title}: the start has event shape {events[0]}, a step {events[1]}")
        rank = step.distribution.event_rank + 1
        dtype = np.result_type(start.distribution.dtype, step.distribution.dtype).name
        # Along axes whose lengths are known only at run time it is the start that has them.
        batch = tuple(shape)[:-rank] if isinstance(shape, (tuple, list)) else ()
        if any(isinstance(n, Tensor) for n in batch):
            start, first = component(title, start.distribution.variable(first, (*batch, *events[0])))
        made, along = cls.of_length(
            steps,
            shape,
            event_rank=rank,
            components=(start, step),
            parameters=(*names_of(start, "init_dist"), *names_of(step, "innovation_dist")),
            ranks=(*ranks_of(start), *ranks_of(step)),
            dtype=dtype,
            support=DISCRETE if np.dtype(dtype).kind in "iu" else REAL,
        )
        return made.variable([*first, *inner, *along], shape, size)

    @classmethod
    def parts(cls, parameters: Sequence[Tensor]) -> tuple[Component, Component]:
        """The start; and the steps, their parameters with an axis for the time."""
        start, step = split(cls.components, parameters)
        return start, (step[0], widened(step))

    @classmethod
    def event_shape(cls, *parameters: Tensor) -> Shape:
        inner = event_of(split(cls.components, parameters)[1]) if parameters else ()
        return (*super().event_shape(*parameters), *inner)

    @classmethod
    def batch_shape(cls, *parameters: Tensor) -> Shape:
        return broadcast_shapes(*map(batch_of, split(cls.components, parameters)), what=f"start and steps of {cls.__name__}")

    @classmethod
    def checks(cls, *parameters: Tensor) -> list[Check]:
        start, step = split(cls.components, parameters)
        return [*component_checks("init_dist", start), *component_checks("innovation_dist", step)]

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        start, step = cls.parts(parameters)
        time = value.ndim - cls.event_rank
        before = (slice(None),) * time
        moves = value[(*before, slice(1, None))] - value[(*before, slice(None, -1))]
        return logp_of(start, value[(*before, 0)]) + pt.sum(logp_of(step, moves), axis=-1)

    @classmethod
    def walk(cls, first: Tensor, moves: Tensor) -> Tensor:
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
        start, step = cls.parts(parameters)
        keys = pt.random.split(key, 2)
        first, moves = cls._shapes(shape)
        return cls.walk(draw_of(start, keys[0], first), draw_of(step, keys[1], moves))

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        start, step = cls.parts(parameters)
        shape = (*cls.batch_shape(*parameters), *cls.event_shape(*parameters))
        first, moves = cls._shapes(tuple(n if isinstance(n, int) else 0 for n in shape))
        return cls.walk(support_point_of(start, first), support_point_of(step, moves))


class GaussianRandomWalk(RandomWalk):
    """Random walk with normal steps.

        x[t] = x[t-1] + step,  step ~ Normal(mu, sigma)

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

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.GaussianRandomWalk("x", mu=0.0, sigma=0.1, init_dist=pm.Normal.dist(0.0, 1.0), steps=9)
    """

    @classmethod
    def dist(  # type: ignore[override]
        cls, mu: Any = 0.0, sigma: Any = 1.0, *, init_dist: Any = None, steps: Any = None, shape: Any = None, size: Any = None
    ) -> Tensor:
        if init_dist is None:
            init_dist = default_start(cls.__name__, Normal.dist(0.0, 100.0), "Normal(0, 100)")
        return super().dist(init_dist, Normal.dist(mu, sigma), steps, shape=shape, size=size)


class MvGaussianRandomWalk(RandomWalk):
    """Random walk of vectors with normal steps.

        x[t] = x[t-1] + step,  step ~ MvNormal(mu, cov)

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

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.MvGaussianRandomWalk(
    ...         "x", mu=[0.0, 0.0], cov=[[1.0, 0.5], [0.5, 1.0]], init_dist=pm.MvNormal.dist([0.0, 0.0],
    ...         cov=[[9.0, 0.0], [0.0, 9.0]]), steps=9
    ...     )
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
    """Random walk of vectors with steps from a multivariate Student's t distribution.

        x[t] = x[t-1] + step,  step ~ MvStudentT(nu, mu, scale)

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

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.MvStudentTRandomWalk(
    ...         "x", nu=5.0, mu=[0.0, 0.0], scale=[[1.0, 0.5], [0.5, 1.0]], init_dist=pm.MvNormal.dist([0.0, 0.0],
    ...         cov=[[9.0, 0.0], [0.0, 9.0]]), steps=9
    ...     )
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

    n = extent(as_tensor(mu), -1)
    return default_start(title, MvNormal.dist(0.0, cov=100.0 * pt.eye(n)), "MvNormal(0, 100 I)")
