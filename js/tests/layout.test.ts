import { describe, expect, it } from "vitest";
import { layout, type Asked } from "../src/layout/layout";

/** What is asked of the layout, from short lists. */
export function asked(widths: number[], edges: [number, number][], more: Partial<Asked> = {}): Asked {
  const frames = more.parent?.length ?? 0;
  return {
    width: Float64Array.from(widths), height: new Float64Array(widths.length).fill(38), src: Int32Array.from(edges, (e) => e[0]), dst: Int32Array.from(edges, (e) => e[1]),
    band: new Int32Array(widths.length).fill(-1), parent: new Int32Array(0), least: new Float64Array(frames), above: new Float64Array(frames).fill(14), below: new Float64Array(frames).fill(26),
    previous: null, patience: Infinity, ...more,
  };
}

function pseudo(seed: number): (n: number) => number {
  return (n) => (seed = (seed * 48271) % 2147483647) % n;
}

describe("layout", () => {
  it("places a chain of 100,000 boxes without recursion", () => {
    const n = 100_000;
    const made = layout(asked(new Array(n).fill(30), Array.from({ length: n - 1 }, (_, i) => [i, i + 1])));
    expect(made.width / made.height).toBeGreaterThan(0.5);
    expect(made.width / made.height).toBeLessThan(4);
  });

  it("places 10,000 boxes of a computation in a second", () => {
    const random = pseudo(3), n = 10_000;
    const edges = Array.from({ length: 15_000 }, (): [number, number] => {
      const to = 1 + random(n - 1);
      return [Math.max(0, to - 1 - random(random(10) ? 40 : to)), to];
    });
    const seconds = [1, 2, 3].map(() => {
      const begun = performance.now();
      expect(layout(asked(new Array(n).fill(110), edges)).rough).toBe(false);
      return (performance.now() - begun) / 1000;
    });
    expect(Math.min(...seconds)).toBeLessThan(1);
  });

  it("keeps the order of what was drawn before", () => {
    const { x } = layout(asked([50, 50, 50, 50], [[0, 3], [1, 3], [2, 3]], { previous: Float64Array.from([300, 200, 100, NaN]) }));
    expect(x[1] - x[2]).toBeGreaterThanOrEqual(50);
    expect(x[0] - x[1]).toBeGreaterThanOrEqual(50);
  });

  it("cuts circles, and draws the edge that closes one upwards", () => {
    const { y, routes } = layout(asked([50, 50, 50], [[0, 1], [1, 2], [2, 0]]));
    expect(y[0]).toBeLessThan(y[1]);
    expect(y[1]).toBeLessThan(y[2]);
    expect(routes.points.some((p) => !Number.isFinite(p))).toBe(false);
  });

  it("wraps a row of a hundred", () => {
    const { width, height } = layout(asked(new Array(100).fill(90), []));
    expect(width / height).toBeGreaterThan(1);
    expect(width / height).toBeLessThan(3);
  });

  it("finishes roughly when its time is over", () => {
    const random = pseudo(5), n = 20_000;
    const edges = Array.from({ length: 30_000 }, (): [number, number] => { const b = 1 + random(n - 1); return [random(b), b]; });
    const made = layout(asked(new Array(n).fill(80), edges, { patience: 1 }));
    expect(made.rough).toBe(true);
    expect(made.x.every(Number.isFinite)).toBe(true);
  });

  it.each(Array.from({ length: 120 }, (_, i) => i + 1))("overlaps nothing, keeps frames to their own, and leads edges between boxes (%i)", (seed) => {
    const random = pseudo(seed), n = 2 + random(24);
    const widths = Array.from({ length: n }, () => 40 + random(140));
    const edges = Array.from({ length: random(2 * n) }, () => [random(n), random(n)] as [number, number]).filter(([a, b]) => a < b);
    // Frames 2 and 3 lie within 0, 4 within 2.
    const parent = Int32Array.from([-1, -1, 0, 0, 2]);
    const band = Int32Array.from(widths, () => random(7) - 2).map((b) => Math.max(-1, b));
    const framed = seed % 3 > 0;
    const a = asked(widths, edges, framed ? { parent, band, least: new Float64Array(5).fill(60), above: new Float64Array(5).fill(24), below: new Float64Array(5).fill(14) } : {});
    const made = layout(a);
    const inside = (i: number, f: number) => {
      for (let g = a.band[i]; g >= 0; g = parent[g]) if (g === f) return true;
      return false;
    };
    const box = (i: number) => [made.x[i] - widths[i] / 2, made.y[i] - 19, made.x[i] + widths[i] / 2, made.y[i] + 19];
    const meet = (p: number[], q: number[]) => p[0] < q[2] - 1e-6 && q[0] < p[2] - 1e-6 && p[1] < q[3] - 1e-6 && q[1] < p[3] - 1e-6;
    for (let i = 0; i < n; i++) {
      const b = box(i);
      expect(b[0] > -1e-6 && b[1] > -1e-6 && b[2] < made.width + 1e-6 && b[3] < made.height + 1e-6, `box ${i} in the drawing`).toBe(true);
      for (let j = 0; j < i; j++) expect(meet(b, box(j)), `boxes ${i} and ${j}`).toBe(false);
      for (const f of made.frames) expect(meet(b, [f.x, f.y, f.x + f.width, f.y + f.height]), `box ${i} in frame ${f.frame}`).toBe(inside(i, f.frame));
    }
    for (const f of made.frames) for (const g of made.frames) {
      if (f.frame >= g.frame) continue;
      let nested = false;
      for (let h = g.frame; h >= 0; h = parent[h]) nested ||= h === f.frame;
      expect(meet([f.x, f.y, f.x + f.width, f.y + f.height], [g.x, g.y, g.x + g.width, g.y + g.height]), `frames ${f.frame} and ${g.frame}`).toBe(nested);
      if (nested) expect(g.x > f.x && g.y > f.y && g.x + g.width < f.x + f.width && g.y + g.height < f.y + f.height, `frame ${g.frame} within ${f.frame}`).toBe(true);
    }
    const { start, points } = made.routes, boxes = widths.map((_, i) => box(i)), crossed: string[] = [];
    edges.forEach(([from, to], e) => {
      for (let k = start[e]; k < start[e + 1] - 2; k += 2) for (let t = 0; t <= 10; t++) {
        const x = points[k] + (t / 10) * (points[k + 2] - points[k]), y = points[k + 1] + (t / 10) * (points[k + 3] - points[k + 1]);
        for (let i = 0; i < n; i++) if (i !== from && i !== to && meet([x - 1e-3, y - 1e-3, x + 1e-3, y + 1e-3], boxes[i])) crossed.push(`edge ${e} crosses box ${i}`);
      }
    });
    expect(crossed).toEqual([]);
  });
});
