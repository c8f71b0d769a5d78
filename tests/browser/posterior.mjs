// Sampling and the posterior in pages of their own: a run by a click, every plot, what to do next, accessibility, narrow and dark.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { drive } from "./page.mjs";

const axe = readFileSync(createRequire(join(process.cwd(), "package.json")).resolve("axe-core/axe.min.js"), "utf8");

await drive("posterior", async ({ page, url, shots, check }) => {
  const [schools, many] = url.split(",");
  const shot = (name) => page.screenshot({ path: join(shots, `posterior-${name}.png`), fullPage: true });
  const violations = async (what) => {
    await page.evaluate(axe);
    const found = await page.evaluate(() => axe.run(".wb", { rules: { region: { enabled: false } } }));
    const said = found.violations.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => `${n.target} ${n.failureSummary}`).join("; ")}`);
    check(said.length === 0, `axe finds no violation ${what}${said.length ? `: ${said.join(" | ")}` : ""}`);
  };
  /** Whether something is drawn on a figure's canvas. */
  const inked = (selector) => page.waitForFunction((s) => {
    const canvas = document.querySelector(`${s} canvas`);
    if (!canvas?.width) return false;
    canvas.scrollIntoView({ block: "center" });
    const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    let n = 0;
    for (let i = 3; i < data.length; i += 4) n += data[i] > 0;
    return n > 400;
  }, selector);

  await page.goto(schools);
  await page.waitForSelector("[name=draws]");
  await violations("in the form");
  await page.fill("[name=random_seed]", "1");
  await page.waitForFunction(() => document.querySelector(".wb-code-line")?.textContent === "idata_schools = pm.sample(random_seed=1, model=schools)");
  check(true, "the code that does the same is shown");
  await page.fill("[name=draws]", "none");
  await page.waitForFunction(() => document.querySelector(".wb-form [role=alert]")?.textContent.includes("whole number"));
  check(true, "what cannot be is said while it is written");
  await page.fill("[name=draws]", "1000");
  await page.focus("[data-action=start]");
  await page.keyboard.press("Enter");
  await page.waitForFunction(() => document.querySelector(".wb-state")?.dataset.state === "done" && document.querySelector("ul.wb-advice li"));
  check((await page.locator("ul.wb-advice").first().textContent()).includes("diverged"), "what speaks against the draws is said");
  const rhats = await page.evaluate(() => [...document.querySelectorAll(".wb-dashboard .wb-element")].map((b) => parseFloat(b.closest("tr").lastElementChild.textContent)));
  check(rhats.length > 5 && rhats.every((r, i) => !i || r <= rhats[i - 1]), `the worst R-hat is first (${rhats.slice(0, 3)})`);
  for (const kind of ["Traces", "Densities", "Ranks", "Pairs", "Diagnostics"]) {
    await page.click(`[data-plots=${kind}]`);
    await inked(".wb-dashboard .wb-plots");
    await shot(kind.toLowerCase());
  }
  check(true, "traces, densities, ranks, pairs and diagnostics are drawn");
  await page.click("[data-plots=Traces]");
  await violations("in the dashboard");

  for (const width of [400, 700, 1200]) {
    await page.setViewportSize({ width, height: 900 });
    await page.waitForTimeout(300);
    const cut = await page.evaluate(() => {
      const table = document.querySelector(".wb-chains").getBoundingClientRect(), edge = document.querySelector(".wb").getBoundingClientRect().right;
      return [...document.querySelectorAll(".wb-chains th")].some((th) => th.getBoundingClientRect().right > edge + 1) || table.right > edge + 1;
    });
    check(!cut, `all columns of the chains are to be seen at a width of ${width}`);
    if (width === 400) await shot("narrow");
  }

  await page.click("[data-action=posterior]");
  await page.waitForSelector("[data-page=posterior] .wb-element");
  for (const plot of ["trace", "density", "ranks", "pairs", "forest", "energy", "leapfrogs"]) await inked(`.wb-posterior .wb-${plot}`);
  check(true, "the worst element is drawn in every way, and a variable's forest");
  await page.locator("[data-page=posterior] .wb-element", { hasText: "theta[Choate]" }).click();
  await page.waitForFunction(() => document.querySelector(".wb-posterior .wb-trace figcaption").textContent.startsWith("theta[Choate]"));
  await page.click("[data-page=posterior] [data-action=prior]");
  await page.waitForFunction(() => document.querySelector(".wb-posterior .wb-density figcaption")?.textContent.includes("and the prior"));
  await page.click("[data-page=posterior] [data-action=predict]");
  await page.waitForFunction(() => document.querySelector(".wb-prediction figcaption")?.textContent.startsWith("obs: posterior predictive"));
  await inked(".wb-prediction");
  check((await page.locator(".wb-prediction tbody tr").count()) === 4, "predictions stand beside the data, as a plot and as a table");
  await page.click("[data-page=posterior] [data-action=code]");
  await page.waitForFunction(() => document.querySelector(".wb-outcome pre")?.textContent.includes("pm.sample(1000, random_seed=1, model=schools)"));
  await violations("in the posterior");
  await shot("whole");
  await page.click("[data-page=posterior] [data-action=accept]");
  await page.waitForFunction(() => document.querySelector("[data-page=sample]:not([hidden]) .wb-state")?.dataset.state === "done");
  check(true, "what is called for is a click away: a run with a higher target_accept");

  await page.goto(`${many}?dark`);
  await page.waitForSelector(".wb-posterior .wb-element");
  await page.waitForFunction(() => document.querySelector(".wb-posterior .wb-element")?.textContent === "x[2718]");
  check(true, "the worst of 3,001 elements is first");
  check((await page.locator(".wb-posterior tbody tr").count()) < 60 && (await page.locator("img").count()) === 0, "rows out of sight are not in the page, hostile names are text");
  await page.locator(".wb-elements").focus();
  await page.keyboard.press("End");
  await page.waitForFunction(() => document.querySelector(".wb-elements").scrollTop > 10_000);
  await page.fill(".wb-posterior .wb-search", "img");
  await page.waitForFunction(() => document.querySelectorAll(".wb-posterior .wb-element").length === 1);
  await violations("in the dark");
  await shot("dark");
});
