"""Activations: functions of each element, and the softmax of a row with a mask."""

from __future__ import annotations

import math
from typing import Any

from workbench.errors import ArgumentError, DTypeError
from workbench.tensor import elementwise as _e
from workbench.tensor import shape as _s
from workbench.tensor import trigonometry as _trig
from workbench.tensor.reduction import reductions as _r
from workbench.tensor.special.functions import ndtr
from workbench.tensor.tensor import Tensor, as_tensor

CUBE = 0.044715
"""Of the cube, in the form of :func:`gelu` with a hyperbolic tangent."""


def relu(x: Any) -> Tensor:
    """Return `x` where it is positive, and 0 elsewhere. The slope at 0 is 0, as in PyTorch and JAX.

    Examples
    --------
    >>> pt.nn.relu([-1.0, 0.0, 2.0]).eval().tolist()
    [0.0, 0.0, 2.0]
    """
    x = as_tensor(x)
    return _e.where(x <= 0, 0, x)  # NaN stays NaN.


def leaky_relu(x: Any, negative_slope: Any = 0.01) -> Tensor:
    """Return `x` where it is positive, and ``negative_slope * x`` elsewhere.

    Examples
    --------
    >>> pt.nn.leaky_relu([-1.0, 2.0]).eval().tolist()
    [-0.01, 2.0]
    """
    x = _r.as_floats(x)
    return _e.where(x > 0.0, x, x * _like(negative_slope, x))


def elu(x: Any, alpha: Any = 1.0) -> Tensor:
    """Return `x` where it is positive, and ``alpha * (exp(x) - 1)`` elsewhere.

    Examples
    --------
    >>> pt.nn.elu([-1.0, 2.0]).eval().round(4).tolist()
    [-0.6321, 2.0]
    """
    x = _r.as_floats(x)
    return _e.where(x > 0.0, x, _e.expm1(_e.where(x > 0.0, 0.0, x)) * _like(alpha, x))


def gelu(x: Any, approximate: bool | str = "none") -> Tensor:
    """Return ``x`` times the probability that a standard normal variable is below it.

    Parameters
    ----------
    x
        Tensor.
    approximate
        "none" (or False), the exact function, which keeps its digits where it is small; "tanh" (or True), a form with a hyperbolic
        tangent that differs from it by up to 5e-4. "none" is the default as in PyTorch; JAX's ``gelu`` takes the other.

    Raises
    ------
    ArgumentError
        If there is no such form.

    Examples
    --------
    >>> pt.nn.gelu([-1.0, 2.0]).eval().round(4).tolist()
    [-0.1587, 1.9545]
    >>> pt.nn.gelu([-1.0, 2.0], approximate="tanh").eval().round(4).tolist()
    [-0.1588, 1.9546]
    """
    forms = {"none": False, "tanh": True, False: False, True: True}
    if approximate not in forms:
        raise ArgumentError(f"gelu: approximate is 'none' or 'tanh', not {approximate!r}")
    x = _r.as_floats(x)
    if not forms[approximate]:
        return x * ndtr(x)
    return 0.5 * x * (1.0 + _trig.tanh(math.sqrt(2.0 / math.pi) * (x + CUBE * x**3)))


def silu(x: Any) -> Tensor:
    """Return ``x * sigmoid(x)``, also called swish.

    Examples
    --------
    >>> pt.nn.silu([-1.0, 2.0]).eval().round(4).tolist()
    [-0.2689, 1.7616]
    """
    x = _r.as_floats(x)
    return x * _e.sigmoid(x)


def sigmoid(x: Any) -> Tensor:
    """Return the logistic function ``1 / (1 + exp(-x))``.

    Examples
    --------
    >>> pt.nn.sigmoid(0.0).eval().item()
    0.5
    """
    return _e.sigmoid(x)


def softplus(x: Any) -> Tensor:
    """Return ``log(1 + exp(x))``, without overflow.

    Examples
    --------
    >>> pt.nn.softplus([-1000.0, 0.0, 1000.0]).eval().round(4).tolist()
    [0.0, 0.6931, 1000.0]
    """
    return _e.softplus(x)


def log_sigmoid(x: Any) -> Tensor:
    """Return the logarithm of the logistic function, which keeps its digits where that is small.

    Examples
    --------
    >>> pt.nn.log_sigmoid([-1000.0, 0.0]).eval().round(4).tolist()
    [-1000.0, -0.6931]
    """
    return -_e.softplus(-as_tensor(x))


def softmax(x: Any, axis: Any = -1, where: Any = None) -> Tensor:
    """Return the exponentials divided by their sum over `axis`, those that a mask leaves.

    Parameters
    ----------
    x
        Logits.
    axis
        One axis or several; the last by default, as in ``jax.nn`` (``pt.softmax``, as SciPy's, takes all).
    where
        Booleans that broadcast with `x`, true where an element counts; all, by default. Elements that do not count are 0, and a
        row in which none counts is zeros, not NaN: its gradient is zero too.

    Raises
    ------
    DTypeError
        If the mask is not of booleans: one that is added to logits, of 0 and minus infinity, is added to `x`.

    Examples
    --------
    >>> pt.nn.softmax([0.0, 0.0, 5.0], where=[True, True, False]).eval().tolist()
    [0.5, 0.5, 0.0]
    >>> pt.nn.softmax([1.0, 2.0], where=[False, False]).eval().tolist()
    [0.0, 0.0]
    """
    x = _r.as_floats(x)
    if where is None:
        return _r.softmax(x, axis)
    mask, x = _masked("softmax", x, where)
    shifted, _ = _shifted("softmax", x, mask, axis)
    weights = _e.where(mask, _e.exp(shifted), 0.0)
    return weights / _or_one(_r.sum(weights, axis, keepdims=True))


def log_softmax(x: Any, axis: Any = -1, where: Any = None) -> Tensor:
    """Return the logarithm of :func:`softmax`, with the same parameters: minus infinity where an element does not count.

    Examples
    --------
    >>> pt.nn.log_softmax([0.0, 0.0, 5.0], where=[True, True, False]).eval().round(4).tolist()
    [-0.6931, -0.6931, -inf]
    """
    x = _r.as_floats(x)
    if where is None:
        return _r.log_softmax(x, axis)
    mask, x = _masked("log_softmax", x, where)
    shifted, none = _shifted("log_softmax", x, mask, axis)
    total = _r.sum(_e.where(mask, _e.exp(shifted), 0.0), axis, keepdims=True)
    return _e.where(mask, shifted - _e.log(_or_one(total)), none)


def _masked(what: str, x: Tensor, where: Any) -> tuple[Tensor, Tensor]:
    """A mask, and logits, in the shape that they have together."""
    mask = as_tensor(where)
    if mask.dtype != "bool":
        raise DTypeError(f"{what}: where is a mask of booleans, not of {mask.dtype}", "what is added to logits is added to x; mask != 0 is true where it is not 0")
    mask, x = _s.broadcast_arrays(mask, x)
    return mask, x


def _shifted(what: str, x: Tensor, mask: Tensor, axis: Any) -> tuple[Tensor, Tensor]:
    """Logits less the largest that counts, 0 where none does; and minus infinity in their dtype."""
    _s.axes_of(what, axis, x.ndim)
    none = _like(-math.inf, x)
    top = _r._shift(_e.where(mask, x, none), axis)
    return _e.where(mask, x, top) - top, none


def _or_one(total: Tensor) -> Tensor:
    return _e.where(_e.equal(total, 0.0), 1.0, total)


def _like(number: Any, x: Tensor) -> Tensor:
    """A number in the dtype of `x`."""
    return _e.cast(as_tensor(number), x.dtype)


__all__ = ["elu", "gelu", "leaky_relu", "log_sigmoid", "log_softmax", "relu", "sigmoid", "silu", "softmax", "softplus"]
