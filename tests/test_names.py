"""Every public name of PyMC and PyTensor is here, or an error says what there is instead.

Their names are in tests/reference/names.json, made by tests/reference/make_names.py. Values are NumPy's and SciPy's;
log(I0(900)) is mpmath's.
"""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import special

import workbench as pm
import workbench.tensor as pt
from workbench import names
from workbench.errors import ArgumentError

THEIRS = json.loads((Path(__file__).parent / "reference" / "names.json").read_text())["names"]


@pytest.mark.parametrize("module", [m for m in THEIRS if m != "Tensor"])
def test_every_name_is_here_or_explained(module):
    ours = importlib.import_module(module)
    unexplained = []
    for name in THEIRS[module]:
        try:
            getattr(ours, name)
        except AttributeError as error:
            if f"'{name}': " not in str(error):
                unexplained.append(name)
    assert unexplained == []


def test_every_attribute_of_expressions_is_here_or_explained():
    x = pt.matrix("x", 2, 3)
    unexplained = []
    for name in THEIRS["Tensor"]:
        try:
            getattr(x, name)
        except AttributeError as error:
            if "has no attribute" in str(error):
                unexplained.append(name)
    assert unexplained == []


def test_what_the_tables_name_exists():
    for module, found in names.ALIASES.items():
        for name, address in found.items():
            where, _, what = address.partition(":")
            assert hasattr(importlib.import_module(where), what), (module, name)
    for address in names.CALLED.values():
        where, _, what = address.partition(":")
        assert callable(getattr(importlib.import_module(where), what))
    assert all(callable(getattr(pt, n)) for n in names.METHODS)


def test_nothing_is_explained_that_is_here():
    for module, listed, _ in names.INSTEAD:
        ours = importlib.import_module(module) if module in sys.modules or module in names.NAMESPACES else None
        if ours is not None:
            here = [n for n in listed.split() if n in vars(ours) or n in names.public_names(module)]
            assert here == [], module


def test_modules_can_be_imported_by_their_names():
    from workbench.distributions.timeseries import GaussianRandomWalk
    from workbench.distributions.transforms import ordered
    from workbench.tensor.extra_ops import cumsum
    from workbench.tensor.variable import TensorVariable

    assert GaussianRandomWalk is pm.GaussianRandomWalk
    assert ordered is importlib.import_module("workbench.transforms").ordered
    assert cumsum is pt.cumsum is pt.extra_ops.cumsum
    assert isinstance(pt.scalar("x"), TensorVariable)
    assert "cumsum" in dir(pt.extra_ops)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("ImplicitGradient", "pm.fit"), ("apply_momentum", "pm.momentum"), ("Norml", "did you mean Normal"), ("traceplot", "pm.plot_trace"),
        ("Bound", "pm.Truncated"), ("sample_ppc", "pm.sample_posterior_predictive"),
    ],
)  # fmt: skip
def test_what_is_not_there_is_said(name, says):
    with pytest.raises(AttributeError, match=says):
        getattr(pm, name)


def test_older_words_are_answered_by_those_of_today():
    with pm.Model():
        with pytest.raises(ArgumentError, match="sd is called sigma"):
            pm.Normal("x", 0.0, sd=1.0)
        with pytest.raises(ArgumentError, match="testval is called initval"):
            pm.Normal("x", 0.0, 1.0, testval=0.5)
        with pytest.raises(ArgumentError, match="pm.set_data"):
            pm.Data("data", [1.0], mutable=True)
    with pytest.raises(AttributeError, match="ordered"):
        pm.distributions.transforms.univariate_ordered
    with pytest.raises(AttributeError, match=r"pm.draw\(x, draws="):
        pm.Normal.dist(0.0, 1.0).random


def test_importing_loads_nothing_more():
    heavy = "scipy jax numba arviz xarray matplotlib pandas numpy.ma numpy.polynomial workbench.inference workbench.rewrites.passes"
    code = f"import sys, workbench, workbench.tensor.extra_ops; sys.exit(' '.join(m for m in '{heavy}'.split() if m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[1]).stderr.strip() == ""


DRAWS = np.random.RandomState(4)
A, B = DRAWS.normal(size=(3, 2, 4)), DRAWS.normal(size=(3, 4, 5))
X = DRAWS.normal(size=(3, 4))
EQUAL = {
    "batched_dot": (pt.batched_dot(A, B), A @ B), "batched_dot of vectors": (pt.batched_dot(X, B), np.einsum("bi,bij->bj", X, B)),
    "batched_dot of both": (pt.batched_dot(X, X + 1), (X * (X + 1)).sum(1)), "join": (pt.join(1, X, X), np.hstack([X, X])),
    "fill": (pt.fill(X, 2.5), np.full((3, 4), 2.5)), "choose": (pt.choose([[1], [0], [1]], [X, -X]), np.choose([[1], [0], [1]], [X, -X])),
    "norm": (pt.constant(X).norm(2), np.sqrt((X**2).sum())), "norm of rows": (pt.constant(X).norm(1, axis=1), np.abs(X).sum(1)),
    "norm, largest": (pt.constant(X).norm(np.inf, axis=0), np.abs(X).max(0)), "norm, count": (pt.constant(X).norm(0), 12.0),
    "specify_shape": (pt.specify_shape(X, (3, None)), X), "largest": (pt.largest(X, -X, 0.5), np.maximum(np.abs(X), 0.5)),
    "smallest": (pt.smallest(X, -X, 0.5), np.minimum(-np.abs(X), 0.5)), "stacklists": (pt.stacklists([[1.0, 2.0], [3.0, 4.0]]), [[1.0, 2.0], [3.0, 4.0]]),
    "argmax": (pt.max_and_argmax(X, axis=1)[1], X.argmax(1)), "iround": (pt.iround(X), np.round(X)), "poch": (pt.special.poch(2.5, 3.0), special.poch(2.5, 3.0)),
    "factorial": (pt.special.factorial(4.0), 24.0), "kn": (pt.kn(2, 1.5), special.kn(2, 1.5)), "matrix_dot": (pt.linalg.matrix_dot(X, X.T, X), X @ X.T @ X),
    "tensorinv": (pt.linalg.tensorinv(np.arange(16.0).reshape(4, 2, 2) ** 2 % 7 + np.eye(4).reshape(4, 2, 2), ind=1),
                  np.linalg.tensorinv(np.arange(16.0).reshape(4, 2, 2) ** 2 % 7 + np.eye(4).reshape(4, 2, 2), ind=1)),
    "tensorsolve": (pt.linalg.tensorsolve(np.diag([2.0, 4.0, 5.0, 8.0]).reshape(2, 2, 4), np.ones((2, 2))), [0.5, 0.25, 0.2, 0.125]),
    "shape": (pt.stack(pt.shape(X)), [3, 4]), "exp": (pt.constant(X).exp(), np.exp(X)), "isposinf": (pt.isposinf([np.inf, 1.0]), [True, False]),
    "tril": (pt.constant(X)[pt.tril_indices_from(X)], X[np.tril_indices_from(X)]),
    "multigammaln": (pm.distributions.dist_math.multigammaln(3.5, 3), special.multigammaln(3.5, 3)),
    "binomln": (pm.distributions.dist_math.binomln(7.0, 3.0), np.log(35.0)), "log_i0": (pm.distributions.dist_math.log_i0(900.0), 895.680003051272),
    "log_diff_normal_cdf": (pm.distributions.dist_math.log_diff_normal_cdf(1.0, 2.0, 3.0, 0.0), np.log(special.ndtr(1.0) - special.ndtr(-0.5))),
    "normal_lccdf": (pm.distributions.dist_math.normal_lccdf(1.0, 2.0, 30.0), special.log_ndtr(-14.5)),
    "logpow": (pm.distributions.dist_math.logpow([2.0, 0.0, 0.0], [3.0, 0.0, 1.0]), [np.log(8.0), 0.0, -np.inf]),
    "sigma2rho": (pm.distributions.dist_math.sigma2rho(pm.distributions.dist_math.rho2sigma(0.7)), 0.7),
}  # fmt: skip


@pytest.mark.parametrize("name", EQUAL)
def test_aliases_equal_numpy_and_scipy(name):
    found, expected = EQUAL[name]
    np.testing.assert_allclose(found.eval(), expected, rtol=1e-9, atol=1e-12)


def test_check_parameters_is_minus_infinity_in_a_model():
    def logp(value, sigma):
        return pm.distributions.dist_math.check_parameters(-0.5 * (value / sigma) ** 2, sigma > 0, msg="sigma > 0")

    with pm.Model() as model:
        sigma = pm.Normal("sigma")
        pm.CustomDist("y", sigma, logp=logp, observed=[1.0, 2.0])
    density = model.compile_logp(vars=[model["y"]], backend="c")
    assert float(density({"sigma": 2.0})) == pytest.approx(-0.625)
    assert float(density({"sigma": -2.0})) == -np.inf


def test_completion_offers_what_is_loaded_when_it_is_used():
    code = "import workbench as pm, workbench.tensor as pt; print({'sample', 'gp', 'summary', 'plot_trace', *pm.INFERENCE} <= {*dir(pm)}, {'fft', 'signal'} <= {*dir(pt)}, {'det', 'eigh'} <= {*dir(pt.linalg)})"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split() == ["True"] * 3


def test_importing_leaves_the_garbage_collector_as_it_was():
    code = "import gc; gc.{}(); import workbench; print(gc.isenabled(), gc.get_freeze_count())"
    for how, wanted in (("enable", "True"), ("disable", "False")):
        assert subprocess.run([sys.executable, "-c", code.format(how)], capture_output=True, text=True, check=True).stdout.split() == [wanted, "0"]
