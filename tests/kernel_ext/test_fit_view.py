"""The Fit tab: what it is told of a fit, from the first step to the judgement, and what lasts of it."""

import numpy as np
import pytest
from wire import Wire

import workbench as pm
from kernel_ext.fitting import fit_form
from kernel_ext.fitting.fit_drawing import shown_range
from kernel_ext.fitting.fit_view import FitView

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def model():
    with pm.Model(coords={"k": ["a", HOSTILE]}) as made:
        mu = pm.Normal("mu", 3.0, 2.0, dims="k")
        pm.Normal("y", mu, 1.0, observed=[2.0, 4.0])
    return made


def losses_of(wire):
    """The lower bounds that a view has after all messages."""
    found = []
    for content, cols in wire.of("state"):
        if content["start"] == 0:
            found = []
        assert content["start"] == len(found)
        found += list(cols["elbo"])
    return np.array(found)


def over(view):
    assert view.ready.wait(60)
    view._told(view.run)


def test_a_fit_is_shown_from_its_first_step_to_its_judgement(model):
    run = pm.fit(3000, model=model, random_seed=1, progressbar=False, blocking=False, backend="numpy")
    view = FitView(run)
    wire = Wire(view)
    wire.say(t="hello")
    run.wait()
    over(view)
    content, _ = wire.of("state")[-1]
    assert content["state"] == "done" and content["step"] == content["total"] == 3000 and "k-hat is" in content["words"]
    # Every second step, of 2,000 points at most.
    np.testing.assert_allclose(losses_of(wire), -run.loss_history.reshape(-1, 2).mean(axis=1))
    (table, cols) = wire.of("table")[-1]
    assert cols["name"] == ["mu[a]", f"mu[{HOSTILE}]"] and table["more"] == 0
    # Normal-normal: precision 1/4 + 1, so a mean of (3/4 + y) / 1.25. 3,000 steps of one draw are not at the end of their way.
    np.testing.assert_allclose(cols["mean"], (0.75 + np.array([2.0, 4.0])) / 1.25, atol=0.5)
    wire.say(t="hello")
    assert len(losses_of(wire)) == 1500
    html = view.static()["text/html"]
    assert "evidence lower bound" in html and HOSTILE not in html and "&lt;img" in html


def test_the_form_starts_a_fit_and_binds_nothing_that_is_wrong(model):
    view = FitView(model, "radon")
    wire = Wire(view)
    wire.say(t="hello")
    (form, _) = wire.of("form")[-1]
    assert {m["name"] for m in form["methods"]} >= {"advi", "fullrank_advi", "dadvi", "nfvi", "svgd"} and form["bound"] == "approx_radon"
    assert wire.ask(t="code", rid=1, method="dadvi", n="50", random_seed="3")[0]["text"] == 'approx_radon = pm.fit(50, random_seed=3, method="dadvi", model=radon)'
    assert "whole number" in wire.ask(t="code", rid=2, method="advi", n="many")[0]["wrong"]
    view.begin({"method": "magic"})
    assert "no method" in wire.of("refused")[-1][0]["message"]
    view.begin({"method": "dadvi", "random_seed": "1"})
    over(view)
    (content, _) = wire.of("state")[-1]
    assert content["state"] == "done" and content["bound"] == "approx_radon" and content["trusted"]


def test_a_fit_that_fails_says_why_and_keeps_what_was_fitted():
    with pm.Model() as model:
        x = pm.Normal("x", 0.0, 1.0)
        pm.Potential("hole", pm.math.log(pm.math.sqrt(5.0 - x * x)))
    run = pm.fit(5000, model=model, random_seed=2, progressbar=False, blocking=False, backend="numpy", start={"x": 2.2})
    view = FitView(run)
    wire = Wire(view)
    over(view)
    (content, _) = wire.of("state")[-1]
    assert content["state"] == "failed" and content["wrong"]


def test_what_cannot_be_approximated_is_said():
    with pm.Model() as model:
        pm.Bernoulli("z", 0.5)
    assert "z: discrete" in fit_form.why_not(model)
    assert "no free variable" in fit_form.why_not(pm.Model())


def test_the_range_of_a_curve_is_that_of_its_later_part():
    low, high = shown_range(np.concatenate([np.full(9, -1e9), np.linspace(-10.0, -5.0, 200)]))
    assert -12.0 < low < -9.0 and -5.0 < high < -4.0
