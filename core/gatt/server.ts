import { toBytes, type Bytes } from "../bytes/bytes.js";
import { parseUuid, shortUuid } from "../bytes/uuid.js";
import { Att, AttSize } from "../att/codes.js";
import { addAttServer, configure } from "../att/server.js";
import { Deadline, isLive, later, leave, setDeadline, type Connection, type Link } from "../connection.js";
import { Counter } from "../counters.js";
import { callable, failure, integer, reject, type BlimpError } from "../errors.js";
import { enqueue, hasRoom } from "../hci/acl.js";
import { Status } from "../hci/codes.js";
import { call, declared, run, use, type Host } from "../host.js";
import { Cid } from "../l2cap/codes.js";
import { Property, Type } from "./codes.js";
import { buildDatabase, Flag, Word, wordOf, type Database, type Service } from "./database.js";

/** Called once for each connection that a value was sent to: with null, when the peer has confirmed it; or with what came between. */
export type Done = (error: Error | null, connection: Connection) => void;

/** The methods that the GATT server adds to the instance. */
export interface Serving {
  /** What a handler returns that will call its `reply` within 25 s. */
  readonly LATER: {};
  /**
   * Serves these services on all connections, in place of those before. The Generic Access and Generic Attribute services are there by themselves.
   * @param services copied; `[]` takes all away
   * @throws BlimpError "argument"; "closed"
   */
  servegatt(services: Service[]): void;
  /**
   * The handle of a characteristic's value, for where a UUID stands twice.
   * @param service UUID of the service
   * @param characteristic UUID of the characteristic
   * @throws BlimpError "argument" where nothing such is served; "closed"
   */
  handle(service: number | Bytes, characteristic: number | Bytes): number;
  /**
   * Sends a value to who has subscribed: as a notification, or as an indication where only that was asked for. What is longer than the connection's
   * MTU - 3 is cut.
   * @param characteristic its UUID, or the handle of its value
   * @param value up to 512 bytes
   * @param connection one connection only; all where it is left out or null
   * @param done called once for each connection: a notification is done when it is queued, an indication when the peer has confirmed it
   * @returns false where there is no room on one of them: then nothing is sent at all, and `onroom` tells when it is worth another try
   * @throws BlimpError "argument"; "closed"
   */
  notify(characteristic: number | Bytes, value: Bytes, connection?: Connection | null, done?: Done): boolean;
  /**
   * Sets what is called when there is room again after `notify` has returned false.
   * @throws BlimpError "argument"
   */
  onroom(callback: (() => void) | null): void;
}

const enum Milliseconds {
  /** For the peer to confirm an indication, Vol 3 Part F section 3.3.3. */
  Confirmation = 30000,
}

/** Whether the type of an attribute is this UUID. */
function hasType(database: Database, handle: number, uuid: Uint8Array): boolean {
  const type = wordOf(database, handle, Word.Type);
  const short = shortUuid(uuid, 0, uuid.length);
  const from = wordOf(database, handle, Word.Offset) - 16;
  let same = type == short;
  for (let i = 0; same && !type && i < 16; i++) same = database._bytes[from + i] == uuid[i];
  return same;
}

/** Whether the value of a declaration, from its byte `skip` on, is this UUID. */
function declares(database: Database, handle: number, type: Type, uuid: Uint8Array): boolean {
  const from = wordOf(database, handle, Word.Offset);
  const short = shortUuid(uuid, 0, uuid.length);
  const length = wordOf(database, handle, Word.Length);
  let same = wordOf(database, handle, Word.Type) == type && length == (short ? 2 : 16);
  for (let i = 0; same && i < length; i++) same = database._bytes[from + i] == (short ? (short >> (8 * i)) & 255 : uuid[i]);
  return same;
}

/** The first value of a characteristic with this UUID, in the service with that one where it is given; 0: there is none. */
function find(database: Database, characteristic: Uint8Array, service?: Uint8Array): number {
  let inside = !service;
  for (let handle = 1; handle <= database._count; handle++) {
    const type = wordOf(database, handle, Word.Type);
    if (service && type == Type.PrimaryService) inside = declares(database, handle, type, service);
    if (inside && type == Type.Characteristic && hasType(database, handle + 1, characteristic)) return handle + 1;
  }
  return 0;
}

/** The handle that an application means by a UUID or a handle. */
function valueHandle(host: Host, method: string, characteristic: any): number {
  const database = host._database;
  let handle = 0;
  // Most applications notify the same one again and again.
  if (host._namedHandle && characteristic === host._named) return host._namedHandle;
  if (typeof characteristic == "number" && characteristic <= database._count) handle = integer(method, "characteristic", characteristic, 1, database._count);
  else {
    const uuid = parseUuid(characteristic);
    if (uuid) handle = find(database, uuid);
  }
  if (handle && wordOf(database, handle - 1, Word.Type) != Type.Characteristic) handle = 0;
  // The bytes of an array may become others.
  host._namedHandle = typeof characteristic == "object" ? 0 : handle;
  host._named = characteristic;
  return handle || reject(method, "characteristic", characteristic, "the UUID or the handle of a characteristic that is served");
}

/** An indication has come to its end. */
function finishIndication(host: Host, link: Link, error: BlimpError | null): void {
  const done = link._ondone;
  const indicated = link._indicated;
  link._indicated = link._awaited = 0;
  link._ondone = undefined;
  link._deadlines[Deadline.Confirmation] = 0;
  if (done) later(host, done, error, link);
  if (indicated && host._indicated) host._indicated(link, indicated, !error);
}

/** Puts a value into a link's queue; there has to be room. */
function put(host: Host, link: Link, opcode: Att, handle: number, value: ArrayLike<number>): void {
  let length = value.length;
  if (length > link._mtu - 3) {
    length = link._mtu - 3;
    host._counters[Counter.Cut]++;
  }
  let at = enqueue(host, link, Cid.Att, 3 + length);
  const out = link._out;
  out[at++] = opcode;
  out[at++] = handle;
  out[at++] = handle >> 8;
  for (let i = 0; i < length; i++) out[at + i] = value[i];
}

/** Sends an indication; false where the last one is not confirmed yet, or there is no room. */
export function indicate(host: Host, link: Link, handle: number, value: ArrayLike<number>, done?: Done): boolean {
  if (link._indicated || !hasRoom(host, link, link._mtu)) return false;
  put(host, link, Att.Indication, handle, value);
  link._indicated = handle;
  link._ondone = done;
  link._awaited = link._frames;
  setDeadline(host, link, Deadline.Confirmation, Milliseconds.Confirmation);
  return true;
}

/** The time for a confirmation begins when the indication goes out; what is before it in the queue has to make way in that time, too. */
function departed(host: Host, link: Link): void {
  link._awaited!--;
  setDeadline(host, link, Deadline.Confirmation, Milliseconds.Confirmation);
}

/** How a link wants to have a value: 0 not at all, 1 notified, 2 indicated. */
function wayOf(host: Host, link: Link, handle: number): number {
  const flags = wordOf(host._database, handle, Word.Flags);
  const on = flags & (Property.Notify | Property.Indicate) ? link._configurations[wordOf(host._database, handle + 1, Word.Length)] : 0;
  if (!link._served || (flags & Flag.Level) >> Flag.LevelShift > link._security || (host._unaware && host._unaware(link))) return 0;
  return on & 1 ? 1 : on;
}

/** Tells a link that the services have changed, if it wants to know. */
function tellChange(host: Host, link: Link): void {
  const first = host._database._first;
  const handle = host._changedHandle;
  if (link._changed && isLive(link) && link._served) {
    if (!(link._configurations[wordOf(host._database, handle + 1, Word.Length)] & 2) || indicate(host, link, handle, [first, first >> 8, 0xff, 0xff])) link._changed = false;
    else host._crowded = true;
  }
}

/** The services that every GATT server has, Vol 3 Part C section 12 and Part G section 7. */
function ownServices(host: Host): Service[] {
  const options = host._options;
  const name = options.name === undefined ? "blimp" : options.name;
  const appearance = options.appearance === undefined ? 0 : integer("open", "appearance", options.appearance, 0, 0xffff);
  const bytes = toBytes(name) || reject("open", "name", name, "bytes or a byte string");
  integer("open", "name.length", bytes.length, 0, 248);
  return [
    {
      uuid: Type.GenericAccess,
      chars: [
        { uuid: Type.DeviceName, value: name },
        { uuid: Type.Appearance, value: [appearance & 255, appearance >> 8] },
        // No preference.
        { uuid: Type.PreferredParameters, value: [255, 255, 255, 255, 0, 0, 255, 255] },
      ],
    },
    { uuid: Type.GenericAttribute, chars: [{ uuid: Type.ServiceChanged, flags: Property.Indicate }].concat(host._ownChars as any) },
  ];
}

/** Up to which handle two tables define the same, values aside. */
function sameUpTo(one: Database, other: Database): number {
  let handle = 1;
  for (; handle <= one._count && handle <= other._count; handle++) {
    const type = wordOf(one, handle, Word.Type);
    const valued = (type >= Type.PrimaryService && type <= Type.Characteristic) || type == Type.ExtendedProperties;
    const length = valued ? wordOf(one, handle, Word.Length) : 0;
    const from = wordOf(one, handle, Word.Offset);
    const beside = wordOf(other, handle, Word.Offset) - from;
    let at = from + (type ? 0 : -16);
    if (type != wordOf(other, handle, Word.Type) || (valued && length != wordOf(other, handle, Word.Length))) break;
    while (at < from + length && one._bytes[at] == other._bytes[at + beside]) at++;
    if (at < from + length) break;
  }
  return handle - 1;
}

/** Adds the GATT server to a host, and its methods to the instance. */
export function addGatt(host: Host, instance: Serving): void {
  let onroom: (() => void) | null = null;

  function serve(services: any): void {
    const own = ownServices(host);
    const database = buildDatabase(own, services);
    const old = host._database;
    const same = old ? sameUpTo(old, database) : -1;
    const changed = same != database._count || same != old._count;
    host._database = database;
    host._namedHandle = 0;
    // Generic Access has 7 attributes; behind the declaration of Generic Attribute and that of Service Changed comes its value.
    host._changedHandle = 10;
    for (let i = 0; i < host._links.length; i++) {
      const link = host._links[i];
      link._kept = null;
      if (link._prepared) link._prepared = -1;
    }
    if (changed && host._rehash) host._rehash();
    for (let i = 0; old && changed && i < host._links.length; i++) {
      const link = host._links[i];
      const before = link._configurations;
      link._configurations = new Uint8Array(database._configurations);
      // As far as the table is what it was so are the subscriptions.
      for (let handle = 1; handle <= old._count; handle++) {
        const index = wordOf(old, handle, Word.Length);
        if (!(wordOf(old, handle, Word.Flags) & Flag.Configuration)) continue;
        if (handle <= same) link._configurations[index] = before[index];
        else if (host._configured) host._configured(link, handle, 0);
      }
      announce(link);
    }
  }

  /** The link is to hear that the services are others than it knows. */
  function announce(link: Link): void {
    link._changed = true;
    for (let i = 0; i < host._changes.length; i++) host._changes[i](host, link);
    tellChange(host, link);
  }

  addAttServer(host);
  host._ownChars = [];
  host._changes = [];
  host._departed = departed;
  host._confirmed = function (_host, link) {
    if (!link._indicated || link._awaited) {
      host._counters[Counter.Ignored]++;
      return;
    }
    finishIndication(host, link, null);
    host._drained!(host);
  };
  host._enders.push(function (_host, link) {
    finishIndication(host, link, failure("disconnected", "notify", 0));
    // There is room for who still is.
    host._drained!(host);
  });
  host._expired[Deadline.Confirmation] = function (_host, link) {
    // Nothing may be sent on this bearer any more.
    finishIndication(host, link, failure("timeout", "notify", 0));
    leave(link, Status.RemoteUserTerminated, true);
    declared(host);
  };
  host._restore = function (link, configured, same) {
    for (let i = 0; i < configured.length; i += 2) {
      const handle = configured[i];
      // In other services only this handle is what it was.
      if ((same || handle == host._changedHandle + 1) && handle <= host._database._count && wordOf(host._database, handle, Word.Flags) & Flag.Configuration) configure(host, link, handle, configured[i + 1] & 3);
    }
    if (!same) announce(link);
  };
  host._drained = function () {
    const refused = host._refused;
    host._crowded = host._refused = false;
    for (let i = 0; i < host._links.length; i++) {
      const link = host._links[i];
      tellChange(host, link);
      if (link._owes) host._confirm!(link);
    }
    if (refused) call(host, onroom);
  };

  instance.servegatt = function (services) {
    use(host, "servegatt");
    serve(services);
    run(host);
  };
  instance.handle = function (service, characteristic) {
    use(host, "handle");
    const uuids = [service, characteristic].map(parseUuid);
    return (uuids[0] && uuids[1] && find(host._database, uuids[1], uuids[0])) || reject("handle", "characteristic", characteristic, "one that is served in that service");
  };
  instance.notify = function (characteristic, value, connection, done) {
    use(host, "notify");
    const handle = valueHandle(host, "notify", characteristic);
    const bytes = value instanceof Uint8Array ? value : toBytes(value) || reject("notify", "value", value, "bytes or a byte string");
    integer("notify", "value.length", bytes.length, 0, AttSize.Value);
    if (done) callable("notify", "done", done);
    if (connection && (connection as Link)._host != host) reject("notify", "connection", connection, "a connection");
    // All or nothing: first whether there is room everywhere, then the sending.
    for (let pass = 0; pass < 2; pass++) {
      for (let i = 0; i < host._links.length; i++) {
        const link = host._links[i];
        const way = !connection || link == connection ? wayOf(host, link, handle) : 0;
        if (!way) continue;
        if (!pass) {
          if ((way > 1 && link._indicated) || !hasRoom(host, link, link._mtu)) {
            host._crowded = host._refused = true;
            return false;
          }
        } else if (way > 1) indicate(host, link, handle, bytes, done);
        else {
          put(host, link, Att.Notification, handle, bytes);
          if (done) later(host, done, null, link);
        }
      }
    }
    run(host);
    return true;
  };
  instance.onroom = function (callback) {
    if (callback) callable("onroom", "callback", callback);
    onroom = callback;
  };
  (instance as any).LATER = host._deferral;
  host._made.push(function () {
    serve([]);
  });
}
