"""A distribution whose density is given at points."""

from __future__ import annotations

from typing import Any

import workbench.tensor as pt
from workbench.distributions.batch_shapes import alike
from workbench.distributions.constraints import Check
from workbench.distributions.distribution import INTERVAL, Distribution
from workbench.distributions.formulas import INF, inside_of, quantile, where_valid
from workbench.errors import ShapeError
from workbench.tensor.tensor import Tensor, as_tensor


class Interpolated(Distribution):
    """Distribution of a density given at points, with straight lines between them and 0 outside.

    Parameters
    ----------
    x_points
        Places, ascending; shape ``(n,)`` of at least two.
    pdf_points
        The density there, up to a factor, >= 0; of the same shape.

    Examples
    --------
    >>> x = Interpolated.dist([0.0, 1.0, 3.0], [0.0, 2.0, 0.0])
    >>> round(float(pt.exp(Interpolated.logp(pt.constant(2.0), *x.inputs[1:])).eval()), 4)
    0.3333
    """

    parameters = ("x_points", "pdf_points")
    ranks = (1, 1)
    repeated = None
    support = INTERVAL

    @classmethod
    def arguments(cls, x_points: Any, pdf_points: Any) -> tuple[Any, ...]:
        x, f = as_tensor(x_points), as_tensor(pdf_points)
        if x.ndim != 1 or not alike(x.type.shape, f.type.shape) or any(isinstance(n, int) and n < 2 for n in (*x.type.shape, *f.type.shape)):
            raise ShapeError(
                f"Interpolated: x_points and pdf_points have shapes {x.type.shape} and {f.type.shape}",
                "give two vectors of the same length, of at least two points",
            )
        return x, f

    @classmethod
    def checks(cls, *parameters: Tensor) -> list[Check]:
        x, f = parameters[-2:]
        return [
            (pt.all(x[1:] > x[:-1]), "x_points must be ascending"),
            (pt.logical_and(pt.all(f >= 0.0), pt.any(f > 0.0)), "pdf_points must be zero or positive, not all zero"),
        ]

    @staticmethod
    def _masses(x: Tensor, f: Tensor) -> Tensor:
        """The integral over each interval, of the density as it is given."""
        return 0.5 * (x[1:] - x[:-1]) * (f[1:] + f[:-1])

    @classmethod
    def _place(cls, value: Tensor, x: Tensor, f: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The interval of each value, how far the value is in it, and the slope of the density."""
        at = pt.clip(pt.searchsorted(x, value, side="right") - 1, 0, x.shape[0] - 2)
        left, right = pt.take(x, at), pt.take(x, at + 1)
        return at, value - left, (pt.take(f, at + 1) - pt.take(f, at)) / (right - left)

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        x, f = parameters[-2:]
        inside = pt.logical_and(value >= x[0], value <= x[-1])
        at, distance, slope = cls._place(pt.where(inside, value, x[0]), x, f)
        # Rounding must not take a density of 0 at an end below 0.
        density = pt.maximum(pt.take(f, at) + slope * distance, 0.0)
        some = pt.logical_and(inside, density > 0.0)
        return where_valid(some, pt.log(inside_of(some, density, 1.0)) - pt.log(pt.sum(cls._masses(x, f))))

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        x, f = parameters[-2:]
        masses = cls._masses(x, f)
        at, distance, slope = cls._place(pt.clip(value, x[0], x[-1]), x, f)
        before = pt.take(pt.concatenate([pt.zeros((1,)), pt.cumsum(masses)]), at)
        return pt.log(pt.clip((before + distance * (pt.take(f, at) + 0.5 * slope * distance)) / pt.sum(masses), 0.0, 1.0))

    @classmethod
    def icdf(cls, q: Tensor, *parameters: Tensor) -> Tensor:
        x, f = parameters[-2:]
        below = pt.concatenate([pt.zeros((1,)), pt.cumsum(cls._masses(x, f))])
        wanted = q * below[-1]
        at = pt.clip(pt.searchsorted(below, wanted, side="right") - 1, 0, x.shape[0] - 2)
        left, right, start = pt.take(x, at), pt.take(x, at + 1), pt.take(f, at)
        slope = (pt.take(f, at + 1) - start) / (right - left)
        rest = wanted - pt.take(below, at)
        # The root of slope / 2 * d**2 + start * d = rest that does not cancel for a small slope.
        root = start + pt.sqrt(pt.maximum(start * start + 2.0 * slope * rest, 0.0))
        distance = pt.where(root > 0.0, 2.0 * rest / pt.where(root > 0.0, root, 1.0), 0.0)
        return quantile(q, pt.clip(left + distance, left, right))

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        return cls.icdf(pt.random.uniform(key, shape), *parameters)

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        """Near the mean: its integral by the trapezoidal rule, as in PyMC; where there is no density, the middle of the interval of most mass."""
        x, f = parameters[-2:]
        masses = cls._masses(x, f)
        mean, most = pt.sum(cls._masses(x, x * f)) / pt.sum(masses), pt.argmax(masses)
        return pt.where(cls.logp(mean, x, f) > -INF, mean, 0.5 * (x[most] + x[most + 1]))

    @classmethod
    def bounds(cls, *parameters: Tensor) -> tuple[Tensor, Tensor]:
        x = parameters[-2]
        return x[0], x[-1]
