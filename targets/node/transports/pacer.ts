import { performance } from "node:perf_hooks";
import type { VirtualClock } from "../../../hal/mock/index.js";

/** How often the virtual clock is brought up to the wall clock, ms. What happens in between happens at its own virtual time all the same. */
const TICK = 10;

/** How much virtual time is made up for at once, ms: after the machine has slept, time goes on from where it stood. */
const MOST = 250;

/** Virtual time between two looks at the rest of the process, where the clock runs free, ms. */
const STRIDE = 20;

/** How long the clock runs on when nothing is left to do, ms: the last bytes are still on the wire. */
const AFTERMATH = 50;

/** Lets a virtual clock run by itself, at the pace of the wall clock or free. */
export class Pacer {
  private readonly _clock: VirtualClock;
  private readonly _busy: () => boolean;
  private readonly _fast: boolean;
  private _awake = false;
  /** Wall time up to which the virtual clock has run. */
  private _wall = 0;
  private _idle = 0;

  /**
   * @param busy whether there is anything to run for
   * @param fast true: as fast as it can
   */
  constructor(clock: VirtualClock, busy: () => boolean, fast: boolean) {
    this._clock = clock;
    this._busy = busy;
    this._fast = fast;
  }

  /** Something has begun: the clock runs until there is nothing any more. */
  wake(): void {
    this._idle = 0;
    if (this._awake) return;
    this._awake = true;
    this._wall = performance.now();
    this._sleep();
  }

  private readonly _tick = (): void => {
    const wall = performance.now();
    const passed = this._fast ? STRIDE : Math.min(wall - this._wall, MOST);
    this._wall = wall;
    this._clock.run(passed);
    this._idle = this._busy() ? 0 : this._idle + passed;
    if (this._idle < AFTERMATH) this._sleep();
    else this._awake = false;
  };

  private _sleep(): void {
    if (this._fast) setImmediate(this._tick);
    else setTimeout(this._tick, TICK);
  }
}
