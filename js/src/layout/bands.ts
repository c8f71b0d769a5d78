// Frames: boxes of one frame side by side in a band of their own, so that a rectangle around them holds nothing else; frames may hold frames.
import type { Asked } from "./layout";
import { GAP_X } from "./layers";

const PAD = 14;

/** A frame's place sideways, and the rows that it reaches over. */
export interface Band { frame: number; left: number; width: number; first: number; last: number }

interface Item { boxes: number[]; frame: number; first: number; last: number; wish: number; width: number; place: number }

/** Move boxes sideways until each frame has its band. Changes `x`; frames come outermost first. */
export function inBands(rows: number[][], asked: Asked, x: Float64Array): Band[] {
  const { band, parent } = asked;
  if (!band.some((b) => b >= 0)) return [];
  const row = new Int32Array(x.length);
  rows.forEach((boxes, r) => boxes.forEach((i) => (row[i] = r)));
  // What a box is in, from the outermost frame to the innermost.
  const chains = Array.from(band, (b) => {
    const chain: number[] = [];
    for (let f = b; f >= 0; f = parent[f]) chain.unshift(f);
    return chain;
  });
  const bands: Band[] = [];
  const place = (boxes: number[], depth: number): number => {
    const within = new Map<number, number[]>();
    const items: Item[] = [];
    for (const i of boxes) {
      const frame = chains[i][depth];
      if (frame === undefined) items.push({ boxes: [i], frame: -1, first: row[i], last: row[i], wish: x[i], width: asked.width[i], place: 0 });
      else if (within.has(frame)) within.get(frame)!.push(i);
      else within.set(frame, [i]);
    }
    for (const [frame, inside] of within) {
      let first = Infinity, last = -Infinity, sum = 0;
      for (const i of inside) {
        first = Math.min(first, row[i]);
        last = Math.max(last, row[i]);
        sum += x[i];
      }
      const width = Math.max(place(inside, depth + 1) + 2 * PAD, asked.least[frame]);
      items.push({ boxes: inside, frame, first, last, wish: sum / inside.length, width, place: 0 });
    }
    items.sort((a, b) => a.wish - b.wish);
    separate(items, rows.length);
    if (depth) squeeze(items);
    let left = Infinity, right = -Infinity;
    for (const item of items) {
      left = Math.min(left, item.place - item.width / 2);
      right = Math.max(right, item.place + item.width / 2);
    }
    const middle = (left + right) / 2;
    for (const item of items) {
      // What is inside lies about zero, as it was placed.
      const shift = item.place - middle;
      if (item.frame < 0) x[item.boxes[0]] = shift;
      else {
        for (const i of item.boxes) x[i] += shift;
        const held = new Set([item.frame]);
        for (const b of bands) if (held.has(parent[b.frame])) {
          held.add(b.frame);
          b.left += shift;
        }
        bands.unshift({ frame: item.frame, left: shift - item.width / 2, width: item.width, first: item.first, last: item.last });
      }
    }
    return right - left;
  };
  place(Array.from(band, (_, i) => i), 0);
  for (const boxes of rows) boxes.sort((a, b) => x[a] - x[b]);
  return bands;
}

/** As near to their wishes as order and gaps allow: one pass from each side, averaged, which keeps both. */
function separate(items: Item[], rows: number): void {
  const pass = (inOrder: Item[], side: 1 | -1): number[] => {
    const edge = new Float64Array(rows).fill(-Infinity);
    return inOrder.map((item) => {
      let at = side * item.wish;
      for (let r = item.first; r <= item.last; r++) at = Math.max(at, edge[r] + GAP_X + item.width / 2);
      for (let r = item.first; r <= item.last; r++) edge[r] = at + item.width / 2;
      return side * at;
    });
  };
  const fromLeft = pass(items, 1);
  const fromRight = pass([...items].reverse(), -1).reverse();
  items.forEach((item, k) => (item.place = (fromLeft[k] + fromRight[k]) / 2));
}

/** Take away strips inside a frame that no item reaches over: they were left for what lies outside. */
function squeeze(items: Item[]): void {
  const byLeft = [...items].sort((a, b) => a.place - a.width / 2 - (b.place - b.width / 2));
  let right = -Infinity, shift = 0;
  for (const item of byLeft) {
    const left = item.place - item.width / 2;
    if (left > right + GAP_X && right > -Infinity) shift += left - right - GAP_X;
    right = Math.max(right, left + item.width);
    item.place -= shift;
  }
}
