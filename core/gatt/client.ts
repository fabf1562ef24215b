import { get16, toBytes, type Bytes } from "../bytes/bytes.js";
import { hex } from "../bytes/hex.js";
import { parseUuid, shortUuid } from "../bytes/uuid.js";
import { Att, AttError, AttSize } from "../att/codes.js";
import { Deadline, isLive, later, leave, setDeadline, type Connection, type Link } from "../connection.js";
import { Counter } from "../counters.js";
import { callable, failure, integer, reject, type BlimpError } from "../errors.js";
import { Box, enqueue, hasRoom, layBoxes, openBox, post } from "../hci/acl.js";
import { Status } from "../hci/codes.js";
import { call, declared, run, type Host } from "../host.js";
import { Cid } from "../l2cap/codes.js";
import { Limit, withLimits } from "../options.js";
import { Property, Type } from "./codes.js";

/** A descriptor that a peer has. */
export interface RemoteDescriptor {
  /** 4 or 32 lower-case hex digits, most significant first. */
  uuid: string;
  handle: number;
}

/** A characteristic that a peer has. */
export interface RemoteCharacteristic {
  uuid: string;
  /** The handle of its value. */
  handle: number;
  /** Its properties: 0x02 read, 0x04 write without response, 0x08 write, 0x10 notify, 0x20 indicate. */
  flags: number;
  descriptors: RemoteDescriptor[];
}

/** A service that a peer has. */
export interface RemoteService {
  uuid: string;
  /** Its first handle and its last. */
  handle: number;
  end: number;
  /** False for one that is only there to be included. */
  primary: boolean;
  /** First handles of services that it includes. */
  includes: number[];
  chars: RemoteCharacteristic[];
}

/** What a peer serves, to be kept and given back to `discover`. It can be written as JSON. */
export interface RemoteTable {
  /** The Database Hash as hex digits; "" where the peer has none. */
  hash: string;
  services: RemoteService[];
}

/**
 * What a connection can ask of its peer. Operations are done one after another; each callback is called once, with a BlimpError or null first:
 * "att" (its `detail` is the ATT error code), "timeout", "disconnected", "malformed". A characteristic is given by its UUID, once the services
 * have been discovered, or by the handle of its value.
 */
export interface Asking {
  /**
   * Finds all that the peer serves.
   * @param kept what an earlier discovery has given: where the peer's Database Hash is still the same it costs one request
   * @throws BlimpError "argument"
   */
  discover(callback: (error: Error | null, services?: RemoteService[], table?: RemoteTable) => void, kept?: RemoteTable | null): void;
  /**
   * Reads a value, a long one whole.
   * @throws BlimpError "argument"
   */
  read(characteristic: number | Bytes, callback: (error: Error | null, value?: Uint8Array) => void): void;
  /**
   * Writes a value; a long one in parts that the peer repeats, and that are compared.
   * @param value 0 to 512 bytes
   * @throws BlimpError "argument"
   */
  write(characteristic: number | Bytes, value: Bytes, callback?: (error: Error | null) => void): void;
  /**
   * Writes without a response.
   * @param value 0 to MTU - 3 bytes
   * @returns false where there is no room: nothing is sent, and `bt.onroom` tells when it is worth another try
   * @throws BlimpError "argument"; "disconnected"
   */
  send(characteristic: number | Bytes, value: Bytes): boolean;
  /**
   * Subscribes to a value, or ends that.
   * @param callback gets each value; null: no more
   * @param done called when the peer has agreed
   * @throws BlimpError "argument"
   */
  subscribe(characteristic: number | Bytes, callback: ((value: Uint8Array) => void) | null, done?: (error: Error | null) => void): void;
}

/** A step of what a connection asks. */
interface Operation {
  /** Sends the first request. */
  readonly _begin: () => void;
  /** Takes the answer to the last request; an error's code, or 0 and the answer. */
  readonly _take: (error: number, bytes: Uint8Array, at: number, length: number) => void;
  readonly _callback?: ((error: Error | null, value?: any, extra?: any) => void) | null;
}

const enum Milliseconds {
  /** A transaction, Vol 3 Part F section 3.3.3. */
  Transaction = 30000,
}

/** Whether all is there that is needed of a table that comes from anywhere. */
function isTable(kept: any): boolean {
  let good = typeof kept.hash == "string" && Array.isArray(kept.services);
  for (let i = 0; good && i < kept.services.length; i++) {
    const service = kept.services[i];
    good = !!service && Array.isArray(service.chars);
    for (let j = 0; good && j < service.chars.length; j++) {
      const one = service.chars[j];
      good = !!one && typeof one.handle == "number" && typeof one.flags == "number" && Array.isArray(one.descriptors);
      for (let k = 0; good && k < one.descriptors.length; k++) good = !!one.descriptors[k] && typeof one.descriptors[k].handle == "number";
    }
  }
  return good;
}

/** Adds the GATT client to the connections of a host. */
export function addClient(host: Host): void {
  const limits = host._limits;

  /** The operation has ended; the next one begins. */
  function complete(link: Link, error: BlimpError | null, value?: any, extra?: any): void {
    const operation = link._operations.shift();
    call(host, operation._callback, error, value, extra);
    begin(link);
  }

  function begin(link: Link): void {
    if (isLive(link) && link._operations.length && !link._expects) link._operations[0]._begin();
  }

  function fail(link: Link, code: string, detail: any): void {
    complete(link, failure(code, "gatt", detail));
  }

  /** The peer has answered with an error; or, a negative opcode, with what is no answer. */
  function refused(link: Link, error: number): void {
    fail(link, error < 0 ? "malformed" : "att", error < 0 ? -error : error);
  }

  /** Ends all that a link has to do. */
  function failAll(link: Link, code: string): void {
    const operations = link._operations;
    link._operations = [];
    link._expects = 0;
    for (let i = 0; i < operations.length; i++) later(host, operations[i]._callback, failure(code, "gatt", 0));
  }

  function perform(link: Link, method: string, callback: any, start: (link: Link) => void, take: Operation["_take"]): void {
    if (callback) callable(method, method == "subscribe" ? "done" : "callback", callback);
    if (!isLive(link)) return later(host, callback, failure("disconnected", "gatt", 0));
    link._operations.push({
      _begin: function () {
        start(link);
      },
      _take: take,
      _callback: callback,
    });
    begin(link);
    run(host);
  }

  /** Sends a request: opcode, numbers of 16 bits, bytes. */
  function ask(link: Link, opcode: Att, numbers: number[], bytes?: Uint8Array): void {
    let at = openBox(host, link, Box.Request);
    const start = at;
    const out = link._out;
    out[at++] = opcode;
    for (let i = 0; i < numbers.length; i++) {
      out[at++] = numbers[i];
      out[at++] = numbers[i] >> 8;
    }
    for (let i = 0; bytes && i < bytes.length; i++) out[at++] = bytes[i];
    post(host, link, Box.Request, Cid.Att, at - start);
    link._expects = opcode + 1;
    setDeadline(host, link, Deadline.Request, Milliseconds.Transaction);
  }

  function confirm(link: Link): void {
    const at = hasRoom(host, link, 1) ? enqueue(host, link, Cid.Att, 1) : openBox(host, link, Box.Control);
    link._owes = at < 0;
    if (at < 0) {
      host._crowded = true;
      return;
    }
    link._out[at] = Att.Confirmation;
    if (at == host._boxes[Box.Control] + 9) post(host, link, Box.Control, Cid.Att, 1);
  }

  function heard(link: Link, handle: number, bytes: Uint8Array, at: number, length: number): void {
    const callback = link._subscriptions[handle];
    if (callback) call(host, callback, new Uint8Array(bytes.subarray(at, at + length)));
    else host._counters[Counter.Ignored]++;
    // The services have changed: what is known of them is no more true.
    if (handle && handle == link._changing) link._table = null;
  }

  host._askers.push(function (link, bytes, at, length) {
    const opcode = bytes[at];
    const operation = link._operations[0];
    const error = opcode == Att.Error;
    let place = at + 1;
    if (!(opcode & 1) || opcode > Att.MultipleNotification) return false;
    if (opcode == Att.Notification || opcode == Att.Indication) {
      if (length < 3) host._counters[Counter.Malformed]++;
      else heard(link, get16(bytes, at + 1), bytes, at + 3, length - 3);
      if (opcode == Att.Indication && isLive(link)) confirm(link);
    } else if (opcode == Att.MultipleNotification) {
      for (; place + 4 <= at + length && isLive(link); place += 4 + get16(bytes, place + 2)) {
        if (place + 4 + get16(bytes, place + 2) <= at + length) heard(link, get16(bytes, place), bytes, place + 4, get16(bytes, place + 2));
      }
      // What comes before the request has left answers something else.
    } else if (!operation || !link._expects || link._lengths[Box.Request]) host._counters[Counter.Ignored]++;
    else {
      const expects = link._expects;
      link._expects = 0;
      link._deadlines[Deadline.Request] = 0;
      if (error ? length != 5 || bytes[at + 1] != expects - 1 || !bytes[at + 4] : opcode != expects) {
        host._counters[Counter.Malformed]++;
        operation._take(-opcode, bytes, at, length);
      } else operation._take(error ? bytes[at + 4] : 0, bytes, at, length);
    }
    return true;
  });

  /** The handle of a characteristic's value. */
  function find(link: Link, method: string, characteristic: any): RemoteCharacteristic {
    const number = typeof characteristic == "number";
    const uuid = parseUuid(characteristic);
    const name = uuid ? textOf(uuid, 0, uuid.length) : "";
    const services = (link._table && link._table.services) || [];
    for (let i = 0; i < services.length; i++) {
      for (let j = 0; j < services[i].chars.length; j++) {
        const one = services[i].chars[j];
        if (one.uuid == name || one.handle === characteristic) return one;
      }
    }
    if (number) return { uuid: "", handle: integer(method, "characteristic", characteristic, 1, 0xffff), flags: 0, descriptors: [] };
    return reject(method, "characteristic", characteristic, "a UUID that has been discovered, or a handle");
  }

  function textOf(bytes: Uint8Array, at: number, length: number): string {
    const short = shortUuid(bytes, at, length);
    return short ? hex(new Uint8Array([short >> 8, short]), 0, 2) : hex(bytes, at, length, true);
  }

  const methods = host._methods as any;

  methods.read = function (this: Link, characteristic: any, callback: any): void {
    const link = this;
    const handle = find(link, "read", characteristic).handle;
    const value = new Uint8Array(AttSize.Value);
    let used = 0;
    callable("read", "callback", callback);
    perform(
      link,
      "read",
      callback,
      function () {
        ask(link, Att.Read, [handle]);
      },
      function (error, bytes, at, length) {
        // A value that ends just where an answer does may not be asked for more.
        if (error && used && (error == AttError.InvalidOffset || error == AttError.AttributeNotLong)) length = 0;
        else if (error) return refused(link, error);
        const count = length > 0 ? length - 1 : 0;
        if (length > link._mtu || used + count > AttSize.Value) return fail(link, "malformed", length);
        value.set(bytes.subarray(at + 1, at + 1 + count), used);
        used += count;
        if (count == link._mtu - 1 && used < AttSize.Value) ask(link, Att.ReadBlob, [handle, used]);
        else complete(link, null, new Uint8Array(value.subarray(0, used)));
      },
    );
  };

  methods.write = function (this: Link, characteristic: any, value: any, callback?: any): void {
    const link = this;
    const handle = find(link, "write", characteristic).handle;
    const bytes = toBytes(value) || reject("write", "value", value, "bytes or a byte string");
    const length = integer("write", "value.length", bytes.length, 0, AttSize.Value);
    let used = 0;
    let part: Uint8Array;
    let wrong = 0;
    function prepare(): void {
      part = bytes.subarray(used, used + link._mtu - 5);
      ask(link, Att.PrepareWrite, [handle, used], part);
    }
    perform(
      link,
      "write",
      callback,
      function () {
        // The MTU may have changed while it waited.
        if (length <= link._mtu - 3) ask(link, Att.Write, [handle], bytes);
        else prepare();
      },
      function (error, answer, at, size) {
        if (part && used < length) {
          let same = !error && size == 5 + part.length && get16(answer, at + 1) == handle && get16(answer, at + 3) == used;
          for (let i = 0; same && i < part.length; i++) same = answer[at + 5 + i] == part[i];
          used += part.length;
          if (same && used < length) return prepare();
          // What the peer has understood otherwise is taken back.
          wrong = error || (same ? 0 : -Att.PrepareWrite);
          used = length;
          return ask(link, Att.ExecuteWrite, [], new Uint8Array([wrong ? 0 : 1]));
        }
        if (!error && size != 1) error = -answer[at];
        if (wrong || error) refused(link, wrong || error);
        else complete(link, null);
      },
    );
  };

  methods.send = function (this: Link, characteristic: any, value: any): boolean {
    const handle = find(this, "send", characteristic).handle;
    const bytes = value instanceof Uint8Array ? value : toBytes(value) || reject("send", "value", value, "bytes or a byte string");
    integer("send", "value.length", bytes.length, 0, this._mtu - 3);
    if (!isLive(this)) throw failure("disconnected", "send", 0);
    let at = enqueue(host, this, Cid.Att, 3 + bytes.length);
    if (at < 0) {
      host._crowded = host._refused = true;
      return false;
    }
    this._out[at++] = Att.WriteCommand;
    this._out[at++] = handle;
    this._out[at++] = handle >> 8;
    for (let i = 0; i < bytes.length; i++) this._out[at + i] = bytes[i];
    run(host);
    return true;
  };

  methods.subscribe = function (this: Link, characteristic: any, callback: any, done?: any): void {
    const link = this;
    let before: any;
    let configuration = 0;
    const found = find(link, "subscribe", characteristic);
    if (callback) callable("subscribe", "callback", callback);
    for (let i = 0; i < found.descriptors.length; i++) if (found.descriptors[i].uuid == "2902") configuration = found.descriptors[i].handle;
    if (!configuration) reject("subscribe", "characteristic", characteristic, "one that has been discovered and can be subscribed to");
    perform(
      link,
      "subscribe",
      done,
      function () {
        // From the first moment on: the value may come before the answer.
        before = link._subscriptions[found.handle];
        if (callback) link._subscriptions[found.handle] = callback;
        ask(link, Att.Write, [configuration, callback ? (found.flags & Property.Notify ? 1 : 2) : 0]);
      },
      function (error, bytes, at, length) {
        if (!error && length != 1) error = -bytes[at];
        if (error) link._subscriptions[found.handle] = before;
        else if (!callback) delete link._subscriptions[found.handle];
        if (error) refused(link, error);
        else complete(link, null);
      },
    );
  };

  methods.discover = function (this: Link, callback: any, kept?: RemoteTable | null): void {
    const link = this;
    const table: RemoteTable = { hash: "", services: [] };
    const gaps: RemoteCharacteristic[] = [];
    // Where each characteristic is declared, by the handle of its value.
    const declarations: { [handle: number]: number } = {};
    let step = Discover.Mtu;
    let from = 1;
    let found = 0;
    let hashed = false;
    callable("discover", "callback", callback);
    if (kept && !isTable(kept)) reject("discover", "kept", kept, "what an earlier discovery has given");
    // A table without a hash cannot be compared.
    if (kept && kept.hash) step = Discover.Hash;

    function next(): void {
      if (step == Discover.Mtu && (limits[Limit.Mtu] <= AttSize.Mtu || link._mtu > AttSize.Mtu || link._exchanged)) step++;
      if (step == Discover.Hash && hashed) step++;
      link._exchanged = link._exchanged || step == Discover.Mtu;
      if (step == Discover.Mtu) ask(link, Att.MtuRequest, [limits[Limit.Mtu]]);
      else if (step == Discover.Primary || step == Discover.Secondary) ask(link, Att.ReadByGroupType, [from, 0xffff, step == Discover.Primary ? Type.PrimaryService : Type.SecondaryService]);
      else if (step < Discover.Descriptors) ask(link, Att.ReadByType, [from, 0xffff, step == Discover.Hash ? Type.DatabaseHash : step == Discover.Includes ? Type.Include : Type.Characteristic]);
      else if (gaps.length) ask(link, Att.FindInformation, [from, gaps[0].flags >> 8]);
      else finish(table);
    }

    function finish(result: RemoteTable): void {
      link._table = result;
      link._changing = 0;
      for (let i = 0; i < result.services.length; i++) {
        for (let j = 0; j < result.services[i].chars.length; j++) {
          const one = result.services[i].chars[j];
          one.flags &= 255;
          if (one.uuid == "2a05") link._changing = one.handle;
        }
      }
      complete(link, null, result.services, result);
    }

    /** Descriptors are looked for where handles are left between one characteristic and what follows. */
    function findGaps(): void {
      table.services.sort(function (a, b) {
        return a.handle - b.handle;
      });
      for (let i = 0; i < table.services.length; i++) {
        const chars = table.services[i].chars;
        for (let j = 0; j < chars.length; j++) {
          const last = j + 1 < chars.length ? declarations[chars[j + 1].handle] - 1 : table.services[i].end;
          // Until it is finished the end of the gap is kept beside the flags.
          if (chars[j].handle < last) {
            chars[j].flags |= last << 8;
            gaps.push(chars[j]);
          }
        }
      }
      from = gaps.length ? gaps[0].handle + 1 : 0;
    }

    /** The next step, or the next gap. */
    function advance(): void {
      from = 1;
      if (step == Discover.Descriptors) {
        gaps.shift();
        if (gaps.length) from = gaps[0].handle + 1;
      } else if (++step == Discover.Descriptors) findGaps();
      next();
    }

    function serviceOf(handle: number): RemoteService | null {
      for (let i = 0; i < table.services.length; i++) if (handle > table.services[i].handle && handle <= table.services[i].end) return table.services[i];
      return null;
    }

    /** Takes one entry of an answer, its value `size` bytes; returns the last handle that it covers, 0 where it makes no sense. */
    function take(bytes: Uint8Array, at: number, size: number): number {
      const handle = get16(bytes, at);
      const second = get16(bytes, at + 2);
      const service = serviceOf(handle);
      if (handle < from || ++found > limits[Limit.Discovery]) return 0;
      if (step == Discover.Primary || step == Discover.Secondary) {
        if ((size != 6 && size != 20) || second < handle) return 0;
        table.services.push({ uuid: textOf(bytes, at + 4, size - 4), handle: handle, end: second, primary: step == Discover.Primary, includes: [], chars: [] });
        return second;
      }
      if (!service) return step == Discover.Includes || step == Discover.Characteristics ? handle : 0;
      if (step == Discover.Includes) {
        if (size != 8 && size != 6) return 0;
        service.includes.push(second);
      } else if (step == Discover.Characteristics) {
        const value = get16(bytes, at + 3);
        if ((size != 7 && size != 21) || value <= handle || value > service.end) return 0;
        declarations[value] = handle;
        service.chars.push({ uuid: textOf(bytes, at + 5, size - 5), handle: value, flags: bytes[at + 2], descriptors: [] });
      } else {
        if (handle > gaps[0].flags >> 8) return 0;
        gaps[0].descriptors.push({ uuid: textOf(bytes, at + 2, size - 2), handle: handle });
      }
      return handle;
    }

    perform(link, "discover", callback, next, function (error, bytes, at, length) {
      let place = at + 2;
      let size = bytes[at + 1];
      // Nothing more of this kind; a peer without an MTU exchange or a hash is as good.
      if (error < 0 || (error && step > Discover.Hash && error != AttError.AttributeNotFound)) return refused(link, error);
      if (step == Discover.Hash) {
        hashed = true;
        table.hash = !error && length == 20 && size == 18 ? hex(bytes, at + 4, 16, true) : "";
        if (kept && kept.hash && table.hash == kept.hash) return finish(kept);
        // A long discovery is shorter with a larger MTU.
        step = Discover.Mtu;
        return next();
      }
      if (error) return advance();
      if (step == Discover.Mtu) {
        const theirs = get16(bytes, at + 1);
        if (length != 3 || theirs < AttSize.Mtu) return fail(link, "malformed", theirs);
        link._mtu = theirs < limits[Limit.Mtu] ? theirs : limits[Limit.Mtu];
        return advance();
      }
      if (step == Discover.Descriptors) size = size == 1 ? 4 : size == 2 ? 18 : 0;
      if (size < 4 || length < 2 + size || (length - 2) % size) return fail(link, "malformed", size);
      for (; place < at + length; place += size) {
        const last = take(bytes, place, size);
        if (!last) return found > limits[Limit.Discovery] ? fail(link, "too-many", found) : fail(link, "malformed", get16(bytes, place));
        from = last + 1;
      }
      if (from > (step == Discover.Descriptors ? gaps[0].flags >> 8 : 0xffff)) advance();
      else next();
    });
  };

  host._confirm = confirm;
  host._boxes = layBoxes(limits[Limit.Mtu], true);
  host._beginners.push(function (_host, link) {
    link._operations = [];
    link._subscriptions = {};
  });
  host._enders.push(function (_host, link) {
    failAll(link, "disconnected");
  });
  host._expired[Deadline.Request] = function (_host, link) {
    // Nothing may be asked on this bearer any more.
    failAll(link, "timeout");
    leave(link, Status.RemoteUserTerminated, true);
    declared(host);
  };
}

/** The steps of a discovery, all but the first two over all handles. */
const enum Discover {
  Mtu,
  Hash,
  Primary,
  Secondary,
  Includes,
  Characteristics,
  Descriptors,
}

/** A connection with its peer's services at hand. */
export type AskingConnection = Connection & Asking;

/** Its limits, for who makes an instance of parts. */
withLimits(
  addClient,
  // Services, characteristics and descriptors of a peer that a discovery takes.
  "discovery 256 8 65535",
  Limit.Discovery,
);
