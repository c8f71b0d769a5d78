"""A cotangent of a logarithm that has the logarithm's argument as a factor: their quotient, by leaving the factor out.

The derivative of ``logsumexp(log(w) + t)`` in `w` is ``exp(t - total)``. Reverse mode comes by way of ``exp(log(w) + t - total)``,
which is 0 where `w` is, and divides by `w`. Here the quotient is made before it is lost: the exponent without ``log(w)``.
"""

from __future__ import annotations

from typing import Any

from workbench.graph.expr import Constant, Expr, intern
from workbench.tensor.comparison import where
from workbench.tensor.exponential import exp, logaddexp
from workbench.tensor.reduction.reductions import Reduce
from workbench.tensor.shape import Reshape, broadcast_like, zeros_like
from workbench.tensor.tensor import Tensor

DEPTH, NODES = 24, 200
"""How far it is looked: what is deeper is divided in the plain way."""


def without_factor(cotangent: Tensor, logarithm: Expr, divisor: Tensor) -> Tensor | None:
    """Return ``cotangent / divisor`` with the factor left out where it shows in a product; ``None`` where it shows in none.

    Parameters
    ----------
    cotangent
        Products, and sums, and choices, of terms such as ``exp(logarithm + t)``.
    logarithm, divisor
        The logarithm and what it is one of: ``divisor = exp(logarithm)``.
    """
    found: Tensor | None = _Quotient(logarithm, divisor).of(cotangent)
    return found


class _Quotient:
    """One search for the factor, of bounded length."""

    def __init__(self, logarithm: Expr, divisor: Tensor) -> None:
        self.logarithm, self.divisor = logarithm, divisor
        self.seen = 0

    def of(self, x: Any, depth: int = 0) -> Any:
        """``x / divisor`` where `x` has the factor, else ``None``."""
        self.seen += 1
        if depth > DEPTH or self.seen > NODES:
            return None
        name = x.op.name
        if name == "multiply":
            for here, other in (x.inputs, x.inputs[::-1]):
                if (made := self.of(here, depth + 1)) is not None:
                    return made * other
            return None
        if name in ("divide", "negative"):
            made = self.of(x.inputs[0], depth + 1)
            return None if made is None else -made if name == "negative" else made / x.inputs[1]
        if name == "add":
            return self._each(x.inputs, depth, lambda one, other: one + other)
        if name == "where":
            return self._each(x.inputs[1:], depth, lambda one, other: where(x.inputs[0], one, other))
        if name == "exp":
            rest = self._rest(x.inputs[0])
            return None if rest is None else exp(rest)
        return self._share(x.inputs[0]) if name == "sigmoid" else self._summed(x, depth)

    def _each(self, terms: Any, depth: int, joined: Any) -> Any:
        """Of two terms, where one has the factor; the other is divided in the plain way, where it is not 0."""
        parts = [self.of(t, depth + 1) for t in terms]
        if all(p is None for p in parts):
            return None
        return joined(*(self._plain(t) if p is None else p for t, p in zip(terms, parts)))

    def _plain(self, term: Any) -> Any:
        if isinstance(term.op, Constant) and not term.op.value.any():
            return term
        return where(term != 0.0, term / self.divisor, 0.0)

    def _rest(self, exponent: Any) -> Any:
        """The exponent without the logarithm, where that is a term of it: of its own shape, or broadcast by the sum."""
        if exponent is self.logarithm:
            return zeros_like(exponent)
        if exponent.op.name not in ("add", "subtract"):
            return None
        first, second = exponent.inputs
        if (made := self._rest(first)) is not None:
            return broadcast_like(made + second if exponent.op.name == "add" else made - second, exponent)
        if exponent.op.name == "add" and (made := self._rest(second)) is not None:
            return broadcast_like(first + made, exponent)
        return None

    def _share(self, difference: Any) -> Any:
        """Of ``sigmoid(logarithm - other)``, the share of one of two terms in their sum: the reciprocal of the sum."""
        if difference.op.name == "where" and isinstance(difference.inputs[1].op, Constant):
            # The difference of equal infinities was set apart.
            difference = difference.inputs[2]
        rest = self._rest(difference)
        return None if rest is None else exp(-logaddexp(self.logarithm, -rest))

    def _summed(self, x: Any, depth: int) -> Any:
        """Of a sum over axes along which the logarithm was broadcast."""
        shape = self.logarithm.type.shape
        arranged = isinstance(x.op, (Reshape)) and x.type.shape == shape
        total = x.inputs[0] if arranged else x
        if not isinstance(total.op, Reduce) or total.op.kind != "sum":
            return None
        (terms,) = total.inputs
        # The logarithm's axes are the last ones of the terms: all that are left are its own, and along those summed it has length 1.
        own = {terms.type.ndim - len(shape) + i for i, n in enumerate(shape) if n != 1}
        left = {a for a in range(terms.type.ndim) if a not in total.op.axes and terms.type.shape[a] != 1}
        made = self.of(terms, depth + 1) if left == own else None
        if made is None:
            return None
        found: Any = intern(total.op, (made,))
        return intern(x.op, (found, *x.inputs[1:])) if arranged else found
