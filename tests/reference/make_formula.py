"""Make tests/reference/formula.json: what bambi and statsmodels say of models from formulas.

    pip install -r benchmarks/peers-requirements.txt bambi
    python tests/reference/make_formula.py

Log-densities of bambi's variables at the point where its model starts; estimates of statsmodels' mixed linear model of the radon data (REML);
bambi's predictors of new rows, for three draws from its prior.
"""

import json
from pathlib import Path

import arviz
import bambi
import numpy as np
import pandas as pd
import statsmodels
import statsmodels.formula.api as smf

HERE = Path(__file__).parent
DATA = {
    "y": [1.0, 2.0, 4.0, 3.0, 2.5, 1.0], "n": [0, 2, 4, 3, 1, 0], "b": [0, 1, 1, 0, 1, 0], "x": [0.0, 1.0, 2.0, 1.5, 3.0, 1.0],
    "g": list("aabbcc"), "k": list("uvwuvw"),
}  # fmt: skip
FORMULAS = {
    "gaussian": "y ~ x + k + (1 + x | g)", "t": "y ~ x + (1 | g)", "bernoulli": "b ~ x + k + (1 | g)", "poisson": "n ~ x + k + (x | g)",
    "negativebinomial": "n ~ x",
}  # fmt: skip
NEW = {"x": [0.5, 2.5, 4.0, 1.0], "g": list("caca"), "k": list("wuww")}
"""Not all levels and groups, in another order, and numbers that lie outside."""


def predictions() -> dict[str, object]:
    """Draws from a prior, and the predictors of new rows given each."""
    formula = "y ~ x + k + x:k + (1 + x | g)"
    model = bambi.Model(formula, pd.DataFrame(DATA))
    model.build()
    drawn = model.prior_predictive(draws=3, random_seed=1).prior.drop_vars("mu")
    found = model.predict(arviz.InferenceData(posterior=drawn), data=pd.DataFrame(NEW), inplace=False)
    return {"formula": formula, "new": NEW, "draws": {str(n): x.values[0].tolist() for n, x in drawn.items()}, "mu": found.posterior["mu"].values[0].tolist()}


if __name__ == "__main__":
    densities = {}
    for family, formula in FORMULAS.items():
        model = bambi.Model(formula, pd.DataFrame(DATA), family=family)
        model.build()
        found = model.backend.model
        densities[family] = {"formula": formula, "logps": {k: float(v) for k, v in found.point_logps(round_vals=12).items()}}
    radon = pd.read_csv(HERE.parents[1] / "workbench" / "datasets" / "data" / "radon.csv")
    fit = smf.mixedlm("log_radon ~ floor", radon, groups=radon["county"]).fit(reml=True)
    mixed = {"fixed": fit.fe_params.to_dict(), "errors": {k: float(fit.bse[k]) for k in fit.fe_params.index}, "sigma": float(np.sqrt(fit.scale)), "groups": float(np.sqrt(fit.cov_re.iloc[0, 0]))}
    made = {"source": f"bambi {bambi.__version__}, statsmodels {statsmodels.__version__}", "data": DATA, "densities": densities, "radon": mixed, "predictions": predictions()}
    (HERE / "formula.json").write_text(json.dumps(made, indent=1) + "\n")
