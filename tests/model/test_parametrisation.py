"""`reparameterize`: densities with their Jacobians, sizes of graphs, the way back, and models around it."""

import pickle

import numpy as np
import pytest

import workbench as pm
import workbench.tensor as pt
from workbench.errors import ModelError, ShapeError
from workbench.graph.inner import Graph
from workbench.graph.traverse import replace, topological
from workbench.model.density import values_of_variables
from workbench.rewrites import default_mode

L = np.array([[1.0, 0.0, 0.0], [0.4, 0.8, 0.0], [-0.3, 0.2, 1.1]])
W = np.array([[0.0, 1.0, 1.0], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])


def scaled(s):
    """A Cholesky factor that depends on a variable."""
    return L * s


# Families, given a location and a scale that are variables of the model; vectors have length 3.
FAMILIES = {
    "Normal": lambda m, s: pm.Normal("x", m, s, shape=3),
    "Normal by precision": lambda m, s: pm.Normal("x", m, tau=s, shape=3),
    "Normal, scale alone": lambda m, s: pm.Normal("x", 0.5, s, shape=3),
    "Normal, a location each": lambda m, s: pm.Normal("x", m * np.array([1.0, 2.0, -1.0]), s, shape=(2, 3)),
    "StudentT": lambda m, s: pm.StudentT("x", 4.0, m, sigma=s, shape=3),
    "Cauchy": lambda m, s: pm.Cauchy("x", m, s, shape=3),
    "Laplace": lambda m, s: pm.Laplace("x", m, s, shape=3),
    "Logistic": lambda m, s: pm.Logistic("x", m, s, shape=3),
    "Gumbel": lambda m, s: pm.Gumbel("x", m, s, shape=3),
    "Moyal": lambda m, s: pm.Moyal("x", m, s, shape=3),
    "SkewNormal": lambda m, s: pm.SkewNormal("x", mu=m, sigma=s, alpha=1.5, shape=3),
    "SkewStudentT": lambda m, s: pm.SkewStudentT("x", a=2.0, b=3.0, mu=m, sigma=s, shape=3),
    "AsymmetricLaplace": lambda m, s: pm.AsymmetricLaplace("x", kappa=1.5, mu=m, b=s, shape=3),
    "ExGaussian": lambda m, s: pm.ExGaussian("x", mu=m, sigma=s, nu=1.5, shape=3),
    "HalfNormal": lambda m, s: pm.HalfNormal("x", s, shape=3),
    "HalfStudentT": lambda m, s: pm.HalfStudentT("x", 4.0, s, shape=3),
    "HalfCauchy": lambda m, s: pm.HalfCauchy("x", s, shape=3),
    "LogNormal": lambda m, s: pm.LogNormal("x", m, s, shape=3),
    "LogitNormal": lambda m, s: pm.LogitNormal("x", m, s, shape=3),
    "Weibull": lambda m, s: pm.Weibull("x", 1.5, s, shape=3),
    "Pareto": lambda m, s: pm.Pareto("x", 2.5, s, shape=3),
    "Exponential": lambda m, s: pm.Exponential("x", s, shape=3),
    "Gamma": lambda m, s: pm.Gamma("x", 2.5, s, shape=3),
    "Gamma by mean": lambda m, s: pm.Gamma("x", mu=s, sigma=0.7, shape=3),
    "InverseGamma": lambda m, s: pm.InverseGamma("x", 2.5, s, shape=3),
    "MvNormal by covariance": lambda m, s: pm.MvNormal("x", m, cov=s * (L @ L.T)),
    "MvNormal by precision": lambda m, s: pm.MvNormal("x", m, tau=s * (L @ L.T), shape=(2, 3)),
    "MvNormal by factor": lambda m, s: pm.MvNormal("x", m, chol=scaled(s)),
    "MvStudentT": lambda m, s: pm.MvStudentT("x", 5.0, mu=m, scale=s * (L @ L.T)),
    "ZeroSumNormal": lambda m, s: pm.ZeroSumNormal("x", s, shape=4),
    "ZeroSumNormal, two axes": lambda m, s: pm.ZeroSumNormal("x", s, n_zerosum_axes=2, shape=(2, 3, 3)),
    "CAR": lambda m, s: pm.CAR("x", m * np.ones(3), W, 0.5, s),
    "GaussianRandomWalk": lambda m, s: pm.GaussianRandomWalk("x", m, s, init_dist=pm.Normal.dist(0.0, s), steps=3),
    "RandomWalk": lambda m, s: pm.RandomWalk("x", pm.StudentT.dist(3.0, 0.0, sigma=1.0), pm.Laplace.dist(0.0, s), steps=3, shape=(2, 4)),
    "RandomWalk from elsewhere": lambda m, s: pm.RandomWalk("x", pm.SkewNormal.dist(mu=0.0, sigma=1.0, alpha=1.0), pm.Normal.dist(0.0, s), steps=3),
    "MvGaussianRandomWalk": lambda m, s: pm.MvGaussianRandomWalk("x", np.zeros(3), chol=scaled(s), init_dist=pm.MvNormal.dist(np.zeros(3), cov=np.eye(3)), steps=2),
    "TruncatedNormal": lambda m, s: pm.TruncatedNormal("x", m, s, lower=0.0, upper=4.0, shape=3),
    "TruncatedNormal, one side": lambda m, s: pm.TruncatedNormal("x", m, s, lower=0.0, shape=3),
}
QUANTILES = {
    "Uniform": lambda m, s: pm.Uniform("x", m, m + s, shape=3),
    "Beta": lambda m, s: pm.Beta("x", 1.0 + s, 2.0, shape=3),
    "Kumaraswamy": lambda m, s: pm.Kumaraswamy("x", s, 2.0, shape=3),
    "Triangular": lambda m, s: pm.Triangular("x", lower=m - s, c=m, upper=m + s, shape=3),
    "Truncated": lambda m, s: pm.Truncated("x", pm.Logistic.dist(m, s), lower=-1.0, upper=3.0, shape=3),
    "Gamma": lambda m, s: pm.Gamma("x", 2.5, s, shape=3),
}


def written(make):
    with pm.Model() as model:
        m, s = pm.Normal("m", 0.3, 1.0), pm.HalfNormal("s", 1.0)
        x = make(m, s)
        pm.Normal("y", pt.sum(x), 1.0, observed=0.7)
    return model


def map_between(made, model):
    """From the coordinates of one model to those of another of the same variables, as a function of a flat vector."""
    values = values_of_variables(made)
    transforms = {str(rv.name): t for rv, t in model.rvs_to_transforms.items()}
    other = []
    for rv in made.free_RVs:
        t = transforms[rv.name]
        other.append(values[rv] if t is None else replace([t.forward(values[rv], rv)], values)[0])
    graph = Graph(made.value_vars, other)
    shapes = [v.type.static_shape for v in made.value_vars]

    def f(q):
        parts, at = [], 0
        for shape in shapes:
            n = int(np.prod(shape))
            parts.append(q[at : at + n].reshape(shape))
            at += n
        return np.concatenate([np.ravel(v) for v in graph.run("numpy", *parts)])

    return f


def log_stretch(f, q):
    """Logarithm of the determinant of the derivatives of a map, from differences of the sixth order."""
    h = 2e-3
    columns = []
    for i in range(len(q)):
        e = np.zeros(len(q))
        e[i] = h
        d = [f(q + k * e) - f(q - k * e) for k in (1, 2, 3)]
        columns.append((45.0 * d[0] - 9.0 * d[1] + d[2]) / (60.0 * h))
    return np.linalg.slogdet(np.stack(columns, axis=1))[1]


def agree(made, model, seed=1):
    """Both densities at points that are the same, and the new gradient against differences."""
    rng = np.random.default_rng(seed)
    new, old = made.logp_dlogp_function(backend="numpy"), model.logp_dlogp_function(backend="numpy")
    f = map_between(made, model)
    d = sum(int(np.prod(v.type.static_shape)) for v in made.value_vars)
    for _ in range(2):
        q = rng.normal(0.0, 0.6, d)
        value, gradient = new(q)
        assert value == pytest.approx(old(f(q))[0] + log_stretch(f, q), rel=1e-10, abs=2e-10)
        for i in range(d):
            e = np.zeros(d)
            e[i] = 1e-3
            differences = [new(q + k * e)[0] - new(q - k * e)[0] for k in (1, 2, 3)]
            slope = (45.0 * differences[0] - 9.0 * differences[1] + differences[2]) / 60e-3
            assert gradient[i] == pytest.approx(slope, rel=1e-7, abs=1e-8)


@pytest.mark.parametrize("family", FAMILIES)
def test_density_of_noise_is_that_of_the_variable_with_the_jacobian(family):
    model = written(FAMILIES[family])
    made = pm.reparameterize(model)
    assert made.value_vars[2].name in ("x_noncentred__", "x_quantile__") and made.free_RVs[2].name == "x"
    agree(made, model)
    # With no Jacobian it is the density in the variable's own space.
    point = {v.name: np.full(v.type.static_shape, 0.2) for v in made.value_vars}
    values = dict(zip([rv.name for rv in model.free_RVs], made.compile_fn(made.replace_rvs_by_values(made.free_RVs), backend="numpy")(point)))
    start = {model.value_name(rv): v for rv, v in zip(model.free_RVs, map(np.asarray, unconstrained(model, values)))}
    assert made.compile_logp(jacobian=False, backend="numpy")(point) == pytest.approx(model.compile_logp(jacobian=False, backend="numpy")(start), rel=1e-10)


def unconstrained(model, values):
    from workbench.model.points import unconstrained as of_start

    found = of_start(model, values)
    return [found[model.value_name(rv)] for rv in model.free_RVs]


PARTIAL = ["Normal", "Normal by precision", "StudentT", "Gumbel", "HalfNormal", "LogNormal", "Exponential", "Gamma", "ExGaussian", "LogitNormal", "ZeroSumNormal"]


@pytest.mark.parametrize("share", [0.3, "each"])
@pytest.mark.parametrize("family", PARTIAL)
def test_density_of_partial_forms(family, share):
    model = written(FAMILIES[family])
    if share == "each" and family == "ZeroSumNormal":
        pytest.skip("its scale does not vary along the axis")
    agree(pm.reparameterize(model, {"x": np.array([0.0, 1.0, 0.7]) if share == "each" else share}), model)


def test_partial_forms_of_none_and_all_are_choices_without_powers():
    model = written(FAMILIES["Normal"])
    made = pm.reparameterize(model, {"x": [0.0, 1.0, 1.0]})
    agree(made, model)
    ops = [n.op.name for n in topological(default_mode().run(made.logp_grad_graph().results)[0])]
    assert ops.count("log") == 0 and "pow" not in ops


@pytest.mark.parametrize("family", QUANTILES)
def test_density_by_quantiles(family):
    model = written(QUANTILES[family])
    made = pm.reparameterize(model, {"x": "quantile"})
    rng = np.random.default_rng(2)
    new, old, f = made.logp_dlogp_function(backend="numpy"), model.logp_dlogp_function(backend="numpy"), map_between(made, model)
    q = rng.normal(0.0, 0.6, 5)
    assert new(q)[0] == pytest.approx(old(f(q))[0] + log_stretch(f, q), rel=1e-9)


def by_hand():
    with pm.Model() as model:
        mu, tau = pm.Normal("mu", 0.0, 5.0), pm.HalfCauchy("tau", 5.0)
        z = pm.Normal("z", 0.0, 1.0, shape=8)
        pm.Normal("y", pm.Deterministic("theta", mu + tau * z), 2.0, observed=np.arange(8.0))
    return model


def centred():
    with pm.Model() as model:
        mu, tau = pm.Normal("mu", 0.0, 5.0), pm.HalfCauchy("tau", 5.0)
        theta = pm.Normal("theta", mu, tau, shape=8)
        pm.Normal("y", theta, 2.0, observed=np.arange(8.0))
    return model


def size(model):
    return len(topological(default_mode().run(model.logp_grad_graph().results)[0]))


def test_graph_is_that_of_a_model_written_by_hand():
    assert size(pm.reparameterize(centred())) == size(by_hand())
    assert size(pm.reparameterize(by_hand(), {"z": "centred"})) <= size(centred()) + 5


def test_values_stay_exact_where_a_scale_is_tiny():
    """Nothing of the density cancels: its noise is not computed as a difference of nearly equal values."""
    made = pm.reparameterize(centred())
    q = np.concatenate([[3.0, -40.0], np.linspace(-2.0, 2.0, 8)])
    tau = np.exp(-40.0)
    prior = -0.5 * (3.0 / 5.0) ** 2 - np.log(5.0) + np.log(2.0 / (np.pi * 5.0)) - np.log1p((tau / 5.0) ** 2) - 40.0
    noise = np.sum(-0.5 * q[2:] ** 2)
    data = np.sum(-0.5 * ((np.arange(8.0) - 3.0 - tau * q[2:]) / 2.0) ** 2 - np.log(2.0))
    assert made.logp_dlogp_function(backend="numpy")(q)[0] == pytest.approx(prior + noise + data - 17 * 0.5 * np.log(2 * np.pi), rel=1e-14)


def test_noise_is_centred_by_the_sum_it_is_used_in():
    model = by_hand()
    made = pm.reparameterize(model, {"z": "centred"})
    assert [v.name for v in made.value_vars] == ["mu", "tau_log__", "z_centred__"]
    agree(made, model)
    point = {"mu": 1.0, "tau_log__": 0.3, "z_centred__": np.linspace(-1.0, 2.0, 8)}
    theta, z = made.compile_fn(made.replace_rvs_by_values([made["theta"], made["z"]]), backend="numpy")(point)
    assert theta == pytest.approx(point["z_centred__"]) and z == pytest.approx((theta - 1.0) / np.exp(0.3))
    # The density is that of the centred model.
    same = {"mu": 1.0, "tau_log__": 0.3, "theta": point["z_centred__"]}
    assert made.compile_logp(backend="numpy")(point) == pytest.approx(centred().compile_logp(backend="numpy")(same), rel=1e-13)
    back = pm.reparameterize(made, {"z": "noncentred"})
    assert back.value_vars[2].name == "z"
    again = pickle.loads(pickle.dumps(made))
    assert again.compile_logp(backend="numpy")(point) == made.compile_logp(backend="numpy")(point)


@pytest.mark.parametrize("share", [0.4, np.linspace(0.0, 1.0, 8)])
def test_between_noise_and_the_sum_it_is_used_in(share):
    agree(pm.reparameterize(by_hand(), {"z": share}), by_hand())


def test_noise_that_is_made_before_its_scale_is_centred():
    with pm.Model() as model:
        z = pm.Normal("z", 0.0, 1.0, shape=3)
        s = pm.HalfNormal("s")
        pm.Normal("y", s * z, 1.0, observed=[1.0, 2.0, 3.0])
    made = pm.reparameterize(model, {"z": "centred"})
    point = made.initial_point()
    assert point["z_centred__"] == pytest.approx(np.zeros(3))
    values = {"z_centred__": np.array([1.0, -2.0, 0.5]), "s_log__": np.array(0.4)}
    z = values["z_centred__"] / np.exp(0.4)
    assert made.compile_logp(backend="numpy")(values) == pytest.approx(model.compile_logp(backend="numpy")({"z": z, "s_log__": 0.4}) - 3 * 0.4, rel=1e-12)


def test_centred_takes_back_what_was_done():
    model = centred()
    assert [v.name for v in pm.reparameterize(pm.reparameterize(model), {"theta": "centred"}).value_vars] == ["mu", "tau_log__", "theta"]
    assert [v.name for v in pm.reparameterize(model, {"theta": 1.0}).value_vars] == ["mu", "tau_log__", "theta"]


def test_starts_are_in_the_variables_own_space():
    with pm.Model() as model:
        mu = pm.Normal("mu", 2.0, 1.0, initval=3.0)
        s = pm.HalfNormal("s", 1.0, initval=0.5)
        pm.Normal("x", mu, s, shape=2, initval=[4.0, 2.0])
    made = pm.reparameterize(model)
    assert made.initial_point()["x_noncentred__"] == pytest.approx([2.0, -2.0])
    from workbench.model.points import unconstrained as of_start

    assert of_start(made, {"x": [5.0, 3.0]})["x_noncentred__"] == pytest.approx([4.0, 0.0])
    assert of_start(made, {"x": [5.0, 3.0], "mu": 1.0})["x_noncentred__"] == pytest.approx([8.0, 4.0])


def test_what_depends_on_nothing_random_stays_as_it_is():
    with pm.Model() as model:
        pm.Normal("a", 1.0, 2.0)
        n = pm.Normal("n", 0.0, 1.0)
        pm.StudentT("t", pt.exp(n), 0.0, sigma=1.0)
        pm.Gamma("g", pt.exp(n), 2.0)
    assert [v.name for v in pm.reparameterize(model).value_vars] == ["a", "n", "t", "g_log__"]
    assert pm.reparameterize(model, "a").value_vars[0].name == "a_noncentred__"


def test_lengths_of_data_may_change():
    with pm.Model() as model:
        group = pm.Data("group", [0, 1, 0])
        x = pm.Data("x", [1.0, 2.0, 3.0])
        s = pm.HalfNormal("s")
        e = pm.Normal("e", 0.0, s, shape=x.shape)
        pm.Normal("y", e + x, 1.0, observed=pm.Data("y_data", [1.0, 2.0, 3.0]))
        del group
    made = pm.reparameterize(model)
    f = made.logp_dlogp_function(backend="c")
    assert np.isfinite(f(np.zeros(4))[0])
    with made:
        pm.set_data({"x": [1.0, 2.0], "y_data": [1.0, 2.0]})
    q = np.array([0.2, 0.5, -0.5])
    expected = -0.5 * np.exp(0.4) + 0.2 + 0.5 * np.log(2 / np.pi) - 0.25 - np.log(2 * np.pi) - 0.5 * (2 * (np.exp(0.2) * 0.5) ** 2) - np.log(2 * np.pi)
    assert f(q)[0] == pytest.approx(expected, rel=1e-12)


def test_imputed_values_are_reparameterised():
    with pytest.warns(pm.ImputationWarning), pm.Model() as model:
        s = pm.HalfNormal("s")
        pm.Normal("x", 0.0, s, observed=[1.0, np.nan, 2.0])
    made = pm.reparameterize(model)
    assert made.value_vars[1].name == "x_unobserved_noncentred__"
    agree(made, model)


def test_steps_are_in_the_trace():
    rules = {f.rule.name: f.rule for p in pm.reparameterize(centred()).trace().passes for f in p.firings}
    assert "density_of_noise" in rules and "cancels" in rules["density_of_noise"].doc
    pairs = [(str(f.before), str(f.after)) for p in pm.reparameterize(centred()).trace().passes for f in p.firings if f.rule.name == "value_for_variable"]
    assert any("theta_noncentred__" in after for _, after in pairs)


@pytest.mark.parametrize(
    ("make", "vars", "said"),
    [
        (lambda: pm.Poisson("x", 1.0), ["x"], "it is discrete"),
        (lambda: pm.Dirichlet("x", [1.0, 1.0]), ["x"], "no family by location and scale"),
        (lambda: pm.Normal("x", 0.0, 1.0), {"x": "sideways"}, "no form 'sideways'"),
        (lambda: pm.Normal("x", 0.0, 1.0), {"x": 1.5}, "between 0, for its noise, and 1"),
        (lambda: pm.Normal("x", 0.0, 1.0), {"x": None}, "its form is None"),
        (lambda: pm.Normal("x", 0.0, 1.0, shape=3, transform=pm.distributions.transforms.ordered, initval=[0.0, 1.0, 2.0]), ["x"], "chosen by hand"),
        (lambda: pm.MvNormal("x", [0.0, 0.0], cov=np.eye(2)), {"x": 0.5}, "its noise alone"),
        (lambda: pm.Normal("x", 1.0, 1.0), {"x": "centred"}, "no standard normal variable"),
        (lambda: pm.Normal("x", 0.0, 1.0), {"x": "centred"}, "used nowhere"),
        (lambda: pm.Normal("x", 0.0, 1.0, observed=0.3), ["x"], "it is no free variable"),
        (lambda: pm.Normal("x", 0.0, 1.0), ["xx"], "no free variable 'xx'"),
        (lambda: pm.Flat("x"), ["x"], "no family"),
        (lambda: pm.Flat("x"), {"x": "quantile"}, "no quantile function"),
    ],
)
def test_what_cannot_be_done_is_said(make, vars, said):
    with pm.Model() as model:
        make()
    with pytest.raises(ModelError, match=said) as caught:
        pm.reparameterize(model, vars)
    assert caught.value.location is not None


def test_shares_have_the_shape_of_the_variable():
    with pm.Model() as model:
        pm.Normal("x", 0.0, 1.0, shape=3)
    with pytest.raises(ShapeError, match=r"shares have shape \(2,\)"):
        pm.reparameterize(model, {"x": [0.5, 0.2]})


@pytest.mark.parametrize(
    ("use", "said"),
    [
        (lambda z, s: pt.sum(z) + s * z, "several places"),
        (lambda z, s: pt.exp(z), "is used in exp"),
        (lambda z, s: (s - 1.0) * z, "positive"),
        (lambda z, s: s * z[:, None] + np.zeros((3, 2)), "used in"),
        (lambda z, s: np.zeros((2, 3)) + s * z, "another shape"),
    ],
)
def test_noise_that_is_used_otherwise_is_not_centred(use, said):
    with pm.Model() as model:
        s, z = pm.HalfNormal("s"), pm.Normal("z", 0.0, 1.0, shape=3)
        pm.Deterministic("x", use(z, s))
    with pytest.raises(ModelError, match=said):
        pm.reparameterize(model, {"z": "centred"})


def test_a_subclass_with_a_density_of_its_own_is_of_no_family():
    class Spiked(pm.Normal):
        @classmethod
        def logp(cls, value, *parameters):
            return super().logp(value, *parameters) - value**4

    with pm.Model() as model:
        s = pm.HalfNormal("s")
        Spiked("x", 0.0, s)
    assert pm.reparameterize(model).value_vars[1].name == "x"
