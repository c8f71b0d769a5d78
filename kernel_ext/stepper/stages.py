"""What comes after the rules: loops, memory, and C, each as text beside the stage before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kernel_ext.stepper.text import lines_apart
from workbench.compile.c.printer import print_c
from workbench.compile.loop_ir import loops as L
from workbench.compile.loop_ir.lower import lower
from workbench.compile.loop_ir.storage import plan
from workbench.compile.loop_ir.text import text
from workbench.errors import WorkbenchError
from workbench.graph import Expr, Input, topological
from workbench.graph.inner import Graph

DOCS = {
    "fusion": "Operations over the same rows share a loop, forward and reverse together. What no later loop reads is never stored.",
    "scalars": "Scalars that are only copied become one.",
    "rows": "Loops over the rows of a large array take turns over blocks of rows, so that these stay in the cache.",
    "storage": "Values that never live at the same time share memory; copies from a place to itself go.",
    "C": "The loops printed as C.",
}
TITLES = {"fusion": "loops", "scalars": "scalars merged", "rows": "rows in blocks", "storage": "memory", "C": "C"}


class Stage(NamedTuple):
    """One stage of compilation: its name, what it does, its text, and the lines that differ from the stage before."""

    name: str
    doc: str
    text: str
    lines: list[tuple[str, str]]
    changed: bool


def stages(results: Sequence[Expr], name: str = "graph", inputs: Sequence[Expr] | None = None) -> list[Stage]:
    """Return what an optimised graph goes through until it is C; what stopped it stands as the last text."""
    found: list[Stage] = []
    operations = sum(not isinstance(n.op, Input) for n in topological(results))

    def seen(stage: str, made: str, doc: str = "") -> None:
        before = found[-1].text if found else ""
        whole = [(" ", line) for line in made.splitlines()]
        lines = whole if not found or stage == "C" else lines_apart(before, made)
        found.append(Stage(TITLES[stage], doc or DOCS[stage], made, lines, not found or made != before))

    def watch(stage: str, program: L.Program) -> None:
        loops = sum(isinstance(s, L.Kernel) and bool(s.extents) for s in L.walk(program.body))
        seen(stage, text(program), f"{DOCS[stage]} Here {operations} operations became {loops} loops." if stage == "fusion" else "")

    params = list(inputs) if inputs is not None else [n for n in topological(results) if isinstance(n.op, Input)]
    try:
        program = lower(Graph(params, results), name, watch=watch)
        storage = plan(program)
        seen("storage", text(program, storage))
        # All functions of the program, without what stands before any.
        seen("C", "\n".join(print_c(program, storage).pieces[1:]).lstrip())
    except WorkbenchError as error:
        message = f"{type(error).__name__}: {error}"
        found.append(Stage("not compiled", "Compilation stopped here.", message, [("-", line) for line in message.splitlines()], True))
    return found
