"""Inputs by number of axes and dtype, with Theano's names: ``dmatrix`` is a matrix of doubles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workbench.graph.types import Shape
from workbench.tensor.tensor import Tensor, floatX, matrix, scalar, tensor, vector

DTYPES = {"b": "int8", "w": "int16", "i": "int32", "l": "int64", "f": "float32", "d": "float64"}
"""Theano's letters."""


def row(name: str | None = None, length: int | None = None, dtype: str = floatX) -> Tensor:
    """Return a matrix input with one row.

    Examples
    --------
    >>> pt.row("x").type.shape[0]
    1
    """
    return tensor(name, dtype, (1, length))


def col(name: str | None = None, length: int | None = None, dtype: str = floatX) -> Tensor:
    """Return a matrix input with one column.

    Examples
    --------
    >>> pt.col("x").type.shape[1]
    1
    """
    return tensor(name, dtype, (length, 1))


def _said(what: str, call: str, result: Any) -> str:
    """A docstring with an example."""
    return f"{what}\n\nExamples\n--------\n>>> {call}\n{result}\n"


def _of_rank(ndim: int) -> Callable[..., Tensor]:
    def make(name: str | None = None, shape: Shape | None = None, dtype: str = floatX) -> Tensor:
        return tensor(name, dtype, (None,) * ndim if shape is None else shape)

    make.__name__ = make.__qualname__ = f"tensor{ndim}"
    make.__doc__ = _said(f"Return an input with {ndim} axes.", f'pt.tensor{ndim}("x").ndim', ndim)
    return make


tensor3, tensor4, tensor5, tensor6, tensor7 = (_of_rank(n) for n in range(3, 8))


def _typed(make: Callable[..., Tensor], letter: str) -> Callable[..., Tensor]:
    dtype = DTYPES[letter]

    def typed(name: str | None = None, *lengths: Any, **options: Any) -> Tensor:
        return make(name, *lengths, dtype=dtype, **options)

    typed.__name__ = typed.__qualname__ = f"{letter}{make.__name__}"
    typed.__doc__ = _said(f"Return a {make.__name__} input of {dtype}.", f'pt.{letter}{make.__name__}("x").dtype', repr(dtype))
    return typed


def _several(make: Callable[..., Tensor]) -> Callable[..., list[Tensor]]:
    def made(*names: str, **options: Any) -> list[Tensor]:
        split = [n for name in names for n in name.replace(",", " ").split()]
        return [make(n, **options) for n in split]

    title = f"{make.__name__.removesuffix('matrix')}matrices" if make.__name__.endswith("matrix") else f"{make.__name__}s"
    made.__name__ = made.__qualname__ = title
    made.__doc__ = _said(f"Return several {make.__name__} inputs, by their names.", f'[x.name for x in pt.{title}("x y")]', "['x', 'y']")
    return made


scalars, vectors, matrices, rows, cols = (_several(scalar), _several(vector), _several(matrix), _several(row), _several(col))

bscalar, wscalar, iscalar, lscalar, fscalar, dscalar = (_typed(scalar, k) for k in DTYPES)
bvector, wvector, ivector, lvector, fvector, dvector = (_typed(vector, k) for k in DTYPES)
bmatrix, wmatrix, imatrix, lmatrix, fmatrix, dmatrix = (_typed(matrix, k) for k in DTYPES)
brow, wrow, irow, lrow, frow, drow = (_typed(row, k) for k in DTYPES)
bcol, wcol, icol, lcol, fcol, dcol = (_typed(col, k) for k in DTYPES)
btensor3, wtensor3, itensor3, ltensor3, ftensor3, dtensor3 = (_typed(tensor3, k) for k in DTYPES)
btensor4, wtensor4, itensor4, ltensor4, ftensor4, dtensor4 = (_typed(tensor4, k) for k in DTYPES)

PLURALS: dict[str, Callable[..., Any]] = {}
"""What makes several inputs of a kind, and inputs of many axes, by name."""


def _fill() -> None:
    ranked = (tensor3, tensor4, tensor5, tensor6, tensor7)
    for make in ranked:
        PLURALS[f"{make.__name__}s"] = _several(make)
    for letter in DTYPES:
        for make in (scalar, vector, matrix, row, col, *ranked):
            one = _typed(make, letter)
            PLURALS[one.__name__] = one
            several = _several(one)
            PLURALS[several.__name__] = several


_fill()


def __getattr__(name: str) -> Any:
    if name in PLURALS:
        return PLURALS[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
