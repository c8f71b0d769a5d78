"""Models as they are written in PyMC's example gallery, and in books that use PyMC.

Each has data of its own, made in its function.
"""

import numpy as np
from examples import model, tensors

# Groups and their correlations ----------------------------------------------------------------------


@model()
def sleep_study_varying_slopes(pm, d):
    """Intercepts and slopes of persons, correlated and non-centred."""
    draws = np.random.RandomState(101)
    person = np.repeat(np.arange(9), 5)
    day = np.tile(np.arange(5.0), 9)
    reaction = 250 + 10 * day + 20 * draws.normal(size=9)[person] + 15 * draws.normal(size=45)
    coords = {"person": range(9), "effect": ["intercept", "slope"]}
    with pm.Model(coords=coords) as m:
        mean = pm.Normal("mean", mu=[250, 10], sigma=[50, 20], dims="effect")
        chol, _corr, _sigmas = pm.LKJCholeskyCov("chol", n=2, eta=2.0, sd_dist=pm.Exponential.dist(0.1, shape=2), compute_corr=True)
        z = pm.Normal("z", 0, 1, dims=("effect", "person"))
        effect = pm.Deterministic("effect_of", mean + pm.math.dot(chol, z).T, dims=("person", "effect"))
        sigma = pm.HalfStudentT("sigma", nu=3, sigma=20)
        mu = effect[person, 0] + effect[person, 1] * day
        pm.Normal("reaction", mu, sigma, observed=reaction)
    return m


@model()
def baseball_partial_pooling(pm, d):
    """Efron and Morris's batting averages, with the size of the population's Beta as a Pareto."""
    at_bats = np.full(18, 45)
    hits = np.array([18, 17, 16, 15, 14, 14, 13, 12, 11, 11, 10, 10, 10, 10, 10, 9, 8, 7])
    with pm.Model(coords={"player": range(18)}) as m:
        phi = pm.Uniform("phi", lower=0.0, upper=1.0)
        kappa_log = pm.Exponential("kappa_log", lam=1.5)
        kappa = pm.Deterministic("kappa", pm.math.exp(kappa_log))
        theta = pm.Beta("theta", alpha=phi * kappa, beta=(1.0 - phi) * kappa, dims="player")
        pm.Binomial("y", n=at_bats, p=theta, dims="player", observed=hits)
    return m


@model()
def rat_tumours(pm, d):
    """Gelman's rats: a flat prior on the hyperparameters as a potential."""
    n = np.array([20, 20, 19, 25, 46, 48, 14, 24])
    y = np.array([0, 1, 2, 4, 10, 9, 4, 7])
    pt = tensors(pm)

    def log_prior(alpha, beta):
        return pt.log(pt.power(alpha + beta, -2.5))

    with pm.Model() as m:
        ab = pm.HalfNormal("ab", sigma=10, shape=2)
        pm.Potential("p(a, b)", log_prior(ab[0], ab[1]))
        pm.Deterministic("log_ratio", pm.math.log(ab[0] / ab[1]))
        theta = pm.Beta("theta", alpha=ab[0], beta=ab[1], shape=8)
        pm.Binomial("y", p=theta, n=n, observed=y)
    return m


@model()
def rugby_prediction(pm, d):
    """Six nations: attacks and defences that sum to zero by subtraction."""
    draws = np.random.RandomState(103)
    home_idx, away_idx = np.divmod(np.arange(36), 6)
    keep = home_idx != away_idx
    home_idx, away_idx = home_idx[keep], away_idx[keep]
    home_score, away_score = draws.poisson(24, size=30), draws.poisson(20, size=30)
    pt = tensors(pm)
    teams = ["Wales", "France", "Ireland", "Scotland", "Italy", "England"]
    with pm.Model(coords={"team": teams}) as m:
        home_team = pm.Data("home_team", home_idx, dims="match")
        away_team = pm.Data("away_team", away_idx, dims="match")
        home = pm.Normal("home", mu=0, sigma=1)
        sd_att = pm.HalfNormal("sd_att", sigma=2)
        sd_def = pm.HalfNormal("sd_def", sigma=2)
        intercept = pm.Normal("intercept", mu=3, sigma=1)
        atts_star = pm.Normal("atts_star", mu=0, sigma=sd_att, dims="team")
        defs_star = pm.Normal("defs_star", mu=0, sigma=sd_def, dims="team")
        atts = pm.Deterministic("atts", atts_star - pt.mean(atts_star), dims="team")
        defs = pm.Deterministic("defs", defs_star - pt.mean(defs_star), dims="team")
        home_theta = pt.exp(intercept + home + atts[home_idx] + defs[away_idx])
        away_theta = pt.exp(intercept + atts[away_team] + defs[home_team])
        pm.Poisson("home_points", mu=home_theta, observed=home_score, dims="match")
        pm.Poisson("away_points", mu=away_theta, observed=away_score, dims="match")
    return m


@model()
def multilevel_with_predictor_of_groups(pm, d):
    """Slopes by group, with a covariance of the groups' effects by its Cholesky factor and MvNormal."""
    with pm.Model(coords={"county": d.counties, "param": ["alpha", "beta"], "obs": np.arange(90)}) as m:
        floor_idx = pm.Data("floor_idx", d.floor, dims="obs")
        county_idx = pm.Data("county_idx", d.county, dims="obs")
        sd_dist = pm.Exponential.dist(0.5, shape=(2,))
        chol, corr, stds = pm.LKJCholeskyCov("chol", eta=2.0, n=2, sd_dist=sd_dist)
        mu_ab = pm.Normal("mu_ab", mu=0.0, sigma=5.0, dims="param")
        ab = pm.MvNormal("ab", mu_ab, chol=chol, dims=("county", "param"))
        theta = ab[county_idx, 0] + ab[county_idx, 1] * floor_idx
        sigma = pm.Exponential("sigma", 1.0)
        pm.Normal("y", theta, sigma=sigma, observed=d.log_radon, dims="obs")
        pm.Deterministic("corr", corr[0, 1])
        pm.Deterministic("stds", stds, dims="param")
    return m


# Generalised linear models --------------------------------------------------------------------------


@model()
def logistic_with_interactions(pm, d):
    """A matrix as a formula makes it: intercept, squares, interactions."""
    x = np.column_stack([np.ones(40), d.x[:, 0], d.x[:, 1], d.x[:, 0] ** 2, d.x[:, 0] * d.x[:, 1]])
    labels = ["Intercept", "x", "z", "x^2", "x:z"]
    with pm.Model(coords={"coeffs": labels, "obs": np.arange(40)}) as m:
        X = pm.Data("X", x, dims=("obs", "coeffs"))
        y = pm.Data("y", d.binary, dims="obs")
        b = pm.Normal("b", mu=0, sigma=1, dims="coeffs")
        mu = pm.math.dot(X, b)
        p = pm.Deterministic("p", pm.math.invlogit(mu), dims="obs")
        pm.Bernoulli("likelihood", p=p, observed=y, dims="obs")
    return m


@model()
def negative_binomial_with_categories(pm, d):
    """Sneezes: two factors and their interaction, written out."""
    draws = np.random.RandomState(107)
    alcohol, nomeds = draws.randint(2, size=50), draws.randint(2, size=50)
    sneezes = draws.poisson(np.exp(1 + 0.5 * alcohol + 0.7 * nomeds))
    with pm.Model() as m:
        intercept = pm.Normal("Intercept", 0, 5)
        b = [pm.Normal(name, 0, 1) for name in ("nomeds", "alcohol", "nomeds:alcohol")]
        mu = pm.math.exp(intercept + b[0] * nomeds + b[1] * alcohol + b[2] * nomeds * alcohol)
        alpha = pm.Exponential("alpha", 0.5)
        pm.NegativeBinomial("y", mu=mu, alpha=alpha, observed=sneezes)
    return m


@model(spread=0.1)
def golf_putting(pm, d):
    """Gelman and Nolan's geometric model of putting, with error of distance too."""
    distance = np.array([2.0, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20])
    tries = np.array([1443, 694, 455, 353, 272, 256, 240, 217, 200, 201, 159])
    successes = np.array([1346, 577, 337, 208, 149, 136, 111, 69, 67, 52, 24])
    pt = tensors(pm)

    def phi(x):
        return 0.5 + 0.5 * pt.erf(x / pt.sqrt(2.0))

    with pm.Model() as m:
        x = pm.Data("distance", distance, dims="bin")
        variance_of_shot = pm.HalfNormal("variance_of_shot")
        variance_of_distance = pm.HalfNormal("variance_of_distance")
        angle = pt.arcsin((4.25 - 1.68) / 2 / 12 / x)
        good_angle = 2 * phi(angle / variance_of_shot) - 1
        good_distance = phi(2.0 / ((x + 1.0) * variance_of_distance)) - phi(-1.0 / ((x + 1.0) * variance_of_distance))
        pm.Binomial("success", n=tries, p=good_angle * good_distance, observed=successes, dims="bin")
    return m


@model()
def multinomial_softmax(pm, d):
    """Softmax regression with a pivot, counts from pandas."""
    pt = tensors(pm)
    x = d.x[:9, 0]
    with pm.Model(coords={"outcome": ["a", "b", "c"], "obs": range(9)}) as m:
        alpha = pm.Normal("alpha", 0, 2, shape=2)
        beta = pm.Normal("beta", 0, 1, shape=2)
        score = alpha + beta * x[:, None]
        score = pt.concatenate([score, pt.zeros((9, 1))], axis=1)
        p = pm.Deterministic("p", pm.math.softmax(score, axis=-1), dims=("obs", "outcome"))
        pm.Multinomial("votes", n=d.votes.sum(axis=1), p=p, observed=d.votes, dims=("obs", "outcome"))
    return m


@model()
def ordered_logit_with_dirichlet_cutpoints(pm, d):
    """Monotonic effects and cutpoints: an ordered predictor's steps are a simplex."""
    pt = tensors(pm)
    education = np.random.RandomState(109).randint(4, size=40)
    with pm.Model() as m:
        kappa = pm.Normal("kappa", 0.0, 1.5, transform=pm.distributions.transforms.ordered, shape=3, initval=[-1.0, 0.0, 1.0])
        delta = pm.Dirichlet("delta", np.repeat(2.0, 3), shape=3)
        steps = pt.concatenate([[0.0], delta])
        b = pm.Normal("b", 0, 1)
        phi = b * pt.cumsum(steps)[education] + pm.Normal("slope", 0, 1) * d.x[:, 0]
        pm.OrderedLogistic("rating", eta=phi, cutpoints=kappa, observed=d.rating)
    return m


@model()
def errors_in_variables(pm, d):
    """Predictors measured with error, and robust outcomes."""
    with pm.Model() as m:
        x_true = pm.Normal("x_true", 0, 10, shape=40)
        pm.Normal("x_seen", mu=x_true, sigma=0.5, observed=d.x[:, 0])
        nu = pm.Deterministic("nu", 1 + pm.Exponential("nu_minus_one", 1 / 29))
        intercept, slope = pm.Normal("intercept", 0, 20), pm.Normal("slope", 0, 20)
        pm.StudentT("y", mu=intercept + slope * x_true, nu=nu, sigma=pm.HalfCauchy("sigma", beta=10), observed=d.y)
    return m


@model()
def spline_of_cherry_blossoms(pm, d):
    """B-spline with a random walk over the weights of the knots."""
    from scipy.interpolate import BSpline

    t = np.linspace(0, 1, 40)
    knots = np.concatenate([[0.0] * 3, np.linspace(0, 1, 5), [1.0] * 3])
    basis = BSpline(knots, np.eye(len(knots) - 4), 3)(t)
    with pm.Model(coords={"spline": np.arange(basis.shape[1]), "obs": range(40)}) as m:
        a = pm.Normal("a", 0, 5)
        step = pm.HalfNormal("step", 1)
        w = pm.GaussianRandomWalk("w", mu=0, sigma=step, init_dist=pm.Normal.dist(0, 3), dims="spline")
        mu = pm.Deterministic("mu", a + pm.math.dot(np.asarray(basis, order="F"), w.T), dims="obs")
        pm.Normal("D", mu=mu, sigma=pm.Exponential("sigma", 1), observed=d.y, dims="obs")
    return m


# Mixtures, zeros and limits --------------------------------------------------------------------------


@model()
def mixture_with_ordered_means(pm, d):
    """A mixture of normals by components of one distribution, weights a simplex."""
    with pm.Model(coords={"cluster": range(3)}) as m:
        w = pm.Dirichlet("w", np.ones(3), dims="cluster")
        mu = pm.Normal(
            "mu", mu=0, sigma=5, dims="cluster", transform=pm.distributions.transforms.ordered, initval=[-4.0, 0.0, 4.0]
        )
        sigma = pm.HalfNormal("sigma", sigma=1, dims="cluster")
        pm.NormalMixture("x", w=w, mu=mu, sigma=sigma, observed=d.clusters)
    return m


@model()
def dependent_density_regression(pm, d):
    """Weights by stick breaking that depend on a predictor."""
    pt = tensors(pm)
    x = np.linspace(-1, 1, 40)[:, None]

    def norm_cdf(z):
        return 0.5 * (1 + pt.erf(z / np.sqrt(2)))

    def stick_breaking(v):
        rest = pt.cumprod(1 - v, axis=1)
        return pt.concatenate([v, pt.ones_like(v[:, :1])], axis=1) * pt.concatenate([pt.ones_like(v[:, :1]), rest], axis=1)

    with pm.Model(coords={"N": np.arange(40), "K": np.arange(4), "break": np.arange(3), "one": [0]}) as m:
        alpha = pm.Normal("alpha", 0.0, 5.0, dims="break")
        beta = pm.Normal("beta", 0.0, 5.0, dims=("one", "break"))
        v = norm_cdf(alpha + pt.dot(x, beta))
        w = pm.Deterministic("w", stick_breaking(v), dims=("N", "K"))
        gamma = pm.Normal("gamma", 0.0, 10.0, dims="K")
        tau = pm.Gamma("tau", 1.0, 1.0, dims="K")
        pm.NormalMixture("obs", w, gamma, tau=tau, observed=d.y)
    return m


@model()
def zero_inflated_regression(pm, d):
    """Fishing: both the probability of a zero and the rate are regressions."""
    with pm.Model() as m:
        alpha, beta = pm.Normal("alpha", 0, 1), pm.Normal("beta", 0, 1, shape=3)
        gamma = pm.Normal("gamma", 0, 1, shape=2)
        psi = pm.Deterministic("psi", pm.math.sigmoid(gamma[0] + gamma[1] * d.x[:, 0]))
        rate = pm.math.exp(alpha + (d.x * beta).sum(axis=1))
        pm.ZeroInflatedPoisson("y", psi=psi, mu=rate, observed=d.zero_heavy)
    return m


@model()
def mixture_of_points_and_amounts(pm, d):
    """A mixture of components of different kinds with weights by group, and a Censored component."""
    with pm.Model() as m:
        w = pm.Dirichlet("w", a=np.ones(2), shape=(5, 2))
        lam = pm.Gamma("lam", 2, 1)
        components = [pm.Poisson.dist(lam), pm.NegativeBinomial.dist(mu=2 * lam, alpha=1.5)]
        pm.Mixture("y", w=w[d.groups], comp_dists=components, observed=d.count)
    return m


@model()
def censored_by_potential(pm, d):
    """Bayesian survival: the censored through logcdf, as potentials."""
    pt = tensors(pm)
    died = d.died
    with pm.Model() as m:
        beta = pm.Normal("beta", mu=0, sigma=2, shape=2)
        s = pm.HalfNormal("s", 3)
        x = np.column_stack([np.ones(30), (np.arange(30) % 3 == 0).astype(float)])
        eta = pt.dot(x, beta)
        y = np.log(d.time)
        pm.Gumbel("seen", eta[np.flatnonzero(died)], s, observed=y[died])
        survival = pt.log(1 - pt.exp(-pt.exp(-(y[~died] - eta[np.flatnonzero(~died)]) / s)))
        pm.Potential("censored", survival.sum())
    return m


@model()
def truncated_and_censored_regression(pm, d):
    """Both regressions of the gallery, with limits as data."""
    with pm.Model() as m:
        slope, intercept = pm.Normal("slope", 0, 1), pm.Normal("intercept", 0, 1)
        sigma = pm.HalfNormal("sigma", 1)
        line = pm.Normal.dist(mu=slope * d.x[:, 0] + intercept, sigma=sigma)
        pm.Censored("censored", line, lower=-1.0, upper=1.0, observed=np.clip(d.y, -1.0, 1.0))
        inside = np.abs(d.y) < 1.2
        within = pm.Normal.dist(mu=slope * d.x[inside, 0] + intercept, sigma=sigma)
        pm.Truncated("truncated", within, lower=-1.2, upper=1.2, observed=d.y[inside])
    return m


@model()
def frailty_piecewise_exponential(pm, d):
    """Cox's model as a Poisson process over intervals, with frailties."""
    draws = np.random.RandomState(113)
    exposure = draws.uniform(0.0, 3.0, size=(20, 6))
    death = (draws.uniform(size=(20, 6)) < 0.1).astype(int)
    treated, site = draws.randint(2, size=20), draws.randint(4, size=20)
    pt = tensors(pm)
    with pm.Model(coords={"interval": range(6), "site": range(4), "person": range(20)}) as m:
        lambda0 = pm.Gamma("lambda0", 0.5, 0.5, dims="interval")
        beta = pm.Normal("beta", 0, sigma=3)
        kappa = pm.HalfNormal("kappa", 1)
        frailty = pm.Gamma("frailty", 1 / kappa + 1, 1 / kappa + 1, dims="site")
        lambda_ = pm.Deterministic("lambda_", pt.outer(pt.exp(beta * treated) * frailty[site], lambda0))
        mu = pm.Deterministic("mu", exposure * lambda_)
        pm.Poisson("obs", mu, observed=death, dims=("person", "interval"))
    return m


# Time ------------------------------------------------------------------------------------------------


@model()
def switchpoint_with_missing_years(pm, d):
    """The coal mining model as in the overview, missing values masked by pandas."""
    import pandas as pd

    counts = pd.Series([np.nan if n < 0 else n for n in d.disasters])
    years = np.arange(1851, 1851 + len(counts))
    with pm.Model() as m:
        switchpoint = pm.DiscreteUniform("switchpoint", lower=years.min(), upper=years.max())
        early = pm.Exponential("early_rate", 1.0)
        late = pm.Exponential("late_rate", 1.0)
        rate = pm.math.switch(switchpoint >= years, early, late)
        pm.Poisson("disasters", rate, observed=counts)
    return m


@model()
def rolling_regression(pm, d):
    """Pairs trading: intercept and slope walk over blocks of time."""
    pt = tensors(pm)
    block = np.repeat(np.arange(6), 5)
    price = np.linspace(1.0, 2.0, 30) + d.returns
    with pm.Model(coords={"block": range(6), "time": range(30)}) as m:
        sigma_alpha = pm.Exponential("sigma_alpha", 50.0)
        alpha = pm.GaussianRandomWalk("alpha", sigma=sigma_alpha, init_dist=pm.Normal.dist(0, 10), dims="block")
        sigma_beta = pm.Exponential("sigma_beta", 50.0)
        beta = pm.GaussianRandomWalk("beta", sigma=sigma_beta, init_dist=pm.Normal.dist(0, 10), dims="block")
        regression = pm.Deterministic("regression", alpha[block] + pt.repeat(beta, 5) * price, dims="time")
        sd = pm.HalfNormal("sd", sigma=0.1, initval=0.5)
        pm.Normal("y", mu=regression, sigma=sd, observed=d.series, dims="time")
    return m


@model()
def prophet_like_trend(pm, d):
    """Piecewise linear trend with Fourier seasonality."""
    t = np.linspace(0, 1, 30)
    s = np.linspace(0.1, 0.8, 5)
    a = (t[:, None] > s) * 1.0
    fourier = np.hstack([np.cos(2 * np.pi * np.arange(1, 3) * t[:, None]), np.sin(2 * np.pi * np.arange(1, 3) * t[:, None])])
    with pm.Model() as m:
        k, offset = pm.Normal("k", 0, 1), pm.Normal("m", 0, 5)
        delta = pm.Laplace("delta", 0, 0.1, shape=5)
        growth = k + pm.math.dot(a, delta)
        trend = growth * t + (offset + pm.math.dot(a, -s * delta))
        seasonal = pm.math.dot(fourier, pm.Normal("beta", 0, 1, shape=4))
        sigma = pm.HalfCauchy("sigma", 0.5)
        pm.Normal("y", trend + seasonal, sigma, observed=d.series)
    return m


@model()
def vector_autoregression(pm, d):
    """Two lags of three series, with a covariance from LKJ."""
    pt = tensors(pm)
    with pm.Model(coords={"equation": range(3), "cross": range(3), "lag": [1, 2]}) as m:
        lag = pm.Normal("lag_coefs", 0, 0.3, dims=("equation", "lag", "cross"))
        alpha = pm.Normal("alpha", 0, 1, dims="equation")
        chol, _, _ = pm.LKJCholeskyCov("noise", n=3, eta=1.0, sd_dist=pm.HalfNormal.dist(1.0, shape=3))
        past = []
        for j in range(3):
            ar = pt.sum([pm.math.sum(lag[j, i] * d.vectors[1 - i : 19 - i], axis=-1) for i in range(2)], axis=0)
            past.append(ar)
        mean = alpha + pt.stack(past, axis=-1)
        pm.MvNormal("obs", mu=mean, chol=chol, observed=d.vectors[2:])
    return m


@model(spread=0.1)
def predator_and_prey(pm, d):
    """A differential equation by Euler's steps, written out."""
    draws = np.random.RandomState(127)
    seen = np.exp(draws.normal(size=(6, 2)) * 0.3 + 1.0)
    pt = tensors(pm)

    with pm.Model() as m:
        theta = pm.TruncatedNormal("theta", mu=0.5, sigma=0.2, lower=0.0, shape=4)
        start = pm.LogNormal("start", 1.0, 0.5, shape=2)
        path = [(start[0], start[1])]
        for _ in range(5):
            x, y = path[-1]
            path.append((x + 0.1 * (theta[0] * x - theta[1] * x * y), y + 0.1 * (theta[3] * x * y - theta[2] * y)))
        sigma = pm.HalfNormal("sigma", 1.0)
        pm.LogNormal("seen", pt.log(pt.stack([pt.stack(state) for state in path])), sigma, observed=seen)
    return m


# Space, factors and topics ---------------------------------------------------------------------------


@model()
def besag_york_mollie(pm, d):
    """Counts of areas: structured and unstructured effects, mixed."""
    w = np.zeros((12, 12))
    for i in range(12):
        w[i, (i + 1) % 12] = w[(i + 1) % 12, i] = 1
    pt = tensors(pm)
    with pm.Model(coords={"area": range(12)}) as m:
        beta0 = pm.Normal("beta0", 0, 1)
        theta = pm.Normal("theta", 0, 1, dims="area")
        phi = pm.ICAR("phi", W=w, dims="area")
        sigma = pm.HalfNormal("sigma", 1)
        rho = pm.Beta("rho", 0.5, 0.5)
        mixture = pm.Deterministic("mixture", pt.sqrt(1 - rho) * theta + pt.sqrt(rho / 0.7) * phi, dims="area")
        mu = pt.exp(np.log(np.linspace(1, 3, 12)) + beta0 + sigma * mixture)
        pm.Poisson("y", mu, observed=d.count[:12])
    return m


@model()
def latent_gaussian_process(pm, d):
    """A latent process for binary outcomes, by a Cholesky factor of its kernel."""
    pt = tensors(pm)
    x = np.linspace(0, 5, 20)
    squared = (x[:, None] - x[None, :]) ** 2
    with pm.Model() as m:
        ell = pm.InverseGamma("ell", alpha=5, beta=5)
        eta = pm.Exponential("eta", 1.0)
        cov = eta**2 * pt.exp(-0.5 * squared / ell**2) + 1e-4 * pt.eye(20)
        rotated = pm.Normal("f_rotated_", 0, 1, shape=20)
        f = pm.Deterministic("f", pt.linalg.cholesky(cov).dot(rotated))
        pm.Bernoulli("y", p=pm.math.invprobit(f), observed=d.binary[:20])
    return m


@model()
def factor_analysis(pm, d):
    """Loadings that are lower triangular with a positive diagonal, set into a matrix."""
    pt = tensors(pm)
    with pm.Model(coords={"row": range(20), "column": range(3), "factor": range(2)}) as m:
        diagonal = pm.HalfNormal("diagonal", 1.0, dims="factor")
        rest = pm.Normal("rest", 0, 1, shape=3)
        w = pt.zeros((3, 2))
        w = pt.set_subtensor(w[[0, 1], [0, 1]], diagonal)
        w = pt.set_subtensor(w[[1, 2, 2], [0, 0, 1]], rest)
        w = pm.Deterministic("W", w, dims=("column", "factor"))
        f = pm.Normal("F", dims=("factor", "row"))
        psi = pm.HalfNormal("psi", 1.0, dims="column")
        pm.Normal("X", (w @ f).T, psi, observed=d.vectors, dims=("row", "column"))
    return m


@model()
def probabilistic_matrix_factorisation(pm, d):
    """Ratings with holes: precision matrices given, only what was seen is observed."""
    ratings = np.where(d.answers > 0, d.answers * 3.0, np.nan)
    seen = ~np.isnan(ratings)
    pt = tensors(pm)
    with pm.Model(coords={"user": range(15), "movie": range(6), "latent": range(2)}) as m:
        u = pm.MvNormal("U", mu=0, tau=0.5 * np.eye(2), dims=("user", "latent"), initval=np.full((15, 2), 0.1))
        v = pm.MvNormal("V", mu=0, tau=0.7 * np.eye(2), dims=("movie", "latent"), initval=np.full((6, 2), -0.1))
        pm.Normal("R", mu=(u @ v.T)[np.where(seen)], tau=2.0, observed=ratings[seen])
        pm.Deterministic("rmse", pt.sqrt(pt.mean((u @ v.T) ** 2)))
    return m


@model()
def latent_dirichlet_allocation(pm, d):
    """Topics summed out of a small corpus."""
    draws = np.random.RandomState(131)
    words, documents = draws.randint(8, size=40), np.repeat(np.arange(5), 8)
    pt = tensors(pm)
    with pm.Model(coords={"document": range(5), "topic": range(3), "word": range(8)}) as m:
        theta = pm.Dirichlet("theta", a=np.ones((5, 3)), dims=("document", "topic"))
        phi = pm.Dirichlet("phi", a=np.full((3, 8), 0.7), dims=("topic", "word"))
        pm.Potential("words", pt.log(pt.sum(theta[documents] * phi[:, words].T, axis=1)).sum())
    return m


@model()
def gaussian_copula(pm, d):
    """Uniform margins from the data, tied by a correlation of normals."""
    from scipy import stats

    pt = tensors(pm)
    ranks = stats.rankdata(d.vectors, axis=0) / 21
    with pm.Model() as m:
        chol, corr, _ = pm.LKJCholeskyCov("chol", n=3, eta=2.0, sd_dist=pm.Exponential.dist(1.0, shape=3))
        scale = pt.diag(1.0 / pt.sqrt(pt.diag(chol @ chol.T)))
        pm.MvNormal("z", mu=pt.zeros(3), chol=scale @ chol, observed=stats.norm.ppf(ranks))
        pm.Deterministic("rho", corr[np.triu_indices(3, 1)])
    return m


@model()
def reinforcement_learning(pm, d):
    """Two-armed bandit: values are learned in a loop over trials."""
    pt = tensors(pm)
    draws = np.random.RandomState(137)
    actions, rewards = draws.randint(2, size=10), draws.randint(2, size=10)
    with pm.Model() as m:
        alpha = pm.Beta("alpha", 1, 1)
        beta = pm.HalfNormal("beta", 10)
        q = pt.as_tensor([0.5, 0.5])
        logits = []
        for action, reward in zip(actions, rewards):
            q = pt.set_subtensor(q[action], q[action] + alpha * (reward - q[action]))
            logits.append(beta * q)
        p = pm.math.softmax(pt.stack(logits)[:-1], axis=-1)[:, 1]
        pm.Bernoulli("action", p=p, observed=actions[1:])
    return m


@model()
def bayesian_neural_network(pm, d):
    """Weights by layer with dims, data that can be replaced."""
    draws = np.random.RandomState(139)
    start = [draws.normal(size=s) for s in ((3, 5), (5, 5), (5,))]
    coords = {"hidden_1": range(5), "hidden_2": range(5), "feature": range(3), "obs": range(40)}
    with pm.Model(coords=coords) as m:
        x = pm.Data("ann_input", d.x, dims=("obs", "feature"))
        y = pm.Data("ann_output", d.binary, dims="obs")
        first = pm.Normal("w_in_1", 0, sigma=1, initval=start[0], dims=("feature", "hidden_1"))
        second = pm.Normal("w_1_2", 0, sigma=1, initval=start[1], dims=("hidden_1", "hidden_2"))
        last = pm.Normal("w_2_out", 0, sigma=1, initval=start[2], dims="hidden_2")
        act = pm.math.tanh(pm.math.dot(pm.math.tanh(pm.math.dot(x, first)), second))
        pm.Bernoulli("out", pm.math.sigmoid(pm.math.dot(act, last)), observed=y, total_size=40, dims="obs")
    return m
