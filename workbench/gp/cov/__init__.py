"""Covariance functions of Gaussian processes, as in PyMC: each makes a matrix of inputs, as a graph.

>>> import numpy as np
>>> import workbench as pm
>>> X = np.array([[0.0], [1.0]])
>>> cov = 4.0 * pm.gp.cov.Matern32(1, ls=1.0) + pm.gp.cov.WhiteNoise(0.5)
>>> cov(X).eval().round(4)
array([[4.25  , 1.9334],
       [1.9334, 4.25  ]])
"""

from workbench.gp.cov.covariance import (
    Add,
    BaseCovariance,
    Combination,
    Constant,
    Covariance,
    Exponentiated,
    Kron,
    Prod,
    WhiteNoise,
)  # fmt: skip
from workbench.gp.cov.nonstationary import Coregion, Gibbs, Linear, Polynomial, ScaledCov, WarpedInput, handle_args
from workbench.gp.cov.stationary import (
    Circular,
    Cosine,
    Exponential,
    ExpQuad,
    Matern12,
    Matern32,
    Matern52,
    Periodic,
    RatQuad,
    Stationary,
    WrappedPeriodic,
)  # fmt: skip

__all__ = [
    "Add", "BaseCovariance", "Circular", "Combination", "Constant", "Coregion", "Cosine", "Covariance", "ExpQuad", "Exponential", "Exponentiated", "Gibbs", "Kron",
    "Linear", "Matern12", "Matern32", "Matern52", "Periodic", "Polynomial", "Prod", "RatQuad", "ScaledCov", "Stationary", "WarpedInput",
    "WhiteNoise", "WrappedPeriodic", "handle_args",
]  # fmt: skip
