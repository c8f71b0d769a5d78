"""The rewrite stepper, on the kernel's side: any state of a graph, replayed from the trace."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from kernel_ext.part import Part
from kernel_ext.snapshot import expression_columns, written_inside
from workbench import Model
from workbench.graph import Expr, Firing, PassRecord, Rule, Trace, free_inputs, replace, summary, topological
from workbench.graph.inner import Graph

KEYFRAME = 64
POINTS = 3
TEXT = 600


class Replay:
    """The states of a traced graph: step 0 is before everything, step n after firing n.

    The graph is immutable and interned, so a state is a replacement away from the one before; every
    64th is kept.
    """

    def __init__(self, trace: Trace) -> None:
        self.passes = [p for p in trace.passes if p.firings or p.before]
        self.firings: list[tuple[PassRecord, Firing]] = [(p, f) for p in self.passes for f in p.firings]
        self.first: list[int] = []
        at = 0
        for p in self.passes:
            self.first.append(at)
            at += len(p.firings)
        self._kept: dict[int, tuple[Expr, ...]] = {}

    def roots(self, step: int) -> tuple[Expr, ...]:
        """Return the graph after `step` firings."""
        if not self.passes:
            return ()
        if step == 0:
            return self._start(self.passes[0])
        index = max(i for i, first in enumerate(self.first) if first < step or first == 0)
        record, start = self.passes[index], self.first[index]
        if record.kind == "derive":
            return (*record.before, *dict.fromkeys(f.after for f in record.firings[: step - start]))
        known = max((k for k in self._kept if start < k <= step), default=start)
        roots = self._kept.get(known, self._start(record))
        became = {f.before: f.after for f in record.firings[: known - start]}
        for i in range(known, step):
            firing = record.firings[i - start]
            # What a rule brings back may have been rewritten before: the engine remembers, and does it no second time.
            became[firing.before] = firing.after
            roots = tuple(_settled(replace(roots, {firing.before: firing.after}), became))
            if (i + 1 - start) % KEYFRAME == 0:
                self._kept[i + 1] = roots
        return roots

    @staticmethod
    def _start(record: PassRecord) -> tuple[Expr, ...]:
        # Further roots of the derivation are the terms of the first: parts of the same drawing.
        return record.before[:1] if record.name in ("log-probability", "values") else record.before


def _settled(roots: Sequence[Expr], became: Mapping[Expr, Expr]) -> list[Expr]:
    """Apply replacements until none is left to apply."""
    now = list(roots)
    while any(n in became for n in topological(now)):
        now = replace(now, became)
    return now


class RewriteStepper(Part):
    """Steps through every rule firing of a trace.

    Parameters
    ----------
    trace
        What to step through, or what makes it: called when it is first looked at.
    only
        The name of one pass to show.
    """

    name, title = "steps", "Rewrites"

    def __init__(self, trace: Trace | Callable[[], Trace], only: str | None = None) -> None:
        super().__init__()
        self._trace, self.only = trace, only

    @classmethod
    def of(cls, subject: Model | Expr, only: str | None = None) -> RewriteStepper:
        """Return the stepper of a model or an expression."""
        return cls(lambda: trace_of(subject), only)

    @functools.cached_property
    def replay(self) -> Replay:
        """The states of the graph.

        Raises
        ------
        ValueError
            If there is no such pass.
        """
        trace = self._trace if isinstance(self._trace, Trace) else self._trace()
        if self.only is None:
            return Replay(trace)
        names = [p.name for p in trace.passes]
        if self.only not in names:
            raise ValueError(f"there is no pass {self.only!r}; passes: {', '.join(names)}")
        return Replay(Trace([p for p in trace.passes if p.name == self.only]))

    def check(self) -> None:
        """Make the trace now, so that what is wrong with it is said here."""
        _ = self.replay

    @functools.cached_property
    def rules(self) -> list[Rule]:
        """The rules that fired."""
        return list(dict.fromkeys(f.rule for _, f in self.replay.firings))

    def static(self) -> dict[str, str]:
        lines = [f"{p.name}: {len(p.firings)} steps, {p.seconds * 1e3:.1f} ms" for p in self.replay.passes]
        return {"text/plain": "\n".join(lines)}

    def on_hello(self, content: Mapping[str, Any]) -> None:
        passes = [
            {"name": p.name, "doc": " ".join(p.doc.split()), "firings": len(p.firings), "first": first, "seconds": p.seconds,
             "changed": bool(p.firings)}
            for p, first in zip(self.replay.passes, self.replay.first)
        ]  # fmt: skip
        rules = [{"name": r.name, "group": r.group, "doc": r.doc, "source": r.source} for r in self.rules]
        number = {r: i for i, r in enumerate(self.rules)}
        position = {id(p): i for i, p in enumerate(self.replay.passes)}
        firings = self.replay.firings
        self.push(
            "steps",
            {
                "rule": np.array([number[f.rule] for _, f in firings], np.int32),
                "pass": np.array([position[id(p)] for p, _ in firings], np.int32),
                "seconds": np.array([f.seconds for _, f in firings], np.float64),
            },
            passes=passes,
            rules=rules,
        )

    def on_step(self, content: Mapping[str, Any]) -> None:
        step = int(np.clip(int(content["step"]), 0, len(self.replay.firings)))
        roots = self.replay.roots(step)
        drawn = expression_columns(self.numbers, roots)
        body: dict[str, Any] = {"before": "", "after": _text(roots), "produced": [], "check": None}
        if step:
            record, firing = self.replay.firings[step - 1]
            body = {
                "before": summary(firing.before, TEXT), "after": summary(firing.after, TEXT),
                "produced": [self.numbers.of(n) for n in _produced(firing, self.replay.roots(step - 1), roots)],
                "check": check(firing) if record.kind == "rewrite" and record.name != "values" else None,
            }  # fmt: skip
        self.push("step", drawn, rid=content.get("rid"), step=step, roots=[self.numbers.of(r) for r in roots], groups=[], **body)


def trace_of(subject: Model | Expr) -> Trace:
    """Return what a model or an expression goes through before it is compiled."""
    if isinstance(subject, Model):
        return subject.trace()
    from workbench.rewrites import default_mode

    return default_mode().run([subject])[1]


def _produced(firing: Firing, before: tuple[Expr, ...], after: tuple[Expr, ...]) -> list[Expr]:
    """What a step made, as far as it is drawn; else the nodes just above it, or what it was made for."""
    there = [n for n in topological(after) if not written_inside(n)]
    new = set(topological([firing.after])) - set(topological([firing.before])) | {firing.after}
    made = [n for n in there if n in new]
    if made:
        return made
    fresh = set(there) - set(topological(before))
    return [n for n in there if n in fresh and not any(x in fresh for x in n.inputs)] or [n for n in there if n is firing.before]


def _text(roots: tuple[Expr, ...]) -> str:
    return "\n".join(summary(r, TEXT) for r in roots[:3])


def check(firing: Firing) -> dict[str, Any] | None:
    """Compare both sides of a step at random points; ``None`` where a side has no numbers yet."""
    inputs = list(dict.fromkeys((*free_inputs([firing.before]), *free_inputs([firing.after]))))
    if any(x.type.dtype != "float64" for x in inputs):
        return None
    graph = Graph(inputs, [firing.before, firing.after])
    rng = np.random.default_rng(0)
    worst = 0.0
    try:
        for _ in range(POINTS):
            with np.errstate(all="ignore"):
                a, b = graph.run("numpy", *[rng.normal(size=x.type.static_shape) * 0.5 for x in inputs])
            worst = max(worst, _difference(a, b))
    except (NotImplementedError, AttributeError, TypeError):
        return None
    return {"max_difference": worst, "points": POINTS}


def _difference(a: Any, b: Any) -> float:
    if isinstance(a, tuple):
        return max((_difference(x, y) for x, y in zip(a, b)), default=0.0)
    x, y = np.asarray(a, np.float64), np.asarray(b, np.float64)
    same = (x == y) | (np.isnan(x) & np.isnan(y))
    return float(np.max(np.where(same, 0.0, np.abs(x - y)), initial=0.0))
