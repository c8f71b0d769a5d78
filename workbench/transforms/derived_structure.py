"""Densities of random variables put in another form: joined, cut, reshaped, renamed, cast.

Distribution functions and quantiles follow the same rules.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.distributions.distribution import Draw
from workbench.graph.expr import Constant, Expr, intern
from workbench.graph.rewrite import rule
from workbench.tensor.elementwise import Cast, Elementwise
from workbench.tensor.indexing.advanced import Index
from workbench.tensor.indexing.rows import Take
from workbench.tensor.indexing.slices import Slice, everything, part_of
from workbench.tensor.markers import Annotation
from workbench.tensor.shape import Reshape, Transpose, extent, extents
from workbench.tensor.shape.joining import Concatenate, part_that_has
from workbench.tensor.tensor import Tensor
from workbench.transforms.logprob import (
    GROUP,
    INF,
    NODES,
    LogProb,
    Quantile,
    ask,
    event_rank,
    example_of,
    independent,
    is_random,
    logp_node,
    normals,
)  # fmt: skip


def _full(value: Any, x: Expr) -> Any:
    """The value in the shape of the variable, after further axes of its own; ``None`` where it has another."""
    if value.type.shape == x.type.shape:
        return value
    try:
        return pt.broadcast_to(value, (*_lead(value, x), *extents(x)))
    except ValueError:
        return None


def _lead(value: Any, x: Expr) -> tuple[Any, ...]:
    """Lengths of the axes that a value has before those of its variable."""
    return tuple(extent(value, axis) for axis in range(value.type.ndim - x.type.ndim))


# The same values ---------------------------------------------------------------------------------


@rule(GROUP, ops=NODES, examples=example_of(lambda: pt.stop_gradient(normals())))
def density_of_named(expr: Expr) -> Expr | None:
    """A name or an annotation changes no value."""
    x, value = expr.inputs
    return ask(expr.op, x.inputs[0], value) if isinstance(x.op, Annotation) else None


def _counts() -> Tensor:
    from workbench.distributions.discrete import Bernoulli

    return Bernoulli.dist(0.3, shape=(3,))


@rule(GROUP, ops=NODES, over=(Cast,), examples=example_of(lambda: pt.cast(_counts(), "float64")))
def density_of_cast(expr: Expr) -> Expr | None:
    """Whole numbers written as real ones keep their probabilities; between them there is none."""
    x, value = expr.inputs
    if not isinstance(x.op, Cast):
        return None
    inner = x.inputs[0]
    if not isinstance(expr.op, LogProb):
        at = value if isinstance(expr.op, Quantile) or value.type.kind != "f" else pt.floor(value)
        return ask(expr.op, inner, at) if inner.type.kind != "f" else None
    if inner.type.kind == "f":
        return logp_node(inner, value) if x.type.kind == "f" else None
    if value.type.kind != "f":
        return logp_node(inner, value)
    whole = pt.floor(value)
    return pt.where(pt.equal(whole, value), logp_node(inner, pt.cast(pt.where(pt.equal(whole, value), whole, 0.0), "int64")), -INF)


# Other axes --------------------------------------------------------------------------------------


@rule(GROUP, ops=NODES, over=(Reshape,), examples=example_of(lambda: pt.reshape(normals(), (3, 1))))
def density_of_reshaped(expr: Expr) -> Expr | None:
    """The same elements in another shape have the same densities, in that shape."""
    x, value = expr.inputs
    if not isinstance(x.op, (Reshape)):
        return None
    inner, rank = x.inputs[0], event_rank(x)
    event = inner.type.shape[inner.type.ndim - rank :]
    given = _full(value, x)
    if given is None or x.type.shape[x.type.ndim - rank :] != event:
        return None
    lead = _lead(given, x)
    density = ask(expr.op, inner, pt.reshape(given, (*lead, *extents(inner))))
    return pt.reshape(density, (*lead, *extents(x)[: x.type.ndim - rank]))


@rule(GROUP, ops=NODES, over=(Transpose,), examples=example_of(lambda: pt.transpose(pt.stack([normals(), 2.0 * normals()]))))
def density_of_transposed(expr: Expr) -> Expr | None:
    """The same elements with their axes in another order have the same densities, in that order."""
    x, value = expr.inputs
    if not isinstance(x.op, Transpose):
        return None
    axes, rank = x.op.axes, event_rank(x)
    batch = len(axes) - rank
    given = value if value.type.ndim == x.type.ndim else _full(value, x)
    if given is None or axes[batch:] != tuple(range(batch, len(axes))):
        return None
    lead = given.type.ndim - x.type.ndim
    first = tuple(range(lead))
    back = (*first, *(lead + axes.index(i) for i in range(len(axes))))
    density = ask(expr.op, x.inputs[0], pt.transpose(given, back))
    return pt.transpose(density, (*first, *(lead + a for a in axes[:batch])))


# Joined ------------------------------------------------------------------------------------------


@rule(GROUP, ops=NODES, over=(Concatenate,), examples=example_of(lambda: pt.stack([normals(), pt.exp(normals())])))
def density_of_joined(expr: Expr) -> Expr | None:
    """Independent variables one after another have their own densities, one after another."""
    x, value = expr.inputs
    if not isinstance(x.op, Concatenate):
        return None
    axis = x.op.axis
    given = _full(value, x)
    lengths = [extent(part, axis) for part in x.inputs]
    if given is None or axis >= x.type.ndim - event_rank(x):
        return None
    if not all(is_random(part) for part in x.inputs) or not independent(*x.inputs):
        return None
    axis += given.type.ndim - x.type.ndim
    at: Any = 0
    terms = []
    for part, length in zip(x.inputs, lengths):
        terms.append(ask(expr.op, part, given[(slice(None),) * axis + (slice(at, at + length),)]))
        at += length
    return pt.concatenate(terms, axis)


# Parts -------------------------------------------------------------------------------------------


def _numbers(x: Expr) -> np.ndarray[Any, Any] | None:
    """Which elements a part takes, by their row-major numbers, where that is known now."""
    whole, *others = x.inputs
    if whole.type.is_open or not all(isinstance(o.op, Constant) for o in others):
        return None
    count = int(np.prod(whole.type.static_shape))
    return np.asarray(x.op.numpy(np.arange(count).reshape(whole.type.static_shape), *[o.op.value for o in others]))


def _takes_each_once(x: Expr) -> bool:
    """Whether a part takes no element twice."""
    if isinstance(x.op, Slice) or (isinstance(x.op, Take) and x.inputs[1].type.ndim == 0):
        return True
    numbers = _numbers(x)
    if numbers is not None:
        return len(np.unique(numbers)) == numbers.size
    return isinstance(x.op, Index) and not any(o.type.ndim for o in x.inputs[1:])


def _part_of(x: Expr, whole: Any) -> Any:
    """The same part of something that broadcasts to the whole."""
    return intern(x.op, (pt.broadcast_to(whole, x.inputs[0].shape), *x.inputs[1:]))


PARTS = (Slice, Take, Index)


@rule(GROUP, ops=NODES, over=PARTS, examples=example_of(lambda: normals()[1:]))
def density_of_part(expr: Expr) -> Expr | None:
    """Some of several independent variables have the same distribution, with their parts of the parameters."""
    x, value = expr.inputs
    if not isinstance(x.op, PARTS) or any(is_random(o) for o in x.inputs[1:]):
        return None
    inner = x.inputs[0]
    if not isinstance(inner.op, Draw) or inner.op.distribution.event_rank or not _takes_each_once(x):
        return None
    parameters = [_part_of(x, p) if p.type.ndim else p for p in inner.inputs[1:]]
    return ask(expr.op, intern(Draw(inner.op.distribution, x.type.shape), (inner.inputs[0], *parameters)), value)


@rule(GROUP, ops=NODES, over=PARTS, examples=example_of(lambda: pt.exp(normals())[pt.constant([2, 0])]))
def density_of_part_of_function(expr: Expr) -> Expr | None:
    """A part of f(x), taken element by element, is f of that part of x."""
    x, value = expr.inputs
    if not isinstance(x.op, PARTS) or any(is_random(o) for o in x.inputs[1:]):
        return None
    inner = x.inputs[0]
    if not isinstance(inner.op, (Elementwise, Annotation)) or event_rank(inner) or not is_random(inner):
        return None
    return ask(expr.op, intern(inner.op, tuple(_part_of(x, i) if i.type.ndim else i for i in inner.inputs)), value)


@rule(GROUP, ops=NODES, over=(Slice,), examples=example_of(lambda: intern(Slice(((0, 1, 1),)), (pt.reshape(normals()[0], (1,)),))))
def density_of_whole(expr: Expr) -> Expr | None:
    """A part that takes all elements is the whole."""
    x, value = expr.inputs
    return ask(expr.op, x.inputs[0], value) if isinstance(x.op, Slice) and x.op.spec(x) == everything(x.inputs[0].type.shape) else None


@rule(GROUP, ops=NODES, over=(Slice,), examples=example_of(lambda: pt.concatenate([normals(), pt.exp(normals())])[3:5]))
def density_of_part_of_joined(expr: Expr) -> Expr | None:
    """A part that lies in one of the joined variables is a part of that variable."""
    x, value = expr.inputs
    if not isinstance(x.op, Slice) or not isinstance(x.inputs[0].op, Concatenate):
        return None
    joined = x.inputs[0]
    axis = joined.op.axis
    spec = x.op.spec(x)
    found = part_that_has(joined, spec[axis])
    if found is None:
        return None
    part, within = found
    chosen = part_of(part, (*spec[:axis], within, *spec[axis + 1 :]))
    return None if chosen is None else ask(expr.op, chosen, value)


