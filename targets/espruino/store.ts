import type { Store } from "../../core/options.js";

declare function require(name: string): any;
declare function setTimeout(callback: () => void, milliseconds: number): any;

const enum Size {
  /** Of a file, at the least: room for some records. */
  File = 1024,
  /** What begins a record: the length of its content (least significant byte first), its number; what ends it: a sum. */
  Head = 3,
  Frame = 5,
  /** Records begin at multiples of this: some flash is written eight bytes at a time, and each of them once. */
  Align = 8,
}

/** The newest record of the two files. */
interface Newest {
  content: Uint8Array | null;
  /** Which file it is in, where the next record goes there, and the length of that file. */
  file: number;
  end: number;
  size: number;
  number: number;
}

/** Fletcher's sum of two bytes over a record; never that of erased flash. */
function sumOf(bytes: Uint8Array, at: number, length: number): number {
  let low = 1;
  let high = 0;
  for (let i = 0; i < length; i++) {
    low = (low + bytes[at + i]) % 255;
    high = (high + low) % 255;
  }
  return (high << 8) | low;
}

/** Looks through both files. */
function look(storage: any, name: string): Newest {
  const newest: Newest = { content: null, file: 0, end: 0, size: 0, number: 0 };
  for (let file = 0; file < 2; file++) {
    const text = storage.read(name + file);
    const bytes = new Uint8Array(E.toArrayBuffer(text === undefined ? "" : text));
    let at = 0;
    let found = false;
    while (at + Size.Frame <= bytes.length) {
      const length = bytes[at] | (bytes[at + 1] << 8);
      const end = at + Size.Head + length;
      if (length == 0xffff) break;
      // The power went while this was written: it cannot be told where the next one would begin.
      if (end + 2 > bytes.length) at = bytes.length;
      else {
        const number = bytes[at + 2];
        if (sumOf(bytes, at, Size.Head + length) == (bytes[end] | (bytes[end + 1] << 8)) && (!newest.content || ((number - newest.number) & 255) < 128)) {
          newest.content = bytes.subarray(at + Size.Head, end);
          newest.number = number;
          newest.file = file;
          found = true;
        }
        at = (end + 2 + Size.Align - 1) & -Size.Align;
      }
    }
    if (found) {
      newest.end = at;
      newest.size = bytes.length;
    }
  }
  return newest;
}

/**
 * A place in the board's flash for `options.store`: bonds, and the address of a device that has none of its own.
 *
 * Two files, NAME0 and NAME1, of which one is in use: what is saved is added behind what was, so that little is written and the room is there whatever else fills
 * the flash; a full file is followed by the other one. What was saved last stays until the new is whole, wherever the power goes.
 * @param name the beginning of both names, up to 27 characters
 */
export function store(name: string): Store {
  const storage = require("Storage");
  return {
    load: function () {
      const content = look(storage, name).content;
      // A copy: what is in flash may be moved by the next write. Nothing is kept as nothing.
      return content && content.length ? new Uint8Array(content) : null;
    },
    save: function (bytes) {
      const newest = look(storage, name);
      const length = bytes.length;
      const record = new Uint8Array(Size.Frame + length);
      let same = newest.content ? newest.content.length == length : !length;
      for (let i = 0; same && i < length; i++) if (newest.content![i] != bytes[i]) same = false;
      if (same) return true;
      record[0] = length;
      record[1] = length >> 8;
      record[2] = newest.number + 1;
      record.set(bytes, Size.Head);
      const sum = sumOf(record, 0, Size.Head + length);
      record[Size.Head + length] = sum;
      record[Size.Head + length + 1] = sum >> 8;
      let file = newest.file;
      let done = false;
      try {
        done = newest.end + record.length <= newest.size && storage.write(name + file, record, newest.end) === true;
      } catch (e) {
        // The rest of the file is not as it was erased: there has been a write that was broken off.
      }
      if (!done) {
        if (newest.content) file = 1 - file;
        storage.erase(name + file);
        try {
          done = storage.write(name + file, record, 0, record.length * 2 > Size.File ? record.length * 2 : Size.File) === true;
        } catch (e) {
          // There is no room, even if all that is erased were cleared away: what was stays.
        }
      }
      if (done) storage.erase(name + (1 - file));
      return done;
    },
    erase: function () {
      for (let file = 0; file < 2; file++) storage.erase(name + file);
      // A file that is erased or written anew is only marked: its bytes stay in flash until all is compacted, which moves code, too. So that is left to
      // the engine, when no code runs.
      setTimeout(storage.compact, 0);
      return true;
    },
  };
}
