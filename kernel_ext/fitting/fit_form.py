"""What can be chosen before a posterior is approximated: a method and numbers; and the line of code that does the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench import Model
from workbench.inference.approximations.methods import METHODS

TITLES = {
    "advi": "mean field (ADVI)", "fullrank_advi": "full rank (ADVI)", "lowrank_advi": "low rank (ADVI)", "dadvi": "deterministic (DADVI)",
    "nfvi": "normalising flow", "svgd": "Stein's particles (SVGD)", "asvgd": "amortised Stein",
}  # fmt: skip
WHOLE = {"n": 1, "random_seed": 0}
"""Options that are whole numbers, and the least of each."""


def methods() -> list[dict[str, str]]:
    """Return the methods: name, title, and what each does."""
    found = []
    for name, kind in METHODS.items():
        does = " ".join((kind.__doc__ or "").split("\n\n")[0].split())
        found.append({"name": name, "title": TITLES.get(name, name), "does": does, "steps": str(kind.steps)})
    return found


def why_not(model: Model) -> str:
    """Return why a model has no approximation; nothing if it has."""
    if not model.free_RVs:
        return "The model has no free variable: there is nothing to approximate."
    discrete = [str(rv.name) for rv in model.free_RVs if rv.type.kind != "f"]
    return f"{', '.join(discrete)}: discrete, and approximations are fitted by gradients. Sum it out of the model, or sample." if discrete else ""


def options(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of `fit` for what was filled in.

    Raises
    ------
    ValueError
        If a number is none, or there is no such method.
    """
    found: dict[str, Any] = {}
    for name, least in WHOLE.items():
        text = str(given.get(name, "")).strip()
        if text:
            if not (text.isascii() and text.isdigit()) or int(text) < least:
                raise ValueError(f"{'steps' if name == 'n' else 'the seed'} must be a whole number of at least {least}, not {text!r}")
            found[name] = int(text)
    method = str(given.get("method", "advi"))
    if method not in METHODS:
        raise ValueError(f"there is no method {method!r}")
    return {**found, "method": method}


def code(name: str, given: Mapping[str, Any]) -> str:
    """Return the line that fits an approximation to a model by its name, with these options."""
    steps = [str(given["n"])] if "n" in given else []
    others = [f"{k}={v!r}".replace("'", '"') for k, v in given.items() if k != "n" and (k, v) != ("method", "advi")]
    return f"{bound(name)} = pm.fit({', '.join([*steps, *others, f'model={name}'])})"


def bound(name: str) -> str:
    """Return the name that the approximation gets in the notebook."""
    return f"approx_{name}" if name.isidentifier() else "approx"
