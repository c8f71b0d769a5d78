// Playing through the steps: at a speed, up to rules that are to stop it.
import { button, el } from "../shared/dom";

const PACE = 700;
const SPEEDS = [0.5, 1, 2, 5, 20];

export class Player {
  readonly breaks = new Set<number>();
  readonly button: HTMLButtonElement;
  readonly speed = el("select", { class: "wb-select", "aria-label": "play speed", title: "play speed" }, ...SPEEDS.map((s) => el("option", { value: s, selected: s === 1 }, `${s}×`)));
  private timer: ReturnType<typeof setTimeout> | null = null;

  constructor(private readonly next: () => void, private readonly stops: (step: number) => boolean, private readonly at: () => number) {
    this.button = button("▶", "play", () => this.toggle(), "play (space)");
    this.show();
  }

  get playing(): boolean {
    return this.timer !== null;
  }

  toggle(): void {
    if (this.timer) this.stop();
    else this.wait();
    this.show();
  }

  toggleBreak(rule: number): void {
    if (!this.breaks.delete(rule)) this.breaks.add(rule);
  }

  close(): void {
    this.stop();
  }

  private wait(): void {
    this.timer = setTimeout(() => {
      const before = this.at();
      this.next();
      if (this.at() === before || this.stops(this.at())) this.stop();
      else this.wait();
      this.show();
    }, PACE / Number(this.speed.value || 1));
  }

  private stop(): void {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
  }

  private show(): void {
    this.button.textContent = this.playing ? "⏸" : "▶";
    this.button.setAttribute("aria-label", this.playing ? "pause" : "play");
  }
}
