"""Truncated and censored distributions."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
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
from workbench.distributions.constraints import Check
from workbench.distributions.continuous import Normal, TruncatedNormal
from workbench.distributions.distribution import DISCRETE, INTERVAL, POSITIVE, REAL, UNIT, Distribution, Draw, cast_real
from workbench.distributions.search import quantile_above
from workbench.errors import ModelError
from workbench.graph.expr import Constant
from workbench.graph.types import Shape
from workbench.tensor.elementwise import broadcast_shapes
from workbench.tensor.tensor import Tensor, as_tensor

INF = float("inf")
UPPER_TAIL = -1e-3
"""Logarithm of the distribution function at the lower limit from which draws are sought with the complement: fewer than 13 digits of it are left."""
RARE = math.log(0.01)
"""Logarithm of a probability of which rejection does not wait."""


class Modified(Distribution):
    """What truncated and censored distributions share: one distribution, and two limits.

    Attributes
    ----------
    base
        The distribution and its shape.
    limited
        Whether there is a limit below, and above.
    """

    parameters = ("lower", "upper")
    base: ClassVar[Draw]
    limited: ClassVar[tuple[bool, bool]]

    @classmethod
    def _made(cls, dist: Any, lower: Any, upper: Any, shape: Any, size: Any, **fields: Any) -> Tensor:
        draw, inner = component(f"{cls.__name__}: dist", dist)
        inside = draw.distribution
        if inside.event_rank:
            raise ModelError(f"{cls.__name__}: {inside.__name__} is a distribution of vectors", "limits are for numbers")
        if shape is not None:
            lengths = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
            if any(isinstance(n, Tensor) for n in lengths):
                # What has lengths that are known only at run time is the distribution inside.
                draw, inner = component(cls.__name__, inside.variable(inner, lengths))
        low = cast_real(-INF if lower is None else lower)
        high = cast_real(INF if upper is None else upper)
        made = cls.with_fields(
            base=draw,
            limited=(not _is_constant(low, -INF), not _is_constant(high, INF)),
            parameters=(*names_of(draw, "dist"), "lower", "upper"),
            ranks=(*ranks_of(draw), 0, 0),
            dtype=inside.dtype,
            **fields,
        )
        return made.variable([*inner, low, high], shape, size)

    @classmethod
    def _parts(cls, parameters: Sequence[Tensor]) -> tuple[Component, Tensor, Tensor]:
        *inner, lower, upper = parameters
        return (cls.base, tuple(inner)), lower, upper

    @classmethod
    def batch_shape(cls, *parameters: Tensor) -> Shape:
        part, lower, upper = cls._parts(parameters)
        return broadcast_shapes(batch_of(part), lower.type.shape, upper.type.shape, what=f"parameters of {cls.__name__}")

    @classmethod
    def checks(cls, *parameters: Tensor) -> list[Check]:
        part, lower, upper = cls._parts(parameters)
        order = [(lower <= upper, "lower must not be greater than upper")] if all(cls.limited) else []
        return [*order, *component_checks(cls.base.name, part)]

    @classmethod
    def is_mixed(cls) -> bool:
        return cls.base.distribution.is_mixed()

    @classmethod
    def ends(cls, *parameters: Tensor) -> tuple[Any, Any] | None:
        if not cls._discrete():
            return None
        part, lower, upper = cls._parts(parameters)
        least, most = part[0].distribution.ends(*part[1]) or (-INF, INF)
        return pt.maximum(least, lower), pt.minimum(most, upper)

    @classmethod
    def _discrete(cls) -> bool:
        return np.dtype(cls.dtype).kind in "iu"

    @classmethod
    def _below(cls, lower: Tensor) -> Tensor:
        """Where the distribution function does not count `lower` itself: a discrete one steps there."""
        return lower - 1.0 if cls._discrete() else lower

    @classmethod
    def _between(cls, lower: Tensor, upper: Tensor) -> Tensor:
        """A point between the limits."""
        if all(cls.limited):
            middle = (lower + upper) / 2.0
            return pt.floor(middle) if cls._discrete() else middle
        if cls.limited[0]:
            return lower + 1.0
        return upper - 1.0 if cls.limited[1] else pt.zeros_like(upper)


class Truncated(Modified):
    """A distribution of numbers, restricted to an interval.

        g(x) = f(x) / (F(upper) - F(lower)), for lower <= x <= upper

    where `f` and `F` are the density and the distribution function of `dist`. Of a discrete
    distribution `lower` itself belongs to the interval: `F` is taken below it.

    Parameters
    ----------
    dist
        The distribution, made by ``.dist()``; it must have a `logcdf`.
    lower, upper
        Limits, both inside; ``None`` for none.
    max_n_steps
        How often a draw by rejection is tried, where `dist` has no quantile function. In its upper tail, and where rejection finds
        nothing, quantiles are sought with `logccdf`. Where no number lies between the limits, draws are errors (NaN of an expression that
        is evaluated by itself, the smallest integer where discrete).

    Examples
    --------
    >>> from workbench.distributions.continuous import Exponential
    >>> from workbench.transforms.logprob import logp
    >>> x = Truncated.dist(Exponential.dist(1.0), lower=2.0)
    >>> round(float(logp(x, 2.5).eval()), 6)  # an exponential forgets where it was
    -0.5
    """

    max_n_steps: ClassVar[int] = 10_000

    @classmethod
    def dist(  # type: ignore[override]
        cls, dist: Any, lower: Any = None, upper: Any = None, max_n_steps: int = 10_000, *, shape: Any = None, size: Any = None
    ) -> Tensor:
        if isinstance(dist, Tensor) and isinstance(dist.op, Draw) and dist.op.distribution is Normal:
            return _truncated_normal(dist, lower, upper, shape, size)
        discrete = isinstance(dist, Tensor) and np.dtype(dist.dtype).kind in "iu"
        support = DISCRETE if discrete else INTERVAL
        return cls._made(dist, lower, upper, shape, size, max_n_steps=int(max_n_steps), support=support)

    @classmethod
    def _parts(cls, parameters: Sequence[Tensor]) -> tuple[Component, Tensor, Tensor]:
        """The distribution, and the limits; of a discrete one the outermost whole numbers within them."""
        part, lower, upper = super()._parts(parameters)
        return (part, pt.ceil(lower), pt.floor(upper)) if cls._discrete() else (part, lower, upper)

    @classmethod
    def checks(cls, *parameters: Tensor) -> list[Check]:
        found = super().checks(*parameters)
        if all(cls.limited) and cls._discrete():
            *_, lower, upper = parameters
            order = (lower <= upper, "lower must not be greater than upper")
            found = [order, (pt.ceil(lower) <= pt.floor(upper), "there must be a whole number between lower and upper"), *found[1:]]
        return found

    @classmethod
    def _inside(cls, value: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
        above = value >= lower if cls.limited[0] else None
        below = value <= upper if cls.limited[1] else None
        if above is None or below is None:
            return above if above is not None else below if below is not None else pt.ones_like(value, dtype="bool")
        return pt.logical_and(above, below)

    @classmethod
    def _log_between(cls, part: Component, start: Tensor | None, end: Tensor | None) -> Tensor:
        """Logarithm of the probability that `dist` is more than `start`, and at most `end`; ``None`` for no limit."""
        inside, inner = part[0].distribution, part[1]
        if start is None:
            return pt.zeros_like(inner[0]) if end is None else inside.logcdf(end, *inner)
        if end is None:
            return inside.logccdf(start, *inner)
        at_start, at_end = inside.logcdf(start, *inner), inside.logcdf(end, *inner)
        # In the upper tail the distribution function is 1 at both ends: its complement keeps digits.
        low_half = at_start < -0.5
        more = pt.where(low_half, at_end, inside.logccdf(start, *inner))
        less = pt.where(low_half, at_start, inside.logccdf(end, *inner))
        # Of nothing, and of nothing but a rounding, there is no logarithm of a quotient.
        none = pt.logical_or(pt.equal(more, -INF), less >= more)
        return pt.where(none, -INF, more + pt.log1mexp(pt.where(none, -1.0, less - more)))

    @classmethod
    def _ends(cls, lower: Tensor, upper: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """The limits, as `_log_between` takes them."""
        return cls._below(lower) if cls.limited[0] else None, upper if cls.limited[1] else None

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        part, lower, upper = cls._parts(parameters)
        density = logp_of(part, value)
        if not any(cls.limited):
            return density
        mass = cls._log_between(part, *cls._ends(lower, upper))
        return pt.where(cls._inside(value, lower, upper), density - mass, -INF)

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        return cls._log_side(value, parameters, above=False)

    @classmethod
    def logccdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        return cls._log_side(value, parameters, above=True)

    @classmethod
    def _log_side(cls, value: Tensor, parameters: Sequence[Tensor], above: bool) -> Tensor:
        """The logarithm of the mass on one side of `value`."""
        part, lower, upper = cls._parts(parameters)
        start, end = cls._ends(lower, upper)
        found = cls._log_between(part, value, end) if above else cls._log_between(part, start, value)
        if any(cls.limited):
            found = found - cls._log_between(part, start, end)
        below_lower, from_upper = (0.0, -INF) if above else (-INF, 0.0)
        if start is not None:
            found = pt.where(value < lower, below_lower, found)
        return found if end is None else pt.where(value >= upper, from_upper, found)

    @classmethod
    def icdf(cls, q: Tensor, *parameters: Tensor) -> Tensor:
        part, lower, upper = cls._parts(parameters)
        inside, inner = part[0].distribution, part[1]
        start = pt.exp(inside.logcdf(cls._below(lower), *inner)) if cls.limited[0] else 0.0
        end = pt.exp(inside.logcdf(upper, *inner)) if cls.limited[1] else 1.0
        # Rounding may lead past a limit.
        return pt.clip(inside.icdf(start + q * (end - start), *inner), lower, upper)

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        part, lower, upper = cls._parts(parameters)
        u = pt.random.uniform(key, shape)
        mass, tail = cls._mass(parameters), pt.constant(False)
        try:
            found = cls.icdf(u, *parameters)
            if cls.limited[0]:
                # There the distribution function is about 1, rounded: draws would be some hundred different numbers, or one.
                tail = part[0].distribution.logcdf(cls._below(lower), *part[1]) > UPPER_TAIL
            drawn = pt.logical_and(pt.isfinite(found), pt.logical_not(tail))
        except NotImplementedError:
            likely = pt.constant(True) if mass is None or not any(cls.limited) else mass > RARE
            found, drawn = cls._by_rejection(key, shape, parameters, likely)
        nothing: Any = np.iinfo(cls.dtype).min if cls._discrete() else np.nan
        if mass is not None:
            for wanted, sought in cls._searches(u, mass, drawn, parameters):
                found, drawn = pt.where(wanted, sought, found), pt.logical_or(drawn, pt.logical_and(wanted, pt.isfinite(sought)))
        return pt.cast(pt.where(drawn, found, nothing), cls.dtype)

    @classmethod
    def _searches(cls, u: Tensor, mass: Tensor, drawn: Tensor, parameters: Sequence[Tensor]) -> Iterator[tuple[Tensor, Tensor]]:
        """What is not `drawn` and can be sought, and what is found there: from the lower limit upwards, or if there is none from the upper one downwards."""
        _, lower, upper = cls._parts(parameters)
        missing = pt.logical_and(pt.logical_not(drawn), mass > -INF)
        from_lower = pt.isfinite(lower)
        if cls.limited[0]:
            wanted = pt.logical_and(missing, from_lower)
            yield wanted, quantile_above(lambda x: cls.logcdf(x, *parameters), pt.log(u), lower, upper, wanted, cls._discrete())
        if cls.limited[1] and not (isinstance(lower.op, Constant) and np.isfinite(lower.op.value).all()):
            wanted = pt.logical_and(missing, pt.logical_and(pt.logical_not(from_lower), pt.isfinite(upper)))
            # Upwards of the negative ones; of a discrete one the probability of `x` or more is that of more than the number before.
            found = quantile_above(lambda y: cls.logccdf(cls._below(-y), *parameters), pt.log(u), -upper, -lower, wanted, cls._discrete())
            yield wanted, -found

    @classmethod
    def _mass(cls, parameters: Sequence[Tensor]) -> Tensor | None:
        """The logarithm of the probability between the limits, of what has a distribution function."""
        part, lower, upper = cls._parts(parameters)
        try:
            return cls._log_between(part, *cls._ends(lower, upper))
        except NotImplementedError:
            return None

    @classmethod
    def checks_of_draws(cls, *parameters: Tensor) -> list[Check]:
        mass = cls._mass(parameters) if any(cls.limited) else None
        inner = cls.base.distribution.__name__
        here = [] if mass is None else [(mass > -INF, f"{inner} has no probability between the limits that a number can hold: nothing can be drawn")]
        return [*super().checks_of_draws(*parameters), *here]

    @classmethod
    def _by_rejection(cls, key: Tensor, shape: tuple[int, ...], parameters: Sequence[Tensor], likely: Tensor) -> tuple[Tensor, Tensor]:
        """Draws, and which of them lie between the limits; where that is not `likely`, none is tried."""
        part, lower, upper = cls._parts(parameters)

        def again(turn: Tensor, drawn: Tensor, waiting: Tensor) -> list[Tensor]:
            candidate = draw_of(part, pt.random.fold_in(key, turn), shape)
            taken = pt.logical_and(waiting, cls._inside(candidate, lower, upper))
            return [turn + 1, pt.where(taken, candidate, drawn), pt.logical_and(waiting, pt.logical_not(taken))]

        likely = pt.broadcast_to(likely, shape)
        first = [pt.cast(0, "int64"), pt.zeros(shape, dtype=cls.dtype), likely]
        _, drawn, waiting = pt.while_loop(
            lambda turn, drawn, waiting: pt.logical_and(pt.any(waiting), turn < cls.max_n_steps), again, first,
            names=("turn", "drawn", "waiting"),
        )  # fmt: skip
        return drawn, pt.logical_and(likely, pt.logical_not(waiting))

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        part, lower, upper = cls._parts(parameters)
        own = pt.cast(support_point_of(part, batch_of(part)), "float64")
        if cls._discrete():
            ends = part[0].distribution.ends(*part[1]) or (-INF, INF)
            between = cls._between(lower, upper)
            there = pt.logical_and(between >= ends[0], between <= ends[1])
            nearest = pt.minimum(pt.maximum(own, lower), upper)
            return pt.where(cls._inside(own, lower, upper), own, pt.where(there, between, nearest))
        # A bound itself is no point to start from: unconstrained, it is infinite.
        low, high = cls.bounds(*parameters)
        middle = _between_bounds(low, high)
        with suppress(NotImplementedError):
            # The median, if `dist` has gaps and the middle is in one.
            middle = pt.where(logp_of(part, middle) > -INF, middle, cls.icdf(pt.constant(0.5), *parameters))
        return pt.where(pt.logical_and(own > low, own < high), own, middle)

    @classmethod
    def bounds(cls, *parameters: Tensor) -> tuple[Any, Any]:
        """The limits, or those of `dist` where they are narrower."""
        (draw, inner), lower, upper = cls._parts(parameters)
        inside = draw.distribution
        own: tuple[Any, Any] = inside.bounds(*inner) if inside.support == INTERVAL else OF_SUPPORT.get(inside.support, (-INF, INF))
        least, most = own
        return _narrower(pt.maximum, lower, least, -INF), _narrower(pt.minimum, upper, most, INF)


OF_SUPPORT = {POSITIVE: (0.0, INF), UNIT: (0.0, 1.0)}


def _narrower(narrow: Callable[..., Tensor], limit: Tensor, own: Any, none: float) -> Tensor:
    """The narrower of two bounds; `none` is the one that is no bound."""
    bound = as_tensor(own)
    if _is_constant(bound, none):
        return limit
    return bound if _is_constant(limit, none) else narrow(limit, bound)


def _between_bounds(low: Tensor, high: Tensor) -> Tensor:
    """A point between bounds that may be infinite."""
    from_below, from_above = pt.isfinite(low), pt.isfinite(high)
    middle = 0.5 * pt.where(from_below, low, 0.0) + 0.5 * pt.where(from_above, high, 0.0)
    beside = pt.where(from_below, low + 1.0, pt.where(from_above, high - 1.0, 0.0))
    return pt.where(pt.logical_and(from_below, from_above), middle, beside)


def _truncated_normal(normal: Tensor, lower: Any, upper: Any, shape: Any, size: Any) -> Tensor:
    """A truncated normal variable, which has formulas of its own that keep their digits in the tails."""
    draw, (mu, sigma) = component("Truncated: dist", normal)
    if shape is None and size is None:
        limits = [as_tensor(x).type.shape for x in (lower, upper) if x is not None]
        shape = broadcast_shapes(normal.type.shape, *limits, what="parameters of Truncated")
    return TruncatedNormal.dist(mu, sigma, lower=lower, upper=upper, shape=shape, size=size)


class Censored(Modified):
    """A distribution of numbers seen through limits: what is beyond one is recorded as the limit.

        P(x = lower) = F(lower),  P(x = upper) = 1 - F(upper),  density f(x) for lower < x < upper

    where `f` and `F` are the density and the distribution function of `dist`. Of a discrete
    distribution, `upper` itself counts in its own place: P(x = upper) = 1 - F(upper - 1).

    Parameters
    ----------
    dist
        The distribution, made by ``.dist()``; it must have a `logcdf`.
    lower, upper
        Limits; ``None`` or infinite for none.

    Examples
    --------
    >>> from workbench.distributions.continuous import Normal
    >>> from workbench.transforms.logprob import logp
    >>> x = Censored.dist(Normal.dist(0.0, 1.0), lower=None, upper=0.0)
    >>> round(float(logp(x, 0.0).eval()), 6)  # half of the mass
    -0.693147
    """

    @classmethod
    def dist(  # type: ignore[override]
        cls, dist: Any, lower: Any = -INF, upper: Any = INF, *, shape: Any = None, size: Any = None
    ) -> Tensor:
        discrete = isinstance(dist, Tensor) and np.dtype(dist.dtype).kind in "iu"
        return cls._made(dist, lower, upper, shape, size, support=DISCRETE if discrete else REAL)

    @classmethod
    def checks(cls, *parameters: Tensor) -> list[Check]:
        found = super().checks(*parameters)
        if cls._discrete():
            # What is beyond a limit is recorded as that limit, which must be a value of the distribution then.
            for name, limit, near, here in zip(("lower", "upper"), parameters[-2:], ("floor", "ceil"), cls.limited):
                if here:
                    found.append((pt.equal(limit, pt.floor(limit)), f"{name} must be a whole number (numpy.{near} makes it one, with the same probabilities)"))
        return found

    @classmethod
    def is_mixed(cls) -> bool:
        return not cls._discrete() and (any(cls.limited) or super().is_mixed())

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        part, lower, upper = cls._parts(parameters)
        inside, inner = part[0].distribution, part[1]
        density = logp_of(part, value)
        if cls.limited[0]:
            # Taken at the value, where they are equal: at an infinite limit the derivative could be NaN.
            at_lower = pt.where(pt.equal(value, lower), inside.logcdf(value, *inner), density)
            density = pt.where(value < lower, -INF, at_lower)
        if cls.limited[1]:
            at_upper = pt.where(pt.equal(value, upper), inside.logccdf(cls._below(value), *inner), density)
            density = pt.where(value > upper, -INF, at_upper)
        return density

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        part, lower, upper = cls._parts(parameters)
        result = part[0].distribution.logcdf(value, *part[1])
        if cls.limited[0]:
            result = pt.where(value < lower, -INF, result)
        return pt.where(value >= upper, 0.0, result) if cls.limited[1] else result

    @classmethod
    def icdf(cls, q: Tensor, *parameters: Tensor) -> Tensor:
        part, lower, upper = cls._parts(parameters)
        return pt.clip(part[0].distribution.icdf(q, *part[1]), lower, upper)

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        part, lower, upper = cls._parts(parameters)
        drawn = draw_of(part, key, shape)
        if cls.limited[0]:
            drawn = pt.maximum(drawn, pt.cast(lower, cls.dtype))
        return pt.minimum(drawn, pt.cast(upper, cls.dtype)) if cls.limited[1] else drawn

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        part, lower, upper = cls._parts(parameters)
        between = cls._between(lower, upper)
        # What is recorded of the support point itself can be, wherever the limits lie.
        recorded = pt.minimum(pt.maximum(pt.cast(support_point_of(part, batch_of(part)), "float64"), lower), upper)
        return pt.where(logp_of(part, between) > -INF, between, recorded)


def _is_constant(x: Tensor, value: float) -> bool:
    return isinstance(x.op, Constant) and bool(np.all(x.op.value == value))
