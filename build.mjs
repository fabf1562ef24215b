#!/usr/bin/env node
// One script: check, bundle, measure. `node build.mjs [build | test | bench] [--quiet] [arguments]`
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import * as esbuild from "esbuild";

const root = fileURLToPath(new URL(".", import.meta.url));
const words = process.argv.slice(2);
const quiet = words.includes("--quiet");
const [task = "build", ...rest] = words.filter((word) => word !== "--quiet");

/** Most bytes of each script for small engines; null: none set yet. */
const LIMITS = { beacon: 10 * 1024 };

process.chdir(root);

function say(text) {
  if (!quiet) console.log(text);
}

/** Runs a program of node_modules in this Node, and ends with its exit code if it fails. */
function run(script, args, options = {}) {
  const result = spawnSync(process.execPath, [...(options.node ?? []), join("node_modules", script), ...args], { stdio: "inherit" });
  if (result.status !== 0) process.exit(result.status ?? 1);
}

const tsc = (...args) => run("typescript/bin/tsc", args);

/** Every file below a folder whose name ends so, sorted. */
function files(folder, end) {
  return readdirSync(folder, { recursive: true })
    .map(String)
    .filter((name) => name.endsWith(end))
    .sort()
    .map((name) => join(folder, name));
}

/**
 * An ES5 script of what tsc has emitted for `entry`: private names shortened, `module.exports` where there are modules, else the global
 * `blimp`. esbuild cannot lower the language itself, so it only joins and shortens.
 */
async function script(entry, target) {
  const bundle = await esbuild.build({
    entryPoints: [entry],
    bundle: true,
    write: false,
    format: "esm",
    target: "es5",
    minify: true,
    mangleProps: /^_/,
    charset: "ascii",
    legalComments: "none",
    logLevel: "warning",
    metafile: true,
  });
  const text = bundle.outputFiles[0].text.trim();
  const exported = /export\s*\{([^}]*)\};?$/.exec(text);
  const names = exported[1].split(",").map((pair) => pair.split(" as "));
  const body = text.slice(0, exported.index);
  const api = names.map(([local, name]) => `${name ?? local}:${local}`).join(",");
  mkdirSync(join(target, ".."), { recursive: true });
  writeFileSync(target, `var blimp=function(){${body}return{${api}}}();typeof module=="object"&&(module.exports=blimp);\n`);
  return bundle.metafile;
}

async function build() {
  rmSync("dist", { recursive: true, force: true });
  rmSync("build/es5", { recursive: true, force: true });
  tsc("-p", "core/tsconfig.json");
  tsc("-p", "tsconfig.json");
  await Promise.all(files("build/es5/targets/bare", ".js").map((entry) => script(entry, join("dist/bare", basename(entry, ".js") + ".min.js"))));
  await library();
  sizes();
}

/** The Node library, both kinds of module, with declarations; and the command line. */
async function library() {
  const common = { bundle: true, platform: "node", target: "node20", logLevel: "warning", sourcemap: false };
  for (const [kind, format] of [["esm", "esm"], ["cjs", "cjs"]]) {
    const out = join("dist/node", kind);
    await esbuild.build({ ...common, format, entryPoints: { blimp: "targets/node/index.ts", mock: "hal/mock/index.ts" }, outdir: out });
    tsc("-p", "tsconfig.json", "--noEmit", "false", "--emitDeclarationOnly", "--declaration", "--outDir", "build/types");
    for (const folder of ["core", "hal", "targets"]) cpSync(join("build/types", folder), join(out, folder), { recursive: true });
    writeFileSync(join(out, "package.json"), JSON.stringify({ type: kind === "esm" ? "module" : "commonjs" }) + "\n");
  }
  await esbuild.build({ ...common, format: "esm", entryPoints: ["targets/node/cli.ts"], outfile: "dist/node/cli.js", banner: { js: "#!/usr/bin/env node" } });
  chmodSync("dist/node/cli.js", 0o755);
}

/** Writes dist/sizes.json; a preset that has outgrown its limit fails the build. */
function sizes() {
  const scripts = {};
  let fat = 0;
  for (const file of files("dist", ".js").filter((name) => !name.includes(join("dist", "node", "")) || !/core|hal|targets/.test(relative("dist/node", name)))) {
    const bytes = readFileSync(file);
    const limit = LIMITS[basename(file, ".min.js")] ?? null;
    scripts[relative("dist", file)] = { bytes: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length, limit };
    say(`${relative("dist", file).padEnd(28)} ${String(bytes.length).padStart(8)} bytes ${String(scripts[relative("dist", file)].gzip).padStart(7)} gzip${limit ? `  limit ${limit}` : ""}`);
    if (limit && bytes.length > limit) fat = 1;
  }
  writeFileSync("dist/sizes.json", JSON.stringify({ scripts }, null, 2) + "\n");
  if (fat) {
    console.error("a script has outgrown its limit");
    process.exitCode = 1;
  }
}

/** Bundles modules below a folder for this Node, sharing what they share. */
async function forNode(entryPoints, outdir) {
  rmSync(outdir, { recursive: true, force: true });
  await esbuild.build({
    entryPoints,
    outdir,
    bundle: true,
    splitting: true,
    platform: "node",
    format: "esm",
    target: "node20",
    outExtension: { ".js": ".mjs" },
    sourcemap: true,
    packages: "external",
    logLevel: "warning",
    outbase: ".",
  });
}

async function test() {
  await build();
  const wanted = rest.filter((word) => !word.startsWith("-"));
  await forNode(files("test", ".test.ts").filter((name) => !wanted.length || wanted.some((word) => name.includes(word))), "build/test");
  run("mocha/bin/mocha.js", ["--reporter", "dot", ...rest.filter((word) => word.startsWith("-")), ...files("build/test", ".test.mjs")], { node: ["--enable-source-maps"] });
}

async function bench() {
  await build();
  await forNode(files("bench", ".bench.ts"), "build/bench");
  for (const file of files("build/bench", ".bench.mjs")) {
    const result = spawnSync(process.execPath, ["--expose-gc", file], { stdio: "inherit" });
    if (result.status !== 0) process.exit(result.status ?? 1);
  }
}

const tasks = { build, test, bench };
if (!tasks[task]) {
  console.error(`node build.mjs [${Object.keys(tasks).join(" | ")}] [--quiet]`);
  process.exit(2);
}
await tasks[task]();
