// A kernel that is not there: what it sends, as frames, and what it is sent.
import type { Model } from "../src/shared/protocol";

export type Columns = Record<string, [string, (number | string)[]]>;
const BYTES: Record<string, [any, number]> = { f64: [Float64Array, 8], f32: [Float32Array, 4], i32: [Int32Array, 4], u8: [Uint8Array, 1] };

/** What Python sends: columns in one buffer, here at any byte offset. */
export function frame(content: any, columns: Columns, shift = 0): [any, DataView[]] {
  const parts: Uint8Array[] = [];
  let at = 0;
  const cols = Object.entries(columns).map(([n, [d, values]]) => {
    let bytes: Uint8Array;
    if (d === "str") {
      const texts = (values as string[]).map((v) => new TextEncoder().encode(v));
      const offsets = new Uint32Array(texts.length + 1);
      texts.forEach((t, i) => (offsets[i + 1] = offsets[i] + t.length));
      bytes = new Uint8Array([...new Uint8Array(offsets.buffer), ...texts.flatMap((t) => [...t])]);
    } else {
      bytes = new Uint8Array(BYTES[d][0].from(values as number[]).buffer);
    }
    const col = { n, d, o: at, l: values.length };
    const padded = new Uint8Array(Math.ceil(bytes.length / 8) * 8);
    padded.set(bytes);
    parts.push(padded);
    at += padded.length;
    return col;
  });
  const whole = new Uint8Array(at + shift);
  let to = shift;
  for (const p of parts) {
    whole.set(p, to);
    to += p.length;
  }
  return [{ v: 1, ...content, cols }, [new DataView(whole.buffer, shift, at)]];
}

export class FakeModel implements Model {
  sent: any[] = [];
  private callbacks: ((content: any, buffers: DataView[]) => void)[] = [];
  on(_: string, callback: any) { this.callbacks.push(callback); }
  off(_: string, callback: any) { this.callbacks = this.callbacks.filter((c) => c !== callback); }
  send(content: any) { this.sent.push(content); }
  get() { return undefined; }
  /** Parts of a fake kernel speak to whoever is there. */
  push(content: any, columns: Columns = {}) {
    content = { p: this.sent.at(-1)?.p, ...content };
    const [c, b] = Object.keys(columns).length ? frame(content, columns) : [content, []];
    for (const callback of this.callbacks) callback(c, b);
  }
  last(t: string) { return this.sent.filter((m) => m.t === t).at(-1); }
}
