"""What is not imported because it takes long is there, and whole, for whoever imports it himself."""

import os
import subprocess
import sys

import pytest

from workbench.compile.c.toolchain import find_compiler

SAMPLE = """
import workbench as pm
with pm.Model():
    pm.Normal("x", shape=3)
    idata = pm.sample(50, tune=50, chains=2, progressbar=False, random_seed=1)
"""
ROUTINES = """
from workbench.compile.callbacks import routine_addresses
found = routine_addresses()
"""
SCIPY = """
import ctypes, numpy as np, scipy.linalg
from scipy.linalg import cython_lapack
name_of, pointer_of = ctypes.pythonapi.PyCapsule_GetName, ctypes.pythonapi.PyCapsule_GetPointer
name_of.restype, name_of.argtypes, pointer_of.restype, pointer_of.argtypes = ctypes.c_char_p, [ctypes.py_object], ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
capsule = scipy.linalg.cython_lapack.__pyx_capi__["dpotrf"]
assert scipy.linalg.cython_lapack is cython_lapack is __import__("sys").modules["scipy.linalg.cython_lapack"]
dpotrf = pointer_of(capsule, name_of(capsule))
a = np.array([[4.0, 1.0], [1.0, 3.0]])
np.testing.assert_allclose(scipy.linalg.cholesky(a, lower=True) @ scipy.linalg.cholesky(a, lower=True).T, a)
assert scipy.linalg.cython_blas.__pyx_capi__
"""


def run(code, **settings):
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, **settings}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(find_compiler() is None, reason="no C compiler on this system")
def test_a_run_on_c_imports_no_more_of_scipy_than_its_routines():
    run(SAMPLE.replace("random_seed=1", 'random_seed=1, backend="c", return_inferencedata=False') + 'import sys\nassert "scipy" in sys.modules and "scipy.linalg" not in sys.modules')


@pytest.mark.parametrize("order", [ROUTINES + SCIPY, SCIPY + ROUTINES])
def test_scipys_routines_are_its_own_whoever_comes_first(order):
    run(order + 'assert found["dpotrf"] == dpotrf\nimport scipy.linalg.cython_blas as again\nassert again is scipy.linalg.cython_blas\n')
