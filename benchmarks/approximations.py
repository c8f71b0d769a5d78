"""Mean-field ADVI here, in PyMC and in NumPyro, in one run: seconds to the same evidence lower bound.

    python benchmarks/approximations.py --peers path/to/python [--backend c] [--steps 20000] [model ...]

Each library fits in a process of its own, as it comes: Adam with rate 0.01, one draw a step, looked at every 500 steps. Seconds are
from the model to that step, with what is compiled; imports are not counted. Of two processes the second one is taken, which finds what the
first has left in caches (PyMC and workbench keep compiled code; NumPyro, whose JAX does not unless told to, is as fast in the first).
The bound of each library's means and standard deviations is computed here, from 4000 draws that are the same for all. "The same" is
the lowest of the bounds that the libraries end with, less 0.1. `--peers` is an interpreter with benchmarks/peers-requirements.txt.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

import models

RATE, EVERY, SLACK = 0.01, 500, 0.1
MODELS = ("eight_schools", "radon", "irt")
LIBRARIES = ("workbench", "pymc", "numpyro")
Array = np.ndarray[Any, Any]


def of_pymc(library: str, name: str, backend: str, steps: int) -> dict[str, Any]:
    """Fit with a library of PyMC's API."""
    if library == "pymc":
        import pymc as pm

        quiet, options = {"progressbar": False}, {}
    else:
        import workbench as pm

        quiet, options = {"quiet": True}, {"backend": backend}
    with pm.Model() as model:
        getattr(models, name)(pm, pm.scan if library == "workbench" else None)
    seconds, means, sds = [], [], []
    begin = time.perf_counter()
    advi = pm.ADVI(model=model, random_seed=1, **options)
    for at in range(0, steps, EVERY):
        if at:
            advi.refine(EVERY, **({"progressbar": False} if library == "pymc" else quiet))
        else:
            advi.fit(EVERY, obj_optimizer=pm.adam(learning_rate=RATE), **quiet)
        seconds.append(time.perf_counter() - begin)
        means.append(np.array(advi.approx.mean.eval() if at == 0 or library == "workbench" else advi.approx.params[0].get_value()))
        rho = next(p for p in advi.approx.params if p.name.endswith("rho")).get_value()
        sds.append(np.logaddexp(0.0, rho))
        # What is looked at is not counted.
        begin = time.perf_counter() - seconds[-1]
    names = [v.name for v in model.value_vars] if library == "workbench" else list(advi.approx.ordering)
    shapes = [np.shape(model.initial_point()[n]) for n in names]
    return by_name(names, shapes, seconds, np.array(means), np.array(sds))


def by_name(names: list[str], shapes: list[tuple[int, ...]], seconds: Any, means: Array, sds: Array) -> dict[str, Any]:
    """What was fitted, by the names of the variables."""
    found: dict[str, Any] = {"seconds": np.array(seconds)}
    at = 0
    for name, shape in zip(names, shapes):
        size = int(np.prod(shape))
        plain = name.rstrip("_").rpartition("_")[0] if name.endswith("__") else name
        found[f"mean {plain}"], found[f"sd {plain}"] = means[:, at : at + size], sds[:, at : at + size]
        at += size
    return found


def of_numpyro(name: str, steps: int) -> dict[str, Any]:
    import jax
    from numpyro import optim
    from numpyro.infer import SVI, Trace_ELBO
    from numpyro.infer.autoguide import AutoNormal

    guide = AutoNormal(NUMPYRO[name])
    begin = time.perf_counter()
    svi = SVI(NUMPYRO[name], guide, optim.Adam(RATE), Trace_ELBO())
    state = svi.init(jax.random.PRNGKey(1))

    @jax.jit
    def advance(state: Any) -> Any:
        return jax.lax.scan(lambda s, _: svi.update(s), state, None, length=EVERY)[0]

    seconds, looked = [], []
    for _ in range(0, steps, EVERY):
        state = jax.block_until_ready(advance(state))
        seconds.append(time.perf_counter() - begin)
        looked.append({k: np.asarray(v) for k, v in svi.get_params(state).items()})
        # What is looked at is not counted.
        begin = time.perf_counter() - seconds[-1]
    found: dict[str, Any] = {"seconds": np.array(seconds)}
    for key in looked[0]:
        site, _, kind = key.rpartition("_auto_")
        found[f"{'mean' if kind == 'loc' else 'sd'} {site}"] = np.array([np.ravel(p[key]) for p in looked])
    return found


def radon() -> None:
    import numpyro
    import numpyro.distributions as dist

    d = models.data("radon_mn")
    mu_a, sigma_a = numpyro.sample("mu_a", dist.Normal(0.0, 10.0)), numpyro.sample("sigma_a", dist.HalfNormal(1.0))
    a = numpyro.sample("a_raw", dist.Normal(0.0, 1.0).expand([int(d["J"])])) * sigma_a + mu_a
    mu_b, sigma_b = numpyro.sample("mu_b", dist.Normal(0.0, 2.0)), numpyro.sample("sigma_b", dist.HalfNormal(1.0))
    b = numpyro.sample("b_raw", dist.Normal(0.0, 1.0).expand([int(d["J"])])) * sigma_b + mu_b
    county = d["county_idx"] - 1
    mean = a[county] + b[county] * d["floor_measure"]
    numpyro.sample("y", dist.Normal(mean, numpyro.sample("eps", dist.HalfNormal(1.5))), obs=d["log_radon"])


def eight_schools() -> None:
    import numpyro
    import numpyro.distributions as dist

    d = models.data("eight_schools")
    mu, tau = numpyro.sample("mu", dist.Normal(0.0, 5.0)), numpyro.sample("tau", dist.HalfCauchy(5.0))
    z = numpyro.sample("z", dist.Normal(0.0, 1.0).expand([int(d["J"])]))
    numpyro.sample("y", dist.Normal(mu + tau * z, d["sigma"]), obs=d["y"])


def irt() -> None:
    import numpyro
    import numpyro.distributions as dist

    d = models.data("irt_2pl")
    theta = numpyro.sample("theta", dist.Normal(0.0, 1.0).expand([int(d["J"])]))
    mu_b, sigma_b = numpyro.sample("mu_b", dist.Normal(0.0, 5.0)), numpyro.sample("sigma_b", dist.HalfCauchy(2.0))
    b = numpyro.sample("b", dist.Normal(mu_b, sigma_b).expand([int(d["I"])]))
    sigma_a = numpyro.sample("sigma_a", dist.HalfCauchy(2.0))
    a = numpyro.sample("a", dist.LogNormal(0.0, sigma_a).expand([int(d["I"])]))
    numpyro.sample("y", dist.Bernoulli(logits=a[:, None] * (theta[None, :] - b[:, None])), obs=d["y"])


NUMPYRO = {"eight_schools": eight_schools, "radon": radon, "irt": irt}


def bounds(name: str, found: Any, draws: int = 4000) -> Array:
    """The evidence lower bound at each look, from draws that are the same for all."""
    import workbench as pm

    with pm.Model() as model:
        getattr(models, name)(pm, pm.scan)
    names = [str(rv.name) for rv in model.free_RVs]
    means = np.concatenate([found[f"mean {n}"] for n in names], axis=1)
    sds = np.concatenate([found[f"sd {n}"] for n in names], axis=1)
    noise = np.random.default_rng(0).standard_normal((draws // 2, means.shape[1]))
    noise = np.concatenate([noise, -noise])
    from workbench.inference.approximations.flat_density import FlatDensity

    density = FlatDensity(model.at_current_shapes(), "c")
    entropy = 0.5 * means.shape[1] * (1.0 + np.log(2.0 * np.pi)) + np.log(sds).sum(axis=1)
    return np.array([density.values(m + s * noise).mean() for m, s in zip(means, sds)]) + entropy


def run(python: str, library: str, name: str, backend: str, steps: int) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fit.npz"
        given = [python, __file__, "--fit", library, "--out", str(path), "--backend", backend, "--steps", str(steps), name]
        subprocess.run(given, check=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        return dict(np.load(path))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", help="an interpreter with PyMC and NumPyro")
    parser.add_argument("--backend", default="c")
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--fit", choices=LIBRARIES, help=argparse.SUPPRESS)
    parser.add_argument("--out", help=argparse.SUPPRESS)
    parser.add_argument("models", nargs="*", default=MODELS)
    given = parser.parse_args()
    if given.fit:
        (name,) = given.models
        found = of_numpyro(name, given.steps) if given.fit == "numpyro" else of_pymc(given.fit, name, given.backend, given.steps)
        np.savez(given.out, **found)
        return
    print(f"{'model':14} {'library':10} {'first':>8} {'to bound':>9} {'1000 steps':>11} {'bound':>10} {'ratio':>6}")
    for name in given.models:
        fits = {}
        for library in LIBRARIES if given.peers else LIBRARIES[:1]:
            python = sys.executable if library == "workbench" else given.peers
            first = run(python, library, name, given.backend, EVERY)["seconds"][0]
            fits[library] = first, run(python, library, name, given.backend, given.steps)
        elbo = {library: bounds(name, found) for library, (_, found) in fits.items()}
        target = min(e[-5:].mean() for e in elbo.values()) - SLACK
        own = None
        for library, (first, found) in fits.items():
            seconds = found["seconds"]
            reached = seconds[np.argmax(elbo[library] >= target)]
            own = reached if own is None else own
            rate = 1000.0 * (seconds[-1] - seconds[0]) / (given.steps - EVERY)
            print(f"{name:14} {library:10} {first:7.2f}s {reached:8.3f}s {rate:10.4f}s {elbo[library][-5:].mean():10.2f} {reached / own:6.1f}", flush=True)


if __name__ == "__main__":
    main()
