"""Observed values, parameters and lengths given as `Data`: at two lengths, the same as with plain arrays, and as PyMC.

Every distribution is made as in `tests/reference/from_data.py`. PyMC's log-densities are those of the plain
arrays (`tests/reference/make_from_data.py`). What is compared with plain arrays of ours beside these: gradients,
and draws.
"""

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

import workbench as pm
import workbench.tensor as pt
from workbench import distributions
from workbench.compile.c.toolchain import find_compiler
from workbench.distributions import Distribution

REFERENCE = Path(__file__).resolve().parents[1] / "reference"
sys.path.insert(0, str(REFERENCE))
import from_data as given  # noqa: E402

PYMC = json.loads((REFERENCE / "from_data.json").read_text())["logp"]
CASES = {name: (arrays, make) for name, arrays, make in given.cases()}
SHORT, LONG = given.LENGTHS
ALL = os.environ.get("WORKBENCH_TESTS") == "all"
# Compiling takes long: some stand for all there.
EACH_ON_C = 1 if ALL else 3
ON_EVERY_BACKEND = ["Normal, rows", "Truncated normal, vectors", "Categorical of rows", "MvNormal of rows", "ZeroSumNormal of rows", "AR", "Interpolated"]


def chunks(names, size=24):
    names = list(names)
    return [names[i : i + size] for i in range(0, len(names), size)]


def arrays_of(name, n):
    """A case's arrays under names of their own."""
    return {f"{name}: {k}": v for k, v in CASES[name][0](n).items()}


def built(names, n, as_data):
    """One model of several cases; each parameter is multiplied by a free variable where it is a real number."""
    with pm.Model() as model:
        one = pm.Normal("one", 1.0, 1e-3)
        for name in names:
            _, make = CASES[name]
            arrays = CASES[name][0](n)
            d = {k: pm.Data(f"{name}: {k}", v) if as_data else pt.as_tensor(v) for k, v in arrays.items()}
            for k in ("mu", "eta"):
                if k in d and d[k].dtype == "float64":
                    d[k] = d[k] * one
            make(pm, name, {k: v for k, v in d.items() if k != "value"}, observed=d["value"])
    return model


def results(model, backend):
    logps = model.compile_logp(sum=False, backend=backend)
    slope = model.compile_dlogp(backend=backend)
    names = [str(x.name) for x in model.basic_RVs]
    return lambda: (dict(zip(names, (float(np.sum(v)) for v in logps({"one": 1.0})))), slope({"one": 1.0}))


def test_every_distribution_is_here():
    made = {type_of_case(name) for name in CASES}
    known = {c.__name__ for c in vars(distributions).values() if isinstance(c, type) and issubclass(c, Distribution)}
    # Without a density that data of it have, or with a number of rows for good; a length of theirs is tested below. PyMC has no Markov chain, and the last six are pymc-extras'.
    assert known - made <= {"Distribution", "Flat", "HalfFlat", "ICAR", "LKJCorr", "LKJCholeskyCov", "DiracDelta", "MvStudentTRandomWalk",
                            "CholeskyMvStudentT", "PrecisionMvStudentT", "DiscreteMarkovChain", "Chi", "GenExtreme", "Maxwell", "Skellam", "GeneralizedPoisson", "BetaNegativeBinomial"}  # fmt: skip


def test_a_markov_chain_of_data_follows_new_lengths():
    P, start = np.array([[0.9, 0.1], [0.3, 0.7]]), np.array([0.4, 0.6])
    with pm.Model() as model:
        seen = pm.Data("seen", np.array([0, 1, 1]))
        pm.DiscreteMarkovChain("z", P, init_dist=pm.Categorical.dist(start), observed=seen, shape=seen.shape)
    f = model.compile_logp(backend="numpy")
    for states in ([0, 1, 1], [1, 0, 0, 1, 1]):
        pm.set_data({"seen": states}, model=model)
        known = np.log(start[states[0]]) + sum(np.log(P[a, b]) for a, b in zip(states, states[1:]))
        assert float(f({})) == pytest.approx(known, rel=1e-12)


def type_of_case(name):
    arrays, make = CASES[name]
    with pm.Model():
        return make(pm, "y", {k: v for k, v in arrays(SHORT).items() if k != "value"}, observed=arrays(SHORT)["value"]).op.name


@pytest.mark.parametrize("names", chunks(CASES), ids=lambda names: names[0])
def test_data_in_every_place_are_plain_arrays_and_follow_new_lengths(names):
    compare(names, "numpy")


@pytest.mark.parametrize("names", chunks(list(CASES)[::EACH_ON_C]), ids=lambda names: names[0])
def test_they_are_so_compiled(names):
    if find_compiler() is None:
        pytest.skip("no C compiler on this system")
    compare(names, "c")


def test_they_are_so_on_every_backend(backend):
    compare(list(CASES) if ALL else ON_EVERY_BACKEND, backend)


def compare(names, backend):
    """Build with data once, and give these both lengths; beside it models of plain arrays, and PyMC's numbers."""
    model = built(names, SHORT, True)
    run = results(model, backend)
    for n in (SHORT, LONG, SHORT):
        pm.set_data({k: v for name in names for k, v in arrays_of(name, n).items()}, model)
        found, slope = run()
        wanted, exact = results(built(names, n, False), "numpy")()
        for name in names:
            np.testing.assert_allclose(found[name], wanted[name], rtol=1e-10, atol=1e-10, err_msg=f"{name}, length {n}")
            if name in PYMC:
                at = given.LENGTHS.index(n)
                np.testing.assert_allclose(found[name], PYMC[name][at], rtol=1e-7, atol=1e-8, err_msg=f"PyMC: {name}, length {n}")
        np.testing.assert_allclose(slope, exact, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("names", chunks(CASES, 60), ids=lambda names: names[0])
def test_draws_follow_data_of_other_lengths(names):
    model = built(names, SHORT, True)
    for n in (SHORT, LONG):
        pm.set_data({k: v for name in names for k, v in arrays_of(name, n).items()}, model)
        wanted = {name: CASES[name][0](n)["value"].shape for name in names}
        drawn = pm.sample_prior_predictive(3, model=model, random_seed=1, return_inferencedata=False)
        assert {name: drawn[name].shape[1:] for name in names} == wanted
        drawn = pm.sample_posterior_predictive({"one": np.ones((1, 2))}, model=model, random_seed=1, return_inferencedata=False)
        assert {name: drawn[name].shape[2:] for name in names} == wanted
