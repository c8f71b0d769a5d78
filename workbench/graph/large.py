"""Graphs that are too large to be compiled are refused before time and memory go into them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import PurePath

from workbench.config import most_operations
from workbench.errors import CompileError
from workbench.graph.expr import Expr
from workbench.graph.traverse import topological

LINES = 3
"""So many of the user's lines are told."""
SECONDS, BYTES = 0.25e-3, 4e3
"""About what an operation takes to be rewritten, lowered and compiled, where nothing repeats."""


def most_from(nodes: Sequence[Expr]) -> str:
    """Return the lines that most nodes are written on, with what part of a model they are and how many there are."""
    counts = Counter((n.provenance.location, n.provenance.purpose) for n in nodes if n.provenance and n.provenance.location)
    told = []
    for (where, purpose), count in counts.most_common(LINES):
        told.append(f"{PurePath(where.filename.replace(chr(92), '/')).name}:{where.lineno} ({f'{purpose}, ' if purpose else ''}{count:,})")
    return "; ".join(told)


def duration(seconds: float) -> str:
    """Return a time as people say it."""
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} minutes"


def refuse_if_large(roots: Sequence[Expr]) -> None:
    """Raise if expressions, in which what repeats is loops already, are too many operations.

    Raises
    ------
    CompileError
        If they are more than :func:`~workbench.config.most_operations`, with the lines that most of them come from.

    Examples
    --------
    >>> import workbench.tensor as pt
    >>> refuse_if_large([pt.exp(pt.scalar("x"))])
    """
    nodes, most = topological(roots), most_operations()
    if len(nodes) <= most:
        return
    raise CompileError(
        f"a graph of {len(nodes):,} operations, of which no loop can be made, most of them from {most_from(nodes)}: to compile them would take about "
        f"{duration(len(nodes) * SECONDS)} and {len(nodes) * BYTES / 1e9:.0f} GB, and their derivatives three times that",
        f"write them on whole arrays, or as steps of pt.scan, which are compiled once; WORKBENCH_MOST_OPERATIONS allows more than {most:,}",
    )
