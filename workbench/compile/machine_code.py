"""Machine code of lowered programs, as C and Numba make it: with the code that it calls, for arguments of given shapes.

Both make of a program one function ``run(io, env, arena, fault)``: `io` are the addresses of arguments and
results, `env` is what the code reads besides (:class:`Environment`), `arena` is memory for temporaries. So
what is compiled by itself, a region or a function in a slot, is called through the address in its environment.
"""

from __future__ import annotations

import copy
import ctypes
import functools
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from typing import Any, Protocol

import numpy as np

from workbench.compile import callbacks as external
from workbench.compile import phases
from workbench.compile.entered_lengths import KEPT, lengths_of, shape_at, sizes_at
from workbench.compile.loop_ir import loops as L
from workbench.compile.loop_ir.lower import lower
from workbench.compile.loop_ir.storage import Storage, plan
from workbench.compile.memory import require_memory
from workbench.compile.seldom import is_seldom_called
from workbench.compile.slots import empty
from workbench.errors import CompileError, IndexBoundsError, NotEnoughMemoryError, ShapeError
from workbench.graph.expr import Constant, Data, Expr, Op
from workbench.graph.inner import Graph
from workbench.graph.lengths import Size, Symbol, number


class _Env(ctypes.Structure):
    _fields_ = [
        ("run", ctypes.c_void_p),
        ("sizes", ctypes.c_void_p),
        ("constants", ctypes.c_void_p),
        ("regions", ctypes.c_void_p),
        ("external", ctypes.c_void_p),
        ("library", ctypes.c_void_p),
        ("number", ctypes.c_int64),
        ("clocks", ctypes.c_void_p),
    ]


class Environment:
    """What compiled code reads besides its arguments, for data of one moment; it never changes."""

    __slots__ = ("_kept", "address", "data", "inner")
    address: int

    def __init__(
        self, run: int, arrays: list[Any], data: Sequence[Any], inner: list[Environment], sizes: Any, library: int, number: int, clocks: int
    ) -> None:
        self.data, self.inner = data, inner
        constants = np.array([*(a.ctypes.data for a in arrays), 0], np.uintp)
        regions = np.array([*(e.address for e in inner), 0], np.uintp)
        env = _Env(run, sizes.ctypes.data, constants.ctypes.data, regions.ctypes.data, external.address, library, number, clocks)
        self._kept = (arrays, sizes, constants, regions, env)
        self.address = ctypes.addressof(env)


class Printed(Protocol):
    """A program as source code."""

    sizes: list[Size]
    """Sizes that the code reads from its environment, in order."""
    stored: dict[int, str]
    """The dtypes in which constants are to lie in memory, by their numbers, where that are not their own."""



class Unit(Protocol):
    """Source code whose compilation has begun."""

    text: str
    """The code as people read it."""

    def address(self) -> tuple[int, bool]:
        """Wait for the code; return the address of its ``run``, and whether it came from the cache."""


Print = Callable[[L.Program, Storage], Any]
"""What prints a program: :class:`Printed`, of the backend's own kind."""


class Lowered:
    """A graph lowered and printed, its regions with it: all that is known of it before it is compiled, and can be kept for it.

    The last `held` parameters are no arguments, but stand beside them as data do.
    """

    def __init__(self, graph: Graph, name: str, printed: Print, printed_region: Print, known: Iterable[Symbol] = (), held: int = 0) -> None:
        phases.begin("lower")
        start = time.perf_counter()
        self.seldom = is_seldom_called()
        self.params = graph.params
        self.held = graph.params[len(graph.params) - held :]
        self.program = lower(graph, name, known, held)
        self.storage: Storage = plan(self.program)
        self.printed: Printed = printed(self.program, self.storage)
        self.native, self.called_back = bool(L.native_calls(self.program)), L.called_back(self.program)
        self.seconds = time.perf_counter() - start
        self._print_region: Print | None = printed_region

    @functools.cached_property
    def regions(self) -> list[Lowered | None]:
        """What the regions of the program are, in order, lowered when first asked for; ``None`` for one in a slot."""
        assert self._print_region is not None
        made: dict[tuple[str, Graph], Lowered] = {}
        for r in self.program.regions:
            if r.graph is not None and (r.label, r.graph) not in made:
                made[r.label, r.graph] = Lowered(r.graph, r.label, self._print_region, self._print_region, self.program.lengths)
        return [None if r.graph is None else made[r.label, r.graph] for r in self.program.regions]

    def __getstate__(self) -> dict[str, Any]:
        # What is printed is not asked for again.
        regions = [replace(r, graph=None) for r in self.program.regions]
        program = replace(self.program, body=[], regions=regions, externals=self.program.externals if self.called_back else [])
        return {**self.__dict__, "program": program, "regions": self.regions, "_print_region": None, "seconds": 0.0}


Begin = Callable[[Lowered], Unit]
"""What begins to compile what is lowered."""


class Code:
    """What is lowered, compiled."""

    def __init__(self, lowered: Lowered, begin: Begin) -> None:
        self.lowered = lowered
        self.params, self.held, self.program, self.storage = lowered.params, lowered.held, lowered.program, lowered.storage
        unit = begin(lowered)
        start = time.perf_counter()
        self.timings: dict[str, float] = {"lower": lowered.seconds}
        # Regions are lowered while the compiler is at work.
        made = {r: Code(r, begin) for r in lowered.regions if r is not None}
        self.regions = [None if r is None else made[r] for r in lowered.regions]
        self.slots: set[str] = {r.label for r, inner in zip(self.program.regions, self.regions) if inner is None}.union(*(r.slots for r in made.values()))
        phases.begin("compile")
        self.run_address, hit = unit.address()
        self._unit = unit  # As long as this lives, so does its code.
        self.timings["compile"] = time.perf_counter() - start
        self.cached: bool = hit and all(r.cached for r in made.values())
        self.source: str = "\n".join([unit.text, *(r.source for r in made.values())])
        self.library_table = external.library_table() if lowered.native else 0
        self.fallbacks: list[str] = [*lowered.called_back, *(name for r in made.values() for name in r.fallbacks)]
        self.data = [op for _, op in self.program.constants if isinstance(op, Data)]
        self.clocks: np.ndarray[tuple[int, ...], np.dtype[np.int64]] | None = None  # What a profile's clocks write to.


class Sized:
    """Compiled code for arguments of given shapes: the numbers that its lengths are, and what follows from them.

    Parameters
    ----------
    code, values
        The code, and the numbers.
    functions
        What is in its slots.
    bound
        Values of data, and of what it holds, that stay as they are.

    Attributes
    ----------
    inputs, outputs
        Dtypes and shapes of the arrays that it takes and makes.
    lengths
        The numbers given.
    arena
        Bytes that the code works in.
    fixed
        Whether its environment never changes.

    Raises
    ------
    CompileError
        If a slot is empty.
    NotEnoughMemoryError
        If its results and temporaries are larger than the memory that is free.
    """

    def __init__(self, code: Code, values: Mapping[Symbol, int], functions: Mapping[str, MachineFunction], bound: Bound) -> None:
        if not code.slots <= functions.keys():
            raise empty(code.program.name, code.slots)
        self.code, self.lengths, self._bound, program = code, values, bound, code.program
        self.values = code.storage.at(values)
        self._entered = external.Entered(program, self.values)
        self._sizes = sizes_at(code.lowered.printed.sizes, self.values, 0)
        self.inputs, self.outputs = ([(b.dtype, shape_at(b.shape, self.values)) for b in bs] for bs in (program.inputs, program.outputs))
        self._regions = [self._callee(r, inner, functions) for r, inner in zip(program.regions, code.regions)]
        self._data = [op for op in code.data if op not in bound]
        held = [p for p in code.held if p.op not in bound]
        self.fixed: bool = not self._data and not held and all(r.fixed for r in self._regions)
        self.arena: int = number(code.storage.arena, self.values) + max((r.arena for r in self._regions), default=0)
        require_memory(program, code.storage, self.values, self.arena)
        self._environment: Environment | None = None

    def _callee(self, region: L.Region, code: Code | None, functions: Mapping[str, MachineFunction]) -> Sized:
        """What a region calls, for arguments of the shapes that it is given here."""
        takes = [shape_at(s, self.values) for s in region.takes]
        if code is None:
            made = functions[region.label].sized_for(takes)
        else:
            made = Sized(code, lengths_of(code.params, takes, self.values), functions, self._bound)
        wanted, got = [shape_at(s, self.values) for s in region.returns], [shape for _, shape in made.outputs]
        if wanted != got:
            name = made.code.program.name
            raise ShapeError(f"{name}, in the place {region.label} of {self.code.program.name}, returns values of shapes {got}, not {wanted}")
        return made

    def environment(self, held: Sequence[np.ndarray[Any, Any]] = ()) -> Environment:
        """The environment for the data as they are now, and for values of what the code holds."""
        code, known = self.code, self._environment
        if known is not None and self.fixed:
            return known
        now = [*held, *(op.value for op in self._data)]
        inner = [r.environment() for r in self._regions]
        if known is not None and all(a is b for a, b in zip((*now, *inner), (*known.data, *known.inner))):
            return known
        values = {**self._bound, **dict(zip((*(p.op for p in code.held), *self._data) if held else self._data, now))}
        stored, given = code.lowered.printed.stored, (op.value if isinstance(op, Constant) else values[op] for _, op in code.program.constants)
        arrays = [np.ascontiguousarray(array, stored.get(i)) for i, array in enumerate(given)]
        entered = self._entered.number
        clocks = 0 if code.clocks is None else code.clocks.ctypes.data
        self._environment = made = Environment(code.run_address, arrays, now, inner, self._sizes, code.library_table, entered, clocks)
        return made


Bound = Mapping[Op, np.ndarray[Any, Any]]
"""Arrays that stand for data, and for what code holds."""


class MachineFunction:
    """A graph compiled to machine code, once for all lengths that its types leave open.

    Call it with plain arrays of the parameters' types, those that the code holds too; it returns new arrays.
    Any number of threads may call it at once.

    Attributes
    ----------
    code, functions
        The compiled code, and what is in its slots.
    enter
        As a call, but ``None`` where an argument is anything else, or of another shape than at the last call.
        ``None`` itself where lengths are values, before the first call where they are open, and where there is no such way.
    source
        The generated code, that of its regions and of functions in its slots after it.
    timings
        Seconds of each stage.
    cached
        Whether all compiled code came from the cache.
    fallbacks
        Names of the operations whose NumPy form is called back.
    """

    checks = True
    """Whether a way in looks at its arguments by itself."""

    def __init__(self, code: Code, lengths: Sequence[Symbol]) -> None:
        self._lengths = lengths
        self._known: dict[Symbol, int] = {}
        self._bound: Bound = {}
        self._join(code, {})

    def _join(self, code: Code, functions: Mapping[str, MachineFunction]) -> None:
        """Take functions as what is in the slots of the code."""
        self.code, self.functions = code, functions
        self._params = [p for p in code.params if p.op not in self._bound]
        self.timings = dict(code.timings)
        self.cached: bool = code.cached and all(f.cached for f in functions.values())
        self.source: str = "\n".join([code.source, *(f.source for f in functions.values())])
        self.fallbacks: list[str] = [*code.fallbacks, *(name for f in functions.values() for name in f.fallbacks)]
        self._ways: dict[tuple[Any, ...], Callable[..., Any]] = {}
        self.enter: Callable[..., Any] | None = None
        closed = code.program.lengths <= self._known.keys() and len(self._params) == len(code.program.inputs)
        if self.checks and closed and code.slots <= functions.keys():
            sized = Sized(code, self._known, functions, self._bound)
            self.enter = self._made(sized, tuple(shape for _, shape in sized.inputs))

    def linked(self, functions: Mapping[str, Any]) -> MachineFunction:
        """Return the function with compiled functions in its slots; nothing is compiled."""
        made = copy.copy(self)
        made._join(self.code, {label: f.compiled for label, f in functions.items()})
        return made

    def bound(self, held: Sequence[np.ndarray[Any, Any]], data: Bound) -> MachineFunction:
        """Return the function with arrays for what it holds, and for data, which stay as they are; nothing is compiled."""
        made = copy.copy(self)
        made._known, made._lengths = self._lengths_of(self.code.held, held), ()
        made._bound = {**data, **{p.op: array for p, array in zip(self.code.held, held)}}
        made._join(self.code, self.functions)
        return made

    def _lengths_of(self, params: Sequence[Expr], values: Sequence[np.ndarray[Any, Any]]) -> dict[Symbol, int]:
        numbers = map(int, values[len(values) - len(self._lengths) :])
        return lengths_of(params, [v.shape for v in values], {**self._known, **dict(zip(self._lengths, numbers))})

    def sized_for(self, shapes: Sequence[tuple[int, ...]]) -> Sized:
        """Return the code for arguments of these shapes, of a function that holds nothing that is not bound."""
        return Sized(self.code, lengths_of(self._params, shapes, self._known), self.functions, self._bound)

    def with_code(self, code: Code, sized: Sized) -> Sized:
        """Return other code of the same graph, that has numbers for some lengths, for the same arguments."""
        bound = self._bound and {**self._bound, **{new.op: self._bound[old.op] for old, new in zip(self.code.held, code.held)}}
        return Sized(code, sized.lengths, self.functions, bound)

    def sized(self, *values: np.ndarray[Any, Any]) -> Sized:
        """Return the code for arguments of the shapes of these.

        Raises
        ------
        ShapeError
            If the types of the parameters say that lengths are equal, which are not.
        CompileError
            If a slot is empty.
        """
        return Sized(self.code, self._lengths_of(self._params, values), self.functions, self._bound)

    def entry(self, sized: Sized, calls: int) -> Callable[..., Any]:
        """Return a callable of an environment's address and arrays, as :func:`workbench.compile.c.calls.entry` does."""
        raise NotImplementedError

    def way_in(self, sized: Sized, calls: int = 0) -> Callable[..., Any]:
        """Return a callable of plain arrays, which returns new ones, or ``None`` where an argument is anything else, and after so many calls.

        Arrays that are given after the arguments and `raise_fault`, a mark, are what it writes its last results to.
        """
        run = self.entry(sized, calls)
        if sized.fixed:
            made = partial(run, sized.environment().address)
            made.kept = sized  # type: ignore[attr-defined]
            return made

        arguments, every = len(sized.inputs), len(sized.inputs) + len(sized.code.held)

        def with_data(*values: np.ndarray[Any, Any]) -> Any:
            environment = sized.environment(values[arguments:every])  # Kept until the call ends: another thread may set the data meanwhile.
            return run(environment.address, *values[:arguments], *values[every:])

        return with_data

    def __call__(self, *values: np.ndarray[Any, Any], rooms: Sequence[np.ndarray[Any, Any]] = ()) -> list[np.ndarray[Any, Any]]:
        enter = self._way_in(values)
        given = (*values, raise_fault, *rooms) if rooms else values
        made: list[np.ndarray[Any, Any]] | None = enter(*given)
        if made is None and self.code.program.lengths:
            enter = self._reconsidered(values)
            made = enter(*given)
        if self.checks and not self._lengths and len(values) == len(self.code.program.inputs):
            self.enter = enter
        if made is None:
            raise CompileError(f"internal: {self.code.program.name} was called with arrays of other types than it is compiled for")
        return made

    def _way_in(self, values: Sequence[np.ndarray[Any, Any]]) -> Callable[..., Any]:
        """The way in for arguments of these shapes."""
        key = self._key(values)
        return self._ways.get(key) or self._made(self.sized(*values), key)

    def _key(self, values: Sequence[np.ndarray[Any, Any]]) -> tuple[Any, ...]:
        return (*(v.shape for v in values), *map(int, values[len(values) - len(self._lengths) :]))

    def _reconsidered(self, values: Sequence[np.ndarray[Any, Any]]) -> Callable[..., Any]:
        """The way in for arguments of shapes that are common, where the one so far asks for another."""
        return self._way_in(values)

    def _made(self, sized: Sized, key: tuple[Any, ...]) -> Callable[..., Any]:
        return self._take(self.way_in(sized), key)

    def _take(self, way: Callable[..., Any], key: tuple[Any, ...]) -> Callable[..., Any]:
        while len(self._ways) >= KEPT:
            self._ways.pop(next(iter(self._ways)), None)
        self._ways[key] = way
        return way


def result_of(job: Future[Any]) -> Any:
    """Return what a job on another thread made, or raise its error at the user's line."""
    try:
        return job.result()
    except CompileError as error:
        # Raised on another thread, where the user has no line.
        raise CompileError(error.message, error.hint) from error


def raise_fault(entered: int, check: int, value: int) -> None:
    """Raise the error that generated code reported."""
    if entered == -2:
        raise CompileError("the threads of a function could not be started", "use fewer threads")
    if entered == -3:
        raise NotEnoughMemoryError("there is no memory left for the values of a function's formulas")
    if entered < 0:
        external.raise_failed()
    failed = external.entered(entered).check(check)
    raise IndexBoundsError(
        f"index {value} is out of bounds for axis {failed.axis} of {failed.what}, which has length {failed.extent}",
        f"valid indices run from 0 to {failed.extent - 1}",
        failed.location,
    )
