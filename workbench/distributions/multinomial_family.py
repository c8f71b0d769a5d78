"""Distributions of vectors of counts."""

from __future__ import annotations

from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.distributions.categories import OrderedLogistic
from workbench.distributions.constraints import not_negative, simplex
from workbench.distributions.deviances import (
    are_large,
    are_moderate,
    deviance,
    factorial_rest,
    log_polya_term,
    log_polya_whole,
    rising_excess,
)
from workbench.distributions.discrete import Count
from workbench.distributions.distribution import cast_real, register_deterministic
from workbench.distributions.probabilities import times_log
from workbench.distributions.simplex import positive_vector
from workbench.errors import ShapeError, warn_user
from workbench.graph.expr import Constant
from workbench.graph.types import Shape
from workbench.tensor.elementwise import broadcast_shapes
from workbench.tensor.shape import extent
from workbench.tensor.tensor import Tensor

INF = float("inf")


class VectorOfCounts(Count):
    """What distributions of `n` things over k categories share; their second parameter has a last axis of length k."""

    event_rank = 1
    ranks = (0, 1)

    @classmethod
    def event_shape(cls, *parameters: Tensor) -> Shape:
        return parameters[1].type.shape[-1:]

    @classmethod
    def batch_shape(cls, *parameters: Tensor) -> Shape:
        n, p = parameters
        if p.ndim == 0:
            raise ShapeError(f"{cls.__name__}: {cls.parameters[1]} is a scalar", "its last axis runs over the categories")
        return broadcast_shapes(n.type.shape, p.type.shape[:-1], what=f"parameters of {cls.__name__}")

    @classmethod
    def _possible(cls, value: Tensor, n: Tensor) -> Tensor:
        return pt.logical_and(pt.all(value >= 0, axis=-1), pt.equal(pt.sum(value, axis=-1), n))


class Multinomial(VectorOfCounts):
    """Multinomial distribution: how many of `n` things fall into each of k categories.

        f(x) = n! / prod(x!) * prod(p**x), for x = 0, 1, ... of sum n

    Parameters
    ----------
    n
        How many things, >= 0.
    p
        Probabilities of the categories, shape ``(..., k)``: not negative, of sum 1. Numbers of another
        sum are scaled, with a warning.

    Notes
    -----
    Shape ``(..., k)``. Mean ``n * p``.

    Examples
    --------
    >>> from workbench.transforms.logprob import logp
    >>> round(float(logp(Multinomial.dist(n=2, p=[0.5, 0.5]), [1, 1]).eval()), 4)  # a half
    -0.6931
    """

    parameters = ("n", "p")
    domains = {"n": not_negative, "p": simplex}

    @classmethod
    def arguments(cls, n: Any, p: Any) -> tuple[Any, ...]:
        return n, _scaled(cls.__name__, p)

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        n, p = parameters
        x = pt.maximum(value, 0)
        if are_large(n, value):
            terms = deviance(x, pt.expand_dims(n, -1) * p) + factorial_rest(x)
            mass = factorial_rest(n) - pt.sum(terms, axis=-1)
        else:
            mass = pt.gammaln(n + 1.0) + pt.sum(times_log(x, p) - pt.gammaln(x + 1.0), axis=-1)
        return pt.where(cls._possible(value, n), mass, -INF)

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        n, p = parameters
        return draw_multinomial(key, shape, n, p)

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        return most_likely_counts(*parameters)


def draw_multinomial(key: Tensor, shape: tuple[int, ...], n: Tensor, p: Tensor) -> Tensor:
    """Category after category, a binomial share of what is left."""
    batch, k = shape[:-1], shape[-1]
    total = pt.cast(pt.broadcast_to(n, batch), "int64")
    if k == 1:
        return pt.expand_dims(total, -1)
    # What is left of the probability from each category on: summed from the end, so that no difference is taken.
    p = pt.broadcast_to(p, shape)
    rest = pt.flip(pt.cumsum(pt.flip(p, -1), axis=-1), -1)
    share = pt.minimum(pt.where(rest > 0.0, p / pt.where(rest > 0.0, rest, 1.0), 0.0), 1.0)

    def step(left: Tensor, chance: Tensor, number: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        taken = pt.cast(pt.random.binomial(pt.random.fold_in(key, number), batch, left, chance), "int64")
        return [left - taken], [taken]

    (last,), (taken,) = pt.scan(step, [total], [pt.moveaxis(share, -1, 0)[: k - 1], np.arange(k - 1)])
    return pt.moveaxis(pt.concatenate([taken, pt.expand_dims(last, 0)], axis=0), 0, -1)


def most_likely_counts(n: Tensor, p: Tensor) -> Tensor:
    """Return counts near their means ``n * p`` that add up to `n`.

    Means rounded to the nearest, and the difference given to the largest: PyMC's. Where that would make
    one negative, means rounded down take the place of these.
    """
    mean = pt.expand_dims(n, -1) * p
    largest = pt.equal(pt.expand_dims(pt.argmax(mean, axis=-1), -1), pt.arange(extent(p, -1)))

    def filled(counts: Tensor) -> Tensor:
        missing = pt.expand_dims(n, -1) - pt.sum(counts, axis=-1, keepdims=True)
        return counts + pt.where(largest, missing, 0.0)

    near = filled(pt.rint(mean))
    valid = pt.all(near >= 0.0, axis=-1, keepdims=True)
    return pt.cast(pt.where(valid, near, filled(pt.floor(mean))), "int64")


def _scaled(title: str, p: Any) -> Any:
    """Constant probabilities, scaled to the sum 1, as PyMC does."""
    x = cast_real(p)
    if not isinstance(x.op, Constant) or not x.ndim:
        return x
    content = x.op.value
    total = content.sum(axis=-1, keepdims=True)
    # Negative ones are an error, which the domain states.
    if not (content >= 0.0).all() or np.allclose(total, 1.0):
        return x
    shown = np.array2string(total[..., 0], threshold=8)
    warn_user(f"{title}: p sums to {shown}, not 1; it is scaled. Scale it to get rid of this warning.")
    return pt.constant(content / total)


class DirichletMultinomial(VectorOfCounts):
    """Dirichlet-multinomial distribution: multinomial with probabilities that are Dirichlet distributed.

        f(x) = n! * Gamma(A) / Gamma(n + A) * prod(Gamma(x + a) / (x! * Gamma(a))), with A = sum(a),
            for x = 0, 1, ... of sum n

    Parameters
    ----------
    n
        How many things, >= 0.
    a
        Concentrations, > 0, shape ``(..., k)``.

    Notes
    -----
    Shape ``(..., k)``. Mean ``n * a / sum(a)``.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.DirichletMultinomial("x", n=10, a=[1.0, 2.0, 3.0])
    """

    parameters = ("n", "a")
    domains = {"n": not_negative, "a": positive_vector}

    @classmethod
    def arguments(cls, n: Any, a: Any) -> tuple[Any, ...]:
        return n, a

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        n, a = parameters
        total = pt.sum(a, axis=-1)
        x = pt.maximum(value, 0)
        if are_moderate(n, value):
            logs = pt.gammaln(n + 1.0) - pt.sum(pt.gammaln(x + 1.0) - x * (pt.log(a) - pt.expand_dims(pt.log(total), -1)), axis=-1)
            mass = logs + pt.sum(rising_excess(a, x), axis=-1) - rising_excess(total, n)
        else:
            share, rest = (pt.expand_dims(y / (n + total), -1) for y in (n, total))
            mass = pt.sum(log_polya_term(x, a, share, rest), axis=-1) - log_polya_whole(n, total)
        return pt.where(cls._possible(value, n), mass, -INF)

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        n, a = parameters
        keys = pt.random.split(key, 2)
        return draw_multinomial(keys[1], shape, n, pt.random.dirichlet(keys[0], shape, a))

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        n, a = parameters
        return most_likely_counts(n, a / pt.sum(a, axis=-1, keepdims=True))


class OrderedMultinomial(Multinomial):
    """Counts of ordered categories: `n` logistic variables of mean `eta`, seen through cutpoints.

        x ~ Multinomial(n, p), with p the probabilities of OrderedLogistic(eta, cutpoints)

    Parameters
    ----------
    eta
        Mean of the logistic variables.
    cutpoints
        Where the categories meet, ascending, shape ``(..., k - 1)``.
    n
        How many things, >= 0.
    compute_p
        Whether the probabilities are kept as the deterministic ``{name}_probs``; so by default, in a model.

    Notes
    -----
    Shape ``(..., k)``.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.OrderedMultinomial("x", eta=0.0, cutpoints=[-1.0, 1.0], n=20)
    """

    def __new__(cls, name: Any = None, *args: Any, compute_p: bool = True, **kwargs: Any) -> Any:
        variable = super().__new__(cls, name, *args, **kwargs)
        if compute_p:
            register_deterministic[0](f"{name}_probs", variable.inputs[2], dims=kwargs.get("dims"))
        return variable

    @classmethod
    def arguments(cls, eta: Any, cutpoints: Any, n: Any) -> tuple[Any, ...]:  # type: ignore[override]
        return cast_real(n), *OrderedLogistic.arguments(eta, cutpoints)
