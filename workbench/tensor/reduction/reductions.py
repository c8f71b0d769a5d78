"""Reductions over axes."""

from __future__ import annotations

import builtins
import importlib
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.errors import DTypeError, ShapeError
from workbench.graph.expr import Expr, Op, intern
from workbench.graph.frozen import frozen
from workbench.graph.length_names import shape_text
from workbench.graph.lengths import at_least, minimum, one_length
from workbench.graph.types import KINDS, TensorType
from workbench.tensor import elementwise as _e
from workbench.tensor import shape as _s
from workbench.tensor.markers import stop_gradient
from workbench.tensor.tensor import Tensor, as_tensor


def _need_elements(what: str, x: TensorType, axes: Sequence[int]) -> None:
    """Raise if axes have no elements; that they have some is a condition, where lengths are known at the call."""
    for n in (x.shape[a] for a in axes):
        if one_length(minimum(n, 1), 1) is None:
            raise ShapeError(f"the {what} over no elements is not defined: the tensor has shape {shape_text(x.shape)}")


@frozen
class Combine:
    """How a reduction folds elements: its neutral value and its binary operation."""

    neutral: Any
    numpy: Any
    op: _e.ScalarOp

    def start(self, dtype: str) -> Any:
        """The neutral value in `dtype`."""
        if np.dtype(dtype).kind in "iub" and self.neutral in (float("inf"), -float("inf")):
            if dtype == "bool":
                return self.neutral > 0
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


@frozen
class Reduce(Op):
    """A reduction of `kind` over `axes`; an extreme of no elements, where there may be none (`of_nothing`), is the neutral value."""

    kind: str
    axes: tuple[int, ...]
    of_nothing: bool = False

    @property
    def name(self) -> str:
        return self.kind

    @property
    def combine(self) -> Combine:
        return COMBINE[self.kind]

    def read(self, node: Expr, *operands: str) -> str:
        every = len(self.axes) == node.inputs[0].type.ndim
        return f"{self.kind}({operands[0]}{'' if every else f', axis={self.axes[0] if len(self.axes) == 1 else self.axes}'})"

    def infer(self, x: TensorType) -> TensorType:
        if self.kind in ("max", "min") and not self.of_nothing:
            _need_elements(self.kind, x, self.axes)
        return x.with_shape(tuple(n for i, n in enumerate(x.shape) if i not in self.axes))

    def numpy(self, x: Any) -> Any:
        dtype = np.asarray(x).dtype
        if self.kind in ("sum", "prod"):
            return np.asarray(self.combine.numpy(x, axis=self.axes, dtype=dtype))
        return np.asarray(self.combine.numpy(x, axis=self.axes, **self._initial(dtype)))

    def jax(self, x: Any) -> Any:
        import jax.numpy as jnp

        return getattr(jnp, self.kind)(x, axis=self.axes, **self._initial(x.dtype)).astype(x.dtype)

    def _initial(self, dtype: Any) -> dict[str, Any]:
        return {"initial": self.combine.start(np.dtype(dtype).name)} if self.of_nothing else {}

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        x = node.inputs[0]
        assert isinstance(x, Tensor)
        if self.kind not in ("sum", "prod", "max", "min"):
            return [None]
        spread = self._spread(_s.whole(cotangent, node), x)
        if self.kind == "sum":
            return [spread]
        if self.kind == "prod":
            return [spread * product_of_others(x, self.axes)]
        # Where several elements are the largest, they share.
        hit = intern(Extremes(self.kind, self.axes, self.of_nothing), (x,)).astype(x.dtype)
        return [spread * hit / self._spread(sum(hit, self.axes), x)]

    def _spread(self, reduced: Any, x: Tensor) -> Tensor:
        return _s.broadcast_like(_s.expand_dims(reduced, self.axes), x)

    def accumulate(self, builder: Any, node: Expr) -> None:
        """Fold every element of the input into the result."""
        x = node.inputs[0]

        def body(index: Sequence[Any]) -> tuple[Sequence[Any], Any]:
            target = [i for axis, i in enumerate(index) if axis not in self.axes]
            return target, builder.element(x, index)

        builder.accumulate(
            node, x.type.shape, body, self.combine.op, start=self.combine.start(node.type.dtype)
        )


@frozen
class Extremes(Op):
    """Which elements are the largest ("max") or smallest ("min") over `axes`: all of those that are equal; NaN, if there is one.

    It has its elements from memory, each computed once: a number that is computed again may differ in its
    last digit, and be equal to no maximum.
    """

    kind: str
    axes: tuple[int, ...]
    of_nothing: bool = False
    name = "extremes"

    def infer(self, x: TensorType) -> TensorType:
        return x.with_dtype("bool")

    def numpy(self, x: Any) -> Any:
        return (x == np.expand_dims(self._reduction.numpy(x), self.axes)) | (x != x)

    def jax(self, x: Any) -> Any:
        import jax.numpy as jnp

        lax: Any = importlib.import_module("jax.lax")
        # Without it, the maximum and the comparison may each compute `x` for themselves.
        x = lax.optimization_barrier(x)
        return (x == jnp.expand_dims(self._reduction.jax(x), self.axes)) | (x != x)

    @property
    def _reduction(self) -> Reduce:
        return Reduce(self.kind, self.axes, self.of_nothing)

    def loop(self, x: Tensor) -> Expr:
        found = _e.equal(x, _s.expand_dims(intern(self._reduction, (x,)), self.axes))
        return _e.logical_or(found, _e.isnan(x)) if x.type.kind == "f" else found

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        return [None]


def _reduce(
    kind: str, x: Any, axis: Any, keepdims: bool, dtype: Any = None, initial: Any = None, where: Any = True, of_nothing: bool = False
) -> Tensor:
    x = as_tensor(x)
    if kind in ("sum", "prod"):
        x = _e.cast(x, dtype or sum_dtype(x.dtype))
    if kind in ("all", "any"):
        x = _e.cast(x, "bool")
    if where is not True:
        if kind in ("max", "min") and initial is None:
            raise ShapeError(f"{kind} of chosen elements needs a value for where none is chosen", "give it as `initial`")
        x = _e.where(where, x, np.asarray(COMBINE[kind].start(x.dtype), x.dtype))
    axes = tuple(sorted(_s.axes_of(kind, axis, x.ndim)))
    of_nothing = (of_nothing or initial is not None) and kind in ("max", "min") and not builtins.all(at_least(x.type.shape[a], 1) for a in axes)
    result = intern(Reduce(kind, axes, of_nothing), (x,)) if axes else x
    result = result if initial is None else COMBINE[kind].op(result, _e.cast(initial, result.dtype))
    return _s.expand_dims(result, axes) if keepdims and axes else result


def sum_dtype(dtype: str) -> str:
    """Return the dtype in which NumPy sums: 64 bits, for integers."""
    kind = KINDS[dtype]
    return dtype if kind == "f" else "uint64" if kind == "u" else "int64"


def product_of_others(x: Tensor, axes: Sequence[int]) -> Tensor:
    """For each element, the product of all others over `axes`: right too where some are zero."""
    from workbench.tensor.reduction.cumulative import exclusive_products

    rest = [a for a in range(x.ndim) if a not in axes]
    moved = _s.transpose(x, [*rest, *axes])
    lengths = [_s.extent(x, a) for a in rest]
    flat = _s.reshape(moved, [*lengths, math.prod(_s.extent(x, a) for a in axes)]) if len(axes) > 1 else moved
    if not x.type.is_open and x.size == 0:
        return _s.ones_like(x)
    back = _s.reshape_like(exclusive_products(flat), moved)
    order = [*rest, *axes]
    return _s.transpose(back, [order.index(a) for a in range(x.ndim)])


def _count(x: Tensor, axis: Any, keepdims: bool = False, where: Any = True) -> Any:
    """How many elements are reduced to one: a number where known."""
    if where is not True:
        return sum(_s.broadcast_like(_e.cast(where, "bool"), x), axis, keepdims=keepdims)
    count: Any = 1
    for a in _s.axes_of("mean", axis, x.ndim):
        n = _s.extent(x, a)
        # As a float: of what is only repeated there may be more elements than 63 bits count.
        count = count * (_e.cast(n, "float64") if isinstance(n, Tensor) else n)
    return count


def as_floats(x: Any, dtype: Any = None) -> Tensor:
    """Return `x` with a dtype, or else as floats."""
    x = as_tensor(x)
    if dtype is not None:
        x = _e.cast(x, dtype)
        if x.type.kind != "f":
            raise DTypeError(f"a mean is a floating-point number, not {x.dtype}", "leave dtype out, or say float64")
    return x if x.type.kind == "f" else _e.cast(x, "float64")


def _divided(total: Tensor, count: Any) -> Tensor:
    return total / (_e.cast(count, total.dtype) if isinstance(count, Tensor) else float(count))


def sum(
    x: Any, axis: Any = None, dtype: Any = None, keepdims: bool = False, initial: Any = None, where: Any = True
) -> Tensor:
    """Return the sum over `axis`: one, several, or all. Integers are summed in 64 bits.

    Parameters
    ----------
    x
        Tensor.
    axis
        One, several, or all.
    dtype
        To sum in: by default that of `x`, of integers and booleans 64 bits.
    keepdims
        Keep the axes, with length 1.
    initial
        What the sum begins with.
    where
        Booleans that broadcast with `x`: which elements count.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> pt.sum([[1, 2], [3, 4]], axis=0).eval()
    array([4, 6])
    """
    return _reduce("sum", x, axis, keepdims, dtype, initial, where)


def prod(
    x: Any, axis: Any = None, dtype: Any = None, keepdims: bool = False, initial: Any = None, where: Any = True
) -> Tensor:
    """Return the product over `axis`. Integers are multiplied in 64 bits.

    Examples
    --------
    >>> pt.prod([2, 3, 4]).eval().tolist()
    24
    """
    return _reduce("prod", x, axis, keepdims, dtype, initial, where)


def max(x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None, where: Any = True) -> Tensor:
    """Return the largest element over `axis`; NaN if there is one. Parameters as for `sum`.

    Raises
    ------
    ShapeError
        If there are no elements and no `initial`.

    Examples
    --------
    >>> pt.max([3, 7, 5]).eval().tolist()
    7
    """
    return _reduce("max", x, axis, keepdims, None, initial, where)


def min(x: Any, axis: Any = None, keepdims: bool = False, initial: Any = None, where: Any = True) -> Tensor:
    """Return the smallest element over `axis`; NaN if there is one. Parameters as for `sum`.

    Raises
    ------
    ShapeError
        If there are no elements and no `initial`.

    Examples
    --------
    >>> pt.min([3, 7, 5]).eval().tolist()
    3
    """
    return _reduce("min", x, axis, keepdims, None, initial, where)


amax, amin = max, min


def all(x: Any, axis: Any = None, keepdims: bool = False, where: Any = True) -> Tensor:
    """Return whether all elements over `axis` are true.

    Examples
    --------
    >>> pt.all([[True, False], [True, True]], axis=1).eval().tolist()
    [False, True]
    """
    return _reduce("all", x, axis, keepdims, None, None, where)


def any(x: Any, axis: Any = None, keepdims: bool = False, where: Any = True) -> Tensor:
    """Return whether any element over `axis` is true.

    Examples
    --------
    >>> pt.any([[True, False], [False, False]], axis=1).eval().tolist()
    [True, False]
    """
    return _reduce("any", x, axis, keepdims, None, None, where)


def mean(x: Any, axis: Any = None, dtype: Any = None, keepdims: bool = False, where: Any = True) -> Tensor:
    """Return the mean over `axis`, computed in `dtype`, of the elements `where` it is true; NaN over no elements.

    Examples
    --------
    >>> pt.mean([[1.0, 2.0], [3.0, 5.0]], axis=0).eval().tolist()
    [2.0, 3.5]
    """
    x = as_floats(x, dtype)
    return _divided(sum(x, axis, keepdims=keepdims, where=where), _count(x, axis, keepdims, where))


def var(
    x: Any, axis: Any = None, dtype: Any = None, ddof: float = 0, keepdims: bool = False, where: Any = True
) -> Tensor:
    """Return the variance over `axis`.

    Parameters
    ----------
    x
        Tensor.
    axis
        One, several, or all.
    dtype
        To compute in: by default that of `x`, of integers float64.
    ddof
        The sum of squares is divided by the number of elements less this.
    keepdims
        Keep the axes, with length 1.
    where
        Which elements count.

    Examples
    --------
    >>> pt.var([1.0, 2.0, 4.0]).eval().round(4).tolist()
    1.5556
    """
    x = as_floats(x, dtype)
    squares = sum(_e.square(x - mean(x, axis, keepdims=True, where=where)), axis, keepdims=keepdims, where=where)
    left = _count(x, axis, keepdims, where) - ddof
    # As in NumPy: no degrees of freedom left gives inf or NaN, not a negative variance.
    return _divided(squares, _e.maximum(left, 0) if isinstance(left, Tensor) else left if left > 0 else 0.0)


def std(
    x: Any, axis: Any = None, dtype: Any = None, ddof: float = 0, keepdims: bool = False, where: Any = True
) -> Tensor:
    """Return the standard deviation over `axis`; see `var`.

    Examples
    --------
    >>> pt.std([1.0, 2.0, 4.0]).eval().round(4).tolist()
    1.2472
    """
    return root_of_squares(var(x, axis, dtype, ddof, keepdims, where))


def root_of_squares(total: Tensor) -> Tensor:
    """Return the square root of sums of squares. Its gradient where they are 0 is 0, one of its slopes there, as that of abs."""
    return _e.where(_e.equal(total, 0.0), 0.0, _e.sqrt(total))


def ptp(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Return the range over `axis`: the largest element less the smallest.

    Examples
    --------
    >>> pt.ptp([3, 7, 5]).eval().tolist()
    4
    """
    return max(x, axis, keepdims) - min(x, axis, keepdims)


# Where the largest is -------------------------------------------------------------------------


@frozen
class ArgReduce(Op):
    """The row of the first largest ("max") or smallest ("min") element along an axis; of a NaN, if there is one."""

    kind: str
    axis: int

    @property
    def name(self) -> str:
        return f"arg{self.kind}"

    def infer(self, x: TensorType) -> TensorType:
        _need_elements(self.name, x, (self.axis,))
        return TensorType("int64", (*x.shape[: self.axis], *x.shape[self.axis + 1 :]))

    def numpy(self, x: Any) -> Any:
        return np.asarray(getattr(np, self.name)(x, self.axis))

    def jax(self, x: Any) -> Any:
        import jax.numpy as jnp

        return getattr(jnp, self.name)(x, self.axis).astype("int64")

    def loop(self, x: Tensor) -> Expr:
        """The first row where the extreme value is; a NaN is extreme."""
        n = _s.extent(x, self.axis)
        values = _e.cast(x, "int64") if x.type.kind == "b" else x
        extreme = _reduce(self.kind, values, self.axis, keepdims=True)
        found = _e.equal(values, extreme)
        if values.type.kind == "f":
            found = _e.logical_or(found, _e.isnan(values))
        rows = _s.expand_dims(_s.arange(n), tuple(range(1, x.type.ndim - self.axis)))
        return _reduce("min", _e.where(found, rows, n), self.axis, keepdims=False)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        return [None]


def _arg_reduce(kind: str, x: Any, axis: int | None, keepdims: bool) -> Tensor:
    x = as_tensor(x)
    flat, at = (x, _s.axis_of(f"arg{kind}", axis, x.ndim)) if axis is not None else (_s.ravel(x), 0)
    result = intern(ArgReduce(kind, at), (flat,))
    if not keepdims:
        return result
    return _s.expand_dims(result, at if axis is not None else tuple(range(x.ndim)))


def argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Return where the (first) largest element is along `axis`: its row-major number, for ``None``.

    Raises
    ------
    ShapeError
        If there are no elements.

    Examples
    --------
    >>> pt.argmax([3, 7, 5]).eval().tolist()
    1
    """
    return _arg_reduce("max", x, axis, keepdims)


def argmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Tensor:
    """Return where the (first) smallest element is along `axis`: its row-major number, for ``None``.

    Raises
    ------
    ShapeError
        If there are no elements.

    Examples
    --------
    >>> pt.argmin([3, 7, 5]).eval().tolist()
    0
    """
    return _arg_reduce("min", x, axis, keepdims)


# Exponentials that do not overflow ------------------------------------------------------------


def _shift(x: Tensor, axis: Any) -> Tensor:
    """What to subtract before taking exponentials; their ratios do not depend on it."""
    top = stop_gradient(_reduce("max", x, axis, True, of_nothing=True))
    return _e.where(_e.isfinite(top), top, _s.zeros_like(top))


def logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    """Return the logarithm of the sum of exponentials over `axis`, without overflow.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> float(pt.logsumexp([1000.0, 1000.0]).eval())
    1000.6931471805599
    """
    x = as_floats(x)
    axes = tuple(sorted(_s.axes_of("logsumexp", axis, x.ndim)))
    shift = _shift(x, axes)
    result = _e.log(sum(_e.exp(x - shift), axes, keepdims=True)) + shift
    return result if keepdims or not axes else _s.squeeze(result, axes)


def softmax(x: Any, axis: Any = None) -> Tensor:
    """Return the exponentials divided by their sum over `axis` (all axes by default), without overflow.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> pt.softmax([0.0, 0.0]).eval()
    array([0.5, 0.5])
    """
    x = as_floats(x)
    _s.axes_of("softmax", axis, x.ndim)
    weights = _e.exp(x - _shift(x, axis))
    return weights / sum(weights, axis, keepdims=True)


def log_softmax(x: Any, axis: Any = None) -> Tensor:
    """Return the logarithm of `softmax`, which keeps its digits where that is small.

    Examples
    --------
    >>> pt.log_softmax([0.0, 1.0]).eval().round(4).tolist()
    [-1.3133, -0.3133]
    """
    x = as_floats(x)
    _s.axes_of("log_softmax", axis, x.ndim)
    shifted = x - _shift(x, axis)
    return shifted - _e.log(sum(_e.exp(shifted), axis, keepdims=True))
