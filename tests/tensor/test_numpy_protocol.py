"""NumPy's own functions and operators on expressions; the worked example of the Theano introduction."""

import numpy as np
import pytest

import workbench as pm
import workbench.tensor as pt
from workbench.errors import SymbolicBoolError

AT = np.array([[0.5, 1.5, 2.5], [3.0, 0.25, 1.0]])


@pytest.mark.parametrize(
    "call",
    [
        lambda x: np.exp(x), lambda x: np.add(x, 1.0), lambda x: 2.0 * x + np.ones(3), lambda x: np.ones((2, 3)) - x, lambda x: np.float64(2.0) * x,
        lambda x: np.sum(x), lambda x: np.sum(x, axis=0), lambda x: np.mean(x, axis=1, keepdims=True), lambda x: np.max(x, axis=-1),
        lambda x: np.add.reduce(x), lambda x: np.maximum.reduce(x, axis=1), lambda x: np.multiply.outer(x[0], x[1]),
        lambda x: np.where(x > 1.0, x, 0.0), lambda x: np.concatenate([x, x]), lambda x: np.stack([x, x * 2.0], axis=1),
        lambda x: np.transpose(x), lambda x: np.reshape(x, (3, 2)), lambda x: np.dot(x, x[0]), lambda x: np.ones(2) @ x, lambda x: x @ np.ones(3),
        lambda x: np.square(x), lambda x: np.maximum(x, 1.0), lambda x: np.log1p(x), lambda x: np.sqrt(x), lambda x: np.abs(-x),
        lambda x: np.greater(x, 1.0), lambda x: np.ones(3) < x, lambda x: np.clip(x, 0.4, 2.0), lambda x: np.zeros_like(x), lambda x: np.cumsum(x, axis=1),
        lambda x: np.linalg.det(x[:, :2]), lambda x: np.linalg.solve(x[:, :2], x[:, 2]), lambda x: np.einsum("ij,kj->ik", x, x),
        lambda x: np.tanh(x), lambda x: np.arctan2(x, 2.0), lambda x: np.power(x, 2.0), lambda x: x**2, lambda x: np.sort(x, axis=0),
    ],
)  # fmt: skip
def test_numpys_functions_give_expressions_of_the_same_value(call):
    x = pt.matrix("x", 2, 3)
    made = call(x)
    assert isinstance(made, pt.Tensor)
    np.testing.assert_allclose(made.eval({x: AT}), call(AT), rtol=1e-13)


def test_what_has_no_counterpart_is_an_error_that_names_it():
    x = pt.vector("x", 3)
    with pytest.raises(TypeError, match="numpy.polyfit has no symbolic counterpart"):
        np.polyfit(x, x, 1)
    with pytest.raises(TypeError, match=r"np.nextafter has no symbolic counterpart"):
        np.nextafter(x, 1.0)
    with pytest.raises(TypeError, match="cannot write into a symbolic expression"):
        np.exp(x, out=np.empty(3))
    with pytest.raises(TypeError, match="cannot turn the symbolic expression"):
        np.asarray(x)


def test_the_worked_example_of_the_introduction(backend):
    a, x, y = pt.scalar("a"), pt.vector("x", 3), pt.vector("y", 3)
    out = np.exp(a * x**3 + y**2).sum()
    f = pm.function([a, x, y], [out, *pm.grad(out, [a, x, y])], backend=backend)
    va, vx, vy = 0.3, np.array([0.1, -1.0, 1.5]), np.array([1.0, 0.0, -0.5])
    e = np.exp(va * vx**3 + vy**2)
    value, ga, gx, gy = f(va, vx, vy)
    np.testing.assert_allclose(value, e.sum(), rtol=1e-13)
    np.testing.assert_allclose(ga, (e * vx**3).sum(), rtol=1e-13)
    np.testing.assert_allclose(gx, e * 3 * va * vx**2, rtol=1e-13)
    np.testing.assert_allclose(gy, e * 2 * vy, rtol=1e-13)


def test_log_of_one_plus_a_tiny_number_keeps_its_digits(backend):
    x = pt.scalar("x")
    assert float(pm.function([x], np.log(1 + x), backend=backend)(1e-18)) == 1e-18


def test_subtensors_are_set_and_switches_choose(backend):
    x = pt.vector("x", 4)
    changed = pt.set_subtensor(x[1:3], 10.0)
    more = pt.inc_subtensor(x[0], 5.0)
    chosen = pt.switch(pt.gt(x, 1.0), x, -x)
    f = pm.function([x], [changed, more, chosen], backend=backend)
    first, second, third = f([0.0, 1.0, 2.0, 3.0])
    assert first.tolist() == [0.0, 10.0, 10.0, 3.0] and second.tolist() == [5.0, 1.0, 2.0, 3.0]
    assert third.tolist() == [0.0, -1.0, 2.0, 3.0]


def test_a_symbolic_truth_value_is_an_error_that_names_where():
    a = pt.vector("a", 3)
    with pytest.raises(SymbolicBoolError, match="where"):
        if (a > 0).all():
            pass


def test_numpys_own_names_and_options_of_arguments():
    x = pt.matrix("x", 2, 3)
    value = np.arange(6.0).reshape(2, 3) - 2.0
    calls = [
        "minimum.reduce(x, axis=None)", "add.reduce(x, axis=1)", "logaddexp.reduce(x)", "sum(a=x, axis=0)", "reshape(x, shape=(3, 2))",
        "argmax(a=x)", "clip(a=x, a_min=0.0, a_max=1.0)", "sum(x, 0, np.float32)", "sum(x, axis=0, initial=2.0, where=x > 0)", "sum(x, axis=1, keepdims=True, where=[True, False, True])",
        "prod(x, where=x > 0)", "max(x, initial=1.5)", "min(x, axis=0, initial=0.0, where=x > 0)", "max(x[:, :0], axis=1, initial=4.0)", "any(x > 2, axis=0, where=x < 3)",
        "all(x > 2, axis=0, where=x > 2)", "mean(x, axis=0, where=x > 0)", "var(x, where=x > 0, ddof=1)", "std(x, axis=1, where=[True, False, True], keepdims=True)",
        "sort(x, kind='stable')", "ravel(x, order='C')", "einsum('ij,ij->', x, x, optimize=True)", "einsum(x, [0, 1], [1, 0])", "einsum(x, [0, 1], x, [2, 1])", "einsum(x, [..., 1], [1, ...])",
        "trace(x, dtype='float32')", "linalg.cholesky(x[:, :2] * 0.0 + np.array([[4.0, 2.0], [9.0, 5.0]]), upper=True)", "shape(x)", "add(x, 1, dtype='float32')",
        "linspace(x[0], 1.0, 4, endpoint=False)", "pad(x, 1, constant_values=3.0)",
    ]  # fmt: skip
    for code in calls:
        wanted = eval(f"np.{code}", {"np": np, "x": value})
        made = eval(f"np.{code}", {"np": np, "x": x})
        result = made.eval({x: value}) if isinstance(made, pt.Tensor) else made
        assert np.shape(result) == np.shape(wanted) and np.asarray(result).dtype == np.asarray(wanted).dtype, code
        np.testing.assert_allclose(result, wanted, rtol=1e-6, err_msg=code)
