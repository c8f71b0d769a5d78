"""Make tests/conformance/reference.json: what PyMC says of the models of tests/conformance.

    pip install -r benchmarks/peers-requirements.txt
    python tests/reference/make_conformance.py [name of a model ...]

With names, only those models are made again. Per model: names, shapes and start of its values, and
the log-density and gradient at random points around it; of a long gradient eight random projections.
"""

import functools
import json
import sys
from pathlib import Path

import numpy as np
import pymc as pm
import pytensor
import scipy.integrate

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "conformance"))

import books  # noqa: E402, F401
import equations  # noqa: E402, F401
import gallery  # noqa: E402, F401
import models  # noqa: E402, F401
import processes  # noqa: E402, F401
import series  # noqa: E402, F401
import structures  # noqa: E402, F401
from examples import MODELS, Example, make_data, points, projections  # noqa: E402

# By default PyTensor keeps a Python number in single precision where that loses nothing, and then
# takes its logarithm in single precision.
pytensor.config.cast_policy = "numpy+floatX"
# A loop inside of a derivative does not compile under that policy: here it is for floats alone, and
# the model's parameters are no integers of whose logarithm something depends.
LOOPS = {"hurdle_counts", "interval_counts_truncated", "truncated_amounts", "two_lags_by_scan"}
# All rewrites, without compiling; fused operations lose digits there: as Python, some of them run in
# single precision.
MODE = pytensor.compile.mode.Mode(linker="py", optimizer="fast_run").excluding("fusion", "inplace")

# PyMC's differential equations are solved to 1.49e-8, less than what is compared.
scipy.integrate.odeint = functools.partial(scipy.integrate.odeint, rtol=1e-12, atol=1e-12, mxstep=20_000)

WHERE = ROOT / "tests" / "conformance" / "reference.json"
LONG = 60


def reference(example: Example) -> dict:
    if example.name in LOOPS:
        with pytensor.config.change_flags(cast_policy="custom"), pytensor.scalar.autocast_float_as("float64"):
            return looked_at(example)
    return looked_at(example)


def looked_at(example: Example) -> dict:
    model = example.build(pm, make_data())
    start = model.initial_point()
    values = [v.name for v in model.value_vars]
    f = model.compile_fn([model.logp(), model.dlogp()], inputs=model.value_vars, mode=MODE)
    found = []
    for point in points(example, {name: start[name] for name in values}):
        logp, gradient = f(point)
        if not (np.isfinite(logp) and np.isfinite(gradient).all()):
            raise ValueError(f"not finite: {logp}, {gradient}")
        kept = gradient if gradient.size <= LONG else projections(gradient.size) @ gradient
        found.append({"logp": float(logp), "gradient": kept.tolist()})
    return {
        "start": {name: {"shape": list(np.shape(start[name])), "value": np.ravel(start[name]).tolist()} for name in values},
        "continuous": [v.name for v in model.continuous_value_vars],
        "points": found,
    }


def main(names: list[str]) -> None:
    kept = json.loads(WHERE.read_text())["models"] if names and WHERE.exists() else {}
    failed = {}
    for name in names or MODELS:
        try:
            kept[name] = reference(MODELS[name])
            print(name, flush=True)
        except Exception as error:
            failed[name] = f"{type(error).__name__}: {str(error)[:500]}"
            print(name, "FAILED", failed[name], flush=True)
    source = f"PyMC {pm.__version__}, PyTensor {pytensor.__version__}, NumPy {np.__version__}"
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(kept[name])}" for name in MODELS if name in kept)
    WHERE.write_text(f'{{"source": {json.dumps(source)}, "models": {{\n{lines}\n}}}}\n')
    if failed:
        raise SystemExit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main(sys.argv[1:])
