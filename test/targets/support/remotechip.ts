import { performance } from "node:perf_hooks";
import type { Board, PlainController, VirtualCyw43438 } from "../../../hal/mock/index.js";

/** How often virtual time is brought up to the wall clock, ms. */
const TICK = 2;

/** A virtual board at the far end of something that carries bytes, at the pace of the wall clock. */
export class RemoteChip {
  /** The rate (bit/s) at which what arrives here was sent; asked whenever something arrives. */
  rate: () => number = () => 115200;
  /** The level of BT_REG_ON at present. */
  regon: () => 0 | 1 = () => 1;
  /** The rates that `rate` has told, one after the other. */
  readonly rates: number[] = [];
  readonly board: Board<VirtualCyw43438 | PlainController>;
  private readonly _send: (bytes: Uint8Array) => void;
  private readonly _timer: NodeJS.Timeout;
  private _wall = performance.now();
  private _level: 0 | 1 = 0;

  /**
   * @param board one without flow control
   * @param send carries bytes away from the chip; the array is its own
   */
  constructor(board: Board<VirtualCyw43438 | PlainController>, send: (bytes: Uint8Array) => void) {
    this.board = board;
    this._send = send;
    this._tune();
    this._timer = setInterval(() => this._run(), TICK);
  }

  /** Takes what the host has sent. */
  receive(bytes: Uint8Array): void {
    this._run();
    this._tune();
    this.board.hal.uart.write(bytes, 0, bytes.length);
  }

  stop(): void {
    clearInterval(this._timer);
  }

  private _run(): void {
    const wall = performance.now();
    const level = this.regon();
    if (level !== this._level) this.board.hal.gpio.regon?.(level);
    this._level = level;
    this.board.clock.run(wall - this._wall);
    this._wall = wall;
  }

  private _tune(): void {
    const rate = this.rate();
    if (rate === this.rates[this.rates.length - 1]) return;
    this.rates.push(rate);
    this.board.hal.uart.open(
      rate,
      false,
      (data) => this._send(Uint8Array.from(data as Uint8Array)),
      () => {},
    );
  }
}
