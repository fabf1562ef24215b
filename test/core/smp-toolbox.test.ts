import assert from "node:assert/strict";
import { createCipheriv } from "node:crypto";
import { encryptBlock } from "../../core/crypto/aes.js";
import { addCrypto, cmac } from "../../core/crypto/provider.js";
import { ah, c1, f4, f5, f6, g2, h6, h7, s1 } from "../../core/smp/toolbox.js";
import { createOpen } from "../../core/bluetooth.js";
import { createBoard, makeImage, type Board } from "../../hal/mock/index.js";
import { hex, unhex } from "../support/rig.js";
import { SEC } from "../support/security.js";

/** The parts under test on a board of their own. */
function provider(change: (board: Board, hal: any) => void = () => {}, software = true): { host: any; board: Board; encrypts: () => number } {
  const board = createBoard();
  const hal: any = { ...board.hal };
  change(board, hal);
  let host: any;
  let ready = false;
  const open = createOpen<object>([
    (made) => {
      host = made;
      if (software) host._software = encryptBlock;
      return addCrypto(made);
    },
  ], 1026);
  open(hal, makeImage(), { onready: () => (ready = true) });
  board.clock.until(() => ready, 10_000);
  assert.ok(ready);
  return { host, board, encrypts: () => board.chip.log.filter(({ opcode }) => opcode === SEC.ENCRYPT).length };
}

function native(key: Uint8Array, block: Uint8Array): void {
  const cipher = createCipheriv("aes-128-ecb", key, null).setAutoPadding(false);
  block.set(cipher.update(block));
}

type Compute = (host: any, done: (...results: any[]) => void) => void;

const U = "20b003d2f297be2c5e2c83a7e9f9a5b9eff49111acf4fddbcc0301480e359de6";
const V = "55188b3d32f6bb9a900afcfbeed4e72a59cb9ac2f19d7cfb6b4fdd49f47fc5fd";
const N1 = "d5cb8454d177733effffb2ec712baeab";
const N2 = "a6e8e7cc25a75f6e216583f7ff3dc4cf";
const A1 = "0056123737bfce";
const A2 = "00a713702dcfc1";
const MACKEY = "2965f176a1084a02fd3f6a20ce636e20";
const IRK = "ec0234a357c8ad05341010a60a397d9b";

/** Typed from Core Vol 3 Part H (2.2.3, 2.2.4, Appendix D), RFC 4493 section 4 and FIPS-197 Appendices B and C.1. */
const SAMPLES: [string, Compute, string[]][] = [
  ["e, FIPS-197 B", (h, d) => e(h, "2b7e151628aed2a6abf7158809cf4f3c", "3243f6a8885a308d313198a2e0370734", d), ["3925841d02dc09fbdc118597196a0b32"]],
  ["e, FIPS-197 C.1", (h, d) => e(h, "000102030405060708090a0b0c0d0e0f", "00112233445566778899aabbccddeeff", d), ["69c4e0d86a7b0430d8cdb78070b4c55a"]],
  ["AES-CMAC, empty", (h, d) => cmac(h, null, unhex("2b7e151628aed2a6abf7158809cf4f3c"), unhex(""), d), ["bb1d6929e95937287fa37d129b756746"]],
  ["AES-CMAC, 16 octets", (h, d) => cmac(h, null, unhex("2b7e151628aed2a6abf7158809cf4f3c"), unhex("6bc1bee22e409f96e93d7e117393172a"), d), ["070a16b46b4d4144f79bdd9dd04a287c"]],
  [
    "AES-CMAC, 40 octets",
    (h, d) => cmac(h, null, unhex("2b7e151628aed2a6abf7158809cf4f3c"), unhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411"), d),
    ["dfa66747de9ae63030ca32611497c827"],
  ],
  [
    "AES-CMAC, 64 octets",
    (h, d) =>
      cmac(h, null, unhex("2b7e151628aed2a6abf7158809cf4f3c"), unhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710"), d),
    ["51f0bebf7e3b9d92fc49741779363cfe"],
  ],
  // 2.2.3: preq 0x07071000000101, pres 0x05000800000302, iat 1, rat 0, ia A1..A6, ra B1..B6.
  [
    "c1",
    (h, d) =>
      c1(h, null, unhex("00".repeat(16)), unhex("5783d52156ad6f0e6388274ec6702ee0"), unhex("05000800000302" + "07071000000101" + "00" + "01"), unhex("00000000" + "a1a2a3a4a5a6" + "b1b2b3b4b5b6"), d),
    ["1e1e3fef878988ead2a74dc5bef13b86"],
  ],
  ["s1", (h, d) => s1(h, null, unhex("00".repeat(16)), unhex("000f0e0d0c0b0a091122334455667788"), unhex("010203040506070899aabbccddeeff00"), d), ["9a1fe1f0e8b0f49b5b4216ae796da062"]],
  ["f4, D.2", (h, d) => f4(h, null, unhex(U), unhex(V), unhex(N1), 0, d), ["f2c916f107a9bd1cf1eda1bea974872d"]],
  ["f5, D.3", (h, d) => f5(h, null, unhex("ec0234a357c8ad05341010a60a397d9b99796b13b4f866f1868d34f373bfa698"), unhex(N1), unhex(N2), unhex(A1), unhex(A2), d), [MACKEY, "6986791169d7cd23980522b594750a38"]],
  ["f6, D.4", (h, d) => f6(h, null, unhex(MACKEY), unhex(N1), unhex(N2), unhex("12a3343bb453bb5408da42d20c2d0fc8"), unhex("010102"), unhex(A1), unhex(A2), d), ["e3c473989cd0e8c5d26c0b09da958f61"]],
  // 0x2f9ed5ba, of which the user sees the last six decimal digits.
  ["g2, D.5", (h, d) => g2(h, null, unhex(U), unhex(V), unhex(N1), unhex(N2), d), [String(0x2f9ed5ba % 1000000)]],
  ["h6, D.6", (h, d) => h6(h, null, unhex(IRK), unhex("6c656272"), d), ["2d9ae102e76dc91ce8d3a9e280b16399"]],
  ["ah, D.7", (h, d) => ah(h, null, unhex(IRK), unhex("708194"), d), ["0dfbaa"]],
  ["h7, D.8", (h, d) => h7(h, null, unhex("00000000000000000000000000000000".slice(8) + "746d7031"), unhex(IRK), d), ["fb173597c6a3c0ecd2998c2a75a57011"]],
];

function e(host: any, key: string, block: string, done: (result: Uint8Array) => void): void {
  // ah and s1 are e with a padded block; here e itself, by s1 of the halves.
  s1(host, null, unhex(key), unhex("00".repeat(8) + block.slice(0, 16)), unhex("00".repeat(8) + block.slice(16)), done);
}

const PROVIDERS: [string, () => ReturnType<typeof provider>, boolean][] = [
  ["LE Encrypt of the controller", () => provider(), true],
  ["the board's own accelerator", () => provider((_, hal) => void (hal.crypto = { aes: native })), false],
  [
    "software, where the chip does not claim LE Encrypt",
    () =>
      provider((board) => {
        // Octet 27, bit 6 of Supported Commands.
        board.chip.hook = (opcode) => {
          if (opcode !== 0x1002) return undefined;
          const commands = new Uint8Array(64).fill(255);
          commands[27] &= ~0x40;
          return { bytes: Uint8Array.from([4, 0x0e, 68, 1, 2, 0x10, 0, ...commands]) };
        };
      }),
    false,
  ],
];

describe("the toolbox of the Security Manager has the results of the specification", () => {
  for (const [name, make, asks] of PROVIDERS) {
    describe(`with ${name}`, () => {
      let made: ReturnType<typeof provider>;
      before(() => (made = make()));
      for (const [sample, compute, expected] of SAMPLES) {
        it(sample, () => {
          let results: string[] | null = null;
          compute(made.host, (...values) => (results = values.map((value) => (typeof value === "number" ? String(value) : hex(value)))));
          made.board.clock.run(500);
          assert.deepEqual(results, expected);
        });
      }
      it(asks ? "and has asked the chip for it" : "and has not asked the chip", () => {
        assert.equal(made.encrypts() > 0, asks);
      });
    });
  }

  it("with software once the chip refuses LE Encrypt with 0x01 or a status, or gives a short answer, in the middle of a CMAC", () => {
    for (const answer of [{ status: 0x01 }, { status: 0x0c }, { bytes: Uint8Array.from([4, 0x0e, 4, 1, 0x17, 0x20, 0]) }, { bytes: Uint8Array.from([4, 0x0f, 4, 1, 1, 0x17, 0x20]) }]) {
      for (let good = 0; good < 3; good++) {
        const made = provider();
        made.board.chip.hook = (opcode, _, count) => (opcode === SEC.ENCRYPT && made.encrypts() > good ? answer : (void count, undefined));
        const results: string[] = [];
        for (let i = 0; i < 2; i++) cmac(made.host, null, unhex("2b7e151628aed2a6abf7158809cf4f3c"), unhex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411"), (mac) => void results.push(hex(mac)));
        made.board.clock.run(1000);
        assert.deepEqual(results, ["dfa66747de9ae63030ca32611497c827", "dfa66747de9ae63030ca32611497c827"], JSON.stringify([answer, good]));
        assert.ok(made.encrypts() <= good + 1, "it is not asked again");
      }
    }
  });

  it("with software when the chip never answers LE Encrypt", () => {
    const made = provider();
    made.board.chip.hook = (opcode) => (opcode === SEC.ENCRYPT ? "drop" : undefined);
    let result = "";
    ah(made.host, null, unhex(IRK), unhex("708194"), (hash) => (result = hex(hash)));
    made.board.clock.run(10_000);
    assert.equal(result, "0dfbaa");
  });

  it("whatever the values, as node:crypto has them: 200 random keys and blocks", () => {
    const made = provider((_, hal) => void (hal.crypto = {}), true);
    made.host._slowly = true;
    for (let i = 0; i < 200; i++) {
      const key = Uint8Array.from({ length: 16 }, (_, j) => (i * 37 + j * 101 + ((i * j) >> 2)) & 255);
      const block = Uint8Array.from({ length: 16 }, (_, j) => (i * 11 + j * 59) & 255);
      const right = block.slice();
      native(key, right);
      let result = "";
      e(made.host, hex(key), hex(block), (value) => (result = hex(value)));
      assert.equal(result, hex(right));
    }
  });
});
