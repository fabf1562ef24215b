import { closeSync, fstatSync, fsyncSync, openSync, readFileSync, realpathSync, renameSync, rmSync, writeSync } from "node:fs";
import { failure, type BlimpError } from "../../core/errors.js";
import type { Store } from "../../core/options.js";

/** What such a file begins with: nobody's letters are taken for bonds, or written over. */
const HEAD = Buffer.from("blimp store 1\n", "latin1");

/** Most bytes of the file: some hundred times what it can ever hold. */
const MOST = 1 << 20;

/** For whoever owns it alone: there are keys in it. */
const MODE = 0o600;

/**
 * A store for `options.store` in a file: bonds with their keys, and the address of a device that has none of its own. It is written whole, beside the
 * old one, which it then replaces: whatever happens meanwhile, one of the two is there. Only its owner may read it (mode 0600).
 * One process at a time uses a file. `erase()` writes zeros over it and takes it away.
 * @param path the file; it is made when something is saved for the first time
 * @param onerror gets why something could not be saved: a BlimpError "store" that names the file
 */
export function createFileStore(path: string, onerror?: (error: Error) => void): Store {
  return {
    /** @throws BlimpError "store" where the file cannot be read, or is another kind of file */
    load() {
      const bytes = read(path);
      return bytes === null ? null : contentsOf(path, bytes);
    },
    save(bytes) {
      try {
        replace(path, bytes);
        return true;
      } catch (error) {
        onerror?.(storeFailure("save", `${path} could not be written: ${(error as Error).message}`));
        return false;
      }
    },
    erase() {
      try {
        const bytes = read(path);
        if (bytes === null) return true;
        contentsOf(path, bytes);
        wipe(resolve(path), bytes.length);
        return true;
      } catch (error) {
        onerror?.((error as BlimpError).code === "store" ? (error as Error) : storeFailure("erase", `${path} could not be erased: ${(error as Error).message}`));
        return false;
      }
    },
  };
}

function storeFailure(step: string, text: string): Error {
  return failure("store", step, 0, text);
}

/** What is in the file; null where there is none. */
function read(path: string): Buffer | null {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw storeFailure("load", `${path} cannot be read: ${(error as Error).message}`);
  }
  try {
    const stat = fstatSync(file);
    if (!stat.isFile() || stat.size > MOST) throw storeFailure("load", `${path} is not a store of blimp; it is left as it is`);
    return readFileSync(file);
  } finally {
    closeSync(file);
  }
}

/** What such a file holds; throws for one of another kind. */
function contentsOf(path: string, bytes: Buffer): Uint8Array {
  if (!bytes.subarray(0, HEAD.length).equals(HEAD)) throw storeFailure("load", `${path} is not a store of blimp; it is left as it is`);
  return new Uint8Array(bytes.subarray(HEAD.length));
}

/** Writes zeros over a file where it lies, then takes it away. What the disk keeps of it elsewhere is beyond anybody's reach here. */
function wipe(path: string, length: number): void {
  const file = openSync(path, "r+");
  try {
    for (let at = 0; at < length; ) at += writeSync(file, Buffer.alloc(length), at, length - at, at);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  rmSync(path);
}

function replace(path: string, bytes: Uint8Array): void {
  const target = resolve(path);
  const other = `${target}.${process.pid}.new`;
  rmSync(other, { force: true });
  // Made anew, so that neither the rights nor the links of another file are inherited.
  const file = openSync(other, "wx", MODE);
  try {
    const whole = Buffer.concat([HEAD, bytes]);
    for (let at = 0; at < whole.length; ) at += writeSync(file, whole, at);
    // The name is changed only when the contents are on the disk.
    fsyncSync(file);
    renameSync(other, target);
  } catch (error) {
    rmSync(other, { force: true });
    throw error;
  } finally {
    closeSync(file);
  }
}

/** Where a link points to, so that the link stays one. */
function resolve(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
