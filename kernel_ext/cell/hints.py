"""What to do about an error in a model cell."""

from __future__ import annotations

import ast
import builtins
import keyword
import math as python_math
import re
from collections.abc import Iterable
from types import FrameType
from typing import TYPE_CHECKING, Any

from kernel_ext.cell.parts import index_that_fits
from kernel_ext.cell.scope import visible_names
from workbench.errors import ShapeError, WorkbenchError, closest
from workbench.graph import Expr

if TYPE_CHECKING:
    from kernel_ext.cell.errors import Cell


def hint_for(error: BaseException, node: ast.AST | None, frame: FrameType | None, cell: Cell) -> str:
    """Return what would mend an error, or nothing."""
    if isinstance(error, SyntaxError):
        return _syntax(error, cell)
    if isinstance(error, UnboundLocalError):
        return f"a function that assigns to {error.name!r} does not see the one outside: give it another name"
    if isinstance(error, NameError) and error.name:
        return _name(error.name, cell)
    if isinstance(error, AttributeError) and error.name and error.obj is not None and "did you mean" not in str(error):
        near = closest(error.name, _public(error.obj))
        return f"did you mean {near!r}?" if near else ""
    if isinstance(error, KeyError) and isinstance(node, ast.Subscript):
        return _key(error, node, cell)
    if isinstance(error, TypeError) and "not callable" in str(error) and isinstance(node, ast.Call):
        return _not_callable(node, cell)
    if isinstance(error, TypeError) and "symbolic expression" in str(error) and cell.made.get("math", cell.seen.get("math")) is python_math:
        return "math is Python's module here, whose functions take numbers: write exp(x), or pm.math.exp(x)"
    if isinstance(error, ShapeError) and (indexed := index_that_fits(node, frame, cell)):
        name = indexed.partition("[")[0]
        return f"{indexed} has the value of {name} for each row"
    return error.hint if isinstance(error, WorkbenchError) else ""


def suggested_name(name: str, cell: Cell) -> str | None:
    """The name in scope that another one was probably meant to be: of the cell first, Python's last."""
    groups: list[Iterable[str]] = [cell.made, cell.columns, cell.notebook]
    if len(name) > 2:
        # One of so many names is always near a short one.
        groups += [visible_names(), vars(builtins)]
    return closest(name, *([n for n in group if not n.startswith(("_", "<"))] for group in groups))


def _name(name: str, cell: Cell) -> str:
    if name in cell.seen:
        return f"{name!r} was not made in this cell, which cannot delete it"
    later = _made_later(name, cell)
    if later is not None:
        return f"{name!r} is made in line {later}, which comes after"
    near = suggested_name(name, cell)
    if near is None:
        return "names of the notebook and the cell are visible here"
    column = cell.columns.get(near)
    return f"did you mean {near!r}?" if near.isidentifier() or column is None else f'did you mean {column.source}["{near}"]?'


def _made_later(name: str, cell: Cell) -> int | None:
    tree = cell.tree()
    lines = [n.lineno for n in ast.walk(tree or ast.Module([], [])) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store) and n.id == name]
    return min(lines, default=None)


def _public(x: Any) -> list[str]:
    return [n for n in dir(x) if not n.startswith("_")]


def _key(error: KeyError, node: ast.Subscript, cell: Cell) -> str:
    if not isinstance(node.value, ast.Name) or not error.args:
        return ""
    table: Any = cell.made.get(node.value.id, cell.seen.get(node.value.id))
    if not hasattr(table, "keys"):
        return ""
    keys = [str(k) for k in list(table.keys())]
    near = closest(str(error.args[0]), keys)
    if near is not None:
        return f"did you mean {near!r}?"
    return f"{node.value.id} has {', '.join(keys[:8])}{' ...' if len(keys) > 8 else ''}"


def _not_callable(node: ast.Call, cell: Cell) -> str:
    if not isinstance(node.func, ast.Name):
        return ""
    name = node.func.id
    if name in cell.made or name not in visible_names():
        return "write * to multiply" if isinstance(cell.made.get(name), Expr) else ""
    whose = f"a column of {cell.columns[name].source}" if name in cell.columns else "a name of the notebook"
    return f"{name} is {whose} here, and hides the model language's: write pm.math.{name}" if hasattr(cell.seen["math"], name) else f"{name} is {whose} here"


def _syntax(error: SyntaxError, cell: Cell) -> str:
    lines = cell.body.split("\n")
    line = lines[error.lineno - 1].strip() if error.lineno and error.lineno <= len(lines) else ""
    if line.startswith(("%", "!")) or line.endswith("?"):
        return "a model cell is plain Python: magics, shell commands and ? belong in a cell of their own"
    if "await" in error.msg:
        return "a model cell does not wait: await in a cell before it, and use the result here"
    if " ~ " in line:
        name = line.split("~")[0].strip()
        return f"write {name} = {line.split('~')[1].strip()}: a distribution that is assigned to a name makes the variable of that name"
    words = [c for c in cell.columns.values() if keyword.iskeyword(c.name) and c.name in re.findall(r"\w+", line)]
    return f'{words[0].name!r} is a word of Python: the column is {words[0].source}["{words[0].name}"]' if words else ""
