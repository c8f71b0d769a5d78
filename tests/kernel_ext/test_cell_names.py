"""What names a %%model cell sees, and which come back into the notebook."""

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell

import workbench as pm
from kernel_ext.cell import visible_names


@pytest.fixture
def shell():
    ip = InteractiveShell()
    ip.run_line_magic("load_ext", "kernel_ext")
    yield ip
    ip.run_line_magic("unload_ext", "kernel_ext")


def run(ip, body, options=""):
    before = set(ip.user_ns)
    ip.run_cell_magic("model", f"m --show none {options}", body)
    return set(ip.user_ns) - before - {"m"}


def test_the_model_language_is_seen_and_does_not_come_back(shell):
    made = run(shell, "x = Normal(0, 1)\ny = Deterministic(math.exp(x) + logsumexp(pt.stack([x, np.pi])))\np = Potential(-pm.math.sqr(x))")
    assert made == {"x", "y", "p"}
    model = shell.user_ns["m"]
    assert list(model.named_vars) == ["x", "y", "p"]
    assert float(shell.user_ns["y"].eval({shell.user_ns["x"]: 0.0})) == pytest.approx(1.0 + np.log(1.0 + np.exp(np.pi)))


def test_every_distribution_and_function_of_pm_math_is_seen_but_those_that_python_has():
    seen = visible_names()
    assert set(pm.math.__all__) - set(seen) == {"abs", "max", "min", "round", "sum"}
    assert {n for n in pm.__all__ if isinstance(getattr(pm, n), type) and issubclass(getattr(pm, n), pm.Distribution)} - set(seen) == {"Distribution"}


def test_the_notebooks_own_names_win(shell):
    shell.user_ns.update(exp=lambda x: "mine", Normal="my text", sum=lambda xs: "my sum", math=None)
    run(shell, "a, b, c, d = exp(1), Normal, sum([1]), math")
    assert [shell.user_ns[n] for n in "abcd"] == ["mine", "my text", "my sum", None]


def test_a_cell_may_bind_over_any_name(shell):
    shell.user_ns["scale"] = 1
    made = run(shell, "scale = 2\nNormal = Laplace\nlog = np.log(2.0)\nx = Normal(0, scale)")
    assert made == {"Normal", "log", "x"}
    assert shell.user_ns["scale"] == 2
    assert shell.user_ns["x"].op.distribution is pm.Laplace


def test_what_is_bound_to_itself_comes_back(shell):
    shell.user_ns["d"] = {"height": np.arange(3.0)}
    assert run(shell, "exp = exp\nheight = height", "--data d") == {"exp", "height"}
    assert shell.user_ns["exp"] is pm.math.exp


def test_functions_of_the_cell_see_its_names_and_work_afterwards(shell):
    run(shell, "scale = 3.0\ndef prior(name):\n    return Normal(name, 0, scale)\nx = prior('x')\nclass Own: pass\n'text'\nn: int = 3")
    assert shell.user_ns["Own"].__module__ == "__main__"
    assert shell.user_ns.get("__doc__") != "text"
    with pm.Model() as other:
        shell.user_ns["prior"]("later")
    assert list(other.named_vars) == ["later"]


def test_calls_take_the_names_that_they_are_assigned_to(shell):
    body = """
mu, sigma = Normal(0, 1), HalfNormal(1)
wide: object = Normal(mu, 10)
D = Gamma
g = D(2, 1)
explicit = Normal("other", 0, 1)
keyword = Normal(name="third", mu=0)
for i in range(2):
    x = Normal(f"x{i}", 0, 1)
data = Data([1.0, 2.0], dims="row")
twice = Deterministic(2 * data, dims="row")
plain = np.zeros(3)
first = again = Normal(0, 1)
"""
    run(shell, body)
    names = ["mu", "sigma", "wide", "g", "other", "third", "x0", "x1", "data", "twice", "first"]
    assert list(shell.user_ns["m"].named_vars) == names


def test_a_failed_or_interrupted_cell_changes_nothing(shell):
    from workbench.model.context import open_models

    run(shell, "x = Normal(0, 1)")
    before = dict(shell.user_ns)
    ends = {ZeroDivisionError: "x = Normal(0, 2)\ny = 1 / 0", KeyboardInterrupt: "x = 5\nraise KeyboardInterrupt", SystemExit: "z = 3\nraise SystemExit"}
    for error, body in ends.items():
        with pytest.raises(error):
            shell.run_cell_magic("model", "m --show none", body)
        assert {k: v for k, v in shell.user_ns.items() if k in before} == before
        assert "z" not in shell.user_ns
        assert open_models() == []


def test_a_magic_that_asks_for_a_model_whose_cell_failed_says_so(shell):
    with pytest.raises(NameError):
        shell.run_cell_magic("model", "gp --show none", "sigma = HalfNormal(1)\ny = Normal(0, sgima)")
    for magic in ("steps gp", "graph gp", "sample gp", "sample gpp"):
        with pytest.raises(Exception) as caught:
            shell.run_line_magic(*magic.split())
        if magic.endswith("gpp"):
            assert str(caught.value) == "name 'gpp' is not defined; did you mean 'gp'?"
        else:
            assert str(caught.value) == (
                "there is no model 'gp': its cell failed in line 2: NameError: name 'sgima' is not defined. Mend the cell and run it again"
            )
    shell.run_cell_magic("model", "gp --show none", "sigma = HalfNormal(1)")
    with pytest.raises(KeyboardInterrupt):
        shell.run_cell_magic("model", "gp --show none", "raise KeyboardInterrupt")
    with pytest.warns(UserWarning, match="the last cell of the model 'gp' was interrupted. This is the model of the cell before"):
        shell.run_line_magic("sample", "gp --draws 2 --tune 2 --chains 1")


@pytest.mark.parametrize(
    "body, variables",
    [
        ("\n", []), ("# only a comment", []), ("   \n\n", []), ("x = Normal(0, 1)\r\ny = Normal(x, 1)\r\n", ["x", "y"]), ("if True:\n\tx = Normal(0, 1)\n", ["x"]),
        ("x = Normal(0, 1)\ry = Normal(x, 1)", ["x", "y"]), ("μ = Normal(0, 1)\nβ_0 = Normal(μ, 1)", ["μ", "β_0"]), ("ﬁ = Normal(0, 1)", ["fi"]),
        ("x = Normal('<img src=x onerror=alert(1)>', 0, 1)", ["<img src=x onerror=alert(1)>"]), ("x = Normal('" + "a" * 300 + "', 0, 1)", ["a" * 300]),
        ("get_ipython = Normal(0, 1)\nIn = Normal(0, 1)\n_ = Normal(0, 1)", ["get_ipython", "In", "_"]), ("x = Normal('\u202eabc', 0, 1)", ["\u202eabc"]),
        ("\n".join(f"x{i} = Normal(0, 1)" for i in range(2000)), [f"x{i}" for i in range(2000)]), ("x = Normal(0, 1)\x0c\ny = Normal(0, 1)", ["x", "y"]),
    ],
)  # fmt: skip
def test_cells_of_all_kinds_make_their_variables(shell, body, variables):
    kept = {name: shell.user_ns.get(name) for name in ("get_ipython", "In", "_")}
    run(shell, body)
    assert list(shell.user_ns["m"].named_vars) == variables
    shell.user_ns.update(kept)


def test_a_cell_can_be_run_again(shell):
    for scale in (1, 2):
        run(shell, f"x = Normal(0, {scale})")
        assert str(shell.user_ns["m"]) == f"x ~ Normal(0, {scale})"
        assert shell.user_ns["m"]["x"] is shell.user_ns["x"]


def test_priors_are_compared_with_the_data_where_asked(shell, capsys):
    shell.user_ns["height"] = np.array([170.0, 181.0, 165.0, 175.0])
    shell.run_cell_magic("model", "m --show none --check-priors", "mu = Normal(0, 1)\ny = Normal(mu, 10, observed=height)")
    said = capsys.readouterr().out
    assert said.startswith("y: the mean of the data is 172.8; under the prior it is between -1")
    assert "It follows mu ~ Normal(0, 1) most. Give mu a centre near 172.8" in said
    assert said.endswith("  in the model 'm', line 2:\n    y = Normal(mu, 10, observed=height)\n")
    shell.run_cell_magic("model", "m --show none --check-priors", "mu = Normal(170, 30)\ny = Normal(mu, 10, observed=height)")
    assert capsys.readouterr().out.startswith("The data are no surprise under the priors")
    shell.run_cell_magic("model", "m --show none --check-priors", "mu = Flat()\ny = Normal(mu, 10, observed=height)")
    assert capsys.readouterr().out == "The priors cannot be compared with the data: mu has the improper prior Flat: no data can be simulated from it\n"
    shell.run_cell_magic("model", "m --show none", "mu = Normal(0, 1)\ny = Normal(mu, 10, observed=height)")
    assert capsys.readouterr().out == ""
