"""NUTS compiled, once in a process for all models: a model's log-density is linked to it."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable

from workbench.compile import CompiledFunction, function
from workbench.graph.inner import Graph
from workbench.samplers.nuts import Nuts

ROWS = 256
"""Most draws of one call."""


class CompiledNuts:
    """The graphs of NUTS on one backend, each compiled when it is first asked for, with the slot ``logp_grad`` to fill."""

    def __init__(self, backend: str) -> None:
        self.backend = backend
        self._nuts = Nuts()
        self._made: dict[str, CompiledFunction] = {}
        self._locks = {"nuts": threading.Lock(), "nuts_init": threading.Lock()}

    @property
    def init(self) -> CompiledFunction:
        """See :attr:`Nuts.init`."""
        return self._once("nuts_init", lambda: self._nuts.init)

    @property
    def advance(self) -> CompiledFunction:
        """See :meth:`Nuts.advance`, for `ROWS` rows."""
        return self._once("nuts", lambda: self._nuts.advance(ROWS))

    def _once(self, name: str, graph: Callable[[], Graph]) -> CompiledFunction:
        with self._locks[name]:
            if name not in self._made:
                made = graph()
                self._made[name] = function(made.params, made.results, backend=self.backend, name=name)
            return self._made[name]


@functools.cache
def compiled_nuts(backend: str) -> CompiledNuts:
    """Return the one compiled sampler of a backend."""
    return CompiledNuts(backend)
