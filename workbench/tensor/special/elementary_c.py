"""Exponentials and logarithms in C of our own, for compilers and systems whose library has no vector forms.

They have no branches, so that compilers make vector loops of what calls them, on whatever instructions there are; and no operation
that rounds otherwise in a vector than alone, so that a number has one value wherever it is computed. Errors are below one unit in
the last place (`tests/truth/test_own_math.py`).

The exponential is that of the rest after multiples of log 2 (Cody and Waite 1980), by a polynomial that is best on that interval; logarithms
are those of FreeBSD's libm (Ng 1993). What is added to a number 2**52 too large to have digits behind the point is rounded to a whole one.
Coefficients are given lowest power first, and serve `workbench/compile/numba/own_math.py` too; `benchmarks/polynomials.py` computes those of `exp` and `log1p`.
"""

from __future__ import annotations

from collections.abc import Sequence


def polynomial(x: str, squares: Sequence[str], coefficients: Sequence[float]) -> str:
    """Return a polynomial's text in C, lowest power first; with the names of x**2, x**4, ... in sums that do not wait for one another."""
    if len(coefficients) == 1:
        return repr(float(coefficients[0]))
    if not squares:
        return f"WB_FMA({x}, {polynomial(x, (), coefficients[1:])}, {float(coefficients[0])!r})"
    even, odd = (polynomial(squares[0], squares[1:], coefficients[k::2]) for k in (0, 1))
    return f"WB_FMA({x}, {odd}, {even})"


BITS = """\
#if defined __FMA__ || defined __aarch64__
#define WB_FMA(x, y, z) __builtin_fma(x, y, z)
#define WB_LOST(x, y, product) __builtin_fma(x, y, -(product))
#else
#define WB_FMA(x, y, z) ((x) * (y) + (z))
#define WB_LOST(x, y, product) wb_lost(x, y, product)
#endif
static WB_INLINE uint64_t wb_bits(double x) { uint64_t b; __builtin_memcpy(&b, &x, 8); return b; }
static WB_INLINE double wb_of_bits(uint64_t b) { double x; __builtin_memcpy(&x, &b, 8); return x; }
static WB_INLINE double wb_lost(double x, double y, double product) {
    const double x_wide = x * 134217729.0, x1 = x_wide - (x_wide - x), x2 = x - x1, y_wide = y * 134217729.0, y1 = y_wide - (y_wide - y), y2 = y - y1;
    return ((x1 * y1 - product) + x1 * y2 + x2 * y1) + x2 * y2;
}"""

# exp(r) is 1 + r + r**2 / 2 + r**3 p(r), r between the logarithms of 3/4 and 3/2: for exp(x) - 1, whose digits are those of r.
EXPM1_TAIL = (
    0.16666666666666666, 0.04166666666666748, 0.008333333333336317, 0.0013888888888187105, 0.00019841269833153723, 2.4801589363677387e-05,
    2.7557317999650653e-06, 2.75547753709888e-07, 2.5073956891609475e-08, 2.2016119774556755e-09,
)  # fmt: skip
# exp(r) is 1 + r + r**2 p(r), |r| below log(2) / 2.
EXP_TAIL = (
    0.5000000000000011, 0.1666666666666641, 0.04166666666653042, 0.00833333333349528, 0.0013888888943568716, 0.0001984126950502647,
    2.4801493158043087e-05, 2.7557587623611165e-06, 2.7630228194586943e-07, 2.4999693173664022e-08,
)  # fmt: skip

# exp(y - less), with a number that is small beside a unit; times a power of two, which is added to the bits of the exponent: these do not overflow.
EXP_ENDS = 709.782712893384
"""The exponentials of this and all above are infinite."""
EXP = f"""\
static WB_INLINE double wb_exp_times(double y, double less, uint64_t power) {{
    const double shifted = WB_FMA(y, 0x1.71547652b82fep+0, 0x1.8p52), k = shifted - 0x1.8p52;
    const double high = WB_FMA(k, -0x1.62e42fefa3800p-1, y), r = WB_FMA(k, -0x1.ef35793c76730p-45, high) - less, z = r * r, z2 = z * z;
    const double tail = {polynomial("r", ["z", "z2"], EXP_TAIL)};
#if defined __FMA__ || defined __aarch64__
    const double made = WB_FMA(r, WB_FMA(r, tail, 1.0), 1.0);
#else
    const double made = 1.0 + (r + (z * tail + ((k * -0x1.ef35793c76730p-45 + (high - r)) - less)));
#endif
    return wb_of_bits(wb_bits(made) + ((wb_bits(shifted) + power) << 52));
}}
static WB_INLINE double wb_exp_less(double x, double less) {{
    const double y = x < -746.0 ? -746.0 : x;
    const double made = wb_exp_times(y, less, y < -708.0 ? 128 : 0) * (y < -708.0 ? 0x1p-128 : 1.0);
    return x < {EXP_ENDS!r} ? made : x + __builtin_inf();
}}
static WB_INLINE double wb_exp(double x) {{ return wb_exp_less(x, 0.0); }}"""

# Half of exp(y) - 1 is `half` and `rest`: 2**(k - 1) (1 + high) - 1/2, and what that lacks. k log 2 is taken from y so that exp(r) is between 3/4 and 3/2: where
# k is not 0, neither is the difference near to it, and its digits are as many as those of r. 2**53 - 1/2 is no number: what it lacks is taken off later.
HALF_EXPM1 = f"""\
    const double shifted = WB_FMA(y, 0x1.71547652b82fep+0, -0.084962500721156) + 0x1.8p52, k = shifted - 0x1.8p52;
    const double high = WB_FMA(k, -0x1.62e42fefa3800p-1, y), small = k * 0x1.ef35793c76730p-45, r = high - small, z = r * r;
    const double scale = wb_of_bits((wb_bits(shifted) + 1022) << 52), base = scale - 0.5, half = WB_FMA(scale, high, base);
    const double tail = WB_FMA(z, r * {polynomial("r", ["z"], EXPM1_TAIL)}, WB_FMA(0.5, z, -small)), past = base - half;
    const double rest = WB_FMA(scale, tail, WB_FMA(scale, high, k == 54.0 ? past - 0.5 : past));"""

EXPM1 = f"""\
static WB_INLINE double wb_expm1(double x) {{
    const double y = x > 710.0 ? 710.0 : x < -60.0 ? -60.0 : x;
{HALF_EXPM1}
    return z > 0.0 ? 2.0 * (half + rest) : x;
}}"""

# With h half of exp(2 x) - 1, tanh is h / (h + 1): a quotient, and what it lacks by a product without rounding (Dekker 1971).
TANH = f"""\
static WB_INLINE double wb_tanh(double x) {{
    const double size = fabs(x), y = 2.0 * (size > 20.0 ? 20.0 : size);
{HALF_EXPM1}
    const double h = half + rest, h_low = (half - h) + rest;
    const double d = h + 1.0, other = d - h, d_low = ((h - (d - other)) + (1.0 - other)) + h_low;
    const double once = 1.0 / d, q = h * once, product = q * d;
    const double made = WB_FMA(WB_FMA(-q, d_low, ((h - product) - WB_LOST(q, d, product)) + h_low), once, q);
    return z > 0.0 ? __builtin_copysign(made, x) : x;
}}"""

# log((1 + s) / (1 - s)) is 2 s + s**3 p(s**2): (1 + s) / (1 - s) between the roots of 1/2 and 2, or between 3/4 and 3/2.
LOG_REST = (
    6.666666666666735130e-01, 3.999999999940941908e-01, 2.857142874366239149e-01, 2.222219843214978396e-01, 1.818357216161805012e-01,
    1.531383769920937332e-01, 1.479819860511658591e-01,
)  # fmt: skip
LOG1P_REST = (
    0.6666666666667269, 0.3999999999617085, 0.2857142939386333, 0.22222138601105698, 0.18186352610858172, 0.15250247146175636, 0.15367805414070881,
)  # fmt: skip

# A number is 2**k m with m between the roots of 1/2 and 2; its logarithm k log 2 + log m, with a small number, `more`, and a whole one, `base`, that are added.
LOGARITHM = f"""\
static WB_INLINE double wb_log_of(double x, double more, double base) {{
    const double w = x < 0x1p-1022 ? x * 0x1p54 : x;
    const uint64_t u = wb_bits(w) + (1100ULL << 52) - 0x3fe6a09e667f3bcdULL;
    const double k = wb_of_bits((u >> 52) | 0x4330000000000000ULL) - (x < 0x1p-1022 ? 0x1p52 + 1154.0 : 0x1p52 + 1100.0);
    const double f = wb_of_bits((u & 0xfffffffffffffULL) + 0x3fe6a09e667f3bcdULL) - 1.0;
    const double s = f / (2.0 + f), z = s * s, z2 = z * z, square = 0.5 * f * f;
    const double rest = {polynomial("z", ["z2"], LOG_REST)};
    const double low = WB_FMA(s, WB_FMA(z, rest, square), WB_FMA(k, 1.90821492927058770002e-10, more));
    return WB_FMA(k, 6.93147180369123816490e-01, base) - ((square - low) - f);
}}"""

LOG = """\
static WB_INLINE double wb_log(double x) {
    const double made = wb_log_of(x, 0.0, 0.0);
    return x > 0.0 ? (x < __builtin_inf() ? made : x) : x == 0.0 ? -__builtin_inf() : __builtin_nan("");
}"""

# 1 + x is 2**k (1 + f): f is x / 2**k + (1 / 2**k - 1), of which no digit is lost where k log 2 does not hide it, as f is between -1/4 and 1/2.
LOG1P = f"""\
static WB_INLINE double wb_log1p(double x) {{
    const uint64_t u = wb_bits(1.0 + x) + (64ULL << 52) - 0x3fe8000000000000ULL;
    const double k = wb_of_bits((u >> 52) | 0x4330000000000000ULL) - (0x1p52 + 64.0);
    const double four = wb_of_bits(((1025ULL + 64) << 52) - (u & 0xfff0000000000000ULL));
    const double f = WB_FMA(0.25 * x, four, WB_FMA(0.25, four, -1.0));
    const double s = f / (2.0 + f), z = s * s, z2 = z * z, square = 0.5 * f * f;
    const double low = WB_FMA(s, WB_FMA(z, {polynomial("z", ["z2"], LOG1P_REST)}, square), k * 1.90821492927058770002e-10);
    const double large = k * 6.93147180369123816490e-01, sum = large + f, lost = f - (sum - large);
    const double made = sum - (square - (low + lost));
    return fabs(x) < 0x1p-54 ? x : x > -1.0 ? (x < __builtin_inf() ? made : x) : x == -1.0 ? -__builtin_inf() : __builtin_nan("");
}}"""

ELEMENTARY = {
    "exp": (BITS, EXP), "expm1": (BITS, EXPM1), "tanh": (BITS, TANH),
    "log": (BITS, LOGARITHM, LOG), "log1p": (BITS, LOG1P),
}  # fmt: skip
"""The functions, and the C code of each, in the order in which it is needed."""
