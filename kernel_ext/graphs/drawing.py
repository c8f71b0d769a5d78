"""Drawings that last: a model or an expression as SVG with its styles inside, for saved notebooks and web viewers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

from kernel_ext.graphs.grouping import Group
from kernel_ext.graphs.layered import Point, layout
from kernel_ext.graphs.model_view import model_columns
from kernel_ext.graphs.snapshot import Keys, expression_columns
from workbench import Model
from workbench.graph import Expr

NODE_LIMIT = 150
"""More boxes than this are no picture."""
HEIGHT = 38
NAME, SAID = 26, 40
"""Most characters of a name, and of what is said below it."""


class Look(NamedTuple):
    """How a kind of box is drawn: its shape, colours, and the dashes of its outline."""

    shape: str
    fill: str = "#ffffff"
    stroke: str = "#777777"
    dash: str = ""
    width: float = 1.2


LOOKS: Mapping[str, Look] = {
    "random": Look("pill", "#ddeffa", "#0072b2", width=1.6),
    "observed": Look("pill", "#d4d4d4", "#444444", width=1.6),
    "deterministic": Look("box", "#ffffff", "#009e73"),
    "expression": Look("box", "#ffffff", "#777777", "5 2"),
    "potential": Look("octagon", "#fbe9d8", "#d55e00", width=1.6),
    "data": Look("slant", "#f2f2f2", "#777777"),
    "constant": Look("slant", "#f7f7f7", "#999999", "2 2"),
    "input": Look("pill", "#ffffff", "#d55e00", width=1.6),
    "reduction": Look("box", "#ffffff", "#cc79a7", width=1.5),
    "control": Look("box", "#ffffff", "#e69f00", width=1.8),
    "region": Look("box", "#ffffff", "#e69f00", width=1.8),
    "repeat": Look("stack", "#ebf6f2", "#009e73", width=1.3),
}
PLAIN = Look("box")


def outline(shape: str, w: float, h: float) -> str:
    """Return the path of a shape around the origin."""
    x, y = w / 2, h / 2
    if shape == "pill":
        return f"M{-x + y:g},{-y:g}H{x - y:g}A{y:g},{y:g} 0 0 1 {x - y:g},{y:g}H{-x + y:g}A{y:g},{y:g} 0 0 1 {-x + y:g},{-y:g}Z"
    if shape == "octagon":
        return f"M{-x + 9:g},{-y:g}H{x - 9:g}L{x:g},{-y + 9:g}V{y - 9:g}L{x - 9:g},{y:g}H{-x + 9:g}L{-x:g},{y - 9:g}V{-y + 9:g}Z"
    if shape == "slant":
        return f"M{-x + 8:g},{-y:g}H{x:g}L{x - 8:g},{y:g}H{-x:g}Z"
    box = f"M{-x + 5:g},{-y:g}H{x - 5:g}Q{x:g},{-y:g} {x:g},{-y + 5:g}V{y - 5:g}Q{x:g},{y:g} {x - 5:g},{y:g}H{-x + 5:g}Q{-x:g},{y:g} {-x:g},{y - 5:g}V{-y + 5:g}Q{-x:g},{-y:g} {-x + 5:g},{-y:g}Z"
    return box + f"M{-x + 4:g},{y + 3:g}H{x + 3:g}V{-y + 4:g}V{y + 3:g}H{-x + 4:g}Z" if shape == "stack" else box


def clipped(text: str, most: int) -> str:
    """Return a text of at most so many characters, both its ends kept."""
    if len(text) <= most:
        return text
    tail = most // 3
    return f"{text[: most - tail - 1]}…{text[-tail:]}"


def text_width(text: str, size: float) -> float:
    """Return about how wide a text is, in pixels: wide scripts count twice."""
    return sum(1.0 if ord(c) > 0x2E80 else 0.56 for c in text) * size


def graph_svg(subject: Model | Expr) -> str | None:
    """Return a drawing of a model's variables or of an expression; ``None`` where it would be too large to read."""
    columns, groups = model_columns(Keys(), subject) if isinstance(subject, Model) else (expression_columns(Keys(), [subject]), [])
    drawn = closed(columns, groups)
    return None if len(drawn["key"]) > NODE_LIMIT else columns_svg(drawn, [g.label for g in groups])


def closed(drawn: Mapping[str, Any], groups: Sequence[Group]) -> Mapping[str, Any]:
    """Return columns with a box in the place of each closed group."""
    if all(g.open for g in groups):
        return drawn
    held = [int(g) for g in drawn["group"]]
    first: dict[int, int] = {}
    stands = [i if g < 0 or groups[g].open else first.setdefault(g, i) for i, g in enumerate(held)]
    kept = [i for i, s in enumerate(stands) if i == s]
    box = {i: groups[g] for g, i in first.items()}
    at = {int(key): stands[i] for i, key in enumerate(drawn["key"])}
    edges = list(dict.fromkeys((at[int(a)], at[int(b)]) for a, b in zip(drawn["src"], drawn["dst"]) if at[int(a)] != at[int(b)]))
    return {
        "key": kept, "op": [drawn["op"][i] for i in kept], "src": [a for a, _ in edges], "dst": [b for _, b in edges],
        "label": [box[i].label if i in box else drawn["label"][i] for i in kept], "kind": ["repeat" if i in box else drawn["kind"][i] for i in kept],
        "type": [box[i].said if i in box else drawn["type"][i] for i in kept], "group": [box[i].parent if i in box else held[i] for i in kept],
    }  # fmt: skip


def columns_svg(drawn: Mapping[str, Any], plates: Sequence[str]) -> str:
    """Return a drawing of columns, as the widgets draw them."""
    names = [clipped(s, NAME) for s in drawn["label"]]
    said = [clipped(s.replace("float64", "ℝ").replace("int64", "ℤ").replace("[]", ""), SAID) for s in drawn["type"]]
    sizes = [(max(48.0, text_width(a, 12) + 24, text_width(b, 10) + 22), float(HEIGHT)) for a, b in zip(names, said)]
    number = {int(key): i for i, key in enumerate(drawn["key"])}
    edges = [(number[int(a)], number[int(b)]) for a, b in zip(drawn["src"], drawn["dst"])]
    made = layout(sizes, edges, [int(g) for g in drawn["group"]])
    parts = []
    for f in made.frames:
        label = clipped(plates[f.plate], 60)
        parts.append(f'<rect x="{f.x:.1f}" y="{f.y:.1f}" width="{f.width:.1f}" height="{f.height:.1f}" rx="8" fill="none" stroke="#888"/>'
                     f'<text x="{f.x + f.width - 8:.1f}" y="{f.y + f.height - 8:.1f}" text-anchor="end" font-size="10.5" fill="#888">{escape(label)}</text>')  # fmt: skip
    parts += [f'<path d="{curve(points)}{_head(points)}" fill="none" stroke="#888"/>' for points in made.routes]
    for i, place in enumerate(made.places):
        parts.append(_box(drawn, i, names[i], said[i], sizes[i], place))
    width, height = made.width + 24, made.height + 24
    style = "font-family:system-ui,sans-serif;max-width:100%;height:auto"
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" viewBox="-12 -12 {width:.0f} {height:.0f}" '
            f'style="{style}" role="img" aria-label="{len(names)} boxes">{"".join(parts)}</svg>')  # fmt: skip


def _box(drawn: Mapping[str, Any], i: int, name: str, said: str, size: tuple[float, float], place: Point) -> str:
    look = LOOKS.get(drawn["kind"][i], PLAIN)
    dash = f' stroke-dasharray="{look.dash}"' if look.dash else ""
    title = escape(f"{drawn['label'][i]}\n{drawn['kind'][i]}: {drawn['op'][i]}\n{drawn['type'][i]}")
    return (
        f'<g transform="translate({place.x:.1f},{place.y:.1f})"><title>{title}</title>'
        f'<path d="{outline(look.shape, *size)}" fill="{look.fill}" stroke="{look.stroke}" stroke-width="{look.width}"{dash}/>'
        f'<text y="-2" text-anchor="middle" font-size="12" fill="#111">{escape(name)}</text>'
        f'<text y="12" text-anchor="middle" font-size="10" fill="#555">{escape(said)}</text></g>'
    )


def curve(points: Sequence[Point]) -> str:
    """Return a path along control points: a cubic B-spline that begins and ends at the first and the last."""
    p = [points[0], *points, points[-1]]
    first = points[0]
    path = f"M{first.x:.1f},{first.y:.1f}"
    for a, b, c in zip(p, p[1:], p[2:]):
        ends = ((2 * a.x + b.x) / 3, (2 * a.y + b.y) / 3, (a.x + 2 * b.x) / 3, (a.y + 2 * b.y) / 3, (a.x + 4 * b.x + c.x) / 6, (a.y + 4 * b.y + c.y) / 6)
        path += "C" + " ".join(f"{u:.1f},{v:.1f}" for u, v in zip(ends[::2], ends[1::2]))
    last = points[-1]
    return f"{path}L{last.x:.1f},{last.y:.1f}"


def _head(points: Sequence[Point]) -> str:
    """The arrow's head, drawn: marks that are referred to by name would be looked for in the whole page."""
    end = points[-1]
    return f"M{end.x - 3.5:.1f},{end.y - 6:.1f}L{end.x:.1f},{end.y:.1f}L{end.x + 3.5:.1f},{end.y - 6:.1f}"
