"""Numba: the loop IR as Python over pointers, compiled as C functions are, cached on disk."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from workbench.compile import cache
from workbench.compile.loop_ir import loops as L
from workbench.compile.loop_ir.storage import Storage
from workbench.compile.machine_code import Code, Lowered, MachineFunction, Sized, raise_fault
from workbench.compile.numba import calls as entry
from workbench.compile.numba.printer import PRELUDE, print_numba
from workbench.compile.printed import Source, without_comments
from workbench.graph.inner import Graph
from workbench.graph.lengths import Symbol
from workbench.tensor.special.elementary_c import ELEMENTARY
from workbench.tensor.special.error_c import ERF_C

_compiling = threading.RLock()
_compiled: dict[str, Any] = {}
"""Numba never frees compiled code, so it stays for the next program that has the same source."""



def printed(program: L.Program, storage: Storage) -> Source:
    """Print a program as a module."""
    return module_of(print_numba(program, storage))


def module_of(made: Source) -> Source:
    """Return what is printed with what it imports."""
    return Source(made.pieces, made.sizes, [PRELUDE, *made.before], made.after)


def lowered(graph: Graph, name: str, lengths: Sequence[Symbol] = (), held: int = 0) -> Lowered:
    """Return a graph lowered, and printed as Python; options are those of :class:`NumbaFunction`."""
    return Lowered(graph, name, printed, printed, lengths, held)


class Unit:
    """A program printed as Python."""

    def __init__(self, lowered: Lowered) -> None:
        printed: Any = lowered.printed
        self.text = printed.text

    def address(self) -> tuple[int, bool]:
        made = compiled_text(self.text, "RUN")
        return made.address, bool(made.cache_hits)


class NumbaFunction(MachineFunction):
    """A graph compiled with Numba, or what :func:`lowered` made of one; `lengths` and `held` as in C."""

    def __init__(self, graph: Graph | Lowered, name: str, lengths: Sequence[Symbol] = (), held: int = 0) -> None:
        code = Code(graph if isinstance(graph, Lowered) else lowered(graph, name, lengths, held), Unit)
        cache.say()
        super().__init__(code, lengths)

    def entry(self, sized: Sized, calls: int) -> Callable[..., Any]:
        assert not calls  # There is one way in for all lengths.
        return entry.entry(_enter().address, sized.code.run_address, sized.inputs, sized.outputs, sized.arena, raise_fault)


def compiled_text(text: str, kind: str) -> Any:
    """Return the function `run` of a text, of a type that `pointers` has a name for, compiled."""
    source = without_comments(text, "#")
    name = "wb_" + cache.digest(source, _pointers())
    # Numba compiles one function at a time anyway.
    with _compiling:
        if name not in _compiled:
            _compiled[name] = _compile(_module(name, source).run, kind)
    return _compiled[name]


def _enter() -> Any:
    """What Python calls."""
    return compiled_text(Path(__file__).with_name("entered.py").read_text(), "ENTER")


def _compile(function: Any, kind: str) -> Any:
    """Compile a printed program, or read it from Numba's own cache beside its module."""
    from numba.core.ccallback import CFunc

    from workbench.compile.numba import pointers
    from workbench.compile.numba.passes import Passes

    signature = getattr(pointers, kind)
    made: Any = CFunc(function, (signature.args, signature.return_type), locals={}, options={"error_model": "numpy"}, pipeline_class=Passes)
    made.enable_caching()
    try:
        made.compile()
    except Exception:  # Of whatever kind a damaged file of Numba's cache makes its reader raise.
        try:
            made._cache.flush()
            made.compile()
        except OSError as error:
            cache.temporary_folder(error)
            made._cache = importlib.import_module("numba.core.caching").NullCache()
            made.compile()
    return made


def _pointers() -> str:
    """What generated code imports, and how it is compiled: with another, it is compiled anew."""
    modules = (Path(__file__).with_name(f"{name}.py").read_text() for name in ("pointers", "own_math", "vector_loops", "passes"))
    return "".join([*modules, *(piece for pieces in (*ELEMENTARY.values(), ERF_C) for piece in pieces)])


def _module(name: str, source: str) -> Any:
    """Import generated source from the cache folder, where Numba keeps its own cache beside it."""
    path, _ = cache.fetch(name, ".py", lambda target: _write(target, source))
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _write(target: Any, source: str) -> None:
    target.write_text(source)
