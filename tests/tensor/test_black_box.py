"""Operations of one's own: types, values and gradients on every backend, and what is said of wrong ones."""

import numpy as np
import pytest
from workbench.pytensor.compile.ops import as_op
from workbench.pytensor.graph import Apply, Op
from workbench.pytensor.graph.op import Op as TheSame

import workbench as pm
import workbench.tensor as pt
from workbench import pytensor
from workbench.errors import ArgumentError, GradientError, ShapeError

X = np.array([0.5, -1.0, 2.0])


class Quadratic(Op):
    """sum(a x**2) and a x, in the form that PyTensor's documentation teaches."""

    __props__ = ("a",)

    def __init__(self, a):
        self.a = a

    def make_node(self, x):
        x = pt.as_tensor_variable(x)
        return Apply(self, [x], [pt.dscalar(), x.type()])

    def perform(self, node, inputs, outputs):
        (x,) = inputs
        outputs[0][0] = np.asarray(self.a * (x**2).sum())
        outputs[1][0] = self.a * x

    def L_op(self, inputs, outputs, cotangents):
        return [2 * self.a * inputs[0] * cotangents[0] + self.a * cotangents[1]]


def test_values_and_gradients(backend):
    x = pt.dvector("x")
    total, line = Quadratic(3.0)(x)
    assert line.type == x.type and TheSame is Op
    f = pm.function([x], [total, line, pt.grad(total + pt.sum(line * x), x)], backend=backend)
    for v in (X, np.append(X, 4.0)):
        found = f(v)
        np.testing.assert_allclose(found[0], 3 * (v**2).sum(), rtol=1e-14)
        np.testing.assert_allclose(found[1], 3 * v, rtol=1e-14)
        np.testing.assert_allclose(found[2], 12 * v, rtol=1e-14)


def test_calls_of_equal_operations_are_one():
    x = pt.dvector("x")
    assert Quadratic(3.0)(x)[0] is Quadratic(3.0)(x)[0]
    assert Quadratic(3.0)(x)[0] is not Quadratic(2.0)(x)[0]


@as_op(itypes=[pt.dvector, pt.lscalar], otypes=[pt.dvector])
def repeated(x, n):
    return np.repeat(x, n)


def test_lengths_that_depend_on_values():
    x, n = pt.dvector("x"), pt.lscalar("n")
    f = pm.function([x, n], repeated(x, n).sum() + repeated(x, n + 1)[0], backend="c")
    assert f(X, 2) == 2 * X.sum() + X[0]
    # In a model they are those at the point where it starts.
    with pm.Model() as model:
        a = pm.Normal("a", 0, 1, shape=3)
        mu = repeated(a, 2)
        assert mu.type.shape == (6,)
        pm.Normal("y", mu, 1.0, observed=np.zeros(6))
    # Twice each of three standard normal terms, beside the prior's.
    expected = -4.5 * np.log(2 * np.pi) - 1.5 * (X**2).sum()
    assert model.compile_logp()({"a": X}) == pytest.approx(expected, rel=1e-14)


def test_functions_without_inputs_compute_lengths_too(backend):
    k = pt.constant(np.array([True, True, False]))
    if backend == "jax":
        pytest.skip("JAX needs lengths that are known")
    assert pm.function([], pt.constant(np.arange(5.0))[: k.sum()], backend=backend)().tolist() == [0.0, 1.0]


def test_without_a_gradient_a_model_is_sampled_by_slices(caplog):
    @as_op(itypes=[pt.dscalar], otypes=[pt.dscalar])
    def double(x):
        return 2 * x

    with pm.Model() as model:
        a = pm.Normal("a")
        pm.Normal("b")
        pm.Normal("y", double(a), 1.0, observed=[1.0, 3.0])
        idata = pm.sample(600, tune=200, chains=2, random_seed=1, progressbar=False, compute_convergence_checks=False)
    # Precision 1 + 2 * 4, mean 2 * (1 + 3) / 9.
    assert float(idata.posterior["a"].mean()) == pytest.approx(8 / 9, abs=0.05)
    assert float(idata.posterior["a"].std()) == pytest.approx(1 / 3, rel=0.1)
    assert float(idata.posterior["b"].std()) == pytest.approx(1.0, rel=0.1)
    with model, pytest.raises(GradientError, match="double has no gradient"):
        model.compile_dlogp()


@pytest.mark.static_lengths
def test_functions_of_jax(backend):
    @pytensor.wrap_jax
    def parts(x, i):
        import jax.numpy as jnp

        return jnp.sum(jnp.sin(x)) * i, x**2

    x = pt.vector("x", 3)
    total, squares = parts(x, pt.constant(2))
    f = pm.function([x], [total, squares, pt.grad(total + squares.sum(), x), pt.grad(pt.grad(total, x)[0], x)], backend=backend)
    found = f(X)
    np.testing.assert_allclose(found[0], 2 * np.sin(X).sum(), rtol=1e-14)
    np.testing.assert_allclose(found[1], X**2, rtol=1e-14)
    np.testing.assert_allclose(found[2], 2 * np.cos(X) + 2 * X, rtol=1e-14)
    np.testing.assert_allclose(found[3], [-2 * np.sin(X[0]), 0, 0], rtol=1e-14)
    with pytest.raises(ShapeError, match="known lengths"):
        parts(pt.vector("y"), 1)


class Wrong(Op):
    itypes, otypes = (pt.dvector,), (pt.dscalar,)

    def __init__(self, value):
        self.value = value

    def perform(self, node, inputs, outputs):
        outputs[0][0] = self.value(inputs[0])


@pytest.mark.parametrize(
    ("value", "error", "says"),
    [
        (lambda x: x, ShapeError, r"Wrong has shape \(3,\)"),
        (lambda x: None, ArgumentError, "was not computed"),
        (lambda x: 1j, ArgumentError, "complex128"),
        (lambda x: x.undefined, AttributeError, "undefined"),
    ],
)  # fmt: skip
def test_wrong_results_are_said(value, error, says):
    x = pt.dvector("x")
    f = pm.function([x], Wrong(value)(x), backend="c")
    with pytest.raises(error, match=says) as caught:
        f(X)
    if error is AttributeError:
        assert "in Wrong, called with [ 0.5 -1.   2. ]" in caught.value.__notes__[0]
    with pytest.raises(ArgumentError, match="input 1 has 2 axes"):
        Wrong(value)(pt.dmatrix("m"))


def test_graphs_are_taken_apart_as_in_pytensor():
    from workbench.pytensor.gradient import grad_clip, verify_grad
    from workbench.pytensor.graph import ancestors, clone_replace, graph_inputs, graph_replace

    x, y = pt.scalars("x y")
    z = pt.exp(x) + y
    assert clone_replace(z, {y: x}) is pt.exp(x) + x
    assert set(graph_inputs([z])) == {x, y} and set(ancestors([z])) == {x, y, z, pt.exp(x)}
    with pytest.raises(ArgumentError, match="is no part"):
        graph_replace(z, {pt.scalar("w"): x})
    assert float(pytensor.grad(grad_clip(x, -1, 1) * 5 + x, x).eval({x: 0.0})) == 2.0
    verify_grad(lambda a: pt.exp(a) * a[0], [X])
    with pytest.raises(GradientError, match="differences give"):
        verify_grad(lambda a: grad_clip(a, -0.1, 0.1) * 2, [X])
    f = pytensor.OpFromGraph([x, y], [z])
    assert f(y, y) is pt.exp(y) + y
    assert "exp" in pytensor.dprint(z, file="str")
