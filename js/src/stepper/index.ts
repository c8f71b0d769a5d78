// The rewrite stepper: every rule firing from the model to the code, forwards and backwards.
import { GraphView } from "../render/graph";
import type { Bus } from "../shared/bus";
import { button, el, replaceChildren, seconds } from "../shared/dom";
import type { Channel, View } from "../shared/protocol";
import { Filter } from "./filter";
import { VirtualList } from "./list";
import { Player } from "./player";
import { aboutNode, aboutStep, code, fold, said, sides, type Check, type Detail, type NodeFacts, type Rule, type WholeRule } from "./reading";
import { cellsOf, States } from "./states";

export interface Pass { name: string; doc: string; firings: number; first: number; seconds: number; changed: boolean }

/** Nodes that are drawn about a change, and how far from it. */
const NEAR = 26, REACH = 2;
/** Nodes that are drawn of what differs between two steps. */
const COMPARED = 160;
const REMEMBERED = 400;
/** Values are compared when a reader stays for so long. */
const REST = 140;

export class Stepper implements View {
  private readonly graph = new GraphView();
  private readonly states: States;
  private readonly filter: Filter;
  private readonly player: Player;
  private passes: Pass[] = [];
  private rules: Rule[] = [];
  private ruleOf: Int32Array = new Int32Array();
  private passOf: Int32Array = new Int32Array();
  private took: Float64Array = new Float64Array();
  private stages: string[] = [];
  private idleStages = new Set<number>();
  private step = 0;
  private pinned: number | null = null;
  private whole = false;
  private idle = false;
  private chosen: string | null = null;
  /** The node that is told of, and at which step. */
  private cell: number | null = null;
  private said = -1;
  private readonly details = new Map<number, Detail>();
  private readonly checks = new Map<number, Check>();
  private readonly told = new Map<number, Promise<WholeRule>>();
  private readonly open = new Set<string>();
  private resting: ReturnType<typeof setTimeout> | undefined;
  private readonly forget: () => void;
  private readonly passList = el("div", { class: "wb-passes", role: "listbox", "aria-label": "passes" });
  private readonly list = new VirtualList("steps", (i) => this.filter.row(i, this.step), (i) => this.go(this.filter.at(i)));
  private readonly scrubber = el("input", { type: "range", class: "wb-scrubber", min: 0, max: 0, value: 0, "aria-label": "step" });
  private readonly position = el("span", { class: "wb-quiet wb-position", role: "status" });
  private readonly explanation = el("div", { class: "wb-explanation" });
  private readonly stage = el("div", { class: "wb-stage", hidden: true });
  private readonly node = el("aside", { class: "wb-node-facts", "aria-label": "the chosen node", hidden: true });
  private readonly concern = el("div", { class: "wb-concern", hidden: true });
  private readonly near = button("Whole graph", "near", () => this.toggleWhole(), "the whole graph, or what is near the change");
  private readonly pin = button("Compare from here", "compare", () => this.togglePin(), "compare this step with another");
  private readonly idlePasses = button("", "idle", () => this.toggleIdle());
  private readonly root: HTMLElement;

  private readonly of = el("p", { class: "wb-quiet wb-steps-of", role: "status", hidden: true });

  constructor(private readonly channel: Channel, host: HTMLElement, private readonly bus: Bus) {
    this.states = new States(channel);
    this.filter = new Filter(channel, () => this.refilter(), () => this.next(1));
    this.player = new Player(() => this.next(1), (step) => this.breaksAt(step), () => this.step);
    this.root = el("div", { class: "wb-view wb-steps", tabindex: 0, role: "group", "aria-label": "rewrite steps: left and right arrows step, up and down change pass, space plays, slash searches" },
      el("div", { class: "wb-bar" },
        button("«", "first", () => this.go(0), "before anything (Home)"), button("‹", "prev", () => this.next(-1), "one back (left)"),
        this.player.button, button("›", "next", () => this.next(1), "one on (right)"),
        button("»", "last", () => this.go(this.last), "the end (End)"), this.scrubber, this.position, this.player.speed, this.near, this.pin),
      this.of,
      el("div", { class: "wb-columns" },
        el("div", { class: "wb-side" }, this.passList, this.idlePasses, this.filter.element, this.concern, this.list.element),
        el("div", { class: "wb-main" }, this.explanation, this.stage, el("div", { class: "wb-split" }, this.graph.element, this.node))));
    host.append(this.root);
    replaceChildren(this.explanation, el("p", { class: "wb-quiet" }, "The steps are being made…"));
    this.scrubber.addEventListener("input", () => this.go(Number(this.scrubber.value)));
    this.root.addEventListener("keydown", (e) => this.key(e));
    this.passList.addEventListener("keydown", (e) => this.passKey(e));
    this.graph.onSelect = (node) => void this.choose(node?.key ?? null);
    this.forget = this.bus.onSelect((choice, from) => from !== "steps" && void this.concerned(choice.name ?? null, choice.keys));
    this.channel.on("steps", ({ content, cols }) => this.begin(content, cols));
    this.channel.on("wrong", ({ content }) => !this.total && replaceChildren(this.explanation, el("p", {}, content.message ?? "")));
    this.channel.on("stages", ({ content }) => {
      this.idleStages = new Set((content.changed as boolean[]).flatMap((changed, i) => (changed ? [] : [i])));
      this.drawPasses();
    });
    this.channel.on("names", ({ content }) => this.filter.offer(content.names));
    this.channel.hello();
  }

  /** Asked for from another tab: a step, or where an expression is. */
  opened(detail?: { step?: number; key?: number; name?: string }): void {
    if (detail?.step !== undefined) this.go(detail.step);
    if (detail?.name) void this.concerned(detail.name, []);
    if (detail?.key === undefined) return;
    void this.channel.request("place", { key: detail.key }).then(({ content }) => {
      if (typeof content.step === "number") this.go(content.step);
      this.graph.mark("wb-selected", content.cells ?? []);
      if (content.name) void this.concerned(content.name, []);
    });
  }

  private get total(): number {
    return this.ruleOf.length;
  }

  private get last(): number {
    return this.total + this.stages.length;
  }

  private begin(content: any, cols: Record<string, any>): void {
    this.passes = content.passes;
    this.rules = content.rules;
    this.ruleOf = cols.rule;
    this.passOf = cols.pass;
    this.took = cols.seconds;
    this.stages = content.stages ?? [];
    this.details.clear();
    this.checks.clear();
    this.told.clear();
    this.states.begin(this.total, content.block);
    this.filter.begin(this.passes, this.rules, this.ruleOf, this.passOf, this.stages);
    this.scrubber.max = String(this.last);
    this.refilter();
    this.drawPasses();
    this.of.hidden = !content.of;
    replaceChildren(this.of, el("span", {}, `the model after: ${content.of} `), button("as it is written", "as-written", () => this.channel.send("as_written")));
    this.go(Math.min((!content.anew && this.step) || content.start || 0, this.last));
  }

  /** One step on or back; where there is a filter, to the next that passes it. */
  private next(by: 1 | -1): void {
    this.go(this.filter.next(this.step, by));
  }

  private go(step: number): void {
    this.step = Math.max(0, Math.min(this.last, step));
    this.scrubber.value = String(this.step);
    this.scrubber.setAttribute("aria-valuetext", this.spoken());
    this.position.textContent = `${this.step.toLocaleString("en")} / ${this.last.toLocaleString("en")}`;
    this.list.select(this.filter.indexOf(this.step));
    this.markPass();
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.rest(), REST);
    if (this.step > this.total) return void this.showStage(this.step - this.total - 1);
    this.stage.hidden = true;
    this.graph.element.parentElement!.hidden = false;
    this.tell();
    if (this.states.reach(this.step)) this.draw();
    else void this.fetch();
    void this.read();
  }

  private spoken(): string {
    if (!this.step) return "before any rule";
    if (this.step > this.total) return this.stages[this.step - this.total - 1];
    return `step ${this.step}, ${said(this.rules[this.ruleOf[this.step - 1]].name)}`;
  }

  private async fetch(): Promise<void> {
    const wanted = this.step;
    await this.states.go(wanted);
    if (wanted === this.step) this.draw();
  }

  /** Draw the state: the change in green, what went as ghosts, all that is far from it pale. */
  private draw(): void {
    const marks = this.states.marks(this.step);
    const users = marks.gone.flatMap((g) => g.inputs);
    const place = [...marks.made, marks.about, ...(marks.made.length ? [] : [...marks.changed, marks.place]), ...users].filter((c) => this.states.cells.has(c));
    const made = marks.made.length ? marks.made : marks.place >= 0 ? [marks.place] : marks.changed.length || marks.about < 0 ? marks.changed : [marks.about];
    const near = this.step && place.length ? this.states.near([...made, ...place].slice(0, 12), NEAR, REACH) : null;
    const all = this.whole || !near;
    this.graph.set(this.states.drawing(all ? null : near, marks.gone.slice(0, 12)), this.step !== 0 && this.whole);
    this.graph.mark("wb-produced", made);
    this.graph.mark("wb-changed", marks.changed);
    this.graph.mark("wb-linked", this.states.cells.has(marks.about) ? [marks.about] : []);
    this.graph.mark("wb-gone", marks.gone.map((g) => g.key));
    this.graph.mark("wb-pale", all && near ? [...this.states.cells.keys()].filter((c) => !near.has(c)) : []);
    if (this.chosen) this.markChosen();
    this.graph.reveal(made);
    this.near.setAttribute("aria-pressed", String(this.whole));
    this.graph.element.dataset.step = String(this.step);
    this.graph.element.dataset.nodes = String(this.states.cells.size);
  }

  /** The reader stays: values are compared, and where this is is remembered. */
  private rest(): void {
    this.channel.send("at", { step: this.step });
    // What is said of a node is said of it here.
    if (!this.node.hidden && this.said !== this.step && this.step <= this.total) void this.choose(this.cell);
    if (this.step && this.step <= this.total && !this.checks.has(this.step)) void this.compareValues(this.step);
  }

  /** Fetch what is said of this step and of its neighbours. */
  private async read(): Promise<void> {
    const step = this.step;
    const ahead = () => [step + 1, step - 1, step + 2].filter((n) => n >= 0 && n <= this.total && !this.details.has(n)).forEach((n) => void this.fetchDetail(n));
    if (!this.details.has(step)) await this.fetchDetail(step);
    if (step !== this.step) return;
    this.tell();
    ahead();
    if (this.pinned !== null) void this.compare();
  }

  private async fetchDetail(step: number): Promise<void> {
    const { content } = await this.channel.request("detail", { step });
    if (this.details.size > REMEMBERED) this.details.clear();
    if (content.t === "detail") this.details.set(step, content as unknown as Detail);
  }

  private async compareValues(step: number): Promise<void> {
    const { content } = await this.channel.request("check", { step });
    if (content.t !== "check") return;
    this.checks.set(step, content as unknown as Check);
    if (step === this.step) this.tell();
  }

  private tell(): void {
    if (this.pinned !== null && this.pinned !== this.step) return;
    const step = this.step;
    const detail = this.details.get(step) ?? null;
    if (!step) {
      replaceChildren(this.explanation, el("h4", {}, "Before any rule"), el("p", {}, this.total ? "Step forward to see each rule fire." : "No rule fires on this."),
        el("pre", { class: "wb-whole", tabindex: 0, "aria-label": "formula" }, detail?.whole ?? ""));
      return;
    }
    const number = this.ruleOf[step - 1];
    aboutStep(this.explanation, step, {
      rule: this.rules[number], pass: this.passes[this.passOf[step - 1]]?.name ?? "", seconds: this.took[step - 1], detail, check: this.checks.get(step) ?? null,
      whole: () => this.wholeRule(number), firings: this.filter.firingsOf(number), breaks: this.player.breaks.has(number), go: (n) => this.go(n), concerning: (name) => void this.concerned(name, [], true),
      toggleBreak: () => {
        this.player.toggleBreak(number);
        this.list.draw();
        this.tell();
      },
    }, this.open);
    this.explanation.append(fold("formula", this.open, "the whole formula after this step", () => [this.wholeFormula(step)]));
  }

  private wholeRule(number: number): Promise<WholeRule> {
    if (!this.told.has(number)) this.told.set(number, this.channel.request("rule", { rule: number }).then(({ content }) => content as unknown as WholeRule));
    return this.told.get(number)!;
  }

  private wholeFormula(step: number): HTMLElement {
    const text = el("pre", { class: "wb-whole", tabindex: 0, "aria-label": "whole formula" }, "…");
    void this.channel.request("whole", { step }).then(({ content }) => (text.textContent = content.text ?? content.message ?? ""));
    return text;
  }

  private async showStage(number: number): Promise<void> {
    this.graph.element.parentElement!.hidden = true;
    this.stage.hidden = false;
    const name = this.stages[number];
    replaceChildren(this.explanation, el("h4", {}, name, el("span", { class: "wb-quiet" }, "  after the rules")));
    const { content } = await this.channel.request("stage", { stage: number });
    if (this.step !== this.total + 1 + number) return;
    replaceChildren(this.explanation, el("h4", {}, content.name ?? name, el("span", { class: "wb-quiet" }, "  after the rules")),
      el("p", {}, content.doc ?? content.message ?? ""), content.changed === false ? el("p", { class: "wb-quiet" }, "Here it changes nothing.") : null);
    replaceChildren(this.stage, code(content.lines ?? []));
  }

  // Comparing -----------------------------------------------------------------------------------

  private togglePin(): void {
    this.pinned = this.pinned === null ? Math.min(this.step, this.total) : null;
    this.pin.textContent = this.pinned === null ? "Compare from here" : `Comparing from ${this.pinned} ×`;
    this.pin.setAttribute("aria-pressed", String(this.pinned !== null));
    if (this.pinned === null) this.go(this.step);
    else void this.compare();
  }

  private async compare(): Promise<void> {
    const a = this.pinned, b = Math.min(this.step, this.total);
    if (a === null) return;
    if (a === b) return void replaceChildren(this.explanation, el("h4", {}, `Comparing from step ${a}`), el("p", {}, "Go to another step: what differs between the two is shown."));
    const { content, cols } = await this.channel.request("compare", { a, b });
    if (this.pinned !== a || b !== Math.min(this.step, this.total) || content.t !== "compare") return;
    const count = (n: number, word: string) => `${n} node${n === 1 ? "" : "s"} ${word}`;
    replaceChildren(this.explanation, el("h4", {}, `From step ${a} to step ${b}`),
      el("p", {}, [count(content.made.length, "came"), count(content.went, "went"), count(content.changed.length, "have other inputs")].join(", ")),
      sides(content.before, content.after));
    const made = (content.made as number[]).filter((c) => this.states.cells.has(c));
    const ghosts = cellsOf(cols).filter((c) => !this.states.cells.has(c.key));
    const only = this.whole ? null : this.states.near([...made, ...(content.changed as number[]), ...ghosts.flatMap((g) => g.inputs)], COMPARED, 1);
    this.graph.set(this.states.drawing(only, ghosts), this.whole);
    this.graph.mark("wb-produced", made);
    this.graph.mark("wb-changed", content.changed);
    this.graph.mark("wb-linked", []);
    this.graph.mark("wb-pale", []);
    this.graph.mark("wb-gone", ghosts.map((g) => g.key));
    this.graph.reveal(made);
  }

  // What is chosen ------------------------------------------------------------------------------

  private async choose(cell: number | null): Promise<void> {
    this.cell = cell;
    this.node.hidden = cell === null;
    if (cell === null) return;
    const step = Math.min(this.step, this.total);
    this.said = step;
    let { content } = await this.channel.request("node", { step, cell });
    // A ghost was there one step before.
    if (content.t !== "node" && step) ({ content } = await this.channel.request("node", { step: step - 1, cell }));
    if (content.t !== "node") return void replaceChildren(this.node, el("p", {}, content.message ?? ""));
    const facts = content as unknown as NodeFacts;
    this.bus.select({ keys: [facts.key], name: facts.name ?? undefined }, "steps");
    aboutNode(this.node, facts, {
      go: (n) => this.go(n), close: () => (this.node.hidden = true), concerning: (name) => void this.concerned(name, [], true),
      whyNot: async (rule) => (await this.channel.request("why_not", { step, cell, rule })).content.text ?? "",
      elsewhere: this.bus.has("density") ? (key) => this.bus.open("density", { key }) : null,
    });
  }

  /** Mark the steps that concern a variable, and its nodes; show only these if asked to. */
  private async concerned(name: string | null, keys: number[], only = false): Promise<void> {
    if (!name && keys.length) {
      // What has no name is shown where it is.
      const { content } = await this.channel.request("place", { key: keys[0] });
      return this.graph.mark("wb-hit", content.cells ?? []);
    }
    this.chosen = name;
    const marked = await this.filter.mark(name);
    if (this.chosen !== name) return;
    this.concern.hidden = !name;
    if (name) {
      replaceChildren(this.concern, el("span", {}, `${marked} step${marked === 1 ? "" : "s"} concern${marked === 1 ? "s" : ""} `, el("b", {}, name)),
        button("only these", "only", () => this.filter.set(`concerning:${name}`)), button("×", "forget", () => void this.concerned(null, []), "forget the choice"));
    }
    this.markChosen();
    if (only && name) this.filter.set(`concerning:${name}`);
    this.list.draw();
  }

  private markChosen(): void {
    this.graph.mark("wb-hit", this.chosen ? [...this.states.cells.values()].filter((c) => c.label === this.chosen).map((c) => c.key) : []);
  }

  // Passes and the list of steps ----------------------------------------------------------------

  private drawPasses(): void {
    const idle = this.passes.filter((p) => !p.changed).length + this.idleStages.size;
    this.idlePasses.hidden = !idle;
    this.idlePasses.textContent = this.idle ? "Hide passes that change nothing" : `${idle} pass${idle === 1 ? "" : "es"} change${idle === 1 ? "s" : ""} nothing – show`;
    this.idlePasses.setAttribute("aria-pressed", String(this.idle));
    const item = (at: number, title: string, name: string, quiet: string) =>
      el("div", { role: "option", class: "wb-pass", "data-at": at, title, tabindex: -1, onClick: () => this.go(at) }, el("span", {}, name), el("span", { class: "wb-quiet" }, quiet));
    replaceChildren(this.passList,
      ...this.passes.map((p) => (p.changed || this.idle ? item(p.firings ? p.first + 1 : -1, p.doc, p.name, p.firings ? `${p.firings} · ${seconds(p.seconds)}` : `nothing · ${seconds(p.seconds)}`) : null)),
      ...this.stages.map((name, i) => this.idleStages.has(i) && !this.idle ? null : item(this.total + 1 + i, "", name, i ? "" : "after the rules")));
    for (const p of Array.from(this.passList.children)) if (p.getAttribute("data-at") === "-1") p.setAttribute("aria-disabled", "true");
    this.markPass();
  }

  private toggleIdle(): void {
    this.idle = !this.idle;
    this.drawPasses();
  }

  private markPass(): void {
    const pass = this.step && this.step <= this.total ? this.passes[this.passOf[this.step - 1]] : null;
    const at = this.step > this.total ? this.step : pass ? pass.first + 1 : 0;
    const items = Array.from(this.passList.children) as HTMLElement[];
    for (const item of items) {
      const on = at > 0 && Number(item.getAttribute("data-at")) === at;
      item.classList.toggle("wb-on", on);
      item.setAttribute("aria-selected", String(on));
      item.tabIndex = on ? 0 : -1;
    }
    if (items.length && !items.some((i) => i.tabIndex === 0)) items[0].tabIndex = 0;
  }

  private passKey(e: KeyboardEvent): void {
    const items = (Array.from(this.passList.children) as HTMLElement[]).filter((i) => i.getAttribute("data-at") !== "-1");
    const here = items.indexOf((e.target as HTMLElement).closest<HTMLElement>(".wb-pass")!);
    const to = e.key === "ArrowDown" ? here + 1 : e.key === "ArrowUp" ? here - 1 : -1;
    if ((e.key === "Enter" || e.key === " ") && here >= 0) this.go(Number(items[here].getAttribute("data-at")));
    else if (items[to]) {
      items[to].focus();
      this.go(Number(items[to].getAttribute("data-at")));
      items[to].focus();
    } else return;
    e.preventDefault();
    e.stopPropagation();
  }

  private refilter(): void {
    this.list.set(this.filter.count);
    this.list.select(this.filter.indexOf(this.step));
  }

  private breaksAt(step: number): boolean {
    return step >= this.last || (step > 0 && step <= this.total && this.player.breaks.has(this.ruleOf[step - 1]));
  }

  private toggleWhole(): void {
    this.whole = !this.whole;
    this.near.textContent = this.whole ? "Near the change" : "Whole graph";
    if (this.states.at === this.step) this.draw();
  }

  private key(e: KeyboardEvent): void {
    const target = e.target as HTMLElement;
    if (target.closest("input[type=search], select, summary, button, .wb-node-facts") && e.key !== "Escape" && !(target.closest("button") && e.key.startsWith("Arrow"))) return;
    const starts = [...this.passes.filter((p) => p.firings).map((p) => p.first + 1), ...this.stages.map((_, i) => this.total + 1 + i)];
    const here = starts.filter((s) => s <= this.step).length - 1;
    const actions: Record<string, () => void> = {
      ArrowRight: () => this.next(1), ArrowLeft: () => this.next(-1),
      ArrowDown: () => here + 1 < starts.length && this.go(starts[here + 1]), ArrowUp: () => this.go(starts[here - 1] ?? 0),
      Home: () => this.go(0), End: () => this.go(this.last),
      " ": () => this.player.toggle(), "/": () => this.filter.focus(),
      Escape: () => (target === this.root ? this.root.blur() : this.root.focus()),
    };
    const action = actions[e.key];
    if (!action || (target.closest(".wb-canvas") && e.key !== " " && e.key !== "/") || e.ctrlKey || e.metaKey || e.altKey) return;
    if (target === this.scrubber && (e.key.startsWith("Arrow") || e.key === "Home" || e.key === "End")) return;
    e.preventDefault();
    e.stopPropagation();
    action();
  }

  close(): void {
    clearTimeout(this.resting);
    this.player.close();
    this.states.close();
    this.list.close();
    this.graph.close();
    this.forget();
    this.channel.close();
  }
}
