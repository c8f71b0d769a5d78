// Frames between kernel and widget: JSON with a table of columns, and one buffer that holds them.

export type Values = Float64Array | Float32Array | Int32Array | Uint32Array | Uint8Array | string[];
export interface Column { n: string; d: string; o: number; l: number; b?: number }
export interface Content { t: string; p?: string; seq?: number; rid?: number; cols?: Column[]; b64?: string; [key: string]: any }
export interface Frame { content: Content; cols: Record<string, Values> }

/** What a widget needs of anywidget's model. */
export interface Model {
  on(event: string, callback: (...args: any[]) => void): void;
  off(event: string, callback: (...args: any[]) => void): void;
  send(content: any): void;
  get(name: string): any;
}

/** What a view is made of: its line to the kernel, its place in the page, and what connects it with the other tabs. */
export interface View { close(): void; /** Called when its tab is opened. */ opened?(detail?: any): void }

const ARRAYS: Record<string, any> = {
  u8: Uint8Array, u32: Uint32Array, i32: Int32Array, f32: Float32Array, f64: Float64Array,
};

/** Bytes that start on a multiple of 8, copied only if they do not already. */
function aligned(view: DataView | ArrayBuffer | Uint8Array): Uint8Array {
  const bytes = view instanceof ArrayBuffer ? new Uint8Array(view) : new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  return bytes.byteOffset % 8 === 0 ? bytes : bytes.slice();
}

export function decode(content: Content, buffers: readonly (DataView | ArrayBuffer | Uint8Array)[]): Frame {
  const cols: Record<string, Values> = {};
  if (!content.cols?.length) return { content, cols };
  const raw = content.b64 ? Uint8Array.from(atob(content.b64), (c) => c.charCodeAt(0)) : buffers[0];
  if (!raw) throw new Error(`the message ${content.t} came without its data`);
  const bytes = aligned(raw);
  for (const c of content.cols) {
    if (c.d === "str") {
      const offsets = new Uint32Array(bytes.buffer, bytes.byteOffset + c.o, c.l + 1);
      const start = c.o + 4 * (c.l + 1);
      const text = new TextDecoder();
      cols[c.n] = Array.from({ length: c.l }, (_, i) => text.decode(bytes.subarray(start + offsets[i], start + offsets[i + 1])));
    } else {
      cols[c.n] = new ARRAYS[c.d](bytes.buffer, bytes.byteOffset + c.o, c.l);
    }
  }
  return { content, cols };
}

/** Send to the kernel; whether it could be. A host's line to a kernel that was ended or started anew throws. */
export function sent(model: Model, content: Content): boolean {
  try {
    model.send(content);
    return true;
  } catch {
    return false;
  }
}

const ATTEMPTS = 40;
const PATIENCE = 400;

/** One view's line to its part in the kernel. */
export class Channel {
  private handlers = new Map<string, (frame: Frame) => void>();
  private waiting = new Map<number, (frame: Frame) => void>();
  private nextRequest = 1;
  private have = 0;
  private heard = false;
  private attempts = 0;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly listener = (content: Content, buffers: DataView[]) => this.receive(content, buffers ?? []);

  /** `lost` is called when something cannot be said, as the kernel is no longer there. */
  constructor(private readonly model: Model, readonly part: string, private readonly lost = () => {}) {
    model.on("msg:custom", this.listener);
  }

  on(type: string, handler: (frame: Frame) => void): void {
    this.handlers.set(type, handler);
  }

  /**
   * Ask for a snapshot: at the start, after a reload, in a second view.
   *
   * Asked again until something comes: JupyterLab gives a widget's messages a thread of their own,
   * but what is sent before that thread exists waits for the running cell to end.
   */
  hello(base64 = false): void {
    this.send("hello", { have: this.have, ...(base64 ? { b64: true } : {}) });
    if (!base64 && this.attempts++ < ATTEMPTS) this.timer = setTimeout(() => this.heard || this.hello(), PATIENCE);
  }

  send(type: string, body: object = {}): void {
    if (!sent(this.model, { t: type, p: this.part, v: 1, ...body })) this.lost();
  }

  request(type: string, body: object = {}): Promise<Frame> {
    const rid = this.nextRequest++;
    return new Promise((resolve) => {
      this.waiting.set(rid, resolve);
      this.send(type, { rid, ...body });
    });
  }

  close(): void {
    clearTimeout(this.timer);
    this.model.off("msg:custom", this.listener);
    this.waiting.clear();
  }

  private receive(content: Content, buffers: DataView[]): void {
    if (content.p !== this.part) return;
    this.heard = true;
    if (content.cols?.length && !buffers.length && !content.b64) {
      this.hello(true); // The host dropped the buffer: ask for text instead.
      return;
    }
    const frame = decode(content, buffers);
    if (typeof content.seq === "number") this.have = content.seq;
    const waiting = content.rid === undefined ? undefined : this.waiting.get(content.rid);
    if (waiting) {
      this.waiting.delete(content.rid!);
      waiting(frame);
    } else {
      this.handlers.get(content.t)?.(frame);
    }
  }
}
