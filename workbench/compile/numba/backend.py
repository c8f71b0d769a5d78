"""Numba: the loop IR as one flat function, compiled without the GIL, cached on disk."""

from __future__ import annotations

import importlib
import importlib.util
import math
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.compile import cache
from workbench.compile import callbacks as external
from workbench.compile.c.backend import raise_fault
from workbench.compile.c.printer import without_comments
from workbench.compile.entered_lengths import KEPT, lengths_of, shape_at, sizes_at
from workbench.compile.loop_ir import loops as L
from workbench.compile.loop_ir.lower import lower
from workbench.compile.loop_ir.storage import Storage, plan
from workbench.compile.numba.printer import PRELUDE, print_numba
from workbench.graph.expr import Data, Expr
from workbench.graph.inner import Graph
from workbench.graph.lengths import Size, Symbol

_compiling = threading.RLock()


class NumbaFunction:
    """A graph compiled with Numba; made and called like :class:`~workbench.compile.c.backend.CFunction`."""

    def __init__(self, graph: Graph, name: str, lengths: Sequence[Symbol] = ()) -> None:
        self.timings: dict[str, float] = {}
        start = time.perf_counter()
        self.parts: list[_Part] = []
        self.main = self._part(graph, name, lengths)
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
        self._lengths = lengths
        self._sized: dict[tuple[Any, ...], _Sized] = {}

    def _part(self, graph: Graph, name: str, known: Iterable[Symbol]) -> _Part:
        """Print a graph, its regions before it."""
        program = lower(graph, name, known)
        made: dict[tuple[str, Graph], _Part] = {}
        for r in program.regions:
            if r.graph is not None and (r.label, r.graph) not in made:
                made[r.label, r.graph] = self._part(r.graph, r.label, program.lengths)
        inner = [made[r.label, r.graph] for r in program.regions if r.graph is not None]
        function = f"part{len(self.parts)}"
        storage = plan(program)
        printed = print_numba(program, storage, function, [p.function for p in inner])
        part = _Part(graph.params, program, storage, function, printed.text, printed.sizes, inner)
        self.parts.append(part)
        return part

    def _warm(self) -> None:
        """Compile for the argument types, which no length changes."""
        import numba

        typeof: Any = numba.typeof
        signature = tuple(typeof(a) for a in self.main.examples())
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

    def _for(self, values: Sequence[np.ndarray[Any, Any]]) -> _Sized:
        """What goes with arguments of these shapes."""
        numbers = [int(v) for v in values[len(values) - len(self._lengths) :]]
        key = (*(v.shape for v in values), *numbers)
        found = self._sized.get(key)
        if found is None:
            known = dict(zip(self._lengths, numbers))
            found = _Sized(self.main, lengths_of(self.main.params, [v.shape for v in values], known))
            while len(self._sized) >= KEPT:
                self._sized.pop(next(iter(self._sized)), None)
            self._sized[key] = found
        return found

    def __call__(self, *values: np.ndarray[Any, Any]) -> list[np.ndarray[Any, Any]]:
        sized = self._for(values)
        flat = [np.ascontiguousarray(v).reshape(-1) for v in values]
        made = [np.empty(max(math.prod(shape), 1), dtype) for dtype, shape in sized.results]
        fault = np.zeros(3, np.int64)
        if self._run(*flat, *made, *sized.tail(), fault, *(r.packed() for r in sized.regions)):
            raise_fault(*map(int, fault))
        return [m[: math.prod(shape)].reshape(shape) for m, (_, shape) in zip(made, sized.results)]


def _declare(parts: Sequence[_Part]) -> None:
    """Tell LLVM where the functions are that the parts call by name."""
    import llvmlite.binding as llvm

    if any(L.called_back(p.program) for p in parts):
        llvm.add_symbol("wb_external", external.address)
    if any(L.native_calls(p.program) for p in parts):
        for name, address in external.routine_addresses().items():
            llvm.add_symbol(f"wb_{name}", address)


@dataclass(eq=False)
class _Part:
    """One printed graph: the main one or a region."""

    params: Sequence[Expr]
    program: L.Program
    storage: Storage
    function: str
    text: str
    sizes: list[Size]
    inner: list[_Part]

    def __post_init__(self) -> None:
        self._fixed = [None if isinstance(op, Data) else np.ascontiguousarray(op.value).reshape(-1) for _, op in self.program.constants]

    def constants(self) -> list[np.ndarray[Any, Any]]:
        """Constants and the data as they are now, flat."""
        return [
            np.ascontiguousarray(op.value).reshape(-1) if known is None else known
            for (_, op), known in zip(self.program.constants, self._fixed)
        ]

    def examples(self) -> list[Any]:
        """Arguments of the types that the function has."""
        arrays = [np.empty(1, b.dtype) for b in (*self.program.inputs, *self.program.outputs)]
        numbers = np.zeros(3, np.int64)
        return [*arrays, *self.constants(), numbers, numbers, *((*p.constants(), numbers) for p in self.inner)]


class _Sized:
    """A part for arguments of given shapes: the numbers that its lengths are."""

    def __init__(self, part: _Part, values: Mapping[Symbol, int]) -> None:
        self.part, program = part, part.program
        self.values = part.storage.at(values)
        self._entered = external.Entered(program, self.values)
        self._sizes = sizes_at(part.sizes, self.values, self._entered.number)
        self.results = [(b.dtype, shape_at(b.shape, self.values)) for b in program.outputs]
        self.regions = [
            _Sized(p, lengths_of(p.params, [shape_at(s, self.values) for s in r.takes], self.values))
            for p, r in zip(part.inner, program.regions)
        ]

    def tail(self) -> list[Any]:
        """What follows arguments and results."""
        return [*self.part.constants(), self._sizes]

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
