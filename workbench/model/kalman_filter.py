"""Chains of normal states, of numbers or of vectors, are integrated out by the Kalman filter of whatever is linear in one state at a time."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import workbench.tensor as pt
from workbench.distributions.components import Component, split
from workbench.distributions.constraints import checked
from workbench.distributions.continuous import Normal
from workbench.distributions.distribution import Draw
from workbench.distributions.normals import CholeskyMvNormal, MvNormal, PrecisionMvNormal
from workbench.distributions.time_series import AR, RandomWalk
from workbench.graph.frozen import frozen
from workbench.graph.rewrite import Rule
from workbench.graph.traverse import replace
from workbench.model.elimination import KINDS, Eliminated, Factor, Factors
from workbench.model.independent_elements import accessed, emitted
from workbench.model.normal_integration import MOST_TOGETHER, Evidence, integrated, quadratic, says
from workbench.tensor.tensor import Tensor
from workbench.transforms.enumerated import unchecked
from workbench.transforms.gaussian_filter import MOST_SCALARS
from workbench.transforms.gradient import grad
from workbench.transforms.kalman import Seen, SeenTogether, autoregression, local_level, taken_apart, vector_level

if TYPE_CHECKING:
    from workbench.model.model import Model

COVARIANCES = {MvNormal: lambda cov: cov, CholeskyMvNormal: lambda chol: chol @ pt.matrix_transpose(chol), PrecisionMvNormal: pt.linalg.inv}
"""Covariance matrices of normal vectors, of the parameter that each distribution has."""


@frozen
class KalmanFilter:
    """A random walk, of numbers or of vectors, or an autoregressive process is integrated out, whatever is linear in its states one at a time.

    Attributes
    ----------
    variables
        Its name.
    reason
        Why, and what it costs.
    """

    variables: tuple[str, ...]
    reason: str = ""
    title = "Kalman filter"

    def eliminate(self, factors: Factors) -> Eliminated:
        (name,) = self.variables

        def evidence(gone: list[Factor]) -> Evidence:
            seen, rests = _seen_of(factors, name, gone)
            return Evidence(_evidence(factors, name, seen), None if of_vectors(factors.model[name]) else name, rests)

        return integrated(factors, name, KALMAN, evidence)

    def recover(self, factors: Factors) -> dict[str, Tensor]:
        """A draw from the prior, and the difference that the data make to it: the simulation smoother of Durbin and Koopman (2002).

        The states given the data are normal with a covariance that does not depend on what the data are; their mean is linear in it, and
        the slope of the log-evidence to a linear term in each state.
        """
        (name,) = self.variables
        rv = factors.model[name]
        gone = factors.depending_on(factors.placeholder(name))
        seen, _ = _seen_of(factors, name, gone)
        prior = rv.op.distribution.variable(_own(factors, name), shape=rv.type.static_shape)
        states = prior if of_vectors(rv) else prior[..., None]
        again = SeenTogether([_again(x, number) for x, number in zip(seen.of_states(states), seen.numbers)], seen.weights)
        drawn = states + seen.states(_means(factors, name, seen)) - seen.states(_means(factors, name, again))
        return {name: drawn if of_vectors(rv) else drawn[..., 0]}

    def without(self, names: Collection[str]) -> KalmanFilter | None:
        return None if self.variables[0] in names else self


def of_vectors(rv: Any) -> bool:
    """Whether a chain's states are vectors."""
    return bool(rv.op.distribution.event_rank == 2)


def _seen_of(factors: Factors, name: str, gone: Sequence[Factor]) -> tuple[SeenTogether, list[Factor]]:
    """Return what is seen of each state of a chain by the factors of other variables; and what of these does not depend on it."""
    others = [f for f in gone if f.of != (name,)]
    if of_vectors(factors.model[name]) and accessed(factors, name, others) is not None:
        found = quadratic(factors, name, others, event_rank=1)
        seen = taken_apart(found.curvature, found.slope)
        at = seen.states([number.at for number in seen.numbers])
        peaks, rests = emitted(factors, name, at[None], others, event_rank=1)
        first, *more = seen.numbers
        return SeenTogether([first._replace(peak=peaks[0]), *more], seen.weights), rests
    found = quadratic(factors, name, others)
    some = pt.not_equal(found.curvature, 0.0)
    at = pt.where(some, found.slope / pt.where(some, found.curvature, 1.0), 0.0)
    peaks, rests = emitted(factors, name, at[None], others)
    whole = Seen(peaks[0], at, found.curvature, pt.where(some, 0.0, found.slope))
    if not of_vectors(factors.model[name]):
        return SeenTogether([whole], {}), rests
    return SeenTogether([Seen(*(x[..., i] for x in whole)) for i in range(at.type.shape[-1])], {}), rests


def _again(x: Tensor, seen: Seen) -> Seen:
    """What would be seen of a draw, with new noise; NaN where what is seen is no observation of anything, but makes large states likelier."""
    some = pt.not_equal(seen.precision, 0.0)
    noise = Normal.dist(0.0, 1.0, shape=x.type.static_shape) / pt.sqrt(pt.where(some, seen.precision, 1.0))
    return Seen(pt.zeros_like(seen.peak), x + noise, seen.precision, pt.zeros_like(seen.slope))


def _own(factors: Factors, name: str) -> list[Any]:
    found: list[Any] = replace(list(factors.model[name].inputs[1:]), dict(factors.values))
    return found


def _evidence(factors: Factors, name: str, seen: SeenTogether) -> Tensor:
    """The log-evidence of what is seen of a chain, step by step."""
    distribution = factors.model[name].op.distribution
    parameters = _own(factors, name)
    own = distribution.own(parameters)
    (number, *_) = seen.numbers
    if issubclass(distribution, AR):
        rho, sigma, *first = own
        constant, weights = distribution._weights(rho)
        start, scale = first
        terms = autoregression(start, pt.square(scale), weights, constant, pt.square(sigma), number)
    elif of_vectors(factors.model[name]):
        first, step = (_moments(part) for part in split(distribution.components, own))
        terms = vector_level(*first, *step, seen)
    else:
        (_, (mean, scale)), (_, (drift, sigma)) = split(distribution.components, own)
        terms = local_level(mean, pt.square(scale), drift, pt.square(sigma), number)
    conditions = [(condition[..., None], text) for condition, text in distribution.checks(*parameters)]
    return checked(distribution.__name__, terms, conditions, distribution.parameters, parameters)


def _moments(part: Component) -> tuple[Tensor, Tensor]:
    """Mean and covariance of normal vectors."""
    draw, (mean, matrix) = part
    return mean, COVARIANCES[draw.distribution](matrix)


def _means(factors: Factors, name: str, seen: SeenTogether) -> list[Tensor]:
    """The means of the numbers that are seen of a chain: the slopes of the log-evidence to a linear term in each."""
    slopes = [pt.tensor(f"slope{i}", "float64", number.slope.type.shape) for i, number in enumerate(seen.numbers)]
    turned = SeenTogether([number._replace(slope=slope) for number, slope in zip(seen.numbers, slopes)], seen.weights)
    found: Any = grad(pt.sum(unchecked(_evidence(factors, name, turned))), slopes)
    found = replace(found, dict(zip(slopes, (number.slope for number in seen.numbers))))
    return [number.at + x for number, x in zip(seen.numbers, found)]


# What the stepper shows ------------------------------------------------------------------------------


def _kalman(expr: Any) -> None:
    """A chain of normal states is integrated out by the Kalman filter: given what is seen up to a time, its state is normal; mean and
    variance follow from those of the time before, and so does the density of what is seen next. T steps cost T terms, and no matrix of T rows."""


KALMAN = Rule("kalman_filter", "Kalman filter", says(_kalman), (), lambda expr: None, _kalman)


# The kind --------------------------------------------------------------------------------------------


class _Kind:
    def plan(self, model: Model, variables: Sequence[Tensor], **options: Any) -> KalmanFilter | None:
        if len(variables) != 1 or not isinstance(variables[0].op, Draw) or not _is_chain(variables[0]):
            return None
        (rv,) = variables
        name, rank = str(rv.name), 1 if of_vectors(rv) else 0
        if not rv.type.is_open and rv.size <= MOST_TOGETHER:
            factors = model.density().factors
            others = [f for f in factors.depending_on(factors.placeholder(name)) if f.of != (name,)]
            if accessed(factors, name, others, rank) is not None:
                # What joins several states is integrated over by one matrix of all of them.
                return None
        states = f"{rv.type.shape[-1 - rank]} normal states" + (f", vectors of {rv.type.shape[-1]}" if rank else "")
        return KalmanFilter((name,), f"{name} is a chain of {states}, and what depends on it is linear in one state at a time: {rv.type.shape[-1 - rank]} steps")


def _is_chain(rv: Any) -> bool:
    distribution = rv.op.distribution
    if issubclass(distribution, AR):
        return bool(distribution.start.distribution is Normal) and not distribution.driven
    if not issubclass(distribution, RandomWalk):
        return False
    kinds = [draw.distribution for draw in distribution.components]
    if distribution.event_rank == 2:
        return all(kind in COVARIANCES for kind in kinds) and rv.type.shape[-1] is not None and rv.type.shape[-1] <= MOST_SCALARS
    return all(kind is Normal for kind in kinds)


KINDS.append(_Kind())
__all__ = ["KalmanFilter"]
