"""Variables whose transform keeps them to a part of their distribution's support, and draws that lie there.

The density of a model with ``transform=ordered`` is that of its distributions, restricted to vectors in order: it is not divided by
the probability of that, which may depend on other variables. Draws from the same distribution are those of all variables together in
which each restricted one lies where its transform leads.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

import workbench.tensor as pt
from workbench.distributions.custom import CustomDist
from workbench.distributions.distribution import INTERVAL, POSITIVE, SIMPLEX, UNIT, Draw, is_certain
from workbench.distributions.modifiers import Truncated
from workbench.errors import ModelError
from workbench.graph.expr import Expr, intern
from workbench.graph.frozen import frozen
from workbench.graph.traverse import replace, topological
from workbench.tensor.tensor import Tensor
from workbench.transforms.change_of_variables import Log, Transform, default_transform
from workbench.transforms.constrained_numbers import Chain, LogExpM1, LogOdds
from workbench.transforms.constrained_vectors import Ordered, Simplex, StickBreaking

SUPPORTS = {POSITIVE: (0.0, None), UNIT: (0.0, 1.0)}
"""The bounds of supports that have fixed ones."""
INCREASING = (Log, LogOdds, LogExpM1)
"""Transforms that leave numbers in their order."""

# By the id of the variable: weak dictionaries compare by ==, which is no identity here.
_written: dict[int, tuple[weakref.ref[Expr], Transform]] = {}


@frozen
class Restriction:
    """What a transform asks of a variable beyond its distribution.

    Attributes
    ----------
    before
        The transform of its support, which comes first and asks nothing.
    transform
        That which leads to a part of the support only.
    """

    before: Transform | None
    transform: Transform

    def holds(self, x: Tensor, rv: Tensor) -> Tensor:
        """Whether a value lies where the transform leads."""
        return pt.all(self.transform.reaches(x if self.before is None else self.before.forward(x, rv), rv))


def restriction(rv: Tensor, transform: Transform | None) -> Restriction | None:
    """Return what the transform of a variable asks beyond its distribution; ``None`` if nothing.

    Examples
    --------
    >>> from workbench.transforms import log, ordered
    >>> x = pm.Normal.dist(0.0, 1.0, shape=3)
    >>> restriction(x, ordered).transform, restriction(pm.Exponential.dist(1.0), log)
    (Ordered(positive=False, ascending=True), None)
    """
    if transform is None or transform.onto:
        return None
    default = default_transform(rv) if isinstance(rv.op, Draw) else None
    if transform == default:
        return None
    if default is not None and isinstance(transform, Chain) and transform.transform_list[0] == default:
        rest = transform.transform_list[1:]
        return Restriction(default, rest[0] if len(rest) == 1 else Chain(rest)) if rest else None
    support = rv.op.distribution.support if isinstance(rv.op, Draw) else None
    if support == SIMPLEX and isinstance(transform, (Simplex, StickBreaking)):
        return None
    own = SUPPORTS.get(support) if support is not None else None
    if own is not None and transform.limits(rv) == own:
        return None
    return Restriction(None, transform)


def note(rv: Tensor, transform: Transform | None) -> None:
    """Remember the transform with which a variable was made, for who draws it without its model."""
    if transform is not None and restriction(rv, transform) is not None:
        known = id(rv)
        _written[known] = weakref.ref(rv, lambda _: _written.pop(known, None)), transform


def transforms_written(roots: Sequence[Expr]) -> dict[Expr, Transform]:
    """Return the transforms that were written where the variables below some expressions were made."""
    found = {x: _written.get(id(x)) for x in topological(roots)}
    return {x: entry[1] for x, entry in found.items() if entry is not None and entry[0]() is x}


# Draws -------------------------------------------------------------------------------------------


def restricted(
    outputs: Sequence[Tensor], given: Collection[Expr], transforms: Mapping[Any, Transform | None]
) -> tuple[list[Tensor], Tensor | None, tuple[str, ...]]:
    """Return expressions of variables that keep to where their transforms lead.

    Parameters
    ----------
    outputs
        Expressions of random variables.
    given
        Variables that are not drawn.
    transforms
        The transforms of some variables.

    Returns
    -------
    outputs
        The same, of variables that are drawn where they belong if that is known how: in order, or between bounds.
    accepted
        Whether all of them lie there; ``None`` if none is restricted. Draws in which they do not are to be made again.
    names
        Those of the restricted variables.

    Raises
    ------
    ModelError
        If a transform leads to a set without volume, on which the distribution has no density to draw from.
    """
    drawn = [x for x in _drawn(outputs, given) if x in transforms]
    asked = {rv: r for rv in drawn if (r := restriction(rv, transforms[rv])) is not None}
    if not asked:
        return list(outputs), None, ()
    placed: dict[Expr, Any] = {}
    conditions = []
    for rv, r in asked.items():
        _require_volume(rv, r)
        (own,) = replace([rv], placed)
        ways = (_in_order(own, r), _between(own, r, given), own)
        placed[rv] = x = next(way for way in ways if way is not None)
        conditions.append(replace([r.holds(x, own)], {**placed, x: x})[0])
    accepted = pt.all(pt.stack(conditions))
    return replace(list(outputs), placed), accepted, tuple(str(rv.name) for rv in asked)


def _drawn(outputs: Sequence[Expr], given: Collection[Expr]) -> list[Tensor]:
    """What outputs are made of without what is given, each after what it is made of."""
    known = set(given)
    reached, pending = set(), [x for x in outputs if x not in known]
    while pending:
        x = pending.pop()
        if x not in reached:
            reached.add(x)
            pending += [y for y in x.inputs if y not in known]
    return [x for x in topological(outputs) if x in reached and isinstance(x, Tensor)]


def _require_volume(rv: Tensor, r: Restriction) -> None:
    if rv.type.is_open:
        return
    before: Any = rv.type.static_shape if r.before is None else r.before.value_shape(rv.type.static_shape)
    after: Any = r.transform.value_shape(before)
    if math.prod(after) < math.prod(before):
        what = rv.op.name if isinstance(rv.op, Draw) else "its distribution"
        raise ModelError(
            f"{rv.name} cannot be drawn from its prior: its transform {r.transform.name} leads to points without volume, on which {what} has no density",
            "take a distribution of such points: Dirichlet for those that sum to 1, ZeroSumNormal for those that sum to 0",
            rv.provenance.location if rv.provenance else None,
        )


def _in_order(own: Tensor, r: Restriction) -> Tensor | None:
    """Independent draws of one distribution, sorted: so they are distributed if they are kept only in order."""
    steps = r.transform.transform_list if isinstance(r.transform, Chain) else (r.transform,)
    *first, last = steps if r.before is None else (r.before, *steps)
    if not isinstance(last, Ordered) or not all(isinstance(t, INCREASING) for t in first) or not _alike_along_last(own):
        return None
    found = pt.sort(own, axis=-1)
    return found if last.ascending else pt.flip(found, -1)


def _alike_along_last(rv: Tensor) -> bool:
    """Whether elements along the last axis are independent draws from one distribution."""
    if not isinstance(rv.op, Draw) or not rv.ndim:
        return False
    d = rv.op.distribution
    if d.event_rank or d.simulated or issubclass(d, CustomDist):
        return False
    return all(_constant_along_last(p, rank) for p, rank in zip(rv.inputs[1:], d.ranks or (0,) * len(rv.inputs)))


def _constant_along_last(p: Tensor, rank: int) -> bool:
    """Whether a parameter is the same along the last axis of a batch."""
    batch = p.type.shape[: p.ndim - rank]
    if not batch or batch[-1] == 1:
        return True
    if not is_certain(p):
        return False
    values = np.moveaxis(p.eval(), p.ndim - rank - 1, 0)
    return bool((values == values[:1]).all())


def _between(own: Tensor, r: Restriction, given: Collection[Expr]) -> Tensor | None:
    """Draws between bounds, each by itself, of what depends on no other variable that is drawn.

    With parents that are drawn too, values of these count by how probable it is to lie between the bounds.
    """
    if r.before is not None or not isinstance(own.op, Draw) or own.type.kind != "f":
        return None
    d = own.op.distribution
    limits = r.transform.limits(own)
    if limits is None or d.event_rank or d.simulated or d.support not in (*SUPPORTS, INTERVAL, "real"):
        return None
    bounds = [x for x in limits if isinstance(x, Expr)]
    if any(isinstance(x.op, Draw) for x in _drawn([*own.inputs[1:], *bounds], given)):
        return None
    try:
        made = Truncated.dist(d.variable(own.inputs[1:], own.type.shape), *limits)
    except (ModelError, NotImplementedError):
        return None
    # Under the key of the variable: equal questions are equal expressions.
    found: Tensor = intern(made.op, (own.inputs[0], *made.inputs[1:]))
    return found
