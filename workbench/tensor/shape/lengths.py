"""Lengths of axes as numbers inside a graph, and numbers of a graph as lengths of types."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from workbench.errors import CompileError, DTypeError, ShapeError
from workbench.graph.expr import Constant, Expr, Op, intern
from workbench.graph.frozen import changed, frozen
from workbench.graph.length_names import shapes_text
from workbench.graph.length_parts import made_of
from workbench.graph.lengths import (
    Length,
    Minimum,
    Quotient,
    Size,
    Symbol,
    at_least,
    fresh,
    maximum,
    minimum,
    of_symbol,
    one_length,
    quotient,
    single,
    substitute,
    symbols,
)  # fmt: skip
from workbench.graph.memo import once
from workbench.graph.types import Shape, TensorType
from workbench.tensor.elementwise import cast, floor_divide
from workbench.tensor.elementwise import minimum as least_of
from workbench.tensor.tensor import Tensor, as_tensor, constant


@frozen
class Dim(Op):
    """The length of one axis, as a number."""

    axis: int
    name = "dim"
    of_values = 0

    def infer(self, x: TensorType) -> TensorType:
        return TensorType("int64")

    def numpy(self, x: Any) -> Any:
        return np.int64(np.shape(x)[self.axis])

    def jax(self, x: Any) -> Any:
        # A number that JAX knows when it compiles: lengths may be made of it.
        return np.int64(x.shape[self.axis])

    def element(self, builder: Any, node: Expr, index: Sequence[Any]) -> Any:
        return builder.extent(node.inputs[0].type.shape[self.axis])


@frozen
class SameLength(Op):
    """The first tensor, whose axis `axis` must have the length that axis `other` of the second has.

    What would be broadcast, where an axis has length 1, is not to be.
    """

    what: str
    axis: int
    other: int
    name = "same_length"

    def read(self, node: Expr, *operands: str) -> str:
        return operands[0]

    def infer(self, x: TensorType, like: TensorType) -> TensorType:
        n = one_length(x.shape[self.axis], like.shape[self.other])
        if n is None:
            raise self._error(x.shape, like.shape)
        return x.with_shape((*x.shape[: self.axis], n, *x.shape[self.axis + 1 :]))

    def _error(self, x: Shape, like: Shape) -> ShapeError:
        shown = shapes_text(x, like, (x[self.axis],), (like[self.other],))
        n, m = (s[1:-2] for s in shown[2:])
        return ShapeError(f"{self.what} of shapes {shown[0]} and {shown[1]}: {n} is not {m}", "these axes must have one length")

    def _checked(self, x: Any, like: Any) -> Any:
        if x.shape[self.axis] != like.shape[self.other]:
            raise self._error(x.shape, like.shape)
        return x

    def numpy(self, x: Any, like: Any) -> Any:
        return self._checked(x, like)

    def jax(self, x: Any, like: Any) -> Any:
        return self._checked(x, like)

    def grad(self, node: Expr, cotangent: Tensor) -> Sequence[Expr | None]:
        return [cotangent, None]

    def element(self, builder: Any, node: Expr, index: Sequence[Any]) -> Any:
        return builder.element(node.inputs[0], index)


def paired(what: str, x: Tensor, axis: int, y: Tensor, other: int) -> Tensor:
    """Return `x`, of which axis `axis` has the length that axis `other` of `y` has, now or at run time.

    Raises
    ------
    ShapeError
        If the lengths surely differ.
    """
    axis, other = axis % x.ndim, other % y.ndim
    if x.type.shape[axis] == y.type.shape[other]:
        return x
    return intern(SameLength(what, axis, other), (x, y))


# From numbers to lengths ----------------------------------------------------------------------

ARITHMETIC: dict[str, Any] = {
    "add": lambda a, b: a + b, "subtract": lambda a, b: a - b, "multiply": lambda a, b: a * b, "negative": lambda a: -a,
    "floor_divide": quotient, "mod": lambda a, b: a - quotient(a, b) * b, "minimum": minimum, "maximum": maximum,
}  # fmt: skip
"""Operations on numbers that are lengths, and the same of lengths."""


def _is_number(x: Expr) -> bool:
    return isinstance(x.type, TensorType) and not x.type.shape and x.type.kind in "iu"


def _counted(node: Expr) -> Sequence[Expr]:
    """The operands by whose values a number is a length, where it is one of other lengths."""
    if node.op.name == "cast":
        # A narrower integer than a number needs is another number.
        (x,) = node.inputs
        return node.inputs if _is_number(x) and (node.type.dtype == "int64" or np.can_cast(x.type.dtype, node.type.dtype)) else ()
    if node.op.name in ARITHMETIC and node.type.dtype == "int64":
        return node.inputs if all(map(_is_number, node.inputs)) else ()
    return ()


@once(_counted)
def length_of(node: Expr, parts: list[Size]) -> Size:
    """Return the length that the value of an integer expression is."""
    if isinstance(node.op, Constant):
        return int(node.op.value)
    if isinstance(node.op, Dim):
        return node.inputs[0].type.shape[node.op.axis]  # type: ignore[no-any-return]
    if parts and node.op.name == "cast":
        return parts[0]
    # A quotient of lengths, and its remainder, have a number below that is not 0.
    if parts and not (node.op.name in ("floor_divide", "mod") and not (isinstance(parts[1], int) and parts[1])):
        return ARITHMETIC[node.op.name](*parts)
    return fresh(node.name or "k", 0 if node.type.kind == "u" else None)


@once(_counted)
def is_count(node: Expr, parts: list[bool]) -> bool:
    """Whether the value of an integer expression is not negative: it is a length, or a sum or product of lengths."""
    if isinstance(node.op, Constant):
        return bool(node.op.value >= 0)
    return isinstance(node.op, Dim) or (node.op.name in ("add", "multiply", "cast") and bool(parts) and all(parts))


def numbers_in_length(x: Expr) -> Iterator[tuple[Expr, Symbol]]:
    """Yield the numbers by whose values an integer expression is the length that it is, each with what stands for it."""
    pending = [x] if _is_number(x) else []
    while pending:
        node = pending.pop()
        length = length_of(node)
        names = [*symbols(length)]
        # The lowest that is of that name, for others may be made of it too.
        made = any(names[0] in symbols(length_of(y)) for y in _counted(node)) if names else False
        if len(names) == 1 and length is of_symbol(names[0]) and not made:
            yield node, names[0]
        elif not isinstance(node.op, (Constant, Dim)):
            pending += _counted(node)


def not_negative(size: Size) -> Size:
    """Return a length that an axis is to have, having stated, of ``n - k``, that `n` is at least `k`."""
    if isinstance(size, Length) and not at_least(size, 0):
        k = -dict(size.terms).get((), 0)
        n = single(size + k)
        if k > 0 and isinstance(n, Symbol) and n.least is not None:
            one_length(minimum(size + k, k), k)
    return size


def filled(shape: Iterable[int | None], numbers: Sequence[Expr]) -> Shape:
    """Return a shape with the lengths that numbers are in the place of each ``None``."""
    rest = iter(numbers)
    return tuple(not_negative(length_of(next(rest))) if n is None else n for n in shape)


def filled_with_values(shape: Iterable[int | None], numbers: Sequence[Any], what: str) -> tuple[int, ...]:
    """Return a shape with the numbers themselves in the place of each ``None``.

    Raises
    ------
    ShapeError
        If one is negative.
    """
    rest = iter(numbers)
    try:
        found = tuple(int(next(rest)) if n is None else n for n in shape)
    except TypeError:
        raise CompileError("the length of an axis depends on values, which JAX cannot compile", "use backend='numpy'") from None
    if any(n < 0 for n in found):
        raise ShapeError(f"{what}: an axis cannot have length {min(found)}", f"the shape asked for is {found}")
    return found


class OfLengths(Op):
    """An operation whose result has the lengths `shape`: those that are ``None`` are its last inputs, after `of_values` others."""

    shape: tuple[int | None, ...]
    of_values = 1

    def infer(self, x: TensorType, *numbers: TensorType) -> TensorType:
        return x.with_shape(self.shape)  # type: ignore[arg-type]

    def written(self, *operands: str) -> str | None:
        if len(operands) == self.of_values or self.of_values != 1:
            return None
        numbers = iter(operands[1:])
        lengths = [next(numbers) if n is None else str(n) for n in self.shape]
        return f"{self.name}({operands[0]}, ({', '.join(lengths)}{',' * (len(lengths) == 1)}))"

    def grad(self, node: Expr, cotangent: Any) -> Sequence[Expr | None]:
        return [None] * len(node.inputs)

    def known(self, node: Expr) -> Expr | None:
        """The operation with those of its lengths that are known by now; ``None`` if none is."""
        numbers = node.inputs[self.of_values :]
        if not any(isinstance(length_of(n), int) for n in numbers):
            return None
        rest = iter(numbers)
        shape, left = divided([_number(next(rest)) if n is None else n for n in self.shape])
        return intern(changed(self, shape=shape), (*node.inputs[: self.of_values], *left))


def _number(x: Expr) -> Any:
    n = length_of(x)
    return n if isinstance(n, int) else x


# From lengths to numbers ----------------------------------------------------------------------

Places = Mapping[Length, tuple[Expr | None, int]]
"""For lengths: an expression and its axis, or -1 where its value is the length; ``None`` for the expression asked."""


def _below(node: Expr) -> list[Expr]:
    return [x for x in node.inputs if _is_number(x) or not isinstance(x.type, TensorType) or x.type.is_open]


@once(_below)
def places(node: Expr, found: list[Places]) -> Places:
    """Return where the lengths of an expression come from: the lowest expressions that have them."""
    below: dict[Length, tuple[Expr | None, int]] = {}
    for x, at in zip(_below(node), found):
        for n, (source, axis) in at.items():
            below.setdefault(n, (x if source is None else source, axis))
    if not isinstance(node.type, TensorType):
        return below
    if _is_number(node):
        length = length_of(node)
        parts = [] if isinstance(length, int) else [length, *map(of_symbol, symbols(length))]
        # The number itself is the length, where nothing below has it.
        return {**dict.fromkeys(parts[:1], (None, -1)), **{n: below[n] for n in parts if n in below}}
    named: dict[Length, tuple[Expr | None, int]] = {}
    for axis, size in enumerate(node.type.shape):
        if isinstance(size, Length):
            parts = [size, *map(of_symbol, symbols(size))]
            named.update((n, below[n]) for n in parts if n in below)
            if size not in named and not all(n in named for n in parts[1:]):
                named[size] = None, axis
    return named


def number_of(size: Size, *where: Expr) -> Tensor:
    """Return the number that a length is, which expressions have as lengths of axes or as values.

    Raises
    ------
    LookupError
        If they do not say what it is.
    """
    found = _asked_of(size, where)
    if found is not None:
        return found
    made, stands = _in_lengths_of(size, where)
    return _total(made, where, stands)


def terms_of(size: Length, *where: Expr) -> Iterator[tuple[int, list[Tensor]]]:
    """Yield what a length is the sum of: a number, and the numbers of a graph that it is multiplied by."""
    made, stands = _in_lengths_of(size, where)
    for monomial, c in made.terms if isinstance(made, Length) else [((), made)]:
        yield c, [_number_of_atom(atom, where, stands) for atom in monomial]


def _in_lengths_of(size: Size, where: Sequence[Expr]) -> tuple[Size, dict[Symbol, Length]]:
    """A length in those that expressions have, and what stands for which of these in it.

    An axis of n + k does not say what n is, nor k; but 2 * n + 2 * k are twice as many.
    """
    there: dict[Length, None] = {n: None for x in where for n in places(x)}
    named = {atom for n in there for atom in (single(n),) if atom is not None}
    if symbols(size).keys() <= named:
        return size, {}
    stands = {n: fresh("n") for n in there if single(n) is None}
    return made_of(size, stands, named), {next(iter(symbols(stand))): n for n, stand in stands.items()}


def _total(size: Size, where: Sequence[Expr], stands: Mapping[Symbol, Length]) -> Tensor:
    if isinstance(size, int):
        return constant(np.int64(size))
    found = _asked_of(substitute(size, stands), where)
    if found is not None:
        return found
    total: Any = None
    for monomial, c in size.terms:
        term: Any = None
        for atom in monomial:
            factor = _number_of_atom(atom, where, stands)
            term = factor if term is None else term * factor
        term = constant(np.int64(c)) if term is None else term if c == 1 else term * c
        total = term if total is None else total + term
    return total  # type: ignore[no-any-return]


def _number_of_atom(atom: Any, where: Sequence[Expr], stands: Mapping[Symbol, Length]) -> Tensor:
    found = _asked_of(substitute(of_symbol(atom), stands), where)
    if found is not None:
        return found
    if isinstance(atom, Quotient):
        return floor_divide(*(_total(n, where, stands) for n in (atom.numerator, atom.denominator)))
    if isinstance(atom, Minimum):
        first, *rest = (_total(n, where, stands) for n in atom.of)
        for n in rest:
            first = least_of(first, n)
        return first
    raise LookupError(f"nothing has the length {atom}")


def _asked_of(size: Size, where: Sequence[Expr]) -> Tensor | None:
    """A length as that of an axis, or the value, of one of the expressions or of what they are made of."""
    for x in where:
        found = places(x).get(size) if isinstance(size, Length) else None
        if found is not None:
            source, axis = found
            at = x if source is None else source
            return as_tensor(at) if axis < 0 else intern(Dim(axis), (at,))
    return None


def dim(x: Tensor, axis: int) -> Tensor:
    """Return the length of an axis as a number of the graph.

    It is asked of the lowest expressions that have it, so that it does not wait for `x`.
    """
    n = x.type.shape[axis]
    known = places(x) if isinstance(n, Length) else {}
    if isinstance(n, int) or n in known or all(of_symbol(s) in known for s in symbols(n)):
        return number_of(n, x)
    return intern(Dim(axis), (x,))


def extent(x: Tensor, axis: int) -> Any:
    """Return the length of an axis: an integer where known, else a number of the graph."""
    n = x.type.shape[axis]
    return n if isinstance(n, int) else dim(x, axis)


def extents(x: Expr) -> tuple[Any, ...]:
    """Return the lengths of all axes, as :func:`extent` does."""
    return tuple(extent(x, a) for a in range(x.type.ndim))  # type: ignore[arg-type]


def divided(wanted: Sequence[Any]) -> tuple[tuple[int | None, ...], tuple[Tensor, ...]]:
    """Return a shape with ``None`` where its lengths are numbers of the graph, and these."""
    return tuple(n if isinstance(n, int) else None for n in wanted), tuple(n for n in wanted if not isinstance(n, int))


def lengths(shape: Any, what: str) -> tuple[Any, ...]:
    """Return a shape as integers, and int64 scalars for lengths known only at run time.

    Raises
    ------
    ShapeError, DTypeError
        If a length is not an integer.
    """
    if isinstance(shape, Tensor) and shape.ndim == 1:
        shape = shape.op.value.tolist() if isinstance(shape.op, Constant) else tuple(shape)
    given = tuple(shape) if isinstance(shape, (tuple, list)) or getattr(shape, "ndim", 0) == 1 else (shape,)
    found: list[Any] = []
    for n in given:
        if isinstance(n, Length):
            raise DTypeError(f"{what}: the length {n} is one of a type; as a number of a graph it is x.shape[axis]")
        if isinstance(n, Tensor):
            if n.ndim or n.type.kind not in "iu":
                raise DTypeError(f"{what}: a length must be an integer, got {n.type}")
            known = length_of(n)
            if isinstance(known, Length):
                found.append(cast(n, "int64"))
                continue
            n = known
        try:
            found.append(operator.index(n))
        except TypeError:
            raise DTypeError(f"{what}: a length must be an integer, got {n!r}") from None
        if not -1 <= found[-1] < 2**62:
            raise ShapeError(f"{what}: an axis cannot have length {found[-1]}")
    size = math.prod(n for n in found if isinstance(n, int))
    if abs(size) >= 2**62:
        raise ShapeError(f"{what}: a tensor of shape {tuple(found)} has too many elements to count in 64 bits")
    return tuple(found)
