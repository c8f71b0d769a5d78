"""`SmcRun`: populations of particles that go from the prior to the posterior, each in a thread, and what they say."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from workbench.compile import choose_backend
from workbench.errors import SamplingError, WorkbenchError, user_location
from workbench.inference.blas_threads import limited
from workbench.inference.convergence import EXAMINED, MOST_RHAT, NAMED
from workbench.inference.diagnostics import rhat
from workbench.inference.linked import started
from workbench.inference.results import Kept, Results
from workbench.inference.smc.linked import LinkedPopulation
from workbench.inference.smc.particles import FirstParticles
from workbench.inference.smc.results import inference_data
from workbench.inference.values import apart, element_names
from workbench.model.inspection import report
from workbench.model.interventions import with_own_data
from workbench.model.model import Model
from workbench.model.position import Places
from workbench.samplers.population import MOST_MOVES, Population, PopulationState
from workbench.tensor.random import threefry

Array = np.ndarray[Any, Any]

FIRST = 2**63 + 1
"""Address of the key of draws from the prior, beside those of moves."""
MOST_STAGES = 10_000
FEW = 10
"""So few particles with a likelihood are too few to tell where the posterior is."""
UNDEFINED = 0.01
"""Share of draws from the prior without a density above which a person is told."""
BY_CHANCE = 0.001
"""Probability of chains' differing as they do, if their errors were right, below which a person is told."""


class SmcChain:
    """One population.

    Attributes
    ----------
    number
        Its number.
    state
        The particles; ``None`` before there are some.
    stages
        Statistics of each stage that is done.
    done
        Whether the particles are draws from the posterior.
    impossible
        Shares of the draws from the prior whose log-likelihood is no number, and is minus infinity.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.state: PopulationState | None = None
        self.stages: list[dict[str, float]] = []
        self.done = False
        self.impossible = (0.0, 0.0)

    @property
    def beta(self) -> float:
        """The inverse temperature, 0 for the prior and 1 for the posterior."""
        return 0.0 if self.state is None else float(self.state.beta)

    @property
    def evidence(self) -> float:
        """Logarithm of the marginal likelihood; NaN of a population that is not at the posterior."""
        return float(self.state.evidence) if self.done and self.state is not None else math.nan

    @property
    def variance(self) -> float:
        """Estimate of its variance, from this population alone."""
        return float(self.state.variance) if self.done and self.state is not None else math.nan


class SmcRun:
    """A run of :func:`workbench.sample_smc`.

    Attributes
    ----------
    model
        The model, with the data that the run was started with.
    chains
        The populations, each a :class:`SmcChain`.
    draws_requested
        Particles of each.
    seed, backend, kernel, settings
        What it was made with.
    state
        "compiling", "sampling", "stopped", "done" or "failed".
    timings
        Seconds: "compile" and "sample".
    """

    def __init__(
        self, model: Model, draws: int, kernel: type[Population], settings: Mapping[str, float], chains: int, cores: int | None, seed: int,
        backend: str, starts: Sequence[Mapping[str, Array]], kept: Kept = Kept(),
    ) -> None:  # fmt: skip
        self.model = with_own_data(model)
        self.results = Results(self.model, kept)
        self.places = Places.of(self.model)
        self.draws_requested, self.kernel, self.settings = draws, kernel, dict(settings)
        self.cores = max(1, min(chains, cores or os.cpu_count() or 1))
        self.seed, self.backend = seed, choose_backend(backend)
        self.chains = [SmcChain(i) for i in range(chains)]
        self.state = "compiling"
        self.timings = {"compile": 0.0, "sample": 0.0}
        self.stopping = threading.Event()
        self._starts = starts
        self._written_at = user_location()
        self._done = threading.Event()
        self._error: BaseException | None = None
        self._idata: Any = None

    # Control -----------------------------------------------------------------------------------

    def start(self) -> SmcRun:
        """Begin in a background thread."""
        threading.Thread(target=self._run, name="workbench-smc", daemon=True).start()
        return self

    def stop(self) -> None:
        """Stop after the moves in hand. Populations that are at the posterior are kept."""
        self.stopping.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the run is over; return whether it is.

        Raises
        ------
        SamplingError
            If a chain failed, or none came to the posterior: its `run` has the particles.
        """
        if not self._done.wait(timeout):
            return False
        if self._error is not None:
            raise self._error
        if not self.finished:
            raise self._unfinished()
        return True

    @property
    def finished(self) -> list[SmcChain]:
        """The populations that are at the posterior."""
        return [c for c in self.chains if c.done]

    def _unfinished(self) -> SamplingError:
        betas = ", ".join(f"{c.beta:.3g}" for c in self.chains)
        failed = SamplingError(
            f"the run was stopped before a population came to the posterior: their inverse temperatures are {betas}, of 1",
            "the particles are no draws from the posterior; they are in the run, which the error has: error.run.tempered",
            self._written_at,
        )
        failed.run = self
        return failed

    # Work --------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            begun = time.perf_counter()
            first = started(self._first_particles)
            self._linked = LinkedPopulation(self.model, self.kernel, self.settings, self.backend)
            self._first = first.result()
            self.timings["compile"] = time.perf_counter() - begun
            self.state, begun = "sampling", time.perf_counter()
            try:
                self._sample()
            finally:
                self.timings["sample"] = time.perf_counter() - begun
            self.state = "done" if len(self.finished) == len(self.chains) else "stopped"
        except BaseException as error:
            self.state, self._error = "failed", error
        finally:
            self._done.set()

    def _first_particles(self) -> list[tuple[Array, Array, Array]]:
        """The key of each chain, and where its particles begin, (n, d) and (n, k)."""
        made = {names: FirstParticles(self.model, names, self.backend) for names in {tuple(s) for s in self._starts}}
        found = []
        for chain, given in zip(self.chains, self._starts):
            key = np.asarray(threefry.numpy(np.uint64(self.seed), np.uint64(chain.number)))
            word = int(threefry.numpy(key, np.uint64(FIRST)))
            found.append((key, *made[tuple(given)](self.draws_requested, word, given)))
        return found

    def _sample(self) -> None:
        waiting = list(reversed(self.chains))
        failures: list[tuple[SmcChain, BaseException]] = []

        def work() -> None:
            while waiting and not self.stopping.is_set():
                try:
                    chain = waiting.pop()
                except IndexError:
                    return
                try:
                    self._advance(chain)
                except BaseException as error:
                    failures.append((chain, error))
                    self.stopping.set()

        threads = [threading.Thread(target=work, name=f"workbench-smc-{i}", daemon=True) for i in range(self.cores)]
        with limited(1):
            for t in threads:
                t.start()
            for t in threads:
                t.join()
        if failures:
            raise self._failed(*failures[0])

    def _failed(self, chain: SmcChain, error: BaseException) -> BaseException:
        if isinstance(error, WorkbenchError):
            failed: Any = error
            failed.location = error.location or self._written_at
        else:
            failed = SamplingError(f"chain {chain.number} failed at stage {len(chain.stages)}: {type(error).__name__}: {error}", location=self._written_at)
            failed.__cause__ = error
        failed.run = self
        return failed  # type: ignore[no-any-return]

    def _advance(self, chain: SmcChain) -> None:
        """Take a population from the prior to the posterior."""
        state = self._linked.init(*self._first[chain.number])
        chain.state = state
        self._check(chain, state)
        while state.beta < 1.0:
            if len(chain.stages) >= MOST_STAGES:
                raise SamplingError(f"chain {chain.number}: after {MOST_STAGES} stages the inverse temperature is {chain.beta:.3g}", "give a smaller threshold")
            state = self._linked.stage(state)
            while not state.settled:
                if self.stopping.is_set():
                    return
                state = self._linked.advance(state)
                chain.state = state
            chain.stages.append(_statistics(state))
        chain.done = True

    def _check(self, chain: SmcChain, s: PopulationState) -> None:
        """Raise if no particle has a posterior density."""
        prior, likelihood = np.asarray(s.prior), np.asarray(s.likelihood)
        undefined = ~np.isfinite(prior) | np.isnan(likelihood) | np.equal(likelihood, np.inf)
        nowhere = ~undefined & np.equal(likelihood, -np.inf)
        chain.impossible = float(undefined.mean()), float(nowhere.mean())
        if (undefined | nowhere).all():
            at = int(np.argmax(undefined)) if undefined.any() else 0
            raise self._impossible(s, at, undefined, prior)

    def _impossible(self, s: PopulationState, at: int, undefined: Array, prior: Array) -> SamplingError:
        """What to say of a population without a likelihood, at the line of the first variable at fault."""
        point = self.places.point(np.asarray(s.q)[at], np.asarray(s.z)[at])
        with np.errstate(all="ignore"):
            terms = self.model.point_logps(point)
        bad = [n for n, term in terms.items() if not np.isfinite(term)]
        of = f"all {len(undefined)} draws from the prior" if not any(self._starts) else f"all {len(undefined)} particles"
        if undefined.all():
            what = "the log-density of the prior" if not np.isfinite(prior).any() else "the log-likelihood"
            message = f"{what} is no number, or infinite, at {of}"
        else:
            message = f"the likelihood is 0 at {of}"
        named = next((self.model.named_vars[n].provenance for n in bad if n in self.model.named_vars), None)
        return SamplingError(
            f"{message}; at the first of them:\n{report(self.model, point)}", "check that the data can occur under the model, or draw more particles",
            named.location if named else self._written_at,
        )

    # Looking -----------------------------------------------------------------------------------

    def progress(self) -> str:
        """Return where the populations are, in a line."""
        return ", ".join(f"chain {c.number}: stage {len(c.stages)}, beta {c.beta:.3g}" for c in self.chains)

    @property
    def log_marginal_likelihood(self) -> float:
        """Logarithm of the marginal likelihood: of the mean of the populations' estimates."""
        found = np.array([c.evidence for c in self.finished])
        return float(np.logaddexp.reduce(found) - math.log(len(found)))

    @property
    def log_marginal_likelihood_se(self) -> float:
        """Its standard error: from within the populations, or from how they differ, where that is more than can be by chance."""
        chains = self.finished
        shares = np.exp([c.evidence - self.log_marginal_likelihood for c in chains]) / len(chains)
        within = float(np.sqrt(np.sum(np.square(shares) * [c.variance for c in chains])))
        if not self._differ():
            return within
        return max(within, float(np.std(shares, ddof=1) * math.sqrt(len(chains))))

    def _differ(self) -> bool:
        """Whether the populations' estimates differ by more than their errors allow: a weighted sum of squares, as in meta-analysis."""
        chains = [c for c in self.finished if c.variance > 0.0]
        if len(chains) < 2:
            return False
        from scipy.special import chdtrc

        variance = np.mean([c.variance for c in chains])
        found = np.array([c.evidence for c in chains])
        return bool(chdtrc(len(chains) - 1, np.sum(np.square(found - found.mean())) / variance) < BY_CHANCE)

    @property
    def draws(self) -> dict[str, Array]:
        """Draws from the posterior by variable: (chain, draw, *shape), of the populations that are there."""
        return self._values(self.finished)

    @property
    def tempered(self) -> dict[str, Array]:
        """Particles by variable, (chain, draw, *shape), at whatever inverse temperature (`chains[i].beta`) they are."""
        return self._values([c for c in self.chains if c.state is not None])

    def _values(self, chains: Sequence[SmcChain]) -> dict[str, Array]:
        made = [self._linked.variables(*(np.asarray(x) for x in (c.state.q, c.state.z))) for c in chains if c.state is not None]
        return {name: np.stack(v) for name, v in zip(self._linked.values.names, zip(*made))} if made else {}

    def unconstrained(self) -> dict[str, Array]:
        """Return draws of the unconstrained values of the variables, by value name."""
        states: Any = [c.state for c in self.finished]
        return self.places.point(np.stack([np.asarray(s.q) for s in states]), np.stack([np.asarray(s.z) for s in states]))

    @property
    def idata(self) -> Any:
        """The populations that are at the posterior as ArviZ's InferenceData (loads xarray).

        Raises
        ------
        SamplingError
            If there is none.
        """
        if not self.finished:
            raise self._unfinished()
        if self._idata is None:
            self._idata = inference_data(self)
        return self._idata

    def problems(self) -> Iterator[str]:
        """Yield what speaks against the run."""
        missing = [c for c in self.chains if not c.done]
        if missing:
            listed = ", ".join(f"{c.number} (at {c.beta:.3g})" for c in missing)
            yield f"the run was stopped: populations of other inverse temperatures than 1 are left out, of chains {listed}"
        undefined = max(c.impossible[0] for c in self.chains)
        if undefined > UNDEFINED:
            yield f"the log-density is no number, or infinite, at {undefined:.1%} of the draws from the prior: the posterior is taken to be 0 there"
        few = self.draws_requested * (1.0 - max(sum(c.impossible) for c in self.chains))
        if few < FEW:
            yield f"only {few:.0f} of {self.draws_requested} draws from the prior have a likelihood above 0: draw more particles, or narrow the prior"
        slow = [c.number for c in self.finished if any(s["moves"] >= MOST_MOVES for s in c.stages)]
        if slow:
            yield (
                f"particles still remembered where they were after {MOST_MOVES} moves of a stage, in chain{'s' if len(slow) > 1 else ''} "
                f"{', '.join(map(str, slow))}: the posterior is not explored, and the error of the marginal likelihood is too small; try another kernel"
            )
        if self._differ():
            yield (
                "the populations' marginal likelihoods differ by more than their errors allow: each misses a part of the posterior; "
                "draw more particles, or raise threshold"
            )
        yield from self._apart()

    def _apart(self) -> Iterator[str]:
        if len(self.finished) < 2:
            if len(self.chains) < 2:
                yield "there is one chain: whether others would agree with it is not known"
            return
        names, columns = [], []
        for name, x in self.draws.items():
            names += element_names(self.model, name, x.shape[2:])
            columns.append(x.reshape(*x.shape[:2], -1).astype(np.float64))
        every = np.concatenate(columns, axis=2)
        step = max(1, every.size // EXAMINED)
        found = np.atleast_1d(rhat(every[:, :, ::step]))
        bad = np.flatnonzero(found > MOST_RHAT)
        if len(bad):
            worst = bad[np.argsort(-found[bad], kind="stable")][:NAMED]
            listed = ", ".join(f"{apart(names)[i * step]} ({found[i]:.2f})" for i in worst)
            yield f"R-hat is above {MOST_RHAT} for {len(bad)} of {len(found)} elements, the worst {listed}: the populations do not agree; draw more particles"

    def __repr__(self) -> str:
        return f"<SmcRun: {self.state}, {len(self.finished)} of {len(self.chains)} chains at the posterior, on {self.backend}>"


def _statistics(s: PopulationState) -> dict[str, float]:
    """What is kept of a stage."""
    return {
        "beta": float(s.beta), "accept_rate": float(s.accepted / s.moves), "log_marginal_likelihood": float(s.evidence),
        "moves": float(s.moves), "correlation": float(np.mean(s.correlation)), "effective_sample_size": float(s.effective),
        "proposal_scale": float(np.exp(s.scale)),
    }  # fmt: skip
