"""Mauna Loa's carbon dioxide as PyMC's gallery models it, on every 21st week: for ``pm = pymc`` and ``pm = workbench``."""

from pathlib import Path

import numpy as np

DATA = Path(__file__).resolve().parents[2] / "workbench" / "datasets" / "data" / "co2.csv"


def series():
    """Years since the first, and parts per million in standard deviations from their mean: every 21st week, which passes through the seasons."""
    rows = [line.split(",") for line in DATA.read_text().split()[1:]][::21]
    days = np.array([np.datetime64(day) for day, value in rows if value])
    y = np.array([float(value) for _, value in rows if value])
    return (days - days[0]) / np.timedelta64(1, "D") / 365.25, (y - y.mean()) / y.std()


def co2(pm):
    """A season that drifts, a medium term and a trend; noise that is correlated and noise that is not."""
    t, y = series()
    cov = pm.gp.cov
    with pm.Model() as model:
        eta_per = pm.HalfCauchy("eta_per", beta=2, initval=1.0)
        l_pdecay = pm.Gamma("l_pdecay", alpha=10, beta=0.075)
        period = pm.Normal("period", mu=1, sigma=0.05)
        l_psmooth = pm.Gamma("l_psmooth", alpha=4, beta=3)
        eta_med = pm.HalfCauchy("eta_med", beta=0.5, initval=0.1)
        l_med = pm.Gamma("l_med", alpha=2, beta=0.75)
        alpha = pm.Gamma("alpha", alpha=5, beta=2)
        eta_trend = pm.HalfCauchy("eta_trend", beta=2, initval=2.0)
        l_trend = pm.Gamma("l_trend", alpha=4, beta=0.1)
        eta_noise = pm.HalfNormal("eta_noise", sigma=0.5, initval=0.05)
        l_noise = pm.Gamma("l_noise", alpha=2, beta=4)
        sigma = pm.HalfNormal("sigma", sigma=0.25, initval=0.05)
        terms = (
            pm.gp.Marginal(cov_func=eta_per**2 * cov.Periodic(1, period, l_psmooth) * cov.Matern52(1, l_pdecay)),
            pm.gp.Marginal(cov_func=eta_med**2 * cov.RatQuad(1, l_med, alpha)),
            pm.gp.Marginal(cov_func=eta_trend**2 * cov.ExpQuad(1, l_trend)),
        )
        gp = terms[0] + terms[1] + terms[2]
        gp.marginal_likelihood("y", X=t[:, None], y=y, sigma=eta_noise**2 * cov.Matern32(1, l_noise) + cov.WhiteNoise(sigma))
    return model
