"""Descents: the loop of steps that makes a loss small, written once for all objectives and optimizers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import workbench.tensor as pt
from workbench.graph.inner import Graph
from workbench.tensor.tensor import Tensor, as_tensor
from workbench.variational.elbo import Objective
from workbench.variational.family import word
from workbench.variational.gradient_norms import total_norm_constraint
from workbench.variational.optimizers import Optimizer


class Descent:
    """The graph of a descent. Sizes are lengths: one graph, and its code, are for all models.

    Parameters
    ----------
    objective
        What is made small.
    optimizer
        What makes the steps.
    """

    def __init__(self, objective: Objective, optimizer: Optimizer) -> None:
        self.objective, self.optimizer = objective, optimizer
        self.name = f"{objective.name}_{optimizer.name}"

    def advance(self) -> Graph:
        """Return the graph that makes steps.

        Parameters are the key, the number of the next step, the parameters of the family, what the optimizer keeps, its settings,
        draws of each step, the longest gradient, the objective's settings and rooms, how many steps are wanted, and room for losses. Results are the number of the next
        step, parameters, what is kept, how many steps were made, losses, and the last point looked at. The descent ends before
        a step whose loss or gradient is not finite: its loss is there, and is not counted.
        """
        objective, optimizer = self.objective, self.optimizer
        key, number = word("key"), pt.tensor("number", "int64", ())
        values = objective.parameters()
        kept = optimizer.inputs(values)
        names = list(optimizer.settings)
        numbers = [pt.scalar(name) for name in names]
        given = [*(pt.scalar(name) for name in objective.settings), *objective.rooms()]
        settings: Mapping[str, Tensor] = dict(zip(names, numbers))
        draws, wanted = (pt.tensor(n, "int64", ()) for n in ("draws", "wanted"))
        longest, losses = pt.scalar("longest"), pt.vector("losses", "rows")
        v, k = len(values), len(kept)

        def going(row: Tensor, usable: Tensor, *_: Tensor) -> Tensor:
            return pt.logical_and(usable, row < wanted)

        def body(row: Tensor, usable: Tensor, number: Tensor, losses: Tensor, z: Tensor, *carried: Tensor) -> Sequence[Any]:
            now, remembered = carried[:v], carried[v:]
            found = objective.estimate(pt.random.fold_in(key, number), now, draws, given)
            gradients, size = total_norm_constraint(found.gradients, longest, return_norm=True)
            usable = pt.logical_and(pt.isfinite(found.loss), pt.isfinite(size))

            def step(*given: Tensor) -> list[Tensor]:
                own, slopes, kept = given[:v], given[v : 2 * v], given[2 * v :]
                after, kept_then = optimizer.stepped(settings, number, own, slopes, kept)
                return [*after, *kept_then]

            same = lambda *given: [*given[:v], *given[2 * v :]]  # noqa: E731
            after = pt.cond(usable, step, same, [*now, *gradients, *remembered])
            made = pt.cast(usable, "int64")
            return [row + made, usable, number + made, losses[row].set(found.loss), found.z, *after]

        first = [as_tensor(0), pt.constant(True), number, losses, objective.family.zeros(tuple(values)), *values, *kept]
        labels = ("row", "usable", "number", "losses", "z", *(str(x.name) for x in (*values, *kept)))
        row, _, after, losses_made, z, *carried = pt.while_loop(going, body, first, labels)
        params = [key, number, *values, *kept, *numbers, draws, longest, *given, wanted, losses]
        return Graph(params, [after, *carried[: v + k], row, losses_made, z])
