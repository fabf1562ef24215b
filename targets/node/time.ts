import { performance } from "node:perf_hooks";
import type { Timer } from "../../hal/hal.js";

const LONGEST = 2 ** 31 - 1;

/** One-shot timers and the clock of this process. A timer that is set keeps the process alive. */
export function createNodeTimer(): Timer {
  return {
    now: () => performance.now(),
    // Node counts in whole milliseconds from a moment that it has rounded down: without one more a timer might fire too early.
    set: (milliseconds, callback) => setTimeout(callback, milliseconds > 0 ? Math.min(Math.ceil(milliseconds) + 1, LONGEST) : 0),
    clear: (handle) => clearTimeout(handle as NodeJS.Timeout),
  };
}

/** Lets `microseconds` (1 to 1000) pass. */
export function busyWait(microseconds: number): void {
  const end = performance.now() + microseconds / 1000;
  while (performance.now() < end);
}

const nobody = new Int32Array(new SharedArrayBuffer(4));

/** Stops this thread for so many milliseconds. */
export function sleep(milliseconds: number): void {
  Atomics.wait(nobody, 0, 0, milliseconds);
}
