"""Attention: values weighted by how well their keys fit a query, without a matrix of all weights."""

from __future__ import annotations

import functools
import math
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.errors import DTypeError, ShapeError
from workbench.graph.expr import Constant, Expr, intern, results_of
from workbench.graph.frozen import frozen
from workbench.graph.length_names import shape_text
from workbench.graph.lengths import Size, one_length
from workbench.graph.types import Shape, TensorType, TupleType
from workbench.tensor import elementwise as _e
from workbench.tensor import shape as _s
from workbench.tensor.elementwise import C_TYPES
from workbench.tensor.gufunc import Gufunc, floats, of_results
from workbench.tensor.linalg.products import matmul, matrix_transpose
from workbench.tensor.native_call import NativeCall
from workbench.tensor.nn.attention_code import PYTHON, c_code
from workbench.tensor.reduction import reductions as _r
from workbench.tensor.tensor import Tensor, as_tensor

BATCH_AXES = 4
"""So many leading axes, or fewer, are walked over by compiled code."""
NOTHING_LEFT_OUT, NOTHING_ADDED = np.ones((1, 1), bool), np.zeros((1, 1))
"""The mask and the bias where there is none."""


@frozen
class _Scores(Gufunc):
    """What attention and its gradient share: how the scores of queries and keys are made.

    Attributes
    ----------
    causal
        Whether a query meets the keys up to its own place only.
    scale
        What products of queries and keys are multiplied by.
    fill
        The score where the mask is False: minus infinity, or a number.
    """

    causal: bool
    scale: float
    fill: float

    def lengths(self, q: TensorType, k: TensorType, v: TensorType, mask: TensorType, bias: TensorType) -> tuple[Shape, Size, Size]:
        """The leading axes of the result, how many queries, and how many keys; an error where lengths do not fit."""
        (queries, width), (keys, other), (values, _) = (x.shape[-2:] for x in (q, k, v))
        if one_length(width, other) is None:
            raise ShapeError(f"attention: queries of shape {shape_text(q.shape)} and keys of shape {shape_text(k.shape)}: {width} is not {other}", "queries and keys must have one length on the last axis")
        if one_length(keys, values) is None:
            raise ShapeError(f"attention: keys of shape {shape_text(k.shape)} and values of shape {shape_text(v.shape)}: {keys} is not {values}", "there must be one value for each key, on the last axis but one")
        for what, x in (("mask", mask), ("bias", bias)):
            for n, m, of in ((x.shape[-2], queries, "queries"), (x.shape[-1], keys, "keys")):
                if n != 1 and one_length(n, m) is None:
                    raise ShapeError(f"attention: a {what} of shape {shape_text(x.shape)} for {m} {of}: {n} is not {m}", f"its last axes are queries and keys, {queries} and {keys} of them, or of length 1")
        return self.batch(q, k, v, mask, bias), queries, keys

    def batch(self, *types: TensorType) -> Shape:
        try:
            return super().batch(*types)
        except ShapeError:
            names = ("queries", "keys", "values", "mask", "bias")
            shown = ", ".join(f"{name} {shape_text(t.shape)}" for name, t in zip(names, types) if t.ndim > 2)
            raise ShapeError(
                f"attention: the leading axes (batches, heads) do not broadcast together: {shown}",
                "the number of heads must be one, or 1; where several heads share a key, pt.repeat(key, times, axis=-3) gives each its own",
            ) from None

    def left_in(self, xp: Any, mask: Any, queries: Any, keys: Any) -> Any:
        """Where a query meets a key; an array or an expression, by the module that makes it."""
        if not self.causal:
            return mask
        first = xp.arange(queries)[:, None] >= xp.arange(keys)[None, :]
        return xp.logical_and(mask, first)

    def scores(self, xp: Any, multiply: Any, q: Any, k: Any, mask: Any, bias: Any) -> Any:
        """All scores (..., queries, keys), in arrays."""
        made = self.scale * multiply(q, xp.swapaxes(k, -1, -2)) + bias
        made = xp.where(mask, made, np.asarray(self.fill, made.dtype))
        inside = self.left_in(xp, True, *made.shape[-2:])
        return xp.where(inside, made, np.asarray(-np.inf, made.dtype))

    def call(self, name: str, node: Expr) -> NativeCall | None:
        """The compiled function, and the numbers that it takes before arrays."""
        q, k, v, mask, bias = (x.type for x in node.inputs[:5])
        batch = self.batch(*(x.type for x in node.inputs))
        if len(batch) > BATCH_AXES:
            return None
        sizes: list[Size] = [*_padded(batch)]
        for x in (q, k, v, mask, bias):
            sizes += _padded(x.shape[:-2])
        sizes += [*mask.shape[-2:], *bias.shape[-2:], q.shape[-2], k.shape[-2], q.shape[-1], v.shape[-1], int(self.causal), _bits(self.scale), _bits(self.fill)]
        letter = "f" if q.dtype == "float32" else "d"
        return NativeCall((_code(q.dtype),), PYTHON[name], name, tuple(sizes), f"{name}_{letter}", shared=True)


_code = functools.cache(lambda dtype: c_code(dtype, C_TYPES["bool"]))


def _padded(batch: Shape) -> Shape:
    return (*[1] * (BATCH_AXES - len(batch)), *batch)


def _bits(x: float) -> int:
    """The bits of a double, as an integer."""
    return int(struct.unpack("q", struct.pack("d", x))[0])


@frozen
class Attention(_Scores):
    """Softmax of scores times values; the highest score of each query; and the logarithm of the sum of its exponentials, less that score.

    A query that meets no key, as all its scores are minus infinity, has zeros for its value. The second
    result counts as a constant in derivatives: weights do not depend on what is subtracted from all scores.
    """

    name = "attention"
    cores = (2, 2, 2, 2, 2)

    def infer(self, q: TensorType, k: TensorType, v: TensorType, mask: TensorType, bias: TensorType) -> TupleType:
        batch, queries, _ = self.lengths(q, k, v, mask, bias)
        one = q.with_shape((*batch, queries))
        return TupleType((q.with_shape((*batch, queries, v.shape[-1])), one, one))

    def _arrays(self, xp: Any, multiply: Any, q: Any, k: Any, v: Any, mask: Any, bias: Any) -> tuple[Any, ...]:
        scores = self.scores(xp, multiply, q, k, mask, bias)
        most = xp.max(scores, axis=-1, keepdims=True, initial=-np.inf)
        shift = xp.where(most == -np.inf, xp.zeros_like(most), most)
        weights = xp.exp(scores - shift)
        total = xp.sum(weights, axis=-1, keepdims=True)
        nothing = total == 0
        total = xp.where(nothing, xp.ones_like(total), total)
        out = multiply(weights, v) / total
        batch = np.broadcast_shapes(*(x.shape[:-2] for x in (q, k, v, mask, bias)))
        numbers = (xp.broadcast_to(x[..., 0].astype(q.dtype), (*batch, q.shape[-2])) for x in (most, xp.log(total)))
        return xp.broadcast_to(out, (*batch, *out.shape[-2:])), *numbers

    def numpy(self, q: Any, k: Any, v: Any, mask: Any, bias: Any) -> Any:
        with np.errstate(all="ignore"):
            return tuple(np.ascontiguousarray(x) for x in self._arrays(np, np.matmul, q, k, v, mask, bias))

    def jax(self, q: Any, k: Any, v: Any, mask: Any, bias: Any) -> Any:
        import jax.numpy as jnp

        out, *numbers = self._arrays(jnp, functools.partial(jnp.matmul, precision="highest"), q, k, v, mask, bias)
        fused = self._fused(q, k, v, mask, bias)
        return (out if fused is None else fused), *numbers

    def _fused(self, q: Any, k: Any, v: Any, mask: Any, bias: Any) -> Any:
        """JAX's own attention, which a device may have a kernel for; ``None`` where it does not take such operands.

        Of doubles it would take the exponentials in single precision.
        """
        import jax
        import jax.numpy as jnp

        batch = np.broadcast_shapes(*(x.shape[:-2] for x in (q, k, v, mask, bias)))
        if q.dtype != np.float32 or k.shape != v.shape or self.fill != -np.inf or not 0 < len(batch) <= 2 or 0 in (*batch, *q.shape, *k.shape):
            return None
        whole = (*[1] * (2 - len(batch)), *batch)
        # Its axes are batch, place, head, width.
        parts = [jnp.swapaxes(jnp.broadcast_to(x, (*whole, *x.shape[-2:])), 1, 2) for x in (q, k, v)]
        size = (*whole, q.shape[-2], k.shape[-2])
        mask = jnp.broadcast_to(mask, size)
        with jax.default_matmul_precision("highest"):
            made = jax.nn.dot_product_attention(parts[0], parts[1], parts[2], bias=jnp.broadcast_to(bias, size), mask=mask, scale=self.scale, is_causal=self.causal)
        inside = jnp.any(self.left_in(jnp, mask, *size[-2:]) & (bias != -np.inf), axis=-1, keepdims=True)
        out = jnp.where(inside, jnp.swapaxes(made, 1, 2), 0)
        return out.reshape(*batch, *out.shape[-2:])

    def native(self, node: Expr) -> NativeCall | None:
        return self.call("wb_attention", node)

    def grad(self, node: Expr, cotangent: Any) -> Sequence[Expr | None]:
        q, k, v, mask, bias = node.inputs
        out, most, logs = results_of(node)
        g, _, of_logs = of_results(node, cotangent)
        if g is None:
            g = _s.zeros_like(out)
        delta = _r.sum(g * out, axis=-1)
        if of_logs is not None:
            delta = delta - of_logs
        made = intern(AttentionGradient(self.causal, self.scale, self.fill), (q, k, v, mask, bias, most, logs, g, delta))
        parts: list[Expr | None] = [_s.unbroadcast(part, x) for part, x in zip(results_of(made), (q, k, v))]
        if isinstance(bias.op, Constant):
            return [*parts, None, None]
        return [*parts, None, _s.unbroadcast(_Parts(self, *made.inputs).slopes, bias)]


class _Parts:
    """The matrices of all weights and of their derivatives, as expressions: for what is not done in blocks."""

    def __init__(self, op: _Scores, q: Any, k: Any, v: Any, mask: Any, bias: Any, most: Any, logs: Any, g: Any, delta: Any) -> None:
        import workbench.tensor as pt

        scores = op.scale * matmul(q, matrix_transpose(k)) + bias
        queries, keys = _s.extents(scores)[-2:]
        self.left_in = op.left_in(pt, mask, queries, keys)
        scores = _e.where(mask, scores, np.asarray(op.fill, q.type.dtype))
        if op.causal:
            scores = _e.where(op.left_in(pt, np.array(True), queries, keys), scores, np.asarray(-np.inf, q.type.dtype))
        # A row that takes part in nothing has weights of zero.
        most = _e.where(_e.equal(most, -np.inf), np.asarray(np.inf, q.type.dtype), most)
        self.weights = _e.exp((scores - _s.expand_dims(most, -1)) - _s.expand_dims(logs, -1))
        self.change = matmul(g, matrix_transpose(v)) - _s.expand_dims(delta, -1)
        self.slopes = self.inside(self.weights * self.change)

    def inside(self, x: Any) -> Any:
        return _e.where(self.left_in, x, _s.zeros_like(x))


@frozen
class AttentionGradient(_Scores):
    """The cotangents of queries, keys and values, from that of the result: the weights are computed again, in blocks.

    Its inputs are those of :class:`Attention`; its second and third result; the cotangent `g` of the first;
    and ``delta``, the sum of ``g * result`` less the cotangent of the third.
    """

    name = "attention_gradient"
    cores = (2, 2, 2, 2, 2, 1, 1, 2, 1)

    def infer(self, q: TensorType, k: TensorType, v: TensorType, mask: TensorType, bias: TensorType, most: TensorType, logs: TensorType, g: TensorType, delta: TensorType) -> TupleType:
        self.lengths(q, k, v, mask, bias)
        batch = self.batch(q, k, v, mask, bias, most, logs, g, delta)
        return TupleType(tuple(x.with_shape((*batch, *x.shape[-2:])) for x in (q, k, v)))

    def _arrays(self, xp: Any, multiply: Any, q: Any, k: Any, v: Any, mask: Any, bias: Any, most: Any, logs: Any, g: Any, delta: Any) -> tuple[Any, ...]:
        most = xp.where(most == -np.inf, np.asarray(np.inf, q.dtype), most)
        weights = xp.exp((self.scores(xp, multiply, q, k, mask, bias) - most[..., None]) - logs[..., None])
        slopes = weights * (multiply(g, xp.swapaxes(v, -1, -2)) - delta[..., None])
        slopes = xp.where(self.left_in(xp, mask, *slopes.shape[-2:]), slopes, xp.zeros_like(slopes))
        of_q, of_k = self.scale * multiply(slopes, k), self.scale * multiply(xp.swapaxes(slopes, -1, -2), q)
        of_v = multiply(xp.swapaxes(weights, -1, -2), g)
        batch = np.broadcast_shapes(*(x.shape[: x.ndim - n] for x, n in zip((q, k, v, mask, bias, most, logs, g, delta), self.cores)))
        return tuple(xp.broadcast_to(x, (*batch, *x.shape[-2:])) for x in (of_q, of_k, of_v))

    def numpy(self, *values: Any) -> Any:
        with np.errstate(all="ignore"):
            return tuple(np.ascontiguousarray(x) for x in self._arrays(np, np.matmul, *values))

    def jax(self, *values: Any) -> Any:
        import jax.numpy as jnp

        return self._arrays(jnp, functools.partial(jnp.matmul, precision="highest"), *values)

    def native(self, node: Expr) -> NativeCall | None:
        batch = self.batch(*(x.type for x in node.inputs))
        # Compiled code has one step for these from one matrix to the next.
        if any(x.type.shape[: x.type.ndim - n] != batch for x, n in zip(node.inputs[5:], self.cores[5:])):
            return None
        return self.call("wb_attention_gradient", node)

    def grad(self, node: Expr, cotangent: Any) -> Sequence[Expr | None]:
        q, k, v, _, _, _, _, g, _ = node.inputs
        of_q, of_k, of_v = (_s.zeros_like(r) if c is None else c for c, r in zip(of_results(node, cotangent), results_of(node)))
        p = _Parts(self, *node.inputs)
        turned = matrix_transpose
        of_slopes = p.inside(self.scale * (matmul(of_q, turned(k)) + matmul(q, turned(of_k))))
        of_weights = matmul(g, turned(of_v)) + of_slopes * p.change
        of_change = of_slopes * p.weights
        of_scores = of_weights * p.weights
        inside = p.inside(of_scores)
        parts = [
            self.scale * (matmul(p.slopes, of_k) + matmul(inside, k)), self.scale * (matmul(turned(p.slopes), of_q) + matmul(turned(inside), q)),
            matmul(turned(of_change), g), None, inside, None, -_r.sum(of_scores, axis=-1), matmul(p.weights, of_v) + matmul(of_change, v), -_r.sum(of_change, axis=-1),
        ]  # fmt: skip
        return [None if part is None else _s.unbroadcast(part, x) for part, x in zip(parts, node.inputs)]


def attention(q: Any, k: Any, v: Any, mask: Any = None, bias: Any = None, causal: bool = False, scale: float = 1.0, fill: float = -math.inf) -> Tensor:
    """The operation on tensors of one dtype, whose axes are there."""
    mask = as_tensor(NOTHING_LEFT_OUT) if mask is None else mask
    bias = as_tensor(NOTHING_ADDED.astype(q.dtype)) if bias is None else bias
    made: Tensor = results_of(intern(Attention(causal, scale, fill), (q, k, v, mask, bias)))[0]
    return made


def scaled_dot_product_attention(
    query: Any,
    key: Any,
    value: Any,
    bias: Any = None,
    mask: Any = None,
    *,
    scale: Any = None,
    is_causal: bool = False,
    dropout_p: float = 0.0,
    dropout_key: Any = None,
) -> Tensor:
    """Return attention: for each query the mean of the values, weighted by the softmax of its scores with the keys.

    The scores are ``scale * query @ key^T + bias``, minus infinity where the mask is False. In C they are
    made in blocks, with a running softmax, and so is the gradient: memory is linear in the lengths. The
    names are those of ``jax.nn.dot_product_attention``, the order of axes is PyTorch's, of whose
    ``attn_mask`` the boolean kind is `mask` here, and the other `bias`.

    Parameters
    ----------
    query
        Shape (..., L, d). The leading axes, batches and heads, of all broadcast.
    key
        Shape (..., S, d).
    value
        Shape (..., S, v).
    bias
        Added to the scores: shape (..., L, S), or 1 for a length.
    mask
        True where a query meets a key: boolean, of shape (..., L, S), or 1 for a length. A query that
        meets none has zeros.
    scale
        What products are multiplied by; ``1 / sqrt(d)`` by default.
    is_causal
        Query i meets the keys 0 to i only.
    dropout_p, dropout_key
        The probability that a weight is left out, and a key for the draws. With dropout all weights are
        in memory.

    Returns
    -------
    Shape (..., L, v).

    Raises
    ------
    ShapeError
        If lengths do not fit, or the leading axes do not broadcast.
    DTypeError
        If the mask is not boolean.

    Examples
    --------
    >>> x = pt.constant([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    >>> pt.nn.scaled_dot_product_attention(x, x, x, is_causal=True).eval().round(3)
    array([[1.   , 0.   ],
           [0.33 , 0.67 ],
           [0.752, 0.752]])
    """
    what = "scaled_dot_product_attention"
    query, key, value, *rest = floats(what, query, key, value, *([] if bias is None else [bias]))
    for name, x in (("query", query), ("key", key), ("value", value)):
        if x.ndim < 2:
            raise ShapeError(f"{what}: {name} has shape {shape_text(x.type.shape)}, it must have at least two axes", "one query is x[None, :]")
    added = _matrix(rest[0]) if rest else None
    if mask is not None:
        mask = as_tensor(mask)
        if mask.dtype != "bool":
            raise DTypeError(f"{what}: the mask has dtype {mask.dtype}, it must be boolean", "True is where a query meets a key; numbers that are added to the scores are the bias")
        mask = _matrix(mask)
    width = _s.extent(query, query.ndim - 1)
    factor = 1.0
    if scale is None and isinstance(width, int):
        factor = 1.0 / math.sqrt(max(width, 1))
    elif isinstance(scale, (int, float)):
        factor = float(scale)
    else:
        query = query * _e.cast(1.0 / _e.sqrt(_e.cast(width, "float64")) if scale is None else as_tensor(scale), query.dtype)
    if dropout_p:
        return _with_dropout(Attention(bool(is_causal), factor, -math.inf), query, key, value, mask, added, dropout_p, dropout_key)
    return attention(query, key, value, mask, added, bool(is_causal), factor)


def _matrix(x: Tensor) -> Tensor:
    """A mask or bias with its last two axes."""
    return x if x.ndim >= 2 else _s.expand_dims(x, tuple(range(2 - x.ndim)))


def _with_dropout(op: Attention, q: Tensor, k: Tensor, v: Tensor, mask: Any, bias: Any, p: float, key: Any) -> Tensor:
    """The formula, with some weights left out."""
    import workbench.tensor as pt
    from workbench.tensor.nn.activations import softmax
    from workbench.tensor.nn.regularization import dropout

    scores = op.scale * matmul(q, matrix_transpose(k))
    scores = scores if bias is None else scores + bias
    met = op.left_in(pt, as_tensor(NOTHING_LEFT_OUT) if mask is None else mask, *_s.extents(scores)[-2:])
    return matmul(dropout(softmax(scores, axis=-1, where=met), p, key), v)
