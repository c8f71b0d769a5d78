"""Reverse mode through loops, branches and regions: their gradients are loops, branches and regions again.

What a step, or a branch, gave as a result is read there, not computed again: who wants a quick gradient lets the costly
parts come out. What nobody reads is dropped before compilation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workbench.graph.expr import Expr, Input, intern, results_of
from workbench.graph.inner import Graph
from workbench.graph.traverse import replace, topological
from workbench.graph.types import TensorType
from workbench.tensor.control.flow import Cond, MakeTuple, Region, While, while_loop
from workbench.tensor.control.scan import Scan
from workbench.tensor.shape import zeros_like
from workbench.tensor.tensor import Tensor, as_tensor
from workbench.transforms.gradient import CONTROL_GRADIENTS, vjp

Cotangents = Sequence[Any]


def _is_real(x: Expr) -> bool:
    return isinstance(x.type, TensorType) and x.type.kind == "f"


def _real(expressions: Sequence[Expr]) -> list[int]:
    return [i for i, x in enumerate(expressions) if _is_real(x)]


def _backward(graph: Graph, wanted: Sequence[int], given: Sequence[int]) -> Graph:
    """The graph from parameters and cotangents of results `given` to cotangents of parameters `wanted`."""
    cotangents: list[Any] = [intern(Input(None, graph.results[i].type)) for i in given]
    params: list[Any] = [graph.params[i] for i in wanted]
    found = vjp(list[Any](graph.results[i] for i in given), params, cotangents)
    return Graph([*graph.params, *cotangents], found)


def cond_gradient(node: Expr, cotangents: Cotangents) -> list[Expr | None]:
    """A branch's gradient is the branch of the gradients."""
    op: Cond = node.op
    predicate, *values = node.inputs
    wanted, given = _real(values), [i for i, g in enumerate(cotangents) if g is not None]
    graphs = [_backward(g, wanted, given) for g in op.graphs]
    kept = [i for i, x in enumerate(results_of(node)) if any(_gives(g, i, back, x) for g, back in zip(op.graphs, graphs))]
    then, orelse = (_reading(back, [g.results[i] for i in kept]) for g, back in zip(op.graphs, graphs))
    again = [results_of(node)[i] for i in kept]
    return [None, *_chosen(Cond(then, orelse), [predicate, *values], [*cotangents, *again], wanted, [*given, *range(len(cotangents), len(cotangents) + len(kept))])]


def _gives(graph: Graph, i: int, back: Graph, known: Expr) -> bool:
    """Whether a graph computes its result `i`, and the graph of its cotangents computes that again."""
    made = graph.results[i]
    return bool(made.inputs) and made.type == known.type and made in set(topological(back.results))


def _reading(back: Graph, made: Sequence[Expr]) -> Graph:
    """A graph of cotangents that is given what has been computed before, as its last parameters, and does not compute it again."""
    read = [intern(Input(None, x.type)) for x in made]
    return Graph([*back.params, *read], replace(back.results, {x: r for x, r in zip(made, read) if x.inputs}))


def region_gradient(node: Expr, cotangents: Cotangents) -> list[Expr | None]:
    """A region's gradient is a region of its own."""
    op: Region = node.op
    wanted, given = _real(node.inputs), [i for i, g in enumerate(cotangents) if g is not None]
    back = Region(f"{op.label}_gradient", _backward(op.graph, wanted, given))
    return _chosen(back, node.inputs, cotangents, wanted, given)


def _chosen(
    op: Any, inputs: Sequence[Expr], cotangents: Cotangents, wanted: Sequence[int], given: Sequence[int]
) -> list[Expr | None]:
    offset = 1 if isinstance(op, Cond) else 0
    found: list[Expr | None] = [None] * (len(inputs) - offset)
    for i, g in zip(wanted, results_of(op(*inputs, *[cotangents[j] for j in given]))):
        found[i] = g
    return found


def scan_gradient(node: Expr, cotangents: Cotangents) -> list[Expr | None]:
    """A scan's gradient is a scan from its last step to its first, over the carried values of each step."""
    op: Scan = node.op
    body, n, s = op.body, op.carries, op.sequences
    steps = op.steps
    if steps == 0:
        return [*[_given(cotangents[i], x) for i, x in enumerate(node.inputs[:n])], *[None] * (len(node.inputs) - n)]
    tape = _tape(node)
    carries, closed = _real(node.inputs[:n]), _real(node.inputs[n + s :])
    sequences = _real(node.inputs[n : n + s])
    outputs = [i for i, g in enumerate(cotangents) if i >= n and g is not None and _is_real(body.results[i])]
    wanted = [*carries, *[n + i for i in sequences], *[n + s + i for i in closed]]
    back = _backward(body, wanted, [*carries, *outputs])
    kept = [i for i in range(n, len(body.results)) if _gives(body, i, back, body.results[i])]
    back = _reading(back, [body.results[i] for i in kept])

    # The reverse body: carried (cotangents of carries, sums for closed), elements (carries, sequences, outputs', outputs).
    moving = [intern(Input(None, p.type)) for p in (*[body.params[i] for i in carries], *[body.params[n + s + i] for i in closed])]
    elements = [intern(Input(None, p.type)) for p in (*body.params[: n + s], *[body.results[i] for i in (*outputs, *kept)])]
    fixed = [intern(Input(None, p.type)) for p in body.params[n + s :]]
    made: list[Any] = list(
        back.apply(*elements[: n + s], *fixed, *moving[: len(carries)], *elements[n + s :])
    )
    k, m = len(carries), len(sequences)
    sums = [total + part for total, part in zip(moving[k:], made[k + m :])]
    reverse = Graph([*moving, *elements, *fixed], [*made[:k], *sums, *made[k : k + m]])
    start = [
        *[_given(cotangents[i], node.inputs[i]) for i in carries],
        *[zeros_like(node.inputs[n + s + i]) for i in closed],
    ]
    runs: list[Any] = [*tape, *node.inputs[n : n + s], *[cotangents[i] for i in outputs], *[results_of(node)[i] for i in kept]]
    loop = Scan(reverse, steps, len(moving), len(runs))
    results: list[Any] = results_of(loop(*start, *[x[::-1] for x in runs], *node.inputs[n + s :]))
    found: list[Expr | None] = [None] * len(node.inputs)
    for i, g in zip(carries, results[:k]):
        found[i] = g
    for i, g in zip(closed, results[k : len(moving)]):
        found[n + s + i] = g
    for i, g in zip(sequences, results[len(moving) :]):
        found[n + i] = g[::-1]
    return found


def _tape(node: Expr) -> list[Tensor]:
    """The carried values before each step, from the scan itself where it keeps them."""
    op: Scan = node.op
    params = op.body.params[: op.carries]
    kept = {r: i for i, r in reversed(list(enumerate(op.body.results))) if i >= op.carries}
    if all(p in kept for p in params):
        return [results_of(node)[kept[p]] for p in params]
    longer = Graph(op.body.params, [*op.body.results, *params])
    again: list[Any] = results_of(Scan(longer, op.steps, op.carries, op.sequences)(*node.inputs))
    return again[len(op.body.results) :]


def _given(cotangent: Any, x: Any) -> Tensor:
    result: Tensor = cotangent if cotangent is not None else zeros_like(x)
    return result


def while_gradient(node: Expr, cotangents: Cotangents) -> list[Expr | None]:
    """A while loop's gradient runs its steps backwards; each starts from values computed anew.

    Nothing bounds the number of steps, so their values cannot be kept: n steps cost n (n + 1) / 2
    more. A scan keeps them.
    """
    op: While = node.op
    n = op.carried
    first, closed = node.inputs[:n], node.inputs[n:]
    carries, rest = _real(first), _real(closed)
    back = _backward(op.body, [*carries, *[n + i for i in rest]], carries)

    def forward(count: Any) -> list[Tensor]:
        """The carried values after `count` steps."""
        made: list[Tensor] = while_loop(
            lambda i, *_: i < count,
            lambda i, *now: [i + 1, *op.body.apply(*now, *closed)],
            [as_tensor(0), *first],
        )
        return made[1:]

    total: Tensor = while_loop(
        lambda i, *now: op.cond.apply(*now, *closed)[0],
        lambda i, *now: [i + 1, *op.body.apply(*now, *closed)],
        [as_tensor(0), *first],
    )[0]

    def step(i: Any, *moving: Any) -> list[Any]:
        made: list[Any] = list(back.apply(*forward(i - 1), *closed, *moving[: len(carries)]))
        sums = [a + b for a, b in zip(moving[len(carries) :], made[len(carries) :])]
        return [i - 1, *made[: len(carries)], *sums]

    start = [*[_given(cotangents[i], first[i]) for i in carries], *[zeros_like(closed[i]) for i in rest]]
    results = while_loop(lambda i, *_: i > 0, step, [total, *start])[1:]
    found: list[Expr | None] = [None] * len(node.inputs)
    for i, g in zip([*carries, *[n + i for i in rest]], results):
        found[i] = g
    return found


def tuple_gradient(node: Expr, cotangents: Cotangents) -> list[Expr | None]:
    """Values held together are each themselves."""
    return list(cotangents)


CONTROL_GRADIENTS.update({Cond: cond_gradient, MakeTuple: tuple_gradient, Region: region_gradient, Scan: scan_gradient, While: while_gradient})
