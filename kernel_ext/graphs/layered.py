"""Layers for drawings that last: rows from the top down, plates, and edges between the boxes. The widgets' is js/src/layout."""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from typing import NamedTuple

GAP_X, GAP_Y, ROW_GAP = 22.0, 44.0, 16.0
PAD, FOOT = 14.0, 26.0
"""Around a plate's boxes, and below them for its label."""
SWEEPS = 6
NARROW, ASPECT = 1100.0, 1.9
"""A layer as wide as the first is kept in one row; longer ones are wrapped, for a drawing of the second's form."""
TALL = 900.0
"""A drawing taller than this, and than twice its width, is cut into columns, where few edges cross."""
REST = 0.4
"""Less than so much of a column's height is no column of its own."""
CUT_EDGES = 3
TURN = 20.0
"""Room for an edge that turns into another column."""
CLEAR = 6.0
"""Between an edge and the boxes that it passes."""
LANE = 4.0


class Point(NamedTuple):
    x: float
    y: float


class Frame(NamedTuple):
    """A plate's rectangle."""

    plate: int
    x: float
    y: float
    width: float
    height: float


class Layout(NamedTuple):
    places: list[Point]
    routes: list[list[Point]]
    """Control points of each edge, from below its source to above its target."""
    frames: list[Frame]
    width: float
    height: float


def layout(sizes: Sequence[tuple[float, float]], edges: Sequence[tuple[int, int]], plates: Sequence[int]) -> Layout:
    """Place boxes of the given sizes; edges run downwards between boxes by number; `plates` has each box's plate, -1 for none."""
    rows = wrapped(_layers(len(sizes), edges), sizes)
    above: list[list[int]] = [[] for _ in sizes]
    below: list[list[int]] = [[] for _ in sizes]
    for a, b in edges:
        above[b].append(a)
        below[a].append(b)
    x = [0.0] * len(sizes)
    for row in rows:
        _spread(row, sizes, x)
    for sweep in range(SWEEPS):
        near = above if sweep % 2 == 0 else below
        for row in rows if sweep % 2 == 0 else reversed(rows):
            wish = {i: sum(x[j] for j in near[i]) / len(near[i]) if near[i] else x[i] for i in row}
            row.sort(key=lambda i: (wish[i], x[i]))
            _settle(row, sizes, x, wish)
    frames = _in_plates(rows, sizes, x, plates)
    tops, columns = _columns(rows, sizes, x, edges, frames)
    return _finish(rows, sizes, x, tops, columns, edges, frames)


def _layers(n: int, edges: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Longest path from the top; what has nothing above it then goes down to just above its first user."""
    below: list[list[int]] = [[] for _ in range(n)]
    waiting = [0] * n
    for a, b in edges:
        below[a].append(b)
        waiting[b] += 1
    fed = [w > 0 for w in waiting]
    order = [i for i in range(n) if not waiting[i]]
    layer = [0] * n
    for i in order:
        for j in below[i]:
            layer[j] = max(layer[j], layer[i] + 1)
            waiting[j] -= 1
            if not waiting[j]:
                order.append(j)
    for i in range(n):
        if not fed[i] and below[i]:
            layer[i] = max(0, min(layer[j] for j in below[i]) - 1)
    rows: list[list[int]] = [[] for _ in range(max(layer, default=-1) + 1)]
    for i in range(n):
        rows[layer[i]].append(i)
    return rows


def wrapped(rows: Sequence[list[int]], sizes: Sequence[tuple[float, float]]) -> list[list[int]]:
    """Cut long rows into several of about the same number of boxes."""
    area = sum((w + GAP_X) * (h + ROW_GAP) for w, h in sizes)
    widest = max(NARROW, math.sqrt(ASPECT * area))
    found = []
    for row in rows:
        parts = math.ceil(sum(sizes[i][0] + GAP_X for i in row) / widest)
        length = math.ceil(len(row) / max(1, parts))
        found += [row[k : k + length] for k in range(0, len(row), length)]
    return found


def _spread(row: list[int], sizes: Sequence[tuple[float, float]], x: list[float]) -> None:
    at = -sum(sizes[i][0] + GAP_X for i in row) / 2
    for i in row:
        x[i] = at + sizes[i][0] / 2
        at += sizes[i][0] + GAP_X


def _settle(row: list[int], sizes: Sequence[tuple[float, float]], x: list[float], wish: dict[int, float]) -> None:
    """Move each box towards its wish, keeping order and gaps: one pass from each side, averaged."""
    edge, from_left = -math.inf, []
    for i in row:
        from_left.append(max(wish[i], edge + sizes[i][0] / 2))
        edge = from_left[-1] + sizes[i][0] / 2 + GAP_X
    edge = math.inf
    for k in range(len(row) - 1, -1, -1):
        i = row[k]
        from_right = min(wish[i], edge - sizes[i][0] / 2)
        edge = from_right - sizes[i][0] / 2 - GAP_X
        x[i] = (from_left[k] + from_right) / 2


class _Band(NamedTuple):
    """What moves sideways as one: a box of no plate, or all boxes of a plate."""

    plate: int
    rows: dict[int, list[int]]
    wish: float
    width: float


def _in_plates(rows: list[list[int]], sizes: Sequence[tuple[float, float]], x: list[float], plates: Sequence[int]) -> dict[int, Frame]:
    """Move boxes sideways until each plate has a band of its own; frames by plate, as yet without heights: y and height are rows."""
    if not any(p >= 0 for p in plates):
        return {}
    members: dict[tuple[int, int], dict[int, list[int]]] = {}
    for r, row in enumerate(rows):
        for i in row:
            members.setdefault((plates[i], -1 if plates[i] >= 0 else i), {}).setdefault(r, []).append(i)
    bands = []
    for (plate, _), inside in members.items():
        boxes = [i for row in inside.values() for i in row]
        width = max(_packed(row, sizes) for row in inside.values()) + (2 * PAD if plate >= 0 else 0)
        bands.append(_Band(plate, inside, sum(x[i] for i in boxes) / len(boxes), width))
    bands.sort(key=lambda b: b.wish)
    left, right = _pressed(bands, len(rows), 1), _pressed(bands[::-1], len(rows), -1)[::-1]
    frames = {}
    for band, a, b in zip(bands, left, right):
        middle = (a + b) / 2
        for row in band.rows.values():
            at = middle - _packed(row, sizes) / 2
            for i in sorted(row, key=lambda i: x[i]):
                x[i] = at + sizes[i][0] / 2
                at += sizes[i][0] + GAP_X
        if band.plate >= 0:
            first, last = min(band.rows), max(band.rows)
            frames[band.plate] = Frame(band.plate, middle - band.width / 2, first, band.width, last)
    for row in rows:
        row.sort(key=lambda i: x[i])
    return frames


def _packed(row: Sequence[int], sizes: Sequence[tuple[float, float]]) -> float:
    return sum(sizes[i][0] + GAP_X for i in row) - GAP_X


def _pressed(bands: Sequence[_Band], rows: int, side: int) -> list[float]:
    """Places of bands pushed aside from one side, in order, each as near to its wish as those before it allow."""
    edge = [-math.inf] * rows
    places = []
    for band in bands:
        span = range(min(band.rows), max(band.rows) + 1)
        at = max(side * band.wish, max(edge[r] for r in span) + GAP_X + band.width / 2)
        for r in span:
            edge[r] = at + band.width / 2
        places.append(side * at)
    return places


def _columns(rows: list[list[int]], sizes: Sequence[tuple[float, float]], x: list[float], edges: Sequence[tuple[int, int]],
             frames: dict[int, Frame]) -> tuple[list[float], list[int]]:  # fmt: skip
    """The top of each row and the column it is in. A long chain is cut into columns and read like a newspaper."""
    heights = [max(sizes[i][1] for i in row) for row in rows]
    row_of = {i: r for r, row in enumerate(rows) for i in row}
    linked = {(row_of[a], row_of[b]) for a, b in edges}
    gaps = [GAP_Y if any(b == r + 1 for a, b in linked if a <= r) else ROW_GAP for r in range(len(rows))]
    for f in frames.values():
        # A plate's label stands below its last row, and its edge above the first.
        gaps[int(f.height)] = max(gaps[int(f.height)], GAP_Y + FOOT / 2)
    total = sum(heights) + sum(gaps)
    crossing = [0] * (len(rows) + 1)
    for a, b in edges:
        for r in range(row_of[a] + 1, row_of[b] + 1):
            crossing[r] += 1
    for f in frames.values():
        for r in range(int(f.y) + 1, int(f.height) + 1):
            crossing[r] += CUT_EDGES + 1
    width = max((x[i] + sizes[i][0] / 2 for row in rows for i in row), default=0.0) - min(
        (x[i] - sizes[i][0] / 2 for row in rows for i in row), default=0.0
    )
    tallest = max(TALL, math.sqrt(total * (width + 2 * GAP_X) / ASPECT))
    cut = total > max(tallest, 2 * width)
    tallest = total / math.ceil(total / tallest) + GAP_Y if cut else math.inf
    # Edges into the next column come over its top.
    top = TURN if cut else 0.0
    tops, columns, at, column, rest = [], [], top, 0, total
    for r in range(len(rows)):
        if at + heights[r] > tallest and crossing[r] <= CUT_EDGES and rest > REST * tallest:
            at, column = top, column + 1
        tops.append(at)
        columns.append(column)
        at += heights[r] + gaps[r]
        rest -= heights[r] + gaps[r]
    return tops, columns


def _finish(rows: list[list[int]], sizes: Sequence[tuple[float, float]], x: list[float], tops: list[float], columns: list[int],
            edges: Sequence[tuple[int, int]], frames: dict[int, Frame]) -> Layout:  # fmt: skip
    heights = [max(sizes[i][1] for i in row) for row in rows]
    left: dict[int, float] = {}
    right: dict[int, float] = {}
    spans = [(columns[r], x[i] - sizes[i][0] / 2, x[i] + sizes[i][0] / 2) for r, row in enumerate(rows) for i in row]
    spans += [(columns[int(f.y)], f.x, f.x + f.width) for f in frames.values()]
    for c, a, b in spans:
        left[c], right[c] = min(left.get(c, math.inf), a), max(right.get(c, -math.inf), b)
    shift, at = {}, 0.0
    for c in sorted(left):
        shift[c] = at - left[c]
        at += right[c] - left[c] + 3 * GAP_X
    places = [Point(0.0, 0.0)] * len(sizes)
    for r, row in enumerate(rows):
        for i in row:
            places[i] = Point(x[i] + shift[columns[r]], tops[r] + heights[r] / 2)
    boxes = [
        Frame(f.plate, f.x + shift[columns[int(f.y)]], tops[int(f.y)] - PAD, f.width,
              tops[int(f.height)] + heights[int(f.height)] + FOOT - tops[int(f.y)] + PAD)
        for f in frames.values()
    ]  # fmt: skip
    up = min([0.0, *(b.y for b in boxes)])
    places = [Point(p.x, p.y - up) for p in places]
    boxes = [b._replace(y=b.y - up) for b in boxes]
    routes = _routes(rows, sizes, places, edges, columns)
    turned = TURN if len(left) > 1 else 0.0
    height = turned + max([p.y + sizes[i][1] / 2 for i, p in enumerate(places)] + [b.y + b.height for b in boxes], default=0.0)
    return Layout(places, routes, boxes, max(0.0, at - 3 * GAP_X), height)


def _routes(rows: list[list[int]], sizes: Sequence[tuple[float, float]], places: list[Point], edges: Sequence[tuple[int, int]],
            columns: list[int]) -> list[list[Point]]:  # fmt: skip
    """Ways of edges through the gaps between boxes, which they share side by side."""
    row_of = {i: r for r, row in enumerate(rows) for i in row}
    walls = []
    for row in rows:
        ordered = sorted(row, key=lambda i: places[i].x)
        y = places[row[0]].y
        half = max(sizes[i][1] for i in row) / 2
        walls.append(([places[i].x - sizes[i][0] / 2 - CLEAR for i in ordered], [places[i].x + sizes[i][0] / 2 + CLEAR for i in ordered],
                      y - half - CLEAR, y + half + CLEAR))  # fmt: skip
    into: dict[int, list[int]] = {}
    for k, (_, b) in enumerate(edges):
        into.setdefault(b, []).append(k)
    ends = {}
    for b, arriving in into.items():
        step = min(12.0, (sizes[b][0] - 20) / len(arriving))
        for n, k in enumerate(sorted(arriving, key=lambda k: places[edges[k][0]].x)):
            ends[k] = places[b].x + (n - (len(arriving) - 1) / 2) * step
    lanes: dict[tuple[int, int], int] = {}
    routes = []
    for k, (a, b) in enumerate(edges):
        start = Point(places[a].x, places[a].y + sizes[a][1] / 2)
        end = Point(ends[k], places[b].y - sizes[b][1] / 2 - 2)
        r, last = row_of[a], row_of[b]
        points = [start]
        if columns[r] != columns[last]:
            lane = end.x - sizes[b][0] / 2 - 1.5 * GAP_X
            points += [Point(start.x, start.y + TURN / 2), Point(lane, start.y + TURN / 2), Point(lane, end.y - TURN / 2), Point(end.x, end.y - TURN / 2)]
        else:
            points.append(Point(start.x, start.y + GAP_Y / 3))
            here = points[-1]
            for q in range(r + 1, last):
                lefts, rights, top, bottom = walls[q]
                slope = (end.x - here.x) / max(1.0, end.y - here.y)
                x0, x1 = here.x + slope * (top - here.y), here.x + slope * (bottom - here.y)
                gap = bisect.bisect_left(rights, (x0 + x1) / 2)
                if gap == bisect.bisect_left(rights, min(x0, x1)) and (gap == len(lefts) or max(x0, x1) <= lefts[gap]):
                    points += [Point(x0, top), Point(x1, bottom)]
                    here = points[-1]
                    continue
                here = _through(lanes, q, lefts, rights, (x0 + x1) / 2, top, bottom, points)
            points.append(Point(end.x, end.y - GAP_Y / 3))
        routes.append(_bends([*points, end]))
    return routes


def _bends(points: list[Point]) -> list[Point]:
    """A way without the points in the middle of its straight parts."""
    kept = points[:2]
    for p, q in zip(points[2:], points[3:]):
        a = kept[-1]
        if abs((p.x - a.x) * (q.y - a.y) - (q.x - a.x) * (p.y - a.y)) > 0.5 * (q.y - a.y):
            kept.append(p)
    return [*kept, points[-1]]


def _through(lanes: dict[tuple[int, int], int], q: int, lefts: list[float], rights: list[float], wish: float, top: float, bottom: float,
             points: list[Point]) -> Point:  # fmt: skip
    """Pass a row where there is room nearest to a wish: gap g lies between box g - 1 and box g."""
    gap = bisect.bisect_left(rights, wish)
    options = []
    for g in (gap, gap + 1) if gap < len(lefts) else (gap,):
        low, high = (rights[g - 1] if g else -math.inf), (lefts[g] if g < len(lefts) else math.inf)
        options.append((abs(min(max(wish, low), high) - wish), g, low, high))
    _, g, low, high = min(options)
    used = lanes[q, g] = lanes.get((q, g), -1) + 1
    at = min(max(wish, low), high)
    # The second, third ... beside the first, away from the box it passes.
    at = at + used * LANE if at == low else at - used * LANE if at == high else at
    at = min(max(at, low), high) if low <= high else (low + high) / 2
    points += [Point(at, top), Point(at, bottom)]
    return points[-1]
