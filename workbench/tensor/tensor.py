"""`Tensor`: expressions with NumPy's operators, and how Python values become expressions."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.errors import DTypeError, ShapeError, SymbolicBoolError
from workbench.graph.arrays import fitting, owned
from workbench.graph.expr import Constant, Data, Expr, Input, constant_op, give_name, intern, register_expr_class
from workbench.names import method
from workbench.graph.types import Shape, TensorType, Type, checked_dtype, type_of

floatX = "float64"


class Tensor(Expr):
    """A symbolic array with NumPy's operators, names and broadcasting.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> x = pt.vector("x", 3)
    >>> (x + 1).type.shape
    (3,)
    >>> float(pt.exp(pt.constant(0.0)).eval())
    1.0
    """

    __slots__ = ()
    __hash__ = Expr.__hash__

    @property
    def dtype(self) -> str:
        return self.type.dtype

    @property
    def ndim(self) -> int:
        return self.type.ndim

    @property
    def shape(self) -> tuple[Any, ...]:
        """Extents: integers where known, symbolic integers where not."""
        return tuple(_shape.dim(self, i) if n is None else n for i, n in enumerate(self.type.shape))

    @property
    def size(self) -> int:
        return self.type.size

    def size_expr(self) -> Any:
        """Number of elements: an integer where known, a symbolic one where not."""
        count: Any = 1
        for n in self.shape:
            count = count * n
        return count

    @property
    def T(self) -> Tensor:
        return _shape.transpose(self)

    @property
    def mT(self) -> Tensor:
        """The matrices on the last two axes, transposed."""
        return _products.matrix_transpose(self)

    def __len__(self) -> int:
        if not self.type.shape:
            raise TypeError(f"a scalar expression has no length: {self!r}")
        if self.type.shape[0] is None:
            raise TypeError(f"the length of {self!r} is known only at run time; use x.shape[0]")
        return self.type.shape[0]

    def __iter__(self) -> Any:
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> bool:
        if isinstance(self.op, Constant) and self.op.value.size == 1:
            return bool(self.op.value)
        raise SymbolicBoolError(
            f"the truth value of the symbolic expression {self!r} is not known while the graph is built",
            "use where(condition, a, b) to choose elementwise, cond(condition, then, orelse) to branch; "
            "`is` or `any(x is y for y in list)` to ask for identity",
        )

    def _number(self, what: str) -> Any:
        if isinstance(self.op, Constant) and self.op.value.ndim == 0:
            return self.op.value.item()
        raise TypeError(
            f"Python cannot turn the symbolic expression {self!r} into {what}; "
            "use the function of workbench.tensor (pt.exp for math.exp), or x.eval() for its value"
        )

    def __float__(self) -> float:
        return float(self._number("a float"))

    def __int__(self) -> int:
        return int(self._number("an integer"))

    def __index__(self) -> int:
        return operator.index(self._number("an integer"))

    def __array__(self, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(
            f"NumPy cannot turn the symbolic expression {self!r} into an array; "
            "use the function of workbench.tensor, or x.eval() for its value; "
            "with a matrix A of scipy.sparse, pt.sparse.dot(A, x)"
        )

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        from workbench.tensor.numpy_protocol import array_ufunc

        return array_ufunc(ufunc, method, *inputs, **options)

    def __array_function__(self, function: Any, types: Any, arguments: Any, options: Any) -> Any:
        from workbench.tensor.numpy_protocol import array_function

        return array_function(function, arguments, options)

    def __add__(self, other: Any) -> Tensor:
        return _elementwise.add(self, other)

    def __radd__(self, other: Any) -> Tensor:
        return _elementwise.add(other, self)

    def __sub__(self, other: Any) -> Tensor:
        return _elementwise.subtract(self, other)

    def __rsub__(self, other: Any) -> Tensor:
        return _elementwise.subtract(other, self)

    def __mul__(self, other: Any) -> Tensor:
        return _elementwise.multiply(self, other)

    def __rmul__(self, other: Any) -> Tensor:
        return _elementwise.multiply(other, self)

    def __truediv__(self, other: Any) -> Tensor:
        return _elementwise.divide(self, other)

    def __rtruediv__(self, other: Any) -> Tensor:
        return _elementwise.divide(other, self)

    def __pow__(self, other: Any) -> Tensor:
        return _elementwise.power(self, other)

    def __rpow__(self, other: Any) -> Tensor:
        return _elementwise.power(other, self)

    def __mod__(self, other: Any) -> Tensor:
        return _elementwise.mod(self, other)

    def __rmod__(self, other: Any) -> Tensor:
        return _elementwise.mod(other, self)

    def __floordiv__(self, other: Any) -> Tensor:
        return _elementwise.floor_divide(self, other)

    def __rfloordiv__(self, other: Any) -> Tensor:
        return _elementwise.floor_divide(other, self)

    def __divmod__(self, other: Any) -> tuple[Tensor, Tensor]:
        return _elementwise.divmod(self, other)

    def __rdivmod__(self, other: Any) -> tuple[Tensor, Tensor]:
        return _elementwise.divmod(other, self)

    def __round__(self, decimals: int = 0) -> Tensor:
        return _elementwise.round(self, decimals)

    def __neg__(self) -> Tensor:
        return _elementwise.negative(self)

    def __pos__(self) -> Tensor:
        return self

    def __abs__(self) -> Tensor:
        return _elementwise.abs(self)

    def __lt__(self, other: Any) -> Tensor:
        return _elementwise.less(self, other)

    def __le__(self, other: Any) -> Tensor:
        return _elementwise.less_equal(self, other)

    def __gt__(self, other: Any) -> Tensor:
        return _elementwise.greater(self, other)

    def __ge__(self, other: Any) -> Tensor:
        return _elementwise.greater_equal(self, other)

    def __eq__(self, other: Any) -> Tensor:  # type: ignore[override]
        return _elementwise.equal(self, other)

    def __ne__(self, other: Any) -> Tensor:  # type: ignore[override]
        return _elementwise.not_equal(self, other)

    def __and__(self, other: Any) -> Tensor:
        return _elementwise.bitwise_and(self, other)

    def __rand__(self, other: Any) -> Tensor:
        return _elementwise.bitwise_and(other, self)

    def __or__(self, other: Any) -> Tensor:
        return _elementwise.bitwise_or(self, other)

    def __ror__(self, other: Any) -> Tensor:
        return _elementwise.bitwise_or(other, self)

    def __xor__(self, other: Any) -> Tensor:
        return _elementwise.bitwise_xor(self, other)

    def __rxor__(self, other: Any) -> Tensor:
        return _elementwise.bitwise_xor(other, self)

    def __invert__(self) -> Tensor:
        return _elementwise.invert(self)

    def __lshift__(self, other: Any) -> Tensor:
        return _elementwise.left_shift(self, other)

    def __rshift__(self, other: Any) -> Tensor:
        return _elementwise.right_shift(self, other)

    def __rlshift__(self, other: Any) -> Tensor:
        return _elementwise.left_shift(other, self)

    def __rrshift__(self, other: Any) -> Tensor:
        return _elementwise.right_shift(other, self)

    def __matmul__(self, other: Any) -> Tensor:
        return _products.matmul(self, other)

    def __rmatmul__(self, other: Any) -> Tensor:
        return _products.matmul(other, self)

    def __getitem__(self, index: Any) -> Tensor:
        return _getitem.getitem(self, index)

    def __setitem__(self, index: Any, value: Any) -> None:
        raise TypeError(f"the expression {self!r} never changes: x = x[i].set(value) makes another, x[i].inc(value) adds")

    def __getattr__(self, name: str) -> Any:
        found = None if name.startswith("_") else method(self, name)
        if found is not None:
            return found
        if not name.startswith("_") and hasattr(np.ndarray, name):
            raise AttributeError(f"the symbolic expression {self!r} has no {name!r}; its value has: x.eval().{name}")
        raise AttributeError(f"'{type(self).__name__}' object has no attribute {name!r}")

    def __format__(self, spec: str) -> str:
        return format(self._number("a number in text"), spec) if spec else repr(self)

    def set(self, value: Any) -> Tensor:
        """``x[i].set(v)``: `x` with ``x[i]`` replaced by `v`."""
        return _updates.set_subtensor(self, value)

    def inc(self, value: Any) -> Tensor:
        """``x[i].inc(v)``: `x` with `v` added to ``x[i]`` (repeated indices add up)."""
        return _updates.inc_subtensor(self, value)

    def astype(self, dtype: Any) -> Tensor:
        return _elementwise.cast(self, dtype)

    def reshape(self, *shape: Any) -> Tensor:
        return _shape.reshape(self, shape[0] if len(shape) == 1 else shape)

    def ravel(self) -> Tensor:
        return _shape.ravel(self)

    flatten = ravel

    def transpose(self, *axes: Any) -> Tensor:
        return _shape.transpose(self, (axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes) or None)

    def swapaxes(self, axis1: int, axis2: int) -> Tensor:
        return _shape.swapaxes(self, axis1, axis2)

    def dimshuffle(self, *pattern: Any) -> Tensor:
        """The axes in another order, with new ones at "x": as in Theano."""
        return _shape.dimshuffle(self, pattern[0] if len(pattern) == 1 and isinstance(pattern[0], (list, tuple)) else pattern)

    def squeeze(self, axis: Any = None) -> Tensor:
        return _shape.squeeze(self, axis)

    def repeat(self, repeats: Any, axis: int | None = None) -> Tensor:
        return _joining.repeat(self, repeats, axis)

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
        return _diagonal.diagonal(self, offset, axis1, axis2)

    def trace(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Tensor:
        return _diagonal.trace(self, offset, axis1, axis2)

    def take(self, indices: Any, axis: int | None = None, mode: str = "raise") -> Tensor:
        return _take.take(self, indices, axis, mode)

    def nonzero(self) -> tuple[Tensor, ...]:
        return _sorting.nonzero(self)

    def sort(self, axis: int | None = -1) -> Tensor:
        """Return the elements in order; the expression itself does not change."""
        return _sorting.sort(self, axis)

    def argsort(self, axis: int | None = -1) -> Tensor:
        return _sorting.argsort(self, axis)

    def searchsorted(self, v: Any, side: str = "left", sorter: Any = None) -> Tensor:
        return _sorting.searchsorted(self, v, side, sorter)

    def get_value(self, borrow: bool = False) -> np.ndarray[Any, Any]:
        """Return the array that `data` holds: a copy of it, unless `borrow`."""
        if not isinstance(self.op, Data):
            raise TypeError(f"{self!r} is not data: its value is computed, with eval()")
        return self.op.value if borrow else self.op.value.copy()

    def set_value(self, new_value: Any, borrow: bool = False) -> None:
        """Replace the array that `data` holds; see :func:`workbench.tensor.set_data`."""
        if not isinstance(self.op, Data):
            raise TypeError(f"{self!r} is not data: its value cannot be set")
        set_data(self, new_value)

    def copy(self) -> Tensor:
        """Return the expression itself: it never changes."""
        return self

    def clip(self, min: Any = None, max: Any = None) -> Tensor:
        return _elementwise.clip(self, min, max)

    def round(self, decimals: int = 0) -> Tensor:
        return _elementwise.round(self, decimals)

    def sum(self, axis: Any = None, dtype: Any = None, keepdims: bool = False, initial: Any = None, where: Any = True) -> Tensor:
        return _reduction.sum(self, axis, dtype, keepdims, initial, where)

    def prod(self, axis: Any = None, dtype: Any = None, keepdims: bool = False, initial: Any = None, where: Any = True) -> Tensor:
        return _reduction.prod(self, axis, dtype, keepdims, initial, where)

    def cumsum(self, axis: int | None = None, dtype: str | None = None) -> Tensor:
        return _cumulative.cumsum(self, axis, dtype)

    def cumprod(self, axis: int | None = None, dtype: str | None = None) -> Tensor:
        return _cumulative.cumprod(self, axis, dtype)

    def mean(self, axis: Any = None, dtype: Any = None, keepdims: bool = False, where: Any = True) -> Tensor:
        return _reduction.mean(self, axis, dtype, keepdims, where)

    def var(self, axis: Any = None, dtype: Any = None, ddof: float = 0, keepdims: bool = False, where: Any = True) -> Tensor:
        return _reduction.var(self, axis, dtype, ddof, keepdims, where)

    def std(self, axis: Any = None, dtype: Any = None, ddof: float = 0, keepdims: bool = False, where: Any = True) -> Tensor:
        return _reduction.std(self, axis, dtype, ddof, keepdims, where)

    def max(self, axis: Any = None, keepdims: bool = False, initial: Any = None, where: Any = True) -> Tensor:
        return _reduction.max(self, axis, keepdims, initial, where)

    def min(self, axis: Any = None, keepdims: bool = False, initial: Any = None, where: Any = True) -> Tensor:
        return _reduction.min(self, axis, keepdims, initial, where)

    def argmax(self, axis: int | None = None, keepdims: bool = False) -> Tensor:
        return _reduction.argmax(self, axis, keepdims)

    def argmin(self, axis: int | None = None, keepdims: bool = False) -> Tensor:
        return _reduction.argmin(self, axis, keepdims)

    def all(self, axis: Any = None, keepdims: bool = False, where: Any = True) -> Tensor:
        return _reduction.all(self, axis, keepdims, where)

    def any(self, axis: Any = None, keepdims: bool = False, where: Any = True) -> Tensor:
        return _reduction.any(self, axis, keepdims, where)

    def dot(self, other: Any) -> Tensor:
        return _products.dot(self, other)

    def fit(self, type: Type) -> Tensor | None:
        if self.type == type or (isinstance(type, TensorType) and type.accepts(self.type)):
            return self
        if isinstance(type, TensorType) and self.dtype == type.dtype and self.ndim <= type.ndim:
            try:
                return _shape.broadcast_to(self, type.static_shape)
            except ValueError:
                return None
        return None

    def eval(self, inputs: dict[Any, Any] | None = None) -> Any:
        """Return the value, computed with NumPy op by op.

        Parameters
        ----------
        inputs
            Values of the inputs it needs, or of other expressions that it is made of, by expression or by
            name.

        Raises
        ------
        ShapeError
            If a value has not the shape of its input.
        MissingInputError
            If a value is missing.
        """
        from workbench.graph.inner import Graph
        from workbench.graph.traverse import replace, topological

        given = inputs or {}
        named = {(k.name if isinstance(k, Expr) else k): v for k, v in given.items()}
        nodes = topological([self]) if given else []
        needed: Any = [x for x in nodes if x in given or (x.name and x.name in named and (x.name in given or isinstance(x.op, Input)))]
        values = [np.asarray(given[x] if x in given else named[x.name], dtype=x.type.dtype) for x in needed]
        for x, value in zip(needed, values):
            if not x.type.accepts(type_of(value)):
                raise ShapeError(f"the input {x!r} is {x.type}; the value given has shape {value.shape}")
        # What is computed otherwise has the value given in its place.
        params = [x if isinstance(x.op, Input) else tensor(x.name, x.dtype, x.type.shape) for x in needed]
        result = replace([self], {x: p for x, p in zip(needed, params) if x is not p})
        with np.errstate(all="ignore"):
            return np.asarray(Graph(params, result).run("numpy", *values)[0])


register_expr_class(TensorType, Tensor)


def constant(value: Any, dtype: str | None = None) -> Tensor:
    """Return a constant expression of a NumPy value."""
    node: Tensor = intern(constant_op(value, dtype))
    return node


def as_tensor(value: Any, dtype: str | None = None, name: str | None = None) -> Tensor:
    """Return `value` as an expression: itself if it is one, a stack of a list of them, or a constant.

    Raises
    ------
    DTypeError
        If `value` is not numeric.
    """
    if isinstance(value, Tensor):
        result = value
    elif isinstance(value, Expr):
        raise DTypeError(f"{value!r} has several values; take one of them first")
    elif isinstance(value, (list, tuple)) and _any_expr(value):
        result = _joining.stack([as_tensor(v) for v in value])
    elif hasattr(value, "to_numpy"):
        result = constant(value.to_numpy())
    else:
        result = constant(value)
    if dtype is not None and result.dtype != dtype:
        result = _elementwise.cast(result, dtype)
    give_name(result, name)
    return result


def _any_expr(values: Sequence[Any]) -> bool:
    pending = list(values)
    while pending:
        v = pending.pop()
        if isinstance(v, Expr):
            return True
        if isinstance(v, (list, tuple)):
            pending.extend(v)
    return False


def tensor(name: str | None = None, dtype: str = floatX, shape: Shape = ()) -> Tensor:
    """Return an input: a named tensor whose value is given at call time."""
    if name is not None and not isinstance(name, str):
        raise TypeError(f"the first argument of an input is its name, not {name!r}: tensor('x', dtype, shape), vector('x', 3)")
    lengths = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    for n in lengths:
        if n is not None and not (isinstance(n, (int, np.integer)) and not isinstance(n, bool) and n >= 0):
            raise ShapeError(f"the length of an axis is a number from 0 on, or None where it is not known yet; not {n!r}")
    node: Tensor = intern(Input(name, TensorType(checked_dtype(dtype), tuple(n if n is None else int(n) for n in lengths))))
    node.name = name
    return node


def scalar(name: str | None = None, dtype: str = floatX) -> Tensor:
    """Return a scalar input."""
    return tensor(name, dtype, ())


def vector(
    name: str | None = None, length: int | None = None, dtype: str = floatX, *, shape: Shape | None = None
) -> Tensor:
    """Return a vector input."""
    return tensor(name, dtype, (length,) if shape is None else shape)


def matrix(
    name: str | None = None, rows: int | None = None, columns: int | None = None, dtype: str = floatX,
    *, shape: Shape | None = None,
) -> Tensor:  # fmt: skip
    """Return a matrix input."""
    return tensor(name, dtype, (rows, columns) if shape is None else shape)


def data(name: str, value: Any, shape: Shape | None = None) -> Tensor:
    """Return a named array that can be replaced between calls without recompiling."""
    array = owned(value)
    kind = type_of(array)
    if shape is not None:
        kind = kind.with_shape(shape)
    node: Tensor = intern(Data(name, [array], kind))
    node.name = name
    return node


def set_data(node: Tensor, value: Any) -> None:
    """Replace the value of a `data` expression.

    Raises
    ------
    ShapeError, DTypeError
        If the new value does not fit the declared type.
    """
    assert isinstance(node.op, Data)
    array = fitting(value, node.dtype, f"data {node.op.label!r}")
    if not node.type.accepts(type_of(array)):
        raise ShapeError(
            f"data {node.op.label!r} was declared {node.type}; the new value has shape {array.shape}",
            "declare the dimension as None to let it change",
        )
    node.op.cell[0] = np.array(array, order="C")


# The families need Tensor, its operators need them.
from workbench.tensor import elementwise as _elementwise
from workbench.tensor.indexing import getitem as _getitem
from workbench.tensor.indexing import take as _take
from workbench.tensor.indexing import updates as _updates
from workbench.tensor.shape import joining as _joining
from workbench.tensor.linalg import products as _products
from workbench.tensor.reduction import reductions as _reduction
from workbench.tensor.shape import reshaping as _shape
from workbench.tensor.reduction import cumulative as _cumulative  # isort: skip
from workbench.tensor.linalg import diagonal as _diagonal  # isort: skip
from workbench.tensor.sorting import sorting as _sorting  # isort: skip
