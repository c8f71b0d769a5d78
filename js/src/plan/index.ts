// The Infer tab: one button; then what is done with the model, step by step, each with its reason, what was measured, and a switch.
import type { Bus } from "../shared/bus";
import { button, el, replaceChildren, seconds } from "../shared/dom";
import type { Channel, View } from "../shared/protocol";

interface Step { name: string; reason: string; evidence: string; on: boolean; switch: boolean; rules: boolean }
const BUSY: Record<string, string> = { planning: "pilots run, and the best of them goes on …", running: "the plan is carried out …" };

export class Plan implements View {
  private readonly time = el("input", { class: "wb-number", name: "seconds", inputmode: "decimal", placeholder: "any", autocomplete: "off", size: 6 });
  private readonly seed = el("input", { class: "wb-number", name: "random_seed", inputmode: "numeric", autocomplete: "off", size: 6 });
  private readonly start = el("button", { type: "submit", class: "wb-button wb-primary", "data-action": "infer" }, "Infer");
  private readonly form: HTMLElement;
  private readonly state = el("span", { class: "wb-state", role: "status" });
  private readonly facts = el("span", { class: "wb-quiet wb-facts-line" });
  private readonly again = button("Carry out", "carry-out", () => this.channel.send("run"), "carry the plan out with the switches as they are");
  private readonly next = button("Posterior →", "posterior", () => this.bus.open("posterior"), "look at the draws");
  private readonly steps = el("ol", { class: "wb-plan-steps", "aria-label": "the plan" });
  private readonly advice = el("ul", { class: "wb-advice", "aria-live": "polite", hidden: true });
  private readonly fine = el("p", { class: "wb-fine", hidden: true });
  private readonly code = el("pre", { class: "wb-plan-code", tabindex: 0, "aria-label": "the plan as code" });
  private readonly live: HTMLElement;

  constructor(private readonly channel: Channel, host: HTMLElement, private readonly bus: Bus) {
    const label = (text: string, input: HTMLElement) => el("label", { class: "wb-field" }, el("span", { class: "wb-quiet" }, text), input);
    this.form = el("form", { class: "wb-form" }, el("div", { class: "wb-fields" }, label("seconds", this.time), label("seed", this.seed), this.start),
      el("p", { class: "wb-quiet wb-does" }, "Sums out what is discrete, integrates what has a closed form, chooses coordinates by pilots, samples, and says why."));
    this.form.addEventListener("submit", (e) => {
      e.preventDefault();
      channel.send("plan", { seconds: this.time.value, random_seed: this.seed.value });
    });
    const copy = button("Copy", "copy", () => void navigator.clipboard?.writeText(this.code.textContent ?? ""), "copy the plan as code");
    this.live = el("div", { class: "wb-live", hidden: true },
      el("div", { class: "wb-bar" }, this.state, this.facts, el("span", { class: "wb-space" }), this.again, this.next),
      this.advice, this.fine, this.steps, el("details", { class: "wb-plan-as-code" }, el("summary", {}, "the plan as code"), this.code, copy));
    host.append(el("div", { class: "wb-view wb-plan" }, this.form, this.live));
    channel.on("plan", ({ content }) => this.show(content));
    channel.on("rules", () => this.bus.open("steps"));
    channel.hello();
  }

  private show(c: any): void {
    if (c.why_not) {
      replaceChildren(this.form, el("p", { class: "wb-quiet" }, c.why_not));
      return;
    }
    const busy = c.state in BUSY;
    this.live.hidden = c.state === "idle";
    this.start.disabled = busy;
    this.state.textContent = c.state;
    this.state.setAttribute("data-state", busy ? "sampling" : c.state);
    this.facts.textContent = BUSY[c.state] ?? Object.entries(c.seconds as Record<string, number>).map(([what, s]) => `${what} ${seconds(s)}`).join("; ");
    this.again.hidden = c.state !== "ready";
    this.next.hidden = c.state !== "done" || c.fresh || !this.bus.has("posterior");
    replaceChildren(this.steps, ...(c.steps as Step[]).map((s) => this.step(s, busy)));
    const bad: string[] = [...c.advice, ...(c.state === "failed" ? [c.said] : [])];
    replaceChildren(this.advice, ...bad.map((t) => el("li", {}, sentence(t))));
    this.advice.hidden = !bad.length;
    this.fine.textContent = c.state === "done" && c.said ? sentence(c.said) : "";
    this.fine.hidden = !this.fine.textContent;
    this.code.textContent = c.code;
    this.live.querySelector<HTMLElement>(".wb-plan-as-code")!.hidden = !c.code;
  }

  private step(s: Step, busy: boolean): HTMLElement {
    const box = s.switch ? el("input", { type: "checkbox", checked: s.on, disabled: busy }) : null;
    box?.addEventListener("change", () => this.channel.send("switch", { name: s.name, on: box.checked }));
    const rules = s.rules && this.bus.has("steps") ? button("rules →", "rules", () => this.channel.send("rules", { name: s.name }), `the rules that ${s.name} fires, in the stepper`) : null;
    return el("li", { class: s.on ? "" : "wb-plan-off" }, el("label", { class: "wb-plan-name" }, box, s.name), rules, el("p", {}, sentence(s.reason)),
      s.evidence ? el("p", { class: "wb-quiet" }, s.evidence) : null);
  }

  close(): void {
    this.channel.close();
  }
}

/** What begins with a variable's name keeps its letters. */
function sentence(text: string): string {
  return text ? `${text.replace(/\.$/, "")}.` : "";
}
