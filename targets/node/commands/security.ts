import type { Store } from "../../../core/options.js";
import { createFileStore } from "../store.js";
import type { Arguments, OptionRow } from "./arguments.js";

/** How many codes there are. */
export const CODES = 1_000_000;

export const BONDS_ROW: OptionRow = {
  name: "bonds",
  value: "FILE",
  text: "keep the keys of pairings in this file, which is made if need be; default: they are forgotten at the end",
};

/** The security level of `--level`. */
export function readLevel(given: Arguments): number | undefined {
  const level = given.integer("level", 1, 4);
  return level === 2 ? given.refuse("level", "expected 1, 3 or 4") : level;
}

/**
 * The store of `--bonds`.
 * @param onerror gets why something could not be saved
 */
export function readStore(given: Arguments, onerror: (error: Error) => void): Store | undefined {
  const path = given.text("bonds");
  if (path === undefined) return undefined;
  const store = createFileStore(path, onerror);
  // What cannot be read is said before anything begins.
  given.attempt("bonds", () => store.load());
  return store;
}
