import { Central, type Air } from "../../hal/mock/index.js";
import { HANDLES, INTERVAL, MTU, numbered, numberOf, type Handles } from "./values.js";

const ATT = 4;

/** What one link has carried, by direction: values whole and in their order, and the bytes of them. */
export interface Carried {
  notifications: number;
  indications: number;
  reads: number;
  writes: number;
  commands: number;
  /** Bytes of values to the peer, and from it. */
  down: number;
  up: number;
}

export function nothingCarried(): Carried {
  return { notifications: 0, indications: 0, reads: 0, writes: 0, commands: 0, down: 0, up: 0 };
}

/**
 * A peer that subscribes to both kinds of value, then reads, writes without response and writes with one, each as soon as the last has been answered. It
 * shares nothing with the stack. Each value carries its number, so that one that is missing, comes twice or out of its order is seen.
 */
export class Visitor {
  readonly central: Central;
  readonly carried = nothingCarried();
  /** What was not as it had to be. */
  readonly wrong: string[] = [];
  /** It has subscribed to everything. */
  settled = false;
  /** No request of it is under way. */
  idle = true;
  /** It asks for nothing more. */
  stopping = false;
  /** The longest that an answer has taken, ms. */
  slowest = 0;
  private readonly _number: number;
  private readonly _handles: Handles;
  private _asked = 0;
  /** Requests that prepare it, still to be sent. */
  private _steps: number[][];

  constructor(air: Air, number: number, handles: Handles) {
    this._number = number;
    this._handles = handles;
    this.central = new Central(air, { address: "0b5e12e20" + (0x100 + number).toString(16), interval: INTERVAL });
    this.central.ondisconnected = (reason) => void this.wrong.push(`the link has ended: 0x${reason.toString(16)}`);
    this.central.onframe = (cid, payload) => (cid === ATT ? this._take(payload) : undefined);
    const { notifier, indicator } = handles;
    this._steps = [
      [0x02, MTU & 255, MTU >> 8],
      [0x12, notifier + 1, 0, 1, 0],
      [0x12, indicator + 1, 0, 2, 0],
    ];
  }

  /** Makes ready: exchanges the MTU and subscribes. */
  begin(): void {
    this._ask(this._steps.shift()!);
  }

  /** Begins to ask without end. */
  go(): void {
    this._read();
  }

  private _ask(pdu: number[]): void {
    this.idle = false;
    this._asked = this.central.air.clock.now;
    this.central.send(ATT, pdu);
  }

  private _read(): void {
    this.idle = true;
    if (!this.stopping) this._ask([0x0a, this._handles.reader, 0]);
  }

  private _take(pdu: Uint8Array): void {
    const { carried } = this;
    const answers = pdu[0] === 0x0b || pdu[0] === 0x13 || pdu[0] === 0x03;
    if (answers) this.slowest = Math.max(this.slowest, this.central.air.clock.now - this._asked);
    if (answers && !this.settled) {
      const next = this._steps.shift();
      if (next) this._ask(next);
      else this.settled = this.idle = true;
    } else if (pdu[0] === 0x1b || pdu[0] === 0x1d) this._takeValue(pdu);
    else if (pdu[0] === 0x0b) {
      this._count("reads", pdu, 1, HANDLES.reader);
      const write = numbered(HANDLES.writer, this._number, carried.writes++);
      const command = numbered(HANDLES.commanded, this._number, carried.commands++);
      carried.up += write.length + command.length;
      this.central.send(ATT, [0x52, this._handles.commanded, 0, ...command]);
      this._ask([0x12, this._handles.writer, 0, ...write]);
    } else if (pdu[0] === 0x13) this._read();
    else this.wrong.push(`ATT PDU ${Buffer.from(pdu).toString("hex")}`);
  }

  private _takeValue(pdu: Uint8Array): void {
    const indication = pdu[0] === 0x1d;
    const handle = indication ? this._handles.indicator : this._handles.notifier;
    if ((pdu[1] | (pdu[2] << 8)) !== handle) this.wrong.push(`a value of handle ${pdu[1] | (pdu[2] << 8)}`);
    this._count(indication ? "indications" : "notifications", pdu, 3, indication ? HANDLES.indicator : HANDLES.notifier);
    if (indication) this.central.send(ATT, [0x1e]);
  }

  private _count(what: "notifications" | "indications" | "reads", pdu: Uint8Array, at: number, kind: number): void {
    const value = pdu.subarray(at);
    const found = numberOf(value, kind, this._number);
    if (found !== this.carried[what]) this.wrong.push(`${what}: ${found} in place of ${this.carried[what]}`);
    this.carried[what] = found < 0 ? this.carried[what] + 1 : found + 1;
    this.carried.down += value.length;
  }
}
