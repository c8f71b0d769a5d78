"""Signals: convolution."""

from __future__ import annotations

import math
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


@frozen
class LongConvolve(Convolve):
    """The same by Fourier transforms, where they take less time: of long signals with long kernels.

    An element is right to about ``eps * log2(N)`` times the product of the norms of both signals (N the
    points of a transform), not to so many of its own digits: outputs much smaller than the largest lose theirs.

    Attributes
    ----------
    per_point, overhead
        What transforms of N points take, in products of the direct sum: ``overhead + per_point * N * log2(N)``.
    """

    per_point: float
    overhead: float
    name = "convolve_by_fft"

    def pays(self, n: int, m: int) -> bool:
        """Whether transforms take less time than the direct sum, for signals of these lengths."""
        points, count = self.blocks(n, m)
        return self.products(n, m) > self.overhead + self.per_point * count * points * math.log2(points)

    def products(self, n: int, m: int) -> int:
        """How many products the direct sum takes."""
        return n * m if self.mode == "full" else min(n, m) * (abs(n - m) + 1)

    @staticmethod
    def blocks(n: int, m: int) -> tuple[int, int]:
        """The points of a transform, and how many there are of the longer signal: in one, or in blocks of several times the shorter."""
        n, m = max(n, m), min(n, m)
        whole = _fast_length(n + m - 1)
        part = _fast_length(4 * m)
        return (whole, 1) if whole <= 2 * part else (part, -(-n // (part - m + 1)))

    def _ordered(self, x: Any, y: Any) -> tuple[Any, Any]:
        return (x, y) if x.shape[-1] >= y.shape[-1] else (y, x)

    def _part(self, full: Any, n: int, m: int) -> Any:
        return full if self.mode == "full" else full[..., min(n, m) - 1 : max(n, m)]

    def numpy(self, x: Any, y: Any) -> Any:
        n, m = x.shape[-1], y.shape[-1]
        if not self.pays(n, m):
            return super().numpy(x, y)
        long, short = self._ordered(x, y)
        batch = np.broadcast_shapes(x.shape[:-1], y.shape[:-1])
        points, count = self.blocks(n, m)
        step = points - min(n, m) + 1 if count > 1 else max(n, m)
        of_short = np.fft.rfft(short.astype("float64", copy=False), points)
        full = np.zeros((*batch, n + m - 1))
        for start in range(0, max(n, m), step):
            block = long[..., start : start + step].astype("float64", copy=False)
            made = np.fft.irfft(np.fft.rfft(block, points) * of_short, points)
            # The end of a block's overlaps belongs to the beginning of the next.
            stop = min(block.shape[-1] + min(n, m) - 1, points)
            full[..., start : start + stop] += made[..., :stop]
        return np.ascontiguousarray(self._part(full, n, m), dtype=x.dtype)

    def jax(self, x: Any, y: Any) -> Any:
        import jax.numpy as jnp

        n, m = x.shape[-1], y.shape[-1]
        if not self.pays(n, m):
            return super().jax(x, y)
        points = _fast_length(n + m - 1)
        of_both = [jnp.fft.rfft(part.astype("float64"), points) for part in (x, y)]
        full = jnp.fft.irfft(of_both[0] * of_both[1], points)[..., : n + m - 1]
        return self._part(full, n, m).astype(x.dtype)


def _fast_length(n: int) -> int:
    """The least product of powers of 2, 3 and 5 that is not less than `n`."""
    best = 1 << max(n - 1, 0).bit_length()
    five = 1
    while five < best:
        product = five
        while product < best:
            best = min(best, product << max(-(-n // product) - 1, 0).bit_length())
            product *= 3
        five *= 5
    return best


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
