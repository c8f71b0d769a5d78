"""A model cell that is being written: its magic's line, and what is known of the names in it before it has run."""

from __future__ import annotations

import builtins
import re
from collections.abc import Mapping
from typing import Any

from kernel_ext.cell.columns import Column, columns_of
from kernel_ext.cell.scope import makes_a_variable, visible_names
from workbench.errors import WorkbenchError
from workbench.tensor.tensor import Tensor

NOTHING: Any = object()
_HEADER = re.compile(r"\s*%%model\b(.*)")
_BOUND = re.compile(
    r"^[ \t]*(?:for\s+|(?:async\s+)?with\s+.*\bas\s+)?(?P<names>[^\W\d]\w*(?:\s*,\s*[^\W\d]\w*)*)\s*(?::[^=\n]+)?(?:=(?!=)|\s+in\b|:)"
    r"|;[ \t]*(?P<after>[^\W\d]\w*)\s*=(?!=)|^[ \t]*(?:def|class)\s+(?P<made>\w+)|\bimport\s+(?:[\w.]+\s+as\s+)?(?P<imported>\w+)",
    re.MULTILINE,
)


class Draft:
    """A model cell as it stands.

    Parameters
    ----------
    header
        What follows ``%%model`` in its line.
    body
        The code.
    notebook
        The notebook's names.
    """

    def __init__(self, header: str, body: str, notebook: Mapping[str, Any]) -> None:
        self.header, self.body, self.notebook = header, body, notebook
        self.columns = self._columns()

    def option(self, name: str) -> Any:
        """What an option of the magic names in the notebook; `NOTHING` if it is not given, or not there."""
        found = re.search(rf"--{name}[ =]+(\w+)", self.header)
        return self.notebook.get(found[1], NOTHING) if found else NOTHING

    def _columns(self) -> dict[str, Column]:
        data = self.option("data")
        try:
            return {} if data is NOTHING else columns_of(data, "")
        except WorkbenchError:
            return {}

    def dims(self) -> list[str]:
        """Names of dims: of the coords, of columns of text, of the data, and those that the cell itself uses."""
        coords = self.option("coords")
        found = [str(d) for d in coords] if isinstance(coords, Mapping) else []
        for column in self.columns.values():
            found += [*column.dims, *([column.name] if column.labels is not None else [])]
        for used in re.finditer(r"dims\s*=\s*(\([^)]*\)|\[[^\]]*\]|\"[^\"\n]*\"|'[^'\n]*')", self.body):
            found += re.findall(r"[\"']([^\"'\n]+)[\"']", used[1])
        return list(dict.fromkeys(found))

    def bound(self) -> dict[str, int]:
        """The names that the cell makes, and the line in which each is made first."""
        found: dict[str, int] = {}
        for match in _BOUND.finditer(self.body):
            names = match["names"] or match["after"] or match["made"] or match["imported"]
            line = self.body.count("\n", 0, match.end()) + 1
            for name in re.split(r"\s*,\s*", names):
                found.setdefault(name, line)
        return {n: line for n, line in found.items() if n not in ("else", "try", "finally", "lambda")}

    def value(self, path: str) -> Any:
        """What a name with dots stands for, as far as that is known before the cell has run; `NOTHING` if it is not."""
        head, *rest = path.split(".")
        found = self._head(head)
        for attribute in rest:
            if found is NOTHING:
                break
            try:
                found = getattr(found, attribute, NOTHING)
            except Exception:
                return NOTHING
        return found

    def _head(self, name: str) -> Any:
        if name in self.bound():
            made = re.search(rf"(?:^|;)[ \t]*{re.escape(name)}\s*(?::[^=\n]+)?=\s*([^\W\d][\w.]*)\s*\(", self.body, re.MULTILINE)
            called = self._seen(made[1].split(".")[0]) if made else NOTHING
            for attribute in made[1].split(".")[1:] if made else ():
                called = getattr(called, attribute, NOTHING)
            return Tensor if called is not NOTHING and makes_a_variable(called) else NOTHING
        return self._seen(name)

    def _seen(self, name: str) -> Any:
        if name in self.columns:
            return self.columns[name].values
        for names in (self.notebook, visible_names(), vars(builtins)):
            if name in names:
                return names[name]
        return NOTHING


def draft_of(code: str, notebook: Mapping[str, Any]) -> Draft | None:
    """Return the model cell that some code is; ``None`` if it is another cell."""
    first, _, body = code.lstrip("\n").partition("\n")
    header = _HEADER.match(first)
    return Draft(header[1], body, notebook) if header else None
