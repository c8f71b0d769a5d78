"""The incomplete beta function of one element and its derivative, in C and in Python for Numba.

Held to SciPy's values by ``tests/tensor/test_special.py``. Sources: the continued fraction (Abramowitz and
Stegun 26.5.8), summed from the front by Lentz's method, for shapes above 1 that of "Algorithm 708" (BFRAC); what stands in front of it, for two large shapes, by
Stirling's series about the mean, where the terms of its logarithm cancel; for two large shapes and an x near the
mean the asymptotic expansion of Didonato and Morris, "Algorithm 708" (1992), BASYM.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from workbench.tensor.special.error_c import ERFCX_C
from workbench.tensor.special.forms import DIGAMMA_PY, ERFCX_PY, TRIGAMMA_PY
from workbench.tensor.special.gamma_c import BETALN_C, DIGAMMA_C, TRIGAMMA_C
from workbench.tensor.special.incomplete_forms import FRONT_C, FRONT_PY, PARTS_C, PARTS_PY, TWO_PI

CONSTANTS = {
    "half_root_pi": repr(math.sqrt(math.pi) / 4), "eighth": repr(2**-1.5), "two_over_root_pi": repr(2 / math.sqrt(math.pi)),
}  # fmt: skip
UNIFORM_C = """\
// For two large shapes and an x near the mean, on its lower side (far >= 0 is the mean's distance times a + b).
static inline double wb_beta_uniform(double a, double b, double far) {{
    double a0[21], b0[21], c[21], d[21];
    const double f = -a * wb_log1pmx(-far / a) - b * wb_log1pmx(far / b), root = sqrt(f), z2 = 2 * f;
    const double h = a < b ? a / b : b / a, r0 = 1 / (h + 1), r1 = (b - a) / (a < b ? b : a), w0 = 1 / sqrt((a < b ? a : b) * (h + 1));
    a0[0] = r1 * (2.0 / 3), c[0] = -a0[0] / 2, d[0] = -c[0];
    double j0 = {half_root_pi} * wb_erfcx(root), j1 = {eighth}, sum = j0 + d[0] * w0 * j1;
    double s = 1, hn = 1, w = w0, even = root / {eighth} / 2, odd = z2;
    for (int n = 2; n <= 20; n += 2) {{
        hn *= h * h;
        a0[n - 1] = r0 * 2 * (h * hn + 1) / (n + 2.0);
        s += hn;
        a0[n] = r1 * 2 * s / (n + 3.0);
        for (int i = n; i <= n + 1; i++) {{
            const double r = (i + 1) * -0.5;
            b0[0] = r * a0[0];
            for (int m = 2; m <= i; m++) {{
                double total = 0;
                for (int j = 1; j < m; j++) total += (j * r - (m - j)) * a0[j - 1] * b0[m - j - 1];
                b0[m - 1] = r * a0[m - 1] + total / m;
            }}
            c[i - 1] = b0[i - 1] / (i + 1.0);
            double total = 0;
            for (int j = 1; j < i; j++) total += d[i - j - 1] * c[j - 1];
            d[i - 1] = -(total + c[i - 1]);
        }}
        j0 = {eighth} * even + (n - 1) * j0, j1 = {eighth} * odd + n * j1;
        even *= z2, odd *= z2;
        const double one = d[n - 1] * (w *= w0) * j0, other = d[n] * (w *= w0) * j1;
        sum += one + other;
        if (fabs(one) + fabs(other) <= 1e-17 * sum) break;
    }}
    return {two_over_root_pi} * exp(-f - wb_stirling_rest(a) - wb_stirling_rest(b) + wb_stirling_rest(a + b)) * sum;
}}
""".format(**CONSTANTS)
UNIFORM_PY = """\
def wb_beta_uniform(a, b, far):
    a0, b0, c, d = np.zeros(21), np.zeros(21), np.zeros(21), np.zeros(21)
    f = -a * wb_log1pmx(-far / a) - b * wb_log1pmx(far / b)
    root, z2 = sqrt(f), 2 * f
    h, r1, w0 = (a / b, (b - a) / b, 1 / sqrt(a * (a / b + 1))) if a < b else (b / a, (b - a) / a, 1 / sqrt(b * (b / a + 1)))
    r0 = 1 / (h + 1)
    a0[0] = r1 * (2.0 / 3)
    c[0] = -a0[0] / 2
    d[0] = -c[0]
    j0, j1 = {half_root_pi} * wb_erfcx(root), {eighth}
    total = j0 + d[0] * w0 * j1
    s, hn, w, even, odd = 1.0, 1.0, w0, root / {eighth} / 2, z2
    for n in range(2, 21, 2):
        hn *= h * h
        a0[n - 1] = r0 * 2 * (h * hn + 1) / (n + 2.0)
        s += hn
        a0[n] = r1 * 2 * s / (n + 3.0)
        for i in range(n, n + 2):
            r = (i + 1) * -0.5
            b0[0] = r * a0[0]
            for m in range(2, i + 1):
                part = 0.0
                for j in range(1, m):
                    part += (j * r - (m - j)) * a0[j - 1] * b0[m - j - 1]
                b0[m - 1] = r * a0[m - 1] + part / m
            c[i - 1] = b0[i - 1] / (i + 1.0)
            part = 0.0
            for j in range(1, i):
                part += d[i - j - 1] * c[j - 1]
            d[i - 1] = -(part + c[i - 1])
        j0, j1 = {eighth} * even + (n - 1) * j0, {eighth} * odd + n * j1
        even *= z2
        odd *= z2
        one = d[n - 1] * w * w0 * j0
        w *= w0 * w0
        other = d[n] * w * j1
        total += one + other
        if abs(one) + abs(other) <= 1e-17 * total:
            break
    return {two_over_root_pi} * exp(-f - wb_stirling_rest(a) - wb_stirling_rest(b) + wb_stirling_rest(a + b)) * total
""".format(**CONSTANTS)

BETAINC_C = (
    *PARTS_C,
    *BETALN_C,
    *ERFCX_C,
    *DIGAMMA_C,
    *TRIGAMMA_C,
    "double fma(double, double, double);",
    UNIFORM_C,
    f"""\
// x**a (1 - x)**b / beta(a, b); y is 1 - x
static inline double wb_beta_front(double a, double b, double x, double y) {{
    // The smaller of x and y has its digits.
    if (a < 10 || b < 10)
        return exp(a * (y < 0.5 ? log1p(-y) : log(x)) + b * (x < 0.5 ? log1p(-x) : log(y)) - wb_betaln(a, b));
    const double n = a + b, far = x * b - y * a;
    const int near_a = fabs(far / a) < 0.5, near_b = fabs(far / b) < 0.5;
    const double of_a = near_a ? a * wb_log1pmx(far / a) + (near_b ? 0 : far) : a * log(x * n / a);
    const double of_b = near_b ? b * wb_log1pmx(-far / b) - (near_a ? 0 : far) : b * log(y * n / b);
    const double rest = wb_stirling_rest(n) - wb_stirling_rest(a) - wb_stirling_rest(b);
    return exp(of_a + of_b + rest) * sqrt(a / n * b / {TWO_PI});
}}
static inline double wb_beta_fraction(double a, double b, double x, double y) {{
    const double front = wb_beta_front(a, b, x, y);
    if (front == 0) return 0;
    double c = 1, d = 1 / (1 - (a + b) / (a + 1) * x), h = d, step = 0;
    for (double m = 1; fabs(step - 1) > 1e-15 && m < 5000; m += 1) {{
        const double even = m * x / (a - 1 + 2 * m) * ((b - m) / (a + 2 * m));
        d = 1 / (1 + even * d), c = 1 + even / c, h *= d * c;
        const double odd = -(a + m) / (a + 2 * m) * ((a + b + m) / (a + 1 + 2 * m)) * x;
        d = 1 / (1 + odd * d), c = 1 + odd / c, h *= step = d * c;
    }}
    return front * h / a;
}}
// Shapes above 1 and an x on the lower side of the mean: no term cancels.
static inline double wb_beta_below(double a, double b, double x, double y, double far) {{
    const double front = wb_beta_front(a, b, x, y), c = far + 1, c1 = 1 / a + 1;
    if (front == 0) return 0;
    double p = 1, s = a + 1, top = 0, bottom = 1, r = c1 / c, before = 0, next_top = 1, next_bottom = c / c1;
    for (double n = 1; fabs(r - before) > 1e-16 * r && n < 5000; n += 1) {{
        const double w = n * (b - n) * x, alpha = p * (p + b / a) * (a / s) * (a / s) * (w * x);
        const double beta = n + w / s + (n / a + 1) / (c1 + 2 * n / a) * (c + n * (y + 1));
        p = n / a + 1, s += 2;
        const double t = alpha * top + beta * next_top, u = alpha * bottom + beta * next_bottom;
        before = r, r = t / u;
        top = next_top / u, bottom = next_bottom / u, next_top = r, next_bottom = 1;
    }}
    return front * r;
}}
// The rest of 1 of the function of a small shape b at a small y: both are near 1.
static inline double wb_beta_small(double b, double a, double y) {{
    const double least = a < 1 ? a : 1;
    const double shift = b < 1e-5 * least ? b * (wb_digamma(a) + b / 2 * wb_trigamma(a))
        : a < 10 ? wb_lgamma(a + b) - wb_lgamma(a)
        : wb_stirling_rest(a + b) - wb_stirling_rest(a) - (b - b * log(a + b)) - (a - 0.5) * log1p(-b / (a + b));
    const double front = b * log(y) + shift - wb_lgamma1p(b);
    double power = 1, sum = 0, term = 1;
    for (double n = 1; fabs(term) > 1e-17 * fabs(sum) && n < 2000; n += 1) power *= (n - a) / n * y, sum += term = power / (b + n);
    return -expm1(front) - exp(front) * b * sum;
}}
// y a - x b with all digits of both products.
static inline double wb_distance(double y, double a, double x, double b) {{
    const double one = y * a, other = x * b;
    return (one - other) + (fma(y, a, -one) - fma(x, b, -other));
}}
static inline double wb_betainc(double a, double b, double x) {{
    if (!(a >= 0 && b >= 0 && x >= 0 && x <= 1) || (a == 0 && b == 0) || (a > 1e308 && b > 1e308)) return __builtin_nan("");
    if (x == 0 || x == 1) return x;
    if (a == 0 || b > 1e308) return 1;
    if (b == 0 || a > 1e308) return 0;
    const double y = 1 - x, far = wb_distance(y, a, x, b), least = a < b ? a : b;
    if (least > 100 && fabs(far) <= 0.03 * least) return far >= 0 ? wb_beta_uniform(a, b, far) : 1 - wb_beta_uniform(b, a, -far);
    // One shape is so much larger that what is left of the other is a gamma function (as Algorithm 708's BGRAT).
    if (b > 1e10 * (a + 1) || (a <= 1 && b > 1e7)) return wb_incomplete_gamma(a, -(b + (a - 1) / 2) * log1p(-x), 0);
    if (a > 1e10 * (b + 1) || (b <= 1 && a > 1e7)) return wb_incomplete_gamma(b, -(a + (b - 1) / 2) * (x > 0.5 ? log1p(-y) : log(x)), 1);
    if (least > 1) return far >= 0 ? wb_beta_below(a, b, x, y, far) : 1 - wb_beta_below(b, a, y, x, -far);
    if (x < (a + 1) / (a + b + 2)) return wb_beta_fraction(a, b, x, y);
    const double p = 1 - wb_beta_fraction(b, a, y, x);
    // A small rest of 1 has few digits; the fraction converges on this side too, only slower.
    if (p > 0.1) return p;
    return b < 1 && y * (a > 1 ? a : 1) < 1.1 ? wb_beta_small(b, a, y) : wb_beta_fraction(a, b, x, y);
}}""",
)
BETAINC_PY = (
    *PARTS_PY,
    *ERFCX_PY,
    *DIGAMMA_PY,
    TRIGAMMA_PY,
    UNIFORM_PY,
    f"""\
def wb_beta_front(a, b, x, y):
    if a < 10 or b < 10:
        # The smaller of x and y has its digits.
        return exp(a * (log1p(-y) if y < 0.5 else log(x)) + b * (log1p(-x) if x < 0.5 else log(y)) - wb_betaln(a, b))
    n, far = a + b, x * b - y * a
    near_a, near_b = abs(far / a) < 0.5, abs(far / b) < 0.5
    of_a = a * wb_log1pmx(far / a) + (0.0 if near_b else far) if near_a else a * log(x * n / a)
    of_b = b * wb_log1pmx(-far / b) - (0.0 if near_a else far) if near_b else b * log(y * n / b)
    rest = wb_stirling_rest(n) - wb_stirling_rest(a) - wb_stirling_rest(b)
    return exp(of_a + of_b + rest) * sqrt(a / n * b / {TWO_PI})
""",
    """\
def wb_beta_fraction(a, b, x, y):
    front = wb_beta_front(a, b, x, y)
    if front == 0:
        return 0.0
    c, d = 1.0, 1 / (1 - (a + b) / (a + 1) * x)
    h, step, m = d, 0.0, 1.0
    while abs(step - 1) > 1e-15 and m < 5000:
        even = m * x / (a - 1 + 2 * m) * ((b - m) / (a + 2 * m))
        d = 1 / (1 + even * d)
        c = 1 + even / c
        h *= d * c
        odd = -(a + m) / (a + 2 * m) * ((a + b + m) / (a + 1 + 2 * m)) * x
        d = 1 / (1 + odd * d)
        c = 1 + odd / c
        step = d * c
        h *= step
        m += 1
    return front * h / a
""",
    """\
def wb_beta_below(a, b, x, y, far):
    front, c, c1 = wb_beta_front(a, b, x, y), far + 1, 1 / a + 1
    if front == 0:
        return 0.0
    p, s, top, bottom, r, before, next_top, next_bottom, n = 1.0, a + 1, 0.0, 1.0, c1 / c, 0.0, 1.0, c / c1, 1.0
    while abs(r - before) > 1e-16 * r and n < 5000:
        w = n * (b - n) * x
        alpha = p * (p + b / a) * (a / s) * (a / s) * (w * x)
        beta = n + w / s + (n / a + 1) / (c1 + 2 * n / a) * (c + n * (y + 1))
        p = n / a + 1
        s += 2
        t, u = alpha * top + beta * next_top, alpha * bottom + beta * next_bottom
        before, r = r, t / u
        top, bottom, next_top, next_bottom = next_top / u, next_bottom / u, r, 1.0
        n += 1
    return front * r
""",
    """\
def wb_beta_small(b, a, y):
    close = b < 1e-5 * min(a, 1.0)
    if close:
        shift = b * (wb_digamma(a) + b / 2 * wb_trigamma(a))
    elif a < 10:
        shift = math.lgamma(a + b) - math.lgamma(a)
    else:
        shift = wb_stirling_rest(a + b) - wb_stirling_rest(a) - (b - b * log(a + b)) - (a - 0.5) * log1p(-b / (a + b))
    front = b * log(y) + shift - wb_lgamma1p(b)
    power, total, term, n = 1.0, 0.0, 1.0, 1.0
    while abs(term) > 1e-17 * abs(total) and n < 2000:
        power *= (n - a) / n * y
        term = power / (b + n)
        total += term
        n += 1
    return -expm1(front) - exp(front) * b * total
""",
    """\
def wb_rest_of_product(x, y, product):
    big, large = 134217729.0 * x, 134217729.0 * y
    if not (abs(big) < np.inf and abs(large) < np.inf):
        return 0.0
    x1, y1 = big - (big - x), large - (large - y)
    x2, y2 = x - x1, y - y1
    return ((x1 * y1 - product) + x1 * y2 + x2 * y1) + x2 * y2
""",
    """\
def wb_distance(y, a, x, b):
    one, other = y * a, x * b
    return (one - other) + (wb_rest_of_product(y, a, one) - wb_rest_of_product(x, b, other))
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
    far = wb_distance(y, a, x, b)
    if min(a, b) > 100 and abs(far) <= 0.03 * min(a, b):
        return wb_beta_uniform(a, b, far) if far >= 0 else 1 - wb_beta_uniform(b, a, -far)
    # One shape is so much larger that what is left of the other is a gamma function (as Algorithm 708's BGRAT).
    if b > 1e10 * (a + 1) or (a <= 1 and b > 1e7):
        return wb_incomplete_gamma(a, -(b + (a - 1) / 2) * log1p(-x), 0)
    if a > 1e10 * (b + 1) or (b <= 1 and a > 1e7):
        return wb_incomplete_gamma(b, -(a + (b - 1) / 2) * (log1p(-y) if x > 0.5 else log(x)), 1)
    if min(a, b) > 1:
        return wb_beta_below(a, b, x, y, far) if far >= 0 else 1 - wb_beta_below(b, a, y, x, -far)
    if x < (a + 1) / (a + b + 2):
        return wb_beta_fraction(a, b, x, y)
    p = 1 - wb_beta_fraction(b, a, y, x)
    if p > 0.1:
        return p
    return wb_beta_small(b, a, y) if b < 1 and y * max(a, 1.0) < 1.1 else wb_beta_fraction(a, b, x, y)
""",
)
BETAINC = {"c": BETAINC_C, "py": BETAINC_PY}


def betainc_by_a(nodes: Sequence[float], weights: Sequence[float]) -> dict[str, tuple[str, ...]]:
    """Return the derivative in the first shape, by quadrature over a half line; as the NumPy form in ``incomplete.py``."""
    at, by = (", ".join(map(repr, map(float, numbers))) for numbers in (nodes, weights))
    return {
        "c": (*DIGAMMA_C, *FRONT_C, *BETALN_C, f"""\
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
