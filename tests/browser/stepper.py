"""What stepper.mjs looks at: a hierarchy with a hostile name, a graph of 2,000 nodes, and a sampler."""

from __future__ import annotations

import numpy as np

import workbench as pm
from kernel_ext.display import panel_of
from kernel_ext.stepper import RewriteStepper
from kernel_ext.widget.panel import Panel


def hierarchy() -> pm.Model:
    with pm.Model(coords={"group": ["a", "b", "c"]}) as made:
        mu = pm.Normal("mu", 0.0, 2.0)
        sigma = pm.HalfNormal("sigma", 1.0)
        level = pm.Normal("<img src=x onerror=alert(1)>", mu, 1.0, dims="group")
        pm.Normal("y", level[np.array([0, 1, 2, 2])], sigma, observed=[0.5, 1.0, -1.0, -0.5])
    return made


def chain(count: int) -> pm.Model:
    with pm.Model() as made:
        x = pm.Normal("x0", 0.0, 1.0)
        for i in range(1, count):
            x = pm.Normal(f"x{i}", x, 1.0)
        pm.Normal("y", x, 1.0, observed=1.0)
    return made


def panels() -> list[Panel]:
    return [panel_of(hierarchy(), "hierarchy", "steps"), panel_of(chain(200), "chain", "steps"), Panel([RewriteStepper.of("nuts")])]
