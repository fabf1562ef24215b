// Counting: measuring scripts on a board that nothing outside touches, twice.
import { isDeepStrictEqual } from "node:util";
import { boot, joinScripts } from "./machine.mjs";
import { give } from "./paths.mjs";
import { record } from "./record.mjs";

const LIMIT = 180;

/** What is counted: a preset, what it is made to do, and whether the controller that does it with a phone on the other side has LE Encrypt. */
export const CASES = {
  beacon: { preset: "beacon", scripts: ["measure/beacon"] },
  observer: { preset: "observer", scripts: ["measure/observer"] },
  peripheral: { preset: "peripheral", scripts: ["measure/peripheral"] },
  secure: { preset: "secure", scripts: ["measure/application", "measure/scenes", "measure/secure"], encrypts: true },
  "secure, AES by software": { preset: "secure", scripts: ["measure/application", "measure/scenes", "measure/secure"], encrypts: false },
  full: { preset: "full", scripts: ["measure/application", "measure/scenes", "measure/full"], encrypts: true, scenes: 1 },
  cryptography: { preset: "primitives", scripts: ["measure/primitives"] },
};

async function count(image, scripts, recording) {
  const lines = [];
  let result = null;
  const onLine = (line) => {
    if (line.startsWith("RESULT ")) result = JSON.parse(line.slice(7));
    else lines.push(line);
  };
  const { code, late, errors } = await boot({ image, scripts, recording, icount: "shift=0,sleep=off", limit: LIMIT, onLine }).ended;
  const said = [...lines, errors].join("\n");
  if (late) give(`the measurement was not done after ${LIMIT} s\n${said}`);
  if (code !== 0 || !result) give(`the measurement has failed\n${said}`);
  return result;
}

/** What a case costs. Gives up where a second run does not say the same. */
export async function measure(image, name) {
  const { preset, scripts: names, encrypts, scenes } = CASES[name];
  const scripts = joinScripts(`measure ${name}`, preset, ["measure/harness", ...names]);
  const recorded = encrypts === undefined ? null : await record(preset, encrypts, scenes);
  const result = await count(image, scripts, recorded?.file);
  if (!isDeepStrictEqual(result, await count(image, scripts, recorded?.file))) give(`two runs of ${name} have counted differently`);
  return { ...result, blocks: recorded?.blocks };
}

function line(name, value, unit) {
  return `  ${name.padEnd(44)} ${value.toLocaleString("en").padStart(12)} ${unit}`;
}

/** The firmware's own size as text. */
export function imageTable({ engine, flash, ram }) {
  return [`firmware with ${engine}`, line("flash", flash, "bytes"), line("RAM, without stack and heap", ram, "bytes")].join("\n");
}

/** A case's result as text. */
export function caseTable(name, { script, rows, heap, stack }) {
  return [
    `${name}, a script of ${script.toLocaleString("en")} bytes`,
    ...rows.map((row) => line(row.name, row.instructions, "instructions" + (row.allocations ? `, ${row.allocations} allocations` : ""))),
    line("heap: the engine and the board", heap.engine, "bytes"),
    line("heap: the script", heap.script, "bytes"),
    line("heap: an instance", heap.instance, "bytes"),
    line("heap: most while parsing, with garbage", heap.parsing, "bytes"),
    line("heap: most of all, with garbage", heap.peak, "bytes"),
    line("stack: deepest", stack, "bytes"),
  ].join("\n");
}
