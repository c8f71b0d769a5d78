import json
import threading
import time

import numpy as np
import pytest
from wire import Wire

import workbench as pm
from kernel_ext.graphs.inspector import GraphInspector
from kernel_ext.sampling import run_drawing
from kernel_ext.sampling.chain_diagnostics import elsewhere
from kernel_ext.sampling.dashboard import SamplingDashboard
from kernel_ext.sampling.publisher import Publisher
from kernel_ext.widget.panel import STATIC
from workbench.inference import run as running
from workbench.inference.element_table import Draws, ElementTable

pytestmark = pytest.mark.skipif(not (STATIC / "workbench.js").exists(), reason="the widgets are not built: run `make setup`")
HOSTILE = "<img src=x onerror=alert(1)>"
LIMIT = 256 * 1024


@pytest.fixture(scope="module")
def model():
    with pm.Model(coords={"group": ["a", "b", "c"]}) as made:
        mu = pm.Normal("mu", 0.0, 2.0)
        sigma = pm.HalfNormal("sigma", 1.0)
        level = pm.Normal("level", mu, 1.0, dims="group")
        pm.Normal("y", level[np.array([0, 1, 2, 2])], sigma, observed=[0.5, 1.0, -1.0, -0.5])
    return made


@pytest.fixture(scope="module")
def schools():
    with pm.Model() as made:
        mu, tau = pm.Normal("mu", 0, 5), pm.HalfCauchy("tau", 5)
        theta = pm.Normal("theta", mu, tau, shape=8)
        pm.Normal("obs", theta, np.array([15.0, 10, 16, 11, 9, 11, 10, 18]), observed=np.array([28.0, 8, -3, 7, -1, 1, 18, 12]))
    return made


def begun(model, draws, **options):
    return pm.sample(draws, model=model, random_seed=1, blocking=False, progressbar=False, **options)


def wait_until(what, seconds=60):
    end = time.perf_counter() + seconds
    while not what():
        assert time.perf_counter() < end, "it did not come"
        time.sleep(0.02)


def table_of(names, x):
    table = ElementTable(Draws.of_arrays(names, range(len(x)), {"x": x}))
    table.fill(tails=False)
    return table


# What stands under results ------------------------------------------------------------------------


def test_what_is_said_of_elements_that_are_not_shown_is_true_of_all():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(4, 500, 60))
    x[0, :, 17] += 1.2
    x[1, :, 41] += 0.6
    x[:, :, 42] = x[:, :, 41]
    x[:, :, 50] = 1.0
    names = [f"s{i}" for i in range(20)] + [f"v[{i}]" for i in range(40)]
    table = table_of(names, x)
    html = run_drawing.drawing("done", [], table)
    rows = [r.split("<td style='text-align:left")[1].split(">")[1].split("<")[0] for r in html.split("<tr>")[2:]]
    assert rows[:3] == ["s17", "v[21]", "v[22]"], "the worst come first, ties in the model's order"
    hidden = [i for i, n in enumerate(names) if n not in rows]
    bound = float(html.split("have R-hat of at most ")[1].split(",")[0].split(".</p>")[0].rstrip("."))
    rhat = table.columns["rhat"]
    worst_hidden = max(rhat[i] for i in hidden if i != 50)
    assert bound == pytest.approx(worst_hidden, abs=6e-4)
    assert bound < min(rhat[17], rhat[41]) and f"{len(hidden) - 1} have R-hat" in html and "1 are constant" in html
    assert "<b>" in html.split("s17")[-1][:400]


def test_draws_that_are_not_finite_come_first_and_are_said():
    x = np.random.default_rng(1).normal(size=(2, 200, 30))
    x[1, 5, 29] = np.inf
    html = run_drawing.drawing("done", [], table_of([f"v[{i}]" for i in range(30)], x))
    table = html[html.index("<table") :]
    assert table.index("v[29]") < table.index("v[0]") if "v[0]" in table else "v[29]" in table
    assert "some draws are not finite" in html


@pytest.mark.parametrize("chains, elements", [(4, 175), (8, 20)])
def test_what_lasts_is_small(chains, elements):
    x = np.random.default_rng(2).normal(size=(chains, 2000, elements))
    html = run_drawing.drawing("done", ["a finding"] * 4, table_of([f"v[{i}]" for i in range(elements - 10)] + [f"s{i}" for i in range(10)], x), np.ones((chains, 2000), bool))
    assert "<svg" in html and len(html.encode()) <= 100 * 1024


def test_hostile_names_are_text_in_what_lasts():
    html = run_drawing.drawing(HOSTILE, [HOSTILE], table_of([HOSTILE, 'a" onload="x'], np.random.default_rng(0).normal(size=(2, 50, 2))))
    assert "<img" not in html and 'a" onload' not in html


@pytest.mark.parametrize("trajectories", ["auto", "trees"])
def test_how_long_trajectories_are_is_shown_whether_draws_are_by_trees_or_not(trajectories):
    """A round normal is drawn by trajectories of one time, whose draws have no depth; leapfrogs are counted for both."""
    with pm.Model() as model:
        pm.Normal("x", shape=20)
    run = begun(model, 400, nuts={"trajectories": trajectories}, chains=2)
    dashboard = SamplingDashboard(run)
    wire = Wire(dashboard)
    wire.say(t="hello", have=0)
    assert run.wait(60) and dashboard.publisher.over.wait(20)
    timed = trajectories == "auto"
    assert all((run.stats["tree_depth"] == 0).all(axis=1) == timed)
    for content, columns in wire.of("diagnostics")[-2:]:
        steps = run.stats["n_steps"][content["chain"]]
        assert content["timed"] is timed
        counts = [((steps >= 2**i) & (steps < 2 ** (i + 1))).sum() for i in range(len(columns["leapfrogs"]))]
        assert columns["leapfrogs"].tolist() == counts and sum(counts) == 400
    depth = run.stats["tree_depth"][:, -100:]
    shown = [row["tree_depth"] for row in run.progress()]
    assert shown == ([0.0, 0.0] if timed else pytest.approx(depth.mean(axis=1).tolist()))


def test_a_density_is_that_of_scipy():
    from scipy.stats import norm

    x = np.random.default_rng(3).normal(size=20_000)
    found = run_drawing.density(x, -4.0, 4.0, 81)
    assert np.abs(found - norm.pdf(np.linspace(-4, 4, 81))).max() < 0.02
    assert np.trapezoid(found, dx=0.1) == pytest.approx(1.0, abs=0.01)
    wide = run_drawing.density(np.array([-1.0, 1.0, 0.1, 0.2] * 3), -1.0, 1.0, 21)
    assert np.isfinite(wide).all() and wide.max() > 0


# A run that goes on -------------------------------------------------------------------------------


def test_the_dashboard_sends_every_draw_once_and_what_all_elements_are_like(model):
    run = begun(model, 4000, tune=200, chains=2)
    dashboard = SamplingDashboard(run)
    wire = Wire(dashboard)
    wire.say(t="hello", have=0)
    assert run.wait(60) and dashboard.publisher.over.wait(20)
    names = run.variable_names()
    shown = wire.of("shown")[-1][1]["element"].tolist()
    at = max(i for i, (c, _) in enumerate(wire.sent) if c["t"] == "shown")
    got = {}
    for content, cols in wire.sent[at:]:
        if content["t"] == "draws":
            values = iter(np.split(cols["values"], np.cumsum(np.repeat(cols["rows"], len(shown)))[:-1]))
            for c in range(2):
                for e in shown:
                    part = next(values)
                    assert cols["start"][c] == sum(map(len, got.get((c, e), []))), "draws come in order, none twice"
                    got.setdefault((c, e), []).append(part)
    for c in range(2):
        for e in shown:
            assert np.array_equal(np.concatenate(got[c, e]), run.values([names[e]], c)[:, 0])
    last, cols = wire.of("state")[-1]
    assert last["state"] == "done" and cols["draws"].tolist() == [4200, 4200]
    content, cols = wire.of("summary")[-1]
    assert content["step"] == 1 and content["draws"] == 4000 and content["complete"]
    expected = ElementTable(Draws.of_run(run))
    expected.fill()
    for name in ("mean", "rhat", "ess_bulk", "ess_tail"):
        assert np.allclose(cols[name], expected.columns[name], rtol=1e-6)
    assert wire.of("elements")[-1][1]["name"] == names
    assert all("id" not in content for content, _ in wire.sent)
    assert max(wire.sizes) <= LIMIT


def test_a_greeting_in_mid_run_brings_all_again_at_once(model):
    run = begun(model, 1_000_000, tune=100, chains=1)
    dashboard = SamplingDashboard(run)
    wire = Wire(dashboard)
    wire.say(t="hello", have=0)
    wait_until(lambda: run.state == "sampling" and wire.of("draws"))
    wire.sent.clear()
    wire.say(t="hello", have=0)
    wait_until(lambda: wire.of("run") and wire.of("shown") and wire.of("draws"), 2.0)
    assert wire.of("draws")[0][1]["start"].tolist() == [0]
    wire.say(t="pause")
    assert run.state == "paused"
    wire.say(t="resume")
    assert run.state in ("tuning", "sampling")
    wire.say(t="show", elements=[4, 1, 99, "x", 4])
    wire.sent.clear()
    wait_until(lambda: wire.of("shown"))
    assert wire.of("shown")[-1][1]["element"].tolist() == [4, 1]
    wire.say(t="stop")
    assert run.wait(10) and run.state == "stopped"
    assert dashboard.publisher.over.wait(30) and wire.of("state")[-1][0]["state"] == "stopped"


def test_divergences_are_those_after_warm_up_everywhere(schools):
    run = begun(schools, 500, tune=300, chains=2, nuts={"trajectories": "trees"})
    dashboard = SamplingDashboard(run)
    wire = Wire(dashboard)
    wire.say(t="hello", have=0)
    assert run.wait(60) and dashboard.publisher.over.wait(20)
    _, cols = wire.of("state")[-1]
    assert [c for c, _ in wire.of("state")][-1]["state"] == "done"
    assert cols["divergences"].sum() > 0, "centred eight schools diverge"
    assert len(cols["divergent_draw"]) == cols["divergences"].sum() and (cols["divergent_draw"] >= 300).all()
    stats = run.stats["diverging"]
    assert [(c, r - 300) for c, r in zip(cols["divergent_chain"], cols["divergent_draw"])] == list(zip(*np.nonzero(stats)))
    html = dashboard.static()["text/html"]
    assert "<title>divergences</title>" in html and f"{stats.sum()} divergences after warm-up" in html
    assert any("diverged" in text for text in wire.of("findings")[-1][0]["texts"])


def test_stop_while_compiling_releases_the_dashboard_with_a_sentence(model, monkeypatch):
    go, entered = threading.Event(), threading.Event()
    real = running.LinkedSampler

    def slow(*args):
        entered.set()
        assert go.wait(60)
        return real(*args)

    monkeypatch.setattr(running, "LinkedSampler", slow)
    run = begun(model, 100, tune=10, chains=2)
    dashboard = SamplingDashboard(run)
    wire = Wire(dashboard)
    wire.say(t="hello", have=0)
    assert entered.wait(30)
    wait_until(lambda: wire.of("state"))
    wire.say(t="stop")
    assert dashboard.publisher.over.wait(3)
    last, _ = wire.of("state")[-1]
    assert last["state"] == "stopped" and "while compiling" in last["message"] and not wire.of("wrong")
    assert "no draws were made" in dashboard.static()["text/html"]
    wire.say(t="hello", have=0)
    assert wire.sent[-1][0]["t"] != "wrong"
    go.set()


def test_a_front_end_that_is_not_heard_is_told_by_the_widget(model):
    run = begun(model, 2_000_000, tune=100, chains=1)
    dashboard = SamplingDashboard(run)
    wire = Wire(dashboard)
    told = []
    wire.panel.observe(lambda change: told.append((time.perf_counter(), change["new"])), "status")
    wait_until(lambda: run.state in ("tuning", "sampling") and time.perf_counter() - run.started > 2.0, 120)
    told.clear()
    wait_until(lambda: len(told) > 2 and wire.of("draws") and json.loads(told[-1][1])["made"] > 0, 60)
    gaps = np.diff([at for at, _ in told])
    assert (gaps > 0.45).all(), "twice a second at most"
    assert wire.of("module") and wire.of("run") and wire.of("draws") and wire.of("state")[-1][0]["heard"] is False, "all is sent unasked"
    last = json.loads(told[-1][1])
    assert last["state"] in ("tuning", "sampling") and 0 < last["made"] < last["whole"]
    run.interrupt()
    assert run.state == "stopped" and len(run.draws["mu"][0]) > 0, "the kernel's interrupt stops, and keeps draws"
    assert dashboard.publisher.over.wait(30) and json.loads(told[-1][1])["state"] == "stopped"


def test_a_front_end_that_is_heard_is_told_by_messages_alone(model):
    run = begun(model, 300_000, tune=100, chains=1)
    dashboard = SamplingDashboard(run)
    wire = Wire(dashboard)
    wire.say(t="hello", have=0)
    time.sleep(3.0)
    run.stop()
    assert dashboard.publisher.over.wait(30) and wire.panel.status == "" and not wire.of("module")


def test_of_many_chains_that_are_moved_together_the_dashboard_shows_some(model, monkeypatch):
    monkeypatch.setenv("WORKBENCH_CHECK", "")
    run = begun(model, 60, tune=60, chains=500, method="chees", backend="c", thin=2)
    dashboard = SamplingDashboard(run)
    wire = Wire(dashboard)
    wire.say(t="hello", have=0)
    assert run.wait(60) and dashboard.publisher.over.wait(20)
    begin, _ = wire.of("run")[-1]
    assert (begin["chains"], begin["all_chains"], begin["draws"], begin["tune"]) == (8, 500, 30, 0)
    last, cols = wire.of("state")[-1]
    assert last["state"] == "done" and cols["draws"].tolist() == [30] * 8
    assert "plots are of the first 8" in dashboard.static()["text/html"] and run.draws["mu"].shape == (500, 30)
    # The table is of all chains: the mean of 500, whose R-hat is the nested one.
    (said,) = [cols for _, cols in wire.of("summary")][-1:]
    moments = run.moments()
    np.testing.assert_allclose(said["rhat"], np.concatenate([np.ravel(m["nested_rhat"]) for m in moments.values()]), rtol=1e-6)
    assert said["mean"][0] == pytest.approx(float(run.draws["mu"].mean()), abs=5 * float(moments["mu"]["mcse_mean"]))


def test_a_warm_up_that_ends_early_is_shown_as_long_as_it_was():
    with pm.Model() as easy:
        pm.Normal("x", 0.0, 1.0, shape=3)
    run = begun(easy, 400, tune=1000, chains=2, backend="c", stop_tuning_early=True)
    dashboard = SamplingDashboard(run)
    wire = Wire(dashboard)
    wire.say(t="hello", have=0)
    assert run.wait(60) and dashboard.publisher.over.wait(20) and run.tune < 1000
    begin, _ = wire.of("run")[-1]
    assert begin["tune"] == run.tune
    last, cols = wire.of("state")[-1]
    assert last["made"] == last["whole"] == 2 * (run.tune + 400) and not cols["tuning"].any()
    diverging = {(c, int(i)) for c in range(2) for i in run.divergences(c) if i >= run.tune}
    assert set(zip(cols["divergent_chain"].tolist(), cols["divergent_draw"].tolist())) == diverging


def test_ten_thousand_elements_take_small_messages():
    with pm.Model() as large:
        pm.Normal("x", 0.0, 1.0, shape=10_000)
    run = begun(large, 30, tune=10, chains=2)
    publisher = Publisher(run, lambda *_, **__: None)
    dashboard = SamplingDashboard(large)
    wire = Wire(dashboard)
    publisher._push = lambda kind, columns=None, **content: dashboard.push(kind, columns, **content)
    publisher.hello()
    publisher.start()
    assert publisher.over.wait(120) and len(publisher.table.names) == 10_000 and publisher.table.complete
    assert max(wire.sizes) <= LIMIT


def test_a_chain_in_another_mode_is_said():
    x = np.random.default_rng(4).normal(size=(4, 200, 5))
    x[2, :, 3] += 8.0
    said = elsewhere(table_of(["a", "b", "c", "d", "e"], x))
    assert list(said) == [2] and "its mean of d" in said[2]
    assert elsewhere(table_of(["a", "b", "c", "d", "e"], np.random.default_rng(4).normal(size=(4, 200, 5)))) == {}


# The form -------------------------------------------------------------------------------------------


def test_the_form_says_what_can_be_chosen_and_why_not():
    with pm.Model() as mixed:
        pm.Normal("x")
        pm.Poisson("k", 3.0)
    wire = Wire(SamplingDashboard(mixed, "mixed"))
    wire.say(t="hello", have=0)
    form, _ = wire.of("form")[-1]
    ways = {m["name"]: m for m in form["methods"]}
    assert ways["auto"]["title"] == "NUTS for x + Metropolis for k"
    assert "discrete" in ways["together:chees"]["why_not"] and not ways["step:Slice"]["why_not"]
    assert "two states" in ways["step:BinaryMetropolis"]["why_not"]
    assert "all variables" in ways["step:DEMetropolis"]["why_not"] and ways["step:DEMetropolis"]["group"] == "many chains together"
    for package in ("numpyro", "blackjax", "nutpie"):
        try:
            __import__(package)
        except ImportError:
            assert ways[f"external:{package}"]["why_not"].endswith(f"pip install {package}")
    assert [p["name"] for p in form["places"]] == ["", "numpy", "c", "numba", "jax"] or {p["name"] for p in form["places"]} >= {"", "c", "numba", "jax", "numpy"}
    wait_until(lambda: wire.of("devices"))
    kinds = [d["kind"] for d in wire.of("devices")[-1][0]["devices"]]
    assert "cpu" in kinds


@pytest.mark.parametrize("given, text", [
    ({}, "idata_m = pm.sample(model=m)"),
    ({"draws": "500", "random_seed": "3", "target_accept": "0.9"}, "idata_m = pm.sample(500, random_seed=3, target_accept=0.9, model=m)"),
    ({"method": "step:Slice"}, "idata_m = pm.sample(step=pm.Slice(model=m), model=m)"),
    ({"method": "together:chees", "chains": "128", "place": "c"}, 'idata_m = pm.sample(chains=128, method="chees", backend="c", model=m)'),
])  # fmt: skip
def test_the_code_that_does_the_same_is_shown_and_does(model, given, text):
    wire = Wire(SamplingDashboard(model, "m"))
    answer, _ = wire.ask(t="code", rid=1, **given)
    assert answer["text"] == text
    compile(text, "", "exec")


@pytest.mark.parametrize("given, word", [({"draws": "many"}, "draws must be a whole number"), ({"draws": "0"}, "at least 1"), ({"target_accept": "2"}, "target_accept"),
                                         ({"method": "step:Nothing"}, "no step method"), ({"place": "fortran"}, "fortran"), ({"method": "together:chees", "chains": "1"}, "at least")])  # fmt: skip
def test_what_cannot_be_is_refused_with_a_sentence(model, given, word):
    dashboard = SamplingDashboard(model, "m")
    wire = Wire(dashboard)
    dashboard.begin(given)
    assert word in wire.of("refused")[-1][0]["message"] and dashboard.run is None


def test_the_button_starts_a_run_and_a_second_one_waits_for_it(model):
    dashboard = SamplingDashboard(model, "m")
    wire = Wire(dashboard)
    wire.say(t="hello", have=0)
    wire.say(t="start", draws="2000000", tune="100", chains="1", random_seed="1")
    wait_until(lambda: dashboard.run is not None and dashboard.run.state == "sampling")
    dashboard.begin({})
    assert "stop it first" in wire.of("refused")[-1][0]["message"]
    wire.say(t="stop")
    wait_until(lambda: dashboard.idata is not None)
    assert dashboard.idata.posterior.sizes["chain"] == 1
    begin, _ = wire.of("run")[-1]
    assert begin["code"] == "idata_m = pm.sample(2000000, tune=100, chains=1, random_seed=1, model=m)"


def test_a_run_that_was_started_by_the_button_lasts_below_what_the_panel_showed(model):
    dashboard = SamplingDashboard(model, "m")
    wire = Wire(GraphInspector(model, "m"), dashboard)
    shown = []
    wire.panel.lasting, wire.panel.replace = {"text/html": "<svg>graph</svg>", "text/plain": "m"}, shown.append
    wire.say("sample", t="hello", have=0)
    dashboard.begin({"draws": "100", "tune": "100", "chains": "2", "random_seed": "1"})
    assert shown[-1]["text/html"].startswith("<svg>graph</svg>") and "400 draws of 2 chains" in shown[-1]["text/html"]


def test_a_dashboard_that_fails_says_so_and_leaves_the_run_alone(model, monkeypatch):
    def broken(self):
        raise ValueError("broken")

    monkeypatch.setattr(Publisher, "_end", broken)
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    run = begun(model, 50, tune=50, chains=1)
    dashboard = SamplingDashboard(run)
    wire = Wire(dashboard)
    assert run.wait(60) and dashboard.publisher.over.wait(10)
    assert "the dashboard failed (ValueError: broken)" in wire.of("findings")[-1][0]["texts"][0]
    assert "the dashboard failed" in dashboard.static()["text/plain"] and run.draws["mu"].shape == (1, 50)


def test_a_run_whose_model_was_deleted_goes_on():
    import gc

    with pm.Model() as short:
        pm.Normal("x")
    dashboard = SamplingDashboard(short, "short")
    wire = Wire(dashboard)
    wire.say(t="hello", have=0)
    wire.say(t="start", draws="50", tune="50", chains="1", random_seed="1")
    wait_until(lambda: dashboard.run is not None)
    dashboard.model = short = None
    gc.collect()
    wait_until(lambda: dashboard.idata is not None)
    assert dashboard.publisher.over.wait(20) and wire.of("findings") and not wire.of("wrong")
