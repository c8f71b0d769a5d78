"""Panels that `generated.mjs` looks at: a model, a function of two results, the backend of all models."""

from __future__ import annotations

import numpy as np

import workbench as pm
import workbench.tensor as pt
from kernel_ext.code.backends import BackendToggle
from kernel_ext.display import panel_of
from kernel_ext.widget.panel import Panel

HOSTILE = "<img src=x onerror=alert(1)>"


def panels() -> list[Panel]:
    rng = np.random.default_rng(0)
    with pm.Model(coords={"group": [f"g{i}" for i in range(12)]}) as model:
        mu = pm.Normal("mu", 0.0, 2.0)
        sigma = pm.HalfNormal(HOSTILE, 1.0)
        level = pm.Normal("level", mu, sigma, dims="group")
        pm.Normal("y", level[rng.integers(0, 12, 200)], 1.0, observed=rng.normal(size=200))
    x = pt.vector("x", 400)
    many = pt.exp(x)
    for i in range(900):
        many = pt.sin(many) * (1.0 + i) + pt.sort(x)[i % 7]
    f = pm.function([x], [many.sum(), many], backend="numpy", name="long")
    return [panel_of(model, "groups", "backends"), panel_of(f, "long", "code"), Panel([BackendToggle(None, "", lambda name: setattr(pm.Model, "default_backend", name))])]
