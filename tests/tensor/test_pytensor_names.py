"""Functions that PyTensor has beside NumPy's. Values of `interpolate1d` are PyTensor 2.38's, at the same points; the others are NumPy's."""

import numpy as np
import pytest
from scipy import stats

import workbench.tensor as pt
from workbench.compile import function
from workbench.errors import ArgumentError, ShapeError
from workbench.transforms import grad

X, Y = [2.0, 0.0, 5.0, 3.0], [1.0, -1.0, 4.0, 2.5]
AT = np.array([-1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 2.9, 4.0, 5.0, 7.0])
THROUGH = {
    ("linear", True): [-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.35, 3.25, 4.0, 5.5],
    ("linear", False): [-1.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.35, 3.25, 4.0, 4.0],
    ("nearest", True): [-1.0, -1.0, -1.0, -1.0, 1.0, 1.0, 2.5, 2.5, 4.0, 4.0],
    ("first", True): [-1.0, -1.0, -1.0, -1.0, -1.0, -1.0, 1.0, 2.5, 2.5, 4.0],
    ("last", True): [-1.0, -1.0, 1.0, 1.0, 1.0, 1.0, 2.5, 4.0, 4.0, 4.0],
    ("last", False): [-1.0, -1.0, 1.0, 1.0, 1.0, 1.0, 2.5, 4.0, 4.0, 4.0],
    ("mean", True): [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.75, 3.25, 3.25, 3.25],
    ("mean", False): [-1.0, -1.0, 0.0, 0.0, 0.0, 0.0, 1.75, 3.25, 3.25, 4.0],
}


@pytest.mark.parametrize(("method", "extrapolate"), THROUGH)
def test_functions_through_points(method, extrapolate):
    found = pt.interpolate1d(X, Y, method=method, extrapolate=extrapolate)(AT).eval()
    np.testing.assert_allclose(found, THROUGH[method, extrapolate], atol=1e-12)


def test_pads_and_slopes_of_functions_through_points(backend):
    x, y = pt.vector("x", 4), pt.vector("y", 4)
    f = pt.interpolate1d(x, y, extrapolate=False, left_pad=100.0, right_pad=-100.0)
    at = pt.vector("at", 10)
    values = f(at)
    made, slopes, of_y = function([x, y, at], [values, grad(values.sum(), at), grad(values.sum(), y)], backend=backend)(np.array(X), np.array(Y), AT)
    np.testing.assert_allclose(made, [100.0, *THROUGH["linear", True][1:-1], -100.0], atol=1e-12)
    np.testing.assert_allclose(slopes[[2, 6, 7]], [1.0, 1.5, 0.75], atol=1e-12)
    assert slopes[0] == slopes[-1] == 0
    # Each value is a weighted mean of those of its two points.
    assert of_y.sum() == pytest.approx(8.0)
    with pytest.raises(ArgumentError, match="cubic"):
        pt.interpolate1d(X, Y, method="cubic")


def test_tensors_are_packed_and_unpacked(backend):
    a, b = np.arange(12.0).reshape(2, 2, 3), np.arange(6.0).reshape(2, 3)
    x, y = pt.tensor("x", shape=(2, 2, 3)), pt.tensor("y", shape=(2, 3))
    for keep, shape in ((None, (18,)), (0, (2, 9)), (-1, (6, 3)), ([0, -1], (2, 3, 3))):
        packed, shapes = pt.pack(x, y, keep_axes=keep)
        again = pt.unpack(packed, shapes, keep_axes=keep)
        whole, one, two = function([x, y], [packed, *again], backend=backend)(a, b)
        assert whole.shape == shape
        np.testing.assert_array_equal(one, a)
        np.testing.assert_array_equal(two, b)
    np.testing.assert_array_equal(pt.pack(a, b)[0].eval(), np.concatenate([a.ravel(), b.ravel()]))
    with pytest.raises(ShapeError, match="the first axes stay"):
        pt.pack(a, b, keep_axes=1)


def test_axes_are_joined_and_split(backend):
    a = np.arange(24.0).reshape(2, 3, 4)
    x = pt.tensor("x", shape=(2, 3, 4))
    joined, split, put = function([x], [pt.join_dims(x, 1), pt.split_dims(x, (2, 2), axis=-1), pt.join_dims(x, 1, 0)], backend=backend)(a)
    np.testing.assert_array_equal(joined, a.reshape(2, 12))
    np.testing.assert_array_equal(split, a.reshape(2, 3, 2, 2))
    np.testing.assert_array_equal(put, a[:, None])
    with pytest.raises(ShapeError, match="3 axes from axis 1"):
        pt.join_dims(a, 1, 3)


def test_small_functions():
    assert pt.ceil_intdiv([7, 8, -7], 4).eval().tolist() == [2, 2, -1]
    assert pt.nonzero_values([[0, 3], [2, 0]]).eval().tolist() == [3, 2]
    assert pt.compress([False, True], [[1, 2], [3, 4]], axis=0).eval().tolist() == [[3, 4]]
    assert pt.atleast_Nd(pt.vector("v", 3), n=3, left=False).type.shape == (3, 1, 1)
    np.testing.assert_allclose(pt.chi2sf([0.5, 3.0, 40.0], 3).eval(), stats.chi2.sf([0.5, 3.0, 40.0], 3), rtol=1e-13)
    names = pt.dvectors("a b")
    assert [x.name for x in names] == ["a", "b"] and names[0].dtype == "float64"
    assert [x.dtype for x in pt.imatrices("m n")] == ["int32"] * 2
    assert pt.ftensor5("t").ndim == 5 and pt.tensor7().ndim == 7 and len(pt.tensor3s("p", "q")) == 2
    with pytest.raises(AttributeError, match="complex"):
        pt.cvector
