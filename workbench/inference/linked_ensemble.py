"""A model and a sampler of many chains, compiled and linked: on C, Numba and NumPy, or on devices by JAX."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

import workbench.tensor as pt
from workbench.compile import CompiledFunction, choose_backend, function
from workbench.compile.slots import filled
from workbench.errors import ModelError, SamplingError
from workbench.graph.inner import Graph
from workbench.graph.types import TensorType
from workbench.inference.linked import started
from workbench.inference.values import Values
from workbench.model.model import Model
from workbench.model.position import Places
from workbench.samplers.ensemble import LEVELS, Ensemble, Moments, moments_graph
from workbench.samplers.moments import NAMES, moments_summary
from workbench.transforms.vectorise import vectorize_graph

Array = np.ndarray[Any, Any]
ROOM = 1 << 26
"""Bytes for the draws of one call, about."""
MOST_ROWS = 64
VALUES_AT_ONCE = 1024
QUANTILES = tuple("median" if p == 0.5 else f"q{100 * p:g}" for p in LEVELS)
"""What quantiles at `LEVELS` are called."""


class Chunk(NamedTuple):
    """What a call makes: arrays of NumPy, or of a device that may still be computing them."""

    state: list[Any]
    moments: list[Any]
    gradients: Any
    """Gradients that each chain has made."""
    rows: int
    """Draws kept of each chain."""
    q: Any
    """Positions (rows or more, chains, d)."""
    stats: Any
    """Statistics (rows or more, chains, number of statistics)."""


class LinkedEnsemble:
    """The functions of a run of many chains.

    Parameters
    ----------
    model
        The model; its data keep their lengths.
    sampler
        What moves the chains.
    settings
        Its settings by name.
    backend
        Where to compute.
    chains
        Number of chains.
    devices
        JAX's devices to share the chains out to.

    Attributes
    ----------
    columns
        Names and dtypes of a draw's statistics.
    about
        What results are told of how they were made.
    values
        From positions to the model's variables, on the host.
    room
        Draws that one call can keep.
    size
        Elements of the model's variables.
    """

    def __init__(
        self, model: Model, sampler: Ensemble, settings: Mapping[str, Any], backend: str, chains: int, devices: Sequence[Any] = (),
    ) -> None:  # fmt: skip
        self.model, self.sampler, self.backend, self.chains = model, sampler, backend, chains
        self.places = Places.of(model)
        check_model(model, sampler, chains)
        (d, _), s = self.places.sizes, len(sampler.stats)
        self.columns = list(sampler.stats.items())
        self.about = {"backend": backend, "method": sampler.name, **({"devices": ", ".join(map(str, devices))} if devices else {})}
        self.room = max(1, min(MOST_ROWS, ROOM // (8 * chains * (d + s))))
        self._settings = {**sampler.settings, **settings}
        self._d = d
        host = backend if backend != "jax" else host_backend()
        made = started(lambda: Values(model, host, VALUES_AT_ONCE))
        density = model.logp_grad_graph()
        alone = started(lambda: function(density.params, density.results, backend=host, name="density"))
        many = "chains" if backend != "jax" else chains
        batch = density if sampler.one_by_one else of_chains(density, many)
        if sampler.density == "logp":
            batch = Graph(batch.params, batch.results[:1])
        values = values_of_chains(model, many)
        self.size = int(values.results[0].type.shape[1])
        graphs = {sampler.density: batch, "moments": moments_graph(values)}
        self._calls: Any = (_OnDevices if backend == "jax" else _OnHost)(self, graphs, devices)
        self.values: Values = made.result()
        self._density = alone.result()

    def density(self, q: Array, z: Array) -> tuple[float, Array]:
        """Return the log-density at a position of one chain, and its gradient."""
        value, gradient = self._density(q)
        return float(value), gradient

    def init(self, key: int, q: Array) -> tuple[list[Any], list[Any]]:
        """Return state and moments of chains at `q` (chains, d)."""
        settings = [self._settings[str(x.name)] for x in self.sampler.parameters()]
        return self._calls.init(np.uint64(key), q, *settings), Moments.none(self.chains, self.size)

    def advance(self, state: list[Any], moments: list[Any], wanted: int, rows: int, thin: int, tune: int) -> Chunk:
        """Return what so many transitions make, of which `rows` draws are kept."""
        out = self._calls.advance(*state, *moments, wanted, thin, tune)
        k, m = len(state), len(state) + len(moments)
        gradients, _, _, q, stats = out[m:]
        return Chunk(out[:k], out[k:m], gradients, rows, q, stats)

    def variables(self, q: Array) -> list[Array]:
        """Return each variable's values (n, *shape) at positions (n, d)."""
        none = np.empty((len(q), 0), np.int64)
        blocks = [self.values(q[i : i + VALUES_AT_ONCE], none[i : i + VALUES_AT_ONCE]) for i in range(0, len(q), VALUES_AT_ONCE)]
        return [np.concatenate(parts) for parts in zip(*blocks)]

    def summary(self, moments: list[Any], groups: Array) -> dict[str, Array]:
        """Return what the chains' moments say of each element of the variables, (size,): by `NAMES`, and quantiles by `QUANTILES`."""
        *own, quantiles = moments
        found = self._calls.summary(*own, groups, np.zeros(int(groups.max()) + 1))
        return dict(zip((*NAMES, *QUANTILES), (np.asarray(x) for x in (*found, *np.asarray(quantiles)))))

    @property
    def device_memory(self) -> int | None:
        """Bytes that a call needs on each device, if there are some and that is known."""
        return self._calls.memory  # type: ignore[no-any-return]

    @property
    def timings(self) -> dict[str, float]:
        return dict(self._calls.timings)


class _OnHost:
    """Calls of code that takes lengths as arguments: the sampler's is compiled once in a process."""

    timings: Mapping[str, float] = {}
    memory: int | None = None

    def __init__(self, linked: LinkedEnsemble, graphs: Mapping[str, Graph], devices: Sequence[Any]) -> None:
        init, advance = compiled_ensemble(linked.backend, type(linked.sampler))  # type: ignore[arg-type]  # A class has its metaclass's hash.
        slots = {name: function(g.params, g.results, backend=linked.backend, name=name) for name, g in graphs.items()}
        density = linked.sampler.density
        self.init, self._advance = init.link(**{density: slots[density]}), advance.link(**slots)
        n, s = linked.chains, len(linked.columns)
        self._room = np.zeros((linked.room, n, linked._d)), np.zeros((linked.room, n, s))
        self._backend = linked.backend

    def advance(self, *values: Any) -> list[Any]:
        return list(self._advance(*values, *self._room))

    def summary(self, *values: Any) -> list[Any]:
        return list(compiled_summary(self._backend)(*values))


class _OnDevices:
    """Calls of programs for these numbers of chains and parameters; states stay on the devices."""

    def __init__(self, linked: LinkedEnsemble, graphs: Mapping[str, Graph], devices: Sequence[Any]) -> None:
        from workbench.compile.jax.program import DeviceProgram
        from workbench.rewrites import default_mode

        n, d, m, room = linked.chains, linked._d, linked.size, linked.room
        sampler = linked.sampler
        mode = default_mode()

        def finished(graph: Graph) -> Graph:
            return Graph(graph.params, mode.run(graph.results, record=False)[0])

        inner = {name: finished(g) for name, g in graphs.items()}

        def sized(graph: Graph, lengths: Mapping[str, int], slots: Mapping[str, Graph]) -> Graph:
            at = graph.at([_with_numbers(p.type, lengths) for p in graph.params])
            return finished(filled(at, slots))

        numbers = {"chains": n, "d": d, "values": m, "rows": room}
        density = {sampler.density: inner[sampler.density]}
        make = functools.partial(DeviceProgram, devices=devices)
        init = sized(sampler.init, numbers, density)
        advance = sized(sampler.advance, numbers, inner)
        *kept, draws, stats = advance.params
        # Room for draws is made by the program.
        advance = Graph(kept, advance.apply(*kept, pt.zeros(draws.type.shape), pt.zeros(stats.type.shape)))

        fields = [_chains_axis(x.type) for x in sampler._first[1]]
        moments: list[int | None] = [None, 0, 0, None]
        made = started(lambda: make(init, shared=[None, 0, *[None] * len(sampler.parameters())], results_shared=fields, name=f"{sampler.name}_init"))
        self._advance = make(
            advance, shared=[*fields, *moments, None, None, None], results_shared=[*fields, *moments, None, None, None, 1, 1],
            donated=len(fields), name=sampler.name,
        )  # fmt: skip
        self.init = made.result()
        self._make, self._numbers, self._sized = make, numbers, sized
        self.timings, self.memory = self._advance.timings, self._advance.memory

    def advance(self, *values: Any) -> list[Any]:
        return self._advance(*values)  # type: ignore[no-any-return]

    def summary(self, *values: Any) -> list[Any]:
        graph = self._sized(moments_summary(), {**self._numbers, "groups": len(values[-1])}, {})
        return self._make(graph, shared=[None, 0, 0, 0, None], results_shared=[None] * len(NAMES), name="moments")(*values)  # type: ignore[no-any-return]


@functools.cache
def compiled_ensemble(backend: str, sampler: type[Ensemble]) -> tuple[CompiledFunction, CompiledFunction]:
    """Return the one compiled form of a sampler on a backend: its first state, and its transitions."""
    made = sampler()
    init = function(made.init.params, made.init.results, backend=backend, name=f"{made.name}_init")
    return init, function(made.advance.params, made.advance.results, backend=backend, name=made.name)


@functools.cache
def compiled_summary(backend: str) -> CompiledFunction:
    """Return the one compiled form of :func:`moments_summary`."""
    graph = moments_summary()
    return function(graph.params, graph.results, backend=backend, name="moments_summary")


def check_model(model: Model, sampler: Ensemble, chains: int) -> None:
    """Raise where many chains of a model cannot be moved together.

    Raises
    ------
    ModelError
        If it has discrete variables, or too few parameters.
    SamplingError
        If there are too few chains.
    """
    discrete = [str(rv.name) for rv in model.free_RVs if rv.type.kind != "f"]
    if discrete:
        these, names = ("this one is", repr(discrete[0])) if len(discrete) == 1 else ("these are", repr(discrete))
        raise ModelError(
            f"{', '.join(discrete)}: {sampler.asked_for} moves continuous variables, {these} discrete",
            f"pm.marginalize(model, {names}) sums out what has finitely many states; or leave {sampler.asked_for.partition('=')[0]} and device out: each chain by itself moves discrete variables too",
        )
    if chains < sampler.fewest:
        raise SamplingError(f"{sampler.asked_for} needs at least {sampler.fewest} chains, got {chains}", f"give more, or leave {sampler.asked_for.partition('=')[0]} out")
    d, _ = Places.of(model).sizes
    if d < sampler.least_size:
        raise ModelError(f"{sampler.asked_for} needs at least {sampler.least_size} parameters, the model has {d}", "choose method='chees'")


def of_chains(graph: Graph, chains: int | str) -> Graph:
    """Return a graph of one position (d,) as one of the positions of all chains (chains, d)."""
    (q,) = graph.params
    many = pt.matrix("q", chains, *q.type.shape)
    return Graph([many], vectorize_graph(graph.results, {q: many}))


def values_of_chains(model: Model, chains: int | str) -> Graph:
    """Return the graph from positions (chains, d) to all elements of the model's variables, (chains, size)."""
    graph = model.constrained_graph()
    q: Any
    q, z = graph.params
    flat = [pt.cast(pt.reshape(pt.as_tensor(x), (-1,)), "float64") for x in graph.apply(q, pt.zeros(z.type.shape, "int64"))]
    alone = Graph([q], [pt.concatenate(flat) + 0.0 * pt.sum(q[:1])])
    return of_chains(alone, chains)


def host_backend() -> str:
    """Return where to compute beside JAX."""
    return choose_backend("auto")


def _with_numbers(kind: Any, numbers: Mapping[str, int]) -> Any:
    """A type whose lengths, names of `numbers`, are these."""
    return kind.with_shape(tuple(n if isinstance(n, int) else numbers[str(n)] for n in kind.shape)) if isinstance(kind, TensorType) else kind


def _chains_axis(kind: Any) -> int | None:
    """The axis of chains of an array of a state, whose lengths have names."""
    return 0 if kind.ndim and str(kind.shape[0]) == "chains" else None
