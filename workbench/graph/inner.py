"""Inner graphs: the bodies of loops and branches, and whole functions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from workbench.errors import IndexBoundsError, MissingInputError, ShapeError
from workbench.graph.conditions import Condition, check, conditions_of, retyped, solved
from workbench.graph.expr import Constant, Data, Expr, Input, input_like, intern, rebuild
from workbench.graph.lengths import Symbol, symbols
from workbench.graph.provenance import inherited
from workbench.graph.traverse import depends_on, replace, topological
from workbench.graph.types import TensorType, Type

COUNT = TensorType("int64")
"""The type of a number that may be a length."""


class Graph:
    """A function of expressions: parameters and results, with nothing free but constants and data.

    Parameters
    ----------
    params
        Distinct inputs.
    results
        Expressions over `params`.

    Raises
    ------
    MissingInputError
        If a result needs an input that is not among `params`.
    """

    __slots__ = ("__weakref__", "_at", "_programs", "params", "results")

    def __init__(self, params: Sequence[Expr], results: Sequence[Expr]) -> None:
        self.params = tuple(params)
        self.results = tuple(results)
        self._programs: dict[str, Callable[..., Any]] = {}
        self._at: dict[tuple[Type, ...], Graph] = {}
        known = {id(p) for p in self.params}
        for node in topological(self.results):
            if isinstance(node.op, Input) and id(node) not in known:
                raise MissingInputError(
                    f"the graph needs the value of {node.op.label or 'an unnamed input'!r} "
                    f"({node.type}), which is not among its inputs",
                    "add it to the inputs, or replace it by a value with `givens`",
                    node.provenance.location if node.provenance else None,
                )

    def __reduce__(self) -> Any:
        # All nodes before those that are made of them, so that pickle does not recurse.
        return _read_graph, (topological((*self.params, *self.results)), self.params, self.results)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Graph) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[int, ...]:
        return (*map(id, self.params), -1, *map(id, self.results))

    @property
    def is_open(self) -> bool:
        """Whether a parameter has a length that is known only at the call."""
        return any(isinstance(p.type, TensorType) and p.type.is_open for p in self.params)

    @property
    def result_types(self) -> tuple[Type, ...]:
        return tuple(r.type for r in self.results)

    def __repr__(self) -> str:
        params = ", ".join(str(p.type) for p in self.params)
        return f"Graph(({params}) -> ({', '.join(map(str, self.result_types))}))"

    def apply(self, *arguments: Expr) -> tuple[Expr, ...]:
        """Return the results with `arguments` in place of the parameters."""
        return tuple(replace(self.results, dict(zip(self.params, arguments))))

    def at(self, types: Sequence[Type]) -> Graph:
        """Return the graph over parameters of narrower types: of lengths that are known now.

        Raises
        ------
        ShapeError
            If a parameter does not accept its type.
        """
        wanted, mine = tuple(types), tuple(p.type for p in self.params)
        if wanted == mine:
            return self
        if len(wanted) != len(mine) or not all(m.accepts(t) for m, t in zip(mine, wanted)):
            raise ShapeError(f"a graph takes {', '.join(map(str, mine))}; it is given {', '.join(map(str, wanted))}")
        if wanted not in self._at:
            params = [p if p.type == t else input_like(p, t) for p, t in zip(self.params, wanted)]
            self._at[wanted] = Graph(params, self.apply(*params))
        return self._at[wanted]

    def unified(self, numbers: Sequence[Symbol] = ()) -> tuple[Graph, list[Condition]]:
        """Return the graph with one length in the place of those that must be equal, and the conditions on its parameters.

        `numbers` are lengths that values of parameters are.

        Raises
        ------
        ShapeError
            If the operations contradict one another.
        """
        if not self.is_open and not numbers:
            return self, []
        stated = conditions_of(self.results)
        known = {s for p in self.params if isinstance(p.type, TensorType) for n in p.type.shape for s in symbols(n)}
        values = solved(stated, known)
        params = [retyped(p, values) for p in self.params] if values else list(self.params)
        graph = Graph(params, self.apply(*params)) if values else self
        return graph, [c for c in stated if {*symbols(c.one), *symbols(c.other)} <= known.union(numbers)]

    def map_results(self, function: Callable[[Sequence[Expr]], Sequence[Expr]]) -> Graph:
        """Return the graph with other results over the same parameters."""
        return Graph(self.params, function(self.results))

    def run(self, form: str, *values: Any) -> Any:
        """Evaluate with each op's own ``numpy`` or ``jax`` form; one value per result."""
        program = self._programs.get(form)
        if program is None:
            program = self._programs[form] = interpreter(self, form)
        return program(*values)


def nodes_within(graphs: Iterable[Graph]) -> Iterator[Expr]:
    """Yield the nodes of graphs, those inside their loops, branches and regions too; an inner graph's once."""
    pending, seen = list(graphs), set()
    while pending:
        g = pending.pop()
        if g in seen:
            continue
        seen.add(g)
        for node in topological(g.results):
            pending += node.op.graphs
            yield node


def mapped(results: Sequence[Expr], change: Callable[[Expr, tuple[Expr, ...]], Expr | None]) -> list[Any]:
    """Return expressions with other nodes below them, inside loops, branches and regions too.

    `change` takes a node and its new inputs, and returns what stands in its place; ``None`` where that is the same operation.
    """
    done: dict[Graph, Graph] = {}

    def inside(g: Graph) -> Graph:
        if g not in done:
            made = of(g.results)
            done[g] = g if all(new is old for new, old in zip(made, g.results)) else Graph(g.params, made)
        return done[g]

    def of(roots: Sequence[Expr]) -> list[Expr]:
        memo: dict[Expr, Expr] = {}
        for node in topological(roots):
            inputs = tuple(memo[x] for x in node.inputs)
            made = change(node, inputs)
            if made is None:
                graphs = tuple(map(inside, node.op.graphs))
                same = all(new is old for new, old in zip(graphs, node.op.graphs))
                made = rebuild(node, inputs) if same else inherited(node.provenance, node.op.with_graphs(graphs), *inputs)
            memo[node] = made
        return [memo[r] for r in roots]

    return of(results)


def extract(outputs: Any, inputs: Sequence[Expr]) -> Any:
    """Cut a graph at `inputs`: return it as a function of new inputs that stand in their place.

    Parameters
    ----------
    outputs
        One expression, or a sequence of them.
    inputs
        Where to cut: any nodes on the way to the outputs.

    Returns
    -------
    graph
        A :class:`Graph` whose parameters have the types and names of `inputs`.

    Raises
    ------
    MissingInputError
        If the outputs need an input that the cut does not cut off.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> x = pt.scalar("x")
    >>> y = pt.exp(x)
    >>> float(extract(pt.log(y * 2.0), [y]).run("numpy", 0.5)[0])
    0.0
    """
    roots = [outputs] if isinstance(outputs, Expr) else list(outputs)
    params = [input_like(x, x.type) for x in inputs]
    return Graph(params, replace(roots, dict(zip(inputs, params))))


def interpreter(graph: Graph, form: str) -> Callable[..., list[Any]]:
    """Turn a graph into a Python function that calls each op's `form` once, in order."""
    nodes = topological((*graph.params, *graph.results))
    slot = {node: i for i, node in enumerate(nodes)}
    params = [slot[p] for p in graph.params]
    params_set = set(params)
    steps = [
        (slot[n], _checked(n, getattr(n.op, form)), [slot[x] for x in n.inputs])
        for n in nodes
        if slot[n] not in params_set
    ]
    results = [slot[r] for r in graph.results]
    conditions = conditions_of(graph.results) if graph.is_open else []

    def run(*values: Any) -> list[Any]:
        if conditions:
            check(conditions, graph.params, [np.shape(v) if isinstance(p.type, TensorType) else () for p, v in zip(graph.params, values)])
        cells: list[Any] = [None] * len(nodes)
        for i, value in zip(params, values, strict=True):
            cells[i] = value
        i = 0
        try:
            for i, function, arguments in steps:
                cells[i] = function(*[cells[a] for a in arguments])
        except IndexBoundsError as error:
            raise _located(error, nodes[i]) from None
        except ShapeError as error:
            made = nodes[i].provenance
            error.location = made.location if made else error.location
            raise
        except ValueError as error:
            if type(error) is not ValueError:
                raise
            raise _misfit(error, nodes[i], [cells[slot[x]] for x in nodes[i].inputs]) from None
        return [cells[i] for i in results]

    return run


def _checked(node: Expr, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function of a node, which checks at run time by the type rule what was not known before."""
    types: list[Any] = [x.type for x in node.inputs]
    if not all(isinstance(t, TensorType) for t in types) or not any(t.is_open for t in types):
        return function

    def checked(*values: Any) -> Any:
        node.op.infer(*[t.with_shape(np.shape(v)) for t, v in zip(types, values)])
        return function(*values)

    return checked


def _misfit(error: ValueError, node: Expr, values: Sequence[Any]) -> ShapeError:
    """NumPy's error about values that do not fit together, with the operation, their shapes and the user's line."""
    shapes = " and ".join(str(np.shape(v)) for v in values if not isinstance(v, tuple))
    message = f"{node.op.name} of values of shapes {shapes}: {str(error).strip()}"
    return ShapeError(message, "", node.provenance.location if node.provenance else None)


def _located(error: IndexBoundsError, node: Expr) -> IndexBoundsError:
    """The error with the name of what was indexed, and the user's line."""
    named = [x.name for x in node.inputs if x.name]
    what = f"{error.message}, in {named[0]}" if named else error.message
    return IndexBoundsError(what, error.hint, node.provenance.location if node.provenance else error.location, page=error.page)


def close_over(params: Sequence[Expr], results: Sequence[Expr]) -> tuple[Graph, list[Expr]]:
    """Make closures explicit: the graph with one more parameter per outer expression, and those.

    What does not depend on `params` is computed outside (constants and data stay inside), so
    loop-invariant code leaves the loop here. Lengths are asked inside of what has them: a number from
    outside would be like no other length.
    """
    inside = depends_on(results, params)
    outer: dict[Expr, Expr] = {}
    for node in topological(results):
        if node not in inside:
            continue
        for x in node.inputs:
            if x not in inside:
                _close(x, outer)
    for r in results:
        if r not in inside:
            _close(r, outer)
    closed = replace(results, outer)
    return Graph((*params, *outer.values()), closed), list(outer)


def _close(x: Expr, outer: dict[Expr, Expr]) -> None:
    # Data whose shape may change are arguments: what is compiled depends on their shape.
    pending = [x]
    while pending:
        x = pending.pop()
        if _counts_a_length(x):
            pending += reversed(x.inputs)
        elif x not in outer and not (isinstance(x.op, Constant) or (isinstance(x.op, Data) and not x.op.type.is_open)):
            outer[x] = intern(Input(x.name, x.type))


def _counts_a_length(x: Expr) -> bool:
    """Whether a number is a length of something, or made of such lengths and constants alone."""
    seen: set[Expr] = set()
    pending = [x]
    asked = False
    while pending:
        node = pending.pop()
        if node in seen:
            continue
        seen.add(node)
        if node.type != COUNT:
            return False
        if node.op.of_values == 0:
            asked = True
        elif node.inputs:
            pending += node.inputs
        elif not isinstance(node.op, Constant):
            return False
    return asked


def _read_graph(nodes: Sequence[Expr], params: Sequence[Expr], results: Sequence[Expr]) -> Graph:
    return Graph(params, results)
