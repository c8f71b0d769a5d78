"""Rules on random variables themselves: another distribution that makes the same numbers from the same key."""

from __future__ import annotations

from typing import Any

from workbench.distributions.continuous import Normal
from workbench.distributions.distribution import Draw
from workbench.graph.expr import Expr, intern
from workbench.graph.properties import is_positive
from workbench.graph.rewrite import Pass, rule, rules_of
from workbench.tensor import elementwise as e
from workbench.tensor.tensor import Tensor
from workbench.transforms.logprob import GROUP as LOGPROB
from workbench.transforms.logprob import NODES, ask, example_of, one_random_input

GROUP = "random"


def random_pass() -> Pass:
    """Return the pass that simplifies random variables.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> (after,), _ = random_pass().run([Normal.dist(0.0, 1.0) + pt.scalar("a")])
    >>> after
    Normal(key, 0.0 + a, 1.0)
    """
    return Pass("random variables", tuple(rules_of(GROUP)), "Shifted and scaled random variables become variables of their own.")


@rule(GROUP, ops=(e.add, e.subtract), over=(Draw,), examples=lambda: [Normal.dist(0.0, 1.0) + 2.0, Normal.dist(0.0, 1.0, shape=(3,)) - 0.5])
def shifted_normal(expr: Expr) -> Expr | None:
    """N(m, s) + a is N(m + a, s)."""
    found = one_random_input(expr)
    if found is None or found[1].op.__class__ is not Draw or found[1].op.distribution is not Normal:
        return None
    at, x = found
    other = expr.inputs[1 - at]
    if expr.op is e.subtract and at == 1:
        return None
    key, mu, sigma = x.inputs
    return intern(x.op, (key, mu + other if expr.op is e.add else mu - other, sigma))


@rule(GROUP, ops=(e.multiply, e.divide), over=(Draw,), examples=lambda: [Normal.dist(1.0, 1.0) * 2.0, Normal.dist(1.0, 1.0) / 2.0])
def scaled_normal(expr: Expr) -> Expr | None:
    """N(m, s) times something positive a is N(a m, a s); with a negative one the same key would make other numbers."""
    found = one_random_input(expr)
    if found is None or found[1].op.__class__ is not Draw or found[1].op.distribution is not Normal:
        return None
    at, x = found
    scale = expr.inputs[1 - at]
    if not is_positive(scale) or (expr.op is e.divide and at == 1):
        return None
    key, mu, sigma = x.inputs
    return intern(x.op, (key, expr.op(mu, scale), expr.op(sigma, scale)))


def _shifted() -> Tensor:
    return Normal.dist(0.4, 1.5, shape=(3,)) + 2.0


@rule(LOGPROB, ops=NODES, over=(e.add, e.subtract, e.multiply, e.divide), examples=example_of(_shifted))
def question_about_shifted_normal(expr: Expr) -> Expr | None:
    """A shifted normal variable is one of its own, N(0, 1) + a is N(a, 1), and so is one that is scaled by something positive."""
    x, value = expr.inputs
    simpler = {e.add: shifted_normal, e.subtract: shifted_normal, e.multiply: scaled_normal, e.divide: scaled_normal}.get(x.op)
    found: Any = simpler.apply(x) if simpler is not None else None
    return None if found is None else ask(expr.op, found, value)
