// The Posterior tab: what is wrong and what to do next, all elements in a table, and the plots of one of them.
import { swatch, variable } from "../dashboard/index";
import { type Element, extent } from "../plots/draws";
import { Figure, FIGURE_MARGIN, Frames } from "../plots/figure";
import { densities, type Diagnostics, energy, forest, type Forest, FOREST_ROW, leapfrogs, type Predicted, predictive, ranks, saidOfLeapfrogs, scatter, trace } from "../plots/kinds";
import { count, ElementTable, MOST_RHAT, nth, rhat } from "../plots/table";
import type { Bus } from "../shared/bus";
import { button, el, number, replaceChildren } from "../shared/dom";
import type { Channel, View } from "../shared/protocol";

const MOST_KEPT = 12;

export class Posterior implements View {
  private readonly frames = new Frames();
  private readonly head = el("p", { class: "wb-head", role: "status" });
  private readonly findings = el("ul", { class: "wb-advice", hidden: true });
  private readonly fine = el("p", { class: "wb-fine", hidden: true }, "Nothing speaks against these draws.");
  private readonly actions = el("div", { class: "wb-actions", role: "group", "aria-label": "what to do next" });
  private readonly outcome = el("div", { class: "wb-outcome", role: "status", hidden: true });
  private readonly one = el("div", { class: "wb-plots wb-one" });
  private readonly others = el("div", { class: "wb-plots" });
  private readonly predictions = el("div", { class: "wb-predictions" });
  private readonly table: ElementTable;
  private readonly empty = el("div", { class: "wb-empty" });
  private readonly body: HTMLElement;
  private readonly second = el("select", { class: "wb-select", "aria-label": "the other element" });
  private readonly variable = el("select", { class: "wb-select", "aria-label": "variable" });
  private about: any = null;
  private chosen = -1;
  private with = -1;
  private known = new Map<number, Element>();
  private diagnostics: Diagnostics[] = [];
  private forestOf: Forest | null = null;
  private figures: Record<string, Figure> = {};
  private predicted: Figure[] = [];
  private readonly off: () => void;

  constructor(private readonly channel: Channel, host: HTMLElement, private readonly bus: Bus) {
    this.table = new ElementTable((i) => void this.choose(i, true), "statistics of all elements");
    const figure = (name: string, height: number, draw: (pen: any) => void, controls?: HTMLElement) => (this.figures[name] = new Figure(this.frames, height, draw, `wb-${name}`, controls));
    const element = (draw: (pen: any, e: Element) => void) => (pen: any) => {
      const e = this.known.get(this.chosen);
      if (e) draw(pen, e);
    };
    this.one.append(
      figure("trace", 130, element((pen, e) => trace(pen, e, e.chains[0].length * e.stride, true))).element,
      figure("density", 150, element(densities)).element, figure("ranks", 150, element(ranks)).element,
      figure("pairs", 220, (pen) => {
        const a = this.known.get(this.chosen), b = this.known.get(this.with);
        if (a && b) scatter(pen, a, b);
      }, el("label", { class: "wb-together wb-quiet" }, "with ", this.second)).element,
    );
    this.second.addEventListener("change", () => void this.pair(Number(this.second.value)));
    this.variable.addEventListener("change", () => void this.forest(this.variable.value));
    this.others.append(
      figure("energy", 150, (pen) => energy(pen, this.diagnostics)).element, figure("leapfrogs", 150, (pen) => leapfrogs(pen, this.diagnostics)).element,
    );
    this.body = el("div", { hidden: true },
      el("div", { class: "wb-bar" }, this.head), this.findings, this.fine, this.actions, this.outcome, this.predictions,
      this.table.element, this.one, el("div", { class: "wb-forests" }), this.others);
    host.append(el("div", { class: "wb-view wb-posterior" }, this.empty, this.body));
    channel.on("empty", ({ content }) => this.nothing(content));
    channel.on("posterior", ({ content }) => this.begin(content));
    channel.on("elements", ({ content, cols }) => {
      this.table.name(content.start, cols.name as string[]);
      this.choices();
    });
    channel.on("summary", ({ content, cols }) => {
      this.table.update(content.start, cols, content.step, content.draws);
      if (this.chosen < 0) void this.choose(this.table.worst()[0]);
      this.caption();
    });
    channel.on("diagnostics", ({ content, cols }) => {
      this.diagnostics[content.chain] = { ...(cols as any), bfmi: content.bfmi ?? null, timed: content.timed };
      this.energies();
    });
    channel.on("findings", ({ content }) => this.advise(content.texts, content.actions));
    channel.on("doing", ({ content }) => this.doing(content.action, true));
    channel.on("did", ({ content }) => this.did(content));
    this.off = bus.onSelect(({ name }, from) => {
      if (from !== "posterior" && name && this.about) this.open(name);
    });
    channel.hello();
  }

  private nothing(c: any): void {
    this.body.hidden = true;
    this.empty.hidden = false;
    replaceChildren(this.empty, el("p", { class: "wb-quiet" }, c.sampling ? "The run is not over: its draws will be here when it is." : "There are no draws yet."),
      this.bus.has("sample") ? button(c.sampling ? "Look at the run" : "Sample", "sample", () => this.bus.open("sample")) : null);
  }

  private begin(c: any): void {
    const same = this.about && this.about.head === c.head && this.about.elements === c.elements;
    this.about = c;
    this.empty.hidden = true;
    this.body.hidden = false;
    this.head.textContent = `${c.head}; ${count(c.elements)} elements`;
    this.known.clear();
    this.diagnostics = [];
    if (!same) {
      this.chosen = this.with = -1;
      this.table.begin(c.elements);
      replaceChildren(this.predictions);
      this.outcome.hidden = true;
    } else if (this.chosen >= 0) {
      void this.choose(this.chosen);
    }
    this.act(c.actions);
    this.forests();
  }

  private choices(): void {
    const names = this.table.names.slice(0, 2000);
    replaceChildren(this.second, ...names.map((n, i) => el("option", { value: i }, n)));
  }

  // One element ------------------------------------------------------------------------------------

  private async fetch(i: number): Promise<Element> {
    const found = this.known.get(i);
    if (found) return found;
    const { content, cols } = await this.channel.request("element", { element: i });
    const values = cols.values as Float64Array, marks = cols.divergent as Uint8Array, n = values.length / content.chains;
    const part = <T>(of: (first: number, last: number) => T) => Array.from({ length: content.chains }, (_, c) => of(c * n, (c + 1) * n));
    const e: Element = {
      name: this.table.names[i], chains: part((a, b) => values.subarray(a, b)), tune: 0, stride: content.step,
      divergent: part((a, b) => Array.from(marks.subarray(a, b), (m, k) => (m ? k * content.step : -1)).filter((k) => k >= 0)), prior: cols.prior as Float64Array,
    };
    if (this.known.size >= MOST_KEPT) this.known.delete(this.known.keys().next().value!);
    this.known.set(i, e);
    return e;
  }

  private async choose(i: number, said = false): Promise<void> {
    if (i === undefined || i < 0) return;
    this.chosen = i;
    this.table.light([i]);
    if (said) {
      const name = variable(this.table.names[i]), key = this.about.keys?.[name];
      this.bus.select({ keys: key === undefined ? [] : [key], name }, "posterior");
    }
    await this.fetch(i);
    await this.pair(this.with >= 0 && this.with !== i ? this.with : this.partner(i));
  }

  /** What an element is looked at with, unless something else is chosen: the worst other one. */
  private partner(i: number): number {
    return this.table.worst().find((j) => j !== i && this.table.of(j).note === 0) ?? -1;
  }

  private async pair(j: number): Promise<void> {
    this.with = j;
    if (j >= 0) {
      if (!this.second.querySelector(`option[value="${j}"]`)) this.second.append(el("option", { value: j }, this.table.names[j]));
      this.second.value = String(j);
      await this.fetch(j);
      // Fetching may have pushed out the first.
      await this.fetch(this.chosen);
    }
    this.figures.pairs.element.hidden = j < 0;
    this.caption();
    for (const f of Object.values(this.figures)) f.redraw();
  }

  private caption(): void {
    const name = this.table.names[this.chosen];
    if (name === undefined) return;
    const s = this.table.of(this.chosen), e = this.known.get(this.chosen);
    const every = e && e.stride > 1 ? `, every ${nth(e.stride)} draw` : "";
    const range = e ? extent(e) : null, from = range ? `, from ${number(range[0])} to ${number(range[1])}` : "";
    this.figures.trace.say(`${name}   R-hat ${rhat(s.rhat)}   ESS ${count(s.ess)}`, `trace of ${name}${from}${every}: R-hat ${rhat(s.rhat)}, ESS ${count(s.ess)}`, s.rhat > MOST_RHAT);
    this.figures.density.say(`density by chain${e?.prior?.length ? ", and the prior" : ""}`, `densities of ${name} by chain${from}`);
    this.figures.ranks.say("ranks by chain", `ranks of ${name} by chain`);
    const marks = e?.divergent.reduce((n, rows) => n + rows.length, 0) ?? 0;
    this.figures.pairs.say(`${name} and ${this.table.names[this.with] ?? ""}${marks ? `; × ${marks} divergences` : ""}`);
  }

  private energies(): void {
    const known = this.diagnostics.some((d) => d?.energy?.length);
    const words = known ? this.diagnostics.map((d, k) => `chain ${k} ${d.bfmi == null ? "–" : d.bfmi.toFixed(2)}`).join(", ") : "not known";
    this.figures.energy.say("energy, and its changes", `energies and their changes; BFMI: ${words}`);
    this.figures.leapfrogs.say(...saidOfLeapfrogs(this.diagnostics, this.about?.chains ?? []));
    this.others.hidden = !known;
    const old = this.others.querySelector("table");
    const made = el("table", { class: "wb-energies" }, el("caption", {}, "Fraction of missing information (BFMI): below 0.3 tails are hardly explored"), el("tbody", {},
      ...this.diagnostics.map((d, k) => el("tr", {}, el("td", {}, swatch(k), `chain ${this.about?.chains[k] ?? k}`), el("td", {}, d.bfmi == null ? "–" : `${d.bfmi.toFixed(2)}${d.bfmi < 0.3 ? " !" : ""}`)))));
    if (old) old.replaceWith(made);
    else this.others.append(made);
    this.figures.energy.redraw();
    this.figures.leapfrogs.redraw();
  }

  // A variable ---------------------------------------------------------------------------------------

  private forests(): void {
    const vectors = (this.about.variables as [string, number, number][]).filter(([, , size]) => size > 1);
    const place = this.body.querySelector<HTMLElement>(".wb-forests")!;
    place.hidden = !vectors.length;
    if (!vectors.length) return;
    replaceChildren(this.variable, ...vectors.map(([name, , size]) => el("option", { value: name }, `${name} (${size})`)));
    void this.forest(vectors[0][0]);
  }

  private async forest(name: string): Promise<void> {
    this.variable.value = name;
    const { content, cols } = await this.channel.request("forest", { variable: name });
    this.forestOf = cols as unknown as Forest;
    this.figures.forest?.close();
    const n = this.forestOf.name.length;
    const f = (this.figures.forest = new Figure(this.frames, n * FOREST_ROW + FIGURE_MARGIN, (pen) => forest(pen, this.forestOf!), "wb-forest"));
    f.say(`${name}: median, 50 % and 90 % of the draws${content.hidden ? `; ${content.hidden} more elements are not drawn` : ""}`);
    replaceChildren(this.body.querySelector(".wb-forests")!, el("label", { class: "wb-together wb-quiet" }, "all elements of ", this.variable), el("div", { class: "wb-forest-scroll", tabindex: 0, role: "region", "aria-label": `intervals of ${name}` }, f.element));
    f.redraw();
  }

  private open(variable: string): void {
    const found = (this.about.variables as [string, number, number][]).find(([n]) => n === variable);
    if (!found) return;
    void this.choose(found[1]);
    if (found[2] > 1) void this.forest(found[0]);
  }

  // What is wrong, and what next -----------------------------------------------------------------------

  private advise(texts: string[], actions: any[]): void {
    replaceChildren(this.findings, ...texts.map((t) => el("li", {}, `${t[0].toUpperCase()}${t.slice(1)}.`)));
    this.findings.hidden = !texts.length;
    this.fine.hidden = texts.length > 0;
    this.act(actions);
  }

  private act(actions: { action: string; title: string; called_for?: boolean }[]): void {
    replaceChildren(this.actions, ...actions.map((a) => {
      const b = button(a.title, a.action, () => this.channel.send("do", { action: a.action }));
      b.classList.toggle("wb-primary", Boolean(a.called_for));
      return b;
    }));
  }

  private doing(action: string, on: boolean): void {
    for (const b of this.actions.querySelectorAll("button")) b.disabled = on;
    if (on) {
      this.outcome.hidden = false;
      replaceChildren(this.outcome, `${this.actions.querySelector(`[data-action="${CSS.escape(action)}"]`)?.textContent ?? action} …`);
    }
  }

  private did(c: any): void {
    this.doing(c.action, false);
    this.outcome.hidden = !(c.message || c.code);
    this.outcome.classList.toggle("wb-warn", Boolean(c.wrong));
    replaceChildren(this.outcome, c.message || null, c.code ? el("pre", { tabindex: 0 }, c.code) : null,
      c.code ? button("Copy", "copy", () => void navigator.clipboard?.writeText(c.code), "copy the code") : null);
    if (c.plots) this.predict(c.plots, c.what);
    if (c.prior) {
      this.known.clear();
      void this.choose(this.chosen);
    }
    if (c.open && this.bus.has(c.open)) this.bus.open(c.open);
  }

  private predict(plots: Record<string, Predicted>, what: string): void {
    for (const f of this.predicted) f.close();
    this.predicted = [];
    replaceChildren(this.predictions, ...Object.entries(plots).map(([name, p]) => {
      const f = new Figure(this.frames, 170, (pen) => predictive(pen, p), "wb-predicted");
      this.predicted.push(f);
      f.say(`${name}: ${what}${p.data.length ? ", and the data (thick)" : ""}`, `${what} of ${name} beside the data: ${count(p.replicates)} replicates of ${count(p.values)} values`);
      const rows = p.numbers.map(([of, value, low, high, share]) => el("tr", {}, el("td", {}, of), el("td", {}, value === null ? "–" : number(value)), el("td", {}, `${number(low)} to ${number(high)}`), el("td", {}, share === null ? "–" : share.toFixed(2))));
      return el("div", { class: "wb-prediction" }, f.element, el("table", {}, el("caption", { class: "wb-visually-hidden" }, `${name}: data and ${what}`),
        el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "of"), el("th", { scope: "col" }, "data"), el("th", { scope: "col" }, "90 % of replicates"), el("th", { scope: "col" }, "share at least as great"))), el("tbody", {}, ...rows)));
    }));
    for (const f of this.predicted) f.redraw();
  }

  opened(): void {
    for (const f of Object.values(this.figures)) f.redraw();
  }

  close(): void {
    this.off();
    for (const f of [...Object.values(this.figures), ...this.predicted]) f.close();
    this.frames.close();
    this.channel.close();
  }
}
