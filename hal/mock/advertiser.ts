import type { Air, Radio } from "./air.js";
import type { Handle } from "./clock.js";
import type { AdvertisingPdu } from "./pdu.js";

/** Largest advDelay, ms (Core Vol 6 Part B 4.4.2.2.1). */
const ADV_DELAY = 10;

/**
 * The Advertising State of a link layer (Core Vol 6 Part B 4.4.2): one advertising event each advInterval + advDelay.
 */
export class Advertiser {
  private readonly _air: Air;
  private readonly _radio: Radio;
  private _event: Handle | null = null;
  private _end: Handle | null = null;

  constructor(air: Air, radio: Radio) {
    this._air = air;
    this._radio = radio;
  }

  get on(): boolean {
    return this._event !== null;
  }

  /**
   * Starts; the first event comes after an advDelay.
   * @param interval advInterval in ms
   * @param pdu gives what each event sends
   * @param delay false: without advDelay, as high duty cycle directed advertising has it
   */
  start(interval: number, pdu: () => AdvertisingPdu, delay = true): void {
    this.stop();
    const advDelay = (): number => (delay ? this._air.random.fraction() * ADV_DELAY : 0);
    const send = (): void => {
      this._event = this._air.clock.after(interval + advDelay(), send);
      this._air.transmit(this._radio, pdu());
    };
    this._event = this._air.clock.after(advDelay(), send);
  }

  /** Stops after `ms`, if nothing stops it before, and then calls `ended`. */
  stopAfter(ms: number, ended: () => void): void {
    this._end = this._air.clock.after(ms, () => {
      this.stop();
      ended();
    });
  }

  stop(): void {
    if (this._event !== null) this._air.clock.cancel(this._event);
    if (this._end !== null) this._air.clock.cancel(this._end);
    this._event = null;
    this._end = null;
  }
}
