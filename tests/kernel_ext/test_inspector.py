import numpy as np
import pytest
from scipy import stats
from wire import Wire

import workbench as pm
import workbench.tensor as pt
from kernel_ext.graphs.inspector import GraphInspector
from kernel_ext.sampling import draws
from kernel_ext.widget.panel import STATIC
from workbench.graph import topological
from workbench.model.position import Places

pytestmark = pytest.mark.skipif(not (STATIC / "workbench.js").exists(), reason="the widgets are not built: run `make setup`")
MESSAGE = 256 * 1024
Y = np.array([0.5, 1.0, -1.0, -0.5])


def hierarchy(scale=1.0):
    with pm.Model(coords={"group": ["a", "b", "c"]}) as made:
        mu, sigma = pm.Normal("mu", 0.0, 2.0), pm.HalfNormal("sigma", scale)
        level = pm.Normal("level", mu, 1.0, dims="group")
        pm.Normal("y", level[np.array([0, 1, 2, 2])], sigma, observed=Y)
    return made


@pytest.fixture(scope="module")
def model():
    return hierarchy()


def graph_of(inspector):
    """The columns of what an inspector sends, put together."""
    wire = Wire(inspector)
    wire.say(t="hello", have=0)
    sent = wire.of("graph")
    whole = {}
    for _, cols in sent:
        for name, values in cols.items():
            whole.setdefault(name, []).extend(values if isinstance(values, list) else values.tolist())
    return wire, sent, whole


def test_a_density_is_grouped_by_what_its_parts_are_for(model):
    _, _, cols = graph_of(GraphInspector(model, "m", "computation"))
    top = [label for label, parent in zip(cols["group.label"], cols["group.parent"]) if parent < 0]
    assert {"prior of mu", "prior of sigma", "prior of level", "density of y", "log-density", "gradient", "values"} <= set(top)
    assert len(top) <= 15 and not any(cols["group.open"])
    said = dict(zip(cols["group.label"], cols["group.said"]))
    assert said["prior of level"] == "Normal(mu, 1)" and said["gradient to mu"] == "∂ logp / ∂ mu"
    assert all(parent < i for i, parent in enumerate(cols["group.parent"])), "a group comes after what it lies in"


def test_formulas_fold_what_is_computed_for_them_alone():
    x = pt.vector("x", 3)
    shared = pt.exp(x)
    y = pt.sum(pt.sqrt(shared + 1.0) * 2.0) + pt.sum(shared)
    _, _, cols = graph_of(GraphInspector(y))
    held = dict(zip(cols["label"], cols["group"]))
    assert held["x"] == -1 and held["exp(x)"] == -1, "what two use is a box"
    assert held["sqrt(exp(x) + 1)"] >= 0 and len(set(cols["group"])) == 2


def test_values_and_gradients_are_those_of_scipy_and_differences(model):
    inspector = GraphInspector(model, "m", "computation")
    wire, _, cols = graph_of(inspector)
    logp = int(cols["key"][cols["label"].index("logp")])
    node, _ = wire.ask(t="node", rid=1, key=logp)
    sigma = 1.0
    exact = stats.norm(0, 2).logpdf(0) + stats.halfnorm.logpdf(sigma) + np.log(sigma) + 3 * stats.norm.logpdf(0) + stats.norm(0, sigma).logpdf(Y).sum()
    assert float(node["value"]["summary"]) == pytest.approx(exact, rel=1e-5)
    at = inspector._values_at(None)
    total = inspector.graph.results[0]
    q = at.arguments[0]

    def after(change, expr):
        from workbench.graph import replace

        (changed,) = replace([total], {expr: pt.as_tensor(change)})
        return float(inspector.graph.__class__(inspector.graph.params, [changed]).run("numpy", q)[0])

    seen = 0
    for expr in topological([total]):
        if not expr.inputs or expr.type.dtype != "float64" or expr.type.shape != () or expr is total:
            continue
        slope, value, h = at.gradient(expr), float(at.of(expr)), 1e-5
        numeric = (after(value + h, expr) - after(value - h, expr)) / (2 * h)
        assert float(slope) == pytest.approx(numeric, rel=1e-4, abs=1e-6), expr
        seen += 1
    assert seen > 10


def test_values_are_seen_at_any_draw(model):
    run = pm.sample(20, tune=50, chains=2, model=model, random_seed=1, progressbar=False, blocking=False)
    assert run.wait(60)
    draws.remember(run)
    inspector = GraphInspector(model, "m")
    wire, _, cols = graph_of(inspector)
    key = int(cols["key"][cols["label"].index("level")])
    node, numbers = wire.ask(t="node", rid=1, key=key, at={"chain": 1, "draw": 7})
    assert node["points"] == {"chains": 2, "draws": 20}
    assert np.array_equal(numbers["value"], run.draws["level"][1, 7])
    density = GraphInspector(model, "m", "computation")
    q, z = draws.position(run, 1, 7)
    total = density._values_at((1, 7)).of(density.graph.results[0])
    point = Places.of(run.model).point(q, z)
    assert float(total) == pytest.approx(sum(model.point_logps(point).values()), rel=1e-3)
    wrong, _ = wire.ask(t="node", rid=2, key=key, at={"chain": 9, "draw": 7})
    assert "no draw 8 of chain 10" in wrong["value"]["error"]
    del run
    assert draws.latest_run(hierarchy()) is None


def test_two_models_are_told_apart():
    _, _, cols = graph_of(GraphInspector(hierarchy(), "m1", compare=hierarchy(2.0), compared_to="m2"))
    sides = sorted(zip(cols["label"], cols["type"], cols["side"]))
    assert [s for s in sides if s[0] == "sigma"] == [("sigma", "~ HalfNormal(1)", 1), ("sigma", "~ HalfNormal(2)", 2)]
    assert {label for label, _, side in sides if side == 0} == {"mu", "level", "y"}
    _, sent, cols = graph_of(GraphInspector(hierarchy(), "m1", "computation", compare=hierarchy(2.0)))
    assert {0, 1, 2} == set(cols["side"]) and cols["side"].count(0) > cols["side"].count(1)
    assert sent[0][0]["comparing"] == ["m1", "the other"]
    same = graph_of(GraphInspector(hierarchy(), "m", "computation", compare=hierarchy()))[2]
    assert set(same["side"]) == {0}
    with pytest.raises(TypeError, match="a model can be compared with another, not with an expression"):
        GraphInspector(hierarchy(), compare=pt.scalar("x"))


def test_messages_are_small_whatever_the_graph():
    x = pt.vector("x", 3)
    nodes = [x]
    for i in range(6000):
        nodes.append(nodes[-1] * 1.5 + nodes[max(0, i - 7)])
    inspector = GraphInspector(nodes[-1])
    wire, sent, cols = graph_of(inspector)
    assert len(sent) > 1 and len(cols["key"]) == len(set(cols["key"])) > 10_000
    from kernel_ext.widget.frames import encode

    drawn, _, _ = inspector._drawn()
    assert len(encode(drawn)[1]) / len(sent) < MESSAGE
    for _, part in sent:
        assert sum(8 * len(v) if not isinstance(v, list) else sum(map(len, v)) + 4 * len(v) for v in part.values()) < MESSAGE


def test_models_without_a_gradient_and_without_variables_are_shown():
    with pm.Model() as discrete:
        pm.Normal("y", pm.Poisson("n", 3.0), 1.0, observed=2.0)
    _, sent, cols = graph_of(GraphInspector(discrete, "d", "computation"))
    assert "logp" in cols["label"] and sent
    assert graph_of(GraphInspector(pm.Model(), "none"))[2]["label"] == []
    assert graph_of(GraphInspector(pm.Model(), "none", "computation"))[1]


def test_what_is_not_finite_is_said():
    with pm.Model() as model:
        a = pm.Normal("a")
        pm.Deterministic("bad", pt.log(a - 1.0) * np.array([1.0, np.nan, 2.0]))
    wire, _, cols = graph_of(GraphInspector(model, "m"))
    node, _ = wire.ask(t="node", rid=1, key=int(cols["key"][cols["label"].index("bad")]))
    assert node["value"]["summary"] == "[3] 3 not finite; no finite number: nan, nan, nan"


def test_a_saved_comparison_has_both():
    bundle = GraphInspector(hierarchy(), "pooled", compare=hierarchy(2.0), compared_to="<wide>").static()
    assert bundle["text/html"].count("<svg") in (0, 2) and "<b>pooled</b>" in bundle["text/html"] and "<b>&lt;wide&gt;</b>" in bundle["text/html"]
    assert bundle["text/plain"].index("pooled:") < bundle["text/plain"].index("<wide>:") and "HalfNormal(1)" in bundle["text/plain"] and "HalfNormal(2)" in bundle["text/plain"]
