// Lays out small graphs at once, large ones in a worker; where a page refuses workers, in the page.
import { layout, type Asked, type Layout } from "./layout";

/** The worker's text, put in by the build. */
declare const LAYOUT_WORKER: string;
/** Boxes and edges up to which the page waits for the layout: some milliseconds. */
const AT_ONCE = 1500;
/** After so many milliseconds a layout is finished roughly. */
export const PATIENCE = 5000;

export class LayoutClient {
  private worker: Worker | null = null;
  private drop: (() => void) | null = null;

  /** Lay out, and say when it is done; at once, if it is small. What was asked before and is not done is dropped. */
  run(asked: Asked, done: (made: Layout) => void): void {
    this.cancel();
    if (asked.width.length + asked.src.length <= AT_ONCE) return done(layout(asked));
    const worker = made();
    if (!worker) {
      const timer = setTimeout(() => done(layout(asked)));
      this.drop = () => clearTimeout(timer);
      return;
    }
    this.worker = worker;
    worker.onmessage = ({ data }) => {
      this.cancel();
      done(data);
    };
    worker.onerror = () => {
      this.cancel();
      done(layout(asked));
    };
    worker.postMessage(asked);
  }

  /** Whether a layout is being made. */
  get busy(): boolean {
    return this.worker !== null || this.drop !== null;
  }

  /** Stop what is being made: nothing is said of it. */
  cancel(): void {
    this.worker?.terminate();
    this.drop?.();
    this.worker = this.drop = null;
  }
}

function made(): Worker | null {
  if (typeof LAYOUT_WORKER === "undefined" || typeof Worker === "undefined") return null;
  const url = URL.createObjectURL(new Blob([LAYOUT_WORKER], { type: "text/javascript" }));
  try {
    return new Worker(url);
  } catch {
    return null;
  } finally {
    // A worker takes its text when it is made, but not in the same moment.
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  }
}
