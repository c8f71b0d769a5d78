// The plots of draws, each a function that draws with a pen.
import { apart, decimate, density, type Element, extent, rankCounts, settled } from "./draws";
import { COLOURS, DASHES, type Pen } from "./figure";

const colour = (chain: number) => COLOURS[chain % COLOURS.length];
const dash = (chain: number) => DASHES[chain % DASHES.length];
const WARM_UP = 0.14;
const GRID = 120;

function nothing(pen: Pen, words: string): void {
  pen.text(words, (pen.left + pen.right) / 2, (pen.top + pen.bottom) / 2, "center");
}

/** All chains; warm-up takes a narrow strip as soon as there are draws after it. Divergences along the foot. */
export function trace(pen: Pen, e: Element, total: number, skipWarmup: boolean): void {
  const range = extent(e);
  if (!range) return nothing(pen, "no draws yet");
  const pad = 0.05 * (range[1] - range[0]);
  const tune = Math.ceil(e.tune / e.stride), end = Math.max(1, Math.ceil(total / e.stride));
  const made = Math.max(...e.chains.map((c) => c.length));
  const tuning = made <= tune;
  const strip = tuning || !tune ? 0 : skipWarmup ? 0 : WARM_UP;
  const width = pen.right - pen.left;
  const last = tuning ? Math.max(1, tune) : Math.max(tune + 1, Math.min(end, made));
  pen.axes(tuning ? [0, last * e.stride] : [0, (last - tune) * e.stride], [range[0] - pad, range[1] + pad], { x: tuning || strip === 0 });
  const x = tuning ? (i: number) => pen.left + (i / last) * width
    : (i: number) => (i < tune ? pen.left + (i / tune) * strip * width : pen.left + (strip + (1 - strip) * ((i - tune) / Math.max(1, last - tune))) * width);
  if (!tuning && strip > 0) {
    for (const [share, at] of [[0, tune], [0.5, tune + (last - tune) / 2], [1, last]]) {
      pen.text(Math.round((at - tune) * e.stride).toLocaleString("en"), x(at), pen.bottom + 9, share === 1 ? "right" : "center");
    }
  }
  pen.inside(() => {
    if (tuning || strip > 0) {
      pen.c.fillStyle = "rgba(128,128,128,.16)";
      pen.c.fillRect(pen.left, pen.top, tuning ? width : strip * width, pen.bottom - pen.top);
    }
    e.chains.forEach((c, k) => {
      const pieces: [number, number, number][] = tuning ? [[0, c.length, width]] : [[tune, c.length, (1 - strip) * width]];
      if (!tuning && strip > 0) pieces.unshift([0, tune, strip * width]);
      for (const [first, stop, pixels] of pieces) {
        const d = decimate(c, first, stop, Math.max(10, Math.floor(pixels / 2)));
        pen.line(pairs(d, x, (v) => pen.y(v)), colour(k), { width: 0.8, alpha: 0.8 });
      }
    });
  });
  if (tuning || strip > 0) pen.text(tuning ? "warm-up" : "", pen.left + 4, pen.top + 7);
  pen.c.strokeStyle = pen.ink;
  pen.c.lineWidth = 1;
  pen.c.beginPath();
  for (const rows of e.divergent) {
    for (const row of rows) {
      const at = Math.round(x(row / e.stride)) + 0.5;
      pen.c.moveTo(at, pen.bottom);
      pen.c.lineTo(at, pen.bottom - 7);
    }
  }
  pen.c.stroke();
}

function* pairs(d: Float64Array, x: (v: number) => number, y: (v: number) => number): Iterable<[number, number]> {
  for (let i = 0; i < d.length; i += 2) yield [x(d[i]), y(d[i + 1])];
}

/** Of each chain, and of the prior if there is one. */
export function densities(pen: Pen, e: Element): void {
  const parts = settled(e), range = extent(e);
  if (!range || Math.max(...parts.map((p) => p.length)) < 10) return nothing(pen, "no draws after warm-up yet");
  let [low, high] = range;
  const pad = 0.08 * (high - low);
  [low, high] = [low - pad, high + pad];
  const curves = parts.map((p) => density(p, low, high, GRID));
  const prior = e.prior?.length ? density(e.prior, low, high, GRID) : null;
  const top = Math.max(...curves.map((c) => Math.max(...c)), prior ? Math.max(...prior) : 0) || 1;
  pen.axes([low, high], [0, 1.08 * top], { y: false });
  const points = function* (c: Float64Array): Iterable<[number, number]> {
    for (let i = 0; i < c.length; i++) yield [pen.x(low + (i / (GRID - 1)) * (high - low)), pen.y(c[i])];
  };
  pen.inside(() => {
    if (prior) {
      pen.line(points(prior), pen.ink, { width: 2, alpha: 0.45, dash: [3, 3] });
    }
    curves.forEach((c, k) => pen.line(points(c), colour(k), { width: 1.5, dash: dash(k) }));
  });
  if (prior) pen.text("dotted grey: prior", pen.right - 4, pen.top + 8, "right");
}

const BINS = 20;

/** A row for each chain: bars say how often its draws have ranks of each size among all. Even bars are what is hoped for. */
export function ranks(pen: Pen, e: Element): void {
  const parts = settled(e);
  const counts = rankCounts(parts, BINS);
  if (!counts.length || Math.min(...parts.map((p) => p.length)) < 40) return nothing(pen, "too few draws after warm-up");
  const rows = counts.length, height = (pen.bottom - pen.top) / rows, width = (pen.right - pen.left) / BINS;
  pen.axes([0, 1], [0, 1], { x: false, y: false });
  counts.forEach((row, k) => {
    const foot = pen.top + (k + 1) * height, sum = row.reduce((a, b) => a + b, 0) || 1, even = sum / BINS;
    const y = (v: number) => foot - Math.min(1, v / (2.5 * even)) * (height - 2);
    pen.c.fillStyle = colour(k);
    for (let b = 0; b < BINS; b++) {
      const odd = Math.abs(row[b] - even) > 3 * Math.sqrt(even * (1 - 1 / BINS));
      pen.c.globalAlpha = odd ? 0.95 : 0.5;
      pen.c.fillRect(pen.left + b * width + 0.5, y(row[b]), width - 1, foot - y(row[b]));
    }
    pen.c.globalAlpha = 1;
    pen.line([[pen.left, y(even)], [pen.right, y(even)]], pen.ink, { dash: [4, 3], alpha: 0.7 });
    pen.text(`chain ${k}`, pen.left - 4, foot - height / 2, "right");
  });
  pen.text("low ranks", pen.left, pen.bottom + 10);
  pen.text("high ranks", pen.right, pen.bottom + 10, "right");
}

const MOST_POINTS = 3000;

/** Two elements against each other; draws that diverged are crosses. */
export function scatter(pen: Pen, a: Element, b: Element): void {
  const xs = settled(a), ys = settled(b), rangeX = extent(a), rangeY = extent(b);
  if (!rangeX || !rangeY || !xs[0]?.length || !ys[0]?.length) return nothing(pen, "no draws after warm-up yet");
  const wide = ([low, high]: [number, number]): [number, number] => [low - 0.05 * (high - low), high + 0.05 * (high - low)];
  pen.axes(wide(rangeX), wide(rangeY));
  const { c } = pen;
  pen.inside(() => {
    xs.forEach((x, k) => {
      const y = ys[k], n = Math.min(x.length, y.length), step = Math.max(1, Math.ceil((n * xs.length) / MOST_POINTS));
      c.fillStyle = colour(k);
      c.globalAlpha = 0.35;
      for (let i = 0; i < n; i += step) c.fillRect(pen.x(x[i]) - 1, pen.y(y[i]) - 1, 2.2, 2.2);
    });
    c.globalAlpha = 1;
    c.strokeStyle = pen.ink;
    c.lineWidth = 1.6;
    c.beginPath();
    a.divergent.forEach((rows, k) => {
      for (const row of rows) {
        const i = Math.round((row - a.tune) / a.stride);
        if (!(i < xs[k].length && i < ys[k].length)) continue;
        const px = pen.x(xs[k][i]), py = pen.y(ys[k][i]);
        c.moveTo(px - 4, py - 4);
        c.lineTo(px + 4, py + 4);
        c.moveTo(px - 4, py + 4);
        c.lineTo(px + 4, py - 4);
      }
    });
    c.stroke();
  });
}

export interface Diagnostics { energy?: Float64Array; change?: Float64Array; reach?: Float64Array; leapfrogs?: Float64Array; step?: Float64Array; bfmi: number | null; timed: boolean }

/** Energies about their mean, and how they change from draw to draw: where changes are narrower, tails are hardly explored. */
export function energy(pen: Pen, chains: Diagnostics[]): void {
  const known = chains.filter((d) => d.energy?.length);
  if (!known.length) return nothing(pen, "this method has no energy");
  const reach = Math.max(...known.map((d) => d.reach![0]));
  const top = Math.max(...known.flatMap((d) => [Math.max(...d.energy!), Math.max(...d.change!)]));
  pen.axes([-reach, reach], [0, 1.1 * top], { y: false });
  pen.inside(() => {
    chains.forEach((d, k) => {
      if (!d.energy?.length) return;
      const at = (v: Float64Array) => [...v].map((y, i): [number, number] => [pen.x(-d.reach![0] + ((i + 0.5) / v.length) * 2 * d.reach![0]), pen.y(y)]);
      pen.line(at(d.energy), colour(k), { width: 1.5 });
      pen.line(at(d.change!), colour(k), { width: 1.5, dash: [3, 3] });
    });
  });
  pen.text("line: energy", pen.left + 6, pen.top + 9);
  pen.text("dashes: its changes", pen.right - 6, pen.top + 9, "right");
}

/** Which share of each chain's draws took 1 leapfrog, 2 or 3, 4 to 7, ...: a tree of depth d takes up to 2^d - 1, trajectories of one time as many as they do. */
export function leapfrogs(pen: Pen, chains: Diagnostics[]): void {
  const known = chains.filter((d) => d.leapfrogs?.length);
  if (!known.length) return nothing(pen, "this method has no trajectories");
  const most = Math.max(...known.map((d) => d.leapfrogs!.length));
  const first = Math.min(...known.map((d) => d.leapfrogs!.findIndex((n) => n > 0)).filter((i) => i >= 0), most - 1);
  const sums = known.map((d) => d.leapfrogs!.reduce((a, b) => a + b, 0) || 1);
  const top = Math.max(...known.map((d, k) => Math.max(...d.leapfrogs!) / sums[k]));
  pen.axes([first - 0.6, most - 0.4], [0, 1.1 * top], { x: false });
  const room = pen.x(1) - pen.x(0), width = room * 0.8 / known.length;
  for (let i = first; i < most; i++) {
    const from = 2 ** i, to = 2 * from - 1;
    // What has no room for both ends says the first.
    pen.text(from === to ? "1" : room > 64 ? `${from} to ${to}` : `${from}`, pen.x(i), pen.bottom + 9, "center");
  }
  known.forEach((d, k) => {
    pen.c.fillStyle = colour(k);
    d.leapfrogs!.forEach((n, i) => {
      const y = pen.y(n / sums[k]);
      pen.c.fillRect(pen.x(i) - (known.length / 2 - k) * width, y, Math.max(1, width - 0.5), pen.bottom - y);
    });
  });
}

/** What the figure of leapfrogs shows, and which chains make their draws without trees: in short, and whole. */
export function saidOfLeapfrogs(chains: Diagnostics[], names: (string | number)[]): [string, string] {
  const timed = names.filter((_, k) => chains[k]?.timed);
  const which = timed.length === names.length ? "all chains" : timed.length === 1 ? `chain ${timed[0]}` : `chains ${timed.join(", ")}`;
  const short = `Leapfrogs a draw${timed.length ? `; ${which} without trees` : ""}`;
  return [short, `${short}${timed.length ? ", by trajectories of one time" : ""}; after warm-up`];
}

/** Step sizes on their way, on a scale of powers. */
export function steps(pen: Pen, chains: Diagnostics[]): void {
  const known = chains.map((d) => [...(d.step ?? [])].map((v) => Math.log10(v)));
  const all = known.flat().filter(Number.isFinite);
  if (!all.length) return nothing(pen, "this method has no step size");
  const [low, high] = apart(Math.min(...all), Math.max(...all));
  const longest = Math.max(...known.map((d) => d.length));
  pen.axes([0, longest], [low, high], { x: false, y: false });
  for (const v of [low, high]) pen.text((10 ** v).toPrecision(2), pen.left - 4, Math.min(pen.bottom - 6, Math.max(pen.top + 6, pen.y(v))), "right");
  pen.inside(() => known.forEach((d, k) => pen.line(d.map((v, i): [number, number] => [pen.x(i), pen.y(v)]), colour(k), { dash: dash(k) })));
  pen.text("first draw of warm-up", pen.left, pen.bottom + 10);
  pen.text("last draw", pen.right, pen.bottom + 10, "right");
}

export interface Forest { name: string[]; low: Float64Array; quarter: Float64Array; median: Float64Array; three_quarters: Float64Array; high: Float64Array }

export const FOREST_ROW = 15;

/** Medians, halves and 90 % of the elements of a variable, a line each. */
export function forest(pen: Pen, f: Forest): void {
  const finite = (x: Float64Array) => [...x].filter(Number.isFinite);
  const [low, high] = apart(Math.min(...finite(f.low)), Math.max(...finite(f.high)));
  const pad = 0.03 * (high - low), names = Math.min(170, 0.3 * pen.width);
  const x = (v: number) => names + 10 + ((v - low + pad) / (high - low + 2 * pad)) * (pen.right - names - 10);
  const { c } = pen;
  if (low < 0 && high > 0) pen.line([[x(0), pen.top], [x(0), pen.bottom]], pen.ink, { alpha: 0.3, dash: [2, 3] });
  f.name.forEach((name, i) => {
    const y = pen.top + (i + 0.5) * FOREST_ROW;
    pen.line([[x(f.low[i]), y], [x(f.high[i]), y]], COLOURS[0], { width: 1.2 });
    pen.line([[x(f.quarter[i]), y], [x(f.three_quarters[i]), y]], COLOURS[0], { width: 3.5 });
    c.fillStyle = pen.ink;
    c.beginPath();
    c.arc(x(f.median[i]), y, 2.6, 0, 7);
    c.fill();
    pen.text(shortened(c, name, names), names + 2, y, "right");
  });
  for (const v of [low, (low + high) / 2, high]) pen.text(v.toPrecision(3), x(v), pen.bottom + 9, v === high ? "right" : v === low ? "left" : "center");
}

function shortened(c: CanvasRenderingContext2D, text: string, width: number): string {
  if (c.measureText(text).width <= width) return text;
  let n = Math.min(text.length, 60);
  while (n > 1 && c.measureText(`${text.slice(0, n)}…`).width > width) n--;
  return `${text.slice(0, n)}…`;
}

export interface Predicted { whole: boolean; grid: number[]; curves?: number[][]; data: number[]; low?: number[]; high?: number[]; replicates: number; values: number; numbers: [string, number | null, number, number, number | null][] }

/** Replicates of the data, thin, and the data, thick. */
export function predictive(pen: Pen, p: Predicted): void {
  if (p.whole) {
    const top = Math.max(...p.high!, ...p.data, 0.01);
    const [first, last] = [p.grid[0], p.grid[p.grid.length - 1]];
    pen.axes([first - 0.6, last + 0.6], [0, 1.08 * top]);
    const width = (pen.x(1) - pen.x(0)) * 0.7;
    p.grid.forEach((g, i) => {
      pen.c.fillStyle = COLOURS[5];
      pen.c.globalAlpha = 0.6;
      pen.c.fillRect(pen.x(g) - width / 2, pen.y(p.high![i]), width, Math.max(1, pen.y(p.low![i]) - pen.y(p.high![i])));
      pen.c.globalAlpha = 1;
      if (p.data.length) pen.line([[pen.x(g) - width / 2, pen.y(p.data[i])], [pen.x(g) + width / 2, pen.y(p.data[i])]], pen.ink, { width: 2 });
    });
    return;
  }
  const [low, high, n] = p.grid;
  const top = Math.max(...p.curves!.map((c) => Math.max(...c)), ...p.data, 1e-300);
  pen.axes([low, high], [0, 1.08 * top], { y: false });
  const at = (c: number[]) => c.map((y, i): [number, number] => [pen.x(low + (i / (n - 1)) * (high - low)), pen.y(y)]);
  pen.inside(() => {
    for (const c of p.curves!) pen.line(at(c), COLOURS[5], { alpha: 0.45 });
    if (p.data.length) pen.line(at(p.data), pen.ink, { width: 2.2 });
  });
}


