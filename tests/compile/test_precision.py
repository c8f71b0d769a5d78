"""Single precision on every backend: near the values of double precision, with the rounding of float32."""

import numpy as np
import pytest

import workbench.tensor as pt
from workbench.compile import function
from workbench.errors import CompileError
from workbench.transforms.gradient import grad


def density(x, series):
    """Constants, data, a loop, a scan, a factorisation and a gather."""
    matrix = pt.linalg.cholesky(pt.eye(3) * (2.0 + pt.square(x).sum()) + 0.25)
    _, total = pt.while_loop(lambda i, s: i < 3, lambda i, s: [i + 1, s + pt.exp(x).sum() * 0.5], [0, 0.0])
    _, (path,) = pt.scan(lambda h, e: ([0.9 * h + e], [h]), [x[0]], [series])
    return pt.log(pt.diagonal(matrix)).sum() + total + path.sum() + x[pt.constant([0, 2, 2])].sum()


def test_single_precision_gives_float32_near_the_float64_values(backend):
    x, series = pt.vector("x", 3), pt.data("series", np.array([0.1, 0.7, -0.3]))
    cost = density(x, series)
    outputs = [cost, grad(cost, x)]
    single = function([x], outputs, backend=backend, precision="float32")
    at = np.array([0.3, -0.2, 1.1])
    for result, wanted in zip(single(at), function([x], outputs, backend="numpy")(at)):
        assert result.dtype == np.float32
        np.testing.assert_allclose(result, wanted, rtol=4e-6)
    pt.set_data(series, [1.0, 2.0, 3.0])
    np.testing.assert_allclose(single(at)[0], function([x], cost, backend="numpy")(at), rtol=4e-6)


def test_each_operation_rounds_to_float32(backend):
    x = pt.scalar("x")
    # 1 + 2**-30 is 1 in float32: nothing but rounding between the operations gives 0.
    (lost,) = function([x], [(x + 2.0**-30) - x], backend=backend, precision="float32", mode=no_rules())(1.0)
    assert lost == 0.0
    (kept,) = function([x], [(x + 2.0**-30) - x], backend=backend, mode=no_rules())(1.0)
    assert kept == 2.0**-30


def no_rules():
    from workbench.graph.rewrite import Mode

    return Mode(())


def test_lengths_may_be_open(backend):
    x = pt.vector("x")
    f = function([x], pt.exp(x).sum(), backend=backend, precision="float32")
    for n in (1, 5):
        assert f(np.zeros(n)) == n and f(np.zeros(n)).dtype == np.float32


def test_what_is_no_precision_is_said():
    x = pt.vector("x", 2)
    with pytest.raises(CompileError, match="no precision 'float16'"):
        function([x], x, backend="numpy", precision="float16")


def test_factors_in_bfloat16_are_rounded_and_summed_in_single_precision():
    ml_dtypes = pytest.importorskip("ml_dtypes")
    rng = np.random.default_rng(1)
    vx, vw = rng.normal(size=(20, 300)).astype("float32"), rng.normal(size=(300, 10)).astype("float32")
    x, w = pt.matrix("x", 20, 300, dtype="float32"), pt.matrix("w", 300, 10, dtype="float32")
    found = function([x, w], pt.tanh(x @ w / 20.0) + 1e-4, backend="jax", precision="bfloat16")(vx, vw)
    rounded = [v.astype(ml_dtypes.bfloat16).astype("float64") for v in (vx, vw)]
    assert found.dtype == "float32"
    np.testing.assert_allclose(found, np.tanh(rounded[0] @ rounded[1] / 20.0) + 1e-4, rtol=1e-4, atol=1e-6)
    assert np.abs(found - np.tanh(vx.astype("float64") @ vw / 20.0) - 1e-4).max() > 1e-4
    assert function([x, w], x @ w, backend="jax")(vx, vw).dtype == "float32"


@pytest.mark.parametrize("backend", ["c", "numpy"])
def test_backends_without_bfloat16_say_so(backend):
    x = pt.matrix("x")
    with pytest.raises(CompileError, match=f"the {backend} backend has no bfloat16"):
        function([x], x @ x.T, backend=backend, precision="bfloat16")
