"""Lengths and shapes in one text, in which equal names stand for equal lengths."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

from workbench.graph.lengths import Size, Symbol, symbols, text

_called: ContextVar[Mapping[int, str]] = ContextVar("_called", default=MappingProxyType({}))


@contextmanager
def calling(numbers: Mapping[int, str]) -> Iterator[None]:
    """Let code that is printed meanwhile say what lengths are that are numbers: those of a model's dims."""
    before = _called.set(numbers)
    try:
        yield
    finally:
        _called.reset(before)


def said(size: Size) -> str:
    """Return what code says of a length where it finds it; of a number nothing, if no one has called it anything."""
    return _called.get().get(size, "") if isinstance(size, int) else text(size)


def distinct_names(sizes: Iterable[Size]) -> dict[Symbol, str]:
    """Return a text of its own for every symbol of some lengths: ``n``, and ``n2`` for another of that name."""
    found = dict.fromkeys(s for n in sizes for s in symbols(n))
    # Names that stand for one length everywhere keep theirs; those that were given come before others.
    taken = {s.name for s in found if s.shared}
    names: dict[Symbol, str] = {}
    for s in sorted(found, key=lambda s: not s.given):
        if s.shared:
            names[s] = s.name
            continue
        name, k = s.name, 2
        while name in taken:
            name, k = f"{s.name}{k}", k + 1
        taken.add(name)
        names[s] = name
    return names


def shape_text(shape: Iterable[Size], names: Mapping[Symbol, str] | None = None) -> str:
    """Return a shape as Python writes one."""
    parts = [text(n, names) for n in shape]
    return f"({', '.join(parts)}{',' if len(parts) == 1 else ''})"


def shapes_text(*shapes: Iterable[Size]) -> list[str]:
    """Return several shapes as text, in which equal names stand for equal lengths."""
    given = [tuple(s) for s in shapes]
    names = distinct_names(n for s in given for n in s)
    return [shape_text(s, names) for s in given]
