"""Code that is called seldom: its compiler does less, as that takes longer than all its calls."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_seldom: ContextVar[bool] = ContextVar("seldom", default=False)


@contextmanager
def seldom_called(said: bool = True) -> Iterator[None]:
    """Say that what is compiled meanwhile on this thread is called a few times in a run.

    Examples
    --------
    >>> with seldom_called():
    ...     print(is_seldom_called())
    True
    >>> is_seldom_called()
    False
    """
    token = _seldom.set(said)
    try:
        yield
    finally:
        _seldom.reset(token)


def is_seldom_called() -> bool:
    """Return whether what is compiled now is called seldom."""
    return _seldom.get()
