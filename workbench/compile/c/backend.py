"""C: lower, print, compile, load with ctypes (which releases the GIL), call."""

from __future__ import annotations

import _ctypes
import copy
import ctypes
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np

from workbench.compile import cache
from workbench.compile import callbacks as external
from workbench.compile.c import calls as entry
from workbench.compile.c.printer import Source, print_c
from workbench.compile.c.short_lengths import LEAST_GAIN, OFTEN, gain, short_lengths, with_numbers
from workbench.compile.c.threads import print_c_threads
from workbench.compile.c.toolchain import Compiler, require_compiler
from workbench.compile.entered_lengths import KEPT, lengths_of, shape_at, sizes_at
from workbench.compile.loop_ir import loops as L
from workbench.compile.loop_ir.lower import lower
from workbench.compile.loop_ir.storage import Storage, plan
from workbench.compile.slots import empty
from workbench.errors import CompileError, IndexBoundsError, ShapeError
from workbench.graph.expr import Data
from workbench.graph.inner import Graph
from workbench.graph.lengths import Symbol, number


class _Env(ctypes.Structure):
    _fields_ = [
        ("run", ctypes.c_void_p),
        ("sizes", ctypes.c_void_p),
        ("constants", ctypes.c_void_p),
        ("regions", ctypes.c_void_p),
        ("external", ctypes.c_void_p),
        ("library", ctypes.c_void_p),
        ("number", ctypes.c_int64),
    ]


class _Environment:
    """What compiled code reads besides its arguments, for data of one moment; it never changes."""

    __slots__ = ("_kept", "address", "data", "inner")
    address: int

    def __init__(
        self, run: int, arrays: list[Any], data: list[Any], inner: list[_Environment], sizes: Any, library: int, number: int
    ) -> None:
        self.data, self.inner = data, inner
        constants = np.array([*(a.ctypes.data for a in arrays), 0], np.uintp)
        regions = np.array([*(e.address for e in inner), 0], np.uintp)
        env = _Env(run, sizes.ctypes.data, constants.ctypes.data, regions.ctypes.data, external.address, library, number)
        self._kept = (arrays, sizes, constants, regions, env)
        self.address = ctypes.addressof(env)


Callee = tuple["_Code", "Mapping[str, CFunction]"]


class _Code:
    """A graph compiled to C, its regions with it; code that nobody can call any more is unloaded."""

    def __init__(self, graph: Graph, name: str, compiler: Compiler, pool: ThreadPoolExecutor, threads: int = 1, known: Iterable[Symbol] = ()) -> None:
        start = time.perf_counter()
        self.timings: dict[str, float] = {}
        self.params = graph.params
        self.program = lower(graph, name, known)
        self.storage: Storage = plan(self.program)
        printed: Source = (
            print_c(self.program, self.storage, compiler.vector_math)
            if threads == 1
            else print_c_threads(self.program, self.storage, compiler.vector_math, threads)
        )
        self.sizes = printed.sizes
        self.timings["lower"] = time.perf_counter() - start
        job: Future[Any] = pool.submit(compiler.library, printed.code)
        made: dict[tuple[str, Graph], _Code] = {}
        for r in self.program.regions:
            if r.graph is not None and (r.label, r.graph) not in made:
                made[r.label, r.graph] = _Code(r.graph, r.label, compiler, pool, known=self.program.lengths)
        self.regions = [None if r.graph is None else made[r.label, r.graph] for r in self.program.regions]
        self.slots: set[str] = {r.label for r in self.program.regions if r.graph is None}.union(*(r.slots for r in made.values()))
        library, hit = _result_of(job)
        # Not at exit, when a thread may still run it.
        weakref.finalize(self, _unload, library).atexit = False
        self.timings["compile"] = time.perf_counter() - start - self.timings["lower"]
        self.cached: bool = hit and all(r.cached for r in made.values())
        self.source: str = "\n".join([printed.text, *(r.source for r in made.values())])
        self.run_address = ctypes.cast(library.run, ctypes.c_void_p).value or 0
        self.library_table = external.library_table() if L.native_calls(self.program) else 0
        self.fallbacks: list[str] = [*L.called_back(self.program), *(name for r in made.values() for name in r.fallbacks)]
        self.data = [op for _, op in self.program.constants if isinstance(op, Data)]

    def callees(self, functions: Mapping[str, CFunction]) -> list[Callee]:
        """Return what the code calls, where `functions` are in its slots, with what is in the slots of each.

        Raises
        ------
        CompileError
            If a slot is empty.
        """
        if not self.slots <= functions.keys():
            raise empty(self.program.name, self.slots)
        labels = [r.label for r in self.program.regions]
        return [(functions[at].code, functions[at].functions) if c is None else (c, functions) for at, c in zip(labels, self.regions)]


class Sized:
    """Compiled code for arguments of given shapes: the numbers that its lengths are, and what follows from them.

    Attributes
    ----------
    arena
        Bytes that the code works in.
    """

    def __init__(self, code: _Code, values: Mapping[Symbol, int], functions: Mapping[str, CFunction]) -> None:
        self.code, program = code, code.program
        self.values = code.storage.at(values)
        self._entered = external.Entered(program, self.values)
        self._sizes = sizes_at(code.sizes, self.values, 0)
        self._regions = [self._callee(r, *callee) for r, callee in zip(program.regions, code.callees(functions))]
        self._fixed: bool = not code.data and all(r._fixed for r in self._regions)
        self.arena: int = number(code.storage.arena, self.values) + max((r.arena for r in self._regions), default=0)
        self._environment: _Environment | None = None

    def _callee(self, region: L.Region, code: _Code, functions: Mapping[str, CFunction]) -> Sized:
        """What a region calls, for arguments of the shapes that it is given here."""
        made = Sized(code, lengths_of(code.params, [shape_at(s, self.values) for s in region.takes], self.values), functions)
        wanted, got = ([shape_at(s, v) for s in shapes] for shapes, v in ((region.returns, self.values), ((b.shape for b in code.program.outputs), made.values)))
        if wanted != got:
            raise ShapeError(f"{code.program.name}, in the place {region.label} of {self.code.program.name}, returns values of shapes {got}, not {wanted}")
        return made

    def environment(self) -> _Environment:
        """The environment for the data as they are now."""
        code, known = self.code, self._environment
        if known is not None and self._fixed:
            return known
        now = [op.value for op in code.data]
        inner = [r.environment() for r in self._regions]
        if known is not None and all(a is b for a, b in zip((*now, *inner), (*known.data, *known.inner))):
            return known
        values = iter(now)
        arrays = [np.ascontiguousarray(next(values) if isinstance(op, Data) else op.value) for _, op in code.program.constants]
        entered = self._entered.number
        self._environment = made = _Environment(code.run_address, arrays, now, inner, self._sizes, code.library_table, entered)
        return made

    def way_in(self, library: ctypes.CDLL, calls: int = 0) -> Callable[..., Any]:
        """Return a callable of plain arrays, which returns new ones, or ``None`` where an argument is anything else, and after so many calls."""
        program = self.code.program
        inputs, outputs = ([(b.dtype, shape_at(b.shape, self.values)) for b in bs] for bs in (program.inputs, program.outputs))
        run = entry.entry(library, self.code.run_address, inputs, outputs, self.arena, calls)
        if self._fixed:
            made = partial(run, self.environment().address)
            made.kept = self  # type: ignore[attr-defined]
            return made

        def with_data(*values: np.ndarray[Any, Any]) -> Any:
            environment = self.environment()  # Kept until the call ends: another thread may set the data meanwhile.
            return run(environment.address, *values)

        return with_data


class CFunction:
    """A graph compiled to C, once for all lengths that its types leave open.

    Call it with plain arrays of the parameters' types; it returns new arrays.
    Any number of threads may call it at once.

    Parameters
    ----------
    graph, name
        What is compiled, and its name in messages.
    threads
        How many threads share out the rows of large loops.
    lengths
        Names of lengths, whose numbers are the values of the last parameters.

    Attributes
    ----------
    code, functions
        The compiled code, and what is in its slots.
    enter
        As a call, but ``None`` where an argument is anything else, or of another shape than at the last call.
        ``None`` itself where lengths are values, and before the first call where they are open.
    source
        The generated C code, that of its regions and of functions in its slots after it.
    timings
        Seconds of each stage.
    cached
        Whether all compiled code came from the cache.
    fallbacks
        Names of the operations whose NumPy form is called back.
    gains
        How many times faster code for short lengths is, where it was compiled and taken.
    """

    def __init__(self, graph: Graph, name: str, threads: int = 1, lengths: Sequence[Symbol] = ()) -> None:
        compiler = require_compiler()
        with ThreadPoolExecutor(2, thread_name_prefix="compile") as own:
            library = own.submit(entry.load, compiler, raise_fault)
            code = _Code(graph, name, compiler, own, threads, lengths)
        _result_of(library)
        cache.say()
        self._graph, self._lengths, self._threads = graph, lengths, threads
        self._join(code, {})

    def _join(self, code: _Code, functions: Mapping[str, CFunction]) -> None:
        """Take functions as what is in the slots of the code."""
        self.code, self.functions = code, functions
        self.timings = dict(code.timings)
        self.cached: bool = code.cached and all(f.cached for f in functions.values())
        self.source: str = "\n".join([code.source, *(f.source for f in functions.values())])
        self.fallbacks: list[str] = [*code.fallbacks, *(name for f in functions.values() for name in f.fallbacks)]
        self._ways: dict[tuple[Any, ...], Callable[..., Any]] = {}
        self._trials: dict[tuple[Any, ...], Future[_Code]] = {}
        self.gains: dict[str, float] = {}
        self.enter: Callable[..., Any] | None = None
        if not code.program.lengths and code.slots <= functions.keys():
            self.enter = self._made(Sized(code, {}, functions), tuple(b.shape for b in code.program.inputs))

    def linked(self, functions: Mapping[str, Any]) -> CFunction:
        """Return the function with compiled functions in its slots; nothing is compiled."""
        made = copy.copy(self)
        made._join(self.code, {label: f.compiled for label, f in functions.items()})
        return made

    def sized(self, *values: np.ndarray[Any, Any]) -> Sized:
        """Return the code for arguments of the shapes of these.

        Raises
        ------
        ShapeError
            If the types of the parameters say that lengths are equal, which are not.
        CompileError
            If a slot is empty.
        """
        numbers = map(int, values[len(values) - len(self._lengths) :])
        lengths = lengths_of(self.code.params, [v.shape for v in values], dict(zip(self._lengths, numbers)))
        return Sized(self.code, lengths, self.functions)

    def __call__(self, *values: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]]:
        enter = self._way_in(values)
        made: list[np.ndarray[Any, Any]] | None = enter(*values)
        if made is None and self.code.program.lengths:
            enter = self._reconsidered(values)
            made = enter(*values)
        if not self._lengths:
            self.enter = enter
        if made is None:
            raise CompileError(f"internal: {self.code.program.name} was called with arrays of other types than it is compiled for")
        return made

    def _way_in(self, values: Sequence[np.ndarray[Any, Any]]) -> Callable[..., Any]:
        """The way in for arguments of these shapes."""
        key = (*(v.shape for v in values), *map(int, values[len(values) - len(self._lengths) :]))
        return self._ways.get(key) or self._made(self.sized(*values), key)

    def _made(self, sized: Sized, key: tuple[Any, ...]) -> Callable[..., Any]:
        asks = sized.code is self.code and short_lengths(self._graph, sized.values)
        return self._take(sized.way_in(_library(), OFTEN if asks else 0), key)

    def _take(self, way: Callable[..., Any], key: tuple[Any, ...]) -> Callable[..., Any]:
        while len(self._ways) >= KEPT:
            self._ways.pop(next(iter(self._ways)), None)
        self._ways[key] = way
        return way

    def _reconsidered(self, values: Sequence[np.ndarray[Any, Any]]) -> Callable[..., Any]:
        """The way in for arguments of shapes that are common: of the code with numbers for short lengths, if that is faster."""
        sized = self.sized(*values)
        short = short_lengths(self._graph, sized.values)
        key = (*(v.shape for v in values), *map(int, values[len(values) - len(self._lengths) :]))
        trial = self._trials.get(tuple(short.items()))
        if trial is None:
            trial = self._trials[tuple(short.items())] = Future()
            threading.Thread(target=self._try, args=(short, trial), daemon=True).start()
        if not trial.done():
            return self._take(sized.way_in(_library(), OFTEN), key)
        best = sized.way_in(_library())
        if trial.exception() is None:
            code = trial.result()
            new = Sized(code, lengths_of(code.params, [v.shape for v in values], sized.values), self.functions).way_in(_library())
            times = gain(best, new, values)
            if times > LEAST_GAIN:
                best = new
                self.gains[", ".join(f"{s.name} = {n}" for s, n in short.items())] = times
        return self._take(best, key)

    def _try(self, short: Mapping[Symbol, int], trial: Future[_Code]) -> None:
        """Compile with numbers for short lengths."""
        try:
            with ThreadPoolExecutor(1) as pool:
                graph, known = with_numbers(self._graph, short), [*self._lengths]
                trial.set_result(_Code(graph, self.code.program.name, require_compiler(), pool, self._threads, known))
        except BaseException as error:  # It was worth a try.
            trial.set_exception(error)


def _library() -> ctypes.CDLL:
    return entry.load(require_compiler(), raise_fault)


def _result_of(job: Future[Any]) -> Any:
    try:
        return job.result()
    except CompileError as error:
        # Raised on another thread, where the user has no line.
        raise CompileError(error.message, error.hint) from error


def _unload(library: ctypes.CDLL) -> None:
    # The loader counts: code that another function runs too stays. Windows has another name for it.
    close: Any = next(getattr(_ctypes, name) for name in ("dlclose", "FreeLibrary") if hasattr(_ctypes, name))
    close(library._handle)


def raise_fault(entered: int, check: int, value: int) -> None:
    """Raise the error that generated code reported."""
    if entered == -2:
        raise CompileError("the threads of a function could not be started", "use fewer threads")
    if entered < 0:
        external.raise_failed()
    failed = external.entered(entered).check(check)
    raise IndexBoundsError(
        f"index {value} is out of bounds for axis {failed.axis} of {failed.what}, which has length {failed.extent}",
        f"valid indices run from 0 to {failed.extent - 1}",
        failed.location,
    )
