"""Documentation (Shift-Tab) in ``%%model`` cells: of the names that the cell sees, and of those that it makes."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from kernel_ext.cell.draft import NOTHING, Draft, draft_of
from kernel_ext.cell.scope import distribution_of
from workbench.distributions.signatures import parameters_of_calls
from workbench.tensor.tensor import Tensor


def inspect_cells(kernel: Any) -> None:
    """Let a kernel answer for model cells too; what it answers elsewhere stays as it is."""
    usual = kernel.do_inspect

    def do_inspect(code: str, cursor_pos: int, detail_level: int = 0, omit_sections: Any = ()) -> Any:
        draft = draft_of(code, kernel.shell.user_ns)
        bundle = None if draft is None else _bundle(kernel.shell, draft, code, cursor_pos, detail_level, omit_sections)
        if bundle is None:
            return usual(code, cursor_pos, detail_level, omit_sections)
        return {"status": "ok", "found": True, "data": bundle, "metadata": {}}

    kernel.do_inspect = do_inspect


def leave_cells(kernel: Any) -> None:
    """Take back what :func:`inspect_cells` did."""
    vars(kernel).pop("do_inspect", None)


def _bundle(shell: Any, draft: Draft, code: str, cursor: int, detail_level: int, omit_sections: Any) -> dict[str, Any] | None:
    from IPython.core.oinspect import OInfo
    from IPython.utils.tokenutil import token_at_cursor

    name = token_at_cursor(code, cursor)
    if not name or code.count("\n", 0, cursor) == 0:
        return None
    lines = draft.body.split("\n")
    made = draft.bound().get(name)
    if made is not None:
        return {"text/plain": f"{lines[made - 1].strip()}\n\n{name} is made in line {made} of this cell."}
    column = draft.columns.get(name)
    if column is not None:
        labels = "" if column.labels is None else f"\nlabels: {', '.join(map(repr, column.labels[:12]))}{' ...' if len(column.labels) > 12 else ''}"
        return {"text/plain": f"The column {name!r} of the data, of shape {column.values.shape}.{labels}"}
    x = draft.value(name)
    if x is NOTHING or x is Tensor:
        return None
    if (made_by := distribution_of(x)) is not None and not detail_level:
        return {"text/plain": _distribution(made_by, name, () if made_by is x else ("shape", "size"))}
    info = OInfo(ismagic=False, isalias=False, found=True, obj=x, namespace="model cell", parent=None)
    found = shell.inspector._get_info(x, name, info=info, detail_level=detail_level, omit_sections=omit_sections)
    if not shell.enable_html_pager:
        found.pop("text/html", None)
    return dict(found)


def _distribution(x: Any, name: str, others: Sequence[str]) -> str:
    """A distribution as a cell uses it: its own parameters first, for the name is that of the line and the rest is every variable's."""
    own = parameters_of_calls(x)
    others = others or [n for n in inspect.signature(x).parameters if n != "name" and all(n != p.name for p in own)]
    return f"{name}{inspect.Signature(own)}\n\n{inspect.getdoc(x)}\n\nIt takes as well: {', '.join(others)}."
