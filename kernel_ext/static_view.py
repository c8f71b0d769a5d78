"""Drawings that need no kernel: for saved notebooks, web viewers, and front ends without widgets."""

from __future__ import annotations

from collections import Counter
from html import escape

from kernel_ext.graphs.drawing import graph_svg
from workbench import Model
from workbench.graph import Expr, text, topological
from workbench.model.drawing import kind_of


def subject_bundle(subject: Model | Expr) -> dict[str, str]:
    """Return a model or an expression as a drawing, or a sentence where it is too large for one, and as text."""
    svg = graph_svg(subject)
    return {"text/plain": plain_text(subject), "text/html": svg or f"<p>{escape(_too_large(subject))}</p>"}


def _too_large(subject: Model | Expr) -> str:
    if isinstance(subject, Model):
        counts = Counter(kind_of(subject, x) for x in subject.named_vars.values())
        return f"A model of {sum(counts.values()):,} variables ({_counted(counts)}): too many for a picture; the widget shows them."
    nodes = topological([subject])
    return f"An expression of {len(nodes):,} nodes ({_counted(Counter(str(n.op.name) for n in nodes))}): too many for a picture; the widget shows them."


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{n:,} {what}" for what, n in counts.most_common(5))


def plain_text(subject: Model | Expr) -> str:
    """Return a model or expression as text."""
    return str(subject) if isinstance(subject, Model) else text(subject)
