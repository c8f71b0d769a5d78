"""Constrained variables seen from unconstrained space: transforms with their Jacobians, as rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.distributions.continuous import HalfNormal, Uniform
from workbench.distributions.distribution import INTERVAL, POSITIVE, Draw, event_rank
from workbench.graph.expr import Constant, Expr, Input, Op, intern
from workbench.graph.frozen import frozen
from workbench.graph.provenance import derived
from workbench.graph.rewrite import rule
from workbench.graph.traverse import ancestors
from workbench.graph.types import Shape, TensorType
from workbench.tensor.tensor import Tensor
from workbench.transforms.logprob import logp_node

ROUNDING = 1e-7
"""So far, relative to its size, may a value that is mapped there and back be from itself."""


class Transform:
    """A smooth one-to-one map of the real line onto a support.

    A subclass makes a transform of one's own: it gives `name`, `backward`, `forward` and
    `log_jacobian` (or, in PyMC's name, `log_jac_det`), and `value_shape` if the unconstrained value has
    another shape.

    Attributes
    ----------
    name
        The ending of value variables' names, as in PyMC (``sigma_log__``).
    event_rank
        How many of the last axes it maps together (0: element by element).
    onto
        Whether it leads to all of the variable's support, whatever that is. What leads to a part of it only restricts the variable.
    """

    event_rank: int = 0
    onto: bool = False

    @property
    def name(self) -> str:
        raise NotImplementedError

    def backward(self, value: Tensor, rv: Tensor) -> Tensor:
        """From unconstrained space to the support."""
        raise NotImplementedError

    def forward(self, value: Tensor, rv: Tensor) -> Tensor:
        """From the support to unconstrained space."""
        raise NotImplementedError

    def log_jacobian(self, value: Tensor, rv: Tensor) -> Tensor:
        """Logarithm of the (determinant of the) derivative of `backward`, without its event axes."""
        of_pymc = getattr(self, "log_jac_det", None)
        if of_pymc is None:
            raise NotImplementedError(f"{type(self).__name__}.log_jacobian")
        found: Tensor = of_pymc(value, rv)
        return found

    def logp(self, value: Tensor, rv: Tensor) -> Tensor:
        """Log-density of `rv` at ``backward(value)``, for a transform that has more than that: a determinant with all digits."""
        return logp_node(rv, self.backward(value, rv))

    def density(self, value: Tensor, rv: Tensor) -> Tensor | None:
        """Log-density of the unconstrained value itself, for a transform that has it without a Jacobian; ``None`` otherwise."""
        return None

    def limits(self, rv: Tensor) -> tuple[Any, Any] | None:
        """The interval that single numbers are mapped to, ``None`` for an end without bound; ``None`` if `backward` maps to no interval."""
        return None

    def reaches(self, value: Tensor, rv: Tensor) -> Tensor:
        """Whether `backward` leads to `value`: of what it maps together, True or False."""
        limits = self.limits(rv)
        if limits is not None:
            sides = [value >= limits[0] if limits[0] is not None else None, value <= limits[1] if limits[1] is not None else None]
            known = [side for side in sides if side is not None]
            return pt.ones_like(value, dtype="bool") if not known else known[0] if len(known) == 1 else pt.logical_and(*known)
        there = self.forward(value, rv)
        again = self.backward(there, rv)
        # A map of someone's own: NaN outside of its range, or another value.
        return abs(again - value) <= ROUNDING * (1.0 + abs(value))

    @property
    def inputs(self) -> tuple[Tensor, ...]:
        """Expressions of a model that the map depends on, beside the variable's parameters."""
        return ()

    def with_inputs(self, inputs: Sequence[Tensor]) -> Transform:
        """Return the transform with other expressions in the place of `inputs`."""
        return self

    def value_shape(self, shape: Shape) -> Shape:
        """Shape of the unconstrained value of a variable of `shape`."""
        return shape


@frozen
class Log(Transform):
    """Positive numbers, by their logarithm."""

    name = "log"

    def backward(self, value: Tensor, rv: Tensor) -> Tensor:
        return pt.exp(value)

    def forward(self, value: Tensor, rv: Tensor) -> Tensor:
        return pt.log(value)

    def log_jacobian(self, value: Tensor, rv: Tensor) -> Tensor:
        return value

    def limits(self, rv: Tensor) -> tuple[Any, Any]:
        return 0.0, None


@frozen
class IntervalTransform(Transform):
    """Numbers between two bounds, by the log-odds of their place between them; on one side of one, by the logarithm."""

    name = "interval"

    def bounds(self, rv: Tensor) -> tuple[Any, Any]:
        """The lower and the upper bound; ``None`` for none."""
        lower, upper = _bounds(rv)
        return lower, upper

    def limits(self, rv: Tensor) -> tuple[Any, Any]:
        return self.bounds(rv)

    def backward(self, value: Tensor, rv: Tensor) -> Tensor:
        return self._by_sides(
            rv,
            lambda lower, upper: lower + (upper - lower) * pt.sigmoid(value),
            lambda lower: lower + pt.exp(value),
            lambda upper: upper - pt.exp(value),
            lambda: value,
        )

    def forward(self, value: Tensor, rv: Tensor) -> Tensor:
        return self._by_sides(
            rv,
            lambda lower, upper: pt.log(value - lower) - pt.log(upper - value),
            lambda lower: pt.log(value - lower),
            lambda upper: pt.log(upper - value),
            lambda: value,
        )

    def log_jacobian(self, value: Tensor, rv: Tensor) -> Tensor:
        return self._by_sides(
            rv,
            lambda lower, upper: pt.log(pt.as_tensor(upper) - lower) - 2.0 * pt.softplus(-value) - value,
            lambda _: value,
            lambda _: value,
            lambda: pt.zeros_like(value),
        )

    def _by_sides(
        self,
        rv: Tensor,
        between: Callable[[Any, Any], Tensor],
        above: Callable[[Any], Tensor],
        below: Callable[[Any], Tensor],
        free: Callable[[], Tensor],
    ) -> Tensor:
        """The formula for the bounds that there are, by elements where some have them and some have not."""
        (lower, from_below), (upper, from_above) = map(_finite, self.bounds(rv))
        return _either(
            from_below,
            lambda: _either(from_above, lambda: between(lower, upper), lambda: above(lower)),
            lambda: _either(from_above, lambda: below(upper), free),
        )


def _bounds(rv: Tensor) -> list[Tensor | None]:
    """The lower and the upper bound; ``None`` for none."""
    assert isinstance(rv.op, Draw)
    bounds = rv.op.distribution.bounds(*rv.inputs[1:])
    return [None if isinstance(b.op, Constant) and np.isinf(b.op.value).all() else b for b in bounds]


def _finite(bound: Any) -> tuple[Any, Any]:
    """A bound, 0 where it is infinite, and where it is not: True or False where that is known of all elements.

    What depends on random variables is taken for finite: infinite bounds are written down, or are data.
    """
    if bound is None:
        return None, False
    if isinstance(bound, Expr) and not any(isinstance(x.op, (Draw, Input)) for x in ancestors([bound])):
        there = pt.isfinite(bound)
        if not isinstance(bound.op, Constant) or not np.isfinite(bound.op.value).all():
            return pt.where(there, bound, 0.0), there
    return bound, True


def _either(there: Any, one: Callable[[], Tensor], other: Callable[[], Tensor]) -> Tensor:
    if isinstance(there, bool):
        return one() if there else other()
    return pt.where(there, one(), other())


BY_SUPPORT: dict[str, Callable[[Tensor], Transform]] = {
    POSITIVE: lambda rv: Log(),
    INTERVAL: lambda rv: IntervalTransform(),
}
"""The transform of a random variable by the support of its distribution; none where it is missing."""


def default_transform(rv: Tensor) -> Transform | None:
    """Return the transform that the support of `rv` asks for, if any."""
    assert isinstance(rv.op, Draw)
    make = BY_SUPPORT.get(rv.op.distribution.support)
    return make(rv) if make is not None else None


@frozen
class UnconstrainedLogProb(Op):
    """The log-density of a variable (first input) in the unconstrained space of `transform`."""

    transform: Transform
    jacobian: bool
    event_rank: int = 0
    name = "logp_unconstrained"

    def infer(self, x: TensorType, value: TensorType) -> TensorType:
        return TensorType("float64", x.shape[: x.ndim - self.event_rank])


def unconstrained_logp(rv: Tensor, value: Tensor, transform: Transform | None, jacobian: bool) -> Tensor:
    """Return the log-density of `rv` at an unconstrained `value`, not derived yet."""
    if transform is None:
        return logp_node(rv, value)
    together = rv.ndim - transform.log_jacobian(value, rv).ndim
    rank = max(event_rank(rv), transform.event_rank, together)
    return intern(UnconstrainedLogProb(transform, jacobian, rank), (rv, value))


def _examples() -> list[Any]:
    v = pt.vector("value", 3)
    return [
        unconstrained_logp(HalfNormal.dist(1.0, shape=(3,)), v, Log(), True),
        unconstrained_logp(Uniform.dist(1.0, 2.0, shape=(3,)), v, IntervalTransform(), True),
    ]


@rule("logprob", ops=(UnconstrainedLogProb,), examples=_examples)
def change_of_variables(expr: Expr) -> Expr | None:
    """In other coordinates the density is multiplied by how much the map stretches (its Jacobian)."""
    rv, value = expr.inputs
    op = expr.op
    assert isinstance(op, UnconstrainedLogProb)
    rank = expr.type.ndim
    term = summed_to(op.transform.logp(value, rv), rank)
    if not op.jacobian:
        return term
    with derived(expr.provenance, "change_of_variables", "change of variables"):
        stretched = summed_to(op.transform.log_jacobian(value, rv), rank)
    return term + stretched


def summed_to(x: Tensor, rank: int) -> Tensor:
    """Sum the last axes so that `rank` are left."""
    return pt.sum(x, axis=tuple(range(rank, x.ndim))) if x.ndim > rank else x
