"""Make tests/reference/gp.json: what PyMC says of the covariance functions and processes of gp_cases.py.

    pip install -r benchmarks/peers-requirements.txt
    python tests/reference/make_gp.py [covariances] [densities] [marginals] [priors]

Covariances at inputs, between two sets and on the diagonal; spectral densities; of models log-density and gradient at a point, and
means and covariances of predictions. Compiled without fusion, which loses digits, and in double precision throughout.
"""

import json
import os
import sys
import warnings
from pathlib import Path

os.environ["PYTENSOR_FLAGS"] = "cxx=,linker=py,optimizer_excluding=fusion:inplace,cast_policy=numpy+floatX"

import numpy as np
import pymc as pm
import pytensor
from gp_cases import COVARIANCES, DENSITIES, GRID, MARGINALS, NEW, PRIORS, SOME, point_of

MODE = pytensor.compile.mode.Mode(linker="py", optimizer="fast_run").excluding("fusion", "inplace")
warnings.simplefilter("ignore")
WHERE = Path(__file__).with_name("gp.json")


def values(*expressions):
    return [np.asarray(x.eval(mode=MODE)).tolist() for x in expressions]


def covariances():
    found = {}
    for name, (make, x, xs) in COVARIANCES.items():
        cov = make(pm.gp.cov)
        found[name] = values(cov(x), cov(x, xs), cov(x, diag=True))
    return found


def densities():
    found = {}
    for name, (make, omega) in DENSITIES.items():
        cov = make(pm.gp.cov)
        (found[name],) = values(cov.power_spectral_density_approx(np.arange(6)) if omega is None else cov.power_spectral_density(omega))
    return found


def slopes(model):
    point = point_of({v.name: model.initial_point()[v.name] for v in model.value_vars})
    logp, gradient = model.compile_fn([model.logp(), model.dlogp()], inputs=model.value_vars, mode=MODE)(point)
    return {"values": [v.name for v in model.value_vars], "logp": float(logp), "gradient": gradient.tolist()}


def marginals():
    found = {}
    for name, build in MARGINALS.items():
        model, gp = build(pm)
        new = pm.math.cartesian(*GRID)[:3] + 0.1 if name == "kron" else NEW
        found[name] = slopes(model)
        predictions = {}
        # PyMC adds the standard deviation of the noise on a grid, where its variance belongs.
        for diag, noise in [(False, False), (True, False)] + ([] if name == "kron" else [(False, True), (True, True)]):
            mean, cov = gp.predict(new, point=SOME, diag=diag, pred_noise=noise, model=model)
            predictions[f"diag={diag} noise={noise}"] = [np.asarray(mean).tolist(), np.asarray(cov).tolist()]
        found[name]["predictions"] = predictions
    return found


def priors():
    found = {}
    for name, build in PRIORS.items():
        model = build(pm)
        found[name] = slopes(model)
        if "f_new" in model.named_vars:
            f = model.compile_fn(model.replace_rvs_by_values([model["f"], model["f_new"]]), inputs=model.value_vars, mode=MODE, on_unused_input="ignore")
            found[name]["functions"] = [x.tolist() for x in f(point_of({v.name: model.initial_point()[v.name] for v in model.value_vars}))]
    return found


def main(names):
    parts = json.loads(WHERE.read_text()) if names else {}
    parts.pop("source", None)
    for made in (covariances, densities, marginals, priors):
        if names and made.__name__ not in names:
            continue
        parts[made.__name__] = made()
        print(made.__name__, flush=True)
        write(parts)


def write(parts):
    source = f"PyMC {pm.__version__}, PyTensor {pytensor.__version__}, NumPy {np.__version__}"
    lines = ",\n".join(
        f"{json.dumps(part)}: {{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in kept.items()) + "\n}" for part, kept in parts.items()
    )
    WHERE.write_text(f'{{"source": {json.dumps(source)},\n{lines}\n}}\n')


if __name__ == "__main__":
    main(sys.argv[1:])
