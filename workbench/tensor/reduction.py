"""Reductions over axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.errors import ShapeError
from workbench.graph.expr import Expr, Op, intern
from workbench.graph.types import TensorType
from workbench.tensor import elementwise as _e
from workbench.tensor import shape as _s
from workbench.tensor.tensor import Tensor, as_tensor


@dataclass(frozen=True)
class Combine:
    """How a reduction folds elements: its neutral value and its binary operation."""

    neutral: Any
    numpy: Any
    op: _e.ScalarOp

    def start(self, dtype: str) -> Any:
        """The neutral value in `dtype`."""
        if np.dtype(dtype).kind in "iu" and self.neutral in (float("inf"), -float("inf")):
            info = np.iinfo(dtype)
            return info.max if self.neutral > 0 else info.min
        return self.neutral


COMBINE = {
    "sum": Combine(0, np.sum, _e.add),
    "prod": Combine(1, np.prod, _e.multiply),
    "max": Combine(-float("inf"), np.max, _e.maximum),
    "min": Combine(float("inf"), np.min, _e.minimum),
    "all": Combine(True, np.all, _e.logical_and),
    "any": Combine(False, np.any, _e.logical_or),
}


@dataclass(frozen=True)
class Reduce(Op):
    """A reduction of `kind` over `axes`."""

    kind: str
    axes: tuple[int, ...]

    @property
    def name(self) -> str:
        return self.kind

    @property
    def combine(self) -> Combine:
        return COMBINE[self.kind]

    def infer(self, x: TensorType) -> TensorType:
        return x.with_shape(tuple(n for i, n in enumerate(x.shape) if i not in self.axes))

    def numpy(self, x: Any) -> Any:
        dtype = np.asarray(x).dtype
        if self.kind in ("sum", "prod"):
            return np.asarray(self.combine.numpy(x, axis=self.axes, dtype=dtype))
        return np.asarray(self.combine.numpy(x, axis=self.axes))

    def jax(self, x: Any) -> Any:
        import jax.numpy as jnp

        return getattr(jnp, self.kind)(x, axis=self.axes).astype(x.dtype)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        x = node.inputs[0]
        assert isinstance(x, Tensor)
        spread = self._spread(cotangent, x)
        if self.kind == "sum":
            return [spread]
        if self.kind in ("max", "min"):
            hit = _e.equal(x, self._spread(node, x)).astype(x.dtype)
            return [spread * hit / self._spread(sum(hit, self.axes), x)]
        if self.kind == "prod":
            return [spread * self._spread(node, x) / x]
        return [None]

    def _spread(self, reduced: Any, x: Tensor) -> Tensor:
        if None not in x.type.shape:
            kept = [1 if i in self.axes else n for i, n in enumerate(x.type.static_shape)]
            return _s.broadcast_to(_s.reshape(reduced, kept), x.type.static_shape)
        if reduced.ndim == 0:
            return _s.broadcast_like(reduced, x)
        raise ShapeError(f"the gradient of {self.kind} over {x.type} needs its shape to be known")

    def accumulate(self, builder: Any, node: Expr) -> None:
        """Fold every element of the input into the result."""
        x = node.inputs[0]

        def body(index: Sequence[Any]) -> tuple[Sequence[Any], Any]:
            target = [i for axis, i in enumerate(index) if axis not in self.axes]
            return target, builder.element(x, index)

        builder.accumulate(
            node, x.type.static_shape, body, self.combine.op, start=self.combine.start(node.type.dtype)
        )


def _reduce(kind: str, x: Any, axis: Any, keepdims: bool) -> Tensor:
    x = as_tensor(x)
    if axis is None:
        axes = tuple(range(x.ndim))
    else:
        given = (axis,) if isinstance(axis, int) else tuple(axis)
        for a in given:
            if not -x.ndim <= a < x.ndim:
                raise ShapeError(f"{kind}: axis {a} is out of bounds for a tensor of shape {x.type.shape}")
        axes = tuple(sorted({a % x.ndim for a in given}))
    if kind in ("sum", "prod") and x.dtype == "bool":
        x = _e.cast(x, "int64")
    if kind in ("all", "any"):
        x = _e.cast(x, "bool")
    result = intern(Reduce(kind, axes), (x,)) if axes else x
    if keepdims:
        result = _s.reshape(result, [1 if i in axes else n for i, n in enumerate(x.type.static_shape)])
    return result


def sum(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Return the sum over `axis` (all axes by default)."""
    return _reduce("sum", x, axis, keepdims)


def prod(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Return the product over `axis`."""
    return _reduce("prod", x, axis, keepdims)


def max(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Return the largest element over `axis`; NaN if there is one."""
    return _reduce("max", x, axis, keepdims)


def min(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Return the smallest element over `axis`; NaN if there is one."""
    return _reduce("min", x, axis, keepdims)


def all(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Return whether all elements over `axis` are true."""
    return _reduce("all", x, axis, keepdims)


def any(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Return whether any element over `axis` is true."""
    return _reduce("any", x, axis, keepdims)


def mean(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Return the mean over `axis`."""
    x = as_tensor(x)
    if x.type.kind != "f":
        x = _e.cast(x, "float64")
    total = sum(x, axis, keepdims)
    if None in x.type.shape:
        return total / sum(_s.ones_like(x), axis, keepdims)
    return total / (x.size / total.size if total.size else 1.0)


def var(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Return the variance over `axis` (divided by the number of elements)."""
    x = as_tensor(x)
    return mean(_e.square(x - mean(x, axis, keepdims=True)), axis, keepdims)


def std(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Return the standard deviation over `axis`."""
    return _e.sqrt(var(x, axis, keepdims))
