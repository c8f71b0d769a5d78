"""Reverse-mode differentiation: the gradient of a scalar as another graph."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from workbench.errors import GradientError, warn_user
from workbench.graph.collecting import without_collecting
from workbench.graph.derivations import remember
from workbench.graph.expr import Expr, Get, Input, Op, intern
from workbench.graph.provenance import derived
from workbench.graph.rewrite import Firing, Pass, PassRecord, Rule, Trace
from workbench.graph.traverse import depends_on, replace, topological
from workbench.graph.trees import leaves, like
from workbench.graph.types import TensorType
from workbench.tensor import elementwise as _e
from workbench.tensor.cotangents.masks import accumulated
from workbench.tensor.reduction.reductions import Reduce
from workbench.tensor.shape import ones_like, zeros_like
from workbench.tensor.tensor import Tensor, as_tensor

CONTROL_GRADIENTS: dict[type, Callable[[Expr, Sequence[Any]], list[Expr | None]]] = {}
"""Of operations with inner graphs, how their cotangents are made: `control_gradients` says it, by reverse mode of what is inside."""


REVERSE = "Reverse mode: how the value changes with each term, from the result back to the variables."


@without_collecting
def grad(
    cost: Tensor,
    wrt: Any,
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
        One expression, or a sequence of them (any nodes of the graph, not only inputs); or dictionaries, lists and tuples of
        them, in one another.
    consider_constant
        Expressions through which no gradient flows.
    disconnected_inputs
        What to do when `cost` does not depend on one of `wrt`: "raise", "warn" or "ignore" (both give zeros).
    trace
        Where to record each step, for the rewrite stepper.

    Returns
    -------
    One gradient, of the shape and dtype of `wrt`, or a list of them; of nested ones gradients in the same form.

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
    targets = leaves(wrt)
    sequence_of(targets)
    if cost.ndim or cost.type.kind != "f":
        raise GradientError(f"a gradient needs a real scalar, got {cost.type}", "sum the terms first")
    steps: list[Firing] = []
    start = time.perf_counter()
    (steady,), records = steadied([cost], targets, consider_constant)
    if trace is not None:
        trace.passes += records
    cotangents = _reverse({steady: ones_like(cost)}, targets, consider_constant, steps)
    found = _gradients(cotangents, targets, disconnected_inputs)
    if trace is not None:
        seconds = time.perf_counter() - start
        trace.passes.append(
            PassRecord("gradient", REVERSE, (steady,), (steady, *found), tuple(steps), seconds, "derive")
        )
    held, otherwise = consider_constant, disconnected_inputs
    made_of = [cost, *targets, *held]
    remember(found, made_of, lambda trace: grad(cost, targets, consider_constant=held, disconnected_inputs=otherwise, trace=trace))  # type: ignore[no-any-return]
    return found[0] if isinstance(wrt, Expr) else like(list(wrt) if isinstance(wrt, tuple) else wrt, found)


def value_and_grad(cost: Tensor, wrt: Any, **options: Any) -> tuple[Tensor, Any]:
    """Return a scalar and its gradients, with respect to expressions, or to dictionaries and lists of them; see :func:`grad`.

    Examples
    --------
    >>> x = pt.scalar("x")
    >>> value, (slope,) = pm.value_and_grad(x**2, [x])
    >>> float(value.eval({x: 3.0})), float(slope.eval({x: 3.0}))
    (9.0, 6.0)
    """
    return cost, grad(cost, wrt, **options)


def sequence_of(given: Any) -> list[Any]:
    """Return a list of the expression, or of the expressions, given."""
    listed = [given] if isinstance(given, Expr) else list(given) if isinstance(given, (list, tuple)) else [given]
    for x in listed:
        if not isinstance(x, Expr):
            raise TypeError(f"derivatives are of expressions and in expressions, not of or in {x!r}")
    return listed


def vjp(
    outputs: Tensor | Sequence[Tensor],
    wrt: Tensor | Sequence[Tensor],
    cotangents: Any,
    *,
    consider_constant: Sequence[Tensor] = (),
    disconnected_inputs: str = "ignore",
    trace: Trace | None = None,
) -> Any:
    """Return the vector-Jacobian product: `cotangents` of `outputs` carried back to `wrt` (Theano's Lop).

    Parameters
    ----------
    outputs, wrt
        Expressions of any shape; one, or a sequence.
    cotangents
        One of the shape of each output.
    trace
        Where to record each step, for the rewrite stepper.

    Raises
    ------
    GradientError
        If a cotangent has not its output's shape, or an operation on the way has no gradient.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> x = pt.vector("x", 2)
    >>> vjp(x * x, x, pt.constant([1.0, 10.0])).eval({x: [3.0, 4.0]}).tolist()
    [6.0, 80.0]
    """
    given = [cotangents] if isinstance(outputs, Expr) else list(cotangents)
    targets = sequence_of(wrt)
    ys = sequence_of(outputs)
    begun = time.perf_counter()
    steady, records = steadied(ys, targets, consider_constant)
    start: dict[Expr, Any] = {}
    for y, s, g in zip(ys, steady, map(as_tensor, given), strict=True):
        if not g.type.may_be(y.type):
            raise GradientError(f"the cotangent of {y!r} has shape {g.type.shape}, it must have {y.type.shape}: {g.type} for {y.type}")
        start[s] = start[s] + g if s in start else g
    steps: list[Firing] = []
    found = _gradients(_reverse(start, targets, consider_constant, steps), targets, disconnected_inputs)
    if trace is not None:
        trace.passes += records
        trace.passes.append(PassRecord("gradient", REVERSE, tuple(steady), (*steady, *found), tuple(steps), time.perf_counter() - begun, "derive"))
    held, otherwise = consider_constant, disconnected_inputs
    made_of = [*ys, *targets, *map(as_tensor, given), *held]
    remember(found, made_of, lambda trace: vjp(ys, targets, given, consider_constant=held, disconnected_inputs=otherwise, trace=trace))  # type: ignore[no-any-return]
    return found[0] if isinstance(wrt, Expr) else found


Lop = vjp


def steadied(outputs: Sequence[Expr], targets: Sequence[Expr], constants: Sequence[Expr]) -> tuple[list[Any], list[PassRecord]]:
    """Return expressions as they are to be differentiated, and what the rules did: as loops, and in the form that keeps digits.

    A derivative is that of the form it is taken of: of ``log(softmax(x))`` it divides by a probability, which may be 0 in
    double precision; of the same as a difference it does not. A thousand terms of one form have one derivative, not a thousand.
    What a derivative is asked for stays in its place: rules do not look through it.
    """
    from workbench.rewrites.passes import rules as all_rules
    from workbench.rewrites.read_once import WHOLE, lifted
    from workbench.rewrites.reroll import rerolled

    known = all_rules()
    rules = tuple(r for r in known if r.group in ("low rank", "stabilise"))
    written, rolled = rerolled(outputs, (*targets, *constants))
    records = [rolled] if rolled.firings else []
    stand_ins: dict[Expr, Any] = {x: intern(Input(None, x.type)) for x in (*targets, *constants) if x.inputs}
    held = {x: stand_in for x, stand_in in stand_ins.items() if _is_computed(x)}
    hidden = _replaced(written, stand_ins)
    whole, found = lifted(hidden, [r for r in known if r.group == WHOLE])
    whole = _replaced(whole, {stand_in: x for x, stand_in in stand_ins.items() if x not in held})
    if found:
        records.append(PassRecord("whole operations", _WHOLE, tuple(hidden), tuple(whole), tuple(found), 0.0))
    after, record = Pass("stabilise", rules, _STEADY).run(whole)
    if not record.firings and not found:
        return written, records
    return _replaced(after, {stand_in: x for x, stand_in in held.items()}), [*records, record]


def _replaced(roots: Sequence[Expr], others: Mapping[Expr, Any]) -> list[Any]:
    """Expressions with others in the place of some inside them: the roots stay."""
    return [x if x in others and x.inputs else replace(x, others) for x in roots] if others else list(roots)


_WHOLE = "What is one operation is found before it is differentiated: its derivative is then that operation's."
_STEADY = "Logarithms and exponentials in the form that keeps digits, whose derivatives do so too."


def _is_computed(x: Expr) -> bool:
    """Whether an expression is more than a part, or another arrangement, of one variable."""
    while x.inputs and not isinstance(x.op, (_e.Elementwise, Reduce)):
        x = x.inputs[0]
    return bool(x.inputs)


def _gradients(cotangents: dict[Expr, Any], targets: Sequence[Tensor], disconnected: str) -> list[Tensor]:
    if disconnected not in ("raise", "warn", "ignore"):
        raise ValueError(f"disconnected_inputs is 'raise', 'warn' or 'ignore', not {disconnected!r}")
    found: list[Tensor] = []
    for x in targets:
        g = cotangents.get(x)
        if g is None:
            if disconnected == "raise":
                raise GradientError(
                    f"the cost does not depend on {x!r}", "disconnected_inputs='ignore' gives zeros"
                )
            if disconnected == "warn":
                warn_user(f"the cost does not depend on {x!r}: its gradient is zero")
            g = zeros_like(x)
        found.append(g)
    return found


def _reverse(
    outputs: Mapping[Expr, Any], targets: Sequence[Tensor], constants: Sequence[Tensor], steps: list[Firing]
) -> dict[Expr, Any]:
    """Sum the cotangents of every node between `targets` and `outputs`, from the results back."""
    blocked = set(constants)
    active = depends_on(outputs, targets)
    cotangents: dict[Expr, Any] = dict(outputs)
    for node in reversed(topological(outputs)):
        g = cotangents.get(node)
        if g is None or node not in active or not node.inputs or node in blocked:
            continue
        if isinstance(node.op, Get):
            whole = node.inputs[0]
            of_results = cotangents.setdefault(whole, [None] * len(whole.type.items))
            of_results[node.op.index] = g
            continue
        control = CONTROL_GRADIENTS.get(type(node.op))
        if control is None and type(node.op).grad is _NO_GRADIENT:
            raise GradientError(
                f"no gradient is known through {node.op.name}: {node!r}",
                "consider_constant=[...] stops the gradient at an expression",
                node.provenance.location if node.provenance else None,
            )
        start = time.perf_counter()
        rule = _rule(str(node.op.name))
        with derived(node.provenance, rule.name, "gradient"):
            parts = control(node, g) if control else node.op.grad(node, g)
            for x, part in zip(node.inputs, parts):
                if part is None or x not in active or x in blocked:
                    continue
                if isinstance(part, GradientError):
                    raise part
                assert isinstance(part, Tensor)
                if isinstance(x.type, TensorType) and x.type.kind != "f":
                    continue
                known = cotangents.get(x)
                total = part if known is None else accumulated(known, part) if x.inputs else known + part
                cotangents[x] = total
                steps.append(Firing(rule, node, total, time.perf_counter() - start, towards=x, given=g if isinstance(g, Tensor) else None))
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
