import type { Store } from "../../core/options.js";

declare function require(name: string): any;

/**
 * A place in the board's file system for `options.store`: bonds, and the address of a device that has none of its own. The file system keeps
 * the old file until the new one is whole.
 * @param path of the file
 */
export function store(path: string): Store {
  const fs = require("fs");

  function load(): Uint8Array | null {
    return fs.exists(path) ? fs.readFile(path) : null;
  }

  return {
    load: load,
    save: function (bytes) {
      const old = load();
      let same = !!old && old.length == bytes.length;
      for (let i = 0; same && i < bytes.length; i++) if (old![i] != bytes[i]) same = false;
      // Flash wears.
      if (same) return true;
      // Kaluma writes the buffer behind a view: an array of its own.
      fs.writeFile(path, new Uint8Array(bytes));
      return true;
    },
    erase: function () {
      if (fs.exists(path)) fs.unlink(path);
      return true;
    },
  };
}
