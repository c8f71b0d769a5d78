"""Make tests/reference/co2.json: what PyMC's model of Mauna Loa's carbon dioxide says of its parameters, sampled by nutpie.

    pip install -r benchmarks/peers-requirements.txt
    python tests/reference/make_co2.py

Of each parameter's logarithm: posterior mean and standard deviation, with their Monte Carlo standard errors.
"""

import json
from pathlib import Path

import arviz as az
import numpy as np
import nutpie
import pymc as pm
from co2_case import NAMES, co2

if __name__ == "__main__":
    compiled = nutpie.compile_pymc_model(co2(pm))
    idata = nutpie.sample(compiled, chains=4, tune=1000, draws=1500, target_accept=0.95, seed=1, progress_bar=False, cores=1)
    logs = np.log(idata.posterior[list(NAMES)])
    table = az.summary(logs, round_to="none")
    found = {n: [float(table.loc[n, c]) for c in ("mean", "sd", "mcse_mean", "mcse_sd")] for n in NAMES}
    about = {"pymc": pm.__version__, "nutpie": nutpie.__version__, "r_hat": float(table["r_hat"].max()), "ess": float(table["ess_bulk"].min()), "diverging": int(idata.sample_stats.diverging.sum())}
    Path(__file__).with_name("co2.json").write_text(json.dumps({"source": about, "logarithms": found}, indent=1) + "\n")
    print(about)
