"""Loops that carry a discrete draw, as Markov chains: the draw of a step depends on that of the step before, and on no earlier one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import workbench.tensor as pt
from workbench.distributions.categories import Categorical
from workbench.distributions.distribution import Draw
from workbench.distributions.markov_chains import DiscreteMarkovChain
from workbench.graph.expr import Data, Get, Input
from workbench.graph.traverse import replace, topological
from workbench.tensor.control.scan import Scan
from workbench.tensor.elementwise import Cast
from workbench.tensor.tensor import Tensor
from workbench.transforms.vectorise import vectorize_graph

MOST_STATES = 1000
"""A table of transitions has no more rows than this."""


def chain_of(rv: Any) -> Tensor | str | None:
    """Return a variable as a :class:`DiscreteMarkovChain` of the same distribution; in words, why a loop is none; ``None`` for what is no loop.

    Examples
    --------
    >>> import workbench as pm
    >>> from workbench.tensor.control.recurrence import scan
    >>> P = pt.constant([[0.9, 0.1], [0.3, 0.7]])
    >>> z, _ = scan(lambda z: Categorical.dist(P[z]), outputs_info=[pt.constant(0)], n_steps=4)
    >>> chain_of(z).inputs[1].eval().round(3).tolist()
    [[0.9, 0.1], [0.3, 0.7]]
    """
    if isinstance(rv.op, Draw):
        return rv if issubclass(rv.op.distribution, DiscreteMarkovChain) else None
    if not isinstance(rv.op, Get) or not isinstance(rv.inputs[0].op, Scan):
        return None
    loop, op = rv.inputs[0], rv.inputs[0].op
    carried, new, before = op.body.params[0], op.body.results[0], rv.inputs[0].inputs[0]
    if op.carries != 1:
        return f"the loop carries {op.carries} values from step to step, and not one"
    if carried.type.ndim or carried.type.kind not in "iub" or op.body.results[rv.op.index] is not new:
        return "what the loop carries is no single discrete draw, which is its output too"
    if any(_is_hidden(n) for n in topological([before])):
        return "the value that the loop starts from is drawn, and is no variable of the model"
    tables = _table(op, loop, new)
    if isinstance(tables, str):
        return tables
    varying = tables.ndim == 3
    start = pt.take(tables[0] if varying else tables, pt.cast(before, "int64"), axis=0)
    made: Tensor = DiscreteMarkovChain.dist(
        tables[1:] if varying else tables, init_dist=Categorical.dist(start), time_varying=varying, shape=tuple(rv.type.static_shape)
    )
    return made


def _is_hidden(x: Any) -> bool:
    """Whether something is a draw that is no variable of a model."""
    return isinstance(x.op, Draw) and not x.name


def _table(op: Scan, loop: Any, new: Any) -> Any:
    """Probabilities from each state to each, ``(k, k)``, or ``(steps, k, k)`` where they change; or why there are none."""
    while isinstance(new.op, Cast):
        (new,) = new.inputs
    if not isinstance(new.op, Draw):
        return "what a step makes is no draw, but computed"
    row = _probabilities(new)
    if isinstance(row, str):
        return row
    places: Sequence[Any] = op.body.params
    size, below = row.type.shape[-1], set(topological([row]))
    (row,) = replace([row], dict(zip(places[1 + op.sequences :], loop.inputs[1 + op.sequences :])))
    made = vectorize_graph(row, {places[0]: pt.arange(size)}) if places[0] in below else pt.broadcast_to(row, (size, size))
    runs = {p: x for p, x in zip(places[1 : 1 + op.sequences], loop.inputs[1 : 1 + op.sequences]) if p in below}
    return vectorize_graph(made, runs) if runs else made


def _probabilities(drawn: Any) -> Any:
    """Probabilities of the states 0, 1, ... of a draw of one number, in a vector; or why there are none."""
    distribution, parameters = drawn.op.distribution, drawn.inputs[1:]
    if any(_is_hidden(n) for n in topological(list(parameters))):
        return f"the parameters of its {distribution.__name__} are drawn in each step"
    ends = distribution.ends(*parameters)
    if ends is None or any(isinstance(n.op, (Draw, Input, Data)) for n in topological([pt.as_tensor(x) for x in ends])):
        return f"how many states a {distribution.__name__} has is not known, or not the same in each step"
    low, high = (float(pt.as_tensor(x).eval()) for x in ends)
    if low < 0.0 or not high < MOST_STATES:
        return f"the states of its {distribution.__name__} are not 0, 1, ... up to {MOST_STATES - 1} at most"
    return pt.exp(pt.stack([distribution.logp(pt.constant(i), *parameters) for i in range(int(high) + 1)], axis=-1))
