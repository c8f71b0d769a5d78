"""Derivatives built on the reverse mode: forward products, Jacobians, Hessians. Graph to graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import workbench.tensor as pt
from workbench.errors import GradientError
from workbench.graph.expr import Expr, Input, intern
from workbench.graph.traverse import replace
from workbench.tensor.tensor import Tensor, as_tensor
from workbench.transforms.gradient import grad, sequence_of, vjp
from workbench.transforms.vectorise import vectorize_graph


def jvp(outputs: Any, wrt: Any, tangents: Any) -> Any:
    """Return the Jacobian-vector product: how `outputs` move when `wrt` move along `tangents` (Theano's Rop).

    It is the transpose of the transpose: a vector-Jacobian product is linear in its cotangent, and
    differentiating it with respect to that gives the forward product (J. Townsend, 2017, "A new trick
    for calculating Jacobian vector products").

    Parameters
    ----------
    outputs, wrt
        Expressions of any shape; one, or a sequence.
    tangents
        One of the shape of each of `wrt`.

    Raises
    ------
    GradientError
        If a tangent has not the shape of what it moves.

    Examples
    --------
    >>> x = pt.vector("x", 2)
    >>> jvp(x * x, x, pt.constant([1.0, 10.0])).eval({x: [3.0, 4.0]}).tolist()
    [6.0, 80.0]
    """
    ys = sequence_of(outputs)
    targets = sequence_of(wrt)
    moves = [as_tensor(t) for t in ([tangents] if isinstance(wrt, Expr) else tangents)]
    for x, t in zip(targets, moves, strict=True):
        if not t.type.may_be(x.type):
            raise GradientError(f"the tangent of {x!r} has shape {t.type.shape}, it must have {x.type.shape}: {t.type} for {x.type}")
    dummies = [intern(Input("cotangent", y.type)) for y in ys]
    back = vjp(ys, targets, dummies)
    forward = vjp(back, dummies, moves)
    # Linear in the dummies: their value plays no part any more.
    found = replace(forward, {u: pt.zeros_like(y) for u, y in zip(dummies, ys)})
    return found[0] if isinstance(outputs, Expr) else found


Rop = jvp


def jacobian(
    expression: Tensor, wrt: Any, *, consider_constant: Sequence[Tensor] = (), disconnected_inputs: str = "raise"
) -> Any:
    """Return the derivatives of every element with respect to every element.

    Parameters
    ----------
    expression
        Of shape ``(...)``.
    wrt
        One expression of shape ``(***)``, or a sequence of them.

    Returns
    -------
    One tensor of shape ``(..., ***)``, or a list of them.

    Raises
    ------
    GradientError
        If `expression` does not depend on one of `wrt`.

    Examples
    --------
    >>> x = pt.vector("x", 2)
    >>> jacobian(x * x, x).eval({x: [3.0, 4.0]}).tolist()
    [[6.0, 0.0], [0.0, 8.0]]
    """
    targets = sequence_of(wrt)
    shape, size = expression.shape, expression.size_expr()
    direction: Tensor = intern(Input("direction", expression.type))
    rows = vjp(
        expression, targets, direction, consider_constant=consider_constant, disconnected_inputs=disconnected_inputs
    )
    every = pt.reshape(pt.eye(size, dtype=expression.dtype), (size, *shape))
    found = []
    for x, row in zip(targets, vectorize_graph(rows, {direction: every})):
        full = row if row.ndim > x.ndim else pt.broadcast_to(row, (size, *x.shape))
        found.append(pt.reshape(full, (*shape, *x.shape)))
    return found[0] if isinstance(wrt, Expr) else found


def hessian(cost: Tensor, wrt: Any, *, consider_constant: Sequence[Tensor] = ()) -> Any:
    """Return the second derivatives of a scalar: the Jacobian of its gradient.

    Parameters
    ----------
    cost
        Scalar.
    wrt
        One expression of shape ``(***)``, or a sequence of them.

    Returns
    -------
    One tensor of shape ``(***, ***)``, or a list of them.

    Examples
    --------
    >>> x = pt.vector("x", 2)
    >>> hessian(pt.prod(x), x).eval({x: [3.0, 4.0]}).tolist()
    [[0.0, 1.0], [1.0, 0.0]]
    """
    targets = sequence_of(wrt)
    found = [
        jacobian(
            grad(cost, x, consider_constant=consider_constant, disconnected_inputs="ignore"),
            x,
            consider_constant=consider_constant,
            disconnected_inputs="ignore",
        )
        for x in targets
    ]
    return found[0] if isinstance(wrt, Expr) else found


def hessian_vector_product(cost: Tensor, wrt: Any, vectors: Any) -> Any:
    """Return the Hessian of a scalar times vectors, without forming the Hessian.

    Parameters
    ----------
    cost
        Scalar.
    wrt, vectors
        One expression and a tensor of its shape, or sequences of them.

    Examples
    --------
    >>> x = pt.vector("x", 2)
    >>> hessian_vector_product(pt.prod(x), x, pt.constant([1.0, 2.0])).eval({x: [3.0, 4.0]}).tolist()
    [2.0, 1.0]
    """
    targets = sequence_of(wrt)
    given = [as_tensor(v) for v in ([vectors] if isinstance(wrt, Expr) else vectors)]
    gradients = grad(cost, targets, disconnected_inputs="ignore")
    found = vjp(gradients, targets, given)
    return found[0] if isinstance(wrt, Expr) else found
