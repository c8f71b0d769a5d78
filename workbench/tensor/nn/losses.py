"""Losses, from logits where there are such: nothing overflows, and nothing is lost where a probability is small."""

from __future__ import annotations

from typing import Any

from workbench.errors import ArgumentError, DTypeError, ShapeError
from workbench.graph.expr import Constant
from workbench.tensor import elementwise as _e
from workbench.tensor import shape as _s
from workbench.tensor.indexing.take import take_along_axis
from workbench.tensor.nn.regularization import in_training
from workbench.tensor.reduction import reductions as _r
from workbench.tensor.tensor import Tensor, as_tensor


def cross_entropy(
    logits: Any, labels: Any, axis: int = -1, where: Any = None, weight: Any = None, label_smoothing: Any = 0.0, reduction: str = "mean"
) -> Tensor:
    """Return the cross-entropy of classes whose logits are given: the negative logarithm of the softmax, at the labels.

    Parameters
    ----------
    logits
        ``(..., classes)``.
    labels
        Whole numbers, ``(...)``; or probabilities of the classes, of the shape of `logits`.
    axis
        That of classes: the last, as in JAX's libraries; PyTorch's is 1.
    where
        Booleans of the shape of whole-number labels: which of the losses count; all, by default. (PyTorch marks them in the labels,
        ``ignore_index``.) A label that does not count may be any number.
    weight
        Of each class, ``(classes,)``; with whole-number labels the mean is divided by the sum of the weights, as in PyTorch.
    label_smoothing
        The share of the probability that is spread evenly over all classes. In prediction there is none.
    reduction
        "mean", "sum", or "none" for the losses themselves, ``(...)``.

    Raises
    ------
    ShapeError
        If labels and logits do not fit, or an axis does not exist.
    ArgumentError
        If there is no such reduction, or the smoothing is known and outside [0, 1].
    IndexBoundsError
        If there is no such class, with the name of the labels.

    Examples
    --------
    >>> pt.nn.cross_entropy([[0.0, 0.0], [1000.0, 0.0]], [1, 0]).eval().round(4).tolist()
    0.3466
    >>> pt.nn.cross_entropy([[0.0, 0.0], [1000.0, 0.0]], [1, 1], reduction="none").eval().round(4).tolist()
    [0.6931, 1000.0]
    """
    x, labels = _r.as_floats(logits), as_tensor(labels)
    if not x.ndim:
        raise ShapeError("cross_entropy of a scalar: there are no classes", "logits are (..., classes)")
    at = _s.axis_of("cross_entropy", axis, x.ndim)
    _is_reduction("cross_entropy", reduction)
    x = _s.moveaxis(x, at, -1)
    log_p = x - _r.logsumexp(x, -1, keepdims=True)
    weights = None if weight is None else _e.cast(as_tensor(weight), x.dtype)
    smoothing = _smoothing(label_smoothing, x.dtype)
    if labels.type.kind == "f":
        q = _s.moveaxis(_e.cast(labels, x.dtype), at, -1) if labels.ndim == x.ndim else labels
        if q.ndim != x.ndim:
            raise ShapeError(f"cross_entropy: probabilities of shape {labels.type.shape} for logits of shape {as_tensor(logits).type.shape}", "they have one shape; whole numbers have that without the classes")
        if smoothing is not None:
            q = (1.0 - smoothing) * q + smoothing / _e.cast(as_tensor(_s.extent(x, -1)), x.dtype)
        losses = -_r.sum(q * log_p if weights is None else q * log_p * weights, -1)
        return _reduced(losses, where, None, reduction)
    if labels.type.kind not in "iu":
        raise DTypeError(f"cross_entropy: labels are whole numbers or probabilities, not {labels.type}")
    if labels.ndim != x.ndim - 1:
        raise ShapeError(f"cross_entropy: labels of shape {labels.type.shape} for logits of shape {as_tensor(logits).type.shape}", "labels have the shape of the logits without the axis of classes")
    mask = None if where is None else _s.broadcast_like(_mask("cross_entropy", where), labels)
    classes = labels if mask is None else _e.where(mask, labels, 0)
    given = None if weights is None else weights[classes]
    losses = -_at(log_p, classes)
    losses = losses if given is None else losses * given
    if smoothing is not None:
        spread = -_r.mean(log_p, -1) if weights is None else -_r.sum(log_p * weights, -1) / _e.cast(as_tensor(_s.extent(x, -1)), x.dtype)
        losses = (1.0 - smoothing) * losses + smoothing * spread
    return _reduced(losses, mask, given, reduction)


def _at(x: Tensor, labels: Tensor) -> Tensor:
    """The element of each row at its label."""
    return _s.squeeze(take_along_axis(x, _s.expand_dims(labels, -1), -1), -1)


def _smoothing(given: Any, dtype: str) -> Tensor | None:
    """The share that is spread; ``None`` for none."""
    share = _e.cast(as_tensor(given), dtype)
    if isinstance(share.op, Constant):
        if not 0.0 <= float(share.op.value) <= 1.0:
            raise ArgumentError(f"cross_entropy: label_smoothing is between 0 and 1, not {float(share.op.value)}")
        if not share.op.value:
            return None
    return in_training(share, 0.0, "smoothed labels")


def binary_cross_entropy_with_logits(logits: Any, labels: Any, where: Any = None, pos_weight: Any = None, reduction: str = "mean") -> Tensor:
    """Return the cross-entropy of yes and no, of which logits are given.

    Parameters
    ----------
    logits
        Of yes, any shape.
    labels
        Booleans, 0 and 1, or probabilities; a shape that broadcasts with `logits`.
    where
        Which of the losses count; all, by default.
    pos_weight
        What the losses of yes are multiplied by.
    reduction
        "mean", "sum", or "none".

    Raises
    ------
    ArgumentError
        If there is no such reduction.

    Examples
    --------
    >>> pt.nn.binary_cross_entropy_with_logits([0.0, 1000.0, -1000.0], [1, 1, 1], reduction="none").eval().round(4).tolist()
    [0.6931, 0.0, 1000.0]
    """
    _is_reduction("binary_cross_entropy_with_logits", reduction)
    x = _r.as_floats(logits)
    y = _e.cast(as_tensor(labels), x.dtype)
    yes = y * _e.softplus(-x)
    if pos_weight is not None:
        yes = yes * _e.cast(as_tensor(pos_weight), x.dtype)
    return _reduced(yes + (1.0 - y) * _e.softplus(x), where, None, reduction)


def mse_loss(predictions: Any, targets: Any, where: Any = None, reduction: str = "mean") -> Tensor:
    """Return the squared errors: their mean, their sum, or themselves ("none").

    Raises
    ------
    ArgumentError
        If there is no such reduction.

    Examples
    --------
    >>> pt.nn.mse_loss([1.0, 4.0], [1.0, 2.0]).eval().item()
    2.0
    """
    _is_reduction("mse_loss", reduction)
    return _reduced(_e.square(_difference(predictions, targets)), where, None, reduction)


def huber_loss(predictions: Any, targets: Any, delta: Any = 1.0, where: Any = None, reduction: str = "mean") -> Tensor:
    """Return half the squared errors up to `delta`, and from there on ``delta * (error - delta / 2)``.

    Raises
    ------
    ArgumentError
        If there is no such reduction.

    Examples
    --------
    >>> pt.nn.huber_loss([1.0, 5.0], [2.0, 2.0], reduction="none").eval().tolist()
    [0.5, 2.5]
    """
    _is_reduction("huber_loss", reduction)
    error = _e.abs(_difference(predictions, targets))
    edge = _e.cast(as_tensor(delta), error.dtype)
    near = _e.minimum(error, edge)
    return _reduced(near * (error - 0.5 * near), where, None, reduction)


def _difference(predictions: Any, targets: Any) -> Tensor:
    x = _r.as_floats(predictions)
    return x - _e.cast(as_tensor(targets), x.dtype)


def _is_reduction(what: str, reduction: str) -> None:
    if reduction not in ("mean", "sum", "none"):
        raise ArgumentError(f"{what}: reduction is 'mean', 'sum' or 'none', not {reduction!r}")


def _mask(what: str, where: Any) -> Tensor:
    mask = as_tensor(where)
    if mask.dtype != "bool":
        raise DTypeError(f"{what}: where is a mask of booleans, not of {mask.dtype}", "mask != 0 is true where it is not 0")
    return mask


def _reduced(losses: Tensor, where: Any, weights: Tensor | None, reduction: str) -> Tensor:
    """Losses as they are, their sum, or their mean: over those that count, and by weights if there are."""
    mask = None if where is None else _s.broadcast_like(_mask("a loss", where), losses)
    losses = losses if mask is None else _e.where(mask, losses, 0.0)
    if reduction == "none":
        return losses
    if reduction == "sum":
        return _r.sum(losses)
    if mask is None and weights is None:
        return _r.mean(losses)
    counted = _s.ones_like(losses) if weights is None else weights
    return _r.sum(losses) / _r.sum(counted if mask is None else _e.where(mask, counted, 0.0))


__all__ = ["binary_cross_entropy_with_logits", "cross_entropy", "huber_loss", "mse_loss"]
