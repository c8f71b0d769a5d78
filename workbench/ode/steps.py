"""One step of a method, as a graph: increments of the state, the next state, and the state in between.

A state is a list of tensors, its *parts*: scalars, where there are few, so that a step is straight code without a loop; or one tensor.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import workbench.tensor as pt
from workbench.graph.expr import Input, intern
from workbench.graph.inner import Graph
from workbench.graph.traverse import replace, topological
from workbench.graph.types import Type
from workbench.ode.linear_systems import Factors, System
from workbench.ode.tableaus import TABLEAUS, Tableau
from workbench.transforms.derivatives import jacobian
from workbench.transforms.gradient import vjp

State = list[Any]


def moved(state: Sequence[Any], increments: Sequence[State], weights: Sequence[float]) -> State:
    """Return the state plus a weighted sum of increments."""
    found = []
    for i, x in enumerate(state):
        for u, w in zip(increments, weights):
            if w:
                x = x + (u[i] if w == 1.0 else w * u[i])
        found.append(x)
    return found


def weighted(increments: Sequence[State], weights: Sequence[float]) -> State:
    """Return a weighted sum of increments."""
    found = []
    for parts in zip(*increments):
        total: Any = None
        for x, w in zip(parts, weights):
            if w:
                term = x if w == 1.0 else w * x
                total = term if total is None else total + term
        found.append(pt.zeros_like(parts[0]) if total is None else total)
    return found


class Step:
    """Steps of a method for equations dy/dt = f(t, y).

    Parameters
    ----------
    method
        The method's name.
    rhs
        The right-hand side: from the time, `parts` tensors of the state and what else it needs, to as many slopes.
    parts
        How many tensors a state is.
    """

    def __init__(self, method: str, rhs: Graph, parts: int) -> None:
        self.tableau: Tableau = TABLEAUS[method]
        self.rhs, self.parts = rhs, parts

    def slopes(self, t: Any, y: Sequence[Any], closed: Sequence[Any]) -> State:
        """f at a time and state."""
        return list(self.rhs.apply(t, *y, *closed))

    def increments(self, t: Any, h: Any, y: State, closed: Sequence[Any], first: State | None = None) -> tuple[list[State], State | None]:
        """Return the increments of all stages, and f at the end of the step, where the last stage is there.

        `first` is f at the beginning, where it is known.
        """
        if self.tableau.is_implicit:
            return self._rosenbrock(t, h, y, closed), None
        made: list[State] = []
        slopes = self.slopes(t, y, closed) if first is None else first
        for node, row in zip(self.tableau.nodes, self.tableau.stages):
            if row:
                slopes = self.slopes(t + node * h, moved(y, made, row), closed)
            made.append([h * k for k in slopes])
        return made, slopes if self.tableau.ends_at_the_last_stage else None

    def _rosenbrock(self, t: Any, h: Any, y: State, closed: Sequence[Any]) -> list[State]:
        tableau = self.tableau
        *rows, moving = self._derivatives(t, y, closed)
        scaled = 1.0 / (h * tableau.gamma)
        system = Factors(rows, scaled) if all(x.ndim == 0 for x in y) else System(rows[0][0], scaled)
        made: list[State] = []
        for i, (node, row) in enumerate(zip(tableau.nodes, tableau.stages)):
            right = self.slopes(t + node * h if node else t, moved(y, made, row), closed)
            if made:
                right = [k + c / h for k, c in zip(right, weighted(made, tableau.couplings[i]))]
            if tableau.times[i] and self._reads_the_time:
                right = [k + tableau.times[i] * h * m for k, m in zip(right, moving)]
            made.append(system.solve(right))
        return made

    @cached_property
    def _derivative_graph(self) -> Graph:
        """Of f: derivatives in the state, row by row, then in time."""
        t, *rest = self.rhs.params
        y: list[Any] = rest[: self.parts]
        slopes: list[Any] = list(self.rhs.results)
        found: list[Any] = []
        if all(x.type.ndim == 0 for x in y):
            for f in slopes:
                found += vjp(f, y, pt.ones_like(f))
        else:
            found.append(jacobian(slopes[0], y[0], disconnected_inputs="ignore"))
        return Graph(self.rhs.params, found + self._in_time(t, slopes))

    def _in_time(self, t: Any, slopes: State) -> State:
        """How f moves with time: the transpose of reverse mode, which is linear in its direction."""
        if not self._reads_the_time:
            return [pt.zeros_like(f) for f in slopes]
        directions: list[Any] = [intern(Input(None, f.type)) for f in slopes]
        along = vjp(slopes, t, directions)
        found = [vjp(along, u, pt.ones_like(along)) for u in directions]
        return replace(found, {u: pt.zeros_like(f) for u, f in zip(directions, slopes)})

    @cached_property
    def _reads_the_time(self) -> bool:
        return self.rhs.params[0] in set(topological(self.rhs.results))

    def _derivatives(self, t: Any, y: State, closed: Sequence[Any]) -> list[State]:
        found = list(self._derivative_graph.apply(t, *y, *closed))
        n = self.parts
        return [found[i : i + n] for i in range(0, len(found), n)]

    def end(self, y: State, increments: Sequence[State]) -> State:
        """The state at the end of a step."""
        return moved(y, increments, self.tableau.weights)

    def errors(self, increments: Sequence[State]) -> State:
        """How far the end is from that of the embedded method."""
        return weighted(increments, self.tableau.errors)

    def between(self, increments: Sequence[State]) -> list[State]:
        """Coefficients of theta, theta^2, ... of the state at ``t + theta h``, less that at t."""
        return [weighted(increments, row) for row in zip(*self.tableau.dense)]


def at(theta: Any, y: State, coefficients: Sequence[State]) -> State:
    """Return the state at a part theta of a step."""
    found = []
    for i, x in enumerate(y):
        total = coefficients[-1][i]
        for row in coefficients[-2::-1]:
            total = total * theta + row[i]
        found.append(x + total * theta)
    return found


def inputs_like(types: Sequence[Type], names: Sequence[str | None]) -> list[Any]:
    """Return new inputs of types."""
    made = []
    for kind, name in zip(types, names):
        x: Any = intern(Input(name, kind))
        x.name = name
        made.append(x)
    return made
