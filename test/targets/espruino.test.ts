import assert from "node:assert/strict";
import { createCipheriv } from "node:crypto";
import { load } from "./support/load.js";
import { FlashStorage } from "./support/storage.js";

/** An Espruino board: its clock in seconds, which may be set; Storage; AES, where it has some. */
class Board {
  seconds = 1_000_000;
  /** Variables that nobody uses. */
  free = 10_000;
  /** True: there is no memory for what AES gives. */
  full = false;
  storage = new FlashStorage();
  /** What `setTimeout` was given and has not been called yet. */
  readonly waiting: (() => void)[] = [];
  readonly surroundings: { [name: string]: unknown };

  constructor(aes = true) {
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
      getSerial: () => "23a19dc0-12345678",
      process: { memory: () => ({ free: this.free }) },
      E: { toArrayBuffer: (text: string) => new Uint8Array(Buffer.from(text, "latin1")).buffer, hwRand: () => 0x1a5 },
      engineRequire: (name: string) => {
        if (name === "Storage") return this.storage;
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

  it("says at once, with both figures, where the board's variables do not hold the preset, or an instance any more", async () => {
    const board = new Board();
    board.free = 900;
    const error = await board.load("secure").then(() => assert.fail("it has been loaded"), (error) => error);
    assert.deepEqual([error.code, error.step, error.detail], ["memory", "load", 900]);
    const [, needed] = /^blimp load: memory: (\d+) variables needed, 900 free$/.exec(error.message)!;
    board.free = Number(needed);
    const { hal } = await board.load("secure");
    // What the script has taken is not needed again.
    board.free = Number(needed) >> 1;
    assert.doesNotThrow(() => hal({ serial: {} }));
    board.free = 900;
    assert.throws(() => hal({ serial: {} }), { code: "memory", step: "hal", detail: 900 });
  });
});

describe("the store on Espruino", () => {
  const board = new Board();
  let make: (storage?: FlashStorage) => { load(): Uint8Array | null; save(bytes: Uint8Array): boolean };

  before(async () => {
    const script = await board.load("secure");
    make = (storage = new FlashStorage()) => {
      board.storage = storage;
      return script.store("bonds");
    };
  });

  it("keeps bytes, and nothing as nothing", () => {
    const store = make();
    assert.equal(store.load(), null);
    for (const bytes of [[1, 255, 0, 128], [2], [], [255, 255, 255, 255, 255, 255]]) {
      assert.equal(store.save(Uint8Array.from(bytes)), true);
      assert.deepEqual(store.load() && [...store.load()!], bytes.length ? bytes : null);
    }
    assert.equal(store.save(new Uint8Array(700).fill(7)), true);
    assert.deepEqual([...store.load()!], new Array(700).fill(7));
  });

  it("writes nothing where nothing has changed, and adds to a file as long as there is room in it", () => {
    const storage = new FlashStorage();
    const store = make(storage);
    const bytes = new Uint8Array(75);
    for (let i = 0; i < 300; i++) {
      bytes[3] = i;
      bytes[70] = i >> 8;
      for (let twice = 0; twice < 2; twice++) assert.equal(store.save(bytes), true);
      assert.deepEqual(store.load(), bytes);
      assert.equal(storage.files.size, 1);
    }
    // 75 bytes and a frame of 5 are 80: 12 of them go into 1024, the first with a file of its own.
    assert.deepEqual([storage.written, storage.created], [300, 25]);
    assert.equal(store.save(new Uint8Array(0)), true);
    assert.equal(store.save(new Uint8Array(0)), true);
    assert.equal(storage.written, 301);
  });

  it("has the old or the new when the power goes, wherever that is, and goes on", () => {
    const old = Uint8Array.from({ length: 64 }, (_, i) => 3 * i);
    const young = Uint8Array.from({ length: 60 }, (_, i) => 255 - i);
    let lost = 0;
    // In the middle of a file, and where another one begins.
    for (const earlier of [0, 3, 13]) {
      for (let power = 0; ; power++) {
        const storage = new FlashStorage();
        const store = make(storage);
        for (let i = 0; i < earlier; i++) store.save(Uint8Array.from({ length: 64 }, () => i + 1));
        store.save(old);
        storage.power = power;
        try {
          store.save(young);
        } catch {
          // Nobody is left to whom it could be told.
        }
        const whole = storage.power > 0;
        storage.power = Infinity;
        const found = [...store.load()!];
        if (whole) assert.deepEqual(found, [...young]);
        else assert.ok([old, young].some((bytes) => found.join() === bytes.join()), `${earlier} saved before, ${power} written: ${found}`);
        for (let i = 0; i < 14; i++) {
          const next = Uint8Array.from({ length: 64 }, () => 100 + i);
          assert.equal(store.save(next), true);
          assert.deepEqual(store.load(), next);
        }
        if (whole) break;
        lost++;
      }
    }
    assert.ok(lost > 180, `${lost} places`);
  });

  it("says where Storage has no room, and keeps what was", () => {
    const storage = new FlashStorage();
    const store = make(storage);
    storage.room = 1000;
    assert.equal(store.save(Uint8Array.of(1)), false);
    assert.equal(store.load(), null);
    storage.room = 1024 + 32;
    for (let i = 0; i < 12; i++) assert.equal(store.save(new Uint8Array(75).fill(i)), true, "a file has its room from the beginning");
    assert.equal(store.save(new Uint8Array(75).fill(12)), false);
    assert.deepEqual(store.load(), new Uint8Array(75).fill(11));
    storage.room = 2000;
    assert.equal(store.save(new Uint8Array(75).fill(12)), true);
    assert.deepEqual(store.load(), new Uint8Array(75).fill(12));
  });

  it("erases what is in Storage, and has flash compacted as soon as no code runs that may lie there", async () => {
    const board = new Board();
    const store = (await board.load("full")).store("bonds");
    store.save(Uint8Array.from([1, 2, 3]));
    assert.equal(store.erase(), true);
    assert.deepEqual([store.load(), board.storage.files.size, board.storage.compactions], [null, 0, 0]);
    for (const callback of board.waiting) callback();
    assert.equal(board.storage.compactions, 1);
    assert.equal(store.erase(), true, "nothing to be erased is no error");
  });
});
