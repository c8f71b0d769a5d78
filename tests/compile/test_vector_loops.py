"""Loops of Numba's code whose turns may be done at once are vector loops, and give what the turns give one after the other."""

import re
import subprocess

import numpy as np
import pytest
from numba.core.ccallback import CFunc
from scipy import stats

import workbench as pm
import workbench.tensor as pt
from workbench.compile import function
from workbench.compile.c.toolchain import require_compiler
from workbench.compile.numba.backend import compiled_text
from workbench.compile.numba.pointers import RUN
from workbench.transforms import grad


def machine(f):
    """The instructions of a function, as LLVM has made them better; compiled anew: what is read from a cache has none."""
    kept = compiled_text(f.compiled.code.lowered.printed.text, "RUN")
    made = CFunc(kept._pyfunc, (RUN.args, RUN.return_type), locals={}, options={"error_model": "numpy"})
    made.compile()
    return made.inspect_llvm()


CASES = {
    "a sum in any order": (lambda x: x.sum(), r"fadd reassoc <\d+ x double>"),
    "a product in any order": (lambda x: pt.prod(x), r"fmul reassoc <\d+ x double>"),
    "a function without branches": (lambda x: pt.exp(x), r"@llvm.fma.v\d+f64|fmul <\d+ x double>"),
    "logarithms": (lambda x: pt.log1p(pt.exp(-abs(x))), r"lshr <\d+ x i64>"),
    "stores among other arrays": (lambda x: [x * 2.0, x + 1.0, x / 3.0, x - x[::-1]], r"store <\d+ x double>"),
}


@pytest.mark.parametrize("case", CASES)
def test_independent_turns_are_done_at_once(case):
    make, instructions = CASES[case]
    x = pt.vector("x", "n")
    f, plain = (function([x], make(x), backend=b) for b in ("numba", "numpy"))
    assert re.search(instructions, machine(f))
    rng = np.random.default_rng(5)
    for n in (0, 1, 3, 257, 1000):
        given = rng.normal(size=n) * 0.1 + 1.0
        np.testing.assert_allclose(np.asarray(f(given)), np.asarray(plain(given)), rtol=1e-13)


@pytest.mark.parametrize("rows", [255, 256, 700])
def test_scattered_sums_of_rows_that_are_much_to_compute_are_added_after_a_vector_loop(rows):
    x, to = pt.vector("x", rows), np.arange(rows) * 7 % 11
    made = pt.inc_subtensor(pt.zeros(11)[to], pt.tanh(pt.exp(x)) / (1.0 + pt.exp(x)))
    f = function([x], [made, (pt.exp(-x) * pt.log1p(pt.exp(x))).sum()], backend="numba")
    assert re.search(r"fdiv <\d+ x double>", machine(f))
    given = np.linspace(-2.0, 2.0, rows)
    wanted = np.bincount(to, np.tanh(np.exp(given)) / (1.0 + np.exp(given)), 11)
    sums, total = f(given)
    np.testing.assert_allclose(sums, wanted, rtol=1e-13)
    np.testing.assert_allclose(total, (np.exp(-given) * np.log1p(np.exp(given))).sum(), rtol=1e-13)


def test_turns_that_read_what_others_write_are_done_one_by_one():
    x = pt.vector("x", "n")
    f = function([x], [pt.cumsum(x), pt.cumprod(x)], backend="numba")
    given = np.linspace(0.5, 1.5, 101)
    np.testing.assert_array_equal(np.array(f(given)), [np.cumsum(given), np.cumprod(given)])


def choice(by, dtype):
    """A choice between functions that have vector forms: by a constant, by data, by an argument, and by what another loop has left in memory."""
    rng = np.random.default_rng(3)
    mask = rng.integers(0, 2, 1000).astype(bool)
    given = rng.uniform(0.2, 0.8, 1000).astype(dtype)
    x, m = pt.vector("x", 1000, dtype=dtype), pt.vector("m", 1000, dtype="bool")
    left = pt.cumsum(x) > 3.0
    by_what, inputs, values, mask = {
        "a constant": (pt.as_tensor(mask), [x], [given], mask),
        "data": (pt.data("d", mask[::-1].copy()), [x], [given], mask[::-1]),
        "an argument": (m, [x, m], [given, mask], mask),
        "stored": (left, [x], [given], np.cumsum(given) > 3.0),
    }[by]
    chosen = pt.where(by_what & (x > 0.3), pt.log(x), pt.log1p(-x))
    return inputs, [chosen, chosen.sum(), by_what], values, mask


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("by", ["a constant", "data", "an argument", "stored"])
def test_choices_by_truth_values_in_memory_are_vector_loops_in_c(by, dtype, tmp_path):
    inputs, outputs, values, mask = choice(by, dtype)
    f = function(inputs, outputs, backend="c")
    chosen, total, kept = map(np.asarray, f(*values))
    x, digits = values[0].astype(float), 1e-13 if dtype == "float64" else 1e-5
    wanted = np.where(mask & (x > 0.3), np.log(x), np.log1p(-x))
    np.testing.assert_allclose(chosen, wanted, rtol=digits)
    np.testing.assert_allclose(total, wanted.sum(), rtol=digits)
    np.testing.assert_array_equal(kept, mask)
    if "log" in require_compiler().vector_math:
        assert re.search(r"call\s+_ZGV\wN\dv_log\b", instructions_of_run(f, tmp_path))


def test_choices_by_one_condition_are_a_vector_loop_in_c(tmp_path):
    """gcc makes one way around the code between them where it may, and no vector loop of that."""
    x, nu, sigma = (pt.vector(name, 1000) for name in ("x", "nu", "sigma"))
    total = pm.logp(pm.StudentT.dist(nu=nu, mu=0.0, sigma=sigma), x).sum()
    f = function([x, nu, sigma], [total, *grad(total, [x, nu, sigma])], backend="c")
    if "log1p" in require_compiler().vector_math:
        assert re.search(r"call\s+_ZGV\wN\dv_log1p\b", instructions_of_run(f, tmp_path))
    rng = np.random.default_rng(4)
    given = rng.normal(size=1000), rng.uniform(1.0, 9.0, 1000), rng.uniform(0.5, 2.0, 1000)
    np.testing.assert_allclose(f(*given)[0], stats.t.logpdf(given[0], given[1], 0.0, given[2]).sum(), rtol=1e-12)


@pytest.mark.parametrize(("make", "few"), [(lambda x: x * x + 1.0, True), (pt.exp, False)])
@pytest.mark.parametrize("length", [(), (6,), (1000,)])
def test_wide_registers_are_for_functions_whatever_the_length(make, few, length):
    source = function([x := pt.vector("x", *length)], make(x).sum(), backend="c").source
    assert ("omp simd WB_FEW" in source) == few and "omp simd" in source


def instructions_of_run(f, folder):
    """The instructions that gcc makes of a function's own code: without the forms that stand behind it."""
    compiler = require_compiler()
    source = f.compiled.code.lowered.printed.with_vector_forms(compiler.vector_math).code
    (folder / "loop.c").write_text(source)
    flags = [flag for flag in compiler.flags(source) if not flag.startswith("-l")]
    subprocess.run([compiler.path, *flags, "-S", "-o", folder / "loop.s", folder / "loop.c"], check=True)
    return (folder / "loop.s").read_text().partition("\nrun:")[2].partition(".cfi_endproc")[0]
