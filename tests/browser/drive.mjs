// What a person does: open the notebook, run all cells, look at the graph, step, sample, stop.
import { createRequire } from "node:module";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const { chromium } = createRequire(join(process.cwd(), "package.json"))("playwright-core");
const [url, executablePath, shots] = process.argv.slice(2);
let passed = 0;
function check(condition, what) {
  if (!condition) throw new Error(`not so: ${what}`);
  passed += 1;
  console.log(`ok ${what}`);
}

const context = await chromium.launchPersistentContext(mkdtempSync(join(tmpdir(), "workbench-chromium-")), {
  executablePath, headless: true, viewport: { width: 1400, height: 1000 },
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
const page = await context.newPage();
const problems = [];
page.on("pageerror", (error) => problems.push(String(error)));
page.setDefaultTimeout(90_000);

async function open(name) {
  await page.goto(`${url}/lab/tree/${name}?reset`, { waitUntil: "domcontentloaded" });
  await page.waitForSelector(".jp-Notebook .jp-Cell", { state: "attached" });
  await page.waitForFunction(() => window.jupyterapp?.commands.hasCommand("notebook:run-all-cells"));
  await page.waitForFunction(() => {
    const panel = window.jupyterapp.shell.currentWidget;
    return panel?.sessionContext?.session?.kernel?.status === "idle";
  });
}
const runAll = () => page.evaluate(() => void window.jupyterapp.commands.execute("notebook:run-all-cells"));
const idle = (timeout = 120_000) => page.waitForFunction(() => {
  const panel = window.jupyterapp.shell.currentWidget;
  const cells = panel.content.widgets.filter((w) => w.model.type === "code");
  return panel.sessionContext.session.kernel.status === "idle" && cells.every((c) => c.model.executionCount);
}, null, { timeout });
async function shot(selector, name) {
  const target = page.locator(selector).first();
  await target.scrollIntoViewIfNeeded();
  await page.waitForTimeout(600);
  await target.screenshot({ path: join(shots, `${name}.png`) });
}

try {
  await open("radon.ipynb");
  await runAll();
  await page.locator(".wb-inspector").first().locator(".wb-node").first().waitFor();
  const nodes = await page.locator(".wb-inspector").first().locator(".wb-node").count();
  check(nodes === 10, `the model's graph shows its variables and named expressions (${nodes} nodes)`);
  check(await page.locator(".wb-inspector").first().locator(".wb-plates rect").count() === 2, "in the plates of their dims");
  await idle();
  const inspector = page.locator(".wb-inspector").first();
  await shot(".wb-inspector", "model");
  await inspector.locator(".wb-node", { hasText: "sigma_a" }).first().click();
  await page.waitForFunction(() => document.querySelector(".wb-details .wb-facts")?.textContent.includes("value here"));
  check((await inspector.locator(".wb-details").textContent()).includes("HalfNormal(1.0)"), "a click shows the variable's line");
  await shot(".wb-inspector", "details");
  const panel = page.locator(".wb").first();
  await panel.locator("[data-tab=density]").click();
  await page.waitForFunction(() => document.querySelectorAll("[data-page=density] .wb-node").length > 60);
  check(true, "the density is a tab away");
  check(await page.locator("[data-wb-static]").first().isHidden(), "the drawing that lasts is hidden while the widget is there");
  await shot(".wb", "computation");

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
  await page.waitForFunction(() => document.querySelector(".wb-steps .wb-check")?.textContent.includes("same value"));
  check(true, "a step of the optimisation is checked numerically");
  await shot(".wb-steps", "steps");

  // Cells out of sight may not be in the page: ask the notebook itself.
  const text = await page.evaluate(() => JSON.stringify(window.jupyterapp.shell.currentWidget.content.widgets.at(-1).model.outputs.toJSON()));
  check(/compile [\d.]+ s, sample [\d.]+ s/.test(text), "the notebook ran to its end");
  check(await page.locator(".wb-static").count() >= 1, "a finished run leaves a static picture");

  await page.evaluate(async () => {
    await window.jupyterapp.commands.execute("docmanager:save");
    await window.jupyterapp.shell.currentWidget.sessionContext.shutdown();
  });
  await open("radon.ipynb");
  await page.locator("[data-wb-static]").first().waitFor();
  await page.waitForTimeout(1500);
  check(!(await page.locator(".jp-Notebook").innerText()).includes("model not found"), "a saved notebook that is opened again shows no error");
  check(await page.locator("[data-wb-static] svg").first().isVisible(), "but the drawings that last");
  await page.screenshot({ path: join(shots, "saved.png") });

  await open("stop.ipynb");
  await runAll();
  await page.waitForSelector(".wb-dashboard .wb-trace canvas");
  const drawn = () => page.evaluate(() => Number(document.querySelector(".wb-dashboard .wb-quiet")?.textContent.split(" ")[0].replaceAll(",", "")) || 0);
  await page.waitForFunction(() => document.querySelector(".wb-dashboard .wb-state")?.dataset.state === "sampling");
  const early = await drawn();
  await page.waitForTimeout(1500);
  const later = await drawn();
  check(later > early && early > 0, `traces grow while the cell runs (${early} then ${later} draws)`);
  await shot(".wb-dashboard", "dashboard");
  const pressed = Date.now();
  await page.locator(".wb-dashboard [data-action=stop]").click();
  await page.waitForFunction(() => /KEPT \d+ STATE/.test(document.querySelector(".jp-Notebook").innerText), null, { timeout: 30_000 });
  const waited = (Date.now() - pressed) / 1000;
  const kept = await page.evaluate(() => document.querySelector(".jp-Notebook").innerText.match(/KEPT (\d+) STATE (\w+)/));
  check(kept[2] === "stopped" && Number(kept[1]) > 100, `Stop ends the running cell after ${waited.toFixed(1)} s and keeps ${kept[1]} draws a chain`);
  await page.waitForTimeout(500);
  await page.screenshot({ path: join(shots, "stopped.png") });
  check(problems.length === 0, `no error in the page${problems.length ? `: ${problems[0]}` : ""}`);
  console.log(`browser: ${passed} passed, 0 failed`);
} catch (error) {
  await page.screenshot({ path: join(shots, "failed.png") });
  console.log(`browser: ${passed} passed, 1 failed`);
  console.error(error, problems);
  process.exitCode = 1;
} finally {
  await context.close();
}
