"""The loop IR as C for several threads: all run the same program, and share out the rows of large loops.

Every thread walks the whole program. A kernel over many rows is split: each thread does its share,
with sums of its own, which are added in the threads' order, so that a result depends on the number
of threads and on nothing else. Everything else is done by the first thread alone while the others
wait. Local variables live in memory that all threads see.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from workbench.compile.c.printer import HEADER, _Printer, literal
from workbench.compile.c.source import CSource
from workbench.compile.loop_ir import loops as L
from workbench.compile.loop_ir.blocking import own_row
from workbench.compile.loop_ir.loop_levels import Nest, nest
from workbench.compile.loop_ir.parts import LENGTHS, divided
from workbench.graph.lengths import product
from workbench.tensor.elementwise import C_TYPES

LEAST_WORK = 16_384
"""Kernels of fewer elements are not worth waking the other threads for."""

TEAM = """\
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    atomic_int waiting, turn, failed;
} wb_team;

// All threads wait for one another; nonzero when one has failed.
static int wb_wait(wb_team *team) {
    const int turn = atomic_load(&team->turn);
    if (atomic_fetch_add(&team->waiting, 1) == THREADS - 1) {
        atomic_store(&team->waiting, 0);
        atomic_fetch_add(&team->turn, 1);
    } else {
        for (int spins = 0; atomic_load(&team->turn) == turn && !atomic_load(&team->failed); spins++)
            if (spins > 1000) sched_yield();
    }
    return atomic_load(&team->failed);
}
"""


def print_c_threads(program: L.Program, storage: Any, threads: int) -> CSource:
    """Print a program as C that runs on `threads` threads."""
    return _ThreadPrinter(program, storage, threads).source()


class _ThreadPrinter(_Printer):
    thread = "thread, THREADS"
    takes, gives = "wb_shared *const S, const int64_t thread", "S, thread"
    between = "S->"

    def __init__(self, program: L.Program, storage: Any, threads: int) -> None:
        super().__init__(program, storage)
        self.threads = threads
        self.shared: list[str] = []
        self.private: dict[int, str] = {}
        self.count = 0
        self.alone = False

    def shares(self, s: L.Statement) -> bool:
        """What threads share out depends on lengths, of which each place has its own."""
        return self.serial(s)

    def source(self) -> CSource:
        made = divided(self.body, self.storage, LENGTHS["c"], self.wide, self.shares)
        # All threads see all variables.
        self.divide(replace(made, kept=list(made.variables.values())))
        self.functions()
        head = ["typedef struct {", "    wb_team team;", "    void *const *io;", "    const wb_env *env;", "    char *arena;", "    int64_t *fault;"]
        head += [self.made(f"    {C_TYPES[b.dtype]} {b.name};", b.note, b.of) for b in self.divided.kept]
        head += [*(f"    void *{name};" for name in self.shared), "} wb_shared;", "", f"// {self.program.name}"]
        launch = [LAUNCH, *(f"    free(S.{name});" for name in self.shared), "    return failed;", "}"]
        return self.printed([HEADER, f"#define THREADS {self.threads}", TEAM], [*head, *self.code, ""], launch)

    def functions(self) -> None:
        for part in self.divided.parts:
            self.alone = all(map(self.serial, part.body))
            takes = ", ".join([self.takes, *map(self.parameter, part.parameters)])
            self.code += ["", *self.function(f"static __attribute__((noinline)) int32_t {part.name}({takes}) {{", part.body, part.parameters, GIVEN)]
        self.alone = False
        self.code += ["", *self.function(f"static int32_t part({self.takes}) {{", self.divided.body, (), GIVEN)]

    # Statements --------------------------------------------------------------------------------

    def block(self, block: Sequence[L.Statement]) -> None:
        if self.alone:
            super().block(block)
            return
        run: list[L.Statement] = []
        for s in block:
            if self.serial(s):
                run.append(s)
                continue
            self.first_alone(run)
            run = []
            self.number = self.numbers.get(s, 0)
            if isinstance(s, L.Branch):
                self.branch(s)
            elif isinstance(s, L.Do):
                self.do(s)
            elif isinstance(s, L.Loop):
                self.open("for (;;)")
                self.block(s.test)
                self.line(f"if (!{self.value(s.predicate)}) break;")
                # The predicate must not change before all have read it.
                self.wait()
                self.block(s.body)
                self.close()
            elif isinstance(s, L.External):
                self.external(s)
                self.wait()
            else:
                assert isinstance(s, (L.Kernel, L.Blocked))
                self.split(s)
            self.number = 0
        self.first_alone(run)

    def serial(self, s: L.Statement) -> bool:
        """Whether the first thread does a statement alone."""
        if isinstance(s, L.Branch):
            return all(self.serial(t) for t in (*s.then, *s.orelse))
        if isinstance(s, L.Loop):
            return all(self.serial(t) for t in (*s.test, *s.body))
        if isinstance(s, L.Do):
            return all(map(self.serial, s.part.body))
        if isinstance(s, L.Blocked):
            return not all(splittable(k) for k in s.kernels)
        if isinstance(s, L.External):
            return s.native is None or not s.native.shared
        return not (isinstance(s, L.Kernel) and splittable(s))

    def first_alone(self, run: Sequence[L.Statement]) -> None:
        if not run:
            return
        self.open("if (thread == 0)")
        self.alone = True
        super().block(run)
        self.alone = False
        self.close()
        self.wait()

    def wait(self) -> None:
        self.line("if (wb_wait(&S->team)) return 1;")

    def split(self, s: L.Kernel | L.Blocked) -> None:
        """Each thread does its share of the rows, then the first adds the threads' sums."""
        kernels = s.kernels if isinstance(s, L.Blocked) else [s]
        n = kernels[0].extents[0]
        self.open("")
        self.line(f"const int64_t low = {self.size(n)} * thread / THREADS, high = {self.size(n)} * (thread + 1) / THREADS;")
        folds = [f for k in kernels for f in k.folds if not own_row(f.buffer, f.index, n)]
        for f in folds:
            self.own_sums(f)
        self.in_block = True
        if isinstance(s, L.Blocked):
            rows = self.size(s.rows)
            self.open(f"for (int64_t block = low; block < high; block += {rows})")
            self.line(f"const int64_t stop = high - block < {rows} ? high : block + {rows};")
            for k in kernels:
                self.kernel(k)
            self.close()
        else:
            self.line("const int64_t block = low, stop = high;")
            self.kernel(s)  # type: ignore[arg-type]
        self.in_block = False
        targets = list(self.private.items())
        self.private = {}
        self.wait()
        if targets:
            self.open("if (thread == 0)")
            for f in folds:
                name = dict(targets)[id(f)]
                kind = C_TYPES[f.buffer.dtype]
                self.open("for (int64_t t = 0; t < THREADS; t++)")
                self.open(f"for (int64_t i = 0; i < {self.size(f.buffer.size)}; i++)")
                self.line(f"const {kind} part = ((const {kind} *)S->{name})[t * {self.size(f.buffer.size)} + i];")
                place = self.place(f.buffer, "i" if f.buffer.shape else 0)
                self.line(f"{place} = {f.op.c([place, 'part'], [f.buffer.dtype] * 2)};", "", f.buffer.of)
                self.close()
                self.close()
            self.close()
            self.wait()
        self.close()

    def own_sums(self, f: L.Fold) -> None:
        """Memory for this thread's share of a fold, at its neutral value."""
        name = f"sums{self.count}"
        self.count += 1
        kind, size = C_TYPES[f.buffer.dtype], self.size(f.buffer.size)
        self.shared.append(name)
        self.private[id(f)] = name
        self.line(f"if (thread == 0 && !S->{name}) S->{name} = malloc(THREADS * {size} * sizeof({kind}));")
        self.wait()
        self.line(f"{kind} *const own_{name} = ({kind} *)S->{name} + thread * {size};", f.buffer.note, f.buffer.of)
        self.line(f"for (int64_t i = 0; i < {size}; i++) own_{name}[i] = {literal(NEUTRAL[f.op.name], f.buffer.dtype)};")

    def fold_place(self, f: L.Fold) -> str:
        name = self.private.get(id(f))
        return self.place(f.buffer, f.index) if name is None else f"own_{name}[{self.index(f.index)}]"


GIVEN = ["    void *const *io = S->io; const wb_env *env = S->env; char *arena = S->arena; int64_t *fault = S->fault;", "    (void)arena; (void)fault; (void)env; (void)io;"]
"""What each function finds first."""

LAUNCH = """\
typedef struct {
    wb_shared *S;
    int64_t thread;
} wb_member;

static void *wb_member_run(void *given) {
    wb_member *const member = given;
    if (part(member->S, member->thread)) atomic_store(&member->S->team.failed, 1);
    return 0;
}

int32_t run(void *const *io, const wb_env *env, char *arena, int64_t *fault) {
    wb_shared S;
    memset(&S, 0, sizeof S);
    S.io = io; S.env = env; S.arena = arena; S.fault = fault;
    pthread_t ids[THREADS];
    wb_member members[THREADS];
    int started = 1;
    for (; started < THREADS; started++) {
        members[started] = (wb_member){&S, started};
        if (pthread_create(&ids[started], 0, wb_member_run, &members[started])) break;
    }
    if (started < THREADS) {
        fault[0] = -2;
        atomic_store(&S.team.failed, 1);
    } else if (part(&S, 0)) {
        atomic_store(&S.team.failed, 1);
    }
    for (int t = 1; t < started; t++) pthread_join(ids[t], 0);
    const int32_t failed = atomic_load(&S.team.failed);"""

NEUTRAL = {"add": 0, "multiply": 1}
"""Folds that may be done in shares, and what each starts from."""


def splittable(kernel: L.Kernel) -> bool:
    """Whether the rows of a kernel may be shared out: where they are many, or a length that may be."""
    if not kernel.extents or (isinstance(kernel.extents[0], int) and kernel.extents[0] < 64):
        return False
    work = product(kernel.extents)
    made: Nest = nest(kernel)
    if (isinstance(work, int) and work < LEAST_WORK) or made.checked or any(isinstance(e, L.Store) for e in made.scattered):
        return False
    return all(f.op.name in NEUTRAL for f in kernel.folds)
