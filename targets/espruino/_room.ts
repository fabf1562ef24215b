import { failure } from "../../core/errors.js";

declare const process: any;

/** What is needed beside the script, once that is there. */
let rest = 0;

function need(step: string, variables: number): void {
  const free = process.memory().free;
  if (free < variables) throw failure("memory", step, free, "memory: " + variables + " variables needed, " + free + " free");
}

/**
 * The beginning of a preset's script: whether the board's variables hold what follows.
 * @param whole variables that the script and an instance take which does all it can with one link and default options, without the program's own
 * @param script those of the script
 * @throws BlimpError "memory", with what is free
 */
export function begin(whole: number, script: number): void {
  rest = whole - script;
  need("load", whole);
}

/**
 * Whether the board's variables hold an instance.
 * @throws BlimpError "memory", with what is free
 */
export function needRest(): void {
  need("hal", rest);
}
