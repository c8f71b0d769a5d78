import { afterEach, expect, it, vi } from "vitest";
import loader from "../src/loader";
import { Panel } from "../src/panel";

class FakeModel {
  sent: any[] = [];
  callbacks: [string, any][] = [];
  constructor(private readonly traits: Record<string, any>) {}
  on(event: string, callback: any) { this.callbacks.push([event, callback]); }
  off(event: string, callback: any) { this.callbacks = this.callbacks.filter(([e, c]) => e !== event || c !== callback); }
  send(content: any) { this.sent.push(content); }
  get(name: string) { return this.traits[name]; }
  emit(event: string, ...args: any[]) { for (const [e, c] of this.callbacks) if (e === event) c(...args); }
}

afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

it("shows one tab at a time, makes a view when it is first opened, and goes by arrows", () => {
  const host = document.createElement("div");
  const model = new FakeModel({ parts: [["model", "Model"], ["density", "Density"], ["steps", "Rewrites"], ["unheard-of", "?"]], first: "steps" });
  const panel = new Panel(model, host);
  const seen = () => [...host.querySelectorAll<HTMLElement>(".wb-page")].filter((p) => !p.hidden).map((p) => p.dataset.page);
  expect(seen()).toEqual(["steps"]);
  expect(model.sent.map((m) => m.p)).toEqual(["steps"]);
  expect(host.querySelectorAll("[role=tab]").length).toBe(3);
  const bar = host.querySelector("[role=tablist]")!;
  bar.dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowLeft", bubbles: true }));
  expect(seen()).toEqual(["density"]);
  expect(model.sent.map((m) => m.p)).toEqual(["steps", "density"]);
  expect(host.querySelector("[aria-selected=true]")!.textContent).toBe("Density");
  bar.dispatchEvent(new KeyboardEvent("keydown", { key: "End", bubbles: true }));
  bar.dispatchEvent(new KeyboardEvent("keydown", { key: "Home", bubbles: true }));
  expect(seen()).toEqual(["model"]);
  panel.close();
  expect(model.callbacks).toEqual([]);
});

it("lets no key through to the notebook", () => {
  const host = document.createElement("div");
  document.body.append(host);
  new Panel(new FakeModel({ parts: [["steps", "Rewrites"]], first: "steps" }), host);
  const heard = vi.fn();
  document.addEventListener("keydown", heard);
  for (const key of ["x", "d", "Enter", "b"]) host.querySelector(".wb-steps")!.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  document.removeEventListener("keydown", heard);
  expect(heard).not.toHaveBeenCalled();
  const steps = host.querySelector<HTMLElement>(".wb-steps")!;
  steps.focus();
  expect(steps.dataset.lmSuppressShortcuts).toBe("true");
});

it("says that the kernel is gone", () => {
  const host = document.createElement("div");
  const model = new FakeModel({ parts: [["steps", "Rewrites"]], first: "steps" });
  new Panel(model, host);
  model.emit("comm_live_update");
  expect(host.querySelector(".wb-advice")!.textContent).toContain("run the cell again");
});

it("says that the kernel is gone where nothing can be sent, and throws nothing", async () => {
  vi.useFakeTimers();
  const host = document.createElement("div");
  const model = new FakeModel({ parts: [["steps", "Rewrites"], ["links", ""]], first: "steps" });
  const panel = new Panel(model, host);
  const note = host.querySelector<HTMLElement>(".wb-advice")!;
  expect(note.hidden).toBe(true);
  model.send = () => { throw new Error("Cannot send"); };
  await vi.advanceTimersByTimeAsync(1000);
  expect(note.hidden).toBe(false);
  expect(note.textContent).toContain("run the cell again");
  panel.close();
});

it("says that the kernel is gone where the module cannot be asked for", async () => {
  vi.useFakeTimers();
  const model = new FakeModel({ module: "gone" });
  model.send = () => { throw new Error("Cannot send"); };
  const host = document.createElement("div");
  void loader.render({ model, el: host });
  await vi.advanceTimersByTimeAsync(100);
  expect(host.textContent).toContain("run the cell again");
});

it("asks for the module once a page, from the next widget if the first has no answer", async () => {
  vi.spyOn(URL, "createObjectURL").mockReturnValue("data:text/javascript,export const mount = () => {}");
  vi.useFakeTimers();
  const first = new FakeModel({ module: "h1" }), second = new FakeModel({ module: "h1" });
  void loader.render({ model: first, el: document.createElement("div") });
  void loader.render({ model: second, el: document.createElement("div") });
  await vi.advanceTimersByTimeAsync(1000);
  expect(first.sent.length).toBeGreaterThan(1);
  expect(second.sent.length).toBe(0);
  await vi.advanceTimersByTimeAsync(1000);
  expect(second.sent.length).toBeGreaterThan(0);
  second.emit("msg:custom", { t: "module", text: "" });
  const asked = first.sent.length + second.sent.length;
  await vi.advanceTimersByTimeAsync(20_000);
  expect(first.sent.length + second.sent.length).toBe(asked);
});

it("says that the kernel does not answer, after a while", async () => {
  vi.useFakeTimers();
  const el = document.createElement("div");
  void loader.render({ model: new FakeModel({ module: "h2" }), el });
  await vi.advanceTimersByTimeAsync(8000);
  expect(el.textContent).toContain("does not answer");
});

it("says what a run has come to where messages do not come, and takes the module unasked", async () => {
  vi.spyOn(URL, "createObjectURL").mockReturnValue("data:text/javascript,export const mount = (_, el) => { el.textContent = 'there'; return () => {}; }");
  const traits = { module: "h3", status: JSON.stringify({ state: "sampling", made: 1200, whole: 8000, rate: 400, eta: 1, message: "", worst: ["<b>tau</b>", 1.31] }) };
  const model = new FakeModel(traits);
  const el = document.createElement("div");
  const rendered = loader.render({ model, el });
  expect(el.textContent).toContain("sampling: 1,200 of 8,000 draws; 400 a second; the worst R-hat is 1.310, of <b>tau</b>");
  expect(el.querySelector("b")).toBeNull();
  traits.status = JSON.stringify({ state: "stopped", made: 2000, whole: 8000 });
  model.emit("change:status");
  expect(el.textContent).toContain("stopped: 2,000");
  model.emit("msg:custom", { t: "module", text: "" });
  await rendered;
  expect(el.textContent).toBe("there");
});

it("tells every tab the relatives of what is chosen in one, and only of the newest choice", async () => {
  const host = document.createElement("div");
  const model = new FakeModel({ parts: [["model", "Model"], ["links", ""]], first: "model" });
  const panel: any = new Panel(model, host);
  expect(host.querySelectorAll("[role=tab]").length).toBe(1);
  const heard: any[] = [];
  panel.bus.onSelect((choice: any, from: string) => heard.push([choice, from]));
  panel.bus.select({ keys: [3] }, "model");
  panel.bus.select({ keys: [4] }, "density");
  const asked = model.sent.filter((m) => m.t === "related");
  expect(asked.map((m) => m.keys)).toEqual([[3], [4]]);
  for (const { rid, keys } of asked) model.emit("msg:custom", { t: "related", p: "links", rid, keys: [...keys, 9], name: "mu" }, []);
  await new Promise((r) => setTimeout(r));
  expect(heard.filter(([c]) => c.related)).toEqual([[{ keys: [4, 9], name: "mu", related: true }, "density"]]);
  panel.close();
});
