"""Discrete variables of finitely many states are summed out: the density of each state, and the logarithm of the sum."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

import workbench.tensor as pt
from workbench.distributions.categories import Categorical
from workbench.distributions.distribution import Draw
from workbench.graph.expr import Input
from workbench.graph.frozen import changed, frozen
from workbench.graph.provenance import derived
from workbench.graph.rewrite import Firing, Rule
from workbench.graph.traverse import topological
from workbench.model.elimination import KINDS, Eliminated, Factor, Factors, refused, total_of
from workbench.tensor.tensor import Tensor
from workbench.transforms.accesses import Access, Dependence
from workbench.transforms.enumerated import StateSpace, over_states, summands, summed_to

if TYPE_CHECKING:
    from workbench.model.model import Model

MOST_TERMS = 10_000_000
"""More terms than this are not summed."""


class Step(NamedTuple):
    """One variable summed out of the factors."""

    variable: str
    before: Factors
    gone: list[Factor]
    joint: Any
    """The joint log-density of what depends on it, and of itself, by state: (states, *shape)."""
    states: StateSpace
    after: Factors


@frozen
class Enumeration:
    """The density with each state of discrete variables, summed over the states.

    Attributes
    ----------
    variables
        Their names, in the order in which they are asked for.
    reason
        What it costs.
    """

    variables: tuple[str, ...]
    reason: str = ""
    title = "enumeration"

    def eliminate(self, factors: Factors) -> Eliminated:
        firings: list[Firing] = []
        for step in self._steps(factors):
            firings += _firings(step)
            factors = step.after
        return Eliminated(factors, tuple(firings))

    def recover(self, factors: Factors) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        for step in reversed(list(self._steps(factors))):
            rv = factors.model[step.variable]
            weights = pt.transpose(step.joint, (*range(1, step.joint.ndim), 0))
            drawn = Categorical.dist(logit_p=weights)
            found[step.variable] = pt.cast(step.states.low + drawn, rv.dtype)
        return found

    def without(self, names: Collection[str]) -> Enumeration | None:
        left = tuple(n for n in self.variables if n not in names)
        return changed(self, variables=left) if left else None

    def _steps(self, factors: Factors) -> Iterator[Step]:
        """One variable after the other, those first that cost least."""
        left = list(self.variables)
        while left:
            name = left[0]
            step = _summed_out(factors, name)
            yield step
            factors = step.after
            left.remove(name)


def _summed_out(factors: Factors, name: str) -> Step:
    model, placeholder = factors.model, factors.placeholder(name)
    states = states_of(model, model[name])
    gone = factors.depending_on(placeholder)
    scale = factors.common_scale(gone, name)
    joint, rests = emitted(factors, name, states.values(shape_of(model[name])), gone)
    if states.there is not None:
        joint = pt.where(states.there, joint, -np.inf)
    of = factors.joint_name(gone, (name,))
    instead = [Factor(of, pt.logsumexp(joint, axis=0), scale, name)] if of else []
    return Step(name, factors, gone, joint, states, factors.without(gone, [*instead, *rests]))


def emitted(factors: Factors, name: str, values: Tensor, of: Sequence[Factor]) -> tuple[Any, list[Factor]]:
    """Return the terms of some factors, by value of each element of a variable, and what of them does not depend on it.

    Parameters
    ----------
    factors, name
        All factors, and the variable.
    values
        In the place of the variable, (count, *shape).
    of
        The factors whose terms are asked for.

    Returns
    -------
    joint, rests
        Their sum, (count, *shape); ``None`` if there is none. Factors of terms that depend on no element.

    Raises
    ------
    ModelError
        If an element of a term depends on several of the variable.
    """
    model, placeholder = factors.model, factors.placeholder(name)
    shape = shape_of(model[name])
    on = Dependence([model.rvs_to_values[x] for x in model.marginalized_RVs])
    joint: Any = None
    rests: list[Factor] = []
    for f in of:
        apart: list[Any] = []
        for part, accesses in _parts(f.term, on, placeholder):
            if not accesses:
                apart.append(part)
                continue
            if _is_of_several(accesses):
                many = "several" if accesses[0].element is not None else "all"
                raise refused(model, name, f"an element of the density of {f.name} depends on {many} of its elements")
            with derived(f.term.provenance):
                summed, rest = summed_to(over_states(part, placeholder, values), accesses[0], shape)
            joint = summed if joint is None else joint + summed
            apart += [] if rest is None else [rest]
        rests += [Factor(f.of, total_of(apart), f.scale, is_rest=True)] if apart else []
    return joint, rests


def shape_of(rv: Any) -> tuple[Any, ...]:
    """Return a variable's lengths, as numbers of the graph where they may change."""
    return tuple(rv.shape) if rv.type.is_open else rv.type.static_shape


def accessed(factors: Factors, name: str, of: Sequence[Factor]) -> Factor | None:
    """Return the first of some factors an element of whose terms depends on several elements of a variable; ``None`` if none does."""
    placeholder = factors.placeholder(name)
    on = Dependence([factors.model.rvs_to_values[x] for x in factors.model.marginalized_RVs])
    return next((f for f in of if any(_is_of_several(accesses) for _, accesses in _parts(f.term, on, placeholder))), None)


def _is_of_several(accesses: Sequence[Access]) -> bool:
    return len(accesses) > 1 or any(a.element is None for a in accesses)


def _parts(term: Any, on: Dependence, placeholder: Any) -> list[tuple[Any, list[Access]]]:
    """A term; or the parts of its sums, where an element of it depends on several elements. Each with what it depends on."""

    def accesses(x: Any) -> list[Access]:
        return [a for a in on.of(x) if a.source is placeholder]

    known = accesses(term)
    parts = [term] if len(known) == 1 and known[0].element is not None else summands(term)
    return [(part, accesses(part)) for part in parts]


def states_of(model: Model, rv: Any) -> StateSpace:
    """Return the states of a discrete variable.

    Raises
    ------
    ModelError
        If they are not finitely many, or not known.
    """
    name = str(rv.name)
    if not isinstance(rv.op, Draw):
        raise refused(model, name, "it is made of other random variables, and its states are not known", "sum out those that it is made of")
    if rv.type.kind == "f":
        raise refused(model, name, f"a {rv.op.name} has a density, not finitely many states")
    ends = rv.op.distribution.ends(*rv.inputs[1:])
    if ends is None:
        raise refused(model, name, f"a draw of {rv.op.name} is a vector, whose states are not gone through", "write it as several discrete numbers")
    low, high = (pt.cast(pt.as_tensor(x), "float64") for x in ends)
    if any(isinstance(node.op, (Draw, Input)) for node in topological([low, high])):
        raise refused(model, name, "its states depend on other random variables")
    first, last = (np.broadcast_to(np.asarray(x.eval(), np.float64), rv.type.static_shape) for x in (low, high))
    if not np.isfinite(last - first).all():
        raise refused(
            model, name, f"a {rv.op.name} has infinitely many states",
            "give it an upper bound: pm.Truncated(name, pm.Poisson.dist(mu), upper=100)",
        )
    low_at, numbers = np.ceil(first).astype(np.int64), (np.floor(last) - np.ceil(first) + 1).astype(np.int64)
    count = int(numbers.max(initial=1))
    there = None
    if (numbers < count).any():
        there = pt.constant(np.arange(count).reshape((count, *(1,) * rv.ndim)) < numbers)
    return StateSpace(pt.constant(low_at), count, there)


# What the stepper shows ------------------------------------------------------------------------------


def _together(expr: Any) -> None:
    """The terms that depend on a discrete variable are put together: they are the logarithm of one joint probability."""


def _sum_out(expr: Any) -> None:
    """A discrete variable is summed out: the joint density is computed with each of its states, on a new axis, and the logarithm of
    their sum takes its place. Elements that are independent of one another each have a sum of their own, so n elements of K states cost
    n K terms, and not K to the power of n."""


TOGETHER = Rule("terms_of_a_discrete_variable", "enumeration", " ".join((_together.__doc__ or "").split()), (), lambda expr: None, _together)
SUM_OUT = Rule("sum_over_states", "enumeration", " ".join((_sum_out.__doc__ or "").split()), (), lambda expr: None, _sum_out)


def _firings(step: Step) -> list[Firing]:
    begun = time.perf_counter()
    old = step.before.roots[0]
    depending = total_of([f.scaled for f in step.gone])
    rest = [f.scaled for f in step.before.all if not any(f is g for g in step.gone)]
    together = total_of(rest) + depending if rest else depending
    made = [f.scaled for f in step.after.all if not any(f is g for g in step.before.all)]
    summed: Any = total_of(made)
    found = [Firing(TOGETHER, old, together, time.perf_counter() - begun)] if together is not old else []
    return [*found, Firing(SUM_OUT, depending, summed, 0.0)]


# The kind ------------------------------------------------------------------------------------------


class _Kind:
    def plan(self, model: Model, variables: Sequence[Tensor]) -> Enumeration | None:
        if any(rv.type.kind == "f" for rv in variables):
            return None
        parts = []
        for rv in variables:
            states, n = states_of(model, rv), rv.size
            each = f" in each of its {n} elements" if n > 1 else ""
            parts.append(f"{rv.name} has {states.size} states{each}")
        return Enumeration(tuple(str(rv.name) for rv in variables), "; ".join(parts))


KINDS.append(_Kind())
