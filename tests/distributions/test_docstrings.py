"""The docstrings of distributions: the formula that each shows is its density, evaluated as it stands there with SciPy's functions."""

import inspect
import re

import numpy as np
import pytest
from scipy import special, stats

import workbench as pm
from workbench.transforms.logprob import logp

WORDS = {
    "B": special.beta, "C": special.binom, "Gamma": special.gamma, "I0": special.i0, "Phi": stats.norm.cdf, "phi": stats.norm.pdf, "abs": abs, "cos": np.cos,
    "det": np.linalg.det, "exp": np.exp, "factorial": special.factorial, "inv": np.linalg.inv, "iv": special.iv, "log": np.log, "max": max, "min": min, "pi": np.pi,
    "prod": np.prod, "sign": np.sign, "sqrt": np.sqrt, "sum": np.sum,
}  # fmt: skip
MATRIX = np.array([[1.0, 0.3], [0.3, 2.0]])
CASES = {
    "AsymmetricLaplace": (dict(kappa=1.5, mu=0.3, b=0.7), [-1.0, 0.5, 2.0]), "Bernoulli": (dict(p=0.3), [0, 1]),
    "Beta": (dict(alpha=2.0, beta=3.5), [0.1, 0.8]), "BetaBinomial": (dict(alpha=2.0, beta=3.5, n=6), [0, 2, 6]), "Binomial": (dict(n=6, p=0.3), [0, 2, 6]),
    "Categorical": (dict(p=[0.2, 0.5, 0.3]), [0, 1, 2]), "Cauchy": (dict(alpha=0.5, beta=2.0), [-3.0, 0.5, 1.0]), "ChiSquared": (dict(nu=3.5), [0.2, 4.0]),
    "Dirichlet": (dict(a=[1.5, 2.0, 3.0]), [[0.2, 0.3, 0.5]]), "DirichletMultinomial": (dict(n=6, a=[1.5, 2.0, 3.0]), [[1, 2, 3], [0, 6, 0]]),
    "DiscreteUniform": (dict(lower=2, upper=5), [2, 3, 5]), "DiscreteWeibull": (dict(q=0.8, beta=1.3), [0, 1, 4]),
    "ExGaussian": (dict(mu=0.2, sigma=1.1, nu=1.7), [-1.0, 0.5, 3.0]), "Exponential": (dict(lam=1.7), [0.1, 2.0]), "Gamma": (dict(alpha=2.5, beta=1.3), [0.3, 2.0]),
    "Geometric": (dict(p=0.3), [1, 2, 5]), "Gumbel": (dict(mu=0.4, beta=1.3), [-1.0, 2.0]), "HalfCauchy": (dict(beta=1.3), [0.1, 3.0]),
    "HalfNormal": (dict(sigma=1.3), [0.1, 3.0]), "HalfStudentT": (dict(nu=3.0, sigma=1.3), [0.1, 3.0]), "HurdleGamma": (dict(psi=0.7, alpha=2.5, beta=1.3), [0.3, 2.0]),
    "HurdleLogNormal": (dict(psi=0.7, mu=0.2, sigma=0.8), [0.3, 2.0]), "HurdleNegativeBinomial": (dict(psi=0.7, mu=2.5, alpha=1.4), [1, 4]),
    "HurdlePoisson": (dict(psi=0.7, mu=2.5), [1, 4]), "HyperGeometric": (dict(N=20, k=7, n=5), [0, 2, 5]), "InverseGamma": (dict(alpha=2.5, beta=1.3), [0.3, 2.0]),
    "Kumaraswamy": (dict(a=2.0, b=3.5), [0.1, 0.8]), "Laplace": (dict(mu=0.3, b=1.2), [-1.0, 2.0]), "LogNormal": (dict(mu=0.2, sigma=0.8), [0.3, 2.0]),
    "Logistic": (dict(mu=0.3, s=1.2), [-1.0, 2.0]), "LogitNormal": (dict(mu=0.2, sigma=0.8), [0.3, 0.9]), "Moyal": (dict(mu=0.2, sigma=0.8), [-0.5, 2.0]), "Chi": (dict(nu=2.5), [0.3, 2.0]), "Maxwell": (dict(a=1.5), [0.3, 4.0]), "GenExtreme": (dict(mu=0.2, sigma=0.8, xi=0.3), [-0.5, 2.0]),
    "Skellam": (dict(mu1=2.5, mu2=1.5), [-3, 0, 2]), "GeneralizedPoisson": (dict(mu=2.5, lam=0.3), [0, 1, 4]), "BetaNegativeBinomial": (dict(alpha=2.0, beta=3.5, r=1.5), [0, 2, 6]),
    "Multinomial": (dict(n=6, p=[0.2, 0.5, 0.3]), [[1, 2, 3], [0, 6, 0]]), "MvNormal": (dict(mu=[0.5, 1.0], cov=MATRIX), [[0.0, 1.0]]),
    "MvStudentT": (dict(nu=4.0, mu=[0.5, 1.0], scale=MATRIX), [[0.0, 1.0]]), "NegativeBinomial": (dict(mu=2.5, alpha=1.4), [0, 1, 4]),
    "Normal": (dict(mu=0.3, sigma=1.2), [-1.0, 2.0]), "Pareto": (dict(alpha=2.5, m=1.3), [1.4, 5.0]), "Poisson": (dict(mu=2.5), [0, 1, 4]),
    "Rice": (dict(nu=1.5, sigma=1.2), [0.3, 2.0]), "SkewNormal": (dict(alpha=2.0, mu=0.3, sigma=1.2), [-1.0, 2.0]),
    "SkewStudentT": (dict(a=2.0, b=3.0, mu=0.3, sigma=1.2), [-1.0, 2.0]), "StudentT": (dict(nu=3.0, mu=0.3, sigma=1.2), [-1.0, 2.0]),
    "Triangular": (dict(lower=-1.0, upper=4.0, c=1.0), [0.0, 1.0, 3.0]), "TruncatedNormal": (dict(mu=0.3, sigma=1.2, lower=-1.0, upper=2.0), [-0.5, 1.5]),
    "Uniform": (dict(lower=-1.0, upper=4.0), [0.0, 3.0]), "VonMises": (dict(mu=0.3, kappa=1.2), [-1.0, 2.0]), "Wald": (dict(mu=1.5, lam=2.0, alpha=0.5), [0.8, 3.0]),
    "Weibull": (dict(alpha=1.5, beta=2.0), [0.3, 2.0]), "ZeroInflatedBinomial": (dict(psi=0.7, n=6, p=0.3), [0, 2, 6]),
    "ZeroInflatedNegativeBinomial": (dict(psi=0.7, mu=2.5, alpha=1.4), [0, 1, 4]), "ZeroInflatedPoisson": (dict(psi=0.7, mu=2.5), [0, 1, 4]),
}  # fmt: skip
NOT_EVALUATED = {"CAR", "ICAR", "LKJCorr", "LKJCholeskyCov", "MatrixNormal", "Mixture", "NormalMixture", "Truncated", "Wishart", "ZeroSumNormal"}
"""Shown in words, up to a factor, or of functions and matrices that the text says nothing more of."""
PUBLIC = {n: getattr(pm, n) for n in pm.__all__ if isinstance(getattr(pm, n), type) and issubclass(getattr(pm, n), pm.Distribution) and n != "Distribution"}


def formula(name):
    """What the docstring of a distribution says: the density, what its words stand for, and where it holds."""
    doc = inspect.getdoc(PUBLIC[name])
    found = re.search(r"^ +f\(x\) = (.*?)\n\n", doc, re.S | re.M)
    if found is None:
        return None
    text = " ".join(found[1].split()).partition("; ")[0]
    density, _, where = text.partition(", for ")
    density, _, words = density.partition(", with ")
    return density, words.split(" and ") if words else [], where


def evaluated(text, names):
    text = re.sub(r"(\b\w+)!", r"factorial(\1)", text)
    return eval(text, {**WORDS, **names})


@pytest.mark.parametrize("name", CASES)
def test_the_formula_is_the_density(name):
    parameters, points = CASES[name]
    density, words, _ = formula(name)
    x = PUBLIC[name].dist(**parameters)
    arrays = {n: np.asarray(p) if np.ndim(p) else p for n, p in parameters.items()}
    for point in points:
        names = {**arrays, "x": np.asarray(point) if np.ndim(point) else point, "k": np.shape(point)[-1] if np.ndim(point) else arrays.get("k")}
        for word in reversed(words):
            left, _, right = word.partition(" = ")
            names[left] = evaluated(right, names)
        assert np.log(evaluated(density, names)) == pytest.approx(float(logp(x, point).eval()), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("name", CASES)
def test_there_is_no_density_outside_of_the_support(name):
    parameters, points = CASES[name]
    where = formula(name)[2]
    assert where
    if where == "any x" or np.ndim(points[0]) or name.startswith("Hurdle"):
        return
    names = {**parameters, "k": len(parameters["p"]) if name == "Categorical" else parameters.get("k")}
    if where.startswith("x = "):
        pieces = re.split(r", (?![^(]*\))", where.removeprefix("x = "))
        outside = [evaluated(pieces[0], names) - 1]
        assert all(evaluated(p, names) is not None for p in pieces if p != "...")
        outside += [] if pieces[-1] == "..." else [evaluated(pieces[-1], names) + 1]
    else:
        bounds = [evaluated(b, names) for b in re.split(r" <=? | >=? ", where) if b != "x"]
        outside = [bounds[0] - 0.01, *(b + 0.01 for b in bounds[1:])]
    for x in outside:
        assert float(logp(PUBLIC[name].dist(**parameters), x).eval()) == -np.inf, x


@pytest.mark.parametrize("name", PUBLIC)
def test_a_docstring_has_parameters_and_an_example_and_is_plain_text(name):
    doc = inspect.getdoc(PUBLIC[name])
    own = [n for n, p in inspect.signature(PUBLIC[name]).parameters.items() if p.kind is not p.KEYWORD_ONLY and n != "name"]
    section = doc.partition("Parameters\n----------\n")[2].partition("\n\n")[0]
    listed = {n for line in section.splitlines() if not line.startswith(" ") for n in line.split(", ")}
    assert not set(own) - listed - {"max_n_steps"}
    assert "Examples\n--------\n>>> " in doc
    assert "\\" not in doc
    assert ":math:" not in doc
    assert formula(name) is None or PUBLIC[name].__name__ in {*CASES, *NOT_EVALUATED}
