// The stepper in a page of its own: keys, what is said, how long a step takes, accessibility, narrow and dark.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { drive } from "./page.mjs";

const STEP = 30, JUMP = 150, FRAME = 60;
const axe = readFileSync(createRequire(join(process.cwd(), "package.json")).resolve("axe-core/axe.min.js"), "utf8");

await drive("stepper", async ({ page, url, shots, check }) => {
  const [hierarchy, chain, sampler] = url.split(",");
  const shot = (name) => page.screenshot({ path: join(shots, `stepper-${name}.png`), fullPage: true });
  const at = () => page.locator(".wb-position").textContent();
  const drawn = (step) => page.waitForFunction((n) => document.querySelector(".wb-steps .wb-graph")?.dataset.step === String(n), step);
  const open = async (address, ready = 0) => {
    await page.goto(address);
    await page.waitForFunction(() => Number(document.querySelector(".wb-scrubber")?.max) > 0);
    if (ready !== null) return drawn(ready);
    await page.waitForFunction(() => document.querySelector(".wb-steps .wb-graph")?.dataset.step);
  };
  const scrub = (n) => page.evaluate((to) => {
    const s = document.querySelector(".wb-scrubber");
    s.value = to;
    s.dispatchEvent(new Event("input"));
  }, n);
  const violations = async () => {
    await page.evaluate(axe);
    const found = await page.evaluate(() => axe.run(".wb", { rules: { region: { enabled: false } } }));
    return found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target + " " + n.failureSummary).join("; ")}`);
  };

  await open(hierarchy);
  await page.locator(".wb-steps").focus();
  for (let i = 0; i < 3; i++) await page.keyboard.press("ArrowRight");
  await drawn(3);
  check((await at()).startsWith("3 /"), "arrows step");
  await page.waitForSelector(".wb-check");
  await page.locator(".wb-check summary").click();
  check((await page.locator(".wb-values tbody tr").count()) === 3, "a step shows the values on both sides at three points");
  check((await page.locator("img").count()) === 0, "hostile names are text");
  // What has gone fades away first.
  await page.waitForFunction(() => document.querySelectorAll(".wb-produced").length && document.querySelectorAll(".wb-node").length < 40);
  check(true, "the change is drawn with what is near it");
  await shot("step");
  check((await violations()).join("\n") === "", "axe finds nothing in a step");

  await page.locator(".wb-steps").focus();
  await page.keyboard.press("ArrowDown");
  const pass = await page.locator(".wb-pass[aria-selected=true]").textContent();
  check(pass.startsWith("values"), "down goes to the next pass");
  await page.locator(".wb-pass[aria-selected=true]").focus();
  await page.keyboard.press("ArrowDown");
  check((await page.locator(".wb-pass[aria-selected=true]").textContent()).startsWith("unconstrained"), "passes are reached by Tab and arrows");
  await page.locator(".wb-list").focus();
  const before = Number((await at()).split(" ")[0]);
  await page.keyboard.press("ArrowDown");
  check(Number((await at()).split(" ")[0]) === before + 1, "so are the rows");
  await page.locator(".wb-steps").focus();
  await page.keyboard.press("/");
  await page.keyboard.type("log");
  await page.keyboard.press("Enter");
  const first = Number((await at()).split(" ")[0]);
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  check(await page.evaluate(() => document.activeElement?.classList.contains("wb-steps")), "Esc leaves the filter");
  await page.keyboard.press("Escape");
  check(await page.evaluate(() => document.activeElement === document.body), "and then the stepper");
  check(first > 0, "Enter goes to the first step that passes the filter");

  await scrub(30);
  await drawn(30);
  await page.locator(".wb-node:not(.wb-ghost)").first().click();
  await page.waitForSelector(".wb-node-facts h4");
  check((await page.locator(".wb-node-facts").textContent()).includes("made by"), "a node says what made it");
  await page.locator(".wb-node-facts select").selectOption({ index: 1 }).catch(() => {});
  await shot("node");
  check((await violations()).join("\n") === "", "axe finds nothing beside a node");
  await page.locator("[data-action=compare]").click();
  await scrub(60);
  await page.waitForFunction(() => document.querySelector(".wb-explanation h4")?.textContent.startsWith("From step 30"));
  await shot("compare");
  await page.locator("[data-action=compare]").click();
  await page.locator(".wb-steps").focus();
  await page.keyboard.press("End");
  await page.waitForFunction(() => document.querySelector(".wb-code-diff")?.textContent.includes("int32_t run"));
  await shot("code");
  check((await violations()).join("\n") === "", "axe finds nothing in code");
  const last = await at();
  await scrub(40);
  await drawn(40);
  await page.waitForTimeout(300);
  await open(hierarchy, 40);
  check((await at()).startsWith("40 /"), `a page that is loaded again goes on where it was, not at ${last}`);

  await open(`${hierarchy}?dark&width=400`, 40);
  await page.setViewportSize({ width: 430, height: 1000 });
  await page.waitForSelector(".wb-check");
  await shot("narrow-dark");
  check(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "a narrow page does not scroll sideways");
  check((await violations()).join("\n") === "", "axe finds nothing in a narrow dark page");
  await page.emulateMedia({ reducedMotion: "reduce" });
  check(await page.evaluate(() => parseFloat(getComputedStyle(document.querySelector(".wb-node")).transitionDuration) === 0), "nothing moves where motion is to be reduced");
  await page.emulateMedia({ reducedMotion: null });
  await page.setViewportSize({ width: 1400, height: 1000 });

  await open(chain);
  const total = await page.evaluate(() => Number(document.querySelector(".wb-scrubber").max));
  await scrub(1000);
  await drawn(1000);
  await page.waitForTimeout(2500); // The blocks that are asked for ahead.
  /** Milliseconds from a click until what it does is painted, and those that it works. */
  const timed = (action, count) => page.evaluate(async ([what, n]) => {
    const found = [];
    for (let i = 0; i < n; i++) {
      await new Promise((r) => setTimeout(r, 60));
      const start = performance.now();
      document.querySelector(`[data-action=${what}]`).click();
      document.querySelector(".wb-steps").offsetHeight;
      const worked = performance.now() - start;
      await new Promise((r) => requestAnimationFrame(() => { const c = new MessageChannel(); c.port1.onmessage = () => r(); c.port2.postMessage(0); }));
      found.push([worked, performance.now() - start]);
    }
    return found.sort((a, b) => a[0] - b[0]);
  }, [action, count]);
  // Other work on the machine only adds: the quicker quarter is what a step takes.
  const say = (times) => `works ${times[times.length >> 2][0].toFixed(1)} ms (half of them up to ${times[times.length >> 1][0].toFixed(1)}), painted after ${times[times.length >> 2][1].toFixed(1)} ms`;
  const near = await timed("next", 60);
  check(near[15][0] <= STEP, `a step near its change in ${await page.evaluate(() => document.querySelector(".wb-graph").dataset.nodes)} nodes ${say(near)}`);
  await page.locator("[data-action=near]").click();
  const whole = await timed("next", 30);
  console.log(`   a step in the whole graph ${say(whole)}`);
  await shot("whole");
  await page.locator("[data-action=near]").click();
  const gaps = await page.evaluate(async (to) => {
    const s = document.querySelector(".wb-scrubber"), found = [];
    let last = performance.now();
    for (let n = 0; n <= Math.min(2000, to); n += 8) {
      s.value = n;
      s.dispatchEvent(new Event("input"));
      await new Promise((r) => requestAnimationFrame(r));
      found.push(performance.now() - last);
      last = performance.now();
    }
    return found.sort((a, b) => a - b);
  }, total);
  check(gaps[gaps.length >> 2] <= FRAME, `2,000 steps are scrubbed with frames of ${gaps[gaps.length >> 2].toFixed(1)} ms, half of them up to ${gaps[gaps.length >> 1].toFixed(1)}, the longest ${gaps.at(-1).toFixed(1)}`);
  const jumps = [];
  const share = (x) => Math.round(x * total);
  for (const to of [share(0.5), 90, share(0.7), share(0.25), 0, total - 6, share(0.4)]) {
    jumps.push(await page.evaluate(async (n) => {
      const s = document.querySelector(".wb-scrubber"), start = performance.now();
      s.value = n;
      s.dispatchEvent(new Event("input"));
      while (document.querySelector(".wb-graph").dataset.step !== String(n)) await new Promise((r) => setTimeout(r, 1));
      return performance.now() - start;
    }, to));
  }
  jumps.sort((a, b) => a - b);
  check(jumps[jumps.length >> 1] <= JUMP, `a jump takes ${jumps[jumps.length >> 1].toFixed(0)} ms, at most ${jumps.at(-1).toFixed(0)}`);
  await page.waitForTimeout(600);
  await open(chain, share(0.4));
  const cold = await page.evaluate(async (n) => {
    const s = document.querySelector(".wb-scrubber"), start = performance.now();
    s.value = n;
    s.dispatchEvent(new Event("input"));
    while (document.querySelector(".wb-graph").dataset.step !== String(n)) await new Promise((r) => setTimeout(r, 1));
    return performance.now() - start;
  }, share(0.9));
  console.log(`   a jump of which nothing was there yet: ${cold.toFixed(0)} ms`);

  await open(sampler, null);
  const begins = Number(await page.locator(".wb-graph").getAttribute("data-step"));
  check(begins > 50, `a sampler's steps open behind what nobody uses, at step ${begins}`);
  await scrub(900);
  await drawn(900);
  await page.waitForSelector(".wb-check, .wb-unchecked");
  check((await page.locator(".wb-explanation").textContent()).includes("inside"), "a sampler's steps lie in its loops");
  await shot("sampler");
});
