// The rewrite stepper: every rule firing from the model to the code, forwards and backwards.
import { GraphView, graphData } from "../render/graph";
import { button, el, replaceChildren, seconds } from "../shared/dom";
import type { Channel, View } from "../shared/protocol";
import { VirtualList } from "./list";

interface Pass { name: string; doc: string; firings: number; first: number; seconds: number; changed: boolean }
interface Rule { name: string; group: string; doc: string; source: string }

export class Stepper implements View {
  private readonly graph = new GraphView();
  private passes: Pass[] = [];
  private rules: Rule[] = [];
  private ruleOf: ArrayLike<number> = [];
  private visible: number[] = [];
  private step = 0;
  private asked = -1;
  private timer: ReturnType<typeof setInterval> | null = null;
  private readonly passList = el("ol", { class: "wb-passes", "aria-label": "passes" });
  private readonly list = new VirtualList((i) => this.row(i), (i) => this.go(this.visible[i] + 1));
  private readonly scrubber = el("input", { type: "range", class: "wb-scrubber", min: 0, max: 0, value: 0, "aria-label": "step" });
  private readonly position = el("span", { class: "wb-quiet wb-position" });
  private readonly explanation = el("div", { class: "wb-explanation", "aria-live": "polite" });
  private readonly filter = el("input", { type: "search", class: "wb-search", placeholder: "rule or pass  ( / )", "aria-label": "filter firings" });
  private readonly play: HTMLButtonElement;

  constructor(private readonly channel: Channel, host: HTMLElement) {
    this.play = button("▶", "play", () => this.toggle(), "play (space)");
    const root = el("div", { class: "wb-view wb-steps", tabindex: 0, "aria-label": "rewrite steps: left and right arrows step, up and down change pass" },
      el("div", { class: "wb-bar" },
        button("«", "first", () => this.go(0), "before anything"), button("‹", "prev", () => this.go(this.step - 1), "one back (left)"),
        this.play, button("›", "next", () => this.go(this.step + 1), "one on (right)"),
        button("»", "last", () => this.go(this.total), "the end"), this.scrubber, this.position),
      el("div", { class: "wb-columns" },
        el("div", { class: "wb-side" }, this.passList, this.filter, this.list.element),
        el("div", { class: "wb-main" }, this.explanation, this.graph.element)));
    host.append(root);
    this.scrubber.addEventListener("input", () => this.go(Number(this.scrubber.value)));
    this.filter.addEventListener("input", () => this.refilter());
    root.addEventListener("keydown", (e) => this.key(e));
    this.channel.on("steps", ({ content, cols }) => {
      this.passes = content.passes;
      this.rules = content.rules;
      this.ruleOf = cols.rule as Int32Array;
      this.scrubber.max = String(this.total);
      this.refilter();
      this.asked = -1;
      this.go(Math.min(this.step || content.start || 0, this.total));
    });
    this.channel.hello();
  }

  private get total(): number {
    return this.ruleOf.length;
  }

  private passOf(firing: number): Pass | undefined {
    return this.passes.find((p) => firing >= p.first && firing < p.first + p.firings);
  }

  private go(step: number): void {
    this.step = Math.max(0, Math.min(this.total, step));
    this.scrubber.value = String(this.step);
    this.position.textContent = `${this.step.toLocaleString("en")} / ${this.total.toLocaleString("en")}`;
    const firing = this.step - 1;
    this.list.select(this.visible.indexOf(firing));
    for (const item of Array.from(this.passList.children)) {
      const p = this.passes[Number(item.getAttribute("data-pass"))];
      item.classList.toggle("wb-on", firing >= p.first && firing < p.first + p.firings);
    }
    void this.fetch();
  }

  /** Ask for the step now wanted; while an answer is on its way only the newest wish is kept. */
  private async fetch(): Promise<void> {
    if (this.asked === this.step) return;
    const busy = this.asked !== -1 && this.pending;
    this.asked = this.step;
    if (busy) return;
    this.pending = true;
    for (;;) {
      const wanted = this.step;
      const { content, cols } = await this.channel.request("step", { step: wanted });
      this.show(content);
      this.graph.set(graphData(content, cols), wanted !== 0);
      this.graph.mark("wb-produced", content.produced ?? []);
      this.graph.reveal(content.produced ?? []);
      if (wanted === this.step) break;
    }
    this.pending = false;
  }
  private pending = false;

  private show(c: any): void {
    if (c.step === 0) {
      replaceChildren(this.explanation, el("h4", {}, "Before any rule"), el("p", {}, "Step forward to see each rule fire."), el("pre", { class: "wb-after" }, c.after ?? ""));
      return;
    }
    const rule = this.rules[this.ruleOf[c.step - 1]];
    const check = c.check ? (c.check.error ?? `same value: max |difference| at ${c.check.points} random points is ${Number(c.check.max_difference).toExponential(1)}`) : null;
    replaceChildren(this.explanation,
      el("h4", {}, rule.name.replaceAll("_", " "), el("span", { class: "wb-quiet" }, `  ${this.passOf(c.step - 1)?.name ?? ""}`)),
      el("p", {}, rule.doc),
      el("div", { class: "wb-diff" }, el("pre", { class: "wb-before", "aria-label": "before" }, c.before), el("span", { "aria-hidden": "true" }, "→"), el("pre", { class: "wb-after", "aria-label": "after" }, c.after)),
      check ? el("p", { class: c.check.error ? "wb-quiet" : "wb-check" }, check) : null,
      rule.source ? el("details", {}, el("summary", {}, "the rule's source"), el("pre", {}, rule.source)) : null);
  }

  private row(i: number): HTMLElement {
    const firing = this.visible[i];
    return el("span", {}, el("span", { class: "wb-quiet" }, `${firing + 1} `), this.rules[this.ruleOf[firing]].name.replaceAll("_", " "));
  }

  private refilter(): void {
    const words = this.filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const hit = this.rules.map((r) => (text: string) => words.every((w) => `${r.name} ${r.group} ${text}`.toLowerCase().replaceAll("_", " ").includes(w)));
    this.visible = [];
    for (const p of this.passes) {
      for (let i = p.first; i < p.first + p.firings; i++) if (hit[this.ruleOf[i]](p.name)) this.visible.push(i);
    }
    this.list.set(this.visible.length);
    replaceChildren(this.passList, ...this.passes.map((p, i) =>
      p.changed ? el("li", { "data-pass": i, title: p.doc, onClick: () => this.go(p.first + 1) }, p.name, el("span", { class: "wb-quiet" }, ` ${p.firings} · ${seconds(p.seconds)}`)) : null));
  }

  private toggle(): void {
    if (this.timer) {
      clearInterval(this.timer);
      this.timer = null;
    } else {
      this.timer = setInterval(() => (this.step >= this.total ? this.toggle() : this.go(this.step + 1)), 600);
    }
    this.play.textContent = this.timer ? "⏸" : "▶";
  }

  private key(e: KeyboardEvent): void {
    const typing = e.target instanceof HTMLInputElement && e.target.type === "search";
    if (typing && e.key !== "Escape") {
      e.stopPropagation();
      return;
    }
    const pass = this.passes.findIndex((p) => this.step - 1 >= p.first && this.step - 1 < p.first + p.firings);
    const jump = (by: number) => {
      for (let i = pass + by; i >= 0 && i < this.passes.length; i += by) if (this.passes[i].firings) return this.go(this.passes[i].first + 1);
    };
    const actions: Record<string, () => void> = {
      ArrowRight: () => this.go(this.step + 1), ArrowLeft: () => this.go(this.step - 1),
      ArrowDown: () => jump(1), ArrowUp: () => jump(-1),
      " ": () => this.toggle(), "/": () => this.filter.focus(), Escape: () => (document.activeElement as HTMLElement)?.blur(),
    };
    const action = actions[e.key];
    if (!action || (e.target instanceof Element && e.target.closest(".wb-canvas"))) return;
    e.preventDefault();
    e.stopPropagation();
    action();
  }

  close(): void {
    if (this.timer) clearInterval(this.timer);
    this.channel.close();
  }
}
