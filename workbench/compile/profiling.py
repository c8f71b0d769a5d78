"""Where the time and the memory of a compiled function go: loop by loop, with the names of the graph. `CompiledFunction.profile` makes it."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.compile.loop_ir.describing import bytes_of, described, place, size_text, told
from workbench.errors import CompileError
from workbench.graph.lengths import number
from workbench.graph.traverse import topological

if TYPE_CHECKING:
    from workbench.compile.clocks import Clocked
    from workbench.compile.function import CompiledFunction
    from workbench.compile.machine_code import Sized
    from workbench.graph.expr import Expr
    from workbench.graph.inner import Graph

SECONDS = 0.2
"""About so long calls are repeated, if not told how often."""
BATCHES = 7
"""In so many batches calls with clocks are made: the median of each part says how long it takes, also where others use the processor."""
SHOWN = 20
"""So many lines are shown, those that take longest."""


@dataclass(frozen=True)
class ProfileLine:
    """A loop, or a call of a library, of a function.

    Attributes
    ----------
    kind
        "loop", "scalars", "library", "called back" (a NumPy form: it has no loop), "call", "copy" or "fill"; on NumPy "operation".
    what
        What it computes, with the names and formulas of the graph.
    seconds
        In one call of the function, without what a clock itself takes.
    times
        How often it runs in one call: 1 outside of loops over steps.
    bytes
        How many it writes each time, single numbers left out.
    location
        The user's line, if known.
    computes
        The expressions of the optimised graph whose values, or elements, it computes: those that are kept, and those on the way to them.
    statement
        Its number in the code, as :class:`~workbench.compile.loop_ir.lines.CodeLine` has it; 0 on NumPy.
    """

    kind: str
    what: str
    seconds: float
    times: float
    bytes: int
    location: Any = None
    computes: tuple[Expr, ...] = field(default=(), repr=False, compare=False)
    statement: int = 0


@dataclass(frozen=True)
class Profile:
    """Time and memory of one call of a compiled function, on average.

    Attributes
    ----------
    name, backend
        The function's.
    calls
        How many were measured.
    seconds
        Of a call, as it is without clocks.
    lines
        The parts of a call, in their order.
    arguments, results, temporaries
        Bytes of memory.
    """

    name: str
    backend: str
    calls: int
    seconds: float
    lines: tuple[ProfileLine, ...]
    arguments: int
    results: int
    temporaries: int

    def __str__(self) -> str:
        clocked = sum(x.seconds for x in self.lines)
        head = f"{self.name} on {self.backend}: {_time(self.seconds)} a call (mean of {self.calls:,}), {_time(clocked)} in the parts below"
        memory = f"memory: arguments {size_text(self.arguments)}, results {size_text(self.results)}, temporaries {size_text(self.temporaries)}"
        longest = sorted(self.lines, key=lambda x: -x.seconds)
        rows = [("time", "share", "times", "writes", "kind", "what", "line")]
        for x in longest[:SHOWN]:
            share = f"{100.0 * x.seconds / clocked:.1f}%" if clocked else ""
            rows.append((_time(x.seconds), share, f"{x.times:,.0f}" if x.times >= 1 or not x.times else f"{x.times:.2f}", size_text(x.bytes) if x.bytes else "", x.kind, x.what, place(x.location)))
        widths = [max(len(row[i]) for row in rows) for i in range(7)]
        lines = [
            "  " + "  ".join(cell.rjust(w) if i < 4 else cell.ljust(w) for i, (cell, w) in enumerate(zip(row, widths))).rstrip()
            for row in rows
        ]
        rest = longest[SHOWN:]
        more = [f"  and {len(rest)} more: {_time(sum(x.seconds for x in rest))}"] if rest else []
        return "\n".join([head, memory, *lines, *more])

    __repr__ = __str__


def _time(seconds: float) -> str:
    for unit, one in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if seconds >= one:
            return f"{seconds / one:.3g} {unit}"
    return f"{seconds * 1e9:.0f} ns"


def profiled(f: CompiledFunction, values: Sequence[Any], calls: int | None) -> Profile:
    """Measure calls of a function.

    Raises
    ------
    CompileError
        If it is on a backend without clocks, or `calls` is not positive.
    """
    if f.backend not in ("c", "numba", "numpy"):
        raise CompileError(f"the {f.backend} backend has no clocks of ours", "compile for backend='c', 'numba' or 'numpy' to see where the time goes")
    if calls is not None and calls < 1:
        raise CompileError(f"a profile is of one call or more, not {calls}")
    arrays = _entered(f, values)
    run = f._only or f._for_arrays(list(arrays))
    results = run(*arrays)  # Loads and compiles what is to be, and raises where a call would.
    seconds, count = _repeated(lambda: run(*arrays), calls)
    sizes = sum(a.nbytes for a in arrays), sum(np.asarray(r).nbytes for r in results)
    lines, temporaries = _on_numpy(f, arrays, count) if f.backend == "numpy" else _on_machine(f, arrays, calls)
    return Profile(f.name, f.backend, count, seconds, tuple(lines), *sizes, temporaries)


def profiled_graph(graph: Graph, values: Sequence[np.ndarray[Any, Any]], name: str = "function", calls: int | None = None) -> tuple[ProfileLine, ...]:
    """Return where the time of a graph goes in C, as it is: the statements of its listing, with times.

    Parameters
    ----------
    graph
        An optimised graph.
    values
        Arrays of the types of its parameters.
    name
        What it is called in its code.
    calls
        How many calls to measure; as many as fit in a fifth of a second by default.

    Raises
    ------
    CompileError
        If there is no C compiler, or a shape depends on values.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> from workbench.graph.inner import Graph
    >>> x = pt.vector("x", 1000)
    >>> lines = profiled_graph(Graph([x], [pt.sum(pt.exp(x))]), [np.zeros(1000)])
    >>> [(line.kind, line.what, [e.op.name for e in line.computes]) for line in lines if line.kind == "loop"]
    [('loop', 'over 1000: sum(exp(x))', ['sum', 'exp'])]
    """
    with_clocks = _with_clocks("c")
    made = with_clocks.clocked(graph, name)
    function = with_clocks.ClockedFunction(made)
    sized = function.sized(*values)
    return tuple(_clocked_lines(made, sized, function.way_in(sized, 0), values, calls))


def _with_clocks(backend: str) -> Any:
    """What compiles for a backend with clocks."""
    return importlib.import_module(f"workbench.compile.{backend}.profiling")


def _entered(f: CompiledFunction, values: Sequence[Any]) -> list[np.ndarray[Any, Any]]:
    """What enters the code: arrays of the inputs' types, and of data and lengths beside them."""
    if len(values) != f._given:
        raise TypeError(f"{f.name} takes {f._given} values, got {len(values)}")
    arrays = [f._check(i, v) for i, v in enumerate(values)]
    if f._states or f._before.results:
        arrays += [*f._states.values(), *(f._entering(arrays) if f._before.results else ())]
    if f._conditions:
        f._check_conditions(arrays)
    return arrays


def _repeated(call: Callable[[], Any], calls: int | None) -> tuple[float, int]:
    start = time.perf_counter()
    call()
    count = calls or _count(time.perf_counter() - start)
    start = time.perf_counter()
    for _ in range(count):
        call()
    return (time.perf_counter() - start) / count, count


def _count(once: float) -> int:
    """How often to call what takes so many seconds."""
    return int(min(max(SECONDS / max(once, 1e-9), 3), 100_000))


def _on_machine(f: CompiledFunction, arrays: list[Any], calls: int | None) -> tuple[list[ProfileLine], int]:
    compiled = f.compiled
    made = _with_clocks(f.backend).clocked(f._graph, f.name, **f._entering_options())
    sized = compiled.with_code(made.code, compiled.sized(*arrays))
    return _clocked_lines(made, sized, compiled.way_in(sized, 0), arrays, calls), sized.arena


def _clocked_lines(made: Clocked, sized: Sized, enter: Callable[..., Any], arrays: Sequence[Any], calls: int | None) -> list[ProfileLine]:
    enter(*arrays)
    start = time.perf_counter()
    enter(*arrays)
    count = calls or _count(time.perf_counter() - start)  # Clocks in a loop over steps take longer than the steps.
    batches = min(count, BATCHES)
    spent, runs = np.zeros((batches, len(made.statements))), np.zeros(len(made.statements))
    for b in range(batches):
        some = (count + b) // batches
        made.reset()
        for _ in range(some):
            enter(*arrays)
        for i, (seconds, times) in enumerate(made.read()):
            spent[b, i] = seconds / some
            runs[i] += times
    lines = []
    for i, (s, seconds, times) in enumerate(zip(made.statements, np.maximum(np.median(spent, axis=0), 0.0), runs / count)):
        told_of = described(s, made.code.program)
        written = sum(number(bytes_of(x), sized.values) for x in told_of.writes)
        lines.append(ProfileLine(told_of.kind, told_of.text, float(seconds), float(times), written, told_of.location, told_of.computes, i + 1))
    return lines


def _on_numpy(f: CompiledFunction, arrays: list[Any], count: int) -> tuple[list[ProfileLine], int]:
    graph = f._graph
    values: dict[Any, Any] = dict(zip(graph.params, arrays))
    nodes = [n for n in topological(graph.results) if n not in values]
    spent = dict.fromkeys(nodes, 0.0)
    with np.errstate(all="ignore"):
        for _ in range(count):
            for n in nodes:
                given = [values[x] for x in n.inputs]
                start = time.perf_counter()
                values[n] = n.op.numpy(*given)
                spent[n] += time.perf_counter() - start
    results = set(graph.results)
    written = {n: sum(np.asarray(v).nbytes for v in (values[n] if isinstance(values[n], tuple) else (values[n],))) for n in nodes if n.inputs}
    lines = [ProfileLine("operation", told(n), spent[n] / count, 1, size, n.provenance.location if n.provenance else None, (n,)) for n, size in written.items()]
    return lines, sum(size for n, size in written.items() if n not in results)
