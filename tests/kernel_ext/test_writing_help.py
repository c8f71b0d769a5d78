"""Tab and Shift-Tab in %%model cells, asked of a real kernel as front ends do."""

import re
from pathlib import Path

import pytest
from jupyter_client.manager import start_new_kernel

ROOT = Path(__file__).parents[2]
SETUP = f"""
import sys; sys.path.insert(0, {str(ROOT)!r})
import numpy as np, pandas as pd
import workbench as pm
%load_ext kernel_ext
df = pd.DataFrame({{"county": ["ANOKA", "AITKIN", "ANOKA"], "floor": [0.0, 1.0, 1.0], "log_radon": [0.1, 0.2, 0.3], "not a name": 1}})
coords = {{"county_name": ["a", "b"], "obs": range(3)}}
scale_of_mine = 2.0
"""


@pytest.fixture(scope="module")
def client():
    manager, client = start_new_kernel(kernel_name="python3", extra_arguments=["--HistoryManager.enabled=False"])
    try:
        assert client.execute_interactive(SETUP, output_hook=lambda m: None)["content"]["status"] == "ok"
        run(client, "%%model gp --show none\nell = Gamma(2, 1)\neta = HalfNormal(1)")
        yield client
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def run(client, code):
    assert client.execute_interactive(code, output_hook=lambda m: None)["content"]["status"] == "ok", code


def complete(client, code):
    """Completions at the mark | in some code, and what they replace."""
    at = code.index("|")
    reply = client.complete(code.replace("|", ""), at, reply=True, timeout=60)["content"]
    return reply["matches"], code[reply["cursor_start"] : reply["cursor_end"]]


def inspect(client, code):
    at = code.index("|")
    reply = client.inspect(code.replace("|", ""), at, reply=True, timeout=60)["content"]
    return re.sub(r"\x1b\[[0-9;]*m", "", reply["data"].get("text/plain", "")) if reply["found"] else None


HEAD = "%%model radon --data df --coords coords\n"
TABS = {
    "a distribution": ("y = HalfN|", ["HalfNormal"], "HalfN"),
    "in another case": ("y = halfn|", ["HalfNormal"], "halfn"),
    "a parameter": ("y = Normal(0, si|", ["sigma="], "si"),
    "a parameter, in several lines": ("y = Normal(\n    0,\n    si|\n)", ["sigma="], "si"),
    "what every variable takes": ("y = Normal(0, ob|", ["observed="], "ob"),
    "a parameter with its address": ("y = pm.StudentT(nu=3, la|", ["lam="], "la"),
    "a parameter of .dist()": ("y = Truncated(Normal.dist(0, si|", ["sigma=", "size="], "si"),
    "not one that is given": ("y = Normal(sigma=1, sigm|", [], "sigm"),
    "a dim of the coords": ('a = Normal(0, 1, dims="obs|")', ["obs"], "obs"),
    "a dim of a column of text": ('a = Normal(0, 1, dims="county|', ["county_name", "county"], "county"),
    "a dim among several": ('a = Normal(0, 1, dims=("obs", "county_|', ["county_name"], "county_"),
    "a dim of the cell's own": ('x = Data([1.0], dims="rows")\na = Normal(0, 1, dims="ro|', ["rows"], "ro"),
    "a label": ('x = (county == "AN|', ["ANOKA"], "AN"),
    "a column": ("y = Normal(log_r|", ["log_radon"], "log_r"),
    "a name of the cell": ("mu_a = Normal(0, 1)\ny = Normal(mu_|", ["mu_a"], "mu_"),
    "a name of a later line": ("y = Normal(sig|, 1)\nsigma_late = HalfNormal(1)", [], "sig"),
    "a name of the notebook": ("y = Normal(0, scale_o|", ["scale_of_mine"], "scale_o"),
    "a transform": ("y = Normal(0, 1, transform=ord|", ["transforms.ordered"], "ord"),
    "a function of math": ("y = math.logsumex|", ["logsumexp"], "logsumex"),
    "what an unmade variable has": ("mu = Normal(0, 1)\nz = mu.cumpro|", ["cumprod"], "cumpro"),
    "a column of a table": ("z = df.log_r|", ["log_radon"], "log_r"),
    "no names in a comment": ("# HalfN|", [], ""),
    "no names in a text": ("x = Normal('HalfN|", [], ""),
}


@pytest.mark.parametrize("jedi", [True, False])
@pytest.mark.parametrize("what", TABS)
def test_tab_in_a_cell(client, what, jedi):
    run(client, f"%config IPCompleter.use_jedi = {jedi}")
    body, expected, replaced = TABS[what]
    found, fragment = complete(client, HEAD + body)
    if not expected and not replaced:
        assert "HalfNormal" not in found
        return
    if what == "a name of a later line":
        assert "sigma_late" in found
    elif not expected:
        assert "sigma=" not in found
    else:
        assert found[: len(expected)] == expected
        assert fragment == replaced


MAGICS = {
    "a table": ("%%model m --data d|\n", ["df"]), "coords": ("%%model m --coords c|\n", ["coords"]), "an option": ("%%model m --ba|\n", ["--backend"]),
    "a place": ("%%model m --backend nu|\n", ["numba", "numpy"]), "a model": ("%sample g|", ["gp"]), "a model's options": ("idata = %sample gp --dr|", ["--draws"]),
    "an expression": ("%graph el|", ["ell"]), "steps": ("%steps g|", ["gp"]), "where": ("%backend nump|", ["numpy"]),
}  # fmt: skip


@pytest.mark.parametrize("what", MAGICS)
def test_tab_after_magics(client, what):
    code, expected = MAGICS[what]
    assert complete(client, code)[0] == expected


@pytest.mark.parametrize("jedi", [True, False])
def test_a_models_variables_complete_anywhere(client, jedi):
    run(client, f"%config IPCompleter.use_jedi = {jedi}")
    found = [m.rpartition(".")[2] for m in complete(client, "gp.el|")[0]]
    assert found == ["eliminations", "ell"]


@pytest.mark.parametrize("jedi", [True, False])
def test_parameters_complete_in_ordinary_cells(client, jedi):
    run(client, f"%config IPCompleter.use_jedi = {jedi}")
    assert "sigma=" in complete(client, 'pm.Normal("x", 0, si|')[0]


def test_shift_tab_in_a_cell_shows_signature_and_docstring(client):
    for body in ("y = Normal(|", "y = Normal(0, |sigma=1)", "y = Nor|mal(0, 1)"):
        shown = inspect(client, HEAD + body)
        assert shown.startswith("Normal(mu=0.0, sigma=None, tau=None)\n\nNormal (Gaussian) distribution on the real line.\n\n    f(x) = exp(")
        assert "Standard deviation" in shown
        assert shown.endswith(
            "It takes as well: dims, shape, observed, initval, transform, default_transform, total_size, model, size."
        )
    assert inspect(client, HEAD + "y = pm.LKJCholeskyCov(|").startswith("pm.LKJCholeskyCov(eta, n, sd_dist, *, compute_corr=True)")
    assert inspect(client, HEAD + "y = Truncated(Normal.dist(|").startswith("Normal.dist(mu=0.0, sigma=None, tau=None)\n")
    assert inspect(client, HEAD + "mu = Normal(0, 1)\ny = Normal(m|u, 1)") == "mu = Normal(0, 1)\n\nmu is made in line 1 of this cell."
    assert "labels: 'AITKIN', 'ANOKA'" in inspect(client, HEAD + "y = a[count|y]")
    assert "scale_of_mine" not in (inspect(client, HEAD + "y = nothing_|here") or "")


def test_shift_tab_on_a_function_says_what_it_does(client):
    shown = inspect(client, HEAD + "y = exp(|")
    assert "exp(x, /)" in shown
    assert "Calculate the exponential" in shown
    assert "condition, x, y" in inspect(client, HEAD + "y = where(|")


def test_shift_tab_elsewhere_is_as_before(client):
    assert "sigma=None" in inspect(client, "pm.Normal(|")
    assert inspect(client, "Normal(|") is None
    assert "Standard deviation" in inspect(client, "x = pm.Normal|")


def test_unloading_takes_completion_away(client):
    run(client, "%unload_ext kernel_ext")
    assert "HalfNormal" not in complete(client, HEAD + "y = HalfN|")[0]
    assert inspect(client, HEAD + "y = HalfNormal(|") is None
    run(client, "%load_ext kernel_ext\n%reload_ext kernel_ext")
    assert complete(client, HEAD + "y = HalfN|")[0] == ["HalfNormal"]
