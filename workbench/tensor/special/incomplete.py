"""Incomplete gamma and beta functions, with derivatives in all their parameters.

The derivative in a shape parameter is an integral whose integrand changes sign once: for the gamma
function, of ``t**(a - 1) * exp(-t) * (log(t) - digamma(a)) / gamma(a)`` from 0 to x. Over the whole range it
is zero, so the integral may be taken over whichever side of x has one sign: nothing cancels. With
``t = x * exp(-s)`` (or beyond x, ``exp(s)``) it runs over a half line, where the trapezoidal rule after
``s = exp(w - exp(-w))`` converges exponentially (Takahasi and Mori, "Double exponential formulas", 1974).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from workbench.graph.domain import Interval, unit
from workbench.tensor import shape as _shape
from workbench.tensor.declaration import ScalarOp, callback, elementwise
from workbench.tensor.elementwise import abs as absolute
from workbench.tensor.elementwise import (
    exp,
    expm1,
    log,
    log1p,
    logical_and,
    logical_not,
    logical_or,
    maximum,
    sqrt,
    square,
    where,
)
from workbench.tensor.markers import stop_gradient
from workbench.tensor.reduction import reductions as _reduction
from workbench.tensor.special import incomplete_beta_forms as beta_forms
from workbench.tensor.special import incomplete_forms as forms
from workbench.tensor.special.functions import betaln, digamma, gamma, gammaln, scipy_form, trigamma
from workbench.tensor.tensor import Tensor, as_tensor

STEP = 0.06
_w = np.arange(-3.8, 11.0, STEP)
NODES = np.exp(_w - np.exp(-_w))
WEIGHTS = STEP * NODES * (1.0 + np.exp(-_w))

FACTORS = np.cumprod([1.0, *(-1.0 / k for k in range(1, 20))])
"""(-1)**k / k!"""


def _half_line(integrand: Callable[[Any], Any], slope: Any, curvature: Any) -> Any:
    """Return the integral from 0 to infinity of a function that decays as its logarithm's derivatives at 0 say."""
    length = 1.0 / (np.abs(slope) + np.sqrt(np.abs(curvature)))
    return length * sum(w * integrand(length * s) for s, w in zip(NODES.tolist(), WEIGHTS.tolist()))


def _doubles(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that computes in float64 what broadcasts, and says nothing of infinities."""

    def call(*values: Any) -> Any:
        wide = np.broadcast_arrays(*(np.asarray(v, np.float64) for v in values))
        with np.errstate(all="ignore"):
            return np.asarray(function(*wide), np.result_type(*values))

    return call


def _jax_doubles(name: str, on_host: Callable[..., Any]) -> Callable[..., Any]:
    """Return JAX's function of that name, computed in float64: its series loses digits in float32, and ends early for large shapes."""
    host = callback(on_host)

    def call(*values: Any) -> Any:
        import jax
        import jax.numpy as jnp
        import jax.scipy.special

        at_home = getattr(jax.scipy.special, name)
        wide = jnp.broadcast_arrays(*(jnp.asarray(v, "float64") for v in values))
        large = functools.reduce(jnp.maximum, wide[:-1])
        found = jax.lax.cond(jnp.any(large > 1e3), host, at_home, *wide)
        return found.astype(jnp.result_type(*values))

    return call


def _gammainc_by_a(a: Any, x: Any) -> Any:
    from scipy.special import gammaln, psi

    mean, start = psi(a), np.log(x)
    below = start <= mean
    side = np.where(below, -1.0, 1.0)

    def integrand(s: Any) -> Any:
        # The density relative to that at x, times the distance of log(t) from its mean.
        return np.exp(side * a * s - x * np.expm1(side * s)) * (start + side * s - mean)

    slope = np.where(below, a - x, 1.0 + np.abs(a - x))
    found = -side * np.exp(a * start - x - gammaln(a)) * _half_line(integrand, slope, x)
    # Where the upper side begins before 1 it is flat for long: there, term by term of the power series in x.
    k = np.arange(20.0)
    shape = a[..., None] + k
    parts = np.where(x < 1, x, 0.0)[..., None] ** k * FACTORS / shape
    series = np.exp(a * start - gammaln(a)) * (parts.sum(-1) * (start - mean) - (parts / shape).sum(-1))
    found = np.where(~below & (x < 1), series, found)
    return np.where((x == 0) | (x == np.inf), 0.0, found)


def _betainc_by_a(a: Any, b: Any, x: Any) -> Any:
    from scipy.special import psi

    rest, mean = 1.0 - x, psi(a) - psi(a + b)
    below = np.log(x) <= mean
    # The side taken, as powers of t (or of 1 - t) that decay from x on: near**p * far**(q - 1).
    near, far = np.where(below, x, rest), np.where(below, rest, x)
    p, q = np.where(below, a, b), np.where(below, b, a)

    def integrand(s: Any) -> Any:
        other = far - near * np.expm1(-s)
        log_t = np.where(below, np.log(near) - s, np.log(other))
        return np.exp((q - 1.0) * np.log(other / far) - p * s) * (log_t - mean)

    steep = (q - 1.0) * near / far
    front = np.exp(p * np.log(near) + (q - 1.0) * np.log(far) - _betaln(a, b))
    found = np.where(below, 1.0, -1.0) * front * _half_line(integrand, p - steep, steep / far)
    # As for the gamma function, where the upper side begins near 0: the power series in x.
    series = ~below & (x * np.maximum(b, 1.0) < 0.25)
    k = np.arange(25.0)
    factors = np.cumprod(np.where(k == 0, 1.0, (k - b[..., None]) / np.maximum(k, 1.0)), -1)
    shape = a[..., None] + k
    parts = np.where(series, x, 0.0)[..., None] ** k * factors / shape
    near_zero = np.exp(a * np.log(x) - _betaln(a, b)) * (parts.sum(-1) * (np.log(x) - mean) - (parts / shape).sum(-1))
    found = np.where(series, near_zero, found)
    return np.where((x == 0) | (x == 1), 0.0, found)


def _gamma(upper: bool) -> Callable[..., Any]:
    """SciPy's function; the uniform expansion of compiled code for large shapes, where SciPy's lower tail has no digits."""

    def call(a: Any, x: Any) -> Any:
        from scipy.special import erfc

        near = (a >= 200) & (np.abs(x - a) < 0.3 * a) & (a < np.inf)
        shape, at = np.where(near, a, 200.0), np.where(near, x, 200.0)
        e = (at - shape) / shape
        r = e / (2 + e)
        half = e * r - 2 * r**3 * np.polyval(forms.ARTANH, r * r)
        eta, rest = np.copysign(np.sqrt(2 * half), e), np.zeros_like(shape)
        for row in forms.TEMME[::-1]:
            rest = rest / shape + np.polyval(row[::-1], eta)
        rest = rest * np.exp(-shape * half) / np.sqrt(2 * math.pi * shape)
        side = 1.0 if upper else -1.0
        uniform = erfc(side * eta * np.sqrt(shape / 2)) / 2 + side * rest
        return np.where(near, uniform, scipy_form("gammaincc" if upper else "gammainc")(a, x))

    return _doubles(call)


@functools.cache
def _python_betainc() -> Callable[..., Any]:
    """The Python form of compiled code, as it is: SciPy's has no digits for large shapes."""
    names: dict[str, Any] = {"np": np, "math": math, "types": None}
    names.update({n: getattr(math, n) for n in ("exp", "log", "log1p", "expm1", "sqrt", "sin", "tan")})
    for text in beta_forms.BETAINC_PY:
        exec(text, names)
    return np.vectorize(names["wb_betainc"], otypes=[np.float64])


def _betainc(a: Any, b: Any, x: Any) -> Any:
    from scipy.special import betainc

    found = np.array(betainc(a, b, x))
    large = (np.maximum(a, b) > 1e5) & (np.minimum(a, b) > 0) & (x > 0) & (x < 1) & (np.maximum(a, b) < np.inf)
    if large.any():
        found[large] = _python_betainc()(a[large], b[large], x[large])
    return found


def _betaln(a: Any, b: Any) -> Any:
    from scipy.special import betaln

    return betaln(a, b)


def _gamma_density(a: Tensor, x: Tensor) -> Tensor:
    return exp((a - 1.0) * log(x) - x - gammaln(a))


def _beta_density(a: Tensor, b: Tensor, x: Tensor) -> Tensor:
    return exp((a - 1.0) * log(x) + (b - 1.0) * log1p(-x) - betaln(a, b))


# The second derivatives in the shapes are integrals over the same half line, as graphs: they have derivatives themselves.


def _integrated(exponent: Callable[[Tensor], Tensor], factor: Callable[[Tensor], Tensor], length: Tensor) -> Tensor:
    """Return the integral of ``factor(s) * exp(exponent(s))`` from 0 to infinity, which falls within a few lengths."""
    length = _shape.expand_dims(stop_gradient(length), -1)
    s = length * NODES
    terms = where(exponent(s) > -700.0, exp(exponent(s)) * factor(s), 0.0) * length * WEIGHTS
    return _reduction.sum(terms, axis=-1)


def _wide(*tensors: Tensor) -> list[Tensor]:
    return [_shape.expand_dims(t, -1) for t in tensors]


def _gammainc_by_a_twice(g: Tensor, a: Tensor, x: Tensor) -> Tensor:
    """The density times ``(log(t) - digamma(a))**2 - trigamma(a)``, over the side of x that `_gammainc_by_a` takes."""
    mean, spread, start = digamma(a), trigamma(a), log(x)
    below = start <= mean
    flat = logical_and(logical_not(below), x < 1.0)
    side = where(below, -1.0, 1.0)
    length = 1.0 / (where(below, absolute(a - x), 1.0 + absolute(a - x)) + sqrt(x))
    wide_side, wide_a, wide_x, wide_mean, wide_spread, wide_start, front = _wide(side, a, x, mean, spread, start, a * start - x - gammaln(a))
    whole = _integrated(
        lambda s: front + wide_side * wide_a * s - wide_x * expm1(wide_side * s),
        lambda s: square(wide_start + wide_side * s - wide_mean) - wide_spread,
        length,
    )
    # The power series in x of the flat side, as in `_gammainc_by_a`.
    k = np.arange(20.0)
    (shape, small) = _wide(a, where(flat, x, 0.5))
    shape = shape + k
    parts = small**k * FACTORS / shape
    once, twice, thrice = (_reduction.sum(t, axis=-1) for t in (parts, parts / shape, 2.0 * parts / square(shape)))
    from_mean = start - mean
    series = exp(a * start - gammaln(a)) * ((square(from_mean) - spread) * once - 2.0 * from_mean * twice + thrice)
    found = where(flat, series, -side * whole)
    return g * where(logical_and(x > 0.0, x < np.inf), found, 0.0)


def _betainc_twice(g: Tensor, a: Tensor, b: Tensor, x: Tensor, *, of_b: bool) -> Tensor:
    """The density times what its second derivative in a, or in a and b, has in front, over the side that `_betainc_by_a` takes."""
    y = 1.0 - x
    mean, other_mean = digamma(a) - digamma(a + b), digamma(b) - digamma(a + b)
    spread = -trigamma(a + b) if of_b else trigamma(a) - trigamma(a + b)
    below = log(x) <= mean
    near, far = where(below, x, y), where(below, y, x)
    p, q = where(below, a, b), where(below, b, a)
    steep = (q - 1.0) * near / far
    length = 1.0 / (absolute(p - steep) + sqrt(absolute(steep / far)))
    front = p * log(near) + (q - 1.0) * log(far) - betaln(a, b)
    below_, near_, far_, p_, q_, mean_, other_, spread_, front_ = _wide(below, near, far, p, q, mean, other_mean, spread, front)

    def rest(s: Tensor) -> Tensor:
        return far_ - near_ * expm1(-s)

    def factor(s: Tensor) -> Tensor:
        falling, rising = log(near_) - s, log(rest(s))
        of_t, of_rest = where(below_, falling, rising), where(below_, rising, falling)
        return (of_t - mean_) * ((of_rest - other_) if of_b else (of_t - mean_)) - spread_

    whole = _integrated(lambda s: front_ + (q_ - 1.0) * log(rest(s) / far_) - p_ * s, factor, length)
    flat = logical_and(logical_not(below), x * maximum(b, 1.0) < 0.25)
    series = _betainc_series(a, b, where(flat, x, 0.1), mean, other_mean, spread, of_b)
    found = where(flat, series, where(below, whole, -whole))
    return g * where(logical_and(x > 0.0, x < 1.0), found, 0.0)


def _betainc_series(a: Tensor, b: Tensor, x: Tensor, mean: Tensor, other_mean: Tensor, spread: Tensor, of_b: bool) -> Tensor:
    """The same by the power series in x, as in `_betainc_by_a`: sums of ``c[k] / (a + k)**n``, and of their derivatives in b."""
    power, slope = as_tensor(1.0), as_tensor(0.0)
    sums: list[Any] = [0.0] * 5
    for k in range(25):
        if k:
            power, slope = power * (k - b) / k * x, (slope * (k - b) - power) / k * x
        shape = a + float(k)
        once, by_b = power / shape, slope / shape
        for i, term in enumerate((once, once / shape, 2.0 * once / square(shape), by_b, by_b / shape)):
            sums[i] = sums[i] + term
    from_mean = log(x) - mean
    if of_b:
        inside = -other_mean * (from_mean * sums[0] - sums[1]) - spread * sums[0] + from_mean * sums[3] - sums[4]
    else:
        inside = (square(from_mean) - spread) * sums[0] - 2.0 * from_mean * sums[1] + sums[2]
    return exp(a * log(x) - betaln(a, b)) * inside


_shapes = Interval(0.2, 20.0)
gammainc_by_a: ScalarOp = elementwise(
    "gammainc_by_a", _doubles(_gammainc_by_a), c="wb_gammainc_by_a({x}, {y})", support=forms.gammainc_by_a(NODES, WEIGHTS), jax="callback", result="float", domain=(_shapes, _shapes), cost=10_000,
    grad=(_gammainc_by_a_twice, lambda g, a, x: g * _gamma_density(a, x) * (log(x) - digamma(a))),
    doc="The derivative of gammainc(a, x) in a.",
)  # fmt: skip
gammainc: ScalarOp = elementwise(
    "gammainc", _gamma(False), c="wb_incomplete_gamma({x}, {y}, 0)", support=forms.INCOMPLETE_GAMMA, jax=_jax_doubles("gammainc", _gamma(False)), result="float", cost=500,
    domain=(_shapes, _shapes),
    grad=(lambda g, a, x: g * gammainc_by_a(a, x), lambda g, a, x: g * _gamma_density(a, x)),
    doc="The regularised lower incomplete gamma function.",
)  # fmt: skip
gammaincc: ScalarOp = elementwise(
    "gammaincc", _gamma(True), c="wb_incomplete_gamma({x}, {y}, 1)", support=forms.INCOMPLETE_GAMMA, jax=_jax_doubles("gammaincc", _gamma(True)), result="float", cost=500,
    domain=(_shapes, _shapes),
    grad=(lambda g, a, x: -g * gammainc_by_a(a, x), lambda g, a, x: -g * _gamma_density(a, x)),
    doc="The regularised upper incomplete gamma function.",
)  # fmt: skip
betainc_by_a: ScalarOp = elementwise(
    "betainc_by_a", _doubles(_betainc_by_a), c="wb_betainc_by_a({x}, {y}, {z})", support=beta_forms.betainc_by_a(NODES, WEIGHTS),
    jax="callback", result="float", domain=(_shapes, _shapes, unit), cost=10_000,
    grad=(functools.partial(_betainc_twice, of_b=False), functools.partial(_betainc_twice, of_b=True),
          lambda g, a, b, x: g * _beta_density(a, b, x) * (log(x) - digamma(a) + digamma(a + b))),
    doc="The derivative of betainc(a, b, x) in a.",
)  # fmt: skip
betainc: ScalarOp = elementwise(
    "betainc", _doubles(_betainc), c="wb_betainc({x}, {y}, {z})", support=beta_forms.BETAINC, jax=_jax_doubles("betainc", _doubles(_betainc)), result="float", cost=500,
    domain=(_shapes, _shapes, unit),
    # betainc(a, b, x) is 1 - betainc(b, a, 1 - x).
    grad=(lambda g, a, b, x: g * betainc_by_a(a, b, x), lambda g, a, b, x: -g * betainc_by_a(b, a, 1.0 - x),
          lambda g, a, b, x: g * _beta_density(a, b, x)),
    doc="The regularised incomplete beta function.",
)  # fmt: skip


# Logarithms ------------------------------------------------------------------------------------
#
# Far in a tail the functions are 0 in double precision. There, with ``t = x * exp(-s)`` (or ``exp(s)``), what is
# integrated falls from x on nearly as an exponential: Gauss and Laguerre's rule of few nodes is exact to rounding.

FAR = 1e-30
"""Where the tail begins: eleven standard deviations out, and the rule is exact from eight on."""


@functools.cache
def _nodes_and_weights() -> tuple[Any, Any]:
    return np.polynomial.laguerre.laggauss(16)


def _log_laguerre(exponent: Callable[[Tensor], Tensor], rate: Tensor) -> Tensor:
    """Return the log of the integral from 0 to infinity of ``exp(exponent(s))``, which is nearly ``exp(-rate * s)``."""
    rate = _shape.expand_dims(rate, -1)
    nodes, weights = _nodes_and_weights()
    terms = weights * exp(nodes + exponent(as_tensor(nodes) / rate))
    return log(_reduction.sum(terms, axis=-1)) - log(rate[..., 0])


def _log_gamma_tail(a: Tensor, x: Tensor, side: float) -> Tensor:
    """Return the log of the regularised gamma function far below the mean (`side` -1) or above it (1)."""
    wide_a, wide_x = _shape.expand_dims(a, -1), _shape.expand_dims(x, -1)
    integral = _log_laguerre(lambda s: side * wide_a * s - wide_x * expm1(side * s), side * (x - a))
    return a * log(x) - x - gammaln(a) + integral


def _log_gamma(function: ScalarOp, a: Any, x: Any, side: float) -> Tensor:
    a, x = as_tensor(a), as_tensor(x)
    direct = function(a, x)
    far = logical_and(logical_and(direct < FAR, side * (x - a) > 0.0), logical_and(x > 0.0, x < np.inf))
    # Each formula where it is taken; elsewhere at numbers where its derivatives are finite.
    tail = _log_gamma_tail(where(far, a, 1.0), where(far, x, 1.0 + 0.5 * side), side)
    return where(far, tail, log(where(far, 1.0, direct)))


def log_gammainc(a: Any, x: Any) -> Tensor:
    """Return the logarithm of ``gammainc(a, x)``, finite where that is no number of the computer.

    Examples
    --------
    >>> round(float(log_gammainc(100.0, 1e-3).eval()), 4)
    -1054.5159
    """
    return _log_gamma(gammainc, a, x, -1.0)


def log_gammaincc(a: Any, x: Any) -> Tensor:
    """Return the logarithm of ``gammaincc(a, x)``, finite where that is no number of the computer.

    Examples
    --------
    >>> float(log_gammaincc(1.0, 1e4).eval())
    -10000.0
    """
    return _log_gamma(gammaincc, a, x, 1.0)


def log_betainc(a: Any, b: Any, x: Any, y: Any) -> Tensor:
    """Return the logarithm of ``betainc(a, b, x)``, finite where that is no number of the computer.

    Parameters
    ----------
    a, b
        Shapes, > 0.
    x, y
        The place, and ``1 - x``: given apart, the small one of them has all of its digits.

    Examples
    --------
    >>> round(float(log_betainc(2.0, 3.0, 1e-200, 1.0).eval()), 4)
    -919.2423
    """
    a, b, x, y = map(as_tensor, (a, b, x, y))
    # Near 1 it is a difference from 1, of what has the digits; but not in the tail, where that difference cancels.
    turned = logical_and(y < 1e-4, y * a < b + 4.0 * sqrt(b) + 8.0)
    found = betainc(where(turned, b, a), where(turned, a, b), where(turned, y, x))
    far = logical_and(logical_and(logical_not(turned), found < FAR), a * y - (b - 1.0) * x > 0.0)
    far = logical_and(far, logical_and(x > 0.0, y > 0.0))
    direct = where(turned, log1p(-where(turned, found, 0.0)), log(where(logical_or(turned, far), 1.0, found)))
    a, b, x, y = (where(far, v, w) for v, w in ((a, 1.0), (b, 1.0), (x, 0.5), (y, 0.5)))
    odds = x / y
    wide_a, wide_b, wide_odds = (_shape.expand_dims(v, -1) for v in (a, b - 1.0, odds))
    integral = _log_laguerre(lambda s: wide_b * log1p(-wide_odds * expm1(-s)) - wide_a * s, a - (b - 1.0) * odds)
    tail = a * log(x) + (b - 1.0) * log(y) - betaln(a, b) + integral
    return where(far, tail, direct)


def gammal(a: Tensor, x: Tensor) -> Tensor:
    """Return the lower incomplete gamma function, not regularised.

    Examples
    --------
    >>> pt.gammal(2.0, 1.0).eval().round(4).tolist()
    0.2642
    """
    return gammainc(a, x) * gamma(a)


def gammau(a: Tensor, x: Tensor) -> Tensor:
    """Return the upper incomplete gamma function, not regularised.

    Examples
    --------
    >>> pt.gammau(2.0, 1.0).eval().round(4).tolist()
    0.7358
    """
    return gammaincc(a, x) * gamma(a)
