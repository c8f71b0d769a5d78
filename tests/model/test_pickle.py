"""Models, expressions and compiled functions as pickles and copies."""

import copy
import importlib.util
import pickle
import subprocess
import sys
from pathlib import Path

import cloudpickle
import numpy as np
import pytest

import workbench as pm
import workbench.tensor as pt

FOLDER = Path(__file__).parents[1] / "reference"
spec = importlib.util.spec_from_file_location("reference_models", FOLDER / "models.py")
written = importlib.util.module_from_spec(spec)
spec.loader.exec_module(written)


@pytest.mark.parametrize("make", written.MODELS, ids=lambda f: f.__name__)
def test_a_model_is_the_same_after_a_pickle(make):
    model = make(pm, pt)
    read = cloudpickle.loads(cloudpickle.dumps(model))
    assert list(read.named_vars) == list(model.named_vars) and read.coords == model.coords
    assert read.named_vars_to_dims == model.named_vars_to_dims and str(read) == str(model)
    assert [v.name for v in read.value_vars] == [v.name for v in model.value_vars]
    point = model.initial_point()
    assert {k: v.tolist() for k, v in read.initial_point().items()} == {k: v.tolist() for k, v in point.items()}
    np.testing.assert_array_equal(read.compile_logp(backend="numpy")(point), model.compile_logp(backend="numpy")(point))
    np.testing.assert_array_equal(read.compile_dlogp(backend="numpy")(point), model.compile_dlogp(backend="numpy")(point))


@pytest.mark.parametrize("how", [pickle, cloudpickle], ids=lambda m: m.__name__)
def test_a_model_draws_the_same_after_a_pickle(how):
    with pm.Model(coords={"g": ["a", "b"]}) as model:
        x = pm.Data("x", [1.0, 2.0])
        mu = pm.Normal("mu")
        s = pm.HalfNormal("s")
        level = pm.Normal("level", mu, s, dims="g")
        pm.Deterministic("double", 2.0 * level, dims="g")
        pm.Normal("y", level * x, 1.0, observed=[1.0, 2.0], dims="g")
    read = how.loads(how.dumps(model))
    options = dict(draws=10, tune=10, chains=2, random_seed=1, progressbar=False, compute_convergence_checks=False)
    before, after = pm.sample(model=model, **options), pm.sample(model=read, **options)
    for name in ("mu", "s", "level", "double"):
        np.testing.assert_array_equal(before.posterior[name], after.posterior[name])
    assert before.posterior["double"].dims == after.posterior["double"].dims
    again = how.loads(how.dumps(after))
    np.testing.assert_array_equal(again.posterior["mu"], after.posterior["mu"])
    # Its data are its own.
    pm.set_data({"x": [5.0, 5.0]}, model=read)
    assert model["x"].eval().tolist() == [1.0, 2.0] and read["x"].eval().tolist() == [5.0, 5.0]


def test_functions_without_a_name_go_with_the_model():
    scale = 2.0
    with pm.Model() as model:
        mu = pm.Normal("mu")
        pm.CustomDist("c", mu, logp=lambda value, m: -scale * (value - m) ** 2, observed=[0.5, 1.0])
    read = cloudpickle.loads(cloudpickle.dumps(model))
    point = {"mu": 0.25}
    expected = -0.5 * 0.25**2 - 0.5 * np.log(2 * np.pi) - 2.0 * (0.25**2 + 0.75**2)
    np.testing.assert_allclose(read.compile_logp(backend="numpy")(point), expected, rtol=1e-14)


def decay(y, t, p):
    return [-p[0] * y[0]]


def outward(x, a):
    return a * x, 0.3


def _series():
    """Distributions that have others in them, or lengths: each is a class of its own."""
    y = np.linspace(0.1, 1.0, 6)
    start = pm.Normal.dist(0.0, 1.0)
    pm.AR("ar", pm.Normal("rho", 0, 0.5, shape=2), sigma=1.0, init_dist=pm.Normal.dist(0, 1, shape=2), observed=y)
    pm.GaussianRandomWalk("walk", sigma=pm.HalfNormal("s"), init_dist=start, observed=y)
    pm.EulerMaruyama("sde", 0.1, outward, (pm.HalfNormal("a"),), init_dist=start, observed=y)
    pm.Mixture("mixture", [0.4, 0.6], [pm.Normal.dist(pm.Normal("m"), 1), pm.Cauchy.dist(0, 1)], observed=y)
    pm.Truncated("truncated", pm.Gamma.dist(pm.HalfNormal("shape"), 1), lower=0.05, observed=y)
    pm.LKJCholeskyCov("chol", n=2, eta=2.0, sd_dist=pm.Exponential.dist(1.0, shape=2))


def _state_space():
    parts = pm.statespace.structural
    system = (parts.LevelTrend(1) + parts.MeasurementError("obs")).build(initialization="diffuse")
    pm.HalfNormal("sigma_level_trend", 1, shape=1)
    pm.HalfNormal("sigma_obs")
    system.build_statespace_graph(np.arange(8.0)[:, None])


def _equation():
    solved = pm.ode.DifferentialEquation(func=decay, times=np.arange(1.0, 4.0), n_states=1, n_theta=1)
    pm.Normal("y", solved(y0=[1.0], theta=[pm.LogNormal("rate")]), 1.0, observed=np.ones((3, 1)))


def _process():
    x = np.linspace(0.0, 2.0, 8)
    gp = pm.gp.Marginal(cov_func=pm.HalfNormal("eta") ** 2 * pm.gp.cov.Matern52(1, pm.Gamma("l", 2, 1)))
    gp.marginal_likelihood("y", X=x[:, None], y=np.sin(x), sigma=pm.HalfNormal("s"))
    pm.gp.HSGP(m=[4], c=1.5, cov_func=pm.gp.cov.ExpQuad(1, 1.0)).prior("f", X=x[:, None])


@pytest.mark.parametrize("write", [_series, _state_space, _equation, _process], ids=lambda f: f.__name__)
def test_series_state_spaces_equations_and_processes_go_into_a_pickle(write):
    with pm.Model() as model:
        write()
    read = pickle.loads(pickle.dumps(model))
    point = model.initial_point()
    assert read.compile_logp(backend="numpy")(point) == model.compile_logp(backend="numpy")(point)
    # Equal variables are of one class again.
    assert [type(v.op.distribution) for v in read.basic_RVs] == [type(v.op.distribution) for v in model.basic_RVs]
    assert [v.op.distribution for v in read.basic_RVs] == [v.op.distribution for v in model.basic_RVs]


def test_a_distribution_of_functions_says_what_writes_it():
    with pm.Model() as model:
        pm.CustomDist("c", 0.0, logp=lambda value, m: -((value - m) ** 2))
    with pytest.raises(pickle.PicklingError, match="cloudpickle writes it"):
        pickle.dumps(model)


def test_another_process_computes_the_same(tmp_path):
    with pm.Model() as model:
        mu = pm.Normal("mu")
        pm.CustomDist("c", mu, logp=lambda value, m: -((value - m) ** 2), observed=[0.5])
    file = tmp_path / "model"
    file.write_bytes(cloudpickle.dumps(model))
    code = (
        "import sys, cloudpickle; m = cloudpickle.load(open(sys.argv[1], 'rb')); "
        "print(repr(float(m.compile_logp(backend='numpy')({'mu': 0.25}))))"
    )
    said = subprocess.run([sys.executable, "-c", code, str(file)], capture_output=True, text=True, check=True).stdout
    assert float(said) == float(model.compile_logp(backend="numpy")({"mu": 0.25}))


@pytest.mark.parametrize("how", [pickle, cloudpickle], ids=lambda m: m.__name__)
def test_equal_expressions_are_one_object_where_they_are_read(how):
    x = pt.vector("x", 3)
    y = pt.exp(x) + 1.0
    y.name = "y"
    i, last = pt.while_loop(lambda i, s: i < 3, lambda i, s: [i + 1, s * y], [0, y])
    a, b, c, d = how.loads(how.dumps((x, y, y.sum(), last)))
    assert b is pt.exp(a) + 1.0 and b.name == "y" and a.name == "x" and c is b.sum() and a is not x
    np.testing.assert_allclose(d.eval({a: np.zeros(3)}), [16.0] * 3)
    assert how.loads(how.dumps(pt.constant([1.0, 2.0]))) is pt.constant([1.0, 2.0])
    assert copy.deepcopy(y) is y and copy.copy(y) is y


def test_a_deep_expression_is_no_deep_recursion():
    x = pt.scalar("x")
    z = x
    for _ in range(1000):
        z = pt.sin(z) * 1.5
    read = pickle.loads(pickle.dumps(z))
    for _ in range(1000):
        assert read.op.name == z.op.name and read.inputs[1:] == z.inputs[1:]
        read, z = read.inputs[0].inputs[0], z.inputs[0].inputs[0]
    assert read.name == "x" and not read.inputs


@pytest.mark.parametrize("name", ["numpy", "c"])
def test_a_compiled_function_is_compiled_again(name):
    x = pt.vector("x")
    f = pm.function([x], [pt.exp(x).sum(), x * 2.0], backend=name)
    read = pickle.loads(pickle.dumps(f))
    assert read.backend == name
    for mine, other in zip(f(np.arange(3.0)), read(np.arange(3.0))):
        np.testing.assert_array_equal(mine, other)
    with pm.Model() as model:
        pm.HalfNormal("s")
    logp = model.compile_logp(backend=name)
    assert pickle.loads(pickle.dumps(logp))({"s_log__": 0.3}) == logp({"s_log__": 0.3})


def test_a_deep_copy_of_a_model_has_data_of_its_own():
    with pm.Model() as model:
        x = pm.Data("x", [1.0, 2.0])
        pm.Normal("y", pm.Normal("mu") * x, 1.0, observed=[1.0, 2.0])
    other = copy.deepcopy(model)
    pm.set_data({"x": [3.0, 4.0]}, model=other)
    assert model["x"].eval().tolist() == [1.0, 2.0]
    options = dict(draws=5, tune=5, chains=1, random_seed=1, quiet=True)
    expected = model.compile_logp(backend="numpy")({"mu": 0.5})
    drawn = pm.sample(model=model, **options).posterior["mu"]
    again = copy.deepcopy(model)
    pm.set_data({"x": [7.0, 8.0]}, model=again)
    np.testing.assert_array_equal(drawn, pm.sample(model=model, **options).posterior["mu"])
    assert not np.array_equal(drawn, pm.sample(model=again, **options).posterior["mu"])
    pm.set_data({"x": [3.0, 4.0]}, model=model)
    assert other.compile_logp(backend="numpy")({"mu": 0.5}) == model.compile_logp(backend="numpy")({"mu": 0.5}) != expected
    with other:
        pm.Normal("new")
    assert "new" not in model


def test_a_run_says_what_to_pickle():
    with pm.Model() as model:
        pm.Normal("x")
    run = pm.sample(5, tune=5, chains=1, model=model, quiet=True, return_inferencedata=False, random_seed=1)
    with pytest.raises(TypeError, match="pickle run.idata, or run.draws"):
        pickle.dumps(run)
