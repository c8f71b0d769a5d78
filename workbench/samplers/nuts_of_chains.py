"""NUTS for many chains in one loop: each grows its own tree, one step of the integrator at a time, and none waits for another's.

The transition is that of a chain by itself, batched: with a diagonal metric the draws are those that each chain makes alone. A chain
whose tree is done begins the next one while the others go on; they wait for each other only at the end of a block of transitions, in
which long trees and short ones add up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import workbench.tensor as pt
from workbench.graph.expr import Expr
from workbench.samplers.compound import Alone, chain_key
from workbench.samplers.ensemble import Ensemble, Progress
from workbench.samplers.integrator import Diagonal, Metric
from workbench.samplers.kernel import named, unchanged
from workbench.samplers.nuts import Nuts
from workbench.samplers.state import NutsState
from workbench.tensor.tensor import Tensor, as_tensor
from workbench.transforms.vectorise import vectorize_graph

BLOCK = 32
"""Transitions after which chains wait for each other: the sum of so many trees differs little from one chain to another."""
CHECKPOINTS = 11
"""Checkpoints of a tree: it is doubled ten times at most."""


class NutsOfChains(Ensemble):
    """The No-U-Turn sampler; each chain adapts its own step size and diagonal metric."""

    name = "nuts"
    stats = Nuts.stats
    settings = {"target_accept": 0.8}
    fewest = 1

    def start(self, key: Tensor, q: Tensor, settings: Mapping[str, Tensor]) -> NutsState:
        one = Alone(DiagonalNuts())
        own_key, (x, target, checkpoints, basis, recent) = chain_key(), one.parameters()
        state = one.init(own_key, x, target, checkpoints, basis, recent)
        chains, d = q.shape
        keys = pt.random.fold_in(key, pt.arange(chains, dtype="uint64"))
        none = pt.zeros((0, d))
        given: dict[Expr, Any] = {own_key: keys, x: q, target: settings["target_accept"], checkpoints: pt.zeros((CHECKPOINTS, d)), basis: none, recent: none}
        return NutsState._make(_of_all(vectorize_graph(list(state), given), state, chains))

    def advanced(self, s: Progress, wanted: Tensor, thin: Tensor, tune: Tensor) -> Progress:
        """A block of transitions of every chain."""
        state: NutsState = s.state
        chains, d = state.proposal_q.shape
        n = pt.minimum(wanted - s.made, BLOCK)
        # What a chain that has made them all would write goes to the last row, which nobody reads.
        draws, table = pt.zeros((BLOCK + 1, chains, d)), pt.zeros((BLOCK + 1, chains, len(self.stats)))
        each = pt.arange(chains)
        names = (*NutsState._fields, "count", "ticks", "draws", "table")

        def going(*fields: Tensor) -> Tensor:
            return pt.any(fields[-4] < n)

        def body(*fields: Tensor) -> list[Tensor]:
            before, (count, ticks, draws, table) = NutsState._make(fields[:-4]), fields[-4:]
            after, begun, statistics = self._tick(before, tune)
            going_on = count < n
            ended = pt.logical_and(going_on, after.ended)
            at = pt.where(going_on, count, BLOCK)
            chosen = [_chosen(ended, b, _chosen(going_on, a, old)) for old, a, b in zip(before, after, begun)]
            return [
                *chosen, count + pt.cast(ended, "int64"), ticks + 1, draws[at, each].set(after.proposal_q), table[at, each].set(statistics),
            ]  # fmt: skip

        made = pt.while_loop(going, body, [*state, pt.zeros(chains, "int64"), as_tensor(0), draws, table], names)
        _, ticks, draws, table = made[-4:]
        first = s.made
        number = state.draw[0]
        s = s._replace(state=NutsState._make(made[:-4]), gradients=s.gradients + ticks)

        def keep(*fields: Tensor) -> list[Tensor]:
            now = s.of(fields)
            i = now.made - first
            return now.with_transition(number + i + 1, draws[i], table[i], thin, tune).flat()

        return s.of(pt.while_loop(lambda *fields: s.of(fields).made < first + n, keep, s.flat(), s.names))

    def _tick(self, s: NutsState, tune: Tensor) -> tuple[NutsState, NutsState, Tensor]:
        """Return the chains' states after a step of the integrator, after that and at the beginning of a next tree, and the statistics
        (chains, number of them)."""
        kernel = DiagonalNuts()
        one = NutsState._make(named(x[0].type, name) for name, x in zip(s._fields, s))
        after = kernel.tick(one, tune)
        statistics = pt.stack([pt.cast(as_tensor(x), "float64") for x in kernel.statistics(after)])
        graph = [*after, *kernel.begin(after), statistics]
        found = _of_all(vectorize_graph(graph, dict(zip(one, s))), graph, s.key.shape[0])
        k = len(after)
        return NutsState._make(found[:k]), NutsState._make(found[k : 2 * k]), found[-1]


class DiagonalNuts(Nuts):
    """The sampler with a diagonal metric."""

    name = "nuts_diagonal"
    apart = {}
    directions = staticmethod(unchanged)

    def metric(self, s: NutsState) -> Metric:
        return Diagonal(s.scale)


def _of_all(found: Sequence[Any], one: Sequence[Any], chains: Tensor) -> list[Tensor]:
    """Values of all chains: what is the same for each is repeated."""
    return [x if x.ndim > as_tensor(y).ndim else pt.broadcast_to(x, (chains, *x.shape)) for x, y in zip(found, one)]


def _chosen(test: Tensor, yes: Tensor, no: Tensor) -> Tensor:
    return yes if yes is no else pt.where(pt.reshape(test, (test.shape[0], *[1] * (yes.ndim - 1))), yes, no)
