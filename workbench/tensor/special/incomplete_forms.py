"""Incomplete gamma functions of one element, in C and in Python for Numba.

Held to SciPy's values by ``tests/tensor/test_special.py``. Sources: for a large shape and an argument near it the
uniform expansion of N. M. Temme (DLMF 8.12); else the power series and the continued fraction
(Abramowitz and Stegun 6.5.29, 6.5.31), which is summed from the front by Lentz's method; for a small shape
and argument the series of Didonato and Morris, "Computation of the incomplete gamma function ratios" (1986).
What stands in front of them goes by Stirling's series about ``x = a``, where the terms of its logarithm cancel.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from workbench.tensor.special.forms import BETALN_PY, DIGAMMA_PY, LGAMMA_1P, STIRLING_REST_C, horner
from workbench.tensor.special.gamma_c import DIGAMMA_C, LGAMMA_C

ARTANH = [1.0 / (2 * k + 3) for k in range(18, -1, -1)]
"""Coefficients of (artanh(r) / r - 1) / r**2 in r**2."""
TWO_PI = repr(2.0 * math.pi)


def _temme() -> list[list[float]]:
    """Coefficients of a**-k eta**n in the uniform expansion (DLMF 8.12.7-8.12.15), 18 powers of eta for each of 7 of a."""
    orders, powers = 7, 18
    alpha = [0.0, 1.0, 1 / 3]
    for n in range(3, powers + 2 * orders + 3):
        alpha.append((alpha[n - 1] - sum(j * alpha[j] * alpha[n - j + 1] for j in range(2, n))) / (n + 1))
    stirling = [0.0, 1 / 12, 0.0, -1 / 360, 0.0, 1 / 1260, 0.0]
    factor = [1.0]
    for k in range(1, orders):
        factor.append(sum(j * stirling[j] * factor[k - j] for j in range(1, k + 1)) / k)
    rows = [[-1 / 3, *((n + 2) * alpha[n + 2] for n in range(1, powers + 2 * orders))]]
    for k in range(1, orders):
        before = rows[-1]
        rows.append([(-1) ** k * factor[k] * rows[0][n] + (n + 2) * before[n + 2] for n in range(len(before) - 2)])
    return [row[:powers] for row in rows]


TEMME = _temme()
_rows = [", ".join(map(repr, row[::-1])) for row in TEMME[::-1]]
TEMME_C = "{" + ",\n        ".join(f"{{{row}}}" for row in _rows) + "}"
TEMME_PY = "np.array([" + ",\n    ".join(f"[{row}]" for row in _rows) + "])"

FRONT_C = (
    *LGAMMA_C,
    STIRLING_REST_C,
    f"""\
// log(1 + x) - x of a small x, and lgamma(1 + x), without cancellation.
static inline double wb_log1pmx(double x) {{
    const double r = x / (2 + x), t = r * r;
    return 2 * r * t * {horner("t", ARTANH)} - x * r;
}}
static inline double wb_lgamma1p(double x) {{
    return x < 0.5 ? x * {horner("x", LGAMMA_1P)} - log1p(x) : wb_lgamma(1 + x);
}}
// x**a exp(-x) / gamma(a + 1)
static inline double wb_gamma_front(double a, double x) {{
    if (a < 10) return exp(a * log(x) - x - wb_lgamma1p(a));
    const double e = (x - a) / a, log_rest = fabs(e) < 0.5 ? a * wb_log1pmx(e) : a * log(x / a) - (x - a);
    return exp(log_rest - wb_stirling_rest(a)) / sqrt({TWO_PI} * a);
}}""",
)
FRONT_PY = (
    *BETALN_PY,
    f"""\
def wb_log1pmx(x):
    r = x / (2 + x)
    t = r * r
    return 2 * r * t * {horner("t", ARTANH)} - x * r
""",
    f"""\
def wb_lgamma1p(x):
    return x * {horner("x", LGAMMA_1P)} - log1p(x) if x < 0.5 else math.lgamma(1 + x)
""",
    f"""\
def wb_gamma_front(a, x):
    if a < 10:
        return exp(a * log(x) - x - wb_lgamma1p(a))
    e = (x - a) / a
    log_rest = a * wb_log1pmx(e) if abs(e) < 0.5 else a * log(x / a) - (x - a)
    return exp(log_rest - wb_stirling_rest(a)) / sqrt({TWO_PI} * a)
""",
)

PARTS_C = (
    *FRONT_C,
    "double erfc(double);",
    """\
static inline double wb_gamma_series(double a, double x) {
    double term = 1, sum = 1;
    for (int k = 1; term > 1e-17 * sum && k < 2000; k++) sum += term *= x / (a + k);
    return wb_gamma_front(a, x) * sum;
}
static inline double wb_gamma_fraction(double a, double x) {
    double b = x + 1 - a, c = 1e300, d = 1 / b, h = d, step = 0;
    for (double i = 1; fabs(step - 1) > 1e-15 && i < 2000; i += 1) {
        const double top = -i * (i - a);
        b += 2, d = top * d + b, c = b + top / c;
        d = 1 / (fabs(d) < 1e-300 ? 1e-300 : d), c = fabs(c) < 1e-300 ? 1e-300 : c;
        h *= step = d * c;
    }
    return wb_gamma_front(a, x) * a * h;
}
// The upper function where it is near 0 with a.
static inline double wb_gamma_small(double a, double x) {
    const double front = a * log(x) - wb_lgamma1p(a);
    double power = 1, sum = 0, term = 1;
    for (double n = 1; fabs(term) > 1e-17 * fabs(sum) && n < 200; n += 1) power *= -x / n, sum += term = power / (a + n);
    return -expm1(front) - a * exp(front) * sum;
}
// The lower function, or the upper one, of a large shape and an x near it.
static inline double wb_gamma_uniform(double a, double x, int upper) {
    static const double table[7][18] = @TABLE@;
    const double e = (x - a) / a, half = -wb_log1pmx(e), eta = e < 0 ? -sqrt(2 * half) : sqrt(2 * half);
    double rest = 0;
    for (int k = 0; k < 7; k++) {
        double sum = 0;
        for (int n = 0; n < 18; n++) sum = sum * eta + table[k][n];
        rest = rest / a + sum;
    }
    rest *= exp(-a * half) / sqrt(@TWO_PI@ * a);
    const double z = eta * sqrt(a / 2);
    return upper ? erfc(z) / 2 + rest : erfc(-z) / 2 - rest;
}
// The lower function, or the upper one.
static inline double wb_incomplete_gamma(double a, double x, int upper) {
    if (!(a >= 0 && x >= 0) || (a == 0 && x == 0) || (a > 1e308 && x > 1e308)) return __builtin_nan("");
    if (a == 0 || x > 1e308) return !upper;
    if (x == 0 || a > 1e308) return upper;
    if (a >= 200 && fabs(x - a) < 0.3 * a) return wb_gamma_uniform(a, x, upper);
    if (!upper && !(x > 1 && x > a)) return wb_gamma_series(a, x);
    double q;
    if (x > 1.1) q = x < a ? 1 - wb_gamma_series(a, x) : wb_gamma_fraction(a, x);
    else if (x <= 0.5 ? -0.4 / log(x) < a : 1.1 * x < a) q = 1 - wb_gamma_series(a, x);
    else q = wb_gamma_small(a, x);
    return upper ? q : 1 - q;
}""".replace("@TABLE@", TEMME_C).replace("@TWO_PI@", TWO_PI),
)
PARTS_PY = (
    *FRONT_PY,
    """\
def wb_gamma_series(a, x):
    term, total, k = 1.0, 1.0, 1
    while term > 1e-17 * total and k < 2000:
        term *= x / (a + k)
        total += term
        k += 1
    return wb_gamma_front(a, x) * total
""",
    """\
def wb_gamma_fraction(a, x):
    b = x + 1 - a
    c, d = 1e300, 1 / b
    h, step, i = d, 0.0, 1.0
    while abs(step - 1) > 1e-15 and i < 2000:
        top = -i * (i - a)
        b += 2
        d = top * d + b
        c = b + top / c
        d = 1 / (1e-300 if abs(d) < 1e-300 else d)
        c = 1e-300 if abs(c) < 1e-300 else c
        step = d * c
        h *= step
        i += 1
    return wb_gamma_front(a, x) * a * h
""",
    """\
def wb_gamma_small(a, x):
    front = a * log(x) - wb_lgamma1p(a)
    power, total, term, n = 1.0, 0.0, 1.0, 1.0
    while abs(term) > 1e-17 * abs(total) and n < 200:
        power *= -x / n
        term = power / (a + n)
        total += term
        n += 1
    return -expm1(front) - a * exp(front) * total
""",
    f"wb_temme = {TEMME_PY}\n",
    f"""\
def wb_gamma_uniform(a, x, upper):
    e = (x - a) / a
    half = -wb_log1pmx(e)
    eta = -sqrt(2 * half) if e < 0 else sqrt(2 * half)
    rest = 0.0
    for k in range(7):
        total = 0.0
        for n in range(18):
            total = total * eta + wb_temme[k, n]
        rest = rest / a + total
    rest *= exp(-a * half) / sqrt({TWO_PI} * a)
    z = eta * sqrt(a / 2)
    return math.erfc(z) / 2 + rest if upper else math.erfc(-z) / 2 - rest
""",
    """\
def wb_incomplete_gamma(a, x, upper):
    if not (a >= 0 and x >= 0) or (a == 0 and x == 0) or (a > 1e308 and x > 1e308):
        return np.nan
    if a == 0 or x > 1e308:
        return 0.0 if upper else 1.0
    if x == 0 or a > 1e308:
        return 1.0 if upper else 0.0
    if a >= 200 and abs(x - a) < 0.3 * a:
        return wb_gamma_uniform(a, x, upper)
    if not upper and not (x > 1 and x > a):
        return wb_gamma_series(a, x)
    if x > 1.1:
        q = 1 - wb_gamma_series(a, x) if x < a else wb_gamma_fraction(a, x)
    elif (-0.4 / log(x) < a) if x <= 0.5 else (1.1 * x < a):
        q = 1 - wb_gamma_series(a, x)
    else:
        q = wb_gamma_small(a, x)
    return q if upper else 1 - q
""",
)
INCOMPLETE_GAMMA = {"c": PARTS_C, "py": PARTS_PY}


def gammainc_by_a(nodes: Sequence[float], weights: Sequence[float]) -> dict[str, tuple[str, ...]]:
    """Return the derivative in the shape, by quadrature over a half line; as the NumPy form in ``incomplete.py``."""
    at, by = (", ".join(map(repr, map(float, numbers))) for numbers in (nodes, weights))
    return {
        "c": (*DIGAMMA_C, *FRONT_C, f"""\
static inline double wb_gammainc_by_a(double a, double x) {{
    static const double at[] = {{{at}}}, by[] = {{{by}}};
    if (x == 0 || x > 1e308) return 0;
    const double mean = wb_digamma(a), start = log(x);
    if (start > mean && x < 1) {{
        double power = 1, once = 0, twice = 0;
        for (int k = 0; k < 20; k++) {{
            if (k) power *= -x / k;
            once += power / (a + k), twice += power / (a + k) / (a + k);
        }}
        return exp(a * start - wb_lgamma(a)) * (once * (start - mean) - twice);
    }}
    const double side = start <= mean ? -1 : 1, slope = start <= mean ? a - x : 1 + fabs(a - x);
    const double length = 1 / (fabs(slope) + sqrt(fabs(x)));
    double sum = 0;
    for (int k = 0; k < {len(nodes)}; k++) {{
        const double s = side * length * at[k];
        sum += by[k] * exp(a * s - x * expm1(s)) * (start + s - mean);
    }}
    return -side * a * wb_gamma_front(a, x) * length * sum;
}}"""),
        "py": (*DIGAMMA_PY, *FRONT_PY, f"wb_half_line = np.array([[{at}], [{by}]])\n", """\
def wb_gammainc_by_a(a, x):
    if x == 0 or x > 1e308:
        return 0.0
    mean, start = wb_digamma(a), log(x)
    if start > mean and x < 1:
        power, once, twice = 1.0, 0.0, 0.0
        for k in range(20):
            if k:
                power *= -x / k
            once += power / (a + k)
            twice += power / (a + k) / (a + k)
        return exp(a * start - math.lgamma(a)) * (once * (start - mean) - twice)
    side = -1.0 if start <= mean else 1.0
    slope = a - x if start <= mean else 1 + abs(a - x)
    length = 1 / (abs(slope) + sqrt(abs(x)))
    total = 0.0
    for k in range(wb_half_line.shape[1]):
        s = side * length * wb_half_line[0, k]
        total += wb_half_line[1, k] * exp(a * s - x * expm1(s)) * (start + s - mean)
    return -side * a * wb_gamma_front(a, x) * length * total
"""),
    }  # fmt: skip
