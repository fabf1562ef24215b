import { failure } from "../../core/errors.js";

declare const process: any;

/** What an instance needs once the script is there. */
let instance = 0;

function need(step: string, variables: number): void {
  const free = process.memory().free;
  const env = process.env;
  // The variables of Espruino's build for a computer grow.
  if (free < variables && !(env && env.BOARD == "LINUX")) throw failure("memory", step, free, "memory: " + variables + " variables needed, " + free + " free");
}

/**
 * The beginning of a preset's script: whether the board's variables hold what follows. The program's own come on top.
 * @param whole variables that the rest of the script needs, and an instance that does all it can with one link and default options
 * @param most those of the instance
 * @throws BlimpError "memory", with what is free
 */
export function begin(whole: number, most: number): void {
  instance = most;
  need("load", whole);
}

/**
 * Whether the board's variables hold an instance.
 * @throws BlimpError "memory", with what is free
 */
export function needInstance(): void {
  need("hal", instance);
}
