"""Make continuous.json: what PyMC says of each continuous distribution, for tests to compare with.

Run it where PyMC is installed: ``python tests/reference/make_continuous.py``. Per case: the name of the
value in a model and where it starts, the log-density of the model at unconstrained values, and the
log-density at points in the variable's own space; null for that of PolyaGamma, for which PyMC needs a
further package. Distribution functions and quantiles are compared with SciPy's: PyMC's lose digits.
"""

import json
import warnings
from pathlib import Path

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt

# By default PyTensor keeps a Python number in single precision where that loses nothing, and then
# takes its logarithm in single precision.
pytensor.config.cast_policy = "numpy+floatX"
warnings.filterwarnings("ignore")

UNCONSTRAINED = [-1.3, 0.4, 2.0]
POINTS = [-7.0, -3.0, -1.0, -0.25, 0.0, 0.001, 0.1, 0.3, 0.5, 0.75, 0.99, 1.0, 1.5, 2.0, 2.5, 3.0, 3.0001, 7.0]

CASES = [
    ("Normal", {}),
    ("Normal", {"mu": 1.5, "sigma": 2.0}),
    ("Normal", {"mu": 1.5, "tau": 0.25}),
    ("HalfNormal", {}),
    ("HalfNormal", {"sigma": 1.5}),
    ("HalfNormal", {"tau": 0.25}),
    ("TruncatedNormal", {"mu": 0.5, "sigma": 2.0}),
    ("TruncatedNormal", {"mu": 0.5, "sigma": 2.0, "lower": -1.0}),
    ("TruncatedNormal", {"mu": 0.5, "sigma": 2.0, "upper": 1.0}),
    ("TruncatedNormal", {"mu": 0.5, "tau": 0.25, "lower": -1.0, "upper": 2.5}),
    ("StudentT", {"nu": 3.5}),
    ("StudentT", {"nu": 3.5, "mu": 1.0, "sigma": 2.0}),
    ("StudentT", {"nu": 3.5, "mu": 1.0, "lam": 2.0}),
    ("HalfStudentT", {"nu": 3.5}),
    ("HalfStudentT", {"nu": 3.5, "sigma": 2.0}),
    ("HalfStudentT", {"nu": 3.5, "lam": 2.0}),
    ("Cauchy", {"alpha": 0.5, "beta": 2.0}),
    ("HalfCauchy", {"beta": 2.0}),
    ("Laplace", {"mu": 0.5, "b": 2.0}),
    ("AsymmetricLaplace", {"kappa": 0.7, "mu": 0.5, "b": 2.0}),
    ("AsymmetricLaplace", {"q": 0.3, "mu": 0.5, "b": 2.0}),
    ("Logistic", {}),
    ("Logistic", {"mu": 0.5, "s": 2.0}),
    ("LogitNormal", {}),
    ("LogitNormal", {"mu": 0.5, "sigma": 2.0}),
    ("LogitNormal", {"mu": 0.5, "tau": 2.0}),
    ("LogNormal", {}),
    ("LogNormal", {"mu": 0.5, "sigma": 0.7}),
    ("LogNormal", {"mu": 0.5, "tau": 2.0}),
    ("Exponential", {}),
    ("Exponential", {"lam": 2.5}),
    ("Exponential", {"scale": 2.5}),
    ("Gamma", {"alpha": 2.5, "beta": 1.5}),
    ("Gamma", {"alpha": 0.5, "beta": 1.5}),
    ("Gamma", {"alpha": 1.0, "beta": 1.5}),
    ("Gamma", {"mu": 2.5, "sigma": 1.5}),
    ("InverseGamma", {"alpha": 2.5, "beta": 1.5}),
    ("InverseGamma", {"alpha": 0.5, "beta": 1.5}),
    ("InverseGamma", {"alpha": 2.5}),
    ("InverseGamma", {"mu": 2.5, "sigma": 1.5}),
    ("ChiSquared", {"nu": 3.0}),
    ("Weibull", {"alpha": 1.5, "beta": 2.0}),
    ("Weibull", {"alpha": 0.5, "beta": 2.0}),
    ("Weibull", {"alpha": 1.0, "beta": 2.0}),
    ("Beta", {"alpha": 2.5, "beta": 1.5}),
    ("Beta", {"alpha": 0.5, "beta": 0.5}),
    ("Beta", {"alpha": 1.0, "beta": 1.0}),
    ("Beta", {"mu": 0.3, "sigma": 0.2}),
    ("Beta", {"mu": 0.3, "nu": 5.0}),
    ("Kumaraswamy", {"a": 2.5, "b": 1.5}),
    ("Kumaraswamy", {"a": 0.5, "b": 0.5}),
    ("Kumaraswamy", {"a": 1.0, "b": 1.0}),
    ("Uniform", {}),
    ("Uniform", {"lower": -1.0, "upper": 3.0}),
    ("Triangular", {}),
    ("Triangular", {"lower": -1.0, "c": 0.5, "upper": 3.0}),
    ("Triangular", {"lower": -1.0, "c": -1.0, "upper": 3.0}),
    ("Triangular", {"lower": -1.0, "c": 3.0, "upper": 3.0}),
    ("Pareto", {"alpha": 2.5, "m": 1.5}),
    ("Gumbel", {"mu": 0.5, "beta": 2.0}),
    ("Moyal", {}),
    ("Moyal", {"mu": 0.5, "sigma": 2.0}),
    ("ExGaussian", {"nu": 1.5}),
    ("ExGaussian", {"mu": 0.5, "sigma": 2.0, "nu": 1.5}),
    ("SkewNormal", {}),
    ("SkewNormal", {"mu": 0.5, "sigma": 2.0, "alpha": -1.5}),
    ("SkewNormal", {"mu": 0.5, "tau": 2.0, "alpha": 1.5}),
    ("SkewStudentT", {"a": 2.0, "b": 3.0}),
    ("SkewStudentT", {"a": 2.0, "b": 3.0, "mu": 0.5, "sigma": 2.0}),
    ("SkewStudentT", {"a": 2.0, "b": 3.0, "mu": 0.5, "lam": 2.0}),
    ("VonMises", {}),
    ("VonMises", {"mu": 0.5, "kappa": 2.0}),
    ("Wald", {"mu": 1.5}),
    ("Wald", {"mu": 1.5, "lam": 2.0}),
    ("Wald", {"mu": 1.5, "phi": 2.0}),
    ("Wald", {"lam": 1.5, "phi": 2.0}),
    ("Wald", {"mu": 1.5, "lam": 2.0, "alpha": 0.1}),
    ("Rice", {"nu": 1.5}),
    ("Rice", {"nu": 1.5, "sigma": 2.0}),
    ("Rice", {"b": 1.5, "sigma": 2.0}),
    ("Rice", {"nu": 0.0, "sigma": 1.0}),
    ("Interpolated", {"x_points": [-1.0, 0.5, 1.0, 2.0], "pdf_points": [0.0, 1.0, 0.25, 2.0]}),
    ("PolyaGamma", {"h": 1.0, "z": 0.0}),
    ("PolyaGamma", {"h": 2.5, "z": -1.5}),
    ("Flat", {}),
    ("HalfFlat", {}),
]


def values(function, points):
    try:
        x = pt.dscalar("x")
        run = pytensor.function([x], function(x), mode="FAST_COMPILE", on_unused_input="ignore")
        return [float(run(p)) for p in points]
    except (NotImplementedError, RuntimeError):
        return None


def reference(name, parameters):
    cls, given = getattr(pm, name), {k: np.asarray(v, "float64") for k, v in parameters.items()}
    with pm.Model() as model:
        cls("x", **given)
    (value,) = model.value_vars
    return {
        "name": name,
        "parameters": parameters,
        "value": value.name,
        "start": float(model.initial_point()[value.name]),
        "model_logp": values(lambda x: pytensor.clone_replace(model.logp(), {value: x}), UNCONSTRAINED),
        "logp": values(lambda x: pm.logp(cls.dist(**given), x), POINTS),
    }


if __name__ == "__main__":
    found = {
        "pymc": pm.__version__, "unconstrained": UNCONSTRAINED, "points": POINTS,
        "cases": [reference(*case) for case in CASES],
    }  # fmt: skip
    Path(__file__).with_name("continuous.json").write_text(json.dumps(found, indent=None, separators=(",", ":")).replace('{"name"', '\n{"name"') + "\n")
