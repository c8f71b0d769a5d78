"""Mixtures: a value comes from one of several distributions, and it is not known from which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

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
    names_of,
    ranks_of,
    shape_of,
    split,
)  # fmt: skip
from workbench.distributions.constraints import Check, simplex
from workbench.distributions.continuous import Normal
from workbench.distributions.distribution import DISCRETE, INTERVAL, REAL, Distribution, Draw, Support, cast_real
from workbench.distributions.formulas import INF
from workbench.errors import ModelError, ShapeError
from workbench.graph.lengths import Size, differ
from workbench.graph.types import Shape
from workbench.names import answers
from workbench.tensor.elementwise import broadcast_shapes
from workbench.tensor.shape import number_of
from workbench.tensor.tensor import Tensor


class Mixture(Distribution):
    """Mixture of distributions, summed over which of them a value comes from.

        f(x) = w[0] * f[0](x) + ... + w[k-1] * f[k-1](x)

    Parameters
    ----------
    w
        Weights, shape ``(..., k)``: not negative, of sum 1.
    comp_dists
        The components, made by ``.dist()``: `k` of them in a list, or one whose last batch axis has
        length `k`. All continuous or all discrete.

    Notes
    -----
    Shape ``(*batch, *event)``: the batch axes of the components and of `w` together, without the axis
    of length `k`, then the axes of one draw of a component.

    Examples
    --------
    >>> x = Mixture.dist(w=[0.3, 0.7], comp_dists=[Normal.dist(0.0, 1.0), Normal.dist(5.0, 2.0)])
    >>> from workbench.transforms.logprob import logp
    >>> round(float(logp(x, 1.0).eval()), 4)
    -2.3915
    """

    parameters = ("w",)
    components: ClassVar[tuple[Draw, ...]] = ()

    @classmethod
    def dist(  # type: ignore[override]
        cls, w: Any, comp_dists: Any, *, shape: Any = None, size: Any = None
    ) -> Tensor:
        single = not isinstance(comp_dists, (list, tuple))
        given = [comp_dists] if single else list(comp_dists)
        parts = [component(f"{cls.__name__}: component {i}", x) for i, x in enumerate(given)]
        draws = tuple(draw for draw, _ in parts)
        _require_alike(cls.__name__, parts)
        inner = [p for _, parameters in parts for p in parameters]
        labels = [n for i, d in enumerate(draws) for n in names_of(d, f"comp_dists[{i}]")]
        made = cls.with_fields(
            components=draws,
            parameters=("w", *labels),
            ranks=(1, *(r for d in draws for r in ranks_of(d))),
            event_rank=draws[0].distribution.event_rank,
            dtype=draws[0].distribution.dtype,
            support=_support(parts),
        )
        return made.variable([cast_real(w), *inner], shape, size)

    @classmethod
    def _parts(cls, parameters: Sequence[Tensor]) -> list[Component]:
        return split(cls.components, parameters[1:])

    @classmethod
    def _lengths_from(cls, event_rank: int) -> int | None:
        return None

    @classmethod
    def event_shape(cls, *parameters: Tensor) -> Shape:
        return event_of(cls._parts(parameters)[0])

    @classmethod
    def batch_shape(cls, *parameters: Tensor) -> Shape:
        w, *_ = parameters
        batches = [batch_of(part) for part in cls._parts(parameters)]
        count: Size = len(batches)
        if len(batches) == 1:
            if not batches[0]:
                raise ShapeError(
                    f"{cls.__name__}: the one component is a scalar, so there is nothing to mix",
                    "give a list of components, or one whose last axis runs over them",
                )
            count, batches = batches[0][-1], [batches[0][:-1]]
        if w.ndim < 1 or differ(w.type.shape[-1], count):
            raise ShapeError(f"{cls.__name__}: the weights have shape {w.type.shape} for {count} components")
        return broadcast_shapes(w.type.shape[:-1], *batches, what=f"weights and components of {cls.__name__}")

    @classmethod
    def checks(cls, *parameters: Tensor) -> list[Check]:
        parts = cls._parts(parameters)
        found = [(simplex.holds(parameters[0]), f"w must be {simplex.text}")]
        for i, part in enumerate(parts):
            found += component_checks(f"component {i} ({part[0].name})", part, over_last=len(parts) == 1)
        return found

    @classmethod
    def _mixed(cls, method: str, value: Tensor, parameters: Sequence[Tensor], rank: int) -> Tensor:
        """The logarithm of the weighted sum of what each component's `method` is the logarithm of."""
        parts = cls._parts(parameters)
        if len(parts) == 1:
            draw, inner = parts[0]
            terms = _counting(getattr(draw.distribution, method)(pt.expand_dims(value, value.ndim - rank), *inner))
        else:
            found = [_counting(getattr(d.distribution, method)(value, *ps)) for d, ps in parts]
            terms = pt.stack(pt.broadcast_arrays(*found), axis=-1)
        return pt.logsumexp(pt.log(parameters[0]) + terms, axis=-1)

    @classmethod
    def is_mixed(cls) -> bool:
        return any(d.distribution.is_mixed() for d in cls.components)

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        return cls._mixed("logp", value, parameters, cls.event_rank)

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        return cls._mixed("logcdf", value, parameters, 0)

    @classmethod
    def logccdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        return cls._mixed("logccdf", value, parameters, 0)

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        parts = cls._parts(parameters)
        keys = pt.random.split(key, len(parts) + 1)
        split_at = len(shape) - cls.event_rank
        batch, event = shape[:split_at], shape[split_at:]
        # The component whose part of [0, 1) a uniform number falls into.
        edges = pt.cumsum(parameters[0], axis=-1)[..., :-1]
        chosen = pt.sum(pt.cast(pt.random.uniform(keys[0], batch)[..., None] >= edges, "int64"), axis=-1)
        if len(parts) == 1:
            length = batch_of(parts[0])[-1]
            count: Any = length if isinstance(length, int) else number_of(length, *parameters)
            every = draw_of(parts[0], keys[1], (*batch, count, *event))
            mine = pt.equal(chosen[..., None], pt.arange(count))
            return pt.sum(pt.where(_padded(mine, cls.event_rank), every, pt.zeros_like(every)), axis=split_at)
        number = _padded(chosen, cls.event_rank)
        drawn = draw_of(parts[-1], keys[len(parts)], shape)
        for i in range(len(parts) - 1):
            drawn = pt.where(pt.equal(number, i), draw_of(parts[i], keys[i + 1], shape), drawn)
        return drawn

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        """The mean of the components' points; where the mixture has no density, the point of the component of most weight."""
        parts = cls._parts(parameters)
        points = pt.cast(cls._points(parts), "float64")
        w = parameters[0]
        mean = pt.sum(_padded(w, cls.event_rank) * points, axis=-1 - cls.event_rank)
        mean = pt.rint(mean) if cls.support == DISCRETE else mean
        at = _padded(pt.equal(pt.arange(w.shape[-1]), pt.expand_dims(pt.argmax(w, axis=-1), -1)), cls.event_rank)
        heaviest = pt.sum(pt.where(at, points, 0.0), axis=-1 - cls.event_rank)
        return pt.where(_padded(cls.logp(mean, *parameters) > -INF, cls.event_rank), mean, heaviest)

    @classmethod
    def _points(cls, parts: Sequence[Component]) -> Tensor:
        """The components' support points, along an axis before those of one draw."""
        # Shapes of the parameters too: within other distributions these are wider than the components were made.
        own = [d.distribution.support_point(*inner) for d, inner in parts]
        wide = broadcast_shapes(*(broadcast_shapes(shape_of(p), x.type.shape) for p, x in zip(parts, own)))
        if len(parts) == 1:
            return pt.broadcast_to(own[0], wide)
        return pt.stack([pt.broadcast_to(x, wide) for x in own], axis=len(wide) - cls.event_rank)

    @classmethod
    def bounds(cls, *parameters: Tensor) -> tuple[Any, Any]:
        draw, inner = cls._parts(parameters)[0]
        return draw.distribution.bounds(*inner)


class NormalMixture(Mixture):
    """Mixture of normal distributions.

        f(x) = w[0] * Normal(x | mu[0], sigma[0]) + ... + w[k-1] * Normal(x | mu[k-1], sigma[k-1])

    Parameters
    ----------
    w
        Weights, shape ``(..., k)``: not negative, of sum 1.
    mu
        Means, shape ``(..., k)``.
    sigma
        Standard deviations, > 0, shape ``(..., k)``.
    tau
        Precisions, ``1 / sigma**2``: an alternative to `sigma`.
    comp_shape
        Shape of the means and standard deviations together, the last axis over the components; that
        of `mu` and `sigma` by default.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.NormalMixture("x", w=[0.3, 0.7], mu=[0.0, 5.0], sigma=[1.0, 2.0])
    """

    @classmethod
    def dist(  # type: ignore[override]
        cls, w: Any, mu: Any, sigma: Any = None, tau: Any = None, *, comp_shape: Any = (), shape: Any = None, size: Any = None
    ) -> Tensor:
        parts = Normal.dist(mu, sigma=sigma, tau=tau, shape=comp_shape or None)
        return super().dist(w, parts, shape=shape, size=size)


def _padded(x: Tensor, rank: int) -> Tensor:
    """`x` with `rank` axes of length 1 at the end."""
    return pt.expand_dims(x, tuple(range(x.ndim, x.ndim + rank))) if rank else x


def _require_alike(title: str, parts: Sequence[Component]) -> None:
    if not parts:
        raise ModelError(f"{title}: there are no components")
    draws = [draw for draw, _ in parts]
    kinds = {np.dtype(d.distribution.dtype).kind for d in draws}
    if len(kinds) > 1:
        shown = ", ".join(f"{d.name} ({d.distribution.dtype})" for d in draws)
        raise ModelError(f"{title}: the components must be all continuous or all discrete, got {shown}")
    events = dict.fromkeys(map(event_of, parts))
    if not all(alike(event, event_of(parts[0])) for event in events):
        raise ShapeError(f"{title}: one draw of the components has shapes {' and '.join(map(str, events))}")


def _counting(logp: Tensor) -> Tensor:
    """A component's log-density; where that is zero its slope may be infinite, and has no part in the mixture's."""
    return pt.where(logp > -INF, logp, -INF)


def _support(parts: Sequence[Component]) -> Support:
    """The components' support where they share one, else the real line: no transform fits all."""
    supports = {draw.distribution.support for draw, _ in parts}
    if len(supports) > 1:
        return REAL
    (support,) = supports
    if support != INTERVAL:
        return support
    bounds = [draw.distribution.bounds(*inner) for draw, inner in parts]
    same = all(b[0] is bounds[0][0] and b[1] is bounds[0][1] for b in bounds)
    scalar = all(x is None or x.ndim == 0 for x in bounds[0])
    return INTERVAL if same and scalar else REAL


__getattr__ = answers(__name__)
