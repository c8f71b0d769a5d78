"""Calls that make no sense say what is wrong, at the user's line, with what to do."""

import numpy as np
import pandas as pd
import pytest

import workbench as pm
from workbench.errors import ArgumentError, ModelError, ShapeError


@pytest.mark.parametrize(
    "write, kind, words, hint",
    [
        (lambda: pm.Normal("y", 0, sd=1), ArgumentError, "Normal got an unexpected keyword argument 'sd'", "mu, sigma, tau"),
        (lambda: pm.MvNormal("y", np.zeros(2), covariance=np.eye(2)), ArgumentError, "MvNormal got an unexpected", "mu, cov, tau=, chol=, lower="),
        (lambda: pm.GaussianRandomWalk("y", sd=1), ArgumentError, "GaussianRandomWalk got an unexpected", "mu, sigma, init_dist=, steps="),
        (lambda: pm.Binomial("y", p=0.5), ArgumentError, "Binomial missing 1 required", "n, p, logit_p"),
        (lambda: pm.Normal.dist(0, 1, 2, 3), ArgumentError, "Normal takes from 0 to 3 positional arguments but 4 were given", "mu, sigma, tau"),
        (lambda: pm.Normal("y", "mu", 1), ModelError, "Normal: parameter 1 is the text 'mu'", "without quotes"),
        (lambda: pm.Normal("y", sigma="sd"), ModelError, "Normal: sigma is the text 'sd'", "without quotes"),
        (lambda: pm.Normal("y", shape=2.5), ShapeError, "a length is a whole number that is not negative, not 2.5", ""),
        (lambda: pm.Normal("y", shape=(2, -1)), ShapeError, "not -1", ""),
        (lambda: pm.Normal.dist(size=-1), ShapeError, "not -1", ""),
        (lambda: pm.Normal("a/b"), ModelError, "the name 'a/b' has a slash", "another name"),
        (lambda: pm.Model(coords=["a"]), ModelError, "coords are labels by name of dim", "coords="),
        (lambda: pm.Data("d", ["a", "b"]), ModelError, "d: the data are of dtype <U1", "pd.factorize"),
    ],
)  # fmt: skip
def test_bad_arguments(write, kind, words, hint):
    with pm.Model(), pytest.raises(kind) as caught:
        write()
    assert words in caught.value.message and hint in caught.value.hint
    assert caught.value.location.filename == __file__


@pytest.mark.parametrize(
    "data, words, hint",
    [
        (["a", "b"], "of dtype <U1, not numbers", "pd.factorize"),
        (pd.Series(["a", "b"], dtype="category"), "no array of numbers", "pd.factorize"),
        (np.array([1.0, None, "x"], dtype=object), "no array of numbers", "pd.factorize"),
        (pd.Series(pd.date_range("2020", periods=2)), "datetime64", "as a number"),
        ([[1.0, 2.0], [3.0]], "no array of numbers", "of one length"),
        (np.array([1 + 2j]), "complex128", "numbers"),
    ],
)
def test_observed_data_that_are_no_numbers(data, words, hint):
    with pm.Model(), pytest.raises(ModelError, match=words) as caught:
        pm.Normal("y", 0.0, 1.0, observed=data)
    assert caught.value.message.startswith("y: the observed data") and hint in caught.value.hint


def test_a_random_variable_cannot_be_observed_data():
    with pm.Model():
        x = pm.Normal("x")
        with pytest.raises(ModelError, match="y: the observed data depend on the random variable x"):
            pm.Normal("y", 0.0, 1.0, observed=x + 1.0)


def test_a_variable_of_another_model_is_named_as_such():
    with pm.Model():
        mu = pm.Normal("mu")
    with pm.Model() as other:
        pm.Normal("y", mu, 1.0)
    with pytest.raises(ModelError, match="depends on mu = Normal") as caught:
        other.logp()
    assert "another model" in caught.value.hint
    with pytest.raises(ModelError, match="mu = Normal.* is neither a random variable nor a potential"):
        other.logp(vars=mu)


def test_unused_inputs_of_a_compiled_function():
    with pm.Model() as model:
        x, _ = pm.Normal("x"), pm.Normal("y")
    term = model.logp(vars=[x])
    assert np.isclose(model.compile_fn(term, inputs=model.value_vars, backend="numpy")({"x": 0.0, "y": 0.0}), -0.9189385332)
    with pytest.raises(ModelError, match="does not depend on y"):
        model.compile_fn(term, inputs=model.value_vars, on_unused_input="raise")
    with pytest.warns(UserWarning, match="does not depend on y"):
        model.compile_fn(term, inputs=model.value_vars, on_unused_input="warn", backend="numpy")
    with pytest.raises(ModelError, match="on_unused_input='no'"):
        model.compile_fn(term, on_unused_input="no")


def test_a_table_of_integers_is_a_design_matrix():
    with pm.Model():
        table = pm.Data("table", pd.DataFrame({"a": [1, 2], "b": [3, 4]}))
        column = pm.Data("column", pd.Series([1, 2]))
        pm.set_data({"table": pd.DataFrame({"a": [0.5], "b": [1.5]})})
    assert table.dtype == "float64" and column.dtype == "int64"
    assert table.eval().tolist() == [[0.5, 1.5]]


def test_unobserved_value_vars_are_values_then_variables_then_deterministics():
    with pm.Model() as model:
        a = pm.HalfNormal("a")
        b = pm.Normal("b")
        pm.HalfNormal("c")
        pm.Deterministic("d", a + b)
    assert [x.name for x in model.unobserved_value_vars] == ["a_log__", "b", "c_log__", "a", "c", "d"]


def test_no_context_is_an_error_unless_it_is_asked_for():
    with pytest.raises(ModelError, match="there is no model here"):
        pm.Model.get_context()
    assert pm.Model.get_context(error_if_none=False) is None
    with pm.Model() as model:
        assert pm.Model.get_context(error_if_none=False) is model
