"""A chain: the loop around a sampler, written once. It makes draws in chunks that may be cut anywhere."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import workbench.tensor as pt
from workbench.graph.inner import Graph
from workbench.samplers.compound import Alone, Compound, chain_key
from workbench.samplers.kernel import named
from workbench.tensor.tensor import Tensor, as_tensor


class Progress(NamedTuple):
    """What a call counts beside the sampler's state."""

    since: Tensor
    """Ticks of the draw that is being made, those of calls before included."""
    ticks: Tensor
    """Ticks of this call."""
    row: Tensor
    """Draws of this call."""


class Chain:
    """The graphs of a chain. Sizes are lengths: one graph, and its code, are for all of them.

    Parameters
    ----------
    sampler
        What moves the chain.
    """

    def __init__(self, sampler: Alone | Compound) -> None:
        self.sampler = sampler

    @functools.cached_property
    def _start(self) -> tuple[Graph, Any]:
        key, parameters = chain_key(), self.sampler.parameters()
        state = self.sampler.init(key, *parameters)
        return Graph([key, *parameters], [*state, as_tensor(0)]), state

    @property
    def init(self) -> Graph:
        """Graph from a chain's key, its position, and what the kernels' settings give, to its state."""
        return self._start[0]

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the state's arrays; those of a kernel among several end with its place."""
        return (*self._start[1]._fields, "since")

    def advance(self, rows: int) -> Graph:
        """Graph that makes up to `rows` draws.

        Parameters are the state's arrays, then how many draws are wanted, the most ticks to spend, and the length of warm-up.
        Results are the state's arrays, then ticks spent, draws made, what is kept of each draw (rows, ...) block by block,
        and statistics (rows, number of statistics + 1), whose last column counts the ticks of a draw.
        """
        _, example = self._start
        params = [named(p.type, field) for p, field in zip(self.init.results, self.fields)]
        state, since = type(example)._make(params[:-1]), params[-1]
        wanted, budget, tune = (pt.tensor(n, "int64", ()) for n in ("wanted", "budget", "tune"))
        kept = [pt.zeros((rows, *b.shape), b.dtype) for b in self.sampler.blocks(state)]
        kept.append(pt.zeros((rows, len(self.sampler.columns) + 1)))
        progress = Progress(since, as_tensor(0), as_tensor(0))
        size, counted = len(example._fields), len(Progress._fields)

        def going(*carried: Tensor) -> Tensor:
            p = Progress._make(carried[size : size + counted])
            return pt.logical_and(p.row < wanted, p.ticks < budget)

        def body(*carried: Tensor) -> list[Tensor]:
            s = self.sampler.tick(type(example)._make(carried[:size]), tune)
            p = Progress._make(carried[size : size + counted])
            p = p._replace(since=p.since + 1, ticks=p.ticks + 1)
            after = [*s, *p, *carried[size + counted :]]
            return pt.cond(self.sampler.finished(s), recorded, lambda *same: list(same), after, names)

        def recorded(*carried: Tensor) -> list[Tensor]:
            s, p = type(example)._make(carried[:size]), Progress._make(carried[size : size + counted])
            columns = [pt.cast(as_tensor(x), "float64") for x in (*self.sampler.statistics(s), p.since)]
            found = [*self.sampler.blocks(s), pt.stack(columns)]
            rows = [table[p.row].set(x) for table, x in zip(carried[size + counted :], found)]
            return [*self.sampler.begin(s), *p._replace(since=as_tensor(0), row=p.row + 1), *rows]

        names = (*example._fields, *Progress._fields, *(f"draws_{i}" for i in range(len(kept) - 1)), "stats")
        made = pt.while_loop(going, body, [*state, *progress, *kept], names)
        return Graph([*params, wanted, budget, tune], made)
