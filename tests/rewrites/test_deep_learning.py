"""Formulas of deep learning in every spelling: what the rules make of them keeps digits, in value and gradient, and is one form.

No operation of its own stands for them: the forms that rules and fusion make of the formulas are as good. Each rule's proof is by its
pattern's domain, or its examples, in tests/rewrites/test_rules.py.
"""

import math

import mpmath
import numpy as np
import pytest
from scipy.special import log_softmax, softmax

import workbench as pm
import workbench.tensor as pt
from workbench.graph import summary
from workbench.graph.traverse import topological
from workbench.rewrites import default_mode

x = pt.vector("x", 5)
ROOT, SCALE = math.sqrt(2.0), math.sqrt(2.0 / math.pi)
ERFC = "x * erfc(x * -0.7071067811865475) * 0.5"
SIGMOID = "x * sigmoid((x + 0.044715 * (square(x) * x)) * 1.5957691216057308)"
CUBIC = SCALE * (x + 0.044715 * x**3)

GELU = {
    "half x": (0.5 * x * (1.0 + pt.erf(x / ROOT)), ERFC),
    "root of 2": (x * 0.5 * (1.0 + pt.erf(x / pt.sqrt(2.0))), ERFC),
    "halved at last": (x * (pt.erf(x * (1.0 / ROOT)) + 1) / 2, ERFC),
    "half by half": (x * (0.5 + 0.5 * pt.erf(x / ROOT)), "erfc(x * -0.7071067811865475) * x * 0.5"),
    "multiplied out": (x / 2 + x / 2 * pt.erf(x / ROOT), ERFC),
    "complement": (x * (1.0 - 0.5 * pt.erfc(x / ROOT)), "erfc(x * -0.7071067811865475) * x * 0.5"),
    "distribution function": (pt.nn.gelu(x), "x * ndtr(x)"),
}  # fmt: skip
GELU_TANH = {
    "half x": (0.5 * x * (1.0 + pt.tanh(CUBIC)), SIGMOID),
    "power": (x * 0.5 * (pt.tanh(SCALE * (x + 0.044715 * pt.power(x, 3))) + 1.0), SIGMOID),
    "factored": (x / 2 * (1 + pt.tanh(SCALE * x * (1 + 0.044715 * x * x))), "x * sigmoid(x * (1.0 + square(x) * 0.044715) * 1.5957691216057308)"),
    "half by half": (x * (0.5 + 0.5 * pt.tanh(CUBIC)), SIGMOID),
    "multiplied out": (x / 2 + x / 2 * pt.tanh(CUBIC), SIGMOID),
    "function": (pt.nn.gelu(x, "tanh"), SIGMOID),
}  # fmt: skip
AT = np.array([-10.0, -6.0, -3.0, 0.5, 6.0])


def exact(tanh):
    with mpmath.workdps(50):
        def f(v):
            return v / (1 + mpmath.exp(-2 * mpmath.sqrt(2 / mpmath.pi) * (v + mpmath.mpf("0.044715") * v**3))) if tanh else v * mpmath.ncdf(v)

        return [[float(f(mpmath.mpf(v))) for v in AT], [float(mpmath.diff(f, mpmath.mpf(v))) for v in AT]]


@pytest.mark.parametrize("tanh", [False, True])
def test_gelu_keeps_its_digits_in_every_spelling(tanh):
    wanted = exact(tanh)
    table = GELU_TANH if tanh else GELU
    found = pm.function([x], [z for y, _ in table.values() for z in (y, pm.grad(pt.sum(y), x))])(AT)
    for i, (name, (y, after)) in enumerate(table.items()):
        (made,), _ = default_mode().run([y])
        assert summary(made) == after, name
        # The exponent is 112 at -10: its rounding is so much more in the result.
        np.testing.assert_allclose(found[2 * i], wanted[0], rtol=3e-14, err_msg=name)
        np.testing.assert_allclose(found[2 * i + 1], wanted[1], rtol=1e-12, atol=1e-17, err_msg=name)


# Cross-entropy --------------------------------------------------------------------------------

z, label = pt.matrix("z", 4, 5), pt.vector("label", 4, dtype="int64")
rows, hot = pt.arange(4), pt.nn.one_hot(label, 5)
shifted = pt.exp(z - pt.max(z, axis=1, keepdims=True))
CROSS_ENTROPY = {
    "function": pt.nn.cross_entropy(z, label, reduction="none"),
    "log of softmax": -pt.log(pt.softmax(z, axis=-1))[rows, label],
    "log of chosen softmax": -pt.log(pt.softmax(z, axis=-1)[rows, label]),
    "log softmax": -pt.take_along_axis(pt.log_softmax(z, axis=-1), label[:, None], 1)[:, 0],
    "exponentials": -pt.log((pt.exp(z) / pt.sum(pt.exp(z), axis=1, keepdims=True))[rows, label]),
    "shifted by hand": -pt.log((shifted / pt.sum(shifted, axis=1, keepdims=True))[rows, label]),
    "log of sum": pt.log(pt.sum(pt.exp(z), axis=1)) - z[rows, label],
    "one-hot labels": -pt.sum(hot * pt.log(pt.softmax(z, axis=-1)), axis=-1),
    "log of one-hot sum": -pt.log(pt.sum(hot * pt.softmax(z, axis=-1), axis=-1)),
    "log of choice": -pt.log(pt.sum(pt.where(pt.equal(label[:, None], pt.arange(5)), pt.softmax(z, axis=1), 0.0), axis=1)),
}  # fmt: skip


@pytest.mark.parametrize("name", CROSS_ENTROPY)
def test_cross_entropy_is_finite_in_every_spelling(name):
    y = CROSS_ENTROPY[name]
    logits = np.array([[800.0, -800.0, 0.0, 1.0, 2.0], [1.0, 2.0, 3.0, 4.0, 5.0], [-3.0, 0.5, 0.25, 1000.0, 999.0], [0.0] * 5])
    labels = np.array([1, 0, 2, 4])
    value, slope = pm.function([z, label], [y, pm.grad(pt.sum(y), z)])(logits, labels)
    np.testing.assert_allclose(value, -log_softmax(logits, axis=1)[np.arange(4), labels], rtol=1e-14)
    np.testing.assert_allclose(slope, softmax(logits, axis=1) - np.eye(5)[labels], rtol=1e-13, atol=1e-15)
    (made,), _ = default_mode().run([y])
    # No logarithm is of a probability: only of the sum of exponentials.
    assert all(n.inputs[0].op.name in ("sum", "reshape") for n in topological([made]) if n.op.name == "log")


# Layer norm -----------------------------------------------------------------------------------

m = pt.matrix("m", 3, 6)
mean = pt.mean(m, axis=-1, keepdims=True)
LAYER_NORM = {
    "function": pt.nn.layer_norm(m),
    "variance": (m - mean) / pt.sqrt(pt.var(m, axis=-1, keepdims=True) + 1e-5),
    "reciprocal root": (m - mean) * (pt.mean((m - mean) ** 2, axis=-1, keepdims=True) + 1e-5) ** -0.5,
    "mean of squares less square of mean": (m - mean) / pt.sqrt(pt.mean(m**2, axis=-1, keepdims=True) - mean**2 + 1e-5),
    "products": (m - mean) / pt.sqrt(pt.mean(m * m, axis=-1, keepdims=True) - mean * mean + 1e-5),
    "sums": (m - mean) / pt.sqrt(pt.sum(pt.square(m), axis=-1, keepdims=True) / 6.0 - pt.square(mean) + 1e-5),
    "axis added": (m - m.mean(axis=1)[:, None]) / pt.sqrt((pt.square(m).mean(axis=1) - pt.square(m.mean(axis=1)))[:, None] + 1e-5),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYER_NORM)
def test_layer_norm_keeps_its_digits_in_every_spelling(name):
    at = np.array([[1.0, 2.0, 3.0, 4.0, 5.0, 7.0], [0.25, -0.5, 3.0, 0.0, 1.0, 2.0], [1e8, 1e8 + 1, 1e8 + 2, 1e8 + 3, 1e8 + 4, 1e8 + 6]])
    g = np.cos(np.arange(18.0)).reshape(3, 6)
    y = LAYER_NORM[name]
    value, slope = pm.function([m], [y, pm.grad(pt.sum(y * g), m)])(at)
    with mpmath.workdps(50):
        def of_row(row, w):
            row = [mpmath.mpf(float(v)) for v in row]
            mu = sum(row) / 6
            sd = mpmath.sqrt(sum((v - mu) ** 2 for v in row) / 6 + mpmath.mpf("1e-5"))
            n = [(v - mu) / sd for v in row]
            a, b = sum(w) / 6, sum(u * v for u, v in zip(w, n)) / 6
            return [float(v) for v in n], [float((u - a - v * b) / sd) for u, v in zip(w, n)]

        wanted = [of_row(r, [mpmath.mpf(float(v)) for v in w]) for r, w in zip(at, g)]
    # Differences from 1e8 are known to 1.5e-8.
    np.testing.assert_allclose(value, [w[0] for w in wanted], rtol=1e-7)
    np.testing.assert_allclose(slope, [w[1] for w in wanted], rtol=1e-6, atol=1e-8)


def test_infinite_numbers_are_no_lengths():
    """Found by random expressions: a rule asked of minus infinity what length it is."""
    v = pt.vector("v", 2)
    with np.errstate(all="ignore"):
        assert np.isnan(pm.function([v], pt.log(pt.erfc(v) * pt.constant(-np.inf)))([0.0, 1.0])).all()
