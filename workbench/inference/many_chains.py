"""Which way of `sample` moves many chains, when one is asked for or fits: its options, checked before anything is drawn."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any, NamedTuple

from workbench.errors import ArgumentError, SamplingError
from workbench.model.model import Model
from workbench.samplers.chees import Chees
from workbench.samplers.demetropolis import DEMetropolis
from workbench.samplers.ensemble import Ensemble
from workbench.samplers.laps import Laps
from workbench.samplers.mams import Mams
from workbench.samplers.meads import Meads
from workbench.samplers.nuts_of_chains import NutsOfChains

METHODS: dict[str, type[Ensemble]] = {m.name: m for m in (Chees, Meads, Mams, Laps, NutsOfChains, DEMetropolis)}
"""Samplers that move all chains together, by name."""
ALSO_ALONE = NutsOfChains.name
"""The one that gives chains the draws that they make by themselves: it moves them together where that pays."""
MANY = 100
"""So many chains on JAX are moved together, when nothing is said."""


class Way(NamedTuple):
    """How many chains are moved."""

    sampler: Ensemble
    settings: dict[str, Any]
    backend: str
    devices: Sequence[Any]
    thin: int


def way_of(
    model: Model, method: Any, chains: int, draws: int, thin: int, device: Any, backend: str | None, target_accept: float | None,
    alone: str | None = None, adapted: bool = False,
) -> Way | None:  # fmt: skip
    """Return how chains are moved together; ``None`` if each goes by itself.

    Parameters
    ----------
    model
        The model.
    method
        "chees", "meads", "mams", "laps" or "demetropolis"; "nuts" for chains that go their own way: in one loop, if there are 100 or more of
        continuous variables on JAX, or there is a `device`, and by themselves otherwise. ``None``: ChEES-HMC where "nuts" would be one loop,
        if no step is asked for, and chains by themselves elsewhere.
    chains, draws, thin
        How many; of how many draws one is kept.
    device
        What JAX computes on: :func:`workbench.compile.jax.devices.chosen_devices`.
    backend
        Where to compute, if that is said; with a `device`, JAX.
    target_accept
        Acceptance that the step size aims at, if that is said.
    alone
        The option that says that chains move by themselves, if there is one.
    adapted
        Whether there are options that only chains by themselves have, such as another metric.

    Raises
    ------
    ArgumentError
        If an option is not known, or does not fit the others.
    CompileError
        If the device is not there.
    """
    if method is not None and not isinstance(method, str):
        raise ArgumentError(f"method must be a name, got {method!r}", f"one of {_names()}")
    name = None if method is None else method.lower()
    if name is not None and name not in METHODS:
        near = difflib.get_close_matches(name, METHODS, 1)
        raise ArgumentError(f"there is no method {method!r}", f"did you mean {near[0]!r}?" if near else f"it is one of {_names()}")
    if device is not None and backend not in (None, "jax"):
        raise ArgumentError(f"device={device!r} is for backend='jax', and backend={backend!r} is asked for", "leave one of them out")
    if device is not None:
        backend = "jax"
    if alone is not None and name not in (None, ALSO_ALONE):
        raise ArgumentError(f"method={method!r} moves all variables of all chains: {alone} is not for it", "leave one of them out")
    continuous = all(rv.type.kind == "f" for rv in model.free_RVs)
    together = alone is None and (device is not None or (not adapted and backend == "jax" and chains >= MANY and continuous))
    if name is None:
        name = "chees" if alone is None and backend == "jax" and chains >= MANY and continuous else ALSO_ALONE
    if name == ALSO_ALONE and not together:
        if device is not None:
            raise ArgumentError(
                f"device={device!r} is for chains that are moved together, and {alone} moves each by itself",
                "leave one of them out; JAX's own settings say where chains by themselves run (jax.default_device)",
            )
        if thin != 1:
            raise ArgumentError(f"thin={thin} is for chains that are moved together", "thin the result: idata.sel(draw=slice(None, None, thin))")
        return None
    if thin > draws:
        raise SamplingError(f"thin={thin} keeps none of {draws} draws", "give a smaller thin, or more draws")
    sampler = METHODS[name]()
    settings: dict[str, float] = {}
    if target_accept is not None:
        if "target_accept" not in sampler.settings:
            raise ArgumentError(f"method={name!r} has no target_accept: its step size comes from the chains", "leave it out")
        settings["target_accept"] = target_accept
    devices: Sequence[Any] = ()
    if backend == "jax":
        from workbench.compile.jax.devices import chosen_devices

        devices = chosen_devices(device, chains)
    return Way(sampler, settings, backend or model.backend, devices, thin)


def _names() -> str:
    return ", ".join(map(repr, METHODS))
