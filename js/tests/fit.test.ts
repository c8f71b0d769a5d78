import { beforeEach, describe, expect, it } from "vitest";
import { Fit, means, rangeOf } from "../src/fit/index";
import { Bus } from "../src/shared/bus";
import { Channel } from "../src/shared/protocol";
import { FakeModel } from "./fake";

const HOSTILE = "<img src=x onerror=alert(1)>";
const METHODS = [{ name: "advi", title: "mean field", does: "Independent normals.", steps: "10000" }, { name: "dadvi", title: HOSTILE, does: HOSTILE, steps: "200" }];
const STATE = { t: "state", start: 0, stride: 5, state: "fitting", method: "MeanField", step: 20, total: 100, before: 0, elbo: -12.5, seconds: 0.5, message: "", words: "", trusted: true, wrong: "", code: "", bound: "" };

let host: HTMLElement;
let model: FakeModel;
let view: Fit;
beforeEach(() => {
  host = document.createElement("div");
  document.body.append(host);
  model = new FakeModel();
  view = new Fit(new Channel(model, "fit"), host, new Bus());
});
const text = (selector: string) => host.querySelector(selector)?.textContent ?? "";

describe("the Fit tab", () => {
  it("starts a fit of what is filled in, and says the code that does the same", async () => {
    model.push({ t: "form", p: "fit", why_not: "", methods: METHODS, bound: "approx_m" });
    (host.querySelector("input[name=n]") as HTMLInputElement).value = "500";
    host.querySelector("form")!.dispatchEvent(new Event("input"));
    const asked = model.last("code");
    expect(asked).toMatchObject({ method: "advi", n: "500", random_seed: "" });
    model.push({ t: "code", p: "fit", rid: asked.rid, text: "approx_m = pm.fit(500, model=m)" });
    await Promise.resolve();
    expect(text(".wb-code-line")).toBe("approx_m = pm.fit(500, model=m)");
    host.querySelector("form")!.dispatchEvent(new Event("submit", { cancelable: true }));
    expect(model.last("start")).toMatchObject({ method: "advi", n: "500" });
    expect(host.querySelector("img")).toBeNull();
  });

  it("says why there is nothing to fit", () => {
    model.push({ t: "form", p: "fit", why_not: "z: discrete", methods: [], bound: "approx" });
    expect(text(".wb-form")).toBe("z: discrete");
  });

  it("shows how far it is, stops it, and whether to trust what was fitted", () => {
    model.push({ ...STATE, p: "fit" }, { elbo: ["f64", [-50, -20, -14, -12.5]] });
    expect(text(".wb-facts-line")).toContain("20 of 100 steps; lower bound -12.5; 40 steps a second");
    (host.querySelector("[data-action=stop]") as HTMLButtonElement).click();
    expect(model.last("stop")).toBeTruthy();
    model.push({ ...STATE, p: "fit", start: 4, state: "done", step: 100, trusted: false, words: `k-hat is 2 ${HOSTILE}`, bound: "approx_m" }, { elbo: ["f64", [-12]] });
    expect(text(".wb-advice li")).toBe(`K-hat is 2 ${HOSTILE}.`);
    expect(text(".wb-fine")).toBe("The approximation is approx_m in the notebook.");
    expect((host.querySelector("[data-action=stop]") as HTMLElement).hidden).toBe(true);
    model.push({ t: "table", p: "fit", more: 7 }, { name: ["str", ["mu", HOSTILE]], mean: ["f64", [1, 2]], sd: ["f64", [0.1, 0.2]], low: ["f64", [0, 1]], high: ["f64", [2, 3]] });
    expect(host.querySelectorAll(".wb-elements tbody tr").length).toBe(2);
    expect(host.querySelector("img")).toBeNull();
    view.close();
  });

  it("has a range of what comes after the beginning, and means that keep both ends", () => {
    const climbing = Array.from({ length: 1000 }, (_, k) => (k < 50 ? -1e6 : -100 + k / 100));
    const [low, high] = rangeOf(climbing);
    expect(low).toBeGreaterThan(-102);
    expect(high).toBeGreaterThan(-90.1);
    expect(means([1, 2, 3, 10], 1)).toEqual([1, 2, 5, 10]);
  });
});
