"""Steps of an enumeration: which variables leave the factors, by which rule, and how they are drawn again."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from workbench.graph.rewrite import Firing, Rule
from workbench.model.elimination import Factor, Factors, total_of
from workbench.tensor.tensor import Tensor


class Step(NamedTuple):
    """Variables summed out of the factors."""

    variables: tuple[str, ...]
    before: Factors
    gone: list[Factor]
    after: Factors
    draws: Callable[[], dict[str, Tensor]]
    """Makes the distribution of each given the rest."""
    rule: Rule
    said: str
    """What it costs."""

    @property
    def firings(self) -> list[Firing]:
        """The step as a trace has it: the terms that depend on the variables are put together, and summed."""
        begun = time.perf_counter()
        old = self.before.roots[0]
        depending = total_of([f.scaled for f in self.gone])
        rest = [f.scaled for f in self.before.all if not any(f is g for g in self.gone)]
        together = total_of(rest) + depending if rest else depending
        made = [f.scaled for f in self.after.all if not any(f is g for g in self.before.all)]
        summed: Any = total_of(made)
        found = [Firing(TOGETHER, old, together, time.perf_counter() - begun)] if together is not old else []
        return [*found, Firing(self.rule, depending, summed, 0.0)]


def _text(function: Callable[..., Any]) -> str:
    return " ".join((function.__doc__ or "").split())


def _together(expr: Any) -> None:
    """The terms that depend on a discrete variable are put together: they are the logarithm of one joint probability."""


def _sum_out(expr: Any) -> None:
    """A discrete variable is summed out: the joint density is computed with each of its states, on a new axis, and the logarithm of
    their sum takes its place. Elements that are independent of one another each have a sum of their own, so n elements of K states cost
    n K terms, and not K to the power of n."""


TOGETHER = Rule("terms_of_a_discrete_variable", "enumeration", _text(_together), (), lambda expr: None, _together)
def _eliminate(expr: Any) -> None:
    """Discrete elements that depend on one another are summed out one after the other, those that are in the smallest tables first: all
    terms that an element is in are added up for its states and its neighbours', and the logarithm of the sum over its own is a term of
    its neighbours. So a tree of n elements of K states costs n K**2 terms, and not K**n."""


ELIMINATE = Rule("variable_elimination", "enumeration", _text(_eliminate), (), lambda expr: None, _eliminate)
SUM_OUT = Rule("sum_over_states", "enumeration", _text(_sum_out), (), lambda expr: None, _sum_out)
