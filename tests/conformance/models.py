"""Models that use each kind of distribution and of model code."""

import numpy as np
from examples import model, tensors

# Hierarchical normal models ------------------------------------------------------------------------


@model()
def eight_schools_centred(pm, d):
    with pm.Model(coords={"school": list("ABCDEFGH")}) as m:
        mu = pm.Normal("mu", mu=0, sigma=5)
        tau = pm.HalfCauchy("tau", beta=5)
        theta = pm.Normal("theta", mu=mu, sigma=tau, dims="school")
        pm.Normal("y", mu=theta, sigma=d.schools_sigma, observed=d.schools_y, dims="school")
    return m


@model()
def eight_schools_noncentred(pm, d):
    with pm.Model() as m:
        mu = pm.Normal("mu", 0, 5)
        tau = pm.HalfNormal("tau", 5)
        z = pm.Normal("z", 0, 1, shape=8)
        theta = pm.Deterministic("theta", mu + tau * z)
        pm.Normal("y", theta, d.schools_sigma, observed=d.schools_y)
    return m


@model()
def radon_pooled(pm, d):
    with pm.Model() as m:
        a = pm.Normal("a", 0, 10)
        b = pm.Normal("b", 0, 10)
        sigma = pm.Exponential("sigma", 1)
        pm.Normal("y", a + b * d.floor, sigma, observed=d.log_radon)
    return m


@model()
def radon_unpooled(pm, d):
    with pm.Model(coords={"county": d.counties, "obs": np.arange(90)}) as m:
        floor = pm.Data("floor", d.floor, dims="obs")
        county = pm.Data("county_index", d.county, dims="obs")
        a = pm.Normal("a", 0, 10, dims="county")
        b = pm.Normal("b", 0, 10)
        sigma = pm.Exponential("sigma", 1)
        pm.Normal("y", a[county] + b * floor, sigma, observed=d.log_radon, dims="obs")
    return m


@model()
def radon_with_group_predictor(pm, d):
    with pm.Model(coords={"county": d.counties}) as m:
        g = pm.Normal("g", 0, 10, shape=2)
        sigma_a = pm.Exponential("sigma_a", 1.5)
        a = pm.Normal("a", g[0] + g[1] * d.uranium, sigma_a, dims="county")
        b = pm.Normal("b", 0, 1)
        sigma = pm.Uniform("sigma", 0, 10)
        pm.Normal("y", a[d.county] + b * d.floor, sigma=sigma, observed=d.log_radon)
    return m


@model()
def radon_noncentred(pm, d):
    with pm.Model(coords={"county": d.counties, "obs": range(90)}) as m:
        mu_a = pm.Normal("mu_a", mu=0.0, sigma=10.0)
        sigma_a = pm.HalfNormal("sigma_a", 1.0)
        a = pm.Deterministic("a", mu_a + sigma_a * pm.Normal("z_a", 0, 1, dims="county"), dims="county")
        mu_b = pm.Normal("mu_b", 0.0, 2.0)
        sigma_b = pm.HalfNormal("sigma_b", 1.0)
        b = pm.Deterministic("b", mu_b + sigma_b * pm.Normal("z_b", 0, 1, dims="county"), dims="county")
        eps = pm.HalfNormal("eps", 1.5)
        pm.Normal("y", a[d.county] + b[d.county] * d.floor, eps, observed=d.log_radon, dims="obs")
    return m


@model()
def radon_correlated_slopes(pm, d):
    with pm.Model(coords={"county": d.counties, "effect": ["intercept", "slope"]}) as m:
        chol, corr, sds = pm.LKJCholeskyCov("chol", n=2, eta=2.0, sd_dist=pm.Exponential.dist(1.0), compute_corr=True)
        mu = pm.Normal("mu", 0, 2, dims="effect")
        z = pm.Normal("z", 0, 1, dims=("county", "effect"))
        ab = pm.Deterministic("ab", mu + pm.math.dot(z, chol.T), dims=("county", "effect"))
        sigma = pm.HalfNormal("sigma", 1)
        pm.Normal("y", ab[d.county, 0] + ab[d.county, 1] * d.floor, sigma, observed=d.log_radon)
    return m


# The PyMC 4.0 announcement -------------------------------------------------------------------------


@model()
def announcement_radon(pm, d):
    with pm.Model(coords={"county": d.counties}) as m:
        intercept = pm.Normal("intercept", sigma=10)
        county_offset = pm.Normal("county_offset", dims="county")
        county_sd = pm.HalfNormal("county_sd", sigma=1)
        county_effect = pm.Deterministic("county_effect", county_offset * county_sd, dims="county")
        floor_effect = pm.Normal("floor_effect", sigma=2)
        mu = intercept + county_effect[d.county] + floor_effect * d.floor
        sigma = pm.HalfNormal("sigma", sigma=1.5)
        pm.Normal("radon", mu=mu, sigma=sigma, observed=d.log_radon)
    return m


@model()
def announcement_clip(pm, d):
    pt = tensors(pm)
    with pm.Model() as m:
        x = pm.Normal("x", 0, 1)
        pm.Normal("y", pt.clip(x, 0, np.inf), 1, observed=d.y[:5])
        pm.Potential("soft", -0.5 * pt.clip(x, -1, 0.1) ** 2)
    return m


@model(index=2)
def announcement_stacked_index(pm, d):
    pt = tensors(pm)
    with pm.Model() as m:
        x = pm.Normal("x", -1, 1)
        y = pm.Normal("y", 1, 2)
        index = pm.Bernoulli("index", p=0.3)
        z = pt.stack([x, y])[index]
        pm.Normal("obs", z, 0.5, observed=d.clusters[:6])
    return m


@model(group=3)
def announcement_fancy_index_mixture(pm, d):
    with pm.Model(coords={"component": range(3)}) as m:
        w = pm.Dirichlet("w", np.ones(3), dims="component")
        mu = pm.Normal("mu", np.array([-2.0, 0.0, 2.0]), 1, dims="component")
        sigma = pm.HalfNormal("sigma", 1, dims="component")
        group = pm.Categorical("group", p=w, shape=50)
        pm.Normal("y", mu[group], sigma[group], observed=d.clusters)
    return m


@model()
def announcement_clipped_outcome(pm, d):
    """Clipping a variable gives a variable: its density is that of a censored one."""
    pt = tensors(pm)

    def clipped(mu, sigma, size):
        return pt.clip(pm.Normal.dist(mu, sigma, size=size), -0.5, 1.0)

    with pm.Model() as m:
        mu = pm.Normal("mu", 0, 1)
        sigma = pm.HalfNormal("sigma", 1)
        pm.CustomDist("y", mu, sigma, dist=clipped, observed=np.clip(d.y, -0.5, 1.0))
    return m


@model()
def derived_outcomes(pm, d):
    """Functions of variables are variables: shifted exponentials, powers, a logistic function of a normal."""

    def shifted(mu, sigma, size):
        return 0.1 + 2.0 * pm.math.exp(pm.Normal.dist(mu, sigma, size=size))

    def squashed(mu, sigma, size):
        return pm.math.sigmoid(pm.Laplace.dist(mu, sigma, size=size))

    with pm.Model() as m:
        mu = pm.Normal("mu", 0, 1)
        sigma = pm.HalfNormal("sigma", 1)
        pm.CustomDist("a", mu, sigma, dist=shifted, observed=0.1 + d.positive)
        pm.CustomDist("b", mu, sigma, dist=squashed, observed=d.proportion)
    return m


# PyMC3 and Theano; the tutorial ----------------------------------------------------------------------


@model()
def introduction_mean(pm, d):
    with pm.Model() as m:
        mu = pm.Normal("mu", mu=0, sigma=1)
        pm.Normal("y", mu=mu, sigma=1, observed=d.y)
    return m


@model()
def introduction_scale(pm, d):
    with pm.Model() as m:
        mu = pm.Normal("mu", 0, 1)
        sd = pm.HalfNormal("sd", 1)
        pm.Normal("y", mu=mu, sigma=sd, observed=d.y)
    return m


@model()
def introduction_design_matrix(pm, d):
    pt = tensors(pm)
    with pm.Model() as m:
        beta = pm.Normal("beta", 0, 1, shape=d.x.shape[1])
        predict = pt.dot(d.x, beta)
        sd = pm.HalfCauchy("sd", beta=2.5)
        pm.Normal("y", mu=predict, sigma=sd, observed=d.y)
    return m


@model()
def coal_mining_disasters(pm, d):
    """Missing counts are imputed; the year of the change is discrete."""
    years = np.arange(1851, 1962)
    counts = np.ma.masked_values(d.disasters, -1)
    with pm.Model() as m:
        switchpoint = pm.DiscreteUniform("switchpoint", lower=years.min(), upper=years.max(), initval=1900)
        early_rate = pm.Exponential("early_rate", 1.0, initval=3)
        late_rate = pm.Exponential("late_rate", 1.0, initval=1)
        rate = pm.math.switch(switchpoint >= years, early_rate, late_rate)
        pm.Poisson("disasters", rate, observed=counts)
    return m


@model(spread=0.1)
def stochastic_volatility(pm, d):
    with pm.Model(coords={"time": range(30)}) as m:
        step_size = pm.Exponential("step_size", 10)
        volatility = pm.GaussianRandomWalk(
            "volatility", sigma=step_size, init_dist=pm.Normal.dist(0, 100), dims="time"
        )
        nu = pm.Exponential("nu", 0.1)
        pm.StudentT("returns", nu=nu, lam=np.exp(-2 * volatility), observed=d.returns, dims="time")
    return m


# Regressions ----------------------------------------------------------------------------------------


@model()
def linear_regression(pm, d):
    with pm.Model(coords={"predictor": ["a", "b", "c"]}) as m:
        alpha = pm.Normal("alpha", mu=0, sigma=10)
        beta = pm.Normal("beta", mu=0, sigma=10, dims="predictor")
        sigma = pm.HalfNormal("sigma", sigma=1)
        mu = pm.Deterministic("mu", alpha + pm.math.dot(d.x, beta))
        pm.Normal("y", mu=mu, sigma=sigma, observed=d.y)
    return m


@model()
def bayesian_lasso(pm, d):
    with pm.Model() as m:
        scale = pm.InverseGamma("scale", 3, 2)
        beta = pm.Laplace("beta", 0, scale, shape=3)
        tau = pm.Gamma("tau", alpha=2, beta=1)
        pm.Normal("y", pm.math.matmul(d.x, beta), tau=tau, observed=d.y)
    return m


@model()
def logistic_regression(pm, d):
    with pm.Model() as m:
        alpha = pm.Normal("alpha", 0, 2.5)
        beta = pm.Normal("beta", 0, 2.5, shape=3)
        pm.Bernoulli("y", logit_p=alpha + d.x @ beta, observed=d.binary)
    return m


@model()
def logistic_regression_by_probability(pm, d):
    with pm.Model() as m:
        beta = pm.StudentT("beta", nu=7, mu=0, sigma=2.5, shape=3)
        p = pm.Deterministic("p", pm.math.invlogit(pm.math.dot(d.x, beta)))
        pm.Bernoulli("y", p=p, observed=d.binary)
    return m


@model()
def probit_regression(pm, d):
    with pm.Model() as m:
        beta = pm.Normal("beta", 0, 1, shape=3)
        pm.Bernoulli("y", p=pm.math.invprobit(pm.math.dot(d.x, beta)), observed=d.binary)
    return m


@model()
def poisson_regression(pm, d):
    with pm.Model() as m:
        alpha = pm.Normal("alpha", 0, 1)
        beta = pm.Normal("beta", 0, 1, shape=3)
        pm.Poisson("y", mu=pm.math.exp(alpha + pm.math.dot(d.x, beta)), observed=d.count)
    return m


@model()
def negative_binomial_regression(pm, d):
    with pm.Model() as m:
        beta = pm.Normal("beta", 0, 1, shape=3)
        alpha = pm.Exponential("alpha", 0.5)
        pm.NegativeBinomial("y", mu=pm.math.exp(pm.math.dot(d.x, beta)), alpha=alpha, observed=d.count)
    return m


@model()
def robust_regression(pm, d):
    with pm.Model() as m:
        beta = pm.Normal("beta", 0, 2, shape=3)
        nu = pm.Gamma("nu", 2, 0.1)
        sigma = pm.HalfStudentT("sigma", nu=4, sigma=1)
        pm.StudentT("y", nu=nu, mu=pm.math.dot(d.x, beta), sigma=sigma, observed=d.y)
    return m


@model()
def gamma_regression(pm, d):
    with pm.Model() as m:
        beta = pm.Normal("beta", 0, 1, shape=3)
        sigma = pm.LogNormal("sigma", 0, 1)
        pm.Gamma("y", mu=pm.math.exp(pm.math.dot(d.x, beta)), sigma=sigma, observed=d.positive)
    return m


@model()
def beta_regression(pm, d):
    with pm.Model() as m:
        beta = pm.Normal("beta", 0, 1, shape=3)
        nu = pm.HalfNormal("nu", 20)
        pm.Beta("y", mu=pm.math.sigmoid(d.x @ beta), nu=nu, observed=d.proportion)
    return m


@model()
def categorical_regression(pm, d):
    with pm.Model() as m:
        alpha = pm.Normal("alpha", 0, 1, shape=4)
        beta = pm.Normal("beta", 0, 1, shape=(3, 4))
        pm.Categorical("y", p=pm.math.softmax(alpha + pm.math.dot(d.x, beta), axis=1), observed=d.category)
    return m


@model()
def ordinal_regression(pm, d):
    with pm.Model() as m:
        beta = pm.Normal("beta", 0, 1, shape=3)
        cutpoints = pm.Normal(
            "cutpoints", mu=np.array([-1.0, 0.0, 1.0]), sigma=2, shape=3,
            transform=pm.distributions.transforms.ordered, initval=np.array([-1.0, 0.0, 1.0]),
        )  # fmt: skip
        pm.OrderedLogistic("y", eta=pm.math.dot(d.x, beta), cutpoints=cutpoints, observed=d.rating)
    return m


@model()
def ordinal_probit(pm, d):
    with pm.Model() as m:
        beta = pm.Normal("beta", 0, 1, shape=3)
        sigma = pm.Exponential("sigma", 1)
        cutpoints = pm.Normal(
            "cutpoints", 0, 2, shape=3, transform=pm.distributions.transforms.ordered, initval=np.array([-1.0, 0.1, 1.0])
        )
        pm.OrderedProbit("y", eta=pm.math.dot(d.x, beta), cutpoints=cutpoints, sigma=sigma, compute_p=False, observed=d.rating)
    return m


@model()
def skewed_and_asymmetric_regression(pm, d):
    with pm.Model() as m:
        a = pm.Normal("a", 0, 1)
        alpha = pm.Normal("alpha", 0, 2)
        sigma = pm.HalfNormal("sigma", 1)
        kappa = pm.Gamma("kappa", 5, 5)
        pm.SkewNormal("y", mu=a, sigma=sigma, alpha=alpha, observed=d.y)
        pm.AsymmetricLaplace("quantile", kappa=kappa, mu=a, b=2, observed=d.y)
    return m


@model()
def reaction_times(pm, d):
    with pm.Model() as m:
        mu = pm.Normal("mu", 0.5, 1)
        sigma = pm.HalfNormal("sigma", 0.5)
        nu = pm.HalfNormal("nu", 1)
        lam = pm.Gamma("lam", 2, 1)
        pm.ExGaussian("a", mu=mu, sigma=sigma, nu=nu, observed=d.positive)
        pm.Wald("b", mu=nu + 0.1, lam=lam, observed=d.positive)
    return m


@model()
def spline_regression(pm, d):
    grid = np.linspace(0, 1, 40)
    knots = np.linspace(0, 1, 7)
    basis = np.maximum(0.0, 1 - np.abs(grid[:, None] - knots) * 6) ** 2
    with pm.Model(coords={"spline": range(7)}) as m:
        a = pm.Normal("a", 0, 1)
        tau = pm.HalfCauchy("tau", 1)
        w = pm.Normal("w", mu=0, sigma=tau, size=7, dims="spline")
        mu = pm.Deterministic("mu", a + pm.math.dot(basis, w.T))
        sigma = pm.Exponential("sigma", 1)
        pm.Normal("y", mu, sigma, observed=d.y)
    return m


@model()
def horseshoe(pm, d):
    with pm.Model() as m:
        tau = pm.HalfCauchy("tau", 0.1)
        lam = pm.HalfCauchy("lam", 1, shape=3)
        c2 = pm.InverseGamma("c2", 1, 0.1)
        z = pm.Normal("z", 0, 1, shape=3)
        shrunk = lam * pm.math.sqrt(c2 / (c2 + tau**2 * lam**2))
        beta = pm.Deterministic("beta", z * tau * shrunk)
        sigma = pm.HalfNormal("sigma", 1)
        pm.Normal("y", pm.math.dot(d.x, beta), sigma, observed=d.y)
    return m


@model()
def sum_to_zero_groups(pm, d):
    with pm.Model(coords={"group": range(5), "treatment": range(3)}) as m:
        sigma_g = pm.HalfNormal("sigma_g", 1)
        g = pm.ZeroSumNormal("g", sigma=sigma_g, dims="group")
        t = pm.ZeroSumNormal("t", sigma=1, n_zerosum_axes=2, dims=("group", "treatment"))
        mu = pm.Normal("mu", 0, 1)
        sigma = pm.HalfNormal("sigma", 1)
        pm.Normal("y", mu + g[d.groups] + t[d.groups, 1], sigma, observed=d.y)
    return m


# Counts ----------------------------------------------------------------------------------------------


@model()
def beta_binomial(pm, d):
    with pm.Model() as m:
        a = pm.HalfNormal("a", 3)
        b = pm.HalfNormal("b", 3)
        pm.BetaBinomial("y", alpha=a, beta=b, n=d.trials, observed=d.successes)
    return m


@model()
def binomial_by_group(pm, d):
    with pm.Model(coords={"group": range(5)}) as m:
        mu = pm.Beta("mu", 2, 2)
        kappa = pm.Pareto("kappa", alpha=1.5, m=1)
        p = pm.Beta("p", alpha=mu * kappa, beta=(1 - mu) * kappa, dims="group")
        pm.Binomial("y", n=d.trials, p=p[d.groups], observed=d.successes)
    return m


@model()
def zero_inflated_poisson(pm, d):
    with pm.Model() as m:
        psi = pm.Beta("psi", 1, 1)
        beta = pm.Normal("beta", 0, 1, shape=3)
        pm.ZeroInflatedPoisson("y", psi=psi, mu=pm.math.exp(d.x @ beta), observed=d.zero_heavy)
    return m


@model()
def zero_inflated_binomial_and_negative_binomial(pm, d):
    with pm.Model() as m:
        psi = pm.Uniform("psi", shape=2)
        p = pm.Beta("p", 2, 3)
        mu = pm.Exponential("mu", 0.5)
        alpha = pm.Exponential("alpha", 0.5)
        pm.ZeroInflatedBinomial("a", psi=psi[0], n=d.trials, p=p, observed=d.successes)
        pm.ZeroInflatedNegativeBinomial("b", psi=psi[1], mu=mu, alpha=alpha, observed=d.zero_heavy)
    return m


@model()
def hurdle_counts(pm, d):
    with pm.Model() as m:
        psi = pm.Beta("psi", 2.0, 2.0)
        mu = pm.Gamma("mu", 2.0, 1.0)
        alpha = pm.HalfNormal("alpha", 5.0)
        pm.HurdlePoisson("a", psi=psi, mu=mu, observed=d.zero_heavy)
        pm.HurdleNegativeBinomial("b", psi=psi, mu=mu, alpha=alpha, observed=d.zero_heavy)
    return m


@model()
def hurdle_amounts(pm, d):
    amounts = np.where(d.binary == 1, d.positive, 0.0)
    with pm.Model() as m:
        psi = pm.Beta("psi", 2, 2)
        mu = pm.Normal("mu", 0, 1)
        sigma = pm.HalfNormal("sigma", 1)
        alpha = pm.Gamma("alpha", 2, 1)
        pm.HurdleLogNormal("a", psi=psi, mu=mu, sigma=sigma, observed=amounts)
        pm.HurdleGamma("b", psi=psi, alpha=alpha, beta=sigma, observed=amounts)
    return m


@model()
def dirichlet_multinomial(pm, d):
    with pm.Model(coords={"choice": list("abc")}) as m:
        frac = pm.Dirichlet("frac", a=np.ones(3), dims="choice")
        conc = pm.LogNormal("conc", mu=1, sigma=1)
        pm.DirichletMultinomial("y", n=12, a=frac * conc, observed=d.votes)
    return m


@model()
def multinomial_logit(pm, d):
    with pm.Model() as m:
        eta = pm.Normal("eta", 0, 1, shape=2)
        p = pm.math.softmax(pm.math.concatenate([eta, np.zeros(1)]))
        pm.Multinomial("y", n=12, p=p, observed=d.votes)
    return m


@model()
def geometric_and_discrete_weibull(pm, d):
    with pm.Model() as m:
        p = pm.Kumaraswamy("p", 2, 2)
        # PyMC 5.28 gives it no transform, which is a mistake (its issue 8441); here it has this one by default.
        q = pm.LogitNormal("q", 0, 1, default_transform=pm.distributions.transforms.logodds)
        beta = pm.HalfNormal("beta", 1)
        pm.Geometric("a", p=p, observed=d.count + 1)
        pm.DiscreteWeibull("b", q=q, beta=beta, observed=np.minimum(d.count, 4))
    return m


# Mixtures --------------------------------------------------------------------------------------------


@model()
def normal_mixture(pm, d):
    with pm.Model(coords={"component": range(2)}) as m:
        w = pm.Dirichlet("w", a=np.ones(2), dims="component")
        mu = pm.Normal("mu", np.array([-1.0, 1.0]), 2, dims="component")
        sigma = pm.HalfNormal("sigma", 1, dims="component")
        pm.NormalMixture("y", w=w, mu=mu, sigma=sigma, observed=d.clusters)
    return m


@model()
def mixture_of_two_kinds(pm, d):
    with pm.Model() as m:
        w = pm.Dirichlet("w", a=np.array([2.0, 1.0]))
        mu = pm.Normal("mu", 0, 2)
        sigma = pm.HalfNormal("sigma", 2)
        parts = [pm.Normal.dist(mu, sigma), pm.StudentT.dist(nu=3, mu=-mu, sigma=1.5)]
        pm.Mixture("y", w=w, comp_dists=parts, observed=d.clusters)
    return m


@model()
def mixture_of_poissons(pm, d):
    with pm.Model() as m:
        w = pm.Dirichlet("w", a=np.ones(3))
        rate = pm.Gamma("rate", 2, 0.5, shape=3)
        pm.Mixture("y", w=w, comp_dists=pm.Poisson.dist(rate), observed=d.count)
    return m


@model()
def ordered_mixture(pm, d):
    with pm.Model() as m:
        w = pm.StickBreakingWeights("w", alpha=1.5, K=2)
        mu = pm.Normal(
            "mu", 0, 3, shape=3, transform=pm.distributions.transforms.ordered, initval=np.array([-2.0, 0.0, 1.0])
        )
        pm.NormalMixture("y", w=w, mu=mu, sigma=np.array([0.6, 1.0, 1.5]), observed=d.clusters)
    return m


# Censoring, truncation, survival, missing values -----------------------------------------------------


@model()
def censored_normal(pm, d):
    with pm.Model() as m:
        mu = pm.Normal("mu", 0, 1)
        sigma = pm.HalfNormal("sigma", 1)
        y = np.clip(d.y, -0.5, 1.0)
        pm.Censored("y", pm.Normal.dist(mu, sigma), lower=-0.5, upper=1.0, observed=y)
    return m


@model()
def truncated_normal_regression(pm, d):
    kept = d.y > -0.5
    with pm.Model() as m:
        beta = pm.Normal("beta", 0, 1, shape=3)
        sigma = pm.HalfNormal("sigma", 1)
        pm.TruncatedNormal("y", mu=d.x[kept] @ beta, sigma=sigma, lower=-0.5, observed=d.y[kept])
    return m


@model()
def truncated_amounts(pm, d):
    y = d.positive[d.positive < 3]
    with pm.Model() as m:
        mu = pm.TruncatedNormal("mu", mu=1.0, sigma=1.0, lower=0.0, upper=4.0)
        sigma = pm.HalfNormal("sigma", 1.0)
        pm.Truncated("y", pm.Gamma.dist(mu=mu, sigma=sigma), upper=3.0, observed=y)
        pm.Truncated("z", pm.Normal.dist(mu, sigma), lower=0.0, upper=3.0, observed=y)
    return m


@model()
def weibull_survival(pm, d):
    with pm.Model() as m:
        alpha = pm.Gamma("alpha", 3, 2)
        beta = pm.LogNormal("beta", 1, 0.5)
        pm.Weibull("died", alpha=alpha, beta=beta, observed=d.time[d.died])
        pm.Potential("alive", -((d.time[~d.died] / beta) ** alpha))
    return m


@model()
def weibull_survival_censored(pm, d):
    upper = np.where(d.died, np.inf, d.time)
    with pm.Model() as m:
        alpha = pm.HalfNormal("alpha", 2)
        beta = pm.HalfNormal("beta", 5)
        pm.Censored("time", pm.Weibull.dist(alpha=alpha, beta=beta), lower=None, upper=upper, observed=d.time)
    return m


@model()
def gumbel_survival(pm, d):
    with pm.Model() as m:
        mu = pm.Normal("mu", 0, 2)
        beta = pm.HalfNormal("beta", 1)
        pm.Gumbel("y", mu, beta, observed=np.log(d.time))
        pm.Logistic("z", mu, beta, observed=np.log(d.time))
        pm.Moyal("m", mu, beta, observed=np.log(d.time))
    return m


@model()
def missing_outcomes(pm, d):
    with pm.Model() as m:
        beta = pm.Normal("beta", 0, 1, shape=3)
        sigma = pm.HalfNormal("sigma", 1)
        pm.Normal("y", pm.math.dot(d.x, beta), sigma, observed=d.holes)
    return m


@model()
def missing_predictors(pm, d):
    with pm.Model() as m:
        mu_x = pm.Normal("mu_x", 0, 1)
        x = pm.Normal("x", mu_x, 1, observed=np.ma.masked_invalid(d.x_holes))
        b = pm.Normal("b", 0, 1)
        sigma = pm.HalfNormal("sigma", 1)
        pm.Normal("y", b * x, sigma, observed=d.y)
    return m


@model()
def missing_positive(pm, d):
    values = d.positive.copy()
    values[[2, 9]] = np.nan
    with pm.Model() as m:
        rate = pm.Gamma("rate", 2, 2)
        pm.Exponential("y", rate, observed=values)
    return m


@model()
def rounded_measurements(pm, d):
    def rounded(mu, sigma, size):
        return pm.math.round(pm.Normal.dist(mu, sigma, size=size))

    with pm.Model() as m:
        mu = pm.Normal("mu", 0, 1)
        sigma = pm.HalfNormal("sigma", 1)
        pm.CustomDist("y", mu, sigma, dist=rounded, observed=np.round(d.y))
    return m


# Time series -----------------------------------------------------------------------------------------


@model()
def autoregression_1(pm, d):
    with pm.Model() as m:
        rho = pm.Normal("rho", 0, 0.5)
        sigma = pm.HalfNormal("sigma", 1)
        pm.AR("y", rho=[rho], sigma=sigma, init_dist=pm.Normal.dist(0, 1), observed=d.series)
    return m


@model()
def autoregression_2(pm, d):
    with pm.Model() as m:
        rho = pm.Normal("rho", 0, 0.5, shape=3)
        sigma = pm.HalfNormal("sigma", 1)
        pm.AR("y", rho=rho, sigma=sigma, constant=True, init_dist=pm.Normal.dist(0, 10, shape=2), observed=d.series)
    return m


@model()
def latent_autoregression(pm, d):
    with pm.Model() as m:
        rho = pm.Uniform("rho", -1, 1)
        x = pm.AR("x", rho=pm.math.stack([rho]), sigma=0.3, init_dist=pm.Normal.dist(0, 1), steps=29, ar_order=1)
        pm.Normal("y", x, 0.2, observed=d.series)
    return m


@model()
def garch(pm, d):
    with pm.Model() as m:
        omega = pm.HalfNormal("omega", 0.1)
        alpha_1 = pm.Beta("alpha_1", 2, 5)
        beta_1 = pm.Uniform("beta_1", 0, 1 - alpha_1)
        pm.GARCH11("y", omega=omega, alpha_1=alpha_1, beta_1=beta_1, initial_vol=0.1, observed=d.returns)
    return m


@model()
def gaussian_random_walk(pm, d):
    with pm.Model() as m:
        mu = pm.Normal("mu", 0, 0.1)
        sigma = pm.HalfNormal("sigma", 0.5)
        walk = pm.GaussianRandomWalk("walk", mu=mu, sigma=sigma, init_dist=pm.Normal.dist(0, 1), shape=30)
        pm.Normal("y", walk, 0.1, observed=d.series)
    return m


@model()
def cumulative_trend(pm, d):
    with pm.Model() as m:
        steps = pm.Laplace("steps", 0, 0.2, shape=30)
        sigma = pm.HalfCauchy("sigma", 1)
        pm.Normal("y", pm.math.cumsum(steps), sigma, observed=d.series)
    return m


@model()
def ornstein_uhlenbeck(pm, d):
    def sde(x, theta):
        return -theta * x, 0.4

    with pm.Model() as m:
        theta = pm.HalfNormal("theta", 1)
        pm.EulerMaruyama("y", dt=0.1, sde_fn=sde, sde_pars=(theta,), init_dist=pm.Normal.dist(0, 1), observed=d.series)
    return m


# Vectors and matrices ----------------------------------------------------------------------------------


@model()
def multivariate_normal_cov(pm, d):
    cov = np.array([[1.0, 0.3, 0.1], [0.3, 0.8, -0.2], [0.1, -0.2, 0.5]])
    with pm.Model() as m:
        mu = pm.MvNormal("mu", mu=np.zeros(3), cov=cov)
        scale = pm.HalfNormal("scale", 1)
        pm.MvNormal("y", mu=mu, cov=scale * cov, observed=d.vectors)
    return m


@model()
def multivariate_normal_cholesky(pm, d):
    with pm.Model() as m:
        mu = pm.Normal("mu", 0, 1, shape=3)
        chol, corr, sds = pm.LKJCholeskyCov("chol", n=3, eta=1.5, sd_dist=pm.HalfNormal.dist(1.0, shape=3))
        pm.MvNormal("y", mu=mu, chol=chol, observed=d.vectors)
    return m


@model()
def multivariate_student(pm, d):
    with pm.Model() as m:
        mu = pm.Normal("mu", 0, 1, shape=3)
        nu = pm.Gamma("nu", 3, 0.5)
        sd = pm.HalfNormal("sd", 1, shape=3)
        pm.MvStudentT("y", nu=nu, mu=mu, chol=np.eye(3) * sd, observed=d.vectors)
    return m


@model()
def gaussian_process_by_hand(pm, d):
    t = np.linspace(0, 3, 30)
    square = (t[:, None] - t) ** 2
    with pm.Model() as m:
        scale = pm.InverseGamma("scale", 5, 5)
        eta = pm.HalfNormal("eta", 1)
        sigma = pm.HalfNormal("sigma", 0.5)
        cov = eta**2 * pm.math.exp(-square / (2 * scale**2)) + (sigma**2 + 1e-6) * np.eye(30)
        pm.MvNormal("y", mu=np.zeros(30), cov=cov, observed=d.series)
    return m


@model()
def spatial_car(pm, d):
    w = np.zeros((12, 12))
    for i in range(11):
        w[i, i + 1] = w[i + 1, i] = 1
    w[0, 11] = w[11, 0] = w[2, 7] = w[7, 2] = 1
    with pm.Model() as m:
        alpha = pm.Beta("alpha", 2, 2)
        tau = pm.Gamma("tau", 2, 2)
        phi = pm.CAR("phi", mu=np.zeros(12), tau=tau, alpha=alpha, W=w)
        smooth = pm.ICAR("smooth", W=w, sigma=0.5)
        pm.Normal("y", phi[d.county] + smooth[d.county], 0.7, observed=d.log_radon)
    return m


@model()
def matrix_normal(pm, d):
    with pm.Model() as m:
        sd = pm.HalfNormal("sd", 1, shape=3)
        mu = pm.Normal("mu", 0, 1, shape=(20, 3))
        rows = np.eye(20) + 0.2
        pm.MatrixNormal("y", mu=mu, rowcov=rows, colchol=np.eye(3) * sd, observed=d.vectors)
    return m


# Item response, angles, priors of other shapes ---------------------------------------------------------


@model()
def item_response_2pl(pm, d):
    with pm.Model(coords={"person": range(15), "item": range(6)}) as m:
        ability = pm.Normal("ability", 0, 1, dims="person")
        difficulty = pm.Normal("difficulty", 0, 1, dims="item")
        discrimination = pm.LogNormal("discrimination", 0, 0.5, dims="item")
        eta = discrimination * (ability[:, None] - difficulty)
        pm.Bernoulli("y", logit_p=eta, observed=d.answers, dims=("person", "item"))
    return m


@model()
def paired_comparison(pm, d):
    home, away = np.array([0, 1, 2, 3, 4, 0, 2]), np.array([1, 2, 3, 4, 0, 3, 4])
    with pm.Model(coords={"team": range(5)}) as m:
        advantage = pm.Flat("advantage")
        attack = pm.Normal("attack", 0, 1, dims="team")
        defence = pm.Normal("defence", 0, 1, dims="team")
        attack = pm.Deterministic("attack_centred", attack - pm.math.mean(attack), dims="team")
        pm.Poisson("home", pm.math.exp(advantage + attack[home] - defence[away]), observed=d.count[:7])
        pm.Poisson("away", pm.math.exp(attack[away] - defence[home]), observed=d.count[7:14])
    return m


@model()
def angles(pm, d):
    with pm.Model() as m:
        mu = pm.VonMises("mu", mu=0, kappa=1)
        kappa = pm.HalfFlat("kappa", initval=1.5)
        pm.VonMises("y", mu=mu, kappa=kappa, observed=d.angle)
        pm.Potential("kappa_prior", -kappa)
    return m


@model()
def interpolated_prior(pm, d):
    x = np.linspace(-3, 3, 61)
    with pm.Model() as m:
        mu = pm.Interpolated("mu", x_points=x, pdf_points=np.exp(-np.abs(x)) + 0.1)
        sigma = pm.Triangular("sigma", lower=0, c=0.5, upper=3)
        pm.Normal("y", mu, sigma, observed=d.y)
    return m


@model()
def custom_density(pm, d):
    def logp(value, mu, b):
        return -pm.math.abs(value - mu) / b - pm.math.log(2 * b)

    with pm.Model() as m:
        mu = pm.CustomDist("mu", 0.0, 2.0, logp=logp)
        b = pm.ChiSquared("b", 3)
        pm.CustomDist("y", mu, b, logp=logp, observed=d.y)
    return m


@model()
def odd_priors(pm, d):
    with pm.Model() as m:
        a = pm.Cauchy("a", 0, 1)
        b = pm.SkewStudentT("b", mu=0, sigma=1, a=2, b=3)
        nu = pm.Rice("nu", nu=1, sigma=1)
        pm.Normal("y", a + b, nu, observed=d.y)
    return m


@model()
def data_with_dims(pm, d):
    with pm.Model(coords={"obs": np.arange(40), "predictor": ["a", "b", "c"]}) as m:
        x = pm.Data("x", d.x, dims=("obs", "predictor"))
        y = pm.Data("outcome", d.y, dims="obs")
        beta = pm.Normal("beta", dims="predictor")
        mu = pm.Deterministic("mu", (x * beta).sum(axis=-1), dims="obs")
        pm.Normal("y", mu, pm.math.exp(pm.Normal("log_sigma", 0, 0.5)), observed=y, dims="obs")
    return m


@model()
def nested_models(pm, d):
    with pm.Model() as m:
        mu = pm.Normal("mu", 0, 1)
        with pm.Model(name="first"):
            sigma = pm.HalfNormal("sigma", 1)
            pm.Normal("y", mu, sigma, observed=d.y[:20])
        with pm.Model(name="second"):
            sigma = pm.HalfNormal("sigma", 2)
            pm.Normal("y", mu, sigma, observed=d.y[20:])
    return m


@model()
def broadcasting_and_reductions(pm, d):
    with pm.Model() as m:
        row = pm.Normal("row", 0, 1, shape=(15, 1))
        column = pm.Normal("column", 0, 1, shape=6)
        scale = pm.HalfNormal("scale", 1, shape=(1, 6))
        eta = (row + column) * scale
        pm.Potential("centred", -(eta.mean(axis=0) ** 2).sum() - pm.math.logsumexp(eta) / 10)
        pm.Poisson("y", pm.math.log1pexp(eta), observed=d.answers)
    return m
