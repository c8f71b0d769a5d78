"""The loop IR as flat Python for Numba: the same kernels that the C printer prints."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from workbench.compile.c.printer import LITERAL_LIMIT, Source
from workbench.compile.loop_ir import loops as L
from workbench.compile.loop_ir.loop_levels import Nest, nest
from workbench.compile.loop_ir.storage import Storage, buffers
from workbench.graph.lengths import Size, text
from workbench.graph.types import KINDS
from workbench.tensor.linalg.lapack import NUMBERS_OF_ARGUMENTS

PRELUDE = """\
import math
import numpy as np
from math import cos, exp, erf, expm1, log, log1p, sin, sqrt, tan, tanh
from numba import njit
"""
EXTERNAL = """\
from numba import types
wb_external = types.ExternalFunction("wb_external", types.int32(types.int64, types.int64, types.voidptr))
"""
ROUTINE_TABLE = "from numba import types\n" + "".join(
    f'wb_{name} = types.ExternalFunction("wb_{name}", types.void({", ".join(["types.voidptr"] * count)}))\n'
    for name, count in NUMBERS_OF_ARGUMENTS.items()
)
NATIVE = ("bool", "int64", "float64")
OPTIONS = "nogil=True, error_model='numpy'"


def print_numba(program: L.Program, storage: Storage, function: str, regions: Sequence[str]) -> Source:
    """Print a program as the Python function `function`, which calls `regions` by name."""
    return _Printer(program, storage, function, regions).source()


def arguments(program: L.Program) -> list[str]:
    """Names of the generated function's array arguments, in order."""
    return [b.name for b in (*program.inputs, *program.outputs)] + [b.name for b, _ in program.constants]


def literal(value: Any, dtype: str) -> str:
    """A number in Python, of exactly its dtype."""
    kind = KINDS[dtype]
    if kind == "b":
        return str(bool(value))
    if kind == "f":
        if math.isfinite(value):
            return f"({float(value)!r})" if value < 0 else repr(float(value))
        return "np.nan" if math.isnan(value) else "np.inf" if value > 0 else "(-np.inf)"
    return f"np.{dtype}({int(value)})"


class _Printer:
    def __init__(self, program: L.Program, storage: Storage, function: str, regions: Sequence[str]) -> None:
        self.program = program
        self.storage = storage
        self.function = function
        self.regions = regions
        self.lines: list[str] = []
        self.indent = 1
        self.sizes: dict[Size, str] = {}
        self.support: dict[str, None] = {}
        self.in_block = False

    def source(self) -> Source:
        p = self.program
        for b in dict.fromkeys(b for b in buffers(p.body) if b.is_local):
            self.line(f"{b.name} = {literal(0, b.dtype)}", b.note)
        for home in self.storage.offset:
            self.line(f"{home.name} = np.empty({self.size(home.size)}, np.{_numpy(home.dtype)})", home.note)
        self.block(p.body)
        self.line("return 0")
        names = [*arguments(p), "sizes", "fault"]
        regions = [f"constants{i}" for i in range(len(p.regions))]
        head = [f"@njit({OPTIONS}, cache=True)", f"def {self.function}({', '.join([*names, *regions])}):  # {p.name}"]
        head += [
            f"    {name} = sizes[{i}]" + ("" if isinstance(n, int) else f"  # {text(n)}") for i, (n, name) in enumerate(self.sizes.items())
        ]
        support = [f"@njit({OPTIONS})\n{s.strip()}\n" if s.startswith(("def ", "\ndef ")) else s for s in self.support]
        return Source("\n".join([*support, *head, *self.lines, ""]), list(self.sizes))

    def line(self, text: str, note: str = "") -> None:
        clean = " ".join(note.split())
        self.lines.append("    " * self.indent + text + (f"  # {clean}" if clean else ""))

    def size(self, n: Size) -> str:
        return str(n) if isinstance(n, int) and n <= LITERAL_LIMIT else self.sizes.setdefault(n, f"n{len(self.sizes)}")

    def index(self, index: L.Index) -> str:
        if isinstance(index, L.IndexOp):
            return f"({self.index(index.left)} {'//' if index.op == '/' else index.op} {self.index(index.right)})"
        return index if isinstance(index, str) else self.size(index)

    def operand(self, value: L.Operand) -> str:
        return literal(value.value, value.dtype) if isinstance(value, L.Literal) else value

    def place(self, buffer: L.Buffer, index: L.Index) -> str:
        home = self.storage.of(buffer)
        return home.name if home.is_local else f"{home.name}[{self.index(L.add(index, buffer.start))}]"

    def value(self, value: L.Buffer | L.Literal) -> str:
        return literal(value.value, value.dtype) if isinstance(value, L.Literal) else self.place(value, 0)

    def array(self, buffer: L.Buffer) -> str:
        """A buffer as an array argument of a region."""
        home = self.storage.of(buffer)
        if home.is_local:
            return f"np.full(1, {home.name})"
        start, stop = self.size(buffer.start), self.size(buffer.start + buffer.size)
        return f"{home.name}[{start}:{stop}]" if buffer.base else home.name

    def block(self, block: Sequence[L.Statement]) -> None:
        for s in block:
            if isinstance(s, L.Kernel):
                if 0 not in s.extents:
                    self.level(nest(s), 0)
            elif isinstance(s, L.Blocked):
                self.blocked(s)
            elif isinstance(s, L.Copy):
                self.copy(s)
            elif isinstance(s, L.Fill):
                shown = literal(s.value.value, s.buffer.dtype)
                if s.buffer.size == 1:
                    self.line(f"{self.place(s.buffer, 0)} = {shown}")
                else:
                    self.line(f"for i in range({self.size(s.buffer.size)}):")
                    self.line(f"    {self.place(s.buffer, 'i')} = {shown}")
            elif isinstance(s, L.Call):
                self.call(s)
            elif isinstance(s, L.External):
                self.external(s)
            elif isinstance(s, L.Branch):
                self.line(f"if {self.value(s.predicate)}:")
                self.inside(s.then)
                self.line("else:")
                self.inside(s.orelse)
            elif isinstance(s, L.Loop):
                self.line("while True:")
                self.indent += 1
                self.block(s.test)
                self.line(f"if not {self.value(s.predicate)}:")
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
        for i, (a, b) in enumerate(scalars):
            self.line(f"next{i}_{_numpy(a.dtype).strip('_')} = {self.value(b)}")
        for size, pairs in arrays.items():
            self.line(f"for i in range({self.size(size)}):")
            sources = [literal(b.value, a.dtype) if isinstance(b, L.Literal) else self.place(b, "i") for a, b in pairs]
            self.line(f"    {', '.join(self.place(a, 'i') for a, _ in pairs)} = {', '.join(sources)}")
        for i, (a, _) in enumerate(scalars):
            self.line(f"{self.place(a, 0)} = next{i}_{_numpy(a.dtype).strip('_')}", a.note)

    def call(self, s: L.Call) -> None:
        results = self.boxes(s.results)
        given = ", ".join([*(self.array(b) for b in s.arguments), *results])
        self.line(f"if {self.regions[s.region]}({given}, *constants{s.region}, fault):")
        self.line("    return 1")
        self.unbox(s.results)

    def boxes(self, results: Sequence[L.Buffer]) -> list[str]:
        """Arrays to write results to; those of local variables are read back by `unbox`."""
        names = []
        for i, b in enumerate(results):
            if self.storage.of(b).is_local:
                name = f"box{i}_{_numpy(b.dtype).strip('_')}"
                self.line(f"{name} = np.empty(1, np.{_numpy(b.dtype)})")
                names.append(name)
            else:
                names.append(self.array(b))
        return names

    def unbox(self, results: Sequence[L.Buffer]) -> None:
        for i, b in enumerate(results):
            if self.storage.of(b).is_local:
                self.line(f"{self.storage.of(b).name} = box{i}_{_numpy(b.dtype).strip('_')}[0]")

    def external(self, s: L.External) -> None:
        """Call a native function, or a node's NumPy form with the addresses of its arrays."""
        if s.native is not None:
            self.support.update(dict.fromkeys((ROUTINE_TABLE, *s.native.python)))
            arrays = [*map(self.array, s.arguments), *self.boxes(s.results)]
            self.line(f"{s.native.name}({', '.join([*map(self.size, s.native.sizes), *arrays])})")
            self.unbox(s.results)
            return
        self.support[EXTERNAL] = None
        given = []
        for i, b in enumerate(s.arguments):
            given.append(f"given{i}_{_numpy(b.dtype).strip('_')}")
            self.line(f"{given[-1]} = {self.array(b)}")
        given += self.boxes(s.results)
        self.line(f"io = np.empty({len(given)}, np.uintp)", str(self.program.externals[s.which].op.name))
        for i, name in enumerate(given):
            self.line(f"io[{i}] = {name}.ctypes.data")
        self.line(f"if wb_external(sizes[-1], {s.which}, io.ctypes):")
        self.line("    fault[0] = -1")
        self.line("    return 1")
        self.unbox(s.results)

    # Kernels -----------------------------------------------------------------------------------

    def blocked(self, s: L.Blocked) -> None:
        n, rows = self.size(s.extent), self.size(s.rows)
        self.line(f"for block in range(0, {n}, {rows}):", "rows that stay in the cache")
        self.indent += 1
        self.line(f"stop = min({n}, block + {rows})")
        self.in_block = True
        self.block(list(s.kernels))
        self.in_block = False
        self.indent -= 1

    def level(self, n: Nest, at: int) -> None:
        for line in n.lines[at]:
            self.scalar_line(line)
        if at == n.depth:
            self.effects(n)
            return
        folds = n.folds_outside[at]
        for i, f in enumerate(folds):
            self.line(f"sum{at}_{i}_{f.buffer.dtype} = {self.place(f.buffer, f.index)}", f.buffer.note)
        axis = n.axes[at]
        span = "block, stop" if self.in_block and axis == 0 else self.size(n.kernel.extents[axis])
        self.line(f"for i{axis} in range({span}):")
        self.indent += 1
        self.level(n, at + 1)
        self.indent -= 1
        for i, f in enumerate(folds):
            self.line(f"{self.place(f.buffer, f.index)} = sum{at}_{i}_{f.buffer.dtype}")

    def effects(self, n: Nest) -> None:
        for e in (*n.stores, *n.folds_inside, *n.scattered):
            target = self.place(e.buffer, e.index)
            value = self.operand(e.value)
            if isinstance(e, L.Fold):
                value = e.op.py([target, value], [e.buffer.dtype] * 2)
            self.line(f"{target} = {value}", e.buffer.note)
        for at, folds in enumerate(n.folds_outside):
            for i, f in enumerate(folds):
                name = f"sum{at}_{i}_{f.buffer.dtype}"
                self.line(f"{name} = {f.op.py([name, self.operand(f.value)], [f.buffer.dtype] * 2)}")

    def scalar_line(self, line: L.Line) -> None:
        if isinstance(line, L.Load):
            self.line(f"{line.name} = {self.place(line.buffer, line.index)}", line.buffer.note)
        elif isinstance(line, L.Let):
            self.support.update(dict.fromkeys(line.op.support.get("py", ())))
            value = line.op.py([self.operand(a) for a in line.arguments], line.dtypes)
            if line.dtype not in NATIVE:
                # Numba computes narrow numbers as wide ones.
                value = f"np.{line.dtype}({value})"
            self.line(f"{line.name} = {value}", line.note)
        elif isinstance(line, L.Position):
            self.line(f"{line.name} = np.{_numpy(line.dtype)}({self.index(line.index)})")
        else:
            raw, extent = self.operand(line.index), self.size(line.extent)
            self.line(f"{line.name} = {raw} + {extent} if {raw} < 0 else {raw}")
            self.line(f"if {line.name} < 0 or {line.name} >= {extent}:")
            self.line("    fault[0] = sizes[-1]")
            self.line(f"    fault[1] = {line.check}")
            self.line(f"    fault[2] = {raw}")
            self.line("    return 1")


def _numpy(dtype: str) -> str:
    return "bool_" if dtype == "bool" else dtype
