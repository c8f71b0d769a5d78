"""%%model cells in an interactive shell: what they make, and each bad input's message."""

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell

import workbench as pm
from kernel_ext.graphs.inspector import GraphInspector
from kernel_ext.graphs.model_view import model_columns
from kernel_ext.graphs.snapshot import Keys

CELL = '''mu_a = Normal(0.0, 10);    sigma_a = HalfNormal(1.0)
a    = Normal("a_raw", 0, 1, dims="county") * sigma_a + mu_a
b    = Normal(0.0, 1.0)
eps  = HalfNormal(1.5)
y    = Normal(a[county] + b * floor, eps, observed=log_radon, dims="obs")
'''


@pytest.fixture
def shell():
    ip = InteractiveShell()
    ip.run_line_magic("load_ext", "kernel_ext")
    rng = np.random.default_rng(0)
    ip.user_ns.update(
        county=rng.integers(0, 5, 40), floor=rng.integers(0, 2, 40) * 1.0, log_radon=rng.normal(size=40),
        coords={"county": [f"c{i}" for i in range(5)], "obs": range(40)},
    )  # fmt: skip
    yield ip
    ip.run_line_magic("unload_ext", "kernel_ext")


def run(ip, body, options="--coords coords --show none"):
    return ip.run_cell_magic("model", f"radon {options}", body)


def test_a_cell_makes_an_ordinary_model_and_its_names_come_back(shell):
    run(shell, CELL)
    model = shell.user_ns["radon"]
    assert isinstance(model, pm.Model)
    assert list(model.named_vars) == ["mu_a", "sigma_a", "a_raw", "b", "eps", "y"]
    assert shell.user_ns["mu_a"] is model["mu_a"]
    assert model["eps"].provenance.location.text.startswith("eps  = HalfNormal(1.5)")
    assert "Normal" not in shell.user_ns


def test_named_expressions_are_drawn_and_written_as_such(shell):
    run(shell, CELL)
    model = shell.user_ns["radon"]
    assert "a = a_raw*sigma_a + mu_a" in str(model).splitlines()
    columns, groups = model_columns(Keys(), model)
    plates = [g.label for g in groups]
    nodes = dict(zip(columns["label"], zip(columns["kind"], columns["type"], columns["group"].tolist())))
    assert nodes["a"] == ("expression", "= a_raw*sigma_a + mu_a", plates.index("county (5)")) == (*nodes["a"][:2], nodes["a_raw"][2])
    names = dict(zip(columns["key"].tolist(), columns["label"]))
    edges = {(names[a], names[b]) for a, b in zip(columns["src"].tolist(), columns["dst"].tolist())}
    assert edges == {("a_raw", "a"), ("sigma_a", "a"), ("mu_a", "a"), ("a", "y"), ("b", "y"), ("eps", "y")}
    value, _ = GraphInspector(model).value(shell.user_ns["a"])
    assert value["summary"].startswith("[5] min 0, mean 0, max 0")


def test_columns_of_data_are_names_in_the_cell(shell):
    shell.user_ns["d"] = {"height": np.arange(3.0), "not a name": 1}
    run(shell, "y = Normal(height, 1.0, observed=height * 2)", "--data d --show none")
    assert shell.user_ns["radon"]["y"].type.shape == (3,)
    assert "height" not in shell.user_ns


def test_backend_is_the_models_default(shell):
    shell.run_line_magic("backend", "numba")
    run(shell, CELL)
    assert shell.user_ns["radon"].backend == "numba"
    run(shell, CELL, "--coords coords --show none --backend numpy")
    assert shell.user_ns["radon"].backend == "numpy"


def test_models_that_exist_follow_the_notebooks_backend_until_one_is_chosen_for_them(shell):
    run(shell, CELL)
    model = shell.user_ns["radon"]
    with model:
        part = pm.Model("part")
    assert (model.backend, part.backend) == ("auto", "auto")
    shell.run_line_magic("backend", "numpy")
    assert (model.backend, part.backend, model.copy().backend) == ("numpy", "numpy", "numpy")
    assert model.logp_dlogp_function().backend == "numpy"
    model.backend = "c"
    assert (model.backend, part.backend, part.copy().backend) == ("c", "c", "c")
    shell.run_line_magic("config", "WorkbenchMagics.backend = 'numba'")
    assert (model.backend, pm.Model().backend) == ("c", "numba")
    model.backend = None
    assert model.backend == "numba"
    with pytest.raises(pm.errors.CompileError, match="there is no backend 'fortran'"):
        model.backend = "fortran"
    shell.run_line_magic("unload_ext", "kernel_ext")
    assert model.backend == "auto"
    shell.run_line_magic("load_ext", "kernel_ext")


def test_sampling_runs_where_the_notebook_says(shell):
    run(shell, "x = Normal(0.0, 1.0)", "--show none")
    shell.run_line_magic("backend", "numpy")
    started = pm.sample(5, tune=5, chains=1, model=shell.user_ns["radon"], blocking=False, progressbar=False)
    assert started.backend == "numpy" and started.wait(60)


BAD = {
    "syntax": ("HalfNormal(1.5)", "HalfNormal(1.5", "SyntaxError: '(' was never closed", 4, "HalfNormal(1.5"),
    "unknown name": ("* sigma_a", "* sgima_a", "did you mean 'sigma_a'?", 2, "sgima_a"),
    "unnamed": ('"a_raw", 0, 1', "0, 1", "Normal needs a name as its first argument", 2, "Normal(0, 1"),
    "length": ("a[county]", "a[county[:-1]]", "shapes (39,) and (40,)", 5, "a[county[:-1]] + b * floor"),
    "index": ("a[county]", "a[county + 1]", "index 5 is out of bounds for axis 0 of length 5", 5, "a[county + 1]"),
    "dim": ('dims="county"', 'dims="cuonty"', "there is no dim 'cuonty'", 2, '"cuonty"'),
    "parameter": ("HalfNormal(1.5)", "HalfNormal(-1.5)", "sigma must be positive, got sigma = -1.5", 4, "-1.5)"),
    "truth": ("b * floor", "(b if b > 0 else 0.0) * floor", "switch(condition, a, b)", 5, "b > 0"),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_bad_cells_point_at_the_term(shell, what):
    old, new, words, line, term = BAD[what]
    shell.user_ns["radon"] = "as before"
    with pytest.raises(Exception) as caught:
        run(shell, CELL.replace(old, new, 1))
    shown = caught.value._render_traceback_()
    text = "\n".join(shown)
    assert words in text, text
    assert f"in the model 'radon', line {line}:" in text
    caret = next(i for i, s in enumerate(shown) if set(s.strip()) == {"^"})
    pointed = shown[caret - 1][shown[caret].index("^") :]
    assert pointed.startswith(term[:12]) or what == "syntax", text
    assert shell.user_ns["radon"] == "as before"
    assert "kernel_ext" not in text


def test_loading_twice_is_fine_and_unloading_takes_all_away(shell, capsys):
    shell.run_line_magic("load_ext", "kernel_ext")
    from kernel_ext import load_ipython_extension
    from kernel_ext.display import show_run
    from workbench.inference import run as runs

    load_ipython_extension(shell)
    assert runs.on_start.count(show_run) == 1
    shell.run_line_magic("unload_ext", "kernel_ext")
    assert show_run not in runs.on_start
    assert "model" not in shell.magics_manager.magics["cell"]
    shell.run_line_magic("load_ext", "kernel_ext")


@pytest.mark.parametrize(
    "magic, line, words",
    [
        ("steps", "nothing", "name 'nothing' is not defined"),
        ("steps", "coords", "is a dict, not a model"),
        ("sample", "coords", "is a dict, not a model"),
        ("backend", "fortran", "'fortran' is none of"),
    ],
)
def test_magics_say_what_was_wrong(shell, magic, line, words):
    with pytest.raises(Exception, match=words):
        shell.run_line_magic(magic, line)


def test_formulas_call_arrays_as_the_cell_does(shell):
    import pandas as pd

    from workbench.graph import formula
    from workbench.model.drawing import named_expressions

    shell.user_ns["df"] = pd.DataFrame({"dose": np.linspace(0, 1, 40), "arm": np.arange(40) % 2})
    shell.user_ns["tables"] = {"age": np.arange(40)}
    run(shell, 'k = Normal(0, 1)\nmu = k * df.dose + df["arm"] - tables["age"] + np.array([0.5] * 39 + [1])\ny = Normal(mu, 1, observed=log_radon)')
    (mu,) = named_expressions(shell.user_ns["radon"])
    assert formula(mu) == "k*dose + arm - age + [0.5, 0.5, …]"
    run(shell, CELL)
    assert "a[county] + b*floor" in formula(shell.user_ns["y"], 1000)


def test_two_models_are_compared(shell, monkeypatch):
    from kernel_ext import magics

    shown = []
    monkeypatch.setattr(magics, "show", shown.append)
    run(shell, CELL)
    shell.user_ns["first"] = shell.user_ns["radon"]
    run(shell, CELL.replace("HalfNormal(1.5)", "HalfNormal(2.0)"))
    shell.run_line_magic("graph", "first radon")
    (panel,) = shown
    assert [name for name, _ in panel.parts] == ["model"] and panel.title == "first radon"
    assert panel.members["model"].compare is shell.user_ns["radon"]
    for line, words in {"first a": "a model can be compared with another", "first radon +": "neither a name nor an expression"}.items():
        with pytest.raises(Exception, match=words):
            shell.run_line_magic("graph", line)
