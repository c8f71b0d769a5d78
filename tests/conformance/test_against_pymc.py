"""Every model of this folder's modules says here what it says in PyMC: names, shapes and start of its values, log-density, gradient.

PyMC's answers are in reference.json, made by tests/reference/make_conformance.py.
"""

import json
from pathlib import Path

import books  # noqa: F401
import equations  # noqa: F401
import gallery  # noqa: F401
import models  # noqa: F401
import numpy as np
import processes  # noqa: F401
import pytest
import series  # noqa: F401
import structures  # noqa: F401
from examples import MODELS, make_data, points, projections
from scipy.special import betaln

import workbench as pm
from workbench.compile.c.toolchain import find_compiler

REFERENCE = json.loads((Path(__file__).parent / "reference.json").read_text())["models"]
NOT_YET: dict[str, str] = {}
"""Models that differ from PyMC, and why."""

LKJ = {
    "social_relations": [(2, 4)], "milk_with_missing_pairs": [(2, 2)], "local_level_with_drift": [(3, 2)],
    "sleep_study_varying_slopes": [(2, 2)], "multilevel_with_predictor_of_groups": [(2, 2)], "vector_autoregression": [(3, 1)],
    "several_walks_with_correlated_steps": [(3, 2), (3, 2)], "hierarchical_vector_autoregression": [(2, 1)] * 3,
    "instrument_of_an_effect": [(2, 2)], "factors_measured_by_answers": [(2, 2)],
    "gaussian_copula": [(3, 2)], "radon_correlated_slopes": [(2, 2)], "multivariate_normal_cholesky": [(3, 1.5)],
}  # fmt: skip
"""Models with LKJ's density, n and eta of each: PyMC adds its constant where it should be subtracted (decision 0016)."""


def lkj_constant(n, eta):
    """Logarithm of the integral of det(R)**(eta - 1): betas of partial correlations (Lewandowski et al., 2009)."""
    b = eta + (n - 1 - np.arange(1, n)) / 2
    return np.sum((n - np.arange(1, n)) * ((2 * b - 1) * np.log(2) + betaln(b, b)))


ONE_BACKEND = {"series", "structures"}
"""Modules whose models are evaluated by one backend each, in turn: all take the way that others show on both."""


def case(name, *others):
    return pytest.param(name, *others, marks=pytest.mark.xfail(strict=True, reason=NOT_YET[name]) if name in NOT_YET else ())


CASES = [case(name) for name in MODELS]
EVALUATED = [
    case(name, backend)
    for i, (name, example) in enumerate(MODELS.items())
    for j, backend in enumerate(["numpy", "c"])
    if example.build.__module__ not in ONE_BACKEND or i % 2 == j
]


@pytest.fixture(scope="module")
def built():
    """Models, each built once."""
    made = {}

    def build(name):
        if name not in made:
            made[name] = MODELS[name].build(pm, make_data())
        return made[name]

    return build


def test_there_are_enough_models_and_each_has_a_reference():
    assert len(MODELS) >= 40
    assert list(MODELS) == list(REFERENCE)


@pytest.mark.parametrize("name", CASES)
def test_values_and_start_agree(name, built):
    model, start = built(name), REFERENCE[name]["start"]
    found = model.initial_point()
    assert [v.name for v in model.value_vars] == list(start) == list(found)
    assert [v.name for v in model.continuous_value_vars] == REFERENCE[name]["continuous"]
    for value, known in start.items():
        assert list(np.shape(found[value])) == known["shape"], value
        np.testing.assert_allclose(np.ravel(found[value]), known["value"], rtol=1e-10, atol=1e-10, err_msg=value)


@pytest.mark.parametrize(("name", "backend"), EVALUATED)
def test_logp_and_gradient_agree(name, backend, built):
    if backend == "c" and find_compiler() is None:
        pytest.skip("no C compiler on this system")
    model = built(name)
    f = model.compile_fn([model.logp(), model.dlogp()], inputs=model.value_vars, backend=backend)
    known = REFERENCE[name]
    start = {value: _start(model, value, k) for value, k in known["start"].items()}
    constant = 2 * sum(lkj_constant(*each) for each in LKJ.get(name, []))
    # Loops of steps take seconds where each operation is a call: one point will do.
    count = 1 if backend == "numpy" and name.startswith("ode_") else None
    for point, expected in zip(points(MODELS[name], start)[:count], known["points"]):
        logp, gradient = f(point)
        np.testing.assert_allclose(logp + constant, expected["logp"], rtol=1e-8, atol=1e-10)
        if len(expected["gradient"]) != gradient.size:
            gradient = projections(gradient.size) @ gradient
        # An entry that is a difference of large terms is as precise as they are.
        largest = np.abs(expected["gradient"]).max(initial=0)
        np.testing.assert_allclose(gradient, expected["gradient"], rtol=1e-8, atol=1e-10 * (1 + largest))


def _start(model, name, known):
    (dtype,) = {v.dtype for v in model.value_vars if v.name == name}
    return np.array(known["value"], dtype).reshape(known["shape"])
