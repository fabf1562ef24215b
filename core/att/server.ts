import { get16, toBytes } from "../bytes/bytes.js";
import { shortUuid } from "../bytes/uuid.js";
import { Deadline, setDeadline, type Link } from "../connection.js";
import { Counter } from "../counters.js";
import { failure } from "../errors.js";
import { Property, Type } from "../gatt/codes.js";
import { Flag, Word, wordOf, type Database } from "../gatt/database.js";
import { Box, openBox, post } from "../hci/acl.js";
import { call, report, run, type Host } from "../host.js";
import { Cid } from "../l2cap/codes.js";
import { gauge } from "../memory.js";
import { Limit } from "../options.js";
import { Att, AttError, AttSize } from "./codes.js";

const enum Milliseconds {
  /** For the application to answer what it wants to answer later; a client gives up after 30 s. */
  Answer = 25000,
  /** A long value is kept for the rest of its reading. */
  Kept = 5000,
}

const enum Outcome {
  /** Nothing yet: the application answers later. */
  Deferred = -1000,
}

/**
 * Serves one PDU, and builds the parameters of the answer in the reply box. Returns the length of the answer, 0: there is none; or an ATT error as a
 * negative number, `host._culprit` being the handle it is about; or `Outcome.Deferred`, of the value at `host._valueOffset`.
 */
type Handler = (host: Host, link: Link, bytes: Uint8Array, at: number, length: number) => number;

/** Where the reply's PDU is built. */
function replyAt(host: Host): number {
  return host._boxes[Box.Reply] + 9;
}

function put16(out: Uint8Array, at: number, value: number): void {
  out[at] = value;
  out[at + 1] = value >> 8;
}

/** Builds an Error Response; returns its length. */
function refuse(host: Host, link: Link, opcode: number, handle: number, code: number): number {
  const out = link._out;
  const at = replyAt(host);
  out[at] = Att.Error;
  out[at + 1] = opcode;
  put16(out, at + 2, handle);
  out[at + 4] = code;
  return 5;
}

/** Sends an Error Response. */
export function answerError(host: Host, link: Link, opcode: number, handle: number, code: number): void {
  if (openBox(host, link, Box.Reply) >= 0) post(host, link, Box.Reply, Cid.Att, refuse(host, link, opcode, handle, code));
}

/** Ends a request by what its handler has returned: the answer, an error, or nothing until the application answers. */
function conclude(host: Host, link: Link, opcode: number, outcome: number): void {
  if (outcome == Outcome.Deferred) {
    if (link._reply) {
      link._waiting = link._reply;
      link._reply = undefined;
      link._pending = opcode;
      link._pendingHandle = host._culprit;
      link._pendingOffset = host._valueOffset;
      return setDeadline(host, link, Deadline.Answer, Milliseconds.Answer);
    }
    // One that has asked for nothing to call cannot answer later.
    outcome = mistake(host, "bt.LATER needs a handler that takes reply", host._culprit, 0);
  }
  // The connection may have ended meanwhile.
  if (!outcome || link._handle < 0) return;
  if (outcome < 0) outcome = refuse(host, link, opcode, host._culprit, -outcome);
  else link._out[replyAt(host)] = opcode + 1;
  post(host, link, Box.Reply, Cid.Att, outcome);
}

/** Why this link may not do this with an attribute: a negative ATT error, or 0. */
function denied(host: Host, link: Link, handle: number, property: number): number {
  const database = host._database;
  const flags = wordOf(database, handle, Word.Flags);
  if (!handle || handle > database._count) return -AttError.InvalidHandle;
  if (!(flags & property)) return property == Property.Read ? -AttError.ReadNotPermitted : -AttError.WriteNotPermitted;
  // Nobody takes what is written.
  if (property != Property.Read && !(flags & Flag.Configuration) && !(flags & Flag.Dynamic && database._handlers[wordOf(database, handle, Word.Length) + 1])) return -AttError.WriteNotPermitted;
  return (flags & Flag.Level) >> Flag.LevelShift > link._security ? -AttError.InsufficientAuthentication : 0;
}

/** A mistake of the application's handler; the peer gets an error, the link lives. */
function mistake(host: Host, what: string, handle: number, value: any): number {
  let text = what;
  try {
    if (value && typeof value.then == "function") text = "a handler cannot wait for a promise: return bt.LATER and call reply";
  } catch (e) {
    text = String(e);
  }
  report(host, failure("handler", "gatt", handle, text));
  return -AttError.Unlikely;
}

/** What a handler may call to answer later. */
function replier(host: Host, link: Link): (value: any) => void {
  const reply = function (value: any): void {
    if (link._reply == reply) {
      // Before the handler has returned.
      if (!link._early) link._answer = value;
      link._early = true;
    } else if (link._waiting == reply) {
      finish(host, link, value);
    }
  };
  return reply;
}

/** Asks a read handler, or takes what it has said before it said that it would answer later. */
function ask(host: Host, link: Link, handler: any, value?: Uint8Array): any {
  // One that does not ask for it costs nothing.
  const reply = handler.length > (value ? 2 : 1) ? replier(host, link) : undefined;
  link._early = false;
  link._reply = reply;
  const result = value ? call(host, handler, link, value, reply, AttError.Unlikely) : call(host, handler, link, reply, undefined, AttError.Unlikely);
  return link._early && result === host._deferral ? link._answer : result;
}

/** Puts what a read handler has returned, from `offset` on; returns how much, or an error as a negative number. */
function putAnswer(host: Host, link: Link, handle: number, offset: number, to: number, most: number, value: any): number {
  const text = typeof value == "string";
  if (typeof value == "number" && value > 0 && value < 256 && value % 1 == 0) return -value;
  if (!text && !(value instanceof Uint8Array) && !Array.isArray(value)) return mistake(host, "a read handler has to return bytes or a byte string", handle, value);
  let length = value.length;
  if (length > AttSize.Value) {
    length = AttSize.Value;
    report(host, failure("handler", "gatt", handle, "a value of " + value.length + " bytes is cut to 512"));
  }
  if (offset > length) return -AttError.InvalidOffset;
  host._valueLength = length;
  if (most > length - offset) most = length - offset;
  else {
    // There may be more to come of it.
    link._kept = toBytes(value);
    link._keptUntil = host._hal.timer.now() + Milliseconds.Kept;
    if (!link._kept) return mistake(host, "a read handler has returned what is no byte", handle, 0);
    link._kept = link._kept.subarray(0, length);
  }
  for (let i = 0; i < most; i++) {
    const byte = text ? value.charCodeAt(offset + i) : value[offset + i];
    if (typeof byte == "number") link._out[to + i] = byte;
    if (byte !== link._out[to + i]) return mistake(host, "a read handler has returned what is no byte", handle, 0);
  }
  return most;
}

/** Puts the value of an attribute that may be read, from `offset` on, `most` bytes of it; returns how much, an error, or `Outcome.Deferred`. */
function putValue(host: Host, link: Link, handle: number, offset: number, to: number, most: number): number {
  const database = host._database;
  const flags = wordOf(database, handle, Word.Flags);
  let from = wordOf(database, handle, Word.Offset);
  let length = wordOf(database, handle, Word.Length);
  let bytes: ArrayLike<number> = database._bytes;
  if (link._keptHandle != handle) link._kept = undefined;
  link._keptHandle = handle;
  if (flags & Flag.Configuration) {
    bytes = [link._configurations[length], 0];
    from = 0;
    length = 2;
  } else if (flags & Flag.Dynamic) {
    if (!offset || !link._kept || host._hal.timer.now() > link._keptUntil!) {
      link._kept = undefined;
      const value = ask(host, link, database._handlers[length]);
      return value === host._deferral ? Outcome.Deferred : putAnswer(host, link, handle, offset, to, most, value);
    }
    bytes = link._kept;
    from = 0;
    length = link._kept.length;
    link._keptUntil = host._hal.timer.now() + Milliseconds.Kept;
  }
  if (offset > length) return -AttError.InvalidOffset;
  host._valueLength = length;
  if (most > length - offset) most = length - offset;
  from += offset;
  for (let i = 0; i < most; i++) link._out[to + i] = bytes[from + i];
  return most;
}

/** The end of a read, whose value is `count` bytes or an error: the length of the answer, or what it was. */
function finishRead(host: Host, link: Link, opcode: number, count: number): number {
  const at = replyAt(host);
  if (count < 0) return count;
  if (opcode != Att.ReadByType) return 1 + count;
  link._out[at + 1] = 2 + count;
  put16(link._out, at + 2, host._culprit);
  return 4 + count;
}

/** How much of a value a read's answer holds, and where in the answer it begins. */
function readRoom(link: Link, opcode: number): number {
  const most = link._mtu - 4;
  return opcode != Att.ReadByType ? link._mtu - 1 : most > 253 ? 253 : most;
}

function readStart(opcode: number): number {
  return opcode == Att.ReadByType ? 4 : 1;
}

const exchangeMtu: Handler = function (host, link, bytes, at) {
  const theirs = get16(bytes, at + 1);
  const ours = host._limits[Limit.Mtu];
  host._culprit = 0;
  if (theirs < AttSize.Mtu) return -AttError.InvalidPdu;
  if (link._mtu == AttSize.Mtu) link._mtu = theirs < ours ? theirs : ours;
  put16(link._out, replyAt(host) + 1, ours);
  return 3;
};

/** Checks the range of handles of a request; 0 or a negative ATT error. */
function rangeError(start: number, end: number): number {
  return !start || start > end ? -AttError.InvalidHandle : 0;
}

const findInformation: Handler = function (host, link, bytes, at) {
  const database = host._database;
  const start = get16(bytes, at + 1);
  const end = get16(bytes, at + 3);
  const out = link._out;
  const reply = replyAt(host);
  let to = reply + 2;
  let size = 0;
  for (let handle = start; handle && handle <= end && handle <= database._count; handle++) {
    const type = wordOf(database, handle, Word.Type);
    const own = type ? 4 : 18;
    // All in one answer are of one form.
    if (size && (own != size || to + own > reply + link._mtu)) break;
    size = own;
    put16(out, to, handle);
    if (type) put16(out, to + 2, type);
    else for (let i = 0, from = wordOf(database, handle, Word.Offset) - 16; i < 16; i++) out[to + 2 + i] = database._bytes[from + i];
    to += own;
  }
  if (!size) return rangeError(start, end) || -AttError.AttributeNotFound;
  out[reply + 1] = size == 4 ? 1 : 2;
  return to - reply;
};

/** Whether an attribute is of the type that `length` bytes give, or, where it has one, its short form. */
function isOfType(database: Database, handle: number, short: number, bytes: Uint8Array, at: number, length: number): boolean {
  const type = wordOf(database, handle, Word.Type);
  const from = wordOf(database, handle, Word.Offset) - 16;
  if (type || short || length < 16) return type > 0 && type == short;
  for (let i = 0; i < 16; i++) if (database._bytes[from + i] != bytes[at + i]) return false;
  return true;
}

/** Whether a fixed value is equal to `length` bytes. */
function isValue(database: Database, handle: number, bytes: Uint8Array, at: number, length: number): boolean {
  const from = wordOf(database, handle, Word.Offset);
  if (wordOf(database, handle, Word.Flags) & (Flag.Dynamic | Flag.Configuration) || wordOf(database, handle, Word.Length) != length) return false;
  for (let i = 0; i < length; i++) if (database._bytes[from + i] != bytes[at + i]) return false;
  return true;
}

/** The last handle of the service that begins at `handle`. */
function groupEnd(database: Database, handle: number): number {
  while (handle < database._count && wordOf(database, handle + 1, Word.Type) != Type.PrimaryService) handle++;
  return handle;
}

const findByTypeValue: Handler = function (host, link, bytes, at, length) {
  const database = host._database;
  const start = get16(bytes, at + 1);
  const end = get16(bytes, at + 3);
  const type = get16(bytes, at + 5);
  const reply = replyAt(host);
  let to = reply + 1;
  for (let handle = start; handle && handle <= end && handle <= database._count && to + 4 <= reply + link._mtu; handle++) {
    // Who may not read a value may not guess it either.
    if (type && wordOf(database, handle, Word.Type) == type && !denied(host, link, handle, Property.Read) && isValue(database, handle, bytes, at + 7, length - 7)) {
      put16(link._out, to, handle);
      put16(link._out, to + 2, type == Type.PrimaryService ? groupEnd(database, handle) : handle);
      to += 4;
    }
  }
  return to == reply + 1 ? rangeError(start, end) || -AttError.AttributeNotFound : to - reply;
};

/** Read By Type and Read By Group Type: values of one length, each behind its handle, and the end of its group. */
const readByType: Handler = function (host, link, bytes, at, length) {
  const database = host._database;
  const opcode = bytes[at];
  const start = get16(bytes, at + 1);
  const end = get16(bytes, at + 3);
  const short = shortUuid(bytes, at + 5, length - 5);
  const grouped = opcode == Att.ReadByGroupType;
  const head = grouped ? 4 : 2;
  const reply = replyAt(host);
  const out = link._out;
  let error = rangeError(start, end);
  let to = reply + 2;
  let size = 0;
  if (length != 7 && length != 21) {
    host._culprit = 0;
    return -AttError.InvalidPdu;
  }
  if (!error && grouped && short != Type.PrimaryService && short != Type.SecondaryService) error = -AttError.UnsupportedGroupType;
  if (error) return error;
  for (let handle = start; handle <= end && handle <= database._count; handle++) {
    if (!isOfType(database, handle, short, bytes, at + 5, length - 5)) continue;
    const dynamic = wordOf(database, handle, Word.Flags) & (Flag.Dynamic | Flag.Configuration);
    const room = reply + link._mtu - to - head;
    const first = to == reply + 2;
    error = denied(host, link, handle, Property.Read);
    if (!first) {
      // What has to be asked for stands alone; so does what is of another length.
      if (error || dynamic || size > room || wordOf(database, handle, Word.Length) != size) break;
    } else {
      host._culprit = handle;
      if (error) return error;
      if (dynamic) return finishRead(host, link, opcode, putValue(host, link, handle, 0, reply + 4, readRoom(link, opcode)));
    }
    const count = putValue(host, link, handle, 0, to + head, room > 255 - head ? 255 - head : room);
    size = wordOf(database, handle, Word.Length);
    put16(out, to, handle);
    if (grouped) put16(out, to + 2, groupEnd(database, handle));
    to += head + count;
    out[reply + 1] = head + count;
    // Cut to what there is room for.
    if (count < size) break;
  }
  return to == reply + 2 ? -AttError.AttributeNotFound : to - reply;
};

/** Read and Read Blob. */
const read: Handler = function (host, link, bytes, at) {
  const handle = host._culprit;
  if (bytes[at] == Att.ReadBlob) host._valueOffset = get16(bytes, at + 3);
  return finishRead(host, link, Att.Read, denied(host, link, handle, Property.Read) || putValue(host, link, handle, host._valueOffset, replyAt(host) + 1, link._mtu - 1));
};

/** Read Multiple and Read Multiple Variable. */
const readMultiple: Handler = function (host, link, bytes, at, length) {
  const reply = replyAt(host);
  const end = reply + link._mtu;
  const head = bytes[at] == Att.ReadMultiple ? 0 : 2;
  let to = reply + 1;
  if (length % 2 == 0) {
    host._culprit = 0;
    return -AttError.InvalidPdu;
  }
  for (let i = 1; i < length; i += 2) {
    const handle = get16(bytes, at + i);
    const full = to + head > end;
    const count = denied(host, link, handle, Property.Read) || putValue(host, link, handle, 0, full ? end : to + head, full ? 0 : end - to - head);
    host._culprit = handle;
    // One answer cannot wait for several.
    if (count < 0) return count == Outcome.Deferred ? -AttError.Unlikely : count;
    if (to == end) continue;
    if (head) {
      link._out[to] = host._valueLength;
      if (to + 1 < end) link._out[to + 1] = host._valueLength >> 8;
    }
    to = to + head > end ? end : to + head + count;
  }
  return to - reply;
};

/** What an application's write handler has returned, as a negative ATT error or 0. */
function codeOf(host: Host, handle: number, result: any): number {
  if (result == null || result === 0) return 0;
  try {
    if (typeof result.then == "function") return mistake(host, "", handle, result);
  } catch (e) {
    return mistake(host, String(e), handle, 0);
  }
  return typeof result == "number" && result > 0 && result < 256 && result % 1 == 0 ? -result : -AttError.Application;
}

/** Whether a configuration may be set so; 0 or a negative ATT error. */
function configurationError(database: Database, handle: number, value: Uint8Array): number {
  const allowed = (wordOf(database, handle - 1, Word.Flags) >> 4) & 3;
  if (value.length != 2) return -AttError.InvalidValueLength;
  return value[1] || value[0] & ~allowed ? -AttError.ImproperlyConfigured : 0;
}

/** Sets a link's configuration of the characteristic whose value stands before it, and tells the application of a change. */
export function configure(host: Host, link: Link, handle: number, value: number): void {
  const database = host._database;
  const index = wordOf(database, handle, Word.Length);
  const old = link._configurations[index];
  const handlers = wordOf(database, handle - 1, Word.Flags) & Flag.Dynamic ? wordOf(database, handle - 1, Word.Length) : -1;
  link._configurations[index] = value;
  if (old == value) return;
  if (host._configured) host._configured(link, handle, value);
  if (handlers >= 0) call(host, database._handlers[handlers + 2], link, value);
}

/** Writes a value that may be written; returns a negative ATT error, 0, or `Outcome.Deferred`. */
function store(host: Host, link: Link, handle: number, value: Uint8Array): number {
  const database = host._database;
  const flags = wordOf(database, handle, Word.Flags);
  if (flags & Flag.Configuration) {
    const code = configurationError(database, handle, value);
    if (!code) configure(host, link, handle, value[0]);
    return code;
  }
  if (link._keptHandle == handle) link._kept = null;
  const result = ask(host, link, database._handlers[wordOf(database, handle, Word.Length) + 1], value);
  return result === host._deferral ? Outcome.Deferred : codeOf(host, handle, result);
}

const write: Handler = function (host, link, bytes, at, length) {
  const handle = host._culprit;
  const error = denied(host, link, handle, Property.Write) || (length - 3 > AttSize.Value ? -AttError.InvalidValueLength : 0);
  return error || store(host, link, handle, new Uint8Array(bytes.subarray(at + 3, at + length))) || 1;
};

const writeCommand: Handler = function (host, link, bytes, at, length) {
  const handle = host._culprit;
  if (length - 3 > AttSize.Value || denied(host, link, handle, Property.WriteCommand)) host._counters[Counter.Ignored]++;
  else {
    store(host, link, handle, new Uint8Array(bytes.subarray(at + 3, at + length)));
    // Whoever answers it later answers nobody.
    link._reply = undefined;
  }
  return 0;
};

const signedWrite: Handler = function (host, link, bytes, at, length) {
  const handle = host._culprit;
  const wanted =
    !denied(host, link, handle, Property.SignedWrite) &&
    host._signed &&
    host._signed(link, bytes, at, length, function (pdu) {
      if (!denied(host, link, handle, Property.SignedWrite)) store(host, link, handle, new Uint8Array(pdu.subarray(3)));
    });
  // Without a key of the peer nobody can tell who it is from.
  if (!wanted) host._counters[Counter.Ignored]++;
  return 0;
};

const prepareWrite: Handler = function (host, link, bytes, at, length) {
  const queue = link._buffers._prepared;
  const used = link._prepared! > 0 ? link._prepared! : 0;
  const reply = replyAt(host);
  // A part: handle, offset, length, bytes.
  const error = denied(host, link, host._culprit, Property.Write) || (used + 1 + length > queue.length ? -AttError.PrepareQueueFull : 0);
  if (error) return error;
  for (let i = 1; i < 5; i++) queue[used + i - 1] = bytes[at + i];
  put16(queue, used + 4, length - 5);
  for (let i = 5; i < length; i++) queue[used + i + 1] = bytes[at + i];
  link._prepared = used + 1 + length;
  gauge(host, "prepare", link._prepared);
  for (let i = 1; i < length; i++) link._out[reply + i] = bytes[at + i];
  return length;
};

/**
 * Puts the parts of one attribute together, those from `at` on in the queue of prepared writes.
 * @returns the value, or a negative ATT error
 */
function assemble(queue: Uint8Array, used: number, at: number): Uint8Array | number {
  const handle = get16(queue, at);
  const value = new Uint8Array(AttSize.Value);
  let length = 0;
  for (; at < used; at += 6 + get16(queue, at + 4)) {
    const offset = get16(queue, at + 2);
    const end = offset + get16(queue, at + 4);
    if (get16(queue, at) != handle) continue;
    if (offset > length) return -AttError.InvalidOffset;
    if (end > AttSize.Value) return -AttError.InvalidValueLength;
    value.set(queue.subarray(at + 6, at + 6 + end - offset), offset);
    if (end > length) length = end;
  }
  return new Uint8Array(value.subarray(0, length));
}

/** Whether an attribute has no earlier part in the queue than the one at `at`. */
function isFirstPart(queue: Uint8Array, at: number): boolean {
  for (let i = 0; i < at; i += 6 + get16(queue, i + 4)) if (get16(queue, i) == get16(queue, at)) return false;
  return true;
}

const enum Pass {
  /** Every part is looked at; then the application's handlers are called; then the stack's own values are set. */
  Check,
  Handlers,
  Own,
  Done,
}

/** Goes on with an Execute Write, from the attribute whose first part is at `link._executed`. */
function execute(host: Host, link: Link): number {
  const used = link._preparing!;
  const queue = link._buffers._prepared;
  const database = host._database;
  for (; link._pass! < Pass.Done; link._pass!++) {
    while (link._executed! < used) {
      const at = link._executed!;
      const handle = get16(queue, at);
      const own = (wordOf(database, handle, Word.Flags) & Flag.Configuration) > 0;
      link._executed = at + 6 + get16(queue, at + 4);
      if (!isFirstPart(queue, at) || (link._pass && own != (link._pass == Pass.Own))) continue;
      const value = assemble(queue, used, at);
      // Where the application has replaced the table meanwhile what is left has no place any more.
      let code = link._preparedFor != host._database ? -AttError.Unlikely : denied(host, link, handle, Property.Write);
      if (!code) {
        if (typeof value == "number") code = value;
        else if (link._pass) code = store(host, link, handle, value);
        else if (own) code = configurationError(database, handle, value);
      }
      if (code) {
        host._culprit = handle;
        if (code != Outcome.Deferred) link._prepared = 0;
        return code;
      }
    }
    link._executed = 0;
  }
  link._prepared = 0;
  return 1;
}

const executeWrite: Handler = function (host, link, bytes, at) {
  host._culprit = 0;
  if (bytes[at + 1] > 1) return -AttError.InvalidPdu;
  if (link._prepared! < 0 && bytes[at + 1]) {
    // Taken away with the table that they were for.
    link._prepared = 0;
    return -AttError.Unlikely;
  }
  link._prepared = (bytes[at + 1] && link._prepared) || 0;
  link._preparing = link._prepared;
  link._preparedFor = host._database;
  link._executed = 0;
  link._pass = Pass.Check;
  return execute(host, link);
};

const confirm: Handler = function (host, link) {
  host._confirmed!(host, link);
  return 0;
};

/** What is served: opcode, least and greatest length of the PDU (0: the MTU), handler. The most frequent first. */
const ROWS: any[] = [
  Att.Read, 3, 3, read,
  Att.Write, 3, 0, write,
  Att.WriteCommand, 3, 0, writeCommand,
  Att.ReadBlob, 5, 5, read,
  Att.Confirmation, 1, 1, confirm,
  Att.ReadByType, 7, 21, readByType,
  Att.ReadByGroupType, 7, 21, readByType,
  Att.FindInformation, 5, 5, findInformation,
  Att.FindByTypeValue, 7, 0, findByTypeValue,
  Att.MtuRequest, 3, 3, exchangeMtu,
  Att.PrepareWrite, 5, 0, prepareWrite,
  Att.ExecuteWrite, 2, 2, executeWrite,
  Att.ReadMultiple, 5, 0, readMultiple,
  Att.ReadMultipleVariable, 5, 0, readMultiple,
  Att.SignedWrite, 15, 0, signedWrite,
];

/** The application's late answer to the request that waits for it. */
function finish(host: Host, link: Link, value: any): void {
  const opcode = link._pending!;
  // It may be called from within the handler of another request.
  const culprit = host._culprit;
  const offset = host._valueOffset;
  let outcome = -AttError.InsufficientAuthentication;
  link._waiting = undefined;
  link._deadlines[Deadline.Answer] = 0;
  if (link._handle < 0 || host._leaving) return;
  host._culprit = link._pendingHandle!;
  host._valueOffset = link._pendingOffset!;
  try {
    // Unless the level has been raised meanwhile.
    if (link._served || link._reason) outcome = answerLate(host, link, opcode, value);
  } catch (e) {
    outcome = mistake(host, String(e), host._culprit, 0);
  }
  conclude(host, link, opcode, outcome);
  host._culprit = culprit;
  host._valueOffset = offset;
  run(host);
}

function answerLate(host: Host, link: Link, opcode: number, value: any): number {
  if (opcode == Att.Write || opcode == Att.ExecuteWrite) {
    const code = codeOf(host, host._culprit, value);
    if (code) link._prepared = 0;
    return code || (opcode == Att.Write ? 1 : execute(host, link));
  }
  return finishRead(host, link, opcode, putAnswer(host, link, host._culprit, host._valueOffset, replyAt(host) + readStart(opcode), readRoom(link, opcode), value));
}

/** Serves a PDU of the Attribute Protocol: a request gets exactly one answer, a command none. */
export function receiveAtt(host: Host, link: Link, bytes: Uint8Array, at: number, length: number): void {
  const opcode = bytes[at];
  const silent = (opcode & Att.Command) != 0 || opcode == Att.Confirmation;
  let row = 0;
  let outcome = 0;
  if (!length) {
    host._counters[Counter.Malformed]++;
    return;
  }
  for (let i = 0; i < host._askers.length; i++) if (host._askers[i](link, bytes, at, length)) return;
  // Whoever has not reached the level gets nothing but the MTU; what he confirms was sent before.
  if (!link._served && opcode != Att.MtuRequest && opcode != Att.Confirmation) {
    host._counters[Counter.Ignored]++;
    if (!silent && !(opcode & 1)) answerError(host, link, opcode, 0, AttError.InsufficientAuthentication);
    return;
  }
  while (row < ROWS.length && ROWS[row] != opcode) row += 4;
  // Without room for an answer the peer has not waited for the last one; of what is not served only a request gets one.
  const ignored = silent || (opcode & 1 && opcode <= Att.MultipleNotification);
  if (!silent && (openBox(host, link, Box.Reply) < 0 || link._waiting)) row = -1;
  host._culprit = 0;
  host._valueOffset = 0;
  if (row < 0 || (row == ROWS.length && ignored)) host._counters[Counter.Ignored]++;
  else if (row == ROWS.length) outcome = -AttError.RequestNotSupported;
  else if (length < ROWS[row + 1] || length > (ROWS[row + 2] || link._mtu)) {
    host._counters[Counter.Malformed]++;
    if (!silent) outcome = -AttError.InvalidPdu;
  } else {
    host._culprit = get16(bytes, at + 1);
    try {
      outcome = ROWS[row + 3](host, link, bytes, at, length);
    } catch (e) {
      // What an application returns may throw when it is looked at.
      outcome = mistake(host, String(e), host._culprit, 0);
    }
  }
  if (!silent) conclude(host, link, opcode, outcome);
}

/** Adds the ATT server to the links of a host. */
export function addAttServer(host: Host): void {
  host._att = receiveAtt;
  host._askers = [];
  host._deferral = {};
  host._beginners.push(function (_host, link) {
    link._configurations = new Uint8Array(host._database._configurations);
  });
  host._enders.push(function (_host, link) {
    link._waiting = link._reply = undefined;
  });
  host._expired[Deadline.Answer] = function (_host, link) {
    finish(host, link, AttError.Unlikely);
  };
}
