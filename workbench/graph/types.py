"""Types of expressions: what is known of a value before it exists."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from workbench.errors import DTypeError, ShapeError
from workbench.graph.frozen import frozen
from workbench.graph.length_names import shape_text
from workbench.graph.lengths import Length, Size, differ, fresh, product

Shape = tuple[Size, ...]

KINDS = {
    "bool": "b", "float32": "f", "float64": "f",
    **{f"int{n}": "i" for n in (8, 16, 32, 64)}, **{f"uint{n}": "u" for n in (8, 16, 32, 64)},
}  # fmt: skip
"""NumPy's kind of each dtype a tensor can have, by name."""


DECLARE_LENGTHS = "declare the lengths of the inputs, as in pt.vector('x', 3), pt.matrix('x', 3, 2) or pt.tensor('x', shape=(3, 2))"
"""What mends an error about a shape that is not known."""

MAKE_INPUT: list[Callable[[str | None, TensorType], Any]] = []
"""What makes an input, put here by the module of expressions."""

_NAMES = {np.dtype(name): name for name in KINDS}


def dtype_name(dtype: np.dtype[Any]) -> str:
    """Return the name of a NumPy dtype."""
    # NumPy makes the name anew each time.
    return _NAMES.get(dtype) or str(dtype.name)


def checked_dtype(dtype: Any) -> str:
    """Return the name of a dtype that tensors have.

    Raises
    ------
    DTypeError
        If `dtype` is no dtype, or one that tensors do not have.
    """
    if isinstance(dtype, str) and dtype in KINDS:
        return dtype
    try:
        name = np.dtype(dtype).name
    except TypeError:
        name = ""
    if name not in KINDS or dtype is None:
        raise DTypeError(f"{dtype!r} is no dtype of a tensor", f"supported dtypes: {', '.join(sorted(KINDS))}")
    return name


@frozen
class Type:
    """What an expression's value will be."""

    def accepts(self, other: Type) -> bool:
        """Whether a value of type `other` can stand where this type is asked for."""
        return self == other

    def join(self, other: Type) -> Type | None:
        """Return the narrowest type that accepts both, if there is one."""
        return self if self == other else None


@frozen
class TensorType(Type):
    """An array: NumPy dtype name and shape, whose lengths are numbers or expressions of :mod:`~workbench.graph.lengths`.

    Examples
    --------
    >>> from workbench.graph.lengths import named
    >>> str(TensorType("float64", (3, named("county") + 1)))
    'float64[3, county + 1]'
    """

    dtype: str
    shape: Shape = ()

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def kind(self) -> str:
        """NumPy's kind of the dtype: "f", "i", "u" or "b"."""
        return KINDS[self.dtype]

    @property
    def is_open(self) -> bool:
        """Whether a length is known only at the call."""
        return any(n.__class__ is Length for n in self.shape)

    @property
    def static_shape(self) -> tuple[int, ...]:
        """The shape, when every length is a number; ``ShapeError`` otherwise."""
        if self.is_open:
            raise ShapeError(f"the shape of {self} is known only at run time, and is needed here", DECLARE_LENGTHS)
        return self.shape  # type: ignore[return-value]

    @property
    def size(self) -> int:
        """Number of elements, when the shape is known."""
        return math.prod(self.static_shape)

    @property
    def length(self) -> Size:
        """Number of elements, as a length."""
        return product(self.shape)

    def __call__(self, name: str | None = None) -> Any:
        """Return an input of this type, with these very lengths."""
        return MAKE_INPUT[0](name, self)

    def with_shape(self, shape: Shape) -> TensorType:
        return TensorType(self.dtype, tuple(shape))

    def with_dtype(self, dtype: str) -> TensorType:
        return TensorType(dtype, self.shape)

    def accepts(self, other: Type) -> bool:
        """Whether a value of type `other` can stand where this type is asked for."""
        return (
            isinstance(other, TensorType)
            and other.dtype == self.dtype
            and other.ndim == self.ndim
            and all(mine == theirs or (not isinstance(mine, int) and not differ(mine, theirs)) for mine, theirs in zip(self.shape, other.shape))
        )

    def may_be(self, other: Type) -> bool:
        """Whether a value could have both types, as far as lengths are known."""
        return (
            isinstance(other, TensorType)
            and other.dtype == self.dtype
            and other.ndim == self.ndim
            and not any(differ(n, m) for n, m in zip(self.shape, other.shape))
        )

    def join(self, other: Type) -> TensorType | None:
        """Return the narrowest type that accepts both; ``None`` if dtypes or numbers of axes differ."""
        if not isinstance(other, TensorType) or other.dtype != self.dtype or other.ndim != self.ndim:
            return None
        return self.with_shape(tuple(n if n == m else fresh("n") for n, m in zip(self.shape, other.shape)))

    def __str__(self) -> str:
        return f"{self.dtype}[{shape_text(self.shape)[1:-1].rstrip(',')}]"


@frozen
class TupleType(Type):
    """Several values made by one operation."""

    items: tuple[Type, ...]

    def __str__(self) -> str:
        return f"({', '.join(map(str, self.items))})"


def type_of(value: object) -> TensorType:
    """Return the type of a NumPy value."""
    array = np.asarray(value)
    return TensorType(dtype_name(array.dtype), array.shape)
