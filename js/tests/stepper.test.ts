import { beforeEach, describe, expect, it, vi } from "vitest";
import { Bus } from "../src/shared/bus";
import { Channel } from "../src/shared/protocol";
import { Stepper } from "../src/stepper/index";
import { FakeModel, type Columns } from "./fake";

const HOSTILE = "<img src=x onerror=alert(1)>";
const BLOCK = 64;
const rules = [
  { name: "log_of_one_plus", group: "stabilise", doc: `log1p keeps digits. ${HOSTILE}` },
  { name: "add_zero", group: "canonicalise", doc: "Nothing is added." },
];

/** Rows of nodes: what the kernel sends of a drawing. */
function nodes(labels: string[], inputs: number[][]): Columns {
  const words = [...new Set([...labels, "exp", "elementwise", "float64[85]"])];
  const number = (w: string) => words.indexOf(w);
  const ends = [0];
  for (const i of inputs) ends.push(ends.at(-1)! + i.length);
  return {
    words: ["str", words], label: ["i32", labels.map(number)], op: ["i32", labels.map(() => number("exp"))], kind: ["i32", labels.map(() => number("elementwise"))],
    type: ["i32", labels.map(() => number("float64[85]"))], group: ["i32", labels.map(() => -1)], ends: ["i32", ends], inputs: ["i32", inputs.flat()],
  };
}

/** A kernel whose step n takes node n away and puts node n + 1 on top of node 0. */
class Kernel extends FakeModel {
  silent = false;
  constructor(readonly firings: number, readonly passes = [{ name: "canonicalise", doc: "", firings, first: 0, seconds: 1, changed: true }], public start = 0) {
    super();
  }

  extra: any = {};

  override send(content: any): void {
    super.send(content);
    if (!this.silent) queueMicrotask(() => this.answer(content));
  }

  private answer({ t, rid, step, block, name }: any): void {
    const back = { p: "steps", rid };
    if (t === "hello") {
      const first = this.passes[0].firings;
      this.push({ ...back, t: "steps", seq: 1, passes: this.passes, rules, stages: ["loops", "C"], block: BLOCK, start: this.start, ...this.extra }, {
        rule: ["i32", Array.from({ length: this.firings }, (_, i) => (i < first ? 1 : 0))],
        pass: ["i32", Array.from({ length: this.firings }, (_, i) => (i < first ? 0 : 1))], seconds: ["f64", new Array(this.firings).fill(1e-3)],
      });
    }
    if (t === "page") this.push({ ...back, t, step, more: false, groups: [] }, { ...nodes(["x", `n${step + 1}`], [[], [0]]), cell: ["i32", [0, step + 1]], now: ["i32", [0, 1]] });
    if (t === "block") {
      const steps = Array.from({ length: Math.min(BLOCK, this.firings - block * BLOCK) }, (_, i) => block * BLOCK + i + 1);
      this.push({ ...back, t, block, groups: [] }, {
        ...nodes([...steps.map((n) => `n${n}`), `n${steps.at(-1)! + 1}`], [...steps, 0].map(() => [0])),
        cell: ["i32", steps.flatMap((n) => [n, n + 1])], was: ["i32", steps.flatMap((_, i) => [i, -1])], now: ["i32", steps.flatMap((_, i) => [-1, i + 1])],
        mark: ["i32", steps.flatMap(() => [2, 3])], place: ["i32", steps.map((n) => n + 1)], about: ["i32", steps.map(() => -1)], step: ["i32", [0, ...steps.map((_, i) => 2 * (i + 1))]],
      });
    }
    if (t === "detail") this.push({ ...back, t, step, before: [["log(1 + ", true], ["x", false]], after: [["log1p(", true], ["x", false], [HOSTILE, true]], concerns: ["mu_a"], whole: "the whole" });
    if (t === "check") this.push({ ...back, t, step, how: "Both sides.", sides: ["before", "after"], holds: true, worst: 2e-16, tolerance: 1e-9, rows: [{ before: "0.5", after: "0.5", difference: 2e-16, relative: 2e-16, note: "" }] });
    if (t === "concerning") this.push({ ...back, t, name, steps: [3, 70] });
    if (t === "stage") this.push({ ...back, t, name: "C", doc: "Printed.", changed: true, lines: [[" ", "int32_t run"], ["+", "x = 1;"], ["-", HOSTILE]] });
    if (t === "node") this.push({ ...back, t, cell: 0, key: 17, name: "mu_a", label: "mu_a", op: "exp", type: "float64[]", formula: HOSTILE, line: null, made: 2, changes: [5], rule: "add_zero", rules: ["add_zero"] });
    if (t === "rule") this.push({ ...back, t, text: "x + 0 -> x", conditions: ["x is a number"], proved: ["x real"], precise: true, place: "arithmetic.py, line 7", source: `def f(): "${HOSTILE}"` });
    if (t === "why_not") this.push({ ...back, t, text: "x is no zero" });
    if (t === "place") this.push({ ...back, t, step: 9, cells: [0], name: null });
    if (t === "compare") this.push({ ...back, t, a: 1, b: 2, before: [["x", true]], after: [["y", true]], made: [2], went: 1, changed: [] }, { ...nodes(["old"], [[0]]), cell: ["i32", [900]], now: ["i32", [0]] });
  }
}

const settled = () => new Promise((r) => setTimeout(r, 5));
let host: HTMLElement;
let bus: Bus;
const query = <T extends HTMLElement>(selector: string): T => host.querySelector(selector) as T;
const click = (action: string) => query(`[data-action=${action}]`).click();
const key = (name: string, at = ".wb-steps") => query(at).dispatchEvent(new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true }));
const labels = () => [...host.querySelectorAll(".wb-node:not(.wb-ghost) text:not(.wb-sub)")].map((n) => n.textContent);
const position = () => query(".wb-position").textContent;

async function stepper(firings: number, ...rest: any[]): Promise<{ kernel: Kernel; view: Stepper }> {
  const kernel = new Kernel(firings, ...rest);
  const view = new Stepper(new Channel(kernel, "steps"), host, bus);
  await settled();
  return { kernel, view };
}

beforeEach(() => {
  document.body.replaceChildren();
  host = document.createElement("div");
  document.body.append(host);
  bus = new Bus();
});

describe("stepper", () => {
  it("goes on and back by what steps change, asking for blocks and not for graphs", async () => {
    const { kernel } = await stepper(300);
    expect(labels()).toEqual(["x", "n1"]);
    for (let i = 0; i < 70; i++) click("next");
    await settled();
    expect(position()).toBe("70 / 302");
    expect(labels()).toEqual(expect.arrayContaining(["x", "n71"]));
    expect(host.querySelectorAll(".wb-node.wb-produced").length).toBe(1);
    expect(query(".wb-node.wb-gone:not(.wb-ghost) text").textContent).toBe("n70");
    for (let i = 0; i < 69; i++) click("prev");
    expect(labels()).toEqual(expect.arrayContaining(["x", "n2"]));
    expect(kernel.sent.filter((m) => m.t === "page").length).toBe(1);
    expect(kernel.sent.filter((m) => m.t === "block").length).toBeLessThanOrEqual(5);
  });

  it("reaches a far place by its own state, in 200,000 steps", async () => {
    const passes = [{ name: "canonicalise", doc: "", firings: 150_000, first: 0, seconds: 1, changed: true }, { name: "stabilise", doc: "", firings: 50_000, first: 150_000, seconds: 1, changed: true }];
    const { kernel } = await stepper(200_000, passes);
    key("ArrowDown");
    await settled();
    key("ArrowDown");
    await settled();
    expect(position()).toBe("150,001 / 200,002");
    expect(labels()).toContain("n150002");
    expect(query(".wb-explanation").textContent).toContain("log1p keeps digits.");
    expect(host.querySelectorAll(".wb-row").length).toBeLessThan(100);
    expect(kernel.sent.filter((m) => m.t === "block").length).toBeLessThan(20);
  });

  it("lists what passes the filter, and next and Enter go by it", async () => {
    await stepper(300, [{ name: "canonicalise", doc: "", firings: 100, first: 0, seconds: 1, changed: true }, { name: "stabilise", doc: "", firings: 200, first: 100, seconds: 1, changed: true }]);
    const filter = query<HTMLInputElement>(".wb-search");
    filter.value = "one plus";
    filter.dispatchEvent(new Event("input"));
    await settled();
    expect(query(".wb-row[role=option]").textContent).toContain("101");
    filter.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true, cancelable: true }));
    expect(position()).toBe("101 / 302");
    click("next");
    expect(position()).toBe("102 / 302");
    click("prev");
    click("prev");
    expect(position()).toBe("101 / 302");
    filter.value = "concerning:mu_a";
    filter.dispatchEvent(new Event("input"));
    await settled();
    click("prev");
    expect(position()).toBe("70 / 302");
    filter.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true, cancelable: true }));
    await settled();
    click("next");
    expect(position()).toBe("71 / 302");
  });

  it("marks the current step and pass for readers that do not see colour", async () => {
    await stepper(30);
    click("next");
    await settled();
    const rows = [...host.querySelectorAll(".wb-row[role=option]")];
    expect(rows.filter((r) => r.getAttribute("aria-selected") === "true").map((r) => r.textContent)).toEqual(["1 add zero"]);
    expect(rows.every((r) => ["true", "false"].includes(r.getAttribute("aria-selected")!))).toBe(true);
    expect(query(".wb-pass").getAttribute("aria-selected")).toBe("true");
    expect(query(".wb-list").getAttribute("aria-activedescendant")).toBe(query(".wb-row[aria-selected=true]").id);
    key("ArrowDown", ".wb-list");
    expect(position()).toBe("2 / 32");
    key("ArrowDown", ".wb-pass");
    expect(position()).toBe("31 / 32");
  });

  it("says what was compared, and marks what differs by more than colour", async () => {
    vi.useFakeTimers();
    new Stepper(new Channel(new Kernel(30), "steps"), host, bus);
    await vi.advanceTimersByTimeAsync(10);
    click("next");
    await vi.advanceTimersByTimeAsync(500);
    vi.useRealTimers();
    expect(query("pre del").textContent).toBe("log(1 + ");
    expect(query("pre ins").textContent).toBe("log1p(");
    expect(query(".wb-check summary").textContent).toContain("max |difference| 2.0e-16");
    expect([...host.querySelectorAll(".wb-values tbody td")].map((c) => c.textContent)).toEqual(["0.5", "0.5", "2.0e-16"]);
  });

  it("compares values only of the step where the reader stays", async () => {
    vi.useFakeTimers();
    const kernel = new Kernel(60);
    new Stepper(new Channel(kernel, "steps"), host, bus);
    await vi.advanceTimersByTimeAsync(10);
    for (let i = 0; i < 20; i++) {
      click("next");
      await vi.advanceTimersByTimeAsync(20);
    }
    await vi.advanceTimersByTimeAsync(500);
    vi.useRealTimers();
    expect(kernel.sent.filter((m) => m.t === "check").map((m) => m.step)).toEqual([20]);
  });

  it("shows code after the last rule, names as text everywhere", async () => {
    await stepper(10);
    key("End");
    await settled();
    expect(query(".wb-line-new").textContent).toBe("+ x = 1;");
    expect(query(".wb-line-old").textContent).toBe(`- ${HOSTILE}`);
    expect(query(".wb-graph").parentElement!.hidden).toBe(true);
    key("Home");
    await settled();
    click("next");
    await settled();
    expect(query(".wb-graph").parentElement!.hidden).toBe(false);
    expect(host.querySelector("img")).toBeNull();
  });

  it("says what made a node, why a rule leaves it alone, and tells the other tabs", async () => {
    const { kernel } = await stepper(10);
    const heard: any[] = [];
    bus.onSelect((choice, from) => heard.push([choice, from]));
    click("next");
    await settled();
    query(".wb-node").dispatchEvent(new MouseEvent("click", { bubbles: true }));
    await settled();
    expect(heard.at(-1)).toEqual([{ keys: [17], name: "mu_a" }, "steps"]);
    expect(query(".wb-node-facts").textContent).toContain(HOSTILE);
    const choice = query<HTMLSelectElement>(".wb-node-facts select");
    choice.value = "add_zero";
    choice.dispatchEvent(new Event("change"));
    await settled();
    expect(query(".wb-why").textContent).toBe("x is no zero");
    ([...host.querySelectorAll(".wb-node-facts .wb-chip")] as HTMLElement[]).find((b) => b.textContent === "step 5")!.click();
    expect(position()).toBe("5 / 12");
    await new Promise((r) => setTimeout(r, 250));
    expect(kernel.sent.filter((m) => m.t === "node").map((m) => m.step)).toEqual([1, 5]);
    expect(host.querySelector("img")).toBeNull();
  });

  it("marks the steps that concern what another tab chooses, and opens where it is asked to", async () => {
    const { view } = await stepper(100);
    bus.select({ keys: [1], name: "mu_a" }, "model");
    await settled();
    expect(query(".wb-concern").textContent).toContain("2 steps concern mu_a");
    expect([...host.querySelectorAll(".wb-row-marked")].map((r) => r.textContent)).toEqual(["3 add zero"]);
    click("only");
    await settled();
    expect(host.querySelectorAll(".wb-row[role=option]").length).toBe(2);
    view.opened({ step: 40 });
    expect(position()).toBe("40 / 102");
    view.opened({ key: 17 });
    await settled();
    expect(position()).toBe("9 / 102");
  });

  it("plays up to a rule that is to stop it", async () => {
    vi.useFakeTimers();
    new Stepper(new Channel(new Kernel(40, [{ name: "a", doc: "", firings: 5, first: 0, seconds: 1, changed: true }, { name: "b", doc: "", firings: 35, first: 5, seconds: 1, changed: true }]), "steps"), host, bus);
    await vi.advanceTimersByTimeAsync(10);
    view_go(6);
    await vi.advanceTimersByTimeAsync(10);
    const fold = query<HTMLDetailsElement>("[data-fold=rule]");
    fold.open = true;
    fold.dispatchEvent(new Event("toggle"));
    click("break");
    click("first");
    key(" ");
    await vi.advanceTimersByTimeAsync(20_000);
    expect(position()).toBe("6 / 42");
    expect(query("[data-action=play]").textContent).toBe("▶");
    vi.useRealTimers();
  });

  it("tells a rule in full when it is asked about it, once", async () => {
    const { kernel } = await stepper(10);
    for (let i = 0; i < 2; i++) {
      click("next");
      await settled();
      if (i) continue;
      const fold = query<HTMLDetailsElement>("[data-fold=rule]");
      fold.open = true;
      fold.dispatchEvent(new Event("toggle"));
      await settled();
    }
    const text = query(".wb-rule").textContent!;
    for (const part of ["x + 0 -> x", "x is a number", "x real", "mpmath", "arithmetic.py, line 7", HOSTILE]) expect(text).toContain(part);
    expect(kernel.sent.filter((m) => m.t === "rule").length).toBe(1);
    expect([...host.querySelectorAll(".wb-firings .wb-chip")].map((c) => c.textContent)).toEqual(["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]);
  });

  it("compares any two steps", async () => {
    await stepper(10);
    click("next");
    click("compare");
    click("next");
    await settled();
    expect(query(".wb-explanation h4").textContent).toBe("From step 1 to step 2");
    expect(query(".wb-explanation").textContent).toContain("1 node came, 1 node went");
    expect(query(".wb-node.wb-gone:not(.wb-ghost) text").textContent).toBe("old");
    click("compare");
    await settled();
    expect(query(".wb-explanation h4").textContent).toContain("add zero");
  });

  it("goes on where it was when the page is loaded again", async () => {
    await stepper(100, [{ name: "a", doc: "", firings: 100, first: 0, seconds: 1, changed: true }], 37);
    expect(position()).toBe("37 / 102");
  });

  it("turns to another trace, at the step that is asked for, and back", async () => {
    const host = document.createElement("div");
    const kernel = new Kernel(30);
    new Stepper(new Channel(kernel, "steps"), host, new Bus());
    await settled();
    const at = () => host.querySelector(".wb-steps [aria-valuetext], .wb-steps input[type=range]") as HTMLInputElement;
    const note = host.querySelector(".wb-steps-of") as HTMLElement;
    expect(note.hidden).toBe(true);
    kernel.start = 5;
    kernel.send({ t: "hello" });
    await settled();
    (host.querySelector("[data-action=next]") as HTMLButtonElement).click();
    kernel.start = 12;
    kernel.extra = { anew: true, of: `non-centre ${HOSTILE}` };
    kernel.send({ t: "hello" });
    await settled();
    expect(at().value).toBe("12");
    expect(note.hidden).toBe(false);
    expect(note.textContent).toContain("the model after: non-centre <img");
    expect(host.querySelector("img")).toBeNull();
    (note.querySelector("[data-action=as-written]") as HTMLButtonElement).click();
    expect(kernel.last("as_written")).toBeTruthy();
    kernel.extra = { anew: false, of: "" };
    kernel.send({ t: "hello" });
    await settled();
    expect(note.hidden).toBe(true);
    expect(at().value).toBe("12");
  });
});

function view_go(step: number): void {
  const scrubber = query<HTMLInputElement>(".wb-scrubber");
  scrubber.value = String(step);
  scrubber.dispatchEvent(new Event("input"));
}
