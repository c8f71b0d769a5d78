"""Drawings of models: nodes by kind, plates by dims, arrows from parents."""

import re

import numpy as np
import pytest

import workbench as pm
from workbench.errors import ModelError

pytest.importorskip("graphviz")


@pytest.fixture(scope="module")
def model():
    with pm.Model(coords={"k": [1, 2]}) as model:
        x = pm.Data("x", [1.0, 2.0], dims="k")
        seen = pm.Data("seen", [1.0, 2.0], dims="k")
        a = pm.Normal("a", 0, 10)
        c = pm.HalfNormal("c", 1, dims="k")
        d = pm.Deterministic("d", a * c * x, dims="k")
        pm.Normal("y", d, 1.0, observed=seen, dims="k")
        pm.Potential("p", -(a**2))
        pm.Normal("q", np.zeros((3, 2)), 1.0)
    return model


def edges(drawing):
    return sorted(re.findall(r"(\S+) -> (\S+)", drawing.source))


def plates(drawing):
    """Names of nodes by the label of their plate."""
    found, label = {}, ""
    for line in drawing.source.splitlines():
        if begin := re.search(r'label="?([^"\s]+(?: \(?[^"]+)?)"? labeljust', line):
            label = begin[1]
        elif line.strip() == "}":
            label = ""
        elif node := re.match(r'\s*"?([\w&]+)"? \[label="', line):
            found.setdefault(label, []).append(node[1])
    return found


def test_arrows_come_from_parents_and_data(model):
    wanted = [("a", "d"), ("a", "p"), ("c", "d"), ("d", "y"), ("seen", "y"), ("x", "d")]
    assert edges(pm.model_to_graphviz(model)) == wanted == edges(model.to_graphviz())


def test_variables_stand_in_plates_of_their_dims(model):
    assert plates(model.to_graphviz()) == {"k (2)": ["x", "seen", "c", "d", "y"], "": ["a", "p"], "3 x 2": ["q"]}
    assert "k" in plates(model.to_graphviz(include_dim_lengths=False))


@pytest.mark.parametrize(
    "name, text, style",
    [
        ("a", "Normal", "shape=ellipse"), ("y", "Normal", "style=filled"), ("d", "Deterministic", "shape=box"),
        ("p", "Potential", "shape=octagon"), ("x", "Data", 'style="rounded, filled"'),
    ],
)  # fmt: skip
def test_each_kind_has_its_look(model, name, text, style):
    node = re.search(rf'\b{name} \[label="{name}\n~\n(\w+)"([^\]]*)\]', model.to_graphviz().source)
    assert node[1] == text and style in node[2]


def test_parameters_and_attributes_of_ones_own(model):
    source = model.to_graphviz(
        formatting="plain_with_params", graph_attr={"rankdir": "LR"}, node_formatters={"free": lambda x: {"color": f"of_{x.name}"}},
    ).source  # fmt: skip
    assert "Normal(0.0, 10.0)" in source and "rankdir=LR" in source and "color=of_a" in source and "of_y" not in source


def test_part_of_a_model(model):
    assert edges(model.to_graphviz(var_names=["d"])) == [("a", "d"), ("c", "d"), ("x", "d")]
    with pytest.raises(ModelError, match="the model has no variable 'nope'"):
        model.to_graphviz(var_names=["nope"])


def test_what_gives_a_variable_its_length_is_no_parent():
    with pm.Model() as model:
        n = pm.Data("n", 3)
        pm.Normal("z", shape=n)
        pm.Deterministic("count", n + 1)
    assert edges(model.to_graphviz()) == [("n", "count")]


def test_names_of_nested_models_are_no_ports():
    with pm.Model("outer") as model:
        x = pm.Normal("x")
        pm.Normal("y", x)
    assert edges(model.to_graphviz()) == [('"outer&&x"', '"outer&&y"')]
    assert "outer::x" in model.to_graphviz().source


def test_observed_deterministics_and_missing_values_are_drawn():
    with pm.Model() as model, pytest.warns(pm.ImputationWarning):
        mu = pm.Normal("mu")
        pm.Normal("y", mu, 1.0, observed=[1.0, np.nan])
    assert edges(model.to_graphviz()) == [("mu", "y_observed"), ("mu", "y_unobserved"), ("y_observed", "y"), ("y_unobserved", "y")]
