// What is seen of a graph: the boxes of nodes and closed groups, the frames of open ones, and the edges between.
import type { Asked, Layout } from "../layout/layout";
import { clipped, textWidth } from "./looks";
import { within, type GraphData, type GraphNode } from "./data";

export const HEIGHT = 38;
const NAME = 32;
const SAID = 40;
/** Room in a frame above its boxes, where its name stands. */
const HEAD = 30;

export interface Box {
  /** The key of a node; of a closed group `-1 - group`. */
  id: number;
  node: GraphNode | null;
  /** The closed group that it stands for, or -1. */
  group: number;
  label: string;
  said: string;
  /** In full, for the title. */
  title: string;
  kind: string;
  /** How many nodes it stands for. */
  count: number;
  side: number;
  width: number;
}

export interface Scene {
  boxes: Box[];
  src: Int32Array;
  dst: Int32Array;
  /** How many edges of the graph each edge stands for. */
  weight: Int32Array;
  /** Groups that are open, outermost first. */
  frames: number[];
  band: Int32Array;
  /** The box that shows each node, by key. */
  of: Map<number, number>;
}

export interface Drawn extends Scene { layout: Layout }

export const short = (type: string): string => type.replace("float64", "ℝ").replace("int64", "ℤ").replace("[]", "");

/** The boxes of a graph with some of its groups open; of some nodes only, if `only` is given, and then without groups but plates. */
export function sceneOf(data: GraphData, open: ReadonlySet<number>, only: ReadonlySet<number> | null): Scene {
  const { groups } = data;
  const counted = (g: number) => g >= 0 && (only === null || groups[g].kind === "plate");
  // The outermost closed group around each, or -1.
  const closed = groups.map((_, g) => within(groups, g).filter((o) => counted(o) && !open.has(o)).at(-1) ?? -1);
  const boxes: Box[] = [], of = new Map<number, number>(), stands = new Map<number, number>();
  const bands: number[] = [], sizes = new Map<number, number>();
  const byKey = new Map(data.nodes.map((n) => [n.key, n]));
  for (const node of data.nodes) {
    if (only && !only.has(node.key)) continue;
    const group = node.group >= 0 ? closed[node.group] : -1;
    if (group < 0) {
      of.set(node.key, boxes.length);
      boxes.push(boxOf(node));
      bands.push(innermost(data, node.group, counted));
      continue;
    }
    sizes.set(group, (sizes.get(group) ?? 0) + 1);
    let at = stands.get(group);
    if (at === undefined) {
      at = boxes.length;
      stands.set(group, at);
      const head = groups[group].head === undefined ? undefined : byKey.get(groups[group].head!);
      boxes.push(head ? { ...boxOf(head), id: -1 - group, group, side: node.side ?? 0 } : groupBox(data, group, node.side ?? 0));
      bands.push(innermost(data, groups[group].parent, counted));
    }
    if (boxes[at].side !== (node.side ?? 0)) boxes[at].side = 0;
    of.set(node.key, at);
  }
  for (const [group, at] of stands) {
    const box = boxes[at], count = (box.count = sizes.get(group)!);
    box.title += `\n${count.toLocaleString("en")} nodes`;
    box.width += 10 + textWidth(String(count), 10);
  }
  const frames = [...new Set(bands)].flatMap((g) => within(groups, g).filter(counted));
  const ordered = [...new Set(frames)].sort((a, b) => within(groups, a).length - within(groups, b).length || a - b);
  return { boxes, of, ...edgesOf(data, of), frames: ordered, band: Int32Array.from(bands) };
}

function innermost(data: GraphData, group: number, counted: (g: number) => boolean): number {
  return within(data.groups, group).find(counted) ?? -1;
}

function boxOf(node: GraphNode): Box {
  const label = clipped(node.label, NAME), said = clipped(short(node.type), SAID);
  return {
    id: node.key, node, group: -1, label, said, title: `${node.label}\n${node.op}\n${node.type}`, kind: node.kind, count: 1, side: node.side ?? 0,
    width: Math.max(46, textWidth(label, 12) + 22, textWidth(said, 10.5) + 20),
  };
}

function groupBox(data: GraphData, group: number, side: number): Box {
  const g = data.groups[group];
  const label = clipped(g.label, NAME), said = clipped(g.said, SAID);
  return {
    id: -1 - group, node: null, group, label, said, title: `${g.label}\n${g.said}`, kind: g.kind, count: 0, side,
    width: Math.max(60, textWidth(label, 12) + 24, textWidth(said, 10.5) + 20),
  };
}

/** Edges between boxes, those between the same two as one. */
function edgesOf(data: GraphData, of: Map<number, number>): Pick<Scene, "src" | "dst" | "weight"> {
  const known = new Map<number, number>(), src: number[] = [], dst: number[] = [], weight: number[] = [];
  for (let e = 0; e < data.src.length; e++) {
    const a = of.get(data.src[e]), b = of.get(data.dst[e]);
    if (a === undefined || b === undefined || a === b) continue;
    const name = a * 4_194_304 + b, at = known.get(name);
    if (at !== undefined) weight[at]++;
    else {
      known.set(name, src.length);
      src.push(a);
      dst.push(b);
      weight.push(1);
    }
  }
  return { src: Int32Array.from(src), dst: Int32Array.from(dst), weight: Int32Array.from(weight) };
}

/** What the layout is asked, for a scene. `before` says where boxes were drawn, by id. */
export function askedOf(scene: Scene, data: GraphData, before: (id: number, group: number) => number | undefined, patience: number): Asked {
  const number = new Map(scene.frames.map((g, i) => [g, i]));
  const inner = (g: number): number => {
    for (const o of within(data.groups, g)) if (number.has(o)) return number.get(o)!;
    return -1;
  };
  const previous = Float64Array.from(scene.boxes, (b) => before(b.id, b.node?.group ?? -1) ?? NaN);
  return {
    width: Float64Array.from(scene.boxes, (b) => b.width), height: new Float64Array(scene.boxes.length).fill(HEIGHT), src: scene.src, dst: scene.dst,
    band: scene.band.map((g) => (g < 0 ? -1 : inner(g))), parent: Int32Array.from(scene.frames, (g) => inner(data.groups[g].parent)),
    least: Float64Array.from(scene.frames, (g) => textWidth(clipped(data.groups[g].label, NAME), 11) + 50),
    above: Float64Array.from(scene.frames, (g) => (data.groups[g].kind === "plate" ? 14 : HEAD)), below: Float64Array.from(scene.frames, (g) => (data.groups[g].kind === "plate" ? 27 : 14)),
    previous: previous.some((x) => !Number.isNaN(x)) ? previous : null, patience,
  };
}

/** Control points of an edge as a cubic B-spline that begins and ends at the first and the last. */
export function along(points: Float64Array, from: number, to: number, move: (x: number, y: number) => void, curve: (a: number, b: number, c: number, d: number, e: number, f: number) => void, line: (x: number, y: number) => void): void {
  const n = (to - from) / 2;
  const x = (i: number) => points[from + 2 * Math.min(n - 1, Math.max(0, i - 1))], y = (i: number) => points[from + 2 * Math.min(n - 1, Math.max(0, i - 1)) + 1];
  move(x(1), y(1));
  for (let i = 0; i < n; i++) {
    const ax = x(i), ay = y(i), bx = x(i + 1), by = y(i + 1), cx = x(i + 2), cy = y(i + 2);
    curve((2 * ax + bx) / 3, (2 * ay + by) / 3, (ax + 2 * bx) / 3, (ay + 2 * by) / 3, (ax + 4 * bx + cx) / 6, (ay + 4 * by + cy) / 6);
  }
  line(x(n), y(n));
}

/** An edge's path with its head. */
export function path(points: Float64Array, from: number, to: number): string {
  let d = "";
  const f = (v: number) => Math.round(v * 10) / 10;
  along(points, from, to, (x, y) => (d += `M${f(x)},${f(y)}`), (a, b, c, e, g, h) => (d += `C${f(a)},${f(b)} ${f(c)},${f(e)} ${f(g)},${f(h)}`), (x, y) => (d += `L${f(x)},${f(y)}`));
  const x = points[to - 2], y = points[to - 1];
  return `${d}M${f(x - 3.5)},${f(y - 6)}L${f(x)},${f(y)}L${f(x + 3.5)},${f(y - 6)}`;
}
