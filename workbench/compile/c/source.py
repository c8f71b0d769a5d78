"""Generated C as a printer makes it: the same for all compilers, but for what their libraries have vector forms of."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from workbench.compile.c.own_math import own_functions
from workbench.compile.c.vector_math import declarations, definitions
from workbench.compile.printed import Source

PLAIN_MATH = ["sqrt", "fabs", "floor", "rint"]


@dataclass
class CSource(Source):
    """A program in C, without the declarations of the functions that it has `called`; `head` comes before them."""

    head: list[str] = field(default_factory=list)
    called: tuple[str, ...] = ()

    def with_vector_forms(self, known: Collection[str]) -> Source:
        """Return the whole text, where the library has vector forms of the functions `known`."""
        declared = [*declarations(self.called, known), *(f"double {name}(double);" for name in PLAIN_MATH), *own_functions(self.called, known), ""]
        # Of what several need there is one definition.
        before = [*dict.fromkeys([*self.head, *declared, *self.before]), ""]
        return Source(self.pieces, self.sizes, before, [*self.after, *definitions(self.called, known), ""], self.stored)
