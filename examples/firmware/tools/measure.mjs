// Counting: measuring scripts on a board that nothing outside touches, twice.
import { isDeepStrictEqual } from "node:util";
import { boot, joinScripts } from "./machine.mjs";
import { give } from "./paths.mjs";
import { record } from "./record.mjs";

const LIMIT = 180;

/** The scenes with a phone on the other side. */
const PHONE = { preset: "secure", scripts: ["measure/application", "measure/scenes", "measure/secure"], encrypts: true };

/**
 * What is counted: a preset and what it is made to do. In the scenes with a phone: whether the controller has LE Encrypt; how many scenes there are, if not all; whether
 * an engine that has BigInt is used without; whether the board computes AES and P-256 itself.
 */
export const CASES = {
  beacon: { preset: "beacon", scripts: ["measure/beacon"] },
  observer: { preset: "observer", scripts: ["measure/observer"] },
  peripheral: { preset: "peripheral", scripts: ["measure/peripheral"] },
  secure: PHONE,
  "secure, P-256 without BigInt": { ...PHONE, without: true },
  "secure, AES by software": { ...PHONE, encrypts: false },
  "secure, AES and P-256 by the board": { ...PHONE, native: true },
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
  if (code !== 0 || result === null) give(`the measurement has failed\n${said}`);
  return result;
}

const PROBE = 'print("RESULT " + (typeof BigInt === "function")); exit(0);';
const probes = new Map();

/** Whether an image's engine has BigInt, which decides how much chance is asked of the controller. */
async function hasBigInt(image) {
  if (!probes.has(image.file)) probes.set(image.file, await count(image, joinScripts("probe", null, [PROBE])));
  return probes.get(image.file);
}

/** What a case costs; null where it is as another one with this engine. Gives up where a second run does not say the same. */
export async function measure(image, name) {
  const { preset, scripts: names, encrypts, scenes, without, native } = CASES[name];
  const bigint = await hasBigInt(image);
  if (without && !bigint) return null;
  const before = [...(without ? ["BigInt = undefined;"] : []), ...(native ? ["hal.crypto = native;"] : [])];
  const scripts = joinScripts(`measure ${name}`, preset, ["measure/harness", ...names], before.join(" "));
  const recorded = encrypts === undefined ? null : await record(preset, { encrypts, scenes, bigint: bigint && !without, native });
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
