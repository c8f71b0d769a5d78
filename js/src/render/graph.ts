// A graph as SVG: pan, zoom, moves that the eye can follow, keyboard along the edges.
import { layered, type Size } from "../layout/layered";
import { inPlates } from "../layout/plates";
import { el, replaceChildren, svg } from "../shared/dom";

export interface GraphNode { key: number; op: string; label: string; kind: string; type: string; group: number }
export interface GraphData { nodes: GraphNode[]; src: number[]; dst: number[]; groups: string[]; roots: number[] }

/** More nodes than this are not drawn at once. */
export const LIMIT = 700;
const HEIGHT = 38;

export function graphData(content: any, cols: Record<string, any>): GraphData {
  const nodes: GraphNode[] = Array.from(cols.key as Int32Array, (key, i) => ({
    key, op: cols.op[i], label: cols.label[i], kind: cols.kind[i], type: cols.type[i], group: cols.group[i],
  }));
  return { nodes, src: Array.from(cols.src), dst: Array.from(cols.dst), groups: content.groups ?? [], roots: content.roots ?? [] };
}

/** `op:exp shape:85 name:sigma kind:random`, or plain words in the label. */
export function matches(node: GraphNode, query: string): boolean {
  return query.trim().toLowerCase().split(/\s+/).filter(Boolean).every((term) => {
    const [field, ...rest] = term.split(":");
    const value = rest.join(":");
    if (!value) return node.label.toLowerCase().includes(term) || node.op.toLowerCase().includes(term);
    if (field === "op") return node.op.toLowerCase().includes(value);
    if (field === "name") return node.label.toLowerCase().includes(value);
    if (field === "kind") return node.kind.includes(value);
    if (field === "shape") return node.type.slice(node.type.indexOf("[")).split(/\W+/).includes(value);
    if (field === "type" || field === "dtype") return node.type.includes(value);
    return false;
  });
}

/** Part of a graph: nodes within reach of `from`, nearest first, at most `limit`. */
export function nearest(data: GraphData, from: number[], limit: number): GraphData {
  const near = new Map<number, number[]>();
  data.src.forEach((s, i) => {
    const d = data.dst[i];
    near.set(s, [...(near.get(s) ?? []), d]);
    near.set(d, [...(near.get(d) ?? []), s]);
  });
  const kept = new Set(from);
  const queue = [...kept];
  for (let k = 0; k < queue.length && kept.size < limit; k++) {
    for (const other of near.get(queue[k]) ?? []) {
      if (!kept.has(other) && kept.size < limit) {
        kept.add(other);
        queue.push(other);
      }
    }
  }
  const edges = data.src.map((s, i) => [s, data.dst[i]] as const).filter(([s, d]) => kept.has(s) && kept.has(d));
  return { ...data, nodes: data.nodes.filter((n) => kept.has(n.key)), src: edges.map((e) => e[0]), dst: edges.map((e) => e[1]) };
}

/** Where each edge ends: those into one node side by side along its top, in the order that they come from. */
function spread(src: number[], dst: number[], places: { x: number; y: number }[], sizes: Size[]): { x: number; y: number }[] {
  const into = new Map<number, number[]>();
  dst.forEach((d, i) => into.set(d, [...(into.get(d) ?? []), i]));
  const ends = dst.map((d) => ({ ...places[d] }));
  for (const [d, edges] of into) {
    const step = Math.min(12, (sizes[d].width - 20) / edges.length);
    edges.sort((a, b) => places[src[a]].x - places[src[b]].x);
    edges.forEach((i, k) => (ends[i].x += (k - (edges.length - 1) / 2) * step));
  }
  return ends;
}

export class GraphView {
  readonly element: HTMLElement;
  onSelect: (node: GraphNode | null) => void = () => {};
  private data: GraphData = { nodes: [], src: [], dst: [], groups: [], roots: [] };
  private shown: GraphData = this.data;
  private limit = LIMIT;
  private readonly drawing = svg("svg", { class: "wb-canvas", role: "application", tabindex: 0, "aria-label": "graph: arrow keys follow edges, Enter shows a node" });
  private readonly world = svg("g", { class: "wb-world" });
  private readonly plates = svg("g", { class: "wb-plates" });
  private readonly edges = svg("g", { class: "wb-edges", "aria-hidden": "true" });
  private readonly boxes = svg("g", { class: "wb-nodes" });
  private readonly badge = el("button", { type: "button", class: "wb-badge", "data-action": "show-all", hidden: true });
  private readonly tree = el("ul", { class: "wb-visually-hidden", role: "tree", "aria-label": "nodes of the graph" });
  private drawn = new Map<number, { group: SVGElement; x: number; y: number; width: number }>();
  private view = { x: 0, y: 0, k: 1 };
  private touched = false;
  private extent = { width: 1, height: 1 };
  private selected: number | null = null;
  /** Ids are of the whole page: one of a hidden widget's would draw nothing. */
  private readonly arrow = `wb-arrow-${Math.random().toString(36).slice(2)}`;
  private focus: number | null = null;

  constructor() {
    this.world.append(this.plates, this.edges, this.boxes);
    this.drawing.append(
      svg("defs", {}, svg("marker", { id: this.arrow, viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, markerUnits: "userSpaceOnUse", orient: "auto" }, svg("path", { d: "M0,0 L8,4 L0,8 Z", class: "wb-arrowhead" }))),
      this.world,
    );
    this.element = el("div", { class: "wb-graph" }, this.drawing, this.badge, this.tree);
    this.badge.addEventListener("click", () => {
      this.limit *= 4;
      this.draw();
    });
    this.listen();
    if (typeof ResizeObserver !== "undefined") new ResizeObserver(() => !this.touched && this.fit()).observe(this.element);
  }

  set(data: GraphData, keepView = false): void {
    this.data = data;
    this.limit = LIMIT;
    if (!keepView) {
      this.focus = null;
      this.touched = false;
    }
    this.draw();
  }

  /** Show only what lies within a node's reach, or everything again. */
  focusOn(key: number | null): void {
    this.focus = key;
    this.touched = false;
    this.draw();
  }

  search(query: string): number {
    let hits = 0;
    let first: number | null = null;
    for (const node of this.shown.nodes) {
      const hit = query.trim() !== "" && matches(node, query);
      if (hit && first === null) first = node.key;
      hits += Number(hit);
      this.drawn.get(node.key)?.group.classList.toggle("wb-hit", hit);
    }
    if (first !== null) this.centre(first);
    return hits;
  }

  mark(name: string, keys: Iterable<number>): void {
    for (const d of this.drawn.values()) d.group.classList.remove(name);
    for (const k of keys) this.drawn.get(k)?.group.classList.add(name);
  }

  /** Bring nodes into view, unless one of them is. */
  reveal(keys: Iterable<number>): void {
    const { clientWidth: w, clientHeight: h } = this.element;
    const places = [...keys].flatMap((key) => this.drawn.get(key) ?? []);
    const seen = ({ x, y }: { x: number; y: number }) => {
      const px = x * this.view.k + this.view.x, py = y * this.view.k + this.view.y;
      return px > 20 && px < w - 20 && py > 20 && py < h - 20;
    };
    if (!places.length || places.some(seen)) return;
    this.view.x = w / 2 - places[0].x * this.view.k;
    this.view.y = h / 2 - places[0].y * this.view.k;
    this.apply();
  }

  svgText(): string {
    const copy = this.drawing.cloneNode(true) as SVGElement;
    copy.setAttribute("xmlns", "http://www.w3.org/2000/svg");
    copy.setAttribute("viewBox", `-20 -20 ${this.extent.width + 40} ${this.extent.height + 40}`);
    copy.querySelector(".wb-world")?.removeAttribute("transform");
    const style = ".wb-plates rect{fill:none}.wb-plates text{text-anchor:end;font-size:10px}rect{fill:#fff;stroke:#555}text{font:12px sans-serif;text-anchor:middle;fill:#111}path{fill:none;stroke:#888}.wb-sub{fill:#666;font-size:10px}";
    copy.prepend(svg("style", {}, style));
    return new XMLSerializer().serializeToString(copy);
  }

  private draw(): void {
    const from = this.focus !== null ? [this.focus] : this.data.roots.length ? this.data.roots : this.data.nodes.slice(0, 1).map((n) => n.key);
    const limit = this.focus !== null ? Math.min(this.limit, 40) : this.limit;
    this.shown = this.data.nodes.length > limit ? nearest(this.data, from, limit) : this.data;
    const hidden = this.data.nodes.length - this.shown.nodes.length;
    this.badge.hidden = hidden === 0;
    this.badge.textContent = `${hidden.toLocaleString("en")} hidden – show`;

    const index = new Map(this.shown.nodes.map((n, i) => [n.key, i]));
    const sizes: Size[] = this.shown.nodes.map((n) => ({ width: Math.max(44, 7.2 * Math.max(n.label.length, 0.8 * n.type.length) + 18), height: HEIGHT }));
    const src = this.shown.src.map((k) => index.get(k)!);
    const dst = this.shown.dst.map((k) => index.get(k)!);
    const free = layered(sizes, src, dst, this.shown.nodes.map((n) => this.drawn.get(n.key)?.x));
    const layout = inPlates(free, sizes, this.shown.nodes.map((n) => n.group));
    this.extent = layout;

    const old = this.drawn;
    this.drawn = new Map();
    this.shown.nodes.forEach((node, i) => {
      const { x, y } = layout.places[i];
      const width = sizes[i].width;
      const before = old.get(node.key);
      const group = before?.group ?? this.box(node, width);
      if (!before) {
        group.classList.add("wb-fresh");
        this.boxes.append(group);
      } else {
        group.classList.remove("wb-fresh");
      }
      group.style.transform = `translate(${x}px, ${y}px)`;
      this.drawn.set(node.key, { group, x, y, width });
    });
    for (const [key, d] of old) {
      if (this.drawn.has(key)) continue;
      // A removed node stays for a moment as a ghost.
      d.group.classList.add("wb-ghost");
      setTimeout(() => d.group.remove(), 350);
    }
    const into = spread(src, dst, layout.places, sizes);
    replaceChildren(this.edges, ...src.map((s, i) => this.edge(layout.places[s], into[i], this.shown.src[i], this.shown.dst[i])));
    replaceChildren(this.plates, ...layout.plates.flatMap((p) => [
      svg("rect", { x: p.x, y: p.y, width: p.width, height: p.height, rx: 8 }),
      svg("text", { x: p.x + p.width - 8, y: p.y + p.height - 7 }, this.data.groups[p.group] ?? ""),
    ]));
    replaceChildren(this.tree, ...this.shown.nodes.slice(0, 300).map((n) => el("li", { role: "treeitem" }, `${n.label}: ${n.op}, ${n.type}`)));
    if (!this.touched) this.fit();
    this.select(this.selected !== null && this.drawn.has(this.selected) ? this.selected : null, false);
  }

  private box(node: GraphNode, width: number): SVGElement {
    return svg(
      "g", { class: `wb-node wb-kind-${node.kind.replace(/\W/g, "")}`, "data-key": node.key },
      svg("title", {}, `${node.label}\n${node.op}\n${node.type}`),
      svg("rect", { x: -width / 2, y: -HEIGHT / 2, width, height: HEIGHT, rx: node.kind === "random" || node.kind === "observed" ? HEIGHT / 2 : 6 }),
      svg("text", { y: -2 }, node.label),
      svg("text", { y: 12, class: "wb-sub" }, node.type.replace("float64", "ℝ").replace("int64", "ℤ").replace("[]", "")),
    );
  }

  private edge(a: { x: number; y: number }, b: { x: number; y: number }, from: number, to: number): SVGElement {
    const y1 = a.y + HEIGHT / 2, y2 = b.y - HEIGHT / 2 - 2, bend = Math.max(12, (y2 - y1) / 2);
    return svg("path", { d: `M${a.x},${y1} C${a.x},${y1 + bend} ${b.x},${y2 - bend} ${b.x},${y2}`, "marker-end": `url(#${this.arrow})`, "data-from": from, "data-to": to });
  }

  private select(key: number | null, tell = true): void {
    this.selected = key;
    this.mark("wb-selected", key === null ? [] : [key]);
    for (const path of Array.from(this.edges.children)) {
      const on = key !== null && (path.getAttribute("data-from") === String(key) || path.getAttribute("data-to") === String(key));
      path.classList.toggle("wb-lit", on);
    }
    if (tell) this.onSelect(this.shown.nodes.find((n) => n.key === key) ?? null);
  }

  private fit(): void {
    const { clientWidth: w, clientHeight: h } = this.element;
    if (!w || !h) return;
    const k = Math.min(1.1, (w - 40) / this.extent.width, (h - 40) / this.extent.height);
    // A drawing too large to read as a whole starts readable, at its end: the result.
    const readable = Math.max(k, 0.62);
    this.view = { k: readable, x: (w - this.extent.width * readable) / 2, y: k < 0.62 ? h - 20 - this.extent.height * readable : Math.max(20, (h - this.extent.height * readable) / 2) };
    this.apply();
  }

  private centre(key: number): void {
    const d = this.drawn.get(key);
    if (!d) return;
    this.touched = true;
    this.view.x = this.element.clientWidth / 2 - d.x * this.view.k;
    this.view.y = this.element.clientHeight / 2 - d.y * this.view.k;
    this.apply();
  }

  private apply(): void {
    this.world.setAttribute("transform", `translate(${this.view.x},${this.view.y}) scale(${this.view.k})`);
  }

  private listen(): void {
    let drag: { x: number; y: number; moved: boolean } | null = null;
    const area = this.drawing as unknown as HTMLElement;
    area.addEventListener("pointerdown", (e) => (drag = { x: e.clientX, y: e.clientY, moved: false }));
    area.addEventListener("pointermove", (e) => {
      if (!drag || !e.buttons) return;
      const dx = e.clientX - drag.x, dy = e.clientY - drag.y;
      if (!drag.moved && Math.hypot(dx, dy) < 4) return;
      drag = { x: e.clientX, y: e.clientY, moved: true };
      this.touched = true;
      this.view.x += dx;
      this.view.y += dy;
      this.apply();
    });
    area.addEventListener("click", (e) => {
      if (drag?.moved) return;
      const node = (e.target as Element).closest?.(".wb-node");
      this.select(node ? Number(node.getAttribute("data-key")) : null);
    });
    area.addEventListener("dblclick", (e) => {
      const node = (e.target as Element).closest?.(".wb-node");
      this.focusOn(node ? Number(node.getAttribute("data-key")) : null);
    });
    area.addEventListener("wheel", (e) => {
      if (!(e.ctrlKey || e.metaKey || document.activeElement === area)) return; // Let the notebook scroll.
      e.preventDefault();
      const box = area.getBoundingClientRect();
      const factor = Math.exp(-e.deltaY * 0.0015);
      const k = Math.min(3, Math.max(0.05, this.view.k * factor));
      const px = e.clientX - box.left, py = e.clientY - box.top;
      this.view.x = px - ((px - this.view.x) * k) / this.view.k;
      this.view.y = py - ((py - this.view.y) * k) / this.view.k;
      this.view.k = k;
      this.touched = true;
      this.apply();
    }, { passive: false });
    area.addEventListener("keydown", (e) => this.key(e));
  }

  private key(e: KeyboardEvent): void {
    if (!["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight", "Enter", "Escape"].includes(e.key)) return;
    e.preventDefault();
    e.stopPropagation();
    if (e.key === "Escape") return this.select(null);
    const at = this.selected === null ? undefined : this.drawn.get(this.selected);
    if (!at) return this.select(this.shown.roots[0] ?? this.shown.nodes[0]?.key ?? null);
    if (e.key === "Enter") return this.select(this.selected);
    const vertical = e.key === "ArrowUp" ? this.shown.src.filter((_, i) => this.shown.dst[i] === this.selected) : this.shown.dst.filter((_, i) => this.shown.src[i] === this.selected);
    const sideways = [...this.drawn].filter(([, d]) => d.y === at.y && (e.key === "ArrowLeft" ? d.x < at.x : d.x > at.x)).sort((a, b) => Math.abs(a[1].x - at.x) - Math.abs(b[1].x - at.x)).map(([key]) => key);
    const next = e.key === "ArrowUp" || e.key === "ArrowDown" ? vertical[0] : sideways[0];
    if (next !== undefined) {
      this.select(next);
      this.centre(next);
    }
  }
}
