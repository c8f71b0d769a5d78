// Draws a scene as SVG: elements are kept from one drawing to the next, so that what stays glides to its place.
import { replaceChildren, svg } from "../shared/dom";
import type { View } from "./camera";
import type { Group } from "./data";
import { detailAt, frameText, nameOf, type Detail } from "./detail";
import { fitting, lookOf, outline, painted, THEME, type Palette } from "./looks";
import { HEIGHT, path, type Box, type Drawn } from "./scene";

/** What is marked: classes, each with the numbers of its boxes. */
export type Marks = Map<string, Set<number>>;

export interface Painter {
  readonly element: Element;
  draw(drawn: Drawn, groups: Group[], marks: Marks): void;
  marked(marks: Marks): void;
  view(view: View, moving: boolean): void;
  /** The box, or the frame's name, at a place: its number, or that of the group. */
  at(event: MouseEvent): { box: number; open: boolean } | { frame: number } | null;
  close(): void;
}

const SIDES = ["", ";stroke:#d55e00;stroke-width:2;stroke-dasharray:2 3", ";stroke:#009e73;stroke-width:3;stroke-dasharray:none"];
const FULL = detailAt(1);

export class SvgPainter implements Painter {
  readonly element = svg("svg", { class: "wb-drawing", "aria-hidden": "true" });
  private readonly world = svg("g", { class: "wb-world" });
  private readonly frames = svg("g", { class: "wb-frames" });
  private readonly edges = svg("g", { class: "wb-edges" });
  private readonly boxes = svg("g", { class: "wb-nodes" });
  private known = new Map<number, { element: SVGElement; box: Box }>();
  private paths = new Map<string, SVGElement>();
  private readonly was: Marks = new Map();
  private drawn: Drawn | null = null;
  private groups: Group[] = [];
  private detail: Detail = FULL;
  private k = 1;

  constructor() {
    this.world.append(this.frames, this.edges, this.boxes);
    this.element.append(this.world);
  }

  draw(drawn: Drawn, groups: Group[], marks: Marks): void {
    this.drawn = drawn;
    this.groups = groups;
    const old = this.known;
    this.known = new Map();
    drawn.boxes.forEach((box, i) => {
      const before = old.get(box.id);
      const same = before && before.box.label === box.label && before.box.said === box.said && before.box.kind === box.kind && before.box.width === box.width && before.box.count === box.count && before.box.side === box.side;
      const element = same ? before.element : boxElement(box, THEME, this.detail);
      if (!same) {
        before?.element.remove();
        if (!before) element.classList.add("wb-fresh");
        this.boxes.append(element);
      } else element.classList.remove("wb-fresh");
      element.style.transform = `translate(${drawn.layout.x[i]}px,${drawn.layout.y[i]}px)`;
      this.known.set(box.id, { element, box });
    });
    for (const [id, { element }] of old) {
      if (this.known.has(id)) continue;
      // What went stays for a moment as a ghost.
      element.classList.add("wb-ghost");
      setTimeout(() => element.remove(), 350);
    }
    this.edgesDrawn(drawn);
    this.framesDrawn();
    this.was.clear();
    this.marked(marks);
  }

  private framesDrawn(): void {
    if (this.drawn) replaceChildren(this.frames, ...frameElements(this.drawn, this.groups, THEME, this.k));
  }

  /** Edges between the same boxes stay the same elements: only new ones fade in. */
  private edgesDrawn(drawn: Drawn): void {
    const old = this.paths, { boxes, src, dst, weight } = drawn, { start, points } = drawn.layout.routes;
    this.paths = new Map();
    for (let e = 0; e < src.length; e++) {
      const name = `${boxes[src[e]].id} ${boxes[dst[e]].id}`, d = path(points, start[e], start[e + 1]), before = old.get(name);
      const element = before ?? svg("path", { class: "wb-edge wb-fresh" });
      if (before) {
        before.classList.remove("wb-fresh");
        old.delete(name);
      } else this.edges.append(element);
      element.setAttribute("d", d);
      element.setAttribute("style", edgeStyle(weight[e], THEME));
      this.paths.set(name, element);
    }
    for (const gone of old.values()) gone.remove();
  }

  marked(marks: Marks): void {
    for (const [name, ids] of marks) {
      const before = this.was.get(name);
      if (!before) for (const [id, { element }] of this.known) element.classList.toggle(name, ids.has(id));
      else {
        for (const id of before) if (!ids.has(id)) this.known.get(id)?.element.classList.remove(name);
        for (const id of ids) if (!before.has(id)) this.known.get(id)?.element.classList.add(name);
      }
      if (name === "wb-selected" && !(before?.size === 0 && ids.size === 0)) {
        for (const [ends, element] of this.paths) element.classList.toggle("wb-lit", ends.split(" ").some((id) => ids.has(Number(id))));
      }
      this.was.set(name, new Set(ids));
    }
  }

  view({ x, y, k }: View): void {
    this.world.setAttribute("transform", `translate(${x},${y}) scale(${k})`);
    const detail = detailAt(k);
    if (detail !== this.detail) {
      this.detail = detail;
      for (const { element, box } of this.known.values()) written(element, box, detail);
    }
    if (Math.abs(Math.log(k / this.k)) > 0.15 || (k >= 1) !== (this.k >= 1)) {
      this.k = k;
      this.framesDrawn();
    }
  }

  at(event: MouseEvent): { box: number; open: boolean } | { frame: number } | null {
    const target = event.target as Element;
    const frame = target.closest?.("[data-frame]");
    if (frame) return { frame: Number(frame.getAttribute("data-frame")) };
    const node = target.closest?.(".wb-node");
    return node ? { box: Number(node.getAttribute("data-id")), open: target.closest(".wb-open") !== null } : null;
  }

  close(): void {
    this.element.remove();
  }
}

export function boxElement(box: Box, palette: Palette, detail: Detail): SVGElement {
  const look = lookOf(box.kind), style = painted(look, palette);
  const element = svg("g", { class: `wb-node wb-kind-${box.kind.replace(/\W/g, "")}`, "data-id": box.id, "data-key": box.node?.key },
    svg("title", {}, box.title),
    svg("path", { d: outline(box.group >= 0 ? "stack" : look.shape, box.width, HEIGHT), style: style.style + SIDES[box.side] }),
    svg("text", { class: "wb-name", "text-anchor": "middle", style: `fill:${palette.ink}` }), svg("text", { class: "wb-sub", "text-anchor": "middle", y: 12, style: `fill:${palette.quiet};font-size:10.5px` }));
  if (box.group >= 0) {
    const x = box.width / 2 - 5;
    element.append(svg("g", { class: "wb-open" },
      svg("rect", { x: x - 20 - 6 * String(box.count).length, y: -HEIGHT / 2, width: 25 + 6 * String(box.count).length, height: HEIGHT, style: "fill:transparent;stroke:none" }),
      svg("text", { x, y: -6, "text-anchor": "end", style: `fill:${palette.quiet};font-size:10.5px` }, `+${box.count}`)));
  }
  written(element, box, detail);
  return element;
}

/** Put in the text that a zoom allows. */
function written(element: SVGElement, box: Box, detail: Detail): void {
  const [name, said] = Array.from(element.children).filter((c) => c.tagName === "text") as SVGElement[];
  const aside = box.group >= 0 && detail.said ? -6 - 3 * String(box.count).length : 0;
  name.textContent = `${["", "− ", "+ "][box.side]}${nameOf(box, detail)}`;
  name.style.fontSize = `${detail.name}px`;
  name.setAttribute("x", String(aside));
  name.setAttribute("y", detail.said ? "-2" : String(detail.name * 0.36));
  said.textContent = detail.said ? box.said : "";
  element.querySelector<SVGElement>(".wb-open text")?.setAttribute("visibility", detail.said ? "visible" : "hidden");
}

const edgeStyle = (weight: number, palette: Palette): string => `fill:none;stroke:${palette.edge};stroke-width:${weight > 1 ? 1.6 : 1}`;

export function edgeElements({ layout, weight }: Drawn, palette: Palette): SVGElement[] {
  const { start, points } = layout.routes;
  return Array.from(weight, (w, e) => svg("path", { class: "wb-edge", d: path(points, start[e], start[e + 1]), style: edgeStyle(w, palette) }));
}

export function frameElements({ layout, frames }: Drawn, groups: Group[], palette: Palette, k: number): SVGElement[] {
  const size = frameText(k);
  return layout.frames.map((f) => {
    const number = frames[f.frame], group = groups[number], plate = group.kind === "plate", look = lookOf(group.kind);
    const label = fitting(`${plate ? "" : "▾ "}${group.label}`, size, f.width - 12);
    return svg("g", { class: "wb-frame" },
      svg("rect", { x: f.x, y: f.y, width: f.width, height: f.height, rx: 8, style: `fill:${look.share && !plate ? painted({ ...look, share: 4 }, palette).style!.toString().split(";")[0].slice(5) : "none"};stroke:${look.stroke || palette.quiet};stroke-opacity:.7` }),
      svg("text", { "data-frame": number, class: "wb-frame-name", x: plate ? f.x + f.width - 8 : f.x + 8, y: plate ? f.y + f.height - 8 : f.y + 6 + size * 0.8, "text-anchor": plate ? "end" : "start", style: `fill:${palette.quiet};font-size:${size}px` },
        svg("title", {}, `${group.label}\n${group.said}\nclick to close`), label));
  });
}
