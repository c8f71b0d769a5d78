// A graph that one can look about in: groups open and close, what stays glides to its place, the keyboard follows edges.
import { LayoutClient, PATIENCE } from "../layout/client";
import { layout, type Layout } from "../layout/layout";
import { button, el, replaceChildren } from "../shared/dom";
import { Camera } from "./camera";
import { CanvasPainter } from "./canvas";
import { Links, matches, NOTHING, within, type GraphData, type GraphNode } from "./data";
import { dotFile, pageFile, pngFile, svgFile } from "./export";
import { NAMES, sample } from "./looks";
import { Minimap } from "./minimap";
import { Outline } from "./outline";
import { askedOf, HEIGHT, sceneOf, type Drawn, type Scene } from "./scene";
import { SvgPainter, type Marks, type Painter } from "./svg";

export { graphData, Links, matches, type GraphData, type GraphNode, type Group } from "./data";

/** More boxes than this are not drawn at once: those next to the results are. */
export const LIMIT = 20_000;
/** More boxes and edges than this are drawn on a canvas. */
export const SVG_MOST = 1500;
const WAIT = 150;
const TALLEST = 560;
const LEAST_TALL = 220;

/** What part of a graph is looked at, and how it is called. */
export interface Part { keys: Set<number>; said: string }

export class GraphView {
  readonly element: HTMLElement;
  /** Told of a node that is chosen, or of none. */
  onSelect: (node: GraphNode | null) => void = () => {};
  /** Told of a group that is chosen. */
  onGroup: (group: number) => void = () => {};
  /** Whether the drawing's height follows what is in it. */
  grows = false;
  readonly outline: Outline;
  private data: GraphData = NOTHING;
  private links: Links | null = null;
  private open = new Set<number>();
  private part: Part | null = null;
  private limit = LIMIT;
  private drawn: Drawn | null = null;
  private painter: Painter = new SvgPainter();
  private readonly layouts = new LayoutClient();
  private readonly camera: Camera;
  private readonly minimap: Minimap;
  private readonly area = el("div", { class: "wb-canvas", role: "application", tabindex: 0, "aria-label": "graph: arrow keys follow edges, Enter opens and closes groups, plus, minus and 0 zoom" });
  private readonly badge = el("button", { type: "button", class: "wb-badge", "data-action": "show-all", hidden: true });
  private readonly busy: HTMLElement;
  private readonly legend = el("div", { class: "wb-legend", "aria-label": "legend", role: "group" });
  private readonly said = el("div", { class: "wb-visually-hidden", "aria-live": "polite" });
  private readonly marks: Marks = new Map();
  /** What is marked, by key, whatever is drawn now. */
  private readonly wanted = new Map<string, number[]>();
  private selected: number | null = null;
  private hits: number[] = [];
  private hit = -1;
  private toReveal: number[] | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    const size = () => ({ width: this.area.clientWidth, height: this.area.clientHeight });
    this.camera = new Camera(this.area, size, (view, moving) => {
      this.painter.view(view, moving);
      this.minimap.view(view, size());
    }, () => this.legend.offsetHeight);
    this.minimap = new Minimap((x, y) => {
      this.camera.touched = true;
      this.camera.go(this.camera.at({ x, y }, this.camera.view.k));
    });
    this.outline = new Outline((id) => this.choose(id, true), (group) => this.toggle(group));
    this.busy = el("div", { class: "wb-busy", role: "status", hidden: true });
    const zoom = el("div", { class: "wb-zoom", role: "group", "aria-label": "zoom" },
      button("+", "zoom-in", () => this.zoom(1.3), "nearer (+)"), button("−", "zoom-out", () => this.zoom(1 / 1.3), "farther (-)"), button("⤢", "whole", () => this.whole(), "the whole graph (0)"));
    this.area.append(this.painter.element);
    this.element = el("div", { class: "wb-graph" }, this.area, this.minimap.element, this.legend, zoom, this.badge, this.busy, this.said);
    this.badge.addEventListener("click", () => {
      if (this.part) this.look(null);
      else {
        this.limit *= 4;
        this.draw();
      }
    });
    this.area.addEventListener("click", (e) => this.click(e));
    this.area.addEventListener("dblclick", (e) => {
      const found = this.painter.at(e);
      const box = found && "box" in found ? this.boxById(found.box) : undefined;
      if (box?.node) this.focusOn(box.node.key);
    });
    this.area.addEventListener("pointermove", (e) => {
      if (this.painter instanceof CanvasPainter && !e.buttons) {
        const found = this.painter.at(e);
        this.area.title = found && "box" in found ? this.boxById(found.box)?.title ?? "" : "";
      }
    });
    this.area.addEventListener("keydown", (e) => this.key(e));
    if (typeof ResizeObserver !== "undefined") new ResizeObserver(() => this.resized()).observe(this.area);
  }

  /** Show a graph. With `keepView`, what a person chose to look at stays: the place, open groups, the part. */
  set(data: GraphData, keepView = false): void {
    const groups = new Set(data.groups.flatMap((g, i) => (g.open ? [i] : [])));
    if (!keepView || data.groups.length !== this.data.groups.length) this.open = groups;
    this.data = data;
    this.links = null;
    this.limit = LIMIT;
    if (!keepView) {
      this.part = null;
      this.camera.touched = false;
    }
    this.draw();
  }

  private get near(): Links {
    return (this.links ??= new Links(this.data));
  }

  // Parts of the graph ---------------------------------------------------------------------------

  /** Show only what lies within some steps of a node, or everything again. */
  focusOn(key: number | null, steps = 2): void {
    this.look(key === null ? null : { keys: this.near.reach([key], "both", steps, 400), said: `within ${steps} step${steps === 1 ? "" : "s"}` });
  }

  /** Show what a node depends on, what depends on it, or its ways to the results. */
  follow(key: number, where: "above" | "below" | "path"): void {
    const roots = this.data.roots.length ? this.data.roots : this.data.nodes.map((n) => n.key).filter((k) => !this.near.below.has(k));
    const keys = where === "path" ? this.near.between(key, roots) : this.near.reach([key], where);
    this.look({ keys, said: { above: "what it depends on", below: "what depends on it", path: "its ways to the results" }[where] });
  }

  /** Show a part only, or everything. */
  look(part: Part | null): void {
    this.part = part;
    this.camera.touched = false;
    this.draw();
  }

  // Groups -----------------------------------------------------------------------------------------

  toggle(group: number): void {
    const place = this.placeOf(this.open.has(group) ? { frame: group } : { box: -1 - group });
    const open = !this.open.has(group);
    if (open) this.open.add(group);
    else this.open.delete(group);
    this.said.textContent = `${this.data.groups[group].label} ${open ? "opened" : "closed"}`;
    // What was clicked stays where it is on the screen.
    this.draw(place ? () => {
      const now = this.placeOf(open ? { frame: group } : { box: -1 - group }), { view } = this.camera;
      if (now && this.camera.touched) this.camera.go({ ...view, x: view.x + (place.x - now.x) * view.k, y: view.y + (place.y - now.y) * view.k });
    } : undefined);
  }

  /** Open or close all groups. */
  openAll(open: boolean): void {
    this.open = new Set(open ? this.data.groups.keys() : this.data.groups.flatMap((g, i) => (g.kind === "plate" ? [i] : [])));
    this.camera.touched = false;
    this.draw();
  }

  /** Say what one waits for, or nothing; `cancel` ends it. */
  wait(said: string, cancel?: () => void): void {
    this.busy.hidden = !said;
    replaceChildren(this.busy, el("span", {}, said), cancel ? button("Cancel", "cancel-layout", cancel, "draw it roughly") : null);
  }

  get hasGroups(): boolean {
    return this.data.groups.some((g) => g.kind !== "plate");
  }

  private placeOf(what: { frame: number } | { box: number }): { x: number; y: number } | null {
    if (!this.drawn) return null;
    if ("frame" in what) {
      const f = this.drawn.layout.frames.find((g) => this.drawn!.frames[g.frame] === what.frame);
      return f ? { x: f.x + f.width / 2, y: f.y } : null;
    }
    const i = this.drawn.boxes.findIndex((b) => b.id === what.box);
    return i < 0 ? null : { x: this.drawn.layout.x[i], y: this.drawn.layout.y[i] };
  }

  // Search, marks ----------------------------------------------------------------------------------

  /** Mark what a query finds, and look at the first; how many there are. */
  search(query: string): number {
    const inside = this.data.groups.map((_, g) => within(this.data.groups, g).map((o) => this.data.groups[o].label).join(" "));
    this.hits = query.trim() === "" ? [] : this.data.nodes.filter((n) => (!this.part || this.part.keys.has(n.key)) && matches(n, query, inside[n.group] ?? "")).map((n) => n.key);
    this.hit = -1;
    this.mark("wb-hit", this.hits);
    if (this.hits.length) this.centre(this.hits);
    return this.hits.length;
  }

  /** Choose the next hit, or the one before; its number, from 1. */
  step(by: number): number {
    if (!this.hits.length) return 0;
    this.hit = this.hit < 0 && by < 0 ? this.hits.length - 1 : (this.hit + by + this.hits.length) % this.hits.length;
    const key = this.hits[this.hit];
    this.expose(key);
    this.choose(key, true);
    return this.hit + 1;
  }

  mark(name: string, keys: Iterable<number>): void {
    this.wanted.set(name, [...keys]);
    this.remark();
  }

  private remark(): void {
    if (!this.drawn) return;
    const { boxes, of } = this.drawn;
    for (const [name, keys] of this.wanted) this.marks.set(name, new Set(keys.flatMap((k) => (of.has(k) ? [boxes[of.get(k)!].id] : []))));
    if (this.marks.get("wb-pale")?.size) {
      // A group is pale if all in it are.
      const pale = new Set(this.wanted.get("wb-pale")), clear = new Set([...of].filter(([key]) => !pale.has(key)).map(([, i]) => boxes[i].id));
      this.marks.set("wb-pale", new Set([...this.marks.get("wb-pale")!].filter((id) => !clear.has(id))));
    }
    this.marks.set("wb-selected", new Set(this.selected === null ? [] : [this.selected >= 0 && of.has(this.selected) ? boxes[of.get(this.selected)!].id : this.selected]));
    this.painter.marked(this.marks);
  }

  /** Bring nodes into view, unless one of them is. */
  reveal(keys: Iterable<number>): void {
    this.toReveal = [...keys];
    if (!this.layouts.busy) this.revealed();
  }

  private revealed(): void {
    const keys = this.toReveal;
    this.toReveal = null;
    if (!keys || !this.drawn) return;
    const { clientWidth: w, clientHeight: h } = this.area, view = this.camera.goal;
    const places = keys.flatMap((key) => this.placeOf({ box: this.idOf(key) }) ?? []);
    const seen = places.some(({ x, y }) => {
      const px = x * view.k + view.x, py = y * view.k + view.y;
      return px > 20 && px < w - 20 && py > 20 && py < h - 20;
    });
    if (places.length && !seen) this.camera.go(this.camera.at(places[0], view.k), true);
  }

  private idOf(key: number): number {
    const i = this.drawn?.of.get(key);
    return i === undefined ? key : this.drawn!.boxes[i].id;
  }

  /** Open the groups that a node is in. */
  expose(key: number): void {
    const node = this.data.nodes.find((n) => n.key === key);
    const closed = node ? within(this.data.groups, node.group).filter((g) => !this.open.has(g) && this.data.groups[g].head !== key) : [];
    if (!closed.length) return;
    for (const g of closed) this.open.add(g);
    this.draw();
  }

  private centre(keys: number[]): void {
    const place = this.placeOf({ box: this.idOf(keys[0]) });
    if (!place) return;
    this.camera.touched = true;
    this.camera.go(this.camera.at(place, Math.max(this.camera.view.k, 0.6)), true);
  }

  // Choosing ---------------------------------------------------------------------------------------

  /** Choose a node by its key, a group by `-1 - group`, or nothing. */
  choose(id: number | null, centred = false, tell = true): void {
    this.selected = id;
    this.remark();
    this.outline.draw(this.data, this.open, this.part?.keys ?? null, id);
    if (centred && id !== null) this.centre([id]);
    if (!tell) return;
    const box = id === null ? undefined : this.boxById(id);
    if (id !== null && id < 0 && !box?.node) this.onGroup(-1 - id);
    else this.onSelect(id === null ? null : box?.node ?? this.data.nodes.find((n) => n.key === id) ?? null);
    if (box) this.said.textContent = box.title.replaceAll("\n", ", ");
  }

  private boxById(id: number) {
    return this.drawn?.boxes.find((b) => b.id === id) ?? (id >= 0 ? this.drawn?.boxes[this.drawn.of.get(id) ?? -1] : undefined);
  }

  private click(event: MouseEvent): void {
    const found = this.painter.at(event);
    if (!found) return this.choose(null);
    if ("frame" in found) {
      if (event.detail > 1) return;
      this.toggle(found.frame);
      return this.choose(-1 - found.frame);
    }
    const box = this.boxById(found.box);
    this.choose(found.box);
    if (box && box.group >= 0 && (found.open || !box.node) && event.detail < 2) this.toggle(box.group);
  }

  private key(e: KeyboardEvent): void {
    const actions: Record<string, () => void> = {
      "+": () => this.zoom(1.3), "=": () => this.zoom(1.3), "-": () => this.zoom(1 / 1.3), "0": () => this.whole(),
      ArrowUp: () => this.walk("up"), ArrowDown: () => this.walk("down"), ArrowLeft: () => this.walk("left"), ArrowRight: () => this.walk("right"),
      Enter: () => this.enter(), Escape: () => (this.part ? this.look(null) : this.choose(null)),
    };
    if (!actions[e.key] || e.ctrlKey || e.metaKey || e.altKey) return;
    e.preventDefault();
    e.stopPropagation();
    actions[e.key]();
  }

  /** Open the chosen group; close that around the chosen node, if it cannot be opened. */
  private enter(): void {
    const box = this.selected === null ? undefined : this.boxById(this.selected);
    if (!box) return this.selected !== null && this.selected < 0 ? this.toggle(-1 - this.selected) : this.walk("down");
    if (box.group >= 0) return this.toggle(box.group);
    this.choose(box.id);
  }

  private walk(where: "up" | "down" | "left" | "right"): void {
    if (!this.drawn) return;
    const { boxes, src, dst, layout: { x, y } } = this.drawn;
    const at = this.selected === null ? -1 : boxes.findIndex((b) => b.id === this.idOf(this.selected!));
    let next = -1, best = Infinity;
    const offer = (i: number, cost: number) => {
      if (cost < best) [next, best] = [i, cost];
    };
    if (at < 0) {
      const first = this.data.roots.length ? this.drawn.of.get(this.data.roots[0]) : 0;
      next = first ?? 0;
    } else if (where === "up") for (let e = 0; e < src.length; e++) dst[e] === at && offer(src[e], Math.abs(x[src[e]] - x[at]));
    else if (where === "down") for (let e = 0; e < src.length; e++) src[e] === at && offer(dst[e], Math.abs(x[dst[e]] - x[at]));
    if (at >= 0 && next < 0) {
      // Sideways, or where no edge goes: the nearest box there.
      boxes.forEach((_, i) => {
        const dx = x[i] - x[at], dy = y[i] - y[at];
        const there = { up: dy < -HEIGHT, down: dy > HEIGHT, left: dx < -1 && Math.abs(dy) < HEIGHT, right: dx > 1 && Math.abs(dy) < HEIGHT }[where];
        if (there) offer(i, Math.hypot(dx, dy));
      });
    }
    if (boxes[next]) this.choose(boxes[next].id, true);
  }

  // Looking ----------------------------------------------------------------------------------------

  zoom(factor: number): void {
    this.camera.zoom(factor);
  }

  whole(): void {
    if (this.drawn) this.camera.go(this.camera.whole(this.drawn.layout), true);
    this.camera.touched = false;
  }

  private resized(): void {
    if (!this.drawn || !this.area.clientWidth) return;
    if (this.camera.touched) this.camera.go(this.camera.view);
    else this.first(false);
  }

  private first(glide: boolean): void {
    const { layout: made, of } = this.drawn!;
    if (this.grows && this.area.clientWidth) {
      const k = Math.min(1.1, (this.area.clientWidth - 66) / Math.max(1, made.width));
      this.element.style.minHeight = `${Math.round(Math.max(LEAST_TALL, Math.min(TALLEST, made.height * k + 60)))}px`;
    }
    const root = this.data.roots.map((k) => of.get(k)).find((i) => i !== undefined) ?? 0;
    this.camera.go(this.camera.first(made, { x: made.x[root] ?? 0, y: made.y[root] ?? 0 }), glide);
  }

  // Drawing ----------------------------------------------------------------------------------------

  private draw(after?: () => void): void {
    let only = this.part?.keys ?? null;
    let scene = sceneOf(this.data, this.open, only);
    let hidden = only ? this.data.nodes.filter((n) => !only!.has(n.key)).length : 0;
    if (scene.boxes.length > this.limit) {
      const roots = this.data.roots.length ? this.data.roots : [this.data.nodes[0].key];
      only = this.near.reach(roots, "both", Infinity, this.limit);
      hidden = this.data.nodes.length - only.size;
      scene = sceneOf(this.data, this.open, only);
    }
    this.badge.hidden = hidden === 0;
    this.badge.textContent = this.part ? `${this.part.said}: ${scene.of.size.toLocaleString("en")} of ${this.data.nodes.length.toLocaleString("en")} – show all` : `${hidden.toLocaleString("en")} hidden – show`;
    const old = this.drawn, place = old && new Map(old.boxes.map((b, i) => [b.id, old.layout.x[i]]));
    old?.layout.frames.forEach((f) => place!.set(-1 - old.frames[f.frame], f.x + f.width / 2));
    // What was in a closed group comes from where that was.
    const was = (id: number, group: number) => place?.get(id) ?? within(this.data.groups, group).map((g) => place?.get(-1 - g)).find((x) => x !== undefined);
    const asked = askedOf(scene, this.data, was, PATIENCE);
    clearTimeout(this.timer);
    this.wait("");
    this.pending = { scene, after };
    this.layouts.run(asked, (made) => this.laid(made));
    if (this.layouts.busy) this.timer = setTimeout(() => this.wait(`placing ${scene.boxes.length.toLocaleString("en")} boxes…`, () => this.roughly()), WAIT);
  }
  private pending: { scene: Scene; after?: () => void } | null = null;

  /** Give up a layout that takes long: rows without an order. */
  private roughly(): void {
    this.layouts.cancel();
    if (this.pending) this.laid(layout({ ...askedOf(this.pending.scene, this.data, () => undefined, 0) }));
  }

  private laid(made: Layout): void {
    const { scene, after } = this.pending!;
    this.pending = null;
    clearTimeout(this.timer);
    this.wait("");
    const fresh = this.drawn === null || !this.camera.touched;
    const glide = this.drawn !== null && this.drawn.boxes.length > 0;
    this.drawn = { ...scene, layout: made };
    const large = scene.boxes.length + scene.src.length > SVG_MOST;
    if (large !== this.painter instanceof CanvasPainter) {
      this.painter.close();
      this.painter = large ? new CanvasPainter() : new SvgPainter();
      this.area.append(this.painter.element);
    }
    this.painter.draw(this.drawn, this.data.groups, this.marks);
    this.element.dataset.boxes = String(scene.boxes.length);
    this.minimap.draw(this.drawn);
    this.remark();
    const kinds = new Set(scene.boxes.map((b) => b.kind));
    replaceChildren(this.legend, ...[...kinds].filter((k) => k in NAMES).sort().map((k) => el("span", { class: "wb-legend-kind" }, sample(k), NAMES[k])));
    this.outline.draw(this.data, this.open, this.part?.keys ?? null, this.selected);
    if (fresh) this.first(glide);
    else {
      this.camera.go(this.camera.view);
      after?.();
    }
    this.revealed();
  }

  // Files ------------------------------------------------------------------------------------------

  svgText(): string {
    return svgFile(this.drawn!, this.data.groups);
  }

  png(): Promise<Blob> {
    return pngFile(this.drawn!, this.data.groups);
  }

  dot(): string {
    return dotFile(this.data);
  }

  page(title: string): string {
    return pageFile(this.drawn!, this.data.groups, title);
  }

  close(): void {
    this.layouts.cancel();
    clearTimeout(this.timer);
    this.camera.close();
    this.outline.close();
    this.painter.close();
  }
}
