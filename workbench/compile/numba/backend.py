"""Numba: the loop IR as Python over pointers, compiled as C functions are, cached on disk."""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from workbench.compile import cache
from workbench.compile import callbacks as external
from workbench.compile.c.printer import Source, without_comments
from workbench.compile.loop_ir import loops as L
from workbench.compile.loop_ir.storage import Storage
from workbench.compile.machine_code import Code, Lowered, MachineFunction, Sized, raise_fault
from workbench.compile.numba.printer import PRELUDE, print_numba
from workbench.graph.inner import Graph
from workbench.graph.lengths import Symbol

_compiling = threading.RLock()
_compiled: dict[str, Any] = {}
"""Numba never frees compiled code, so it stays for the next program that has the same source."""

RUN = ctypes.CFUNCTYPE(ctypes.c_int32, *[ctypes.c_void_p] * 4)
LINE = 64
"""Bytes that an arena's start is a multiple of."""


def printed(program: L.Program, storage: Storage) -> Source:
    """Print a program as a module."""
    made = print_numba(program, storage)
    return Source(made.pieces, made.sizes, [PRELUDE, *made.before], made.after)


def lowered(graph: Graph, name: str, lengths: Sequence[Symbol] = (), held: int = 0) -> Lowered:
    """Return a graph lowered, and printed as Python; options are those of :class:`NumbaFunction`."""
    return Lowered(graph, name, printed, printed, lengths, held)


class _Unit:
    """A program printed as Python."""

    def __init__(self, lowered: Lowered) -> None:
        self.native, self.text = lowered.native, lowered.printed.text

    def address(self) -> tuple[int, bool]:
        name = "wb_" + cache.digest(without_comments(self.text, "#"), _pointers())
        # Numba compiles one function at a time anyway.
        with _compiling:
            _declare(self.native)
            if name not in _compiled:
                _compiled[name] = _compile(_module(name, without_comments(self.text, "#")).run)
        return _compiled[name].address, bool(_compiled[name].cache_hits)


class NumbaFunction(MachineFunction):
    """A graph compiled with Numba, or what :func:`lowered` made of one; `lengths` and `held` as in C."""

    checks = False

    def __init__(self, graph: Graph | Lowered, name: str, lengths: Sequence[Symbol] = (), held: int = 0) -> None:
        code = Code(graph if isinstance(graph, Lowered) else lowered(graph, name, lengths, held), _Unit)
        cache.say()
        super().__init__(code, lengths)

    def way_in(self, sized: Sized) -> Callable[..., Any]:
        run, arguments, every = RUN(sized.code.run_address), len(sized.inputs), len(sized.inputs) + len(sized.code.held)

        def enter(*values: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]]:
            values, rooms = values[:every], values[every + 1 :]
            environment = sized.environment(values[arguments:])  # Kept until the call ends: another thread may set the data meanwhile.
            made = [*(np.empty(shape, dtype) for dtype, shape in sized.outputs[: len(sized.outputs) - len(rooms)]), *rooms]
            arena = np.empty(sized.arena + LINE, np.uint8)
            io = (ctypes.c_void_p * (arguments + len(made)))(*(v.ctypes.data for v in (*values[:arguments], *made)))
            fault = (ctypes.c_int64 * 3)()
            start = arena.ctypes.data
            if run(ctypes.addressof(io), environment.address, start + -start % LINE, ctypes.addressof(fault)):
                raise_fault(*fault)
            return made

        return enter


def _compile(function: Any) -> Any:
    """Compile a printed program, or read it from Numba's own cache beside its module."""
    from numba.core.ccallback import CFunc

    from workbench.compile.numba.pointers import RUN as KIND

    made: Any = CFunc(function, (KIND.args, KIND.return_type), locals={}, options={"error_model": "numpy"})
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


def _declare(native: bool) -> None:
    """Tell LLVM where the routines are that a program calls by name, if it calls any."""
    if native:
        import llvmlite.binding as llvm

        for name, address in external.routine_addresses().items():
            llvm.add_symbol(f"wb_{name}", address)


def _pointers() -> str:
    """What generated code imports: with another, it is compiled anew."""
    return Path(__file__).with_name("pointers.py").read_text()


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
