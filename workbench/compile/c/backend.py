"""C: lower, print, compile, load with ctypes (which releases the GIL), call."""

from __future__ import annotations

import _ctypes
import copy
import ctypes
import time
import weakref
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np

from workbench.compile import cache
from workbench.compile import callbacks as external
from workbench.compile.c import calls as entry
from workbench.compile.c.printer import Source, print_c
from workbench.compile.c.threads import print_c_threads
from workbench.compile.c.toolchain import Compiler, require_compiler
from workbench.compile.loop_ir import loops as L
from workbench.compile.loop_ir.lower import lower
from workbench.compile.loop_ir.storage import Storage, plan
from workbench.compile.slots import empty
from workbench.errors import CompileError, IndexBoundsError
from workbench.graph.expr import Data
from workbench.graph.inner import Graph


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


class CFunction:
    """A graph compiled to C.

    Call it with plain arrays of exactly the parameters' types; it returns new arrays.
    Any number of threads may call it at once.

    Attributes
    ----------
    enter
        As a call, but ``None`` where an argument is anything else.
    source
        The generated C code, that of its regions after it.
    timings
        Seconds of each stage.
    cached
        Whether all compiled code came from the cache.
    slots
        Labels of the slots, which must be filled (`linked`) before a call.
    fallbacks
        Names of the operations whose NumPy form is called back.
    """

    def __init__(self, graph: Graph, name: str, threads: int = 1, pool: ThreadPoolExecutor | None = None) -> None:
        self.threads = threads
        compiler = require_compiler()
        self.timings: dict[str, float] = {}
        self.cached = False
        self.source = ""
        self.arena = 0
        self._code: CFunction | None = None  # Whose code this is, if another's: it is unloaded when nobody has it any more.
        if pool is not None:  # A region: called from compiled code alone.
            self._build(graph, name, compiler, pool)
            return
        with ThreadPoolExecutor(2, thread_name_prefix="compile") as own:
            library = own.submit(entry.load, compiler, raise_fault)
            self._build(graph, name, compiler, own)
        _result_of(library)
        cache.say()
        self._open(compiler)

    def _open(self, compiler: Compiler) -> None:
        """Make the way in from Python."""
        inputs, outputs = ([(b.dtype, b.shape) for b in bs] for bs in (self.program.inputs, self.program.outputs))
        self._entry = entry.entry(entry.load(compiler, raise_fault), self._run_address, inputs, outputs, self.arena)
        self.enter = self._enter_with_data if self.slots or not self._fixed else partial(self._entry, self._environment().address)

    def _build(self, graph: Graph, name: str, compiler: Compiler, pool: ThreadPoolExecutor) -> None:
        start = time.perf_counter()
        self.program = lower(graph, name)
        self.storage: Storage = plan(self.program)
        printed: Source = (
            print_c(self.program, self.storage, compiler.vector_math)
            if self.threads == 1
            else print_c_threads(self.program, self.storage, compiler.vector_math, self.threads)
        )
        self.timings["lower"] = time.perf_counter() - start
        job: Future[Any] = pool.submit(compiler.library, printed.code)
        self._inner = [None if g is None else CFunction(g, label, pool=pool) for label, g in self.program.regions]
        library, hit = _result_of(job)
        # Code that nobody can call any more is unloaded; not at exit, when a thread may still run it.
        weakref.finalize(self, _unload, library).atexit = False
        self.timings["compile"] = time.perf_counter() - start - self.timings["lower"]
        self._hit, self._printed = hit, printed.text
        self._run_address = ctypes.cast(library.run, ctypes.c_void_p).value or 0
        self.number = external.enter(self.program)
        self._library_table = external.library_table() if L.native_calls(self.program) else 0
        self._sizes = np.array([*printed.sizes, 0], np.int64)
        self._data = [op for _, op in self.program.constants if isinstance(op, Data)]
        self._join({})

    def _join(self, functions: Mapping[str, CFunction]) -> None:
        """Take the regions, and functions for slots, as what the code calls."""
        labels = [label for label, _ in self.program.regions]
        self._inner = [functions.get(label) if r is None else r._with(functions) for label, r in zip(labels, self._inner)]
        self.regions = [r for r in self._inner if r is not None]
        self.slots: set[str] = {label for label, r in zip(labels, self._inner) if r is None}.union(*(r.slots for r in self.regions))
        self.cached = self._hit and all(r.cached for r in self.regions)
        self.source = "\n".join([self._printed, *(r.source for r in self.regions)])
        self.fallbacks: list[str] = [*L.called_back(self.program), *(name for r in self.regions for name in r.fallbacks)]
        self.arena = self.storage.arena + max((r.arena for r in self.regions), default=0)
        self._fixed: bool = not self._data and all(r._fixed for r in self.regions)
        self._known: _Environment | None = None

    def _with(self, functions: Mapping[str, CFunction]) -> CFunction:
        """The same code with functions in its slots; itself if it has none."""
        if not self.slots:
            return self
        made = copy.copy(self)
        made._code = self
        made._join(functions)
        return made

    def linked(self, functions: Mapping[str, Any]) -> CFunction:
        """Return the function with compiled functions in its slots; nothing is compiled."""
        made = self._with({label: f.compiled for label, f in functions.items()})
        made._open(require_compiler())
        return made

    def _environment(self) -> _Environment:
        """The environment for the data as they are now."""
        if self.slots:
            raise empty(self.program.name, self.slots)
        known = self._known
        if known is not None and self._fixed:
            return known
        now = [op.value for op in self._data]
        inner = [r._environment() for r in self.regions]
        if known is not None and all(a is b for a, b in zip((*now, *inner), (*known.data, *known.inner))):
            return known
        values = iter(now)
        arrays = [np.ascontiguousarray(next(values) if isinstance(op, Data) else op.value) for _, op in self.program.constants]
        self._known = made = _Environment(self._run_address, arrays, now, inner, self._sizes, self._library_table, self.number)
        return made

    def _enter_with_data(self, *values: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]] | None:
        environment = self._environment()  # Kept until the call ends: another thread may set the data meanwhile.
        made: list[np.ndarray[Any, Any]] | None = self._entry(environment.address, *values)
        return made

    def __call__(self, *values: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]]:
        made = self.enter(*values)
        if made is None:
            raise CompileError(f"internal: {self.program.name} was called with arrays of other types than it is compiled for")
        return made


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


def raise_fault(number: int, check: int, value: int) -> None:
    """Raise the error that generated code reported."""
    if number == -2:
        raise CompileError("the threads of a function could not be started", "use fewer threads")
    if number < 0:
        external.raise_failed()
    failed = external.program(number).checks[check]
    raise IndexBoundsError(
        f"index {value} is out of bounds for axis {failed.axis} of {failed.what}, which has length {failed.extent}",
        f"valid indices run from 0 to {failed.extent - 1}",
        failed.location,
    )
