import assert from "node:assert/strict";
import { chmodSync, closeSync, existsSync, lstatSync, mkdirSync, openSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import type { BlimpError } from "../../core/errors.js";
import { createFileStore } from "../../targets/node/index.js";
import { useFolder } from "./support/folder.js";

describe("a store in a file", () => {
  const path = useFolder();

  it("gives back what it was given, also to another one of the same file", () => {
    const store = createFileStore(path("bonds"));
    assert.equal(store.load(), null);
    for (const bytes of [[1, 2, 3], [], [255, 0, 10, 13]]) {
      assert.equal(store.save(Uint8Array.from(bytes)), true);
      const loaded = createFileStore(path("bonds")).load()!;
      assert.ok(loaded.constructor === Uint8Array);
      assert.deepEqual([...loaded], bytes);
    }
    assert.deepEqual(readdirSync(path(".")), ["bonds"], "nothing else is left");
  });

  it("can be read by its owner alone, whatever the file was before", () => {
    createFileStore(path("bonds")).save(Uint8Array.of(1));
    assert.equal(statSync(path("bonds")).mode & 0o777, 0o600);
    chmodSync(path("bonds"), 0o644);
    createFileStore(path("bonds")).save(Uint8Array.of(2));
    assert.equal(statSync(path("bonds")).mode & 0o777, 0o600);
  });

  it("replaces the file as a whole, and leaves a link what it is", () => {
    createFileStore(path("real")).save(Uint8Array.of(1));
    symlinkSync(path("real"), path("link"));
    const before = statSync(path("real")).ino;
    assert.equal(createFileStore(path("link")).save(Uint8Array.of(2)), true);
    assert.notEqual(statSync(path("real")).ino, before, "it was not written over");
    assert.ok(lstatSync(path("link")).isSymbolicLink());
    assert.deepEqual([...createFileStore(path("real")).load()!], [2]);
  });

  it("neither reads nor changes a file of another kind", () => {
    writeFileSync(path("letter"), "Dear Sir or Madam");
    writeFileSync(path("empty"), "");
    mkdirSync(path("folder"));
    for (const name of ["letter", "empty", "folder"]) {
      assert.throws(() => createFileStore(path(name)).load(), ({ code, message }: BlimpError) => code === "store" && message.includes(`${path(name)} is not a store of blimp`));
    }
    assert.equal(readFileSync(path("letter"), "utf8"), "Dear Sir or Madam");
  });

  it("erases: zeros over the file where it lies, then takes it away; a link stays, and points to nothing", () => {
    createFileStore(path("real")).save(Uint8Array.from([7, 7, 7]));
    symlinkSync(path("real"), path("link"));
    // Whoever has the file open still sees what became of it.
    const file = openSync(path("real"), "r");
    assert.equal(createFileStore(path("link")).erase!(), true);
    const seen = readFileSync(file);
    closeSync(file);
    assert.deepEqual([seen.length > 3, seen.every((byte) => byte === 0)], [true, true]);
    assert.deepEqual(readdirSync(path(".")), ["link"]);
    assert.equal(createFileStore(path("link")).load(), null);
    assert.equal(createFileStore(path("none")).erase!(), true, "nothing to be erased is no error");
  });

  it("erases no file of another kind, and says why", () => {
    const errors: Error[] = [];
    writeFileSync(path("letter"), "Dear Sir or Madam");
    assert.equal(createFileStore(path("letter"), (error) => errors.push(error)).erase!(), false);
    assert.equal(readFileSync(path("letter"), "utf8"), "Dear Sir or Madam");
    assert.match(errors[0].message, /letter is not a store of blimp; it is left as it is/);
    assert.equal(createFileStore(path("letter")).erase!(), false, "also where nobody wants to know");
  });

  it("says plainly what could not be written, and keeps what there was", () => {
    const errors: Error[] = [];
    mkdirSync(path("folder"));
    const store = createFileStore(path("folder/none/bonds"), (error) => errors.push(error));
    assert.equal(store.save(Uint8Array.of(1)), false);
    assert.match(errors[0].message, /^blimp save: .*folder\/none\/bonds could not be written: ENOENT/);
    assert.equal((errors[0] as BlimpError).code, "store");
    assert.equal(createFileStore(path("folder/none/bonds")).save(Uint8Array.of(1)), false, "also where nobody wants to know");
    // A folder cannot be replaced by a file: what was written beside it goes again.
    assert.equal(createFileStore(path("folder")).save(Uint8Array.of(1)), false);
    assert.deepEqual(readdirSync(path(".")), ["folder"]);
    assert.ok(!existsSync(path("folder/none")));
  });
});
