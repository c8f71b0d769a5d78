"""Samplers compiled, each once in a process for all models: a model's log-density is linked to it."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable

from workbench.compile import CompiledFunction
from workbench.compile.kept import OwnGraph, kept_function
from workbench.graph.inner import Graph
from workbench.samplers.chain import Chain
from workbench.samplers.compound import Alone, Compound
from workbench.samplers.kernel import Kernel

ROWS = 256
"""Most draws of one call."""


class CompiledSampler:
    """The graphs of a sampler on one backend, each compiled when it is first asked for, with slots to fill.

    Parameters
    ----------
    backend
        Where to compute.
    sampler
        What moves a chain.
    of
        The classes that it is made of, if there is nothing else to it.
    """

    def __init__(self, backend: str, sampler: Alone | Compound, of: tuple[type, ...] = ()) -> None:
        self.backend, self.sampler, self._of = backend, sampler, of
        self.kernels = [sampler.kernel] if isinstance(sampler, Alone) else sampler.kernels
        self.columns = sampler.columns
        self._chain = Chain(sampler)
        self._making = threading.Lock()
        self._made: dict[str, CompiledFunction] = {}
        self._locks = {which: threading.Lock() for which in ("init", "advance")}

    @property
    def init(self) -> CompiledFunction:
        """See :attr:`Chain.init`."""
        return self._once("init")

    @property
    def advance(self) -> CompiledFunction:
        """See :meth:`Chain.advance`, for `ROWS` rows."""
        return self._once("advance")

    @property
    def fields(self) -> tuple[str, ...]:
        """See :attr:`Chain.fields`."""
        with self._making:
            return self._chain.fields

    @property
    def graphs(self) -> dict[str, OwnGraph]:
        """The graphs, as they are kept."""
        name = self.sampler.name
        return {
            "init": OwnGraph(self._of, f"init {ROWS}", lambda: self._one_at_a_time(lambda: self._chain.init), f"{name}_init", seldom=True),
            "advance": OwnGraph(self._of, f"advance {ROWS}", lambda: self._one_at_a_time(lambda: self._chain.advance(ROWS)), name),
        }

    def _once(self, which: str) -> CompiledFunction:
        with self._locks[which]:
            if which not in self._made:
                self._made[which] = kept_function(self.graphs[which], self.backend)
            return self._made[which]

    def _one_at_a_time(self, graph: Callable[[], Graph]) -> Graph:
        with self._making:
            return graph()


def graphs_apart(kernel: Kernel | type[Kernel]) -> dict[str, OwnGraph]:
    """Return the parts of a kernel that are compiled apart, by slot."""
    return {name: OwnGraph((make,), "", make, name, seldom=True) for name, make in kernel.apart.items()}


def compiled_apart(backend: str, kernel: Kernel | type[Kernel]) -> dict[str, CompiledFunction]:
    """Return the parts of a kernel that are compiled apart, by slot."""
    return {name: _compiled(backend, own) for name, own in graphs_apart(kernel).items()}


_apart: dict[tuple[str, Callable[[], Graph]], CompiledFunction] = {}
_compiling = threading.Lock()


def _compiled(backend: str, own: OwnGraph) -> CompiledFunction:
    # Runs that start at once wait for one compilation.
    with _compiling:
        if (backend, own.make) not in _apart:
            _apart[backend, own.make] = kept_function(own, backend)
        return _apart[backend, own.make]


@functools.cache
def compiled_sampler(backend: str, kinds: tuple[type[Kernel], ...], alone: bool) -> CompiledSampler:
    """Return the one compiled sampler of a backend that moves chains by kernels of these kinds.

    Parameters
    ----------
    backend
        Where to compute.
    kinds
        Kernels, in turn.
    alone
        Whether the one kernel moves all variables.
    """
    return CompiledSampler(backend, Alone(kinds[0]()) if alone else Compound(kinds), (Alone if alone else Compound, *kinds))
