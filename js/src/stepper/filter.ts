// Which steps are listed, and in what groups: by words, by what they concern.
import { button, el, replaceChildren } from "../shared/dom";
import type { Channel } from "../shared/protocol";
import type { Row } from "./list";
import type { Pass } from "./index";
import { said, type Rule } from "./reading";

export class Filter {
  readonly element: HTMLElement;
  private readonly input = el("input", { type: "search", class: "wb-search", placeholder: "rule, pass, concerning:name  ( / )", "aria-label": "filter steps" });
  private readonly hits = el("span", { class: "wb-quiet", role: "status" });
  private readonly names = el("datalist", { id: `wb-names-${Math.random().toString(36).slice(2)}` });
  private passes: Pass[] = [];
  private rules: Rule[] = [];
  private ruleOf: ArrayLike<number> = [];
  private passOf: ArrayLike<number> = [];
  private stages: string[] = [];
  /** Steps that are listed; of a heading, minus its pass and 1. */
  private rows: number[] = [];
  private steps: number[] = [];
  private index = new Map<number, number>();
  private marked = new Set<number>();
  private known = new Map<string, Promise<number[]>>();
  private asked = 0;

  constructor(private readonly channel: Channel, private readonly changed: () => void, private readonly onEnter: () => void) {
    this.input.setAttribute("list", this.names.id);
    this.input.addEventListener("input", () => void this.apply());
    this.input.addEventListener("keydown", (e) => {
      if (e.key === "Escape") {
        if (!this.input.value) return;
        this.set("");
      } else if (e.key === "Enter") this.onEnter();
      else return void e.stopPropagation();
      e.preventDefault();
      e.stopPropagation();
    });
    this.element = el("div", { class: "wb-filter" }, this.input, this.names, this.hits, button("×", "clear-filter", () => this.set(""), "show all steps"));
  }

  begin(passes: Pass[], rules: Rule[], ruleOf: ArrayLike<number>, passOf: ArrayLike<number>, stages: string[]): void {
    Object.assign(this, { passes, rules, ruleOf, passOf, stages });
    this.known.clear();
    this.list(null);
    if (this.input.value) void this.apply();
  }

  /** Names to complete. */
  offer(names: string[]): void {
    replaceChildren(this.names, ...names.slice(0, 300).map((n) => el("option", { value: `concerning:${n}` })));
  }

  focus(): void {
    this.input.focus();
    this.input.select();
  }

  set(text: string): void {
    this.input.value = text;
    void this.apply();
  }

  get count(): number {
    return this.rows.length;
  }

  /** The step of a row; of a heading, the first that it stands over. */
  at(row: number): number {
    return this.rows[row] >= 0 ? this.rows[row] : this.rows[row + 1] ?? 0;
  }

  indexOf(step: number): number {
    return this.index.get(step) ?? -1;
  }

  /** The listed step after or before one. */
  next(step: number, by: 1 | -1): number {
    let low = 0, high = this.steps.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (by > 0 ? this.steps[middle] <= step : this.steps[middle] < step) low = middle + 1;
      else high = middle;
    }
    const found = by > 0 ? this.steps[low] : this.steps[low - 1];
    return found ?? (by > 0 ? step : this.input.value.trim() ? step : 0);
  }

  firingsOf(rule: number): number[] {
    const found: number[] = [];
    for (let i = 0; i < this.ruleOf.length; i++) if (this.ruleOf[i] === rule) found.push(i + 1);
    return found;
  }

  /** Mark the steps that concern a name; how many there are. */
  async mark(name: string | null): Promise<number> {
    this.marked = new Set(name ? await this.concerning(name) : []);
    return this.marked.size;
  }

  row(i: number, _: number): Row {
    const step = this.rows[i];
    if (step < 0) {
      const name = -step - 1 < this.passes.length ? this.passes[-step - 1].name : "after the rules";
      return { heading: true, content: [name] };
    }
    if (step > this.ruleOf.length) return { content: [this.stages[step - this.ruleOf.length - 1]] };
    const rule = this.rules[this.ruleOf[step - 1]];
    return { content: [el("span", { class: "wb-quiet" }, `${step} `), said(rule.name)], title: rule.doc, marked: this.marked.has(step) };
  }

  private concerning(name: string): Promise<number[]> {
    if (!this.known.has(name)) this.known.set(name, this.channel.request("concerning", { name }).then(({ content }) => content.steps ?? []));
    return this.known.get(name)!;
  }

  private async apply(): Promise<void> {
    const turn = ++this.asked;
    const terms = this.input.value.toLowerCase().split(/\s+/).filter(Boolean);
    const words = terms.filter((t) => !t.startsWith("concerning:"));
    const names = this.input.value.split(/\s+/).filter((t) => /^concerning:./i.test(t)).map((t) => t.slice("concerning:".length));
    let wanted: Set<number> | null = null;
    for (const name of names) {
      const steps = new Set(await this.concerning(name));
      if (turn !== this.asked) return;
      wanted = wanted ? new Set([...(wanted as Set<number>)].filter((s) => steps.has(s))) : steps;
    }
    if (!words.length && !wanted) return this.list(null);
    const texts = this.rules.map((r) => said(`${r.name} ${r.group}`).toLowerCase());
    const passes = this.passes.map((p) => p.name.toLowerCase());
    const fits = new Map<number, boolean>();
    this.list((step) => {
      if (wanted && !wanted.has(step)) return false;
      if (step > this.ruleOf.length) return !wanted && words.every((w) => this.stages[step - this.ruleOf.length - 1].toLowerCase().includes(w));
      const rule = this.ruleOf[step - 1], pass = this.passOf[step - 1];
      const at = rule * 1000 + pass;
      if (!fits.has(at)) fits.set(at, words.every((w) => `${texts[rule]} ${passes[pass]}`.includes(w.replaceAll("_", " "))));
      return fits.get(at)!;
    });
  }

  private list(keep: ((step: number) => boolean) | null): void {
    this.rows = [];
    this.steps = [];
    this.index.clear();
    let group = -1;
    const last = this.ruleOf.length + this.stages.length;
    for (let step = 1; step <= last; step++) {
      if (keep && !keep(step)) continue;
      const pass = step > this.ruleOf.length ? this.passes.length : this.passOf[step - 1];
      if (pass !== group) {
        group = pass;
        this.rows.push(-pass - 1);
      }
      this.index.set(step, this.rows.length);
      this.rows.push(step);
      this.steps.push(step);
    }
    this.hits.textContent = keep ? `${this.steps.length.toLocaleString("en")} of ${last.toLocaleString("en")}` : "";
    this.changed();
  }
}
