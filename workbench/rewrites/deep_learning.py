"""Operations of deep learning in the form that is computed, and found in formulas."""

from __future__ import annotations

import workbench.tensor as pt
from workbench.graph.expr import Expr
from workbench.graph.rewrite import rule
from workbench.tensor.nn.regularization import Dropout, chosen, dropout, stochastic_depth


@rule("specialise", ops=(Dropout,), examples=lambda: [dropout(pt.vector("v", 4), 0.3, pt.random.key(1)), dropout(pt.matrix("m", 3, 4, dtype="float32"), pt.scalar("p"), pt.random.key(1), (1,)), stochastic_depth(pt.matrix("m", 3, 4), 0.3, pt.random.key(2))])
def dropout_by_random_bits(expr: Expr) -> Expr | None:
    """What is dropped is chosen by random bits where it is computed: the gradient draws them again, and no mask is kept."""
    x, p, key = expr.inputs
    return chosen(x, p, key, expr.op.shared)
