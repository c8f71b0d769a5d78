"""A model and a sampler, compiled and linked: what a run calls, whatever the kernels are."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from workbench.compile import CompiledFunction
from workbench.compile.phases import heard
from workbench.graph.inner import Graph
from workbench.inference.values import Values
from workbench.model.conditional import conditional_density
from workbench.model.conjugate import conjugate_draw
from workbench.model.density import logp_grad_graph
from workbench.model.functions import function_of
from workbench.model.gaussian_prior import gaussian_prior, likelihood
from workbench.model.model import Model
from workbench.model.position import Places, block_density
from workbench.samplers import ROWS, Kernel, Nuts, compiled_apart, compiled_sampler

Array = np.ndarray[Any, Any]
State = list[Array]


PARTS = {"prior": (gaussian_prior, 1), "log_likelihood": (likelihood, 1), "drawn": (conjugate_draw, 2)}
"""What a model says of a block and the rest, beside its density, and how many parameters come before the rest."""
COMPILED = ("the log-density", "the variables", "the sampler")
"""What a run compiles, in words."""


@dataclass(frozen=True)
class Step:
    """A kernel, the values that it moves, and its settings.

    Attributes
    ----------
    kernel
        The kernel.
    names
        Names of values, all continuous or all discrete.
    settings
        What the user may choose: its ``arguments(size)`` are what the kernel's parameters are given. Where the kernel calls
        ``conditional``, its ``candidates`` say for how many values at once.
    """

    kernel: type[Kernel]
    names: tuple[str, ...]
    settings: Any


class LinkedSampler:
    """The functions of a run: compiled side by side, the sampler's own code at most once in a process.

    Parameters
    ----------
    model
        The model; its data keep their lengths.
    steps
        Kernels in turn; each value is moved by one of them.
    backend
        Where to compute.
    seconds
        Where to say what is compiled, and when it is done how many seconds it took.
    when_idle
        Called when compilers are at work and Python has nothing to do.

    Attributes
    ----------
    columns, parts
        Names and dtypes of a draw's statistics; several kernels may have some of one name. How many of them are of each kernel.
    values
        From positions to the model's variables.
    places
        Where values lie in a position.
    """

    rows = ROWS
    """Most draws of one call."""

    def __init__(
        self, model: Model, steps: Sequence[Step], backend: str, seconds: dict[str, float | None] | None = None, when_idle: Callable[[], None] | None = None
    ) -> None:
        since = time.perf_counter()
        if seconds is not None:
            seconds |= dict.fromkeys(COMPILED)
        self.model, self.steps, self.backend = model, tuple(steps), backend
        self.places = Places.of(model)
        # One kernel that moves all there is, as it lies in a position, has no rest to be told of.
        alone = len(steps) == 1 and 0 in self.places.sizes and steps[0].names == tuple(self.places.continuous or self.places.discrete)
        sampler = compiled_sampler(backend, tuple(s.kernel for s in steps), alone)
        self.columns = sampler.columns
        self._sampler = sampler
        self.parts = [len(s.kernel.stats) for s in steps]
        # What takes a compiler longest is begun first; Python makes the code of the rest while it is at work.
        apart = {kernel: begun(partial(compiled_apart, backend, kernel)) for kernel in dict.fromkeys(s.kernel for s in steps)}
        advance = begun(lambda: sampler.advance)
        init = begun(lambda: sampler.init)
        slots = {k.slot(kind): self._density(kind, s, alone) for k, s in zip(sampler.kernels, steps) for kind in k.densities}
        for kernel, made in apart.items():
            slots |= {name: _one_of(made, name) for name in kernel.apart}
        whole = next((slots[n] for n in ("logp_grad", "logp") if alone and n in slots), None) or self._whole(alone)
        jobs = {
            "advance": started(lambda: _linked(advance.result(), slots)),
            "init": started(lambda: _linked(init.result(), slots)),
            "values": begun(lambda: Values(model, backend, ROWS)),
            "density": whole,
        }
        if when_idle is not None:
            when_idle()
        if seconds is not None:
            _timed(seconds, since, dict(zip(COMPILED, (whole, jobs["values"], jobs["advance"]))))
        wait(jobs.values())
        self._alone = alone
        self.functions: dict[str, Any] = {name: job.result() for name, job in jobs.items()}
        self.values: Values = self.functions["values"]

    @property
    def about(self) -> dict[str, str]:
        """What results say of how they were made."""
        return {"backend": self.backend}

    def _density(self, kind: str, step: Step, alone: bool) -> Future[CompiledFunction]:
        """A function of the model for one kernel."""

        def graph(model: Model) -> Graph:
            if alone and kind == "logp_grad":
                return logp_grad_graph(model)
            if kind == "conditional":
                made = conditional_density(model, step.names, step.settings.candidates)
                return Graph(made.params[:3], made.results) if alone else made
            if kind in PARTS:
                make, own = PARTS[kind]
                made = make(model, step.names)
                return Graph(made.params[:own], made.results) if alone else made
            made = block_density(model, step.names, gradient=kind == "logp_grad", all_terms=alone)
            return Graph(made.params[:1], made.results) if alone else made

        which = None if alone and kind == "logp_grad" else (step.names, alone, getattr(step.settings, "candidates", 0))
        return begun(lambda: function_of(self.model, kind, self.backend, graph, which))

    def _whole(self, alone: bool) -> Future[CompiledFunction]:
        """The whole log-density, with its gradient if some kernel needs one."""
        names = tuple(self.places.continuous or self.places.discrete)
        gradient = tuple(n for s in self.steps if "logp_grad" in s.kernel.densities for n in s.names)

        def graph(model: Model) -> Graph:
            made = block_density(model, names, gradient, all_terms=True)
            return Graph(made.params[:1], made.results) if alone else made

        return begun(lambda: function_of(self.model, "density", self.backend, graph, (names, gradient, alone)))

    def density(self, q: Array, z: Array) -> tuple[float, Array]:
        """Return the log-density at a position, and its gradient with respect to `q`: 0 where no kernel needs it."""
        x = q if self.places.continuous else z
        value, *gradient = self.functions["density"](*((x,) if self._alone else (x, q, z)))
        return float(value), gradient[0] if gradient else np.zeros(len(q))

    def init(self, key: Array, q: Array, z: Array) -> State:
        """Return the state of a chain that begins at a position."""
        if self._alone:
            x = q if self.places.continuous else z
            return list(self.functions["init"](key, x, *self.steps[0].settings.arguments(len(x))))
        given: list[Any] = []
        for s in self.steps:
            at = self.places.indices(s.names)
            given += [at, *s.settings.arguments(len(at))]
        return list(self.functions["init"](key, q, z, *given))

    def with_target(self, state: State, target: float) -> State:
        """Return the state of a chain in which the step size of NUTS begins to be adapted anew, for another acceptance: not where it has done so."""
        at = {name: i for i, name in enumerate(self._sampler.fields)}
        state = list(state)
        for i in (i for i, s in enumerate(self.steps) if issubclass(s.kernel, Nuts)):
            place = {name: at[name if self._alone else f"{name}_{i}"] for name in ("target", "log_step", "log_step_average", "step_anchor", "step_error", "step_updates")}
            if float(state[place["target"]]) == target:
                continue
            now = state[place["log_step"]]
            anew = {"target": target, "log_step_average": now, "step_anchor": now, "step_error": 0.0, "step_updates": 0.0}
            for name, x in anew.items():
                state[place[name]] = np.asarray(x, np.float64)
        return state

    def advance(self, state: State, wanted: int, budget: int, tune: int) -> tuple[State, int, Array, Array, Array]:
        """Return the state after up to `wanted` draws, ticks spent, and of each draw continuous and discrete values and statistics."""
        *found, stats = self.functions["advance"](*state, wanted, budget, tune)
        state, (ticks, row, *blocks) = found[: len(state)], found[len(state) :]
        n = int(row)
        if self._alone:
            none = np.empty((n, 0), np.float64 if self.places.discrete else np.int64)
            blocks = [*blocks, none] if self.places.continuous else [none, *blocks]
        q, z = blocks
        return state, int(ticks), q[:n], z[:n], stats[:n]


def _one_of(made: Future[dict[str, CompiledFunction]], name: str) -> Future[CompiledFunction]:
    return started(lambda: made.result()[name])


def _timed(seconds: dict[str, float | None], since: float, jobs: Mapping[str, Future[Any]]) -> None:
    """Note when jobs are done."""
    for name, job in jobs.items():
        job.add_done_callback(lambda _, name=name: seconds.update({name: time.perf_counter() - since}))  # type: ignore[misc]


def _linked(f: CompiledFunction, slots: Mapping[str, Future[CompiledFunction]]) -> CompiledFunction:
    """A function with what is for its slots in them."""
    return f.link(**{name: slots[name].result() for name in f.slots})


def started(job: Callable[[], Any]) -> Future[Any]:
    """What a job will return, which a thread of its own does from now on."""
    future: Future[Any] = Future()

    def work() -> None:
        try:
            future.set_result(job())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=work, daemon=True).start()
    return future


def begun(job: Callable[[], Any]) -> Future[Any]:
    """As :func:`started`, after the job has come as far as to compile its code: of jobs at once, none would get there soon."""
    compiling = threading.Event()

    def work() -> Any:
        try:
            with heard(lambda phase: compiling.set() if phase == "compile" else None):
                return job()
        finally:
            compiling.set()

    future = started(work)
    compiling.wait()
    return future


def statistics_by_name(columns: Sequence[tuple[str, str]], table: Array) -> Mapping[str, Array]:
    """Return the statistics in the last axis of a table, by name in their dtypes; those that several kernels have along an axis more.

    Examples
    --------
    >>> found = statistics_by_name([("lp", "float64"), ("accepted", "bool"), ("accepted", "bool")], np.array([[-1.0, 1.0, 0.0]]))
    >>> found["lp"], found["accepted"]
    (array([-1.]), array([[ True, False]]))
    """
    places: dict[str, list[int]] = {}
    for i, (name, _) in enumerate(columns):
        places.setdefault(name, []).append(i)
    return {name: table[..., at[0] if len(at) == 1 else at].astype(columns[at[0]][1]) for name, at in places.items()}
