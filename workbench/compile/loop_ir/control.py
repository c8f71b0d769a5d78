"""Statements that are no loops over elements: branches, loops, regions, calls, and tensors put side by side."""

from __future__ import annotations

from typing import Any

from workbench.compile.loop_ir import loops as L
from workbench.compile.loop_ir.kernels import (
    Block,
    Counter,
    Extent,
    KernelMaker,
    Unit,
    Value,
    read_by,
    shape_of,
    shape_of_type,
)
from workbench.graph.expr import Expr, Input, intern
from workbench.graph.lengths import Size, product
from workbench.graph.types import TensorType, TupleType
from workbench.tensor.control.flow import Cond, Region, Slot, While, lengths_arise_within
from workbench.tensor.control.scan import Scan
from workbench.tensor.indexing.rows import SetAt, Take
from workbench.tensor.native_call import NativeCall
from workbench.tensor.shape import Reshape
from workbench.tensor.shape.joining import Concatenate

MANY = 8
"""So many parts of a whole, or more, are moved by one statement."""


def control(block: Block, x: Expr) -> None:
    """Write the statements of a node that is no loop over elements."""
    op = x.op
    if isinstance(op, Concatenate):
        _concatenate(block, x)
    elif isinstance(op, (Cond, While, Scan)) and lengths_arise_within(op, block.lowering.known):
        # No place can be made for these before code is entered.
        _external(block, x, None)
    elif isinstance(op, (Region, Slot)):
        _region(block, x)
    elif isinstance(op, Cond):
        _cond(block, x)
    elif isinstance(op, While):
        _loop(block, x)
    elif isinstance(op, Scan):
        _scan(block, x)
    else:
        native = op.native(x) if hasattr(op, "native") else None
        if native is None and hasattr(op, "loop"):
            _written_out(block, x)
        else:
            _external(block, x, native)


def _written_out(block: Block, x: Expr) -> None:
    """An operation that says how loops compute it: ``op.loop`` of its inputs."""
    params: list[Expr] = [intern(Input(None, y.type)) for y in x.inputs]
    made: Expr = x.op.loop(*params)
    env: dict[Expr, Value] = dict(zip(params, map(block.value, x.inputs)))
    block.statements += block.inside(env, [made]).statements
    block.env[x] = env[made]


def _external(block: Block, x: Expr, native: NativeCall | None) -> None:
    arguments = [_in_memory(block, y) for y in read_by(x)]
    if isinstance(x.type, TupleType):
        results = _results(block, x)
    else:
        block.env[x] = made = block.lowering.buffer(x)
        results = [made]
    block.lowering.externals.append(x)
    block.statements.append(L.External(len(block.lowering.externals) - 1, arguments, results, native))


def _concatenate(block: Block, x: Expr) -> None:
    assert isinstance(x.op, Concatenate)
    whole = block.env[x]
    assert isinstance(whole, L.Buffer)
    inner = product(shape_of(x)[x.op.axis + 1 :])
    start: Size = 0
    # What is there already is moved as it is, all at once: many parts are one loop in code.
    in_a_row = product(shape_of(x)[: x.op.axis]) == 1 and len(x.inputs) >= MANY
    moves: list[tuple[L.Buffer, L.Buffer | L.Literal]] = []
    for part in x.inputs:
        length = shape_of(part)[x.op.axis]
        owner = part
        while isinstance(owner.op, Reshape) and owner not in block.place:
            owner = owner.inputs[0]
        value = block.env.get(owner)
        # A part that occurs twice lies in its first place only.
        if not (isinstance(value, L.Buffer) and value.base is whole and value.offset == start * inner):
            if in_a_row and isinstance(value, L.Buffer) and value.root.kind in ("input", "constant"):
                moves.append((L.Buffer(f"{whole.name}_{len(moves)}", whole.dtype, shape_of(part), base=whole, offset=start * inner, of=part), value))
            else:
                KernelMaker(block, block.place[x], Unit(shape_of(part))).place_part(x, part, whole, start)
        start += length
    if moves:
        block.statements.append(L.Copy(moves))


def _results(block: Block, x: Expr) -> list[L.Buffer]:
    assert isinstance(x.type, TupleType)
    made: list[L.Buffer] = []
    for item in x.type.items:
        assert isinstance(item, TensorType)
        block.lowering.count += 1
        made.append(L.Buffer(f"t{block.lowering.count}", item.dtype, shape_of_type(item, x), of=x))
    block.tuples[x] = list(made)
    return made


def _region(block: Block, x: Expr) -> None:
    arguments = [_in_memory(block, y) for y in x.inputs]
    results = _results(block, x)
    graph = None if isinstance(x.op, Slot) else x.op.graph
    key = L.Region(x.op.label, graph, tuple(b.shape for b in arguments), tuple(b.shape for b in results))
    if key not in block.lowering.regions:
        block.lowering.regions.append(key)
    block.statements.append(L.Call(block.lowering.regions.index(key), arguments, results))


def _in_memory(block: Block, x: Expr) -> L.Buffer:
    value = block.value(x)
    if isinstance(value, L.Buffer):
        return value
    block.lowering.count += 1
    made = L.Buffer(f"t{block.lowering.count}", value.dtype, shape_of(x), of=x)
    block.statements.append(L.Copy([(made, value)]))
    return made


def _cond(block: Block, x: Expr) -> None:
    assert isinstance(x.op, Cond)
    predicate, *operands = [block.value(y) for y in x.inputs]
    targets = _results(block, x)
    branches = []
    for graph in (x.op.then, x.op.orelse):
        env: dict[Expr, Value] = dict(zip(graph.params, operands))
        inner = block.inside(env, graph.results)
        pairs = [(t, env[r]) for t, r in zip(targets, graph.results)]
        branches.append([*inner.statements, L.Copy(pairs)])
    block.statements.append(L.Branch(predicate, *branches))


def _loop(block: Block, x: Expr) -> None:
    assert isinstance(x.op, While)
    op = x.op
    operands = [block.value(y) for y in x.inputs]
    carried = _results(block, x)
    for buffer, p in zip(carried, op.body.params):
        buffer.note = p.name or ""
    block.statements.append(L.Copy(list(zip(carried, operands))))
    closed = operands[op.carried :]
    test_env: dict[Expr, Value] = dict(zip(op.cond.params, [*carried, *closed]))
    test = block.inside(test_env, op.cond.results)
    body_env: dict[Expr, Value] = dict(zip(op.body.params, [*carried, *closed]))
    body = block.inside(body_env, op.body.results)
    pairs = [(c, body_env[r]) for c, r in zip(carried, op.body.results)]
    block.statements.append(L.Loop(test.statements, test_env[op.cond.results[0]], [*body.statements, L.Copy(pairs)]))


def _scan(block: Block, x: Expr) -> None:
    """A counted loop: elements are taken from the sequences, outputs set row by row."""
    op = x.op
    assert isinstance(op, Scan)
    steps = _steps(x)
    n, s = op.carries, op.sequences
    operands = [block.value(y) for y in x.inputs]
    results = _results(block, x)
    carried, stacked = results[:n], results[n:]
    for buffer, p in zip(carried, op.body.params):
        buffer.note = p.name or ""
    count: Any = intern(Counter("step", TensorType("int64"), steps))
    counter = block.lowering.buffer(count)
    counter.note = "step"
    block.statements.append(L.Copy([(counter, L.Literal(0, "int64")), *zip(carried, operands)]))
    block.statements += [L.Begin(b) for b in stacked]
    if steps == 0:
        return

    rows: list[Expr] = [intern(Input(None, y.type)) for y in x.inputs[n : n + s]]
    stacks: list[Expr] = [intern(Input(None, t)) for t in x.type.items[n:]]
    elements = [intern(Take(), (r, count)) for r in rows]
    closed = op.body.params[n + s :]
    made = op.body.apply(*op.body.params[:n], *elements, *closed)
    outputs = [intern(SetAt(), (o, count, y)) for o, y in zip(stacks, made[n:])]
    env: dict[Expr, Value] = {count: counter, **dict(zip(op.body.params[:n], carried))}
    env.update(zip((*rows, *closed), operands[n:]))
    env.update(zip(stacks, stacked))
    body = block.inside(env, [*made[:n], *outputs, count + 1])
    ends = [*carried, *stacked, counter]
    pairs = [(end, env[r]) for end, r in zip(ends, [*made[:n], *outputs, count + 1])]
    more = count < (steps if isinstance(steps, int) else intern(Extent(steps)))
    test_env: dict[Expr, Value] = {count: counter}
    test = block.inside(test_env, [more])
    block.statements.append(L.Loop(test.statements, test_env[more], [*body.statements, L.Copy(pairs)], steps))


def _steps(x: Expr) -> Size:
    """How many steps a scan has: its number, or the length of its sequences."""
    n, s = x.op.carries, x.op.sequences
    lengths = [x.op.steps, *(shape_of(y)[0] for y in x.inputs[n : n + s])]
    return next(m for m in lengths if m is not None)
