"""Sorting, searching and counting. What has a result of unknown length is called back from compiled code."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.errors import CompileError, DTypeError, ShapeError
from workbench.graph.expr import Constant, Expr, Get, Op, intern, results_of
from workbench.graph.frozen import frozen
from workbench.graph.lengths import fresh
from workbench.graph.types import TensorType, TupleType
from workbench.tensor import elementwise as _e
from workbench.tensor import shape as _s
from workbench.tensor.native_call import NativeCall
from workbench.tensor.sorting.loops import argsort_call, searchsorted_call
from workbench.tensor.tensor import Tensor, as_tensor, constant


def _no_length(what: str) -> CompileError:
    return CompileError(
        f"the length of the result of {what} depends on values, which JAX cannot compile", "use backend='numpy'"
    )


# Sorting --------------------------------------------------------------------------------------


@frozen
class Sort(Op):
    """The elements in order along an axis, NaN last."""

    axis: int
    name = "sort"

    def infer(self, x: TensorType) -> TensorType:
        return x

    def numpy(self, x: Any) -> Any:
        return np.sort(x, self.axis)

    def jax(self, x: Any) -> Any:
        import jax.numpy as jnp

        return jnp.sort(x, self.axis)

    def loop(self, x: Tensor) -> Expr:
        from workbench.tensor.indexing.take import take_along_axis

        return take_along_axis(x, intern(ArgSort(self.axis), (x,)), self.axis)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        from workbench.tensor.indexing.take import put_along_axis

        x = node.inputs[0]
        order = intern(ArgSort(self.axis), (x,))
        return [put_along_axis(_s.zeros_like(x), order, _s.whole(cotangent, node), self.axis)]


@frozen
class ArgSort(Op):
    """The rows of the elements in order along an axis; of equal ones the first comes first."""

    axis: int
    name = "argsort"

    def infer(self, x: TensorType) -> TensorType:
        return x.with_dtype("int64")

    def numpy(self, x: Any) -> Any:
        return np.argsort(x, self.axis, kind="stable")

    def jax(self, x: Any) -> Any:
        import jax.numpy as jnp

        return jnp.argsort(x, self.axis, stable=True).astype("int64")

    def native(self, node: Expr) -> NativeCall | None:
        x = node.inputs[0]
        return argsort_call(x.type) if self.axis == x.type.ndim - 1 else None

    def loop(self, x: Tensor) -> Expr:
        last = _s.moveaxis(x, self.axis, -1)
        return _s.moveaxis(intern(ArgSort(last.ndim - 1), (last,)), -1, self.axis)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        return [None]


def sort(x: Any, axis: int | None = -1, kind: Any = None, *, stable: Any = None) -> Tensor:
    """Return the elements in order along `axis` (flattened, for ``None``); NaN comes last.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> pt.sort([3, 1, 2]).eval()
    array([1, 2, 3])
    """
    x, at = _flat_for(x, axis, "sort")
    return intern(Sort(at), (x,))


def argsort(x: Any, axis: int | None = -1, kind: Any = None, *, stable: Any = None) -> Tensor:
    """Return the rows that put the elements in order along `axis`; of equal ones the first comes first.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> pt.argsort([3, 1, 2]).eval()
    array([1, 2, 0])
    """
    x, at = _flat_for(x, axis, "argsort")
    return intern(ArgSort(at), (x,))


def _flat_for(x: Any, axis: int | None, what: str) -> tuple[Tensor, int]:
    x = as_tensor(x)
    if axis is None:
        return _s.ravel(x), 0
    return x, _s.axis_of(what, axis, x.ndim)


# Searching ------------------------------------------------------------------------------------


@frozen
class SearchSorted(Op):
    """Where values would be inserted into a sorted vector."""

    side: Any
    name = "searchsorted"

    def infer(self, a: TensorType, v: TensorType) -> TensorType:
        if a.ndim != 1:
            raise ShapeError(f"searchsorted takes a sorted vector, not a tensor of shape {a.shape}")
        return TensorType("int64", v.shape)

    def numpy(self, a: Any, v: Any) -> Any:
        return np.asarray(np.searchsorted(a, v, self.side))

    def jax(self, a: Any, v: Any) -> Any:
        import jax.numpy as jnp

        return jnp.searchsorted(a, v, self.side).astype("int64")

    def native(self, node: Expr) -> NativeCall | None:
        a, v = node.inputs
        return searchsorted_call(a.type, v.type, self.side)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        return [None, None]


def searchsorted(a: Any, v: Any, side: str = "left", sorter: Any = None) -> Tensor:
    """Return the places at which `v` would be inserted into the sorted vector `a`.

    Parameters
    ----------
    a
        Vector, in order (with `sorter`: in order once taken at it).
    v
        Values, of any shape.
    side
        The place before ("left") or after ("right") elements that are equal.
    sorter
        Rows that put `a` in order.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> pt.searchsorted([1, 2, 2, 3], [2, 5]).eval()
    array([1, 4])
    """
    if side not in ("left", "right"):
        raise ShapeError(f"searchsorted: the side is 'left' or 'right', not {side!r}")
    a, v = _e.promote("searchsorted", as_tensor(a), as_tensor(v))
    if sorter is not None:
        a = a[as_tensor(sorter)]
    return intern(SearchSorted(side), (a, v))


@frozen
class Digitize(Op):
    """The bins that values lie in."""

    right: bool
    name = "digitize"

    def infer(self, x: TensorType, bins: TensorType) -> TensorType:
        if bins.ndim != 1:
            raise ShapeError(f"digitize takes a vector of bins, not a tensor of shape {bins.shape}")
        return TensorType("int64", x.shape)

    def numpy(self, x: Any, bins: Any) -> Any:
        return np.asarray(np.digitize(x, bins, self.right))

    def jax(self, x: Any, bins: Any) -> Any:
        import jax.numpy as jnp

        return jnp.digitize(x, bins, self.right).astype("int64")

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        return [None, None]


def digitize(x: Any, bins: Any, right: bool = False) -> Tensor:
    """Return the number of the bin of each value: i where ``bins[i-1] <= x < bins[i]``.

    Parameters
    ----------
    x
        Values, of any shape.
    bins
        Vector that rises or falls.
    right
        Whether the bins contain their right ends instead.

    Examples
    --------
    >>> pt.digitize([0.5, 2.5], [0.0, 1.0, 2.0]).eval().tolist()
    [1, 3]
    """
    x, bins = _e.promote("digitize", as_tensor(x), as_tensor(bins))
    return intern(Digitize(right), (x, bins))


# What is there --------------------------------------------------------------------------------


@frozen
class Nonzero(Op):
    """The indices of elements that are not zero, one vector for each axis."""

    name = "nonzero"

    def infer(self, x: TensorType) -> TupleType:
        return TupleType((TensorType("int64", (fresh("k"),)),) * x.ndim)

    def numpy(self, x: Any) -> Any:
        return tuple(np.nonzero(x))

    def jax(self, x: Any) -> Any:
        raise _no_length("nonzero")

    def grad(self, node: Expr, cotangent: Any) -> Sequence[Expr | None]:
        return [None]


def nonzero(x: Any) -> tuple[Tensor, ...]:
    """Return the indices of the elements that are not zero: one vector for each axis.

    Their length depends on values, so it is known only at run time, unless `x` is a constant; such
    graphs run on NumPy alone.

    Raises
    ------
    ShapeError
        If `x` is a scalar.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> [i.eval().tolist() for i in pt.nonzero([[0, 1], [2, 0]])]
    [[0, 1], [1, 0]]
    """
    x = as_tensor(x)
    if x.ndim == 0:
        raise ShapeError("nonzero takes a tensor with axes", "use nonzero(atleast_1d(x))")
    if isinstance(x.op, Constant):
        return tuple(constant(i) for i in np.nonzero(x.op.value))
    return tuple(results_of(intern(Nonzero(), (x,))))


def flatnonzero(x: Any) -> Tensor:
    """Return the row-major numbers of the elements that are not zero; see `nonzero`.

    Examples
    --------
    >>> pt.flatnonzero([0, 3, 5]).eval().tolist()
    [1, 2]
    """
    return nonzero(_s.ravel(x))[0]


def argwhere(x: Any) -> Tensor:
    """Return the indices of the elements that are not zero, one to a row; see `nonzero`.

    Examples
    --------
    >>> pt.argwhere([0, 3, 5]).eval().tolist()
    [[1], [2]]
    """
    from workbench.tensor.shape.joining import stack

    return stack(nonzero(x), axis=1)


def mask_of(indices: Sequence[Expr]) -> Tensor | None:
    """Return the boolean tensor of whose nonzero elements these are the indices, if they are."""
    if not indices or not all(isinstance(i.op, Get) and isinstance(i.inputs[0].op, Nonzero) for i in indices):
        return None
    whole = indices[0].inputs[0]
    mask: Tensor = whole.inputs[0]
    same = len(indices) == mask.ndim and all(i.inputs[0] is whole and i.op.index == k for k, i in enumerate(indices))
    return mask if same and mask.dtype == "bool" else None


@frozen
class RepeatedNumbers(Op):
    """0 ... n - 1, each as often as a vector says."""

    name = "repeated_numbers"

    def infer(self, times: TensorType) -> TensorType:
        return TensorType("int64", (fresh("k"),))

    def numpy(self, times: Any) -> Any:
        return np.repeat(np.arange(len(times)), times)

    def jax(self, times: Any) -> Any:
        raise _no_length("repeat")

    def grad(self, node: Expr, cotangent: Any) -> Sequence[Expr | None]:
        return [None]


def repeated_numbers(times: Tensor) -> Tensor:
    """Return 0 ... n - 1, each as often as a vector says."""
    return intern(RepeatedNumbers(), (times,))


@frozen
class Unique(Op):
    """Of a vector's different elements, in order: where each first is, which each element is, how often each is."""

    equal_nan: bool
    name = "unique"

    def infer(self, x: TensorType) -> TupleType:
        some = TensorType("int64", (fresh("k"),))
        return TupleType((some, TensorType("int64", x.shape), some))

    def numpy(self, x: Any) -> Any:
        _, index, inverse, counts = np.unique(x, True, True, True, equal_nan=self.equal_nan)
        return index, inverse, counts

    def jax(self, x: Any) -> Any:
        raise _no_length("unique")

    def grad(self, node: Expr, cotangent: Any) -> Sequence[Expr | None]:
        return [None]


def unique(
    x: Any, return_index: bool = False, return_inverse: bool = False, return_counts: bool = False, *, equal_nan: bool = True
) -> Any:
    """Return the different elements of `x`, in order.

    How many there are is known only at run time, so such graphs run on NumPy alone.

    Parameters
    ----------
    x
        Tensor, which is flattened.
    return_index, return_inverse, return_counts
        Return also where each is first, which one each element of `x` is, and how often each is.
    equal_nan
        Whether all NaN are one.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> pt.unique([3, 1, 3]).eval()
    array([1, 3])
    """
    x = as_tensor(x)
    flat = _s.ravel(x)
    index, inverse, counts = results_of(intern(Unique(equal_nan), (flat,)))
    found = [flat[index]]
    if return_index:
        found.append(index)
    if return_inverse:
        found.append(_s.reshape_like(inverse, x))
    if return_counts:
        found.append(counts)
    return found[0] if len(found) == 1 else tuple(found)


@frozen
class BinCount(Op):
    """How often each of 0, 1, 2, ... occurs; with weights, the sums of theirs."""

    minlength: int
    name = "bincount"

    def infer(self, x: TensorType, *weights: TensorType) -> TensorType:
        return TensorType(weights[0].dtype if weights else "int64", (fresh("k"),))

    def numpy(self, x: Any, *weights: Any) -> Any:
        return np.bincount(x, weights[0] if weights else None, self.minlength)

    def jax(self, x: Any, *weights: Any) -> Any:
        raise _no_length("bincount")

    def grad(self, node: Expr, cotangent: Any) -> Sequence[Expr | None]:
        x, *weights = node.inputs
        return [None, *(_s.whole(cotangent, node)[x] for _ in weights)]


def bincount(x: Any, weights: Any = None, minlength: int = 0) -> Tensor:
    """Return how often each of 0, 1, 2, ... occurs in a vector; with `weights`, the sums of theirs.

    The length is that of the largest element, so it is known only at run time unless `x` is a
    constant. ``zeros(n)[x].inc(weights)`` counts into a fixed length, on every backend.

    Parameters
    ----------
    x
        Vector of integers that are not negative.
    weights
        Of the same length.
    minlength
        The least length of the result.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> pt.bincount([0, 2, 2], minlength=4).eval()
    array([1, 0, 2, 0])
    """
    x = as_tensor(x)
    if x.ndim != 1 or x.type.kind not in "iub":
        raise DTypeError(f"bincount takes a vector of integers, got {x.type}")
    if x.dtype == "uint64":
        raise DTypeError("bincount cannot count uint64 safely", "cast it: x.astype('int64')")
    given = [] if weights is None else [_e.cast(as_tensor(weights), "float64")]
    if given and given[0].ndim != 1:
        raise ShapeError(f"bincount: the weights have shape {given[0].type.shape}, the vector {x.type.shape}")
    if isinstance(x.op, Constant) and x.type.size:
        if int(x.op.value.min()) < 0:
            raise ShapeError("bincount: the integers cannot be negative")
        n = max(int(x.op.value.max()) + 1, minlength)
        return _s.zeros(n, given[0].dtype if given else "int64")[_e.cast(x, "int64")].inc(given[0] if given else 1)
    return intern(BinCount(minlength), (_e.cast(x, "int64"), *given))


def histogram(x: Any, bins: Any) -> tuple[Tensor, Tensor]:
    """Return how many values lie between neighbours of `bins`, and `bins`.

    Parameters
    ----------
    x
        Values, of any shape.
    bins
        Vector of the edges, rising. The last bin contains both its edges.

    Examples
    --------
    >>> pt.histogram([0.5, 1.5, 1.7], [0.0, 1.0, 2.0])[0].eval().tolist()
    [1, 2]
    """
    edges = as_tensor(bins)
    x, bins = _e.promote("histogram", _s.ravel(x), edges)
    if bins.ndim != 1:
        raise ShapeError(f"histogram takes a vector of edges, not {bins.type}", "linspace(low, high, n + 1) makes n bins")
    after = searchsorted(bins, x, "right")
    inside = _e.logical_and(_e.greater_equal(x, bins[0]), _e.less_equal(x, bins[-1]))
    number = _e.minimum(after - 1, _s.extent(bins, 0) - 2)
    found = _e.equal(_s.expand_dims(number, 0), _s.expand_dims(_s.arange(_s.extent(bins, 0) - 1), 1))
    return _e.logical_and(found, inside).sum(axis=1), edges
