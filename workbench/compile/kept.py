"""Functions whose graph follows from this package alone, kept as they are lowered: processes find them without that graph.

A sampler's graph is the same for all models, and takes a second to be made, rewritten and lowered. It is known by what it is
called, and by all that decides what becomes of it: the package's own source and the settings. Samplers that are often used are
lowered when the package is built, and lie beside it; the others are kept in the cache, by the versions of Python and NumPy too.
"""

from __future__ import annotations

import functools
import importlib
import io
import pickle
import platform
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from workbench.compile import cache
from workbench.compile.function import CompiledFunction, choose_backend, compile_graph
from workbench.compile.loop_ir import loops as L
from workbench.compile.loop_ir.lines import CodeLine
from workbench.compile.seldom import seldom_called
from workbench.compile.sources import digest_of
from workbench.compile.updating import States
from workbench.config import BEGAN, checks_programs
from workbench.graph.inner import Graph
from workbench.graph.provenance import Provenance, inherited

_reading = threading.Lock()
PRINTED = ("c", "numba")
"""Backends that print code."""
BUILT = Path(__file__).parents[1] / "lowered"
"""Where functions lie that were lowered when the package was built, for C, by the digest of the sources and of what they are called."""
MADE_OF = "made_of"
"""The file that holds the digest of the sources that they were made of."""
SUFFIX = ".lowered"
CHANGED = 2.0
"""Seconds before the package was imported: of a file that was changed later nobody knows which text was read."""
ON_DEMAND = ("_asked", "_graph", "_mode", "trace", "written")
"""What a function has of its graph."""

STATE = (
    "backend", "name", "_options", "_single", "_updated", "_data", "_before", "_of_inputs", "_lengths", "_types", "_asking", "_conditions",
    "_given", "_returns", "_slots", "_dtypes", "_numbers", "_shapes",
)  # fmt: skip
"""What a function needs to be linked and called."""


@dataclass(frozen=True)
class OwnGraph:
    """A graph that follows from classes and functions alone, and what makes it.

    Attributes
    ----------
    of
        Classes and functions that the graph follows from, if there are no others.
    which
        What tells the graphs that follow from them apart.
    make
        Makes the graph, where it is needed.
    name
        What its function is called.
    seldom
        Whether that is called a few times in a run.
    """

    of: tuple[Any, ...]
    which: str
    make: Callable[[], Graph]
    name: str
    seldom: bool = False

    def compiled(self, kind: type[CompiledFunction], backend: str) -> CompiledFunction:
        """Return its function, as one of a kind."""
        # It does not come from the line of the user that happens to be the first to need it.
        made: Graph = inherited(Provenance(None), self.make)
        with seldom_called(self.seldom):
            return kind(made.params, made.results, backend, None, self.name)

    def key(self, backend: str, *known: str) -> str:
        """Return what it is kept by, where so much is known of what decides what becomes of it."""
        return cache.digest("lowered", backend, *known, self.name, self.which, *(f"{x.__module__}.{x.__qualname__}" for x in self.of))


def kept_function(own: OwnGraph, backend: str) -> CompiledFunction:
    """Return the function of a graph, compiled: where it was lowered before without the graph, if that follows from this package alone."""
    backend = choose_backend(backend)
    make = functools.partial(own.compiled, CompiledFunction, backend)
    known = _identity() if own.of and all(map(_ours, own.of)) and backend in PRINTED else None
    if known is None:
        return make()
    built = BUILT / (own.key(backend, known) + SUFFIX)
    # Programs are to be checked as they are made.
    if not checks_programs() and built.exists():
        try:
            return _read(built, make)
        except Exception:  # Of whatever kind a file that Python or NumPy read otherwise makes its reader raise.
            return make()
    key = own.key(backend, known, sys.version, platform.platform(), np.__version__, str(checks_programs()))
    for _ in range(2):
        made: list[CompiledFunction] = []

        def build(target: Path, made: list[CompiledFunction] = made) -> None:
            made[:] = made or [make()]
            ((shapes, code),) = made[0]._code.items()
            target.write_bytes(_written(made[0], shapes, code.code.lowered))

        path, _ = cache.fetch(key, SUFFIX, build)
        if made:
            return made[0]
        try:
            return _read(path, make)
        except Exception:  # Of whatever kind a file of something else makes its reader raise.
            cache.discard(path)
    return make()


def build_lowered(graphs: Callable[[], list[OwnGraph]], folder: Path = BUILT) -> None:
    """Lower graphs for C, and write them into a folder, from which all others are taken away.

    Raises
    ------
    RuntimeError
        If a graph does not follow from this package alone, or its source is changed meanwhile.
    """
    sources = digest_of(BUILT.parent)
    known, made = _identity(sources), graphs()
    if sources is None or known is None or not all(map(_ours, (x for own in made for x in own.of))):
        raise RuntimeError("samplers are built of this package's source alone, by its own rules")
    folder.mkdir(exist_ok=True)
    written = {MADE_OF}
    for own in made:
        f: Any = own.compiled(_Lowered, "c")
        path = folder / (own.key("c", known) + SUFFIX)
        written.add(path.name)
        # Who reads meanwhile finds the whole file, or none.
        fresh = path.with_suffix(".fresh")
        fresh.write_bytes(_written(f, tuple(f._shapes), f.lowered))
        fresh.replace(path)
    if digest_of(BUILT.parent) != sources:
        raise RuntimeError("the package's source was changed while samplers were built of it")
    (folder / MADE_OF).write_text(sources)
    for path in folder.iterdir():
        if path.name not in written:
            path.unlink()


class _Lowered(CompiledFunction):
    """A function that is lowered, and not compiled: it cannot be called."""

    lowered: Any

    def _compile_only(self) -> None:
        backend = importlib.import_module(f"workbench.compile.{self.backend}.backend")
        self.lowered = backend.lowered(self._graph, self.name, **self._options, **self._entering_options())


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


def _written(made: CompiledFunction, shapes: tuple[Any, ...], lowered: Any) -> bytes:
    """What is kept of a function."""
    found = io.BytesIO()
    _Pickler(found).dump(({name: getattr(made, name) for name in STATE}, shapes, lowered))
    return found.getvalue()


class _Pickler(pickle.Pickler):
    """Writes what is lowered without the expressions that it computes, which are the graph."""

    def reducer_override(self, made: Any) -> Any:
        if isinstance(made, CodeLine):
            return str, (str(made),)
        if isinstance(made, L.Buffer):
            reduced: Any = object.__reduce_ex__(made, 4)
            return *reduced[:2], {**reduced[2], "of": None}
        if isinstance(made, L.Program):
            # The same bytes each time: what is in a set has another order in each process.
            told = {f.name: getattr(made, f.name) for f in fields(made)}
            return _program, ({**told, "lengths": sorted(made.lengths, key=str)},)
        return NotImplemented


def _program(told: dict[str, Any]) -> L.Program:
    return L.Program(**{**told, "lengths": frozenset(told["lengths"])})


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


def _identity(sources: str | None = None) -> str | None:
    """All of the package that decides what becomes of one of its graphs; ``None`` where that cannot be told."""
    from workbench.rewrites import default_mode

    # The parts of a sampler are asked for at once: one reads, the others wait.
    with _reading:
        sources = sources or _sources()
    rules = [rule for each in default_mode().passes for rule in each.rules]
    if sources is None or not all(_ours(rule.function) for rule in rules):
        return None
    return f"{sources} {' '.join(rule.name for rule in rules)}"


def _ours(made: Any) -> bool:
    """Whether a class or function is one of this package's source."""
    return made.__module__.partition(".")[0] == __name__.partition(".")[0] and "<locals>" not in made.__qualname__


@functools.cache
def _sources() -> str | None:
    """A digest of the package's source, that this process has read; ``None`` where it was changed meanwhile, or is not in files."""
    return digest_of(BUILT.parent, BEGAN - CHANGED)
