"""Which given draws hold in a model: what has changed since they were made, and what depends on it.

The rule, which is PyMC's, is a property of the model's graph. Some of its nodes have **changed**:

- data whose values the draws were not made with, or which the draws know nothing of;
- variables that were set by `do`, to other values than the draws hold;
- random variables that are observed, or not among the draws, or along a dim that has other labels;
- what is asked for.

What depends on something changed has changed too; so does what has the length of changed data, unless it is
the length of a dim whose labels are those of the draws. Then a variable that has not changed is **taken** from
the draws, if it is among them; a random variable that has changed is **drawn**, given what it depends on;
and all else is **computed**.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as with_fields
from typing import Any

import numpy as np

from workbench.errors import warn_user
from workbench.graph.expr import Expr
from workbench.graph.traverse import ancestors, topological
from workbench.inference.each_draw import each_draw
from workbench.inference.given_draws import GivenDraws
from workbench.inference.layout import label_array
from workbench.model.dims import same_labels
from workbench.model.model import Model
from workbench.tensor.shape import Dim
from workbench.tensor.tensor import Tensor

KINDS = {
    "asked for": "{} is asked for",
    "set": "{} was set",
    "other values": "data {} have other values",
    "other labels": "dim {} has other labels",
    "observed": "{} is observed",
    "not among the draws": "{} is not among the draws",
    "not known": "the draws do not hold data {}",
}
"""Why something has changed; the first one that applies is told."""


@dataclass(frozen=True)
class Cause:
    """Why a node has changed.

    Attributes
    ----------
    kind, name
        What has changed at first: one of `KINDS`, and of what.
    through_length
        Whether the node depends on no more of that than its length.
    """

    kind: str
    name: str
    through_length: bool = False

    def __str__(self) -> str:
        return KINDS[self.kind].format(self.name)

    @property
    def order(self) -> tuple[bool, int]:
        return self.through_length, list(KINDS).index(self.kind)


def spread(roots: Sequence[Expr], changed: Mapping[Expr, Cause], unchanged: Iterable[Expr] = ()) -> dict[Expr, Cause]:
    """Return all nodes below `roots` that have changed, each with its cause.

    Parameters
    ----------
    roots
        Expressions.
    changed
        Nodes that have changed by themselves.
    unchanged
        Nodes that have not, whatever they depend on.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> x, y = pt.scalar("x"), pt.scalar("y")
    >>> list(spread([pt.exp(x), pt.exp(y)], {x: Cause("set", "x")}))
    [x, exp(x)]
    """
    found: dict[Expr, Cause] = {}
    stays = set(unchanged)
    for node in topological(roots):
        if node in stays:
            continue
        causes = [found[x] for x in node.inputs if x in found]
        if isinstance(node.op, Dim):
            causes = [with_fields(c, through_length=True) for c in causes]
        if node in changed:
            causes.append(changed[node])
        if causes:
            found[node] = min(causes, key=lambda c: c.order)
    return found


class Validity:
    """What of given draws is used where some variables of a model are asked for.

    Parameters
    ----------
    model
        The model, its shapes open where they follow data.
    given
        The draws.
    asked
        Names of what is asked for.

    Attributes
    ----------
    taken
        Names of the variables whose draws are used.
    drawn
        Names of the random variables that are drawn.
    set_aside
        Names of variables that are among the draws, and are computed or drawn though they are not asked for, with the cause.
    """

    def __init__(self, model: Model, given: GivenDraws, asked: Sequence[str]) -> None:
        self.model, self.given = model, given
        roots = [model[name] for name in asked]
        below = topological(roots)
        # Data are what they are, whether they are asked for or not.
        wanted: dict[Expr, Cause] = {x: Cause("asked for", str(x.name)) for x in roots if not any(x is y for y in model.data_vars)}
        changed, kept = {**_changed(model, given, below), **wanted}, _lengths_kept(model, given)
        # Draws of what depends on a variable that was summed out are draws with it summed out: they hold without it.
        self.absent = [x for x in model.marginalized_RVs if x in changed and x not in wanted and x not in given]
        if self.absent:
            others = spread(roots, {x: c for x, c in changed.items() if x not in set(self.absent)}, kept)
            kept += [x for x in model.free_RVs if x in given and x not in others]
        self.causes = spread(roots, changed, kept)
        storable = [x for x in (*model.free_RVs, *model.marginalized_RVs, *model.deterministics, *model.recovered_deterministics) if x in given]
        holding = {x for x in storable if x not in self.causes}
        needed = _down_to(roots, holding)
        self.taken = [str(x.name) for x in storable if x in holding and x in needed]
        self.drawn = [str(x.name) for x in (*model.basic_RVs, *model.marginalized_RVs) if x in self.causes]
        self.set_aside = {str(x.name): self.causes[x] for x in storable if x in self.causes and not any(x is y for y in roots)}

    def __str__(self) -> str:
        """What PyMC says, and then what it does not."""
        text = f"Sampling: [{', '.join(sorted(self.drawn))}]"
        more = [f"Taken from the draws: [{', '.join(sorted(self.taken))}]"] if self.taken else ["Nothing is taken from the draws"]
        by_cause: dict[tuple[str, bool], list[str]] = {}
        for name, cause in sorted(self.set_aside.items()):
            by_cause.setdefault((str(cause), name in self.drawn), []).append(name)
        more += [f"{'drawn' if drawn else 'computed'} again: [{', '.join(names)}], for {why}" for (why, drawn), names in by_cause.items()]
        return "\n".join([text, "; ".join(more)])

    def warn(self) -> None:
        """Warn of draws that are set aside for no more than that something is not known."""
        for z in self.absent:
            taken = [name for name in self.taken if z in ancestors([self.model[name]])]
            if taken:
                warn_user(
                    f"{z.name} is not among the draws and is drawn from its prior, but {', '.join(taken)}, which depends on it, is among them: "
                    f"pm.recover(idata) draws {z.name} given these first"
                )
        absent = {x: c for x, c in self.causes.items() if c.kind == "not among the draws" and str(x.name) == c.name}
        incomplete = spread([self.model[name] for name in self.set_aside], absent)
        for name, cause in self.set_aside.items():
            drawn = name in self.drawn
            if self.model[name] in incomplete:
                source = incomplete[self.model[name]].name
                warn_user(
                    f"{name} is among the draws, but {source}, which it depends on, is not: {source} is drawn from its prior, "
                    f"and {name} is {'drawn' if drawn else 'computed'} again"
                )
            elif drawn and cause.kind == "asked for" and any(self.model[cause.name] is x for x in self.model.deterministics):
                warn_user(
                    f"{name} is among the draws, but is drawn again, as in PyMC: it depends on {cause.name}, which is asked for. "
                    f"To have {cause.name} as it is for the draws take it from them, or from compute_deterministics"
                )
            elif drawn and cause.kind == "not known":
                warn_user(
                    f"{name} is among the draws, but is drawn again: it depends on data {cause.name}, and the draws do not say what these were. "
                    "Give InferenceData with its constant_data, as pm.sample returns it, if they are the same"
                )
            elif drawn and cause.through_length and self._of_equal_length(name):
                warn_user(
                    f"{name} is among the draws, but is drawn again: its length is that of data {cause.name}, which have other values. "
                    "Where its draws still hold, let its length be a number, or a dim with labels"
                )

    def _of_equal_length(self, name: str) -> bool:
        now = self.model.shapes.of(self.model[name])
        return self.given.arrays[name].shape[len(self.given.dims) :] == now


def _changed(model: Model, given: GivenDraws, below: Sequence[Expr]) -> dict[Expr, Cause]:
    """What has changed by itself, of some nodes of a model."""
    wanted = set(below)
    found: dict[Expr, Cause] = {}
    for x in model.data_vars:
        if x in wanted and (kind := _change_of_data(x, given)):
            found[x] = Cause(kind, str(x.name))
    for x in model.deterministics:
        if x in wanted and x.name in model.interventions and not _as_drawn(model, x, given):
            found[x] = Cause("set", str(x.name))
    observed = set(model.observed_RVs)
    relabelled = {d for d in given.labels if d in model.coords and not _labels_are_the_same(model, d, given)}
    for x in (*model.basic_RVs, *model.marginalized_RVs):
        if x in wanted:
            along = [d for d in model.named_vars_to_dims.get(str(x.name), ()) if d in relabelled]
            if x in observed:
                found[x] = Cause("observed", str(x.name))
            elif x not in given:
                found[x] = Cause("not among the draws", str(x.name))
            elif along:
                found[x] = Cause("other labels", str(along[0]))
    return found


def _change_of_data(x: Tensor, given: GivenDraws) -> str | None:
    """In which way data have changed, if they have."""
    known = given.constants.get(str(x.name))
    if known is None:
        # A variable of the draws that is data now was set.
        return "set" if x in given else "not known"
    now = np.asarray(x.eval())
    if not now.ndim and known.size == 1:
        # ArviZ stores a number as an array of one.
        known = known.reshape(())
    same = known.shape == now.shape and np.array_equal(known, now, equal_nan=known.dtype.kind == now.dtype.kind == "f")
    return None if same else "other values"


def _as_drawn(model: Model, x: Tensor, given: GivenDraws) -> bool:
    """Whether a variable that was set to an expression is what the draws hold."""
    now = model.at_current_shapes()
    x = now[str(x.name)]
    random = {*now.basic_RVs, *now.marginalized_RVs}
    needed: list[Any] = [y for y in topological([x]) if y in random]
    if x not in given or any(y not in given for y in needed):
        return False
    if given.arrays[str(x.name)].shape[len(given.dims) :] != x.type.shape:
        return False
    (computed,) = each_draw(needed, [x], now.backend)([given.of(y) for y in needed], given.count, 0)
    stored = given.of(x)
    # Elsewhere it may have been computed in another order.
    return np.allclose(computed, stored, rtol=1e-9, atol=1e-9 * np.max(np.abs(stored), initial=0.0), equal_nan=True)


def _lengths_kept(model: Model, given: GivenDraws) -> list[Expr]:
    """Lengths of dims whose labels are those of the draws: these rows are the same, whatever data they have."""
    return [
        n
        for d, n in model.dim_lengths.items()
        if isinstance(n, Tensor) and model.coords[d] is not None and d in given.labels and _labels_are_the_same(model, d, given)
    ]


def _labels_are_the_same(model: Model, dim: str, given: GivenDraws) -> bool:
    """Whether a dim has the labels of the draws; one without labels, as many."""
    labels, before = model.coords[dim], given.labels[dim]
    if labels is None:
        return len(before) == model.length_of(dim)
    kept = label_array(labels)
    if kept.dtype.kind in "mM":
        return bool(np.array_equal(kept, before)) or same_labels(labels, tuple(before))
    # xarray has NaN for None.
    kept = tuple(float("nan") if x is None else x for x in kept)
    return same_labels(labels, tuple(before)) or same_labels(kept, tuple(before))


def _down_to(roots: Sequence[Expr], leaves: set[Tensor]) -> set[Expr]:
    """The nodes below `roots`, none below `leaves`."""
    seen: set[Expr] = set()
    stack = list(roots)
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            if node not in leaves:
                stack += node.inputs
    return seen


def directly_below(outputs: Sequence[Tensor], sources: Sequence[Tensor], random: Sequence[Tensor]) -> list[Tensor]:
    """Return the outputs that depend on any of `sources` by no other random variable."""
    wanted, stops = set(sources), set(random)
    return [x for x in outputs if _down_to([x], stops - {x}) & wanted]
