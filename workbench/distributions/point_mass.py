"""The distribution of what is certain."""

from __future__ import annotations

from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.distributions.distribution import DISCRETE, REAL, Distribution
from workbench.distributions.formulas import INF, quantile
from workbench.tensor.tensor import Tensor, as_tensor


class DiracDelta(Distribution):
    """Dirac delta distribution: all mass at one number.

        P(x = c) = 1

    Parameters
    ----------
    c
        The number. Where it is an integer the variable is discrete, else it is continuous.

    Notes
    -----
    It has a mass, not a density. In a mixture with a continuous distribution the two are added all the
    same, as in PyMC: a value of `c` itself has the weight of the mass and nearly none of the density.

    Examples
    --------
    >>> from workbench.distributions import Mixture, Poisson
    >>> from workbench.transforms.logprob import logp
    >>> x = Mixture.dist(w=[0.3, 0.7], comp_dists=[DiracDelta.dist(0), Poisson.dist(2.0)])  # zero-inflated
    >>> round(float(pt.exp(logp(x, 0)).eval()), 4)
    0.3947
    """

    parameters = ("c",)

    @classmethod
    def dist(cls, c: Any, *, shape: Any = None, size: Any = None) -> Tensor:  # type: ignore[override]
        number = as_tensor(c)
        whole = np.dtype(number.dtype).kind in "iub"
        made = cls.with_fields(support=DISCRETE if whole else REAL, dtype="int64" if whole else "float64")
        return made.variable([pt.cast(number, made.dtype)], shape, size)

    @classmethod
    def is_mixed(cls) -> bool:
        return np.dtype(cls.dtype).kind == "f"

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        return pt.where(pt.equal(value, parameters[0]), 0.0, -INF)

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        return pt.where(value >= parameters[0], 0.0, -INF)

    @classmethod
    def icdf(cls, q: Tensor, *parameters: Tensor) -> Tensor:
        return quantile(q, pt.cast(parameters[0], "float64") + pt.zeros_like(q))

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        return pt.broadcast_to(parameters[0], shape)

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        return parameters[0]
