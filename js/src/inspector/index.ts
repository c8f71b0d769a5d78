// The graph inspector: a model as variables and plates, or its computation by what each part is for; what a node is, on a click.
import { graphData, GraphView, type GraphData, type GraphNode } from "../render/graph";
import type { Bus } from "../shared/bus";
import { button, el, save } from "../shared/dom";
import type { Channel, Frame, View } from "../shared/protocol";
import { Details } from "./details";
import { saveMenu } from "./files";

export class Inspector implements View {
  private readonly graph = new GraphView();
  private readonly title = el("strong", { class: "wb-title" });
  private readonly hits = el("span", { class: "wb-quiet wb-hits", "aria-live": "polite" });
  private readonly query = el("input", { type: "search", class: "wb-search", placeholder: "op:exp  shape:85  name:sigma", title: "words of a name, or op: name: kind: shape: dim: type: in:", "aria-label": "search nodes" });
  private readonly details: Details;
  private readonly groups: HTMLElement;
  private readonly list: HTMLElement;
  private data: GraphData | null = null;
  private chunks: Frame[] = [];
  private found = 0;
  private readonly forget: () => void;

  constructor(private readonly channel: Channel, host: HTMLElement, private readonly bus: Bus) {
    this.details = new Details(channel, bus, this.graph);
    this.groups = el("span", { class: "wb-toggle", hidden: true },
      button("open all", "open-groups", () => this.graph.openAll(true), "open all groups"), button("close all", "close-groups", () => this.graph.openAll(false), "close all groups"));
    const outline = button("list", "outline", () => {
      const on = outline.getAttribute("aria-pressed") !== "true";
      outline.setAttribute("aria-pressed", String(on));
      this.list.classList.toggle("wb-pinned", on);
    }, "the graph as a list");
    outline.setAttribute("aria-pressed", "false");
    this.list = el("div", { class: "wb-list-side" }, this.graph.outline.element);
    this.graph.grows = true;
    host.append(
      el("div", { class: "wb-view wb-inspector" },
        el("div", { class: "wb-bar" }, this.title, this.query, button("‹", "previous-hit", () => this.step(-1), "the hit before (Shift-Enter)"), button("›", "next-hit", () => this.step(1), "the next hit (Enter)"), this.hits,
          el("span", { class: "wb-space" }), this.groups, outline, saveMenu({
            svg: () => save("graph.svg", "image/svg+xml", this.graph.svgText()), png: async () => save("graph.png", "image/png", await this.graph.png()),
            dot: () => save("graph.dot", "text/vnd.graphviz", this.graph.dot()), html: () => save("graph.html", "text/html", this.graph.page(this.title.textContent || "graph")),
          })),
        el("div", { class: "wb-split" }, this.list, this.graph.element, this.details.element)),
    );
    this.query.addEventListener("input", () => this.search());
    this.query.addEventListener("keydown", (e) => {
      e.stopPropagation();
      if (e.key === "Enter") this.step(e.shiftKey ? -1 : 1);
      if (e.key === "Escape") {
        this.query.value = "";
        this.search();
      }
    });
    this.graph.onSelect = (node) => this.chosen(node);
    this.graph.onGroup = (group) => this.data && this.details.group(this.data, group);
    this.forget = this.bus.onSelect(({ keys, name }, from) => {
      if (from === this.channel.part || !this.data) return;
      this.graph.mark("wb-linked", keys.length ? keys : this.named(name));
      this.graph.reveal(keys.length ? keys : this.named(name));
    });
    this.channel.on("graph", (frame) => this.receive(frame));
    this.channel.on("begun", ({ content }) => this.graph.wait(content.said));
    this.channel.on("wrong", ({ content }) => this.graph.wait(content.message));
    this.channel.hello();
  }

  /** A large graph comes in several messages. */
  private receive(frame: Frame): void {
    const { chunk = 0, chunks = 1 } = frame.content;
    if (chunk === 0) this.chunks = [];
    if (chunk !== this.chunks.length) return;
    this.chunks.push(frame);
    if (this.chunks.length < chunks) return;
    const { content } = this.chunks[0];
    const data = this.chunks.map((c) => graphData(content, c.cols)).reduce((whole, part) => ({
      ...whole, nodes: whole.nodes.concat(part.nodes), src: whole.src.concat(part.src), dst: whole.dst.concat(part.dst), groups: whole.groups.concat(part.groups),
    }));
    this.chunks = [];
    // A kernel that was busy answers each time it was asked: what is open here stays open.
    if (this.data && alike(data, this.data)) return;
    this.title.textContent = content.title ?? "";
    this.details.clear();
    this.details.comparing = content.comparing ?? null;
    this.data = data;
    this.graph.set(data);
    this.groups.hidden = !this.graph.hasGroups;
    const { keys, name } = this.bus.choice;
    this.graph.mark("wb-linked", keys.length ? keys : this.named(name));
  }

  /** Nodes that have the name of a choice made elsewhere. */
  private named(name: string | undefined): number[] {
    return name && this.data ? this.data.nodes.filter((n) => n.label === name).map((n) => n.key) : [];
  }

  private chosen(node: GraphNode | null): void {
    this.graph.mark("wb-linked", []);
    if (node) void this.details.node(node);
    else this.details.clear();
    this.bus.select(node ? { keys: [node.key], name: node.label } : { keys: [] }, this.channel.part);
  }

  private search(): void {
    this.found = this.graph.search(this.query.value);
    this.hits.textContent = this.query.value.trim() ? (this.found ? `${this.found.toLocaleString("en")} found` : "none found") : "";
  }

  private step(by: number): void {
    const at = this.graph.step(by);
    if (at) this.hits.textContent = `${at.toLocaleString("en")} of ${this.found.toLocaleString("en")}`;
  }

  opened(detail?: any): void {
    if (detail?.key === undefined || !this.data) return;
    this.graph.expose(detail.key);
    this.graph.choose(detail.key, true);
  }

  close(): void {
    this.forget();
    this.graph.close();
    this.channel.close();
  }
}

function alike(a: GraphData, b: GraphData): boolean {
  const same = <T>(p: T[], q: T[]) => p.length === q.length && p.every((x, i) => x === q[i]);
  const rows = (data: GraphData) => data.nodes.map((n) => `${n.key} ${n.group} ${n.side} ${n.kind} ${n.label} ${n.type}`);
  return same(rows(a), rows(b)) && same(a.src, b.src) && same(a.dst, b.dst) && same(a.roots, b.roots) && same(a.groups.map((g) => g.label + g.said), b.groups.map((g) => g.label + g.said));
}
