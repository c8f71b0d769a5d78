"""Distributions of angles."""

from __future__ import annotations

import math
from typing import Any

import workbench.tensor as pt
from workbench.distributions.constraints import positive
from workbench.distributions.distribution import CIRCULAR, Distribution
from workbench.distributions.formulas import where_valid
from workbench.tensor.tensor import Tensor


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
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        return pt.random.von_mises(key, shape, *parameters)

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        return parameters[0]
