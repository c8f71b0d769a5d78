"""Models for the benchmarks of sampling, each written once, in the API that workbench and PyMC share.

A model takes a library's module `pm`, and its `scan`.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(os.environ.get("WORKBENCH_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")


def data(name: str) -> dict[str, Any]:
    return {k: np.array(v) if isinstance(v, list) else v for k, v in json.loads((FOLDER / f"{name}.json").read_text()).items()}


def radon(pm: Any, scan: Any) -> None:
    d = data("radon_mn")
    county = d["county_idx"] - 1
    mu_a, sigma_a = pm.Normal("mu_a", 0.0, 10), pm.HalfNormal("sigma_a", 1.0)
    a = pm.Normal("a_raw", 0, 1, shape=int(d["J"])) * sigma_a + mu_a
    mu_b, sigma_b = pm.Normal("mu_b", 0.0, 2.0), pm.HalfNormal("sigma_b", 1.0)
    b = pm.Normal("b_raw", 0, 1, shape=int(d["J"])) * sigma_b + mu_b
    pm.Normal("y", a[county] + b[county] * d["floor_measure"], pm.HalfNormal("eps", 1.5), observed=d["log_radon"])


def eight_schools(pm: Any, scan: Any) -> None:
    d = data("eight_schools")
    mu, tau = pm.Normal("mu", 0, 5), pm.HalfCauchy("tau", 5)
    pm.Normal("y", mu + tau * pm.Normal("z", 0, 1, shape=int(d["J"])), d["sigma"], observed=d["y"])


def eight_schools_centred(pm: Any, scan: Any) -> None:
    d = data("eight_schools")
    mu, tau = pm.Normal("mu", 0, 5), pm.HalfCauchy("tau", 5)
    pm.Normal("y", pm.Normal("theta", mu, tau, shape=int(d["J"])), d["sigma"], observed=d["y"])


def kidiq(pm: Any, scan: Any) -> None:
    d = data("kidiq")
    b = pm.Normal("b", 0, 100, shape=3)
    pm.Normal("y", b[0] + b[1] * d["mom_hs"] + b[2] * d["mom_iq"], pm.HalfCauchy("sigma", 2.5), observed=d["kid_score"])


def irt(pm: Any, scan: Any) -> None:
    d = data("irt_2pl")
    theta = pm.Normal("theta", 0, 1, shape=int(d["J"]))
    mu_b, sigma_b = pm.Normal("mu_b", 0, 5), pm.HalfCauchy("sigma_b", 2)
    b = pm.Normal("b", mu_b, sigma_b, shape=int(d["I"]))
    a = pm.LogNormal("a", 0.0, pm.HalfCauchy("sigma_a", 2), shape=int(d["I"]))
    pm.Bernoulli("y", logit_p=a[:, None] * (theta[None, :] - b[:, None]), observed=d["y"])


def wells(pm: Any, scan: Any) -> None:
    d = data("wells_data")
    x = np.column_stack([np.ones(len(d["dist"])), d["dist"] / 100.0, d["arsenic"], d["educ"] / 4.0])
    pm.Bernoulli("y", logit_p=pm.math.dot(x, pm.Normal("b", 0, 10, shape=4)), observed=d["switched"])


def logistic(pm: Any, scan: Any) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(20_000, 50))
    y = rng.uniform(size=20_000) < 1 / (1 + np.exp(-x @ rng.normal(size=50) * 0.3))
    pm.Bernoulli("y", logit_p=pm.math.dot(x, pm.Normal("b", 0, 1, shape=50)), observed=y.astype(int))


def logistic_correlated(pm: Any, scan: Any) -> None:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(1000, 30)) @ rng.normal(size=(30, 30)) / 3
    y = rng.uniform(size=1000) < 1 / (1 + np.exp(-x @ rng.normal(size=30) * 0.3))
    pm.Bernoulli("y", logit_p=pm.math.dot(x, pm.Normal("b", 0, 1, shape=30)), observed=y.astype(int))


def gaussian_process(pm: Any, scan: Any) -> None:
    rng = np.random.default_rng(3)
    x = np.sort(rng.uniform(0, 10, 100))
    length, amplitude, noise = pm.LogNormal("length", 0, 1), pm.HalfNormal("amplitude", 2), pm.HalfNormal("noise", 1)
    k = amplitude**2 * pm.math.exp(-0.5 * (x[:, None] - x) ** 2 / length**2) + (noise**2 + 1e-6) * np.eye(100)
    pm.MvNormal("y", np.zeros(100), k, observed=np.sin(x) + 0.2 * rng.normal(size=100))


def garch(pm: Any, scan: Any) -> None:
    rng = np.random.default_rng(4)
    h, y = 1.0, []
    for _ in range(500):
        y.append(rng.normal() * np.sqrt(h))
        h = 0.3 + 0.2 * y[-1] ** 2 + 0.5 * h
    squares = np.array(y) ** 2
    omega, alpha = pm.HalfNormal("omega", 1), pm.Beta("alpha", 1, 1)
    beta = pm.Beta("beta", 1, 1) * (1 - alpha)
    result = scan(
        lambda e, h, omega, alpha, beta: omega + alpha * e + beta * h,
        sequences=[squares[:-1]], outputs_info=[omega], non_sequences=[omega, alpha, beta],
    )  # fmt: skip
    pm.Normal("y", 0, pm.math.sqrt(result[0] if isinstance(result, (tuple, list)) else result), observed=np.array(y)[1:])


def funnel(pm: Any, scan: Any) -> None:
    pm.Normal("x", 0, pm.math.exp(pm.Normal("v", 0, 3) / 2), shape=9)


def random_walk(pm: Any, scan: Any) -> None:
    x = pm.GaussianRandomWalk("x", sigma=0.1, init_dist=pm.Normal.dist(0, 10), steps=59)
    pm.Normal("y", x, 1.0, observed=np.sin(np.arange(60) / 8))


def independent(pm: Any, scan: Any) -> None:
    pm.Normal("x", 0, 1, shape=100)


def equicorrelated(pm: Any, scan: Any) -> None:
    pm.MvNormal("x", np.zeros(20), 0.1 * np.eye(20) + 0.9)


def long_and_short(pm: Any, scan: Any) -> None:
    pm.Normal("x", 0, np.logspace(-2, 2, 50), shape=50)


def regression(pm: Any, scan: Any) -> None:
    t = np.linspace(10, 20, 50)
    a, b = pm.Normal("a", 0, 10), pm.Normal("b", 0, 10)
    pm.Normal("y", a + b * t, 1.0, observed=1.0 + 0.5 * t)


def student(pm: Any, scan: Any) -> None:
    pm.StudentT("x", 4, mu=0, sigma=1, shape=10)


# With discrete variables --------------------------------------------------------------------------------


def switch_point(pm: Any, scan: Any) -> None:
    """Disasters in British coal mines (Jarrett, 1979), two years masked, as in PyMC's overview."""
    counts = np.array([float(c) if c != "?" else np.nan for c in COAL])
    years = np.arange(1851, 1851 + len(counts))
    switch = pm.DiscreteUniform("switch", lower=years.min(), upper=years.max())
    early, late = pm.Exponential("early", 1.0), pm.Exponential("late", 1.0)
    pm.Poisson("disasters", pm.math.switch(switch >= years, early, late), observed=counts)


def spike_and_slab(pm: Any, scan: Any) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 8))
    y = x @ np.array([0.3, -0.25, 0.2, 0.1, 0.0, 0.0, 0.0, 0.0]) + rng.normal(size=60)
    beta = pm.Bernoulli("spike", 0.4, shape=8) * pm.Normal("slab", 0.0, 1.0, shape=8)
    pm.Normal("y", pm.math.dot(x, beta), 1.0, observed=y)


def ising_patch(pm: Any, scan: Any) -> None:
    field = np.random.default_rng(3).normal(size=(3, 3)) * 0.3
    s = 2 * pm.Bernoulli("z", 0.5, shape=(3, 3)) - 1
    pm.Potential("energy", 0.4 * ((s[1:] * s[:-1]).sum() + (s[:, 1:] * s[:, :-1]).sum()) + (field * s).sum())


def dirichlet_process(pm: Any, scan: Any) -> None:
    """A mixture with thirty assignments."""
    y = np.concatenate([np.linspace(-3.6, -2.0, 12), np.linspace(-0.9, 1.1, 10), np.linspace(2.1, 3.9, 8)])
    alpha, s = pm.Gamma("alpha", 2.0, 2.0), pm.HalfNormal("s", 1.0)
    w = pm.StickBreakingWeights("w", alpha=alpha, K=5)
    mu = pm.Normal("mu", 0.0, 3.0, shape=6)
    z = pm.Categorical("z", w, shape=len(y))
    pm.Normal("y", mu[z], s, observed=y)


COAL = "454014340633402633545314415534252234213?2111130010110031032201110101000210001102331?211112420014000100000100101"


MODELS: dict[str, Callable[..., None]] = {
    f.__name__: f
    for f in (
        radon, eight_schools, eight_schools_centred, kidiq, irt, wells, logistic, logistic_correlated, gaussian_process, garch, funnel,
        random_walk, independent, equicorrelated, long_and_short, regression, student,
    )
}  # fmt: skip

DISCRETE: dict[str, Callable[..., None]] = {f.__name__: f for f in (dirichlet_process, spike_and_slab, switch_point, ising_patch)}


@functools.cache
def library(name: str) -> tuple[Any, Any]:
    """Return a library's module, and its `scan`: of workbench, or PyMC's for all others."""
    if name.startswith("workbench"):
        import workbench as pm
        from workbench.tensor.control.recurrence import scan

        return pm, scan
    import pymc as pm
    import pytensor

    return pm, pytensor.scan
