"""Gaussian processes, as in PyMC: distributions of functions, by a mean function and a covariance function.

>>> import numpy as np
>>> import workbench as pm
>>> X = np.linspace(0.0, 1.0, 4)[:, None]
>>> with pm.Model() as model:
...     ls = pm.Gamma("ls", 2.0, 4.0)
...     gp = pm.gp.Marginal(cov_func=pm.gp.cov.Matern32(1, ls=ls))
...     y = gp.marginal_likelihood("y", X=X, y=[0.1, 0.5, 0.9, 0.7], sigma=0.1)
...     f = gp.conditional("f", Xnew=np.array([[0.5]]))
>>> [rv.name for rv in model.free_RVs]
['ls', 'f']

`cov` has the covariance functions, `mean` the mean functions, `util` what plots and prepares. `Marginal` integrates the values of a
process out where the noise is Gaussian; `Latent` keeps them as variables for other likelihoods, `TP` is its Student's t kin.
`MarginalApprox` has inducing points; `MarginalKron` and `LatentKron` are on grids; `HSGP` and `HSGPPeriodic` are linear models.
"""

from workbench.gp import cov, mean, util
from workbench.gp.hilbert_space import HSGP, HSGPPeriodic
from workbench.gp.inducing_points import MarginalApprox, MarginalSparse
from workbench.gp.kronecker import LatentKron, MarginalKron
from workbench.gp.latent import TP, Latent
from workbench.gp.marginal import Marginal
from workbench.names import answers

__getattr__ = answers(__name__)

__all__ = [
    "HSGP", "TP", "HSGPPeriodic", "Latent", "LatentKron", "Marginal", "MarginalApprox", "MarginalKron", "MarginalSparse", "cov", "mean", "util",
]  # fmt: skip
