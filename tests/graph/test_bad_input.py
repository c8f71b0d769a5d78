"""Bad input to the graph is a clear error, never a crash or a silently wrong number."""

import numpy as np
import pytest

import workbench as pm
import workbench.tensor as pt
from workbench.errors import DTypeError, IndexBoundsError, MissingInputError, RewriteError, ShapeError, WorkbenchError
from workbench.graph import Graph, Mode, Pass, Rule
from workbench.tensor.control.flow import Cond, While


def rule_of(name, function, op):
    return Rule(name, "test", name, (op,), lambda expr: (expr,), function)


def test_rules_that_undo_one_another_are_reported_by_name():
    x = pt.scalar("x")
    there = rule_of("there", lambda e: pt.log(e.inputs[0]), pt.exp)
    back = rule_of("back", lambda e: pt.exp(e.inputs[0]), pt.log)
    with pytest.raises(RewriteError, match=r"'back', 'there'(.|\n)*excluding"):
        Mode((Pass("cycle", (there, back)),)).run([pt.exp(x)])


def test_a_rule_that_changes_the_type_is_reported_by_name():
    x = pt.vector("x", 3)
    wrong = rule_of("wrong", lambda e: pt.stack([e, e]), pt.exp)
    with pytest.raises(RewriteError, match="'wrong' turned a float64.3. into a float64.2, 3."):
        Pass("p", (wrong,)).run([pt.exp(x)])


def test_nan_constants_stay_nan_and_are_one_node(backend):
    x = pt.vector("x", 2)
    nan = pt.constant(np.nan)
    assert pt.constant(float("nan")) is nan and pt.constant(-0.0) is not pt.constant(0.0)
    result = pm.function([x], [x + nan, pt.where(pt.isnan(nan), x, 0.0), nan * 0.0], backend=backend)([1.0, 2.0])
    assert np.isnan(result[0]).all() and result[1].tolist() == [1.0, 2.0]


def test_arrays_of_no_elements_go_through_everything(backend):
    x, m = pt.vector("x", 0), pt.matrix("m", 0, 3)
    outputs = [x.sum(), pt.exp(x) * 2.0, m.sum(axis=0), pt.concatenate([x, x]), m @ pt.ones(3), pm.grad(pt.square(x).sum(), x), x.prod(), m.T]
    results = pm.function([x, m], outputs, backend=backend)(np.empty(0), np.empty((0, 3)))
    assert [r.shape for r in results] == [(), (0,), (3,), (0,), (0,), (0,), (), (3, 0)]
    assert results[0] == 0.0 and results[6] == 1.0
    with pytest.raises((ShapeError, ValueError), match="empty|no elements|zero-size|identity"):
        pt.max(x)


@pytest.mark.parametrize("index", [2**31, 2**62, -(2**62), 3, -4])
def test_an_index_far_outside_is_out_of_bounds_and_not_wrapped(index, backend):
    x, i = pt.vector("x", 3), pt.tensor("i", "int64", (1,))
    with pytest.raises(IndexBoundsError):
        x[index]
    with pytest.raises(IndexBoundsError):
        x[np.array([0, index])]
    if backend != "jax":  # JAX clamps: documented.
        with pytest.raises(IndexError, match=str(index)):
            pm.function([x, i], x[i], backend=backend)([1.0, 2.0, 3.0], [index])


@pytest.mark.parametrize("value", [np.array(["a", "b"]), np.array([object()]), np.array([1 + 2j]), np.array(["2020-01-01"], "datetime64[D]"), "text", None, {1: 2}])
def test_what_is_not_numeric_is_not_a_tensor(value):
    with pytest.raises((DTypeError, TypeError)):
        pt.as_tensor(value)


def test_shapes_that_do_not_fit_are_errors_at_the_users_line_with_both_shapes():
    x, y = pt.vector("x", 3), pt.vector("y", 4)
    with pytest.raises(ShapeError, match=r"\(3,\) and \(4,\)") as caught:
        x + y
    assert caught.value.location.filename == __file__ and caught.value.location.text == "x + y"


def test_inner_graphs_that_do_not_match_are_errors():
    x, y = pt.scalar("x"), pt.vector("y", 2)
    with pytest.raises(ShapeError, match="branches return"):
        pt.cond(x > 0.0, lambda v: [v], lambda v: [v, v], [x])
    with pytest.raises(ShapeError, match="branches return"):
        pt.cond(x > 0.0, lambda v: [v], lambda v: [pt.stack([v, v])], [x])
    with pytest.raises(ShapeError, match="1 values for 2"):
        pt.while_loop(lambda a, b: a < 1.0, lambda a, b: [a], [x, x])
    with pytest.raises(MissingInputError, match="y"):
        Graph([x], [x + y])
    p, q = pt.scalar("p"), pt.vector("q", 2)
    with pytest.raises(WorkbenchError):
        Cond(Graph([p], [p]), Graph([q], [q]))(x > 0.0, x)
    with pytest.raises(WorkbenchError):
        While(Graph([p], [p > 0.0]), Graph([q], [q]), 1)(x)


def test_values_of_the_wrong_kind_are_refused_by_a_compiled_function(backend):
    x = pt.vector("x", 3)
    f = pm.function([x], x * 2.0, backend=backend, name="double")
    with pytest.raises(ShapeError, match=r"input 'x' of double .* shape \(2,\)"):
        f([1.0, 2.0])
    with pytest.raises(DTypeError, match="complex128"):
        f(np.array([1j, 2j, 3j]))
    with pytest.raises(TypeError, match="takes 1 values, got 2"):
        f([1.0, 2.0, 3.0], 1.0)
