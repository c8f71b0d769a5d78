"""Every check of every distribution says the parameter, its value and where it is: never "got" and nothing.

The cases are the domains that the distributions' definitions give: a number outside of each, as a constant, as one element of
an array, as a random variable's value, and by another parametrisation.
"""

import re

import numpy as np
import pytest

import workbench as pm

I2 = np.eye(2)
START = pm.Normal.dist(0.0, 1.0)

# The distribution, good parameters, and for each what is outside of its domain.
BAD = [
    (pm.AsymmetricLaplace, dict(kappa=1.0, mu=0.0, b=1.0), dict(kappa=-1.0, b=-1.0)),
    (pm.Bernoulli, dict(p=0.5), dict(p=1.5)),
    (pm.Beta, dict(alpha=1.0, beta=1.0), dict(alpha=-1.0, beta=0.0)),
    (pm.BetaBinomial, dict(alpha=1.0, beta=1.0, n=3), dict(alpha=-1.0, beta=-1.0, n=-1)),
    (pm.Binomial, dict(n=3, p=0.5), dict(n=-3, p=-0.1)),
    (pm.Cauchy, dict(alpha=0.0, beta=1.0), dict(beta=-1.0)),
    (pm.ChiSquared, dict(nu=1.0), dict(nu=-1.0)),
    (pm.DiscreteUniform, dict(lower=0, upper=3), dict(lower=5)),
    (pm.DiscreteWeibull, dict(q=0.5, beta=1.0), dict(q=1.5, beta=-1.0)),
    (pm.ExGaussian, dict(mu=0.0, sigma=1.0, nu=1.0), dict(sigma=-1.0, nu=-1.0)),
    (pm.Exponential, dict(lam=1.0), dict(lam=-1.0)),
    (pm.GARCH11, dict(omega=1.0, alpha_1=0.2, beta_1=0.2, initial_vol=1.0, shape=3), dict(omega=-1.0, alpha_1=-0.1, beta_1=-0.1)),
    (pm.Gamma, dict(alpha=1.0, beta=1.0), dict(alpha=-1.0, beta=-1.0)),
    (pm.Geometric, dict(p=0.5), dict(p=0.0)),
    (pm.Gumbel, dict(mu=0.0, beta=1.0), dict(beta=-1.0)),
    (pm.HalfCauchy, dict(beta=1.0), dict(beta=-1.0)),
    (pm.HalfNormal, dict(sigma=1.0), dict(sigma=-1.0)),
    (pm.HalfStudentT, dict(nu=1.0, sigma=1.0), dict(nu=-1.0, sigma=-1.0)),
    (pm.HurdleGamma, dict(psi=0.5, alpha=1.0, beta=1.0), dict(psi=1.5, alpha=-1.0, beta=-1.0)),
    (pm.HurdleLogNormal, dict(psi=0.5, mu=0.0, sigma=1.0), dict(psi=-0.5, sigma=-1.0)),
    (pm.HurdleNegativeBinomial, dict(psi=0.5, mu=1.0, alpha=1.0), dict(psi=1.5, mu=-1.0, alpha=-1.0)),
    (pm.HurdlePoisson, dict(psi=0.5, mu=1.0), dict(psi=1.5, mu=-1.0)),
    (pm.HyperGeometric, dict(N=10, k=4, n=3), dict(N=-1, k=20, n=30)),
    (pm.InverseGamma, dict(alpha=1.0, beta=1.0), dict(alpha=-1.0, beta=-1.0)),
    (pm.Kumaraswamy, dict(a=1.0, b=1.0), dict(a=-1.0, b=-1.0)),
    (pm.Laplace, dict(mu=0.0, b=1.0), dict(b=-1.0)),
    (pm.LogNormal, dict(mu=0.0, sigma=1.0), dict(sigma=-1.0)),
    (pm.Logistic, dict(mu=0.0, s=1.0), dict(s=-1.0)),
    (pm.LogitNormal, dict(mu=0.0, sigma=1.0), dict(sigma=-1.0)),
    (pm.BetaNegativeBinomial, dict(alpha=1.0, beta=1.0, r=1.0), dict(alpha=-1.0, beta=0.0, r=-1.0)),
    (pm.GeneralizedPoisson, dict(mu=1.0, lam=0.1), dict(mu=-1.0, lam=1.5)),
    (pm.Skellam, dict(mu1=1.0, mu2=2.0), dict(mu1=-1.0, mu2=-2.0)),
    (pm.Chi, dict(nu=1.0), dict(nu=-1.0)),
    (pm.GenExtreme, dict(mu=0.0, sigma=1.0, xi=0.1), dict(sigma=-1.0)),
    (pm.Maxwell, dict(a=1.0), dict(a=-1.0)),
    (pm.Moyal, dict(mu=0.0, sigma=1.0), dict(sigma=-1.0)),
    (pm.NegativeBinomial, dict(mu=1.0, alpha=1.0), dict(mu=-1.0, alpha=-1.0)),
    (pm.Normal, dict(mu=0.0, sigma=1.0), dict(sigma=-1.0)),
    (pm.Pareto, dict(alpha=1.0, m=1.0), dict(alpha=-1.0, m=-1.0)),
    (pm.Poisson, dict(mu=1.0), dict(mu=-1.0)),
    (pm.PolyaGamma, dict(h=1.0, z=0.0), dict(h=-1.0)),
    (pm.Rice, dict(nu=1.0, sigma=1.0), dict(nu=-1.0, sigma=-1.0)),
    (pm.SkewNormal, dict(mu=0.0, sigma=1.0, alpha=1.0), dict(sigma=-1.0)),
    (pm.SkewStudentT, dict(a=1.0, b=1.0, mu=0.0, sigma=1.0), dict(a=-1.0, b=-1.0, sigma=-1.0)),
    (pm.StudentT, dict(nu=1.0, mu=0.0, sigma=1.0), dict(nu=-1.0, sigma=-1.0)),
    (pm.Triangular, dict(lower=0.0, c=0.5, upper=1.0), dict(lower=2.0, c=3.0)),
    (pm.TruncatedNormal, dict(mu=0.0, sigma=1.0, lower=0.0, upper=1.0), dict(sigma=-1.0, lower=2.0)),
    (pm.Uniform, dict(lower=0.0, upper=1.0), dict(lower=2.0)),
    (pm.VonMises, dict(mu=0.0, kappa=1.0), dict(kappa=-1.0)),
    (pm.Wald, dict(mu=1.0, lam=1.0), dict(mu=-1.0, lam=-1.0)),
    (pm.Weibull, dict(alpha=1.0, beta=1.0), dict(alpha=-1.0, beta=-1.0)),
    (pm.ZeroInflatedBinomial, dict(psi=0.5, n=3, p=0.5), dict(psi=1.5, n=-1, p=2.0)),
    (pm.ZeroInflatedNegativeBinomial, dict(psi=0.5, mu=1.0, alpha=1.0), dict(psi=1.5, mu=-1.0, alpha=-1.0)),
    (pm.ZeroInflatedPoisson, dict(psi=0.5, mu=1.0), dict(psi=1.5, mu=-1.0)),
]
CASES = [(d, good, name, bad) for d, good, wrong in BAD for name, bad in wrong.items()]
VECTORS = [
    (lambda: pm.Dirichlet.dist([1.0, -2.0]), r"a = \[ 1\. -2\.\]"),
    (lambda: pm.Categorical.dist([0.5, -0.5]), r"-0\.5"),
    (lambda: pm.Multinomial.dist(3, [1.5, -0.5]), r"p = \[ 1\.5 -0\.5\]"),
    (lambda: pm.DirichletMultinomial.dist(3, [1.0, -2.0]), r"a = \[ 1\. -2\.\]"),
    (lambda: pm.NormalMixture.dist([0.5, 0.4], [0.0, 1.0], 1.0), r"w = \[0\.5 0\.4\]"),
    (lambda: pm.MvNormal.dist([0.0, 0.0], cov=-I2), r"cov = \[\[-1\."),
    (lambda: pm.Wishart.dist(-5.0, I2), r"nu = -5\.0"),
    (lambda: pm.Truncated.dist(pm.Gamma.dist(1.0, 1.0), lower=3.0, upper=2.0), r"lower = 3\.0, upper = 2\.0"),
    (lambda: pm.Censored.dist(pm.Normal.dist(1.0, 1.0), lower=3.0, upper=2.0), r"lower = 3\.0, upper = 2\.0"),
    (lambda: pm.AR.dist([0.5], sigma=-1.0, init_dist=START, shape=3), r"sigma = -1\.0"),
    (lambda: pm.GaussianRandomWalk.dist(0.0, -1.0, init_dist=START, shape=3), r"sigma = -1\.0"),
    (lambda: pm.ZeroSumNormal.dist(-1.0, shape=3), r"sigma = -1\.0"),
    (lambda: pm.StickBreakingWeights.dist(-1.0, 3), r"alpha = -1\.0"),
    (lambda: pm.OrderedProbit.dist(0.0, [0.0, 1.0], sigma=-1.0), r"-1\."),
    (lambda: pm.CAR.dist([0.0, 0.0], np.array([[0, 1], [1, 0]]), 2.0, 1.0), r"alpha = 2\.0"),
    (lambda: pm.LKJCorr.dist(2, -1.0), r"eta = -1\.0"),
]  # fmt: skip
BY_OTHERS = [
    (lambda: pm.Normal.dist(0.0, tau=-4.0), r"sigma = nan \(from tau = -4\.0\)"),
    (lambda: pm.Gamma.dist(mu=-1.0, sigma=2.0), r"(alpha|beta) = -0\.\d+.* \(from mu = -1\.0, sigma = 2\.0\)"),
    (lambda: pm.Gamma.dist(mu=[1.0, -3.0], sigma=2.0), r"beta = -0\.75 at index 1 \(from mu = \[ 1\. -3\.\], sigma = 2\.0\)"),
    (lambda: pm.Beta.dist(mu=1.5, nu=2.0), r"beta = -1\.0 \(from mu = 1\.5, nu = 2\.0\)"),
    (lambda: pm.NegativeBinomial.dist(n=3.0, p=1.5), r"mu = -1\.0 \(from n = 3\.0, p = 1\.5\)"),
    (lambda: pm.Exponential.dist(scale=-2.0), r"lam = -0\.5 \(from scale = -2\.0\)"),
    (lambda: pm.Wald.dist(mu=-1.0, phi=2.0), r"mu = -1\.0"),
    (lambda: pm.InverseGamma.dist(mu=-1.0, sigma=1.0), r"beta = -2\.0 \(from mu = -1\.0, sigma = 1\.0\)"),
]


def describes(case):
    return f"{case[0].__name__}.{case[2]}" if len(case) == 4 else ""


def says(error, value):
    """Whether a message ends in a value, and has this one."""
    message = error.value.message + (f" {error.value.hint}" if "value is" in error.value.hint else "")
    assert not re.search(r"got\s*($|\()", message), message
    assert value in message, message


@pytest.mark.parametrize("case", CASES, ids=describes)
def test_a_constant_outside_of_its_domain_is_named_with_its_value(case):
    distribution, good, name, bad = case
    with pytest.raises(ValueError, match=r"must|between") as error:
        distribution.dist(**{**good, name: bad})
    says(error, f"{name} = {float(bad)}")


@pytest.mark.parametrize("case", CASES, ids=describes)
def test_one_bad_element_of_an_array_is_named_with_its_index(case):
    distribution, good, name, bad = case
    given = {**good, name: np.array([good[name], bad, good[name]], float)}
    given.pop("shape", None)
    with pytest.raises(ValueError, match=r"must|between") as error:
        distribution.dist(**given, **({"shape": (3, 3)} if distribution is pm.GARCH11 else {}))
    says(error, f"{name} = {float(bad)}")
    says(error, "at index 1")


@pytest.mark.parametrize("case", CASES, ids=describes)
def test_a_bad_value_of_a_random_parameter_is_named_where_it_is_found(case):
    distribution, good, name, bad = case
    with pm.Model() as model:
        parameter = pm.Normal("parameter", 0.0, 1.0, shape=2)
        size = {"shape": (2, good["shape"])} if "shape" in good else {}
        drawn = distribution("y", **{**good, name: parameter, **size})
    with pytest.raises(ValueError, match=r"must|between") as error:
        pm.do(model, {"parameter": np.array([float(good[name]), float(bad)])})["y"].eval()
    assert drawn is not None
    says(error, f"{name} = {float(bad)}")


@pytest.mark.parametrize("make, shown", VECTORS, ids=lambda v: v if isinstance(v, str) else "")
def test_vectors_and_distributions_within_distributions(make, shown):
    with pytest.raises(ValueError, match=shown) as error:
        make()
    says(error, "")


@pytest.mark.parametrize("make, shown", BY_OTHERS, ids=lambda v: v if isinstance(v, str) else "")
def test_another_parametrisation_shows_what_was_given(make, shown):
    with pytest.raises(ValueError, match=shown):
        make()


def test_the_variable_of_a_model_is_named_too():
    with pytest.raises(ValueError, match=r"spread: HalfNormal: sigma must be positive, got sigma = -1\.0"), pm.Model():
        pm.HalfNormal("spread", -1.0)
