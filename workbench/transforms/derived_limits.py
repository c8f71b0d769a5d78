"""Densities of what is limited: at least, at most, clipped, censored, and functions of that."""

from __future__ import annotations

from typing import Any

import workbench.tensor as pt
from workbench.distributions.distribution import Draw
from workbench.distributions.modifiers import Censored
from workbench.graph.expr import Expr, Op, intern
from workbench.graph.rewrite import rule
from workbench.tensor import elementwise as e
from workbench.tensor.elementwise import OPS
from workbench.tensor.tensor import Tensor
from workbench.transforms.derived_densities import undo
from workbench.transforms.logprob import (
    GROUP,
    INF,
    NODES,
    LogCdf,
    LogProb,
    LogSurvival,
    Quantile,
    ask,
    example_of,
    is_discrete,
    is_mixed,
    log_survival_node,
    logcdf_node,
    logp_node,
    one_random_input,
    quantile_node,
)  # fmt: skip


def _uniforms() -> Tensor:
    from workbench.distributions.continuous import Uniform

    return Uniform.dist(-1.0, 3.0, shape=(3,))


def _limited(x: Expr) -> tuple[Tensor, Any] | None:
    """What is limited, and the limit, which is not random."""
    found = one_random_input(x)
    return None if found is None else (found[1], x.inputs[1 - found[0]])


def at_least(random: Tensor, value: Any) -> Tensor:
    """Return the logarithm of the probability that a random expression is at least `value`."""
    above = log_survival_node(random, value)
    return e.logaddexp(above, logp_node(random, value)) if is_discrete(random) else above


@rule(GROUP, ops=(LogProb, LogCdf, LogSurvival), examples=example_of(lambda: pt.exp(pt.clip(_uniforms(), 0.5, 2.0))))
def function_of_limited(expr: Expr) -> Expr | None:
    """A function that increases keeps order, so that f(max(x, c)) is max(f(x), f(c)); one that decreases turns it round."""
    x, value = expr.inputs
    u = undo(x, value)
    if u is None or u.increasing is None:
        return None
    inner = limited_outside(u.random)
    if inner.op not in LIMITS or is_discrete(inner) or _limited(inner) is None:
        return None
    kept, turned = (_moved_inside(x, u.random, inner, op) for op in (inner.op, _OTHER[inner.op]))
    if u.increasing is True:
        return ask(expr.op, kept, value)
    changed = ask(expr.op, turned, value)
    return changed if u.increasing is False else pt.where(u.increasing, ask(expr.op, kept, value), changed)


ROUNDINGS = tuple(OPS[name] for name in ("floor", "ceil", "trunc", "rint"))


@rule(GROUP, ops=NODES, over=ROUNDINGS, examples=example_of(lambda: pt.floor(pt.clip(_uniforms(), -0.5, 2.5))))
def rounded_limited(expr: Expr) -> Expr | None:
    """Rounding keeps order, so that what is limited and rounded is rounded, with a rounded limit."""
    x, value = expr.inputs
    if x.op not in ROUNDINGS:
        return None
    inner = limited_outside(x.inputs[0])
    if inner.op not in LIMITS or is_discrete(inner) or _limited(inner) is None:
        return None
    return ask(expr.op, intern(inner.op, tuple(x.op(side) for side in inner.inputs)), value)


LIMITS = (e.maximum, e.minimum)
_OTHER = {e.maximum: e.minimum, e.minimum: e.maximum}


def _moved_inside(x: Tensor, inner: Tensor, limited: Tensor, op: Op) -> Tensor:
    """The function `x` of `inner`, which is limited, as the limit `op` of that function of what is limited."""
    sides = [x.op(*[side if i is inner else i for i in x.inputs]) for side in limited.inputs]
    return intern(op, tuple(sides))


def limited_outside(x: Tensor) -> Tensor:
    """Return a function of what is limited or censored with the limit outermost; anything else as it is."""
    if not is_mixed(x):
        return x
    if isinstance(x.op, Draw):
        return _uncensored(x)
    u = undo(x, x)
    if u is None or not isinstance(u.increasing, bool):
        return x
    inner = limited_outside(u.random)
    if inner.op not in LIMITS or _limited(inner) is None:
        return x
    return _moved_inside(x, u.random, inner, inner.op if u.increasing else _OTHER[inner.op])


def _uncensored(x: Tensor) -> Tensor:
    """A censored variable as the limits of what it censors."""
    if not issubclass(x.op.distribution, Censored) or x.op.distribution.base.shape != x.op.shape:
        return x
    key, *inner, lower, upper = x.inputs
    made = intern(x.op.distribution.base, (key, *inner))
    below, above = x.op.distribution.limited
    made = pt.maximum(made, lower) if below else made
    return pt.minimum(made, upper) if above else made


@rule(GROUP, ops=(LogProb,), over=(e.maximum,), examples=example_of(lambda: pt.maximum(_uniforms(), 0.5)))
def density_of_lower_limit(expr: Expr) -> Expr | None:
    """All that lies below the limit is moved onto it: its probability stands there as a mass."""
    x, value = expr.inputs
    found = _limited(x) if x.op is e.maximum and not expr.op.event_rank else None
    if found is None:
        return None
    random, limit = found
    above = pt.where(value > limit, logp_node(random, value), -INF)
    # Taken at the value, where they are equal: at an infinite limit the derivative could be NaN.
    return pt.where(pt.equal(value, limit), logcdf_node(random, value), above)


@rule(GROUP, ops=(LogProb,), over=(e.minimum,), examples=example_of(lambda: pt.clip(_uniforms(), 0.5, 2.0)))
def density_of_upper_limit(expr: Expr) -> Expr | None:
    """All that lies above the limit is moved onto it: its probability stands there as a mass."""
    x, value = expr.inputs
    found = _limited(x) if x.op is e.minimum and not expr.op.event_rank else None
    if found is None:
        return None
    random, limit = found
    below = pt.where(value < limit, logp_node(random, value), -INF)
    return pt.where(pt.equal(value, limit), at_least(random, value), below)


@rule(GROUP, ops=(LogCdf,), over=(e.maximum, e.minimum), examples=lambda: [logcdf_node(pt.clip(_uniforms(), 0.5, 2.0), pt.vector("v", 3))])
def cdf_of_limit(expr: Expr) -> Expr | None:
    """With a lower limit, nothing lies below it; with an upper one, all lies at or below it."""
    x, value = expr.inputs
    found = _limited(x) if x.op in (e.maximum, e.minimum) else None
    if found is None:
        return None
    random, limit = found
    inside = logcdf_node(random, value)
    return pt.where(value < limit, -INF, inside) if x.op is e.maximum else pt.where(value < limit, inside, 0.0)


@rule(GROUP, ops=(LogSurvival,), over=(e.maximum, e.minimum), examples=lambda: [log_survival_node(pt.clip(_uniforms(), 0.5, 2.0), pt.vector("v", 3))])
def survival_of_limit(expr: Expr) -> Expr | None:
    """With a lower limit, all lies above what is below it; with an upper one, nothing lies above it."""
    x, value = expr.inputs
    found = _limited(x) if x.op in (e.maximum, e.minimum) else None
    if found is None:
        return None
    random, limit = found
    outside = log_survival_node(random, value)
    return pt.where(value < limit, 0.0, outside) if x.op is e.maximum else pt.where(value < limit, outside, -INF)


@rule(GROUP, ops=(Quantile,), over=LIMITS, examples=lambda: [quantile_node(pt.clip(_uniforms(), 0.5, 2.0), pt.vector("q", 3))])
def quantile_of_limit(expr: Expr) -> Expr | None:
    """A quantile beyond the limit is the limit."""
    x, q = expr.inputs
    found = _limited(x) if x.op in LIMITS else None
    if found is None:
        return None
    random, limit = found
    return pt.where(pt.logical_and(q >= 0.0, q <= 1.0), x.op(quantile_node(random, q), limit), float("nan"))
