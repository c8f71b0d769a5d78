"""`split`: what hangs together stays together, and densities add up."""

import numpy as np
import pytest

import workbench as pm
import workbench.tensor as pt
from workbench.errors import ArgumentError, ModelError


@pytest.fixture
def three():
    """Two groups and a variable alone; a deterministic of each kind; a potential."""
    with pm.Model(coords={"k": ["u", "v"]}) as model:
        x = pm.Data("x", [1.0, 2.0], dims="k")
        a = pm.Normal("a", 0.0, 1.0, dims="k")
        s = pm.HalfNormal("s", 2.0)
        b = pm.Normal("b", 1.0, 2.0)
        alone = pm.Gamma("alone", 2.0, 1.0)
        pm.Deterministic("double", 2.0 * b)
        pm.Deterministic("all", a + b + alone, dims="k")
        pm.Normal("y", a * x, s, observed=[0.5, 1.0], dims="k")
        c = pm.Normal("c", 0.0, 1.0)
        pm.Potential("near", -pt.square(b - c))
        pm.Normal("fixed", 0.0, 1.0, observed=1.0)
    return model


def names(model):
    return list(model.named_vars)


def test_parts_share_no_term(three):
    parts = pm.split(three)
    assert [names(p) for p in parts] == [["x", "a", "s", "y", "fixed"], ["b", "double", "c", "near"], ["alone"]]
    assert parts[0].named_vars_to_dims["a"] == ("k",) and [v.name for v in parts[0].observed_RVs] == ["y", "fixed"]
    assert [v.name for v in parts[1].potentials] == ["near"]


def test_densities_add_up(three):
    rng = np.random.default_rng(1)
    point = {n: rng.normal(size=np.shape(v)) for n, v in three.initial_point().items()}
    parts = sum(float(p.compile_logp(backend="numpy")({n: point[n] for n in p.initial_point()})) for p in pm.split(three))
    assert parts == pytest.approx(float(three.compile_logp(backend="numpy")(point)), rel=1e-13)


def test_data_of_a_part_may_change(three):
    part = pm.split(three)[0]
    with part:
        pm.set_data({"x": [3.0, 4.0]})
    assert np.isfinite(part.compile_logp(backend="numpy")(part.initial_point()))


def test_one_part_is_the_model():
    with pm.Model() as model:
        a = pm.Normal("a")
        pm.Normal("b", a, 1.0)
    (part,) = pm.split(model)
    assert names(part) == ["a", "b"] and part is not model


def test_missing_values_of_vectors_hang_together():
    with pytest.warns(pm.ImputationWarning), pm.Model() as model:
        pm.MvNormal("x", [0.0, 0.0], cov=np.eye(2) + 0.3, observed=[[1.0, np.nan], [0.5, 0.2]])
        pm.Normal("z")
    assert [[v.name for v in p.free_RVs] for p in pm.split(model)] == [["x_unobserved"], ["z"]]


def test_draws_are_joined(three):
    options = {"tune": 100, "chains": 2, "progressbar": False, "quiet": True, "backend": "numpy"}
    draws = [pm.sample(20, model=p, random_seed=i, **options) for i, p in enumerate(pm.split(three))]
    idata = pm.join(draws, three)
    posterior = idata.posterior
    assert list(posterior.data_vars) == ["a", "s", "b", "alone", "c", "double", "all"]
    assert posterior["all"].dims == ("chain", "draw", "k") and list(posterior["k"].values) == ["u", "v"]
    np.testing.assert_allclose(posterior["all"], posterior["a"] + posterior["b"] + posterior["alone"])
    np.testing.assert_allclose(idata.sample_stats["lp"], sum(d.sample_stats["lp"].to_numpy() for d in draws))
    assert set(idata.observed_data.data_vars) == {"y", "fixed"}
    with pytest.raises(ArgumentError, match="not as many draws"):
        pm.join([draws[0], pm.sample(10, model=pm.split(three)[1], random_seed=1, **options)], three)


def test_nothing_to_split_is_said():
    with pm.Model() as model:
        pm.Normal("x", 0.0, 1.0, observed=1.0)
    with pytest.raises(ModelError, match="no free variable"):
        pm.split(model)
    with pytest.raises(ArgumentError, match="no parts"):
        pm.join([], model)
