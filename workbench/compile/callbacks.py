"""Operations that have no loop form: compiled code calls their NumPy form back."""

from __future__ import annotations

import ctypes
import functools
import itertools
import threading
import weakref
from typing import Any

import numpy as np

from workbench.compile.loop_ir import loops as L
from workbench.graph.types import TupleType
from workbench.tensor.linalg.lapack import ROUTINES

_numbers = itertools.count(1)
_programs: weakref.WeakValueDictionary[int, L.Program] = weakref.WeakValueDictionary()
_failed = threading.local()

PROTOTYPE = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)


def enter(program: L.Program) -> int:
    """Return the number under which compiled code refers to a program, as long as its function lives."""
    number = next(_numbers)
    _programs[number] = program
    return number


def program(number: int) -> L.Program:
    """Return the program of a number."""
    return _programs[number]


def _external(number: int, which: int, io: int) -> int:
    """Compute one node from arrays at the addresses in `io`, into arrays at those that follow."""
    try:
        node = _programs[number].externals[which]
        types = [x.type for x in node.inputs]
        results: list[Any] = list(node.type.items) if isinstance(node.type, TupleType) else [node.type]
        addresses = (ctypes.c_void_p * (len(types) + len(results))).from_address(io)
        arrays = [_array(a or 0, t) for a, t in zip(addresses, [*types, *results])]
        with np.errstate(all="ignore"):
            made = node.op.numpy(*arrays[: len(types)])
        for target, value, kind in zip(arrays[len(types) :], made if isinstance(node.type, TupleType) else [made], results):
            found = np.asarray(value)
            if found.shape != kind.static_shape:
                raise RuntimeError(f"{node.op.name} gave an array of shape {found.shape}; its type says {kind}")
            target[...] = found
    except BaseException as error:
        # An exception cannot cross compiled code: it is raised again when that has returned.
        _failed.error = error
        return 1
    return 0


def _array(address: int, kind: Any) -> np.ndarray[Any, Any]:
    dtype, shape = np.dtype(kind.dtype), kind.static_shape
    if kind.size == 0:
        return np.empty(shape, dtype)
    memory = (ctypes.c_char * (kind.size * dtype.itemsize)).from_address(address)
    return np.frombuffer(memory, dtype).reshape(shape)


external = PROTOTYPE(_external)
address = ctypes.cast(external, ctypes.c_void_p).value


@functools.cache
def routine_addresses() -> dict[str, int]:
    """Return the addresses of SciPy's BLAS and LAPACK routines, in the order of `ROUTINES`."""
    from scipy.linalg import cython_blas, cython_lapack

    pointer_of: Any = ctypes.pythonapi.PyCapsule_GetPointer
    name_of: Any = ctypes.pythonapi.PyCapsule_GetName
    pointer_of.restype, pointer_of.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    name_of.restype, name_of.argtypes = ctypes.c_char_p, [ctypes.py_object]
    found = {}
    for routine in ROUTINES:
        exported = cython_lapack.__pyx_capi__ if routine in cython_lapack.__pyx_capi__ else cython_blas.__pyx_capi__
        capsule = exported[routine]
        found[routine] = pointer_of(capsule, name_of(capsule))
    return found


@functools.cache
def library_table() -> int:
    """Return the address of a table of the pointers to SciPy's routines."""
    pointers = list(routine_addresses().values())
    table = (ctypes.c_void_p * len(pointers))(*pointers)
    _kept.append(table)
    return ctypes.addressof(table)


_kept: list[Any] = []


def raise_failed() -> None:
    """Raise the error of this thread's last call-back."""
    error = _failed.error
    _failed.error = None
    raise error
