"""What a saved notebook shows of a trace: each pass, and the steps that tell most."""

from __future__ import annotations

from html import escape

from kernel_ext.stepper.replay import Replay
from kernel_ext.stepper.text import Marked, both, called, joined, marked
from workbench.graph import Firing, PassRecord

MOST, A_PASS = 9, 3
"""Steps that are shown, of all passes and of one."""
ASKED = 4
"""Firings of one rule in one pass that are weighed."""
WIDTH = 150
"""Characters of a side."""
ROUTINE = ("constant", "broadcast", "identity", "inside", "unused", "_one", "_zero", "reshape", "cast", "last", "first")
"""Words in the names of rules that only tidy up."""

_BOX = "font:13px/1.5 system-ui,sans-serif;max-width:60em"
_CODE = "font:12px/1.45 ui-monospace,monospace;overflow-wrap:anywhere;white-space:pre-wrap"
_OLD = f"{_CODE};border-left:3px solid #d55e00;padding-left:8px"
_NEW = f"{_CODE};border-left:3px solid #009e73;padding-left:8px"


def plain(replay: Replay) -> str:
    """Return the passes, a line each."""
    return "\n".join(f"{p.name}: {_count(len(p.firings))}, {p.seconds * 1e3:.1f} ms" for p in replay.passes)


def html(replay: Replay) -> str:
    """Return the way from the first formula to the last: the passes, and in each what tells most, as HTML."""
    if not replay.passes:
        return f'<div style="{_BOX}">Nothing was rewritten.</div>'
    chosen = telling(replay)
    parts = [f'<div style="{_BOX}"><div><b>{_count(len(replay))}</b> in {len(replay.passes)} passes</div>', _formula("before any rule", joined(replay.passes[0].before, 300, 1))]
    parts.append('<ol style="padding-left:1.4em">')
    idle = [p.name for p in replay.passes if not p.firings]
    for p in replay.passes:
        if not p.firings:
            continue
        doc = f" – {escape(' '.join(p.doc.split()).split('. ')[0].rstrip('.'))}" if p.doc else ""
        parts.append(f'<li><b>{escape(p.name)}</b> <span style="opacity:.7">{_count(len(p.firings))}, {p.seconds * 1e3:.1f} ms{doc}</span>')
        parts += [_step(n, record, firing) for n, record, firing in chosen if record is p]
        parts.append("</li>")
    parts.append("</ol>")
    if idle:
        parts.append(f'<div style="opacity:.7">Nothing to do for {escape(", ".join(idle))}.</div>')
    parts.append(_formula("at the end", joined(replay.passes[-1].after, 300, 2)))
    return "".join([*parts, "</div>"])


def telling(replay: Replay) -> list[tuple[int, PassRecord, Firing]]:
    """Return the steps that tell most, in order: of each rule one, of each pass a few, with formulas that can be read."""
    seen: dict[tuple[int, str], list[int]] = {}
    for number, (first, record) in enumerate(zip(replay.first, replay.passes)):
        for i, firing in enumerate(record.firings):
            seen.setdefault((number, firing.rule.name), []).append(first + i + 1)
    # Of a rule that fired a thousand times a few are looked at.
    looked = {key: steps[:: max(1, len(steps) // ASKED)][:ASKED] for key, steps in seen.items()}
    best = {key: max((_score(replay.firings[n - 1][1]), -n) for n in steps) for key, steps in looked.items()}
    taken: list[int] = []
    room = dict.fromkeys(range(len(replay.passes)), A_PASS)
    for (number, _), (_, n) in sorted(best.items(), key=lambda item: (-item[1][0], -item[1][1])):
        if room[number] and len(taken) < MOST:
            taken.append(-n)
            room[number] -= 1
    return [(n, *replay.firings[n - 1]) for n in sorted(taken)]


def _score(firing: Firing) -> float:
    """How much a step tells: of variables by name, short enough to read, and no mere tidying."""
    before, after = both(firing.before, firing.after, WIDTH)
    names = sum(1 for x in firing.before.inputs if x.name) + bool(firing.before.name)
    length = len(before) + len(after)
    score = 2.0 * min(names, 2) - abs(length - 60) / 60 - 3 * ("…" in before + after)
    score += 2.0 * firing.rule.precise - 4.0 * any(word in firing.rule.name for word in ROUTINE)
    return score + (firing.rule.group in ("logprob", "stabilise", "linear algebra", "gradient"))


def _step(n: int, record: PassRecord, firing: Firing) -> str:
    before, after = both(firing.before, firing.after, WIDTH)
    left, right = ([(before, False)], [(after, False)]) if record.kind == "derive" else marked(before, after)
    doc = escape(firing.rule.doc.split("\n\n")[0].replace("\n", " "))
    title = f'<span style="opacity:.7">step {n}</span> {escape(firing.rule.name.replace("_", " "))}'
    sides = f'<div style="{_OLD}">{_pieces(left, "line-through")}</div><div style="{_NEW}">{_pieces(right, "underline")}</div>'
    if record.kind == "derive":
        of = called(firing.towards) if firing.towards is not None else ""
        sides = f'<div style="{_OLD}">{escape(before)}</div><div style="{_NEW}">∂/∂({escape(of)}) = {escape(after)}</div>'
    return f'<div style="margin:6px 0 8px"><div>{title}: {doc}</div>{sides}</div>'


def _pieces(pieces: Marked, line: str) -> str:
    return "".join(f'<span style="text-decoration:{line}">{escape(text)}</span>' if new else escape(text) for text, new in pieces)


def _formula(title: str, text: str) -> str:
    return f'<div style="margin:6px 0"><span style="opacity:.7">{title}</span><div style="{_CODE}">{escape(text)}</div></div>'


def _count(n: int) -> str:
    return f"{n:,} step{'' if n == 1 else 's'}"
