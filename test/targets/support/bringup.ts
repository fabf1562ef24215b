import type { Hal, Options, ReadyInfo, FirmwareSource, Core, Advertising } from "../../../targets/node/index.js";
import { open } from "../../../targets/node/index.js";

export interface Up {
  bt: Core & Advertising;
  info: ReadyInfo;
  steps: string[];
  warnings: Error[];
}

/** Opens the stack; fulfilled when it is ready, rejected with its error. */
export function bringUp(hal: Hal, firmware: FirmwareSource | null, options: Options = {}): Promise<Up> {
  return new Promise((resolve, reject) => {
    const steps: string[] = [];
    const warnings: Error[] = [];
    const bt = open(hal, firmware, {
      ...options,
      onstep: (step) => steps.push(step),
      onwarning: (warning) => warnings.push(warning),
      onerror: reject,
      onready: (info) => resolve({ bt, info, steps, warnings }),
    });
  });
}

/** Waits until something holds; an Error after `ms`. */
export async function until(holds: () => boolean, ms = 5000): Promise<void> {
  for (const end = Date.now() + ms; !holds(); ) {
    if (Date.now() > end) throw new Error(`not so after ${ms} ms: ${holds}`);
    await pause(5);
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
