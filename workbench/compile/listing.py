"""Listings: the code that each backend makes of a graph, each line with the expression that it computes."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from workbench.compile.c.printer import print_c
from workbench.compile.c.toolchain import find_compiler
from workbench.compile.loop_ir import loops as L
from workbench.compile.loop_ir.lines import CodeLine, support_lines
from workbench.compile.loop_ir.lower import lower
from workbench.compile.loop_ir.storage import Storage, plan
from workbench.compile.loop_ir.text import lines_of
from workbench.compile.numba.printer import PRELUDE, print_numba
from workbench.graph.expr import Expr
from workbench.graph.inner import Graph
from workbench.graph.lengths import Symbol
from workbench.graph.printing import op_text
from workbench.graph.traverse import topological
from workbench.tensor.cotangents.jax import not_differentiated

if TYPE_CHECKING:
    from workbench.compile.function import CompiledFunction

KINDS = {"c": "C", "numba": "Numba", "jax": "jaxpr", "numpy": "NumPy", "loops": "Loop IR"}
"""What there are listings of, by the word for it."""

Print = Callable[[L.Program, Storage], list[CodeLine]]


def listing(kind: str, graph: Graph, name: str = "function", known: Iterable[Symbol] = (), held: int = 0) -> list[CodeLine]:
    """Return the code of an optimised graph, line by line.

    Parameters
    ----------
    kind
        A backend; or "loops", for the loop IR that C and Numba are printed from.
    graph
        The graph, as it is compiled.
    name
        What the code is called.
    known, held
        As for :func:`workbench.compile.loop_ir.lower.lower`.

    Raises
    ------
    CompileError
        If a shape depends on values, which compiled code must know.
    ImportError
        If JAX, which makes the jaxpr, is not installed.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> x = pt.vector("x", 3)
    >>> print("\\n".join(listing("numpy", Graph([x], [pt.exp(x) * 2.0]))))
    def function(x):
        v1 = exp(x)  # float64[3]
        v2 = multiply(v1, 2.0)  # float64[3]
        return v2
    """
    if kind == "numpy":
        return _numpy(graph, name)
    if kind == "jax":
        return _jax(graph)
    return _machine(_PRINTERS[kind], graph, name, known, held)


def listing_of(f: CompiledFunction, kind: str | None = None) -> list[CodeLine]:
    """Return the code of a compiled function, that of its own backend if `kind` is not given, with that of what is in its slots."""
    kind = kind or f.backend
    options = f._entering_options()
    found = listing(kind, f._graph, f.name, options.get("lengths", ()), options.get("held", 0))
    for inner in f._linked.values():
        found += _apart(listing_of(inner, kind))
    return found


def _machine(print_program: Print, graph: Graph, name: str, known: Iterable[Symbol], held: int) -> list[CodeLine]:
    """The code of a graph, and after it that of the regions it calls, each once."""
    program = lower(graph, name, known, held)
    lines = print_program(program, plan(program))
    made = set()
    for region in program.regions:
        if region.graph is not None and (region.label, region.graph) not in made:
            made.add((region.label, region.graph))
            lines += _apart(_machine(print_program, region.graph, region.label, program.lengths, 0))
    return lines


def _apart(lines: list[CodeLine]) -> list[CodeLine]:
    """Lines of what is called, whose statements a profile does not count."""
    for line in lines:
        line.statement = 0
    return lines


def _print_c(program: L.Program, storage: Storage) -> list[CodeLine]:
    compiler = find_compiler()
    return print_c(program, storage).with_vector_forms(compiler.vector_math if compiler is not None else ()).lines


def _print_numba(program: L.Program, storage: Storage) -> list[CodeLine]:
    return [*support_lines([PRELUDE]), *print_numba(program, storage).lines]


_PRINTERS: dict[str, Print] = {"c": _print_c, "numba": _print_numba, "loops": lines_of}


def _numpy(graph: Graph, name: str) -> list[CodeLine]:
    """What the interpreter does, one operation after another."""
    names: dict[Expr, str] = {}
    for i, p in enumerate(graph.params):
        names[p] = p.name if p.name and p.name.isidentifier() and p.name not in names.values() else f"in{i}"
    lines = [CodeLine(f"def {name}({', '.join(names.values())}):")]
    for x in topological(graph.results):
        if x in names:
            continue
        if not x.inputs and not x.op.graphs:
            names[x] = op_text(x)
            continue
        names[x] = f"v{len(lines)}"
        call = f"{op_text(x)}({', '.join(names[y] for y in x.inputs)})"
        lines.append(CodeLine(f"    {names[x]} = {call}{_note('#', x, str(x.type))}", x))
    lines.append(CodeLine(f"    return {', '.join(names[r] for r in graph.results)}"))
    return lines


def _jax(graph: Graph) -> list[CodeLine]:
    """The jaxpr: what JAX is given, before it is compiled. Each equation knows the operation that it comes from."""
    jax: Any = importlib.import_module("jax")
    jax.config.update("jax_enable_x64", True)
    nodes = topological((*graph.params, *graph.results))
    number = {x: i for i, x in enumerate(nodes)}

    def program(*values: Any) -> tuple[Any, ...]:
        made = dict(zip(graph.params, values))
        for x in nodes:
            if x not in made:
                with jax.named_scope(f"{_SCOPE}{number[x]}"):
                    made[x] = x.op.jax(*(made[y] for y in x.inputs))
        return tuple(made[r] for r in graph.results)

    with not_differentiated():
        traced = jax.make_jaxpr(program)(*(jax.ShapeDtypeStruct(p.type.static_shape, p.type.dtype) for p in graph.params))
    owners = [_owner(str(e.source_info.name_stack), nodes) for e in traced.jaxpr.eqns]
    text = str(traced).split("\n")
    # An equation begins where its line is indented by four; what is inside it is indented more.
    begins = [i for i, line in enumerate(text) if len(line) > 4 and line[:4] == "    " and line[4] not in " ]"]
    lines = [CodeLine(line) for line in text]
    if len(begins) == len(owners):
        for begin, end, owner in zip(begins, [*begins[1:], len(text) - 1], owners):
            for i in range(begin, max(end, begin + 1)):
                lines[i] = CodeLine(text[i] + (_note("#", owner) if i == begin and owner is not None else ""), owner)
    return lines


_SCOPE = "wb_node_"


def _owner(stack: str, nodes: list[Expr]) -> Expr | None:
    found = [part[len(_SCOPE) :] for part in stack.replace("(", "/").replace(")", "/").split("/") if part.startswith(_SCOPE)]
    return nodes[int(found[0])] if found and found[0].isdigit() else None


def _note(mark: str, x: Expr, *more: str) -> str:
    shown = " ".join(" ".join(filter(None, (x.name, *more))).split())
    return f"  {mark} {shown}" if shown else ""
