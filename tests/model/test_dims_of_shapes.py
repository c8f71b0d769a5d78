"""A shape and dims together: dims that are not known yet get its lengths; those that are must have them. As in PyMC."""

import numpy as np
import pytest

import workbench as pm
import workbench.tensor as pt
from workbench.errors import ModelError, ShapeError


@pytest.mark.parametrize("given", [{"shape": 3}, {"shape": (3,)}, {"shape": [3]}, {"size": 3}, {"size": (3,)}, {"shape": 3, "observed": np.zeros(3)}])
@pytest.mark.parametrize("dims", ["a", ("a",), ["a"]])
def test_a_dim_that_is_not_known_gets_the_length(given, dims):
    with pm.Model() as model:
        pm.Normal("x", dims=dims, **given)
        pm.Normal("y", dims="a")
        pm.Deterministic("z", 2.0 * model["x"], dims="a")
    assert model.dim_lengths == {"a": 3}
    assert model.coords == {"a": None}
    assert model.named_vars_to_dims == {"x": ("a",), "y": ("a",), "z": ("a",)}
    assert model["y"].type.shape == (3,)


def test_each_axis_of_vectors_too():
    with pm.Model(coords={"b": ["u", "v"]}) as model:
        pm.MvNormal("x", np.zeros(2), np.eye(2), shape=(3, 2), dims=("a", "b"))
        pm.MvNormal("y", np.zeros(2), np.eye(2), size=4, dims=("c", "d"))
        pm.Dirichlet("w", np.ones(3), shape=(2, 3), dims=(None, "e"))
    assert model.dim_lengths == {"a": 3, "b": 2, "c": 4, "d": 2, "e": 3}


def test_lengths_of_data_stay_open():
    with pm.Model() as model:
        data = pm.Data("data", np.zeros(4))
        pm.Normal("x", data, 1.0, shape=data.shape, dims="a", observed=data)
    pm.set_data({"data": np.zeros(6)}, model=model)
    assert model.shape_of_dims("x", ["a"]) == (6,)


def test_results_have_the_dim():
    with pm.Model() as model:
        pm.Normal("x", shape=(3, 2), dims=("a", "b"))
    drawn = pm.sample_prior_predictive(4, model=model, random_seed=1).prior
    assert dict(drawn.sizes) == {"chain": 1, "draw": 4, "a": 3, "b": 2}


@pytest.mark.parametrize("given", [{"shape": 3}, {"size": 3}, {"shape": 3, "observed": np.zeros(3)}])
def test_a_dim_that_is_known_must_have_the_length(given):
    with pm.Model(coords={"a": range(4)}), pytest.raises(ShapeError, match="4"):
        pm.Normal("x", dims="a", **given)


@pytest.mark.parametrize("given", [{"shape": (3, 2)}, {"size": (3, 2)}])
def test_one_dim_has_one_length(given):
    with pm.Model(), pytest.raises(ShapeError, match=r"\(3, 2\).*\(3, 3\)"):
        pm.Normal("x", dims=("a", "a"), **given)


def test_without_a_shape_a_dim_must_be_known():
    with pm.Model(), pytest.raises(ModelError, match="there is no dim 'a'"):
        pm.Normal("x", dims="a", observed=np.zeros(3))


@pytest.mark.parametrize("dims", [("a", ...), (1, 2), ("a", ["b", "c"])])
def test_dims_are_names(dims):
    with pm.Model(), pytest.raises(ModelError, match="dims are names"):
        pm.Normal("x", dims=dims, shape=(3, 2))


@pytest.mark.parametrize("make", [pm.Deterministic, pm.Potential])
def test_dims_of_expressions_are_checked(make):
    with pm.Model(coords={"a": range(3)}) as model:
        make("fits", pt.zeros((3, 2)), dims=("a", None))
        with pytest.raises(ModelError, match="there is no dim 'b'"):
            make("x", pt.zeros((3, 2)), dims=("a", "b"))
        with pytest.raises(ShapeError, match="2 axes, but 1 dims"):
            make("x", pt.zeros((3, 2)), dims="a")
        with pytest.raises(ShapeError, match="lengths"):
            make("x", pt.zeros((2, 3)), dims=("a", None))
    assert "x" not in model
