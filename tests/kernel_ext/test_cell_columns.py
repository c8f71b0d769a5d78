"""The columns of %%model --data: tables of several kinds, text as labels, what is missing."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

import workbench as pm
from workbench.errors import ModelError

COUNTIES = ["ANOKA", "AITKIN", "ANOKA", "BECKER"]
NUMBERS = [0.5, 1.5, 2.5, 3.5]


@pytest.fixture
def shell():
    ip = InteractiveShell()
    ip.run_line_magic("load_ext", "kernel_ext")
    yield ip
    ip.run_line_magic("unload_ext", "kernel_ext")


def run(ip, data, body, options=""):
    ip.user_ns["d"] = data
    ip.run_cell_magic("model", f"m --show none --data d {options}", body)
    return ip.user_ns["m"]


def message(ip, data, body, options=""):
    with pytest.raises(Exception) as caught:
        run(ip, data, body, options)
    return "\n".join(caught.value._render_traceback_())


class Frame:
    """A table as polars has them: columns are names, series turn to arrays by to_numpy, and have no index."""

    class Series:
        def __init__(self, values):
            self.values_of = values

        def to_numpy(self):
            return np.array(self.values_of, dtype=object if isinstance(self.values_of[0], str) else None)

    columns = ["county", "x"]

    def __getitem__(self, name):
        return self.Series({"county": COUNTIES, "x": NUMBERS}[name])


TABLES = {
    "pandas": pd.DataFrame({"county": COUNTIES, "x": NUMBERS}), "a dict": {"county": COUNTIES, "x": NUMBERS},
    "pandas, of categories": pd.DataFrame({"county": pd.Categorical(COUNTIES), "x": NUMBERS}, index=list("abcd")),
    "pandas, nullable": pd.DataFrame({"county": pd.array(COUNTIES, dtype="string"), "x": pd.array(NUMBERS, dtype="Float64")}),
    "like polars": Frame(), "xarray": xr.Dataset({"county": ("row", COUNTIES), "x": ("row", NUMBERS)}, coords={"row": list("abcd")}),
    "a structured array": np.array(list(zip(COUNTIES, NUMBERS)), dtype=[("county", "U10"), ("x", "f8")]),
}  # fmt: skip


@pytest.mark.parametrize("kind", TABLES)
def test_text_is_an_index_and_the_dim_of_its_name_has_its_labels(shell, kind):
    model = run(shell, TABLES[kind], 'a = Normal(0, 1, dims="county")\ny = Normal(a[county] * x, 1, observed=x)')
    assert model.coords["county"] == ("AITKIN", "ANOKA", "BECKER")
    a = shell.user_ns["a"]
    mean = shell.user_ns["y"].inputs[1]
    np.testing.assert_allclose(mean.eval({a: [10.0, 20.0, 30.0]}), np.array([20.0, 10.0, 20.0, 30.0]) * NUMBERS)
    assert "county" not in shell.user_ns
    assert "x" not in shell.user_ns


def test_text_is_compared_with_a_label(shell):
    run(shell, TABLES["pandas"], 'here = (county == "ANOKA") * 1.0\nelsewhere = county != "ANOKA"\nnumber = county == 1')
    assert shell.user_ns["here"].tolist() == [1.0, 0.0, 1.0, 0.0]
    assert shell.user_ns["elsewhere"].tolist() == [False, True, False, True]
    assert shell.user_ns["number"].tolist() == [True, False, True, False]
    assert "did you mean 'ANOKA'?" in message(shell, TABLES["pandas"], 'x = county == "ANOCA"')


def test_labels_that_are_given_say_the_order(shell):
    shell.user_ns["coords"] = {"county": ["BECKER", "ANOKA", "AITKIN", "CLAY"]}
    model = run(shell, TABLES["pandas"], "index = county", "--coords coords")
    assert shell.user_ns["index"].tolist() == [1, 2, 1, 0]
    assert model.length_of("county") == 4
    shell.user_ns["coords"] = {"county": ["ANOKA", "BECKER", "AITKINS"]}
    text = message(shell, TABLES["pandas"], "z = 1\nindex = county", "--coords coords")
    assert "row 1 of the column 'county' of d is 'AITKIN', which is no label of the dim 'county'" in text
    assert "line 2:\n    index = county\n            ^^^^^^\n" in text
    assert text.endswith("did you mean 'AITKINS'?")


def test_categories_keep_their_order_and_those_without_rows(shell):
    ordered = pd.Categorical(["low", "high", "low"], categories=["low", "middle", "high"])
    model = run(shell, pd.DataFrame({"dose": ordered}), 'a = Normal(0, 1, dims="dose")\nindex = dose')
    assert model.coords["dose"] == ("low", "middle", "high")
    assert shell.user_ns["index"].tolist() == [0, 2, 0]


def test_text_that_is_missing_is_an_error_where_it_is_used(shell):
    data = pd.DataFrame({"county": ["A", None, "B", None], "x": NUMBERS})
    run(shell, data, "y = Normal(x, 1)")
    text = message(shell, data, "a = Normal(0, 1, dims='county')\ny = Normal(a[county], 1)")
    assert text == (
        "ModelError: the column 'county' of d has no label in 2 rows, the first of which is row 1\n  in the model 'm', line 1:\n"
        "    a = Normal(0, 1, dims='county')\n                          ^^^^^^^^\n"
        'hint: leave these rows out, or give them a label of their own: d["county"].fillna("unknown")'
    )


def test_numbers_that_are_missing_are_imputed(shell):
    data = pd.DataFrame({"x": pd.array([1, None, 3], dtype="Int64")})
    with pytest.warns(UserWarning, match="1 of 3 observed values are missing"):
        model = run(shell, data, "y = Normal(0, 1, observed=x)")
    assert model["y_unobserved"].type.shape == (1,)


def test_columns_win_over_the_notebook_and_their_own_cell_over_them(shell):
    shell.user_ns.update(x="the notebook's")
    run(shell, {"x": np.arange(3.0)}, "total = x.sum()\nx = 5")
    assert shell.user_ns["total"] == 3.0
    assert shell.user_ns["x"] == 5


def test_columns_without_a_name_of_python_are_reached_by_the_table(shell):
    data = pd.DataFrame({"log radon": NUMBERS, 7: NUMBERS, "class": NUMBERS})
    run(shell, data, 'y = Normal(d["log radon"] + d[7] + d["class"], 1)')
    assert shell.user_ns["y"].type.shape == (4,)
    assert message(shell, data, "y = log_radon").endswith('hint: did you mean d["log radon"]?')
    assert message(shell, data, "y = Normal(class, 1)").endswith("""hint: 'class' is a word of Python: the column is d["class"]""")


def test_labels_of_xarrays_dims_are_coords(shell):
    data = xr.Dataset({"x": (("place", "day"), np.ones((2, 3)))}, coords={"place": ["a", "b"], "day": [1, 2, 3]})
    model = run(shell, data, 'mu = Normal(0, 1, dims="place")\ny = Normal(mu[:, None], 1, observed=x, dims=("place", "day"))')
    assert model.coords == {"place": ("a", "b"), "day": (1, 2, 3)}


def test_what_is_no_table_is_said(shell):
    for data, words in ((3, "d has no columns: its type is int"), (np.zeros((2, 2)), "d has no columns: its type is ndarray")):
        with pytest.raises(ModelError, match=words):
            run(shell, data, "x = Normal(0, 1)")
    with pytest.raises(UsageError, match="there is no 'table' in the notebook; did you mean 'tables'?"):
        shell.user_ns["tables"] = 1
        shell.run_cell_magic("model", "m --data table --show none", "x = Normal(0, 1)")


@pytest.mark.parametrize("left", [pd.Series(NUMBERS), pd.DataFrame({"a": NUMBERS, "b": NUMBERS}), pd.Index(NUMBERS)])
def test_a_column_of_pandas_may_stand_on_the_left(left):
    b = pm.Normal.dist(0, 1)
    for made, expected in ((left * b, np.asarray(left) * 3.0), (left - b, np.asarray(left) - 3.0), (left / b, np.asarray(left) / 3.0), (left**b, np.asarray(left) ** 3.0)):
        np.testing.assert_allclose(made.eval({b: 3.0}), expected)
