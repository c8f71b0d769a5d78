"""What is shown of an error in a model cell: the cell's line, a caret at the term, what the term's parts are, what to do."""

from __future__ import annotations

import ast
import itertools
import linecache
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import FrameType, TracebackType
from typing import Any, NamedTuple

from kernel_ext.cell.columns import Column
from kernel_ext.cell.hints import hint_for
from kernel_ext.cell.parts import described
from kernel_ext.cell.source import column_of, pointed
from workbench import Model
from workbench.errors import IndexBoundsError, Location, ShapeError, WorkbenchError, is_users, more


class CellSyntaxError(WorkbenchError):
    """A model cell that is not valid Python."""


@dataclass
class Cell:
    """A model cell as it runs.

    Attributes
    ----------
    name, filename, body
        What the model is called, under which name Python knows the code, and the code.
    made, seen
        The names that the code has made, and those that it sees besides.
    notebook, columns
        The notebook's names, and the columns of the data.
    model
        The model so far.
    """

    name: str
    filename: str
    body: str
    made: dict[str, Any]
    seen: Mapping[str, Any]
    notebook: Mapping[str, Any]
    columns: Mapping[str, Column]
    model: Model | None = field(default=None)

    def tree(self) -> ast.Module | None:
        """The syntax tree as it was written; ``None`` if it is no valid Python."""
        try:
            return ast.parse(self.body)
        except (SyntaxError, RecursionError, MemoryError):
            return None


class Place(NamedTuple):
    """Where in a cell: a line, and characters from `start` to `stop` in it; the frame that was there, and the term."""

    line: int
    start: int
    stop: int
    frame: FrameType | None = None
    node: ast.AST | None = None


def explain(error: BaseException, cell: Cell) -> None:
    """Give an error a rendering for IPython: the cell's line, a caret at the term, a hint."""
    places = _places(error, cell)
    title = "SyntaxError" if isinstance(error, SyntaxError) and not places[:-1] else type(error).__name__
    message = error.message if isinstance(error, WorkbenchError) else error.msg if isinstance(error, SyntaxError) else str(error)
    lines = [f"{title}: {message}" if message else title]
    for number, place in enumerate(reversed(places)):
        lines.append(f"  in the model {cell.name!r}, line {place.line}:" if number == 0 else f"  called in line {place.line}:")
        lines += [f"    {shown}" for shown in pointed(_line(cell, place.line), place.start, place.stop)]
        if number == 0:
            lines += [f"  {said}" for said in _circumstances(error, place, cell)]
    elsewhere = _elsewhere(error)
    if elsewhere is not None:
        lines.append(f"  raised in {os.path.basename(elsewhere.filename)}, line {elsewhere.lineno}: {elsewhere.text}")
    at = places[-1] if places else Place(0, 0, 0)
    hint = hint_for(error, at.node, at.frame, cell)
    lines += [f"hint: {hint}"] if hint else []
    lines += [more(error.page)] if isinstance(error, WorkbenchError) and error.page else []
    error._render_traceback_ = lambda: lines  # type: ignore[attr-defined]
    error.cell_line = places[-1].line if places else None  # type: ignore[attr-defined]


def _line(cell: Cell, number: int) -> str:
    return linecache.getline(cell.filename, number).rstrip("\n")


def _places(error: BaseException, cell: Cell) -> list[Place]:
    """Where in the cell the error arose, the outermost call first; empty if nowhere."""
    node = getattr(error, "cell_node", None)
    if node is not None:
        line = _line(cell, node.lineno)
        return [Place(node.lineno, column_of(line, node.col_offset), column_of(line, node.end_col_offset), None, node)]
    if isinstance(error, SyntaxError) and error.filename == cell.filename and error.lineno is not None:
        start = (error.offset or 1) - 1
        same_line = error.end_lineno == error.lineno and error.end_offset
        return [Place(error.lineno, start, (error.end_offset or 0) - 1 if same_line else start + 1)]
    tree = cell.tree()
    found: list[Place] = []
    for step in _steps(error):
        if step.tb_frame.f_code.co_filename == cell.filename:
            place = _place(step, error, cell, tree)
            if found and found[-1].line == place.line:
                found.pop()  # A comprehension has a frame of its own.
            found.append(place)
    # Only what is called again and again by itself is long.
    return found if len(found) <= 4 else [*found[:2], *found[-2:]]


def _steps(error: BaseException) -> Iterator[TracebackType]:
    step = error.__traceback__
    while step is not None:
        yield step
        step = step.tb_next


def _elsewhere(error: BaseException) -> Location | None:
    """The user's line outside of cells that an error comes from, if it comes from one."""
    last = None
    for step in _steps(error):
        last = step if is_users(step.tb_frame.f_code.co_filename) else last
    if last is None or last.tb_frame.f_code.co_filename.startswith("<model "):
        return None
    place = Location(last.tb_frame.f_code.co_filename, last.tb_lineno)
    return place if place.text and not isinstance(error, SyntaxError) else None


def _place(step: TracebackType, error: BaseException, cell: Cell, tree: ast.Module | None) -> Place:
    positions = next(itertools.islice(step.tb_frame.f_code.co_positions(), step.tb_lasti // 2, None), (None,) * 4)
    line, end_line, start, stop = positions
    if line is None or end_line is None or start is None or stop is None:
        text = _line(cell, step.tb_lineno)
        return Place(step.tb_lineno, len(text) - len(text.lstrip()), len(text), step.tb_frame)
    node = _node_at(tree, (line, start, end_line, stop))
    term = _argument(node, error, step.tb_frame, cell) or _within_one_line(node)
    if term is not None:
        line, end_line, start, stop = term.lineno, term.end_lineno, term.col_offset, term.end_col_offset
    text = _line(cell, line)
    until = column_of(text, stop) if stop is not None and end_line == line else len(text)
    return Place(line, column_of(text, start), until, step.tb_frame, node)


def _node_at(tree: ast.Module | None, at: tuple[int, int, int, int]) -> ast.AST | None:
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.expr) and (node.lineno, node.col_offset, node.end_lineno, node.end_col_offset) == at:
            return node
    return None


def _argument(node: ast.AST | None, error: BaseException, frame: FrameType, cell: Cell) -> ast.expr | None:
    """The argument of a call that an error is about, if it says which."""
    name = getattr(error, "argument", None)
    if not isinstance(node, ast.Call) or not name:
        return None
    for given in node.keywords:
        if given.arg == name:
            said = [n for n in ast.walk(given.value) if isinstance(n, ast.Constant) and isinstance(n.value, str) and repr(n.value) in str(error)]
            return _keyword(given) if _unknown(error) else said[0] if len(said) == 1 else given.value
    return _positional(node, name, frame, cell)


def _unknown(error: BaseException) -> bool:
    return "unexpected keyword" in str(error)


def _keyword(given: ast.keyword) -> ast.expr:
    """The word itself of a keyword argument, as a term."""
    word = ast.Name(given.arg or "", ast.Load())
    word.lineno, word.col_offset = given.lineno, given.col_offset
    word.end_lineno, word.end_col_offset = given.lineno, given.col_offset + len((given.arg or "").encode())
    return word


def _positional(node: ast.Call, name: str, frame: FrameType, cell: Cell) -> ast.expr | None:
    from inspect import signature

    from kernel_ext.cell.parts import value_of

    called = value_of(node.func, frame, cell)
    try:
        names = [p.name for p in signature(called).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    except (TypeError, ValueError):
        return None
    first = node.args[0] if node.args else None
    is_named = isinstance(first, (ast.Constant, ast.JoinedStr)) and (isinstance(first, ast.JoinedStr) or isinstance(first.value, str))
    if names[:1] == ["name"] and not is_named:
        names = names[1:]  # The cell gave the name.
    if name not in names or any(isinstance(a, ast.Starred) for a in node.args):
        return None
    at = names.index(name)
    return node.args[at] if at < len(node.args) else None


def _within_one_line(node: ast.AST | None) -> ast.expr | None:
    """What stands for a term of several lines: what is called, or the term itself to the end of its first line."""
    if isinstance(node, ast.Call) and node.lineno != node.end_lineno and node.func.lineno == node.func.end_lineno:
        return node.func
    return None


def _circumstances(error: BaseException, place: Place, cell: Cell) -> list[str]:
    """What the loop's variables are, and what shapes the parts of the term have."""
    if place.frame is None:
        return []
    found = _loops(place, cell)
    if isinstance(error, (ShapeError, IndexBoundsError, IndexError)) or (isinstance(error, ValueError) and "shape" in str(error)):
        found += described(place.node, place.frame, cell, error)
    return found


def _loops(place: Place, cell: Cell) -> list[str]:
    """The values of the variables of the loops around a line."""
    assert place.frame is not None
    values = {**place.frame.f_globals, **place.frame.f_locals}
    said: dict[str, str] = {}
    tree = cell.tree()
    for node in ast.walk(tree) if tree is not None else ():
        around = isinstance(node, (ast.For, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp))
        if not around or not node.lineno <= place.line <= (node.end_lineno or 0):  # type: ignore[attr-defined]
            continue
        targets = [node.target] if isinstance(node, ast.For) else [g.target for g in node.generators]  # type: ignore[attr-defined]
        for name in (n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name)):
            if name in values:
                shown = repr(values[name])
                said[name] = f"{name} = {shown if len(shown) <= 60 else shown[:57] + '...'}"
    return [f"in the loop with {', '.join(said.values())}"] if said else []
