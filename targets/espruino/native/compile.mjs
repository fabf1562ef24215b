#!/usr/bin/env node
/**
 * Compiles the machine code and writes it to code.ts: `node targets/espruino/native/compile.mjs`. Wants Debian's gcc-arm-none-eabi; with version 12.2 of
 * it the outcome is what is there.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const here = fileURLToPath(new URL(".", import.meta.url));
export const COMPILER = "arm-none-eabi-gcc";

/** Base64 characters to a line. */
const WIDTH = 120;

/** For every Cortex-M with the instructions of Cortex-M3. No jump tables or calls of memset() and the like, which would be elsewhere. */
const WORDS = [
  ...["-mcpu=cortex-m3", "-mthumb", "-mfloat-abi=soft", "-std=gnu11", "-Os", "-fpic"],
  ...["-ffreestanding", "-fno-tree-loop-distribute-patterns", "-fno-jump-tables"],
  ...["-Wall", "-Wextra", "-Werror", "-nostdlib", "-Wl,--fatal-warnings,--no-undefined,-e,p256"],
];

/** Runs a program and returns what it printed. */
export function run(program, words) {
  const { error, status, stdout, stderr } = spawnSync(program, words, { encoding: "utf8", cwd: here });
  if (error ?? status !== 0) throw new Error(`${[program, ...words].join(" ")}: ${error?.message ?? stderr}`);
  return stdout;
}

function link(folder, address) {
  const [elf, bin] = ["code.elf", "code.bin"].map((name) => join(folder, name));
  run(COMPILER, [...WORDS, `-Wl,-T,p256.ld,-Ttext=${address}`, "p256.c", "field.S", "-o", elf]);
  run("arm-none-eabi-objcopy", ["-O", "binary", elf, bin]);
  return readFileSync(bin);
}

/** The machine code, compiled; throws where it would not run wherever it lies. */
export function compile() {
  const folder = mkdtempSync(join(tmpdir(), "p256-"));
  try {
    const code = link(folder, 0);
    for (const address of ["0x20001234", "0x10000004"]) if (!link(folder, address).equals(code)) throw new Error("the code depends on where it lies");
    return code;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The machine code in code.ts. */
export function committed() {
  return Buffer.from([...readFileSync(join(here, "code.ts"), "utf8").matchAll(/^ {4}"([\w+/=]+)"/gm)].map((line) => line[1]).join(""), "base64");
}

/** The text of code.ts. */
function moduleText(code) {
  const lines = code.toString("base64").match(new RegExp(`.{1,${WIDTH}}`, "g"));
  return `/** The machine code of p256.c and field.S, ${code.length} bytes in base64, as compile.mjs makes it: in a function, whose text stays in flash. */
export function machineCode(): string {
  return (
${lines.map((line) => `    "${line}"`).join(" +\n")}
  );
}
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const code = compile();
  writeFileSync(join(here, "code.ts"), moduleText(code));
  console.log(`${code.length} bytes`);
}
