// A drawing as a file: SVG with its colours inside, PNG, DOT, and a page that pans and zooms by itself.
import { el, svg } from "../shared/dom";
import type { GraphData, Group } from "./data";
import { detailAt } from "./detail";
import { PRINTED } from "./looks";
import type { Drawn } from "./scene";
import { boxElement, edgeElements, frameElements } from "./svg";

const MARGIN = 16;
const LARGEST = 8000;

export function svgFile(drawn: Drawn, groups: Group[]): string {
  const { width, height } = drawn.layout, full = detailAt(1);
  const root = svg("svg", { xmlns: "http://www.w3.org/2000/svg", width: width + 2 * MARGIN, height: height + 2 * MARGIN, viewBox: `${-MARGIN} ${-MARGIN} ${width + 2 * MARGIN} ${height + 2 * MARGIN}`, style: "font-family:system-ui,sans-serif;background:#ffffff" });
  const world = svg("g", { id: "world" }, ...frameElements(drawn, groups, PRINTED, 1), ...edgeElements(drawn, PRINTED), ...drawn.boxes.map((box, i) => {
    const element = boxElement(box, PRINTED, full);
    element.setAttribute("transform", `translate(${drawn.layout.x[i]},${drawn.layout.y[i]})`);
    return element;
  }));
  root.append(world);
  return new XMLSerializer().serializeToString(root);
}

export async function pngFile(drawn: Drawn, groups: Group[]): Promise<Blob> {
  const { width, height } = drawn.layout, k = Math.min(2, LARGEST / (width + 2 * MARGIN), LARGEST / (height + 2 * MARGIN));
  const url = URL.createObjectURL(new Blob([svgFile(drawn, groups)], { type: "image/svg+xml" }));
  try {
    const image = new Image();
    await new Promise((resolve, reject) => Object.assign(image, { onload: resolve, onerror: () => reject(new Error("the browser cannot draw the picture")), src: url }));
    const canvas = el("canvas", { width: Math.round((width + 2 * MARGIN) * k), height: Math.round((height + 2 * MARGIN) * k) });
    const context = canvas.getContext("2d")!;
    context.fillStyle = PRINTED.paper;
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(image, 0, 0, canvas.width, canvas.height);
    return await new Promise((resolve, reject) => canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("the picture is too large for the browser"))), "image/png"));
  } finally {
    URL.revokeObjectURL(url);
  }
}

const SHAPES: Record<string, string> = {
  random: "shape=ellipse", observed: 'shape=ellipse, style=filled, fillcolor="#d4d4d4"', marginalized: "shape=ellipse, style=dashed", deterministic: "shape=box", potential: "shape=octagon", data: "shape=parallelogram", constant: "shape=parallelogram, style=dashed", input: "shape=ellipse",
};

/** In Graphviz's language: everything is text in quotes. */
export function dotFile(data: GraphData): string {
  const quoted = (text: string) => `"${text.replace(/[\\"]/g, "\\$&").replace(/\r?\n/g, "\\n")}"`;
  const lines = ["digraph {", "  node [shape=box, style=rounded, fontname=Helvetica];"];
  const of = new Map<number, string[]>();
  for (const n of data.nodes) {
    const line = `n${n.key} [label=${quoted(`${n.label}\n${n.type}`)}${SHAPES[n.kind] ? `, ${SHAPES[n.kind]}` : ""}];`;
    of.set(n.group, [...(of.get(n.group) ?? []), line]);
  }
  const write = (group: number, indent: string) => {
    data.groups.forEach((g, i) => {
      if (g.parent !== group) return;
      lines.push(`${indent}subgraph cluster_${i} {`, `${indent}  label=${quoted(g.label)};`);
      write(i, `${indent}  `);
      lines.push(`${indent}}`);
    });
    for (const line of of.get(group) ?? []) lines.push(indent + line);
  };
  write(-1, "  ");
  for (let e = 0; e < data.src.length; e++) lines.push(`  n${data.src[e]} -> n${data.dst[e]};`);
  return [...lines, "}", ""].join("\n");
}

/** A page of its own: the drawing, which a drag moves and the wheel zooms, and its names as text. */
export function pageFile(drawn: Drawn, groups: Group[], title: string): string {
  const text = (s: string) => s.replace(/[&<>"]/g, (c) => `&#${c.codePointAt(0)};`);
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${text(title)}</title>
<style>html,body{margin:0;height:100%;background:#fff;font-family:system-ui,sans-serif}h1{position:absolute;margin:8px 14px;font-size:16px}svg{width:100%;height:100%;cursor:grab;touch-action:none;outline-offset:-3px}</style>
<h1>${text(title)}</h1>${svgFile(drawn, groups).replace("<svg ", '<svg role="img" tabindex="0" aria-label="drag to move, wheel or + and - to zoom, 0 for the whole" ')}
<script>
const svg = document.querySelector("svg"), whole = svg.getAttribute("viewBox").split(" ").map(Number);
let box = whole.slice(), drag = null;
const show = () => svg.setAttribute("viewBox", box.join(" ")), scale = () => Math.max(box[2] / svg.clientWidth, box[3] / svg.clientHeight);
const zoom = (f, x, y) => { box = [x - (x - box[0]) * f, y - (y - box[1]) * f, box[2] * f, box[3] * f]; show(); };
svg.addEventListener("pointerdown", (e) => { drag = [e.clientX, e.clientY]; svg.setPointerCapture(e.pointerId); });
svg.addEventListener("pointermove", (e) => { if (!drag || !e.buttons) return; const s = scale(); box[0] -= (e.clientX - drag[0]) * s; box[1] -= (e.clientY - drag[1]) * s; drag = [e.clientX, e.clientY]; show(); });
svg.addEventListener("wheel", (e) => { e.preventDefault(); const m = svg.getScreenCTM().inverse(), p = new DOMPoint(e.clientX, e.clientY).matrixTransform(m); zoom(Math.exp(e.deltaY * .0015), p.x, p.y); }, { passive: false });
svg.addEventListener("keydown", (e) => { const x = box[0] + box[2] / 2, y = box[1] + box[3] / 2; if (e.key === "+") zoom(.8, x, y); if (e.key === "-") zoom(1.25, x, y); if (e.key === "0") { box = whole.slice(); show(); } });
</script></html>
`;
}
