import { Counter } from "./counters.js";
import { callable, failure } from "./errors.js";
import { report, type Host } from "./host.js";
import type { Store } from "./options.js";

/** What a record of the store holds; the numbers are the store's format and never change their meaning. */
export const enum Record {
  /** The device's static random address, 6 bytes, least significant octet first. */
  Address = 1,
  /** A bond. */
  Bond = 2,
}

/** The opaque bytes of `options.store`: records of type, length, content, one after another. What makes no sense ends the list. */
function load(store: Store): Uint8Array {
  const bytes = store.load();
  return bytes instanceof Uint8Array ? bytes : new Uint8Array(0);
}

/** Where the first record of this type and length begins, or, without one, where the last good record ends. */
function find(bytes: Uint8Array, type: Record, length: number): number {
  let at = 0;
  while (at + 2 <= bytes.length && at + 2 + bytes[at + 1] <= bytes.length && (bytes[at] != type || bytes[at + 1] != length)) at += 2 + bytes[at + 1];
  return at;
}

/** A copy of the first record of this type and length, or null. */
export function readRecord(store: Store, type: Record, length: number): Uint8Array | null {
  const bytes = load(store);
  const at = find(bytes, type, length);
  return at + 2 + length <= bytes.length && bytes[at] == type && bytes[at + 1] == length ? new Uint8Array(bytes.subarray(at + 2, at + 2 + length)) : null;
}

/** Adds a record behind the last good one and saves; false where the store failed. */
export function addRecord(store: Store, type: Record, content: Uint8Array): boolean {
  const old = load(store);
  // No record is of this length: the end.
  const end = find(old, type, -1);
  const bytes = new Uint8Array(end + 2 + content.length);
  bytes.set(old.subarray(0, end), 0);
  bytes[end] = type;
  bytes[end + 1] = content.length;
  bytes.set(content, end + 2);
  return store.save(bytes);
}

/** Copies of all records of a type. */
export function readRecords(store: Store, type: Record): Uint8Array[] {
  const bytes = load(store);
  const records: Uint8Array[] = [];
  for (let at = 0; at + 2 <= bytes.length && at + 2 + bytes[at + 1] <= bytes.length; at += 2 + bytes[at + 1]) {
    if (bytes[at] == type) records.push(new Uint8Array(bytes.subarray(at + 2, at + 2 + bytes[at + 1])));
  }
  return records;
}

/** Puts these records, of 255 bytes at most, in place of all of their type, and saves; false where the store failed. */
export function replaceRecords(store: Store, type: Record, contents: Uint8Array[]): boolean {
  const old = load(store);
  const end = find(old, type, -1);
  let length = end;
  for (let i = 0; i < contents.length; i++) length += 2 + contents[i].length;
  const bytes = new Uint8Array(length);
  let used = 0;
  for (let at = 0; at < end; at += 2 + old[at + 1]) {
    if (old[at] == type) continue;
    bytes.set(old.subarray(at, at + 2 + old[at + 1]), used);
    used += 2 + old[at + 1];
  }
  for (let i = 0; i < contents.length; i++) {
    bytes[used] = type;
    bytes[used + 1] = contents[i].length;
    bytes.set(contents[i], used + 2);
    used += 2 + contents[i].length;
  }
  return store.save(bytes.subarray(0, used));
}

/** Calls what saves; tells of a store that says no or throws, and returns false. */
export function attempt(host: Host, what: string, save: () => boolean): boolean {
  let text = "the store has not kept it";
  try {
    if (save() === true) return true;
  } catch (e) {
    host._counters[Counter.Exceptions]++;
    text = String(e);
  }
  report(host, failure("store", what, 0, text));
  return false;
}

/** Lets the address of a device that has none of its own outlive a restart, in `options.store`. */
export function addStore(host: Host): void {
  const store = host._options.store;
  const session = host._session;

  if (!store) return;
  callable("open", "store.load", store.load);
  callable("open", "store.save", store.save);
  try {
    if (!session.address) session.address = readRecord(store, Record.Address, 6);
  } catch (e) {
    report(host, failure("store", "address", 0, String(e)));
  }
  host._keep = function (address) {
    attempt(host, "address", function () {
      return addRecord(store, Record.Address, address);
    });
  };
}
