"""Functions whose graph follows from this package alone, kept on disk as they are lowered: other processes find them without that graph.

A sampler's graph is the same for all models, and takes a second to be made, rewritten and lowered. It is known by what it is
called, and by all that decides what becomes of it: the package's own source, Python and NumPy, the compiler, and the settings.
"""

from __future__ import annotations

import functools
import io
import pickle
import platform
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from workbench.compile import cache
from workbench.compile.function import CompiledFunction, choose_backend, compile_graph, function
from workbench.compile.loop_ir import loops as L
from workbench.compile.loop_ir.lines import CodeLine
from workbench.compile.seldom import seldom_called
from workbench.compile.updating import States
from workbench.config import BEGAN, checks_programs
from workbench.graph.inner import Graph
from workbench.graph.provenance import Provenance, inherited

_reading = threading.Lock()
PRINTED = ("c", "numba")
"""Backends that print code."""
ON_DEMAND = ("_asked", "_graph", "_mode", "trace", "written")
"""What a function has of its graph."""

STATE = (
    "backend", "name", "_options", "_single", "_updated", "_data", "_before", "_of_inputs", "_lengths", "_types", "_asking", "_conditions",
    "_given", "_returns", "_slots", "_dtypes", "_numbers", "_shapes",
)  # fmt: skip
"""What a function needs to be linked and called."""


def kept_function(of: Sequence[Any], which: str, graph: Callable[[], Graph], backend: str, name: str, seldom: bool = False) -> CompiledFunction:
    """Return the function of a graph, compiled: in processes after the first without the graph, if that follows from this package alone.

    Parameters
    ----------
    of
        Classes and functions that the graph follows from, if there are no others.
    which
        What tells the graphs that follow from them apart.
    graph
        Makes the graph, where it is needed.
    backend, name
        As for :func:`workbench.function`.
    seldom
        Whether it is called a few times in a run.
    """

    def make() -> CompiledFunction:
        # It does not come from the line of the user that happens to be the first to need it.
        made: Graph = inherited(Provenance(None), graph)
        with seldom_called(seldom):
            return function(made.params, made.results, backend=backend, name=name)

    backend = choose_backend(backend)
    known = _identity(backend) if of and all(map(_ours, of)) else None
    if known is None:
        return make()
    key = cache.digest("lowered", known, backend, name, which, *(f"{x.__module__}.{x.__qualname__}" for x in of))
    for _ in range(2):
        made: list[CompiledFunction] = []

        def build(target: Path, made: list[CompiledFunction] = made) -> None:
            made[:] = made or [make()]
            target.write_bytes(_written(made[0]))

        path, _ = cache.fetch(key, ".lowered", build)
        if made:
            return made[0]
        try:
            return _read(path, make)
        except Exception:  # Of whatever kind a file of something else makes its reader raise.
            cache.discard(path)
    return make()


class _Kept(CompiledFunction):
    """A function read from disk; what it has of its graph is made when that is asked for."""

    _make: Callable[[], CompiledFunction]

    def __getattr__(self, attribute: str) -> Any:
        if attribute not in ON_DEMAND:
            raise AttributeError(f"{type(self).__name__} has no attribute {attribute!r}", name=attribute, obj=self)
        made = self._make()
        self.__dict__.update({name: getattr(made, name) for name in ON_DEMAND})
        return self.__dict__[attribute]

    def _compile_only(self) -> None:
        ((shapes, code),) = self._code.items()
        self._only = self._compiled[shapes] = code.linked(self._linked) if self._linked else code
        self._timed(self._only)


def _written(made: CompiledFunction) -> bytes:
    """What is kept of a function."""
    ((shapes, code),) = made._code.items()
    found = io.BytesIO()
    _Pickler(found).dump(({name: getattr(made, name) for name in STATE}, shapes, code.code.lowered))
    return found.getvalue()


class _Pickler(pickle.Pickler):
    """Writes what is lowered without the expressions that it computes, which are the graph."""

    def reducer_override(self, made: Any) -> Any:
        if isinstance(made, CodeLine):
            return str, (str(made),)
        if isinstance(made, L.Buffer):
            reduced: Any = object.__reduce_ex__(made, 4)
            return *reduced[:2], {**reduced[2], "of": None}
        return NotImplemented


def _read(path: Path, make: Callable[[], CompiledFunction]) -> CompiledFunction:
    state, shapes, lowered = pickle.loads(path.read_bytes())
    made = _Kept.__new__(_Kept)
    made.__dict__.update(state)
    made._make = make
    made._states = States([], reuses=False)
    made._turns, made._fitting, made._checked_data = threading.RLock(), set(), (None, [])
    made._bound, made._known, made._now, made._whole, made._last = {}, {}, None, None, None
    made._linked, made._compiled, made.timings, made._only, made._enter = {}, {}, {}, None, None
    made._code = {shapes: compile_graph(lowered, made.backend, made.name, **made._options, **made._entering_options())}
    made._compile_only()
    return made


def _identity(backend: str) -> str | None:
    """All that decides what becomes of a graph of this package on a backend; ``None`` where that cannot be told."""
    from workbench.rewrites import default_mode

    # The parts of a sampler are asked for at once: one reads, the others wait.
    with _reading:
        sources = _sources() if backend in PRINTED else None
    rules = [rule for each in default_mode().passes for rule in each.rules]
    if sources is None or not all(_ours(rule.function) for rule in rules):
        return None
    names = " ".join(rule.name for rule in rules)
    known = f"{sources} {names} {sys.version} {platform.platform()} {np.__version__} {checks_programs()}"
    if backend != "c":
        return known
    from workbench.compile.c.toolchain import require_compiler

    compiler = require_compiler()
    return f"{known} {compiler.identity} {compiler.flags()} {compiler.vector_math}"


def _ours(made: Any) -> bool:
    """Whether a class or function is one of this package's source."""
    return made.__module__.partition(".")[0] == __name__.partition(".")[0] and "<locals>" not in made.__qualname__


@functools.cache
def _sources() -> str | None:
    """A digest of the package's source, that this process has read; ``None`` where it was changed meanwhile, or is not in files."""
    home = Path(__file__).parents[1]
    texts: list[str] = []
    for path in sorted(home.rglob("*.py")):
        texts += [str(path.relative_to(home)), path.read_text("utf-8")]
        if path.stat().st_ctime > BEGAN - 2.0:
            return None
    return cache.digest(*texts) if texts else None
