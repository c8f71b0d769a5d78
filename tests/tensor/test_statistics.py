"""Statistics and look-ups against NumPy where the tables of test_numpy_agreement.py do not go: weights, NaN, open lengths, every backend."""

import numpy as np
import pytest

import workbench as pm
import workbench.tensor as pt
from workbench.compile import function
from workbench.errors import ShapeError

AT = np.array([[0.3, np.nan, -1.2, 2.0], [1.0, 0.5, 0.7, -0.4], [np.nan] * 4])
CALLS = """average(x[1]); average(x[:2, 2:], axis=0, weights=[1.0, 3.0]); average(x[1], weights=w); average(x[:, 2:], axis=(0, 1), weights=x[:, 2:] + 5.0); average(x, axis=1, keepdims=True)
quantile(x, 0.5); quantile(x[1], [[0.1, 0.9], [0.0, 1.0]]); quantile(x[:2, 2:], w, axis=0); percentile(x[1], 30.0); nansum(x, axis=0); nanprod(x, axis=1); nanmean(x, axis=0); nanmax(x, axis=1); nanmin(x); nanvar(x, axis=0, ddof=1)
nanstd(x, axis=1, keepdims=True); count_nonzero(x > 0, axis=1); cov(x[:2, 2:]); cov(x[1]); corrcoef(x[:2, 2:].T); select([x > 0.5, x < 0.0], [x, -x], 9.0); isin(x, [0.3, 0.5]); interp(x, [-1.0, 0.0, 1.5], [2.0, 5.0, 3.0])
interp(w, w, x[1]); interp([-1.0, 9.0], w, x[1], left=-7.0, right=7.0)"""
CALLS = [c.strip() for c in CALLS.replace("\n", ";").split(";")]
W = np.array([0.1, 0.2, 0.4, 0.8])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("shapes", [((3, 4), (4,)), ((None, None), (None,))], ids=["known", "open"])
def test_calls_agree_with_numpy(shapes, backend):
    if backend == "numba" and None not in shapes[0]:
        pytest.skip("once the lengths are known it is the same graph, which Numba compiles for long")
    x, w = pt.tensor("x", "float64", shapes[0]), pt.tensor("w", "float64", shapes[1])
    outputs = [eval(code, {n: getattr(pt, n) for n in pt.__all__ if n != "float"} | {"x": x, "w": w}) for code in CALLS]
    for code, y, result in zip(CALLS, outputs, function([x, w], outputs, backend=backend)(AT, W)):
        wanted = eval(code, {n: getattr(np, n) for n in dir(np)} | {"x": AT, "w": W})
        assert result.shape == np.shape(wanted) and result.dtype == np.asarray(wanted).dtype, code
        np.testing.assert_allclose(result, wanted, rtol=1e-12, atol=1e-14, err_msg=f"{code}, {backend}")
        np.testing.assert_allclose(y.eval({x: AT, w: W}), wanted, rtol=1e-12, atol=1e-14, err_msg=code)


def test_weights_and_points_that_do_not_fit_are_errors():
    x = pt.matrix("x", 3, 4)
    for make, message in (
        (lambda: pt.average(x, weights=[1.0, 2.0]), "weights of shape"), (lambda: pt.quantile(pt.zeros(0), 0.5), "no elements"), (lambda: pt.nanmax(pt.zeros(0)), "no elements"),
        (lambda: pt.select([], []), "0 conditions"), (lambda: pt.interp(x, [0.0, 1.0], [1.0]), "two vectors"), (lambda: pt.cov(pt.tensor3("t")), "cov takes"),
    ):  # fmt: skip
        with pytest.raises(ShapeError, match=message):
            make()


def test_gradients_leave_nan_out():
    x = pt.vector("x")
    at = np.array([3.0, np.nan, 1.0, 2.0])
    for reduce in (pt.nansum, pt.nanprod, pt.nanmean, pt.nanvar, pt.nanstd, pt.nanmax, pt.nanmin):
        slope = pm.grad(reduce(x), x).eval({x: at})
        wanted = pm.grad(getattr(pt, reduce.__name__.removeprefix("nan"))(x), x).eval({x: at[[0, 2, 3]]})
        np.testing.assert_allclose(slope, [wanted[0], 0.0, *wanted[1:]], rtol=1e-13)
