// The same panel in JupyterLab and in Notebook 7; keys; a kernel started anew; what a saved notebook shows.
import { join } from "node:path";
import { drive, Notebook } from "./page.mjs";

await drive("hosts", async ({ page, url, shots, check }) => {
  for (const host of ["lab", "notebooks"]) {
    const book = new Notebook(page, url, shots, host);
    await book.open("coin.ipynb");
    await book.runAll();
    await book.idle();
    await page.locator(".wb-inspector .wb-node").first().waitFor();
    check(await page.locator("[data-page=model] .wb-node").count() === 2, `${host}: the model is drawn`);

    const steps = page.locator(".wb-steps").first();
    await steps.scrollIntoViewIfNeeded();
    await steps.locator("[data-action=next]").click();
    await page.waitForFunction(() => document.querySelector(".wb-steps .wb-position")?.textContent.startsWith("1 /"));
    const cells = () => page.evaluate(() => JSON.stringify(window.notebook.content.widgets.map((w) => w.model.sharedModel.getSource())));
    const before = await cells();
    for (const key of ["x", "d", "d", "b", "a", "m", "Enter", "Escape"]) {
      await page.keyboard.press(key);
      if (await cells() !== before) check(false, `${host}: ${key} in the panel reaches the notebook`);
    }
    check(true, `${host}: no key of the panel's reaches the notebook`);

    if (host === "lab") {
      await page.evaluate(() => {
        window.notebook.content.activeCellIndex = 1;
        void window.jupyterapp.commands.execute("notebook:create-output-view");
      });
      await page.waitForFunction(() => document.querySelectorAll("[data-page=model] .wb-node").length === 4);
      check(true, "lab: a second view of an output shows the same");
      await page.evaluate(() => window.jupyterapp.shell.activateById(window.notebook.id));
    }

    await book.save();
    await page.evaluate(() => window.notebook.sessionContext.session.kernel.restart());
    await page.locator(".wb-advice", { hasText: "run the cell again" }).first().waitFor();
    check(true, `${host}: a kernel started anew is said`);
    await book.screen(`${host}-restarted`);

    // At once, while the kernel starts.
    await book.reopen("coin.ipynb");
    check(!(await page.locator(".jp-Notebook").innerText()).includes("model not found"), `${host}: a saved notebook shows no error`);
    for (let i = 0; i < 3; i++) await page.locator("[data-wb-static]").nth(i).waitFor();
    check(await page.locator(".wb").count() === 0, `${host}: but what lasts`);
    await page.screenshot({ path: join(shots, `${host}-saved.png`), fullPage: true });
  }

  await page.goto(`${url}/nbconvert/html/coin.ipynb?download=false`);
  await page.locator("[data-wb-static]").nth(2).waitFor();
  const page_text = await page.locator("body").innerText();
  check(page_text.includes("done") && !/error|model not found|vnd.jupyter/i.test(page_text), "as a web page the notebook shows what lasts");
  await page.screenshot({ path: join(shots, "web-page.png"), fullPage: true });
});
