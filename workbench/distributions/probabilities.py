"""Logarithms of probabilities that keep their digits, and terms of log-probabilities that are 0 at 0 log 0."""

from __future__ import annotations

from typing import Any

import workbench.tensor as pt
from workbench.graph.expr import intern
from workbench.tensor import elementwise as e
from workbench.tensor.indexing.slices import Slice
from workbench.tensor.shape.joining import Concatenate
from workbench.tensor.special.functions import ndtr
from workbench.tensor.tensor import Tensor, as_tensor


def log_of(p: Tensor) -> Tensor:
    """Return log(p), exact in the tails where `p` is made of what has a logarithm of its own.

    Such are `sigmoid`, `softmax`, `exp` and `ndtr`, their products, slices and concatenations.
    """
    found = _exact_log(p)
    return pt.log(p) if found is None else found


def _exact_log(p: Tensor) -> Tensor | None:
    """The logarithm by way of what `p` is made of; ``None`` where that tells nothing."""
    if p.op is e.sigmoid:
        return -pt.softplus(-p.inputs[0])
    if p.op is e.exp:
        return p.inputs[0]
    if p.op is ndtr:
        return pt.log_ndtr(p.inputs[0])
    if p.op is e.negative and p.inputs[0].op is e.expm1:
        return pt.log1mexp(p.inputs[0].inputs[0])
    if p.op is e.divide and p.inputs[0].op is e.exp:
        return p.inputs[0].inputs[0] - pt.log(p.inputs[1])
    if p.op is not e.multiply and not isinstance(p.op, (Concatenate, Slice)):
        return None
    parts = [_exact_log(x) for x in p.inputs]
    if all(part is None for part in parts):
        return None
    logs = [pt.log(x) if part is None else part for x, part in zip(p.inputs, parts)]
    made: Tensor = logs[0] + logs[1] if p.op is e.multiply else intern(p.op, tuple(logs))
    return made


def log1m_of(p: Tensor) -> Tensor:
    """Return log(1 - p), exact in the tails where `p` is made from log-odds by `sigmoid`."""
    return -pt.softplus(p.inputs[0]) if p.op is e.sigmoid else pt.log1p(-p)


def times_log(count: Any, p: Tensor) -> Tensor:
    """Return ``count * log(p)``, which is 0 where `count` is, whatever `p`."""
    return _times(as_tensor(count), p, log_of, 1.0, _exact_log(p) is not None)


def times_log1m(count: Any, p: Tensor) -> Tensor:
    """Return ``count * log(1 - p)``, which is 0 where `count` is, whatever `p`."""
    return _times(as_tensor(count), p, log1m_of, 0.0, p.op is e.sigmoid)


def _times(count: Tensor, p: Tensor, logarithm: Any, harmless: float, exact: bool) -> Tensor:
    none = pt.equal(count, 0)
    # The logarithm is taken where it is finite, so that the gradient is, too.
    finite = p if exact else pt.where(none, harmless, p)
    return pt.where(none, 0.0, count * logarithm(finite))


def log_binomial(n: Any, k: Any) -> Tensor:
    """Return the logarithm of the binomial coefficient; of real numbers too."""
    n = as_tensor(n)
    # The beta function, unlike the difference of three factorials, keeps its digits where n is large.
    return -pt.betaln(n - k + 1.0, k + 1.0) - pt.log(n + 1.0)


def real(x: Tensor) -> Tensor:
    """Counts as real numbers."""
    return pt.cast(x, "float64")
