"""What goes wrong after a model's cell has run, in %sample and %steps, points at the cell's line all the same."""

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell

from workbench.inference import run as runs


@pytest.fixture
def shell():
    ip = InteractiveShell()
    ip.run_line_magic("load_ext", "kernel_ext")
    runs.on_start.clear()
    ip.user_ns.update(coords={"obs": ["a", "b", "c"]}, counts=np.array([1, -1, 2]))
    yield ip
    ip.run_line_magic("unload_ext", "kernel_ext")


IMPOSSIBLE = "mu = Normal(0, 1)\ny = Poisson(exp(mu), observed=counts, dims='obs')"
UNDERIVED = "x = Normal(0, 1)\ny = CustomDist(x, dist=lambda x, size: math.floor(Normal.dist(x, 1, size=size)) * Normal.dist(0, 1, size=size), observed=counts)"
INDEX = "k = Categorical(p=[0.5, 0.5])\na = Normal(0, 1, shape=2)\ny = Normal(a[k + 1], 1, observed=counts)"
CASES = {
    "data that cannot occur": (IMPOSSIBLE, "sample", 2, ["log p(y[1]) = -inf (obs = b)", "value = -1"]),
    "a density that cannot be derived": (UNDERIVED, "sample", 2, ["no rule derives the log-density of"]),
    "a density that cannot be derived, in steps": (UNDERIVED, "steps", 2, ["no rule derives the log-density of"]),
    "an index out of bounds": (INDEX, "sample", 3, ["index 2 is out of bounds"]),
}


@pytest.mark.parametrize("what", CASES)
def test_an_error_of_a_model_is_shown_at_its_line(shell, what):
    body, magic, line, words = CASES[what]
    shell.run_cell_magic("model", "m --coords coords --show none", body)
    with pytest.raises(Exception) as caught:
        shell.run_line_magic(magic, "m --draws 5 --tune 5 --chains 1" if magic == "sample" else "m")
    shown = caught.value._render_traceback_()
    source = body.split("\n")[line - 1]
    at = shown.index(f"  in the model 'm', line {line}:")
    assert shown[at + 1 : at + 3] == [f"    {source}", f"    {'^' * len(source)}"]
    for word in words:
        assert word in "\n".join(shown)


def test_a_line_of_an_ordinary_cell_is_named_by_the_number_of_the_cell(shell, monkeypatch):
    monkeypatch.setattr("IPython.get_ipython", lambda: shell)
    shell.run_cell("import workbench.tensor as pt\nx, y = pt.vectors('x', 'y')", store_history=True)
    shell.run_cell("# a sum\nz = x + y", store_history=True)
    with pytest.raises(ValueError) as caught:
        shell.user_ns["z"].eval({shell.user_ns["x"]: np.zeros(2), shell.user_ns["y"]: np.zeros(3)})
    assert f"at cell In[{shell.execution_count - 1}], line 2: z = x + y" in str(caught.value)
    assert f"  cell In[{shell.execution_count - 1}], line 2" in caught.value._render_traceback_()
