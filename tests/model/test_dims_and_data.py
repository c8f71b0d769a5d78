"""Dims and their lengths, data that are replaced, names of nested models."""

import numpy as np
import pytest

import workbench as pm
from workbench.errors import ModelError, ShapeError

HALF_LOG_2PI = 0.5 * np.log(2 * np.pi)


def names(variables):
    return [v.name for v in variables]


def line():
    with pm.Model(coords={"obs": ["a", "b"]}) as model:
        x = pm.Data("x", [1.0, 2.0], dims="obs")
        slope = pm.Normal("slope")
        mean = pm.Deterministic("mean", slope * x, dims="obs")
        pm.Normal("y", mean, 1.0, observed=pm.Data("seen", [0.5, 1.5], dims="obs"), dims="obs")
    return model


# Dims ----------------------------------------------------------------------------------------------


def test_shapes_follow_from_dims():
    with pm.Model(coords={"row": ["r", "s"], "column": (1, 2, 3)}) as model:
        model.add_coord("layer", length=4)
        model.add_coords({"side": [7, 8]})
        z = pm.Normal("z", dims=("row", "column"))
        w = pm.MvNormal("w", np.zeros(3), np.eye(3), dims=("layer", "column"))
        v = pm.Normal("v", np.zeros((4, 2)), 1.0, dims=("layer", None), shape=(4, 2))
    assert (z.type.shape, w.type.shape, v.type.shape) == ((2, 3), (4, 3), (4, 2))
    assert model.coords == {"row": ("r", "s"), "column": (1, 2, 3), "layer": None, "side": (7, 8)}
    assert model.dim_lengths == {"row": 2, "column": 3, "layer": 4, "side": 2}
    assert model.named_vars_to_dims == {"z": ("row", "column"), "w": ("layer", "column"), "v": ("layer", None)}
    assert model.eval_rv_shapes() == {"z": (2, 3), "w": (4, 3), "v": (4, 2)}
    assert model.shape_from_dims(("column", "layer")) == (3, 4)


def test_the_length_of_a_dim_can_be_data():
    with pm.Model() as model:
        n = pm.Data("n", 3)
        model.add_coord("group", length=n)
        pm.Normal("z", dims="group")
        assert model.initial_point()["z"].shape == (3,)
        pm.set_data({"n": 5})
    assert model.initial_point()["z"].shape == (5,)
    assert pm.sample_prior_predictive(30, model=model, random_seed=1, return_inferencedata=False)["z"].shape == (30, 5)
    frozen = pm.freeze_dims_and_data(model)
    assert np.isclose(frozen.compile_logp(backend="numpy")({"z": np.zeros(5)}), -5 * HALF_LOG_2PI)


def test_labels_change_and_the_length_of_an_unused_dim():
    with pm.Model(coords={"obs": [0, 1, 2]}) as model:
        model.add_coord("later", length=3)
        model.set_dim("later", 2, coord_values=["p", "q"])
        z = pm.Normal("z", dims="later")
        y = pm.Normal("y", dims="obs")
        model.set_dim("obs", 3, coord_values=["a", "b", "c"])
    assert (z.type.shape, y.type.shape) == ((2,), (3,))
    assert model.coords == {"obs": ("a", "b", "c"), "later": ("p", "q")}


def used(model):
    pm.Normal("z", dims="obs", model=model)


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda m: m.add_coord("draw", [1]), "'draw' is the name of a dim of results"),
        (lambda m: m.add_coord("new"), "'new' has neither labels nor a length"),
        (lambda m: m.add_coord("new", [1, 2], length=3), "'new' has 2 labels, but its length is 3"),
        (lambda m: m.add_coord("obs", [1, 2]), "'obs' has coords already, and they differ"),
        (lambda m: m.add_coord("new", "abc"), "must be a sequence of labels, got 'abc'"),
        (lambda m: m.set_dim("osb", 3), "there is no dim 'osb'"),
        (lambda m: m.set_dim("obs", 3, coord_values=[1]), "1 labels were given for the dim 'obs' of length 3"),
        (lambda m: [used(m), m.set_dim("obs", 3)], "'obs' has length 2, which variables have in their shapes; it cannot be 3"),
        (lambda m: [m.open_dims(pm.Data("x", [1.0, 2.0], model=m), ["obs"]), m.set_dim("obs", 3)], "has the length of the data along it, 2, not 3"),
        (lambda m: pm.Normal("z", dims=("obs", None), model=m), "an axis without a dim has no known length"),
        (lambda m: pm.Deterministic("z", np.zeros(3), dims="obs", model=m), r"z: it has shape \(3,\), but its dims \('obs',\) have lengths \(2,\)"),
        (lambda m: pm.Data("z", np.zeros(3), dims="obs", model=m), r"z: the data have shape \(3,\), but its dims"),
        (lambda m: pm.Data("z", np.zeros(3), dims=("obs", "obs"), model=m), r"z: the data have shape \(3,\), but 2 dims"),
        (lambda m: pm.ConstantData("z", np.zeros(3), dims="obs", model=m), r"z: it has shape \(3,\), but its dims"),
    ],
)
def test_bad_dims_are_clear_errors(change, words):
    model = pm.Model(coords={"obs": ["a", "b"]})
    with pytest.raises((ModelError, ShapeError), match=words):
        change(model)


# Data ----------------------------------------------------------------------------------------------


def test_compiled_functions_use_new_data_of_another_length():
    model = line()
    logp, dlogp = model.compile_logp(), model.compile_dlogp()
    assert np.isclose(logp({"slope": 2.0}), -3 * HALF_LOG_2PI - 2.0 - 0.5 * (1.5**2 + 2.5**2), rtol=1e-14)
    pm.set_data({"x": [1.0, 2.0, 3.0], "seen": [2.0, 4.0, 7.0]}, model, coords={"obs": ["a", "b", "c"]})
    assert np.isclose(logp({"slope": 2.0}), -4 * HALF_LOG_2PI - 2.0 - 0.5, rtol=1e-14)
    np.testing.assert_allclose(dlogp({"slope": 2.0}), [-2.0 + 3.0], rtol=1e-14)
    assert model.coords == {"obs": ("a", "b", "c")} and model["mean"].eval({model["slope"]: 2.0}).tolist() == [2.0, 4.0, 6.0]
    model.set_data("x", [0.0, 0.0, 0.0])
    assert np.isclose(logp({"slope": 2.0}), -4 * HALF_LOG_2PI - 2.0 - 0.5 * (4 + 16 + 49), rtol=1e-14)


@pytest.mark.parametrize(
    "new, coords, words",
    [
        ({"x": [1.0]}, {}, "the dim 'obs' has 2 labels, and length 1 with the new data"),
        ({"seen": [1.0]}, {}, "seen: the new data have length 1 along the dim 'obs', which has length 2: so long are the other data"),
        ({"x": [1.0], "seen": [2.0]}, {"osb": [1]}, "there is no dim 'osb'"),
        ({"x": [[1.0, 2.0]]}, {}, r"x: the data have 1 axes; the new ones have shape \(1, 2\)"),
        ({"slope": 1.0}, {}, "'slope' is not data: it cannot be set"),
        ({"slop": 1.0}, {}, "'slop' is no variable of the model: it cannot be set"),
        ({"x": ["a", "b"]}, {}, "x"),
    ],
)
def test_bad_new_data_are_clear_errors_and_change_nothing(new, coords, words):
    model = line()
    with pytest.raises(Exception, match=words) as caught:
        pm.set_data(new, model, coords=coords)
    assert type(caught.value).__module__ == "workbench.errors"
    assert model["x"].eval().tolist() == [1.0, 2.0] and model["seen"].eval().tolist() == [0.5, 1.5]
    assert model.coords == {"obs": ("a", "b")}


def test_data_are_read_and_set_themselves():
    model = line()
    x = model["x"]
    held = x.get_value()
    held[0] = 9.0
    assert x.get_value().tolist() == [1.0, 2.0]
    x.set_value(np.array([3, 4, 5]))
    assert x.eval().tolist() == [3.0, 4.0, 5.0] and model["mean"].eval({"slope": 2.0}).tolist() == [6.0, 8.0, 10.0]
    with pytest.raises(TypeError, match="is not data"):
        model["mean"].get_value()
    with pytest.raises(TypeError, match="is not data"):
        model["mean"].set_value(1.0)


def test_observed_fractions_of_counts_are_impossible():
    with pm.Model() as model:
        pm.Poisson("y", 2.0, observed=[1.0, 2.5, 3.0])
        pm.Multinomial("m", 3, [0.5, 0.5], observed=[[1.5, 1.5], [1.0, 2.0]])
    found = dict(zip("ym", model.compile_logp(sum=False, backend="numpy")({})))
    assert np.isfinite(found["y"]).tolist() == [True, False, True] and np.isfinite(found["m"]).tolist() == [False, True]
    assert found["y"][1] == found["m"][0] == -np.inf


def test_constant_data_cannot_be_set():
    with pm.Model() as model:
        pm.ConstantData("x", [1.0, 2.0], dims="obs", coords={"obs": [3, 4]})
        pm.Normal("y", model["x"], 1.0, dims="obs")
    assert model["y"].type.shape == (2,) and names(model.data_vars) == ["x"]
    with pytest.raises(ModelError, match="'x' is not data"):
        pm.set_data({"x": [1.0, 3.0]}, model)


def test_dims_and_labels_of_pandas_and_xarray_objects():
    pd, xr = pytest.importorskip("pandas"), pytest.importorskip("xarray")
    table = pd.DataFrame([[1.0, 2.0], [3.0, 4.0]], index=pd.Index(["r", "s"], name="row"), columns=pd.Index(["p", "q"], name="column"))
    with pm.Model() as model:
        pm.Data("table", table, infer_dims_and_coords=True)
        pm.Data("series", pd.Series([1.0, 2.0, 3.0], index=pd.Index([10, 20, 30], name="time")), infer_dims_and_coords=True)
        pm.Data("array", xr.DataArray(np.zeros(2), dims=["row"], coords={"row": ["r", "s"]}), infer_dims_and_coords=True)
        with pytest.raises(ModelError, match="no dims can be inferred"):
            pm.Data("plain", pd.Series([1.0]), infer_dims_and_coords=True)
    assert model.coords == {"row": ("r", "s"), "column": ("p", "q"), "time": (10, 20, 30)}
    assert model.named_vars_to_dims == {"table": ("row", "column"), "series": ("time",), "array": ("row",)}
    assert model["table"].eval().tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_an_xarray_array_brings_its_dims_and_labels_along():
    xr = pytest.importorskip("xarray")
    table = xr.DataArray(np.arange(6.0).reshape(2, 3), dims=("g", "t"), coords={"g": ["a", "b"], "t": [10, 20, 30]})
    with pm.Model() as model:
        x = pm.Data("x", table)
        # Times an expression it is an xarray array of an expression.
        mu = table * pm.Normal("b", dims="t")
        pm.Normal("y", mu, 1.0, observed=table)
        # Axes are in the order that is asked for, whatever theirs is.
        turned = pm.Normal("turned", 0.0, 1.0, dims=("t", "g"), observed=table)
        pm.ConstantData("at", table.t)
        pm.Normal("none", 0.0, 1.0, observed=xr.DataArray([1.0, 2.0]))
        pm.Normal("draws", 0.0, 1.0, observed=xr.DataArray([1.0, 2.0], dims="draw", coords={"draw": [0, 1]}))
        pm.Normal("own", 0.0, 1.0, observed=xr.DataArray([1.0, 2.0], dims="own"))
        with pytest.raises(ModelError, match="the dim 'g' has coords already, and they differ"):
            pm.Normal("other", 0.0, 1.0, observed=table.assign_coords(g=["b", "a"]))
    assert model.coords == {"g": ("a", "b"), "t": (10, 20, 30)}
    assert model.named_vars_to_dims == {"x": ("g", "t"), "b": ("t",), "y": ("g", "t"), "turned": ("t", "g"), "at": ("t",)}
    assert model.rvs_to_values[turned].eval().tolist() == table.values.T.tolist() and x.eval().tolist() == table.values.tolist()
    point = {"b": np.array([0.5, 1.0, 2.0])}
    expected = -0.5 * np.sum((table.values - table.values * point["b"]) ** 2) - 6 * HALF_LOG_2PI
    assert np.isclose(model.compile_logp([model["y"]], backend="numpy")(point), expected, rtol=1e-12)


def test_polars_columns_are_data():
    pl = pytest.importorskip("polars")
    table = pl.DataFrame({"x": [1.0, 2.0, 4.0], "k": [0, 1, 0], "name": ["a", "b", "c"]})
    with pm.Model(coords={"row": table["name"]}) as model:
        b = pm.Normal("b", shape=2)
        mu = pm.math.dot(table.select("x", "k"), b) + b[table["k"]] * table["x"].to_numpy()
        with pytest.warns(pm.ImputationWarning):
            pm.Normal("y", mu, 1.0, observed=pl.Series([1.0, None, 2.0]), dims="row")
        pm.Poisson("n", 2.0, observed=table["k"], dims="row")
        pm.Data("both", table.select("x", "k"))
        with pytest.raises(ModelError, match="labels are numbered") as error:
            pm.Data("names", table["name"])
        assert "factorize" in str(error.value)
    assert model.coords["row"] == ("a", "b", "c") and [v.name for v in model.free_RVs] == ["b", "y_unobserved"]
    pm.set_data({"both": table.select("x", "k").head(2)}, model)


def test_a_sparse_matrix_multiplies_and_is_told_apart_from_data():
    sparse = pytest.importorskip("scipy.sparse")
    dense = np.array([[1.0, 0.0, 2.0], [0.0, 3.0, 0.0]])
    for S in (sparse.csr_matrix(dense), sparse.csc_array(dense)):
        with pm.Model():
            b = pm.Normal("b", shape=3)
            for product in (pm.math.dot(S, b), pm.tensor.dot(S, b), pm.tensor.sparse.dot(S, b)):
                np.testing.assert_allclose(pm.function([b], product, backend="numpy")([1.0, 2.0, 3.0]), [7.0, 6.0])
            with pytest.raises(ModelError, match="sparse matrix is a constant"):
                pm.Data("S", S)


def test_integers_and_single_precision_become_the_wide_types():
    with pm.Model():
        assert pm.Data("a", np.arange(3, dtype="int32")).dtype == "int64"
        assert pm.Data("b", np.zeros(3, "float32")).dtype == "float64"
        assert pm.MutableData("c", [True, False]).dtype == "bool"


# Names ---------------------------------------------------------------------------------------------


def test_nested_models_prefix_names_and_share_dims():
    with pm.Model("outer") as outer:
        pm.Normal("x")
        with pm.Model("inner", coords={"k": [1, 2]}) as inner:
            y = pm.HalfNormal("y", dims="k")
            pm.Deterministic("double", 2.0 * y, dims="k")
            pm.Potential("soft", -y.sum())
            pm.Data("given", [1.0, 2.0])
    assert list(outer.named_vars) == ["outer::x", *(f"outer::inner::{n}" for n in ("y", "double", "soft", "given"))]
    assert names(outer.value_vars) == ["outer::x", "outer::inner::y_log__"] and names(inner.value_vars) == ["outer::inner::y_log__"]
    assert outer["inner::y"] is y and inner["y"] is y and inner.y is y and outer["outer::inner::y"] is y
    assert "inner::y" in outer and "y" in inner and "y" not in outer
    assert outer.coords is inner.coords and inner.parent is outer and outer.isroot and not inner.isroot
    assert (inner.name_for("z"), inner.name_of("outer::inner::z"), inner.prefix) == ("outer::inner::z", "z", "outer::inner")
    point = {"outer::x": 0.3, "outer::inner::y_log__": np.zeros(2)}
    both, part = outer.compile_logp(backend="numpy")(point), inner.compile_logp(backend="numpy")(point)
    assert np.isclose(both - part, -0.5 * 0.3**2 - HALF_LOG_2PI, rtol=1e-12)


def test_a_subclass_writes_its_variables_in_its_constructor():
    class Part(pm.Model):
        def __init__(self, mean, name=""):
            super().__init__(name)
            self.register_rv(pm.Normal.dist(mean, 1.0), "a")
            pm.HalfNormal("b")
            self.c = pm.Normal("c")

    with pm.Model() as model:
        first, second = Part(1.0, "first"), Part(2.0, "second")
    assert list(model.named_vars) == ["first::a", "first::b", "first::c", "second::a", "second::b", "second::c"]
    assert first.a is model["first::a"] and second.c is model["second::c"]


def test_roles_of_variables():
    with pm.Model() as model:
        a, _, c = pm.Normal("a"), pm.Poisson("b", 2.0), pm.HalfNormal("c")
        d = pm.Deterministic("d", a + c)
        pm.Normal("y", d, 1.0, observed=1.0)
        pm.Potential("p", -(a**2))
    assert names(model.free_RVs) == ["a", "b", "c"] and names(model.observed_RVs) == ["y"]
    assert names(model.basic_RVs) == ["a", "b", "c", "y"] and names(model.deterministics) == ["d"]
    assert names(model.unobserved_RVs) == ["a", "b", "c", "d"] and names(model.potentials) == ["p"]
    assert names(model.value_vars) == ["a", "b", "c_log__"]
    assert names(model.unobserved_value_vars) == ["a", "b", "c_log__", "c", "d"]
    assert names(model.continuous_value_vars) == ["a", "c_log__"] and names(model.discrete_value_vars) == ["b"]
    assert list(model.named_vars) == ["a", "b", "c", "d", "y", "p"]
    assert model.values_to_rvs[model.rvs_to_values[c]] is c
    with pytest.raises(KeyError, match="no variable 'q'; it has a, b, c, d, y, p"):
        model["q"]
    with pytest.raises(AttributeError, match="no attribute, and no variable, 'q'"):
        model.q


@pytest.mark.parametrize("name", ["x:", "part:"])
def test_names_do_not_end_with_the_separator(name):
    with pytest.raises(ModelError, match="ends with a colon"):
        pm.Model(name)


def test_starts_by_value_support_point_and_draw():
    with pm.Model() as model:
        a = pm.HalfNormal("a", initval=2.0)
        pm.Normal("b", a, 1.0, initval="prior")
        pm.Normal("c", a, 1.0, shape=2, initval="support_point")
        pm.Uniform("d", 0.0, a, initval=0.5)
        pm.Normal("e", initval=a + 1.0)
    start = model.initial_point(random_seed=1)
    wanted = {"a_log__": np.log(2.0), "c": [2.0, 2.0], "d_interval__": np.log(0.25 / 0.75), "e": 3.0}
    for name, value in wanted.items():
        np.testing.assert_allclose(start[name], value, rtol=1e-14, err_msg=name)
    assert start["b"] == model.initial_point(random_seed=1)["b"] != model.initial_point(random_seed=2)["b"]
    with pm.Model() as bad:
        pm.Normal("x", shape=2, initval=np.zeros(3))
        with pytest.raises(ShapeError, match=r"x: its start has shape \(3,\), it has shape \(2,\)"):
            bad.initial_point()
    with pm.Model() as bad:
        pm.Normal("x", initval="mode")
        with pytest.raises(ModelError, match="there is no start called 'mode'"):
            bad.initial_point()


def test_data_are_checked_again_only_where_they_have_been_replaced(monkeypatch):
    with pm.Model() as model:
        x = pm.Data("x", [1.0, 2.0])
        b = pm.Normal("b")
        pm.Potential("p", (b * x).sum())
    f = model.compile_fn(model.logp(vars=["p"]), inputs=[model.rvs_to_values[b]], point_fn=False, backend="numpy")
    assert f(2.0) == 6.0
    looked_at = []
    check = type(f.function)._check
    monkeypatch.setattr(type(f.function), "_check", lambda self, i, value: looked_at.append(i) or check(self, i, value))
    two = np.array(2.0)
    assert f(two) == 6.0 and looked_at == []
    pm.set_data({"x": [1.0, 2.0, 3.0]}, model)
    assert f(two) == 12.0 and f(two) == 12.0 and looked_at == [1]
