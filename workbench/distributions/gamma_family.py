"""The exponential and the gamma distribution, and those made of it."""

from __future__ import annotations

from typing import Any

import workbench.tensor as pt
from workbench.distributions.constraints import positive
from workbench.distributions.deviances import are_large, deviance, gamma_rest
from workbench.distributions.distribution import POSITIVE, Distribution
from workbench.distributions.families import Family
from workbench.distributions.formulas import INF, finite_from, inside_of, power_log, quantile, where_valid
from workbench.errors import ModelError
from workbench.tensor.special.incomplete import log_gammainc, log_gammaincc
from workbench.tensor.special.incomplete_inverses import gammainccinv, gammaincinv
from workbench.tensor.tensor import Tensor, as_tensor


class Exponential(Distribution):
    """Exponential distribution on the positive numbers.

        f(x) = lam * exp(-lam * x), for x >= 0

    Parameters
    ----------
    lam
        Rate, > 0; 1 by default.
    scale
        ``1 / lam``: an alternative to `lam`.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.Exponential("x", lam=1.0)
    """

    parameters = ("lam",)
    family = Family(scale="lam", power=-1.0)
    domains = {"lam": positive}
    support = POSITIVE

    @classmethod
    def arguments(cls, lam: Any = None, *, scale: Any = None) -> tuple[Any, ...]:
        if lam is not None and scale is not None:
            raise ModelError("give lam or scale, not both")
        return (1.0 / as_tensor(scale) if scale is not None else 1.0 if lam is None else lam,)

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        (lam,) = parameters
        return where_valid(value >= 0.0, pt.log(lam) - lam * value)

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        (lam,) = parameters
        return where_valid(value > 0.0, pt.log1mexp(-lam * value))

    @classmethod
    def logccdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        (lam,) = parameters
        return -lam * pt.maximum(value, 0.0)

    @classmethod
    def icdf(cls, q: Tensor, *parameters: Tensor) -> Tensor:
        return quantile(q, -pt.log1p(-q) / parameters[0])

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        return pt.random.exponential(key, shape) / parameters[0]

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        return 1.0 / parameters[0]


class Gamma(Distribution):
    """Gamma distribution.

        f(x) = beta**alpha * x**(alpha - 1) * exp(-beta * x) / Gamma(alpha), for x >= 0

    Parameters
    ----------
    alpha
        Shape, > 0.
    beta
        Rate, > 0.
    mu, sigma
        Mean and standard deviation, > 0: an alternative to `alpha` and `beta`.

    Examples
    --------
    >>> x = Gamma.dist(mu=3.0, sigma=1.5)
    >>> [float(p.eval()) for p in x.inputs[1:]]
    [4.0, 1.3333333333333333]
    """

    parameters = ("alpha", "beta")
    family = Family(scale="beta", power=-1.0)
    domains = {"alpha": positive, "beta": positive}
    support = POSITIVE

    @classmethod
    def arguments(cls, alpha: Any = None, beta: Any = None, mu: Any = None, sigma: Any = None) -> tuple[Any, ...]:
        if alpha is not None and beta is not None and mu is None and sigma is None:
            return alpha, beta
        if alpha is None and beta is None and mu is not None and sigma is not None:
            mu, sigma = as_tensor(mu), as_tensor(sigma)
            return (mu / sigma) ** 2, mu / (sigma * sigma)
        raise ModelError("Gamma: give either alpha and beta, or mu and sigma")

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        alpha, beta = parameters
        x = inside_of(pt.logical_and(value >= 0.0, value < INF), value, 1.0)
        if are_large(alpha):
            some = pt.where(x > 0.0, x, 1.0)
            density = pt.where(x > 0.0, -deviance(alpha, beta * some) - pt.log(some) - gamma_rest(alpha), -INF)
        else:
            density = alpha * pt.log(beta) - pt.gammaln(alpha) + power_log(x, alpha - 1.0) - beta * x
        return finite_from(value, 0.0, density)

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        alpha, beta = parameters
        inside = value > 0.0
        return where_valid(inside, log_gammainc(alpha, beta * pt.where(inside, value, 1.0)))

    @classmethod
    def logccdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        alpha, beta = parameters
        inside = value > 0.0
        return pt.where(inside, log_gammaincc(alpha, beta * pt.where(inside, value, 1.0)), 0.0)

    @classmethod
    def icdf(cls, q: Tensor, *parameters: Tensor) -> Tensor:
        alpha, beta = parameters
        return quantile(q, gammaincinv(alpha, q) / beta)

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        alpha, beta = parameters
        return pt.random.gamma(key, shape, alpha) / beta

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        alpha, beta = parameters
        return alpha / beta


class ChiSquared(Distribution):
    """Chi-squared distribution: of the sum of `nu` squared standard normal variables.

        f(x) = x**(nu / 2 - 1) * exp(-x / 2) / (2**(nu / 2) * Gamma(nu / 2)), for x >= 0

    Parameters
    ----------
    nu
        Degrees of freedom, > 0.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.ChiSquared("x", nu=3.0)
    """

    parameters = ("nu",)
    domains = {"nu": positive}
    support = POSITIVE

    @classmethod
    def arguments(cls, nu: Any) -> tuple[Any, ...]:
        return (nu,)

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        return Gamma.logp(value, *_of_nu(parameters[0]))

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        return Gamma.logcdf(value, *_of_nu(parameters[0]))

    @classmethod
    def logccdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        return Gamma.logccdf(value, *_of_nu(parameters[0]))

    @classmethod
    def icdf(cls, q: Tensor, *parameters: Tensor) -> Tensor:
        return Gamma.icdf(q, *_of_nu(parameters[0]))

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        return pt.random.chi_square(key, shape, parameters[0])

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        return parameters[0]


def _of_nu(nu: Tensor) -> tuple[Tensor, Tensor]:
    """The parameters of the gamma distribution that the chi-squared one is."""
    return 0.5 * nu, pt.constant(0.5)


class InverseGamma(Distribution):
    """Inverse gamma distribution: of the reciprocal of a gamma variable.

        f(x) = beta**alpha / Gamma(alpha) * x**(-alpha - 1) * exp(-beta / x), for x > 0

    Parameters
    ----------
    alpha
        Shape, > 0.
    beta
        Scale, > 0; 1 by default.
    mu, sigma
        Mean and standard deviation, > 0: an alternative to `alpha` and `beta`.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.InverseGamma("x", alpha=3.0, beta=1.0)
    """

    parameters = ("alpha", "beta")
    family = Family(scale="beta")
    domains = {"alpha": positive, "beta": positive}
    support = POSITIVE

    @classmethod
    def arguments(cls, alpha: Any = None, beta: Any = None, mu: Any = None, sigma: Any = None) -> tuple[Any, ...]:
        if alpha is not None and mu is None and sigma is None:
            return alpha, 1.0 if beta is None else beta
        if alpha is None and beta is None and mu is not None and sigma is not None:
            mu = as_tensor(mu)
            alpha = 2.0 + (mu / sigma) ** 2
            return alpha, mu * (alpha - 1.0)
        raise ModelError("InverseGamma: give either alpha and beta, or mu and sigma")

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        alpha, beta = parameters
        inside = value > 0.0
        x = inside_of(inside, value, 1.0)
        density = alpha * pt.log(beta) - pt.gammaln(alpha) - beta / x - (alpha + 1.0) * pt.log(x)
        return where_valid(inside, density)

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        alpha, beta = parameters
        inside = value > 0.0
        return where_valid(inside, log_gammaincc(alpha, beta / pt.where(inside, value, 1.0)))

    @classmethod
    def logccdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        alpha, beta = parameters
        inside = value > 0.0
        return pt.where(inside, log_gammainc(alpha, beta / pt.where(inside, value, 1.0)), 0.0)

    @classmethod
    def icdf(cls, q: Tensor, *parameters: Tensor) -> Tensor:
        alpha, beta = parameters
        return quantile(q, beta / gammainccinv(alpha, q))

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        alpha, beta = parameters
        return beta / pt.random.gamma(key, shape, alpha)

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        """The mean; the mode where there is none."""
        alpha, beta = parameters
        return beta / pt.where(alpha > 1.0, alpha - 1.0, alpha + 1.0)
