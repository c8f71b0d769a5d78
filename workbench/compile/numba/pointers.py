"""What generated Python does with memory, and without branches: typed pointers, words on the stack, calls of addresses.

Numba compiles an array's every use with its shape, strides and owner; a pointer's costs what it costs in C.
This file is imported by generated code, and by nothing before it: it brings Numba.
"""

from __future__ import annotations

from typing import Any

import numba.core.cgutils
from llvmlite import ir
from numba.extending import intrinsic

cgutils: Any = numba.core.cgutils  # Numba has types for few of its functions.
types: Any = numba.types
WORD = ir.IntType(64)
WORDS = types.CPointer(types.int64)
RUN = types.int32(WORDS, WORDS, types.int64, WORDS)
"""The type of all compiled programs: ``run(io, env, arena, fault)``."""


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


def _calls(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    given = [context.get_value_type(t) for t in signature.args[1:]]
    kind = ir.FunctionType(context.get_value_type(signature.return_type), given)
    return builder.call(builder.inttoptr(arguments[0], kind.as_pointer()), arguments[1:])
