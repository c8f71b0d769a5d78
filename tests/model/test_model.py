import numpy as np
import pytest

import workbench as pm
from workbench.errors import ModelError, ShapeError


@pytest.mark.parametrize("name", ["radon", "eight_schools"])
def test_logp_and_gradient_agree_with_pymc(name, backend, real_radon, eight_schools, reference):
    model = {"radon": real_radon, "eight_schools": eight_schools}[name]
    known = reference["points"][name]
    assert [model.value_name(rv) for rv in model.free_RVs] == known["values"]
    f = model.logp_dlogp_function(backend=backend)
    for point in known["points"]:
        value, gradient = f(np.array(point["q"]))
        assert np.isclose(value, point["logp"], rtol=1e-10, atol=0)
        np.testing.assert_allclose(gradient, point["gradient"], rtol=1e-10, atol=1e-10 * np.abs(point["gradient"]).max())


def test_gradient_agrees_with_differences(simulated_radon):
    f = simulated_radon.logp_dlogp_function(backend="numpy")
    q = np.random.default_rng(0).normal(size=175) * 0.3
    _, gradient = f(q)
    for k in (0, 1, 2, 50, 87, 88, 100, 174):
        step = np.zeros(175)
        step[k] = 1e-5
        assert np.isclose(gradient[k], (f(q + step)[0] - f(q - step)[0]) / 2e-5, rtol=1e-4, atol=1e-4)


def test_points_and_names_are_pymcs(simulated_radon):
    point = simulated_radon.initial_point()
    assert list(point) == ["mu_a", "sigma_a_log__", "a_raw", "mu_b", "sigma_b_log__", "b_raw", "eps_log__"]
    assert np.isclose(point["eps_log__"], np.log(1.5)) and point["a_raw"].shape == (85,)
    q = simulated_radon.flatten(point)
    assert all(np.array_equal(point[k], v) for k, v in simulated_radon.unflatten(q).items())
    assert np.isclose(sum(simulated_radon.point_logps(point).values()), simulated_radon.compile_logp(backend="numpy")(point))


def test_lists_of_variables_test_by_identity():
    with pm.Model() as model:
        x, y = pm.Normal("x"), pm.Normal("y")
    assert any(v is x for v in model.free_RVs) and model["y"] is y and "x" in model


def test_a_transformed_bound_may_depend_on_another_variable():
    with pm.Model() as model:
        upper = pm.HalfNormal("upper", 2.0)
        pm.Uniform("u", 0.0, upper)
    f = model.logp_dlogp_function(backend="numpy")
    q = np.array([0.3, -0.4])
    value, gradient = f(q)
    b, s = np.exp(0.3), 1 / (1 + np.exp(0.4))
    wanted = -0.5 * (b / 2) ** 2 + 0.5 * np.log(2 / np.pi) - np.log(2.0) + 0.3 - np.log(b) + np.log(b * s * (1 - s))
    assert np.isclose(value, wanted)
    assert np.isclose(gradient[0], (f(q + [1e-6, 0])[0] - f(q - [1e-6, 0])[0]) / 2e-6, atol=1e-6)


def test_potentials_deterministics_and_data():
    with pm.Model(coords={"obs": range(3)}) as model:
        x = pm.Data("x", [1.0, 2.0, 3.0], dims="obs")
        slope = pm.Normal("slope", 0.0, 1.0)
        line = pm.Deterministic("line", slope * x, dims="obs")
        pm.Potential("soft", -((slope - 1.0) ** 2))
        pm.Normal("y", line, 1.0, observed=[1.0, 2.0, 3.0], dims="obs")
    logp = model.compile_logp(backend="numpy")
    normal = -0.5 * np.log(2 * np.pi)
    assert np.isclose(logp({"slope": 2.0}), 4 * normal - 2.0 - 0.5 * 14 - 1.0)
    from workbench.tensor import set_data

    set_data(x, [0.0, 0.0, 0.0])
    assert np.isclose(logp({"slope": 2.0}), 4 * normal - 2.0 - 0.5 * 14 - 1.0)
    assert "line = Deterministic(slope*x)" in str(model)


def test_debug_says_which_term_where_and_with_what(capsys):
    with pm.Model() as model:
        s = pm.Normal("s", 1.0, 1.0)
        pm.Normal("y", 0.0, s, observed=[0.0, 1.0])
    model.debug({"s": np.array(-2.0)})
    report = capsys.readouterr().out
    assert "log p(y[0]) = -inf" in report and "sigma = -2.0" in report
    model.debug()
    assert capsys.readouterr().out == "every term of the log-density is finite\n"


COORDS = {"county": ["a", "b"], "obs": range(3)}


def build(body):
    with pm.Model(coords=COORDS):
        body()


@pytest.mark.parametrize(
    "body, kind, words",
    [
        (lambda: pm.Normal(0.0, 1.0), ModelError, "needs a name"),
        (lambda: [pm.Normal("x"), pm.Normal("x")], ModelError, "has a variable 'x' already"),
        (lambda: pm.Normal("x", dims="cuonty"), ModelError, "no dim 'cuonty'"),
        (lambda: pm.Normal("x", dims="county", shape=3), ShapeError, r"shape \(3,\) does not agree"),
        (lambda: pm.Normal("y", [1.0, 2.0], 1.0, observed=[1.0, 2.0, 3.0]), ShapeError, r"shape \(2,\), which does not broadcast to \(3,\)"),
        (lambda: pm.Normal("y", 0.0, 1.0, observed=[1.0, 2.0], dims="obs"), ShapeError, r"shape \(2,\), but its dims"),
        (lambda: pm.Normal("y", 0.0, 1.0, observed=pm.Data("d", [1.0, np.nan, 2.0])), ModelError, "missing values .NaN., the first at index 1"),
        (lambda: pm.HalfNormal("s", -1.5), ModelError, "s: HalfNormal: the parameter sigma must be positive, got -1.5"),
        (lambda: pm.Normal("x", dims="county")[np.array([0, 2])], IndexError, "index 2 is out of bounds"),
        (lambda: pm.Bernoulli("b"), ModelError, "either p or logit_p"),
    ],
)
def test_bad_models_are_clear_errors(body, kind, words):
    with pytest.raises(kind, match=words):
        build(body)


def test_a_variable_outside_a_model_is_an_error_that_says_so():
    with pytest.raises(ModelError, match="there is no model here"):
        pm.Normal("x")


def test_a_discrete_free_variable_cannot_be_sampled_by_gradients():
    with pm.Model() as model:
        pm.Bernoulli("b", 0.5)
    with pytest.raises(ModelError, match="b: a discrete free variable has no gradient"):
        model.logp_dlogp_function(backend="numpy")


def test_the_trace_goes_from_the_model_to_the_optimised_graph(simulated_radon):
    trace = simulated_radon.trace()
    assert [p.name for p in trace.passes][:6] == ["log-probability", "values", "unconstrained", "flat vector", "gradient", "reroll"]
    names = {f.rule.name for p in trace.passes for f in p.firings}
    assert {"density_of_draw", "change_of_variables", "value_for_variable", "derivative_of_take", "factor_out_of_sum"} <= names


def test_names_do_not_leak_from_one_model_into_another():
    one = pm.tensor.constant(1.0)
    with pm.Model() as first:
        pm.Deterministic("unit", one)
        pm.Normal("y", 0.0, one, observed=1.0)
        first.logp()
    assert one.name is None and first["unit"].name == "unit"
    with pm.Model() as second:
        x = pm.Normal("x", 0.0, 1.0)
        pm.Deterministic("same", x)
        pm.Deterministic("again", second["same"])
    assert str(second).splitlines()[0] == "x ~ Normal(0, 1)"
    assert [v.name for v in second.deterministics] == ["same", "again"] and x.name == "x"
    assert second.constrained_graph().run("numpy", np.array([0.5]), np.array([], np.int64)) == [0.5, 0.5, 0.5]
