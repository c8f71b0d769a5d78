"""Hidden Markov models as graphs: the forward algorithm, smoothed probabilities, the likeliest path, the chain given the data.

A chain of states 0, ..., k - 1 is seen through emissions: the log-density of what is observed at each time, for each state.
The state before a step may be several states in a row: then a row of the transition matrix stands for each combination of
them, the last one running fastest. Each function here takes

- `log_start`, ``(..., s)``: the log-probability of the first states, and the emissions at these; s is k, or its power;
- `P`, ``(..., s, k)``, or ``(..., steps, s, k)`` where each step has its own: probabilities from a row's state to the next;
- `emissions`, ``(..., steps, k)``: those after the first states. What is missing has the emission 0.

Batch axes broadcast.

Source: Rabiner, "A tutorial on hidden Markov models and selected applications in speech recognition" (1989).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

import workbench.tensor as pt
from workbench.graph.expr import Constant
from workbench.graph.frozen import changed, frozen
from workbench.tensor.elementwise import broadcast_shapes
from workbench.tensor.shape import common_lengths, extent
from workbench.tensor.tensor import Tensor
from workbench.transforms.gradient import grad

SAFE = 1e-100
"""Where no transition is less probable, what is lost of a scaled probability that underflows is less than 1e-200 of any result. Where some are
impossible, none is lost if no state that is possible is less probable."""

LARGEST = 709.0
"""The largest whole number whose exponential is one in double precision."""


class Filtered(NamedTuple):
    """What the forward algorithm finds.

    Attributes
    ----------
    terms
        ``log p(y[t] | y[0], ..., y[t-1])``, ``(..., steps + 1)``: the first is that of the first states, all of them together.
        Their sum is the log-evidence.
    log_filtered
        Log-probabilities of the states given what is observed up to their time, ``(..., steps + 1, s)``.
    """

    terms: Tensor
    log_filtered: Tensor


@frozen
class _Chain:
    """The arguments, of one batch, those that change from step to step with the time in front."""

    log_start: Tensor
    P: Tensor
    emissions: Tensor
    varying: bool

    @property
    def is_single(self) -> bool:
        """Whether one state tells the next."""
        return bool(self.P.type.shape[-2] == self.P.type.shape[-1])

    def moved(self, weights: Tensor, reduce: Callable[..., Tensor] = pt.sum) -> Tensor:
        """What arrives at each state, of weights of each state and each next one, ``(..., s, k)``: the earliest state is forgotten."""
        if self.is_single:
            return reduce(weights, axis=-2)
        *batch, s, k = weights.shape
        found = reduce(pt.reshape(weights, (*batch, k, s // k, k)), axis=-3)
        return pt.reshape(found, (*batch, s))

    def seen(self, of_last: Tensor) -> Tensor:
        """What is known of the last state, ``(..., k)``, for each combination, ``(..., s)``."""
        if self.is_single:
            return of_last
        *batch, s, k = (*of_last.shape[:-1], extent(self.P, -2), extent(self.P, -1))
        return pt.reshape(pt.broadcast_to(of_last[..., None, :], (*batch, s // k, k)), (*batch, s))

    def ahead(self, of_state: Tensor) -> Tensor:
        """What is known of each combination at the next time, ``(..., s)``, at the places of states and next ones, ``(..., s, k)``."""
        if self.is_single:
            return of_state[..., None, :]
        *batch, s, k = (*of_state.shape[:-1], extent(self.P, -2), extent(self.P, -1))
        wide = pt.broadcast_to(pt.reshape(of_state, (*batch, 1, s // k, k)), (*batch, k, s // k, k))
        return pt.reshape(wide, (*batch, s, k))


def _chain(log_start: Any, P: Any, emissions: Any, time_varying: bool) -> _Chain:
    start, table, seen = (pt.cast(pt.as_tensor(x), "float64") for x in (log_start, P, emissions))
    rank = 3 if time_varying else 2
    parts = [(start, start.type.shape[:-1]), (table, table.type.shape[: table.ndim - rank]), (seen, seen.type.shape[:-2])]
    broadcast_shapes(*(shape for _, shape in parts), what="batch axes of a hidden Markov model")
    batch = common_lengths(parts, "batch axes of a hidden Markov model")
    start = pt.broadcast_to(start, (*batch, extent(start, -1)))
    seen = pt.broadcast_to(seen, (*batch, extent(seen, -2), extent(seen, -1)))
    if time_varying:
        if table.type.shape[-3] == 1 and seen.type.shape[-2] != 1:
            table, time_varying = table[..., 0, :, :], False
        else:
            table = pt.moveaxis(table, -3, 0)
    return _Chain(start, table, pt.moveaxis(seen, -2, 0), time_varying)


def forward(log_start: Any, P: Any, emissions: Any, time_varying: bool = False) -> Filtered:
    """Return the log-evidence of a hidden Markov model step by step, and the filtered probabilities.

    In time steps * s * k. Probabilities are scaled at each step; where a state is lost by underflow that may be the only one left
    later, they are computed again as logarithms. The gradient costs about as much again.

    Parameters
    ----------
    log_start, P, emissions, time_varying
        As at the head of this file.

    Examples
    --------
    >>> import numpy as np
    >>> P = np.array([[0.9, 0.1], [0.5, 0.5]])
    >>> found = forward(np.log([0.5, 0.5]), P, np.log([[0.2, 0.8]]))
    >>> float(pt.exp(pt.sum(found.terms)).eval().round(6))  # 0.5 * (0.9 + 0.5) * 0.2 + 0.5 * (0.1 + 0.5) * 0.8
    0.38
    """
    given = _chain(log_start, P, emissions, time_varying)
    first = pt.logsumexp(given.log_start, axis=-1)
    chain = changed(given, log_start=given.log_start - _finite(first)[..., None])
    shift = _finite(pt.stop_gradient(pt.max(chain.emissions, axis=-1)))
    likelihood = pt.exp(chain.emissions - shift[..., None])
    scaled = _scaled(chain, likelihood)
    least = np.min(chain.P.op.value, initial=1.0) if isinstance(chain.P.op, Constant) else pt.min(chain.P)
    if isinstance(least, Tensor) or not least > SAFE:

        def in_logarithms(start: Tensor, table: Tensor, seen: Tensor, shift: Tensor, *rest: Tensor) -> list[Tensor]:
            return _in_logarithms(_Chain(start, table, seen, chain.varying))

        kept = pt.logical_or(least > SAFE, _all_kept(chain, scaled))
        found = pt.cond(kept, lambda *given: _logarithms(*given[3:]), in_logarithms, [chain.log_start, chain.P, chain.emissions, shift, *scaled])
    else:
        found = _logarithms(shift, *scaled)
    terms, log_filtered = found[:2]
    return Filtered(pt.moveaxis(pt.concatenate([first[None], terms]), 0, -1), pt.moveaxis(log_filtered, 0, -2))


def _finite(x: Tensor) -> Tensor:
    """Logarithms by which others are shifted: 0 in place of minus infinity."""
    return pt.where(x > -np.inf, x, 0.0)


def _scaled(chain: _Chain, likelihood: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The forward algorithm with probabilities, divided at each step by their sum: the sums, probabilities predicted, and filtered before each
    step and at last."""

    def step(now: Tensor, like: Tensor, table: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        predicted = chain.moved(now[..., None] * table)
        joint = predicted * chain.seen(like)
        scale = pt.sum(joint, axis=-1)
        return [joint / _not_zero(scale)[..., None]], [scale, predicted, now]

    runs = [likelihood, *([chain.P] if chain.varying else [])]
    (last,), (scales, predicted, before) = pt.scan(step, [pt.exp(chain.log_start)], runs, [] if chain.varying else [chain.P], names=["filtered"])
    return scales, predicted, before, last


def _logarithms(shift: Tensor, scales: Tensor, predicted: Tensor, before: Tensor, last: Tensor) -> list[Tensor]:
    """Terms after the first, logarithms of filtered probabilities; and what stands where a gradient of logarithms reads."""
    return [pt.log(scales) + shift, pt.log(pt.concatenate([before, last[None]])), scales, predicted, before]


def _all_kept(chain: _Chain, scaled: tuple[Tensor, Tensor, Tensor, Tensor]) -> Tensor:
    """Whether every state that is possible at a time has a probability there that is far from underflow, and so has every transition."""
    _, predicted, before, last = scaled
    filtered = pt.concatenate([before, last[None]])
    possible = pt.logical_and(predicted > 0.0, chain.seen(chain.emissions) > -np.inf)
    parts = [(chain.P > 0.0, chain.P), (chain.log_start > -np.inf, filtered[0]), (possible, filtered[1:])]
    found = [pt.min(pt.where(there, p, 1.0)) > SAFE for there, p in parts]
    return pt.logical_and(pt.logical_and(found[0], found[1]), found[2])


def _not_zero(x: Tensor) -> Tensor:
    """Sums to divide by: 1 where nothing is possible."""
    return pt.where(x > 0.0, x, 1.0)


def _in_logarithms(chain: _Chain) -> list[Tensor]:
    """The forward algorithm with logarithms of probabilities, each next state's shifted by the largest of what arrives there.

    Terms after the first and logarithms of filtered probabilities; and what a gradient reads. Exponentials multiply probabilities, so that the
    slope to one that is 0 is there.
    """

    def step(now: Tensor, seen: Tensor, table: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        most = _finite(pt.stop_gradient(chain.moved(now[..., None] + pt.log(table), pt.max)))
        apart = now[..., None] - chain.ahead(most)
        # Above the largest are states that no transition leads away from to that one.
        weights = pt.exp(apart - pt.stop_gradient(pt.maximum(apart - LARGEST, 0.0)))
        arrived = chain.moved(weights * table)
        joint = pt.log(arrived) + most + chain.seen(seen)
        term = pt.logsumexp(joint, axis=-1)
        return [joint - _finite(term)[..., None]], [term, arrived, now]

    runs = [chain.emissions, *([chain.P] if chain.varying else [])]
    (last,), (terms, arrived, before) = pt.scan(step, [chain.log_start], runs, [] if chain.varying else [chain.P], names=["log_filtered"])
    return [terms, pt.concatenate([before, last[None]]), terms, arrived, before]


def backward(log_start: Any, P: Any, emissions: Any, time_varying: bool = False) -> Tensor:
    """Return the log-probability of what is observed after each time given the states at that, ``(..., steps + 1, s)``, up to constants of the time."""
    chain = _chain(log_start, P, emissions, time_varying)

    def step(after: Tensor, seen: Tensor, table: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        found = pt.logsumexp(pt.log(table) + chain.ahead(chain.seen(seen) + after), axis=-1)
        found = found - _finite(pt.max(found, axis=-1))[..., None]
        return [found], [found]

    runs = [chain.emissions, *([chain.P] if chain.varying else [])]
    nothing = pt.zeros_like(chain.log_start)
    _, (found,) = pt.scan(step, [nothing], runs, [] if chain.varying else [chain.P], reverse=True, names=["log_backward"])
    return pt.moveaxis(pt.concatenate([found, nothing[None]]), 0, -2)


def given_observations(log_start: Any, P: Any, emissions: Any, time_varying: bool = False) -> tuple[Tensor, Tensor]:
    """Return the chain given all that is observed, which is one again.

    Returns
    -------
    start, P
        Probabilities of the first states, ``(..., s)``, and of each step, ``(..., steps, s, k)``. A row whose state has
        the probability 0 is that of the chain before.
    """
    chain = _chain(log_start, P, emissions, time_varying)
    after = pt.moveaxis(backward(log_start, P, emissions, time_varying), -2, 0)
    table = pt.log(chain.P if chain.varying else chain.P[None])
    ahead = chain.ahead(chain.seen(chain.emissions) + after[1:])
    weights = table + ahead
    some = pt.max(weights, axis=-1, keepdims=True) > -np.inf
    moved = pt.where(some, pt.softmax(pt.where(some, weights, 0.0), axis=-1), pt.exp(table))
    return pt.softmax(chain.log_start + after[0], axis=-1), pt.moveaxis(moved, 0, -3)


def smoothed(log_start: Any, P: Any, emissions: Any, time_varying: bool = False) -> tuple[Tensor, Tensor]:
    """Return the probabilities of the states given all that is observed: slopes of the log-evidence to the emissions.

    Returns
    -------
    start, later
        Of the first states, ``(..., s)``, and of those after, ``(..., steps, k)``.
    """
    chain = _chain(log_start, P, emissions, time_varying)
    seen = pt.moveaxis(chain.emissions, 0, -2)
    total = pt.sum(forward(chain.log_start, P, seen, time_varying).terms)
    start, later = grad(total, [chain.log_start, seen])
    return start, later


def viterbi(log_start: Any, P: Any, emissions: Any, time_varying: bool = False) -> tuple[Tensor, Tensor]:
    """Return the likeliest states given all that is observed, and the logarithm of their probability together with that.

    Returns
    -------
    states, log_joint
        The combination of the first states, as one number, then the state at each step: ``(..., steps + 1)``; and ``(...)``.

    References
    ----------
    Viterbi, "Error bounds for convolutional codes and an asymptotically optimum decoding algorithm" (1967).
    """
    chain = _chain(log_start, P, emissions, time_varying)
    k = extent(chain.P, -1)

    def step(best: Tensor, seen: Tensor, table: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        weights = best[..., None] + pt.log(table)
        return [chain.moved(weights, pt.max) + chain.seen(seen)], [chain.moved(weights, pt.argmax)]

    runs = [chain.emissions, *([chain.P] if chain.varying else [])]
    (best,), (origins,) = pt.scan(step, [chain.log_start], runs, [] if chain.varying else [chain.P], names=["best"])
    last = pt.argmax(best, axis=-1)

    def back(state: Tensor, origin: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        one_hot = pt.equal(state[..., None], pt.arange(extent(origin, -1)))
        earliest = pt.sum(pt.where(one_hot, origin, 0), axis=-1)
        before = earliest if chain.is_single else earliest * (extent(origin, -1) // k) + state // k
        return [before], [state if chain.is_single else state % k]

    (first,), (states,) = pt.scan(back, [last], [origins], reverse=True, names=["state"])
    return pt.moveaxis(pt.concatenate([first[None], states]), 0, -1), pt.max(best, axis=-1)
