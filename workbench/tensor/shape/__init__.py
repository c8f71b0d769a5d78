"""Shape operations: the same elements in another arrangement; lengths, axes, broadcasting, joining."""

from workbench.names import answers
from workbench.tensor.shape.axes import axes_of, axis_of
from workbench.tensor.shape.broadcasting import (
    BroadcastTo,
    broadcast_arrays,
    broadcast_like,
    broadcast_to,
    common_lengths,
    unbroadcast,
    whole,
)  # fmt: skip
from workbench.tensor.shape.creation import Arange, arange, full, ones, ones_like, zeros, zeros_like
from workbench.tensor.shape.lengths import (
    Dim,
    SameLength,
    dim,
    extent,
    extents,
    is_count,
    length_of,
    lengths,
    number_of,
    paired,
)
from workbench.tensor.shape.reshaping import (
    Reshape,
    atleast_1d,
    atleast_2d,
    atleast_3d,
    expand_dims,
    ravel,
    reshape,
    reshape_like,
    squeeze,
)  # fmt: skip
from workbench.tensor.shape.transposing import (
    Transpose,
    dimshuffle,
    flip,
    fliplr,
    flipud,
    moveaxis,
    rot90,
    swapaxes,
    transpose,
)  # fmt: skip

__all__ = [
    "Arange", "BroadcastTo", "Dim", "Reshape", "SameLength", "Transpose", "arange", "atleast_1d", "atleast_2d", "atleast_3d",
    "axes_of", "axis_of", "broadcast_arrays", "broadcast_like", "broadcast_to", "common_lengths", "dim", "dimshuffle", "expand_dims",
    "extent", "extents", "flip", "fliplr", "flipud", "full", "is_count", "length_of", "lengths", "moveaxis", "number_of", "ones", "ones_like",
    "paired", "ravel", "reshape", "reshape_like", "rot90", "squeeze", "swapaxes", "transpose", "unbroadcast", "whole", "zeros", "zeros_like",
]  # fmt: skip

__getattr__ = answers(__name__)
