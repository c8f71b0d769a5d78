"""Normalisation: over the features of an element, and over the elements of a batch."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from workbench.errors import ShapeError
from workbench.graph.expr import Expr, intern
from workbench.graph.frozen import frozen
from workbench.graph.length_names import shape_text
from workbench.graph.lengths import Size, minimum, one_length, product
from workbench.graph.types import TensorType
from workbench.tensor import elementwise as _e
from workbench.tensor import shape as _s
from workbench.tensor.markers import Annotation, stop_gradient
from workbench.tensor.nn.regularization import in_training
from workbench.tensor.reduction import reductions as _r
from workbench.tensor.tensor import Tensor, as_tensor


def layer_norm(x: Any, weight: Any = None, bias: Any = None, axis: Any = -1, eps: float = 1e-5) -> Tensor:
    """Return `x` less its mean over `axis`, divided by its standard deviation there, scaled and shifted.

    Parameters
    ----------
    x
        Tensor.
    weight, bias
        What the result is multiplied by, and what is added: shapes that broadcast with `x`; nothing, by default.
    axis
        One axis or several; the last by default. (PyTorch is given their lengths, ``normalized_shape``.)
    eps
        Added to the variance, that of n and not of n - 1 degrees of freedom.

    Raises
    ------
    ShapeError
        If there is no such axis.

    Examples
    --------
    >>> pt.nn.layer_norm([1.0, 2.0, 3.0]).eval().round(4).tolist()
    [-1.2247, 0.0, 1.2247]

    References
    ----------
    Ba, Kiros and Hinton, "Layer normalization" (2016).
    """
    x = _r.as_floats(x)
    _s.axes_of("layer_norm", axis, x.ndim)
    centred = x - _r.mean(x, axis, keepdims=True)
    variance = _r.mean(_e.square(centred), axis, keepdims=True)
    return _scaled(centred / _e.sqrt(variance + eps), weight, bias)


def rms_norm(x: Any, weight: Any = None, axis: Any = -1, eps: float | None = None) -> Tensor:
    """Return `x` divided by the root of its mean square over `axis`, and scaled.

    Parameters
    ----------
    x
        Tensor.
    weight
        What the result is multiplied by; nothing, by default.
    axis
        One axis or several; the last by default.
    eps
        Added to the mean square: by default the spacing of numbers at 1 in the dtype of `x`, as in PyTorch.

    Raises
    ------
    ShapeError
        If there is no such axis.

    Examples
    --------
    >>> pt.nn.rms_norm([3.0, 4.0]).eval().round(4).tolist()
    [0.8485, 1.1314]

    References
    ----------
    Zhang and Sennrich, "Root mean square layer normalization" (2019).
    """
    x = _r.as_floats(x)
    _s.axes_of("rms_norm", axis, x.ndim)
    added = float(np.finfo(x.dtype).eps) if eps is None else eps
    return _scaled(x / _e.sqrt(_r.mean(_e.square(x), axis, keepdims=True) + added), weight, None)


class BatchNormResult(NamedTuple):
    """What :func:`batch_norm` returns: the normalised batch, and the statistics for `updates`.

    Examples
    --------
    >>> pt.nn.batch_norm(pt.constant([[0.0], [2.0]]), [0.0], [1.0]).running_mean.eval().round(4).tolist()
    [0.1]
    """

    output: Tensor
    running_mean: Tensor
    running_var: Tensor


@frozen
class SeveralElements(Annotation):
    """The tensor itself, which must have several elements along some of its axes together."""

    of: str
    axes: tuple[int, ...]
    name = "several_elements"

    def read(self, node: Expr, *operands: str) -> str:
        return operands[0]

    def infer(self, x: TensorType) -> TensorType:
        count: Size = product(tuple(x.shape[a] for a in self.axes))
        if one_length(minimum(count, 2), 2) is None:
            raise self._error(x.shape)
        return x

    def _error(self, shape: Any) -> ShapeError:
        return ShapeError(
            f"{self.of} of shape {shape_text(shape)}: a channel has fewer than two values, of which there is no variance",
            "train with more than one element a batch; workbench.for_prediction takes the running statistics instead",
        )

    def _checked(self, x: Any) -> Any:
        if math.prod(x.shape[a] for a in self.axes) < 2:
            raise self._error(x.shape)
        return x

    def numpy(self, x: Any) -> Any:
        return self._checked(x)

    def jax(self, x: Any) -> Any:
        return self._checked(x)


def batch_norm(
    x: Any, running_mean: Any, running_var: Any, weight: Any = None, bias: Any = None, momentum: Any = 0.1, eps: float = 1e-5, axis: int = 1
) -> BatchNormResult:
    """Return `x` normalised over all axes but that of channels, by the statistics of the batch; and the running statistics after it.

    Parameters
    ----------
    x
        A batch, ``(n, channels, ...)``.
    running_mean, running_var
        The statistics that prediction takes, ``(channels,)``: data that training updates.
    weight, bias
        What each channel is multiplied by, and what is added, ``(channels,)``; nothing, by default.
    momentum
        The share that the batch has in the updated statistics, as in PyTorch (Flax means the other share).
    eps
        Added to the variance.
    axis
        That of channels: 1, as in PyTorch; JAX's libraries have channels last, -1.

    Returns
    -------
    ``output``, of the shape of `x`; ``running_mean`` and ``running_var``, ``(channels,)``, which a function keeps by
    ``updates={mean: result.running_mean, var: result.running_var}``. Their variance is the unbiased one, that of the output is not:
    both as in PyTorch. `for_prediction` takes the running statistics as they were given for those of the batch.

    Raises
    ------
    ShapeError
        If a channel has fewer than two values, which is found at the call where lengths are open; if there is no such axis.

    Examples
    --------
    >>> x, mean, var = pt.matrix("x", 4, 2), pt.data("mean", [0.0, 0.0]), pt.data("var", [1.0, 1.0])
    >>> y = pt.nn.batch_norm(x, mean, var)
    >>> step = pm.function([x], y.output, updates={mean: y.running_mean, var: y.running_var})
    >>> step([[0.0, 1.0], [2.0, 1.0], [0.0, 1.0], [2.0, 1.0]]).round(4).tolist()
    [[-1.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [1.0, 0.0]]
    >>> mean.eval().round(4).tolist(), var.eval().round(4).tolist()
    ([0.1, 0.1], [1.0333, 0.9])

    References
    ----------
    Ioffe and Szegedy, "Batch normalization" (2015).
    """
    x = _r.as_floats(x)
    if x.ndim < 2:
        raise ShapeError(f"batch_norm takes a batch of channels, (n, channels, ...), not a tensor of shape {x.type.shape}")
    at = _s.axis_of("batch_norm", axis, x.ndim)
    axes = tuple(a for a in range(x.ndim) if a != at)
    several = intern(SeveralElements("batch_norm of a batch", axes), (x,))
    running = [_channels(name, s, x, at) for name, s in (("running_mean", running_mean), ("running_var", running_var))]
    mean = _r.mean(several, axes)
    variance = _r.mean(_e.square(several - _row(mean, x, at)), axes)
    count = _e.cast(as_tensor(math.prod(n for a, n in enumerate(_s.extents(x)) if a != at)), x.dtype)
    means, variances = (in_training(s, r, "statistics of the batch") for s, r in zip((mean, variance), running))
    normalised = (x - _row(means, x, at)) / _e.sqrt(_row(variances, x, at) + eps)
    scale, shift = (None if s is None else _row(_channels(name, s, x, at), x, at) for name, s in (("weight", weight), ("bias", bias)))
    share = _e.cast(as_tensor(momentum), x.dtype)
    kept = [stop_gradient((1.0 - share) * r + share * s) for r, s in zip(running, (mean, variance * (count / (count - 1.0))))]
    return BatchNormResult(_scaled(normalised, scale, shift), *kept)


def _channels(name: str, x: Any, like: Tensor, axis: int) -> Tensor:
    x = _e.cast(as_tensor(x), like.dtype)
    if x.ndim != 1 or one_length(x.type.shape[0], like.type.shape[axis]) is None:
        raise ShapeError(f"batch_norm: {name} has shape {shape_text(x.type.shape)}, for {like.type.shape[axis]} channels", f"one number for each channel, along axis {axis} of x")
    return _s.paired(f"batch_norm: {name} and x", x, 0, like, axis)


def _row(x: Tensor, like: Tensor, axis: int) -> Tensor:
    """A number for each channel, beside the axes of a batch."""
    return _s.expand_dims(x, tuple(a for a in range(like.ndim) if a != axis))


def _scaled(x: Tensor, weight: Any, bias: Any) -> Tensor:
    x = x if weight is None else x * _e.cast(as_tensor(weight), x.dtype)
    return x if bias is None else x + _e.cast(as_tensor(bias), x.dtype)


__all__ = ["BatchNormResult", "batch_norm", "layer_norm", "rms_norm"]
