import assert from "node:assert/strict";
import { createCipheriv } from "node:crypto";
import { load } from "./support/load.js";

/** An Espruino board: its clock in seconds, which may be set; Storage; AES, where it has some. */
class Board {
  seconds = 1_000_000;
  readonly files = new Map<string, string>();
  full = false;
  compactions = 0;
  /** What `setTimeout` was given and has not been called yet. */
  readonly waiting: (() => void)[] = [];
  readonly surroundings: { [name: string]: unknown };

  constructor(aes = true) {
    const storage = {
      read: (name: string) => this.files.get(name),
      write: (name: string, data: Uint8Array) => {
        if (data.length === 0) throw new Error("Can't create zero length file");
        if (this.full) return false;
        this.files.set(name, Buffer.from(data).toString("latin1"));
        return true;
      },
      erase: (name: string) => void this.files.delete(name),
      compact: () => void this.compactions++,
    };
    const crypto = {
      AES: {
        encrypt: (message: Uint8Array, key: Uint8Array, options: { mode: string }) => {
          assert.equal(options.mode, "ECB");
          if (this.full) return undefined;
          const cipher = createCipheriv("aes-128-ecb", key, null).setAutoPadding(false);
          return new Uint8Array(Buffer.concat([cipher.update(message), cipher.final()])).buffer;
        },
      },
    };
    this.surroundings = {
      getTime: () => this.seconds,
      setTimeout: (callback: () => void) => this.waiting.push(callback),
      clearTimeout: () => {},
      digitalRead: () => 0,
      digitalWrite: () => {},
      E: { toArrayBuffer: (text: string) => new Uint8Array(Buffer.from(text, "latin1")).buffer, hwRand: () => 0x1a5 },
      engineRequire: (name: string) => {
        if (name === "Storage") return storage;
        if (name === "crypto" && aes) return crypto;
        throw new Error(`Module ${name} not found`);
      },
    };
  }

  load(preset: string): Promise<any> {
    return load(`targets/espruino/${preset}.ts`, this.surroundings);
  }
}

describe("the HAL of Espruino", () => {
  it("has a clock that goes on with the board's, and takes no part in its leaps", async () => {
    const board = new Board();
    const { timer } = (await board.load("beacon")).hal({ serial: {} });
    const start = timer.now();
    const passed = (): number => Math.round(timer.now() - start);
    board.seconds += 1.5;
    assert.equal(passed(), 1500);
    // The time of day is set: years forward, then a bit back.
    board.seconds += 1e9;
    assert.equal(passed(), 1500);
    board.seconds += 0.25;
    assert.equal(passed(), 1750);
    board.seconds -= 30;
    assert.equal(passed(), 1750);
    board.seconds += 0.25;
    assert.equal(passed(), 2000);
  });

  it("has a clock that believes in a pause as long as a timer that has been set", async () => {
    const board = new Board();
    const { timer } = (await board.load("beacon")).hal({ serial: {} });
    const start = timer.now();
    board.seconds += 59;
    assert.equal(Math.round(timer.now() - start), 59_000);
    timer.set(60_000, () => {});
    board.seconds += 60.1;
    assert.equal(Math.round(timer.now() - start), 119_100);
    board.seconds += 121;
    assert.equal(Math.round(timer.now() - start), 119_100);
  });

  it("takes random bytes of the board only where the wiring says that they are fit", async () => {
    const { hal } = await new Board().load("secure");
    assert.equal(hal({ serial: {} }).random, undefined);
    assert.equal(hal({ serial: {}, random: false }).random, undefined);
    const target = new Uint8Array(3);
    hal({ serial: {}, random: true }).random(target);
    assert.deepEqual([...target], [0xa5, 0xa5, 0xa5]);
  });

  it("encrypts with the board's AES where there is one: FIPS-197, appendix C.1", async () => {
    const { crypto } = (await new Board().load("secure")).hal({ serial: {} });
    const block = Uint8Array.from(Buffer.from("00112233445566778899aabbccddeeff", "hex"));
    crypto.aes(Uint8Array.from({ length: 16 }, (_, i) => i), block);
    assert.equal(Buffer.from(block).toString("hex"), "69c4e0d86a7b0430d8cdb78070b4c55a");
    assert.equal((await new Board(false).load("full")).hal({ serial: {} }).crypto, undefined);
  });

  it("encrypts also where the board has no memory for that", async () => {
    const board = new Board();
    const { crypto } = (await board.load("secure")).hal({ serial: {} });
    const block = Uint8Array.from(Buffer.from("00112233445566778899aabbccddeeff", "hex"));
    board.full = true;
    crypto.aes(Uint8Array.from({ length: 16 }, (_, i) => i), block);
    assert.equal(Buffer.from(block).toString("hex"), "69c4e0d86a7b0430d8cdb78070b4c55a");
  });

  it("keeps bytes in Storage, and says where that failed", async () => {
    const board = new Board();
    const store = (await board.load("secure")).store("bonds");
    assert.equal(store.load(), null);
    assert.equal(store.save(Uint8Array.from([1, 255, 0, 128])), true);
    assert.deepEqual([...store.load()], [1, 255, 0, 128]);
    board.full = true;
    assert.equal(store.save(Uint8Array.from([2])), false);
    assert.deepEqual([...store.load()], [1, 255, 0, 128]);
    // There are no empty files.
    assert.equal(store.save(new Uint8Array(0)), true);
    assert.equal(store.load(), null);
  });

  it("erases what is in Storage, and has flash compacted as soon as no code runs that may lie there", async () => {
    const board = new Board();
    const store = (await board.load("full")).store("bonds");
    store.save(Uint8Array.from([1, 2, 3]));
    assert.equal(store.erase(), true);
    assert.deepEqual([store.load(), board.files.size, board.compactions], [null, 0, 0]);
    for (const callback of board.waiting) callback();
    assert.equal(board.compactions, 1);
    assert.equal(store.erase(), true, "nothing to be erased is no error");
  });
});

describe("the store on Kaluma", () => {
  it("keeps bytes in a file, also of a view", async () => {
    const files = new Map<string, Uint8Array>();
    const fs = {
      exists: (path: string) => files.has(path),
      unlink: (path: string) => void assert.ok(files.delete(path)),
      readFile: (path: string) => files.get(path)!.slice(),
      // As Kaluma does it: the whole buffer behind a view.
      writeFile: (path: string, data: Uint8Array) => void files.set(path, new Uint8Array(data.buffer).slice(0, data.length)),
    };
    const { store } = await load("targets/kaluma/full.ts", { engineRequire: () => fs, millis: () => 0, micros: () => 0 });
    const kept = store("/bonds");
    assert.equal(kept.load(), null);
    assert.equal(kept.save(Uint8Array.from([9, 9, 1, 2, 3]).subarray(2)), true);
    assert.deepEqual([...kept.load()], [1, 2, 3]);
    assert.equal(kept.save(new Uint8Array(0)), true);
    assert.deepEqual([...kept.load()], []);
    assert.equal(kept.erase(), true);
    assert.deepEqual([kept.load(), files.size], [null, 0]);
    assert.equal(kept.erase(), true, "nothing to be erased is no error");
  });
});
