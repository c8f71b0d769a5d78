"""Arrays from outside, as compiled code reads them: own byte order, aligned, rows first, nothing masked."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from workbench.errors import DTypeError
from workbench.graph.types import KINDS, dtype_name


def owned(value: Any, dtype: str | None = None) -> np.ndarray[Any, Any]:
    """Return a copy of a value, as an array of a dtype that tensors have.

    Raises
    ------
    DTypeError
        If there is no such dtype, or an element is masked.

    Examples
    --------
    >>> owned(np.array([1.0, 2.0], ">f8")).dtype.isnative
    True
    """
    _unmasked(value, "it")
    array = np.array(value, dtype=dtype, order="C")
    if dtype_name(array.dtype) not in KINDS:
        raise DTypeError(f"{_in_words(value)} (dtype {array.dtype}) cannot be a tensor", _hint(value))
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def fitting(value: Any, dtype: str, what: str) -> np.ndarray[Any, Any]:
    """Return a value given for something of that dtype, copied only where it must change.

    Parameters
    ----------
    value
        An array, or what NumPy makes one of.
    dtype
        What it becomes: floats of any width floats, integers and truth values floats or any integer
        that holds them.
    what
        What it is given for, in the error's message.

    Raises
    ------
    DTypeError
        If the dtypes are of different kinds, an integer is out of range, or an element is masked.

    Examples
    --------
    >>> fitting([1, 2], "float64", "x")
    array([1., 2.])
    """
    _unmasked(value, what)
    array = np.asarray(value)
    if array.dtype.name != dtype:
        whole = array.dtype.kind in "iub" and KINDS[dtype] in "iuf"
        if not whole and not np.can_cast(array.dtype, dtype, "same_kind"):
            raise DTypeError(f"{what} is {dtype}, the value given is {array.dtype}")
        if array.dtype.kind in "iu" and KINDS[dtype] in "iu" and array.size:
            bounds = np.iinfo(dtype)
            for end in (int(array.min()), int(array.max())):
                if not bounds.min <= end <= bounds.max:
                    raise DTypeError(f"{what} is {dtype}, which holds no {end}", f"its numbers run from {bounds.min} to {bounds.max}")
    array = np.array(array, dtype, order="C", copy=None)
    return array if array.flags.aligned else array.copy()


def _unmasked(value: Any, what: str) -> None:
    # NumPy imports it when it is first used, which another thread may do now: there is no masked array before.
    masked: Any = getattr(sys.modules.get("numpy.ma"), "MaskedArray", None)
    if masked is not None and isinstance(value, masked) and value.mask.any():
        raise DTypeError(
            f"{what} has masked elements, which a tensor cannot have",
            "fill them, with value.filled(...); missing values of an observed variable are given to the variable itself",
        )


def _in_words(value: object) -> str:
    return f"a value of type {type(value).__name__}" if hasattr(value, "__len__") else repr(value)


def _hint(value: Any) -> str:
    if value is None:
        return "`is None` asks whether something is None"
    if isinstance(value, int):
        return "integers have 64 bits at most; write it as a float"
    if hasattr(value, "tocsr"):
        return "pt.sparse.dot multiplies a sparse matrix and a tensor; pt.sparse.as_sparse(A).toarray() is the dense tensor"
    return f"supported dtypes: {', '.join(sorted(KINDS))}"
