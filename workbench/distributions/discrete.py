"""Discrete distributions."""

from __future__ import annotations

from typing import Any

import workbench.tensor as pt
from workbench.distributions.constraints import unit_interval
from workbench.distributions.distribution import DISCRETE, Distribution
from workbench.errors import ModelError
from workbench.tensor.tensor import Tensor


class Bernoulli(Distribution):
    r"""Bernoulli distribution: 1 with probability `p`, else 0.

    .. math:: f(x) = p^x (1 - p)^{1 - x},\quad x \in \{0, 1\}

    Parameters
    ----------
    p
        Probability of 1.
    logit_p
        Log-odds of 1: an alternative to `p`, exact in the tails.
    """

    parameters = ("p",)
    domains = {"p": unit_interval}
    support = DISCRETE
    dtype = "int64"

    @classmethod
    def arguments(cls, p: Any = None, logit_p: Any = None) -> tuple[Any, ...]:
        if (p is None) == (logit_p is None):
            raise ModelError("Bernoulli: give either p or logit_p")
        return (pt.sigmoid(pt.as_tensor(logit_p)) if p is None else p,)

    @classmethod
    def logp(cls, value: Tensor, *parameters: Tensor) -> Tensor:
        (p,) = parameters
        mass = pt.where(pt.equal(value, 1), pt.log(p), pt.log(1.0 - p))
        return pt.where(pt.logical_and(value >= 0, value <= 1), mass, -float("inf"))

    @classmethod
    def draw(cls, key: Tensor, shape: tuple[int, ...], *parameters: Tensor) -> Tensor:
        return pt.cast(pt.random.uniform(key, shape) < parameters[0], "int64")

    @classmethod
    def support_point(cls, *parameters: Tensor) -> Tensor:
        return pt.cast(parameters[0] > 0.5, "int64")
