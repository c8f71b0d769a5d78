"""Properties of expressions: what is known of a value before it exists, beyond dtype and shape.

Inferred once per expression, from those of its inputs, by functions registered per operation
(:func:`infers`), and kept as long as the expression lives. A property holds wherever the value is
not NaN, and for the numbers meant, not their rounding: ``exp(x)`` is positive though it may underflow.
Whether it may be NaN is a property too: ``sqrt(x)`` is nonnegative, ``sqrt(exp(x))`` a nonnegative number.
"""

from __future__ import annotations

import functools
import importlib
import operator
import threading
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from workbench.graph.expr import Constant, Data, Expr, Input, Op
from workbench.graph.memo import once
from workbench.graph.types import TensorType

PROPERTIES: dict[str, Property] = {}
CHECK_LIMIT = 4096
"""Larger constants are not looked at: they have the properties of their type alone."""


class Property(int):
    """A set of properties as bits, its own and those it implies; asked of an expression by calling it.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> is_positive(pt.constant([1.0, 2.0])), is_positive(pt.scalar("x"))
    (True, False)
    """

    label: str
    doc: str

    def __call__(self, expr: Expr) -> bool:
        return facts(expr) & self == self

    def of(self, known: int) -> bool:
        """Whether it is among the properties `known`."""
        return known & self == self

    def __repr__(self) -> str:
        return f"Property({self.label})"


def declare(label: str, *implied: Property, doc: str, sum_of_parts: bool = False) -> Property:
    """Return a new property, which implies others, or is no more than those together."""
    bits = 0 if sum_of_parts else 1 << len(PROPERTIES)
    for p in implied:
        bits |= p
    made = Property(bits)
    made.label, made.doc = label, doc
    PROPERTIES[label] = made
    return made


def together(*parts: Property) -> Property:
    """Return the property of having all of some others."""
    made = Property(functools.reduce(operator.or_, parts))
    made.label, made.doc = ", ".join(p.label for p in parts), "; ".join(p.doc for p in parts)
    return made


is_constant = declare("constant", doc="the same at every call")
is_integer = declare("integer", doc="whole numbers, of any dtype")
is_nonzero = declare("nonzero", doc="no element is 0")
is_nonnegative = declare("nonnegative", doc="no element is below 0")
is_nonpositive = declare("nonpositive", doc="no element is above 0")
is_positive = declare("positive", is_nonnegative, is_nonzero, doc="every element is above 0", sum_of_parts=True)
is_negative = declare("negative", is_nonpositive, is_nonzero, doc="every element is below 0", sum_of_parts=True)
is_number = declare("number", doc="no element is NaN, if none of the graph's inputs is")
is_sorted = declare("sorted", doc="ascending along the last axis")
is_one_hot = declare("one_hot", is_nonnegative, is_integer, doc="one 1 along the last axis, and zeros")
# Of square matrices on the last two axes.
has_positive_diagonal = declare("positive_diagonal", doc="a square matrix with a positive diagonal")
is_symmetric = declare("symmetric", doc="equal to its transpose")
is_lower_triangular = declare("lower_triangular", doc="a square matrix with zeros above the diagonal")
is_upper_triangular = declare("upper_triangular", doc="a square matrix with zeros below the diagonal")
is_diagonal = declare(
    "diagonal", is_symmetric, is_lower_triangular, is_upper_triangular, doc="a square matrix with zeros off the diagonal"
)
is_orthogonal = declare("orthogonal", doc="a square matrix whose transpose is its inverse")
is_positive_semidefinite = declare(
    "positive_semidefinite", is_symmetric, doc="symmetric, with no eigenvalue below 0"
)
is_positive_definite = declare(
    "positive_definite", is_positive_semidefinite, has_positive_diagonal, doc="symmetric, with positive eigenvalues"
)

ELEMENTWISE: int = is_integer | is_number | is_positive | is_negative
"""Properties that every part of an array inherits from it, in any arrangement."""
MATRIX: int = is_diagonal | is_orthogonal | is_positive_definite
"""Properties of the matrices on the last two axes."""
IDENTITY: int = is_diagonal | is_orthogonal | is_positive_definite
"""What only identity matrices are all at once."""

Inference = Callable[..., int]
INFERENCES: dict[Any, list[Inference]] = {}
_known: dict[int, tuple[int, Any]] = {}


def infers(*ops: Any) -> Callable[[Inference], Inference]:
    """Register the decorated function for the given ops (or op classes).

    It takes the expression and the properties of each input as bits, and returns the bits it can
    tell. Several functions of one op add up.
    """

    def register(function: Inference) -> Inference:
        for op in ops:
            INFERENCES.setdefault(op, []).append(function)
        return function

    return register


_tellers: list[str] = []
_telling = threading.RLock()


def told_by(*modules: str) -> None:
    """Name modules that infer properties: they are loaded when one is first asked for."""
    _tellers.extend(modules)


def _load() -> None:
    """Load them. Who asks meanwhile waits: what is told once is remembered."""
    with _telling:
        for place in [*_tellers]:
            importlib.import_module(place)
        _tellers.clear()


@once(lambda node: node.inputs, _known)
def facts(node: Expr, given: list[int]) -> int:
    """Return the properties of an expression, as bits."""
    if not isinstance(node.type, TensorType):
        return 0
    if _tellers:
        _load()
    known = of_type(node.type)
    op = node.op
    if isinstance(op, Constant):
        return known | is_constant | of_value(op.value)
    if isinstance(op, (Input, Data)):
        known |= is_number
    if given and all(is_constant.of(g) for g in given):
        known |= is_constant
    functions: Iterable[Inference] = INFERENCES.get(op.__class__, ())
    if isinstance(op, Op) and op in INFERENCES:
        functions = (*INFERENCES[op], *functions)
    for function in functions:
        known |= function(node, *given[: op.of_values])
    if is_lower_triangular.of(known) and is_upper_triangular.of(known):
        known |= is_diagonal
    return known


def of_type(type: TensorType) -> int:
    """Return what the dtype alone tells."""
    if type.kind in "ub":
        return is_integer | is_number | is_nonnegative
    return is_integer | is_number if type.kind == "i" else 0


def of_value(value: np.ndarray[Any, Any]) -> int:
    """Return the properties of a known value."""
    if value.size > CHECK_LIMIT or (value.dtype.kind == "f" and bool(np.isnan(value).any())):
        return 0
    known = int(is_number)
    if value.dtype.kind == "f" and bool((np.isfinite(value) & (np.rint(value) == value)).all()):
        known |= is_integer
    if value.size == 0:
        return known  # What holds of no elements, its opposite does too: rules would undo one another.
    for p, holds in ((is_nonnegative, value >= 0), (is_nonpositive, value <= 0), (is_nonzero, value != 0)):
        if bool(holds.all()):
            known |= p
    if value.ndim and value.dtype.kind in "fiu":
        if bool((value[..., 1:] >= value[..., :-1]).all()):
            known |= is_sorted
        if bool(((value == 0) | (value == 1)).all() and (value.sum(-1) == 1).all()):
            known |= is_one_hot
    if value.ndim >= 2 and value.shape[-1] == value.shape[-2] and value.size:
        known |= _of_matrix(value)
    return known


def _of_matrix(value: np.ndarray[Any, Any]) -> int:
    known = 0
    flipped = np.swapaxes(value, -1, -2)
    above, below = np.triu(value, 1), np.tril(value, -1)
    if not above.any():
        known |= is_lower_triangular
    if not below.any():
        known |= is_upper_triangular
    if bool((value == flipped).all()):
        known |= is_symmetric
    diagonal = np.diagonal(value, axis1=-2, axis2=-1)
    if bool((diagonal > 0).all()):
        known |= has_positive_diagonal
    triangular = is_lower_triangular | is_upper_triangular
    if known & triangular == triangular:
        known |= is_diagonal
        # Of other matrices, rounding would have to be judged: only what is certain is said.
        if bool((np.abs(diagonal) == 1).all()):
            known |= is_orthogonal
        if has_positive_diagonal.of(known):
            known |= is_positive_definite
    return known


def names(known: int) -> list[str]:
    """Return the names of the properties in `known`, the implied ones left out.

    Examples
    --------
    >>> names(is_positive | is_diagonal)
    ['positive', 'diagonal']
    """
    found = [p for p in PROPERTIES.values() if p.of(known)]
    return [p.label for p in found if not any(q is not p and q & p == p for q in found)]
