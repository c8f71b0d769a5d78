"""Random numbers from continuous distributions that have no simple inverse: by rejection.

A whole array is drawn at once; in each round the elements that were refused are drawn again, under
the key of that round, until none is left. Everything is a graph over the bits of the key, so that
each backend draws the same numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from workbench.tensor import elementwise as _e
from workbench.tensor import shape as _s
from workbench.tensor import trigonometry as _trig
from workbench.tensor.control.flow import while_loop
from workbench.tensor.random import random_bits as _r
from workbench.tensor.reduction import reductions as _reduce
from workbench.tensor.tensor import Tensor, as_tensor

TWO_PI = 2.0 * math.pi
NAN = float("nan")


def spread(parameter: Any, shape: tuple[int, ...]) -> Tensor:
    """Return a parameter as real numbers, one for each element of the result."""
    return _s.broadcast_to(_e.cast(as_tensor(parameter), "float64"), shape)


def in_a_row(parameter: Any, shape: tuple[int, ...]) -> Tensor:
    """Return a parameter as :func:`spread` does, all elements along one axis: a loop over what is still to be drawn has one."""
    return _s.reshape(spread(parameter, shape), (math.prod(shape),))


def until_accepted(
    key: Tensor, valid: Tensor, propose: Callable[[Tensor], tuple[Tensor, Tensor]], otherwise: float = NAN
) -> Tensor:
    """Draw again what is refused, until every element is accepted.

    Parameters
    ----------
    key
        Round `i` draws under ``fold_in(key, i)``.
    valid
        Where the parameters are valid: elsewhere nothing would ever be accepted, and the result is
        `otherwise`.
    propose
        Makes candidates under a key, and says which are accepted.
    otherwise
        The result where the parameters are not valid.
    """

    def again(turn: Tensor, drawn: Tensor, waiting: Tensor) -> list[Tensor]:
        candidate, accepted = propose(_r.fold_in(key, turn))
        taken = _e.logical_and(waiting, accepted)
        return [turn + 1, _e.where(taken, candidate, drawn), _e.logical_and(waiting, _e.logical_not(accepted))]

    first = _s.full(_s.extents(valid), otherwise)
    return while_loop(
        lambda turn, drawn, waiting: _reduce.any(waiting), again, [_e.cast(0, "int64"), first, valid],
        names=("turn", "drawn", "waiting"),
    )[1]  # fmt: skip


def positive_unit(key: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Return uniform numbers strictly between 0 and 1, where a logarithm is finite."""
    return _r.uniform(key, shape) + 2.0**-53


def _gamma_and_log_factor(key: Tensor, shape: tuple[int, ...], alpha: Any) -> tuple[Tensor, Tensor]:
    """A gamma variable of shape parameter at least 1, and the log of what makes it one of `alpha`."""
    alpha, size = in_a_row(alpha, shape), (math.prod(shape),)
    small = alpha < 1.0
    d = _e.where(small, alpha + 1.0, alpha) - 1.0 / 3.0
    c = 1.0 / _e.sqrt(9.0 * d)

    def propose(at: Tensor) -> tuple[Tensor, Tensor]:
        x = _r.normal(_r.fold_in(at, 0), size)
        v = (1.0 + c * x) ** 3
        u = positive_unit(_r.fold_in(at, 1), size)
        positive = v > 0.0
        bound = 0.5 * x * x + d - d * v + d * _e.log(_e.where(positive, v, 1.0))
        return d * v, _e.logical_and(positive, _e.log(u) < bound)

    keys = _r.split(key, 2)
    valid = _e.logical_and(alpha > 0.0, _e.isfinite(alpha))
    drawn = until_accepted(keys[0], valid, propose)
    u = positive_unit(keys[1], size)
    return _s.reshape(drawn, shape), _s.reshape(_e.where(small, _e.log(u) / alpha, 0.0), shape)


def gamma(key: Tensor, shape: tuple[int, ...] = (), alpha: Any = 1.0, scale: Any = 1.0) -> Tensor:
    """Return gamma numbers, of shape parameter `alpha` and mean ``alpha * scale``; NaN where `alpha` is not positive.

    Source: Marsaglia and Tsang, "A simple method for generating gamma variables" (2000).

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> round(float(gamma(pt.random.key(0), (20000,), 2.5).mean().eval()), 1)
    2.5
    """
    drawn, log_factor = _gamma_and_log_factor(key, shape, alpha)
    return drawn * _e.exp(log_factor) * scale


def log_gamma(key: Tensor, shape: tuple[int, ...] = (), alpha: Any = 1.0) -> Tensor:
    """Return logarithms of gamma numbers: finite where the number itself, of a small `alpha`, is not.

    Examples
    --------
    >>> pt.random.log_gamma(pt.random.key(1), (3,)).type.shape
    (3,)
    """
    drawn, log_factor = _gamma_and_log_factor(key, shape, alpha)
    return _e.log(drawn) + log_factor


def chi_square(key: Tensor, shape: tuple[int, ...] = (), nu: Any = 1.0) -> Tensor:
    """Return chi-squared numbers of `nu` degrees of freedom.

    Examples
    --------
    >>> pt.random.chi_square(pt.random.key(1), (3,)).type.shape
    (3,)
    """
    return gamma(key, shape, 0.5 * as_tensor(nu), 2.0)


def student_t(key: Tensor, shape: tuple[int, ...] = (), nu: Any = 1.0) -> Tensor:
    """Return Student's t numbers of `nu` degrees of freedom.

    Examples
    --------
    >>> pt.random.student_t(pt.random.key(1), (3,)).type.shape
    (3,)
    """
    keys = _r.split(key, 2)
    halved = 0.5 * as_tensor(nu)
    return _r.normal(keys[0], shape) * _e.sqrt(halved / gamma(keys[1], shape, halved))


def beta(key: Tensor, shape: tuple[int, ...] = (), a: Any = 1.0, b: Any = 1.0) -> Tensor:
    """Return beta numbers; NaN where a parameter is not positive.

    The share of one of two gamma variables, taken from their logarithms, so that it is not 0/0 for small
    parameters.

    Examples
    --------
    >>> pt.random.beta(pt.random.key(1), (3,)).type.shape
    (3,)
    """
    keys = _r.split(key, 2)
    return _e.sigmoid(log_gamma(keys[0], shape, a) - log_gamma(keys[1], shape, b))


def dirichlet(key: Tensor, shape: tuple[int, ...], alpha: Any) -> Tensor:
    """Return probability vectors, along the last axis of `shape`.

    Parameters
    ----------
    key, shape
        The key, and the shape of the result, its last axis that of `alpha`.
    alpha
        Concentrations, > 0, over the last axis.

    Examples
    --------
    >>> pt.random.dirichlet(pt.random.key(1), (2,), [1.0, 2.0]).type.shape
    (2,)
    """
    return _reduce.softmax(log_gamma(key, shape, alpha), axis=-1)


def cauchy(key: Tensor, shape: tuple[int, ...] = ()) -> Tensor:
    """Return standard Cauchy numbers, as the ratio of two normal ones.

    Examples
    --------
    >>> pt.random.cauchy(pt.random.key(1), (3,)).type.shape
    (3,)
    """
    keys = _r.split(key, 2)
    return _r.normal(keys[0], shape) / _r.normal(keys[1], shape)


def laplace(key: Tensor, shape: tuple[int, ...] = ()) -> Tensor:
    """Return standard Laplace numbers, as the difference of two exponential ones.

    Examples
    --------
    >>> pt.random.laplace(pt.random.key(1), (3,)).type.shape
    (3,)
    """
    keys = _r.split(key, 2)
    return _r.exponential(keys[0], shape) - _r.exponential(keys[1], shape)


def logistic(key: Tensor, shape: tuple[int, ...] = ()) -> Tensor:
    """Return standard logistic numbers, by inversion.

    Examples
    --------
    >>> pt.random.logistic(pt.random.key(1), (3,)).type.shape
    (3,)
    """
    u = positive_unit(key, shape)
    return _e.log(u) - _e.log1p(-u)


def gumbel(key: Tensor, shape: tuple[int, ...] = ()) -> Tensor:
    """Return standard Gumbel numbers (of maxima), by inversion.

    Examples
    --------
    >>> pt.random.gumbel(pt.random.key(1), (3,)).type.shape
    (3,)
    """
    return -_e.log(-_e.log(positive_unit(key, shape)))


def truncated_normal(key: Tensor, shape: tuple[int, ...] = (), lower: Any = -math.inf, upper: Any = math.inf) -> Tensor:
    """Return standard normal numbers between `lower` and `upper`, exact however far in a tail.

    Parameters
    ----------
    key, shape
        The key and the shape of the result.
    lower, upper
        Bounds, which broadcast to `shape`; infinite ones are none. NaN where they are in the wrong order.

    Notes
    -----
    Between bounds on both sides of 0 a normal is proposed, or a uniform if they are near. Elsewhere,
    turned to the positive side, a truncated exponential. Source: Robert, "Simulation of truncated
    normal variables" (1995).

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> x = truncated_normal(pt.random.key(0), (1000,), 30.0, 31.0).eval()
    >>> bool((x > 30.0).all() and (x < 31.0).all())
    True
    """
    low, high = spread(lower, shape), spread(upper, shape)
    turned = high < 0.0
    a, b = _e.where(turned, -high, low), _e.where(turned, -low, high)
    around = a < 0.0
    near = b - a < 2.5
    width = _e.where(near, b - a, 1.0)
    # The tail's nearest bound, the exponential's rate, and where the ratio of densities is greatest.
    start = _e.where(around, 0.0, a)
    rate = 0.5 * (start + _e.sqrt(start * start + 4.0))
    best = _e.minimum(rate, b)
    share = -_e.expm1(-rate * (b - start))

    def propose(at: Tensor) -> tuple[Tensor, Tensor]:
        u = positive_unit(_r.fold_in(at, 0), shape)
        log_v = _e.log(positive_unit(_r.fold_in(at, 1), shape))
        z = _r.normal(_r.fold_in(at, 2), shape)
        uniform = a + width * u
        tail = start - _e.log1p(-u * share) / rate
        log_ratio = 0.5 * ((best - rate) ** 2 - (tail - rate) ** 2)
        candidate = _e.where(around, _e.where(near, uniform, z), tail)
        bound = _e.where(around, _e.where(near, -0.5 * uniform * uniform, 0.0), log_ratio)
        inside = _e.logical_and(candidate >= a, candidate <= b)
        return candidate, _e.logical_and(inside, log_v <= bound)

    drawn = until_accepted(key, _e.logical_and(low < high, _e.logical_and(low < math.inf, high > -math.inf)), propose)
    return _e.where(turned, -drawn, drawn)


def von_mises(key: Tensor, shape: tuple[int, ...] = (), mu: Any = 0.0, kappa: Any = 1.0) -> Tensor:
    """Return angles in [-pi, pi] around `mu`, of concentration `kappa`; NaN where that is negative.

    Source: Best and Fisher, "Efficient simulation of the von Mises distribution" (1979).

    Examples
    --------
    >>> pt.random.von_mises(pt.random.key(1), (3,)).type.shape
    (3,)
    """
    mu, kappa = spread(mu, shape), spread(kappa, shape)
    # Series where the closed form cancels: of small and of large concentrations.
    small, large = kappa < 1e-5, kappa > 1e6
    k = _e.where(_e.logical_or(small, large), 1.0, kappa)
    r = 1.0 + _e.sqrt(1.0 + 4.0 * k * k)
    rho = (r - _e.sqrt(2.0 * r)) / (2.0 * k)
    s = _e.where(small, 1.0 / kappa + kappa, (1.0 + rho * rho) / (2.0 * rho))

    def propose(at: Tensor) -> tuple[Tensor, Tensor]:
        z = _trig.cos(math.pi * _r.uniform(_r.fold_in(at, 0), shape))
        w = (1.0 + s * z) / (s + z)
        y = kappa * (s - w)
        v = positive_unit(_r.fold_in(at, 1), shape)
        keep = _e.logical_or(y * (2.0 - y) >= v, _e.log(y / v) + 1.0 >= y)
        return w, keep

    keys = _r.split(key, 3)
    by_rejection = _e.logical_and(kappa >= 1e-8, _e.logical_not(large))
    w = _e.clip(until_accepted(keys[0], by_rejection, propose), -1.0, 1.0)
    u = _r.uniform(keys[1], shape)
    angle = _e.where(u < 0.5, -1.0, 1.0) * _trig.arccos(w)
    flat = math.pi * (2.0 * u - 1.0)
    narrow = _r.normal(keys[2], shape) / _e.sqrt(kappa)
    angle = _e.where(kappa < 1e-8, flat, _e.where(large, narrow, angle))
    return _e.where(kappa >= 0.0, wrap_angle(angle + mu), NAN)


def wrap_angle(angle: Tensor) -> Tensor:
    """Return an angle brought into [-pi, pi]."""
    return _e.clip(angle - TWO_PI * _e.rint(angle / TWO_PI), -math.pi, math.pi)


def wald(key: Tensor, shape: tuple[int, ...] = (), mu: Any = 1.0, lam: Any = 1.0) -> Tensor:
    """Return inverse Gaussian numbers, of mean `mu` and shape parameter `lam`.

    Source: Michael, Schucany and Haas, "Generating random variates using transformations with multiple
    roots" (1976).

    Examples
    --------
    >>> pt.random.wald(pt.random.key(1), (3,)).type.shape
    (3,)
    """
    mu, lam = spread(mu, shape), spread(lam, shape)
    keys = _r.split(key, 2)
    y = mu * _r.normal(keys[0], shape) ** 2 / (2.0 * lam)
    # The smaller root of the quadratic, mu * (1 + y - sqrt(y * (y + 2))), without cancellation.
    x = mu / (1.0 + y + _e.sqrt(y * (y + 2.0)))
    return _e.where(_r.uniform(keys[1], shape) * (mu + x) <= mu, x, mu * (mu / x))


def polya_gamma(key: Tensor, shape: tuple[int, ...] = (), h: Any = 1.0, z: Any = 0.0) -> Tensor:
    """Return Polya-gamma numbers, for any `h` > 0; NaN where it is not.

    The sum of gamma variables that defines them. All terms from the seventeenth on are one gamma
    variable, shifted, with the mean, variance and skewness of their sum.
    Source: Polson, Scott and Windle, "Bayesian inference for logistic models using Polya-gamma latent
    variables" (2013), equation 2.

    Examples
    --------
    >>> pt.random.polya_gamma(pt.random.key(1), (3,)).type.shape
    (3,)
    """
    h, z = spread(h, shape), spread(z, shape)
    terms = _TERMS
    c = _e.abs(z) / TWO_PI
    half_odd = _s.reshape(_s.arange(terms, dtype="float64") + 0.5, (terms,) + (1,) * len(shape))
    weights = 1.0 / (2.0 * math.pi**2 * (half_odd**2 + c * c))
    mean, variance, third = (factor * h * x for factor, x in zip((1.0, 1.0, 2.0), _rest(c)))
    alpha, scale = 4.0 * variance * (variance / third) ** 2, third / (2.0 * variance)
    is_term = _s.reshape(_s.arange(terms + 1) < terms, (terms + 1,) + (1,) * len(shape))
    drawn = gamma(key, (terms + 1, *shape), _e.where(is_term, h, alpha))
    return _reduce.sum(drawn[:terms] * weights, axis=0) + drawn[terms] * scale + (mean - alpha * scale)


_TERMS = 16


def _rest(c: Tensor) -> list[Tensor]:
    """Sums over k from the seventeenth of the weights, their squares and their cubes.

    By Euler and Maclaurin's formula: the integral from 16, and the first correction.
    """
    a = float(_TERMS)
    ratio = c / a
    squared = ratio * ratio
    near = ratio < 0.25
    r, q = _e.where(near, 1.0, ratio), _e.where(near, 1.0, squared)
    angle, inverse = _trig.arctan(r) / r, 1.0 / (1.0 + q)
    second = (angle - inverse) / (2.0 * q)
    third = (3.0 * second - inverse * inverse) / (4.0 * q)
    closed = (angle, second, third)
    # The integrals' series in the squared ratio stand in where the closed forms cancel.
    sums = []
    for power, form in enumerate(closed, start=1):
        coefficients = tuple(math.comb(m + power - 1, m) / (2 * m + 2 * power - 1) for m in reversed(range(14)))
        series = _r.horner(-squared, coefficients)
        integral = _e.where(near, series, form) / a ** (2 * power - 1)
        slope = -2.0 * power * a * (a * a + c * c) ** -(power + 1.0)
        sums.append((integral + slope / 24.0) / (2.0 * math.pi**2) ** power)
    return sums
