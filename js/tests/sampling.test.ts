import { beforeEach, describe, expect, it } from "vitest";
import { Dashboard } from "../src/dashboard/index";
import { apart, Column, decimate, density, type Element, extent, rankCounts } from "../src/plots/draws";
import { ElementTable } from "../src/plots/table";
import { Posterior } from "../src/posterior/index";
import { Bus } from "../src/shared/bus";
import { Channel } from "../src/shared/protocol";
import { FakeModel } from "./fake";

const HOSTILE = "<img src=x onerror=alert(1)>";
const element = (chains: number[][], tune = 0): Element => ({ name: "x", chains: chains.map((c) => Float64Array.from(c)), tune, stride: 1, divergent: chains.map(() => []) });

let host: HTMLElement;
let model: FakeModel;
beforeEach(() => {
  host = document.createElement("div");
  document.body.append(host);
  model = new FakeModel();
});

describe("draws", () => {
  it("keeps every extreme, in order", () => {
    const x = new Float64Array(100_000).map((_, i) => Math.sin(i));
    x[31_337] = 99;
    x[77_777] = -99;
    const d = decimate(x, 0, x.length, 200);
    expect(d.length).toBe(800);
    expect(d[d.indexOf(99) - 1]).toBe(31_337);
    expect(d[d.indexOf(-99) - 1]).toBe(77_777);
    for (let i = 2; i < d.length; i += 2) expect(d[i]).toBeGreaterThanOrEqual(d[i - 2]);
  });

  it("decimates what has draws that are no numbers", () => {
    const x = new Float64Array(1000).fill(NaN);
    x[500] = 3;
    expect(decimate(x, 0, 1000, 10)).toContain(3);
  });

  it("shows the draws after warm-up, and the later half before there are any", () => {
    const first = [1000, 500, 1, 2, 3, 2];
    expect(extent(element([first], 100))).toEqual([2, 3]);
    const rest = Array.from({ length: 100 }, (_, i) => (i % 2 ? 4 : -1));
    expect(extent(element([[...first, ...rest]], 6))).toEqual([-1, 4]);
    expect(extent(element([[]], 6))).toBeNull();
  });

  it("has a range where draws are all alike, or but for rounding", () => {
    expect(apart(2, 3)).toEqual([2, 3]);
    for (const [a, b] of [[5, 5], [0, 0], [-1, -1 + 2e-16], [1e200, 1e200]]) {
      const [from, to] = apart(a, b);
      expect(to - from).toBeGreaterThan(1e-10 * Math.max(1, Math.abs(a)));
    }
  });

  it("estimates densities that integrate to one and are near the normal's", () => {
    let seed = 1;
    const uniform = () => (seed = (seed * 48271) % 2147483647) / 2147483647;
    const x = Float64Array.from({ length: 20_000 }, () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform()));
    const d = density(x, -5, 5, 101);
    expect(d.reduce((a, b) => a + b, 0) * 0.1).toBeCloseTo(1, 2);
    expect(d[50]).toBeCloseTo(1 / Math.sqrt(2 * Math.PI), 1.5);
    expect(Math.abs(d[60] - Math.exp(-0.5) / Math.sqrt(2 * Math.PI))).toBeLessThan(0.02);
  });

  it("counts ranks of each chain among all, ties spread evenly", () => {
    const [low, high] = rankCounts([Float64Array.from({ length: 100 }, (_, i) => i), Float64Array.from({ length: 100 }, (_, i) => 100 + i)], 4);
    expect([...low]).toEqual([50, 50, 0, 0]);
    expect([...high]).toEqual([0, 0, 50, 50]);
    const [tied] = rankCounts([new Float64Array(100).fill(7), new Float64Array(100).fill(7)], 4);
    for (const n of tied) expect(n).toBeCloseTo(25);
  });

  it("grows", () => {
    const column = new Column();
    for (let i = 0; i < 5; i++) column.append(new Float64Array(1000).fill(i));
    expect(column.length).toBe(5000);
    expect(column.values[4999]).toBe(4);
  });
});

const names = (n: number) => Array.from({ length: n }, (_, i) => `x[${i}]`);

describe("the table of elements", () => {
  const filled = (n: number, rhat: (i: number) => number, note = (_: number) => 0) => {
    const table = new ElementTable(() => {}, "elements");
    table.begin(n);
    table.name(0, names(n));
    const of = (f: (i: number) => number) => Float32Array.from({ length: n }, (_, i) => f(i));
    table.update(0, { mean: of((i) => i), sd: of(() => 1), q5: of(() => 0), q95: of(() => 1), ess_bulk: of((i) => 1000 - (i % 7)), ess_tail: of(() => 500), rhat: of(rhat), note: Uint8Array.from({ length: n }, (_, i) => note(i)) }, 1, 1000);
    host.append(table.element);
    return table;
  };
  const shown = (table: ElementTable) => [...table.element.querySelectorAll(".wb-element")].map((b) => b.textContent);

  it("has the worst of ten thousand first, and few rows in the page", () => {
    const table = filled(10_000, (i) => (i === 7777 ? 1.24 : i === 3 ? NaN : 1.001), (i) => (i === 5000 ? 1 : i === 10 ? 2 : 0));
    expect(shown(table).slice(0, 3)).toEqual(["x[5000]", "x[3]", "x[7777]"]);
    expect(table.worst().at(-1)).toBe(10);
    expect(table.element.querySelectorAll("tbody tr").length).toBeLessThan(60);
    expect(table.element.textContent).toContain("some draws are not finite");
  });

  it("sorts by any column both ways, and filters by name", () => {
    const table = filled(100, () => 1);
    (table.element.querySelector("[data-sort=mean]") as HTMLElement).click();
    expect(shown(table)[0]).toBe("x[99]");
    expect(table.element.querySelector("[aria-sort=descending]")!.textContent).toBe("mean");
    (table.element.querySelector("[data-sort=mean]") as HTMLElement).click();
    expect(shown(table)[0]).toBe("x[0]");
    table.find("[42]");
    expect(shown(table)).toEqual(["x[42]"]);
    expect(table.element.textContent).toContain("1 of 100 elements");
  });
});

describe("dashboard", () => {
  const begin = (elements = ["mu", HOSTILE]) => {
    model.push({ t: "run", seq: 1, state: "tuning", chains: 2, all_chains: 2, tune: 10, draws: 10, stride: 1, elements: elements.length, backend: "c", started: 1 });
    model.push({ t: "elements", start: 0 }, { name: ["str", elements] });
    model.push({ t: "shown" }, { element: ["i32", elements.map((_, i) => i)] });
  };
  const state = (name: string, divergent: number[] = [], more: object = {}) =>
    model.push({ t: "state", state: name, elapsed: 1, eta: 1, rate: 100, made: 30, whole: 40, message: "", compiling: [], words: ["", "stuck: of its last 200 draws 0% moved"], ...more }, {
      chain: ["i32", [0, 1]], draws: ["i32", [20, 10]], tuning: ["u8", [0, 1]], step_size: ["f64", [0.3, 0.2]], gradients: ["f64", [15, 15]], divergences: ["i32", [divergent.length, 0]], tree_depth: ["f64", [4, 4]],
      divergent_chain: ["i32", divergent.map(() => 0)], divergent_draw: ["i32", divergent],
    });
  const open = (bus = new Bus()) => new Dashboard(new Channel(model, "sample"), host, bus);
  const click = (action: string) => (host.querySelector(`[data-action=${action}]`) as HTMLElement).click();

  it("shows chains with a sentence for what is wrong, and sends the buttons' wishes", () => {
    open();
    begin();
    state("tuning");
    expect(host.querySelectorAll(".wb-chains tbody tr").length).toBe(3);
    expect(host.querySelector(".wb-said")!.textContent).toContain("Chain 1 is stuck");
    expect(host.querySelectorAll(".wb-trace").length).toBe(2);
    expect(host.querySelector("img")).toBeNull();
    click("stop");
    expect(model.last("stop")).toBeTruthy();
    state("paused");
    click("resume");
    expect(model.last("resume")).toBeTruthy();
    state("stopped");
    expect((host.querySelector("[data-action=stop]") as HTMLElement).hidden).toBe(true);
    model.push({ t: "findings", texts: ["3 of 20 transitions after warm-up diverged"] });
    expect(host.querySelector("ul.wb-advice")!.textContent).toContain("3 of 20 transitions");
  });

  it("says what is compiled, and that draws will come", () => {
    open();
    begin();
    state("compiling", [], { made: 0, elapsed: 12.3, message: "for numba", compiling: [["the log-density", 4.5], ["the sampler", null]] });
    const text = host.textContent!;
    expect(text).toContain("for numba, 12.3 s so far");
    expect(text).toContain("the log-density ✓ 4.5 s");
    expect(text).toContain("the sampler …");
  });

  it("says how long trajectories are, and which chains have no trees", () => {
    open();
    begin();
    state("tuning", [], {});
    const cell = () => [...host.querySelectorAll(".wb-chains tbody tr:first-child td")][3];
    expect(cell().textContent).toBe("4");
    model.push({ t: "state", state: "sampling", elapsed: 1, eta: 1, rate: 100, made: 30, whole: 40, message: "", compiling: [], words: ["", ""] }, {
      chain: ["i32", [0, 1]], draws: ["i32", [20, 10]], tuning: ["u8", [0, 0]], step_size: ["f64", [0.3, 0.2]], gradients: ["f64", [15, 15]], divergences: ["i32", [0, 0]], tree_depth: ["f64", [0, 2.5]],
    });
    expect(cell().textContent).toBe("no trees");
    expect(cell().getAttribute("title")).toContain("trajectories of one time");
    (host.querySelector("[data-plots=Diagnostics]") as HTMLElement).click();
    const caption = () => host.querySelectorAll("figcaption")[1].textContent;
    expect(caption()).toBe("Leapfrogs a draw");
    const push = (chain: number, timed: boolean) => model.push({ t: "diagnostics", chain, bfmi: 0.9, timed }, { leapfrogs: ["f64", [0, 3, 7]] });
    push(0, true);
    push(1, false);
    expect(caption()).toBe("Leapfrogs a draw; chain 0 without trees");
    expect(host.querySelectorAll("canvas")[1].getAttribute("aria-label")).toBe("Leapfrogs a draw; chain 0 without trees, by trajectories of one time; after warm-up");
    push(1, true);
    expect(caption()).toContain("; all chains without trees");
  });

  it("takes each draw once, also when a second view's greeting brings all again", () => {
    const view = open() as any;
    begin();
    const send = (start: number, values: number[]) => model.push({ t: "draws" }, { start: ["i32", [start, start]], rows: ["i32", [2, 2]], values: ["f64", values] });
    send(0, [1, 2, 10, 20, 3, 4, 30, 40]);
    expect([...view.element(0).chains[1]]).toEqual([3, 4]);
    expect([...view.element(1).chains[0]]).toEqual([10, 20]);
    send(0, [1, 2, 10, 20, 3, 4, 30, 40]);
    send(2, [5, 6, 50, 60, 7, 8, 70, 80]);
    expect([...view.element(0).chains[0]]).toEqual([1, 2, 5, 6]);
    begin();
    expect(view.element(0).chains[0].length).toBe(0);
    send(0, [1, 2, 10, 20, 3, 4, 30, 40]);
    expect([...view.element(1).chains[1]]).toEqual([30, 40]);
  });

  it("has in its form what the run was made with, until something else is filled in", () => {
    new Dashboard(new Channel(model, "sample"), host, new Bus());
    const form = (given: Record<string, string>) => model.push({
      t: "form", p: "sample", bound: "idata_m", defaults: {}, devices: null, given, places: [{ name: "", title: "the model's choice" }, { name: "jax", title: "JAX" }],
      methods: [{ name: "auto", title: "NUTS" }],
    });
    form({ draws: "500", random_seed: "1", place: "jax" });
    const value = (name: string) => host.querySelector<HTMLInputElement>(`input[name=${name}]`)!.value;
    expect([value("draws"), value("random_seed"), value("tune")]).toEqual(["500", "1", ""]);
    expect(model.last("code")).toMatchObject({ draws: "500", place: "jax" });
    host.querySelector<HTMLInputElement>("input[name=draws]")!.value = "700";
    form({ draws: "500" });
    expect(value("draws")).toBe("700");
  });

  it("starts a run with what is filled in, and says why something cannot be chosen", () => {
    open();
    model.push({
      t: "form", bound: "idata_m", defaults: {}, devices: null, places: [{ name: "", title: "the model's choice" }, { name: "jax", title: "JAX" }],
      methods: [{ name: "auto", title: "NUTS for x + Metropolis for k", does: "each", group: "a" }, { name: "external:numpyro", title: "NumPyro's NUTS", why_not: "the package is not installed: pip install numpyro", group: "b" }],
    });
    expect(host.querySelector("option[value='external:numpyro']")!.textContent).toContain("pip install numpyro");
    expect((host.querySelector("option[value='external:numpyro']") as HTMLOptionElement).disabled).toBe(true);
    (host.querySelector("[name=draws]") as HTMLInputElement).value = "500";
    host.querySelector("form")!.dispatchEvent(new Event("submit", { cancelable: true }));
    expect(model.last("start")).toMatchObject({ draws: "500", method: "auto", place: "" });
    model.push({ t: "refused", message: HOSTILE });
    expect(host.querySelector("[role=alert]")!.textContent).toBe(HOSTILE);
    begin();
    state("sampling");
    expect((host.querySelector("[data-action=start]") as HTMLButtonElement).disabled).toBe(true);
  });
});

describe("posterior", () => {
  it("says that there is nothing yet, and leads to the tab that samples", () => {
    const bus = new Bus();
    bus.has = () => true;
    let opened = "";
    bus.open = (part) => (opened = part);
    new Posterior(new Channel(model, "posterior"), host, bus);
    model.push({ t: "empty", can_sample: true, sampling: false });
    (host.querySelector("[data-action=sample]") as HTMLElement).click();
    expect(opened).toBe("sample");
  });

  it("shows what is wrong, what to do next, and the worst element", async () => {
    const bus = new Bus();
    new Posterior(new Channel(model, "posterior"), host, bus);
    const actions = [{ action: "accept", title: "Raise target_accept to 0.9", called_for: true }, { action: "code", title: "Show code" }];
    model.push({ t: "posterior", head: "100 draws", chains: ["0", "1"], draws: 4, elements: 2, variables: [["a", 0, 1], [HOSTILE, 1, 1]], prior: false, actions, observed: [] });
    model.push({ t: "elements", start: 0 }, { name: ["str", ["a", HOSTILE]] });
    const f = (a: number, b: number): [string, number[]] => ["f32", [a, b]];
    model.push({ t: "summary", start: 0, step: 1, draws: 4 }, { mean: f(0, 0), sd: f(1, 1), q5: f(0, 0), q95: f(1, 1), ess_bulk: f(9, 9), ess_tail: f(9, 9), rhat: f(1, 1.3), note: ["u8", [0, 0]] });
    model.push({ t: "findings", texts: ["it diverged"], actions });
    expect(model.last("element").element).toBe(1);
    expect(host.querySelector("img")).toBeNull();
    expect(host.querySelector(".wb-actions .wb-primary")!.textContent).toBe("Raise target_accept to 0.9");
    (host.querySelector("[data-action=code]") as HTMLElement).click();
    expect(model.last("do").action).toBe("code");
    model.push({ t: "doing", action: "code" });
    expect((host.querySelector("[data-action=code]") as HTMLButtonElement).disabled).toBe(true);
    model.push({ t: "did", action: "code", message: "", code: "idata = 1" });
    expect(host.querySelector(".wb-outcome pre")!.textContent).toBe("idata = 1");
  });
});
