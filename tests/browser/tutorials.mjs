// Every tutorial as a reader meets it: opened, run from top to bottom, each panel in it looked at and clicked, a picture of each.
import { join } from "node:path";
import { drive, Notebook } from "./page.mjs";

const names = (process.env.WORKBENCH_TUTORIALS ?? "").split(" ").filter(Boolean);

await drive("tutorials", async ({ page, url, shots, check }) => {
  for (const name of names) {
    const lab = new Notebook(page, url, shots);
    await lab.open(`${name}.ipynb`);
    await lab.runAll();
    const begun = Date.now();
    await lab.idle(400_000);
    const cells = await page.evaluate(() => window.notebook.content.widgets.map((w) => {
      const outputs = w.model.type === "code" ? w.model.outputs.toJSON() : [];
      return { tags: w.model.getMetadata("tags") ?? [], errors: outputs.filter((o) => o.output_type === "error").map((o) => `${o.ename}: ${o.evalue}`) };
    }));
    const wrong = cells.flatMap((c) => (c.tags.includes("raises-exception") ? [] : c.errors));
    check(wrong.length === 0, `${name}: no error (${((Date.now() - begun) / 1000).toFixed(0)} s)${wrong.map((w) => ` ${w}`)}`);

    // JupyterLab makes cells when they come into sight: each output is scrolled to, and seen.
    let panels = 0, blank = [];
    for (let i = 0; i < cells.length; i++) {
      await page.evaluate((at) => window.notebook.content.scrollToItem(at, "start"), i);
      await page.waitForTimeout(150);
      const found = await page.evaluate(async (at) => {
        const cell = window.notebook.content.widgets[at].node;
        const until = performance.now() + 8000;
        const seen = (panel) => panel.querySelector(".wb-node, canvas, svg, table, .wb-row, pre, li") || panel.innerText.trim().length > 40;
        const widgets = () => [...cell.querySelectorAll(".wb")];
        while (performance.now() < until && widgets().some((w) => !seen(w))) await new Promise(requestAnimationFrame);
        return { panels: widgets().length, blank: widgets().filter((w) => !seen(w)).length, lost: /Error displaying widget|model not found/.test(cell.innerText) };
      }, i);
      panels += found.panels;
      if (found.blank || found.lost) blank.push(i);
      if (found.panels) {
        const panel = page.locator(`.jp-Notebook .jp-Cell[data-windowed-list-index="${i}"] .wb`).first();
        const next = panel.locator("[data-action=next]:visible");
        if (await next.count()) await next.first().click().catch(() => blank.push(`next of ${i}`));
        // Plots are drawn when they can be seen.
        await panel.scrollIntoViewIfNeeded();
        await page.waitForTimeout(800);
        await panel.screenshot({ path: join(shots, `tutorial-${name}-${i}.png`) }).catch(() => undefined);
      }
    }
    check(blank.length === 0, `${name}: its ${panels} panels show something${blank.map((b) => ` not in cell ${b}`)}`);
    await page.evaluate(() => window.notebook.content.scrollToItem(0, "start"));
    await page.waitForTimeout(300);
    await lab.screen(`tutorial-${name}`);
    await page.evaluate(async () => { await window.notebook.sessionContext.shutdown(); window.notebook.context.model.dirty = false; await window.jupyterapp.commands.execute("application:close", {}); });
  }
});
