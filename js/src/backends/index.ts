// The backends side by side: what each takes to compile, how fast and how near it is, and one click to change.
import type { Bus } from "../shared/bus";
import { button, el, number, replaceChildren, seconds } from "../shared/dom";
import type { Channel, View } from "../shared/protocol";

interface Place { key: string; backend: string; title: string; why: string; fix: string; asked: boolean; device: string }
interface Measure {
  key: string; precision: string; state: "waiting" | "now" | "done" | "failed"; phase?: string; why?: string; fix?: string;
  compile?: number; anew?: number | null; cached?: boolean | null; phases?: Record<string, number>; seconds?: number; calls?: number; batches?: number;
  difference?: number | null; relative?: number | null; not_finite?: number;
}

const PHASES: Record<string, string> = {
  derive: "deriving the gradient", rewrite: "rewriting", lower: "lowering to loops", compile: "compiling", compare: "comparing", time: "timing",
};

export class Backends implements View {
  private places: Place[] = [];
  private readonly measures = new Map<string, Measure>();
  private state: any = {};
  private readonly body = el("tbody");
  private readonly said = el("p", { class: "wb-backends-said", role: "status" });
  private readonly how = el("p", { class: "wb-quiet wb-how" });
  private readonly single = el("input", { type: "checkbox" });
  private readonly all: HTMLButtonElement;
  private readonly cancel: HTMLButtonElement;
  private readonly bar: HTMLElement;
  private readonly table: HTMLElement;

  constructor(private readonly channel: Channel, host: HTMLElement, private readonly bus: Bus) {
    this.all = button("Measure all", "measure-all", () => this.measure(this.places.filter((p) => !p.why).map((p) => p.key)), "imports Numba and JAX where they are installed");
    this.cancel = button("Cancel", "cancel", () => this.channel.send("cancel"), "stop after the phase that is going on");
    this.bar = el("div", { class: "wb-bar" }, this.all, el("label", { class: "wb-check-box" }, this.single, " in float32 too"), this.cancel);
    this.table = el("table", { class: "wb-backends-table" },
      el("caption", { class: "wb-visually-hidden" }, "backends: compile time, time of an evaluation, difference from NumPy"), el("thead", {}), this.body);
    host.append(el("div", { class: "wb-view wb-backends" }, this.bar, el("div", { class: "wb-backends-scroll", tabindex: 0, role: "region", "aria-label": "table of backends" }, this.table), this.said, this.how));
    this.single.addEventListener("change", () => this.draw());
    channel.on("places", ({ content }) => {
      this.state = content;
      this.places = content.rows;
      this.measures.clear();
      for (const m of content.measures as Measure[]) this.measures.set(`${m.key} ${m.precision}`, m);
      if (content.said) this.said.textContent = content.said;
      this.draw();
    });
    channel.on("measure", ({ content }) => {
      this.measures.set(`${content.row.key} ${content.row.precision}`, content.row);
      this.draw();
    });
    channel.hello();
  }

  private get precisions(): string[] {
    return this.single.checked || [...this.measures.values()].some((m) => m.precision === "float32") ? ["float64", "float32"] : ["float64"];
  }

  private measure(keys: string[]): void {
    const wanted = this.single.checked ? ["float64", "float32"] : ["float64"];
    for (const key of keys) for (const precision of wanted) this.measures.set(`${key} ${precision}`, { key, precision, state: "waiting" });
    this.channel.send("measure", { keys, precisions: wanted });
    this.draw();
  }

  private draw(): void {
    const measures = this.state.kind !== "default";
    const busy = [...this.measures.values()].some((m) => m.state === "now" || m.state === "waiting");
    this.bar.hidden = !measures;
    this.how.hidden = !measures;
    this.cancel.hidden = !busy;
    this.how.textContent = this.state.how ?? "";
    const heads = ["", "", ...(measures ? ["compiled in", "an evaluation", "largest difference", "in proportion", ""] : [""])];
    const names = ["use", "backend", ...(measures ? ["compiled in", "an evaluation", "largest difference", "in proportion", "code"] : ["what is in the way"])];
    replaceChildren(this.table.querySelector("thead")!, el("tr", {}, ...heads.map((h, i) => el("th", { scope: "col" }, h || el("span", { class: "wb-visually-hidden" }, names[i])))));
    const held = document.activeElement?.closest?.("[data-place]")?.getAttribute("data-place");
    const action = (document.activeElement as HTMLElement | null)?.dataset?.action;
    const inside = this.body.contains(document.activeElement);
    const fastest = Math.min(...[...this.measures.values()].map((m) => m.seconds ?? Infinity));
    replaceChildren(this.body, ...this.places.flatMap((p) => this.precisions.map((precision) => (precision === "float32" && (p.why || !measures) ? null : this.row(p, precision, fastest)))));
    if (inside && held) (this.body.querySelector(`[data-place="${held}"] [data-action="${action}"]`) as HTMLElement | null)?.focus();
  }

  private row(p: Place, precision: string, fastest: number): HTMLElement {
    const m = this.measures.get(`${p.key} ${precision}`);
    const double = precision === "float64";
    const measures = this.state.kind !== "default";
    const on = double && p.backend === this.state.used && this.places.find((q) => q.backend === p.backend && !q.why) === p;
    const changes = this.state.kind === "model" || this.state.kind === "default";
    const use = double && changes && !p.why
      ? button(on ? "✓ in use" : "Use", "use", () => this.channel.send("use", { key: p.key }), on ? "it is computed here" : `compute it by ${p.title}`) : null;
    use?.setAttribute("aria-pressed", String(on));
    use?.setAttribute("aria-label", `${on ? "in use" : "use"}: ${p.title}`);
    const title = el("th", { scope: "row" }, double ? p.title : "float32", double && p.device ? el("span", { class: "wb-quiet wb-device" }, p.device) : null,
      on && !changes ? el("span", { class: "wb-quiet wb-device" }, "compiled here") : null);
    const row = el("tr", { "data-place": `${p.key} ${precision}`, class: [on ? "wb-used" : "", p.why ? "wb-absent" : "", double ? "" : "wb-single"].join(" ").trim() }, el("td", {}, use), title);
    if (use && !on) row.addEventListener("click", (e) => { if (!(e.target as Element).closest("button")) this.channel.send("use", { key: p.key }); });
    if (p.why) {
      row.append(el("td", { colspan: measures ? 5 : 1, class: "wb-reason" }, "✗ ", p.why, p.fix ? el("span", { class: "wb-fix" }, ` → ${p.fix}`) : null));
    } else if (!measures) {
      row.append(el("td", { class: "wb-reason wb-quiet" }, p.asked ? "" : "known when JAX is imported ", p.asked ? null : button("look", "look", () => this.channel.send("look"), "import JAX and ask it for its devices")));
    } else {
      row.append(...this.cells(p, m, precision, fastest), el("td", {}, double && this.bus.has("code") ? this.code(p) : null));
    }
    return row;
  }

  private cells(p: Place, m: Measure | undefined, precision: string, fastest: number): HTMLElement[] {
    const wide = (...said: (Node | string | null)[]) => [el("td", { colspan: 4, class: "wb-reason" }, ...said)];
    if (!m) {
      const start = button("measure", "measure", () => { this.measures.set(`${p.key} ${precision}`, { key: p.key, precision, state: "waiting" }); this.channel.send("measure", { keys: [p.key], precisions: [precision] }); this.draw(); });
      start.setAttribute("aria-label", `measure ${p.title} in ${precision}`);
      return wide(start, p.asked ? null : el("span", { class: "wb-quiet" }, " imports JAX"));
    }
    if (m.state === "waiting") return wide(el("span", { class: "wb-quiet" }, "waits for its turn"));
    if (m.state === "now") return wide(el("span", { class: "wb-spinner", "aria-hidden": "true" }), el("span", {}, PHASES[m.phase ?? ""] ?? m.phase ?? "starting", " …"));
    if (m.state === "failed") return wide(el("span", { class: "wb-warn" }, `✗ ${m.why}`), m.fix ? el("span", { class: "wb-fix" }, ` → ${m.fix}`) : null);
    const parts = Object.entries(m.phases ?? {}).map(([name, s]) => `${name.replace("_", " ")} ${seconds(s)}`).join(", ");
    const bar = el("span", { class: "wb-rate", "aria-hidden": "true" });
    bar.style.width = `${Math.max(2, (60 * fastest) / (m.seconds || 1))}px`;
    const times = (m.seconds ?? 0) / fastest;
    return [
      el("td", { title: parts }, seconds(m.compile ?? NaN), m.cached === null || m.cached === undefined ? null : el("span", { class: "wb-quiet" }, !m.cached ? " anew" : m.anew ? ` from the cache, ${seconds(m.anew)} anew` : " from the cache")),
      el("td", { title: `fastest of ${m.batches} batches of ${m.calls} calls` }, bar, duration(m.seconds ?? NaN), el("span", { class: "wb-quiet" }, times > 1.05 ? ` ×${number(times, 2)}` : " fastest")),
      el("td", {}, m.not_finite ? el("span", { class: "wb-warn" }, `not finite alike at ${m.not_finite} points`) : m.difference === 0 ? "0" : (m.difference ?? NaN).toExponential(1)),
      el("td", {}, m.relative === 0 ? "0" : (m.relative ?? NaN).toExponential(1)),
    ];
  }

  private code(p: Place): HTMLElement {
    const open = button("code", "code", () => this.bus.open("code", { backend: p.backend }), `the code that ${p.title} runs`);
    open.setAttribute("aria-label", `code of ${p.title}`);
    return open;
  }

  close(): void {
    this.channel.close();
  }
}

function duration(s: number): string {
  return s < 1e-4 ? `${number(s * 1e6)} µs` : seconds(s);
}
