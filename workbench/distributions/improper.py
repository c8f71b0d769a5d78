"""Improper priors: densities that have no integral."""

from __future__ import annotations

from typing import Any

import workbench.tensor as pt
from workbench.distributions.distribution import POSITIVE, REAL, Distribution
from workbench.distributions.formulas import INF, NAN, improper
from workbench.tensor.tensor import Tensor


class Flat(Distribution):
    """The improper prior that is 1 everywhere: it adds nothing to the log-density, and cannot be drawn from.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.Flat("x")
    """

    support = REAL

    @classmethod
    def arguments(cls) -> tuple[Any, ...]:
        return ()

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        return pt.where(pt.isnan(value), NAN, 0.0)

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        """By convention a half everywhere between the infinities."""
        return pt.log(pt.where(pt.isfinite(value), 0.5, pt.where(value > 0.0, 1.0, 0.0)))

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        raise improper(cls.__name__)

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        return pt.constant(0.0)
class HalfFlat(Distribution):
    """The improper prior that is 1 on the positive numbers: it cannot be drawn from.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.HalfFlat("x")
    """

    support = POSITIVE

    @classmethod
    def arguments(cls) -> tuple[Any, ...]:
        return ()

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        return pt.where(value >= 0.0, 0.0, -INF)

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        """By convention minus infinity up to infinity."""
        return pt.where(pt.equal(value, INF), 0.0, -INF)

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        raise improper(cls.__name__)

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        return pt.constant(1.0)
