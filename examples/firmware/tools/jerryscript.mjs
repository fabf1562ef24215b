// JerryScript 3.0, compiled elsewhere for a Cortex-M4.
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { give } from "./paths.mjs";

/** Names a folder with include/jerryscript.h and lib/libjerry-core.a for arm-none-eabi. */
const VARIABLE = "JERRY_CORTEX_M4";

/** Whether there is one. */
export function hasJerryScript() {
  return !!process.env[VARIABLE];
}

/** Its folder of headers, and its libraries. */
export function jerryscript() {
  const folder = resolve(process.env[VARIABLE]);
  const include = join(folder, "include");
  const library = join(folder, "lib", "libjerry-core.a");
  for (const file of [join(include, "jerryscript.h"), library]) if (!existsSync(file)) give(`${VARIABLE} is ${folder}, and there is no ${file}`);
  return { include, libraries: [library] };
}
