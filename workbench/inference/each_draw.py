"""Graphs evaluated for each of many draws: given values a row, and random numbers of its own for each."""

from __future__ import annotations

import math
import operator
import os
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.compile import CompiledFunction, choose_backend, function
from workbench.compile.function import HOLDING
from workbench.compile.seldom import seldom_called
from workbench.distributions.constraints import violation
from workbench.distributions.distribution import Draw, is_certain
from workbench.distributions.draws import draw_rules
from workbench.errors import ArgumentError, SamplingError, ShapeError
from workbench.graph.expr import Data, Expr
from workbench.graph.inner import Graph
from workbench.graph.lengths import fresh
from workbench.graph.rewrite import Pass
from workbench.graph.traverse import replace, topological
from workbench.model.model import Model
from workbench.model.restrictions import restricted, restriction
from workbench.model.shapes import has_open_lengths
from workbench.tensor.keys import LABEL, keys_below
from workbench.tensor.random import threefry
from workbench.tensor.shape.lengths import number_of
from workbench.tensor.tensor import Tensor
from workbench.transforms.change_of_variables import Transform
from workbench.transforms.vectorise import vectorize_graph

Array = np.ndarray[Any, Any]

ROWS = 256
"""Most draws of one call of the compiled loop."""
BLOCK_ELEMENTS = 1 << 22
"""Most elements of what one call returns."""
KEPT = 16
"""So many functions of draws are kept for later calls."""
FEW = 24
"""So few draws are computed op by op: compiling takes longer."""
MOST_TRIES = 20_000
"""So often is one draw made again, in which restricted variables do not lie where they belong."""
LEAST_SHARE = 1e-3
"""Draws are given up if a smaller share of them lies there."""
AGAIN = 40
"""The number of a further try of a draw is the draw's, and the try's in the bits above these."""


def seed_word(random_seed: Any) -> int:
    """Return a 64-bit word for a seed: an integer, a sequence of them, a generator, or ``None`` for a fresh one.

    Raises
    ------
    ArgumentError
        If it is something else.
    """
    if random_seed is None:
        return secrets.randbits(64)
    if isinstance(random_seed, (int, np.integer)):
        return int(random_seed) & 0xFFFFFFFFFFFFFFFF
    if isinstance(random_seed, np.random.Generator):
        return int(random_seed.integers(2**64, dtype=np.uint64))
    if isinstance(random_seed, np.random.RandomState):
        return int(random_seed.randint(2**31))
    if isinstance(random_seed, np.random.SeedSequence):
        return int(random_seed.generate_state(1, np.uint64)[0])
    try:
        if isinstance(random_seed, (str, bytes)):
            raise TypeError
        several = random_seed.ravel() if isinstance(random_seed, np.ndarray) else random_seed
        words = [operator.index(s) & 0xFFFFFFFFFFFFFFFF for s in several]
    except TypeError:
        raise ArgumentError(
            f"random_seed must be a whole number, several, or a NumPy generator, got {random_seed!r}", "None for another seed at each call"
        ) from None
    return int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0])


@dataclass(frozen=True, eq=False)
class DrawCheck:
    """A condition on parameters of a random variable; its inputs are the condition and the parameters."""

    title: str
    labels: tuple[str, ...]
    inputs: tuple[Tensor, ...]


def _checks(outputs: Sequence[Tensor]) -> list[DrawCheck]:
    """The conditions on parameters below the outputs, but for those on constants, which hold."""
    found = []
    for node in topological(outputs):
        if isinstance(node.op, Draw):
            _, *parameters = node.inputs
            distribution = node.op.distribution
            title = f"{node.name}: {distribution.__name__}" if node.name else distribution.__name__
            for condition, text in distribution.checks_of_draws(*parameters):
                if not is_certain(condition):
                    found.append(DrawCheck(f"{title}: {text}", distribution.parameters, (condition, *parameters)))
    return found


def _first_to_fail(checks: Sequence[DrawCheck]) -> list[Tensor]:
    """The number of the first check that fails, -1 for none; nothing if there are no checks."""
    first = pt.constant(np.int64(-1))
    for i, check in reversed(list(enumerate(checks))):
        first = pt.where(pt.all(check.inputs[0]), first, np.int64(i))
    return [first] if checks else []


class EachDraw:
    """Outputs as a function of given values, for each of many draws.

    Every random variable in the outputs that is not given has a key of its own in each draw, folded
    from the seed and the number of the draw: the same draws on every backend, in any order.

    Parameters
    ----------
    given
        Nodes of the outputs whose values are given.
    outputs
        What to compute.
    backend
        Where; "auto" computes few draws with NumPy, and compiles for many.
    opened
        Whether lengths that follow from data are arguments of compiled code, on C and Numba; if not, draws of
        open lengths are made one by one.
    transforms
        Of random variables: those that a transform restricts are drawn where it leads, see :func:`.restrictions.restricted`.
    """

    def __init__(
        self, given: Sequence[Tensor], outputs: Sequence[Tensor], backend: str = "auto", opened: bool = False,
        transforms: Mapping[Any, Transform | None] = MappingProxyType({}),
    ) -> None:  # fmt: skip
        outputs, accepted, self._restricted = restricted(outputs, given, transforms)
        self.given, self.outputs = list(given), [*outputs, *([] if accepted is None else [accepted])]
        self.backend, self._opened = backend, opened
        self._block: tuple[CompiledFunction, int] | None = None
        self.elements = [pt.tensor(x.name, x.dtype, x.type.shape) for x in self.given]
        base, number = pt.tensor("seed", "uint64", ()), pt.tensor("number", "uint64", ())
        at: dict[Expr, Expr] = dict(zip(self.given, self.elements))
        own = threefry(base, number)
        for j, key in enumerate(keys_below(self.outputs)):
            at[key] = threefry(own, pt.constant(np.uint64(j)))
        # Keys are replaced before draws are written out: loops in these would keep them inside.
        placed = replace(self.outputs, at)
        self.checks = _checks(placed)
        together = [*placed, *_first_to_fail(self.checks), *(x for check in self.checks for x in check.inputs)]
        made, _ = Pass("draw", draw_rules).run(together, record=False) if opened or self._static(placed) else (together, None)
        inputs = [base, number, *self.elements]
        split = len(placed) + bool(self.checks)
        self.one = Graph(inputs, made[:split])
        self._checked = Graph(inputs, made[split:])
        data = [x for x in topological(self.outputs) if isinstance(x.op, Data) and x.op.label != LABEL]
        self._lengths = Graph([], [number_of(n, *data) for x in (*self.one.results, *self.elements) for n in x.type.shape] if opened else [])
        if opened:
            self._compiled(1)

    @staticmethod
    def _static(outputs: Sequence[Expr]) -> bool:
        return all(not x.type.is_open for x in outputs)

    def __call__(self, values: Sequence[Array], draws: int, seed: int) -> list[Array]:
        """Return the outputs, (draws, *shape).

        Parameters
        ----------
        values
            Of each given node, (draws, *shape).
        draws
            How many.
        seed
            A 64-bit word.

        Raises
        ------
        ParameterValueError
            If parameters of a random variable are outside of their domain in some draw.
        SamplingError
            If restricted variables hardly ever lie where their transforms lead.
        """
        arrays = [np.ascontiguousarray(v, dtype=x.type.dtype) for v, x in zip(values, self.elements)]
        for a, x in zip(arrays, self.given):
            if a.ndim != x.ndim + 1 or any(isinstance(n, int) and n != m for n, m in zip(x.type.shape, a.shape[1:])):
                raise ShapeError(f"{x.name}: the draws have shape {a.shape[1:]}, the variable has shape {x.type.shape}")
        numbers = np.arange(draws, dtype=np.uint64)
        made = self._drawn(arrays, numbers, seed)
        if self._restricted:
            made, numbers = self._until_accepted(made, arrays, numbers, seed)
        if self.checks:
            self._require_valid(made.pop(), arrays, numbers, seed)
        if self._restricted:
            made.pop()
        return made

    def _drawn(self, arrays: Sequence[Array], numbers: Array, seed: int) -> list[Array]:
        few = len(numbers) <= FEW and self.backend == "auto"
        one_by_one = few or not (self._opened or self._static(self.one.results))
        return self._one_by_one(arrays, numbers, seed) if one_by_one else self._in_blocks(arrays, numbers, seed)

    def _until_accepted(self, made: list[Array], arrays: Sequence[Array], numbers: Array, seed: int) -> tuple[list[Array], Array]:
        """Draws made again until all restricted variables lie where they belong, and their numbers.

        Of each draw the first try that is accepted counts, however many are made at once.
        """
        accepted = -2 if self.checks else -1
        tried, made = 1, [v.copy() for v in made]
        total, taken, numbers = len(numbers), int(made[accepted].sum()), numbers.copy()
        while len(waiting := np.flatnonzero(~made[accepted])):
            if tried >= MOST_TRIES or (total >= MOST_TRIES and taken < LEAST_SHARE * total):
                raise self._given_up(taken, total, int(waiting[0]))
            tries = max(1, min(MOST_TRIES - tried, max(len(numbers), ROWS) // len(waiting)))
            attempts = np.arange(tried, tried + tries, dtype=np.uint64) << np.uint64(AGAIN)
            rows = np.repeat(waiting, tries)
            again = (waiting.astype(np.uint64)[:, None] + attempts).ravel()
            found = self._drawn([a[rows] for a in arrays], again, seed)
            good = found[accepted].reshape(len(waiting), tries)
            first = np.arange(len(waiting)) * tries + good.argmax(1)
            done = good.any(1)
            for whole, part in zip(made, found):
                whole[waiting[done]] = part[first[done]]
            numbers[waiting[done]] = again[first[done]]
            tried, total, taken = tried + tries, total + len(rows), taken + int(good.sum())
        return made, numbers

    def _given_up(self, taken: int, total: int, row: int) -> SamplingError:
        names = ", ".join(self._restricted)
        return SamplingError(
            f"{names}: {taken} of {total} draws lie where the transform leads, and none of the tries of draw {row}",
            "the density is restricted to what is hardly ever drawn: give parameters with which it is likelier (initval= starts a sampler), "
            "or a distribution that lies there",
        )

    def _require_valid(self, failed: Array, arrays: Sequence[Array], numbers: Array, seed: int) -> None:
        """Raise for the first draw in which a check failed, with the values in it."""
        (rows,) = np.nonzero(failed >= 0)
        if not len(rows):
            return
        i = int(rows[0])
        values = self._checked.run("numpy", np.uint64(seed), numbers[i], *[a[i] for a in arrays])
        begin = sum(len(check.inputs) for check in self.checks[: failed[i]])
        check = self.checks[failed[i]]
        holds, *parameters = values[begin : begin + len(check.inputs)]
        raise violation(check.title, holds, check.labels, parameters, f"in draw {i}, the value")

    def _one_by_one(self, arrays: Sequence[Array], numbers: Array, seed: int) -> list[Array]:
        rows: list[list[Array]] = []
        with np.errstate(all="ignore"):
            for i, number in enumerate(numbers):
                rows.append([np.asarray(v) for v in self.one.run("numpy", np.uint64(seed), number, *[a[i] for a in arrays])])
        stacked = []
        for x, column in zip(self.one.results, zip(*rows) if rows else [()] * len(self.one.results)):
            shapes = {v.shape for v in column}
            if len(shapes) > 1:
                raise ShapeError(
                    f"{x.name or x!r} has another shape in each draw: {', '.join(map(str, sorted(shapes)[:4]))}, ...",
                    "draw one at a time: pm.draw(x)",
                )
            shape = next(iter(shapes)) if shapes else tuple(n if isinstance(n, int) else 0 for n in x.type.shape)
            stacked.append(np.array(column, dtype=x.type.dtype).reshape((len(column), *shape)))
        return stacked

    def _shapes(self) -> list[tuple[int, ...]]:
        """Shapes of a draw of each result, and of each given value, with the data as they are."""
        numbers = iter(self._lengths.run("numpy"))
        types = [x.type for x in (*self.one.results, *self.elements)]
        return [tuple(int(next(numbers)) for _ in t.shape) if self._opened else t.static_shape for t in types]

    def _in_blocks(self, arrays: Sequence[Array], numbers: Array, seed: int) -> list[Array]:
        shapes, draws = self._shapes(), len(numbers)
        size = min(ROWS, max(1, BLOCK_ELEMENTS // max(sum(map(math.prod, shapes)), 1)), draws)
        run, least = self._compiled(size)
        if self._opened:
            run = run.bound()
        results = [np.empty((draws, *shape), x.type.dtype) for x, shape in zip(self.one.results, shapes)]

        def block(first: int) -> None:
            count = min(size, draws - first)
            rows = [_padded(a[first : first + count], least) for a in arrays]
            made = run(np.uint64(seed), _padded(numbers[first : first + count], least), *rows)
            for whole, part in zip(results, made):
                whole[first : first + count] = part[:count]

        starts = range(0, draws, size)
        workers = min(len(starts), os.cpu_count() or 1)
        if workers < 2 or self.used in ("numpy", "jax"):
            for first in starts:
                block(first)
            return results
        if self.used == "numba":
            # It compiles at the first call.
            block(starts[0])
            starts = starts[1:]
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(block, starts))
        return results

    def _compiled(self, draws: int) -> tuple[CompiledFunction, int]:
        """The function of a block of rows, and how many rows it takes at least: C and Numba take any number."""
        if self._block is not None and (not self._block[1] or self._block[1] >= draws):
            return self._block
        self.used = choose_backend(self.backend)
        # NumPy and JAX are quick on whole arrays, C and Numba in loops.
        together = self.used in ("numpy", "jax")
        rows: Any = draws if together else fresh("rows")
        seed, numbers = pt.tensor("seed", "uint64", ()), pt.tensor("numbers", "uint64", (rows,))
        batches = [pt.tensor(x.name, x.dtype, (rows, *x.type.shape)) for x in self.elements]
        outputs = (self._together if together else self._in_a_loop)(seed, numbers, batches)
        # Draws in a loop are hardly slower for it (at most a fifth), and the compiler is done in half the time.
        with seldom_called():
            made = function([seed, numbers, *batches], outputs, backend=self.used, name="each_draw")
        self._block = made, draws if together else 0
        return self._block

    def _in_a_loop(self, seed: Tensor, numbers: Tensor, batches: Sequence[Tensor]) -> list[Tensor]:
        def each(number: Tensor, *elements: Tensor) -> list[Expr]:
            return list(self.one.apply(seed, number, *elements))

        return list(pt.map(each, [numbers, *batches]))

    def _together(self, seed: Tensor, numbers: Tensor, batches: Sequence[Tensor]) -> list[Tensor]:
        base, number, *elements = self.one.params
        results = replace(list(self.one.results), {base: seed})
        made = vectorize_graph(results, {number: numbers, **dict(zip(elements, batches))})
        rows = numbers.type.static_shape
        return [y if y.ndim > x.type.ndim else pt.broadcast_to(y, (*rows, *x.type.static_shape)) for x, y in zip(results, made)]


_made: OrderedDict[tuple[Any, ...], EachDraw] = OrderedDict()
_making = threading.Lock()


def each_draw(
    given: Sequence[Tensor], outputs: Sequence[Tensor], backend: str = "auto", transforms: Mapping[Any, Transform | None] = MappingProxyType({})
) -> EachDraw:
    """Return an :class:`EachDraw`: that of an earlier call for the same expressions, compiled already, if it is kept."""
    asked = {rv: t for rv, t in transforms.items() if restriction(rv, t) is not None}
    # Equal expressions are one object, and an entry keeps its own alive.
    key = (backend, tuple(map(id, given)), tuple(map(id, outputs)), *((id(rv), t) for rv, t in asked.items()))
    with _making:
        made = _made.pop(key, None) or EachDraw(given, outputs, backend, transforms=asked)
        _made[key] = made
        while len(_made) > KEPT:
            _made.popitem(last=False)
    return made


def each_draw_of(model: Model, which: Hashable, of: Callable[[Model], tuple[Sequence[Tensor], Sequence[Tensor]]], backend: str, draws: int) -> EachDraw:
    """Return an :class:`EachDraw` of what is given and asked for of a model: made once for all lengths of its data, where it can be.

    Parameters
    ----------
    model
        The model.
    which
        What tells it apart from others of the model.
    of
        What is given, and what is asked for, of a model.
    backend, draws
        Where to compute, and how many draws.
    """
    few = draws <= FEW and backend == "auto"
    if has_open_lengths(model) and not few and choose_backend(backend) in HOLDING:
        made = model.compiled_functions.get(model, ("each_draw", backend, which), lambda m: EachDraw(*of(m), backend, True, m.rvs_to_transforms)).value
        if made is not None:
            return made  # type: ignore[no-any-return]
    now = model.at_current_shapes()
    return each_draw(*of(now), backend, now.rvs_to_transforms)


def _padded(rows: Array, count: int) -> Array:
    """Rows, the last one repeated up to `count`."""
    if len(rows) >= count:
        return rows
    return np.concatenate([rows, np.repeat(rows[-1:], count - len(rows), axis=0)])
