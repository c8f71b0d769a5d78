"""Samplers compiled, each once in a process for all models: a model's log-density is linked to it."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Sequence

from workbench.compile import CompiledFunction
from workbench.compile.kept import kept_function
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

    def __init__(self, backend: str, sampler: Alone | Compound, of: Sequence[type] = ()) -> None:
        self.backend, self.sampler, self._of = backend, sampler, of
        self.kernels = [sampler.kernel] if isinstance(sampler, Alone) else sampler.kernels
        self.columns = sampler.columns
        self._chain = Chain(sampler)
        self._making = threading.Lock()
        self._made: dict[str, CompiledFunction] = {}
        name = sampler.name
        self._names = {"init": f"{name}_init", "advance": name}
        self._locks = {which: threading.Lock() for which in self._names}

    @property
    def init(self) -> CompiledFunction:
        """See :attr:`Chain.init`."""
        return self._once("init", lambda: self._chain.init)

    @property
    def advance(self) -> CompiledFunction:
        """See :meth:`Chain.advance`, for `ROWS` rows."""
        return self._once("advance", lambda: self._chain.advance(ROWS))

    @property
    def fields(self) -> tuple[str, ...]:
        """See :attr:`Chain.fields`."""
        with self._making:
            return self._chain.fields

    def _once(self, which: str, graph: Callable[[], Graph]) -> CompiledFunction:
        with self._locks[which]:
            if which not in self._made:
                self._made[which] = kept_function(self._of, f"{which} {ROWS}", lambda: self._one_at_a_time(graph), self.backend, self._names[which], seldom=which == "init")
            return self._made[which]

    def _one_at_a_time(self, graph: Callable[[], Graph]) -> Graph:
        with self._making:
            return graph()


def compiled_apart(backend: str, kernel: Kernel | type[Kernel]) -> dict[str, CompiledFunction]:
    """Return the parts of a kernel that are compiled apart, by slot."""
    return {name: _compiled(backend, name, make) for name, make in kernel.apart.items()}


_apart: dict[tuple[str, Callable[[], Graph]], CompiledFunction] = {}
_compiling = threading.Lock()


def _compiled(backend: str, name: str, make: Callable[[], Graph]) -> CompiledFunction:
    # Runs that start at once wait for one compilation.
    with _compiling:
        if (backend, make) not in _apart:
            _apart[backend, make] = kept_function([make], "", make, backend, name, seldom=True)
        return _apart[backend, make]


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
    return CompiledSampler(backend, Alone(kinds[0]()) if alone else Compound(kinds), [Alone if alone else Compound, *kinds])
