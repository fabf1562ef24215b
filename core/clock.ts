import type { Hal } from "../hal/hal.js";

/** What each timer of an instance is for; every one exists once. */
export const enum Slot {
  /** The receive line: a packet that stands still, or a line out of step that goes quiet. */
  Line,
  /** The command under way. */
  Command,
  /** The present step of the bring-up. */
  Step,
  /** The health of a chip that is left alone. */
  Health,
  /** Roles that have been refused. */
  Retry,
  /** The scan has been thinned. */
  Thin,
  /** A chip that is being woken, and one that may soon sleep. */
  Wake,
  Doze,
  /** The earliest deadline of all links; what the application is to be told a little later. */
  Deadline,
  Later,
  /** A connection that is being made. */
  Connect,
  /** The next slice of a long computation; a code that is to be replaced; bonds that are to be saved. */
  Slice,
  Rotate,
  Save,
  /** The rule number n of the scan filter collects: Collect + n. */
  Collect,
}

/** The timers of an instance. */
export interface Clock {
  readonly _hal: Hal;
  readonly _timers: unknown[];
  /** Called after each timer's callback. */
  readonly _wake: (clock: any) => void;
  /** The board has failed, with the reason in words. */
  readonly _fault: (clock: any, reason: string) => void;
}

/** Calls `callback` in so many milliseconds; what the slot was set to before is cancelled. */
export function setTimer<C extends Clock>(clock: C, slot: number, ms: number, callback: (clock: C) => void): void {
  clearTimer(clock, slot);
  clock._timers[slot] = clock._hal.timer.set(ms, function () {
    clock._timers[slot] = null;
    try {
      callback(clock);
    } catch (e) {
      clock._fault(clock, String(e));
    }
    clock._wake(clock);
  });
}

/** Cancels the timer of a slot, if it runs. */
export function clearTimer(clock: Clock, slot: number): void {
  if (clock._timers[slot] != null) clock._hal.timer.clear(clock._timers[slot]);
  clock._timers[slot] = null;
}
