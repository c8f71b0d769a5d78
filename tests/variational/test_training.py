"""Optimizers as updates: beside PyTorch and optax (numbers of tests/reference/make_training.py), on all backends, and bad input."""

import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

import workbench as pm
import workbench.tensor as pt
from workbench.errors import ArgumentError, GradientError

REFERENCE = Path(__file__).parents[1] / "reference"
sys.path.insert(0, str(REFERENCE))
from training_cases import AT, SCHEDULES, START, STEPS, TARGET, TRAININGS, WEIGHTS, data, layers  # noqa: E402

KNOWN = json.loads((REFERENCE / "training.json").read_text())


def network(dtype):
    """Parameters as a tree, inputs, and the loss."""
    params = [{"w": pt.data(f"w{i}", w.astype(dtype)), "b": pt.data(f"b{i}", b.astype(dtype))} for i, (w, b) in enumerate(layers())]
    x, y = pt.matrix("x", "n", 8, dtype=dtype), pt.vector("y", "n", dtype="int64")
    h = x
    for i, layer in enumerate(params):
        h = h @ layer["w"] + layer["b"]
        h = pm.nn.relu(h) if i + 1 < len(params) else h
    return params, x, y, pm.nn.cross_entropy(h, y)


def trained(name, dtype, backend):
    params, x, y, loss = network(dtype)
    step = pm.function([x, y], loss, updates=getattr(pm, name)(loss, params, **TRAININGS[name]), backend=backend)
    vx, vy = data()
    found = [step(vx.astype(dtype), vy) for _ in range(STEPS)]
    assert loss.dtype == dtype and all(value.dtype == dtype for layer in params for p in layer.values() for value in (p.get_value(),))
    return np.array(found), step


@pytest.mark.parametrize("dtype, rtol", [("float64", 1e-10), ("float32", 1e-5)])
@pytest.mark.parametrize("name", TRAININGS)
def test_losses_of_training_are_those_of_pytorch(name, dtype, rtol):
    found, step = trained(name, dtype, "c")
    np.testing.assert_allclose(found, KNOWN["losses"][name][dtype], rtol=rtol)
    assert step.fallbacks == ()


@pytest.mark.parametrize("backend", ["jax", "numpy", pytest.param("numba", marks=pytest.mark.skipif(os.environ.get("WORKBENCH_TESTS") != "all", reason="Numba compiles it for 14 s"))])
def test_a_step_is_the_same_on_other_backends(backend):
    found, _ = trained("adamw", "float32", backend)
    np.testing.assert_allclose(found, KNOWN["losses"]["adamw"]["float32"], rtol=1e-5)


def test_rate_by_schedule_decay_and_clipping_are_those_of_optax():
    p = pt.data("p", START)
    loss = pt.sum(pt.constant(WEIGHTS) * (p - pt.constant(TARGET)) ** 2)
    rate = pm.warmup_cosine_decay_schedule(**SCHEDULES["warmup_cosine_decay_schedule"])
    gradients = pm.total_norm_constraint(pm.grad(loss, [p]), 5.0, epsilon=0.0)
    step = pm.function([], p, updates=pm.adamw(gradients, [p], learning_rate=rate, weight_decay=0.2), backend="c")
    found = [(step(), p.get_value())[1] for _ in range(7)]
    np.testing.assert_allclose(found, KNOWN["quadratic"], rtol=1e-11)


@pytest.mark.parametrize("name", SCHEDULES)
def test_schedules_are_those_of_optax(name):
    rate = getattr(pm, name)(**SCHEDULES[name])
    np.testing.assert_allclose([float(rate(i).eval()) for i in AT], KNOWN["schedules"][name], rtol=1e-12)


def test_a_rate_is_a_number_data_that_change_or_a_function_of_the_step():
    def walk(rate, steps=3):
        p = pt.data("p", [8.0])
        return pm.function([], p, updates=pm.sgd(pt.sum(p), [p], learning_rate=rate), backend="c"), steps

    falling, _ = walk(lambda step: 1.0 / (1.0 + step))
    assert np.allclose([float(falling()[0]) for _ in range(4)], [8.0, 7.0, 6.5, 8.0 - 1.0 - 0.5 - 1.0 / 3.0])
    rate = pt.data("rate", 1.0)
    given, _ = walk(rate)
    given()
    rate.set_value(0.25)
    assert [float(given()[0]) for _ in range(2)] == [7.0, 6.75]


def test_a_schedule_makes_a_fit_end_nearer():
    def ends(rate):
        with pm.Model():
            pm.Normal("x", 3.0, 2.0)
            return pm.fit(600, obj_optimizer=pm.adam(learning_rate=rate), random_seed=1, quiet=True).mean.eval()[0]

    assert abs(ends(pm.cosine_decay_schedule(0.2, 600)) - 3.0) < 1e-3


def test_gradients_have_the_form_of_their_parameters():
    params, _, _, loss = network("float64")
    value, found = pm.value_and_grad(loss, params)
    assert value is loss and [sorted(layer) for layer in found] == [["b", "w"]] * 3
    assert found[1]["w"].type.shape == (16, 12)
    by_hand = pm.sgd(found, params, learning_rate=0.5)
    assert list(by_hand)[:2] == [params[0]["w"], params[0]["b"]] and len(by_hand) == 6


p, whole = pt.data("p", [1.0]), pt.data("whole", [1])


@pytest.mark.parametrize(
    "make, error, words",
    [
        (lambda: pm.adam(pt.sum(p), []), ArgumentError, "adam has no parameters to update"),
        (lambda: pm.adam(pt.sum(p), [p * 2.0]), ArgumentError, "adam updates data, and"),
        (lambda: pm.sgd(pt.sum(p), [whole]), ArgumentError, "sgd updates data of floats"),
        (lambda: pm.sgd(pt.sum(p), {"a": p, "b": [p]}), ArgumentError, "sgd is given .* twice"),
        (lambda: pm.sgd([], [p]), ArgumentError, "sgd is given 0 gradients of 1 parameters"),
        (lambda: pm.sgd(p * 2.0, [p]), GradientError, "a gradient needs a real scalar"),
        (lambda: pm.adam(0.01), ArgumentError, "adam takes a loss and its parameters, or neither"),
        (lambda: pm.adam(pt.sum(p)), ArgumentError, "adam takes a loss and its parameters, or neither"),
        (lambda: pm.adamw(weight_decay=-1.0), ArgumentError, "adamw: weight_decay must be a number, 0 or more"),
        (lambda: pm.sgd(pt.sum(p), [p], learning_rate=p), ArgumentError, "learning_rate must be a number at each step"),
        (lambda: pm.cosine_decay_schedule(0.1, 0), ArgumentError, "decay_steps must be a whole number, 1 or more, got 0"),
        (lambda: pm.warmup_cosine_decay_schedule(0.0, 1.0, 10, 10), ArgumentError, "must be more than warmup_steps"),
    ],
)
def test_bad_input_is_an_error(make, error, words):
    with pytest.raises(error, match=words):
        make()


def test_a_fit_takes_no_rate_that_is_an_expression():
    with pm.Model():
        pm.Normal("x")
        with pytest.raises(ArgumentError, match="fit takes numbers and schedules for the learning_rate"):
            pm.fit(10, obj_optimizer=pm.adam(learning_rate=lambda step: 0.1), quiet=True)
