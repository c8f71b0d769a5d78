// The graph as a tree of its groups and nodes, for those who do not see the drawing and for finding one's way: arrow keys, Enter.
import { el, replaceChildren } from "../shared/dom";
import type { GraphData } from "./data";
import { short } from "./scene";

/** Rows of one branch that are shown; of more it is said how many there are. */
const MOST = 200;
const SOON = 120;

interface Entry { id: number; label: string; level: number; open: boolean | null }

export class Outline {
  readonly element = el("ul", { class: "wb-outline", role: "tree", "aria-label": "nodes of the graph", tabindex: 0 });
  private entries: Entry[] = [];
  private at = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** `onChoose` is told a node's key or `-1 - group`; `onToggle` a group. */
  constructor(private readonly onChoose: (id: number) => void, private readonly onToggle: (group: number) => void) {
    this.element.addEventListener("keydown", (e) => this.key(e));
    this.element.addEventListener("click", (e) => {
      const row = (e.target as Element).closest?.("[data-row]");
      if (!row) return;
      this.at = Number(row.getAttribute("data-row"));
      this.chosen(true);
    });
    this.element.addEventListener("focus", () => this.mark());
  }

  /** Show a graph, soon: who steps through many looks at few of them. */
  draw(data: GraphData, open: ReadonlySet<number>, only: ReadonlySet<number> | null, selected: number | null): void {
    clearTimeout(this.timer);
    const now = () => this.element.isConnected && this.drawn(data, open, only, selected);
    if (document.activeElement === this.element) now();
    else this.timer = setTimeout(now, SOON);
  }

  private drawn(data: GraphData, open: ReadonlySet<number>, only: ReadonlySet<number> | null, selected: number | null): void {
    const under = new Map<number, number[]>(), nodes = new Map<number, typeof data.nodes>();
    if (!only) data.groups.forEach((g, i) => under.set(g.parent, [...(under.get(g.parent) ?? []), i]));
    for (const n of data.nodes) {
      if (only && !only.has(n.key)) continue;
      const place = only ? -1 : n.group, known = nodes.get(place);
      if (known) known.push(n);
      else nodes.set(place, [n]);
    }
    const entries: Entry[] = [];
    const add = (group: number, level: number) => {
      for (const g of under.get(group) ?? []) {
        entries.push({ id: -1 - g, label: `${data.groups[g].label}${data.groups[g].said ? `: ${data.groups[g].said}` : ""}`, level, open: open.has(g) });
        if (open.has(g)) add(g, level + 1);
      }
      const own = nodes.get(group) ?? [];
      for (const n of own.slice(0, MOST)) entries.push({ id: n.key, label: `${n.label}: ${n.op}, ${short(n.type)}`, level, open: null });
      if (own.length > MOST) entries.push({ id: NaN, label: `${(own.length - MOST).toLocaleString("en")} more`, level, open: null });
    };
    add(-1, 1);
    this.entries = entries;
    const chosen = selected === null ? -1 : entries.findIndex((e) => e.id === selected);
    this.at = chosen >= 0 ? chosen : Math.min(this.at, Math.max(0, entries.length - 1));
    const name = this.element.id || (this.element.id = `wb-outline-${Math.random().toString(36).slice(2)}`);
    replaceChildren(this.element, ...entries.map((e, i) => el("li", {
      role: "treeitem", id: `${name}-${i}`, "data-row": i, "aria-level": e.level, "aria-expanded": e.open === null ? null : String(e.open), "aria-selected": String(i === chosen), style: `padding-left:${e.level * 12 - 4}px`,
    }, el("span", { "aria-hidden": "true" }, e.open === null ? "" : e.open ? "▾ " : "▸ "), e.label)));
    this.mark();
  }

  close(): void {
    clearTimeout(this.timer);
  }

  private mark(): void {
    const rows = this.element.children;
    for (let i = 0; i < rows.length; i++) rows[i].classList.toggle("wb-at", i === this.at);
    if (rows[this.at]) this.element.setAttribute("aria-activedescendant", rows[this.at].id);
    else this.element.removeAttribute("aria-activedescendant");
    if (document.activeElement === this.element) (rows[this.at] as HTMLElement | undefined)?.scrollIntoView?.({ block: "nearest" });
  }

  private chosen(toggle: boolean): void {
    const entry = this.entries[this.at];
    this.mark();
    if (!entry || Number.isNaN(entry.id)) return;
    if (toggle && entry.open !== null) this.onToggle(-1 - entry.id);
    this.onChoose(entry.id);
  }

  private key(e: KeyboardEvent): void {
    const entry = this.entries[this.at], last = this.entries.length - 1;
    const to = (i: number) => (this.at = Math.max(0, Math.min(last, i)));
    const actions: Record<string, () => void> = {
      ArrowDown: () => to(this.at + 1), ArrowUp: () => to(this.at - 1), Home: () => to(0), End: () => to(last), Enter: () => this.chosen(true), " ": () => this.chosen(true),
      ArrowRight: () => (entry?.open === false ? this.onToggle(-1 - entry.id) : entry?.open ? to(this.at + 1) : undefined),
      ArrowLeft: () => {
        if (entry?.open) return this.onToggle(-1 - entry.id);
        for (let i = this.at - 1; i >= 0; i--) if (this.entries[i].level < entry.level) return to(i);
      },
    };
    if (!actions[e.key]) return;
    e.preventDefault();
    e.stopPropagation();
    actions[e.key]();
    this.mark();
  }
}
