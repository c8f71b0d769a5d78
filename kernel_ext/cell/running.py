"""Running a model cell: the model it makes, and the names it made."""

from __future__ import annotations

import ast
import builtins
import itertools
import linecache
import re
from collections.abc import Mapping
from typing import Any

from kernel_ext.cell.arrays import call_arrays
from kernel_ext.cell.columns import Column, bind
from kernel_ext.cell.errors import Cell, CellSyntaxError, explain
from kernel_ext.cell.naming import NAMED, named, with_names
from kernel_ext.cell.scope import visible_names
from workbench import Model
from workbench.errors import ModelError
from workbench.graph import Expr
from workbench.graph.expr import give_name

_count = itertools.count(1)


def run_cell(
    name: str, body: str, namespace: Mapping[str, Any], coords: Any = None, columns: Mapping[str, Column] | None = None
) -> tuple[Model, dict[str, Any]]:
    """Run a model cell.

    Parameters
    ----------
    name
        What the model is called.
    body
        The cell's code.
    namespace
        The notebook's names.
    coords
        Labels of the dims.
    columns
        Columns of data, which the code sees by their names.

    Returns
    -------
    The model, and the names that the code made.

    Raises
    ------
    Exception
        What the code raised, with a rendering that points at the term.
    """
    body = re.sub("\r\n?", "\n", body)
    filename = f"<model {name} {next(_count)}>"
    linecache.cache[filename] = (len(body), None, [f"{line}\n" for line in body.split("\n")], filename)
    # What the code does not make itself is found where Python's own names are: so its globals are what it made, and nothing else.
    seen = {**vars(builtins), **visible_names(), **{k: v for k, v in namespace.items() if not _is_pythons(k)}, NAMED: named}
    made: dict[str, Any] = {"__name__": "__main__", "__builtins__": seen}
    cell = Cell(name, filename, body, made, seen, namespace, columns or {})
    try:
        tree = ast.parse(body, filename)
        _check_names(tree, name)
        with Model(coords=coords) as model:
            cell.model = model
            seen.update(bind(columns or {}, tree, model))
            exec(compile(with_names(tree), filename, "exec"), made)
    except SyntaxError as error:
        # IPython shows any SyntaxError with its whole way through our code: raise one of ours.
        wrong = CellSyntaxError(error.msg)
        explain(error, cell)
        wrong._render_traceback_ = error._render_traceback_  # type: ignore[attr-defined, method-assign]
        raise wrong from error
    except Exception as error:
        explain(error, cell)
        raise
    call_arrays(tree, seen)
    found = {k: v for k, v in made.items() if k not in ("__name__", "__builtins__", "__doc__", "__annotations__")}
    for k, v in found.items():
        # What a line calls by a name is shown by it.
        if isinstance(v, Expr) and v.inputs:
            give_name(v, k)
    return model, found


def _is_pythons(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


def _check_names(tree: ast.Module, name: str) -> None:
    """Raise if a line gives something the model's own name."""
    for node in tree.body:
        for target in ast.walk(node):
            if isinstance(target, ast.Name) and isinstance(target.ctx, ast.Store) and target.id == name:
                error = ModelError(f"the model and what this line makes are both called {name!r}", "give one of them another name")
                error.cell_node = target  # type: ignore[attr-defined]
                raise error
