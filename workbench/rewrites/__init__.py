"""Rules that turn graphs into equal, better ones, in ordered and named passes.

What is inferred of expressions is loaded when it is first asked for, the rules with the first pass.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.names import answers, listing

if TYPE_CHECKING:
    from workbench.rewrites import matrix_properties, signs
    from workbench.rewrites.passes import default_mode, unconstrained_pass

LATER = {
    "workbench.rewrites.passes": "default_mode unconstrained_pass",
    "workbench.rewrites.matrix_properties": "matrix_properties",
    "workbench.rewrites.signs": "signs",
}
"""Loaded when first used."""

__getattr__, __dir__ = answers(__name__, LATER), listing(__name__)

__all__ = ["default_mode", "matrix_properties", "signs", "unconstrained_pass"]
