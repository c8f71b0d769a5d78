// What is chosen before a model is sampled, and the line of code that does the same.
import { button, el, replaceChildren } from "../shared/dom";
import type { Channel } from "../shared/protocol";

interface Option { name: string; title: string; does?: string; why_not?: string; group?: string; kind?: string; fewest?: number }
const NUMBERS: [string, string, string][] = [["draws", "draws", "1000"], ["tune", "warm-up", "1000"], ["chains", "chains", "4"], ["random_seed", "seed", ""], ["target_accept", "target accept", "0.8"]];

export class Form {
  readonly element = el("form", { class: "wb-form", hidden: true });
  private readonly method = el("select", { class: "wb-select" });
  private readonly place = el("select", { class: "wb-select" });
  private readonly inputs = new Map<string, HTMLInputElement>();
  private readonly does = el("p", { class: "wb-quiet wb-does" });
  private readonly code = el("code", { class: "wb-code-line", role: "group", tabindex: 0, "aria-label": "the code that does the same" });
  private readonly start = el("button", { type: "submit", class: "wb-button wb-primary", "data-action": "start" }, "Sample");
  private readonly said = el("p", { class: "wb-advice", role: "alert", hidden: true });
  private places: Option[] = [];
  private devices: Option[] = [];
  private methods: Option[] = [];
  private bound = "idata";

  constructor(private readonly channel: Channel) {
    const label = (text: string, input: HTMLElement) => el("label", { class: "wb-field" }, el("span", { class: "wb-quiet" }, text), input);
    const fields = NUMBERS.map(([name, title, placeholder]) => {
      const input = el("input", { class: "wb-number", name, inputmode: name === "target_accept" ? "decimal" : "numeric", placeholder, autocomplete: "off", size: 6 });
      this.inputs.set(name, input);
      return label(title, input);
    });
    this.element.append(
      el("div", { class: "wb-fields" }, label("method", this.method), ...fields, label("where", this.place), this.start),
      this.does, this.said,
      el("div", { class: "wb-together" }, this.code, button("Copy", "copy", () => void navigator.clipboard?.writeText(this.code.textContent ?? ""), "copy the line of code")),
    );
    this.element.addEventListener("submit", (e) => {
      e.preventDefault();
      this.say("");
      this.channel.send("start", this.given());
    });
    this.element.addEventListener("input", () => this.changed());
    this.element.addEventListener("change", () => this.changed());
    channel.on("form", ({ content }) => this.fill(content));
    channel.on("devices", ({ content }) => this.placesAre(this.places, content.devices));
    channel.on("refused", ({ content }) => this.say(content.message));
  }

  /** While a run goes on, another does not begin. */
  busy(going: boolean): void {
    this.start.disabled = going;
    this.start.title = going ? "a run is going on" : "";
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
    const groups = new Map<string, HTMLElement>();
    for (const m of this.methods) {
      const group = m.group ?? "";
      if (!groups.has(group)) groups.set(group, el("optgroup", { label: group }));
      groups.get(group)!.append(option(m));
    }
    replaceChildren(this.method, ...groups.values());
    this.method.value = before && this.methods.some((m) => m.name === before) ? before : "auto";
    for (const [name, value] of Object.entries((c.given ?? {}) as Record<string, string>)) {
      const input = this.inputs.get(name) ?? (name === "method" ? this.method : null);
      if (input && !before) input.value = value;
    }
    this.placesAre(c.places, c.devices ?? this.devices, before ? undefined : c.given?.place);
  }

  private placesAre(places: Option[], devices: Option[], given?: string): void {
    this.places = places;
    this.devices = devices ?? [];
    const before = given ?? this.place.value;
    replaceChildren(this.place, el("optgroup", { label: "each chain by itself, or all together" }, ...places.map((p) => option(p))),
      this.devices.length ? el("optgroup", { label: "many chains together, on" }, ...this.devices.map((d) => option(d))) : null);
    this.place.value = before || "";
    this.changed();
  }

  private given(): Record<string, string> {
    return { method: this.method.value || "auto", place: this.place.value, ...Object.fromEntries([...this.inputs].map(([name, input]) => [name, input.value])) };
  }

  private changed(): void {
    const method = this.methods.find((m) => m.name === this.method.value);
    const together = this.method.value.startsWith("together:");
    for (const o of this.place.querySelectorAll<HTMLOptionElement>("option[value^='device:']")) {
      const device = this.devices.find((d) => d.name === o.value);
      o.disabled = Boolean(device?.why_not) || !together;
    }
    if (!together && this.place.value.startsWith("device:")) this.place.value = "";
    this.inputs.get("chains")!.placeholder = together ? String(Math.max(128, method?.fewest ?? 0)) : "4";
    this.does.textContent = [method?.does && `${method.does[0].toUpperCase()}${method.does.slice(1).replace(/\.$/, "")}.`,
      together ? `Give hundreds of chains: with ${method?.fewest ?? 2} at least.` : this.devices.some((d) => !d.why_not && d.kind !== "cpu") ? "The device is for many chains together." : "",
      `The draws will be ${this.bound} in the notebook.`].filter(Boolean).join(" ");
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

function option(o: Option): HTMLOptionElement {
  return el("option", { value: o.name, disabled: Boolean(o.why_not), title: o.does }, o.why_not ? `${o.title} – not usable: ${o.why_not}` : o.title);
}
