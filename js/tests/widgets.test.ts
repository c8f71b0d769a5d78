import { beforeEach, describe, expect, it } from "vitest";
import { Inspector } from "../src/inspector/index";
import { graphData, LIMIT, Links, matches } from "../src/render/graph";
import { Bus } from "../src/shared/bus";
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
    new Inspector(new Channel(model, "model"), host, new Bus());
    (model as any).callbacks[0]({ p: "model", ...content }, []);
    expect(model.last("hello").b64).toBe(true);
  });
});

describe("search", () => {
  const node = { key: 1, op: "exp", label: "sigma_a", kind: "random", type: "float64[85, 2]", group: -1, side: 0 };
  it.each([["op:exp", true], ["shape:85", true], ["shape:8", false], ["name:sigma kind:random", true], ["op:log", false], ["sigma", true]])("%s: %s", (query, hit) => {
    expect(matches(node, query)).toBe(hit);
  });
});

describe("inspector", () => {
  it("draws nodes as text whatever their names, and fetches details on a click", async () => {
    new Inspector(new Channel(model, "model"), host, new Bus());
    expect(model.last("hello").have).toBe(0);
    model.push({ t: "graph", seq: 3, view: "model", views: ["model", "computation"], title: "radon", roots: [1] }, graphColumns(["<img src=x onerror=alert(1)>", "y"], [[0, 1]]));
    expect(host.querySelectorAll(".wb-node").length).toBe(2);
    expect(host.querySelector("img")).toBeNull();
    host.querySelector(".wb-node[data-id='0']")!.dispatchEvent(new MouseEvent("click", { bubbles: true }));
    const { rid, key } = model.last("node");
    expect(key).toBe(0);
    model.push({ t: "node", rid, key, op: "exp", type: "float64[85]", value: { summary: "mean 1" } });
    await Promise.resolve();
    await Promise.resolve();
    expect(host.querySelector(".wb-details")!.textContent).toContain("mean 1");
  });

  it("says how much it hides", () => {
    const n = LIMIT + 50;
    new Inspector(new Channel(model, "model"), host, new Bus());
    model.push({ t: "graph", seq: 1, view: "model", roots: [0] }, graphColumns(Array.from({ length: n }, (_, i) => `n${i}`), Array.from({ length: n - 1 }, (_, i) => [i, i + 1] as [number, number])));
    const badge = host.querySelector(".wb-badge") as HTMLElement;
    expect(badge.textContent).toBe("50 hidden – show");
    badge.click();
    expect(badge.hidden).toBe(true);
  });

  it("finds what is near, what is needed, and the ways between", () => {
    const [content, buffers] = frame({ t: "graph" }, graphColumns(["a", "b", "c", "d", "e"], [[0, 1], [1, 2], [2, 3], [0, 4]]));
    const links = new Links(graphData(content, decode(content, buffers).cols));
    expect([...links.reach([0], "both", 1)]).toEqual([0, 1, 4]);
    expect([...links.reach([2], "above")]).toEqual([2, 1, 0]);
    expect([...links.reach([2], "below")]).toEqual([2, 3]);
    expect([...links.between(1, [3])].sort()).toEqual([1, 2, 3]);
  });
});
