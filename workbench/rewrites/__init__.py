"""Rules that turn graphs into equal, better ones, in ordered and named passes."""

from __future__ import annotations

import functools

from workbench.graph.rewrite import RULES, Mode, Pass, Rule

# Rules are asked in the order in which they are registered: numbers first.
from workbench.rewrites import constants, arithmetic, powers, inverse_functions, redundant_operations  # isort: skip
from workbench.rewrites import (
    covariance_gradients,
    determinants,
    linear_algebra,
    linear_systems,
    logic,
    matrix_properties,
    shapes_and_indices,
    signs,
    special_functions,
    specialise,
    stabilise,
    sums,
    sums_of_parts,
    trigonometry,
    unconstrained,
)  # fmt: skip  # isort: skip
from workbench.rewrites.linear_algebra import LinearAlgebra
from workbench.rewrites.unused_results import UnusedResults

CANONICALISE = """One form for equal expressions: constants folded, identities gone, shapes simple.

The rules take numbers for real numbers: ``x - x`` is 0 and ``(x + y) - x`` is ``y``, whatever
rounding or an infinity would have made of them.
"""


def default_mode() -> Mode:
    """Return the passes that :func:`workbench.function` runs, with all rules that are registered now.

    Examples
    --------
    >>> default_mode()
    Mode: unused results, canonicalise, linear algebra, stabilise, specialise
    """
    return _mode_of(tuple(RULES.values()))


@functools.lru_cache(maxsize=8)
def _mode_of(rules: tuple[Rule, ...]) -> Mode:
    def group(*names: str) -> tuple[Rule, ...]:
        return tuple(r for r in rules if r.group in names)

    return Mode(
        (
            UnusedResults(),
            Pass("canonicalise", group("canonicalise"), CANONICALISE),
            LinearAlgebra("linear algebra", (linear_algebra.FACTORED, *group("canonicalise", "linear algebra")), linear_algebra.__doc__ or ""),
            Pass("stabilise", group("canonicalise", "linear algebra", "stabilise"), stabilise.__doc__ or ""),
            Pass("specialise", group("canonicalise", "specialise"), specialise.__doc__ or ""),
        )
    )


__all__ = [
    "constants", "arithmetic", "powers", "inverse_functions", "redundant_operations", "shapes_and_indices", "covariance_gradients", "default_mode", "determinants", "linear_systems", "logic", "sums_of_parts", "signs", "special_functions", "matrix_properties", "sums",
    "trigonometry", "unconstrained",
]  # fmt: skip
