"""The Infer tab: what it is told of a plan, its switches, and what went wrong."""

import numpy as np
import pytest
from wire import Wire

import workbench as pm
from kernel_ext.planning.plan_view import PlanView
from kernel_ext.sampling.dashboard import SamplingDashboard


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
