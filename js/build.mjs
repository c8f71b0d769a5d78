// Bundles each widget into one module of kernel_ext/static: what the notebook loads is that file alone.
import { build } from "esbuild";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";

const out = "../kernel_ext/static";
const LIMIT = 250 * 1024;
const widgets = { graph: "src/inspector/index.ts", steps: "src/stepper/index.ts", dashboard: "src/dashboard/index.ts" };

mkdirSync(out, { recursive: true });
await build({
  entryPoints: widgets, outdir: out, bundle: true, format: "esm", target: "es2022", minify: true, legalComments: "none",
  entryNames: "[name]", loader: { ".css": "text" },
});
for (const name of Object.keys(widgets)) {
  const { size } = statSync(`${out}/${name}.js`);
  if (size > LIMIT) throw new Error(`${name}.js is ${size} bytes; a widget may have ${LIMIT}`);
  console.log(`${name}.js ${(size / 1024).toFixed(0)} KB`);
}
const css = readFileSync("src/shared/theme.css", "utf8") + readFileSync("node_modules/uplot/dist/uPlot.min.css", "utf8");
writeFileSync(`${out}/workbench.css`, css);
writeFileSync(`${out}/built`, "");
