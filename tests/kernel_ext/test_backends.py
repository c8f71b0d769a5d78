"""Backends and code by message: what is measured is so, what cannot be used says why, lines and expressions find each other."""

import threading
import time

import numpy as np
import pytest
from IPython.core.interactiveshell import InteractiveShell
from wire import Wire

import workbench as pm
import workbench.tensor as pt
from kernel_ext.code import measuring
from kernel_ext.code.backends import BackendToggle
from kernel_ext.code.code_view import CodeView
from kernel_ext.code.measuring import Measurement, difference, places, timed
from kernel_ext.display import panel_of
from kernel_ext.graphs.computation import computation_of, drawn
from kernel_ext.widget.panel import STATIC
from workbench.graph import topological

pytestmark = pytest.mark.skipif(not (STATIC / "workbench.js").exists(), reason="the widgets are not built: run `make setup`")
HOSTILE = "<img src=x onerror=alert(1)>"


def model_of(name="sigma"):
    with pm.Model(coords={"group": ["a", "b", "c"]}) as made:
        mu = pm.Normal("mu", 0.0, 2.0)
        sigma = pm.HalfNormal(name, 1.0)
        level = pm.Normal("level", mu, 1.0, dims="group")
        pm.Normal("y", level[np.array([0, 1, 2, 2])], sigma, observed=[0.5, 1.0, -1.0, -0.5])
    return made


def until(so, seconds=60):
    end = time.monotonic() + seconds
    while not so():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.02)


def settled(wire):
    until(lambda: not wire.part._busy)
    return {(m["key"], m["precision"]): m for m in wire.of("places")[-1][0]["measures"]}


def test_c_and_numpy_are_measured_at_once_and_jax_and_numba_when_asked():
    wire = Wire(BackendToggle(model_of(), "m"))
    wire.say(t="hello")
    found = settled(wire)
    assert set(found) == {("numpy", "float64"), ("c", "float64")}
    c = found["c", "float64"]
    assert c["state"] == "done" and 0 < c["seconds"] < 1e-3 and c["relative"] < 1e-13 and c["cached"] in (True, False)
    assert c["phases"].keys() >= {"derive", "rewrite", "lower", "compile", "first_call"}
    assert found["numpy", "float64"]["difference"] == 0
    said = [m["row"]["phase"] for m, _ in wire.of("measure") if m["row"]["key"] == "c" and m["row"]["state"] == "now"]
    assert said == ["derive", "rewrite", "lower", "compile", "compare", "time"]


def test_what_compiling_took_is_kept_when_the_code_comes_from_the_cache(monkeypatch, tmp_path):
    tmp_path.chmod(0o700)
    monkeypatch.setenv("WORKBENCH_CACHE_DIR", str(tmp_path))
    wire = Wire(BackendToggle(model_of(), "m"))
    wire.say(t="measure", keys=["c"])
    first = settled(wire)["c", "float64"]
    wire.say(t="measure", keys=["c"])
    again = settled(wire)["c", "float64"]
    assert (first["cached"], again["cached"]) == (False, True)
    assert again["anew"] == first["compile"] > again["compile"]


def test_of_discrete_variables_the_density_alone_is_measured_at_whole_numbers():
    with pm.Model() as model:
        p = pm.Beta("p", 1.0, 1.0)
        pm.Binomial("y", pm.Poisson("k", 3.0) + 1, p, observed=1)
    measure = Measurement(model)
    at = model.flat_slices["k"][0]
    assert all(v[0][at] == np.round(v[0][at]) for v in measure.points) and len({float(v[0][0]) for v in measure.points}) > 1
    made = measure(places(False)[1], "float64", lambda phase: None)
    assert made.not_finite == 0 and made.relative < 1e-13


def test_a_difference_is_that_of_the_results():
    x = pt.vector("x", 3)
    measure = Measurement(pt.exp(x) + 1e-7 * pt.sin(1e3 * x))
    exact = [np.exp(v[0]) + 1e-7 * np.sin(1e3 * v[0]) for v in measure.points]
    made = measure(places(False)[1], "float32", lambda phase: None)
    single = [(np.exp(v[0].astype("float32")) + np.float32(1e-7) * np.sin(np.float32(1e3) * v[0].astype("float32"))) for v in measure.points]
    wanted = max(np.max(np.abs(a - b)) for a, b in zip(single, exact))
    assert 0.3 * wanted < made.difference < 3 * wanted and made.not_finite == 0


@pytest.mark.parametrize(
    "made, wanted, found",
    [
        ([1.0, 2.0], [1.0, 2.5], (0.5, 0.2, True)),
        ([np.inf, np.nan], [np.inf, np.nan], (0.0, 0.0, True)),
        ([np.inf, 1.0], [1e300, 1.0], (0.0, 0.0, False)),
        ([np.nan], [0.0], (0.0, 0.0, False)),
        ([3.0], [0.0], (3.0, 3.0, True)),
    ],
)
def test_differences_of_what_is_not_finite_are_told_apart(made, wanted, found):
    assert difference([np.array(made)], [np.array(wanted)]) == found


def test_a_time_is_that_of_the_fastest_batch(monkeypatch):
    now = [0.0]
    costs = iter([0.5, *[0.001] * 10_000])

    def call():
        now[0] += next(costs)

    monkeypatch.setattr(measuring.time, "perf_counter", lambda: now[0])
    seconds, calls, batches = timed(call, lambda phase: None)
    assert seconds == pytest.approx(0.001) and calls >= 4 and batches >= 3


def test_a_click_changes_the_model_and_the_next_run():
    model = model_of()
    wire = Wire(BackendToggle(model, "m"))
    wire.say(t="use", key="numpy")
    content, _ = wire.of("places")[-1]
    assert content["said"] == "m is computed by NumPy from the next run on." and content["used"] == "numpy" and model.backend == "numpy"
    run = pm.sample(5, tune=5, chains=1, model=model, blocking=False, progressbar=False)
    assert run.backend == "numpy" and run.wait(60)
    wire.say(t="use", key="")
    assert model.chosen_backend is None


def test_what_is_not_there_says_why_and_what_to_do(monkeypatch):
    monkeypatch.setenv("WORKBENCH_CC", "")
    monkeypatch.setattr(measuring.importlib.util, "find_spec", lambda name: None)
    wire = Wire(BackendToggle(model_of(), "m"))
    wire.say(t="hello")
    rows = {r["key"]: r for r in wire.of("places")[0][0]["rows"]}
    assert "WORKBENCH_CC is empty" in rows["c"]["why"] and "gcc" in rows["c"]["fix"]
    assert rows["numba"]["fix"] == "pip install numba" and rows["jax:gpu"]["why"] == "JAX is not installed"
    wire.say(t="use", key="c")
    assert "cannot be used" in wire.of("places")[-1][0]["said"]


def test_a_gpu_that_is_not_there_is_said_when_jax_has_been_asked():
    pytest.importorskip("jax")
    wire = Wire(BackendToggle(model_of(), "m"))
    wire.say(t="look")
    until(lambda: wire.of("places"))
    rows = {r["key"]: r for r in wire.of("places")[-1][0]["rows"]}
    assert rows["jax:cpu"]["asked"] and rows["jax:cpu"]["device"]
    assert "jax:gpu" in rows and (rows["jax:gpu"]["why"] or rows["jax:gpu"]["device"])


def test_cancel_ends_what_goes_on_and_what_waits(monkeypatch):
    going, on = threading.Event(), threading.Event()

    def slow(self, place, precision, listener):
        going.set()
        on.wait(20)
        listener("time")

    monkeypatch.setattr(Measurement, "_measure", slow)
    wire = Wire(BackendToggle(model_of(), "m"))
    wire.say(t="measure", keys=["numpy", "c"])
    assert going.wait(20)
    wire.say(t="cancel")
    on.set()
    assert settled(wire) == {} and wire.of("places")[-1][0]["said"] == "Cancelled."


def test_an_error_of_a_backend_is_its_row_and_others_go_on(monkeypatch):
    real = Measurement._measure

    def broken(self, place, precision, listener):
        if place.key == "numpy":
            raise pm.errors.CompileError("no such thing", "do without")
        return real(self, place, precision, listener)

    monkeypatch.setattr(Measurement, "_measure", broken)
    wire = Wire(BackendToggle(model_of(), "m"))
    wire.say(t="hello")
    found = settled(wire)
    assert (found["numpy", "float64"]["why"], found["numpy", "float64"]["fix"]) == ("no such thing", "do without")
    assert found["c", "float64"]["state"] == "done"


def test_what_lasts_is_what_was_measured():
    toggle = BackendToggle(model_of(), HOSTILE)
    wire = Wire(toggle)
    assert "not measured" in toggle.static()["text/plain"]
    wire.say(t="hello")
    settled(wire)
    html = toggle.static()["text/html"]
    assert "µs" in html and "C (gcc) (in use)" in html.replace("clang", "gcc") and "<img" not in html


def listing(wire, kind):
    wire.say(t="code", kind=kind)
    until(lambda: any(m["kind"] == kind and (m.get("error") or m["start"] + len(c["text"]) == m["total"]) for m, c in wire.of("code")))
    chunks = [(m, c) for m, c in wire.of("code") if m["kind"] == kind]
    return [t for _, c in chunks for t in c.get("text", [])], np.concatenate([c["key"] for _, c in chunks]), chunks


def test_each_line_has_the_number_that_the_graph_has():
    panel = panel_of(model_of(), "m")
    wire = Wire(panel.members["code"])
    for kind in ("c", "numba", "numpy", "loops"):
        text, keys, _ = listing(wire, kind)
        exponentials = [wire.part.numbers.expr(k) for t, k in zip(text, keys) if "exp(" in t and k >= 0]
        assert exponentials and all(x.op.name in ("exp", "expm1") for x in exponentials), kind
    graph = {wire.part.numbers.expr(int(k)) for k in keys if k >= 0}
    nodes = set(topological(computation_of(panel.members["code"].subject).graph.results))
    assert len(graph & nodes) > 0.5 * len(nodes)


def test_a_variable_finds_the_lines_that_belong_to_it():
    model = model_of()
    wire = Wire(CodeView(model, "m"))
    text, keys, _ = listing(wire, "c")
    wire.say(t="related", rid=3, kind="c", keys=[wire.part.numbers.of(model["level"])])
    content, cols = wire.of("related")[-1]
    lines = [t for t, k in zip(text, keys) if k in set(cols["key"].tolist())]
    assert content["rid"] == 3 and any("level" in t for t in lines) and len(lines) < len(text) / 2
    wire.say(t="related", rid=4, kind="c", keys=[], name="level")
    assert set(wire.of("related")[-1][1]["key"].tolist()) == set(cols["key"].tolist())


def test_places_are_the_users_lines():
    wire = Wire(CodeView(model_of(), "m"))
    _, _, chunks = listing(wire, "c")
    (content, cols), *_ = chunks
    assert any("HalfNormal" in p["text"] for p in content["places"])
    assert cols["place"].max() == len(content["places"]) - 1


def test_long_code_comes_in_messages_of_bounded_size():
    x = pt.vector("x", 10)
    y = x
    for i in range(1500):
        y = pt.sin(y) + pt.sort(x)[i % 7]
    wire = Wire(CodeView(y))
    text, _, chunks = listing(wire, "numpy")
    assert len(chunks) > 1 and len(text) == chunks[0][0]["total"]
    assert all(sum(len(t) for t in c["text"]) < 200_000 for _, c in chunks)


def test_code_that_cannot_be_made_says_why():
    x = pt.vector("x", 4)
    wire = Wire(CodeView(x[x > 0].sum()))
    wire.say(t="code", kind="c")
    until(lambda: wire.of("code"))
    content, _ = wire.of("code")[-1]
    assert "depends on values" in content["error"] and "numpy" in content["hint"]


def test_code_that_lasts_is_text_and_bounded():
    made = CodeView(model_of(HOSTILE), "m").static()
    assert "<img" not in made["text/html"] and "&lt;img" in made["text/html"] and made["text/html"].startswith("<details>")
    x = pt.vector("x", 10)
    y = x
    for i in range(1200):
        y = pt.sin(y) * (1.5 + i) + pt.sort(x)[i % 7]
    long = CodeView(y).static()
    assert len(long["text/html"].encode()) < 60_500 and "more lines" in long["text/plain"][-40:]


def test_functions_have_a_panel_with_their_graph_steps_code_and_backends():
    x = pt.vector("x", 3)
    f = pm.function([x], [pt.exp(x), x.sum()], backend="numpy", name="two")
    panel = panel_of(f, "f")
    assert [name for name, _ in panel.parts if name != "links"] == ["density", "steps", "code", "backends"]
    assert [r.op.name for r in drawn(f).inputs] == ["exp", "sum"]
    wire = Wire(BackendToggle(f, "f"))
    wire.say(t="hello")
    assert settled(wire)["c", "float64"]["state"] == "done"
    wire.say(t="use", key="c")
    assert "stays where it is" in wire.of("places")[-1][0]["said"]


def test_magics_open_them():
    ip = InteractiveShell()
    ip.run_line_magic("load_ext", "kernel_ext")
    try:
        ip.run_cell_magic("model", "m --show none", "x = Normal(0.0, 1.0)")
        shown = []
        import kernel_ext.display as display
        import kernel_ext.magics as magics

        original, magics.show = magics.show, lambda panel: shown.append(panel)
        kept, display.show = display.show, lambda panel: shown.append(panel)
        try:
            ip.run_line_magic("backend", "")
            ip.run_line_magic("backend", "m")
        finally:
            magics.show, display.show = original, kept
        assert shown[0].members["backends"].subject is None
        assert shown[1].first == "backends" and shown[1].members["backends"].subject is ip.user_ns["m"]
        shown[0].members["backends"].use("numpy")
        assert ip.user_ns["m"].backend == "numpy"
        assert ip.run_line_magic("backend", "m c") == "m: c" and ip.user_ns["m"].chosen_backend == "c"
        with pytest.raises(Exception, match="did you mean 'numba'"):
            ip.run_line_magic("backend", "nunba")
    finally:
        ip.run_line_magic("unload_ext", "kernel_ext")
