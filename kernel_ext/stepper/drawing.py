"""Cells as columns for the view: what a node shows, and what a run of steps changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kernel_ext.graphs.snapshot import kind_of, label_of, written_inside
from kernel_ext.stepper.cells import Version
from kernel_ext.stepper.replay import Replay
from workbench.graph import Data
from workbench.graph.printing import op_text
from workbench.tensor.keys import LABEL

BLOCK = 64
"""Steps that are sent together."""
PAGE = 3000
"""Nodes of a state that are sent together."""


def drawn(version: Version | None) -> bool:
    """Whether a cell is a node of the drawing: numbers stand in the labels of their users, and keys of random variables nowhere."""
    if version is None:
        return False
    x = version.expr
    return not written_inside(x) and not (isinstance(x.op, Data) and x.op.label == LABEL)


def label(version: Version, versions: Sequence[Version]) -> str:
    """Return a node's label: its name, else its operation with the numbers that it has as operands."""
    x = version.expr
    inputs = [versions[c].expr for c in version.inputs]
    if x.name or not any(written_inside(i) for i in inputs):
        return label_of(x)
    parts = [_number(i) if written_inside(i) else "·" for i in inputs]
    symbol = getattr(x.op, "symbol", "")
    if symbol and len(parts) == 2:
        return f" {symbol} ".join(parts)
    return f"{symbol}{parts[0]}" if symbol and len(parts) == 1 else f"{x.op.name}({', '.join(parts)})"


def _number(x: Any) -> str:
    text = op_text(x)
    try:
        return f"{float(text):.6g}"
    except ValueError:
        return text


class Records:
    """Versions as rows of columns, each once; texts by their numbers in one list of words."""

    def __init__(self, replay: Replay) -> None:
        self._versions = replay.versions
        self._rows: dict[int, int] = {}
        self._kept: list[Version] = []
        self._words: dict[str, int] = {}
        self._texts: list[int] = []
        self._groups: list[int] = []
        self._inputs: list[int] = []
        self._ends: list[int] = [0]

    def row(self, version: Version | None) -> int:
        """Return the number of a version's row; -1 of what is not drawn."""
        if version is None or not drawn(version):
            return -1
        found = self._rows.get(id(version))
        if found is None:
            found = self._rows[id(version)] = len(self._rows)
            self._kept.append(version)
            x = version.expr
            for text in (label(version, self._versions), str(x.op.name), kind_of(x), str(x.type)):
                self._texts.append(self._words.setdefault(text, len(self._words)))
            self._groups.append(version.body)
            self._inputs += dict.fromkeys(c for n, c in zip(version.uses, version.cells) if drawn(self._versions[n]))
            self._ends.append(len(self._inputs))
        return found

    def columns(self) -> dict[str, Any]:
        """Return the rows."""
        texts = np.array(self._texts, np.int32).reshape(-1, 4)
        return {
            "words": list(self._words), **{name: texts[:, i].copy() for i, name in enumerate(("label", "op", "kind", "type"))},
            "group": np.array(self._groups, np.int32), "ends": np.array(self._ends, np.int32), "inputs": np.array(self._inputs, np.int32),
        }  # fmt: skip


MADE, OWN = 1, 2


def block(replay: Replay, number: int) -> dict[str, Any]:
    """Return what the steps of a block change: of each cell, the row that it was and the row that it is.

    `mark` says of a change whether the firing itself did it, and whether it made the cell; `place` of a step which cell its result is,
    and `about` which one it is about.
    """
    records = Records(replay)
    first = number * BLOCK
    columns: dict[str, list[int]] = {name: [] for name in ("cell", "was", "now", "mark", "place", "about")}
    ends = [0]
    for n in range(first + 1, min(first + BLOCK, len(replay)) + 1):
        step = replay.step(n)
        for c, (a, b) in step.changes.items():
            row = c, records.row(a), records.row(b), (MADE if c in step.made else 0) + (OWN if c in step.own else 0)
            if row[1] != row[2]:
                for name, value in zip(("cell", "was", "now", "mark"), row):
                    columns[name].append(value)
        ends.append(len(columns["cell"]))
        columns["place"].append(step.place if drawn(step.result) else -1)
        columns["about"].append(step.about)
    return {**records.columns(), **{k: np.array(v, np.int32) for k, v in columns.items()}, "step": np.array(ends, np.int32)}


def page(replay: Replay, step: int, number: int) -> tuple[dict[str, Any], bool]:
    """Return part of the nodes of a state, and whether there are more."""
    state = [(c, v) for c, v in replay.state(step).items() if drawn(v)]
    part = dict(state[number * PAGE : (number + 1) * PAGE])
    return columns_of(replay, part, list(part)), (number + 1) * PAGE < len(state)


def columns_of(replay: Replay, state: Mapping[int, Version], cells: Sequence[int]) -> dict[str, Any]:
    """Return some cells of a state."""
    records = Records(replay)
    rows = [records.row(state[c]) for c in cells]
    return {**records.columns(), "cell": np.array(cells, np.int32), "now": np.array(rows, np.int32)}
