"""Numba: the loop IR as one flat function, compiled without the GIL, cached on disk."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from workbench.compile import cache
from workbench.compile import callbacks as external
from workbench.compile.c.backend import raise_fault
from workbench.compile.c.printer import without_comments
from workbench.compile.loop_ir import loops as L
from workbench.compile.loop_ir.lower import lower
from workbench.compile.loop_ir.storage import plan
from workbench.compile.numba.printer import PRELUDE, print_numba
from workbench.graph.expr import Data
from workbench.graph.inner import Graph

_compiling = threading.RLock()


class NumbaFunction:
    """A graph compiled with Numba; called like :class:`~workbench.compile.c.backend.CFunction`."""

    def __init__(self, graph: Graph, name: str) -> None:
        self.timings: dict[str, float] = {}
        start = time.perf_counter()
        self.parts: list[_Part] = []
        self.main = self._part(graph, name)
        self.source = PRELUDE + "\n\n" + "\n\n".join(p.text for p in self.parts)
        self.fallbacks: list[str] = [name for p in self.parts for name in L.called_back(p.program)]
        self.timings["lower"] = time.perf_counter() - start
        start = time.perf_counter()
        # Numba compiles one function at a time anyway.
        with _compiling:
            _declare(self.parts)
            module = _module(without_comments(self.source, "#"))
            self._run = getattr(module, self.main.function)
            self._warm()
        cache.say()
        self.timings["compile"] = time.perf_counter() - start

    def _part(self, graph: Graph, name: str) -> _Part:
        """Print a graph, its regions before it."""
        program = lower(graph, name)
        inner = [self._part(g, label) for label, g in program.regions if g is not None]
        function = f"part{len(self.parts)}"
        printed = print_numba(program, plan(program), function, [p.function for p in inner])
        part = _Part(program, function, printed.text, np.array([*printed.sizes, external.enter(program)], np.int64), inner)
        self.parts.append(part)
        return part

    def _warm(self) -> None:
        """Compile for the argument types, by calling with nothing to do where possible."""
        import numba

        typeof: Any = numba.typeof
        signature = tuple(typeof(a) for a in self._arguments(*self._examples()))
        try:
            self._run.compile(signature)
        except Exception:  # Of whatever kind a damaged file of Numba's cache makes its reader raise.
            try:
                self._run.recompile()  # Forgets what is on disk.
                self._run.compile(signature)
            except OSError as error:
                cache.temporary_folder(error)
                self._run._cache = importlib.import_module("numba.core.caching").NullCache()
                self._run.compile(signature)

    def _examples(self) -> list[np.ndarray[Any, Any]]:
        return [np.zeros(b.shape, b.dtype) for b in self.main.program.inputs]

    def _arguments(self, *values: np.ndarray[Any, Any]) -> list[Any]:
        program = self.main.program
        results = [np.empty(max(b.size, 1), b.dtype) for b in program.outputs]
        flat = [np.ascontiguousarray(v).reshape(-1) for v in values]
        return [*flat, *results, *self.main.tail(), np.zeros(3, np.int64), *(p.packed() for p in self.main.inner)]

    def __call__(self, *values: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]]:
        arguments = self._arguments(*values)
        if self._run(*arguments):
            raise_fault(*map(int, arguments[-1 - len(self.main.inner)]))
        outputs = self.main.program.outputs
        made = arguments[len(values) : len(values) + len(outputs)]
        return [m[: b.size].reshape(b.shape) for m, b in zip(made, outputs)]


def _declare(parts: Sequence[_Part]) -> None:
    """Tell LLVM where the functions are that the parts call by name."""
    import llvmlite.binding as llvm

    if any(L.called_back(p.program) for p in parts):
        llvm.add_symbol("wb_external", external.address)
    if any(L.native_calls(p.program) for p in parts):
        for name, address in external.routine_addresses().items():
            llvm.add_symbol(f"wb_{name}", address)


class _Part:
    """One printed graph: the main one or a region."""

    def __init__(
        self, program: L.Program, function: str, text: str, sizes: np.ndarray[Any, Any], inner: list[_Part]
    ) -> None:
        self.program, self.function, self.text, self.sizes, self.inner = program, function, text, sizes, inner
        self._fixed = [None if isinstance(op, Data) else np.ascontiguousarray(op.value).reshape(-1) for _, op in program.constants]

    def constants(self) -> list[np.ndarray[Any, Any]]:
        """Constants and the data as they are now, flat."""
        return [
            np.ascontiguousarray(op.value).reshape(-1) if known is None else known
            for (_, op), known in zip(self.program.constants, self._fixed)
        ]

    def tail(self) -> list[Any]:
        return [*self.constants(), self.sizes]

    def packed(self) -> tuple[Any, ...]:
        """What a caller passes on to this region after arguments and results."""
        return tuple(self.tail())


def _module(source: str) -> Any:
    """Import generated source from the cache folder, where Numba keeps its own cache beside it.

    Numba never frees compiled code, so modules stay for the next function that has the same source.
    """
    name = "wb_" + cache.digest(source)
    if name in sys.modules:
        return sys.modules[name]
    path, _ = cache.fetch(name, ".py", lambda target: _write(target, source))
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _write(target: Any, source: str) -> None:
    target.write_text(source)
