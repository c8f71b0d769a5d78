"""The Polya-gamma distribution."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.distributions.constraints import positive
from workbench.distributions.distribution import POSITIVE, Distribution
from workbench.distributions.formulas import INF, where_valid
from workbench.tensor.tensor import Tensor

FIRST_POLE = 0.5 * math.pi**2
NODES = 96


class PolyaGamma(Distribution):
    """Polya-gamma distribution, which makes logistic regression normal when it is known.

        x = sum(G / ((k + 1/2)**2 + z**2 / (4 * pi**2))) / (2 * pi**2),
            with k = 0, 1, ... and E(exp(-t * x)) = (cosh(z / 2) / cosh(sqrt(z**2 / 4 + t / 2)))**h

    with gamma variables G of shape `h` and rate 1.

    Parameters
    ----------
    h
        Shape, > 0; 1 by default.
    z
        Tilting, any real number; 0 by default. The mean is ``h * tanh(z / 2) / (2 * z)``.

    Notes
    -----
    The density is the inverse Laplace transform, by the trapezoidal rule on a parabola through the saddle
    point. It is right to 1e-12 of itself in both tails, to 1e-8 for `h` of 0.05; the time is that of a
    hundred exponentials.
    Source: Polson, Scott and Windle, "Bayesian inference for logistic models using Polya-gamma latent
    variables" (2013).

    Examples
    --------
    >>> x = PolyaGamma.dist(1.0, 0.0)
    >>> round(float(PolyaGamma.logp(pt.constant(0.25), *x.inputs[1:]).eval()), 6)
    0.604021
    """

    parameters = ("h", "z")
    domains = {"h": positive}
    support = POSITIVE

    @classmethod
    def arguments(cls, h: Any = 1.0, z: Any = 0.0) -> tuple[Any, ...]:
        return h, z

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        h, z = parameters
        inside = pt.logical_and(value > 0.0, value < INF)
        x = pt.where(inside, value, 0.25 * h)
        # log cosh(z / 2), without overflow.
        half = 0.5 * pt.abs(z)
        log_cosh = half + pt.log1p(pt.exp(-2.0 * half)) - math.log(2.0)
        # The first term of the density's alternating series is all of it where the next is less than rounding.
        near = x * (80.0 + 2.0 * pt.log(h + 2.0)) < h + 1.0
        first = (h - 1.0) * math.log(2.0) + pt.log(h) - 0.5 * math.log(2.0 * math.pi) - 1.5 * pt.log(x) - 0.125 * h * h / x
        untilted = pt.where(near, first, untilted_logp(pt.where(near, 0.25 * h, x), h))
        return where_valid(inside, h * log_cosh - 0.5 * z * z * x + untilted)

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        return pt.random.polya_gamma(key, shape, *parameters)

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        """The mean."""
        h, z = parameters
        zero = pt.equal(z, 0.0)
        safe = pt.where(zero, 1.0, z)
        return h * pt.where(zero, 0.25, pt.tanh(0.5 * safe) / (2.0 * safe))


def _mean(s: Tensor) -> tuple[Tensor, Tensor]:
    """The mean of PG(1, 0) tilted by exp(-s x), and its derivative in `s`; s > -pi**2 / 2."""
    near = pt.abs(s) < 1e-3
    safe = pt.where(near, 1.0, s)
    w = pt.sqrt(0.5 * pt.abs(safe))
    mean = pt.where(safe > 0.0, pt.tanh(w), pt.tan(pt.minimum(w, 0.5 * math.pi))) / (4.0 * w)
    slope = (1.0 - 8.0 * safe * mean * mean - 4.0 * mean) / (8.0 * safe)
    return pt.where(near, 0.25 - s / 24.0, mean), pt.where(near, -1.0 / 24.0, slope)


def _saddle(ratio: Tensor) -> Tensor:
    """How far right of the first pole the saddle point is, for ``x / h``."""
    # Right in both limits; Newton's steps on the logarithms do the rest.
    distance = 1.0 / ratio + 1.0 / (8.0 * ratio * ratio)
    for _ in range(4):
        mean, slope = _mean(distance - FIRST_POLE)
        step = pt.log(mean / ratio) * mean / (slope * distance)
        distance = distance * pt.exp(-pt.clip(step, -1.0, 1.0))
    return distance


def untilted_logp(x: Tensor, h: Tensor) -> Tensor:
    """Log-density of PG(h, 0) at positive numbers."""
    # The contour may lie anywhere: derivatives need not follow it.
    fixed_x, fixed_h = pt.stop_gradient(x), pt.stop_gradient(h)
    distance = pt.expand_dims(_saddle(fixed_x / fixed_h), -1)
    saddle = distance - FIRST_POLE
    # The size falls as exp(-rate * u**2): nothing is left beyond `reach`. For small h it is wide, with a
    # narrow middle: the nodes are dense there.
    rate = 0.3 * fixed_h + 0.025 * fixed_h * fixed_h / fixed_x
    spacing = pt.expand_dims(pt.arcsinh(pt.sqrt(40.0 / rate)), -1) / NODES
    v = spacing * np.arange(NODES, dtype=np.float64)
    u = pt.sinh(v)
    real, imaginary = saddle - 0.3 * distance * u * u, distance * u
    log_size, angle = _log_cosh(real, imaginary)
    at_saddle, _ = _log_cosh(saddle, pt.zeros_like(saddle))
    wide_x, wide_h = pt.expand_dims(x, -1), pt.expand_dims(h, -1)
    size = pt.exp(wide_x * (real - saddle) - wide_h * (log_size - at_saddle))
    phase = wide_x * imaginary - wide_h * angle
    weights = np.where(np.arange(NODES) == 0, 0.5, 1.0) * pt.cosh(v)
    total = pt.sum(weights * size * (pt.cos(phase) - 0.6 * u * pt.sin(phase)), axis=-1)
    scale = pt.log(distance[..., 0] * spacing[..., 0] / math.pi)
    return x * saddle[..., 0] - h * at_saddle[..., 0] + scale + pt.log(total)


def _log_cosh(real: Tensor, imaginary: Tensor) -> tuple[Tensor, Tensor]:
    """Log of the size and the angle of cosh(sqrt(t / 2)), at a complex `t` of the upper half plane."""
    size = pt.hypot(real, imaginary)
    # The square root's parts, each from what does not cancel.
    larger = 0.5 * pt.sqrt(size + pt.abs(real))
    other = 0.25 * imaginary / pt.where(larger > 0.0, larger, 1.0)
    right = real >= 0.0
    p, q = pt.where(right, larger, other), pt.where(right, other, larger)
    shrunk = pt.exp(-2.0 * p)
    cosine, sine = shrunk * pt.cos(2.0 * q), shrunk * pt.sin(2.0 * q)
    return p - math.log(2.0) + 0.5 * pt.log((1.0 + cosine) ** 2 + sine**2), q - pt.arctan2(sine, 1.0 + cosine)
