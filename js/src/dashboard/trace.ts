// One variable's live trace: all chains, warm-up shaded, divergences marked along the foot.
import uPlot from "uplot";
import { el } from "../shared/dom";
import { type Column, decimate } from "./decimate";

// Okabe and Ito's colours, told apart by dashes too.
export const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];
const DASHES = [[], [6, 3], [2, 3], [8, 3, 2, 3], [4, 2], [1, 2]];

/** What warm-up runs through at first would flatten all that follows: the axis shows the draws after it, else the later half. */
export function settled(chains: Column[], tune: number): [number, number] | null {
  const most = Math.max(0, ...chains.map((c) => c.length));
  const first = most > tune + 10 ? Math.ceil(tune) : Math.floor(most / 2);
  let low = Infinity, high = -Infinity;
  for (const { values } of chains) {
    for (let i = first; i < values.length; i++) {
      if (values[i] < low) low = values[i];
      if (values[i] > high) high = values[i];
    }
  }
  if (!(low < high) || !Number.isFinite(high - low)) return null;
  const pad = 0.05 * (high - low);
  return [low - pad, high + pad];
}

/** A range that an axis can be divided on: draws all alike, or but for rounding, as of a chain that has not moved yet, have none. */
export function apart(low: number | null | undefined, high: number | null | undefined): [number, number] {
  const a = low ?? 0, b = high ?? 0, room = 1e-9 * (Math.max(Math.abs(a), Math.abs(b)) || 1);
  return b - a > room ? [a, b] : [a - room, b + room];
}

export class Trace {
  readonly element: HTMLElement;
  private plot: uPlot | null = null;
  private visible = true;
  private stale = true;

  constructor(readonly name: string, private readonly chains: Column[], private readonly run: { tune: number; total: number; stride: number; skipWarmup: boolean; divergent: Set<number>[] }) {
    const caption = el("figcaption", {}, name);
    this.element = el("figure", { class: "wb-trace", "data-name": name }, caption);
    if (typeof IntersectionObserver !== "undefined") {
      new IntersectionObserver((entries) => {
        this.visible = entries.some((e) => e.isIntersecting);
        if (this.visible) this.draw(this.stale);
      }).observe(this.element);
    }
  }

  caption(text: string): void {
    this.element.querySelector("figcaption")!.textContent = text;
  }

  draw(changed = true): void {
    this.stale = this.stale || changed;
    const width = this.element.clientWidth;
    if (!this.stale || !this.visible || !width) return;
    this.stale = false;
    const { stride } = this.run;
    const first = this.run.skipWarmup ? Math.ceil(this.run.tune / stride) : 0;
    const last = Math.max(first, ...this.chains.map((c) => c.length));
    const { x, y } = decimate(this.chains.map((c) => c.values), first, last, Math.max(50, Math.floor(width / 2)));
    const data = [stride > 1 ? x.map((i) => i * stride) : x, ...y] as uPlot.AlignedData;
    if (!this.plot) {
      this.plot = new uPlot(this.options(width), data, this.element);
    } else {
      if (this.plot.width !== width) this.plot.setSize({ width, height: 120 });
      this.plot.setData(data);
    }
  }

  private options(width: number): uPlot.Options {
    const ink = getComputedStyle(this.element).color || "#444";
    const axis = { stroke: ink, grid: { stroke: "rgba(128,128,128,.18)", width: 1 }, ticks: { show: false }, font: "11px sans-serif" };
    return {
      width, height: 120, legend: { show: false }, cursor: { drag: { x: false, y: false } }, scales: { x: { time: false }, y: { range: (_, low, high) => apart(...(settled(this.chains, this.run.tune / this.run.stride) ?? [low, high])) } },
      axes: [{ ...axis, size: 22 }, { ...axis, size: 46 }],
      series: [{}, ...this.chains.map((_, i) => ({ stroke: COLOURS[i % COLOURS.length], dash: DASHES[i % DASHES.length], width: 0.8, points: { show: false }, spanGaps: true }))],
      hooks: { drawClear: [(u) => this.shade(u)], draw: [(u) => this.marks(u)] },
    };
  }

  private shade(u: uPlot): void {
    if (this.run.skipWarmup) return;
    const { left, top, width, height } = u.bbox;
    const end = Math.min(left + width, Math.max(left, u.valToPos(this.run.tune, "x", true)));
    u.ctx.fillStyle = "rgba(128,128,128,.14)";
    u.ctx.fillRect(left, top, end - left, height);
  }

  private marks(u: uPlot): void {
    const { top, height } = u.bbox;
    u.ctx.strokeStyle = getComputedStyle(this.element).color || "#000";
    u.ctx.beginPath();
    for (const rows of this.run.divergent) {
      for (const row of rows) {
        const x = u.valToPos(row, "x", true);
        u.ctx.moveTo(x, top + height);
        u.ctx.lineTo(x, top + height - 8);
      }
    }
    u.ctx.stroke();
  }

  close(): void {
    this.plot?.destroy();
  }
}
