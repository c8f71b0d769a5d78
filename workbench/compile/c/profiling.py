"""C with clocks: the same statements, each with the time that it takes and how often it runs."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.compile.c.backend import CFunction, _Unit
from workbench.compile.c.printer import HOLDING, Source, _Printer, print_c
from workbench.compile.c.toolchain import Compiler, require_compiler
from workbench.compile.loop_ir import loops as L
from workbench.compile.loop_ir.storage import Storage
from workbench.compile.machine_code import Code, Lowered, MachineFunction, Sized
from workbench.graph.inner import Graph
from workbench.graph.lengths import Symbol

CLOCK = """\
#include <time.h>

static int64_t wb_now(void) {
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (int64_t)at.tv_sec * 1000000000 + at.tv_nsec;
}
"""


class _ClockedPrinter(_Printer):
    """Prints a program with a clock around each statement that has no others inside."""

    def __init__(self, program: L.Program, storage: Storage) -> None:
        super().__init__(program, storage)
        self.clocked: list[L.Statement] = []

    def statement(self, s: L.Statement) -> None:
        if isinstance(s, HOLDING):
            super().statement(s)
            return
        at = len(self.clocked)
        self.clocked.append(s)
        self.open("")
        self.line("const int64_t begun_ = wb_now();")
        super().statement(s)
        self.line("const int64_t ended_ = wb_now();")
        self.line(f"wb_spent[{2 * at}] += ended_ - begun_ - (wb_now() - ended_); wb_spent[{2 * at + 1}]++;", "without what a clock takes")
        self.close()

    def source(self, vector_math: Collection[str]) -> Source:
        made = super().source(vector_math)
        table = f"static int64_t wb_spent[{2 * max(len(self.clocked), 1)}];\nint64_t *wb_profile(void) {{ return wb_spent; }}\n"
        return Source(made.pieces, made.sizes, [*made.before, CLOCK, table], made.after)


@dataclass(frozen=True)
class Clocked:
    """A program with clocks, compiled.

    Attributes
    ----------
    code
        The compiled code, which takes the place of that without clocks.
    statements
        What has a clock.
    """

    code: Code
    statements: list[L.Statement]
    unit: _ClockedUnit

    def reset(self) -> None:
        """Set all clocks to zero."""
        self._table()[:] = 0

    def read(self) -> list[tuple[float, int]]:
        """Return seconds, without those that a clock itself takes, and the number of runs of each statement.

        What takes hardly longer than nothing may be found to take a little less.
        """
        return [(int(spent) * 1e-9, int(times)) for spent, times in self._table().reshape(-1, 2)]

    def _table(self) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
        self.unit.library.wb_profile.restype = ctypes.c_void_p
        start = self.unit.library.wb_profile()
        return np.ctypeslib.as_array((ctypes.c_int64 * (2 * len(self.statements))).from_address(start))


class _ClockedUnit(_Unit):
    library: ctypes.CDLL

    def address(self) -> tuple[int, bool]:
        self.library, _ = self._job.result()
        return super().address()


def clocked(graph: Graph, name: str, lengths: Sequence[Symbol] = (), held: int = 0) -> Clocked:
    """Compile a graph with clocks; regions that it calls have none of their own."""
    compiler: Compiler = require_compiler()
    printers: list[_ClockedPrinter] = []
    units: list[_ClockedUnit] = []

    def printed(program: L.Program, storage: Storage) -> Source:
        printers.append(_ClockedPrinter(program, storage))
        return printers[0].source(compiler.vector_math)

    def plain(program: L.Program, storage: Storage) -> Source:
        return print_c(program, storage, compiler.vector_math)

    with ThreadPoolExecutor(1) as pool:

        def begin(lowered: Lowered) -> _ClockedUnit:
            units.append(_ClockedUnit(compiler, pool, lowered))
            return units[-1]

        code = Code(Lowered(graph, name, printed, plain, lengths, held), begin)
    return Clocked(code, printers[0].clocked, units[0])


class _ClockedFunction(CFunction):
    """A program with clocks, to be called by itself."""

    checks = False

    def __init__(self, made: Clocked) -> None:
        self._graph, self._threads = made.code.lowered, 1
        MachineFunction.__init__(self, made.code, ())


def entered_with_clocks(made: Clocked, arrays: Sequence[np.ndarray[Any, Any]]) -> tuple[Sized, Callable[..., Any]]:
    """Return the code for these arguments, and what calls it."""
    function = _ClockedFunction(made)
    sized = function.sized(*arrays)
    return sized, function.way_in(sized, 0)


def sized_with_clocks(compiled: CFunction, made: Clocked, arrays: Sequence[np.ndarray[tuple[int, ...], np.dtype[np.generic]]]) -> Sized:
    """Return code with clocks in the place of a function's own, for these arguments."""
    return compiled.with_code(made.code, compiled.sized(*arrays))
