"""Values that carry a remark for the transformations; each is its input, and a rule removes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workbench.graph.expr import Expr, Op, intern
from workbench.graph.frozen import frozen
from workbench.graph.types import TensorType
from workbench.tensor.tensor import Tensor, as_tensor


class Annotation(Op):
    """The input itself."""

    batches = True

    def infer(self, x: TensorType) -> TensorType:
        return x

    def numpy(self, x: Any) -> Any:
        return x

    def jax(self, x: Any) -> Any:
        return x

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        return [cotangent]

    def element(self, builder: Any, node: Expr, index: Sequence[Any]) -> Any:
        return builder.element(node.inputs[0], index)


@frozen
class StopGradient(Annotation):
    """The input itself, as far as gradients are concerned a constant."""

    name = "stop_gradient"

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        return [None]


def stop_gradient(x: Any) -> Tensor:
    """Return `x`, through which no gradient flows.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> from workbench.transforms import grad
    >>> x = pt.scalar("x")
    >>> float(grad(x * stop_gradient(x), x).eval({x: 3.0}))
    3.0
    """
    return intern(StopGradient(), (as_tensor(x),))


@frozen
class Named(Annotation):
    """The value itself under a name of its own: what has one already, or is a constant, gets another."""

    label: str
    name = "named"

    def read(self, node: Expr, *operands: str) -> str:
        return operands[0]


@frozen
class InTraining(Annotation):
    """The first input, as long as what is computed is training; in prediction it is the second, of the same type.

    The value and its gradient are those of the first. `for_prediction` takes the second.
    """

    what: str
    name = "in_training"

    def infer(self, x: TensorType, predicted: TensorType) -> TensorType:  # type: ignore[override]
        return x

    def read(self, node: Expr, *operands: str) -> str:
        return operands[0]

    def numpy(self, x: Any, predicted: Any) -> Any:  # type: ignore[override]
        return x

    def jax(self, x: Any, predicted: Any) -> Any:  # type: ignore[override]
        return x

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        return [cotangent, None]
