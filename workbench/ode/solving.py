"""`ode_solve`: the solution of differential equations at given times, as an expression."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

import workbench.tensor as pt
from workbench.errors import ArgumentError, ShapeError
from workbench.graph.expr import Constant, Expr, results_of
from workbench.graph.inner import Graph, close_over
from workbench.graph.length_names import shape_text
from workbench.graph.traverse import depends_on, topological
from workbench.graph.types import TensorType
from workbench.ode.operation import SolveODE
from workbench.ode.steps import inputs_like
from workbench.ode.tableaus import tableau_of
from workbench.tensor.tensor import Tensor, as_tensor

FEW, FEW_WITH_SYSTEMS = 16, 8
"""States of at most so many numbers are scalars in code; fewer, where a step solves linear systems."""


class Steps(NamedTuple):
    """How a solution went: numbers of `steps` and of `attempts`, rejected ones included, and the time at which it `arrived`.

    Examples
    --------
    >>> import workbench as pm
    >>> y, steps = pm.ode.ode_solve(lambda t, y: -y, [1.0], [1.0], full_output=True)
    >>> float(steps.arrived.eval()), bool(steps.attempts.eval() >= steps.steps.eval())
    (1.0, True)
    """

    steps: Tensor
    attempts: Tensor
    arrived: Tensor


def ode_solve(
    f: Callable[..., Any],
    y0: Any,
    ts: Any,
    args: Any = (),
    *,
    t0: Any = None,
    method: str = "Tsit5",
    rtol: Any = 1e-6,
    atol: Any = 1e-8,
    max_steps: int = 4096,
    first_step: float | None = None,
    full_output: bool = False,
) -> Any:
    """Solve ``dy/dt = f(t, y, *args)`` with ``y(t0) = y0``, and return the states at the times `ts`.

    Lengths of steps follow the error, and states between steps are interpolated. The gradient, in `y0`, `args`, what else `f` uses, `ts` and
    `t0`, is that of the steps taken (discrete adjoint). All of it is compiled with the model, on every backend.

    Parameters
    ----------
    f
        Takes the time, a scalar, the state, of the shape of `y0`, and `args`; returns the slopes, of that shape: a tensor, or a list of scalars.
    y0
        The state at t0: a scalar, a vector, or a tensor of any shape. For many initial states at once see :func:`workbench.vectorize`.
    ts
        Times (n,) in order, none before `t0`; or the other way round, none after `t0`: then the equations are solved backwards in time. Some may be equal.
    args
        What `f` is given after the state: one tensor, or several in a tuple or list. `f` may also use what it finds around it.
    t0
        The time of `y0`; ``ts[0]`` by default.
    method
        ``"Tsit5"`` (Tsitouras' of order 5), ``"Dopri5"`` (Dormand and Prince's of order 5, SciPy's ``"RK45"``), ``"Bosh3"`` (Bogacki and Shampine's of
        order 3, SciPy's ``"RK23"``); ``"Rodas5P"`` (Steinebach's of order 5) for stiff equations.
    rtol, atol
        The error of a step is below ``atol + rtol * abs(y)``, in the root mean square over the state.
    max_steps
        How many steps are tried at most.
    first_step
        The length of the first step; found from `f` by default.
    full_output
        Return :class:`Steps` too.

    Returns
    -------
    The states (n, ...); NaN from where the solution does not arrive: it goes to infinity before, or takes too many steps.

    Raises
    ------
    ArgumentError
        If there is no such method; if times go neither forwards nor backwards from `t0`, or a tolerance is not positive.
    ShapeError
        If `f` returns slopes of another shape than the state, or `ts` is no vector.

    Warns
    -----
    SolverWarning
        Where values are computed at once, by ``eval``, and the solution does not arrive: at which time, and why.

    Examples
    --------
    >>> import workbench as pm
    >>> decay = pm.ode.ode_solve(lambda t, y, rate: -rate * y, 1.0, [0.0, 1.0, 2.0], args=0.5)
    >>> decay.eval().round(5).tolist()
    [1.0, 0.60653, 0.36788]

    Backwards in time, from the state at the first of the times:

    >>> pm.ode.ode_solve(lambda t, y: -0.5 * y, 1.0, [0.0, -1.0, -2.0]).eval().round(5).tolist()
    [1.0, 1.64872, 2.71828]

    A state of two numbers, with a parameter to differentiate by:

    >>> import workbench.tensor as pt
    >>> stiffness = pt.scalar("stiffness")
    >>> swing = pm.ode.ode_solve(lambda t, y: [y[1], -stiffness * y[0]], [1.0, 0.0], [0.0, 1.0])
    >>> float(pm.grad(swing[1, 0], stiffness).eval({stiffness: 1.0}).round(5))
    -0.42074
    """
    if not callable(f):
        raise ArgumentError(f"f must be a function of t and y, not {f!r}", argument="f")
    tableau = tableau_of(method)
    state = _floats(y0, "y0")
    times = pt.cast(as_tensor(ts), state.dtype)
    if times.ndim != 1:
        raise ShapeError(f"ts is a vector of times, not of shape {shape_text(times.type.shape)}", argument="ts")
    given_t0 = None if t0 is None else pt.cast(as_tensor(t0), state.dtype)
    if given_t0 is not None and given_t0.ndim:
        raise ShapeError(f"t0 is a scalar, not of shape {shape_text(given_t0.type.shape)}", argument="t0")
    _check_times(times, given_t0)
    begin = given_t0 if given_t0 is not None else pt.constant(times.op.value[0]) if isinstance(times.op, Constant) else times[0]
    tolerances = [_positive(rtol, "rtol", state.dtype), _positive(atol, "atol", state.dtype)]
    if max_steps < 1:
        raise ArgumentError(f"max_steps={max_steps}", "a number of steps, at least 1", argument="max_steps")
    step = _positive(first_step, "first_step", state.dtype) if first_step is not None else pt.constant(np.asarray(0.0, state.dtype))
    others = tuple(args) if isinstance(args, (tuple, list)) else (args,)
    given = [as_tensor(a) if not callable(a) else a for a in others]

    t: Any = inputs_like([TensorType(state.dtype, ())], ["t"])[0]
    rhs, closed, parts = _right_hand_side(f, t, state, given, tableau.is_implicit)
    op = SolveODE(rhs, tableau.name, len(parts), int(max_steps))
    made = results_of(op(begin, times, *tolerances, step, *parts, *closed))
    n = len(parts)
    found = made[0] if parts[0].ndim or not state.ndim else pt.stack(made[:n], axis=1)
    if parts[0].ndim != state.ndim and parts[0].ndim:
        found = pt.reshape(found, (times.shape[0], *state.shape))
    return (found, Steps(*made[n : n + 3])) if full_output else found


def _right_hand_side(f: Callable[..., Any], t: Any, state: Tensor, args: Sequence[Any], implicit: bool) -> tuple[Graph, list[Expr], list[Tensor]]:
    """The graph of `f` over the parts of a state, what it needs from outside, and the parts of `y0`: scalars, where `f` computes with scalars alone."""
    shape = state.type.shape
    if len(shape) == 1 and isinstance(shape[0], int) and 1 <= shape[0] <= (FEW_WITH_SYSTEMS if implicit else FEW):
        parts: list[Any] = inputs_like([TensorType(state.dtype, ())] * shape[0], [f"y{i}" for i in range(shape[0])])
        slopes = _slopes(f, t, pt.stack(parts), args, state)
        graph, closed = _over([t, *parts], [slopes[i] for i in range(shape[0])])
        inside = depends_on(graph.results, graph.params[: 1 + len(parts)])
        if all(x.type.ndim == 0 for x in topological(graph.results) if x in inside and isinstance(x.type, TensorType)):
            return graph, closed, [pt.constant(state.op.value[i]) if isinstance(state.op, Constant) else state[i] for i in range(shape[0])]
    flat = implicit and len(shape) != 1
    (y,) = inputs_like([state.type.with_shape((state.size_expr(),)) if flat and isinstance(state.size_expr(), int) else state.type], ["y"])
    if flat and not isinstance(state.size_expr(), int):
        raise ShapeError(f"an implicit method needs the number of states, which is not known of y0: {state.type}", "give a y0 of known shape", argument="y0")
    slopes = _slopes(f, t, pt.reshape(y, state.shape) if flat else y, args, state)
    graph, closed = _over([t, y], [pt.reshape(slopes, (-1,)) if flat else slopes])
    return graph, closed, [pt.reshape(state, (-1,)) if flat else state]


def _slopes(f: Callable[..., Any], t: Any, y: Tensor, args: Sequence[Any], state: Tensor) -> Tensor:
    """What `f` returns, as one tensor of the state's shape."""
    made = f(t, y, *args)
    if made is None:
        raise ArgumentError("f returned None", "f returns dy/dt: a tensor of the shape of y, or a list of scalars", argument="f")
    try:
        slopes = pt.stack([as_tensor(x) for x in made]) if isinstance(made, (list, tuple)) else as_tensor(made)
    except ShapeError as error:
        raise ShapeError(f"f returned slopes that do not stack: {error.message}", "one scalar for each element of the state", argument="f") from None
    slopes = pt.cast(slopes, state.dtype)
    wanted = state.type
    if not slopes.type.may_be(wanted):
        same = all(n == 1 for n in (*slopes.type.shape, *wanted.shape))
        if not same:
            raise ShapeError(
                f"f returned slopes of shape {shape_text(slopes.type.shape)} for a state of shape {shape_text(wanted.shape)}",
                "f returns dy/dt, one number for each of y", argument="f",
            )  # fmt: skip
        slopes = pt.reshape(slopes, wanted.shape)
    return slopes


def _over(params: Sequence[Any], slopes: Sequence[Any]) -> tuple[Graph, list[Expr]]:
    """The slopes in their simplest form, in which elements of a stack are what was stacked, and what they need from outside, which stays as it is."""
    from workbench.graph.rewrite import Pass
    from workbench.rewrites.passes import rules

    whole, closed = close_over(params, slopes)
    chosen = tuple(r for r in rules() if r.group == "canonicalise")
    simple = Pass("canonicalise", chosen, "The right-hand side in its simplest form.").run(whole.results)[0]
    read, n = set(topological(simple)), len(params)
    kept = [i for i, p in enumerate(whole.params[n:]) if p in read]
    return Graph([*whole.params[:n], *[whole.params[n + i] for i in kept]], simple), [closed[i] for i in kept]


def _floats(value: Any, argument: str) -> Tensor:
    x = pt.stack([as_tensor(v) for v in value]) if isinstance(value, (list, tuple)) and any(isinstance(v, Expr) for v in value) else as_tensor(value)
    if x.type.kind == "f":
        return x
    if x.type.kind not in "iub":
        raise ArgumentError(f"{argument} has dtype {x.dtype}", "a real number for each state", argument=argument)
    return pt.cast(x, "float64")


def _positive(value: Any, argument: str, dtype: str) -> Tensor:
    x = pt.cast(as_tensor(value), dtype)
    if x.ndim:
        raise ShapeError(f"{argument} is a scalar, not of shape {shape_text(x.type.shape)}", argument=argument)
    if isinstance(x.op, Constant) and not float(x.op.value) > 0.0:
        raise ArgumentError(f"{argument}={float(x.op.value):g}", "a positive number", argument=argument)
    return x


def _check_times(ts: Tensor, t0: Tensor | None) -> None:
    """Raise where numbers that are known are no times in order."""
    if not isinstance(ts.op, Constant):
        return
    times = np.asarray(ts.op.value)
    if not np.isfinite(times).all():
        raise ArgumentError(f"ts has a time that is not finite: {times[~np.isfinite(times)][0]}", argument="ts")
    if t0 is None and not len(times):
        raise ArgumentError("ts is empty: there is no time of y0", "give t0=", argument="ts")
    ways = np.sign(np.diff(times))
    way = ways[ways != 0][0] if ways.any() else 0.0
    turned = np.flatnonzero(way * ways < 0)
    if len(turned):
        i = int(turned[0])
        raise ArgumentError(
            f"ts is out of order: ts[{i + 1}] = {times[i + 1]:g} comes after ts[{i}] = {times[i]:g}",
            "sort the times: forwards, or backwards in time", argument="ts",
        )  # fmt: skip
    if t0 is None or not isinstance(t0.op, Constant):
        return
    begin = float(t0.op.value)
    if not np.isfinite(begin):
        raise ArgumentError(f"t0={begin}", "the time of y0, a finite number", argument="t0")
    if way and way * (times[0] - begin) < 0:
        where, other = ("before", "backwards") if way > 0 else ("after", "forwards")
        raise ArgumentError(f"ts[0] = {times[0]:g} is {where} t0 = {begin:g}", f"t0= is the time of y0; {other} in time from there, give the times the other way round", argument="ts")
