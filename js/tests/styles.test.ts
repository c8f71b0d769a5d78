import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";

/** What each view's style says of a class wherever it stands: all styles are one in the page. */
it("no view's style changes what another view calls by the same name", () => {
  const root = join(__dirname, "../src");
  const files = readdirSync(root, { recursive: true }).map(String).filter((f) => f.endsWith(".css"));
  expect(files.length).toBeGreaterThan(5);
  const owners = new Map<string, Set<string>>();
  for (const file of files) {
    const rules = readFileSync(join(root, file), "utf8").replace(/\/\*[^]*?\*\//g, "").matchAll(/([^{}]+)\{/g);
    for (const [, selectors] of rules) {
      for (const selector of selectors.split(",")) {
        const alone = selector.trim().match(/^\.(wb-[\w-]+)(?::[\w-]+)*$/);
        if (alone) owners.set(alone[1], (owners.get(alone[1]) ?? new Set()).add(file));
      }
    }
  }
  const shared = [...owners].filter(([, where]) => where.size > 1).map(([name, where]) => `${name}: ${[...where].join(", ")}`);
  expect(shared).toEqual([]);
});
