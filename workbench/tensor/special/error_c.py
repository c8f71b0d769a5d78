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
ERF_NEAR = (
    -0.0345312613301327, -0.28107217804543433, 0.07940998675593726, -0.01828388448914469, 0.003480274496556377, -0.0005611894223101073,
    7.829649705074798e-05, -9.614806830906405e-06, 1.0536315715813177e-06, -1.0421140314169767e-07, 9.433687306529127e-09, -7.68278307977788e-10,
)  # fmt: skip
ERF_FAR = (
    0.7899936627087674, -0.2628747788788002, -0.0396868793639439, 0.018858106536218302, 0.0025150512704498933, -0.0012954728221970667,
    -2.0471749273226337e-05, 5.0364504069525636e-05, -4.525125565618266e-06, -6.500604799685145e-08, -1.2327865230637228e-07, 1.4709212810583656e-08,
    1.5806071511077564e-08, -7.156911566810527e-09, 1.6977892669673286e-09, -2.783485595965245e-10, 3.206035223309205e-11, -2.325484290226593e-12,
    7.892375403739872e-14,
)  # fmt: skip
ERF_JOINT = "0x1.038p+0"
"""Where `ERF_FAR` takes over: its first coefficient is a float there but for a hundredth of its last digit."""

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

# Of the library's functions in their places, where it has no vector forms. The error function is x + x p(x**2 - 1/2), and beyond 1 it is 1 - p(x - joint)**8: the
# eighth root of its complement has no exponential. The power is of the root and of what this lacks.
ERF_HERE = f"""\
static WB_INLINE double wb_erf_near(double x) {{
    const double v = WB_FMA(x, x, -0.5), v2 = v * v;
    return WB_FMA(x, WB_FMA(v, {polynomial("v", ["v2"], ERF_NEAR[1:])}, {ERF_NEAR[0]!r}), x);
}}"""
ERF_C = (BITS, ERF_HERE, f"""\
static WB_INLINE double wb_erf(double x) {{
    const double size = fabs(x), t = (size > 6.0 ? 6.0 : size) - {ERF_JOINT}, t2 = t * t, slope = {polynomial("t", ["t2"], ERF_FAR[1:])};
    const double root = WB_FMA(t, slope, {ERF_FAR[0]!r}), root_low = WB_FMA(t, slope, {ERF_FAR[0]!r} - root), second = root * root;
    const double second_low = WB_FMA(root + root, root_low, WB_LOST(root, root, second)), fourth = WB_FMA(second, second, (second + second) * second_low);
    return size < {ERF_JOINT} ? wb_erf_near(x) : __builtin_copysign(WB_FMA(-fourth, fourth, 1.0), x);
}}""")  # fmt: skip
ERFC_C = (*SCALED, ERF_HERE, """\
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
