"""Inverses of the incomplete gamma and beta functions: the quantiles of distributions made of them."""

from __future__ import annotations

from typing import Any

from workbench.graph.domain import Interval
from workbench.tensor.declaration import ScalarOp, elementwise
from workbench.tensor.elementwise import exp, log, log1p
from workbench.tensor.special.functions import betaln, gammaln, scipy_form
from workbench.tensor.special.incomplete import betainc_by_a, gammainc_by_a
from workbench.tensor.tensor import Tensor

_shapes = Interval(0.5, 20.0)
_probabilities = Interval(0.01, 0.99)


def _by_x(a: Tensor, x: Tensor) -> Tensor:
    """What the derivative of the inverse in the probability is: the reciprocal of the gamma density."""
    return exp(gammaln(a) + x - (a - 1.0) * log(x))


def _by_y(a: Tensor, b: Tensor, y: Tensor) -> Tensor:
    """The reciprocal of the beta density."""
    return exp(betaln(a, b) - (a - 1.0) * log(y) - (b - 1.0) * log1p(-y))


def _of_gamma(name: str, sign: float, doc: str) -> ScalarOp:
    def by_a(g: Tensor, a: Tensor, p: Tensor) -> Any:
        x = made(a, p)
        return -g * gammainc_by_a(a, x) * _by_x(a, x)

    def by_p(g: Tensor, a: Tensor, p: Tensor) -> Any:
        return sign * g * _by_x(a, made(a, p))

    made: ScalarOp = elementwise(
        name, scipy_form(name), c=None, jax="callback", result="float", cost=1000, domain=(_shapes, _probabilities),
        grad=(by_a, by_p), doc=doc,
    )  # fmt: skip
    return made


gammaincinv: ScalarOp = _of_gamma("gammaincinv", 1.0, "The x at which gammainc(a, x) is a probability.")
gammainccinv: ScalarOp = _of_gamma("gammainccinv", -1.0, "The x at which gammaincc(a, x) is a probability.")


def _beta_by_a(g: Tensor, a: Tensor, b: Tensor, p: Tensor) -> Any:
    y = betaincinv(a, b, p)
    return -g * betainc_by_a(a, b, y) * _by_y(a, b, y)


def _beta_by_b(g: Tensor, a: Tensor, b: Tensor, p: Tensor) -> Any:
    y = betaincinv(a, b, p)
    return g * betainc_by_a(b, a, 1.0 - y) * _by_y(a, b, y)


betaincinv: ScalarOp = elementwise(
    "betaincinv", scipy_form("betaincinv"), c=None, jax="callback", result="float", cost=1000,
    domain=(_shapes, _shapes, _probabilities),
    grad=(_beta_by_a, _beta_by_b, lambda g, a, b, p: g * _by_y(a, b, betaincinv(a, b, p))),
    doc="The y at which betainc(a, b, y) is a probability.",
)  # fmt: skip
