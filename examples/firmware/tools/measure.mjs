// Counting: measuring scripts on a board that nothing outside touches, twice.
import { isDeepStrictEqual } from "node:util";
import { boot, joinScripts } from "./machine.mjs";
import { give } from "./paths.mjs";

const LIMIT = 120;

async function count(image, scripts) {
  const lines = [];
  let result = null;
  const onLine = (line) => {
    if (line.startsWith("RESULT ")) result = JSON.parse(line.slice(7));
    else lines.push(line);
  };
  const { code, late, errors } = await boot({ image, scripts, icount: "shift=0,sleep=off", limit: LIMIT, onLine }).ended;
  const said = [...lines, errors].join("\n");
  if (late) give(`the measurement was not done after ${LIMIT} s\n${said}`);
  if (code !== 0 || !result) give(`the measurement has failed\n${said}`);
  return result;
}

/** What a preset costs. Gives up where a second run does not say the same. */
export async function measure(image, preset) {
  const scripts = joinScripts(preset, ["measure/harness", `measure/${preset}`]);
  const result = await count(image, scripts);
  if (!isDeepStrictEqual(result, await count(image, scripts))) give(`two runs of ${preset} have counted differently`);
  return result;
}

function line(name, value, unit) {
  return `  ${name.padEnd(44)} ${value.toLocaleString("en").padStart(12)} ${unit}`;
}

/** The firmware's own size as text. */
export function imageTable({ flash, ram }) {
  return ["firmware", line("flash", flash, "bytes"), line("RAM, without stack and heap", ram, "bytes")].join("\n");
}

/** A preset's result as text. */
export function presetTable(preset, { script, rows, heap, stack }) {
  return [
    `${preset}, a script of ${script.toLocaleString("en")} bytes`,
    ...rows.map((row) => line(row.name, row.instructions, "instructions" + (row.allocations ? `, ${row.allocations} allocations` : ""))),
    line("heap: the engine and the board", heap.engine, "bytes"),
    line("heap: the script", heap.script, "bytes"),
    line("heap: an instance", heap.instance, "bytes"),
    line("heap: most while parsing, with garbage", heap.parsing, "bytes"),
    line("heap: most of all, with garbage", heap.peak, "bytes"),
    line("stack: deepest", stack, "bytes"),
  ].join("\n");
}
