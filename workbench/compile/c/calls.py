"""How Python enters compiled C: a built-in function around its `run`, which takes and makes NumPy arrays.

Through ctypes a call costs microseconds, more than many a model. So a small library, compiled once
in the life of a cache, makes a callable of Python's own kind: it checks that the arguments are plain
arrays of the right types, makes the results, and lets other threads run meanwhile. It needs no header
of Python's or NumPy's: their functions are passed to it as pointers, and it reads of an array's object
only what NumPy's C API fixes.
"""

from __future__ import annotations

import ctypes
import functools
import importlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from workbench.compile.c.toolchain import Compiler

FUNCTIONS = {
    "list_new": "PyList_New", "list_set": "PyList_SetItem", "save": "PyEval_SaveThread", "restore": "PyEval_RestoreThread",
    "increase": "Py_IncRef", "decrease": "Py_DecRef", "capsule": "PyCapsule_GetPointer", "pointer": "PyLong_AsVoidPtr",
    "call": "PyObject_CallFunction", "no_memory": "PyErr_NoMemory",
}  # fmt: skip
"""What the library calls of Python, by the field of its table."""
NEW_FROM_DESCR = 94
"""Where PyArray_NewFromDescr is in NumPy's table of functions."""

CODE = """\
#include <stdint.h>
#include <stdlib.h>

typedef void object;
typedef struct {
    object *(*list_new)(intptr_t);
    int (*list_set)(object *, intptr_t, object *);
    void *(*save)(void);
    void (*restore)(void *);
    void (*increase)(object *);
    void (*decrease)(object *);
    void *(*capsule)(object *, const char *);
    void *(*pointer)(object *);
    object *(*call)(object *, const char *, ...);
    object *(*no_memory)(void);
    object *(*array_new)(object *, object *, int, const intptr_t *, const intptr_t *, void *, int, object *);
    object *none, *array_type, *raise_fault;
    intptr_t head;
} wb_python;
static wb_python python;

typedef struct {  // What follows the head of an array's object.
    char *data;
    int nd;
    intptr_t *dimensions, *strides;
    object *base, *descr;
    int flags;
} wb_array;

typedef struct {
    object *descr;
    int64_t nd;
    const intptr_t *dimensions;
} wb_type;

typedef struct {
    int32_t (*run)(void *const *io, const void *env, char *arena, int64_t *fault);
    int64_t inputs, outputs, arena;
    const wb_type *types;
    int64_t left;  // Calls until all return None, so that another way in is asked for; 0 for no such number.
    char *spare[8];  // Arenas that no call uses now.
} wb_function;

enum { C_CONTIGUOUS = 1, ALIGNED = 0x100, PLAIN = C_CONTIGUOUS | ALIGNED, CACHE_LINE = 64, FEW = 64 };

void wb_prepare(const wb_python *given) { python = *given; }

static wb_array *fields(object *x) { return (wb_array *)((char *)x + python.head); }

static int plain(object *x, const wb_type *type) {
    if (((object **)((char *)x + python.head))[-1] != python.array_type) return 0;
    const wb_array *a = fields(x);
    if (a->descr != type->descr || a->nd != type->nd || (a->flags & PLAIN) != PLAIN) return 0;
    for (int64_t i = 0; i < type->nd; i++)
        if (a->dimensions[i] != type->dimensions[i]) return 0;
    return 1;
}

static char *take_arena(wb_function *f) {
    for (int i = 0; i < 8; i++) {
        char *found = __atomic_exchange_n(&f->spare[i], (char *)0, __ATOMIC_ACQ_REL);
        if (found) return found;
    }
    return aligned_alloc(CACHE_LINE, (f->arena / CACHE_LINE + 1) * CACHE_LINE);
}

static void give_arena(wb_function *f, char *arena) {
    for (int i = 0; i < 8; i++) {
        char *none = 0;
        if (__atomic_compare_exchange_n(&f->spare[i], &none, arena, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) return;
    }
    free(arena);
}

// Whether there have been so many calls that another way in is to be asked for. Of calls at once some may not be counted.
static int asks(wb_function *f) {
    const int64_t left = __atomic_load_n(&f->left, __ATOMIC_RELAXED);
    if (left > 1) __atomic_store_n(&f->left, left - 1, __ATOMIC_RELAXED);
    return left == 1;
}

// enter(environment, *arguments): the results, or None where an argument is no plain array of its type, or to ask.
// After the arguments `raise_fault` may come, a mark that no user has, and arrays for the last results; the others are new.
static object *enter(object *self, object *const *arguments, intptr_t count) {
    wb_function *f = python.capsule(self, 0);
    const int marked = count > f->inputs + 1 && arguments[f->inputs + 1] == python.raise_fault;
    object *const *rooms = arguments + f->inputs + 1 + marked;
    const int64_t fresh = f->outputs - (count - f->inputs - 1 - marked);
    if (count < f->inputs + 1 || fresh < 0 || (!marked && fresh < f->outputs)) { python.increase(python.none); return python.none; }
    for (int64_t i = 0; i < f->inputs; i++)
        if (!plain(arguments[i + 1], &f->types[i])) { python.increase(python.none); return python.none; }
    for (int64_t i = fresh; i < f->outputs; i++)
        if (!plain(rooms[i - fresh], &f->types[f->inputs + i])) { python.increase(python.none); return python.none; }
    if (asks(f)) { python.increase(python.none); return python.none; }

    const int64_t all = f->inputs + f->outputs;
    void *few[FEW], **io = all <= FEW ? few : malloc(all * sizeof(void *));
    object *few_results[FEW], **results = f->outputs <= FEW ? few_results : malloc(f->outputs * sizeof(object *));
    char *arena = take_arena(f);
    int64_t made = 0, fault[3] = {0};
    int32_t failed = !io || !results || !arena;
    if (!failed) {
        for (int64_t i = 0; i < f->inputs; i++) io[i] = fields(arguments[i + 1])->data;
        for (; made < f->outputs; made++) {
            const wb_type *type = &f->types[f->inputs + made];
            if (made < fresh) {
                python.increase(type->descr);
                results[made] = python.array_new(python.array_type, type->descr, (int)type->nd, type->dimensions, 0, 0, 0, 0);
                if (!results[made]) break;
            } else {
                results[made] = rooms[made - fresh];
                python.increase(results[made]);
            }
            io[f->inputs + made] = fields(results[made])->data;
        }
        failed = made < f->outputs;
        if (!failed) {
            const void *env = python.pointer(arguments[0]);
            void *state = python.save();
            failed = f->run(io, env, arena, fault);
            python.restore(state);
            if (failed) python.call(python.raise_fault, "LLL", (long long)fault[0], (long long)fault[1], (long long)fault[2]);
        }
    } else {
        python.no_memory();
    }
    object *result = 0;
    if (failed) {
        for (int64_t i = 0; i < made; i++) python.decrease(results[i]);
    } else if ((result = python.list_new(f->outputs))) {
        for (int64_t i = 0; i < f->outputs; i++) python.list_set(result, i, results[i]);
    }
    if (arena) give_arena(f, arena);
    if (io != few) free(io);
    if (results != few_results) free(results);
    return result;
}

typedef struct {
    const char *name;
    object *(*function)(object *, object *const *, intptr_t);
    int flags;
    const char *doc;
} wb_method;
const wb_method wb_enter = {"enter", enter, 0x80 /* METH_FASTCALL */, "enter(environment, *arguments)"};

// A function from a run; `types` are copied, the dimensions that they point to after them.
wb_function *wb_new(void *run, int64_t inputs, int64_t outputs, int64_t arena, int64_t calls, const wb_type *types) {
    int64_t dimensions = 0;
    for (int64_t i = 0; i < inputs + outputs; i++) dimensions += types[i].nd;
    wb_function *f = calloc(1, sizeof *f + (inputs + outputs) * sizeof(wb_type) + dimensions * sizeof(intptr_t));
    if (!f) return 0;
    wb_type *own = (wb_type *)(f + 1);
    intptr_t *next = (intptr_t *)(own + inputs + outputs);
    for (int64_t i = 0; i < inputs + outputs; i++) {
        own[i] = types[i];
        own[i].dimensions = next;
        for (int64_t k = 0; k < types[i].nd; k++) *next++ = types[i].dimensions[k];
    }
    f->run = (int32_t (*)(void *const *, const void *, char *, int64_t *))run;
    f->inputs = inputs, f->outputs = outputs, f->arena = arena, f->left = calls, f->types = own;
    return f;
}

void wb_destroy(object *capsule) {
    wb_function *f = python.capsule(capsule, 0);
    for (int i = 0; i < 8; i++) free(f->spare[i]);
    free(f);
}
"""


class _Type(ctypes.Structure):
    _fields_ = [("descr", ctypes.c_void_p), ("nd", ctypes.c_int64), ("dimensions", ctypes.c_void_p)]


@functools.cache
def load(compiler: Compiler, raise_fault: Callable[[int, int, int], None]) -> ctypes.CDLL:
    """Return the library, compiled if it is not in the cache, and told where Python's and NumPy's functions are.

    `raise_fault` raises the error for a fault that compiled code reports.
    """
    # It has no loops to speak of: more optimisation would take a compiler twice as long, and a call as long as it does.
    library, _ = compiler.library(CODE, seldom=True)
    library.wb_new.restype = ctypes.c_void_p
    library.wb_new.argtypes = [ctypes.c_void_p, *[ctypes.c_int64] * 4, ctypes.c_void_p]
    objects = [id(None), id(np.ndarray), id(raise_fault)]
    table = [*map(address_of, FUNCTIONS.values()), array_new(), *objects, object.__basicsize__]
    library.wb_prepare((ctypes.c_void_p * len(table))(*table))
    return library


def address_of(name: str) -> int:
    """Return where a function of Python's is."""
    return ctypes.cast(getattr(ctypes.pythonapi, name), ctypes.c_void_p).value or 0


def array_new() -> int:
    """Return where NumPy's PyArray_NewFromDescr is."""
    core: Any = importlib.import_module("numpy._core._multiarray_umath" if hasattr(np, "_core") else "numpy.core._multiarray_umath")
    return int(ctypes.cast(_capsule_pointer(core._ARRAY_API, None), ctypes.POINTER(ctypes.c_void_p))[NEW_FROM_DESCR] or 0)


def entry(
    library: ctypes.CDLL,
    run: int,
    inputs: Sequence[tuple[str, tuple[int, ...]]],
    outputs: Sequence[tuple[str, tuple[int, ...]]],
    arena: int,
    calls: int = 0,
) -> Callable[..., Any]:
    """Return a callable of an environment's address and arrays around a compiled `run`.

    Parameters
    ----------
    library
        Of :func:`load`.
    run
        The address of the compiled function.
    inputs, outputs
        Dtypes and shapes of the arrays that it takes and makes.
    arena
        Bytes that it works in.
    calls
        After so many calls they return ``None``, whatever they are given; 0 for never.

    Returns
    -------
    A callable that returns a list of new arrays, or ``None`` where an argument is not exactly a NumPy
    array of its dtype and shape, rows first and aligned. Arrays given after the arguments and `raise_fault` are the last results.
    """
    types = (_Type * (len(inputs) + len(outputs)))()
    kept = []
    for made, (dtype, shape) in zip(types, (*inputs, *outputs)):
        dimensions = (ctypes.c_ssize_t * len(shape))(*shape)
        kept.append(dimensions)
        made.descr, made.nd, made.dimensions = id(np.dtype(dtype)), len(shape), ctypes.addressof(dimensions)
    function = library.wb_new(run, len(inputs), len(outputs), arena, calls, types)
    if not function:
        raise MemoryError("no memory for a compiled function")
    capsule = _capsule_new(function, None, ctypes.cast(library.wb_destroy, ctypes.c_void_p))
    made_function: Callable[..., Any] = function_new(ctypes.addressof(ctypes.c_char.in_dll(library, "wb_enter")), capsule, None)
    return made_function


_python: Any = ctypes.pythonapi
_capsule_new = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)(("PyCapsule_New", _python))
_capsule_pointer = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(("PyCapsule_GetPointer", _python))
function_new = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.c_void_p)(("PyCFunction_NewEx", _python))
