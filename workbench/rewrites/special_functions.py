"""Error functions, gamma and beta functions, Bessel functions: inverses, reflections, logarithms that do not overflow."""

from __future__ import annotations

import numpy as np

import workbench.tensor as pt
from workbench.graph.domain import Interval, positive, unit
from workbench.graph.expr import Constant, Expr
from workbench.graph.lengths import Length
from workbench.graph.pattern import variable
from workbench.graph.properties import is_positive
from workbench.graph.rewrite import rule
from workbench.tensor import elementwise as e
from workbench.tensor.reduction.reductions import Reduce
from workbench.tensor.shape import length_of
from workbench.tensor.tensor import Tensor

GROUP = "canonicalise"
STABILISE = "stabilise"

x, y = variable("x"), variable("y")
moderate = variable("moderate", Interval(-4.0, 4.0))
u = variable("u", unit)
inside = variable("inside", Interval(-1.0, 1.0))
p, q = variable("p", positive), variable("q", positive)
above_zero, also_above = variable("above_zero", positive, where=is_positive), variable("also_above", positive, where=is_positive)

# Error functions ------------------------------------------------------------------------------


@rule(GROUP, pt.erf(-x))
def erf_of_negative(x: Tensor) -> Tensor:
    """erf is odd: the sign comes out."""
    return -pt.erf(x)


@rule(GROUP, pt.erfinv(pt.erf(moderate)))
def erfinv_of_erf(moderate: Tensor) -> Tensor:
    """erfinv undoes erf, also where that has rounded to 1."""
    return moderate


@rule(GROUP, pt.erf(pt.erfinv(inside)))
def erf_of_erfinv(inside: Tensor) -> Tensor:
    """erf undoes erfinv, which numbers outside [-1, 1] have not."""
    return pt.where(pt.abs(inside) <= 1.0, inside, np.nan)


@rule(GROUP, pt.erfcinv(pt.erfc(moderate)))
def erfcinv_of_erfc(moderate: Tensor) -> Tensor:
    """erfcinv undoes erfc."""
    return moderate


@rule(GROUP, pt.erfc(pt.erfcinv(u)))
def erfc_of_erfcinv(u: Tensor) -> Tensor:
    """erfc undoes erfcinv, which numbers outside [0, 2] have not."""
    return pt.where(pt.logical_and(u >= 0.0, u <= 2.0), u, np.nan)


@rule(GROUP, pt.ndtri(pt.ndtr(moderate)))
def ndtri_of_ndtr(moderate: Tensor) -> Tensor:
    """The normal quantile undoes the normal distribution function."""
    return moderate


@rule(GROUP, pt.ndtr(pt.ndtri(u)))
def ndtr_of_ndtri(u: Tensor) -> Tensor:
    """The normal distribution function undoes the quantile, which numbers outside [0, 1] have not."""
    return pt.where(pt.logical_and(u >= 0.0, u <= 1.0), u, np.nan)


@rule(GROUP, pt.exp(pt.log_ndtr(moderate)))
def exp_of_log_ndtr(moderate: Tensor) -> Tensor:
    """The exponential undoes the logarithm."""
    return pt.ndtr(moderate)


@rule(STABILISE, 1.0 - pt.erf(x), precise=True)
def erfc_from_erf(x: Tensor) -> Tensor:
    """1 - erf(x) cancels for large x; erfc(x) does not."""
    return pt.erfc(x)


@rule(STABILISE, 1.0 + pt.erf(x), precise=True)
def erfc_from_one_plus_erf(x: Tensor) -> Tensor:
    """1 + erf(x) cancels for large negative x; erfc(-x) does not."""
    return pt.erfc(-x)


@rule(STABILISE, 0.5 + 0.5 * pt.erf(x), precise=True)
def erfc_from_half_plus_half_erf(x: Tensor) -> Tensor:
    """Halves of 1 + erf(x) cancel for large negative x; half of erfc(-x) does not."""
    return 0.5 * pt.erfc(-x)


@rule(STABILISE, 0.5 - 0.5 * pt.erf(x), precise=True)
def erfc_from_half_minus_half_erf(x: Tensor) -> Tensor:
    """Halves of 1 - erf(x) cancel for large x; half of erfc(x) does not."""
    return 0.5 * pt.erfc(x)


@rule(STABILISE, 1.0 - 0.5 * pt.erfc(x), precise=True)
def erfc_from_one_minus_half_erfc(x: Tensor) -> Tensor:
    """1 - erfc(x) / 2 cancels for large negative x; erfc(-x) / 2, which is the same, does not."""
    return 0.5 * pt.erfc(-x)


@rule(STABILISE, y + y * pt.erf(x))
def times_one_plus_erf(x: Tensor, y: Tensor) -> Tensor:
    """A number and its multiple by erf(x) cancel for large negative x; its product with erfc(-x) does not."""
    return y * pt.erfc(-x)


@rule(STABILISE, y - y * pt.erf(x))
def times_one_minus_erf(x: Tensor, y: Tensor) -> Tensor:
    """A number and its multiple by erf(x) cancel for large x; its product with erfc(x) does not."""
    return y * pt.erfc(x)


@rule(STABILISE, 0.5 + 0.5 * pt.tanh(x), precise=True)
def sigmoid_from_half_plus_half_tanh(x: Tensor) -> Tensor:
    """Halves of 1 + tanh(x) cancel for large negative x; the logistic function of 2 x does not."""
    return pt.sigmoid(2.0 * x)


@rule(STABILISE, 0.5 - 0.5 * pt.tanh(x), precise=True)
def sigmoid_from_half_minus_half_tanh(x: Tensor) -> Tensor:
    """Halves of 1 - tanh(x) cancel for large x; the logistic function of -2 x does not."""
    return pt.sigmoid(-2.0 * x)


@rule(STABILISE, y + y * pt.tanh(x))
def times_one_plus_tanh(x: Tensor, y: Tensor) -> Tensor:
    """A number and its multiple by tanh(x) cancel for large negative x; twice its product with the logistic function of 2 x does not."""
    return 2.0 * y * pt.sigmoid(2.0 * x)


@rule(STABILISE, 1.0 - pt.erfc(x), precise=True)
def erf_from_erfc(x: Tensor) -> Tensor:
    """1 - erfc(x) cancels for small x; erf(x) does not."""
    return pt.erf(x)


@rule(STABILISE, 2.0 - pt.erfc(x), precise=True)
def erfc_from_two_minus_erfc(x: Tensor) -> Tensor:
    """2 - erfc(x) cancels for large negative x; erfc(-x) does not."""
    return pt.erfc(-x)


@rule(STABILISE, pt.log(pt.erfc(x)), precise=True)
def log_of_erfc(x: Tensor) -> Tensor:
    """erfc underflows when x is large, and is near 1 when x is small: both are mended."""
    return pt.where(x < 1.0, pt.log1p(-pt.erf(x)), pt.log(pt.erfcx(pt.maximum(x, 1.0))) - pt.square(x))


@rule(STABILISE, pt.exp(pt.square(x)) * pt.erfc(x), precise=True)
def erfcx_from_product(x: Tensor) -> Tensor:
    """exp(x²) overflows where erfc(x) underflows; their product, erfcx(x), does neither."""
    return pt.erfcx(x)


@rule(STABILISE, 1.0 - pt.ndtr(x), precise=True)
def one_minus_ndtr(x: Tensor) -> Tensor:
    """1 - ndtr(x) cancels for large x; ndtr(-x) does not."""
    return pt.ndtr(-x)


@rule(STABILISE, pt.log(pt.ndtr(x)), precise=True)
def log_of_ndtr(x: Tensor) -> Tensor:
    """The normal distribution function underflows for large negative x; its logarithm, computed as such, does not."""
    return pt.log_ndtr(x)


@rule(STABILISE, pt.log1p(-pt.ndtr(x)), precise=True)
def log_of_one_minus_ndtr(x: Tensor) -> Tensor:
    """log(1 - ndtr(x)) is log_ndtr(-x), which keeps its digits for large x."""
    return pt.log_ndtr(-x)


# Gamma and beta functions ---------------------------------------------------------------------


@rule(GROUP, pt.exp(pt.gammaln(above_zero)))
def exp_of_gammaln(above_zero: Tensor) -> Tensor:
    """The exponential undoes the logarithm, of the gamma function of a positive number."""
    return pt.gamma(above_zero)


@rule(GROUP, pt.exp(pt.betaln(above_zero, also_above)))
def exp_of_betaln(above_zero: Tensor, also_above: Tensor) -> Tensor:
    """The exponential undoes the logarithm, of the beta function of positive numbers."""
    return pt.beta(above_zero, also_above)


@rule(GROUP, pt.gamma(1.0 + p) / pt.gamma(p))
def gamma_of_next_over_gamma(p: Tensor) -> Tensor:
    """gamma(x + 1) is x gamma(x)."""
    return p


@rule(STABILISE, pt.log(pt.gamma(p)), precise=True)
def log_of_gamma(p: Tensor) -> Tensor:
    """gamma overflows from 171 on; gammaln does not (and gamma may be negative where its argument is)."""
    return pt.gammaln(p) if is_positive(p) else pt.where(pt.gamma(p) < 0.0, np.nan, pt.gammaln(p))


@rule(STABILISE, pt.log(pt.abs(pt.gamma(x))))
def log_of_gamma_size(x: Tensor) -> Tensor:
    """gamma overflows from 171 on; gammaln, the logarithm of its size, does not."""
    return pt.gammaln(x)


@rule(STABILISE, pt.log(pt.beta(above_zero, also_above)))
def log_of_beta(above_zero: Tensor, also_above: Tensor) -> Tensor:
    """beta underflows for large arguments; betaln does not."""
    # betaln's terms are infinite there, and cancel.
    infinite = pt.logical_or(pt.isinf(above_zero), pt.isinf(also_above))
    return pt.where(infinite, -np.inf, pt.betaln(above_zero, also_above))


@rule(STABILISE, pt.gammaln(1.0 + p) - pt.gammaln(p))
def gammaln_of_next_minus_gammaln(p: Tensor) -> Tensor:
    """log gamma(x + 1) - log gamma(x) cancels for large x; it is log |x|."""
    return pt.log(pt.abs(p))


@rule(STABILISE, pt.digamma(1.0 + p) - pt.digamma(p))
def digamma_of_next_minus_digamma(p: Tensor) -> Tensor:
    """digamma(x + 1) - digamma(x) cancels for large x; it is 1 / x."""
    return pt.reciprocal(p)


@rule(STABILISE, (pt.gammaln(above_zero) + pt.gammaln(also_above)) - pt.gammaln(above_zero + also_above))
def betaln_from_gammaln(above_zero: Tensor, also_above: Tensor) -> Tensor:
    """The logarithms of three gamma functions cancel for large arguments; betaln does not."""
    return pt.betaln(above_zero, also_above)


@rule(STABILISE, 1.0 - pt.gammainc(p, q))
def gammaincc_from_gammainc(p: Tensor, q: Tensor) -> Tensor:
    """1 - gammainc cancels where that is near 1; gammaincc does not."""
    return pt.gammaincc(p, q)


@rule(STABILISE, 1.0 - pt.gammaincc(p, q))
def gammainc_from_gammaincc(p: Tensor, q: Tensor) -> Tensor:
    """1 - gammaincc cancels where that is near 1; gammainc does not."""
    return pt.gammainc(p, q)


@rule(STABILISE, 1.0 - pt.betainc(p, q, u))
def one_minus_betainc(p: Tensor, q: Tensor, u: Tensor) -> Tensor:
    """1 - betainc(a, b, x) cancels where that is near 1; betainc(b, a, 1 - x) does not."""
    return pt.betainc(q, p, 1.0 - u)


# Bessel functions -----------------------------------------------------------------------------


@rule(STABILISE, pt.log(pt.i0(x)), precise=False)
def log_of_i0(x: Tensor) -> Tensor:
    """I0 overflows from 713 on; scaled by exp(-|x|) it does not."""
    return pt.where(pt.isinf(x), np.inf, pt.log(pt.i0e(x)) + pt.abs(x))


@rule(STABILISE, pt.log(pt.iv(p, q)))
def log_of_iv(p: Tensor, q: Tensor) -> Tensor:
    """Iv overflows from 713 on; scaled by exp(-|x|) it does not."""
    return pt.where(pt.isinf(q), np.inf, pt.log(pt.ive(p, q)) + pt.abs(q))


@rule(STABILISE, pt.log(pt.kv(p, q)))
def log_of_kv(p: Tensor, q: Tensor) -> Tensor:
    """Kv underflows from 705 on; scaled by exp(x) it does not."""
    return pt.log(pt.kve(p, q)) - q


# Logarithms of multiples ----------------------------------------------------------------------

WITH_LOGARITHM = (pt.erfc, pt.ndtr, pt.gamma, pt.sigmoid)
"""Elementwise functions whose logarithm has a form of its own."""


@rule(STABILISE, ops=(e.log,), over=(e.multiply, e.divide), examples=lambda: [pt.log(pt.mean(pt.exp(pt.vector("v", 4)))), pt.log(pt.erfc(pt.vector("v", 4)) / 3.0), pt.log(0.5 * pt.erfc(pt.vector("v", 4))), pt.log(pt.prod(pt.exp(pt.vector("v", 4)) + 1.0) * 3.0)])
def log_of_constant_multiple(expr: Expr) -> Expr | None:
    """The logarithm of a multiple is a sum, where the other factor's logarithm has a form that does not overflow."""
    multiple = expr.inputs[0]
    for other, constant in (multiple.inputs, multiple.inputs[::-1]):
        if constant.type.ndim == 0 and (is_positive(constant) or (not isinstance(constant.op, Constant) and isinstance(length_of(constant), Length))) and _has_logarithm(other):
            return pt.log(other) + pt.log(constant) if multiple.op is e.multiply else pt.log(other) - pt.log(constant)
        if multiple.op is e.divide:
            return None
    return None


def _has_logarithm(x: Expr) -> bool:
    """Whether the logarithm of `x` has a form that does not overflow."""
    if isinstance(x.op, Reduce):
        return x.op.kind == "prod" or (x.op.kind == "sum" and x.inputs[0].op is e.exp)
    return x.op in WITH_LOGARITHM
