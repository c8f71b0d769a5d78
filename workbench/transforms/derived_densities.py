"""Densities of one-to-one functions of random variables: the function undone, and how much it stretches.

Each function is one declaration. From it come the rule for the density, and what the rules for the
distribution function and the quantiles need.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.distributions.distribution import Draw
from workbench.distributions.modifiers import Censored
from workbench.graph.expr import Constant, Expr
from workbench.graph.frozen import frozen
from workbench.graph.properties import is_negative, is_positive
from workbench.graph.rewrite import rule
from workbench.tensor import elementwise as e
from workbench.tensor.elementwise import OPS
from workbench.tensor.tensor import Tensor
from workbench.transforms.logprob import (
    GROUP,
    INF,
    LogProb,
    all_over_event,
    down_to_draws,
    example_of,
    is_discrete,
    is_mixed,
    is_random,
    logp_node,
    normals,
    one_random_input,
    over_event,
    probability_near,
)  # fmt: skip


@frozen
class Undone:
    """A function of a random variable, undone at a value.

    Attributes
    ----------
    random
        The variable inside.
    back
        The only value of it that the function takes to the value.
    slope
        Logarithm of the derivative of `back` by the value, in size.
    increasing
        Whether larger values come from larger ones; ``None`` where that holds only in parts.
    low, high
        The values that the function can take lie between.
    """

    random: Tensor
    back: Tensor
    slope: Any
    increasing: Any = True
    low: float = -INF
    high: float = INF


Undo = Callable[[Expr, Any], Undone | None]
UNDO: dict[str, Undo] = {}
"""How to undo each function, by the name of its operation."""


def undo(x: Expr, value: Any) -> Undone | None:
    """Return `x`, a one-to-one function of something random, undone at `value`; ``None`` if it is none."""
    known = UNDO.get(x.op.name)
    return known(x, value) if known and x.inputs else None


def density_of_undone(x: Expr, made: Undo, value: Any, rank: int) -> Tensor | None:
    """Return the log-density of a one-to-one function, undone by `made`."""
    u = made(x, value)
    if u is None or not is_random(u.random):
        return None
    if is_mixed(u.random) and (_stretches(u) or _is_limited(u.random)):
        return None
    # Whole numbers may lie on the limits.
    allowed = _between(value, u.low, u.high, closed=is_discrete(u.random))
    if allowed is not None:
        # Elsewhere the inverse may be NaN, and so would be the derivative of what is not chosen.
        u = made(x, pt.where(allowed, value, _inner_point(u.low, u.high)))
        assert u is not None
    if is_discrete(u.random):
        inside = probability_near(u.random, u.back)
    else:
        inside = logp_node(u.random, u.back) + over_event(u.slope, u.random, rank)
    return inside if allowed is None else pt.where(all_over_event(allowed, rank), inside, -INF)


def _stretches(u: Undone) -> bool:
    return not (isinstance(u.slope, float) and u.slope == 0.0)


def _is_limited(x: Tensor) -> bool:
    """Whether a limit lies below, which is moved outside instead: undone, a value would not equal it but for rounding."""
    return any(n.op in (e.maximum, e.minimum) or (isinstance(n.op, Draw) and issubclass(n.op.distribution, Censored)) for n in down_to_draws(x))


def _inner_point(low: float, high: float) -> float:
    if low > -INF and high < INF:
        return (low + high) / 2.0
    return low + 1.0 if low > -INF else high - 1.0


def _between(value: Any, low: float, high: float, closed: bool = False) -> Tensor | None:
    above = None if low == -INF else value >= low if closed else value > low
    below = None if high == INF else value <= high if closed else value < high
    if above is not None and below is not None:
        return pt.logical_and(above, below)
    return above if above is not None else below


def _register(ops: Sequence[str], name: str, doc: str, made: Undo, example: Callable[[], Any]) -> None:
    for op in ops:
        UNDO[op] = made

    def density(expr: Expr) -> Expr | None:
        x, value = expr.inputs
        return density_of_undone(x, made, value, expr.op.event_rank) if x.op.name in ops and x.inputs else None

    density.__name__ = f"density_of_{name}"
    density.__doc__ = doc
    rule(GROUP, ops=(LogProb,), over=tuple(OPS[op] for op in ops), examples=example_of(example))(density)


def one_to_one(
    op: str,
    doc: str,
    back: Callable[[Any], Any],
    slope: Callable[[Any, Any], Any],
    low: float = -INF,
    high: float = INF,
    increasing: bool | None = True,
    example: Callable[[Any], Any] = lambda x: x,
) -> None:
    """Declare a one-to-one function of one variable, if there is an operation `op`.

    Parameters
    ----------
    op, doc
        Its operation, and what its rule says.
    back
        Its inverse.
    slope
        The logarithm of the size of the inverse's derivative, of the value and what `back` made of it.
    low, high
        Its values lie between.
    increasing
        Whether it increases; ``None`` for in parts.
    example
        Makes the argument of an example from three normal variables.
    """
    if op not in OPS:
        return

    def made(x: Expr, value: Any) -> Undone:
        inner = back(value)
        return Undone(x.inputs[0], inner, slope(value, inner), increasing, low, high)

    _register([op], op, doc, made, lambda: OPS[op](example(normals())))


def _inverse_of_erfcx(v: Tensor) -> Tensor:
    """Where erfcx is v, by Newton's method on its logarithm, which is convex: from the left it comes near from one side."""
    log_v = pt.log(v)
    # erfcx(x) is about 2 exp(x**2) far below 0, and less than 1 / (sqrt(pi) x) above.
    x = pt.where(v > 2.0, -pt.sqrt(pt.maximum(log_v, math.log(2.0))), pt.minimum(1.0 / (math.sqrt(math.pi) * v), 1.0 / v) - 1.0)
    for _ in range(8):
        at = pt.erfcx(x)
        x = x - (pt.log(at) - log_v) / (2.0 * x - 2.0 / (math.sqrt(math.pi) * at))
    return x


one_to_one("exp", "The density of exp(x) at v is that of x at log(v), divided by v.",
           pt.log, lambda v, x: -pt.log(v), low=0.0)  # fmt: skip
one_to_one("exp2", "The density of 2**x at v is that of x at log2(v), divided by v log(2).",
           lambda v: e.log2(v), lambda v, x: -pt.log(v) - math.log(math.log(2.0)), low=0.0)  # fmt: skip
one_to_one("expm1", "The density of exp(x) - 1 at v is that of x at log(1 + v), divided by 1 + v.",
           pt.log1p, lambda v, x: -pt.log1p(v), low=-1.0)  # fmt: skip
one_to_one("log", "The density of log(x) at v is that of x at exp(v), times exp(v).",
           pt.exp, lambda v, x: v, example=pt.exp)  # fmt: skip
one_to_one("log1p", "The density of log(1 + x) at v is that of x at exp(v) - 1, times exp(v).",
           pt.expm1, lambda v, x: v, example=pt.exp)  # fmt: skip
one_to_one("log2", "The density of log2(x) at v is that of x at 2**v, times 2**v log(2).",
           lambda v: e.exp2(v), lambda v, x: v * math.log(2.0) + math.log(math.log(2.0)), example=pt.exp)  # fmt: skip
one_to_one("log10", "The density of log10(x) at v is that of x at 10**v, times 10**v log(10).",
           lambda v: pt.power(10.0, v), lambda v, x: v * math.log(10.0) + math.log(math.log(10.0)), example=pt.exp)  # fmt: skip
one_to_one("sigmoid", "The density of sigmoid(x) at v is that of x at the log-odds of v, divided by v (1 - v).",
           pt.logit, lambda v, x: -pt.log(v) - pt.log1p(-v), low=0.0, high=1.0)  # fmt: skip
one_to_one("logit", "The density of the log-odds of x at v is that of x at sigmoid(v), times the slope of sigmoid there.",
           pt.sigmoid, lambda v, x: -pt.softplus(v) - pt.softplus(-v), example=pt.sigmoid)  # fmt: skip
one_to_one("softplus", "The density of log(1 + exp(x)) at v is that of x at log(exp(v) - 1), divided by 1 - exp(-v).",
           lambda v: v + e.log1mexp(-v), lambda v, x: -e.log1mexp(-v), low=0.0)  # fmt: skip
one_to_one("tanh", "The density of tanh(x) at v is that of x at arctanh(v), divided by 1 - v**2.",
           lambda v: 0.5 * (pt.log1p(v) - pt.log1p(-v)), lambda v, x: -pt.log1p(v) - pt.log1p(-v), low=-1.0, high=1.0)  # fmt: skip
one_to_one("arctanh", "The density of arctanh(x) at v is that of x at tanh(v), times the slope of tanh there.",
           lambda v: 2.0 * pt.sigmoid(2.0 * v) - 1.0, lambda v, x: math.log(4.0) - pt.softplus(2.0 * v) - pt.softplus(-2.0 * v),
           example=lambda x: 2.0 * pt.sigmoid(x) - 1.0)  # fmt: skip
one_to_one("sinh", "The density of sinh(x) at v is that of x at arcsinh(v), divided by sqrt(1 + v**2).",
           lambda v: OPS["arcsinh"](v), lambda v, x: -0.5 * pt.log1p(v * v))  # fmt: skip
one_to_one("arcsinh", "The density of arcsinh(x) at v is that of x at sinh(v), times cosh(v).",
           lambda v: OPS["sinh"](v), lambda v, x: pt.softplus(2.0 * v) - v - math.log(2.0))  # fmt: skip
one_to_one("arctan", "The density of arctan(x) at v is that of x at tan(v), times 1 + tan(v)**2.",
           lambda v: OPS["tan"](v), lambda v, x: pt.log1p(x * x), low=-math.pi / 2, high=math.pi / 2)  # fmt: skip
one_to_one("arccosh", "The density of arccosh(x) at v is that of x at cosh(v), times sinh(v).",
           lambda v: pt.cosh(v), lambda v, x: v + e.log1mexp(-2.0 * v) - math.log(2.0), low=0.0, example=lambda x: pt.exp(x) + 1.0)  # fmt: skip
one_to_one("arcsin", "The density of arcsin(x) at v is that of x at sin(v), times cos(v).",
           lambda v: pt.sin(v), lambda v, x: pt.log(pt.cos(v)), low=-math.pi / 2, high=math.pi / 2,
           example=lambda x: 2.0 * pt.sigmoid(x) - 1.0)  # fmt: skip
one_to_one("arccos", "The density of arccos(x) at v is that of x at cos(v), times sin(v).",
           lambda v: pt.cos(v), lambda v, x: pt.log(pt.sin(v)), low=0.0, high=math.pi, increasing=False,
           example=lambda x: 2.0 * pt.sigmoid(x) - 1.0)  # fmt: skip
one_to_one("log1mexp", "The density of log(1 - exp(x)) at v is that of x at log(1 - exp(v)), times exp(v) / (1 - exp(v)).",
           e.log1mexp, lambda v, x: v - e.log1mexp(v), high=0.0, increasing=False, example=lambda x: -pt.exp(x))  # fmt: skip
one_to_one("erfinv", "The density of the inverse of erf at v is that of x at erf(v), times the derivative of erf there.",
           lambda v: pt.erf(v), lambda v, x: math.log(2.0 / math.sqrt(math.pi)) - v * v, example=lambda x: 2.0 * pt.sigmoid(x) - 1.0)  # fmt: skip
one_to_one("erfcx", "The density of erfcx(x) = exp(x**2) erfc(x) at v is that of x at the inverse, divided by the derivative there.",
           _inverse_of_erfcx, lambda v, x: -pt.log(2.0 / math.sqrt(math.pi) - 2.0 * x * v), low=0.0, increasing=False)  # fmt: skip
one_to_one("erf", "The density of erf(x) at v is that of x at the inverse of erf, times its derivative there.",
           lambda v: pt.random.erfinv(v), lambda v, x: math.log(math.sqrt(math.pi) / 2.0) + x * x, low=-1.0, high=1.0)  # fmt: skip
one_to_one("erfc", "The density of erfc(x) = 1 - erf(x) at v is that of x at the inverse, times its derivative there.",
           lambda v: OPS["erfcinv"](v) if "erfcinv" in OPS else pt.random.erfinv(1.0 - v),
           lambda v, x: math.log(math.sqrt(math.pi) / 2.0) + x * x, low=0.0, high=2.0, increasing=False)  # fmt: skip
one_to_one("negative", "The density of -x at v is that of x at -v.",
           lambda v: -v, lambda v, x: 0.0, increasing=False)  # fmt: skip
one_to_one("sqrt", "The density of the root of x at v is that of x at v**2, times 2 v.",
           lambda v: v * v, lambda v, x: pt.log(2.0 * v), low=0.0, example=pt.exp)  # fmt: skip
one_to_one("cbrt", "The density of the cube root of x at v is that of x at v**3, times 3 v**2.",
           lambda v: v * v * v, lambda v, x: math.log(3.0) + 2.0 * pt.log(pt.abs(v)))  # fmt: skip
one_to_one("reciprocal", "The density of 1/x at v is that of x at 1/v, divided by v**2.",
           lambda v: 1.0 / v, lambda v, x: -2.0 * pt.log(pt.abs(v)), increasing=None)  # fmt: skip


# With something that is not random --------------------------------------------------------------


def _shifted(x: Expr, value: Any) -> Undone | None:
    found = one_random_input(x)
    if found is None:
        return None
    at, random = found
    other = x.inputs[1 - at]
    if x.op is e.add:
        return Undone(random, value - other, 0.0)
    return Undone(random, value + other, 0.0) if at == 0 else Undone(random, other - value, 0.0, False)


_register(["add", "subtract"], "shifted", "The density of x + b at v is that of x at v - b.", _shifted,
          lambda: 2.0 - normals())  # fmt: skip


def _is_above(x: Tensor, limit: float) -> Any:
    """Whether something is above a limit: now, where that is known."""
    above = x - limit if limit else x
    if isinstance(x.op, Constant):
        every = np.unique(x.op.value > limit)
        return bool(every[0]) if len(every) == 1 else x > limit
    return True if is_positive(above) else False if is_negative(above) else x > limit


def _scaled(x: Expr, value: Any) -> Undone | None:
    found = one_random_input(x)
    if found is None:
        return None
    at, random = found
    other = x.inputs[1 - at]
    if isinstance(other.op, Constant) and not other.op.value.all():
        return None  # 0 x and 0 / x are 0.
    if x.op is e.multiply:
        return Undone(random, value / other, -pt.log(pt.abs(other)), _is_above(other, 0.0))
    if at == 0:
        return Undone(random, value * other, pt.log(pt.abs(other)), _is_above(other, 0.0))
    return Undone(random, other / value, pt.log(pt.abs(other)) - 2.0 * pt.log(pt.abs(value)), None)


_register(["multiply", "divide"], "scaled", "The density of a*x at v is that of x at v/a, divided by |a|.", _scaled,
          lambda: -2.0 * normals())  # fmt: skip


def exponent(x: Expr) -> float | None:
    """Return the exponent of x**c, where it is one number known now."""
    op = x.inputs[1].op
    values: Any = np.unique(op.value) if isinstance(op, Constant) else []
    return float(values[0]) if len(values) == 1 else None


def _powered(x: Expr, value: Any) -> Undone | None:
    found = one_random_input(x)
    if found is None:
        return None
    at, random = found
    if at == 1:
        base = x.inputs[0]
        log_base = pt.log(base)
        return Undone(random, pt.log(value) / log_base, -pt.log(value) - pt.log(pt.abs(log_base)), _is_above(base, 1.0), low=0.0)
    c = exponent(x)
    if c is None or c == 0.0 or c % 2 == 0:
        return None
    size = pt.abs(value)
    root = pt.power(size, 1.0 / c)
    slope = (1.0 / c - 1.0) * pt.log(size) - math.log(abs(c))
    if c % 2 == 1:
        return Undone(random, pt.sign(value) * root, slope, True if c > 0 else None)
    return Undone(random, root, slope, c > 0, low=0.0)


_register(["power"], "power", "The density of x**c at v is that of x at the c-th root of v, times the root's derivative.",
          _powered, lambda: normals() ** 3.0)  # fmt: skip


# Two values behind one ---------------------------------------------------------------------------


def _two_sided(x: Expr, value: Any, root: Tensor, slope: Tensor, allowed: Tensor) -> Tensor | None:
    """The density where both `root` and its negative give the value."""
    random = x.inputs[0]
    if is_mixed(random):
        return None
    if is_discrete(random):
        one, other = (probability_near(random, r) for r in (root, -root))
        return pt.where(allowed, pt.where(pt.equal(root, 0), one, e.logaddexp(one, other)), -INF)
    return pt.where(allowed, e.logaddexp(logp_node(random, root), logp_node(random, -root)) + slope, -INF)


@rule(GROUP, ops=(LogProb,), over=(e.abs,), examples=example_of(lambda: pt.abs(normals())))
def density_of_abs(expr: Expr) -> Expr | None:
    """Two values have the size v, v and -v: their densities add up."""
    x, value = expr.inputs
    if x.op is not e.abs or expr.op.event_rank:
        return None
    return _two_sided(x, value, value, pt.constant(0.0), value >= 0)


@rule(GROUP, ops=(LogProb,), over=(e.square, e.power), examples=lambda: [*example_of(lambda: pt.square(normals()))(), *example_of(lambda: normals() ** 2)()])
def density_of_square(expr: Expr) -> Expr | None:
    """Two values have the square v, its root and the negative of that: their densities add up, divided by 2 sqrt(v)."""
    x, value = expr.inputs
    if expr.op.event_rank or not (x.op is e.square or x.op is e.power):
        return None
    if x.op is e.square:
        allowed = value >= 0
        root = pt.sqrt(pt.where(allowed, value, 1.0))
        return _two_sided(x, value, root, -pt.log(2.0 * root), allowed)
    found = one_random_input(x)
    c = exponent(x)
    if found is None or found[0] != 0 or c is None or c % 2 != 0 or c == 0.0:
        return None
    allowed = value >= 0 if c > 0.0 else value > 0
    size = pt.where(allowed, value, 1.0)
    slope = (1.0 / c - 1.0) * pt.log(size) - math.log(abs(c))
    return _two_sided(x, value, pt.power(size, 1.0 / c), slope, allowed)


@rule(GROUP, ops=(LogProb,), over=(OPS["cosh"],), examples=example_of(lambda: pt.cosh(normals())))
def density_of_cosh(expr: Expr) -> Expr | None:
    """Two values have the hyperbolic cosine v, arccosh(v) and its negative: their densities add up, divided by sinh there."""
    x, value = expr.inputs
    if x.op is not OPS["cosh"] or expr.op.event_rank:
        return None
    allowed = value >= 1
    inner = pt.where(allowed, value, 2.0)
    return _two_sided(x, value, pt.arccosh(inner), -0.5 * (pt.log(inner - 1.0) + pt.log(inner + 1.0)), allowed)
