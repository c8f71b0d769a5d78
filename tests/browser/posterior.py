"""What posterior.mjs looks at: centred eight schools to sample, and InferenceData of 3,000 elements, one of a hostile name and one that is bad."""

from __future__ import annotations

import arviz as az
import numpy as np
import xarray

import workbench as pm
from kernel_ext.display import panel_of
from kernel_ext.sampling.posterior import PosteriorView
from kernel_ext.widget.panel import Panel

SCHOOLS = ("Choate", "Deerfield", "Phillips Andover", "Phillips Exeter", "Hotchkiss", "Lawrenceville", "St. Paul's", "Mt. Hermon")


def schools() -> pm.Model:
    with pm.Model(coords={"school": SCHOOLS}) as made:
        mu, tau = pm.Normal("mu", 0.0, 5.0), pm.HalfCauchy("tau", 5.0)
        theta = pm.Normal("theta", mu, tau, dims="school")
        pm.Normal("obs", theta, np.array([15.0, 10, 16, 11, 9, 11, 10, 18]), observed=np.array([28.0, 8, -3, 7, -1, 1, 18, 12]))
    return made


def many() -> az.InferenceData:
    x = np.random.default_rng(0).normal(size=(4, 250, 3000))
    x[0, :, 2718] += 2.0
    hostile = np.random.default_rng(1).normal(size=(4, 250))
    return az.InferenceData(posterior=xarray.Dataset({"x": (("chain", "draw", "i"), x), "<img src=x onerror=alert(1)>": (("chain", "draw"), hostile)}))


def panels() -> list[Panel]:
    return [panel_of(schools(), "schools", "sample"), Panel([PosteriorView(many())])]
