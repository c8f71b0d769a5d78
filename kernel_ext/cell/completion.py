"""Completion (Tab) in ``%%model`` cells, and of options and names after the magics."""

from __future__ import annotations

import builtins
import inspect
import keyword
import re
from collections.abc import Iterable
from typing import Any

from IPython.core.completer import CompletionContext, SimpleCompletion, SimpleMatcherResult, context_matcher

from kernel_ext.cell.draft import NOTHING, Draft, draft_of
from kernel_ext.cell.position import Position, position
from kernel_ext.cell.scope import distribution_of, visible_names
from workbench import Model, transforms
from workbench.compile import CompiledFunction
from workbench.distributions.signatures import parameters_of_calls
from workbench.graph import Expr
from workbench.transforms import Transform

Found = list[tuple[str, str]]
"""Completions, each with its kind."""

_MAGIC = re.compile(r"^\s*(?:[\w,\s]+=\s*)?(%%?)(\w+)\s(?:.*\s)?(\S*)$")


def matcher_for(ip: Any, commands: Iterable[str]) -> Any:
    """Return the matcher that IPython's completer asks, for a shell."""

    @context_matcher(identifier="workbench", priority=200)  # type: ignore[misc]
    def match(context: CompletionContext) -> SimpleMatcherResult:
        before = context.full_text.split("\n")[: context.cursor_line]
        magic = _MAGIC.match(context.text_until_cursor)
        if magic is not None and magic[2] in commands:
            return _result(_after_magic(ip, magic[1], magic[2], context.text_until_cursor, magic[3]), magic[3])
        draft = draft_of(context.full_text, ip.user_ns)
        if draft is None or not "".join(before).strip():
            return _result([], "")
        here = position("\n".join([*before[_header_line(before) + 1 :], context.text_until_cursor]))
        found, fragment = in_cell(draft, here)
        return _result(found, fragment)

    return match


def _header_line(lines: list[str]) -> int:
    return next(i for i, line in enumerate(lines) if line.strip())


def _result(found: Found, fragment: str) -> SimpleMatcherResult:
    completions = [SimpleCompletion(text=text, type=kind) for text, kind in found]
    return SimpleMatcherResult(completions=completions, matched_fragment=fragment, suppress=bool(found), ordered=True)


# After a magic -----------------------------------------------------------------------------------


def _after_magic(ip: Any, marks: str, command: str, line: str, fragment: str) -> Found:
    magic = ip.magics_manager.magics["cell" if marks == "%%" else "line"].get(command)
    parser = getattr(magic, "parser", None)
    actions = parser._actions if parser is not None else []
    words = line.split()
    before = words[-2] if fragment and len(words) > 1 else words[-1]
    for action in actions:
        if before in action.option_strings:
            return _starting(_values(ip, action), fragment, "instance")
    unused = [o for a in actions for o in a.option_strings[:1] if o not in words[:-1] and o.startswith("--")]
    subjects = _names_of(ip, (Model, Expr, CompiledFunction)) if marks == "%" and any(a.dest in ("subject", "words") for a in actions) else []
    words_of_backend = list(type(magic.__self__).backend.values) if command == "backend" and magic is not None else []
    return [*_starting([*subjects, *words_of_backend], fragment, "instance"), *_starting(unused, fragment, "param")]


def _values(ip: Any, action: Any) -> list[str]:
    """What the value of an option can be."""
    if action.choices:
        return [str(c) for c in action.choices]
    if action.dest == "data":
        return [n for n, x in _public(ip) if isinstance(x, dict) or hasattr(x, "columns") or hasattr(x, "data_vars")]
    return _names_of(ip, dict) if action.dest == "coords" else []


def _public(ip: Any) -> list[tuple[str, Any]]:
    return [(n, x) for n, x in ip.user_ns.items() if not n.startswith("_") and n not in ("In", "Out")]


def _names_of(ip: Any, kind: Any) -> list[str]:
    return [n for n, x in _public(ip) if isinstance(x, kind)]


# In a cell ---------------------------------------------------------------------------------------


def in_cell(draft: Draft, here: Position) -> tuple[Found, str]:
    """Return what completes the code before the cursor, and the part of it that is replaced."""
    if here.comment:
        return [], ""
    if here.string is not None:
        fragment = here.before[here.string :]
        return _starting(_texts(draft, here), fragment, "text"), fragment
    word = here.word
    path, dot, prefix = word.rpartition(".")
    if dot:
        x = draft.value(path)
        return (_starting(_attributes(x, prefix), prefix, "attribute") if x is not NOTHING else []), prefix
    return [*_arguments(draft, here, word), *_names(draft, here, word)], word


def _texts(draft: Draft, here: Position) -> list[str]:
    """What a text can be: dims, or labels of a column that is compared with it."""
    if here.keyword == "dims":
        return draft.dims()
    if here.keyword == "initval":
        return ["prior", "support_point"]
    assert here.string is not None
    compared = re.search(r"([^\W\d]\w*)\s*[!=]=\s*[\"']$", here.before[: here.string])
    column = draft.columns.get(compared[1]) if compared else None
    return [str(label) for label in column.labels or ()] if column is not None else []


def _attributes(x: Any, prefix: str) -> list[str]:
    names = [str(n) for n in dir(x)]
    hidden = "__" if prefix.startswith("_") and not prefix.startswith("__") else "_" if not prefix.startswith("_") else "\0"
    return [n for n in names if not n.startswith(hidden)]


def _arguments(draft: Draft, here: Position, word: str) -> Found:
    if here.keyword == "transform":
        known = [f"transforms.{n}" for n in transforms.__all__ if isinstance(getattr(transforms, n), Transform)]
        return [(n, "instance") for n in known if n.rpartition(".")[2].startswith(word)]
    called = draft.value(here.callee) if here.callee and not here.keyword else NOTHING
    if called is NOTHING or here.argument.strip() != word:
        return []
    return _starting([f"{n}=" for n in _parameters(called) if n not in (*here.given, "name")], word, "param")


def _parameters(called: Any) -> list[str]:
    """Names of the arguments that a call takes by name."""
    if (made_by := distribution_of(called)) is not None and made_by is not called:
        return [*(p.name for p in parameters_of_calls(made_by)), "shape", "size"]
    try:
        taken = inspect.signature(called).parameters.values()
    except (TypeError, ValueError):
        return []
    return [p.name for p in taken if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]


def _names(draft: Draft, here: Position, word: str) -> Found:
    own = [*draft.bound(), *(n for n in draft.columns if n.isidentifier())]
    if not word and here.callee:
        return [(n, "instance") for n in own]
    notebook = [n for n in draft.notebook if word.startswith("_") or not n.startswith("_")]
    language = {n: "class" if isinstance(x, type) else "module" if inspect.ismodule(x) else "function" for n, x in visible_names().items()}
    kinds = {**dict.fromkeys(keyword.kwlist, "keyword"), **dict.fromkeys(vars(builtins), "function"), **language}
    kinds |= dict.fromkeys([*notebook, *own], "instance")
    return [(n, kinds[n]) for n, _ in _starting(dict.fromkeys([*own, *language, *notebook, *keyword.kwlist, *vars(builtins)]), word, "")]


def _starting(names: Iterable[str], prefix: str, kind: str) -> Found:
    """The names that begin with a prefix; where none does, those that do in other case."""
    names = list(names)
    found = [n for n in names if n.startswith(prefix)] or [n for n in names if n.lower().startswith(prefix.lower())]
    return [(n, kind) for n in found]
