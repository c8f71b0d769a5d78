"""Interrupts that are not lost while something is waited for."""

from __future__ import annotations

import signal
import threading
from typing import Any


class Interrupts:
    """Waits for events, and raises KeyboardInterrupt for every Ctrl-C in between.

    Python drops an exception that is raised while garbage is collected, in the callback of a weak reference, with a note
    on stderr: so a Ctrl-C may come and nothing stops. Here the signal's handler takes note of it. Where the program has a
    handler of its own, and in other threads than the main one, all is left as it is.

    Examples
    --------
    >>> done = threading.Event()
    >>> with Interrupts() as interrupts:
    ...     interrupts.wait(done, 0.01)
    False
    """

    def __init__(self) -> None:
        self._pending = self._own = False

    def __enter__(self) -> Interrupts:
        self._own = threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if self._own:
            signal.signal(signal.SIGINT, self._heard)
        return self

    def __exit__(self, *_: object) -> None:
        if self._own:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _heard(self, number: int, frame: Any) -> None:
        self._pending = True
        raise KeyboardInterrupt

    def wait(self, event: threading.Event, seconds: float) -> bool:
        """Wait so many seconds at most; return whether the event is set.

        Raises
        ------
        KeyboardInterrupt
            If one came, now or since the last call.
        """
        try:
            there = event.wait(seconds)
        finally:
            pending, self._pending = self._pending, False
        if pending:
            raise KeyboardInterrupt
        return there
