"""How Python enters code of Numba's: a built-in function around its `run`, as :mod:`workbench.compile.c.calls` makes one in C.

It is :mod:`workbench.compile.numba.entered`, which Numba compiles once in the life of a cache: calls are as fast where there is
no C compiler.
"""

from __future__ import annotations

import ctypes
import functools
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from workbench.compile.c.calls import address_of, array_new, function_new

FUNCTIONS = (
    "PyEval_SaveThread", "PyEval_RestoreThread", "Py_IncRef", "Py_DecRef", "PyList_New", "PyList_SetItem", "PyTuple_New", "PyTuple_SetItem",
    "PyLong_FromLongLong", "PyLong_AsVoidPtr", "PyObject_CallObject", "PyErr_NoMemory", "PyMem_RawMalloc", "PyMem_RawFree",
)  # fmt: skip
"""What it calls of Python, in the order of its table; after them NumPy's function that makes an array, and three objects."""
METH_FASTCALL = 0x80


class _Method(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("function", ctypes.c_void_p), ("flags", ctypes.c_int), ("doc", ctypes.c_char_p)]


@functools.cache
def method(enter: int) -> _Method:
    """Return what Python makes built-in functions of, for the address of compiled `run` of :mod:`workbench.compile.numba.entered`."""
    return _Method(b"enter", enter, METH_FASTCALL, b"enter(environment, *arguments)")


@functools.cache
def _table(raise_fault: Callable[[int, int, int], None]) -> np.ndarray[Any, Any]:
    objects = [id(None), id(np.ndarray), id(raise_fault)]
    return np.array([*map(address_of, FUNCTIONS), array_new(), *objects], np.uintp)


def entry(
    enter: int,
    run: int,
    inputs: Sequence[tuple[str, tuple[int, ...]]],
    outputs: Sequence[tuple[str, tuple[int, ...]]],
    arena: int,
    raise_fault: Callable[[int, int, int], None],
) -> Callable[..., Any]:
    """Return a callable of an environment's address and arrays around a compiled `run`, as :func:`workbench.compile.c.calls.entry` does.

    Parameters
    ----------
    enter, run
        Addresses: of what makes arrays and calls, and of what it calls.
    inputs, outputs
        Dtypes and shapes of the arrays that are taken and made.
    arena
        Bytes that the code works in.
    raise_fault
        Raises the error for a fault that compiled code reports.
    """
    from workbench.compile.numba.entered import SPARE

    kinds = [(id(np.dtype(dtype)), len(shape)) for dtype, shape in (*inputs, *outputs)]
    lengths = [n for _, shape in (*inputs, *outputs) for n in shape]
    head, spare = 7, np.zeros(SPARE, np.uintp)
    words = np.zeros(head + 3 * len(kinds) + len(lengths), np.uintp)
    types, at = words.ctypes.data + 8 * head, words.ctypes.data + 8 * (head + 3 * len(kinds))
    words[:head] = run, len(inputs), len(outputs), -(-arena // 8) * 8, types, _table(raise_fault).ctypes.data, spare.ctypes.data
    for i, (descr, ndim) in enumerate(kinds):
        words[head + 3 * i : head + 3 * i + 3] = descr, ndim, at
        at += 8 * ndim
    words[head + 3 * len(kinds) :] = lengths
    # Not at exit, when a thread may still run it.
    weakref.finalize(words, _free, spare).atexit = False
    made: Callable[..., Any] = function_new(ctypes.addressof(method(enter)), words, None)
    return made


def _free(spare: np.ndarray[Any, Any]) -> None:
    for memory in spare.tolist():
        ctypes.pythonapi.PyMem_RawFree(ctypes.c_void_p(memory or None))
