"""The error function's complement and what statistics makes of it, in C without branches: a loop with them is a vector loop.

All of them come from exp(x**2) erfc(x) for x >= 0: times 1 + 2 x it is a polynomial in (x - 4) / (x + 4) (Shepherd and Laframboise 1981).
`benchmarks/polynomials.py` computes the coefficients, given lowest power first; `tests/truth/test_own_math.py` holds the results to mpmath's.
"""

from __future__ import annotations

import math

from workbench.tensor.special.elementary_c import BITS, EXP, EXPONENTIAL, LOGARITHM, polynomial

SCALED_ERFC = (
    1.2329951186255526, -0.13962111684056228, 0.015379652102619974, 0.06809705425466839, -0.10103906603631811, 0.09373283499911264,
    -0.06633036581186058, 0.037167515526338006, -0.01619773406293477, 0.005031970069102256, -0.0007577732435942576, -0.0001992571524726518,
    0.00015062142608651945, -2.4397731143023292e-05, -1.1221135665965907e-05, 5.70657829924074e-06, 2.9173425573089733e-07,
    -8.210647933297337e-07, 7.771943241086912e-08, 1.0631817593818149e-07, -2.0725802488181963e-08, -1.2338731403798444e-08,
    3.2323973445082033e-09, 9.297625263709659e-10, -2.764120233734578e-10,
)  # fmt: skip
ERF = (
    1.1283791670955126, -0.3761263890318375, 0.11283791670954879, -0.026866170645076792, 0.0052239776248180145, -0.000854832698083379,
    0.0001205533111164271, -1.4925595266831182e-05, 1.6461000484121368e-06, -1.6350312701054695e-07, 1.4659775274047436e-08,
    -1.1372848856791674e-09, 5.957176147748911e-11,
)  # fmt: skip

ROOT_HALF = repr(math.sqrt(0.5))

# (1 + 2 x) exp(x**2) erfc(x) of x >= 0, and exp(-x**2) of x**2 = square + rest.
SCALED = (BITS, EXPONENTIAL, EXP, f"""\
static WB_INLINE double wb_scaled_erfc(double x) {{
    const double y = x > 1e17 ? 1e17 : x, q = (y - 4) / (y + 4), q2 = q * q, q4 = q2 * q2;
    return WB_FMA(q, {polynomial("q", ["q2", "q4"], SCALED_ERFC[1:])}, {SCALED_ERFC[0]!r});
}}
static WB_INLINE double wb_exp_of_parts(double square, double rest) {{
    const double e = wb_exp(square);
    return WB_FMA(e, rest, e);
}}""")  # fmt: skip

ERFCX_C = (*SCALED, """\
static WB_INLINE double wb_erfcx(double x) {
    const double size = fabs(x), square = x < 0 ? x * x : 0, once = 0.5 * wb_scaled_erfc(size) / (0.5 + size);
    return x < 0 ? (x > -27 ? 2 * wb_exp_of_parts(square, WB_LOST(x, x, square)) - once : __builtin_inf()) : once;
}""")  # fmt: skip

# Of the library's functions in their places, where it has no vector forms.
ERF_PARTS = (*SCALED, f"""\
static WB_INLINE double wb_erf_near(double x) {{ const double z = x * x, z2 = z * z; return WB_FMA(x, {polynomial("z", ["z2"], (ERF[0] - 1.0, *ERF[1:]))}, x); }}
static WB_INLINE double wb_erfc_far(double size) {{
    const double x = size > 28 ? 28 : size, square = x * x;
    return wb_scaled_erfc(x) / (1 + 2 * x) * wb_exp_of_parts(-square, -WB_LOST(x, x, square));
}}""")  # fmt: skip
ERF_C = (*ERF_PARTS, """\
static WB_INLINE double wb_erf(double x) {
    const double size = fabs(x);
    return size < 1 ? wb_erf_near(x) : __builtin_copysign(1 - wb_erfc_far(size), x);
}""")  # fmt: skip
ERFC_C = (*ERF_PARTS, """\
static WB_INLINE double wb_erfc(double x) {
    const double size = fabs(x), far = wb_erfc_far(size);
    return size < 0.5 ? 1 - wb_erf_near(x) : x < 0 ? 2 - far : far;
}""")  # fmt: skip

LOG_NDTR_C = (*SCALED, LOGARITHM, f"""\
static WB_INLINE double wb_log_ndtr(double x) {{
    const double z = fabs(x) * {ROOT_HALF}, scaled = 0.5 * wb_scaled_erfc(z) / (1 + 2 * z);
    const double right = x < 0 ? 0 : x > 40 ? 40 : x, square = right * right;
    const double tail = scaled * wb_exp_of_parts(-0.5 * square, -0.5 * WB_LOST(right, right, square)), rest = 1 - tail;
    const double logarithm = wb_log_of(x < 0 ? scaled : rest, x < 0 ? 0 : ((1 - rest) - tail) / rest, 0);
    return x < 0 ? WB_FMA(-0.5 * x, x, logarithm) : logarithm;
}}""")  # fmt: skip

# The density over the distribution function; of a negative x both without exp(-x**2 / 2).
INVERSE_MILLS_C = (*SCALED, f"""\
static WB_INLINE double wb_inverse_mills(double x) {{
    const double right = x < 0 ? 0 : x > 40 ? 40 : x, square = right * right;
    const double z = (x < 0 ? -x : right) * {ROOT_HALF}, factor = 1 + 2 * z, scaled = wb_scaled_erfc(z);
    const double e = wb_exp_of_parts(-0.5 * square, -0.5 * WB_LOST(right, right, square));
    return {math.sqrt(2.0 / math.pi)!r} * factor * (x < 0 ? 1 : e) / (x < 0 ? scaled : WB_FMA(-scaled, e, 2 * factor));
}}""")  # fmt: skip
