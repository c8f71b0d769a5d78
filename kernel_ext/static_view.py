"""Drawings that need no kernel: for saved notebooks, web viewers, and front ends without widgets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from kernel_ext.drawing import graph_svg
from workbench import Model
from workbench.graph import Expr, text, topological
from workbench.inference.run import Run
from workbench.model.drawing import kind_of

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
TABLE = 12
"""Rows of a finished run's table."""


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


def run_html(run: Run, names: Sequence[str], rows: Sequence[dict[str, Any]]) -> str:
    """Return a finished run as HTML: what happened, traces, summary."""
    made = sum(r["draws"] for r in run.progress())
    divergences = sum(r["divergences"] for r in run.progress())
    head = (
        f"<b>{escape(run.state)}</b>: {made:,} draws of {run.chains} chains on {escape(run.backend)}, "
        f"{run.timings.get('sample', float('nan')):.2f} s after {run.timings.get('compile', float('nan')):.2f} s of "
        f"compilation; {divergences} divergences"
    )
    if run.error is not None:
        head += f"<br>{escape(str(run.error))}"
    plots = "".join(f'<div style="margin:2px 8px">{escape(n)}<br>{trace_svg(run, n)}</div>' for n in names)
    return f'<div class="wb-static"><p>{head}</p><div style="display:flex;flex-wrap:wrap">{plots}</div>{_table(run, rows)}</div>'


def _table(run: Run, rows: Sequence[dict[str, Any]]) -> str:
    """The scalars, then the elements of the worst R-hat."""
    if not rows:
        return ""
    names = run.variable_names()
    scalars = sorted((r for r in rows if "[" not in r["name"]), key=lambda r: names.index(r["name"]))[:TABLE]
    worst = [r for r in rows if "[" in r["name"]][: max(TABLE - len(scalars), TABLE // 3)]
    cells = "".join(
        f"<tr><td style='text-align:left'>{escape(r['name'])}</td><td>{r['mean']:.4g}</td><td>{r['sd']:.4g}</td>"
        f"<td>{_count(r['ess_bulk'])}</td><td>{r['rhat']:.3f}</td></tr>"
        for r in (*scalars, *worst)
    )
    left_out = len(rows) - len(scalars) - len(worst)
    notes = [f"the other {left_out} have a better R-hat"] if left_out else []
    notes += [f"{len(names) - len(rows)} were not looked at"] if len(rows) < len(names) else []
    note = f"<p style='opacity:.7'>Of {len(names)} elements {' and '.join(notes)}.</p>" if notes else ""
    return f"<table><tr><th></th><th>mean</th><th>sd</th><th>ESS</th><th>R-hat</th></tr>{cells}</table>{note}"


def _count(x: float) -> str:
    return f"{x:,.0f}" if np.isfinite(x) else "–"


def trace_svg(run: Run, name: str, width: int = 320, height: int = 70) -> str:
    """Return one element's trace, a polyline a chain, warm-up shaded."""
    series = [run.values([name], c)[:, 0] for c in range(len(run.kept))]
    shown = [s[run.tune :] if len(s) > run.tune else s for s in series]
    finite = np.concatenate([s[np.isfinite(s)] for s in shown]) if shown else np.empty(0)
    if not finite.size:
        return ""
    low, high = float(finite.min()), float(finite.max())
    span = (high - low) or 1.0
    rows = max(2, *(len(s) for s in series))
    lines = []
    for i, s in enumerate(series):
        at = np.unique(np.linspace(0, len(s) - 1, min(len(s), width)).astype(int))
        points = " ".join(
            f"{x / (rows - 1) * width:.1f},{height - (min(max(s[x], low), high) - low) / span * height:.1f}" for x in at
        )
        lines.append(f'<polyline points="{points}" fill="none" stroke="{COLOURS[i % 6]}" stroke-width="0.7" opacity="0.8"/>')
    shade = f'<rect width="{min(run.tune / rows, 1.0) * width:.1f}" height="{height}" fill="#888" opacity="0.15"/>'
    return f'<svg width="{width}" height="{height}" viewBox="0 0 {width} {height}" style="overflow:hidden">{shade}{"".join(lines)}</svg>'
