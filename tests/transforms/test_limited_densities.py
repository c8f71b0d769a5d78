"""Densities of what is limited: clipped, at least, at most."""

import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

import workbench as pm
import workbench.tensor as pt
from workbench.transforms import grad
from workbench.transforms.logprob import log_survival_node, logcdf_node, logp_node, logprob_pass, quantile_node

NORMAL = stats.norm


@pytest.mark.parametrize("lower, upper", [(-0.5, 1.0), (0.0, np.inf), (-np.inf, 0.3)])
def test_density_of_a_clipped_normal(lower, upper):
    x = np.array([-2.0, -0.5, 0.0, 0.3, 0.5, 1.0, 1.5])
    wanted = np.where((x < lower) | (x > upper), -np.inf, NORMAL.logpdf(x))
    wanted = np.where(x == lower, NORMAL.logcdf(lower), np.where(x == upper, NORMAL.logsf(upper), wanted))
    np.testing.assert_allclose(pm.logp(pt.clip(pm.Normal.dist(0.0, 1.0), lower, upper), x).eval(), wanted, rtol=1e-12)


def test_density_of_clipped_counts():
    x = pt.clip(pm.Poisson.dist(2.0), 1, 4)
    known = stats.poisson(2.0)
    wanted = [0.0, known.cdf(1), known.pmf(2), known.pmf(3), known.sf(3), 0.0]
    np.testing.assert_allclose(np.exp(pm.logp(x, np.arange(6)).eval()), wanted, rtol=1e-12)


def test_density_of_a_clipped_size():
    x = pt.clip(pt.abs(pm.Normal.dist(0.0, 1.0)), 0.1, 1.0)
    wanted = [np.log(2 * NORMAL.cdf(0.1) - 1), np.log(2.0) + NORMAL.logpdf(0.5), np.log(2 * NORMAL.sf(1.0))]
    np.testing.assert_allclose(pm.logp(x, [0.1, 0.5, 1.0]).eval(), wanted, rtol=1e-12)


def test_gradient_where_a_limit_is_infinite():
    scale = pt.scalar("scale")
    x = pt.clip(pm.Weibull.dist(2.0, scale), 0.5, np.inf)
    total = pt.sum(pm.logp(x, [0.5, 1.0, 2.0]))
    f = pm.function([scale], [total, grad(total, scale)], backend="numpy")
    step = 1e-6
    difference = (f(1.3 + step)[0] - f(1.3 - step)[0]) / (2 * step)
    np.testing.assert_allclose(f(1.3)[1], difference, rtol=1e-6)


def test_density_of_clipped_rounded_numbers():
    rounded = pt.clip(pt.round(pm.Normal.dist(0.0, 1.0)), -1.0, 1.0)
    wanted = np.log([NORMAL.cdf(-0.5), NORMAL.cdf(0.5) - NORMAL.cdf(-0.5), NORMAL.sf(0.5)])
    np.testing.assert_allclose(pm.logp(rounded, [-1.0, 0.0, 1.0]).eval(), wanted, rtol=1e-9)


def test_density_of_rounded_clipped_numbers():
    wide = stats.norm(0.0, 3.0)
    rounded = pt.round(pt.clip(pm.Normal.dist(0.0, 3.0), -2.0, 2.2))
    wanted = [0.0, wide.cdf(-1.5), wide.cdf(0.5) - wide.cdf(-0.5), wide.sf(1.5), 0.0, 0.0]
    np.testing.assert_allclose(np.exp(pm.logp(rounded, [-3.0, -2.0, 0.0, 2.0, 3.0, 0.5]).eval()), wanted, rtol=1e-10)
    down = pt.floor(pt.exp(pt.clip(pm.Normal.dist(0.0, 1.0), -1.0, 1.0)))
    wanted = [0.5, NORMAL.cdf(np.log(2.0)) - 0.5, NORMAL.sf(np.log(2.0)), 0.0]
    np.testing.assert_allclose(np.exp(pm.logp(down, [0.0, 1.0, 2.0, 3.0]).eval()), wanted, rtol=1e-10)
    np.testing.assert_allclose(np.exp(pm.logcdf(down, [-0.5, 0.5, 1.0, 9.0]).eval()), [0.0, 0.5, NORMAL.cdf(np.log(2.0)), 1.0], rtol=1e-10)


def test_quantiles_of_clipped_numbers():
    q = [0.05, 0.5, 0.9, 0.99, -0.1, 1.5]
    found = pm.icdf(pt.clip(pm.Normal.dist(0.0, 1.0), -1.0, 1.5), q).eval()
    np.testing.assert_allclose(found, [-1.0, 0.0, NORMAL.ppf(0.9), 1.5, np.nan, np.nan], atol=1e-12)


def test_tails_of_even_powers():
    v = np.array([-1.0, 0.0, 0.5, 2.0, 30.0])
    known = stats.ncx2(1, 0.09)
    for x in (pm.Normal.dist(0.3, 1.0) ** 2, pt.sqr(pm.Normal.dist(0.3, 1.0))):
        np.testing.assert_allclose(pm.logcdf(x, v).eval(), known.logcdf(v), rtol=1e-9)
        np.testing.assert_allclose(np.exp(pm.logccdf(x, v).eval()), known.sf(v), rtol=1e-7)
    np.testing.assert_allclose(np.exp(pm.logcdf(pm.Normal.dist(0.3, 1.0) ** 4, v**2).eval()), known.cdf(np.abs(v)), rtol=1e-9)
    counts = pm.Poisson.dist(3.0) ** 2
    np.testing.assert_allclose(np.exp(pm.logcdf(counts, [-1, 0, 3, 4, 8, 9]).eval()), [0.0, *stats.poisson.cdf([0, 1, 2, 2, 3], 3.0)], rtol=1e-9)


@pytest.mark.parametrize(
    "make, mean, deviation",
    [
        (lambda a: pm.Normal.dist(0.0, 1.0) + a, 0.7, 1.0),
        (lambda a: a + pm.Normal.dist(2.0, 3.0), 2.7, 3.0),
        (lambda a: pm.Normal.dist(2.0, 3.0) - a, 1.3, 3.0),
        (lambda a: pm.Normal.dist(2.0, 3.0) * pt.exp(a), 2.0 * np.exp(0.7), 3.0 * np.exp(0.7)),
        (lambda a: pm.Normal.dist(2.0, 3.0) / 4.0, 0.5, 0.75),
    ],
)
def test_a_shifted_or_scaled_normal_is_a_normal_and_the_trace_says_so(make, mean, deviation):
    a, v = pt.scalar("a"), pt.scalar("v")
    questions = [logp_node(make(a), v), logcdf_node(make(a), v), log_survival_node(make(a), v), quantile_node(make(a), v)]
    derived, record = logprob_pass().run(questions)
    assert [f.rule.name for f in record.firings].count("question_about_shifted_normal") == 4
    known = stats.norm(mean, deviation)
    found = pm.function([a, v], derived, backend="numpy")(0.7, 0.4)
    np.testing.assert_allclose(found, [known.logpdf(0.4), known.logcdf(0.4), known.logsf(0.4), known.ppf(0.4)], rtol=1e-12)


def test_rules_are_asked_in_one_order_whatever_is_imported_first():
    script = "import {first}workbench as pm; from workbench.transforms.logprob import logprob_pass; print([r.name for r in logprob_pass().rules])"
    orders = {
        subprocess.run([sys.executable, "-c", script.format(first=first)], capture_output=True, text=True, check=True).stdout
        for first in ("", "workbench.transforms.derived_sums, ")
    }
    assert len(orders) == 1 and "question_about_shifted_normal" in orders.pop()
