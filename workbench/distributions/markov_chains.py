"""Markov chains of finitely many states."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import workbench.tensor as pt
from workbench.distributions.categories import Categorical
from workbench.distributions.components import (
    component,
    component_checks,
    draw_of,
    logp_of,
    names_of,
    ranks_of,
    support_point_of,
)
from workbench.distributions.constraints import Check, simplex
from workbench.distributions.discrete import one_given
from workbench.distributions.distribution import DISCRETE, Draw, cast_real
from workbench.distributions.formulas import INF
from workbench.distributions.probabilities import log_of
from workbench.distributions.random_walks import Series
from workbench.errors import ModelError, ShapeError, warn_user
from workbench.graph.lengths import differ
from workbench.graph.types import Shape
from workbench.tensor.elementwise import broadcast_shapes
from workbench.tensor.shape import extent, paired
from workbench.tensor.tensor import Tensor


class DiscreteMarkovChain(Series):
    """Markov chain of k states: each has probabilities that the state before it tells.

        x[0] ~ init_dist,  P(x[t] = j | x[t-1] = i) = P[i, j], for j = 0, 1, ..., k - 1

    Parameters
    ----------
    P
        Transition probabilities, from the state of the row to that of the column, shape ``(..., k, k)``; the rows
        have sum 1. With `n_lags` an axis for each state before, the earliest first: ``(..., k, k, k)`` for two.
    logit_P
        Logarithms of numbers in proportion to the probabilities of each row: an alternative to `P`.
    steps
        How many states after the first `n_lags`. The shape tells it where given, and so does `P` where it varies.
    init_dist
        Distribution of the first state, or of the first `n_lags`, made by ``.dist()``, of whole numbers from 0 to
        k - 1; its last batch axis runs over the first states where they are several. All states alike, with a
        warning, by default.
    n_lags
        How many states before tell the next.
    time_varying
        Whether the steps have probabilities of their own: `P` has one more axis before those of the states,
        ``(..., steps, k, k)``.

    Notes
    -----
    Shape ``(..., n_lags + steps)``. The log-density is summed over the series. PyMC-extras' distribution of this name,
    which has no `time_varying`.

    Examples
    --------
    >>> import workbench as pm
    >>> from workbench.transforms.logprob import logp
    >>> P = [[0.9, 0.1], [0.5, 0.5]]
    >>> x = DiscreteMarkovChain.dist(P, init_dist=pm.Categorical.dist([0.5, 0.5]), steps=2)
    >>> float(pm.math.exp(logp(x, [0, 0, 1])).eval().round(4))  # 0.5 * 0.9 * 0.1
    0.045
    """

    event_rank = 1
    support = DISCRETE
    dtype = "int64"
    start: ClassVar[Draw]
    n_lags: ClassVar[int]
    time_varying: ClassVar[bool]

    @classmethod
    def dist(  # type: ignore[override]
        cls, P: Any = None, *, logit_P: Any = None, steps: Any = None, init_dist: Any = None, n_lags: int = 1,
        time_varying: bool = False, shape: Any = None, size: Any = None,
    ) -> Tensor:  # fmt: skip
        title = cls.__name__
        name, given = one_given(title, P=P, logit_P=logit_P)
        if not isinstance(n_lags, int) or n_lags < 1:
            raise ModelError(f"{title}: n_lags is a whole number from 1 on, not {n_lags!r}", argument="n_lags")
        table = _table(title, name, cast_real(given), n_lags, time_varying)
        if time_varying and steps is None and shape is None:
            steps = extent(table, -n_lags - 2) if not isinstance(n := table.type.shape[-n_lags - 2], int) else n
        if init_dist is None:
            k = table.type.shape[-1]
            warn_user(f"{title}: the start has no distribution; all states are alike (init_dist=... gives another)")
            alike = pt.ones(k) / float(k) if isinstance(k, int) else pt.ones((extent(table, -1),)) / extent(table, -1)
            init_dist = Categorical.dist(alike)
        draw, first = component(f"{title}: init_dist", init_dist)
        if draw.distribution.event_rank or draw.distribution.dtype not in ("int64", "bool"):
            raise ShapeError(f"{title}: init_dist is a distribution of single whole numbers, {draw.name} is not")
        if n_lags > 1 and draw.shape and draw.shape[-1] not in (1, n_lags):
            raise ShapeError(f"{title}: init_dist has shape {draw.shape}, but there are {n_lags} first states")
        made, along = cls.of_length(
            steps,
            shape,
            n_lags,
            start=draw,
            n_lags=n_lags,
            time_varying=bool(time_varying),
            parameters=("P", *names_of(draw, "init_dist")),
            ranks=(n_lags + 1 + bool(time_varying), *ranks_of(draw)),
        )
        return made.variable([table, *first, *along], shape, size)

    @classmethod
    def batch_shape(cls, *parameters: Tensor) -> Shape:
        known = cls.start.shape if cls.n_lags == 1 else cls.start.shape[:-1]
        shapes = (parameters[0].type.shape[: -cls.ranks[0]], tuple(1 if n is None else n for n in known))
        return broadcast_shapes(*shapes, what=f"parameters of {cls.__name__}")

    @classmethod
    def event_shape(cls, *parameters: Tensor) -> Shape:
        (n,) = super().event_shape(*parameters)
        steps = parameters[0].type.shape[-cls.n_lags - 2] if parameters and cls.time_varying else None
        if steps is not None and isinstance(n, int) and steps != 1 and differ(steps, n - cls.n_lags):
            raise ShapeError(f"{cls.__name__}: P is given for {steps} steps, a series of length {n} has {n - cls.n_lags}")
        return (n,)

    @classmethod
    def checks(cls, *parameters: Tensor) -> list[Check]:
        table, *first = cls.own(parameters)
        rows = pt.all(simplex.holds(table), axis=tuple(range(-cls.ranks[0] + 1, 0)))
        start = component_checks("init_dist", (cls.start, tuple(first)), over_last=cls.n_lags > 1)
        return [(rows, "each row of P must be probabilities that sum to 1"), *start]

    @classmethod
    def start_logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        """The log-probability of each of the first states, ``(..., n_lags)``."""
        part = cls.start, tuple(cls.own(parameters)[1:])
        return logp_of(part, value) if cls.n_lags > 1 else logp_of(part, value[..., 0])[..., None]

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        table, n = parameters[0], cls.n_lags
        k = extent(table, -1)
        inside = pt.all(pt.logical_and(value >= 0, value < k), axis=-1)
        x = pt.where(pt.logical_and(value >= 0, value < k), pt.cast(value, "int64"), 0)
        firsts = paired(f"{cls.__name__}: the first states, and as many as n_lags,", x[..., :n], -1, pt.zeros(n), 0)
        start = pt.sum(cls.start_logp(firsts, *parameters), axis=-1)
        steps = extent(x, -1) - n
        before = [pt.take(x, pt.arange(i, i + steps), axis=-1) for i in range(n + 1)]
        log_p = log_of(table)
        log_p = log_p if cls.time_varying else pt.expand_dims(log_p, log_p.ndim - n - 1)
        moves = pt.sum(_at(log_p, before, n + 1), axis=-1)
        return pt.where(inside, start + moves, -INF)

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        table, *first = cls.own(parameters)
        n, batch = cls.n_lags, shape[:-1]
        keys = pt.random.split(key, 2)
        part = cls.start, tuple(first)
        start = draw_of(part, keys[0], (*batch, n)) if n > 1 else draw_of(part, keys[0], batch)[..., None]
        start = pt.cast(start, "int64")
        if isinstance(shape[-1], int) and shape[-1] == n:
            return start
        steps = shape[-1] - n
        noise = pt.random.uniform(keys[1], (steps, *batch))
        below = pt.cumsum(table, axis=-1)
        runs = [noise, *([_time_first(below, cls.ranks[0], steps)] if cls.time_varying else [])]

        def step(*arguments: Tensor) -> tuple[list[Tensor], list[Tensor]]:
            *last, u = arguments[: n + 1]
            row = _at(arguments[n + 1] if cls.time_varying else below, last, n + 1)
            # Of probability 0 is none that is drawn.
            new = pt.sum(pt.cast(pt.expand_dims(u * row[..., -1], -1) >= row, "int64"), axis=-1)
            return [*last[1:], new], [new]

        _, (rest,) = pt.scan(step, [start[..., i] for i in range(n)], runs)
        return pt.concatenate([start, pt.moveaxis(rest, 0, -1)], axis=-1)

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        table, *first = cls.own(parameters)
        n = cls.n_lags
        shape = (*cls.batch_shape(*parameters), *cls.event_shape(*parameters))
        batch = tuple(m if isinstance(m, int) else 0 for m in shape[:-1])
        part = cls.start, tuple(first)
        start = support_point_of(part, (*batch, n)) if n > 1 else support_point_of(part, batch)[..., None]
        start = pt.cast(start, "int64")
        length = shape[-1]
        if isinstance(length, int) and length == n:
            return start
        steps = length - n if isinstance(length, int) else extent(parameters[-1], -1) - n
        best = pt.argmax(table, axis=-1)
        runs = _time_first(best, cls.ranks[0] - 1, steps) if cls.time_varying else None

        def step(*arguments: Tensor) -> tuple[list[Tensor], list[Tensor]]:
            last = list(arguments[:n])
            new = _at(arguments[n] if cls.time_varying else best, last, n)
            return [*last[1:], new], [new]

        # The likeliest state at each step: a series of probability 0 would be no start.
        _, (rest,) = pt.scan(step, [start[..., i] for i in range(n)], [] if runs is None else [runs], n_steps=None if runs is not None else steps)
        return pt.concatenate([start, pt.moveaxis(rest, 0, -1)], axis=-1)

    @classmethod
    def ends(cls, *parameters: Tensor) -> tuple[Any, Any]:
        return 0, extent(parameters[0], -1) - 1


def _table(title: str, name: str, table: Tensor, n_lags: int, time_varying: bool) -> Tensor:
    """The transition probabilities, of as many axes as there must be, those of the states of one length."""
    rank = n_lags + 1 + bool(time_varying)
    axes = ", ".join([*(["steps"] if time_varying else []), *["k"] * (n_lags + 1)])
    if table.ndim < rank:
        raise ShapeError(f"{title}: {name} has shape {table.type.shape}", f"its last axes are ({axes})", argument=name)
    states = table.type.shape[-n_lags - 1 :]
    if any(differ(n, states[-1]) for n in states):
        raise ShapeError(f"{title}: {name} has shape {table.type.shape}, whose last axes are those of the same states", f"they are ({axes})", argument=name)
    return table if name == "P" else pt.softmax(table, axis=-1)


def _time_first(table: Tensor, rank: int, steps: Any) -> Tensor:
    """A table with the axis of the steps in front; one step's stands for all."""
    axis = table.ndim - rank
    if table.type.shape[axis] == 1:
        table = pt.broadcast_to(table, (*(extent(table, i) if i != axis else steps for i in range(table.ndim)),))
    return pt.moveaxis(table, axis, 0)


def _at(table: Tensor, states: Sequence[Tensor], rank: int) -> Tensor:
    """The entries of a table at states of one shape; its last `rank` axes are looked into, those before are axes of the states too."""
    lead = table.ndim - rank
    places = [pt.reshape(pt.arange(extent(table, i)), (-1, *[1] * (lead - 1 - i))) for i in range(lead)]
    found: Tensor = table[(*places, *states)]
    return found
