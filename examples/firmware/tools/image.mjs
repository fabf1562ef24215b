// The firmware image: what has to be compiled, and is not up to date, is.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { duktape } from "./duktape.mjs";
import { jerryscript } from "./jerryscript.mjs";
import { here, out } from "./paths.mjs";
import { run } from "./run.mjs";

const COMPILER = "arm-none-eabi-gcc";
/** What code is made for. Code for a Cortex-M0+ runs on the emulated Cortex-M4, too, and takes as many instructions there. */
const CORES = {
  m4: ["-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"],
  m0plus: ["-mcpu=cortex-m0plus", "-mthumb", "-mfloat-abi=soft"],
};
export const CORE_NAMES = Object.keys(CORES);

// Sections, so that the linker can leave out what nobody calls.
const COMPILE = ["-std=gnu11", "-Os", "-ffunction-sections", "-fdata-sections", "-Wall", "-Wextra", "-Werror"];
const LINK = ["-nostartfiles", "-Wl,--gc-sections,--fatal-warnings"];

/** Makes `target` unless it was made by the same words of the same inputs before. */
function make(target, words, inputs) {
  const hash = createHash("sha256").update(JSON.stringify(words)).update(run(COMPILER, ["--version"]));
  for (const input of inputs) hash.update(readFileSync(input));
  const key = hash.digest("hex");
  const stamp = `${target}.key`;
  if (existsSync(target) && existsSync(stamp) && readFileSync(stamp, "utf8") === key) return;
  run(COMPILER, [...words, "-o", target], { limit: 300 });
  writeFileSync(stamp, key);
}

/** The engines, by name: the folder with their headers, sources of theirs that have to be compiled, libraries. */
const ENGINES = {
  duktape: () => ({ include: duktape(), sources: ["duktape.c"], libraries: [] }),
  jerryscript: (core) => ({ ...jerryscript(core), sources: [] }),
};

/** Cryptography in C, which the programs of examples/hosts have, too. */
const CRYPTO = join(here, "../hosts/src");

/** Builds the image with an engine, for a core; {engine, file, flash, ram}: its path and its bytes in flash and in RAM, stack and heap not counted. */
export function buildImage(engine, core) {
  const { include, sources, libraries } = ENGINES[engine](core);
  const board = join(here, "src");
  const own = join(board, engine);
  const objects = join(out, "objects", `${engine}-${core}`);
  const file = join(out, `${engine}-${core}.elf`);
  const named = (folder, end) => readdirSync(folder).filter((name) => name.endsWith(end)).sort();
  const headers = [board, own, CRYPTO].flatMap((folder) => named(folder, ".h").map((name) => join(folder, name)));
  const made = [];
  const compile = (folder, name, how) => {
    const object = join(objects, `${basename(folder)}-${name.replace(/c$/, "o")}`);
    make(object, [...CORES[core], ...COMPILE, "-I", board, "-I", own, "-idirafter", CRYPTO, how, include, "-c", join(folder, name)], [join(folder, name), ...headers]);
    made.push(object);
  };
  mkdirSync(objects, { recursive: true });
  for (const name of sources) compile(include, name, "-I");
  for (const name of ["aes.c", "p256.c"]) compile(CRYPTO, name, "-isystem");
  for (const folder of [board, own]) for (const name of named(folder, ".c")) compile(folder, name, "-isystem");
  const script = join(board, "link.ld");
  make(file, [...CORES[core], ...LINK, "-T", script, ...made, ...libraries, "-lm"], [script, ...made, ...libraries]);
  return { engine, file, ...measure(file) };
}

function measure(file) {
  const section = (name) => Number(new RegExp(`^\\${name}\\s+(\\d+)`, "m").exec(sizes)?.[1] ?? 0);
  const sizes = run("arm-none-eabi-size", ["-A", file]);
  return { flash: section(".text") + section(".ARM.exidx") + section(".data"), ram: section(".data") + section(".bss") };
}
