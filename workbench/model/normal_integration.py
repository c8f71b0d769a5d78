"""Normal variables are integrated out of what is linear in them: in closed form, element by element, or together.

That it can be done is found from the graph: the log-density must be quadratic in the variable, its second derivative without it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import workbench.tensor as pt
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
        Minus its second derivatives: of the variable's shape where each element's terms are of that alone, else a matrix; or one of
        each vector.
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
        (name,) = self.variables

        def evidence(gone: list[Factor]) -> Evidence:
            if accessed(factors, name, gone) is None:
                found = quadratic(factors, name, gone, together=False)
                joint, rests = emitted(factors, name, (found.slope / found.curvature)[None], gone)
                return Evidence(joint[0] + HALF_LOG_2PI - 0.5 * pt.log(found.curvature), name, rests)
            found = quadratic(factors, name, gone, together=True)
            (peak,) = replace([unchecked(total_of([f.term for f in gone]))], {factors.placeholder(name): _mode(found)})
            n = found.curvature.type.shape[0]
            return Evidence(peak + n * HALF_LOG_2PI - 0.5 * pt.linalg.slogdet(found.curvature)[1], None, [])

        return integrated(factors, name, NORMAL, evidence)

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


class Evidence(NamedTuple):
    """What stands for the factors of a variable that is integrated out.

    Attributes
    ----------
    term
        The logarithm of their integral.
    elements
        The variable, where each element of the term is of one of its own.
    rests
        What of them does not depend on it.
    """

    term: Tensor
    elements: str | None
    rests: list[Factor]


def integrated(factors: Factors, name: str, rule: Rule, evidence: Callable[[list[Factor]], Evidence]) -> Eliminated:
    """What is left without a variable, and the steps to it.

    Of what only a density depends on there is no evidence: that density integrates to 1.
    """
    begun = time.perf_counter()
    gone = factors.depending_on(factors.placeholder(name))
    scale, of = factors.common_scale(gone, (name,)), factors.joint_name(gone, (name,))
    instead: list[Factor] = []
    if of:
        with derived(factors.model[name].provenance):
            found = evidence(gone)
            instead = [Factor(of, found.term, scale, found.elements), *found.rests]
    depending = total_of([f.scaled for f in gone])
    rest = [f.scaled for f in factors.all if not any(f is g for g in gone)]
    together = total_of([*rest, depending]) if rest else depending
    firings = [Firing(TOGETHER, factors.roots[0], together, 0.0)] if together is not factors.roots[0] else []
    return Eliminated(factors.without(gone, instead), (*firings, Firing(rule, depending, total_of([f.scaled for f in instead]), time.perf_counter() - begun)))


def quadratic(factors: Factors, name: str, of: Sequence[Factor], together: bool = False, event_rank: int = 0) -> Quadratic:
    """Return the slope and the curvature of some factors in a variable.

    Each element's terms are of that alone; or the elements are taken together, all, or those of the last axis.

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
    elif event_rank:
        direction = pt.tensor("direction", "float64", shape[-1:])
        (turned,) = replace([_slope(pt.sum(slope * direction), x)], nothing)
        each = vectorize_graph(turned, {direction: pt.constant(np.eye(shape[-1]))})
        curvature = -pt.moveaxis(pt.broadcast_to(each, (shape[-1], *shape)), 0, -2)
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


# What the stepper shows ------------------------------------------------------------------------------


def _together(expr: Any) -> None:
    """The terms that depend on a normal variable are put together: as a function of it, they are one quadratic polynomial."""


def _normal(expr: Any) -> None:
    """The logarithm of a density is quadratic in a variable, so given the rest the variable is normal: its integral is the density at its
    mode, times the square root of 2 pi over the curvature there; of several elements together, over the determinant of the curvatures."""


def says(function: Any) -> str:
    return " ".join((function.__doc__ or "").split())


TOGETHER = Rule("terms_of_a_normal_variable", "normal integral", says(_together), (), lambda expr: None, _together)
NORMAL = Rule("normal_integral", "normal integral", says(_normal), (), lambda expr: None, _normal)


# The kind --------------------------------------------------------------------------------------------


class _Kind:
    def plan(self, model: Model, variables: Sequence[Tensor], **options: Any) -> NormalIntegral | None:
        if len(variables) != 1 or not isinstance(variables[0].op, Draw):
            return None
        (rv,) = variables
        name, distribution = str(rv.name), rv.op.distribution
        if not issubclass(distribution, (Normal, Flat, MvNormal, CholeskyMvNormal, PrecisionMvNormal, RandomWalk, AR)):
            return None
        if not distribution.event_rank:
            return NormalIntegral((name,), f"what depends on {name} is normal and linear in it")
        return NormalIntegral((name,), f"what depends on {name} is normal and linear in it: its {rv.size} elements have one matrix of second derivatives")


KINDS.append(_Kind())
__all__ = ["MOST_TOGETHER", "Evidence", "NormalIntegral", "Quadratic", "integrated", "quadratic", "says"]
