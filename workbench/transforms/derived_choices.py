"""Densities where something is chosen or cut: limits, rounding, comparisons, branches, mixtures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import workbench.tensor as pt
from workbench.graph.expr import Expr
from workbench.graph.rewrite import rule
from workbench.tensor import elementwise as e
from workbench.tensor.elementwise import OPS
from workbench.tensor.indexing import Index, Take
from workbench.tensor.shape import Concatenate, Reshape
from workbench.tensor.tensor import Tensor
from workbench.transforms.logprob import (
    GROUP,
    INF,
    LogCdf,
    LogProb,
    LogSurvival,
    example_of,
    independent,
    is_discrete,
    is_random,
    log_between,
    log_complement,
    log_survival_node,
    logcdf_node,
    logp_node,
    one_random_input,
)  # fmt: skip

ROUNDING = [OPS[name] for name in ("floor", "ceil", "trunc", "rint") if name in OPS]
COMPARISONS = (e.less, e.less_equal, e.greater, e.greater_equal)


def _uniforms() -> Tensor:
    from workbench.distributions.continuous import Uniform

    return Uniform.dist(-1.0, 3.0, shape=(3,))


def _bernoullis() -> Tensor:
    from workbench.distributions.discrete import Bernoulli

    return Bernoulli.dist(0.3, shape=(3,))


# Limits ------------------------------------------------------------------------------------------


def _limited(x: Expr) -> tuple[Tensor, Any] | None:
    """What is limited, and the limit, which is not random."""
    found = one_random_input(x)
    return None if found is None else (found[1], x.inputs[1 - found[0]])


def _at_least(random: Tensor, value: Any) -> Tensor:
    """Logarithm of the probability that a random expression is at least `value`."""
    return log_survival_node(random, value - 1 if is_discrete(random) else value)


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
    return pt.where(pt.equal(value, limit), _at_least(random, value), below)


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


# Rounding ------------------------------------------------------------------------------------------


@rule(GROUP, ops=(LogProb,), over=tuple(ROUNDING), examples=example_of(lambda: pt.floor(_uniforms())))
def density_of_rounded(expr: Expr) -> Expr | None:
    """A whole number has the probability of all that is rounded to it."""
    x, value = expr.inputs
    if not any(x.op is op for op in ROUNDING) or not is_random(x.inputs[0]) or is_discrete(x.inputs[0]):
        return None
    random = x.inputs[0]
    low, high = _rounded_from(x.op.name, value)
    return pt.where(pt.equal(value, pt.floor(value)), log_between(random, low, high), -INF)


def _rounded_from(how: str, value: Any) -> tuple[Any, Any]:
    if how == "floor":
        return value, value + 1.0
    if how == "ceil":
        return value - 1.0, value
    if how == "rint":
        return value - 0.5, value + 0.5
    return pt.where(value <= 0.0, value - 1.0, value), pt.where(value >= 0.0, value + 1.0, value)


@rule(GROUP, ops=(LogCdf,), over=tuple(ROUNDING), examples=lambda: [logcdf_node(pt.floor(_uniforms()), pt.vector("v", 3))])
def cdf_of_rounded(expr: Expr) -> Expr | None:
    """A rounded variable is at most v where the variable is at most what is still rounded to the whole part of v."""
    x, value = expr.inputs
    if not any(x.op is op for op in ROUNDING) or not is_random(x.inputs[0]) or is_discrete(x.inputs[0]):
        return None
    _, high = _rounded_from(x.op.name, pt.floor(value))
    return logcdf_node(x.inputs[0], high)


# Comparisons ---------------------------------------------------------------------------------------


def _log_probability(condition: Expr) -> tuple[Any, Any] | None:
    """Logarithms of the probabilities that a comparison with something not random is true, and false."""
    op = condition.op
    if op in COMPARISONS:
        found = one_random_input(condition)
        if found is None:
            return _comparison_of_two(condition)
        at, random = found
        limit = condition.inputs[1 - at]
        less = (op in (e.less, e.less_equal)) == (at == 0)
        strict = op in (e.less, e.greater)
        # x < c is x <= c - 1 for whole numbers; x >= c is not that.
        low = limit - 1 if is_discrete(random) and strict == less else limit
        below = logcdf_node(random, low)
        above = log_survival_node(random, low)
        return (below, above) if less else (above, below)
    if op in (e.equal, e.not_equal):
        found = one_random_input(condition)
        if found is None or not is_discrete(found[1]):
            return None
        same = logp_node(found[1], condition.inputs[1 - found[0]])
        other = log_complement(same)
        return (same, other) if op is e.equal else (other, same)
    return None


def _comparison_of_two(condition: Expr) -> tuple[Any, Any] | None:
    """Two independent variables are compared by the sign of their difference."""
    a, b = condition.inputs
    if not (is_random(a) and is_random(b) and independent(a, b)) or is_discrete(a) or is_discrete(b):
        return None
    below = logcdf_node(a - b, pt.constant(0.0))
    less = condition.op in (e.less, e.less_equal)
    above = log_survival_node(a - b, pt.constant(0.0))
    return (below, above) if less else (above, below)


@rule(GROUP, ops=(LogProb,), over=(*COMPARISONS, e.equal, e.not_equal), examples=example_of(lambda: _uniforms() > 0.5))
def density_of_comparison(expr: Expr) -> Expr | None:
    """A comparison is true with the probability of the values for which it holds."""
    x, value = expr.inputs
    found = _log_probability(x)
    if found is None:
        return None
    true, false = found
    known = pt.where(pt.equal(value, 1), true, false)
    return pt.where(pt.logical_or(pt.equal(value, 0), pt.equal(value, 1)), known, -INF)


@rule(GROUP, ops=(LogProb,), over=(e.logical_not, e.invert), examples=example_of(lambda: pt.logical_not(_uniforms() > 0.5)))
def density_of_not(expr: Expr) -> Expr | None:
    """The opposite of a condition has the opposite values."""
    x, value = expr.inputs
    if not (x.op is e.logical_not or x.op is e.invert) or x.dtype != "bool" or x.inputs[0].type.dtype != "bool":
        return None
    return logp_node(x.inputs[0], pt.equal(value, 0))


# Branches ------------------------------------------------------------------------------------------


def branch(x: Tensor, value: Any) -> Tensor:
    """Return the log-density of one of several alternatives, which need not be random: it is then a mass."""
    if is_random(x):
        return logp_node(x, value)
    return pt.where(pt.equal(x, value), 0.0, -INF)


@rule(GROUP, ops=(LogProb,), over=(e.where,), examples=example_of(lambda: pt.where(pt.constant([True, False, True]), _uniforms(), 2.0 * _uniforms())))
def density_of_where(expr: Expr) -> Expr | None:
    """Where the condition is known, the density is that of the alternative that it chooses."""
    x, value = expr.inputs
    if x.op is not e.where or is_random(x.inputs[0]):
        return None
    condition, a, b = x.inputs
    if expr.op.event_rank and condition.ndim:
        return None
    if not all(_elementwise_part(part, x) for part in (a, b)):
        return None
    return pt.where(condition, branch(a, value), branch(b, value))


def _elementwise_part(part: Tensor, whole: Expr) -> bool:
    """Whether each element of `whole` has a variable of its own in `part`."""
    return not is_random(part) or part.type.shape == whole.type.shape


@rule(GROUP, ops=(LogProb,), over=(e.where,), examples=example_of(lambda: pt.where(pt.equal(_bernoullis(), 1), _uniforms(), 2.0 * _uniforms())))
def density_of_random_choice(expr: Expr) -> Expr | None:
    """Where the condition is random, the densities of both alternatives add up, weighted by its probability."""
    x, value = expr.inputs
    if x.op is not e.where or expr.op.event_rank or not independent(*x.inputs):
        return None
    condition, a, b = x.inputs
    if not is_random(condition) or not all(_elementwise_part(part, x) for part in x.inputs):
        return None
    yes = logp_node(condition, pt.constant(True)) + branch(a, value)
    no = logp_node(condition, pt.constant(False)) + branch(b, value)
    return e.logaddexp(yes, no)


# Mixtures ------------------------------------------------------------------------------------------


def _stacked(x: Expr) -> list[Tensor] | None:
    """The tensors that were stacked along a new first axis."""
    if not isinstance(x.op, Concatenate) or x.op.axis != 0 or any(part.type.shape[:1] != (1,) for part in x.inputs):
        return None
    parts = []
    for part in x.inputs:
        inner = part.inputs[0] if isinstance(part.op, Reshape) and part.inputs[0].type.shape == part.type.shape[1:] else part[0]
        parts.append(inner)
    return parts


def _mixture(x: Expr) -> tuple[list[Tensor], Tensor] | None:
    """Components and index of ``stack(components)[index]``, where each element has its own component and index."""
    if isinstance(x.op, Take):
        whole, index = x.inputs
        parts = _stacked(whole)
        return None if parts is None or index.type.ndim else (parts, index)
    if not isinstance(x.op, Index):
        return None
    # stack(components)[index, arange(n)]
    whole, index, *rest = x.inputs
    parts = _stacked(whole)
    own = [("array", i) for i in range(len(rest) + 1)]
    if parts is None or list(x.op.key) != own or parts[0].ndim != len(rest):
        return None
    if len(rest) != 1 or index.type.shape != parts[0].type.shape or rest[0].op.name not in ("arange", "constant"):
        return None
    if rest[0].op.name == "arange" or rest[0].op.value.tolist() == list(range(*index.type.shape)):
        return parts, index
    return None


def _mixture_example() -> Any:
    from workbench.distributions.continuous import Uniform
    from workbench.distributions.discrete import Bernoulli

    return pt.stack([Uniform.dist(-1.0, 3.0), Uniform.dist(0.0, 8.0)])[Bernoulli.dist(0.3)]


def _known_mixture_example() -> Any:
    from workbench.distributions.continuous import Uniform

    return pt.stack([Uniform.dist(-1.0, 3.0), Uniform.dist(0.0, 8.0)])[pt.scalar("i", "int64") * 0]


@rule(GROUP, ops=(LogProb,), over=(Take, Index), examples=example_of(_mixture_example))
def density_of_mixture(expr: Expr) -> Expr | None:
    """The component is summed out: the densities of all add up, weighted by the probability of the index."""
    x, value = expr.inputs
    found = _mixture(x)
    if found is None or not is_random(found[1]) or not independent(found[1], *found[0]):
        return None
    parts, index = found
    terms = [branch(part, value) + logp_node(index, pt.constant(k)) for k, part in enumerate(parts)]
    return _log_sum(terms)


@rule(GROUP, ops=(LogProb,), over=(Take, Index), examples=example_of(_known_mixture_example))
def density_of_chosen_component(expr: Expr) -> Expr | None:
    """Where the index is known, the density is that of the component that it chooses."""
    x, value = expr.inputs
    found = _mixture(x)
    if found is None or is_random(found[1]):
        return None
    parts, index = found
    result = pt.where(pt.equal(index, 0), branch(parts[0], value), -INF)
    for k, part in enumerate(parts[1:], 1):
        result = pt.where(pt.equal(index, k), branch(part, value), result)
    return result


def _log_sum(terms: Sequence[Tensor]) -> Tensor:
    total = terms[0]
    for term in terms[1:]:
        total = e.logaddexp(total, term)
    return total
