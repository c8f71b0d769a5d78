"""A fit as a drawing that needs no kernel: the evidence lower bound at each step, what it came to, and whether to trust it."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np

from workbench.inference.approximations.fit_run import FitRun

WIDTH, HEIGHT, POINTS, ROWS = 520, 120, 260, 12


def fit_html(run: FitRun, words: str, table: Mapping[str, Any] | None) -> str:
    """Return a fit that is over as HTML."""
    head = f"{run.state}: {run.steps:,} steps of {type(run.approx).__name__} on {run.approx.backend}"
    if "fit" in run.timings:
        head += f", {run.timings['fit']:.2f} s after {run.timings['compile']:.2f} s of compilation"
    said = [s for s in (run.message, words, str(getattr(run.error, "message", run.error)) if run.error else "") if s]
    notes = "".join(f"<li>{escape(s[:1].upper() + s[1:])}.</li>" for s in said)
    return (
        f'<div class="wb-static" style="font:13px/1.45 system-ui,sans-serif"><p>{escape(head)}</p>'
        f'<ul style="margin:4px 0 8px;padding-left:20px">{notes}</ul>{_curve(run)}{_table(table)}</div>'
    )


def _curve(run: FitRun) -> str:
    elbo = -run.loss_history
    finite = np.isfinite(elbo)
    if finite.sum() < 2:
        return ""
    edges = np.linspace(0, len(elbo), min(POINTS, len(elbo)) + 1).astype(int)
    means = [float(elbo[a:b][finite[a:b]].mean()) if finite[a:b].any() else np.nan for a, b in zip(edges[:-1], edges[1:])]
    low, high = shown_range(np.array(means))
    span = (high - low) or 1.0
    points = " ".join(
        f"{x / max(1, len(means) - 1) * WIDTH:.1f},{HEIGHT - (min(max(y, low), high) - low) / span * HEIGHT:.1f}" for x, y in enumerate(means) if np.isfinite(y)
    )
    return (
        f'<figure style="margin:0"><figcaption>evidence lower bound <span style="opacity:.7">{low:.5g} to {high:.5g}, '
        f"the last {np.nanmean(means[-max(1, len(means) // 10):]):.6g}</span></figcaption>"
        f'<svg role="img" aria-label="evidence lower bound at each step" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" fill="none">'
        f'<polyline points="{points}" stroke="#0072b2" stroke-width="1.2"/></svg></figure>'
    )


def shown_range(values: Any) -> tuple[float, float]:
    """Return the range of a curve that is looked at: that of its later part, for it begins far off."""
    finite = values[np.isfinite(values)]
    later = finite[len(finite) // 10 :]
    low, high = float(np.quantile(later, 0.02)), float(finite.max())
    room = 0.05 * (high - low)
    return low - room, high + room


def _table(table: Mapping[str, Any] | None) -> str:
    if table is None:
        return ""
    head = "".join(f"<th>{h}</th>" for h in ("", "mean", "sd", "3 %", "97 %"))
    rows = "".join(
        f'<tr><td style="text-align:left">{escape(table["name"][i])}</td>' + "".join(f"<td>{table[k][i]:.4g}</td>" for k in ("mean", "sd", "low", "high")) + "</tr>"
        for i in range(min(ROWS, len(table["name"])))
    )
    left = len(table["name"]) + table["more"] - ROWS
    more = f"<p style='opacity:.7'>and {left:,} more</p>" if left > 0 else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>{more}"
