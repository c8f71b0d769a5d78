"""What a run's views are told, by one thread: draws as they are made, the state of each chain, what all elements are like."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np

from kernel_ext.sampling.chain_diagnostics import diagnostic_columns, said_of_chains
from workbench.inference.convergence import MOST_RHAT
from workbench.inference.element_table import FINE, NOT_FINITE, Draws, ElementTable
from workbench.inference.run import Run

Array = np.ndarray[Any, Any]
Push = Callable[..., None]

PERIOD = 0.1
"""Seconds between looks, at least: longer where a look costs more than its share."""
SHARE, TABLE_SHARE = 0.02, 0.01
"""Of one processor's time, what telling of a run may take while it goes on, and what the statistics of all elements may."""
SLOWEST = 1.0
SHOWN = 8
MOST_SHOWN = 24
MARKS = 1000
"""Divergences of a chain that are marked in plots: the latest."""
KEPT = 10_000
"""Draws of a chain that views get: of longer ones every second, third, ... draw."""
BATCH = 25_000
"""Numbers in a message."""
TABLE_PERIOD = 1.5
LIVE_ROWS = 1000
"""Draws a chain that statistics of a run that goes on are made of, about."""
CHANCE = 4.0
"""By how much, divided by the draws a chain, R-hat may be too large while a run goes on before an element is drawn for it."""
NUMBERS_A_SECOND = 3e6
"""How many numbers R-hat and effective sample sizes are computed of in a second, about."""
EXACT = 2_000_000
"""Numbers of which all are used, at the end of a run, before it is returned."""
NAMES = 4000
UNHEARD = 2.0
"""Seconds after which a front end that was not heard of is told by what its widget holds, and all is sent unasked."""
OFFERS, BETWEEN = 3, 5.0
"""How often all is sent unasked, and seconds between."""


class Publisher:
    """Tells the views of a run.

    Parameters
    ----------
    run
        The run.
    push
        Sends a message: its kind, columns, content.
    about
        What else there is to say of the run: the code that makes it, where its draws go.

    Attributes
    ----------
    ready, over
        Set when what lasts of the run can be drawn; when there is nothing more to tell.
    table
        What is known of all elements.
    findings
        What speaks against the run, in words, when it is over.
    note
        What else there is to say of it.
    """

    def __init__(self, run: Run, push: Push, about: dict[str, Any] | None = None) -> None:
        self.run, self.about = run, about or {}
        self.ready, self.over = threading.Event(), threading.Event()
        self.table: ElementTable | None = None
        self.findings: list[str] = []
        self.note = ""
        self.heard = False
        self.status: Callable[[str], None] | None = None
        self.offer: Callable[[], None] | None = None
        self.finished: Callable[[], None] | None = None
        self._push = push
        self._fresh = threading.Event()
        self._sending = threading.Lock()
        self.shown: list[int] = []
        self._wanted: list[int] | None = None
        self._shown_changed = False
        self.stride = max(1, -(-run.total // KEPT))
        self._sent: list[int] = []
        self._tune = run.tune
        self._divergent: list[Array] = []
        self._looked: list[int] = []
        self._making: tuple[ElementTable, Iterator[None]] | None = None
        self._table_spent = 0.0
        self._last_table = self._last_status = 0.0
        self._offered = 0
        self._told_divergences = -1
        self._words: list[str] = []

    def start(self) -> Publisher:
        """Begin to tell."""
        threading.Thread(target=self._go, name="workbench-dashboard", daemon=True).start()
        return self

    # What views ask for: only flags are set while the run goes on.

    def hello(self) -> None:
        """Tell all from the beginning."""
        self.heard = True
        self._fresh.set()
        if self.over.is_set():
            self._look(final=True)

    def show(self, elements: Sequence[int]) -> None:
        """Send the draws of these elements."""
        known = len(self.run.variable_names())
        self._wanted = list(dict.fromkeys(i for i in elements if isinstance(i, int) and 0 <= i < known))[:MOST_SHOWN] or None
        self._shown_changed = True
        if self.over.is_set():
            self._look(final=True)

    # The thread ---------------------------------------------------------------------------------

    def _go(self) -> None:
        try:
            pause = PERIOD
            while not self.run.wait_quietly(pause):
                begun = time.thread_time()
                self._offer_unasked()
                self._look()
                pause = min(SLOWEST, max(PERIOD, (time.thread_time() - begun) / SHARE))
                self._go_on_with_table()
            self._end()
        except Exception as error:
            # The run is not touched by it, but what it is like must not seem fine.
            self.findings = [f"the dashboard failed ({type(error).__name__}: {error}): the draws are there, whether they can be trusted is not known"]
            self._push("findings", texts=self.findings)
            raise
        finally:
            self.ready.set()
            self.over.set()

    def _offer_unasked(self) -> None:
        """Where messages reach the kernel between cells alone, a front end cannot ask: send it all, a few times."""
        due = UNHEARD + self._offered * BETWEEN
        if not self.heard and self.offer is not None and self._offered < OFFERS and time.perf_counter() - self.run.started > due:
            self._offered += 1
            self.offer()
            self._fresh.set()

    def _look(self, final: bool = False) -> None:
        with self._sending:
            if self._fresh.is_set() or (self._sent and self._tune != self.run.tune):
                # Anew, too, where warm-up turned out shorter.
                self._fresh.clear()
                self._begin()
            if self._sent:
                if self._shown_changed:
                    self._send_shown()
                self._send_draws()
            self._send_state(final)

    def _begin(self) -> None:
        run, names = self.run, self.run.variable_names()
        self._sent = [0] * run.shown_chains
        self._tune, self._looked = run.tune, []
        self._told_divergences = -1
        self._push(
            "run", chains=run.shown_chains, all_chains=run.chains, tune=run.tune, draws=run.draws_requested, stride=self.stride,
            backend=run.backend, elements=len(names), state=run.state, started=run.started, **self.about,
        )  # fmt: skip
        for at in range(0, len(names), NAMES):
            self._push("elements", {"name": names[at : at + NAMES]}, start=at)
        self._send_shown()
        if self.table is not None:
            self._send_table()
        if self.run.state in ("done", "stopped", "failed"):
            self._push("findings", texts=self.findings)

    def _send_shown(self) -> None:
        self._shown_changed = False
        self.shown = self._choose()
        self._sent = [0] * self.run.shown_chains
        self._push("shown", {"element": np.array(self.shown, np.int32)})

    def _choose(self) -> list[int]:
        """What to draw: what was asked for, or else the elements of the worst R-hat, and scalars."""
        if self._wanted is not None:
            return self._wanted
        names = self.run.variable_names()
        scalars = [i for i, n in enumerate(names) if "[" not in n]
        first = (scalars + [i for i, n in enumerate(names) if "[" in n])[:SHOWN]
        table = self.table
        if table is None or not table.draws.count:
            return self.shown or first
        order = [int(i) for i in table.worst()]
        # Few draws give a large R-hat by chance.
        bound = MOST_RHAT + CHANCE / max(1, table.rows)
        bad = [i for i in order if table.notes[i] == NOT_FINITE or (table.notes[i] == FINE and not table.columns["rhat"][i] <= bound)]
        chosen = set(list(dict.fromkeys([*bad[:SHOWN], *scalars[:SHOWN], *order]))[:SHOWN])
        return [i for i in order if i in chosen]

    def _send_state(self, final: bool) -> None:
        run = self.run
        rows = run.progress()
        made, whole = sum(r["draws"] for r in rows), run.shown_chains * run.total
        seconds = run.sampling_seconds
        rate = made / seconds if made and seconds > 0 else None
        columns_of_divergences = self._divergences(final)
        state = {
            "state": run.state, "elapsed": time.perf_counter() - run.started if not final else run.timings.get("compile", 0.0) + seconds,
            "rate": rate, "eta": (whole - made) / rate if rate else None, "made": made, "whole": whole, "message": self._message(),
            "compiling": list(run.compiling.items()), "words": self._words, "heard": self.heard,
        }  # fmt: skip
        columns = {
            "chain": np.array([r["chain"] for r in rows], np.int32), "draws": np.array([r["draws"] for r in rows], np.int32),
            "tuning": np.array([r["tuning"] for r in rows], np.uint8), "divergences": np.array([r["divergences"] for r in rows], np.int32),
            **{name: np.array([r[name] for r in rows], np.float64) for name in ("step_size", "gradients", "tree_depth")},
            **columns_of_divergences,
        }  # fmt: skip
        self._push("state", columns, **state)
        now = time.perf_counter()
        if self.status is not None and not self.heard and (final or (now - run.started > UNHEARD and now - self._last_status > 0.5)):
            self._last_status = now
            worst = self._worst_rhat()
            self.status(json.dumps({**{k: state[k] for k in ("state", "made", "whole", "rate", "eta", "message")}, "elapsed": round(state["elapsed"], 1), "worst": worst}))

    def _worst_rhat(self) -> list[Any] | None:
        table = self.table
        if table is None or not len(table.names):
            return None
        i = int(table.worst()[0])
        return [table.names[i], float(table.columns["rhat"][i])] if np.isfinite(table.columns["rhat"][i]) else None

    def _message(self) -> str:
        run = self.run
        if run.state == "compiling":
            return f"for {run.backend}"
        if run.error is not None:
            return str(getattr(run.error, "message", run.error))
        if run.state == "stopped" and not run.kept:
            return f"while compiling for {run.backend}: no draws were made, and what is compiled is kept for the next run"
        return self.note

    def _divergences(self, final: bool) -> dict[str, Array]:
        """Draws after warm-up that diverged, of each chain the latest; nothing if none has come since they were sent."""
        run = self.run
        if len(self._looked) != len(run.kept[: run.shown_chains]):
            self._looked = [run.tune] * len(run.kept[: run.shown_chains])
            self._divergent = [np.empty(0, np.int64) for _ in self._looked]
        for c, chain in enumerate(run.kept[: run.shown_chains]):
            upto = chain.count
            found = chain.stat("diverging", self._looked[c], upto) if upto > self._looked[c] else None
            if found is not None and len(found):
                self._divergent[c] = np.concatenate([self._divergent[c], self._looked[c] + np.flatnonzero(found)])
            self._looked[c] = max(upto, self._looked[c])
        known = sum(map(len, self._divergent))
        if known == self._told_divergences and not final:
            return {}
        self._told_divergences = known
        latest = [rows[-MARKS:] for rows in self._divergent]
        chains = [np.full(len(rows), c, np.int32) for c, rows in enumerate(latest)]
        return {name: np.concatenate(x).astype(np.int32) if x else np.empty(0, np.int32) for name, x in (("divergent_chain", chains), ("divergent_draw", latest))}

    def _send_draws(self) -> None:
        """Send the draws made before this look; those of fast chains go on arriving meanwhile."""
        run, names = self.run, self.run.variable_names()
        shown = [names[i] for i in self.shown]
        upto = [-(-c.count // self.stride) for c in run.kept[: run.shown_chains]]
        while shown and any(u > s for u, s in zip(upto, self._sent)):
            room = max(1, BATCH // (len(shown) * len(upto)))
            parts, start, rows = [], [], []
            for c, (at, end) in enumerate(zip(self._sent, upto)):
                end = min(end, at + room)
                values = run.values(shown, c, at * self.stride, (end - 1) * self.stride + 1)[:: self.stride] if end > at else np.empty((0, len(shown)))
                parts.append(values.T.reshape(-1))
                start.append(at)
                rows.append(len(values))
                self._sent[c] = at + len(values)
            self._push("draws", {"start": np.array(start, np.int32), "rows": np.array(rows, np.int32), "values": np.concatenate(parts)})

    # Statistics ---------------------------------------------------------------------------------

    def _go_on_with_table(self) -> None:
        """Go on with the table of all elements, for the time that it may take; begin it anew with newer draws."""
        run = self.run
        now = time.perf_counter()
        allowance = TABLE_SHARE * (now - run.started) - self._table_spent
        if self._making is None:
            if now - self._last_table < TABLE_PERIOD or run.state not in ("sampling", "paused"):
                return
            draws = Draws.of_run(run, run.shown_chains)
            if draws.count < 16 or (self.table is not None and self.table.draws.count == draws.count):
                return
            numbers = min(LIVE_ROWS * len(draws.chains) * max(1, len(draws.names)), max(allowance, 0.02) * NUMBERS_A_SECOND)
            made = ElementTable.within(draws, numbers)
            self._making = made, made.blocks(tails=False)
        table, blocks = self._making
        begun = time.thread_time()
        going = True
        while going and time.thread_time() - begun < allowance:
            going = next(blocks, StopIteration) is not StopIteration
        self._table_spent += time.thread_time() - begun
        if not going:
            self._making, self._last_table = None, time.perf_counter()
            self._publish_table(table)

    def _publish_table(self, table: ElementTable) -> None:
        self.run.complete(table)
        self.table = table
        self._words = said_of_chains(self.run, table)
        with self._sending:
            if self._sent:
                if self._wanted is None and {*self._choose()} != {*self.shown}:
                    self._shown_changed = True
                self._send_table()

    def _send_table(self) -> None:
        table = self.table
        assert table is not None
        for at in range(0, len(table.names), 8000):
            part = slice(at, at + 8000)
            columns = {name: x[part].astype(np.float32) for name, x in table.columns.items()}
            self._push("summary", {**columns, "note": table.notes[part]}, start=at, step=table.step, draws=table.draws.count, complete=table.tails_done >= len(table.names))
        run = self.run
        for c, chain in enumerate(run.kept[: run.shown_chains]):
            columns, said = diagnostic_columns(partial(chain.stat, start=run.tune), chain.stat("step_size"))
            self._push("diagnostics", columns, chain=c, **said)

    def _end(self) -> None:
        run = self.run
        # That it is over is said before what takes longer.
        self._look(final=True)
        draws = Draws.of_run(run, run.shown_chains) if run.kept else Draws(run.variable_names(), [], 0, [])
        whole = len(draws.names) * len(draws.chains) * draws.count
        share = max(0.03, TABLE_SHARE * run.timings["sample"]) * NUMBERS_A_SECOND
        first = table = ElementTable.within(draws, whole if whole <= EXACT else share)
        table.fill(tails=False)
        run.complete(table)
        self.table = table
        self.findings = self._found(table)
        self._words = said_of_chains(run, table)
        self.ready.set()
        self._tell_end()
        if table.step > 1:
            table = ElementTable(draws)
        table.fill()
        run.complete(table)
        self.table = table
        self._tell_end()
        if table is not first and self.finished is not None:
            self.finished()

    def _tell_end(self) -> None:
        if self._wanted is None and self.table is not None and self._sent:
            self._shown_changed = self._choose() != self.shown
        self._look(final=True)
        with self._sending:
            if self._sent:
                self._send_table()
                self._push("findings", texts=self.findings)

    def _found(self, table: ElementTable) -> list[str]:
        try:
            if not self.run.kept:
                return []
            return list(self.run.problems(table))
        except Exception as error:
            return [f"the check of convergence failed ({type(error).__name__}: {error}): whether the draws can be trusted is not known"]
