"""Many chains on a GPU: ours, NumPyro and BlackJAX at 4, 256 and 4096 chains, in one run of at most six minutes.

    python benchmarks/gpu.py [--peers path/to/python] [--device gpu] [--seconds 360]
    python benchmarks/gpu.py --small --device cpu     # few chains and small sizes, for a machine without a GPU

Three posteriors: radon (919 rows, 175 parameters), logistic regression (10^6 x 20), a hierarchical model of 10,000
parameters. Each library has the same density and a process of its own, with an equal share of the time. At 4 chains
each runs NUTS; with more, ours ChEES-HMC ("workbench") and NUTS in one loop ("workbench-nuts"), BlackJAX its ChEES-HMC with a
diagonal metric, NumPyro NUTS with vectorised chains, which is what it has. The table has seconds of compiling (all that is not sampling), seconds of sampling with
warm-up, gradients of each chain, the effective sample size of the worst element, that by second and by 1000 gradients,
and the most memory taken (of the device where it says so, of the process otherwise).

The effective sample size of 64 chains and more is that which their means' variance gives, chains being independent:
n sd^2 / var(means); of fewer, the bulk effective sample size of ArviZ. It has not been run on a GPU yet.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

LIBRARIES = ("workbench", "workbench-nuts", "numpyro", "blackjax")
TUNE, DRAWS = {True: 300, False: 500}, {True: 100, False: 500}
"""Transitions of warm-up and after it, of many chains and of few."""
MANY = 64
Array = np.ndarray[Any, Any]


def data_of(problem: str, small: bool) -> dict[str, Array]:
    """Return the data of a problem, the same in every process."""
    rng = np.random.default_rng(3)
    if problem == "logistic":
        rows, columns = (500, 4) if small else (1_000_000, 20)
        x = rng.normal(size=(rows, columns))
        return {"x": x, "y": (rng.uniform(size=rows) < 1 / (1 + np.exp(-x @ rng.normal(size=columns) * 0.3))) * 1.0}
    if problem == "hierarchical":
        groups, rows = (20, 3) if small else (9_998, 5)
        return {"y": rng.normal(size=(groups, rows)) + 0.7 * rng.normal(size=(groups, 1)) + 2.0}
    counties, rows = (10, 80) if small else (85, 919)
    county = np.arange(rows) % counties
    floor = (rng.uniform(size=rows) < 0.2) * 1.0
    y = 1.5 + 0.3 * rng.normal(size=counties)[county] + (-0.7 + 0.3 * rng.normal(size=counties)[county]) * floor + 0.7 * rng.normal(size=rows)
    return {"y": y, "floor": floor, "county": county, "counties": np.array(counties)}


def model_of(problem: str, d: dict[str, Array]) -> Any:
    """Return a problem as a model of ours."""
    import workbench as pm

    with pm.Model() as model:
        if problem == "logistic":
            b = pm.Normal("b", 0.0, 1.0, shape=d["x"].shape[1])
            pm.Bernoulli("y", logit_p=pm.math.dot(d["x"], b), observed=d["y"].astype(int))
        elif problem == "hierarchical":
            mu, tau = pm.Normal("mu", 0.0, 5.0), pm.HalfNormal("tau", 1.0)
            z = pm.Normal("z", 0.0, 1.0, shape=len(d["y"]))
            pm.Normal("y", (mu + tau * z)[:, None], 1.0, observed=d["y"])
        else:
            n = int(d["counties"])
            mu_a, sigma_a = pm.Normal("mu_a", 0.0, 10.0), pm.HalfNormal("sigma_a", 1.0)
            a = mu_a + sigma_a * pm.Normal("a_raw", 0.0, 1.0, shape=n)
            mu_b, sigma_b = pm.Normal("mu_b", 0.0, 2.0), pm.HalfNormal("sigma_b", 1.0)
            b = mu_b + sigma_b * pm.Normal("b_raw", 0.0, 1.0, shape=n)
            eps = pm.HalfNormal("eps", 1.5)
            pm.Normal("y", a[d["county"]] + b[d["county"]] * d["floor"], eps, observed=d["y"])
    return model


def density_of(problem: str, d: dict[str, Array]) -> tuple[Callable[[Any], Any], int]:
    """Return the same log-density, but for a constant, as a JAX function of a flat vector, and its length."""
    import jax
    import jax.numpy as jnp

    if problem == "logistic":
        x, y = jnp.asarray(d["x"]), jnp.asarray(d["y"])

        def logistic(q: Any) -> Any:
            eta = x @ q
            return jnp.sum(y * eta - jax.nn.softplus(eta)) - 0.5 * jnp.sum(q * q)

        return logistic, d["x"].shape[1]
    if problem == "hierarchical":
        y = jnp.asarray(d["y"])

        def hierarchical(q: Any) -> Any:
            tau, z = jnp.exp(q[1]), q[2:]
            return -0.5 * (q[0] / 5.0) ** 2 - 0.5 * tau**2 + q[1] - 0.5 * jnp.sum(z * z) - 0.5 * jnp.sum((y - (q[0] + tau * z)[:, None]) ** 2)

        return hierarchical, len(d["y"]) + 2
    n, county, floor, y = int(d["counties"]), jnp.asarray(d["county"]), jnp.asarray(d["floor"]), jnp.asarray(d["y"])

    def radon(q: Any) -> Any:
        a_raw, b_raw = q[2 : 2 + n], q[4 + n : 4 + 2 * n]
        sigma_a, sigma_b, eps = jnp.exp(q[1]), jnp.exp(q[3 + n]), jnp.exp(q[4 + 2 * n])
        a, b = q[0] + sigma_a * a_raw, q[2 + n] + sigma_b * b_raw
        prior = -0.5 * (jnp.sum(a_raw**2) + jnp.sum(b_raw**2) + (q[0] / 10.0) ** 2 + (q[2 + n] / 2.0) ** 2 + sigma_a**2 + sigma_b**2 + (eps / 1.5) ** 2)
        return prior + q[1] + q[3 + n] + q[4 + 2 * n] - 0.5 * jnp.sum(((y - a[county] - b[county] * floor) / eps) ** 2) - len(y) * q[4 + 2 * n]

    return radon, 5 + 2 * n


# Samplers: each yields its row for each number of chains. ------------------------------------------


def workbench(problem: str, d: dict[str, Array], chains: int, device: str, method: str = "chees") -> dict[str, float]:
    import workbench as pm
    from workbench.inference.diagnostics import ess_bulk

    many = chains >= MANY
    begun = time.perf_counter()
    options = {"method": method, "thin": DRAWS[many]} if many else {"method": "nuts"}
    run = pm.sample(
        DRAWS[many], tune=TUNE[many], chains=chains, model=model_of(problem, d), backend="jax", device=device, random_seed=1, quiet=True,
        return_inferencedata=False, **options,
    )  # fmt: skip
    taken = time.perf_counter() - begun
    if many:
        ess = min(float(m["ess"].min()) for m in run.moments().values())
    else:
        ess = min(float(np.min(ess_bulk(x))) for x in run.draws.values())
    return {"compile": taken - run.timings["sample"], "sample": run.timings["sample"], "gradients": run.gradients, "ess": ess}


def numpyro(problem: str, d: dict[str, Array], chains: int, device: str) -> dict[str, float]:
    import jax
    from numpyro.infer import MCMC, NUTS

    density, size = density_of(problem, d)
    many = chains >= MANY
    starts = jax.random.uniform(jax.random.key(1), (chains, size), minval=-1.0, maxval=1.0)
    sampler = MCMC(
        NUTS(potential_fn=lambda q: -density(q)), num_warmup=TUNE[many], num_samples=DRAWS[many], num_chains=chains,
        chain_method="vectorized", progress_bar=False,
    )  # fmt: skip
    seconds = []
    # The second run finds the program compiled.
    for seed in (1, 2):
        begun = time.perf_counter()
        sampler.run(jax.random.key(seed), init_params=starts, extra_fields=("num_steps",))
        draws = np.asarray(sampler.get_samples(group_by_chain=True))
        seconds.append(time.perf_counter() - begun)
    steps = int(np.asarray(sampler.get_extra_fields()["num_steps"]).sum() // chains)
    return {"compile": max(0.0, seconds[0] - seconds[1]), "sample": seconds[1], "gradients": steps * (TUNE[many] + DRAWS[many]) // DRAWS[many], "ess": worst(draws)}


def blackjax(problem: str, d: dict[str, Array], chains: int, device: str) -> dict[str, float]:
    import blackjax as bj
    import jax
    import optax

    density, size = density_of(problem, d)
    many = chains >= MANY
    starts = jax.random.uniform(jax.random.key(1), (chains, size), minval=-1.0, maxval=1.0)

    def with_chees(key: Any) -> tuple[Any, Any]:
        one, two = jax.random.split(key)
        warm_up = bj.chees_adaptation(density, chains, mass_matrix_estimation="diagonal")
        (state, parameters), info = warm_up.run(one, starts, 0.1, optax.adam(0.025), TUNE[many])
        kernel = jax.vmap(bj.dynamic_hmc(density, **parameters).step)

        def step(state: Any, key: Any) -> tuple[Any, Any]:
            state, told = kernel(jax.random.split(key, chains), state)
            return state, (state.position, told.num_integration_steps)

        _, (draws, steps) = jax.lax.scan(step, state, jax.random.split(two, DRAWS[many]))
        return draws.swapaxes(0, 1), steps.mean(1).sum() + info.info.num_integration_steps.mean(1).sum()

    def with_nuts(key: Any) -> tuple[Any, Any]:
        def one(key: Any, start: Any) -> tuple[Any, Any]:
            first, second = jax.random.split(key)
            (state, parameters), info = bj.window_adaptation(bj.nuts, density).run(first, start, num_steps=TUNE[many])
            kernel = bj.nuts(density, **parameters).step

            def step(state: Any, key: Any) -> tuple[Any, Any]:
                state, told = kernel(key, state)
                return state, (state.position, told.num_integration_steps)

            _, (draws, steps) = jax.lax.scan(step, state, jax.random.split(second, DRAWS[many]))
            return draws, steps.sum() + info.info.num_integration_steps.sum()

        draws, steps = jax.vmap(one)(jax.random.split(key, chains), starts)
        return draws, steps.mean()

    program = jax.jit(with_chees if many else with_nuts)
    begun = time.perf_counter()
    compiled = program.lower(jax.random.key(1)).compile()
    seconds = time.perf_counter() - begun
    begun = time.perf_counter()
    draws, steps = (np.asarray(x) for x in compiled(jax.random.key(1)))
    return {"compile": seconds, "sample": time.perf_counter() - begun, "gradients": int(steps), "ess": worst(draws)}


def worst(draws: Array) -> float:
    """Return the effective sample size of the worst element of draws (chains, draws, elements)."""
    n = len(draws)
    if n >= MANY:
        means = draws.mean(axis=1)
        return float((n * draws.reshape(-1, draws.shape[2]).var(axis=0) / means.var(axis=0, ddof=1)).min())
    from workbench.inference.diagnostics import ess_bulk

    return float(np.min(ess_bulk(draws)))


def memory() -> float:
    """Return the most memory taken so far, in MiB."""
    import jax

    stats = jax.devices()[0].memory_stats() or {}
    return float(stats.get("peak_bytes_in_use", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)) / 2**20


def one(library: str, problem: str, chains: list[int], device: str, small: bool) -> Iterator[dict[str, Any]]:
    """Yield the rows of a library and a problem."""
    import jax

    jax.config.update("jax_enable_x64", True)
    if device != "gpu":
        jax.config.update("jax_platforms", device)
    if library.startswith("workbench"):
        # Every compilation is a cold one.
        jax.config.update("jax_enable_compilation_cache", False)
    d = data_of(problem, small)
    for n in chains:
        row = {"library": library, "problem": problem, "chains": n}
        try:
            name, _, method = library.partition("-")
            found = globals()[name](problem, d, n, device, *([method] if method else []))
        except ImportError as error:
            yield {**row, "why": str(error)}
            return
        except Exception as error:
            yield {**row, "why": f"{type(error).__name__}: {error}"[:200]}
            continue
        yield {**row, **found, "memory": memory()}


# The comparison ------------------------------------------------------------------------------------


def compare(arguments: argparse.Namespace) -> list[dict[str, Any]]:
    """Run each library on each problem in a process of its own, and return all rows."""
    problems = ("radon", "logistic", "hierarchical")
    end = time.monotonic() + arguments.seconds
    jobs = [(p, lib) for p in problems for lib in arguments.libraries]
    rows: list[dict[str, Any]] = []
    print(f"{'problem':13}{'library':11}{'chains':>7}{'compile s':>11}{'sample s':>10}{'gradients':>11}{'min ESS':>10}{'ESS/s':>9}{'/1000 g':>9}{'MiB':>8}")
    for i, (problem, library) in enumerate(jobs):
        limit = max(1.0, (end - time.monotonic()) / (len(jobs) - i))
        python = sys.executable if library.startswith("workbench") else arguments.peers
        given = ["--one", library, problem, "--device", arguments.device, "--chains", *map(str, arguments.chains), *(["--small"] if arguments.small else [])]
        process = subprocess.Popen([python, __file__, *given], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            out, _ = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            process.kill()
            out, _ = process.communicate()
        found = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
        missing = [n for n in arguments.chains if n not in [r["chains"] for r in found]]
        if not any("why" in r for r in found):
            found += [{"library": library, "problem": problem, "chains": n, "why": f"not done in its {limit:.0f} s" if process.returncode else "no result"} for n in missing]
        for row in found:
            print(line_of(row), flush=True)
        rows += found
    return rows


def line_of(row: dict[str, Any]) -> str:
    head = f"{row['problem']:13}{row['library']:11}{row['chains']:7d}"
    if "why" in row:
        return f"{head}  {row['why']}"
    per_second, per_gradient = row["ess"] / row["sample"], 1000 * row["ess"] / (row["gradients"] * row["chains"])
    return f"{head}{row['compile']:11.1f}{row['sample']:10.2f}{row['gradients']:11,.0f}{row['ess']:10,.0f}{per_second:9,.0f}{per_gradient:9.1f}{row['memory']:8,.0f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", default=sys.executable, help="a Python that has NumPyro and BlackJAX")
    parser.add_argument("--device", default="gpu", choices=("gpu", "cpu"))
    parser.add_argument("--seconds", type=float, default=340.0, help="for all of it")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--libraries", nargs="+", default=LIBRARIES, choices=LIBRARIES)
    parser.add_argument("--chains", nargs="+", type=int)
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    arguments.chains = arguments.chains or ([64] if arguments.small else [4, 256, 4096])
    if arguments.one:
        for row in one(*arguments.one, arguments.chains, arguments.device, arguments.small):
            print(json.dumps(row), flush=True)
        return
    compare(arguments)


if __name__ == "__main__":
    main()
