// A small picture of the whole with what is in sight: a drag moves the view.
import { el } from "../shared/dom";
import type { Size, View } from "./camera";
import { lookOf } from "./looks";
import { HEIGHT, type Drawn } from "./scene";

const WIDE = 150;
const TALL = 100;

export class Minimap {
  private readonly canvas = el("canvas", {});
  private readonly window = el("div", { class: "wb-minimap-window" });
  readonly element = el("div", { class: "wb-minimap", "aria-hidden": "true", hidden: true }, this.canvas, this.window);
  private extent: Size = { width: 1, height: 1 };
  private scale = 1;

  constructor(onPlace: (x: number, y: number) => void) {
    const go = (e: PointerEvent) => {
      if (!e.buttons) return;
      const box = this.canvas.getBoundingClientRect();
      onPlace((e.clientX - box.left) / this.scale, (e.clientY - box.top) / this.scale);
      e.stopPropagation();
    };
    this.element.addEventListener("pointerdown", go);
    this.element.addEventListener("pointermove", go);
  }

  draw({ boxes, layout }: Drawn): void {
    this.extent = layout;
    this.scale = Math.min(WIDE / Math.max(1, layout.width), TALL / Math.max(1, layout.height));
    this.canvas.width = Math.max(1, Math.round(layout.width * this.scale));
    this.canvas.height = Math.max(1, Math.round(layout.height * this.scale));
    const context = this.canvas.getContext?.("2d");
    if (!context) return;
    for (let i = 0; i < boxes.length; i++) {
      context.fillStyle = lookOf(boxes[i].kind).stroke || "#888888";
      const w = Math.max(1, boxes[i].width * this.scale), h = Math.max(1, HEIGHT * this.scale);
      context.fillRect(layout.x[i] * this.scale - w / 2, layout.y[i] * this.scale - h / 2, w, h);
    }
  }

  view({ x, y, k }: View, { width, height }: Size): void {
    const left = Math.max(0, -x / k), top = Math.max(0, -y / k);
    const right = Math.min(this.extent.width, (width - x) / k), bottom = Math.min(this.extent.height, (height - y) / k);
    const all = right - left > 0.97 * this.extent.width && bottom - top > 0.97 * this.extent.height;
    this.element.hidden = all || !width;
    Object.assign(this.window.style, {
      left: `${left * this.scale}px`, top: `${top * this.scale}px`, width: `${Math.max(4, (right - left) * this.scale)}px`, height: `${Math.max(4, (bottom - top) * this.scale)}px`,
    });
  }
}
