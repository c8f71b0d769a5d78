"""Graphs as JSON: what is written is what is read."""

import json
import subprocess
import sys

import numpy as np
import pytest

import workbench.tensor as pt
from workbench.errors import SerialisationError
from workbench.graph import Graph, from_json, text, to_json


def everything():
    x, s, i = pt.vector("x", 3), pt.scalar("s"), pt.tensor("i", "int64", (2,))
    numbers = pt.data("numbers", np.array([1.0, np.nan, -0.0]))
    total, seen = pt.scan(lambda c, e: ([c * 0.5 + e * s], [c]), [0.0], [x])
    (chosen,) = pt.cond(s > 0.0, lambda v: [v * 2.0 + numbers], lambda v: [pt.exp(v)], [x])
    (grown,) = pt.while_loop(lambda v: v < 5.0, lambda v: [v * 2.0], [s])
    u = pt.vector("u", 3)
    (inside,) = pt.region("part", Graph([u], [pt.exp(u) + numbers]), x)
    bits = pt.random.uniform(pt.random.key(3), (2,))
    whole = pt.concatenate([x[::-1], seen[0], chosen, inside, numbers * 2.0, x[i].inc(1.0), pt.reshape(total[0], (1,)), bits])
    return Graph([x, s, i], [whole, pt.where(x > np.inf, x, pt.constant(-np.inf)), grown, pt.any(x > 0), pt.cast(x, "int32")])


def test_a_graph_comes_back_as_it_was():
    graph = everything()
    written = to_json(graph)
    back = from_json(written)
    at = np.array([0.5, -1.0, 2.0]), np.array(1.5), np.array([0, 2])
    for a, b in zip(graph.run("numpy", *at), back.run("numpy", *at)):
        np.testing.assert_array_equal(a, b)
        assert np.asarray(a).dtype == np.asarray(b).dtype
    assert text(back.results) == text(graph.results)
    assert [p.name for p in back.params] == ["x", "s", "i"]
    assert to_json(back) == written


def test_data_shared_by_inner_graphs_stay_one():
    back = from_json(to_json(everything()))
    at = np.array([0.5, -1.0, 2.0]), np.array(1.5), np.array([0, 2])
    numbers = {op for g in _graphs(back) for op in g}
    assert len(numbers) == 1
    (op,) = numbers
    op.cell[0] = np.array([10.0, 20.0, 30.0])
    first = back.run("numpy", *at)[0]
    assert first[6:9].tolist() == [11.0, 18.0, 34.0] and first[12:15].tolist() == [20.0, 40.0, 60.0]


def _graphs(graph):
    from workbench.graph import Data, topological

    pending = [graph]
    while pending:
        g = pending.pop()
        nodes = topological(g.results)
        pending += [h for n in nodes for h in n.op.graphs]
        yield [n.op for n in nodes if isinstance(n.op, Data)]


def test_a_model_is_written_with_its_distributions(simulated_radon):
    y = simulated_radon["y"]
    from workbench.graph import free_inputs

    inputs = free_inputs([y])
    back = from_json(to_json(Graph(inputs, [y])))
    assert text(back.results) == text([y])


def test_a_chain_of_100_000_operations_is_written_and_read():
    x = pt.scalar("x")
    y = x
    for k in range(50_000):
        y = y * 0.5 + float(k)
    back = from_json(to_json(Graph([x], [y])))
    assert back.run("numpy", 1.0) == Graph([x], [y]).run("numpy", 1.0)


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda c: "not json", "not JSON"),
        (lambda c: [1, 2], "not a graph"),
        (lambda c: {**c, "version": 99}, "version 99"),
        (lambda c: {**c, "root": 7}, "damaged"),
        (lambda c: edit(c, "inputs", [5]), "does not come before"),
        (lambda c: edit(c, "named", ["function", "os_system"]), "not known"),
        (lambda c: edit(c, "op", "Popen", drop="named"), "not known"),
        (lambda c: edit(c, "op", "Reshape", drop="named"), "damaged"),
        (lambda c: edit(c, "op", "Op", drop="named"), "damaged"),
        (lambda c: edit(c, "name", ["x"]), "no name"),
        (lambda c: edit(c, "inputs", {"a": 1}), "damaged"),
        (lambda c: {**c, "graphs": [5]}, "damaged"),
        (lambda c: {**c, "graphs": [{"nodes": [[]]}]}, "damaged"),
        (lambda c: "[" * 100_000, "nested too deeply"),
        (lambda c: "", "not JSON"),
    ],
)
def test_what_is_not_a_graph_is_an_error(change, message):
    x = pt.scalar("x")
    content = change(json.loads(to_json(Graph([x], [pt.exp(x)]))))
    with pytest.raises(SerialisationError, match=message):
        from_json(content if isinstance(content, str) else json.dumps(content))


def edit(content, field, value, drop=None):
    node = content["graphs"][-1]["nodes"][-1]
    node.pop(drop, None)
    node[field] = value
    return content


def test_another_process_reads_operations_that_it_has_not_used():
    A = pt.matrix("A", 3, 3)
    content = to_json(Graph([A], [pt.linalg.det(pt.linalg.cholesky(A)), pt.fft.rfft(A).sum(), pt.linalg.solve_sylvester(A, A, A)]))
    code = "import sys; from workbench.graph.serialise import from_json, to_json; print(to_json(from_json(sys.stdin.read())), end='')"
    assert subprocess.run([sys.executable, "-c", code], input=content, capture_output=True, text=True, check=True).stdout == content
