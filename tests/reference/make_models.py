"""Make models.json: run with PyMC in an environment of its own.

    python tests/reference/make_models.py

For each of `models.MODELS`: names of values and variables, the initial point, and log-density and its
terms at three points around it. For each of `models.derived`: PyMC's log-density, null where it
derives none.
"""

import json
import warnings
from pathlib import Path

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
from models import MODELS, derived

# As in make_conformance.py: by default numbers are kept in single precision where that loses nothing, and
# fused operations run in single precision as Python.
pytensor.config.cast_policy = "numpy+floatX"
MODE = pytensor.compile.mode.Mode(linker="py", optimizer="fast_run").excluding("fusion", "inplace")

HERE = Path(__file__).parent
SEED, POINTS, SPREAD = 20261121, 3, 0.4


def lists(point):
    return {k: np.asarray(v).tolist() for k, v in point.items()}


def describe(model, rng):
    start = model.initial_point()
    continuous = {v.name for v in model.continuous_value_vars}
    logp, dlogp = model.compile_logp(mode=MODE), model.compile_dlogp(mode=MODE)
    terms = model.compile_logp(sum=False, mode=MODE)
    names = [x.name for x in (*model.basic_RVs, *model.potentials)]
    found = []
    for i in range(POINTS + 1):
        point = {k: v + (rng.normal(size=np.shape(v)) * SPREAD if i and k in continuous else 0) for k, v in start.items()}
        found.append(
            {
                "point": lists(point), "logp": float(logp(point)), "gradient": dlogp(point).tolist(),
                "terms": {n: float(np.sum(t)) for n, t in zip(names, terms(point))},
            }
        )  # fmt: skip
    return {
        "values": [v.name for v in model.value_vars], "free": [v.name for v in model.free_RVs],
        "observed": [v.name for v in model.observed_RVs], "deterministics": [v.name for v in model.deterministics],
        "start": lists(start), "points": found,
    }  # fmt: skip


def density(x, at):
    try:
        return np.asarray(pm.logp(x, at).eval(mode=MODE), float).tolist()
    except NotImplementedError:
        return None


def main():
    warnings.simplefilter("ignore")
    rng = np.random.default_rng(SEED)
    result = {
        "source": f"PyMC {pm.__version__}, PyTensor {pytensor.__version__}, NumPy {np.__version__}",
        "models": {make.__name__: describe(make(pm, pt), rng) for make in MODELS},
        "derived": {name: density(x, at) for name, (x, at) in derived(pm, pt).items()},
    }
    (HERE / "models.json").write_text(json.dumps(result, indent=1))
    print(result["source"], [n for n, v in result["derived"].items() if v is None])


if __name__ == "__main__":
    main()
