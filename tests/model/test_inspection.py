"""What a model says of itself: terms at a point, text, LaTeX, faults; densities and draws of variables."""

import numpy as np
import pytest
from scipy import stats

import workbench as pm
import workbench.tensor as pt
from workbench.errors import LogProbError, ModelError, SamplingError

POINT = {"a": 0.3, "c_log__": 0.2}


@pytest.fixture(scope="module")
def model():
    with pm.Model(coords={"k": [1, 2]}) as model:
        a = pm.Normal("a", 0, 10)
        c = pm.HalfNormal("c", 1.0)
        d = pm.Deterministic("d", a * c)
        pm.Normal("y", d, c, observed=[1.0, 2.0], dims="k")
        pm.Potential("p_1", -(a**2))
    return model


def terms(jacobian=True):
    a, c = 0.3, np.exp(0.2)
    return {
        "a": stats.norm.logpdf(a, 0, 10), "c": stats.halfnorm.logpdf(c) + 0.2 * jacobian,
        "y": stats.norm.logpdf([1.0, 2.0], a * c, c), "p_1": -(a**2),
    }  # fmt: skip


# Densities -----------------------------------------------------------------------------------------


def test_terms_and_their_sum(model):
    found = model.compile_logp(sum=False, backend="numpy")(POINT)
    for value, wanted in zip(found, terms().values()):
        np.testing.assert_allclose(value, wanted, rtol=1e-13)
    total = sum(np.sum(v) for v in terms().values())
    assert np.isclose(model.compile_logp(backend="numpy")(POINT), total, rtol=1e-13)
    assert np.isclose(model.compile_logp(jacobian=False, backend="numpy")(POINT), total - 0.2, rtol=1e-13)
    logps = model.point_logps(POINT)
    assert list(logps) == ["a", "c", "y", "p_1"] and np.isclose(sum(logps.values()), total)
    assert model.point_logps(POINT, round_vals=2) == {k: round(float(np.sum(v)), 2) for k, v in terms().items()}


@pytest.mark.parametrize(
    "vars, wanted",
    [(["a", "y"], ["a", "y"]), ("c", ["c"]), (["p_1"], ["p_1"]), ([], [])],
)
def test_terms_of_some_variables(model, vars, wanted):
    value = model.compile_logp(vars=vars, backend="numpy")(POINT)
    assert np.isclose(value, sum(np.sum(terms()[k]) for k in wanted), rtol=1e-13)
    variables = [model[v] for v in ([vars] if isinstance(vars, str) else vars)]
    assert np.isclose(model.compile_logp(vars=variables, backend="numpy")(POINT), value)


def test_parts_of_the_density(model):
    known = terms()
    for graph, wanted in {
        model.varlogp: known["a"] + known["c"], model.varlogp_nojac: known["a"] + known["c"] - 0.2, model.observedlogp: known["y"].sum(),
        model.potentiallogp: known["p_1"], model.datalogp: known["y"].sum() + known["p_1"],
    }.items():  # fmt: skip
        assert np.isclose(model.compile_fn(graph, backend="numpy")(POINT), wanted, rtol=1e-13)


def test_derivatives_agree_with_differences(model):
    logp, dlogp, d2logp = (f(backend="numpy") for f in (model.compile_logp, model.compile_dlogp, model.compile_d2logp))
    at = np.array([0.3, 0.2])
    point = lambda q: dict(zip(("a", "c_log__"), q))
    for i, step in enumerate(np.eye(2) * 1e-5):
        up, down = point(at + step), point(at - step)
        assert np.isclose(dlogp(point(at))[i], (logp(up) - logp(down)) / 2e-5, rtol=1e-7)
        np.testing.assert_allclose(d2logp(point(at))[i], (dlogp(down) - dlogp(up)) / 2e-5, rtol=1e-7)
    assert (model.compile_d2logp(negate_output=False, backend="numpy")(POINT) == -d2logp(POINT)).all()
    assert model.compile_dlogp(vars=["c"], backend="numpy")(POINT) == dlogp(POINT)[1]


def test_compiled_functions_of_values_and_of_points(model):
    a, c = model["a"], model["c"]
    assert model.compile_fn(a * 2 + c, inputs=[a, c], point_fn=False, backend="numpy")(1.0, 2.0) == 4.0
    assert [float(v) for v in model.compile_fn([a * 2, c], inputs=[a, c], mode="NUMBA")({"c": 2.0, "a": 1.0, "more": 0})] == [2.0, 2.0]
    with pytest.raises(ModelError, match="the point has no value for c_log__"):
        model.compile_logp(backend="numpy")({"a": 1.0})


@pytest.mark.parametrize(
    "ask, words",
    [
        (lambda m: m.logp(vars=["d"]), "neither a random variable nor a potential"),
        (lambda m: m.dlogp(vars=["y"]), "is no free variable: the log-density has no derivative by it"),
        (lambda m: m.debug(fn="logpp"), "debug: there is no 'logpp'"),
    ],
)
def test_bad_questions_are_clear_errors(model, ask, words):
    with pytest.raises(ModelError, match=words):
        ask(model)


def test_densities_of_distributions_and_expressions():
    x, k = pm.Normal.dist(1.0, 2.0), pm.Geometric.dist(0.3)
    at = np.array([-1.0, 0.5, 3.0])
    np.testing.assert_allclose(pm.logp(x, at).eval(), stats.norm.logpdf(at, 1, 2), rtol=1e-13)
    np.testing.assert_allclose(pm.logcdf(x, at).eval(), stats.norm.logcdf(at, 1, 2), rtol=1e-13)
    np.testing.assert_allclose(pm.icdf(x, [0.1, 0.9]).eval(), stats.norm.ppf([0.1, 0.9], 1, 2), rtol=1e-12)
    assert pm.icdf(k, [0.1, 0.9]).eval().tolist() == [1.0, 7.0]
    value = pt.vector("value")
    wanted = stats.lognorm.logpdf([0.5, 2.0], 2.0, scale=np.e)
    np.testing.assert_allclose(pm.logp(pt.exp(x), value).eval({value: np.array([0.5, 2.0])}), wanted, rtol=1e-13)
    with pytest.raises(LogProbError, match="no random variable lies below"):
        pm.logp(pt.exp(value), 1.0)


# Draws ---------------------------------------------------------------------------------------------


def test_draws_are_joint_and_follow_the_seed():
    x = pm.Normal.dist(1.0, 2.0, shape=3)
    total = x.sum()
    a, b = pm.draw([x, total], draws=50, random_seed=1)
    assert a.shape == (50, 3) and b.shape == (50,) and np.allclose(a.sum(1), b)
    assert (pm.draw(x, 50, random_seed=1) == a).all() and not (pm.draw(x, 50, random_seed=2) == a).any()
    assert pm.draw(x).shape == (3,) and pm.draw(total).shape == () and isinstance(pm.draw(total), np.ndarray)
    assert stats.kstest(pm.draw(x, 500, random_seed=3).ravel(), stats.norm(1, 2).cdf).pvalue > 0.01
    assert not np.array_equal(pm.draw(x), pm.draw(x))
    with pytest.raises(ValueError, match="draws must be at least 1, got 0"):
        pm.draw(x, draws=0)


def test_draws_are_the_same_on_every_backend(backend):
    with pm.Model():
        x = pm.Normal("x", shape=2)
        y = pm.Deterministic("y", pt.exp(x) * 2.0)
    wanted = pm.draw([x, y], 30, random_seed=5, backend="numpy")
    for found, known in zip(pm.draw([x, y], 30, random_seed=5, backend=backend), wanted):
        np.testing.assert_allclose(found, known, rtol=1e-12)


# Text ----------------------------------------------------------------------------------------------


def test_a_model_as_text(model):
    assert str(model).splitlines() == [
        "a ~ Normal(0, 10)", "c ~ HalfNormal(1)", "d = Deterministic(a*c)", "y[k] ~ Normal(d, c) (observed)",
        "p_1 = Potential(-a**2)",
    ]  # fmt: skip
    assert model.str_repr(include_params=False).splitlines() == [
        "a ~ Normal", "c ~ HalfNormal", "d = Deterministic", "y[k] ~ Normal (observed)", "p_1 = Potential",
    ]  # fmt: skip
    assert repr(model) == "<Model: a, c, d, y, p_1>" and str(pm.Model()) == "an empty model"


def test_a_model_as_latex(model):
    assert model._repr_latex_() == "\n".join(
        [
            "$$", r"\begin{array}{rcl}",
            r"\text{a} &\sim & \operatorname{Normal}(0,~10) \\",
            r"\text{c} &\sim & \operatorname{HalfNormal}(1) \\",
            r"\text{d} &\sim & \operatorname{Deterministic}(f(\text{a},~\text{c})) \\",
            r"\text{y} &\sim & \operatorname{Normal}(\text{d},~\text{c}) \\",
            r"\text{p\_1} &\sim & \operatorname{Potential}(f(\text{a}))",
            r"\end{array}", "$$",
        ]
    )  # fmt: skip
    assert r"\operatorname{Normal}" + " " in model.str_repr("latex", include_params=False) and pm.Model()._repr_latex_() == ""


def test_lengths_that_may_change_are_not_shown_with_parameters():
    with pm.Model() as model:
        pm.Data("x", [1.0, 2.0], dims="k")
        pm.HalfNormal("s", 1.5, dims="k")
    assert str(model) == "s[k] ~ HalfNormal(1.5)" and r"\operatorname{HalfNormal}(1.5)" in model._repr_latex_()


# Faults --------------------------------------------------------------------------------------------


def faulty():
    with pm.Model() as model:
        s = pm.Normal("s", [1.0, 1.0], 1.0)
        pm.Normal("y", [[0.0], [5.0]], pt.log(s), observed=np.ones((2, 2)))
        pm.Deterministic("d", s * 2)
    return model


def test_a_fault_is_located_with_its_parameters(capsys):
    model = faulty()
    model.debug({"s": np.array([2.0, 0.5])})
    assert capsys.readouterr().out == (
        "log p(y[0, 1]) = -inf, and 1 more of 4\n  value = 1.0\n  mu = 0.0\n  sigma = -0.6931471805599453  (log(s))\n"
        "  sigma must be positive\n"
    )
    model.debug({"s": np.array([2.0, 0.5])}, verbose=True)
    assert "log : float64[2]" in capsys.readouterr().out
    model.debug({"s": np.array([2.0, 3.0])})
    assert capsys.readouterr().out == "every term of the log-density is finite\n"
    model.debug({"s": np.array([np.nan, 3.0])})
    assert capsys.readouterr().out.startswith("log p(s[0]) = nan\n  value = nan\n  mu = 1.0\n  sigma = 1.0\nlog p(y[0, 0])")


def test_a_fault_of_the_gradient_is_located(capsys):
    with pm.Model() as model:
        x = pm.Normal("x", shape=2)
        pm.Potential("root", pt.sqrt(x).sum())
    model.debug({"x": np.array([1.0, 0.0])}, fn="dlogp")
    assert capsys.readouterr().out.startswith("gradient by x[1] = inf\n  from the term of root\n")
    model.debug({"x": np.array([1.0, 4.0])}, fn="dlogp")
    assert capsys.readouterr().out == "every element of the gradient is finite\n"
    model.debug(fn="random")
    assert capsys.readouterr().out == "every draw is finite\n"


def test_an_impossible_start_is_an_error_with_the_same_words():
    model = faulty()
    model.check_start_vals({"s": np.array([2.0, 3.0])})
    with pytest.raises(SamplingError, match=r"the start is impossible:\nlog p\(y\[0, 1\]\) = -inf, and 1 more of 4\n  value = 1.0"):
        model.check_start_vals({"s": np.array([2.0, 0.5])})
    with pytest.raises(KeyError, match="t: no values of the model; it has s"):
        model.check_start_vals({"t": 1.0})


def test_faults_have_labels_and_the_parameters_of_their_element(capsys):
    with pm.Model(coords={"g": ["a", "b"], "k": [10, 20, 30]}) as model:
        s = pm.Normal("s", dims=("g", "k"))
        pm.Normal("y", 0.0, s, observed=np.zeros((2, 3)), dims=("g", "k"))
        pm.Potential("root", pt.sqrt(s), dims=("g", "k"))
        pm.MvNormal("v", np.zeros(2), cov=pt.stack([[1.0, 2.0 * s[0, 0]], [2.0, 1.0]]), observed=np.zeros((3, 2)))
        pm.Mixture("x", [0.25, 0.75], [pm.HalfNormal.dist(1.0), pm.Exponential.dist(s[0, 0])], observed=[1.0, -1.0])
        pm.CustomDist("c", s[0, 0], logp=lambda value, scale: pt.log(value * scale), observed=[-1.0])
    model.debug({"s": np.array([[1.0, 1.0, 1.0], [1.0, -2.0, 1.0]])})
    report = capsys.readouterr().out
    assert "log p(y[1, 1]) = -inf (g = b, k = 20)\n  value = 0.0\n  mu = 0.0\n  sigma = -2.0  (s)\n  sigma must be positive\n" in report
    assert "log p(root[1, 1]) = nan (g = b, k = 20)\n  s = -2.0" in report
    assert "log p(v[0]) = -inf, and 2 more of 3\n  value = [0., 0.]\n  mu = [0., 0.]\n  cov = [[1., 2.], [2., 1.]]" in report
    assert "cov must be positive definite" in report
    assert "log p(x[1]) = -inf\n  value = -1.0\n  w = [0.25, 0.75]\n" in report and "the value is impossible with these parameters" in report
    assert "log p(c[0]) = nan\n  value = -1.0\n  scale = 1.0" in report


def test_gradients_by_continuous_values_beside_discrete_ones(capsys):
    with pm.Model() as model:
        x = pm.HalfNormal("x")
        n = pm.Poisson("n", 3.0)
        pm.Normal("y", n + pt.sqrt(x - 2.0), 1.0, observed=0.0)
    model.debug({"x_log__": np.log(2.0), "n": 1}, fn="dlogp")
    assert capsys.readouterr().out == "gradient by x_log__ = -inf\n  from the term of y\n"
