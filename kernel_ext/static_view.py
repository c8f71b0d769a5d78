"""Drawings that need no kernel: for saved notebooks, web viewers, and front ends without widgets."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from kernel_ext.model_view import model_columns
from kernel_ext.snapshot import Keys, expression_columns
from workbench import Model
from workbench.graph import Expr, text
from workbench.inference.run import Run

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
NODE_LIMIT = 150
TABLE = 12
"""Rows of a finished run's table."""


def graph_svg(subject: Model | Expr) -> str | None:
    """Return a drawing by Graphviz; ``None`` where ``dot`` is not installed or the graph is too large."""
    if shutil.which("dot") is None:
        return None
    import graphviz

    keys = Keys()
    drawn, plates = model_columns(keys, subject) if isinstance(subject, Model) else (expression_columns(keys, [subject]), [])
    if len(drawn["key"]) > NODE_LIMIT:
        return None
    picture = graphviz.Digraph(node_attr={"shape": "box", "style": "rounded", "fontname": "Helvetica", "fontsize": "11"})
    boxes = [graphviz.Digraph(f"cluster{i}", graph_attr={"style": "rounded", "color": "#888888", "fontname": "Helvetica", "fontsize": "10",
                                                         "label": graphviz.escape(plate), "labelloc": "b", "labeljust": "r"})
             for i, plate in enumerate(plates)]  # fmt: skip
    for key, label, kind, kind_type, group in zip(drawn["key"], drawn["label"], drawn["kind"], drawn["type"], drawn["group"]):
        shape = {"random": "ellipse", "observed": "ellipse"}.get(kind, "box")
        fill = {"observed": "#dddddd", "random": "#e3f1fa"}.get(kind, "#ffffff")
        # The graphviz package takes HTML-like labels for what stands in <...>: escape makes it text.
        where = picture if group < 0 else boxes[group]
        where.node(str(key), graphviz.escape(f"{label}\n{kind_type}"), shape=shape, style="filled,rounded" if shape == "box" else "filled", fillcolor=fill)
    for box in boxes:
        picture.subgraph(box)
    for a, b in zip(drawn["src"], drawn["dst"]):
        picture.edge(str(a), str(b))
    svg: str = picture.pipe(format="svg", encoding="utf-8")
    return svg[svg.index("<svg") :]


def subject_bundle(subject: Model | Expr) -> dict[str, str]:
    """Return a model or an expression as a drawing, if one can be made, and as text."""
    bundle = {"text/plain": plain_text(subject)}
    svg = graph_svg(subject)
    return bundle if svg is None else {**bundle, "text/html": svg}


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
