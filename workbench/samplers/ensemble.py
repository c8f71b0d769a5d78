"""Ensembles: samplers that move all chains together, one transition of all of them at a time, as graphs.

One program advances any number of chains, on any backend; it is written for accelerators, where a thousand
chains cost little more than one. The chains share what they learn of the posterior: step size, metric and
length of trajectories come from all of them at once, so warm-up is short. After it the chains do not see
each other, unless the sampler says so.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np

import workbench.tensor as pt
from workbench.graph.inner import Graph
from workbench.samplers.chain_numbers import ChainNumbers
from workbench.samplers.kernel import named
from workbench.tensor.tensor import Tensor, as_tensor

LEVELS = (0.05, 0.5, 0.95)
"""Quantiles that are known of all draws, those that are not kept too."""
EVERY = 8
"""Of so many draws of all chains one is sorted for them: neighbouring draws say little more."""

State = Any
"""A NamedTuple of tensors, with the fields `key`, `draw` and `q` (chains, d) at least."""


class Ensemble:
    """A sampler of many chains. A new one is a class with `stats`, `settings`, `start` and `transition`.

    The density is the slot ``logp_grad``: from positions (chains, d) to log-densities (chains,) and gradients
    (chains, d). What is kept of every draw beside a store is the slot ``moments`` (:class:`Moments`). Numbers of
    chains and of parameters are lengths: one graph is for all of them.

    Attributes
    ----------
    name
        What its code is called, and how it is asked for.
    stats
        Statistics of each chain's draw by ArviZ's names, in order, and their dtypes.
    settings
        What a user may choose, scalars by name, and what they are if nothing is said.
    density
        The slot for the density: "logp_grad" or "logp".
    one_by_one
        Whether the density is called for one position (d,) at a time, and not for those of all chains.
    dependent
        Whether chains depend on each other after warm-up: how their means differ then does not say how well a mean is known.
    fewest
        Fewest chains that it works with.
    least_size
        Fewest parameters that it works with.
    """

    name: ClassVar[str] = "ensemble"
    stats: ClassVar[Mapping[str, str]] = {}
    settings: ClassVar[Mapping[str, float]] = {}
    density: ClassVar[str] = "logp_grad"
    one_by_one: ClassVar[bool] = False
    dependent: ClassVar[bool] = False
    fewest: ClassVar[int] = 2
    least_size: ClassVar[int] = 1

    def __init__(self, numbers: ChainNumbers = ChainNumbers()) -> None:
        self.numbers = numbers

    @property
    def asked_for(self) -> str:
        """The option of `sample` that asks for it."""
        return f"method={self.name!r}"

    def parameters(self) -> list[Tensor]:
        """Return inputs for the settings, by name: numbers, if nothing else is said, or arrays whose sizes are lengths (``"d"``)."""
        return [pt.scalar(name) for name in self.settings]

    def start(self, key: Tensor, q: Tensor, settings: Mapping[str, Tensor]) -> State:
        """Return the state before the first transition, of chains at `q` (chains, d)."""
        raise NotImplementedError

    def transition(self, s: State, tune: Tensor) -> State:
        """Return the state after one transition of all chains; it adapts while ``s.draw < tune``."""
        raise NotImplementedError

    def statistics(self, s: State) -> Sequence[Tensor]:
        """Return statistics of the last transition, each (chains,) or of all chains, in the order of `stats`."""
        raise NotImplementedError

    def gradients(self, s: State) -> Tensor:
        """Return how many gradients a chain has made in the last transition."""
        raise NotImplementedError

    def logp(self, q: Tensor) -> Tensor:
        """Return log-densities (chains,), or that of one position: the slot of samplers that use no gradient."""
        (lp,) = pt.slot("logp", (q[0].type if self.one_by_one else q[:, 0].type,), q)
        return lp

    def logp_grad(self, q: Tensor) -> tuple[Tensor, Tensor]:
        """Return log-densities (chains,) and gradients (chains, d)."""
        lp, g = pt.slot("logp_grad", (q[:, 0].type, q.type), q)
        return lp, g

    # Graphs ------------------------------------------------------------------------------------

    @functools.cached_property
    def init(self) -> Graph:
        """Graph to the state of all chains: parameters are key, starts (chains, d) and settings."""
        params, state = self._first
        return Graph(params, list(state))

    @functools.cached_property
    def _first(self) -> tuple[list[Tensor], State]:
        """Key, starts and settings, and the state that is made of them."""
        key, q = named(pt.constant(np.uint64(0)).type, "key"), pt.matrix("q", "chains", "d")
        settings = self.parameters()
        return [key, q, *settings], self.start(key, q, {str(x.name): x for x in settings})

    @functools.cached_property
    def advance(self) -> Graph:
        """Graph that makes transitions, and keeps draws of all chains as long as there is room.

        Parameters are the state's fields, those of `Moments`, how many transitions are wanted, of how many one is
        kept, the length of warm-up, and room for draws (rows, chains, d) and statistics (rows, chains, len(stats)).
        Results are the state's fields, those of `Moments`, gradients made by each chain, transitions made, rows filled,
        draws and statistics. Moments are of all draws after warm-up; draws of warm-up are kept as others are.
        """
        example = self._first[1]
        params = [named(x.type, field) for x, field in zip(example, example._fields)]
        state, moments = example._make(params), Moments.inputs()
        wanted, thin, tune = (pt.tensor(n, "int64", ()) for n in ("wanted", "thin", "tune"))
        chains, d = state.q.type.shape
        draws, stats = (pt.tensor(name, "float64", ("rows", chains, n)) for name, n in (("draws", d), ("stats", len(self.stats))))
        nothing = as_tensor(0)
        loop = Progress(state, moments, nothing, nothing, nothing, draws, stats)
        room = draws.shape[0]

        def going(*fields: Tensor) -> Tensor:
            s = loop.of(fields)
            return pt.logical_and(s.made < wanted, s.row < room)

        def body(*fields: Tensor) -> list[Tensor]:
            return self.advanced(loop.of(fields), wanted, thin, tune).flat()

        return Graph([*params, *moments, wanted, thin, tune, draws, stats], pt.while_loop(going, body, loop.flat(), loop.names))

    def advanced(self, s: Progress, wanted: Tensor, thin: Tensor, tune: Tensor) -> Progress:
        """Return the loop's values after one transition or more, at most `wanted` in all."""
        state = self.transition(s.state, tune)
        table = pt.stack([pt.broadcast_to(pt.cast(x, "float64"), state.q.shape[:1]) for x in self.statistics(state)], axis=1)
        s = s._replace(state=state, gradients=s.gradients + self.gradients(state))
        return s.with_transition(state.draw, state.q, table, thin, tune)


class Moments(NamedTuple):
    """Running moments of each chain's values after warm-up, and quantiles of all chains': what is known of draws that are not kept.

    The slot ``moments`` has the values: it takes positions (chains, d), how many draws there are with this one,
    and the other fields before, and returns these after (:func:`moments_graph`).
    """

    seen: Tensor
    """Draws of each chain."""
    mean: Tensor
    """Means, (chains, values)."""
    square: Tensor
    """Sums of squared deviations, (chains, values)."""
    quantiles: Tensor
    """Quantiles over the chains, at `LEVELS`, means of those of every so many draws, (levels, values)."""

    @classmethod
    def inputs(cls) -> Moments:
        mean, square = pt.matrix("mean", "chains", "values"), pt.matrix("square", "chains", "values")
        return cls(pt.scalar("seen"), mean, square, pt.matrix("quantiles", len(LEVELS), "values"))

    @classmethod
    def none(cls, chains: int, values: int) -> list[Any]:
        """Return arrays for no draws."""
        each = (chains, values)
        return [np.float64(0.0), np.zeros(each), np.zeros(each), np.zeros((len(LEVELS), values))]

    def with_draw(self, q: Tensor, counts: Tensor) -> Moments:
        """Return the moments with a draw of all chains, if it `counts`."""

        def add(q: Tensor, seen: Tensor, *before: Tensor) -> list[Tensor]:
            return [seen + 1.0, *pt.slot("moments", tuple(x.type for x in before), q, seen + 1.0, *before)]

        return Moments(*pt.cond(counts, add, lambda q, *moments: list(moments), [q, *self]))


def moments_graph(values: Graph) -> Graph:
    """Return the graph for the slot ``moments`` from one of values (chains, values) of positions (chains, d)."""
    (q,), (x,) = values.params, values.results
    chains, size = x.type.shape
    seen, mean, square = pt.scalar("seen"), pt.matrix("mean", chains, size), pt.matrix("square", chains, size)
    quantiles = pt.matrix("quantiles", len(LEVELS), size)
    x = as_tensor(x)
    change = x - mean
    after = mean + change / seen
    looked = pt.floor((seen - 1.0) / EVERY)

    def look(quantiles: Tensor, x: Tensor, looked: Tensor) -> list[Tensor]:
        return [quantiles + (quantiles_of_chains(x) - quantiles) / (looked + 1.0)]

    turn = pt.equal(looked * EVERY, seen - 1.0)
    (known,) = pt.cond(turn, look, lambda quantiles, *_: [quantiles], [quantiles, x, looked])
    return Graph([q, seen, mean, square, quantiles], [after, square + change * (x - after), known])


def quantiles_of_chains(x: Tensor) -> Tensor:
    """Return quantiles of draws of each chain (chains, values) at `LEVELS`, (levels, values); NaN where there are too few chains.

    The k-th smallest of n draws has k / (n + 1) of the distribution below it in the mean, whatever that is: so means over draws have no
    bias in probability, and one of the order of 1 / n in value.
    """
    n = x.shape[0]
    ordered = pt.sort(x, axis=0)
    found = []
    for level in LEVELS:
        place = level * (pt.cast(n, "float64") + 1.0) - 1.0
        below = pt.clip(pt.floor(place), 0.0, pt.cast(n - 1, "float64"))
        lower = pt.cast(below, "int64")
        upper = pt.minimum(lower + 1, n - 1)
        between = ordered[lower] + (place - below) * (ordered[upper] - ordered[lower])
        there = pt.logical_and(place >= 0.0, place <= pt.cast(n - 1, "float64"))
        found.append(pt.where(there, between, float("nan")))
    return pt.stack(found)


class Progress(NamedTuple):
    """What `advance` carries: the state, the moments, and what is new since the call."""

    state: State
    moments: Moments
    gradients: Tensor
    made: Tensor
    row: Tensor
    draws: Tensor
    stats: Tensor

    def flat(self) -> list[Tensor]:
        return [*self.state, *self.moments, *self[2:]]

    @property
    def names(self) -> tuple[str, ...]:
        """Labels of the carried values, as :meth:`flat` has them."""
        return (*self.state._fields, *Moments._fields, *Progress._fields[2:])

    def of(self, fields: Sequence[Tensor]) -> Progress:
        """The same from carried values."""
        n, m = len(self.state), len(self.state) + len(self.moments)
        return Progress(self.state._make(fields[:n]), Moments._make(fields[n:m]), *fields[m:])

    def with_transition(self, number: Tensor, q: Tensor, table: Tensor, thin: Tensor, tune: Tensor) -> Progress:
        """Return it with transition `number`, from 1 on: the draw (chains, d) counted in the moments, and kept with its statistics if it is its turn."""
        after = number > tune
        turn = pt.equal(pt.where(after, number - tune, number) % thin, 0)

        def keep(draws: Tensor, stats: Tensor, q: Tensor, row: Tensor, at: Tensor) -> list[Tensor]:
            return [draws[at].set(q), stats[at].set(row)]

        draws, stats = pt.cond(turn, keep, lambda draws, stats, *_: [draws, stats], [self.draws, self.stats, q, table, self.row])
        return self._replace(
            moments=self.moments.with_draw(q, after), made=self.made + 1, row=self.row + pt.cast(turn, "int64"), draws=draws, stats=stats
        )
