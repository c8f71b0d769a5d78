// Plates: nodes of one group side by side in a band of their own, so that a box around them holds nothing else.
import type { Layout, Place, Size } from "./layered";

export interface Plate { group: number; x: number; y: number; width: number; height: number }

const GAP = 22;
const PAD = 14;
/** Below a plate's nodes, for its label. */
const FOOT = 26;

interface Item { nodes: number[]; rows: number[]; wish: number; width: number; place: number }

/** Move nodes sideways until each group has its band; `group[i]` is -1 for a node of none. */
export function inPlates(layout: Layout, sizes: Size[], group: ArrayLike<number>): { places: Place[]; width: number; height: number; plates: Plate[] } {
  const { places } = layout;
  const members = new Map<number, number[]>();
  places.forEach((_, i) => group[i] >= 0 && members.set(group[i], [...(members.get(group[i]) ?? []), i]));
  if (!members.size) return { ...layout, plates: [] };
  const levels = [...new Set(places.map((p) => p.y))].sort((a, b) => a - b);
  const rowOf = new Map(levels.map((y, r) => [y, r]));
  const items: Item[] = [];
  places.forEach((p, i) => group[i] < 0 && items.push({ nodes: [i], rows: [rowOf.get(p.y)!], wish: p.x, width: sizes[i].width, place: p.x }));
  for (const nodes of members.values()) {
    const inRow = nodes.map((i) => rowOf.get(places[i].y)!);
    const first = Math.min(...inRow), last = Math.max(...inRow);
    const wish = nodes.reduce((sum, i) => sum + places[i].x, 0) / nodes.length;
    const width = Math.max(...byRow(nodes, places).map((row) => packed(row, sizes))) + 2 * PAD;
    items.push({ nodes, rows: Array.from({ length: last - first + 1 }, (_, k) => first + k), wish, width, place: wish });
  }
  items.sort((a, b) => a.wish - b.wish);
  separate(items, levels.length);

  const moved = places.map((p) => ({ ...p }));
  const plates: Plate[] = [];
  for (const item of items) {
    for (const row of byRow(item.nodes, places)) {
      let at = item.place - packed(row, sizes) / 2;
      for (const i of row) {
        moved[i].x = at + sizes[i].width / 2;
        at += sizes[i].width + GAP;
      }
    }
    const number = group[item.nodes[0]];
    if (number < 0) continue;
    const top = Math.min(...item.nodes.map((i) => places[i].y - sizes[i].height / 2)) - PAD;
    const bottom = Math.max(...item.nodes.map((i) => places[i].y + sizes[i].height / 2)) + FOOT;
    plates.push({ group: number, x: item.place - item.width / 2, y: top, width: item.width, height: bottom - top });
  }
  const left = Math.min(...items.map((i) => i.place - i.width / 2)), right = Math.max(...items.map((i) => i.place + i.width / 2));
  const top = Math.min(0, ...plates.map((p) => p.y)), bottom = Math.max(layout.height, ...plates.map((p) => p.y + p.height));
  const shift = <T extends { x: number; y: number }>(p: T): T => ({ ...p, x: p.x - left, y: p.y - top });
  return { places: moved.map(shift), width: right - left, height: bottom - top, plates: plates.map(shift) };
}

/** Nodes by layer, each layer from left to right. */
function byRow(nodes: number[], places: Place[]): number[][] {
  const rows = new Map<number, number[]>();
  for (const i of nodes) rows.set(places[i].y, [...(rows.get(places[i].y) ?? []), i]);
  return [...rows.values()].map((row) => row.sort((a, b) => places[a].x - places[b].x));
}

function packed(row: number[], sizes: Size[]): number {
  return row.reduce((sum, i) => sum + sizes[i].width + GAP, -GAP);
}

/** As near to their wishes as order and gaps allow: one pass from each side, averaged, which keeps both. */
function separate(items: Item[], levels: number): void {
  const pass = (ordered: Item[], side: 1 | -1): number[] => {
    const edge = new Array<number>(levels).fill(-Infinity);
    return ordered.map((item) => {
      const at = Math.max(side * item.wish, Math.max(...item.rows.map((r) => edge[r])) + GAP + item.width / 2);
      for (const r of item.rows) edge[r] = at + item.width / 2;
      return side * at;
    });
  };
  const fromLeft = pass(items, 1);
  const fromRight = pass([...items].reverse(), -1).reverse();
  items.forEach((item, k) => (item.place = (fromLeft[k] + fromRight[k]) / 2));
}
