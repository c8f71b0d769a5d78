"""What there is to say about a step, a rule, or a node: formulas, lines, what made it."""

from __future__ import annotations

import functools
from bisect import bisect_left
from pathlib import Path
from typing import Any

from kernel_ext.graphs.snapshot import Keys
from kernel_ext.stepper.drawing import label
from kernel_ext.stepper.replay import Replay
from kernel_ext.stepper.text import LONG, both, called, marked, written
from workbench.graph import RULES, Expr, Firing, Rule, Trace
from workbench.graph.descent import Descent
from workbench.graph.rule_text import told
from workbench.graph.why_not import why_not

REACH = 6
"""So far below its two sides a step is said to concern what it finds there."""


class Sayings:
    """Says it of the steps of one replay, in the numbers of one panel."""

    def __init__(self, replay: Replay, numbers: Keys) -> None:
        self.replay, self.numbers = replay, numbers
        self._concerned: dict[str, list[int]] | None = None
        self._exprs: tuple[int, dict[int, Expr]] = (-1, {})

    def rule(self, rule: Rule) -> dict[str, Any]:
        """A rule as a list shows it: its sentence."""
        return {"name": rule.name, "group": rule.group, "doc": rule.doc}

    def whole_rule(self, rule: Rule) -> dict[str, Any]:
        """A rule in full: what it turns into what, where, how it is proved, and its source."""
        text = told(rule)
        proved = [f"{name} {domain}" for name, domain in text.domains]
        if text.examples:
            proved.append(f"{text.examples} expression{'' if text.examples == 1 else 's'} of its own")
        where = text.location
        return {
            "text": str(text) if text.before else "", "conditions": list(text.conditions), "proved": proved, "precise": text.precise,
            "place": f"{Path(where.filename).name}, line {where.lineno}" if where else "", "source": rule.source,
        }  # fmt: skip

    def names(self) -> list[str]:
        """The names that steps may concern."""
        return sorted(self._by_name())

    def step(self, n: int) -> dict[str, Any]:
        """A step: its two sides with what differs, what it is of, and the user's line."""
        record, firing = self.replay.firings[n - 1]
        before, after = both(firing.before, firing.after)
        derivative = record.kind == "derive"
        left, right = ([(before, False)], [(after, False)]) if derivative else marked(before, after)
        return {
            "before": left, "after": right, "derivative": derivative, "depth": firing.depth,
            "of": called(firing.towards) if firing.towards is not None else None,
            "line": line_of(firing.before), "purpose": purpose_of(firing.before), "concerns": self._of_step(n),
        }  # fmt: skip

    def node(self, n: int, cell: int) -> dict[str, Any]:
        """A node as it is after a step: what it is, what made it, what becomes of it."""
        found = self._at(n)
        if cell not in found:
            raise ValueError(f"there is no node {cell} after step {n}")
        x = found[cell]
        steps = self.replay.lives().get(cell, [])
        return {
            "cell": cell, "key": self.numbers.of(x), "name": x.name, "label": label(self.replay.state(n)[cell], self.replay.versions),
            "purpose": purpose_of(x), "op": str(x.op.name), "type": str(x.type), "formula": written(x, LONG), "line": line_of(x),
            "made": next(iter(steps), 0), "changes": steps[1:], "rule": self._rule_at(next(iter(steps), 0)),
            "rules": [r.name for r in tuple(RULES.values()) if _rooted(r, x)],
        }  # fmt: skip

    @functools.cached_property
    def descent(self) -> Descent:
        """What became of each node."""
        return Descent(Trace(self.replay.passes))

    def _rule_at(self, n: int) -> str | None:
        return self.replay.firings[n - 1][1].rule.name if n else None

    def why_not(self, n: int, cell: int, name: str) -> str:
        """Why a rule did not fire on a node."""
        x = self._at(n).get(cell)
        rule = RULES.get(name)
        if x is None or rule is None:
            return "There is no such node here, or no such rule."
        reason = why_not(rule, x)
        if reason is not None:
            at = f" At {written(reason.at, 80)}." if reason.at is not x else ""
            return f"{str(reason)[0].upper()}{str(reason)[1:]}.{at}"
        made = rule.apply(x)
        return f"It would fire: {written(x)} would become {written(made)}." if made is not None else "It would fire."

    def place(self, x: Expr) -> dict[str, Any]:
        """Where an expression, or what became of it, is found: a step after which it is there, and its cells."""
        last = len(self.replay)
        became = {e for found in self.descent.became(x) for e in found} | {x}
        cells = [c for c, e in self._at(last).items() if e in became]
        if cells:
            steps = self.replay.lives().get(cells[0], [])
            return {"step": steps[-1] if steps else last, "cells": cells, "name": x.name}
        for n, (_, firing) in enumerate(self.replay.firings, 1):
            if firing.after is x or firing.before is x:
                place = self.replay.step(n).place
                return {"step": n, "cells": [place] if place >= 0 else [], "name": x.name}
        return {"step": None, "cells": [], "name": x.name}

    def concerning(self, name: str) -> list[int]:
        """The steps that concern a name."""
        found = self._by_name()
        wanted = {name, *(n for n in found if n.startswith(f"{name}_") and n.endswith("__"))}
        return sorted({n for w in wanted for n in found.get(w, ())})

    def _of_step(self, n: int) -> list[str]:
        return [name for name, steps in self._by_name().items() if (i := bisect_left(steps, n)) < len(steps) and steps[i] == n]

    def _by_name(self) -> dict[str, list[int]]:
        if self._concerned is None:
            near: dict[Expr, frozenset[str]] = {}
            made: dict[str, list[int]] = {}
            for n, (_, firing) in enumerate(self.replay.firings, 1):
                for name in sorted(_near(firing, near)):
                    made.setdefault(name, []).append(n)
            self._concerned = made
        return self._concerned

    def _at(self, n: int) -> dict[int, Expr]:
        if self._exprs[0] != n:
            self._exprs = n, self.replay.exprs(n)
        return self._exprs[1]


def _near(firing: Firing, known: dict[Expr, frozenset[str]]) -> frozenset[str]:
    """The names within reach below the two sides of a step."""
    sides = [firing.before, firing.after, *([firing.towards] if firing.towards is not None else [])]
    for x in sides:
        if x in known:
            continue
        names: set[str] = {x.name} if x.name else set()
        level, seen = list(x.inputs), {x}
        for _ in range(REACH):
            below: list[Expr] = []
            for node in level:
                if node in seen:
                    continue
                seen.add(node)
                if node.name:
                    names.add(node.name)
                else:
                    below += node.inputs
            level = below
        known[x] = frozenset(names)
    return frozenset().union(*(known[x] for x in sides))


def _rooted(rule: Rule, x: Expr) -> bool:
    return x.op in rule.roots or type(x.op) in rule.roots


def purpose_of(x: Expr) -> str | None:
    """What an expression is for."""
    purpose = x.provenance.purpose if x.provenance else None
    return None if purpose is None else str(purpose)


def line_of(x: Expr) -> dict[str, Any] | None:
    """The user's line behind an expression."""
    where = x.provenance.location if x.provenance else None
    return None if where is None else {"file": where.filename, "number": where.lineno, "text": where.text}
