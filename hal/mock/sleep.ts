import type { VirtualClock, Handle } from "./clock.js";

/** Octets of Set_Sleepmode_Param (0xFC27). */
const PARAMETERS = 12;
const UART_WITH_WAKE_LINES = 1;
/** One unit of the idle thresholds, ms. Other parts count in 25 ms. */
const IDLE_UNIT = 300;
/** From BT_DEV_WAKE going active to the chip listening, ms: the least that hosts found to work. */
const WAKE_TIME = 5;

/** What the sleep machine does to its chip. */
export interface Sleeper {
  /** Called when the chip falls asleep and when it listens again. */
  doze(asleep: boolean): void;
  /** Called when BT_HOST_WAKE changes between active and not. */
  hostwake(active: boolean): void;
}

/**
 * Sleep mode 1 of the chip: with BT_DEV_WAKE inactive and nothing to do it sleeps and hears no byte; what it has to say it announces by
 * BT_HOST_WAKE.
 */
export class Sleep {
  readonly parameters = new Uint8Array(PARAMETERS);
  /** The chip can sleep only where a 32.768 kHz clock feeds LPO_IN. */
  clocked = false;
  /** Level of BT_DEV_WAKE. */
  private _devwake: 0 | 1 = 1;
  private readonly _clock: VirtualClock;
  private readonly _sleeper: Sleeper;
  private _asleep = false;
  private _hostwake = false;
  private _doze: Handle | null = null;
  private _calm: Handle | null = null;
  private _wake: Handle | null = null;

  constructor(clock: VirtualClock, sleeper: Sleeper) {
    this._clock = clock;
    this._sleeper = sleeper;
  }

  get asleep(): boolean {
    return this._asleep;
  }

  /** Back to no sleep, as after a reset of the hardware. */
  reset(): void {
    for (const handle of [this._doze, this._calm, this._wake]) if (handle !== null) this._clock.cancel(handle);
    this._doze = this._calm = this._wake = null;
    this.parameters.fill(0);
    this._asleep = false;
    this._setHostwake(false);
  }

  /** Takes Set_Sleepmode_Param. */
  configure(parameters: Uint8Array): void {
    this.parameters.set(parameters);
    this.activity();
  }

  /** BT_DEV_WAKE changes. */
  devwake(level: 0 | 1): void {
    this._devwake = level;
    if (this._asleep && this._kept) this._wake ??= this._clock.after(WAKE_TIME, () => this._rouse());
    else this.activity();
  }

  /** A packet has come or is about to go: idle time begins anew. */
  activity(): void {
    if (this._doze !== null) this._clock.cancel(this._doze);
    this._doze = null;
    if (this._on && !this._kept && this.clocked && !this._asleep) {
      this._doze = this._clock.after(this.parameters[2] * IDLE_UNIT, () => this._fallAsleep());
    }
  }

  /** The chip has something to say. */
  announce(): void {
    this.activity();
    if (!this._on) return;
    this._setHostwake(true);
    if (this._calm !== null) this._clock.cancel(this._calm);
    this._calm = this._clock.after(this.parameters[1] * IDLE_UNIT, () => this._setHostwake(false));
  }

  private get _on(): boolean {
    return this.parameters[0] === UART_WITH_WAKE_LINES;
  }

  /** True while the host keeps the chip awake: BT_DEV_WAKE at the active level that octet 3 names. */
  private get _kept(): boolean {
    return this._devwake === this.parameters[3];
  }

  private _fallAsleep(): void {
    this._doze = null;
    this._asleep = true;
    this._sleeper.doze(true);
  }

  private _rouse(): void {
    this._wake = null;
    this._asleep = false;
    this._sleeper.doze(false);
    this.activity();
  }

  private _setHostwake(active: boolean): void {
    if (active === this._hostwake) return;
    this._hostwake = active;
    this._sleeper.hostwake(active);
  }
}
