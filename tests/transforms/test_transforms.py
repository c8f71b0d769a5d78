"""Transforms of variables: there and back, Jacobians against autodiff, gradients against differences, batches."""

import numpy as np
import pytest

import workbench as pm
import workbench.tensor as pt
from workbench.compile import function
from workbench.errors import ModelError
from workbench.transforms import (
    Chain,
    CholeskyCorrelation,
    CholeskyCovPacked,
    Interval,
    Ordered,
    Transform,
    ZeroSumTransform,
    circular,
    grad,
    jacobian,
    log,
    log_exp_m1,
    logodds,
    ordered,
    simplex,
    stick_breaking,
    sum_to_1,
)  # fmt: skip
from workbench.transforms.change_of_variables import IntervalTransform, default_transform

V3 = np.array([0.3, -1.2, 0.8])
V6 = np.array([0.3, -1.2, 0.8, 0.1, -0.4, 1.5])
MATRIX = np.array([[0.3, -1.2], [0.8, 0.1], [-0.4, 1.5]])


def mu_and_above(key, shape, mu, sigma):
    return mu - sigma, None


# Name: transform, a variable that it asks for bounds, a point, and how many elements of the variable are free.
CASES = {
    "log": (log, None, V3, "all"),
    "logodds": (logodds, None, V3, "all"),
    "log_exp_m1": (log_exp_m1, None, V3, "all"),
    "circular": (circular, None, V3, "all"),
    "interval": (Interval(-1.0, 3.0), None, V3, "all"),
    "lower": (Interval(lower=-1.0), None, V3, "all"),
    "upper": (Interval(upper=3.0, lower=-np.inf), None, V3, "all"),
    "bounds_fn": (Interval(bounds_fn=mu_and_above), lambda: pm.Normal.dist(1.0, 2.0, shape=3), V3, "all"),
    "bounds of some": (IntervalTransform(), lambda: pm.TruncatedNormal.dist(0.0, 1.0, lower=[-np.inf, 0.0, -1.0], upper=[1.0, np.inf, 2.0]), V3, "all"),
    "unbounded": (Interval(bounds_fn=lambda *inputs: (None, None)), lambda: pm.Normal.dist(1.0, 2.0, shape=3), V3, "all"),
    "simplex": (simplex, None, V3, "but the last"),
    "stick_breaking": (stick_breaking, None, V3, "but the last"),
    "sum_to_1": (sum_to_1, None, V3, "but the last"),
    "ordered": (ordered, None, V3, "all"),
    "ordered_positive": (Ordered(positive=True), None, V3, "all"),
    "descending": (Ordered(ascending=False), None, V3, "all"),
    "zero_sum": (ZeroSumTransform([-1]), None, V3, "turned"),
    "zero_sum_two": (ZeroSumTransform([-2, -1]), None, MATRIX, "turned"),
    "zero_sum_first": (ZeroSumTransform([0]), None, MATRIX, "turned"),
    "cholesky_cov": (CholeskyCovPacked(3), None, V6, "all"),
    "cholesky_corr": (CholeskyCorrelation(4), None, V6, "all"),
    "chain": (Chain([log, ordered]), None, V3, "all"),
    "chain_shrinking": (Chain([simplex, Interval(-3.0, 3.0)]), None, V3, "but the last"),
}


def built(name, at=None):
    """The value of a case, what it stands for, the way back, and the Jacobian."""
    transform, make, point, _ = CASES[name]
    at = point if at is None else at
    v = pt.tensor(f"v_{name}", "float64", at.shape)
    rv = None if make is None else make()
    there = transform.backward(v, rv)
    return v, there, transform.forward(there, rv), transform.log_jacobian(v, rv)


def log_det_of_jacobian(name):
    """The logarithm of how much `backward` stretches, by autodiff."""
    v, there, _, _ = built(name)
    point, free = CASES[name][2], CASES[name][3]
    whole = jacobian(there, v).eval({v: point}).reshape(there.size, point.size)
    if free == "turned":
        # A turn into more dimensions: lengths stay as they are.
        return 0.5 * np.linalg.slogdet(whole.T @ whole)[1]
    return np.linalg.slogdet(whole[: point.size])[1]


@pytest.fixture(scope="module")
def compiled():
    """All cases in one function a backend: value, way back, Jacobian and its gradient."""
    functions = {}

    def run(backend):
        if backend not in functions:
            parts = {name: built(name) for name in CASES}
            outputs = []
            for v, there, back, log_jacobian in parts.values():
                total = log_jacobian.sum()
                outputs += [there, back, log_jacobian, grad(total + there.sum(), v, disconnected_inputs="ignore")]
            made = function([p[0] for p in parts.values()], outputs, backend=backend)(*[CASES[n][2] for n in parts])
            functions[backend] = {name: made[4 * i : 4 * i + 4] for i, name in enumerate(parts)}
        return functions[backend]

    return run


def test_backward_and_forward_undo_each_other(compiled, backend):
    for name, (_, back, _, _) in compiled(backend).items():
        np.testing.assert_allclose(back, CASES[name][2], rtol=1e-12, atol=1e-13, err_msg=name)


def test_values_lie_in_the_support(compiled, backend):
    made = {name: result[0] for name, result in compiled(backend).items()}
    assert (made["log"] > 0).all() and (made["log_exp_m1"] > 0).all()
    assert ((made["interval"] > -1) & (made["interval"] < 3)).all()
    assert (made["lower"] > -1).all() and (made["upper"] < 3).all() and (made["bounds_fn"] > -1).all()
    for name in ("simplex", "stick_breaking", "chain_shrinking"):
        assert (made[name] > 0).all() and np.isclose(made[name].sum(), 1.0, rtol=1e-14)
    assert np.isclose(made["sum_to_1"].sum(), 1.0)
    assert (np.diff(made["ordered"]) > 0).all() and (np.diff(made["descending"]) < 0).all()
    assert (np.diff(made["chain"]) > 0).all() and made["chain"][0] > 0 and made["ordered_positive"][0] > 0
    assert abs(made["zero_sum"].sum()) < 1e-14
    assert np.abs(made["zero_sum_two"].sum(0)).max() < 1e-14 and np.abs(made["zero_sum_two"].sum(1)).max() < 1e-14
    assert np.abs(made["zero_sum_first"].sum(0)).max() < 1e-14 and made["zero_sum_first"].shape == (4, 2)
    assert (made["cholesky_cov"][[0, 2, 5]] > 0).all()
    whole = np.eye(4)
    whole[np.triu_indices(4, 1)] = made["cholesky_corr"]
    assert (np.linalg.eigvalsh(whole + np.triu(whole, 1).T) > 0).all()


def test_jacobians_are_those_of_autodiff(compiled, backend):
    for name, (_, _, log_jacobian, _) in compiled(backend).items():
        np.testing.assert_allclose(np.sum(log_jacobian), log_det_of_jacobian(name), rtol=1e-12, atol=1e-13, err_msg=name)


def test_gradients_agree_with_differences(compiled, backend):
    for name, (_, _, _, gradient) in compiled(backend).items():
        v, there, _, log_jacobian = built(name)
        run = function([v], log_jacobian.sum() + there.sum(), backend="numpy")
        point, h = CASES[name][2], 1e-6
        steps = h * np.eye(point.size).reshape(-1, *point.shape)
        slopes = np.array([(run(point + s) - run(point - s)) / (2 * h) for s in steps]).reshape(point.shape)
        np.testing.assert_allclose(gradient, slopes, rtol=1e-7, atol=1e-8, err_msg=name)


@pytest.mark.parametrize("name", [n for n in CASES if n != "zero_sum_first"])
def test_a_batch_is_its_rows(name):
    point = CASES[name][2]
    many = np.stack([point, 2.0 * point, -point])
    v, there, back, log_jacobian = built(name, many)
    everything = function([v], [there, back, log_jacobian], backend="numpy")(many)
    v, there, back, log_jacobian = built(name)
    one = function([v], [there, back, log_jacobian], backend="numpy")
    for whole, rows in zip(everything, zip(*[one(row) for row in many])):
        np.testing.assert_allclose(whole, np.stack(rows), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", list(CASES))
def test_value_shapes_are_those_of_forward(name):
    transform, _, point, _ = CASES[name]
    _, there, back, _ = built(name)
    assert transform.value_shape(there.type.static_shape) == back.type.static_shape == point.shape


@pytest.mark.parametrize("transform", [simplex, stick_breaking, logodds, log_exp_m1, Interval(-1.0, 1.0), CholeskyCorrelation(3)])
def test_far_away_there_is_no_nan(transform):
    v = pt.vector("v", 3)
    run = function([v], [transform.backward(v, None), transform.log_jacobian(v, None)], backend="numpy")
    for at in ([800.0, -800.0, 0.0], [-800.0, -800.0, -800.0], [800.0, 800.0, 800.0]):
        assert all(np.isfinite(x).all() for x in run(np.array(at)))


def test_stick_breaking_at_zero_is_uniform():
    assert np.allclose(stick_breaking.backward(pt.zeros(4), None).eval(), 0.2)


def test_a_transform_is_chosen_by_the_support():
    made = {
        "x_simplex__": pm.Dirichlet.dist([1.0, 2.0]),
        "x_zerosum__": pm.ZeroSumNormal.dist(1.0, shape=(2, 3), n_zerosum_axes=2),
        "x_cholesky-corr__": pm.LKJCorr.dist(n=3, eta=1.0),
        "x_cholesky-cov-packed__": pm.LKJCholeskyCov.dist(1.0, 2, pm.Exponential.dist(1.0), compute_corr=False),
        "x_log__": pm.Exponential.dist(1.0),
    }
    assert {f"x_{default_transform(rv).name}__" for rv in made.values()} == set(made)
    assert default_transform(made["x_zerosum__"]).zerosum_axes == (-2, -1)
    assert default_transform(pm.MvNormal.dist(cov=np.eye(2))) is None


def test_a_given_transform_comes_after_the_default_one():
    with pm.Model() as model:
        both = pm.HalfNormal("both", 1.0, shape=2, transform=ordered, initval=[1.0, 2.0])
        own = pm.HalfNormal("own", 1.0, transform=log_exp_m1, default_transform=None)
        bare = pm.HalfNormal("bare", 1.0, default_transform=None)
    assert [model.value_name(rv) for rv in (both, own, bare)] == ["both_chain__", "own_log_exp_m1__", "bare"]
    assert np.isfinite(model.compile_logp(backend="numpy")(model.initial_point()))


class Cube(Transform):
    """A transform of one's own, with a parameter, and without any registration."""

    name = "cube"

    def __init__(self, scale):
        self.scale = scale

    def backward(self, value, rv):
        return self.scale * (value**3 + value)

    def forward(self, value, rv):
        # Only the start needs it: Cardano's formula.
        half = value / (2.0 * self.scale)
        root = pt.sqrt(half**2 + 1.0 / 27.0)
        return pt.power(root + half, 1.0 / 3.0) - pt.power(root - half, 1.0 / 3.0)

    def log_jacobian(self, value, rv):
        return pt.log(self.scale * (3.0 * value**2 + 1.0))


def test_a_transform_of_ones_own_works_and_is_not_taken_for_another():
    with pm.Model() as model:
        pm.Normal("a", 0.5, 2.0, transform=Cube(1.0), initval=2.0)
        pm.Normal("b", 0.5, 2.0, transform=Cube(3.0), initval=2.0)
    point = model.initial_point()
    assert list(point) == ["a_cube__", "b_cube__"] and np.isclose(point["a_cube__"], 1.0)
    at = {"a_cube__": 0.4, "b_cube__": 0.4}
    expected = 0.0
    for scale in (1.0, 3.0):
        x = scale * (0.4**3 + 0.4)
        expected += -0.5 * ((x - 0.5) / 2.0) ** 2 - np.log(2.0 * np.sqrt(2.0 * np.pi)) + np.log(scale * (3 * 0.4**2 + 1))
    assert np.isclose(model.compile_logp(backend="numpy")(at), expected, rtol=1e-13)


class AsInPyMC(Transform):
    """One's own transform as it is written for PyMC."""

    name = "pymc"

    def backward(self, value, *inputs):
        return pt.exp(value)

    def forward(self, value, *inputs):
        return pt.log(value)

    def log_jac_det(self, value, *inputs):
        return value


def test_a_transform_written_for_pymc_works():
    with pm.Model() as model:
        pm.HalfNormal("a", 2.0, default_transform=None, transform=AsInPyMC())
        pm.HalfNormal("b", 2.0)
    logps = model.point_logps({"a_pymc__": 0.3, "b_log__": 0.3})
    assert np.isclose(logps["a"], logps["b"])


def test_intervals_are_equal_by_their_bounds():
    assert Interval(0.0, 1.0) == Interval(0, 1) != Interval(0.0, 2.0) != Interval(bounds_fn=mu_and_above)
    assert hash(Interval(0.0, 1.0)) == hash(Interval(0, 1))


class Centred(Transform):
    """One's own transform of vectors that does not say so: its Jacobian has no last axis."""

    name = "centred"

    def backward(self, value, rv):
        return pt.concatenate([value[..., :1], value[..., 1:] + value[..., :1]], axis=-1)

    def forward(self, value, rv):
        return pt.concatenate([value[..., :1], value[..., 1:] - value[..., :1]], axis=-1)

    def log_jacobian(self, value, rv):
        return pt.zeros(value.type.static_shape[:-1]) + 1.5


def test_the_jacobian_of_a_vector_counts_once():
    with pm.Model() as model:
        pm.Normal("a", 0.0, 1.0, shape=(2, 3), transform=Centred())
    at = {"a_centred__": np.zeros((2, 3))}
    with_it, without = (model.compile_logp(jacobian=j, backend="numpy")(at) for j in (True, False))
    assert np.isclose(with_it - without, 2 * 1.5)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: Interval(), "no bound"),
        (lambda: Interval(-np.inf, np.inf), "no bound"),
        (lambda: Interval(2.0, 1.0), "not below"),
        (lambda: Interval(np.nan, 1.0), "NaN"),
        (lambda: Interval(pt.scalar("x"), 1.0), "must be a number"),
        (lambda: Interval(0.0, 1.0, bounds_fn=mu_and_above), "not both"),
        (lambda: Chain([]), "no transform in it"),
        (lambda: Chain([log, "log"]), "no transform"),
        (lambda: ZeroSumTransform([]), "no axis"),
    ],
)
def test_a_transform_that_makes_no_sense_is_an_error(make, message):
    with pytest.raises(ModelError, match=message):
        make()


def test_a_transform_that_is_none_is_an_error():
    with pm.Model(), pytest.raises(ModelError, match="no transform"):
        pm.Normal("a", 0.0, 1.0, transform="log")


def test_pymc_finds_the_names_where_it_has_them():
    names = "Chain CholeskyCovPacked Interval LogExpM1 Ordered Transform ZeroSumTransform circular log log_exp_m1 logodds ordered simplex sum_to_1"
    assert all(hasattr(pm.distributions.transforms, name) for name in names.split())
