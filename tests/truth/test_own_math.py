"""Exponentials and logarithms of our own in C and Numba: within one unit in the last place of mpmath's over the whole range, and one value in a vector and alone."""

import platform
import shutil

import mpmath as mp
import numpy as np
import pytest

import workbench.tensor as pt
from workbench.compile import function
from workbench.compile.c.own_math import OWN
from workbench.compile.c.toolchain import find_compiler
from workbench.errors import CompileError

INTEL = platform.machine() == "x86_64"
RANGES = {"exp": (-745.1, 709.78), "expm1": (-60.0, 709.78), "tanh": (-25.0, 25.0), "log": (5e-324, 1.79e308), "log1p": (-1.0 + 2.0**-53, 1.79e308)}
SPECIAL = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, 1e308, -1e308, 5e-324, -5e-324, -1.0, -2.0, 800.0, -800.0, 709.9, -746.0])
WITH = [
    pytest.param("gcc", "", marks=pytest.mark.skipif(shutil.which("gcc") is None, reason="no gcc")),
    pytest.param("gcc", "-mno-fma", marks=pytest.mark.skipif(shutil.which("gcc") is None or not INTEL, reason="no gcc for Intel's instructions")),
    pytest.param("clang", "", marks=pytest.mark.skipif(shutil.which("clang") is None, reason="no clang")),
]


def points(name):
    low, high = RANGES[name]
    rng = np.random.default_rng(17)
    small = 10.0 ** rng.uniform(-320.0, 0.0, 150) * rng.choice([-1.0, 1.0], 150)
    near = rng.uniform(-3.0, 3.0, 400)
    one = 1.0 + 10.0 ** rng.uniform(-16.0, -1.0, 150) * rng.choice([-1.0, 1.0], 150)
    # Where a number of powers of two ends: there the rest is largest.
    ends = (np.arange(-1070, 1020, 15) + 0.5) * np.log(2.0)
    wide = np.exp(rng.uniform(-740.0, 709.0, 300)) if name in ("log", "log1p") else rng.uniform(low, high, 300)
    x = np.concatenate([small, near, one, -one, np.nextafter(ends, 0.0), np.nextafter(ends, 1e9), wide, [low, high, 0.5**0.5, 2.0**0.5]])
    return x[(x >= low) & (x <= high)]


@pytest.mark.parametrize("command, flags", WITH)
def test_values_are_within_a_unit_of_mpmaths_in_vectors_and_alone(command, flags, monkeypatch):
    monkeypatch.setenv("WORKBENCH_MATH", "own")
    monkeypatch.setenv("WORKBENCH_CC", command)
    monkeypatch.setenv("WORKBENCH_CFLAGS", flags)
    assert find_compiler().vector_math == ()
    check_values("c", "#define {name}(x) wb_{name}(x)")


def test_values_are_within_a_unit_of_mpmaths_in_numba():
    check_values("numba", "own_math import exp, expm1, log, log1p, tanh")


def check_values(backend, written):
    """Compare values of all functions, whose code has a line."""
    v, s = pt.vector("v"), pt.scalar("s")
    for name in OWN:
        f, alone = (function([x], getattr(pt, name)(x), backend=backend) for x in (v, s))
        assert written.format(name=name) in f.source
        x = points(name)
        found = f(x)
        with mp.workprec(160):
            exact = [getattr(mp, "ln" if name == "log" else name)(mp.mpf(float(a))) for a in x]
            units = [abs(mp.mpf(float(a)) - w) / mp.mpf(float(np.spacing(abs(float(w))))) for a, w in zip(found, exact)]
        worst = int(np.argmax(np.array(units, float)))
        assert units[worst] <= 1.0, f"{name}({x[worst]!r}) is {float(units[worst]):.3f} units from {float(exact[worst])!r}"
        np.testing.assert_array_equal([alone(a) for a in x[::9]], found[::9])
        np.testing.assert_array_equal(f(x[:7]), found[:7])  # A loop's rest.
        with np.errstate(all="ignore"):
            wanted = getattr(np, name)(SPECIAL)
        np.testing.assert_allclose(f(SPECIAL), wanted, rtol=4e-16, atol=0.0)
        if name != "log":
            np.testing.assert_array_equal(np.signbit(f(SPECIAL)[:2]), np.signbit(wanted[:2]))


def test_a_word_that_is_not_known_is_an_error(monkeypatch):
    monkeypatch.setenv("WORKBENCH_MATH", "fast")
    with pytest.raises(CompileError, match="WORKBENCH_MATH is 'fast'"):
        find_compiler()
