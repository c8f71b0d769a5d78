"""Which kernel moves which variables: what a user says, and the most competent method for the others."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from workbench.errors import ArgumentError, ModelError
from workbench.inference.continuous_step_methods import NUTS, DEMetropolis
from workbench.inference.linked import Step
from workbench.inference.log import tell
from workbench.inference.step_method import StepMethod, states_by_name
from workbench.inference.step_methods import METHODS, CompoundStep, Metropolis
from workbench.model.black_boxes import without_gradient
from workbench.model.model import Model
from workbench.model.states import States


def steps_of(model: Model, step: Any, options: Mapping[str, Mapping[str, Any]], metric: str = "auto", quiet: bool = False) -> list[Step]:
    """Return the kernels that move a model's variables, in turn.

    Parameters
    ----------
    model
        The model.
    step
        A step method, or several in lists; ``None`` for none. Each variable that they leave is assigned the most competent one.
    options
        Options of the methods that variables are assigned, by the methods' names.
    metric
        The mass matrix of NUTS, if its options say nothing of it.
    quiet
        Do not say what could be done better.

    Raises
    ------
    ArgumentError
        If `step` is something else, or options are for no method that is assigned.
    ModelError
        If a variable is moved by two of the methods, or is none of the model.
    """
    chosen = list(_flat(step))
    names = dict.fromkeys(model.value_name(rv) for rv in model.free_RVs)
    together = next((m for m in chosen if isinstance(m, DEMetropolis)), None)
    if together is not None:
        raise ArgumentError(f"step: {together!r} moves all chains of pm.sample together", "pm.DEMetropolisZ moves each by itself, by its past")
    taken: dict[str, StepMethod] = {}
    for method in chosen:
        for name in method.names:
            if name not in names:
                raise ModelError(f"step: {method!r} moves {name}, which the model does not have", "make step methods within the model that is sampled")
            if name in taken:
                raise ModelError(f"step: {name} is moved by two step methods, {taken[name]!r} and {method!r}", "name the variables of each")
            taken[name] = method
    for kind, some in assigned(model, [n for n in names if n not in taken]).items():
        given = options.get(kind.name, {})
        chosen.append(kind(some, model=model, **({"metric": metric, **given} if kind is NUTS else given)))
    by_us = chosen[len(set(map(id, taken.values()))) :]
    _require_used(options, by_us)
    if not quiet:
        _tell_of_finite(model, chosen)
        _tell_of_gradients(model, by_us)
    return [s for method in chosen for s in method.steps()]


def assigned(model: Model, names: Iterable[str]) -> dict[type[StepMethod], list[str]]:
    """Return the most competent method for each of some values, given by name; in an order of their own, so that models of the same methods have one sampler."""
    found: dict[type[StepMethod], list[str]] = {}
    by_value, wanted, states_of = without_gradient(model), set(names), states_by_name(model)
    for rv in model.free_RVs:
        name = model.value_name(rv)
        if name in wanted:
            states = states_of(name)
            possible = [kind for kind in METHODS if not (kind.by_gradient and name in by_value)]
            found.setdefault(max(possible, key=lambda kind: kind.competence(rv, states)), []).append(name)
    return {kind: found[kind] for kind in sorted(found, key=lambda kind: (kind is Metropolis, METHODS.index(kind)))}


def _flat(step: Any) -> Iterator[StepMethod]:
    """Step methods of lists and compounds, in order."""
    if step is None:
        return
    if isinstance(step, StepMethod):
        yield step
    elif isinstance(step, CompoundStep):
        yield from _flat(step.methods)
    elif isinstance(step, (list, tuple)):
        if not step:
            raise ArgumentError("step is empty: there is no step method in it", "leave it out, and each variable is assigned one")
        for x in step:
            yield from _flat(x)
    elif isinstance(step, type) and issubclass(step, StepMethod):
        raise ArgumentError(f"step: {step.__name__} is a class", f"make one, within the model: pm.{step.__name__}()")
    else:
        known = ", ".join(f"pm.{kind.__name__}" for kind in METHODS)
        raise ArgumentError(f"step must be a step method, or a list of them, got {step!r}", f"there are {known}")


def _require_used(options: Mapping[str, Mapping[str, Any]], methods: Iterable[StepMethod]) -> None:
    """Raise an error if options are for a method that moves no variable by assignment."""
    used = {method.name for method in methods}
    for name, given in options.items():
        if given and name not in used:
            raise ArgumentError(
                f"{name}={dict(given)!r} is for no variable: {f'those that are assigned are moved by {_listed(used)}' if used else 'none is assigned a method'}",
                "options of a step method that you make go to it: pm.NUTS([x], target_accept=0.9)",
            )


def _tell_of_gradients(model: Model, methods: Iterable[StepMethod]) -> None:
    """Say which variables are moved without a gradient, for want of one."""
    moved = [n for method in methods if not method.by_gradient for n in method.names]
    why = without_gradient(model) if moved else {}
    rvs = {model.value_name(rv): str(rv.name) for rv in model.free_RVs}
    found = [rvs[n] for n in moved if n in why]
    if found:
        tell(
            f"{', '.join(found)}: {_listed(set(why.values()))} says no gradient, so that slice sampling is what is left. A gradient (pullback), or the same "
            "written with workbench.tensor or as a JAX function (pytensor.wrap_jax), makes it NUTS"
        )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def _tell_of_finite(model: Model, methods: Iterable[StepMethod]) -> None:
    """Say which variables need not be sampled."""
    discrete = {str(v.name) for v in model.discrete_value_vars}
    states = states_by_name(model)
    found: dict[str, States | None] = {n: states(n) for method in methods for n in method.names if n in discrete}
    finite = [n for n, states in found.items() if states is not None]
    if finite:
        names = repr(finite[0]) if len(finite) == 1 else repr(finite)
        tell(
            f"{', '.join(finite)} {'has' if len(finite) == 1 else 'have'} finitely many states, which are sampled in turn. pm.marginalize(model, {names}) sums "
            f"{'it' if len(finite) == 1 else 'them'} out of the model: the rest is then sampled by its gradient, and pm.recover(idata) draws "
            f"{'it' if len(finite) == 1 else 'them'} for each draw"
        )
