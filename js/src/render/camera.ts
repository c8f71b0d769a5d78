// Where one looks: a shift and a zoom, by drag, wheel, buttons and keys.

export interface View { x: number; y: number; k: number }
export interface Size { width: number; height: number }

const LEAST = 0.02;
const MOST = 4;
/** Below this zoom boxes are too small for a word of 9 pixels. */
export const READABLE = 0.33;
const GLIDE = 220;
/** Room beside the whole: on the right stand the buttons. */
const LEFT = 16;
const RIGHT = 50;

export const calm = (): boolean => typeof matchMedia !== "undefined" && matchMedia("(prefers-reduced-motion: reduce)").matches;

export class Camera {
  view: View = { x: 0, y: 0, k: 1 };
  /** Where it glides to, or is. */
  goal: View = this.view;
  /** Whether a person chose where to look: then nothing else does. */
  touched = false;
  private frame = 0;
  private active = false;

  constructor(area: HTMLElement, private readonly size: () => Size, private readonly apply: (view: View, moving: boolean) => void, private readonly below: () => number = () => 0) {
    let drag: { x: number; y: number; moved: boolean; pointer: number } | null = null;
    area.addEventListener("pointerdown", (e) => {
      if (e.button === 0) drag = { x: e.clientX, y: e.clientY, moved: false, pointer: e.pointerId };
      this.active = true;
    });
    area.addEventListener("pointermove", (e) => {
      if (!drag || !e.buttons) return;
      const dx = e.clientX - drag.x, dy = e.clientY - drag.y;
      if (!drag.moved && Math.hypot(dx, dy) < 4) return;
      if (!drag.moved) area.setPointerCapture?.(drag.pointer);
      drag = { ...drag, x: e.clientX, y: e.clientY, moved: true };
      this.move(this.view.x + dx, this.view.y + dy, this.view.k);
    });
    // What a drag ends on is not clicked.
    area.addEventListener("click", (e) => {
      if (drag?.moved) e.stopImmediatePropagation();
      drag = null;
    }, true);
    area.addEventListener("pointerleave", () => (this.active = false));
    area.addEventListener("wheel", (e) => {
      // The wheel is the page's, unless someone has clicked here and not left, or means a zoom.
      if (!(e.ctrlKey || e.metaKey || this.active)) return;
      e.preventDefault();
      const box = area.getBoundingClientRect();
      this.zoom(Math.exp(-e.deltaY * (e.ctrlKey ? 0.006 : 0.0015)), e.clientX - box.left, e.clientY - box.top);
    }, { passive: false });
  }

  /** Zoom about a point of the view: its middle by default. */
  zoom(factor: number, x = this.size().width / 2, y = this.size().height / 2): void {
    const k = Math.min(MOST, Math.max(LEAST, this.view.k * factor));
    this.move(x - ((x - this.view.x) * k) / this.view.k, y - ((y - this.view.y) * k) / this.view.k, k);
  }

  private move(x: number, y: number, k: number): void {
    this.touched = true;
    cancelAnimationFrame(this.frame);
    this.goal = this.view = { x, y, k };
    this.apply(this.view, true);
  }

  /** Go to a view, gliding if that is wanted. */
  go(to: View, glide = false): void {
    cancelAnimationFrame(this.frame);
    this.goal = to;
    if (!glide || calm()) {
      this.view = to;
      this.apply(to, false);
      return;
    }
    const from = this.view, begun = performance.now();
    const step = () => {
      const t = Math.min(1, (performance.now() - begun) / GLIDE), s = t * t * (3 - 2 * t);
      this.view = { x: from.x + (to.x - from.x) * s, y: from.y + (to.y - from.y) * s, k: from.k + (to.k - from.k) * s };
      this.apply(this.view, t < 1);
      if (t < 1) this.frame = requestAnimationFrame(step);
    };
    step();
  }

  /** The view of a whole drawing, above what stands below it (the legend). */
  whole({ width, height }: Size): View {
    const { width: w, height: all } = this.size();
    // Out of sight, as in a tab that is not open.
    if (!w || !all) return { x: 0, y: 0, k: 1 };
    const h = all - this.below();
    const k = Math.min(1.1, (w - LEFT - RIGHT) / Math.max(1, width), (h - 36) / Math.max(1, height));
    return { k, x: (w - width * k + LEFT - RIGHT) / 2, y: (h - height * k) / 2 };
  }

  /** The first view: the whole where one can read it, else readable about a place. */
  first(extent: Size, about: { x: number; y: number }): View {
    const whole = this.whole(extent);
    if (whole.k >= READABLE) return whole;
    return this.at(about, 0.6, extent);
  }

  /** A view with a place in the middle, but not beyond the drawing's ends. */
  at(place: { x: number; y: number }, k: number, extent?: Size): View {
    const { width: w, height: h } = this.size();
    const within = (at: number, view: number, whole: number) => {
      const shift = view / 2 - at * k;
      if (!extent) return shift;
      return whole * k + 36 <= view ? (view - whole * k) / 2 : Math.min(18, Math.max(view - 18 - whole * k, shift));
    };
    return { k, x: within(place.x, w, extent?.width ?? 0), y: within(place.y, h, extent?.height ?? 0) };
  }

  close(): void {
    cancelAnimationFrame(this.frame);
  }
}
