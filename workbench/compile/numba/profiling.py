"""Numba's code with clocks: the same statements, each with the time that it takes and how often it runs."""

from __future__ import annotations

from collections.abc import Sequence

from workbench.compile.clocks import WITHOUT, Clocked
from workbench.compile.loop_ir import loops as L
from workbench.compile.loop_ir.storage import Storage
from workbench.compile.machine_code import Code, Lowered, MachineFunction
from workbench.compile.numba.backend import NumbaFunction, Unit, module_of, printed
from workbench.compile.numba.printer import NumbaPrinter
from workbench.compile.printed import HOLDING, Source
from workbench.graph.inner import Graph
from workbench.graph.lengths import Symbol


class _ClockedPrinter(NumbaPrinter):
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
        at = 2 * (self.numbers[s] - 1)
        self.line("begun_ = now()")
        super().statement(s)
        self.line("ended_ = now()")
        self.line(f"pointer(env[7], np.int64)[{at}] += ended_ - begun_ - (now() - ended_)", WITHOUT)
        self.line(f"pointer(env[7], np.int64)[{at + 1}] += 1")


def clocked(graph: Graph, name: str, lengths: Sequence[Symbol] = (), held: int = 0) -> Clocked:
    """Compile a graph with clocks; regions that it calls have none of their own."""
    printers: list[_ClockedPrinter] = []

    def with_clocks(program: L.Program, storage: Storage) -> Source:
        printers.append(_ClockedPrinter(program, storage))
        return module_of(printers[0].source())

    code = Code(Lowered(graph, name, with_clocks, printed, lengths, held), Unit)
    return Clocked(code, printers[0].clocked)


class ClockedFunction(NumbaFunction):
    """A program with clocks, to be called by itself."""

    def __init__(self, made: Clocked) -> None:
        MachineFunction.__init__(self, made.code, ())
