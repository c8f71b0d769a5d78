"""Functions of our own in the places of those of the library that have no vector forms."""

from __future__ import annotations

from collections.abc import Collection

from workbench.tensor.special.elementary_c import ELEMENTARY
from workbench.tensor.special.error_c import ERF_C, ERFC_C

OWN = {**ELEMENTARY, "erf": ERF_C, "erfc": ERFC_C}
"""The functions, and the C code of each, in the order in which it is needed."""


def own_functions(used: Collection[str], vector_forms: Collection[str]) -> list[str]:
    """Return C that defines the functions `used` of which the library has no vector forms, and puts them in their places."""
    chosen = [name for name in OWN if name in used and name not in vector_forms]
    if not chosen:
        return []
    pieces = dict.fromkeys(piece for name in chosen for piece in OWN[name])
    return ["", "// Without branches, so that a loop with them is a vector loop.", *pieces, *(f"#define {name}(x) wb_{name}(x)" for name in chosen), ""]
