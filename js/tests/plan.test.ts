import { beforeEach, describe, expect, it } from "vitest";
import { Plan } from "../src/plan/index";
import { Bus } from "../src/shared/bus";
import { Channel } from "../src/shared/protocol";
import { FakeModel } from "./fake";

const HOSTILE = "<img src=x onerror=alert(1)>";
const STEPS = [
  { name: "sum out z", reason: `z is discrete ${HOSTILE}`, evidence: "terms: 3", on: true, switch: true, rules: true },
  { name: "non-centre a", reason: "the data say little of a", evidence: "", on: false, switch: true, rules: true },
  { name: "sample", reason: "4 chains", evidence: "", on: true, switch: false, rules: false },
];
const PLAN = { t: "plan", p: "infer", state: "done", why_not: "", steps: STEPS, code: "import workbench as pm", said: "the draws are idata_m in the notebook", advice: [], fresh: false, seconds: { planning: 1.5 }, bound: "idata_m", call: "" };

let host: HTMLElement;
let model: FakeModel;
let bus: Bus;
beforeEach(() => {
  host = document.createElement("div");
  document.body.append(host);
  model = new FakeModel();
  bus = new Bus();
  bus.has = () => true;
  new Plan(new Channel(model, "infer"), host, bus);
});
const text = (selector: string) => host.querySelector(selector)?.textContent ?? "";
const hidden = (selector: string) => (host.querySelector(selector) as HTMLElement).hidden;

describe("the Infer tab", () => {
  it("asks for a plan with what is filled in", () => {
    model.push({ ...PLAN, state: "idle", steps: [], code: "" });
    expect(hidden(".wb-live")).toBe(true);
    (host.querySelector("input[name=seconds]") as HTMLInputElement).value = "5";
    host.querySelector("form")!.dispatchEvent(new Event("submit", { cancelable: true }));
    expect(model.last("plan")).toMatchObject({ seconds: "5", random_seed: "" });
  });

  it("shows steps with reasons, and switches them", () => {
    model.push(PLAN);
    expect([...host.querySelectorAll(".wb-plan-steps li")].map((li) => li.className)).toEqual(["", "wb-plan-off", ""]);
    expect(text(".wb-plan-steps p")).toBe(`z is discrete ${HOSTILE}.`);
    expect(host.querySelector("img")).toBeNull();
    const boxes = host.querySelectorAll<HTMLInputElement>(".wb-plan-steps input");
    expect(boxes.length).toBe(2);
    boxes[0].checked = false;
    boxes[0].dispatchEvent(new Event("change"));
    expect(model.last("switch")).toMatchObject({ name: "sum out z", on: false });
    expect(hidden("[data-action=carry-out]")).toBe(true);
    model.push({ ...PLAN, state: "ready", fresh: true });
    expect(hidden("[data-action=carry-out]")).toBe(false);
    (host.querySelector("[data-action=carry-out]") as HTMLButtonElement).click();
    expect(model.last("run")).toBeTruthy();
  });

  it("opens the stepper at the rules of a step", () => {
    const opened: string[] = [];
    bus.open = (part) => opened.push(part);
    model.push(PLAN);
    const links = host.querySelectorAll<HTMLButtonElement>("[data-action=rules]");
    expect(links.length).toBe(2);
    links[1].click();
    expect(model.last("rules")).toMatchObject({ name: "non-centre a" });
    expect(opened).toEqual([]);
    model.push({ t: "rules", p: "infer", name: "non-centre a" });
    expect(opened).toEqual(["steps"]);
  });

  it("says what goes on, what went wrong, and what speaks against the draws", () => {
    model.push({ ...PLAN, state: "planning", steps: [], code: "" });
    expect(text(".wb-facts-line")).toContain("pilots");
    expect((host.querySelector("[data-action=infer]") as HTMLButtonElement).disabled).toBe(true);
    model.push({ ...PLAN, state: "failed", said: "x has an improper prior" });
    expect(text(".wb-advice li")).toBe("x has an improper prior.");
    model.push({ ...PLAN, advice: ["R-hat of mu is 1.2"] });
    expect(text(".wb-advice li")).toBe("R-hat of mu is 1.2.");
    expect(text(".wb-fine")).toBe("the draws are idata_m in the notebook.");
    expect(hidden("[data-action=posterior]")).toBe(false);
  });

  it("says why there is nothing to infer", () => {
    model.push({ ...PLAN, why_not: "no free variable" });
    expect(text(".wb-form")).toBe("no free variable");
  });
});
