"""The error function's complement and what statistics makes of it, in C without branches: a loop with them is a vector loop.

All of them come from exp(x**2) erfc(x) for x >= 0: times 1 + 2 x it is a polynomial in (x - 4) / (x + 4) (Shepherd and Laframboise 1981).
`benchmarks/polynomials.py` computes the coefficients, given lowest power first; `tests/truth/test_own_math.py` holds the results to mpmath's.
"""

from __future__ import annotations

import math

from workbench.tensor.special.elementary_c import BITS, EXP, LOGARITHM, polynomial

SCALED_ERFC = (
    1.2329951186255526, -0.13962111684056228, 0.015379652102619974, 0.06809705425466839, -0.10103906603631811, 0.09373283499911264,
    -0.06633036581186058, 0.037167515526338006, -0.01619773406293477, 0.005031970069102256, -0.0007577732435942576, -0.0001992571524726518,
    0.00015062142608651945, -2.4397731143023292e-05, -1.1221135665965907e-05, 5.70657829924074e-06, 2.9173425573089733e-07,
    -8.210647933297337e-07, 7.771943241086912e-08, 1.0631817593818149e-07, -2.0725802488181963e-08, -1.2338731403798444e-08,
    3.2323973445082033e-09, 9.297625263709659e-10, -2.764120233734578e-10,
)  # fmt: skip
ERF = (
    0.12837916709551256, -0.3761263890318352, 0.112837916709442, -0.026866170643113415, 0.005223977606130842, -0.0008548325929766244,
    0.0001205529358693695, -1.4924712439534808e-05, 1.6447132699786545e-06, -1.6206318752968687e-07, 1.3710988704188445e-08,
    -7.779462971758002e-10,
)  # fmt: skip
ERF_FAR = (
    1.8496055099332482, 2.6389675142347775, 0.8431072563593294, 0.041561098026698856, -0.010033825195286757, 0.0019779013114963537,
    -0.0002373168000764417, -2.6295378193971174e-05, 2.719723653210812e-05, -9.66908716635381e-06, 2.129734694765214e-06,
    -2.032542036270245e-07, -5.8815548550141127e-08, 3.369008516249843e-08, -8.596466663232362e-09, 1.3324825541190885e-09,
    -1.206941389093121e-10, 4.927809719188362e-12,
)  # fmt: skip

ROOT_HALF = repr(math.sqrt(0.5))

# (1 + 2 x) exp(x**2) erfc(x) of x >= 0. The exponentials of squares beside it are also of what these lose.
SCALED = (BITS, EXP, f"""\
static WB_INLINE double wb_scaled_erfc(double x) {{
    const double y = x > 1e17 ? 1e17 : x, q = (y - 4) / (y + 4), q2 = q * q, q4 = q2 * q2;
    return WB_FMA(q, {polynomial("q", ["q2", "q4"], SCALED_ERFC[1:])}, {SCALED_ERFC[0]!r});
}}""")  # fmt: skip

ERFCX_C = (*SCALED, """\
static WB_INLINE double wb_erfcx(double x) {
    const double size = fabs(x), square = x < 0 ? x * x : 0, once = 0.5 * wb_scaled_erfc(size) / (0.5 + size);
    return x < 0 ? (x > -27 ? 2 * wb_exp_less(square, -WB_LOST(x, x, square)) - once : __builtin_inf()) : once;
}""")  # fmt: skip

# Of the library's functions in their places, where it has no vector forms. Beyond 1 the error function is 1 - exp(-p(x - 1)): what digits
# that loses where its complement is small, do not count.
ERF_NEAR = f"""\
static WB_INLINE double wb_erf_near(double x) {{ const double z = x * x, z2 = z * z; return WB_FMA(x, {polynomial("z", ["z2"], ERF)}, x); }}"""
ERF_C = (BITS, EXP, ERF_NEAR, f"""\
static WB_INLINE double wb_erf(double x) {{
    const double size = fabs(x), t = (size > 6 ? 6 : size) - 1, t2 = t * t;
    const double far = 1 - wb_exp_times(-({polynomial("t", ["t2"], ERF_FAR)}), 0.0, 0);
    return size < 1 ? wb_erf_near(x) : x == x ? __builtin_copysign(far, x) : x;
}}""")  # fmt: skip
ERFC_C = (*SCALED, ERF_NEAR, """\
static WB_INLINE double wb_erfc(double x) {
    const double size = fabs(x) > 28 ? 28 : fabs(x), square = size * size;
    const double far = wb_scaled_erfc(size) / (1 + 2 * size) * wb_exp_less(-square, WB_LOST(size, size, square));
    return size < 0.5 ? 1 - wb_erf_near(x) : x < 0 ? 2 - far : far;
}""")  # fmt: skip

LOG_NDTR_C = (*SCALED, LOGARITHM, f"""\
static WB_INLINE double wb_log_ndtr(double x) {{
    const double z = fabs(x) * {ROOT_HALF}, scaled = 0.5 * wb_scaled_erfc(z) / (1 + 2 * z);
    const double right = x < 0 ? 0 : x > 40 ? 40 : x, square = right * right;
    const double tail = scaled * wb_exp_less(-0.5 * square, 0.5 * WB_LOST(right, right, square)), rest = 1 - tail;
    const double logarithm = wb_log_of(x < 0 ? scaled : rest, x < 0 ? 0 : ((1 - rest) - tail) / rest, 0);
    return x < 0 ? WB_FMA(-0.5 * x, x, logarithm) : logarithm;
}}""")  # fmt: skip

# The density over the distribution function; of a negative x both without exp(-x**2 / 2).
INVERSE_MILLS_C = (*SCALED, f"""\
static WB_INLINE double wb_inverse_mills(double x) {{
    const double right = x < 0 ? 0 : x > 40 ? 40 : x, square = right * right;
    const double z = (x < 0 ? -x : right) * {ROOT_HALF}, factor = 1 + 2 * z, scaled = wb_scaled_erfc(z);
    const double e = wb_exp_less(-0.5 * square, 0.5 * WB_LOST(right, right, square));
    return {math.sqrt(2.0 / math.pi)!r} * factor * (x < 0 ? 1 : e) / (x < 0 ? scaled : WB_FMA(-scaled, e, 2 * factor));
}}""")  # fmt: skip
