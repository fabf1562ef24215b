// Counting: the measuring application, twice, on a board that nothing outside touches.
import { isDeepStrictEqual } from "node:util";
import { boot, joinScripts } from "./machine.mjs";
import { give } from "./paths.mjs";

const LIMIT = 120;

async function count(image, scripts) {
  let result = null;
  const lines = [];
  const machine = boot({
    image: image.file,
    scripts,
    icount: "shift=0,sleep=off",
    limit: LIMIT,
    onLine: (line) => {
      if (line.startsWith("RESULT ")) result = JSON.parse(line.slice(7));
      else lines.push(line);
    },
  });
  const { code, late, errors } = await machine.ended;
  if (late) give(`the measurement was not done after ${LIMIT} s\n${lines.join("\n")}`);
  if (code !== 0 || !result) give(`the measurement has failed\n${lines.join("\n")}\n${errors}`);
  return result;
}

/** What a preset costs. Gives up where a second run does not say the same. */
export async function measure(image, preset) {
  const scripts = joinScripts(preset, "app-measure");
  const result = await count(image, scripts);
  if (!isDeepStrictEqual(result, await count(image, scripts))) give("two runs have counted differently");
  return { preset, firmware: { flash: image.flash, ram: image.ram }, ...result };
}

function line(name, value, unit) {
  return `${name.padEnd(46)} ${value.toLocaleString("en").padStart(14)} ${unit}`;
}

/** The same as a table. */
export function table(result) {
  const { heap, firmware } = result;
  const rows = result.rows.map((row) => line(row.name, row.instructions, "instructions" + (row.allocations ? `, ${row.allocations} allocations` : "")));
  return [
    `${result.preset}, ${result.script} bytes of script`,
    ...rows,
    line("heap: the engine and the board", heap.engine, "bytes"),
    line("heap: the script", heap.script, "bytes"),
    line("heap: an instance, advertising", heap.instance, "bytes"),
    line("heap: peak while parsing", heap.parsepeak, "bytes"),
    line("heap: peak, garbage included", heap.peak, "bytes"),
    line("stack: deepest", result.stack, "bytes"),
    line("firmware: flash", firmware.flash, "bytes"),
    line("firmware: RAM, stack and heap not counted", firmware.ram, "bytes"),
  ].join("\n");
}
