"""What docs/adding-a-backend.md says can be done, done: a backend in a few lines."""

import re
from pathlib import Path

import numpy as np
import pytest

import workbench.tensor as pt
from workbench.compile import BACKENDS, function
from workbench.compile.loop_ir.lower import lower
from workbench.compile.loop_ir.storage import plan
from workbench.compile.numba.printer import print_numba
from workbench.errors import CompileError
from workbench.tensor.elementwise import OPS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "adding-a-backend.md"
NAMES = {"np": np, "lower": lower, "plan": plan, "print_numba": print_numba}


@pytest.fixture
def python_backend(monkeypatch):
    """The page's example, as it stands there."""
    code = next(c for c in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S) if "PythonFunction" in c)
    scope = dict(NAMES)
    exec(code, scope)
    monkeypatch.setitem(BACKENDS, "python", f"{__name__}:PythonFunction")
    monkeypatch.setitem(globals(), "PythonFunction", scope["PythonFunction"])
    import sys

    monkeypatch.setitem(sys.modules, __name__, type(sys)(__name__))
    sys.modules[__name__].PythonFunction = scope["PythonFunction"]


def test_the_pages_backend_computes_the_radon_density(python_backend, simulated_radon):
    q = np.random.default_rng(0).normal(size=simulated_radon.flat_size) * 0.3
    value, gradient = simulated_radon.logp_dlogp_function(backend="python")(q)
    known, slope = simulated_radon.logp_dlogp_function(backend="numpy")(q)
    assert np.isclose(value, known, rtol=1e-12)
    np.testing.assert_allclose(gradient, slope, rtol=1e-10, atol=1e-10)


def test_an_unknown_backend_is_an_error_that_lists_those_there_are():
    x = pt.scalar("x")
    with pytest.raises(CompileError, match=r"no backend 'rust'(.|\n)*auto, c, numba, jax, numpy"):
        function([x], x, backend="rust")


def test_the_page_lists_the_elementwise_operations_that_are_called_back():
    (listed,) = re.findall(r"- special functions without a short formula: (.*?)\.\n", PAGE.read_text(), re.S)
    assert set(re.findall(r"`(\w+)`", listed)) == {op.name for op in OPS.values() if not op.fusable}
