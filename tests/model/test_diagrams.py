"""Models as Mermaid's text; its parts are those that PyMC 5.28 gives for the same model."""

import pytest

import workbench as pm
from workbench.errors import ModelError


@pytest.fixture(scope="module")
def model():
    with pm.Model(coords={"group": ["a", "b"]}) as made:
        d = pm.Data("d", [1.0, 2.0], dims="group")
        mu = pm.Normal("mu")
        x = pm.Normal("x", mu, 1, dims="group")
        z = pm.Deterministic("z", x * 2, dims="group")
        pm.Potential("p", -(mu**2))
        pm.Normal("y", z + d, 1, observed=[1.0, 2.0], dims="group")
    return made


def test_nodes_edges_and_plates(model):
    lines = pm.model_to_mermaid(model).split("\n")
    edges = {line for line in lines if "-->" in line}
    assert edges == {"mu --> p", "mu --> x", "d --> y", "z --> y", "x --> z"}
    assert {"d@{ shape: db }", "p@{ shape: diam }", "z@{ shape: rect }", "style y fill:#757575", "style p fill:#f0f0f0"} <= set(lines)
    at = lines.index('subgraph "group #40;2#41;"') if 'subgraph "group #40;2#41;"' in lines else lines.index('subgraph "group (2)"')
    assert {line.strip() for line in lines[at + 1 : lines.index("end", at)]} == {"d", "x", "y", "z"}


def test_names_are_inert():
    with pm.Model() as hostile:
        pm.Normal('a"]--><script>alert(1)<b>')
        pm.Normal("end")
    text = pm.model_to_mermaid(hostile)
    assert "<script>" not in text and '"]' not in text.replace('"])', "")
    assert "end_([" in text
    with pytest.raises(ModelError, match="'nothing'"):
        pm.model_to_mermaid(hostile, var_names=["nothing"])


def test_graphs_of_networkx(model):
    networkx = pytest.importorskip("networkx")
    made = pm.model_to_networkx(model)
    assert networkx.is_directed_acyclic_graph(made)
    assert set(made.edges) == {("mu", "p"), ("mu", "x"), ("d", "y"), ("z", "y"), ("x", "z")}
    assert made.nodes["x"]["cluster"] == "group (2)" and made.nodes["y"]["kind"] == "observed"
