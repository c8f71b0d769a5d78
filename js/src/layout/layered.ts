// Layered layout: longest-path layers, barycentre sweeps, near-linear, no recursion.
// The order starts from the previous drawing's, so what stays does not move much.

export interface Size { width: number; height: number }
export interface Place { x: number; y: number }
export interface Layout { places: Place[]; width: number; height: number }

const GAP_X = 22;
const GAP_Y = 46;
const SWEEPS = 4;

/**
 * Place nodes 0..n-1; edges run from `src[i]` to `dst[i]`, downwards.
 * `previous` holds the x of nodes drawn before, or undefined.
 */
export function layered(sizes: Size[], src: ArrayLike<number>, dst: ArrayLike<number>, previous: (number | undefined)[] = []): Layout {
  const n = sizes.length;
  const above: number[][] = Array.from({ length: n }, () => []);
  const below: number[][] = Array.from({ length: n }, () => []);
  for (let i = 0; i < src.length; i++) {
    above[dst[i]].push(src[i]);
    below[src[i]].push(dst[i]);
  }
  const layer = layers(above, below);
  const rows: number[][] = [];
  for (let i = 0; i < n; i++) (rows[layer[i]] ??= []).push(i);
  const x = new Float64Array(n);
  for (const row of rows) {
    row.sort((a, b) => (previous[a] ?? a) - (previous[b] ?? b));
    spread(row, sizes, x);
  }
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const down = sweep % 2 === 0;
    for (let r = 0; r < rows.length; r++) {
      const row = rows[down ? r : rows.length - 1 - r];
      const near = down ? above : below;
      const wish = new Map(row.map((i) => [i, near[i].length ? mean(near[i], x) : x[i]]));
      row.sort((a, b) => wish.get(a)! - wish.get(b)! || x[a] - x[b]);
      settle(row, sizes, x, wish);
    }
  }
  let left = Infinity;
  for (let i = 0; i < n; i++) left = Math.min(left, x[i] - sizes[i].width / 2);
  const places: Place[] = new Array(n);
  let width = 0;
  let y = 0;
  for (const row of rows) {
    let tallest = 0;
    for (const i of row) tallest = Math.max(tallest, sizes[i].height);
    for (const i of row) {
      places[i] = { x: x[i] - left, y: y + tallest / 2 };
      width = Math.max(width, places[i].x + sizes[i].width / 2);
    }
    y += tallest + GAP_Y;
  }
  return { places, width, height: Math.max(0, y - GAP_Y) };
}

/** Longest path from the top; a leaf is then pulled down to just above its first user. */
function layers(above: number[][], below: number[][]): Int32Array {
  const n = above.length;
  const layer = new Int32Array(n);
  const waiting = above.map((a) => a.length);
  const order: number[] = [];
  for (let i = 0; i < n; i++) if (waiting[i] === 0) order.push(i);
  for (let k = 0; k < order.length; k++) {
    for (const j of below[order[k]]) {
      layer[j] = Math.max(layer[j], layer[order[k]] + 1);
      if (--waiting[j] === 0) order.push(j);
    }
  }
  for (let i = 0; i < n; i++) {
    if (above[i].length || !below[i].length) continue;
    let first = Infinity;
    for (const j of below[i]) first = Math.min(first, layer[j]);
    layer[i] = Math.max(0, first - 1);
  }
  return layer;
}

function mean(nodes: number[], x: Float64Array): number {
  let total = 0;
  for (const i of nodes) total += x[i];
  return total / nodes.length;
}

function spread(row: number[], sizes: Size[], x: Float64Array): void {
  let at = 0;
  for (const i of row) {
    x[i] = at + sizes[i].width / 2;
    at += sizes[i].width + GAP_X;
  }
  for (const i of row) x[i] -= at / 2;
}

/** Move each node towards its wish, keeping order and gaps: one pass from each side, averaged. */
function settle(row: number[], sizes: Size[], x: Float64Array, wish: Map<number, number>): void {
  const fromLeft = new Float64Array(row.length);
  let edge = -Infinity;
  row.forEach((i, k) => {
    fromLeft[k] = Math.max(wish.get(i)!, edge + sizes[i].width / 2);
    edge = fromLeft[k] + sizes[i].width / 2 + GAP_X;
  });
  edge = Infinity;
  for (let k = row.length - 1; k >= 0; k--) {
    const i = row[k];
    const fromRight = Math.min(wish.get(i)!, edge - sizes[i].width / 2);
    edge = fromRight - sizes[i].width / 2 - GAP_X;
    x[i] = (fromLeft[k] + fromRight) / 2;
  }
}
