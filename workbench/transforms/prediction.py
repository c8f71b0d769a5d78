"""From training to prediction: what is drawn at random, and what is known of a batch alone, gives way to what prediction takes for it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.errors import ArgumentError, Location
from workbench.graph.derivations import remember
from workbench.graph.expr import Expr, Input, intern
from workbench.graph.inner import Graph
from workbench.graph.rewrite import Pass, Trace, rule, rules_of
from workbench.graph.traverse import topological
from workbench.tensor import elementwise as e
from workbench.tensor.elementwise import OPS
from workbench.tensor.markers import InTraining
from workbench.tensor.nn.convolution import Convolution, conv1d, conv2d
from workbench.tensor.nn.losses import cross_entropy
from workbench.tensor.nn.normalization import batch_norm
from workbench.tensor.nn.regularization import Dropout, dropout, gaussian_noise, in_training, stochastic_depth
from workbench.tensor.shape import Reshape, reshape_like
from workbench.transforms.random_forms import dropped_by_hand, without_added_noise

GROUP = "prediction"


def _vector() -> Any:
    return pt.vector("v", 4)


@rule(GROUP, ops=(Dropout,), examples=lambda: [dropout(_vector(), 0.5, pt.random.key(1))])
def dropout_is_its_input(expr: Expr) -> Expr | None:
    """Dropout divides what it keeps by the share that it keeps, so that its expectation is its input: prediction takes that."""
    return None if expr.op.of_a_branch else expr.inputs[0]


@rule(GROUP, ops=(Dropout,), examples=lambda: [stochastic_depth(pt.matrix("m", 2, 4), 0.5, pt.random.key(1))])
def branch_is_never_left_out(expr: Expr) -> Expr | None:
    """A branch that is left out at random is divided by the share of times that it is not: prediction always takes it."""
    return expr.inputs[0] if expr.op.of_a_branch else None


@rule(GROUP, ops=(InTraining,), examples=lambda: [batch_norm(pt.matrix("m", 3, 4), pt.vector("mean", 4), pt.vector("var", 4)).output.inputs[0].inputs[1].inputs[0]])
def running_statistics(expr: Expr) -> Expr | None:
    """An element is predicted for whatever stands beside it in a batch: by the statistics that training kept, and not by those of the batch."""
    return expr.inputs[1] if expr.op.what == "statistics of the batch" else None


@rule(GROUP, ops=(InTraining,), examples=lambda: [gaussian_noise(_vector(), 0.1, pt.random.key(1))])
def noise_is_left_out(expr: Expr) -> Expr | None:
    """Noise makes training robust, and a prediction only less certain: its mean is taken, which is 0."""
    return expr.inputs[1] if expr.op.what == "noise" else None


@rule(GROUP, ops=(InTraining,), examples=lambda: [_smoothed()])
def labels_are_not_smoothed(expr: Expr) -> Expr | None:
    """Labels are smoothed to keep training from being too certain; what is predicted is judged by the labels as they are."""
    return expr.inputs[1] if expr.op.what == "smoothed labels" else None


NAMED = ("statistics of the batch", "noise", "smoothed labels")


@rule(GROUP, ops=(InTraining,), examples=lambda: [in_training(pt.flip(_vector()), _vector(), "turned images")])
def as_prediction_has_it(expr: Expr) -> Expr | None:
    """What was said to be there in training alone is what was said to stand for it in prediction."""
    return None if expr.op.what in NAMED else expr.inputs[1]


def _smoothed() -> Expr:
    loss = cross_entropy(pt.matrix("m", 3, 4), pt.vector("label", 3, dtype="int64"), label_smoothing=0.1)
    return next(node for node in topological([loss]) if isinstance(node.op, InTraining))


# Written by hand ------------------------------------------------------------------------------


def _by_hand() -> list[Expr]:
    x, p, key = _vector(), pt.scalar("p"), pt.random.key(1)
    u = pt.random.uniform(key, (4,))
    return [
        pt.where(u < 0.8, x / 0.8, 0.0), pt.where(u >= p, x / (1.0 - p), 0.0), x * pt.cast(u < 0.8, "float64") / 0.8,
        x * (pt.cast(u >= 0.2, "float64") * 1.25), pt.cast(u > 0.5, "float64") * x * 2.0,
    ]  # fmt: skip


@rule(GROUP, ops=(e.where, e.multiply, e.divide), examples=_by_hand)
def dropout_by_hand_is_its_input(expr: Expr) -> Expr | None:
    """What is kept by chance, and divided by that chance, is in the mean what it was: prediction takes that."""
    return dropped_by_hand(expr)


@rule(GROUP, ops=(e.add, e.subtract), examples=lambda: [_vector() + 0.1 * pt.random.normal(pt.random.key(1), (4,)), pt.random.normal(pt.random.key(1), (4,), 0.0, pt.exp(pt.scalar("s"))) + _vector(), _vector() - pt.random.normal(pt.random.key(1), (4,))])
def added_noise_is_left_out(expr: Expr) -> Expr | None:
    """Noise of mean 0 that is added makes training robust, and a prediction only less certain."""
    return without_added_noise(expr)


# Normalised convolutions ----------------------------------------------------------------------


def _normalised() -> list[Expr]:
    x, w, s = pt.tensor4("x", shape=(2, 3, 5, 5)), pt.data("w", np.ones((4, 3, 2, 2))), pt.data("s", np.ones(4))
    y, row = conv2d(x, w), pt.expand_dims(s, (0, 2, 3))
    signals = conv1d(pt.tensor3("signals", shape=(2, 3, 9)), np.ones((4, 3, 2)))
    return [y * row, y / pt.sqrt(row), (y - row) / row, signals * s[:, None]]


@rule(GROUP, ops=(e.multiply, e.divide), examples=_normalised)
def scale_of_channels_in_the_kernel(expr: Expr) -> Expr | None:
    """Channels of a convolution that are scaled, as batch normalisation does in prediction, are a convolution with a scaled kernel: images are gone over once less."""
    for y, scale in (expr.inputs, expr.inputs[::-1])[: 2 if expr.op is e.multiply else 1]:
        if y.type != expr.type or not _of_channels(scale, y):
            continue
        if y.op in (e.add, e.subtract) and _is_shifted(y):
            conv, shift = y.inputs
            return y.op(expr.op(conv, scale), expr.op(shift, scale))  # type: ignore[no-any-return]
        if not _is_convolution(y):
            continue
        x, w = (y.inputs[0] if isinstance(y.op, Reshape) else y).inputs
        conv = (y.inputs[0] if isinstance(y.op, Reshape) else y).op
        if any(isinstance(node.op, Input) for node in topological([w, scale])):
            continue  # What is learned while it is used has no kernel that is known before.
        made = intern(conv, (x, expr.op(w, pt.reshape(scale, (-1, 1, 1, 1)))))
        return reshape_like(made, y) if isinstance(y.op, Reshape) else made
    return None


def _is_convolution(y: Expr) -> bool:
    """Whether an expression is a convolution of images, or of signals as images of one column."""
    if isinstance(y.op, Reshape):
        inner = y.inputs[0]
        return isinstance(inner.op, Convolution) and (*y.type.shape, 1) == inner.type.shape
    return isinstance(y.op, Convolution)


def _is_shifted(y: Expr) -> bool:
    """Whether an expression is a convolution to which numbers of channels are added, or from which they are subtracted."""
    while y.op in (e.add, e.subtract) and y.inputs[0].type == y.type and _of_channels(y.inputs[1], y):
        y = y.inputs[0]
    return _is_convolution(y)


def _of_channels(x: Expr, y: Expr) -> bool:
    """Whether an expression has one number for each channel of images or signals."""
    if y.type.ndim < 3 or x.type.ndim > y.type.ndim:
        return False
    after = y.type.ndim - 2
    shape = (1,) * (y.type.ndim - x.type.ndim) + x.type.shape
    return shape == (1, y.type.shape[1], *(1,) * after)


KINDS = {
    "dropout": "dropout_is_its_input", "stochastic depth": "branch_is_never_left_out", "batch statistics": "running_statistics",
    "noise": "noise_is_left_out", "label smoothing": "labels_are_not_smoothed",
}  # fmt: skip
"""What may be kept, and the rule that does not run then."""
BY_HAND = {"dropout": "dropout_by_hand_is_its_input", "noise": "added_noise_is_left_out"}
"""The rule that does not run either: that of the same written by hand."""


def for_prediction(outputs: Any, keep: Iterable[str] = (), random: str = "raise") -> Any:
    """Return graphs that were written for training as those of prediction.

    Dropout and branches left out at random become their inputs, statistics of a batch those that training kept, noise goes and labels are
    not smoothed; what :func:`workbench.tensor.nn.in_training` marks becomes what was said there. A gradient is taken of either form: this
    does not look into gradients' meaning, so give it outputs and losses.

    Parameters
    ----------
    outputs
        An expression, a list, tuple or dictionary of them, or a :class:`workbench.graph.Graph`.
    keep
        What is to stay as in training: "dropout", "stochastic depth", "batch statistics", "noise", "label smoothing", or names of rules.
        Dropout that is kept draws from an approximate posterior: average the predictions of many keys (Gal and Ghahramani, "Dropout as a
        Bayesian approximation", 2016).
    random
        What happens if something else is drawn by a key: "raise" an error that names it, or "keep" it. Random variables of a model are
        no part of training, and stay.

    Returns
    -------
    What was given, of expressions for prediction; each step is a rule of the group "prediction", which the stepper shows.

    Raises
    ------
    ArgumentError
        If draws are left that no rule removes, `keep` names nothing, or a compiled function is given.

    Examples
    --------
    >>> x, w = pt.matrix("x", 8, 3), pt.matrix("w", 3, 2)
    >>> y = pt.nn.dropout(pt.nn.relu(x @ w), 0.5, pt.random.key(1))
    >>> pm.for_prediction(y)
    where(matmul(x, w) <= 0.0, 0.0, matmul(x, w))
    >>> pm.for_prediction(y, keep=["dropout"]) is y
    True
    """
    if random not in ("raise", "keep"):
        raise ArgumentError(f"for_prediction: random is 'raise' or 'keep', not {random!r}")
    if isinstance(outputs, Graph):
        return outputs.map_results(lambda results: for_prediction(list(results), keep, random))
    if isinstance(outputs, dict):
        return dict(zip(outputs, for_prediction(list(outputs.values()), keep, random)))
    if not isinstance(outputs, (Expr, list, tuple)):
        raise ArgumentError(f"for_prediction takes expressions, or a graph of them, not {type(outputs).__name__}", "a compiled function has been through the rules: give what it was made of")
    roots = [outputs] if isinstance(outputs, Expr) else list(outputs)
    kept = _rules_kept(keep)
    found = _predicted(roots, kept)
    if random == "raise" and not kept.intersection(BY_HAND.values()) and (left := random_parts(found, dropout="dropout_is_its_input" not in kept and "branch_is_never_left_out" not in kept)):
        raise _left_over(left)
    remember(found, roots, lambda trace: _predicted(roots, kept, trace))
    return found[0] if isinstance(outputs, Expr) else type(outputs)(found)


def _predicted(roots: Sequence[Expr], kept: frozenset[str], trace: Trace | None = None) -> list[Any]:
    rules = tuple(r for r in rules_of(GROUP) if r.name not in kept)
    found, record = Pass(GROUP, rules, __doc__ or "").run(roots)
    if trace is not None:
        trace.passes.append(record)
    return list(found)


def _rules_kept(keep: Iterable[str]) -> frozenset[str]:
    given = [keep] if isinstance(keep, str) else list(keep)
    names = {r.name for r in rules_of(GROUP)}
    for name in given:
        if name not in KINDS and name not in names:
            raise ArgumentError(f"for_prediction: there is nothing called {name!r} to keep", f"it may be {', '.join(map(repr, KINDS))}, or the name of a rule: {', '.join(sorted(names))}")
    kept = {KINDS.get(name, name) for name in given}
    return frozenset(kept | {BY_HAND[name] for name in given if name in BY_HAND})


def random_parts(outputs: Any, dropout: bool = True) -> list[Expr]:
    """Return what expressions draw by keys: words of random bits, and dropout; random variables of a model not counted.

    Parameters
    ----------
    outputs
        An expression, or several.
    dropout
        Whether dropout counts.

    Examples
    --------
    >>> x = pt.vector("x", 3)
    >>> random_parts(pt.nn.dropout(x, 0.5, pt.random.key(1)))
    [dropout(x, 0.5, 1)]
    """
    found: dict[Expr, None] = {}
    pending = [[outputs] if isinstance(outputs, Expr) else list(outputs)]
    while pending:
        results = pending.pop()
        words: dict[Expr, list[Expr]] = {}
        for node in topological(results):
            pending += [list(g.results) for g in node.op.graphs]
            if dropout and isinstance(node.op, Dropout):
                found[node] = None
            drawn = [w for i, x in enumerate(node.inputs) if not _is_key(node, i) for w in words.get(x, ())]
            if node.op is OPS["threefry"]:
                words[node] = [node]
            elif node.op.name in MOVES:
                words[node] = drawn
                continue
            found.update(dict.fromkeys(drawn))
        found.update(dict.fromkeys(w for x in results for w in words.get(x, ())))
    return list(found)


MOVES = frozenset(("slice", "take", "reshape", "index", "concatenate", "broadcast_to"))
"""By which words are put in another place: keys of several, or bits in the shape that is drawn."""


def _is_key(node: Expr, at: int) -> bool:
    """Whether that input of a node is a key, of which others are made or by which something is drawn."""
    if node.op is OPS["threefry"] or hasattr(node.op, "distribution"):
        return at == 0
    # What is drawn by keys that go into loops is found there.
    return at == 2 if isinstance(node.op, Dropout) else bool(node.op.graphs)


def _left_over(left: Sequence[Expr]) -> ArgumentError:
    places: list[Location | None] = [x.provenance.location if x.provenance else None for x in left]
    lines = list(dict.fromkeys(f"{p.text} (line {p.lineno})" for p in places if p is not None)) or [repr(left[0])]
    more = f" and {len(lines) - 3} more" if len(lines) > 3 else ""
    return ArgumentError(
        f"for_prediction: something is drawn by a key that no rule removes: {'; '.join(lines[:3])}{more}",
        "pt.nn.in_training(x, predicted) says what prediction takes for x; random='keep' leaves what is drawn",
        next((p for p in places if p is not None), None),
    )


__all__ = ["for_prediction", "random_parts"]
