import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { FirmwareSource } from "../../core/chip/firmware.js";
import type { BlimpError } from "../../core/errors.js";
import type { Options, ReadyInfo } from "../../core/options.js";
import type { Gpio, Hal, Uart } from "../../hal/hal.js";
import {
  createBoard,
  makeImage,
  type Board,
  type BoardOptions,
  type PlainController,
  type VirtualCyw43438,
} from "../../hal/mock/index.js";
import { open, type Bluetooth } from "../../targets/node/open.js";

/** Commands by name, typed from the Core Specification and the notes on the chip. */
export const OP = {
  RESET: 0x0c03,
  EVENT_MASK: 0x0c01,
  LOCAL_NAME: 0x0c14,
  LE_HOST: 0x0c6d,
  VERSION: 0x1001,
  COMMANDS: 0x1002,
  BD_ADDR: 0x1009,
  LE_EVENT_MASK: 0x2001,
  RANDOM_ADDRESS: 0x2005,
  ADV_PARAMETERS: 0x2006,
  ADV_DATA: 0x2008,
  SCAN_RESPONSE: 0x2009,
  ADV_ENABLE: 0x200a,
  SCAN_PARAMETERS: 0x200b,
  SCAN_ENABLE: 0x200c,
  LE_RAND: 0x2018,
  WRITE_ADDRESS: 0xfc01,
  BAUD: 0xfc18,
  SLEEP: 0xfc27,
  MINIDRIVER: 0xfc2e,
  WRITE_RAM: 0xfc4c,
  LAUNCH: 0xfc4e,
  VERBOSE: 0xfc79,
} as const;

/** What the stack did to the board, and what came back, in the order of virtual time. */
export type Entry =
  | { at: number; what: "open"; baud: number; flow: boolean }
  | { at: number; what: "close" }
  | { at: number; what: "write"; bytes: Uint8Array }
  | { at: number; what: "in"; bytes: Uint8Array }
  | { at: number; what: "pin"; pin: string; level: number };

export interface Command {
  at: number;
  opcode: number;
  parameters: Uint8Array;
}

export interface Advert {
  time: number;
  type: number;
  data: string;
  address: string;
  random: number;
}

export type Bt = Bluetooth;
type Chip = VirtualCyw43438 | PlainController;

export const IMAGE = makeImage();

/** The iBeacon of the examples: 30 bytes. */
export const IBEACON = Uint8Array.from([
  0x02, 0x01, 0x06, 0x1a, 0xff, 0x4c, 0x00, 0x02, 0x15, 0xfb, 0x0b, 0x57, 0xa2, 0x82, 0x28, 0x44, 0xcd, 0x91, 0x3a, 0x94, 0xa1, 0x22, 0xba, 0x12, 0x06, 0x00,
  0x01, 0x00, 0x02, 0xd1,
]);

export interface Setup<C extends Chip> {
  board?: BoardOptions<any>;
  firmware?: FirmwareSource | null;
  options?: Options;
  /** Called with the board before it is opened. */
  before?: (rig: Rig<C>) => void;
}

/** A board, the stack on it, and a record of all that passes between the two. */
export class Rig<C extends Chip = VirtualCyw43438> {
  readonly board: Board<C>;
  readonly hal: Hal;
  readonly journal: Entry[] = [];
  readonly ready: ReadyInfo[] = [];
  readonly recovered: ReadyInfo[] = [];
  readonly errors: BlimpError[] = [];
  readonly warnings: BlimpError[] = [];
  readonly steps: string[] = [];
  readonly progress: [number, number][] = [];
  readonly adverts: Advert[] = [];
  /** How many callbacks of any kind there have been. */
  calls = 0;
  /** Throws in `uart.open` where it returns a text. */
  refuse: (baud: number) => string | undefined = () => undefined;
  bt!: Bt;
  /** Hands bytes to the stack at once, as if they had come over the wire, and leaves no note in the journal. */
  receive: (data: Uint8Array | string) => void = () => assert.fail("the UART is closed");
  readonly firmware: FirmwareSource | null;
  private readonly _options: Options;

  constructor(board: Board<C>, setup: Setup<C>) {
    this.board = board;
    this.hal = this._record(board.hal);
    this.firmware = setup.firmware === undefined ? IMAGE : setup.firmware;
    this._options = setup.options ?? {};
    board.air.sniff(({ time, pdu, from }) => {
      if (from === board.chip.controller) {
        this.adverts.push({ time, type: pdu.type, data: hex(pdu.data), address: hex([...pdu.address.bytes].reverse()), random: pdu.address.random });
      }
    });
    setup.before?.(this);
    this.open();
  }

  get clock(): Board["clock"] {
    return this.board.clock;
  }

  get now(): number {
    return this.board.clock.now;
  }

  /** Opens the board, or opens it again, with the options of the rig; `more` beside them. */
  open(more: Options = {}): Bt {
    const given: Options = { ...this._options, ...more };
    const tell =
      (name: string, list: any[]) =>
      (...values: any[]): void => {
        this.calls++;
        list.push(name === "onprogress" ? values : values[0]);
        given[name]?.(...values);
      };
    return (this.bt = open(this.hal, this.firmware, {
      ...given,
      onready: tell("onready", this.ready),
      onrecover: tell("onrecover", this.recovered),
      onerror: tell("onerror", this.errors),
      onwarning: tell("onwarning", this.warnings),
      onstep: tell("onstep", this.steps),
      onprogress: tell("onprogress", this.progress),
    }));
  }

  run(ms: number): this {
    this.board.clock.run(ms);
    return this;
  }

  /** Lets time pass until the stack is ready once more, or has failed once more. */
  settle(limit = 120_000): this {
    const [ready, errors] = [this.ready.length, this.errors.length];
    this.board.clock.until(() => this.ready.length > ready || this.errors.length > errors, limit);
    return this;
  }

  /** Lets time pass until it is ready; fails the test where it does not become so. */
  up(limit = 120_000): this {
    const ready = this.ready.length;
    const before = this.errors.length;
    this.board.clock.until(() => this.ready.length > ready, limit);
    assert.deepEqual(this.errors.slice(before).map(brief), [], "no error");
    assert.equal(this.ready.length, ready + 1, "ready");
    return this;
  }

  /** All commands that went out; zero bytes between them are padding. */
  commands(from = 0): Command[] {
    const commands: Command[] = [];
    let bytes: number[] = [];
    for (const entry of this.journal.slice(from)) {
      if (entry.what !== "write") continue;
      bytes.push(...entry.bytes);
      while (bytes.length > 0) {
        if (bytes[0] === 0) bytes.shift();
        else {
          assert.equal(bytes[0], 1, "a command packet");
          if (bytes.length < 4 || bytes.length < 4 + bytes[3]) break;
          commands.push({ at: entry.at, opcode: bytes[1] | (bytes[2] << 8), parameters: Uint8Array.from(bytes.slice(4, 4 + bytes[3])) });
          bytes = bytes.slice(4 + bytes[3]);
        }
      }
    }
    return commands;
  }

  /** What went out so far as one array. */
  out(): Uint8Array {
    return Uint8Array.from(this.journal.flatMap((entry) => (entry.what === "write" ? [...entry.bytes] : [])));
  }

  /** A mark in the journal, for `commands`. */
  mark(): number {
    return this.journal.length;
  }

  /** What is on the air during the next `ms`. */
  listen(ms: number): Advert[] {
    const from = this.adverts.length;
    this.run(ms);
    return this.adverts.slice(from);
  }

  /** The kinds of advert during the next `ms`, each once, as "type:data". */
  onair(ms = 300): string[] {
    return [...new Set(this.listen(ms).map(({ type, data }) => `${type}:${data}`))];
  }

  /** After a failure, or after `close`: nothing is left of the stack on the board, and it does nothing more. */
  gone(ms = 60_000): void {
    assert.equal(this.board.uartOpen, false, "the UART has been given back");
    assert.equal(this.board.timers, 0, "no timer is left");
    const regon = this.board.pins.filter(({ pin }) => pin === "regon").at(-1);
    assert.equal(regon?.level ?? 0, 0, "BT_REG_ON is low");
    const [calls, length] = [this.calls, this.journal.length];
    this.run(ms);
    assert.equal(this.calls, calls, "no callback afterwards");
    assert.deepEqual(this.journal.slice(length), [], "nothing done afterwards");
    assert.equal(this.board.timers, 0);
  }

  private _record(real: Hal): Hal {
    const note = (entry: any): void => void this.journal.push({ at: this.now, ...entry });
    const uart: Uart = {
      flow: real.uart.flow,
      open: (baud, flow, receive, fault) => {
        const reason = this.refuse(baud);
        if (reason !== undefined) throw new Error(reason);
        note({ what: "open", baud, flow });
        this.receive = receive;
        real.uart.open(
          baud,
          flow,
          (data) => {
            note({ what: "in", bytes: typeof data === "string" ? Uint8Array.from(data, (c) => c.charCodeAt(0)) : data.slice() });
            receive(data);
          },
          fault,
        );
      },
      write: (buffer, offset, length) => {
        note({ what: "write", bytes: buffer.slice(offset, offset + length) });
        real.uart.write(buffer, offset, length);
      },
      close: () => {
        note({ what: "close" });
        real.uart.close();
      },
    };
    const gpio: any = { ...real.gpio };
    for (const pin of ["regon", "lpo", "rts", "devwake"]) {
      if (gpio[pin] === undefined) continue;
      gpio[pin] = (level: 0 | 1) => {
        note({ what: "pin", pin, level });
        (real.gpio as any)[pin](level);
      };
    }
    return { ...real, uart, gpio: gpio as Gpio };
  }
}

/** The stack on a virtual CYW43438. */
export function rig(setup: Setup<VirtualCyw43438> = {}): Rig {
  return new Rig(createBoard(setup.board as BoardOptions), setup);
}

/** The stack on a standard controller without firmware. */
export function plainRig(setup: Setup<PlainController> = {}): Rig<PlainController> {
  const board = createBoard({ ...setup.board, part: "plain" } as BoardOptions<"plain"> & { part: "plain" });
  return new Rig(board, { firmware: null, ...setup });
}

export function brief(error: any): string {
  return `${error.code} ${error.step} ${error.detail}`;
}

export function hex(bytes: ArrayLike<number>): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function unhex(digits: string): Uint8Array {
  return Uint8Array.from(digits.replace(/\s/g, "").match(/../g) ?? [], (pair) => parseInt(pair, 16));
}

/** Bytes as a string of characters 0 to 255. */
export function latin(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

/** A Command Complete, indicator first. */
export function complete(opcode: number, returned: ArrayLike<number>, credits = 1): Uint8Array {
  return Uint8Array.from([4, 0x0e, 3 + returned.length, credits, opcode & 255, opcode >> 8, ...Array.from(returned)]);
}

/** A Command Status, indicator first. */
export function status(opcode: number, code: number, credits = 1): Uint8Array {
  return Uint8Array.from([4, 0x0f, 4, code, credits, opcode & 255, opcode >> 8]);
}

/** Checks what is thrown: a BlimpError of code "argument" whose text names method, argument, value and bounds. */
export function rejects(call: () => void, method: string, argument: string, ...texts: (string | number)[]): void {
  let thrown: any;
  try {
    call();
  } catch (error) {
    thrown = error;
  }
  assert.ok(thrown instanceof Error, `${method} throws for ${argument}`);
  const error = thrown as BlimpError;
  assert.equal(error.code, "argument", error.stack);
  assert.equal(error.step, method);
  for (const text of [method, argument, ...texts]) assert.ok(error.message.includes(String(text)), `"${error.message}" names ${text}`);
}

function findUp(folder: string, path: string): string | null {
  if (existsSync(join(folder, path))) return join(folder, path);
  return dirname(folder) === folder ? null : findUp(dirname(folder), path);
}

/** The real image, where there is one. */
export function realImage(): Uint8Array | null {
  const path = findUp(process.cwd(), "../shared/firmware/BCM43430A1.hcd");
  return path === null ? null : new Uint8Array(readFileSync(path));
}
