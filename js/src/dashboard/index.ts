// The Sample tab: a form that starts a run; its state, its chains, live plots, and a table of all elements.
import type { Bus } from "../shared/bus";
import { button, el, number, replaceChildren, seconds } from "../shared/dom";
import type { Channel, View } from "../shared/protocol";
import { Column, type Element } from "../plots/draws";
import { COLOURS, Figure, Frames } from "../plots/figure";
import { densities, type Diagnostics, energy, leapfrogs, ranks, saidOfLeapfrogs, scatter, steps, trace } from "../plots/kinds";
import { count, ElementTable, MOST_RHAT, nth, rhat } from "../plots/table";
import { Form } from "./form";

const KINDS = ["Traces", "Densities", "Ranks", "Pairs", "Diagnostics"] as const;
type Kind = (typeof KINDS)[number];
const OVER = ["done", "stopped", "failed"];
const PAUSE = 100;
const NO_TREES = "its draws are made by trajectories of one time, which warm-up found to be worth more than trees";

export class Dashboard implements View {
  private readonly form: Form;
  private readonly state = el("span", { class: "wb-state", role: "status" });
  private readonly facts = el("span", { class: "wb-quiet wb-facts-line" });
  private readonly bar = el("progress", { class: "wb-progress", max: 1, value: 0, "aria-label": "draws made" });
  private readonly compiling = el("p", { class: "wb-quiet wb-compiling", hidden: true });
  private readonly stop = button("Stop", "stop", () => this.channel.send("stop"), "stop and keep the draws");
  private readonly pause = button("Pause", "pause", () => this.channel.send(this.paused ? "resume" : "pause"));
  private readonly next = button("Posterior →", "posterior", () => this.bus.open("posterior"), "look at the draws");
  private readonly advice = el("ul", { class: "wb-advice", "aria-live": "polite", hidden: true });
  private readonly chainsBody = el("tbody");
  private readonly plots = el("div", { class: "wb-plots" });
  private readonly table: ElementTable;
  private readonly live: HTMLElement;
  /** What there is to see as soon as there are draws. */
  private readonly seen: HTMLElement;
  private readonly unheard = el("p", { class: "wb-advice", hidden: true }, "Clicks do not reach the kernel while the cell runs: interrupt the kernel to stop, and the draws are kept.");
  private readonly skip = el("input", { type: "checkbox" });
  private readonly kinds: HTMLElement;
  private kind: Kind = "Traces";
  private readonly frames = new Frames();
  private figures: Figure[] = [];
  private run: any = null;
  private shown: number[] = [];
  private columns = new Map<number, Column[]>();
  private divergent: number[][] = [];
  private diagnostics: Diagnostics[] = [];
  private pair: [number, number] | null = null;
  private paused = false;
  private now = "";
  private timer: ReturnType<typeof setTimeout> | null = null;

  constructor(private readonly channel: Channel, private readonly host: HTMLElement, private readonly bus: Bus) {
    this.form = new Form(channel);
    this.table = new ElementTable((i) => this.toggle(i), "statistics of all elements");
    this.kinds = el("div", { class: "wb-kinds", role: "group", "aria-label": "plots" },
      ...KINDS.map((k) => el("button", { type: "button", class: "wb-button", "data-plots": k, "aria-pressed": String(k === this.kind), onClick: () => this.show(k) }, k)));
    this.skip.addEventListener("change", () => this.redraw());
    this.seen = el("div", { hidden: true },
      el("table", { class: "wb-chains" }, el("caption", { class: "wb-visually-hidden" }, "chains"),
        el("thead", {}, el("tr", {}, ...["chain", "draws", "step size", "depth", "gradients a draw", "divergences"].map((h) => el("th", { scope: "col" }, h)))), this.chainsBody),
      el("div", { class: "wb-together wb-plot-bar" }, this.kinds, el("label", { class: "wb-quiet" }, this.skip, " leave out warm-up")),
      this.plots, this.table.element);
    this.live = el("div", { class: "wb-live", hidden: true },
      el("div", { class: "wb-bar" }, this.state, this.facts, el("span", { class: "wb-space" }), this.pause, this.stop, this.next),
      this.bar, this.unheard, this.compiling, this.advice, this.seen);
    this.host.append(el("div", { class: "wb-view wb-dashboard" }, this.form.element, this.live));
    channel.on("run", ({ content }) => this.begin(content));
    channel.on("elements", ({ content, cols }) => this.table.name(content.start, cols.name as string[]));
    channel.on("shown", ({ cols }) => this.choose(Array.from(cols.element as Int32Array)));
    channel.on("draws", ({ cols }) => this.take(cols));
    channel.on("state", ({ content, cols }) => this.progress(content, cols));
    channel.on("summary", ({ content, cols }) => {
      this.table.update(content.start, cols, content.step, content.draws);
      this.caption();
    });
    channel.on("diagnostics", ({ content, cols }) => {
      this.diagnostics[content.chain] = { ...(cols as any), bfmi: content.bfmi ?? null, timed: content.timed };
      if (this.kind !== "Diagnostics") return;
      this.caption();
      this.redraw();
    });
    channel.on("findings", ({ content }) => this.advise(content.texts));
    channel.hello();
  }

  private begin(c: any): void {
    // A second view's greeting brings all again: what is here already stays.
    const same = this.run && ["chains", "tune", "draws", "elements", "started"].every((k) => this.run[k] === c[k]) && !OVER.includes(this.now);
    this.run = c;
    this.live.hidden = false;
    if (same) return;
    this.columns.clear();
    this.shown = [];
    this.pair = null;
    this.diagnostics = [];
    this.divergent = Array.from({ length: c.chains }, () => []);
    this.table.begin(c.elements);
    this.advise([]);
    this.plot();
  }

  private choose(elements: number[]): void {
    this.shown = elements;
    // All draws of what is shown come again from the first.
    this.columns = new Map(elements.map((i) => [i, Array.from({ length: this.run.chains }, () => new Column())]));
    if (!this.pair || !this.pair.every((i) => elements.includes(i))) this.pair = elements.length > 1 ? [elements[0], elements[1]] : null;
    this.table.light(elements);
    this.plot();
  }

  private take(cols: Record<string, any>): void {
    const { start, rows, values } = cols as { start: Int32Array; rows: Int32Array; values: Float64Array };
    let at = 0;
    for (let c = 0; c < rows.length; c++) {
      for (const i of this.shown) {
        const column = this.columns.get(i)?.[c];
        if (column && column.length === start[c]) column.append(values.subarray(at, at + rows[c]));
        at += rows[c];
      }
    }
    this.schedule();
  }

  private element(i: number): Element {
    return {
      name: this.table.names[i], chains: (this.columns.get(i) ?? []).map((c) => c.values), tune: this.run.tune, stride: this.run.stride, divergent: this.divergent,
    };
  }

  // Plots ----------------------------------------------------------------------------------------

  private show(kind: Kind): void {
    this.kind = kind;
    for (const b of this.kinds.querySelectorAll("button")) b.setAttribute("aria-pressed", String(b.dataset.plots === kind));
    this.plot();
  }

  private plot(): void {
    for (const f of this.figures) f.close();
    this.plots.dataset.kind = this.kind;
    const whole = () => this.run.tune + this.run.draws;
    if (this.kind === "Diagnostics") {
      const chart = (height: number, draw: any, ...words: [string, string?]) => {
        const f = new Figure(this.frames, height, (pen) => draw(pen, this.diagnostics));
        f.say(...words);
        return f;
      };
      this.figures = [chart(170, energy, "Energy, and how it changes from draw to draw"), chart(170, leapfrogs, ...saidOfLeapfrogs(this.diagnostics, this.numbers())), chart(170, steps, "Step size on its way, on a scale of powers")];
    } else if (this.kind === "Pairs") {
      this.figures = this.pair ? [this.pairs()] : [];
    } else {
      const draw = { Traces: (pen: any, e: Element) => trace(pen, e, whole(), this.skip.checked), Densities: densities, Ranks: ranks }[this.kind]!;
      const height = this.kind === "Ranks" ? 40 + 22 * (this.run?.chains ?? 4) : 130;
      this.figures = this.shown.map((i) => new Figure(this.frames, height, (pen) => draw(pen, this.element(i)), "wb-trace"));
    }
    replaceChildren(this.plots, ...this.figures.map((f) => f.element), this.kind === "Diagnostics" ? this.energies() : null);
    this.caption();
    this.redraw();
  }

  private numbers(): number[] {
    return Array.from({ length: this.run?.chains ?? 0 }, (_, k) => k);
  }

  private pairs(): Figure {
    const choice = (side: 0 | 1) => {
      const select = el("select", { class: "wb-select", "aria-label": side ? "element upwards" : "element across" }, ...this.shown.map((i) => el("option", { value: i, selected: i === this.pair![side] }, this.table.names[i])));
      select.addEventListener("change", () => {
        this.pair![side] = Number(select.value);
        this.caption();
        this.redraw();
      });
      return select;
    };
    return new Figure(this.frames, 320, (pen) => this.pair && scatter(pen, this.element(this.pair[0]), this.element(this.pair[1])), "wb-pairs", el("div", { class: "wb-together" }, choice(0), choice(1)));
  }

  private energies(): HTMLElement {
    return el("table", { class: "wb-energies" }, el("caption", {}, "Fraction of missing information (BFMI): below 0.3 tails are hardly explored"), el("tbody", {},
      ...this.diagnostics.map((d, k) => el("tr", {}, el("td", {}, swatch(k), `chain ${k}`), el("td", {}, d?.bfmi == null ? "–" : `${d.bfmi.toFixed(2)}${d.bfmi < 0.3 ? " !" : ""}`)))));
  }

  /** What each plot is of, with its R-hat; the worst first. */
  private caption(): void {
    if (!this.run) return;
    if (this.kind === "Diagnostics") {
      this.plots.querySelector(".wb-energies")?.replaceWith(this.energies());
      this.figures[1]?.say(...saidOfLeapfrogs(this.diagnostics, this.numbers()));
      return;
    }
    const divergences = this.divergent.reduce((n, rows) => n + rows.length, 0);
    if (this.kind === "Pairs") {
      const [a, b] = (this.pair ?? []).map((i) => this.table.names[i]);
      this.figures[0]?.say(`${a} and ${b}${divergences ? `; × ${divergences} divergences` : ""}`);
      return;
    }
    const name = { Traces: "trace", Densities: "densities by chain", Ranks: "ranks by chain" }[this.kind];
    this.figures.forEach((f, k) => {
      const i = this.shown[k], s = this.table.of(i), text = this.table.names[i];
      const words = s.note === 1 ? "   some draws are not finite" : s.note === 2 ? "   constant" : Number.isFinite(s.rhat) ? `   R-hat ${rhat(s.rhat)}   ESS ${count(s.ess)}` : "";
      f.say(`${text}${words}`, `${name} of ${text}${words}`, s.note === 1 || s.rhat > MOST_RHAT);
      f.element.setAttribute("data-name", text);
    });
  }

  private toggle(i: number): void {
    const wanted = this.shown.includes(i) ? this.shown.filter((j) => j !== i) : [i, ...this.shown];
    this.channel.send("show", { elements: wanted });
    const name = variable(this.table.names[i]), key = this.run.keys?.[name];
    this.bus.select({ keys: key === undefined ? [] : [key], name }, "sample");
  }

  // State ----------------------------------------------------------------------------------------

  private progress(c: any, cols: Record<string, any>): void {
    if (!this.run) return;
    const over = OVER.includes(c.state);
    this.now = c.state;
    this.state.textContent = c.state;
    this.state.setAttribute("data-state", c.state);
    this.paused = c.state === "paused";
    this.pause.textContent = this.paused ? "Resume" : "Pause";
    this.pause.setAttribute("data-action", this.paused ? "resume" : "pause");
    this.stop.hidden = over;
    this.pause.hidden = over || c.state === "compiling";
    this.next.hidden = !(over && this.bus.has("posterior") && c.made);
    this.form.busy(!over);
    this.unheard.hidden = over || c.heard !== false;
    this.bar.value = c.whole ? c.made / c.whole : 0;
    const rest = ["tuning", "sampling"].includes(c.state) && Number.isFinite(c.eta) && c.eta !== null ? `${seconds(c.eta)} to go` : "";
    const compiling = c.state === "compiling";
    this.facts.textContent = [
      compiling ? `${c.message}, ${seconds(c.elapsed)} so far` : `${count(c.made)} of ${count(c.whole)} draws`, c.rate ? `${count(c.rate)} a second` : "", rest,
      compiling ? "" : over ? seconds(c.elapsed) : "", this.run.stride > 1 ? `every ${nth(this.run.stride)} draw is drawn` : "",
      this.run.all_chains > this.run.chains ? `plots of the first ${this.run.chains} of ${this.run.all_chains} chains; numbers of all, R-hat nested` : "", !compiling ? c.message : "",
    ].filter(Boolean).join("; ");
    this.compiling.hidden = !compiling || !c.compiling.length;
    this.compiling.textContent = c.compiling.map(([what, s]: [string, number | null]) => (s === null ? `${what} …` : `${what} ✓ ${seconds(s)}`)).join("   ");
    this.rows(c, cols);
    this.seen.hidden = !c.made;
    if (cols.divergent_chain) {
      for (const rows of this.divergent) rows.length = 0;
      (cols.divergent_chain as Int32Array).forEach((k, n) => this.divergent[k]?.push((cols.divergent_draw as Int32Array)[n]));
      this.caption();
    }
    this.schedule();
  }

  private rows(c: any, cols: Record<string, any>): void {
    replaceChildren(this.chainsBody, ...Array.from(cols.draws as Int32Array).flatMap((n, i) => {
      const said = c.words[i];
      return [
        el("tr", {}, el("td", {}, swatch(i), String(cols.chain[i])), el("td", {}, `${n.toLocaleString("en")}${cols.tuning[i] ? " (warm-up)" : ""}`), el("td", {}, number(cols.step_size[i])),
          cols.tree_depth[i] === 0 ? el("td", { class: "wb-quiet", title: NO_TREES }, "no trees") : el("td", {}, number(cols.tree_depth[i])), el("td", {}, number(cols.gradients[i])), el("td", { class: cols.divergences[i] ? "wb-warn" : "" }, String(cols.divergences[i]))),
        said ? el("tr", { class: "wb-said" }, el("td", { colspan: 6 }, `Chain ${cols.chain[i]} is ${said}.`)) : null,
      ].filter((x): x is HTMLTableRowElement => x !== null);
    }));
  }

  private advise(texts: string[]): void {
    replaceChildren(this.advice, ...texts.map((t) => el("li", {}, `${t[0].toUpperCase()}${t.slice(1)}.`)));
    this.advice.hidden = texts.length === 0;
  }

  private schedule(): void {
    this.timer ??= setTimeout(() => {
      this.timer = null;
      this.redraw();
    }, PAUSE);
  }

  private redraw(): void {
    if (this.run) for (const f of this.figures) f.redraw();
  }

  opened(): void {
    this.redraw();
  }

  close(): void {
    if (this.timer) clearTimeout(this.timer);
    for (const f of this.figures) f.close();
    this.frames.close();
    this.channel.close();
  }
}

/** The variable that an element is of. */
export function variable(element: string): string {
  return element.endsWith("]") ? element.slice(0, element.indexOf("[")) : element;
}

/** A chain's colour. */
export function swatch(chain: number): HTMLElement {
  return el("span", { class: "wb-swatch", "aria-hidden": "true", style: `background:${COLOURS[chain % COLOURS.length]}` });
}
