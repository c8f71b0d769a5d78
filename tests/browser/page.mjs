// What every browser test needs: a browser, a notebook opened in it, checks that are counted.
import { createRequire } from "node:module";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const { chromium } = createRequire(join(process.cwd(), "package.json"))("playwright-core");
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

/** Run a test: `script({ url, shots })` are the arguments of its process. */
export async function drive(name, test, viewport = { width: 1400, height: 1000 }) {
  const [url, executablePath, shots] = process.argv.slice(2);
  const context = await chromium.launchPersistentContext(mkdtempSync(join(tmpdir(), "workbench-chromium-")), { executablePath, headless: true, viewport, args: FLAGS });
  const page = await context.newPage();
  const problems = [];
  let passed = 0;
  // Hosts have errors of their own; ours come from the loader and the module, which are blobs.
  page.on("pageerror", (error) => String(error.stack).includes("blob:") && problems.push(String(error.stack)));
  page.setDefaultTimeout(90_000);
  const check = (condition, what) => {
    if (!condition) throw new Error(`not so: ${what}`);
    passed += 1;
    console.log(`ok ${what}`);
  };
  try {
    await test({ page, url, shots, check });
    check(problems.length === 0, `no error in the page${problems.length ? `: ${problems[0]}` : ""}`);
    console.log(`${name}: ${passed} passed, 0 failed`);
  } catch (error) {
    process.exitCode = 1;
    await page.screenshot({ path: join(shots, `${name}-failed.png`) }).catch(() => console.log("no picture could be had of it"));
    console.log(`${name}: ${passed} passed, 1 failed`);
    // What run.py says last of all.
    console.log("failed:", error, ...problems);
  } finally {
    await context.close();
  }
}

/** A notebook in JupyterLab (`host` "lab") or Notebook 7 ("notebooks"). */
export class Notebook {
  constructor(page, url, shots, host = "lab") {
    Object.assign(this, { page, url, shots, host });
  }

  async open(name) {
    const where = this.host === "lab" ? `lab/tree/${name}?reset` : `notebooks/${name}`;
    await this.page.goto(`${this.url}/${where}`, { waitUntil: "domcontentloaded" });
    await this.page.waitForSelector(".jp-Notebook .jp-Cell", { state: "attached" });
    await this.page.waitForFunction(() => window.jupyterapp?.commands.hasCommand("notebook:run-all-cells"));
    await this.page.waitForFunction(() => (window.notebook = window.jupyterapp.shell.currentWidget)?.sessionContext?.session?.kernel?.status === "idle");
  }

  async command(name, args = {}) {
    await this.page.evaluate(([n, a]) => void window.jupyterapp.commands.execute(n, a), [name, args]);
  }

  /** Save, and wait until it is. */
  save() {
    return this.page.evaluate(async () => void (await window.jupyterapp.commands.execute("docmanager:save")));
  }

  /** Shut the kernel down and open the notebook again: what is left is what was saved. Waits until no widget is looked for any more. */
  async reopen(name) {
    await this.page.evaluate(() => window.notebook.sessionContext.shutdown());
    await this.open(name);
    await this.page.locator("[data-wb-static]").first().waitFor();
    await this.page.waitForFunction(() => {
      const widgets = [...document.querySelectorAll(".jp-OutputArea-child:has([data-wb-static]) + .jp-OutputArea-child")];
      return widgets.length > 0 && widgets.every((w) => w.textContent && !w.textContent.includes("Loading widget"));
    });
  }

  runAll() {
    return this.command("notebook:run-all-cells");
  }

  /** Run one cell, and return the seconds until something is seen in it. */
  async seconds(cell, selector) {
    return await this.page.evaluate(async ([i, wanted]) => {
      const { content } = window.notebook;
      content.activeCellIndex = i;
      content.deselectAll();
      const begun = performance.now();
      void window.jupyterapp.commands.execute("notebook:run-cell");
      while (![...content.widgets[i].node.querySelectorAll(wanted)].some((e) => e.getClientRects().length)) {
        if (performance.now() - begun > 60_000) throw new Error(`no ${wanted} within a minute`);
        await new Promise(requestAnimationFrame);
      }
      return (performance.now() - begun) / 1000;
    }, [cell, selector]);
  }

  /** Wait until every cell has run. */
  async idle(timeout = 120_000) {
    await this.page.waitForFunction(() => {
      const panel = window.notebook;
      const cells = panel.content.widgets.filter((w) => w.model.type === "code");
      return panel.sessionContext.session.kernel.status === "idle" && cells.every((c) => c.model.executionCount);
    }, null, { timeout });
  }

  async shot(selector, name) {
    const target = this.page.locator(selector).first();
    await target.scrollIntoViewIfNeeded();
    await this.page.waitForTimeout(600);
    await target.screenshot({ path: join(this.shots, `${name}.png`) });
  }

  screen(name) {
    return this.page.screenshot({ path: join(this.shots, `${name}.png`) });
  }
}
