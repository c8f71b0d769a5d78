"""Distributions of a random walk's steps: all symmetric about zero, so that a step and its way back are as probable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

import workbench.tensor as pt
from workbench.errors import ArgumentError, SamplingError
from workbench.tensor.tensor import Tensor

Array = np.ndarray[Any, Any]


class Proposal:
    """A distribution of steps, by PyMC's name. Its width is given by `S`."""

    matrix: ClassVar[bool] = False
    """Whether `S` is a covariance matrix."""
    whole: ClassVar[bool] = False
    """Whether steps are whole numbers, or no finer than that."""

    @staticmethod
    def steps(key: Tensor, width: Tensor) -> Tensor:
        """Return a step (d,) from the widths of its elements (d,)."""
        raise NotImplementedError


class NormalProposal(Proposal):
    """Normal, with standard deviations `S`.

    Examples
    --------
    >>> with pm.Model() as model:
    ...     x = pm.Normal("x")
    ...     step = pm.Metropolis([x], proposal_dist=pm.NormalProposal)
    >>> type(step).__name__
    'Metropolis'
    """

    @staticmethod
    def steps(key: Tensor, width: Tensor) -> Tensor:
        return width * pt.random.normal(key, width.shape)


class UniformProposal(Proposal):
    """Uniform between `-S` and `S`.

    Examples
    --------
    >>> with pm.Model() as model:
    ...     x = pm.Normal("x")
    ...     step = pm.Metropolis([x], proposal_dist=pm.UniformProposal)
    >>> type(step).__name__
    'Metropolis'
    """

    @staticmethod
    def steps(key: Tensor, width: Tensor) -> Tensor:
        return width * pt.random.uniform(key, width.shape, -1.0, 1.0)


class CauchyProposal(Proposal):
    """Cauchy, with scales `S`: mostly small steps, now and then a long one.

    Examples
    --------
    >>> with pm.Model() as model:
    ...     x = pm.Normal("x")
    ...     step = pm.Metropolis([x], proposal_dist=pm.CauchyProposal)
    >>> type(step).__name__
    'Metropolis'
    """

    @staticmethod
    def steps(key: Tensor, width: Tensor) -> Tensor:
        return width * pt.random.cauchy(key, width.shape)


class LaplaceProposal(Proposal):
    """Laplace, with scales `S`.

    Examples
    --------
    >>> with pm.Model() as model:
    ...     x = pm.Normal("x")
    ...     step = pm.Metropolis([x], proposal_dist=pm.LaplaceProposal)
    >>> type(step).__name__
    'Metropolis'
    """

    @staticmethod
    def steps(key: Tensor, width: Tensor) -> Tensor:
        return width * pt.random.laplace(key, width.shape)


class PoissonProposal(Proposal):
    """A Poisson count of mean `S`, less that, with a random sign: for integers.

    Without the sign, as PyMC has it, a step and its way back are not as probable, and a chain that takes them as if they
    were has not the posterior as its distribution. Tuning scales the mean: if it scaled the count, as PyMC's does, a chain
    could be left with even steps alone.

    Examples
    --------
    >>> with pm.Model() as model:
    ...     k = pm.Poisson("k", 3.0)
    ...     step = pm.Metropolis([k], proposal_dist=pm.PoissonProposal)
    >>> type(step).__name__
    'Metropolis'
    """

    whole = True

    @staticmethod
    def steps(key: Tensor, width: Tensor) -> Tensor:
        count = pt.cast(pt.random.poisson(pt.random.fold_in(key, 0), width.shape, width), "float64")
        ahead = pt.random.uniform(pt.random.fold_in(key, 1), width.shape) < 0.5
        return pt.where(ahead, count - width, width - count)


class MultivariateNormalProposal(Proposal):
    """Normal, with covariance matrix `S`: all elements are proposed together.

    Examples
    --------
    >>> with pm.Model() as model:
    ...     x = pm.Normal("x", shape=2)
    ...     step = pm.Metropolis([x], S=np.eye(2), proposal_dist=pm.MultivariateNormalProposal)
    >>> type(step).__name__
    'Metropolis'
    """

    matrix = True

    @staticmethod
    def steps(key: Tensor, width: Tensor) -> Tensor:
        """Return a step (d,) from the covariance's Cholesky factor (d, d)."""
        return width @ pt.random.normal(key, width.shape[:1])


CONTINUOUS: Sequence[type[Proposal]] = (NormalProposal, UniformProposal, CauchyProposal, LaplaceProposal)
INDEPENDENT: Sequence[type[Proposal]] = (*CONTINUOUS, PoissonProposal)
"""Proposals of elements one by one. Which one is a number, so that one kernel's code serves for all."""


def independent_steps(choices: Sequence[type[Proposal]], which: Tensor, key: Tensor, width: Tensor) -> Tensor:
    """Return a step (d,) of the proposal of number `which`."""
    step = pt.zeros_like(width)
    for i, proposal in enumerate(choices):
        (step,) = pt.cond(pt.equal(which, i), lambda _, p=proposal: [p.steps(key, width)], lambda step: [step], [step])
    return step


def chosen(proposal: Any, S: Any, discrete: bool) -> type[Proposal]:
    """Return the proposal that options name for continuous or discrete values: normal where only `S` tells.

    Raises
    ------
    ArgumentError
        If it is none, or none for such values.
    """
    if proposal is None:
        return MultivariateNormalProposal if np.ndim(S) == 2 else NormalProposal
    known = (*INDEPENDENT, MultivariateNormalProposal)
    if proposal not in known:
        raise ArgumentError(f"proposal_dist must be one of {', '.join(p.__name__ for p in known)}, got {proposal!r}")
    found: type[Proposal] = proposal
    if found.whole and not discrete:
        raise ArgumentError(
            f"{found.__name__} makes steps of whole numbers: a continuous variable would only ever reach some points", "leave proposal_dist out"
        )
    return found


def widths(proposal: type[Proposal], S: Any, size: int) -> Array:
    """Return what a proposal's `steps` reads for a block of `size` elements: widths (d,), or the factor of a covariance (d, d).

    Raises
    ------
    SamplingError
        If `S` has another shape, is not positive, or is no covariance matrix.
    ArgumentError
        If it is something else.
    """
    given = np.ones(size) if S is None else _numbers("S", S)
    if proposal.matrix:
        if given.shape != (size, size):
            raise SamplingError(f"S of {proposal.__name__} has shape {given.shape}, the variables have {size} elements", f"give a covariance matrix ({size}, {size})")
        if not (np.isfinite(given).all() and np.allclose(given, given.T)):
            raise SamplingError("S is no covariance matrix: it is not symmetric, or not finite")
        try:
            return np.linalg.cholesky(given)
        except np.linalg.LinAlgError:
            least = np.linalg.eigvalsh(given)[0]
            raise SamplingError(f"S is no covariance matrix: its least eigenvalue is {least:.3g}") from None
    return positive("S", given, size)


def positive(name: str, given: Any, size: int) -> Array:
    """Return a positive number, or one for each element, as a vector.

    Raises
    ------
    SamplingError
        If there are others, or of another number.
    ArgumentError
        If it is something else.
    """
    given = _numbers(name, given)
    if given.shape not in ((), (1,), (size,)):
        raise SamplingError(f"{name} has shape {given.shape}, the variables have {size} elements", "give one number, or one for each element")
    if not (np.isfinite(given).all() and (given > 0.0).all()):
        raise SamplingError(f"{name} must be positive and finite, got {given.tolist()}")
    return np.broadcast_to(given, size).copy()


def _numbers(name: str, given: Any) -> Array:
    try:
        return np.asarray(given, np.float64)
    except (TypeError, ValueError):
        raise ArgumentError(f"{name} must be a number, or an array of them, got {given!r}") from None
