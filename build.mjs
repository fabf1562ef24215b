#!/usr/bin/env node
// One script: check, bundle, measure. `node build.mjs [build | test | fuzz | bench | simulate | load | coverage] [--quiet] [arguments]`
import { spawn, spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import * as esbuild from "esbuild";
import ts from "typescript";
import { nameTopLevel } from "./targets/espruino/toplevel.mjs";

const root = fileURLToPath(new URL(".", import.meta.url));
const words = process.argv.slice(2);
const quiet = words.includes("--quiet");
const [task = "build", ...rest] = words.filter((word) => word !== "--quiet");

/** Most bytes of each script for small engines: a ratchet, the size it has, rounded up to 100. The goals are 10, 12, 24, 36 and 48 kB. */
const LIMITS = {
  "bare/beacon.min.js": 17000,
  "bare/observer.min.js": 20700,
  "bare/peripheral.min.js": 41600,
  "bare/secure.min.js": 71900,
  "bare/full.min.js": 85500,
};

process.chdir(root);

function say(text) {
  if (!quiet) console.log(text);
}

/** Runs a program of node_modules in this Node, in an environment of its own or this one's, and ends with its exit code if it fails. */
function run(script, args, options = {}) {
  const result = spawnSync(process.execPath, [...(options.node ?? []), join("node_modules", script), ...args], { stdio: "inherit", env: options.env });
  if (result.status !== 0) process.exit(result.status ?? 1);
}

/** Checks a project's types; ends if they are wrong. */
function tsc(...args) {
  return new Promise((resolve) => {
    spawn(process.execPath, [join("node_modules", "typescript/bin/tsc"), "-p", ...args], { stdio: "inherit" }).on("close", (code) => {
      if (code !== 0) process.exit(code ?? 1);
      resolve();
    });
  });
}

/** Every file below a folder whose name ends so, sorted. */
function files(folder, end) {
  return readdirSync(folder, { recursive: true })
    .map(String)
    .filter((name) => name.endsWith(end))
    .sort()
    .map((name) => join(folder, name));
}

/**
 * One ES5 script of an entry. esbuild joins the modules and puts in the constants; TypeScript lowers the language, which esbuild cannot;
 * esbuild shortens names and text. Functions stay in the order of their definition, which Espruino needs.
 * @param entry the path of a module, or what esbuild takes as `stdin`: the script with all parts of the engine check
 * @param wrap what goes around: "script" (global `blimp`, or `module.exports` where there are modules), "top" (the same for Espruino, without a function
 *   around it, which would cost each function three variables), "program" (nothing is exported)
 */
async function script(entry, target, wrap) {
  const joined = await esbuild.build({
    ...(typeof entry === "string" ? { entryPoints: [entry] } : { stdin: entry }),
    bundle: true,
    write: false,
    format: "esm",
    target: "es2020",
    minifySyntax: true,
    tsconfigRaw: {},
    // An engine's own `require`, which is none of esbuild's business.
    define: { require: "engineRequire", ALL_PARTS: String(typeof entry !== "string") },
    logLevel: "warning",
  });
  const lowered = ts.transpileModule(joined.outputFiles[0].text, {
    compilerOptions: { target: ts.ScriptTarget.ES5, module: ts.ModuleKind.ES2015 },
  });
  // A long word that is everywhere gets a name of its own.
  const named = `var Bytes=Uint8Array;${lowered.outputText.replaceAll("Uint8Array", "Bytes")}`;
  const top = wrap === "top" ? nameTopLevel(named) : null;
  // Espruino has a word of its own that esbuild takes for a name: used once, it is not given to anything. Names at the top level of what is no module stay.
  const short = await esbuild.transform(`of;\n${top ? top.script : named}`, { minify: true, target: "es5", mangleProps: /^_/, charset: "ascii", format: top ? undefined : "esm" });
  if (!/^of[;,]/.test(short.code)) throw new Error(`the bundle of ${target} does not begin as expected`);
  const text = short.code.slice(3).trim().replaceAll("engineRequire", "require");
  const exported = /export\s*\{([^}]*)\};?$/.exec(text);
  const names = exported ? exported[1].split(",").map((pair) => pair.split(" as ")) : [];
  const body = exported ? text.slice(0, exported.index) : text;
  mkdirSync(join(target, ".."), { recursive: true });
  if (top) writeFileSync(target, `${text}var blimp={${top.names.map((pair) => pair.join(":")).join(",")}};typeof module=="object"&&(module.exports=blimp);\n`);
  else if (wrap === "program") writeFileSync(target, `function parts(){${broken(body)}\n}\nparts();\n`);
  else {
    const api = names.map(([local, name]) => `${name ?? local}:${local}`).join(",");
    writeFileSync(target, `var blimp=function(){${body}return{${api}}}();typeof module=="object"&&(module.exports=blimp);\n`);
  }
}

/**
 * A script in several lines. On Espruino an error holds a picture of where each call stood, with as many blanks as there are characters before it in its
 * line; and of a function that is called where it stands it copies the text. In a check, of which
 * the whole script is one function, either would take all memory.
 */
function broken(body) {
  return body.replace(/\}(?=function [\w$]+\()|\}\),/g, "$&\n");
}

/** What is built for small engines: folder of entries, folder of scripts, ending, wrapping. */
const SCRIPTS = [
  ["targets/jerryscript", "dist/bare", ".min.js", "script"],
  ["targets/espruino", "dist/espruino", ".min.js", "top"],
  ["targets/kaluma", "dist/kaluma", ".min.js", "script"],
  ["test/engine", "dist/engine-check", ".js", "program"],
  ["examples/firmware/measure", "build/mcu/scripts", ".js", "script"],
];

/** Files beside the entries that are none. */
const HELPERS = ["hal.ts", "crypto.ts", "store.ts"];

async function build() {
  rmSync("dist", { recursive: true, force: true });
  const declarations = ["--noEmit", "false", "--emitDeclarationOnly", "--declaration", "--outDir", "build/types"];
  rmSync("build/types", { recursive: true, force: true });
  const checked = Promise.all([tsc(".", ...declarations), ...["core", "targets/espruino", "targets/kaluma", "test/engine"].map((project) => tsc(project, "--noEmit"))]);
  for (const [from, to, end, wrap] of SCRIPTS) {
    for (const entry of readdirSync(from).filter((name) => name.endsWith(".ts") && !name.startsWith("_") && !HELPERS.includes(name))) {
      await script(join(from, entry), join(to, basename(entry, ".ts") + end), wrap);
    }
  }
  // The package is one of ES modules; these scripts are none.
  for (const [, to] of SCRIPTS) writeFileSync(join(to, "package.json"), '{"type":"commonjs"}\n');
  const parts = readdirSync("test/engine").filter((name) => name.endsWith(".ts") && !name.startsWith("_") && name !== "bench.ts");
  const contents = parts.map((name) => `import "./${basename(name, ".ts")}.js";\n`).join("") + 'import { sum } from "./_check.js";\nsum();\n';
  await script({ contents, resolveDir: "test/engine", loader: "ts" }, "dist/engine-check.js", "program");
  await checked;
  await library();
  sizes();
}

/** The Node library, both kinds of module, with declarations; and the command line. */
async function library() {
  const common = { bundle: true, platform: "node", target: "node20", logLevel: "warning", sourcemap: false };
  for (const [kind, format] of [["esm", "esm"], ["cjs", "cjs"]]) {
    const out = join("dist/node", kind);
    await esbuild.build({ ...common, format, entryPoints: { blimp: "targets/node/index.ts", mock: "hal/mock/index.ts" }, outdir: out });
    for (const folder of ["core", "hal", "targets"]) cpSync(join("build/types", folder), join(out, folder), { recursive: true });
    writeFileSync(join(out, "package.json"), JSON.stringify({ type: kind === "esm" ? "module" : "commonjs" }) + "\n");
  }
  await esbuild.build({ ...common, format: "esm", entryPoints: ["targets/node/cli.ts"], outfile: "dist/node/cli.js", banner: { js: "#!/usr/bin/env node" } });
  chmodSync("dist/node/cli.js", 0o755);
}

/** Writes dist/sizes.json; a preset that has outgrown its limit fails the build. */
function sizes() {
  const scripts = {};
  const fat = [];
  for (const file of files("dist", ".js").filter((name) => !name.includes(join("dist", "node", "")) || !/core|hal|targets/.test(relative("dist/node", name)))) {
    const bytes = readFileSync(file);
    const limit = LIMITS[relative("dist", file)] ?? null;
    scripts[relative("dist", file)] = { bytes: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length, limit };
    say(`${relative("dist", file).padEnd(28)} ${String(bytes.length).padStart(8)} bytes ${String(scripts[relative("dist", file)].gzip).padStart(7)} gzip${limit ? `  limit ${limit}` : ""}`);
    if (limit && bytes.length > limit) fat.push(`${file} has ${bytes.length} bytes, its limit is ${limit}`);
  }
  writeFileSync("dist/sizes.json", JSON.stringify({ scripts }, null, 2) + "\n");
  for (const text of fat) console.error(text);
  if (fat.length) process.exitCode = 1;
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
  run("mocha/bin/mocha.js", ["--reporter", "dot", "--timeout", "60000", ...rest.filter((word) => word.startsWith("-")), ...files("build/test", ".test.mjs")], { node: ["--enable-source-maps", "--expose-gc"] });
}

async function fuzz() {
  await forNode(["test/fuzz/main.ts"], "build/fuzz");
  run("../build/fuzz/test/fuzz/main.mjs", rest, { node: ["--expose-gc", "--enable-source-maps"] });
}

async function bench() {
  await build();
  await forNode(files("bench", ".bench.ts"), "build/bench");
  for (const file of files("build/bench", ".bench.mjs")) {
    const result = spawnSync(process.execPath, ["--expose-gc", file, ...rest], { stdio: "inherit" });
    if (result.status !== 0) process.exit(result.status ?? 1);
  }
}

/** Worlds of a seed, with faults: see docs/simulate.md. */
async function simulate() {
  await forNode(["test/simulate/main.ts"], "build/simulate");
  run("../build/simulate/test/simulate/main.mjs", rest, { node: ["--enable-source-maps"] });
}

/** An hour of virtual time with eight links and a scan: `load [--seconds S] [--seed N]`. */
async function load() {
  await forNode(["test/load/main.ts"], "build/load");
  run("../build/load/test/load/main.mjs", rest, { node: ["--enable-source-maps"] });
}

/** Which lines and branches of core the tests of core, those of the mock and 200 worlds of the simulation run: build/coverage/index.html. */
async function coverage() {
  const folder = join("build", "coverage");
  const scripts = join(folder, "scripts");
  const raw = join(folder, "raw");
  const wanted = ["test/core", "test/mock"].flatMap((name) => files(name, ".test.ts"));
  rmSync(folder, { recursive: true, force: true });
  // Module by module, because the reporter takes a script with several sources for one that has run as a whole.
  const entryPoints = ["core", "hal", "targets", "test"].flatMap((name) => files(name, ".ts"));
  await esbuild.build({ entryPoints, outdir: scripts, outbase: ".", platform: "node", format: "esm", target: "node20", sourcemap: true, logLevel: "error" });
  const watched = { node: ["--enable-source-maps"], env: { ...process.env, NODE_V8_COVERAGE: join(root, raw) } };
  const tests = wanted.map((name) => join(scripts, name.replace(/ts$/, "js")));
  // Counting makes it slower.
  run("mocha/bin/mocha.js", ["--reporter", "dot", "--timeout", "60000", ...tests], watched);
  run(join("..", scripts, "test/simulate/main.js"), ["--runs", "200", ...rest], watched);
  const reporters = ["text", "html", "json"].flatMap((name) => ["--reporter", name]);
  run("c8/bin/c8.js", ["report", "--temp-directory", raw, "--reports-dir", folder, "--include", "core/**", "--exclude-after-remap", ...reporters]);
}

const tasks = { build, test, fuzz, bench, simulate, load, coverage };
if (!tasks[task]) {
  console.error(`node build.mjs [${Object.keys(tasks).join(" | ")}] [--quiet]`);
  process.exit(2);
}
await tasks[task]();
