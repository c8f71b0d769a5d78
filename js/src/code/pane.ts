// Lines of code of which only those in sight are elements: numbers, bands of loops, words in colour, the user's line beside.
import { el, percent, replaceChildren, seconds } from "../shared/dom";
import type { Listing } from "./listing";
import { tokens } from "./tokens";

const ROW = 19;
/** Characters after which the user's line stands, unless a line of code is longer. */
const WIDEST = 72;
const COLOURS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00"];

export interface Marks { chosen: ReadonlySet<number>; found: ReadonlySet<number>; current: number }

export class Pane {
  readonly element: HTMLElement;
  private readonly inner = el("div", { class: "wb-code-inner", role: "presentation" });
  private readonly prefix = `wb-line-${Math.random().toString(36).slice(2)}`;
  private listing: Listing | null = null;
  private marks: Marks = { chosen: new Set(), found: new Set(), current: -1 };
  private lines = true;
  private readonly watch: ResizeObserver | null = null;

  constructor(private readonly onLine: (line: number) => void) {
    this.element = el("div", { class: "wb-code", role: "listbox", tabindex: 0, "aria-label": "lines of code" }, this.inner);
    this.element.addEventListener("scroll", () => this.draw());
    this.element.addEventListener("keydown", (e) => this.key(e));
    if (typeof ResizeObserver !== "undefined") {
      this.watch = new ResizeObserver(() => this.draw());
      this.watch.observe(this.element);
    }
  }

  show(listing: Listing, marks: Marks, withLines: boolean): void {
    if (listing !== this.listing) this.element.scrollTop = this.element.scrollLeft = 0;
    this.listing = listing;
    this.marks = marks;
    this.lines = withLines;
    this.element.setAttribute("aria-label", `lines of ${listing.title} code`);
    this.inner.style.height = `${listing.rows.length * ROW}px`;
    const beside = withLines && listing.places.length > 0;
    const longest = listing.text.reduce((n, t, i) => Math.max(n, beside ? listing.alone(i).length : t.length), 0);
    this.inner.style.minWidth = `${longest + (listing.times ? 17 : 10) + (beside ? 40 : 0)}ch`;
    this.inner.style.setProperty("--code", `${Math.min(longest, WIDEST) + 1}ch`);
    this.draw();
  }

  /** Bring a line into sight. */
  reveal(line: number): void {
    if (!this.listing || line < 0) return;
    this.listing.uncover(line);
    const top = this.listing.row(line) * ROW, { scrollTop, clientHeight } = this.element;
    if (top < scrollTop || top > scrollTop + clientHeight - 2 * ROW) this.element.scrollTop = Math.max(0, top - clientHeight / 3);
    this.draw();
  }

  close(): void {
    this.watch?.disconnect();
  }

  private key(e: KeyboardEvent): void {
    const { listing } = this;
    if (!listing?.rows.length || e.altKey || e.ctrlKey || e.metaKey) return;
    const page = Math.max(1, Math.floor(this.element.clientHeight / ROW) - 1), last = listing.rows.length - 1;
    const at = this.marks.current < 0 ? -1 : listing.row(this.marks.current);
    const to: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: last };
    if (!(e.key in to)) return;
    e.preventDefault();
    e.stopPropagation();
    let row = Math.max(0, Math.min(last, to[e.key]));
    // A fold is one row, and is passed over by arrows: its button opens it.
    const step = row >= at ? 1 : -1;
    while (row >= 0 && row <= last && listing.rows[row] < 0) row += step;
    if (row >= 0 && row <= last) this.onLine(listing.rows[row]);
  }

  draw(): void {
    const { listing, marks } = this;
    if (!listing) return;
    const height = this.element.clientHeight || 400;
    const first = Math.max(0, Math.floor(this.element.scrollTop / ROW) - 5), last = Math.min(listing.rows.length, first + Math.ceil(height / ROW) + 12);
    const rows: HTMLElement[] = [];
    for (let r = first; r < last; r++) rows.push(this.row(listing, r));
    replaceChildren(this.inner, ...rows);
    const current = marks.current >= 0 ? listing.row(marks.current) : -1;
    if (current >= first && current < last) this.element.setAttribute("aria-activedescendant", `${this.prefix}-${marks.current}`);
    else this.element.removeAttribute("aria-activedescendant");
  }

  /** The share of a call of what begins at a line, or goes on in the uppermost one. */
  private share(listing: Listing, at: number, uppermost: boolean): HTMLElement {
    const time = at > 0 && listing.statement[at - 1] === listing.statement[at] && !uppermost ? null : listing.timeOf(at);
    return el("span", { class: "wb-code-share", title: time ? `${seconds(time.seconds)} of a call` : undefined }, time ? percent(time.share) : "");
  }

  private row(listing: Listing, r: number): HTMLElement {
    const at = listing.rows[r], top = `top:${r * ROW}px`;
    if (at < 0) {
      const start = -1 - at, open = listing.isOpen(start);
      const label = `${open ? "▾" : "▸"} ${listing.foldLength(start)} lines of declarations and routines`;
      return el("div", { class: "wb-code-row wb-code-fold", role: "option", "aria-selected": "false", style: top, "data-fold": start, onClick: () => { listing.toggle(start); this.show(listing, this.marks, this.lines); } }, label);
    }
    const { chosen, found, current } = this.marks;
    // The uppermost row in sight says in full what began above.
    const uppermost = r === Math.ceil(this.element.scrollTop / ROW);
    const key = listing.key[at], loop = listing.loop[at], place = listing.places[listing.place[at]];
    const before = at > 0 ? listing.loop[at - 1] : 0;
    const line = el("div", {
      class: ["wb-code-row", key >= 0 ? "wb-code-linked" : "", key >= 0 && chosen.has(key) ? "wb-code-chosen" : "", found.has(at) ? "wb-code-found" : ""].filter(Boolean).join(" "),
      role: "option", id: `${this.prefix}-${at}`, "aria-selected": String(at === current), "aria-setsize": listing.text.length, "aria-posinset": at + 1, "data-line": at + 1, style: top, onClick: () => this.onLine(at),
    });
    const band = el("span", { class: "wb-code-band", title: loop ? `block ${loop}: what is computed together` : undefined }, loop && loop !== before ? String(loop) : "");
    if (loop) band.style.boxShadow = `inset -3px 0 0 ${COLOURS[(loop - 1) % COLOURS.length]}`;
    const text = el("span", { class: "wb-code-text" }, ...tokens(this.lines ? listing.alone(at) : listing.text[at], listing.language).map((t) => (t.kind ? el("span", { class: `wb-t-${t.kind}` }, t.text) : t.text)));
    line.append(...(listing.times ? [this.share(listing, at, uppermost)] : []), band, el("span", { class: "wb-code-number" }, String(at + 1)), text);
    const same = at > 0 && listing.place[at - 1] === listing.place[at] && !uppermost;
    if (this.lines && place) line.append(el("span", { class: "wb-code-user", title: `${place.file}:${place.number}` }, same ? "  ⋮" : `${place.number}: ${place.text}`));
    return line;
  }
}
