"""Reshape: the same elements, row-major, in axes of other lengths."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.errors import ShapeError
from workbench.graph.expr import Expr, intern
from workbench.graph.frozen import frozen
from workbench.graph.length_names import shape_text, shapes_text
from workbench.graph.lengths import Size, one_length, product, quotient
from workbench.graph.types import Shape, TensorType
from workbench.tensor.shape.axes import axes_of
from workbench.tensor.shape.broadcasting import whole
from workbench.tensor.shape.lengths import (
    OfLengths,
    divided,
    extent,
    extents,
    filled,
    filled_with_values,
    length_of,
    lengths,
    number_of,
    paired,
)
from workbench.tensor.tensor import Tensor, as_tensor, constant


@frozen
class Reshape(OfLengths):
    """The elements of the first input, row-major, in another shape; its lengths that are ``None`` are the other inputs."""

    shape: tuple[int | None, ...]
    name = "reshape"

    def infer_from(self, inputs: tuple[Expr, ...]) -> TensorType:
        x, *numbers = inputs
        shape = filled(self.shape, numbers)
        if one_length(product(shape), x.type.length) is None:
            raise _misfit(x.type, shape)
        return x.type.with_shape(shape)  # type: ignore[no-any-return]

    def numpy(self, x: Any, *numbers: Any) -> Any:
        return np.reshape(x, filled_with_values(self.shape, numbers, "reshape"))

    def jax(self, x: Any, *numbers: Any) -> Any:
        return x.reshape(filled_with_values(self.shape, numbers, "reshape"))

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        return [reshape_like(whole(cotangent, node), node.inputs[0]), *[None] * (len(node.inputs) - 1)]

    def read(self, node: Expr, *operands: str) -> str | None:
        """Axes of length 1 are not shown where they go, or come first, as in broadcasting; others are, as ``x[:, None]``."""
        shape, source = node.type.shape, node.inputs[0].type.shape
        kept = shape[next((i for i, n in enumerate(shape) if n != 1), len(shape)) :]
        if [n for n in shape if n != 1] != [n for n in source if n != 1]:
            return f"reshape({operands[0]}, {shape_text(shape)})"
        return operands[0] if 1 not in kept or len(kept) <= len(source) else f"{operands[0]}[{', '.join('None' if n == 1 else ':' for n in kept)}]"

    def element(self, builder: Any, node: Expr, index: Sequence[Any]) -> Any:
        """Element of the result at `index`: the element of the input with the same row-major number."""
        shape, source = node.type.shape, node.inputs[0].type.shape
        moved = _drop_units(shape, source, index)
        return builder.element(node.inputs[0], builder.unravel(builder.ravel(index, shape), source) if moved is None else moved)


def _misfit(x: TensorType, wanted: Shape, hint: str = "") -> ShapeError:
    have, want, size = shapes_text(x.shape, wanted, (x.length,))
    return ShapeError(f"a tensor of shape {have} cannot be reshaped to {want}: {size[1:-2]} elements", hint)


def _drop_units(new: Shape, old: Shape, index: Sequence[Any]) -> list[Any] | None:
    """Return the index into shape `old` when the shapes differ by axes of length 1 only."""
    if [n for n in new if n != 1] != [n for n in old if n != 1]:
        return None
    kept = iter([i for n, i in zip(new, index) if n != 1])
    return [0 if n == 1 else next(kept) for n in old]


def reshape(x: Any, shape: Any) -> Tensor:
    """Return the same elements, row-major, in another shape; one length may be -1.

    Raises
    ------
    ShapeError
        If the numbers of elements differ.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> pt.reshape(pt.arange(6), (2, -1)).eval()
    array([[0, 1, 2],
           [3, 4, 5]])
    """
    x = as_tensor(x)
    wanted = lengths(shape, "reshape")
    unknown = [i for i, n in enumerate(wanted) if isinstance(n, int) and n == -1]
    if len(unknown) > 1:
        raise ShapeError(f"reshape: only one length may be -1, got {wanted}")
    sizes: list[Size] = [n if isinstance(n, int) else length_of(n) for n in wanted]
    if unknown:
        (at,) = unknown
        rest = product(n for i, n in enumerate(sizes) if i != at)
        if rest == 0:
            raise _misfit(x.type, tuple(sizes), "-1 cannot be told where another length is 0")
        sizes[at] = quotient(x.type.length, rest)
        found = sizes[at]
        wanted = (*wanted[:at], found if isinstance(found, int) else _left(found, x, wanted), *wanted[at + 1 :])
    return x if tuple(sizes) == x.type.shape else intern(Reshape((made := divided(wanted))[0]), (x, *made[1]))


def _left(size: Size, x: Tensor, wanted: Sequence[Any]) -> Tensor:
    """The number that -1 stands for, a length of `size`."""
    try:
        return number_of(size, x, *(n for n in wanted if isinstance(n, Tensor)))
    except LookupError:
        # The names in it are nowhere alone.
        return math.prod(extents(x)) // as_tensor(math.prod(n for n in wanted if isinstance(n, Tensor) or n != -1))


def reshape_like(x: Tensor, like: Expr) -> Tensor:
    """Return `x` in the shape of `like`."""
    return x if x.type.shape == like.type.shape else reshape(x, extents(like))


def ravel(x: Any) -> Tensor:
    """Return the elements, row-major, in one axis.

    Examples
    --------
    >>> pt.flatten([[1, 2], [3, 4]]).eval().tolist()
    [1, 2, 3, 4]
    """
    return reshape(x, (-1,))


def expand_dims(x: Any, axis: Any) -> Tensor:
    """Return `x` with more axes of length 1, at the places `axis` (one or several) of the result.

    Examples
    --------
    >>> pt.expand_dims([1, 2], 1).eval().tolist()
    [[1], [2]]
    """
    x = as_tensor(x)
    count = len(axis) if isinstance(axis, (tuple, list)) else 1
    axes = axes_of("expand_dims", axis, x.ndim + count)
    rest = iter(extents(x))
    return reshape(x, [1 if i in axes else next(rest) for i in range(x.ndim + count)])


def squeeze(x: Any, axis: Any = None) -> Tensor:
    """Return `x` without its axes that are of length 1 by type, or without those given.

    Raises
    ------
    ShapeError
        If an axis given has another length.

    Examples
    --------
    >>> pt.squeeze([[1, 2]]).eval().tolist()
    [1, 2]
    """
    x = as_tensor(x)
    if axis is None:
        axes = tuple(i for i, n in enumerate(x.type.shape) if n == 1)
    else:
        axes = axes_of("squeeze", axis, x.ndim)
    for i in axes:
        if one_length(x.type.shape[i], 1) is None:
            raise ShapeError(f"squeeze: axis {i} of a tensor of shape {shapes_text(x.type.shape)[0]} has not length 1")
        x = paired("squeeze: an axis that goes, and a length of 1", x, i, constant(np.zeros(1)), 0)
    return reshape(x, [extent(x, i) for i in range(x.ndim) if i not in axes])


def atleast_1d(*tensors: Any) -> Any:
    """Return the tensor with at least one axis; a list for several.

    Examples
    --------
    >>> pt.atleast_1d(3).eval().tolist()
    [3]
    """
    return _at_least(tensors, lambda x: expand_dims(x, 0) if x.ndim == 0 else x)


def atleast_2d(*tensors: Any) -> Any:
    """Return the tensor with at least two axes, new ones in front; a list for several.

    Examples
    --------
    >>> pt.atleast_2d([1, 2]).eval().tolist()
    [[1, 2]]
    """
    return _at_least(tensors, lambda x: expand_dims(x, tuple(range(2 - x.ndim))) if x.ndim < 2 else x)


def atleast_3d(*tensors: Any) -> Any:
    """Return the tensor with at least three axes, as NumPy places them; a list for several.

    Examples
    --------
    >>> pt.atleast_3d([1, 2]).type.shape
    (1, 2, 1)
    """
    places: dict[int, Any] = {0: (0, 1, 2), 1: (0, 2), 2: 2}
    return _at_least(tensors, lambda x: expand_dims(x, places[x.ndim]) if x.ndim < 3 else x)


def _at_least(tensors: Sequence[Any], widen: Any) -> Any:
    made = [widen(as_tensor(t)) for t in tensors]
    return made[0] if len(made) == 1 else made
