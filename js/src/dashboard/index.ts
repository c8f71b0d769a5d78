// The sampling dashboard: state, controls, chains, live traces, summary.
import { button, el, number, replaceChildren, seconds } from "../shared/dom";
import type { Channel, View } from "../shared/protocol";
import { Column } from "./decimate";
import { COLOURS, Trace } from "./trace";

const FRAME = 80;
const count = (x: number) => (Number.isFinite(x) ? Math.round(x).toLocaleString("en") : "–");
const rhat = (x: number) => (Number.isFinite(x) ? x.toFixed(3) : "–");

export class Dashboard implements View {
  private readonly state = el("span", { class: "wb-state", role: "status" }, "starting");
  private readonly facts = el("span", { class: "wb-quiet" });
  private readonly bar = el("progress", { class: "wb-progress", max: 1, value: 0, "aria-label": "draws" });
  private readonly stop = button("Stop", "stop", () => this.channel.send("stop"), "stop and keep the draws");
  private readonly pause = button("Pause", "pause", () => this.channel.send(this.paused ? "resume" : "pause"));
  private readonly chainsBody = el("tbody");
  private readonly advice = el("p", { class: "wb-advice", role: "status", hidden: true });
  private readonly traces = el("div", { class: "wb-traces" });
  private readonly summaryBody = el("tbody");
  private readonly summary = el("details", { class: "wb-summary" }, el("summary", {}, "Summary, the worst R-hat first"),
    el("table", {}, el("thead", {}, el("tr", {}, ...["", "mean", "sd", "ESS", "R-hat"].map((h) => el("th", {}, h)))), this.summaryBody));
  private readonly chooser = el("input", { class: "wb-search", list: "", placeholder: "show variables: mu_a, a[...]", "aria-label": "variables to show" });
  private run = { tune: 0, total: 0, stride: 1, skipWarmup: false, divergent: [] as Set<number>[] };
  private columns = new Map<string, Column[]>();
  private plots: Trace[] = [];
  private paused = false;
  private timer: ReturnType<typeof setTimeout> | null = null;

  constructor(private readonly channel: Channel, private readonly host: HTMLElement) {
    const skip = el("input", { type: "checkbox" });
    skip.addEventListener("change", () => {
      this.run.skipWarmup = skip.checked;
      for (const p of this.plots) p.draw();
    });
    this.chooser.addEventListener("keydown", (e) => {
      e.stopPropagation();
      if (e.key === "Enter") this.channel.send("show", { names: this.chooser.value.split(/,\s*(?![^[]*\])/).map((s) => s.trim()).filter(Boolean) });
    });
    this.host.append(
      el("div", { class: "wb-view wb-dashboard" },
        el("div", { class: "wb-bar" }, this.state, this.facts, el("span", { class: "wb-space" }), this.pause, this.stop),
        this.bar, this.advice,
        el("div", { class: "wb-columns" },
          el("div", { class: "wb-side" },
            el("table", { class: "wb-chains" }, el("thead", {}, el("tr", {}, ...["chain", "draws", "step", "grad/draw", "div."].map((h) => el("th", {}, h)))), this.chainsBody),
            el("label", { class: "wb-quiet" }, skip, " leave out warm-up"), this.chooser, this.summary),
          el("div", { class: "wb-main" }, this.traces))),
    );
    this.channel.on("run", ({ content: c }) => this.begin(c));
    this.channel.on("draws", ({ content: c, cols }) => {
      for (const [name, values] of Object.entries(cols)) {
        const column = this.columns.get(name)?.[c.chain];
        if (column && c.start === column.length) column.append(values as Float64Array);
      }
      this.schedule();
    });
    this.channel.on("divergences", ({ content: c, cols }) => {
      for (const row of cols.draw as Int32Array) this.run.divergent[c.chain]?.add(row);
    });
    this.channel.on("progress", ({ content, cols }) => this.progress(content, cols));
    this.channel.on("summary", ({ content }) => this.summarise(content.rows));
    this.channel.hello();
  }

  private begin(c: any): void {
    for (const p of this.plots) p.close();
    this.run = { tune: c.tune, total: c.tune + c.draws, stride: c.stride ?? 1, skipWarmup: this.run.skipWarmup, divergent: Array.from({ length: c.chains }, () => new Set<number>()) };
    this.columns = new Map((c.names as string[]).map((n) => [n, Array.from({ length: c.chains }, () => new Column())]));
    this.plots = [...this.columns].map(([name, chains]) => new Trace(name, chains, this.run));
    replaceChildren(this.traces, ...this.plots.map((p) => p.element));
    this.setState(c.state, c.message);
  }

  private setState(state: string, message?: string): void {
    const over = ["done", "stopped", "failed"].includes(state);
    this.state.textContent = message ? `${state}: ${message}` : state;
    this.state.setAttribute("data-state", state);
    this.paused = state === "paused";
    this.pause.textContent = this.paused ? "Resume" : "Pause";
    this.pause.setAttribute("data-action", this.paused ? "resume" : "pause");
    this.stop.hidden = this.pause.hidden = over;
  }

  private progress(c: any, cols: Record<string, any>): void {
    this.setState(c.state, c.message);
    const draws = Array.from(cols.draws as Int32Array);
    const made = draws.reduce((a, b) => a + b, 0);
    this.bar.value = this.run.total ? made / (this.run.total * Math.max(1, draws.length)) : 0;
    const rest = ["tuning", "sampling"].includes(c.state) && Number.isFinite(c.eta) ? `, ${seconds(c.eta)} to go` : "";
    this.facts.textContent = `${made.toLocaleString("en")} draws, ${count(c.rate)} a second, ${seconds(c.elapsed)}${rest}${this.run.stride > 1 ? `; every ${this.run.stride}th drawn` : ""}`;
    replaceChildren(this.chainsBody, ...draws.map((n, i) =>
      el("tr", {},
        el("td", {}, el("span", { class: "wb-swatch", style: `background:${COLOURS[i % COLOURS.length]}` }), String(cols.chain[i])),
        el("td", {}, `${n.toLocaleString("en")}${cols.tuning[i] ? " (tuning)" : ""}`),
        el("td", {}, number(cols.step_size[i])), el("td", {}, number(cols.gradients[i])), el("td", {}, String(cols.divergences[i])))));
    this.advise(draws, cols);
    this.schedule();
  }

  /** Say in words what a table would leave to the eye. */
  private advise(draws: number[], cols: Record<string, any>): void {
    const divergences = Array.from(cols.divergences as Int32Array).reduce((a, b) => a + b, 0);
    const most = Math.max(...draws);
    const slow = draws.findIndex((n) => most > 200 && n < most / 2);
    const notes = [];
    if (divergences) notes.push(`${divergences} divergences after warm-up: raise target_accept, or reparameterise.`);
    if (slow >= 0) notes.push(`Chain ${cols.chain[slow]} lags behind: it may be stuck in a hard region.`);
    this.advice.textContent = notes.join(" ");
    this.advice.hidden = notes.length === 0;
  }

  private summarise(rows: { name: string; mean: number; sd: number; ess_bulk: number; rhat: number }[]): void {
    replaceChildren(this.summaryBody, ...rows.slice(0, 200).map((r) =>
      el("tr", { class: r.rhat > 1.01 ? "wb-warn" : "" }, el("td", {}, r.name), el("td", {}, number(r.mean, 4)), el("td", {}, number(r.sd)), el("td", {}, count(r.ess_bulk)),
        el("td", {}, `${rhat(r.rhat)}${r.rhat > 1.01 ? " !" : ""}`))));
    const by = new Map(rows.map((r) => [r.name, r]));
    for (const p of this.plots) {
      const r = by.get(p.name);
      if (r) p.caption(`${p.name}   R-hat ${rhat(r.rhat)}   ESS ${count(r.ess_bulk)}`);
    }
  }

  private schedule(): void {
    this.timer ??= setTimeout(() => {
      this.timer = null;
      for (const p of this.plots) p.draw();
    }, FRAME);
  }

  close(): void {
    if (this.timer) clearTimeout(this.timer);
    for (const p of this.plots) p.close();
    this.channel.close();
  }
}
