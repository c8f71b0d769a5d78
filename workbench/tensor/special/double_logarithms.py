"""Logarithms of logarithms, where what is between underflows."""

from __future__ import annotations

import workbench.tensor as pt
from workbench.tensor.tensor import Tensor


def log_softplus(x: Tensor) -> Tensor:
    """Return ``log(log(1 + exp(x)))``, which is next to `x` itself where ``exp(x)`` is next to nothing."""
    small = x < -37.0
    return pt.where(small, x, pt.log(pt.softplus(pt.where(small, 0.0, x))))


def log1mexpexp(x: Tensor) -> Tensor:
    """Return ``log(1 - exp(-exp(x)))``, which is next to `x` itself where ``exp(x)`` is next to nothing."""
    small, large = x < -36.0, x > 6.6
    middle = pt.where(pt.logical_or(small, large), 0.0, x)
    # Beyond 6.6 the inner exponential is 0 in double precision.
    return pt.where(small, x, pt.where(large, 0.0, pt.log1mexp(-pt.exp(middle))))
