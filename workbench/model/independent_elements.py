"""A discrete variable whose elements are independent given the rest is summed out: a sum for each element."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.distributions.categories import Categorical
from workbench.graph.provenance import derived
from workbench.model.elimination import Factor, Factors, refused, total_of
from workbench.model.state_spaces import MOST_STATES
from workbench.model.sums_over_states import SUM_OUT, Step
from workbench.model.truncation import checked_tail
from workbench.tensor.tensor import Tensor
from workbench.transforms.accesses import Access, Dependence, numbers_of
from workbench.transforms.enumerated import StateSpace, in_order, over_states, parts_of, summed_to


def cost_of(factors: Factors, name: str, on: Dependence, states: Mapping[str, StateSpace]) -> float:
    """The logarithm of how many terms are computed, if a variable is summed out element by element; infinite, if it cannot be."""
    placeholder = factors.placeholder(name)
    sizes = {factors.placeholder(n): states[n].size for n in states}
    rv = factors.model.at_current_shapes()[name]
    cost = math.log(states[name].size)
    most = rv.size
    joined: dict[Any, float] = {}
    for f in factors.depending_on(placeholder):
        for part in parts_of(f.term, on, placeholder):
            mine = [a for a in on.of(part) if a.source is placeholder]
            if not mine:
                continue
            if len(mine) > 1 or mine[0].element is None:
                return math.inf
            alone = in_order(mine[0])
            most = max(most, math.prod(n for n in part.type.shape if isinstance(n, int)))
            for a in on.of(part):
                if a.source is placeholder:
                    continue
                if a.element is None:
                    times = factors.model.at_current_shapes()[str(a.source.name)].size
                else:
                    along = [n for n, m in zip(a.element.type.shape, mine[0].element.type.shape) if m == 1 and isinstance(n, int)]
                    times = math.prod(along) * (1 if alone else _most_often(mine[0]))
                joined[a if alone else (a, part)] = times * math.log(sizes[a.source])
    if not joined:
        return cost + math.log(max(most, 1))
    total = cost + sum(joined.values())
    return total + math.log(max(rv.size, 1)) if total <= math.log(MOST_STATES) else math.inf


def _most_often(access: Access) -> int:
    """How many terms depend on one element, at most."""
    numbers = access.numbers
    return 1 << 20 if numbers is None else int(np.bincount(numbers[numbers >= 0].ravel()).max(initial=1))


def summed_out(factors: Factors, name: str, on: Dependence, states: StateSpace) -> Step:
    """Return the step that sums a variable out, element by element."""
    rv = factors.model[name]
    gone = factors.depending_on(factors.placeholder(name))
    scale = factors.common_scale(gone, (name,))
    joint, rests = emitted(factors, name, states.values(shape_of(rv)), gone)
    if states.there is not None:
        joint = pt.where(states.there, joint, -np.inf)
    of = factors.joint_name(gone, (name,))
    total: Any = pt.logsumexp(joint, axis=0)
    if states.enough is not None:
        total = pt.where(states.enough, total, np.nan)
    if states.is_cut:
        total = checked_tail(factors, name, states, gone, on, total)
    instead = [Factor(of, total, scale, name)] if of else []

    def draws() -> dict[str, Tensor]:
        weights = pt.transpose(joint, (*range(1, joint.ndim), 0))
        return {name: pt.cast(states.low + Categorical.dist(logit_p=weights), rv.dtype)}

    return Step((name,), factors, gone, factors.without(gone, [*instead, *rests]), draws, SUM_OUT, _said(rv, states))


def emitted(factors: Factors, name: str, values: Tensor, of: Sequence[Factor], event_rank: int = 0) -> tuple[Any, list[Factor]]:
    """Return the terms of some factors, by value of each element of a variable, and what of them does not depend on it.

    Parameters
    ----------
    factors, name
        All factors, and the variable.
    values
        In the place of the variable, (count, *shape).
    of
        The factors whose terms are asked for.
    event_rank
        How many of the variable's last axes belong to one element: 1 where it is vectors.

    Returns
    -------
    joint, rests
        Their sum, (count, *shape) without these axes; ``None`` if there is none. Factors of terms that depend on no element.

    Raises
    ------
    ModelError
        If an element of a term depends on several of the variable.
    """
    placeholder, shape = factors.placeholder(name), shape_of(factors.model[name])
    on = _dependence(factors, placeholder, event_rank)
    shape, own = shape[: len(shape) - event_rank], _numbers(placeholder, event_rank)
    joint: Any = None
    rests: list[Factor] = []
    for f in of:
        apart: list[Any] = []
        for part in parts_of(f.term, on, placeholder):
            accesses = [a for a in on.of(part) if a.source is placeholder]
            if not accesses:
                apart.append(part)
                continue
            if _is_of_several(accesses):
                many = "several" if accesses[0].element is not None else "all"
                raise refused(factors.model, name, f"an element of the density of {f.name} depends on {many} of its elements")
            with derived(f.term.provenance):
                summed, rest = summed_to(over_states(part, placeholder, values), accesses[0], shape, own)
            joint = summed if joint is None else joint + summed
            apart += [] if rest is None else [rest]
        rests += [Factor(f.of, total_of(apart), f.scale, is_rest=True)] if apart else []
    return joint, rests


def shape_of(rv: Any) -> tuple[Any, ...]:
    """Return a variable's lengths, as numbers of the graph where they may change."""
    return tuple(rv.shape) if rv.type.is_open else rv.type.static_shape


def accessed(factors: Factors, name: str, of: Sequence[Factor], event_rank: int = 0) -> Factor | None:
    """Return the first of some factors an element of whose terms depends on several elements of a variable; ``None`` if none does."""
    placeholder = factors.placeholder(name)
    on = _dependence(factors, placeholder, event_rank)
    parts = ((f, [a for a in on.of(part) if a.source is placeholder]) for f in of for part in parts_of(f.term, on, placeholder))
    return next((f for f, accesses in parts if _is_of_several(accesses)), None)


def _dependence(factors: Factors, placeholder: Any, event_rank: int) -> Dependence:
    """The accesses to a variable, where others are what rows are taken by."""
    model = factors.model
    discrete = [rv for rv in model.free_RVs if rv.type.kind != "f"]
    sources = list(dict.fromkeys([placeholder, *(model.rvs_to_values[rv] for rv in (*model.marginalized_RVs, *discrete))]))
    return Dependence(sources, {placeholder: pt.expand_dims(_numbers(placeholder, event_rank), tuple(range(-event_rank, 0)))} if event_rank else {})


def _numbers(placeholder: Any, event_rank: int) -> Tensor:
    """The numbers of a variable's elements, each of so many of its last axes."""
    shape = placeholder.type.shape[: placeholder.ndim - event_rank]
    return pt.constant(np.arange(math.prod(shape)).reshape(shape)) if event_rank else numbers_of(placeholder)


def _is_of_several(accesses: Sequence[Access]) -> bool:
    return len(accesses) > 1 or any(a.element is None for a in accesses)


def _said(rv: Tensor, states: StateSpace) -> str:
    """What it costs, in words."""
    n = None if rv.type.is_open else rv.size
    each = "" if n == 1 else f" in each of its{'' if n is None else f' {n}'} elements, which are independent given the rest"
    if states.is_cut:
        rest = "what is left out is less than 1e-12 of the sum, or the density is NaN"
        return f"{rv.name} has infinitely many states{each}: those up to {states.last} are summed, {rest}"
    cost = "" if n is None or n == 1 else f": {n * states.size} terms, and not {states.size}**{n}"
    return f"{rv.name} has {states.size} states{each}{cost}"
