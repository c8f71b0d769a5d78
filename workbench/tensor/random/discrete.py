"""Random integers: uniform ones, counts, categories, permutations."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from workbench.errors import DTypeError, ShapeError
from workbench.graph.expr import Constant
from workbench.tensor import elementwise as _e
from workbench.tensor import shape as _s
from workbench.tensor.control.flow import while_loop
from workbench.tensor.indexing.take import take
from workbench.tensor.random import random_bits as _r
from workbench.tensor.random.continuous import gamma, in_a_row, positive_unit, spread, until_accepted
from workbench.tensor.reduction import cumulative as _cumulative
from workbench.tensor.reduction import reductions as _reduce
from workbench.tensor.sorting import sorting as _sorting
from workbench.tensor.tensor import Tensor, as_tensor

NO_INTEGER = int(np.iinfo(np.int64).min)
"""Stands for NaN, which integers lack: what is drawn where the parameters are not valid."""

_LOW_HALF = 0xFFFFFFFF


def randint(key: Tensor, shape: tuple[int, ...], low: Any, high: Any = None) -> Tensor:
    """Return integers from `low` up to, not with, `high` (from 0 up to `low`, if that is all).

    Parameters
    ----------
    key, shape
        The key and the shape of the result.
    low, high
        Integers, which broadcast to `shape`.

    Notes
    -----
    A 64-bit word times the length of the range, divided by 2**64: no number is more probable than
    another by more than the length / 2**64.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> x = randint(pt.random.key(0), (1000,), -2, 3).eval()
    >>> sorted(set(x.tolist()))
    [-2, -1, 0, 1, 2]
    """
    first, end = (as_tensor(0), as_tensor(low)) if high is None else (as_tensor(low), as_tensor(high))
    for bound in (first, end):
        if bound.type.kind not in "iu":
            raise DTypeError(f"randint takes integer bounds, got {bound.dtype}", "cast them with x.astype('int64')")
    if isinstance(first.op, Constant) and isinstance(end.op, Constant) and (first.op.value >= end.op.value).any():
        raise DTypeError(f"randint draws from `low` up to, not with, `high`: there is nothing from {first!r} to {end!r}")
    first, end = _e.cast(first, "int64"), _e.cast(end, "int64")
    length = _e.cast(end - first, "uint64")
    word = _r.bits(key, shape)
    shift, mask = np.uint64(32), np.uint64(_LOW_HALF)
    word_high, word_low = word >> shift, word & mask
    length_high, length_low = length >> shift, length & mask
    # The high half of the 128-bit product, from products of 32-bit halves.
    cross = word_high * length_low
    carry = (word_low * length_low >> shift) + (cross & mask) + word_low * length_high
    product = word_high * length_high + (cross >> shift) + (carry >> shift)
    return _s.broadcast_to(first + _e.cast(product, "int64"), shape)


def permutation(key: Tensor, x: Any) -> Tensor:
    """Return the numbers below `x`, or the rows of an array `x`, in random order.

    Parameters
    ----------
    key
        The key.
    x
        An integer, or a tensor of at least one axis.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> sorted(permutation(pt.random.key(0), 4).eval().tolist())
    [0, 1, 2, 3]
    """
    x = as_tensor(x)
    if x.ndim == 0 and x.type.kind not in "iu":
        raise DTypeError(f"permutation takes an integer, or a tensor of at least one axis, not {x.type}")
    order = _sorting.argsort(_r.bits(key, (_s.extent(x, 0) if x.ndim else x,)))
    return take(x, order, axis=0) if x.ndim else order


def bernoulli(key: Tensor, shape: tuple[int, ...] = (), p: Any = 0.5) -> Tensor:
    """Return 1 with probability `p`, else 0.

    Examples
    --------
    >>> pt.random.bernoulli(pt.random.key(1), (3,)).type.shape
    (3,)
    """
    return _e.cast(_r.uniform(key, shape) < spread(p, shape), "int64")


def categorical(key: Tensor, shape: tuple[int, ...], p: Any) -> Tensor:
    """Return integers that are `k` with probability ``p[..., k]``, by inversion.

    Parameters
    ----------
    key, shape
        The key, and the shape of the result.
    p
        Probabilities, or numbers in proportion to them, over the last axis; the other axes broadcast to
        `shape`. A category of probability 0 is never drawn.

    Raises
    ------
    ShapeError
        If `p` has no axis, or no category.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> x = categorical(pt.random.key(0), (1000,), [0.0, 0.7, 0.3]).eval()
    >>> sorted(set(x.tolist()))
    [1, 2]
    """
    p = _e.cast(as_tensor(p), "float64")
    if p.ndim == 0 or p.type.shape[-1] == 0:
        raise ShapeError(f"categorical needs probabilities along the last axis, got shape {p.type.shape}")
    below = _cumulative.cumsum(p, axis=-1)
    total = below[..., -1]
    u = _r.uniform(key, shape) * total
    passed = _s.expand_dims(u, -1) >= below
    valid = _e.logical_and(_reduce.all(p >= 0.0, axis=-1), _e.logical_and(total > 0.0, total < math.inf))
    return _e.where(valid, _reduce.sum(_e.cast(passed, "int64"), axis=-1), NO_INTEGER)


def _as_counts(drawn: Tensor) -> Tensor:
    """Whole numbers as integers, NaN as `NO_INTEGER`."""
    known = _e.equal(drawn, drawn)
    return _e.where(known, _e.cast(_e.where(known, drawn, 0.0), "int64"), NO_INTEGER)


def poisson(key: Tensor, shape: tuple[int, ...] = (), lam: Any = 1.0) -> Tensor:
    """Return Poisson counts of mean `lam`; the least integer where that is negative, NaN or above 2**62.

    By inversion, one count after another, for means below 10; else by transformed rejection with
    squeeze. Source: Hörmann, "The transformed rejection method for generating Poisson random
    variables" (1993), algorithm PTRS.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> round(float(poisson(pt.random.key(0), (20000,), 3.0).mean().eval()), 1)
    3.0
    """
    lam = in_a_row(lam, shape)
    size = (math.prod(shape),)
    keys = _r.split(key, 2)
    small = _e.logical_and(lam >= 0.0, lam < 10.0)
    of_small = _e.where(small, lam, 1.0)
    few = _invert_counts(keys[0], size, _e.exp(-of_small), lambda k: of_small / k)
    large = _e.logical_and(lam >= 10.0, lam < 2.0**62)
    mean = _e.where(large, lam, 10.0)
    log_mean = _e.log(mean)
    b = 0.931 + 2.53 * _e.sqrt(mean)
    a = -0.059 + 0.02483 * b
    log_inverse_alpha = _e.log(1.1239 + 1.1328 / (b - 3.4))
    v_r = 0.9277 - 3.6224 / (b - 2.0)

    def propose(at: Tensor) -> tuple[Tensor, Tensor]:
        u = positive_unit(_r.fold_in(at, 0), size) - 0.5
        v = positive_unit(_r.fold_in(at, 1), size)
        us = 0.5 - _e.abs(u)
        k = _e.floor((2.0 * a / us + b) * u + mean + 0.43)
        quick = _e.logical_and(us >= 0.07, v <= v_r)
        possible = _e.logical_and(k >= 0.0, _e.logical_or(us >= 0.013, v <= us))
        counted = _e.maximum(k, 0.0)
        left = _e.log(v) + log_inverse_alpha - _e.log(a / (us * us) + b)
        right = counted * log_mean - mean - log_factorial(counted)
        return k, _e.logical_or(quick, _e.logical_and(possible, left <= right))

    many = until_accepted(keys[1], large, propose)
    return _s.reshape(_as_counts(_e.where(small, few, many)), shape)


def binomial(key: Tensor, shape: tuple[int, ...] = (), n: Any = 1, p: Any = 0.5) -> Tensor:
    """Return binomial counts: how many of `n` trials succeed; the least integer where `n` or `p` is not valid.

    By inversion for means below 10; else by transformed rejection with squeeze. Source: Hörmann, "The
    generation of binomial random variates" (1993), algorithm BTRS.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> round(float(binomial(pt.random.key(0), (20000,), 10, 0.3).mean().eval()), 1)
    3.0
    """
    n, p = in_a_row(n, shape), in_a_row(p, shape)
    size = (math.prod(shape),)
    valid = _e.logical_and(_e.logical_and(n >= 0.0, n < 2.0**53), _e.logical_and(p >= 0.0, p <= 1.0))
    keys = _r.split(key, 2)
    turned = p > 0.5
    q = _e.where(valid, _e.where(turned, 1.0 - p, p), 0.0)
    n = _e.where(valid, n, 0.0)
    odds = q / (1.0 - q)
    small = n * q < 10.0
    first = _e.where(small, _e.exp(n * _e.log1p(-q)), 1.0)
    few = _invert_counts(keys[0], size, first, lambda k: odds * (n - k + 1.0) / k)
    # Any parameters that are valid for rejection, where inversion is used.
    trials, chance = _e.where(small, 40.0, n), _e.where(small, 0.5, q)
    spq = _e.sqrt(trials * chance * (1.0 - chance))
    b = 1.15 + 2.53 * spq
    a = -0.0873 + 0.0248 * b + 0.01 * chance
    c = trials * chance + 0.5
    v_r = 0.92 - 4.2 / b
    alpha = (2.83 + 5.1 / b) * spq
    log_odds = _e.log(chance) - _e.log1p(-chance)
    mode = _e.floor((trials + 1.0) * chance)
    at_mode = log_factorial(mode) + log_factorial(trials - mode)

    def propose(at: Tensor) -> tuple[Tensor, Tensor]:
        u = positive_unit(_r.fold_in(at, 0), size) - 0.5
        v = positive_unit(_r.fold_in(at, 1), size)
        us = 0.5 - _e.abs(u)
        k = _e.floor((2.0 * a / us + b) * u + c)
        quick = _e.logical_and(us >= 0.07, v <= v_r)
        possible = _e.logical_and(k >= 0.0, k <= trials)
        counted = _e.clip(k, 0.0, trials)
        left = _e.log(v * alpha / (a / (us * us) + b))
        right = at_mode - log_factorial(counted) - log_factorial(trials - counted) + (counted - mode) * log_odds
        return k, _e.logical_or(quick, _e.logical_and(possible, left <= right))

    many = until_accepted(keys[1], _e.logical_and(valid, _e.logical_not(small)), propose)
    counts = _e.where(small, _e.minimum(few, n), many)
    return _s.reshape(_as_counts(_e.where(valid, _e.where(turned, n - counts, counts), math.nan)), shape)


def negative_binomial(key: Tensor, shape: tuple[int, ...] = (), mu: Any = 1.0, alpha: Any = 1.0) -> Tensor:
    """Return negative binomial counts of mean `mu` and shape parameter `alpha`: Poisson counts of a gamma mean.

    Examples
    --------
    >>> pt.random.negative_binomial(pt.random.key(1), (3,)).type.shape
    (3,)
    """
    keys = _r.split(key, 2)
    alpha = as_tensor(alpha)
    return poisson(keys[1], shape, gamma(keys[0], shape, alpha, as_tensor(mu) / alpha))


def geometric(key: Tensor, shape: tuple[int, ...] = (), p: Any = 0.5) -> Tensor:
    """Return how many trials there are up to the first success, by inversion; at least 1.

    Examples
    --------
    >>> pt.random.geometric(pt.random.key(1), (3,)).type.shape
    (3,)
    """
    p = spread(p, shape)
    count = _e.floor(_e.log(positive_unit(key, shape)) / _e.log1p(-p)) + 1.0
    valid = _e.logical_and(p > 0.0, p <= 1.0)
    return _as_counts(_e.where(valid, _e.minimum(count, 2.0**62), math.nan))


def hypergeometric(key: Tensor, shape: tuple[int, ...] = (), good: Any = 1, bad: Any = 1, drawn: Any = 1) -> Tensor:
    """Return how many of `drawn` things, taken without putting back, are `good`; the least integer where that cannot be.

    By the ratio of uniforms, about the mode. Source: Stadlober, "The ratio of uniforms approach for
    generating discrete random variates" (1990), algorithm HRUA.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> round(float(hypergeometric(pt.random.key(0), (20000,), 7, 13, 12).mean().eval()), 1)
    4.2
    """
    good, bad, drawn = (in_a_row(x, shape) for x in (good, bad, drawn))
    size = (math.prod(shape),)
    valid = _e.logical_and(_e.logical_and(good >= 0.0, bad >= 0.0), _e.logical_and(drawn >= 0.0, drawn <= good + bad))
    good, bad, drawn = (_e.where(valid, x, 0.0) for x in (good, bad, drawn))
    total = good + bad
    # The smaller of both kinds, in the smaller of what is taken and what is left: the rest is told by it.
    few, many, taken = _e.minimum(good, bad), _e.maximum(good, bad), _e.minimum(drawn, total - drawn)
    share = few / _e.maximum(total, 1.0)
    variance = (total - taken) * taken * share * (1.0 - share) / _e.maximum(total - 1.0, 1.0)
    centre, width = taken * share + 0.5, 2.0 * math.sqrt(2.0 / math.e) * _e.sqrt(variance + 0.5) + 3.0 - 2.0 * math.sqrt(3.0 / math.e)
    end = _e.minimum(taken, few) + 1.0

    def log_mass(k: Tensor) -> Tensor:
        """Up to a constant."""
        return -(log_factorial(k) + log_factorial(few - k) + log_factorial(taken - k) + log_factorial(many - taken + k))

    at_mode = log_mass(_e.floor((taken + 1.0) * (few + 1.0) / (total + 2.0)))

    def propose(at: Tensor) -> tuple[Tensor, Tensor]:
        u = positive_unit(_r.fold_in(at, 0), size)
        v = positive_unit(_r.fold_in(at, 1), size)
        w = centre + width * (v - 0.5) / u
        inside = _e.logical_and(w >= 0.0, w < end)
        k = _e.floor(_e.where(inside, w, 0.0))
        return k, _e.logical_and(inside, 2.0 * _e.log(u) <= log_mass(k) - at_mode)

    counts = until_accepted(key, valid, propose)
    counts = _e.where(good > bad, taken - counts, counts)
    return _s.reshape(_as_counts(_e.where(drawn > taken, good - counts, counts)), shape)


def _invert_counts(key: Tensor, shape: tuple[int, ...], first: Tensor, ratio: Any) -> Tensor:
    """The count at which the sum of probabilities passes a uniform number.

    `first` is the probability of 0, ``ratio(k)`` that of k to that of k - 1.
    """
    u = _r.uniform(key, shape)

    def step(k: Tensor, drawn: Tensor, mass: Tensor, total: Tensor, waiting: Tensor) -> list[Tensor]:
        mass = mass * _e.maximum(ratio(k), 0.0)
        total = total + mass
        return [k + 1.0, _e.where(waiting, k, drawn), mass, total, _e.logical_and(waiting, u >= total)]

    mass = _s.broadcast_to(first, shape)
    # Means are below 10: 120 or more has probability 1e-80, and rounding may keep the sum below u for ever.
    return while_loop(
        lambda k, drawn, mass, total, waiting: _e.logical_and(_reduce.any(waiting), k < 120.0), step,
        [1.0, _s.zeros(shape), mass, mass, u >= mass], names=("k", "drawn", "mass", "total", "waiting"),
    )[1]  # fmt: skip


def log_factorial(k: Tensor) -> Tensor:
    """Return the logarithm of the factorial of whole numbers, to about 1e-13 of its size.

    Stirling's series at k + 8, so that nothing but arithmetic and logarithms is needed on any backend.
    """
    near = k < 16.0
    few = _e.where(near, k, 0.0)
    product = few + 1.0
    for i in range(2, 9):
        product = product * (few + float(i))
    x = _e.where(near, k + 9.0, k + 1.0)
    inverse = 1.0 / x
    square = inverse * inverse
    tail = inverse * (1.0 / 12.0 - square * (1.0 / 360.0 - square * (1.0 / 1260.0 - square * (1.0 / 1680.0 - square / 1188.0))))
    total = (x - 0.5) * _e.log(x) - x + 0.5 * math.log(2.0 * math.pi) + tail
    return total - _e.where(near, _e.log(product), 0.0)
