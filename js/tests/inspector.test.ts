import { Camera } from "../src/render/camera";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Inspector } from "../src/inspector/index";
import { thumbnail } from "../src/inspector/thumbnail";
import { GraphView, matches, SVG_MOST, type GraphData } from "../src/render/graph";
import { clipped, NAMES, lookOf } from "../src/render/looks";
import { Bus } from "../src/shared/bus";
import { Channel } from "../src/shared/protocol";
import { FakeModel, type Columns } from "./fake";

const HOSTILE = ["<img src=x onerror=alert(1)>", '"><script>alert(1)</script>', "x".repeat(300), "\u202eevil", "מודל", "日本語", "a\nb", "&lt;"];

/** Two terms, one with a formula of two nodes within; x is in none. */
function columns(): Columns {
  return {
    key: ["i32", [0, 1, 2, 3, 4]], op: ["str", ["input", "exp", "multiply", "sum", "add"]], label: ["str", ["x", "exp(x)", "2*exp(x)", "sum(x)", "logp"]],
    kind: ["str", ["input", "elementwise", "elementwise", "reduction", "elementwise"]], type: ["str", ["float64[county (85)]", "float64[85]", "float64[85]", "float64[]", "float64[]"]],
    group: ["i32", [-1, 1, 1, 2, -1]], src: ["i32", [0, 1, 0, 2, 3]], dst: ["i32", [1, 2, 3, 4, 4]],
    "group.label": ["str", ["prior of x", "2*exp(x)", "density of y"]], "group.said": ["str", ["Normal(0, 1)", "", ""]], "group.kind": ["str", ["term", "formula", "term"]],
    "group.parent": ["i32", [-1, 0, -1]], "group.open": ["u8", [0, 0, 0]], "group.head": ["i32", [-1, 2, -1]],
  };
}

const many = (n: number, edges: boolean): GraphData => ({
  nodes: Array.from({ length: n }, (_, i) => ({ key: i, op: "exp", label: `n${i}`, kind: "elementwise", type: "float64[]", group: -1 })),
  src: edges ? Array.from({ length: n - 1 }, (_, i) => i) : [], dst: edges ? Array.from({ length: n - 1 }, (_, i) => i + 1) : [], groups: [], roots: [n - 1],
});

let host: HTMLElement;
let model: FakeModel;
let bus: Bus;
let inspector: Inspector | null;
beforeEach(() => {
  host = document.createElement("div");
  document.body.append(host);
  model = new FakeModel();
  bus = new Bus();
  inspector = null;
});
afterEach(() => {
  inspector?.close();
  host.remove();
  vi.useRealTimers();
});

const names = () => [...host.querySelectorAll(".wb-node:not(.wb-ghost) .wb-name")].map((n) => n.textContent);
const box = (text: string) => [...host.querySelectorAll(".wb-node:not(.wb-ghost)")].find((n) => n.querySelector(".wb-name")!.textContent === text)!;
const click = (target: Element) => target.dispatchEvent(new MouseEvent("click", { bubbles: true, detail: 1 }));

function shown(content: any = {}, cols = columns()): void {
  inspector = new Inspector(new Channel(model, "density"), host, bus);
  model.push({ t: "graph", seq: 1, title: "m", roots: [4], ...content }, cols);
}

describe("groups", () => {
  it("are boxes until a click opens them, and close by their name", () => {
    shown();
    expect(names()).toEqual(["x", "prior of x", "density of y", "logp"]);
    expect(host.querySelectorAll(".wb-edge").length).toBe(4);
    click(box("prior of x"));
    expect(names()).toEqual(["x", "density of y", "logp", "2*exp(x)"].sort((a, b) => names().indexOf(a) - names().indexOf(b)));
    expect(host.querySelector(".wb-frame-name")!.textContent).toContain("prior of x");
    click(box("2*exp(x)").querySelector(".wb-open")!);
    expect(names()).toContain("exp(x)");
    expect(host.querySelectorAll(".wb-frame").length).toBe(2);
    for (let i = 0; i < 2; i++) click([...host.querySelectorAll(".wb-frame-name")].at(-1)!);
    expect(names().sort()).toEqual(["density of y", "logp", "prior of x", "x"]);
  });

  it("stay open when a busy kernel answers twice", () => {
    shown();
    click(box("prior of x"));
    model.push({ t: "graph", seq: 2, title: "m", roots: [4] }, columns());
    expect(host.querySelectorAll(".wb-frame").length).toBe(1);
    const other = columns();
    (other.label[1] as string[])[0] = "z";
    model.push({ t: "graph", seq: 3, title: "m", roots: [4] }, other);
    expect(names()).toContain("z");
    expect(host.querySelectorAll(".wb-frame").length).toBe(0);
  });

  it("open with Enter, and arrow keys follow edges", () => {
    shown();
    const area = host.querySelector(".wb-canvas")!;
    const press = (key: string) => area.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    const selected = () => host.querySelector(".wb-selected .wb-name")!.textContent;
    press("ArrowDown");
    expect(selected()).toBe("logp");
    press("ArrowUp");
    expect(["prior of x", "density of y"]).toContain(selected());
    press("Enter");
    expect(host.querySelectorAll(".wb-frame").length).toBe(1);
    press("Enter");
    expect(host.querySelectorAll(".wb-frame").length).toBe(0);
  });

  it("keep what a choice elsewhere is about in sight: the box that it lies in is marked", () => {
    shown();
    bus.select({ keys: [1] }, "model");
    expect(host.querySelector(".wb-linked .wb-name")!.textContent).toBe("prior of x");
    click(box("prior of x"));
    bus.select({ keys: [1] }, "model");
    expect(host.querySelector(".wb-linked:not(.wb-ghost) .wb-name")!.textContent).toBe("2*exp(x)");
  });

  it("tell other tabs what is chosen", () => {
    shown();
    const heard = vi.fn();
    bus.onSelect(heard);
    click(box("x"));
    expect(heard).toHaveBeenCalledWith({ keys: [0], name: "x" }, "density");
  });
});

describe("search", () => {
  it("goes from hit to hit and opens what they are in", () => {
    shown();
    const query = host.querySelector("input")!;
    query.value = "op:exp";
    query.dispatchEvent(new Event("input"));
    expect(host.querySelector(".wb-hits")!.textContent).toBe("1 found");
    expect(host.querySelector(".wb-hit .wb-name")!.textContent).toBe("prior of x");
    query.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
    expect(host.querySelector(".wb-hits")!.textContent).toBe("1 of 1");
    expect(host.querySelector(".wb-selected .wb-name")!.textContent).toBe("exp(x)");
  });

  const node = { key: 1, op: "dot", label: "sigma_a", kind: "random", type: "float64[county (85), 2]", group: 0 };
  it.each([["op:dot shape:2 name:sigma", true], ["shape:85", true], ["dim:county", true], ["dim:count", false], ["in:prior", true], ["in:density", false], ["kind:random", true], ["nothing:x", false]])("%s: %s", (query, hit) => {
    expect(matches(node, query, "prior of a")).toBe(hit);
  });
});

describe("parts of the graph", () => {
  it("show what a node depends on, with a way back", async () => {
    shown();
    click(box("x"));
    const { rid } = model.last("node");
    model.push({ t: "node", rid, key: 0, op: "input", type: "float64[85]", formula: "x" });
    await Promise.resolve();
    await Promise.resolve();
    click(host.querySelector("[data-action=focus]")!);
    expect(names().sort()).toEqual(["2*exp(x)", "exp(x)", "logp", "sum(x)", "x"]);
    expect(host.querySelector(".wb-badge")!.textContent).toContain("within 2 steps");
    click(host.querySelector(".wb-badge")!);
    expect(names().length).toBe(4);
  });
});

describe("two models", () => {
  it("are told apart by colour, sign and dashes", () => {
    const cols = { ...columns(), side: ["u8", [0, 1, 1, 2, 0]] } as Columns;
    cols.group = ["i32", [-1, -1, -1, -1, -1]];
    shown({ comparing: ["m1", "m2"] }, cols);
    expect(names()).toEqual(["x", "− exp(x)", "− 2*exp(x)", "+ sum(x)", "logp"]);
    const styles = [...host.querySelectorAll(".wb-node > path")].map((p) => p.getAttribute("style")!.split(";").slice(-2).join());
    expect(new Set([styles[0], styles[1], styles[3]]).size).toBe(3);
  });
});

describe("names", () => {
  it.each(HOSTILE)("are text of a modest width: %s", (name) => {
    const cols = columns();
    (cols.label[1] as string[])[0] = name;
    (cols["group.label"][1] as string[])[0] = name;
    shown({ title: name }, cols);
    expect(host.querySelector("img, script")).toBeNull();
    const path = box(clipped(name, 32)).querySelector("path")!.getAttribute("d")!;
    expect(Math.max(...path.match(/-?[\d.]+/g)!.map(Number))).toBeLessThan(200);
    const view = (inspector as any).graph as GraphView;
    for (const text of [view.svgText(), view.page(name)]) {
      expect(text).not.toContain("<img");
      expect(text.match(/<script/g)?.length ?? 0).toBe(text.includes("<!doctype") ? 1 : 0);
    }
    expect(view.dot().split("\n").every((line) => (line.match(/(?<!\\)"/g)?.length ?? 0) % 2 === 0)).toBe(true);
  });
});

describe("files", () => {
  it("have their colours inside: what is observed looks observed", () => {
    const view = new GraphView();
    view.set({ ...many(2, true), nodes: ["random", "observed"].map((kind, i) => ({ key: i, op: "Normal", label: kind, kind, type: "~ Normal(0, 1)", group: -1 })) });
    const text = view.svgText();
    expect(text).not.toContain("var(");
    const fills = [...text.matchAll(/fill:(#[0-9a-f]{6});stroke:(#[0-9a-f]{6})/g)].map((m) => m[1]);
    expect(fills.length).toBe(2);
    expect(fills[0]).not.toBe(fills[1]);
    view.close();
  });
});

describe("large graphs", () => {
  it("are drawn on a canvas, and small ones again as SVG", () => {
    const view = new GraphView();
    view.set(many(SVG_MOST / 2 - 100, true));
    expect(view.element.querySelector("svg.wb-drawing")).not.toBeNull();
    view.set(many(SVG_MOST, true));
    expect(view.element.querySelector("canvas.wb-drawing, .wb-busy:not([hidden])") ?? (view as any).layouts.busy).toBeTruthy();
    view.close();
  });

  it("come in several messages", () => {
    inspector = new Inspector(new Channel(model, "density"), host, bus);
    const whole = columns();
    const part = (from: number, to: number): Columns => Object.fromEntries(Object.entries(whole).map(([n, [d, v]]) => [n, [d, v.slice(Math.floor((v.length * from) / 2), Math.floor((v.length * to) / 2))]]));
    model.push({ t: "graph", seq: 1, title: "m", roots: [4], chunk: 0, chunks: 2 }, part(0, 1));
    expect(names()).toEqual([]);
    model.push({ t: "graph", seq: 2, chunk: 1, chunks: 2 }, part(1, 2));
    expect(names().length).toBe(4);
  });
});

describe("the list beside the drawing", () => {
  it("is a tree that arrow keys walk, open and choose in", () => {
    vi.useFakeTimers();
    shown();
    vi.advanceTimersByTime(500);
    const tree = host.querySelector("[role=tree]") as HTMLElement;
    tree.focus();
    const press = (key: string) => tree.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    const at = () => document.getElementById(tree.getAttribute("aria-activedescendant")!)!;
    expect(at().getAttribute("aria-expanded")).toBe("false");
    press("ArrowRight");
    expect(at().getAttribute("aria-expanded")).toBe("true");
    press("ArrowRight");
    expect(at().getAttribute("aria-level")).toBe("2");
    press("ArrowLeft");
    press("ArrowLeft");
    expect(at().getAttribute("aria-expanded")).toBe("false");
    press("End");
    press("Enter");
    expect(host.querySelector(".wb-selected .wb-name")!.textContent).toBe("logp");
  });
});

describe("a value's picture", () => {
  it("is a line, a histogram, or a picture, by its shape", () => {
    expect(thumbnail([], [1])).toBeNull();
    expect(thumbnail([3], [1, NaN, 2])!.querySelector("path")!.getAttribute("d")!.match(/M/g)!.length).toBe(2);
    expect(thumbnail([2000], Float64Array.from({ length: 2000 }, (_, i) => Math.sin(i)))!.querySelectorAll("rect").length).toBe(40);
    expect(thumbnail([2, 3], [1, 2, 3, 4, 5, NaN])!.querySelectorAll("rect").length).toBe(6);
    expect(thumbnail([3], [NaN, NaN, Infinity])).toBeNull();
  });
});

it("every kind that has a look of its own is in the legend", () => {
  for (const kind of ["random", "observed", "deterministic", "potential", "data", "constant", "input", "reduction", "control", "term", "plate", "repeat", "loop"]) expect(NAMES[kind]).toBeTruthy();
  const looks = ["random", "observed", "deterministic", "potential", "data"].map((k) => lookOf(k));
  expect(new Set(looks.map((l) => `${l.shape} ${l.share}`)).size).toBe(5);
});

it("shows the whole drawing above the legend", () => {
  const camera = new Camera(document.createElement("div"), () => ({ width: 600, height: 400 }), () => {}, () => 40);
  const tall = { width: 300, height: 700 }, view = camera.whole(tall);
  expect(view.y).toBeGreaterThan(0);
  expect(view.y + view.k * tall.height).toBeLessThanOrEqual(360);
  camera.close();
});

it("reveals by where the camera will be, not by where it glides from", () => {
  const area = document.createElement("div");
  const camera = new Camera(area, () => ({ width: 600, height: 400 }), () => {});
  camera.go({ x: 0, y: 0, k: 0.4 });
  camera.go({ x: 5, y: 5, k: 1.1 }, true);
  expect(camera.goal).toEqual({ x: 5, y: 5, k: 1.1 });
  camera.close();
});

describe("the time of a node in C", () => {
  const facts = async (loops: any) => {
    shown();
    click(box("x"));
    model.push({ t: "node", rid: model.last("node").rid, key: 0, op: "input", type: "float64" });
    await Promise.resolve();
    await Promise.resolve();
    model.push({ t: "more", rid: model.last("more").rid, key: 0, time: { seconds: 2.5e-6, said: "its operation alone, in NumPy" }, loops, code: {} });
    await Promise.resolve();
    await Promise.resolve();
    return [...host.querySelectorAll(".wb-fact")].find((f) => f.firstElementChild!.textContent === "time in C");
  };
  const measured = { measured: true, how: "", seconds: 5e-7, total: 8e-7, count: 1, places: [{ kind: "loop", what: "over 900: sum(x)", seconds: 5e-7, times: 1, keys: [0, 1] }] };

  it("is measured on a click, and says the loop, its share and what shares it", async () => {
    const fact = (await facts({ measured: false }))!;
    expect(host.querySelector(".wb-details")!.textContent).toContain("2.5 µs: its operation alone, in NumPy");
    click(fact.querySelector("[data-action=measure]")!);
    expect(fact.textContent).toContain("measuring …");
    const asked = model.last("measure");
    expect(asked).toMatchObject({ p: "density", key: 0 });
    model.push({ t: "loops", rid: asked.rid, key: 0, loops: measured });
    await Promise.resolve();
    await Promise.resolve();
    expect(fact.textContent).toContain("63% of a call, 500 ns of 800 ns");
    expect(fact.querySelector("code")!.textContent).toBe("over 900: sum(x)");
    const others = fact.querySelector("[data-action=loop]")!;
    expect(others.textContent).toBe("with 1 other");
    click(others);
    expect([...host.querySelectorAll(".wb-linked:not(.wb-ghost) .wb-name")].map((n) => n.textContent).sort()).toEqual(["prior of x", "x"]);
  });

  it("is there at once when it was measured: as a part of others, and of several loops the longest", async () => {
    const loop = (i: number) => ({ kind: "loop", what: `over ${i}: y`, seconds: 1e-7, times: 2000, keys: [0] });
    const fact = (await facts({ ...measured, how: "inside", count: 6, places: [0, 1, 2, 3].map(loop) }))!;
    expect(fact.textContent).toContain("a part of what is computed from it");
    expect(fact.textContent).toContain("100 ns, runs 2,000 times; loop over 3: y");
    expect(fact.textContent).toContain("and 2 more");
    inspector!.close();
    host.replaceChildren();
    const short = (await facts({ ...measured, seconds: 0, total: 0 }))!;
    expect(short.querySelector("b")!.textContent).toBe("less than a nanosecond");
    expect(short.textContent).not.toContain("of a call");
  });

  it("says why it is not known", async () => {
    expect((await facts({ why: "no C compiler was found – install gcc" }))!.textContent).toContain("install gcc");
    inspector!.close();
    host.replaceChildren();
    expect((await facts({ measured: true, how: "", seconds: 0, total: 1e-6, count: 0, places: [] }))!.textContent).toContain("none of its own");
    inspector!.close();
    host.replaceChildren();
    expect(await facts(null)).toBeUndefined();
  });
});
