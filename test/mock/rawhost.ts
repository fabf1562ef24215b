import assert from "node:assert/strict";
import type { Board, PlainController, VirtualCyw43438 } from "../../hal/mock/index.js";

export interface Received {
  /** When the last byte of the packet arrived, ms. */
  time: number;
  bytes: Uint8Array;
}

/** A host that knows nothing but H4: sends commands by `board.hal`, collects what comes back. */
export class RawHost {
  readonly packets: Received[] = [];
  /** Everything that arrived, packets or not. */
  raw: number[] = [];
  /** Zero bytes seen between packets. */
  zeros = 0;
  private _partial: number[] = [];
  readonly board: Board<VirtualCyw43438 | PlainController>;

  constructor(board: Board<VirtualCyw43438 | PlainController>) {
    this.board = board;
  }

  open(baud = 115200, flow = this.board.hal.uart.flow === true): void {
    this.board.hal.uart.open(baud, flow, (data) => this._receive(data), () => {});
  }

  write(bytes: ArrayLike<number>): void {
    this.board.hal.uart.write(Uint8Array.from(bytes), 0, bytes.length);
  }

  send(opcode: number, parameters: ArrayLike<number> = []): void {
    this.write([1, opcode & 0xff, opcode >> 8, parameters.length, ...Array.from(parameters)]);
  }

  /** Sends a command and gives back the return parameters of its Command Complete event (status first). */
  command(opcode: number, parameters: ArrayLike<number> = [], limitms = 1000): Uint8Array {
    const from = this.packets.length;
    this.send(opcode, parameters);
    const answers = ({ bytes }: Received): boolean =>
      bytes[0] === 4 && bytes[1] === 0x0e && bytes[4] === (opcode & 0xff) && bytes[5] === opcode >> 8;
    const find = (): Received | undefined => this.packets.slice(from).find(answers);
    assert.ok(this.board.clock.until(() => find() !== undefined, limitms), `no answer to 0x${opcode.toString(16)}`);
    return find()!.bytes.slice(6);
  }

  /** Sends a command that has to succeed with no return parameter but the status. */
  ok(opcode: number, parameters: ArrayLike<number> = []): void {
    assert.deepEqual([...this.command(opcode, parameters)], [0], `0x${opcode.toString(16)}`);
  }

  /** Sends a command and gives back the status of its answer. */
  status(opcode: number, parameters: ArrayLike<number> = []): number {
    return this.command(opcode, parameters)[0];
  }

  /** True if nothing comes back within `ms`. */
  silent(opcode: number, ms = 500): boolean {
    const from = this.raw.length;
    this.send(opcode);
    this.board.clock.run(ms);
    return this.raw.length === from;
  }

  /** Advertising reports so far, taken apart. */
  reports(): { time: number; type: number; random: number; address: string; data: string; rssi: number }[] {
    const reports = [];
    for (const { time, bytes } of this.packets) {
      if (bytes[0] !== 4 || bytes[1] !== 0x3e || bytes[3] !== 2) continue;
      let at = 5;
      for (let i = 0; i < bytes[4]; i++) {
        const length = bytes[at + 8];
        const address = hex(bytes.slice(at + 2, at + 8).reverse());
        const data = hex(bytes.slice(at + 9, at + 9 + length));
        reports.push({ time, type: bytes[at], random: bytes[at + 1], address, data, rssi: (bytes[at + 9 + length] << 24) >> 24 });
        at += 10 + length;
      }
      assert.equal(at, bytes.length, "the reports fill their event");
    }
    return reports;
  }

  /** The events of a code, or of an LE subevent, as hexadecimal digits of their parameters. */
  events(code: number, subevent?: number): string[] {
    const matches = ({ bytes }: Received): boolean =>
      bytes[0] === 4 && bytes[1] === code && (subevent === undefined || bytes[3] === subevent);
    return this.packets.filter(matches).map(({ bytes }) => hex(bytes.subarray(3)));
  }

  /** The ACL packets so far, from the handle on. */
  acl(): string[] {
    return this.packets.filter(({ bytes }) => bytes[0] === 2).map(({ bytes }) => hex(bytes.subarray(1)));
  }

  /** Sends an ACL packet. `boundary`: 0 begins a frame, 1 goes on with it. */
  sendAcl(handle: number, data: ArrayLike<number>, boundary = 0): void {
    this.write([2, ...le(handle | (boundary << 12), 2), ...le(data.length, 2), ...Array.from(data)]);
  }

  private _receive(data: Uint8Array | string): void {
    const bytes = typeof data === "string" ? Array.from(data, (character) => character.charCodeAt(0)) : Array.from(data);
    this.raw.push(...bytes);
    for (const byte of bytes) {
      if (this._partial.length === 0 && byte === 0) {
        this.zeros++;
        continue;
      }
      this._partial.push(byte);
      const p = this._partial;
      const event = p[0] === 4 && p.length >= 3 && p.length === 3 + p[2];
      const acl = p[0] === 2 && p.length >= 5 && p.length === 5 + (p[3] | (p[4] << 8));
      if (event || acl || (p[0] === 7 && p.length === 64)) {
        this.packets.push({ time: this.board.clock.now, bytes: Uint8Array.from(p) });
        this._partial = [];
      }
    }
  }
}

export function hex(bytes: ArrayLike<number>): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function unhex(digits: string): Uint8Array {
  return Uint8Array.from(digits.replace(/\s/g, "").match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

/** Little-endian. */
export function le(value: number, size: number): number[] {
  return Array.from({ length: size }, (_, i) => Math.floor(value / 2 ** (8 * i)) % 256);
}
