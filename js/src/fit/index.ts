// The Fit tab: a form that starts a fit, the evidence lower bound while it climbs, and at the end whether to trust what was fitted.
import { Figure, Frames, COLOURS, type Pen } from "../plots/figure";
import { count } from "../plots/table";
import type { Bus } from "../shared/bus";
import { button, el, number, replaceChildren, seconds } from "../shared/dom";
import type { Channel, View } from "../shared/protocol";

const OVER = ["done", "stopped", "failed"];
interface Method { name: string; title: string; does: string; steps: string }

export class Fit implements View {
  private readonly frames = new Frames();
  private readonly form: FitForm;
  private readonly state = el("span", { class: "wb-state", role: "status" });
  private readonly facts = el("span", { class: "wb-quiet wb-facts-line" });
  private readonly bar = el("progress", { class: "wb-progress", max: 1, value: 0, "aria-label": "steps made" });
  private readonly stop = button("Stop", "stop", () => this.channel.send("stop"), "stop and keep what is fitted");
  private readonly advice = el("ul", { class: "wb-advice", "aria-live": "polite", hidden: true });
  private readonly fine = el("p", { class: "wb-fine", hidden: true });
  private readonly rows = el("tbody");
  private readonly more = el("p", { class: "wb-quiet wb-does", hidden: true });
  private readonly table = el("div", { class: "wb-elements", hidden: true, tabindex: 0, role: "region", "aria-label": "what was fitted, element by element" },
    el("table", {}, el("thead", {}, el("tr", {}, ...["", "mean", "sd", "3 %", "97 %"].map((h) => el("th", { scope: "col" }, h)))), this.rows));
  private readonly figure: Figure;
  private readonly live: HTMLElement;
  private elbo: number[] = [];
  private stride = 1;
  private total = 1;
  private drawing: ReturnType<typeof setTimeout> | null = null;

  constructor(private readonly channel: Channel, host: HTMLElement, _: Bus) {
    this.form = new FitForm(channel);
    this.figure = new Figure(this.frames, 220, (pen) => climb(pen, this.elbo, this.stride, this.total), "wb-elbo");
    this.live = el("div", { class: "wb-live", hidden: true },
      el("div", { class: "wb-bar" }, this.state, this.facts, el("span", { class: "wb-space" }), this.stop),
      this.bar, this.advice, this.fine, el("div", { class: "wb-plots wb-one", "data-kind": "Pairs" }, this.figure.element), this.table, this.more);
    host.append(el("div", { class: "wb-view wb-fit" }, this.form.element, this.live));
    channel.on("state", ({ content, cols }) => this.progress(content, cols.elbo as Float64Array));
    channel.on("table", ({ content, cols }) => this.fill(content.more, cols));
    channel.hello();
  }

  private progress(c: any, elbo?: Float64Array): void {
    const over = OVER.includes(c.state);
    this.live.hidden = false;
    if (c.start === 0 && this.elbo.length) {
      this.elbo = [];
      this.table.hidden = this.more.hidden = true;
    }
    if (elbo && c.start === this.elbo.length) this.elbo.push(...elbo);
    this.stride = c.stride;
    this.total = c.before + c.total;
    this.state.textContent = c.state;
    this.state.setAttribute("data-state", c.state === "fitting" ? "sampling" : c.state);
    this.stop.hidden = over || c.state === "judging";
    this.form.busy(!over && c.state !== "judging");
    this.bar.value = over && c.state === "done" ? 1 : c.step / c.total;
    const rate = c.step && c.seconds > 0 ? `${count(c.step / c.seconds)} steps a second` : "";
    this.facts.textContent = [c.method, `${count(c.step)} of ${count(c.total)} steps`, c.elbo == null ? "" : `lower bound ${number(c.elbo, 6)}`, c.state === "fitting" ? rate : over ? seconds(c.seconds) : ""].filter(Boolean).join("; ");
    const bad = [c.wrong, c.trusted ? "" : c.words].filter(Boolean), good = [c.message, c.trusted ? c.words : "", c.bound && over ? `the approximation is ${c.bound} in the notebook` : ""].filter(Boolean);
    replaceChildren(this.advice, ...bad.map((t: string) => el("li", {}, sentence(t))));
    this.advice.hidden = !bad.length;
    this.fine.textContent = good.map(sentence).join(" ");
    this.fine.hidden = !good.length || !over;
    this.figure.say(c.before ? `evidence lower bound, with the ${count(c.before)} steps before` : "evidence lower bound", `evidence lower bound, ${c.elbo == null ? "not known yet" : `now ${number(c.elbo, 6)}`}`);
    this.drawing ??= setTimeout(() => {
      this.drawing = null;
      this.figure.redraw();
    }, 50);
  }

  private fill(more: number, cols: any): void {
    const cells = (i: number) => [cols.mean, cols.sd, cols.low, cols.high].map((x: Float64Array) => el("td", {}, number(x[i], 4)));
    replaceChildren(this.rows, ...(cols.name as string[]).map((name, i) => el("tr", {}, el("th", { scope: "row", class: "wb-left" }, name), ...cells(i))));
    this.table.hidden = false;
    this.more.textContent = more ? `and ${count(more)} more` : "";
    this.more.hidden = !more;
  }

  opened(): void {
    this.figure.redraw();
  }

  close(): void {
    if (this.drawing) clearTimeout(this.drawing);
    this.figure.close();
    this.frames.close();
    this.channel.close();
  }
}

/** Steps against the lower bound. It begins far off, so the range is that of its later part; a running mean shows where noise hides it. */
export function climb(pen: Pen, elbo: number[], stride: number, total: number): void {
  const finite = elbo.filter(Number.isFinite);
  if (finite.length < 2) {
    pen.axes([0, total], [0, 1], { y: false });
    return;
  }
  pen.axes([0, total], rangeOf(finite));
  const at = (y: number, k: number): [number, number] => [pen.x((k + 0.5) * stride), pen.y(y)], half = Math.max(1, Math.floor(elbo.length / 50));
  pen.inside(() => {
    pen.line(elbo.map(at), COLOURS[5], { alpha: 0.7 });
    if (elbo.length > 8 * half) pen.line(means(elbo, half).map(at), COLOURS[0], { width: 1.8 });
  });
}

export function rangeOf(finite: number[]): [number, number] {
  const later = finite.slice(Math.floor(finite.length / 10)).sort((a, b) => a - b);
  const low = later[Math.floor(0.02 * later.length)], high = later[later.length - 1];
  const room = 0.05 * (high - low) || Math.abs(high) * 1e-6 || 1;
  return [low - room, high + room];
}

/** Means over up to `half` neighbours on both sides. */
export function means(y: number[], half: number): number[] {
  const sums = [0];
  for (const v of y) sums.push(sums[sums.length - 1] + (Number.isFinite(v) ? v : 0));
  return y.map((_, k) => {
    const reach = Math.min(half, k, y.length - 1 - k);
    return (sums[k + reach + 1] - sums[k - reach]) / (2 * reach + 1);
  });
}

function sentence(text: string): string {
  return `${text[0].toUpperCase()}${text.slice(1).replace(/\.$/, "")}.`;
}

class FitForm {
  readonly element = el("form", { class: "wb-form", hidden: true });
  private readonly method = el("select", { class: "wb-select", name: "method" });
  private readonly steps = el("input", { class: "wb-number", name: "n", inputmode: "numeric", autocomplete: "off", size: 8 });
  private readonly seed = el("input", { class: "wb-number", name: "random_seed", inputmode: "numeric", autocomplete: "off", size: 6 });
  private readonly does = el("p", { class: "wb-quiet wb-does" });
  private readonly code = el("code", { class: "wb-code-line", role: "group", tabindex: 0, "aria-label": "the code that does the same" });
  private readonly start = el("button", { type: "submit", class: "wb-button wb-primary", "data-action": "fit" }, "Fit");
  private readonly said = el("p", { class: "wb-advice", role: "alert", hidden: true });
  private methods: Method[] = [];
  private bound = "approx";

  constructor(private readonly channel: Channel) {
    const label = (text: string, input: HTMLElement) => el("label", { class: "wb-field" }, el("span", { class: "wb-quiet" }, text), input);
    this.element.append(
      el("div", { class: "wb-fields" }, label("method", this.method), label("steps", this.steps), label("seed", this.seed), this.start), this.does, this.said,
      el("div", { class: "wb-together" }, this.code, button("Copy", "copy", () => void navigator.clipboard?.writeText(this.code.textContent ?? ""), "copy the line of code")),
    );
    this.element.addEventListener("submit", (e) => {
      e.preventDefault();
      this.say("");
      channel.send("start", this.given());
    });
    for (const kind of ["input", "change"]) this.element.addEventListener(kind, () => this.changed());
    channel.on("form", ({ content }) => this.fill(content));
    channel.on("refused", ({ content }) => this.say(content.message));
  }

  busy(going: boolean): void {
    this.start.disabled = going;
    this.start.title = going ? "a fit is going on" : "";
  }

  private fill(c: any): void {
    this.element.hidden = false;
    if (c.why_not) {
      replaceChildren(this.element, el("p", { class: "wb-quiet" }, c.why_not));
      return;
    }
    const before = this.method.value;
    this.methods = c.methods;
    this.bound = c.bound;
    replaceChildren(this.method, ...this.methods.map((m) => el("option", { value: m.name, title: m.does }, m.title)));
    this.method.value = before || this.methods[0].name;
    this.changed();
  }

  private given(): Record<string, string> {
    return { method: this.method.value, n: this.steps.value, random_seed: this.seed.value };
  }

  private changed(): void {
    const method = this.methods.find((m) => m.name === this.method.value);
    this.steps.placeholder = method?.steps ?? "";
    this.does.textContent = [method?.does ?? "", `The approximation will be ${this.bound} in the notebook.`].join(" ");
    void this.channel.request("code", this.given()).then(({ content }) => {
      this.code.textContent = content.text ?? "";
      this.say(content.wrong ?? "");
    });
  }

  private say(words: string): void {
    this.said.textContent = words;
    this.said.hidden = !words;
  }
}
