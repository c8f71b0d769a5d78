// What a node is: its formula, where it comes from, its value at a point or a draw, its gradient, its cost and its code.
import { within, type GraphData } from "../render/data";
import type { GraphNode, GraphView } from "../render/graph";
import type { Bus } from "../shared/bus";
import { button, el, percent, replaceChildren, seconds } from "../shared/dom";
import type { Channel } from "../shared/protocol";
import { thumbnail } from "./thumbnail";

const LANGUAGES: Record<string, string> = { c: "C", numba: "Numba", jax: "JAX" };

export class Details {
  readonly element = el("aside", { class: "wb-details", "aria-label": "details", hidden: true, tabindex: 0 });
  /** What two models are called that are compared, or null. */
  comparing: [string, string] | null = null;
  /** What takes the kernel longer. */
  private readonly more = el("div", {});
  private at: { chain: number; draw: number } | null = null;
  private asked = 0;

  constructor(private readonly channel: Channel, private readonly bus: Bus, private readonly graph: GraphView) {}

  clear(): void {
    this.asked++;
    this.element.hidden = true;
  }

  group(data: GraphData, number: number): void {
    this.asked++;
    const group = data.groups[number], inside = data.nodes.filter((n) => within(data.groups, n.group).includes(number));
    this.element.hidden = false;
    replaceChildren(this.element, el("h4", {}, group.label), group.said ? el("p", { class: "wb-formula" }, group.said) : null,
      el("p", { class: "wb-quiet" }, `${inside.length.toLocaleString("en")} nodes; Enter or a click opens and closes it`),
      button("Only this", "only", () => this.graph.look({ keys: new Set(inside.map((n) => n.key)), said: group.label }), "show nothing else"));
  }

  async node(node: GraphNode): Promise<void> {
    const asked = ++this.asked;
    this.element.hidden = false;
    replaceChildren(this.element, el("h4", {}, node.label), el("p", { class: "wb-quiet" }, "…"));
    const { content: c, cols } = await this.channel.request("node", { key: node.key, ...(this.at ? { at: this.at } : {}) });
    if (asked !== this.asked) return;
    if (c.message) {
      replaceChildren(this.element, el("h4", {}, node.label), el("p", { class: "wb-warn" }, c.message));
      return;
    }
    const side = this.comparing && node.side ? `only in ${this.comparing[node.side - 1]}` : null;
    replaceChildren(this.element, el("h4", {}, c.name || node.label),
      el("div", { class: "wb-facts" },
        fact("formula", c.formula ? el("code", { class: "wb-formula" }, c.formula) : null), fact("operation", c.op), fact("type", c.type), fact("of the two models", side),
        fact("part of", c.part), fact("line", this.line(c.line)), fact("made by", this.rule(node, c.rule)),
        this.value(node, c, cols)),
      this.more, this.ways(node));
    replaceChildren(this.more);
    const { content: m, cols: numbers } = await this.channel.request("more", { key: node.key, ...(this.at ? { at: this.at } : {}) });
    if (asked !== this.asked || m.message) return;
    replaceChildren(this.more, el("div", { class: "wb-facts" }, fact("gradient of the result", m.gradient ? this.shown(m.gradient, numbers, "gradient") : null),
      fact("time", m.time ? `${seconds(m.time.seconds)}: ${m.time.said}` : null), fact("time in C", this.loops(node, m.loops))), ...this.code(node, m.code ?? {}));
  }

  /** Its share of a call of the compiled code: of the loops that compute it; or what measures that, or why it cannot be. */
  private loops(node: GraphNode, loops: any): HTMLElement | null {
    if (!loops) return null;
    if (loops.why) return el("span", { class: "wb-quiet" }, loops.why);
    if (!loops.measured) {
      const shown = el("div", { "aria-live": "polite" });
      const measure = async () => {
        const asked = this.asked;
        replaceChildren(shown, el("span", { class: "wb-quiet" }, "compiling with clocks, and measuring …"));
        const { content } = await this.channel.request("measure", { key: node.key });
        if (asked === this.asked) replaceChildren(shown, this.loops(node, content.loops));
      };
      shown.append(button("Measure", "measure", () => void measure(), "how long each loop of the C code takes: it is compiled once more, with clocks"));
      return shown;
    }
    if (!loops.count) return el("span", { class: "wb-quiet" }, "none of its own: it costs nothing, or was rewritten");
    const share = loops.total ? loops.seconds / loops.total : 0;
    const how = { inside: "a part of what is computed from it", loop: "all that is inside it" }[loops.how as string];
    return el("div", {}, el("b", {}, loops.seconds < 1e-9 ? "less than a nanosecond" : `${percent(share)} of a call`),
      `${loops.seconds < 1e-9 ? "" : `, ${seconds(loops.seconds)} of ${seconds(loops.total)}`}${how ? `: ${how}` : ""}`,
      ...loops.places.map((p: any) => this.place(node, p, loops.count > 1)), loops.count > loops.places.length ? el("div", { class: "wb-quiet" }, `and ${loops.count - loops.places.length} more`) : null);
  }

  /** A loop that computes a node, and a button that shows what else it computes. */
  private place(node: GraphNode, place: any, several: boolean): HTMLElement {
    const others = place.keys.filter((k: number) => k !== node.key), runs = place.times > 1 ? `runs ${Math.round(place.times).toLocaleString("en")} times; ` : "";
    return el("div", { class: "wb-loop" }, el("span", { class: "wb-quiet" }, `${several ? `${seconds(place.seconds)}, ` : ""}${runs}${place.kind} `), el("code", {}, place.what), " ",
      others.length ? button(`with ${others.length} other${others.length === 1 ? "" : "s"}`, "loop", () => this.graph.mark("wb-linked", place.keys), "show all that is computed together") : null);
  }

  private line(line: any): HTMLElement | null {
    if (!line) return null;
    const text = el("code", { class: "wb-source" }, line.text || line.file);
    const button = el("button", { type: "button", class: "wb-user-line", "data-action": "line", title: "show all that this line made", onClick: () => this.graph.mark("wb-linked", line.keys ?? []) }, el("span", { class: "wb-quiet" }, `${line.number} `), text);
    return el("span", {}, button, line.keys?.length > 1 ? el("span", { class: "wb-quiet" }, ` ${line.keys.length} nodes`) : null);
  }

  private rule(node: GraphNode, rule: any): HTMLElement | null {
    if (!rule) return null;
    return el("span", {}, `${rule.name} – ${rule.doc} `, this.bus.has("steps") ? button("show the step", "open-steps", () => this.bus.open("steps", { key: node.key }), "open the stepper where the rule made this") : null);
  }

  /** The value, at a point that one chooses. */
  private value(node: GraphNode, c: any, cols: Record<string, any>): HTMLElement | null {
    if (!c.value) return null;
    const where = el("div", { class: "wb-where" });
    if (c.points) {
      const chain = el("input", { type: "number", min: 1, max: c.points.chains, value: (this.at?.chain ?? 0) + 1, "aria-label": "chain" });
      const draw = el("input", { type: "number", min: 1, max: c.points.draws, value: (this.at?.draw ?? 0) + 1, "aria-label": "draw" });
      const choose = el("select", { "aria-label": "point" }, el("option", { value: "start" }, "the initial point"), el("option", { value: "draw" }, "a posterior draw"));
      choose.value = this.at ? "draw" : "start";
      const numbers = el("span", { hidden: !this.at }, " draw ", draw, " of chain ", chain);
      const go = () => {
        const bounded = (input: HTMLInputElement, most: number) => Math.max(0, Math.min(most, Number(input.value) || 1) - 1);
        this.at = choose.value === "draw" ? { chain: bounded(chain, c.points.chains), draw: bounded(draw, c.points.draws) } : null;
        void this.node(node);
      };
      for (const input of [choose, chain, draw]) {
        input.addEventListener("change", go);
        input.addEventListener("keydown", (e) => e.stopPropagation());
      }
      where.append("at ", choose, numbers);
    } else where.append(el("span", { class: "wb-quiet" }, c.value.error ? "" : c.value.said ?? "at the initial point"));
    return fact("value", el("div", {}, this.shown(c.value, cols, "value"), where));
  }

  private shown(value: any, cols: Record<string, any>, name: string): HTMLElement {
    if (value.error) return el("span", { class: "wb-warn" }, value.error);
    return el("div", {}, thumbnail(value.shape ?? [], cols[name]), el("span", {}, value.summary));
  }

  private code(node: GraphNode, code: Record<string, { text: string; lines: number[] } | { error: string }>): (HTMLElement | null)[] {
    const shown = Object.entries(code).map(([backend, made]) => {
      const body = "error" in made ? el("p", { class: "wb-quiet" }, made.error) : el("pre", { tabindex: 0, "aria-label": `${LANGUAGES[backend]} code` }, made.text);
      return el("details", { "data-code": backend }, el("summary", {}, `${LANGUAGES[backend]}: ${"error" in made ? "no lines" : made.lines.length ? `line${made.lines.length > 1 ? "s" : ""} ${made.lines.slice(0, 4).join(", ")}${made.lines.length > 4 ? " …" : ""}` : "code"}`), body);
    });
    return [...shown, this.bus.has("code") ? button("Open in Code", "open-code", () => this.bus.open("code", { key: node.key }), "its lines of generated code") : null];
  }

  private ways(node: GraphNode): HTMLElement {
    return el("div", { class: "wb-ways" },
      button("Neighbourhood", "focus", () => this.graph.focusOn(node.key), "what is near (double click)"), button("Depends on", "above", () => this.graph.follow(node.key, "above"), "all that it is computed from"),
      button("Used by", "below", () => this.graph.follow(node.key, "below"), "all that depends on it"), button("Path to the result", "path", () => this.graph.follow(node.key, "path"), "its ways to the output"));
  }
}

// Not a <dl>: the notebook's own style for those would break ours.
function fact(name: string, value: Node | string | null | undefined): HTMLElement | null {
  return value ? el("div", { class: "wb-fact" }, el("span", { class: "wb-fact-name" }, name), value) : null;
}
