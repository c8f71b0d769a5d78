"""Operations that have no loop form: compiled code calls their NumPy form back."""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import itertools
import math
import sys
import threading
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.machinery import PathFinder
from typing import Any

import numpy as np

from workbench.compile.loop_ir import loops as L
from workbench.graph.lengths import Symbol, number
from workbench.graph.types import TupleType
from workbench.tensor.linalg.lapack import ROUTINES

_numbers = itertools.count(1)
_entered: weakref.WeakValueDictionary[int, Entered] = weakref.WeakValueDictionary()
_failed = threading.local()

PROTOTYPE = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)


class Entered:
    """A program for arguments of given shapes, under a number by which compiled code refers to it as long as this lives."""

    def __init__(self, program: L.Program, values: Mapping[Symbol, int]) -> None:
        self.program, self.values = program, values
        self.number = next(_numbers)
        _entered[self.number] = self

    def check(self, which: int) -> L.Check:
        """A check of an index of the program, with the number that the axis has for a length."""
        made = self.program.checks[which]
        return replace(made, extent=number(made.extent, self.values))

    def types(self, kind: Any) -> list[tuple[np.dtype[Any], tuple[int, ...]]]:
        """Dtypes and shapes of a value, or of the values of a tuple."""
        items: Sequence[Any] = kind.items if isinstance(kind, TupleType) else [kind]
        return [(np.dtype(t.dtype), tuple(number(n, self.values) for n in t.shape)) for t in items]


def entered(at: int) -> Entered:
    """Return what was entered under a number."""
    return _entered[at]


def _external(at: int, which: int, io: int) -> int:
    """Compute one node from arrays at the addresses in `io`, into arrays at those that follow."""
    try:
        entry = _entered[at]
        node = entry.program.externals[which]
        types = [t for x in node.inputs for t in entry.types(x.type)]
        results = entry.types(node.type)
        addresses = (ctypes.c_void_p * (len(types) + len(results))).from_address(io)
        arrays = [_array(a or 0, *t) for a, t in zip(addresses, [*types, *results])]
        with np.errstate(all="ignore"):
            made = node.op.numpy(*arrays[: len(types)])
        for target, value in zip(arrays[len(types) :], made if isinstance(node.type, TupleType) else [made]):
            found = np.asarray(value)
            if found.shape != target.shape:
                raise RuntimeError(f"{node.op.name} gave an array of shape {found.shape}; its type says {target.shape}")
            target[...] = found
    except BaseException as error:
        # An exception cannot cross compiled code: it is raised again when that has returned.
        _failed.error = error
        return 1
    return 0


def _array(address: int, dtype: np.dtype[Any], shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    size = math.prod(shape)
    if size == 0:
        return np.empty(shape, dtype)
    memory: Any = (ctypes.c_char * (size * dtype.itemsize)).from_address(address)
    return np.frombuffer(memory, dtype).reshape(shape)


external = PROTOTYPE(_external)
address = ctypes.cast(external, ctypes.c_void_p).value


def _of_scipy(name: str) -> Any:
    """A compiled module of `scipy.linalg`, without the rest of that, which takes five times as long to import."""
    full = f"scipy.linalg.{name}"
    if "scipy.linalg" in sys.modules:
        return importlib.import_module(full)
    import scipy  # It may prepare the libraries that are needed.

    spec = PathFinder.find_spec(full, [f"{place}/linalg" for place in scipy.__path__])
    if spec is None or spec.loader is None:
        return importlib.import_module(full)
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    # Whoever imports SciPy's package finds it as usual: the same module, which its package then knows of.
    sys.modules.pop(full, None)
    return made


@functools.cache
def routine_addresses() -> dict[str, int]:
    """Return the addresses of SciPy's BLAS and LAPACK routines, in the order of `ROUTINES`."""
    cython_blas, cython_lapack = _of_scipy("cython_blas"), _of_scipy("cython_lapack")
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
