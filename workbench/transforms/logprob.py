"""Log-probabilities, derived by named rules.

``LogProb(x, value)`` stands for the log-density of the random expression `x` at `value`,
``LogCdf(x, value)`` for the logarithm of its cumulative distribution function, ``Quantile(x, q)`` for
the inverse of that. Rules rewrite them: a draw to its distribution's formula, a function of random
variables to the densities of those. The rules stand in the ``derived_*`` files, by family.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Sequence
from typing import Any

import workbench.tensor as pt
from workbench.distributions.custom import QUESTIONS
from workbench.distributions.distribution import Draw, as_wide
from workbench.errors import LogProbError
from workbench.graph.derivations import remember
from workbench.graph.expr import Expr, Op, intern
from workbench.graph.frozen import frozen
from workbench.graph.inner import Graph
from workbench.graph.memo import once
from workbench.graph.rewrite import Pass, Trace, rule, rules_of
from workbench.graph.traverse import ancestors, topological
from workbench.graph.types import TensorType
from workbench.tensor import elementwise as e
from workbench.tensor.elementwise import Cast, broadcast_shapes
from workbench.tensor.reduction.reductions import Reduce
from workbench.tensor.shape import Reshape
from workbench.tensor.shape.joining import Concatenate
from workbench.tensor.tensor import Tensor, as_tensor

GROUP = "logprob"
INF = float("inf")


@frozen
class LogProb(Op):
    """The log-density of a random expression (first input) at a value (second)."""

    event_rank: int = 0
    name = "logp"
    plain = True

    def infer(self, x: TensorType, value: TensorType) -> TensorType:
        batch = [t.shape[: max(t.ndim - self.event_rank, 0)] for t in (x, value)]
        return TensorType("float64", broadcast_shapes(*batch, what="a random variable and its value"))


@frozen
class LogCdf(Op):
    """Logarithm of the probability that a random expression (first input) is at most a value (second)."""

    name = "logcdf"
    plain = True

    def infer(self, x: TensorType, value: TensorType) -> TensorType:
        return TensorType("float64", broadcast_shapes(x.shape, value.shape, what="a random variable and its value"))


@frozen
class LogSurvival(LogCdf):
    """Logarithm of the probability that a random expression (first input) is more than a value (second)."""

    name = "logccdf"


@frozen
class Quantile(Op):
    """The value that a random expression (first input) stays below with a probability (second)."""

    name = "icdf"
    plain = True

    def infer(self, x: TensorType, q: TensorType) -> TensorType:
        # Real numbers also where the variable takes whole ones: a quantile may be infinite, or NaN.
        return TensorType("float64", broadcast_shapes(x.shape, q.shape, what="a random variable and a probability"))


NODES = (LogProb, LogCdf, LogSurvival, Quantile)


def logp_node(x: Tensor, value: Any) -> Tensor:
    """Return the log-density of `x` at `value`, not derived yet."""
    return intern(LogProb(event_rank(x)), (x, as_wide(as_tensor(value))))


def logcdf_node(x: Tensor, value: Any) -> Tensor:
    """Return the logarithm of the distribution function of `x` at `value`, not derived yet."""
    return intern(LogCdf(), (x, as_wide(as_tensor(value))))


def log_survival_node(x: Tensor, value: Any) -> Tensor:
    """Return the logarithm of the probability that `x` is larger than `value`, not derived yet."""
    return intern(LogSurvival(), (x, as_wide(as_tensor(value))))


def quantile_node(x: Tensor, q: Any) -> Tensor:
    """Return the quantile of `x` at `q`, not derived yet."""
    return intern(Quantile(), (x, as_wide(as_tensor(q))))


QUESTIONS.update(logp=logp_node, logcdf=logcdf_node)


def ask(question: Op, x: Tensor, value: Any) -> Tensor:
    """Return the question that an operation is, one of `NODES`, about another expression and value, not answered yet."""
    return logp_node(x, value) if isinstance(question, LogProb) else intern(question, (x, as_wide(as_tensor(value))))


# What the rules ask about expressions ----------------------------------------------------------


once_of_random = once(lambda node: () if isinstance(node.op, Draw) else node.inputs)
"""Makes questions that are asked down to random variables."""


@once_of_random
def is_random(x: Expr, below: list[bool]) -> bool:
    """Whether some random variable lies below `x`, or is it; a loop that draws is one."""
    return _draws(x) or any(below)


def _draws(x: Expr) -> bool:
    return isinstance(x.op, Draw) or any(is_random(r) for g in x.op.graphs for r in g.results)


def down_to_draws(x: Expr) -> list[Expr]:
    """Return what `x` is computed of, inputs before users, down to the random variables: not what those are drawn by."""
    order: list[Expr] = []
    seen: set[Expr] = set()
    stack = [(x, False)]
    while stack:
        node, ready = stack.pop()
        if ready:
            order.append(node)
        elif node not in seen:
            seen.add(node)
            stack.append((node, True))
            if not isinstance(node.op, Draw):
                stack += [(i, False) for i in reversed(node.inputs)]
    return order


def independent(*parts: Expr) -> bool:
    """Whether no random variable that one of the expressions is computed of lies below another.

    Given the variables by which those are drawn: they may have these in common.
    """
    own = [{n for n in down_to_draws(x) if _draws(n)} for x in parts]
    if len(set().union(*own)) < sum(map(len, own)):
        return False
    below: list[set[Expr]] = [ancestors([i for x in mine for i in x.inputs]) if len(parts) > 1 else set() for mine in own]
    return not any(mine & other for k, mine in enumerate(own) for j, other in enumerate(below) if j != k)


RANKS: dict[Any, Callable[[Expr, Sequence[int]], int]] = {}
"""Event axes of an operation's result given those of its inputs, where it is not the most of them."""


@once_of_random
def _rank(x: Expr, below: list[int]) -> int:
    if isinstance(x.op, Draw):
        return x.op.distribution.density_rank(x)  # type: ignore[arg-type]
    known = RANKS.get(type(x.op))
    return known(x, below) if known else max(below, default=0)


def event_rank(x: Expr) -> int:
    """How many of the last axes of a random expression are one draw together."""
    load_rules()
    return min(_rank(x), getattr(x.type, "ndim", 0))


_WHOLE = {"floor", "ceil", "trunc", "rint", "sign", "floor_divide"}


@once_of_random
def is_discrete(x: Expr, below: list[bool]) -> bool:
    """Whether a random expression takes separate values, so that its density is a probability."""
    if isinstance(x.op, Draw):
        return x.type.kind != "f"
    if getattr(x.type, "kind", "") in ("b", "i", "u") or x.op.name in _WHOLE:
        return True
    return all(known for i, known in zip(x.inputs, below) if is_random(i))


@once_of_random
def is_mixed(x: Expr, below: list[bool]) -> bool:
    """Whether a random expression has both a density and single values with a probability, as what is clipped."""
    if isinstance(x.op, Draw):
        return x.op.distribution.is_mixed()
    return (any(below) or _brings_masses(x)) and not is_discrete(x)


def _brings_masses(x: Expr) -> bool:
    """Whether an expression is equal, with some probability, to something that is not random or is discrete."""
    chosen = x.inputs[1:] if x.op is e.where else x.inputs if x.op in (e.maximum, e.minimum) or isinstance(x.op, Concatenate) else ()
    return any(not is_random(i) or is_discrete(i) for i in chosen) and any(is_random(i) and not is_discrete(i) for i in chosen)


def _takes_whole_numbers(x: Expr) -> bool:
    inner = x.inputs[0] if isinstance(x.op, Cast) else x
    return inner.type.kind != "f" or x.op.name in _WHOLE


def settled(x: Expr, value: Any) -> Any:
    """Return a value that was computed, as the whole number that rounding missed, if `x` takes whole ones."""
    if value.type.kind != "f" or not _takes_whole_numbers(x):
        return value
    nearest = pt.round(value)
    return pt.where(pt.abs(value - nearest) <= 1e-10 * pt.maximum(pt.abs(nearest), 1.0), nearest, value)


def probability_near(x: Tensor, value: Any) -> Tensor:
    """Return the log-probability of a discrete expression at a value that was computed."""
    at = settled(x, value)
    known = logp_node(x, at)
    return known if at is value else pt.where(pt.equal(at, pt.round(at)), known, -INF)


def one_random_input(x: Expr) -> tuple[int, Any] | None:
    """Return the place of the only random input and that input, where it has the shape of `x` itself."""
    found = [i for i, part in enumerate(x.inputs) if is_random(part)]
    if len(found) != 1 or x.inputs[found[0]].type.shape != x.type.shape:
        return None
    return found[0], x.inputs[found[0]]


def stacked(x: Expr) -> list[Tensor] | None:
    """Return the tensors that were stacked along a new first axis, if `x` is that."""
    if not isinstance(x.op, Concatenate) or x.op.axis != 0 or any(part.type.shape[:1] != (1,) for part in x.inputs):
        return None
    parts = []
    for part in x.inputs:
        inner = part.inputs[0] if isinstance(part.op, Reshape) and part.inputs[0].type.shape == part.type.shape[1:] else part[0]
        parts.append(inner)
    return parts


def over_event(term: Any, x: Tensor, rank: int) -> Tensor:
    """Return a term of each element of `x`, summed over its event axes."""
    term = as_tensor(term)
    if rank == 0:
        return term
    return pt.sum(pt.broadcast_to(term, x.shape) if term.ndim < x.ndim else term, axis=tuple(range(-rank, 0)))


def all_over_event(condition: Tensor, rank: int) -> Tensor:
    """Whether a condition holds on all event axes."""
    return pt.all(condition, axis=tuple(range(-rank, 0))) if rank and condition.ndim >= rank else condition


def log_complement(logcdf: Tensor) -> Tensor:
    """Logarithm of 1 - F from log(F)."""
    return pt.where(logcdf >= 0.0, -INF, e.log1mexp(pt.minimum(logcdf, 0.0)))


def log_difference(larger: Tensor, smaller: Tensor) -> Tensor:
    """Logarithm of exp(larger) - exp(smaller); minus infinity where they are equal."""
    empty = larger <= smaller
    apart = pt.where(empty, -1.0, smaller - larger)
    return pt.where(empty, -INF, larger + e.log1mexp(apart))


def log_between(x: Tensor, low: Any, high: Any) -> Tensor:
    """Logarithm of the probability that low < x <= high, not derived yet."""
    return log_difference(logcdf_node(x, high), logcdf_node(x, low))


# Asking for them -------------------------------------------------------------------------------


def logp(rv: Tensor, value: Any) -> Tensor:
    """Return the log-density of a random expression at a value, element by element.

    Parameters
    ----------
    rv
        A random variable, or a function of some.
    value
        Where to evaluate; it broadcasts with `rv`.

    Raises
    ------
    LogProbError
        If no rule derives it; names the operation and the line.

    Examples
    --------
    >>> import workbench as pm
    >>> x = pm.Normal.dist(0.0, 1.0)
    >>> round(float(logp(pt.exp(x), 1.0).eval()), 4)  # log-normal
    -0.9189
    """
    x, at = as_tensor(rv), as_tensor(value)
    return _derived(logp_node(x.op.distribution.as_wide_as(x, at) if isinstance(x.op, Draw) else x, at))


def logcdf(rv: Tensor, value: Any) -> Tensor:
    """Return the logarithm of the probability that a random expression is at most `value`.

    Raises
    ------
    LogProbError
        If no rule derives it; names the operation and the line.

    Examples
    --------
    >>> import workbench as pm
    >>> round(float(logcdf(pm.Uniform.dist(0.0, 4.0), 1.0).eval()), 4)  # log(1/4)
    -1.3863
    """
    return _derived(logcdf_node(as_tensor(rv), value))


def logccdf(rv: Tensor, value: Any) -> Tensor:
    """Return the logarithm of the probability that a random expression is larger than `value`.

    Precise where that is small, unlike ``log(1 - exp(logcdf(rv, value)))``.

    Raises
    ------
    LogProbError
        If no rule derives it; names the operation and the line.

    Examples
    --------
    >>> import workbench as pm
    >>> round(float(logccdf(pm.Normal.dist(0.0, 1.0), 40.0).eval()), 4)
    -804.6084
    """
    return _derived(log_survival_node(as_tensor(rv), value))


def icdf(rv: Tensor, value: Any) -> Tensor:
    """Return the quantiles of a random expression at the probabilities `value`.

    Raises
    ------
    LogProbError
        If no rule derives them; names the operation and the line.

    Examples
    --------
    >>> float(pm.icdf(pm.Normal.dist(0.0, 1.0), 0.5).eval())
    0.0
    """
    return _derived(quantile_node(as_tensor(rv), value))


def _derived(node: Tensor) -> Tensor:
    (result,), _ = logprob_pass().run([node])
    require_derived([result])
    assert isinstance(result, Tensor)

    def again(trace: Trace) -> tuple[Any, ...]:
        results, record = logprob_pass().run([node])
        trace.passes.append(record)
        return results

    remember([result], [node], again)
    return result


FAMILIES = tuple(
    f"workbench.transforms.{name}"
    for name in (
        "covariance_structure", "logprob", "noncentred", "change_of_variables", "random_variables", "derived_densities", "derived_tails", "derived_limits", "derived_choices",
        "derived_structure", "derived_sums",
    )
)  # fmt: skip
"""Where the rules are, in the order in which they are asked."""


@functools.cache
def load_rules() -> None:
    """Import the rules, which also know the event axes of what they are about."""
    for family in FAMILIES:
        importlib.import_module(family)


def logprob_pass() -> Pass:
    """Return the pass that derives log-probabilities."""
    load_rules()
    # Whatever was imported first; a user's own rules come last.
    place = {family: i for i, family in enumerate(FAMILIES)}
    rules = sorted(rules_of(GROUP), key=lambda r: place.get(r.function.__module__, len(place)))
    return Pass("log-probability", tuple(rules), "From random variables to the log-density of their values.")


WHAT = {LogProb: "log-density", LogCdf: "distribution function", LogSurvival: "distribution function", Quantile: "quantile"}


def require_derived(results: Sequence[Expr]) -> None:
    """Raise an error that names the operation if a log-density could not be derived."""
    looked_into: set[Graph] = set()
    pending = list(results)
    while pending:
        nodes, pending = topological(pending), []
        for node in nodes:
            if isinstance(node.op, NODES):
                _complain(node)
            inside = [g for g in node.op.graphs if g not in looked_into]
            looked_into.update(inside)
            pending += [r for g in inside for r in g.results]


def _complain(node: Expr) -> None:
    x = node.inputs[0]
    what = WHAT[type(node.op)]
    where = x.provenance.location if x.provenance else None
    if not is_random(x):
        raise LogProbError(f"no random variable lies below {x!r}, so it has no {what}", "give a random variable", where)
    if isinstance(x.op, Draw):
        raise LogProbError(f"{x.op.name} has no known {what}", "", where)
    random = [i for i in x.inputs if is_random(i)]
    if len(random) > 1 and not independent(*random):
        hint = f"the inputs of {x.op.name} share random variables"
    elif any(is_mixed(i) for i in random):
        hint = "what is inside has both a density and single values with a probability of their own, as what is clipped or censored"
    elif len(random) > 1:
        hint = f"{x.op.name} has {len(random)} random inputs: known are sums of normals, the larger or smaller of two, and joins"
    else:
        hint = "make it of distributions by one-to-one functions, sums and products with what is not random, clipping, rounding, choosing or joining"
    raise LogProbError(f"no rule derives the {what} of {x.op.name} in {x!r}", hint, where)


# Draws -----------------------------------------------------------------------------------------


def example_of(make: Callable[[], Any], dtype: str = "float64", kind: Callable[..., Tensor] = logp_node) -> Callable[[], list[Expr]]:
    """Return what makes a rule's example: the density of a random expression at a value of its shape."""

    def examples() -> list[Expr]:
        x = make()
        value = pt.tensor("value", x.dtype if x.dtype != "bool" else "bool", x.type.shape)
        return [kind(x, value)]

    return examples


def normals() -> Tensor:
    """Three independent normal variables, for examples."""
    from workbench.distributions.continuous import Normal

    return Normal.dist(0.4, 1.5, shape=(3,))


@rule(GROUP, ops=(LogProb,), over=(Draw,), examples=example_of(normals))
def density_of_draw(expr: Expr) -> Expr | None:
    """The log-density of a random variable is its distribution's formula."""
    x, value = expr.inputs
    if not isinstance(x.op, Draw):
        return None
    return x.op.distribution.density_of(x, value)


def _uniforms() -> Tensor:
    from workbench.distributions.continuous import Uniform

    return Uniform.dist(-1.0, 3.0, shape=(3,))


@rule(GROUP, ops=(LogCdf,), over=(Draw,), examples=example_of(_uniforms, kind=logcdf_node))
def cdf_of_draw(expr: Expr) -> Expr | None:
    """The distribution function of a random variable is its distribution's formula."""
    x, value = expr.inputs
    return _formula(x, "logcdf", value)


@rule(GROUP, ops=(LogSurvival,), over=(Draw,), examples=example_of(_uniforms, kind=log_survival_node))
def survival_of_draw(expr: Expr) -> Expr | None:
    """The probability of larger values is a formula of its own: the complement of one near 1 has no digits."""
    x, value = expr.inputs
    return _formula(x, "logccdf", value)


@rule(GROUP, ops=(Quantile,), over=(Draw,), examples=lambda: [quantile_node(normals(), pt.vector("q", 3))])
def quantile_of_draw(expr: Expr) -> Expr | None:
    """The quantiles of a random variable are those of its distribution."""
    x, q = expr.inputs
    found = _formula(x, "icdf", q)
    return None if found is None else pt.where(pt.logical_and(q >= 0.0, q <= 1.0), found, float("nan"))


def _formula(x: Expr, what: str, value: Any) -> Any:
    """A formula of the distribution of a draw, guarded by the checks of its parameters."""
    from workbench.distributions.constraints import checked

    if not isinstance(x.op, Draw):
        return None
    d = x.op.distribution
    parameters = x.inputs[1:]
    try:
        made = getattr(d, what)(value, *parameters)
    except NotImplementedError:
        return None
    return checked(d.__name__, made, d.checks(*parameters), d.parameters, parameters)


def _rank_of_reduction(node: Expr, below: Sequence[int]) -> int:
    """Without the event axes that are reduced."""
    op = node.op
    assert isinstance(op, Reduce)
    ndim = node.inputs[0].type.ndim
    return below[0] - sum(a >= ndim - below[0] for a in op.axes)


RANKS[Reduce] = _rank_of_reduction
RANKS[LogProb] = RANKS[LogCdf] = RANKS[LogSurvival] = RANKS[Quantile] = lambda node, below: 0
