// A value at a glance: nothing for a number, a line for a vector, its spread for a long one, a picture for a matrix.
import { svg } from "../shared/dom";

const W = 240;
const H = 56;
const BARS = 40;
/** Longer vectors are shown by how often values occur. */
const LONG = 240;

export function thumbnail(shape: number[], values: ArrayLike<number> | undefined): SVGElement | null {
  if (!values || values.length < 2 || !shape.length) return null;
  const finite = Array.from(values).filter(Number.isFinite);
  if (!finite.length) return null;
  const low = finite.reduce((a, b) => Math.min(a, b)), high = finite.reduce((a, b) => Math.max(a, b)), span = high - low || 1;
  if (shape.length === 2 && shape[0] > 1 && shape[1] > 1 && shape[0] * shape[1] === values.length) return heatmap(shape, values, low, span);
  const root = svg("svg", { class: "wb-thumbnail", viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": `from ${low.toPrecision(4)} to ${high.toPrecision(4)}` });
  if (values.length > LONG) {
    const counts = new Array<number>(BARS).fill(0);
    for (const v of finite) counts[Math.min(BARS - 1, Math.floor(((v - low) / span) * BARS))]++;
    const most = Math.max(...counts);
    counts.forEach((n, i) => root.append(svg("rect", { x: (i * W) / BARS, y: H - (n / most) * H, width: W / BARS - 0.6, height: (n / most) * H, class: "wb-thumb-bar" })));
    return root;
  }
  const x = (i: number) => 3 + (i / (values.length - 1)) * (W - 6), y = (v: number) => H - 4 - ((v - low) / span) * (H - 8);
  // Where a value is no number, the line breaks.
  let d = "", pen = false;
  for (let i = 0; i < values.length; i++) {
    if (!Number.isFinite(values[i])) {
      pen = false;
      continue;
    }
    d += `${pen ? "L" : "M"}${x(i).toFixed(1)},${y(values[i]).toFixed(1)}`;
    pen = true;
  }
  root.append(svg("path", { d, class: "wb-thumb-line" }));
  return root;
}

function heatmap([rows, columns]: number[], values: ArrayLike<number>, low: number, span: number): SVGElement {
  const k = Math.min(W / columns, 110 / rows), root = svg("svg", { class: "wb-thumbnail", viewBox: `0 0 ${columns * k} ${rows * k}`, style: `width:${columns * k}px;height:${rows * k}px`, role: "img", "aria-label": `${rows} by ${columns}, from ${low.toPrecision(4)} to ${(low + span).toPrecision(4)}` });
  for (let i = 0; i < values.length; i++) {
    const v = values[i];
    root.append(svg("rect", { x: (i % columns) * k, y: Math.floor(i / columns) * k, width: k + 0.3, height: k + 0.3, ...(Number.isFinite(v) ? { fill: "#0072b2", "fill-opacity": 0.06 + (0.94 * (v - low)) / span } : { fill: "#d55e00" }) }));
  }
  return root;
}
