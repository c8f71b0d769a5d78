// Bundles the front end: a loader that is stored with each widget, and the module that a page takes once.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";

const out = "../kernel_ext/static";
const LIMITS = { loader: 4 * 1024, workbench: 250 * 1024 };

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const worker = await build({ entryPoints: ["src/layout/worker.ts"], bundle: true, format: "iife", target: "es2022", minify: true, write: false });
await build({
  entryPoints: ["src/loader.ts", "src/workbench.ts"], outdir: out, bundle: true, format: "esm", target: "es2022", minify: true, legalComments: "none",
  loader: { ".css": "text" }, define: { LAYOUT_WORKER: JSON.stringify(worker.outputFiles[0].text) },
});
for (const [name, limit] of Object.entries(LIMITS)) {
  const { size } = statSync(`${out}/${name}.js`);
  if (size > limit) throw new Error(`${name}.js is ${size} bytes; it may have ${limit}`);
  console.log(`${name}.js ${(size / 1024).toFixed(1)} KB`);
}
// What they were made of: where that has not changed, a wheel is built without node (hatch_build.py, which has the same digest).
const digest = createHash("sha256");
const sources = readdirSync("src", { recursive: true, withFileTypes: true }).filter((f) => f.isFile())
  .map((f) => `${f.parentPath}/${f.name}`.replaceAll("\\", "/"));
const byBytes = (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b));
for (const path of [...sources, "build.mjs", "package-lock.json"].sort(byBytes)) {
  const text = Buffer.from(readFileSync(path).toString("latin1").replaceAll("\r\n", "\n"), "latin1");
  digest.update(path).update("\0").update(text).update("\0");
}
writeFileSync(`${out}/built`, digest.digest("hex"));
