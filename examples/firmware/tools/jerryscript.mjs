// JerryScript 3.0, compiled elsewhere.
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { give } from "./paths.mjs";

/** By core, what names a folder with include/jerryscript.h and lib/libjerry-core.a for arm-none-eabi. */
const VARIABLES = { m4: "JERRY_CORTEX_M4", m0plus: "JERRY_CORTEX_M0PLUS" };

/** Whether there is one. */
export function hasJerryScript(core) {
  return !!process.env[VARIABLES[core]];
}

/** Its folder of headers, and its libraries. */
export function jerryscript(core) {
  const variable = VARIABLES[core];
  if (!hasJerryScript(core)) give(`${variable} does not name JerryScript's library for this core`);
  const folder = resolve(process.env[variable]);
  const include = join(folder, "include");
  const library = join(folder, "lib", "libjerry-core.a");
  for (const file of [join(include, "jerryscript.h"), library]) if (!existsSync(file)) give(`${variable} is ${folder}, and there is no ${file}`);
  return { include, libraries: [library] };
}
