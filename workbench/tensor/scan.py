"""`scan`: a loop of known length over sequences, with carried values and stacked outputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.errors import ShapeError
from workbench.graph.expr import Expr, Op, intern, results_of
from workbench.graph.inner import Graph, close_over
from workbench.graph.traverse import replace
from workbench.graph.types import TensorType, TupleType, Type
from workbench.tensor.control import check_inner, fresh_inputs
from workbench.tensor.keys import keys_below, keys_made
from workbench.tensor.tensor import Tensor, as_tensor


@dataclass(frozen=True)
class Scan(Op):
    """``for i in range(steps): carries, outputs[i] = body(carries, sequences[i], closed)``.

    `body` takes the carried values, one element of each sequence, and the closed-over values; it
    returns the next carried values, then the outputs. The results are the last carried values,
    then the outputs stacked along a new first axis.
    """

    body: Graph
    steps: int
    carries: int
    sequences: int
    name = "scan"

    @property
    def graphs(self) -> tuple[Graph, ...]:
        return (self.body,)

    def with_graphs(self, graphs: tuple[Graph, ...]) -> Scan:
        return Scan(graphs[0], self.steps, self.carries, self.sequences)

    def infer(self, *types: Type) -> TupleType:
        given: list[Any] = list(types)
        for i in range(self.carries, self.carries + self.sequences):
            given[i] = given[i].with_shape(given[i].shape[1:])
        check_inner(self.body, given, "the body of a scan")
        results: list[Any] = list(self.body.result_types)
        stacked = [t.with_shape((self.steps, *t.shape)) for t in results[self.carries :]]
        return TupleType((*results[: self.carries], *stacked))

    def numpy(self, *values: Any) -> Any:
        carried = list(values[: self.carries])
        sequences = values[self.carries : self.carries + self.sequences]
        closed = values[self.carries + self.sequences :]
        rows: list[list[Any]] = [[] for _ in self.body.results[self.carries :]]
        for i in range(self.steps):
            made = self.body.run("numpy", *carried, *[s[i] for s in sequences], *closed)
            carried = made[: self.carries]
            for kept, row in zip(rows, made[self.carries :]):
                kept.append(row)
        stacked = []
        for kept, kind in zip(rows, self.body.result_types[self.carries :]):
            assert isinstance(kind, TensorType)
            shape = np.shape(kept[0]) if kept else tuple(n or 0 for n in kind.shape)
            stacked.append(np.array(kept, kind.dtype).reshape((self.steps, *shape)))
        return (*carried, *stacked)

    def jax(self, *values: Any) -> Any:
        import jax

        closed = values[self.carries + self.sequences :]

        def step(carried: Any, elements: Any) -> Any:
            made = self.body.run("jax", *carried, *elements, *closed)
            return tuple(made[: self.carries]), tuple(made[self.carries :])

        start, sequences = tuple(values[: self.carries]), tuple(values[self.carries : self.carries + self.sequences])
        last, stacked = jax.lax.scan(step, start, sequences, length=self.steps)
        return (*last, *stacked)


def scan(
    body: Callable[..., Any],
    init: Sequence[Any] = (),
    sequences: Sequence[Any] = (),
    non_sequences: Sequence[Any] = (),
    n_steps: int | None = None,
    reverse: bool = False,
    names: Sequence[str] = (),
) -> tuple[list[Tensor], list[Tensor]]:
    """Run `body` once for each element of the sequences, carrying values from step to step.

    Parameters
    ----------
    body
        Takes the carried values, one element of each sequence, and the non-sequences. Returns
        ``(carried, outputs)``: two sequences of tensors. What else it uses is closed over.
    init
        First carried values.
    sequences
        Tensors to run over along their first axis, all of one length.
    non_sequences
        Passed to each step as they are.
    n_steps
        How many steps; the length of the sequences by default.
    reverse
        Run from the last element to the first; outputs keep the order of the sequences.
    names
        Labels of the carried values, for people who read the graph.

    Returns
    -------
    carried, outputs
        The last carried values, and each output stacked along a new first axis of length `n_steps`.

    Raises
    ------
    ShapeError
        If lengths differ or are not known, or `body` changes the type of a carried value.

    Examples
    --------
    A running sum:

    >>> import workbench.tensor as pt
    >>> (total,), (partial,) = scan(lambda s, x: ([s + x], [s + x]), [0.0], [pt.constant([1.0, 2.0, 4.0])])
    >>> partial.eval().tolist()
    [1.0, 3.0, 7.0]
    """
    first = [as_tensor(x) for x in init]
    runs = [as_tensor(s) for s in sequences]
    steps = _steps(runs, n_steps)
    if reverse:
        runs = [s[steps - 1 :: -1] if steps else s for s in runs]
    else:
        runs = [s if s.type.shape[0] == steps else s[:steps] for s in runs]
    carried = fresh_inputs(first, names)
    since = keys_made()
    elements = [fresh_inputs([s[0] if steps else _element(s)], [f"{s.name or 'sequence'}_i"])[0] for s in runs]
    made = body(*carried, *elements, *[as_tensor(x) for x in non_sequences])
    if not (isinstance(made, tuple) and len(made) == 2):
        raise ShapeError("the body of a scan must return two sequences: the next carried values, and the outputs")
    after, outputs = [[as_tensor(x) for x in part] for part in made]
    if len(after) != len(first):
        raise ShapeError(f"the body of the scan returned {len(after)} carried values for {len(first)}")
    for c, x in zip(carried, after):
        if x.type != c.type:
            raise ShapeError(
                f"the body of the scan turned the carried value {c.name or '(unnamed)'} from {c.type} into {x.type}",
                "shapes and dtypes must stay the same in a loop; broadcast or cast the first value",
            )
    # Every step's carried values come out too: a gradient needs them. What nobody asks for is
    # dropped before compilation.
    wanted = [*after, *outputs, *carried]
    keys = keys_below(wanted, since)
    if keys:
        wanted, elements, runs, keys_inside = _keys_of_steps(wanted, elements, runs, keys, steps)
    else:
        keys_inside = []
    together, closed = close_over([*carried, *elements, *keys_inside], wanted)
    loop = Scan(together, steps, len(first), len(runs))
    results: list[Any] = results_of(intern(loop, (*first, *runs, *keys, *closed)))
    stacked = results[len(first) : len(first) + len(outputs)]
    if reverse and steps:
        stacked = [y[::-1] for y in stacked]
    return results[: len(first)], stacked


def _keys_of_steps(
    wanted: list[Any], elements: list[Any], runs: list[Tensor], keys: list[Tensor], steps: int
) -> tuple[list[Any], list[Any], list[Tensor], list[Any]]:
    """Give what was drawn inside the body a key of its own at every step."""
    from workbench.tensor.elementwise import cast
    from workbench.tensor.random import threefry
    from workbench.tensor.shape import arange

    (number,) = fresh_inputs([as_tensor(0)], ["step"])
    inside = fresh_inputs(keys, ["key"] * len(keys))
    own: dict[Expr, Expr] = {key: threefry(k, cast(number, "uint64")) for key, k in zip(keys, inside)}
    return replace(wanted, own), [*elements, number], [*runs, arange(steps)], inside


def map(body: Callable[..., Any], sequences: Sequence[Any], non_sequences: Sequence[Any] = ()) -> Any:
    """Apply `body` to each element of the sequences along their first axis; results are stacked.

    Parameters
    ----------
    body
        Takes one element of each sequence and the non-sequences; returns one tensor, or a list.
    sequences, non_sequences
        As in :func:`scan`.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> map(lambda row: (row * row).sum(), [pt.constant([[1.0, 2.0], [3.0, 4.0]])]).eval().tolist()
    [5.0, 25.0]
    """
    single = False

    def step(*arguments: Any) -> Any:
        nonlocal single
        made = body(*arguments)
        single = isinstance(made, Expr)
        return [], [made] if single else made

    _, outputs = scan(step, (), sequences, non_sequences)
    return outputs[0] if single else outputs


def _steps(runs: Sequence[Tensor], n_steps: Any) -> int:
    lengths = set()
    for s in runs:
        if s.ndim == 0:
            raise ShapeError(f"a scan cannot run over the scalar {s!r}", "pass it among non_sequences")
        if s.type.shape[0] is None:
            raise ShapeError(
                f"a scan needs to know the length of {s!r}, which is {s.type}",
                "declare its shape, or use while_loop",
            )
        lengths.add(s.type.shape[0])
    if isinstance(n_steps, Expr):
        raise ShapeError(
            "the number of steps of a scan must be a number: its outputs' shapes depend on it",
            "use while_loop with a counter, or scan as many steps as there can be",
        )
    if n_steps is None:
        if not lengths:
            raise ShapeError("a scan without sequences needs n_steps")
        if len(lengths) > 1:
            raise ShapeError(f"the sequences of a scan have lengths {', '.join(str(n) for n in sorted(lengths))}")
        return int(lengths.pop())
    if int(n_steps) < 0 or any(n < n_steps for n in lengths):
        raise ShapeError(f"a scan of {n_steps} steps runs past its sequences of length {min(lengths, default=0)}")
    return int(n_steps)


def _element(s: Tensor) -> Tensor:
    """A stand-in of the type of an element of an empty sequence."""
    from workbench.graph.expr import Input

    return intern(Input(None, TensorType(s.dtype, s.type.shape[1:])))
