import type { Options } from "./options.js";

/** What a record of the store holds; the numbers are the store's format and never change their meaning. */
export const enum Record {
  /** The device's static random address, 6 bytes, least significant octet first. */
  Address = 1,
}

/** The opaque bytes of `options.store`: records of type, length, content, one after another. */
export interface Records {
  /** A copy of the first record of this type and length, or null. */
  _get(type: Record, length: number): Uint8Array | null;
  /** Adds a record and saves; false where the store failed or there is none. */
  _add(type: Record, content: Uint8Array): boolean;
}

/** Reads the store. Bytes that make no sense end the list: what stands before them counts. */
export function createRecords(options: Options): Records {
  const store = options.store;

  function load(): Uint8Array {
    const bytes = store ? store.load() : null;
    return bytes instanceof Uint8Array ? bytes : new Uint8Array(0);
  }

  return {
    _get: function (type, length) {
      const bytes = load();
      let at = 0;
      while (at + 2 <= bytes.length && at + 2 + bytes[at + 1] <= bytes.length) {
        const end = at + 2 + bytes[at + 1];
        if (bytes[at] == type && bytes[at + 1] == length) return new Uint8Array(bytes.subarray(at + 2, end));
        at = end;
      }
      return null;
    },
    _add: function (type, content) {
      if (!store) return false;
      const old = load();
      const bytes = new Uint8Array(old.length + 2 + content.length);
      bytes.set(old, 0);
      bytes[old.length] = type;
      bytes[old.length + 1] = content.length;
      bytes.set(content, old.length + 2);
      return store.save(bytes);
    },
  };
}
