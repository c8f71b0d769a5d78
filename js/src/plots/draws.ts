// Draws kept whole in typed arrays, and what plots make of them.

/** Numbers that are added at the end. */
export class Column {
  private data = new Float64Array(1024);
  length = 0;

  append(values: ArrayLike<number>): void {
    const need = this.length + values.length;
    if (need > this.data.length) {
      const grown = new Float64Array(Math.max(need, 2 * this.data.length));
      grown.set(this.data.subarray(0, this.length));
      this.data = grown;
    }
    this.data.set(values as any, this.length);
    this.length = need;
  }

  get values(): Float64Array {
    return this.data.subarray(0, this.length);
  }
}

/** An element's draws, of each chain; those of warm-up first. */
export interface Element {
  name: string;
  chains: Float64Array[];
  /** How many draws are of warm-up, and of how many one is there. */
  tune: number;
  stride: number;
  /** Places of draws after warm-up that diverged, of each chain. */
  divergent: number[][];
  prior?: Float64Array;
}

/** Draws after warm-up, of each chain. */
export function settled(e: Element): Float64Array[] {
  const first = Math.ceil(e.tune / e.stride);
  return e.chains.map((c) => c.subarray(Math.min(first, c.length)));
}

/** What is to be seen of an element: its draws after warm-up, or the later half of warm-up. */
export function extent(e: Element): [number, number] | null {
  let parts = settled(e);
  if (Math.max(0, ...parts.map((p) => p.length)) < 10) parts = e.chains.map((c) => c.subarray(c.length >> 1));
  let low = Infinity, high = -Infinity;
  for (const part of parts) {
    for (let i = 0; i < part.length; i++) {
      const v = part[i];
      if (v < low && v > -Infinity) low = v;
      if (v > high && v < Infinity) high = v;
    }
  }
  return low <= high ? apart(low, high) : null;
}

/** A range that an axis can be divided on: draws all alike, or but for rounding, as of a chain that has not moved yet, have none. */
export function apart(low: number, high: number): [number, number] {
  const room = 1e-9 * (Math.max(Math.abs(low), Math.abs(high)) || 1);
  return high - low > room ? [low, high] : [low - room, high + room];
}

/** The least and the greatest of each of `buckets` stretches of [first, last), in the order in which they come; places and values in turn. */
export function decimate(x: Float64Array, first: number, last: number, buckets: number): Float64Array {
  const n = Math.max(0, Math.min(last, x.length) - first);
  if (n <= 2 * buckets) {
    const all = new Float64Array(2 * n);
    for (let i = 0; i < n; i++) {
      all[2 * i] = first + i;
      all[2 * i + 1] = x[first + i];
    }
    return all;
  }
  const found = new Float64Array(4 * buckets);
  let k = 0;
  for (let b = 0; b < buckets; b++) {
    const start = first + Math.floor((b * n) / buckets), stop = first + Math.floor(((b + 1) * n) / buckets);
    let low = start, high = start;
    for (let i = start + 1; i < stop; i++) {
      // A draw that is no number is neither: what is compared with it is taken.
      if (x[i] < x[low] || x[low] !== x[low]) low = i;
      if (x[i] > x[high] || x[high] !== x[high]) high = i;
    }
    const [a, c] = low < high ? [low, high] : [high, low];
    found[k++] = a;
    found[k++] = x[a];
    found[k++] = c;
    found[k++] = x[c];
  }
  return found;
}

/** A density estimate at `points` places from low to high: Gaussian kernels of Silverman's width, on bins. */
export function density(x: Float64Array, low: number, high: number, points: number): Float64Array {
  const found = new Float64Array(points), bins = 4 * points, counts = new Float64Array(bins);
  let n = 0, mean = 0, square = 0;
  for (let i = 0; i < x.length; i++) {
    if (!Number.isFinite(x[i])) continue;
    n++;
    const d = x[i] - mean;
    mean += d / n;
    square += d * (x[i] - mean);
    const at = Math.floor(((x[i] - low) / (high - low)) * bins);
    if (at >= 0 && at <= bins) counts[Math.min(at, bins - 1)]++;
  }
  if (n < 2 || !(high > low)) return found;
  const quartiles = spread(x), sd = Math.sqrt(square / (n - 1));
  const width = 0.9 * (Math.min(sd, quartiles / 1.34 || sd) || (high - low) / 50) * n ** -0.2;
  const step = (high - low) / bins, reach = Math.min(bins, Math.ceil((4 * width) / step) + 1);
  const kernel = Float64Array.from({ length: reach }, (_, i) => Math.exp(-0.5 * ((i * step) / width) ** 2));
  let sum = kernel[0];
  for (let i = 1; i < reach; i++) sum += 2 * kernel[i];
  for (let p = 0; p < points; p++) {
    const at = (p / (points - 1)) * bins - 0.5, from = Math.round(at);
    let s = 0;
    for (let i = Math.max(0, from - reach + 1); i <= Math.min(bins - 1, from + reach - 1); i++) s += counts[i] * kernel[Math.abs(i - from)];
    found[p] = s / (sum * step * n);
  }
  return found;
}

function spread(x: Float64Array): number {
  const some = thin(x, 500).filter(Number.isFinite).sort();
  return some.length ? some[Math.floor(0.75 * (some.length - 1))] - some[Math.floor(0.25 * (some.length - 1))] : 0;
}

/** Every second, third, ... number, so that at most `most` are left. */
export function thin(x: Float64Array, most: number): Float64Array {
  const step = Math.ceil(x.length / most);
  return step <= 1 ? x.slice() : Float64Array.from({ length: Math.floor(x.length / step) }, (_, i) => x[i * step]);
}

/** How many draws of each chain have ranks, among all, in each of `bins` equal parts; ties share theirs. */
export function rankCounts(chains: Float64Array[], bins: number): Float64Array[] {
  const n = Math.min(...chains.map((c) => c.length));
  if (!(n > 0)) return [];
  const some = chains.map((c) => thin(c.subarray(0, n), 1000));
  const all = new Float64Array(some.reduce((sum, c) => sum + c.length, 0));
  some.reduce((at, c) => (all.set(c, at), at + c.length), 0);
  all.sort();
  const bound = (v: number, above: boolean) => {
    let a = 0, b = all.length;
    while (a < b) {
      const m = (a + b) >> 1;
      if (all[m] < v || (above && all[m] === v)) a = m + 1;
      else b = m;
    }
    return a;
  };
  return some.map((c) => {
    const counts = new Float64Array(bins);
    for (const v of c) {
      if (Number.isNaN(v)) continue;
      // What is tied is spread evenly over the ranks that it has together.
      const from = (bound(v, false) / all.length) * bins, to = (bound(v, true) / all.length) * bins;
      for (let b = Math.floor(from); b < Math.min(bins, Math.ceil(to)); b++) counts[b] += (Math.min(to, b + 1) - Math.max(from, b)) / (to - from);
    }
    return counts;
  });
}
