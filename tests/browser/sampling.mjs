// A run in a notebook: %sample opens the model's panel at it, Stop works after a reload in mid-run, and the draws are kept.
import { drive, Notebook } from "./page.mjs";

await drive("sampling", async ({ page, url, shots, check }) => {
  const lab = new Notebook(page, url, shots);
  await lab.open("reload.ipynb");
  await lab.runAll();
  const state = (name) => page.waitForFunction((wanted) => document.querySelector(".wb-dashboard .wb-state")?.dataset.state === wanted, name);
  await state("sampling");
  check(await page.locator(".wb-tab[aria-selected=true]").first().textContent() === "Sample", "%sample opens the model's panel at the run");
  await page.waitForTimeout(2500);
  await lab.shot(".wb", "sampling");
  await lab.save();
  const reloaded = Date.now();
  await page.reload({ waitUntil: "domcontentloaded" });
  await page.waitForSelector(".jp-Notebook .jp-Cell", { state: "attached" });
  const there = Date.now();
  await page.waitForSelector(".wb-dashboard [data-action=stop]:visible", { timeout: 60_000 });
  await state("sampling");
  console.log(`   the notebook was there ${there - reloaded} ms after the reload, Stop ${Date.now() - there} ms after that`);
  check(Date.now() - there < Math.max(8000, 4 * (there - reloaded)), `after a reload in mid-run the dashboard is there again`);
  const pressed = Date.now();
  await page.locator(".wb-dashboard [data-action=stop]").first().click();
  await state("stopped");
  check(Date.now() - pressed < 3000, `Stop works after the reload (${Date.now() - pressed} ms)`);
  await page.waitForTimeout(1500);
  await lab.screen("sampling-reloaded");
});
