"""Distributions of categories: several, or several in order."""

from __future__ import annotations

from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.distributions.constraints import positive, simplex
from workbench.distributions.discrete import Count, one_given
from workbench.distributions.distribution import cast_real, register_deterministic
from workbench.distributions.formulas import INF, log_ndtr_difference
from workbench.distributions.probabilities import log_of, real
from workbench.errors import ModelError, ShapeError, warn_user
from workbench.graph.expr import Constant
from workbench.tensor.shape import extent
from workbench.tensor.tensor import Tensor


class Categorical(Count):
    """Categorical distribution: the number of one of k categories.

        f(x) = p[x], for x = 0, 1, ..., k - 1

    Parameters
    ----------
    p
        Probabilities, shape ``(..., k)``: not negative, of sum 1. Constant ones of another sum are
        divided by it, with a warning.
    logit_p
        Logarithms of numbers in proportion to the probabilities, shape ``(..., k)``: an alternative to
        `p`, exact in the tails.

    Examples
    --------
    >>> from workbench.transforms.logprob import logp
    >>> logp(Categorical.dist(p=[0.25, 0.25, 0.5]), [0, 2, 3]).eval().round(4).tolist()
    [-1.3863, -0.6931, -inf]
    """

    parameters = ("p",)
    domains = {"p": simplex}
    ranks = (1,)

    @classmethod
    def arguments(cls, p: Any = None, logit_p: Any = None) -> tuple[Any, ...]:
        name, given = one_given(cls.__name__, p=p, logit_p=logit_p)
        x = cast_real(given)
        if x.ndim == 0:
            raise ShapeError(f"{cls.__name__}: {name} is a scalar", "its last axis runs over the categories")
        return (_of_sum_one(cls.__name__, x) if name == "p" else pt.softmax(x, axis=-1),)

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        (p,) = parameters
        inside = pt.logical_and(value >= 0, value < extent(p, -1))
        at = pt.where(inside, pt.cast(value, "int64"), 0)
        return pt.where(inside, _chosen(log_of(p), at), -INF)

    @classmethod
    def logcdf(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        (p,) = parameters
        last = extent(p, -1) - 1.0
        at = pt.cast(pt.clip(pt.floor(real(value)), 0.0, last), "int64")
        mass = pt.log(_chosen(pt.cumsum(p, axis=-1), at))
        return pt.where(real(value) < 0.0, -INF, pt.where(real(value) >= last, 0.0, mass))

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        return pt.random.categorical(key, shape, parameters[0])

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        return pt.argmax(parameters[0], axis=-1)

    @classmethod
    def ends(cls, *parameters: Tensor) -> tuple[Any, Any]:
        return 0, extent(parameters[0], -1) - 1


def _of_sum_one(title: str, p: Tensor) -> Tensor:
    """Constant probabilities divided by their sum, where that is not 1."""
    if not isinstance(p.op, Constant):
        return p
    if np.any(p.op.value < 0.0):
        raise ModelError(f"{title}: the probabilities p must not be negative, got {np.array2string(p.op.value, threshold=8)}")
    total = p.op.value.sum(axis=-1, keepdims=True)
    # As NumPy's isclose.
    if np.allclose(total, 1.0) or not np.isfinite(total).all():
        return p
    warn_user(f"{title}: the probabilities p have the sum {np.squeeze(total)}; they are divided by it")
    return pt.constant(p.op.value / total)


def _chosen(table: Tensor, at: Tensor) -> Tensor:
    """The entries of the last axis of `table` at `at`; other axes broadcast."""
    if table.ndim == 1:
        return table[at]
    entries = pt.equal(at[..., None], pt.arange(extent(table, -1)))
    return pt.sum(pt.where(entries, table, 0.0), axis=-1)


class OrderedLogistic(Categorical):
    """Ordered categories: a logistic variable of mean `eta`, seen through cutpoints.

        P(x <= j) = 1 / (1 + exp(eta - cutpoints[j])), for x = 0, 1, ..., k - 1

    Parameters
    ----------
    eta
        Mean of the logistic variable.
    cutpoints
        Where the categories meet, ascending, shape ``(..., k - 1)``.
    compute_p
        Whether the probabilities are kept as the deterministic ``{name}_probs``; so by default, in a model.

    Notes
    -----
    The probabilities are products of sigmoids, not their differences: they keep their digits in the
    tails. It is a `Categorical` in what follows.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.OrderedLogistic("x", eta=0.0, cutpoints=[-1.0, 1.0])
    """

    def __new__(cls, name: Any = None, *args: Any, compute_p: bool = True, **kwargs: Any) -> Any:
        variable = super().__new__(cls, name, *args, **kwargs)
        return _with_probabilities(name, variable) if compute_p else variable

    @classmethod
    def arguments(cls, eta: Any, cutpoints: Any) -> tuple[Any, ...]:  # type: ignore[override]
        centre, cuts = _ordered(cls.__name__, eta, cutpoints)
        below, above = pt.sigmoid(cuts - centre), pt.sigmoid(centre - cuts)
        # s(b) - s(a) = s(b) s(-a) (1 - exp(a - b))
        gaps = -pt.expm1(cuts[..., :-1] - cuts[..., 1:])
        middle = below[..., 1:] * above[..., :-1] * gaps
        return (pt.concatenate([below[..., :1], middle, above[..., -1:]], axis=-1),)


class OrderedProbit(Categorical):
    """Ordered categories: a normal variable of mean `eta`, seen through cutpoints.

        P(x <= j) = Phi((cutpoints[j] - eta) / sigma), for x = 0, 1, ..., k - 1

    Parameters
    ----------
    eta
        Mean of the normal variable.
    cutpoints
        Where the categories meet, ascending, shape ``(..., k - 1)``.
    sigma
        Standard deviation of the normal variable, > 0; 1 by default.
    compute_p
        Whether the probabilities are kept as the deterministic ``{name}_probs``; so by default, in a model.

    Notes
    -----
    It is a `Categorical` in what follows.

    Examples
    --------
    >>> import workbench as pm
    >>> with pm.Model() as model:
    ...     x = pm.OrderedProbit("x", eta=0.0, cutpoints=[-1.0, 1.0])
    """

    def __new__(cls, name: Any = None, *args: Any, compute_p: bool = True, **kwargs: Any) -> Any:
        variable = super().__new__(cls, name, *args, **kwargs)
        return _with_probabilities(name, variable) if compute_p else variable

    @classmethod
    def arguments(  # type: ignore[override]
        cls, eta: Any, cutpoints: Any, sigma: Any = 1.0
    ) -> tuple[Any, ...]:
        centre, cuts = _ordered(cls.__name__, eta, cutpoints)
        scale = cast_real(sigma)
        if isinstance(scale.op, Constant) and not np.all(scale.op.value > 0.0):
            raise ModelError(f"{cls.__name__}: sigma must be {positive.text}, got {np.array2string(scale.op.value, threshold=8)}")
        z = (cuts - centre) / scale[..., None]
        below, above = pt.ndtr(z), pt.ndtr(-z)
        middle = pt.exp(log_ndtr_difference(z[..., :-1], z[..., 1:]))
        return (pt.concatenate([below[..., :1], middle, above[..., -1:]], axis=-1),)


def _with_probabilities(name: str, variable: Tensor) -> Tensor:
    register_deterministic[0](f"{name}_probs", variable.inputs[1])
    return variable


def _ordered(title: str, eta: Any, cutpoints: Any) -> tuple[Tensor, Tensor]:
    """The mean with an axis for the categories, and the cutpoints, of one number of axes."""
    cuts = cast_real(cutpoints)
    if cuts.ndim == 0 or cuts.type.shape[-1] == 0:
        raise ShapeError(f"{title}: the cutpoints have shape {cuts.type.shape}", "their last axis runs over at least one")
    return cast_real(eta)[..., None], cuts
