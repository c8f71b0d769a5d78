"""Docstrings as pages show them: NumPy's sections as fields, formulas as they stand."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

SECTION = re.compile(r"^(\w[\w ]*)\n-{3,}$", re.M)

LONE_STAR = re.compile(r"(?<![\w*`\\])\*(?=\w)(?![^*\n]*\w\*)")
"""The star of ``*shape``, which begins no emphasis."""


def docstring(what: Any) -> str:
    """Return what an object itself says of itself; empty if only its class does."""
    found = vars(what).get("__doc__") if isinstance(what, type) else getattr(what, "__doc__", None)
    # What NumPy says of its own refers to its own pages.
    ours = isinstance(what, type) or not type(what).__module__.startswith("numpy")
    return (inspect.cleandoc(found) if ours else " ".join(found.split("\n\n")[0].split())) if found else ""


def first_sentence(text: str) -> str:
    """Return the first sentence of a docstring, in one line."""
    return " ".join(text.partition("\n\n")[0].split())


def as_rst(text: str) -> str:
    """Return a docstring in NumPy's style as reStructuredText."""
    from sphinx.ext.napoleon import Config
    from sphinx.ext.napoleon.docstring import NumpyDocstring

    config = Config(napoleon_use_ivar=True, napoleon_use_rtype=False)
    head = SECTION.search(text)
    before, after = (text[: head.start()], text[head.start() :]) if head else (text, "")
    return str(NumpyDocstring(f"{_with_formulas(before)}{_stars(after)}", config, what="function"))


def _with_formulas(text: str) -> str:
    """An indented paragraph is a formula or code, not a quotation."""
    text = _stars(text)
    return re.sub(r"\n\n((?: {4}.*(?:\n|$))+)", lambda found: f"\n\n.. code-block:: text\n\n{found[1]}\n", text)


def _stars(text: str) -> str:
    """Stars of shapes, as they stand, but in examples."""
    return "\n".join(line if line.lstrip().startswith((">>>", "...")) else LONE_STAR.sub(r"\\*", line) for line in text.split("\n"))


def signature(what: Any) -> str:
    """Return the parameters of a call with their defaults, without types; empty where there is no signature."""
    try:
        found = inspect.signature(what)
    except (TypeError, ValueError):
        return ""
    shown = [p.replace(annotation=p.empty, default=_written(p.default)) for n, p in found.parameters.items() if n not in ("self", "cls")]
    return str(found.replace(parameters=shown, return_annotation=found.empty))


class _Text:
    def __init__(self, text: str) -> None:
        self.text = text

    def __repr__(self) -> str:
        return self.text


def _written(default: Any) -> Any:
    """A default as a signature shows it: no addresses in memory."""
    if default is inspect.Parameter.empty or isinstance(default, (bool, int, float, str, tuple, list, dict, type(None))):
        return default
    return _Text(getattr(default, "__name__", None) or (repr(default) if " at 0x" not in repr(default) else "…"))


def members(kind: type) -> Iterator[tuple[str, Any, str]]:
    """Methods and properties that a class itself defines and explains: name, what is called, docstring."""
    for name, member in vars(kind).items():
        inner = member.fget if isinstance(member, property) else getattr(member, "__func__", getattr(member, "func", member))
        if not name.startswith("_") and (callable(inner) or isinstance(member, property)) and (said := docstring(inner)):
            yield name, None if isinstance(member, property) or not inspect.isroutine(inner) else inner, said


def indented(text: str, by: int = 3) -> str:
    """Return a text further to the right."""
    return "\n".join(f"{' ' * by}{line}" if line.strip() else "" for line in text.splitlines())


def described(directive: str, name: str, called: str, text: str, inner: str = "") -> str:
    """Return a Sphinx description of an object, with those inside of it."""
    return f".. py:{directive}:: {name}{called}\n\n{indented(as_rst(text))}\n\n{indented(inner)}\n"
