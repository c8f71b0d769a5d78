"""Broadcasting: elements repeated along new axes and along axes of length 1, and cotangents summed over them.

An axis is broadcast only where its length is 1 by type: what is of open length is repeated along no axis.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.errors import ShapeError
from workbench.graph.expr import Expr, intern
from workbench.graph.frozen import frozen
from workbench.graph.length_names import shapes_text
from workbench.graph.lengths import one_length
from workbench.graph.types import Shape, TensorType
from workbench.tensor.elementwise import broadcast_shapes
from workbench.tensor.shape.lengths import (
    OfLengths,
    divided,
    extents,
    filled,
    filled_with_values,
    length_of,
    lengths,
    number_of,
    paired,
)
from workbench.tensor.tensor import Tensor, as_tensor


@frozen
class BroadcastTo(OfLengths):
    """The elements of the first input repeated along new axes and axes of length 1; lengths that are ``None`` are the other inputs."""

    shape: tuple[int | None, ...]
    name = "broadcast_to"

    def read(self, node: Expr, *operands: str) -> str:
        return operands[0]

    def infer_from(self, inputs: tuple[Expr, ...]) -> TensorType:
        x, *numbers = inputs
        return x.type.with_shape(repeated(x.type.shape, filled(self.shape, numbers)))  # type: ignore[no-any-return]

    def numpy(self, x: Any, *numbers: Any) -> Any:
        return np.broadcast_to(x, filled_with_values(self.shape, numbers, "broadcast_to"))

    def jax(self, x: Any, *numbers: Any) -> Any:
        import jax.numpy as jnp

        return jnp.broadcast_to(x, filled_with_values(self.shape, numbers, "broadcast_to"))

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        return [unbroadcast(cotangent, node.inputs[0]), *[None] * (len(node.inputs) - 1)]

    def element(self, builder: Any, node: Expr, index: Sequence[Any]) -> Any:
        return builder.broadcast_element(node.inputs[0], index, node.type)


def repeated(shape: Shape, wanted: Shape) -> Shape:
    """Return the shape to which another is broadcast.

    Raises
    ------
    ShapeError
        If it surely does not broadcast.
    """
    own = wanted[len(wanted) - len(shape) :]
    found = [m if n == 1 else one_length(n, m) for n, m in zip(shape, own)] if len(shape) <= len(wanted) else [None]
    if None in found:
        have, want = shapes_text(shape, wanted)
        raise ShapeError(f"a tensor of shape {have} cannot be broadcast to {want}")
    return wanted


def broadcast_to(x: Any, shape: Any) -> Tensor:
    """Return `x` repeated to `shape`.

    Raises
    ------
    ShapeError
        If `x` does not broadcast to it.

    Examples
    --------
    >>> pt.broadcast_to([1, 2], (2, 2)).eval().tolist()
    [[1, 2], [1, 2]]
    """
    x = as_tensor(x)
    wanted = lengths(shape, "broadcast_to")
    if any(isinstance(n, int) and n < 0 for n in wanted):
        raise ShapeError(f"broadcast_to: a length cannot be negative, got {wanted}")
    if x.type.shape == tuple(n if isinstance(n, int) else length_of(n) for n in wanted):
        return x
    static, numbers = divided(wanted)
    return intern(BroadcastTo(static), (x, *numbers))


def broadcast_like(x: Any, like: Expr) -> Tensor:
    """Return `x` repeated to the shape of `like`."""
    x = as_tensor(x)
    return x if x.type.shape == like.type.shape else broadcast_to(x, extents(like))


def common_lengths(leading: Sequence[tuple[Expr, Shape]], what: str = "operands") -> tuple[Any, ...]:
    """Return the lengths to which the leading axes of tensors broadcast, integers or numbers of the graph."""
    shape = broadcast_shapes(*(s for _, s in leading), what=what)
    return tuple(n if isinstance(n, int) else number_of(n, *(x for x, _ in leading)) for n in shape)


def broadcast_arrays(*tensors: Any) -> list[Tensor]:
    """Return the tensors, all repeated to their common shape.

    Raises
    ------
    ShapeError
        If they do not broadcast together.

    Examples
    --------
    >>> [x.type.shape for x in pt.broadcast_arrays([[1], [2]], [3, 4, 5])]
    [(2, 3), (2, 3)]
    """
    parts = [as_tensor(t) for t in tensors]
    wanted = common_lengths([(t, t.type.shape) for t in parts])
    made = []
    for t in parts:
        result = broadcast_to(t, wanted)
        # Each of them is there only if all fit.
        for like, axis in ((p, axis) for p in parts for axis, n in enumerate(p.type.shape) if n != 1):
            result = paired("broadcast_arrays", result, axis - like.ndim, like, axis)
        made.append(result)
    return made


def whole(cotangent: Tensor, of: Expr) -> Tensor:
    """Return a cotangent in the full shape of its value: it may have come narrower, to be broadcast."""
    given, wanted = cotangent.type.shape, of.type.shape
    is_whole = len(given) == len(wanted) and all(n == m or n != 1 for n, m in zip(given, wanted))
    return cotangent if is_whole else broadcast_like(cotangent, of)


def unbroadcast(cotangent: Tensor, x: Expr) -> Tensor:
    """Sum a cotangent over the axes along which `x` was broadcast."""
    wanted: Shape = x.type.shape
    have = cotangent.type.shape
    if have == wanted:
        return cotangent
    extra = len(have) - len(wanted)
    result = cotangent
    if extra >= 0:
        axes = [*range(extra)]
        axes += [i + extra for i, n in enumerate(wanted) if n == 1 and have[i + extra] != 1]
        result = cotangent.sum(axis=tuple(axes)) if axes else cotangent
        if len(axes) > extra:
            rest = iter(range(result.ndim))
            result = result.dimshuffle(*("x" if i + extra in axes else next(rest) for i in range(len(wanted))))
    # Cotangents may arrive without the axes of length 1, or narrower than the value.
    return whole(result, x)
