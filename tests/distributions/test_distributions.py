import numpy as np
import pytest
import scipy.stats

import workbench as pm
import workbench.tensor as pt
from workbench.compile import function
from workbench.distributions import draw_rules, set_key
from workbench.errors import LogProbError, ModelError, ParameterValueError
from workbench.graph import Pass
from workbench.transforms import grad
from workbench.transforms.change_of_variables import IntervalTransform, Log
from workbench.transforms.logprob import logp

CASES = [
    (pm.Normal, {"mu": 1.5, "sigma": 2.0}, scipy.stats.norm(1.5, 2.0)),
    (pm.Normal, {"mu": 1.5, "tau": 0.25}, scipy.stats.norm(1.5, 2.0)),
    (pm.HalfNormal, {"sigma": 1.5}, scipy.stats.halfnorm(scale=1.5)),
    (pm.Exponential, {"lam": 2.5}, scipy.stats.expon(scale=0.4)),
    (pm.Exponential, {"scale": 0.4}, scipy.stats.expon(scale=0.4)),
    (pm.Uniform, {"lower": -1.0, "upper": 3.0}, scipy.stats.uniform(-1.0, 4.0)),
    (pm.Bernoulli, {"p": 0.3}, scipy.stats.bernoulli(0.3)),
    (pm.Bernoulli, {"logit_p": np.log(3 / 7)}, scipy.stats.bernoulli(0.3)),
]
IDS = [f"{c.__name__}-{'-'.join(p)}" for c, p, _ in CASES]


def points(frozen):
    if hasattr(frozen, "pmf"):
        return np.array([-1, 0, 1, 2])
    return np.array([-np.inf, -3.0, -1.0, -1e-9, 0.0, 1e-9, 0.5, 3.0, 3.0001, 50.0, np.inf])


@pytest.mark.parametrize("cls, parameters, frozen", CASES, ids=IDS)
def test_logp_agrees_with_scipy_everywhere(cls, parameters, frozen, backend):
    at = points(frozen)
    x = pt.tensor("x", cls.dtype, at.shape)
    rv = cls.dist(**parameters, shape=at.shape)
    result = function([x], logp(rv, x), backend=backend)(at)
    with np.errstate(all="ignore"):
        wanted = frozen.logpmf(at) if hasattr(frozen, "pmf") else frozen.logpdf(at)
    np.testing.assert_allclose(result, wanted, rtol=1e-13)


@pytest.mark.parametrize("cls, parameters, frozen", CASES, ids=IDS)
def test_draws_follow_the_distribution_and_their_key(cls, parameters, frozen, backend):
    rv = cls.dist(**parameters, shape=(5000,))
    set_key(rv, 12345)
    (drawn,), _ = Pass("draw", draw_rules).run([rv])
    draws = function([], drawn, backend=backend)()
    if hasattr(frozen, "pmf"):
        assert scipy.stats.binomtest(int(draws.sum()), 5000, 0.3).pvalue > 0.01
    else:
        assert scipy.stats.kstest(draws, frozen.cdf).pvalue > 0.01
    np.testing.assert_allclose(draws, rv.eval(), rtol=1e-12, atol=1e-14)


def test_two_variables_of_one_distribution_are_two():
    a, b = pm.Normal.dist(0.0, 1.0), pm.Normal.dist(0.0, 1.0)
    assert a is not b
    assert float(a.eval()) != float(b.eval())
    assert float((a - a).eval()) == 0.0


def test_a_random_variable_is_a_tensor():
    x = pm.Normal.dist(0.0, 1.0, shape=(4,))
    set_key(x, 1)
    assert np.array_equal(pt.clip(x, 0.0, np.inf).eval(), np.maximum(x.eval(), 0.0))


@pytest.mark.parametrize(
    "make, frozen",
    [
        (lambda z: pt.exp(z), scipy.stats.lognorm(2.0, scale=np.exp(0.5))),
        (lambda z: 3.0 - 2.0 * z, scipy.stats.norm(2.0, 4.0)),
        (lambda z: (z + 1.0) / 4.0, scipy.stats.norm(0.375, 0.5)),
        (lambda z: -z, scipy.stats.norm(-0.5, 2.0)),
        (lambda z: pt.log(pt.exp(z) * 2.0), scipy.stats.norm(0.5 + np.log(2.0), 2.0)),
    ],
)
def test_the_density_of_a_function_of_a_variable_is_derived(make, frozen):
    z = pm.Normal.dist(0.5, 2.0)
    for at in (0.3, 1.0, 2.5):
        assert np.isclose(float(logp(make(z), at).eval()), frozen.logpdf(at))


def test_an_underivable_density_names_the_operation():
    with pytest.raises(LogProbError, match="add"):
        z = pm.Normal.dist(0.0, 1.0)
        logp(pt.square(z) + z, 1.0)


@pytest.mark.parametrize("transform, rv", [(Log(), pm.HalfNormal.dist(1.0)), (IntervalTransform(), pm.Uniform.dist(-1.0, 3.0))])
def test_jacobians_are_derivatives_and_transforms_invert(transform, rv):
    v = pt.scalar("v")
    there = transform.backward(v, rv)
    for at in (-3.0, 0.0, 0.7, 4.0):
        slope = float(grad(there, v).eval({"v": at}))
        assert np.isclose(float(transform.log_jacobian(v, rv).eval({"v": at})), np.log(abs(slope)))
        assert np.isclose(float(transform.forward(there, rv).eval({"v": at})), at)


@pytest.mark.parametrize("call", [lambda: pm.Normal.dist(0.0, -1.0), lambda: pm.Exponential.dist(0.0), lambda: pm.HalfNormal.dist([1.0, -2.0])])
def test_a_bad_constant_parameter_is_an_error_with_its_value(call):
    with pytest.raises(ModelError, match="must be positive, got"):
        call()


def test_a_bad_parameter_is_an_error_when_evaluated_and_minus_infinity_when_sampled(backend):
    s = pt.vector("s", 2)
    density = logp(pm.Normal.dist(0.0, s), 1.0)
    with pytest.raises(ParameterValueError, match=r"Normal: sigma must be positive(.|\n)*sigma = -1"):
        density.eval({"s": [1.0, -1.0]})
    value, slope = function([s], [density, grad(density.sum(), s)], backend=backend)([1.0, -1.0])
    assert np.isfinite(value[0]) and value[1] == -np.inf and slope[1] == 0.0
