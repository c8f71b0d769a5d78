// The code on every backend, line by line: what each computes, from which line of the user's, and in which loop; linked with the graph.
import type { Bus } from "../shared/bus";
import { button, el, percent, replaceChildren, save, seconds } from "../shared/dom";
import type { Channel, View } from "../shared/protocol";
import { Listing } from "./listing";
import { Pane } from "./pane";

interface Kind { kind: string; title: string; language: string }
const ENDINGS: Record<string, string> = { c: "c", python: "py", jaxpr: "txt", loops: "txt" };

export class Code implements View {
  private kinds: Kind[] = [];
  private readonly listings = new Map<string, Listing>();
  private kind = "";
  private beside = "";
  private name = "code";
  private chosen = new Set<number>();
  private called = "";
  private current = -1;
  private found: number[] = [];
  private readonly clock = button("Measure", "measure", () => this.measure(), "how long each loop of the C code takes: it is compiled once more, with clocks");
  /** What the note says of measuring. */
  private measuring = "";
  private wished: { key?: number; backend?: string } = {};
  private readonly toggle = el("div", { class: "wb-toggle", role: "group", "aria-label": "which code" });
  private readonly other = el("select", { class: "wb-select", "aria-label": "code beside it" });
  private readonly search = el("input", { type: "search", class: "wb-search wb-code-search", placeholder: "find  ( / )", "aria-label": "find in the code" });
  private readonly hits = el("span", { class: "wb-quiet wb-hits", role: "status" });
  private readonly userLines = el("input", { type: "checkbox", checked: true });
  private readonly note = el("p", { class: "wb-code-note", role: "status" });
  private readonly left = new Pane((line) => this.choose(this.kind, line));
  private readonly right = new Pane((line) => this.choose(this.beside, line));
  private readonly about = el("div", { class: "wb-code-about", "aria-live": "polite" });
  private readonly forget: () => void;

  constructor(private readonly channel: Channel, host: HTMLElement, private readonly bus: Bus) {
    this.right.element.hidden = true;
    const root = el("div", { class: "wb-view wb-code-view" },
      el("div", { class: "wb-bar" }, this.toggle, el("label", { class: "wb-check-box" }, "beside ", this.other), this.search, this.hits,
        el("label", { class: "wb-check-box" }, this.userLines, " your lines"), el("span", { class: "wb-space" }),
        this.clock, button("Copy", "copy", () => void this.copy(), "copy the code"), button("Download", "download", () => this.download(), "save the code as a file")),
      this.note, el("div", { class: "wb-code-panes" }, this.left.element, this.right.element), this.about);
    host.append(root);
    root.addEventListener("keydown", (e) => this.key(e));
    this.search.addEventListener("input", () => this.find());
    this.other.addEventListener("change", () => this.openBeside(this.other.value));
    this.userLines.addEventListener("change", () => this.draw());
    this.forget = bus.onSelect((choice, from) => {
      // Relatives in other graphs are marked where what was chosen has no lines itself.
      if (from !== "code" && !(choice.related && this.listing?.linesOf(this.chosen).length)) void this.mark(choice.keys, choice.name);
    });
    channel.on("kinds", ({ content }) => {
      this.kinds = content.kinds;
      this.name = content.name;
      this.listings.clear();
      replaceChildren(this.other, el("option", { value: "" }, "nothing"), ...this.kinds.map((k) => el("option", { value: k.kind }, k.title)));
      this.open(this.wished.backend ?? (this.kind || content.start));
      if (this.beside) this.ask(this.beside);
    });
    channel.on("code", ({ content, cols }) => this.receive(content, cols));
    channel.on("times", ({ content, cols }) => this.timed(content, cols));
    channel.hello();
  }

  /** Go to the code of a backend, or to the lines of an expression. */
  opened(detail?: any): void {
    const c = this.listings.get("c");
    if (c?.complete && !c.times) this.channel.send("times");  // It may have been measured in another tab.
    if (!detail) return this.revealChosen();  // What was chosen while the tab was closed.
    this.wished = detail;
    if (detail.backend && this.kinds.length) this.open(detail.backend);
    if (typeof detail.key === "number") void this.mark([detail.key]);
  }

  private open(kind: string): void {
    if (!this.kinds.some((k) => k.kind === kind)) return;
    this.kind = kind;
    this.current = -1;
    replaceChildren(this.toggle, ...this.kinds.map((k) => {
      const b = button(k.title, `code-${k.kind}`, () => this.open(k.kind));
      b.setAttribute("aria-pressed", String(k.kind === kind));
      return b;
    }));
    this.ask(kind);
    this.find();
    void this.mark([...this.chosen], this.called);
  }

  private openBeside(kind: string): void {
    this.beside = kind;
    this.right.element.hidden = !kind;
    if (kind) this.ask(kind);
    this.draw();
  }

  private ask(kind: string): void {
    const known = this.listings.get(kind);
    if (known && !known.error) return;
    const about = this.kinds.find((k) => k.kind === kind)!;
    this.listings.set(kind, new Listing(kind, about.title, about.language));
    this.channel.send("code", { kind });
    this.draw();
  }

  private receive(content: any, cols: any): void {
    const about = this.kinds.find((k) => k.kind === content.kind);
    if (!about) return;
    let listing = this.listings.get(content.kind);
    if (!listing || content.start === 0) this.listings.set(content.kind, (listing = new Listing(about.kind, about.title, about.language)));
    if (content.error) {
      listing.error = content.error;
      listing.hint = content.hint ?? "";
    } else if (content.start === listing.text.length) listing.add(content, cols);
    this.draw();
    if (listing.complete && content.kind === this.beside) this.right.reveal(listing.firstOf(this.chosen));
    if (listing.complete && content.kind === this.kind) {
      this.find();
      void this.mark(this.wished.key !== undefined ? [this.wished.key] : [...this.chosen], this.called);
      this.wished = {};
    }
  }

  private measure(): void {
    this.measuring = "compiling with clocks, and measuring …";
    this.channel.send("measure", { anew: Boolean(this.listings.get("c")?.times) });
    if (this.kind !== "c" && this.beside !== "c") this.open("c");
    this.draw();
  }

  private timed(content: any, cols: any): void {
    this.measuring = content.error ? `✗ ${content.error}${content.hint ? ` → ${content.hint}` : ""}` : "";
    if (!content.error) this.listings.get("c")?.measured(content, cols);
    this.draw();
    if (this.listing && this.current >= 0) this.describe(this.listing, this.current);
  }

  private get listing(): Listing | undefined {
    return this.listings.get(this.kind);
  }

  /** Mark the lines of expressions; where they have none, those of what was made of them. */
  private async mark(keys: number[], name = ""): Promise<void> {
    this.chosen = new Set(keys);
    this.called = name;
    if (!(keys.length || name) || !this.listing?.complete) return this.draw();
    const { cols } = await this.channel.request("related", { keys, name, kind: this.kind });
    if (cols.key) this.chosen = new Set([...keys, ...(cols.key as Int32Array)]);
    this.draw();
    this.revealChosen();
  }

  private revealChosen(): void {
    for (const [pane, kind] of [[this.left, this.kind], [this.right, this.beside]] as const) {
      pane.reveal(this.listings.get(kind)?.firstOf(this.chosen) ?? -1);
    }
  }

  private choose(kind: string, line: number): void {
    const listing = this.listings.get(kind);
    if (!listing) return;
    if (kind === this.kind) this.current = line;
    const key = listing.key[line];
    this.chosen = new Set(key >= 0 ? [key] : []);
    this.called = "";
    this.draw();
    (kind === this.kind ? this.left : this.right).reveal(line);
    const [other, pane] = kind === this.kind ? [this.beside, this.right] : [this.kind, this.left];
    pane.reveal(this.listings.get(other)?.firstOf(this.chosen) ?? -1);
    this.describe(listing, line);
    this.bus.select({ keys: [...this.chosen] }, "code");
  }

  private describe(listing: Listing, line: number): void {
    const key = listing.key[line], place = listing.places[listing.place[line]], loop = listing.loop[line];
    const fused = listing.fusedWith(line).length;
    const time = listing.timeOf(line);
    const same = key >= 0 ? listing.linesOf(new Set([key])).length : 0;
    replaceChildren(this.about,
      el("span", { class: "wb-quiet" }, `line ${line + 1}`),
      place ? el("span", {}, `from ${place.file}:${place.number}  `, el("code", {}, place.text)) : null,
      loop ? el("span", {}, `in block ${loop}, where ${fused} expression${fused === 1 ? " is" : "s are"} computed together`) : null,
      time ? el("span", {}, `${percent(time.share)} of a call: ${seconds(time.seconds)}${time.times > 1 ? `, runs ${Math.round(time.times).toLocaleString("en")} times` : ""}`) : null,
      same > 1 ? el("span", { class: "wb-quiet" }, `${same} lines are of this expression`) : null,
      key >= 0 && this.bus.has("density") ? button("Show in the graph", "show-graph", () => this.bus.open("density", { key })) : null,
      key >= 0 && this.bus.has("steps") ? button("Which rule made it", "show-step", () => this.bus.open("steps", { key })) : null);
  }

  private draw(): void {
    const withLines = this.userLines.checked;
    const marks = { chosen: this.chosen, found: new Set(this.found), current: this.current };
    for (const [pane, kind] of [[this.left, this.kind], [this.right, this.beside]] as const) {
      const listing = this.listings.get(kind);
      if (listing) pane.show(listing, kind === this.kind ? marks : { ...marks, found: new Set(), current: -1 }, withLines);
    }
    this.clock.disabled = this.measuring.endsWith("…");
    const shown = this.listing, beside = this.listings.get(this.beside);
    const said = [shown, beside].map((l) => (!l ? "" : l.error ? `✗ ${l.title}: ${l.error}${l.hint ? ` → ${l.hint}` : ""}` : l.complete ? "" : `making ${l.title} …`)).concat(this.measuring).filter(Boolean).join("; ");
    this.note.textContent = said;
    this.note.hidden = !said;
  }

  private find(): void {
    const wanted = this.search.value.toLowerCase(), listing = this.listing;
    this.found = wanted && listing ? listing.text.flatMap((t, i) => (t.toLowerCase().includes(wanted) ? [i] : [])) : [];
    this.hits.textContent = wanted ? `${this.found.length} found` : "";
    this.draw();
    if (this.found.length) this.left.reveal(this.found[0]);
  }

  /** Go to the next line that was found, or to the one before. */
  private next(by: number): void {
    if (!this.found.length) return;
    const after = by > 0 ? this.found.find((i) => i > this.current) ?? this.found[0] : [...this.found].reverse().find((i) => i < this.current) ?? this.found[this.found.length - 1];
    this.choose(this.kind, after);
    this.hits.textContent = `${this.found.indexOf(after) + 1} of ${this.found.length}`;
  }

  private key(e: KeyboardEvent): void {
    const typing = e.target instanceof HTMLInputElement && e.target.type === "search";
    if (typing) {
      if (e.key === "Enter") this.next(e.shiftKey ? -1 : 1);
      if (e.key === "Escape") { this.search.value = ""; this.find(); this.left.element.focus(); }
      if (e.key === "Enter" || e.key === "Escape") e.preventDefault();
      return;
    }
    const actions: Record<string, () => void> = { "/": () => this.search.focus(), n: () => this.next(1), N: () => this.next(-1) };
    if (!actions[e.key] || e.ctrlKey || e.metaKey || e.altKey || e.target instanceof HTMLSelectElement) return;
    e.preventDefault();
    actions[e.key]();
  }

  private async copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(this.listing?.text.join("\n") ?? "");
      this.hits.textContent = "copied";
    } catch {
      this.hits.textContent = "the browser does not let it be copied: download it";
    }
  }

  private download(): void {
    if (this.listing) save(`${this.name}.${ENDINGS[this.listing.language]}`, "text/plain", this.listing.text.join("\n"));
  }

  close(): void {
    this.forget();
    this.left.close();
    this.right.close();
    this.channel.close();
  }
}
