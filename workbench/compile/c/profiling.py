"""C with clocks: the same statements, each with the time that it takes and how often it runs."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial

from workbench.compile.c.backend import CFunction, Unit
from workbench.compile.c.printer import _Printer, print_c
from workbench.compile.c.source import CSource
from workbench.compile.c.toolchain import Compiler, require_compiler
from workbench.compile.clocks import WITHOUT, Clocked
from workbench.compile.loop_ir import loops as L
from workbench.compile.loop_ir.storage import Storage
from workbench.compile.machine_code import Code, Lowered, MachineFunction
from workbench.compile.printed import HOLDING
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
        self.clocked = list(self.numbers)

    def shares(self, s: L.Statement) -> bool:
        """No statement has the clock of another."""
        return False

    def statement(self, s: L.Statement) -> None:
        if isinstance(s, HOLDING):
            super().statement(s)
            return
        at = self.numbers[s] - 1
        self.open("")
        self.line("const int64_t begun_ = wb_now();")
        super().statement(s)
        self.line("const int64_t ended_ = wb_now();")
        self.line(f"env->clocks[{2 * at}] += ended_ - begun_ - (wb_now() - ended_); env->clocks[{2 * at + 1}]++;", WITHOUT)
        self.close()

    def source(self) -> CSource:
        made = super().source()
        return replace(made, before=[*made.before, CLOCK])


def clocked(graph: Graph, name: str, lengths: Sequence[Symbol] = (), held: int = 0) -> Clocked:
    """Compile a graph with clocks; regions that it calls have none of their own."""
    compiler: Compiler = require_compiler()
    printers: list[_ClockedPrinter] = []

    def printed(program: L.Program, storage: Storage) -> CSource:
        printers.append(_ClockedPrinter(program, storage))
        return printers[0].source()

    with ThreadPoolExecutor(1) as pool:
        code = Code(Lowered(graph, name, printed, print_c, lengths, held), partial(Unit, compiler, pool))
    return Clocked(code, printers[0].clocked)


class ClockedFunction(CFunction):
    """A program with clocks, to be called by itself."""

    checks = False

    def __init__(self, made: Clocked) -> None:
        self._graph, self._threads = made.code.lowered, 1
        MachineFunction.__init__(self, made.code, ())
