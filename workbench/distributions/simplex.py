"""Distributions of vectors of probabilities."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

import workbench.tensor as pt
from workbench.distributions.constraints import Constraint, positive
from workbench.distributions.distribution import SIMPLEX, Distribution, cast_real
from workbench.errors import ModelError
from workbench.graph.expr import Constant
from workbench.graph.types import Shape
from workbench.tensor.tensor import Tensor, as_tensor

INF = float("inf")

positive_vector = Constraint("positive", lambda x: pt.all(x > 0.0, axis=-1))


def log_power(x: Tensor, exponent: Tensor) -> Tensor:
    """Return ``exponent * log(x)``, where 0 to the power of 0 is 1; minus infinity at 0 for any other exponent."""
    inside = x > 0.0
    # At 0 the logarithm would be infinite, and 0 times it, or its gradient, NaN.
    at_zero = pt.where(pt.equal(exponent, 0.0), 0.0, -INF)
    return pt.where(inside, exponent * pt.log(pt.where(inside, x, 1.0)), pt.where(pt.isnan(x), x, at_zero))


class Dirichlet(Distribution):
    """Dirichlet distribution of vectors of probabilities.

        f(x) = Gamma(sum(a)) / prod(Gamma(a)) * prod(x**(a - 1)), for x >= 0 of sum 1

    Parameters
    ----------
    a
        Concentrations, > 0, shape ``(..., k)``.

    Notes
    -----
    Shape ``(..., k)``. Mean ``a / sum(a)``. As in PyMC the density does not ask whether a value sums to
    1, so that rounded data can be observed, and at an element 0 it is zero unless its concentration is 1.

    Examples
    --------
    >>> from workbench.transforms.logprob import logp
    >>> x = Dirichlet.dist(a=[1.0, 1.0, 1.0])
    >>> round(float(logp(x, [0.2, 0.3, 0.5]).eval()), 4)  # uniform: log(2)
    0.6931
    """

    parameters = ("a",)
    domains = {"a": positive_vector}
    event_rank = 1
    ranks = (1,)
    support = SIMPLEX

    @classmethod
    def arguments(cls, a: Any) -> tuple[Any, ...]:
        return (a,)

    @classmethod
    def event_shape(cls, *parameters: Tensor) -> Shape:
        return parameters[0].type.shape[-1:]

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        (a,) = parameters
        density = pt.sum(log_power(value, a - 1.0) - pt.gammaln(a), axis=-1) + pt.gammaln(pt.sum(a, axis=-1))
        outside = pt.any(pt.logical_or(value < 0.0, value > 1.0), axis=-1)
        return pt.where(outside, -INF, density)

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        return pt.random.dirichlet(key, shape, parameters[0])

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        (a,) = parameters
        return a / pt.sum(a, axis=-1, keepdims=True)


class StickBreakingWeights(Distribution):
    """Weights of a truncated Dirichlet process: a stick is broken `K` times, the rest is the last weight.

        x[i] = v[i] * (1 - v[0]) * ... * (1 - v[i-1]),  v[i] ~ Beta(1, alpha)

    Parameters
    ----------
    alpha
        Concentration, > 0: the larger, the more weights count.
    K
        Number of breaks, at least 1, a number: there are ``K + 1`` weights.

    Notes
    -----
    Shape ``(..., K + 1)``. Source: Ishwaran and James, "Gibbs sampling methods for stick-breaking
    priors" (2001).

    Examples
    --------
    >>> StickBreakingWeights.dist(alpha=2.0, K=4).type.shape
    (5,)
    """

    parameters = ("alpha",)
    domains = {"alpha": positive}
    event_rank = 1
    support = SIMPLEX
    K: ClassVar[int] = 0

    @classmethod
    def dist(cls, alpha: Any, K: Any, *, shape: Any = None, size: Any = None) -> Tensor:  # type: ignore[override]
        count = as_tensor(K)
        if not isinstance(count.op, Constant) or count.ndim or int(count.op.value) != float(count.op.value) or count.op.value < 1:
            raise ModelError(f"StickBreakingWeights: K must be a whole number, at least 1, got {K!r}", "how many breaks there are does not follow data: give a number")
        made = StickBreakingWeights.with_fields(K=int(count.op.value))
        return made.variable([cast_real(alpha)], shape, size)

    @classmethod
    def event_shape(cls, *parameters: Tensor) -> tuple[int, ...]:
        return (cls.K + 1,)

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        (alpha,) = parameters
        # What is left of the stick before each break, and after the last one.
        # By their logarithms: they may underflow where the weights before them take all.
        weights = pt.log(value[..., 1:])
        after = np.triu(np.ones((cls.K, cls.K), bool))[: cls.K - 1]
        left = pt.logsumexp(pt.where(after, pt.expand_dims(weights, -2), -INF), axis=-1)
        last = value[..., -1]
        density = cls.K * pt.log(alpha) - pt.sum(left, axis=-1) + log_power(last, alpha - 1.0)
        total = pt.sum(value, axis=-1)
        # PyMC's tolerance of rounding.
        inside = pt.logical_and(pt.all(value >= 0.0, axis=-1), pt.abs(total - 1.0) <= 1e-5 + 1e-8)
        return pt.where(inside, density, -INF)

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        # A Beta(1, alpha) variable is 1 - u^(1/alpha); so what is left after each break is a product of powers.
        alpha = pt.expand_dims(parameters[0], -1)
        log_left = -pt.random.exponential(key, (*shape[:-1], cls.K)) / alpha
        before = pt.cumsum(log_left, axis=-1) - log_left
        broken = pt.exp(before) * -pt.expm1(log_left)
        return pt.concatenate([broken, pt.exp(pt.sum(log_left, axis=-1, keepdims=True))], axis=-1)

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        alpha = pt.expand_dims(parameters[0], -1)
        left = alpha / (1.0 + alpha)
        return pt.concatenate([left ** np.arange(float(cls.K)) / (1.0 + alpha), left**cls.K], axis=-1)
