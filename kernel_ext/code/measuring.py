"""How fast and how near each backend is: one subject, measured in one way everywhere."""

from __future__ import annotations

import importlib.util
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kernel_ext.graphs.computation import Subject, computation_of
from workbench import Model
from workbench.compile.c.toolchain import find_compiler, require_compiler
from workbench.compile.function import CompiledFunction, function
from workbench.compile.phases import heard
from workbench.errors import CompileError, WorkbenchError
from workbench.graph import free_inputs
from workbench.graph.lengths import number, symbols

POINTS = 5
"""Points at which results are compared."""
SPREAD = 0.5
"""How far from the first point the others are: the standard deviation of each element, in unconstrained space."""
BATCH_SECONDS, TOTAL_SECONDS, MOST_BATCHES = 0.004, 0.4, 40
"""Calls are timed in batches that take at least so long, as many as fit into the total."""
TURN = threading.Lock()
"""One thing at a time is measured in a process: two would slow each other."""
OPEN_LENGTH = 50
"""The length that axes of a function have at which it is measured, where they may have any."""


class Cancelled(Exception):
    """Nobody waits for the measurement any more."""


@dataclass(frozen=True)
class Place:
    """A backend on a device: where something may be computed.

    Attributes
    ----------
    key
        What messages call it: "c", "jax:gpu".
    backend, title
        The backend, and what people call the place.
    why_not, fix
        Why it cannot be used, and what to do; empty if it can.
    asked
        Whether it is known: JAX says what devices there are only once it is imported.
    device
        JAX's device.
    """

    key: str
    backend: str
    title: str
    why_not: str = ""
    fix: str = ""
    asked: bool = True
    device: Any = field(default=None, repr=False, compare=False)


def places(with_jax: bool) -> list[Place]:
    """Return every place, those too that cannot be used. JAX is imported if `with_jax`; else what it has is not known."""
    return [Place("numpy", "numpy", "NumPy"), _c(), _numba(), *_jax(with_jax)]


def _c() -> Place:
    compiler = find_compiler()
    if compiler is not None:
        return Place("c", "c", f"C ({compiler.path.rpartition('/')[2]})")
    try:
        require_compiler()
    except CompileError as error:
        return Place("c", "c", "C", error.message.partition(", and ")[2], error.hint.partition(";")[0])
    return Place("c", "c", "C")


def _numba() -> Place:
    if importlib.util.find_spec("numba") is None:
        return Place("numba", "numba", "Numba", "Numba is not installed", "pip install numba")
    return Place("numba", "numba", "Numba")


def _jax(asked: bool) -> list[Place]:
    cpu, gpu = ("jax:cpu", "jax", "JAX on CPU"), ("jax:gpu", "jax", "JAX on GPU")
    if importlib.util.find_spec("jax") is None:
        return [Place(*where, "JAX is not installed", fix) for where, fix in ((cpu, "pip install jax"), (gpu, "pip install jax[cuda12]"))]
    if not asked:
        return [Place(*cpu, asked=False), Place(*gpu, asked=False)]
    from workbench.compile.jax.devices import devices

    found: list[Place] = []
    for d in sorted(devices(), key=lambda d: ("cpu", "gpu", "tpu").index(d.kind)):
        key = f"jax:{d.kind}" if d.kind not in {p.key.partition(":")[2] for p in found} else f"jax:{d.kind}:{len(found)}"
        why, _, fix = d.why_not.partition(": ")
        found.append(Place(key, "jax", f"JAX on {d.kind.upper()}", why, fix, device=d))
    if not any(p.key.startswith("jax:gpu") for p in found):
        found.append(Place(*gpu, "this machine has no GPU that the system knows of", "run the notebook on a machine with one"))
    return found


@dataclass
class Measured:
    """What was measured of one place.

    Attributes
    ----------
    phases
        Seconds of each phase of compiling.
    cached
        Whether compiled code came from the cache on disk; ``None`` where there is none.
    seconds, calls, batches
        Seconds of an evaluation: of the fastest batch of so many calls, out of so many.
    difference, relative
        The largest difference from the reference, and in proportion to the largest element of the same result.
    not_finite
        At how many points the two are not both finite, or not equal.
    """

    phases: dict[str, float]
    cached: bool | None
    seconds: float
    calls: int
    batches: int
    difference: float
    relative: float
    not_finite: int

    @property
    def compile_seconds(self) -> float:
        return sum(self.phases.get(p, 0.0) for p in ("derive", "rewrite", "lower", "compile"))


class Measurement:
    """Measures a subject on one place after another, against NumPy in double precision.

    Parameters
    ----------
    subject
        A model, whose log-density and gradient are evaluated (the first alone, if a free variable is discrete); an expression, or a
        compiled function.
    """

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self._reference: list[list[np.ndarray[Any, Any]]] = []
        self.points = self._points()

    def __call__(self, place: Place, precision: str, listener: Callable[[str], None]) -> Measured:
        """Measure. The listener is told each phase, and may raise `Cancelled`."""
        if place.device is not None and place.device.jax is not None:
            import jax

            with jax.default_device(place.device.jax):
                return self._measure(place, precision, listener)
        return self._measure(place, precision, listener)

    def _measure(self, place: Place, precision: str, listener: Callable[[str], None]) -> Measured:
        with heard(listener):
            f, phases = self._compiled(place.backend, precision, listener)
        listener("compare")
        first = time.perf_counter()
        results = [_results(f(*values)) for values in self.points]
        phases["first_call"] = time.perf_counter() - first
        if not self._reference:
            same = place.backend == "numpy" and precision == "float64"
            reference = f if same else self._compiled("numpy", "float64", listener)[0]
            self._reference = [_results(reference(*values)) for values in self.points]
        found = [difference(a, b) for a, b in zip(results, self._reference)]
        listener("time")
        seconds, calls, batches = timed(_call(f, self.points[0]), listener)
        cached = getattr(f._only, "cached", None)
        return Measured(
            phases, cached, seconds, calls, batches, max(d for d, _, _ in found), max(r for _, r, _ in found), sum(not same for _, _, same in found)
        )

    def _compiled(self, backend: str, precision: str, listener: Callable[[str], None]) -> tuple[CompiledFunction, dict[str, float]]:
        subject, derive = self.subject, {}
        if isinstance(subject, Model):
            listener("derive")
            start = time.perf_counter()
            graph = subject.logp_grad_graph() if _has_gradient(subject) else computation_of(subject).written
            derive = {"derive": time.perf_counter() - start}
            f = function(graph.params, graph.results, backend=backend, name="logp_grad", precision=precision)
        elif isinstance(subject, CompiledFunction):
            if subject.slots:
                raise CompileError("its slots are filled for one backend: it is measured as a part of what samples")
            inputs, outputs, _, mode, name, _, givens, *_ = subject._asked
            f = function(inputs, outputs, backend=backend, mode=mode, name=name, givens=givens, precision=precision)
        else:
            f = function(free_inputs([subject]), subject, backend=backend, precision=precision)
        return f, {**derive, **f.timings}

    def _points(self) -> list[list[np.ndarray[Any, Any]]]:
        """Arguments: the initial point of a model and points around it; for others, random numbers."""
        rng = np.random.default_rng(0)
        if isinstance(self.subject, Model):
            first = self.subject.flatten(self.subject.initial_point())
            spread = np.concatenate([np.full(v.size, SPREAD * (v.type.kind == "f")) for v in self.subject.at_current_shapes().value_vars] or [first])
            return [[first + k * spread * rng.normal(size=first.shape)] for k in (0, *[1] * (POINTS - 1))]
        inputs = self.subject._asked[0] if isinstance(self.subject, CompiledFunction) else free_inputs([self.subject])
        return [[_random(rng, x.type) for x in inputs] for _ in range(POINTS)]


def _has_gradient(model: Model) -> bool:
    return all(rv.type.kind == "f" for rv in model.free_RVs)


def _random(rng: np.random.Generator, kind: Any) -> np.ndarray[Any, Any]:
    shape = tuple(n if isinstance(n, int) else number(n, dict.fromkeys(symbols(n), OPEN_LENGTH)) for n in kind.shape)
    values = SPREAD * rng.normal(size=shape)
    return np.asarray(values if kind.dtype.startswith("float") else np.zeros(shape), kind.dtype)


def _results(made: Any) -> list[np.ndarray[Any, Any]]:
    return [np.asarray(v) for v in (made if isinstance(made, list) else [made])]


def difference(made: Sequence[np.ndarray[Any, Any]], wanted: Sequence[np.ndarray[Any, Any]]) -> tuple[float, float, bool]:
    """Return the largest difference, that in proportion to the largest element of its result, and whether the same elements are finite."""
    worst = relative = 0.0
    same = True
    for a, b in zip(made, wanted):
        x, y = np.asarray(a, np.float64), np.asarray(b, np.float64)
        finite = np.isfinite(x) & np.isfinite(y)
        same &= bool(np.all(finite | (x == y) | (np.isnan(x) & np.isnan(y))))
        with np.errstate(invalid="ignore", over="ignore"):
            here = float(np.max(np.abs(x - y), where=finite, initial=0.0))
        largest = float(np.max(np.abs(y), where=finite, initial=0.0))
        worst, relative = max(worst, here), max(relative, here / largest if largest else here)
    return worst, relative, same


def _call(f: CompiledFunction, values: Sequence[np.ndarray[Any, Any]]) -> Callable[[], Any]:
    """A call as samplers make it: of JAX, with arguments on the device, waiting for results there."""
    if f.backend == "jax" and f._only is not None and hasattr(f._only, "on_device"):
        there: Callable[[], Any] = f._only.on_device(*values)
        return there
    return lambda: f(*values)


def timed(call: Callable[[], Any], listener: Callable[[str], None]) -> tuple[float, int, int]:
    """Return seconds of a call in the fastest batch, calls in a batch, and how many batches there were."""
    clock = time.perf_counter

    def batch() -> float:
        start = clock()
        for _ in range(calls):
            call()
        return clock() - start

    calls = 1
    while True:
        spent = min(batch(), batch())
        if spent >= BATCH_SECONDS:
            break
        calls = max(calls + 1, min(calls * 10, int(calls * 1.3 * BATCH_SECONDS / max(spent, 1e-7))))
    best, batches, begun = spent, 1, clock()
    while batches < MOST_BATCHES and (clock() - begun < TOTAL_SECONDS or batches < 3):
        listener("time")
        best = min(best, batch())
        batches += 1
    return best / calls, calls, batches


def why(error: Exception) -> tuple[str, str]:
    """What an error says, and what to do."""
    if isinstance(error, WorkbenchError):
        return error.message, error.hint
    return f"{type(error).__name__}: {error}", ""
