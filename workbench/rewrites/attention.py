"""Attention, recognised in what people write: a softmax of products of queries and keys, times values.

Rules are asked where nothing else reads the weights: else they are there anyway. They see through
transposes (heads as axes, ``einsum``), scales on queries, keys or scores, biases, masks, and what is
subtracted from all scores of a query. They are asked before a graph is differentiated, so that a
gradient is that of the operation, and of whole graphs after they are in canonical form.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.graph.expr import Constant, Expr
from workbench.graph.pattern import uniform_value
from workbench.graph.properties import is_positive
from workbench.graph.rewrite import Declined, rule
from workbench.rewrites.read_once import WHOLE
from workbench.tensor import elementwise as e
from workbench.tensor.elementwise import Cast
from workbench.tensor.linalg.products import MatMul, matrix_transpose
from workbench.tensor.linalg.triangular import Triangle
from workbench.tensor.markers import StopGradient
from workbench.tensor.nn.attention import attention
from workbench.tensor.reduction.reductions import Reduce
from workbench.tensor.shape import Reshape, Transpose
from workbench.tensor.shape.broadcasting import BroadcastTo
from workbench.tensor.shape.creation import Arange
from workbench.tensor.shape.lengths import SameLength

FEWEST = 64
"""Fewer scores than these are left to loops, which share their passes with what stands around: measured, 8 queries and 8 keys gain."""


@dataclass(frozen=True, eq=False)
class _View:
    """An expression, with its axes in another order: axis i is axis ``order[i]`` of `of`."""

    of: Any
    order: tuple[int, ...]

    @property
    def expr(self) -> Any:
        """The expression in that order."""
        return pt.transpose(self.of, self.order) if self.order != tuple(range(len(self.order))) else self.of

    @property
    def is_plain(self) -> bool:
        return self.order == tuple(range(len(self.order)))

    def is_same(self, other: _View) -> bool:
        return self.of is other.of and self.order == other.order

    def operand(self, x: Any) -> _View:
        """An operand of an elementwise `of`, in that order."""
        missing = len(self.order) - x.type.ndim
        if missing and self.is_plain:
            return _view(x)
        if missing:
            x = pt.expand_dims(x, tuple(range(missing)))
        return _seen(x, self.order)


def _seen(x: Any, order: tuple[int, ...]) -> _View:
    """A view, with transposes seen through, and what is asserted of lengths."""
    while isinstance(x.op, (Transpose, SameLength)):
        if isinstance(x.op, Transpose):
            order = tuple(x.op.axes[a] for a in order)
        x = x.inputs[0]
    return _View(x, order)


def _view(x: Any) -> _View:
    return _seen(x, tuple(range(x.type.ndim)))


def _bare(x: Any) -> Any:
    """An expression without broadcasts, reshapes and transposes around it."""
    while isinstance(x.op, (Reshape, BroadcastTo, StopGradient, Transpose)):
        x = x.inputs[0]
    return x


# The softmax -----------------------------------------------------------------------------------


def _is_same_along(x: Any, view: _View, axis: int) -> bool:
    """Whether an operand of `view` has length 1 along its axis `axis`."""
    at = view.order[axis] - len(view.order) + x.type.ndim
    return at < 0 or x.type.shape[at] == 1


def _unshifted(view: _View, axis: int) -> tuple[_View, list[Any]]:
    """Scores without what is subtracted from all along an axis, and that."""
    shifts: list[Any] = []
    while view.of.op is e.subtract and _is_same_along(view.of.inputs[1], view, axis):
        x, shift = view.of.inputs
        shifts.append(shift)
        view = view.operand(x)
    return view, shifts


def _summed(divisor: Any, weights: Any, view: _View, axis: int) -> None:
    """See that a divisor is the sum of weights over an axis; 1 may stand for a sum of 0."""
    total = _bare(divisor)
    if total.op is e.where and uniform_value(total.inputs[1]) == 1 and total.inputs[0].op is e.equal:
        total = _bare(total.inputs[2])
    if not isinstance(total.op, Reduce) or total.op.kind != "sum" or total.inputs[0] is not weights:
        raise Declined("what the exponentials are divided by is not their sum", divisor)
    if total.op.axes != (view.order[axis],):
        raise Declined(f"the softmax is over axis {', '.join(map(str, total.op.axes))}, the product sums over axis {view.order[axis]}", total)
    if not _is_same_along(divisor, view, axis):
        raise Declined(f"the sum of exponentials varies along axis {view.order[axis]}, that it is over", divisor)


def _softmax(view: _View, axis: int) -> tuple[_View, Any]:
    """The scores of which a view is the softmax over an axis; and a mask whose False scores have no weight."""
    x = view.of
    if x.op is e.divide:
        weights, divisor = x.inputs
    elif x.op is e.multiply and any(y.op is e.reciprocal for y in x.inputs):
        weights, divisor = x.inputs if x.inputs[1].op is e.reciprocal else x.inputs[::-1]
        divisor = divisor.inputs[0]
    elif x.op is e.exp:
        return _exp_of_logarithm(view, axis), None
    else:
        raise Declined("no factor is a softmax: exponentials divided by their sum", x)
    if weights.type.shape != x.type.shape:
        raise Declined("no factor is a softmax: exponentials divided by their sum", x)
    inner = view.operand(weights)
    _summed(divisor, weights, inner, axis)
    return _exponent(inner, axis)


def _exponent(view: _View, axis: int) -> tuple[_View, Any]:
    """The scores of which a view is the exponential."""
    x, mask = view.of, None
    if x.op is e.where and uniform_value(x.inputs[2]) == 0:
        mask, x = view.operand(x.inputs[0]), x.inputs[1]
        view = view.operand(x)
        x = view.of
    if x.op is not e.exp:
        raise Declined("what is divided by its sum is no exponential", x)
    scores, _ = _unshifted(view.operand(x.inputs[0]), axis)
    if mask is not None and scores.of.op is e.where and scores.operand(scores.of.inputs[0]).is_same(mask):
        scores = scores.operand(scores.of.inputs[1])  # What has no weight may have any score.
    return scores, mask


def _exp_of_logarithm(view: _View, axis: int) -> _View:
    """The scores of which a view is the exponential of the log-softmax."""
    scores, shifts = _unshifted(view.operand(view.of.inputs[0]), axis)
    terms: list[Any] = []
    for shift in map(_bare, shifts):
        terms += map(_bare, shift.inputs) if shift.op is e.add else [shift]
    for i, term in enumerate(terms):
        total = _bare(term.inputs[0]) if term.op is e.log else term
        if term.op is not e.log or not isinstance(total.op, Reduce) or total.op.kind != "sum" or total.inputs[0].op is not e.exp:
            continue
        inner = _View(total.inputs[0], view.order)
        others, own = _unshifted(inner.operand(inner.of.inputs[0]), axis)
        rest = terms[:i] + terms[i + 1 :]
        if others.is_same(scores) and len(own) == len(rest) and all(_bare(a) is b for a, b in zip(own, rest)):
            if total.op.axes != (view.order[axis],):
                raise Declined(f"the softmax is over axis {', '.join(map(str, total.op.axes))}, the product sums over axis {view.order[axis]}", total)
            return scores
    raise Declined("no factor is a softmax: the exponential is not that of a log-softmax", view.of)


# The scores ------------------------------------------------------------------------------------


@dataclass
class _Scores:
    """Products of queries and keys, and what is done with them."""

    queries: Any = None
    keys: Any = None
    scale: float = 1.0
    factors: list[Any] = field(default_factory=list)
    """Numbers of the graph that they are multiplied by."""
    biases: list[Any] = field(default_factory=list)
    masks: list[Any] = field(default_factory=list)
    fill: float = -math.inf
    causal: bool = False

    def scaled(self, x: Any, sign: float = 1.0) -> Any:
        """Something that is added inside, times all that is multiplied outside."""
        for factor in self.factors:
            x = x * factor
        return x if self.scale * sign == 1.0 else x * (self.scale * sign)

    def take(self, view: _View) -> None:
        """Take a view of scores apart, down to the product."""
        x = view.of
        while not isinstance(x.op, MatMul):
            x = self.step(view)
            view = view.operand(x) if not isinstance(x, _View) else x
            x = view.of
        self.product(view)

    def step(self, view: _View) -> Any:
        """The operand that leads to the product; what is done with it is noted."""
        x, op = view.of, view.of.op
        if op is e.negative:
            self.scale = -self.scale
            return x.inputs[0]
        if op in (e.multiply, e.divide):
            for part, factor in ((x.inputs,) if op is e.divide else (x.inputs, x.inputs[::-1])):
                if _is_one_number(factor) and not _is_one_number(part):
                    self.multiply(factor, op is e.divide)
                    return part
            raise Declined("the scores are multiplied by more than one number", x)
        if op in (e.add, e.subtract):
            for at in (0, 1):
                if _leads_to_product(x.inputs[at]):
                    self.add(view.operand(x.inputs[1 - at]).expr, -1.0 if op is e.subtract and at == 0 else 1.0)
                    self.scale *= -1.0 if op is e.subtract and at == 1 else 1.0
                    return x.inputs[at]
        if op is e.where:
            return self.choice(view)
        raise Declined("the scores are no products of queries and keys", x)

    def multiply(self, factor: Any, divides: bool) -> None:
        number = uniform_value(factor)
        if number is not None:
            self.scale = self.scale * float(number) if not divides else self.scale * (1.0 / float(number))
            return
        one = pt.reshape(factor, ()) if factor.type.ndim else factor
        self.factors.append(1.0 / one if divides else one)

    def add(self, added: Any, sign: float) -> None:
        """Note what is added to scores; of minus infinity and zeros it is a mask."""
        grows = sign * self.scale > 0 and all(map(is_positive, self.factors))
        masked = grows and added.op is e.where
        if masked and uniform_value(added.inputs[1]) == 0 and uniform_value(added.inputs[2]) == -math.inf:
            self.mask(added.inputs[0], -math.inf, added)
        elif masked and uniform_value(added.inputs[2]) == 0 and uniform_value(added.inputs[1]) == -math.inf:
            self.mask(pt.logical_not(added.inputs[0]), -math.inf, added)
        elif grows and isinstance(added.op, Triangle) and (added.op.is_lower, added.op.k) == (False, 1) and uniform_value(_bare(added.inputs[0])) == -math.inf:
            self.causal = True
        else:
            self.biases.append(self.scaled(added, sign))

    def choice(self, view: _View) -> Any:
        condition, one, other = view.of.inputs
        mask = view.operand(condition).expr
        for scores, filling, kept in ((one, other, True), (other, one, False)):
            number = uniform_value(_bare(filling))
            if number is None or uniform_value(_bare(scores)) is not None:
                continue
            if not all(map(is_positive, self.factors)) or (self.factors and number != -math.inf) or self.scale <= 0:
                raise Declined("masked scores are multiplied by what may be negative, or is not known", view.of)
            fill = float(number) * self.scale
            if math.isfinite(fill) and self.biases:
                raise Declined("a bias is added to scores that a mask made a finite number", view.of)
            self.mask(mask if kept else _negated(mask), fill, view.of)
            return scores
        raise Declined("a choice between scores is a mask only with a number on one side", view.of)

    def mask(self, mask: Any, fill: float, at: Any) -> None:
        if (self.masks or self.causal) and fill != self.fill:
            raise Declined(f"masked scores are {self.fill:g} by one mask and {fill:g} by another", at)
        self.fill = fill
        for part in _conjunction(mask):
            self.masks.append(part)

    def product(self, view: _View) -> None:
        a, b = view.of.inputs
        rank = len(view.order)
        core = view.order[-2:]
        if sorted(core) != [rank - 2, rank - 1]:
            raise Declined("batch axes of the product of queries and keys are summed over", view.of)
        first, second = (a, _turned(b)) if core[0] == rank - 2 else (_turned(b), a)
        self.queries, self.keys = (_view_of_batch(x, view.order[:-2], rank) for x in (first, second))


def _is_one_number(x: Any) -> bool:
    return all(n == 1 for n in x.type.shape)


def _leads_to_product(x: Any) -> bool:
    """Whether a term has the last two axes of the whole, and is made of a product of matrices by steps that are seen through."""
    if x.type.ndim < 2:
        return False
    while True:
        if isinstance(x.op, MatMul):
            return True
        if isinstance(x.op, (Transpose, SameLength)) or x.op in (e.negative, e.divide):
            x = x.inputs[0]
        elif x.op in (e.multiply, e.add, e.subtract, e.where):
            # The operand of full size that is a product, if there is one.
            return any(_leads_to_product(y) for y in x.inputs[x.op is e.where :])
        else:
            return False


def _turned(x: Any) -> Any:
    """Matrices transposed, on the last two axes: what they are the transpose of, where they are one."""
    n = x.type.ndim
    if isinstance(x.op, Transpose):
        order = (*x.op.axes[:-2], x.op.axes[-1], x.op.axes[-2])
        return pt.transpose(x.inputs[0], order) if order != tuple(range(n)) else x.inputs[0]
    return matrix_transpose(x)


def _view_of_batch(x: Any, order: tuple[int, ...], rank: int) -> Any:
    """Matrices with the batch axes of the product in another order."""
    if order == tuple(range(rank - 2)):
        return x
    x = pt.expand_dims(x, tuple(range(rank - x.type.ndim))) if x.type.ndim < rank else x
    return _seen(x, (*order, rank - 2, rank - 1)).expr


def _conjunction(mask: Any) -> list[Any]:
    parts, pending = [], [mask]
    while pending:
        x = pending.pop()
        if x.op in (e.logical_and, e.bitwise_and) and x.type.dtype == "bool":
            pending += x.inputs
        else:
            parts.append(x)
    return parts


def _negated(mask: Any) -> Any:
    return mask.inputs[0] if mask.op in (e.logical_not, e.invert) else pt.logical_not(mask)


# Causal masks ----------------------------------------------------------------------------------


def is_causal(mask: Any) -> bool:
    """Whether a mask of queries and keys is True where the key's place is not beyond the query's."""
    inverted = False
    while isinstance(mask.op, (Cast, BroadcastTo)) or mask.op in (e.logical_not, e.invert) or _is_compared_with_zero(mask):
        inverted ^= mask.op in (e.logical_not, e.invert, e.equal)
        mask = mask.inputs[0]
    if mask.op is e.equal and uniform_value(mask.inputs[1]) == 1:
        mask = mask.inputs[0]
    if isinstance(mask.op, Triangle):
        value = uniform_value(_bare(mask.inputs[0]))
        return value is not None and value > 0 and (mask.op.is_lower, mask.op.k) == ((False, 1) if inverted else (True, 0))
    if isinstance(mask.op, Constant):
        value = mask.op.value
        return value.ndim == 2 and bool(np.array_equal(value != 0, np.tri(*value.shape) == (0 if inverted else 1)))
    comparison = {e.greater_equal: (0, 1, False), e.less_equal: (1, 0, False), e.less: (0, 1, True), e.greater: (1, 0, True)}.get(mask.op)
    if comparison is None or mask.type.ndim < 2:
        return False
    query, key, negated = comparison
    return negated == inverted and _is_places(mask.inputs[query], -2) and _is_places(mask.inputs[key], -1)


def _is_compared_with_zero(mask: Any) -> bool:
    return mask.op in (e.greater, e.not_equal, e.equal) and uniform_value(mask.inputs[1]) == 0 and not isinstance(mask.inputs[0].op, Arange)


def _is_places(x: Any, axis: int) -> bool:
    """Whether an expression is 0, 1, 2, ... along an axis."""
    if x.op is e.add and any(uniform_value(y) == 0 for y in x.inputs):
        x = x.inputs[0] if uniform_value(x.inputs[1]) == 0 else x.inputs[1]
    while isinstance(x.op, (BroadcastTo, Cast)):
        x = x.inputs[0]
    shape = x.type.shape
    if x.type.ndim < -axis or any(n != 1 for a, n in enumerate(shape, -x.type.ndim) if a != axis):
        return False
    x = x.inputs[0] if isinstance(x.op, Reshape) else x
    if isinstance(x.op, Constant):
        return bool(np.array_equal(x.op.value.ravel(), np.arange(x.op.value.size)))
    return isinstance(x.op, Arange)


# The rules -------------------------------------------------------------------------------------


def _matched(expr: Any) -> Any:
    """What an expression is as attention; or the reason why it is none."""
    if expr.op is e.divide:
        return _divided_late(expr)
    left, right = expr.inputs
    try:
        return _attention(*_softmax(_view(left), -1), right)
    except Declined as reason:
        try:
            view = _view(right)
            if view.of.op not in (e.divide, e.exp, e.multiply):
                raise reason
            scores, mask = _softmax(view, -2)
        except Declined:
            raise reason from None
    swapped = _swapped(scores)
    turned = None if mask is None else _swapped(mask)
    return matrix_transpose(_attention(swapped, turned, _turned(left)))


def _swapped(view: _View) -> _View:
    if len(view.order) < 2:
        view = _View(pt.expand_dims(view.of, 0), (0, 1))
    return _View(view.of, (*view.order[:-2], view.order[-1], view.order[-2]))


def _divided_late(expr: Any) -> Any:
    """Exponentials times values, divided by the sum of exponentials."""
    product, divisor = expr.inputs
    if not isinstance(product.op, MatMul) or product.type.shape != expr.type.shape:
        raise Declined("what is divided is no product of exponentials and values", expr)
    view = _view(product.inputs[0])
    _summed(divisor, product.inputs[0], _View(product.inputs[0], tuple(range(product.inputs[0].type.ndim))), -1)
    return _attention(*_exponent(view, -1), product.inputs[1])


def _attention(view: _View, without_weight: _View | None, values: Any) -> Any:
    found = _Scores()
    if without_weight is not None:
        found.mask(without_weight.expr, -math.inf, without_weight.of)
    found.take(view)
    lengths = found.queries.type.shape[-2], found.keys.type.shape[-2]
    if all(isinstance(n, int) for n in lengths) and lengths[0] * lengths[1] < FEWEST:
        raise Declined(f"{lengths[0]} queries and {lengths[1]} keys are so few that loops are faster", view.of)
    masks = [m for m in found.masks if not is_causal(m)]
    causal = found.causal or len(masks) < len(found.masks)
    if causal and masks and math.isfinite(found.fill):
        # A query that meets nothing then meets all alike, also those beyond its place.
        masks, causal = found.masks, False
    mask: Any = None
    for part in masks:
        mask = part if mask is None else pt.logical_and(mask, part)
    bias: Any = None
    for part in found.biases:
        bias = part if bias is None else bias + part
    queries = found.queries
    for factor in found.factors:
        queries = queries * factor
    mask, bias = (x if x is None or x.type.ndim >= 2 else pt.expand_dims(x, tuple(range(2 - x.type.ndim))) for x in (mask, bias))
    return attention(queries, found.keys, values, mask, bias, causal, found.scale, found.fill if masks else -math.inf)


def _operands(n: int = 8, m: int = 9, d: int = 4, v: int = 3) -> list[Any]:
    return [pt.tensor("q", shape=(n, d)), pt.tensor("k", shape=(m, d)), pt.tensor("v", shape=(m, v))]


def _heads() -> list[Any]:
    return [pt.tensor(name, shape=(2, 3, 8, 4)) for name in "qkv"]


def _by_hand(scores: Any, axis: int = -1) -> Any:
    weights = pt.exp(scores - pt.max(scores, axis=axis, keepdims=True))
    return weights / pt.sum(weights, axis=axis, keepdims=True)


def _spellings() -> list[Any]:
    q, k, v = _operands()
    a, b, c = _heads()
    mask, bias = pt.tensor("mask", dtype="bool", shape=(8, 9)), pt.tensor("bias", shape=(8, 9))
    far = pt.tril(pt.ones((8, 9))) > 0
    return [
        pt.softmax(q @ k.T / np.sqrt(4.0), axis=1) @ v,
        pt.einsum("bhqk,bhkd->bhqd", pt.softmax(pt.einsum("bhqd,bhkd->bhqk", a, b) * 0.5, axis=-1), c),
        pt.einsum("bhqk,bkhd->bqhd", pt.softmax(pt.einsum("bqhd,bkhd->bhqk", *(pt.swapaxes(x, 1, 2) for x in (a, b))), axis=-1), pt.swapaxes(c, 1, 2)).inputs[0],
        pt.exp(pt.log_softmax((0.5 * a) @ pt.swapaxes(b, -1, -2), axis=-1)) @ c,
        _by_hand(q @ pt.matrix_transpose(0.5 * k) + bias) @ v,
        pt.softmax(pt.where(mask, q @ k.T, -np.inf) * pt.exp(pt.scalar("s")), axis=-1) @ v,
        pt.softmax(pt.where(pt.logical_not(mask), -1e9, q @ k.T), axis=-1) @ v,
        pt.softmax(pt.where(far, q @ k.T * 2.0, -np.inf), axis=-1) @ v,
        pt.softmax(q @ k.T + pt.where(far, 0.0, -np.inf) + bias, axis=-1) @ v,
        v.T @ pt.softmax(k @ q.T, axis=0),
        pt.nn.softmax(q @ k.T, where=mask) @ v,
        pt.softmax((bias - (q @ k.T) * 3.0) * 0.5, axis=-1) @ v,
    ]


@rule(WHOLE, ops=(MatMul,), over=(e.divide, e.exp, e.multiply, Transpose), examples=_spellings)
def softmax_times_values(expr: Expr) -> Expr:
    """A softmax of products of queries and keys, times values, is attention: one pass over blocks, and no matrix of all weights."""
    made: Expr = _matched(expr)
    return made


def _late() -> list[Any]:
    q, k, v = _operands()
    weights = pt.exp(q @ k.T * 0.5)
    return [(weights @ v) / pt.sum(weights, axis=1, keepdims=True)]


@rule(WHOLE, ops=(e.divide,), over=(MatMul,), examples=_late)
def values_divided_by_sum_of_exponentials(expr: Expr) -> Expr:
    """Exponentials times values, divided by their sum after that, are attention as well."""
    made: Expr = _matched(expr)
    return made

