// The inspector in a page of its own: groups, keys, wheel, files, accessibility, large graphs, names that are no names, narrow and dark.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { drive } from "./page.mjs";

const VISIBLE = 500, LAYOUT = 1000, FRAME = 20;
const axe = readFileSync(createRequire(join(process.cwd(), "package.json")).resolve("axe-core/axe.min.js"), "utf8");

await drive("inspector", async ({ page, url, shots, check }) => {
  const [hierarchy, large, crowd, compared, hostile, nothing] = url.split(",");
  const shot = (name) => page.screenshot({ path: join(shots, `inspector-${name}.png`) });
  const here = ".wb-page:not([hidden]) ";
  const nodes = () => page.locator(`${here}.wb-node:not(.wb-ghost)`);
  const still = () => page.waitForTimeout(450);
  const violations = async () => {
    await page.evaluate(axe);
    const found = await page.evaluate(() => axe.run(".wb", { rules: { region: { enabled: false } } }));
    return found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => `${n.target} ${n.failureSummary}`).join("; ")}`).join("\n");
  };
  const zoom = () => page.evaluate(() => Number(document.querySelector(".wb-page:not([hidden]) .wb-world").getAttribute("transform").match(/scale\(([\d.]+)/)[1]));

  // The model.
  await page.goto(hierarchy);
  await nodes().first().waitFor();
  const seen = await page.evaluate(() => performance.now());
  await still();
  check((await nodes().count()) === 5, "the model's variables are drawn");
  check(true, `from the page's start to the drawing ${seen.toFixed(0)} ms`);
  check(seen < 3 * VISIBLE, "which comes soon");
  check((await page.locator(`${here}.wb-node .wb-sub`).allTextContents()).includes("~ Normal(mu, sigma)"), "with formulas");
  const sizes = await page.evaluate(() => [...document.querySelectorAll(".wb-page:not([hidden]) .wb-node text")].filter((t) => t.textContent).map((t) => t.getBoundingClientRect().height));
  check(Math.min(...sizes) >= 9, `no text is below 9 pixels (${Math.min(...sizes).toFixed(1)})`);
  await nodes().filter({ hasText: "sigma" }).first().click();
  await page.waitForFunction(() => document.querySelector(".wb-details")?.textContent.includes("initial point"));
  check((await page.locator(`${here}.wb-details`).textContent()).includes("pm.HalfNormal"), "a click shows the line and the value");
  await shot("model");
  check((await violations()) === "", "axe finds nothing in the model");

  // The wheel is the page's until someone clicks here.
  const box = await page.locator(`${here}.wb-canvas`).boundingBox();
  await page.mouse.move(5, 5);
  await page.mouse.move(box.x + 300, box.y + 20);
  const before = await zoom();
  await page.mouse.wheel(0, -200);
  await page.waitForTimeout(100);
  check((await zoom()) === before, "the wheel does not zoom by itself");
  await page.mouse.click(box.x + 300, box.y + 10);
  await still();
  await page.mouse.wheel(0, -200);
  await page.waitForTimeout(100);
  const nearer = await zoom();
  check(nearer > before, "after a click it does");
  await page.mouse.move(5, 5);
  await page.mouse.move(box.x + 300, box.y + 20);
  await page.mouse.wheel(0, -200);
  await page.waitForTimeout(100);
  check((await zoom()) === nearer, "until the pointer leaves");
  await page.locator(`${here}.wb-canvas`).focus();
  await page.keyboard.press("-");
  check((await zoom()) < nearer, "minus zooms out");
  await page.keyboard.press("0");
  await still();

  // The density, by its terms.
  await page.locator("[data-tab=density]").click();
  await nodes().first().waitFor();
  await still();
  const names = await page.locator(`${here}.wb-node .wb-name`).allTextContents();
  check(names.length <= 15 && names.includes("density of y") && names.includes("prior of a"), `the density is ${names.length} boxes: ${names.join(", ")}`);
  await shot("density");
  const place = () => page.evaluate(() => Object.fromEntries([...document.querySelectorAll(".wb-page:not([hidden]) .wb-node:not(.wb-ghost)")].map((n) => [n.dataset.id, n.getBoundingClientRect().x])));
  const was = await place();
  await nodes().filter({ hasText: "density of y" }).first().locator("path").first().click();
  await still();
  const now = await place();
  check((await page.locator(`${here}.wb-frame`).count()) === 1, "a click opens a term in its frame");
  const shared = Object.keys(was).filter((k) => k in now), pairs = shared.flatMap((a, i) => shared.slice(0, i).map((b) => [a, b])).filter(([a, b]) => Math.abs(was[a] - was[b]) > 20);
  const turned = pairs.filter(([a, b]) => (was[a] - was[b]) * (now[a] - now[b]) < 0).length;
  check(turned <= pairs.length / 5, `what stays keeps its order: ${turned} of ${pairs.length} pairs changed sides`);
  await shot("term");
  check((await violations()) === "", "axe finds nothing in an open term");
  await page.locator(`${here}.wb-search`).fill("op:exp");
  await page.keyboard.press("Enter");
  await still();
  const hits = await page.locator(`${here}.wb-hits`).textContent();
  check(hits.startsWith("1 of"), `search goes to a hit: ${hits}`);
  await page.waitForFunction(() => document.querySelector(".wb-page:not([hidden]) .wb-details")?.textContent.includes("in NumPy"));
  check(/C: line|C: no lines/.test(await page.locator(`${here}.wb-details`).textContent()), "a node has its gradient, time and code");
  await shot("node");
  check((await violations()) === "", "axe finds nothing beside a node");

  // Where the time goes in C.
  await page.locator(`${here}.wb-details [data-action=measure]`).click();
  await page.waitForFunction(() => /\d%? of a call, .+ of .+s|none of its own/.test(document.querySelector(".wb-page:not([hidden]) .wb-details")?.textContent ?? ""), null, { timeout: 60000 });
  await shot("measured");
  check((await violations()) === "", "axe finds nothing beside the time of a node");
  await page.locator(`${here}[data-action=open-code]`).click();
  await page.waitForFunction(() => [...document.querySelectorAll(".wb-page:not([hidden]) .wb-code-share")].some((x) => x.textContent.endsWith("%")));
  await shot("shares");
  check((await violations()) === "", "axe finds nothing in code with times");
  await page.locator("[data-tab=density]").click();
  await still();

  // Files.
  for (const [kind, holds] of [["svg", "<svg"], ["dot", "digraph"], ["html", "<!doctype html>"], ["png", "\x89PNG"]]) {
    await page.locator(`${here}.wb-menu > summary`).click();
    const [download] = await Promise.all([page.waitForEvent("download"), page.locator(`${here}[data-action=export-${kind}]`).click()]);
    const text = readFileSync(await download.path(), "latin1");
    check(text.startsWith(holds) && text.length > 500, `${kind} is saved`);
    if (kind === "html") {
      const other = await page.context().newPage();
      await other.setContent(text);
      await other.locator("svg").focus();
      const view = await other.locator("svg").getAttribute("viewBox");
      await other.keyboard.press("+");
      check((await other.locator("svg").getAttribute("viewBox")) !== view, "the page zooms by itself");
      await other.close();
    }
  }

  // A computation of 10,000 nodes.
  await page.goto(large);
  await page.waitForFunction(() => Number(document.querySelector(".wb-graph")?.dataset.boxes) > 5000);
  await still();
  const took = await page.evaluate(async () => {
    const begun = performance.now(), boxes = () => document.querySelector(".wb-graph").dataset.boxes, closed = boxes();
    document.querySelector("[data-action=open-groups]").click();
    while (boxes() === closed) await new Promise((r) => setTimeout(r, 5));
    return performance.now() - begun;
  });
  const count = await page.evaluate(() => Number(document.querySelector(".wb-graph").dataset.boxes));
  check(count > 9900 && took < 2 * LAYOUT, `${count} nodes are laid out and drawn ${took.toFixed(0)} ms after a click (${LAYOUT} ms on a machine that does nothing else)`);
  await page.waitForTimeout(1500);
  await shot("large");
  await page.evaluate(() => {
    window.taken = [];
    let last = performance.now();
    const next = (now) => {
      window.taken.push(now - last);
      last = now;
      if (window.taken) requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
  });
  const area = await page.locator(".wb-canvas").boundingBox();
  await page.mouse.move(area.x + 300, area.y + 150);
  await page.mouse.down();
  await page.mouse.move(area.x + 520, area.y + 260, { steps: 60 });
  await page.mouse.up();
  for (let i = 0; i < 60; i++) await page.mouse.wheel(0, i < 30 ? -12 : 12);
  const frames = await page.evaluate(() => window.taken.slice(2).sort((a, b) => a - b));
  const p95 = frames[Math.floor(frames.length * 0.95)];
  check(p95 <= FRAME, `frames while one moves and zooms over 10,000 nodes: ${frames.length}, median ${frames[frames.length >> 1].toFixed(1)} ms, 95 of 100 within ${p95.toFixed(1)} ms, worst ${frames.at(-1).toFixed(1)} ms`);

  // 2,000 variables; two models; names; nothing.
  await page.goto(crowd);
  await nodes().first().waitFor();
  check((await nodes().count()) === 1, "2,000 variables alike are one box");
  await nodes().first().locator("path").first().click();
  await page.locator("canvas.wb-drawing").waitFor();
  await page.waitForTimeout(600);
  await shot("crowd");
  await page.goto(compared);
  await nodes().first().waitFor();
  await still();
  const both = await page.locator(`${here}.wb-name`).allTextContents();
  check(both.includes("− sigma") && both.includes("+ sigma") && both.includes("mu"), `two models are compared: ${both.join(", ")}`);
  await shot("compared");
  await page.goto(`${hostile}?dark&width=400`);
  await nodes().first().waitFor();
  await still();
  check((await page.locator("img").count()) === 0, "hostile names are text");
  await nodes().filter({ hasText: "bad" }).first().click();
  await page.waitForFunction(() => document.querySelector(".wb-details")?.textContent.includes("not finite"));
  check((await page.evaluate(() => document.querySelector(".wb-inspector").scrollWidth <= 400)), "a narrow page is not overrun");
  await shot("narrow");
  check((await violations()) === "", "axe finds nothing in a narrow dark page");
  await page.goto(nothing);
  await page.locator(".wb-inspector").waitFor();
  await still();
  check((await violations()) === "", "a model without variables is a quiet page");
}, { width: 1200, height: 800 });
