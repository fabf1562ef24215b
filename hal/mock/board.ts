import type { Gpio, Hal, Timer, Uart } from "../hal.js";
import { Air } from "./air.js";
import { VirtualClock, type Handle } from "./clock.js";
import { VirtualCyw43438, type Cyw43438Options } from "./cyw43438.js";
import { PlainController, type PlainOptions } from "./plain.js";
import { Random } from "./random.js";
import { Wire, type WireOptions } from "./wire.js";

const BAUD_MIN = 9600;
const BAUD_MAX = 4_000_000;
const TIMER_MAX = 2 ** 31 - 1;

/** Which control lines of the chip reach the host. A line that does not is fixed: power on, LPO_IN low. */
export interface Wiring {
  regon?: boolean;
  lpo?: boolean;
  /** A 32.768 kHz clock feeds LPO_IN. */
  clock?: boolean;
  /** The chip's CTS as a plain output of the host. */
  rts?: boolean;
  /** The chip's RTS as a plain input of the host. */
  cts?: boolean;
  devwake?: boolean;
  hostwake?: boolean;
  /** The chip's CTS is connected to nothing, so that the chip never sends; default false: without flow control it is tied low. */
  ctsfloats?: boolean;
}

export interface BoardOptions<Part extends "cyw43438" | "plain" = "cyw43438"> {
  /** What is on the UART; default "cyw43438". */
  part?: Part;
  /** Default: one of its own. Boards that share an air share its clock. */
  clock?: VirtualClock;
  /** Default: one of its own. */
  air?: Air;
  /** Seed of all chance on this board; default drawn from the seed of a shared `air`, else 1. */
  seed?: number;
  /**
   * RTS and CTS are wired to a UART that obeys them; default true. A port that is closed, or opened without flow control although it is
   * wired, leaves the chip's CTS high.
   */
  flow?: boolean;
  /** Default: regon, and nothing else. */
  wiring?: Wiring;
  /** False: the board has no random source; default true. */
  random?: boolean;
  /** The board's identity; default none. */
  uniqueid?: Uint8Array | string;
  /** True: what arrives is handed over as strings, as Espruino does it; default false. */
  strings?: boolean;
  /** Chunks of the wire. */
  wire?: WireOptions;
  /** Options of the chip. */
  chip?: Part extends "plain" ? PlainOptions : Cyw43438Options;
}

/** One change of a control line. */
export interface PinEvent {
  /** ms of virtual time */
  readonly time: number;
  readonly pin: "regon" | "lpo" | "rts" | "devwake";
  readonly level: 0 | 1;
}

/** A board without hardware: give its `hal` to the stack, let `clock` run, look at the rest. */
export interface Board<Chip = VirtualCyw43438> {
  readonly hal: Hal;
  readonly chip: Chip;
  readonly wire: Wire;
  readonly clock: VirtualClock;
  readonly air: Air;
  /** True between `hal.uart.open` and `hal.uart.close`. */
  readonly uartOpen: boolean;
  /** Timers of `hal.timer` that have neither fired nor been cleared. */
  readonly timers: number;
  /** Calls of `hal.delay`, and the sum of what they asked for, microseconds. Delays take no virtual time. */
  readonly delays: { readonly count: number; readonly microseconds: number };
  /** What the host did to the control lines, oldest first. */
  readonly pins: readonly PinEvent[];
  /** The line is gone for good: the stack's fault callback is called once, and nothing passes any more. */
  unplug(reason: string): void;
}

/** Puts a board together. A run of it is a function of its seed and of what the host does. */
export function createBoard(options: BoardOptions<"plain"> & { part: "plain" }): Board<PlainController>;
export function createBoard(options?: BoardOptions): Board;
export function createBoard(options: BoardOptions | BoardOptions<"plain"> = {}): Board | Board<PlainController> {
  const clock = options.air?.clock ?? options.clock ?? new VirtualClock();
  if (options.clock !== undefined && options.clock !== clock) throw new Error("createBoard: the air runs on another clock than the board");
  const random = new Random(options.seed ?? options.air?.random.next() ?? 1);
  const air = options.air ?? new Air(clock, { seed: random.next() });
  const wire = new Wire(clock, { seed: random.next(), ...options.wire });
  const parts = { clock, air, end: wire.chip, random: random.split() };
  const flow = options.flow ?? true;
  const wiring = options.wiring ?? { regon: true };
  const chip = options.part === "plain" ? new PlainController(parts, options.chip) : new VirtualCyw43438(parts, options.chip);
  const pins: PinEvent[] = [];
  const uart = new VirtualUart(wire, flow, wiring, options.strings ?? false);
  const timer = new CountedTimer(clock);
  const delays = { count: 0, microseconds: 0 };
  const chance = random.split();

  const hal: Hal = {
    uart,
    gpio: makeGpio(chip, wire, uart, wiring, (pin, level) => pins.push({ time: clock.now, pin, level })),
    timer,
    delay(microseconds) {
      if (!(microseconds >= 1 && microseconds <= 1000)) throw new RangeError(`hal.delay: ${microseconds} is not 1 to 1000 microseconds`);
      delays.count++;
      delays.microseconds += microseconds;
    },
  };
  if (options.random ?? true) hal.random = (target) => chance.fill(target);
  const uniqueid = options.uniqueid;
  if (uniqueid !== undefined) hal.uniqueid = () => uniqueid;

  const board = {
    hal,
    chip,
    wire,
    clock,
    air,
    get uartOpen() {
      return uart.isopen;
    },
    get timers() {
      return timer.live;
    },
    delays,
    pins,
    unplug(reason: string) {
      uart.unplug(reason);
    },
  };
  return board as Board | Board<PlainController>;
}

/**
 * `hal.uart` at the host's end of the wire. No call of it takes virtual time: what was written before a change of rate still leaves at the
 * old one, and only then do transmitter and receiver change.
 */
class VirtualUart implements Uart {
  readonly flow: boolean;
  isopen = false;
  private readonly _wire: Wire;
  private readonly _wiring: Wiring;
  private readonly _strings: boolean;
  private _obeyed = false;
  private _fault: ((reason: string) => void) | null = null;
  private _unplugged = false;
  /** Level that the plain output drives, where it is wired; it floats high until it is driven. */
  private _rtspin: 0 | 1 = 1;

  constructor(wire: Wire, flow: boolean, wiring: Wiring, strings: boolean) {
    this._wire = wire;
    this.flow = flow;
    this._wiring = wiring;
    this._strings = strings;
    this._drive();
  }

  open(baud: number, flow: boolean, receive: (data: Uint8Array | string) => void, fault: (reason: string) => void): void {
    if (this._unplugged) throw new Error("uart.open: the line is gone");
    if (!(baud >= BAUD_MIN && baud <= BAUD_MAX)) throw new RangeError(`uart.open: ${baud} bit/s is not ${BAUD_MIN} to ${BAUD_MAX}`);
    if (flow && !this.flow) throw new Error("uart.open: flow control is not wired");
    const host = this._wire.host;
    host.receive = this._strings ? (bytes) => receive(String.fromCharCode(...bytes)) : receive;
    host.flow = flow;
    host.setBaud(baud);
    this._fault = fault;
    this._obeyed = flow;
    this.isopen = true;
    this._drive();
  }

  write(buffer: Uint8Array, offset: number, length: number): void {
    if (!this.isopen) throw new Error("uart.write: the port is not open");
    if (!(offset >= 0 && length >= 0 && offset + length <= buffer.length)) {
      throw new RangeError(`uart.write: ${length} bytes from ${offset} do not lie in ${buffer.length}`);
    }
    if (!this._unplugged) this._wire.host.send(buffer, offset, length);
  }

  close(): void {
    const host = this._wire.host;
    // A transmitter that the chip holds up would never let its last byte out: that is given up.
    if (host.flow && host.cts === 1) host.abort();
    host.receive = null;
    this._fault = null;
    this.isopen = false;
    this._obeyed = false;
    this._drive();
  }

  unplug(reason: string): void {
    if (this._unplugged) return;
    this._unplugged = true;
    const fault = this._fault;
    this._wire.host.abort();
    this._wire.host.receive = null;
    this._fault = null;
    fault?.(reason);
  }

  setRtsPin(level: 0 | 1): void {
    this._rtspin = level;
    this._drive();
  }

  /** The chip's CTS input: high if anything that is wired to it holds it high. */
  private _drive(): void {
    const pin = this._wiring.rts === true ? this._rtspin : 0;
    const port = this.flow && !this._obeyed ? 1 : 0;
    this._wire.host.rts = pin === 1 || port === 1 || this._wiring.ctsfloats === true ? 1 : 0;
  }
}

/** `hal.timer` over the virtual clock. */
class CountedTimer implements Timer {
  live = 0;
  private readonly _clock: VirtualClock;

  constructor(clock: VirtualClock) {
    this._clock = clock;
  }

  now(): number {
    return this._clock.now;
  }

  set(milliseconds: number, callback: () => void): Handle {
    if (!(milliseconds >= 0 && milliseconds <= TIMER_MAX)) throw new RangeError(`timer.set: ${milliseconds} ms is not 0 to 2^31 - 1`);
    this.live++;
    return this._clock.after(milliseconds, () => {
      this.live--;
      callback();
    });
  }

  clear(handle: unknown): void {
    if (this._clock.cancel(handle as Handle)) this.live--;
  }
}

function makeGpio(
  chip: VirtualCyw43438 | PlainController,
  wire: Wire,
  uart: VirtualUart,
  wiring: Wiring,
  note: (pin: PinEvent["pin"], level: 0 | 1) => void,
): Gpio {
  const gpio: Gpio = { clock: wiring.clock ?? false };
  if (wiring.lpo === true) gpio.lpo = (level) => note("lpo", level);
  if (wiring.cts === true) gpio.cts = () => wire.chip.rts;
  if (wiring.rts === true) {
    gpio.rts = (level) => {
      note("rts", level);
      uart.setRtsPin(level);
    };
  }
  if (!(chip instanceof VirtualCyw43438)) return gpio;

  chip.clocked = wiring.clock ?? false;
  if (wiring.regon === true) {
    gpio.regon = (level) => {
      note("regon", level);
      chip.power(level);
    };
  } else {
    chip.power(1);
  }
  if (wiring.devwake === true) {
    gpio.devwake = (level) => {
      note("devwake", level);
      chip.devwake(level);
    };
  }
  if (wiring.hostwake === true) {
    gpio.hostwake = (wake) => {
      chip.onhostwake = (active) => {
        if (active) wake();
      };
    };
  }
  return gpio;
}
