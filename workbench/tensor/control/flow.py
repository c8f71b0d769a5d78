"""Loops, branches, named regions and slots for functions. Inner graphs; closures are made explicit as inputs."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any

import numpy as np

from workbench.errors import CompileError, ShapeError
from workbench.graph.expr import Input, Op, give_name, intern, results_of
from workbench.graph.frozen import frozen
from workbench.graph.inner import Graph, close_over, extract, nodes_within
from workbench.graph.lengths import Length, Size, Symbol, differ, fresh, next_number, substitute, symbols
from workbench.graph.traverse import free_inputs
from workbench.graph.types import TensorType, TupleType, Type
from workbench.tensor import elementwise as _e
from workbench.tensor.tensor import Tensor, as_tensor


def check_inner(graph: Graph, given: Sequence[Type], what: str, results: Sequence[Type] | None = None) -> None:
    """Raise unless an inner graph takes values of the types given, and returns those it must."""
    params = [p.type for p in graph.params]
    if not _accept(params, given):
        raise ShapeError(f"{what} takes {', '.join(map(str, params))}; it is given {', '.join(map(str, given))}")
    if results is not None and not _accept(results, graph.result_types):
        made = ", ".join(map(str, graph.result_types))
        raise ShapeError(f"{what} returns {made}; it must return {', '.join(map(str, results))}")


def tensors(given: Any) -> list[Tensor]:
    """Return a list of the one thing, or of the things, given, as tensors."""
    return [as_tensor(x) for x in (given if isinstance(given, (list, tuple)) else [given])]


def _accept(wanted: Sequence[Type], given: Sequence[Type]) -> bool:
    return len(wanted) == len(given) and all(w is g or w.accepts(g) for w, g in zip(wanted, given))


def settled(body: Graph, types: Sequence[Type], carried: int) -> Graph:
    """Return a loop's body over parameters of types that its first `carried` results have too.

    They are those given, less the lengths that change from step to step. The body's own parameters accept all of them.
    """
    now: list[Any] = list(types)
    varying: set[Size] = set()
    while True:
        made = body.at(now)
        outside = {s for t in now for n in getattr(t, "shape", ()) for s in symbols(n)}
        wider = [of_all_steps(t, r, varying, lambda s: s not in outside) for t, r in zip(now[:carried], made.result_types)]
        if wider == now[:carried]:
            return made
        now[:carried] = wider


def of_all_steps(now: Any, made: Any, varying: set[Size], is_inside: Callable[[Symbol], bool]) -> Any:
    """Return the type of a carried value: that before a step, less the lengths that the step changes.

    Parameters
    ----------
    now, made
        The types before and after a step.
    varying
        Lengths that are known to change; new ones are added.
    is_inside
        Whether a symbol is made by the step.
    """
    if not isinstance(now, TensorType) or now == made:
        return now
    shape = []
    for n, m in zip(now.shape, made.shape):
        # What may be equal is to be: that is a condition.
        if n not in varying and n != m and (differ(n, m) or any(map(is_inside, symbols(m)))):
            n = fresh("k")
            varying.add(n)
        shape.append(n)
    return now.with_shape(tuple(shape))


def after_all_steps(carried: Sequence[Any], first: Sequence[Any]) -> tuple[Any, ...]:
    """Return the types of carried values after a loop: a length that changed is like no other."""
    return tuple(
        t.with_shape(tuple(n if n == m else fresh("k") for n, m in zip(t.shape, f.shape))) if isinstance(t, TensorType) else t
        for t, f in zip(carried, first)
    )


def lengths_arise_within(op: Op, known: Container[Symbol] = ()) -> bool:
    """Whether a loop or a branch makes, within, values of lengths that only values say: ``x[:k]`` of a `k` of each step.

    Lengths of what its graphs are given are none of these, nor are `known` ones.
    """
    for graph in op.graphs:
        given = {s for p in graph.params for n in getattr(p.type, "shape", ()) for s in symbols(n)}
        for node in nodes_within([graph]):
            items = node.type.items if isinstance(node.type, TupleType) else (node.type,)
            if any(s not in given and s not in known for t in items for n in getattr(t, "shape", ()) for s in symbols(n)):
                return True
    return False


def called_back_by_jax(op: Op, values: Sequence[Any]) -> Any:
    """Run an operation's NumPy form from a program of JAX, which compiles no lengths that values say.

    Raises
    ------
    CompileError
        If such a length is that of a result.
    """
    jax: Any = importlib.import_module("jax")
    given = [TensorType(str(v.dtype), tuple(v.shape)) for v in values]
    types: Any = op.for_types(*given).infer(*given)  # type: ignore[attr-defined]
    if any(t.is_open for t in types.items):
        raise CompileError(f"the lengths of what a {op.name} returns depend on values, which JAX cannot compile", "use backend='numpy'")
    wanted = tuple(jax.ShapeDtypeStruct(t.shape, t.dtype) for t in types.items)

    def call(*arrays: Any) -> tuple[Any, ...]:
        made = op.numpy(*map(np.asarray, arrays))
        return tuple(np.asarray(v, t.dtype) for v, t in zip(made, types.items))

    return jax.pure_callback(call, wanted, *values, vmap_method="sequential")


@frozen
class While(Op):
    """``while cond(carried): carried = body(carried)``.

    Both graphs take the carried values, then the closed-over ones.
    """

    cond: Graph
    body: Graph
    carried: int
    name = "while"

    @property
    def graphs(self) -> tuple[Graph, ...]:
        return (self.cond, self.body)

    def with_graphs(self, graphs: tuple[Graph, ...]) -> While:
        return While(graphs[0], graphs[1], self.carried)

    def for_types(self, *types: Type) -> While:
        body = settled(self.body, types, self.carried)
        return While(self.cond.at([p.type for p in body.params]), body, self.carried)

    def infer(self, *types: Type) -> TupleType:
        carried = tuple(p.type for p in self.body.params[: self.carried])
        check_inner(self.cond, types, "the condition of a while loop")
        check_inner(self.body, types, "the body of a while loop", carried)
        return TupleType(after_all_steps(carried, types))

    def numpy(self, *values: Any) -> Any:
        carried, closed = list(values[: self.carried]), values[self.carried :]
        while self.cond.run("numpy", *carried, *closed)[0]:
            carried = self.body.run("numpy", *carried, *closed)
        return tuple(carried)

    def jax(self, *values: Any) -> Any:
        import jax

        if lengths_arise_within(self):
            return called_back_by_jax(self, values)
        closed = values[self.carried :]
        return jax.lax.while_loop(
            lambda carried: self.cond.run("jax", *carried, *closed)[0],
            lambda carried: tuple(self.body.run("jax", *carried, *closed)),
            tuple(values[: self.carried]),
        )


@frozen
class Cond(Op):
    """``then(closed) if predicate else orelse(closed)``; only the chosen branch is computed."""

    then: Graph
    orelse: Graph
    name = "cond"

    @property
    def graphs(self) -> tuple[Graph, ...]:
        return (self.then, self.orelse)

    def with_graphs(self, graphs: tuple[Graph, ...]) -> Cond:
        return Cond(*graphs)

    def for_types(self, predicate: Type, *types: Type) -> Cond:
        return Cond(self.then.at(types), self.orelse.at(types))

    def infer(self, predicate: Type, *types: Type) -> TupleType:
        joined: list[Any] = [t.join(o) for t, o in zip(self.then.result_types, self.orelse.result_types)]
        wanted = [t if j is None else j for t, j in zip(self.then.result_types, joined)]
        check_inner(self.then, types, "a branch", wanted)
        check_inner(self.orelse, types, "a branch", wanted)
        return TupleType(tuple(wanted))

    def numpy(self, predicate: Any, *values: Any) -> Any:
        return tuple((self.then if predicate else self.orelse).run("numpy", *values))

    def jax(self, predicate: Any, *values: Any) -> Any:
        import jax

        if lengths_arise_within(self):
            return called_back_by_jax(self, (predicate, *values))
        return jax.lax.cond(
            predicate,
            lambda *v: tuple(self.then.run("jax", *v)),
            lambda *v: tuple(self.orelse.run("jax", *v)),
            *values,
        )


@frozen
class Region(Op):
    """A named part of a graph that is compiled and cached by itself (`logp_grad`, `nuts`)."""

    label: str
    graph: Graph
    name = "region"

    @property
    def graphs(self) -> tuple[Graph, ...]:
        return (self.graph,)

    def with_graphs(self, graphs: tuple[Graph, ...]) -> Region:
        return Region(self.label, *graphs)

    def for_types(self, *types: Type) -> Region:
        return Region(self.label, self.graph.at(types))

    def infer(self, *types: Type) -> TupleType:
        check_inner(self.graph, types, f"the region {self.label}")
        return TupleType(self.graph.result_types)

    def numpy(self, *values: Any) -> Any:
        return tuple(self.graph.run("numpy", *values))

    def jax(self, *values: Any) -> Any:
        return tuple(self.graph.run("jax", *values))


@frozen
class Slot(Op):
    """The place of a function that is given later: what it takes and returns, and no graph.

    What stands around a slot is rewritten and compiled once, whatever function is linked there
    (:meth:`~workbench.compile.function.CompiledFunction.link`): a sampler, for all models.
    """

    label: str
    takes: tuple[Type, ...]
    returns: tuple[Type, ...]
    name = "slot"

    def infer(self, *types: Type) -> TupleType:
        if not _accept(self.takes, types):
            raise ShapeError(
                f"the slot {self.label} takes {', '.join(map(str, self.takes))}; it is given {', '.join(map(str, types))}"
            )
        values = self.lengths(types)
        return TupleType(tuple(_with_numbers(t, values) for t in self.returns))

    def lengths(self, types: Sequence[Any]) -> dict[Symbol, Size]:
        """Return what the names of lengths in the slot stand for where it is given values of these types."""
        values: dict[Symbol, Size] = {}
        for wanted, given in zip(self.takes, types):
            for n, m in zip(getattr(wanted, "shape", ()), getattr(given, "shape", ())):
                for s in symbols(n):
                    if isinstance(n, Length) and n.terms == (((s,), 1),):
                        values.setdefault(s, m)
        return values

    def numbers(self, types: Sequence[Any]) -> dict[Symbol, Size]:
        """Return which of these are numbers: a function for all lengths says nothing of them."""
        return {s: n for s, n in self.lengths(types).items() if isinstance(n, int)}

    def fits(self, takes: Sequence[Type], returns: Sequence[Type]) -> bool:
        """Whether a function from and to these types can be linked here."""
        values = self.lengths(takes)
        wanted = [tuple(_with_numbers(t, values) for t in types) for types in (self.takes, self.returns)]
        return wanted == [tuple(takes), tuple(returns)]

    def numpy(self, *values: Any) -> Any:
        raise CompileError(f"there is no function in the slot {self.label}", f"compile the graph, and link one: f.link({self.label}=function)")

    jax = numpy


def _with_numbers(kind: Any, values: Mapping[Symbol, Size]) -> Any:
    return kind.with_shape(tuple(substitute(n, values) for n in kind.shape)) if isinstance(kind, TensorType) else kind


@frozen
class MakeTuple(Op):
    """Several values held together, as a branch that is taken for certain leaves them."""

    name = "tuple"

    def infer(self, *types: Type) -> TupleType:
        return TupleType(types)

    def numpy(self, *values: Any) -> Any:
        return values

    def jax(self, *values: Any) -> Any:
        return values


def while_loop(
    cond: Callable[..., Any], body: Callable[..., Sequence[Any]], init: Sequence[Any], names: Sequence[str] = ()
) -> list[Tensor]:
    """Repeat `body` while `cond` holds.

    Parameters
    ----------
    cond
        Takes the carried values, returns a scalar boolean.
    body
        Takes the carried values, returns their next values, of the same types: one, or a list.
    init
        First values: one, or a list.
    names
        Labels of the carried values, for people who read the graph.

    Returns
    -------
    The carried values at the end.

    Raises
    ------
    ShapeError
        If `body` changes the type of a carried value.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> i, total = while_loop(lambda i, s: i < 5, lambda i, s: (i + 1, s + i), [0, 0])
    >>> int(total.eval())
    10
    """
    first = tensors(init)

    def step(*carried: Any) -> tuple[list[Tensor]]:
        after = tensors(body(*carried))
        if len(after) != len(first):
            raise ShapeError(f"the loop body returned {len(after)} values for {len(first)} carried ones")
        return (after,)

    carried, (after,) = steady(step, first, names)
    more = _e.cast(as_tensor(cond(*carried)), "bool")
    if more.ndim:
        raise ShapeError(f"a loop condition must be a scalar, got shape {more.type.shape}")
    together, closed = close_over(carried, [more, *after])
    loop = While(
        Graph(together.params, together.results[:1]), Graph(together.params, together.results[1:]), len(carried)
    )
    return results_of(loop(*first, *closed))


def steady(step: Callable[..., Any], first: Sequence[Tensor], names: Sequence[str]) -> tuple[list[Any], Any]:
    """Return inputs for a loop's carried values and what `step` makes of them, next values first.

    Their types are those of the first values, less the lengths that a step may change: since a graph may be built on a
    known length, `step` is called again where one is not known after all.
    """
    like = list(first)
    varying: set[Size] = set()
    while True:
        since = next_number()
        carried = fresh_inputs(like, names)
        made = step(*carried)
        for c, x in zip(carried, made[0]):
            if not c.type.may_be(x.type):
                raise ShapeError(
                    f"the body of the loop turned the carried value {c.name or '(unnamed)'} from {c.type} into {x.type}",
                    "shapes and dtypes must stay the same in a loop; broadcast or cast the first value",
                )
        wider = [of_all_steps(c.type, x.type, varying, lambda s: s.number >= since) for c, x in zip(carried, made[0])]
        if wider == [c.type for c in carried]:
            return carried, made
        like = [give_name(intern(Input(x.name, t)), x.name) for x, t in zip(like, wider)]


def cond(
    predicate: Any,
    then: Callable[..., Sequence[Any]],
    orelse: Callable[..., Sequence[Any]],
    operands: Sequence[Any],
    names: Sequence[str] = (),
) -> list[Tensor]:
    """Compute one of two branches.

    Parameters
    ----------
    predicate
        Scalar boolean.
    then, orelse
        Take the operands, return tensors of the same types: one, or a list. What depends on the operands
        is computed in the chosen branch only.
    operands
        Values for the branches: one, or a list.
    names
        Labels of the operands, for people who read the graph.

    Raises
    ------
    ShapeError
        If the branches return different types, or the condition is not a scalar.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> (y,) = cond(pt.constant(3.0) > 2, lambda x: [x + 1], lambda x: [x - 1], [3.0])
    >>> float(y.eval())
    4.0
    """
    predicate = _e.cast(as_tensor(predicate), "bool")
    if predicate.ndim:
        raise ShapeError(
            f"a branch needs a scalar condition, got shape {predicate.type.shape}",
            "where(condition, a, b) chooses elementwise",
        )
    given = tensors(operands)
    params = fresh_inputs(given, names)
    yes, no = tensors(then(*params)), tensors(orelse(*params))
    if len(yes) != len(no) or any(x.type.join(y.type) is None for x, y in zip(yes, no)):
        raise ShapeError(
            f"the branches return {', '.join(str(x.type) for x in yes)} and {', '.join(str(x.type) for x in no)}"
        )
    together, closed = close_over(params, [*yes, *no])
    branch = Cond(
        Graph(together.params, together.results[: len(yes)]), Graph(together.params, together.results[len(yes) :])
    )
    return results_of(branch(predicate, *given, *closed))


def fresh_inputs(values: Sequence[Tensor], names: Sequence[str]) -> list[Any]:
    """Fresh inputs of the values' types, labelled by `names` or the values' own names."""
    params = []
    for i, x in enumerate(values):
        label = names[i] if i < len(names) else x.name
        param = intern(Input(label, x.type))
        param.name = label
        params.append(param)
    return params


def region(label: str, graph: Graph, *arguments: Tensor) -> list[Tensor]:
    """Apply a graph as a named region, compiled by itself.

    Examples
    --------
    >>> x = pt.scalar("x")
    >>> (y,) = pt.region("square", Graph([x], [x * x]), pt.constant(3.0))
    >>> y.eval().item()
    9.0
    """
    return results_of(Region(label, graph)(*arguments))


def slot(label: str, returns: Sequence[Type], *arguments: Tensor) -> list[Tensor]:
    """Apply what will be linked in the slot `label`, which returns values of the types given.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> x, y = pt.scalar("x"), pt.scalar("y")
    >>> (once,) = slot("f", [x.type], x)
    >>> (twice,) = slot("f", [x.type], once)
    >>> from workbench.compile import function
    >>> f = function([y], [pt.exp(y) - 1.0], backend="numpy")
    >>> float(function([x], twice, backend="numpy").link(f=f)(0.0))
    0.0
    """
    return results_of(Slot(label, tuple(x.type for x in arguments), tuple(returns))(*arguments))


def ifelse(condition: Any, then: Any, orelse: Any) -> Any:
    """Return one of two values, or lists of values; only the branch that is taken is computed.

    Parameters
    ----------
    condition
        Scalar boolean.
    then, orelse
        Expressions of the same type, or sequences of them.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> float(ifelse(pt.constant(3.0) > 2, pt.constant(1.0), pt.constant(0.0)).eval())
    1.0
    """
    single = not isinstance(then, (list, tuple))
    yes, no = tensors(then), tensors(orelse)
    params = free_inputs([*yes, *no])
    inner = extract([*yes, *no], params)
    chosen: list[Tensor] = cond(
        condition, lambda *v: inner.apply(*v)[: len(yes)], lambda *v: inner.apply(*v)[len(yes) :], params
    )
    return chosen[0] if single else chosen
