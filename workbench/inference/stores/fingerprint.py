"""What a model is, so that two of them can be told apart: in a few words, the same in every process."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from workbench.distributions.distribution import Draw
from workbench.graph.expr import Input
from workbench.graph.inner import Graph
from workbench.graph.serialise import array_digest, digest
from workbench.graph.traverse import topological
from workbench.inference.inference_data import data_of
from workbench.model.model import Model

Description = Mapping[str, Any]

ROLES = {
    "free_RVs": "a free variable", "observed_RVs": "observed", "marginalized_RVs": "summed out", "deterministics": "a deterministic",
    "recovered_deterministics": "a deterministic of what is summed out", "potentials": "a potential", "data_vars": "data",
}  # fmt: skip


def describe(model: Model) -> dict[str, Any]:
    """Return what a model is, as JSON can hold it: of each variable its role, dims, shape, dtype, content and formula; labels of dims.

    A formula is the hash of the graph of its log-density, or of its value; the content of data counts by itself.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.HalfNormal("x")
    >>> found = describe(model)["variables"]["x"]
    >>> found["role"], found["shape"], found["distribution"], found["value"]
    ('a free variable', [], 'HalfNormal', 'x_log__')
    """
    model = model.at_current_shapes()
    observed, data = data_of(model)
    formulas: dict[str, Any] = dict(model.density().elementwise)
    formulas |= {str(x.name): y for x, y in zip(model.deterministics, model.replace_rvs_by_values(model.deterministics))}
    variables: dict[str, Any] = {}
    for attribute, role in ROLES.items():
        for x in getattr(model, attribute):
            name = str(x.name)
            found: dict[str, Any] = {"role": role, "dims": list(model.named_vars_to_dims.get(name) or ())}
            found |= {"shape": list(x.type.static_shape), "dtype": x.type.dtype}
            if isinstance(x.op, Draw):
                found["distribution"] = x.op.name
            if attribute == "free_RVs":
                found["value"] = str(model.rvs_to_values[x].name)
            content = observed.get(name) if attribute == "observed_RVs" else data.get(name)
            if content is not None:
                found["content"] = array_digest(np.asarray(content))
            if name in formulas:
                found["formula"] = _formula(formulas[name])
            variables[name] = found
    coords = {d: None if own is None else [str(x) for x in own] for d, own in model.coords.items()}
    labels = {d: None if own is None else _hash(own) for d, own in coords.items()}
    return {"variables": variables, "dims": {d: [int(model.length_of(d)), labels[d]] for d in coords}}


def fingerprint(description: Description) -> str:
    """Return the hash of a model's description."""
    return _hash(description)


def differences(ours: Description, stored: Description) -> list[str]:
    """Return what is different in a model from the one whose draws are stored, a sentence each.

    Formulas are compared where nothing else is different: they change with shapes and data.

    Examples
    --------
    >>> import workbench as pm
    >>> def model(sd, y):
    ...     with pm.Model() as made:
    ...         mu = pm.Normal("mu", 0.0, sd)
    ...         pm.Normal("y", mu, 1.0, observed=y)
    ...     return describe(made)
    >>> differences(model(1.0, [1.0]), model(1.0, [1.0, 2.0]))
    ["'y' has shape (1,), not (2,)"]
    >>> differences(model(1.0, [1.0]), model(1.0, [2.0]))
    ["the observed values of 'y' are others"]
    >>> differences(model(1.0, [1.0]), model(2.0, [1.0]))
    ["'mu' is another Normal: its parameters, or its transform, are not the same"]
    """
    mine, theirs = ours["variables"], stored["variables"]
    found = [f"the model has no {name!r}, which was {v['role']}" for name, v in theirs.items() if name not in mine]
    found += [f"the model has {name!r}, {v['role']}, which was not there" for name, v in mine.items() if name not in theirs]
    both = [name for name in mine if name in theirs]
    for name in both:
        new, old = mine[name], theirs[name]
        if new["role"] != old["role"]:
            found.append(f"{name!r} is {new['role']}, not {old['role']}")
        elif new.get("distribution") != old.get("distribution"):
            found.append(f"{name!r} is {_kind(new)}, not {_kind(old)}")
        elif new["dims"] != old["dims"]:
            found.append(f"{name!r} has dims {tuple(new['dims'])}, not {tuple(old['dims'])}")
        elif new["shape"] != old["shape"]:
            found.append(f"{name!r} has shape {tuple(new['shape'])}, not {tuple(old['shape'])}")
        elif new["dtype"] != old["dtype"]:
            found.append(f"{name!r} has dtype {new['dtype']}, not {old['dtype']}")
        elif new.get("content") != old.get("content"):
            found.append(f"the {'observed values of' if new['role'] == 'observed' else 'data'} {name!r} are others")
    for d in [*ours["dims"], *(d for d in stored["dims"] if d not in ours["dims"])]:
        new, old = ours["dims"].get(d), stored["dims"].get(d)
        if old is None or new is None:
            found.append(f"the dim {d!r} {'was not there' if old is None else 'is missing'}")
        elif new[0] != old[0]:
            found.append(f"the dim {d!r} has length {new[0]}, not {old[0]}")
        elif new[1] != old[1]:
            found.append(f"the labels of the dim {d!r} are others")
    if not found:
        found = [f"{n!r} is {_other(mine[n])}" for n in both if mine[n].get("formula") != theirs[n].get("formula")]
    if not found and list(mine) != list(theirs):
        found = [f"the variables come in the order {', '.join(mine)}, not {', '.join(theirs)}"]
    if not found and ours != stored:
        found = ["they are written in another way"]
    return found


def _other(v: Mapping[str, Any]) -> str:
    if "distribution" in v:
        return f"another {v['distribution']}: its parameters, or its transform, are not the same"
    return "computed in another way"


def _kind(v: Mapping[str, Any]) -> str:
    return f"a {v['distribution']}" if "distribution" in v else "of no named distribution"


def _formula(x: Any) -> str:
    """The hash of an expression over values of variables."""
    inputs = [n for n in topological([x]) if isinstance(n.op, Input)]
    return digest(Graph(inputs, [x]))


def _hash(content: Any) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
