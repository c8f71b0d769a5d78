"""Custom distributions whose logp returns a number for each value, for each row, for all, or something else.

A model's log-density is the sum of what the functions return: nothing is repeated over the data. Right values are
sums of squares, written out; those of drawn and derived ones are densities of the normal and the log-normal in SciPy.
"""

import numpy as np
import pytest
from scipy import stats

import workbench as pm
import workbench.tensor as pt
from workbench.errors import ModelError, ShapeError

ROWS = np.array([[1.0, 2.0], [0.0, -1.0], [3.0, 2.0]])
THREE = np.array([1.0, 2.0, 3.0])


def square(value, mu):
    return -((value - mu) ** 2)


RETURNED = {
    # name: (what logp returns, observed, sum of -(value - 2)**2 as often as it is there, number of log-likelihoods)
    "each": (lambda v, mu: square(v, mu), THREE, -2.0, (3,)),
    "all": (lambda v, mu: square(v, mu).sum(), THREE, -2.0, ()),
    "all of a table": (lambda v, mu: pt.sum(square(v, mu)), ROWS, -15.0, ()),
    "rows": (lambda v, mu: square(v, mu).sum(axis=-1), ROWS, -15.0, (3,)),
    "columns": (lambda v, mu: square(v, mu).sum(axis=0), ROWS, -15.0, ()),
    "rows, axis kept": (lambda v, mu: square(v, mu).sum(axis=-1, keepdims=True), ROWS, -15.0, (3,)),
    "two terms a row": (lambda v, mu: square(v[:, 0], mu) + square(v[:, 1], mu), ROWS, -15.0, (3,)),
    "terms in a loop": (lambda v, mu: sum(square(v[i], mu) for i in range(3)), THREE, -2.0, ()),
    "more axes": (lambda v, mu: pt.stack([square(v, mu), square(v, mu)]), THREE, -4.0, ()),
    "another length": (lambda v, mu: pt.concatenate([square(v, mu), square(v[:1], mu)]), THREE, -3.0, ()),
    "nothing of the value": (lambda v, mu: square(5.0, mu), THREE, -9.0, None),
    "a number": (lambda v, mu: 3.0, THREE, 3.0, None),
    "a scalar": (lambda v, mu: square(v, mu), np.array(4.0), -4.0, ()),
}


@pytest.mark.parametrize("name", RETURNED)
@pytest.mark.parametrize("make", [pm.CustomDist, pm.DensityDist], ids=["CustomDist", "DensityDist"])
def test_what_logp_returns_is_summed_once(name, make):
    logp, observed, expected, count = RETURNED[name]
    with pm.Model() as model:
        mu = pm.Flat("mu")
        make("y", mu, logp=logp, observed=observed)
    assert float(model.compile_logp(backend="numpy")({"mu": 2.0})) == pytest.approx(expected, rel=1e-14)
    if count is not None:
        assert pm.logp(model["y"], observed).type.shape == count


@pytest.mark.parametrize("name", [n for n in RETURNED if n != "a scalar"])
@pytest.mark.parametrize("backend", ["numpy", "c"])
def test_what_logp_returns_is_summed_once_for_data(name, backend):
    logp, observed, expected, _ = RETURNED[name]
    with pm.Model() as model:
        data = pm.Data("data", observed)
        mu = pm.Flat("mu")
        pm.CustomDist("y", mu, logp=logp, observed=data)
    assert float(model.compile_logp(backend=backend)({"mu": 2.0})) == pytest.approx(expected, rel=1e-14)


def test_data_of_another_length_are_summed_once(backend):
    with pm.Model() as model:
        data = pm.Data("data", THREE)
        mu = pm.Flat("mu")
        pm.CustomDist("y", mu, logp=lambda v, mu: square(v, mu).sum(), observed=data)
    logp = model.compile_logp(backend=backend)
    assert float(logp({"mu": 2.0})) == -2.0
    pm.set_data({"data": [4.0, 5.0]}, model=model)
    assert float(logp({"mu": 2.0})) == -13.0


@pytest.mark.parametrize("given", [{"shape": (3, 2)}, {"size": (3, 2)}, {"dims": ("row", "column")}])
@pytest.mark.parametrize("axis", [None, 0, 1, -1, (0, 1)])
def test_free_variables_are_summed_once(given, axis, backend):
    if backend in ("numba", "jax") and axis is not None:
        pytest.skip("one of its kind is enough to compile")
    with pm.Model(coords={"row": range(3), "column": range(2)}) as model:
        pm.CustomDist("x", 2.0, logp=lambda v, mu: square(v, mu).sum(axis=axis), **given)
    value, slope = model.logp_dlogp_function(backend=backend)(ROWS.ravel())
    assert value == pytest.approx(-15.0, rel=1e-14)
    np.testing.assert_allclose(slope, -2.0 * (ROWS.ravel() - 2.0), rtol=1e-14)


@pytest.mark.parametrize("axis", [None, -1])
def test_a_transform_counts_its_jacobian_once(axis):
    value = np.arange(1.0, 7.0).reshape(3, 2)
    with pm.Model() as model:
        pm.CustomDist("x", logp=lambda v: -pt.sum(v, axis=axis), shape=(3, 2), transform=pm.distributions.transforms.log, initval=value)
    assert float(model.compile_logp(backend="numpy")(model.initial_point())) == pytest.approx(-21.0 + np.log(720.0), rel=1e-14)


def test_total_size_scales_a_sum_by_the_rows_there_are():
    with pm.Model() as model:
        mu = pm.Flat("mu")
        pm.CustomDist("y", mu, logp=lambda v, mu: square(v, mu).sum(), observed=THREE, total_size=30)
    assert float(model.compile_logp(backend="numpy")({"mu": 2.0})) == pytest.approx(-20.0, rel=1e-14)


def test_logp_of_a_variable_without_a_shape_takes_that_of_the_value():
    x = pm.CustomDist.dist(2.0, logp=lambda v, mu: square(v, mu).sum())
    assert float(pm.logp(x, THREE).eval()) == -2.0
    rows = pm.CustomDist.dist(2.0, logp=lambda v, mu: square(v, mu).sum(-1))
    assert pm.logp(rows, ROWS).eval().tolist() == [-1.0, -13.0, -1.0]


def test_a_function_of_a_variable_whose_density_is_a_sum():
    x = pt.exp(pm.CustomDist.dist(2.0, logp=lambda v, mu: square(v, mu).sum(), shape=3))
    # The density of exp(x) at exp(v) is that of x, divided by exp(v).
    assert float(pm.logp(x, np.exp(THREE)).eval()) == pytest.approx(-2.0 - THREE.sum(), rel=1e-14)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda x: pm.Mixture.dist([0.5, 0.5], [x, pm.Normal.dist(0.0, 1.0)], shape=3),
        lambda x: pm.Censored.dist(x, lower=-1.0, upper=5.0, shape=3),
        lambda x: pm.Truncated.dist(x, lower=-1.0, upper=5.0, shape=3),
    ],
    ids=["Mixture", "Censored", "Truncated"],
)
def test_a_sum_is_an_error_where_each_value_needs_a_density(wrap):
    x = pm.CustomDist.dist(2.0, logp=lambda v, mu: square(v, mu).sum(), logcdf=lambda v, mu: pm.logcdf(pm.Normal.dist(mu, 1.0), v))
    with pytest.raises(ShapeError, match="a number for each draw"):
        pm.logp(wrap(x), THREE)


def normal_logp(value, mu):
    return -0.5 * (value - mu) ** 2 - 0.5 * np.log(2 * np.pi)


def normal_logcdf(value, mu):
    return pm.logcdf(pm.Normal.dist(mu, 1.0), value)


PARTS = {
    "functions": lambda: pm.CustomDist.dist(0.5, logp=normal_logp, logcdf=normal_logcdf),
    "dist": lambda: pm.CustomDist.dist(0.5, dist=lambda mu, size: pm.Normal.dist(mu, 1.0, size=size)),
    "an expression": lambda: pm.CustomDist.dist(0.5, dist=lambda mu, size: mu + pm.Normal.dist(0.0, 1.0, size=size)),
}


@pytest.mark.parametrize("part", PARTS)
def test_parts_of_other_distributions(part):
    x, normal = PARTS[part](), stats.norm(0.5, 1.0)
    at = np.array([-0.5, 0.2, 1.0])
    mixed = pm.Mixture.dist([0.3, 0.7], [x, pm.Normal.dist(2.0, 1.5)], shape=3)
    np.testing.assert_allclose(pm.logp(mixed, at).eval(), np.log(0.3 * normal.pdf(at) + 0.7 * stats.norm(2.0, 1.5).pdf(at)), rtol=1e-12)
    censored = pm.Censored.dist(x, lower=-0.5, upper=1.0, shape=3)
    np.testing.assert_allclose(pm.logp(censored, at).eval(), [normal.logcdf(-0.5), normal.logpdf(0.2), normal.logsf(1.0)], rtol=1e-12)
    truncated = pm.Truncated.dist(x, lower=-0.5, upper=1.0, shape=3)
    mass = normal.cdf(1.0) - normal.cdf(-0.5)
    np.testing.assert_allclose(pm.logp(truncated, at).eval(), normal.logpdf(at) - np.log(mass), rtol=1e-12)


def test_an_expression_with_a_density_of_ones_own():
    def build(**functions):
        return pm.CustomDist.dist(0.5, dist=lambda mu, size: pt.exp(pm.Normal.dist(mu, 1.0, size=size)), shape=3, **functions)

    log_normal = stats.lognorm(1.0, scale=np.exp(0.5))
    at = np.array([0.3, 1.0, 4.0])
    np.testing.assert_allclose(pm.logp(build(), at).eval(), log_normal.logpdf(at), rtol=1e-12)
    np.testing.assert_allclose(pm.logp(build(support_point=lambda rv, size, mu: pt.full(size, 4.0)), at).eval(), log_normal.logpdf(at), rtol=1e-12)
    np.testing.assert_allclose(pm.logp(build(logp=lambda v, mu: -v), at).eval(), -at, rtol=1e-15)
    np.testing.assert_allclose(pm.logcdf(build(logp=lambda v, mu: -v), at).eval(), log_normal.logcdf(at), rtol=1e-12)
    with pm.Model() as model:
        pm.CustomDist(
            "x", 0.5, dist=lambda mu, size: pt.exp(pm.Normal.dist(mu, 1.0, size=size)), logp=lambda v, mu: -v,
            support_point=lambda rv, size, mu: pt.full(size, 4.0), shape=3,
        )  # fmt: skip
    assert model.initial_point()["x"].tolist() == [4.0, 4.0, 4.0]
    drawn = pm.draw(model["x"], draws=4000, random_seed=5)
    assert drawn.shape == (4000, 3)
    assert stats.kstest(drawn.ravel(), log_normal.cdf).pvalue > 1e-4


def test_a_transform_that_is_given_for_an_expression_is_the_only_one():
    with pm.Model() as model:
        pm.CustomDist("x", 2.0, dist=lambda s, size: pm.HalfNormal.dist(s, size=size), transform=pm.distributions.transforms.log)
    assert list(model.initial_point()) == ["x_log__"]
    expected = stats.halfnorm(scale=2.0).logpdf(np.exp(0.3)) + 0.3
    assert float(model.compile_logp(backend="numpy")({"x_log__": 0.3})) == pytest.approx(expected, rel=1e-13)


def test_what_functions_get():
    """Parameters with as many axes as the draws; those that do not fit the draws as they are; size as a tuple."""
    seen = {}

    def logp(value, mu, weights):
        seen["logp"] = value.ndim, mu.ndim, weights.type.shape
        return square(value, mu) + pt.log(weights[0])

    def random(mu, weights, rng=None, size=None):
        seen["random"] = np.shape(mu), np.shape(weights), size
        return rng.normal(mu, 1.0, size=size)

    def support_point(rv, size, mu, weights):
        seen["support_point"] = rv.type.shape, size
        return pt.full_like(rv, 7.0)

    with pm.Model() as model:
        weights = pm.Dirichlet("weights", np.ones(2))
        x = pm.CustomDist("x", 2.0, weights, logp=logp, random=random, support_point=support_point, class_name="Mine", shape=(3,))
    assert model.initial_point()["x"].tolist() == [7.0, 7.0, 7.0]
    assert pm.draw(x, random_seed=1).shape == (3,)
    expected = -2.0 + 3 * np.log(0.5) + float(pm.logp(weights, [0.5, 0.5]).eval())
    assert float(model.compile_logp(jacobian=False, backend="numpy")({"weights_simplex__": [0.0], "x": THREE})) == pytest.approx(expected)
    assert seen == {"logp": (1, 1, (2,)), "random": ((1,), (2,), (3,)), "support_point": ((3,), (3,))}
    assert "Mine(" in str(model)


def test_what_is_wrong_is_said():
    with pm.Model():
        with pytest.raises(ModelError, match="returned nothing"):
            pm.logp(pm.CustomDist.dist(0.0, logp=lambda v, mu: None), 1.0)
        with pytest.raises(ModelError, match="first parameter is a function"):
            pm.DensityDist("old", lambda value: -value, observed=THREE)
        with pytest.raises(ModelError, match="cannot be drawn"):
            pm.draw(pm.CustomDist.dist(0.0, logp=lambda v, mu: -v))
        with pytest.raises(ModelError, match="dist or random"):
            pm.CustomDist.dist(0.0, dist=lambda mu, size: mu, random=lambda mu, rng, size: mu)
