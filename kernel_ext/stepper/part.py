"""The rewrite stepper, on the kernel's side: answers what the view asks about the steps of a trace."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from kernel_ext.graphs.computation import computation_of
from kernel_ext.stepper import drawing
from kernel_ext.stepper.checks import Checker
from kernel_ext.stepper.replay import Replay
from kernel_ext.stepper.sayings import Sayings
from kernel_ext.stepper.stages import TITLES, Stage, stages
from kernel_ext.stepper.static import html, plain
from kernel_ext.stepper.text import joined, marked
from kernel_ext.widget.part import Part
from workbench import Model, samplers
from workbench.graph import Rule, Trace
from workbench.graph.provenance import NOWHERE, inherited
from workbench.model import tracing
from workbench.rewrites import default_mode
from workbench.rewrites.unused_results import UnusedResults
from workbench.samplers.chain import Chain
from workbench.samplers.compound import Alone

GHOSTS = 60
"""Nodes that went that are drawn where two steps are compared."""
LARGE = 4000
"""Of graphs with more nodes the code is made when it is asked for."""


class RewriteStepper(Part):
    """Steps through every rule firing of a trace, and what comes after it: loops, memory, C.

    Parameters
    ----------
    trace
        What to step through, or what makes it: called when it is first looked at.
    only
        The name of one pass to show.
    model
        The model whose trace it is: steps are checked at its points.
    """

    name, title = "steps", "Rewrites"

    def __init__(self, trace: Trace | Callable[[], Trace], only: str | None = None, model: Model | None = None) -> None:
        super().__init__()
        self._trace, self.only, self.model = trace, only, model
        self._pool: ThreadPoolExecutor | None = None
        self.at: int | None = None
        """The step that was last read: where a page that is loaded again goes on."""
        self._written = (trace, model)
        self._of = ""
        """What was done to the model, of which another is stepped through."""

    @classmethod
    def of(cls, subject: Any, only: str | None = None) -> RewriteStepper:
        """Return the stepper of a model, an expression, or a compiled function."""
        return cls(lambda: trace_of(subject), only, subject if isinstance(subject, Model) else None)

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

    def turn_to(self, trace: Trace | Callable[[], Trace], model: Model | None, at: int | None, of: str = "") -> None:
        """Step through another trace, from a step on; `of` says what was done to the model that the panel is of."""
        self._trace, self.model, self.at, self._of = trace, model, at, of
        for name in ("replay", "rules", "checker", "stages", "sayings"):
            self.__dict__.pop(name, None)
        self.on_hello({"anew": True})

    def on_as_written(self, content: Mapping[str, Any]) -> None:
        self.turn_to(*self._written, None)

    def check(self) -> None:
        """Make the trace now, so that what is wrong with it is said here."""
        _ = self.replay

    @functools.cached_property
    def rules(self) -> list[Rule]:
        """The rules that fired."""
        return list(dict.fromkeys(f.rule for _, f in self.replay.firings))

    @functools.cached_property
    def checker(self) -> Checker:
        """What compares the two sides of a step."""
        return Checker(self.model)

    @functools.cached_property
    def stages(self) -> list[Stage]:
        """What comes after the rules."""
        passes = self.replay.passes
        return stages(passes[-1].after) if passes else []

    @functools.cached_property
    def sayings(self) -> Sayings:
        """What there is to say about steps and nodes."""
        return Sayings(self.replay, self.numbers)

    def static(self) -> dict[str, str]:
        return {"text/html": html(self.replay), "text/plain": plain(self.replay)}

    def _later(self, content: Mapping[str, Any], kind: str, make: Callable[[], dict[str, Any]]) -> None:
        """Answer from another thread: what takes long delays nothing else."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, "steps")

        def answer() -> None:
            try:
                made = make()
                self.push(kind, made.pop("columns", None), rid=content.get("rid"), **made)
            except Exception as error:
                self.push("wrong", rid=content.get("rid"), message=f"{type(error).__name__}: {error}")

        self._pool.submit(answer)

    def _step(self, content: Mapping[str, Any], name: str = "step") -> int:
        return int(np.clip(int(content[name]), 0, len(self.replay)))

    def on_hello(self, content: Mapping[str, Any]) -> None:
        replay = self.replay
        passes = [
            {"name": p.name, "doc": " ".join(p.doc.split()), "firings": len(p.firings), "first": first, "seconds": p.seconds,
             "changed": bool(p.firings)}
            for p, first in zip(replay.passes, replay.first)
        ]  # fmt: skip
        number = {r: i for i, r in enumerate(self.rules)}
        position = {id(p): i for i, p in enumerate(replay.passes)}
        firings = replay.firings
        self.push(
            "steps",
            {
                "rule": np.array([number[f.rule] for _, f in firings], np.int32),
                "pass": np.array([position[id(p)] for p, _ in firings], np.int32),
                "depth": np.array([f.depth for _, f in firings], np.int32),
                "seconds": np.array([f.seconds for _, f in firings], np.float64),
            },
            passes=passes,
            rules=[self.sayings.rule(r) for r in self.rules],
            stages=list(TITLES.values()) if self.only is None else [],
            block=drawing.BLOCK,
            start=self._opening() if self.at is None else self.at,
            anew=bool(content.get("anew")),
            of=self._of,
        )
        # All states, and who is concerned, while the first is looked at.
        self._later({}, "names", lambda: {"steps": self.replay.step(len(replay)) and len(replay), "names": self.sayings.names()})

        if self.only is None and len(replay.state(0)) <= LARGE:
            self._later({}, "stages", lambda: {"changed": [s.changed for s in self.stages]})

    def _opening(self) -> int:
        """The step to begin with: behind a long first pass that only takes away what nobody uses, as samplers have it."""
        for p, first in zip(self.replay.passes, self.replay.first):
            if p.firings and p.name != UnusedResults.name:
                return first if first > LONG_PASS else 0
        return 0

    def on_page(self, content: Mapping[str, Any]) -> None:
        step = self._step(content)
        columns, more = drawing.page(self.replay, step, int(content.get("page", 0)))
        self.push("page", columns, rid=content.get("rid"), step=step, more=more, groups=self.replay.bodies)

    def on_block(self, content: Mapping[str, Any]) -> None:
        number = int(content["block"])
        if not 0 <= number * drawing.BLOCK <= len(self.replay):
            raise ValueError(f"there is no block {number}")
        self.push("block", drawing.block(self.replay, number), rid=content.get("rid"), block=number, groups=self.replay.bodies)

    def on_detail(self, content: Mapping[str, Any]) -> None:
        step = self._step(content)
        said = self.sayings.step(step) if step else {"before": [], "after": [], "whole": joined(self.replay.roots(0))}
        self.push("detail", rid=content.get("rid"), step=step, **said)

    def on_at(self, content: Mapping[str, Any]) -> None:
        """Remember where the reader is."""
        self.at = int(content["step"])

    def on_check(self, content: Mapping[str, Any]) -> None:
        step = self._step(content)
        if not step:
            raise ValueError("before any rule there is nothing to compare")

        def make() -> dict[str, Any]:
            record, _ = self.replay.firings[step - 1]
            found = self.checker.check(record, step - 1 - self.replay.first[self.replay.passes.index(record)])
            rows = [r._asdict() | {"relative": float(r.relative)} for r in found.rows]
            return {"step": step, "how": found.how, "sides": list(found.sides), "rows": _finite(rows), "holds": found.holds,
                    "worst": found.worst if np.isfinite(found.worst) else None, "tolerance": found.tolerance}  # fmt: skip

        self._later(content, "check", make)

    def on_node(self, content: Mapping[str, Any]) -> None:
        self.push("node", rid=content.get("rid"), **self.sayings.node(self._step(content), int(content["cell"])))

    def on_whole(self, content: Mapping[str, Any]) -> None:
        step = self._step(content)
        self._later(content, "whole", lambda: {"step": step, "text": joined(self.replay.roots(step))})

    def on_compare(self, content: Mapping[str, Any]) -> None:
        a, b = self._step(content, "a"), self._step(content, "b")

        def make() -> dict[str, Any]:
            left, right = marked(joined(self.replay.roots(a)), joined(self.replay.roots(b)))
            one, other = self.replay.state(a), self.replay.state(b)
            both = one.keys() & other.keys()
            gone = sorted(c for c in one.keys() - both if drawing.drawn(one[c]))
            return {
                "a": a, "b": b, "before": left, "after": right, "went": len(gone),
                "made": sorted(c for c in other.keys() - both if drawing.drawn(other[c])),
                "changed": sorted(c for c in both if one[c] is not other[c] and drawing.drawn(other[c])),
                "columns": drawing.columns_of(self.replay, one, gone[:GHOSTS]),
            }  # fmt: skip

        self._later(content, "compare", make)

    def on_stage(self, content: Mapping[str, Any]) -> None:
        number = int(content["stage"])

        def make() -> dict[str, Any]:
            stage = self.stages[min(number, len(self.stages) - 1)]
            return {"stage": number, "name": stage.name, "doc": stage.doc, "lines": stage.lines, "changed": stage.changed}

        self._later(content, "stage", make)

    def on_concerning(self, content: Mapping[str, Any]) -> None:
        name = str(content.get("name") or "")
        self.push("concerning", rid=content.get("rid"), name=name, steps=self.sayings.concerning(name))

    def on_place(self, content: Mapping[str, Any]) -> None:
        self.push("place", rid=content.get("rid"), **self.sayings.place(self.numbers.expr(int(content["key"]))))

    def on_rule(self, content: Mapping[str, Any]) -> None:
        self.push("rule", rid=content.get("rid"), **self.sayings.whole_rule(self.rules[int(content["rule"])]))

    def on_why_not(self, content: Mapping[str, Any]) -> None:
        said = self.sayings.why_not(self._step(content), int(content["cell"]), str(content["rule"]))
        self.push("why_not", rid=content.get("rid"), text=said)


LONG_PASS = 50
"""Steps without news that nobody wants to click through."""


def trace_of(subject: Any) -> Trace:
    """Return what a model, an expression, a compiled function or a sampler goes through before it is compiled.

    Parameters
    ----------
    subject
        One of these; a sampler is a kernel's class, or its name in small letters.
    """
    if isinstance(subject, Trace):
        return subject
    if isinstance(subject, str) or (isinstance(subject, type) and issubclass(subject, samplers.Kernel)):
        kernel = samplers_by_name()[subject] if isinstance(subject, str) else subject
        # A sampler is on nobody's line.
        return inherited(NOWHERE, lambda: default_mode().run(Chain(Alone(kernel())).advance(samplers.ROWS).results)[1])
    # All tabs of a model look at the same nodes; an expression's derivation is derived again.
    return computation_of(subject).trace if isinstance(subject, Model) else tracing.trace_of(subject)


def samplers_by_name() -> dict[str, type[samplers.Kernel]]:
    """Return the kernels that move all variables of a model, by their names in small letters."""
    found = (getattr(samplers, name) for name in samplers.__all__)
    return {k.__name__.lower(): k for k in found if isinstance(k, type) and issubclass(k, samplers.Kernel) and k is not samplers.Kernel}


def _finite(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """JSON has no infinity."""
    return [{k: None if isinstance(v, float) and not np.isfinite(v) else v for k, v in row.items()} for row in rows]
