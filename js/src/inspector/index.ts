// The graph inspector: a model as variables and plates, or as its full computation.
import { GraphView, graphData, type GraphNode } from "../render/graph";
import { button, el, replaceChildren, save } from "../shared/dom";
import type { Channel, View } from "../shared/protocol";

export class Inspector implements View {
  private readonly graph = new GraphView();
  private readonly title = el("strong", { class: "wb-title" });
  private readonly hits = el("span", { class: "wb-quiet", "aria-live": "polite" });
  private readonly details = el("aside", { class: "wb-details", "aria-live": "polite", hidden: true });

  constructor(private readonly channel: Channel, host: HTMLElement) {
    const query = el("input", { type: "search", class: "wb-search", placeholder: "op:exp  shape:85  name:sigma", "aria-label": "search nodes" });
    query.addEventListener("input", () => {
      const n = this.graph.search(query.value);
      this.hits.textContent = query.value.trim() ? `${n} found` : "";
    });
    query.addEventListener("keydown", (e) => e.stopPropagation());
    host.append(
      el("div", { class: "wb-view wb-inspector" },
        el("div", { class: "wb-bar" }, this.title, query, this.hits, el("span", { class: "wb-space" }),
          button("Whole graph", "whole", () => this.graph.focusOn(null), "a double click on a node shows its neighbourhood"),
          button("SVG", "export-svg", () => save("graph.svg", "image/svg+xml", this.graph.svgText()), "save the drawing")),
        el("div", { class: "wb-split" }, this.graph.element, this.details)),
    );
    this.graph.onSelect = (node) => void this.show(node);
    this.channel.on("graph", ({ content, cols }) => {
      this.title.textContent = content.title ?? "";
      this.details.hidden = true;
      this.graph.set(graphData(content, cols));
    });
    this.channel.hello();
  }

  private async show(node: GraphNode | null): Promise<void> {
    this.details.hidden = node === null;
    if (!node) return;
    replaceChildren(this.details, el("h4", {}, node.label), el("p", { class: "wb-quiet" }, "…"));
    const { content: c } = await this.channel.request("node", { key: node.key });
    const rows: [string, string | null][] = [
      ["operation", c.op], ["type", c.type],
      ["line", c.line ? `${c.line.text || c.line.file} (line ${c.line.number})` : null],
      ["made by", c.rule ? `${c.rule.name} – ${c.rule.doc}` : null],
      ["value here", c.value ? (c.value.summary ?? c.value.error) : null],
      ["formula", c.formula ?? null],
    ];
    // Not a <dl>: the notebook's own style for those would break ours.
    const list = el("div", { class: "wb-facts" });
    for (const [name, value] of rows) if (value) list.append(el("div", { class: "wb-fact" }, el("span", { class: "wb-fact-name" }, name), value));
    const code = Object.entries((c.code ?? {}) as Record<string, string>).map(([backend, text]) =>
      el("details", {}, el("summary", {}, `${backend} code`), el("pre", {}, text)));
    replaceChildren(this.details, el("h4", {}, node.label), list, ...code, button("Neighbourhood", "focus", () => this.graph.focusOn(node.key)));
  }

  close(): void {
    this.channel.close();
  }
}
