"""Mean functions of Gaussian processes, as in PyMC."""

from __future__ import annotations

from typing import Any

import workbench.tensor as pt
from workbench.gp.cov.covariance import points
from workbench.tensor.tensor import Tensor, as_tensor


class Mean:
    """Base of mean functions: called with inputs ``(n, d)``, one returns the means there, ``(n,)``. They add and multiply."""

    def __call__(self, X: Any) -> Tensor:
        """Return the means at inputs."""
        raise NotImplementedError

    def __add__(self, other: Any) -> Add:
        return Add(self, other)

    def __mul__(self, other: Any) -> Prod:
        return Prod(self, other)


class Zero(Mean):
    """Zero everywhere.

    Examples
    --------
    >>> import numpy as np
    >>> Zero()(np.array([[0.0], [1.0]])).eval()
    array([0., 0.])
    """

    def __call__(self, X: Any) -> Tensor:
        return pt.alloc(0.0, points(X).shape[0])


class Constant(Mean):
    """One number everywhere.

    Parameters
    ----------
    c
        The number.

    Examples
    --------
    >>> import numpy as np
    >>> Constant(3.0)(np.array([[0.0], [1.0]])).eval()
    array([3., 3.])
    """

    def __init__(self, c: Any = 0) -> None:
        self.c = c

    def __call__(self, X: Any) -> Tensor:
        return pt.alloc(1.0, points(X).shape[0]) * self.c


class Linear(Mean):
    """``X @ coeffs + intercept``.

    Parameters
    ----------
    coeffs
        One for each column of the inputs.
    intercept
        The mean at zero.

    Examples
    --------
    >>> import numpy as np
    >>> Linear(coeffs=2.0, intercept=1.0)(np.array([[0.0], [1.0]])).eval()
    array([1., 3.])
    """

    def __init__(self, coeffs: Any, intercept: Any = 0) -> None:
        self.b = intercept
        self.A = coeffs

    def __call__(self, X: Any) -> Tensor:
        made = pt.dot(points(X), as_tensor(self.A)) + self.b
        return pt.squeeze(made, axis=-1) if made.ndim > 1 and made.type.shape[-1] == 1 else made


class Add(Mean):
    """The sum of two mean functions."""

    def __init__(self, first_mean: Any, second_mean: Any) -> None:
        self.m1 = first_mean
        self.m2 = second_mean

    def __call__(self, X: Any) -> Tensor:
        return pt.add(self.m1(X), self.m2(X))


class Prod(Mean):
    """The product of two mean functions."""

    def __init__(self, first_mean: Any, second_mean: Any) -> None:
        self.m1 = first_mean
        self.m2 = second_mean

    def __call__(self, X: Any) -> Tensor:
        return pt.mul(self.m1(X), self.m2(X))


__all__ = ["Constant", "Linear", "Zero"]
