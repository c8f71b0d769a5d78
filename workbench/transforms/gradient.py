"""Reverse-mode differentiation: the gradient of a scalar as another graph."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from workbench.errors import GradientError
from workbench.graph.expr import Expr, Get, Op
from workbench.graph.provenance import derived
from workbench.graph.rewrite import Firing, PassRecord, Rule, Trace
from workbench.graph.traverse import depends_on, topological
from workbench.graph.types import TensorType
from workbench.tensor import elementwise as _e
from workbench.tensor.shape import ones_like, zeros_like
from workbench.tensor.tensor import Tensor


def grad(
    cost: Tensor,
    wrt: Tensor | Sequence[Tensor],
    *,
    consider_constant: Sequence[Tensor] = (),
    disconnected_inputs: str = "raise",
    trace: Trace | None = None,
) -> Any:
    """Return the gradient of a scalar expression.

    Parameters
    ----------
    cost
        Scalar to differentiate.
    wrt
        One expression, or a sequence of them (any nodes of the graph, not only inputs).
    consider_constant
        Expressions through which no gradient flows.
    disconnected_inputs
        What to do when `cost` does not depend on one of `wrt`: "raise" or "ignore" (zeros).
    trace
        Where to record each step, for the rewrite stepper.

    Returns
    -------
    One gradient, of the shape and dtype of `wrt`, or a list of them.

    Raises
    ------
    GradientError
        If `cost` is not a real scalar, an operation on the way has no gradient, or `cost` does not
        depend on one of `wrt`.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> x = pt.scalar("x")
    >>> float(grad(x * x, x).eval({x: 3.0}))
    6.0
    """
    targets = [wrt] if isinstance(wrt, Expr) else list(wrt)
    if cost.ndim or cost.type.kind != "f":
        raise GradientError(f"a gradient needs a real scalar, got {cost.type}", "sum the terms first")
    steps: list[Firing] = []
    start = time.perf_counter()
    cotangents = _reverse(cost, targets, consider_constant, steps)
    found: list[Tensor] = []
    for x in targets:
        g = cotangents.get(x)
        if g is None:
            if disconnected_inputs == "raise":
                raise GradientError(
                    f"the cost does not depend on {x!r}", "disconnected_inputs='ignore' gives zeros"
                )
            g = zeros_like(x)
        found.append(g)
    if trace is not None:
        seconds = time.perf_counter() - start
        trace.passes.append(
            PassRecord("gradient", "Reverse mode: how the value changes with each term, from the result back to "
                       "the variables.", (cost,), (cost, *found), tuple(steps), seconds, "derive")
        )  # fmt: skip
    return found[0] if isinstance(wrt, Expr) else found


def value_and_grad(cost: Tensor, wrt: Sequence[Tensor], **options: Any) -> tuple[Tensor, list[Tensor]]:
    """Return a scalar and its gradients."""
    return cost, grad(cost, list(wrt), **options)


def _reverse(
    cost: Tensor, targets: Sequence[Tensor], constants: Sequence[Tensor], steps: list[Firing]
) -> dict[Expr, Any]:
    """Sum the cotangents of every node between `targets` and `cost`, from the result back."""
    blocked = set(constants)
    active = depends_on([cost], targets)
    cotangents: dict[Expr, Any] = {cost: ones_like(cost)}
    for node in reversed(topological([cost])):
        g = cotangents.get(node)
        if g is None or node not in active or not node.inputs or node in blocked:
            continue
        if isinstance(node.op, Get):
            whole = node.inputs[0]
            of_results = cotangents.setdefault(whole, [None] * len(whole.type.items))
            of_results[node.op.index] = g
            continue
        if type(node.op).grad is _NO_GRADIENT:
            raise GradientError(
                f"no gradient is known through {node.op.name}: {node!r}",
                "consider_constant=[...] stops the gradient at an expression",
                node.provenance.location if node.provenance else None,
            )
        start = time.perf_counter()
        rule = _rule(str(node.op.name))
        with derived(node.provenance, rule.name):
            parts = node.op.grad(node, g)
            for x, part in zip(node.inputs, parts):
                if part is None or x not in active or x in blocked:
                    continue
                assert isinstance(part, Tensor)
                if isinstance(x.type, TensorType) and x.type.kind != "f":
                    continue
                known = cotangents.get(x)
                total = part if known is None else known + part
                cotangents[x] = total
                steps.append(Firing(rule, node, total, time.perf_counter() - start))
    return cotangents



_NO_GRADIENT = Op.grad
_rules: dict[str, Rule] = {}


def _rule(name: str) -> Rule:
    """The differentiation rule of an operation, as the stepper shows it."""
    if name not in _rules:
        op = _e.OPS.get(name)
        source = op.grad if op is not None else _reverse
        _rules[name] = Rule(
            f"derivative_of_{name}", "gradient", f"The derivative of {name}, by the chain rule.", (), lambda expr: None, source
        )
    return _rules[name]
