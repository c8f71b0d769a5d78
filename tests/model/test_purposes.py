"""What each node of a model's computation is for: every term is found, every node is in one part, and parts can be drawn collapsed."""

import graphlib

import numpy as np
import pytest

import workbench as pm
import workbench.tensor as pt
from tests.model.test_lines import MODELS, gaussian_process, loop, mixture, radon
from workbench.graph import Input, formula, free_inputs, topological
from workbench.graph.inner import Graph, nodes_within
from workbench.graph.provenance import Purpose
from workbench.model.purposes import purposes
from workbench.tensor.shape.joining import Concatenate

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


@pytest.fixture(scope="module", params=MODELS, ids=lambda make: make.__name__)
def found(request):
    model = request.param()
    return model, purposes(model)


def test_every_node_is_in_one_part(found):
    _, parts = found
    nodes = set(nodes_within([Graph(free_inputs(parts.roots), parts.roots)]))
    assert nodes <= set(parts.of)
    assert sorted(map(id, (n for group in parts.parts.values() for n in group))) == sorted(map(id, parts.of))


def test_the_graph_is_the_one_that_is_compiled(found):
    model, parts = found
    compiled = model.trace().passes[-1].after
    count = [len(list(nodes_within([Graph(free_inputs(roots), roots)]))) for roots in (compiled, parts.roots)]
    assert parts.trace.passes[-5].before == parts.written.results and count[0] == count[1] and [str(p.name) for p in parts.trace.passes] == [str(p.name) for p in model.trace().passes]


def test_every_variable_has_its_parts(found):
    model, parts = found
    terms = {name for p in parts.parts if p.kind in ("prior", "density", "potential", "change of variables", "shared") for name in p.names}
    to = {name for p in parts.parts if p.kind == "gradient to" for name in p.names}
    for x in (*model.basic_RVs, *model.potentials):
        assert x.name in terms, (x.name, terms)
    assert {rv.name for rv in model.free_RVs} <= to | {name for p in parts.parts if p.kind == "shared gradient" for name in p.names}


def test_parts_use_one_another_in_no_circle(found):
    _, parts = found
    order = graphlib.TopologicalSorter()
    for used, user in parts.edges:
        order.add(user, used)
    order.prepare()


def test_what_a_gradient_has_alone_no_other_uses(found):
    model, parts = found
    joins = [n for n in topological(parts.roots) if isinstance(n.op, Concatenate) and len(n.inputs) == len(model.free_RVs)]
    below = {rv.name: set(topological([row])) for rv, row in zip(model.free_RVs, joins[-1].inputs)} if len(model.free_RVs) > 1 else {}
    for node, part in parts.of.items():
        if part.kind in ("gradient to", "shared gradient") and below and any(node in nodes for nodes in below.values()):
            assert {name for name, nodes in below.items() if node in nodes} == set(part.names), formula(node)


def test_nothing_but_the_gradient_uses_what_is_for_it(found):
    _, parts = found
    forward = set(topological(parts.roots[:1]))
    for node, part in parts.of.items():
        if node in forward:
            assert part.kind not in ("gradient to", "shared gradient", "gradients")


def said(parts, title):
    return {formula(n) for p, nodes in parts.parts.items() if str(p) == title for n in nodes}


def test_the_parts_of_radon():
    parts = purposes(radon())
    assert said(parts, "prior of b") == {"b**2", "-0.5*b**2", "-0.5*b**2 - 0.918939"}
    assert said(parts, "value of eps") == {"q[8]", "exp(eps_log__)"}
    assert "sum((a - mu_a)**2)" in said(parts, "prior of a")
    assert "exp(-eps_log__)" in said(parts, "gradient shared by a, b and eps")
    assert {str(p) for p in parts.parts} >= {"density of y", "prior of sigma_a", "gradient to mu_a", "sum of the terms", "all gradients", "guard against overflow", "data"}


def test_the_parts_of_a_mixture_and_of_a_process():
    parts = purposes(mixture())
    assert {str(p) for p in parts.parts} >= {"prior of w", "density of y", "change of variables of w", "gradient shared by w and mu"}
    assert any("log(" in text for text in said(parts, "shared by density of y and change of variables of w"))
    parts = purposes(gaussian_process())
    assert any("cholesky" in text for text in said(parts, "prior of f"))
    assert said(parts, "shared by eta and f") == {"eta_log__*2"} and "exp(f)" in said(parts, "density of y")


def test_what_is_shared_is_nobodys_own():
    parts = purposes(loop())
    assert said(parts, "shared by rate and penalty") == {"rate**2"}
    assert said(parts, "path") >= {"scan(first, rate)[1]"}
    assert {str(p) for p in parts.parts} >= {"loop body of path", "gradient shared by rate and first"}


def test_a_named_expression_belongs_to_itself_and_not_to_what_contains_it():
    with pm.Model() as model:
        x, _ = pm.Normal("x", shape=3), pm.Normal("z")
        inner = pm.Deterministic("inner", pt.exp(x))
        outer = pm.Deterministic("outer", pt.sin(inner) + 1.0)
        other = pm.Deterministic("other", pt.cos(pt.sin(x)))
        more = pm.Deterministic("more", pt.sqrt(pt.sin(x) + 2.0))
        pm.Normal("y", outer + other + more, 1.0, observed=np.zeros(3))
    parts = purposes(model)
    assert said(parts, "inner") == {"exp(x)"} and said(parts, "outer") == {"sin(inner)", "sin(inner) + 1"} and said(parts, "other") == {"cos(sin(x))"}
    assert said(parts, "shared by other and more") == {"sin(x)"}


def test_a_model_of_discrete_variables_has_its_log_density_only():
    with pm.Model() as model:
        k = pm.Poisson("k", 3.0)
        pm.Normal("y", k, 1.0, observed=1.5)
    parts = purposes(model)
    assert len(parts.roots) == 1 and {"prior of k", "density of y"} <= {str(p) for p in parts.parts}


def test_names_are_stable():
    assert list(map(str, purposes(radon()).parts)) == list(map(str, purposes(radon()).parts))


def test_a_hundred_variables_take_little_longer_each():
    with pm.Model() as model:
        xs = [pm.Normal(f"x{i}") for i in range(100)]
        pm.Normal("y", sum(xs), 1.0, observed=0.0)
    parts = purposes(model)
    # All are one loop: one part, of all of them.
    assert [p.names for p in parts.parts if p.kind == "prior"] == [tuple(f"x{i}" for i in range(100))]
    assert Purpose("density", ("y",)) in parts.parts
    assert sum(isinstance(n.op, Input) for n in parts.of) == 1
