"""`EnsembleRun`: a run whose one lane advances all chains, on the host or on devices; else a run like any other."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from workbench.compile.jax.devices import free_memory, memory_of
from workbench.errors import ArgumentError, SamplingError, StoreError
from workbench.inference.chains import Chain
from workbench.inference.columns import TIMES, Columns
from workbench.inference.convergence import EXAMINED, MOST_RHAT, NAMED
from workbench.inference.drift import drift
from workbench.inference.element_table import ElementTable
from workbench.inference.executors import CHUNK_SECONDS
from workbench.inference.linked_ensemble import Chunk, LinkedEnsemble, check_model
from workbench.inference.many_chains import METHODS, Way
from workbench.inference.origin import about
from workbench.inference.results import Kept
from workbench.inference.run import Run
from workbench.inference.start import TRIES, start_point
from workbench.inference.stores import MemoryStore, Rows, Store, ZarrStore
from workbench.model.model import Model
from workbench.samplers.demetropolis_in_turn import DEMetropolisInTurn
from workbench.samplers.ensemble import Ensemble, Moments

Array = np.ndarray[Any, Any]

SHOWN = 8
"""Chains that progress and plots are shown of."""
FEW = 64
"""The same where it takes more than means to know what chains say."""
GROUPED_FROM, GROUPS = 128, 16
"""So many chains, or more, begin in groups, of which there are so many, each at one point."""
ENDS = 8
"""Draws at each end of a run whose means tell whether the chains still move."""
NEVER = 2**62
MEMORY_SHARE = 0.8
"""Share of the free memory that draws may take."""
FEWEST_ESS = 400
"""Effective draws of all chains together below which quantities are not well known; Vehtari et al. (2021)."""
BY_CHANCE = 3.0
"""Times the variance that means of groups have by their draws' number alone, above which they differ."""
STUCK, DIVERGING = 0.01, 0.001
"""Shares of chains that do not move, and of transitions that diverge, above which a person is told."""


class Lane:
    """The rows of all chains, as a store has them: arrays (rows, chains, ...) of each column."""

    def __init__(self, rows: Rows, columns: Columns, tune: int) -> None:
        self.rows, self.columns, self.tune = rows, columns, tune
        self._last: tuple[tuple[int, int, int], Array] | None = None

    @property
    def count(self) -> int:
        return self.rows.count

    def add(
        self, q: Array, stats: Array, values: Sequence[Array], state: list[Array], begun: float, seconds: float, cpu_seconds: float
    ) -> None:
        """Append rows of all chains, (rows, chains, ...), or none, and the state after them."""
        n, chains = q.shape[:2]
        if not n:
            self.rows.append([np.empty((0, chains, *c.shape), c.dtype) for c in self.columns.all], state)
            return
        times = np.empty((n, chains, len(TIMES)))
        times[..., 0] = (begun + seconds * np.arange(n) / n)[:, None]
        times[..., 1], times[..., 2] = seconds / n, cpu_seconds / n
        made = [new.reshape((n, chains, *new.shape[1:])) for new in values]
        before = self.stat("divergences", start=self.count - 1) if self.count else None
        divergences = 0 if before is None else before[:, -1]
        tuning = np.arange(self.count, self.count + n) < self.tune
        self.rows.append(self.columns.of(q, np.empty((n, chains, 0), np.int64), stats, made, times, divergences, tuning), state)

    def read(self, column: int, start: int, stop: int) -> Array:
        """Return rows of a column, (rows, chains, ...). The last ones read are at hand: each chain asks for its part of them."""
        at, last = (column, start, min(stop, self.count)), self._last
        if last is not None and last[0] == at:
            return last[1]
        found = self.rows.read(*at)
        self._last = at, found
        return found

    def stat(self, name: str, chains: int | None = None, start: int = 0) -> Array | None:
        """Return a statistic of the first chains, (chains, rows); ``None`` if there is none of that name."""
        at = self.columns.stats.get(name)
        return None if at is None else self.read(at, start, self.count)[:, :chains].swapaxes(0, 1)


class RowsOfLane:
    """One chain's rows of those of all."""

    def __init__(self, number: int, lane: Lane) -> None:
        self.number, self.lane = number, lane
        self.state: list[Array] = []

    @property
    def count(self) -> int:
        """Rows so far."""
        return self.lane.count

    def append(self, columns: Sequence[Array], state: list[Array]) -> None:
        raise TypeError("rows are added to those of all chains")

    def read(self, column: int, start: int, stop: int) -> Array:
        """Return rows of a column: a view."""
        return self.lane.read(column, start, stop)[:, self.number]


class EnsembleRun(Run):
    """A run that moves all chains together.

    Parameters
    ----------
    sampler, settings
        What moves the chains, and its settings by name.
    devices
        JAX's devices, where the backend is JAX.
    thin
        Of how many draws one is kept. Moments are of all.
    keep_warmup
        Whether draws of warm-up are kept.

    Attributes
    ----------
    tune, draws_requested
        Rows of warm-up and after it that are kept of each chain.
    warmup_transitions, transitions
        Transitions of warm-up, and after it.
    groups
        Of each chain, the number of the group that begins at one point with it.
    gradients
        Gradients that each chain has made.
    distinct
        Whether each chain is a group, however many there are.
    """

    def __init__(
        self, model: Model, draws: int, tune: int, chains: int, seed: int, sampler: Ensemble, settings: Mapping[str, Any], backend: str,
        devices: Sequence[Any], starts: Sequence[Mapping[Any, Any] | None], thin: int = 1, keep_warmup: bool = False,
        kept_results: Kept = Kept(), jitter: bool = True, tries: int = TRIES, store: Store | None = None, distinct: bool | None = None,
    ) -> None:  # fmt: skip
        rows, warm = draws // thin, tune // thin if keep_warmup else 0
        super().__init__(model, rows, warm, chains, 1, seed, (), backend, starts, kept_results, jitter, tries, store=store)
        if not getattr(self.store, "keeps_together", False):
            raise ArgumentError(f"{self.store!r} cannot keep chains that are moved together", "give trace a path, or leave one of them out")
        self.sampler, self.settings, self.devices = sampler, dict(settings), list(devices)
        self.thin, self._keep_warmup = thin, keep_warmup
        self.warmup_transitions, self.transitions = tune, draws // thin * thin
        self.distinct = sampler.dependent or len({id(s) for s in starts}) > 1 if distinct is None else distinct
        self.groups = groups_of(chains, self.distinct)
        self.gradients = self._made = 0
        self._moments: list[Any] = []
        self._check_memory()

    @property
    def state(self) -> str:
        found = super().state
        return "tuning" if found == "sampling" and self._made < self.warmup_transitions else found

    @property
    def shown_chains(self) -> int:
        return min(FEW if self.sampler.dependent else SHOWN, self.chains)

    @property
    def tuning_steps(self) -> int:
        return self.warmup_transitions

    def progress(self) -> list[dict[str, Any]]:
        """Return the state of the chains that are shown: as :meth:`Run.progress`."""
        rows = super().progress()
        for row in rows:
            row["tuning"] = self._made < self.warmup_transitions
        return rows

    def moments(self) -> dict[str, dict[str, Array]]:
        """Return what all draws after warm-up say, those that were not kept too: by variable, and then by name of the statistic.

        "mean", "sd", "mcse_mean" (the error of the mean), "ess" and "nested_rhat": :func:`workbench.samplers.moments.moments_summary`;
        "q5", "median" and "q95": quantiles over the chains, in the mean over draws (NaN where there are too few chains for one).
        """
        if not self._moments or float(self._moments[0]) < 1.0:
            return {}
        found = self.linked.summary(self._moments, self.groups)
        split: dict[str, dict[str, Array]] = {}
        at = 0
        for name, shape in zip(self.linked.values.names, self.linked.values.shapes):
            size = int(np.prod(shape, dtype=np.int64))
            split[name] = {k: v[at : at + size].reshape(shape) for k, v in found.items()}
            at += size
        return split

    def complete(self, table: ElementTable) -> None:
        """Put into a table of the chains that are shown what all chains say: the mean and standard deviation, effective draws, and nested R-hat."""
        moments = {} if self.sampler.dependent else self.moments()
        if moments:
            for column, name in (("mean", "mean"), ("sd", "sd"), ("ess_bulk", "ess"), ("rhat", "nested_rhat")):
                table.columns[column] = np.concatenate([np.ravel(m[name]) for m in moments.values()]).astype(float)
            table.columns["ess_tail"] = np.full(len(table.names), np.nan)

    def problems(self, table: Any = None) -> Iterator[str]:
        """Yield what speaks against the run."""
        if self.sampler.dependent:
            yield from super().problems(table)
            return
        moments = self.moments()
        if not moments:
            yield "it was stopped in warm-up: there are no draws of the posterior"
            return
        every = {k: np.concatenate([m[k].ravel() for m in moments.values()]) for k in next(iter(moments.values()))}
        names = self.variable_names()
        changing = every["sd"] > 0.0
        diverging = self._stat("diverging")
        if diverging is not None and diverging.size and diverging.mean() > DIVERGING:
            yield f"{diverging.mean():.1%} of the transitions after warm-up diverged: the draws miss where they end; raise target_accept, or reparameterise"
        moved = np.asarray(self._moments[2]).max(axis=1) > 0.0
        still = int((~moved).sum())
        if still > STUCK * self.chains and float(self._moments[0]) > 1.0:
            yield f"{still} of {self.chains} chains did not move after warm-up; start elsewhere with initvals, or raise target_accept"
        # Groups of few effective draws differ by chance.
        chance = BY_CHANCE * (self.groups[-1] + 1) / every["ess"]
        bound = np.sqrt(1.0 + np.maximum(MOST_RHAT**2 - 1.0, chance))
        apart = np.flatnonzero(changing & ~(every["nested_rhat"] <= bound))
        if len(apart):
            worst = apart[np.argsort(-every["nested_rhat"][apart], kind="stable")][:NAMED]
            listed = ", ".join(f"{names[i]} ({every['nested_rhat'][i]:.2f})" for i in worst)
            yield (
                f"nested R-hat is above {MOST_RHAT} for {len(apart)} of {len(names)} elements, the worst {listed}: the chains remember where they "
                "began; warm up longer (tune=...), or reparameterise"
            )
        drifts = self._drifts()
        moving = np.argsort(-drifts, kind="stable")[: int((drifts > 0.0).sum())]
        if len(moving):
            listed = ", ".join(f"{names[i]} (by {drifts[i]:.2g} sd)" for i in moving[:NAMED])
            elsewhere = "" if self.sampler.name == "chees" else '; method="chees" comes in from the farthest'
            yield (
                f"all chains still moved the same way after warm-up, in {len(moving)} of {len(names)} elements, the most {listed}: they have not reached "
                "the posterior; warm up longer (tune=...), or start nearer (initvals=...)" + elsewhere
            )
        few = np.flatnonzero(changing & (every["ess"] < FEWEST_ESS))
        if len(few):
            worst = few[np.argsort(every["ess"][few], kind="stable")][:NAMED]
            listed = ", ".join(f"{names[i]} ({every['ess'][i]:.0f})" for i in worst)
            yield f"fewer than {FEWEST_ESS} effective draws for {len(few)} of {len(names)} elements, the fewest {listed}: draw longer, or more chains"

    def _drifts(self) -> Array:
        """How far the chains' mean moves from the first kept draws to the last, of each element."""
        kept = self._lane.count - self.tune
        found = []
        for i, (_, shape) in enumerate(self._variables()):
            size = self.chains * max(1, int(np.prod(shape)))
            rows = max(1, min(ENDS, kept // 2, ENDS * EXAMINED // size))
            ends = [self._lane.read(i, a, a + rows) if kept > 1 else np.zeros((1, self.chains, *shape)) for a in (self.tune, self._lane.count - rows)]
            found.append(drift(*(x.reshape(*x.shape[:2], -1) for x in ends)))
        return np.concatenate(found)

    def _stat(self, name: str) -> Array | None:
        return self._lane.stat(name, max(1, EXAMINED // max(1, self.total)), self.tune) if self.kept else None

    # Work --------------------------------------------------------------------------------------

    def _check_memory(self) -> None:
        """Raise where the draws that would be kept have no room."""
        d, k = self.places.sizes
        elements = sum(int(np.prod(shape, dtype=np.int64)) for _, shape in self._variables())
        row = 8 * self.chains * (d + k + elements + len(self.sampler.stats) + 1 + len(TIMES))
        needed, free = row * self.total, free_memory()
        if isinstance(self.store, ZarrStore) and needed > self.store.memory:
            return
        if free is None or needed <= MEMORY_SHARE * free:
            return
        rows = int(MEMORY_SHARE * free // row)
        asked = f"{self.total} draws of {self.chains} chains, each of {d} parameters and {elements} elements of variables, take {_size(needed)}"
        if not rows:
            raise SamplingError(f"{asked}; {_size(free)} are free, where not one draw of all chains has room", "give fewer chains")
        transitions = self.transitions + (self.warmup_transitions if self._keep_warmup else 0)
        thin = -(-transitions // rows)
        raise SamplingError(
            f"{asked}, and {_size(free)} are free",
            f"thin={thin} keeps every {thin}th draw, in {_size(row * (transitions // thin))}; moments (run.moments()) are of all draws",
        )

    def _compile(self) -> None:
        begun = time.perf_counter()
        self.linked: Any = LinkedEnsemble(self.model, self.sampler, self.settings, self.backend, self.chains, self.devices)
        self._check_devices()
        columns = Columns(self.linked, self.results.layout)
        if self._rows is None:
            self._state_of_all, self._moments = self.linked.init(self.seed, self._begin_at())
            data = {"observed_data": self.observed, "constant_data": self.constants}
            contents = columns.contents(
                self.chains, self.tune, self.draws_requested, data, lambda: {**about(self), "ensemble": self._told()}, self.warmup_transitions, True
            )
            self._rows = self.store.begin(contents, [self._stored_state()])
        else:
            self._require_columns(columns)
            *state, made, gradients = self._rows[0].state
            self._made, self.gradients = int(made), int(gradients)
            k = len(state) - len(Moments._fields)
            self._state_of_all, self._moments = state[:k], state[k:]
        self._lane = Lane(self._rows[0], columns, self.tune)
        self.kept = [Chain(i, RowsOfLane(i, self._lane), columns, self.tune) for i in range(self.chains)]
        self.timings["compile"] = time.perf_counter() - begun

    def _told(self) -> dict[str, Any]:
        """What a store says of the run, for it to go on."""
        kind = type(self.sampler)
        return {
            "sampler": f"{kind.__module__}.{kind.__qualname__}", "settings": repr(self.settings), "thin": self.thin, "tune": self.warmup_transitions,
            "keep_warmup": self._keep_warmup, "distinct": self.distinct, "device": self.devices[0].platform if self.devices else None,
        }  # fmt: skip

    @property
    def _stored(self) -> bool:
        return not isinstance(self.store, MemoryStore)

    def _stored_state(self) -> list[Array]:
        """What is stored of where the chains are, with how many transitions and gradients they have made; nothing, in memory."""
        if not self._stored:
            return []
        return [np.array(x) for x in (*self._state_of_all, *self._moments, np.int64(self._made), np.int64(self.gradients))]

    def _check_devices(self) -> None:
        for device in self.devices:
            needed, there = self.linked.device_memory, memory_of(device)
            if needed is not None and there is not None and needed > there:
                raise SamplingError(
                    f"a chunk of draws of {self.chains} chains takes {_size(needed)} on {device.device_kind}, which has {_size(there)} left",
                    "give fewer chains, or more devices to share them out to",
                )

    def _begin_at(self) -> Array:
        """Where chains start, (chains, d): those of a group at one point."""
        starts: dict[int, Array] = {}
        for chain, group in enumerate(self.groups):
            if group not in starts:
                rng = np.random.default_rng([self.seed, int(group)])
                starts[group], _ = start_point(self.model, self.linked.density, rng, self._starts[chain], self._jitter, self._tries)
        return np.stack([starts[g] for g in self.groups])

    def _sample(self) -> None:
        try:
            self._advance()
        except BaseException as error:
            raise self._failed(0, error) from None

    def _advance(self) -> None:
        """Advance all chains, a chunk at a time. A device computes the next chunk while the host takes in the last one."""
        pace, made = 1, self._made
        end = self.warmup_transitions + self.transitions
        pending: tuple[int, Chunk] | None = None
        begun, cpu = time.perf_counter(), time.thread_time()
        while True:
            going = made < end and not self.stopping.is_set()
            new: tuple[int, Chunk] | None = None
            if going and self._resume.is_set():
                wanted, rows, thin = self._plan(made, pace)
                chunk = self.linked.advance(self._state_of_all, self._moments, wanted, rows, thin, self.warmup_transitions)
                self._state_of_all, self._moments = chunk.state, chunk.moments
                new = wanted, chunk
                made += wanted
            # On the host a call has computed what it returns; a state that is stored belongs to the last rows.
            ready, pending = (pending, new) if self.devices and not self._stored else (new, None)
            if ready is not None:
                done, chunk = ready
                self._take(done, chunk, begun, cpu)
                now = time.perf_counter()
                pace = max(1, round(done * CHUNK_SECONDS / max(now - begun, 1e-6)))
                begun, cpu = now, time.thread_time()
                if self._given_up:
                    return
            elif pending is None:
                if not going:
                    return
                self._resume.wait()
                begun, cpu = time.perf_counter(), time.thread_time()

    def _plan(self, made: int, pace: int) -> tuple[int, int, int]:
        """Return how many transitions to ask for, how many rows they give, and of how many transitions one is kept."""
        warm = made < self.warmup_transitions
        since = made if warm else made - self.warmup_transitions
        thin = self.thin if self._keep_warmup or not warm else NEVER
        left = (self.warmup_transitions if warm else self.transitions) - since
        wanted = max(1, min(pace, left, self.linked.room * thin - since % thin))
        return wanted, (since + wanted) // thin - since // thin, thin

    def _take(self, made: int, chunk: Chunk, begun: float, cpu: float) -> None:
        """Add a chunk's rows to those of all chains."""
        rows = min(chunk.rows, self.total - self._lane.count)
        q, stats = (np.asarray(x)[:rows] for x in (chunk.q, chunk.stats))
        values = self.linked.variables(q.reshape(-1, q.shape[2])) if rows else []
        gradients = int(np.asarray(chunk.gradients))
        if self._given_up:
            return
        self.gradients += gradients
        self._made += made
        if rows or self._stored:
            self._lane.add(q, stats, values, self._stored_state(), begun, time.perf_counter() - begun, time.thread_time() - cpu)


def ensemble_run(
    model: Model, way: Way, draws: int, tune: int, chains: int, seed: int, starts: Sequence[Mapping[Any, Any] | None], kept: Kept,
    jitter: bool, tries: int, callback: Any, store: Store | None = None,
) -> EnsembleRun:  # fmt: skip
    """Return a run of chains that are moved together, for the options of `sample`.

    Raises
    ------
    ArgumentError
        If there is a callback.
    ModelError, SamplingError
        If the model, the number of chains or the memory does not allow it.
    """
    _refuse(callback)
    check_model(model, way.sampler, chains)
    return EnsembleRun(model, draws, tune, chains, seed, way.sampler, way.settings, way.backend, way.devices, starts, way.thin, kept.warmup, kept, jitter, tries, store)


def ensemble_again(
    model: Model, told: Mapping[str, Any], chains: int, rows: int, kept: Kept, callback: Any, store: Store, where: str
) -> EnsembleRun:  # fmt: skip
    """Return the run of chains that are moved together that a store tells of, with so many rows after warm-up.

    Raises
    ------
    StoreError
        If there is no such sampler here.
    ArgumentError
        If there is a callback.
    CompileError
        If there is no such device as it was on.
    """
    mine = told["ensemble"]
    known = {f"{k.__module__}.{k.__qualname__}": k for k in (*METHODS.values(), DEMetropolisInTurn)}
    if mine["sampler"] not in known:
        raise StoreError(f"{where}: there is no sampler {mine['sampler']} here", "use the version that began the run")
    sampler, backend = known[mine["sampler"]](), told["backend"]
    devices: Sequence[Any] = ()
    if backend == "jax":
        from workbench.compile.jax.devices import chosen_devices

        devices = chosen_devices(None if sampler.one_by_one else mine["device"], chains)
    _refuse(callback)
    return EnsembleRun(
        model, rows * mine["thin"], mine["tune"], chains, int(told["random_seed"]), sampler, {}, backend, devices, [None] * chains, mine["thin"],
        mine["keep_warmup"], kept, store=store, distinct=mine["distinct"],
    )  # fmt: skip


def _refuse(callback: Any) -> None:
    if callback is not None:
        raise ArgumentError("callback is told of draws of chains by themselves, not of chains that are moved together", "leave it out")


def groups_of(chains: int, distinct: bool = False) -> Array:
    """Return the group of each chain, from 0 on: many chains begin in groups, few each by itself; all do, if starts are `distinct`.

    Examples
    --------
    >>> groups_of(4), np.bincount(groups_of(2048))[:3]
    (array([0, 1, 2, 3]), array([128, 128, 128]))
    """
    if chains < GROUPED_FROM or distinct:
        return np.arange(chains)
    return np.arange(chains) * GROUPS // chains


def _size(n: float) -> str:
    """A number of bytes, for people."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if n < 1024 or unit == "GiB":
            break
        n /= 1024
    return f"{n:.3g} {unit}" if n < 1000 else f"{n:,.0f} {unit}"
