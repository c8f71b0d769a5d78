"""A graph as a program whose values stay on devices between calls, shared out along an axis of chains."""

from __future__ import annotations

import importlib
import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from workbench.compile import cache
from workbench.compile.index_checks import entering_indices
from workbench.compile.jax.backend import to_jax
from workbench.graph.expr import ENTERED, Constant, Data, Op
from workbench.graph.inner import Graph, nodes_within

LARGE = 4096
"""Bytes from which a constant is an argument of the program: JAX compiles slowly what has large constants."""
CACHED_FROM = 0.2
"""Seconds of compiling from which a program is kept in the cache for later processes."""


class DeviceProgram:
    """A graph compiled by JAX for devices, called with arrays that are there, or with NumPy's.

    Data, and constants that are not small, are put on the devices once. Loops over chains need no communication but
    for what goes over all chains, such as a mean.

    Parameters
    ----------
    graph
        Its lengths are numbers.
    devices
        JAX's devices.
    shared, results_shared
        The axis of each parameter, of each result, that is shared out to the devices; ``None`` for one that all have whole.
    donated
        How many of the first parameters are used up by a call: their memory is that of results.
    name
        What the program is called.
    """

    def __init__(
        self, graph: Graph, devices: Sequence[Any], shared: Sequence[int | None], results_shared: Sequence[int | None],
        donated: int = 0, name: str = "program",
    ) -> None:  # fmt: skip
        jax: Any = importlib.import_module("jax")
        keep_compiled(jax)
        function = to_jax(graph.params, graph.results)
        for index in entering_indices(graph):
            if isinstance(index.leaf.op, (Constant, Data)):
                index.check(index.leaf.op.value)
        self.graph, self.devices, self.name = graph, list(devices), name
        leaves = _leaves(graph)
        mesh = jax.sharding.Mesh(np.array(self.devices), ("chains",))

        def placed(axis: int | None) -> Any:
            spec = () if axis is None else (*[None] * axis, "chains")
            return jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec(*spec))

        self._places = [placed(axis) for axis in shared]
        whole = placed(None)
        self._leaves = [jax.device_put(op.value, whole) for op in leaves]
        self._dtypes = [np.dtype(p.type.dtype) for p in graph.params]
        self._put = jax.device_put

        def program(leaf_values: Sequence[Any], *values: Any) -> Any:
            given: Mapping[Op, Any] = dict(zip(leaves, leaf_values))
            token = ENTERED.set(given)
            try:
                return function(*values)
            finally:
                ENTERED.reset(token)

        program.__name__ = name
        examples = [jax.ShapeDtypeStruct(p.type.static_shape, p.type.dtype, sharding=at) for p, at in zip(graph.params, self._places)]
        begun = time.perf_counter()
        lowered = jax.jit(
            program, out_shardings=tuple(placed(axis) for axis in results_shared), donate_argnums=tuple(range(1, donated + 1))
        ).lower(self._leaves, *examples)
        self.timings = {"lower": time.perf_counter() - begun}
        begun = time.perf_counter()
        self._compiled = lowered.compile()
        self.timings["compile"] = time.perf_counter() - begun

    @property
    def memory(self) -> int | None:
        """Bytes that a call needs on one device, arguments and results included, as far as JAX says."""
        found = self._compiled.memory_analysis()
        parts = [getattr(found, f"{of}_size_in_bytes", None) for of in ("argument", "output", "temp")]
        return None if any(p is None for p in parts) else int(sum(parts)) - int(getattr(found, "alias_size_in_bytes", 0))  # type: ignore[arg-type]

    def __call__(self, *values: Any) -> list[Any]:
        """Return results as JAX's arrays, which may still be being computed."""
        given = [
            v if hasattr(v, "sharding") else self._put(np.asarray(v, dtype), at) for v, dtype, at in zip(values, self._dtypes, self._places, strict=True)
        ]
        return list(self._compiled(self._leaves, *given))


def keep_compiled(jax: Any) -> None:
    """Let JAX keep compiled programs beside ours for later processes, unless the user has said where."""
    if jax.config.jax_compilation_cache_dir is None:
        jax.config.update("jax_compilation_cache_dir", str(cache.folder() / "jax"))
        jax.config.update("jax_persistent_cache_min_compile_time_secs", CACHED_FROM)


def _leaves(graph: Graph) -> list[Any]:
    """Operations of data and of large constants, those in loops and branches too."""
    found = (n.op for n in nodes_within([graph]))
    return list(dict.fromkeys(op for op in found if isinstance(op, Data) or (isinstance(op, Constant) and op.value.nbytes >= LARGE)))
