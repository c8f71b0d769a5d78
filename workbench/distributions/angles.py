"""Distributions of angles."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.distributions.constraints import positive
from workbench.distributions.distribution import CIRCULAR, Distribution
from workbench.distributions.formulas import where_valid
from workbench.tensor.tensor import Tensor

NODES = 48
"""Of Gauss and Legendre's rule, over a stretch in which the density falls by ``exp(REACH)`` at most: it is exact to 1e-15 there."""
REACH = 45.0


class VonMises(Distribution):
    """Von Mises distribution of angles: a normal distribution on the circle.

        f(x) = exp(kappa * cos(x - mu)) / (2 * pi * I0(kappa)), for -pi <= x <= pi

    Parameters
    ----------
    mu
        Mean direction; 0 by default.
    kappa
        Concentration, > 0; 1 by default. For large ones the variance is near ``1 / kappa``.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.VonMises("x", mu=0.0, kappa=2.0)
    """

    parameters = ("mu", "kappa")
    domains = {"kappa": positive}
    support = CIRCULAR

    @classmethod
    def arguments(cls, mu: Any = 0.0, kappa: Any = 1.0) -> tuple[Any, ...]:
        return mu, kappa

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        mu, kappa = parameters
        # cos - 1, as -2 sin(half)**2, with the exponential that I0 has too taken out of both.
        density = -2.0 * kappa * pt.sin(0.5 * (mu - value)) ** 2 - math.log(2.0 * math.pi) - pt.log(pt.i0e(kappa))
        return where_valid(pt.logical_and(value >= -math.pi, value <= math.pi), density)

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        mu, kappa = parameters
        below = _log_below(value, mu, kappa)
        # Where most is below, what is above keeps digits.
        above = pt.minimum(_log_below(-value, -mu, kappa), 0.0)
        found = pt.where(below < math.log(0.5), below, pt.log1mexp(above))
        return pt.where(value <= -math.pi, -math.inf, pt.where(value >= math.pi, 0.0, found))

    @classmethod
    def logccdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        mu, kappa = parameters
        return cls.logcdf(-value, -mu, kappa)

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        return pt.random.von_mises(key, shape, *parameters)

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        return parameters[0]


def _log_below(x: Tensor, mu: Tensor, kappa: Tensor) -> Tensor:
    """Return the logarithm of the probability from ``-pi`` to `x`, to the same relative error however small.

    The stretch is at most four, in each of which the density falls or rises: behind the antimode, before the mode, after it, and from the next antimode on.
    """
    mu = mu - 2.0 * math.pi * pt.round(mu / (2.0 * math.pi))
    zero = pt.zeros_like(x - mu)
    stretches = [
        (math.pi - mu + zero, pt.minimum(x + math.pi, mu)),
        (pt.maximum(mu - x, 0.0), pt.minimum(math.pi + mu, math.pi) - pt.maximum(mu - x, 0.0)),
        (zero, pt.minimum(x - mu, math.pi)),
        (2.0 * math.pi + mu - x, x - mu - math.pi),
    ]
    parts = pt.stack([_log_stretch(first, long, kappa) for first, long in stretches], axis=-1)
    return pt.logsumexp(parts, axis=-1) - pt.log(2.0 * math.pi * pt.i0e(kappa))


def _log_stretch(first: Tensor, long: Tensor, kappa: Tensor) -> Tensor:
    """Return the logarithm of the integral of ``exp(kappa * (cos(t) - 1))`` from `first`, at least 0, over that length; it ends at pi."""
    nodes, weights = (pt.constant(x) for x in np.polynomial.legendre.leggauss(NODES))
    height = pt.sin(0.5 * first) ** 2
    # Further away there is nothing that counts.
    last = 2.0 * pt.arcsin(pt.sqrt(pt.minimum(height + 0.5 * REACH / kappa, 1.0)))
    long = pt.maximum(pt.minimum(long, last - first), 0.0)
    away = 0.5 * long[..., None] * (1.0 + nodes)
    falls = pt.exp(-2.0 * kappa[..., None] * pt.sin(first[..., None] + 0.5 * away) * pt.sin(0.5 * away))
    return pt.log(0.5 * long * pt.sum(weights * falls, axis=-1)) - 2.0 * kappa * height
