import time

import arviz as az
import numpy as np
import pytest
import xarray
from wire import Wire

import workbench as pm
from kernel_ext.sampling.chain_diagnostics import bfmi
from kernel_ext.sampling.dashboard import SamplingDashboard
from kernel_ext.sampling.posterior import PosteriorView
from kernel_ext.sampling.predictive import compared
from kernel_ext.widget.panel import STATIC

pytestmark = pytest.mark.skipif(not (STATIC / "workbench.js").exists(), reason="the widgets are not built: run `make setup`")


def wait_until(what, seconds=60):
    end = time.perf_counter() + seconds
    while not what():
        assert time.perf_counter() < end, "it did not come"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def model():
    with pm.Model(coords={"group": ["a", "b", "c"]}) as made:
        mu = pm.Normal("mu", 0.0, 2.0)
        level = pm.Normal("level", mu, 1.0, dims="group")
        pm.Normal("y", level[np.array([0, 1, 2, 2])], 1.0, observed=[0.5, 1.0, -1.0, -0.5])
    return made


@pytest.fixture(scope="module")
def run(model):
    return pm.sample(300, tune=200, chains=2, model=model, random_seed=1, quiet=True, return_inferencedata=False)


@pytest.fixture
def idata():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4, 200, 3))
    x[0, :, 1] += 1.5
    posterior = xarray.Dataset({"x": (("chain", "draw", "g"), x), "s": (("chain", "draw"), rng.normal(size=(4, 200)))}, coords={"g": ["u", "v", "w"], "chain": range(4), "draw": range(200)})
    stats = xarray.Dataset({"diverging": (("chain", "draw"), np.arange(800).reshape(4, 200) % 100 == 7), "energy": (("chain", "draw"), rng.normal(size=(4, 200)).cumsum(axis=1))})
    return az.InferenceData(posterior=posterior, sample_stats=stats)


def test_inference_data_alone_is_shown_with_what_speaks_against_it(idata):
    wire = Wire(PosteriorView(idata))
    wire.say(t="hello", have=0)
    wait_until(lambda: wire.of("findings"))
    about, _ = wire.of("posterior")[0]
    assert about["variables"] == [["x", 0, 3], ["s", 3, 1]] and about["chains"] == ["0", "1", "2", "3"]
    assert wire.of("elements")[0][1]["name"] == ["x[u]", "x[v]", "x[w]", "s"]
    _, cols = wire.of("summary")[0]
    assert cols["rhat"][1] == pytest.approx(float(az.rhat(idata.posterior.x)["x"][1]), rel=1e-6)
    said = " ".join(wire.of("findings")[0][0]["texts"])
    assert "8 of 800 transitions" in said and "R-hat is above 1.01 for 1 of 4 elements, the worst x[v]" in said and "BFMI is below 0.3" in said
    assert {c["chain"]: c["bfmi"] for c, _ in wire.of("diagnostics")} == pytest.approx(dict(enumerate(az.bfmi(idata))))


def test_bfmi_is_that_of_arviz():
    energy = np.random.default_rng(1).normal(size=(3, 500)).cumsum(axis=1) * 0.1 + np.random.default_rng(2).normal(size=(3, 500))
    assert [bfmi(e) for e in energy] == pytest.approx(az.bfmi(energy), rel=1e-12)


def test_an_element_comes_with_its_divergences_and_a_variable_with_its_intervals(idata):
    wire = Wire(PosteriorView(idata))
    content, cols = wire.ask(t="element", rid=1, element=2)
    assert content["rid"] == 1 and content["step"] == 1
    assert np.array_equal(cols["values"].reshape(4, 200), idata.posterior.x.values[:, :, 2])
    assert np.array_equal(cols["divergent"].reshape(4, 200), idata.sample_stats.diverging.values)
    _, cols = wire.ask(t="forest", rid=2, variable="x")
    assert cols["name"] == ["x[u]", "x[v]", "x[w]"]
    assert cols["median"] == pytest.approx(np.median(idata.posterior.x.values, axis=(0, 1)))
    before = len(wire.sent)
    for wrong in ({"element": 99}, {"element": "x"}, {}):
        wire.say(t="element", rid=3, **wrong)
    assert len(wire.sent) == before


def test_what_has_no_posterior_is_refused():
    with pytest.raises(ValueError, match="there is no posterior"):
        PosteriorView(az.InferenceData(prior=xarray.Dataset({"x": (("chain", "draw"), np.zeros((1, 5)))})))


def test_a_run_is_shown_when_it_is_over_and_says_so_before(model):
    sampling = SamplingDashboard(model, "m")
    view = PosteriorView(sampling)
    wire = Wire(sampling, view)
    wire.say("posterior", t="hello", have=0)
    wait_until(lambda: wire.of("empty"))
    assert wire.of("empty")[-1][0] == {**wire.of("empty")[-1][0], "sampling": False, "can_sample": True}
    wire.say("sample", t="hello", have=0)
    wire.say("sample", t="start", draws="200", tune="200", chains="2", random_seed="1")
    wait_until(lambda: wire.of("findings", "posterior"))
    actions = {a["action"]: a for a in wire.of("findings", "posterior")[-1][0]["actions"]}
    assert {"more", "accept", "predict", "prior", "loo", "netcdf", "zarr", "code"} <= actions.keys()
    wire.say("posterior", t="do", action="more")
    wait_until(lambda: [c for c, _ in wire.of("run") if c["draws"] == 400])
    assert wire.of("did")[-1][0]["open"] == "sample"
    wait_until(lambda: sampling.run.wait_quietly(0) and sampling.run.draws_requested == 400)


def test_each_thing_to_do_next_does_it(run, model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    view = PosteriorView(run, title="m")
    wire = Wire(view)
    wait_until(lambda: view.source() is not None)

    def done(action):
        wire.say(t="do", action=action)
        wait_until(lambda: [c for c, _ in wire.of("did") if c["action"] == action])
        found = wire.of("did")[-1][0]
        assert not found.get("wrong"), found["message"]
        wire.sent.clear()
        return found

    loo = done("loo")["message"]
    expected = az.loo(pm.compute_log_likelihood(run.idata.copy(), model=run.model, progressbar=False, extend_inferencedata=True) if "log_likelihood" not in run.idata else run.idata)
    assert f"{expected.elpd_loo:.1f}" in loo
    assert "data" in done("predict")["plots"]["y"]
    prior = done("prior")
    assert prior["prior"] and prior["what"] == "prior predictive"
    _, cols = wire.ask(t="element", rid=1, element=0)
    assert len(cols["prior"]) == 500 and np.std(cols["prior"]) == pytest.approx(2.0, rel=0.2)
    assert "idata_m.nc" in done("netcdf")["message"] and "idata_m-2.nc" in done("netcdf")["message"]
    assert np.array_equal(az.from_netcdf("idata_m.nc").posterior.mu.values, run.draws["mu"])
    assert "idata_m.zarr" in done("zarr")["message"]
    compile(done("code")["code"], "", "exec")


def test_what_lasts_of_a_posterior_is_its_table_and_drawing(run, idata):
    for subject in (idata, run):
        view = PosteriorView(subject)
        wait_until(lambda view=view: view.source() is not None)
        html = view.static()["text/html"]
        assert "<svg" in html and "<table" in html and len(html) < 100 * 1024


def test_predictions_are_compared_with_data():
    rng = np.random.default_rng(5)
    found = compared(rng.normal(size=100), rng.normal(size=(300, 100)))
    assert not found["whole"] and len(found["curves"]) == 38 and len(found["data"]) == 81
    numbers = {row[0]: row[1:] for row in found["numbers"]}
    value, low, high, share = numbers["mean"]
    assert low < 0 < high and 0.0 <= share <= 1.0 and abs(value) < 0.5
    counts = compared(rng.poisson(3.0, 50), rng.poisson(3.0, (200, 50)))
    assert counts["whole"] and counts["grid"] == list(np.arange(counts["grid"][0], counts["grid"][-1] + 1))
    assert sum(counts["data"]) == pytest.approx(1.0)
    assert compared(np.zeros(3), np.full((5, 3), np.nan)) is None
