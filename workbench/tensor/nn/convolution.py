"""Convolutions over one axis and over two, their transposes and gradients; images are ``(n, channels, rows, columns)``."""

from __future__ import annotations

import importlib
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.errors import ArgumentError, ShapeError
from workbench.graph.expr import Expr, Op, intern
from workbench.graph.frozen import frozen
from workbench.graph.length_names import shape_text
from workbench.graph.lengths import Size, minimum, one_length, product, quotient
from workbench.graph.types import DECLARE_LENGTHS, TensorType
from workbench.tensor import shape as _s
from workbench.tensor.gufunc import floats
from workbench.tensor.native_call import NativeCall
from workbench.tensor.nn.convolution_code import c_code, python_code
from workbench.tensor.shape.lengths import divided, filled, filled_with_values
from workbench.tensor.tensor import Tensor, as_tensor

Pair = tuple[int, int]
HINT = "images are (n, channels, rows, columns), kernels (channels out, channels in / groups, rows, columns)"


@frozen
class _Sliding(Op):
    """What a convolution and its gradients share: how a kernel goes over images.

    Attributes
    ----------
    stride, dilation
        Steps from one place of the kernel to the next, and from one of its elements to the next; of rows and of columns.
    padding
        Zeros before and after rows, and before and after columns.
    groups
        Into how many groups channels are divided, each with kernels of its own.
    """

    stride: Pair
    padding: tuple[Pair, Pair]
    dilation: Pair
    groups: int

    def sliding(self) -> tuple[Pair, tuple[Pair, Pair], Pair, int]:
        return self.stride, self.padding, self.dilation, self.groups

    def lengths_out(self, image: Sequence[Size], kernel: Sequence[Size]) -> tuple[Size, Size]:
        """The rows and columns that come out of an image's, by those of the kernel."""
        found: list[Size] = []
        for n, k, s, (before, after), d in zip(image, kernel, self.stride, self.padding, self.dilation):
            spread, whole = (k - 1) * d + 1, n + before + after
            if not reaches(n, spread - before - after) or (isinstance(k, int) and k < 1):
                raise ShapeError(f"{self.name}: a kernel of shape {shape_text(tuple(kernel))} does not fit into an image of shape {shape_text(tuple(image))}", f"with its dilation it takes {spread} of {whole} places, padding counted")
            found.append(quotient(whole - spread, s) + 1)
        return found[0], found[1]

    def checked(self, x: TensorType, w: TensorType, y: TensorType | None = None) -> TensorType:
        """The type of the images that come out, given or not; an error where shapes do not fit."""
        for what, t in (("images", x), ("a kernel", w), ("results", y or x)):
            if t.ndim != 4:
                raise ShapeError(f"{self.name}: {what} of shape {shape_text(t.shape)}", HINT)
        channels, out = x.shape[1], w.shape[0]
        if one_length(channels, w.shape[1] * self.groups) is None:
            raise ShapeError(f"{self.name}: images of {channels} channels, and kernels for {w.shape[1]} channels in {self.groups} group{'s' if self.groups > 1 else ''}", HINT)
        if isinstance(out, int) and out % self.groups:
            raise ShapeError(f"{self.name}: {out} channels out cannot be divided into {self.groups} groups", HINT)
        rows, columns = self.lengths_out(x.shape[2:], w.shape[2:])
        made = x.with_shape((x.shape[0], out, rows, columns))
        if y is not None and any(one_length(a, b) is None for a, b in zip(y.shape, made.shape)):
            raise ShapeError(f"{self.name}: results of shape {shape_text(y.shape)}, where images of shape {shape_text(x.shape)} and kernels of shape {shape_text(w.shape)} have some of shape {shape_text(made.shape)}")
        return made

    def call(self, kind: str, x: TensorType, w: TensorType, y: TensorType, numbers: int = 0) -> NativeCall | None:
        """The compiled function for images, kernels and results of these types."""
        if product(x.shape) == 0 or product(y.shape) == 0 or product(w.shape) == 0:
            return None
        sizes = (x.shape[0], self.groups, w.shape[1], quotient(w.shape[0], self.groups), *x.shape[2:], *w.shape[2:], *y.shape[2:], *self.stride, *(p for p, _ in self.padding), *self.dilation)
        name = f"wb_conv{kind}_{'f' if x.dtype == 'float32' else 'd'}{numbers or ''}"
        return NativeCall((c_code(x.dtype, numbers),), (python_code(kind, x.dtype, numbers),), name, sizes, shared=True)

    # Arrays ------------------------------------------------------------------------------------

    def windows(self, x: Any, kernel: Sequence[int]) -> Any:
        """What the kernel meets: (n, groups, channels, rows, columns, rows and columns of the kernel), a view of padded images."""
        padded = np.pad(x, ((0, 0), (0, 0), *self.padding))
        spread = tuple((k - 1) * d + 1 for k, d in zip(kernel, self.dilation))
        found = np.lib.stride_tricks.sliding_window_view(padded, spread, axis=(2, 3))
        found = found[:, :, :: self.stride[0], :: self.stride[1], :: self.dilation[0], :: self.dilation[1]]
        return found.reshape(x.shape[0], self.groups, x.shape[1] // self.groups, *found.shape[2:])

    def of_groups(self, x: Any, axis: int) -> Any:
        """An array with its channels, along an axis, divided into groups."""
        return x.reshape(*x.shape[:axis], self.groups, x.shape[axis] // self.groups, *x.shape[axis + 1 :])

    def in_jax(self, x: Any, w: Any) -> Any:
        import jax

        return jax.lax.conv_general_dilated(
            x, w, self.stride, self.padding, rhs_dilation=self.dilation, feature_group_count=self.groups,
            dimension_numbers=("NCHW", "OIHW", "NCHW"), precision="highest",
        )  # fmt: skip


@frozen
class Convolution(_Sliding):
    """Products of a kernel with what it meets in images, summed: no kernel is turned round, as nowhere in deep learning."""

    name = "convolution"

    def infer(self, x: TensorType, w: TensorType) -> TensorType:
        return self.checked(x, w)

    def numpy(self, x: Any, w: Any) -> Any:
        made = np.einsum("ngchwij,gocij->ngohw", self.windows(x, w.shape[2:]), self.of_groups(w, 0), optimize=True)
        return np.ascontiguousarray(made.reshape(x.shape[0], w.shape[0], *made.shape[3:]))

    def jax(self, x: Any, w: Any) -> Any:
        return self.in_jax(x, w)

    def native(self, node: Expr) -> NativeCall | None:
        x, w = node.inputs
        return self.call("", x.type, w.type, node.type)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        x, w = node.inputs
        g = _s.whole(cotangent, node)
        return [by_input(self, g, w, _s.extents(x)[2:]), by_kernel(self, x, g, _s.extents(w)[2:])]


@frozen
class ConvolutionInput(_Sliding):
    """The gradient of a convolution by its images: results and the kernel, and those of the images' rows and columns that are ``None``."""

    lengths: tuple[int | None, int | None]
    name = "convolution_input"
    of_values = 2

    def infer_from(self, inputs: tuple[Expr, ...]) -> TensorType:
        y, w, *numbers = inputs
        return self._image(y.type, w.type, filled(self.lengths, numbers))

    def infer(self, y: TensorType, w: TensorType, *numbers: TensorType) -> TensorType:
        return self._image(y, w, self.lengths)

    def _image(self, y: TensorType, w: TensorType, lengths: Sequence[Any]) -> TensorType:
        if y.ndim != 4 or w.ndim != 4:
            return self.checked(y, w)  # Which raises.
        made = y.with_shape((y.shape[0], w.shape[1] * self.groups, *lengths))
        if None not in lengths:
            self.checked(made, w, y)
        return made

    def numpy(self, y: Any, w: Any, *numbers: Any) -> Any:
        h, w_ = filled_with_values(self.lengths, numbers, self.name)
        (top, bottom), (left, right) = self.padding
        g, kernel = self.of_groups(y, 1), self.of_groups(w, 0)
        padded = np.zeros((y.shape[0], self.groups, w.shape[1], h + top + bottom, w_ + left + right), y.dtype)
        for i, j in np.ndindex(*w.shape[2:]):
            places = tuple(slice(k * d, k * d + (m - 1) * s + 1, s) for k, d, m, s in zip((i, j), self.dilation, y.shape[2:], self.stride))
            padded[:, :, :, *places] += np.einsum("ngohw,goc->ngchw", g, kernel[..., i, j], optimize=True)
        inside = padded[:, :, :, top : top + h, left : left + w_]
        return np.ascontiguousarray(inside.reshape(y.shape[0], -1, h, w_) if inside.size else np.zeros((y.shape[0], w.shape[1] * self.groups, h, w_), y.dtype))

    def jax(self, y: Any, w: Any, *numbers: Any) -> Any:
        jax: Any = importlib.import_module("jax")

        shape = (y.shape[0], w.shape[1] * self.groups, *filled_with_values(self.lengths, numbers, self.name))
        (made,) = jax.linear_transpose(lambda x: self.in_jax(x, w), jax.ShapeDtypeStruct(shape, y.dtype))(y)
        return made

    def native(self, node: Expr) -> NativeCall | None:
        y, w, *numbers = node.inputs
        return self.call("_input", node.type, w.type, y.type, len(numbers))

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        y, w, *numbers = node.inputs
        g = _s.whole(cotangent, node)
        return [intern(Convolution(*self.sliding()), (g, w)), by_kernel(self, g, y, _s.extents(w)[2:]), *[None] * len(numbers)]


@frozen
class ConvolutionKernel(_Sliding):
    """The gradient of a convolution by its kernel: images and results, and those of the kernel's rows and columns that are ``None``."""

    lengths: tuple[int | None, int | None]
    name = "convolution_kernel"
    of_values = 2

    def infer_from(self, inputs: tuple[Expr, ...]) -> TensorType:
        x, y, *numbers = inputs
        return self._kernel(x.type, y.type, filled(self.lengths, numbers))

    def infer(self, x: TensorType, y: TensorType, *numbers: TensorType) -> TensorType:
        return self._kernel(x, y, self.lengths)

    def _kernel(self, x: TensorType, y: TensorType, lengths: Sequence[Any]) -> TensorType:
        made = x.with_shape((y.shape[1], quotient(x.shape[1], self.groups), *lengths))
        if None not in lengths:
            self.checked(x, made, y)
        return made

    def numpy(self, x: Any, y: Any, *numbers: Any) -> Any:
        lengths = filled_with_values(self.lengths, numbers, self.name)
        made = np.einsum("ngohw,ngchwij->gocij", self.of_groups(y, 1), self.windows(x, lengths), optimize=True)
        return np.ascontiguousarray(made.reshape(y.shape[1], x.shape[1] // self.groups, *lengths))

    def jax(self, x: Any, y: Any, *numbers: Any) -> Any:
        jax: Any = importlib.import_module("jax")

        shape = (y.shape[1], x.shape[1] // self.groups, *filled_with_values(self.lengths, numbers, self.name))
        (made,) = jax.linear_transpose(lambda w: self.in_jax(x, w), jax.ShapeDtypeStruct(shape, y.dtype))(y)
        return made

    def native(self, node: Expr) -> NativeCall | None:
        x, y, *numbers = node.inputs
        return self.call("_kernel", x.type, node.type, y.type, len(numbers))

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        x, y, *numbers = node.inputs
        g = _s.whole(cotangent, node)
        return [by_input(self, y, g, _s.extents(x)[2:]), intern(Convolution(*self.sliding()), (x, g)), *[None] * len(numbers)]


def reaches(n: Size, least: Size) -> bool:
    """Whether a length is not surely less than another; that it is not is stated, where it is not known."""
    if isinstance(least, int) and least <= 0:
        return True
    return one_length(minimum(n, least), least) is not None


def by_input(op: _Sliding, y: Expr, w: Expr, lengths: Sequence[Any]) -> Tensor:
    """Return the gradient of a convolution by its images, of these rows and columns."""
    known, numbers = divided(lengths)
    return intern(ConvolutionInput(*op.sliding(), known), (y, w, *numbers))  # type: ignore[arg-type]


def by_kernel(op: _Sliding, x: Expr, y: Expr, lengths: Sequence[Any]) -> Tensor:
    """Return the gradient of a convolution by its kernel, of these rows and columns."""
    known, numbers = divided(lengths)
    return intern(ConvolutionKernel(*op.sliding(), known), (x, y, *numbers))  # type: ignore[arg-type]


# Functions ------------------------------------------------------------------------------------


def conv1d(x: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1) -> Tensor:
    """Return the convolution of signals: :func:`conv2d` over one axis.

    Parameters
    ----------
    x
        ``(n, channels, length)``, or ``(channels, length)``.
    weight
        ``(channels out, channels / groups, length of the kernel)``.
    bias
        ``(channels out,)``; nothing, by default.
    stride, padding, dilation, groups
        As of :func:`conv2d`.

    Returns
    -------
    ``(n, channels out, (length + padding - dilation * (kernel - 1) - 1) // stride + 1)``

    Raises
    ------
    ShapeError
        If shapes do not fit.

    Examples
    --------
    >>> pt.nn.conv1d([[1.0, 2.0, 3.0, 4.0]], [[[1.0, -1.0]]]).eval().tolist()
    [[-1.0, -1.0, -1.0]]
    """
    return _convolved("conv1d", 1, x, weight, bias, stride, padding, dilation, groups)


def conv2d(x: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1) -> Tensor:
    """Return the convolution of images with kernels, which are not turned round: what others call cross-correlation.

    Parameters
    ----------
    x
        ``(n, channels, rows, columns)``, or ``(channels, rows, columns)``.
    weight
        ``(channels out, channels / groups, rows, columns)``.
    bias
        ``(channels out,)``; nothing, by default.
    stride
        The step from one place to the next: one number, or two.
    padding
        Zeros around images: one number; two, for rows and columns; pairs of those before and after; "valid" for none; "same" for so many that
        with a stride of 1 the result has the rows and columns of `x` (with another, as many as are met, as in JAX; PyTorch has none).
    dilation
        The step from one element of the kernel to the next: one number, or two.
    groups
        Into how many groups channels are divided, each with kernels of its own; as many as channels: depthwise.

    Returns
    -------
    ``(n, channels out, rows, columns)``; layouts and names are those of ``torch.nn.functional.conv2d``. For channels last, as JAX's
    libraries have them, move the axis: ``pt.moveaxis(x, -1, 1)``.

    Raises
    ------
    ShapeError
        If shapes do not fit, the kernel is larger than padded images, or channels cannot be divided.
    ArgumentError
        If a stride or a dilation is below 1, or there is no such padding.

    Examples
    --------
    >>> x = pt.reshape(pt.arange(9.0), (1, 1, 3, 3))
    >>> pt.nn.conv2d(x, pt.ones((1, 1, 2, 2))).eval().tolist()
    [[[[8.0, 12.0], [20.0, 24.0]]]]
    >>> pt.nn.conv2d(x, pt.ones((4, 1, 3, 3)), stride=2, padding="same").type.shape
    (1, 4, 2, 2)
    """
    return _convolved("conv2d", 2, x, weight, bias, stride, padding, dilation, groups)


def conv_transpose1d(
    x: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0, groups: int = 1, dilation: Any = 1
) -> Tensor:
    """Return the transpose of :func:`conv1d`: :func:`conv_transpose2d` over one axis.

    Examples
    --------
    >>> pt.nn.conv_transpose1d([[1.0, 2.0]], [[[1.0, 10.0]]], stride=2).eval().tolist()
    [[1.0, 10.0, 2.0, 20.0]]
    """
    return _transposed("conv_transpose1d", 1, x, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose2d(
    x: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, output_padding: Any = 0, groups: int = 1, dilation: Any = 1
) -> Tensor:
    """Return the transpose of :func:`conv2d`: each element of `x` times the kernel, added up where kernels overlap.

    Parameters
    ----------
    x
        ``(n, channels, rows, columns)``, or ``(channels, rows, columns)``.
    weight
        ``(channels, channels out / groups, rows, columns)``.
    bias
        ``(channels out,)``; nothing, by default.
    stride, padding, dilation, groups
        Those of the convolution whose transpose it is; padding as one number, two, or pairs.
    output_padding
        Rows and columns more at the end: which of the images that such a convolution makes this size is meant. Below the stride.

    Returns
    -------
    ``(n, channels out, rows, columns)``: ``(rows - 1) * stride - padding + dilation * (kernel - 1) + output_padding + 1`` rows.

    Raises
    ------
    ShapeError
        If shapes do not fit.
    ArgumentError
        If `output_padding` is not below the stride.

    Examples
    --------
    >>> pt.nn.conv_transpose2d(pt.ones((1, 1, 2, 2)), pt.ones((1, 1, 2, 2))).eval().tolist()
    [[[[1.0, 2.0, 1.0], [2.0, 4.0, 2.0], [1.0, 2.0, 1.0]]]]
    """
    return _transposed("conv_transpose2d", 2, x, weight, bias, stride, padding, output_padding, groups, dilation)


def _convolved(what: str, axes: int, x: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Tensor:
    x, w, batched = _images(what, axes, x, weight)
    steps, apart = numbers_of(what, "stride", stride, axes, 1), numbers_of(what, "dilation", dilation, axes, 1)
    op = Convolution(steps, _padding(what, padding, axes, x, w, steps, apart), apart, _groups(what, groups))
    return _finished(intern(op, (x, w)), bias, axes, batched)


def _transposed(what: str, axes: int, x: Any, weight: Any, bias: Any, stride: Any, padding: Any, output_padding: Any, groups: int, dilation: Any) -> Tensor:
    x, w, batched = _images(what, axes, x, weight)
    steps, apart = numbers_of(what, "stride", stride, axes, 1), numbers_of(what, "dilation", dilation, axes, 1)
    more = numbers_of(what, "output_padding", output_padding, axes, 0)
    if any(m and m >= s for m, s in zip(more, steps)):
        raise ArgumentError(f"{what}: output_padding {output_padding} is not below the stride, {stride}")
    pads = _padding(what, padding, axes, x, w, (1, 1), apart)
    lengths = [(n - 1) * s - sum(p) + (k - 1) * d + 1 + m for n, s, p, k, d, m in zip(_s.extents(x)[2:], steps, pads, _s.extents(w)[2:], apart, more)]
    return _finished(by_input(_Sliding(steps, pads, apart, _groups(what, groups)), x, w, lengths), bias, axes, batched)


def _images(what: str, axes: int, x: Any, weight: Any) -> tuple[Tensor, Tensor, bool]:
    """Signals and kernels as images, and whether there is an axis of several."""
    x, w = floats(what, x, weight)
    if x.ndim not in (axes + 1, axes + 2) or w.ndim != axes + 2:
        raise ShapeError(f"{what}: x has shape {shape_text(x.type.shape)}, weight {shape_text(w.type.shape)}", HINT if axes == 2 else "signals are (n, channels, length), kernels (channels out, channels in / groups, length)")
    batched = x.ndim == axes + 2
    x = x if batched else _s.expand_dims(x, 0)
    return (x, w, batched) if axes == 2 else (_s.expand_dims(x, -1), _s.expand_dims(w, -1), batched)


def _finished(y: Tensor, bias: Any, axes: int, batched: bool) -> Tensor:
    y = y if axes == 2 else _s.squeeze(y, -1)
    if bias is not None:
        b = as_tensor(bias)
        if b.ndim != 1:
            raise ShapeError(f"a bias has one number for each channel out, not shape {shape_text(b.type.shape)}")
        y = y + _s.expand_dims(floats("bias", b, y)[0], tuple(range(1, axes + 1))).astype(y.dtype)
    return y if batched else _s.squeeze(y, 0)


def numbers_of(what: str, name: str, given: Any, axes: int, least: int) -> Pair:
    """Return a number for rows and one for columns: an option given as one, or as one for each axis.

    Raises
    ------
    ArgumentError
        If they are not whole numbers, or below `least`.
    """
    try:
        numbers = tuple(map(operator.index, given)) if isinstance(given, (tuple, list)) else (operator.index(given),) * axes
    except TypeError:
        numbers = ()
    if len(numbers) == 1 < axes:
        numbers *= axes
    if len(numbers) != axes or any(n < least for n in numbers):
        raise ArgumentError(f"{what}: {name} is a whole number of at least {least}{', or one for each axis' if axes > 1 else ''}; not {given!r}")
    return (numbers[0], numbers[1]) if axes == 2 else (numbers[0], max(least, min(1, numbers[0])) if least else 0)


def _groups(what: str, groups: Any) -> int:
    try:
        n = operator.index(groups)
    except TypeError:
        n = 0
    if n < 1:
        raise ArgumentError(f"{what}: groups is a whole number of at least 1, not {groups!r}")
    return n


def _padding(what: str, given: Any, axes: int, x: Tensor, w: Tensor, stride: Pair, dilation: Pair) -> tuple[Pair, Pair]:
    if given == "valid":
        return (0, 0), (0, 0)
    if given == "same":
        pairs = [_same(what, *sizes) for sizes in zip(x.type.shape[2:], w.type.shape[2:], stride, dilation)]
        return pairs[0], pairs[1]
    if isinstance(given, str):
        raise ArgumentError(f"{what}: padding is 'valid', 'same' or numbers, not {given!r}")
    if isinstance(given, (tuple, list)) and len(given) == axes and all(isinstance(p, (tuple, list)) for p in given):
        found = [numbers_of(what, "padding", p, 2, 0) for p in given]
    else:
        each = numbers_of(what, "padding", given, axes, 0)
        found = [(p, p) for p in each]
    return found[0], found[1] if axes == 2 else (0, 0)


def _same(what: str, n: Size, k: Size, s: int, d: int) -> Pair:
    if not isinstance(k, int) or (s > 1 and not isinstance(n, int)):
        raise ShapeError(f"{what}: how much padding 'same' is depends on lengths that are not known", DECLARE_LENGTHS)
    spread = (k - 1) * d + 1
    total = spread - 1 if s == 1 else max((-(-n // s) - 1) * s + spread - n, 0)  # type: ignore[operator]
    return total // 2, total - total // 2


__all__ = ["conv1d", "conv2d", "conv_transpose1d", "conv_transpose2d"]
