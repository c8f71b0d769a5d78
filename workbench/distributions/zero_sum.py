"""Normal variables that sum to zero."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

import workbench.tensor as pt
from workbench.distributions.constraints import positive
from workbench.distributions.distribution import LENGTHS, Distribution, cast_real
from workbench.distributions.families import Family
from workbench.errors import ModelError, ShapeError
from workbench.graph.types import Shape
from workbench.tensor.shape import extent, paired
from workbench.tensor.tensor import Tensor

ZERO_SUM = "zero sum"


class ZeroSumNormal(Distribution):
    """Normal variables that are known to sum to zero along their last axes.

    Independent normal variables less their mean: along one axis of length n their covariance is
    ``sigma**2 * (I - J / n)``, with J full of ones.

        f(x) = (2 * pi * sigma**2)**(-d / 2) * exp(-sum(x**2) / (2 * sigma**2)),
            with d = (n_1 - 1) * (n_2 - 1) * ...

    Parameters
    ----------
    sigma
        Scale, > 0; 1 by default. It may differ over batch axes, not along the axes that sum to zero:
        there it has length 1, or none.
    n_zerosum_axes
        How many of the last axes sum to zero, each; 1 by default.
    support_shape
        Lengths of these axes, where neither `shape`, `dims` nor data say them.

    Notes
    -----
    Shape ``(*batch, *support_shape)``. Mean 0. A value whose mean is farther from zero than 1e-9
    and a 1e-5 of the values' mean size has density zero.

    Examples
    --------
    >>> x = ZeroSumNormal.dist(sigma=2.0, shape=(4, 3))
    >>> abs(x.sum(axis=-1).eval()).max() < 1e-12
    np.True_
    """

    parameters = ("sigma",)
    family = Family(scale="sigma")
    domains = {"sigma": positive}
    event_rank = 1
    support = ZERO_SUM
    event: ClassVar[Shape] = ()

    @classmethod
    def dist(  # type: ignore[override]
        cls, sigma: Any = 1.0, n_zerosum_axes: int | None = None, support_shape: Any = None, *, shape: Any = None,
        size: Any = None,
    ) -> Tensor:  # fmt: skip
        n = 1 if n_zerosum_axes is None else n_zerosum_axes
        if isinstance(n, bool) or not isinstance(n, (int, np.integer)) or n < 1:
            raise ModelError(f"ZeroSumNormal: n_zerosum_axes must be a positive integer, got {n!r}")
        event = _lengths(support_shape)
        full = (shape,) if isinstance(shape, (int, np.integer, Tensor)) else shape
        if event is None and full is not None:
            event = _lengths(full[-n:])
        if event is None:
            raise ModelError("ZeroSumNormal: its shape is not known", "give shape, dims or support_shape")
        if len(event) != n:
            raise ShapeError(f"ZeroSumNormal: {n} axes sum to zero, and their lengths are given as {event}")
        scale = _without_axes(cast_real(sigma), int(n))
        if all(isinstance(k, int) for k in event):
            return ZeroSumNormal.with_fields(event_rank=int(n), event=event).variable([scale], full, size)
        # Lengths that are known only at run time are those of a parameter, of zeros, which has no other use.
        made = ZeroSumNormal.with_fields(event_rank=int(n), parameters=("sigma", LENGTHS), ranks=(0, int(n)))
        return made.variable([scale, pt.zeros(event)], full, size)

    @classmethod
    def event_shape(cls, *parameters: Tensor) -> Shape:
        return cls.event or parameters[1].type.shape

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        sigma = parameters[0]
        axes = tuple(range(-cls.event_rank, 0))
        squares = pt.sum(pt.square(value), axis=axes) / pt.square(sigma)
        lengths: Sequence[Any] = cls.event or [extent(parameters[1], axis) for axis in axes]
        freedom: Any = math.prod(n - 1 for n in lengths)
        density = -0.5 * squares - freedom * (0.5 * math.log(2.0 * math.pi) + pt.log(sigma))
        size = pt.mean(pt.abs(value), axis=axes, keepdims=True)
        inside = None
        for axis in axes:
            # Rounding of values, in single precision too, is in proportion to their size.
            means = pt.abs(pt.mean(value, axis=axis, keepdims=True)) <= 1e-9 + 1e-5 * size
            zero = pt.all(means, axis=axes)
            inside = zero if inside is None else pt.logical_and(inside, zero)
        assert inside is not None
        return pt.where(inside, density, -float("inf"))

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        sigma = pt.expand_dims(parameters[0], tuple(range(-cls.event_rank, 0)))
        drawn = pt.random.normal(key, shape) * sigma
        for axis in range(-cls.event_rank, 0):
            drawn = drawn - pt.mean(drawn, axis=axis, keepdims=True)
        return drawn

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        return pt.zeros(cls.event_shape(*parameters))


def _lengths(shape: Any) -> tuple[Any, ...] | None:
    if shape is None:
        return None
    given: Sequence[Any] = (shape,) if isinstance(shape, (int, np.integer, Tensor)) else shape
    if any(n is None for n in given):
        raise ShapeError("ZeroSumNormal: the lengths of the axes that sum to zero must be known", "give them as integers")
    return tuple(n if isinstance(n, Tensor) else int(n) for n in given)


def _without_axes(sigma: Tensor, n: int) -> Tensor:
    """The scale without the axes that sum to zero, along which it does not vary."""
    what = "ZeroSumNormal: sigma, which may not vary along the axes that sum to zero, and one scale"
    for axis in range(-min(n, sigma.ndim), 0):
        if not isinstance(sigma.type.shape[axis], int):
            sigma = paired(what, sigma, axis, pt.zeros(1), 0)
    if sigma.ndim < n:
        if any(k != 1 for k in sigma.type.shape):
            raise ShapeError(f"ZeroSumNormal: sigma has shape {sigma.type.shape} and varies along an axis that sums to zero")
        return pt.reshape(sigma, ())
    last = sigma.type.shape[sigma.ndim - n :]
    if any(k != 1 for k in last):
        raise ShapeError(
            f"ZeroSumNormal: sigma has shape {sigma.type.shape} and varies along an axis that sums to zero",
            "along these axes its length is 1: sigma[..., None]",
        )
    return pt.squeeze(sigma, tuple(range(-n, 0)))
