"""Lengths of axes: integers, names, and sums, products, quotients, minima and maxima of them.

A length that is no plain integer is a :class:`Length`: a polynomial with integer coefficients over *atoms* (names,
floor quotients, minima), in one normal form. Equal lengths are one object, so that they are compared by ``is``.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Union

Size = Union[int, "Length"]
"""A length: a number, or an expression for one."""

_numbers = itertools.count()
_lock = threading.RLock()
_lengths: weakref.WeakValueDictionary[Any, Length] = weakref.WeakValueDictionary()
_atoms: weakref.WeakValueDictionary[Any, Atom] = weakref.WeakValueDictionary()


class Atom:
    """A factor of a length that is not taken apart; ordered by when it was made."""

    __slots__ = ("__weakref__", "number")

    def __init__(self) -> None:
        self.number = next(_numbers)


class Symbol(Atom):
    """A name for a number that is known only at the call.

    Attributes
    ----------
    name
        How it is printed.
    shared
        Whether every symbol of this name is this one.
    given
        Whether someone has given that name, as the name of a dim: it stays where another length turns out to be the same.
    least
        What it is at least: 0 for a length, ``None`` for any integer.
    """

    __slots__ = ("given", "least", "name", "shared")

    def __init__(self, name: str, shared: bool = False, least: int | None = 0, given: bool = False) -> None:
        super().__init__()
        self.name, self.shared, self.least, self.given = name, shared, least, given or shared

    def __reduce__(self) -> Any:
        return (_shared_symbol, (self.name,)) if self.shared else (Symbol, (self.name, False, self.least, self.given))

    def __repr__(self) -> str:
        return self.name


class Quotient(Atom):
    """``numerator // denominator``."""

    __slots__ = ("denominator", "numerator")

    def __init__(self, numerator: Size, denominator: Size) -> None:
        super().__init__()
        self.numerator, self.denominator = numerator, denominator

    def __reduce__(self) -> Any:
        return _interned_atom, (Quotient, self.numerator, self.denominator)


class Minimum(Atom):
    """The least of several lengths."""

    __slots__ = ("of",)

    def __init__(self, *of: Size) -> None:
        super().__init__()
        self.of = of

    def __reduce__(self) -> Any:
        return _interned_atom, (Minimum, *self.of)


Monomial = tuple[Atom, ...]


class Length:
    """A length that is no plain integer: a polynomial over atoms. Immutable and interned: compare with ``is``.

    Examples
    --------
    >>> n = named("n")
    >>> (n + 1) * 2 - n is n + 2
    True
    >>> minimum(n, n + 1), (4 * n + 6) // 2
    (n, 2*n + 3)
    """

    __slots__ = ("__weakref__", "_bounds", "terms")

    terms: tuple[tuple[Monomial, int], ...]
    _bounds: tuple[int | None, int | None]

    def __add__(self, other: Any) -> Any:
        if other.__class__ is int:
            return _sum(self.terms, (((), other),)) if other else self
        return _sum(self.terms, other.terms) if isinstance(other, Length) else NotImplemented

    __radd__ = __add__

    def __neg__(self) -> Any:
        return self * -1

    def __sub__(self, other: Any) -> Any:
        return self + -other if isinstance(other, (int, Length)) else NotImplemented

    def __rsub__(self, other: Any) -> Any:
        return -self + other if isinstance(other, int) else NotImplemented

    def __mul__(self, other: Any) -> Any:
        if other.__class__ is int:
            return 0 if other == 0 else self if other == 1 else _made({m: c * other for m, c in self.terms})
        return _product(self, other) if isinstance(other, Length) else NotImplemented

    __rmul__ = __mul__

    def __floordiv__(self, other: Any) -> Any:
        return quotient(self, other) if isinstance(other, (int, Length)) else NotImplemented

    def __rfloordiv__(self, other: Any) -> Any:
        return quotient(other, self) if isinstance(other, int) else NotImplemented

    def __bool__(self) -> bool:
        raise TypeError(f"whether the length {self} is 0 is known only at the call")

    def __reduce__(self) -> Any:
        return _read, (self.terms,)

    def __copy__(self) -> Length:
        return self

    def __deepcopy__(self, memo: object) -> Length:
        return self

    def __str__(self) -> str:
        return text(self)

    __repr__ = __str__


# Making lengths -------------------------------------------------------------------------------


def fresh(name: str, least: int | None = 0, given: bool = False) -> Length:
    """Return a length like no other, printed as `name`; of any integer, if `least` is ``None``."""
    return _of_atom(Symbol(name, False, least, given))


def named(name: str) -> Length:
    """Return the length of that name: the same at every call."""
    return _of_atom(_shared_symbol(name))


def _shared_symbol(name: str) -> Symbol:
    with _lock:
        found = _atoms.get(name)
        if found is None:
            found = _atoms[name] = Symbol(name, shared=True)
        return found  # type: ignore[return-value]


def _interned_atom(kind: Callable[..., Atom], *parts: Size) -> Atom:
    key = (kind, *parts)
    with _lock:
        found = _atoms.get(key)
        if found is None:
            found = _atoms[key] = kind(*parts)
        return found


def _read(terms: tuple[tuple[Monomial, int], ...]) -> Size:
    return _made({tuple(sorted(m, key=_number)): c for m, c in terms})


def _number(atom: Atom) -> int:
    return atom.number


def _order(term: tuple[Monomial, int]) -> tuple[int, list[int]]:
    return -len(term[0]), [a.number for a in term[0]]


def _of_atom(atom: Atom) -> Length:
    return _made({(atom,): 1})  # type: ignore[return-value]


def _made(terms: dict[Monomial, int]) -> Size:
    """The length with these terms, in normal form."""
    kept = sorted(((m, c) for m, c in terms.items() if c), key=_order)
    if not kept:
        return 0
    if len(kept) == 1 and not kept[0][0]:
        return kept[0][1]
    key = tuple(kept)
    with _lock:
        found = _lengths.get(key)
        if found is None:
            found = Length()
            found.terms = key
            _lengths[key] = found
        return found


def _sum(a: Iterable[tuple[Monomial, int]], b: Iterable[tuple[Monomial, int]]) -> Size:
    terms = dict(a)
    for monomial, c in b:
        terms[monomial] = terms.get(monomial, 0) + c
    return _made(terms)


def _product(a: Length, b: Length) -> Size:
    terms: dict[Monomial, int] = {}
    for m, c in a.terms:
        for k, d in b.terms:
            both = tuple(sorted(m + k, key=_number))
            terms[both] = terms.get(both, 0) + c * d
    return _made(terms)


def quotient(a: Size, b: Size) -> Size:
    """Return ``a // b``; of a product by one of its factors it is the others, also where that factor turns out to be 0."""
    if isinstance(b, int) and b < 0:
        return quotient(-a, -b)
    if isinstance(a, int):
        if isinstance(b, int):
            return a // b
        return 0 if a == 0 else _of_atom(_interned_atom(Quotient, a, b))
    if isinstance(b, int):
        # Multiples of b come out of the quotient.
        whole = {m: c // b for m, c in a.terms}
        rest = _made({m: c % b for m, c in a.terms})
        below: Size = rest // b if isinstance(rest, int) else _of_atom(_interned_atom(Quotient, rest, b))
        return _made(whole) + below
    if len(b.terms) == 1:
        ((factor, c),) = b.terms
        divided = [_without(m, k, factor, c) for m, k in a.terms]
        if all(d is not None for d in divided):
            return _made(dict(d for d in divided if d is not None))
        for atom in factor:
            # What all terms have as a factor, the divisor too, goes.
            if all(atom in m for m, _ in a.terms):
                return quotient(_made(dict(_without(m, k, (atom,), 1) for m, k in a.terms)), _made(dict([_without(factor, c, (atom,), 1)])))  # type: ignore[misc, list-item]
    if a is b:
        return 1
    return _of_atom(_interned_atom(Quotient, a, b))


def _without(monomial: Monomial, c: int, factor: Monomial, d: int) -> tuple[Monomial, int] | None:
    """A term divided by another, where that leaves no rest."""
    left = list(monomial)
    for atom in factor:
        if atom not in left:
            return None
        left.remove(atom)
    return (tuple(left), c // d) if c % d == 0 else None


def next_number() -> int:
    """Return a number above those of all symbols that there are: later ones have larger numbers."""
    return next(_numbers)


def of_symbol(symbol: Atom) -> Length:
    """Return the length that a symbol, or another atom, is."""
    return _of_atom(symbol)


def minimum(*sizes: Size) -> Size:
    """Return the least of several lengths."""
    parts, added = list(sizes), 0
    while True:
        shared = _shared(parts)
        if isinstance(shared, Length):
            # min(n - m, k - m) is min(n, k) - m.
            parts, added = [n - shared for n in parts], added + shared
        inner = next(((n, atom) for n in parts for atom in _minima(n)), None)
        if inner is None:
            break
        size, atom = inner
        at = parts.index(size)
        parts[at : at + 1] = [size - _of_atom(atom) + n for n in atom.of]
    kept: list[Size] = []
    for size in parts:
        if not any(at_least(size, other) for other in kept):
            kept = [other for other in kept if not at_least(other, size)]
            kept.append(size)
    if len(kept) < len(parts) and isinstance(_shared(kept), Length):
        return minimum(*kept) + added
    if len(kept) == 1:
        return kept[0] + added
    kept.sort(key=_place)
    # One form of min(0, n - 1) and min(1, n) - 1: the first that is no number has no number added.
    shift = next(dict(n.terms).get((), 0) for n in kept if isinstance(n, Length))
    return _of_atom(_interned_atom(Minimum, *(n - shift for n in kept))) + shift + added


def _shared(parts: Sequence[Size]) -> Size:
    """What all of several lengths have added, or taken off: of each product of names the least coefficient."""
    terms = [dict(n.terms) if isinstance(n, Length) else {} for n in parts]
    return _made({m: least for m in dict.fromkeys(m for t in terms for m in t if m) if (least := min(t.get(m, 0) for t in terms))})


def _minima(size: Size) -> Iterator[Minimum]:
    """The minima that are terms of a length, each once."""
    if isinstance(size, Length):
        yield from (m[0] for m, c in size.terms if c == 1 and len(m) == 1 and isinstance(m[0], Minimum))


def maximum(a: Size, b: Size) -> Size:
    """Return the larger of two lengths."""
    return a + b - minimum(a, b)


def _place(size: Size) -> Any:
    return (0, [size]) if isinstance(size, int) else (1, [(_order(t), t[1]) for t in size.terms])


def single(size: Size) -> Atom | None:
    """Return the atom that a length is, if it is one."""
    if isinstance(size, int) or len(size.terms) != 1:
        return None
    ((monomial, c),) = size.terms
    return monomial[0] if c == 1 and len(monomial) == 1 else None


def product(sizes: Iterable[Size]) -> Size:
    """Return the product of lengths: the number of elements of a shape."""
    made: Size = 1
    for n in sizes:
        made = made * n
    return made


# What is known of lengths ---------------------------------------------------------------------


def bounds(size: Size) -> tuple[int | None, int | None]:
    """Return what a length is at least and at most, as far as is known whatever the names stand for."""
    if isinstance(size, int):
        return size, size
    try:
        return size._bounds
    except AttributeError:
        low: int | None = 0
        high: int | None = 0
        for monomial, c in size.terms:
            a, b = _bounds_of_product(monomial)
            if c < 0:
                a, b = b, a
            low = None if low is None or a is None else low + c * a
            high = None if high is None or b is None else high + c * b
        # Minima that are added first: a length is the least of what it is with each of their parts.
        for (atom, *rest), c in sorted(((m, c) for m, c in size.terms if m), key=lambda term: -term[1]):
            parts = [] if rest else _at_most(atom, c)
            if parts:
                without = size - _of_atom(atom) * c
                each = [bounds(without + part) for part in parts]
                lows, highs = [a for a, _ in each if a is not None], [b for _, b in each if b is not None]
                least = isinstance(atom, Minimum)
                if c < 0:
                    low = max((a for a in (low, *lows) if a is not None), default=None)
                    if least and len(highs) == len(each):
                        high = min(b for b in (high, max(highs)) if b is not None)
                else:
                    high = min((b for b in (high, *highs) if b is not None), default=None)
                    if least and len(lows) == len(each):
                        low = max(a for a in (low, min(lows)) if a is not None)
                break
        size._bounds = low, high
        return low, high


def _at_most(atom: Atom, c: int) -> list[Size]:
    """What `c` times an atom is at most, or, of a negative `c`, at least."""
    if isinstance(atom, Minimum):
        # A minimum is at most each of its parts: n - min(n, m) is not negative.
        return [part * c for part in atom.of]
    if isinstance(atom, Quotient) and isinstance(atom.denominator, int) and atom.denominator > 0 and c % atom.denominator == 0:
        # d * (n // d) is at most n: a remainder is not negative.
        return [atom.numerator * (c // atom.denominator)]
    return []


def _bounds_of_product(monomial: Monomial) -> tuple[int | None, int | None]:
    low: int | None = 1
    high: int | None = 1
    for atom in monomial:
        a, b = _bounds_of_atom(atom)
        if a is None or a < 0 or low is None or low < 0:
            return (a, b) if len(monomial) == 1 else (None, None)
        low = low * a
        high = None if high is None or b is None else high * b
    return low, high


def _bounds_of_atom(atom: Atom) -> tuple[int | None, int | None]:
    if isinstance(atom, Symbol):
        return atom.least, None
    if isinstance(atom, Quotient):
        (low, high), (least, most) = bounds(atom.numerator), bounds(atom.denominator)
        if least is None or least < 0 or low is None or low < 0:
            return None, None
        return (low // most if most else 0), (high // max(least, 1) if high is not None else None)
    assert isinstance(atom, Minimum)
    each = [bounds(n) for n in atom.of]
    lows, highs = [a for a, _ in each], [b for _, b in each if b is not None]
    return (None if None in lows else min(a for a in lows if a is not None)), min(highs, default=None)


def at_least(a: Size, b: Size) -> bool:
    """Whether ``a >= b`` for all that the names may stand for."""
    low, _ = bounds(a - b)
    return low is not None and low >= 0


def differ(a: Size, b: Size) -> bool:
    """Whether two lengths are different for all that the names may stand for."""
    if a is b:
        return False
    low, high = bounds(a - b)
    return (low is not None and low > 0) or (high is not None and high < 0)


class _Stated(threading.local):
    """The lists of conditions that are being collected."""

    def __init__(self) -> None:
        self.lists: list[list[tuple[Size, Size]]] = []


_stated = _Stated()


def one_length(a: Size, b: Size) -> Size | None:
    """Return the one length that two lengths are to be; ``None`` if they surely differ.

    What is not known to be equal becomes a condition, which whoever is :func:`stating` conditions gets.
    """
    if a is b or a == b:
        return a
    if differ(a, b):
        return None
    if _stated.lists:
        _stated.lists[-1].append((a, b))
    if isinstance(a, int) or isinstance(b, int):
        return a if isinstance(a, int) else b
    return a if _rank(a) <= _rank(b) else b


def _rank(size: Length) -> tuple[bool, int]:
    """Names that are shared stay, and the older ones."""
    found = symbols(size)
    return not all(s.given for s in found), max((s.number for s in found), default=0)


@contextlib.contextmanager
def stating() -> Iterator[list[tuple[Size, Size]]]:
    """Collect the conditions that types need while this lasts."""
    found: list[tuple[Size, Size]] = []
    _stated.lists.append(found)
    try:
        yield found
    finally:
        _stated.lists.pop()


def symbols(size: Size) -> dict[Symbol, None]:
    """Return the symbols of a length, in order."""
    found: dict[Symbol, None] = {}
    pending: list[Size] = [size]
    while pending:
        n = pending.pop()
        if isinstance(n, int):
            continue
        for monomial, _ in n.terms:
            for atom in monomial:
                if isinstance(atom, Symbol):
                    found[atom] = None
                elif isinstance(atom, Quotient):
                    pending += [atom.numerator, atom.denominator]
                elif isinstance(atom, Minimum):
                    pending += atom.of
    return found


def substitute(size: Size, values: Mapping[Symbol, Size]) -> Size:
    """Return a length with others, or numbers, in place of symbols."""
    if isinstance(size, int) or not values:
        return size
    atom = single(size)
    if isinstance(atom, Symbol):
        return values.get(atom, size)
    made: Size = 0
    for monomial, c in size.terms:
        made = made + product(_substituted(a, values) for a in monomial) * c
    return made


def _substituted(atom: Atom, values: Mapping[Symbol, Size]) -> Size:
    if isinstance(atom, Symbol):
        return values[atom] if atom in values else _of_atom(atom)
    if isinstance(atom, Quotient):
        a, b = substitute(atom.numerator, values), substitute(atom.denominator, values)
        # 0 // 0 elements: nothing is shared out among no rows.
        return 0 if b == 0 else quotient(a, b)
    assert isinstance(atom, Minimum)
    return minimum(*(substitute(n, values) for n in atom.of))


def number(size: Size, values: Mapping[Symbol, int]) -> int:
    """Return the number that a length is, for numbers in place of all its symbols.

    Raises
    ------
    KeyError
        If one of them has none.
    """
    if isinstance(size, int):
        return size
    total = 0
    for monomial, c in size.terms:
        for atom in monomial:
            c *= _atom_number(atom, values)
        total += c
    return total


def _atom_number(atom: Atom, values: Mapping[Symbol, int]) -> int:
    if isinstance(atom, Symbol):
        return values[atom]
    if isinstance(atom, Quotient):
        a, b = number(atom.numerator, values), number(atom.denominator, values)
        return a // b if b else 0
    assert isinstance(atom, Minimum)
    return min(number(n, values) for n in atom.of)


# Printing -------------------------------------------------------------------------------------


def text(size: Size, names: Mapping[Symbol, str] | None = None) -> str:
    """Return a length as text; `names` says how to write symbols whose own names are not distinct."""
    if isinstance(size, int):
        return str(size)
    shown = ""
    for monomial, c in _with_maxima(size):
        factors = [_atom_text(a, names) if isinstance(a, Atom) else a for a in monomial]
        if abs(c) != 1 or not factors:
            factors.insert(0, str(abs(c)))
        sign = (" - " if c < 0 else " + ") if shown else "-" if c < 0 else ""
        shown += sign + "*".join(factors)
    return shown


def _with_maxima(size: Length) -> list[tuple[tuple[Any, ...], int]]:
    """The terms, ``n - min(1, n)`` among them as ``max(n - 1, 0)``."""
    terms = dict(size.terms)
    extra: list[tuple[tuple[Any, ...], int]] = []
    for monomial, c in size.terms:
        if c != -1 or len(monomial) != 1 or not isinstance(monomial[0], Minimum):
            continue
        for n in monomial[0].of:
            alone = single(n)
            if alone is not None and terms.get((alone,)) == 1 and len(monomial[0].of) == 2:
                (other,) = [m for m in monomial[0].of if m is not n]
                del terms[(alone,)], terms[monomial]
                extra.append(((f"max({text(n - other)}, 0)",), 1))
                break
    return [*extra, *terms.items()]


def _atom_text(atom: Atom, names: Mapping[Symbol, str] | None) -> str:
    if isinstance(atom, Symbol):
        return names.get(atom, atom.name) if names else atom.name
    if isinstance(atom, Quotient):
        parts = [text(n, names) for n in (atom.numerator, atom.denominator)]
        return "//".join(p if p.replace("_", "a").isalnum() else f"({p})" for p in parts)
    assert isinstance(atom, Minimum)
    return f"min({', '.join(text(n, names) for n in atom.of)})"
