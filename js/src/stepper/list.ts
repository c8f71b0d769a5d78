// A list of any length that holds only the rows in sight.
import { el, replaceChildren } from "../shared/dom";

const ROW = 24;
/** Browsers stop at some 30 million pixels: a longer list scrolls in proportion. */
const TALLEST = 8_000_000;

export class VirtualList {
  readonly element = el("div", { class: "wb-list", role: "listbox", "aria-label": "firings" });
  private readonly inner = el("div", { class: "wb-list-inner" });
  private count = 0;
  private chosen = -1;

  constructor(private readonly render: (index: number) => HTMLElement, private readonly onChoose: (index: number) => void) {
    this.element.append(this.inner);
    this.element.addEventListener("scroll", () => this.draw());
    if (typeof ResizeObserver !== "undefined") new ResizeObserver(() => this.draw()).observe(this.element);
  }

  set(count: number): void {
    this.count = count;
    const height = Math.min(count * ROW, TALLEST);
    this.inner.style.height = `${height}px`;
    if (this.element.scrollTop > height) this.element.scrollTop = 0;
    this.draw();
  }

  select(index: number): void {
    this.chosen = index;
    const top = this.scale * index * ROW;
    const { scrollTop, clientHeight } = this.element;
    if (index >= 0 && (top < scrollTop || top > scrollTop + clientHeight - ROW)) this.element.scrollTop = top - clientHeight / 2;
    this.draw();
  }

  private get scale(): number {
    return Math.min(1, TALLEST / Math.max(1, this.count * ROW));
  }

  private draw(): void {
    const height = this.element.clientHeight || 300;
    const first = Math.max(0, Math.floor(this.element.scrollTop / this.scale / ROW) - 2);
    const last = Math.min(this.count, first + Math.ceil(height / ROW) + 5);
    const rows: HTMLElement[] = [];
    for (let i = first; i < last; i++) {
      const row = el("div", { class: "wb-row", role: "option", "aria-selected": i === this.chosen, style: `top:${this.element.scrollTop + i * ROW - this.element.scrollTop / this.scale}px`, onClick: () => this.onChoose(i) }, this.render(i));
      rows.push(row);
    }
    replaceChildren(this.inner, ...rows);
  }
}
