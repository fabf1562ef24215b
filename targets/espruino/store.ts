import type { Store } from "../../core/options.js";

declare function require(name: string): any;
declare function setTimeout(callback: () => void, milliseconds: number): any;

/**
 * A place in the board's flash for `options.store`: bonds, and the address of a device that has none of its own.
 * @param name of the file in Storage, up to 28 characters
 */
export function store(name: string): Store {
  const storage = require("Storage");
  return {
    load: function () {
      const file = storage.read(name);
      // A copy: what is in flash may be moved by the next write.
      return file === undefined ? null : new Uint8Array(new Uint8Array(E.toArrayBuffer(file)));
    },
    save: function (bytes) {
      // There are no empty files.
      if (bytes.length) return storage.write(name, bytes) === true;
      storage.erase(name);
      return true;
    },
    erase: function () {
      storage.erase(name);
      // A file that is erased or written anew is only marked: its bytes stay in flash until all is compacted, which moves code, too. So that is left to
      // the engine, when no code runs.
      setTimeout(storage.compact, 0);
      return true;
    },
  };
}
