"""The backends side by side: which are there, how fast and how near each is, and one click to change."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict
from html import escape
from typing import Any

from kernel_ext.code.measuring import TURN, Cancelled, Measured, Measurement, Place, places, why
from kernel_ext.graphs.computation import Subject, computation_of
from kernel_ext.widget.part import Part
from workbench import Model
from workbench.compile import choose_backend
from workbench.compile.function import CompiledFunction
from workbench.errors import WorkbenchError

AT_ONCE = ("numpy", "c")
"""What is measured unasked: nothing large is imported for it, and nothing is compiled for long."""
PRECISIONS = ("float64", "float32")
HOW = (
    "Each is compiled and called as samplers do. An evaluation is that of the fastest of several batches of calls from Python; "
    "JAX's arguments are on the device already, and its results are waited for and stay there. "
    "Differences are from NumPy in double precision, over the initial point and four random points around it; "
    "in proportion: to the largest element of the same result."
)


class BackendToggle(Part):
    """Shows where a subject can be computed, and changes where a model is.

    Parameters
    ----------
    subject
        A model, an expression or a compiled function; ``None`` for the backend of all models for which none was chosen.
    called
        What the subject is called.
    choose
        What sets the backend of all models, where there is no subject.
    """

    name, title = "backends", "Backends"

    def __init__(self, subject: Subject | None = None, called: str = "", choose: Callable[[str], None] | None = None) -> None:
        super().__init__()
        self.subject, self.called, self._choose = subject, called, choose
        self.places = places(False)
        self.measured: dict[tuple[str, str], Measured] = {}
        self.failed: dict[tuple[str, str], tuple[str, str]] = {}
        self.anew: dict[tuple[str, str], float] = {}
        """Seconds of compiling where it was not from the cache."""
        self._waiting: deque[tuple[str, str]] = deque()
        self._now: tuple[str, str] | None = None
        self._phase = ""
        self._cancelled = threading.Event()
        self._lock = threading.Lock()
        self._graph: Any = None

    # Messages ------------------------------------------------------------------------------------

    def on_hello(self, content: Mapping[str, Any]) -> None:
        self._push_places()
        if self.subject is not None and not self.measured and not self._busy:
            self._queue([(key, "float64") for key in AT_ONCE])

    def on_measure(self, content: Mapping[str, Any]) -> None:
        """Measure places, one after another."""
        keys = [str(k) for k in content.get("keys", [])]
        precisions = [p for p in PRECISIONS if p in content.get("precisions", PRECISIONS[:1])]
        if self.subject is not None:
            self._queue([(k, p) for k in keys for p in precisions])

    def on_look(self, content: Mapping[str, Any]) -> None:
        """Ask JAX which devices there are."""
        threading.Thread(target=self._look, name="workbench-devices", daemon=True).start()

    def on_cancel(self, content: Mapping[str, Any]) -> None:
        self._cancelled.set()

    def on_use(self, content: Mapping[str, Any]) -> None:
        """Compute the model on another backend from now on; on what the notebook says, where no place is named."""
        key = str(content.get("key", ""))
        try:
            said = self.use(key)
        except (WorkbenchError, ValueError) as error:
            said = str(getattr(error, "message", error))
        self._push_places(said)

    # What they do --------------------------------------------------------------------------------

    def use(self, key: str = "") -> str:
        """Choose a place for the model, or for all models, and say so.

        Raises
        ------
        ValueError
            If there is no such place, it cannot be used, or the subject is compiled already.
        """
        place = next((p for p in self.places if p.key == key), None)
        if key and place is None:
            raise ValueError(f"there is no place {key!r}: {', '.join(p.key for p in self.places)}")
        if place is not None and place.why_not:
            raise ValueError(f"{place.title} cannot be used: {place.why_not}")
        if self.subject is None:
            assert self._choose is not None
            self._choose(place.backend if place else "auto")
            return f"Models are computed by {self._words()} from now on, unless one has a backend of its own."
        if not isinstance(self.subject, Model):
            raise ValueError("what is compiled stays where it is: give pm.function another backend")
        self.subject.backend = place.backend if place else None
        what = self.called or "The model"
        return f"{what} is computed by {self._words()} from the next run on.{_not_by_default(place)}"

    def _words(self) -> str:
        return {"c": "C", "numba": "Numba", "jax": "JAX", "numpy": "NumPy"}[self.in_use]

    @property
    def chosen(self) -> str | None:
        """The backend that was chosen for the subject itself; ``None`` where it follows the notebook's."""
        if self.subject is None:
            return Model.default_backend
        return self.subject.chosen_backend if isinstance(self.subject, Model) else getattr(self.subject, "backend", None)

    @property
    def in_use(self) -> str:
        """The backend that computes it."""
        return choose_backend(self.chosen or Model.default_backend)

    def _push_places(self, said: str = "") -> None:
        kind = "default" if self.subject is None else "model" if isinstance(self.subject, Model) else "function" if isinstance(self.subject, CompiledFunction) else "expression"
        rows = [
            {"key": p.key, "backend": p.backend, "title": p.title, "why": p.why_not, "fix": p.fix, "asked": p.asked,
             "device": str(p.device.name) if p.device is not None else ""}
            for p in self.places
        ]  # fmt: skip
        self.push(
            "places", rows=rows, measures=[self._row(k, p) for k, p in self._known()], chosen=self.chosen or "", used=self.in_use,
            default=Model.default_backend, said=said, kind=kind, name=self.called, how=HOW, busy=self._busy, phase=self._phase,
        )  # fmt: skip

    def _known(self) -> list[tuple[str, str]]:
        return list(dict.fromkeys((*self.measured, *self.failed, *([self._now] if self._now else ()), *self._waiting)))

    def _row(self, key: str, precision: str) -> dict[str, Any]:
        at = key, precision
        row: dict[str, Any] = {"key": key, "precision": precision, "state": "waiting"}
        if at == self._now:
            return {**row, "state": "now", "phase": self._phase}
        if at in self.failed:
            return {**row, "state": "failed", "why": self.failed[at][0], "fix": self.failed[at][1]}
        if at in self.measured:
            made = self.measured[at]
            values = {**asdict(made), "compile": made.compile_seconds, "anew": self.anew.get(at)}
            row.update({k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()})
            row["state"] = "done"
        return row

    @property
    def _busy(self) -> bool:
        return self._now is not None or bool(self._waiting)

    def _look(self) -> None:
        self.places = places(True)
        self._push_places()

    def _queue(self, wanted: list[tuple[str, str]]) -> None:
        with self._lock:
            idle = not self._busy
            usable = {p.key for p in self.places if not p.why_not}
            for at in wanted:
                if at[0] in usable and at not in self._waiting and at != self._now:
                    self._waiting.append(at)
            start = idle and bool(self._waiting)
        if start:
            self._cancelled.clear()
            threading.Thread(target=self._run, name="workbench-backends", daemon=True).start()

    def _run(self) -> None:
        """Measure what waits, until nothing does."""
        with TURN:
            measure = None
            while True:
                with self._lock:
                    if self._cancelled.is_set():
                        self._waiting.clear()
                    self._now = self._waiting.popleft() if self._waiting else None
                if self._now is None:
                    break
                self._measure_one(*self._now, measure := measure or self._measurement())
        self._phase = ""
        self._push_places("Cancelled." if self._cancelled.is_set() else "")

    def _measurement(self) -> Measurement:
        assert self.subject is not None
        graph = computation_of(self.subject).graph
        if graph is not self._graph:
            # Of a model as it was before it was changed nothing is kept.
            self._graph = graph
            for kept in (self.measured, self.failed, self.anew):
                kept.clear()
        return Measurement(self.subject)

    def _measure_one(self, key: str, precision: str, measure: Measurement) -> None:
        at = key, precision
        try:
            if key.startswith("jax") and not all(p.asked for p in self.places):
                self._heard("import JAX")
                self._look()
            place = next((p for p in self.places if p.key == key), None)
            if place is None or place.why_not:
                return
            made = measure(place, precision, self._heard)
            self.failed.pop(at, None)
            self.measured[at] = made
            if made.cached is False:
                self.anew[at] = made.compile_seconds
        except Cancelled:
            pass
        except Exception as error:
            self.failed[at] = why(error)
        self._now = None
        if at in self.measured or at in self.failed:
            self.push("measure", row=self._row(key, precision))

    def _heard(self, phase: str) -> None:
        if self._cancelled.is_set():
            raise Cancelled
        if phase != self._phase:
            self._phase = phase
            if self._now is not None:
                self.push("measure", row=self._row(*self._now))

    def static(self) -> dict[str, str]:
        """What was measured, as a table; before that, what there is."""
        rows, lines = [], []
        for p in self.places:
            for precision in PRECISIONS:
                made = self.measured.get((p.key, precision))
                title = p.title if precision == "float64" else f"{p.title}, float32"
                if made is not None:
                    cells = [f"{made.compile_seconds:.3g} s{' (from the cache)' if made.cached else ''}", f"{made.seconds * 1e6:.4g} µs", f"{made.difference:.1e}", f"{made.relative:.1e}"]
                elif precision == "float64" and p.why_not:
                    cells = [f"{p.why_not}: {p.fix}" if p.fix else p.why_not, "", "", ""]
                elif precision == "float64":
                    cells = ["not measured" if self.subject is not None else "", "", "", ""]
                else:
                    continue
                mark = " (in use)" if p.backend == self.in_use and precision == "float64" else ""
                rows.append("".join(f"<td style='text-align:left'>{escape(c)}</td>" for c in (title + mark, *cells)))
                lines.append("  ".join(filter(None, (title + mark, *cells))))
        head = "".join(f"<th style='text-align:left'>{h}</th>" for h in ("backend", "compiled in", "an evaluation", "largest difference", "in proportion"))
        table = f"<table><tr>{head}</tr>{''.join(f'<tr>{r}</tr>' for r in rows)}</table>"
        return {"text/html": table, "text/plain": "\n".join(lines)}


def _not_by_default(place: Place | None) -> str:
    """What to know where JAX would not compute on a device by itself."""
    if place is None or place.device is None or place.device.jax is None:
        return ""
    import jax

    first = jax.devices()[0]
    kind = place.key.split(":")[1]
    return "" if first.platform == place.device.jax.platform else f" By itself JAX takes {first.device_kind}: many chains go to the other by pm.sample(..., device={kind!r})."
