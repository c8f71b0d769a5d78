"""Which models' cells failed, so that what asks for one of them can say why it is not there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench import Model
from workbench.errors import WorkbenchError, closest, warn_user
from workbench.graph import Expr


class Failures:
    """The last failure of the cell of each model, by the model's name."""

    def __init__(self) -> None:
        self._said: dict[str, str] = {}

    def remember(self, name: str, error: BaseException) -> None:
        """Note what ended a model's cell."""
        if isinstance(error, KeyboardInterrupt):
            self._said[name] = "was interrupted"
            return
        message = error.message if isinstance(error, WorkbenchError) else str(error)
        title = type(error).__name__.replace("CellSyntaxError", "SyntaxError")
        line = getattr(error, "cell_line", None)
        self._said[name] = f"failed{f' in line {line}' if line else ''}: {title}: {message}"

    def forget(self, name: str) -> None:
        """Note that a model's cell has run."""
        self._said.pop(name, None)

    def why_missing(self, error: NameError, notebook: Mapping[str, Any]) -> str:
        """Why a name is not there: its cell failed, or it is spelt in another way."""
        name = str(error.name)
        if name in self._said:
            return f"there is no model {name!r}: its cell {self._said[name]}. Mend the cell and run it again"
        subjects = [n for n, x in notebook.items() if isinstance(x, (Model, Expr)) and not n.startswith("_")]
        near = closest(name, self._said, subjects)
        return f"{error}; did you mean {near!r}?" if near else f"{error}"

    def warn_of_older(self, name: str) -> None:
        """Say it if a model is that of a cell before the one that failed."""
        if name in self._said:
            warn_user(f"the last cell of the model {name!r} {self._said[name]}. This is the model of the cell before")
