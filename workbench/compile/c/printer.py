"""The loop IR as readable C: one function for a whole graph, or several for a long one."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any

from workbench.compile.c.lanes import lanes
from workbench.compile.c.own_math import OWN
from workbench.compile.c.source import CSource
from workbench.compile.c.tables import Table, in_tables, named_outside
from workbench.compile.c.truth_values import has_bytes, kernel_dtype, stored_wide
from workbench.compile.c.vector_math import FUNCTIONS
from workbench.compile.loop_ir import loops as L
from workbench.compile.loop_ir.loop_levels import FOLD_SYMBOLS, ROW_BLOCK, Nest, nest
from workbench.compile.loop_ir.parts import LENGTHS, divided, first_of
from workbench.compile.loop_ir.printing import Printer, computed
from workbench.compile.loop_ir.runs import Run, Spot, in_runs
from workbench.compile.loop_ir.skipping import idle_flag
from workbench.compile.loop_ir.storage import Storage
from workbench.compile.seldom import is_seldom_called
from workbench.graph.expr import Expr, constant_op
from workbench.graph.lengths import Size
from workbench.graph.types import KINDS
from workbench.tensor.elementwise import C_TYPES

ZEROS = ("0.0", "0LL", "0ULL", "0")
"""Numbers all of whose bits are 0."""
PARAMETERS = "void *const *io, const wb_env *env, char *arena, int64_t *fault"

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


class _Printer(Printer):
    comment = "//"
    thread = "0, 1"
    """The number of the thread, and how many there are."""
    takes, gives = PARAMETERS, "io, env, arena, fault"
    """What each function takes, and what it gives those that it calls."""
    between = "between->"
    """Where the variables that several functions use are."""

    def __init__(self, program: L.Program, storage: Storage) -> None:
        self.body = in_tables(program.body)
        super().__init__(program, self.body, storage)
        self.arguments = {b: i for i, b in enumerate((*program.inputs, *program.outputs))}
        self.seldom = is_seldom_called()
        self.wide = stored_wide(program, self.body, storage)
        self.truth = "bool"  # The dtype of truth values in the kernel that is being printed.
        self.code: list[str] = []  # The functions before the one that is being printed.

    def shares(self, s: L.Statement) -> bool:
        """Whether a statement may share its function with others like it."""
        return True

    def source(self) -> CSource:
        self.divide(divided(self.body, self.storage, LENGTHS["c"], self.wide, self.shares))
        self.functions()
        return self.printed([HEADER], [f"// {self.program.name}", *self.code])

    def printed(self, head: list[str], pieces: list[str], after: Sequence[str] = ()) -> CSource:
        """What is printed: a head, the program, and what comes after it."""
        called = _names([*self.code, *self.support]) & {*FUNCTIONS, *OWN}
        return CSource(pieces, self.sizes.values, [*self.support], [*after], self.stored(), head, tuple(sorted(called)))

    def functions(self) -> None:
        """Print all functions."""
        kept = self.divided.kept
        if kept:
            members = [self.made(f"    {C_TYPES[b.dtype]} {b.name};", b.note, b.of) for b in kept]
            self.code += ["", "// Values from one function to the next.", "struct wb_between {", *members, "};"]
            self.takes, self.gives = f"{self.takes}, struct wb_between *const between", f"{self.gives}, between"
        for part in self.divided.parts:
            takes = ", ".join([self.takes, *map(self.parameter, part.parameters)])
            self.code += ["", *self.function(f"static __attribute__((noinline)) int32_t {part.name}({takes}) {{", part.body, part.parameters)]
        first = ["    struct wb_between between_ = {0}, *const between = &between_;"] if kept else []
        self.code += ["", *self.function(f"int32_t run({PARAMETERS}) {{", self.divided.body, (), first)]

    def function(self, head: str, body: Sequence[L.Statement], parameters: Sequence[L.Thing], first: Sequence[str] = ()) -> list[str]:
        self.lines, self.used = [], {}
        self.block(body)
        return [head, *first, *self.declarations(parameters), *self.lines, "    return 0;", "}"]

    def stored(self) -> dict[int, str]:
        """The dtypes of constants that lie in memory as masks, by their numbers."""
        return {i: self.wide[b] for i, (b, _) in enumerate(self.program.constants) if b in self.wide}

    def kind(self, home: L.Buffer) -> str:
        """The C type of the elements of a buffer in memory."""
        const = "const " if home.kind in ("input", "constant") else ""
        return const + C_TYPES[self.wide.get(home, home.dtype)]

    def parameter(self, x: L.Thing) -> str:
        return f"{self.kind(x)} *const {x.name}" if isinstance(x, L.Buffer) else f"const int64_t {self.sizes.size(x)}"

    def declarations(self, parameters: Sequence[L.Thing]) -> list[str]:
        """The lines that declare what a function uses, but for its parameters."""
        used, offset = self.used, self.storage.offset
        for x in parameters:
            used.pop(x if isinstance(x, L.Buffer) else self.sizes.size(x), None)
        constants = [b for b, _ in self.program.constants]
        found = {b: f"io[{i}]" for b, i in self.arguments.items() if b in used}
        found |= {b: f"env->constants[{i}]" for i, b in enumerate(constants) if b in used}
        found |= {b: f"({self.kind(b)} *)(arena + {self.start_of(b)})" for b in offset if b in used}
        found |= {b: f"&{self.between}{b.name}" for b in self.divided.kept if b in used}
        sizes = [self.made(f"    const int64_t {name} = env->sizes[{i}];", note) for i, name, note in self.used_sizes()]
        pointers = [self.made(f"    {self.kind(b)} *const {b.name} = {at};", b.note, b.of) for b, at in found.items()]
        variables = [b for b in used if isinstance(b, L.Buffer) and self.is_variable(b)]
        return [*sizes, *pointers, *(self.made(f"    {C_TYPES[b.dtype]} {b.name} = 0;", b.note, b.of) for b in variables)]

    def do(self, s: L.Do) -> None:
        given = ", ".join([self.gives, *(self.named(x) if isinstance(x, L.Buffer) else self.size(x) for x in s.arguments)])
        self.line(f"if ({s.part.name}({given})) return 1;", "", computed(first_of(s)))

    # Pieces ------------------------------------------------------------------------------------

    def open(self, text: str, note: str = "", of: Expr | None = None) -> None:
        self.line(f"{text} {{".strip(), note, of)
        self.indent += 1

    def close(self) -> None:
        self.indent -= 1
        self.line("}")

    def index(self, index: L.Index) -> str:
        if isinstance(index, L.IndexOp):
            return f"({self.index(index.left)} {index.op} {self.index(index.right)})"
        return self.operand(index) if isinstance(index, str) else self.size(index)

    def operand(self, value: L.Operand) -> str:
        if isinstance(value, L.Literal):
            return literal(value.value, value.dtype)
        return self.place(self.divided.variables[value], 0) if value in self.divided.variables else value

    def place(self, buffer: L.Buffer, index: L.Index) -> str:
        """An element of a buffer."""
        home = self.storage.of(buffer)
        name = self.named(home)
        return name if self.is_variable(home) else f"{name}[{self.index(L.add(index, buffer.start))}]"

    def fold_place(self, f: L.Fold) -> str:
        """Where a fold's target is."""
        return self.place(f.buffer, f.index)

    def pointer(self, buffer: L.Buffer) -> str:
        home = self.storage.of(buffer)
        name = self.named(home)
        if self.is_variable(home):
            return f"&{name}"
        return f"{name} + {self.size(buffer.start)}" if buffer.start != 0 else name

    def value(self, value: L.Buffer | L.Literal) -> str:
        return literal(value.value, value.dtype) if isinstance(value, L.Literal) else self.place(value, 0)

    # Statements --------------------------------------------------------------------------------

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
        elif isinstance(s, L.Do):
            self.do(s)
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
        home = L.Buffer(f"table{len(self.program.constants)}", "int32", made.numbers.shape, "constant")
        self.program.constants.append((home, constant_op(made.numbers)))
        name = self.named(home)
        self.support["#include <stdlib.h>"] = None
        self.open("", f"{len(made.steps)} steps in the order of a table")
        kinds = " ".join(f"{kind} of_{kind};" for kind in dict.fromkeys(C_TYPES.values()))
        self.line(f"union {{ {kinds} }} *const v = malloc({name}[0] * 8 + 8);")
        self.open("if (!v)")
        self.line("fault[0] = -3;")
        self.line("return 1;")
        self.close()
        for local, value in made.before:
            self.line(f"{value} = {self.operand(local)};")
        self.open(f"for (const int32_t *t = {name} + 1; *t;) switch (*t)")
        for i, lines in enumerate(made.cases, 1):
            self.open(f"case {i}:")
            for text, of in lines:
                self.line(text, getattr(of, "note", ""), getattr(of, "of", None))
            self.line("break;")
            self.close()
        self.close()
        for local, value in made.after:
            self.line(f"{self.operand(local)} = {value};")
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
        return (self.named(home), home.dtype), b.start

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
        self.line(f"if (region->run(io_, region, arena + {self.arena()}, fault)) return 1;")
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
        self.loop = self.loops[kernel]
        self.truth = kernel_dtype(kernel)
        self.open("", kernel.note)
        self.level(n, 0)
        self.close()
        self.loop = 0

    def blocked(self, s: L.Blocked) -> None:
        if any(0 in k.extents for k in s.kernels):
            for k in s.kernels:
                self.kernel(k)
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
