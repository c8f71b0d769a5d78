"""What tests share: the models, the real data where they are at hand, the backends."""

import json
import os
import signal
import zlib
from datetime import date
from pathlib import Path

import numpy as np
import pytest

import workbench as pm
from workbench.compile.c.toolchain import find_compiler
from workbench.datasets import simulate_radon

ROOT = Path(__file__).resolve().parents[1]
# Every program that a test compiles is proven to read what was written for it (workbench/compile/loop_ir/checker.py).
os.environ["WORKBENCH_CHECK"] = "all" if os.environ.get("WORKBENCH_TESTS") == "all" else "1"
# What a shell starts in the background ignores interrupts: tests send some.
signal.signal(signal.SIGINT, signal.default_int_handler)
BACKENDS = tuple(os.environ.get("WORKBENCH_BACKENDS", "numpy c numba jax").split())
ALL = os.environ.get("WORKBENCH_TESTS") == "all"
FLAGS = os.environ.get("WORKBENCH_CFLAGS", "")
QUICK = ["distributions", "inference", "kernel_ext", "model", "ode", "samplers", "transforms", "variational"]
"""Folders whose tests are about what a program computes, not how fast: gcc takes a sixth of the time for code that is not optimised.

A formula has one value however it is compiled (workbench/compile/c/vector_math.py). As users run it, at -O3, code is tested in the other
folders: each operation, distribution and model of the books, posteriors of every kernel; and in all of them with WORKBENCH_TESTS=all.
"""


FIRST = ["tutorials", "inference", "samplers", "conformance", "truth", "model", "transforms"]
"""Folders with files of minutes, begun first: none is left for one process alone at the end."""


SLOW = ("numba", "jax")
LONG = json.loads((Path(__file__).parent / "long_tests.json").read_text())
DAYS = 3
"""Of cases on backends that compile slowly, and of those that took more than a processor second when they were measured, a third is run
each day: all in three days, and at once with WORKBENCH_TESTS=all. One case in twenty takes two thirds of the time of all.
"""


def pytest_collection_modifyitems(config, items):
    def order(item):
        folder = item.path.relative_to(ROOT).parts[1]
        return FIRST.index(folder) if folder in FIRST else len(FIRST)

    def is_left_out(item):
        case = getattr(item, "callspec", None)
        turn = zlib.crc32(item.nodeid.encode()) + date.today().toordinal()
        return turn % DAYS and (item.nodeid in LONG or (case is not None and case.params.get("backend") in SLOW))

    items.sort(key=order)
    # Who names a test gets it.
    if not ALL and not any("::" in str(a) for a in config.args) and not config.option.keyword:
        left_out = [x for x in items if is_left_out(x)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [x for x in items if not is_left_out(x)]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    folder = item.path.relative_to(ROOT / "tests").parts[0]
    quick = folder in QUICK and not ALL and item.get_closest_marker("optimised") is None
    os.environ["WORKBENCH_CFLAGS"] = f"{FLAGS} -Og" if quick else FLAGS


def data_folder() -> Path | None:
    given = os.environ.get("WORKBENCH_DATA")
    folder = Path(given) if given else ROOT.parent / "shared" / "data"
    return folder if folder.is_dir() else None


@pytest.fixture(scope="session", autouse=True)
def private_cache(tmp_path_factory):
    """Compiled code of tests stays out of the user's cache, and is shared by the session's tests, in all its processes."""
    before = os.environ.get("WORKBENCH_CACHE_DIR")
    home = tmp_path_factory.getbasetemp()
    folder = (home.parent if "PYTEST_XDIST_WORKER" in os.environ else home) / "compiled"
    folder.mkdir(mode=0o700, exist_ok=True)
    os.environ["WORKBENCH_CACHE_DIR"] = str(folder)
    yield
    if before is None:
        del os.environ["WORKBENCH_CACHE_DIR"]
    else:
        os.environ["WORKBENCH_CACHE_DIR"] = before


@pytest.fixture(params=BACKENDS)
def backend(request):
    if request.param == "c" and find_compiler() is None:
        pytest.skip("no C compiler on this system")
    return request.param


@pytest.fixture(scope="session")
def real_data():
    """Load a real data set; skips, saying so, where the folder of data is absent."""

    def load(name):
        folder = data_folder()
        if folder is None:
            pytest.skip("the real data sets are not at hand: set WORKBENCH_DATA")
        return json.loads((folder / f"{name}.json").read_text())

    return load


@pytest.fixture(scope="session")
def reference():
    return json.loads((ROOT / "tests" / "reference" / "radon.json").read_text())


def radon_model(data, keep=False):
    with pm.Model(coords={"county": data["names"], "obs": range(len(data["log_radon"]))}) as model:
        mu_a = pm.Normal("mu_a", 0.0, 10)
        sigma_a = pm.HalfNormal("sigma_a", 1.0)
        a = pm.Normal("a_raw", 0, 1, dims="county") * sigma_a + mu_a
        mu_b = pm.Normal("mu_b", 0.0, 2.0)
        sigma_b = pm.HalfNormal("sigma_b", 1.0)
        b = pm.Normal("b_raw", 0, 1, dims="county") * sigma_b + mu_b
        if keep:
            a, b = pm.Deterministic("a", a, dims="county"), pm.Deterministic("b", b, dims="county")
        eps = pm.HalfNormal("eps", 1.5)
        pm.Normal("y", a[data["county"]] + b[data["county"]] * data["floor"], eps, observed=data["log_radon"], dims="obs")
    return model


@pytest.fixture(scope="session")
def simulated_radon():
    """The radon model on simulated data of the same structure."""
    return radon_model(simulate_radon())


@pytest.fixture(scope="session")
def real_radon(real_data):
    d = real_data("radon_mn")
    county = np.array(d["county_idx"]) - 1
    names = [f"county {i + 1:02d}" for i in range(d["J"])]
    data = {"log_radon": np.array(d["log_radon"]), "floor": np.array(d["floor_measure"], float), "county": county, "names": names}
    return radon_model(data, keep=True)


@pytest.fixture(scope="session")
def eight_schools(real_data):
    d = real_data("eight_schools")
    with pm.Model() as model:
        mu = pm.Normal("mu", 0, 5)
        tau = pm.HalfNormal("tau", 5)
        z = pm.Normal("z", 0, 1, shape=d["J"])
        theta = pm.Deterministic("theta", mu + tau * z)
        pm.Normal("y", theta, np.array(d["sigma"], float), observed=np.array(d["y"], float))
    return model
