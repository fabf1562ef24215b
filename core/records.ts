import { failure } from "./errors.js";
import { call, report, type Host } from "./host.js";
import type { Store } from "./options.js";

/** What a record of the store holds; the numbers are the store's format and never change their meaning. */
export const enum Record {
  /** The device's static random address, 6 bytes, least significant octet first. */
  Address = 1,
}

/** The opaque bytes of `options.store`: records of type, length, content, one after another. What makes no sense ends the list. */
function load(store: Store): Uint8Array {
  const bytes = store.load();
  return bytes instanceof Uint8Array ? bytes : new Uint8Array(0);
}

/** A copy of the first record of this type and length, or null. */
export function readRecord(store: Store, type: Record, length: number): Uint8Array | null {
  const bytes = load(store);
  let at = 0;
  while (at + 2 <= bytes.length) {
    const end = at + 2 + bytes[at + 1];
    if (end > bytes.length) break;
    if (bytes[at] == type && bytes[at + 1] == length) return new Uint8Array(bytes.subarray(at + 2, end));
    at = end;
  }
  return null;
}

/** Adds a record and saves; false where the store failed. */
export function addRecord(store: Store, type: Record, content: Uint8Array): boolean {
  const old = load(store);
  const bytes = new Uint8Array(old.length + 2 + content.length);
  bytes.set(old, 0);
  bytes[old.length] = type;
  bytes[old.length + 1] = content.length;
  bytes.set(content, old.length + 2);
  return store.save(bytes);
}

/** Lets the address of a device that has none of its own outlive a restart, in `options.store`. */
export function addStore(host: Host): void {
  const store = host._options.store;
  const session = host._session;

  function keep(address: Uint8Array): boolean {
    return addRecord(store!, Record.Address, address);
  }

  if (!store) return;
  try {
    if (!session.address) session.address = readRecord(store, Record.Address, 6);
  } catch (e) {
    report(host, e as Error);
  }
  host._keep = function (address) {
    if (call(host, keep, address) !== true) report(host, failure("store", "address", 0));
  };
}
