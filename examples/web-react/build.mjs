// Builds the shop into dist/ with esbuild. Vite and webpack find Tandem's WebAssembly by themselves. esbuild
// does not follow `new URL("….wasm", import.meta.url)`, so this script copies the files beside the bundle.

import { build } from "esbuild";
import { copyFile, mkdir, readdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const [dist, tandem] = [join(here, "dist"), join(here, "node_modules/tandem-web")];

await rm(dist, { recursive: true, force: true });
await mkdir(join(dist, "assets"), { recursive: true });
await build({
  absWorkingDir: here,
  entryPoints: { main: "src/main.tsx", style: "src/style.css" },
  outdir: join(dist, "assets"),
  bundle: true,
  minify: true,
  splitting: true,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  define: { "process.env.NODE_ENV": '"production"' },
  // The package is a link to web-client/pkg. Its files must resolve from node_modules.
  preserveSymlinks: true,
  logLevel: "warning",
});
await copyFile(join(here, "index.html"), join(dist, "index.html"));
for (const name of await readdir(tandem)) {
  if (name.endsWith(".wasm")) await copyFile(join(tandem, name), join(dist, "assets", name));
}
