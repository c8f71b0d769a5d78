"""Running sums and products, differences, and the recurrence that their derivatives need."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.errors import ShapeError
from workbench.graph.expr import Expr, Input, Op, intern, results_of
from workbench.graph.frozen import frozen
from workbench.graph.inner import Graph
from workbench.graph.types import TensorType
from workbench.tensor import elementwise as _e
from workbench.tensor import shape as _s
from workbench.tensor.reduction.reductions import sum_dtype
from workbench.tensor.shape.joining import concatenate
from workbench.tensor.tensor import Tensor, as_tensor


@frozen
class Cumulate(Op):
    """The running sum ("add") or product ("multiply") along an axis."""

    kind: str
    axis: int

    @property
    def name(self) -> str:
        return "cumsum" if self.kind == "add" else "cumprod"

    def infer(self, x: TensorType) -> TensorType:
        return x

    def numpy(self, x: Any) -> Any:
        return getattr(np, self.name)(x, self.axis, dtype=np.asarray(x).dtype)

    def jax(self, x: Any) -> Any:
        import jax.numpy as jnp

        return getattr(jnp, self.name)(x, self.axis, dtype=x.dtype)

    def loop(self, x: Tensor) -> Tensor:
        combine, start = (_e.add, 0) if self.kind == "add" else (_e.multiply, 1)
        return _stepwise(combine, start, self.axis, x)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        x = node.inputs[0]
        g = _s.whole(cotangent, node)
        if self.kind == "add":
            return [_s.flip(intern(self, (_s.flip(g, self.axis),)), self.axis)]
        # y[k] = x[0] ... x[k], so dx[j] = x[0] ... x[j-1] s[j] with s[j] = g[j] + x[j+1] s[j+1].
        # No division: right too where some x are zero.
        following = _shifted(_s.flip(x, self.axis), self.axis)
        back = _s.flip(intern(Recurrence(self.axis), (following, _s.flip(g, self.axis))), self.axis)
        return [back * _shifted(node, self.axis, 1.0)]


def _stepwise(step: Any, start: float, axis: int, *sequences: Tensor) -> Tensor:
    """Every value of ``y = step(y, ...)`` over rows along an axis: a scan, for compiled code."""
    from workbench.tensor.control.scan import Scan

    rows = [_s.moveaxis(s, axis, 0) for s in sequences]
    carried, *elements = (intern(Input(None, r.type.with_shape(r.type.shape[1:]))) for r in (rows[0], *rows))
    after = step(carried, *elements)
    body = Graph([carried, *elements], [after, after])
    first = _s.full(_s.extents(rows[0])[1:], np.asarray(start, carried.dtype))
    steps = rows[0].type.shape[0]
    made = intern(Scan(body, steps if isinstance(steps, int) else None, 1, len(rows)), (first, *rows))
    return _s.moveaxis(results_of(made)[1], 0, axis)


def _shifted(x: Any, axis: int, first: float = 0.0) -> Tensor:
    """`x` one row later along an axis, with `first` in front."""
    before = (slice(None),) * axis
    head = _s.zeros_like(x[(*before, slice(0, 1))]) + np.asarray(first, x.dtype)
    return concatenate([head, x[(*before, slice(None, -1))]], axis)


@frozen
class Recurrence(Op):
    """``y[k] = a[k] * y[k-1] + b[k]`` along an axis, from zero; inputs `a` and `b` of one shape."""

    axis: int
    name = "recurrence"

    def infer(self, a: TensorType, b: TensorType) -> TensorType:
        return b

    def numpy(self, a: Any, b: Any) -> Any:
        a, result = np.moveaxis(a, self.axis, 0), np.array(np.moveaxis(b, self.axis, 0))
        for k in range(1, len(result)):
            result[k] += a[k] * result[k - 1]
        return np.moveaxis(result, 0, self.axis)

    def jax(self, a: Any, b: Any) -> Any:
        import jax

        def join(left: Any, right: Any) -> Any:
            return left[0] * right[0], right[0] * left[1] + right[1]

        return jax.lax.associative_scan(join, (a, b), axis=self.axis)[1]

    def loop(self, a: Tensor, b: Tensor) -> Tensor:
        return _stepwise(lambda y, a, b: a * y + b, 0, self.axis, a, b)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        # Backwards: gb[k] = g[k] + a[k+1] gb[k+1], ga[k] = gb[k] y[k-1].
        a, _ = node.inputs
        g = _s.whole(cotangent, node)
        following = _shifted(_s.flip(a, self.axis), self.axis)
        of_b = _s.flip(intern(self, (following, _s.flip(g, self.axis))), self.axis)
        return [of_b * _shifted(node, self.axis), of_b]


def _cumulate(kind: str, x: Any, axis: int | None, dtype: str | None) -> Tensor:
    x = as_tensor(x)
    x = _e.cast(x, dtype or sum_dtype(x.dtype))
    if axis is None:
        x, axis = _s.ravel(x), 0
    at = _s.axis_of("cumsum" if kind == "add" else "cumprod", axis, x.ndim)
    return intern(Cumulate(kind, at), (x,))


def cumsum(x: Any, axis: int | None = None, dtype: str | None = None) -> Tensor:
    """Return the running sums along `axis` (flattened, for ``None``). Integers are summed in 64 bits.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> pt.cumsum([1, 2, 3]).eval()
    array([1, 3, 6])
    """
    return _cumulate("add", x, axis, dtype)


def cumprod(x: Any, axis: int | None = None, dtype: str | None = None) -> Tensor:
    """Return the running products along `axis` (flattened, for ``None``).

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> pt.cumprod([1, 2, 3]).eval()
    array([1, 2, 6])
    """
    return _cumulate("multiply", x, axis, dtype)


def exclusive_products(x: Tensor) -> Tensor:
    """Return, for each element along the last axis, the product of all others."""
    axis = x.ndim - 1
    before = _shifted(cumprod(x, axis), axis, 1.0)
    after = _s.flip(_shifted(cumprod(_s.flip(x, axis), axis), axis, 1.0), axis)
    return before * after


def diff(x: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Tensor:
    """Return the differences of neighbours along `axis`, `n` times over.

    Parameters
    ----------
    x
        Tensor.
    n
        How often.
    axis
        Along which.
    prepend, append
        Values to put before and after `x` first; scalars are repeated.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> pt.diff([1, 4, 9]).eval()
    array([3, 5])
    """
    x = as_tensor(x)
    if n < 0:
        raise ShapeError(f"diff: the order cannot be negative, got {n}")
    at = _s.axis_of("diff", axis, x.ndim)
    ends = []
    for end in (prepend, append):
        if end is not None:
            end = as_tensor(end)
            own = [1 if a == at else _s.extent(x, a) for a in range(x.ndim)]
            end = _s.broadcast_to(end, own) if end.ndim == 0 else end
        ends.append(end)
    x = concatenate([p for p in (ends[0], x, ends[1]) if p is not None], at)
    before = (slice(None),) * at
    for _ in range(n):
        later, earlier = x[(*before, slice(1, None))], x[(*before, slice(None, -1))]
        x = _e.not_equal(later, earlier) if x.dtype == "bool" else later - earlier
    return x
