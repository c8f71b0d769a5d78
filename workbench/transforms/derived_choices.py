"""Densities where something is chosen: rounding, comparisons, branches, mixtures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import workbench.tensor as pt
from workbench.distributions.categories import Categorical
from workbench.distributions.discrete import Bernoulli
from workbench.distributions.distribution import Draw
from workbench.graph.expr import Constant, Expr, Op, intern
from workbench.graph.properties import is_positive
from workbench.graph.rewrite import rule
from workbench.tensor import elementwise as e
from workbench.tensor.elementwise import OPS
from workbench.tensor.indexing.advanced import Index
from workbench.tensor.indexing.rows import Take
from workbench.tensor.tensor import Tensor
from workbench.transforms.derived_limits import at_least
from workbench.transforms.logprob import (
    GROUP,
    INF,
    LogCdf,
    LogProb,
    LogSurvival,
    ask,
    event_rank,
    example_of,
    independent,
    is_discrete,
    is_mixed,
    is_random,
    log_between,
    log_complement,
    log_difference,
    log_survival_node,
    logcdf_node,
    logp_node,
    one_random_input,
    stacked,
)  # fmt: skip

ROUNDING = [OPS[name] for name in ("floor", "ceil", "trunc", "rint") if name in OPS]
COMPARISONS = (e.less, e.less_equal, e.greater, e.greater_equal)


def _uniforms() -> Tensor:
    from workbench.distributions.continuous import Uniform

    return Uniform.dist(-1.0, 3.0, shape=(3,))


def _bernoullis() -> Tensor:
    from workbench.distributions.discrete import Bernoulli

    return Bernoulli.dist(0.3, shape=(3,))


# Rounding ------------------------------------------------------------------------------------------


@rule(GROUP, ops=(LogProb,), over=tuple(ROUNDING), examples=example_of(lambda: pt.floor(_uniforms())))
def density_of_rounded(expr: Expr) -> Expr | None:
    """A whole number has the probability of all that is rounded to it."""
    x, value = expr.inputs
    if not any(x.op is op for op in ROUNDING) or not is_random(x.inputs[0]) or is_discrete(x.inputs[0]) or is_mixed(x.inputs[0]):
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
    if not any(x.op is op for op in ROUNDING) or not is_random(x.inputs[0]) or is_discrete(x.inputs[0]) or is_mixed(x.inputs[0]):
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
        # x <= c and its opposite x > c count c as below; x < c and x >= c count it as above.
        counts_as_above = (op in (e.less, e.greater)) == less
        if counts_as_above and is_mixed(random):
            return None
        below, above = logcdf_node(random, limit), log_survival_node(random, limit)
        if counts_as_above and is_discrete(random):
            if random.type.kind != "f" and limit.type.kind != "f":
                below, above = logcdf_node(random, limit - 1), log_survival_node(random, limit - 1)
            else:
                below, above = log_difference(below, logp_node(random, limit)), at_least(random, limit)
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
    if not (is_random(a) and is_random(b) and independent(a, b)) or any(is_discrete(i) or is_mixed(i) for i in (a, b)):
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


QUESTIONS = (LogProb, LogCdf, LogSurvival)
"""What is asked about something chosen; the answer is made of those about the alternatives."""


def branch(asked: Op, x: Tensor, value: Any) -> Tensor:
    """Return what is asked about one of several alternatives, which need not be random: it is then a mass."""
    if is_random(x):
        return ask(asked, x, value)
    there = pt.equal(x, value) if isinstance(asked, LogProb) else x > value if isinstance(asked, LogSurvival) else x <= value
    return pt.where(there, 0.0, -INF)


def _weighted(asked: Op, parts: Sequence[Tensor], weights: Sequence[Tensor], value: Any) -> Tensor | None:
    """What is asked about alternatives, one of which is chosen by chance.

    Where one of them has a probability at the value, the densities of the others count nothing beside it.
    """
    terms = [branch(asked, part, value) + weight for part, weight in zip(parts, weights)]
    if not isinstance(asked, LogProb):
        return _log_sum(terms)
    if any(is_random(part) and is_mixed(part) for part in parts):
        return None
    of_mass = [not is_random(part) or is_discrete(part) for part in parts]
    masses = [term for term, here in zip(terms, of_mass) if here]
    densities = [term for term, here in zip(terms, of_mass) if not here]
    if not masses or not densities:
        return _log_sum(terms)
    mass = _log_sum(masses)
    return pt.where(mass > -INF, mass, _log_sum(densities))


@rule(GROUP, ops=QUESTIONS, over=(e.where,), examples=example_of(lambda: pt.where(pt.constant([True, False, True]), _uniforms(), 2.0 * _uniforms())))
def density_of_where(expr: Expr) -> Expr | None:
    """Where the condition is known, the density is that of the alternative that it chooses."""
    x, value = expr.inputs
    if x.op is not e.where or is_random(x.inputs[0]):
        return None
    condition, a, b = x.inputs
    if event_rank(x) and condition.ndim:
        return None
    if not all(_elementwise_part(part, x) for part in (a, b)):
        return None
    return pt.where(condition, branch(expr.op, a, value), branch(expr.op, b, value))


def _elementwise_part(part: Tensor, whole: Expr) -> bool:
    """Whether each element of `whole` has a variable of its own in `part`."""
    return not is_random(part) or part.type.shape == whole.type.shape


@rule(GROUP, ops=QUESTIONS, over=(e.where,), examples=example_of(lambda: pt.where(pt.equal(_bernoullis(), 1), _uniforms(), 2.0 * _uniforms())))
def density_of_random_choice(expr: Expr) -> Expr | None:
    """Where the condition is random, the densities of both alternatives add up, weighted by its probability."""
    x, value = expr.inputs
    if x.op is not e.where or event_rank(x) or not all(independent(x.inputs[0], part) for part in x.inputs[1:]):
        return None
    condition, a, b = x.inputs
    if not is_random(condition) or not all(_elementwise_part(part, x) for part in x.inputs):
        return None
    weights = [logp_node(condition, pt.constant(true)) for true in (True, False)]
    return _weighted(expr.op, [a, b], weights, value)


def _sides(x: Expr) -> tuple[Tensor, Tensor, Tensor, Tensor] | None:
    """Random expression, limit, and what is chosen above and below it, of ``where(x > limit, above, below)``."""
    condition, a, b = x.inputs
    found = one_random_input(condition) if condition.op in COMPARISONS else None
    if found is None or condition.type.shape != x.type.shape:
        return None
    at, random = found
    greater = (condition.op in (e.greater, e.greater_equal)) == (at == 0)
    return (random, condition.inputs[1 - at], *((a, b) if greater else (b, a)))


def _rectified_example() -> Tensor:
    x = _uniforms()
    return pt.where(x > 0.5, x, 0.5)


@rule(GROUP, ops=QUESTIONS, over=(e.where,), examples=example_of(_rectified_example))
def choice_of_limit(expr: Expr) -> Expr | None:
    """x where it is more than c, and c elsewhere, is max(x, c); the other way round, min(x, c)."""
    x, value = expr.inputs
    sides = _sides(x) if x.op is e.where else None
    if sides is None:
        return None
    random, limit, above, below = sides
    if above is random and below is limit:
        return intern(expr.op, (pt.maximum(random, limit), value))
    return intern(expr.op, (pt.minimum(random, limit), value)) if below is random and above is limit else None


def _bent_example() -> Tensor:
    x = _uniforms()
    return pt.where(x > 0.0, x, 0.1 * x)


@rule(GROUP, ops=QUESTIONS, over=(e.where,), examples=example_of(_bent_example))
def density_of_bent_line(expr: Expr) -> Expr | None:
    """A line through 0 with another positive slope on each side keeps signs: the side of the value says which slope it was."""
    x, value = expr.inputs
    sides = _sides(x) if x.op is e.where and not event_rank(x) else None
    if sides is None or is_discrete(sides[0]) or is_mixed(sides[0]):
        return None
    random, limit, above, below = sides
    if not isinstance(limit.op, Constant) or (limit.op.value != 0.0).any() or not all(_rises_with(part, random) for part in (above, below)):
        return None
    return pt.where(value > 0.0, branch(expr.op, above, value), branch(expr.op, below, value))


def _rises_with(x: Tensor, random: Tensor) -> bool:
    """Whether `x` is `random`, or that times something positive."""
    if x is random:
        return True
    if x.op is not e.multiply or not any(i is random for i in x.inputs):
        return False
    other = x.inputs[1] if x.inputs[0] is random else x.inputs[0]
    return not is_random(other) and is_positive(other)


# Mixtures ------------------------------------------------------------------------------------------


def _mixture(x: Expr) -> tuple[list[Tensor], Tensor] | None:
    """Components and index of ``stack(components)[index]``, where each element has its own component and index."""
    if isinstance(x.op, Take):
        whole, index = x.inputs
        if index.type.ndim:
            return None
        parts = stacked(whole)
        if parts is None and whole.type.ndim == 1 and not whole.type.is_open and not event_rank(whole):
            parts = [whole[k] for k in range(whole.type.shape[0])]
        return None if parts is None else (parts, index)
    if not isinstance(x.op, Index):
        return None
    # stack(components)[index, arange(n)]
    whole, index, *rest = x.inputs
    parts = stacked(whole)
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


@rule(GROUP, ops=QUESTIONS, over=(Take, Index), examples=example_of(_mixture_example))
def density_of_mixture(expr: Expr) -> Expr | None:
    """The component is summed out: the densities of all add up, weighted by the probability of the index."""
    x, value = expr.inputs
    found = _mixture(x)
    if found is None or not is_random(found[1]) or not all(independent(found[1], part) for part in found[0]):
        return None
    parts, index = found
    return _weighted(expr.op, parts, [_weight(index, k, len(parts)) for k in range(len(parts))], value)


def _weight(index: Tensor, k: int, count: int) -> Tensor:
    """Logarithm of the probability that an index means the element `k` of `count`, which it may count from the end."""
    from_start = logp_node(index, pt.constant(k))
    if isinstance(index.op, Draw) and index.op.distribution in (Bernoulli, Categorical):
        return from_start
    return e.logaddexp(from_start, logp_node(index, pt.constant(k - count)))


@rule(GROUP, ops=QUESTIONS, over=(Take, Index), examples=example_of(_known_mixture_example))
def density_of_chosen_component(expr: Expr) -> Expr | None:
    """Where the index is known, the density is that of the component that it chooses."""
    x, value = expr.inputs
    found = _mixture(x)
    if found is None or is_random(found[1]):
        return None
    parts, index = found
    result = pt.constant(-INF)
    for k, part in enumerate(parts):
        here = pt.logical_or(pt.equal(index, k), pt.equal(index, k - len(parts)))
        result = pt.where(here, branch(expr.op, part, value), result)
    return result


def _log_sum(terms: Sequence[Tensor]) -> Tensor:
    total = terms[0]
    for term in terms[1:]:
        total = e.logaddexp(total, term)
    return total
