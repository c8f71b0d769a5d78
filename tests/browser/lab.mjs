// What a person does: open the notebook, run all cells, look at the graph, step, sample, stop.
import { drive, Notebook } from "./page.mjs";

await drive("lab", async ({ page, url, shots, check }) => {
  const lab = new Notebook(page, url, shots);

  await lab.open("radon.ipynb");
  await lab.seconds(1, ".jp-InputPrompt");
  await page.waitForFunction(() => window.notebook.content.widgets[1].model.executionCount && window.notebook.sessionContext.session.kernel.status === "idle");
  const first = await lab.seconds(3, ".wb-inspector .wb-node"), again = await lab.seconds(3, ".wb-inspector .wb-node");
  check(again < 2, `from running the model's cell to its graph: ${first.toFixed(2)} s the first time in a page, then ${again.toFixed(2)} s`);
  await lab.runAll();
  await page.locator(".wb-inspector").first().locator(".wb-node").first().waitFor();
  const nodes = await page.locator(".wb-inspector").first().locator(".wb-node").count();
  check(nodes === 10, `the model's graph shows its variables and named expressions (${nodes} nodes)`);
  check(await page.locator(".wb-inspector").first().locator(".wb-frame rect").count() === 2, "in the plates of their dims");
  await lab.idle();
  const inspector = page.locator(".wb-inspector").first();
  await lab.shot(".wb-inspector", "model");
  await inspector.locator(".wb-node", { hasText: "sigma_a" }).first().click();
  await page.waitForFunction(() => document.querySelector(".wb-details .wb-facts")?.textContent.includes("value"));
  check((await inspector.locator(".wb-details").textContent()).includes("HalfNormal(1.0)"), "a click shows the variable's line");
  await lab.shot(".wb-inspector", "details");
  const panel = page.locator(".wb").first();
  await panel.locator("[data-tab=density]").click();
  await page.waitForFunction(() => document.querySelectorAll("[data-page=density] .wb-node").length >= 10);
  check(true, "the density is a tab away");
  check(await page.locator("[data-wb-static]").first().isHidden(), "the drawing that lasts is hidden while the widget is there");
  await lab.shot(".wb", "computation");

  const steps = page.locator(".wb-steps").first();
  await steps.scrollIntoViewIfNeeded();
  await steps.locator(".wb-node").first().waitFor();
  await steps.locator("[data-action=next]").click();
  await page.waitForFunction(() => document.querySelector(".wb-steps .wb-position")?.textContent.startsWith("1 /"));
  await page.waitForFunction(() => document.querySelector(".wb-steps .wb-explanation h4")?.textContent.includes("density of draw") || document.querySelector(".wb-steps .wb-explanation h4")?.textContent.includes("change of variables"));
  check(true, "a step names its rule");
  await steps.focus();
  // From the log-probability over values, the unconstrained form and the gradient to the first pass of the optimisation.
  for (let i = 0; i < 4; i++) await page.keyboard.press("ArrowDown");
  await page.waitForFunction(() => document.querySelector(".wb-steps .wb-check")?.textContent.includes("the two sides agree"));
  check(true, "a step of the optimisation is checked numerically");
  await lab.shot(".wb-steps", "steps");

  // Cells out of sight may not be in the page: ask the notebook itself.
  const text = await page.evaluate(() => JSON.stringify(window.notebook.content.widgets.at(-1).model.outputs.toJSON()));
  check(/compile [\d.]+ s, sample [\d.]+ s/.test(text), "the notebook ran to its end");
  check(await page.locator(".wb-static").count() >= 1, "a finished run leaves a static picture");

  await lab.save();
  await lab.reopen("radon.ipynb");
  check(!(await page.locator(".jp-Notebook").innerText()).includes("model not found"), "a saved notebook that is opened again shows no error");
  check(await page.locator("[data-wb-static] svg").first().isVisible(), "but the drawings that last");
  await lab.screen("saved");

  await lab.open("stop.ipynb");
  await lab.runAll();
  await page.waitForSelector(".wb-dashboard .wb-trace canvas");
  await page.waitForFunction(() => document.querySelector(".wb-dashboard .wb-state")?.dataset.state === "sampling");
  const beyond = async (draws) => (await page.waitForFunction((n) => {
    const made = Number(document.querySelector(".wb-dashboard .wb-facts-line")?.textContent.split(" ")[0].replaceAll(",", "")) || 0;
    return made > n && made;
  }, draws)).jsonValue();
  const early = await beyond(0), later = await beyond(early);
  const running = await page.evaluate(() => document.querySelector(".wb-dashboard .wb-state").dataset.state === "sampling" && !/KEPT \d+ STATE/.test(document.querySelector(".jp-Notebook").innerText));
  check(running, `traces grow while the cell runs (${early} then ${later} draws)`);
  await lab.shot(".wb-dashboard", "dashboard");
  const pressed = Date.now();
  await page.locator(".wb-dashboard [data-action=stop]").click();
  await page.waitForFunction(() => /KEPT \d+ STATE/.test(document.querySelector(".jp-Notebook").innerText), null, { timeout: 30_000 });
  const waited = (Date.now() - pressed) / 1000;
  const kept = await page.evaluate(() => document.querySelector(".jp-Notebook").innerText.match(/KEPT (\d+) STATE (\w+)/));
  check(kept[2] === "stopped" && Number(kept[1]) > 100, `Stop ends the running cell after ${waited.toFixed(1)} s and keeps ${kept[1]} draws a chain`);
  await page.waitForTimeout(500);
  await lab.screen("stopped");
});
