"""Where the time goes in C, in the inspector and beside the code."""

import numpy as np
import pytest
from test_backends import until
from wire import Wire

import workbench as pm
import workbench.tensor as pt
from kernel_ext.code import loop_times
from kernel_ext.code.code_view import CodeView
from kernel_ext.graphs.computation import computation_of, drawn
from kernel_ext.graphs.inspector import GraphInspector
from kernel_ext.widget.panel import STATIC
from workbench.compile import function
from workbench.compile.c.toolchain import find_compiler
from workbench.errors import CompileError
from workbench.graph import topological

pytestmark = [
    pytest.mark.skipif(not (STATIC / "workbench.js").exists(), reason="the widgets are not built: run `make setup`"),
    pytest.mark.skipif(find_compiler() is None, reason="no C compiler on this system"),
]
ROWS = 40_000


@pytest.fixture(scope="module")
def model():
    rng = np.random.default_rng(0)
    with pm.Model(coords={"group": [*"abcde"]}) as made:
        mu, sigma = pm.Normal("mu"), pm.HalfNormal("sigma")
        level = pm.Normal("level", mu, 1.0, dims="group")
        pm.StudentT("y", 4.0, level[rng.integers(0, 5, ROWS)], sigma=sigma, observed=rng.normal(size=ROWS))
    return made


@pytest.fixture(scope="module")
def panel(model):
    return Wire(GraphInspector(model, "m", "computation"), CodeView(model, "m"))


@pytest.fixture(scope="module")
def measured(panel, model):
    """The nodes of the computation, and what the inspector says of each once its loops are measured."""
    nodes = [n for n in topological(computation_of(model).graph.results) if n.inputs]
    key = panel.part.numbers.of(nodes[0])
    before = panel.ask(t="more", rid=1, key=key)[0]
    assert before["loops"] == {"measured": False} and before["time"]["said"].endswith("in NumPy")
    panel.say(t="measure", rid=2, key=key)
    until(lambda: panel.of("loops"))
    answer, _ = panel.of("loops")[-1]
    assert (answer["rid"], answer["key"]) == (2, key) and answer["loops"]["measured"]
    return {n: panel.ask(t="more", rid=3, key=panel.part.numbers.of(n))[0]["loops"] for n in nodes}


def test_a_node_is_told_its_loop_and_the_share_of_that(measured, panel):
    (logarithms,) = (told for n, told in measured.items() if n.op.name == "log1p" and np.prod(n.type.shape) == ROWS)
    (place,) = logarithms["places"]
    # Forty thousand logarithms take longer than all else: five levels, a few numbers.
    assert logarithms["seconds"] > 0.5 * logarithms["total"] and place["kind"] == "loop" and place["what"].startswith(f"over {ROWS}: ")
    assert logarithms["seconds"] > ROWS * 0.2e-9 and place["times"] == 1
    shared = {n.op.name: told for n, told in measured.items() if panel.part.numbers.of(n) in place["keys"]}
    assert {"log1p", "subtract"} <= shared.keys()
    assert all(place["what"] in [p["what"] for p in told["places"]] for told in shared.values())


def test_what_has_no_line_is_a_part_of_what_is_computed_from_it(measured):
    (rows,) = (told for n, told in measured.items() if n.op.name == "take" and np.prod(n.type.shape) == ROWS)
    assert rows["how"] == "inside" and rows["count"] >= 1 and rows["places"][0]["what"].startswith(f"over {ROWS}: ")


def test_the_parts_of_a_call_are_all_of_it(measured, model):
    times = loop_times.known(computation_of(model).graph)
    assert sum(line.seconds for line in times.lines) == pytest.approx(times.total)
    assert all(0.0 <= told["seconds"] <= told["total"] == times.total for told in measured.values())
    constants = [n for n in topological(times.graph.results) if not n.inputs and n.op.name == "constant"]
    assert constants and all(times.of(n) == ("", []) for n in constants)


def test_code_has_the_times_that_another_tab_measured(measured, panel):
    panel.say(part="code", t="code", kind="c")
    until(lambda: panel.of("times"))
    content, times = panel.of("times")[-1]
    lines = panel.of("code")[-1][1]
    assert content["total"] == pytest.approx(times["seconds"].sum())
    assert set(lines["statement"].tolist()) == {0, *times["statement"].tolist()}
    longest = times["statement"][times["seconds"].argmax()]
    text = [t for t, s in zip(lines["text"], lines["statement"].tolist()) if s == longest]
    assert any("log1p(" in t for t in text) and "{" in text[0] and text[-1].strip() == "}"


def test_code_is_measured_where_it_is_shown():
    x = pt.vector("x", 2000)
    _, (walk,) = pt.scan(lambda c, e: ([pt.sin(c) + e], [c]), [0.0], [x])
    expr = walk[-1] + pt.sum(pt.exp(x))
    wire = Wire(CodeView(expr), GraphInspector(expr))
    wire.say(t="code", kind="c")
    until(lambda: wire.of("code"))
    assert not wire.of("times")
    wire.say(t="measure")
    until(lambda: wire.of("times"))
    _, times = wire.of("times")[-1]
    lines = wire.of("code")[-1][1]
    step = {s for t, s in zip(lines["text"], lines["statement"].tolist()) if "= sin(" in t and s}
    assert {times["times"][times["statement"] == s].item() for s in step} == {2000.0}
    # The loop over steps is all that is inside it.
    graph = computation_of(expr).graph
    before = loop_times.known(graph)
    assert loop_times.measured(expr) is before and loop_times.measured(expr, anew=True) is not before
    wire.say(t="measure", anew=True)
    until(lambda: len(wire.of("times")) == 2)
    assert loop_times.known(graph) is wire.part._times is not before
    (loop,) = (n for n in topological(graph.results) if n.op.graphs)
    how, inside = loop_times.known(graph).of(loop)
    assert how == "loop" and {line.statement for line in inside} >= step


def test_why_nothing_is_measured_is_said(monkeypatch):
    x = pt.vector("x", 3)
    wire = Wire(CodeView(function([x], pt.exp(x), backend="numpy")))
    wire.say(t="measure")
    until(lambda: wire.of("times"))
    content, _ = wire.of("times")[-1]
    assert content["error"] == "it is compiled for numpy" and "backend='c'" in content["hint"]

    def none():
        raise CompileError("no C compiler was found", "install gcc")

    monkeypatch.setattr(loop_times, "require_compiler", none)
    y = pt.exp(pt.constant(np.zeros(3)))
    told = Wire(inspector := GraphInspector(y)).ask(t="more", rid=1, key=inspector.numbers.of(y))[0]
    assert told["loops"] == {"why": "no C compiler was found – install gcc"} and told["time"]["said"].endswith("in NumPy")


def test_a_function_of_c_is_measured_at_random_numbers():
    x = pt.vector("x")
    f = function([x], pt.sum(pt.exp(x)), backend="c")
    wire = Wire(CodeView(f))
    wire.say(t="code", kind="c")
    until(lambda: wire.of("code"))
    wire.say(t="measure")
    until(lambda: wire.of("times"))
    content, times = wire.of("times")[-1]
    assert "error" not in content and set(wire.of("code")[-1][1]["statement"].tolist()) == {0, *times["statement"].tolist()}


def test_results_that_are_drawn_as_one_are_measured_apart():
    x, a = pt.vector("x", 30), pt.matrix("a", shape=(40, 40))
    subject = drawn(function([x, a], [pt.sum(pt.exp(x)), pt.linalg.cholesky(a @ a.T + 100.0)], backend="c"))
    wire = Wire(inspector := GraphInspector(subject))
    (factor,) = (n for n in topological(computation_of(subject).graph.results) if n.op.name == "cholesky")
    wire.say(t="measure", rid=1, key=inspector.numbers.of(factor))
    until(lambda: wire.of("loops"))
    told = wire.of("loops")[-1][0]["loops"]
    (place,) = told["places"]
    assert place["kind"] == "library" and place["what"].startswith("cholesky: ") and told["seconds"] > 40**3 / 3 * 1e-11
    assert inspector.code(factor)["c"]["lines"], "its line is found too"
