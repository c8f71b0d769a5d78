"""Lengths that an operation needs equal, and that types do not show to be: stated once, checked where values enter.

``x + y`` of two vectors of open lengths needs these to be one. Before a graph is rewritten and compiled, its conditions are
collected by inferring types again, and solved by putting lengths in the place of names in the types of its parameters:
from there on both are one length. At a call the conditions are checked by the shapes of the arguments.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from workbench.errors import IndexBoundsError, Location, ShapeError
from workbench.graph.expr import Expr, input_like
from workbench.graph.frozen import frozen
from workbench.graph.length_names import distinct_names
from workbench.graph.lengths import (
    Length,
    Minimum,
    Size,
    Symbol,
    number,
    of_symbol,
    single,
    stating,
    substitute,
    symbols,
    text,
)  # fmt: skip
from workbench.graph.traverse import topological
from workbench.graph.types import TensorType


@frozen
class Condition:
    """Two lengths that `node` needs to be one."""

    one: Size
    other: Size
    node: Expr

    @property
    def location(self) -> Location | None:
        made = self.node.provenance
        return made.location if made else None

    @property
    def what(self) -> str | None:
        """What has the lengths, where an operation is there to say so."""
        return getattr(self.node.op, "what", None)

    @property
    def is_of_length(self) -> bool:
        """Whether it is that a length is not negative, of an operation that is given its lengths as numbers."""
        return hasattr(self.node.op, "shape")

    @property
    def needs(self) -> str:
        return f"{self.node.op.name} needs" if self.what is None else f"{self.what.rstrip(',')}, need"


def conditions_of(results: Sequence[Expr]) -> list[Condition]:
    """Return the conditions that expressions put on lengths, the inner graphs of loops and branches with them."""
    found: dict[tuple[Size, Size], Condition] = {}
    seen: set[object] = set()
    pending = [(results, True)]
    while pending:
        roots, certain = pending.pop()
        for node in topological(roots):
            inner = [g for g in node.op.graphs if g not in seen]
            seen.update(inner)
            pending += [(g.results, certain and node.op.name != "cond") for g in inner]
            if not certain and node.op.name == "take":
                continue  # A branch may be there for where the index is right: the index is checked where it is used.
            if not any(_is_open(x) for x in node.inputs):
                continue
            with stating() as stated:
                node.op.infer_from(node.inputs)
            for one, other in stated:
                found.setdefault((one, other), Condition(one, other, node))
    return list(found.values())


def _is_open(x: Expr) -> bool:
    return not isinstance(x.type, TensorType) or x.type.is_open or (x.type.kind in "iu" and not x.type.shape)


def solved(conditions: Iterable[Condition], free: Iterable[Symbol]) -> dict[Symbol, Size]:
    """Return what to put in the place of symbols, so that conditions hold as far as they can be solved by these.

    Raises
    ------
    ShapeError
        If two contradict one another.
    """
    conditions = list(conditions)
    found: dict[Symbol, Size] = {}
    unknowns = dict.fromkeys(free)
    users: dict[Symbol, set[Symbol]] = {}  # In what was found for which symbols each stands.
    for c in conditions:
        apart = substitute(c.one, found) - substitute(c.other, found)
        if isinstance(apart, int):
            if apart:
                names = distinct_names((c.one, c.other))
                raise ShapeError(
                    f"{c.needs} {text(c.one, names)} and {text(c.other, names)} to be one length, which differ by {abs(apart)} "
                    "with what the other operations need", "two lengths must be equal, or one of them 1 by type", c.location,
                )  # fmt: skip
            continue
        # Lengths by values are known too late to stand in types of parameters.
        if not symbols(apart).keys() <= unknowns.keys():
            continue
        # The name that is younger, and that no one has given, goes.
        candidates = [
            (not m[0].given, m[0].number, m[0], k)
            for m, k in apart.terms
            if len(m) == 1 and abs(k) == 1 and isinstance(m[0], Symbol) and m[0] in unknowns
            and m[0] not in symbols(apart - of_symbol(m[0]) * k)
        ]  # fmt: skip
        if not candidates:
            continue
        _, _, symbol, k = max(candidates, key=lambda one: one[:2])
        made = (of_symbol(symbol) * k - apart) * k
        for s in (*users.pop(symbol, ()), symbol):
            found[s] = made if s is symbol else substitute(found[s], {symbol: made})
            for t in symbols(found[s]):
                users.setdefault(t, set()).add(s)
    return _with_least(found, conditions, unknowns)


def _with_least(found: dict[Symbol, Size], conditions: Sequence[Condition], unknowns: Iterable[Symbol]) -> dict[Symbol, Size]:
    """What was found, with names that know what they are at least in the place of those that conditions ask to be."""
    least: dict[Symbol, int] = {}
    for c in conditions:
        asked = single(substitute(c.one, found))
        if c.is_of_length and isinstance(asked, Minimum) and isinstance(c.other, int) and c.other in asked.of and len(asked.of) == 2:
            (size,) = (n for n in asked.of if n != c.other)
            terms = dict(size.terms) if isinstance(size, Length) else {}
            k = terms.pop((), 0)
            alone = single(size - k)
            if isinstance(alone, Symbol) and alone.least is not None:
                least[alone] = max(least.get(alone, alone.least), c.other - k)
    known = {s: of_symbol(Symbol(s.name, False, n, s.given)) for s, n in least.items() if s in unknowns and n > (s.least or 0)}
    if not known:
        return found
    return {**known, **{s: substitute(n, known) for s, n in found.items()}}


def retyped(p: Expr, values: Mapping[Symbol, Size]) -> Expr:
    """Return an input with lengths in the place of symbols in its type."""
    if not isinstance(p.type, TensorType):
        return p
    shape = tuple(substitute(n, values) for n in p.type.shape)
    return p if shape == p.type.shape else input_like(p, p.type.with_shape(shape))  # type: ignore[no-any-return]


def axes_named(
    params: Sequence[Expr], shapes: Sequence[Sequence[int]], known: Mapping[Symbol, int] = MappingProxyType({})
) -> tuple[dict[Symbol, int], dict[Symbol, str]]:
    """Return the numbers that names of lengths stand for, and the arguments that say so; the first where several do, after those `known`."""
    values = dict(known)
    given: dict[Symbol, str] = {}
    for p, shape in zip(params, shapes):
        for axis, (n, m) in enumerate(zip(p.type.shape, shape)):
            found = None if isinstance(n, int) else solved_for(n, m)
            if found is not None and found[0] not in values:
                values[found[0]], given[found[0]] = found[1], axis_text(p, axis)
    return values, given


def axis_text(p: Expr, axis: int) -> str:
    """Return how messages speak of an axis of an argument."""
    return f"axis {axis} of {p.name or 'an input'}"


def solved_for(n: Length, m: int) -> tuple[Symbol, int] | None:
    """Return the symbol of a length ``c * symbol + k`` that is `m`, and what it stands for."""
    terms = dict(n.terms)
    k = terms.pop((), 0)
    if len(terms) != 1:
        return None
    ((monomial, c),) = terms.items()
    if len(monomial) != 1 or not isinstance(monomial[0], Symbol) or (m - k) % c or (m - k) // c < (monomial[0].least or 0):
        return None
    return monomial[0], (m - k) // c


def check(conditions: Sequence[Condition], params: Sequence[Expr], shapes: Sequence[Sequence[int]], numbers: Mapping[Symbol, int] = MappingProxyType({})) -> None:
    """Raise unless the conditions hold for arguments of these shapes, and these numbers.

    Raises
    ------
    ShapeError, IndexBoundsError
        With the lengths, the arguments that have them, and the user's line.
    """
    values, where = axes_named(params, shapes, numbers)
    # What says for itself what it compares is heard first.
    for c in sorted(conditions, key=lambda c: c.what is None):
        needed = {*symbols(c.one), *symbols(c.other)}
        if not needed <= values.keys():
            continue
        one, other = number(c.one, values), number(c.other, values)
        if one == other:
            continue
        least = single(c.one)
        if c.what is None and isinstance(least, Minimum) and isinstance(c.other, int) and len(least.of) == 2:
            # An axis has an element that is asked for: the operation says which, or of what there is none.
            _refuse(c, values)
            have = next(iter(where[s] for s in symbols(c.one) if s in where), "an axis")
            if c.is_of_length:
                raise ShapeError(f"{have} has length {one}, and {c.node.op.name} needs at least {c.other}", "", c.location)
            raise IndexBoundsError(f"index {c.other - 1} or {-c.other} is out of bounds for {have}, which has length {one}", "", c.location)
        names = distinct_names((c.one, c.other))
        raise ShapeError(
            f"{c.needs} lengths that are equal: {_said(c.one, one, names, where)}, {_said(c.other, other, names, where)}",
            "two lengths must be equal, or one of them 1 by type: pt.row, pt.col, shape=(1, None), x[:, None]",
            c.location,
        )


def _refuse(c: Condition, values: Mapping[Symbol, int]) -> None:
    """Infer the type of a condition's node with numbers for lengths, which raises the error that it has for them."""
    types = [
        x.type.with_shape(tuple(substitute(n, values) for n in x.type.shape)) if isinstance(x.type, TensorType) else x.type for x in c.node.inputs
    ]
    try:
        c.node.op.infer(*types)
    except (ShapeError, IndexBoundsError) as error:
        error.location = c.location
        raise


def _said(size: Size, value: int, names: Mapping[Symbol, str], where: Mapping[Symbol, str]) -> str:
    if isinstance(size, int):
        return f"one is {value}"
    found = [where[s] for s in symbols(size) if s in where]
    return f"{text(size, names)} is {value}" + (f" ({', '.join(found)})" if found else "")
