// The firmware image: what has to be compiled, and is not up to date, is.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { duktape } from "./duktape.mjs";
import { here, out } from "./paths.mjs";
import { run } from "./run.mjs";

const COMPILER = "arm-none-eabi-gcc";
const CORE = ["-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"];
// Sections, so that the linker can leave out what nobody calls.
const COMPILE = [...CORE, "-std=gnu11", "-Os", "-ffunction-sections", "-fdata-sections", "-Wall", "-Wextra", "-Werror"];
const LINK = [...CORE, "-nostartfiles", "-Wl,--gc-sections,--fatal-warnings"];

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

/** Builds the image; {file, flash, ram}: its path and its bytes in flash and in RAM, stack and heap not counted. */
export function buildImage() {
  const engine = duktape();
  const source = join(here, "src");
  const objects = join(out, "objects");
  const file = join(out, "firmware.elf");
  const names = readdirSync(source).sort();
  const headers = names.filter((name) => name.endsWith(".h")).map((name) => join(source, name));
  const made = [];
  const compile = (name, folder, include) => {
    const object = join(objects, name.replace(/c$/, "o"));
    make(object, [...COMPILE, "-I", source, include, engine, "-c", join(folder, name)], [join(folder, name), ...headers]);
    made.push(object);
  };
  mkdirSync(objects, { recursive: true });
  compile("duktape.c", engine, "-I");
  for (const name of names.filter((name) => name.endsWith(".c"))) compile(name, source, "-isystem");
  const script = join(source, "link.ld");
  make(file, [...LINK, "-T", script, ...made, "-lm"], [script, ...made]);
  return { file, ...measure(file) };
}

function measure(file) {
  const section = (name) => Number(new RegExp(`^\\${name}\\s+(\\d+)`, "m").exec(sizes)?.[1] ?? 0);
  const sizes = run("arm-none-eabi-size", ["-A", file]);
  return { flash: section(".text") + section(".ARM.exidx") + section(".data"), ram: section(".data") + section(".bss") };
}
