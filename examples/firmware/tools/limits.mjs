// A ratchet: no operation may cost more than it did when it was looked at last.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { here } from "./paths.mjs";

/** By engine and case: of each row the most instructions. */
const FILE = join(here, "limits.json");

/** What another version of the compiler, or another hash of a string, may make of it. */
const SLACK = 1.03;

/** Rows that are the engine's own, or the board's. */
const FREE = ["start of the engine", "idle for a second, the board alone"];

function read() {
  return existsSync(FILE) ? JSON.parse(readFileSync(FILE, "utf8")) : {};
}

function limited(rows) {
  return rows.filter(({ name }) => !FREE.includes(name));
}

/** Three digits of what was counted, and some more. */
function limitOf(instructions) {
  const step = 10 ** Math.max(0, Math.floor(Math.log10(instructions)) - 2);
  return Math.ceil((instructions * SLACK) / step) * step;
}

/**
 * What has become dearer, in sentences.
 * @param cases by name, what has been counted with an engine
 */
export function exceeded(engine, cases) {
  const limits = read()[engine] ?? {};
  return Object.entries(cases).flatMap(([name, { rows }]) =>
    limited(rows)
      .filter((row) => !(row.instructions <= limits[name]?.[row.name]))
      .map((row) => `${name}, ${row.name}: ${row.instructions.toLocaleString("en")} instructions, ${limits[name]?.[row.name]?.toLocaleString("en") ?? "without a limit"}`),
  );
}

/** Lowers the limits to what has been counted, and gives new rows one; with `raise` raises them, too. */
export function tighten(engine, cases, raise) {
  const all = read();
  const before = all[engine] ?? {};
  all[engine] = { ...before };
  for (const [name, { rows }] of Object.entries(cases)) {
    all[engine][name] = Object.fromEntries(
      limited(rows).map((row) => [row.name, Math.min(limitOf(row.instructions), raise ? Infinity : (before[name]?.[row.name] ?? Infinity))]),
    );
  }
  writeFileSync(FILE, JSON.stringify(all, null, 2) + "\n");
}
