"""Draws as formulas over the random bits of their keys."""

from __future__ import annotations

from workbench.distributions.continuous import Normal
from workbench.distributions.distribution import Draw, require_lengths
from workbench.graph.expr import Expr
from workbench.graph.rewrite import rule


@rule("draw", ops=(Draw,), examples=lambda: [Normal.dist(1.0, 2.0, shape=(3,))])
def draw_from_bits(expr: Expr) -> Expr | None:
    """A draw is a formula over the random bits of its key."""
    assert isinstance(expr.op, Draw)
    require_lengths(expr)
    return expr.op.formula(*expr.inputs)


draw_rules = (draw_from_bits,)
