import { hex } from "../../core/bytes/hex.js";
import type { Hal } from "../../hal/hal.js";

/** One timer of the virtual time. */
interface Waiting {
  at: number;
  callback: (() => void) | null;
}

/**
 * The smallest chip that answers: a HAL whose UART hands each whole packet to `answer` and whose time passes only in `run`. No wire, no
 * rates: what a script for a small engine can carry beside the stack.
 */
export interface Bench {
  readonly hal: Hal;
  /** What was sent, the beginning of each packet in hex, oldest first. */
  readonly sent: string[];
  /** Rates at which the UART was opened. */
  readonly rates: number[];
  /** Answers a command; default `standard`. */
  answer: (opcode: number, packet: Uint8Array) => void;
  /** Sends hex digits to the host, now. */
  reply(digits: string): void;
  /** Lets virtual time pass, in milliseconds. */
  run(ms: number): void;
  /** Timers that wait. */
  timers(): number;
  isOpen(): boolean;
}

/** Bytes of hex digits. */
export function bytes(digits: string): Uint8Array {
  const result = new Uint8Array(digits.length / 2);
  for (let i = 0; i < result.length; i++) result[i] = parseInt(digits.substr(2 * i, 2), 16);
  return result;
}

/** Two hex digits for a byte, four for a little-endian 16-bit number. */
export function hex16(value: number): string {
  return hex(new Uint8Array([value, value >> 8]), 0, 2);
}

/** A Command Complete with one credit, a status and return parameters. */
export function complete(opcode: number, status: string, parameters: string): string {
  return "040e" + hex(new Uint8Array([4 + parameters.length / 2]), 0, 1) + "01" + hex16(opcode) + status + parameters;
}

/** Bytes of a packet that are kept: all but the records of a download are shorter. */
const KEPT = 40;

/** The patch that the chip runs: 0 its ROM. */
export interface Patch {
  revision: number;
}

export function createBench(patch: Patch): Bench {
  const waiting: Waiting[] = [];
  const sent: string[] = [];
  const rates: number[] = [];
  let now = 0;
  let open = false;
  let receive: (data: Uint8Array) => void;

  function send(digits: string): void {
    if (open) receive(bytes(digits));
  }

  function standard(opcode: number): void {
    let parameters = "";
    if (opcode == 0x1001) parameters = "07" + hex16(patch.revision) + "070f000922";
    else if (opcode == 0x1002) parameters = "ffffff03ccffefffffffec1ff20fe8fe3ff78fff1c00040061f7ffff7ff8ffffff3f0000000000000008";
    else if (opcode == 0x1009) parameters = "112233445566";
    else if (opcode == 0x0c14) parameters = "626c696d7000";
    else if (opcode == 0xfc4e) patch.revision = 508;
    send(complete(opcode, "00", parameters));
  }

  const bench: Bench = {
    hal: {
      uart: {
        open: function (baud, _flow, to) {
          rates.push(baud);
          receive = to;
          open = true;
        },
        write: function (buffer, offset, length) {
          const packet = new Uint8Array(buffer.subarray(offset, offset + length));
          const opcode = packet[1] | (packet[2] << 8);
          sent.push(hex(packet, 0, length > KEPT ? KEPT : length));
          waiting.push({
            at: now + 0.5,
            callback: function () {
              bench.answer(opcode, packet);
            },
          });
        },
        close: function () {
          open = false;
        },
      },
      gpio: { regon: function () {} },
      timer: {
        now: function () {
          return now;
        },
        set: function (ms, callback) {
          const timer = { at: now + ms, callback: callback };
          waiting.push(timer);
          return timer;
        },
        clear: function (handle) {
          (handle as Waiting).callback = null;
        },
      },
      delay: function () {},
    },
    sent: sent,
    rates: rates,
    answer: standard,
    reply: send,
    run: function (ms) {
      const end = now + ms;
      for (;;) {
        let first = -1;
        for (let i = 0; i < waiting.length; i++) {
          if (waiting[i].at <= end && (first < 0 || waiting[i].at < waiting[first].at)) first = i;
        }
        if (first < 0) break;
        const timer = waiting[first];
        waiting.splice(first, 1);
        now = timer.at > now ? timer.at : now;
        if (timer.callback) timer.callback();
      }
      now = end;
    },
    timers: function () {
      let count = 0;
      for (let i = 0; i < waiting.length; i++) if (waiting[i].callback) count++;
      return count;
    },
    isOpen: function () {
      return open;
    },
  };
  return bench;
}
