"""The loop IR as readable C: one function for a whole graph, or several for a long one."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from workbench.compile.c import parts
from workbench.compile.c.lanes import lanes
from workbench.compile.c.own_math import OWN
from workbench.compile.c.parts import PARAMETERS, Declared, Divided, divided
from workbench.compile.c.source import CSource
from workbench.compile.c.tables import Table, in_tables, named_outside
from workbench.compile.c.truth_values import has_bytes, kernel_dtype, stored_wide
from workbench.compile.c.vector_math import FUNCTIONS
from workbench.compile.loop_ir import loops as L
from workbench.compile.loop_ir.lines import CodeLine
from workbench.compile.loop_ir.loop_levels import FOLD_SYMBOLS, ROW_BLOCK, Nest, nest
from workbench.compile.loop_ir.runs import Run, Spot, in_runs
from workbench.compile.loop_ir.sizes import Sizes
from workbench.compile.loop_ir.skipping import idle_flag
from workbench.compile.loop_ir.storage import Storage, buffers
from workbench.compile.printed import HOLDING
from workbench.compile.seldom import is_seldom_called
from workbench.graph.expr import Expr, constant_op
from workbench.graph.lengths import Size
from workbench.graph.types import KINDS
from workbench.tensor.elementwise import C_TYPES

ZEROS = ("0.0", "0LL", "0ULL", "0")
"""Numbers all of whose bits are 0."""
MANY_ARGUMENTS = 64
"""Of more arguments only those are declared that are used."""

HEADER = """\
#include <stdint.h>
// A loop with a call is no vector loop: compilers inline less where much is called.
#define WB_INLINE inline __attribute__((always_inline))
// Wide registers are for functions: of sums they make longer rests.
#if defined __AVX512F__
#define WB_FEW simdlen(4)
#else
#define WB_FEW
#endif

typedef struct wb_env {
    int32_t (*run)(void *const *io, const struct wb_env *env, char *arena, int64_t *fault);
    const int64_t *sizes;
    void *const *constants;
    const struct wb_env *const *regions;
    int32_t (*external)(int64_t number, int64_t which, void *const *io);
    void *const *library;
    int64_t number;
    int64_t *clocks;
} wb_env;
"""


def print_c(program: L.Program, storage: Storage) -> CSource:
    """Print a program as C."""
    return _Printer(program, storage).source()


def literal(value: Any, dtype: str) -> str:
    """A number in C."""
    kind = KINDS[dtype]
    if kind == "b":
        return "1" if value else "0"
    if kind == "f":
        if math.isnan(value):
            return '__builtin_nan("")'
        if math.isinf(value):
            return "__builtin_inf()" if value > 0 else "(-__builtin_inf())"
        shown = repr(float(value))
        return f"({shown})" if shown.startswith("-") else shown
    if kind == "u":
        return f"{int(value)}ULL"
    if int(value) == -(2**63):
        return "(-9223372036854775807LL - 1)"
    return f"{int(value)}LL" if value >= 0 else f"({int(value)}LL)"


class _Printer:
    thread = "0, 1"
    """The number of the thread, and how many there are."""

    def __init__(self, program: L.Program, storage: Storage) -> None:
        self.program = program
        self.body = in_tables(program.body)
        self.storage = storage
        self.sizes = Sizes(storage)
        self.lines: list[str] = []
        self.indent = 1
        self.support: dict[str, None] = {}
        self.in_block = False
        self.arguments = {b: i for i, b in enumerate((*program.inputs, *program.outputs))}
        self.spans: list[list[parts.Span]] = []  # Blocks of the statement that is being printed.
        self.loops = self.loop = 0  # How many kernels there are, and the number of the one that is being printed.
        self.statements = self.number = 0  # The same of statements without others inside.
        self.tables: list[Table] = []
        self.seldom = is_seldom_called()
        self.wide = stored_wide(program, self.body, storage)
        self.truth = "bool"  # The dtype of truth values in the kernel that is being printed.

    def source(self) -> CSource:
        self.block(self.body)
        (spans,) = self.spans
        made = divided(self.lines, spans, self.declared()) if len(self.lines) > parts.PART_LINES else None
        code = self.whole() if made is None or not made.functions else self.in_parts(made)
        return self.printed([HEADER], [f"// {self.program.name}", *code])

    def printed(self, head: list[str], pieces: list[str], after: Sequence[str] = ()) -> CSource:
        """What is printed: a head, the program, and what comes after it."""
        called = _names([*self.lines, *self.support]) & {*FUNCTIONS, *OWN}
        return CSource(pieces, self.sizes.values, [*self.support], [*after], self.stored(), head, tuple(sorted(called)))

    def stored(self) -> dict[int, str]:
        """The dtypes of constants that lie in memory as masks, by their numbers."""
        return {i: self.wide[b] for i, (b, _) in enumerate(self.program.constants) if b in self.wide}

    def constants(self) -> list[tuple[str, str]]:
        """The names of the constants, and the types of their elements in memory."""
        return [(b.name, C_TYPES[self.wide.get(b, b.dtype)]) for b, _ in self.program.constants]

    def whole(self) -> list[str]:
        """The program as one function."""
        local = [_line(f"    {C_TYPES[b.dtype]} {b.name} = 0;", b.note, b.of) for b in self.local_buffers()]
        declarations = self.declarations()
        used = set(declarations)
        if len(self.arguments) > MANY_ARGUMENTS or self.tables:  # Those that are moved in a row, or by a table, have no name.
            used = _names(self.lines)
            used |= _names(line for name, line in declarations.items() if name in used)
        declared = [line for name, line in declarations.items() if name in used]
        return [f"int32_t run({PARAMETERS}) {{", *declared, "    (void)arena; (void)fault; (void)env;", *local, *self.lines, "    return 0;", "}"]

    def in_parts(self, made: Divided) -> list[str]:
        """The program as functions of bounded length."""
        known = self.declared()
        needed = made.names | {x for name in made.names for x in known[name].needs}
        declared = [one.line for name, one in known.items() if name in needed]
        return [*made.shared, *made.functions, "", f"int32_t run({PARAMETERS}) {{", *declared, *made.lines, "    return 0;", "}"]

    def declared(self) -> dict[str, Declared]:
        """What is declared for all statements, by name."""
        p = self.program
        kinds = {b.name: f"{C_TYPES[b.dtype]} *" for b in (*p.outputs, *self.storage.offset)}
        kinds.update({b.name: f"const {C_TYPES[b.dtype]} *" for b in p.inputs})
        kinds.update({name: f"const {kind} *" for name, kind in self.constants()})
        lines = self.declarations()
        made = {name: Declared(kinds.get(name, "int64_t"), line, tuple(x for x in _names([line]) if x in lines and x != name)) for name, line in lines.items()}
        for b in self.local_buffers():
            made[b.name] = Declared(C_TYPES[b.dtype], _line(f"    {C_TYPES[b.dtype]} {b.name} = 0;", b.note, b.of), (), True)
        return made

    def declarations(self) -> dict[str, str]:
        """The lines that declare what all statements may use, by name."""
        p = self.program
        made: dict[str, str] = {}
        for i, b in enumerate(p.inputs):
            made[b.name] = _line(f"    const {C_TYPES[b.dtype]} *const {b.name} = io[{i}];", b.note, b.of)
        for i, b in enumerate(p.outputs):
            made[b.name] = _line(f"    {C_TYPES[b.dtype]} *const {b.name} = io[{len(p.inputs) + i}];", b.note, b.of)
        for i, ((b, _), (name, kind)) in enumerate(zip(p.constants, self.constants())):
            made[name] = _line(f"    const {kind} *const {name} = env->constants[{i}];", b.note, b.of)
        for home in self.storage.offset:
            kind = C_TYPES[home.dtype]
            made[home.name] = _line(f"    {kind} *const {home.name} = ({kind} *)(arena + {self.sizes.place(home)});", home.note, home.of)
        return {**self.size_lines(), **made}

    def size_lines(self) -> dict[str, str]:
        """The lines that declare sizes, by name; lengths say which they are."""
        return {
            name: _line(f"    const int64_t {name} = env->sizes[{i}];", note) for i, (name, note) in enumerate(self.sizes.named())
        }

    # Pieces ------------------------------------------------------------------------------------

    def line(self, text: str, note: str = "", of: Expr | None = None) -> None:
        self.lines.append(_line("    " * self.indent + text, note, of, self.loop, self.number))

    def open(self, text: str, note: str = "", of: Expr | None = None) -> None:
        self.line(f"{text} {{".strip(), note, of)
        self.indent += 1

    def close(self) -> None:
        self.indent -= 1
        self.line("}")

    def size(self, n: Size) -> str:
        return self.sizes.size(n)

    def index(self, index: L.Index) -> str:
        if isinstance(index, L.IndexOp):
            return f"({self.index(index.left)} {index.op} {self.index(index.right)})"
        return index if isinstance(index, str) else self.size(index)

    def operand(self, value: L.Operand) -> str:
        return literal(value.value, value.dtype) if isinstance(value, L.Literal) else value

    def place(self, buffer: L.Buffer, index: L.Index) -> str:
        """An element of a buffer."""
        home = self.storage.of(buffer)
        if home.is_local:
            return home.name
        return f"{home.name}[{self.index(L.add(index, buffer.start))}]"

    def fold_place(self, f: L.Fold) -> str:
        """Where a fold's target is."""
        return self.place(f.buffer, f.index)

    def pointer(self, buffer: L.Buffer) -> str:
        home = self.storage.of(buffer)
        if home.is_local:
            return f"&{home.name}"
        return f"{home.name} + {self.size(buffer.start)}" if buffer.start != 0 else home.name

    def local_buffers(self) -> list[L.Buffer]:
        found = [b for b in buffers(self.body) if b.is_local]
        if self.tables:
            known = {b.name for b in found}
            wanted = {name for t in self.tables for name, _ in (*t.before, *t.after)} - known
            found += [b for b in buffers(self.program.body) if b.is_local and b.name in wanted]
        return found

    def value(self, value: L.Buffer | L.Literal) -> str:
        return literal(value.value, value.dtype) if isinstance(value, L.Literal) else self.place(value, 0)

    # Statements --------------------------------------------------------------------------------

    def block(self, block: Sequence[L.Statement]) -> None:
        outer, spans = self.spans, []
        for s in block:
            self.spans, start = [], len(self.lines)
            if not isinstance(s, HOLDING):
                self.number = self.statements = self.statements + 1
            self.statement(s)
            self.number = 0
            spans.append(parts.Span(start, len(self.lines), self.spans))
        self.spans = outer
        self.spans.append(spans)

    def statement(self, s: L.Statement) -> None:
        if isinstance(s, L.Kernel):
            self.kernel(s)
        elif isinstance(s, L.Blocked):
            self.blocked(s)
        elif isinstance(s, L.Straight):
            self.table(s)
        elif isinstance(s, L.Copy):
            self.copy(s)
        elif isinstance(s, L.Fill):
            self.fill(s.buffer, s.value)
        elif isinstance(s, L.Call):
            self.call(s)
        elif isinstance(s, L.External):
            self.external(s)
        elif isinstance(s, L.Branch):
            self.branch(s)
        elif isinstance(s, L.Loop):
            self.open("for (;;)")
            self.block(s.test)
            self.line(f"if (!{self.value(s.predicate)}) break;")
            self.block(s.body)
            self.close()

    def table(self, s: L.Straight) -> None:
        """Statements in a row, each step of which is a case of a switch."""
        made = Table(s.statements, named_outside(s, self.body), self)
        self.tables.append(made)
        name = f"table{len(self.program.constants)}"
        self.program.constants.append((L.Buffer(name, "int32", made.numbers.shape, "constant"), constant_op(made.numbers)))
        self.support["#include <stdlib.h>"] = None
        self.open("", f"{len(made.steps)} steps in the order of a table")
        kinds = " ".join(f"{kind} of_{kind};" for kind in dict.fromkeys(C_TYPES.values()))
        self.line(f"union {{ {kinds} }} *const v = malloc({name}[0] * 8 + 8);")
        self.open("if (!v)")
        self.line("fault[0] = -3;")
        self.line("return 1;")
        self.close()
        for local, value in made.before:
            self.line(f"{value} = {local};")
        self.open(f"for (const int32_t *t = {name} + 1; *t;) switch (*t)")
        for i, lines in enumerate(made.cases, 1):
            self.open(f"case {i}:")
            for text, of in lines:
                self.line(text, getattr(of, "note", ""), getattr(of, "of", None))
            self.line("break;")
            self.close()
        self.close()
        for local, value in made.after:
            self.line(f"{local} = {value};")
        self.line("free(v);")
        self.close()

    def branch(self, s: L.Branch) -> None:
        self.open(f"if ({self.value(s.predicate)})")
        self.block(s.then)
        self.indent -= 1
        self.open("} else")
        self.block(s.orelse)
        self.close()

    def fill(self, buffer: L.Buffer, value: L.Literal) -> None:
        shown = literal(value.value, buffer.dtype)
        if buffer.size == 1 or self.storage.of(buffer).is_local:
            self.line(f"{self.place(buffer, 0)} = {shown};", "", buffer.of)
        else:
            n = self.size(buffer.size)
            if shown in ZEROS and not isinstance(buffer.size, int):
                # A loop would be made a loop of vectors, which takes a compiler longer than a call.
                self.line(f"__builtin_memset({self.pointer(buffer)}, 0, {n} * sizeof({C_TYPES[buffer.dtype]}));", buffer.note, buffer.of)
            else:
                self.line(f"for (int64_t i = 0; i < {n}; i++) {self.place(buffer, 'i')} = {shown};", buffer.note, buffer.of)

    def copy(self, s: L.Copy) -> None:
        arrays: dict[Size, list[tuple[L.Buffer, L.Buffer | L.Literal]]] = {}
        scalars = []
        alone, runs = in_runs(s.pairs, self.spot)
        for run in runs:
            self.run(run)
        for a, b in alone:
            if a.size == 1:
                scalars.append((a, b))
            else:
                arrays.setdefault(a.size, []).append((a, b))
        brace = len(scalars) > 1
        if brace:
            self.open("")
            for i, (a, b) in enumerate(scalars):
                self.line(f"const {C_TYPES[a.dtype]} next{i} = {self.value(b)};", "", _of(b))
        for size, pairs in arrays.items():
            a, b = pairs[0]
            if len(pairs) == 1 and not isinstance(size, int) and not isinstance(b, L.Literal) and self.as_it_lies(a, b):
                self.line(f"__builtin_memmove({self.pointer(a)}, {self.pointer(b)}, {self.size(size)} * sizeof({C_TYPES[a.dtype]}));", "", a.of)
                continue
            self.open(f"for (int64_t i = 0; i < {self.size(size)}; i++)")
            shown = []
            for i, (a, b) in enumerate(pairs):
                value = literal(b.value, a.dtype) if isinstance(b, L.Literal) else self.place(b, "i")
                self.line(f"const {C_TYPES[a.dtype]} x{i} = {value};", "", _of(b))
                shown.append(f"{self.place(a, 'i')} = x{i};")
            self.line(" ".join(shown), "", pairs[0][0].of)
            self.close()
        for i, (a, b) in enumerate(scalars):
            self.line(f"{self.place(a, 0)} = {f'next{i}' if brace else self.value(b)};", a.note, a.of)
        if brace:
            self.close()

    def as_it_lies(self, a: L.Buffer, b: L.Buffer) -> bool:
        """Whether what one array holds is what the other is to hold, byte for byte."""
        return a.dtype == b.dtype and self.storage.of(b) not in self.wide

    def spot(self, b: L.Buffer | L.Literal) -> Spot | None:
        """Where one element is: in which table of pointers, or array, and its number there; ``None`` of a local variable, or a number."""
        if isinstance(b, L.Literal) or b.size != 1 or not isinstance(b.start, int):
            return None
        home = self.storage.of(b)
        if home.is_local:
            return None
        if home.size == 1 and home in self.arguments:
            return ("io", home.dtype), self.arguments[home]
        return (home.name, home.dtype), b.start

    def run(self, run: Run) -> None:
        """Elements that are moved one after the other, as a loop; their numbers are a table, where they do not follow one another."""
        self.open("", f"{len(run.to)} elements")
        shown = []
        for which, (kind, dtype), numbers in (("to", run.target, run.to), ("of", run.source, run.of)):
            step = numbers[1] - numbers[0]
            index = f"{numbers[0]} + i" if step == 1 else f"{numbers[0]} + i * {step}"
            if any(b - a != step for a, b in pairwise(numbers)):
                self.line(f"static const int32_t {which}[] = {{{', '.join(map(str, numbers))}}};")
                index = f"{which}[i]"
            shown.append(f"((const {C_TYPES[dtype]} *)io[{index}])[0]" if kind == "io" else f"{kind}[{index}]")
        if run.target[0] == "io":
            shown[0] = shown[0].replace("const ", "")
        self.line(f"for (int64_t i = 0; i < {len(run.to)}; i++) {shown[0]} = {shown[1]};")
        self.close()

    def call(self, s: L.Call) -> None:
        self.open("")
        items = ", ".join(f"(void *)({self.pointer(b)})" for b in (*s.arguments, *s.results))
        self.line(f"void *const io_[] = {{{items}}};", self.program.regions[s.region].label, s.results[0].of if s.results else None)
        self.line(f"const wb_env *const region = env->regions[{s.region}];")
        self.line(f"if (region->run(io_, region, arena + {self.sizes.arena()}, fault)) return 1;")
        self.close()

    def external(self, s: L.External) -> None:
        if s.native is not None:
            self.support.update(dict.fromkeys(s.native.support))
            share = [self.thread] if s.native.shared else []
            given = [*share, *map(self.size, s.native.sizes), *map(self.pointer, (*s.arguments, *s.results))]
            self.line(f"{s.native.c_name or s.native.name}({', '.join(['env->library', *given])});", "", self.program.externals[s.which])
            return
        self.open("")
        items = ", ".join(f"(void *)({self.pointer(b)})" for b in (*s.arguments, *s.results))
        called = self.program.externals[s.which]
        self.line(f"void *const io_[] = {{{items}}};", str(called.op.name), called)
        self.open(f"if (env->external(env->number, {s.which}, io_))")
        self.line("fault[0] = -1;")
        self.line("return 1;")
        self.close()
        self.close()

    # Kernels -----------------------------------------------------------------------------------

    def kernel(self, kernel: L.Kernel) -> None:
        if 0 in kernel.extents:
            return
        n = nest(kernel)
        self.loops = self.loop = self.loops + 1
        self.truth = kernel_dtype(kernel)
        self.open("", kernel.note)
        self.level(n, 0)
        self.close()
        self.loop = 0

    def blocked(self, s: L.Blocked) -> None:
        if any(0 in k.extents for k in s.kernels):
            self.block(list(s.kernels))
            return
        n, rows = self.size(s.extent), self.size(s.rows)
        self.open(f"for (int64_t block = 0; block < {n}; block += {rows})", "rows that stay in the cache")
        self.line(f"const int64_t stop = {n} - block < {rows} ? {n} : block + {rows};")
        self.in_block = True
        for k in s.kernels:
            self.kernel(k)
        self.in_block = False
        self.close()

    def span(self, n: Nest, axis: int) -> tuple[str, str]:
        """Where the loop over an axis starts and stops."""
        return ("block", "stop") if self.in_block and axis == 0 else ("0", self.size(n.kernel.extents[axis]))

    def level(self, n: Nest, at: int) -> None:
        """Print the lines of one loop level and what lies inside it."""
        for line in n.lines[at]:
            self.scalar_line(line, in_loop=0 < at == n.depth)
        if at == n.depth:
            self.effects(n)
            return
        folds = n.folds_outside[at]
        for i, f in enumerate(folds):
            self.line(f"{C_TYPES[f.buffer.dtype]} sum{at}_{i} = {self.fold_place(f)};", f.buffer.note, f.buffer.of)
        if at == n.depth - 1:
            self.innermost(n)
        else:
            axis = n.axes[at]
            first, stop = self.span(n, axis)
            self.open(f"for (int64_t i{axis} = {first}; i{axis} < {stop}; i{axis}++)")
            self.level(n, at + 1)
            self.close()
        for i, f in enumerate(folds):
            self.line(f"{self.fold_place(f)} = sum{at}_{i};", "", f.buffer.of)

    def innermost(self, n: Nest) -> None:
        axis = n.axes[-1]
        first, extent = self.span(n, axis)
        if not n.scattered:
            flag = idle_flag(n, self.place)
            if flag is None:
                self.pragma(n)
            self.open(f"for (int64_t i{axis} = {first}; i{axis} < {extent}; i{axis}++)")
            if flag is not None:
                self.line(f"if (!{self.place(flag.buffer, flag.index)}) continue;", "done: it stays as it is")
            self.level(n, n.depth)
            self.close()
            return
        if not n.is_split:
            self.open(f"for (int64_t i{axis} = {first}; i{axis} < {extent}; i{axis}++)")
            for line in n.lines[n.depth]:
                self.scalar_line(line, in_loop=True)
            self.effects(n)
            for e in n.scattered:
                self.effect(e)
            self.close()
            return
        saved = n.saved
        self.open(f"for (int64_t start = {first}; start < {extent}; start += {ROW_BLOCK})")
        self.line(f"const int64_t rows = {extent} - start < {ROW_BLOCK} ? {extent} - start : {ROW_BLOCK};")
        for name, dtype in saved.items():
            self.line(f"{C_TYPES[dtype]} {name}_[{ROW_BLOCK}];")
        self.pragma(n)
        self.open("for (int64_t r = 0; r < rows; r++)")
        self.line(f"const int64_t i{axis} = start + r;")
        for line in n.lines[n.depth]:
            self.scalar_line(line, in_loop=True)
        self.effects(n)
        for name in saved:
            self.line(f"{name}_[r] = {name};")
        self.close()
        self.open("for (int64_t r = 0; r < rows; r++)")
        self.line(f"const int64_t i{axis} = start + r;")
        for name, dtype in saved.items():
            self.line(f"const {C_TYPES[dtype]} {name} = {name}_[r];")
        for e in n.scattered:
            self.effect(e)
        self.close()
        self.close()

    def type(self, dtype: str) -> str:
        """The C type of a value within a kernel."""
        return C_TYPES[self.truth if dtype == "bool" else dtype]

    def pragma(self, n: Nest) -> None:
        if not n.is_vector:
            return
        sums: dict[str, list[str]] = {}
        for at, folds in enumerate(n.folds_outside):
            for i, f in enumerate(folds):
                sums.setdefault(FOLD_SYMBOLS[f.op.name], []).append(f"sum{at}_{i}")
        clauses = "".join(f" reduction({symbol}:{', '.join(names)})" for symbol, names in sums.items())
        self.line(f"#pragma omp simd{lanes(n, self.truth, has_bytes(n, self.storage, self.wide))}{clauses}")

    def effects(self, n: Nest) -> None:
        for s in n.stores:
            self.effect(s)
        for f in n.folds_inside:
            self.effect(f)
        for at, folds in enumerate(n.folds_outside):
            for i, f in enumerate(folds):
                self.line(f"sum{at}_{i} = {f.op.c([f'sum{at}_{i}', self.operand(f.value)], [f.buffer.dtype] * 2)};", "", f.buffer.of)

    def effect(self, e: L.Store | L.Fold) -> None:
        target = self.place(e.buffer, e.index) if isinstance(e, L.Store) else self.fold_place(e)
        if isinstance(e, L.Store):
            self.line(f"{target} = {self.operand(e.value)};", e.buffer.note, e.buffer.of)
        else:
            self.line(f"{target} = {e.op.c([target, self.operand(e.value)], [e.buffer.dtype] * 2)};", e.buffer.note, e.buffer.of)

    def scalar_line(self, line: L.Line, in_loop: bool) -> None:
        if isinstance(line, L.Load):
            self.line(f"const {self.type(line.dtype)} {line.name} = {self.place(line.buffer, line.index)};", line.note, line.of)
        elif isinstance(line, L.Let):
            self.support.update(dict.fromkeys(line.op.support.get("c", ())))
            form = line.op.c if in_loop and not self.seldom else line.op.c_once
            value = form([self.operand(a) for a in line.arguments], line.dtypes)
            self.line(f"const {self.type(line.dtype)} {line.name} = {value};", line.note, line.of)
        elif isinstance(line, L.Position):
            kind = C_TYPES[line.dtype]
            self.line(f"const {kind} {line.name} = ({kind}){self.index(line.index)};")
        else:
            raw = self.operand(line.index)
            extent = self.size(line.extent)
            self.line(f"int64_t {line.name} = {raw} < 0 ? {raw} + {extent} : {raw};", "", line.of)
            self.open(f"if ((uint64_t){line.name} >= (uint64_t){extent})")
            self.line(f"fault[0] = env->number; fault[1] = {line.check}; fault[2] = {raw};")
            self.line("return 1;")
            self.close()


def _names(lines: Iterable[str]) -> set[str]:
    return {name for line in lines for name in re.findall(r"[A-Za-z_]\w*", line)}


def _of(value: L.Buffer | L.Literal) -> Expr | None:
    return value.of if isinstance(value, L.Buffer) else None


def _line(text: str, note: str = "", of: Expr | None = None, loop: int = 0, statement: int = 0) -> CodeLine:
    clean = " ".join(note.replace("\\", " ").split())
    return CodeLine(f"{text}  // {clean}" if clean else text, of, loop, statement=statement)
