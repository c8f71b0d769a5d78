"""Models as books on Bayesian statistics and forums write them: less usual corners of the API.

Each has data of its own, made in its function.
"""

import numpy as np
from examples import model, scan, tensors

# Groups ----------------------------------------------------------------------------------------------


@model()
def tadpoles_in_tanks(pm, d):
    """Survival by tank, with the size of the population's spread learned."""
    draws = np.random.RandomState(201)
    density = np.repeat([10, 25, 35], 5)
    survived = draws.binomial(density, 0.7)
    with pm.Model(coords={"tank": np.arange(15)}) as m:
        a_bar = pm.Normal("a_bar", 0.0, 1.5)
        sigma = pm.Exponential("sigma", 1.0)
        a = pm.Normal("a", a_bar, sigma, dims="tank")
        p = pm.Deterministic("p", pm.math.invlogit(a[np.arange(15)]), dims="tank")
        pm.Binomial("S", n=density, p=p, observed=survived)
    return m


@model()
def chimpanzees_by_actor_and_block(pm, d):
    """Two kinds of groups, non-centred, treatments as index."""
    draws = np.random.RandomState(202)
    actor, block, treatment = np.repeat(np.arange(4), 9), np.tile(np.arange(3), 12), draws.randint(4, size=36)
    pulled = draws.randint(2, size=36)
    with pm.Model(coords={"actor": range(4), "block": range(3), "treatment": ["R/N", "L/N", "R/P", "L/P"]}) as m:
        a_bar = pm.Normal("a_bar", 0, 1.5)
        sigma_a, sigma_g = pm.Exponential("sigma_a", 1), pm.Exponential("sigma_g", 1)
        z = pm.Normal("z", 0, 1, dims="actor")
        x = pm.Normal("x", 0, 1, dims="block")
        b = pm.Normal("b", 0, 0.5, dims="treatment")
        logit_p = a_bar + z[actor] * sigma_a + x[block] * sigma_g + b[treatment]
        pm.Bernoulli("pulled_left", logit_p=logit_p, observed=pulled)
    return m


@model()
def cafes_with_correlated_waits(pm, d):
    """Varying effects from a covariance put together of its parts, centred."""
    draws = np.random.RandomState(203)
    cafe, afternoon = np.repeat(np.arange(6), 6), np.tile([0, 1], 18)
    wait = 3.5 - afternoon + 0.5 * draws.normal(size=36)
    pt = tensors(pm)
    with pm.Model() as m:
        rho = pm.Uniform("rho", -1, 1)
        sigma_cafe = pm.Exponential("sigma_cafe", 1.0, shape=2)
        corr = pt.stack([pt.stack([1.0, rho]), pt.stack([rho, 1.0])])
        cov = pt.diag(sigma_cafe) @ corr @ pt.diag(sigma_cafe)
        ab_bar = pm.Normal("ab_bar", mu=np.array([5.0, -1.0]), sigma=np.array([2.0, 0.5]), shape=2)
        ab = pm.MvNormal("ab", mu=ab_bar, cov=cov, shape=(6, 2))
        mu = ab[:, 0][cafe] + ab[:, 1][cafe] * afternoon
        pm.Normal("wait", mu=mu, sigma=pm.Exponential("sigma", 1.0), observed=wait)
    return m


@model()
def social_relations(pm, d):
    """Givers and receivers from one covariance, dyads from another with two equal scales."""
    draws = np.random.RandomState(204)
    first, second = np.triu_indices(5, 1)
    ab, ba = draws.poisson(3, size=10), draws.poisson(3, size=10)
    pt = tensors(pm)
    with pm.Model(coords={"household": range(5), "dyad": range(10)}) as m:
        a = pm.Normal("a", 0, 1)
        chol_gr, _, _ = pm.LKJCholeskyCov("rho_gr", n=2, eta=4, sd_dist=pm.Exponential.dist(1.0), compute_corr=True)
        z_gr = pm.Normal("z_gr", 0, 1, shape=(2, 5))
        gr = pm.Deterministic("gr", pt.dot(chol_gr, z_gr).T)
        sigma_d = pm.Exponential("sigma_d", 1)
        corr_d = pm.Uniform("corr_d", -1, 1)
        z_d = pm.Normal("z_d", 0, 1, shape=(2, 10))
        d_ab = sigma_d * z_d[0]
        d_ba = sigma_d * (corr_d * z_d[0] + pm.math.sqrt(1 - corr_d**2) * z_d[1])
        pm.Poisson("ab", pm.math.exp(a + gr[first, 0] + gr[second, 1] + d_ab), observed=ab, dims="dyad")
        pm.Poisson("ba", pm.math.exp(a + gr[second, 0] + gr[first, 1] + d_ba), observed=ba, dims="dyad")
    return m


@model()
def nested_prefixes(pm, d):
    """A part of a model as a function with a name, used twice."""

    def effect(name, x):
        with pm.Model(name=name):
            mu = pm.Normal("mu", 0, 1)
            sigma = pm.HalfNormal("sigma", 1)
            z = pm.Normal("z", 0, 1, dims="group")
            return pm.Deterministic("effect", mu + sigma * z, dims="group")[d.groups] * x

    with pm.Model(coords={"group": range(5)}) as m:
        line = effect("intercept", 1.0) + effect("slope", d.x[:, 0])
        pm.Normal("y", line, pm.HalfNormal("noise", 1), observed=d.y)
    return m


@model()
def three_levels_by_repeated_index(pm, d):
    """Pupils in classes in schools; coords added one by one; a length from a dim."""
    school_of_class = np.array([0, 0, 1, 1, 1])
    with pm.Model() as m:
        m.add_coord("school", ["A", "B"])
        m.add_coord("class_", length=5)
        m.add_coords({"pupil": range(40)})
        school = pm.Normal("school_mean", 0, 1, dims="school")
        spread = pm.HalfCauchy("spread", beta=2)
        room = pm.Normal("room", mu=school[school_of_class], sigma=spread, dims="class_")
        pm.StudentT("score", nu=4, mu=room[d.groups], sigma=1.0, observed=d.y, dims="pupil")
    return m


@model()
def zero_sum_crossed_effects(pm, d):
    """Main effects and an interaction, each of sum zero over its axes."""
    with pm.Model(coords={"row": range(5), "column": range(4), "obs": range(40)}) as m:
        rows = pm.ZeroSumNormal("rows", sigma=1.0, dims="row")
        both = pm.ZeroSumNormal("both", sigma=pm.HalfNormal("scale", 1.0), n_zerosum_axes=2, dims=("row", "column"))
        mu = pm.Normal("mu") + rows[d.groups] + both[d.groups, d.category]
        pm.Normal("y", mu=mu, sigma=1, observed=d.y, dims="obs")
    return m


# Ordered, counted, compounded -----------------------------------------------------------------------


@model()
def trolley_with_monotonic_education(pm, d):
    """Cut points, and steps of an ordered predictor from a Dirichlet."""
    pt = tensors(pm)
    education = d.category
    with pm.Model() as m:
        kappa = pm.Normal(
            "kappa", 0, 1.5, transform=pm.distributions.transforms.ordered, shape=3, initval=np.array([-1.0, 0.0, 1.0])
        )
        delta = pm.Dirichlet("delta", np.repeat(2.0, 3), shape=3)
        steps = pt.concatenate([pt.zeros(1), delta])
        b = pm.Normal("b", 0, 1, shape=2)
        phi = b[0] * d.x[:, 0] + b[1] * pt.cumsum(steps)[education]
        pm.OrderedLogistic("R", eta=phi, cutpoints=kappa, observed=d.rating)
    return m


@model()
def item_response_with_anchors(pm, d):
    """Three parameters; persons standardised; discriminations positive."""
    pt = tensors(pm)
    answers = d.answers
    with pm.Model(coords={"person": range(15), "item": range(6)}) as m:
        ability = pm.Normal("ability", 0, 1, dims="person")
        scaled = (ability - ability.mean()) / ability.std()
        discrimination = pm.LogNormal("discrimination", 0, 0.5, dims="item")
        difficulty = pm.Normal("difficulty", 0, 1.5, dims="item")
        guess = pm.Beta("guess", 2, 8, dims="item")
        p = guess + (1 - guess) * pm.math.sigmoid(discrimination[None, :] * (scaled[:, None] - difficulty[None, :]))
        pm.Bernoulli("answer", p=pt.clip(p, 1e-6, 1 - 1e-6), observed=answers, dims=("person", "item"))
    return m


@model()
def counts_with_offset_and_overdispersion(pm, d):
    """Negative binomial with p and n, an offset by log, a dispersion by group."""
    exposure = np.linspace(0.5, 2.0, 40)
    with pm.Model(coords={"group": range(5)}) as m:
        log_rate = pm.Normal("log_rate", 0, 1, dims="group")
        alpha = pm.Gamma("alpha", alpha=2, beta=0.5, dims="group")
        mu = pm.math.exp(log_rate[d.groups] + np.log(exposure))
        a = alpha[d.groups]
        pm.NegativeBinomial("y", n=a, p=a / (a + mu), observed=d.count)
    return m


@model()
def monks_with_drinking_days(pm, d):
    """Zero-inflated, both links in one line, data as pandas columns."""
    import pandas as pd

    table = pd.DataFrame({"y": d.zero_heavy, "x": d.x[:, 0]})
    with pm.Model() as m:
        ap, al = pm.Normal("ap", -1.5, 1.0), pm.Normal("al", 1.0, 0.5)
        bl = pm.Normal("bl", 0, 0.5)
        p = pm.math.invlogit(ap)
        pm.ZeroInflatedPoisson("y", psi=1.0 - p, mu=pm.math.exp(al + bl * table["x"].values), observed=table["y"])
    return m


@model()
def zero_inflated_by_mixture(pm, d):
    """The same written as a mixture with a point."""
    pt = tensors(pm)
    with pm.Model() as m:
        w = pm.Beta("w", 1, 1)
        rate = pm.Gamma("rate", 2, 1)
        pm.Mixture("y", w=pt.stack([w, 1 - w]), comp_dists=[pm.DiracDelta.dist(0), pm.Poisson.dist(rate)], observed=d.zero_heavy)
    return m


@model()
def dirichlet_multinomial_of_forest(pm, d):
    """Trees of species by a fraction and a concentration."""
    counts = d.votes
    with pm.Model(coords={"forest": range(9), "species": ["pine", "oak", "ash"]}) as m:
        fraction = pm.Dirichlet("frac", a=np.ones(3), dims="species")
        concentration = pm.LogNormal("conc", mu=1, sigma=1)
        pm.DirichletMultinomial("counts", n=12, a=fraction * concentration, observed=counts, dims=("forest", "species"))
    return m


@model()
def multinomial_by_group(pm, d):
    """A softmax of centred logits for every row."""
    pt = tensors(pm)
    with pm.Model(coords={"row": range(9), "option": range(3)}) as m:
        base = pm.Normal("base", 0, 1, shape=2)
        row = pm.Normal("row_effect", 0, 0.3, dims="row")
        logits = pt.concatenate([base[None, :] + row[:, None], pt.zeros((9, 1))], axis=1)
        p = pm.Deterministic("p", pm.math.softmax(logits, axis=-1), dims=("row", "option"))
        pm.Multinomial("votes", n=12, p=p, observed=d.votes)
    return m


@model()
def beta_binomial_of_admissions(pm, d):
    """Mean and size in place of alpha and beta, with an index for departments."""
    with pm.Model() as m:
        a = pm.Normal("a", 0.0, 1.5, shape=5)
        phi = pm.Exponential("phi", 1.0)
        theta = pm.Deterministic("theta", phi + 2.0)
        pbar = pm.Deterministic("pbar", pm.math.invlogit(a))
        pm.BetaBinomial("A", pbar[d.groups] * theta, (1.0 - pbar[d.groups]) * theta, d.trials, observed=d.successes)
    return m


@model()
def geometric_and_hypergeometric(pm, d):
    """Trials until success; draws without return."""
    with pm.Model() as m:
        p = pm.Beta("p", 2, 2)
        pm.Geometric("tries", p, observed=d.count + 1)
        pm.HyperGeometric("taken", N=50, k=20, n=10, observed=np.array([3, 4, 5]))
        pm.DiscreteUniform("die", 1, 6, observed=[1, 6, 3])
    return m


# Tests, changes, survival ----------------------------------------------------------------------------


@model()
def best_of_two_groups(pm, d):
    """Bayesian estimation supersedes the t test."""
    y1, y2 = d.y[:20], d.y[20:] + 0.3
    both = np.concatenate([y1, y2])
    with pm.Model() as m:
        mean1 = pm.Normal("group1_mean", mu=both.mean(), sigma=both.std() * 2)
        mean2 = pm.Normal("group2_mean", mu=both.mean(), sigma=both.std() * 2)
        std1 = pm.Uniform("group1_std", lower=0.1, upper=10)
        std2 = pm.Uniform("group2_std", lower=0.1, upper=10)
        nu_minus_one = pm.Exponential("nu_minus_one", 1 / 29.0)
        nu = pm.Deterministic("nu", nu_minus_one + 1)
        pm.Deterministic("nu_log10", pm.math.log(nu) / np.log(10))
        pm.StudentT("group1", nu=nu, mu=mean1, lam=std1**-2, observed=y1)
        pm.StudentT("group2", nu=nu, mu=mean2, lam=std2**-2, observed=y2)
        diff = pm.Deterministic("difference of means", mean1 - mean2)
        pm.Deterministic("effect size", diff / np.sqrt((std1**2 + std2**2) / 2))
    return m


@model()
def conversion_test(pm, d):
    """Visitors and buyers of two sites, a revenue for each buyer."""
    visitors, bought = np.array([1000, 1020]), np.array([120, 150])
    revenue = np.array([1300.0, 1500.0])
    with pm.Model(coords={"site": ["A", "B"]}) as m:
        theta = pm.Beta("theta", alpha=50, beta=400, dims="site")
        lam = pm.Gamma("lam", alpha=9000, beta=900, dims="site")
        pm.Binomial("converted", n=visitors, p=theta, observed=bought, dims="site")
        pm.Gamma("revenue", alpha=bought, beta=lam, observed=revenue, dims="site")
        per_visitor = pm.Deterministic("revenue per visitor", theta / lam, dims="site")
        pm.Deterministic("uplift", per_visitor[1] / per_visitor[0] - 1)
    return m


@model()
def text_messages_with_a_switch(pm, d):
    """A change point that is continuous, by a sigmoid; rates by switch at a given day."""
    days = np.arange(40)
    with pm.Model() as m:
        alpha = 1.0 / d.count.mean()
        lambda_1, lambda_2 = pm.Exponential("lambda_1", alpha), pm.Exponential("lambda_2", alpha)
        tau = pm.DiscreteUniform("tau", lower=0, upper=39)
        lambda_ = pm.math.switch(tau > days, lambda_1, lambda_2)
        pm.Poisson("obs", lambda_, observed=d.count)
    return m


@model()
def smooth_change_points(pm, d):
    """Two change points, ordered, with a slope each."""
    t = np.linspace(0, 1, 30)
    with pm.Model() as m:
        at = pm.Uniform("at", 0, 1, shape=2, transform=pm.distributions.transforms.ordered, initval=np.array([0.3, 0.7]))
        step = pm.Normal("step", 0, 1, shape=3)
        weight = pm.math.sigmoid(20 * (t[:, None] - at[None, :]))
        mu = step[0] + pm.math.sum(weight * step[1:], axis=1)
        pm.Normal("y", mu, pm.HalfNormal("sigma", 1), observed=d.series)
    return m


@model()
def cat_adoptions_with_censoring(pm, d):
    """Waiting times; those that go on count by the survival function, a custom density."""
    pt = tensors(pm)
    days, adopted, colour = d.time, d.died.astype(int), np.arange(30) % 2
    with pm.Model() as m:
        a = pm.Normal("a", 0, 1, shape=2)
        lam = 1.0 / pm.math.exp(a[colour])

        def logp(value, lam, adopted):
            return adopted * (pt.log(lam) - lam * value) + (1 - adopted) * (-lam * value)

        pm.CustomDist("days", lam, adopted, logp=logp, observed=days)
    return m


@model()
def censored_by_a_list_of_limits(pm, d):
    """Each row has its own limit above, infinite where none."""
    upper = np.where(d.died, np.inf, d.time)
    with pm.Model() as m:
        alpha = pm.HalfNormal("alpha", 2)
        beta = pm.HalfNormal("beta", 5)
        latent = pm.Weibull.dist(alpha=alpha, beta=beta)
        pm.Censored("t", latent, lower=None, upper=upper, observed=d.time)
    return m


@model()
def accelerated_failure_by_potential(pm, d):
    """Log-logistic times with pm.logcdf and pm.logccdf in a potential."""
    log_t, died = np.log(d.time), d.died
    with pm.Model() as m:
        mu = pm.Normal("mu", 0, 2)
        s = pm.HalfNormal("s", 2)
        pm.Logistic("seen", mu, s, observed=log_t[died])
        pm.Potential("alive", pm.math.log1mexp(pm.logcdf(pm.Logistic.dist(mu, s), log_t[~died])))
        pm.Potential("alive again", pm.logccdf(pm.Logistic.dist(mu, s), log_t[~died]), dims=None)
    return m


@model()
def interval_counts_truncated(pm, d):
    """Counts that are seen only from 1, and only up to 9."""
    seen = np.clip(d.count, 1, 9)
    with pm.Model() as m:
        mu = pm.Exponential("mu", 0.3)
        pm.Truncated("y", pm.Poisson.dist(mu), lower=1, upper=9, observed=seen)
        pm.Truncated("z", pm.Gamma.dist(alpha=2.0, beta=mu), upper=8.0, observed=np.clip(d.positive, 0.1, 7.9))
    return m


# Missing and mismeasured -----------------------------------------------------------------------------


@model()
def divorce_with_measurement_error(pm, d):
    """True values of the outcome and of a predictor are unknown."""
    error = np.linspace(0.2, 0.6, 40)
    with pm.Model(coords={"state": range(40)}) as m:
        a, b = pm.Normal("a", 0, 0.2), pm.Normal("b", 0, 0.5, shape=2)
        x_true = pm.Normal("x_true", 0, 1, dims="state")
        y_true = pm.Normal("y_true", mu=a + b[0] * d.x[:, 1] + b[1] * x_true, sigma=pm.Exponential("sigma", 1.0), dims="state")
        pm.Normal("x_obs", mu=x_true, sigma=error, observed=d.x[:, 0], dims="state")
        pm.Normal("y_obs", mu=y_true, sigma=error, observed=d.y, dims="state")
    return m


@model()
def milk_with_missing_pairs(pm, d):
    """Two predictors from one normal, one of them with holes."""
    pairs = np.column_stack([d.x_holes, d.x[:, 1]])
    with pm.Model() as m:
        chol, _, _ = pm.LKJCholeskyCov("chol", n=2, eta=2, sd_dist=pm.Exponential.dist(1.0), compute_corr=True)
        mu = pm.Normal("mu", 0, 0.5, shape=2)
        both = pm.MvNormal("both", mu=mu, chol=chol, observed=np.ma.masked_invalid(pairs))
        b = pm.Normal("b", 0, 0.5, shape=2)
        pm.Normal("y", both @ b, pm.Exponential("sigma", 1.0), observed=d.y)
    return m


@model()
def missing_categories_of_counts(pm, d):
    """Counts with masked values, integers, by a masked array."""
    counts = np.ma.masked_array(d.count, mask=np.arange(40) % 13 == 0)
    with pm.Model() as m:
        rate = pm.Exponential("rate", 0.5)
        pm.Poisson("y", rate, observed=counts)
    return m


@model()
def posterior_as_prior(pm, d):
    """Draws of a run before as an interpolated prior."""
    from scipy import stats

    grid = np.linspace(-3, 3, 100)
    pdf = stats.gaussian_kde(np.random.RandomState(207).normal(0.4, 0.8, size=200))(grid)
    with pm.Model() as m:
        alpha = pm.Interpolated("alpha", grid, pdf)
        beta = pm.Interpolated("beta", grid, pdf + 0.01, shape=2)
        pm.Normal("y", alpha + beta[0] * d.x[:, 0] + beta[1] * d.x[:, 1], 1.0, observed=d.y)
    return m


# Time ------------------------------------------------------------------------------------------------


@model()
def stochastic_volatility_with_student(pm, d):
    """A walk of log-volatilities with a start, returns with heavy tails."""
    with pm.Model(coords={"time": range(30)}) as m:
        step_size = pm.Exponential("step_size", 10)
        volatility = pm.GaussianRandomWalk("volatility", sigma=step_size, init_dist=pm.Normal.dist(0, 100), dims="time")
        nu = pm.Exponential("nu", 0.1)
        pm.StudentT("returns", nu=nu, lam=np.exp(-2 * volatility), observed=d.returns, dims="time")
    return m


@model()
def local_level_with_drift(pm, d):
    """A walk with drift by steps, and a walk of vectors."""
    with pm.Model() as m:
        drift = pm.Normal("drift", 0, 0.1)
        level = pm.GaussianRandomWalk("level", mu=drift, sigma=0.3, init_dist=pm.Normal.dist(0.0, 1.0), steps=29)
        chol, *_ = pm.LKJCholeskyCov("chol", n=3, eta=2, sd_dist=pm.HalfNormal.dist(0.5))
        walk = pm.MvGaussianRandomWalk("walk", mu=np.zeros(3), chol=chol, init_dist=pm.MvNormal.dist(np.zeros(3), np.eye(3)), shape=(20, 3))
        pm.Normal("y", level, 0.2, observed=d.series)
        pm.Normal("v", walk, 0.5, observed=d.vectors)
    return m


@model()
def autoregression_with_a_constant(pm, d):
    """Two lags and a constant, a start of its own; a latent one by steps."""
    with pm.Model() as m:
        rho = pm.Normal("rho", 0, 0.4, shape=3)
        tau = pm.Exponential("tau", 0.5)
        pm.AR("y", rho=rho, tau=tau, constant=True, init_dist=pm.Normal.dist(0, 10, shape=2), observed=d.series)
        latent = pm.AR("latent", rho=[0.6], sigma=1.0, init_dist=pm.Normal.dist(0, 1), steps=4)
        pm.Normal("z", latent, 1.0, observed=d.series[:5])
    return m


@model()
def seasonal_dummies_and_lags(pm, d):
    """Months by index with sum zero, a lag of the data, errors of variance by block."""
    month = np.arange(30) % 6
    with pm.Model(coords={"month": range(6), "block": range(3)}) as m:
        season = pm.ZeroSumNormal("season", sigma=0.5, dims="month")
        lag = pm.TruncatedNormal("lag", mu=0.5, sigma=0.3, lower=-1, upper=1)
        log_sigma = pm.Normal("log_sigma", 0, 0.5, dims="block")
        sigma = pm.math.exp(log_sigma)[np.repeat([0, 1, 2], [10, 10, 9])]
        pm.Normal("y", lag * d.series[:-1] + season[month[1:]], sigma, observed=d.series[1:])
    return m


@model()
def custom_walk_of_logs(pm, d):
    """A custom distribution by `dist`: a cumulated sum, with a start of its own."""
    pt = tensors(pm)

    def walk(start, drift, sigma, size):
        steps = pm.Normal.dist(drift, sigma, size=29)
        return pt.concatenate([pm.Normal.dist(start, 1.0)[None], steps]).cumsum()

    with pm.Model() as m:
        sigma = pm.HalfNormal("sigma", 1.0)
        pm.CustomDist("y", 0.0, pm.Normal("drift", 0, 1), sigma, dist=walk, observed=d.series, signature="(),(),()->(t)")
    return m


@model()
def moving_average_by_scan(pm, d):
    """Errors of errors: a loop with data as sequences and a carried value."""
    pt = tensors(pm)
    with pm.Model() as m:
        mu, theta = pm.Normal("mu", 0, 1), pm.Uniform("theta", -1, 1)
        errors, _ = scan(pm)(
            fn=lambda y, before, mu, theta: y - mu - theta * before,
            sequences=[pt.as_tensor(d.series)],
            outputs_info=[pt.as_tensor(np.float64(0.0))],
            non_sequences=[mu, theta],
        )
        pm.Potential("likelihood", pm.logp(pm.Normal.dist(0, pm.HalfNormal("sigma", 1)), errors).sum())
    return m


@model()
def two_lags_by_scan(pm, d):
    """Taps of the output, a latent path from innovations."""
    pt = tensors(pm)
    with pm.Model(coords={"time": range(30)}) as m:
        rho = pm.Normal("rho", 0, 0.3, shape=2)
        z = pm.Normal("z", 0, 1, dims="time")
        path, _ = scan(pm)(
            fn=lambda now, two, one, first, second: first * two + second * one + now,
            sequences=[z],
            outputs_info=[dict(initial=pt.as_tensor(np.array([0.1, 0.2])), taps=[-2, -1])],
            non_sequences=[rho[0], rho[1]],
            strict=True,
        )
        pm.Normal("y", path, 0.5, observed=d.series)
    return m


@model()
def hidden_markov_by_scan(pm, d):
    """The forward algorithm: states summed out step by step."""
    pt = tensors(pm)
    with pm.Model() as m:
        stay = pm.Beta("stay", 5, 2, shape=2)
        mu = pm.Normal("mu", [-1.0, 1.0], 1.0, shape=2)
        log_p = pt.log(pt.stack([pt.stack([stay[0], 1 - stay[0]]), pt.stack([1 - stay[1], stay[1]])]))
        emission = pm.logp(pm.Normal.dist(mu, 1.0), d.series[:, None])
        alpha, _ = scan(pm)(
            fn=lambda e, before, log_p: pm.math.logsumexp(before[:, None] + log_p, axis=0) + e,
            sequences=[emission[1:]],
            outputs_info=[np.log(0.5) + emission[0]],
            non_sequences=[log_p],
        )
        pm.Potential("forward", pm.math.logsumexp(alpha[-1]))
    return m


@model()
def autoregression_drawn_by_scan(pm, d):
    """A custom distribution whose `dist` is a loop of draws."""
    pt = tensors(pm)

    def path(rho, sigma, size):
        def step(before, rho, sigma):
            now = pm.Normal.dist(rho * before, sigma)
            return now, pm.pytensorf.collect_default_updates([now])

        found, _ = scan(pm)(
            fn=step, outputs_info=[pt.as_tensor(np.float64(0.0))], non_sequences=[rho, sigma], n_steps=30, strict=True
        )
        return found

    with pm.Model() as m:
        rho = pm.Normal("rho", 0, 0.5)
        sigma = pm.HalfNormal("sigma", 1)
        pm.CustomDist("y", rho, sigma, dist=path, observed=d.series, signature="(),()->(t)")
    return m


@model()
def compartments_by_a_loop(pm, d):
    """Susceptible, infected, recovered, by Python's loop over days."""
    pt = tensors(pm)
    infected = np.array([3.0, 5.0, 9.0, 14.0, 18.0, 20.0])
    with pm.Model() as m:
        beta = pm.LogNormal("beta", np.log(0.6), 0.3)
        gamma = pm.LogNormal("gamma", np.log(0.2), 0.3)
        i0 = pm.HalfNormal("i0", 5.0, initval=2.0)
        s, i = 100.0 - i0, i0
        path = []
        for _ in range(6):
            new = beta * s * i / 100.0
            s, i = s - new, i + new - gamma * i
            path.append(i)
        curve = pm.Deterministic("curve", pt.stack(path))
        pm.NegativeBinomial("cases", mu=curve, alpha=10.0, observed=infected.astype(int))
    return m


# Curves, processes, factors --------------------------------------------------------------------------


@model()
def splines_with_a_walk_of_weights(pm, d):
    """A spline basis by hand, weights that walk, data with dims."""
    t = np.linspace(0, 1, 30)
    knots = np.linspace(0, 1, 6)
    basis = np.maximum(0.0, 1 - np.abs(t[:, None] - knots) * 5)
    with pm.Model(coords={"spline": range(6), "obs": range(30)}) as m:
        b = pm.Data("basis", basis, dims=("obs", "spline"))
        a = pm.Normal("a", 0, 1)
        sigma_w = pm.HalfNormal("sigma_w", 1)
        w = pm.GaussianRandomWalk("w", sigma=sigma_w, init_dist=pm.Normal.dist(0, 1), dims="spline")
        mu = pm.Deterministic("mu", a + pm.math.dot(b, w), dims="obs")
        pm.Normal("y", mu=mu, sigma=pm.Exponential("sigma", 1), observed=d.series, dims="obs")
    return m


@model()
def islands_by_distance(pm, d):
    """A covariance of squared distances with a jitter, counts with an offset."""
    pt = tensors(pm)
    draws = np.random.RandomState(208)
    where = draws.uniform(0, 5, size=(8, 2))
    squared = ((where[:, None] - where[None]) ** 2).sum(-1)
    log_pop, tools = draws.normal(7, 1, size=8), draws.poisson(20, size=8)
    with pm.Model() as m:
        a, b, g = pm.Exponential("a", 1.0), pm.Exponential("b", 1.0), pm.Exponential("g", 1.0)
        etasq, ellsq = pm.Exponential("etasq", 2.0), pm.HalfNormal("ellsq", 0.5)
        k = etasq * pt.exp(-ellsq * squared) + np.diag([0.01] * 8)
        effect = pm.MvNormal("k", mu=np.zeros(8), cov=k, shape=8)
        lam = (a * pm.math.exp(log_pop) ** b / g) * pm.math.exp(effect)
        pm.Poisson("tools", lam / 100.0, observed=tools)
    return m


@model()
def basis_functions_of_a_process(pm, d):
    """A Gaussian process by eigenfunctions on a box, one length scale for two outputs."""
    pt = tensors(pm)
    x = np.linspace(-1, 1, 30)
    order = np.arange(1, 9)
    root = order * np.pi / 3.0
    phi = np.sin(root * (x[:, None] + 1.5)) / np.sqrt(1.5)
    with pm.Model(coords={"basis": order, "output": ["a", "b"]}) as m:
        ell = pm.InverseGamma("ell", mu=1.0, sigma=0.5)
        eta = pm.Exponential("eta", scale=1.0)
        density = eta**2 * np.sqrt(2 * np.pi) * ell * pt.exp(-0.5 * (ell * root) ** 2)
        z = pm.Normal("z", dims=("basis", "output"))
        f = pm.Deterministic("f", pt.as_tensor(phi) @ (pt.sqrt(density)[:, None] * z))
        pm.Normal("y", f[:, 0], 0.3, observed=d.series)
        pm.Normal("r", f[:, 1], pm.HalfNormal("noise", 0.3), observed=d.returns)
    return m


@model()
def additive_kernels(pm, d):
    """A sum and a product of kernels, marginal likelihood by a Cholesky factor."""
    pt = tensors(pm)
    x = np.linspace(0, 3, 30)
    gap = np.abs(x[:, None] - x[None])
    with pm.Model() as m:
        ell = pm.Gamma("ell", 2, 1, shape=2)
        eta = pm.HalfNormal("eta", 1, shape=2)
        matern = (1 + np.sqrt(3) * gap / ell[0]) * pt.exp(-np.sqrt(3) * gap / ell[0])
        periodic = pt.exp(-2 * pt.sin(np.pi * gap) ** 2 / ell[1] ** 2)
        k = eta[0] ** 2 * matern + eta[1] ** 2 * periodic * pt.exp(-(gap**2) / 8)
        cov = k + pt.diag(pt.full(30, 0.1)) + pm.HalfNormal("sigma", 0.5) ** 2 * pt.eye(30)
        pm.MvNormal("y", mu=pt.zeros(30), chol=pt.linalg.cholesky(cov), observed=d.series)
    return m


@model()
def factor_scores_with_fixed_signs(pm, d):
    """A loadings' matrix filled by index, marginal covariance."""
    pt = tensors(pm)
    with pm.Model() as m:
        positive = pm.HalfNormal("positive", 1.0, shape=2)
        free = pm.Normal("free", 0, 1, shape=3)
        loadings = pt.zeros((3, 2))
        loadings = loadings[np.arange(2), np.arange(2)].set(positive)
        loadings = loadings[np.array([1, 2, 2]), np.array([0, 0, 1])].set(free)
        psi = pm.InverseGamma("psi", 2, 1, shape=3)
        cov = loadings @ loadings.T + pt.diag(psi)
        pm.MvNormal("x", mu=d.vectors.mean(0), cov=cov, observed=d.vectors)
    return m


@model()
def regularised_horseshoe(pm, d):
    """Finnish horseshoe as papers write it."""
    pt = tensors(pm)
    with pm.Model(coords={"feature": range(3)}) as m:
        tau = pm.HalfStudentT("tau", 2, 0.1)
        lam = pm.HalfStudentT("lam", 2, dims="feature")
        c2 = pm.InverseGamma("c2", 1, 0.1)
        z = pm.Normal("z", 0.0, 1.0, dims="feature")
        beta = pm.Deterministic("beta", z * tau * lam * pt.sqrt(c2 / (c2 + tau**2 * lam**2)), dims="feature")
        mu = pm.Normal("beta0", 100, 25.0, initval=0.0) + d.x @ beta
        pm.Normal("y", mu, pm.HalfNormal("sigma", 2.5), observed=d.y)
    return m


@model()
def r2_prior_by_hand(pm, d):
    """A share of variance by Beta, weights by Dirichlet."""
    with pm.Model() as m:
        r2 = pm.Beta("r2", mu=0.5, sigma=0.2)
        sigma = pm.HalfNormal("sigma", 1)
        share = pm.Dirichlet("share", np.ones(3))
        tau2 = sigma**2 * r2 / (1 - r2)
        beta = pm.Normal("beta", 0, pm.math.sqrt(share * tau2))
        pm.Normal("y", pm.math.dot(d.x, beta), sigma, observed=d.y)
    return m


@model()
def mixture_of_regressions(pm, d):
    """Lines by component, weights by a predictor; standard deviations shared."""
    pt = tensors(pm)
    with pm.Model(coords={"component": range(2), "obs": range(40)}) as m:
        a = pm.Normal("a", [-1.0, 1.0], 1, dims="component")
        b = pm.Normal("b", 0, 1, dims="component")
        gate = pm.Normal("gate", 0, 1, shape=2)
        p = pm.math.sigmoid(gate[0] + gate[1] * d.x[:, 1])
        w = pt.stack([p, 1 - p], axis=1)
        means = a[None, :] + b[None, :] * d.x[:, 0][:, None]
        pm.Mixture("y", w=w, comp_dists=pm.Normal.dist(means, pm.HalfNormal("sigma", 1)), observed=d.y, dims="obs")
    return m


@model()
def mixture_of_vectors(pm, d):
    """Components that are vectors, in a list."""
    with pm.Model() as m:
        w = pm.Dirichlet("w", [2.0, 2.0])
        mu = pm.Normal("mu", 0, 1, shape=(2, 3))
        parts = [pm.MvNormal.dist(mu=mu[i], cov=np.eye(3) * (i + 1.0)) for i in range(2)]
        pm.Mixture("x", w=w, comp_dists=parts, observed=d.vectors)
    return m


@model()
def dirichlet_process_by_sticks(pm, d):
    """Broken sticks with a concentration that is learned, normals with precisions."""
    with pm.Model(coords={"component": range(5)}) as m:
        alpha = pm.Gamma("alpha", 1.0, 1.0)
        w = pm.StickBreakingWeights("w", alpha=alpha, K=4, dims="component")
        tau = pm.Gamma("tau", 1.0, 1.0, dims="component")
        lambda_ = pm.Gamma("lambda_", 10.0, 1.0, dims="component")
        mu = pm.Normal("mu", 0, tau=lambda_ * tau, dims="component")
        pm.NormalMixture("obs", w, mu, tau=lambda_ * tau, observed=d.clusters)
    return m


# The API's corners -----------------------------------------------------------------------------------


@model()
def functions_of_variables_observed(pm, d):
    """Deterministics inside of functions; NumPy's functions on variables; names with spaces."""

    def standardised(name, x):
        return pm.Deterministic(name, (x - x.mean()) / x.std())

    with pm.Model() as m:
        raw = pm.Normal("raw values", 0, 1, shape=4)
        z = standardised("z scores", np.exp(raw))
        pm.Normal("y", pm.math.dot(d.x[:10], np.tanh(z[:3])), np.sqrt(pm.HalfNormal("variance", 1)), observed=d.y[:10])
    return m


@model()
def observed_and_intervened(pm, d):
    """`pm.observe` of a model without data, then `pm.do`."""
    with pm.Model(coords={"obs": range(40)}) as generative:
        z = pm.Normal("z", dims="obs")
        t = pm.Normal("t", 0.5 * z, 1.0, dims="obs")
        b = pm.Normal("b", 0, 1, shape=2)
        pm.Normal("y", b[0] * z + b[1] * t, 0.7, dims="obs")
    return pm.do(pm.observe(generative, {"y": d.y, "z": d.x[:, 0]}), {"t": np.ones(40)})


@model()
def data_that_were_replaced(pm, d):
    """Data set to other lengths after the model was made."""
    with pm.Model() as m:
        x = pm.Data("x", d.x[:10, 0])
        y = pm.Data("y_data", d.y[:10])
        slope = pm.Normal("slope", 0, 1)
        pm.Normal("y", slope * x, pm.HalfNormal("sigma", 1), observed=y, shape=x.shape)
        pm.set_data({"x": d.x[:, 0], "y_data": d.y})
    return m


@model()
def starts_and_transforms_by_hand(pm, d):
    """Starts as arrays, as text, as expressions; no transform; chains of transforms."""
    tr = pm.distributions.transforms
    with pm.Model() as m:
        a = pm.HalfNormal("a", 1, initval=0.3)
        b = pm.Uniform("b", 0, 2, transform=None, initval=0.5)
        c = pm.Normal("c", 0, 1, shape=3, transform=tr.Chain([tr.ordered]), initval=[-1, 0, 1])
        e = pm.Normal("e", 0, 1, transform=tr.Interval(-3, 3))
        f = pm.Gamma("f", 2, 1, default_transform=None, initval=1.2)
        pm.Normal("y", a + b + c.sum() + e + f, 1.0, observed=d.y)
    return m


@model()
def constrained_by_potentials(pm, d):
    """Soft constraints: potentials that are scalars, vectors, and densities of other variables."""
    with pm.Model(coords={"k": range(3)}) as m:
        x = pm.Normal("x", 0, 1, dims="k")
        pm.Potential("sum to one", pm.logp(pm.Normal.dist(0, 0.1), x.sum() - 1))
        pm.Potential("in order", pm.math.switch(pm.math.gt(x[1:] - x[:-1], -5.0), 0.0, -100.0))
        pm.Potential("each", -0.1 * x**4, dims="k")
        pm.Normal("y", x[0], 1.0, observed=d.y)
    return m


@model()
def density_dist_that_sums(pm, d):
    """Densities of one's own: a number for all, a number for each row."""
    pt = tensors(pm)
    with pm.Model() as m:
        mu, sigma = pm.Normal("mu", 0, 1), pm.HalfNormal("sigma", 1)
        pm.DensityDist(
            "all", mu, sigma, logp=lambda v, mu, sigma: pt.sum(-0.5 * ((v - mu) / sigma) ** 2 - pt.log(sigma)), observed=d.y
        )
        pm.CustomDist("rows", mu, logp=lambda v, mu: -pt.sqrt(1e-3 + pt.sum((v - mu) ** 2, axis=-1)), observed=d.x)
    return m


@model()
def black_box_likelihood(pm, d):
    """A marginal likelihood in a function, parameters as one vector, densities by pm.logp."""
    pt = tensors(pm)

    def loglike(value, theta):
        mu, log_sigma = theta[0], theta[1]
        return pm.logp(pm.Normal.dist(mu, pt.exp(log_sigma)), value).sum()

    with pm.Model() as m:
        theta = pm.MvNormal("theta", mu=np.zeros(2), cov=np.eye(2))
        pm.CustomDist("y", theta, logp=loglike, observed=d.y)
    return m


@model()
def normals_of_normals(pm, d):
    """Two sensors, a sum observed, a rounding, a maximum."""
    with pm.Model() as m:
        mu = pm.Normal("mu", 0, 1)
        sigma = pm.HalfNormal("sigma", 1)
        pm.CustomDist("total", mu, sigma, dist=lambda mu, s, size: pm.Normal.dist(mu, s, size=size) + 2.0, observed=d.y)
        pm.CustomDist("best", mu, dist=lambda mu, size: pm.math.exp(pm.Normal.dist(mu, 1.0, size=size)), observed=d.positive)
        pm.CustomDist("part", mu, dist=lambda mu, size: pm.math.abs(pm.Normal.dist(mu, 1.0, size=size)), observed=d.positive)
    return m


@model()
def kumaraswamy_and_friends(pm, d):
    """Distributions on the unit interval, on the circle, on positive numbers, with other parameters."""
    with pm.Model() as m:
        a, b = pm.Exponential("a", scale=2.0), pm.Exponential("b", scale=2.0)
        pm.Kumaraswamy("k", a + 0.5, b + 0.5, observed=d.proportion)
        pm.Beta("be", mu=pm.math.sigmoid(pm.Normal("m")), nu=a + 2.0, observed=d.proportion)
        pm.LogitNormal("ln", mu=0.1, sigma=b + 0.1, observed=d.proportion)
        pm.InverseGamma("ig", alpha=a + 1.0, beta=b, observed=d.positive)
        pm.Rice("r", nu=0.5, sigma=b + 0.2, observed=d.positive)
        pm.Moyal("mo", mu=0.0, sigma=a + 0.3, observed=d.y)
        pm.Wald("w", mu=a + 0.2, lam=b + 0.2, observed=d.positive)
        pm.ExGaussian("ex", mu=0.0, sigma=0.5, nu=a + 0.5, observed=d.y)
        pm.VonMises("v", mu=0.3, kappa=b + 0.5, observed=d.angle)
        pm.Gumbel("g", mu=0.0, beta=a + 0.3, observed=d.y)
        pm.Pareto("p", alpha=a + 0.2, m=0.01, observed=d.positive)
    return m


@model()
def weights_of_spatial_neighbours(pm, d):
    """CAR with a scale and a mean, on a ring, by a dense matrix."""
    w = np.zeros((10, 10))
    for i in range(10):
        w[i, (i + 1) % 10] = w[(i + 1) % 10, i] = 1
    with pm.Model(coords={"area": range(10)}) as m:
        alpha = pm.Beta("alpha", 1, 1)
        tau = pm.Gamma("tau", 2, 2)
        phi = pm.CAR("phi", mu=np.zeros(10), tau=tau, alpha=alpha, W=w, dims="area")
        pm.Poisson("y", pm.math.exp(pm.Normal("b") + phi), observed=d.count[:10], dims="area")
    return m


@model()
def formula_like_common_and_group_terms(pm, d):
    """What model-building packages write: offsets, centred columns, hyperpriors per term, intercepts apart."""
    pt = tensors(pm)
    x = d.x - d.x.mean(0)
    coords = {"x_dim": ["x1", "x2", "x3"], "g__factor_dim": [str(i) for i in range(5)], "__obs__": range(40)}
    with pm.Model(coords=coords) as m:
        intercept = pm.Normal("Intercept", mu=d.y.mean(), sigma=2.5 * d.y.std())
        beta = pm.Normal("x", mu=np.zeros(3), sigma=np.array([1.0, 2.0, 3.0]), dims="x_dim")
        sd = pm.HalfNormal("1|g_sigma", sigma=np.array(1.5))
        offset = pm.Normal("1|g_offset", mu=0, sigma=1, dims="g__factor_dim")
        group = pm.Deterministic("1|g", offset * sd, dims="g__factor_dim")
        mu = pm.Deterministic("mu", intercept + pt.dot(x, beta) + group[d.groups], dims="__obs__")
        pm.Normal("y", mu=mu, sigma=pm.HalfStudentT("sigma", nu=4, sigma=d.y.std()), observed=d.y, dims="__obs__")
    return m


@model()
def shapes_declare_dims(pm, d):
    """A shape and a name for its axis at once; the dim is then used by others."""
    with pm.Model() as m:
        a = pm.Normal("a", 0, 1, shape=5, dims="group")
        b = pm.Normal("b", a, 1, dims="group")
        pm.Normal("y", b[d.groups], 1.0, shape=40, dims="obs", observed=d.y)
    return m
