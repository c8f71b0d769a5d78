"""Calls that make no sense: an error of the right kind, in words, where the call is written."""

import numpy as np
import pytest

import workbench as pm
import workbench.tensor as pt
from workbench.errors import DTypeError, GradientError, IndexBoundsError, ShapeError, SymbolicBoolError

x, m, u, i = pt.vector("x", 3), pt.matrix("m", 3, 3), pt.vector("u"), pt.ivector("i")


def assign():
    x[0] = 1.0


CALLS = {
    "assign()": (TypeError, "x = x.i..set.value."), "cast(x, 'complex128')": (DTypeError, "complex128"), "cast(x, 'float16')": (DTypeError, "float16"),
    "sum(x, dtype=object)": (DTypeError, "object"), "x.astype('foo')": (DTypeError, "'foo' is no dtype"), "tensor('x', dtype='foo')": (DTypeError, "supported dtypes"),
    "matrix('m', 3, 3, 3)": (DTypeError, "3 is no dtype"), "tensor('x', shape=(-1,))": (ShapeError, "not -1"), "tensor('x', shape=(1.5,))": (ShapeError, "not 1.5"),
    "tensor('x', shape=2.5)": (ShapeError, "not 2.5"), "vector(3)": (TypeError, "is its name, not 3"), "constant(2**70)": (DTypeError, "64 bits"), "x == None": (DTypeError, "is None"),
    "exp('a')": (DTypeError, "'str?|type str"), "x.item()": (AttributeError, r"x.eval\(\).item"), "x.tolist()": (AttributeError, "tolist"), "x.foo": (AttributeError, "foo"),
    "'%f' % x[0]": (TypeError, "eval"), "f'{x[0]:.2f}'": (TypeError, "eval"), "float(x[0])": (TypeError, "eval"), "range(i[0])": (TypeError, "an integer"),
    "bool(x[0] > 0)": (SymbolicBoolError, "where.*cond"), "0 < x[0] < 1": (SymbolicBoolError, "where"), "max_of_python(x)": (SymbolicBoolError, "where"),
    "len(u)": (TypeError, "only at run time"), "list(u)": (TypeError, "only at run time"), "len(x[0])": (TypeError, "scalar"), "x[3]": (IndexBoundsError, "-3 to 2"),
    "softmax(x, axis=1)": (ShapeError, "softmax: axis 1"), "sum(x, where=m[:, :2] > 0)": (ShapeError, "broadcast"), "max(x, where=x > 0)": (ShapeError, "initial"),
    "grad(x.sum(), x, disconnected_inputs='foo')": (ValueError, "'raise', 'warn' or 'ignore'"), "grad(x.sum(), 3.0)": (TypeError, "3.0"), "grad(x.sum(), u)": (GradientError, "u"),
    "replace(x.sum(), {x: 1.0})": (TypeError, "not by 1.0"), "sparse.dot(m, x)": (TypeError, "^sparse.dot takes one sparse"), "linspace(0, 1, 2.5)": (TypeError, "integer"),
    "random.normal(random.key(0), (-1,))": (ShapeError, "negative"), "random.key(1.5)": (DTypeError, "integer, not 1.5"), "random.uniform((3,))": (DTypeError, "is a key"),
    "random.normal(0, (3,))": (DTypeError, "random.key"), "random.randint(random.key(1), (3,), 5, 2)": (DTypeError, "nothing from 5 to 2"),
    "random.permutation(random.key(1), 2.5)": (DTypeError, "an integer"), "while_loop(lambda a: a < 1, lambda a: a + 0.5, 0)": (ShapeError, "from int64.. into float64"),
    "cond(x > 0, lambda: x, lambda: x, [])": (ShapeError, "scalar condition"), "ifelse(x[0] > 0, x, m)": (ShapeError, "branches return"),
    "einsum(m, 'ij')": (ShapeError, "list of numbers"), "einsum(m, [0, 1], [2])": (ShapeError, "every index"), "fft.rfft(x, axis=1)": (ShapeError, "rfft: axis 1"),
    "np.fill_diagonal(m, 0.0)": (TypeError, "pt.fill_diagonal"), "np.put_along_axis(x, i, 0.0, 0)": (TypeError, "pt.put_along_axis"), "np.sum(x, out=np.zeros(()))": (TypeError, "out="),
    "np.reshape(x, (3, 1), order='F')": (TypeError, "no order='F'"), "np.linalg.matrix_rank(m)": (TypeError, "no symbolic counterpart"), "np.asarray(x)": (TypeError, "eval"),
    "np.spacing(x)": (TypeError, "no symbolic counterpart"), "np.add(x, 1, where=x > 0)": (TypeError, "no where="), "np.exp(x, out=np.zeros(3))": (TypeError, "out="),
}  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
def test_a_call_that_makes_no_sense_says_why(call):
    kind, message = CALLS[call]
    names = {n: getattr(pt, n) for n in dir(pt) if not n.startswith("_")}
    own = {"grad": pm.grad, "replace": pm.replace, "max_of_python": max, "np": np, "assign": assign, "x": x, "m": m, "u": u, "i": i}
    names = {n: f for n, f in names.items() if n not in ("range", "float", "list", "len", "bool")}
    with pytest.raises(kind, match=message):
        eval(call, {**names, **own})


def test_a_gradient_that_is_zero_can_warn():
    with pytest.warns(UserWarning, match="does not depend on u"):
        assert pm.grad(x.sum(), u, disconnected_inputs="warn").eval({u: [1.0, 2.0]}).tolist() == [0.0, 0.0]


def test_one_result_needs_no_list():
    (total,) = pt.while_loop(lambda a: a.sum() < 10.0, lambda a: a * 2.0, x)
    assert total.eval({x: [1.0, 2.0, 1.0]}).tolist() == [4.0, 8.0, 4.0]
    (chosen,) = pt.cond(x[0] > 0.0, lambda v: v, lambda v: -v, x)
    assert chosen.eval({x: [-1.0, 2.0, 1.0]}).tolist() == [1.0, -2.0, -1.0]
    (last,), (seen,) = pt.scan(lambda s, e: (s + e, s), 0.0, x)
    assert last.eval({x: [1.0, 2.0, 4.0]}) == 7.0 and seen.eval({x: [1.0, 2.0, 4.0]}).tolist() == [0.0, 1.0, 3.0]
    assert f"{pt.constant(1.5):.2f}" == "1.50" and f"{x}" == "x"
