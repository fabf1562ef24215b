import { reject } from "./errors.js";

/** Standards of limits by their names, in place of a build's own. */
export type Standards = { [limit: string]: number };

/**
 * The limits that `options.sizes` stands for. "small" is what a build for small engines has by itself, "large" what Node has; any limit that is
 * given by its own name comes before.
 * @throws BlimpError "argument" for another name
 */
export function namedSizes(name: any): Standards {
  const names = "receive links mtu queue prepare bonds".split(" ");
  const sets = "tiny 300 1 23 1 24 1 small 512 1 23 4 160 4 large 4096 8 517 16 4096 64".split(" ");
  const standards: Standards = {};
  let at = 0;
  while (at < sets.length && sets[at] !== name) at += names.length + 1;
  if (at == sets.length) reject("open", "sizes", name, '"tiny", "small" or "large"');
  for (let i = 0; i < names.length; i++) standards[names[i]] = +sets[at + 1 + i];
  return standards;
}
