"""The passes, and the order in which their rules are asked. Rules are loaded with this module: when a graph is first rewritten."""

from __future__ import annotations

import functools

from workbench.graph.rewrite import RULES, Mode, Pass, Rule
from workbench.rewrites import (
    arithmetic,
    attention,
    block_diagonals,
    constants,
    convolution,
    covariance_gradients,
    deep_learning,
    determinants,
    inverse_functions,
    linear_algebra,
    linear_systems,
    logic,
    low_rank,
    powers,
    read_once,
    redundant_operations,
    shapes_and_indices,
    special_functions,
    specialise,
    stabilise,
    sums,
    sums_of_parts,
    trigonometry,
    unconstrained,
    whole_graphs,
)  # fmt: skip
from workbench.rewrites.linear_algebra import LinearAlgebra
from workbench.rewrites.reroll import Reroll
from workbench.rewrites.unused_results import UnusedResults
from workbench.rewrites.whole_graphs import OfWholeGraphs

FAMILIES = (
    constants, arithmetic, powers, inverse_functions, redundant_operations, sums_of_parts, covariance_gradients,
    low_rank, linear_algebra, attention, read_once, whole_graphs, block_diagonals, sums, determinants, linear_systems, logic, shapes_and_indices,
    special_functions, specialise, convolution, deep_learning, stabilise, trigonometry, unconstrained,
)  # fmt: skip
"""Files of rules, in the order in which they are asked: numbers first."""

CANONICALISE = """One form for equal expressions: constants folded, identities gone, shapes simple.

The rules take numbers for real numbers: ``x - x`` is 0 and ``(x + y) - x`` is ``y``, whatever
rounding or an infinity would have made of them.
"""


def rules() -> tuple[Rule, ...]:
    """Return all rules that are registered now, in order: whatever was imported first; a user's own come last."""
    place = {family.__name__: i for i, family in enumerate(FAMILIES)}

    def key(rule: Rule) -> int:
        module = rule.function.__module__
        return place.get(module, -1 if module.startswith("workbench.") else len(place))

    return tuple(sorted(RULES.values(), key=key))


def default_mode() -> Mode:
    """Return the passes that :func:`workbench.function` runs, with all rules that are registered now.

    Examples
    --------
    >>> default_mode()
    Mode: reroll, unused results, canonicalise, linear algebra, stabilise, specialise
    """
    return _mode_of(rules())


@functools.lru_cache(maxsize=8)
def _mode_of(rules: tuple[Rule, ...]) -> Mode:
    def group(*names: str) -> tuple[Rule, ...]:
        return tuple(r for r in rules if r.group in names)

    return Mode(
        (
            Reroll(),
            UnusedResults(),
            Pass("canonicalise", group("canonicalise"), CANONICALISE),
            LinearAlgebra("linear algebra", (linear_algebra.FACTORED, *group("canonicalise", low_rank.GROUP, "linear algebra", read_once.WHOLE)), linear_algebra.__doc__ or ""),
            Pass("stabilise", group("canonicalise", "linear algebra", "stabilise"), stabilise.__doc__ or ""),
            OfWholeGraphs("specialise", group("canonicalise", "specialise", read_once.GROUP, whole_graphs.GROUP), specialise.__doc__ or ""),
        )
    )


def unconstrained_pass() -> Pass:
    """Return the pass that a log-density goes through before it is differentiated, with all rules registered now."""
    return _unconstrained_of(rules())


@functools.lru_cache(maxsize=8)
def _unconstrained_of(rules: tuple[Rule, ...]) -> Pass:
    # Where a graph is evaluated as it is, checks of parameters still raise.
    chosen = [r for r in rules if r.group in ("canonicalise", "stabilise", unconstrained.GROUP) and r.name != "minus_infinity_for_bad_parameters"]
    return Pass(unconstrained.GROUP, (*chosen, *specialise.EXPONENTIALS), unconstrained.__doc__ or "")
