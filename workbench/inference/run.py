"""`Run`: a sampling run in threads, a chunk at a time, that can be watched, paused and stopped."""

from __future__ import annotations

import heapq
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from workbench.compile import choose_backend, function
from workbench.errors import SamplingError
from workbench.inference.results import Kept, data_of, dims_and_coords, to_inference_data
from workbench.inference.start import start_point
from workbench.inference.values import Values, element_names
from workbench.model.interventions import with_own_data
from workbench.model.model import Model
from workbench.samplers import STATS, Nuts, NutsSettings
from workbench.tensor.random import threefry

ROWS = 256
"""Most draws of a chunk."""
CHUNK_SECONDS = 0.1
"""What a chunk should last: short enough for live plots and a prompt stop."""
FIRST_BUDGET = 512

Array = np.ndarray[Any, Any]

on_start: list[Callable[[Run], Callable[[], None] | None]] = []
"""Called with every run that starts: a dashboard puts itself here. What it returns is called when
the run is over, by the thread that waits for it."""


class Chain:
    """What one chain has made so far. Rows of warm-up come first."""

    def __init__(self, number: int, total: int, d: int, values: Values) -> None:
        self.number = number
        self.count = 0
        self.leapfrogs = 0
        self.state: list[Array] = []
        self.q = np.empty((total, d))
        self.stats = np.empty((total, len(STATS)))
        self.values = [np.empty((total, *shape), dtype) for shape, dtype in zip(values.shapes, values.dtypes)]

    def add(self, q: Array, stats: Array, values: list[Array]) -> None:
        """Append draws. `count` moves last, so that readers never see a row half written."""
        n = len(q)
        at = slice(self.count, self.count + n)
        self.q[at], self.stats[at] = q, stats
        for mine, new in zip(self.values, values):
            mine[at] = new
        self.count += n


class Run:
    """A sampling run. Made by :func:`workbench.sample` with ``blocking=False``.

    Attributes
    ----------
    state
        "compiling", "tuning", "sampling", "paused", "stopped", "done" or "failed".
    timings
        Seconds: "compile" (to the first draw possible) and "sample".
    error
        What went wrong, when `state` is "failed".
    observed, constants, dims, coords
        Observed values, data, dims and labels that the draws are made with.
    """

    def __init__(
        self,
        model: Model,
        draws: int,
        tune: int,
        chains: int,
        cores: int | None,
        seed: int,
        settings: NutsSettings,
        backend: str,
        starts: Sequence[Mapping[Any, Any] | None],
        kept_results: Kept = Kept(),
    ) -> None:
        # Data of the model may be replaced before the run is over.
        self.model = with_own_data(model)
        self.observed, self.constants = data_of(self.model)
        self.dims, self.coords = dims_and_coords(self.model)
        self.draws_requested = draws
        self.tune = tune
        self.chains = chains
        self.cores = max(1, min(chains, cores or os.cpu_count() or 1))
        self.seed = seed
        self.settings = settings
        self.backend = choose_backend(backend)
        self.timings: dict[str, float] = {}
        self.error: BaseException | None = None
        self.started = time.perf_counter()
        self.kept: list[Chain] = []
        self.kept_results = kept_results
        self._starts = starts
        self._state = "compiling"
        self._stop = threading.Event()
        self._resume = threading.Event()
        self._resume.set()
        self._done = threading.Event()
        self._lock = threading.Lock()
        self._idata: Any = None
        self._finish: list[Callable[[], None]] = []

    # Control -----------------------------------------------------------------------------------

    def start(self, watched: bool = True) -> Run:
        """Begin in a background thread, and show it to the watchers if it is to be `watched`."""
        threading.Thread(target=self._run, name="workbench-run", daemon=True).start()
        if watched:
            self._finish = [end for watch in on_start if (end := watch(self)) is not None]
        return self

    @property
    def state(self) -> str:
        if self._state == "running":
            if not self._resume.is_set():
                return "paused"
            return "tuning" if any(c.count < self.tune for c in self.kept) else "sampling"
        return self._state

    def stop(self) -> None:
        """Stop after the chunks in hand; the draws so far are kept."""
        self._stop.set()
        self._resume.set()

    def pause(self) -> None:
        """Pause after the chunks in hand."""
        self._resume.clear()

    def resume(self) -> None:
        """Go on after a pause."""
        self._resume.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the run is over; return whether it is.

        An interrupt (Ctrl-C, the notebook's stop button) stops the run and keeps its draws.

        Raises
        ------
        Exception
            What made the run fail.
        """
        end = None if timeout is None else time.monotonic() + timeout
        try:
            while not self._done.wait(0.05):
                if end is not None and time.monotonic() > end:
                    return False
        except KeyboardInterrupt:
            self.stop()
            self._done.wait()
        while self._finish:
            self._finish.pop()()
        if self.error is not None:
            raise self.error
        return True

    def wait_quietly(self, timeout: float) -> bool:
        """Wait at most `timeout` seconds; return whether the run is over. Never raises."""
        return self._done.wait(timeout)

    def __await__(self) -> Any:
        import asyncio

        async def wait() -> Run:
            while not self._done.is_set():
                await asyncio.sleep(0.05)
            self.wait()
            return self

        return wait().__await__()

    # Work --------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._compile()
            self._state = "running"
            begun = time.perf_counter()
            self._sample()
            self.timings["sample"] = time.perf_counter() - begun
            self._state = "stopped" if any(c.count < self.total for c in self.kept) else "done"
        except BaseException as error:
            self.error = error
            self._state = "failed"
        finally:
            self._done.set()

    @property
    def total(self) -> int:
        """Draws of a whole chain, warm-up included."""
        return self.tune + self.draws_requested

    def _compile(self) -> None:
        begun = time.perf_counter()
        graph = self.model.logp_grad_graph()
        nuts = Nuts(graph, self.settings)
        made: dict[str, Any] = {}
        advance = nuts.advance(ROWS)
        jobs: dict[str, Callable[[], Any]] = {
            "advance": lambda: function(advance.params, advance.results, backend=self.backend, name="nuts"),
            "init": lambda: function(nuts.init.params, nuts.init.results, backend=self.backend, name="nuts_init"),
            "logp_grad": lambda: function(graph.params, graph.results, backend=self.backend, name="logp_grad"),
            "values": lambda: Values(self.model, self.backend, ROWS),
        }
        threads = [threading.Thread(target=_into, args=(made, name, job), daemon=True) for name, job in jobs.items()]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        for result in made.values():
            if isinstance(result, BaseException):
                raise result
        self.functions = made
        self.values_of: Values = made["values"]
        self.kept = [self._new_chain(i) for i in range(self.chains)]
        self.timings["compile"] = time.perf_counter() - begun

    def _new_chain(self, number: int) -> Chain:
        chain = Chain(number, self.total, self.model.flat_size, self.values_of)
        key = np.asarray(threefry.numpy(np.uint64(self.seed), np.uint64(number)))
        rng = np.random.default_rng([self.seed, number])
        q = start_point(self.model, self.functions["logp_grad"], rng, self._starts[number])
        chain.state = self.functions["init"](key, q)
        return chain

    def _sample(self) -> None:
        """Workers take the chain with the fewest draws, and advance it by one chunk."""
        waiting = [(0, c.number) for c in self.kept]
        heapq.heapify(waiting)
        failures: list[BaseException] = []

        def work() -> None:
            budget = FIRST_BUDGET
            while not self._stop.is_set():
                self._resume.wait()
                with self._lock:
                    if not waiting:
                        return
                    _, number = heapq.heappop(waiting)
                chain = self.kept[number]
                try:
                    budget = self._chunk(chain, budget)
                except BaseException as error:
                    failures.append(error)
                    self._stop.set()
                    return
                if chain.count < self.total:
                    with self._lock:
                        heapq.heappush(waiting, (chain.count, number))

        threads = [threading.Thread(target=work, name=f"workbench-chain-{i}", daemon=True) for i in range(self.cores)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        if failures:
            raise failures[0]

    def _chunk(self, chain: Chain, budget: int) -> int:
        """Advance a chain; return the leapfrogs to allow the next chunk."""
        begun = time.perf_counter()
        wanted = min(ROWS, self.total - chain.count)
        *state, done, row, draws, stats = self.functions["advance"](*chain.state, wanted, budget, self.tune)
        n = int(row)
        chain.state = state
        chain.leapfrogs += int(done)
        if n:
            chain.add(draws[:n], stats[:n], self.values_of(draws, n))
        spent = time.perf_counter() - begun
        return int(np.clip(int(done) * CHUNK_SECONDS / max(spent, 1e-6), 16, 10_000_000))

    # Looking -----------------------------------------------------------------------------------

    def progress(self) -> list[dict[str, Any]]:
        """Return each chain's state: draws (warm-up included), step size, gradients per draw, divergences."""
        rows = []
        for c in self.kept:
            n = c.count
            recent = c.stats[max(0, n - 100) : n]
            rows.append(
                {
                    "chain": c.number,
                    "draws": n,
                    "tuning": n < self.tune,
                    "step_size": float(recent[-1, STATS.index("step_size")]) if n else float("nan"),
                    "gradients": float(recent[:, STATS.index("n_steps")].mean()) if n else float("nan"),
                    "divergences": int(c.stats[self.tune : n, STATS.index("diverging")].sum()) if n > self.tune else 0,
                    "tree_depth": float(recent[:, STATS.index("tree_depth")].mean()) if n else float("nan"),
                }
            )
        return rows

    def variable_names(self) -> list[str]:
        """Return the names of all scalar elements: ``mu_a``, ``a[AITKIN]``."""
        return [e for name, shape in self._variables() for e in element_names(self.model, name, shape)]

    def _variables(self) -> list[tuple[str, tuple[int, ...]]]:
        variables = (*self.model.free_RVs, *self.model.deterministics)
        return [(str(x.name), x.type.static_shape) for x in variables]

    def values(self, names: list[str], chain: int, start: int = 0, stop: int | None = None) -> Array:
        """Return elements' values, (draws, names), warm-up rows first."""
        where: dict[str, tuple[int, int]] = {}
        for v, (name, shape) in enumerate(self._variables()):
            for i, element in enumerate(element_names(self.model, name, shape)):
                where[element] = (v, i)
        if chain >= len(self.kept):
            return np.empty((0, len(names)))
        c = self.kept[chain]
        at = slice(start, c.count if stop is None else min(stop, c.count))
        columns = [c.values[where[n][0]][at].reshape(at.stop - at.start if at.stop > at.start else 0, -1)[:, where[n][1]] for n in names]
        return np.stack(columns, axis=1).astype(np.float64) if columns else np.empty((0, 0))

    def divergences(self, chain: int) -> Array:
        """Return the rows (warm-up included) of a chain's divergent draws."""
        c = self.kept[chain]
        return np.flatnonzero(c.stats[: c.count, STATS.index("diverging")])

    def _finished(self, first: int, last: int) -> tuple[list[Chain], int]:
        """The chains with draws in [first, last), and how many of those all of them have."""
        chains = [c for c in self.kept if c.count > first]
        return chains, min((min(c.count, last) - first for c in chains), default=0)

    def _group(self, first: int, last: int) -> dict[str, Array]:
        chains, n = self._finished(first, last)
        if not chains:
            return {}
        names = [name for name, _ in self._variables()]
        return {name: np.stack([c.values[i][first : first + n] for c in chains]) for i, name in enumerate(names)}

    def _stats_group(self, first: int, last: int) -> dict[str, Array]:
        chains, n = self._finished(first, last)
        if not chains:
            return {}
        table = np.stack([c.stats[first : first + n] for c in chains])
        flags, counts = ("diverging", "reached_max_treedepth"), ("tree_depth", "n_steps", "index_in_trajectory")
        found = {}
        for i, name in enumerate(STATS):
            if name != "tuning":
                kind = bool if name in flags else np.int64 if name in counts else np.float64
                found[name] = table[:, :, i].astype(kind)
        return found

    @property
    def draws(self) -> dict[str, Array]:
        """Draws after warm-up, by variable: (chain, draw, *shape)."""
        return self._group(self.tune, self.total)

    @property
    def warmup(self) -> dict[str, Array]:
        """Draws of warm-up, by variable."""
        return self._group(0, self.tune)

    @property
    def stats(self) -> dict[str, Array]:
        """Sample statistics after warm-up, by ArviZ's names: (chain, draw)."""
        return self._stats_group(self.tune, self.total)

    @property
    def warmup_stats(self) -> dict[str, Array]:
        """Sample statistics of warm-up."""
        return self._stats_group(0, self.tune)

    @property
    def idata(self) -> Any:
        """The run as ArviZ's InferenceData (loads ArviZ); of a run stopped in warm-up, of that alone.

        Raises
        ------
        SamplingError
            If there is no draw at all.
        """
        if not self.draws and not self.warmup:
            raise SamplingError("the run was stopped before its first draw: there is nothing to make InferenceData of")
        if self._idata is None or not self._done.is_set():
            self._idata = to_inference_data(self)
        return self._idata

    def __repr__(self) -> str:
        done = sum(c.count for c in self.kept)
        return f"<Run: {self.state}, {done} of {self.chains * self.total} draws, {self.chains} chains on {self.backend}>"


def _into(made: dict[str, Any], name: str, job: Callable[[], Any]) -> None:
    try:
        made[name] = job()
    except BaseException as error:
        made[name] = error
