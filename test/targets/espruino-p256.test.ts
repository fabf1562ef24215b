import assert from "node:assert/strict";
import { createECDH } from "node:crypto";
import { parseHex } from "../../core/bytes/hex.js";
import { BASE, isSecret } from "../../core/crypto/p256.js";
import { DOUBLES } from "../../core/crypto/p256doubles.js";
import { machineCode } from "../../targets/espruino/native/code.js";
import { load } from "./support/load.js";

const SECRET = "3f49f6d4a3c55f3874c9b3e3d2103f504aff607beb40b7995899b8a6cd3c1abd";
const PUBLIC = "20b003d2f297be2c5e2c83a7e9f9a5b9eff49111acf4fddbcc0301480e359de6dc809c49652aeb6d63329abf5a52155c766345c28fed3024741c8ed01589d28b";
const PEER = "1ea1f0f01faf1d9609592284f19e4c0047b58afd8615a69f559077b22faaa1904c55f33e429dad377356703a9ab85160472d1130e28e36765f89aff915b1214a";
const SHARED = "ec0234a357c8ad05341010a60a397d9b99796b13b4f866f1868d34f373bfa698";

const CODE = Buffer.from(machineCode(), "base64");
/** As targets/espruino/native/p256.c has it. */
const MEMORY = 1091;

const CPUID = 0xe000ed00;
const CCR = 0xe000ed14;
const MPU_CTRL = 0xe000ed94;
const M4 = 0x410fc241;

/** A text that lies in memory in one piece, as Espruino's flat strings do. */
interface Flat {
  address: number;
  readonly bytes: Buffer;
}

function unhex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "hex"));
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

/** An Espruino board with a processor: of its memory there are flat strings in RAM, and files in flash. */
class Board {
  env: { [name: string]: unknown } = { BOARD: "PICO_R1_3", RAM: 96 * 1024, FLASH: 384 * 1024, EXPTR: 0x0803_4568 };
  registers: { [address: number]: number } = { [CPUID]: M4, [CCR]: 0x200, [MPU_CTRL]: 0 };
  ram = 0x2000_1a34;
  /** Where files are, if the processor sees them. */
  flash = 0x0806_0020;
  flats: Flat[] = [];
  readonly files = new Map<string, string>();
  /** Flat strings for which there is room. */
  room = 8;
  writes = 0;
  /** Where each call went. */
  readonly calls: number[] = [];
  readonly tools: { [name: string]: unknown };

  constructor() {
    this.tools = {
      toFlatString: (from: string | { data: number; count: number }) => {
        if (this.room-- <= 0) return undefined;
        const bytes = typeof from === "string" ? Buffer.from(from, "latin1") : Buffer.alloc(from.count, from.data);
        this.flats.push({ address: this.ram, bytes: Buffer.from(new Uint8Array(bytes).buffer) });
        this.ram += (bytes.length + 16) & ~3;
        return this.flats.at(-1);
      },
      toArrayBuffer: (flat: Flat) => flat.bytes.buffer,
      getAddressOf: (what: Flat | string | undefined, data: boolean) => {
        assert.equal(data, true);
        if (typeof what === "object") return what.address;
        return what !== undefined && [...this.files.values()].includes(what) ? this.flash : 0;
      },
      nativeCall: (address: number, signature: string) => {
        assert.equal(signature, "int(int,int)");
        assert.equal(address & 3, 1, "Thumb code at a multiple of 4");
        assert.equal(hex(this.at(address - 1)!.subarray(0, CODE.length)), hex(CODE));
        return (memory: number, given: number) => {
          this.calls.push(address - 1);
          return run(this.at(memory)!, given);
        };
      },
    };
  }

  /** The bytes at an address. */
  at(address: number): Buffer | undefined {
    if (address === this.flash) return Buffer.from([...this.files.values()][0], "latin1");
    return this.flats.find((flat) => flat.address === address)?.bytes;
  }

  async add(hal: object, file?: string): Promise<boolean> {
    const { addP256 } = await load("targets/espruino/p256.ts", {
      process: { env: this.env },
      E: this.tools,
      atob: (text: string) => Buffer.from(text, "base64").toString("latin1"),
      peek32: (address: number) => {
        assert.ok(address in this.registers, "a register that is not there is read");
        return this.registers[address];
      },
      engineRequire: (name: string) => {
        assert.equal(name, "Storage");
        return {
          read: (name: string) => this.files.get(name),
          write: (name: string, data: string) => {
            this.writes++;
            this.files.set(name, data);
            return true;
          },
        };
      },
    });
    return addP256(hal, file);
  }
}

/** What the machine code does to its memory. */
function run(memory: Buffer, given: number): number {
  const secret = Uint8Array.from(memory.subarray(0, 32));
  const point = Uint8Array.from(memory.subarray(32, 96));
  assert.equal(memory.length, MEMORY);
  memory.fill(0, 0, 32);
  memory.fill(0, 96);
  if (!isSecret(secret)) return 1;
  if (given && !DOUBLES._isOnCurve(point)) return 2;
  const work = DOUBLES._begin(secret, given ? point : parseHex(BASE)!);
  while (!DOUBLES._step(work, 1e6));
  memory.set(DOUBLES._product(work), 32);
  return 0;
}

/** A board that has got P-256, and what it has got. */
async function fitted(board = new Board(), file?: string): Promise<{ board: Board; crypto: any }> {
  const hal: any = {};
  assert.equal(await board.add(hal, file), true);
  return { board, crypto: hal.crypto };
}

describe("P-256 in machine code on Espruino", () => {
  it("gives the specification's sample keys", async () => {
    const { crypto } = await fitted();
    const [key, shared] = [new Uint8Array(64), new Uint8Array(32)];
    assert.equal(crypto.p256public(unhex(SECRET), key), true);
    assert.equal(hex(key), PUBLIC);
    assert.equal(crypto.p256shared(unhex(SECRET), unhex(PEER), shared), true);
    assert.equal(hex(shared), SHARED);
    // And from one call to the next: a peer's key is not taken for the next one's.
    assert.equal(crypto.p256public(unhex(SECRET), key), true);
    assert.equal(hex(key), PUBLIC);
  });

  it("refuses secrets that are none and points beside the curve, and leaves the target alone", async () => {
    const { crypto } = await fitted();
    const [key, shared] = [new Uint8Array(64).fill(7), new Uint8Array(32).fill(7)];
    assert.equal(crypto.p256public(new Uint8Array(32), key), false);
    assert.equal(crypto.p256public(new Uint8Array(32).fill(255), key), false);
    const beside = unhex(PEER);
    beside[63] ^= 1;
    assert.equal(crypto.p256shared(unhex(SECRET), beside, shared), false);
    assert.deepEqual([...key, ...shared], new Array(96).fill(7));
  });

  it("leaves neither secret nor product in its memory, nor changes what it is given", async () => {
    const { board, crypto } = await fitted();
    const [secret, peer] = [unhex(SECRET), unhex(PEER)];
    crypto.p256shared(secret, peer, new Uint8Array(32));
    assert.equal(hex(secret) + hex(peer), SECRET + PEER);
    const memory = board.flats.find(({ bytes }) => bytes.length === MEMORY)!;
    assert.ok(memory.bytes.every((byte) => byte === 0));
  });

  it("stands beside the AES that the HAL has", async () => {
    const aes = () => {};
    const hal: any = { crypto: { aes } };
    assert.equal(await new Board().add(hal), true);
    assert.equal(hal.crypto.aes, aes);
    assert.deepEqual(Object.keys(hal.crypto), ["aes", "p256public", "p256shared"]);
  });

  it("agrees with another side's keys", async () => {
    const { crypto } = await fitted();
    const other = createECDH("prime256v1");
    other.generateKeys();
    const [key, shared] = [new Uint8Array(64), new Uint8Array(32)];
    crypto.p256public(unhex(SECRET), key);
    crypto.p256shared(unhex(SECRET), new Uint8Array(other.getPublicKey().subarray(1)), shared);
    assert.equal(hex(shared), other.computeSecret(`04${hex(key)}`, "hex", "hex"));
  });
});

describe("P-256 in machine code: where it is run", () => {
  /** Boards whose processor is another one: their `process.env`, where data is. Nothing of a Cortex-M is read there. */
  const STRANGERS: [string, object, number][] = [
    ["ESP32", { BOARD: "ESP32", RAM: 512 * 1024, EXPTR: 0x3f40_3a2c }, 0x3ffc_1238],
    ["ESP32-C3", { BOARD: "ESP32C3_IDF4", RAM: 400 * 1024, EXPTR: 0x3c0c_1234 }, 0x3fc9_0124],
    ["ESP8266", { BOARD: "ESP8266_4MB", RAM: 80 * 1024, EXPTR: 0x4024_8890 }, 0x3ffe_9ab4],
    ["Linux", { BOARD: "LINUX", RAM: 0, EXPTR: 0x0812_3450 }, 0x2abc_0010],
    ["a firmware without exported functions", { BOARD: "MICROBIT1", RAM: 16 * 1024 }, 0x2000_1230],
    ["memory at another place", { BOARD: "OTHER", RAM: 64 * 1024, EXPTR: 0x0800_1234 }, 0x1000_0040],
  ];
  for (const [name, env, ram] of STRANGERS) {
    it(`not on another processor: ${name}`, async () => {
      const board = new Board();
      Object.assign(board, { env, ram, registers: {} });
      const hal: any = {};
      assert.equal(await board.add(hal, "p256"), false);
      assert.deepEqual([hal.crypto, board.writes, board.calls], [undefined, 0, []]);
    });
  }

  const PROCESSORS: [string, number, boolean][] = [
    ["Cortex-M0", 0x410c_c200, false],
    ["Cortex-M0+", 0x410c_c601, false],
    ["Cortex-M23", 0x411c_d200, false],
    ["Cortex-M3", 0x412f_c231, true],
    ["Cortex-M4", M4, true],
    ["Cortex-M7", 0x411f_c270, true],
    ["Cortex-M33", 0x411f_d210, true],
  ];
  for (const [name, cpuid, fit] of PROCESSORS) {
    it(`${fit ? "on" : "not on"} ${name}`, async () => {
      const board = new Board();
      board.registers[CPUID] = cpuid;
      assert.equal(await board.add({}), fit);
    });
  }

  it("not in RAM that is protected or cached, but out of Storage there, too", async () => {
    for (const [register, value] of [[MPU_CTRL, 5], [CCR, 0x10200], [CCR, 0x20200]]) {
      const board = new Board();
      board.registers[register] = value;
      const hal: any = {};
      assert.equal(await board.add(hal), false);
      assert.equal(hal.crypto, undefined);
      const { crypto } = await fitted(board, "p256");
      assert.equal(crypto.p256public(unhex(SECRET), new Uint8Array(64)), true);
      assert.deepEqual(board.calls, [board.flash]);
    }
  });

  it("not with an old firmware, nor without room", async () => {
    for (const missing of ["nativeCall", "toFlatString"]) {
      const board = new Board();
      delete board.tools[missing];
      assert.equal(await board.add({}), false);
    }
    for (const room of [0, 1]) {
      const board = new Board();
      board.room = room;
      assert.equal(await board.add({}), false);
    }
  });

  it("is put anew where Espruino has moved it to a place that is no multiple of 4", async () => {
    const { board, crypto } = await fitted();
    const code = board.flats.find(({ bytes }) => bytes.length === CODE.length)!;
    const key = new Uint8Array(64);
    code.address += 13 * 4;
    assert.equal(crypto.p256public(unhex(SECRET), key), true);
    assert.deepEqual(board.calls, [code.address]);
    code.address += 13;
    board.flats.find(({ bytes }) => bytes.length === MEMORY)!.address += 13;
    key.fill(0);
    assert.equal(crypto.p256public(unhex(SECRET), key), true);
    assert.equal(hex(key), PUBLIC);
    assert.deepEqual(board.calls.slice(1), [board.flats.at(-1)!.address]);
    // Nowhere left.
    board.flats.at(-1)!.address += 1;
    board.room = 0;
    assert.equal(crypto.p256public(unhex(SECRET), key), false);
  });

  it("is written to Storage once, and run there", async () => {
    const board = new Board();
    const { crypto } = await fitted(board, "p256");
    assert.equal(hex(Buffer.from(board.files.get("p256")!, "latin1")), hex(CODE));
    assert.equal(crypto.p256public(unhex(SECRET), new Uint8Array(64)), true);
    // Storage was tidied up.
    board.flash += 0x1000;
    assert.equal(crypto.p256shared(unhex(SECRET), unhex(PEER), new Uint8Array(32)), true);
    assert.deepEqual(board.calls, [board.flash - 0x1000, board.flash]);
    assert.equal(board.flats.length, 1, "nothing but its memory is in RAM");
    await fitted(board, "p256");
    assert.equal(board.writes, 1);
    // What an older release has left there.
    board.files.set("p256", "old");
    await fitted(board, "p256");
    assert.equal(board.writes, 2);
  });

  it("is in RAM where Storage is in a chip of its own", async () => {
    const board = new Board();
    board.flash = 0;
    const { crypto } = await fitted(board, "p256");
    assert.equal(crypto.p256public(unhex(SECRET), new Uint8Array(64)), true);
    assert.equal(hex(board.at(board.calls[0])!), hex(CODE));
  });
});
