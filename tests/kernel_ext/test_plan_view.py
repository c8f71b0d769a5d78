"""The Infer tab: what it is told of a plan, its switches, and what went wrong."""

import numpy as np
import pytest
from wire import Wire

import workbench as pm
from kernel_ext.planning.plan_view import PlanView
from kernel_ext.sampling.dashboard import SamplingDashboard
from kernel_ext.stepper import RewriteStepper
from kernel_ext.widget.panel import Panel
from workbench.inference.planning.infer import reparameterize
from workbench.inference.planning.plan import Plan, Sampling, Step


@pytest.fixture(scope="module")
def coins():
    with pm.Model() as made:
        p = pm.Beta("p", 2.0, 1.0)
        pm.Binomial("y", 10, p, observed=3)
    return made


def last(wire):
    return wire.of("plan")[-1][0]


def test_a_plan_is_made_carried_out_and_switched(coins):
    view = PlanView(coins, "coins", SamplingDashboard(coins, "coins"))
    wire = Wire(view)
    wire.say(t="hello")
    assert last(wire)["state"] == "idle" and last(wire)["call"] == "idata_coins = pm.infer(coins)"
    view.make("", "1")
    told = last(wire)
    assert told["state"] == "done" and [s["name"] for s in told["steps"]] == ["integrate out p", "draw exactly"]
    assert "pm.marginalize(made, 'p')" in told["code"] and [s["switch"] for s in told["steps"]] == [True, False]
    p = view.idata.posterior["p"].to_numpy()
    # Beta(5, 8), 4,000 exact draws or more: the mean is within 5 standard errors.
    assert abs(p.mean() - 5 / 13) < 5 * np.sqrt(5 * 8 / 13**2 / 14 / p.size)
    wire.say(t="switch", name="integrate out p", on=False)
    told = last(wire)
    assert told["state"] == "ready" and told["steps"][-1]["name"] == "sample" and told["fresh"]
    assert "integrate out p" in view.static()["text/plain"]
    wire.say(t="switch", name="<img>", on=False)
    assert last(wire)["state"] == "ready"


def test_what_is_wrong_is_said(coins):
    view = PlanView(coins, "coins")
    wire = Wire(view)
    view._done_once(view.make, ("soon", ""))
    assert last(wire)["state"] == "failed" and "seconds must be a number" in last(wire)["said"]
    view._done_once(view.make, ("", "one"))
    assert "whole number" in last(wire)["said"]
    with pm.Model() as improper:
        pm.Flat("x")
    view = PlanView(improper)
    wire = Wire(view)
    view._done_once(view.make, ("", ""))
    assert "improper prior" in last(wire)["said"]
    wire = Wire(PlanView(pm.Model()))
    wire.say(t="hello")
    assert "nothing to infer" in last(wire)["why_not"]


def test_steps_open_the_stepper_at_the_first_rule_that_they_bring():
    with pm.Model() as model:
        z = pm.Bernoulli("z", 0.3, shape=2)
        a = pm.Normal("a", 0.0, pm.HalfNormal("s"), shape=2)
        pm.Normal("y", a + z, 1.0, observed=np.zeros(2))
    steps = [
        Step("sum out z", "", apply=lambda m: pm.marginalize(m, "z"), recovers=True),
        Step("non-centre a", "", on=False, apply=lambda m: reparameterize(m, {"a": "noncentred"})),
    ]
    stepper = RewriteStepper.of(model)
    view = PlanView(model, "model", None, stepper)
    view.plan = Plan(model, steps, Sampling({}, ""))
    panel = Panel([stepper, view])
    told = []
    panel.push = lambda part, kind, columns=None, /, **content: told.append((part, kind, content))

    def shown():
        return [c for part, kind, c in told if (part, kind) == ("steps", "steps")][-1]

    for name, rule, about in [("sum out z", "terms_of_a_discrete_variable", "z"), ("non-centre a", "density_of_noise", "a")]:
        view.show_rules(name)
        at = shown()
        assert at["anew"] and at["of"] == name and told[-1][:2] == ("infer", "rules")
        fired = stepper.replay.firings[at["start"] - 1][1]
        assert fired.rule.name == rule and stepper.checker.model is stepper.model
        assert about in {x.name for x in pm.graph.topological([fired.before])}
    # A step that is off is shown all the same, after those before it that are on.
    assert any(p.name == "enumeration" for p in stepper.replay.passes)
    stepper.on_as_written({})
    assert shown()["of"] == "" and not any(p.name == "enumeration" for p in stepper.replay.passes)
