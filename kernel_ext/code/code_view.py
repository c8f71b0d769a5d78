"""The code of a computation on every backend: each line with the expression that it computes, and the user's line behind it."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from html import escape
from itertools import accumulate
from os.path import basename
from typing import Any

import numpy as np

from kernel_ext.code import loop_times
from kernel_ext.code.loop_times import LoopTimes
from kernel_ext.graphs.computation import Subject, computation_of
from kernel_ext.widget.part import Part
from workbench.compile import choose_backend
from workbench.compile.function import CompiledFunction
from workbench.compile.listing import KINDS, listing, listing_of
from workbench.compile.loop_ir.lines import CodeLine
from workbench.graph import Expr
from workbench.graph.inner import Graph

LANGUAGES = {"c": "c", "numba": "python", "jax": "jaxpr", "numpy": "python", "loops": "loops"}
BATCH = 1500
"""Lines in one message."""
LONGEST = 1000
"""Characters of a line that are shown."""
STATIC = 60_000
"""Bytes of code in a saved notebook."""


class CodeView(Part):
    """Shows the code of a model's log-density and gradient, of an expression or of a function.

    Parameters
    ----------
    subject
        A model, an expression, or a compiled function.
    called
        What it is called.
    """

    name, title = "code", "Code"

    def __init__(self, subject: Subject, called: str = "") -> None:
        super().__init__()
        self.subject = subject
        self.called = called if called.isidentifier() else ""
        self._listings: dict[tuple[str, int], list[CodeLine]] = {}
        self._lock = threading.Lock()
        self._shown: Graph | None = None
        self._times: LoopTimes | None = None

    def lines(self, kind: str) -> list[CodeLine]:
        """Return the listing of a kind, made once for the same graph.

        Raises
        ------
        Exception
            What the backend says that cannot make it.
        """
        with self._lock:
            computation = computation_of(self.subject)
            key = kind, id(computation.graph)
            found = self._listings.get(key)
            if found is None:
                if isinstance(self.subject, CompiledFunction):
                    found = listing_of(self.subject, kind)
                else:
                    found = listing(kind, computation.graph, self.called or "logp_grad")
                self._listings = {k: v for k, v in self._listings.items() if k[1] == key[1]}
                self._listings[key] = found
            if kind == "c":
                self._shown = computation.graph
            return found

    @property
    def backend(self) -> str:
        """The backend whose code is shown first: the one in use."""
        if isinstance(self.subject, Expr):
            return choose_backend("auto")
        return choose_backend(self.subject.backend)

    def on_hello(self, content: Mapping[str, Any]) -> None:
        kinds = [{"kind": k, "title": title, "language": LANGUAGES[k]} for k, title in KINDS.items()]
        self.push("kinds", kinds=kinds, start=self.backend, name=self.called or "code")

    def on_code(self, content: Mapping[str, Any]) -> None:
        """Send a listing. It may take long, as importing JAX does: the handler does not wait for it."""
        kind = str(content.get("kind"))
        if kind in KINDS:
            threading.Thread(target=self._send, args=(kind,), name="workbench-code", daemon=True).start()

    def _send(self, kind: str) -> None:
        try:
            lines = self.lines(kind)
        except Exception as error:
            hint = getattr(error, "hint", "") or ("install jax" if isinstance(error, ImportError) else "")
            self.push("code", kind=kind, error=getattr(error, "message", None) or f"{type(error).__name__}: {error}", hint=hint)
            return
        places: dict[tuple[str, int, str], int] = {}
        for start in range(0, max(len(lines), 1), BATCH):
            some = lines[start : start + BATCH]
            known = len(places)
            place = np.array([_place(x.of, places) for x in some], np.int32)
            new = list(places)[known:]
            self.push(
                "code",
                {
                    "text": [x if len(x) <= LONGEST else x[:LONGEST] + " …" for x in some],
                    "key": np.array([-1 if x.of is None else self.numbers.of(x.of) for x in some], np.int32),
                    "loop": np.array([x.loop for x in some], np.int32),
                    "support": np.array([x.support for x in some], np.uint8),
                    "statement": np.array([x.statement for x in some], np.int32),
                    "place": place,
                },
                kind=kind, start=start, total=len(lines),
                places=[{"file": file, "number": number, "text": text} for file, number, text in new],
            )  # fmt: skip

        if kind == "c":
            self.on_times({})

    def on_times(self, content: Mapping[str, Any]) -> None:
        """Send how long the statements of the C code take, where it was measured, here or in another tab."""
        known = None if self._shown is None else loop_times.known(self._shown)
        if known is None:
            return
        self._times = known
        self.push(
            "times",
            {
                "statement": np.array([x.statement for x in known.lines], np.int32),
                "seconds": np.array([x.seconds for x in known.lines], np.float64),
                "times": np.array([x.times for x in known.lines], np.float64),
            },
            total=known.total,
        )  # fmt: skip

    def on_measure(self, content: Mapping[str, Any]) -> None:
        """Measure the loops of the C code. Code with clocks is compiled for it: the handler does not wait."""
        threading.Thread(target=self._measure, args=(bool(content.get("anew")),), name="workbench-loop-times", daemon=True).start()

    def _measure(self, anew: bool) -> None:
        try:
            self._times = loop_times.measured(self.subject, anew)
        except Exception as error:
            self.push("times", error=getattr(error, "message", None) or f"{type(error).__name__}: {error}", hint=getattr(error, "hint", ""))
            return
        if self._times.graph != self._shown:  # Its data have changed: the lines in sight are others.
            self._send("c")
        else:
            self.on_times({})

    def on_related(self, content: Mapping[str, Any]) -> None:
        """Answer which expressions of the code belong to others: those themselves, or what the same line of the user's made of them."""
        keys = self.related([int(k) for k in content.get("keys", [])][:200], str(content.get("kind")), str(content.get("name") or ""))
        self.push("related", {"key": np.array(keys, np.int32)}, rid=content.get("rid"))

    def related(self, keys: Sequence[int], kind: str, name: str = "") -> list[int]:
        """Return the numbers of the expressions that have lines and belong to others: given by number, or a variable by name."""
        if kind not in KINDS:
            return []
        there = dict.fromkeys(x.of for x in self.lines(kind) if x.of is not None)
        wanted = [self.numbers.expr(k) for k in keys]
        found = [x for x in wanted if x in there]
        names = {n for n in (name, *(x.name for x in wanted if x not in there)) if n}
        parts = purposes.of if names and (purposes := computation_of(self.subject).purposes) is not None else {}
        found += [x for x in there if x.name in names or (x in parts and len(parts[x].names) == 1 and parts[x].names[0] in names)]
        if not found:
            lines = {where for x in wanted if (where := _location(x)) is not None}
            found = [x for x in there if _location(x) in lines]
        return [self.numbers.of(x) for x in dict.fromkeys(found)]

    def static(self) -> dict[str, str]:
        try:
            lines: list[str] = [x for x in self.lines("c") if not x.support]
        except Exception as error:
            lines = f"{type(error).__name__}: {error}".splitlines()
        ends = list(accumulate(len(escape(line).encode()) + 1 for line in lines))
        kept = bisect_right(ends, STATIC)
        shown = "\n".join([*lines[:kept], *([f"… {len(lines) - kept} more lines"] if kept < len(lines) else [])])
        html = f"<details><summary>C code{f' of {escape(self.called)}' if self.called else ''}</summary><pre>{escape(shown)}</pre></details>"
        return {"text/html": html, "text/plain": shown}


def _location(x: Expr) -> Any:
    return x.provenance.location if x.provenance is not None else None


def _place(x: Expr | None, places: dict[tuple[str, int, str], int]) -> int:
    """The number of the user's line behind an expression; -1 for none."""
    where = None if x is None else _location(x)
    if where is None:
        return -1
    return places.setdefault((basename(where.filename), where.lineno, where.text), len(places))


