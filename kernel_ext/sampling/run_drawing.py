"""Draws as a drawing that needs no kernel: traces and densities of what matters, and a table that is true of all elements."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from workbench.inference.element_table import CONSTANT, FINE, NOT_FINITE, ElementTable
from workbench.inference.run import Run

Array = np.ndarray[Any, Any]

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
DASHES = ("", "6 3", "2 3", "8 3 2 3", "4 2", "1 2")
WORST, SCALARS, ROWS = 4, 6, 16
"""Elements drawn because of their R-hat, those drawn because they are scalars, and rows of the table."""
TRACE, DENSITY, HEIGHT = 260, 120, 60
POINTS = 280
"""Pairs of the least and the greatest draw that the traces of an element are drawn by, together."""
MOST_RHAT = 1.01


def drawing(head: str, findings: Sequence[str], table: ElementTable, divergent: Array | None = None) -> str:
    """Return draws as HTML.

    Parameters
    ----------
    head
        What was done, in a line.
    findings
        What speaks against the draws.
    table
        What they say of every element.
    divergent
        Which draws diverged, (chain, draw), if that is known.
    """
    said = "".join(f"<li>{escape(f)}</li>" for f in findings)
    problems = f'<ul style="margin:4px 0 8px;padding-left:20px">{said}</ul>' if said else ""
    plots = "".join(_element(table, i, divergent) for i in drawn(table))
    return (
        f'<div class="wb-static" style="font:13px/1.45 system-ui,sans-serif"><p>{escape(head)}</p>{problems}'
        f'<div style="display:flex;flex-wrap:wrap;gap:6px 18px">{plots}</div>{_table(table)}</div>'
    )


def run_html(run: Run, table: ElementTable, findings: Sequence[str]) -> str:
    """Return a run that is over as HTML."""
    made = sum(r["draws"] for r in run.progress())
    divergences = sum(r["divergences"] for r in run.progress())
    if not run.kept:
        return drawing(f"{run.state} while compiling for {run.backend}: no draws were made", findings, table)
    shown = f" (plots are of the first {run.shown_chains}; means, ESS and R-hat, the nested one, of all)" if run.shown_chains < run.chains else ""
    head = (
        f"{run.state}: {made:,} draws of {run.chains} chains on {run.backend}{shown}, {run.timings['sample']:.2f} s after "
        f"{run.timings.get('compile', float('nan')):.2f} s of compilation; {divergences} divergences after warm-up"
    )
    if run.error is not None:
        head += f". {getattr(run.error, 'message', run.error)}"
    return drawing(head, findings, table, divergent_draws(run, table.draws.count))


def divergent_draws(run: Run, count: int) -> Array | None:
    """Return which draws after warm-up diverged, (chain, draw), of so many of each chain that has them."""
    found = [c.stat("diverging", run.tune, run.tune + count) for c in run.kept[: run.shown_chains] if c.count >= run.tune + count]
    known = [x for x in found if x is not None]
    return np.stack(known).astype(bool) if known and count else None


def drawn(table: ElementTable) -> list[int]:
    """Return the elements to draw: the worst, and then scalars in the model's order."""
    if not table.draws.count:
        return []
    worst = [int(i) for i in table.worst() if table.notes[i] != CONSTANT]
    first = [i for i in worst if "[" not in table.names[i] or _is_bad(table, i)][:WORST]
    scalars = [i for i, name in enumerate(table.names) if "[" not in name and table.notes[i] != CONSTANT]
    chosen = list(dict.fromkeys([*first, *scalars[:SCALARS], *worst[:WORST]]))[: WORST + SCALARS]
    return sorted(chosen, key=worst.index)


def _is_bad(table: ElementTable, i: int) -> bool:
    return bool(table.notes[i] == NOT_FINITE or not table.columns["rhat"][i] <= MOST_RHAT)


def _element(table: ElementTable, i: int, divergent: Array | None) -> str:
    draws = table.draws.read(i, i + 1, max(1, table.draws.count // 4000))[:, :, 0]
    finite = draws[np.isfinite(draws)]
    if not finite.size:
        return ""
    low, high = float(finite.min()), float(finite.max())
    rhat = f"R-hat {table.columns['rhat'][i]:.3f}" if np.isfinite(table.columns["rhat"][i]) else "no R-hat"
    title = f"{escape(table.names[i])} <span style='opacity:.7'>{rhat}{_ess(table, i)}</span>"
    label = escape(f"trace and density of {table.names[i]}", quote=True)
    return (
        f'<figure style="margin:0;min-width:0"><figcaption style="max-width:400px;overflow-wrap:anywhere">{title}</figcaption>'
        f'<svg role="img" aria-label="{label}" width="{TRACE + DENSITY + 10}" height="{HEIGHT + 8}" '
        f'viewBox="0 0 {TRACE + DENSITY + 10} {HEIGHT + 8}" fill="none" stroke-width="1">'
        f"{_trace(draws, low, high)}{_ticks(divergent)}{_densities(draws, low, high)}</svg>"
        f'<div style="display:flex;justify-content:space-between;width:{TRACE + DENSITY + 10}px;opacity:.7;font-size:11px">'
        f"<span>{table.draws.count:,} draws a chain</span><span>{low:.3g} to {high:.3g}</span></div></figure>"
    )


def _ess(table: ElementTable, i: int) -> str:
    ess = table.columns["ess_bulk"][i]
    return f", ESS {ess:,.0f}" if np.isfinite(ess) else ""


def _trace(draws: Array, low: float, high: float) -> str:
    """Each chain's trace, by the least and the greatest draw of each stretch."""
    span = (high - low) or 1.0
    found = []
    for c, x in enumerate(draws):
        edges = np.linspace(0, len(x), min(len(x), max(20, POINTS // len(draws))) + 1).astype(int)
        points = []
        for k, (a, b) in enumerate(zip(edges[:-1], edges[1:])):
            part = x[a:b][np.isfinite(x[a:b])]
            if part.size:
                ends = (part.min(), part.max()) if b - a > 1 else (part[0],)
                for y, share in zip(ends, (0.25, 0.75)):
                    points.append(f"{TRACE * (k + share) / (len(edges) - 1):.0f},{HEIGHT - (float(y) - low) / span * HEIGHT:.0f}")
        found.append(f'<polyline points="{" ".join(points)}" stroke="{COLOURS[c % 6]}" stroke-width="0.8" opacity="0.75"/>')
    return "".join(found)


def _ticks(divergent: Array | None) -> str:
    """Where draws diverged, along the foot."""
    if divergent is None or not divergent.any():
        return ""
    at = np.unique((np.nonzero(divergent)[1] / divergent.shape[1] * TRACE).astype(int))
    return f'<path d="{"".join(f"M{x} {HEIGHT}v8" for x in at)}" stroke="currentColor"><title>divergences</title></path>'


def _densities(draws: Array, low: float, high: float) -> str:
    if not high > low:
        return ""
    found, curves = [], [density(x[np.isfinite(x)], low, high, 41) for x in draws]
    top = max((float(c.max()) for c in curves if len(c)), default=0.0) or 1.0
    for c, curve in enumerate(curves):
        points = " ".join(f"{TRACE + 10 + DENSITY * k / 40:.0f},{HEIGHT - y / top * (HEIGHT - 2):.0f}" for k, y in enumerate(curve))
        found.append(f'<polyline points="{points}" stroke="{COLOURS[c % 6]}" stroke-dasharray="{DASHES[c % 6]}"/>')
    return "".join(found)


def density(x: Array, low: float, high: float, points: int) -> Array:
    """Return a density estimate at evenly spaced points: Gaussian kernels of Silverman's width, on bins."""
    if len(x) < 2 or not high > low:
        return np.zeros(points)
    spread = min(x.std(), float(np.subtract(*np.quantile(x, (0.75, 0.25)))) / 1.34 or x.std())
    width = 0.9 * (spread or (high - low) / 50) * len(x) ** -0.2
    fine = 8 * (points - 1)
    counts, edges = np.histogram(x, fine, (low, high))
    step = edges[1] - edges[0]
    reach = np.arange(-fine, fine + 1) * step
    kernel = np.exp(-0.5 * (reach / width) ** 2)
    smooth = np.convolve(counts, kernel / (kernel.sum() * step * len(x)), "same") if len(kernel) <= len(counts) else _folded(counts, kernel, step * len(x))
    return np.interp(np.linspace(low, high, points), (edges[:-1] + edges[1:]) / 2, smooth)


def _folded(counts: Array, kernel: Array, scale: float) -> Array:
    """Counts smoothed by a kernel that reaches from one end to the other."""
    return np.convolve(counts, kernel)[len(counts) : 2 * len(counts)] / (kernel.sum() * scale)


def _table(table: ElementTable) -> str:
    """Scalars and the elements of the worst R-hat, the worst first; what is said of the others is true of them."""
    if table.rows < 1 or not table.complete:
        return ""
    worst = [int(i) for i in table.worst()]
    scalars = [i for i in worst if "[" not in table.names[i]]
    chosen = {*worst[: ROWS // 2], *scalars[: ROWS // 2]}
    chosen |= set([i for i in worst if i not in chosen][: ROWS - len(chosen)])
    rows = "".join(_row(table.row(i)) for i in worst if i in chosen)
    heads = "".join(f"<th style='text-align:right'>{h}</th>" for h in ("mean", "sd", "5 %", "95 %", "ESS bulk", "ESS tail", "R-hat"))
    return f"<table style='font-variant-numeric:tabular-nums'><thead><tr><th></th>{heads}</tr></thead><tbody style='text-align:right'>{rows}</tbody></table>{note(table, chosen)}"


def note(table: ElementTable, chosen: set[int]) -> str:
    """Say what the elements that are not shown are like, and what the numbers are made of."""
    said = []
    rest = np.array([i for i in range(len(table.names)) if i not in chosen], int)
    if len(rest):
        fine = rest[table.notes[rest] == FINE]
        others = []
        if len(fine):
            others.append(f"{len(fine)} have R-hat of at most {np.max(table.columns['rhat'][fine]):.3f}")
        for code, words in ((NOT_FINITE, "have draws that are not finite"), (CONSTANT, "are constant")):
            n = int((table.notes[rest] == code).sum())
            others += [f"{n} {words}"] if n else []
        said.append(f"Of {len(table.names):,} elements the worst and some scalars are shown: of the others {', '.join(others) or 'there are too few draws'}.")
    if table.step > 1:
        said.append(f"All statistics are from every {ordinal(table.step)} draw, so effective sample sizes are those of that part.")
    return f"<p style='opacity:.75'>{' '.join(said)}</p>" if said else ""


def ordinal(n: int) -> str:
    """Return a number as the place of something.

    Examples
    --------
    >>> ordinal(2), ordinal(3), ordinal(11), ordinal(22)
    ('second', 'third', '11th', '22nd')
    """
    words = {2: "second", 3: "third"}
    end = "th" if n % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return words.get(n, f"{n}{end}")


def _row(row: dict[str, Any]) -> str:
    if row["note"] == NOT_FINITE:
        cells = "<td colspan='7' style='text-align:left'>some draws are not finite</td>"
    elif row["note"] == CONSTANT:
        cells = f"<td>{row['mean']:.4g}</td><td colspan='6' style='text-align:left'>constant</td>"
    elif row["note"] != FINE:
        cells = "<td colspan='7' style='text-align:left'>too few draws</td>"
    else:
        rhat = f"{row['rhat']:.3f}" if np.isfinite(row["rhat"]) else "–"
        bad = not row["rhat"] <= MOST_RHAT
        counts = "".join(f"<td>{row[n]:,.0f}</td>" if np.isfinite(row[n]) else "<td>–</td>" for n in ("ess_bulk", "ess_tail"))
        numbers = "".join(f"<td>{row[n]:.4g}</td>" for n in ("mean", "sd", "q5", "q95"))
        cells = f"{numbers}{counts}<td>{f'<b>{rhat} !</b>' if bad else rhat}</td>"
    return f"<tr><td style='text-align:left;max-width:260px;overflow-wrap:anywhere'>{escape(row['name'])}</td>{cells}</tr>"
