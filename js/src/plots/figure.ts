// A figure: a caption and a drawing on a canvas, made anew when what it shows has changed and it can be seen.
import { el, number } from "../shared/dom";

// Okabe and Ito's colours, told apart by dashes too.
export const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];
export const DASHES = [[], [6, 3], [2, 3], [8, 3, 2, 3], [4, 2], [1, 2]];


/** Draws figures one a frame, so that no frame is long. */
export class Frames {
  private waiting = new Set<Figure>();
  private frame = 0;

  add(figure: Figure): void {
    this.waiting.add(figure);
    if (!this.frame) this.frame = requestAnimationFrame(() => this.next());
  }

  drop(figure: Figure): void {
    this.waiting.delete(figure);
  }

  close(): void {
    cancelAnimationFrame(this.frame);
    this.waiting.clear();
  }

  private next(): void {
    this.frame = 0;
    const begun = performance.now();
    for (const figure of this.waiting) {
      this.waiting.delete(figure);
      figure.drawNow();
      if (performance.now() - begun > 4) break;
    }
    if (this.waiting.size) this.frame = requestAnimationFrame(() => this.next());
  }
}

const MARGIN = { left: 46, right: 8, top: 6, bottom: 18 };
/** Height that a figure takes for what is not its drawing. */
export const FIGURE_MARGIN = MARGIN.top + MARGIN.bottom;

/** What draws: the canvas, and where data lie on it. */
export class Pen {
  readonly left = MARGIN.left;
  readonly top = MARGIN.top;
  readonly right: number;
  readonly bottom: number;
  private xs: [number, number] = [0, 1];
  private ys: [number, number] = [0, 1];

  constructor(readonly c: CanvasRenderingContext2D, readonly width: number, readonly height: number, readonly ink: string) {
    this.right = width - MARGIN.right;
    this.bottom = height - MARGIN.bottom;
  }

  /** The ranges of both axes, with some room at the ends. */
  axes(x: [number, number], y: [number, number], labels: { x?: boolean; y?: boolean } = {}): void {
    this.xs = x;
    this.ys = y;
    const { c } = this;
    c.font = "11px system-ui, sans-serif";
    c.lineWidth = 1;
    c.strokeStyle = this.ink;
    c.globalAlpha = 0.25;
    c.strokeRect(this.left + 0.5, this.top + 0.5, this.right - this.left - 1, this.bottom - this.top - 1);
    c.globalAlpha = 0.85;
    c.fillStyle = this.ink;
    if (labels.x !== false) {
      for (const t of ticks(x, Math.max(2, Math.floor((this.right - this.left) / 70)))) this.under(number(t, 4), this.x(t));
    }
    if (labels.y !== false) {
      c.textBaseline = "middle";
      c.textAlign = "right";
      for (const t of ticks(y, Math.max(2, Math.floor((this.bottom - this.top) / 26)))) c.fillText(number(t, 4), this.left - 4, this.y(t));
    }
    c.globalAlpha = 1;
  }

  /** A word under the axis, as near to its place as there is room. */
  under(text: string, x: number): void {
    const half = this.c.measureText(text).width / 2;
    this.c.textBaseline = "top";
    this.c.textAlign = "center";
    this.c.fillText(text, Math.min(Math.max(x, half), this.width - half), this.bottom + 4);
  }

  x(v: number): number {
    return this.left + ((v - this.xs[0]) / (this.xs[1] - this.xs[0])) * (this.right - this.left);
  }

  y(v: number): number {
    return this.bottom - ((v - this.ys[0]) / (this.ys[1] - this.ys[0])) * (this.bottom - this.top);
  }

  /** What is drawn stays between the axes. */
  inside(draw: () => void): void {
    this.c.save();
    this.c.beginPath();
    this.c.rect(this.left, this.top, this.right - this.left, this.bottom - this.top);
    this.c.clip();
    draw();
    this.c.restore();
  }

  line(points: Iterable<[number, number]>, colour: string, { width = 1, dash = [] as number[], alpha = 1 } = {}): void {
    const { c } = this;
    c.strokeStyle = colour;
    c.lineWidth = width;
    c.globalAlpha = alpha;
    c.setLineDash(dash);
    c.beginPath();
    let pen = false;
    for (const [x, y] of points) {
      if (!Number.isFinite(x) || !Number.isFinite(y)) pen = false;
      else if (pen) c.lineTo(x, y);
      else {
        c.moveTo(x, y);
        pen = true;
      }
    }
    c.stroke();
    c.setLineDash([]);
    c.globalAlpha = 1;
  }

  text(text: string, x: number, y: number, align: CanvasTextAlign = "left", colour = this.ink): void {
    const { c } = this;
    c.font = "11px system-ui, sans-serif";
    c.textBaseline = "middle";
    c.textAlign = align;
    c.fillStyle = colour;
    c.fillText(text, x, y);
  }
}

export function ticks([low, high]: [number, number], most: number): number[] {
  const raw = (high - low) / most;
  if (!(raw > 0) || !Number.isFinite(raw)) return [];
  const unit = 10 ** Math.floor(Math.log10(raw));
  const step = unit * ([1, 2, 5, 10].find((m) => m * unit >= raw) ?? 10);
  const found = [];
  for (let i = Math.ceil(low / step); i * step <= high + 1e-9 * step && found.length < 50; i++) found.push(i * step);
  return found;
}

export class Figure {
  readonly element: HTMLElement;
  private readonly caption = el("figcaption");
  private readonly canvas = el("canvas", { role: "img" });
  private visible = typeof IntersectionObserver === "undefined";
  private stale = true;
  private readonly observers: { disconnect(): void }[] = [];

  constructor(private readonly frames: Frames, private readonly height: number, private readonly draw: (pen: Pen) => void, kind = "", controls?: HTMLElement) {
    this.canvas.style.height = `${height}px`;
    this.element = el("figure", { class: `wb-figure ${kind}` }, this.caption, controls, this.canvas);
    if (typeof IntersectionObserver !== "undefined") {
      const seen = new IntersectionObserver((entries) => {
        this.visible = entries[entries.length - 1].isIntersecting;
        if (this.visible && this.stale) this.frames.add(this);
      });
      seen.observe(this.element);
      this.observers.push(seen);
    }
    if (typeof ResizeObserver !== "undefined") {
      const sized = new ResizeObserver(() => this.redraw());
      sized.observe(this.element);
      this.observers.push(sized);
    }
  }

  /** What it shows, in a line above it, and in words for who cannot see it. */
  say(caption: string, label = caption, bad = false): void {
    if (this.caption.textContent !== caption) this.caption.textContent = caption;
    this.caption.classList.toggle("wb-warn", bad);
    if (this.canvas.getAttribute("aria-label") !== label) this.canvas.setAttribute("aria-label", label);
  }

  redraw(): void {
    this.stale = true;
    if (this.visible) this.frames.add(this);
  }

  drawNow(): void {
    const width = Math.floor(this.canvas.clientWidth || this.element.clientWidth);
    const c = this.canvas.getContext?.("2d");
    if (!width || !c) return;
    this.stale = false;
    const scale = globalThis.devicePixelRatio || 1;
    if (this.canvas.width !== Math.round(width * scale) || this.canvas.height !== Math.round(this.height * scale)) {
      this.canvas.width = Math.round(width * scale);
      this.canvas.height = Math.round(this.height * scale);
    }
    c.setTransform(scale, 0, 0, scale, 0, 0);
    c.clearRect(0, 0, width, this.height);
    this.draw(new Pen(c, width, this.height, getComputedStyle(this.element).color || "#444"));
  }

  close(): void {
    this.frames.drop(this);
    for (const o of this.observers) o.disconnect();
  }
}
