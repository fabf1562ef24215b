#!/usr/bin/env node
// The stack on an emulated microcontroller. README.md beside it says what is what.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { writeBoards } from "./tools/boards.mjs";
import { buildImage, CORE_NAMES } from "./tools/image.mjs";
import { hasJerryScript } from "./tools/jerryscript.mjs";
import { exceeded, tighten } from "./tools/limits.mjs";
import { APP_NAMES, btvirt, chip } from "./tools/live.mjs";
import { presetFile } from "./tools/machine.mjs";
import { CASES, caseTable, imageTable, measure } from "./tools/measure.mjs";
import { give, out } from "./tools/paths.mjs";

const USAGE = `npm run mcu [-- COMMAND]
  (none)          measure, then chip with each application
  measure         count what the stack costs: a table, and build/mcu/mcu.json; fails where limits.json is exceeded
                  --case NAME: only that; --tighten: lowers the limits to what was counted; --raise: raises them, too
  chip            run an application against the virtual controller until it has done what it is for
  btvirt SOCKET   run an application against the controller on a Unix socket, for --seconds 60
  boards          write the tables of docs/boards.md and the README, from what measure (also with --core m0plus) and npm run engines have left
  --app NAME      beacon (default), or wifi: the Wi-Fi refresh, for phones that pair; --level 1: for everybody
  --engine NAME   duktape, or jerryscript where JERRY_CORTEX_M4 names its library; measure takes each that there is
  --core m0plus   code for a Cortex-M0+, and JERRY_CORTEX_M0PLUS; without limits`;

function usage() {
  console.error(USAGE);
  process.exit(2);
}

function readArguments() {
  const text = (standard) => ({ type: "string", default: standard });
  const flag = { type: "boolean", default: false };
  const options = { app: text("beacon"), case: { type: "string" }, core: text("m4"), engine: { type: "string" }, level: text("4"), raise: flag, seconds: text("60"), tighten: flag };
  try {
    return parseArgs({ allowPositionals: true, options });
  } catch (error) {
    console.error(error.message);
    return usage();
  }
}

const { values, positionals } = readArguments();
const [command = "all", target] = positionals;
const [level, seconds] = [Number(values.level), Number(values.seconds)];
const { core } = values;
const engines = values.engine ? [values.engine] : ["duktape", ...(hasJerryScript(core) ? ["jerryscript"] : [])];

if (
  !["all", "measure", "chip", "btvirt", "boards"].includes(command) ||
  (command === "btvirt") !== (target !== undefined) ||
  !(seconds > 0) ||
  ![1, 3, 4].includes(level) ||
  !APP_NAMES.includes(values.app) ||
  !["duktape", "jerryscript"].includes(engines[0]) ||
  !CORE_NAMES.includes(core) ||
  (values.case !== undefined && !CASES[values.case])
)
  usage();
if (!Object.values(CASES).every(({ preset }) => existsSync(presetFile(preset)))) give("there is nothing in dist/bare: run `npm run build` first");

/** What measure has found, of this time and of earlier ones. */
const RESULTS = join(out, core === "m4" ? "mcu.json" : `mcu-${core}.json`);

/** Puts what has been counted to the rest. */
function keep(engine, { flash, ram }, counted) {
  const all = existsSync(RESULTS) ? JSON.parse(readFileSync(RESULTS, "utf8")) : { engines: {} };
  const cases = { ...all.engines[engine]?.cases, ...counted };
  // What is not counted any more goes.
  all.engines[engine] = { firmware: { flash, ram }, cases: Object.fromEntries(Object.keys(CASES).flatMap((name) => (cases[name] ? [[name, cases[name]]] : []))) };
  writeFileSync(RESULTS, JSON.stringify(all, null, 2) + "\n");
}

/** Counts all cases, or one of them, with an engine. */
async function count(engine) {
  const image = buildImage(engine, core);
  const cases = {};
  console.log(imageTable(image));
  for (const name of values.case ? [values.case] : Object.keys(CASES)) {
    const result = await measure(image, name);
    if (!result) continue;
    cases[name] = result;
    keep(engine, image, { [name]: result });
    console.log(caseTable(name, result));
  }
  return cases;
}

async function measureAll() {
  const dearer = [];
  for (const engine of engines) {
    const cases = await count(engine);
    if (core !== "m4") continue;
    if (values.tighten || values.raise) tighten(engine, cases, values.raise);
    dearer.push(...exceeded(engine, cases).map((text) => `${engine}, ${text}`));
  }
  if (dearer.length) give(`dearer than limits.json allows:\n  ${dearer.join("\n  ")}`);
}

if (command === "all" || command === "measure") await measureAll();
if (command === "all" || command === "chip") {
  const image = buildImage(engines[0], core);
  for (const app of command === "all" ? APP_NAMES : [values.app]) await chip(image, app);
}
if (command === "boards") writeBoards();
if (command === "btvirt") await btvirt(buildImage(engines[0], core), values.app, level, target, seconds);
process.exit(0);
