"""Distribution functions and quantiles of functions of random variables that can be undone."""

from __future__ import annotations

from typing import Any

import workbench.tensor as pt
from workbench.distributions.distribution import Draw
from workbench.graph.expr import Expr
from workbench.graph.rewrite import rule
from workbench.tensor import elementwise as e
from workbench.tensor.elementwise import OPS
from workbench.tensor.reduction.reductions import Reduce
from workbench.tensor.tensor import Tensor
from workbench.transforms.derived_densities import exponent, undo
from workbench.transforms.logprob import (
    GROUP,
    INF,
    LogCdf,
    LogSurvival,
    Quantile,
    ask,
    independent,
    is_discrete,
    is_mixed,
    log_between,
    log_complement,
    log_difference,
    log_survival_node,
    logcdf_node,
    logp_node,
    normals,
    one_random_input,
    probability_near,
    quantile_node,
    settled,
)  # fmt: skip


@rule(GROUP, ops=(LogCdf,), examples=lambda: [logcdf_node(pt.exp(normals()), pt.vector("v", 3)), logcdf_node(2.0 - normals(), pt.vector("v", 3))])
def cdf_of_one_to_one(expr: Expr) -> Expr | None:
    """f(x) is at most v where x is at most the inverse of f at v; if f decreases, where it is at least that."""
    return _tail(expr, logcdf_node, log_survival_node, -INF, 0.0)


@rule(GROUP, ops=(LogSurvival,), examples=lambda: [log_survival_node(pt.exp(normals()), pt.vector("v", 3))])
def survival_of_one_to_one(expr: Expr) -> Expr | None:
    """f(x) is more than v where x is more than the inverse of f at v; if f decreases, where it is less than that."""
    return _tail(expr, log_survival_node, logcdf_node, 0.0, -INF)


def _tail(expr: Expr, same: Any, other: Any, below: float, above: float) -> Tensor | None:
    x, value = expr.inputs
    u = undo(x, value)
    if u is None or u.increasing is None:
        return None
    back = settled(u.random, u.back)
    result = same(u.random, back)
    if u.increasing is not True:
        if is_mixed(u.random):
            return None
        down = other(u.random, back)
        if is_discrete(u.random):
            # "Less than" and "at most" differ by the probability of the value itself.
            at = probability_near(u.random, back)
            down = e.logaddexp(down, at) if other is log_survival_node else log_difference(down, at)
        result = down if u.increasing is False else pt.where(u.increasing, result, down)
    # Comparisons that keep NaN.
    closed = is_discrete(u.random)
    if u.low > -INF:
        result = pt.where(value < u.low if closed else value <= u.low, below, result)
    if u.high < INF:
        result = pt.where(value > u.high if closed else value >= u.high, above, result)
    return result


def _inverted(x: Expr) -> tuple[Tensor, Any, float] | None:
    """`x`, scale and power of ``c / x``, and of ``x**-p`` with odd p: they decrease on both sides of 0."""
    if x.op is e.reciprocal:
        return x.inputs[0], pt.constant(1.0), 1.0
    found = one_random_input(x)
    if found is None:
        return None
    if x.op is e.divide and found[0] == 1:
        return found[1], x.inputs[0], 1.0
    c = exponent(x) if x.op is e.power and found[0] == 0 else None
    return (found[1], pt.constant(1.0), -c) if c is not None and c < 0.0 and c % 2 == 1 else None


INVERTED = (e.reciprocal, e.divide, e.power)


@rule(GROUP, ops=(LogCdf,), over=INVERTED, examples=lambda: [logcdf_node(1.0 / normals(), pt.vector("v", 3)), logcdf_node(normals() ** -3, pt.vector("v", 3))])
def cdf_of_reciprocal(expr: Expr) -> Expr | None:
    """1/x is at most v < 0 where x lies between 1/v and 0; at most v > 0 where x is negative, or at least 1/v."""
    x, value = expr.inputs
    found = _inverted(x)
    if found is None or is_discrete(x) or is_mixed(x):
        return None
    random, scale, power = found
    # c/x at most v is 1/x at most v/c, or at least that if c is negative.
    at = value / scale
    size = pt.abs(pt.where(pt.equal(at, 0.0), 1.0, at)) ** (-1.0 / power)
    zero = pt.constant(0.0)
    negative, positive = logcdf_node(random, zero), log_survival_node(random, zero)
    beyond = log_survival_node(random, size)
    before = logcdf_node(random, -size)
    within = [log_difference(negative, before), log_difference(positive, beyond)]
    up = pt.where(at < 0.0, within[0], pt.where(pt.equal(at, 0.0), negative, e.logaddexp(negative, beyond)))
    down = pt.where(at > 0.0, within[1], pt.where(pt.equal(at, 0.0), positive, e.logaddexp(positive, before)))
    known = pt.where(scale > 0.0, up, down)
    return pt.where(pt.isnan(at), at, known)


@rule(GROUP, ops=(Quantile,), over=INVERTED, examples=lambda: [quantile_node(1.0 / normals(), pt.vector("q", 3))])
def quantile_of_reciprocal(expr: Expr) -> Expr | None:
    """With the probability n that x is negative, a quantile of 1/x comes from that of x at n - q, or at 1 + n - q beyond n."""
    x, q = expr.inputs
    found = _inverted(x)
    if found is None or is_discrete(x) or is_mixed(x):
        return None
    random, scale, power = found
    at = pt.where(scale > 0.0, q, 1.0 - q)
    negative = pt.exp(logcdf_node(random, pt.constant(0.0)))
    inner = quantile_node(random, pt.where(at < negative, negative - at, 1.0 + negative - at))
    inverse = scale * pt.sign(inner) * pt.abs(inner) ** -power
    return pt.where(pt.logical_and(q >= 0.0, q <= 1.0), inverse, float("nan"))


# What has a rule for its distribution function, and none for this.
COMPLEMENTED: tuple[Any, ...] = (e.abs, *INVERTED, e.add, e.subtract, Reduce, *(OPS[name] for name in ("floor", "ceil", "trunc", "rint")))


@rule(GROUP, ops=(LogSurvival,), over=COMPLEMENTED, examples=lambda: [log_survival_node(pt.abs(normals()), pt.vector("v", 3))])
def survival_by_complement(expr: Expr) -> Expr | None:
    """What is not at most v is more than v."""
    x, value = expr.inputs
    u = undo(x, value)
    known = isinstance(x.op, Draw) or x.op in (e.maximum, e.minimum) or (u is not None and u.increasing is not None)
    return None if known else log_complement(logcdf_node(x, value))


@rule(GROUP, ops=(LogCdf,), over=(e.abs,), examples=lambda: [logcdf_node(pt.abs(normals()), pt.vector("v", 3))])
def cdf_of_abs(expr: Expr) -> Expr | None:
    """The size of x is at most v where x lies between -v and v."""
    x, value = expr.inputs
    if x.op is not e.abs:
        return None
    random = x.inputs[0]
    if is_mixed(random):
        return None
    inside = log_between(random, -value, value)
    if is_discrete(random):
        inside = e.logaddexp(inside, logp_node(random, -value))
    return pt.where(value < 0, -INF, inside)


def _even_power(x: Expr) -> tuple[Tensor, float] | None:
    """What is raised to an even power, which is positive."""
    if x.op is e.square:
        return x.inputs[0], 2.0
    found = one_random_input(x)
    c = exponent(x) if x.op is e.power and found is not None and found[0] == 0 else None
    return (x.inputs[0], c) if c is not None and c > 0.0 and c % 2 == 0 else None


@rule(GROUP, ops=(LogCdf, LogSurvival), over=(e.square, e.power), examples=lambda: [logcdf_node(normals() ** 2, pt.vector("v", 3)), log_survival_node(normals() ** 4, pt.vector("v", 3))])
def tail_of_even_power(expr: Expr) -> Expr | None:
    """An even power of x is at most v where the size of x is at most the root of v."""
    x, value = expr.inputs
    found = _even_power(x)
    if found is None or is_mixed(found[0]):
        return None
    random, power = found
    # A negative v has no root; for whole numbers the root is the one that rounding missed.
    root = settled(random, pt.maximum(value, 0.0) ** (1.0 / power))
    inside = ask(expr.op, pt.abs(random), root)
    return pt.where(value < 0.0, -INF if isinstance(expr.op, LogCdf) and not isinstance(expr.op, LogSurvival) else 0.0, inside)


@rule(GROUP, ops=(Quantile,), examples=lambda: [quantile_node(pt.exp(normals()), pt.vector("q", 3)), quantile_node(2.0 - normals(), pt.vector("q", 3))])
def quantile_of_one_to_one(expr: Expr) -> Expr | None:
    """The quantile of an increasing f(x) is f of the quantile of x; of a decreasing one, of the opposite quantile."""
    x, q = expr.inputs
    u = undo(x, q)
    if u is None or u.increasing is None or not independent(u.random, q):
        return None
    if (is_discrete(x) or is_mixed(x)) and u.increasing is not True:
        return None
    at = q if u.increasing is True else 1.0 - q if u.increasing is False else pt.where(u.increasing, q, 1.0 - q)
    inner = quantile_node(u.random, at)
    return x.op(*[inner if i is u.random else i for i in x.inputs])
