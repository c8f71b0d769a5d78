// Draws a large scene on a canvas, with the look of the SVG. While one moves over much of it, a picture of the whole is moved instead;
// what takes long is painted in slices, between which the page goes on.
import { el } from "../shared/dom";
import type { View } from "./camera";
import type { Group } from "./data";
import { detailAt, frameText, nameOf } from "./detail";
import { fitting, lookOf, outline, type Palette } from "./looks";
import { along, HEIGHT, type Box, type Drawn } from "./scene";
import type { Marks, Painter } from "./svg";

/** More boxes and edges in sight than this are too many to draw in each frame. */
const SWIFT = 1200;
const STILL = 160;
/** Boxes or edges that are painted between two pauses, and milliseconds of a slice. */
const PIECE = 300;
const SLICE = 7;
const PICTURE = 2048;
const RINGS: Record<string, string> = { "wb-hit": "#e69f00", "wb-produced": "#009e73", "wb-changed": "#0072b2", "wb-gone": "#d55e00", "wb-linked": "#cc79a7", "wb-selected": "" };

interface Colours extends Palette { accent: string }

export class CanvasPainter implements Painter {
  readonly element = el("canvas", { class: "wb-drawing", "aria-hidden": "true" });
  private drawn: Drawn | null = null;
  private groups: Group[] = [];
  private marks: Marks = new Map();
  private now: View = { x: 0, y: 0, k: 1 };
  private picture: HTMLCanvasElement | null = null;
  private low = new Float64Array(0);
  private high = new Float64Array(0);
  private frame = 0;
  private still = 0;
  private picturing = 0;
  private shown = false;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private shapes = new Map<string, Path2D>();

  draw(drawn: Drawn, groups: Group[], marks: Marks): void {
    [this.drawn, this.groups, this.marks, this.picture] = [drawn, groups, marks, null];
    const { start, points } = drawn.layout.routes, edges = drawn.src.length;
    // What each edge reaches over, upwards and sideways: left and right in turn, then top and bottom.
    this.low = new Float64Array(2 * edges).fill(Infinity);
    this.high = new Float64Array(2 * edges).fill(-Infinity);
    for (let e = 0; e < edges; e++) {
      for (let p = start[e]; p < start[e + 1]; p++) {
        const at = 2 * e + (p % 2);
        if (points[p] < this.low[at]) this.low[at] = points[p];
        if (points[p] > this.high[at]) this.high[at] = points[p];
      }
    }
    this.shown = false;
    this.pictured();
    this.later(false);
  }

  marked(marks: Marks): void {
    this.marks = marks;
    this.later(false);
  }

  view(view: View, moving: boolean): void {
    this.now = view;
    this.later(moving);
  }

  private later(moving: boolean): void {
    cancelAnimationFrame(this.frame);
    clearTimeout(this.timer);
    cancelAnimationFrame(this.still);
    this.frame = requestAnimationFrame(() => {
      if (!this.render(moving)) this.timer = setTimeout(() => this.render(false), STILL);
    });
  }

  /** Draw what is in sight; `false` if only the picture of the whole was moved. */
  private render(moving: boolean): boolean {
    const context = this.element.getContext?.("2d");
    const { clientWidth: w, clientHeight: h } = this.element;
    if (!context || !this.drawn || !w || !h) return true;
    const ratio = globalThis.devicePixelRatio || 1;
    if (this.element.width !== Math.round(w * ratio) || this.element.height !== Math.round(h * ratio)) {
      this.element.width = Math.round(w * ratio);
      this.element.height = Math.round(h * ratio);
    }
    const { x, y, k } = this.now, { width, height } = this.drawn.layout;
    const seen = this.inSight(-x / k, -y / k, (w - x) / k, (h - y) / k);
    const place = (c: CanvasRenderingContext2D) => c.setTransform(ratio * k, 0, 0, ratio * k, ratio * x, ratio * y);
    const clear = () => {
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.clearRect(0, 0, this.element.width, this.element.height);
      place(context);
    };
    if (seen.boxes.length + seen.edges.length <= SWIFT) {
      clear();
      for (const _ of this.paint(context, seen, k, this.colours()));
      return true;
    }
    if (moving || !this.shown) {
      clear();
      if (this.picture) context.drawImage(this.picture, 0, 0, width, height);
      else for (const _ of this.paint(context, { boxes: seen.boxes, edges: [] }, k, this.colours()));
      this.shown = true;
      if (moving) return false;
    }
    const sheet = el("canvas", { width: this.element.width, height: this.element.height }), c = sheet.getContext("2d")!;
    place(c);
    this.still = sliced(this.paint(c, seen, k, this.colours()), c, (number) => (this.still = number), () => {
      clear();
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.drawImage(sheet, 0, 0);
    });
    return true;
  }

  private inSight(left: number, top: number, right: number, bottom: number): { boxes: number[]; edges: number[] } {
    const { boxes, layout, src } = this.drawn!;
    const found: number[] = [], edges: number[] = [];
    for (let i = 0; i < boxes.length; i++) {
      const half = boxes[i].width / 2;
      if (layout.x[i] + half > left && layout.x[i] - half < right && layout.y[i] + HEIGHT > top && layout.y[i] - HEIGHT < bottom) found.push(i);
    }
    for (let e = 0; e < src.length; e++) {
      if (this.high[2 * e] > left && this.low[2 * e] < right && this.high[2 * e + 1] > top && this.low[2 * e + 1] < bottom) edges.push(e);
    }
    return { boxes: found, edges };
  }

  /** Make the picture that is moved about, in slices. */
  private pictured(): void {
    cancelAnimationFrame(this.picturing);
    const { width, height } = this.drawn!.layout, k = Math.min(1, PICTURE / width, PICTURE / height);
    const sheet = el("canvas", { width: Math.max(1, Math.round(width * k)), height: Math.max(1, Math.round(height * k)) }), c = sheet.getContext?.("2d");
    if (!c) return;
    c.scale(k, k);
    this.picturing = sliced(this.paint(c, this.inSight(0, 0, width, height), k, this.colours()), c, (number) => (this.picturing = number), () => (this.picture = sheet));
  }

  private colours(): Colours {
    const style = getComputedStyle(this.element), of = (name: string, other: string) => style.getPropertyValue(name).trim() || other;
    return { ink: of("--ink", "#222"), quiet: of("--quiet", "#666"), paper: of("--paper", "#fff"), edge: of("--edge", "#888"), accent: of("--accent", "#0072b2") };
  }

  /** Paint what is seen; pauses are between pieces of some milliseconds. */
  private *paint(c: CanvasRenderingContext2D, seen: { boxes: number[]; edges: number[] }, k: number, colours: Colours): Generator<void> {
    const { boxes, layout, frames, src, dst } = this.drawn!;
    const detail = detailAt(k), far = k < 0.2;
    c.lineJoin = "round";
    for (const f of layout.frames) {
      const group = this.groups[frames[f.frame]], plate = group.kind === "plate", size = frameText(k);
      c.strokeStyle = lookOf(group.kind).stroke || colours.quiet;
      c.lineWidth = Math.max(1, 0.8 / k);
      c.strokeRect(f.x, f.y, f.width, f.height);
      c.font = `${size}px system-ui, sans-serif`;
      c.fillStyle = colours.quiet;
      c.textAlign = plate ? "right" : "left";
      c.fillText(fitting(`${plate ? "" : "▾ "}${group.label}`, size, f.width - 12), plate ? f.x + f.width - 8 : f.x + 8, plate ? f.y + f.height - 8 : f.y + 6 + size * 0.8);
    }
    const chosen = this.marks.get("wb-selected");
    const { start, points } = layout.routes;
    const edge = (e: number) => {
      if (!far) {
        along(points, start[e], start[e + 1], (x, y) => c.moveTo(x, y), (a, b, d, f, g, h) => c.bezierCurveTo(a, b, d, f, g, h), (x, y) => c.lineTo(x, y));
        const x = points[start[e + 1] - 2], y = points[start[e + 1] - 1];
        c.moveTo(x - 3.5, y - 6);
        c.lineTo(x, y);
        c.lineTo(x + 3.5, y - 6);
        return;
      }
      c.moveTo(points[start[e]], points[start[e] + 1]);
      for (let p = start[e] + 2; p < start[e + 1]; p += 2) c.lineTo(points[p], points[p + 1]);
    };
    const stroke = (which: number[], colour: string, width: number) => {
      c.strokeStyle = colour;
      c.lineWidth = width;
      c.beginPath();
      for (const e of which) edge(e);
      c.stroke();
    };
    const lit = chosen?.size ? seen.edges.filter((e) => chosen.has(boxes[src[e]].id) || chosen.has(boxes[dst[e]].id)) : [];
    c.globalAlpha = far ? 0.35 : 0.75;
    for (let e = 0; e < seen.edges.length; e += PIECE) {
      stroke(seen.edges.slice(e, e + PIECE), colours.edge, Math.max(1, 0.5 / k));
      yield;
    }
    c.globalAlpha = far ? 0.35 : 0.75;
    c.globalAlpha = 1;
    stroke(lit, colours.accent, Math.max(2, 1.5 / k));
    // All boxes of a kind in one stroke.
    const kinds = new Map<string, number[]>();
    for (const i of seen.boxes) {
      const kind = boxes[i].kind + boxes[i].side, known = kinds.get(kind);
      if (known) known.push(i);
      else kinds.set(kind, [i]);
    }
    const faint = this.marks.get("wb-pale");
    const pieces = [...kinds.values()].flatMap((those) => Array.from({ length: Math.ceil(those.length / PIECE) }, (_, i) => those.slice(i * PIECE, (i + 1) * PIECE)));
    for (const those of pieces) {
      yield;
      const { kind, side } = boxes[those[0]], look = lookOf(kind), all = new Path2D();
      for (const i of those) {
        if (far) all.rect(layout.x[i] - boxes[i].width / 2, layout.y[i] - HEIGHT / 2, boxes[i].width, HEIGHT);
        else all.addPath(this.shape(boxes[i]), { e: layout.x[i], f: layout.y[i] });
      }
      c.fillStyle = colours.paper;
      c.fill(all);
      if (look.share) {
        c.globalAlpha = look.share / 100;
        c.fillStyle = look.tint;
        c.fill(all);
        c.globalAlpha = 1;
      }
      c.strokeStyle = ["", "#d55e00", "#009e73"][side] || look.stroke || colours.quiet;
      c.lineWidth = Math.max(look.width, 0.6 / k);
      c.setLineDash(side === 1 ? [2, 3] : far ? [] : look.dash.split(" ").map(Number).filter(Boolean));
      c.stroke(all);
    }
    c.setLineDash([]);
    for (const [name, colour] of Object.entries(RINGS)) {
      const ids = this.marks.get(name);
      if (!ids?.size) continue;
      c.strokeStyle = colour || colours.accent;
      c.lineWidth = Math.max(3, 2 / k);
      c.beginPath();
      for (const i of seen.boxes) if (ids.has(boxes[i].id)) c.rect(layout.x[i] - boxes[i].width / 2, layout.y[i] - HEIGHT / 2, boxes[i].width, HEIGHT);
      c.stroke();
    }
    if (!detail.name) return;
    c.textAlign = "center";
    for (const i of seen.boxes) {
      const box = boxes[i], x = layout.x[i], y = layout.y[i];
      if (faint?.has(box.id)) c.globalAlpha = 0.3;
      c.font = `${detail.name}px system-ui, sans-serif`;
      c.fillStyle = colours.ink;
      c.fillText(`${["", "− ", "+ "][box.side]}${nameOf(box, detail)}`, x, y + (detail.said ? -2 : detail.name * 0.36));
      if (detail.said) {
        c.font = "10.5px system-ui, sans-serif";
        c.fillStyle = colours.quiet;
        c.fillText(box.said, x, y + 12);
      }
      c.globalAlpha = 1;
    }
  }

  private shape(box: Box): Path2D {
    const shape = box.group >= 0 ? "stack" : lookOf(box.kind).shape, name = `${shape}${box.width}`;
    let found = this.shapes.get(name);
    if (!found) this.shapes.set(name, (found = new Path2D(outline(shape, box.width, HEIGHT))));
    return found;
  }

  at(event: MouseEvent): { box: number; open: boolean } | { frame: number } | null {
    if (!this.drawn) return null;
    const place = this.element.getBoundingClientRect(), { boxes, layout, frames } = this.drawn;
    const x = (event.clientX - place.left - this.now.x) / this.now.k, y = (event.clientY - place.top - this.now.y) / this.now.k;
    for (let i = 0; i < boxes.length; i++) {
      if (Math.abs(x - layout.x[i]) <= boxes[i].width / 2 && Math.abs(y - layout.y[i]) <= HEIGHT / 2) {
        return { box: boxes[i].id, open: boxes[i].group >= 0 && x > layout.x[i] + boxes[i].width / 2 - 30 };
      }
    }
    for (const f of [...layout.frames].reverse()) {
      const plate = this.groups[frames[f.frame]].kind === "plate", size = frameText(this.now.k) + 8;
      const inName = plate ? y > f.y + f.height - size && y < f.y + f.height : y > f.y && y < f.y + size;
      if (x > f.x && x < f.x + f.width && inName) return { frame: frames[f.frame] };
    }
    return null;
  }

  close(): void {
    for (const number of [this.frame, this.still, this.picturing]) cancelAnimationFrame(number);
    clearTimeout(this.timer);
    this.element.remove();
  }
}

/** Go through a painting a slice a frame; `frame` is told the number of each. */
function sliced(painting: Generator<void>, context: CanvasRenderingContext2D, frame: (number: number) => void, done: () => void): number {
  const go = () => {
    const begun = performance.now();
    while (performance.now() - begun < SLICE) {
      if (painting.next().done) return done();
      // Browsers put painting off: this has it done now, as part of the slice.
      context.getImageData(0, 0, 1, 1);
    }
    frame(requestAnimationFrame(go));
  };
  return requestAnimationFrame(go);
}
