"""What made a node and what became of it: told through all passes of real models, in time that grows with their size."""

import time

import numpy as np
import pytest

import workbench as pm
import workbench.tensor as pt
from tests.model.test_lines import MODELS, gaussian_process, loop, radon
from workbench.graph import Constant, Trace, formula, free_inputs, topological
from workbench.graph.descent import Descent
from workbench.rewrites import default_mode

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture(scope="module", params=MODELS, ids=lambda make: make.__name__)
def traced(request):
    model = request.param()
    trace = model.at_current_shapes().trace()
    return model.at_current_shapes(), trace, Descent(trace)


def test_the_roots_of_each_pass_become_its_results(traced):
    _, trace, descent = traced
    for record, p in zip(trace.passes, descent.passes):
        if record.kind != "derive":
            assert [p.image.get(x, x) for x in record.before] == list(record.after), record.name


def test_every_variable_becomes_something_in_what_is_compiled(traced):
    model, trace, descent = traced
    there = set(topological(trace.passes[-1].after))
    for x in (*model.free_RVs, *model.potentials):
        last = descent.became(x)[-1]
        assert last and set(last) <= there, x.name


def test_every_node_comes_from_one_that_was_there_before(traced):
    _, trace, descent = traced
    first = set(topological(trace.passes[0].before))
    derived = {n for record in trace.passes for n in topological(record.before)}
    for node in topological(trace.passes[-1].after):
        sources = descent.came_from(node)
        assert sources and set(sources) <= first | derived, formula(node)


def test_what_a_rule_made_leads_back_to_the_firing(traced):
    _, trace, descent = traced
    firings = [f for record in trace.passes for f in record.firings]
    last = {id(f.after): f for f in firings}
    for node in topological(trace.passes[-1].after):
        if id(node) in last:
            made = descent.made_by(node)
            assert made[-1].after is node
            place = {id(f): i for i, f in enumerate(firings)}
            assert [place[id(f)] for f in made] == sorted(place[id(f)] for f in made)


def test_variables_of_radon_are_followed_to_the_end():
    model = radon()
    descent = Descent(model.trace())
    # Only powers of it are left in what is compiled: those it became, of the logarithm that is in the flat vector.
    assert [formula(x) for x in descent.became(model["sigma_a"])[1]] == ["exp(sigma_a_log__)"]
    parts = [formula(x) for x in descent.became(model["sigma_a"])[-1]]
    assert "q[1]" in parts and "exp(-2*sigma_a_log__)*sum((a - mu_a)**2)" in parts
    assert all("sigma_a_log__" in x for x in parts if x != "q[1]"), parts
    assert [formula(x) for x in descent.became(model["a"])[-1]] == ["q[2:7]"]
    (term,) = descent.became(model["y"])[-1]
    assert formula(term).startswith("-0.5*exp(-2*eps_log__)*sum(")
    assert descent.came_from(term) == [x for x in descent.came_from(term) if "logp(y" in formula(x)] != []


def test_the_gradient_to_each_variable_is_its_part_of_the_result(traced):
    model, trace, descent = traced
    q = model.flatten(model.initial_point()) + 0.1
    (vector,) = free_inputs(trace.passes[-1].after)
    whole = trace.passes[-1].after[1].eval({vector: q})
    for rv in model.free_RVs:
        value = model.rvs_to_values[rv]
        (found,) = descent.gradient_to(value)[-1]
        at, _ = model.flat_slices[value.name]
        given = {vector: q} if free_inputs([found]) else {}
        np.testing.assert_allclose(np.broadcast_to(found.eval(given), value.type.static_shape).ravel(), whole[at], rtol=1e-10, atol=1e-12)
    assert not any(descent.gradient_to(model.value_vars[0])[:4])


def test_a_variable_is_not_lost_in_a_constant_that_all_graphs_have():
    model = gaussian_process()
    descent = Descent(model.trace())
    for x in descent.became(model["eta"])[-1]:
        assert not isinstance(x.op, Constant) and "eta" in formula(x, 1000), formula(x)


def test_a_deterministic_of_a_loop_is_the_loop():
    model = loop()
    (last,) = Descent(model.trace()).became(model["path"])[-1]
    assert formula(last) == "scan(first, rate)[1]"


def test_a_node_that_is_as_it_was_written_was_made_by_no_rule():
    x = pt.scalar("x")
    root = pt.sin(x + 3.0) * pt.log(1.0 + x)
    (after,), trace = default_mode().run([root])
    descent = Descent(trace)
    kept = next(n for n in topological([after]) if n.op is pt.sin)
    assert descent.made_by(kept) == [] and descent.came_from(kept) == [kept]
    # The product is as it was, but for its operands.
    assert descent.made_by(after) == [] and descent.came_from(after) == [root]
    assert descent.became(root) == [[p.after[0]] for p in trace.passes]


def test_rules_that_follow_one_another_are_told_in_their_order():
    trace = radon().trace()
    term = next(n for n in topological(trace.passes[-1].after) if formula(n) == "-0.5*b**2 - 0.918939")
    made = Descent(trace).made_by(term)
    assert [f.rule.name for f in made] == ["density_of_draw", "check_that_always_holds"]
    assert formula(made[0].before) == "logp(b, b)" and formula(made[-1].after) == formula(term)


def test_a_trace_of_nothing_knows_nothing():
    x = pt.scalar("x")
    assert Descent(Trace()).made_by(x) == [] and Descent(Trace()).became(x) == [] and Descent(Trace()).came_from(x) == []


def test_the_time_grows_with_the_size():
    def seconds(n):
        with pm.Model() as model:
            xs = [pm.HalfNormal(f"x{i}") for i in range(n)]
            pm.Normal("y", sum(pt.log(1.0 + x) for x in xs), 1.0, observed=np.zeros(3))
        trace = model.trace()

        def once():
            start = time.process_time()
            descent = Descent(trace)
            for node in topological(trace.passes[-1].after):
                descent.made_by(node)
            for x in model.free_RVs:
                descent.became(x)
            return time.process_time() - start

        return min(once() for _ in range(4))

    assert seconds(80) < 12 * seconds(20)
