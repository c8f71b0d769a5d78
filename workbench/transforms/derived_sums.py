"""Densities of what several random variables make together: sums, extremes, running sums, maps, recurrences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.distributions.continuous import Normal
from workbench.distributions.distribution import Draw
from workbench.graph.expr import Constant, Expr, Get
from workbench.graph.rewrite import rule
from workbench.graph.traverse import replace
from workbench.tensor import elementwise as e
from workbench.tensor.control.scan import Scan, scan
from workbench.tensor.reduction.cumulative import Cumulate
from workbench.tensor.reduction.reductions import Reduce
from workbench.tensor.shape import BroadcastTo, Reshape, extent, extents
from workbench.tensor.tensor import Tensor
from workbench.transforms.derived_densities import undo
from workbench.transforms.logprob import (
    GROUP,
    RANKS,
    LogCdf,
    LogProb,
    LogSurvival,
    Quantile,
    ask,
    event_rank,
    example_of,
    independent,
    is_discrete,
    is_mixed,
    is_random,
    log_complement,
    log_difference,
    log_survival_node,
    logcdf_node,
    logp_node,
    normals,
    one_random_input,
    quantile_node,
    stacked,
)  # fmt: skip

# Sums of normals ---------------------------------------------------------------------------------


def as_normal(x: Expr) -> tuple[Tensor, Tensor] | None:
    """Return mean and standard deviation of an expression whose elements are independent normal variables.

    Known are normal variables, shifted and scaled ones, and sums and differences of independent ones.
    """
    if isinstance(x.op, Draw):
        return (x.inputs[1], x.inputs[2]) if x.op.distribution is Normal else None
    if x.op is e.negative:
        inner = as_normal(x.inputs[0])
        return None if inner is None else (-inner[0], inner[1])
    if isinstance(x.op, Reduce) and x.op.kind == "sum":
        return _summed(x)
    if x.op is e.add or x.op is e.subtract:
        return _added(x)
    if x.op is e.multiply or x.op is e.divide:
        found = one_random_input(x)
        inner = as_normal(found[1]) if found and (found[0] == 0 or x.op is e.multiply) else None
        if found is None or inner is None:
            return None
        other = x.inputs[1 - found[0]]
        scale = other if x.op is e.multiply else 1.0 / other
        return inner[0] * scale, inner[1] * pt.abs(scale)
    return None


def _added(x: Expr) -> tuple[Tensor, Tensor] | None:
    a, b = x.inputs
    sign = 1.0 if x.op is e.add else -1.0
    if not is_random(b):
        inner = as_normal(a) if a.type.shape == x.type.shape else None
        return None if inner is None else (inner[0] + sign * b, inner[1])
    if not is_random(a):
        inner = as_normal(b) if b.type.shape == x.type.shape else None
        return None if inner is None else (a + sign * inner[0], inner[1])
    if a.type.shape != x.type.shape or b.type.shape != x.type.shape or not independent(a, b):
        return None
    first, second = as_normal(a), as_normal(b)
    if first is None or second is None:
        return None
    return first[0] + sign * second[0], pt.sqrt(first[1] ** 2 + second[1] ** 2)


def _summed(x: Expr) -> tuple[Tensor, Tensor] | None:
    inner = x.inputs[0]
    found = as_normal(inner)
    if found is None:
        return None
    mean, sd = (pt.broadcast_to(part, inner.shape) for part in found)
    return pt.sum(mean, x.op.axes), pt.sqrt(pt.sum(sd * sd, x.op.axes))


def _is_sum(x: Expr) -> bool:
    if isinstance(x.op, Reduce):
        return x.op.kind == "sum"
    return (x.op is e.add or x.op is e.subtract) and all(is_random(i) for i in x.inputs)


@rule(GROUP, ops=(LogProb,), over=(e.add, e.subtract, Reduce), examples=lambda: [*example_of(lambda: normals() - 2.0 * normals())(), *example_of(lambda: pt.sum(normals()))()])
def density_of_sum_of_normals(expr: Expr) -> Expr | None:
    """A sum of independent normal variables is normal: means add up, and so do variances."""
    x, value = expr.inputs
    found = as_normal(x) if _is_sum(x) else None
    return None if found is None else Normal.density(value, *found)


@rule(GROUP, ops=(LogCdf,), over=(e.add, e.subtract, Reduce), examples=lambda: [logcdf_node(normals() - normals(), pt.vector("v", 3))])
def cdf_of_sum_of_normals(expr: Expr) -> Expr | None:
    """A sum of independent normal variables is normal: means add up, and so do variances."""
    x, value = expr.inputs
    found = as_normal(x) if _is_sum(x) else None
    if found is None:
        return None
    return Normal.logcdf(value, *found)


@rule(GROUP, ops=(Quantile,), over=(e.add, e.subtract, Reduce), examples=lambda: [quantile_node(pt.sum(normals()), pt.scalar("q"))])
def quantile_of_sum_of_normals(expr: Expr) -> Expr | None:
    """A sum of independent normal variables is normal: means add up, and so do variances."""
    x, q = expr.inputs
    found = as_normal(x) if _is_sum(x) else None
    if found is None:
        return None
    return pt.where(pt.logical_and(q >= 0.0, q <= 1.0), Normal.icdf(q, *found), float("nan"))


# Extremes ----------------------------------------------------------------------------------------


def _extreme_example(kind: str) -> Any:
    from workbench.distributions.continuous import Uniform

    return getattr(pt, kind)(Uniform.dist(-1.0, 3.0, shape=(3,)))


@rule(GROUP, ops=(LogProb,), over=(Reduce,), examples=lambda: [*example_of(lambda: _extreme_example("max"))(), *example_of(lambda: _extreme_example("min"))()])
def density_of_extreme(expr: Expr) -> Expr | None:
    """The largest of n variables of one distribution is v where one is v and all others are at most that."""
    x, value = expr.inputs
    if not isinstance(x.op, Reduce) or x.op.kind not in ("max", "min"):
        return None
    one = _one_of_alike(x)
    if one is None:
        return None
    random, count = one
    if is_mixed(random):
        return None
    largest = x.op.kind == "max"
    if is_discrete(random):
        below, before = logcdf_node(random, value), logcdf_node(random, value - 1)
        if largest:
            return log_difference(count * below, count * before)
        return log_difference(count * log_complement(before), count * log_complement(below))
    others = (count - 1) * (logcdf_node(random, value) if largest else log_survival_node(random, value)) if not isinstance(count, int) or count > 1 else 0.0
    if not isinstance(count, int):
        return pt.log(count) + pt.where(pt.greater(count, 1), others, 0.0) + logp_node(random, value)
    return math.log(count) + others + logp_node(random, value)


@rule(GROUP, ops=(LogCdf,), over=(Reduce,), examples=lambda: [logcdf_node(_extreme_example("max"), pt.scalar("v")), logcdf_node(_extreme_example("min"), pt.scalar("v"))])
def cdf_of_extreme(expr: Expr) -> Expr | None:
    """The largest of n variables of one distribution is at most v where all are; the smallest is more than v where all are."""
    x, value = expr.inputs
    one = _one_of_alike(x) if isinstance(x.op, Reduce) and x.op.kind in ("max", "min") else None
    if one is None:
        return None
    random, count = one
    return count * logcdf_node(random, value) if x.op.kind == "max" else log_complement(count * log_survival_node(random, value))


def _others_example() -> Tensor:
    from workbench.distributions.continuous import Uniform

    return pt.max(pt.stack([Uniform.dist(-1.0, 3.0), Uniform.dist(0.0, 8.0)]))


@rule(GROUP, ops=(LogProb, LogCdf, LogSurvival), over=(Reduce,), examples=example_of(_others_example))
def extreme_of_different_ones(expr: Expr) -> Expr | None:
    """The largest of several variables is the larger of the first and the largest of the others."""
    x, value = expr.inputs
    if not isinstance(x.op, Reduce) or x.op.kind not in ("max", "min") or x.op.axes != (0,) or _one_of_alike(x) is not None:
        return None
    whole = x.inputs[0]
    parts = stacked(whole)
    if parts is None and whole.type.ndim == 1 and not whole.type.is_open and isinstance(whole.op, Draw) and not event_rank(whole):
        # Parts of one variable would be taken for dependent.
        given = [pt.broadcast_to(p, whole.shape) for p in whole.inputs[1:]]
        parts = [whole.op.distribution.variable([p[k] for p in given]) for k in range(whole.type.shape[0])]
    if not parts or not independent(*parts):
        return None
    result = parts[0]
    for part in parts[1:]:
        result = (pt.maximum if x.op.kind == "max" else pt.minimum)(result, part)
    return ask(expr.op, result, value)


def _one_of_alike(x: Expr) -> tuple[Tensor, Any] | None:
    """One of the variables over which an extreme is taken, and how many there are, if they are alike."""
    inner = x.inputs[0]
    if event_rank(inner):
        return None
    axes = x.op.axes
    count = math.prod(extent(inner, a) for a in axes)
    one = _alike(inner, axes)
    return None if one is None else (one, count)


def _own(axes: Sequence[int], ndim: int, x: Expr) -> tuple[int, ...]:
    """Axes of something that broadcasts to so many axes, counted in it."""
    missing = ndim - x.type.ndim
    return tuple(a - missing for a in axes if a >= missing)


def _alike(x: Expr, axes: Sequence[int]) -> Tensor | None:
    """The distribution of each element, as a variable without `axes`, if it does not vary along them."""
    from workbench.graph.expr import intern

    parts = []
    ndim = x.type.ndim
    for i in x.inputs[1:] if isinstance(x.op, Draw) else x.inputs:
        mine = _own(axes, ndim, i)
        if is_random(i) and not isinstance(x.op, Draw):
            found = _alike(i, axes) if i.type.shape == x.type.shape else None
            if found is None:
                return None
            parts.append(found)
        elif all(i.type.shape[a] == 1 for a in mine):
            parts.append(pt.squeeze(i, mine) if mine else i)
        elif isinstance(i.op, BroadcastTo) and all(i.inputs[0].type.shape[a] == 1 for a in _own(axes, ndim, i.inputs[0])):
            # A parameter has the open lengths of a variable, along other axes too.
            below = _own(axes, ndim, i.inputs[0])
            parts.append(pt.broadcast_to(pt.squeeze(i.inputs[0], below) if below else i.inputs[0], [n for a, n in enumerate(extents(i)) if a not in mine]))
        else:
            return None
    if isinstance(x.op, Draw):
        return intern(Draw(x.op.distribution, tuple(n for a, n in enumerate(x.op.shape) if a not in axes)), (x.inputs[0], *parts))
    if not isinstance(x.op, e.Elementwise):
        return None
    return intern(x.op, tuple(parts))


@rule(GROUP, ops=(LogProb,), over=(e.maximum, e.minimum), examples=example_of(lambda: pt.maximum(_three_uniforms(), _three_uniforms())))
def density_of_larger_of_two(expr: Expr) -> Expr | None:
    """The larger of two independent variables is v where one is v and the other at most that."""
    x, value = expr.inputs
    if not (x.op is e.maximum or x.op is e.minimum) or expr.op.event_rank:
        return None
    a, b = x.inputs
    if not (is_random(a) and is_random(b) and independent(a, b)) or a.type.shape != b.type.shape or is_mixed(a) or is_mixed(b):
        return None
    if is_discrete(a) != is_discrete(b):
        return None
    tail = logcdf_node if x.op is e.maximum else log_survival_node
    first, second = tail(a, value), tail(b, value)
    density = e.logaddexp(logp_node(a, value) + second, logp_node(b, value) + first)
    if not is_discrete(a):
        return density
    # Both may be v: "at most" has counted that twice, "more than" not at all.
    both = logp_node(a, value) + logp_node(b, value)
    return log_difference(density, both) if x.op is e.maximum else e.logaddexp(density, both)


@rule(GROUP, ops=(LogCdf, LogSurvival), over=(e.maximum, e.minimum), examples=lambda: [logcdf_node(pt.maximum(_three_uniforms(), _three_uniforms()), pt.vector("v", 3))])
def cdf_of_larger_of_two(expr: Expr) -> Expr | None:
    """The larger of two independent variables is at most v where both are; the smaller is more than v where both are."""
    x, value = expr.inputs
    a, b = x.inputs
    if not (is_random(a) and is_random(b) and independent(a, b)) or a.type.shape != b.type.shape:
        return None
    # Survival functions are distribution functions too, of another class.
    above = isinstance(expr.op, LogSurvival)
    tail = log_survival_node if x.op is e.minimum else logcdf_node
    both = tail(a, value) + tail(b, value)
    return both if above == (x.op is e.minimum) else log_complement(both)


def _three_uniforms() -> Tensor:
    from workbench.distributions.continuous import Uniform

    return Uniform.dist(-1.0, 3.0, shape=(3,))


# Running sums ------------------------------------------------------------------------------------


@rule(GROUP, ops=(LogProb,), over=(Cumulate,), examples=example_of(lambda: pt.cumsum(normals(), 0)))
def density_of_running_sum(expr: Expr) -> Expr | None:
    """The running sums are known where each element is, the difference of two of them: nothing is stretched."""
    x, value = expr.inputs
    if not isinstance(x.op, Cumulate) or x.op.kind != "add" or expr.op.event_rank or value.type.ndim != x.type.ndim or is_mixed(x):
        return None
    before = (slice(None),) * x.op.axis
    first, later, earlier = ((*before, part) for part in (slice(0, 1), slice(1, None), slice(None, -1)))
    steps = pt.concatenate([value[first], value[later] - value[earlier]], x.op.axis)
    return logp_node(x.inputs[0], steps)


# Linear maps -------------------------------------------------------------------------------------


def _matrix_times_vector(x: Expr) -> tuple[Tensor, Tensor] | None:
    """Matrix and random vector of ``A @ x``, a square matrix that is not random."""
    if not isinstance(x.op, Reduce) or x.op.kind != "sum" or x.inputs[0].type.ndim != 2 or x.inputs[0].op is not e.multiply:
        return None
    for matrix, vector in (x.inputs[0].inputs, x.inputs[0].inputs[::-1]):
        if x.op.axes == (0,):
            # x @ A, where x stands upright to meet the rows of A.
            upright = isinstance(vector.op, Reshape) and vector.type.shape == (*vector.inputs[0].type.shape, 1)
            matrix, vector = (pt.transpose(matrix), vector.inputs[0]) if upright and matrix.type.ndim == 2 else (matrix, matrix)
        n = vector.type.shape[-1] if vector.type.ndim == 1 else None
        if n is not None and matrix.type.shape == (n, n) and is_random(vector) and not is_random(matrix):
            return None if _is_singular(matrix) else (matrix, vector)
    return None


def _is_singular(matrix: Tensor) -> bool:
    """Whether a matrix known now has no inverse."""
    return isinstance(matrix.op, Constant) and np.linalg.matrix_rank(matrix.op.value) < matrix.op.value.shape[0]


@rule(GROUP, ops=(LogProb,), over=(Reduce,), examples=example_of(lambda: pt.constant([[2.0, 1.0, 0.0], [0.0, 1.0, 3.0], [1.0, 0.0, 1.0]]) @ normals()))
def density_of_linear_map(expr: Expr) -> Expr | None:
    """The density of A x at v is that of x at the solution of A x = v, divided by the size of A's determinant."""
    x, value = expr.inputs
    found = _matrix_times_vector(x)
    if found is None or is_discrete(found[1]) or is_mixed(found[1]):
        return None
    matrix, vector = found
    if value.type.ndim != 1:
        return None
    inside = pt.sum(logp_node(vector, pt.linalg.solve(matrix, value)))
    return inside - pt.linalg.slogdet(matrix)[1]


_rank_of_other_reductions = RANKS[Reduce]
RANKS[Reduce] = lambda node, below: 1 if _matrix_times_vector(node) else _rank_of_other_reductions(node, below)


# Recurrences -------------------------------------------------------------------------------------


def _scanned(x: Expr) -> Expr | None:
    """The result of the body of a scan that `x` stacks, if it is random there."""
    if not isinstance(x.op, Get) or not isinstance(x.inputs[0].op, Scan):
        return None
    op = x.inputs[0].op
    out = op.body.results[x.op.index]
    return out if x.op.index >= op.carries and is_random(out) else None


def _recurrence_example() -> Any:
    return scan(lambda before: _twice(Normal.dist(0.5 * before, 1.0)), [0.3], n_steps=4)[1][0]


def _twice(x: Any) -> Any:
    return [x], [x]


@rule(GROUP, ops=(LogProb,), over=(Scan, Get), examples=example_of(_recurrence_example))
def density_of_recurrence(expr: Expr) -> Expr | None:
    """Each step has the density of what it draws, given the values of the steps before."""
    x, value = expr.inputs
    out = _scanned(x)
    if out is None or value.type.ndim != x.type.ndim:
        return None
    loop = x.inputs[0]
    op: Scan = loop.op
    n, s = op.carries, op.sequences
    derivable = True

    def step(*arguments: Any) -> Any:
        nonlocal derivable
        carried, elements, given, closed = arguments[:n], arguments[n : n + s], arguments[n + s], arguments[n + s + 1 :]
        known = dict(zip(op.body.params, (*carried, *elements, *closed)))
        *after, drawn = replace([*op.body.results[:n], out], known)
        density = logp_node(drawn, given)
        after = replace(after, _values_behind(drawn, given))
        derivable = derivable and not any(is_random(a) for a in after)
        return after, [density]

    inputs = loop.inputs
    _, outputs = scan(step, inputs[:n], [*inputs[n : n + s], value], inputs[n + s :])
    return outputs[0] if derivable else None


def _values_behind(x: Any, value: Any) -> dict[Expr, Expr]:
    """The value of a random expression, and of what it is a one-to-one function of."""
    found: dict[Expr, Expr] = {x: value}
    u = undo(x, value)
    while u is not None:
        found[u.random] = u.back
        u = undo(u.random, u.back)
    return found


def _rank_of_get(node: Expr, below: Sequence[int]) -> int:
    out = _scanned(node)
    return below[0] if out is None else event_rank(out)


RANKS[Get] = _rank_of_get
