"""What compiling is at: said to whoever waits for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_listener: ContextVar[Callable[[str], None] | None] = ContextVar("listener", default=None)


def begin(phase: str) -> None:
    """Say that a phase begins: "derive", "rewrite", "lower" or "compile"."""
    listener = _listener.get()
    if listener is not None:
        listener(phase)


@contextmanager
def heard(listener: Callable[[str], None]) -> Iterator[None]:
    """Call `listener` with the name of each phase that begins on this thread, after those who listen already; an error that it raises ends the work.

    Examples
    --------
    >>> import workbench as pm
    >>> import workbench.tensor as pt
    >>> x = pt.vector("x")
    >>> with heard(lambda phase: print(phase, end=" ")):
    ...     f = pm.function([x], pt.exp(x), backend="c")
    rewrite lower compile
    """
    others = _listener.get()

    def both(phase: str) -> None:
        if others is not None:
            others(phase)
        listener(phase)

    token = _listener.set(both)
    try:
        yield
    finally:
        _listener.reset(token)
