"""The Fit tab: a form that starts a fit, its losses while it goes on, and at its end whether to trust it."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

import numpy as np
from IPython.core.getipython import get_ipython

from kernel_ext.fitting import fit_form
from kernel_ext.fitting.fit_drawing import fit_html
from kernel_ext.sampling.dashboard import said
from kernel_ext.widget.part import Part
from workbench import Model, fit
from workbench.inference.approximations.fit_run import FitRun
from workbench.inference.values import apart, element_names

Array = np.ndarray[Any, Any]

PERIOD = 0.1
"""Seconds between looks."""
KEPT = 2000
"""Points that a curve is drawn by: of longer fits, means of every second, third, ... step."""
DRAWS, ROWS = 2000, 500
"""Draws that the table at the end is made of, and its most rows."""


class FitView(Part):
    """Shows a fit while it goes on, with a button that stops it; of a model, a form that starts one.

    Parameters
    ----------
    subject
        A fit, or a model.
    title
        The model's name in the notebook.
    """

    name, title = "fit", "Fit"

    def __init__(self, subject: FitRun | Model, title: str = "") -> None:
        super().__init__()
        self.model = subject if isinstance(subject, Model) else None
        self.called = title
        self.run: FitRun | None = None
        self.ready = threading.Event()
        self._starting = threading.Lock()
        self._words = ""
        self._trusted = True
        self._table: dict[str, Any] | None = None
        self._about: dict[str, Any] = {}
        self._sent = 0
        self._begun = 0.0
        self._telling = threading.Lock()
        if isinstance(subject, FitRun):
            self.watch(subject)

    def watch(self, run: FitRun, **about: Any) -> None:
        """Show a fit from now on."""
        with self._telling:
            self.run, self._about, self._sent, self._words, self._table = run, about, 0, "", None
            self._trusted, self._begun = True, time.perf_counter()
        self.ready.clear()
        threading.Thread(target=self._follow, args=(run,), name="workbench-fit-view", daemon=True).start()

    # Handlers only set flags, or hand work to a thread: they may run while C code or a cell is busy.

    def on_hello(self, content: Mapping[str, Any]) -> None:
        if self.model is not None:
            why = fit_form.why_not(self.model)
            self.push("form", why_not=why, methods=[] if why else fit_form.methods(), bound=fit_form.bound(self._model_name))
        if self.run is not None:
            with self._telling:
                self._sent = 0
                self._tell(self.run)

    def on_stop(self, content: Mapping[str, Any]) -> None:
        if self.run is not None:
            self.run.stop()

    def on_code(self, content: Mapping[str, Any]) -> None:
        """Answer with the line of code for what is filled in, or with what is wrong with it."""
        try:
            self.push("code", rid=content.get("rid"), text=fit_form.code(self._model_name, fit_form.options(content)))
        except Exception as error:
            self.push("code", rid=content.get("rid"), wrong=said(error))

    def on_start(self, content: Mapping[str, Any]) -> None:
        threading.Thread(target=self.begin, args=(dict(content),), name="workbench-start", daemon=True).start()

    # --------------------------------------------------------------------------------------------

    @property
    def _model_name(self) -> str:
        return self.called or "model"

    def begin(self, given: Mapping[str, Any]) -> None:
        """Start the fit that was filled in, wait for it, and bind the approximation; called in a thread."""
        with self._starting:
            going = self.run is not None and not self.run.wait_quietly(0.0)
            if self.model is None or going:
                self.push("refused", message="A fit of this panel is going on: stop it first." if going else "There is no model to approximate.")
                return
            try:
                chosen = fit_form.options(given)
                run = fit(**chosen, model=self.model, progressbar=False, blocking=False)
            except Exception as error:
                self.push("refused", message=said(error))
                return
            name = fit_form.bound(self._model_name)
            self.watch(run, code=fit_form.code(self._model_name, chosen), bound=name)
        while not run.wait_quietly(1.0):
            pass
        shell = get_ipython()
        if shell is not None and run.steps:
            shell.user_ns[name] = run.approx

    def _follow(self, run: FitRun) -> None:
        """Tell of a fit until it is over, and then whether to trust it."""
        try:
            while not run.wait_quietly(PERIOD):
                self._told(run)
            self._told(run)
            if run.steps:
                self._judge(run)
        except Exception as error:
            self._words, self._trusted = f"the approximation could not be judged: {said(error)}", False
        finally:
            self.ready.set()
            self._told(run)

    def _judge(self, run: FitRun) -> None:
        if run.state != "failed":
            try:
                judged = run.approx.pareto_k
                self._words, self._trusted = judged.words, judged.good
            except Exception as error:
                self._words, self._trusted = str(getattr(error, "message", error)), False
        if np.isfinite(np.concatenate([np.ravel(v) for v in run.approx.values])).all():
            self._table = table_of(run)

    def _told(self, run: FitRun) -> None:
        with self._telling:
            if self.run is run:
                self._tell(run)

    def _tell(self, run: FitRun) -> None:
        """Send what is new."""
        losses = run.loss_history
        stride = max(1, -(-(len(losses) - run.steps + run.steps_requested) // KEPT))
        over = run.wait_quietly(0.0)
        whole = len(losses) // stride + (1 if over and len(losses) % stride else 0)
        points = blocks(losses, stride, self._sent, whole)
        now = run.progress()
        error = run.error
        self.push(
            "state", {"elbo": -points}, start=self._sent, stride=stride, state=self._state(run), method=type(run.approx).__name__, step=now["step"], total=now["total"],
            before=len(losses) - run.steps, elbo=None if now["loss"] is None or not np.isfinite(now["loss"]) else -now["loss"],
            seconds=run.timings.get("fit", time.perf_counter() - self._begun), message=run.message, words=self._words, trusted=self._trusted,
            wrong=said(error) if error is not None else "", code=self._about.get("code", ""), bound=self._about.get("bound", "") if run.steps else "",
        )  # fmt: skip
        self._sent = whole
        if self._table is not None:
            t = self._table
            self.push("table", {"name": t["name"], **{k: t[k] for k in ("mean", "sd", "low", "high")}}, more=t["more"])

    def _state(self, run: FitRun) -> str:
        return "judging" if run.wait_quietly(0.0) and not self.ready.is_set() and run.state != "failed" else run.state

    def static(self) -> dict[str, str]:
        if self.run is None:
            return {"text/plain": f"no approximation of {self._model_name} yet: fit one here, or with {fit_form.code(self._model_name, {})}"}
        text = "\n".join(filter(None, [repr(self.run), self._words]))
        if not self.ready.is_set() or not self.run.steps:
            return {"text/plain": text}
        return {"text/plain": text, "text/html": fit_html(self.run, self._words, self._table)}


def blocks(losses: Array, stride: int, start: int, stop: int) -> Array:
    """Return means of blocks of losses, from one block up to another.

    Examples
    --------
    >>> blocks(np.array([1.0, 3.0, 5.0, 7.0, 9.0]), 2, 1, 3).tolist()
    [6.0, 9.0]
    """
    return np.array([losses[k * stride : (k + 1) * stride].mean() for k in range(start, stop)])


def table_of(run: FitRun) -> dict[str, Any]:
    """Return mean, standard deviation and a 94 % interval of each element, of draws from the approximation."""
    draws = run.approx.sample(DRAWS, random_seed=1, return_inferencedata=False)
    names = apart([e for name, values in draws.items() for e in element_names(run.approx.model, name, np.shape(values)[1:])])
    columns = [column for values in draws.values() for column in np.asarray(values, np.float64).reshape(len(values), -1).T]
    more = max(0, len(names) - ROWS)
    kept = np.array(columns[:ROWS])
    low, high = np.quantile(kept, [0.03, 0.97], axis=1)
    return {"name": names[:ROWS], "mean": kept.mean(axis=1), "sd": kept.std(axis=1), "low": low, "high": high, "more": more}


