#!/usr/bin/env node
/**
 * Makes static snapshots for JerryScript 3, which run where they lie: of the scripts themselves nothing goes into the engine's heap.
 *
 *     node examples/hosts/snapshot.mjs JERRY_SNAPSHOT FOLDER SCRIPT...
 *
 * JERRY_SNAPSHOT: JerryScript's program jerry-snapshot, built as the firmware's engine is (tools/build.py --jerry-cmdline-snapshot=ON --snapshot-save=ON and
 * otherwise the same). FOLDER gets NAME.snapshot for each script, and strings.h: all their names and texts, for jerry_register_magic_strings, which has to be
 * called with exactly these before one of the snapshots runs.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import ts from "typescript";

/** The greatest numbers that a static snapshot can hold, as a number and as the text of one. Others live in the heap, which does not exist yet. */
const GREATEST = 0x7ffffff;
const GREATEST_INDEX = 0x3ffffff;
const GREATEST_TEXT = 0xffffffff;
const HALF = 0x4000000;

/** A number as an expression of such numbers, of which each step is exact or rounded as the number itself is. */
function spell(value) {
  if (Number.isSafeInteger(value)) return `(${Math.floor(value / HALF)}*${HALF}+${value % HALF})`;
  const [digits, fraction = ""] = String(value).split(".");
  const [above, below] = [Number(digits + fraction), 10 ** fraction.length];
  if (!(above <= GREATEST && below <= GREATEST)) throw new Error(`${value} is no number for a static snapshot`);
  return `(${above}/${below})`;
}

/** What a literal has to be replaced by, or null where it may stay. */
function replacement(node) {
  if (ts.isNumericLiteral(node)) {
    const value = Number(node.text);
    return Number.isInteger(value) && value <= GREATEST ? null : spell(value);
  }
  // A text that is an index of 32 bits is kept as a number, too.
  if (!ts.isStringLiteral(node) || String(Number(node.text)) !== node.text) return null;
  const value = Number(node.text);
  if (!Number.isInteger(value) || value <= GREATEST_INDEX || value > GREATEST_TEXT) return null;
  return `("${node.text[0]}"+"${node.text.slice(1)}")`;
}

/** The text of a script, with all literals that a static snapshot cannot hold spelled out. */
function withSmallLiterals(name, text) {
  const source = ts.createSourceFile(name, text, ts.ScriptTarget.ES5, true, ts.ScriptKind.JS);
  const places = [];
  const visit = (node) => {
    const by = replacement(node);
    if (by !== null) places.push({ from: node.getStart(), to: node.end, by });
    ts.forEachChild(node, visit);
  };
  visit(source);
  return places.reverse().reduce((whole, { from, to, by }) => whole.slice(0, from) + by + whole.slice(to), text);
}

/** The strings of jerry-snapshot's list: the length in bytes, a space, the bytes, a new line. */
function readList(bytes) {
  const strings = [];
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at);
    const end = space + 1 + Number(bytes.toString("latin1", at, space));
    strings.push(bytes.subarray(space + 1, end));
    at = end + 1;
  }
  return strings;
}

/** A string for C; octal, as hexadecimal escapes have no end. */
function quote(bytes) {
  return `"${[...bytes].map((byte) => (byte < 32 || byte > 126 || byte === 34 || byte === 92 || byte === 63 ? `\\${byte.toString(8).padStart(3, "0")}` : String.fromCharCode(byte))).join("")}"`;
}

function header(strings) {
  const rows = (values) => values.map((value) => `  ${value},\n`).join("");
  return `/* Made by snapshot.mjs: the strings of the snapshots beside it, in JerryScript's order. */
static const char *const strings[] = {
${rows(strings.map(quote))}};
static const jerry_length_t string_lengths[] = {
${rows(strings.map(({ length }) => length))}};
#define STRING_COUNT ${strings.length}
`;
}

const [tool, folder, ...scripts] = process.argv.slice(2);
if (scripts.length === 0) {
  console.error("node examples/hosts/snapshot.mjs JERRY_SNAPSHOT FOLDER SCRIPT...");
  process.exit(2);
}

function run(...words) {
  const { status, stdout, stderr, error } = spawnSync(tool, words, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${tool} ${words.join(" ")}: ${error?.message ?? stdout + stderr}`);
}

mkdirSync(folder, { recursive: true });
const parts = scripts.map((path) => {
  const name = join(folder, basename(path).replace(/(\.min)?\.js$/, ""));
  writeFileSync(`${name}.js`, withSmallLiterals(path, readFileSync(path, "utf8")));
  run("generate", `${name}.js`, "-o", `${name}.plain`);
  return name;
});
const list = join(folder, "strings.list");
run("litdump", "--format", "list", "-o", list, ...parts.map((name) => `${name}.plain`));
const strings = readList(readFileSync(list));
writeFileSync(join(folder, "strings.h"), header(strings));
for (const name of parts) {
  run("generate", "--static", "--load-literals-list-format", list, `${name}.js`, "-o", `${name}.snapshot`);
  console.log(`${name}.snapshot: ${readFileSync(`${name}.snapshot`).length} bytes`);
}
console.log(`${join(folder, "strings.h")}: ${strings.length} strings, ${strings.reduce((sum, { length }) => sum + length, 0)} bytes`);
