"""Models of PyMC's gallery by their structure: causes, choices, scales, places, times until something happens, mixtures, black boxes.

Data are made in each model's function.
"""

import importlib

import numpy as np
from examples import extras, model, tensors

# Processes ------------------------------------------------------------------------------------------


@model()
def gp_noise_that_varies(pm, d):
    """Heteroskedastic: the logarithm of the noise is a process of its own, at inducing points."""
    draws = np.random.RandomState(1)
    x = np.linspace(0, 2, 10)[:, None]
    with pm.Model() as m:
        ell = pm.InverseGamma("ell", mu=1.0, sigma=0.5)
        eta = pm.Gamma("eta", alpha=2, beta=1)
        cov = eta**2 * pm.gp.cov.ExpQuad(input_dim=1, ls=ell)
        gp = pm.gp.Latent(cov_func=cov + pm.gp.cov.WhiteNoise(sigma=1e-3))
        lm_f = gp.prior("f", X=x)
        ell_noise = pm.InverseGamma("ell_noise", mu=1.0, sigma=0.5)
        noise_gp = pm.gp.Latent(mean_func=pm.gp.mean.Constant(-1.0), cov_func=0.5**2 * pm.gp.cov.ExpQuad(1, ls=ell_noise) + pm.gp.cov.WhiteNoise(sigma=1e-3))
        lg_sigma = noise_gp.prior("lg_sigma_f", X=x)
        pm.Normal("y", mu=lm_f, sigma=pm.math.exp(lg_sigma), observed=np.sin(3 * x[:, 0]) + x[:, 0] * 0.3 * draws.normal(size=10))
    return m


@model()
def gp_several_outputs_by_sums(pm, d):
    """Linear model of coregionalisation: a sum of two processes, each with its matrix of outputs."""
    draws = np.random.RandomState(2)
    x = np.sort(3 * draws.uniform(size=6))
    inputs = np.vstack([np.column_stack([x, np.full(6, k)]) for k in range(2)])
    with pm.Model() as m:
        total = 0
        for k, kernel in enumerate((pm.gp.cov.ExpQuad, pm.gp.cov.Matern32)):
            ell = pm.Gamma(f"ell_{k}", alpha=2, beta=0.5)
            w = pm.Normal(f"W_{k}", mu=0, sigma=1, shape=(2, 2), initval=np.array([[0.5, 0.1], [-0.3, 0.4]]))
            kappa = pm.Gamma(f"kappa_{k}", alpha=1.5, beta=1, shape=2)
            total = total + kernel(2, ls=ell, active_dims=[0]) * pm.gp.cov.Coregion(2, W=w, kappa=kappa, active_dims=[1])
        gp = pm.gp.Marginal(mean_func=pm.gp.mean.Zero(), cov_func=total)
        sigma = pm.HalfNormal("sigma", sigma=1)
        gp.marginal_likelihood("y", X=inputs, y=np.concatenate([np.sin(x), np.cos(x)]) + 0.1 * draws.normal(size=12), sigma=sigma)
    return m


@model()
def gp_prevalence_on_a_map(pm, d):
    """Malaria: a basis in two dimensions, a covariate, and binomial counts."""
    draws = np.random.RandomState(3)
    place = draws.uniform(-1, 1, size=(20, 2))
    tested = draws.randint(20, 60, size=20)
    with pm.Model() as m:
        elevation = pm.Data("elevation", draws.normal(size=20))
        ls = pm.Gamma("ls", mu=1.0, sigma=0.5)
        cov = pm.Exponential("eta", 1.0) ** 2 * pm.gp.cov.Matern52(2, ls=ls + 0.2)
        gp = pm.gp.HSGP(m=[4, 3], c=2.0, cov_func=cov)
        f = gp.prior("f", X=place)
        beta = pm.Normal("beta", 0, 1, shape=2)
        p = pm.Deterministic("p", pm.math.invlogit(beta[0] + beta[1] * elevation + f))
        pm.Binomial("positive", n=tested, p=p, observed=draws.binomial(tested, 0.3))
    return m


@model()
def gp_mean_that_is_a_line(pm, d):
    """Means and covariances: a linear mean, a sum with a linear and a polynomial kernel, by columns."""
    draws = np.random.RandomState(4)
    x = draws.normal(size=(12, 2))
    with pm.Model() as m:
        cov, scale = pm.gp.cov, pm.HalfNormal("scale", 1.0)
        mean = pm.gp.mean.Linear(coeffs=pm.Normal("slope", 0, 1, shape=2), intercept=pm.Normal("b", 0, 1))
        total = scale**2 * cov.Linear(2, c=pm.Normal("c", 0, 1), active_dims=[0]) + cov.Polynomial(2, c=0.5, d=2, offset=pm.HalfNormal("offset", 1), active_dims=[1])
        gp = pm.gp.Marginal(mean_func=mean, cov_func=total + cov.ExpQuad(2, ls=[1.0, 2.0]))
        gp.marginal_likelihood("y", X=x, y=x @ [1.0, -0.5] + 0.2 * draws.normal(size=12), sigma=pm.HalfNormal("sigma", 1.0))
    return m


# Causes and latent variables ------------------------------------------------------------------------


@model()
def instrument_of_an_effect(pm, d):
    """Instrumental variables: treatment and outcome have correlated errors."""
    draws = np.random.RandomState(5)
    z, hidden = draws.normal(size=25), draws.normal(size=25)
    treatment = 0.8 * z + hidden + 0.3 * draws.normal(size=25)
    both = np.stack([1.5 * treatment - hidden, treatment], axis=1)
    pt = tensors(pm)
    with pm.Model(coords={"instruments": ["Intercept", "z"], "covariates": ["Intercept", "t"]}) as m:
        beta_t = pm.Normal("beta_t", 0, 1, dims="instruments")
        beta_z = pm.Normal("beta_z", 0, 1, dims="covariates")
        sd_dist = pm.Exponential.dist(1.0, shape=2)
        chol, _, _ = pm.LKJCholeskyCov("chol_cov", eta=2, n=2, sd_dist=sd_dist)
        pm.Deterministic("cov", pt.dot(chol, chol.T))
        mu_y = pm.Deterministic("mu_y", beta_z[0] + beta_z[1] * treatment)
        mu_t = pm.Deterministic("mu_t", beta_t[0] + beta_t[1] * z)
        mu = pm.Deterministic("mu", pt.stack(tensors=(mu_y, mu_t), axis=1))
        pm.MvNormal("likelihood", mu=mu, chol=chol, observed=both, shape=(25, 2))
    return m


@model()
def mediation_and_moderation(pm, d):
    """A mediator between cause and outcome; and an effect that another variable changes."""
    x, m_, y = d.x[:, 0], d.x[:, 1], d.y
    with pm.Model(coords={"obs_id": np.arange(40)}) as m:
        xd, md, yd = (pm.Data(n, v, dims="obs_id") for n, v in (("x", x), ("m", m_), ("y", y)))
        i_m, i_y = pm.Normal("im", 0, 10), pm.Normal("iy", 0, 10)
        a, b, cprime = pm.Normal("a", 0, 10), pm.Normal("b", 0, 10), pm.Normal("cprime", 0, 10)
        s_m, s_y = pm.HalfCauchy("sigma_m", 1), pm.HalfCauchy("sigma_y", 1)
        pm.Normal("m_likelihood", mu=i_m + a * xd, sigma=s_m, observed=md, dims="obs_id")
        pm.Normal("y_likelihood", mu=i_y + b * md + cprime * xd + pm.Normal("change", 0, 1) * xd * md, sigma=s_y, observed=yd, dims="obs_id")
        pm.Deterministic("indirect effect", a * b)
        pm.Deterministic("total effect", a * b + cprime)
    return m


@model()
def factors_measured_by_answers(pm, d):
    """Confirmatory factor analysis with a regression among the factors (structural equations)."""
    draws = np.random.RandomState(7)
    factor = draws.normal(size=(15, 2))
    answers = factor[:, [0, 0, 0, 1, 1, 1]] + 0.5 * draws.normal(size=(15, 6))
    pt = tensors(pm)
    with pm.Model(coords={"obs": range(15), "indicators": range(6), "latent": ["SUP", "LS"], "ind1": range(3), "ind2": range(3)}) as m:
        psi = pm.InverseGamma("Psi", 5, 10, dims="indicators")
        l1 = pm.Normal("lambdas1", 1, 0.5, dims="ind1")
        l2 = pm.Normal("lambdas2", 1, 0.5, dims="ind2")
        lambdas1 = pm.Deterministic("fixed1", pt.set_subtensor(l1[0], 1), dims="ind1")
        lambdas2 = pm.Deterministic("fixed2", pt.set_subtensor(l2[0], 1), dims="ind2")
        tau = pm.Normal("tau", 0, 3, dims="indicators")
        sd_dist = pm.Exponential.dist(1.0, shape=2)
        chol, _, _ = pm.LKJCholeskyCov("chol_cov", n=2, eta=2, sd_dist=sd_dist, compute_corr=True)
        ksi = pm.MvNormal("ksi", np.zeros(2), chol=chol, dims=("obs", "latent"))
        mus = [tau[j] + ksi[:, 0] * lambdas1[j] for j in range(3)] + [tau[3 + j] + ksi[:, 1] * lambdas2[j] for j in range(3)]
        pm.Normal("likelihood", pm.math.stack(mus).T, psi, observed=answers)
    return m


@model()
def covariates_missing_with_their_correlation(pm, d):
    """Missing covariates with a mean and a noise of their own, in a regression with interactions."""
    draws = np.random.RandomState(8)
    x = draws.normal(size=(20, 2))
    x[[2, 9], 0], x[[5, 11, 12], 1] = np.nan, np.nan
    y = np.nan_to_num(x).sum(1) + 0.3 * draws.normal(size=20)
    with pm.Model(coords={"x": ["a", "b"], "oid": range(20)}) as m:
        mean = pm.Normal("mean", 0, 1, dims="x")
        noise = pm.Gamma("noise", 2, 2, dims="x")
        filled = pm.Normal("x_filled", mean, noise, observed=np.ma.masked_invalid(x), shape=(20, 2))
        beta = pm.Normal("beta", 0, 1, shape=3)
        eta = beta[0] * filled[:, 0] + beta[1] * filled[:, 1] + beta[2] * filled[:, 0] * filled[:, 1]
        pm.Normal("y", eta, pm.HalfNormal("sigma", 1), observed=y, dims="oid")
    return m


# Choices, ranks and answers -------------------------------------------------------------------------


@model()
def choice_with_random_utilities(pm, d):
    """Mixed logit: alternatives have utilities of price and quality, whose weights vary by person."""
    draws = np.random.RandomState(9)
    price, quality = draws.normal(size=(18, 3)), draws.normal(size=(18, 3))
    person, chosen = np.repeat(np.arange(6), 3), draws.randint(3, size=18)
    pt = tensors(pm)
    with pm.Model(coords={"alts_intercepts": ["a", "b", "c"], "person": range(6), "weight": ["price", "quality"], "obs": range(18)}) as m:
        alphas = pm.Normal("alpha", 0, 1, dims="alts_intercepts")
        beta = pm.Normal("beta", 0, 1, dims="weight")
        beta_individual = pm.Normal("beta_individual", 0, 0.3, dims=("person", "weight"))
        weights = beta + beta_individual
        intercepts = pt.concatenate([alphas[:2], pt.zeros(1)])
        u = intercepts + weights[person, 0][:, None] * price + weights[person, 1][:, None] * quality
        p_ = pm.Deterministic("p", pm.math.softmax(u, axis=1), dims=("obs", "alts_intercepts"))
        pm.Categorical("y_cat", p=p_, observed=chosen, dims="obs")
    return m


@model()
def scale_with_bounded_cutpoints(pm, d):
    """The gallery's ordinal regression: cut points between fixed ends, probit and logit."""
    pt = tensors(pm)

    def constrained_uniform(n, group):
        theta = pm.Dirichlet(f"theta_{group}", a=np.ones(n - 1))
        return pm.Deterministic(
            f"cutpoints_{group}",
            pt.concatenate([np.ones(1) * 0.0, pt.cumsum(theta)[:-1] * 3.0, np.ones(1) * 3.0]) if n > 3 else pt.concatenate([np.ones(1) * 0.0, pt.cumsum(theta)]),
        )

    with pm.Model() as m:
        beta = pm.Normal("beta", 0, 1, shape=3)
        sigma = pm.Exponential("sigma", 1)
        eta = pm.math.dot(d.x, beta)
        pm.OrderedProbit("y", eta=eta, cutpoints=constrained_uniform(3, "probit"), sigma=sigma, compute_p=False, observed=d.rating)
        pm.OrderedLogistic("z", eta=eta, cutpoints=pm.Normal("cut", mu=[-1, 0, 1], sigma=1, transform=pm.distributions.transforms.ordered, shape=3), compute_p=False, observed=d.rating)
    return m


@model()
def fouls_between_two_players(pm, d):
    """Item response of basketball: who is disadvantaged and who commits, non-centred."""
    draws = np.random.RandomState(11)
    disadvantaged, committing = draws.randint(6, size=40), draws.randint(5, size=40)
    coords = {"disadvantaged": range(6), "committing": range(5)}
    with pm.Model(coords=coords) as m:
        called = pm.Data("foul_called_observed", draws.randint(2, size=40))
        mu_theta = pm.Normal("mu_theta", 0.0, 100.0)
        sigma_theta, sigma_b = pm.HalfCauchy("sigma_theta", 2.5), pm.HalfCauchy("sigma_b", 2.5)
        delta_theta = pm.Normal("Delta_theta", 0.0, 1.0, dims="disadvantaged")
        delta_b = pm.Normal("Delta_b", 0.0, 1.0, dims="committing")
        theta = pm.Deterministic("theta", delta_theta * sigma_theta + mu_theta, dims="disadvantaged")
        b = pm.Deterministic("b", delta_b * sigma_b, dims="committing")
        eta = pm.Deterministic("eta", theta[disadvantaged] - b[committing])
        pm.Bernoulli("y", logit_p=eta, observed=called)
    return m


@model()
def graded_answers_with_guessing(pm, d):
    """Item response with three parameters, and a Rasch model of the same persons, weighted."""
    with pm.Model(coords={"person": range(15), "item": range(6)}) as m:
        ability = pm.Normal("ability", 0, 1, dims="person")
        slope = pm.LogNormal("slope", 0, 0.4, dims="item")
        difficulty = pm.Normal("difficulty", 0, 1, dims="item")
        guess = pm.Beta("guess", 2, 8, dims="item")
        p = guess + (1 - guess) * pm.math.sigmoid(slope * (ability[:, None] - difficulty))
        pm.Bernoulli("answers", p, observed=d.answers, dims=("person", "item"))
        weights = np.linspace(0.5, 1.5, 15)[:, None]
        pm.Potential("rasch", (weights * pm.logp(pm.Bernoulli.dist(logit_p=ability[:, None] - difficulty), d.answers)).sum())
    return m


@model()
def species_that_are_not_seen(pm, d):
    """Occupancy: a place may be empty, or its species not detected in several visits."""
    draws = np.random.RandomState(13)
    seen = draws.binomial(4, 0.5, size=20) * (draws.uniform(size=20) < 0.6)
    forest = draws.normal(size=20)
    with pm.Model() as m:
        alpha = pm.Normal("alpha", 0, 1, shape=2)
        psi = pm.math.invlogit(alpha[0] + alpha[1] * forest)
        p = pm.Beta("p", 1, 1)
        pm.ZeroInflatedBinomial("y", psi=psi, n=4, p=p, observed=seen)
    return m


@model()
def augmented_population(pm, d):
    """Closed capture and recapture with data augmentation: individuals are mixtures of absent and present."""
    draws = np.random.RandomState(14)
    caught = np.concatenate([1 + draws.binomial(3, 0.4, size=12), np.zeros(10, int)])
    with pm.Model() as m:
        inclusion = pm.Beta("inclusion", 0.5, 1)
        p = pm.Uniform("p", 0, 1)
        parts = [pm.DiracDelta.dist(0), pm.Binomial.dist(n=4, p=p)]
        pm.Mixture("y", w=tensors(pm).stack([1 - inclusion, inclusion]), comp_dists=parts, observed=caught)
        pm.Deterministic("size", inclusion * 22)
    return m


# Places ---------------------------------------------------------------------------------------------


@model()
def neighbours_on_a_lattice(pm, d):
    """Lip cancer: an ICAR and an independent part, mixed by their share of the variance."""
    draws = np.random.RandomState(15)
    w = np.zeros((9, 9), int)
    for i in range(9):
        for j in range(9):
            w[i, j] = abs(i // 3 - j // 3) + abs(i % 3 - j % 3) == 1
    expected = draws.uniform(2, 9, size=9)
    with pm.Model(coords={"area_idx": np.arange(9)}) as m:
        beta = pm.Normal("beta", 0, 1, shape=2)
        theta = pm.Normal("theta", 0, 1, dims="area_idx")
        phi = pm.ICAR("phi", W=w, dims="area_idx", zero_sum_stdev=0.01)
        sigma = pm.HalfNormal("sigma", 1)
        rho = pm.Beta("rho", 0.5, 0.5)
        mixture = pm.Deterministic("mixture", pm.math.sqrt(1 - rho) * theta + pm.math.sqrt(rho / 0.7) * phi, dims="area_idx")
        mu = pm.math.exp(pm.math.log(expected) + beta[0] + beta[1] * draws.normal(size=9) + mixture * sigma)
        pm.Poisson("y", mu, observed=draws.poisson(expected))
    return m


@model()
def places_by_sparse_neighbours(pm, d):
    """CAR of a scaled mean with a sparse matrix of neighbours, under normal outcomes."""
    import scipy.sparse

    w = scipy.sparse.diags([np.ones(11), np.ones(11)], [-1, 1]).toarray()
    with pm.Model() as m:
        beta = pm.Normal("beta", 0, 1)
        phi = pm.CAR("phi", mu=beta * np.linspace(-1, 1, 12), tau=pm.Gamma("tau", 2, 1), alpha=pm.Uniform("alpha", 0, 0.99), W=w, shape=12)
        pm.Normal("y", phi, pm.HalfNormal("sigma", 1), observed=d.y[:12])
    return m


# Times until something happens ----------------------------------------------------------------------


@model()
def survival_log_logistic(pm, d):
    """Accelerated failure: logistic errors of logarithms of times, censored ones by their tail."""
    times, event, x = np.log(d.time), d.died, d.x[:30, :2]
    pt = tensors(pm)
    with pm.Model(coords={"predictors": ["intercept", "metastized"]}) as m:
        beta = pm.Normal("beta", 0.0, 5.0, dims="predictors")
        s = pm.HalfNormal("s", 5.0)
        eta = pt.dot(beta, np.stack([np.ones(30), x[:, 1]]))
        pm.Logistic("events", eta[event], s, observed=times[event])
        pm.Potential("censored", pt.log(pm.math.invlogit(-(times[~event] - eta[~event]) / s)))
    return m


@model()
def survival_three_weibulls(pm, d):
    """Weibull times censored in three parametrisations: shape and scale, logarithms of them, and Gumbel's errors."""
    y, censored = d.time, ~d.died
    pt = tensors(pm)

    def weibull_lccdf(x, alpha, beta):
        return -((x / beta) ** alpha)

    def gumbel_lccdf(x, mu, beta):
        return pt.log1mexp(-pt.exp(-(x - mu) / beta))

    with pm.Model() as m:
        alpha_sd = 1.0
        mu = pm.Normal("mu", mu=0, sigma=2)
        alpha_raw = pm.Normal("a0", mu=0, sigma=0.1)
        alpha = pm.Deterministic("alpha", pt.exp(alpha_sd * alpha_raw))
        beta = pm.Deterministic("beta", pt.exp(mu / alpha))
        pm.Weibull("y_obs", alpha=alpha, beta=beta, observed=y[~censored])
        pm.Potential("y_cens", weibull_lccdf(y[censored], alpha, beta))
        r = pm.Gamma("r", alpha=2, beta=1)
        pm.Weibull("z_obs", alpha=r, beta=pm.Gamma("scale", 2, 1) + 0.5, observed=y[~censored])
        s = pm.HalfNormal("s", 5.0)
        gamma = pm.Normal("gamma", 0, 5)
        pm.Gumbel("g_obs", mu=gamma, beta=s, observed=np.log(y[~censored]))
        pm.Potential("g_cens", gumbel_lccdf(np.log(y[censored]), gamma, s))
    return m


@model()
def survival_with_effects_that_walk(pm, d):
    """Proportional hazards in pieces, by Poisson counts; the effect of a covariate walks over the pieces."""
    bounds = np.linspace(0, d.time.max() + 1e-3, 6)
    piece = np.digitize(d.time, bounds) - 1
    death = np.zeros((30, 5))
    death[np.arange(30), piece] = d.died
    exposure = np.clip(d.time[:, None] - bounds[:-1], 0, np.diff(bounds))
    with pm.Model(coords={"intervals": range(5), "individuals": range(30)}) as m:
        lambda0 = pm.Gamma("lambda0", 0.5, 0.5, dims="intervals")
        beta = pm.GaussianRandomWalk("beta", init_dist=pm.Normal.dist(), sigma=1.0, dims="intervals")
        hazard = pm.Deterministic("h_rate", lambda0 * pm.math.exp(d.x[:30, :1] * beta))
        pm.Poisson("obs", exposure * hazard, observed=death, dims=("individuals", "intervals"))
    return m


@model()
def time_to_attrition_with_frailty(pm, d):
    """Retention: discrete hazards by Bernoulli outcomes with a complementary log-log link and shared frailties."""
    draws = np.random.RandomState(19)
    month, team = np.tile(np.arange(4), 15), np.repeat(draws.randint(3, size=15), 4)
    left = draws.uniform(size=60) < 0.2
    pt = tensors(pm)
    with pm.Model(coords={"month": range(4), "team": range(3)}) as m:
        base = pm.Normal("base", -1.5, 1, dims="month")
        frailty = pm.Gamma("frailty", mu=1, sigma=pm.HalfNormal("spread", 0.5) + 0.1, dims="team")
        eta = base[month] + pt.log(frailty)[team] + pm.Normal("b", 0, 1) * np.repeat(d.x[:15, 0], 4)
        pm.Bernoulli("left", p=1 - pt.exp(-pt.exp(eta)), observed=left.astype(int))
    return m


# Mixtures and dependence ----------------------------------------------------------------------------


@model()
def dirichlet_process_of_counts(pm, d):
    """Sunspots: a Dirichlet process mixture of Poisson distributions, with the weights' remainder in the last."""
    draws = np.random.RandomState(20)
    counts = np.concatenate([draws.poisson(2, 15), draws.poisson(12, 15)])
    pt = tensors(pm)

    def stick_breaking(beta):
        remaining = pt.concatenate([[1], pt.extra_ops.cumprod(1 - beta)[:-1]])
        return beta * remaining

    with pm.Model(coords={"component": np.arange(6)}) as m:
        alpha = pm.Gamma("alpha", 1.0, 1.0)
        beta = pm.Beta("beta", 1, alpha, dims="component")
        w = pm.Deterministic("w", stick_breaking(beta) / stick_breaking(beta).sum(), dims="component")
        mu = pm.Uniform("mu", 0.0, 30.0, dims="component", initval=np.linspace(2.0, 20.0, 6))
        pm.Mixture("obs", w, pm.Poisson.dist(mu), observed=counts)
    return m


@model()
def outliers_in_a_line(pm, d):
    """Hogg's line: a point is signal or noise, and which is summed out by logaddexp in a potential."""
    x, y = d.x[:, 0], d.y
    pt = tensors(pm)
    with pm.Model(coords={"coefs": ["intercept", "slope"], "datapoint_id": range(40)}) as m:
        beta = pm.Normal("beta", 0, 10, dims="coefs")
        inlier = pm.Normal.dist(mu=beta[0] + beta[1] * x, sigma=0.3)
        y_out = pm.Normal("y_est_out", 0, 1, initval=0.2)
        outlier = pm.Normal.dist(mu=y_out, sigma=0.3 + pm.HalfNormal("sigma_y_out", 1))
        share = pm.Uniform("frac_outliers", 0, 0.5)
        pm.Potential("obs", pt.sum(pm.math.logaddexp(pm.math.log(1 - share) + pm.logp(inlier, y), pm.math.log(share) + pm.logp(outlier, y))))
    return m


@model()
def copula_of_two_margins(pm, d):
    """Copula estimation: margins of their own distributions, and normals of their probabilities, correlated."""
    draws = np.random.RandomState(22)
    z = draws.multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], size=20)
    a, b = np.exp(0.5 * z[:, 0]), 2 + z[:, 1]
    pt = tensors(pm)
    with pm.Model() as m:
        mu, s = pm.Normal("a_mu", 0, 1), pm.Exponential("a_sigma", 0.5)
        loc, scale = pm.Normal("b_mu", 2, 1), pm.HalfNormal("b_scale", 2)
        pm.LogNormal("a", mu, s, observed=a)
        pm.Logistic("b", loc, scale, observed=b)
        u = pt.stack([pt.exp(pm.logcdf(pm.LogNormal.dist(mu, s), a)), pt.exp(pm.logcdf(pm.Logistic.dist(loc, scale), b))], axis=1)
        normals = pm.math.sqrt(2.0) * pt.erfinv(2 * u - 1)
        rho = pm.Uniform("rho", -0.95, 0.95)
        cov = pt.stack([pt.stack([1.0, rho]), pt.stack([rho, 1.0])])
        joint = pm.logp(pm.MvNormal.dist(mu=np.zeros(2), cov=cov), normals).sum()
        pm.Potential("copula", joint - pm.logp(pm.Normal.dist(0, 1), normals).sum())
    return m


@model()
def mixture_of_extremes(pm, d):
    """GEV of pymc-extras for the largest of years, whose place has a trend; and Maxwell's and Chi's distributions."""
    draws = np.random.RandomState(23)
    largest = 3.8 + 0.2 * draws.gumbel(size=20)
    with pm.Model() as m:
        mu = pm.Normal("mu", mu=3.8, sigma=0.2)
        sigma = pm.HalfNormal("sigma", sigma=0.3)
        xi = pm.TruncatedNormal("xi", mu=0, sigma=0.2, lower=-0.6, upper=0.6)
        extras(pm).GenExtreme("gev", mu=mu + 0.1 * np.linspace(-1, 1, 20), sigma=sigma + 0.5, xi=0.2 * xi, observed=largest)
        extras(pm).Maxwell("speed", a=pm.HalfNormal("a", 1) + 0.1, observed=d.positive)
        extras(pm).Chi("length", nu=pm.Gamma("nu", 2, 1) + 0.5, observed=d.positive)
    return m


# Black boxes and custom distributions ---------------------------------------------------------------


def _op(pm):
    """Where `Op` and `Apply` are."""
    return importlib.import_module("pytensor.graph") if pm.__name__ == "pymc" else importlib.import_module(f"{pm.__name__}.pytensor").graph


@model()
def likelihood_in_a_black_box(pm, d):
    """The gallery's Op for a line's log-likelihood, with an Op for its gradient."""
    pt, graph = tensors(pm), _op(pm)
    x, sigma = np.linspace(0, 9, 12), 0.8
    data = 0.4 * x + 3 + sigma * np.random.RandomState(24).normal(size=12)

    def terms(m_, c):
        return -0.5 * ((data - m_ * x - c) / sigma) ** 2 - np.log(np.sqrt(2 * np.pi) * sigma)

    class LogLikeGrad(graph.Op):
        def make_node(self, m_, c):
            inputs = [pt.as_tensor(m_), pt.as_tensor(c)]
            return graph.Apply(self, inputs, [pt.dvector(), pt.dvector()])

        def perform(self, node, inputs, outputs):
            m_, c = inputs
            residual = (data - m_ * x - c) / sigma**2
            outputs[0][0], outputs[1][0] = residual * x, residual

    slopes = LogLikeGrad()

    class LogLikeWithGrad(graph.Op):
        def make_node(self, m_, c):
            inputs = [pt.as_tensor(m_), pt.as_tensor(c)]
            return graph.Apply(self, inputs, [pt.dvector()])

        def perform(self, node, inputs, outputs):
            outputs[0][0] = np.asarray(terms(*inputs))

        def grad(self, inputs, g):
            by_m, by_c = slopes(*inputs)
            return [pt.sum(g[0] * by_m, keepdims=True), pt.sum(g[0] * by_c, keepdims=True)]

    loglike = LogLikeWithGrad()
    with pm.Model() as m:
        slope = pm.Uniform("m", lower=-10.0, upper=10.0, initval=0.4)
        c = pm.Uniform("c", lower=-10.0, upper=10.0, initval=3.0)
        pm.CustomDist("likelihood", slope, c, observed=data, logp=lambda value, m_, c: loglike(m_, c))
    return m


@model()
def custom_distributions_of_each_form(pm, d):
    """CustomDist by a density alone, with a class's name, by `dist` with a shape, with cumulative probability, and truncated."""
    pt = tensors(pm)

    def logp(value, mu):
        return -pt.abs(value - mu) - np.log(2.0)

    def logcdf(value, mu):
        return pt.switch(value < mu, value - mu - np.log(2.0), pt.log1p(-0.5 * pt.exp(mu - value)))

    def dist(mu, sigma, size):
        return pm.math.exp(pm.Normal.dist(mu, sigma, size=size)) + 0.0

    with pm.Model(coords={"k": range(3)}) as m:
        mu = pm.Normal("mu", 0, 1)
        free = pm.CustomDist("free", mu, logp=logp, dims="k", ndim_supp=0, ndims_params=[0], class_name="Double", dtype="floatX")
        pm.CustomDist("seen", mu, logp=logp, logcdf=logcdf, observed=d.y)
        pm.CustomDist("amounts", mu, pm.HalfNormal("s", 1) + 0.1, dist=dist, observed=d.positive)
        rows = pm.CustomDist("rows", mu * np.arange(3.0), logp=lambda v, mu: -0.5 * pt.sum((v - mu) ** 2, -1), signature="(k)->(k)", shape=(2, 3), initval=np.zeros((2, 3)))
        pm.Normal("of rows", rows.sum(axis=0) + free, 1.0, observed=d.x)
    return m


@model(spread=0.1)
def custom_distributions_of_the_manual(pm, d):
    """The examples of CustomDist's page: a density with draws by NumPy and a signature, a shifted exponential, a modified PERT."""

    def random(mu, rng=None, size=None):
        return rng.normal(loc=mu, scale=1, size=size)

    def pert(low, peak, high, lmbda, size):
        width = high - low
        s_alpha = 1 + lmbda * (peak - low) / width
        s_beta = 1 + lmbda * (high - peak) / width
        return pm.Beta.dist(s_alpha, s_beta, size=size) * width + low

    with pm.Model() as m:
        mu, lam = pm.Normal("mu", 0, 1), pm.HalfNormal("lam")
        pm.CustomDist("black", mu, logp=lambda value, mu: -((value - mu) ** 2), random=random, signature="()->()", observed=d.x, size=(40, 3))
        pm.CustomDist("shifted", lam, -1, dist=lambda lam, shift, size: pm.Exponential.dist(lam, size=size) + shift, signature="(),()->()", observed=[-1, -1, 0])
        low, peak, high = (pm.Normal(name, at, 10) for name, at in (("low", 0), ("peak", 50), ("high", 100)))
        pm.CustomDist("pert", low, peak, high, 4, dist=pert, observed=[30, 35, 73])
    return m


@model()
def interpolated_curves(pm, d):
    """Data between whose points a line is drawn: at places that are variables, and an Interpolated prior of a posterior's draws."""
    grid = np.linspace(-3, 3, 13)
    with pm.Model() as m:
        prior = pm.Interpolated("prior", x_points=grid, pdf_points=np.exp(-0.5 * (grid - 0.3) ** 2))
        spread = pm.Interpolated("spread", np.linspace(0.1, 3, 9), np.linspace(1.0, 0.1, 9))
        pm.Normal("y", prior, spread, observed=d.y)
    return m


# Distributions of pymc-extras -----------------------------------------------------------------------


@model()
def counts_of_every_dispersion(pm, d):
    """Differences of counts, counts more and less dispersed than Poisson's, and with a heavy tail."""
    with pm.Model() as m:
        mu = pm.Gamma("mu", 4, 2, shape=2)
        extras(pm).Skellam("goals", mu1=mu[0], mu2=mu[1], observed=d.count - d.zero_heavy)
        lam = pm.Uniform("lam", 0, 1)
        extras(pm).GeneralizedPoisson("more", mu=mu[0] + 0.5, lam=0.9 * lam, observed=d.count)
        extras(pm).GeneralizedPoisson("less", mu=mu[1] + 4.0, lam=-0.3 * lam, observed=d.rating)
        alpha = pm.Gamma("alpha", 3, 1, shape=2)
        extras(pm).BetaNegativeBinomial("tail", alpha=alpha[0] + 1, beta=alpha[1], r=2.5, observed=d.count)
    return m


def _explained(pm, d, dims="variables", **options):
    """A regression with pymc-extras' prior of explained variance."""
    with pm.Model(coords={"variables": ["a", "b", "c"], "batch": range(2)}) as m:
        prior = pm.R2D2M2CP if hasattr(pm, "R2D2M2CP") else extras(pm).distributions.R2D2M2CP
        sd = d.x.std(0) if isinstance(dims, str) else np.stack([d.x.std(0)] * 2)
        out = d.y.std() if isinstance(dims, str) else np.full(2, d.y.std())
        eps, beta = prior("beta", out, sd, dims=dims, **options)
        mu = pm.math.dot(d.x - d.x.mean(0), beta if isinstance(dims, str) else beta.T)
        pm.Normal("obs", d.y.mean() + mu, eps, observed=d.y if isinstance(dims, str) else np.stack([d.y] * 2, axis=1))
    return m


@model()
def explained_variance_with_all_that_is_known(pm, d):
    return _explained(
        pm, d, r2=0.8, r2_std=0.2, positive_probs=[0.8, 0.5, 0.1], positive_probs_std=[0.3, 0.1, 0.2], variables_importance=[10, 1, 34], centered=True
    )


@model()
def explained_variance_with_certain_signs(pm, d):
    return _explained(pm, d, r2=0.6, positive_probs=[1.0, 0.5, 0.1], positive_probs_std=[0.0, 0.1, 0.2], variance_explained=[0.5, 0.3, 0.2], importance_concentration=12.0)


@model()
def explained_variance_of_two_regressions(pm, d):
    return _explained(pm, d, dims=("batch", "variables"), r2=0.6, r2_std=0.1, importance_concentration=3.0, positive_probs=0.3)
