"""Variables with a conjugate prior, integrated out: observations alone have a density in closed form, the variable a posterior."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np

import workbench.tensor as pt
from workbench.distributions.constraints import checked
from workbench.distributions.distribution import Draw
from workbench.distributions.draws import draw_rules
from workbench.graph.expr import Expr, Input, intern
from workbench.graph.frozen import frozen
from workbench.graph.inner import Graph
from workbench.graph.provenance import derived, nowhere
from workbench.graph.rewrite import Firing, Pass, Rule
from workbench.graph.traverse import ancestors, replace, topological
from workbench.model.drawing import parents
from workbench.model.elimination import KINDS, Eliminated, Elimination, Factor, Factors, refused, total_of
from workbench.model.marginalization import eliminated_from
from workbench.model.missing import Part
from workbench.model.position import block_parts, variables_of
from workbench.tensor.tensor import Tensor
from workbench.transforms.conjugacy import (
    BETA,
    DIRICHLET,
    GAMMA,
    INVERSE_GAMMA,
    Added,
    Family,
    added_by,
    added_by_scale,
    family_of,
    gathered,
    log_evidence,
    of_one_scale,
    posterior,
)

if TYPE_CHECKING:
    from workbench.model.model import Model


def _beta_prior(t: Expr) -> None:
    """A beta prior times probabilities of successes and failures is a beta density again, with these added to its parameters.

    What is left when the variable is integrated out is the ratio of the two densities' constants, beta functions.
    """


def _gamma_prior(t: Expr) -> None:
    """A gamma prior times densities of the form t**k * exp(-s*t) is a gamma density again, with k and s added to its parameters.

    What is left when the variable is integrated out is the ratio of the two densities' constants, Gamma(alpha) / beta**alpha.
    """


def _inverse_gamma_prior(t: Expr) -> None:
    """An inverse gamma prior times densities of the form t**-k * exp(-s/t) is an inverse gamma density again, with k and s added to its parameters.

    What is left when the variable is integrated out is the ratio of the two densities' constants, Gamma(alpha) / beta**alpha.
    """


def _dirichlet_prior(t: Expr) -> None:
    """A Dirichlet prior times probabilities of categories is a Dirichlet density again, with their counts added to its concentrations.

    What is left when the variable is integrated out is the ratio of the two densities' constants: Polya's urn.
    """


def _rule(family: Family, name: str, says: Any) -> tuple[Family, Rule]:
    return family, Rule(name, "conjugacy", " ".join((says.__doc__ or "").split()), (), lambda expr: None, says)


RULES = [
    _rule(BETA, "conjugate_beta_prior", _beta_prior),
    _rule(GAMMA, "conjugate_gamma_prior", _gamma_prior),
    _rule(INVERSE_GAMMA, "conjugate_inverse_gamma_prior", _inverse_gamma_prior),
    _rule(DIRICHLET, "conjugate_dirichlet_prior", _dirichlet_prior),
]


class Pair(NamedTuple):
    """A prior, the factors of what is observed given it, what of these is none of its business, and the posterior's parameters."""

    family: Family
    parameters: tuple[Tensor, ...]
    own: Factor
    others: list[Factor]
    rests: list[Any]
    updated: tuple[Tensor, ...]


@frozen
class InClosedForm:
    """A variable that is integrated out in closed form.

    Attributes
    ----------
    variable
        Its name.
    reason
        What is conjugate to what.
    """

    variable: str
    reason: str
    title = "conjugacy"

    @property
    def variables(self) -> tuple[str, ...]:
        return (self.variable,)

    def without(self, names: Collection[str]) -> Self | None:
        return None if self.variable in names else self


@frozen
class Conjugate(InClosedForm):
    """A variable whose prior and posterior are of one family."""

    def eliminate(self, factors: Factors) -> Eliminated:
        begun = time.perf_counter()
        pair = self._pair(factors)
        gone = [pair.own, *pair.others]
        names = factors.joint_name(gone, (self.variable,))
        if not pair.others:
            # A density that nothing depends on integrates to 1.
            return Eliminated(factors.without(gone), (Firing(_rule_of(pair.family), pair.own.scaled, pt.constant(0.0), time.perf_counter() - begun),))
        with derived(factors.model[self.variable].provenance, "conjugacy", "conjugacy", (self.variable,)):
            distribution = factors.model[self.variable].op.distribution
            evidence = log_evidence(pair.family, pair.parameters, pair.updated)
            own = replace(list(factors.model[self.variable].inputs[1:]), dict(factors.values))
            evidence = checked(distribution.__name__, evidence, distribution.checks(*own), distribution.parameters, own)
            rest: Any = None
            for density in pair.rests:
                rest = density if rest is None else rest + density
            # What is impossible adds what no posterior has.
            term = pt.where(rest > -np.inf, evidence + rest, -np.inf)
        made = Factor(names, term)
        firing = Firing(_rule_of(pair.family), total_of([f.scaled for f in gone]), total_of([term]), time.perf_counter() - begun)
        return Eliminated(factors.without(gone, [made]), (firing,))

    def recover(self, factors: Factors) -> dict[str, Tensor]:
        pair = self._pair(factors)
        rv = factors.model[self.variable]
        return {self.variable: pair.family.distribution.dist(*pair.updated, shape=tuple(rv.shape))}

    def _pair(self, factors: Factors) -> Pair:
        """The prior, and what observations add to it."""
        model, name = factors.model, self.variable
        t, rv = factors.placeholder(name), model[name]
        made = family_of(rv)
        if made is None:
            raise refused(model, name, f"{rv.op.name} is no conjugate prior that is known here")
        family, parameters = made
        own, others = None, []
        for f in factors.depending_on(t):
            if name in f.of:
                own = f
            else:
                others.append(f)
        assert own is not None
        if own.of != (name,):
            with_it = ", ".join(n for n in own.of if n != name)
            raise refused(model, name, f"something that was summed out is shared with {with_it}", f"take {name} out first")
        known = tuple(replace(list(parameters), dict(factors.values)))
        added = [self._added(factors, family, t, f) for f in others]
        return Pair(family, known, own, others, [rest for _, rest in added], posterior(family, known, [a for a, _ in added], t))

    def _added(self, factors: Factors, family: Family, t: Any, f: Factor) -> tuple[Added, Any]:
        """What a factor adds to the prior's parameters, and what is left of it, for each draw of the variable."""
        model, name = factors.model, self.variable
        every: list[Any] = [model[n] for n in f.of]
        for x in every:
            if x not in model.rvs_to_values:
                raise refused(model, name, f"the potential {x.name} depends on it")
            if isinstance(x.op, Part):
                raise refused(model, name, f"{x.name} has missing values", "give its observed elements alone, as a variable of their own")
            if not isinstance(x.op, Draw):
                raise refused(model, name, f"{x.name} is computed from random variables: its density is derived, no conjugate pair is known")
        integrated = integrated_before(factors, every, f)
        x = every[0]
        if len(every) == 1 and not integrated and not f.is_rest:
            (*given,) = replace(list(x.inputs[1:]), dict(factors.values))
            found = added_by(family, t, x.op.distribution, given, factors.values[x], f.scale)
            if not isinstance(found, str):
                (density,) = replace([f.scaled], {t: pt.full_like(t, family.reference(t), dtype="float64")})
                return found, gathered(found.chosen, t, density + found.to_density, family.event_rank)
            why = f"{x.name} depends on it, and {found}"
        else:
            why = f"{f.name} {'has' if len(every) == 1 else 'have'} a joint density, in which it is, since {', '.join(str(v.name) for v in integrated) or 'others'} left"
        if f.is_rest or not of_one_scale(family, t, [(v, replace(list(v.inputs[1:]), dict(factors.values))) for v in (*every, *integrated)]):
            raise refused(model, name, why, "" if len(every) == 1 and not integrated else f"take {name} out before these")
        return added_by_scale(family, t, f.scaled, every, f.scale)


def integrated_before(factors: Factors, variables: Sequence[Tensor], f: Factor) -> list[Tensor]:
    """The variables that have left a joint density: those that its variables depend on, directly or by each other, and it does not."""
    model, there = factors.model, set(topological([f.term]))
    found: list[Tensor] = []
    pending = list(variables)
    while pending:
        below = ancestors(replace(list(pending.pop().inputs[1:]), dict(factors.values)))
        for v in model.marginalized_RVs:
            place = model.rvs_to_values[v]
            if place in below and place not in there and not any(v is x for x in found):
                found.append(v)
                pending.append(v)
    return found


def _rule_of(family: Family) -> Rule:
    return next(rule for f, rule in RULES if f is family)


class Conjugacy:
    """Variables with a prior that is conjugate to what depends on them."""

    def plan(self, model: Model, variables: Sequence[Tensor], **options: Any) -> Elimination | None:
        """Return how a variable would be integrated out; ``None`` if its distribution is no conjugate prior."""
        if len(variables) != 1 or family_of(variables[0]) is None:
            return None
        (rv,) = variables
        observed = [x for x in model.basic_RVs if x is not rv and isinstance(x.op, Draw) and _directly(model, x, rv)]
        names = [f"{x.name} ({x.op.name})" for x in observed]
        reason = f"The {rv.op.name} prior of {rv.name} is conjugate to {' and '.join(names)}." if names else f"Nothing depends on {rv.name}."
        return Conjugate(str(rv.name), reason)


def _directly(model: Model, x: Tensor, rv: Tensor) -> bool:
    """Whether a variable depends on another by no third one."""
    return any(rv is p for p in parents(model, x, set(model.basic_RVs)))


KINDS.append(Conjugacy())


@nowhere()
def conjugate_draw(model: Model, names: Sequence[str]) -> Graph:
    """Return the graph from a key, a block, and both vectors of the position to a draw of the block given the rest.

    Parameters
    ----------
    model
        The model.
    names
        The value of one variable with a conjugate prior.

    Raises
    ------
    ModelError
        If its prior is not conjugate to what depends on it.
    """
    x, q, z, parts = block_parts(model, names)
    (rv,) = variables_of(model, names)
    plan = Conjugacy().plan(model, [rv])
    if plan is None:
        raise refused(model, str(rv.name), f"{rv.op.name} is no conjugate prior that is known here")
    without = eliminated_from(model, plan)
    stage = without.density().stages[-1]
    drawn = plan.recover(stage)[str(rv.name)]
    transform = model.rvs_to_transforms[rv]
    # The variable's own parameters, as a transform sees them, have values too.
    value = drawn if transform is None else replace([transform.forward(drawn, rv)], dict(stage.values))[0]
    key: Any = intern(Input("key", pt.constant(np.uint64(0)).type))
    (value,) = replace([value], {drawn.inputs[0]: key})
    (value,), _ = Pass("draw", draw_rules).run([value], record=False)
    return Graph([key, x, q, z], replace([pt.reshape(value, (-1,))], parts))
