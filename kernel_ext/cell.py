"""The body of a ``%%model`` cell: valid Python, run in a model, with errors at the user's term."""

from __future__ import annotations

import ast
import difflib
import itertools
import linecache
from collections.abc import Mapping
from types import TracebackType
from typing import Any

import workbench
from workbench import Model
from workbench.distributions import Distribution
from workbench.errors import WorkbenchError
from workbench.graph import Expr
from workbench.graph.expr import give_name

_count = itertools.count(1)


def visible_names() -> dict[str, Any]:
    """Return what a model cell sees without importing it: distributions and the model's functions."""
    names = [n for n in workbench.__all__ if isinstance(getattr(workbench, n, None), type) and n != "Model"]
    found: dict[str, Any] = {n: getattr(workbench, n) for n in (*names, "Deterministic", "Potential", "Data")}
    tensor = workbench.tensor
    found.update({n: getattr(tensor, n) for n in ("exp", "log", "sqrt", "where", "sigmoid", "dot", "concatenate", "stack")})
    return found


class CellSyntaxError(WorkbenchError):
    """A model cell that is not valid Python."""


class _Namer(ast.NodeTransformer):
    """Gives ``name = Dist(...)`` its name; leaves lines and columns as they are."""

    def __init__(self, scope: Mapping[str, Any]) -> None:
        self.scope = scope

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        target, call = node.targets[0], node.value
        if len(node.targets) == 1 and isinstance(target, ast.Name) and isinstance(call, ast.Call):
            named = call.args and isinstance(call.args[0], ast.Constant) and isinstance(call.args[0].value, str)
            if self._is_distribution(call.func) and not named and all(k.arg != "name" for k in call.keywords):
                name = ast.copy_location(ast.Constant(target.id), call.func)
                call.args.insert(0, name)
        return node

    def _is_distribution(self, func: ast.expr) -> bool:
        if isinstance(func, ast.Name):
            found = self.scope.get(func.id)
        elif isinstance(func, ast.Attribute) and isinstance(func.value, ast.Name):
            found = getattr(self.scope.get(func.value.id), func.attr, None)
        else:
            return False
        return isinstance(found, type) and issubclass(found, Distribution)


def run_cell(name: str, body: str, namespace: Mapping[str, Any], coords: Any = None) -> tuple[Model, dict[str, Any]]:
    """Run a model cell.

    Parameters
    ----------
    name
        What the model is called.
    body
        The cell's code.
    namespace
        Names that the code sees.
    coords
        Labels of the dims.

    Returns
    -------
    The model, and the names that the code made.

    Raises
    ------
    Exception
        What the code raised, with a rendering that points at the term.
    """
    filename = f"<model {name} {next(_count)}>"
    linecache.cache[filename] = (len(body), None, body.splitlines(keepends=True), filename)
    hidden = visible_names()
    scope = {**namespace, **hidden}
    before = dict(scope)
    try:
        tree = ast.parse(body, filename)
        code = compile(ast.fix_missing_locations(_Namer(scope).visit(tree)), filename, "exec")
        with Model(coords=coords) as model:
            exec(code, scope)
    except SyntaxError as error:
        # IPython shows any SyntaxError with its whole way through our code: raise one of ours.
        wrong = CellSyntaxError(error.msg)
        point_at_term(error, name, filename, scope)
        wrong._render_traceback_ = error._render_traceback_  # type: ignore[attr-defined]
        raise wrong from error
    except Exception as error:
        point_at_term(error, name, filename, scope)
        raise
    made = {k: v for k, v in scope.items() if k != "__builtins__" and (k not in before or before[k] is not v)}
    for k, v in made.items():
        # What a line calls by a name is shown by it.
        if isinstance(v, Expr) and v.inputs:
            give_name(v, k)
    return model, made


def point_at_term(error: BaseException, name: str, filename: str, scope: Mapping[str, Any]) -> None:
    """Give an error a rendering for IPython: the cell's line, a caret at the term, a hint."""
    place = _place(error, filename)
    message = error.message if isinstance(error, WorkbenchError) else str(error)
    hint = error.hint if isinstance(error, WorkbenchError) else ""
    if isinstance(error, SyntaxError):
        message = error.msg
    if isinstance(error, NameError) and error.name:
        close = difflib.get_close_matches(error.name, [k for k in scope if not k.startswith("_")], 1)
        hint = f"did you mean {close[0]!r}?" if close else "names of the notebook and the cell are visible here"
    lines = [f"{type(error).__name__}: {message}"]
    if place is not None:
        line, start, stop = place
        source = linecache.getline(filename, line).rstrip("\n")
        lines += [f"  in the model {name!r}, line {line}:", f"    {source}", "    " + " " * start + "^" * max(1, stop - start)]
    if hint:
        lines.append(f"hint: {hint}")
    error._render_traceback_ = lambda: lines  # type: ignore[attr-defined]


def _place(error: BaseException, filename: str) -> tuple[int, int, int] | None:
    """Line and columns of the cell's term at fault."""
    if isinstance(error, SyntaxError):
        if error.filename != filename or error.lineno is None:
            return None
        start = (error.offset or 1) - 1
        same_line = error.end_lineno == error.lineno and error.end_offset
        return error.lineno, start, (error.end_offset or 0) - 1 if same_line else start + 1
    found = None
    step: TracebackType | None = error.__traceback__
    while step is not None:
        if step.tb_frame.f_code.co_filename == filename:
            found = step
        step = step.tb_next
    if found is None:
        return None
    positions = list(itertools.islice(found.tb_frame.f_code.co_positions(), found.tb_lasti // 2, None))
    line, end_line, start, stop = positions[0] if positions else (found.tb_lineno, None, None, None)
    text = linecache.getline(filename, found.tb_lineno).rstrip("\n")
    if line is None or start is None or stop is None or end_line != line:
        return found.tb_lineno, len(text) - len(text.lstrip()), len(text)
    return line, start, stop
