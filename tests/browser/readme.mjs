// The README's pictures: a model, its panel, and its draws, in a light and in a dark JupyterLab.
import { drive, Notebook } from "./page.mjs";

const SIZE = { width: 1180, height: 1330 };

await drive("readme", async ({ page, url, shots, check }) => {
  const lab = new Notebook(page, url, shots);
  for (const [name, theme] of [["light", "JupyterLab Light"], ["dark", "JupyterLab Dark"]]) {
    await lab.open("readme.ipynb");
    await lab.command("apputils:change-theme", { theme });
    await page.waitForFunction((dark) => document.body.dataset.jpThemeLight === String(!dark), name === "dark");
    await lab.runAll();
    await page.waitForFunction(() => document.querySelector(".wb-dashboard .wb-state")?.dataset.state === "done", null, { timeout: 200_000 });
    await lab.idle();
    if (await page.locator("#jp-left-stack").isVisible()) await lab.command("application:toggle-left-area");
    await page.evaluate(() => { window.notebook.content.activeCellIndex = 0; });
    await page.waitForTimeout(2500);
    await page.locator(".jp-Notebook .jp-WindowedPanel-outer, .jp-Notebook").first().evaluate((e) => { e.scrollTop = 0; });
    await page.waitForTimeout(500);
    await page.screenshot({ path: `${shots}/readme-${name}.png`, clip: { x: 0, y: 0, ...SIZE, height: SIZE.height - 52 } });
    await page.evaluate(() => window.notebook.sessionContext.shutdown());
  }
  check(await page.locator(".wb-dashboard").count() > 0, "the draws are drawn");
}, SIZE);
