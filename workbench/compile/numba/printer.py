"""The loop IR as flat Python for Numba: the same kernels that the C printer prints."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.compile.loop_ir import loops as L
from workbench.compile.loop_ir.loop_levels import ROW_BLOCK, Nest, nest
from workbench.compile.loop_ir.parts import LENGTHS, divided, first_of
from workbench.compile.loop_ir.printing import Printer, computed
from workbench.compile.loop_ir.skipping import idle_flag
from workbench.compile.loop_ir.storage import Storage
from workbench.compile.printed import Source
from workbench.graph.expr import Expr
from workbench.graph.lengths import Size
from workbench.graph.types import KINDS

PRELUDE = """\
import math
import numpy as np
from math import cos, sin, sqrt, tan
from numba import njit
from workbench.compile.numba.own_math import erf, exp, expm1, log, log1p, tanh
from workbench.compile.numba.passes import printed
from workbench.compile.numba.pointers import address, after, call, call_back, letter, now, pointer, routine, select, stacked, words
from workbench.compile.numba.vector_loops import add_in_any_order, independent, make_vector_loops, multiply_in_any_order
"""
NATIVE = ("bool", "int64", "float64")
IN_ANY_ORDER = {"add": "add_in_any_order", "multiply": "multiply_in_any_order"}
OPTIONS = "nogil=True, error_model='numpy'"


def print_numba(program: L.Program, storage: Storage) -> Source:
    """Print a program as the Python function `run` of :data:`~workbench.compile.numba.pointers.RUN`'s type."""
    return NumbaPrinter(program, storage).source()


def literal(value: Any, dtype: str) -> str:
    """A number in Python, of exactly its dtype."""
    kind = KINDS[dtype]
    if kind == "b":
        return str(bool(value))
    if kind == "f":
        if math.isfinite(value):
            return f"({float(value)!r})" if value < 0 else repr(float(value))
        return "np.nan" if math.isnan(value) else "np.inf" if value > 0 else "(-np.inf)"
    # A whole number as it is written is an int64, but for the least of them.
    return f"({int(value)})" if dtype == "int64" and value > -(2**63) else f"np.{dtype}({int(value)})"


class NumbaPrinter(Printer):
    comment = "#"

    def __init__(self, program: L.Program, storage: Storage) -> None:
        super().__init__(program, program.body, storage)
        self.marked = False  # Whether a loop of the function is marked as a vector loop.
        self.count = 0
        self.written: set[str] = set()

    def shares(self, s: L.Statement) -> bool:
        """Whether a statement may share its function with others like it."""
        return True

    def source(self) -> Source:
        self.divide(divided(self.program.body, self.storage, LENGTHS["numba"], shares=self.shares))
        self.slots = {b: i for i, b in enumerate(self.divided.kept)}
        code: list[str] = []
        takes = ["io", "env", "arena", "fault"]
        self.gives = [*takes, *(["between"] if self.slots else [])]
        for part in self.divided.parts:
            names = [x.name if isinstance(x, L.Buffer) else self.sizes.size(x) for x in part.parameters]
            code += [f"@printed({OPTIONS})", *self.function(f"def {part.name}({', '.join([*self.gives, *names])}):", part.body, part.parameters), ""]
        first = []
        if self.slots:
            n = len(self.slots)
            first = [f"    kept = words({n})", f"    for i in range({n}):", "        kept[i] = 0", "    between = address(kept)"]
        code += self.function(f"def run({', '.join(takes)}):  # {self.program.name}", self.divided.body, (), first)
        support = [f"@njit({OPTIONS})\n{s.strip()}\n" if s.startswith(("def ", "\ndef ")) else s for s in self.support]
        return Source([*code, ""], self.sizes.values, support, [])

    def function(self, head: str, body: Sequence[L.Statement], parameters: Sequence[L.Thing], first: Sequence[str] = ()) -> list[str]:
        self.lines, self.used, self.marked, self.written, self.given = [], {}, False, set(), set(parameters)
        self.block(body)
        if self.marked:
            self.line("make_vector_loops()")
        self.line("return 0")
        return [head, *first, *self.declarations(parameters), *self.lines]

    def declarations(self, parameters: Sequence[L.Thing]) -> list[str]:
        """The lines that find what a function uses, but for its parameters."""
        used, p = self.used, self.program
        for x in parameters:
            used.pop(x if isinstance(x, L.Buffer) else self.sizes.size(x), None)
        found = {b: f"io[{i}]" for i, b in enumerate((*p.inputs, *p.outputs)) if b in used}
        found |= {b: f"constants[{i}]" for i, (b, _) in enumerate(p.constants) if b in used}
        constants = ["    constants = pointer(env[2], np.int64)"] if any(b.kind == "constant" for b in found) else []
        found |= {b: f"arena + {self.start_of(b)}" for b in self.storage.offset if b in used}
        pointers = [self.made(f"    {b.name} = pointer({at}, np.{_stored(b.dtype)})", b.note, b.of) for b, at in found.items()]
        sizes = [self.made(f"    {name} = sizes[{i}]", note) for i, name, note in self.used_sizes()]
        kinds = dict.fromkeys(_stored(b.dtype) for b in self.slots if b in used)
        kept = [f"    {kind}s = pointer(between, np.{kind})" for kind in kinds]
        # What only a loop over nothing would set.
        unset = [b for b in used if isinstance(b, L.Buffer) and self.is_variable(b) and b.name not in self.written]
        zeros = [self.made(f"    {b.name} = {literal(0, b.dtype)}", "", b.of) for b in unset]
        return [*(["    sizes = pointer(env[1], np.int64)"] if sizes else []), *sizes, *constants, *pointers, *kept, *zeros]

    def do(self, s: L.Do) -> None:
        given = ", ".join([*self.gives, *(self.argument(x) if isinstance(x, L.Buffer) else self.size(x) for x in s.arguments)])
        self.line(f"if {s.part.name}({given}):", "", computed(first_of(s)))
        self.line("    return 1")

    def argument(self, home: L.Buffer) -> str:
        """The pointer to a buffer."""
        slot = self.slot(home)
        return self.named(home) if slot is None else f"pointer(between + {8 * slot}, np.{_stored(home.dtype)})"

    def slot(self, home: L.Buffer) -> int | None:
        """The number of a variable among those that several functions use, unless it is a parameter here: for each a name would take Numba long."""
        return None if home in self.given else self.slots.get(home)

    def index(self, index: L.Index) -> str:
        if isinstance(index, L.IndexOp):
            return f"({self.index(index.left)} {'//' if index.op == '/' else index.op} {self.index(index.right)})"
        return self.operand(index) if isinstance(index, str) else self.size(index)

    def operand(self, value: L.Operand) -> str:
        if isinstance(value, L.Literal):
            return literal(value.value, value.dtype)
        variable = self.divided.variables.get(value)
        if variable is None:
            return value
        return f"({self.read(variable, 0)})" if variable.dtype == "bool" and variable in self.kept else self.read(variable, 0)

    def place(self, buffer: L.Buffer, index: L.Index) -> str:
        home = self.storage.of(buffer)
        name, slot = self.named(home), self.slot(home)
        if slot is not None:
            return f"{_stored(home.dtype)}s[{slot * 8 // np.dtype(home.dtype).itemsize}]"
        return name if self.is_variable(home) else f"{name}[{self.index(L.add(index, buffer.start))}]"

    def read(self, buffer: L.Buffer, index: L.Index) -> str:
        """The value of an element. Truth values are bytes in memory."""
        place = self.place(buffer, index)
        return f"{place} != 0" if buffer.dtype == "bool" and not self.is_variable(self.storage.of(buffer)) else place

    def write(self, buffer: L.Buffer, index: L.Index, value: str, note: str = "") -> None:
        stored = f"np.uint8({value})" if buffer.dtype == "bool" and not self.is_variable(self.storage.of(buffer)) else value
        self.line(f"{self.place(buffer, index)} = {stored}", note, buffer.of)
        self.written.add(self.storage.of(buffer).name)

    def value(self, value: L.Buffer | L.Literal, index: L.Index = 0) -> str:
        return literal(value.value, value.dtype) if isinstance(value, L.Literal) else self.read(value, index)

    def start(self, buffer: L.Buffer) -> str:
        """The address of a buffer in memory."""
        home = self.storage.of(buffer)
        slot = self.slot(home)
        if slot is not None:
            return f"between + {8 * slot}"
        name = self.named(home)
        return f"address({name})" if buffer.start == 0 else f"address({name}) + {self.size(buffer.start)} * {np.dtype(buffer.dtype).itemsize}"

    def fresh(self, stem: str) -> str:
        """A name that is given a value once."""
        self.count += 1
        return f"{stem}{self.count}"

    def statement(self, s: L.Statement) -> None:
        if isinstance(s, L.Kernel):
            self.kernel(s)
        elif isinstance(s, L.Blocked):
            self.blocked(s)
        elif isinstance(s, L.Copy):
            self.copy(s)
        elif isinstance(s, L.Fill):
            shown = literal(s.value.value, s.buffer.dtype)
            if s.buffer.size == 1:
                self.write(s.buffer, 0, shown)
            else:
                self.line(f"for i in range({self.size(s.buffer.size)}):")
                self.indent += 1
                self.write(s.buffer, "i", shown)
                self.indent -= 1
        elif isinstance(s, L.Do):
            self.do(s)
        elif isinstance(s, L.Call):
            self.call(s)
        elif isinstance(s, L.External):
            self.external(s)
        elif isinstance(s, L.Branch):
            # Where one side does nothing, the other is all there is.
            self.line(f"if {self.value(s.predicate)}:" if s.then else f"if not ({self.value(s.predicate)}):")
            self.inside(s.then or s.orelse)
            if s.then and s.orelse:
                self.line("else:")
                self.inside(s.orelse)
        elif isinstance(s, L.Loop):
            self.line("while True:")
            self.indent += 1
            self.block(s.test)
            self.line(f"if not ({self.value(s.predicate)}):")
            self.line("    break")
            self.block(s.body)
            self.indent -= 1

    def inside(self, block: Sequence[L.Statement]) -> None:
        self.indent += 1
        before = len(self.lines)
        self.block(block)
        if len(self.lines) == before:
            self.line("pass")
        self.indent -= 1

    def copy(self, s: L.Copy) -> None:
        scalars = [(a, b) for a, b in s.pairs if a.size == 1]
        arrays: dict[Size, list[tuple[L.Buffer, L.Buffer | L.Literal]]] = {}
        for a, b in s.pairs:
            if a.size != 1:
                arrays.setdefault(a.size, []).append((a, b))
        # All is read before anything is written.
        homes = {self.storage.of(a) for a, _ in s.pairs}
        values = [self.value(b) for _, b in scalars]
        for i, (_, b) in enumerate(scalars):
            if isinstance(b, L.Buffer) and len(s.pairs) > 1 and self.storage.of(b) in homes:
                name = self.fresh("next")
                self.line(f"{name} = {values[i]}")
                values[i] = name
        for size, pairs in arrays.items():
            self.line(f"for i in range({self.size(size)}):")
            self.indent += 1
            shown = [self.value(b, "i") for _, b in pairs]
            for k, (_, b) in enumerate(pairs):
                if isinstance(b, L.Buffer) and len(pairs) > 1 and self.storage.of(b) in homes:
                    name = self.fresh("next")
                    self.line(f"{name} = {shown[k]}")
                    shown[k] = name
            for (a, _), value in zip(pairs, shown):
                self.write(a, "i", value)
            self.indent -= 1
        for (a, _), value in zip(scalars, values):
            self.write(a, 0, value, a.note)

    def call(self, s: L.Call) -> None:
        io = self.table(self.addresses(s.arguments, s.results), self.program.regions[s.region].label, s.results[0].of if s.results else None)
        region = self.fresh("region")
        self.line(f"{region} = pointer(pointer(env[3], np.int64)[{s.region}], np.int64)")
        self.line(f"if call({region}[0], {io}, {region}, arena + {self.arena()}, fault):")
        self.line("    return 1")
        self.unbox(s.results)

    def addresses(self, arguments: Sequence[L.Buffer], results: Sequence[L.Buffer]) -> list[str]:
        """Where buffers are. Local variables are put in boxes, from where `unbox` reads them back."""
        self.boxes: dict[L.Buffer, str] = {}
        found = []
        for b in (*arguments, *results):
            home = self.storage.of(b)
            boxed = self.is_variable(home)
            if boxed and home not in self.boxes:
                self.boxes[home] = box = self.fresh("box")
                self.line(f"{box} = pointer(address(words(1)), np.{_stored(b.dtype)})")
                if b in arguments:
                    self.line(f"{box}[0] = {f'np.uint8({self.named(home)})' if b.dtype == 'bool' else self.named(home)}")
            found.append(f"address({self.boxes[home]})" if boxed else self.start(b))
        return found

    def table(self, addresses: Sequence[str], note: str, of: Expr | None) -> str:
        """The name of a table of addresses."""
        io = self.fresh("io")
        self.line(f"{io} = words({max(len(addresses), 1)})", note, of)
        for i, at in enumerate(addresses):
            self.line(f"{io}[{i}] = {at}")
        return io

    def unbox(self, results: Sequence[L.Buffer]) -> None:
        for b in results:
            home = self.storage.of(b)
            if self.is_variable(home):
                self.line(f"{self.named(home)} = {self.boxes[home]}[0]{' != 0' if b.dtype == 'bool' else ''}")
                self.written.add(home.name)

    def external(self, s: L.External) -> None:
        """Call a native function over arrays, or a node's NumPy form with the addresses of its arrays."""
        addresses = self.addresses(s.arguments, s.results)
        if s.native is not None:
            self.support.update(dict.fromkeys(s.native.python))
            pointers = [f"pointer({at}, np.{_stored(b.dtype)})" for at, b in zip(addresses, (*s.arguments, *s.results))]
            # One form for all numbers: Numba makes one of a number that is written out.
            sizes = [f"np.int64({self.size(n)})" if isinstance(n, int) else self.size(n) for n in s.native.sizes]
            given = ["pointer(env[5], np.int64)", *sizes, *pointers]
            self.line(f"{s.native.name}({', '.join(given)})", "", self.program.externals[s.which])
            self.unbox(s.results)
            return
        called = self.program.externals[s.which]
        io = self.table(addresses, str(called.op.name), called)
        self.line(f"if call_back(env[4], env[6], {s.which}, {io}):")
        self.line("    fault[0] = -1")
        self.line("    return 1")
        self.unbox(s.results)

    # Kernels -----------------------------------------------------------------------------------

    def kernel(self, kernel: L.Kernel) -> None:
        if 0 not in kernel.extents:
            self.loop = self.loops[kernel]
            self.level(nest(kernel), 0)
            self.loop = 0

    def blocked(self, s: L.Blocked) -> None:
        n, rows = self.size(s.extent), self.size(s.rows)
        self.line(f"for block in range(0, {n}, {rows}):", "rows that stay in the cache")
        self.indent += 1
        self.line(f"stop = min({n}, block + {rows})")
        self.in_block = True
        for k in s.kernels:
            self.kernel(k)
        self.in_block = False
        self.indent -= 1

    def level(self, n: Nest, at: int) -> None:
        for line in n.lines[at]:
            self.scalar_line(line)
        if at == n.depth:
            self.effects(n)
            if not n.depth:
                for e in n.scattered:
                    self.effect(e)
            return
        folds = n.folds_outside[at]
        for i, f in enumerate(folds):
            self.line(f"sum{at}_{i}_{f.buffer.dtype} = {self.read(f.buffer, f.index)}", f.buffer.note, f.buffer.of)
        if at == n.depth - 1:
            self.innermost(n)
        else:
            self.turns(n, at)
            self.level(n, at + 1)
            self.indent -= 1
        for i, f in enumerate(folds):
            self.write(f.buffer, f.index, f"sum{at}_{i}_{f.buffer.dtype}")

    def span(self, n: Nest, axis: int) -> tuple[str, str]:
        """Where the loop over an axis starts and stops."""
        return ("block", "stop") if self.in_block and axis == 0 else ("0", self.size(n.kernel.extents[axis]))

    def turns(self, n: Nest, at: int) -> None:
        """Begin the loop over an axis."""
        axis = n.axes[at]
        first, stop = self.span(n, axis)
        self.line(f"for i{axis} in range({stop if first == '0' else f'{first}, {stop}'}):")
        self.indent += 1

    def innermost(self, n: Nest) -> None:
        if n.is_split and n.is_vector:
            self.split(n)
            return
        flag = idle_flag(n, self.place)
        self.turns(n, n.depth - 1)
        if flag is not None:
            self.line(f"if not ({self.read(flag.buffer, flag.index)}):", "done: it stays as it is")
            self.line("    continue")
        self.level(n, n.depth)
        for e in n.scattered:
            self.effect(e)
        if flag is None and not n.scattered and n.is_vector:
            self.vector_loop()
        self.indent -= 1

    def split(self, n: Nest) -> None:
        """Print a vector loop over some rows, and a loop over the same that adds their scattered sums one by one."""
        axis = n.axes[-1]
        first, stop = self.span(n, axis)
        saved = n.saved
        for name, dtype in saved.items():
            self.line(f"{name}_ = pointer(address(words({ROW_BLOCK})), np.{_stored(dtype)})")
        self.line(f"for start in range({first}, {stop}, {ROW_BLOCK}):")
        self.indent += 1
        self.line(f"rows = min({stop} - start, {ROW_BLOCK})")
        self.line("for r in range(rows):")
        self.indent += 1
        self.line(f"i{axis} = start + r")
        for line in n.lines[n.depth]:
            self.scalar_line(line)
        self.effects(n)
        for name, dtype in saved.items():
            self.line(f"{name}_[r] = {f'np.uint8({name})' if dtype == 'bool' else name}")
        self.vector_loop()
        self.indent -= 1
        self.line("for r in range(rows):")
        self.indent += 1
        self.line(f"i{axis} = start + r")
        for name, dtype in saved.items():
            self.line(f"{name} = {name}_[r]{' != 0' if dtype == 'bool' else ''}")
        for e in n.scattered:
            self.effect(e)
        self.indent -= 2

    def vector_loop(self) -> None:
        """Mark the end of a loop whose turns may be done at once."""
        self.line("independent()")
        self.marked = True

    def effect(self, e: L.Store | L.Fold) -> None:
        value = self.operand(e.value)
        if isinstance(e, L.Fold):
            value = e.op.py([f"({self.read(e.buffer, e.index)})", value], [e.buffer.dtype] * 2)
        self.write(e.buffer, e.index, value, e.buffer.note)

    def effects(self, n: Nest) -> None:
        for store in n.stores:
            self.effect(store)
        for fold in n.folds_inside:
            self.effect(fold)
        for at, folds in enumerate(n.folds_outside):
            for i, f in enumerate(folds):
                name = f"sum{at}_{i}_{f.buffer.dtype}"
                free = IN_ANY_ORDER.get(f.op.name) if n.is_vector and KINDS[f.buffer.dtype] == "f" else None
                value = self.operand(f.value)
                self.line(f"{name} = {free}({name}, {value})" if free else f"{name} = {f.op.py([name, value], [f.buffer.dtype] * 2)}", "", f.buffer.of)

    def scalar_line(self, line: L.Line) -> None:
        if isinstance(line, L.Load):
            self.line(f"{line.name} = {self.read(line.buffer, line.index)}", line.note, line.of)
        elif isinstance(line, L.Let):
            self.support.update(dict.fromkeys(line.op.support.get("py", ())))
            value = line.op.py([self.operand(a) for a in line.arguments], line.dtypes)
            if line.dtype not in NATIVE:
                # Numba computes narrow numbers as wide ones.
                value = f"np.{line.dtype}({value})"
            self.line(f"{line.name} = {value}", line.note, line.of)
        elif isinstance(line, L.Position):
            self.line(f"{line.name} = np.{_numpy(line.dtype)}({self.index(line.index)})")
        else:
            raw, extent = self.operand(line.index), self.size(line.extent)
            self.line(f"{line.name} = select({raw} < 0, {raw} + {extent}, {raw})", "", line.of)
            self.line(f"if ({line.name} < 0) | ({line.name} >= {extent}):")
            self.line("    fault[0] = env[6]")
            self.line(f"    fault[1] = {line.check}")
            self.line(f"    fault[2] = {raw}")
            self.line("    return 1")


def _stored(dtype: str) -> str:
    """The dtype in memory: NumPy's truth values are bytes."""
    return "uint8" if dtype == "bool" else dtype


def _numpy(dtype: str) -> str:
    return "bool_" if dtype == "bool" else dtype
