"""Functions of our own in C, and those of Numba: within units in the last place of mpmath's over the whole range, one value in a vector and alone, and in vector loops."""

import functools
import platform
import re
import shutil
import subprocess
import zlib

import mpmath as mp
import numpy as np
import pytest

import workbench.tensor as pt
from tests.standalone import Standalone, needs_musl
from workbench.compile import function
from workbench.compile.c.own_math import OWN
from workbench.compile.c.toolchain import find_compiler
from workbench.compile.numba.own_math import HAS_FMA
from workbench.errors import CompileError
from workbench.tensor.elementwise import OPS
from workbench.tensor.special.elementary_c import ELEMENTARY

INTEL = platform.machine() == "x86_64"
WITH = [
    pytest.param(("gcc", ""), marks=pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc")),
    pytest.param(("gcc", "-mno-fma"), marks=pytest.mark.skipif(shutil.which("gcc") is None or not INTEL, reason="no gcc for Intel's instructions")),
    pytest.param(("clang", ""), marks=pytest.mark.skipif(shutil.which("clang") is None, reason="no clang")),
    pytest.param(("musl-gcc", ""), marks=needs_musl),
]
ROOT = 1.4616321449683623
"""Where digamma is zero, to a float."""


def erfc_over(x, power):
    """exp(power) erfc(x), by the asymptotic series where mpmath has no numbers so small."""
    if x < 1e3:
        return mp.exp(power) * mp.erfc(x)
    return mp.exp(power - x * x) * (1 - 1 / (2 * x**2) + 3 / (4 * x**4) - 15 / (8 * x**6)) / (x * mp.sqrt(mp.pi))


def log_ndtr(x):
    z = -x / mp.sqrt(2)
    return mp.log1p(-mp.erfc(-z) / 2) if x > 0 else mp.log(erfc_over(z, z * z) / 2) - z * z


def hazard(x):
    z = -x / mp.sqrt(2)
    return mp.sqrt(2 / mp.pi) / erfc_over(z, z * z)


def log_gamma(x):
    return mp.loggamma(x) if x > 0 else mp.log(abs(mp.gamma(x)))


def bessel(order, scaled):
    return lambda x: mp.besseli(order, x) * (mp.exp(-abs(x)) if scaled else 1)


# The function, the range, and how many units in the last place its values may be wrong by.
EXACT = {
    "exp": (mp.exp, (-745.1, 709.78), 1), "expm1": (mp.expm1, (-60.0, 709.78), 1), "tanh": (mp.tanh, (-25.0, 25.0), 1),
    "log": (mp.ln, (5e-324, 1.79e308), 1), "log1p": (mp.log1p, (-1.0 + 2.0**-53, 1.79e308), 1),
    "erf": (mp.erf, (-7.0, 7.0), 1), "erfc": (mp.erfc, (-7.0, 26.5), 4),
    "erfcx": (lambda x: erfc_over(x, x * x), (-26.0, 1e200), 4),
    "log_ndtr": (log_ndtr, (-1e100, 37.0), 4), "inverse_mills": (hazard, (-1e100, 37.0), 4),
    "gammaln": (log_gamma, (-30.0, 1e305), 4), "digamma": (mp.digamma, (-30.0, 1.79e308), 4), "trigamma": (lambda x: mp.psi(1, x), (-30.0, 1e300), 4),
    "i0": (bessel(0, False), (-700.0, 700.0), 5), "i1": (bessel(1, False), (-700.0, 700.0), 5),
    "i0e": (bessel(0, True), (-700.0, 700.0), 4), "i1e": (bessel(1, True), (-700.0, 700.0), 4),
}  # fmt: skip
OF_GAMMA = ("gammaln", "digamma", "trigamma")
SPECIAL = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e308, -1e308, 5e-324, -5e-324, -1.0, -2.0, 800.0, -800.0, 709.9, -746.0])


def points(name):
    low, high = EXACT[name][1]
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    signs = rng.choice([-1.0, 1.0], 150)
    small = 10.0 ** rng.uniform(-320.0, 0.0, 150) * signs
    one = 1.0 + 10.0 ** rng.uniform(-16.0, -1.0, 150) * signs
    x = [small, rng.uniform(-3.0, 3.0, 400), one, -one, np.sign(high) * np.exp(rng.uniform(-700.0, np.log(high), 200)), [low, high]]
    if name in OWN:
        # Where a number of powers of two ends: there the rest is largest.
        ends = (np.arange(-1070, 1020, 15) + 0.5) * np.log(2.0)
        x += [np.nextafter(ends, 0.0), np.nextafter(ends, 1e9), [0.5**0.5, 2.0**0.5], np.log([0.75, 1.5]), 1.013671875 + rng.uniform(-1e-2, 1e-2, 100)]
        # exp(x) - 1 beyond 2**53: the unit has the least weight that counts.
        x.append(rng.uniform(53.0, 55.5, 300) * np.log(2.0))
    if name in OF_GAMMA:
        x += [rng.uniform(0.0, 6.0, 300), 1.0 + one, one + (ROOT - 1.0), rng.uniform(-30.0, 0.0, 150), -rng.integers(1, 30, 100) + rng.uniform(-1e-3, 1e-3, 100)]
    else:
        x.append(rng.uniform(max(low, -40.0), min(high, 40.0), 300))
    x = np.concatenate(x)
    if name in OF_GAMMA:
        x = x[(x > 0.0) | (x != np.rint(x))]
    return x[(x >= low) & (x <= high)]


@functools.cache
def exact(name):
    with mp.workprec(240):
        return [EXACT[name][0](mp.mpf(float(a))) for a in points(name)]


def unit(name, x, value):
    """A unit in the last place of the exact value; of terms whose difference it is, between poles on the negative axis."""
    size = abs(float(value))
    if x < 0.0 and name in ("gammaln", "digamma"):
        size = max(size, abs(float(EXACT[name][0](1.0 - mp.mpf(x)))), 1.0)
    return mp.mpf(float(np.spacing(size)))


@pytest.fixture(params=WITH, ids=" ".join, scope="module")
def own(request, tmp_path_factory):
    """A compiler without vector forms of the library, and all functions compiled by it: of vectors in loops of their own, and of scalars."""
    command, flags = request.param
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_MATH", "own")
        patch.setenv("WORKBENCH_CC", "gcc" if command == "musl-gcc" else command)
        patch.setenv("WORKBENCH_CFLAGS", flags)
        x, y, u, single = pt.vector("x"), pt.vector("y"), pt.vector("u"), pt.vector("single", dtype="float32")
        vectors, scalars = ([kind(n) for n in EXACT] for kind in (pt.vector, pt.scalar))
        others = [pt.betaln(x, y), pt.ndtri(u), pt.gammaln(single)]
        inputs = [x, y, single, u, *vectors]
        whole = function(inputs, [*others, *(OPS[n](v) for n, v in zip(EXACT, vectors))], backend="c")
        alone = function(scalars, [OPS[n](s) for n, s in zip(EXACT, scalars)], backend="c")
        if command == "musl-gcc":
            patch.setenv("WORKBENCH_CC", command)
            whole, alone = (Standalone(f, tmp_path_factory.mktemp("musl") / "made") for f in (whole, alone))
        compiler = find_compiler()
        assert compiler.vector_math == ()
        yield compiler, whole, alone


def of_each(whole, given, pairs=(np.ones(1), np.ones(1))):
    """The functions of one variable, each of its own points."""
    return whole(*pairs, np.ones(1, np.float32), np.ones(1), *given)[3:]


def test_values_are_within_units_of_mpmaths_in_vectors_and_alone(own):
    _, whole, alone = own
    given = [points(name) for name in EXACT]
    found = of_each(whole, given)
    for (name, (_, _, most)), x, made in zip(EXACT.items(), given, found):
        wanted = exact(name)
        with mp.workprec(240):
            # What rounds to infinity does.
            units = [0.0 if a == float(w) else abs(mp.mpf(float(a)) - w) / unit(name, b, w) for a, b, w in zip(made, x, wanted)]
        worst = int(np.argmax(np.array(units, float)))
        assert units[worst] <= most, f"{name}({x[worst]!r}) is {float(units[worst]):.3f} units from {float(wanted[worst])!r}"
    # Wherever a number stands: among the last of its vector, in another place of it, in none.
    for start, stop in ((0, 7), (1, None)):
        for name, before, after in zip(EXACT, found, of_each(whole, [x[start:stop] for x in given])):
            np.testing.assert_array_equal(after, before[start:stop], err_msg=name)
    for k in range(0, 400, 9):
        np.testing.assert_array_equal(alone(*(x[k] for x in given)), [made[k] for made in found])


def test_numbas_are_within_a_unit_of_mpmaths_and_cs_to_the_bit(own, request):
    v, s = pt.vector("v"), pt.scalar("s")
    _, whole, _ = own
    of_c = dict(zip(EXACT, of_each(whole, [points(name) for name in EXACT])))
    for name in (*ELEMENTARY, "erf"):
        f, alone = (function([x], OPS[name](x), backend="numba") for x in (v, s))
        assert "own_math import erf, exp, expm1, log, log1p, tanh" in f.source
        x, wanted = points(name), exact(name)
        found = f(x)
        units = [abs(mp.mpf(float(a)) - w) / unit(name, b, w) for a, b, w in zip(found, x, wanted)]
        worst = int(np.argmax(np.array(units, float)))
        assert units[worst] <= 1.0, f"{name}({x[worst]!r}) is {float(units[worst]):.3f} units from {float(wanted[worst])!r}"
        if HAS_FMA is not ("-mno-fma" in request.node.callspec.params["own"]):
            np.testing.assert_array_equal(found, of_c[name])
        np.testing.assert_array_equal([alone(a) for a in x[::9]], found[::9])
        np.testing.assert_array_equal(f(x[:7]), found[:7])  # A loop's rest.
        with np.errstate(all="ignore"):
            ends = OPS[name].function(SPECIAL)
        np.testing.assert_allclose(f(SPECIAL), ends, rtol=4e-16, atol=0.0)
        if name != "log":
            np.testing.assert_array_equal(np.signbit(f(SPECIAL)[:2]), np.signbit(ends[:2]))


def test_ends_and_poles_are_scipys(own):
    _, whole, _ = own
    with np.errstate(all="ignore"):
        for name, made in zip(EXACT, of_each(whole, [SPECIAL] * len(EXACT))):
            wanted = OPS[name].function(SPECIAL)
            known = np.isfinite(wanted) | np.isfinite(SPECIAL) & (np.abs(SPECIAL) > 1e-300) | np.isnan(SPECIAL) | (SPECIAL == 0.0) | np.isposinf(SPECIAL)
            if name in ("i0", "i1"):
                known &= SPECIAL != 709.9  # SciPy's own are infinite already.
            np.testing.assert_allclose(made[known], wanted[known], rtol=2e-15, atol=5e-324, err_msg=name)
            if name not in ("log", "log_ndtr", "i1", "i1e"):
                np.testing.assert_array_equal(np.signbit(made[:2]), np.signbit(wanted[:2]), err_msg=name)


def test_betaln_is_right_in_relation_to_its_terms(own):
    _, whole, _ = own
    rng = np.random.default_rng(23)
    a, b = (np.concatenate([rng.uniform(0.0, 10.0, 200), 10.0 ** rng.uniform(-3, 6, 200), 10.0 ** rng.uniform(-300, 2, 100), rng.integers(-400, 400, 100) / 64 + 1 / 256]) for _ in "ab")

    def betaln(x, y):
        return whole(x, y, np.ones(1, np.float32), np.ones(1), *[np.ones(1)] * len(EXACT))[0]

    found = betaln(a, b)
    with mp.workprec(1200):
        terms = [[log_gamma(mp.mpf(float(v))) for v in (p, q)] + [log_gamma(mp.mpf(float(p)) + mp.mpf(float(q)))] for p, q in zip(a, b)]
        # Of positive numbers the terms may be far larger.
        size = [max(abs(t[0] + t[1] - t[2]), 1) if min(p, q) > 0 else max(1, *map(abs, t)) for p, q, t in zip(a, b, terms)]
        error = np.array([float(abs(mp.mpf(float(r)) - (t[0] + t[1] - t[2])) / s) for r, t, s in zip(found, terms, size)])
    worst = int(error.argmax())
    assert error[worst] <= 5e-15, f"betaln({a[worst]!r}, {b[worst]!r}) is wrong by {error[worst]} of its terms"
    np.testing.assert_array_equal(betaln(a[1:], b[1:]), found[1:])


def test_loops_with_them_are_vector_loops(own, tmp_path):
    """So says the compiler, of each loop."""
    compiler, whole, _ = own
    path = tmp_path / "whole.c"
    path.write_text(whole.source)
    says = "-Rpass=loop-vectorize" if "clang" in compiler.path else "-fopt-info-vec-optimized"
    flags = [f for f in compiler.flags(whole.source) if not f.startswith("-l") and f != "-shared"]
    said = subprocess.run([compiler.path, *flags, says, "-S", "-o", "/dev/null", str(path)], capture_output=True, text=True, check=True).stderr
    at = {int(n) for n in re.findall(r":(\d+):\d+: (?:optimized: loop vectorized|remark: vectorized loop)", said)}
    lines = whole.source.splitlines()
    loops = [i for i, line in enumerate(lines) if "#pragma omp simd" in line]
    assert len(loops) == len(EXACT) + 3
    for start in loops:
        stop = start + next(i for i, line in enumerate(lines[start:]) if line == "        }")
        assert any(start < n <= stop + 1 for n in at), "\n".join(lines[start : stop + 1])


def test_a_word_that_is_not_known_is_an_error(monkeypatch):
    monkeypatch.setenv("WORKBENCH_MATH", "fast")
    with pytest.raises(CompileError, match="WORKBENCH_MATH is 'fast'"):
        find_compiler()
