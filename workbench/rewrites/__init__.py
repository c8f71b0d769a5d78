"""Rules that turn graphs into equal, better ones, in ordered and named passes.

What is known of expressions is there from the start; the rules are loaded when a pass is first asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workbench.rewrites import matrix_properties, signs

if TYPE_CHECKING:
    from workbench.rewrites.passes import default_mode, unconstrained_pass


def __getattr__(name: str) -> Any:
    if name in ("default_mode", "unconstrained_pass"):
        from workbench.rewrites import passes

        return getattr(passes, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = ["default_mode", "matrix_properties", "signs", "unconstrained_pass"]
