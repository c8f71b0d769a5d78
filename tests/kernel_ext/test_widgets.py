import numpy as np
import pytest
from wire import Wire, decode

import workbench as pm
import workbench.tensor as pt
from kernel_ext import static_view
from kernel_ext.display import panel_of
from kernel_ext.graphs.inspector import GraphInspector
from kernel_ext.widget.frames import encode
from kernel_ext.widget.panel import STATIC, Panel

pytestmark = pytest.mark.skipif(not (STATIC / "workbench.js").exists(), reason="the widgets are not built: run `make setup`")
HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def model():
    with pm.Model(coords={"group": ["a", "b", "c"]}) as made:
        mu = pm.Normal("mu", 0.0, 2.0)
        sigma = pm.HalfNormal("sigma", 1.0)
        level = pm.Normal("level", mu, 1.0, dims="group")
        pm.Normal("y", level[np.array([0, 1, 2, 2])], sigma, observed=[0.5, 1.0, -1.0, -0.5])
    return made


def test_columns_are_aligned_and_come_back():
    columns = {"a": np.array([1, 2, 3], np.uint8), "s": ["σ", "", "xyz"], "f": np.array([1.5, np.nan])}
    table, data = encode(columns)
    back = decode({"cols": table}, data)
    assert back["a"].tolist() == [1, 2, 3] and back["s"] == ["σ", "", "xyz"] and back["f"][0] == 1.5


def test_the_inspector_shows_both_views_and_a_nodes_details(model):
    wire = Wire(GraphInspector(model, "m"))
    content, cols = wire.ask(t="hello", have=0)
    assert content["view"] == "model" and cols["label"] == ["mu", "sigma", "level", "y"]
    assert cols["group.label"] == ["group (3)", "4"] and cols["group"].tolist() == [-1, -1, 0, 1]
    kinds = dict(zip(cols["label"], cols["kind"]))
    assert kinds["y"] == "observed" and kinds["mu"] == "random"
    names = dict(zip(cols["key"].tolist(), cols["label"]))
    edges = {(names[a], names[b]) for a, b in zip(cols["src"].tolist(), cols["dst"].tolist())}
    assert edges == {("mu", "level"), ("level", "y"), ("sigma", "y")}
    key = int(cols["key"][cols["label"].index("sigma")])
    node, _ = wire.ask(t="node", rid=7, key=key)
    assert node["rid"] == 7 and node["op"] == "HalfNormal" and node["value"] == {"summary": "1", "shape": [], "said": "at the initial point"}
    assert "pm.HalfNormal" in node["line"]["text"]
    wire = Wire(GraphInspector(model, "m", "computation"))
    content, cols = wire.ask(t="hello", have=0)
    assert content["view"] == "computation" and "logp" in cols["label"] and "gradient" in cols["label"]
    root = int(content["roots"][0])
    node, _ = wire.ask(t="node", rid=8, key=root)
    assert np.isclose(float(node["value"]["summary"]), sum(model.point_logps().values()), rtol=1e-4)
    more, _ = wire.ask(t="more", rid=9, key=root)
    assert more["code"]["c"]["lines"] and "\n> " in more["code"]["c"]["text"] and more["gradient"]["summary"] == "1"


def test_buffers_that_a_host_drops_come_as_text(model):
    import base64

    panel = Panel([GraphInspector(model)])
    sent = []
    panel.send = lambda content, buffers=None: sent.append((content, buffers))
    panel._receive(None, {"p": "model", "t": "hello", "have": 0, "b64": True}, [])
    content, buffers = sent[-1]
    assert buffers is None and decode(content, base64.b64decode(content["b64"]))["label"][0] == "mu"


def test_hostile_names_are_text_everywhere():
    with pm.Model() as model:
        x = pm.Normal(HOSTILE)
        pm.Normal("y", x, 1.0, observed=1.0)
    bundle = static_view.subject_bundle(model)
    assert "<img" not in bundle.get("text/html", "")


def test_models_and_expressions_have_a_drawing_and_text(model):
    bundle = static_view.subject_bundle(model)
    assert "mu ~ Normal(0, 2)" in bundle["text/plain"]
    assert "<svg" in bundle["text/html"]
    assert "exp" in static_view.subject_bundle(pt.exp(pt.scalar("x")))["text/plain"]


def test_widgets_are_small():
    assert (STATIC / "workbench.js").stat().st_size <= 250 * 1024
    assert len(panel_of(pt.exp(pt.scalar("x")))._esm) <= 4 * 1024, "what a saved notebook has of each"


def test_a_panel_has_the_parts_of_its_subject_with_one_numbering(model):
    panel = panel_of(model, "m", "steps")
    assert [name for name, _ in panel.parts] == ["model", "density", "steps", "code", "backends", "infer", "sample", "fit", "posterior", "links"] and panel.first == "steps"
    assert len({id(p.numbers) for p in panel.members.values()}) == 1
    assert [title for _, title in panel_of(pt.exp(pt.scalar("x"))).parts] == ["Graph", "Rewrites", "Code", "Backends", ""]


def test_what_is_chosen_in_one_tab_is_found_in_the_others(model):
    from kernel_ext.graphs.computation import computation_of
    from kernel_ext.widget.links import Links
    from workbench.graph import topological

    links = Links(model)
    wire = Wire(links)
    numbers = wire.panel.numbers
    compiled = set(topological(computation_of(model).graph.results))

    def ask(x):
        content, _ = wire.ask(t="related", rid=1, keys=[numbers.of(x)])
        return [numbers.expr(k) for k in content["keys"]], content["name"]

    found, name = ask(model["sigma"])
    there = [x for x in found if x in compiled]
    assert name == "sigma" and there and all("sigma_log__" in str(x) or str(x) == "reshape{shape=()}(q[1:2])" for x in there), found
    found, name = ask(next(x for x in there if str(x) == "reshape{shape=()}(q[1:2])"))
    assert name == "sigma" and model.rvs_to_values[model["sigma"]] in set(found), "and back"
    found, name = ask(computation_of(model).graph.results[0])
    assert name is None, "the whole density comes from no one variable"


def test_a_page_gets_the_module_when_it_asks(model):
    wire = Wire(GraphInspector(model))
    content, _ = wire.ask(t="module")
    assert content["t"] == "module" and "mount" in content["text"]
    assert wire.panel.module in {panel_of(model).module}


@pytest.mark.parametrize("rubbish", [None, 1, "hello", [], {}, {"t": 1}, {"t": "node", "p": "model"}, {"t": "node", "p": "model", "key": "x"},
                                     {"t": "node", "p": "model", "key": 10**9}, {"p": []}, {"t": "hello", "p": {}}, {"t": "push", "p": "model"},
                                     {"t": "__init__", "p": "model"}])  # fmt: skip
def test_whatever_a_front_end_sends_the_kernel_goes_on(model, rubbish):
    wire = Wire(GraphInspector(model, "m"))
    wire.panel._receive(None, rubbish, [])
    assert all(content["t"] == "wrong" for content, _ in wire.sent)
    assert wire.ask(t="hello", have=0)[0]["t"] == "graph"


def test_what_is_imported_ahead_is_what_a_models_steps_need():
    import subprocess
    import sys

    script = (
        "import sys, kernel_ext, kernel_ext.display, workbench as pm\n"
        "kernel_ext.import_soon_needed()\n"
        "before = set(sys.modules)\n"
        "with pm.Model() as m:\n    pm.Binomial('y', 10, pm.Beta('p', 1, 1), observed=7)\n"
        "m.trace()\n"
        "print(sum(name.startswith('scipy') for name in set(sys.modules) - before))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert int(done.stdout) == 0


def test_the_steps_of_a_gradient_begin_with_its_derivation():
    from kernel_ext.graphs.computation import computation_of
    from kernel_ext.stepper import RewriteStepper

    x = pt.vector("x")
    slope = pt.grad(pt.sum(pt.exp(x) * x), x)
    for subject in (slope, pm.function([x], slope, backend="numpy")):
        made = computation_of(subject)
        rules = [f.rule.name for p in made.trace.passes if p.name == "gradient" for f in p.firings]
        assert {"derivative_of_exp", "derivative_of_multiply"} <= set(rules)
        assert len(made.graph.results) == 1
        at = np.array([0.5, -1.0])
        (value,) = made.graph.run("numpy", at)
        assert np.allclose(value, np.exp(at) * (at + 1))
        assert RewriteStepper(made.trace).replay.passes[0].name == "gradient"
