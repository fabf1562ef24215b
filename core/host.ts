import type { Hal, Session } from "../hal/hal.js";
import type { Firmware } from "./chip/firmware.js";
import { setTimer, Slot } from "./clock.js";
import { Counter } from "./counters.js";
import { failure } from "./errors.js";
import { Event, Status } from "./hci/codes.js";
import type { Bond, Pairing } from "./smp/pairing.js";
import type { Arithmetic } from "./crypto/p256.js";
import type { KeyPair, Work } from "./smp/keypair.js";
import type { Job } from "./crypto/provider.js";
import type { Characteristic, Database } from "./gatt/database.js";
import type { Advertiser } from "./gap/advertiser.js";
import type { Buffers, Connection, Link } from "./connection.js";
import type { Acl } from "./hci/acl.js";
import { createRing } from "./bytes/ring.js";
import { issue, takeAnswer } from "./hci/commands.js";
import { receivePacket } from "./hci/h4.js";
import type { Gauge } from "./memory.js";
import { Limit, type Options } from "./options.js";

/** One row of an event table: the fewest parameter bytes that make sense, and who takes the `length` that begin at `at`. */
export interface EventRow {
  readonly _least: number;
  /** The chip is asked for it only where it claims these bits of that octet of Supported Commands. */
  readonly _octet?: number;
  readonly _bits?: number;
  readonly _handler: (host: Host, bytes: Uint8Array, at: number, length: number) => void;
}

/** Rows by event code or subevent code. The event masks are made of them. */
export type EventTable = { [code: number]: EventRow };

/**
 * A part of the stack that wants something of the chip. It keeps what is wanted beside what is, and is asked for the next command that
 * brings them together.
 */
export interface Role {
  /** Its name in errors. */
  readonly _name: string;
  /** Builds the next command (`begin` and its parameters); returns false where all is as wanted. */
  _next(): boolean;
  /** Takes the answer; returns false where the step was refused and asking again would change nothing. */
  _answer(status: number, bytes: Uint8Array, at: number, length: number): boolean;
  /** The chip has been reset: nothing of what was is. */
  _reset(): void;
  /** The host's own notes: it has been refused and is left alone for a while; the application knows. */
  _held?: boolean;
  _told?: boolean;
  /** Its command that had no answer the last time. */
  _unanswered?: number;
}

/** Where an instance is in its life. */
export const enum Phase {
  /** The board is not ours. */
  Closed,
  /** The chip is off until the next try. */
  Resting,
  /** The chip is on its way up, for the first time or again. */
  Rising,
  Ready,
}

/**
 * An instance of the stack: its state, layer upon layer, in one record. What begins as false, null or nothing is left out when the record is
 * made: on a small engine each costs its place.
 */
export interface Host extends Acl {
  readonly _options: Options;
  readonly _limits: Int32Array;
  _phase: Phase;
  _running?: boolean;
  _again?: boolean;
  /** In the order of priority. */
  readonly _roles: Role[];
  /** Whose command is under way; null: the supervisor's. */
  _asked?: Role | null;
  /** All roles have been asked, and want nothing. */
  _idle?: boolean;
  /** How often in a row a role has been refused. */
  _refusals: number;
  readonly _events: EventTable;
  readonly _leEvents: EventTable;
  /** The supervisor: the step of the bring-up, whether its command waits to be sent, builds it, takes its answer. */
  _state: number;
  _due?: boolean;
  readonly _build: (host: Host) => number;
  readonly _take: (host: Host, status: number, bytes: Uint8Array, at: number, length: number) => void;
  /** A try of the bring-up has failed; `final`: another would fail in the same way. Or it has come to its end. */
  readonly _fail: (host: Host, code: string, detail: any, final?: boolean) => void;
  readonly _ready: (host: Host) => void;
  /** The name of the present step. */
  _step?: string;
  /** It has been ready once; when this rise began; tries of it; rests between rises. */
  _born?: boolean;
  _began?: number;
  _attempts?: number;
  _rests?: number;
  /** A raised rate may be what has failed: stay with that of the reset for the download (1), or for good (2). */
  _slow?: number;
  /** The chip has just come out of a reset, so that its rate is known; out of one by its power line, so that it runs its ROM. */
  _fresh?: boolean;
  _cut?: boolean;
  /** HCI Resets sent in vain. */
  _tries?: number;
  /** The image is on its way into the chip; it is in there; where the next record begins, and its number. */
  _loading?: boolean;
  _loaded?: boolean;
  _offset?: number;
  _record?: number;
  /** The first of two blocks of random bytes, in hex. */
  _drawn?: string;
  /** Called when all that has come in has been looked at, before anything is sent. */
  _settle?: () => void;
  /** Keeps an address that has been drawn, where there is a store. */
  _keep?: (address: Uint8Array) => void;
  /**
   * Packets received when the chip's health was last looked at, answers since then besides; how often in a row there had been none but answers; how
   * often it has been looked at without a question.
   */
  _seen?: number;
  _quiet?: number;
  _unasked?: number;
  /** Sends the command that has been built: `issue`, unless the chip has to be woken first. */
  _issue: (host: Host, limit: number) => void;
  /** What made the supervisor doubt that the chip is there; what its question has brought so far: an answer (1), none the last time (2). */
  _doubt?: string;
  _probed?: number;
  /** HCI version and revision of the chip, and whether it is a CYW43438 with its vendor commands. */
  _version: number;
  _revision: number;
  _cyw?: boolean;
  /** Its local name, and what it claims: octets of Supported Commands. */
  _name: string;
  readonly _supported: Uint8Array;
  /** The device's address, least significant octet first; its type: 0 public, 1 random, -1 not known. */
  readonly _address: Uint8Array;
  _addresstype: number;
  /** The address that the options ask for. */
  _mac?: Uint8Array | null;
  _firmware?: Firmware | null;
  /** The application has closed it, and hears nothing any more; links are being ended. */
  _leaving?: boolean;
  /** Ends all links before the instance is closed; returns whether that takes a while. */
  _depart?: () => boolean;
  /** Called when all parts have been added. */
  readonly _made: (() => void)[];
  // What follows belongs to parts, and is there where they are.
  _links: Link[];
  _advertiser?: Advertiser;
  _linker?: Role;
  /** Sends ACL packets. */
  _pump?: (host: Host) => void;
  /** Looks whether all links still are, and the advert; `lost`: after a loss of step, when more may have been lost. */
  _recheck?: (lost: boolean) => void;
  /** The prototype of connections; buffers of links that are free. */
  _methods: Connection & { [method: string]: any };
  _free: Buffers[];
  /** Called when a link begins and when it ends. */
  _beginners: ((host: Host, link: Link) => void)[];
  _enders: ((host: Host, link: Link) => void)[];
  /** Called when a deadline has passed, by its number; when the first of them passes. */
  _expired: ((host: Host, link: Link) => void)[];
  _watched: number;
  /** What the application is to be told a little later. */
  _later: any[][];
  _onconnect?: ((connection: Connection) => void) | null;
  /** The least security of a connection; what brings one there. */
  _level: number;
  _secure?: (host: Host, link: Link) => void;
  /** A connection of ours has been made, or has failed. */
  _initiated?: (status: number, link?: Link) => void;
  /** L2CAP channels. */
  _att?: (host: Host, link: Link, bytes: Uint8Array, at: number, length: number) => void;
  _smp?: (host: Host, link: Link, bytes: Uint8Array, at: number, length: number) => void;
  /** The peer has refused the parameters that we have asked for; or asks us, the central, for some: whether it gets them. */
  _unchanged: (host: Host, link: Link) => void;
  _asks?: (link: Link, values: number[]) => boolean;
  /** What is served, and what a handler returns that answers later. */
  _database: Database;
  /** The characteristic that the application has named last, and its handle in that table; 0: none. */
  _named?: any;
  _namedHandle?: number;
  _deferral: {};
  /** The whole length of the value that has been read last; the handle that the request under way is about, and the offset in its value. */
  _valueLength: number;
  _culprit: number;
  _valueOffset: number;
  /** Look at an ATT PDU first; true: it has been taken care of. */
  _askers: ((link: Link, bytes: Uint8Array, at: number, length: number) => boolean)[];
  /** A link has changed its configuration of a characteristic; has confirmed an indication. */
  _configured?: (link: Link, handle: number, value: number) => void;
  _confirmed?: (host: Host, link: Link) => void;
  /** The handle of Service Changed; what else the Generic Attribute service has. */
  _changedHandle: number;
  _ownChars: Characteristic[];
  /** There is a new table; a link has to do with a change; whether it does not know of it yet; an indication has come to its end. */
  _rehash?: () => void;
  _changes: ((host: Host, link: Link) => void)[];
  _unaware?: (link: Link) => boolean;
  _indicated?: (link: Link, handle: number, confirmed: boolean) => void;
  /** A connection is being sought; a test has the radio, and nothing else goes on the air; there was no room for a value that the application has wanted to send; a confirmation that is due. */
  _seeking?: boolean;
  _testing?: boolean;
  _refused?: boolean;
  _confirm?: (link: Link) => void;
  /** Security: the passkey; bonds, where there is a store; whether Secure Connections are offered; our random value that went out of band. */
  _code: number;
  _bonds?: Bond[] | null;
  /** A bond has changed since they were saved. */
  _unsaved?: boolean;
  _quick?: boolean;
  _oobRandom?: Uint8Array | null;
  /** A pairing has failed; its key is settled; keys of the peer come; the peer asks us to pair; how long it has to wait before it may, in milliseconds. */
  _failed?: (link: Link, pairing: Pairing, reason: number) => void;
  _settled?: (link: Link, pairing: Pairing) => void;
  _distributed?: (link: Link, bytes: Uint8Array, at: number) => void;
  _requested?: (link: Link) => void;
  _blocked?: (link: Link) => number;
  /** Whether what a pairing gives can be kept. */
  _keeps?: (pairing: Pairing) => boolean;
  /** A write that is signed. */
  _signed?: (link: Link, bytes: Uint8Array, at: number, length: number, store: (pdu: Uint8Array) => void) => boolean;
  /** The Database Hash; gives a link back its configurations, whether or not the services are the same. */
  _hash?: Uint8Array | null;
  _restore?: (link: Link, configured: number[], same: boolean) => void;
  /** Why it cannot be opened at all. */
  _broken?: Error;
  /** What hides secrets in the trace. */
  _masker?: Host["_mask"];
  /** What else has to be drawn while the chip comes up: takes 8 random bytes, returns 1 where it needs no more, -1 where the source repeats itself. */
  _draws?: ((bytes: Uint8Array, at: number) => number) | null;
  /** Blocks to be encrypted; software that does it; whether it has to, because the chip does not. */
  _jobs: Job[];
  /** The last block of random bytes. */
  _last?: string;
  /** The key pair for the next pairing, and who waits for it; the multiplication under way; random bytes are being drawn for it. */
  _keypair?: KeyPair | null;
  _whenPaired?: (() => void) | null;
  _work?: Work | null;
  /** What multiplies on P-256, where that is not the doubles. */
  _p256?: Arithmetic;
  _drawing?: boolean;
  _software?: (key: Uint8Array, block: Uint8Array) => void;
  _slowly?: boolean;
  /** The chip's LE states, where it tells. */
  _states?: Uint8Array | null;
}

/** Milliseconds after which what has failed is tried again though nothing has changed. */
export const RETRY = [1000, 5000, 30000];

const enum Size {
  /** Indicator, header and parameters. */
  LongestCommand = 4 + 255,
}

/** Tells the application of a failure that nobody waits for. */
export function report(host: Host, error: Error): void {
  const handler = host._options.onerror;
  try {
    if (handler && !host._leaving) handler(error);
  } catch (e) {
    host._counters[Counter.Exceptions]++;
  }
}

/** Calls the application; what it throws is counted and reported, and `failed` returned. */
export function call(host: Host, callback: ((...values: any[]) => any) | null | undefined, value?: any, second?: any, third?: any, failed?: any): any {
  try {
    if (callback && !host._leaving) return third === undefined ? callback(value, second) : callback(value, second, third);
  } catch (e) {
    host._counters[Counter.Exceptions]++;
    if (host._phase) report(host, e as Error);
  }
  return failed;
}

/** Throws "closed" where the instance has been closed; `method` is what the application has called. */
export function use(host: Host, method: string): void {
  if (!host._phase || host._leaving) throw failure("closed", method, 0, "the instance is closed");
}

/** Whether the chip claims the command of this bit of Supported Commands. */
export function supports(host: Host, bit: number): boolean {
  return (host._supported[bit >> 3] & (1 << (bit & 7))) != 0;
}

/** Something is suspicious: the supervisor asks the chip whether it is there. */
export function doubt(host: Host, why: string): void {
  if (host._phase == Phase.Ready && (!host._doubt || why == "sync")) {
    host._doubt = why;
    host._due = true;
  }
}

/** Roles that were refused, or wanted nothing, may be asked again. */
export function release(host: Host): void {
  host._idle = false;
  for (let i = 0; i < host._roles.length; i++) host._roles[i]._held = false;
}

/** What a role wants has changed, or the chip: it is asked again, and so are the others. */
export function declared(host: Host, role?: Role): void {
  release(host);
  for (let i = 0; i < host._roles.length; i++) if (!role || role == host._roles[i]) host._roles[i]._told = false;
  host._refusals = 0;
  run(host);
}

/** Does what there is to do: looks at what has come in, then sends what is wanted. From within itself: soon. */
export function run(host: Host): void {
  host._again = true;
  if (host._running) return;
  host._running = true;
  try {
    while (host._again) {
      host._again = false;
      while ((host._ring._used || host._doubtful) && receivePacket(host));
      if (host._settle) host._settle();
      while (!host._pending && host._credits > 0 && (host._due || !host._idle)) {
        const limit = build(host);
        if (!limit) break;
        // Nothing goes out where the UART has failed while the command was made.
        if (host._baud) host._issue(host, limit);
      }
      if (host._pump && host._phase == Phase.Ready && !host._doubtful && host._doubt != "sync") host._pump(host);
    }
  } catch (e) {
    // The application's callbacks are guarded, each by itself: this is the board. Without memory even that is not to be told.
    host._running = false;
    host._fault(host, String(e));
  }
  host._running = false;
}

/** Builds the next command that somebody wants, the supervisor first; returns how long its answer may take, or 0 where nobody wants one. */
function build(host: Host): number {
  host._asked = null;
  if (host._due) {
    host._due = false;
    return host._build(host);
  }
  if (host._phase != Phase.Ready || host._doubt || host._doubtful) return 0;
  // A role that is asked may want something of one that has been asked before.
  host._idle = true;
  for (let i = 0; i < host._roles.length; i++) {
    host._asked = host._roles[i];
    // Of an instance that is being closed only the links go on.
    if (!host._asked._held && (!host._leaving || host._asked == host._linker) && host._asked._next()) {
      host._idle = false;
      return host._limits[Limit.CommandLimit];
    }
  }
  return 0;
}

function answered(host: Host, status: number, bytes: Uint8Array, at: number, length: number): void {
  const role = host._asked;
  if (!role) return host._take(host, status, bytes, at, length);
  // The answer to a command may get lost once; a second time is no accident.
  const opcode = host._opcode;
  host._idle = false;
  // An answer does not show that the chip still does what it was asked to before.
  if (status >= 0) host._seen!++;
  const lost = status == Status.NoAnswer && role._unanswered != opcode;
  if (lost) role._unanswered = opcode;
  else if (role._unanswered == opcode) role._unanswered = 0;
  if (role._answer(status, bytes, at, length)) release(host);
  else if (!lost) {
    const told = role._told;
    role._held = role._told = true;
    setTimer(host, Slot.Retry, RETRY[host._refusals], release);
    if (host._refusals < 2) host._refusals++;
    // Last, because the application may change everything in its callback.
    if (!told) report(host, failure(status < 0 ? "no-answer" : "refused", role._name, status));
  }
  if (status == Status.NoAnswer) doubt(host, "no-answer");
}

function event(host: Host, code: number, bytes: Uint8Array, at: number, length: number): void {
  let table = host._events;
  if (code == Event.CommandComplete || code == Event.CommandStatus) return takeAnswer(host, code, bytes, at, length);
  if (host._doubt == "sync" || (host._phase != Phase.Ready && code != Event.HardwareError)) {
    // Out of step, the bytes of somebody's advert may have passed for an event: until the chip has answered, none is believed. And what it says
    // of before a Reset is over with it.
    host._counters[Counter.Unknown]++;
    return;
  }
  if (code == Event.LeMeta) {
    table = host._leEvents;
    // Without a subevent code it is too short for any.
    code = bytes[at++];
    length--;
  }
  const row = table[code];
  if (length < (row ? row._least : 0)) host._counters[Counter.Malformed]++;
  else if (!row) host._counters[Counter.Unknown]++;
  else row._handler(host, bytes, at, length);
}

/** What a supervisor does for an instance. */
export type Supervision = Pick<Host, "_build" | "_take" | "_fail" | "_ready" | "_fault">;

/** Makes an instance's record; `longest` is the longest H4 packet that it may receive. */
export function createHost(hal: Hal, options: Options, limits: Int32Array, longest: number, session: Session, supervision: Supervision): Host {
  // A packet has to find room in the ring. What belongs to a part is made by it.
  const receive: Gauge = { size: limits[Limit.Receive] < longest ? longest : limits[Limit.Receive], most: 0 };
  const packet = longest < Size.LongestCommand ? Size.LongestCommand : longest;
  const host: Partial<Host> = {
    _hal: hal,
    _options: options,
    _limits: limits,
    _session: session,
    _timers: [],
    _wake: run,
    _ring: createRing(receive.size, longest, receive),
    _packet: new Uint8Array(packet),
    _gauges: { reserved: receive.size + longest + packet, receive: receive },
    _longest: longest,
    _counters: new Uint32Array(Counter.Count),
    _event: event,
    _resynced: function (host) {
      doubt(host, "sync");
    },
    _fault: supervision._fault,
    _answered: answered,
    _issue: issue,
    _build: supervision._build,
    _take: supervision._take,
    _fail: supervision._fail,
    _ready: supervision._ready,
    _roles: [],
    _made: [],
    _events: {},
    _leEvents: {},
    _supported: new Uint8Array(64),
    _address: new Uint8Array(6),
    _addresstype: -1,
    _phase: Phase.Closed,
    _state: 0,
    _baud: 0,
    _doubtful: 0,
    _current: 0,
    _least: 0,
    _strikes: 0,
    _end: 0,
    _opcode: 0,
    _pending: false,
    _credits: 1,
    _refusals: 0,
    _version: 0,
    _revision: 0,
    _name: "",
  };
  return host as Host;
}
