import type { Hal, Uart } from "../../hal/hal.js";
import type { Board } from "../../hal/mock/index.js";

/** What an engine does when it is free again. */
type Work = () => void;

/** How many bytes the UART keeps for an engine that does not fetch them. */
const FIFO = 256;

export interface EngineOptions {
  /** An engine that has been busy runs its timers before it fetches what has come in. */
  timersFirst: boolean;
  /** True: what does not fit into the UART's own buffer is lost, where flow control does not hold it back. */
  overflows: boolean;
}

/**
 * The HAL of a board as an engine has it that is busy at times: while a callback of the application runs nothing is received, no timer fires, and
 * what the stack writes goes out when it is over. It shows all that passes.
 */
export class Engine {
  readonly hal: Hal;
  /** Bytes lost because the engine was busy. */
  overflowed = 0;
  /** Timers that the stack has set, and that neither fired nor were cleared. */
  timers = 0;
  /** Shown what the stack has received and written, whole writes. */
  onreceived: (bytes: Uint8Array) => void = () => {};
  onwritten: (bytes: Uint8Array) => void = () => {};
  /** BT_REG_ON, or the UART, has been set. */
  onpower: (level: number) => void = () => {};

  private readonly _board: Board<any>;
  private readonly _options: EngineOptions;
  /** Busy until then, ms of virtual time. */
  private _until = 0;
  private _woken = false;
  private _outputs: Work[] = [];
  private _timers: Work[] = [];
  private _inputs: Uint8Array[] = [];
  private _waiting = 0;
  private _receive: ((data: Uint8Array | string) => void) | null = null;
  private _held = 0;

  constructor(board: Board<any>, options: EngineOptions) {
    this._board = board;
    this._options = options;
    const real = board.hal;
    const gpio: any = { ...real.gpio };
    for (const pin of ["regon", "lpo", "rts", "devwake"]) {
      if (gpio[pin] === undefined) continue;
      gpio[pin] = (level: 0 | 1) => {
        if (pin === "regon") this.onpower(level);
        this._do(() => (real.gpio as any)[pin](level));
      };
    }
    if (gpio.hostwake) gpio.hostwake = (wake: Work) => real.gpio.hostwake!(() => this._fire(wake));
    this.hal = {
      ...real,
      gpio,
      uart: this._makeUart(real.uart),
      timer: {
        now: () => Math.max(this._now, this._until),
        set: (ms, callback) => {
          this.timers++;
          const timer = { work: callback, live: true, handle: null as unknown };
          // It counts from the end of what the engine does now.
          timer.handle = real.timer.set(ms + Math.max(0, this._until - this._now), () => this._fire(timer.work, timer));
          timer.work = () => {
            timer.live = false;
            this.timers--;
            callback();
          };
          return timer;
        },
        clear: (handle) => {
          const timer = handle as { live: boolean; handle: unknown };
          if (!timer.live) return;
          timer.live = false;
          this.timers--;
          real.timer.clear(timer.handle);
        },
      },
    };
  }

  /** The application, which runs now, needs so many milliseconds. */
  busy(ms: number): void {
    this._until = Math.max(this._now, this._until) + ms;
    this._wake();
  }

  private get _now(): number {
    return this._board.clock.now;
  }

  /** Whether it is busy, or has not done yet what it left undone. */
  get occupied(): boolean {
    return this._until > this._now || this._outputs.length > 0;
  }

  /** Something that the stack does to the board. */
  private _do(work: Work): void {
    if (this._until > this._now || this._outputs.length > 0) {
      this._outputs.push(work);
      this._wake();
    } else work();
  }

  /** Something that is to be run by the engine. */
  private _fire(work: Work, timer: { live: boolean } = { live: true }): void {
    if (!this.occupied) return void (timer.live && work());
    this._timers.push(() => void (timer.live && work()));
    this._wake();
  }

  private _wake(): void {
    if (this._woken) return;
    this._woken = true;
    this._board.clock.after(Math.max(0, this._until - this._now), () => {
      this._woken = false;
      this._drain();
    });
  }

  /** The engine is free: what it has left undone is done, until it is busy again. */
  private _drain(): void {
    while (this._until <= this._now) {
      if (this._outputs.length > 0) this._outputs.shift()!();
      else if (this._timers.length > 0 && (this._options.timersFirst || this._inputs.length === 0)) this._timers.shift()!();
      else if (this._inputs.length > 0) {
        const bytes = this._inputs.shift()!;
        this._waiting -= bytes.length;
        this._hand(bytes);
      } else {
        if (this._held && this._board.uartOpen) this._board.wire.host.rts = 0;
        this._held = 0;
        return;
      }
    }
    this._wake();
  }

  private _hand(bytes: Uint8Array): void {
    if (this._receive === null) return;
    this.onreceived(bytes);
    this._receive(bytes);
    // The HAL contract gives the array for the time of the call only.
    bytes.fill(0xdb);
  }

  private _makeUart(real: Uart): Uart {
    return {
      flow: real.flow,
      open: (baud, flow, receive, fault) => {
        this._receive = receive;
        this._do(() =>
          real.open(
            baud,
            flow,
            (data) => {
              const bytes = data as Uint8Array;
              if (!this.occupied && this._inputs.length === 0) return this._hand(bytes);
              this._keep(bytes, flow);
            },
            fault,
          ),
        );
      },
      write: (buffer, offset, length) => {
        const bytes = buffer.slice(offset, offset + length);
        this.onwritten(bytes);
        this._do(() => real.write(bytes, 0, length));
      },
      close: () => {
        this._receive = null;
        this._do(() => {
          this._inputs = [];
          this._waiting = 0;
          real.close();
        });
      },
    };
  }

  private _keep(bytes: Uint8Array, flow: boolean): void {
    if (this._waiting + bytes.length > FIFO && flow) {
      // The UART says by RTS that it is full; what was under way still fits.
      this._board.wire.host.rts = 1;
      this._held = 1;
    } else if (this._waiting + bytes.length > FIFO && this._options.overflows) {
      this.overflowed += bytes.length;
      return;
    }
    this._inputs.push(bytes.slice());
    this._waiting += bytes.length;
    this._wake();
  }
}
