"""Variables on which nothing depends leave the density as they are: it integrates to 1. So missing observations need not be sampled."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

import workbench.tensor as pt
from workbench.distributions.continuous import Flat, HalfFlat
from workbench.distributions.distribution import Draw
from workbench.distributions.spatial import ICAR
from workbench.graph.frozen import frozen
from workbench.graph.rewrite import Firing, Rule
from workbench.graph.traverse import ancestors, replace
from workbench.model.elimination import KINDS, Eliminated, Factors, refused
from workbench.model.missing import Part
from workbench.tensor.tensor import Tensor

if TYPE_CHECKING:
    from workbench.model.model import Model

IMPROPER = (Flat, HalfFlat, ICAR)
"""Their densities have no integral."""


@frozen
class Barren:
    """A variable on which nothing depends is left out.

    Attributes
    ----------
    variables
        Its name.
    reason
        Why.
    """

    variables: tuple[str, ...]
    reason: str = ""
    title = "nothing depends on it"

    def eliminate(self, factors: Factors) -> Eliminated:
        begun = time.perf_counter()
        (name,) = self.variables
        others = [f for f in factors.depending_on(factors.placeholder(name)) if f.of != (name,)]
        if others:
            raise refused(factors.model, name, f"the density of {others[0].name} depends on it now", "marginalize the model that it is in anew")
        own = [f for f in factors.all if f.of == (name,)]
        steps = tuple(Firing(BARREN, f.scaled, pt.zeros_like(f.scaled), time.perf_counter() - begun) for f in own)
        return Eliminated(factors.without(own), steps)

    def recover(self, factors: Factors) -> dict[str, Tensor]:
        (name,) = self.variables
        return {name: replace(factors.model[name], {rv: x for rv, x in factors.values.items() if rv is not factors.model[name]})}

    def without(self, names: Collection[str]) -> Barren | None:
        return None if self.variables[0] in names else self


def is_barren(model: Model, rv: Tensor) -> bool:
    """Whether no term of another variable, and no potential, depends on the value of a free variable, and it has a proper density."""
    drawn = rv.inputs[0] if isinstance(rv.op, Part) else rv
    if not isinstance(drawn.op, Draw) or issubclass(drawn.op.distribution, IMPROPER) or hasattr(drawn.op.distribution, "of_density"):
        return False
    others = [x for x in (*model.free_RVs, *model.observed_RVs, *model.potentials) if x is not rv]
    if rv in ancestors(others):
        return False
    # What was eliminated before has left terms of what it depended on.
    value = model.rvs_to_values[rv]
    return all(f.of == (rv.name,) for f in model.density(jacobian=False).factors.depending_on(value))


def _barren(expr: object) -> None:
    """Nothing that is observed or sampled depends on this variable, so all that it adds to the density is its own, and that integrates
    to 1 whatever the others are."""


BARREN = Rule("nothing_depends_on_it", "barren variables", " ".join((_barren.__doc__ or "").split()), (), lambda expr: None, _barren)


class _Kind:
    def plan(self, model: Model, variables: Sequence[Tensor], **options: Any) -> Barren | None:
        if len(variables) != 1 or not is_barren(model, variables[0]):
            return None
        name = str(variables[0].name)
        return Barren((name,), f"nothing depends on {name}: its density integrates to 1")


KINDS.append(_Kind())
