"""Normal variables are integrated out of what is linear in them: in closed form, element by element, or together; chains by the Kalman filter.

That it can be done is found from the graph: the log-density must be quadratic in the variable, its second derivative without it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import workbench.tensor as pt
from workbench.distributions.components import split
from workbench.distributions.constraints import checked
from workbench.distributions.continuous import Flat, Normal
from workbench.distributions.distribution import Draw
from workbench.distributions.normals import CholeskyMvNormal, MvNormal, PrecisionMvNormal
from workbench.distributions.time_series import AR, RandomWalk
from workbench.errors import ModelError
from workbench.graph.expr import Expr
from workbench.graph.frozen import frozen
from workbench.graph.inner import mapped
from workbench.graph.provenance import derived
from workbench.graph.rewrite import Firing, Rule
from workbench.graph.traverse import replace
from workbench.model.elimination import KINDS, Eliminated, Factor, Factors, refused, total_of
from workbench.model.independent_elements import accessed, emitted
from workbench.rewrites.sums_of_parts import is_zero
from workbench.tensor.tensor import Tensor
from workbench.transforms.enumerated import unchecked
from workbench.transforms.gradient import grad
from workbench.transforms.kalman import Seen, autoregression, local_level
from workbench.transforms.polynomial_degree import Degrees
from workbench.transforms.vectorise import vectorize_graph

if TYPE_CHECKING:
    from workbench.model.model import Model

MOST_TOGETHER = 300
"""So many elements that depend on one another are integrated out together, by one matrix of second derivatives."""

HALF_LOG_2PI = 0.5 * math.log(2.0 * math.pi)


class Quadratic(NamedTuple):
    """The log-density as a function of a variable, which is quadratic.

    Attributes
    ----------
    slope
        Its slope where the variable is 0, of the variable's shape.
    curvature
        Minus its second derivatives: of the variable's shape where each element's terms are of that alone, else a matrix.
    """

    slope: Any
    curvature: Any


@frozen
class NormalIntegral:
    """A variable in which the log-density is quadratic is integrated out.

    Attributes
    ----------
    variables
        Its name.
    reason
        Why, and what it costs.
    """

    variables: tuple[str, ...]
    reason: str = ""
    title = "normal integral"

    def eliminate(self, factors: Factors) -> Eliminated:
        begun = time.perf_counter()
        (name,) = self.variables
        gone = factors.depending_on(factors.placeholder(name))
        scale = factors.common_scale(gone, (name,))
        instead: list[Factor] = []
        rests: list[Factor] = []
        of = factors.joint_name(gone, self.variables)
        if of:
            with derived(factors.model[name].provenance):
                if accessed(factors, name, gone) is None:
                    found = quadratic(factors, name, gone, together=False)
                    joint, rests = emitted(factors, name, (found.slope / found.curvature)[None], gone)
                    instead = [Factor(of, joint[0] + HALF_LOG_2PI - 0.5 * pt.log(found.curvature), scale, name)]
                else:
                    found = quadratic(factors, name, gone, together=True)
                    mode = _mode(found)
                    (peak,) = replace([unchecked(total_of([f.term for f in gone]))], {factors.placeholder(name): mode})
                    n = found.curvature.type.shape[0]
                    instead = [Factor(of, peak + n * HALF_LOG_2PI - 0.5 * pt.linalg.slogdet(found.curvature)[1], scale)]
        return _left(factors, gone, [*instead, *rests], NORMAL, begun)

    def recover(self, factors: Factors) -> dict[str, Tensor]:
        (name,) = self.variables
        gone = factors.depending_on(factors.placeholder(name))
        if accessed(factors, name, gone) is None:
            found = quadratic(factors, name, gone, together=False)
            return {name: Normal.dist(found.slope / found.curvature, 1.0 / pt.sqrt(found.curvature), shape=factors.model[name].type.static_shape)}
        found = quadratic(factors, name, gone, together=True)
        drawn = MvNormal.dist(pt.reshape(_mode(found), (-1,)), tau=found.curvature)
        return {name: pt.reshape(drawn, factors.model[name].type.static_shape)}

    def without(self, names: Collection[str]) -> NormalIntegral | None:
        return None if self.variables[0] in names else self


@frozen
class KalmanFilter:
    """A random walk or an autoregressive process is integrated out, whatever is linear in its states one at a time.

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
        begun = time.perf_counter()
        (name,) = self.variables
        gone = factors.depending_on(factors.placeholder(name))
        scale = factors.common_scale(gone, (name,))
        of = factors.joint_name(gone, self.variables)
        instead: list[Factor] = []
        rests: list[Factor] = []
        if of:
            with derived(factors.model[name].provenance):
                seen, rests = seen_of(factors, name, gone)
                instead = [Factor(of, _evidence(factors, name, seen), scale, name)]
        return _left(factors, gone, [*instead, *rests], KALMAN, begun)

    def recover(self, factors: Factors) -> dict[str, Tensor]:
        """A draw from the prior, and the difference that the data make to it: the simulation smoother of Durbin and Koopman (2002).

        The states given the data are normal with a covariance that does not depend on what the data are; their mean is linear in it, and
        the slope of the log-evidence to a linear term in each state.
        """
        (name,) = self.variables
        rv = factors.model[name]
        gone = factors.depending_on(factors.placeholder(name))
        seen, _ = seen_of(factors, name, gone)
        parameters = _own(factors, name)
        prior = rv.op.distribution.variable(parameters, shape=rv.type.static_shape)
        some = seen.precision > 0.0
        noise = Normal.dist(0.0, 1.0, shape=rv.type.static_shape) / pt.sqrt(pt.where(some, seen.precision, 1.0))
        again = Seen(pt.zeros_like(seen.peak), prior + noise, seen.precision, pt.zeros_like(seen.slope))
        return {name: prior + _mean(factors, name, seen) - _mean(factors, name, again)}

    def without(self, names: Collection[str]) -> KalmanFilter | None:
        return None if self.variables[0] in names else self


def _left(factors: Factors, gone: list[Factor], instead: list[Factor], rule: Rule, begun: float) -> Eliminated:
    """What is left, and the steps to it."""
    depending = total_of([f.scaled for f in gone])
    rest = [f.scaled for f in factors.all if not any(f is g for g in gone)]
    together = total_of([*rest, depending]) if rest else depending
    firings = [Firing(TOGETHER, factors.roots[0], together, 0.0)] if together is not factors.roots[0] else []
    after = factors.without(gone, instead)
    return Eliminated(after, (*firings, Firing(rule, depending, total_of([f.scaled for f in instead]), time.perf_counter() - begun)))


def quadratic(factors: Factors, name: str, of: Sequence[Factor], together: bool) -> Quadratic:
    """Return the slope and the curvature of some factors in a variable.

    Raises
    ------
    ModelError
        If their second derivatives are not constant in it.
    """
    x, shape = factors.placeholder(name), factors.model[name].type.static_shape
    degrees = Degrees(x)
    for f in of:
        degree = degrees.of(f.term)
        if degree is None or degree > 2:
            raise _not_quadratic(factors, name, f, degrees.obstacle(f.term))
    total = unchecked(total_of([f.term for f in of]))
    slope = _slope(total, x)
    nothing = {x: pt.zeros(shape)}
    if together:
        n = math.prod(shape)
        if n > MOST_TOGETHER:
            raise refused(
                factors.model, name, f"its {n} elements depend on one another, and no more than {MOST_TOGETHER} are integrated out together",
                "write a chain as a GaussianRandomWalk or AR; for what is large, sample it",
            )
        direction = pt.tensor("direction", "float64", shape)
        (turned,) = replace([_slope(pt.sum(slope * direction), x)], nothing)
        each = vectorize_graph(turned, {direction: pt.constant(np.eye(n).reshape((n, *shape)))})
        curvature: Any = -pt.reshape(pt.broadcast_to(each, (n, *shape)), (n, n))
    else:
        (turned,) = replace([_slope(pt.sum(slope), x)], nothing)
        curvature = -pt.broadcast_to(turned, shape)
    (start,) = replace([slope], nothing)
    return Quadratic(pt.broadcast_to(start, shape), curvature)


def _not_quadratic(factors: Factors, name: str, f: Factor, obstacle: Expr | None) -> ModelError:
    what = "is a polynomial of a degree above 2 in it" if obstacle is None else f"is not quadratic in it, for it goes through {obstacle.op.name}"
    where = obstacle.provenance.location if obstacle is not None and obstacle.provenance else None
    made = refused(factors.model, name, f"the log-density of {f.name} {what}", f"{f.name} must be normal, with a mean that is linear in {name} and a scale without it")
    return ModelError(made.message, made.hint, where) if where else made


def _slope(total: Any, x: Any) -> Any:
    """The derivative of what is a polynomial, in its simplest form: without the guards that derivatives have where something may be infinite."""
    from workbench.rewrites import default_mode

    def change(node: Expr, inputs: tuple[Any, ...]) -> Expr | None:
        if node.op is not pt.where or inputs[0].op is not pt.not_equal:
            return None
        zeros = inputs[0].inputs[1], inputs[2]
        return inputs[1] if all(is_zero(z) for z in zeros) and inputs[1].type.shape == node.type.shape else None

    canonicalise = next(p for p in default_mode().passes if p.name == "canonicalise")
    (found,), _ = canonicalise.run([grad(total, x, disconnected_inputs="ignore")], record=False)
    return mapped([found], change)[0]


def _mode(found: Quadratic) -> Tensor:
    return pt.reshape(pt.linalg.solve(found.curvature, pt.reshape(found.slope, (-1,)), assume_a="pos"), found.slope.shape)


def seen_of(factors: Factors, name: str, gone: Sequence[Factor]) -> tuple[Seen, list[Factor]]:
    """Return what is seen of each state of a chain by the factors of other variables; and what of these does not depend on it."""
    others = [f for f in gone if f.of != (name,)]
    found = quadratic(factors, name, others, together=False)
    some = found.curvature > 0.0
    at = pt.where(some, found.slope / pt.where(some, found.curvature, 1.0), 0.0)
    peaks, rests = emitted(factors, name, at[None], others)
    return Seen(peaks[0], at, found.curvature, pt.where(some, 0.0, found.slope)), rests


def _own(factors: Factors, name: str) -> list[Any]:
    found: list[Any] = replace(list(factors.model[name].inputs[1:]), dict(factors.values))
    return found


def _evidence(factors: Factors, name: str, seen: Seen) -> Tensor:
    """The log-evidence of what is seen of a chain, step by step."""
    distribution = factors.model[name].op.distribution
    parameters = _own(factors, name)
    own = distribution.own(parameters)
    if issubclass(distribution, AR):
        rho, sigma, *first = own
        constant, weights = distribution._weights(rho)
        start, scale = first
        terms = autoregression(start, pt.square(scale), weights, constant, pt.square(sigma), seen)
    else:
        (_, (mean, scale)), (_, (drift, sigma)) = split(distribution.components, own)
        terms = local_level(mean, pt.square(scale), drift, pt.square(sigma), seen)
    conditions = [(condition[..., None], text) for condition, text in distribution.checks(*parameters)]
    return checked(distribution.__name__, terms, conditions, distribution.parameters, parameters)


def _mean(factors: Factors, name: str, seen: Seen) -> Tensor:
    """The mean of the states of a chain given what is seen: the slope of the log-evidence to a linear term in each."""
    slope = pt.tensor("slope", "float64", seen.slope.type.shape)
    found: Any = grad(pt.sum(unchecked(_evidence(factors, name, seen._replace(slope=slope)))), slope)
    (found,) = replace([found], {slope: seen.slope})
    return seen.at + found


# What the stepper shows ------------------------------------------------------------------------------


def _together(expr: Any) -> None:
    """The terms that depend on a normal variable are put together: as a function of it, they are one quadratic polynomial."""


def _normal(expr: Any) -> None:
    """The logarithm of a density is quadratic in a variable, so given the rest the variable is normal: its integral is the density at its
    mode, times the square root of 2 pi over the curvature there; of several elements together, over the determinant of the curvatures."""


def _kalman(expr: Any) -> None:
    """A chain of normal states is integrated out by the Kalman filter: given what is seen up to a time, its state is normal; mean and
    variance follow from those of the time before, and so does the density of what is seen next. T steps cost T terms, and no matrix of T rows."""


def _says(function: Any) -> str:
    return " ".join((function.__doc__ or "").split())


TOGETHER = Rule("terms_of_a_normal_variable", "normal integral", _says(_together), (), lambda expr: None, _together)
NORMAL = Rule("normal_integral", "normal integral", _says(_normal), (), lambda expr: None, _normal)
KALMAN = Rule("kalman_filter", "Kalman filter", _says(_kalman), (), lambda expr: None, _kalman)


# The kind --------------------------------------------------------------------------------------------


class _Kind:
    def plan(self, model: Model, variables: Sequence[Tensor], **options: Any) -> NormalIntegral | KalmanFilter | None:
        if len(variables) != 1 or not isinstance(variables[0].op, Draw):
            return None
        (rv,) = variables
        name, distribution = str(rv.name), rv.op.distribution
        if _is_chain(distribution):
            steps = rv.type.shape[-1]
            return KalmanFilter((name,), f"{name} is a chain of {steps} normal states, and what depends on it is linear in one state at a time: {steps} steps")
        if not issubclass(distribution, (Normal, Flat, MvNormal, CholeskyMvNormal, PrecisionMvNormal, RandomWalk, AR)):
            return None
        if not distribution.event_rank:
            return NormalIntegral((name,), f"what depends on {name} is normal and linear in it")
        return NormalIntegral((name,), f"what depends on {name} is normal and linear in it: its {rv.size} elements have one matrix of second derivatives")


def _is_chain(distribution: Any) -> bool:
    if issubclass(distribution, AR):
        return bool(distribution.start.distribution is Normal) and not distribution.driven
    return issubclass(distribution, RandomWalk) and all(draw.distribution is Normal for draw in distribution.components)


KINDS.append(_Kind())
__all__ = ["KalmanFilter", "NormalIntegral", "quadratic", "seen_of"]
