"""Parameters and values in narrow dtypes are the numbers that they are.

The numbers of `SQUARES` are SciPy 1.17's: ``gamma.logpdf(20, a=(20/13)**2, scale=13**2/20)`` and
``invgauss.logpdf(20, mu=20/(20*13), scale=20*13)``. Everywhere else a narrow dtype is compared with the same numbers in
float64: what a density is does not depend on how its parameters are stored.
"""

import numpy as np
import pytest
import scipy.stats as st

import workbench as pm
import workbench.tensor as pt

INTEGERS = ("int8", "uint8", "int16", "int32", "int64", "float32")
I2 = np.array([[2, 1], [1, 2]])
L2 = np.array([[2, 0], [1, 3]])
W3 = np.array([[0, 1, 1], [1, 0, 0], [1, 0, 0]])

# Numbers whose squares, sums and products leave int8; the value; what may be narrow.
PARAMETERS = [
    (pm.AsymmetricLaplace, dict(kappa=100, mu=3, b=100), 2.5),
    (pm.AsymmetricLaplace, dict(q=0.25, mu=3, b=100), 2.5),
    (pm.Beta, dict(alpha=100, beta=90), 0.5),
    (pm.Beta, dict(mu=0.25, nu=100), 0.5),
    (pm.BetaBinomial, dict(alpha=100, beta=90, n=120), 60),
    (pm.Binomial, dict(n=120, p=1), 120),
    (pm.Binomial, dict(n=120, logit_p=1), 60),
    (pm.Bernoulli, dict(logit_p=100), 0),
    (pm.Categorical, dict(logit_p=[100, 2, 30]), 1),
    (pm.Cauchy, dict(alpha=100, beta=90), 50.0),
    (pm.ChiSquared, dict(nu=120), 50.0),
    (pm.Dirichlet, dict(a=[100, 90, 80]), [0.3, 0.3, 0.4]),
    (pm.DirichletMultinomial, dict(n=100, a=[100, 90, 80]), [30, 30, 40]),
    (pm.DiscreteUniform, dict(lower=1, upper=120), 60),
    (pm.ExGaussian, dict(mu=10, sigma=100, nu=90), 60.0),
    (pm.Exponential, dict(lam=100), 2.0),
    (pm.Exponential, dict(scale=100), 2.0),
    (pm.GARCH11, dict(omega=100, alpha_1=0, beta_1=0, initial_vol=100, shape=3), [1.0, 2.0, 3.0]),
    (pm.Gamma, dict(alpha=100, beta=90), 2.0),
    (pm.Gamma, dict(mu=20, sigma=13), 20.0),
    (pm.Geometric, dict(p=1), 1),
    (pm.Gumbel, dict(mu=100, beta=90), 2.0),
    (pm.HalfCauchy, dict(beta=100), 2.0),
    (pm.HalfNormal, dict(sigma=100), 2.0),
    (pm.HalfNormal, dict(tau=100), 2.0),
    (pm.HalfStudentT, dict(nu=100, sigma=90), 2.0),
    (pm.HalfStudentT, dict(nu=100, lam=90), 2.0),
    (pm.HurdleGamma, dict(psi=1, mu=20, sigma=13), 20.0),
    (pm.HurdleGamma, dict(psi=1, alpha=100, beta=90), 2.0),
    (pm.HurdleLogNormal, dict(psi=1, mu=2, sigma=100), 20.0),
    (pm.HurdleLogNormal, dict(psi=1, mu=2, tau=100), 20.0),
    (pm.HurdleNegativeBinomial, dict(psi=1, mu=100, alpha=90), 20),
    (pm.HurdleNegativeBinomial, dict(psi=1, n=100, p=0.5), 90),
    (pm.HurdlePoisson, dict(psi=1, mu=100), 90),
    (pm.HyperGeometric, dict(N=120, k=70, n=80), 50),
    (pm.ICAR, dict(W=W3, sigma=100, zero_sum_stdev=90), [0.1, 0.2, -0.3]),
    (pm.CAR, dict(mu=[100, 90, 80], W=W3, alpha=0, tau=100), [0.1, 0.2, -0.3]),
    (pm.Interpolated, dict(x_points=[0, 100, 120], pdf_points=[0, 100, 0]), 50.0),
    (pm.InverseGamma, dict(alpha=100, beta=90), 2.0),
    (pm.InverseGamma, dict(mu=20, sigma=13), 20.0),
    (pm.Kumaraswamy, dict(a=100, b=90), 0.9),
    (pm.Laplace, dict(mu=100, b=90), 2.0),
    (pm.LogNormal, dict(mu=2, sigma=100), 2.0),
    (pm.LogNormal, dict(mu=2, tau=100), 2.0),
    (pm.Logistic, dict(mu=100, s=90), 2.0),
    (pm.LogitNormal, dict(mu=2, sigma=100), 0.3),
    (pm.LogitNormal, dict(mu=2, tau=100), 0.3),
    (pm.MatrixNormal, dict(mu=[[100, 90], [80, 70]], rowcov=100 * I2 // 2, colcov=I2), [[1.0, 2.0], [3.0, 4.0]]),
    (pm.MatrixNormal, dict(mu=[[100, 90], [80, 70]], rowchol=30 * L2, colchol=L2), [[1.0, 2.0], [3.0, 4.0]]),
    (pm.BetaNegativeBinomial, dict(alpha=100, beta=90, r=120), 60),
    (pm.GeneralizedPoisson, dict(mu=100, lam=0), 60),
    (pm.Skellam, dict(mu1=100, mu2=120), 60),
    (pm.Chi, dict(nu=100), 9.0),
    (pm.GenExtreme, dict(mu=100, sigma=90, xi=1), 100.0),
    (pm.Maxwell, dict(a=100), 120.0),
    (pm.Moyal, dict(mu=100, sigma=90), 2.0),
    (pm.Multinomial, dict(n=100, p=[1, 0]), [100, 0]),
    (pm.MvNormal, dict(mu=[100, 90], cov=50 * I2), [1.0, 2.0]),
    (pm.MvNormal, dict(mu=[100, 90], tau=50 * I2), [1.0, 2.0]),
    (pm.MvNormal, dict(mu=[100, 90], chol=30 * L2), [1.0, 2.0]),
    (pm.MvStudentT, dict(nu=100, mu=[100, 90], scale=50 * I2), [1.0, 2.0]),
    (pm.MvStudentT, dict(nu=100, mu=[100, 90], chol=30 * L2), [1.0, 2.0]),
    (pm.NegativeBinomial, dict(mu=100, alpha=90), 20),
    (pm.NegativeBinomial, dict(n=100, p=0.5), 90),
    (pm.Normal, dict(mu=100, sigma=90), 2.0),
    (pm.Normal, dict(mu=100, tau=90), 2.0),
    (pm.NormalMixture, dict(w=[1, 0], mu=[100, 90], sigma=[100, 90]), 2.0),
    (pm.NormalMixture, dict(w=[1, 0], mu=[100, 90], tau=[100, 90]), 100.0),
    (pm.OrderedLogistic, dict(eta=100, cutpoints=[10, 120]), 1),
    (pm.OrderedMultinomial, dict(eta=100, cutpoints=[10, 120], n=100), [0, 99, 1]),
    (pm.OrderedProbit, dict(eta=100, cutpoints=[10, 120], sigma=90), 1),
    (pm.Pareto, dict(alpha=100, m=90), 100.0),
    (pm.Poisson, dict(mu=100), 90),
    (pm.PolyaGamma, dict(h=20, z=10), 1.0),
    (pm.Rice, dict(nu=100, sigma=90), 50.0),
    (pm.Rice, dict(b=2, sigma=90), 50.0),
    (pm.SkewNormal, dict(mu=100, sigma=90, alpha=80), 150.0),
    (pm.SkewNormal, dict(mu=100, tau=90, alpha=80), 100.0),
    (pm.SkewStudentT, dict(a=100, b=90, mu=80, sigma=70), 50.0),
    (pm.SkewStudentT, dict(a=100, b=90, mu=80, lam=70), 80.0),
    (pm.StickBreakingWeights, dict(alpha=100, K=2), [0.3, 0.3, 0.4]),
    (pm.StudentT, dict(nu=100, mu=90, sigma=80), 50.0),
    (pm.StudentT, dict(nu=100, mu=90, lam=80), 90.0),
    (pm.Triangular, dict(lower=0, c=90, upper=120), 50.0),
    (pm.TruncatedNormal, dict(mu=100, sigma=90, lower=0, upper=120), 50.0),
    (pm.TruncatedNormal, dict(mu=100, tau=90, lower=0, upper=120), 100.0),
    (pm.Uniform, dict(lower=0, upper=120), 50.0),
    (pm.VonMises, dict(mu=1, kappa=100), 1.5),
    (pm.Wald, dict(mu=20, lam=13), 20.0),
    (pm.Wald, dict(mu=20, phi=13), 20.0),
    (pm.Wald, dict(lam=20, phi=13, alpha=10), 20.0),
    (pm.Weibull, dict(alpha=3, beta=100), 50.0),
    (pm.Wishart, dict(nu=100, V=50 * I2), [[5000.0, 100.0], [100.0, 5000.0]]),
    (pm.ZeroInflatedBinomial, dict(psi=1, n=120, p=1), 120),
    (pm.ZeroInflatedNegativeBinomial, dict(psi=1, mu=100, alpha=90), 20),
    (pm.ZeroInflatedPoisson, dict(psi=1, mu=100), 90),
    (pm.ZeroSumNormal, dict(sigma=100, shape=3), [0.1, 0.2, -0.3]),
    (pm.AR, dict(rho=[1], sigma=100, init_dist=pm.Normal.dist(0, 1), shape=3), [1.0, 2.0, 3.0]),
    (pm.AR, dict(rho=[1], tau=100, init_dist=pm.Normal.dist(0, 1), shape=3), [1.0, 2.0, 3.0]),
    (pm.GaussianRandomWalk, dict(mu=100, sigma=90, init_dist=pm.Normal.dist(0, 1), shape=3), [1.0, 2.0, 3.0]),
    (pm.MvGaussianRandomWalk, dict(mu=[100, 90], cov=50 * I2, init_dist=pm.MvNormal.dist([0, 0], I2), shape=(2, 2)), [[1.0, 2.0], [3.0, 4.0]]),
    (pm.Truncated, dict(dist=pm.Gamma.dist(2, 1), lower=1, upper=120), 50.0),
    (pm.Censored, dict(dist=pm.Normal.dist(2, 1), lower=1, upper=120), 1.0),
    (pm.LKJCorr, dict(n=2, eta=100), [0.1]),
]
LENGTHS = ("K", "shape", "n_zerosum_axes")


def narrowed(distribution, given, dtype):
    """The parameters in a dtype, those that are numbers or arrays of some."""
    whole = LENGTHS + (("n",) if distribution is pm.LKJCorr else ())
    return {k: v if k in whole or not isinstance(v, (int, list, np.ndarray)) else np.asarray(v, dtype) for k, v in given.items()}


def describes(case):
    return f"{case[0].__name__}({', '.join(case[1])})"


def density(distribution, given, value):
    with np.errstate(all="ignore"):
        return pm.logp(distribution.dist(**given), value).eval()


@pytest.mark.parametrize("case", PARAMETERS, ids=describes)
def test_parameters_in_a_narrow_dtype_give_the_same_density(case):
    distribution, given, value = case
    wanted = density(distribution, narrowed(distribution, given, "float64"), value)
    assert not np.isnan(wanted).any()
    for dtype in INTEGERS:
        found = density(distribution, narrowed(distribution, given, dtype), value)
        np.testing.assert_allclose(found, wanted, rtol=1e-12, err_msg=dtype)


@pytest.mark.parametrize("case", PARAMETERS, ids=describes)
def test_parameters_that_are_symbols_of_a_narrow_dtype_give_the_same_density(case):
    distribution, given, value = case
    if distribution in (pm.ICAR, pm.Interpolated):
        pytest.skip("its arrays are fixed")
    wanted = density(distribution, narrowed(distribution, given, "float64"), value)
    numbers = {k: v for k, v in narrowed(distribution, given, "uint8").items() if isinstance(v, np.ndarray)}
    symbols = {k: pt.data(k, v) for k, v in numbers.items()}
    np.testing.assert_allclose(density(distribution, {**given, **symbols}, value), wanted, rtol=1e-12)


SQUARES = [(pm.Gamma, dict(mu=20, sigma=13), -3.518896246357295), (pm.Wald, dict(mu=20, phi=13), -2.6321961280278963)]


@pytest.mark.parametrize("dtype", INTEGERS)
@pytest.mark.parametrize("distribution, given, wanted", SQUARES)
def test_a_parameter_is_squared_in_double_precision(distribution, given, wanted, dtype):
    assert density(distribution, narrowed(distribution, given, dtype), 20.0) == pytest.approx(wanted, rel=1e-13)


@pytest.mark.parametrize("backend", ["c", "numpy"])
@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "bool"])
def test_observed_values_and_data_in_a_narrow_dtype_are_counts(dtype, backend):
    counts = np.array([0, 1, 1, 0]) if dtype == "bool" else np.array([0, 3, 120, 7])
    with pm.Model() as model:
        trials = pm.Data("trials", np.full(4, 1 if dtype == "bool" else 120).astype(dtype))
        seen = pm.Data("seen", counts.astype(dtype))
        p = pm.Uniform("p", 0.0, 1.0)
        pm.Binomial("y", n=trials, p=p, observed=seen)
        pm.NegativeBinomial("z", mu=trials * trials, alpha=2.0, observed=counts.astype(dtype))
        pm.BetaBinomial("w", 2.0, 3.0, trials, observed=seen)
    n = trials.eval().astype(float)
    wanted = st.binom.logpmf(counts, n, 0.5) + st.betabinom.logpmf(counts, n, 2.0, 3.0)
    mu = n * n
    wanted = (wanted + st.nbinom.logpmf(counts, 2.0, 2.0 / (2.0 + mu))).sum() + np.log(0.25)
    assert model.compile_logp(backend=backend)({"p_interval__": 0.0}) == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("value", [np.uint8(3), np.int8(3), np.float32(3.0), np.array([3], "uint16")])
def test_a_value_in_a_narrow_dtype_has_the_density_of_the_number(value):
    for rv, exact in (
        (pm.Poisson.dist(200.0), st.poisson(200.0).logpmf(3)),
        (pm.Binomial.dist(255, 0.01), st.binom(255, 0.01).logpmf(3)),
        (pm.Normal.dist(300.0, 2.0), st.norm(300.0, 2.0).logpdf(3)),
        (pm.Normal.dist(1.0, 2.0) ** 3, None),
    ):
        found = pm.logp(rv, value).eval()
        np.testing.assert_allclose(found, pm.logp(rv, 3.0).eval() if exact is None else exact, rtol=1e-12)
    np.testing.assert_allclose(pm.logcdf(pm.Poisson.dist(2.0), value).eval(), st.poisson(2.0).logcdf(3), rtol=1e-12)


def test_interventions_with_narrow_numbers_do_not_wrap_around():
    with pm.Model() as model:
        mu = pm.Normal("mu", 0.0, 1.0)
        pm.Poisson("k", pm.math.exp(mu))
        pm.Normal("y", model["k"] * model["k"], 1.0, observed=40000.0)
    with pm.do(model, {"k": np.uint8(200)}):
        assert pm.modelcontext(None).compile_logp()({"mu": 0.0}) == pytest.approx(2 * st.norm.logpdf(0.0))


def test_draws_with_narrow_parameters_follow_the_numbers():
    drawn = pm.draw(pm.Gamma.dist(mu=np.uint8(200), sigma=np.uint8(20)), 4000, random_seed=1)
    # Five standard errors of the mean and of the deviation.
    assert abs(drawn.mean() - 200.0) < 5 * 20.0 / np.sqrt(4000) and abs(drawn.std() - 20.0) < 5 * 20.0 / np.sqrt(8000)
