"""Densities of what is limited: clipped, at least, at most."""

import numpy as np
import pytest
from scipy import stats

import workbench as pm
import workbench.tensor as pt
from workbench.transforms import grad

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
