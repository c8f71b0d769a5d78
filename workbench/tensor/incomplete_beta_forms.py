"""The incomplete beta function of one element and its derivative, in C and in Python for Numba.

Held to SciPy's values by ``tests/tensor/test_special.py``. Sources: the continued fraction (Abramowitz and
Stegun 26.5.8), summed from the front by Lentz's method; what stands in front of it, for two large shapes, by
Stirling's series about the mean, where the terms of its logarithm cancel.
"""

from __future__ import annotations

from collections.abc import Sequence

from workbench.tensor.incomplete_forms import FRONT_C, FRONT_PY, TWO_PI
from workbench.tensor.special_forms import DIGAMMA_C, DIGAMMA_PY

BETAINC_C = (
    *FRONT_C,
    f"""\
// x**a (1 - x)**b / beta(a, b); y is 1 - x
static inline double wb_beta_front(double a, double b, double x, double y) {{
    if (a < 10 || b < 10) return exp(a * log(x) + b * log(y) - wb_betaln(a, b));
    const double n = a + b, far = x * b - y * a;
    const int near_a = fabs(far / a) < 0.5, near_b = fabs(far / b) < 0.5;
    const double of_a = near_a ? a * wb_log1pmx(far / a) + (near_b ? 0 : far) : a * log(x * n / a);
    const double of_b = near_b ? b * wb_log1pmx(-far / b) - (near_a ? 0 : far) : b * log(y * n / b);
    const double rest = wb_stirling_rest(n) - wb_stirling_rest(a) - wb_stirling_rest(b);
    return exp(of_a + of_b + rest) * sqrt(a / n * b / {TWO_PI});
}}
static inline double wb_beta_fraction(double a, double b, double x, double y) {{
    double c = 1, d = 1 / (1 - (a + b) * x / (a + 1)), h = d, step = 0;
    for (double m = 1; fabs(step - 1) > 1e-15; m += 1) {{
        const double even = m * (b - m) * x / ((a - 1 + 2 * m) * (a + 2 * m));
        d = 1 / (1 + even * d), c = 1 + even / c, h *= d * c;
        const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 1 + 2 * m));
        d = 1 / (1 + odd * d), c = 1 + odd / c, h *= step = d * c;
    }}
    return wb_beta_front(a, b, x, y) * h / a;
}}
static inline double wb_betainc(double a, double b, double x) {{
    if (!(a >= 0 && b >= 0 && x >= 0 && x <= 1) || (a == 0 && b == 0) || (a > 1e308 && b > 1e308)) return __builtin_nan("");
    if (x == 0 || x == 1) return x;
    if (a == 0 || b > 1e308) return 1;
    if (b == 0 || a > 1e308) return 0;
    const double y = 1 - x;
    if (x < (a + 1) / (a + b + 2)) return wb_beta_fraction(a, b, x, y);
    const double p = 1 - wb_beta_fraction(b, a, y, x);
    // A small rest of 1 has few digits; the fraction converges on this side too, only slower.
    return p > 0.1 ? p : wb_beta_fraction(a, b, x, y);
}}""",
)
BETAINC_PY = (
    *FRONT_PY,
    f"""\
def wb_beta_front(a, b, x, y):
    if a < 10 or b < 10:
        return exp(a * log(x) + b * log(y) - wb_betaln(a, b))
    n, far = a + b, x * b - y * a
    near_a, near_b = abs(far / a) < 0.5, abs(far / b) < 0.5
    of_a = a * wb_log1pmx(far / a) + (0.0 if near_b else far) if near_a else a * log(x * n / a)
    of_b = b * wb_log1pmx(-far / b) - (0.0 if near_a else far) if near_b else b * log(y * n / b)
    rest = wb_stirling_rest(n) - wb_stirling_rest(a) - wb_stirling_rest(b)
    return exp(of_a + of_b + rest) * sqrt(a / n * b / {TWO_PI})
""",
    """\
def wb_beta_fraction(a, b, x, y):
    c, d = 1.0, 1 / (1 - (a + b) * x / (a + 1))
    h, step, m = d, 0.0, 1.0
    while abs(step - 1) > 1e-15:
        even = m * (b - m) * x / ((a - 1 + 2 * m) * (a + 2 * m))
        d = 1 / (1 + even * d)
        c = 1 + even / c
        h *= d * c
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 1 + 2 * m))
        d = 1 / (1 + odd * d)
        c = 1 + odd / c
        step = d * c
        h *= step
        m += 1
    return wb_beta_front(a, b, x, y) * h / a
""",
    """\
def wb_betainc(a, b, x):
    if not (a >= 0 and b >= 0 and x >= 0 and x <= 1) or (a == 0 and b == 0) or (a > 1e308 and b > 1e308):
        return np.nan
    if x == 0 or x == 1:
        return x
    if a == 0 or b > 1e308:
        return 1.0
    if b == 0 or a > 1e308:
        return 0.0
    y = 1 - x
    if x < (a + 1) / (a + b + 2):
        return wb_beta_fraction(a, b, x, y)
    p = 1 - wb_beta_fraction(b, a, y, x)
    return p if p > 0.1 else wb_beta_fraction(a, b, x, y)
""",
)
BETAINC = {"c": BETAINC_C, "py": BETAINC_PY}


def betainc_by_a(nodes: Sequence[float], weights: Sequence[float]) -> dict[str, tuple[str, ...]]:
    """Return the derivative in the first shape, by quadrature over a half line; as the NumPy form in ``incomplete.py``."""
    at, by = (", ".join(map(repr, map(float, numbers))) for numbers in (nodes, weights))
    return {
        "c": (*DIGAMMA_C, *FRONT_C, f"""\
static inline double wb_betainc_by_a(double a, double b, double x) {{
    static const double at[] = {{{at}}}, by[] = {{{by}}};
    if (x == 0 || x == 1) return 0;
    const double y = 1 - x, mean = wb_digamma(a) - wb_digamma(a + b), start = log(x);
    const int below = start <= mean;
    if (!below && x * (b > 1 ? b : 1) < 0.25) {{
        double power = 1, once = 0, twice = 0;
        for (int k = 0; k < 25; k++) {{
            if (k) power *= x * (k - b) / k;
            once += power / (a + k), twice += power / (a + k) / (a + k);
        }}
        return exp(a * start - wb_betaln(a, b)) * (once * (start - mean) - twice);
    }}
    const double near = below ? x : y, far = below ? y : x, p = below ? a : b, q = below ? b : a;
    const double steep = (q - 1) * near / far, length = 1 / (fabs(p - steep) + sqrt(fabs(steep / far)));
    double sum = 0;
    for (int k = 0; k < {len(nodes)}; k++) {{
        const double s = length * at[k], other = far - near * expm1(-s);
        sum += by[k] * exp((q - 1) * log(other / far) - p * s) * ((below ? start - s : log(other)) - mean);
    }}
    return (below ? length : -length) * exp(p * log(near) + (q - 1) * log(far) - wb_betaln(a, b)) * sum;
}}"""),
        "py": (*DIGAMMA_PY, *FRONT_PY, f"wb_half_line = np.array([[{at}], [{by}]])\n", """\
def wb_betainc_by_a(a, b, x):
    if x == 0 or x == 1:
        return 0.0
    y, mean, start = 1 - x, wb_digamma(a) - wb_digamma(a + b), log(x)
    below = start <= mean
    if not below and x * max(b, 1.0) < 0.25:
        power, once, twice = 1.0, 0.0, 0.0
        for k in range(25):
            if k:
                power *= x * (k - b) / k
            once += power / (a + k)
            twice += power / (a + k) / (a + k)
        return exp(a * start - wb_betaln(a, b)) * (once * (start - mean) - twice)
    near, far = (x, y) if below else (y, x)
    p, q = (a, b) if below else (b, a)
    steep = (q - 1) * near / far
    length = 1 / (abs(p - steep) + sqrt(abs(steep / far)))
    total = 0.0
    for k in range(wb_half_line.shape[1]):
        s = length * wb_half_line[0, k]
        other = far - near * expm1(-s)
        total += wb_half_line[1, k] * exp((q - 1) * log(other / far) - p * s) * ((start - s if below else log(other)) - mean)
    return (length if below else -length) * exp(p * log(near) + (q - 1) * log(far) - wb_betaln(a, b)) * total
"""),
    }  # fmt: skip
