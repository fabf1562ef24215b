import type { Hal } from "../hal/hal.js";
import { VirtualClock } from "../hal/mock/clock.js";

/** H4 and HCI numbers of a Command Complete event, Vol 4 Part E section 7.7.14. */
const EVENT = 0x04;
const COMMAND_COMPLETE = 0x0e;
const CREDITS = 1;

/**
 * What a controller answers to a command, behind the status; one that is not here answers with the status alone. Read Supported Commands
 * thereby claims nothing, which leaves a host the shortest way up.
 */
const ANSWERS: { [opcode: number]: number[] } = {
  // Read Local Version: 4.2, Infineon.
  0x1001: [8, 0, 0, 8, 0x31, 0x01, 0, 0],
  // Read Local Supported Commands.
  0x1002: new Array<number>(64).fill(0),
  // Read Buffer Size, LE Read Buffer Size.
  0x1005: [0xfd, 0x03, 0, 2, 0, 0, 0],
  0x2002: [27, 0, 2],
  // Read BD_ADDR: c0ffee123456, least significant octet first.
  0x1009: [0x56, 0x34, 0x12, 0xee, 0xff, 0xc0],
  // LE Read Filter Accept List Size, LE Read Supported States.
  0x200f: [16],
  0x201c: [0xff, 0xff, 0xff, 0xff, 0xff, 0x03, 0, 0],
};

/** The Command Complete, with its H4 indicator, to the command whose packet begins at `offset`. */
export function answerTo(packet: Uint8Array, offset: number): Uint8Array {
  const opcode = packet[offset + 1] | (packet[offset + 2] << 8);
  const values = ANSWERS[opcode] ?? [];
  return Uint8Array.of(EVENT, COMMAND_COMPLETE, 4 + values.length, CREDITS, packet[offset + 1], packet[offset + 2], 0, ...values);
}

/** A board with nothing on it: commands are answered in the call that sends them until `quiet`, later ones are counted. */
export class NullBoard {
  readonly clock = new VirtualClock();
  readonly hal: Hal;
  /** Hands bytes to the host as its UART would. */
  receive: (data: Uint8Array) => void = () => {};
  quiet = false;
  /** Bytes written since `quiet`. */
  written = 0;

  constructor() {
    const clock = this.clock;
    this.hal = {
      uart: {
        open: (_baud, _flow, receive) => {
          this.receive = receive;
        },
        write: (buffer, offset, length) => {
          if (this.quiet) this.written += length;
          else this.receive(answerTo(buffer, offset));
        },
        close: () => {
          this.receive = () => {};
        },
      },
      gpio: {},
      timer: {
        now: () => clock.now,
        set: (ms, callback) => clock.after(ms, callback),
        clear: (handle) => clock.cancel(handle as ReturnType<VirtualClock["after"]>),
      },
      delay: () => {},
    };
  }
}
