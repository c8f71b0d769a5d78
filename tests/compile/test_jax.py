"""JAX: single precision on request, graphs as functions for other JAX libraries, indices checked where they enter."""

import numpy as np
import pytest

import workbench.tensor as pt
from workbench.compile import function, to_jax
from workbench.compile.precision import in_single_precision
from workbench.graph import Graph, Mode
from workbench.tensor.elementwise import OPS
from workbench.transforms import grad

jax = pytest.importorskip("jax")
PLAIN = Mode(())


def test_every_elementwise_operation_stays_in_single_precision():
    rng = np.random.default_rng(0)
    for op in OPS.values():
        samples = [np.asarray(domain.sample(rng, (4,))) for domain in op.domains]
        xs = [pt.tensor(f"x{i}", v.dtype.name, v.shape) for i, v in enumerate(samples)]
        graph = Graph(xs, [op(*xs)])
        narrow = in_single_precision(graph)
        specs = [jax.ShapeDtypeStruct(p.type.static_shape, p.type.dtype) for p in narrow.params]
        (result,) = jax.eval_shape(to_jax(graph.params, graph.results, "float32"), *specs)
        assert result.dtype.name == narrow.results[0].type.dtype != "float64", op.name


def test_random_draws_keep_their_keys_and_words():
    draws = pt.random.normal(pt.random.key(3), (50,), 0.0, 1.0)
    (result,) = function([], [draws], backend="jax", precision="float32")()
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, draws.eval(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_a_graph_is_a_plain_jax_function(precision):
    x = pt.vector("x", 3)
    cost = (pt.exp(x) * pt.constant([0.1, 0.7, -0.3])).sum() + pt.log(pt.square(x[0]) + 1.0)
    run = to_jax([x], [cost], precision)
    at = jax.numpy.asarray([0.3, -0.2, 1.1], dtype=precision)
    plain = function([x], [cost, grad(cost, x)], backend="numpy", mode=PLAIN)(np.asarray(at, float))
    close = {"rtol": 1e-12 if precision == "float64" else 3e-6}
    value = jax.jit(run)(at)[0]
    assert value.dtype == precision
    np.testing.assert_allclose(value, plain[0], **close)
    # Loops of unknown length have no reverse mode in JAX: forward mode goes through.
    np.testing.assert_allclose(jax.jit(jax.jacfwd(lambda v: run(v)[0]))(at), plain[1], **close)
    many = jax.jit(jax.vmap(lambda v: run(v)[0]))(jax.numpy.stack([at, 2 * at]))
    np.testing.assert_allclose(many[0], plain[0], **close)
    y = pt.vector("y", 3)
    straight = to_jax([y], [pt.softplus(y).sum()], precision)
    np.testing.assert_allclose(jax.jit(jax.grad(lambda v: straight(v)[0]))(at), 1 / (1 + np.exp(-np.asarray(at))), rtol=1e-6)


def test_indices_are_checked_where_they_enter_and_clamped_where_they_are_computed():
    levels, i = pt.vector("levels", 4), pt.tensor("i", "int64", (2,))
    f = function([levels, i], [levels[i].sum(), levels[i].inc(1.0)], backend="jax")
    assert f(np.arange(4.0), [1, -4])[0] == 1.0
    for bad in ([0, 4], [-5, 0]):
        with pytest.raises(IndexError, match=r"index (4|-5) is out of bounds for axis 0 of levels, which has length 4"):
            f(np.arange(4.0), bad)
    table = pt.matrix("table", 2, 4)
    with pytest.raises(IndexError, match="index 4 is out of bounds for axis 1 of table"):
        function([table, i], table[:, i], backend="jax")(np.ones((2, 4)), [0, 4])
    assert function([levels, i], levels[i + 1].sum(), backend="jax")(np.arange(4.0), [3, 9]) == 6.0


def test_data_that_index_are_checked_each_time_they_change():
    levels, group = pt.vector("levels", 4), pt.data("group", np.array([0, 3]))
    _, looped = pt.while_loop(lambda i, s: i < 2, lambda i, s: [i + 1, s + levels[group].sum()], [0, 0.0])
    for f in (function([levels], levels[group].sum(), backend="jax"), function([levels], looped, backend="jax")):
        pt.set_data(group, [0, 3])
        f(np.ones(4))
        pt.set_data(group, [0, 7])
        with pytest.raises(IndexError, match="index 7 is out of bounds for axis 0 of levels"):
            f(np.ones(4))


@pytest.mark.parametrize("backend", ["numpy", "jax"])
def test_a_constant_index_out_of_bounds_is_an_error_on_axes_of_open_length(backend):
    x, m, two = pt.vector("x"), pt.matrix("m"), pt.constant(np.array([0, 5]))
    outputs = [
        x[5], x[-6], x[two], pt.set_subtensor(x[5], 1.0), pt.inc_subtensor(x[5], 1.0), pt.set_subtensor(x[two], 1.0), m[:, 5], m[:, two], m[two, two],
        pt.set_subtensor(m[:, 5], 0.0), pt.inc_subtensor(m[two, two], 0.0), pt.take(m, two, axis=1), grad(x[two].sum(), x), pt.take_along_axis(x, two, 0),
        pt.scan(lambda e: ([], [e + x[two]]), [], [x])[1][0],
    ]  # fmt: skip
    for k, out in enumerate(outputs):
        f = function([x, m], out, backend=backend, mode=Mode(()))
        with pytest.raises(IndexError, match=r"index (5|-6|5 or -6) is out of bounds for axis [01] .*(length|size) 3.*\n.*test_jax"):
            f(np.arange(3.0), np.ones((3, 3)))
        if k < 3:
            f(np.arange(6.0), np.ones((6, 6)))


def test_a_constant_index_in_a_branch_is_for_the_branch_to_check():
    x = pt.vector("x")
    far = pt.cond(pt.sum(x) > 100.0, lambda u: [u[pt.constant(np.array([5]))]], lambda u: [u[pt.constant(np.array([0]))]], [x])[0]
    assert function([x], far, backend="jax")(np.arange(3.0)).tolist() == [0.0]
