"""Where a node came from: the user's line and the rule that made it. Never part of its identity."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from workbench.errors import Location, user_location
from workbench.graph.frozen import frozen

T = TypeVar("T")


@frozen
class Provenance:
    """The user's line behind a node, and the rule (if any) that derived it from another node."""

    location: Location | None
    rule: str | None = None

    @property
    def filename(self) -> str | None:
        return self.location.filename if self.location else None

    @property
    def lineno(self) -> int | None:
        return self.location.lineno if self.location else None


class _Current(threading.local):
    origin: Provenance | None = None


_current = _Current()


def current_provenance() -> Provenance:
    """Provenance for a node made now: what :func:`derived` says, else the user's line."""
    return _current.origin or _written_at(user_location())


@functools.lru_cache(maxsize=4096)
def _written_at(location: Location | None) -> Provenance:
    """One object for all nodes of a line: a large graph has few of them."""
    return Provenance(location)


def inherited(origin: Provenance | None, make: Callable[..., T], *arguments: Any) -> T:
    """Return what `make` makes, as written where something else was; within a rule, as derived by that."""
    if _current.origin is not None:
        return make(*arguments)
    _current.origin = origin
    try:
        return make(*arguments)
    finally:
        _current.origin = None


@contextmanager
def derived(origin: Provenance | None, rule: str) -> Iterator[None]:
    """Nodes made inside are derived by `rule` from a node of provenance `origin`."""
    before = _current.origin
    _current.origin = Provenance(origin.location if origin else None, rule)
    try:
        yield
    finally:
        _current.origin = before
