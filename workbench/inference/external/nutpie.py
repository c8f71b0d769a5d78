"""nutpie, which calls compiled code at its address. Source: Seyboldt et al., "Preconditioning Hamiltonian Monte Carlo by minimizing Fisher divergence" (2026)."""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import time
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np

from workbench.compile import CompiledFunction
from workbench.compile.c.toolchain import require_compiler
from workbench.compile.machine_code import raise_fault
from workbench.errors import ArgumentError, MissingPackageError, SamplingError
from workbench.inference.external.sampler import STATS, Array, External, Rows, Task, require
from workbench.model.density import logp_grad_graph
from workbench.model.functions import function_of

POLL_SECONDS = 0.05
LOOKS = 1.3
"""How many times later the next look at the draws so far is than the last."""

CODE = """\
#include <stdint.h>
#include <string.h>

typedef struct {
    int32_t (*run)(void *const *io, const void *env, char *arena, int64_t *fault);
    const void *env;
    char *arena;
    int64_t failed, fault[3];
} wb_density;

// What nutpie calls: 0, or a positive number where the trajectory diverges. A negative one would end the process's threads in a panic:
// what fails is noted, and the chain is ended from outside.
int64_t wb_logp(uint64_t d, const double *q, double *gradient, double *logp, wb_density *f) {
    void *io[] = {(void *)q, logp, gradient};
    if (f->failed) return 1;
    if (f->run(io, f->env, f->arena, f->fault)) return __atomic_store_n(&f->failed, 1, __ATOMIC_RELEASE), 1;
    for (uint64_t i = 0; i < d; i++)
        if (!__builtin_isfinite(gradient[i])) return 3;
    return __builtin_isfinite(*logp) ? 0 : 4;
}

int64_t wb_drawn(uint64_t d, uint64_t size, const double *q, double *draw, wb_density *f) {
    (void)d;
    (void)f;
    memcpy(draw, q, size * sizeof *q);
    return 0;
}
"""

LOGP = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_uint64, *[ctypes.c_void_p] * 4)
DRAWN = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_uint64, ctypes.c_uint64, *[ctypes.c_void_p] * 3)

OURS = {
    "diverging": "diverging", "energy": "energy", "tree_depth": "depth", "n_steps": "n_steps", "step_size": "step_size",
    "acceptance_rate": "mean_tree_accept", "lp": "logp", "reached_max_treedepth": "maxdepth_reached",
}  # fmt: skip
"""nutpie's names of the statistics."""


class _Density(ctypes.Structure):
    _fields_ = [
        ("run", ctypes.c_void_p), ("env", ctypes.c_void_p), ("arena", ctypes.c_void_p), ("failed", ctypes.c_int64), ("fault", ctypes.c_int64 * 3),
    ]  # fmt: skip


class _Address:
    """What has an address, as Numba's C functions do."""

    def __init__(self, address: int) -> None:
        self.address = address


class Native:
    """One chain's calls of a density compiled to C: with memory of its own to work in."""

    def __init__(self, compiled: CompiledFunction, d: int) -> None:
        library, _ = require_compiler().library(CODE)
        self.logp, self.drawn = (_Address(ctypes.cast(f, ctypes.c_void_p).value or 0) for f in (library.wb_logp, library.wb_drawn))
        sized = compiled.compiled.sized(np.empty(d))  # type: ignore[attr-defined]
        environment = sized.environment()
        memory = np.empty(sized.arena // 8 + 16)
        # Where a line of the processor's cache begins.
        arena = memory.ctypes.data + -memory.ctypes.data % 64
        self._kept = (library, sized, environment, memory)
        self.density = np.zeros(ctypes.sizeof(_Density), np.uint8)
        self._fields = _Density.from_address(self.density.ctypes.data)
        self._fields.run, self._fields.env, self._fields.arena = sized.code.run_address, environment.address, arena

    @property
    def failed(self) -> bool:
        """Whether a call failed."""
        return bool(self._fields.failed)

    def raise_failed(self) -> None:
        """Raise the error that compiled code reported."""
        if self._fields.fault[0] < 0:
            raise SamplingError("an operation that has no compiled form failed while nutpie called the density", "nuts_sampler='workbench' shows its error")
        raise_fault(*self._fields.fault)


class CalledBack:
    """One chain's calls of a density that is entered through Python."""

    def __init__(self, compiled: CompiledFunction) -> None:
        self._compiled = compiled
        self.failed = False
        self._error: BaseException = RuntimeError()
        self._kept = LOGP(self._logp), DRAWN(self._drawn)
        self.logp, self.drawn = (_Address(ctypes.cast(f, ctypes.c_void_p).value or 0) for f in self._kept)
        self.density = np.zeros(1, np.uint8)

    def _logp(self, d: int, q: int, gradient: int, logp: int, _: int) -> int:
        if self.failed:
            return 1
        try:
            value, slope = self._compiled(np.array(_floats(q, d)))
        except BaseException as error:
            self.failed, self._error = True, error
            return 1
        _floats(gradient, d)[:], _floats(logp, 1)[:] = slope, value
        return 3 if not np.isfinite(slope).all() else 0 if np.isfinite(value) else 4

    def _drawn(self, d: int, size: int, q: int, draw: int, _: int) -> int:
        _floats(draw, size)[:] = _floats(q, size)
        return 0

    def raise_failed(self) -> None:
        raise self._error


def _floats(address: int, n: int) -> Array:
    return np.ctypeslib.as_array((ctypes.c_double * n).from_address(address))


SETTINGS = (
    "maxdepth", "mindepth", "max_energy_error", "use_grad_based_mass_matrix", "mass_matrix_eigval_cutoff", "mass_matrix_gamma", "check_turning",
    "early_window_switch_freq", "window_switch_freq", "mass_matrix_switch_freq", "initial_step", "step_size_adapt_method",
    "step_size_adam_learning_rate", "step_size_jitter",
)  # fmt: skip


class Nutpie(External):
    """``nutpie.sample``, a chain at a time, so that each starts where it is told and has a seed of its own."""

    package = "nutpie"
    denser = '{"low_rank_modified_mass_matrix": True}'
    takes: ClassVar = {
        "backend": '"c", "numba", "jax" or "numpy": where the density is computed',
        "low_rank_modified_mass_matrix": "whether correlations are adapted to",
        **dict.fromkeys(SETTINGS, "as in nutpie.sample"),
    }  # fmt: skip
    no_effect: ClassVar = {
        "gradient_backend": "the gradient is derived as a graph",
        **dict.fromkeys(("progress_template", "progress_style", "progress_rate"), "progress is shown as that of other samplers"),
        **dict.fromkeys(("num_try_init", "init_mean"), "chains start at checked points: initvals and init say where"),
    }
    instead: ClassVar = {
        "transform_adapt": "it needs a density in JAX, and nutpie is given compiled code here",
        "zarr_store": "draws are kept by the run, not by nutpie: leave it out", "save_warmup": "discard_tuned_samples=False keeps the draws of warm-up",
        **dict.fromkeys(("draws", "tune", "chains", "cores", "seed", "target_accept", "progress_bar", "blocking"), "give it to sample itself"),
    }  # fmt: skip

    def __init__(self, task: Task) -> None:
        self.library = require(self.package)
        if not task.tune:
            raise SamplingError("nuts_sampler='nutpie' needs warm-up: tune is 0", "give tune=1 at least")
        super().__init__(task)
        try:
            self._model_class = importlib.import_module("nutpie.compile_pymc").CompiledPyMCModel
        except (ImportError, AttributeError) as error:
            raise MissingPackageError(f"this version of nutpie cannot be given compiled code: {error}", "pip install 'nutpie>=0.16'") from error
        self.options = {k: v for k, v in task.options.items() if k in self.takes and k != "backend"}
        self.compiled = function_of(task.model, "logp_grad", task.options.get("backend") or task.backend, logp_grad_graph)

    def logp_grad(self, q: Array) -> tuple[float, Array]:
        value, gradient = self.compiled(q)
        return float(value), gradient

    def draw(self, keys: Sequence[int], starts: Array) -> Iterator[Rows]:
        (key,), (start,) = keys, starts
        self._require_slope(start)
        calls: Any = Native(self.compiled, start.size) if self.compiled.backend == "c" else CalledBack(self.compiled)
        sampler = self._sampler(key, start, calls)
        over, made, begun, looked = False, 0, time.perf_counter(), 0.0
        try:
            while not over:
                found = None
                if self.task.stop.is_set():
                    found, over = sampler.abort(), True
                else:
                    with contextlib.suppress(TimeoutError):
                        found, over = sampler.wait(timeout=POLL_SECONDS), True
                if not over and (now := time.perf_counter() - begun) > looked * LOOKS + 0.5:
                    # A look copies all draws so far: looks become rarer as there are more. Until this chain's turn comes again, it rests.
                    found, looked = sampler.inspect(), now
                    sampler.pause()
                if calls.failed:
                    break
                if found is not None:
                    rows = _rows(found, start.size, made)
                    made += rows.q.shape[1]
                    yield rows
        except (RuntimeError, ValueError) as error:
            raise SamplingError(f"nutpie: {_said(error)}") from None
        finally:
            if not over:
                sampler.cancel()
        if calls.failed:
            calls.raise_failed()

    def _require_slope(self, start: Array) -> None:
        """Raise where nutpie cannot start: its first mass matrix is made of the slope."""
        _, slope = self.logp_grad(start)
        flat = [name for name, (at, _) in self.places.continuous.items() if not slope[at].all()]
        if flat:
            raise SamplingError(
                f"nutpie cannot start where the log-density has no slope, as it has none here along {', '.join(flat)}", 'start elsewhere: init="auto", or initvals'
            )

    def _sampler(self, key: int, start: Array, calls: Any) -> Any:
        d, names = start.size, ["q"]
        model = self._model_class(
            dims={}, compiled_logp_func=calls.logp, compiled_expand_func=calls.drawn, initial_point_func=lambda seed: np.array(start), shared_data={},
            user_data=calls.density, n_expanded=d, shape_info=(names, [slice(0, d)], [(d,)]), logp_func=calls, expand_func=None, _n_dim=d,
            _shapes={"q": (d,)}, _coords={},
        )  # fmt: skip
        options = {"target_accept": self.task.target_accept, "maxdepth": self.task.max_treedepth, **self.options}
        try:
            return self.library.sample(
                model, draws=self.task.draws, tune=self.task.tune, chains=1, cores=1, seed=key, progress_bar=False, blocking=False,
                return_raw_trace=True, **options,
            )
        except (AttributeError, TypeError, RuntimeError, ValueError, OverflowError) as error:
            raise ArgumentError(f"nuts_sampler_kwargs: nutpie does not take them: {_said(error)}") from None


def _said(error: BaseException) -> str:
    return str(error).partition("Stack backtrace")[0].strip()


def _rows(found: Any, d: int, made: int) -> Rows:
    """Draws and statistics of one chain from draw `made` on, those of warm-up first, from Arrow's tables."""
    arrow: Any = importlib.import_module("pyarrow")
    (draws,), (numbers,) = found.get_arrow_trace()
    q = arrow.array(draws.column("q")).flatten().to_numpy(zero_copy_only=False).reshape(-1, d)
    stats = [arrow.array(numbers.column(OURS[name])).to_numpy(zero_copy_only=False).astype(np.float64) for name in STATS]
    return Rows(q[None, made:], np.stack(stats, axis=-1)[None, made:])
