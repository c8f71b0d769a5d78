import { beforeEach, describe, expect, it } from "vitest";
import { Inspector } from "../src/inspector/index";
import { layered } from "../src/layout/layered";
import { inPlates } from "../src/layout/plates";
import { graphData, LIMIT, matches, nearest } from "../src/render/graph";
import { Channel, decode } from "../src/shared/protocol";
import { FakeModel, frame, type Columns } from "./fake";

const graphColumns = (labels: string[], edges: [number, number][]): Columns => ({
  key: ["i32", labels.map((_, i) => i)], op: ["str", labels.map(() => "exp")], label: ["str", labels], kind: ["str", labels.map(() => "elementwise")],
  type: ["str", labels.map(() => "float64[85]")], group: ["i32", labels.map(() => -1)], src: ["i32", edges.map((e) => e[0])], dst: ["i32", edges.map((e) => e[1])],
});

let host: HTMLElement;
let model: FakeModel;
beforeEach(() => {
  host = document.createElement("div");
  document.body.append(host);
  model = new FakeModel();
});

describe("protocol", () => {
  it("reads columns at any byte offset", () => {
    for (const shift of [0, 1, 4]) {
      const [content, buffers] = frame({ t: "x" }, { a: ["f64", [1.5, -2]], s: ["str", ["σ", "", "b"]], n: ["i32", [7]] }, shift);
      const { cols } = decode(content, buffers);
      expect([...cols.a]).toEqual([1.5, -2]);
      expect(cols.s).toEqual(["σ", "", "b"]);
      expect([...cols.n]).toEqual([7]);
    }
  });

  it("reads base64, and asks for it when the buffer was dropped", () => {
    const [content, buffers] = frame({ t: "x" }, { a: ["f64", [3]] });
    const b64 = btoa(String.fromCharCode(...new Uint8Array(buffers[0].buffer)));
    expect([...decode({ ...content, b64 }, []).cols.a]).toEqual([3]);
    new Inspector(new Channel(model, "model"), host);
    (model as any).callbacks[0]({ p: "model", ...content }, []);
    expect(model.last("hello").b64).toBe(true);
  });
});

describe("layout", () => {
  it("places a chain of 100,000 nodes without recursion, one a layer", () => {
    const n = 100_000;
    const src = Int32Array.from({ length: n - 1 }, (_, i) => i), dst = src.map((i) => i + 1);
    const { places } = layered(Array.from({ length: n }, () => ({ width: 10, height: 10 })), src, dst);
    expect(places[n - 1].y).toBeGreaterThan(places[n - 2].y);
  });

  it("keeps the order of what was drawn before, and overlaps nothing", () => {
    const sizes = Array.from({ length: 4 }, () => ({ width: 50, height: 10 }));
    const { places } = layered(sizes, [0, 1, 2], [3, 3, 3], [300, 200, 100, undefined]);
    expect(places[2].x).toBeLessThan(places[1].x);
    expect(places[1].x).toBeLessThan(places[0].x);
    expect(places[1].x - places[2].x).toBeGreaterThanOrEqual(50);
  });
});

describe("plates", () => {
  it("hold their own nodes and nothing else, whatever the graph", () => {
    let seed = 7;
    const random = (n: number) => (seed = (seed * 48271) % 2147483647) % n;
    for (let trial = 0; trial < 200; trial++) {
      const n = 2 + random(14);
      const sizes = Array.from({ length: n }, () => ({ width: 40 + random(80), height: 38 }));
      const edges = Array.from({ length: random(2 * n) }, () => [random(n), random(n)]).filter(([a, b]) => a < b);
      const src = edges.map((e) => e[0]), dst = edges.map((e) => e[1]);
      const group = Array.from({ length: n }, () => random(4) - 1);
      const { places, plates, width, height } = inPlates(layered(sizes, src, dst), sizes, group);
      expect(plates.length).toBe(new Set(group.filter((g) => g >= 0)).size);
      places.forEach((p, i) => {
        expect(p.x - sizes[i].width / 2).toBeGreaterThan(-1e-6);
        expect(p.x + sizes[i].width / 2).toBeLessThan(width + 1e-6);
        for (const q of plates) {
          const inside = p.x + sizes[i].width / 2 > q.x && p.x - sizes[i].width / 2 < q.x + q.width && p.y > q.y && p.y < q.y + q.height;
          expect(inside, `trial ${trial}: node ${i} of group ${group[i]} in plate ${q.group}`).toBe(q.group === group[i]);
        }
        for (let j = 0; j < i; j++) if (places[j].y === p.y) expect(Math.abs(places[j].x - p.x)).toBeGreaterThan((sizes[i].width + sizes[j].width) / 2);
      });
      expect(Math.max(...places.map((p, i) => p.y + sizes[i].height / 2))).toBeLessThan(height + 1e-6);
    }
  });
});

describe("search", () => {
  const node = { key: 1, op: "exp", label: "sigma_a", kind: "random", type: "float64[85, 2]", group: -1 };
  it.each([["op:exp", true], ["shape:85", true], ["shape:8", false], ["name:sigma kind:random", true], ["op:log", false], ["sigma", true]])("%s: %s", (query, hit) => {
    expect(matches(node, query)).toBe(hit);
  });
});

describe("inspector", () => {
  it("draws nodes as text whatever their names, and fetches details on a click", async () => {
    new Inspector(new Channel(model, "model"), host);
    expect(model.last("hello").have).toBe(0);
    model.push({ t: "graph", seq: 3, view: "model", views: ["model", "computation"], title: "radon", roots: [1] }, graphColumns(["<img src=x onerror=alert(1)>", "y"], [[0, 1]]));
    expect(host.querySelectorAll(".wb-node").length).toBe(2);
    expect(host.querySelector("img")).toBeNull();
    host.querySelector(".wb-node[data-key='0']")!.dispatchEvent(new MouseEvent("click", { bubbles: true }));
    const { rid, key } = model.last("node");
    expect(key).toBe(0);
    model.push({ t: "node", rid, key, op: "exp", type: "float64[85]", value: { summary: "mean 1" } });
    await Promise.resolve();
    await Promise.resolve();
    expect(host.querySelector(".wb-details")!.textContent).toContain("mean 1");
  });

  it("says how much it hides", () => {
    const n = LIMIT + 50;
    new Inspector(new Channel(model, "model"), host);
    model.push({ t: "graph", seq: 1, view: "model", roots: [0] }, graphColumns(Array.from({ length: n }, (_, i) => `n${i}`), Array.from({ length: n - 1 }, (_, i) => [i, i + 1] as [number, number])));
    const badge = host.querySelector(".wb-badge") as HTMLElement;
    expect(badge.textContent).toBe("50 hidden – show");
    badge.click();
    expect(badge.hidden).toBe(true);
  });

  it("finds the neighbourhood nearest first", () => {
    const [content, buffers] = frame({ t: "graph" }, graphColumns(["a", "b", "c", "d"], [[0, 1], [1, 2], [2, 3]]));
    const { cols } = decode(content, buffers);
    expect(nearest(graphData(content, cols), [0], 2).nodes.map((x) => x.label)).toEqual(["a", "b"]);
  });
});
