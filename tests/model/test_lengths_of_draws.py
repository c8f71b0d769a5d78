"""Vectors, walks and modified distributions along dims whose length is that of data."""

import numpy as np
import pytest

import workbench as pm
from workbench.errors import ModelError

NORMAL = pm.Normal.dist(0.0, 1.0)
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


def test_the_length_of_one_draw_does_not_follow_new_data():
    with pm.Model(coords={"t": range(4)}) as model:
        x = pm.Data("x", np.arange(4.0), dims="t")
        walk = pm.GaussianRandomWalk("walk", init_dist=NORMAL, dims="t")
        pm.Normal("y", walk + x, 1.0, observed=np.zeros(4), dims="t")
        with pytest.raises(ModelError, match="length 2 along the dim 't', but one draw of walk has length 4"):
            pm.set_data({"x": [1.0, 2.0]}, coords={"t": [0, 1]})
        pm.set_data({"x": np.ones(4)})
    assert model.dim_lengths["t"] == 4 and x.eval().tolist() == [1.0] * 4


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
