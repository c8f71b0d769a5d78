"""Loops whose turns may be done at once, and sums in any order: what `#pragma omp simd` says in C, said to LLVM.

This file is imported by generated code, as `pointers` is.
"""

from __future__ import annotations

from typing import Any

import numba
from llvmlite import ir
from numba.extending import intrinsic

types: Any = numba.types


class _Distinct(ir.values.MDValue):  # type: ignore[misc]
    """Metadata that is equal to itself alone, of which its own name may be the first."""

    def __init__(self, module: Any, *operands: Any, named: bool = False) -> None:
        super().__init__(module, operands, name=str(len(module.metadata)))
        self.named = named

    def descr(self, buf: list[str]) -> None:
        shown = [x.get_reference() for x in self.operands]
        buf.append(f"distinct !{{ {', '.join([self.get_reference(), *shown] if self.named else shown)} }}\n")

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other


@intrinsic
def independent(typing: Any) -> Any:
    """Say at the end of a loop's body that no turn of it reads what another writes, sums in any order aside."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        marked = builder.function.__dict__.setdefault("independent_loops", [])
        marked.append(builder.block)
        return context.get_dummy_value()

    return types.none(), generate


@intrinsic
def make_vector_loops(typing: Any) -> Any:
    """Tell LLVM of the loops that have been marked; the last statement of a function."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        for block in builder.function.__dict__.get("independent_loops", ()):
            _describe(builder.module, builder.function, block)
        return context.get_dummy_value()

    return types.none(), generate


def _describe(module: Any, function: Any, last: Any) -> None:
    """Describe the loop whose body ends with a block."""
    (first,) = _targets(last)
    group = _Distinct(module)
    for block in _loop(function, first, last):
        for x in block.instructions:
            # Variables of a turn are in memory before LLVM moves them to registers.
            if isinstance(x, (ir.LoadInstr, ir.StoreInstr)) and not isinstance(x.operands[-1], ir.AllocaInstr):
                x.set_metadata("llvm.access.group", group)
    accesses = module.add_metadata(["llvm.loop.parallel_accesses", group])
    last.terminator.set_metadata("llvm.loop", _Distinct(module, accesses, named=True))


def _targets(block: Any) -> list[Any]:
    return [x for x in block.terminator.operands if isinstance(x, ir.Block)]


def _loop(function: Any, first: Any, last: Any) -> list[Any]:
    """The blocks from which the last one can be reached without passing the first."""
    sources: dict[Any, list[Any]] = {}
    for block in function.blocks:
        if block.terminator is not None:
            for target in _targets(block):
                sources.setdefault(target, []).append(block)
    found, pending = {first: None, last: None}, [last]
    while pending:
        for block in sources.get(pending.pop(), ()):
            if block not in found:
                found[block] = None
                pending.append(block)
    return list(found)


@intrinsic
def add_in_any_order(typing: Any, total: Any, more: Any) -> Any:
    """Add to a sum whose terms a vector loop may add in another order."""
    kind = typing.unify_types(total, more)
    return kind(kind, kind), lambda context, builder, signature, given: builder.fadd(*given, flags=("reassoc",))


@intrinsic
def multiply_in_any_order(typing: Any, total: Any, more: Any) -> Any:
    """Multiply a product whose factors a vector loop may take in another order."""
    kind = typing.unify_types(total, more)
    return kind(kind, kind), lambda context, builder, signature, given: builder.fmul(*given, flags=("reassoc",))
