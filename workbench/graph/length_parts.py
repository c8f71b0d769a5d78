"""Lengths written with other lengths that are known, in the place of the names in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set

from workbench.graph.lengths import (
    Atom,
    Length,
    Minimum,
    Monomial,
    Quotient,
    Size,
    Symbol,
    minimum,
    of_symbol,
    product,
    quotient,
    symbols,
)

Rule = tuple[Monomial, int, Size, bool]
"""A product of atoms, how often it is taken, what that is, and whether that is all known: then it may be divided."""


def made_of(size: Size, parts: Mapping[Length, Size], known: Iterable[Atom]) -> Size:
    """Return a length in which others stand for what they are: ``m*n + m*k``, of ``{n + k: t}``, is ``m*t``.

    Parameters
    ----------
    size
        A length.
    parts
        Lengths, and what to write in their places.
    known
        What may stay; other names go as far as they can.
    """
    there = {*known, *(s for stand in parts.values() for s in symbols(stand))}

    def weight(monomial: Monomial) -> tuple[list[int], int, int, list[int]]:
        """The youngest quotients and minima of what is not known weigh most, which are within none of the others; then such names."""
        found = [atom for atom in monomial if not _is_of(atom, there)]
        opaque = sorted((atom.number for atom in found if not isinstance(atom, Symbol)), reverse=True)
        return opaque, len(found) - len(opaque), len(monomial), sorted((atom.number for atom in monomial), reverse=True)

    rules: list[Rule] = []
    for part, stand in parts.items():
        rest = _reduced(part, rules, there)
        if isinstance(rest, Length):
            # The heaviest term goes: it is what stands for the part, less the others.
            lead, c = max(rest.terms, key=lambda term: weight(term[0]))
            if lead:
                instead = stand - (rest - _term(lead, c))
                rules.append((lead, c, instead, symbols(instead).keys() <= there))
    return _reduced(size, rules, there)


def _is_of(atom: Atom, known: Set[Atom]) -> bool:
    return atom in known or symbols(of_symbol(atom)).keys() <= known


def _reduced(size: Size, rules: Sequence[Rule], known: Set[Atom]) -> Size:
    """A length in which products of atoms are what rules say that they are, in its quotients and minima too."""
    while isinstance(size, Length):
        found = next(
            (
                (_term(m, k), _term(left, k // c) * instead if k % c == 0 else _term(left, k) * quotient(instead, c))
                for m, k in size.terms
                for lead, c, instead, whole in rules
                if (left := _without(m, lead)) is not None and (k % c == 0 or whole)
            ),
            None,
        )
        if found is not None:
            size = size - found[0] + found[1]
            continue
        of_others = {a: _reduced_atom(a, rules, known) for m, _ in size.terms for a in m if not (isinstance(a, Symbol) or _is_of(a, known))}
        made: Size = 0
        for monomial, c in size.terms:
            made = made + product(of_others.get(a, of_symbol(a)) for a in monomial) * c
        if made == size:
            break
        size = made
    return size


def _reduced_atom(atom: Atom, rules: Sequence[Rule], known: Set[Atom]) -> Size:
    if isinstance(atom, Quotient):
        return quotient(_reduced(atom.numerator, rules, known), _reduced(atom.denominator, rules, known))
    assert isinstance(atom, Minimum)
    return minimum(*(_reduced(n, rules, known) for n in atom.of))


def _term(monomial: Monomial, c: int) -> Size:
    return product(map(of_symbol, monomial)) * c


def _without(monomial: Monomial, factor: Monomial) -> Monomial | None:
    """What is left of a product of atoms that another divides."""
    left = list(monomial)
    for atom in factor:
        if atom not in left:
            return None
        left.remove(atom)
    return tuple(left)
