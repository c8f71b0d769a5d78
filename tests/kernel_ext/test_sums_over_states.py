"""The stepper checks a sum over states against all states in turn; the drawing tells what was summed out."""

import pytest

import workbench as pm
from kernel_ext.stepper.checks import Checker
from workbench.model.drawing import kind_of


@pytest.fixture(scope="module")
def models():
    with pm.Model() as model:
        mu = pm.Normal("mu", 0.0, 3.0, shape=3)
        z = pm.Categorical("z", [0.2, 0.3, 0.5], shape=3)
        pm.Normal("y", mu[z], 1.0, observed=[0.1, 2.0, -1.0])
    with model.copy() as joined:
        pm.Potential("alike", 0.7 * pm.math.eq(joined["z"][1:], joined["z"][:-1]))
    return [pm.marginalize(m, "z") for m in (model, joined)]


@pytest.mark.parametrize(("which", "rule"), [(0, "sum_over_states"), (1, "variable_elimination")])
def test_the_check_of_a_step_goes_through_all_states(models, which, rule):
    model = models[which]
    record = next(p for p in model.trace().passes if p.name == "enumeration")
    names = [f.rule.name for f in record.firings]
    found = Checker(model).check(record, names.index(rule))
    assert "27 joint states" in found.how and found.rows and found.holds
    together = Checker(model).check(record, names.index("terms_of_a_discrete_variable"))
    assert together.rows and together.holds
    assert "states" in record.firings[names.index(rule)].rule.doc and model.eliminations[0].reason


def test_a_drawing_tells_it_from_what_is_sampled(models):
    assert kind_of(models[0], models[0]["z"]) == "marginalized"
    assert "z [" in models[0].to_graphviz().source and "dashed" in models[0].to_graphviz().source
