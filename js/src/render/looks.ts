// How kinds of boxes look: told apart by shape, colour and dashes. The same as kernel_ext/graphs/drawing.py draws.
import { svg } from "../shared/dom";

export interface Look { shape: "pill" | "box" | "octagon" | "slant" | "stack"; stroke: string; /** A colour mixed into the paper's, and how much of it. */ tint: string; share: number; dash: string; width: number }

const look = (shape: Look["shape"], stroke = "", tint = "", share = 0, dash = "", width = 1.2): Look => ({ shape, stroke, tint, share, dash, width });

export const LOOKS: Record<string, Look> = {
  random: look("pill", "#0072b2", "#56b4e9", 22, "", 1.6),
  observed: look("pill", "", "#888888", 36, "", 1.8),
  marginalized: look("pill", "", "", 0, "4 3", 1.4),
  deterministic: look("box", "#009e73"),
  expression: look("box", "", "", 0, "5 2"),
  potential: look("octagon", "#d55e00", "#d55e00", 12, "", 1.6),
  data: look("slant", "", "#888888", 10),
  constant: look("slant", "", "#888888", 6, "2 2"),
  input: look("pill", "#d55e00", "", 0, "", 1.6),
  reduction: look("box", "#cc79a7", "", 0, "", 1.6),
  control: look("box", "#e69f00", "", 0, "", 1.8),
  region: look("box", "#e69f00", "", 0, "", 1.8),
  term: look("stack", "#0072b2", "#56b4e9", 8, "", 1.3),
  plate: look("stack", "", "#888888", 6, "", 1.3),
  loop: look("stack", "#e69f00", "#e69f00", 8, "", 1.3),
  repeat: look("stack", "#009e73", "#009e73", 8, "", 1.3),
};
const PLAIN = look("box");

/** What kinds are called in the legend. */
export const NAMES: Record<string, string> = {
  random: "random", observed: "observed", marginalized: "marginalized", deterministic: "deterministic", expression: "expression", potential: "potential", data: "data", constant: "constant",
  input: "input", elementwise: "elementwise", reduction: "reduction", shape: "shape", indexing: "indexing", control: "loop or branch", region: "branch", term: "term", plate: "plate", loop: "loop",
  repeat: "repeated", other: "other",
};

export const lookOf = (kind: string): Look => LOOKS[kind] ?? PLAIN;

/** Where colours come from: the theme's variables in the page, fixed ones in a file. */
export interface Palette { ink: string; quiet: string; paper: string; edge: string }
export const THEME: Palette = { ink: "var(--ink)", quiet: "var(--quiet)", paper: "var(--paper)", edge: "var(--edge)" };
export const PRINTED: Palette = { ink: "#111111", quiet: "#595959", paper: "#ffffff", edge: "#808080" };

export function fillOf({ tint, share }: Look, palette: Palette): string {
  if (!share) return palette.paper;
  if (palette.paper.startsWith("var")) return `color-mix(in srgb, ${tint} ${share}%, ${palette.paper})`;
  const part = (at: number) => Math.round((parseInt(tint.slice(at, at + 2), 16) * share + parseInt(palette.paper.slice(at, at + 2), 16) * (100 - share)) / 100);
  return `#${[1, 3, 5].map((at) => part(at).toString(16).padStart(2, "0")).join("")}`;
}

/** The path of a shape about the origin. */
export function outline(shape: Look["shape"], w: number, h: number): string {
  const x = w / 2, y = h / 2;
  if (shape === "pill") return `M${y - x},${-y}H${x - y}A${y},${y} 0 0 1 ${x - y},${y}H${y - x}A${y},${y} 0 0 1 ${y - x},${-y}Z`;
  if (shape === "octagon") {
    const c = Math.min(9, y * 0.6);
    return `M${c - x},${-y}H${x - c}L${x},${c - y}V${y - c}L${x - c},${y}H${c - x}L${-x},${y - c}V${c - y}Z`;
  }
  if (shape === "slant") return `M${8 - x},${-y}H${x}L${x - 8},${y}H${-x}Z`;
  const box = `M${5 - x},${-y}H${x - 5}Q${x},${-y} ${x},${5 - y}V${y - 5}Q${x},${y} ${x - 5},${y}H${5 - x}Q${-x},${y} ${-x},${y - 5}V${5 - y}Q${-x},${-y} ${5 - x},${-y}Z`;
  return shape === "stack" ? `${box}M${4 - x},${y + 3}H${x + 3}V${4 - y}V${y + 3}H${4 - x}Z` : box;
}

/** A text of at most so many characters, both its ends kept. */
export function clipped(text: string, most: number): string {
  const letters = [...text];
  if (letters.length <= most) return text;
  if (most < 5) return `${letters.slice(0, Math.max(0, most - 1)).join("")}…`;
  const tail = Math.floor(most / 3);
  return `${letters.slice(0, most - tail - 1).join("")}…${letters.slice(-tail).join("")}`;
}

/** About how wide a text is: wide scripts count twice. */
export function textWidth(text: string, size: number): number {
  let units = 0;
  for (const c of text) units += c.codePointAt(0)! > 0x2e80 ? 1 : 0.56;
  return units * size;
}

/** What fits into a width. */
export const fitting = (text: string, size: number, width: number): string => clipped(text, Math.max(1, Math.floor(width / (0.6 * size))));

/** A small picture of a kind, for the legend. */
export function sample(kind: string): SVGElement {
  const l = lookOf(kind);
  return svg("svg", { width: 26, height: 16, viewBox: "-13 -8 26 16", "aria-hidden": "true" }, svg("path", { d: outline(l.shape, 20, 11), ...painted(l, THEME) }));
}

export function painted(l: Look, palette: Palette): Record<string, string | number> {
  return { style: `fill:${fillOf(l, palette)};stroke:${l.stroke || palette.quiet};stroke-width:${l.width}${l.dash ? `;stroke-dasharray:${l.dash}` : ""}` };
}
