"""Transforms of constrained numbers, each by itself, in PyMC's names; and chains of transforms."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import workbench.tensor as pt
from workbench.distributions.distribution import CIRCULAR, UNIT
from workbench.errors import ModelError
from workbench.graph.frozen import frozen
from workbench.graph.types import Shape
from workbench.tensor.tensor import Tensor, as_tensor
from workbench.transforms.change_of_variables import BY_SUPPORT, IntervalTransform, Log, Transform


@frozen
class LogOdds(Transform):
    """Numbers between 0 and 1, by their log-odds."""

    name = "logodds"

    def backward(self, value: Tensor, rv: Tensor) -> Tensor:
        return pt.sigmoid(value)

    def forward(self, value: Tensor, rv: Tensor) -> Tensor:
        return pt.logit(value)

    def log_jacobian(self, value: Tensor, rv: Tensor) -> Tensor:
        return -value - 2.0 * pt.softplus(-value)

    def limits(self, rv: Tensor) -> tuple[Any, Any]:
        return 0.0, 1.0


@frozen
class LogExpM1(Transform):
    """Positive numbers, by log(exp(x) - 1): like the logarithm near 0, like x itself far from it."""

    name = "log_exp_m1"

    def backward(self, value: Tensor, rv: Tensor) -> Tensor:
        return pt.softplus(value)

    def forward(self, value: Tensor, rv: Tensor) -> Tensor:
        return value + pt.log(-pt.expm1(-value))

    def log_jacobian(self, value: Tensor, rv: Tensor) -> Tensor:
        return -pt.softplus(-value)

    def limits(self, rv: Tensor) -> tuple[Any, Any]:
        return 0.0, None


@frozen
class Circular(Transform):
    """Angles from -pi to pi: any real number, wrapped around the circle."""

    name = "circular"

    def backward(self, value: Tensor, rv: Tensor) -> Tensor:
        return pt.arctan2(pt.sin(value), pt.cos(value))

    def forward(self, value: Tensor, rv: Tensor) -> Tensor:
        return as_tensor(value)

    def log_jacobian(self, value: Tensor, rv: Tensor) -> Tensor:
        return pt.zeros_like(value)

    def limits(self, rv: Tensor) -> tuple[Any, Any]:
        return -math.pi, math.pi


class Interval(IntervalTransform):
    """Numbers between two bounds, or on one side of a bound.

    Parameters
    ----------
    lower, upper
        Bounds, constant numbers; ``None`` or an infinity for none.
    bounds_fn
        Gives the bounds in place of these: a function of the variable's key, its shape and its
        parameters (in PyMC: ``rng, size, *parameters``) that returns ``(lower, upper)``.

    Raises
    ------
    ModelError
        If there is no bound at all, or the lower one is not below the upper one.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.Normal("x", 0.0, 1.0, transform=Interval(lower=-1.0, upper=1.0))
    >>> list(model.initial_point())
    ['x_interval__']
    """

    def __init__(self, lower: Any = None, upper: Any = None, *, bounds_fn: Callable[..., Any] | None = None) -> None:
        self.bounds_fn = bounds_fn
        self.lower: float | None = None
        self.upper: float | None = None
        if bounds_fn is not None:
            if lower is not None or upper is not None:
                raise ModelError("Interval: give bounds, or bounds_fn, not both")
            return
        self.lower, self.upper = _bound("lower", lower), _bound("upper", upper)
        if self.lower is None and self.upper is None:
            raise ModelError("Interval: there is no bound", "give lower, upper, or both; None for no transform")
        if self.lower is not None and self.upper is not None and not self.lower < self.upper:
            raise ModelError(f"Interval: the lower bound {self.lower} is not below the upper one, {self.upper}")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Interval) and self._content == other._content

    def __hash__(self) -> int:
        return hash((Interval, self._content))

    @property
    def _content(self) -> tuple[Any, ...]:
        return self.lower, self.upper, self.bounds_fn

    def bounds(self, rv: Tensor) -> tuple[Any, Any]:
        """The lower and the upper bound; ``None`` for none."""
        if self.bounds_fn is None:
            return self.lower, self.upper
        key, *parameters = rv.inputs
        found: tuple[Any, Any] = self.bounds_fn(key, rv.type.shape, *parameters)
        return found


def _bound(name: str, bound: Any) -> float | None:
    if bound is None:
        return None
    try:
        number = float(bound)
    except (TypeError, ValueError):
        raise ModelError(
            f"Interval: the {name} bound must be a number, got {bound!r}", "bounds_fn gives bounds that depend on parameters"
        ) from None
    if math.isnan(number):
        raise ModelError(f"Interval: the {name} bound is NaN")
    return None if math.isinf(number) else number


class Chain(Transform):
    """One transform after another: `forward` applies them in order, `backward` in reverse.

    Parameters
    ----------
    transform_list
        At least one transform.

    Examples
    --------
    >>> import workbench as pm
    >>> from workbench.transforms import ordered
    >>> with pm.Model() as model:
    ...     x = pm.Exponential("x", 1.0, shape=3, transform=ordered, initval=[1.0, 2.0, 3.0])
    >>> model.rvs_to_transforms[x].transform_list
    (Log(), Ordered(positive=False, ascending=True))
    >>> model.initial_point()["x_chain__"].round(3)
    array([ 0.   , -0.367, -0.903])
    """

    name = "chain"

    def __init__(self, transform_list: Any) -> None:
        self.transform_list = tuple(transform_list)
        if not self.transform_list:
            raise ModelError("Chain: there is no transform in it", "give at least one; None for no transform")
        for t in self.transform_list:
            if not isinstance(t, Transform):
                raise ModelError(f"Chain: {t!r} is no transform", "for example Chain([log, ordered])")
        self.event_rank = max(t.event_rank for t in self.transform_list)

    def backward(self, value: Tensor, rv: Tensor) -> Tensor:
        for t in reversed(self.transform_list):
            value = t.backward(value, rv)
        return value

    def forward(self, value: Tensor, rv: Tensor) -> Tensor:
        for t in self.transform_list:
            value = t.forward(value, rv)
        return value

    def log_jacobian(self, value: Tensor, rv: Tensor) -> Tensor:
        terms = []
        for t in reversed(self.transform_list):
            terms.append(t.log_jacobian(value, rv))
            value = t.backward(value, rv)
        rank = min(t.ndim for t in terms)
        total = None
        for term in terms:
            term = pt.sum(term, axis=tuple(range(rank, term.ndim))) if term.ndim > rank else term
            total = term if total is None else total + term
        assert total is not None
        return total

    def reaches(self, value: Tensor, rv: Tensor) -> Tensor:
        found = []
        for t in self.transform_list:
            found.append(t.reaches(value, rv))
            value = t.forward(value, rv)
        rank = min(r.ndim for r in found)
        return pt.all(pt.stack([pt.all(r, axis=tuple(range(rank, r.ndim))) if r.ndim > rank else r for r in found]), axis=0)

    def value_shape(self, shape: Shape) -> Shape:
        for t in self.transform_list:
            shape = t.value_shape(shape)
        return shape


BY_SUPPORT.setdefault(UNIT, lambda rv: LogOdds())
BY_SUPPORT.setdefault(CIRCULAR, lambda rv: Circular())

log = Log()
logodds = LogOdds()
log_exp_m1 = LogExpM1()
circular = Circular()
