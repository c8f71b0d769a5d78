"""Variables that are summed or integrated out of a model's log-density: what does it, and what it works on.

A model says in `eliminations` how each variable of `marginalized_RVs` leaves its density. Such a variable stays in the graph, a draw
with its name, so priors, predictive draws and the drawing of the model go on to work; in the log-density a placeholder stands for its
value, until its elimination has put terms without it in the place of those that depend on it.
"""

from __future__ import annotations

import importlib
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import workbench.tensor as pt
from workbench.errors import ModelError
from workbench.graph.expr import Expr
from workbench.graph.frozen import changed, frozen
from workbench.graph.provenance import derived
from workbench.graph.rewrite import Firing
from workbench.graph.traverse import topological
from workbench.model.drawing import parents
from workbench.tensor.tensor import Tensor

if TYPE_CHECKING:
    from workbench.model.model import Model


@frozen(eq=False)
class Factor:
    """A term of the log-density, element by element, with values in the place of random variables.

    Attributes
    ----------
    of
        Names of the variables and potentials whose joint density it is: one, until something has been eliminated.
    term
        The logarithm; its elements are independent given the values.
    scale
        What it is multiplied by, where a part of the data stands for all of them.
    along
        The variable whose elements are those of the term, where that is not the one that it is of.
    is_rest
        Whether it is what of a term does not depend on what was eliminated, where another part of it does.
    """

    of: tuple[str, ...]
    term: Any
    scale: Any = None
    along: str | None = None
    is_rest: bool = False

    @property
    def name(self) -> str:
        return ", ".join(self.of) + (" (the rest)" if self.is_rest else "")

    @property
    def scaled(self) -> Any:
        return self.term if self.scale is None else self.scale * self.term


@frozen(eq=False)
class Factors:
    """The terms of a model's log-density, in order, and how its variables stand in them.

    Attributes
    ----------
    model
        The model.
    values
        Every random variable's value in its own space; of a variable that is eliminated, its placeholder, an input.
    all
        The terms.
    """

    model: Any
    values: Mapping[Expr, Any]
    all: tuple[Factor, ...]

    def placeholder(self, name: str) -> Any:
        """Return what stands for the value of a variable that is eliminated."""
        return self.model.rvs_to_values[self.model[name]]

    def depending_on(self, *placeholders: Expr) -> list[Factor]:
        """Return the factors whose terms depend on any of some inputs."""
        wanted = set(placeholders)
        return [f for f in self.all if not wanted.isdisjoint(topological([f.term]))]

    def of(self, name: str) -> Factor | None:
        """Return the factor that the term of a variable or potential is in; ``None`` if it has left."""
        return next((f for f in self.all if name in f.of), None)

    def without(self, gone: Sequence[Factor], instead: Sequence[Factor] = ()) -> Factors:
        """Return the factors with others in the place of the last of some."""
        kept: list[Factor] = []
        last = max((i for i, f in enumerate(self.all) if any(f is g for g in gone)), default=-1)
        for i, f in enumerate(self.all):
            if not any(f is g for g in gone):
                kept.append(f)
            if i == last:
                kept += instead
        return changed(self, all=tuple(kept))

    @property
    def roots(self) -> tuple[Any, ...]:
        """The sum of all terms, and each."""
        return total_of([f.scaled for f in self.all]), *(f.scaled for f in self.all)

    def joint_name(self, gone: Sequence[Factor], eliminated: Collection[str]) -> tuple[str, ...]:
        """Return the names of a term that takes the place of others: theirs, without what is eliminated."""
        return tuple(dict.fromkeys(n for f in gone for n in f.of if n not in eliminated))

    def common_scale(self, factors: Sequence[Factor], eliminated: Sequence[str]) -> Any:
        """Return what all factors that depend on variables, but their own, are multiplied by.

        Raises
        ------
        ModelError
            If they are not all multiplied by the same.
        """
        scales = {id(f.scale): f for f in factors if not set(f.of) <= set(eliminated)}
        if len(scales) > 1:
            one, other = list(scales.values())[:2]
            raise refused(self.model, eliminated[0], f"{one.name} and {other.name} depend on it, and total_size is not the same for both")
        return next(iter(scales.values())).scale if scales else None


class Eliminated(NamedTuple):
    """What an elimination has made: the factors that are left, and the steps to them, of the sum of all terms."""

    factors: Factors
    firings: tuple[Firing, ...]


class Elimination(Protocol):
    """How variables leave the log-density of a model. A frozen value that holds names, so it goes with copies of the model.

    It looks at the model anew each time: after :func:`workbench.do` or `observe`, other variables may depend on its own.
    """

    @property
    def title(self) -> str:
        """What it is called, as the name of its pass: "enumeration"."""
        ...

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of the variables that leave."""
        ...

    @property
    def reason(self) -> str:
        """Why it was chosen, or what it costs: a sentence."""
        ...

    def eliminate(self, factors: Factors) -> Eliminated:
        """Return factors that do not depend on the variables' placeholders.

        Raises
        ------
        ModelError
            If that cannot be done, with the variable's name and line, why, and what would help.
        """
        ...

    def recover(self, factors: Factors) -> dict[str, Tensor]:
        """Return the exact conditional distribution of each variable, as an expression that draws it, in the order of drawing.

        Parameters
        ----------
        factors
            Those that it eliminated from. The expressions are made of their values and placeholders: of variables that were
            eliminated later, which have been drawn, and of its own that stand before.
        """
        ...

    def without(self, names: Collection[str]) -> Elimination | None:
        """Return what is left to do if some variables are random no more; ``None`` if nothing is."""
        ...


class Kind(Protocol):
    """A kind of elimination."""

    def plan(self, model: Model, variables: Sequence[Tensor], **options: Any) -> Elimination | None:
        """Return how it would eliminate variables of a model; ``None`` if it is not made for such.

        Parameters
        ----------
        model, variables
            The model, at its current shapes, and free variables of it.
        options
            What the user said: `upper`, the last of infinitely many states.

        Raises
        ------
        ModelError
            If it is, but cannot.
        """
        ...


KINDS: list[Kind] = []
"""Kinds of eliminations."""

FAMILIES = tuple(
    f"workbench.model.{name}" for name in ("barren_variables", "forward_algorithm", "enumeration", "kalman_filter", "normal_integration", "conjugate", "wishart_precision")
)
"""Modules that add to these, in the order in which they are asked."""


def kinds() -> list[Kind]:
    """Return the kinds of eliminations that there are, in the order in which they are asked: a user's own come last."""
    for family in FAMILIES:
        importlib.import_module(family)
    place = {family: i for i, family in enumerate(FAMILIES)}
    return sorted(KINDS, key=lambda kind: place.get(type(kind).__module__, len(place)))


def refused(model: Model, name: str, why: str, hint: str = "") -> ModelError:
    """Return the error of a variable that cannot be eliminated, at its line."""
    made = model[name].provenance
    return ModelError(f"{name} cannot be summed or integrated out: {why}", hint, made.location if made else None)


def total_of(terms: Sequence[Tensor]) -> Tensor:
    """Return the sum of all elements of some terms."""
    total: Tensor | None = None
    for term in terms:
        summed = sum_of(term)
        total = summed if total is None else total + summed
    return pt.constant(0.0) if total is None else total


def sum_of(term: Tensor) -> Tensor:
    """Return the sum of a term's elements."""
    with derived(term.provenance):
        return pt.sum(term)


def settle(model: Model) -> None:
    """Let a model's eliminations, and its deterministics, be those of the variables that are eliminated still."""
    there = {str(x.name) for x in model.marginalized_RVs}
    left = (e.without([n for n in e.variables if n not in there]) if not there.issuperset(e.variables) else e for e in model.eliminations)
    model.eliminations = tuple(e for e in left if e is not None)
    every = [x for x in model.named_vars.values() if any(x is d for d in (*model.deterministics, *model.recovered_deterministics))]
    hidden = set(model.marginalized_RVs)
    random = {*model.basic_RVs, *hidden}
    model.recovered_deterministics = [x for x in every if _depends(model, x, hidden, random)]
    model.deterministics = [x for x in every if not any(x is d for d in model.recovered_deterministics)]


def _depends(model: Model, x: Tensor, hidden: set[Tensor], random: set[Tensor]) -> bool:
    """Whether an expression depends on one of some variables by no other random variable."""
    return not hidden.isdisjoint(parents(model, x, random))


__all__ = [
    "KINDS", "Eliminated", "Elimination", "Factor", "Factors", "Kind", "kinds", "refused", "settle", "sum_of", "total_of",
]  # fmt: skip
