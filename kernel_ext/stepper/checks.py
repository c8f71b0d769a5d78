"""What a step does to values: both sides at points, or what else can be held against it, or why nothing can."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from kernel_ext.stepper.points import NoValue, Points, opened, with_densities
from kernel_ext.stepper.references import log_density
from workbench import Model
from workbench.distributions.distribution import Draw
from workbench.errors import WorkbenchError
from workbench.graph import Expr, Firing, PassRecord, replace
from workbench.graph.expr import Input, intern, rebuild
from workbench.graph.inner import Graph
from workbench.graph.pattern import uniform_value
from workbench.graph.types import TensorType, TupleType
from workbench.model.state_spaces import states_of
from workbench.model.sums_over_states import ELIMINATE, SUM_OUT
from workbench.tensor import cast, constant, logsumexp
from workbench.transforms.change_of_variables import UnconstrainedLogProb
from workbench.transforms.logprob import LogProb
from workbench.transforms.vectorise import vectorize_graph

MOST_STATES = 4096
"""A sum over more joint states than this is not made."""
SAME, CLOSE = 1e-9, 1e-5
"""Relative differences up to which values are the same, and those of a derivative by differences are."""


class Row(NamedTuple):
    """One point: the two sides, as text, and how far they are apart."""

    before: str
    after: str
    difference: float
    relative: float
    note: str = ""


class Check(NamedTuple):
    """What was compared and how it came out.

    Attributes
    ----------
    how
        What was compared, in a sentence; where nothing was, why.
    sides
        What the columns of values hold.
    rows
        A row a point; none where there is nothing to compare.
    tolerance
        Relative difference up to which the sides agree.
    """

    how: str
    sides: tuple[str, str] = ("before", "after")
    rows: tuple[Row, ...] = ()
    tolerance: float = SAME

    @property
    def worst(self) -> float:
        """The largest difference."""
        return max((r.difference for r in self.rows), default=0.0)

    @property
    def holds(self) -> bool:
        """Whether the sides agree at every point."""
        return all(r.relative <= self.tolerance for r in self.rows)


class Checker:
    """Compares the two sides of the steps of one trace.

    Parameters
    ----------
    model
        Whose trace it is: its points are where it is checked.
    """

    def __init__(self, model: Model | None = None) -> None:
        self.model = model
        self._points: Points | None = None

    @property
    def points(self) -> Points:
        if self._points is None:
            self._points = Points(self.model)
        return self._points

    def check(self, record: PassRecord, index: int) -> Check:
        """Return the check of a pass's firing."""
        firing = record.firings[index]
        try:
            if record.kind == "derive":
                return self._derivative(record, index)
            if firing.rule.group == "values":
                return self._value(firing)
            if firing.rule in (SUM_OUT, ELIMINATE):
                return self._summed_out(firing)
            if isinstance(firing.before.op, LogProb):
                return self._density(firing)
            if isinstance(firing.before.op, UnconstrainedLogProb):
                return self._jacobian(firing)
            return self._equal(firing)
        except NoValue as reason:
            return Check(str(reason))
        except (WorkbenchError, NotImplementedError, ArithmeticError, ValueError, TypeError, AttributeError, LookupError, np.linalg.LinAlgError) as error:
            return Check(f"The comparison could not be made: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}")

    def _equal(self, firing: Firing) -> Check:
        before, after = firing.before, firing.after
        whole = with_densities([before, after])
        (one, other), inputs, hidden = opened(whole)
        if any(one is x for x in inputs) and before.inputs:
            raise NoValue(f"{_called(before)} has no value by itself: it stands for a computation that is filled in later.")
        rows = [_row(*found) for _, found in self.points.at(inputs, [one, other])]
        where = self.points.where if not inputs or all(str(x.name) in self.points.named[0] for x in inputs) else "points where it is defined"
        names = list(dict.fromkeys(_called(x) for x in hidden))
        how = f"Both sides were computed at {where}." + (f" Values were put in the place of {', '.join(names[:3])}." if names else "")
        if whole[0] is not before:
            how += " For the model's density, which is filled in later, a standard normal stands."
        if firing.depth:
            how += " The step lies in a loop's body or a branch: what that is given was drawn."
        return Check(how, rows=tuple(rows))

    def _summed_out(self, firing: Firing) -> Check:
        """A sum over a discrete variable's states, against that over all states of all elements, where these are few."""
        model = self.model
        left = set(_free(firing.after))
        gone = [x for x in _free(firing.before) if x not in left]
        variables = [rv for rv in model.marginalized_RVs if model.rvs_to_values[rv] in gone] if model is not None else []
        if model is None or len(variables) < len(gone):
            raise NoValue("A variable leaves: before, the density is that of one of its values, and after, that of all together.")
        spaces = [states_of(model, rv) for rv in variables]
        count = math.prod(space.size ** rv.size for space, rv in zip(spaces, variables))
        if count > MOST_STATES or any(space.there is not None for space in spaces):
            raise NoValue(f"A variable leaves, of {count:.3g} joint states: a sum over all of them one by one is not made here.")
        each = itertools.product(*(range(space.size) for space, rv in zip(spaces, variables) for _ in range(rv.size)))
        numbers = np.array(list(each), np.int64).reshape(count, -1)
        places: dict[Expr, Expr] = {}
        at = 0
        for space, rv in zip(spaces, variables):
            own = numbers[:, at : at + rv.size].reshape((count, *rv.type.static_shape))
            places[model.rvs_to_values[rv]] = cast(space.low + constant(own), rv.dtype)
            at += rv.size
        whole: Any = logsumexp(vectorize_graph(firing.before, places), axis=0)
        (one, other), inputs, _ = opened([whole, firing.after])
        rows = [_row(*found) for _, found in self.points.at(inputs, [one, other])]
        names = " and ".join(str(rv.name) for rv in variables)
        how = f"The density with each of the {count} joint states of {names} in turn, summed, against what the rule makes: at {self.points.where}."
        return Check(how, ("all states in turn", "the rule"), tuple(rows))

    def _value(self, firing: Firing) -> Check:
        transform = None if self.model is None else next((t for rv, t in self.model.rvs_to_transforms.items() if rv.name == firing.before.name), None)
        value = next(iter(_free(firing.after)), None)
        if transform is None or value is None:
            raise NoValue("The variable's own value takes its place: nothing is computed, so there is nothing to compare.")
        given = rebuild(firing.before, firing.before.inputs)
        (back, own), inputs, _ = opened([transform.forward(firing.after, given), value])  # type: ignore[arg-type]
        rows = [_row(found[1], found[0]) for _, found in self.points.at(inputs, [back, own])]
        how = f"The way back, {transform.name}, must lead from the constrained value to the unconstrained one."
        return Check(how, ("unconstrained", "there and back"), tuple(rows))

    def _density(self, firing: Firing) -> Check:
        drawn, value = firing.before.inputs
        if not isinstance(drawn.op, Draw):
            raise NoValue("The density of an expression of random variables: derived from theirs, whose own steps follow; no other package has it to compare with.")
        name = drawn.op.distribution.__name__
        parameters = drawn.inputs[1:]
        made, inputs, _ = opened([firing.after, value, *parameters])
        rows = []
        for _, found in self.points.at(inputs, made):
            after, x, *given = found
            reference = log_density(name, x, tuple(given))
            if reference is None:
                raise NoValue(f"SciPy has no {name} to compare this log-density with.")
            rows.append(_row(np.broadcast_to(reference, np.shape(after)) if np.ndim(reference) <= np.ndim(after) else reference, after))
        how = f"SciPy's log-density of a {name} at {self.points.where}, with the same parameters."
        return Check(how, ("SciPy", "the rule"), tuple(rows))

    def _jacobian(self, firing: Firing) -> Check:
        """What is added for the change of variables, against differences of the map."""
        x, q = firing.before.inputs
        transform = firing.before.op.transform
        density = next((n for n in _below(firing.after) if isinstance(n.op, LogProb)), None)
        if density is None or not firing.before.op.jacobian:
            raise NoValue("The density of the unconstrained value without a change of volume: nothing is added to compare.")
        place: Any = intern(Input(q.name, q.type))
        added = replace(firing.after, {density: constant(np.zeros(density.type.shape))})
        added, image = replace([added, transform.backward(q, x)], {q: place})
        (jacobian, image, given), inputs, _ = opened([added, image, q])
        rows = []
        for values, found in self.points.at([place, *(i for i in inputs if i is not place)], [jacobian, image]):
            rest = values[1:]
            graph = Graph([place, *(i for i in inputs if i is not place)], [image])
            rows.append(_row(_log_volume(_given(graph, rest), values[0], np.shape(found[0])), found[0]))
        how = "The logarithm of the derivative of the map from the unconstrained value, by central differences, against what the rule adds to the density."
        return Check(how, ("by differences", "the rule"), tuple(rows), CLOSE)

    def _derivative(self, record: PassRecord, index: int) -> Check:
        """A part of a derivative against differences: of the whole term where it is complete, else of the one operation."""
        firing = record.firings[index]
        x, node = firing.towards, firing.before
        if x is None:
            raise NoValue("It makes the same for every row of a batch: both sides have other shapes, and are not compared.")
        if not isinstance(x.type, TensorType) or x.type.kind != "f":
            raise NoValue(f"{_called(x)} is no real number: it has no derivative.")
        complete = all(f.towards is not x for f in record.firings[index + 1 :])
        first = record.firings[0].given
        if complete and len(record.before) == 1 and first is not None and uniform_value(first) == 1:
            return self._whole_derivative(record.before[0], x, firing.after)
        if firing.given is None:
            raise NoValue("It is one part of a derivative; the parts of this operation's other results come in elsewhere.")
        known = next((f.after for f in reversed(record.firings[:index]) if f.towards is x), None)
        part = firing.after - known if known is not None else firing.after  # type: ignore[operator]
        more = "" if complete else " More parts follow."
        how = f"A part of the derivative to {_called(x)}, through {node.op.name} alone: against central differences of that operation.{more}"
        return self._against_differences(node, x, part, firing.given, how, shallow=True)

    def _whole_derivative(self, cost: Expr, x: Expr, slope: Expr) -> Check:
        how = f"The derivative of the term to {_called(x)}, complete here: along a random direction, against central differences of the whole."
        return self._against_differences(cost, x, slope, None, how, shallow=False)

    def _against_differences(self, of: Expr, x: Expr, slope: Expr, flows: Expr | None, how: str, shallow: bool) -> Check:
        if isinstance(of.type, TupleType):
            raise NoValue("It goes through one result of an operation with several: checked where the derivative is complete.")
        place: Any = intern(Input("at", x.type))
        moved = rebuild(of, tuple(place if i is x else i for i in of.inputs)) if shallow else replace(of, {x: place})
        wanted = [slope, x, moved, *([flows] if flows is not None else [])]
        made, inputs, _ = opened(wanted)
        inputs = [i for i in inputs if i is not place]
        rows = []
        # At the point itself first: what the place of x holds there.
        at_point = Graph([place, *inputs], [made[2]])
        for values, found in self.points.at(inputs, [made[0], made[1], *made[3:]]):
            slope_here, x_here, *flowing = found
            rng = np.random.default_rng(7)
            direction = rng.normal(size=np.shape(x_here))
            weight = flowing[0] if flowing else 1.0

            def along(t: float, x_here: Any = x_here, direction: Any = direction, values: Any = values, weight: Any = weight) -> float:
                with np.errstate(all="ignore"):
                    return float(np.sum(weight * at_point.run("numpy", np.asarray(x_here + t * direction, np.asarray(x_here).dtype), *values)[0]))

            least = 1e-4 * max(1.0, abs(along(0.0)))
            rows.append(_row(_slope(along, float(np.max(np.abs(x_here), initial=1.0))), np.sum(slope_here * direction), least))
        return Check(how, ("by differences", "the rule"), tuple(rows), CLOSE)


def _slope(f: Callable[[float], float], scale: float) -> float:
    """The derivative at 0 by central differences of two widths, the error of the second order taken out."""
    h = 2e-4 * max(1.0, scale)
    wide, narrow = (f(h) - f(-h)) / (2 * h), (f(h / 2) - f(-h / 2)) / h
    return (4 * narrow - wide) / 3


def _given(graph: Graph, rest: Sequence[Any]) -> Callable[[Any], Any]:
    """A graph's result as a function of its first input, the others given."""
    return lambda value: graph.run("numpy", value, *rest)[0]


def _log_volume(f: Callable[[Any], Any], at: Any, shape: tuple[int, ...]) -> Any:
    """log |det| of the derivative of a map: element by element, or of the whole where the map is."""
    at = np.asarray(at, np.float64)
    size = at.size
    columns = []
    for i in range(size):
        step = np.zeros(size)
        step[i] = 1.0
        step = step.reshape(at.shape)
        h = 1e-4 * max(1.0, abs(float(at.reshape(-1)[i])))
        wide = (f(at + h * step) - f(at - h * step)) / (2 * h)
        narrow = (f(at + h / 2 * step) - f(at - h / 2 * step)) / h
        columns.append(np.ravel((4 * narrow - wide) / 3))
    if size > 400:
        raise NoValue(f"The map has {size} elements: its derivative is too large to take by differences.")
    matrix = np.stack(columns, -1) if columns else np.zeros((0, 0))
    if shape == at.shape and matrix.shape == (size, size):
        return np.log(np.abs(np.diagonal(matrix))).reshape(shape)
    if shape != ():
        raise NoValue("The map takes several vectors at once: its derivative is not taken by differences.")
    if matrix.shape[0] == size + 1:
        # What sums to a constant has one element that follows from the others.
        matrix = matrix[:-1]
    if matrix.shape[0] != size:
        raise NoValue("The map goes to another number of elements: its volume is not that of a square matrix.")
    return np.linalg.slogdet(matrix)[1]


def _free(x: Expr) -> Iterator[Expr]:
    return (n for n in _below(x) if isinstance(n.op, Input))


def _below(x: Expr) -> Sequence[Expr]:
    from workbench.graph import topological

    return topological([x])


def _called(x: Expr) -> str:
    return x.name or str(x.op.name)


def _row(before: Any, after: Any, least: float = 1e-3) -> Row:
    """Two sides at a point; values below `least` count as being as large as that: what is lost in them may be rounding."""
    if isinstance(before, tuple) or isinstance(after, tuple):
        parts = [_row(b, a, least) for b, a in zip(before, after)]
        return max(parts, key=lambda r: r.relative, default=Row("()", "()", 0.0, 0.0))
    b, a = np.asarray(before), np.asarray(after)
    x, y = (v.astype(np.float64) if v.dtype.kind in "biuf" else v for v in np.broadcast_arrays(b, a))
    with np.errstate(all="ignore"):
        same = (x == y) | (np.isnan(x) & np.isnan(y))
        apart = np.where(same, 0.0, np.abs(x - y))
        size = np.maximum(least, np.where(np.isfinite(x), np.abs(x), least))
        relative = np.where(np.isfinite(apart), apart / size, np.inf)
    i = int(np.argmax(relative)) if relative.size else 0
    return Row(_shown(b, i, relative), _shown(a, i, relative), float(np.max(apart, initial=0.0)), float(np.max(relative, initial=0.0)), _note(x, y))


def _note(x: Any, y: Any) -> str:
    before, after = (int((~np.isfinite(v)).sum()) for v in (x, y))
    if not before and not after:
        return ""
    return f"not finite: {before} before, {after} after"


def _shown(value: Any, worst: int, relative: Any) -> str:
    """A value in a few characters: the first elements of an array, and where the sides are furthest apart."""
    flat = value.reshape(-1)
    if value.ndim == 0 or flat.size == 1:
        return _number(flat[0])
    first = ", ".join(_number(v, 4) for v in flat[:3])
    if flat.size <= 3:
        return f"[{first}]"
    return f"[{first}, … {flat.size}]"


def _number(v: Any, digits: int = 8) -> str:
    return f"{v:.{digits}g}" if np.asarray(v).dtype.kind == "f" else str(v)
