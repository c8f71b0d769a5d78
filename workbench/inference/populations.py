"""A step method that moves all chains together: what `sample` makes of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from workbench.errors import ArgumentError, ModelError, SamplingError, warn_user
from workbench.inference.continuous_step_methods import DEMetropolis
from workbench.inference.many_chains import Way
from workbench.inference.step_methods import CompoundStep
from workbench.model.model import Model
from workbench.model.position import Places
from workbench.samplers.demetropolis_in_turn import DEMetropolisInTurn


def population_of(step: Any) -> DEMetropolis | None:
    """Return the step method that moves chains together, if `step` is or has one.

    Raises
    ------
    ArgumentError
        If there are others beside it.
    """
    methods = list(_flat(step))
    found = [m for m in methods if isinstance(m, DEMetropolis)]
    if found and len(methods) > 1:
        raise ArgumentError(
            f"step: {found[0]!r} moves all variables of all chains together, and there are other step methods beside it",
            "pm.DEMetropolisZ moves some of the variables, by the past of each chain",
        )
    return found[0] if found else None


def _flat(step: Any) -> Iterator[Any]:
    several = step.methods if isinstance(step, CompoundStep) else step
    if isinstance(several, (list, tuple)):
        for x in several:
            yield from _flat(x)
    else:
        yield several


def way_of_population(model: Model, method: DEMetropolis, chains: int, draws: int, thin: int, backend: str, device: Any, quiet: bool) -> Way:
    """Return how chains are moved together by a step method.

    Raises
    ------
    ModelError
        If it moves some of the model's variables only.
    SamplingError
        If no draw is kept.
    """
    if thin > draws:
        raise SamplingError(f"thin={thin} keeps none of {draws} draws", "give a smaller thin, or more draws")
    left = [str(rv.name) for rv in model.free_RVs if model.value_name(rv) not in method.names]
    if left:
        raise ModelError(
            f"step: {method!r} moves all variables of all chains together, and leaves {', '.join(left)}",
            "pm.DEMetropolisZ moves some of the variables, by the past of each chain, and other methods the rest",
        )
    size = sum(Places.of(model).sizes)
    if 3 <= chains <= size and not quiet:
        warn_user(
            f"{chains} chains of DEMetropolis move each other, and the model has {size} elements: differences of fewer than {size + 1} chains do not "
            f"lead everywhere; chains={max(2 * size, size + 2)} would do, or step=pm.DEMetropolisZ()"
        )
    devices: Sequence[Any] = ()
    if backend == "jax":
        from workbench.compile.jax.devices import chosen_devices

        # One: chains move one after the other.
        devices = chosen_devices(device, chains)[:1]
    return Way(DEMetropolisInTurn(), method.arguments(), backend, devices, thin)
