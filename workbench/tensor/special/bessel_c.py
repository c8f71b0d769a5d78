"""Modified Bessel functions I of order 0 and 1 in C without branches: a loop with them is a vector loop.

Up to 8 the power series, beyond sqrt(x) exp(-x) I(x) as a polynomial in 16 / x - 1; both are computed, and one is taken.
`benchmarks/polynomials.py` computes its coefficients, given lowest power first.
"""

from __future__ import annotations

import math

from workbench.tensor.special.elementary_c import BITS, EXP, polynomial

I0_FAR_IN_C = (
    0.4021765094450081, 0.003360551983667854, 0.00013621607439232746, 1.1143033791556743e-05, 1.4838475473607391e-06, 2.973598432479169e-07,
    8.87225351128584e-08, 3.932602459703109e-08, 2.1545177650836005e-08, 7.553516470355896e-09, -6.729724111923548e-09,
    -1.3404241991980871e-08, -5.4685974495866e-09, 7.540601378890834e-09, 7.58022133915272e-09, -3.4857887470034955e-09,
    -6.188265090497361e-09, 1.497880830187091e-09, 3.881151253996067e-09, -5.562201990080394e-10, -1.7789375042917173e-09,
    1.4672236659214398e-10, 5.181936971288284e-10, -1.9216763724933513e-11, -7.06893851181878e-11,
)  # fmt: skip
I1_FAR_IN_C = (
    0.38939845902587233, -0.009749577193235728, -0.00021923576383430274, -1.5038547201176271e-05, -1.8349101134666435e-06,
    -3.483855609009937e-07, -1.0001323461066435e-07, -4.312935369971356e-08, -2.337059627111857e-08, -8.426622829598154e-09,
    6.715795128085017e-09, 1.4029693589852716e-08, 6.040877342160988e-09, -7.630751970065577e-09, -8.044231276166508e-09,
    3.406636130196794e-09, 6.4870195719816896e-09, -1.4171698018664596e-09, -4.047785403711858e-09, 5.146498826087142e-10,
    1.8513716745511988e-09, -1.342266320082222e-10, -5.388285995923524e-10, 1.7502497778701306e-11, 7.347992441734663e-11,
)  # fmt: skip
FAR = (I0_FAR_IN_C, I1_FAR_IN_C)


def bessel_c(order: int, scaled: bool = False) -> tuple[str, ...]:
    """Return I of order 0 or 1, and what it calls; `scaled` by exp(-|x|)."""
    series = [1.0 / (math.factorial(k) * math.factorial(k + order)) for k in range(23)]
    near = f"{polynomial('t', ['t2', 't4'], series)}{' * (0.5 * s)' if order else ''}"
    # exp(s) in two factors, which reaches further before it overflows.
    grown = "" if scaled else " * grown * grown"
    return (BITS, EXP, f"""\
static WB_INLINE double wb_i{order}{"e" if scaled else ""}(double x) {{
    const double s = fabs(x), t = 0.25 * s * s, t2 = t * t, t4 = t2 * t2, u = 16 / s - 1, u2 = u * u, u4 = u2 * u2;
    const double {"shrunk = wb_exp(-s)" if scaled else "grown = wb_exp(0.5 * s)"};
    const double far = {polynomial("u", ["u2", "u4"], FAR[order])} / sqrt(s){grown};
    const double made = s <= 8 ? {near}{" * shrunk" if scaled else ""} : {"far" if scaled else "s > 1500 ? __builtin_inf() : far"};
    return {"__builtin_copysign(made, x)" if order else "made"};
}}""")  # fmt: skip
