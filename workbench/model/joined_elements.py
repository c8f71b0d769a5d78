"""Elements of discrete variables that depend on one another are summed out, one after the other: variable elimination."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

import workbench.tensor as pt
from workbench.distributions.categories import Categorical
from workbench.model.elimination import Factor, Factors, refused, total_of
from workbench.model.state_spaces import FREEZE, MOST_STATES
from workbench.model.sums_over_states import ELIMINATE, Step
from workbench.tensor.tensor import Tensor
from workbench.transforms.accesses import Access, Dependence
from workbench.transforms.enumerated import StateSpace, summands
from workbench.transforms.factor_graphs import Elimination, Table, best_order, eliminate
from workbench.transforms.tabulated import NotKnown, Numbered, elements_of, tabulated

if TYPE_CHECKING:
    from workbench.model.model import Model


def summed_out_together(factors: Factors, names: Sequence[str], on: Dependence, states: Mapping[str, StateSpace]) -> Step:
    """Sum out elements of several variables, or of one, that share terms: each by its own, in the order that costs least."""
    model = factors.model
    placeholders = [factors.placeholder(n) for n in names]
    gone = factors.depending_on(*placeholders)
    scale = factors.common_scale(gone, names)
    arrays: dict[Any, Numbered] = {}
    sizes: list[int] = []
    for name, x in zip(names, placeholders):
        if x.type.is_open:
            raise refused(model, name, "its elements depend on one another, and how many there are may change", FREEZE)
        if states[name].is_cut:
            raise refused(model, name, "it has infinitely many states, and shares terms with others that depend on one another", "give it an upper bound: pm.Truncated")
        arrays[x] = Numbered(len(sizes), states[name].values(x.type.static_shape))
        sizes += [states[name].size] * x.size
    tables: list[Table] = []
    rests: list[Factor] = []
    for f in gone:
        apart: list[Any] = []
        for part in _each_part(f.term, on):
            if not on.of(part):
                apart.append(part)
                continue
            try:
                _require_few(model, names, f, part, elements_of(part, on), arrays)
                tables += tabulated(part, on, arrays)
            except NotKnown as why:
                raise refused(model, ", ".join(names), f"the density of {f.name} depends on several of its elements, and {why}", FREEZE) from None
        rests += [Factor(f.of, total_of(apart), f.scale, is_rest=True)] if apart else []
    for name, x in zip(names, placeholders):
        there = states[name].there
        if there is not None:
            rows = pt.transpose(pt.reshape(pt.where(there, 0.0, -np.inf), (states[name].size, x.size)), (1, 0))
            tables.append(Table(rows, arrays[x].first + np.arange(x.size)[:, None]))
    every = np.array(sizes)
    order = best_order(sorted({tuple(s) for t in tables for s in t.scopes.tolist()}), every)
    if order.cost > MOST_STATES:
        elements = f"{len(sizes)} elements of up to {max(sizes)} states"
        raise refused(
            model, ", ".join(names), f"its {elements} depend on one another so that {order.cost:.1g} joint states would be gone through",
            "sum out some of them, or sample them: leave them in the model",
        )
    made = eliminate(tables, every, order)
    said = f"the {len(sizes)} elements of {' and '.join(names)} depend on one another: summed out in {len(order.rounds)} rounds, with tables of {order.cost} joint states"
    of = factors.joint_name(gone, names)
    instead = [Factor(of, made.parts, scale, names[0])] if of else []

    def draws() -> dict[str, Tensor]:
        state = _drawn(made, len(sizes))
        found = {}
        for name, x in zip(names, placeholders):
            own = pt.reshape(state[arrays[x].first : arrays[x].first + x.size], x.type.static_shape)
            found[name] = pt.cast(states[name].low + own, x.dtype)
        return found

    return Step(tuple(names), factors, gone, factors.without(gone, [*instead, *rests]), draws, ELIMINATE, said)


def _each_part(term: Any, on: Dependence) -> list[Any]:
    """A term; or the parts of its sums, where an element of it depends on several elements of an array."""
    accesses = on.of(term)
    sources = {a.source for a in accesses}
    return [term] if len(sources) == len(accesses) and all(a.element is not None for a in accesses) else summands(term)


def _require_few(model: Model, names: Sequence[str], f: Factor, part: Any, accesses: Sequence[Access], arrays: Mapping[Any, Numbered]) -> None:
    cost = sum(math.log10(arrays[a.source].states.type.shape[0]) for a in accesses) + math.log10(max(part.size, 1))
    if cost > math.log10(MOST_STATES):
        raise refused(
            model, ", ".join(names),
            f"an element of the density of {f.name} depends on {len(accesses)} of its elements: 10**{cost:.0f} joint states would be gone through",
            "let elements depend on few others, or sample it: leave it in the model",
        )


def _drawn(made: Elimination, count: int) -> Tensor:
    """Return all numbers drawn together, the last that was summed out first: each given those that it was joined with then."""
    state: Any = pt.zeros(count, "int64")
    for numbers, neighbours, joint in reversed(made.rounds):
        weights = joint
        if neighbours.shape[1]:
            moved = pt.transpose(joint, (0, *range(2, joint.ndim), 1))
            weights = moved[(np.arange(len(numbers)), *(state[neighbours[:, k]] for k in range(neighbours.shape[1])))]
        state = state[numbers].set(Categorical.dist(logit_p=weights))
    return state  # type: ignore[no-any-return]
