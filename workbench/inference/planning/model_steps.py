"""Steps that the model itself asks for, before anything is sampled: what can be summed or integrated out."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

from workbench.distributions.distribution import Draw
from workbench.distributions.matrices import Wishart
from workbench.errors import WorkbenchError
from workbench.graph.inner import Graph, nodes_within
from workbench.graph.traverse import topological
from workbench.inference.planning.plan import Step
from workbench.model.elimination import kinds
from workbench.model.marginalization import marginalize
from workbench.model.states import finite_states

if TYPE_CHECKING:
    from workbench.model.model import Model

MOST_WORK = 8.0
"""A sweep of Gibbs steps takes about a term for each state of each element. A log-density without the variable that takes so many times
that makes fewer effective draws a second, whatever its gradient is worth."""


def summed_out(model: Model) -> tuple[list[Step], Model]:
    """Return a step for each discrete free variable, on where it can be summed out, and the model without those."""
    steps = []
    for rv in list(model.free_RVs):
        if rv.type.kind == "f":
            continue
        name = str(rv.name)
        step = _step(name, "sum out", model)
        steps.append(step)
        if step.on and step.apply is not None:
            model = step.apply(model)
    return steps, model


def _step(name: str, what: str, model: Model) -> Step:
    apply = functools.partial(_marginal, name=name)
    code = f"made = pm.marginalize(made, {name!r})"
    try:
        made = apply(model)
    except WorkbenchError as error:
        return Step(f"{what} {name}", f"it cannot be: {error.message}; it is sampled by steps of its own", on=False, code=code, apply=apply, recovers=True)
    size = model[name].type.size if not model[name].type.is_open else 0
    more, states = _work(made) / _work(model), finite_states(model, model[name])
    evidence = {"elements": size, "how": made.eliminations[-1].title, "times the work": round(more, 1)}
    if states is not None and more > MOST_WORK * states.numbers.sum() and made.free_RVs:
        reason = f"{name} is discrete, and the log-density without it takes {more:.0f} times the work: its {size} elements are sampled in turn"
        return Step(f"{what} {name}", reason, evidence, False, code, apply, recovers=True)
    reason = f"{name} is discrete: without it the rest has a gradient, and is sampled by it; it is drawn exactly for each draw of the rest"
    return Step(f"{what} {name}", reason, evidence, True, code, apply, recovers=True)


def _work(model: Model) -> int:
    """Elements that the log-density computes, where lengths are known: how much work it is, roughly."""
    return sum(math.prod(n for n in getattr(x.type, "shape", ()) if isinstance(n, int)) for x in nodes_within([Graph(model.value_vars, [model.density().total])]))


def _marginal(model: Model, name: str) -> Model:
    return marginalize(model, name)


def integrated_out(model: Model) -> tuple[list[Step], Model]:
    """Return steps for continuous variables whose posterior given the rest is known in closed form, and the model without those.

    All of them where nothing is left to sample then; else those that are vectors whose elements leave one by one: each takes a
    coordinate away, and adds no more than a term. And matrices, of which no step is one again.
    """
    steps: list[Step] = []
    made = model
    all_may = all(_may_leave(model, rv) for rv in model.free_RVs)
    for rv in [rv for rv in model.free_RVs if rv.type.kind == "f"][::-1]:
        name = str(rv.name)
        if not rv.ndim and not all_may:
            # A number leaves only where all do.
            continue
        try:
            tried = marginalize(made, name)
        except WorkbenchError:
            continue
        how = tried.eliminations[-1].title
        reason = f"{name} has a posterior in closed form given the rest: it is drawn exactly, and need not be sampled"
        step = Step(f"integrate out {name}", reason, {"how": how}, True, f"made = pm.marginalize(made, {name!r})", functools.partial(_marginal, name=name), recovers=True)
        whole = isinstance(rv.op, Draw) and issubclass(rv.op.distribution, Wishart)
        worth = whole or (rv.ndim > 0 and not _has_matrices(tried))
        steps.append(step)
        step.on = worth
        if worth:
            made = tried
    if steps and len(steps) == len(model.free_RVs):
        # Nothing is left: whatever it takes, it is exact.
        exact: Any = model
        try:
            for step in steps:
                exact = step.apply(exact) if step.apply else exact
        except WorkbenchError:
            return [s for s in steps if s.on], made
        for step in steps:
            step.on = True
        return steps, exact
    return [s for s in steps if s.on], made


def _may_leave(model: Model, rv: Any) -> bool:
    """Whether there is a way to sum or integrate a variable out, which may be found not to be one."""
    now = model.at_current_shapes()
    try:
        return any(kind.plan(now, [now[str(rv.name)]]) is not None for kind in kinds())
    except WorkbenchError:
        return False


def _has_matrices(model: Model) -> bool:
    """Whether a log-density takes a factor or a determinant of a matrix."""
    names = {n.op.name for n in topological([model.density().total])}
    return any(word in name for name in names for word in ("cholesky", "det", "solve", "inv"))
