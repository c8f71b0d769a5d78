"""Series in time as PyMC's gallery and pymc-extras' documentation write them: forecasts, seasons, breaks, walks, loops, state spaces.

Data are made in each model's function.
"""

import numpy as np
from examples import extras, model, scan, tensors


def _drift(n, seed, scale=0.3):
    """Draws, times from 0 to 1, and a series with a trend and a season of twelve steps."""
    draws = np.random.RandomState(seed)
    t = np.arange(n) / n
    return draws, t, 2.0 * t + np.sin(2 * np.pi * np.arange(n) / 12) + scale * draws.normal(size=n)


# Trends, seasons and breaks -------------------------------------------------------------------------


@model()
def air_passengers_multiplied_season(pm, d):
    """Prophet's model of air passengers: a line, multiplied by a season of Fourier terms."""
    _, t, y = _drift(36, 1)
    order = np.arange(1, 4)
    fourier = np.concatenate([f(2 * np.pi * 3 * t[:, None] * order) for f in (np.sin, np.cos)], axis=1)
    coords = {"fourier_features": [f"{f}_{k}" for f in ("sin", "cos") for k in order]}
    with pm.Model(coords=coords) as m:
        alpha = pm.Normal("alpha", mu=0, sigma=0.5)
        beta = pm.Normal("beta", mu=0, sigma=0.5)
        trend = pm.Deterministic("trend", alpha + beta * t)
        beta_fourier = pm.Normal("beta_fourier", mu=0, sigma=0.1, dims="fourier_features")
        seasonality = pm.Deterministic("seasonality", pm.math.dot(beta_fourier, fourier.T))
        mu = trend * (1 + seasonality)
        error = pm.HalfNormal("sigma", sigma=0.1)
        pm.Normal("likelihood", mu=mu, sigma=error + 0.2, observed=y / y.max())
    return m


@model()
def structural_trend_with_autoregression(pm, d):
    """Forecasting with structural AR: a latent autoregression around a line and a season, with replaceable data."""
    draws, t, y = _drift(24, 2)
    fourier = np.stack([np.sin(4 * np.pi * t), np.cos(4 * np.pi * t)])
    with pm.Model() as m:
        m.add_coords({"obs_id": range(24), "fourier": range(2), "coef": range(2)})
        time = pm.Data("t", t, dims="obs_id")
        seen = pm.Data("y", y, dims="obs_id")
        coefs = pm.Normal("coefs", mu=[0.1, 0.4], sigma=[0.5, 0.03], size=2, dims="coef")
        sigma = pm.HalfNormal("sigma", 8)
        init = pm.Normal.dist(mu=0.0, sigma=0.1, size=1)
        ar1 = pm.AR("ar", coefs, sigma=sigma, init_dist=init, constant=True, steps=t.shape[0] - 1, dims="obs_id")
        alpha = pm.Normal("alpha", -1, 0.1)
        slope = pm.Normal("beta", 2, 0.2)
        trend = pm.Deterministic("trend", alpha + slope * time, dims="obs_id")
        beta = pm.Normal("beta_fourier", mu=0, sigma=2, dims="fourier")
        season = pm.Deterministic("seasonality", pm.math.dot(beta, fourier), dims="obs_id")
        pm.Normal("likelihood", mu=ar1 + trend + season, sigma=pm.HalfNormal("noise", 2), observed=seen, dims="obs_id")
    return m


@model()
def deaths_before_a_counterfactual(pm, d):
    """Excess deaths: effects of months that sum to zero, a trend, and temperature, for a part of the rows."""
    draws, t, y = _drift(24, 3)
    with pm.Model(coords={"month": np.arange(1, 13)}) as m:
        m.add_coords({"obs_idx": np.arange(24)})
        month = pm.Data("month", np.arange(24) % 12, dims="obs_idx")
        time = pm.Data("time", t, dims="obs_idx")
        temperature = pm.Data("temp", draws.normal(size=24), dims="obs_idx")
        deaths = pm.Data("deaths", 100.0 + 10 * y, dims="obs_idx")
        intercept = pm.Normal("intercept", 100, 30)
        month_mu = pm.ZeroSumNormal("month mu", sigma=10, dims="month")
        linear = pm.TruncatedNormal("linear trend", 0, 5, lower=0, initval=2.0)
        effect = pm.Normal("temp effect", 0, 5)
        mu = pm.Deterministic("mu", intercept + linear * time + month_mu[month] + effect * temperature, dims="obs_idx")
        sigma = pm.HalfNormal("sigma", 20)
        pm.TruncatedNormal("obs", mu=mu, sigma=sigma, lower=0, observed=deaths, dims="obs_idx")
    return m


@model()
def interrupted_by_an_intervention(pm, d):
    """Interrupted series: level and slope change at a known time, errors with a lag."""
    draws, t, y = _drift(30, 4)
    after = (np.arange(30) >= 18).astype(float)
    with pm.Model(coords={"term": ["level", "slope"]}) as m:
        base = pm.Normal("base", 0, 1, dims="term")
        change = pm.Normal("change", 0, 1, dims="term")
        mu = base[0] + base[1] * t + after * (change[0] + change[1] * (t - 0.6))
        rho = pm.Uniform("rho", -1, 1)
        residual = y - mu
        sigma = pm.HalfNormal("sigma", 1)
        pm.Potential("first", pm.logp(pm.Normal.dist(0, sigma), residual[0]))
        pm.Potential("others", pm.logp(pm.Normal.dist(rho * residual[:-1], sigma), residual[1:]).sum())
    return m


@model()
def trend_bent_at_unknown_times(pm, d):
    """Breaks of a slope at ordered unknown times, with a Laplace prior of changes."""
    _, t, y = _drift(30, 5)
    pt = tensors(pm)
    with pm.Model() as m:
        widths = pm.Dirichlet("widths", a=np.full(4, 3.0))
        at = pm.Deterministic("at", pt.cumsum(widths)[:-1])
        change = pm.Laplace("change", 0, 0.5, shape=3)
        slope = pm.Normal("slope", 0, 2)
        trend = slope * t + pt.sum(change * pt.softplus(20 * (t[:, None] - at)) / 20, axis=1)
        pm.StudentT("y", nu=4, mu=pm.Normal("level", 0, 1) + trend, sigma=pm.HalfNormal("sigma", 1), observed=y)
    return m


@model()
def smoothing_by_a_walk(pm, d):
    """A walk whose noise is a share of all: a smoother with one parameter (gallery: GP smoothing)."""
    _, t, y = _drift(25, 6)
    with pm.Model() as m:
        smoothing = pm.Data("smoothing", 0.9)
        mu = pm.Normal("mu", sigma=10.0)
        tau = pm.Exponential("tau", 1.0)
        init = pm.Normal.dist(0.0, 10.0)
        z = pm.GaussianRandomWalk("z", mu=mu, sigma=pm.math.sqrt((1.0 - smoothing) / tau), init_dist=init, shape=25)
        pm.Normal("obs", mu=z, tau=tau / smoothing, observed=y)
    return m


@model()
def regression_with_walking_coefficients(pm, d):
    """Pairs of prices: intercept and slope walk, in steps of the same noise."""
    draws, t, y = _drift(24, 7)
    x = draws.normal(size=24)
    with pm.Model(coords={"time": np.arange(24), "section": np.arange(6)}) as m:
        step = np.repeat(np.arange(6), 4)
        sigma_alpha = pm.Exponential("sigma_alpha", 5.0)
        sigma_beta = pm.Exponential("sigma_beta", 5.0)
        flat = pm.Normal.dist(0, 1)
        alpha = pm.GaussianRandomWalk("alpha", sigma=sigma_alpha, init_dist=flat, dims="section")
        beta = pm.GaussianRandomWalk("beta", sigma=sigma_beta, init_dist=flat, dims="section")
        pm.Normal("y", mu=alpha[step] + beta[step] * x, sigma=pm.HalfNormal("sd", sigma=0.1), observed=y, dims="time")
    return m


@model()
def several_walks_with_correlated_steps(pm, d):
    """MvGaussianRandomWalk of intercepts and of slopes, with LKJ's Cholesky factors of both."""
    draws = np.random.RandomState(8)
    y = np.cumsum(draws.normal(size=(15, 3)), axis=0)
    t = np.linspace(-1, 1, 15)
    with pm.Model(coords={"time": t, "series": range(3), "section": range(5)}) as m:
        part = np.repeat(np.arange(5), 3)
        flat = pm.MvNormal.dist(np.zeros(3), np.eye(3))
        chol_alpha, *_ = pm.LKJCholeskyCov("chol_cov_alpha", n=3, eta=2, sd_dist=pm.HalfCauchy.dist(2.5, shape=3), compute_corr=True)
        chol_beta, *_ = pm.LKJCholeskyCov("chol_cov_beta", n=3, eta=2, sd_dist=pm.HalfCauchy.dist(2.5, shape=3), compute_corr=True)
        alpha = pm.MvGaussianRandomWalk("alpha", mu=np.zeros(3), chol=chol_alpha, init_dist=flat, dims=("section", "series"))
        beta = pm.MvGaussianRandomWalk("beta", mu=np.zeros(3), chol=chol_beta, init_dist=flat, dims=("section", "series"))
        sigma = pm.HalfNormal("sigma", 1.0)
        pm.Normal("y", mu=alpha[part] + beta[part] * t[:, None], sigma=sigma, observed=y, dims=("time", "series"))
    return m


# Autoregressions and volatility ---------------------------------------------------------------------


@model()
def hierarchical_vector_autoregression(pm, d):
    """The gallery's BVAR of countries: lag coefficients around common ones, a covariance that mixes global and local ones."""
    pt = tensors(pm)
    draws = np.random.RandomState(9)
    countries = ["Ireland", "Chile"]
    seen = {c: np.cumsum(0.3 * draws.normal(size=(12, 2)), axis=0) for c in countries}
    coords = {"lags": [1, 2], "equations": ["gdp", "cons"], "cross_vars": ["gdp", "cons"]}
    with pm.Model(coords=coords) as m:
        rho = pm.Beta("rho", alpha=2, beta=2)
        alpha_loc, alpha_scale = pm.Normal("alpha_hat_location", 0, 0.1), pm.InverseGamma("alpha_hat_scale", 3, 0.5)
        omega_global, *_ = pm.LKJCholeskyCov("omega_global", n=2, eta=1.0, sd_dist=pm.Exponential.dist(1, shape=2))
        for c, y in seen.items():
            alpha = pm.Normal(f"alpha_{c}", alpha_loc, alpha_scale, dims="equations")
            z_scale = pm.InverseGamma(f"z_scale_beta_{c}", 3, 0.5)
            beta = pm.Normal(f"lag_coefs_{c}", 0.1, z_scale, dims=("equations", "lags", "cross_vars"))
            means = []
            for j in range(2):
                ar = pt.sum([pm.math.sum(beta[j, i] * y[2 - i - 1 : -i - 1], axis=-1) for i in range(2)], axis=0)
                means.append(alpha[j] + ar)
            noise, *_ = pm.LKJCholeskyCov(f"noise_{c}", n=2, eta=1.0, sd_dist=pm.Exponential.dist(1, shape=2))
            omega = pm.Deterministic(f"omega_{c}", rho * omega_global + (1 - rho) * noise)
            pm.MvNormal(f"obs_{c}", mu=pm.math.stack(means, axis=-1), chol=omega, observed=y[2:])
    return m


@model()
def two_lags_drawn_by_scan(pm, d):
    """Time series from a generative graph: an AR(2) whose start has a prior of its own, by CustomDist."""
    pt = tensors(pm)

    def ar_dist(ar_init, rho, sigma, size):
        def step(two, one, rho, sigma):
            now = pm.Normal.dist(one * rho[0] + two * rho[1], sigma)
            return now, pm.pytensorf.collect_default_updates([now])

        found, _ = scan(pm)(
            fn=step, outputs_info=[{"initial": ar_init, "taps": range(-2, 0)}], non_sequences=[rho, sigma], n_steps=18, strict=True
        )
        return found

    with pm.Model(coords={"lags": range(-2, 0), "steps": range(18), "timeseries": range(20)}) as m:
        rho = pm.Normal("rho", 0, 0.2, dims="lags")
        sigma = pm.HalfNormal("sigma", 0.2)
        ar_init = pm.Normal("ar_init", 0, 1, dims="lags")
        innov = pm.CustomDist("ar_dist", ar_init, rho, sigma, dist=ar_dist, dims="steps", observed=d.series[:18])
        pm.Deterministic("ar", pt.concatenate([ar_init, innov], axis=-1), dims="timeseries")
    return m


@model()
def autoregression_of_several_series(pm, d):
    """AR with a batch of series, coefficients around common ones."""
    draws = np.random.RandomState(11)
    y = np.cumsum(0.4 * draws.normal(size=(3, 15)), axis=1)
    with pm.Model(coords={"series": range(3), "lag": range(2), "time": range(15)}) as m:
        centre = pm.Normal("centre", 0, 0.5, dims="lag")
        rho = pm.Normal("rho", centre, 0.2, dims=("series", "lag"))
        sigma = pm.HalfNormal("sigma", 0.5, dims="series")
        init = pm.Normal.dist(0, 1, shape=(3, 2))
        pm.AR("y", rho=rho, sigma=sigma, init_dist=init, ar_order=2, observed=y, dims=("series", "time"))
    return m


@model()
def lagged_counts(pm, d):
    """Counts whose rate has lags of the counts and a season: an autoregressive Poisson."""
    draws, t, y = _drift(30, 12)
    counts = draws.poisson(np.exp(0.5 + 0.3 * y))
    logs = np.log1p(counts)
    with pm.Model() as m:
        phi = pm.Normal("phi", 0, 0.5, shape=2)
        season = pm.ZeroSumNormal("season", 0.5, shape=12)
        eta = pm.Normal("b", 0, 1) + phi[0] * logs[1:-1] + phi[1] * logs[:-2] + season[np.arange(2, 30) % 12]
        pm.NegativeBinomial("y", mu=pm.math.exp(eta), alpha=pm.Exponential("alpha", 1), observed=counts[2:])
    return m


@model()
def volatility_with_leverage(pm, d):
    """Log-volatilities follow an autoregression whose shocks are correlated with returns."""
    with pm.Model() as m:
        mu, phi = pm.Normal("mu", -3, 1), pm.Beta("phi", 20, 1.5)
        tau, rho = pm.HalfNormal("tau", 0.5), pm.Uniform("rho", -1, 1)
        h = pm.AR("h", [mu * (1 - phi), phi], sigma=tau, constant=True, init_dist=pm.Normal.dist(-3, 1), shape=30)
        shock = (h[1:] - mu - phi * (h[:-1] - mu)) / tau
        sd = pm.math.exp(h / 2)
        pm.Normal("first", 0, sd[0], observed=d.returns[0])
        pm.Normal("others", rho * sd[1:] * shock, sd[1:] * pm.math.sqrt(1 - rho**2), observed=d.returns[1:])
    return m


@model()
def garch_by_scan(pm, d):
    """Variances that follow squared returns, in a loop; the parameters are a stationary triple."""
    pt = tensors(pm)
    with pm.Model() as m:
        omega = pm.HalfNormal("omega", 0.1)
        share = pm.Dirichlet("share", a=[1.0, 4.0, 1.0])
        variance, _ = scan(pm)(
            fn=lambda r, before, omega, a, b: omega + a * r**2 + b * before,
            sequences=[pt.as_tensor(d.returns[:-1])],
            outputs_info=[pt.as_tensor(np.float64(0.05))],
            non_sequences=[omega, share[0], share[1]],
        )
        pm.StudentT("y", nu=5 + pm.Exponential("nu", 0.1), mu=0, sigma=pt.sqrt(variance), observed=d.returns[1:])
    return m


@model()
def errors_with_two_moving_averages(pm, d):
    """ARMA(1, 2) by a loop over two carried errors (outputs_info with two taps)."""
    pt = tensors(pm)
    with pm.Model() as m:
        phi = pm.Uniform("phi", -1, 1)
        theta = pm.Normal("theta", 0, 0.4, shape=2)
        errors, _ = scan(pm)(
            fn=lambda y, y1, e2, e1, phi, theta: y - phi * y1 - theta[0] * e1 - theta[1] * e2,
            sequences=[dict(input=pt.as_tensor(d.series), taps=[0, -1])],
            outputs_info=[dict(initial=pt.as_tensor(np.zeros(2)), taps=[-2, -1])],
            non_sequences=[phi, theta],
        )
        pm.Potential("likelihood", pm.logp(pm.Normal.dist(0, pm.HalfNormal("sigma", 1)), errors).sum())
    return m


@model()
def exponential_smoothing_by_scan(pm, d):
    """Level and trend of exponential smoothing: two carried numbers, one-step forecasts."""
    pt = tensors(pm)
    _, _, y = _drift(24, 16)
    with pm.Model() as m:
        alpha, beta = pm.Beta("alpha", 2, 2), pm.Beta("beta", 2, 5)

        def step(seen, level, trend, alpha, beta):
            now = alpha * seen + (1 - alpha) * (level + trend)
            return now, beta * (now - level) + (1 - beta) * trend

        (level, trend), _ = scan(pm)(
            fn=step, sequences=[pt.as_tensor(y)], non_sequences=[alpha, beta],
            outputs_info=[pm.Normal("level", 0, 1), pm.Normal("trend", 0, 0.3)],
        )  # fmt: skip
        pm.Normal("y", mu=(level + trend)[:-1], sigma=pm.HalfNormal("sigma", 1), observed=y[1:])
    return m


# Continuous time ------------------------------------------------------------------------------------


@model()
def diffusion_seen_with_noise(pm, d):
    """Linear SDE of the gallery: a hidden path by Euler and Maruyama's steps, seen with errors."""
    draws = np.random.RandomState(17)
    x = 0.1 * np.cumsum(draws.normal(size=20))
    with pm.Model() as m:
        lam = pm.Normal("lam", -0.78, 0.3)
        size = pm.HalfNormal("size", 0.2)
        xh = pm.EulerMaruyama("xh", dt=0.1, sde_fn=lambda x, lam, s: (lam * x, s), sde_pars=(lam, size + 0.1), init_dist=pm.Normal.dist(0, 0.1), shape=20, initval=np.zeros(20))
        pm.Normal("zh", mu=xh, sigma=0.05, observed=x + 0.05 * draws.normal(size=20))
    return m


@model()
def mean_reverting_rates(pm, d):
    """Cox, Ingersoll and Ross's rates: noise that grows with the root of the level, observed."""
    draws = np.random.RandomState(18)
    rate = 1.0 + 0.1 * np.abs(np.cumsum(0.2 * draws.normal(size=25)))

    def sde(x, kappa, theta, s):
        return kappa * (theta - x), s * pm.math.sqrt(x)

    with pm.Model() as m:
        kappa, theta, s = pm.HalfNormal("kappa", 1), pm.LogNormal("theta", 0, 0.3), pm.HalfNormal("s", 0.5)
        pm.EulerMaruyama("r", dt=0.25, sde_fn=sde, sde_pars=[kappa, theta, s], init_dist=pm.LogNormal.dist(0, 0.5), observed=rate)
    return m


@model()
def epidemic_of_counts(pm, d):
    """Susceptible, exposed and infected by daily steps with a rate that walks; new cases are counted."""
    pt = tensors(pm)
    draws = np.random.RandomState(19)
    with pm.Model() as m:
        log_beta = pm.GaussianRandomWalk("log_beta", mu=0, sigma=0.1, init_dist=pm.Normal.dist(-0.5, 0.3), shape=14)
        incubation, recovery = pm.Beta("incubation", 4, 6), pm.Beta("recovery", 2, 8)

        def day(beta, s, e, i, incubation, recovery):
            caught, ill = beta * s * i / 1000.0, incubation * e
            return s - caught, e + caught - ill, i + ill - recovery * i, ill

        first = [pt.as_tensor(np.float64(v)) for v in (950.0, 30.0, 20.0)]
        (_, _, _, cases), _ = scan(pm)(
            fn=day, sequences=[pt.exp(log_beta)], outputs_info=[*first, None], non_sequences=[incubation, recovery]
        )
        pm.NegativeBinomial("cases", mu=cases, alpha=10.0, observed=draws.poisson(12, size=14))
    return m


# State spaces and chains of pymc-extras -------------------------------------------------------------


@model()
def state_space_level_and_season(pm, d):
    """Structural components: a level that walks, a season, errors; the filter gives the density."""
    st = extras(pm).statespace.structural
    _, _, y = _drift(24, 20)
    parts = st.LevelTrend(order=1) + st.TimeSeasonality(season_length=4, name="season", innovations=True) + st.MeasurementError("obs")
    system = parts.build(verbose=False)
    with pm.Model(coords=system.coords) as m:
        pm.Gamma("P0_diag", 2, 1, dims=system.param_dims["P0"][0])
        pm.Deterministic("P0", tensors(pm).diag(m["P0_diag"] + 0.5), dims=system.param_dims["P0"])
        pm.Normal("initial_level_trend", sigma=1, dims=system.param_dims["initial_level_trend"])
        pm.Gamma("sigma_level_trend", 2, 5, dims=system.param_dims["sigma_level_trend"])
        pm.Normal("params_season", sigma=1, dims=system.param_dims["params_season"])
        pm.Exponential("sigma_season", 1.0)
        pm.Exponential("sigma_obs", 1.0)
        system.build_statespace_graph(y[:, None], cov_jitter=0.0)
    return m


@model()
def state_space_arma(pm, d):
    """SARIMAX of pymc-extras: an ARMA(2, 1) with a stationary start."""
    system = extras(pm).statespace.BayesianSARIMAX(order=(2, 0, 1), stationary_initialization=True, verbose=False)
    with pm.Model(coords=system.coords) as m:
        pm.Normal("ar_params", sigma=0.2, dims=system.param_dims["ar_params"])
        pm.Normal("ma_params", sigma=0.3, dims=system.param_dims["ma_params"])
        pm.Exponential("sigma_state", 0.5)
        system.build_statespace_graph(d.series[:20, None], cov_jitter=0.0)
    return m


@model(chain=2, spread=0.2)
def chain_of_hidden_states(pm, d):
    """Two hidden regimes with their own mean and noise; the chain is a free variable."""
    draws = np.random.RandomState(22)
    pt = tensors(pm)
    with pm.Model() as m:
        stay = pm.Beta("stay", 8, 2, shape=2)
        P = pt.stack([pt.stack([stay[0], 1 - stay[0]]), pt.stack([1 - stay[1], stay[1]])])
        chain = extras(pm).DiscreteMarkovChain("chain", P=P, steps=11, init_dist=pm.Categorical.dist([0.5, 0.5]))
        mu = pm.Normal("mu", [-1, 1], 0.5, shape=2)
        sigma = pm.HalfNormal("sigma", 1, shape=2)
        pm.Normal("y", mu[chain], sigma[chain], observed=draws.normal(size=12))
    return m
