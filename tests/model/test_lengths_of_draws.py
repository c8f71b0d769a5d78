"""Vectors, walks and modified distributions along dims whose length is that of data."""

import functools

import numpy as np
import pytest
import scipy.stats as st

import workbench as pm
import workbench.tensor as pt
from workbench.compile import cache
from workbench.compile.c.toolchain import find_compiler
from workbench.distributions import set_key
from workbench.errors import ModelError, ShapeError
from workbench.transforms.constrained_vectors import ordered, stick_breaking

NORMAL = pm.Normal.dist(0.0, 1.0)
TWO = pm.MvNormal.dist(np.zeros(2), np.eye(2))
VECTORS = {
    "GaussianRandomWalk": lambda x, z: pm.GaussianRandomWalk("w", 0.0, 1.0, init_dist=NORMAL, dims="t"),
    "AR": lambda x, z: pm.AR("w", [0.5, 0.1], 1.0, init_dist=pm.Normal.dist(0.0, 1.0, shape=2), dims="t"),
    "GARCH11": lambda x, z: pm.GARCH11("w", 0.1, 0.1, 0.1, 1.0, dims="t"),
    "EulerMaruyama": lambda x, z: pm.EulerMaruyama("w", 0.1, lambda v, a: (-a * v, 1.0), (1.0,), init_dist=NORMAL, dims="t"),
    "ZeroSumNormal": lambda x, z: pm.ZeroSumNormal("w", 1.0, dims=("t", "k")),
    "ZeroSumNormal of two axes": lambda x, z: pm.ZeroSumNormal("w", 1.0, dims=("t", "k"), n_zerosum_axes=2),
    "Dirichlet": lambda x, z: pm.Dirichlet("w", np.ones(3), dims=("t", "k")),
    "Dirichlet of data": lambda x, z: pm.Dirichlet("w", z + 1.0, dims="k"),
    "StickBreakingWeights": lambda x, z: pm.StickBreakingWeights("w", alpha=1.0, K=2, dims="k"),
    "MvNormal": lambda x, z: pm.MvNormal("w", z, np.eye(3), dims=("t", "k")),
    "MvNormal of a kernel": lambda x, z: pm.MvNormal("w", np.zeros(6), pm.math.exp(-((x[:, None] - x) ** 2)) + np.eye(6), dims="t"),
    "MvGaussianRandomWalk": lambda x, z: pm.MvGaussianRandomWalk("w", np.zeros(3), chol=np.eye(3), init_dist=pm.MvNormal.dist(np.zeros(3), np.eye(3)), dims=("t", "k")),
    "MatrixNormal": lambda x, z: pm.MatrixNormal("w", np.zeros((6, 3)), rowcov=np.eye(6), colcov=np.eye(3), dims=("t", "k")),
    "ICAR": lambda x, z: pm.ICAR("w", W=np.ones((3, 3)) - np.eye(3), dims="k"),
    "CAR": lambda x, z: pm.CAR("w", np.zeros(3), W=np.ones((3, 3)) - np.eye(3), alpha=0.5, tau=1.0, dims="k"),
    "missing values": lambda x, z: pm.Normal("w", x, 1.0, observed=[1.0, np.nan, 2.0, 3.0, np.nan, 5.0], dims="t"),
    "Truncated": lambda x, z: pm.Truncated("w", pm.Normal.dist(x, 1.0), -1.0, 9.0, dims="t"),
    "Mixture": lambda x, z: pm.Mixture("w", [0.5, 0.5], [pm.Normal.dist(x, 1.0), pm.Normal.dist(0.0, 2.0)], dims="t"),
}  # fmt: skip


def with_data(write, data):
    coords = {"t": range(6), "k": ["a", "b", "c"]}
    with pm.Model(coords=coords) as model:
        x, z = np.arange(6.0), np.ones(3)
        if data:
            x, z = pm.Data("x", x, dims="t"), pm.Data("z", z, dims="k")
        write(pm.math.as_tensor(x), pm.math.as_tensor(z))
    return model


@pytest.mark.filterwarnings("ignore::workbench.ImputationWarning")
@pytest.mark.parametrize("name", VECTORS)
def test_a_variable_along_data_is_that_along_fixed_coords(name):
    model, fixed = with_data(VECTORS[name], True), with_data(VECTORS[name], False)
    start = fixed.initial_point()
    found = model.initial_point()
    assert list(found) == list(start)
    rng = np.random.default_rng(4)
    point = {k: v + 0.2 * rng.normal(size=v.shape) for k, v in start.items()}
    for k, v in start.items():
        np.testing.assert_allclose(found[k], v)
    assert np.isclose(model.compile_logp(backend="numpy")(point), fixed.compile_logp(backend="numpy")(point), rtol=1e-12)
    assert np.shape(pm.draw(model["w"], random_seed=1)) == fixed["w"].type.shape


FREE = {
    "Normal": lambda n, k: pm.Normal("w", 0.0, 1.0, shape=n),
    "Normal of a size": lambda n, k: pm.Normal("w", 0.0, 1.0, size=n),
    "Flat": lambda n, k: pm.Flat("w", **k),
    "HalfFlat": lambda n, k: pm.HalfFlat("w", **k),
    "Uniform": lambda n, k: pm.Uniform("w", -1.0, 2.0, **k),
    "TruncatedNormal on one side": lambda n, k: pm.TruncatedNormal("w", 0.0, 1.0, lower=-1.0, **k),
    "Truncated on one side": lambda n, k: pm.Truncated("w", pm.Gamma.dist(2.0, 1.0), lower=0.5, **k),
    "Truncated": lambda n, k: pm.Truncated("w", pm.Gamma.dist(2.0, 1.0), lower=0.5, upper=3.0, **k),
    "Censored": lambda n, k: pm.Censored("w", pm.Normal.dist(2.0, 1.0), lower=0.5, **k),
    "Interpolated": lambda n, k: pm.Interpolated("w", [0.0, 1.0, 2.0], [1.0, 2.0, 1.0], **k),
    "Triangular": lambda n, k: pm.Triangular("w", 0.0, 3.0, 1.0, **k),
    "VonMises": lambda n, k: pm.VonMises("w", 0.0, 3.0, **k),
    "Pareto": lambda n, k: pm.Pareto("w", 2.0, 3.0, **k),
    "Mixture": lambda n, k: pm.Mixture("w", [0.3, 0.7], [pm.Normal.dist(0.0, 1.0), pm.Normal.dist(2.0, 1.0)], **k),
    "NormalMixture": lambda n, k: pm.NormalMixture("w", [0.3, 0.7], [0.0, 1.0], [1.0, 2.0], **k),
    "ordered": lambda n, k: pm.Normal("w", pt.arange(n) * 1.0, 1.0, transform=ordered),
    "Dirichlet": lambda n, k: pm.Dirichlet("w", pt.ones(n)),
    "Dirichlet of rows": lambda n, k: pm.Dirichlet("w", np.ones(3), shape=(n, 3)),
    "Dirichlet by sticks": lambda n, k: pm.Dirichlet("w", pt.ones(n), default_transform=stick_breaking),
    "ZeroSumNormal": lambda n, k: pm.ZeroSumNormal("w", 1.3, **k),
    "ZeroSumNormal of rows": lambda n, k: pm.ZeroSumNormal("w", 1.3, shape=(2, n)),
    "ZeroSumNormal of two axes": lambda n, k: pm.ZeroSumNormal("w", 1.3, shape=(n, n + 1), n_zerosum_axes=2),
    "ZeroSumNormal of many": lambda n, k: pm.ZeroSumNormal("w", 1.3, shape=(n, 3)),
    "ZeroSumNormal of a support": lambda n, k: pm.ZeroSumNormal("w", 1.3, support_shape=n),
    "GaussianRandomWalk": lambda n, k: pm.GaussianRandomWalk("w", 0.0, 1.0, init_dist=NORMAL, **k),
    "GaussianRandomWalk of steps": lambda n, k: pm.GaussianRandomWalk("w", 0.0, 1.0, init_dist=NORMAL, steps=n - 1),
    "GaussianRandomWalk of many": lambda n, k: pm.GaussianRandomWalk("w", 0.0, 1.0, init_dist=NORMAL, shape=(n, 4)),
    "GaussianRandomWalk of rows": lambda n, k: pm.GaussianRandomWalk("w", np.zeros(2), 1.0, init_dist=NORMAL, shape=(2, n)),
    "GaussianRandomWalk of both": lambda n, k: pm.GaussianRandomWalk("w", 0.0, 1.0, init_dist=NORMAL, shape=(n, n + 1)),
    "RandomWalk": lambda n, k: pm.RandomWalk("w", init_dist=NORMAL, innovation_dist=pm.Laplace.dist(0.0, 1.0), **k),
    "MvGaussianRandomWalk of steps": lambda n, k: pm.MvGaussianRandomWalk("w", np.zeros(2), chol=np.eye(2), init_dist=TWO, steps=n - 1),
    "MvGaussianRandomWalk": lambda n, k: pm.MvGaussianRandomWalk("w", np.zeros(2), chol=np.eye(2), init_dist=TWO, shape=(n, 2)),
    "MvGaussianRandomWalk of vectors": lambda n, k: pm.MvGaussianRandomWalk("w", pt.zeros(n), chol=pt.eye(n), init_dist=pm.MvNormal.dist(pt.zeros(n), pt.eye(n)), steps=3),
    "MvStudentTRandomWalk": lambda n, k: pm.MvStudentTRandomWalk("w", nu=4.0, mu=np.zeros(2), chol=np.eye(2), init_dist=TWO, steps=n - 1),
    "AR": lambda n, k: pm.AR("w", [0.5, 0.1], 1.0, init_dist=pm.Normal.dist(0.0, 1.0, shape=2), **k),
    "AR of steps": lambda n, k: pm.AR("w", [0.5, 0.1], 1.0, init_dist=NORMAL, steps=n - 2),
    "AR of many": lambda n, k: pm.AR("w", [0.1, 0.5, 0.1], 1.0, init_dist=NORMAL, constant=True, shape=(n, 6)),
    "GARCH11": lambda n, k: pm.GARCH11("w", 1.0, 0.2, 0.2, 1.0, **k),
    "GARCH11 of many": lambda n, k: pm.GARCH11("w", 1.0, 0.2, 0.2, 1.0, shape=(n, 3)),
    "EulerMaruyama": lambda n, k: pm.EulerMaruyama("w", 0.1, lambda v, a: (-a * v, 1.0), (1.0,), init_dist=NORMAL, **k),
    "EulerMaruyama of many": lambda n, k: pm.EulerMaruyama("w", 0.1, lambda v, a: (-a * v, 1.0), (1.0,), init_dist=NORMAL, shape=(n, 3)),
    "MvNormal": lambda n, k: pm.MvNormal("w", pt.zeros(n), pt.eye(n), **k),
    "MvNormal of many": lambda n, k: pm.MvNormal("w", np.zeros(3), np.eye(3), shape=(n, 3)),
    "MvNormal of one mean": lambda n, k: pm.MvNormal("w", 0.0, pt.eye(n)),
    "MatrixNormal": lambda n, k: pm.MatrixNormal("w", 0.0, rowcov=pt.eye(n), colcov=np.eye(2)),
    "KroneckerNormal": lambda n, k: pm.KroneckerNormal("w", 0.0, covs=[pt.eye(n), np.eye(2)], sigma=0.5),
    "CAR": lambda n, k: pm.CAR("w", 0.0, W=pt.ones((n, n)) - pt.eye(n), alpha=0.5, tau=1.0),
    "ICAR of many": lambda n, k: pm.ICAR("w", W=np.ones((4, 4)) - np.eye(4), shape=(n, 4)),
    "StickBreakingWeights of many": lambda n, k: pm.StickBreakingWeights("w", 1.5, K=3, shape=(n, 4)),
    "LKJCorr of many": lambda n, k: pm.LKJCorr("w", n=3, eta=2.0, shape=(n, 3)),
    "LKJCholeskyCov of many": lambda n, k: pm.LKJCholeskyCov("w", n=2, eta=2.0, sd_dist=pm.Exponential.dist(1.0), shape=(n, 3), compute_corr=False),
    "CustomDist": lambda n, k: pm.CustomDist("w", 1.0, logp=lambda v, a: -a * v * v, **k),
    "CustomDist of vectors": lambda n, k: pm.CustomDist("w", 1.0, logp=lambda v, a: -a * (v * v).sum(-1), ndim_supp=1, **k),
    "CustomDist of a signature": lambda n, k: pm.CustomDist("w", pt.ones(n), logp=lambda v, a: -(a * v * v).sum(-1), signature="(n)->(n)"),
    "CustomDist by dist": lambda n, k: pm.CustomDist("w", 1.0, dist=lambda a, size: pm.math.exp(pm.Normal.dist(a, 1.0, size=size)), **k),
    "CustomDist by a sum": lambda n, k: pm.CustomDist("w", 1.0, dist=lambda a, size: pm.Normal.dist(a, 1.0, size=size).cumsum(-1), **k),
    "CustomDist by dist and logp": lambda n, k: pm.CustomDist("w", 1.0, dist=lambda a, size: pm.Normal.dist(a, 1.0, size=size), logp=lambda v, a: -((v - a) ** 2), **k),
    "CustomDist of vectors by dist and logp": lambda n, k: pm.CustomDist("w", pt.ones(n), dist=lambda a, size: pm.MvNormal.dist(a, pt.eye(a.shape[0])), logp=lambda v, a: -pt.sum((v - a) ** 2, -1)),
    "CustomDist joined": lambda n, k: pm.CustomDist("w", 1.0, dist=lambda a, size: pt.concatenate([pm.Normal.dist(a, 1.0, size=1), pm.Cauchy.dist(a, 1.0, size=size[0] - 1)]), **k),
    "CustomDist in rows": lambda n, k: pm.CustomDist("w", 1.0, dist=lambda a, size: pt.stack([pm.Normal.dist(a, 1.0, size=size[1]), pm.Cauchy.dist(a, 1.0, size=size[1])]), shape=(2, n)),
    "CustomDist in another shape": lambda n, k: pm.CustomDist("w", 1.0, dist=lambda a, size: pt.reshape(pm.Normal.dist(a, 1.0, size=2 * size[0]), size), shape=(n, 2)),
    "CustomDist by a maximum": lambda n, k: pm.CustomDist("w", 1.0, dist=lambda a, size: pt.max(pm.Normal.dist(a, 1.0, size=(3, *size)), axis=0), **k),
    "CustomDist by a maximum of as many": lambda n, k: pm.CustomDist("w", 1.0, dist=lambda a, size: pt.min(pm.Poisson.dist(3.0, size=(n, *size)), axis=0), shape=2),
    "DiracDelta": lambda n, k: pm.DiracDelta("w", 1.0, **k),
    "Poisson": lambda n, k: pm.Poisson("w", 2.0, **k),
    "Categorical": lambda n, k: pm.Categorical("w", [0.2, 0.8], **k),
    "Categorical of as many": lambda n, k: pm.Categorical("w", p=pt.ones(n) / n, shape=3),
    "Multinomial": lambda n, k: pm.Multinomial("w", 5, p=pt.ones(n) / n),
    "OrderedLogistic": lambda n, k: pm.OrderedLogistic("w", 0.0, [-1.0, 1.0], **k),
    "ZeroInflatedPoisson": lambda n, k: pm.ZeroInflatedPoisson("w", 0.5, 2.0, **k),
    "HurdleGamma": lambda n, k: pm.HurdleGamma("w", 0.5, 2.0, 1.0, **k),
    "Wishart": lambda n, k: pm.Wishart("w", 9.0, pt.eye(n)),
}  # fmt: skip
NOT_DRAWN = {"Flat", "HalfFlat", "CustomDist", "CustomDist of vectors", "CustomDist of a signature"}
ON_C = {"ZeroSumNormal", "Dirichlet by sticks", "AR of steps", "GaussianRandomWalk of both", "MvNormal", "Truncated on one side"}


def made(write, n, how):
    """The model along data `x`, or along plain lengths."""
    dims = how == "dims"
    if isinstance(n, int):
        with pm.Model(coords={"t": range(n)}) as model:
            write(n, {"dims": "t"} if dims else {"shape": (n,)})
        return model
    with pm.Model() as model:
        x = pm.Data("x", n, dims="t" if dims else None)
        write(x.shape[0], {"dims": "t"} if dims else {"shape": x.shape})
    return model


@pytest.mark.parametrize("name", FREE)
def test_a_variable_has_the_length_that_data_have_now(name):
    how, backend = ("dims", "shape")[list(FREE).index(name) % 2], "c" if name in ON_C and find_compiler() else "numpy"
    model = made(FREE[name], np.zeros(4), how)
    logp = model.compile_logp(backend=backend)
    dlogp = model.compile_dlogp(backend=backend) if model.continuous_value_vars else None
    rng = np.random.default_rng(1)
    for n in (4, 6, 4):
        pm.set_data({"x": np.zeros(n)}, model=model)
        fixed = made(FREE[name], n, how)
        start, found = fixed.initial_point(), model.initial_point()
        assert {k: v.shape for k, v in found.items()} == {k: v.shape for k, v in start.items()}
        point = {k: v + 0.1 * rng.normal(size=v.shape) if v.dtype.kind == "f" and name != "DiracDelta" else v for k, v in start.items()}
        for k, v in start.items():
            np.testing.assert_allclose(found[k], v, atol=1e-14)
        np.testing.assert_allclose(logp(point), fixed.compile_logp(backend="numpy")(point), rtol=1e-11)
        if dlogp is not None:
            slope = fixed.compile_dlogp(backend="numpy")(point)
            np.testing.assert_allclose(dlogp(point), slope, rtol=1e-9, atol=1e-12)
            if not model.discrete_value_vars:
                np.testing.assert_allclose(model.logp_dlogp_function("numpy")(model.flatten(point))[1], slope, rtol=1e-9, atol=1e-12)
        if name not in NOT_DRAWN:
            shape = pm.draw(fixed["w"], random_seed=1).shape
            assert pm.draw(model["w"], random_seed=1).shape == shape
            drawn = pm.sample_prior_predictive(2, model=model, random_seed=1, return_inferencedata=False)["w"]
            assert drawn.shape == (2, *shape)


def mixed(means):
    """As many components as means."""
    with pm.Model() as model:
        means = pm.Data("means", means)
        weights = pm.Dirichlet("weights", pt.ones(means.shape))
        pm.NormalMixture("y", weights, pm.Normal("middle", means, 1.0) + pm.ZeroSumNormal("off", 0.5, shape=means.shape), 1.0, observed=[0.5, 1.5, -2.0])
    return model


@pytest.mark.parametrize("backend", ["c", "numba"])
def test_other_numbers_of_components_compile_nothing(backend):
    """Values of simplexes and of what sums to zero are one shorter than these."""
    if backend == "c" and find_compiler() is None:
        pytest.skip("no C compiler on this system")
    model = mixed(np.zeros(5))
    model.logp_dlogp_function(backend)
    draw = functools.partial(pm.sample_prior_predictive, model=model, random_seed=1, return_inferencedata=False, compile_kwargs={"backend": backend})
    draw(20)
    built, rng = cache.statistics.built, np.random.default_rng(1)
    for n in (7, 2, 1, 12):
        pm.set_data({"means": np.arange(n) - 1.0}, model=model)
        at = rng.normal(size=3 * n - 2)
        assert np.concatenate([v.ravel() for v in model.initial_point().values()]).size == at.size
        value, slope = model.logp_dlogp_function(backend)(at)
        wanted, exact = mixed(np.arange(n) - 1.0).logp_dlogp_function("numpy")(at)
        np.testing.assert_allclose(value, wanted, rtol=1e-12)
        np.testing.assert_allclose(slope, exact, rtol=1e-9, atol=1e-12)
        drawn = draw(300)
        assert drawn["weights"].shape == (300, n) and drawn["y"].shape == (300, 3)
        # Of components at -1, 0, ..., n - 2, all as likely.
        assert abs(drawn["y"].mean() - (n - 3) / 2) < 5 * np.sqrt((n**2 - 1) / 12 + 2.25) / np.sqrt(300)
    assert cache.statistics.built == built
    pm.set_data({"means": []}, model=model)
    with pytest.raises(ShapeError, match="has length 0, and reshape needs at least 1"):
        model.logp_dlogp_function(backend)(np.zeros(0))


def test_a_walk_is_as_long_as_its_data():
    with pm.Model(coords={"t": range(4)}) as model:
        x = pm.Data("x", np.arange(4.0), dims="t")
        walk = pm.GaussianRandomWalk("walk", init_dist=pm.Normal.dist(0.0, 1.0), dims="t")
        pm.Normal("y", walk + x, 1.0, observed=pm.Data("seen", np.zeros(4), dims="t"), dims="t")
        logp = model.compile_logp()
        pm.set_data({"x": [1.0, 2.0], "seen": [1.0, 1.0]}, coords={"t": [0, 1]})
    # Four normal terms: the start and the step at 0, and y - x = 0 and -1.
    assert np.isclose(logp({"walk": np.zeros(2)}), -2.0 * np.log(2 * np.pi) - 0.5)
    with pytest.raises(ShapeError, match=r"axis 0 of (x|seen) has length 2, and t is asked for: t is 4 \(axis 0 of walk\)"):
        logp({"walk": np.zeros(4)})


def test_an_observed_vector_sums_to_zero_at_its_own_length():
    with pm.Model() as model:
        pm.ZeroSumNormal("w", 1.0, observed=pm.Data("seen", [1.0, -1.0, 0.0]))
        logp = model.compile_logp()
        pm.set_data({"seen": [2.0, -1.0, 1.0, -2.0, 1.0, -1.0]})
    # d = n - 1 = 5 dimensions, of squares that sum to 12.
    assert np.isclose(logp({}), -2.5 * np.log(2 * np.pi) - 6.0)


@pytest.mark.parametrize(
    "write, new, words",
    [
        (lambda x: pm.Dirichlet("w", np.ones(4), dims="t"), 2, "length 2 along the dim 't', but w has length 4"),
        (lambda x: pm.Dirichlet("w", np.ones(4), shape=x.shape), 2, "the data make w of length 2, which it has not"),
        (lambda x: pm.MvNormal("w", np.zeros(4), np.eye(4), dims="t"), 2, "length 2 along the dim 't', but w has length 4"),
        (lambda x: pm.ICAR("w", W=np.ones((4, 4)) - np.eye(4), dims="t"), 2, "length 2 along the dim 't', but w has length 4"),
        (lambda x: pm.Normal("w", 0.0, 1.0, observed=[1.0, np.nan, 2.0, 3.0], dims="t"), 6, "length 6 along the dim 't', but w has length 4"),
        (lambda x: pm.GaussianRandomWalk("w", init_dist=NORMAL, shape=x.shape, steps=3), 6, "the data make w of length 6, which it has not"),
    ],
)
@pytest.mark.filterwarnings("ignore::workbench.ImputationWarning")
def test_what_has_a_length_for_good_says_so_when_data_get_another(write, new, words):
    with pm.Model() as model:
        x = pm.Data("x", np.arange(4.0), dims="t")
        write(x)
        with pytest.raises(ModelError, match=words):
            pm.set_data({"x": np.zeros(new)})
    assert model.length_of("t") == 4
    assert x.eval().tolist() == [0.0, 1.0, 2.0, 3.0]


@pytest.mark.parametrize(
    "write, new, words",
    [
        (lambda o, x: pm.Normal("y", 0.0, 1.0, shape=3, observed=o), {"o": np.zeros(5)}, "y: the observed data, and the variable"),
        (lambda o, x: pm.Normal("y", 0.0, 1.0, dims="g", observed=o), {"o": np.zeros(5)}, "y: the observed data, and the variable"),
        (lambda o, x: pm.Normal("y", x, 1.0, dims="t", observed=np.zeros(3)), {"x": np.zeros(1)}, "y: the observed data, and those along its dim 't'"),
        (lambda o, x: pm.Normal("y", x, 1.0, observed=o), {"o": np.zeros(1)}, r"n is 1 \(axis 0 of o\), t is 3 \(axis 0 of x\)"),
        (lambda o, x: pm.Normal("y", x[x > 5.0], 1.0, observed=[0.0]), {"x": [7.0, 8.0]}, "Normal: mu and the variable"),
        (lambda o, x: pm.Dirichlet("y", pt.exp(x), observed=o), {"o": np.ones(1)}, "Dirichlet: a and the lengths of one draw"),
        (lambda o, x: pm.AR("y", [0.5, 0.1], 1.0, init_dist=NORMAL, observed=o), {"o": np.zeros(1)}, "AR: the first values, and as many as the order"),
    ],
)
def test_data_of_lengths_that_do_not_fit_are_not_broadcast(write, new, words):
    with pm.Model(coords={"g": range(3)}) as model:
        o, x = pm.Data("o", np.zeros(3)), pm.Data("x", [0.0, 0.0, 7.0], dims="t")
        write(o, x)
        logp = model.compile_logp(backend="numpy")
        logp({})
        pm.set_data(new)
        with pytest.raises(ShapeError, match=words):
            logp({})


def test_indices_and_masks_from_data(backend):
    values = np.array([0.5, -1.0, 2.0, 0.25])
    with pm.Model() as model:
        gone, at = pm.Data("gone", [True, False, True, False]), pm.Data("at", [0, 1, 1, 3])
        y = pm.Data("y", values)
        b = pm.Normal("b", shape=4)
        pm.Normal("seen", b[~gone], 1.0, observed=y[~gone])
        pm.Potential("later", pm.logccdf(pm.Normal.dist(b[gone], 1.0), y[gone]).sum())
        pm.Normal("grouped", b[at], 2.0, observed=pm.Data("z", np.arange(4.0)))
        logp, dlogp = model.compile_logp(backend=backend), model.compile_dlogp(backend=backend)
        point = np.array([0.1, -0.4, 0.3, 1.2])
        given = (([1, 0, 1, 0], [0, 1, 1, 3]), ([0, 0, 1, 0], [2, 2, 0]), ([1, 1, 1, 0], [1]))
        for mask, index in given[: 2 if backend in ("numba", "jax") else 3]:
            mask, index = np.array(mask, bool), np.array(index)
            pm.set_data({"gone": mask, "at": index, "z": np.arange(float(len(index)))})
            wanted = st.norm.logpdf(point).sum() + st.norm(point, 1.0).logpdf(values)[~mask].sum()
            wanted += st.norm(point, 1.0).logsf(values)[mask].sum() + st.norm(point[index], 2.0).logpdf(np.arange(len(index))).sum()
            assert np.isclose(logp({"b": point}), wanted, rtol=1e-12)
            slope = -point + np.where(mask, np.exp(st.norm(point, 1.0).logpdf(values) - st.norm(point, 1.0).logsf(values)), values - point)
            np.add.at(slope, index, (np.arange(len(index)) - point[index]) / 4.0)
            np.testing.assert_allclose(dlogp({"b": point}), slope, rtol=1e-10)
            np.testing.assert_allclose(model.logp_dlogp_function("numpy")(point)[1], slope, rtol=1e-10)


def test_numbers_in_data_are_lengths(backend):
    with pm.Model() as model:
        n = pm.Data("n", 3)
        model.add_coord("group", length=n)
        pm.Normal("z", dims="group")
        pm.GaussianRandomWalk("w", init_dist=pm.Normal.dist(0.0, 1.0), dims="group")
        x = pm.Data("x", np.arange(6.0))
        pm.Normal("y", x[:n].sum(), 1.0, observed=0.0)
        logp = model.compile_logp(backend=backend)
        for k in (3, 5, 3):
            pm.set_data({"n": k})
            assert np.isclose(logp({"z": np.zeros(k), "w": np.zeros(k)}), -(2 * k + 1) * 0.5 * np.log(2 * np.pi) - 0.5 * (k * (k - 1) / 2) ** 2)


def test_shapes_of_now_are_those_that_numbers_in_data_give():
    with pm.Model() as model:
        n, x = pm.Data("n", 3), pm.Data("x", np.arange(6.0))
        made = [pt.eye(n), pt.eye(n + 1, 2), pt.zeros((n, 2)), pt.broadcast_to(1.0, (n, n)), pt.arange(n + 2), x[:n], pt.reshape(x, (n, -1)), x[x > n]]
        for k in (3, 2):
            pm.set_data({"n": k})
            wanted = [(k, k), (k + 1, 2), (k, 2), (k, k), (k + 2,), (k,), (k, 6 // k), (5 - k,)]
            assert [model.shapes.of(y) for y in made] == wanted == [y.eval().shape for y in made]


def test_modified_distributions_follow_new_data():
    with pm.Model() as model:
        x = pm.Data("x", np.arange(6.0), dims="t")
        b = pm.Normal("b")
        kinds = {
            "censored": lambda: pm.Censored("censored", pm.Normal.dist(b * x, 1.0), lower=0.0, upper=3.0, observed=np.ones(6), dims="t"),
            "limited by data": lambda: pm.Censored("limited by data", pm.Weibull.dist(1.0, pm.math.exp(b * x)), lower=None, upper=x + 1.0, observed=np.full(6, 0.5), dims="t"),
            "truncated": lambda: pm.Truncated("truncated", pm.Normal.dist(b * x, 1.0), lower=-9.0, upper=30.0, observed=np.ones(6), dims="t"),
            "mixture": lambda: pm.Mixture("mixture", [0.5, 0.5], [pm.Normal.dist(b * x, 1.0), pm.Normal.dist(0.0, 1.0)], observed=np.ones(6), dims="t"),
            "stacked": lambda: pm.Mixture("stacked", [0.5, 0.5], pm.Normal.dist(pm.math.stack([b * x, x], axis=-1), 1.0), observed=np.ones(6), dims="t"),
            "hurdle": lambda: pm.HurdleGamma("hurdle", 0.4, mu=pm.math.exp(b * x), sigma=1.0, observed=np.ones(6), dims="t"),
        }  # fmt: skip
        for write in kinds.values():
            write()
        drawn = pm.sample_prior_predictive(3, random_seed=1, return_inferencedata=False)
        assert {k: drawn[k].shape for k in kinds} == dict.fromkeys(kinds, (3, 6))
        logps = model.point_logps({"b": 0.5})
        pm.set_data({"x": [1.0, 2.0]})
        drawn = pm.sample_posterior_predictive({"b": np.zeros((2, 5))}, random_seed=1, return_inferencedata=False)
    assert {k: drawn[k].shape for k in kinds} == dict.fromkeys(kinds, (2, 5, 2))
    assert all(np.isfinite(v) for v in logps.values())


def test_text_does_not_show_what_only_has_lengths():
    with pm.Model() as model:
        x = pm.Data("x", np.zeros(4))
        pm.GaussianRandomWalk("walk", 0.5, 2.0, init_dist=NORMAL, shape=x.shape)
        pm.ZeroSumNormal("z", 1.5, shape=x.shape)
        pm.Interpolated("i", [0.0, 1.0], [1.0, 2.0], shape=x.shape)
    assert str(model).splitlines()[:3] == ["walk ~ GaussianRandomWalk(0, 1, 0.5, 2)", "z ~ ZeroSumNormal(1.5)", "i ~ Interpolated([0, 1], [1, 2])"]
    assert r"{GaussianRandomWalk}(0,~1,~0.5,~2)" in model.str_repr("latex")


def test_a_frozen_mask_is_an_array():
    with pm.Model() as model:
        c, n = pm.Data("c", [True, False, True, False]), pm.Data("n", 4)
        z = pm.ZeroSumNormal("z", shape=n)
        pm.Normal("y", z[c], 1.0, observed=[0.0, 0.0])
    for frozen in (model, pm.freeze_dims_and_data(model), pm.freeze_dims_and_data(model, data=["c"])):
        assert np.isclose(frozen.compile_logp()({"z_zerosum__": np.zeros(3)}), -2.5 * np.log(2 * np.pi))


def test_values_of_random_variables_are_drawn_anew_each_time():
    with pm.Model():
        x = pm.Poisson("x", 2.0)
        z = pm.Normal("z", shape=x)
        w = pm.Normal("w", shape=3)
    assert len({z.eval().shape for _ in range(40)}) > 2
    assert len({float(w[0].eval()) for _ in range(5)}) == 5
    assert (w - w).eval().tolist() == [0.0, 0.0, 0.0], "together, in one value"
    together = pt.stack([w.sum(), w[0] + w[1] + w[2]]).eval()
    assert np.isclose(together[0], together[1], rtol=1e-12)
    (_,), (steps,) = pt.scan(lambda s: ([s + pm.Normal.dist()], [s]), [pt.constant(0.0)], n_steps=4)
    assert not np.array_equal(steps.eval(), steps.eval()), "in loops too"
    set_key(w, 5)
    assert np.array_equal(w.eval(), w.eval()), "but where a seed was given"


def test_a_variable_that_is_constant_at_a_length_names_no_constant():
    shared = pt.zeros(1)
    model = mixed(np.zeros(1))
    model.initial_point()
    model.logp_dlogp_function("numpy")
    pm.sample_prior_predictive(2, model=model, random_seed=1)
    assert shared.name is None
