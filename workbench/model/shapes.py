"""Shapes as they are now: expressions over data whose lengths may change, with the lengths they have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.compile.value_lengths import bounds_of
from workbench.distributions.distribution import Draw
from workbench.errors import Location, ShapeError
from workbench.graph.expr import Constant, Data, Expr, Get, Input, constant_op, give_name, intern, rebuild
from workbench.graph.inner import Graph
from workbench.graph.traverse import ancestors, topological
from workbench.graph.types import Shape, TensorType, type_of
from workbench.tensor.black_box import Called, of_lengths_at_start
from workbench.tensor.indexing.advanced import AddIndex, Index, SetIndex
from workbench.tensor.indexing.updates import with_fixed_bounds
from workbench.tensor.keys import LABEL
from workbench.tensor.shape import Dim
from workbench.tensor.shape.lengths import OfLengths
from workbench.tensor.sorting.sorting import Nonzero, RepeatedNumbers, Unique

if TYPE_CHECKING:
    from workbench.model.model import Model

OF_VALUES = (Nonzero, RepeatedNumbers, Unique)
"""What has as many results as values say."""


class CurrentShapes:
    """Expressions with the lengths that they have now, remembered until data change.

    Attributes
    ----------
    kept
        Data that stay as they are, though their lengths may change.
    """

    def __init__(self, kept: Iterable[Expr] = ()) -> None:
        self.memo: dict[Expr, Expr] = {}
        self.kept = frozenset(kept)
        self._seen: dict[Expr, Any] = {}

    def __reduce__(self) -> Any:
        return CurrentShapes, (tuple(self.kept),)

    def _forget_if_changed(self) -> None:
        # Data may be those of several models, and be set through another one.
        if any(x.op.value is not value for x, value in self._seen.items()):
            self.memo.clear()
            self._seen.clear()

    def of(self, x: Expr) -> Shape:
        """Return the shape of `x` with the data as they are; ``None`` for a length that depends on more."""
        found: Shape = x.type.shape
        return self.closed([x])[0].type.shape if x.type.is_open else found

    def closed(self, roots: Sequence[Expr]) -> list[Any]:
        """Return expressions over copies of the data, of known shapes."""
        self._forget_if_changed()
        memo = self.memo
        for root in roots:
            stack = [root]
            while stack:
                node = stack[-1]
                if node in memo:
                    stack.pop()
                    continue
                waiting = [i for i in node.inputs if i not in memo]
                if waiting:
                    stack += waiting
                    continue
                stack.pop()
                if isinstance(node.op, Data):
                    self._seen[node] = node.op.value
                memo[node] = node if node in self.kept else _closed(node, tuple(memo[i] for i in node.inputs), self.kept)
        return [memo[root] for root in roots]


def _closed(node: Expr, inputs: tuple[Expr, ...], kept: frozenset[Expr]) -> Expr:
    """A node over inputs of known shapes, its own lengths as numbers where they are known now."""
    if is_open(node):
        made: Expr = intern(Data(node.op.label, [np.array(node.op.value)], type_of(node.op.value)))
        made.name = node.name
        return made
    op = node.op
    if has_length_of_values(node):
        return _indices_now(rebuild(node, inputs), kept)
    numbers = numbers_of(node)
    if numbers:
        inputs = tuple(_number(i) if any(old is n for n in numbers) and not (kept and ancestors([i]) & kept) else i for old, i in zip(node.inputs, inputs))
    if not inputs or all(a is b for a, b in zip(inputs, node.inputs)):
        return node
    if isinstance(op, Dim) and isinstance(inputs[0].type.shape[op.axis], int):
        return intern(constant_op(np.int64(inputs[0].type.shape[op.axis])))
    made = rebuild(node, inputs)
    if isinstance(op, Called):
        return of_lengths_at_start(made)
    if isinstance(made.type, TensorType) and made.type.kind in "iu" and not made.type.ndim:
        if all(isinstance(i.op, Constant) for i in inputs):
            return intern(constant_op(op.numpy(*[i.op.value for i in inputs]), made.type.dtype))
    if isinstance(op, Draw) and None in op.shape and not made.type.is_open:
        made = intern(Draw(op.distribution, made.type.static_shape), inputs)
        made.name = node.name
    known = with_fixed_bounds if isinstance(op, (Index, SetIndex, AddIndex)) else getattr(op, "known", None)
    simpler = known(made) if known else None
    if simpler is not None:
        return give_name(simpler, node.name) if simpler.inputs else simpler
    return made


def _indices_now(x: Expr, kept: frozenset[Expr]) -> Expr:
    """Indices of which values of data say how many there are, as data of the length that they have now."""
    below = topological([x])
    if not _of_data(x, below) or any(n in kept for n in below):
        return x
    (value,) = Graph([], [x]).run("numpy")
    made: Expr = intern(Data("indices", [np.asarray(value)], type_of(value)))
    return made


def has_length_of_values(node: Expr) -> bool:
    """Whether a node is a vector of indices or numbers as many as values say."""
    return isinstance(node.type, TensorType) and isinstance(node.inputs[0].op if isinstance(node.op, Get) else node.op, OF_VALUES)


def numbers_of(node: Expr) -> list[Expr]:
    """Return the scalar inputs by whose values a node has its shape."""
    if isinstance(node.op, OfLengths):
        return list(node.inputs[node.op.of_values :])
    return bounds_of(node) if isinstance(node.op, (Index, SetIndex, AddIndex)) else []


def _of_data(x: Expr, below: Sequence[Expr]) -> bool:
    """Whether a node follows from data and constants alone; the key of a random variable is data too, which each draw replaces."""
    return all(
        not n.op.graphs and (n.inputs or isinstance(n.op, Constant) or (isinstance(n.op, Data) and n.op.label != LABEL)) for n in below
    )


def _number(x: Expr) -> Expr:
    """A length that is itself data, or computed from data, as the number that it is now."""
    is_length = isinstance(x.type, TensorType) and x.type.kind in "iu" and not x.type.ndim
    if not is_length or isinstance(x.op, Constant) or any(isinstance(n.op, (Input, Draw)) or n.op.graphs for n in topological([x])):
        return x
    (value,) = Graph([], [x]).run("numpy")
    return intern(constant_op(np.asarray(value), x.type.dtype))


def has_open_lengths(model: Model) -> bool:
    """Whether lengths of a model's variables or data may change."""
    return any(is_open(x) for x in model.data_vars) or any(x.type.is_open for x in (*model.free_RVs, *model.observed_RVs, *model.marginalized_RVs))


def is_open(x: Expr) -> bool:
    """Whether `x` is data whose shape may change."""
    return isinstance(x.op, Data) and isinstance(x.op.type, TensorType) and x.op.type.is_open


def unfit(name: str | None, error: ShapeError, location: Location | None = None) -> ShapeError:
    """Return an error of lengths that says of which variable it is."""
    return ShapeError(
        f"{name}: {error.message}: what it is made of, its data and its dims do not have the same lengths",
        "data that belong together have one length, and are replaced together: pm.set_data({...}) of all of them", location, page="lengths-of-dims",
    )
