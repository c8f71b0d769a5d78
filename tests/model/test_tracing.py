"""Every step of what is computed: of models, of expressions that transformations made, of compiled functions."""

import gc
import weakref

import numpy as np
import pytest

import workbench as pm
import workbench.tensor as pt
from tests.model.test_lines import radon
from workbench.graph import Trace, formula
from workbench.graph.derivations import _known, derived_again
from workbench.model.tracing import trace_of

x, v = pt.scalar("x"), pt.vector("v", 3)
PASSES = ["reroll", "unused results", "canonicalise", "linear algebra", "stabilise", "specialise"]


def names(trace):
    return [p.name for p in trace.passes]


def test_a_gradient_shows_how_it_is_derived():
    slope = pm.grad(pt.sum(pt.sin(v) * x), v)
    trace = trace_of(slope)
    assert names(trace) == ["gradient", *PASSES]
    assert [f.rule.name for f in trace.passes[0].firings] == ["derivative_of_sum", "derivative_of_multiply", "derivative_of_sin"]
    assert trace.passes[0].after[1] is slope and trace.passes[1].before == (slope,)


def test_ones_come_from_no_ones_gradient():
    u = pt.vector("u", 3)
    kept = pm.grad(pt.sum(u), u)
    trace = trace_of(pm.grad(pt.sum(pt.sin(v) * x), v))
    assert names(trace) == ["gradient", *PASSES] and not kept.name


def test_a_gradient_within_an_expression_and_several_of_one_call_are_derived_once():
    to_x, to_v = pm.grad(pt.sum(pt.exp(v) * x), [x, v])
    trace = trace_of(to_x + pt.sum(to_v) * 2.0)
    assert names(trace) == ["gradient", *PASSES]


def test_a_second_derivative_shows_both():
    (first,) = pm.grad(pt.sin(x) * x, [x])
    second = pm.grad(first, x)
    trace = trace_of(second)
    assert names(trace)[:2] == ["gradient", "gradient"]
    assert trace.passes[1].before == (first,)
    assert names(trace_of(pm.hessian(pt.sum(pt.exp(v)), v)))[:3] == ["gradient", "gradient", "batch"]


def test_a_batch_shows_each_operation():
    many = pt.matrix("many", 5, 3)
    trace = trace_of(pm.vectorize_graph(pt.sum(pt.exp(v) * 2.0), {v: many}))
    assert names(trace) == ["batch", *PASSES]
    assert [f.rule.name for f in trace.passes[0].firings] == ["batch_of_exp", "batch_of_multiply", "batch_of_sum"]
    norm = pm.vectorize(lambda u: pt.sqrt(pt.sum(u * u)), "(n)->()")
    assert names(trace_of(norm(many)))[0] == "batch"


def test_a_log_density_shows_its_rules():
    trace = trace_of(pm.logp(pm.math.exp(pm.Normal.dist(0.0, 1.0)), x))
    assert names(trace) == ["log-probability", *PASSES]
    assert len(trace.passes[0].firings) >= 2


def test_an_expression_that_was_written_has_its_passes_alone():
    assert names(trace_of(pt.log(1.0 + x))) == PASSES


def test_models_functions_and_traces():
    model = radon()
    assert names(trace_of(model))[:5] == ["log-probability", "values", "unconstrained", "flat vector", "gradient"]
    f = pm.function([x], pm.grad(pt.exp(x) * x, x), backend="numpy")
    assert names(trace_of(f)) == ["gradient", *PASSES] and trace_of(f).passes[1:] == f.trace.passes
    trace = Trace()
    assert trace_of(trace) is trace


def test_what_was_derived_again_is_the_same():
    slope = pm.grad(pt.sum(pt.log(1.0 + pt.exp(v))), v)
    (again,), _ = derived_again([slope * 3.0])
    assert again is slope * 3.0


def test_loops_are_derived_again_with_the_same_value():
    (_,), (path,) = pt.scan(lambda s: ([s * 0.5 + 1.0], [s]), [x], n_steps=4)
    slope = pm.grad(pt.sum(path**2), x)
    (again,), trace = derived_again([slope])
    assert names(trace) == ["gradient"] and trace.passes[0].after[1] is again
    np.testing.assert_allclose(again.eval({x: 1.5}), slope.eval({x: 1.5}))
    trace = trace_of(slope)
    assert trace.passes[1].before[0] is trace.passes[0].after[1]


@pytest.mark.parametrize("make", [
    lambda y: pm.grad(pt.sin(y) * y, y), lambda y: pm.grad(y * (y + 1.0), y), lambda y: pm.grad(pt.exp(y), y),
    lambda y: pm.vectorize_graph(pt.exp(y), {y: pt.vector("many", 4)}), lambda y: pm.logp(pm.Normal.dist(0.0, 1.0), y),
    lambda y: pm.hessian(pt.exp(y) * y, y),
])  # fmt: skip
def test_nothing_is_kept_for_ever(make):
    gc.collect()
    before = len(_known)
    made = make(pt.scalar("y"))
    gone = weakref.ref(made)
    del made
    gc.collect()
    assert gone() is None and len(_known) <= before


def test_a_derivative_that_is_a_part_of_what_is_differentiated_needs_no_derivation():
    y = pt.scalar("y")
    slope = pm.grad(y * pt.stop_gradient(x), y)
    assert formula(slope) in ("stop_gradient(x)", "1*stop_gradient(x)")
    trace_of(slope)
