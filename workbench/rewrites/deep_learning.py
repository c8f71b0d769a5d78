"""Operations of deep learning in the form that is computed, and their formulas in one that keeps digits."""

from __future__ import annotations

from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.graph.expr import Constant, Expr
from workbench.graph.lengths import product
from workbench.graph.pattern import uniform_value
from workbench.graph.rewrite import rule
from workbench.rewrites.stabilise import has_logarithm
from workbench.tensor import elementwise as e
from workbench.tensor.declaration import Cast
from workbench.tensor.nn.regularization import Dropout, chosen, dropout, stochastic_depth
from workbench.tensor.reduction.reductions import Reduce
from workbench.tensor.shape import Reshape


@rule("specialise", ops=(Dropout,), examples=lambda: [dropout(pt.vector("v", 4), 0.3, pt.random.key(1)), dropout(pt.matrix("m", 3, 4, dtype="float32"), pt.scalar("p"), pt.random.key(1), (1,)), stochastic_depth(pt.matrix("m", 3, 4), 0.3, pt.random.key(2))])
def dropout_by_random_bits(expr: Expr) -> Expr | None:
    """What is dropped is chosen by random bits where it is computed: the gradient draws them again, and no mask is kept."""
    x, p, key = expr.inputs
    return chosen(x, p, key, expr.op.shared)


# Cross-entropy --------------------------------------------------------------------------------


def _examples() -> list[Expr]:
    m, label = pt.matrix("m", 3, 4), pt.constant([2, 0, 3])
    chosen = pt.equal(label[:, None], pt.arange(4))
    p = pt.softmax(m, axis=1)
    return [pt.log(pt.sum(pt.where(chosen, p, 0.0), axis=1)), pt.log(pt.sum(pt.cast(chosen, "float64") * p, axis=1)), pt.log(pt.sum(p * pt.cast(chosen, "float64"), axis=1))]


@rule("stabilise", ops=(e.log,), over=(Reduce,), examples=_examples)
def log_of_chosen_probability(expr: Expr) -> Expr | None:
    """The probability that one-hot labels choose may be 0 in floating point; its logarithm, chosen among logarithms, is finite."""
    total = expr.inputs[0]
    if total.op.kind != "sum":
        return None
    found = _choice(total.inputs[0])
    if found is None or not has_logarithm(found[1]) or found[1].type != total.inputs[0].type:
        return None
    mask, p = found
    return pt.logsumexp(pt.where(mask, pt.log(p), pt.constant(np.asarray(-np.inf, p.type.dtype))), axis=total.op.axes)


def _choice(terms: Expr) -> tuple[Expr, Expr] | None:
    """A condition, and what counts where it holds; elsewhere there is 0."""
    if terms.op is e.where and uniform_value(terms.inputs[2]) == 0.0:
        return terms.inputs[0], terms.inputs[1]
    if terms.op is not e.multiply:
        return None
    for one, other in (terms.inputs, terms.inputs[::-1]):
        if isinstance(one.op, Cast) and one.inputs[0].type.kind == "b":
            return one.inputs[0], other
    return None


# Normalisation --------------------------------------------------------------------------------


def _variances() -> list[Expr]:
    m, v = pt.matrix("m", 3, 4), pt.vector("v", 5)
    mean = pt.mean(m, axis=1, keepdims=True)
    return [
        pt.mean(pt.square(m), axis=1, keepdims=True) - pt.square(mean), pt.mean(m * m, axis=0) - pt.mean(m, axis=0) ** 2.0,
        pt.mean(v**2.0) - pt.mean(v) * pt.mean(v), pt.sum(pt.square(v)) / 5.0 - pt.square(pt.sum(v) / 5.0), pt.mean(pt.square(v)) - pt.square(pt.mean(v)),
    ]  # fmt: skip


@rule("stabilise", ops=(e.subtract,), examples=_variances)
def variance_from_difference(expr: Expr) -> Expr | None:
    """The mean of squares less the square of the mean cancels where the mean is large, and may be negative; the mean of squared deviations does not."""
    squares, other = expr.inputs
    of_squares, root = _mean(squares), _squared(other)
    of_numbers = None if root is None else _mean(root)
    if of_squares is None or of_numbers is None or of_squares[1] != of_numbers[1]:
        return None
    x, axes = of_numbers
    if _squared(of_squares[0]) is not x:
        return None
    if not all(t.type.shape == expr.type.shape for t in expr.inputs):
        return None
    deviations = x - pt.mean(x, axes, keepdims=True)
    made = pt.mean(pt.square(deviations), axes, keepdims=True)
    return made if made.type.ndim == expr.type.ndim else pt.squeeze(made, axes)


def _squared(x: Expr) -> Expr | None:
    """What an expression is the square of."""
    if x.op is e.square:
        return x.inputs[0]  # type: ignore[no-any-return]
    if x.op is e.multiply and x.inputs[0] is x.inputs[1]:
        return x.inputs[0]  # type: ignore[no-any-return]
    return x.inputs[0] if x.op is e.power and uniform_value(x.inputs[1]) == 2.0 else None


def _mean(x: Expr) -> tuple[Any, tuple[int, ...]] | None:
    """What an expression is the mean of, and over which axes."""
    whole = _bare(x)
    if whole.op not in (e.divide, e.multiply):
        return None
    for total, number in (whole.inputs, whole.inputs[::-1])[: 2 if whole.op is e.multiply else 1]:
        reduced = _bare(total)
        if not isinstance(reduced.op, Reduce) or reduced.op.kind != "sum":
            continue
        of, axes = reduced.inputs[0], reduced.op.axes
        count, factor = product(tuple(of.type.shape[a] for a in axes)), uniform_value(number)
        if isinstance(count, int) and isinstance(number.op, Constant) and factor is not None and count:
            if np.isclose(factor, count if whole.op is e.divide else 1.0 / count, rtol=1e-6, atol=0.0):
                return of, axes
        elif whole is _bare(pt.mean(of, axes)) or whole is pt.mean(of, axes, keepdims=True):
            return of, axes
    return None


def _bare(x: Expr) -> Expr:
    while isinstance(x.op, Reshape):
        x = x.inputs[0]
    return x
