"""Signals: convolution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from workbench.errors import ShapeError
from workbench.graph.expr import Expr, intern
from workbench.graph.frozen import frozen
from workbench.graph.lengths import at_least, maximum, minimum
from workbench.graph.types import TensorType
from workbench.names import answers
from workbench.tensor import elementwise as _e
from workbench.tensor import shape as _s
from workbench.tensor.gufunc import Gufunc
from workbench.tensor.shape.joining import concatenate
from workbench.tensor.tensor import Tensor


@frozen
class Convolve(Gufunc):
    """The convolution over the last axis: all overlaps ("full"), or those of the shorter as a whole ("valid")."""

    mode: Literal["full", "valid"]
    name = "convolve"
    cores = (1, 1)

    def infer(self, x: TensorType, y: TensorType) -> TensorType:
        if x.ndim == 0 or y.ndim == 0:
            raise ShapeError("convolve takes vectors, not scalars", "use * to scale")
        n, m = x.shape[-1], y.shape[-1]
        if any(k.__class__ is int and k == 0 for k in (n, m)):
            raise ShapeError(f"convolve of shapes {x.shape} and {y.shape}: neither signal may be empty")
        length = n + m - 1 if self.mode == "full" else maximum(n, m) - minimum(n, m) + 1
        return x.with_shape((*self.batch(x, y), length))

    def numpy(self, x: Any, y: Any) -> Any:
        batch = np.broadcast_shapes(x.shape[:-1], y.shape[:-1])
        x, y = (np.broadcast_to(v, (*batch, v.shape[-1])) for v in (x, y))
        n, m = x.shape[-1], y.shape[-1]
        length = n + m - 1 if self.mode == "full" else max(n, m) - min(n, m) + 1
        result = np.empty((*batch, length), x.dtype)
        for i in np.ndindex(*batch):
            result[i] = np.convolve(x[i], y[i], self.mode)
        return result

    def jax(self, x: Any, y: Any) -> Any:
        import jax
        import jax.numpy as jnp

        batch = jnp.broadcast_shapes(x.shape[:-1], y.shape[:-1])
        x, y = (jnp.broadcast_to(v, (*batch, v.shape[-1])).reshape(-1, v.shape[-1]) for v in (x, y))
        made = jax.vmap(lambda a, b: jnp.convolve(a, b, self.mode, precision="highest"))(x, y)
        return made.reshape(*batch, made.shape[-1]).astype(x.dtype)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        x, y = node.inputs
        g = _s.whole(cotangent, node)
        if self.mode == "full":
            of_x, of_y = _convolve(g, _reversed(y), "valid"), _convolve(g, _reversed(x), "valid")
        else:
            n, m = x.type.shape[-1], y.type.shape[-1]
            if not (at_least(n, m) or at_least(m, n)):
                # The middle of the full one, whose ends get no cotangent.
                k = _e.minimum(_s.extent(x, x.type.ndim - 1), _s.extent(y, y.type.ndim - 1)) - 1
                ends = _s.zeros((*g.shape[:-1], k), g.dtype)
                g = concatenate([ends, g, ends], axis=-1)
                of_x, of_y = _convolve(g, _reversed(y), "valid"), _convolve(g, _reversed(x), "valid")
                return [_s.unbroadcast(of_x, x), _s.unbroadcast(of_y, y)]
            longer, shorter = (x, y) if at_least(n, m) else (y, x)
            of_longer = _convolve(g, _reversed(shorter), "full")
            of_shorter = _reversed(_convolve(longer, _reversed(g), "valid"))
            of_x, of_y = (of_longer, of_shorter) if at_least(n, m) else (of_shorter, of_longer)
        return [_s.unbroadcast(of_x, x), _s.unbroadcast(of_y, y)]


def _reversed(x: Any) -> Tensor:
    made: Tensor = x[..., ::-1]
    return made


def _convolve(x: Tensor, y: Tensor, mode: Literal["full", "valid"]) -> Tensor:
    return intern(Convolve(mode), (x, y))


def convolve(x: Any, y: Any, mode: Literal["full", "valid", "same"] = "full") -> Tensor:
    """Return the convolution of two signals along the last axis; leading axes broadcast.

    Parameters
    ----------
    x, y
        Shapes (..., n) and (..., m).
    mode
        "full": every overlap, n + m - 1 numbers. "valid": the overlaps of the shorter signal as a
        whole, max(n, m) - min(n, m) + 1 numbers. "same": the middle n numbers of the full one, as in
        SciPy (NumPy takes the longer signal's length).

    Raises
    ------
    ShapeError
        If a signal is a scalar or empty, or the leading axes do not broadcast.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> pt.signal.convolve([1.0, 2.0, 3.0], [1.0, 1.0]).eval()
    array([1., 3., 5., 3.])
    """
    if mode not in ("full", "valid", "same"):
        raise ValueError(f"convolve: mode is 'full', 'valid' or 'same', not {mode!r}")
    x, y = _e.promote("convolve", x, y)
    if x.dtype == "bool":
        x, y = _e.cast(x, "int64"), _e.cast(y, "int64")
    if mode != "same":
        return _convolve(x, y, mode)
    full = _convolve(x, y, "full")
    n, m = (_s.extent(part, part.ndim - 1) for part in (x, y))
    start = (m - 1) // 2 if isinstance(m, int) else _e.maximum((m - 1) // 2, 0)
    return full[..., start : start + n]


__all__ = ["convolve"]


__getattr__ = answers(__name__)
