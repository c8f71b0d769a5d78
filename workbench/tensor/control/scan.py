"""`scan`: a loop of known length over sequences, with carried values and stacked outputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from workbench.errors import ShapeError
from workbench.graph.expr import Expr, Input, Op, intern, results_of
from workbench.graph.frozen import frozen
from workbench.graph.inner import Graph, close_over
from workbench.graph.lengths import Size, one_length
from workbench.graph.traverse import replace
from workbench.graph.types import TensorType, TupleType, Type, type_of
from workbench.tensor import shape as _s
from workbench.tensor.control.flow import (
    after_all_steps,
    called_back_by_jax,
    check_inner,
    fresh_inputs,
    lengths_arise_within,
    settled,
    steady,
    tensors,
)
from workbench.tensor.elementwise import cast
from workbench.tensor.keys import keys_below, keys_made
from workbench.tensor.random.random_bits import threefry
from workbench.tensor.shape import arange
from workbench.tensor.shape.joining import concatenate
from workbench.tensor.tensor import Tensor, as_tensor


@frozen
class Scan(Op):
    """``for i in range(steps): carries, outputs[i] = body(carries, sequences[i], closed)``.

    `body` takes the carried values, one element of each sequence, and the closed-over values; it
    returns the next carried values, then the outputs. The results are the last carried values,
    then the outputs stacked along a new first axis. `steps` is ``None`` where the sequences say how many there are.
    """

    body: Graph
    steps: int | None
    carries: int
    sequences: int
    name = "scan"

    @property
    def graphs(self) -> tuple[Graph, ...]:
        return (self.body,)

    def with_graphs(self, graphs: tuple[Graph, ...]) -> Scan:
        return Scan(graphs[0], self.steps, self.carries, self.sequences)

    def for_types(self, *types: Type) -> Scan:
        body = settled(self.body, self._elements(types), self.carries)
        steps = self._length(types)
        return Scan(body, steps if isinstance(steps, int) else None, self.carries, self.sequences)

    def _elements(self, types: Sequence[Any]) -> list[Any]:
        """What the body is given at a step, for what the scan is given."""
        runs = range(self.carries, self.carries + self.sequences)
        return [t.with_shape(t.shape[1:]) if i in runs else t for i, t in enumerate(types)]

    def _length(self, types: Sequence[Any]) -> Size:
        sequences = [t.shape[0] for t in types[self.carries : self.carries + self.sequences]]
        return _one_length(sequences if self.steps is None else [self.steps, *sequences])

    def infer(self, *types: Type) -> TupleType:
        carried = tuple(p.type for p in self.body.params[: self.carries])
        results: list[Any] = list(self.body.result_types)
        check_inner(self.body, self._elements(types), "the body of a scan", [*carried, *results[self.carries :]])
        steps = self._length(types)
        stacked = [t.with_shape((steps, *t.shape)) for t in results[self.carries :]]
        return TupleType((*after_all_steps(carried, types), *stacked))

    def numpy(self, *values: Any) -> Any:
        carried = list(values[: self.carries])
        sequences = values[self.carries : self.carries + self.sequences]
        closed = values[self.carries + self.sequences :]
        rows: list[list[Any]] = [[] for _ in self.body.results[self.carries :]]
        steps = _one_length([len(s) for s in sequences] if self.steps is None else [self.steps, *(len(s) for s in sequences)])
        assert isinstance(steps, int)
        for i in range(steps):
            made = self.body.run("numpy", *carried, *[s[i] for s in sequences], *closed)
            carried = made[: self.carries]
            for kept, row in zip(rows, made[self.carries :]):
                kept.append(row)
        stacked = []
        # Without steps the shapes of outputs follow from those of what is given.
        body = self.body if steps else settled(self.body, self._elements([type_of(v) for v in values]), self.carries)
        for kept, kind in zip(rows, body.result_types[self.carries :]):
            assert isinstance(kind, TensorType)
            shape = np.shape(kept[0]) if kept else tuple(n if isinstance(n, int) else 0 for n in kind.shape)
            if any(np.shape(row) != shape for row in kept):
                raise ShapeError(f"the steps of a scan gave outputs of shapes {', '.join(map(str, sorted({np.shape(row) for row in kept})))}", "pad them to one shape")
            stacked.append(np.array(kept, kind.dtype).reshape((steps, *shape)))
        return (*carried, *stacked)

    def jax(self, *values: Any) -> Any:
        import jax

        if lengths_arise_within(self):
            return called_back_by_jax(self, values)
        closed = values[self.carries + self.sequences :]

        def step(carried: Any, elements: Any) -> Any:
            made = self.body.run("jax", *carried, *elements, *closed)
            return tuple(made[: self.carries]), tuple(made[self.carries :])

        start, sequences = tuple(values[: self.carries]), tuple(values[self.carries : self.carries + self.sequences])
        last, stacked = jax.lax.scan(step, start, sequences, length=self.steps)
        return (*last, *stacked)


def scan(
    body: Callable[..., Any],
    init: Any = (),
    sequences: Any = (),
    non_sequences: Any = (),
    n_steps: Any = None,
    reverse: bool = False,
    names: Sequence[str] = (),
    checkpoint_every: int | None = None,
) -> tuple[list[Tensor], list[Tensor]]:
    """Run `body` once for each element of the sequences, carrying values from step to step.

    Parameters
    ----------
    body
        Takes the carried values, one element of each sequence, and the non-sequences. Returns
        ``(carried, outputs)``: two sequences of tensors, or single ones. What else it uses is closed over.
    init
        First carried values: one, or a list.
    sequences
        Tensors to run over along their first axis, all of one length: one, or a list.
    non_sequences
        Passed to each step as they are: one, or a list.
    n_steps
        How many steps; the length of the sequences by default. It may be an integer expression; then only
        the NumPy backend runs the scan.
    reverse
        Run from the last element to the first; outputs keep the order of the sequences.
    names
        Labels of the carried values, for people who read the graph.
    checkpoint_every
        For gradients of long loops, of a number of steps that is known: the carried values are kept once in so many steps, and those between
        are computed again where the gradient needs them. Of T steps, the square root of T takes least memory, about twice that many
        carried values in the place of T; the gradient takes about one more run of the loop. What is random in `body` is drawn otherwise.

    Returns
    -------
    carried, outputs
        The last carried values, and each output stacked along a new first axis, an element a step.

    Raises
    ------
    ShapeError
        If lengths differ, or `body` changes the type of a carried value; with `checkpoint_every`, if the number of steps is not known.

    Examples
    --------
    A running sum:

    >>> import workbench.tensor as pt
    >>> (total,), (partial,) = scan(lambda s, x: ([s + x], [s + x]), [0.0], [pt.constant([1.0, 2.0, 4.0])])
    >>> partial.eval().tolist()
    [1.0, 3.0, 7.0]
    """
    first, runs, others = (tensors(given) for given in (init, sequences, non_sequences))
    steps = _steps(runs, n_steps)
    if n_steps is not None:
        runs = [s if s.type.shape[0] == steps is not None else s[:n_steps] for s in runs]
    if reverse:
        runs = [s[::-1] for s in runs]
    if checkpoint_every is not None:
        carried, stacked = _in_blocks(body, first, runs, others, steps, checkpoint_every, names)
        return carried, [y[::-1] for y in stacked] if reverse else stacked
    since = keys_made()
    elements = [_element(s) for s in runs]

    def step(*carried: Any) -> tuple[list[Tensor], list[Tensor]]:
        made = body(*carried, *elements, *others)
        if not (isinstance(made, tuple) and len(made) == 2):
            raise ShapeError("the body of a scan must return two sequences: the next carried values, and the outputs")
        after, outputs = tensors(made[0]), tensors(made[1])
        if len(after) != len(first):
            raise ShapeError(f"the body of the scan returned {len(after)} carried values for {len(first)}")
        return after, outputs

    carried, (after, outputs) = steady(step, first, names)
    # Every step's carried values come out too: a gradient needs them. What nobody asks for is
    # dropped before compilation.
    wanted = [*after, *outputs, *carried]
    keys = keys_below(wanted, since)
    inside: list[Any] = []
    if keys or isinstance(n_steps, Expr):
        (number,) = fresh_inputs([as_tensor(0)], ["step"])
        elements = [*elements, number]
        runs = [*runs, arange(_s.extent(runs[0], 0) if n_steps is None else n_steps)]
        wanted, inside = _keys_of_steps(wanted, keys, number)
    together, closed = close_over([*carried, *elements, *inside], wanted)
    results: list[Any] = results_of(Scan(together, steps, len(first), len(runs))(*first, *runs, *keys, *closed))
    stacked = results[len(first) : len(first) + len(outputs)]
    if reverse:
        stacked = [y[::-1] for y in stacked]
    return results[: len(first)], stacked


def _in_blocks(
    body: Callable[..., Any], first: list[Any], runs: list[Any], others: list[Any], steps: int | None, every: int, names: Sequence[str]
) -> tuple[list[Tensor], list[Tensor]]:
    """A scan over blocks of steps, each a scan: the gradient of one keeps what its blocks begin with, and runs each of them again."""
    if steps is None:
        raise ShapeError("a scan with checkpoints has a number of steps that is known when it is written", "give n_steps as a whole number, or sequences of known length")
    if int(every) < 1:
        raise ShapeError(f"a scan has a checkpoint in one step or more, not {every}")
    blocks = steps // int(every)
    head = blocks * int(every)

    def block(*given: Any) -> tuple[list[Tensor], list[Tensor]]:
        carried, rows = list(given[: len(first)]), list(given[len(first) :])
        return scan(body, carried, rows, others, int(every), names=names)

    rows = [_s.reshape(s[:head], (blocks, int(every), *s.shape[1:])) for s in runs]
    carried, stacked = scan(block, first, rows, (), blocks, names=names)
    stacked = [_s.reshape(y, (head, *y.shape[2:])) for y in stacked]
    if head == steps:
        return carried, stacked
    carried, rest = scan(body, carried, [s[head:] for s in runs], others, steps - head, names=names)
    return carried, [concatenate([y, z]) for y, z in zip(stacked, rest)]


def _keys_of_steps(wanted: list[Any], keys: Sequence[Tensor], number: Tensor) -> tuple[list[Any], list[Any]]:
    """Give what was drawn inside the body a key of its own at every step."""
    inside = fresh_inputs(keys, ["key"] * len(keys))
    own: dict[Expr, Expr] = {key: threefry(k, cast(number, "uint64")) for key, k in zip(keys, inside)}
    return replace(wanted, own), inside


def map(body: Callable[..., Any], sequences: Any, non_sequences: Any = ()) -> Any:
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


def _steps(runs: Sequence[Tensor], n_steps: Any) -> int | None:
    """How many steps, if that is known yet."""
    for s in runs:
        if s.ndim == 0:
            raise ShapeError(f"a scan cannot run over the scalar {s!r}", "pass it among non_sequences")
    lengths = [s.type.shape[0] for s in runs]
    if isinstance(n_steps, Expr):
        if n_steps.type.ndim or n_steps.type.kind not in "iu":
            raise ShapeError(f"the number of steps of a scan must be an integer, got {n_steps.type}")
        known = _s.length_of(n_steps)
        return known if isinstance(known, int) else None
    if n_steps is None:
        if not runs:
            raise ShapeError("a scan without sequences needs n_steps")
        steps = _one_length(lengths)
        return steps if isinstance(steps, int) else None
    shortest = min((n for n in lengths if isinstance(n, int)), default=int(n_steps))
    if not 0 <= int(n_steps) <= shortest:
        raise ShapeError(f"a scan of {n_steps} steps runs past its sequences of length {shortest}")
    return int(n_steps)


def _one_length(lengths: Sequence[Size]) -> Size:
    """The length that all sequences have."""
    found = lengths[0]
    for n in lengths[1:]:
        one = one_length(found, n)
        if one is None:
            raise ShapeError(f"the sequences of a scan have lengths {', '.join(dict.fromkeys(str(n) for n in lengths))}")
        found = one
    return found


def _element(s: Tensor) -> Tensor:
    """What stands for an element of a sequence in the body."""
    return fresh_inputs([intern(Input(None, s.type.with_shape(s.type.shape[1:])))], [f"{s.name or 'sequence'}_i"])[0]
