"""Formulas that log-densities of one's own are written with, under PyMC's names."""

from __future__ import annotations

import math
from typing import Any

import workbench.tensor as pt
from workbench.distributions.constraints import CheckParameters
from workbench.distributions.distribution import cast_real
from workbench.distributions.formulas import log_ndtr_difference, power_log
from workbench.graph.expr import intern
from workbench.names import answers
from workbench.tensor import betaln, gammaln, i0e, i1e, sigmoid
from workbench.tensor.tensor import Tensor, as_tensor


def check_parameters(expr: Any, *conditions: Any, msg: str = "parameters are outside of their domain", can_be_replaced_by_ninf: bool = True) -> Tensor:
    """Return a log-density where all conditions hold: minus infinity elsewhere in a compiled model, an error in ``.eval()``.

    Examples
    --------
    >>> float(check_parameters(-1.5, pt.constant(2.0) > 0.0, msg="sigma > 0").eval())
    -1.5
    """
    if not conditions:
        return as_tensor(expr)
    holds = pt.all(pt.stack([pt.all(as_tensor(c)) for c in conditions]))
    return intern(CheckParameters(msg, ()), (cast_real(expr), holds))  # type: ignore[return-value]


def zvalue(value: Any, mu: Any, sigma: Any) -> Tensor:
    """Return how many standard deviations a value lies above the mean."""
    return (as_tensor(value) - mu) / sigma


def std_cdf(x: Any) -> Tensor:
    """Return the distribution function of the standard normal."""
    return pt.ndtr(x)


def normal_lcdf(mu: Any, sigma: Any, x: Any) -> Tensor:
    """Return the logarithm of the distribution function of a normal."""
    return pt.log_ndtr(zvalue(x, mu, sigma))


def normal_lccdf(mu: Any, sigma: Any, x: Any) -> Tensor:
    """Return the logarithm of the probability that a normal variable is larger than `x`."""
    return pt.log_ndtr(-zvalue(x, mu, sigma))


def log_diff_normal_cdf(mu: Any, sigma: Any, x: Any, y: Any) -> Tensor:
    """Return the logarithm of the probability that a normal variable lies between `y` and `x`."""
    return log_ndtr_difference(zvalue(y, mu, sigma), zvalue(x, mu, sigma))


def logpow(x: Any, m: Any) -> Tensor:
    """Return ``log(x ** m)``."""
    return power_log(as_tensor(x), as_tensor(m))


def factln(n: Any) -> Tensor:
    """Return the logarithm of the factorial."""
    return gammaln(as_tensor(n) + 1.0)


def binomln(n: Any, k: Any) -> Tensor:
    """Return the logarithm of the binomial coefficient."""
    n, k = as_tensor(n), as_tensor(k)
    return factln(n) - factln(k) - factln(n - k)


def multigammaln(a: Any, p: int) -> Tensor:
    """Return the logarithm of the multivariate gamma function of dimension `p`."""
    halves = (1.0 - pt.arange(1.0, p + 1.0)) / 2.0
    return p * (p - 1) / 4.0 * math.log(math.pi) + pt.sum(gammaln(as_tensor(a)[..., None] + halves), axis=-1)


def log_i0(x: Any) -> Tensor:
    """Return the logarithm of the modified Bessel function of order 0."""
    return pt.log(i0e(x)) + pt.abs(as_tensor(x))


def rho2sigma(rho: Any) -> Tensor:
    """Return ``log(1 + exp(rho))``, which is positive."""
    return pt.softplus(rho)


def sigma2rho(sigma: Any) -> Tensor:
    """Return the inverse of :func:`rho2sigma`."""
    return pt.log(pt.expm1(pt.abs(as_tensor(sigma))))


def rv_size_is_none(size: Any) -> bool:
    """Whether no size was given."""
    return size is None


def collect_default_updates(*variables: Any, **options: Any) -> dict[Any, Any]:
    """Return nothing: random variables have keys, which a loop makes new ones of at every step by itself."""
    return {}


__all__ = [
    "betaln", "binomln", "check_parameters", "collect_default_updates", "factln", "gammaln", "i0e", "i1e", "log_diff_normal_cdf", "log_i0", "logpow",
    "multigammaln", "normal_lccdf", "normal_lcdf", "rho2sigma", "rv_size_is_none", "sigma2rho", "sigmoid", "std_cdf", "zvalue",
]  # fmt: skip


__getattr__ = answers(__name__)
