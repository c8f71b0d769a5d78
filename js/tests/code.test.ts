import { beforeEach, expect, test } from "vitest";
import { Backends } from "../src/backends/index";
import { Code } from "../src/code/index";
import { Listing } from "../src/code/listing";
import { tokens } from "../src/code/tokens";
import { Bus } from "../src/shared/bus";
import { Channel } from "../src/shared/protocol";
import { FakeModel } from "./fake";

let model: FakeModel, host: HTMLElement, bus: Bus;
beforeEach(() => {
  document.body.replaceChildren((host = document.createElement("div")));
  model = new FakeModel();
  bus = new Bus();
});
const kinds = [{ kind: "c", title: "C", language: "c" }, { kind: "numba", title: "Numba", language: "python" }];

function code(text: string[], key: number[], kind = "c", support = text.map(() => 0)) {
  model.push({ t: "code", p: "code", kind, start: 0, total: text.length, places: [{ file: "cell", number: 3, text: "a = Normal(0, 1)" }] }, {
    text: ["str", text], key: ["i32", key], loop: ["i32", text.map((_, i) => (i > 1 ? 1 : 0))], support: ["u8", support], place: ["i32", key.map((k) => (k >= 0 ? 0 : -1))],
  });
}
function view() {
  const made = new Code(new Channel(model, "code"), host, bus);
  model.push({ t: "kinds", p: "code", kinds, start: "c", name: "m" });
  return made;
}

test("words of a line have their kinds, and all of the text is there", () => {
  const line = "        const double v2 = exp(v1) * 0.5e-3;  // a < b";
  const found = tokens(line, "c");
  expect(found.map((t) => t.text).join("")).toBe(line);
  const kind = (text: string) => found.find((t) => t.text === text)?.kind;
  expect([kind("const"), kind("double"), kind("exp"), kind("0.5e-3"), kind("v1")]).toEqual(["keyword", "type", "call", "number", ""]);
  expect(found.at(-1)).toEqual({ text: "// a < b", kind: "comment" });
  expect(tokens("    e:f64[3] = mul a b  # level", "jaxpr").map((t) => t.text).join("")).toBe("    e:f64[3] = mul a b  # level");
});

test("support code is folded until it is opened, and a search goes into it", () => {
  const listing = new Listing("c", "C", "c");
  listing.add({ total: 7, places: [] }, { text: ["#a", "#b", "#c", "#d", "#e", "x", "y"], key: [-1, -1, -1, -1, -1, 4, 5], loop: [0, 0, 0, 0, 0, 1, 1], support: [1, 1, 1, 1, 1, 0, 0], place: [-1, -1, -1, -1, -1, -1, -1] });
  expect(listing.rows).toEqual([-1, 5, 6]);
  listing.uncover(2);
  expect(listing.rows).toEqual([-1, 0, 1, 2, 3, 4, 5, 6]);
  expect(listing.linesOf(new Set([5]))).toEqual([6]);
  expect(listing.fusedWith(5)).toEqual([4, 5]);
  expect([listing.firstOf(new Set([5])), listing.firstOf(new Set([9]))]).toEqual([6, -1]);
  const declared = new Listing("c", "C", "c");
  declared.add({ total: 2, places: [] }, { text: ["double t = 0;", "t = x;"], key: [4, 4], loop: [0, 1], support: [0, 0], statement: [0, 1], place: [-1, -1] });
  expect([declared.linesOf(new Set([4])), declared.firstOf(new Set([4]))]).toEqual([[0, 1], 1]);
});

test("the user's line stands beside the code, once", () => {
  const listing = new Listing("c", "C", "c");
  listing.add({ total: 2, places: [{ file: "cell", number: 3, text: "a = Normal(0, 1)" }] }, { text: ["  v = x;  // a | cell:3 a = Normal(0, 1)", "  w = x;  // cell:3 a = Nor"], key: [1, 2], loop: [1, 1], support: [0, 0], place: [0, 0] });
  expect([listing.alone(0), listing.alone(1)]).toEqual(["  v = x;  // a", "  w = x;"]);
});

test("what was measured stands beside the first line of each statement, and with the line that is chosen", async () => {
  view();
  model.push({ t: "code", p: "code", kind: "c", start: 0, total: 4, places: [] }, {
    text: ["str", ["int run() {", "  {", "    t = exp(x);", "  u = 0;"]], key: ["i32", [-1, -1, 7, 8]], loop: ["i32", [0, 1, 1, 0]], support: ["u8", [0, 0, 0, 0]], statement: ["i32", [0, 1, 1, 2]], place: ["i32", [-1, -1, -1, -1]],
  });
  const shares = () => [...host.querySelectorAll(".wb-code-share")].map((x) => x.textContent);
  expect(shares()).toEqual([]);
  const button = host.querySelector<HTMLButtonElement>("[data-action=measure]")!;
  button.click();
  expect(model.last("measure")).toMatchObject({ p: "code", anew: false });
  expect(button.disabled).toBe(true);
  expect(host.querySelector(".wb-code-note")!.textContent).toContain("measuring");
  model.push({ t: "times", p: "code", total: 1e-6 }, { statement: ["i32", [1, 2]], seconds: ["f64", [9.7e-7, 3e-8]], times: ["f64", [2000, 1]] });
  expect(shares()).toEqual(["", "97%", "", "3.0%"]);
  expect([button.disabled, host.querySelector<HTMLElement>(".wb-code-note")!.hidden]).toEqual([false, true]);
  (host.querySelector("[data-line='3']") as HTMLElement).click();
  expect(host.querySelector(".wb-code-about")!.textContent).toContain("97% of a call: 970 ns, runs 2,000 times");
  button.click();
  expect(model.last("measure")).toMatchObject({ anew: true });
  model.push({ t: "times", p: "code", error: "no C compiler was found", hint: "install gcc" });
  expect(host.querySelector(".wb-code-note")!.textContent).toBe("✗ no C compiler was found → install gcc");
});

test("what another tab measured is asked for when the code is opened", () => {
  const made = view();
  code(["x = 1;"], [7]);
  expect(model.last("times")).toBeUndefined();
  made.opened();
  expect(model.last("times")).toMatchObject({ p: "code" });
});

test("a line is chosen on the bus, and what others choose is marked", async () => {
  view();
  expect(model.last("code")).toMatchObject({ kind: "c" });
  code(["int run() {", "", "  x = 1;", "  <img src=x>;"], [-1, -1, 7, 8]);
  const chosen: number[][] = [];
  bus.onSelect(({ keys }, from) => from === "code" && chosen.push(keys));
  (host.querySelector("[data-line='3']") as HTMLElement).click();
  expect(chosen).toEqual([[7]]);
  expect(host.querySelector(".wb-code-about")!.textContent).toContain("cell:3");
  expect(host.querySelector("img")).toBeNull();
  bus.select({ keys: [99], name: "a" }, "model");
  expect(model.last("related")).toMatchObject({ keys: [99], name: "a", kind: "c" });
  model.push({ t: "related", p: "code", rid: model.last("related").rid }, { key: ["i32", [8]] });
  await Promise.resolve();
  await Promise.resolve();
  expect([...host.querySelectorAll(".wb-code-chosen")].map((e) => e.getAttribute("data-line"))).toEqual(["4"]);
});

test("another tab opens the code at a backend", () => {
  view().opened({ backend: "numba" });
  expect(model.last("code")).toMatchObject({ kind: "numba" });
  model.push({ t: "code", p: "code", kind: "numba", error: "Numba is not there", hint: "install it" });
  expect(host.querySelector(".wb-code-note")!.textContent).toBe("✗ Numba: Numba is not there → install it");
});

const place = (key: string, more = {}) => ({ key, backend: key.split(":")[0], title: key, why: "", fix: "", asked: true, device: "", ...more });
function table(more = {}) {
  new Backends(new Channel(model, "backends"), host, bus);
  model.push({ t: "places", p: "backends", rows: [place("numpy"), place("c"), place("jax:gpu", { why: "no GPU", fix: "get one" })], measures: [], chosen: "", used: "c", default: "auto", said: "", kind: "model", name: "m", how: "so", ...more });
}

test("each backend has a row: measured, or what is in the way", () => {
  table();
  model.push({ t: "measure", p: "backends", row: { key: "c", precision: "float64", state: "done", compile: 0.1, cached: true, seconds: 3e-6, calls: 1000, batches: 9, difference: 1e-12, relative: 2e-15, not_finite: 0, phases: { compile: 0.1 } } });
  model.push({ t: "measure", p: "backends", row: { key: "numpy", precision: "float64", state: "now", phase: "rewrite" } });
  const row = (key: string) => host.querySelector(`[data-place="${key} float64"]`)!;
  expect(row("c").textContent).toMatch(/in use.*100.0 ms from the cache3 µs fastest1.0e-122.0e-15/);
  expect(row("numpy").textContent).toContain("rewriting …");
  expect(row("jax:gpu").textContent).toContain("no GPU → get one");
  expect(row("jax:gpu").querySelector("[data-action=use]")).toBeNull();
});

test("a click on a row asks for the backend, and its code button for the code", () => {
  bus.has = (part) => part === "code";
  const opened: any[] = [];
  bus.open = (part, detail) => opened.push([part, detail]);
  table();
  (host.querySelector('[data-place="numpy float64"] th') as HTMLElement).click();
  expect(model.last("use")).toMatchObject({ key: "numpy" });
  (host.querySelector('[data-place="c float64"] [data-action=code]') as HTMLElement).click();
  expect(opened).toEqual([["code", { backend: "c" }]]);
  expect(model.sent.filter((m) => m.t === "use").length).toBe(1);
});

test("all are measured in both precisions on request", () => {
  table();
  (host.querySelector("input[type=checkbox]") as HTMLInputElement).click();
  (host.querySelector("[data-action=measure-all]") as HTMLElement).click();
  expect(model.last("measure")).toMatchObject({ keys: ["numpy", "c"], precisions: ["float64", "float32"] });
  (host.querySelector("[data-action=cancel]") as HTMLElement).click();
  expect(model.last("cancel")).toBeTruthy();
});
