"""The sampling dashboard, on the kernel's side: one thread sends what is new, ten times a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from kernel_ext import static_view
from kernel_ext.part import Part
from workbench.inference.diagnostics import summary
from workbench.inference.run import Run

PERIOD = 0.1
SUMMARY_PERIOD = 1.5
SHOWN = 8
BATCH = 200_000
"""Bytes of draws in one message."""
SUMMARY_SECONDS = 1.0
MOST = 100_000
"""Rows of a chain to send: of longer ones only every second, third, ... draw is drawn."""


class SamplingDashboard(Part):
    """Shows a run while it goes on. Its buttons stop, pause and resume the run."""

    name, title = "sample", "Sample"

    def __init__(self, run: Run) -> None:
        super().__init__()
        self.run = run
        self.over = threading.Event()
        self.final_rows: list[dict[str, Any]] = []
        self._names: list[str] | None = None
        self._sent: list[int] = []
        self._marked: list[int] = []
        self._fresh = threading.Event()
        self._last_summary = 0.0
        self.stride = -(-run.total // MOST)
        threading.Thread(target=self._publish, name="workbench-dashboard", daemon=True).start()

    # A handler only sets flags: it may run while C code or a cell is busy.

    def on_hello(self, content: Mapping[str, Any]) -> None:
        self._fresh.set()
        if self.over.is_set():
            self._begin()
            self._update(final=True)

    def on_stop(self, content: Mapping[str, Any]) -> None:
        self.run.stop()

    def on_pause(self, content: Mapping[str, Any]) -> None:
        self.run.pause()

    def on_resume(self, content: Mapping[str, Any]) -> None:
        self.run.resume()

    def on_show(self, content: Mapping[str, Any]) -> None:
        self._names = self._choose(content.get("names", []))
        self.on_hello(content)

    def static(self) -> dict[str, str]:
        if not self.over.is_set():
            return {"text/plain": "sampling ..."}
        names = self.shown() if self.run.kept else []
        rows = self.final_rows or (self.rows(self.run.variable_names()) if self.run.kept else [])
        return {"text/html": static_view.run_html(self.run, names, rows), "text/plain": repr(self.run)}

    def shown(self) -> list[str]:
        """Return the elements to plot: scalars first."""
        if self._names is None:
            names = self.run.variable_names()
            scalars = [n for n in names if "[" not in n]
            self._names = (scalars + [n for n in names if "[" in n])[:SHOWN]
        return self._names

    def _choose(self, wanted: list[str]) -> list[str]:
        names = self.run.variable_names()
        found = [n for w in wanted for n in names if n == w or n.startswith(w + "[") or (w.endswith("[...]") and n.startswith(w[:-4]))]
        return list(dict.fromkeys(found))[:40] or self.shown()

    def _publish(self) -> None:
        finished = False
        try:
            while not finished:
                finished = self.run.wait_quietly(PERIOD)
                if self._fresh.is_set():
                    self._fresh.clear()
                    self._begin()
                self._update(final=finished)
        finally:
            self.over.set()

    def _begin(self) -> None:
        run = self.run
        self._sent = [0] * run.shown_chains
        self._marked = [0] * run.shown_chains
        self._last_summary = 0.0
        self.push(
            "run", state=run.state, chains=run.shown_chains, tune=run.tune, draws=run.draws_requested, names=self.shown(),
            backend=run.backend, message=self._message(), stride=self.stride,
        )  # fmt: skip

    def _message(self) -> str:
        if self.run.state == "compiling":
            return f"for {self.run.backend}"
        return str(self.run.error) if self.run.error is not None else ""

    def _update(self, final: bool) -> None:
        run = self.run
        if not self._sent:
            return
        rows = run.progress()
        for row in rows:
            self._send_draws(row["chain"], row["draws"])
        made = sum(r["draws"] for r in rows)
        elapsed = time.perf_counter() - run.started
        sampling = max(elapsed - run.timings.get("compile", elapsed), 1e-9)
        if final and "sample" in run.timings:
            sampling = run.timings["sample"]
        rate = made / sampling if made else float("nan")
        left = run.shown_chains * run.total - made
        self.push(
            "progress",
            {
                "chain": np.array([r["chain"] for r in rows], np.int32),
                "draws": np.array([r["draws"] for r in rows], np.int32),
                "tuning": np.array([r["tuning"] for r in rows], np.uint8),
                "step_size": np.array([r["step_size"] for r in rows], np.float64),
                "gradients": np.array([r["gradients"] for r in rows], np.float64),
                "divergences": np.array([r["divergences"] for r in rows], np.int32),
                "tree_depth": np.array([r["tree_depth"] for r in rows], np.float64),
            },
            state=run.state, elapsed=elapsed, eta=left / rate if made else None, rate=rate if made else None,
            message=self._message(),
        )  # fmt: skip
        if final or time.perf_counter() - self._last_summary > SUMMARY_PERIOD:
            self._send_summary(final)

    def _send_draws(self, chain: int, upto: int) -> None:
        """Send the draws made before this tick; those of fast chains go on arriving meanwhile."""
        names = self.shown()
        block = max(1, BATCH // (8 * max(1, len(names)))) * self.stride
        while self._sent[chain] * self.stride < upto:
            start = self._sent[chain] * self.stride
            values = self.run.values(names, chain, start, min(start + block, upto))[:: self.stride]
            columns = {n: np.ascontiguousarray(values[:, i]) for i, n in enumerate(names)}
            self.push("draws", columns, chain=chain, start=self._sent[chain])
            self._sent[chain] += len(values)
        divergent = self.run.divergences(chain)
        new = divergent[self._marked[chain] :]
        if len(new):
            self.push("divergences", {"draw": new.astype(np.int32)}, chain=chain)
            self._marked[chain] += len(new)

    def rows(self, names: list[str]) -> list[dict[str, Any]]:
        """Return the summary of elements over the draws after warm-up that all chains have.

        Long runs of many elements take long: after a second the rest are left to ArviZ.
        """
        run = self.run
        n = min((r["draws"] for r in run.progress()), default=0) - run.tune
        if n < 8 or not names:
            return []
        begun = time.perf_counter()
        found: list[dict[str, Any]] = []
        for at in range(0, len(names), 8):
            some = names[at : at + 8]
            draws = np.stack([run.values(some, c, run.tune, run.tune + n) for c in range(run.shown_chains)])
            found += summary(some, draws)
            if time.perf_counter() - begun > SUMMARY_SECONDS:
                break
        return sorted(found, key=lambda r: -r["rhat"] if np.isfinite(r["rhat"]) else -np.inf)

    def _send_summary(self, final: bool) -> None:
        shown = self.shown()
        rest = [n for n in self.run.variable_names() if n not in shown] if final else []
        rows = self.final_rows = self.rows([*shown, *rest])
        self._last_summary = time.perf_counter()
        if rows:
            clean = [{k: None if isinstance(v, float) and not np.isfinite(v) else v for k, v in r.items()} for r in rows]
            self.push("summary", rows=clean)
