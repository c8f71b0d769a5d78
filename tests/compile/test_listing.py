"""Listings are the code that is compiled, and each line knows what it computes."""

import numpy as np
import pytest

import workbench as pm
import workbench.tensor as pt
from workbench.compile.listing import KINDS, listing, listing_of
from workbench.graph import topological
from workbench.graph.inner import nodes_within


def function_of(backend="numpy"):
    x, y = pt.vector("x", 40), pt.vector("y", 40)
    kept = pt.exp(x)
    kept.name = "weight"
    total = (kept * y).sum() + pt.linalg.slogdet(pt.eye(3) * x[:3])[1]
    _, (path,) = pt.scan(lambda h, e: ([0.5 * h + e], [h]), [x[0]], [y])
    return pm.function([x, y], [total, path], backend=backend, name="weighted")


@pytest.mark.parametrize("backend", ["c", "numba"])
def test_a_listing_is_the_code_that_was_compiled(backend):
    f = function_of(backend)
    assert "\n".join(listing_of(f)) == f.source


def test_a_listing_has_what_is_in_slots_too():
    x = pt.scalar("x")
    (inner,) = pt.slot("inner", [x.type], x)
    outer = pm.function([x], inner * 2.0, backend="c", name="outer")
    whole = outer.link(inner=pm.function([x], [pt.exp(x)], backend="c", name="inner"))
    assert "\n".join(listing_of(whole)) == whole.source


@pytest.mark.parametrize("kind", KINDS)
def test_lines_know_what_they_compute(kind):
    graph = function_of().graph
    lines = listing(kind, graph, "weighted")
    inside = set(nodes_within([graph])) | set(topological(graph.results))
    found = [line.of for line in lines if line.of is not None]
    assert sum(x in inside for x in found) > 0.4 * len(found), "most expressions are the graph's own; others are written out by operations"
    named = [line for line in lines if line.of is not None and line.of.name == "weight"]
    assert named and any("exp" in line for line in named)
    assert all("\n" not in line for line in lines)


@pytest.mark.parametrize("kind", ["c", "numba", "loops"])
def test_lines_of_one_loop_have_its_number(kind):
    x = pt.vector("x", 40)
    shared = pt.exp(x)
    graph = pm.function([x], [pt.sin(shared), shared * 2.0, pt.sort(x)], backend="numpy").graph
    loops = {op: {line.loop for line in listing(kind, graph) if line.of is not None and line.of.op.name == op and line.loop} for op in ("exp", "sin", "multiply")}
    assert all(len(found) == 1 for found in loops.values()) and len(set.union(*loops.values())) == 1, loops


def test_a_line_that_reads_a_part_is_that_parts():
    with pm.Model() as model:
        a, b = pm.Normal("a", 0.0, 1.0), pm.Normal("b", 0.0, 1.0, shape=5)
        pm.Normal("y", a + b, 1.0, observed=np.zeros(5))
    reads = [line for line in listing_of(model.logp_dlogp_function(backend="c").function) if "= in0[" in line]
    assert {line.of.name for line in reads} == {"a", "b"} and all(line.endswith(f"// {line.of.name}") for line in reads)


def test_the_program_of_numpy_computes_the_same():
    f = function_of()
    text = "\n".join(listing("numpy", f.graph, "weighted"))
    assert text.startswith("def weighted(x, y):") and "# weight float64[40]" in text
    compile(text.replace("{", "(").replace("}", ")"), "listing", "exec")


def test_what_lies_where_is_said():
    x = pt.vector("x", 100)
    f = pm.function([x], pt.sort(pt.sort(x) + 1.0) * 2.0, backend="numpy")
    text = "\n".join(listing("loops", f.graph))
    assert "from byte 0" in text and " lies in out0" in text
