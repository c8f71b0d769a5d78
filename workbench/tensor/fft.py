"""Fourier transforms. There is no complex dtype: complex numbers are pairs along a last axis of length 2."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from workbench.errors import ShapeError
from workbench.graph.expr import Expr, intern
from workbench.graph.frozen import frozen
from workbench.graph.lengths import Size, one_length
from workbench.graph.types import DECLARE_LENGTHS, TensorType
from workbench.tensor import shape as _s
from workbench.tensor.gufunc import Gufunc, floats
from workbench.tensor.shape.joining import concatenate
from workbench.tensor.tensor import Tensor, as_tensor

# The adjoint of a transform is the opposite one with the scale that this one has, unsquared.
Norm = Literal["backward", "ortho", "forward"]
ADJOINT_NORM: dict[Norm, Norm] = {"backward": "forward", "forward": "backward", "ortho": "ortho"}


def _complex(x: Any) -> Any:
    return x[..., 0] + 1j * x[..., 1]


def _check_pairs(what: str, x: TensorType) -> None:
    if x.ndim < 2 or one_length(x.shape[-1], 2) is None:
        raise ShapeError(
            f"{what} takes complex numbers as (real, imaginary) along a last axis of length 2, "
            f"not a tensor of shape {x.shape}", "rfft takes real numbers",
        )  # fmt: skip


def _check_length(what: str, n: Size) -> None:
    if n == 0:
        raise ShapeError(f"{what} of no points", "the transformed axis must not be empty")


@frozen
class FFT(Gufunc):
    """The discrete Fourier transform of pairs, or its inverse, over the last axis but that of pairs."""

    inverse: bool
    norm: Norm

    @property
    def name(self) -> str:
        return "ifft" if self.inverse else "fft"

    def infer(self, x: TensorType) -> TensorType:
        _check_pairs(self.name, x)
        _check_length(self.name, x.shape[-2])
        return x

    def numpy(self, x: Any) -> Any:
        made = (np.fft.ifft if self.inverse else np.fft.fft)(_complex(x), norm=self.norm)
        return np.stack([made.real, made.imag], axis=-1).astype(x.dtype, copy=False)

    def jax(self, x: Any) -> Any:
        import jax.numpy as jnp

        made = (jnp.fft.ifft if self.inverse else jnp.fft.fft)(_complex(x), norm=self.norm)
        return jnp.stack([made.real, made.imag], axis=-1).astype(x.dtype)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        return [intern(FFT(not self.inverse, ADJOINT_NORM[self.norm]), (_s.whole(cotangent, node),))]


@frozen
class RFFT(Gufunc):
    """The Fourier transform of real numbers over the last axis: the half that is not conjugate."""

    norm: Norm
    name = "rfft"
    cores = (1,)

    def infer(self, x: TensorType) -> TensorType:
        if x.ndim == 0:
            raise ShapeError("rfft of a scalar", "the last axis is transformed")
        n = x.shape[-1]
        _check_length("rfft", n)
        return x.with_shape((*x.shape[:-1], n // 2 + 1, 2))

    def numpy(self, x: Any) -> Any:
        made = np.fft.rfft(x, norm=self.norm)
        return np.stack([made.real, made.imag], axis=-1).astype(x.dtype, copy=False)

    def jax(self, x: Any) -> Any:
        import jax.numpy as jnp

        made = jnp.fft.rfft(x, norm=self.norm)
        return jnp.stack([made.real, made.imag], axis=-1).astype(x.dtype)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        n = node.inputs[0].type.shape[-1]
        if not isinstance(n, int):
            raise ShapeError("the gradient of rfft needs the length of its input to be known", DECLARE_LENGTHS)
        # irfft counts what stands for a conjugate pair twice.
        halved = _s.whole(cotangent, node) / _multiplicity(n, node.type.dtype)
        return [intern(IRFFT(n, ADJOINT_NORM[self.norm]), (halved,))]


@frozen
class IRFFT(Gufunc):
    """The `n` real numbers whose transform has the given half."""

    n: int
    norm: Norm
    name = "irfft"

    def infer(self, x: TensorType) -> TensorType:
        _check_pairs("irfft", x)
        half = x.shape[-2]
        if half is not None and half != self.n // 2 + 1:
            raise ShapeError(f"irfft to {self.n} points takes {self.n // 2 + 1} frequencies, not {half}")
        return x.with_shape((*x.shape[:-2], self.n))

    def numpy(self, x: Any) -> Any:
        return np.fft.irfft(_complex(x), self.n, norm=self.norm).astype(x.dtype, copy=False)

    def jax(self, x: Any) -> Any:
        import jax.numpy as jnp

        return jnp.fft.irfft(_complex(x), self.n, norm=self.norm).astype(x.dtype)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        found = intern(RFFT(ADJOINT_NORM[self.norm]), (_s.whole(cotangent, node),))
        return [found * _multiplicity(self.n, node.type.dtype)]


def _multiplicity(n: int, dtype: str) -> Tensor:
    """How often each frequency of the half occurs in the whole: shape (n // 2 + 1, 1)."""
    times = np.full((n // 2 + 1, 1), 2.0, dtype)
    times[0] = 1.0
    if n % 2 == 0:
        times[-1] = 1.0
    return as_tensor(times)


def _norm(what: str, norm: Norm | None) -> Norm:
    if norm is not None and norm not in ADJOINT_NORM:
        raise ValueError(f"{what}: norm is one of {', '.join(ADJOINT_NORM)}, not {norm!r}")
    return norm or "backward"


def _to_length(what: str, x: Tensor, n: int | None, axis: int) -> Tensor:
    """`x` cut or filled with zeros to length `n` along `axis`."""
    if n is None or x.type.shape[axis] == n:
        return x
    if n < 1:
        raise ShapeError(f"{what} of {n} points", "n must be at least 1")
    have = x.type.shape[axis]
    if not isinstance(have, int):
        raise ShapeError(f"{what} to {n} points needs the length of its input to be known", DECLARE_LENGTHS)
    if n < have:
        return x[(slice(None),) * axis + (slice(0, n),)]
    shape = _s.extents(x)
    missing = _s.zeros((*shape[:axis], n - have, *shape[axis + 1 :]), x.dtype)
    return concatenate([x, missing], axis=axis)


def fft(x: Any, n: int | None = None, axis: int = -1, norm: Norm | None = None) -> Tensor:
    """Return the discrete Fourier transform of complex numbers.

    Parameters
    ----------
    x
        Shape (..., m, 2): real and imaginary parts along the last axis.
    n
        Cut `x` to so many points, or fill it with zeros; m by default.
    axis
        Which axis is transformed, that of pairs not counted; the last by default.
    norm
        "backward" (the default: no factor), "ortho" (divided by the root of n) or "forward" (divided
        by n).

    Returns
    -------
    Shape (..., n, 2).

    Raises
    ------
    ShapeError
        If the last axis has not length 2, or there is no point.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> pt.fft.fft([[1.0, 0.0], [0.0, 0.0]]).eval()
    array([[1., 0.],
           [1., 0.]])
    """
    return _fft("fft", False, x, n, axis, norm)


def ifft(x: Any, n: int | None = None, axis: int = -1, norm: Norm | None = None) -> Tensor:
    """Return the inverse of :func:`fft`; by default ("backward") it divides by n. Parameters are the same.

    Examples
    --------
    >>> real, imaginary = pt.fft.ifft(pt.constant([[1.0, 0.0], [1.0, 0.0]]))
    >>> real.eval().tolist()
    [1.0, 0.0]
    """
    return _fft("ifft", True, x, n, axis, norm)


def _fft(what: str, inverse: bool, x: Any, n: int | None, axis: int, norm: Norm | None) -> Tensor:
    (x,) = floats(what, x)
    _check_pairs(what, x.type)
    at = _s.axis_of(what, axis, x.ndim - 1)
    x = _s.moveaxis(x, at, -2)
    return _s.moveaxis(intern(FFT(inverse, _norm(what, norm)), (_to_length(what, x, n, x.ndim - 2),)), -2, at)


def rfft(x: Any, n: int | None = None, axis: int = -1, norm: Norm | None = None) -> Tensor:
    """Return the discrete Fourier transform of real numbers over an axis.

    Parameters
    ----------
    x
        Shape (..., m).
    n
        Cut `x` to so many points, or fill it with zeros; m by default.
    axis
        Which axis is transformed, that of pairs not counted; the last by default.
    norm
        "backward" (the default: no factor), "ortho" or "forward", as for :func:`fft`.

    Returns
    -------
    Shape (..., n // 2 + 1, 2): real and imaginary parts of the frequencies 0 to n // 2; the others
    are their conjugates.

    Raises
    ------
    ShapeError
        If `x` is a scalar, or its last axis empty.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> pt.fft.rfft([1.0, 2.0]).eval()
    array([[ 3.,  0.],
           [-1.,  0.]])
    """
    (x,) = floats("rfft", x)
    at = _s.axis_of("rfft", axis, x.ndim)
    x = _to_length("rfft", _s.moveaxis(x, at, -1), n, x.ndim - 1)
    return _s.moveaxis(intern(RFFT(_norm("rfft", norm)), (x,)), -2, at)


def irfft(x: Any, n: int | None = None, axis: int = -1, norm: Norm | None = None) -> Tensor:
    """Return the real numbers of which :func:`rfft` makes `x`.

    Parameters
    ----------
    x
        Shape (..., m, 2). The imaginary parts of the first frequency, and of the last if n is even,
        do not count.
    n
        How many numbers to return: 2 (m - 1) by default, so say it where the number is odd.
    axis
        Which axis is transformed, that of pairs not counted; the last by default.
    norm
        As for :func:`rfft`.

    Returns
    -------
    Shape (..., n).

    Raises
    ------
    ShapeError
        If the last axis has not length 2, or there would be no point.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> pt.fft.irfft(pt.fft.rfft([1.0, 2.0, 4.0]), n=3).eval().round(12)
    array([1., 2., 4.])
    """
    (x,) = floats("irfft", x)
    _check_pairs("irfft", x.type)
    at = _s.axis_of("irfft", axis, x.ndim - 1)
    x = _s.moveaxis(x, at, -2)
    half = x.type.shape[-2]
    if n is None:
        if not isinstance(half, int):
            raise ShapeError("irfft: the number of frequencies is known only at run time", "give n")
        n = 2 * (half - 1)
    if n < 1:
        raise ShapeError(f"irfft to {n} points", "give n, of at least 1")
    made = intern(IRFFT(int(n), _norm("irfft", norm)), (_to_length("irfft", x, n // 2 + 1, x.ndim - 2),))
    return _s.moveaxis(made, -1, at)


__all__ = ["fft", "ifft", "irfft", "rfft"]
