// A list of any length that holds only the rows in sight; rows are reached by arrow keys.
import { el, replaceChildren } from "../shared/dom";

const ROW = 24;
/** Browsers stop at some 30 million pixels: a longer list scrolls in proportion. */
const TALLEST = 8_000_000;

export interface Row { content: (Node | string | null)[]; heading?: boolean; title?: string; marked?: boolean }

export class VirtualList {
  readonly element: HTMLElement;
  private readonly inner = el("div", { class: "wb-list-inner", role: "presentation" });
  private readonly prefix = `wb-row-${Math.random().toString(36).slice(2)}`;
  private count = 0;
  private chosen = -1;
  /** As it was told: asking the page makes it lay itself out anew. */
  private top = 0;
  private height = 300;
  private readonly watch: ResizeObserver | null = null;

  constructor(label: string, private readonly render: (index: number) => Row, private readonly onChoose: (index: number) => void) {
    this.element = el("div", { class: "wb-list", role: "listbox", tabindex: 0, "aria-label": label }, this.inner);
    this.element.addEventListener("scroll", () => {
      this.top = this.element.scrollTop;
      this.draw();
    });
    this.element.addEventListener("keydown", (e) => this.key(e));
    if (typeof ResizeObserver !== "undefined") {
      this.watch = new ResizeObserver(() => {
        this.height = this.element.clientHeight || this.height;
        this.draw();
      });
      this.watch.observe(this.element);
    }
  }

  set(count: number): void {
    this.count = count;
    const height = Math.min(count * ROW, TALLEST);
    this.inner.style.height = `${height}px`;
    if (this.top > height) this.scroll(0);
    this.draw();
  }

  select(index: number): void {
    this.chosen = index;
    const top = this.scale * index * ROW;
    if (index >= 0 && (top < this.top || top > this.top + this.height - ROW)) this.scroll(Math.max(0, top - this.height / 2));
    this.draw();
  }

  private scroll(top: number): void {
    const most = Math.max(0, Math.min(this.count * ROW, TALLEST) - this.height);
    this.top = Math.min(top, most);
    this.element.scrollTop = this.top;
  }

  close(): void {
    this.watch?.disconnect();
  }

  private get scale(): number {
    return Math.min(1, TALLEST / Math.max(1, this.count * ROW));
  }

  private key(e: KeyboardEvent): void {
    const page = Math.max(1, Math.floor(this.height / ROW) - 1);
    const by: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page };
    if (!(e.key in by) || !this.count) return;
    e.preventDefault();
    e.stopPropagation();
    const sign = Math.sign(by[e.key]);
    let to = this.chosen < 0 ? (sign > 0 ? 0 : this.count - 1) : Math.max(0, Math.min(this.count - 1, this.chosen + by[e.key]));
    while (to >= 0 && to < this.count && this.render(to).heading) to += sign;
    if (to >= 0 && to < this.count) this.onChoose(to);
  }

  /** Draw the rows in sight anew. */
  draw(): void {
    const first = Math.max(0, Math.floor(this.top / this.scale / ROW) - 2);
    const last = Math.min(this.count, first + Math.ceil(this.height / ROW) + 5);
    const drawn: HTMLElement[] = [];
    let active = "";
    for (let i = first; i < last; i++) {
      const { content, heading, title, marked } = this.render(i);
      const on = i === this.chosen;
      const id = `${this.prefix}-${i}`;
      if (on) active = id;
      const place = `top:${this.top + i * ROW - this.top / this.scale}px`;
      const kind = `wb-row${heading ? " wb-row-heading" : ""}${marked ? " wb-row-marked" : ""}`;
      const role = heading ? { role: "presentation" } : { role: "option", "aria-selected": String(on), "aria-setsize": this.count, "aria-posinset": i + 1, onClick: () => this.onChoose(i) };
      drawn.push(el("div", { class: kind, id, style: place, title, ...role }, ...content));
    }
    if (active) this.element.setAttribute("aria-activedescendant", active);
    else this.element.removeAttribute("aria-activedescendant");
    replaceChildren(this.inner, ...drawn);
  }
}
