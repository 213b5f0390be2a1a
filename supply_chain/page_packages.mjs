// Prints the npm packages whose modules are in the page's script: [{"name", "version", "license"}], as Vite bundles them.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "vite";

const frontend = join(import.meta.dirname, "../frontend");
const { output } = await build({ root: frontend, logLevel: "error", build: { write: false } });
const folders = new Set();
for (const module of output.flatMap((file) => (file.type === "chunk" ? file.moduleIds : []))) {
  const folder = /^.*\/node_modules\/(@[^/]+\/)?[^/]+/.exec(module)?.[0];
  if (folder) folders.add(folder);
}
const packages = [...folders].map((folder) => JSON.parse(readFileSync(join(folder, "package.json"), "utf-8")));
console.log(
  JSON.stringify(packages.map(({ name, version, license }) => ({ name, version, license: license?.type ?? license }))),
);
