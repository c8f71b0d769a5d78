// Rows: each box on the longest path from the top, long rows wrapped, ordered so that few edges cross. Near-linear, no recursion.
import type { Asked } from "./layout";

export const GAP_X = 22;
export const ROW_GAP = 16;
/** A row as wide as this is never wrapped; longer ones are, for a drawing of about the form `ASPECT`. */
const NARROW = 1100;
const ASPECT = 1.9;

/** Neighbours of each box: those of `i` are `list[start[i]] .. list[start[i + 1] - 1]`. */
export interface Near { start: Int32Array; list: Int32Array }

export function neighbours(n: number, of: Int32Array, to: Int32Array): Near {
  const start = new Int32Array(n + 1);
  for (let e = 0; e < of.length; e++) start[of[e] + 1]++;
  for (let i = 0; i < n; i++) start[i + 1] += start[i];
  const at = start.slice(0, n), list = new Int32Array(of.length);
  for (let e = 0; e < of.length; e++) list[at[of[e]]++] = to[e];
  return { start, list };
}

/** Longest path from the top; what has nothing above it then goes down to just above its first user. Circles are cut where they are met. */
export function layersOf(n: number, above: Near, below: Near): number[][] {
  const layer = new Int32Array(n), done = new Uint8Array(n);
  const waiting = Int32Array.from({ length: n }, (_, i) => above.start[i + 1] - above.start[i]);
  const order = new Int32Array(n);
  let count = 0, next = 0;
  const release = (i: number) => {
    done[i] = 1;
    order[count++] = i;
  };
  for (let i = 0; i < n; i++) if (waiting[i] === 0) release(i);
  for (let k = 0; k < n; k++) {
    if (k === count) {
      while (done[next]) next++;
      release(next);
    }
    const i = order[k];
    for (let e = below.start[i]; e < below.start[i + 1]; e++) {
      const j = below.list[e];
      if (done[j]) continue;
      if (layer[j] <= layer[i]) layer[j] = layer[i] + 1;
      if (--waiting[j] === 0) release(j);
    }
  }
  for (let i = 0; i < n; i++) {
    if (above.start[i + 1] > above.start[i] || below.start[i + 1] === below.start[i]) continue;
    let first = Infinity;
    for (let e = below.start[i]; e < below.start[i + 1]; e++) first = Math.min(first, layer[below.list[e]]);
    layer[i] = Math.max(0, first - 1);
  }
  const rows: number[][] = [];
  for (let i = 0; i < n; i++) (rows[layer[i]] ??= []).push(i);
  return rows.filter(Boolean);
}

/** Cut long rows into several of about the same number of boxes. */
export function wrapped(rows: number[][], { width, height }: Asked): number[][] {
  let area = 0;
  for (let i = 0; i < width.length; i++) area += (width[i] + GAP_X) * (height[i] + ROW_GAP);
  const widest = Math.max(NARROW, Math.sqrt(ASPECT * area));
  return rows.flatMap((row) => {
    const whole = row.reduce((sum, i) => sum + width[i] + GAP_X, 0);
    const length = Math.ceil(row.length / Math.max(1, Math.ceil(whole / widest)));
    const parts: number[][] = [];
    for (let k = 0; k < row.length; k += length) parts.push(row.slice(k, k + length));
    return parts;
  });
}

/** Order each row by the mean place of its neighbours, downwards and upwards in turn, starting from the order drawn before. */
export function ordered(rows: number[][], asked: Asked, above: Near, below: Near, sweeps: number, late: () => boolean): Float64Array {
  const x = new Float64Array(asked.width.length), wish = new Float64Array(x.length);
  const before = asked.previous;
  for (const row of rows) {
    if (before) row.sort((a, b) => (Number.isNaN(before[a]) || Number.isNaN(before[b]) ? a - b : before[a] - before[b] || a - b));
    spread(row, asked.width, x);
  }
  for (let sweep = 0; sweep < sweeps && !late(); sweep++) {
    const down = sweep % 2 === 0, near = down ? above : below;
    for (let r = 0; r < rows.length; r++) {
      const row = rows[down ? r : rows.length - 1 - r];
      for (const i of row) wish[i] = mean(near, i, x);
      row.sort((a, b) => wish[a] - wish[b] || x[a] - x[b]);
      settle(row, asked.width, x, wish);
    }
  }
  return x;
}

function mean(near: Near, i: number, x: Float64Array): number {
  const from = near.start[i], to = near.start[i + 1];
  if (from === to) return x[i];
  let total = 0;
  for (let e = from; e < to; e++) total += x[near.list[e]];
  return total / (to - from);
}

function spread(row: number[], width: Float64Array, x: Float64Array): void {
  let at = -row.reduce((sum, i) => sum + width[i] + GAP_X, 0) / 2;
  for (const i of row) {
    x[i] = at + width[i] / 2;
    at += width[i] + GAP_X;
  }
}

/** Move each box towards its wish, keeping order and gaps: one pass from each side, averaged. */
function settle(row: number[], width: Float64Array, x: Float64Array, wish: Float64Array): void {
  const fromLeft = new Float64Array(row.length);
  let edge = -Infinity;
  for (let k = 0; k < row.length; k++) {
    const i = row[k];
    fromLeft[k] = Math.max(wish[i], edge + width[i] / 2);
    edge = fromLeft[k] + width[i] / 2 + GAP_X;
  }
  edge = Infinity;
  for (let k = row.length - 1; k >= 0; k--) {
    const i = row[k];
    const fromRight = Math.min(wish[i], edge - width[i] / 2);
    edge = fromRight - width[i] / 2 - GAP_X;
    x[i] = (fromLeft[k] + fromRight) / 2;
  }
}
