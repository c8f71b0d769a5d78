"""Logarithms of probabilities that keep their digits, and terms of log-probabilities that are 0 at 0 log 0."""

from __future__ import annotations

from typing import Any

import workbench.tensor as pt
from workbench.tensor import elementwise as e
from workbench.tensor.tensor import Tensor, as_tensor


def log_of(p: Tensor) -> Tensor:
    """Return log(p), exact in the tails where `p` is made from log-odds (by `sigmoid` or `softmax`)."""
    if p.op is e.sigmoid:
        return -pt.softplus(-p.inputs[0])
    if p.op is e.divide and p.inputs[0].op is e.exp:
        return p.inputs[0].inputs[0] - pt.log(p.inputs[1])
    return pt.log(p)


def log1m_of(p: Tensor) -> Tensor:
    """Return log(1 - p), exact in the tails where `p` is made from log-odds by `sigmoid`."""
    return -pt.softplus(p.inputs[0]) if p.op is e.sigmoid else pt.log1p(-p)


def times_log(count: Any, p: Tensor) -> Tensor:
    """Return ``count * log(p)``, which is 0 where `count` is, whatever `p`."""
    return _times(as_tensor(count), p, log_of, 1.0)


def times_log1m(count: Any, p: Tensor) -> Tensor:
    """Return ``count * log(1 - p)``, which is 0 where `count` is, whatever `p`."""
    return _times(as_tensor(count), p, log1m_of, 0.0)


def _times(count: Tensor, p: Tensor, logarithm: Any, harmless: float) -> Tensor:
    none = pt.equal(count, 0)
    # The logarithm is taken where it is finite, so that the gradient is, too.
    finite = p if p.op is e.sigmoid else pt.where(none, harmless, p)
    return pt.where(none, 0.0, count * logarithm(finite))


def log_binomial(n: Any, k: Any) -> Tensor:
    """Return the logarithm of the binomial coefficient; of real numbers too."""
    n = as_tensor(n)
    # The beta function, unlike the difference of three factorials, keeps its digits where n is large.
    return -pt.betaln(n - k + 1.0, k + 1.0) - pt.log(n + 1.0)


def real(x: Tensor) -> Tensor:
    """Counts as real numbers."""
    return pt.cast(x, "float64")
