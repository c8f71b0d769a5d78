"""Special functions of one element, in C and in Python for Numba, from published approximations.

Every function here is held to SciPy's values by ``tests/tensor/test_special.py``. Sources:

- ``erfcx``: W. J. Cody, "Rational Chebyshev approximations for the error function" (1969).
- normal quantile: M. J. Wichura, "Algorithm AS 241" (1988).
- ``digamma``, ``trigamma``: recurrence to the asymptotic series (Abramowitz and Stegun 6.3, 6.4);
  ``digamma`` about its root by the rational approximation of Boost's mathematics library.
- ``i0``, ``i1``, ``i0e``, ``i1e``: power series; from 8 on, Chebyshev series of sqrt(x) exp(-x) I(x) in 16 / x - 1,
  whose coefficients were computed with 40 digits.
- ``betaln``: Stirling's remainders set apart, so that large terms do not cancel (Didonato and Morris,
  "Algorithm 708", 1992).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from workbench.tensor.special.bessel_c import bessel_c
from workbench.tensor.special.elementary_c import BITS, LOGARITHM, polynomial
from workbench.tensor.special.error_c import ERFCX_C, INVERSE_MILLS_C, LOG_NDTR_C
from workbench.tensor.special.gamma_c import BETALN_C, DIGAMMA_C, LGAMMA_C, ROOT_PARTS, TRIGAMMA_C


def horner(x: str, coefficients: Sequence[float]) -> str:
    """Return a polynomial's text, highest power first; the same in C and in Python."""
    text = repr(float(coefficients[0]))
    for c in coefficients[1:]:
        text = f"({text} * {x} {'+' if c >= 0 else '-'} {abs(float(c))!r})"
    return text


def ratio(x: str, above: Sequence[float], below: Sequence[float]) -> str:
    """Return the text of a quotient of polynomials."""
    return f"{horner(x, above)} / {horner(x, below)}"


def _in_c(x: str, coefficients: Sequence[float]) -> str:
    return polynomial(x, [f"{x}2"], coefficients[::-1])


# Error function -------------------------------------------------------------------------------

ERFCX_MIDDLE = (
    (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594, 66.1191906371416295, 298.635138197400131,
     881.95222124176909, 1712.04761263407058, 2051.07837782607147, 1230.33935479799725),
    (1.0, 15.7449261107098347, 117.693950891312499, 537.181101862009858, 1621.38957456669019, 3290.79923573345963,
     4362.61909014324716, 3439.36767414372164, 1230.33935480374942),
)  # fmt: skip
ERFCX_FAR = (
    (1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1,
     1.60837851487422766e-2, 6.58749161529837803e-4),
    (1.0, 2.56852019228982242, 1.87295284992346725, 5.27905102951428412e-1, 6.05183413124413191e-2,
     2.33520497626869185e-3),
)  # fmt: skip
ROOT_PI = repr(math.sqrt(math.pi))

ERFCX_PY = (
    f"""\
def wb_erfcx(x):
    if x > 4:
        t = 1 / (x * x)
        return (1 / {ROOT_PI} - t * {ratio("t", *ERFCX_FAR)}) / x
    if x > 0.5:
        return {ratio("x", *ERFCX_MIDDLE)}
    if x < -27:
        return np.inf
    h = np.rint(x * 16) / 16
    return exp(h * h) * exp((x - h) * (x + h)) * math.erfc(x)
""",
)
ERFCX = {"c": ERFCX_C, "py": ERFCX_PY}

ROOT_2 = repr(math.sqrt(2.0))
LOG_NDTR = {
    "c": LOG_NDTR_C,
    "py": (*ERFCX_PY, f"""\
def wb_log_ndtr(x):
    if x < -1:
        return log(wb_erfcx(-x / {ROOT_2}) / 2) - x * x / 2
    return log1p(-math.erfc(x / {ROOT_2}) / 2)
"""),
}  # fmt: skip

INVERSE_MILLS = {"c": INVERSE_MILLS_C, "py": ERFCX_PY}

CENTRE = (
    (2509.0809287301226727, 33430.575583588128105, 67265.770927008700853, 45921.953931549871457,
     13731.693765509461125, 1971.5909503065514427, 133.14166789178437745, 3.387132872796366608),
    (5226.495278852854561, 28729.085735721942674, 39307.89580009271061, 21213.794301586595867,
     5394.1960214247511077, 687.1870074920579083, 42.313330701600911252, 1.0),
)  # fmt: skip
TAIL = (
    (7.7454501427834140764e-4, 0.0227238449892691845833, 0.24178072517745061177, 1.27045825245236838258,
     3.64784832476320460504, 5.7694972214606914055, 4.6303378461565452959, 1.42343711074968357734),
    (1.05075007164441684324e-9, 5.475938084995344946e-4, 0.0151986665636164571966, 0.14810397642748007459,
     0.68976733498510000455, 1.6763848301838038494, 2.05319162663775882187, 1.0),
)  # fmt: skip
FAR_TAIL = (
    (2.01033439929228813265e-7, 2.71155556874348757815e-5, 0.0012426609473880784386, 0.026532189526576123093,
     0.29656057182850489123, 1.7848265399172913358, 5.4637849111641143699, 6.6579046435011037772),
    (2.04426310338993978564e-15, 1.4215117583164458887e-7, 1.8463183175100546818e-5, 7.868691311456132591e-4,
     0.0148753612908506148525, 0.13692988092273580531, 0.59983220655588793769, 1.0),
)  # fmt: skip
QUANTILE = {
    "c": (BITS, LOGARITHM, f"""\
// The normal quantile of 1/2 + q; tail is 1/2 - |q|, with its own digits.
static WB_INLINE double wb_normal_quantile(double q, double tail) {{
    const double z = 0.180625 - q * q, r = sqrt(-wb_log_of(tail, 0, 0)), near = r - 1.6, far = r - 5;
    const double z2 = z * z, near2 = near * near, far2 = far * far;
    const int central = fabs(q) <= 0.425, beyond = r > 5;
    const double above = central ? q * {_in_c("z", CENTRE[0])} : beyond ? {_in_c("far", FAR_TAIL[0])} : {_in_c("near", TAIL[0])};
    const double below = central ? {_in_c("z", CENTRE[1])} : beyond ? {_in_c("far", FAR_TAIL[1])} : {_in_c("near", TAIL[1])};
    const double x = above / below, outer = tail > 0 ? x : tail == 0 ? __builtin_inf() : __builtin_nan("");
    return central ? x : q < 0 ? -outer : outer;
}}"""),
    "py": f"""\
def wb_normal_quantile(q, tail):
    if q >= -0.425 and q <= 0.425:
        r = 0.180625 - q * q
        return q * ({ratio("r", *CENTRE)})
    if tail == 0:
        return -np.inf if q < 0 else np.inf
    if not tail > 0:
        return np.nan
    r = sqrt(-log(tail))
    near, far = r - 1.6, r - 5
    x = {ratio("near", *TAIL)} if r <= 5 else {ratio("far", *FAR_TAIL)}
    return -x if q < 0 else x
""",
}

# Gamma function -------------------------------------------------------------------------------


LGAMMA_1P = [
    1.3304764374244491e-10, -2.7595228851242334e-10, 5.731367241678862e-10, -1.1921401405860912e-09, 2.4836745438024785e-09,
    -5.183475041970047e-09, 1.0838659214896955e-08, -2.2711094608943164e-08, 4.769810169363981e-08, -1.00432248239681e-07,
    2.1207184805554667e-07, -4.492469198764566e-07, 9.55141213040742e-07, -2.039215753801366e-06, 4.374866789907487e-06,
    -9.439488275268395e-06, 2.0507212775670694e-05, -4.492623673813314e-05, 9.945751278180853e-05, -0.00022315475845357936,
    0.0005096695247430425, -0.001192753911703261, 0.0028905103307415234, -0.007385551028673986, 0.020580808427784546,
    -0.0673523010531981, 0.3224670334241132, 0.42278433509846713,
]  # fmt: skip
"""Coefficients of (lgamma(1 + a) + log(1 + a)) / a, highest power first: (-1)**k (zeta(k) - 1) / k for k from 28 to 2, and 1 less Euler's number."""

DIGAMMA_SERIES = (3617 / 8160, -1 / 12, 691 / 32760, -1 / 132, 1 / 240, -1 / 252, 1 / 120, -1 / 12)
DIGAMMA_ROOT = (
    (-0.0020713321167745952, -0.045251321448739056, -0.28919126444774784, -0.65031853770896507, -0.32555031186804491,
     0.25479851061131551),
    (-0.55789841321675513e-6, 0.0021284987017821144, 0.054151797245674225, 0.43593529692665969, 1.4606242909763515,
     2.0767117023730469, 1.0),
)  # fmt: skip
PI = repr(math.pi)

DIGAMMA_PY = (
    f"""\
def wb_digamma(x):
    y = 0.0
    if not x > 0:
        if x == 0:
            return math.copysign(np.inf, -x)
        part = x - np.rint(x)
        if part == 0 or x != x:
            return np.nan
        y = -{PI} / tan({PI} * part)
        x = 1 - x
    if x >= 10:
        t = 1 / (x * x)
        return y + (log(x) - 0.5 / x + t * {horner("t", DIGAMMA_SERIES)})
    if x < 1:
        y -= 1 / x
        x += 1
    while x > 2:
        x -= 1
        y += 1 / x
    g = ((x - {ROOT_PARTS[0]}) - {ROOT_PARTS[1]}) - {ROOT_PARTS[2]}
    z = x - 1
    return y + (g * 0.99558162689208984 + g * ({ratio("z", *DIGAMMA_ROOT)}))
""",
)
LGAMMA = {"c": LGAMMA_C}
DIGAMMA = {"c": DIGAMMA_C, "py": DIGAMMA_PY}

TRIGAMMA_SERIES = (-3617 / 510, 7 / 6, -691 / 2730, 5 / 66, -1 / 30, 1 / 42, -1 / 30, 1 / 6)
TRIGAMMA_PY = f"""\
def wb_trigamma(x):
    y, sign = 0.0, 1.0
    if x <= 0:
        if x == np.floor(x):
            return np.inf
        s = sin({PI} * (x - np.rint(x)))
        y, sign = {math.pi**2!r} / (s * s), -1.0
        x = 1 - x
    total = 0.0
    while x < 12:
        total += 1 / (x * x)
        x += 1
    t = 1 / (x * x)
    return y + sign * (total + (1 / x + t * (0.5 + {horner("t", TRIGAMMA_SERIES)} / x)))
"""
TRIGAMMA = {"c": TRIGAMMA_C, "py": (TRIGAMMA_PY,)}

STIRLING = (-1 / 156, 691 / 360360, -1 / 1188, 1 / 1680, -1 / 1260, 1 / 360, -1 / 12)
HALF_LOG_2PI = repr(0.5 * math.log(2 * math.pi))
STIRLING_REST_C = f"""\
static inline double wb_stirling_rest(double x) {{
    const double t = 1 / (x * x);
    return -{horner("t", STIRLING)} / x;
}}"""
BETALN_PY = (
    f"""\
def wb_stirling_rest(x):
    t = 1 / (x * x)
    return -{horner("t", STIRLING)} / x
""",
    f"""\
def wb_betaln(a, b):
    p, q = (a, b) if a < b else (b, a)
    if not p > 0 or q < 10:
        return math.lgamma(p) + (math.lgamma(q) - math.lgamma(p + q))
    rest = wb_stirling_rest(q) - wb_stirling_rest(p + q)
    if p < 10:
        return math.lgamma(p) + rest + (p - p * log(p + q)) + (q - 0.5) * log1p(-p / (p + q))
    return -0.5 * log(q) + {HALF_LOG_2PI} + (wb_stirling_rest(p) + rest) + (p - 0.5) * log(p / (p + q)) + q * log1p(-p / (p + q))
""",
)
BETALN = {"c": BETALN_C, "py": BETALN_PY}
BETA = {
    "c": (*BETALN_C, "double tgamma(double);", """\
static inline double wb_beta(double a, double b) {
    if (a > 0 && b > 0 && a + b > 30) return exp(wb_betaln(a, b));
    return tgamma(a) * (tgamma(b) / tgamma(a + b));
}"""),
    "py": (*BETALN_PY, """\
def wb_beta(a, b):
    if a > 0 and b > 0 and a + b > 30:
        return exp(wb_betaln(a, b))
    return math.gamma(a) * (math.gamma(b) / math.gamma(a + b))
"""),
}  # fmt: skip

# Bessel functions -----------------------------------------------------------------------------

I0_FAR = (
    0.4022452055070544, 0.0033691164782556943, 6.889758346916825e-05, 2.8913705208347567e-06, 2.0489185894690638e-07,
    2.266668990498178e-08, 3.3962320257083865e-09, 4.94060238822497e-10, 1.1889147107846439e-11,
    -3.1499165279632416e-11, -1.3215811840447713e-11, -1.7941785315068062e-12, 7.180124451383666e-13,
    3.8527783827421426e-13, 1.54008621752141e-14, -4.150569347287222e-14, -9.554846698828307e-15,
    3.8116806693526224e-15, 1.7725601330565263e-15, -3.425485619677219e-16, -2.8276239805165836e-16,
    3.461222867697461e-17, 4.46562142029676e-17,
)  # fmt: skip
I1_FAR = (
    0.38928811750914005, -0.009761097491361469, -0.00011058893876262371, -3.882564808877691e-06,
    -2.512236237870209e-07, -2.6314688468895196e-08, -3.835380385964237e-09, -5.589743462196584e-10,
    -1.8974958123505413e-11, 3.2526035830154884e-11, 1.4125807436613782e-11, 2.0356285441470896e-12,
    -7.198551776245908e-13, -4.0835511110921974e-13, -2.1015418427726643e-14, 4.272440016711951e-14,
    1.0420276984128802e-14, -3.8144030724370075e-15, -1.8803547755107825e-15, 3.3082023109209285e-16,
    2.96262899764595e-16, -3.209525921993424e-17, -4.6503053684893586e-17,
)  # fmt: skip


def bessel(order: int, far: Sequence[float], scaled: bool = False) -> dict[str, tuple[str, ...] | str]:
    """Return the modified Bessel function I of order 0 or 1; `scaled` by exp(-|x|)."""
    name = f"wb_i{order}e" if scaled else f"wb_i{order}"
    table = ", ".join(map(repr, reversed(far)))
    first, odd = ("1.0", False) if order == 0 else ("0.5 * x", True)
    if scaled:
        near, py_far = "exp(-s) * ", "r"
    else:
        # exp(s) in two factors, which reaches further before it overflows.
        near, py_far = "", "np.inf if s > 1500 else exp(s / 2) * r * exp(s / 2)"
    return {
        "c": bessel_c(order, scaled),
        "py": f"""\
def {name}(x):
    s = abs(x)
    t = s * s / 4
    if s <= 8:
        term = {first}
        total = term
        k = 1
        while abs(term) > 1e-17 * abs(total):
            term *= t / (k * (k + {order}.0))
            total += term
            k += 1
        return {near}total
    if x != x:
        return x
    u = 16 / s - 1
    b0, b1, b2 = 0.0, 0.0, 0.0
    for c in ({table}):
        b2, b1 = b1, b0
        b0 = 2 * u * b1 - b2 + c
    r = (b0 - u * b1) / sqrt(s)
    y = {py_far}
    return {"-y if x < 0 else y" if odd else "y"}
""",
    }


I0 = bessel(0, I0_FAR)
I1 = bessel(1, I1_FAR)
I0E = bessel(0, I0_FAR, scaled=True)
I1E = bessel(1, I1_FAR, scaled=True)
