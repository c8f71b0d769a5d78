"""Draws as formulas over the random bits of their keys."""

from __future__ import annotations

from workbench.distributions.batch_shapes import fits
from workbench.distributions.continuous import Normal
from workbench.distributions.distribution import Draw
from workbench.errors import ShapeError
from workbench.graph.expr import Expr
from workbench.graph.rewrite import rule


def require_lengths(x: Expr) -> None:
    """Raise if a random variable has another shape than its parameters, whose data were replaced since it was made.

    Raises
    ------
    ShapeError
        If the parameters do not broadcast to the variable's shape.
    """
    d, parameters = x.op.distribution, x.inputs[1:]
    batch, shape = d.batch_shape(*parameters), x.type.shape
    if not fits(batch, shape[: len(shape) - d.event_rank]):
        own = ", ".join(f"{n} {p.type.shape}" for n, p in zip(d.parameters, parameters) if p.ndim)
        raise ShapeError(
            f"{x.name or d.__name__}: it has shape {shape}, and its parameters have shapes {own}",
            "a variable has the lengths of observed data that are given as numbers for good: give them as pm.Data, to replace them too, "
            "or give the variable shape=, or dims=, of the data that are replaced",
        )


@rule("draw", ops=(Draw,), examples=lambda: [Normal.dist(1.0, 2.0, shape=(3,))])
def draw_from_bits(expr: Expr) -> Expr | None:
    """A draw is a formula over the random bits of its key."""
    assert isinstance(expr.op, Draw)
    require_lengths(expr)
    return expr.op.formula(*expr.inputs)


draw_rules = (draw_from_bits,)
