"""Of what Numba does to a function before LLVM has it, that which printed code needs.

In printed code a name has one type, and nothing is left to find out by rewriting: no closures, no tuples, no branches on constants, no arrays.
So variables need no names of their own for each assignment either, which takes Numba a quarter of its time: LLVM finds that out for itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
from numba.core.compiler import Compiler, DefaultPassBuilder

KEPT = {
    "TranslateByteCode", "FixupArgs", "IRProcessing", "NopythonTypeInference", "IRLegalization", "AnnotateTypes", "NativeLowering", "NoPythonBackend",
}  # fmt: skip
"""The names of the passes."""


_builder: Any = DefaultPassBuilder  # Numba has types for few of its functions.


class Passes(Compiler):  # type: ignore[misc]
    """What compiles printed functions."""

    def define_pipelines(self) -> list[Any]:
        made = _builder.define_nopython_pipeline(self.state)
        made.passes = [(one, said) for one, said in made.passes if one.__name__ in KEPT]
        return [made]


def printed(**options: Any) -> Callable[..., Any]:
    """Return what makes a printed function one that others call."""
    return numba.njit(pipeline_class=Passes, **options)  # type: ignore[no-any-return]
