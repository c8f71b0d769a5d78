// Help while a model is written, in JupyterLab: Tab, Shift-Tab, and what is shown of cells that fail.
import { join } from "node:path";
import { drive, Notebook } from "./page.mjs";

await drive("writing", async ({ page, url, shots, check }) => {
  const book = new Notebook(page, url, shots);
  await book.open("writing.ipynb");
  for (const index of [0, 1, 2, 3]) {
    await page.evaluate((i) => void (window.notebook.content.activeCellIndex = i), index);
    await book.command("notebook:run-cell");
    await page.waitForFunction((i) => window.notebook.content.widgets[i].model.executionCount, index);
  }
  const output = async (i) => (await page.locator(".jp-Cell").nth(i).locator(".jp-OutputArea").innerText()).trimEnd();
  check(await output(2) === [
    "NameError: name 'sgima' is not defined", "  in the model 'radon', line 2:", '    a = Normal(0, sgima, dims="county")', "                  ^^^^^", "hint: did you mean 'sigma'?",
  ].join("\n"), "a name that is misspelt is shown with a caret and what was meant");
  check((await output(3)).includes("  a has length county (2), log_radon has length 3"), "lengths are said by the names of the dims");
  await page.screenshot({ path: join(shots, "writing-errors.png") });

  /** Write a model cell, and leave the cursor at the mark. */
  const write = async (body) => {
    await page.evaluate(([source, column]) => {
      const { content } = window.notebook;
      content.activeCellIndex = 1;
      content.mode = "edit";
      const { editor, model } = content.widgets[1];
      model.sharedModel.setSource(source);
      editor.focus();
      editor.setCursorPosition({ line: source.split("\n").length - 1, column });
    }, [`%%model radon --data df --show none\n${body.replace("|", "")}`, body.split("\n").at(-1).indexOf("|")]);
  };
  const tabs = { "y = HalfN|": "HalfNormal", "y = Normal(0, si|": "sigma=", 'y = Normal(0, 1, dims="coun|")': "county", "sigma_a = HalfNormal(1)\ny = Normal(0, sigma_|": "sigma_a", "y = Normal(log_r|": "log_radon" };
  for (const [body, expected] of Object.entries(tabs)) {
    await write(body);
    await page.keyboard.press("Tab");
    // One completion is put in at once; several are listed.
    await page.waitForFunction((text) => {
      const line = window.notebook.content.widgets[1].model.sharedModel.getSource().split("\n").at(-1);
      const listed = [...document.querySelectorAll(".jp-Completer:not(.lm-mod-hidden) .jp-Completer-item")];
      return line.includes(text) || listed.some((item) => item.innerText.includes(text));
    }, expected);
    check(true, `Tab after ${body.split("\n").at(-1)} completes ${expected}`);
    await page.keyboard.press("Escape");
  }
  await write("y = Normal(|");
  await page.keyboard.press("Tab");
  await page.locator(".jp-Completer:not(.lm-mod-hidden)").first().waitFor();
  await page.screenshot({ path: join(shots, "writing-tab.png") });
  await page.keyboard.press("Escape");
  await write("y = Normal(|0, 1)");
  await page.keyboard.press("Shift+Tab");
  await page.locator(".jp-Tooltip").first().waitFor();
  const help = await page.locator(".jp-Tooltip").first().innerText();
  check(help.includes("sigma=None") && help.includes("f(x) = exp(-(x - mu)**2 / (2 * sigma**2)) / (sigma * sqrt(2 * pi))"), "Shift-Tab shows the signature and the density");
  await page.screenshot({ path: join(shots, "writing-help.png") });
});
