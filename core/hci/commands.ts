import { get16 } from "../bytes/bytes.js";
import { clearTimer, setTimer, Slot } from "../clock.js";
import { Counter } from "../counters.js";
import { Event, Packet, Status } from "./codes.js";
import { sendPacket, type H4 } from "./h4.js";

/**
 * The command flow of Vol 4 Part E section 4.4: one command at a time, never without a credit, each with a time limit. A command is
 * built straight into the transport's packet: `begin`, its parameters, `issue`.
 */
export interface Commands extends H4 {
  /** Offset behind what has been built. */
  _end: number;
  /** Whether the command is under way; else it is being built. */
  _pending: boolean;
  /** How many commands the controller takes. */
  _credits: number;
  /**
   * Takes the answer to the command: the status (Status.NoAnswer where none came in time) and the `length` bytes of return parameters that
   * follow it at `at`.
   */
  readonly _answered: (commands: any, status: number, bytes: Uint8Array, at: number, length: number) => void;
}

const enum Patience {
  /** How long a controller that takes no command at all is believed, in milliseconds: what would take that back may have been lost. */
  NoCredit = 2000,
}

/** Begins a command. */
export function begin(commands: Commands, opcode: number): void {
  commands._opcode = opcode;
  commands._end = 1;
  put16(commands, opcode);
  commands._end = 4;
}

/** Adds one byte to the packet. */
export function put8(commands: Commands, value: number): void {
  commands._packet[commands._end++] = value;
}

/** Adds two bytes, the low one first. */
export function put16(commands: Commands, value: number): void {
  put8(commands, value);
  put8(commands, value >> 8);
}

/** Adds bytes. */
export function putBytes(commands: Commands, bytes: ArrayLike<number>): void {
  commands._packet.set(bytes, commands._end);
  commands._end += bytes.length;
}

/** Sends what was built; the answer may take `limit` milliseconds. */
export function issue(commands: Commands, limit: number): void {
  commands._packet[0] = Packet.Command;
  commands._packet[3] = commands._end - 4;
  commands._pending = true;
  commands._credits--;
  setTimer(commands, Slot.Command, limit, expire);
  sendPacket(commands, commands._packet, 0, commands._end);
}

function expire(commands: Commands): void {
  const pending = commands._pending;
  forget(commands);
  commands._counters[Counter.Timeouts]++;
  if (pending) commands._answered(commands, Status.NoAnswer, commands._packet, 0, 0);
}

/** Forgets the command under way, whose answer is not waited for any more; the controller can take one again. */
export function forget(commands: Commands): void {
  commands._pending = false;
  commands._credits = 1;
  clearTimer(commands, Slot.Command);
}

/** Takes the parameters of a Command Complete or a Command Status event, `length` bytes from `at` on. */
export function takeAnswer(commands: Commands, code: Event, bytes: Uint8Array, at: number, length: number): void {
  // Status, credits, opcode; or credits, opcode, status and what it returns. A NOP has no status.
  const skip = code == Event.CommandStatus ? 1 : 0;
  const opcode = get16(bytes, at + skip + 1);
  if (length < 3 + skip) commands._counters[Counter.Malformed]++;
  else {
    commands._credits = bytes[at + skip];
    if (commands._pending && opcode == commands._opcode && length > 3) {
      const status = bytes[skip ? at : at + 3];
      commands._pending = false;
      clearTimer(commands, Slot.Command);
      if (status) commands._counters[Counter.Refused]++;
      commands._answered(commands, status, bytes, at + 4, length - 4);
    } else if (opcode) commands._counters[Counter.Late]++;
    if (!commands._pending) {
      if (commands._credits) clearTimer(commands, Slot.Command);
      else setTimer(commands, Slot.Command, Patience.NoCredit, expire);
    }
  }
}
