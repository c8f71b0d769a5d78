"""Axes in another order, and elements in the reverse order along them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.errors import ShapeError
from workbench.graph.expr import Expr, Op, intern
from workbench.graph.frozen import frozen
from workbench.graph.types import TensorType
from workbench.tensor.shape.axes import axes_of, axis_of
from workbench.tensor.shape.broadcasting import whole
from workbench.tensor.shape.reshaping import expand_dims, squeeze
from workbench.tensor.tensor import Tensor, as_tensor


@frozen
class Transpose(Op):
    """The axes in another order."""

    axes: tuple[int, ...]
    name = "transpose"

    def infer(self, x: TensorType) -> TensorType:
        return x.with_shape(tuple(x.shape[a] for a in self.axes))

    def numpy(self, x: Any) -> Any:
        return np.transpose(x, self.axes)

    def jax(self, x: Any) -> Any:
        return x.transpose(self.axes)

    def read(self, node: Expr, *operands: str) -> str:
        return f"{operands[0]}.T" if self.axes == (1, 0) else f"transpose({operands[0]}, {self.axes})"

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        return [transpose(whole(cotangent, node), tuple(self.axes.index(i) for i in range(len(self.axes))))]

    def element(self, builder: Any, node: Expr, index: Sequence[Any]) -> Any:
        return builder.element(node.inputs[0], [index[self.axes.index(i)] for i in range(len(self.axes))])


def transpose(x: Any, axes: Sequence[int] | None = None) -> Tensor:
    """Return `x` with its axes in another order, reversed by default.

    Raises
    ------
    ShapeError
        If `axes` is not an order of all axes.

    Examples
    --------
    >>> pt.transpose([[1, 2], [3, 4]]).eval().tolist()
    [[1, 3], [2, 4]]
    """
    x = as_tensor(x)
    order = tuple(range(x.ndim))[::-1] if axes is None else axes_of("transpose", tuple(axes), x.ndim)
    if len(order) != x.ndim:
        raise ShapeError(f"transpose: {len(order)} axes for a tensor of {x.ndim} dimensions")
    return x if order == tuple(range(x.ndim)) else intern(Transpose(order), (x,))


def dimshuffle(x: Any, pattern: Sequence[Any]) -> Tensor:
    """Return `x` with its axes in the order of `pattern`, and a new one of length 1 at each "x" in it.

    Axes that `pattern` leaves out are dropped: they must have length 1.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> pt.matrix("m", 2, 3).dimshuffle(1, "x", 0).type.shape
    (3, 1, 2)
    """
    x = as_tensor(x)
    kept = axes_of("dimshuffle", tuple(p for p in pattern if p != "x"), x.ndim)
    dropped = tuple(a for a in range(x.ndim) if a not in kept)
    x = squeeze(x, dropped) if dropped else x
    order = sorted(kept)
    x = transpose(x, [order.index(a) for a in kept])
    return expand_dims(x, tuple(i for i, p in enumerate(pattern) if p == "x"))


def swapaxes(x: Any, axis1: int, axis2: int) -> Tensor:
    """Return `x` with two axes exchanged.

    Examples
    --------
    >>> pt.swapaxes([[1, 2], [3, 4]], 0, 1).eval().tolist()
    [[1, 3], [2, 4]]
    """
    x = as_tensor(x)
    order = list(range(x.ndim))
    a, b = axis_of("swapaxes", axis1, x.ndim), axis_of("swapaxes", axis2, x.ndim)
    order[a], order[b] = b, a
    return transpose(x, order)


def moveaxis(x: Any, source: Any, destination: Any) -> Tensor:
    """Return `x` with some axes at other places; the others keep their order.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> pt.moveaxis(pt.zeros((2, 3, 4)), 0, -1).type.shape
    (3, 4, 2)
    """
    x = as_tensor(x)
    old, new = axes_of("moveaxis", source, x.ndim), axes_of("moveaxis", destination, x.ndim)
    if len(old) != len(new):
        raise ShapeError(f"moveaxis: {len(old)} axes cannot go to {len(new)} places")
    order = [a for a in range(x.ndim) if a not in old]
    for place, a in sorted(zip(new, old)):
        order.insert(place, a)
    return transpose(x, order)


def flip(x: Any, axis: Any = None) -> Tensor:
    """Return `x` with the order of elements reversed along `axis` (one, several, or all).

    Examples
    --------
    >>> pt.flip([1, 2, 3]).eval().tolist()
    [3, 2, 1]
    """
    x = as_tensor(x)
    axes = axes_of("flip", axis, x.ndim)
    return x[tuple(slice(None, None, -1) if a in axes else slice(None) for a in range(x.ndim))]


def flipud(x: Any) -> Tensor:
    """Return `x` reversed along its first axis.

    Examples
    --------
    >>> pt.flipud([[1, 2], [3, 4]]).eval().tolist()
    [[3, 4], [1, 2]]
    """
    return flip(x, 0)


def fliplr(x: Any) -> Tensor:
    """Return `x` reversed along its second axis.

    Examples
    --------
    >>> pt.fliplr([[1, 2], [3, 4]]).eval().tolist()
    [[2, 1], [4, 3]]
    """
    return flip(x, 1)


def rot90(x: Any, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Tensor:
    """Return `x` turned by `k` quarters in the plane of two axes, from the first towards the second.

    Examples
    --------
    >>> pt.rot90([[1, 2], [3, 4]]).eval().tolist()
    [[2, 4], [1, 3]]
    """
    x = as_tensor(x)
    a, b = axes_of("rot90", tuple(axes), x.ndim)
    k %= 4
    if k == 0:
        return x
    if k == 2:
        return flip(x, (a, b))
    return swapaxes(flip(x, b), a, b) if k == 1 else flip(swapaxes(x, a, b), b)
