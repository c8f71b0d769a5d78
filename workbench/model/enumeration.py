"""Discrete variables are summed out: the density of each state, and the logarithm of the sum."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from workbench.graph.frozen import changed, frozen
from workbench.graph.rewrite import Firing
from workbench.model.elimination import KINDS, Eliminated, Factors
from workbench.model.independent_elements import cost_of, summed_out
from workbench.model.joined_elements import summed_out_together
from workbench.model.state_spaces import states_of
from workbench.model.sums_over_states import Step
from workbench.model.truncation import last_state
from workbench.tensor.tensor import Tensor
from workbench.transforms.accesses import Dependence

if TYPE_CHECKING:
    from workbench.model.model import Model

MOST_TERMS = 200_000_000
"""More terms than this, of elements that are independent of one another, are not computed."""


@frozen
class Enumeration:
    """The density with each state of discrete variables, summed over the states.

    Attributes
    ----------
    variables
        Their names.
    reason
        What it costs.
    last
        Names of variables that have infinitely many states, and the last one that is summed.
    """

    variables: tuple[str, ...]
    reason: str = ""
    last: tuple[tuple[str, int], ...] = ()
    title = "enumeration"

    def eliminate(self, factors: Factors) -> Eliminated:
        firings: list[Firing] = []
        for step in self.steps(factors):
            firings += step.firings
            factors = step.after
        return Eliminated(factors, tuple(firings))

    def recover(self, factors: Factors) -> dict[str, Tensor]:
        found: dict[str, Tensor] = {}
        for step in reversed(list(self.steps(factors))):
            found |= step.draws()
        return found

    def without(self, names: Collection[str]) -> Enumeration | None:
        left = tuple(n for n in self.variables if n not in names)
        return changed(self, variables=left) if left else None

    def steps(self, factors: Factors) -> Iterator[Step]:
        """Yield variables whose elements are independent given the rest one after the other, the cheapest first; else all together."""
        last = dict(self.last)
        states = {name: states_of(factors.model, factors.model[name], last) for name in self.variables}
        left = list(self.variables)
        while left:
            on = Dependence([factors.placeholder(name) for name in left])
            costs = {name: cost_of(factors, name, on, states) for name in left}
            name = min(left, key=lambda n: costs[n])
            if costs[name] <= math.log(MOST_TERMS):
                step = summed_out(factors, name, on, states[name])
            else:
                step = summed_out_together(factors, left, on, states)
            yield step
            factors = step.after
            left = [n for n in left if n not in step.variables]


class _Kind:
    def plan(self, model: Model, variables: Sequence[Tensor], **options: Any) -> Enumeration | None:
        if any(rv.type.kind == "f" for rv in variables):
            return None
        upper = options.get("upper")
        last: dict[str, int] = {}
        # How many states a variable has may follow from those of one before it.
        for rv in (rv for rv in model.free_RVs if any(rv is x for x in variables)):
            name = str(rv.name)
            if states_of(model, rv, {**last, name: 0}).is_cut:
                given = upper.get(name) if isinstance(upper, dict) else upper
                last[name] = int(given) if given is not None else last_state(model, rv)
        made = Enumeration(tuple(str(rv.name) for rv in variables), "", tuple(last.items()))
        return changed(made, reason="; ".join(step.said for step in made.steps(model.density().factors)))


KINDS.append(_Kind())
