"""`sbc`: whether what is drawn as a posterior is one, by simulation.

Parameters are drawn from the prior and data from them; the rank of the parameters among draws from their posterior given these data
is uniform, if and only if that posterior is right (in what is ranked). Sources: Talts, Betancourt, Simpson, Vehtari and Gelman,
"Validating Bayesian inference algorithms with simulation-based calibration" (2018); Modrák et al., "Simulation-based calibration
checking for Bayesian computation: the choice of test quantities shapes sensitivity" (2023).
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.compile import choose_backend
from workbench.errors import ArgumentError, ModelError, SamplingError, warn_user
from workbench.inference import options
from workbench.inference.calibration import Calibration, Replicate
from workbench.inference.checks import whole
from workbench.inference.diagnostics import ess_bulk
from workbench.inference.each_draw import EachDraw, each_draw, seed_word
from workbench.inference.executors import CHUNK_SECONDS, executor_named
from workbench.inference.linked import LinkedSampler, Step
from workbench.inference.predictive import likelihoods
from workbench.inference.start import start_point
from workbench.inference.steps import steps_of
from workbench.inference.values import element_names
from workbench.model.context import modelcontext
from workbench.model.interventions import observe, with_own_data
from workbench.model.model import Model
from workbench.tensor.random import threefry
from workbench.tensor.tensor import Tensor, set_data

Array = np.ndarray[Any, Any]
Values = dict[str, Array]
Posterior = Callable[[Values, np.random.Generator], Mapping[str, Any]]
Sampler = Callable[[Values, int], tuple[Values, float, int]]
"""From simulated data and the number of a replicate to what `Worker` returns."""

LOG_LIKELIHOOD = "log_likelihood"
FIRST_BUDGET = 512
TIED = 1e-10
"""Values that differ by less, relatively, are equal."""
LONGER = 10
"""A chain of few effective draws is made up to so many times longer."""


def sbc(
    model: Model | None = None,
    replicates: int = 200,
    draws: int = 1000,
    *,
    tune: int = 1000,
    ranked: int = 99,
    var_names: Iterable[str] | str | None = None,
    quantities: Mapping[str, Callable[[Values], Any]] | None = None,
    log_likelihood: bool = True,
    posterior: Posterior | None = None,
    step: Any = None,
    target_accept: float = 0.8,
    max_treedepth: int = 10,
    cores: int | None = None,
    executor: Any = None,
    random_seed: Any = None,
    progressbar: bool = True,
    backend: str | None = None,
) -> Calibration:
    """Check a model's computation by simulation-based calibration.

    Each replicate draws parameters from the prior and data from them, samples the posterior given these data, and finds the rank
    of the parameters among its draws. Ranks that are not uniform mean that the sampler does not reach the posterior, or that prior
    and density say different things. The density is compiled once: data are replaced in it.

    Parameters
    ----------
    model
        The model; that of the surrounding ``with`` block by default. Its observed values are replaced by simulated ones.
    replicates
        How many times.
    draws, tune
        Draws of a chain, and draws of its warm-up. A chain with fewer effective draws than `ranked` is made longer.
    ranked
        Draws that a value is ranked among: taken out of the chain evenly, so that they hardly depend on each other.
    var_names
        Free variables and deterministics to rank; all by default.
    quantities
        Further quantities to rank, by name: functions of a dict that holds the variables of one draw and the simulated data,
        which return a number or an array.
    log_likelihood
        Rank the log-likelihood too: parameters alone cannot show that data are not used.
    posterior
        What makes the draws, in place of `sample`: a function of the simulated data by name and a NumPy generator, which returns nearly
        independent draws (draw, *shape) by variable. So any other method is checked.
    step, target_accept, max_treedepth
        As in :func:`workbench.sample`.
    cores
        How many replicates run at once; all cores by default. Results do not depend on it.
    executor
        Where replicates are computed, as in :func:`workbench.sample`.
    random_seed
        The same seed gives the same ranks.
    progressbar
        Show progress in a terminal.
    backend
        "c", "numba", "jax", "numpy" or "auto"; the model's by default.

    Returns
    -------
    Calibration
        Ranks, bands, p-values and verdicts in words; ``.plot()`` draws them. An interrupt (Ctrl-C) keeps the replicates that are done.

    Raises
    ------
    ModelError
        If nothing is observed, or a name is not that of a variable.
    SamplingError
        If all replicates failed.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     mu = pm.Normal("mu", 0.0, 1.0)
    ...     y = pm.Normal("y", mu, 1.0, observed=[0.0, 0.0, 0.0])
    >>> found = pm.sbc(model, replicates=50, draws=200, tune=200, random_seed=1)
    >>> found.ranks["mu"].shape
    (50,)
    >>> print(found)
    SBC of 50 replicates, ranks among 99 draws: nothing speaks against the computation of mu, log_likelihood
    """
    model = modelcontext(model)
    if not isinstance(model, Model):
        raise ArgumentError(f"model must be a Model, got {model!r}")
    replicates, ranked = whole("replicates", replicates, 1), whole("ranked", ranked, 1)
    draws, tune = whole("draws", draws, 1), whole("tune", tune, 0)
    if posterior is not None and not callable(posterior):
        raise ArgumentError(f"posterior must be a function of data and a generator, got {posterior!r}")
    settings = options.settings(target_accept, max_treedepth, None)
    steps = steps_of(model, step, options.of_nuts(settings), quiet=True) if posterior is None else []
    described = (model, replicates, ranked, var_names, quantities, log_likelihood, seed_word(random_seed), choose_backend(backend or model.backend))
    study = Study(*described)
    make: Callable[[Study], Worker] = partial(Given, posterior=posterior) if posterior is not None else partial(Sampled, draws=draws, tune=tune, steps=steps)
    most = min(replicates, whole("cores", cores, 1) if cores is not None else os.cpu_count() or 1)
    shown = progressbar and sys.stderr.isatty()
    workers = executor_named(executor)
    if workers is None:
        study.run(lambda: make(study), most, shown)
        return study.result()
    dask = workers(most)
    try:
        dask.stopping = study.stop
        dask.send(_study_of, described, study.simulated, make)
        study.run(lambda: lambda data, i: dask.call(_replicated, i), min(replicates, cores or dask.workers), shown)
    finally:
        dask.close()
    return study.result()


def _study_of(described: Sequence[Any], simulated: Values, make: Callable[[Study], Worker]) -> Worker:
    """What samples replicates on a worker: a study like that here, of what was simulated here."""
    study = Study(*described)
    study.simulated = simulated
    return make(study)


def _replicated(worker: Worker, i: int) -> tuple[Values, float, int]:
    study = worker.study
    with worker.busy:
        return worker({name: study.simulated[name][i] for name in study.observed}, i)


class Study:
    """Replicates of one model: what was simulated, and the ranks found so far."""

    def __init__(
        self, model: Model, replicates: int, ranked: int, var_names: Any, quantities: Any, log_likelihood: bool, seed: int, backend: str
    ) -> None:
        self.model = model = with_own_data(model)
        self.count, self.ranked, self.seed, self.backend, self.log_likelihood = replicates, ranked, seed, backend, log_likelihood
        if not model.observed_RVs:
            raise ModelError("nothing is observed in the model: there are no data to simulate", "give observed= of a variable: its values are not used")
        if model.potentials:
            warn_user("the model has potentials: draws from the prior take no notice of them, so that ranks need not be uniform")
        drawn = [*model.free_RVs, *model.deterministics]
        self.names = _chosen(var_names, [str(x.name) for x in drawn])
        self.chosen = var_names is not None
        if log_likelihood and LOG_LIKELIHOOD in model.named_vars:
            raise ArgumentError(f"the model has a variable of its own that is called {LOG_LIKELIHOOD}", "give log_likelihood=False")
        self.quantities = _checked(quantities, [*model.named_vars, LOG_LIKELIHOOD])
        self.observed = [str(x.name) for x in model.observed_RVs]
        everything = [*drawn, *model.observed_RVs]
        made = each_draw([], everything, backend, model.rvs_to_transforms)([], replicates, seed)
        self.simulated: Values = {str(x.name): v for x, v in zip(everything, made)}
        self.done: dict[int, Replicate] = {}
        self.failures: dict[int, str] = {}
        self.stop = threading.Event()
        self._errors: list[BaseException] = []

    def run(self, worker: Callable[[], Sampler], workers: int, shown: bool) -> None:
        """Do all replicates in threads; an interrupt ends them early."""
        waiting = iter(range(self.count))
        turns = threading.Lock()

        def work() -> None:
            try:
                mine = worker()
                while not self.stop.is_set():
                    with turns:
                        i = next(waiting, None)
                    if i is None:
                        return
                    self._replicate(i, mine)
            except BaseException as error:
                self._errors.append(error)
                self.stop.set()

        threads = [threading.Thread(target=work, name=f"workbench-sbc-{i}", daemon=True) for i in range(workers)]
        for t in threads:
            t.start()
        try:
            for t in threads:
                while t.is_alive():
                    t.join(0.2)
                    self._show(shown)
        except KeyboardInterrupt:
            self.stop.set()
            for t in threads:
                t.join()
        finally:
            if shown:
                sys.stderr.write("\r" + " " * 60 + "\r")
        if self._errors:
            raise self._errors[0]
        if not self.done:
            if not self.failures:
                raise KeyboardInterrupt
            number, said = min(self.failures.items())
            raise SamplingError(f"all {len(self.failures)} replicates failed; number {number}: {said}")

    def _show(self, shown: bool) -> None:
        if shown:
            failed = f", {len(self.failures)} failed" if self.failures else ""
            sys.stderr.write(f"\rSBC: {len(self.done)} of {self.count} replicates{failed}  ")
            sys.stderr.flush()

    def _replicate(self, i: int, worker: Sampler) -> None:
        """Sample the posterior of one replicate, and rank what was simulated in it."""
        try:
            posterior, few, divergences = worker({name: self.simulated[name][i] for name in self.observed}, i)
            self.done[i] = Replicate(self._ranks(i, posterior), few, divergences)
        except KeyboardInterrupt:
            # It was stopped half-way.
            return
        except ArgumentError:
            raise
        except Exception as error:
            self.failures[i] = f"{type(error).__name__}: {getattr(error, 'message', error)}"

    def _ranks(self, i: int, posterior: Values) -> dict[str, Array]:
        """The rank of each value that was simulated among the draws, by what it is of; posterior draws are followed by it."""
        random = np.random.default_rng([self.seed, i, 1])
        found = {}
        for name, values in posterior.items():
            *_, truth = values
            draws = values[:-1]
            if not np.isfinite(values).all():
                raise SamplingError(f"{name}: some draws are not finite, or the value simulated is not")
            # What is equal but for rounding is a tie; ties are broken at random.
            tied = np.isclose(draws, truth, rtol=TIED, atol=0.0)
            below = ((draws < truth) & ~tied).sum(axis=0)
            found[name] = below + random.integers(0, tied.sum(axis=0), endpoint=True)
        return found

    def result(self) -> Calibration:
        """What was found."""
        numbers = sorted(self.done)
        first = self.done[numbers[0]].ranks
        ranks = {name: np.stack([self.done[i].ranks[name] for i in numbers]) for name in first}
        return Calibration(
            ranks, self.ranked, {name: element_names(self.model, name, v.shape[1:]) for name, v in ranks.items()}, np.array(numbers), self.count,
            np.array([self.done[i].ess for i in numbers]), np.array([self.done[i].divergences for i in numbers]), dict(sorted(self.failures.items())),
        )  # fmt: skip


class Worker:
    """What samples the posteriors of replicates, one after the other: a model of its own, in which data are replaced."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.busy = threading.Lock()
        model = with_own_data(study.model)
        self.data: dict[str, Tensor] = {name: pt.data(name, study.simulated[name][0]) for name in study.observed}
        self.model = observe(model, self.data)
        self.variables = [*self.model.free_RVs, *self.model.deterministics]
        if study.log_likelihood:
            inputs, terms = likelihoods(self.model, self.model.observed_RVs)
            self._log_likelihoods = EachDraw(inputs, [sum((pt.sum(f.term) for f in terms), pt.constant(0.0))], study.backend)

    def draws(self, data: Values, i: int) -> tuple[Values, float, int]:
        """Return draws of all variables (draw, *shape) given the data, the fewest effective ones, and how many trajectories diverged."""
        raise NotImplementedError

    def __call__(self, data: Values, i: int) -> tuple[Values, float, int]:
        """Return draws to rank among, the value simulated after them, by what they are of; the fewest effective draws, and divergences."""
        study = self.study
        for name, leaf in self.data.items():
            set_data(leaf, data[name])
        draws, few, divergences = self.draws(data, i)
        both = {name: np.concatenate([v, study.simulated[name][i][None]]) for name, v in draws.items()}
        kept = self.kept(both)
        n = len(next(iter(kept.values()))) - 1
        if n < study.ranked:
            raise ArgumentError(f"posterior returns {n} draws, fewer than ranked={study.ranked}")
        at = [*np.floor((np.arange(study.ranked) + 0.5) * n / study.ranked).astype(int), n]
        thinned = {name: v[at] for name, v in kept.items()}
        for name, quantity in study.quantities.items():
            thinned[name] = np.array([quantity({**{k: v[row] for k, v in both.items()}, **data}) for row in at], float)
        return thinned, few, divergences

    @staticmethod
    def fewest(draws: Values) -> float:
        """The smallest effective number of draws of what varies."""
        found = [np.inf]
        for v in draws.values():
            columns = v.reshape(1, len(v), -1)
            varies = np.ptp(columns[0], axis=0) > 0
            found.append(float(np.min(ess_bulk(columns[:, :, varies]), initial=np.inf)))
        # Of few draws it is not known.
        return float(np.nanmin(found))

    def kept(self, draws: Values) -> Values:
        """What is ranked, of draws of the variables; further quantities are computed of few draws, later."""
        found = {name: draws[name] for name in self.study.names if name in draws}
        if self.study.log_likelihood:
            given = [draws[str(x.name)] for x in self.model.free_RVs]
            (found[LOG_LIKELIHOOD],) = self._log_likelihoods(given, len(given[0]), 0)
        return found


class Given(Worker):
    """Draws from a function of the user's."""

    def __init__(self, study: Study, posterior: Posterior) -> None:
        super().__init__(study)
        self.posterior = posterior

    def draws(self, data: Values, i: int) -> tuple[Values, float, int]:
        made = self.posterior({k: v.copy() for k, v in data.items()}, np.random.default_rng([self.study.seed, i, 2]))
        if not isinstance(made, Mapping) or not made:
            raise ArgumentError(f"posterior must return draws by variable, got {type(made).__name__}")
        shapes = {str(x.name): x.type.static_shape for x in self.variables}
        found = {str(name): np.asarray(v) for name, v in made.items()}
        found = {name: v.astype(np.int64) if v.dtype == bool else v for name, v in found.items()}
        wrong = [name for name, v in found.items() if name not in shapes or v.shape[1:] != shapes[name]]
        if wrong:
            of = f"of shape {found[wrong[0]].shape}" if wrong[0] in shapes else "of no variable"
            raise ArgumentError(f"posterior returns {wrong[0]}: draws {of}", f"draws are (draw, *shape), of {', '.join(f'{k} {v}' for k, v in shapes.items())}")
        needed = [*(self.study.names if self.study.chosen else ()), *(str(x.name) for x in self.model.free_RVs if self.study.log_likelihood)]
        missing = [name for name in dict.fromkeys(needed) if name not in found]
        if missing or len({len(v) for v in found.values()}) > 1:
            raise ArgumentError(f"posterior returns {'no draws of ' + ', '.join(missing) if missing else 'different numbers of draws'}", "log_likelihood=False needs fewer variables" if missing else "")
        return found, self.fewest(self.kept(found)), 0


class Sampled(Worker):
    """Draws by kernels, from one chain each."""

    def __init__(self, study: Study, draws: int, tune: int, steps: Sequence[Step]) -> None:
        super().__init__(study)
        self.wanted, self.tune = draws, tune
        self.linked = LinkedSampler(self.model, steps, study.backend)

    def draws(self, data: Values, i: int) -> tuple[Values, float, int]:
        seed, linked = self.study.seed, self.linked
        key = np.asarray(threefry.numpy(np.uint64(seed), np.uint64(i)))
        q, z = start_point(self.model, linked.density, np.random.default_rng([seed, i]))
        state = linked.init(key, q, z)
        state, *_ = self._advanced(state, self.tune, warmup=True)
        found: Values = {}
        few, divergences, most = 0.0, 0, LONGER * max(self.wanted, self.study.ranked)
        wanted = max(self.wanted, self.study.ranked)
        while wanted:
            state, more, diverged = self._advanced(state, wanted)
            if self.study.stop.is_set():
                raise KeyboardInterrupt
            found = {k: np.concatenate([found[k], v]) for k, v in more.items()} if found else more
            divergences += diverged
            n = len(next(iter(found.values())))
            few = self.fewest(self.kept(found))
            # As many more as it takes, if they are as good.
            wanted = 0 if few >= self.study.ranked else min(most - n, max(n, int(n * self.study.ranked / max(few, 1.0))) - n + self.wanted // 4)
        return found, few, divergences

    def _advanced(self, state: Any, wanted: int, warmup: bool = False) -> tuple[Any, Values, int]:
        """The next draws of a chain, whose state is given."""
        linked, rows = self.linked, []
        made, diverged, budget = 0, 0, FIRST_BUDGET
        diverging = next((i for i, (name, _) in enumerate(linked.columns) if name == "diverging"), None)
        while made < wanted and not self.study.stop.is_set():
            begun = time.perf_counter()
            state, ticks, q, z, stats = linked.advance(state, min(linked.rows, wanted - made), budget, self.tune)
            budget = int(np.clip(ticks * CHUNK_SECONDS / max(time.perf_counter() - begun, 1e-6), 16, 10_000_000))
            made += len(q)
            if not warmup:
                rows.append(linked.values(q, z))
            diverged += 0 if diverging is None else int(stats[:, diverging].sum())
        columns = [np.concatenate(parts) for parts in zip(*rows)]
        return state, dict(zip(linked.values.names, columns)), diverged


def _chosen(var_names: Any, known: list[str]) -> list[str]:
    names = known if var_names is None else [var_names] if isinstance(var_names, str) else [str(getattr(x, "name", x)) for x in var_names]
    unknown = [n for n in names if n not in known]
    if unknown or not names:
        raise ModelError(f"var_names: {', '.join(map(repr, unknown)) or 'none'}: no free variables or deterministics", f"the model has {', '.join(known)}")
    return names


def _checked(quantities: Any, taken: list[str]) -> dict[str, Callable[[Values], Any]]:
    if quantities is not None and not isinstance(quantities, Mapping):
        raise ArgumentError(f"quantities must be functions by name, got {quantities!r}", 'for example quantities={"gap": lambda v: v["mu"] - v["y"].mean()}')
    for name, quantity in (quantities or {}).items():
        if name in taken:
            raise ArgumentError(f"quantities: {name!r} is the name of something else", "choose another")
        if not callable(quantity):
            raise ArgumentError(f"quantities: {name} must be a function of the values by name, got {quantity!r}")
    return dict(quantities or {})
