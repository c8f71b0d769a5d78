"""Generated C with musl in the place of glibc: whole programs, built and run (functions one by one: `tests/truth/test_own_math.py`)."""

import numpy as np
import pytest
from scipy import special, stats

import workbench as pm
import workbench.tensor as pt
from tests.standalone import Standalone, needs_musl
from workbench.compile import function
from workbench.compile.c.toolchain import find_compiler
from workbench.errors import CompileError, DTypeError
from workbench.samplers.compiled import CompiledSampler
from workbench.samplers.compound import Alone
from workbench.samplers.nuts import Nuts
from workbench.tensor.elementwise import OPS
from workbench.transforms import grad

pytestmark = needs_musl


@pytest.fixture
def built(tmp_path, monkeypatch):
    """What makes a function as Python loads it, its code the same everywhere; and the program that musl-gcc makes of it."""
    count = iter(range(100))

    def make(function, *given, **options):
        with monkeypatch.context() as patch:
            patch.setenv("WORKBENCH_MATH", "own")
            f = function(*given, backend="c", **options)
        with monkeypatch.context() as patch:
            patch.setenv("WORKBENCH_CC", "musl-gcc")
            return f, Standalone(f, tmp_path / str(next(count)))

    return make


def takes(op, dtype):
    try:
        return op.fusable and op.signature(dtype)[0] == dtype
    except DTypeError:
        return False


@pytest.mark.parametrize("dtype", ["float64", "int64"])
def test_every_elementwise_operation_is_numpys_or_scipys(built, dtype):
    """What they call of C's library is there."""
    ops = [op for op in OPS.values() if takes(op, dtype) and op not in (pt.random.threefry, pt.random.word_to_unit)]  # Of words, drawn from below.
    inputs = [pt.vector(f"x{k}", 23, dtype=dtype) for k in range(max(op.arity for op in ops))]
    values = [np.linspace(0.12, 0.91, 23) + 0.01 * k for k in range(len(inputs))] if dtype == "float64" else [np.arange(1, 24) + k for k in range(len(inputs))]
    _, f = built(function, inputs, [op(*inputs[: op.arity]) for op in ops])
    for op, found in zip(ops, f(*values), strict=True):
        with np.errstate(all="ignore"):
            wanted = op.function(*values[: op.arity])
        np.testing.assert_allclose(found, wanted, rtol=1e-11, atol=1e-14, err_msg=op.name)


def test_a_model_and_its_gradient_are_scipys(built):
    rng = np.random.default_rng(4)
    county, floor, y = np.repeat(np.arange(5), 40), rng.normal(size=200), rng.normal(size=200)
    with pm.Model() as model:
        eps = pm.HalfNormal("eps", 1.5)
        nu = pm.Gamma("nu", 2.0, 0.5)
        a = pm.Normal("a", 0.3, 1.0, shape=5)
        pm.StudentT("y", nu, a[county] * floor, sigma=eps, observed=y)
    at = np.array([0.2, 1.1, -0.4, 0.1, 0.6, -1.0, 0.9])
    _, alone = built(lambda backend: model.logp_dlogp_function(backend).function)

    def logp(at):
        eps, nu = np.exp(at[:2])
        prior = stats.halfnorm(scale=1.5).logpdf(eps) + stats.gamma(2.0, scale=2.0).logpdf(nu) + at[:2].sum() + stats.norm(0.3, 1.0).logpdf(at[2:]).sum()
        return prior + stats.t(nu, at[2:][county] * floor, eps).logpdf(y).sum()

    value, slopes = alone(at)
    np.testing.assert_allclose(value, logp(at), rtol=1e-12)
    steps = 1e-5 * np.eye(7)
    np.testing.assert_allclose(slopes, [(logp(at + h) - logp(at - h)) / 2e-5 for h in steps], rtol=1e-6)


def test_loops_branches_threads_and_draws_are_bit_for_bit_what_they_are_with_glibc(built):
    seed, x = pt.tensor("seed", "uint64", ()), pt.vector("x", 37)
    _, (walk,) = pt.scan(lambda c, e: ([0.5 * c + pt.tanh(e)], [c * x.sum()]), [0.0], [x])
    (chosen,) = pt.cond(walk.sum() > 0.0, lambda v: [pt.log1p(v * v)], lambda v: [pt.erf(v)], [x])
    own = pt.random.split(seed, 3)
    drawn = [pt.random.gamma(own[0], (50,), 0.7, 1.0), pt.random.normal(own[1], (50,), 0.0, 1.0), pt.random.randint(own[2], (50,), 0, 9)]
    f, alone = built(function, [seed, x], [walk, chosen, *drawn])
    values = np.uint64(11), np.random.default_rng(1).normal(size=37)
    for found, wanted in zip(alone(*values), f(*values), strict=True):
        np.testing.assert_array_equal(found, wanted)
    b, data = pt.vector("b", 4), np.random.default_rng(2).normal(size=(40_000, 4))
    cost = pt.log1p(pt.exp(pt.constant(data) @ b)).sum()
    f, alone = built(function, [b], [cost, grad(cost, b)], threads=2)
    assert "pthread_create" in alone.source
    at = np.array([0.3, -0.2, 1.0, 0.5])
    value, slopes = alone(at)
    np.testing.assert_array_equal(value, f(at)[0])
    np.testing.assert_allclose(value, np.log1p(np.exp(data @ at)).sum(), rtol=1e-12)
    np.testing.assert_allclose(slopes, data.T @ special.expit(data @ at), rtol=1e-11)


def test_nuts_is_built_as_a_library(monkeypatch, tmp_path):
    monkeypatch.setenv("WORKBENCH_MATH", "own")
    sampler = CompiledSampler("c", Alone(Nuts()))
    parts = [sampler.init, sampler.advance]
    monkeypatch.setenv("WORKBENCH_CACHE_DIR", str(tmp_path))
    monkeypatch.delenv("WORKBENCH_MATH")
    monkeypatch.setenv("WORKBENCH_CC", "musl-gcc")
    compiler = find_compiler()
    assert compiler.vector_math == () and "-lmvec" not in compiler.flags()
    for part in parts:
        compiler.build(part.compiled.code.lowered.printed.with_vector_forms(()).code)


def test_a_library_of_another_kind_than_pythons_is_an_error_that_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("WORKBENCH_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("WORKBENCH_CC", "musl-gcc")
    x = pt.vector("x", 3)
    with pytest.raises(CompileError, match=r"(?s)cannot be run from .*another C library"):
        function([x], pt.exp(x) * 3.1875, backend="c")
