"""Make tests/reference/co2.json: what PyMC's model of Mauna Loa's carbon dioxide says at random points.

    pip install -r benchmarks/peers-requirements.txt
    python tests/reference/make_co2.py
"""

import json
from pathlib import Path

import numpy as np
import pymc as pm
import pytensor
from co2_case import co2

pytensor.config.cast_policy = "numpy+floatX"
MODE = pytensor.compile.mode.Mode(linker="py", optimizer="fast_run").excluding("fusion", "inplace")

if __name__ == "__main__":
    model = co2(pm)
    f = model.compile_fn([model.logp(), model.dlogp()], inputs=model.value_vars, mode=MODE)
    draws, start, points = np.random.default_rng(1), model.initial_point(), []
    for _ in range(4):
        point = {v.name: start[v.name] + 0.2 * draws.normal() for v in model.value_vars}
        point["period"] = 1.0 + 0.01 * draws.normal()
        logp, gradient = f(point)
        points.append({"point": {k: float(v) for k, v in point.items()}, "logp": float(logp), "gradient": gradient.tolist()})
    Path(__file__).with_name("co2.json").write_text(json.dumps({"source": f"PyMC {pm.__version__}", "points": points}, indent=1) + "\n")
