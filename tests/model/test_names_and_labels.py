"""What variables and dims can be called, and what labels of dims can be."""

import datetime

import numpy as np
import pandas as pd
import pytest

import workbench as pm
from workbench.errors import ModelError


@pytest.mark.parametrize("name", ["draw", "chain", "__sample__", "", "a/b", 3, None])
@pytest.mark.parametrize("how", ["coords", "data", "constant data"])
def test_a_dim_that_results_cannot_have_is_refused(name, how):
    with pm.Model() as model, pytest.raises(ModelError):
        if how == "coords" or name is None:
            model.add_coord(name, [1, 2])
        else:
            (pm.Data if how == "data" else pm.ConstantData)("x", [1.0, 2.0], dims=(name,))


@pytest.mark.parametrize("name", ["energy", "lp", "diverging", "posterior", "two words", "é"])
def test_other_names_of_dims_are_taken(name):
    with pm.Model(coords={name: [1, 2]}) as model:
        pm.Normal("x", dims=name)
    assert model.named_vars_to_dims["x"] == (name,)


def test_names_that_would_be_confused_are_refused():
    with pm.Model(coords={"x": [1, 2]}):
        with pytest.raises(ModelError, match="the name of its own dim"):
            pm.Normal("x", dims="x")
        with pytest.raises(ModelError, match="empty"):
            pm.Normal("")
        pm.HalfNormal("s")
        with pytest.raises(ModelError, match="'s_log__' is the name of an unconstrained value"):
            pm.Normal("s_log__")
        pm.Normal("t_log__")
        with pytest.raises(ModelError, match="its unconstrained value is called t_log__"):
            pm.HalfNormal("t")


NOON = np.array(["2020-01-01T12:00"], "datetime64[ns]")


@pytest.mark.parametrize("given, labels", [
    (range(2), (0, 1)),
    (np.array([1.5, 2.5], "float32"), (1.5, 2.5)),
    (["a", "a"], ("a", "a")),
    ([None, "a"], (None, "a")),
    ([1, "a"], (1, "a")),
    ([], ()),
    (NOON, (NOON[0],)),
    (pd.DatetimeIndex(NOON), (NOON[0],)),
    (np.array([3], "timedelta64[D]"), (np.timedelta64(3, "D"),)),
    ([datetime.date(2020, 1, 1)], (datetime.date(2020, 1, 1),)),
    (pd.MultiIndex.from_tuples([("a", 1), ("b", 2)]), (("a", 1), ("b", 2))),
    (pd.Categorical(["u", "v"]), ("u", "v")),
    ({"u": 1, "v": 2}, ("u", "v")),
], ids=str)  # fmt: skip
def test_labels_are_kept_as_they_are(given, labels):
    model = pm.Model(coords={"g": given})
    assert model.coords["g"] == labels
    model.add_coord("g", given)


def test_labels_that_are_not_a_number_equal_themselves():
    model = pm.Model(coords={"g": [1.0, float("nan")]})
    model.add_coord("g", np.array([1.0, np.nan]))
    with pytest.raises(ModelError, match="they differ"):
        model.add_coord("g", [1.0, 2.0])


@pytest.mark.parametrize("given", [[[1], [2]], np.zeros((2, 2)), np.array(3), 5, "ab", {1}, (c for c in "ab")], ids=lambda x: repr(x).split(" at 0x")[0])
def test_what_are_no_labels_is_refused(given):
    with pytest.raises(ModelError, match="the coord 'g'"):
        pm.Model(coords={"g": given})
