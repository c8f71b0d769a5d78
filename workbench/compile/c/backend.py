"""C: print, compile, load with ctypes (which releases the GIL), call."""

from __future__ import annotations

import _ctypes
import ctypes
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np

from workbench.compile import cache
from workbench.compile.c import calls as entry
from workbench.compile.c.printer import print_c
from workbench.compile.c.short_lengths import LEAST_GAIN, OFTEN, gain, short_lengths, with_numbers
from workbench.compile.c.threads import print_c_threads
from workbench.compile.c.toolchain import Compiler, require_compiler
from workbench.compile.machine_code import Code, Lowered, MachineFunction, Sized, raise_fault, result_of
from workbench.graph.inner import Graph
from workbench.graph.lengths import Symbol


def lowered(graph: Graph, name: str, threads: int = 1, lengths: Sequence[Symbol] = (), held: int = 0) -> Lowered:
    """Return a graph lowered, and printed as C; options are those of :class:`CFunction`."""
    return Lowered(graph, name, print_c if threads == 1 else partial(print_c_threads, threads=threads), print_c, lengths, held)


class Unit:
    """A program in C; its code is unloaded when nobody can call it any more."""

    def __init__(self, compiler: Compiler, pool: ThreadPoolExecutor, lowered: Lowered) -> None:
        printed: Any = lowered.printed
        made = printed.with_vector_forms(compiler.vector_math)
        self.text = made.text
        self._job: Future[Any] = pool.submit(compiler.library, made.code, lowered.seldom)

    def address(self) -> tuple[int, bool]:
        library, hit = result_of(self._job)
        # Not at exit, when a thread may still run it.
        weakref.finalize(self, _unload, library).atexit = False
        return ctypes.cast(library.run, ctypes.c_void_p).value or 0, hit


class CFunction(MachineFunction):
    """A graph compiled to C.

    Parameters
    ----------
    graph, name
        What is compiled, and its name in messages; or what :func:`lowered` made of a graph, which is not compiled again for short lengths.
    threads
        How many threads share out the rows of large loops.
    lengths
        Names of lengths, whose numbers are the values of the last parameters.
    held
        How many of the last parameters are held beside the arguments.

    Attributes
    ----------
    gains
        How many times faster code for short lengths is, where it was compiled and taken.
    """

    def __init__(self, graph: Graph | Lowered, name: str, threads: int = 1, lengths: Sequence[Symbol] = (), held: int = 0) -> None:
        compiler = require_compiler()
        with ThreadPoolExecutor(2, thread_name_prefix="compile") as own:
            library = own.submit(entry.load, compiler, raise_fault)
            made = graph if isinstance(graph, Lowered) else lowered(graph, name, threads, lengths, held)
            code = Code(made, partial(Unit, compiler, own))
        result_of(library)
        cache.say()
        self._graph, self._threads = graph, threads
        super().__init__(code, lengths)

    def _join(self, code: Code, functions: Mapping[str, MachineFunction]) -> None:
        self._trials: dict[tuple[Any, ...], Future[Code]] = {}
        self.gains: dict[str, float] = {}
        super()._join(code, functions)

    def entry(self, sized: Sized, calls: int) -> Callable[..., Any]:
        library = entry.load(require_compiler(), raise_fault)
        return entry.entry(library, sized.code.run_address, sized.inputs, sized.outputs, sized.arena, calls)

    def way_in(self, sized: Sized, calls: int | None = None) -> Callable[..., Any]:
        """As other code's; if not told when to ask for another way in, it is often where lengths are short."""
        if calls is None:
            known = isinstance(self._graph, Graph) and sized.code is self.code
            calls = OFTEN if known and short_lengths(self.code.params, sized.values) else 0
        return super().way_in(sized, calls)

    def _reconsidered(self, values: Sequence[np.ndarray[Any, Any]]) -> Callable[..., Any]:
        """The way in for arguments of shapes that are common: of the code with numbers for short lengths, if that is faster."""
        sized = self.sized(*values)
        short = short_lengths(self.code.params, sized.values)
        key = self._key(values)
        trial = self._trials.get(tuple(short.items()))
        if trial is None:
            trial = self._trials[tuple(short.items())] = Future()
            threading.Thread(target=self._try, args=(short, trial), daemon=True).start()
        if not trial.done():
            return self._take(self.way_in(sized, OFTEN), key)
        best = self.way_in(sized, 0)
        if trial.exception() is None:
            code = trial.result()
            new = self.way_in(self.with_code(code, sized), 0)
            times = gain(best, new, values)
            if times > LEAST_GAIN:
                best = new
                self.gains[", ".join(f"{s.name} = {n}" for s, n in short.items())] = times
        return self._take(best, key)

    def _try(self, short: Mapping[Symbol, int], trial: Future[Code]) -> None:
        """Compile with numbers for short lengths."""
        try:
            assert isinstance(self._graph, Graph)
            graph = with_numbers(self._graph, short)
            with ThreadPoolExecutor(1) as pool:
                made = lowered(graph, self.code.program.name, self._threads, self._lengths, len(self.code.held))
                trial.set_result(Code(made, partial(Unit, require_compiler(), pool)))
        except BaseException as error:  # It was worth a try.
            trial.set_exception(error)


def _unload(library: ctypes.CDLL) -> None:
    # The loader counts: code that another function runs too stays. Windows has another name for it.
    close: Any = next(getattr(_ctypes, name) for name in ("dlclose", "FreeLibrary") if hasattr(_ctypes, name))
    close(library._handle)
