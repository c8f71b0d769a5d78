"""The logarithm of the gamma function and its two derivatives in C, without branches: a loop with them is a vector loop.

An argument up to a few ones is moved by whole numbers to an interval of length one where a polynomial holds: about 2, a zero of the
logarithm, or about the positive zero of digamma. Beyond, Stirling's series takes over, whose remainder is a polynomial in 1 / x**2.
Both are computed, and one is taken. Negative arguments go by reflection: between the poles `lgamma` and `digamma` have zeros there, next to
which they are right in relation to the terms whose difference they are.

`benchmarks/polynomials.py` computes the coefficients, given lowest power first; `tests/truth/test_own_math.py` holds the results to mpmath's.
"""

from __future__ import annotations

import math

from workbench.tensor.special.elementary_c import BITS, LOGARITHM, polynomial

LGAMMA_TO_2 = (
    0.42278433509846713, -0.10031730167435392, 0.03296500062115595, -0.012384192193371177, 0.004998641164674589, -0.00210813083400523,
    0.0009153769238672738, -0.00040570739176380667, 0.00018255258905758913, -8.309539655746165e-05, 3.816940767917892e-05,
    -1.7655895059017804e-05, 8.228130885345307e-06, -3.895577744995218e-06, 1.6473213853857283e-06, -9.036123940877502e-07,
    1.1204266703130226e-06, 1.6888327234363527e-06, 2.3938341977184327e-06, 1.4523601065395536e-06, 4.579429398395124e-07,
)  # fmt: skip
LGAMMA_REST = (
    0.08333333333333333, -0.002777777777750814, 0.0007936507805034153, -0.0005952355991323631, 0.000841509820634617, -0.001904145188357361,
    0.005955676658410306, -0.019785406385876975, 0.042528989652067466,
)  # fmt: skip
GAMMA_REST = (
    -0.05427239073383863, -0.0150045172273724, -0.0026489740851773, -0.00031550366252725004, -9.126829652458404e-05,
    -2.7403766643131528e-05, -2.621264042552754e-06, -1.7509485245038244e-06, -4.6659339422362673e-07, 3.5474254447898667e-08,
    -8.594294577975344e-08, 8.089842383284049e-09, -8.96529024159605e-10, -4.821540270654542e-09, 2.9124639916538247e-09,
    -1.412488346142015e-09, 1.9257623000130666e-10, 9.45322448359902e-12, 8.411280081093463e-11, 9.921689138722685e-11,
    -2.2414117224339031e-10, 6.106782823396562e-11, 5.1756867613588554e-11, -2.37555838807199e-11,
)  # fmt: skip
DIGAMMA_ABOUT_ROOT = (
    0.9676722454476212, -0.44276316898359225, 0.2584997609556464, -0.16394270544235012, 0.10782405069202548, -0.0721995612643158,
    0.04880428812431291, -0.03316112598365269, 0.022597648658381257, -0.015424780839450756, 0.010538816022161243, -0.007204333252525058,
    0.004925983685289662, -0.003370127871961525, 0.0023128469664908478, -0.0015930246372264597, 0.001074379341464435,
    -0.0006558403387820445, 0.00031791549327092426, -0.00010243185820303108, 1.5838221071534468e-05,
)  # fmt: skip
DIGAMMA_REST = (
    0.08333333333333315, -0.0083333333328187, 0.003968253722835405, -0.0041666210353598875, 0.0075714344999926715, -0.020856603688015042,
    0.07539626332611717, -0.2728260971964747, 0.6084308056065797,
)  # fmt: skip
TRIGAMMA_ABOUT_2 = (
    0.6449340668482264, -0.4041138063191886, 0.24696970113342492, -0.14771102057348512, 0.08671530992088246, -0.050095664290823884,
    0.02854149345518065, -0.016067142645048507, 0.008951174350854995, -0.004941885099890781, 0.0027069787513159206, -0.0014725741194905589,
    0.0007959861621577748, -0.0004281099703345975, 0.00023055746751652744, -0.0001228876081377562, 6.053288443233376e-05,
    -3.206599762481864e-05, 2.582341726561106e-05, -1.3567477895832047e-05,
)  # fmt: skip
TRIGAMMA_REST = (
    0.166666666666666, -0.03333333333128719, 0.023809522789818575, -0.033333132153083145, 0.07573683486917963, -0.2518330909384145,
    1.115375849432122, -5.681959988147414, 26.890217643027956, -91.98228445893189, 156.81657693157234,
)  # fmt: skip
SINE = (
    -1.6449340668482264, 0.8117424252833519, -0.19075182412194128, 0.026147847813078808, -0.0023460809634923995, 0.00014842817816693618,
    -6.972960555564221e-06, 2.459180384815939e-07,
)  # fmt: skip
COSINE = (
    1.0, -0.9348022005446793, 0.3195033242380492, -0.05724947190231324, 0.006332742747862203, -0.00047592037539358493,
    2.589262194384223e-05, -1.0666850970497326e-06, 3.3478866930384306e-08,
)  # fmt: skip

ROOT_PARTS = (repr(1569415565 / 2**30), repr(381566830 / 2**60), "9.016312093258695e-20")
"""The positive root of digamma in three parts, the first two with few digits: x - root is exact."""

# The signed distance from the next whole number, sin(pi r) / pi, and cos(pi r), |r| <= 1/2.
FROM_WHOLE = "static WB_INLINE double wb_from_whole(double x) { return fabs(x) < 0x1p52 ? x - rint(x) : 0.0; }"
SINE_OF_PI = f"""\
static WB_INLINE double wb_sine_of_pi(double r) {{
    const double z = r * r, z2 = z * z;
    return WB_FMA(r * z, {polynomial("z", ["z2"], SINE)}, r);
}}"""
COSINE_OF_PI = f"""\
static WB_INLINE double wb_cosine_of_pi(double r) {{
    const double z = r * r, z2 = z * z;
    return (1 - 2 * r) * (1 + 2 * r) * {polynomial("z", ["z2"], COSINE)};
}}"""

LGAMMA_C = (BITS, LOGARITHM, FROM_WHOLE, SINE_OF_PI, f"""\
static WB_INLINE double wb_lgamma(double x) {{
    const double y = x < 0 ? 1 - x : x, n = rint(y + 0.25), t = y - n, t2 = t * t, t4 = t2 * t2;
    // lgamma(y) = lgamma(t + 2) and the logarithm of first * second, or less it.
    const double first = n < 2 ? y : n > 2 ? y - 1 : 1, second = n < 1 ? y + 1 : n > 3 ? y - 2 : 1;
    const double logarithm = wb_log_of(n < 5 ? first * second : y, 0, n < 5 ? 0.0 : -1.0);
    const double near = WB_FMA(t * (1 + t), {polynomial("t", ["t2", "t4"], LGAMMA_TO_2)}, n < 2 ? -logarithm : logarithm);
    const double once = 1 / y, s = once * once, s2 = s * s;
    const double rest = WB_FMA(once, {polynomial("s", ["s2"], LGAMMA_REST)}, {0.5 * math.log(2.0 * math.pi) - 0.5!r});
    const double made = n < 5 ? near : WB_FMA(y - 0.5, logarithm, rest);
    const double sine = fabs(wb_sine_of_pi(wb_from_whole(x)));
    const double reflected = -wb_log_of(sine, made, 0);
    return x <= 0 ? (sine == 0 ? __builtin_inf() : reflected) : made;
}}""")  # fmt: skip

DIGAMMA_C = (BITS, LOGARITHM, FROM_WHOLE, SINE_OF_PI, COSINE_OF_PI, f"""\
static WB_INLINE double wb_digamma(double x) {{
    const double y = x < 0 ? 1 - x : x, n = rint(y + 0.3);
    // psi(y) = psi(y + 2 - n) and the derivative of the logarithm of first * second, or less it; `once` is 1 / y where y is large.
    const double first = n < 2 ? y : n > 2 ? y - 1 : 1, second = n < 1 ? y + 1 : n > 3 ? y - 2 : 1;
    const double slope = n < 1 ? first + second : n > 3 ? first + second : n == 2 ? 0 : 1;
    const double once = (n < 5 ? slope : 1) / (n < 5 ? first * second : y);
    const double t = ((y - ({ROOT_PARTS[0]} - 2 + n)) - {ROOT_PARTS[1]}) - {ROOT_PARTS[2]}, t2 = t * t, t4 = t2 * t2;
    const double near = WB_FMA(t, {polynomial("t", ["t2", "t4"], DIGAMMA_ABOUT_ROOT)}, n < 2 ? -once : once);
    const double s = once * once, s2 = s * s;
    const double made = n < 5 ? near : wb_log_of(y, WB_FMA(-0.5, once, -s * {polynomial("s", ["s2"], DIGAMMA_REST)}), 0);
    const double from = wb_from_whole(x), tangent = wb_cosine_of_pi(from) / wb_sine_of_pi(from);
    return x < 0 ? (from == 0 ? __builtin_nan("") : made - tangent) : x < __builtin_inf() ? made : x;
}}""")  # fmt: skip

TRIGAMMA_C = (BITS, FROM_WHOLE, SINE_OF_PI, f"""\
static WB_INLINE double wb_trigamma(double x) {{
    const double y = x < 0 ? 1 - x : x, n = rint(y), t = y - n, t2 = t * t, t4 = t2 * t2;
    // psi'(y) = psi'(t + 2) + share * once**2
    const double once = 1 / (n < 1 ? WB_FMA(y, y, y) : n == 3 ? y - 1 : y), s = once * once, s2 = s * s;
    const double share = n < 1 ? WB_FMA(2 * y, y + 1, 1) : n < 2 ? 1 : n < 3 ? 0 : -1;
    const double near = WB_FMA(share, s, {polynomial("t", ["t2", "t4"], TRIGAMMA_ABOUT_2)});
    const double large = WB_FMA(once * s, {polynomial("s", ["s2"], TRIGAMMA_REST)}, WB_FMA(0.5, s, once));
    const double made = n < 4 ? near : large;
    const double cosecant = 1 / wb_sine_of_pi(wb_from_whole(x));
    return x < 0 ? cosecant * cosecant - made : made;
}}""")  # fmt: skip

# lgamma(1 + x) is (x + 1/2) (log(x + 1/2) - 1), half of log 2 pi, and a rest; lgamma(x) is that of |x| with the sign of x, less the logarithm of a
# side: x itself, or of a negative x sin(pi x) / pi. The logarithms of the three go together as those of quotients, so that large terms do not cancel.
BETALN_C = (BITS, LOGARITHM, FROM_WHOLE, SINE_OF_PI, f"""\
static WB_INLINE double wb_gamma_rest(double x) {{
    const double t = 1 / (1 + x), q = 2 * t - 1, q2 = q * q, q4 = q2 * q2;
    return t * {polynomial("q", ["q2", "q4"], GAMMA_REST)};
}}
static WB_INLINE double wb_side(double x) {{ return x < 0 ? fabs(wb_sine_of_pi(wb_from_whole(x))) : x; }}
static WB_INLINE double wb_betaln(double a, double b) {{
    const double p = a < b ? a : b, q = a < b ? b : a, sum = p + q, u = fabs(p), v = fabs(q), w = fabs(sum);
    const double of_p = p < 0 ? -1 : 1, of_q = q < 0 ? -1 : 1, of_sum = sum < 0 ? -1 : 1, count = of_p + of_q - of_sum;
    const double once = 1 / (w + 0.5), beyond = (of_q == of_sum ? -of_q * p : v - w) * once, near_1 = 1 + beyond, other = near_1 - 1;
    const double rest = WB_FMA(of_p, wb_gamma_rest(u), WB_FMA(of_q, wb_gamma_rest(v), -of_sum * wb_gamma_rest(w)));
    const double of_smaller = wb_log_of((u + 0.5) * once, 0, 0);
    const double of_larger = wb_log_of(near_1, ((1 - (near_1 - other)) + (beyond - other)) / near_1, 0);
    const double side = wb_side(q) / wb_side(sum) * wb_side(p);
    const double small = WB_FMA(count, WB_FMA(0.5, wb_log_of(w + 0.5, 0, 0), {0.5 * math.log(2.0 * math.pi) - 0.5!r}), rest) - wb_log_of(side, 0, 0);
    const double made = WB_FMA(of_p * (u + 0.5), of_smaller, WB_FMA(of_q * (v + 0.5), of_larger, small));
    return side > 0 ? (side < __builtin_inf() ? made : -side) : side == 0 ? __builtin_inf() : side;
}}""")  # fmt: skip
