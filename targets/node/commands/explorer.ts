import type { RemoteCharacteristic, RemoteService } from "../../../core/gatt/client.js";
import type { BlimpError } from "../../../core/errors.js";
import type { Bluetooth, FullConnection } from "../open.js";
import { formatHandle, type Reading } from "../report/explored.js";
import { explainAtt, formatShortUuid, type Peer, type Place } from "../report/happening.js";
import type { Report } from "../report/report.js";
import type { Operation, Target } from "./operations.js";
import { Flag } from "./table.js";

/** What lists are read by; the configuration says only what we have set ourselves. */
const CONFIGURATION = "2902";

export interface Explorer {
  /** Subscribed to something. */
  readonly listening: boolean;
  /** Something is being done. */
  readonly busy: boolean;
  /** Finds out what the device serves; a failure has been told. */
  discover(done: (error: Error | null) => void): void;
  /** Does one operation after the other and tells of each; calls `done` with how many failed, and whether it is to be the end. */
  perform(operations: readonly Operation[], done: (failures: number, quit: boolean) => void): void;
}

interface Surroundings {
  readonly bt: Bluetooth;
  elapsed(): number;
  readonly peer: Peer;
  readonly report: Report;
}

/** Explores what is at the other end of a connection, and tells what it finds. */
export function createExplorer(link: FullConnection, { bt, elapsed, peer, report }: Surroundings): Explorer {
  let services: readonly RemoteService[] = [];
  const subscribed = new Set<number>();
  let busy = false;

  function placeOf(handle: number): Place {
    for (const { uuid, chars } of services) for (const char of chars) if (char.handle === handle) return { service: uuid, uuid: char.uuid, handle };
    return { service: "", uuid: "", handle };
  }

  function find(target: Target): RemoteCharacteristic | string {
    const all = services.flatMap(({ chars }) => chars);
    if ("handle" in target) return all.find(({ handle }) => handle === target.handle) ?? { uuid: "", handle: target.handle, flags: 0xff, descriptors: [] };
    const found = all.filter(({ uuid }) => uuid === target.uuid);
    if (found.length === 1) return found[0];
    if (found.length === 0) return "the device has no such characteristic";
    return `it stands ${found.length} times: take its handle, ${found.map(({ handle }) => formatHandle(handle)).join(" or ")}`;
  }

  /** Why something failed, in words, and its number where it has one. */
  function explain(error: BlimpError): { reason: number | null; error: string } {
    if (error.code === "att") return { reason: error.detail, error: explainAtt(error.detail) };
    const words: { readonly [code: string]: string | undefined } = {
      timeout: "the device did not answer in time",
      disconnected: "the connection has ended",
      malformed: "the device's answer made no sense",
      "too-many": "the device serves more than is taken",
    };
    return { reason: null, error: words[error.code] ?? error.message };
  }

  function discover(done: (error: Error | null) => void): void {
    busy = true;
    link.discover((error, found) => {
      busy = false;
      if (error === null) services = found!;
      else if ((error as BlimpError).code !== "disconnected") report.happened({ ms: elapsed(), ...peer, what: "failed", operation: "discover", ...explain(error as BlimpError) });
      done(error);
    });
  }

  /** Reads all that can be read, and then tells. */
  function list(done: () => void): void {
    const readings = new Map<number, Reading>();
    const handles: number[] = [];
    for (const { chars } of services) {
      for (const char of chars) {
        if (char.flags & Flag.Read) handles.push(char.handle);
        for (const { uuid, handle } of char.descriptors) if (uuid !== CONFIGURATION) handles.push(handle);
      }
    }
    const next = (): void => {
      const handle = handles.shift();
      if (handle === undefined) {
        report.explored({ ms: elapsed(), peer, services, readings });
        return done();
      }
      link.read(handle, (error, value) => {
        readings.set(handle, error === null ? value! : explain(error as BlimpError).error);
        next();
      });
    };
    next();
  }

  function heard(handle: number, value: Uint8Array): void {
    report.happened({ ms: elapsed(), ...peer, what: "notify", ...placeOf(handle), value, error: null });
  }

  /** Does one operation; `done` gets whether it failed. */
  function perform(operation: Operation, done: (failed: boolean) => void): void {
    if (!("target" in operation)) return operation.what === "list" ? list(() => done(false)) : done(false);
    const { what, target } = operation;
    const kind = what === "unsubscribe" ? "subscribe" : what;
    const found = find(target);

    function fail(why: { reason: number | null; error: string }, place: Place): void {
      report.happened({ ms: elapsed(), ...peer, what: "failed", operation: kind, ...why, ...place });
      done(true);
    }

    if (typeof found === "string") {
      const uuid = "uuid" in target ? target.uuid : "";
      return fail({ reason: null, error: found }, { service: "", uuid, handle: 0 });
    }
    const { handle } = found;
    const place = placeOf(handle);
    const finish = (tell: () => void) => (error: Error | null) => {
      if (error !== null) return fail(explain(error as BlimpError), place);
      tell();
      done(false);
    };
    try {
      if (operation.what === "read") {
        link.read(handle, (error, value) => finish(() => report.happened({ ms: elapsed(), ...peer, what: "read", ...place, value: value! }))(error));
      } else if (operation.what === "write") {
        const { value } = operation;
        link.write(handle, value, finish(() => report.happened({ ms: elapsed(), ...peer, what: "write", ...place, value })));
      } else if (operation.what === "send") {
        const { value } = operation;
        const told = finish(() => report.happened({ ms: elapsed(), ...peer, what: "send", ...place, value }));
        const attempt = (): void => {
          if (link.send(handle, value)) told(null);
          else bt.onroom(() => {
            bt.onroom(null);
            attempt();
          });
        };
        attempt();
      } else {
        const on = what === "unsubscribe" ? 0 : found.flags & Flag.Notify ? 1 : 2;
        link.subscribe(
          handle,
          on === 0 ? null : (value) => heard(handle, value),
          finish(() => {
            if (on === 0) subscribed.delete(handle);
            else subscribed.add(handle);
            report.happened({ ms: elapsed(), ...peer, what: "subscribe", ...place, on });
          }),
        );
      }
    } catch (error) {
      // What the library refuses at once.
      const { code, message } = error as BlimpError;
      const why = what === "subscribe" || what === "unsubscribe" ? `${place.uuid === "" ? formatHandle(handle) : formatShortUuid(place.uuid)} cannot be subscribed to` : message;
      fail(code === "disconnected" ? explain(error as BlimpError) : { reason: null, error: why }, place);
    }
  }

  return {
    get listening() {
      return subscribed.size > 0;
    },
    get busy() {
      return busy;
    },
    discover,
    perform(operations, done) {
      const left = [...operations];
      let failures = 0;
      const next = (): void => {
        const operation = left.shift();
        busy = operation !== undefined;
        if (operation === undefined || operation.what === "quit") {
          busy = false;
          return done(failures, operation !== undefined);
        }
        perform(operation, (failed) => {
          if (failed) failures++;
          next();
        });
      };
      next();
    },
  };
}
