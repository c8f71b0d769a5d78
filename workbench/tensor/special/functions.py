"""Special functions: error, gamma, beta and Bessel functions, with their derivatives.

NumPy's form is SciPy's; C and Numba have forms of their own (``forms.py``) or call SciPy back; JAX has
``jax.scipy.special`` where that is as exact, or calls SciPy back.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from workbench.graph.domain import Integers, Interval, inf, positive, real, unit
from workbench.tensor import elementwise as _e
from workbench.tensor.declaration import Form, NoForm, ScalarOp, callback, elementwise
from workbench.tensor.elementwise import divide, exp, isinf, reciprocal, sign, sqrt, square, where
from workbench.tensor.exponential import libm
from workbench.tensor.special import forms
from workbench.tensor.tensor import Tensor, as_tensor

ROOT_PI = math.sqrt(math.pi)
ROOT_2PI = math.sqrt(2 * math.pi)


def scipy_form(name: str) -> Callable[..., Any]:
    """Return SciPy's function, imported when it is called; its result has the operands' dtype.

    It computes in float64: of some functions, SciPy's float32 forms lose several digits.
    """

    def call(*values: Any) -> Any:
        import scipy.special

        wide = [np.asarray(v, np.float64) for v in values]
        return np.asarray(getattr(scipy.special, name)(*wide), np.result_type(*values))

    return call


def _special(
    name: str, doc: str, domain: Any, grad: Any, c: Form | None = None, py: Form | None = None, *, jax: Any = "",
    cost: int = 200, **rest: Any,
) -> ScalarOp:  # fmt: skip
    """Declare a function of SciPy; `jax` is as in :func:`elementwise`, ``jax.scipy.special.<name>`` by default."""
    return elementwise(
        name, rest.pop("function", None) or scipy_form(name), c=c, py=py, grad=grad, domain=domain, result="float", doc=doc, cost=cost,
        jax=jax or f"jax.scipy.special.{name}", **rest,
    )  # fmt: skip


# Error function and normal distribution -------------------------------------------------------

erf: ScalarOp = _special("erf", "The error function.", real, lambda g, x: g * (2 / ROOT_PI) * exp(-square(x)), "erf({x})", cost=30)
erfc: ScalarOp = _special(
    "erfc", "1 - erf(x), without loss of digits.", real, lambda g, x: -g * (2 / ROOT_PI) * exp(-square(x)),
    "erfc({x})", "math.erfc({x})", support=libm("erfc"), cost=40,
)  # fmt: skip


def _integrated_tail(x: Tensor) -> Tensor:
    """The integral of erfc from x >= 6 on, relative to erfc(x): the fraction of the recurrence of Abramowitz and Stegun 7.2.5."""
    ratio = divide(0.5, x)
    for n in range(14, 0, -1):
        ratio = divide(0.5, x + (n + 1.0) * ratio)
    return ratio


def _erfcx_slope(g: Tensor, x: Tensor) -> Tensor:
    """2 x erfcx(x) - 2 / sqrt(pi), whose terms cancel for large x."""
    far = x > 6.0
    tail = -2.0 * erfcx(x) * _integrated_tail(where(far, x, 6.0))
    return g * where(far, tail, 2.0 * x * erfcx(x) - 2 / ROOT_PI)


def _jax_erfcx(x: Any) -> Any:
    """What the C form does, every branch on numbers of its own."""
    import jax.numpy as jnp
    from jax.scipy.special import erfc

    far, middle = jnp.where(x > 4, x, 5.0), jnp.where((x > 0.5) & (x <= 4), x, 1.0)
    t = 1 / (far * far)
    above, below = (jnp.polyval(jnp.asarray(c), t) for c in forms.ERFCX_FAR)
    far_value = (1 / ROOT_PI - t * above / below) / far
    above, below = (jnp.polyval(jnp.asarray(c), middle) for c in forms.ERFCX_MIDDLE)
    near = jnp.where(x <= 0.5, x, 0.0)
    h = jnp.rint(near * 16) / 16
    near_value = jnp.where(near < -27, jnp.inf, jnp.exp(h * h) * jnp.exp((near - h) * (near + h)) * erfc(near))
    found = jnp.where(x > 4, far_value, jnp.where(x > 0.5, above / below, near_value))
    return jnp.where(x != x, x, found).astype(x.dtype)


def _jax_log_ndtr(x: Any) -> Any:
    import jax.numpy as jnp
    from jax.scipy.special import erfc

    low, high = jnp.where(x < -1, x, -1.0), jnp.where(x < -1, 0.0, x)
    tail = jnp.log(_jax_erfcx(-low / math.sqrt(2)) / 2) - low * low / 2
    return jnp.where(x < -1, tail, jnp.log1p(-erfc(high / math.sqrt(2)) / 2))


def _jax_quantile(q: Any, tail: Any) -> Any:
    """The normal quantile of 1/2 + q; JAX's own loses the digits of tails near 1."""
    import jax.numpy as jnp

    def ratio(tables: Any, x: Any) -> Any:
        above, below = (jnp.polyval(jnp.asarray(c, x.dtype), x) for c in tables)
        return above / below

    central = jnp.abs(q) <= 0.425
    r = jnp.sqrt(-jnp.log(jnp.where(central, 0.5, tail)))
    near, far = jnp.where(r <= 5, r, 1.6) - 1.6, jnp.where(r > 5, r, 5.0) - 5.0
    outer = jnp.where(r <= 5, ratio(forms.TAIL, near), jnp.where(r == jnp.inf, jnp.inf, ratio(forms.FAR_TAIL, far)))
    inner = jnp.where(central, q, 0.0)
    found = jnp.where(central, q * ratio(forms.CENTRE, 0.180625 - inner * inner), jnp.where(q < 0, -outer, outer))
    return jnp.where(tail >= 0, found, jnp.nan).astype(q.dtype)


def _jax_erfinv(x: Any) -> Any:
    return _jax_quantile(x / 2, (1 - abs(x)) / 2) / math.sqrt(2)


def _jax_erfcinv(x: Any) -> Any:
    import jax.numpy as jnp

    return -_jax_quantile((x - 1) / 2, jnp.minimum(x, 2 - x) / 2) / math.sqrt(2)


def _jax_ndtri(x: Any) -> Any:
    import jax.numpy as jnp

    return _jax_quantile(x - 0.5, jnp.minimum(x, 1 - x))


erfcx: ScalarOp = _special(
    "erfcx", "exp(x**2) * erfc(x).", Interval(-5.0, 30.0), _erfcx_slope, "wb_erfcx({x})", support=forms.ERFCX,
    jax=_jax_erfcx, cost=60,
)  # fmt: skip
erfinv: ScalarOp = _special(
    "erfinv", "The inverse of the error function.", Interval(-1.0, 1.0),
    lambda g, x: g * (ROOT_PI / 2) * exp(square(erfinv(x))),
    f"(wb_normal_quantile({{x}} / 2, (1 - fabs({{x}})) / 2) / {forms.ROOT_2})",
    f"(wb_normal_quantile({{x}} / 2, (1 - abs({{x}})) / 2) / {forms.ROOT_2})", support=forms.QUANTILE,
    jax=_jax_erfinv,
)  # fmt: skip
erfcinv: ScalarOp = _special(
    "erfcinv", "The inverse of 1 - erf.", Interval(0.0, 2.0), lambda g, x: -g * (ROOT_PI / 2) * exp(square(erfcinv(x))),
    f"(-wb_normal_quantile(({{x}} - 1) / 2, ({{x}} < 1 ? {{x}} : 2 - {{x}}) / 2) / {forms.ROOT_2})",
    f"(-wb_normal_quantile(({{x}} - 1) / 2, ({{x}} if {{x}} < 1 else 2 - {{x}}) / 2) / {forms.ROOT_2})",
    support=forms.QUANTILE, jax=_jax_erfcinv,
)  # fmt: skip
ndtr: ScalarOp = _special(
    "ndtr", "The normal distribution function.", real, lambda g, x: g * exp(-0.5 * square(x)) / ROOT_2PI,
    f"(erfc(-{{x}} / {forms.ROOT_2}) / 2)", f"(math.erfc(-{{x}} / {forms.ROOT_2}) / 2)", support=libm("erfc"), cost=40,
)  # fmt: skip
log_ndtr: ScalarOp = _special(
    "log_ndtr", "The logarithm of the normal distribution function.", real,
    lambda g, x: g * inverse_mills(x), "wb_log_ndtr({x})", support=forms.LOG_NDTR,
    jax=_jax_log_ndtr,
)  # fmt: skip


def _inverse_mills(x: Any) -> Any:
    from scipy.special import erfcx

    return np.asarray(math.sqrt(2 / math.pi) / erfcx(-np.asarray(x, np.float64) / math.sqrt(2)), np.result_type(x))


def _inverse_mills_slope(g: Tensor, x: Tensor) -> Tensor:
    """-m (x + m) of the ratio m; far below zero, where m is nearly -x, their sum goes by a fraction of its own."""
    m, far = inverse_mills(x), x < -8.0
    tail = math.sqrt(2) * _integrated_tail(where(far, x, -8.0) / -math.sqrt(2))
    return -g * m * where(far, tail, x + m)


inverse_mills: ScalarOp = _special(
    "inverse_mills", "The derivative of log_ndtr: the normal density over the distribution function.", real, _inverse_mills_slope,
    "wb_inverse_mills({x})", f"({math.sqrt(2 / math.pi)!r} / wb_erfcx(-{{x}} / {forms.ROOT_2}))", support=forms.INVERSE_MILLS, function=_inverse_mills,
    jax=lambda x: math.sqrt(2 / math.pi) / _jax_erfcx(-x / math.sqrt(2)), cost=60,
)  # fmt: skip
ndtri: ScalarOp = _special(
    "ndtri", "The normal quantile.", unit, lambda g, x: g * ROOT_2PI * exp(0.5 * square(ndtri(x))),
    "wb_normal_quantile({x} - 0.5, ({x} < 0.5 ? {x} : 1 - {x}))",
    "wb_normal_quantile({x} - 0.5, ({x} if {x} < 0.5 else 1 - {x}))", support=forms.QUANTILE, jax=_jax_ndtri,
)  # fmt: skip
owens_t: ScalarOp = _special(
    "owens_t", "Owen's T function: a wedge of the normal distribution of two variables.", (real, real),
    (lambda g, x, y: -g * exp(-0.5 * square(x)) * erf(x * y / math.sqrt(2)) / (2 * ROOT_2PI),
     lambda g, x, y: g * exp(-0.5 * square(x) * (1.0 + square(y))) / (2 * math.pi * (1.0 + square(y)))), jax="callback",
)  # fmt: skip

# Gamma and beta functions ---------------------------------------------------------------------

gamma: ScalarOp = _special(
    "gamma", "The gamma function.", Interval(0.1, 20.0), lambda g, x: g * gamma(x) * digamma(x), "tgamma({x})",
    "math.gamma({x})", support=libm("tgamma"),
)  # fmt: skip


def _gammaln(xp: Any, inside: Callable[[Any], Any], x: Any) -> Any:
    """A form of `gammaln` that loses digits near 1 and 2, where it is zero; by its series there."""
    one = xp.where(abs(x - 1.0) < 0.25, x - 1.0, 0.0)
    two = xp.where(abs(x - 2.0) < 0.25, x - 2.0, 0.0)
    near_one, near_two = (d * xp.polyval(xp.asarray(forms.LGAMMA_1P), d) for d in (one, two))
    found = xp.where(one != 0, near_one - xp.log1p(one), inside(x))
    return xp.where(two != 0, near_two, found)


def _numpy_gammaln(x: Any) -> Any:
    from scipy.special import gammaln

    return np.asarray(_gammaln(np, gammaln, np.asarray(x, np.float64)), np.result_type(x))


def _jax_gammaln(x: Any) -> Any:
    import jax.numpy as jnp
    from jax.scipy.special import gammaln

    return _gammaln(jnp, gammaln, x).astype(x.dtype)


gammaln: ScalarOp = _special(
    "gammaln", "The logarithm of the gamma function's absolute value.", positive, lambda g, x: g * digamma(x),
    "wb_lgamma({x})", "math.lgamma({x})", support=forms.LGAMMA, function=_numpy_gammaln, jax=_jax_gammaln, cost=60,
)  # fmt: skip


def _from_pole(xp: Any, x: Any) -> Any:
    """The distance of a negative number from the whole number next to it, with all of its digits; 1/2 of others."""
    return xp.where(x < 0, x - xp.rint(x), 0.5)


def _digamma(x: Any) -> Any:
    from scipy.special import psi

    wide = np.asarray(x, np.float64)
    part = _from_pole(np, wide)
    with np.errstate(all="ignore"):
        reflected = psi(1.0 - wide) - math.pi / np.tan(math.pi * part)
    # SciPy's own near its negative zeros.
    found = np.where((wide < 0) & (part != 0) & (abs(part) < 0.25), reflected, psi(wide))
    return np.asarray(found, np.result_type(x))


def _jax_digamma(x: Any) -> Any:
    import jax.numpy as jnp
    from jax.scipy.special import digamma

    given, x = x, jnp.asarray(x, "float64")
    part = _from_pole(jnp, x)
    reflected = digamma(jnp.where(x < 0, 1.0 - x, 1.0)) - math.pi / jnp.tan(math.pi * part)
    found = jnp.where((x < 0) & (abs(part) < 0.25), jnp.where(part == 0, jnp.nan, reflected), digamma(x))
    # JAX says NaN at the pole at 0.
    return jnp.where(x == 0, jnp.copysign(jnp.inf, -x), found).astype(given.dtype)


digamma: ScalarOp = _special(
    "digamma", "The derivative of gammaln.", positive, lambda g, x: g * trigamma(x), "wb_digamma({x})",
    support=forms.DIGAMMA, function=_digamma, jax=_jax_digamma, cost=60,
)  # fmt: skip


def _trigamma(x: Any) -> Any:
    import scipy.special

    wide = np.asarray(x, np.float64)
    part = _from_pole(np, wide)
    with np.errstate(all="ignore"):
        reflected = (math.pi / np.sin(math.pi * part)) ** 2 - scipy.special.polygamma(1, np.where(wide < 0, 1.0 - wide, 1.0))
    found = np.where(wide < 0, np.where(wide == np.rint(wide), np.inf, reflected), scipy.special.polygamma(1, np.where(wide < 0, 1.0, wide)))
    return np.asarray(found, np.result_type(x))


def _jax_polygamma_of_positive(n: Any, x: Any) -> Any:
    """JAX's own, which holds for positive numbers alone. Far out it raises to powers that are 0 too soon: there the first term of the series is all there is."""
    import jax.numpy as jnp
    from jax.scipy.special import gammaln, polygamma

    far = jnp.where(n % 2 == 1, 1.0, -1.0) * jnp.exp(gammaln(1.0 * n)) * x ** (-1.0 * n)
    return jnp.where(x > 1e17, far, polygamma(n, jnp.minimum(x, 1e17))).astype(x.dtype)


def _jax_trigamma(x: Any) -> Any:
    import jax.numpy as jnp

    found = _jax_polygamma_of_positive(jnp.asarray(1), jnp.where(x > 0, x, 1 - x))
    reflected = (math.pi / jnp.sin(math.pi * _from_pole(jnp, x))) ** 2 - found
    return jnp.where(x > 0, found, jnp.where(x == jnp.floor(x), jnp.inf, reflected)).astype(x.dtype)


trigamma: ScalarOp = elementwise(
    "trigamma", _trigamma, c="wb_trigamma({x})", support=forms.TRIGAMMA, jax=_jax_trigamma, result="float", cost=60,
    domain=positive, grad=lambda g, x: g * polygamma(2.0, x), doc="The derivative of digamma.",
)  # fmt: skip


def _jax_polygamma(n: Any, x: Any) -> Any:
    import jax
    import jax.numpy as jnp

    on_host = callback(scipy_form("polygamma"))

    def at_home(n: Any, x: Any) -> Any:
        return _jax_polygamma_of_positive(n.astype("int64"), jnp.where(x > 0, x, 1.0))

    # JAX's own is of positive numbers alone.
    return jax.lax.cond(jnp.all((x > 0) & (n > 0)), at_home, on_host, *jnp.broadcast_arrays(n, x))


polygamma: ScalarOp = elementwise(
    "polygamma", scipy_form("polygamma"), c=None, jax=_jax_polygamma, result="float", cost=200,
    domain=(Integers(1, 4), positive), grad=(NoForm("n"), lambda g, n, x: g * polygamma(n + 1.0, x)),
    doc="The derivative of digamma, n times.",
)  # fmt: skip


def _betaln_of_large(xp: Any, gammaln: Any, p: Any, q: Any) -> Any:
    """What the C form does for 0 < p <= q and q >= 10, with NumPy's functions or JAX's: SciPy's and JAX's own lose digits."""

    def rest(x: Any) -> Any:
        x = xp.maximum(x, 10.0)
        return -xp.polyval(xp.asarray(forms.STIRLING, x.dtype), 1 / (x * x)) / x

    tail = (q - 0.5) * xp.log1p(-p / (p + q))
    mixed = gammaln(p) + (rest(q) - rest(p + q)) + (p - p * xp.log(p + q)) + tail
    part = xp.where(p < 10, 10.0, p)
    large = -0.5 * xp.log(q) + 0.5 * math.log(2 * math.pi) + (rest(part) + rest(q) - rest(part + q))
    large = large + (part - 0.5) * xp.log(part / (part + q)) + q * xp.log1p(-part / (part + q))
    return xp.where(p < 10, mixed, large)


def _betaln(a: Any, b: Any) -> Any:
    from scipy.special import betaln, gammaln

    wide = np.asarray(a, np.float64), np.asarray(b, np.float64)
    p, q = np.minimum(*wide), np.maximum(*wide)
    found = np.where((p > 0) & (q >= 10), _betaln_of_large(np, gammaln, p, q), betaln(*wide))
    return np.asarray(found, np.result_type(a, b))


def _jax_betaln(a: Any, b: Any) -> Any:
    import jax.numpy as jnp
    from jax.scipy.special import gammaln

    p, q = jnp.minimum(a, b), jnp.maximum(a, b)
    small = gammaln(p) + (gammaln(q) - gammaln(p + q))
    return jnp.where((p > 0) & (q >= 10), _betaln_of_large(jnp, gammaln, p, q), small).astype(a.dtype)


def _jax_beta(a: Any, b: Any) -> Any:
    import jax.numpy as jnp
    from jax.scipy.special import gamma

    large = (a > 0) & (b > 0) & (a + b > 30)
    return jnp.where(large, jnp.exp(_jax_betaln(a, b)), gamma(a) * (gamma(b) / gamma(a + b)))


beta: ScalarOp = _special(
    "beta", "The beta function.", (positive, positive),
    (lambda g, x, y: g * beta(x, y) * (digamma(x) - digamma(x + y)), lambda g, x, y: g * beta(x, y) * (digamma(y) - digamma(x + y))),
    "wb_beta({x}, {y})", support=forms.BETA, commutative=True, jax=_jax_beta,
)  # fmt: skip
betaln: ScalarOp = _special(
    "betaln", "The logarithm of the beta function's absolute value.", (positive, positive),
    (lambda g, x, y: g * (digamma(x) - digamma(x + y)), lambda g, x, y: g * (digamma(y) - digamma(x + y))),
    "wb_betaln({x}, {y})", support=forms.BETALN, commutative=True, jax=_jax_betaln, function=_betaln,
)  # fmt: skip

# Bessel functions -----------------------------------------------------------------------------


OVER = [1.0 / (2 * math.factorial(k) * math.factorial(k + 1)) for k in range(13)]


def _over(y: Callable[[Tensor], Tensor], x: Tensor, sign: float, size: Callable[[Tensor], Tensor] | None = None) -> Tensor:
    """y(x) / x of a Bessel function of order 1; by its series near 0, where the terms of the quotient's derivative cancel.

    `sign` is that of the series' terms; `size` a factor of the function.
    """
    near = _e.abs(x) < 2.0
    small = where(near, x, 0.0)
    t, total = square(small) * (0.25 * sign), as_tensor(0.0)
    for c in OVER[::-1]:
        total = total * t + c
    away = where(near, 2.0, x)
    return where(near, total if size is None else total * size(small), y(away) / away)


def _scaled_slope(order: int) -> Callable[[Tensor, Tensor], Tensor]:
    """The derivative of i0e or i1e, whose terms cancel for large x; by the asymptotic series there (Abramowitz and Stegun 9.7.1)."""
    factors = [1.0]
    for k in range(1, 20):
        factors.append(-factors[-1] * (4 * order**2 - (2 * k - 1) ** 2) / (8 * k))
    factors = [-(k + 0.5) * c / ROOT_2PI for k, c in enumerate(factors)]

    def slope(g: Tensor, x: Tensor) -> Tensor:
        far = _e.abs(x) > 30.0
        away = where(far, x, 30.0)
        u, total = reciprocal(_e.abs(away)), as_tensor(0.0)
        for c in factors[::-1]:
            total = total * u + c
        tail = total * u * sqrt(u)
        inside = where(far, 1.0, x)
        if order == 0:
            return g * where(far, tail * sign(away), i1e(inside) - sign(inside) * i0e(inside))
        ratio = _over(i1e, inside, 1.0, lambda small: exp(-_e.abs(small)))
        return g * where(far, tail, i0e(inside) - ratio - sign(inside) * i1e(inside))

    return slope


def _i1_slope(g: Tensor, x: Tensor) -> Tensor:
    """i0(x) - i1(x) / x; both are infinite from 713 on."""
    whole, beyond = i0(x), isinf(i0(x))
    return g * where(beyond, whole, whole - _over(i1, where(beyond, 1.0, x), 1.0))


def _bessel(name: str, limit: float) -> Callable[..., Any]:
    """SciPy's function with its limit at infinity, where SciPy says NaN."""
    inside = scipy_form(name)

    def call(x: Any) -> Any:
        x = np.asarray(x)
        odd = np.sign(x) if name == "i1" else 1
        return np.where(np.isinf(x), np.asarray(limit * odd, x.dtype), inside(x))

    return call


def _jax_bessel(name: str) -> Callable[..., Any]:
    def call(x: Any) -> Any:
        import jax.numpy as jnp
        import jax.scipy.special

        limit = x if name == "i1" else jnp.abs(x)
        return jnp.where(jnp.isinf(x), limit, getattr(jax.scipy.special, name)(x))

    return call


i0: ScalarOp = _special(
    "i0", "The modified Bessel function of order 0.", Interval(-30.0, 30.0), lambda g, x: g * i1(x), "wb_i0({x})",
    support=forms.I0, function=_bessel("i0", inf), jax=_jax_bessel("i0"),
)  # fmt: skip
i1: ScalarOp = _special(
    "i1", "The modified Bessel function of order 1.", Interval(-30.0, 30.0), _i1_slope,
    "wb_i1({x})", support=forms.I1, function=_bessel("i1", inf), jax=_jax_bessel("i1"),
)  # fmt: skip
i0e: ScalarOp = _special(
    "i0e", "i0(x) * exp(-abs(x)).", Interval(-30.0, 30.0), _scaled_slope(0), "wb_i0e({x})",
    support=forms.I0E,
)  # fmt: skip
i1e: ScalarOp = _special(
    "i1e", "i1(x) * exp(-abs(x)).", Interval(-30.0, 30.0),
    _scaled_slope(1), "wb_i1e({x})", support=forms.I1E,
)  # fmt: skip
BESSEL_J = {name: f'wb_{name} = types.ExternalFunction("{name}", types.float64(types.float64))\n' for name in ("j0", "j1")}
j0: ScalarOp = _special(
    "j0", "The Bessel function of order 0.", Interval(-30.0, 30.0), lambda g, x: -g * j1(x), "j0({x})", "wb_j0({x})",
    support={"c": "double j0(double);", "py": ("from numba import types", BESSEL_J["j0"])}, jax="callback",
    function=_bessel("j0", 0.0),
)  # fmt: skip
j1: ScalarOp = _special(
    "j1", "The Bessel function of order 1.", Interval(-30.0, 30.0), lambda g, x: g * (j0(x) - _over(j1, x, -1.0)), "j1({x})",
    "wb_j1({x})", support={"c": "double j1(double);", "py": ("from numba import types", BESSEL_J["j1"])}, jax="callback",
    function=_bessel("j1", 0.0),
)  # fmt: skip

_orders = (Interval(0.0, 5.0), Interval(0.1, 10.0))
iv: ScalarOp = _special(
    "iv", "The modified Bessel function of the first kind.", _orders,
    (NoForm("v"), lambda g, v, x: g * 0.5 * (iv(v - 1.0, x) + iv(v + 1.0, x))), jax="callback",
)  # fmt: skip
ive: ScalarOp = _special(
    "ive", "iv(v, x) * exp(-abs(x)).", _orders,
    (NoForm("v"), lambda g, v, x: g * (0.5 * (ive(v - 1.0, x) + ive(v + 1.0, x)) - sign(x) * ive(v, x))), jax="callback",
)  # fmt: skip
jv: ScalarOp = _special(
    "jv", "The Bessel function of the first kind.", _orders,
    (NoForm("v"), lambda g, v, x: g * 0.5 * (jv(v - 1.0, x) - jv(v + 1.0, x))), jax="callback",
)  # fmt: skip
kv: ScalarOp = _special(
    "kv", "The modified Bessel function of the second kind.", _orders,
    (NoForm("v"), lambda g, v, x: -g * 0.5 * (kv(v - 1.0, x) + kv(v + 1.0, x))), jax="callback",
)  # fmt: skip
kve: ScalarOp = _special(
    "kve", "kv(v, x) * exp(x).", _orders,
    (NoForm("v"), lambda g, v, x: g * (kve(v, x) - 0.5 * (kve(v - 1.0, x) + kve(v + 1.0, x)))), jax="callback",
)  # fmt: skip


def _hyp2f1(*values: Any) -> Any:
    """SciPy's function; NaN of infinities, for some of which SciPy's does not return."""
    wide = np.broadcast_arrays(*(np.asarray(v, np.float64) for v in values))
    finite = np.logical_and.reduce([np.isfinite(v) for v in wide])
    return np.where(finite, scipy_form("hyp2f1")(*(np.where(finite, v, 0.5) for v in wide)), np.nan).astype(np.result_type(*values))


hyp2f1: ScalarOp = _special(
    "hyp2f1", "Gauss's hypergeometric function.", (positive, positive, positive, Interval(-0.9, 0.9)),
    (NoForm("a"), NoForm("b"), NoForm("c"), lambda g, a, b, c, z: g * a * b / c * hyp2f1(a + 1.0, b + 1.0, c + 1.0, z)),
    jax="callback", function=_hyp2f1,
)  # fmt: skip
