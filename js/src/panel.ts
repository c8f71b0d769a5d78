// A panel: the parts of one subject as tabs, each the next thing that happens to it.
import { Backends } from "./backends/index";
import { Code } from "./code/index";
import { Dashboard } from "./dashboard/index";
import { Fit } from "./fit/index";
import { Inspector } from "./inspector/index";
import { Plan } from "./plan/index";
import { Posterior } from "./posterior/index";
import { Bus } from "./shared/bus";
import { el } from "./shared/dom";
import { Channel, type Model, type View } from "./shared/protocol";
import { Stepper } from "./stepper/index";

type Make = new (channel: Channel, host: HTMLElement, bus: Bus) => View;
const VIEWS: Record<string, Make> = {
  model: Inspector, density: Inspector, steps: Stepper, code: Code, backends: Backends, sample: Dashboard, fit: Fit, infer: Plan, posterior: Posterior,
};

interface Tab { name: string; handle: HTMLElement; page: HTMLElement; view: View | null; channel: Channel | null }

export class Panel {
  private readonly bus = new Bus();
  private readonly tabs: Tab[];
  private readonly root: HTMLElement;
  private readonly lost = () => {
    this.note.textContent = "The kernel was started anew or is gone: run the cell again to bring this to life.";
    this.note.hidden = false;
  };
  private readonly note = el("p", { class: "wb-advice", role: "status", hidden: true });

  constructor(private readonly model: Model, host: HTMLElement) {
    const parts = ((model.get("parts") ?? []) as [string, string][]).filter(([name]) => name in VIEWS);
    const bar = el("div", { class: "wb-tabs", role: "tablist", "aria-label": String(model.get("title") || "panel"), hidden: parts.length < 2 });
    this.tabs = parts.map(([name, title]) => ({
      name, view: null, channel: null,
      handle: el("button", { type: "button", role: "tab", class: "wb-tab", "data-tab": name, onClick: () => this.open(name) }, title),
      page: el("div", { class: "wb-page", role: "tabpanel", "data-page": name, "aria-label": title, hidden: true }),
    }));
    bar.append(...this.tabs.map((t) => t.handle));
    bar.addEventListener("keydown", (e) => this.key(e));
    this.root = el("div", { class: "wb" }, bar, this.note, ...this.tabs.map((t) => t.page));
    this.root.addEventListener("keydown", (e) => e.stopPropagation());
    // Jupyter hears keys before we do, and some of its shortcuts look at the focused element alone: `x` would cut the cell.
    this.root.addEventListener("focusin", (e) => (e.target as Element).setAttribute("data-lm-suppress-shortcuts", "true"));
    host.append(this.root);
    this.bus.open = (part, detail) => this.open(part, detail);
    this.bus.has = (part) => this.tabs.some((t) => t.name === part);
    if ((model.get("parts") ?? []).some(([name]: [string]) => name === "links")) this.link();
    model.on("comm_live_update", this.lost);
    const first = String(model.get("first") ?? "");
    this.open(this.bus.has(first) ? first : this.tabs[0]?.name);
  }

  /** What is chosen in one tab is shown in every other: what became of it, and what it came from. */
  private link(): void {
    const links = (this.links = new Channel(this.model, "links", this.lost));
    let newest = 0;
    this.bus.onSelect(async (choice, from) => {
      const mine = choice.related ? newest : ++newest;
      if (choice.related || !choice.keys.length) return;
      const { content: c } = await links.request("related", { keys: choice.keys });
      if (mine === newest && c.keys) this.bus.select({ keys: c.keys, name: c.name ?? choice.name, related: true }, from);
    });
  }
  private links: Channel | null = null;

  private open(name: string | undefined, detail?: any): void {
    const tab = this.tabs.find((t) => t.name === name);
    if (!tab) return;
    for (const t of this.tabs) {
      const on = t === tab;
      t.page.hidden = !on;
      t.handle.setAttribute("aria-selected", String(on));
      t.handle.tabIndex = on ? 0 : -1;
    }
    if (!tab.view) {
      tab.channel = new Channel(this.model, tab.name, this.lost);
      tab.view = new VIEWS[tab.name](tab.channel, tab.page, this.bus);
    }
    tab.view.opened?.(detail);
  }

  private key(e: KeyboardEvent): void {
    const at = this.tabs.findIndex((t) => !t.page.hidden);
    const to = e.key === "ArrowRight" ? at + 1 : e.key === "ArrowLeft" ? at - 1 : e.key === "Home" ? 0 : e.key === "End" ? this.tabs.length - 1 : at;
    if (to === at || !this.tabs[to]) return;
    e.preventDefault();
    this.open(this.tabs[to].name);
    this.tabs[to].handle.focus();
  }

  close(): void {
    this.model.off("comm_live_update", this.lost);
    this.links?.close();
    for (const t of this.tabs) {
      t.view?.close();
      t.channel?.close();
    }
  }
}
