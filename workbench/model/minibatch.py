"""Data that are a part of all there are: their log-density stands for that of all. Parts that are drawn anew at each step."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

import workbench.tensor as pt
from workbench.errors import ArgumentError, ModelError, ShapeError
from workbench.graph.expr import Expr, intern
from workbench.graph.frozen import frozen
from workbench.graph.inner import Graph
from workbench.graph.traverse import replace, topological
from workbench.tensor.markers import Annotation
from workbench.tensor.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    from workbench.model.model import Model

TotalSize = int | Tensor | Sequence[Any] | None
"""How many rows there are in all; or of each axis, ``None`` for one that is whole, ``...`` for those between."""


def scaling(name: str, total_size: TotalSize, rv: Tensor) -> Tensor:
    """Return by how much the log-density of observed rows is multiplied to stand for that of all rows.

    Parameters
    ----------
    name
        The variable's, for errors.
    total_size
        A number of rows; a sequence of lengths by axis, with ``None`` and ``...``.
    rv
        The variable, whose shape is that of the rows at hand.

    Raises
    ------
    ModelError
        If there are more lengths than axes, or one is no whole number.

    Examples
    --------
    >>> import workbench as pm
    >>> x = pm.Normal.dist(0.0, 1.0, shape=(10, 3))
    >>> float(scaling("x", 500, x).eval()), float(scaling("x", [500, ..., 6], x).eval())
    (50.0, 100.0)
    """
    if not isinstance(total_size, Sequence):
        total_size = [total_size] if rv.ndim else []
    given = list(total_size)
    if given.count(...) > 1:
        raise ModelError(f"{name}: total_size has more than one '...': {total_size}")
    split = given.index(...) if ... in given else len(given)
    first, last = given[:split], given[split + 1 :]
    if len(first) + len(last) > rv.ndim:
        raise ModelError(f"{name}: total_size gives {len(first) + len(last)} lengths, but the variable has {rv.ndim} axes")
    scale = pt.constant(1.0)
    for axis, length in [*enumerate(first), *((rv.ndim - len(last) + i, n) for i, n in enumerate(last))]:
        if length is None:
            continue
        if not isinstance(length, (int, np.integer, Tensor)):
            raise ModelError(f"{name}: total_size is a number of rows, not {length!r}", "or a list: one length for each axis, None for an axis that is whole")
        scale = scale * pt.cast(pt.as_tensor(length), "float64") / pt.cast(rv.shape[axis], "float64")
    return scale


@frozen
class BatchKey(Annotation):
    """A random key of which the rows of a minibatch follow: another one at each step of what draws minibatches anew."""

    name = "batch_key"


def Minibatch(variable: Any, *variables: Any, batch_size: int) -> Any:
    """Return random rows of data, which :func:`workbench.fit` draws anew at each step: the same rows of all arrays given.

    Rows are drawn with replacement, each as probable as any other. The observed variable is given ``total_size=``, the number of
    rows there are, and the gradient is then in expectation that of all data. In anything else than `fit` the rows stay as
    they were drawn first.

    Parameters
    ----------
    variable, variables
        Arrays, or data of the model, with equally many rows.
    batch_size
        How many rows are drawn.

    Returns
    -------
    Tensor, or a list of them
        Of shape (batch_size, ...) each.

    Raises
    ------
    ShapeError
        If an array has no rows, or they are not equally many.
    ModelError
        If values are missing.

    Examples
    --------
    >>> import workbench as pm
    >>> x = np.arange(1000.0)
    >>> rows, doubled = pm.Minibatch(x, 2.0 * x, batch_size=10)
    >>> rows.type.shape, bool((doubled.eval() == 2.0 * rows.eval()).all())
    ((10,), True)
    """
    try:
        size = operator.index(batch_size)
    except TypeError:
        raise ArgumentError(f"batch_size must be a whole number, got {batch_size!r}", argument="batch_size") from None
    if size < 1:
        raise ArgumentError(f"batch_size must be at least 1, got {size}", argument="batch_size")
    given = [_rows(x) for x in (variable, *variables)]
    count = given[0].shape[0]
    lengths = [x.type.shape[0] for x in given]
    if any(n != lengths[0] for n in lengths):
        raise ShapeError(f"the rows of a minibatch are of arrays with equally many, these have {', '.join(map(str, lengths))}")
    if lengths[0] == 0:
        raise ShapeError("there are no rows to draw a minibatch of")
    import secrets  # Not with the package: it loads OpenSSL.

    key: Tensor = intern(BatchKey(), (pt.data("minibatch", np.uint64(secrets.randbits(64))),))
    at = pt.random.randint(key, (size,), 0, count)
    found = [x[at] for x in given]
    return found if variables else found[0]


def _rows(given: Any) -> Tensor:
    """What minibatches are drawn of: arrays as data, which are not computed with as a whole."""
    if not isinstance(given, Tensor):
        masked = np.ma.is_masked(given)
        array = np.asarray(given)
        if array.dtype.kind not in "biuf":
            raise ModelError(f"a minibatch is of numbers, not of dtype {array.dtype}")
        if masked or (array.dtype.kind == "f" and np.isnan(array).any()):
            raise ModelError("a minibatch cannot be drawn of data with missing values (NaN)", "leave those rows out, or give all data: missing values of these are imputed")
        given = pt.data("rows", array)
    if given.ndim == 0:
        raise ShapeError("a minibatch is of rows, and a number has none")
    return as_tensor(given)


def batch_keys(roots: Sequence[Expr]) -> list[Expr]:
    """Return the keys of the minibatches that expressions depend on, in order."""
    return [x for x in topological(list(roots)) if isinstance(x.op, BatchKey)]


def through_minibatches(model: Model) -> list[Tensor]:
    """Return the observed variables and potentials of a model whose log-density depends on a minibatch."""
    found = [x for x in model.observed_RVs if batch_keys([x, model.rvs_to_values[x]])]
    return [*found, *(x for x in model.potentials if batch_keys([x]))]


def with_batches_of(graph: Graph, key: Tensor) -> Graph:
    """Return a graph with a parameter more, last: the key that minibatches are drawn by."""
    keys = batch_keys(graph.results)
    return Graph([*graph.params, key], replace(graph.results, {x: pt.random.fold_in(key, i) for i, x in enumerate(keys)}))


def refuse_minibatches(model: Model, what: str) -> None:
    """Raise an error for what needs all data.

    Raises
    ------
    ModelError
        If a log-density depends on a minibatch; at the line of the variable.
    """
    for x in through_minibatches(model)[:1]:
        raise ModelError(
            f"{x.name}: its data are a minibatch, and {what} would take the rows that were drawn first for all there are",
            "pm.fit draws minibatches anew at each step; give all data for anything else",
            x.provenance.location if x.provenance else None,
        )
