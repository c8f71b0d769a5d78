// Bundles the front end: a loader that is stored with each widget, and the module that a page takes once.
import { build } from "esbuild";
import { mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";

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
writeFileSync(`${out}/built`, "");
