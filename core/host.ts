import type { Hal, Session } from "../hal/hal.js";
import { get16 } from "./bytes/bytes.js";
import type { Firmware } from "./chip/firmware.js";
import { setTimer, Slot } from "./clock.js";
import { createCounters } from "./counters.js";
import { failure } from "./errors.js";
import { Event, Status } from "./hci/codes.js";
import { answer, issue, type Commands } from "./hci/commands.js";
import { createReceiveRing, receivePacket } from "./hci/h4.js";
import type { Limits, Options } from "./options.js";

/** One row of an event table: the fewest parameter bytes that make sense, and who takes the `length` that begin at `at`. */
export interface EventRow {
  readonly _least: number;
  readonly _handler: (host: Host, bytes: Uint8Array, at: number, length: number) => void;
}

/** Rows by event code or subevent code. */
export type EventTable = { [code: number]: EventRow };

/**
 * A part of the stack that wants something of the chip. It keeps what is wanted beside what is, and is asked for the next command that
 * brings them together.
 */
export interface Role {
  /** Its name in errors. */
  readonly _name: string;
  /** Builds the next command (`begin` and its parameters); returns false where all is as wanted. */
  _next(host: Host): boolean;
  /** Takes the answer; returns false where the step was refused and asking again would change nothing. */
  _answer(host: Host, status: number, bytes: Uint8Array, at: number, length: number): boolean;
  /** The chip has been reset: nothing of what was is. */
  _reset(host: Host): void;
  /** The host's own notes: it has been refused and is left alone for a while; the application knows. */
  _held: boolean;
  _told: boolean;
}

/**
 * A row of the bring-up: a command, or an action of its own. Rows follow one another; an action and an answer go on by `proceed`, by a wait,
 * or by going elsewhere.
 */
export interface Row {
  /** The step that begins here, where one does. */
  readonly _step?: string;
  /** The command; 0: an action. */
  readonly _opcode: number;
  /** Its bit of Supported Commands; without one every controller has it, and its failure is that of the bring-up. */
  readonly _bit?: number;
  /** The fewest return parameters that make sense. */
  readonly _least?: number;
  /** How long the answer may take, in milliseconds; as `options.commandlimit` without. */
  readonly _limit?: number;
  /** Whether the row is needed; always, without. */
  _wanted?(host: Host): boolean;
  /** Adds the parameters of the command, or does the action. */
  _build?(host: Host): void;
  /** Takes the return parameters behind the status; without one, or where it returns true, the next row follows. */
  _take?(host: Host, bytes: Uint8Array, at: number, length: number): boolean | void;
  /** Takes a status other than 0 where that is no failure; returns whether it is none. */
  _refused?(host: Host, status: number): boolean;
}

/** What the chip has said of itself. Addresses are least significant octet first. */
export interface Chip {
  _version: number;
  _revision: number;
  /** Whether it is a CYW43438, with its vendor commands. */
  _cyw: boolean;
  _name: string;
  readonly _commands: Uint8Array;
  readonly _address: Uint8Array;
  /** 0 public, 1 random; -1 while the address is not known. */
  _addresstype: number;
}

/** Where an instance is in its life. */
export const enum Phase {
  /** The UART is not ours. */
  Closed,
  /** The chip is off until the next try. */
  Resting,
  /** The chip is on its way up, for the first time or again. */
  Rising,
  Ready,
}

/** An instance of the stack: its state, layer upon layer, in one record. */
export interface Host extends Commands {
  readonly _options: Options;
  readonly _limits: Limits;
  readonly _session: Session;
  readonly _chip: Chip;
  _phase: Phase;
  _running: boolean;
  _again: boolean;
  /** In the order of priority. The first is the supervisor, which is asked even while the chip is not ready. */
  readonly _roles: Role[];
  _asked: Role | null;
  /** How often in a row a role has been refused. */
  _refusals: number;
  readonly _events: EventTable;
  readonly _leEvents: EventTable;
  /** The bring-up: its rows, the one that follows, the name of the present step. */
  readonly _rows: Row[];
  _row: number;
  _step: string;
  /** The row whose command waits to be sent, and the one whose answer is waited for. */
  _due: Row | null;
  _open: Row | null;
  _mac: Uint8Array | null;
  _firmware: Firmware | null;
  /** It has been ready once; when this rise began; tries of this rise; rests between rises. */
  _born: boolean;
  _began: number;
  _attempts: number;
  _rests: number;
  /** Stay with the rate of the reset: a raised one may be what has failed. */
  _slow: boolean;
  /** The chip has just come out of a reset, so that its rate is known; out of one by its power line. */
  _fresh: boolean;
  _cut: boolean;
  /** Tries of HCI Reset. */
  _tries: number;
  /** The image is wanted in the chip; it has been sent; the record to be sent begins at. */
  _loading: boolean;
  _loaded: boolean;
  _offset: number;
  _record: number;
  /** Random bytes for an address, and how many blocks of 8 there are. */
  readonly _drawn: Uint8Array;
  _blocks: number;
  /** What made the supervisor doubt that the chip is there; "" when it does not. */
  _doubt: string;
  _seen: number;
  _quiet: number;
}

/** Seconds after which a role that was refused is asked again though nothing has changed. */
const RETRY = [1, 5, 30];

/** Tells the application of a failure that nobody waits for. */
export function report(host: Host, error: Error): void {
  const handler = host._options.onerror;
  try {
    if (handler) handler(error);
  } catch (e) {
    host._counters.exceptions++;
  }
}

/** Calls the application; what it throws is counted and reported. */
export function call(host: Host, callback: ((...values: any[]) => any) | null | undefined, value?: any, second?: any): any {
  try {
    if (callback) return callback(value, second);
  } catch (e) {
    host._counters.exceptions++;
    report(host, e as Error);
  }
}

/** Throws "closed" where the instance has been closed; `method` is what the application has called. */
export function use(host: Host, method: string): void {
  if (!host._phase) throw failure("closed", method, 0);
}

/** Whether the chip claims the command of this bit of Supported Commands. */
export function supports(host: Host, bit: number): boolean {
  return (host._chip._commands[bit >> 3] & (1 << (bit & 7))) != 0;
}

/** Roles that were refused may be asked again. */
function release(host: Host): void {
  for (let i = 0; i < host._roles.length; i++) host._roles[i]._held = false;
}

/** Something declared has changed: everything is asked for again. */
export function declared(host: Host): void {
  release(host);
  for (let i = 0; i < host._roles.length; i++) host._roles[i]._told = false;
  host._refusals = 0;
  run(host);
}

/** Does what there is to do: looks at what has come in, then sends what is wanted. From within itself: soon. */
export function run(host: Host): void {
  host._again = true;
  if (host._running) return;
  host._running = true;
  while (host._again) {
    host._again = false;
    while (receivePacket(host));
    while (send(host));
  }
  host._running = false;
}

/** Lets the first role that wants a command have it sent; false where none does or none may. */
function send(host: Host): boolean {
  if (host._pending || host._credits < 1) return false;
  for (let i = 0; i < host._roles.length; i++) {
    const role = host._roles[i];
    if (!role._held && role._next(host)) {
      host._asked = role;
      // Nothing goes out where the UART has failed while the command was made.
      if (host._baud) issue(host, (!i && host._open!._limit) || host._limits.commandlimit);
      return host._baud > 0;
    }
    if (host._phase != Phase.Ready || host._doubt) return false;
  }
  return false;
}

function answered(host: Host, status: number, bytes: Uint8Array, at: number, length: number): void {
  const role = host._asked!;
  if (role._answer(host, status, bytes, at, length)) {
    if (role != host._roles[0]) release(host);
  } else {
    role._held = true;
    if (!role._told) report(host, failure("refused", role._name, status));
    role._told = true;
    setTimer(host, Slot.Retry, RETRY[host._refusals] * 1000, release);
    if (host._refusals < RETRY.length - 1) host._refusals++;
  }
  if (status == Status.NoAnswer) doubt(host, "no-answer");
}

/** Something is suspicious: the supervisor asks the chip whether it is there. */
export function doubt(host: Host, why: string): void {
  if (host._phase == Phase.Ready && !host._doubt) host._doubt = why;
}

function dispatch(host: Host, table: EventTable, code: number, bytes: Uint8Array, at: number, length: number): void {
  const row = table[code];
  if (!row) host._counters.unknown++;
  else if (length < row._least) host._counters.malformed++;
  else row._handler(host, bytes, at, length);
}

function commandComplete(host: Host, bytes: Uint8Array, at: number, length: number): void {
  // Without return parameters there is no status: 0x1F, Unspecified Error, takes its place.
  answer(host, get16(bytes, at + 1), bytes[at], length > 3 ? bytes[at + 3] : 0x1f, bytes, at + 4, length - 4);
}

function commandStatus(host: Host, bytes: Uint8Array, at: number): void {
  answer(host, get16(bytes, at + 2), bytes[at + 1], bytes[at], bytes, at, 0);
}

function leMeta(host: Host, bytes: Uint8Array, at: number, length: number): void {
  dispatch(host, host._leEvents, bytes[at], bytes, at + 1, length - 1);
}

/** Indicator, header and parameters. */
const LONGEST_COMMAND = 4 + 255;

/** Makes an instance's record; `longest` is the longest H4 packet that it may receive. */
export function createHost(hal: Hal, options: Options, limits: Limits, longest: number, session: Session, fault: (host: Host, reason: string) => void): Host {
  const host: Host = {
    _hal: hal,
    _timers: [],
    _wake: run,
    _ring: createReceiveRing(limits.receive, longest),
    _packet: new Uint8Array(longest < LONGEST_COMMAND ? LONGEST_COMMAND : longest),
    _longest: longest,
    _counters: createCounters(),
    _baud: 0,
    _doubtful: 0,
    _current: 0,
    _arrived: 0,
    _stamp: 0,
    _strikes: 0,
    _sink: null,
    _event: function (host, code, bytes, at, length) {
      dispatch(host, host._events, code, bytes, at, length);
    },
    _acl: function (host) {
      host._counters.unknown++;
    },
    _resynced: function (host) {
      doubt(host, "sync");
    },
    _fault: fault,
    _end: 0,
    _opcode: 0,
    _pending: false,
    _credits: 1,
    _answered: answered,
    _options: options,
    _limits: limits,
    _session: session,
    _chip: {
      _version: 0,
      _revision: 0,
      _cyw: false,
      _name: "",
      _commands: new Uint8Array(64),
      _address: new Uint8Array(6),
      _addresstype: -1,
    },
    _phase: Phase.Closed,
    _running: false,
    _again: false,
    _roles: [],
    _asked: null,
    _refusals: 0,
    _events: {},
    _leEvents: {},
    _rows: [],
    _row: 0,
    _step: "",
    _due: null,
    _open: null,
    _mac: null,
    _firmware: null,
    _born: false,
    _began: 0,
    _attempts: 0,
    _rests: 0,
    _slow: false,
    _fresh: false,
    _cut: false,
    _tries: 0,
    _loading: false,
    _loaded: false,
    _offset: 0,
    _record: 0,
    _drawn: new Uint8Array(16),
    _blocks: 0,
    _doubt: "",
    _seen: 0,
    _quiet: 0,
  };
  host._events[Event.CommandComplete] = { _least: 3, _handler: commandComplete };
  host._events[Event.CommandStatus] = { _least: 4, _handler: commandStatus };
  host._events[Event.LeMeta] = { _least: 1, _handler: leMeta };
  return host;
}
