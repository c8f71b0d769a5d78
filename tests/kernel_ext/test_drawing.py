import random
import time
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

import workbench as pm
import workbench.tensor as pt
from kernel_ext.graphs.drawing import NODE_LIMIT, clipped, graph_svg
from kernel_ext.graphs.layered import CLEAR, layout
from workbench.datasets import radon as radon_data

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = ["<img src=x onerror=alert(1)>", '"><script>alert(1)<script>', "&lt;b&gt;", "x" * 300, "\u202eabc", "מודל", "日本語の変数", "a\nb"]


def words(svg):
    """What is written in a drawing; an error where it is not well-formed."""
    return [t.text for t in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def chain(n):
    with pm.Model() as model:
        x = pm.Normal("x0")
        for i in range(1, n):
            x = pm.Normal(f"x{i}", x, 1.0)
    return model


@pytest.fixture(scope="module")
def radon():
    data = radon_data()
    with pm.Model(coords={"county": data["names"]}) as model:
        mu, sigma = pm.Normal("mu", 0.0, 10.0), pm.HalfNormal("sigma", 1.0)
        a = pm.Normal("a", mu, sigma, dims="county")
        b = pm.Normal("b", 0.0, 1.0)
        pm.Normal("y", a[data["county"]] + b * data["floor"], pm.HalfNormal("eps", 1.5), observed=data["log_radon"])
    return model


def test_a_drawing_says_what_variables_are_and_where_they_repeat(radon):
    said = words(graph_svg(radon))
    assert {"mu", "~ Normal(0, 10)", "a", "~ Normal(mu, sigma)", "county (85)", "919"} <= set(said)


def test_a_drawing_costs_milliseconds(radon):
    graph_svg(radon)
    for model, most in ((radon, 0.02), (chain(100), 0.15)):
        best = min(_seconds(model) for _ in range(5))
        assert best < most, best


def _seconds(model):
    begun = time.perf_counter()
    graph_svg(model)
    return time.perf_counter() - begun


def test_kinds_look_unlike_one_another():
    with pm.Model() as model:
        x = pm.Normal("x")
        pm.Deterministic("d", x * 2)
        pm.Potential("p", -(x**2))
        pm.Normal("y", x, 1.0, observed=0.5)
        pm.Normal("z", pm.Data("data", 1.0), 1.0)
    svg = ElementTree.fromstring(graph_svg(model))
    looks = {}
    for g in svg.iter(f"{SVG}g"):
        path, name = g.find(f"{SVG}path"), g.find(f"{SVG}text").text
        looks[name] = (path.get("fill"), path.get("stroke"), path.get("d").translate(str.maketrans("", "", "0123456789.-")))
    assert len({looks[n] for n in ("x", "d", "p", "y", "data")}) == 5
    assert len({looks[n][2] for n in ("x", "d", "p", "data")}) == 4, "by shape, not by colour alone"
    assert looks["y"][0] != looks["x"][0]


@pytest.mark.parametrize("name", HOSTILE)
def test_whatever_a_name_is_it_is_text_of_a_modest_width(name):
    with pm.Model() as model:
        pm.Normal("y", pm.Normal(name), 1.0, observed=1.0)
    svg = graph_svg(model)
    root = ElementTree.fromstring(svg)
    assert {e.tag for e in root.iter()} <= {SVG + t for t in ("svg", "g", "title", "path", "text", "rect")}
    assert float(root.get("width")) < 500
    assert any(name in t.text for t in root.iter(f"{SVG}title")), "the whole name is in the title"


def test_models_without_variables_and_with_thousands_have_a_bundle():
    from kernel_ext.static_view import subject_bundle

    assert "<svg" in subject_bundle(pm.Model())["text/html"]
    with pm.Model() as many:
        for i in range(2000):
            pm.Normal(f"x{i}")
    assert {"x0 … x1999", "~ Normal(0, 1) × 2,000"} <= set(words(graph_svg(many)))
    with pm.Model() as unlike:
        for i in range(200):
            pm.Normal(f"x{i}", shape=i + 1)
    assert graph_svg(unlike) is None
    assert "200 variables (200 free)" in subject_bundle(unlike)["text/html"]


def test_a_hundred_independent_variables_are_a_grid():
    with pm.Model() as model:
        for i in range(100):
            pm.Normal(f"x{i}")
    svg = ElementTree.fromstring(graph_svg(model))
    assert 0.7 < float(svg.get("width")) / float(svg.get("height")) < 3


def test_a_chain_of_a_hundred_is_cut_into_columns():
    svg = ElementTree.fromstring(graph_svg(chain(100)))
    assert 0.7 < float(svg.get("width")) / float(svg.get("height")) < 3


def test_clipped_text_keeps_both_ends():
    assert clipped("abcdefghij", 10) == "abcdefghij"
    assert clipped("level_of_the_first_county", 12) == "level_o…unty" and len(clipped("x" * 300, 26)) == 26


def graph_of(seed):
    rng = random.Random(seed)
    n = 2 + rng.randrange(30)
    sizes = [(40.0 + rng.randrange(160), 38.0) for _ in range(n)]
    edges = sorted({(a, b) for a, b in ((rng.randrange(n), rng.randrange(n)) for _ in range(2 * n)) if a < b})
    plates = [rng.randrange(4) - 1 for _ in range(n)] if seed % 2 else [-1] * n
    return sizes, edges, plates


@pytest.mark.parametrize("seed", range(60))
def test_boxes_overlap_nothing_and_plates_hold_their_own(seed):
    sizes, edges, plates = graph_of(seed)
    made = layout(sizes, edges, plates)
    boxes = [(p.x - w / 2, p.y - h / 2, p.x + w / 2, p.y + h / 2) for p, (w, h) in zip(made.places, sizes)]
    for i, a in enumerate(boxes):
        assert a[0] > -1e-6 and a[1] > -1e-6 and a[2] < made.width + 1e-6 and a[3] < made.height + 1e-6
        for b in boxes[:i]:
            assert a[2] < b[0] + 1e-6 or b[2] < a[0] + 1e-6 or a[3] < b[1] + 1e-6 or b[3] < a[1] + 1e-6
        for f in made.frames:
            inside = a[0] < f.x + f.width and a[2] > f.x and a[1] < f.y + f.height and a[3] > f.y
            assert inside == (f.plate == plates[i])
    assert sorted({f.plate for f in made.frames}) == sorted({p for p in plates if p >= 0})


@pytest.mark.parametrize("seed", range(60))
def test_edges_go_between_the_boxes(seed):
    sizes, edges, plates = graph_of(seed)
    made = layout(sizes, edges, plates)
    for (a, b), route in zip(edges, made.routes):
        assert abs(route[0].x - made.places[a].x) < 1 and abs(route[-1].x - made.places[b].x) <= sizes[b][0] / 2
        for p, q in zip(route, route[1:]):
            for t in np.linspace(0, 1, 12):
                x, y = p.x + t * (q.x - p.x), p.y + t * (q.y - p.y)
                for i, (place, (w, h)) in enumerate(zip(made.places, sizes)):
                    if i not in (a, b):
                        assert abs(x - place.x) > w / 2 - 1e-6 or abs(y - place.y) > h / 2 - 1e-6, f"an edge crosses box {i} (clearance {CLEAR})"


def test_an_expression_is_drawn_and_a_large_one_is_not():
    x = pt.vector("x", 3)
    assert "sum" in " ".join(words(graph_svg(pt.sum(pt.exp(x)))))
    y = x
    for _ in range(NODE_LIMIT + 1):
        y = pt.sin(y)
    assert graph_svg(y) is None
