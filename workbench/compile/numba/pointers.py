"""What generated Python does with memory, and without branches: typed pointers, words on the stack, calls of addresses.

Numba compiles an array's every use with its shape, strides and owner; a pointer's costs what it costs in C.
This file is imported by generated code, and by nothing before it: it brings Numba.
"""

from __future__ import annotations

import ctypes
from typing import Any

import numba.core.cgutils
from llvmlite import ir
from numba.extending import intrinsic

from workbench.tensor.linalg.lapack import ROUTINES

cgutils: Any = numba.core.cgutils  # Numba has types for few of its functions.
types: Any = numba.types
WORD = ir.IntType(64)
WORDS = types.CPointer(types.int64)
RUN = types.int32(WORDS, WORDS, types.int64, WORDS)
"""The type of all compiled programs: ``run(io, env, arena, fault)``."""
ENTER = types.int64(types.int64, WORDS, types.int64)
"""That of what Python calls: ``run(self, arguments, count)``."""


@intrinsic
def pointer(typing: Any, at: Any, dtype: Any) -> Any:
    """Return an address as a pointer to numbers of a dtype."""
    kind = types.CPointer(dtype.dtype)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], context.get_value_type(kind))

    return kind(types.int64, dtype), generate


@intrinsic
def address(typing: Any, of: Any) -> Any:
    """Return the address of a pointer."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.ptrtoint(arguments[0], WORD)

    return types.int64(of), generate


@intrinsic
def after(typing: Any, of: Any, count: Any) -> Any:
    """Return a pointer to what stands so many numbers after another, or after an array's first."""
    in_array = isinstance(of, types.Array)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        start = context.make_array(of)(context, builder, arguments[0]).data if in_array else arguments[0]
        return builder.gep(start, [arguments[1]])

    return (types.CPointer(of.dtype) if in_array else of)(of, types.int64), generate


@intrinsic
def stacked(typing: Any, value: Any) -> Any:
    """Return a pointer to a place on the stack that holds a number."""
    kind = types.unliteral(value)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        made = cgutils.alloca_once(builder, context.get_value_type(kind))
        builder.store(arguments[0], made)
        return made

    return types.CPointer(kind)(kind), generate


@intrinsic(prefer_literal=True)
def letter(typing: Any, written: Any) -> Any:
    """Return the number of a letter."""
    return types.int64(written), lambda context, builder, signature, arguments: WORD(ord(written.literal_value))


@intrinsic(prefer_literal=True)
def routine(typing: Any, library: Any, name: Any, given: Any) -> Any:
    """Call a routine of BLAS or LAPACK with the addresses of pointers and arrays."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        at = builder.load(builder.gep(arguments[0], [WORD(ROUTINES.index(name.literal_value))]))
        values = cgutils.unpack_tuple(builder, arguments[2])
        places = [
            context.make_array(kind)(context, builder, value).data if isinstance(kind, types.Array) else value
            for kind, value in zip(given.types, values)
        ]
        kind = ir.FunctionType(ir.VoidType(), [x.type for x in places])
        builder.call(builder.inttoptr(at, kind.as_pointer()), places)
        return context.get_dummy_value()

    return types.none(library, name, given), generate


@intrinsic(prefer_literal=True)
def words(typing: Any, count: Any) -> Any:
    """Return a pointer to so many words on the stack; a number written out."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return cgutils.alloca_once(builder, WORD, size=count.literal_value)

    return WORDS(count), generate


@intrinsic
def select(typing: Any, choice: Any, yes: Any, no: Any) -> Any:
    """Return one of two numbers, both of which are there: a branch would cost Numba more than anything else in a line."""
    kind = typing.unify_types(types.unliteral(yes), types.unliteral(no))

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        chosen, a, b = arguments
        return builder.select(chosen, a, b)

    return kind(types.boolean, kind, kind), generate


@intrinsic
def call(typing: Any, at: Any, io: Any, env: Any, arena: Any, fault: Any) -> Any:
    """Call the program at an address; nonzero where it failed."""
    return RUN.return_type(types.int64, *RUN.args), _calls


@intrinsic
def call_back(typing: Any, at: Any, number: Any, which: Any, io: Any) -> Any:
    """Call Python for an operation that has no loop form; nonzero where it failed."""
    return types.int32(types.int64, types.int64, types.int64, WORDS), _calls


@intrinsic
def now(typing: Any) -> Any:
    """Return nanoseconds, by the clock of `time.perf_counter`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        public = hasattr(ctypes.pythonapi, "PyTime_PerfCounterRaw")  # From Python 3.13 on: it writes the time to its argument.
        told = cgutils.alloca_once(builder, WORD)
        if public:
            kind = ir.FunctionType(ir.IntType(32), [WORD.as_pointer()])
            builder.call(cgutils.get_or_insert_function(builder.module, kind, "PyTime_PerfCounterRaw"), [told])
            return builder.load(told)
        kind = ir.FunctionType(WORD, [])
        return builder.call(cgutils.get_or_insert_function(builder.module, kind, "_PyTime_GetPerfCounter"), [])

    return types.int64(), generate


@intrinsic
def invoke(typing: Any, at: Any, given: Any) -> Any:
    """Call the function at an address, of whole numbers and pointers that stand as words in a tuple; what it returns is one."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        words = cgutils.unpack_tuple(builder, arguments[1])
        kind = ir.FunctionType(WORD, [WORD] * len(words))
        return builder.call(builder.inttoptr(arguments[0], kind.as_pointer()), words)

    return types.int64(types.int64, types.UniTuple(types.int64, len(given))), generate


@intrinsic
def exchange(typing: Any, table: Any, which: Any, new: Any) -> Any:
    """Put a word into a table, and return the one that was there, as one step that no other thread sees half of."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        table, which, new = arguments
        return builder.atomic_rmw("xchg", builder.gep(table, [which]), new, "acq_rel")

    return types.int64(WORDS, types.int64, types.int64), generate


def _calls(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    given = [context.get_value_type(t) for t in signature.args[1:]]
    kind = ir.FunctionType(context.get_value_type(signature.return_type), given)
    return builder.call(builder.inttoptr(arguments[0], kind.as_pointer()), arguments[1:])
