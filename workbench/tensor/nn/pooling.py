"""Pooling: the largest element, or the mean, of what a window meets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.errors import ArgumentError, ShapeError
from workbench.graph.expr import Expr, Op, intern
from workbench.graph.frozen import frozen
from workbench.graph.length_names import shape_text
from workbench.graph.lengths import Size, one_length, product, quotient
from workbench.graph.types import TensorType
from workbench.tensor import shape as _s
from workbench.tensor.elementwise import C_TYPES
from workbench.tensor.gufunc import floats
from workbench.tensor.native_call import NativeCall
from workbench.tensor.nn.convolution import Pair, numbers_of, reaches
from workbench.tensor.reduction import reductions as _r
from workbench.tensor.shape.joining import pad
from workbench.tensor.tensor import Tensor


@frozen
class _Windows(Op):
    """Windows of images ``(n, channels, rows, columns)``, and where in each the largest element is: the first of several, or the first NaN."""

    window: Pair
    stride: Pair
    padding: Pair
    dilation: Pair

    def check(self, x: TensorType) -> TensorType:
        if x.ndim != 4:
            raise ShapeError(f"{self.name} of images of shape {shape_text(x.shape)}", "images are (n, channels, rows, columns)")
        found: list[Size] = []
        for n, k, s, p, d in zip(x.shape[2:], self.window, self.stride, self.padding, self.dilation):
            spread, whole = (k - 1) * d + 1, n + 2 * p
            if not reaches(n, spread - 2 * p):
                raise ShapeError(f"{self.name}: a window of {self.window} does not fit into images of shape {shape_text(x.shape)}", f"it takes {spread} of {whole} places, padding counted")
            found.append(quotient(whole - spread, s) + 1)
        return x.with_shape((*x.shape[:2], *found))

    def fitted(self, x: TensorType, y: TensorType) -> None:
        if y.ndim != 4 or any(one_length(a, b) is None for a, b in zip(self.check(x).shape, y.shape)):
            raise ShapeError(f"{self.name}: {shape_text(y.shape)} is not the shape of what windows of {shape_text(x.shape)} give")

    def largest(self, xp: Any, x: Any) -> Any:
        """Row-major numbers, among the elements of an image, of the largest element of each window."""
        h, w = x.shape[2:]
        places = []
        for n, k, s, p, d in zip((h, w), self.window, self.stride, self.padding, self.dilation):
            m = (n + 2 * p - (k - 1) * d - 1) // s + 1
            places.append(np.arange(m)[:, None] * s + np.arange(k)[None, :] * d - p)
        rows, columns = places[0][:, None, :, None], places[1][None, :, None, :]
        inside = ((rows >= 0) & (rows < h) & (columns >= 0) & (columns < w)).reshape(len(places[0]), len(places[1]), -1)
        at = np.where(inside, (rows * w + columns).reshape(inside.shape), 0)
        met = xp.where(inside, x.reshape(*x.shape[:2], -1)[:, :, at], np.asarray(-np.inf, x.dtype))
        first = xp.argmax(met, axis=-1)
        # A window may meet nothing but minus infinity, where padding comes first: its first element is meant.
        first = xp.where(xp.take_along_axis(xp.broadcast_to(inside, met.shape), first[..., None], -1)[..., 0], first, np.argmax(inside, -1))
        return xp.take_along_axis(xp.broadcast_to(at, met.shape), first[..., None], -1)[..., 0]

    def taken(self, xp: Any, x: Any, values: Any) -> Any:
        at = self.largest(xp, x)
        flat = values.reshape(*x.shape[:2], -1)
        return xp.take_along_axis(flat, at.reshape(*x.shape[:2], -1), -1).reshape(at.shape)

    def call(self, mode: str, x: TensorType, y: TensorType) -> NativeCall | None:
        if product(x.shape) == 0 or product(y.shape) == 0:
            return None
        sizes = (product(x.shape[:2]), *x.shape[2:], *y.shape[2:], *self.window, *self.stride, *self.padding, *self.dilation)
        name = f"wb_pool_{mode}_{x.dtype}"
        return NativeCall((_filled(CODE, mode, x.dtype),), (_filled(PYTHON, mode, x.dtype),), name, sizes, shared=True)


@frozen
class MaxPool(_Windows):
    """The largest element of each window."""

    name = "max_pool"

    def infer(self, x: TensorType) -> TensorType:
        return self.check(x)

    def numpy(self, x: Any) -> Any:
        return self.taken(np, x, x)

    def jax(self, x: Any) -> Any:
        import jax.numpy as jnp

        return self.taken(jnp, x, x)

    def native(self, node: Expr) -> NativeCall | None:
        return self.call("max", node.inputs[0].type, node.type)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        (x,) = node.inputs
        return [intern(AtLargest(self.window, self.stride, self.padding, self.dilation), (x, _s.whole(cotangent, node)))]


@frozen
class AtLargest(_Windows):
    """Numbers, one for each window, added up at the places of the windows' largest elements: the gradient of `MaxPool`."""

    name = "at_largest"

    def infer(self, x: TensorType, y: TensorType) -> TensorType:
        self.fitted(x, y)
        return x

    def numpy(self, x: Any, y: Any) -> Any:
        found = np.zeros((x.shape[0] * x.shape[1], x.shape[2] * x.shape[3]), x.dtype)
        at = self.largest(np, x).reshape(len(found), -1)
        np.add.at(found, (np.arange(len(found))[:, None], at), y.reshape(at.shape))
        return found.reshape(x.shape)

    def jax(self, x: Any, y: Any) -> Any:
        import jax.numpy as jnp

        images = x.shape[0] * x.shape[1]
        at = self.largest(jnp, x).reshape(images, -1)
        return jnp.zeros((images, x.shape[2] * x.shape[3]), x.dtype).at[np.arange(images)[:, None], at].add(y.reshape(at.shape)).reshape(x.shape)

    def native(self, node: Expr) -> NativeCall | None:
        x, y = node.inputs
        return self.call("put", x.type, y.type)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        x, _ = node.inputs
        return [None, intern(OfLargest(self.window, self.stride, self.padding, self.dilation), (x, _s.whole(cotangent, node)))]


@frozen
class OfLargest(_Windows):
    """Of other images, the elements at the places of the windows' largest elements: the gradient of `AtLargest`."""

    name = "of_largest"

    def infer(self, x: TensorType, values: TensorType) -> TensorType:
        if any(one_length(a, b) is None for a, b in zip(x.shape, values.shape)):
            raise ShapeError(f"of_largest: images of shapes {shape_text(x.shape)} and {shape_text(values.shape)}")
        return self.check(x)

    def numpy(self, x: Any, values: Any) -> Any:
        return self.taken(np, x, values)

    def jax(self, x: Any, values: Any) -> Any:
        import jax.numpy as jnp

        return self.taken(jnp, x, values)

    def native(self, node: Expr) -> NativeCall | None:
        return self.call("of", node.inputs[0].type, node.type)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        x, _ = node.inputs
        return [None, intern(AtLargest(self.window, self.stride, self.padding, self.dilation), (x, _s.whole(cotangent, node)))]


_SIZES = ("images", "h", "w", "ho", "wo", "kh", "kw", "sh", "sw", "ph", "pw", "dh", "dw")
CODE = f"""\
static void wb_pool_MODE_DTYPE(void *const *library, int64_t thread, int64_t threads, {", ".join(f"int64_t {s}" for s in _SIZES)},
                               const ELEMENT *x, GIVENELEMENT *out) {{
    for (int64_t image = thread; image < images; image += threads) {{
        const ELEMENT *from = x + image * h * w;
        CLEAR
        for (int64_t row = 0; row < ho; row++)
            for (int64_t column = 0; column < wo; column++) {{
                int64_t best = -1;
                for (int64_t i = 0; i < kh; i++) {{
                    const int64_t r = row * sh + i * dh - ph;
                    if (r < 0 || r >= h) continue;
                    for (int64_t j = 0; j < kw; j++) {{
                        const int64_t c = column * sw + j * dw - pw;
                        if (c < 0 || c >= w) continue;
                        const int64_t at = r * w + c;
                        if (best < 0 || from[at] > from[best] || (from[at] != from[at] && from[best] == from[best])) best = at;
                    }}
                }}
                const int64_t to = (image * ho + row) * wo + column;
                STORE
            }}
    }}
}}
"""
PYTHON = f"""\
def wb_pool_MODE_DTYPE(library, {", ".join(_SIZES)}, x, GIVENout):
    for image in range(images):
        start = image * h * w
        CLEAR
        for row in range(ho):
            for column in range(wo):
                best = -1
                for i in range(kh):
                    r = row * sh + i * dh - ph
                    if r < 0 or r >= h:
                        continue
                    for j in range(kw):
                        c = column * sw + j * dw - pw
                        if c < 0 or c >= w:
                            continue
                        at = start + r * w + c
                        if best < 0 or x[at] > x[best] or (x[at] != x[at] and x[best] == x[best]):
                            best = at
                to = (image * ho + row) * wo + column
                STORE
"""
MODES = {
    "max": ("", "", "", "out[to] = from[best];", "pass", "out[to] = x[best]"),
    "put": ("const ELEMENT *y, ", "y, ", "for (int64_t i = 0; i < h * w; i++) out[image * h * w + i] = 0;", "out[image * h * w + best] += y[to];", "for i in range(start, start + h * w):\n            out[i] = 0", "out[best] += y[to]"),
    "of": ("const ELEMENT *v, ", "v, ", "", "out[to] = v[image * h * w + best];", "pass", "out[to] = v[best]"),
}


def _filled(code: str, mode: str, dtype: str) -> str:
    given_c, given_python, clear_c, store_c, clear_python, store_python = MODES[mode]
    given, clear, store = (given_c, clear_c, store_c) if code is CODE else (given_python, clear_python, store_python)
    for word, text in (("GIVEN", given), ("CLEAR", clear), ("STORE", store), ("MODE", mode), ("DTYPE", dtype), ("ELEMENT", C_TYPES[dtype])):
        code = code.replace(word, text)
    return code


# Functions ------------------------------------------------------------------------------------


def max_pool1d(x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1) -> Tensor:
    """Return the largest element of each window of signals: :func:`max_pool2d` over one axis.

    Examples
    --------
    >>> pt.nn.max_pool1d([[1.0, 3.0, 2.0, 0.0]], 2).eval().tolist()
    [[3.0, 2.0]]
    """
    return _max_pool("max_pool1d", 1, x, kernel_size, stride, padding, dilation)


def max_pool2d(x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1) -> Tensor:
    """Return the largest element of each window of images. The gradient goes to the first of equal ones, as in PyTorch.

    Parameters
    ----------
    x
        ``(n, channels, rows, columns)``, or ``(channels, rows, columns)``.
    kernel_size
        Rows and columns of a window: one number, or two.
    stride
        The step from one window to the next: the size of a window, by default.
    padding
        Rows and columns around images, which are never the largest: at most half a window.
    dilation
        The step from one element of a window to the next.

    Returns
    -------
    ``(n, channels, (rows + 2 * padding - dilation * (kernel_size - 1) - 1) // stride + 1, ...)``

    Raises
    ------
    ShapeError
        If windows do not fit into images.
    ArgumentError
        If there is more padding than half a window, or a number is below 1.

    Examples
    --------
    >>> pt.nn.max_pool2d(pt.reshape(pt.arange(16.0), (1, 4, 4)), 2).eval().tolist()
    [[[5.0, 7.0], [13.0, 15.0]]]
    """
    return _max_pool("max_pool2d", 2, x, kernel_size, stride, padding, dilation)


def avg_pool1d(x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, count_include_pad: bool = True) -> Tensor:
    """Return the mean of each window of signals: :func:`avg_pool2d` over one axis.

    Examples
    --------
    >>> pt.nn.avg_pool1d([[1.0, 3.0, 2.0, 0.0]], 2).eval().tolist()
    [[2.0, 1.0]]
    """
    return _avg_pool("avg_pool1d", 1, x, kernel_size, stride, padding, count_include_pad)


def avg_pool2d(x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, count_include_pad: bool = True) -> Tensor:
    """Return the mean of each window of images.

    Parameters
    ----------
    x, kernel_size, stride
        As of :func:`max_pool2d`.
    padding
        Rows and columns of zeros around images, at most half a window.
    count_include_pad
        Whether these zeros count; else a mean is that of the elements that a window meets.

    Raises
    ------
    ShapeError
        If windows do not fit into images.
    ArgumentError
        If there is more padding than half a window, or a number is below 1.

    Examples
    --------
    >>> pt.nn.avg_pool2d(pt.reshape(pt.arange(16.0), (1, 4, 4)), 2).eval().tolist()
    [[[2.5, 4.5], [10.5, 12.5]]]
    """
    return _avg_pool("avg_pool2d", 2, x, kernel_size, stride, padding, count_include_pad)


def _asked(what: str, axes: int, x: Any, kernel_size: Any, stride: Any, padding: Any) -> tuple[Tensor, Pair, Pair, Pair]:
    """Images, and the windows, steps and padding that are asked for."""
    (x,) = floats(what, x)
    if x.ndim not in (axes + 1, axes + 2):
        raise ShapeError(f"{what}: x has shape {shape_text(x.type.shape)}", "images are (n, channels, rows, columns)" if axes == 2 else "signals are (n, channels, length)")
    window = numbers_of(what, "kernel_size", kernel_size, axes, 1)
    steps = window if stride is None else numbers_of(what, "stride", stride, axes, 1)
    around = numbers_of(what, "padding", padding, axes, 0)
    if any(2 * p > k for p, k in zip(around, window)):
        raise ArgumentError(f"{what}: a padding of {padding} is more than half of a window of {kernel_size}", "a window would meet nothing but padding")
    x = x if x.ndim == axes + 2 else _s.expand_dims(x, 0)
    return x if axes == 2 else _s.expand_dims(x, -1), window, steps, around


def _as_given(y: Tensor, x: Any, axes: int) -> Tensor:
    y = y if axes == 2 else _s.squeeze(y, -1)
    return y if np.ndim(x) == axes + 2 else _s.squeeze(y, 0)


def _max_pool(what: str, axes: int, x: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any) -> Tensor:
    images, window, steps, around = _asked(what, axes, x, kernel_size, stride, padding)
    return _as_given(intern(MaxPool(window, steps, around, numbers_of(what, "dilation", dilation, axes, 1)), (images,)), x, axes)


def _avg_pool(what: str, axes: int, x: Any, kernel_size: Any, stride: Any, padding: Any, count_include_pad: bool) -> Tensor:
    images, window, steps, around = _asked(what, axes, x, kernel_size, stride, padding)
    # Says what does not fit.
    made = MaxPool(window, steps, around, (1, 1)).infer(images.type)
    lengths = [(n + 2 * p - k) // s + 1 for n, k, s, p in zip(_s.extents(images)[2:], window, steps, around)]
    if steps == window and around == (0, 0):
        whole = images[:, :, : lengths[0] * window[0], : lengths[1] * window[1]]
        parts = _s.reshape(whole, (*_s.extents(images)[:2], lengths[0], window[0], lengths[1], window[1]))
        return _as_given(_r.mean(parts, (3, 5)), x, axes)
    pads = [(0, 0), (0, 0), *((p, p) for p in around)]

    def total(of: Tensor) -> Tensor:
        padded = pad(of, pads) if around != (0, 0) else of
        parts = [padded[:, :, i : i + (lengths[0] - 1) * steps[0] + 1 : steps[0], j : j + (lengths[1] - 1) * steps[1] + 1 : steps[1]] for i, j in np.ndindex(*window)]
        found = parts[0]
        for part in parts[1:]:
            found = found + part
        return found

    count: Any = float(window[0] * window[1]) if count_include_pad or around == (0, 0) else total(_s.ones_like(images))
    y = total(images) / count
    assert y.type.ndim == made.ndim
    return _as_given(y, x, axes)


__all__ = ["avg_pool1d", "avg_pool2d", "max_pool1d", "max_pool2d"]
