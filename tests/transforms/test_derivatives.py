"""Jacobians, Hessians and their products against differences and against one another."""

import numpy as np
import pytest

import workbench as pm
import workbench.tensor as pt
from workbench.compile import function
from workbench.errors import GradientError, MissingInputError, ShapeError
from workbench.graph import Graph

AT = np.array([0.4, -1.2, 0.9])
M = np.array([[1.0, 0.5, -0.3], [0.2, -1.0, 0.7]])


def curves(x):
    return pt.exp(pt.constant(M) @ x) * pt.stack([x[0] * x[1], x.sum()])


def differences(f, at, h=1e-6):
    columns = [(f(at + h * e) - f(at - h * e)) / (2 * h) for e in np.eye(len(at))]
    return np.stack(columns, axis=-1)


def test_jacobian_agrees_with_differences(backend):
    x = pt.vector("x", 3)
    y = curves(x)
    jacobian = function([x], pm.jacobian(y, x), backend=backend)(AT)
    np.testing.assert_allclose(jacobian, differences(function([x], y, backend="numpy"), AT), rtol=1e-8, atol=1e-8)


def test_products_are_those_of_the_jacobian(backend):
    x = pt.vector("x", 3)
    y = curves(x)
    t, u = pt.constant([1.0, -2.0, 0.5]), pt.constant([0.3, 2.0])
    whole, forward, back = function([x], [pm.jacobian(y, x), pm.jvp(y, x, t), pm.vjp(y, x, u)], backend=backend)(AT)
    np.testing.assert_allclose(forward, whole @ [1.0, -2.0, 0.5], rtol=1e-13)
    np.testing.assert_allclose(back, [0.3, 2.0] @ whole, rtol=1e-13)


def test_derivatives_of_lengths_known_only_at_the_call(backend):
    x, m = pt.vector("x"), pt.matrix("m")
    y = pt.exp(m @ x) * x.sum()
    cost = (y * y).sum()
    outputs = [pm.jacobian(y, x), pm.jacobian(y, m), pm.hessian(cost, x), pm.hessian(cost, m), pm.jvp(y, x, pt.constant(AT))]
    results = function([x, m], outputs, backend=backend)(AT, M)
    known, matrix = pt.vector("x", 3), pt.matrix("m", 2, 3)
    z = pt.exp(matrix @ known) * known.sum()
    total = (z * z).sum()
    wanted = [pm.jacobian(z, known), pm.jacobian(z, matrix), pm.hessian(total, known), pm.hessian(total, matrix), pm.jvp(z, known, pt.constant(AT))]
    for result, made, w in zip(results, outputs, wanted):
        w = w.eval({known: AT, matrix: M})
        np.testing.assert_allclose(result, w, rtol=1e-12, atol=1e-13)
        np.testing.assert_allclose(made.eval({x: AT, m: M}), w, rtol=1e-12, atol=1e-13)


def test_jacobian_keeps_the_axes_of_both():
    x, s = pt.matrix("x", 2, 3), pt.scalar("s")
    y = x.T * s
    by_x, by_s = pm.jacobian(y, [x, s])
    at = np.arange(6.0).reshape(2, 3)
    assert by_x.type.shape == (3, 2, 2, 3) and by_s.type.shape == (3, 2)
    expected = np.einsum("ik,jl->ijlk", np.eye(3), np.eye(2)) * 2.0
    np.testing.assert_array_equal(by_x.eval({x: at, s: 2.0}), expected)
    np.testing.assert_array_equal(by_s.eval({x: at, s: 2.0}), at.T)


def test_hessian_agrees_with_differences_and_with_its_product(backend):
    x = pt.vector("x", 3)
    cost = pt.sum(curves(x)) + pt.log1p(pt.square(x)).sum()
    v = pt.constant([1.0, 0.0, -2.0])
    whole, product = function([x], [pm.hessian(cost, x), pm.hessian_vector_product(cost, x, v)], backend=backend)(AT)
    slope = differences(function([x], pm.grad(cost, x), backend="numpy"), AT)
    np.testing.assert_allclose(whole, slope, rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(whole, whole.T, rtol=1e-13)
    np.testing.assert_allclose(product, whole @ [1.0, 0.0, -2.0], rtol=1e-12)


def test_hessian_of_the_radon_density_is_symmetric_and_right(simulated_radon):
    graph = simulated_radon.logp_grad_graph()
    (q,) = graph.params
    value, gradient = graph.results
    rng = np.random.default_rng(0)
    at, v = rng.normal(size=(2, simulated_radon.flat_size)) * 0.1
    whole, product = function(
        [q], [pm.jacobian(gradient, q), pm.hessian_vector_product(value, q, pt.constant(v))], backend="numpy"
    )(at)
    f = simulated_radon.logp_dlogp_function(backend="numpy")
    slope = (f(at + 1e-5 * v)[1] - f(at - 1e-5 * v)[1]) / 2e-5
    np.testing.assert_allclose(whole, whole.T, rtol=1e-10, atol=1e-8)
    np.testing.assert_allclose(whole @ v, product, rtol=1e-10, atol=1e-8)
    np.testing.assert_allclose(product, slope, rtol=1e-5, atol=1e-4)


def test_wrong_shapes_are_errors_that_name_the_expression():
    x = pt.vector("x", 3)
    with pytest.raises(GradientError, match=r"shape \(2,\), it must have \(3,\)"):
        pm.vjp(x * 2.0, x, pt.ones(2))
    with pytest.raises(GradientError, match=r"tangent of x has shape"):
        pm.jvp(x * 2.0, x, pt.ones(2))
    with pytest.raises(GradientError, match="does not depend on"):
        pm.jacobian(x * 2.0, pt.scalar("unused"))
    with pytest.raises(GradientError, match="real scalar"):
        pm.grad(x, x)


def batched_cases(x, s):
    table = pt.constant(np.arange(12.0).reshape(4, 3))
    index = pt.cast(pt.floor(pt.square(s)), "int64")
    total, seen = pt.scan(lambda c, e: ([c * 0.5 + e], [c * s]), [s], [x])
    (chosen,) = pt.cond(s > 0.0, lambda v: [v * 2.0], lambda v: [pt.exp(v)], [x])
    (always,) = pt.cond(pt.constant(True), lambda v: [v * s], lambda v: [v], [x])
    _, repeated = pt.while_loop(lambda i, v: i < 3, lambda i, v: [i + 1, v * v + s], [0, x * 0.1])
    u = pt.vector("u", x.type.shape[0])
    (inside,) = pt.region("part", Graph([u], [pt.exp(u) + 1.0]), x)
    return {
        "elementwise": pt.exp(x) * s + 1.0, "scalar": s * 2.0, "outer": x[:, None] * x, "sum": (x[:, None] * x).sum(axis=0),
        "max": x.max(), "reshape": pt.reshape(x[:, None] * table.T, (2, 6)), "transpose": (x[:, None] * x).T,
        "broadcast": pt.broadcast_to(x, (2, 3)) * s, "slice": x[::-1][:2], "set": x[1:2].set(s), "concatenate": pt.concatenate([x, table[0]]),
        "take": x[pt.constant([2, 0, 2, 1])], "take by batch": table[index], "both": x[index],
        "take columns": table[:, pt.constant([1, 0])] * s, "inc": x[pt.constant([0, 0, 1])].inc(x), "inc by batch": pt.zeros(3)[index].inc(s),
        "dot": table @ x, "vector dot": x @ x, "total": total[0], "seen": seen[0], "chosen": chosen, "always": always,
        "repeated": repeated, "inside": inside, "constant": table.sum(), "stop": pt.stop_gradient(x) * 2.0,
    }  # fmt: skip


def test_vectorize_graph_is_the_graph_on_every_element(backend):
    x, s = pt.vector("x", 3), pt.scalar("s")
    cases = batched_cases(x, s)
    xs, ss = pt.tensor("xs", shape=(2, 4, 3)), pt.tensor("ss", shape=(4,))
    rng = np.random.default_rng(0)
    vx, vs = rng.normal(size=(2, 4, 3)), np.array([0.3, -0.7, 1.2, 1.6])
    single = function([x, s], list(cases.values()), backend="numpy")
    wanted = [[single(vx[i, j], vs[j]) for j in range(4)] for i in range(2)]
    open_x, open_xs, open_ss = pt.vector("x"), pt.tensor3("xs"), pt.vector("ss")
    kinds = ((x, xs, ss), (x, open_xs, open_ss), (open_x, xs, ss), (open_x, open_xs, open_ss))
    # Once shapes are known all are one graph, which Numba compiles for long.
    for one, many, of_s in kinds if backend != "numba" else kinds[-1:]:
        batched = pm.vectorize_graph(list(batched_cases(one, s).values()), {one: many, s: of_s})
        results = function([many, of_s], batched, backend=backend)(vx, vs)
        for k, (name, result) in enumerate(zip(cases, results)):
            expected = np.array([[row[k] for row in rows] for rows in wanted])
            if name == "constant":
                expected = expected[0, 0]
            np.testing.assert_allclose(result, expected, rtol=1e-12, atol=1e-13, err_msg=f"{name}, {backend}, {one.type}, {many.type}")


def test_vectorize_graph_of_a_gradient_is_the_gradient_of_each():
    x, s = pt.vector("x", 3), pt.scalar("s")
    outputs = [y for y in batched_cases(x, s).values() if y.dtype == "float64"]
    cost = pt.constant(0.0)
    for y in outputs:
        cost = cost + pt.square(y).sum()
    g = pm.grad(cost, x)
    xs = pt.matrix("xs", 5, 3)
    vx = np.random.default_rng(1).normal(size=(5, 3))
    single = function([x, s], g, backend="numpy")
    result = function([xs, s], pm.vectorize_graph(g, {x: xs}), backend="numpy")(vx, 0.7)
    np.testing.assert_allclose(result, [single(v, 0.7) for v in vx], rtol=1e-11)


def test_vectorize_follows_its_signature():
    f = pm.vectorize(lambda m, v: [m @ v, v.sum()], "(n,m),(m)->(n),()")
    m, v = pt.tensor("m", shape=(6, 2, 3)), pt.vector("v", 3)
    product, total = f(m, v)
    assert product.type.shape == (6, 2) and total.type.shape == ()
    at = np.random.default_rng(0).normal(size=(6, 2, 3))
    np.testing.assert_allclose(product.eval({m: at, v: AT}), at @ AT, rtol=1e-13)
    with pytest.raises(ShapeError, match="fewer than the 2 axes"):
        f(v, v)


def test_a_batch_must_end_in_the_shape_it_stands_for():
    x = pt.vector("x", 3)
    with pytest.raises(ShapeError, match="cannot stand for a batch"):
        pm.vectorize_graph(x * 2.0, {x: pt.matrix("xs", 3, 2)})
    index = pt.iscalar("n")
    with pytest.raises(ShapeError, match="rows of a batch would have different lengths"):
        pm.vectorize_graph(pt.zeros(index) + x.sum(), {x: pt.matrix("xs", 4, 3), index: pt.ivector("ns")})


def test_replace_and_extract_leave_the_graph_as_it_was():
    x, y = pt.scalar("x"), pt.scalar("y")
    middle = pt.exp(x)
    whole = pt.log(middle * 2.0) + 1.0
    assert pm.replace(whole, {middle: y}) is pt.log(y * 2.0) + 1.0
    assert pm.extract(whole, [middle]).run("numpy", 0.5) == [1.0]
    assert whole.eval({x: 0.0}) == np.log(2.0) + 1.0
    with pytest.raises(MissingInputError, match="x"):
        pm.extract(whole + x, [middle])
