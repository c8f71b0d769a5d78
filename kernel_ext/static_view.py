"""Drawings that need no kernel: for saved notebooks, web viewers, and front ends without widgets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from html import escape

from kernel_ext.graphs.drawing import graph_svg
from workbench import Model
from workbench.graph import Expr, text, topological
from workbench.model.drawing import kind_of


def subject_bundle(subject: Model | Expr) -> dict[str, str]:
    """Return a model or an expression as a drawing, or a sentence where it is too large for one, and as text."""
    svg = graph_svg(subject)
    return {"text/plain": plain_text(subject), "text/html": svg or f"<p>{escape(_too_large(subject))}</p>"}


def side_by_side(subjects: Mapping[str, Model | Expr]) -> dict[str, str]:
    """Return several subjects, each under what it is called, as `subject_bundle` returns one."""
    made = {called: subject_bundle(subject) for called, subject in subjects.items()}
    parts = [f'<div style="flex:1 1 20em"><b>{escape(called)}</b>{bundle["text/html"]}</div>' for called, bundle in made.items()]
    return {
        "text/plain": "\n\n".join(f"{called}:\n{bundle['text/plain']}" for called, bundle in made.items()),
        "text/html": f'<div style="display:flex;flex-wrap:wrap;gap:1em">{"".join(parts)}</div>',
    }


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
