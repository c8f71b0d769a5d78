"""`FitRun`: a fit in a thread, a chunk of steps at a time, that can be watched and stopped."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from workbench.errors import SamplingError, user_location, warn_user
from workbench.inference.approximations.approximation import Approximation
from workbench.inference.approximations.callbacks import due, steps_until
from workbench.inference.approximations.faults import fault
from workbench.inference.approximations.linked_descent import Chunk
from workbench.inference.interrupts import Interrupts

Array = np.ndarray[Any, Any]
SECONDS = 0.1
"""What a chunk lasts, about."""
FIRST = 16
"""Steps of the first chunk."""
ROOM = 4096
"""Fewest losses that there is new room for."""

on_start: list[Callable[[FitRun], Callable[[], None] | None]] = []
"""Called with every fit that starts: a dashboard puts itself here. What it returns is called when the fit is over, by the thread
that waits for it."""


class Descends(Protocol):
    """What makes the steps."""

    rows: int

    @property
    def values(self) -> list[Array]:
        """Values of the approximation's parameters."""

    def compile(self) -> None:
        """Compile what is needed."""

    def advance(self, wanted: int) -> Chunk:
        """Make up to so many steps."""


class FitRun:
    """A fit. Made by :func:`workbench.fit` with ``blocking=False``.

    Attributes
    ----------
    approx
        What is fitted: its parameters are those of the last chunk.
    steps_requested
        How many steps are to be made.
    state
        "compiling", "fitting", "stopped", "done" or "failed".
    timings
        Seconds: "compile" and "fit".
    error
        What went wrong, when `state` is "failed". What was fitted until then is kept.
    message
        Why the fit ended before all steps were made, where a callback or convergence ended it.
    """

    def __init__(self, approx: Approximation, descent: Descends, steps: int, callbacks: Sequence[Callable[..., Any]] = ()) -> None:
        self.approx, self.descent, self.steps_requested, self.callbacks = approx, descent, steps, tuple(callbacks)
        self.state = "compiling"
        self.timings: dict[str, float] = {}
        self.error: BaseException | None = None
        self.message = ""
        self._before = len(approx.hist)
        self._losses = approx.hist.copy()
        self._made = 0
        self._stopping, self._done = threading.Event(), threading.Event()
        self._given_up = False
        self._written_at = user_location()
        self._finish: list[Callable[[], None]] = []

    # Looking -------------------------------------------------------------------------------------

    @property
    def loss_history(self) -> Array:
        """Losses so far, those of fits before included, (steps,)."""
        return self._losses[: self._before + self._made]

    @property
    def steps(self) -> int:
        """How many steps this fit has made."""
        return self._made

    def progress(self) -> dict[str, Any]:
        """Return how far the fit is: steps, of how many, and the mean of the last 100 losses."""
        recent = self._losses[self._before + max(0, self._made - 100) : self._before + self._made]
        return {"state": self.state, "step": self._made, "total": self.steps_requested, "loss": float(recent.mean()) if len(recent) else None}

    # Control -------------------------------------------------------------------------------------

    def start(self, watched: bool = True) -> FitRun:
        """Begin in a background thread, and show it to the watchers if it is to be `watched`."""
        threading.Thread(target=self._run, name="workbench-fit", daemon=True).start()
        for watch in on_start if watched else ():
            try:
                end = watch(self)
            except Exception as error:
                warn_user(f"the fit goes on, but could not be shown: {type(error).__name__}: {error}")
                continue
            if end is not None:
                self._finish.append(end)
        return self

    def stop(self) -> None:
        """Stop after the chunk in hand; what is fitted is kept. While the model is compiled, the fit is over at once."""
        self._stopping.set()
        if self.state == "compiling":
            self._given_up, self.state = True, "stopped"
            self._done.set()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the fit is over; return whether it is.

        An interrupt (Ctrl-C, the notebook's stop button) stops the fit and keeps what is fitted.

        Raises
        ------
        SamplingError
            If the loss was not finite, or a callback failed: its `run` is this fit.
        """
        end = None if timeout is None else time.monotonic() + timeout
        try:
            with Interrupts() as interrupts:
                while not interrupts.wait(self._done, 0.05 if end is None else max(0.0, min(0.05, end - time.monotonic()))):
                    if end is not None and time.monotonic() > end:
                        return False
        except KeyboardInterrupt:
            self.stop()
            self._done.wait()
        while self._finish:
            self._finish.pop()()
        if self.error is not None:
            raise self.error
        return True

    def wait_quietly(self, timeout: float) -> bool:
        """Wait at most `timeout` seconds; return whether the fit is over. Never raises."""
        return self._done.wait(timeout)

    def __await__(self) -> Any:
        import asyncio

        async def wait() -> FitRun:
            while not self._done.is_set():
                await asyncio.sleep(0.05)
            self.wait()
            return self

        return wait().__await__()

    # Work ----------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            begun = time.perf_counter()
            self.descent.compile()
            self.timings["compile"] = time.perf_counter() - begun
            if self._given_up:
                return
            self.state = "fitting"
            begun = time.perf_counter()
            try:
                self._descend()
            finally:
                self.timings["fit"] = time.perf_counter() - begun
                self.approx.hist = self.loss_history.copy()
            ended = self._stopping.is_set() and self._made < self.steps_requested
            state = "stopped" if ended else "done"
        except BaseException as error:
            self.error = error if isinstance(error, SamplingError) else self._failed(error)
            self.error.run = self  # type: ignore[attr-defined]
            state = "failed"
        if not self._given_up:
            self.state = state
            self._done.set()

    def _failed(self, error: BaseException) -> BaseException:
        if not self._made:
            return error
        said = getattr(error, "message", str(error))
        failed = SamplingError(
            f"the fit failed after {self._made} of {self.steps_requested} steps: {type(error).__name__}{': ' if said else ''}{said}",
            "what was fitted is kept: `except SamplingError as error: error.run.approx` (after the fact: sys.last_value.run.approx)", self._written_at,
        )  # fmt: skip
        failed.__cause__ = error
        return failed

    def _descend(self) -> None:
        budget = FIRST
        while self._made < self.steps_requested and not self._stopping.is_set():
            most = min(budget, self.descent.rows, self.steps_requested - self._made)
            wanted = steps_until(self.callbacks, self._before + self._made, most)
            begun = time.perf_counter()
            chunk = self.descent.advance(wanted)
            seconds = time.perf_counter() - begun
            if self._given_up:
                return
            at = self._before + self._made
            self._add(at, chunk.losses)
            self.approx.set_values(self.descent.values)
            if chunk.at_fault is not None:
                raise fault(self.approx.model, chunk, self._made, self._written_at)
            if len(chunk.losses) and not self._tell():
                return
            if chunk.converged:
                self.message = f"converged after {self._made} steps"
                return
            budget = int(np.clip(wanted * SECONDS / max(seconds, 1e-6), 1, 4 * budget))

    def _add(self, at: int, losses: Array) -> None:
        """Add losses at a place, with room for as many again where there is none left."""
        end = at + len(losses)
        if end > len(self._losses):
            self._losses = np.concatenate([self._losses[:at], np.empty(max(ROOM, at, len(losses)))])
        self._losses[at:end] = losses
        self._made += len(losses)

    def _tell(self) -> bool:
        """Call what is to be called after the last step; return whether to go on."""
        i = self._before + self._made - 1
        for callback in due(self.callbacks, i):
            try:
                callback(self.approx, self.loss_history, i)
            except StopIteration as reason:
                self.message = str(reason)
                return False
            except KeyboardInterrupt:
                self._stopping.set()
                return False
        return True

    def __reduce__(self) -> Any:
        raise TypeError("a FitRun has a thread, and cannot be pickled: keep draws of it, run.approx.sample()")

    def __repr__(self) -> str:
        return f"<FitRun: {self.state}, {self._made} of {self.steps_requested} steps>"
