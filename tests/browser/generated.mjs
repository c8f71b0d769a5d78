// Generated code and backends in pages of their own: measured, changed, linked, searched; keyboard, accessibility, dark, narrow.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { drive } from "./page.mjs";

const axe = readFileSync(createRequire(join(process.cwd(), "package.json")).resolve("axe-core/axe.min.js"), "utf8");

await drive("generated", async ({ page, url, shots, check }) => {
  const [model, long, defaults] = url.split(",");
  const shot = (name) => page.screenshot({ path: join(shots, `${name}.png`), fullPage: true });
  const violations = async () => {
    await page.evaluate(axe);
    const found = await page.evaluate(() => axe.run(".wb", { rules: { region: { enabled: false } } }));
    return found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => `${n.target} ${n.failureSummary}`).join("; ")}`).join("\n");
  };
  const clean = async (what) => {
    const found = await violations();
    check(found === "", found ? `${what}, but ${found}` : what);
  };
  const row = (key) => page.locator(`[data-place="${key} float64"]`);

  await page.goto(model);
  await row("c").getByText("fastest").waitFor();
  check(await row("numpy").getByText("×").count() === 1, "C and NumPy are measured unasked, and the slower is told");
  check(await row("jax:cpu").getByText("measure").count() === 1, "JAX is imported on request only");
  await clean("axe finds nothing in the table");
  await row("numba").click();
  await page.getByText("groups is computed by Numba from the next run on.").waitFor();
  check(await row("numba").locator("[data-action=use]").getAttribute("aria-pressed") === "true", "a click on a row changes the backend");
  await row("c").locator("[data-action=use]").focus();
  await page.keyboard.press("Enter");
  await page.getByText("is computed by C").waitFor();
  check(await page.evaluate(() => document.activeElement?.dataset.action) === "use", "so does Enter, and the focus stays");
  await page.locator("input[type=checkbox]").check();
  await page.locator("[data-place='c float32'] [data-action=measure]").click();
  await page.locator("[data-place='c float32']").getByText("µs").waitFor();
  const apart = Number((await page.locator("[data-place='c float32'] td").nth(4).textContent()));
  check(apart > 1e-9 && apart < 1e-4, `float32 is off by its rounding (${apart} in proportion)`);
  await shot("backends");

  await row("c").locator("[data-action=code]").click();
  await page.locator("[data-action=code-c][aria-pressed=true]").waitFor();
  await page.locator(".wb-code-fold").first().waitFor();
  check(await page.locator("img").count() === 0 && (await page.locator(".wb-code").first().textContent()).length > 500, "the table leads to the code; hostile names are text");
  const pane = page.locator(".wb-code").first();
  await pane.focus();
  for (let i = 0; i < 4; i++) await page.keyboard.press("ArrowDown");
  check((await page.locator(".wb-code-about").textContent()).includes("line"), "arrows go from line to line");
  await page.keyboard.press("/");
  await page.keyboard.type("level");
  await page.locator(".wb-code-found").first().waitFor();
  await page.keyboard.press("Enter");
  const said = await page.locator(".wb-code-about").textContent();
  check(said.includes("generated.py"), `a line knows the user's line (${said})`);
  await clean("axe finds nothing in the code");
  await page.locator(".wb-select").first().selectOption("numba");
  await page.locator(".wb-code").nth(1).locator(".wb-code-chosen").first().waitFor();
  check(true, "what is chosen is marked in the code beside it");
  await shot("code");
  await page.locator("[data-action=show-graph]").click();
  await page.locator("[data-page=density] .wb-linked").first().waitFor();
  check(true, "a line leads to its node in the graph");
  await page.locator("[data-tab=model]").click();
  await page.locator("[data-page=model] .wb-node", { hasText: "level" }).first().click();
  await page.locator("[data-tab=code]").click();
  await page.waitForFunction(() => document.querySelectorAll("[data-page=code] .wb-code-chosen").length > 1);
  check(true, "a variable of the model has its lines marked");
  await shot("code-of-a-variable");
  await page.goto(`${long}?dark`);
  await page.locator(".wb-code-text").first().waitFor();
  const total = await page.waitForFunction(() => {
    const sizes = [...document.querySelectorAll(".wb-code-row[aria-setsize]")].map((r) => Number(r.getAttribute("aria-setsize")));
    return Math.max(0, ...sizes) > 2000 && Math.max(...sizes);
  });
  check(await page.locator(".wb-code-row").count() < 120, `of ${await total.jsonValue()} lines those in sight are elements`);
  const slowest = await page.evaluate(async () => {
    const pane = document.querySelector(".wb-code");
    let worst = 0;
    for (let i = 0; i < 40; i++) {
      pane.scrollTop = (pane.scrollHeight * i) / 40;
      const begun = performance.now();
      pane.dispatchEvent(new Event("scroll"));
      worst = Math.max(worst, performance.now() - begun);
    }
    return worst;
  });
  check(slowest < 50, `a page of code is drawn in ${slowest.toFixed(1)} ms`);
  await clean("axe finds nothing in the dark");
  await shot("code-dark");
  await page.setViewportSize({ width: 500, height: 900 });
  await page.goto(`${model}?width=460`);
  await row("c").waitFor();
  check(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "a narrow page does not scroll sideways");
  await shot("backends-narrow");

  await page.goto(defaults);
  await page.locator("[data-place='numpy float64'] [data-action=use]").click();
  await page.getByText("Models are computed by NumPy from now on").waitFor();
  await page.locator("[data-place='c float64'] [data-action=use]").click();
  await clean("axe finds nothing in the notebook's backends");
}, { width: 1200, height: 800 });
