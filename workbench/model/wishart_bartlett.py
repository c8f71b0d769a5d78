"""Wishart matrices made of their Bartlett decomposition."""

from __future__ import annotations

from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.distributions import ChiSquared, Normal
from workbench.errors import ModelError, ShapeError, warn_user
from workbench.model.variables import Deterministic
from workbench.tensor.tensor import Tensor


def WishartBartlett(name: str, S: Any, nu: Any, is_cholesky: bool = False, return_cholesky: bool = False, initval: Any = None) -> Tensor:
    """Make a Wishart matrix of chi-squared and normal variables, which can be sampled one by one.

        L A A' L', with L L' = S, A[i, i]**2 ~ ChiSquared(nu - i), A[i, j] ~ Normal(0, 1) for i > j

    It warns: as a prior of a covariance matrix :class:`pm.LKJCholeskyCov` is the one to take.

    Parameters
    ----------
    name
        Its name. The chi-squared variables are ``name_c``, shape ``(p,)``, the normal ones ``name_z``, shape ``(p * (p - 1) / 2,)``.
    S
        Scale matrix, positive definite, shape ``(p, p)``, or its lower Cholesky factor.
    nu
        Degrees of freedom, more than ``p - 1``.
    is_cholesky
        Whether `S` is the Cholesky factor.
    return_cholesky
        Whether the matrix's Cholesky factor ``L A`` is what is returned, under `name`.
    initval
        A matrix to start from, positive definite, shape ``(p, p)``.

    Raises
    ------
    ShapeError, ModelError
        If `S` is not a square matrix, or not positive definite.

    Notes
    -----
    PyMC's function of this name, whose chi-squared variables have two degrees of freedom less, so that its matrix is not Wishart distributed; here it is.

    Examples
    --------
    >>> import warnings
    >>> import workbench as pm
    >>> with warnings.catch_warnings(), pm.Model() as model:
    ...     warnings.simplefilter("ignore")
    ...     W = pm.WishartBartlett("W", np.eye(2), nu=5)
    >>> [rv.name for rv in model.free_RVs]
    ['W_c', 'W_z']
    """
    scale = np.asarray(S, float)
    if scale.ndim != 2 or scale.shape[0] != scale.shape[1]:
        raise ShapeError(f"WishartBartlett: S must be a square matrix, got shape {scale.shape}")
    p = len(scale)
    lower = scale if is_cholesky else _factor("S", scale)
    warn_user(f"WishartBartlett: {name} is hard to sample; as a prior of a covariance matrix take pm.LKJCholeskyCov")
    below = np.tril_indices(p, -1)
    start_c, start_z = None, None
    if initval is not None:
        inner = np.linalg.solve(lower, _factor("initval", np.asarray(initval, float)))
        start_c, start_z = np.diag(inner) ** 2, inner[below]
    c = ChiSquared(f"{name}_c", nu - np.arange(p), shape=p, initval=start_c)
    z = Normal(f"{name}_z", 0.0, 1.0, shape=len(below[0]), initval=start_z)
    factor = pt.dot(lower, pt.set_subtensor(pt.diag(pt.sqrt(c))[below], z))
    return Deterministic(name, factor if return_cholesky else pt.dot(factor, factor.T))


def _factor(what: str, x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    try:
        return np.linalg.cholesky(x)
    except np.linalg.LinAlgError as error:
        raise ModelError(f"WishartBartlett: {what} is not positive definite") from error
