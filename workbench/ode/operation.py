"""The solution of differential equations as one operation: a loop of steps, once it is compiled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from workbench.errors import more, warn_user
from workbench.graph.expr import Expr, Op, results_of
from workbench.graph.frozen import changed, frozen
from workbench.graph.inner import Graph
from workbench.graph.types import TensorType, TupleType, Type
from workbench.ode.adjoint import adjoint
from workbench.ode.forward import GIVEN, solution
from workbench.tensor.control.flow import check_inner

FIRST = len(GIVEN)


@frozen
class SolveODE(Op):
    """States at given times of ``dy/dt = rhs(t, y, closed)``, and what their gradient needs.

    Takes the time t0, the times asked for, the tolerances rtol and atol, the length of the first step (0 where it is to be found), the
    parts of the state at t0, and the closed-over values.
    """

    rhs: Graph
    method: str
    parts: int
    max_steps: int
    name = "ode_solve"

    @property
    def graphs(self) -> tuple[Graph, ...]:
        return (self.rhs,)

    def with_graphs(self, graphs: tuple[Graph, ...]) -> SolveODE:
        return changed(self, rhs=graphs[0])

    def for_types(self, *types: Type) -> SolveODE:
        return changed(self, rhs=self.rhs.at([types[0], *types[FIRST:]]))

    def infer(self, *types: Any) -> TupleType:
        y = types[FIRST : FIRST + self.parts]
        state = [p.type for p in self.rhs.params[1 : 1 + self.parts]]
        check_inner(self.rhs, [types[0], *types[FIRST:]], "the right-hand side of differential equations", state)
        t, ts = types[:2]
        count, steps = ts.shape[0], self.max_steps + 1
        whole = TensorType("int64", ())
        stacked = [x.with_shape((count, *x.shape)) for x in y]
        return TupleType((*stacked, whole, whole, t, t.with_shape((steps,)), *[x.with_shape((steps, *x.shape)) for x in y]))

    def read(self, node: Expr, *operands: str) -> str:
        """The states at first, and the times."""
        return f"ode_solve({', '.join(operands[FIRST : FIRST + self.parts])}; t = {operands[1]})"

    def written_out(self, node: Expr) -> Graph:
        """The loop of steps: what the node is once derivatives have been taken."""
        return solution(self.method, self.rhs, self.parts, self.max_steps, tuple(x.type for x in node.inputs))

    def _run(self, form: str, values: Sequence[Any]) -> Any:
        types = [TensorType(str(v.dtype), tuple(v.shape)) for v in values]
        op = self.for_types(*types)
        return tuple(solution(op.method, op.rhs, op.parts, op.max_steps, tuple(types)).run(form, *values))

    def numpy(self, *values: Any) -> Any:
        import numpy as np

        with np.errstate(all="ignore"):
            made = self._run("numpy", [np.asarray(v) for v in values])
        ts, attempts, arrived = values[1], made[self.parts + 1], made[self.parts + 2]
        if len(ts) and arrived != ts[-1] and _in_order(values[0], ts):
            warn_user(why_not(self, values[0], ts[-1], float(arrived), int(attempts), self.max_steps), SolverWarning)
        return made

    def jax(self, *values: Any) -> Any:
        """The loop of steps, whose derivative for JAX is the adjoint: JAX has no reverse mode of a loop whose length is not known."""
        import jax
        import numpy as np

        values = tuple(jax.numpy.asarray(v) for v in values)
        types = tuple(TensorType(str(v.dtype), tuple(v.shape)) for v in values)
        op: SolveODE = self.for_types(*types)
        forward = solution(op.method, op.rhs, op.parts, op.max_steps, types)

        def steps(*values: Any) -> Any:
            return tuple(forward.run("jax", *values))

        def kept(*values: Any) -> Any:
            made = steps(*values)
            return made, (values, made)

        def back(both: Any, cotangents: Any) -> Any:
            values, made = both
            results = op.infer(*types).items
            read = tuple(i for i in range(len(results)) if i < op.parts or i >= op.parts + 4)
            run = adjoint(op.method, op.rhs, op.parts, types, results, read).run
            of_t0, of_ts, *rest = run("jax", *values, *made, *[cotangents[i] for i in read])
            found = iter([of_t0, of_ts, None, None, None, *rest[: op.parts]])
            of_closed = iter(rest[op.parts :])
            every = [next(found) if i < FIRST + op.parts else next(of_closed) if v.dtype.kind == "f" else None for i, v in enumerate(values)]
            return tuple(
                g if g is not None else jax.numpy.zeros_like(v) if v.dtype.kind == "f" else np.zeros(v.shape, jax.dtypes.float0)
                for g, v in zip(every, values)
            )

        solve = jax.custom_vjp(steps)
        solve.defvjp(kept, back)
        return solve(*values)

    def grad(self, node: Expr, cotangent: Any) -> Sequence[Expr | None]:
        n = self.parts
        read = tuple(i for i, g in enumerate(cotangent) if g is not None and (i < n or i >= n + 4))
        results = results_of(node)
        back = adjoint(self.method, self.rhs, n, tuple(x.type for x in node.inputs), tuple(r.type for r in results), read)
        of_t0, of_ts, *rest = back.apply(*node.inputs, *results, *[cotangent[i] for i in read])
        of_y0, of_closed = rest[:n], iter(rest[n:])
        real = [x.type.kind == "f" for x in node.inputs[FIRST + n :]]
        return [of_t0, of_ts, None, None, None, *of_y0, *[next(of_closed) if r else None for r in real]]


def _in_order(t0: Any, ts: Any) -> bool:
    """Whether times go one way from t0, forwards or backwards."""
    import numpy as np

    apart = np.diff(ts, prepend=t0)
    return bool((apart >= 0).all() or (apart <= 0).all())


class SolverWarning(RuntimeWarning):
    """Differential equations were not solved up to the last time.

    Examples
    --------
    >>> import warnings
    >>> import workbench as pm
    >>> with warnings.catch_warnings(record=True) as said:
    ...     warnings.simplefilter("always")
    ...     _ = pm.ode.ode_solve(lambda t, y: y**2, 1.0, [0.0, 2.0]).eval()
    >>> said[0].category.__name__
    'SolverWarning'
    """

    page = "solver-stopped"


def why_not(op: SolveODE, t0: Any, last: Any, arrived: float, attempts: int, allowed: int) -> str:
    """Return a sentence on why a solution did not arrive at the last time."""
    from workbench.ode.tableaus import TABLEAUS

    where = f"the solution from t = {float(t0):.6g} stopped at t = {arrived:.6g}, before the last time {float(last):.6g}"
    if attempts < allowed:
        return f"{where}: the steps became too short, or a value is NaN; it may go to infinity there. States from there on are NaN; {more(SolverWarning.page)}"
    hint = "" if TABLEAUS[op.method].is_implicit else "; equations that are stiff need an implicit method: method='Rodas5P'"
    return f"{where}, after {allowed:,} steps{hint}. max_steps= allows more. States from there on are NaN; {more(SolverWarning.page)}"
