// All elements in a table: sorted, filtered, and only the rows in sight are in the page.
import { el, number, replaceChildren } from "../shared/dom";

export const ROW = 24;
const FINE = 0, NOT_FINITE = 1, CONSTANT = 2;
const COLUMNS: [string, string][] = [["mean", "mean"], ["sd", "sd"], ["q5", "5 %"], ["q95", "95 %"], ["ess_bulk", "ESS bulk"], ["ess_tail", "ESS tail"], ["rhat", "R-hat"]];
export const MOST_RHAT = 1.01;
export const count = (x: number) => (Number.isFinite(x) ? Math.round(x).toLocaleString("en") : "–");
export const rhat = (x: number) => (Number.isFinite(x) ? x.toFixed(3) : "–");

/** A number as the place of something: 2nd, 3rd, 11th, 22nd. */
export const nth = (n: number) => `${n}${n % 100 > 10 && n % 100 < 14 ? "th" : (["th", "st", "nd", "rd"][n % 10] ?? "th")}`;

export class ElementTable {
  names: string[] = [];
  private columns: Record<string, Float32Array> = {};
  private notes = new Uint8Array();
  private order: number[] = [];
  private sorting: [string, boolean] = ["worst", false];
  private lit = new Set<number>();
  private readonly body = el("tbody");
  private readonly scroller: HTMLElement;
  private readonly heads = new Map<string, HTMLElement>();
  private readonly said = el("span", { class: "wb-quiet", role: "status" });
  private readonly filter = el("input", { class: "wb-search", type: "search", placeholder: "filter by name", "aria-label": "filter elements by name" });
  readonly element: HTMLElement;
  private note = "";

  /** @param chosen called with the place of an element that is clicked. */
  constructor(private readonly chosen: (element: number) => void, what: string) {
    const head = (key: string, title: string) => {
      const th = el("th", { scope: "col" }, el("button", { type: "button", class: "wb-sort", "data-sort": key, onClick: () => this.sort(key) }, title));
      this.heads.set(key, th);
      return th;
    };
    this.scroller = el("div", { class: "wb-elements", tabindex: 0, role: "region", "aria-label": what },
      el("table", {}, el("caption", { class: "wb-visually-hidden" }, what),
        el("thead", {}, el("tr", {}, head("worst", "element"), ...COLUMNS.map(([key, title]) => head(key, title)))), this.body));
    this.scroller.addEventListener("scroll", () => this.rows());
    this.filter.addEventListener("input", () => this.arrange());
    this.element = el("div", { class: "wb-elements-all" }, el("div", { class: "wb-together" }, this.filter, this.said), this.scroller);
    if (typeof ResizeObserver !== "undefined") new ResizeObserver(() => this.rows()).observe(this.scroller);
  }

  begin(n: number): void {
    this.names = new Array(n).fill("");
    this.columns = Object.fromEntries(COLUMNS.map(([key]) => [key, new Float32Array(n).fill(NaN)]));
    this.notes = new Uint8Array(n).fill(3);
    this.note = "";
    this.arrange();
  }

  name(start: number, names: string[]): void {
    names.forEach((n, i) => (this.names[start + i] = n));
    this.arrange();
  }

  update(start: number, cols: Record<string, any>, step: number, draws: number): void {
    for (const [key] of COLUMNS) if (cols[key]) this.columns[key]?.set(cols[key], start);
    this.notes.set(cols.note, start);
    this.note = step > 1 ? `from every ${nth(step)} of ${draws.toLocaleString("en")} draws a chain` : `${draws.toLocaleString("en")} draws a chain`;
    this.arrange();
  }

  light(elements: Iterable<number>): void {
    this.lit = new Set(elements);
    this.rows();
  }

  find(text: string): void {
    this.filter.value = text;
    this.arrange();
  }

  of(i: number): { rhat: number; ess: number; note: number } {
    return { rhat: this.columns.rhat?.[i] ?? NaN, ess: this.columns.ess_bulk?.[i] ?? NaN, note: this.notes[i] ?? 3 };
  }

  /** Places of all elements, the worst first: draws that are not finite, the largest R-hat, the fewest effective draws; constants are last. */
  worst(): number[] {
    const rank = (i: number) => (this.notes[i] === NOT_FINITE ? 0 : this.notes[i] === FINE ? 1 : 2);
    const { rhat: r = new Float32Array(), ess_bulk: e = new Float32Array() } = this.columns;
    const bad = (i: number) => (Number.isNaN(r[i]) ? Infinity : r[i]);
    return this.names.map((_, i) => i).sort((a, b) => rank(a) - rank(b) || bad(b) - bad(a) || e[a] - e[b] || a - b);
  }

  private sort(key: string): void {
    this.sorting = [key, this.sorting[0] === key ? !this.sorting[1] : key !== "worst" && !key.startsWith("ess")];
    this.arrange();
  }

  private arrange(): void {
    const [key, down] = this.sorting;
    const wanted = this.filter.value.trim().toLowerCase();
    let order = this.worst();
    if (key !== "worst") {
      const x = this.columns[key];
      order = order.filter((i) => !Number.isNaN(x[i])).sort((a, b) => x[a] - x[b]).concat(order.filter((i) => Number.isNaN(x[i])));
    }
    if (down) order.reverse();
    this.order = wanted ? order.filter((i) => this.names[i].toLowerCase().includes(wanted)) : order;
    for (const [k, th] of this.heads) th.setAttribute("aria-sort", k === key ? (down ? "descending" : "ascending") : "none");
    const by = key === "worst" ? (down ? ", the worst R-hat last" : ", the worst R-hat first") : "";
    this.said.textContent = `${this.order.length.toLocaleString("en")} of ${this.names.length.toLocaleString("en")} elements${by}${this.note ? `; ${this.note}` : ""}`;
    this.rows();
  }

  private rows(): void {
    const height = this.scroller.clientHeight || 300;
    const first = Math.max(0, Math.floor(this.scroller.scrollTop / ROW) - 6), last = Math.min(this.order.length, first + Math.ceil(height / ROW) + 12);
    const spacer = (n: number) => (n ? el("tr", { "aria-hidden": "true", style: `height:${n * ROW}px` }) : null);
    const focused = (this.scroller.getRootNode() as Document).activeElement?.getAttribute?.("data-element");
    replaceChildren(this.body, spacer(first), ...this.order.slice(first, last).map((i) => this.row(i)), spacer(this.order.length - last));
    if (focused) this.body.querySelector<HTMLElement>(`[data-element="${Number(focused)}"]`)?.focus({ preventScroll: true });
  }

  private row(i: number): HTMLElement {
    const x = (key: string) => this.columns[key][i];
    const bad = this.notes[i] === NOT_FINITE || (this.notes[i] === FINE && !(x("rhat") <= MOST_RHAT));
    const name = el("td", {}, el("button", { type: "button", class: "wb-element", "data-element": i, "aria-pressed": String(this.lit.has(i)), title: this.names[i], onClick: () => this.chosen(i) }, this.names[i]));
    const words = this.notes[i] === NOT_FINITE ? "some draws are not finite" : this.notes[i] === CONSTANT ? "constant" : this.notes[i] === FINE ? "" : "too few draws";
    const cells = words
      ? [el("td", {}, this.notes[i] === CONSTANT ? number(x("mean"), 4) : ""), el("td", { colspan: 6, class: bad ? "wb-left wb-warn" : "wb-left" }, words)]
      : [...["mean", "sd", "q5", "q95"].map((k) => el("td", {}, number(x(k), 4))), el("td", {}, count(x("ess_bulk"))), el("td", {}, count(x("ess_tail"))), el("td", { class: bad ? "wb-warn" : "" }, `${rhat(x("rhat"))}${bad ? " !" : ""}`)];
    return el("tr", {}, name, ...cells);
  }
}
