"""Batching: a graph with more leading axes on some of its inputs, carried through every operation."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from workbench.errors import ShapeError
from workbench.graph.derivations import remember
from workbench.graph.expr import Expr, Get, Input, give_name, input_like, intern, rebuild, results_of
from workbench.graph.frozen import changed
from workbench.graph.inner import Graph
from workbench.graph.provenance import inherited
from workbench.graph.rewrite import Firing, PassRecord, Rule, Trace
from workbench.graph.traverse import topological
from workbench.graph.types import Shape, TensorType, TupleType
from workbench.tensor import shape as _s
from workbench.tensor.control.flow import Cond, MakeTuple, Region, Slot, While, while_loop
from workbench.tensor.control.scan import Scan
from workbench.tensor.control.scan import map as map_rows
from workbench.tensor.elementwise import Elementwise, where
from workbench.tensor.gufunc import Gufunc
from workbench.tensor.indexing.advanced import Index
from workbench.tensor.indexing.layout import layout_of
from workbench.tensor.indexing.rows import AddAt, SetAt, Take
from workbench.tensor.indexing.slices import Bounds, SetSlice, Slice, fixed
from workbench.tensor.linalg.diagonal import Diagonal, DiagonalMatrix
from workbench.tensor.markers import Annotation, InTraining
from workbench.tensor.nn.convolution import Convolution, ConvolutionInput
from workbench.tensor.nn.pooling import MaxPool
from workbench.tensor.nn.regularization import Dropout
from workbench.tensor.reduction.reductions import Extremes, Reduce
from workbench.tensor.reduction.reductions import any as reduce_any
from workbench.tensor.shape.creation import arange
from workbench.tensor.shape.joining import Concatenate
from workbench.tensor.tensor import Tensor, as_tensor


def vectorize_graph(outputs: Any, replace: Mapping[Expr, Any], *, trace: Trace | None = None) -> Any:
    """Return `outputs` with batched values in place of some of their nodes.

    Parameters
    ----------
    outputs
        One expression, or a sequence of them.
    replace
        New values by node: of the node's dtype and shape ``(...)``, with more axes in front:
        ``(batch, ...)``. Batch axes of several values broadcast.
    trace
        Where to record each step, for the rewrite stepper.

    Returns
    -------
    Outputs of shape ``(batch, ...)`` where they depend on what is batched; as they were elsewhere.

    Raises
    ------
    ShapeError
        If a new value does not end in its node's shape, or batch axes do not broadcast.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> a, x = pt.matrix("a", 2, 3), pt.vector("x", 3)
    >>> many = pt.matrix("many", 5, 3)
    >>> vectorize_graph(a @ x, {x: many}).type.shape
    (5, 2)
    """
    roots: list[Expr] = [outputs] if isinstance(outputs, Expr) else list(outputs)
    values: dict[Expr, Any] = {}
    extra: dict[Expr, Shape] = {}
    for old, new in replace.items():
        depth = new.ndim - old.type.ndim
        if depth < 0 or not new.type.with_shape(new.type.shape[depth:]).may_be(old.type):
            raise ShapeError(
                f"{old!r} is {old.type}; {new.type} cannot stand for a batch of it",
                "a batched value has the same dtype, and the same shape after its batch axes",
            )
        for axis, n in enumerate(old.type.shape):
            # What the graph was built on holds at run time, or is an error then.
            if isinstance(n, int):
                new = _s.paired(f"a batch of {old!r}, and the lengths it has,", new, depth + axis, _s.zeros(n), 0)
        values[old] = new
        extra[old] = new.type.shape[:depth]
    batch = _s.common_lengths([(values[old], shape) for old, shape in extra.items()], "batch axes")
    given = {old: _batched(new, len(extra[old]), batch) for old, new in values.items() if extra[old]}
    plain = {old: new for old, new in values.items() if not extra[old]}
    steps: list[Firing] = []
    start = time.perf_counter()
    found = _Batching(batch, given, plain, steps).outputs(roots)
    if trace is not None:
        trace.passes.append(PassRecord("batch", DOC, tuple(roots), tuple(found), tuple(steps), time.perf_counter() - start, "derive"))
    remember(found, [*roots, *replace.values()], lambda trace: vectorize_graph(roots, replace, trace=trace))
    return found[0] if isinstance(outputs, Expr) else found


def _batched(x: Tensor, have: int, batch: tuple[Any, ...]) -> Tensor:
    if have == len(batch) and all(n is m for n, m in zip(x.shape, batch)):
        return x
    wide = _s.expand_dims(x, tuple(range(len(batch) - have)))
    return _s.broadcast_to(wide, [*batch, *x.shape[have:]])


class _Batching:
    """One batching: the batch's shape, and the nodes that have it."""

    def __init__(self, shape: tuple[Any, ...], batched: dict[Expr, Any], plain: dict[Expr, Any], steps: list[Firing] | None = None) -> None:
        self.shape, self.batched, self.plain = shape, batched, plain
        self.steps = [] if steps is None else steps

    @property
    def rank(self) -> int:
        return len(self.shape)

    def outputs(self, roots: Sequence[Expr]) -> list[Any]:
        if not self.shape:
            self.plain.update(self.batched)
            self.batched = {}
        known = {*self.batched, *self.plain}
        for node in topological(roots):
            if node in known:
                continue
            if not any(x in self.batched for x in node.inputs):
                inputs = tuple(self.plain[x] for x in node.inputs)
                self.plain[node] = rebuild(node, inputs) if inputs else node
            elif isinstance(node.op, _s.Dim):
                axis = _s.Dim(node.op.axis + self.rank)
                self.plain[node] = inherited(node.provenance, intern, axis, (self.batched[node.inputs[0]],))
            elif isinstance(node.op, Get):
                self.batched[node] = inherited(node.provenance, intern, node.op, (self.batched[node.inputs[0]],))
            else:
                begun = time.perf_counter()
                self.batched[node] = give_name(inherited(node.provenance, _rule(node.op), self, node), node.name)
                self.steps.append(Firing(_step(node.op), node, self.batched[node], time.perf_counter() - begun))
        return [self.batched[r] if r in self.batched else self.plain[r] for r in roots]

    def has(self, x: Expr) -> bool:
        return x in self.batched

    def value(self, x: Expr) -> Any:
        """The new value of a node, with batch axes or without."""
        return self.batched[x] if x in self.batched else self.plain[x]

    def whole(self, x: Expr) -> Any:
        """The new value of a node, with batch axes."""
        if x in self.batched:
            return self.batched[x]
        plain = self.plain[x]
        return _s.broadcast_to(plain, (*self.shape, *plain.shape))

    def aligned(self, x: Expr, rank: int) -> Any:
        """The new value with axes of length 1 after its batch axes, so that its core has `rank` axes."""
        value = self.value(x)
        missing = rank - x.type.ndim
        if x not in self.batched or not missing:
            return value
        return _s.expand_dims(value, tuple(range(self.rank, self.rank + missing)))


BatchRule = Callable[[_Batching, Expr], Any]


def _elementwise(b: _Batching, node: Expr) -> Any:
    return intern(node.op, tuple(b.aligned(x, node.type.ndim) for x in node.inputs))


def _gufunc(b: _Batching, node: Expr) -> Any:
    leading = max(x.type.ndim - core for x, core in zip(node.inputs, node.op.cores))
    return intern(node.op, tuple(b.aligned(x, leading + core) for x, core in zip(node.inputs, node.op.cores)))


def _same(b: _Batching, node: Expr) -> Any:
    return intern(node.op, (b.batched[node.inputs[0]],))


def _images(b: _Batching, node: Expr) -> Any:
    """A batch of images and the axis that there is for several are one; kernels that differ are gone over one by one."""
    x, *others = node.inputs
    if not b.has(x) or any(b.has(y) for y in others):
        return _by_rows(b, node)
    value = b.batched[x]
    flat = _s.reshape(value, (math.prod(value.shape[: b.rank + 1]), *value.shape[b.rank + 1 :]))
    made = intern(node.op, (flat, *(b.plain[y] for y in others)))
    return _s.reshape(made, (*value.shape[: b.rank + 1], *made.shape[1:]))


def _dropout(b: _Batching, node: Expr) -> Any:
    """By one key, all rows of the batch have the same draws."""
    x, p, key = node.inputs
    if b.has(p) or b.has(key):
        return _by_rows(b, node)
    shared = (*range(b.rank), *(a + b.rank for a in node.op.shared))
    return intern(changed(node.op, shared=shared), (b.batched[x], b.plain[p], b.plain[key]))


def _reduce(b: _Batching, node: Expr) -> Any:
    return intern(changed(node.op, axes=tuple(a + b.rank for a in node.op.axes)), (b.batched[node.inputs[0]],))


def _lengths(b: _Batching, node: Expr) -> tuple[Any, ...]:
    """The shape that a node asks for, with that of the batch before it."""
    rest = node.inputs[1:]
    if any(b.has(n) for n in rest):
        raise ShapeError(
            f"the rows of a batch would have different lengths: {node!r} has a length that is batched",
            "apply it row by row where lengths are equal, or pad the rows",
        )
    given = iter(rest)
    return (*b.shape, *(b.value(next(given)) if n is None else n for n in node.op.shape))


def _reshape(b: _Batching, node: Expr) -> Any:
    return _s.reshape(b.whole(node.inputs[0]), _lengths(b, node))


def _broadcast_to(b: _Batching, node: Expr) -> Any:
    return _s.broadcast_to(b.aligned(node.inputs[0], node.type.ndim), _lengths(b, node))


def _same_length(b: _Batching, node: Expr) -> Any:
    x, like = node.inputs
    return _s.paired(node.op.what, b.whole(x), node.op.axis + b.rank, b.value(like), node.op.other + b.rank * b.has(like))


def _transpose(b: _Batching, node: Expr) -> Any:
    return _s.transpose(b.batched[node.inputs[0]], (*range(b.rank), *(a + b.rank for a in node.op.axes)))


def _concatenate(b: _Batching, node: Expr) -> Any:
    return intern(Concatenate(node.op.axis + b.rank), tuple(b.whole(x) for x in node.inputs))


def _slice(b: _Batching, node: Expr) -> Any:
    x = b.batched[node.inputs[0]]
    return intern(Slice(_of_rows(b, x, node.op.bounds)), (x,))


def _set_slice(b: _Batching, node: Expr) -> Any:
    x, value = (b.whole(x) for x in node.inputs)
    return intern(SetSlice(_of_rows(b, x, node.op.bounds)), (x, value))


def _of_rows(b: _Batching, x: Expr, bounds: Bounds) -> Bounds:
    return fixed((*[(None, None, 1)] * b.rank, *bounds), x.type.shape)


def _behind(x: Any, rank: int, first: int) -> Any:
    """Move `rank` batch axes behind the `first` core axes."""
    return _s.transpose(x, (*range(rank, rank + first), *range(rank), *range(rank + first, x.ndim)))


def _front(x: Any, rank: int, first: int) -> Any:
    """Move `rank` batch axes from behind the `first` core axes to the front."""
    return _s.transpose(x, (*range(first, first + rank), *range(first), *range(first + rank, x.ndim)))


def _take(b: _Batching, node: Expr) -> Any:
    x, index = node.inputs
    if not b.has(x):
        return intern(Take(), (b.value(x), b.value(index)))
    if b.has(index):
        return b.value(x)[_each_its_own(b, index)]
    taken = intern(Take(), (_behind(b.value(x), b.rank, 1), b.value(index)))
    return _front(taken, b.rank, index.type.ndim)


def _index(b: _Batching, node: Expr) -> Any:
    x, *others = node.inputs
    arrays = {e[1] for e in node.op.key if e[0] == "array"}
    if b.has(x) or any(e[0] == "flag" for e in node.op.key) or any(b.has(o) for i, o in enumerate(others) if i not in arrays):
        return _by_rows(b, node)
    rank = max(others[i].type.ndim for i in arrays)
    made = intern(node.op, (b.value(x), *(b.aligned(o, rank) if i in arrays else b.value(o) for i, o in enumerate(others))))
    # The axes of the index arrays may stand behind those of slices.
    layout = layout_of(node.op.key, x.type, [o.type for o in others], [0] * len(others))
    return _front(made, b.rank, layout.start)


def _update(b: _Batching, node: Expr) -> Any:
    x, index, value = node.inputs
    if b.has(index):
        at = b.whole(x)[_each_its_own(b, index)]
        return at.set(b.whole(value)) if isinstance(node.op, SetAt) else at.inc(b.whole(value))
    moved = intern(
        node.op, (_behind(b.whole(x), b.rank, 1), b.value(index), _behind(b.whole(value), b.rank, index.type.ndim))
    )
    return _front(moved, b.rank, 1)


def _each_its_own(b: _Batching, index: Expr) -> tuple[Any, ...]:
    """Index arrays of the batch axes and the first axis behind them: each row reads where its own index says."""
    rank = b.rank + index.type.ndim
    rows = [_s.expand_dims(arange(n), tuple(a for a in range(rank) if a != i)) for i, n in enumerate(b.shape)]
    return (*(_s.broadcast_to(r, b.value(index).shape) for r in rows), b.value(index))


def _tuple(b: _Batching, node: Expr) -> Any:
    return intern(node.op, tuple(b.whole(x) for x in node.inputs))


def _inner(b: _Batching, graph: Graph, flags: Sequence[bool], whole: Sequence[bool] | None = None) -> Graph:
    """The graph over parameters with batch axes where `flags` say so; the results that `whole` says have them, or all, if any parameter does."""
    if not any(flags):
        return graph
    batch = tuple(n if isinstance(n, int) else _s.length_of(n) for n in b.shape)
    params: list[Any] = [input_like(p, p.type.with_shape((*batch, *p.type.shape))) if flag else p for p, flag in zip(graph.params, flags)]
    inner = _Batching(
        params[flags.index(True)].shape[: b.rank],
        {p: new for p, new, flag in zip(graph.params, params, flags) if flag},
        {p: new for p, new, flag in zip(graph.params, params, flags) if not flag},
    )
    inner.outputs(graph.results)
    wanted = [True] * len(graph.results) if whole is None else whole
    return Graph(params, [inner.whole(r) if w else inner.value(r) for r, w in zip(graph.results, wanted)])


def _cond(b: _Batching, node: Expr) -> Any:
    predicate, *values = node.inputs
    flags = [b.has(x) for x in values]
    then, orelse = (_inner(b, g, flags) for g in (node.op.then, node.op.orelse))
    given = [b.value(x) for x in values]
    if not b.has(predicate):
        return Cond(then, orelse)(b.value(predicate), *given)
    # Each row takes its own branch, so both are computed.
    chosen: list[Any] = []
    for kind, yes, no in zip(node.type.items, then.apply(*given), orelse.apply(*given)):
        if yes is no:
            chosen.append(yes)
            continue
        test = _s.expand_dims(b.value(predicate), tuple(range(b.rank, b.rank + kind.ndim)))
        chosen.append(where(test, yes, no))
    return MakeTuple()(*chosen)


def _while(b: _Batching, node: Expr) -> Any:
    """A loop that goes on until every row is done, if that is another time for each; a row that is done stays as it is."""
    op: While = node.op
    flags = [b.has(x) for x in node.inputs]
    while True:
        own = _depend(op.cond, flags)[0]
        wider = [x or own or y for x, y in zip(flags, _depend(op.body, flags))]
        if wider == flags[: op.carried]:
            break
        flags[: op.carried] = wider
    closed = [b.value(x) for x in node.inputs[op.carried :]]
    going, step = _inner(b, op.cond, flags, [own]), _inner(b, op.body, flags, flags[: op.carried])

    def cond(*carried: Any) -> Any:
        (more,) = going.apply(*carried, *closed)
        return reduce_any(more) if own else more

    def body(*carried: Any) -> list[Any]:
        made: list[Any] = list(step.apply(*carried, *closed))
        if not own:
            return made
        (more,) = going.apply(*carried, *closed)
        return [where(_s.expand_dims(more, tuple(range(b.rank, x.ndim))), x, old) for x, old in zip(made, carried)]

    first = [b.whole(x) if flag else b.value(x) for x, flag in zip(node.inputs, flags[: op.carried])]
    last = while_loop(cond, body, first, [p.op.name for p in op.body.params[: op.carried]])
    return MakeTuple()(*(x if flag else _s.broadcast_to(x, (*b.shape, *x.shape)) for x, flag in zip(last, flags)))


def _depend(graph: Graph, flags: Sequence[bool]) -> list[bool]:
    """Which results depend on the parameters that `flags` say."""
    marked = {p for p, flag in zip(graph.params, flags) if flag}
    for node in topological(graph.results):
        if any(x in marked for x in node.inputs):
            marked.add(node)
    return [r in marked for r in graph.results]


def _slot(b: _Batching, node: Expr) -> Any:
    """A slot of the same name, for a function of the whole batch."""
    op: Slot = node.op
    inputs = [b.whole(x) for x in node.inputs]
    shape = inputs[0].type.shape[: b.rank]
    returns = tuple(t.with_shape((*shape, *t.shape)) for t in op.returns if isinstance(t, TensorType))
    return Slot(op.label, tuple(x.type for x in inputs), returns)(*inputs)


def _region(b: _Batching, node: Expr) -> Any:
    graph = _inner(b, node.op.graph, [b.has(x) for x in node.inputs])
    return Region(f"{node.op.label}_batched", graph)(*(b.value(x) for x in node.inputs))


def _scan(b: _Batching, node: Expr) -> Any:
    op: Scan = node.op
    n, s = op.carries, op.sequences
    flags = [i < n or b.has(x) for i, x in enumerate(node.inputs)]
    graph = _inner(b, op.body, flags)
    inputs = []
    for i, x in enumerate(node.inputs):
        if i < n:
            inputs.append(b.whole(x))
        elif i < n + s and b.has(x):
            inputs.append(_behind(b.value(x), b.rank, 1))
        else:
            inputs.append(b.value(x))
    results: list[Any] = results_of(Scan(graph, op.steps, n, s)(*inputs))
    return MakeTuple()(*results[:n], *[_front(y, b.rank, 1) for y in results[n:]])


def _by_rows(b: _Batching, node: Expr) -> Any:
    """Any operation: applied to one row of the batch after another."""
    count = math.prod(b.shape)
    rows = [x for x in node.inputs if b.has(x)]
    flat = [_s.reshape(b.value(x), (count, *b.value(x).shape[b.rank :])) for x in rows]

    def step(*elements: Any) -> list[Any]:
        given = dict(zip(rows, elements))
        made = intern(node.op, tuple(given[x] if x in given else b.value(x) for x in node.inputs))
        return results_of(made) if isinstance(node.type, TupleType) else [made]

    results = [_s.reshape(y, (*b.shape, *y.shape[1:])) for y in map_rows(step, flat)]
    return MakeTuple()(*results) if isinstance(node.type, TupleType) else results[0]


RULES: dict[type, BatchRule] = {
    Elementwise: _elementwise, InTraining: _elementwise, Annotation: _same, Dropout: _dropout, Convolution: _images, ConvolutionInput: _images, MaxPool: _images, Reduce: _reduce, Extremes: _reduce, _s.Reshape: _reshape,
    _s.BroadcastTo: _broadcast_to, _s.Transpose: _transpose, _s.SameLength: _same_length, Concatenate: _concatenate,
    Slice: _slice, SetSlice: _set_slice, Take: _take, Index: _index, SetAt: _update, AddAt: _update,
    Diagonal: _same, DiagonalMatrix: _same, MakeTuple: _tuple, Gufunc: _gufunc, Cond: _cond, Region: _region, Scan: _scan, While: _while,
    Slot: _slot,
}  # fmt: skip
"""How each operation is batched; any other is applied row by row."""


def _rule(op: Any) -> BatchRule:
    for kind in type(op).__mro__:
        if kind in RULES:
            return RULES[kind]
    return _by_rows


DOC = "More axes in front, carried through every operation."


@functools.cache
def _step_of(name: str, rule: BatchRule) -> Rule:
    return Rule(f"batch_of_{name}", "batch", f"How {name} has more axes in front.", (), lambda expr: None, rule)


def _step(op: Any) -> Rule:
    """How an operation is batched, as the stepper shows it."""
    return _step_of(str(op.name), _rule(op))


def vectorize(function: Callable[..., Any], signature: str | None = None) -> Callable[..., Any]:
    """Return `function` of tensors applied over all leading axes of its arguments, as ``numpy.vectorize``.

    Parameters
    ----------
    function
        Takes tensors, returns a tensor or a sequence of them.
    signature
        Axes of each argument that `function` works on: ``"(n),(n,m)->(m)"``. Scalars by default.

    Raises
    ------
    ShapeError
        If an argument has fewer axes than its signature, or leading axes do not broadcast.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> norm = vectorize(lambda v: pt.sqrt((v * v).sum()), "(n)->()")
    >>> norm(pt.constant([[3.0, 4.0], [6.0, 8.0]])).eval().tolist()
    [5.0, 10.0]
    """
    cores = None
    if signature is not None:
        left, arrow, _ = signature.replace(" ", "").partition("->")
        if not arrow:
            raise ShapeError(f"the signature {signature!r} has no '->'", "write it as '(n),(n,m)->(m)'")
        cores = [part.count(",") + 1 if part else 0 for part in left[1:-1].split("),(")]

    def vectorized(*arguments: Any) -> Any:
        tensors = [as_tensor(a) for a in arguments]
        ranks = cores if cores is not None else [0] * len(tensors)
        if len(ranks) != len(tensors):
            raise ShapeError(f"the signature {signature!r} has {len(ranks)} arguments, {len(tensors)} were given")
        params: list[Tensor] = []
        for x, rank in zip(tensors, ranks):
            if x.ndim < rank:
                raise ShapeError(f"an argument of shape {x.type.shape} has fewer than the {rank} axes of its signature")
            params.append(intern(Input(x.name, x.type.with_shape(x.type.shape[x.ndim - rank :]))))
        made = function(*params)
        return vectorize_graph(made, dict(zip(params, tensors)))

    return vectorized
