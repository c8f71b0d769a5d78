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


TITLES = {
    "density": "density of {}", "prior": "prior of {}", "potential": "potential {}", "change of variables": "change of variables of {}",
    "value": "value of {}", "expression": "{}", "data": "data", "values": "unconstrained values", "loop body": "loop body of {}",
    "shared": "shared by {}", "gradient": "gradient of {}", "gradient to": "gradient to {}", "shared gradient": "gradient shared by {}",
    "guard": "guard against overflow", "sum": "sum of the terms", "gradients": "all gradients",
}  # fmt: skip
"""What a part of a model's computation is called, by its kind."""
LISTED = 3
"""So many names are told."""


@frozen
class Purpose:
    """A part of a model's computation: what a node is for.

    Attributes
    ----------
    kind
        A key of `TITLES`: "prior", "density" or "potential" for a term of the log-density, "value" for a variable's value made of
        the unconstrained one, "change of variables" for the logarithm of how much that stretches, "gradient" of a term.
    names
        Those of the variables, or of the parts that share it.

    Examples
    --------
    >>> str(Purpose("density", ("y",))), str(Purpose("shared", ("y", "z")))
    ('density of y', 'shared by y and z')
    >>> str(Purpose("shared gradient", ("a", "b", "c", "d", "e")))
    'gradient shared by a, b, c and 2 more'
    """

    kind: str
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        *first, last = ("",) if not self.names else self.names if len(self.names) <= LISTED else (*self.names[:LISTED], f"{len(self.names) - LISTED} more")
        return TITLES[self.kind].format(f"{', '.join(first)} and {last}" if first else last)


@frozen
class Provenance:
    """The user's line behind a node, the rule (if any) that derived it from another node, and what for.

    A node is interned: what is computed for two purposes is one node, with the provenance of the first. So what is computed from
    constants alone, which graphs of other models may have too, can be on a line of those.
    """

    location: Location | None
    rule: str | None = None
    purpose: Purpose | None = None

    @property
    def filename(self) -> str | None:
        return self.location.filename if self.location else None

    @property
    def lineno(self) -> int | None:
        return self.location.lineno if self.location else None


NOWHERE = Provenance(None)
"""Of what is on nobody's line: the sum of a model's terms."""


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
    before = _current.origin
    if before is not None and before is not NOWHERE:
        return make(*arguments)
    _current.origin = origin or before
    try:
        return make(*arguments)
    finally:
        _current.origin = before


def within(origin: Provenance, make: Callable[..., T], *arguments: Any) -> T:
    """Return what `make` makes, all of whose nodes come from `origin`."""
    before = _current.origin
    _current.origin = origin
    try:
        return make(*arguments)
    finally:
        _current.origin = before


@contextmanager
def derived(origin: Provenance | None, rule: str | None = None, kind: str = "", names: tuple[str, ...] = ()) -> Iterator[None]:
    """Nodes made inside are derived by `rule` from a node of provenance `origin`, for the purpose that it has.

    Parameters
    ----------
    origin
        Where it comes from.
    rule
        What derives.
    kind, names
        Another purpose; `names` are those of the origin's unless given.
    """
    purpose = origin.purpose if origin else None
    if kind:
        purpose = Purpose(kind, names or (purpose.names if purpose else ()))
    before = _current.origin
    _current.origin = Provenance(origin.location if origin else None, rule, purpose)
    try:
        yield
    finally:
        _current.origin = before


@contextmanager
def nowhere() -> Iterator[None]:
    """Nodes made inside are on nobody's line, unless they are derived from one that is: not on that of who asks for them."""
    before = _current.origin
    _current.origin = NOWHERE
    try:
        yield
    finally:
        _current.origin = before
