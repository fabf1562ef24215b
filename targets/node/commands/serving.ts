import type { Connection } from "../../../core/connection.js";
import type { Options, Store } from "../../../core/options.js";
import { adFlags, adJoin, adName, adServices, adStructure } from "../../../core/gap/ad.js";
import type { Characteristic } from "../../../core/gatt/database.js";
import { explainPairing, explainReason, type Happening, type Peer } from "../report/happening.js";
import type { Report } from "../report/report.js";
import type { Session } from "./session.js";
import { Flag, type Table, type TableCharacteristic, type TableService } from "./table.js";

/** General discoverable, no BR/EDR. */
const FLAGS = 6;

/** Bytes of an advert; of a structure, without its length and type. */
const ADVERT = 31;
const STRUCTURE = 29;

/** AD types of lists that are not complete. */
const SOME_UUIDS16 = 0x02;
const SOME_UUIDS128 = 0x06;

type Happened = Happening extends infer One ? (One extends Happening ? Omit<One, "ms" | keyof Peer> : never) : never;

/** Who is at the other end of a connection. */
export function peerOf(connection: Connection): Peer {
  return { address: connection.address(), addresstype: connection.addresstype() };
}

/** What security tells of, for the options of `open()`; and what of it has been told. */
export interface Guard {
  readonly options: Options;
  /** The instance is ready: tells the code, and from now on each new one. */
  show(): void;
  /** A connection is there: whether it was encrypted with a key that was kept has not been told yet. */
  welcome(connection: Connection): void;
}

/**
 * Tells of pairing: the code when it is asked for, what has been reached, and what has failed.
 * @param session gives the session, once there is one
 */
export function createGuard(session: () => Pick<Session, "bt" | "elapsed">, report: Report, store: Store | undefined): Guard {
  const secured = new WeakSet<Connection>();
  let shown = false;
  /** The pairing that has failed just now; how often in a row comes next. */
  let failed: { peer: Peer; reason: number | null } | null = null;

  function show(peer: Peer | null): void {
    const { bt, elapsed } = session();
    report.passkey({ ms: elapsed(), code: bt.getsecuritycode(), peer });
  }

  function secure(connection: Connection): void {
    const { bt, elapsed } = session();
    const peer = peerOf(connection);
    secured.add(connection);
    report.happened({ ms: elapsed(), ...peer, what: "secure", security: connection.security(), bonded: bt.bonds().some(({ address }) => address === peer.address) });
  }

  const options: Options = {
    store,
    onpairing(connection: Connection | null, state: string, reason?: number) {
      if (state === "code" && shown) show(null);
      else if (connection === null) return;
      else if (state === "passkey") show(peerOf(connection));
      else if (state === "paired") secure(connection);
      else if (state === "failed") failed = { peer: peerOf(connection), reason: reason ?? null };
    },
    onpairingfailed(failures: number) {
      if (failed === null) return;
      const { peer, reason } = failed;
      failed = null;
      report.happened({ ms: session().elapsed(), ...peer, what: "failed", operation: "pairing", reason, error: explainPairing(reason), failures });
    },
  };
  return {
    options,
    show() {
      shown = true;
      show(null);
    },
    welcome(connection) {
      if (connection.security() > 1 && !secured.has(connection)) secure(connection);
    },
  };
}

/** An advert for a table that has none: Flags; the UUID of the first service; the name, where there is room for all of it. */
export function makeAdvert({ name, services }: Table): Uint8Array {
  const parts = [adFlags(FLAGS)];
  if (services.length > 0) {
    const { uuid } = services[0];
    const reversed = Buffer.from(uuid, "hex").reverse();
    const more = services.some((other) => other.uuid !== uuid && other.uuid.length === uuid.length);
    parts.push(more ? adStructure(uuid.length === 4 ? SOME_UUIDS16 : SOME_UUIDS128, new Uint8Array(reversed)) : adServices([uuid]));
  }
  const used = parts.reduce((sum, part) => sum + part.length, 0);
  if (name !== "" && used + 2 + name.length <= ADVERT) parts.push(adName(name));
  return adJoin(parts);
}

/** The name, complete if there is room; null without a name. */
export function makeScanResponse({ name }: Table): Uint8Array | null {
  if (name === "") return null;
  if (name.length <= STRUCTURE) return adName(name);
  let end = STRUCTURE;
  // Not in the middle of a character.
  while (end > 0 && (name.charCodeAt(end) & 0xc0) === 0x80) end--;
  return adName(name.slice(0, end), true);
}

/**
 * Serves a table and welcomes connections, and tells of all that peers do.
 * @returns the handle of each characteristic's value
 * @throws BlimpError where the build cannot
 */
export function serveTable({ bt, elapsed }: Pick<Session, "bt" | "elapsed">, report: Report, table: Table, guard: Guard | null = null): Map<TableCharacteristic, number> {
  const handles = new Map<TableCharacteristic, number>();
  const values = new Map<TableCharacteristic, Uint8Array>();
  /** What could not be sent yet: of each characteristic the last. */
  const waiting = new Map<TableCharacteristic, Uint8Array>();
  const homes = new Map<TableCharacteristic, TableService>();

  function tell(connection: Connection, happened: Happened): void {
    report.happened({ ms: elapsed(), ...peerOf(connection), ...happened } as Happening);
  }

  function place(char: TableCharacteristic): { service: string; uuid: string; handle: number } {
    return { service: homes.get(char)!.uuid, uuid: char.uuid, handle: handles.get(char)! };
  }

  function send(char: TableCharacteristic, value: Uint8Array): void {
    const sent = bt.notify(handles.get(char)!, value, null, (error, connection) => {
      tell(connection, { what: "notify", ...place(char), value, error: error?.message ?? null });
    });
    if (sent) waiting.delete(char);
    else waiting.set(char, value);
  }

  function declare(char: TableCharacteristic): Characteristic {
    const { uuid, flags, level, onwrite } = char;
    const told = (flags & (Flag.Notify | Flag.Indicate)) > 0;
    values.set(char, char.value);
    return {
      uuid,
      flags,
      level,
      descriptors: char.descriptors.map(({ uuid, value, level }) => ({ uuid, value, level })),
      read(connection) {
        const value = values.get(char)!;
        tell(connection, { what: "read", ...place(char), value });
        return value;
      },
      write(connection, value) {
        tell(connection, { what: "write", ...place(char), value });
        if (onwrite === "store") {
          values.set(char, value);
          if (told) send(char, value);
        } else if (onwrite !== "log") send(onwrite, value);
      },
      subscribe: told ? (connection, on) => tell(connection, { what: "subscribe", ...place(char), on }) : undefined,
    };
  }

  for (const service of table.services) for (const char of service.chars) homes.set(char, service);
  bt.servegatt(table.services.map(({ uuid, chars }) => ({ uuid, chars: chars.map(declare) })));
  numberHandles(table.services, (first, char) => bt.handle(first.uuid, char.uuid), handles);
  bt.onroom(() => {
    for (const [char, value] of [...waiting]) send(char, value);
  });
  bt.onconnect((connection) => {
    guard?.welcome(connection);
    tell(connection, { what: "connect", security: connection.security() });
    connection.onclose((reason) => tell(connection, { what: "close", reason, why: explainReason(reason) }));
  });
  return handles;
}

/** Counts the handles from that of the first value on: a UUID may stand several times, so that asking for each would not do. */
function numberHandles(services: readonly TableService[], ask: (service: TableService, char: TableCharacteristic) => number, handles: Map<TableCharacteristic, number>): void {
  let next = 0;
  for (const service of services) {
    // Declarations of the service and of the characteristic stand before a value; behind it its configuration and descriptors.
    if (handles.size > 0) next++;
    for (const char of service.chars) {
      const handle = handles.size === 0 ? ask(service, char) : next + 1;
      handles.set(char, handle);
      next = handle + 1 + (char.flags & (Flag.Notify | Flag.Indicate) ? 1 : 0) + char.descriptors.length;
    }
  }
}
