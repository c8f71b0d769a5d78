"""Drawings that need no kernel: for saved notebooks, web viewers, and front ends without widgets."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from kernel_ext.snapshot import Keys, expression_columns, model_columns
from workbench import Model
from workbench.graph import Expr, text
from workbench.inference.run import Run

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
NODE_LIMIT = 150


def graph_svg(subject: Model | Expr) -> str | None:
    """Return a drawing by Graphviz; ``None`` where ``dot`` is not installed or the graph is too large."""
    if shutil.which("dot") is None:
        return None
    import graphviz

    keys = Keys()
    drawn = model_columns(keys, subject) if isinstance(subject, Model) else expression_columns(keys, [subject])
    if len(drawn["key"]) > NODE_LIMIT:
        return None
    picture = graphviz.Digraph(node_attr={"shape": "box", "style": "rounded", "fontname": "Helvetica", "fontsize": "11"})
    for key, label, kind, kind_type in zip(drawn["key"], drawn["label"], drawn["kind"], drawn["type"]):
        shape = {"random": "ellipse", "observed": "ellipse"}.get(kind, "box")
        fill = {"observed": "#dddddd", "random": "#e3f1fa"}.get(kind, "#ffffff")
        # The graphviz package takes HTML-like labels for what stands in <...>: escape makes it text.
        picture.node(str(key), graphviz.escape(f"{label}\n{kind_type}"), shape=shape, style="filled,rounded" if shape == "box" else "filled", fillcolor=fill)
    for a, b in zip(drawn["src"], drawn["dst"]):
        picture.edge(str(a), str(b))
    svg: str = picture.pipe(format="svg", encoding="utf-8")
    return svg[svg.index("<svg") :]


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
    cells = "".join(
        f"<tr><td style='text-align:left'>{escape(r['name'])}</td>"
        + "".join(f"<td>{r[k]:.4g}</td>" for k in ("mean", "sd", "ess_bulk"))
        + f"<td>{r['rhat']:.3f}</td></tr>"
        for r in rows[:12]
    )
    table = f"<table><tr><th></th><th>mean</th><th>sd</th><th>ESS</th><th>R-hat</th></tr>{cells}</table>" if cells else ""
    total = len(run.variable_names())
    note = f"<p style='opacity:.7'>The {min(12, len(rows))} of the worst R-hat, of {len(rows)} elements looked at ({total} in all).</p>" if cells else ""
    return f'<div class="wb-static"><p>{head}</p><div style="display:flex;flex-wrap:wrap">{plots}</div>{table}{note}</div>'


def trace_svg(run: Run, name: str, width: int = 320, height: int = 70) -> str:
    """Return one element's trace, a polyline a chain, warm-up shaded."""
    series = [run.values([name], c)[:, 0] for c in range(len(run.kept))]
    shown = [s[run.tune :] if len(s) > run.tune else s for s in series]
    finite = np.concatenate([s[np.isfinite(s)] for s in shown]) if shown else np.empty(0)
    if not finite.size:
        return ""
    low, high = float(finite.min()), float(finite.max())
    span = (high - low) or 1.0
    lines = []
    for i, s in enumerate(series):
        at = np.unique(np.linspace(0, len(s) - 1, min(len(s), width)).astype(int))
        points = " ".join(
            f"{x / max(run.total - 1, 1) * width:.1f},{height - (min(max(s[x], low), high) - low) / span * height:.1f}" for x in at
        )
        lines.append(f'<polyline points="{points}" fill="none" stroke="{COLOURS[i % 6]}" stroke-width="0.7" opacity="0.8"/>')
    shade = f'<rect width="{run.tune / max(run.total, 1) * width:.1f}" height="{height}" fill="#888" opacity="0.15"/>'
    return f'<svg width="{width}" height="{height}" viewBox="0 0 {width} {height}" style="overflow:hidden">{shade}{"".join(lines)}</svg>'
