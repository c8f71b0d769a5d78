"""Exceptions that say what was wrong, where in the user's code, and what would mend it."""

from __future__ import annotations

import linecache
import os
import sys
import warnings
from collections.abc import Iterable
from types import FrameType
from typing import Any

PACKAGE_FOLDERS = tuple(
    os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), name) + os.sep
    for name in ("workbench", "kernel_ext")
)
LIBRARY_FOLDER = os.path.dirname(os.__file__) + os.sep


class Location:
    """A line of the user's code."""

    __slots__ = ("filename", "lineno")

    def __init__(self, filename: str, lineno: int) -> None:
        self.filename, self.lineno = filename, lineno

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Location) and (self.filename, self.lineno) == (other.filename, other.lineno)

    def __hash__(self) -> int:
        return hash((self.filename, self.lineno))

    def __repr__(self) -> str:
        return f"Location(filename={self.filename!r}, lineno={self.lineno})"

    @property
    def text(self) -> str:
        """The source line, stripped; empty when the source is not at hand."""
        return linecache.getline(self.filename, self.lineno).strip()

    @property
    def model(self) -> str | None:
        """The name of the model in whose cell it is; ``None`` for a line elsewhere."""
        return self.filename[7:].rpartition(" ")[0] if self.filename.startswith("<model ") else None

    @property
    def cell(self) -> str | None:
        """What IPython calls the notebook's cell that it is in, such as ``In[3]``; ``None`` for a line elsewhere."""
        shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
        called = getattr(getattr(shell, "compile", None), "format_code_name", lambda _: None)(self.filename)
        return None if called is None else str(called[1])

    def __str__(self) -> str:
        if self.model is not None:
            return f"the model {self.model!r}, line {self.lineno}"
        cell = self.cell
        return f"{self.filename}:{self.lineno}" if cell is None else f"cell {cell}, line {self.lineno}"

    def shown(self) -> list[str]:
        """The line as error messages show it."""
        if self.model is None:
            return [f"  {self}", f"----> {self.lineno} {self.text}"]
        return [f"  in {self}:", f"    {self.text}", f"    {'^' * len(self.text)}"]


_OURS, _PYTHONS, _INSTALLED, _USERS = range(4)
_whose: dict[str, int] = {}


def _owner(filename: str) -> int:
    if filename.startswith((*PACKAGE_FOLDERS, "<frozen")):
        return _OURS
    parts = filename.split(os.sep)
    if "site-packages" in parts or "dist-packages" in parts:
        return _INSTALLED
    return _PYTHONS if filename.startswith(LIBRARY_FOLDER) else _USERS


def is_users(filename: str) -> bool:
    """Whether a file is of the user's code: not of this package, of Python or of an installed one."""
    return _owner(filename) == _USERS


def user_location() -> Location | None:
    """Return the innermost line on the call stack that the user wrote.

    It lies outside this package, and outside of libraries (which may have called it: JAX traces
    functions); the innermost line in an installed package, where there is no other. Python's own
    library (which starts threads) is nobody's line.
    """
    frame: FrameType | None = sys._getframe(1)
    library: Location | None = None
    while frame is not None:
        filename = frame.f_code.co_filename
        whose = _whose.get(filename)
        if whose is None:
            whose = _whose[filename] = _owner(filename)
        if whose == _USERS:
            return Location(filename, frame.f_lineno)
        if whose == _INSTALLED and library is None:
            library = Location(filename, frame.f_lineno)
        frame = frame.f_back
    return library


def closest(name: str, *known: Iterable[str]) -> str | None:
    """Return the name that another one was probably meant to be, if there is one; of equally close ones that of the first group."""
    import difflib

    best, found = 0.65, None
    for group in known:
        for candidate in group:
            match = difflib.SequenceMatcher(None, name.lower(), candidate.lower())
            if match.real_quick_ratio() > best and match.quick_ratio() > best and (score := match.ratio()) > best and candidate != name:
                best, found = score, candidate
    return found


def warn_user(message: str, category: type[Warning] = UserWarning) -> None:
    """Issue a warning at the user's line, wherever in this package it was found out."""
    location = user_location()
    if location is None:
        warnings.warn(message, category, stacklevel=2)
    else:
        warnings.warn_explicit(message, category, location.filename, location.lineno)


def more(page: str) -> str:
    """Return how a message ends that has a page in docs/errors/."""
    return f'more: pm.explain("{page}")'


def pages() -> dict[str, str]:
    """Return the pages on errors and warnings, by name: docs/errors/ of a checkout, or its copy in an installed package."""
    here = os.path.dirname(os.path.abspath(__file__))
    folders = [os.path.join(here, "error_pages"), os.path.join(os.path.dirname(here), "docs", "errors")]
    folder = next((f for f in folders if os.path.isdir(f)), folders[0])
    return {name.removesuffix(".md"): os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.endswith(".md")}


def explain(page: str = "") -> None:
    """Show what is to be said of an error or warning: its message ends with the page's name.

    Parameters
    ----------
    page
        The name of the page; without one, all names are listed.

    Raises
    ------
    ArgumentError
        If there is no such page.

    Examples
    --------
    >>> explain("no-model")  # doctest: +ELLIPSIS
    # A variable outside of a model
    ...
    """
    known = pages()
    if page and page not in known:
        near = closest(page, known)
        raise ArgumentError(f"there is no page {page!r}", f"did you mean {near!r}?" if near else f"there are {', '.join(known)}")
    if page:
        with open(known[page], encoding="utf-8") as file:
            text = file.read()
    else:
        text = "\n".join(f"- {name}" for name in known)
    # A notebook shows it as a page.
    ipython = sys.modules.get("IPython")
    if ipython is not None and hasattr(ipython.get_ipython(), "kernel"):
        from IPython.display import Markdown, display

        display(Markdown(text))
    else:
        print(text)


class WorkbenchError(Exception):
    """What all errors of this package share: a message, a hint, and the user's line.

    Parameters
    ----------
    message
        What was wrong, with the names, shapes or values.
    hint
        What would mend it.
    location
        The user's line; found on the call stack when not given.
    argument
        Which argument of the user's call was wrong, where it is one.
    page
        The page of docs/errors/ that says more, where there is one: see :func:`explain`.
    """

    page = ""

    def __init__(self, message: str, hint: str = "", location: Location | None = None, argument: str | None = None, page: str = "") -> None:
        self.message = message
        self.page = page or self.page
        self.hint = hint
        self.argument = argument
        self.location = location or user_location()
        super().__init__(message)

    def __str__(self) -> str:
        lines = [self.message]
        if self.location is not None and self.location.text:
            lines.append(f"  at {self.location}: {self.location.text}")
        if self.hint:
            lines.append(f"  hint: {self.hint}")
        if self.page:
            lines.append(f"  {more(self.page)}")
        return "\n".join(lines)

    def _render_traceback_(self) -> list[str]:
        """What IPython shows: the user's line with the message, without our own frames."""
        lines = [f"{type(self).__name__}: {self.message}"]
        if self.location is not None and self.location.text:
            lines += self.location.shown()
        if self.hint:
            lines.append(f"hint: {self.hint}")
        if self.page:
            lines.append(more(self.page))
        return lines


class ShapeError(WorkbenchError, ValueError):
    """Shapes that do not fit together."""


class DTypeError(WorkbenchError, TypeError):
    """A dtype that an operation does not take."""


class SymbolicBoolError(WorkbenchError, TypeError):
    """A symbolic value used where Python needs a plain truth value."""

    page = "truth-of-an-expression"


class IndexBoundsError(WorkbenchError, IndexError):
    """An index outside its axis."""

    page = "index-out-of-bounds"


class MissingInputError(WorkbenchError, ValueError):
    """A graph needs a value that it was not given."""

    page = "missing-input"


class SerialisationError(WorkbenchError, ValueError):
    """A graph that cannot be written as JSON, or JSON that is not a graph."""


class GradientError(WorkbenchError, ValueError):
    """No gradient is known for an operation."""


class NotEnoughMemoryError(WorkbenchError, MemoryError):
    """What a function needs does not fit into the memory that is free."""


class RewriteError(WorkbenchError, RuntimeError):
    """A rewrite rule that cycles, or breaks its promise."""


class CompileError(WorkbenchError, RuntimeError):
    """A graph that cannot be compiled, or a compiler that cannot be found."""


class LogProbError(WorkbenchError, NotImplementedError):
    """A log-probability that no rule can derive."""

    page = "no-density"


class ModelError(WorkbenchError, ValueError):
    """A model that does not make sense: names, dims, coords, data.

    Attributes
    ----------
    at
        The first element of an array that is wrong; empty where that is not known.
    """

    at: tuple[int, ...] = ()


class ArgumentError(WorkbenchError, TypeError):
    """A call with arguments that what is called does not take, or without some that it needs."""


class MissingPackageError(WorkbenchError, ImportError):
    """An optional package that is not installed, or cannot be imported."""

    page = "missing-package"


class ParameterValueError(ModelError):
    """A parameter of a distribution outside its domain, at evaluation."""

    page = "parameter-outside-its-domain"


class StoreError(WorkbenchError, OSError):
    """A store of draws that cannot be read or written, or is not the one that was meant."""


class SamplingError(WorkbenchError, RuntimeError):
    """A sampler that cannot start or go on.

    Attributes
    ----------
    run
        The run that failed, with what it has drawn; ``None`` if it had not begun.
    """

    run: Any = None
