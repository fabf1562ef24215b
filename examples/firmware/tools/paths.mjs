// Where things are.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const here = fileURLToPath(new URL("..", import.meta.url));
export const root = join(here, "..", "..");

/** Everything that is fetched or made; it may be thrown away at any time. */
export const out = join(root, "build", "mcu");
mkdirSync(out, { recursive: true });

/** Ends the program with a sentence. */
export function give(reason) {
  console.error(`mcu: ${reason}`);
  process.exit(1);
}
