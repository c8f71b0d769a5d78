"""What parameters must satisfy, and the operation that says so when one does not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.errors import ParameterValueError
from workbench.graph.expr import Expr, Op, intern
from workbench.graph.frozen import frozen
from workbench.graph.pattern import uniform_value
from workbench.graph.rewrite import rule
from workbench.graph.types import TensorType
from workbench.tensor.tensor import Tensor


@frozen
class Constraint:
    """A condition on a parameter.

    Attributes
    ----------
    text
        Completes "the parameter ... must be": "positive".
    holds
        The condition as an expression; it may drop the parameter's last axes.
    """

    text: str
    holds: Callable[[Tensor], Tensor]


positive = Constraint("positive", lambda x: x > 0.0)
not_negative = Constraint("zero or positive", lambda x: x >= 0.0)
unit_interval = Constraint("between 0 and 1", lambda x: pt.logical_and(x >= 0.0, x <= 1.0))
simplex = Constraint(
    "a vector of probabilities that sum to 1",
    lambda x: pt.logical_and(pt.all(x >= 0.0, axis=-1), pt.abs(pt.sum(x, axis=-1) - 1.0) < 1e-5),
)

Check = tuple[Tensor, str]
"""A condition, and what the message says where it does not hold: "sigma must be positive"."""


@frozen
class CheckParameters(Op):
    """The log-density (first input), where a condition (second) on parameters (the others) holds.

    Evaluated as it is, it raises an error where it does not; in compiled functions the log-density
    is minus infinity there, so that a sampler turns back.
    """

    message: str
    labels: tuple[str, ...]
    name = "check_parameters"
    plain = True
    batches = True

    def read(self, node: Expr, *operands: str) -> str:
        return operands[0]

    def infer(self, logp: TensorType, *others: TensorType) -> TensorType:
        return logp

    def numpy(self, logp: Any, condition: Any, *parameters: Any) -> Any:
        if not np.all(condition):
            raise violation(self.message, condition, self.labels, parameters)
        return logp

    def jax(self, logp: Any, condition: Any, *parameters: Any) -> Any:
        import jax.numpy as jnp

        return jnp.where(condition, logp, -jnp.inf)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        rest: list[Expr | None] = [None] * (len(node.inputs) - 1)
        return [pt.where(node.inputs[1], cotangent, 0.0), *rest]


def violation(message: str, condition: Any, labels: Sequence[str], parameters: Sequence[Any], where: str = "the value") -> ParameterValueError:
    """Return the error that says which parameters do not satisfy a condition: the first ones, of arrays."""
    return ParameterValueError(message, f"{where} is {where_violated(condition, labels, parameters)}")


def where_violated(condition: Any, labels: Sequence[str], parameters: Sequence[Any]) -> str:
    """The parameters at the first element where a condition does not hold: ``sigma = -1.0 at index 2``."""
    at = tuple(int(i) for i in np.argwhere(~np.asarray(condition))[0])
    shown = ", ".join(f"{label} = {shortened(_entry(p, at))}" for label, p in zip(labels, parameters))
    return shown + (f" at index {at[0] if len(at) == 1 else at}" if at else "")


def _entry(value: Any, at: tuple[int, ...]) -> Any:
    """What of a parameter belongs to an element of the condition, to which it may have been broadcast."""
    array = np.asarray(value)
    here = tuple(0 if n == 1 else i for i, n in zip(at[max(len(at) - array.ndim, 0) :], array.shape))
    return array[here] if all(i < n for i, n in zip(here, array.shape)) else array


def shortened(value: Any) -> str:
    """A number, or an array of which the middle is left out where it is long."""
    array = np.asarray(value)
    return np.array2string(array, threshold=8) if array.ndim else str(array.item())


def checked(title: str, logp: Tensor, checks: Sequence[Check], labels: Sequence[str], parameters: Sequence[Tensor]) -> Tensor:
    """Return the log-density, guarded by the checks that are not certain."""
    for condition, text in checks:
        logp = intern(CheckParameters(f"{title}: {text}", tuple(labels)), (logp, condition, *parameters))
    return logp


def _example() -> list[Expr]:
    x, s = pt.vector("x", 3), pt.exp(pt.scalar("s"))
    return [intern(CheckParameters("s must be positive", ("s",)), (x, s > 0.0, s))]


@rule("canonicalise", ops=(CheckParameters,), examples=_example)
def minus_infinity_for_bad_parameters(expr: Expr) -> Expr | None:
    """A sampler must be able to step where parameters are invalid: the density is zero there."""
    return pt.where(expr.inputs[1], expr.inputs[0], -float("inf"))


@rule("canonicalise", ops=(CheckParameters,), examples=lambda: [intern(CheckParameters("s must be positive", ("s",)), (pt.vector("x", 3), pt.constant(True), pt.scalar("s")))])
def check_that_always_holds(expr: Expr) -> Expr | None:
    """A condition that is sure to hold needs no check."""
    return expr.inputs[0] if uniform_value(expr.inputs[1]) is not None and uniform_value(expr.inputs[1]) else None
