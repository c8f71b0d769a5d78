// Draws kept whole in typed arrays, drawn as the minimum and maximum of each pixel's worth.

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

/** Two points for each of `buckets` buckets of [first, last): x of both, then each column's minimum and maximum. */
export function decimate(columns: Float64Array[], first: number, last: number, buckets: number): { x: number[]; y: (number | null)[][] } {
  const n = Math.max(0, last - first);
  const x: number[] = [];
  const y: (number | null)[][] = columns.map(() => []);
  if (n <= 2 * buckets) {
    for (let i = first; i < last; i++) {
      x.push(i);
      columns.forEach((c, k) => y[k].push(i < c.length ? c[i] : null));
    }
    return { x, y };
  }
  for (let b = 0; b < buckets; b++) {
    const start = first + Math.floor((b * n) / buckets), stop = first + Math.floor(((b + 1) * n) / buckets);
    x.push(start, Math.max(start + 0.5, stop - 1));
    columns.forEach((c, k) => {
      let low = Infinity, high = -Infinity;
      for (let i = start; i < Math.min(stop, c.length); i++) {
        if (c[i] < low) low = c[i];
        if (c[i] > high) high = c[i];
      }
      y[k].push(low <= high ? low : null, low <= high ? high : null);
    });
  }
  return { x, y };
}
