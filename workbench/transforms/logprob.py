"""Log-probabilities, derived by named rules.

``LogProb(x, value)`` stands for the log-density of the random expression `x` at `value`. Rules
rewrite it: a draw to its distribution's formula, a function of a random variable to the density of
that variable, with the derivative of the inverse.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import workbench.tensor as pt
from workbench.distributions.continuous import Normal
from workbench.distributions.distribution import Draw, event_rank, has_draw
from workbench.errors import LogProbError
from workbench.graph.expr import Expr, Op, intern
from workbench.graph.rewrite import RULES, Pass, rule
from workbench.graph.traverse import topological
from workbench.graph.types import TensorType
from workbench.tensor import elementwise as e
from workbench.tensor.tensor import Tensor, as_tensor

GROUP = "logprob"


@dataclass(frozen=True)
class LogProb(Op):
    """The log-density of a random expression (first input) at a value (second)."""

    event_rank: int = 0
    name = "logp"
    plain = True

    def infer(self, x: TensorType, value: TensorType) -> TensorType:
        return TensorType("float64", x.shape[: x.ndim - self.event_rank])


def logp_node(x: Tensor, value: Any) -> Tensor:
    """Return the log-density of `x` at `value`, not derived yet."""
    return intern(LogProb(event_rank(x)), (x, as_tensor(value)))


def logp(rv: Tensor, value: Any) -> Tensor:
    """Return the log-density of a random expression at a value, element by element.

    Parameters
    ----------
    rv
        A random variable, or an invertible function of one.
    value
        Where to evaluate; broadcasts to the shape of `rv`.

    Raises
    ------
    LogProbError
        If no rule derives it; names the operation and the line.

    Examples
    --------
    >>> x = Normal.dist(0.0, 1.0)
    >>> round(float(logp(pt.exp(x), 1.0).eval()), 4)  # log-normal
    -0.9189
    """
    (result,), _ = logprob_pass().run([logp_node(rv, value)])
    require_derived([result])
    assert isinstance(result, Tensor)
    return result


def logprob_pass() -> Pass:
    """Return the pass that derives log-probabilities."""
    rules = tuple(r for r in RULES.values() if r.group == GROUP)
    return Pass("log-probability", rules, "From random variables to the log-density of their values.")


def require_derived(results: Any) -> None:
    """Raise an error that names the operation if a log-density could not be derived."""
    for node in topological(results):
        if isinstance(node.op, LogProb):
            x = node.inputs[0]
            raise LogProbError(
                f"no rule derives the log-density of {x.op.name} in {x!r}",
                "it must be a distribution, or exp, log, a sum or product of one with something not random",
                x.provenance.location if x.provenance else None,
            )


def _normal() -> Tensor:
    return Normal.dist(1.0, 2.0, shape=(3,))


def _example(x: Any) -> Any:
    return lambda: [logp_node(x(), pt.vector("value", 3))]


@rule(GROUP, ops=(LogProb,), examples=_example(_normal))
def density_of_draw(expr: Expr) -> Expr | None:
    """The log-density of a random variable is its distribution's formula."""
    x, value = expr.inputs
    if not isinstance(x.op, Draw):
        return None
    return x.op.distribution.density(value, *x.inputs[1:])


@rule(GROUP, ops=(LogProb,), examples=_example(lambda: pt.exp(_normal())))
def density_of_exp(expr: Expr) -> Expr | None:
    """The density of exp(x) at v is that of x at log(v), divided by v."""
    x, value = expr.inputs
    if x.op is not e.exp:
        return None
    inside = logp_node(x.inputs[0], pt.log(value)) - pt.log(value)
    return pt.where(value > 0.0, inside, -float("inf"))


@rule(GROUP, ops=(LogProb,), examples=_example(lambda: pt.log(pt.exp(_normal()))))
def density_of_log(expr: Expr) -> Expr | None:
    """The density of log(x) at v is that of x at exp(v), times exp(v)."""
    x, value = expr.inputs
    if x.op is not e.log:
        return None
    return logp_node(x.inputs[0], pt.exp(value)) + value


@rule(GROUP, ops=(LogProb,), examples=_example(lambda: -_normal()))
def density_of_negative(expr: Expr) -> Expr | None:
    """The density of -x at v is that of x at -v."""
    x, value = expr.inputs
    return logp_node(x.inputs[0], -value) if x.op is e.negative else None


@rule(GROUP, ops=(LogProb,), examples=_example(lambda: _normal() + 2.0))
def density_of_shifted(expr: Expr) -> Expr | None:
    """The density of x + b at v is that of x at v - b."""
    x, value = expr.inputs
    if x.op is e.add:
        for random, shift in (x.inputs, x.inputs[::-1]):
            if random.type == x.type and not has_draw(shift):
                return logp_node(random, value - shift)
    if x.op is e.subtract:
        a, b = x.inputs
        if a.type == x.type and not has_draw(b):
            return logp_node(a, value + b)
        if b.type == x.type and not has_draw(a):
            return logp_node(b, a - value)
    return None


@rule(GROUP, ops=(LogProb,), examples=_example(lambda: _normal() * 2.0))
def density_of_scaled(expr: Expr) -> Expr | None:
    """The density of a*x at v is that of x at v/a, divided by |a|."""
    x, value = expr.inputs
    if x.op is e.multiply:
        for random, scale in (x.inputs, x.inputs[::-1]):
            if random.type == x.type and not has_draw(scale):
                return logp_node(random, value / scale) - pt.log(pt.abs(scale))
    if x.op is e.divide and x.inputs[0].type == x.type and not has_draw(x.inputs[1]):
        random, scale = x.inputs
        return logp_node(random, value * scale) + pt.log(pt.abs(scale))
    return None
