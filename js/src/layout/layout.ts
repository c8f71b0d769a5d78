// The layout of a drawing: boxes in rows, frames in bands, edges between. Plain arrays in and out, so that a worker can do it.
import { inBands, type Band } from "./bands";
import { GAP_X, layersOf, neighbours, ordered, ROW_GAP, wrapped } from "./layers";
import { routed, TURN, type Routes } from "./routes";

export interface Asked {
  width: Float64Array;
  height: Float64Array;
  /** Edges run downwards from box `src[e]` to box `dst[e]`. */
  src: Int32Array;
  dst: Int32Array;
  /** The innermost frame of each box, or -1; the frame that each frame is in, or -1; the least width, and the room above and below, of each. */
  band: Int32Array;
  parent: Int32Array;
  least: Float64Array;
  above: Float64Array;
  below: Float64Array;
  /** Where boxes were drawn before, NaN for new ones: what stays does not move much. */
  previous: Float64Array | null;
  /** Milliseconds after which what is left is done roughly. */
  patience: number;
}

export interface Frame { frame: number; x: number; y: number; width: number; height: number }
export interface Layout { x: Float64Array; y: Float64Array; routes: Routes; frames: Frame[]; width: number; height: number; rough: boolean }

const GAP_Y = 44;
/** A drawing taller than this, and than twice its width, is cut into columns, where few edges cross. */
const TALL = 900;
/** Less than so much of a column's height is no column of its own. */
const REST = 0.4;
const ASPECT = 1.9;
const CUT_EDGES = 3;
/** Sweeps where an order was drawn before: fewer, which keep more of it. */
const AGAIN = 2;

export function layout(asked: Asked): Layout {
  const n = asked.width.length, begun = performance.now();
  let rough = false;
  const late = () => (rough ||= performance.now() - begun > asked.patience);
  const over = neighbours(n, asked.dst, asked.src), under = neighbours(n, asked.src, asked.dst);
  const rows = wrapped(layersOf(n, over, under), asked);
  const x = ordered(rows, asked, over, under, asked.previous ? AGAIN : n > 3000 ? 4 : 6, late);
  const bands = inBands(rows, asked, x);
  const y = new Float64Array(n);
  const { tops, heights, column } = stacked(rows, asked, x, bands);
  const width = sideBySide(rows, asked, x, bands, column);
  rows.forEach((boxes, r) => boxes.forEach((i) => (y[i] = tops[r] + heights[r] / 2)));
  const frames = framed(bands, asked, tops, heights);
  let up = 0, height = 0;
  for (const f of frames) up = Math.min(up, f.y);
  for (const f of frames) {
    f.y -= up;
    height = Math.max(height, f.y + f.height);
  }
  for (let i = 0; i < n; i++) {
    y[i] -= up;
    height = Math.max(height, y[i] + asked.height[i] / 2);
  }
  const routes = routed(rows, asked, x, y, column, bands, late);
  return { x, y, routes, frames, width, height: height + (column.at(-1) ? TURN : 0), rough };
}

/** The top of each row and the column that it is in: a long chain is cut into columns and read like a newspaper. */
function stacked(rows: number[][], { src, dst, height, width, parent, above, below }: Asked, x: Float64Array, bands: Band[]) {
  const n = rows.length, row = new Int32Array(x.length);
  rows.forEach((boxes, r) => boxes.forEach((i) => (row[i] = r)));
  const heights = Float64Array.from(rows, (boxes) => boxes.reduce((most, i) => Math.max(most, height[i]), 0));
  // Edges that pass from row r - 1 to row r, and those that end there.
  const change = new Int32Array(n + 2), ending = new Uint8Array(n + 1);
  for (let e = 0; e < src.length; e++) {
    const a = row[src[e]], b = row[dst[e]];
    if (b <= a) continue;
    change[a + 1]++;
    change[b + 1]--;
    ending[b] = 1;
  }
  const open = new Float64Array(n + 1), close = new Float64Array(n + 1);
  // Frames that begin or end at one row lie within one another: their rooms add up.
  const reach = (f: number, r: number, top: boolean): number => {
    let inside = 0;
    for (const b of bands) if (parent[b.frame] === f && (top ? b.first : b.last) === r) inside = Math.max(inside, reach(b.frame, r, top));
    return inside + (top ? above[f] : below[f]);
  };
  for (const b of bands) {
    open[b.first] = Math.max(open[b.first], reach(b.frame, b.first, true));
    close[b.last] = Math.max(close[b.last], reach(b.frame, b.last, false));
  }
  let total = 0, crossing = 0;
  const gaps = new Float64Array(n), crossings = new Int32Array(n);
  for (let r = 0; r < n; r++) {
    crossing += change[r];
    crossings[r] = crossing;
    gaps[r] = r + 1 < n ? Math.max(ending[r + 1] ? GAP_Y : ROW_GAP, close[r] + open[r + 1] + (close[r] || open[r + 1] ? 16 : 0)) : 0;
    total += heights[r] + gaps[r];
  }
  for (const b of bands) for (let r = b.first + 1; r <= b.last; r++) crossings[r] += CUT_EDGES + 1;
  let left = Infinity, right = -Infinity;
  for (let i = 0; i < x.length; i++) {
    left = Math.min(left, x[i] - width[i] / 2);
    right = Math.max(right, x[i] + width[i] / 2);
  }
  const wanted = Math.max(TALL, Math.sqrt((total * (right - left + 2 * GAP_X)) / ASPECT));
  const cut = total > wanted && total > 2 * (right - left), tallest = cut ? total / Math.ceil(total / wanted) + GAP_Y : Infinity, top = cut ? TURN : 0;
  const tops = new Float64Array(n), column = new Int32Array(n);
  let at = top, rest = total;
  for (let r = 0; r < n; r++) {
    column[r] = r ? column[r - 1] : 0;
    if (at + heights[r] > tallest && crossings[r] <= CUT_EDGES && rest > REST * tallest) {
      at = top;
      column[r]++;
    }
    tops[r] = at;
    at += heights[r] + gaps[r];
    rest -= heights[r] + gaps[r];
  }
  return { tops, heights, column };
}

/** Put columns beside one another, from zero to the right; the width of all. */
function sideBySide(rows: number[][], { width }: Asked, x: Float64Array, bands: Band[], column: Int32Array): number {
  const columns = (column.at(-1) ?? -1) + 1;
  const left = new Float64Array(columns).fill(Infinity), right = new Float64Array(columns).fill(-Infinity);
  const widen = (c: number, a: number, b: number) => {
    left[c] = Math.min(left[c], a);
    right[c] = Math.max(right[c], b);
  };
  rows.forEach((boxes, r) => boxes.forEach((i) => widen(column[r], x[i] - width[i] / 2, x[i] + width[i] / 2)));
  for (const b of bands) widen(column[b.first], b.left, b.left + b.width);
  let at = 0;
  const shift = left.map((l, c) => {
    const s = at - l;
    at += right[c] - l + 3 * GAP_X;
    return s;
  });
  rows.forEach((boxes, r) => boxes.forEach((i) => (x[i] += shift[column[r]])));
  for (const b of bands) b.left += shift[column[b.first]];
  return Math.max(0, at - 3 * GAP_X);
}

function framed(bands: Band[], { parent, above, below }: Asked, tops: Float64Array, heights: Float64Array): Frame[] {
  const frames: Frame[] = [];
  // The innermost come last: what is around them must reach past them.
  for (const b of [...bands].reverse()) {
    let y = tops[b.first], end = tops[b.last] + heights[b.last];
    for (const f of frames) if (parent[f.frame] === b.frame) {
      y = Math.min(y, f.y);
      end = Math.max(end, f.y + f.height);
    }
    y -= above[b.frame];
    frames.unshift({ frame: b.frame, x: b.left, y, width: b.width, height: end + below[b.frame] - y });
  }
  return frames;
}
