"""`Run`: a sampling run in threads, a chunk at a time, that can be watched, paused and stopped."""

from __future__ import annotations

import functools
import heapq
import itertools
import math
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from workbench.compile import choose_backend
from workbench.errors import SamplingError, StoreError, user_location, warn_user
from workbench.inference import early_stop, shorter_steps
from workbench.inference.blas_threads import limited
from workbench.inference.callbacks import Callback, last_draws
from workbench.inference.chains import Chain, Cut, named_draws, state_of
from workbench.inference.columns import Columns
from workbench.inference.convergence import convergence_problems
from workbench.inference.element_table import ElementTable
from workbench.inference.executors import Dask, Executor, Threads, linked_sampler
from workbench.inference.external.sampler import Chosen, External
from workbench.inference.interrupts import Interrupts
from workbench.inference.linked import LinkedSampler, Step
from workbench.inference.origin import about
from workbench.inference.results import Kept, Results
from workbench.inference.start import TRIES, start_point
from workbench.inference.stores import Column, MemoryStore, Rows, Store
from workbench.inference.values import apart, element_names
from workbench.model.interventions import with_own_data
from workbench.model.model import Model
from workbench.model.position import Places
from workbench.tensor.random import threefry

FIRST_BUDGET = 512

Array = np.ndarray[Any, Any]

on_start: list[Callable[[Run], Callable[[], None] | None]] = []
"""Called with every run that starts: a dashboard puts itself here. What it returns is called when
the run is over, by the thread that waits for it."""


class Run:
    """A sampling run. Made by :func:`workbench.sample` with ``blocking=False``.

    Attributes
    ----------
    state
        "compiling", "tuning", "sampling", "paused", "stopped", "done" or "failed".
    timings
        Seconds: "compile" (to the first draw possible) and "sample", pauses left out.
    compiling
        What is compiled, in words, and the seconds it took; ``None`` for what is not done yet.
    shows_problems
        Whether what shows the run says what speaks against it, so that nothing else need warn of it.
    error
        What went wrong, when `state` is "failed". The draws until then are kept.
    blas_threads
        Threads that BLAS may use for each chain; ``None`` for as many as it likes.
    longest_tune
        Draws of warm-up at most, where it ends early when the chains agree; ``None`` where it does not.
    shorter_targets, shortened
        Acceptances that steps are shortened for in turn where trajectories diverge; when that was done.
    planned_tune
        As how long warm-up is planned now: adaptation goes by it.
    when_idle
        Called when Python has nothing to do: while compilers are at work, and when the chains begin.
    external
        The sampler of another package that was asked for.
    observed, constants, coords
        Observed values, data and labels of dims that the draws are made with.
    """

    def __init__(
        self,
        model: Model,
        draws: int,
        tune: int,
        chains: int,
        cores: int | None,
        seed: int,
        steps: Sequence[Step],
        backend: str,
        starts: Sequence[Mapping[Any, Any] | None],
        kept_results: Kept = Kept(),
        jitter: bool = True,
        tries: int = TRIES,
        callback: Callback | None = None,
        external: Chosen | None = None,
        store: Store | None = None,
        executor: Callable[[int], Dask] | None = None,
        longest_tune: int | None = None,
        shorter_targets: tuple[float, ...] = (),
    ) -> None:
        # Data of the model may be replaced before the run is over.
        self.model = with_own_data(model)
        self.store: Store = MemoryStore() if store is None else store
        self.places = Places.of(self.model)
        self.results = Results(self.model, kept_results)
        self.observed, self.constants, self.coords = self.results.observed, self.results.constant, self.results.layout.labels
        self.draws_requested = draws
        self.tune = self.planned_tune = tune
        self.longest_tune = longest_tune
        self.chains = chains
        self.cores = max(1, min(chains, cores or os.cpu_count() or 1))
        self._limit, self._executor = cores, executor
        self.seed = seed
        self.steps = tuple(steps)
        self.shorter_targets, self.shortened = shorter_targets, list[shorter_steps.Shortened]()
        if longest_tune is not None:
            early_stop.check(self)
        self._until = math.inf
        self.backend = choose_backend(backend)
        self.timings: dict[str, float] = {"sample": 0.0}
        self.error: BaseException | None = None
        self.started = time.perf_counter()
        self.kept: list[Chain] = []
        self._rows: Sequence[Rows] | None = None
        self._stored_columns: tuple[Column, ...] = ()
        self._starts, self._jitter, self._tries = starts, jitter, tries
        self._callback, self.external = callback, external
        self._written_at = user_location()
        self._state = "compiling"
        self.blas_threads: int | None = 1
        self.when_idle: Callable[[], None] | None = None
        self.stopping = threading.Event()
        self._resume = threading.Event()
        self._resume.set()
        self._begun: float | None = None
        self._paused_at, self._paused = 0.0, 0.0
        self._done = threading.Event()
        self._given_up = False
        self._turn, self._lock, self._calling = (threading.Lock() for _ in range(3))
        self.compiling: dict[str, float | None] = {}
        self.shows_problems = False
        self._idata: Any = None
        self._finish: list[Callable[[], None]] = []

    # Control -----------------------------------------------------------------------------------

    def start(self, watched: bool = True) -> Run:
        """Begin in a background thread, and show it to the watchers if it is to be `watched`.

        Raises
        ------
        StoreError
            If its draws cannot be stored.
        """
        if self._rows is None:
            self.store.claim()
        threading.Thread(target=self._run, name="workbench-run", daemon=True).start()
        for watch in on_start if watched else ():
            end = self._shown(lambda watch=watch: watch(self))  # type: ignore[misc]
            if end is not None:
                self._finish.append(end)
        return self

    def go_on(self, rows: Sequence[Rows], columns: Sequence[Column], seconds: float) -> None:
        """Begin, when it is started, with the draws and states of chains that a store has in its columns, which took some seconds."""
        self._rows, self._stored_columns = rows, tuple(columns)
        self.timings["sample"] = seconds

    @staticmethod
    def _shown(show: Callable[[], Any]) -> Any:
        """Call what shows a run; the run does not end with it."""
        try:
            return show()
        except Exception as error:
            warn_user(f"the run goes on, but could not be shown: {type(error).__name__}: {error}")
            return None

    @property
    def state(self) -> str:
        if self._state == "running":
            if not self._resume.is_set():
                return "paused"
            return "tuning" if any(c.count < self.tune for c in self.kept) else "sampling"
        return self._state

    def stop(self) -> None:
        """Stop after the chunks in hand; the draws so far are kept.

        While the model is compiled there is none: the run is over at once, and the compiler is left to itself.
        """
        self.stopping.set()
        self.resume()
        with self._turn:
            if self._state == "compiling":
                self._give_up()

    def shorten(self, draws: int) -> None:
        """Let chains end after fewer draws, those that they have at the least."""
        have = max((c.count - self.tune for c in self.kept), default=0)
        self.draws_requested = min(self.draws_requested, max(draws, have, 1))

    def pause(self) -> None:
        """Pause after the chunks in hand."""
        if self._resume.is_set():
            self._paused_at = time.perf_counter()
            self._resume.clear()

    def resume(self) -> None:
        """Go on after a pause."""
        if not self._resume.is_set():
            self._paused += self._pause()
            self._resume.set()

    def _pause(self) -> float:
        """Seconds that the present pause has taken of the time for sampling."""
        if self._resume.is_set() or self._begun is None:
            return 0.0
        return time.perf_counter() - max(self._paused_at, self._begun)

    @property
    def sampling_seconds(self) -> float:
        """Seconds of sampling so far, pauses left out."""
        if self._begun is None:
            return self.timings["sample"]
        return self.timings["sample"] + time.perf_counter() - self._begun - self._paused - self._pause()

    def _give_up(self) -> None:
        """Be over now: what is still being computed is left to itself, and not added."""
        self._given_up = True
        self._state = "stopped"
        self._done.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the run is over; return whether it is.

        An interrupt (Ctrl-C, the notebook's stop button) stops the run and keeps its draws; a second one
        does not wait for the chunks in hand.

        Raises
        ------
        SamplingError
            If a chain failed: its `run` has the draws until then.
        Exception
            What made the run fail before its first draw.
        """
        end = None if timeout is None else time.monotonic() + timeout
        try:
            with Interrupts() as interrupts:
                while not interrupts.wait(self._done, 0.05):
                    if end is not None and time.monotonic() > end:
                        return False
        except KeyboardInterrupt:
            self.interrupt()
        while self._finish:
            self._shown(self._finish.pop())
        if self.error is not None:
            raise self.error
        return True

    def interrupt(self) -> None:
        """Stop, and wait for the chunks in hand, unless that is interrupted too."""
        self.stop()
        try:
            with Interrupts() as interrupts:
                while not interrupts.wait(self._done, 0.05):
                    pass
        except KeyboardInterrupt:
            self._given_up = True
            self._close()
            self._give_up()

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
            try:
                self._compile()
                with self._turn:
                    if self._given_up:
                        return
                    self._state = "running"
                if self.when_idle is not None:
                    self.when_idle()
                self._begun = time.perf_counter()
                try:
                    self._sample()
                finally:
                    self.timings["sample"], self._begun = self.sampling_seconds, None
            finally:
                self._close()
            state = "stopped" if any(c.count < self.total for c in self.kept) else "done"
        except BaseException as error:
            if not self._given_up:
                self.error = error
            state = "failed"
        if not self._given_up:
            self._state = state
            self._done.set()

    @property
    def total(self) -> int:
        """Draws of a whole chain, warm-up included."""
        return self.tune + self.draws_requested

    @property
    def tuning_steps(self) -> int:
        """Transitions of warm-up."""
        return self.tune

    @property
    def shown_chains(self) -> int:
        """How many chains, the first, progress and plots are shown of."""
        return self.chains

    def complete(self, table: ElementTable) -> None:
        """Put into a table of the chains that are shown what is known of all chains: here they are the same."""

    def problems(self, table: ElementTable | None = None) -> Iterator[str]:
        """Yield what speaks against the run, when it is over: :func:`convergence_problems`."""
        return convergence_problems(self, table)

    def _compile(self) -> None:
        begun = time.perf_counter()
        self.linked: LinkedSampler | External = (
            LinkedSampler(self.model, self.steps, self.backend, self.compiling, self.when_idle) if self.external is None else self.external.made(self)
        )
        if self._given_up:
            return
        columns, data = Columns(self.linked, self.results.layout), {"observed_data": self.observed, "constant_data": self.constants}
        contents = columns.contents(self.chains, self.tune, self.draws_requested, data, lambda: about(self))
        if self._rows is None:
            self._rows = self.store.begin(contents, [self._first_state(i) for i in range(self.chains)])
        else:
            self._require_columns(columns)
        self.kept = [Chain(i, own, columns, self.tune) for i, own in enumerate(self._rows)]
        self.executor: Executor = self._elsewhere() if self._executor is not None else Threads(self.linked)
        self.timings["compile"] = time.perf_counter() - begun

    def _require_columns(self, columns: Columns) -> None:
        """Raise where what a store has of a draw is not what is made of it."""
        if new := [f"{c.group}/{c.name}" for c in {*columns.all} ^ {*self._stored_columns}]:
            raise StoreError(f"what is stored of a draw is not what is made of it now: {', '.join(sorted(new))}", "use the version that began the run")

    def _elsewhere(self) -> Dask:
        """Workers that compute chunks; a thread waits for each."""
        assert self._executor is not None
        found = self._executor(self.cores)
        found.stopping = self.stopping
        found.send(linked_sampler, self.model, self.steps, self.backend, self.blas_threads)
        self.cores = max(1, min(self.chains, self._limit or found.workers))
        return found

    def _first_state(self, number: int) -> list[Array]:
        key = np.asarray(threefry.numpy(np.uint64(self.seed), np.uint64(number)))
        rng = np.random.default_rng([self.seed, number])
        q, z = start_point(self.model, self.linked.density, rng, self._starts[number], self._jitter, self._tries)
        return self.linked.init(key, q, z)

    def _close(self) -> None:
        """Say that no draws will come; an error of the run's own comes before what the store says."""
        failing = sys.exc_info()[1]
        if hasattr(self, "executor"):
            self.executor.close()
        try:
            self.store.close({"sampling_time": self.timings["sample"]})
        except StoreError as error:
            if failing is None:
                raise self._with_draws(f"the draws are made, but not all could be stored: {error.message}", error) from error
            failing.add_note(f"at the end: {error.message}")

    def _sample(self) -> None:
        """Advance all chains from stretch to stretch, at whose ends they wait for each other: one stretch, if nothing is asked of them."""
        for until in itertools.chain(early_stop.stretches(self), shorter_steps.stretches(self), [math.inf]):
            self._until = until
            self._advance_chains()

    def _end(self) -> float:
        """After how many draws chains stop next."""
        return min(self._until, self.total)

    def _advance_chains(self) -> None:
        """Workers take the chain with the fewest draws, and advance it by one chunk."""
        waiting = [(c.count, c.number) for c in self.kept if c.count < self._end()]
        heapq.heapify(waiting)
        failures: list[tuple[int, BaseException]] = []

        def work() -> None:
            budget = FIRST_BUDGET
            while not self.stopping.is_set():
                self._resume.wait()
                with self._lock:
                    if not waiting:
                        return
                    _, number = heapq.heappop(waiting)
                chain = self.kept[number]
                try:
                    budget = self._chunk(chain, budget)
                except KeyboardInterrupt:
                    # A callback asks to stop.
                    self.stopping.set()
                    return
                except BaseException as error:
                    failures.append((number, error))
                    self.stopping.set()
                    return
                if chain.count < self._end():
                    with self._lock:
                        heapq.heappush(waiting, (chain.count, number))

        threads = [threading.Thread(target=work, name=f"workbench-chain-{i}", daemon=True) for i in range(self.cores)]
        with limited(self.blas_threads):
            for t in threads:
                t.start()
            for t in threads:
                t.join()
        if failures:
            raise self._failed(*failures[0])

    def _failed(self, number: int, error: BaseException) -> BaseException:
        said = getattr(error, "message", str(error))
        where = f"chain {number} failed after {self.kept[number].count} of {self.total} draws"
        failed = self._with_draws(f"{where}: {type(error).__name__}{': ' if said else ''}{said}", error)
        failed.__cause__ = error
        return failed

    def _with_draws(self, message: str, error: BaseException) -> SamplingError:
        """An error that has the run, and says so."""
        made = sum(c.count for c in self.kept)
        own = getattr(error, "hint", "")
        kept = (
            f"the {made} draws of all chains are kept in the run, which the error has: `except SamplingError as error: error.run.draws`, "
            ".warmup, .idata (after the fact: sys.last_value.run)"
        )  # fmt: skip
        hint = (f"{own}; {kept}" if isinstance(error, StoreError) else kept) if made else own
        failed = SamplingError(message, hint, getattr(error, "location", None) or self._written_at)
        failed.run = self
        return failed

    def _chunk(self, chain: Chain, budget: int) -> int:
        """Advance a chain; return the ticks to allow the next chunk."""
        begun = time.perf_counter()
        wanted = int(min(self.linked.rows, self._end() - chain.count))
        state, ticks, q, z, stats, values, spent, cpu = self.executor.chunk(chain.state, wanted, budget, self.planned_tune)
        if self._given_up:
            return budget
        if len(q):
            chain.add(q, z, stats, values, state, begun, spent, cpu)
            if self._callback is not None:
                self._call_back(chain, q, z, stats, values)
        else:
            chain.keep(state)
        return int(np.clip(ticks * self.executor.seconds / max(spent, 1e-6), 16, 10_000_000))

    def _call_back(self, chain: Chain, q: Array, z: Array, stats: Array, values: Sequence[Array]) -> None:
        """Tell the callback of the last draws of a chain, one at a time."""
        assert self._callback is not None
        for i in range(len(q)):
            draw = last_draws(self, chain, q, z, stats, values, i)
            with self._calling:
                if self._given_up:
                    return
                self._callback(self, draw)

    # Looking -----------------------------------------------------------------------------------

    def progress(self) -> list[dict[str, Any]]:
        """Return each chain's state: draws (warm-up included), step size, gradients per draw, divergences, depth of trees (0: there are none)."""
        return [state_of(c, self.tune) for c in self.kept[: self.shown_chains]]

    def variable_names(self) -> list[str]:
        """Return the names of all scalar elements, each another: ``mu_a``, ``a[AITKIN]``."""
        return list(self._elements)

    @functools.cached_property
    def _elements(self) -> dict[str, tuple[int, int]]:
        """Of each element, by name, the number of its variable, and its place in that."""
        names = apart([e for name, shape in self._variables() for e in element_names(self.model, name, shape)])
        return dict(zip(names, ((v, i) for v, (_, shape) in enumerate(self._variables()) for i in range(math.prod(shape)))))

    def _variables(self) -> list[tuple[str, tuple[int, ...]]]:
        variables = (*self.model.free_RVs, *self.model.deterministics)
        return [(str(x.name), x.type.static_shape) for x in variables]

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the free variables and deterministics, by name."""
        return dict(self._variables())

    def values(self, names: list[str], chain: int, start: int = 0, stop: int | None = None) -> Array:
        """Return elements' values, (draws, names), warm-up rows first."""
        where = self._elements
        if chain >= len(self.kept):
            return np.empty((0, len(names)))
        c = self.kept[chain]
        at = slice(start, c.count if stop is None else min(stop, c.count))
        rows = max(0, at.stop - at.start)
        read = {v: c.value(v, at.start, at.stop).reshape(rows, -1) for v in {where[n][0] for n in names}} if rows else {}
        columns = [read[where[n][0]][:, where[n][1]] if rows else np.empty(0) for n in names]
        return np.stack(columns, axis=1).astype(np.float64) if columns else np.empty((0, 0))

    def divergences(self, chain: int) -> Array:
        """Return the rows (warm-up included) of a chain's divergent draws."""
        found = self.kept[chain].stat("diverging")
        return np.flatnonzero(found) if found is not None else np.empty(0, np.int64)

    def cut(self, warmup: bool = False) -> Cut:
        """Return the draws after warm-up, or those of warm-up, that chains have together."""
        first, last = (0, self.tune) if warmup else (self.tune, self.total)
        return Cut(self.kept, first, last, self.places, list(self.shapes))

    def draws_of(self, chain: int, warmup: bool = False) -> dict[str, Array]:
        """Return all draws that one chain has, by variable: (draw, *shape). They may be more than others have."""
        c = self.kept[chain]
        start, stop = (0, min(self.tune, c.count)) if warmup else (self.tune, max(self.tune, c.count))
        return {name: c.value(i, start, stop).copy() for i, name in enumerate(list(self.shapes))}

    @property
    def draws(self) -> dict[str, Array]:
        """Draws after warm-up, by variable: (chain, draw, *shape)."""
        return self.cut().values()

    def __getitem__(self, name: str) -> Array:
        """Draws of a variable after warm-up, chains one after the other, (chain * draw, *shape), as PyMC's `MultiTrace` has them."""
        return named_draws(self.draws, name)

    @property
    def warmup(self) -> dict[str, Array]:
        """Draws of warm-up, by variable."""
        return self.cut(warmup=True).values()

    @property
    def stats(self) -> dict[str, Array]:
        """Sample statistics after warm-up, by ArviZ's names: (chain, draw)."""
        return self.cut().stats()

    @property
    def warmup_stats(self) -> dict[str, Array]:
        """Sample statistics of warm-up."""
        return self.cut(warmup=True).stats()

    @property
    def idata(self) -> Any:
        """The run as ArviZ's InferenceData (loads xarray); of a run stopped in warm-up, of that alone.

        Raises
        ------
        SamplingError
            If there is no draw at all, or the draws cannot become InferenceData: they are in its `run`.
        """
        if not any(c.count for c in self.kept):
            raise SamplingError("the run was stopped before its first draw: there is nothing to make InferenceData of", location=self._written_at)
        if self._idata is None or not self._done.is_set():
            try:
                self._idata = self.results.inference_data(self)
            except Exception as error:
                failed = SamplingError(
                    f"the draws are made, but cannot become InferenceData: {type(error).__name__}: {getattr(error, 'message', error)}",
                    "they are kept in the run, which the error has: `except SamplingError as error: error.run.draws`, .warmup, .stats "
                    "(after the fact: sys.last_value.run)",
                    self._written_at,
                )
                failed.run = self
                raise failed from error
        return self._idata

    def __reduce__(self) -> Any:
        raise TypeError("a Run has threads, and cannot be pickled: pickle run.idata, or run.draws")

    def __repr__(self) -> str:
        done = sum(c.count for c in self.kept)
        return f"<Run: {self.state}, {done} of {self.chains * self.total} draws, {self.chains} chains on {self.backend}>"
