"""From the start of a process to draws: our NUTS and, with `--peers`, others', on the same models in one run.

    python benchmarks/sampling.py [--peers path/to/python] [--only radon,garch] [--libraries workbench,nutpie] [--chains 4]

Each library draws each model in a process of its own, with empty caches of compiled code: seconds to import, to compile, to sample, and
in all; seconds of all its processors, compilers and the computation of effective sizes included; gradients of warm-up and of sampling; least effective sample size (bulk, tail, and of squared distances from the mean, which is
slower where a sampler turns back too early), per second from the start and per 1,000 gradients after warm-up; divergences; peak memory.
Models are in `models.py`. Medians are over those whose chains get everywhere: not of the centred eight schools and the funnel, where the chains of
the other libraries miss the neck, so that their effective draws are of another distribution. PyMC's own sampler is "pymc"; "numpyro" and "blackjax" run on PyMC's log-density; "workbench-diag" is ours
with a diagonal mass matrix.
"""

from __future__ import annotations

import time

begin = time.perf_counter()

import argparse  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import resource  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import tempfile  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

import numpy as np  # noqa: E402

HERE = Path(__file__).resolve().parent
DRAWS, TUNE = 1000, 1000
BIASED = ("eight_schools_centred", "funnel")
"""Models that the other libraries do not draw right here: they are in no median."""
LIBRARIES = ("workbench", "nutpie", "pymc", "numpyro", "blackjax")


def work(library: str, name: str, chains: int, seed: int) -> dict[str, Any]:
    """Draw a model with a library, and return what was measured."""
    sys.path.insert(0, str(HERE))
    import models

    pm, scan = models.library(library)
    if library == "nutpie":
        import nutpie
    imported = time.perf_counter()
    with pm.Model() as model:
        models.MODELS[name](pm, scan)
    options = dict(draws=DRAWS, tune=TUNE, chains=chains, cores=min(chains, os.cpu_count() or 1))
    compiled = imported
    if library.startswith("workbench"):
        nuts = {"metric": "diag"} if library.endswith("diag") else None
        run = pm.sample(**options, random_seed=seed, quiet=True, model=model, nuts=nuts, return_inferencedata=False, backend="c")
        compiled = imported + run.timings["compile"]
        draws, steps, warm = run.draws, run.stats["n_steps"], run.warmup_stats["n_steps"]
        diverging = run.stats["diverging"]
    elif library == "nutpie":
        f = nutpie.compile_pymc_model(model)
        compiled = time.perf_counter()
        idata = nutpie.sample(f, **options, seed=seed, progress_bar=False, save_warmup=True, target_accept=0.8)
        stats, warmup = idata.sample_stats, idata.warmup_sample_stats
        draws, steps, warm, diverging = None, stats["n_steps"].values, warmup["n_steps"].values, stats["diverging"].values
    else:
        own = library == "pymc"
        with model:
            idata = pm.sample(
                **options, random_seed=seed, progressbar=False, compute_convergence_checks=False, discard_tuned_samples=not own,
                nuts_sampler=library,
            )  # fmt: skip
        stats = idata.sample_stats
        known = "n_steps" if "n_steps" in stats else "num_integration_steps"
        draws, steps, diverging = None, stats[known].values, stats["diverging"].values
        warm = idata.warmup_sample_stats["n_steps"].values if own else np.array(np.nan)
    end = time.perf_counter()
    if draws is None:
        draws = {v.name: idata.posterior[v.name].values for v in model.free_RVs}
    import arviz

    flat = np.concatenate([np.asarray(v, float).reshape(chains, DRAWS, -1) for v in draws.values()], axis=2)
    squares = (flat - flat.mean(axis=(0, 1))) ** 2

    def least(values: Any, method: str) -> float:
        return min(float(arviz.ess(values[:, :, i], method=method)) for i in range(values.shape[2]))

    return {
        "import": imported - begin, "compile": compiled - imported, "sample": end - compiled, "total": end - begin,
        "gradients": float(steps.sum()), "warm-up": float(warm.sum()), "bulk": least(flat, "bulk"), "tail": least(flat, "tail"),
        "squares": least(squares, "bulk"), "divergences": int(diverging.sum()), "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }  # fmt: skip


def measured(python: str, library: str, name: str, chains: int, seed: int) -> dict[str, Any] | None:
    """What a fresh process with empty caches measures; ``None`` if it fails."""
    with tempfile.TemporaryDirectory() as folder:
        caches = {"WORKBENCH_CACHE_DIR": folder, "NUMBA_CACHE_DIR": folder, "PYTENSOR_FLAGS": f"base_compiledir={folder}"}
        paths = {"PYTHONPATH": str(HERE.parent)} if library.startswith("workbench") else {}
        command = [python, __file__, "--worker", library, name, "--chains", str(chains), "--seed", str(seed)]
        before = os.times()
        done = subprocess.run(command, env={**os.environ, **caches, **paths}, capture_output=True, text=True)
        after = os.times()
    if done.returncode:
        print(f"{library} on {name} failed: {done.stderr.strip().splitlines()[-1]}", flush=True)
        return None
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    return {**json.loads(done.stdout.splitlines()[-1]), "processor": spent}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--peers", help="an interpreter with benchmarks/peers-requirements.txt")
    parser.add_argument("--only", help="names of models, with commas between")
    parser.add_argument("--libraries", default=",".join(LIBRARIES))
    parser.add_argument("--chains", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        print(json.dumps(work(*arguments.worker, arguments.chains, arguments.seed)))
        return
    sys.path.insert(0, str(HERE))
    from models import MODELS

    columns = ("import", "compile", "sample", "total", "processor", "warm-up", "gradients", "bulk", "tail", "squares", "divergences", "memory")
    print(f"{'model':22}{'library':16}" + "".join(f"{c:>12}" for c in columns) + f"{'ESS/s':>10}{'ESS/1000 g':>12}")
    ratios: dict[str, list[list[float]]] = {}
    for name in arguments.only.split(",") if arguments.only else MODELS:
        ours = None
        for library in arguments.libraries.split(","):
            python = sys.executable if library.startswith("workbench") else arguments.peers
            found = measured(python, library, name, arguments.chains, arguments.seed) if python else None
            if found is None:
                continue
            least = min(found["bulk"], found["squares"])
            found |= {"speed": least / found["total"], "efficiency": 1000 * least / found["gradients"]}
            numbers = "".join(f"{found[c]:12.2f}" if c in columns[:5] else f"{found[c]:12.0f}" for c in columns)
            print(f"{name:22}{library:16}{numbers}{found['speed']:10.1f}{found['efficiency']:12.1f}", flush=True)
            if ours is None:
                ours = found
            elif name not in BIASED:
                ratios.setdefault(library, []).append([found["total"] / ours["total"], found["processor"] / ours["processor"], ours["speed"] / found["speed"], ours["efficiency"] / found["efficiency"]])
    for library, some in ratios.items():
        time_of, processor, speed, efficiency = np.median(some, axis=0)
        print(f"median over models, {library}: time {time_of:.1f} x ours, of processors {processor:.1f} x; our ESS/s {speed:.1f} x, our ESS per gradient {efficiency:.2f} x")


if __name__ == "__main__":
    main()
