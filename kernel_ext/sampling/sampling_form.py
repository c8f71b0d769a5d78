"""What can be chosen before a model is sampled: methods, devices, numbers; and the line of code that does the same."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import Any

from workbench import Model
from workbench.compile import BACKENDS, choose_backend
from workbench.inference.external.sampler import SAMPLERS
from workbench.inference.linked_ensemble import check_model
from workbench.inference.many_chains import METHODS as TOGETHER
from workbench.inference.step_method import INCOMPATIBLE, states_of
from workbench.inference.step_methods import METHODS
from workbench.inference.steps import assigned
from workbench.model.position import Places

NAMES = {"chees": "ChEES-HMC", "meads": "MEADS", "mams": "MAMS", "laps": "LAPS", "demetropolis": "DE-Metropolis",
         "numpyro": "NumPyro's NUTS", "blackjax": "BlackJAX's NUTS", "nutpie": "nutpie"}  # fmt: skip
WHERE = {"c": "C", "numba": "Numba", "jax": "JAX", "numpy": "NumPy"}
DEFAULTS = {"draws": 1000, "tune": 1000, "chains": 4}
WHOLE = {"draws": 1, "tune": 0, "chains": 1, "random_seed": 0}
"""Options that are whole numbers, and the least of each."""


def methods(model: Model) -> list[dict[str, Any]]:
    """Return the ways to sample a model: name, title, what it does, and why not where it cannot."""
    found: list[dict[str, Any]] = [{"name": "auto", "title": _competent(model), "does": "each variable by the method that suits it best", "group": "each chain by itself"}]
    for kind in METHODS:
        movable = [rv for rv in model.free_RVs if kind.competence(rv, states_of(model, model.value_name(rv))) > INCOMPATIBLE]
        rest = len(model.free_RVs) - len(movable)
        does = " ".join((kind.__doc__ or "").split("\n\n")[0].split())
        why = "" if movable else f"no variable of the model: {kind.why_not()}"
        title = kind.__name__ + (f" for {_listed([str(rv.name) for rv in movable])}" if movable and rest else "")
        if kind.of_population and rest and not why:
            why = "it moves all variables of a model together, and not all of these"
        group = "many chains together" if kind.of_population else "each chain by itself"
        found.append({"name": f"step:{kind.__name__}", "title": title, "does": does, "why_not": why, "group": group})
    for name, made in TOGETHER.items():
        sampler = made()
        try:
            check_model(model, sampler, 10**6)
            why = ""
        except Exception as error:
            why = str(getattr(error, "message", error))
        does = f"all chains together, at least {sampler.fewest}: for hundreds or thousands of them"
        found.append({"name": f"together:{name}", "title": NAMES.get(name, name), "does": does, "why_not": why, "group": "many chains together", "fewest": sampler.fewest})
    for name in SAMPLERS:
        there = importlib.util.find_spec(name) is not None
        why = "" if there else f"the package is not installed: pip install {name}"
        if there and any(rv.type.kind != "f" for rv in model.free_RVs):
            why = "it moves continuous variables alone"
        found.append({"name": f"external:{name}", "title": NAMES[name], "does": "another package's sampler on the same log-density", "why_not": why, "group": "other packages"})
    return found


def _competent(model: Model) -> str:
    """The methods that the variables are assigned."""
    names = {model.value_name(rv): str(rv.name) for rv in model.free_RVs}
    found = assigned(model, names)
    if len(found) == 1:
        return next(iter(found)).__name__
    return " + ".join(f"{kind.__name__} for {_listed([names[n] for n in some])}" for kind, some in found.items()) or "nothing to sample"


def _listed(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def places() -> list[dict[str, Any]]:
    """Return where a model can be computed at once: the backends, without asking for devices."""
    best = choose_backend("auto")
    found = [{"name": "", "title": f"the model's choice ({WHERE[best]} by default)"}]
    for name in BACKENDS:
        try:
            choose_backend(name)
            why = ""
            if name == "c":
                from workbench.compile.c.toolchain import find_compiler, why_none

                why = "" if find_compiler() is not None else why_none()
        except Exception as error:
            why = str(error)
        found.append({"name": name, "title": WHERE.get(name, name), "why_not": why})
    return found


def devices() -> list[dict[str, Any]]:
    """Return JAX's devices by name and memory, for chains that are moved together. It may take seconds: JAX is imported."""
    from workbench import devices as found

    return [
        {"name": f"device:{i}", "title": f"JAX on {d.name}" + (f", {d.memory / 2**30:.0f} GiB" if d.memory else ""), "why_not": d.why_not, "kind": d.kind}
        for i, d in enumerate(found())
    ]


def defaults(model: Model) -> dict[str, Any]:
    """Return what the form begins with."""
    return {**DEFAULTS, "size": int(sum(Places.of(model).sizes)) if model.free_RVs else 0}


def options(model: Model, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of `sample` for what was filled in.

    Raises
    ------
    ValueError
        If a number is none.
    """
    found: dict[str, Any] = {}
    for name, least in WHOLE.items():
        text = str(given.get(name, "")).strip()
        if text:
            if not (text.isascii() and text.isdigit()) or int(text) < least:
                raise ValueError(f"{name.replace('_', ' ')} must be a whole number of at least {least}, not {text!r}")
            found[name] = int(text)
    accept = str(given.get("target_accept", "")).strip()
    if accept:
        try:
            found["target_accept"] = float(accept)
        except ValueError:
            raise ValueError(f"target accept must be a number between 0 and 1, not {accept!r}") from None
    way, _, name = str(given.get("method", "auto")).partition(":")
    if way == "step":
        kind = next((k for k in METHODS if k.__name__ == name), None)
        if kind is None:
            raise ValueError(f"there is no step method {name!r}")
        found["step"] = kind(model=model)
    elif way == "together":
        found["method"] = name
    elif way == "external":
        found["nuts_sampler"] = name
    place = str(given.get("place", ""))
    if place.startswith("device:"):
        from workbench import devices as known

        found["device"] = [known()[int(place.partition(":")[2])]]
    elif place:
        found["backend"] = place
    return found


def code(name: str, given: Mapping[str, Any]) -> str:
    """Return the line that samples a model by its name with these options."""
    written: list[str] = []
    for option, value in given.items():
        if option == "draws":
            written.insert(0, str(value))
        elif option == "step":
            written.append(f"step=pm.{type(value).__name__}(model={name})")
        elif option == "device":
            kind = value[0].kind
            written.append(f'device="{kind}"')
        else:
            written.append(f"{option}={value!r}".replace("'", '"'))
    return f"{bound(name)} = pm.sample({', '.join([*written, f'model={name}'])})"


def bound(name: str) -> str:
    """Return the name that the draws of a model get in the notebook."""
    return f"idata_{name}" if name.isidentifier() else "idata"
