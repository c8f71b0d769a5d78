"""A prior of the coefficients of a regression, by the share of variance that they explain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

import workbench.tensor as pt
from workbench.distributions import Beta, Dirichlet, Normal
from workbench.errors import ArgumentError, ModelError
from workbench.graph.expr import Constant
from workbench.model.context import modelcontext
from workbench.model.model import Model
from workbench.model.variables import Deterministic
from workbench.tensor.tensor import Tensor, as_tensor


class R2D2M2CPOut(NamedTuple):
    """What :func:`R2D2M2CP` makes: the standard deviation of what is not explained, and the coefficients."""

    eps: Tensor
    beta: Tensor


def R2D2M2CP(
    name: str,
    output_sigma: Any,
    input_sigma: Any,
    *,
    dims: str | Sequence[str],
    r2: Any,
    variables_importance: Any = None,
    variance_explained: Any = None,
    importance_concentration: Any = None,
    r2_std: Any = None,
    positive_probs: Any = 0.5,
    positive_probs_std: Any = None,
    centered: bool = False,
) -> R2D2M2CPOut:
    """Give coefficients a prior by how much variance they explain together, how it is shared, and their signs.

        beta ~ Normal(mu / input_sigma, sigma / input_sigma), with P(beta > 0) = psi and
        mu**2 + sigma**2 = phi * r2 * output_sigma**2

    Parameters
    ----------
    name
        The coefficients' name. What belongs to them is called ``name::r2``, ``name::phi``, ``name::psi``, ``name::raw``.
    output_sigma
        Standard deviation of the outcomes, a number or of the batch's shape ``(...)``.
    input_sigma
        Standard deviations of the columns, shape ``(..., p)``.
    dims
        Dims of the coefficients; the last runs over the columns.
    r2, r2_std
        The share of explained variance that is expected, and how sure that is: with `r2_std` it is a variable.
    variables_importance
        Positive numbers: the larger one is against the others, the more its column explains; at least two columns.
    variance_explained
        The shares of the columns, with sum 1: an alternative to `variables_importance`; at least two columns.
    importance_concentration
        How sure these are, a positive number. Without any of the three each column has the whole variance.
    positive_probs, positive_probs_std
        Constant probabilities that coefficients are positive, and how sure these are: with `positive_probs_std` they are variables. Where one is 0 or 1 the
        coefficient is not random but for the variance, and its ``std`` must be 0.
    centered
        Whether the coefficients are variables of their own; by default they are made of standard normal ones.

    Returns
    -------
    eps, beta
        Standard deviation of the rest, ``sqrt(1 - r2) * output_sigma``, and the coefficients.

    Raises
    ------
    ArgumentError
        If arguments exclude each other, probabilities are not constants, or shares are given for a single column.
    ModelError
        If a dim is not known, or a probability is certain and has a deviation.

    Notes
    -----
    PyMC-extras' prior of this name, with its variables. Columns should have mean 0, so that the intercept is the prior's mean of outcomes. Source: Aguilar and
    Bürkner, "Intuitive joint priors for Bayesian linear multilevel models: the R2D2M2 prior" (2023).

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model(coords={"column": ["a", "b", "c"]}) as model:
    ...     eps, beta = pm.R2D2M2CP("beta", 2.0, [1.0, 0.5, 2.0], dims="column", r2=0.8, r2_std=0.1, variables_importance=[10, 1, 34])
    >>> [rv.name for rv in model.free_RVs]
    ['beta::r2', 'beta::phi', 'beta::raw']
    """
    names = [dims] if isinstance(dims, str) else list(dims)
    model = modelcontext(None)
    shape = _lengths(model, name, names)
    output_sigma, input_sigma, share = as_tensor(output_sigma), as_tensor(input_sigma), as_tensor(r2)
    with Model(name):
        if r2_std is not None:
            share = Beta("r2", mu=share, sigma=r2_std, dims=names[:-1])
        phi = _shares(variables_importance, variance_explained, importance_concentration, names, shape)
        random, psi = _signs(positive_probs, positive_probs_std, names, shape)
    explained = phi * pt.expand_dims(share * pt.square(output_sigma), -1)
    mu, sigma = _moments(psi, explained, random)
    beta = _centred(name, mu / input_sigma, sigma / input_sigma, random, names) if centered else _made(name, mu, sigma, input_sigma, random, names)
    return R2D2M2CPOut(pt.sqrt(1.0 - share) * output_sigma, beta)


def _lengths(model: Model, name: str, names: Sequence[str]) -> tuple[int, ...]:
    """The coefficients' shape, by their dims."""
    unknown = [d for d in names if d not in model.dim_lengths]
    if unknown or not names:
        raise ModelError(f"R2D2M2CP: {name} needs dims that the model knows, got {', '.join(unknown) or 'none'}", 'pm.Model(coords={"column": [...]})')
    return tuple(int(model.length_of(d)) for d in names)


def _shares(importance: Any, explained: Any, concentration: Any, names: Sequence[str], shape: tuple[int, ...]) -> Tensor:
    """The shares of columns, as constants or a variable."""
    if importance is not None and explained is not None:
        raise ArgumentError("R2D2M2CP: give variables_importance or variance_explained, not both")
    given = next((n for n, x in (("variables_importance", importance), ("variance_explained", explained)) if x is not None), None)
    if given and shape[-1] < 2:
        raise ArgumentError(f"R2D2M2CP: {given} is shared by several columns, and {names[-1]} has length {shape[-1]}")
    if importance is not None:
        weights = as_tensor(importance) * (1.0 if concentration is None else concentration)
        return Dirichlet("phi", weights, dims=names)
    phi = as_tensor(np.ones(shape) if explained is None else explained)
    return phi if concentration is None else Dirichlet("phi", concentration * phi, dims=names)


def _signs(probability: Any, deviation: Any, names: Sequence[str], shape: tuple[int, ...]) -> tuple[np.ndarray[Any, Any] | None, Tensor]:
    """Which probabilities of being positive are neither 0 nor 1 (``None``: all), and the probabilities."""
    psi = _constant("positive_probs", probability, shape)
    if np.any((psi < 0) | (psi > 1)):
        raise ModelError(f"R2D2M2CP: positive_probs must be between 0 and 1, got {psi[(psi < 0) | (psi > 1)].flat[0]}")
    random = (psi != 0) & (psi != 1)
    if deviation is None:
        return None if random.all() else random, as_tensor(psi)
    std = _constant("positive_probs_std", deviation, shape)
    if np.any(std[~random] != 0):
        raise ModelError("R2D2M2CP: a coefficient whose sign is certain has positive_probs_std other than 0", "positive_probs of 0 or 1 are certain")
    if random.all():
        return None, Beta("psi", mu=psi, sigma=std, dims=names)
    if not random.any():
        return random, as_tensor(psi)
    where = random.nonzero()
    with Model("psi"):
        masked = Beta("masked", mu=psi[where], sigma=std[where], shape=len(where[0]))
    return random, Deterministic("psi", pt.set_subtensor(as_tensor(psi)[where], masked), dims=names)


def _constant(what: str, given: Any, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    x = as_tensor(given)
    if not isinstance(x.op, Constant):
        raise ArgumentError(f"R2D2M2CP: {what} must be constant, not an expression")
    return np.broadcast_to(np.asarray(x.op.value, float), shape)


def _moments(psi: Tensor, explained: Tensor, random: np.ndarray[Any, Any] | None) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of normal numbers, by their probability of being positive and their second moment."""
    inside = psi if random is None else pt.where(random, psi, 0.5)
    quantile = pt.erfinv(2.0 * inside - 1.0)
    sigma = pt.sqrt(explained / (2.0 * pt.square(quantile) + 1.0))
    mu = sigma * quantile * np.sqrt(2.0)
    if random is None:
        return mu, sigma
    return pt.where(random, mu, pt.sign(psi - 0.5) * pt.sqrt(explained)), pt.where(random, sigma, 0.0)


def _made(name: str, mu: Tensor, sigma: Tensor, scale: Tensor, random: np.ndarray[Any, Any] | None, names: Sequence[str]) -> Tensor:
    """Coefficients made of standard normal variables, where they are random."""
    with Model(name):
        if random is None:
            raw = Normal("raw", dims=names)
        elif not random.any():
            raw = pt.zeros_like(mu)
        else:
            where = random.nonzero()
            with Model("raw"):
                masked = Normal("masked", shape=len(where[0]))
            raw = Deterministic("raw", pt.set_subtensor(pt.zeros_like(mu)[where], masked), dims=names)
    return Deterministic(name, (raw * sigma + mu) / scale, dims=names)


def _centred(name: str, mu: Tensor, sigma: Tensor, random: np.ndarray[Any, Any] | None, names: Sequence[str]) -> Tensor:
    """Coefficients that are variables themselves, where they are random."""
    if random is None:
        return Normal(name, mu, sigma, dims=names)
    if not random.any():
        return Deterministic(name, mu, dims=names)
    where = random.nonzero()
    with Model(name):
        masked = Normal("masked", mu[where], sigma[where], shape=len(where[0]))
    return Deterministic(name, pt.set_subtensor(mu[where], masked), dims=names)
