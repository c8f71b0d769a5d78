"""Log-densities with their gradients in C: nanoseconds for each element, and processor seconds of the compiler, of each distribution of numbers.

    python benchmarks/densities.py [--observed] [--dtype float32] [--save results.npz] [--compare results.npz] [name ...]

Value and all numeric parameters are vectors of 4,096 elements, the value a constant where it is `--observed`; outputs are the sum of the
log-density, and its derivatives in each of them that is no whole number. Times are the least of many calls. `--compare` names those whose results have other bits than those saved before.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time

import numpy as np

import workbench as pm
import workbench.tensor as pt
from workbench.compile import function
from workbench.transforms import grad

N = 4096
CASES: dict[str, tuple[float, ...]] = {
    "AsymmetricLaplace": (0.7, 0.5, 2.0), "Bernoulli": (0.3,), "Beta": (2.5, 1.5), "BetaBinomial": (1.2, 0.7, 6),
    "BetaNegativeBinomial": (3.0, 2.0, 1.5), "Binomial": (5, 0.3), "Cauchy": (0.5, 2.0), "Chi": (2.5,), "ChiSquared": (3.0,),
    "DiscreteUniform": (-2, 4), "DiscreteWeibull": (0.9, 0.6), "Exponential": (2.5,), "ExGaussian": (0.5, 2.0, 1.5), "Gamma": (2.5, 1.5),
    "GenExtreme": (0.5, 2.0, 0.1), "GeneralizedPoisson": (2.0, 0.3), "Geometric": (0.3,), "Gumbel": (0.5, 2.0), "HalfCauchy": (2.0,),
    "HalfNormal": (1.5,), "HalfStudentT": (3.5, 2.0), "HurdleGamma": (0.7, 2.5, 1.5), "HurdlePoisson": (0.7, 2.1), "HyperGeometric": (20, 7, 12),
    "InverseGamma": (2.5, 1.5), "Kumaraswamy": (2.5, 1.5), "Laplace": (0.5, 2.0), "Logistic": (0.5, 2.0), "LogitNormal": (0.5, 2.0),
    "LogNormal": (0.5, 0.7), "Maxwell": (2.0,), "Moyal": (0.5, 2.0), "NegativeBinomial": (2.3, 1.7), "Normal": (1.5, 2.0), "Pareto": (2.5, 1.5),
    "Poisson": (2.3,), "Rice": (1.5, 2.0), "Skellam": (2.0, 3.0), "SkewNormal": (-1.5, 0.5, 2.0), "SkewStudentT": (2.0, 3.0, 0.5, 2.0),
    "StudentT": (3.5, 1.0, 2.0), "Triangular": (-1.0, 3.0, 0.5), "TruncatedNormal": (0.5, 2.0), "Uniform": (-1.0, 3.0), "VonMises": (0.5, 2.0),
    "Wald": (1.5, 2.0), "Weibull": (1.5, 2.0), "ZeroInflatedBinomial": (0.7, 5, 0.4), "ZeroInflatedNegativeBinomial": (0.7, 2.1, 1.3),
    "ZeroInflatedPoisson": (0.3, 2.1),
}  # fmt: skip
NAMED = {
    "HalfStudentT": ("nu", "sigma"), "StudentT": ("nu", "mu", "sigma"), "SkewNormal": ("alpha", "mu", "sigma"), "SkewStudentT": ("a", "b", "mu", "sigma"),
    "Rice": ("nu", "sigma"), "ExGaussian": ("mu", "sigma", "nu"), "AsymmetricLaplace": ("kappa", "mu", "b"), "Triangular": ("lower", "upper", "c"),
    "NegativeBinomial": ("mu", "alpha"),
}  # fmt: skip
BOUNDS = {"TruncatedNormal": {"lower": -1.0, "upper": 2.5}}


def measured(name: str, dtype: str, observed: bool = False) -> tuple[float, float, list[np.ndarray]]:
    """Nanoseconds for each element, seconds of the compiler, and the results."""
    rng = np.random.default_rng(1)
    of = getattr(pm, name)
    given = [np.full(N, p) * (1.0 if isinstance(p, int) else rng.uniform(0.95, 1.05, N)) for p in CASES[name]]
    points = [g.astype("int64" if isinstance(p, int) else dtype) for g, p in zip(given, CASES[name])]
    symbols = [pt.vector(f"p{i}", N, dtype=p.dtype.name) for i, p in enumerate(points)]
    names = NAMED.get(name)
    bounds = BOUNDS.get(name, {})
    dist = of.dist(*symbols, **bounds) if names is None else of.dist(**dict(zip(names, symbols)), **bounds)
    value = pm.draw(of.dist(*CASES[name], shape=N, **bounds) if names is None else of.dist(**dict(zip(names, CASES[name])), shape=N, **bounds), random_seed=1)
    value = value if value.dtype.kind in "biu" else value.astype(dtype)
    x = pt.as_tensor(value) if observed else pt.vector("x", N, dtype=value.dtype.name)
    total = pm.logp(dist, x).sum()
    inputs, values = (symbols, points) if observed else ([x, *symbols], [value, *points])
    wanted = [s for s, v in zip(inputs, values) if v.dtype.kind == "f"]
    outputs = [total, *grad(total, wanted, disconnected_inputs="ignore")]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    f = function(inputs, outputs, backend="c")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    results = f(*values)
    times = []
    for _ in range(100):
        begin = time.perf_counter()
        f(*values)
        times.append(time.perf_counter() - begin)
    return min(times) / N * 1e9, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, [np.asarray(r) for r in results]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    parser.add_argument("--save")
    parser.add_argument("--compare")
    parser.add_argument("--dtype", default="float64")
    parser.add_argument("--observed", action="store_true", help="the value is a constant")
    arguments = parser.parse_args()
    known = np.load(arguments.compare) if arguments.compare else {}
    kept: dict[str, np.ndarray] = {}
    with tempfile.TemporaryDirectory() as folder:
        os.environ["WORKBENCH_CACHE_DIR"] = folder
        print(f"{'':30}{'ns an element':>15}{'compiler s':>12}")
        for name in arguments.names or CASES:
            ns, seconds, results = measured(name, arguments.dtype, arguments.observed)
            kept.update({f"{name} {i}": r for i, r in enumerate(results)})
            kept[f"{name} times"] = np.array([ns, seconds])
            beside = ""
            if arguments.compare:
                before = known[f"{name} times"]
                same = all(known[f"{name} {i}"].tobytes() == r.tobytes() for i, r in enumerate(results))
                beside = f"   before {before[0]:8.2f} {before[1]:6.2f}{'' if same else '   other bits'}"
            print(f"{name:30}{ns:15.2f}{seconds:12.2f}{beside}", flush=True)
    if arguments.save:
        np.savez(arguments.save, **kept)


if __name__ == "__main__":
    main()
