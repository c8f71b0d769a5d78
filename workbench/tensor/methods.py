"""The operators and methods of `Tensor`: each calls the function of its family, which in turn takes tensors."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from workbench.graph.expr import Expr
from workbench.graph.lengths import differ
from workbench.graph.types import TensorType
from workbench.tensor import elementwise as e
from workbench.tensor import shape as _s
from workbench.tensor.indexing.getitem import getitem
from workbench.tensor.indexing.take import take
from workbench.tensor.indexing.updates import inc_subtensor, set_subtensor
from workbench.tensor.linalg import diagonal, products
from workbench.tensor.numpy_protocol import array_function, array_ufunc
from workbench.tensor.reduction import cumulative, reductions
from workbench.tensor.shape import joining
from workbench.tensor.sorting import sorting
from workbench.tensor.tensor import Tensor


class Methods(Expr):
    """What `Tensor` has of its families; put in place below, for they need the class before they are there."""

    __slots__ = ()

    @property
    def shape(self: Any) -> tuple[Any, ...]:
        """Extents: integers where known, symbolic integers where not."""
        return _s.extents(self)

    @property
    def T(self) -> Tensor:
        return _s.transpose(self)

    @property
    def mT(self) -> Tensor:
        """The matrices on the last two axes, transposed."""
        return products.matrix_transpose(self)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        return array_ufunc(ufunc, method, *inputs, **options)

    def __array_function__(self, function: Any, types: Any, arguments: Any, options: Any) -> Any:
        return array_function(function, arguments, options)

    def __add__(self, other: Any) -> Tensor:
        return e.add(self, other)

    def __radd__(self, other: Any) -> Tensor:
        return e.add(other, self)

    def __sub__(self, other: Any) -> Tensor:
        return e.subtract(self, other)

    def __rsub__(self, other: Any) -> Tensor:
        return e.subtract(other, self)

    def __mul__(self, other: Any) -> Tensor:
        return e.multiply(self, other)

    def __rmul__(self, other: Any) -> Tensor:
        return e.multiply(other, self)

    def __truediv__(self, other: Any) -> Tensor:
        return e.divide(self, other)

    def __rtruediv__(self, other: Any) -> Tensor:
        return e.divide(other, self)

    def __pow__(self, other: Any) -> Tensor:
        return e.power(self, other)

    def __rpow__(self, other: Any) -> Tensor:
        return e.power(other, self)

    def __mod__(self, other: Any) -> Tensor:
        return e.mod(self, other)

    def __rmod__(self, other: Any) -> Tensor:
        return e.mod(other, self)

    def __floordiv__(self, other: Any) -> Tensor:
        return e.floor_divide(self, other)

    def __rfloordiv__(self, other: Any) -> Tensor:
        return e.floor_divide(other, self)

    def __divmod__(self, other: Any) -> tuple[Tensor, Tensor]:
        return e.divmod(self, other)

    def __rdivmod__(self, other: Any) -> tuple[Tensor, Tensor]:
        return e.divmod(other, self)

    def __round__(self, decimals: int = 0) -> Tensor:
        return e.round(self, decimals)

    def __neg__(self) -> Tensor:
        return e.negative(self)

    def __abs__(self) -> Tensor:
        return e.abs(self)

    def __lt__(self, other: Any) -> Tensor:
        return e.less(self, other)

    def __le__(self, other: Any) -> Tensor:
        return e.less_equal(self, other)

    def __gt__(self, other: Any) -> Tensor:
        return e.greater(self, other)

    def __ge__(self, other: Any) -> Tensor:
        return e.greater_equal(self, other)

    def __eq__(self, other: Any) -> Tensor:  # type: ignore[override]
        return e.equal(self, other)

    def __ne__(self, other: Any) -> Tensor:  # type: ignore[override]
        return e.not_equal(self, other)

    def __and__(self, other: Any) -> Tensor:
        return e.bitwise_and(self, other)

    def __rand__(self, other: Any) -> Tensor:
        return e.bitwise_and(other, self)

    def __or__(self, other: Any) -> Tensor:
        return e.bitwise_or(self, other)

    def __ror__(self, other: Any) -> Tensor:
        return e.bitwise_or(other, self)

    def __xor__(self, other: Any) -> Tensor:
        return e.bitwise_xor(self, other)

    def __rxor__(self, other: Any) -> Tensor:
        return e.bitwise_xor(other, self)

    def __invert__(self) -> Tensor:
        return e.invert(self)

    def __lshift__(self, other: Any) -> Tensor:
        return e.left_shift(self, other)

    def __rshift__(self, other: Any) -> Tensor:
        return e.right_shift(self, other)

    def __rlshift__(self, other: Any) -> Tensor:
        return e.left_shift(other, self)

    def __rrshift__(self, other: Any) -> Tensor:
        return e.right_shift(other, self)

    def __matmul__(self, other: Any) -> Tensor:
        return products.matmul(self, other)

    def __rmatmul__(self, other: Any) -> Tensor:
        return products.matmul(other, self)

    def __getitem__(self: Any, index: Any) -> Tensor:
        return getitem(self, index)

    def set(self: Any, value: Any) -> Tensor:
        """``x[i].set(v)``: `x` with ``x[i]`` replaced by `v`."""
        return set_subtensor(self, value)

    def inc(self: Any, value: Any) -> Tensor:
        """``x[i].inc(v)``: `x` with `v` added to ``x[i]`` (repeated indices add up)."""
        return inc_subtensor(self, value)

    def astype(self, dtype: Any) -> Tensor:
        return e.cast(self, dtype)

    def reshape(self, *shape: Any) -> Tensor:
        return _s.reshape(self, shape[0] if len(shape) == 1 else shape)

    def ravel(self) -> Tensor:
        return _s.ravel(self)

    flatten = ravel

    def transpose(self, *axes: Any) -> Tensor:
        return _s.transpose(self, (axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes) or None)

    def swapaxes(self, axis1: int, axis2: int) -> Tensor:
        return _s.swapaxes(self, axis1, axis2)

    def dimshuffle(self, *pattern: Any) -> Tensor:
        """The axes in another order, with new ones at "x": as in Theano."""
        return _s.dimshuffle(self, pattern[0] if len(pattern) == 1 and isinstance(pattern[0], (list, tuple)) else pattern)

    def squeeze(self, axis: Any = None) -> Tensor:
        return _s.squeeze(self, axis)

    def repeat(self, repeats: Any, axis: int | None = None) -> Tensor:
        return joining.repeat(self, repeats, axis)

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
        return diagonal.diagonal(self, offset, axis1, axis2)

    def trace(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
        return diagonal.trace(self, offset, axis1, axis2)

    def take(self, indices: Any, axis: int | None = None, mode: str = "raise") -> Tensor:
        return take(self, indices, axis, mode)

    def nonzero(self) -> tuple[Tensor, ...]:
        return sorting.nonzero(self)

    def sort(self, axis: int | None = -1) -> Tensor:
        """Return the elements in order; the expression itself does not change."""
        return sorting.sort(self, axis)

    def argsort(self, axis: int | None = -1) -> Tensor:
        return sorting.argsort(self, axis)

    def searchsorted(self, v: Any, side: str = "left", sorter: Any = None) -> Tensor:
        return sorting.searchsorted(self, v, side, sorter)

    def clip(self, min: Any = None, max: Any = None) -> Tensor:
        return e.clip(self, min, max)

    def round(self, decimals: int = 0) -> Tensor:
        return e.round(self, decimals)

    def sum(self, axis: Any = None, dtype: Any = None, keepdims: bool = False, initial: Any = None, where: Any = True) -> Tensor:
        return reductions.sum(self, axis, dtype, keepdims, initial, where)

    def prod(self, axis: Any = None, dtype: Any = None, keepdims: bool = False, initial: Any = None, where: Any = True) -> Tensor:
        return reductions.prod(self, axis, dtype, keepdims, initial, where)

    def cumsum(self, axis: int | None = None, dtype: str | None = None) -> Tensor:
        return cumulative.cumsum(self, axis, dtype)

    def cumprod(self, axis: int | None = None, dtype: str | None = None) -> Tensor:
        return cumulative.cumprod(self, axis, dtype)

    def mean(self, axis: Any = None, dtype: Any = None, keepdims: bool = False, where: Any = True) -> Tensor:
        return reductions.mean(self, axis, dtype, keepdims, where)

    def var(self, axis: Any = None, dtype: Any = None, ddof: float = 0, keepdims: bool = False, where: Any = True) -> Tensor:
        return reductions.var(self, axis, dtype, ddof, keepdims, where)

    def std(self, axis: Any = None, dtype: Any = None, ddof: float = 0, keepdims: bool = False, where: Any = True) -> Tensor:
        return reductions.std(self, axis, dtype, ddof, keepdims, where)

    def max(self, axis: Any = None, keepdims: bool = False, initial: Any = None, where: Any = True) -> Tensor:
        return reductions.max(self, axis, keepdims, initial, where)

    def min(self, axis: Any = None, keepdims: bool = False, initial: Any = None, where: Any = True) -> Tensor:
        return reductions.min(self, axis, keepdims, initial, where)

    def argmax(self, axis: int | None = None, keepdims: bool = False) -> Tensor:
        return reductions.argmax(self, axis, keepdims)

    def argmin(self, axis: int | None = None, keepdims: bool = False) -> Tensor:
        return reductions.argmin(self, axis, keepdims)

    def all(self, axis: Any = None, keepdims: bool = False, where: Any = True) -> Tensor:
        return reductions.all(self, axis, keepdims, where)

    def any(self, axis: Any = None, keepdims: bool = False, where: Any = True) -> Tensor:
        return reductions.any(self, axis, keepdims, where)

    def dot(self, other: Any) -> Tensor:
        return products.dot(self, other)

    def fit(self: Any, like: Expr) -> Tensor | None:
        have, wanted = self.type, like.type
        if have == wanted:
            return self  # type: ignore[no-any-return]
        if not isinstance(wanted, TensorType) or have.dtype != wanted.dtype or have.ndim > wanted.ndim:
            return None
        missing = wanted.ndim - have.ndim
        if not missing and all(n == m or (n != 1 and not differ(n, m)) for n, m in zip(have.shape, wanted.shape)):
            return self  # type: ignore[no-any-return]
        if any(n != 1 and differ(n, m) for n, m in zip(have.shape, wanted.shape[missing:])):
            return None
        return _s.broadcast_like(self, like)

    @staticmethod
    def stacked(tensors: Sequence[Tensor]) -> Tensor:
        """Return the tensor of a list of tensors."""
        return joining.stack(tensors)


OPERATORS = ("__add__", "__sub__", "__mul__", "__truediv__", "__pow__", "__mod__", "__floordiv__", "__matmul__")


def deferring(method: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """An operator that leaves types with operators of their own to these: they say so by ``__array_ufunc__ = None`` (NEP 13)."""

    @functools.wraps(method)
    def operator(self: Any, other: Any) -> Any:
        return NotImplemented if getattr(other, "__array_ufunc__", method) is None else method(self, other)

    return operator


if not TYPE_CHECKING:
    for name, method in vars(Methods).items():
        if callable(method) or isinstance(method, property):
            setattr(Tensor, name, deferring(method) if name in OPERATORS else method)
