import assert from "node:assert/strict";
import type { BlimpError } from "../../core/errors.js";
import type { AskingConnection } from "../../core/gatt/client.js";
import type { Options } from "../../core/options.js";
import { createBoard, PLAIN, type Air, type Board, type BoardOptions, type PlainController } from "../../hal/mock/index.js";
import { hex, rig, unhex, type Rig } from "./rig.js";

/** What a peer says to an ATT PDU: nothing, one PDU or several, hex digits. */
export type Answer = string | readonly string[] | null | undefined | void;

export interface ServerOptions {
  /** Its public address, 12 hex digits. */
  address?: string;
  /** Advertising interval in ms. */
  interval?: number;
  /** Whether the link layer knows the procedure that asks the central for parameters; default true. */
  requests?: boolean;
}

const LE_STATES = unhex("ffffffffffff0300");

/**
 * A peripheral on the air of a rig: a controller driven by commands typed here, which answers each ATT PDU with whatever a test likes. It shares
 * nothing with the stack.
 */
export class Server {
  readonly board: Board<PlainController>;
  readonly address: string;
  /** ATT PDUs that the client has sent, oldest first. */
  readonly heard: string[] = [];
  /** The same for the signalling channel and for all others, these with their channel before a colon. */
  readonly signals: string[] = [];
  readonly others: string[] = [];
  /** Asked for each ATT PDU. */
  respond: (pdu: string) => Answer;
  /** Handle of the connection, -1: there is none. */
  handle = -1;
  /** Reasons for which connections have ended; how many there have been; LE Connection Update Complete events, hex digits. */
  readonly ends: number[] = [];
  connections = 0;
  readonly updates: string[] = [];
  private _frame: number[] = [];
  private _bytes: number[] = [];
  private readonly _commands: number[][] = [];
  private _waiting = false;

  constructor(air: Air, respond: (pdu: string) => Answer = () => null, options: ServerOptions = {}) {
    this.respond = respond;
    this.address = options.address ?? "00a0c0112233";
    const identity = {
      // Buffers enough for everything that a test sends at once: the controller cuts frames for the link layer.
      acl: { length: 1021, count: 255 },
      leacl: { length: 1021, count: 255 },
      lefeatures: unhex(options.requests === false ? "1d00000000000000" : "1f00000000000000"),
      lestates: LE_STATES,
      version: PLAIN.version,
    };
    this.board = createBoard({ part: "plain", air, flow: true, chip: { address: this.address, baud: 2_000_000, turnaround: 0.01, identity } });
    this.board.hal.uart.open(2_000_000, true, (data) => this._receive(typeof data === "string" ? Uint8Array.from(data, (c) => c.charCodeAt(0)) : data), () => {});
    // LE events are let through.
    this._command(0x0c01, [0xff, 0xff, 0xff, 0xff, 0xff, 0x1f, 0, 0x20]);
    const units = Math.round((options.interval ?? 20) / 0.625);
    this._command(0x2006, [units & 255, units >> 8, units & 255, units >> 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0]);
    this._command(0x2008, [3, 2, 1, 6, ...Array<number>(28).fill(0)]);
    this.advertise();
  }

  /** Advertises, until somebody connects. */
  advertise(on = true): this {
    return this._command(0x200a, [on ? 1 : 0]);
  }

  /** Sends ATT PDUs, hex digits. */
  send(...pdus: string[]): this {
    for (const pdu of pdus) this.frame(4, pdu);
    return this;
  }

  /** Sends an L2CAP frame; nothing where the connection has ended. */
  frame(cid: number, digits: string): this {
    const payload = unhex(digits);
    if (this.handle >= 0) this.acl([payload.length & 255, payload.length >> 8, cid & 255, cid >> 8, ...payload]);
    return this;
  }

  /** Sends an ACL packet. */
  acl(data: ArrayLike<number>): void {
    this._write([2, this.handle & 255, this.handle >> 8, data.length & 255, data.length >> 8, ...Array.from(data)]);
  }

  disconnect(reason = 0x13): this {
    return this._command(0x0406, [this.handle & 255, this.handle >> 8, reason]);
  }

  /** Asks for parameters by the link layer; units of HCI. */
  update(min: number, max: number, latency: number, timeout: number): this {
    const words = [this.handle, min, max, latency, timeout, 0, 0];
    return this._command(0x2013, words.flatMap((word) => [word & 255, word >> 8]));
  }

  /** Leaves the air without a word. */
  vanish(): void {
    this.board.chip.restart();
    this.handle = -1;
  }

  /** Takes what has been heard so far. */
  take(): string[] {
    return this.heard.splice(0);
  }

  private _command(opcode: number, parameters: readonly number[]): this {
    this._commands.push([1, opcode & 255, opcode >> 8, parameters.length, ...parameters]);
    this._next();
    return this;
  }

  private _next(): void {
    if (this._waiting || !this._commands.length) return;
    this._waiting = true;
    this._write(this._commands.shift()!);
  }

  private _write(bytes: readonly number[]): void {
    this.board.hal.uart.write(Uint8Array.from(bytes), 0, bytes.length);
  }

  private _receive(data: Uint8Array): void {
    for (const byte of data) {
      const p = this._bytes;
      p.push(byte);
      const whole = (p[0] === 4 && p.length >= 3 && p.length === 3 + p[2]) || (p[0] === 2 && p.length >= 5 && p.length === 5 + p[3] + p[4] * 256);
      if (!whole) continue;
      this._bytes = [];
      if (p[0] === 4) this._event(p[1], p.slice(3));
      else this._data(p[2] & 0x30, p.slice(5));
    }
  }

  private _event(code: number, p: number[]): void {
    if (code === 0x0e || code === 0x0f) {
      const status = code === 0x0e ? p[3] : p[0];
      assert.equal(status, 0, `the peer's controller takes ${hex(p)}`);
      this._waiting = false;
      this._next();
    } else if (code === 0x3e && p[0] === 1) {
      this.handle = p[2] | (p[3] << 8);
      this.connections++;
      this._frame = [];
    } else if (code === 0x3e && p[0] === 3) {
      this.updates.push(hex(p.slice(1)));
    } else if (code === 5) {
      this.handle = -1;
      this.ends.push(p[3]);
    }
  }

  private _data(boundary: number, bytes: number[]): void {
    if (boundary !== 0x10) this._frame = [];
    const frame = this._frame;
    frame.push(...bytes);
    if (frame.length < 4 || frame.length < 4 + frame[0] + frame[1] * 256) return;
    const cid = frame[2] | (frame[3] << 8);
    const payload = hex(frame.slice(4));
    this._frame = [];
    if (cid === 5) this.signals.push(payload);
    else if (cid !== 4) this.others.push(`${cid}:${payload}`);
    else {
      this.heard.push(payload);
      const answer = this.respond(payload);
      if (answer) this.send(...(typeof answer === "string" ? [answer] : answer));
    }
  }
}

/** An attribute as a peer has it: UUIDs of 4 or 32 hex digits most significant first, values in hex digits. */
export interface Attribute {
  handle: number;
  type: string;
  value: string;
  /** The last handle of the group that it begins. */
  end?: number;
}

/** Two bytes, least significant first, hex digits. */
export function le(value: number): string {
  return hex([value & 255, (value >> 8) & 255]);
}

/** Hex digits of bytes in the opposite order. */
export function reversed(digits: string): string {
  return hex(unhex(digits).reverse());
}

/** A service as a short text: what `attributes` makes attributes of. */
export interface Sketch {
  uuid: string;
  secondary?: boolean;
  /** Its first handle; default the next. */
  at?: number;
  /** Handles that its group takes beyond its last attribute. */
  spare?: number;
  /** First handles of services to include. */
  includes?: number[];
  chars?: { uuid: string; flags?: number; value?: string; descriptors?: { uuid: string; value?: string }[]; skip?: number }[];
}

/** Lays services out as attributes. `skip` leaves handles free behind a characteristic. */
export function attributes(services: readonly Sketch[]): Attribute[] {
  const made: Attribute[] = [];
  let next = 1;
  for (const service of services) {
    next = service.at ?? next;
    const head: Attribute = { handle: next++, type: service.secondary ? "2801" : "2800", value: reversed(service.uuid) };
    made.push(head);
    for (const first of service.includes ?? []) made.push({ handle: next++, type: "2802", value: `include ${first}` });
    for (const { uuid, flags = 2, value = "", descriptors = [], skip = 0 } of service.chars ?? []) {
      made.push({ handle: next++, type: "2803", value: hex([flags]) + le(next) + reversed(uuid) });
      made.push({ handle: next++, type: uuid, value });
      for (const descriptor of descriptors) made.push({ handle: next++, type: descriptor.uuid, value: descriptor.value ?? "" });
      next += skip;
    }
    next += service.spare ?? 0;
    head.end = next - 1;
  }
  for (const one of made) {
    if (!one.value.startsWith("include")) continue;
    const first = made.find(({ handle }) => handle === Number(one.value.split(" ")[1]))!;
    // The UUID is there only in its short form (Vol 3 Part G 3.2).
    one.value = le(first.handle) + le(first.end!) + (first.value.length === 4 ? first.value : "");
  }
  return made;
}

export interface ModelOptions {
  /** Server RX MTU; 0: the request is refused with 0x06. */
  mtu?: number;
  /** Entries of one response at most. */
  most?: number;
}

/** A GATT server over attributes, written from Vol 3 Part F alone: gives the one right answer to each request. */
export class Model {
  mtu = 23;
  readonly table: Attribute[];
  /** Errors for reads and writes by handle. */
  readonly errors: { [handle: number]: number } = {};
  /** What was written, as "handle:value", and by what opcode. */
  readonly written: string[] = [];
  private readonly _options: ModelOptions;
  private _queue: { handle: number; offset: number; value: string }[] = [];

  constructor(table: Attribute[], options: ModelOptions = {}) {
    this.table = table;
    this._options = options;
  }

  readonly respond = (pdu: string): string | null => {
    const bytes = unhex(pdu);
    const opcode = bytes[0];
    const word = (at: number): number => bytes[at] | (bytes[at + 1] << 8);
    const error = (handle: number, code: number): string => "01" + hex([opcode]) + le(handle) + hex([code]);
    const one = this.table.find(({ handle }) => handle === word(1));
    switch (opcode) {
      case 0x02:
        if (this._options.mtu === 0) return error(0, 6);
        this.mtu = Math.max(23, Math.min(word(1), this._options.mtu ?? 23));
        return "03" + le(this._options.mtu ?? 23);
      case 0x04: {
        const found = this._range(word(1), word(3));
        const same = this._run(found, ({ type }) => type.length, ({ type }) => 2 + type.length / 2);
        return same.length ? `05${same[0].type.length === 4 ? "01" : "02"}` + same.map(({ handle, type }) => le(handle) + reversed(type)).join("") : error(word(1), 0x0a);
      }
      case 0x08:
      case 0x10: {
        const type = reversed(hex(bytes.slice(5)));
        const found = this._range(word(1), word(3)).filter((each) => each.type === type);
        const head = opcode === 0x10 ? 4 : 2;
        const same = this._run(found, ({ value }) => value.length, ({ value }) => head + value.length / 2);
        if (!same.length) return error(word(1), 0x0a);
        if (this.errors[same[0].handle]) return error(same[0].handle, this.errors[same[0].handle]);
        const value = same[0].value.slice(0, 2 * Math.min(253, this.mtu - 2 - head));
        if (same.length === 1) return hex([opcode + 1, head + value.length / 2]) + le(same[0].handle) + (head === 4 ? le(same[0].end!) : "") + value;
        return hex([opcode + 1, head + value.length / 2]) + same.map((each) => le(each.handle) + (head === 4 ? le(each.end!) : "") + each.value).join("");
      }
      case 0x0a:
      case 0x0c: {
        const offset = opcode === 0x0c ? word(3) : 0;
        if (!one) return error(word(1), 1);
        if (this.errors[one.handle]) return error(one.handle, this.errors[one.handle]);
        if (offset > one.value.length / 2) return error(one.handle, 7);
        return hex([opcode + 1]) + one.value.slice(2 * offset, 2 * (offset + this.mtu - 1));
      }
      case 0x12:
        if (!one) return error(word(1), 1);
        if (this.errors[one.handle]) return error(one.handle, this.errors[one.handle]);
        one.value = pdu.slice(6);
        this.written.push(`${one.handle}:${one.value}`);
        return "13";
      case 0x52:
        this.written.push(`${word(1)}:${pdu.slice(6)}`);
        return null;
      case 0x16:
        if (!one) return error(word(1), 1);
        this._queue.push({ handle: one.handle, offset: word(3), value: pdu.slice(10) });
        return "17" + pdu.slice(2);
      case 0x18: {
        const queue = this._queue;
        this._queue = [];
        if (bytes[1] === 1 && queue.length) {
          const target = this.table.find(({ handle }) => handle === queue[0].handle)!;
          if (this.errors[target.handle]) return error(target.handle, this.errors[target.handle]);
          target.value = queue.map(({ value }) => value).join("");
          this.written.push(`${target.handle}:${target.value}`);
        }
        return "19";
      }
      default:
        // Responses, notifications and the confirmation are answered by nobody.
        return opcode & 1 || opcode === 0x1e ? null : error(0, 6);
    }
  };

  private _range(start: number, end: number): Attribute[] {
    return this.table.filter(({ handle }) => handle >= start && handle <= end);
  }

  /** The first ones of one form, as many as one response holds. */
  private _run(found: Attribute[], form: (one: Attribute) => number, size: (one: Attribute) => number): Attribute[] {
    const run: Attribute[] = [];
    for (const one of found) {
      if (run.length && (form(one) !== form(run[0]) || 2 + (run.length + 1) * size(one) > this.mtu)) break;
      if (run.length === (this._options.most ?? 1000)) break;
      run.push(one);
    }
    return run;
  }
}

/** A device that has connected to a peer. */
export interface Asked {
  rig: Rig<any>;
  server: Server;
  connection: AskingConnection;
  /** Reasons given to `onclose`. */
  closed: number[];
}

/** Connects a device to a peer that answers by `respond`. */
export function asked(respond: (pdu: string) => Answer = () => null, options: Options = {}, more: ServerOptions = {}, board: BoardOptions<any> = {}): Asked {
  const made = rig({ options, board });
  made.bt.setsecurity(1);
  made.up();
  const server = new Server(made.board.air, respond, more);
  const closed: number[] = [];
  return { rig: made, server, connection: meet(made, server, closed), closed };
}

/** Connects to a peer that advertises. */
export function meet(rig: Rig<any>, server: Server, closed: number[] = []): AskingConnection {
  let connection: AskingConnection | undefined;
  rig.bt.connect(server.address, 0, (error: Error | null, made?: AskingConnection) => {
    assert.equal(error, null);
    connection = made;
  });
  rig.clock.until(() => connection !== undefined && server.handle >= 0, 5000);
  assert.ok(connection, "connected");
  connection.onclose((reason) => void closed.push(reason));
  // Until both link layers know.
  rig.run(100);
  return connection;
}

/** Notes what callbacks are given: "name code detail" for an error, "name ok" or "name value". */
export class Notes {
  readonly list: string[] = [];

  /** A callback that is noted under a name. */
  as(name: string): (error: Error | null, value?: unknown) => void {
    return (error, value) => {
      const { code, detail } = (error ?? {}) as BlimpError;
      const text = value instanceof Uint8Array ? hex(value) : value === undefined ? "ok" : JSON.stringify(value);
      this.list.push(error ? `${name} ${code} ${detail}` : `${name} ${text}`);
    };
  }

  take(): string[] {
    return this.list.splice(0);
  }
}
