// Ways of edges through the gaps between boxes, which they share side by side: no edge crosses a box.
import type { Asked } from "./layout";
import type { Band } from "./bands";
import { GAP_X } from "./layers";

export const CLEAR = 6;
export const TURN = 20;
const LANE = 4;
const BEND = 14;
/** Rows that edges may pass in all; the rest of a huge drawing's edges go straight. */
const PASSES = 150_000;
/** So many frames are gone around. */
const FRAMES = 40;

interface Wall { lefts: Float64Array; rights: Float64Array; top: number; bottom: number; /** Edges through each gap. */ used: Int32Array }

/** Control points of all edges, one after the other: those of edge `e` begin at `start[e]`, two numbers a point. */
export interface Routes { start: Int32Array; points: Float64Array }

export function routed(rows: number[][], asked: Asked, x: Float64Array, y: Float64Array, column: Int32Array, bands: Band[], late: () => boolean): Routes {
  const { src, dst, width, height } = asked;
  const row = new Int32Array(x.length);
  rows.forEach((boxes, r) => boxes.forEach((i) => (row[i] = r)));
  const { outermost, walls } = wallsOf(rows, asked, x, y, bands);
  const ends = arrivals(asked, x);
  const start = new Int32Array(src.length + 1), points: number[] = [];
  let passes = 0, straight = false;
  for (let e = 0; e < src.length; e++) {
    const a = src[e], b = dst[e], from = points.length;
    const x0 = x[a], y0 = y[a] + height[a] / 2, x1 = ends[e], y1 = y[b] - height[b] / 2 - 2;
    points.push(x0, y0);
    if (column[row[a]] !== column[row[b]] || row[b] <= row[a]) {
      // Into another column, or upwards: around, beside the target.
      const lane = x1 - width[b] / 2 - 1.5 * GAP_X;
      points.push(x0, y0 + TURN / 2, lane, y0 + TURN / 2, lane, y1 - TURN / 2, x1, y1 - TURN / 2);
    } else {
      points.push(x0, y0 + BEND);
      if (e % 256 === 0) straight ||= late() || passes > PASSES;
      if (!straight) {
        passes += row[b] - row[a];
        through(walls(outermost[a], outermost[b]), row[a] + 1, row[b], x1, y1, points);
      }
      points.push(x1, y1 - BEND);
    }
    points.push(x1, y1);
    simplify(points, from);
    start[e + 1] = points.length;
  }
  return { start, points: Float64Array.from(points) };
}

/** What an edge goes around in each row: boxes, and frames that neither of its ends lies in. */
function wallsOf(rows: number[][], { width, height, band, parent }: Asked, x: Float64Array, y: Float64Array, bands: Band[]): { outermost: Int32Array; walls: (a: number, b: number) => Wall[] } {
  const around = bands.filter((b) => parent[b.frame] < 0);
  // Among very many frames there is no way around.
  if (around.length > FRAMES) around.length = 0;
  const outermost = band.map((f) => {
    while (f >= 0 && parent[f] >= 0) f = parent[f];
    return around.length ? f : -1;
  });
  const known = new Map<number, Wall[]>();
  const walls = (a: number, b: number): Wall[] => {
    const name = (Math.min(a, b) + 1) * (parent.length + 1) + Math.max(a, b) + 1;
    let found = known.get(name);
    if (found) return found;
    found = rows.map((boxes, r) => {
      let half = 0;
      for (const i of boxes) half = Math.max(half, height[i] / 2);
      const middle = boxes.length ? y[boxes[0]] : 0;
      const spans = boxes.filter((i) => outermost[i] < 0 || outermost[i] === a || outermost[i] === b).map((i) => [x[i] - width[i] / 2 - CLEAR, x[i] + width[i] / 2 + CLEAR]);
      for (const f of around) if (f.frame !== a && f.frame !== b && f.first <= r && r <= f.last) spans.push([f.left - CLEAR, f.left + f.width + CLEAR]);
      spans.sort((p, q) => p[0] - q[0]);
      return { lefts: Float64Array.from(spans, (p) => p[0]), rights: Float64Array.from(spans, (p) => p[1]), top: middle - half - CLEAR, bottom: middle + half + CLEAR, used: new Int32Array(spans.length + 1) };
    });
    known.set(name, found);
    return found;
  };
  return { outermost, walls };
}

/** Where each edge ends: those into one box side by side along its top, in the order that they come from. */
function arrivals({ src, dst, width }: Asked, x: Float64Array): Float64Array {
  const into = new Map<number, number[]>(), ends = new Float64Array(dst.length);
  for (let e = 0; e < dst.length; e++) {
    const known = into.get(dst[e]);
    if (known) known.push(e);
    else into.set(dst[e], [e]);
  }
  for (const [b, edges] of into) {
    const step = Math.min(12, (width[b] - 20) / edges.length);
    edges.sort((p, q) => x[src[p]] - x[src[q]]);
    edges.forEach((e, k) => (ends[e] = x[b] + (k - (edges.length - 1) / 2) * step));
  }
  return ends;
}

/** Pass each row straight towards the end where there is room, else where there is room nearest to that. */
function through(walls: Wall[], first: number, last: number, x1: number, y1: number, points: number[]): void {
  let x = points[points.length - 2], y = points[points.length - 1];
  for (let r = first; r < last; r++) {
    const { lefts, rights, top, bottom, used } = walls[r];
    const slope = (x1 - x) / Math.max(1, y1 - y);
    const above = x + slope * (top - y), under = x + slope * (bottom - y), wish = (above + under) / 2;
    const gap = firstAtLeast(rights, wish);
    const freeRight = gap === lefts.length || Math.max(above, under) <= lefts[gap];
    if (freeRight && (gap === 0 || Math.min(above, under) >= rights[gap - 1])) {
      points.push(above, top, under, bottom);
      x = under;
    } else {
      let best = gap, low = 0, high = 0, nearest = Infinity;
      for (let g = gap; g <= Math.min(gap + 1, lefts.length); g++) {
        const l = g ? rights[g - 1] : -Infinity, h = g < lefts.length ? lefts[g] : Infinity;
        const away = Math.abs(Math.min(Math.max(wish, l), h) - wish);
        if (away < nearest) [best, low, high, nearest] = [g, l, h, away];
      }
      const lane = used[best]++;
      // The second, third ... beside the first, away from the box that it passes.
      let at = Math.min(Math.max(wish, low), high);
      at += at === low ? lane * LANE : at === high ? -lane * LANE : 0;
      at = low <= high ? Math.min(Math.max(at, low), high) : (low + high) / 2;
      points.push(at, top, at, bottom);
      x = at;
    }
    y = bottom;
  }
}

function firstAtLeast(values: Float64Array, wanted: number): number {
  let low = 0, high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Take away points in the middle of straight parts, from `from` on. */
function simplify(p: number[], from: number): void {
  let to = from + 4;
  for (let k = from + 4; k < p.length - 2; k += 2) {
    const ax = p[to - 2], ay = p[to - 1], dy = p[k + 3] - ay;
    if (Math.abs((p[k] - ax) * dy - (p[k + 2] - ax) * (p[k + 1] - ay)) <= 0.5 * dy) continue;
    p[to] = p[k];
    p[to + 1] = p[k + 1];
    to += 2;
  }
  p[to] = p[p.length - 2];
  p[to + 1] = p[p.length - 1];
  p.length = to + 2;
}
