"""Covariances of two points at a distance: the formulas that covariance functions are made of, and that rules know again."""

from __future__ import annotations

import math
from typing import Any

import workbench.tensor as pt
from workbench.tensor.tensor import Tensor


def squared_distances(x: Tensor, xs: Tensor) -> Tensor:
    """Return the squared distances of the rows of two matrices: as sums of squared differences, which keep their digits.

    Parameters
    ----------
    x, xs
        Shapes ``(n, d)`` and ``(m, d)``.

    Returns
    -------
    Shape ``(n, m)``.
    """
    return pt.sum(pt.square(pt.expand_dims(x, 1) - pt.expand_dims(xs, 0)), axis=-1)


def distance(squared: Any) -> Tensor:
    """Return distances of their squares; as in PyMC with a number under the root that gives it a slope at 0."""
    return pt.sqrt(squared + 1e-12)


def matern12(r: Any) -> Tensor:
    """Matérn's covariance of smoothness 1/2: ``exp(-r)``."""
    return pt.exp(-r)


def exponential(r: Any) -> Tensor:
    """``exp(-r / 2)``."""
    return pt.exp(-0.5 * r)


def matern32(r: Any) -> Tensor:
    """Matérn's covariance of smoothness 3/2: ``(1 + sqrt(3) r) exp(-sqrt(3) r)``."""
    return (1.0 + math.sqrt(3.0) * r) * pt.exp(-math.sqrt(3.0) * r)


def matern52(r: Any) -> Tensor:
    """Matérn's covariance of smoothness 5/2: ``(1 + sqrt(5) r + 5/3 r**2) exp(-sqrt(5) r)``."""
    return (1.0 + math.sqrt(5.0) * r + 5.0 / 3.0 * pt.square(r)) * pt.exp(-math.sqrt(5.0) * r)
