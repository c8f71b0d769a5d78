"""What is chosen in one tab is found in every other: what became of an expression, and what it came from."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from kernel_ext.graphs.computation import Subject, computation_of
from kernel_ext.widget.part import Part
from workbench import Model
from workbench.graph import Expr
from workbench.graph.descent import Descent

MOST = 400
"""So many relatives are told of."""


class Links(Part):
    """Answers which expressions are relatives of one, in any of the subject's graphs. It has no tab."""

    name, title = "links", ""

    def __init__(self, subject: Subject) -> None:
        super().__init__()
        self.subject = subject

    @functools.cached_property
    def descent(self) -> Descent:
        """The descent of what is compiled from what was written."""
        return Descent(computation_of(self.subject).trace)

    def on_related(self, content: Mapping[str, Any]) -> None:
        chosen = [self.numbers.expr(int(k)) for k in content["keys"]]
        found = list(dict.fromkeys(x for c in chosen for x in self.relatives(c)))[:MOST]
        self.push("related", rid=content.get("rid"), keys=[self.numbers.of(x) for x in found], name=self._name(chosen))

    def relatives(self, expr: Expr) -> list[Expr]:
        """Return an expression, what became of it at last, and what of the model it came from."""
        became = next((made for made in reversed(self.descent.became(expr)) if made), [])
        return [expr, *became, *self.descent.came_from(expr)]

    def _name(self, chosen: list[Expr]) -> str | None:
        """The one variable of the model that all of it comes from, if it is one."""
        if not isinstance(self.subject, Model):
            return None
        names = {n for c in chosen for n in ([self._values[c]] if c in self._values else self._sources(c))}
        return names.pop() if len(names) == 1 else None

    def _sources(self, expr: Expr) -> list[str]:
        known = self.subject.named_vars  # type: ignore[union-attr]
        return [str(x.name) for x in (expr, *self.descent.came_from(expr)) if known.get(str(x.name)) is x]

    @functools.cached_property
    def _values(self) -> dict[Expr, str]:
        """The variables by their values: unconstrained, as they are written and as what is compiled has them."""
        values = self.subject.rvs_to_values  # type: ignore[union-attr]
        made = ((x, value, next((m for m in reversed(self.descent.became(value)) if m), [])) for x, value in values.items())
        return {y: str(x.name) for x, value, last in made for y in (value, *(last if len(last) == 1 else []))}
