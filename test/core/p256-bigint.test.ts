import assert from "node:assert/strict";
import { createECDH } from "node:crypto";
import { Air, createBoard, Phone, VirtualClock } from "../../hal/mock/index.js";
import { open } from "../../targets/jerryscript/secure.js";
import { addBigInt } from "../../core/crypto/p256bigint.js";
import { IMAGE } from "../support/rig.js";
import { P, SAMPLES, unhex, WAYS } from "../support/p256.js";

const M = (2n ** 32n + 1n) * P;
const DIGIT = 2n ** 32n;

/**
 * The remainder as JerryScript 3.0 computes it (ecma_big_uint_div_mod): Knuth's algorithm D, in which the estimate of a digit is compared with the second digit of the divisor
 * instead of the next one of the dividend.
 */
function remainder(dividend: bigint, divisor: bigint): bigint {
  const wordsOf = (value: bigint, least: number): bigint[] => {
    const words: bigint[] = [];
    for (; value > 0n || words.length < least; value /= DIGIT) words.push(value % DIGIT);
    return words;
  };
  if (dividend < 0n) return -remainder(-dividend, divisor);
  if (dividend < divisor) return dividend;
  let shift = 0n;
  while (wordsOf(divisor << shift, 1).at(-1)! < DIGIT / 2n) shift++;
  const v = wordsOf(divisor << shift, 1);
  const size = v.length;
  const length = wordsOf(dividend, 1).length;
  const u = wordsOf(dividend << shift, length + 1);
  const [second, first] = v.slice(-2);
  for (let j = length - size; j >= 0; j--) {
    const top = u[j + size];
    const both = top * DIGIT + u[j + size - 1];
    let digit = top < first ? both / first : DIGIT - 1n;
    let rest = both - digit * first;
    while (rest < DIGIT && digit * second > (rest * DIGIT | second)) {
      digit--;
      rest += first;
    }
    // What is above the divisor's digits is left where it is and not looked at again.
    const part = u.slice(j, j + size + 1).reduceRight((sum, word) => sum * DIGIT + word, 0n);
    let left = part - digit * (divisor << shift);
    if (left < 0n) left += divisor << shift;
    wordsOf(left, size + 1).forEach((word, i) => (u[j + i] = word));
  }
  return u.slice(0, size).reduceRight((sum, word) => sum * DIGIT + word, 0n) >> shift;
}

describe("P-256 in BigInt: a division that is wrong at times", function () {
  this.timeout(60_000);

  it("is wrong for p, and right for the modulus in its place", () => {
    for (let i = 1n; i < 200n; i++) {
      assert.equal(remainder(i * M, M), 0n);
      assert.equal(remainder(i * M + 1n, M), 1n);
      assert.equal(remainder(i * M - 1n, M), M - 1n);
      assert.equal(remainder((M - i) * (M - 1n), M), i);
      assert.equal(remainder(-((M - i) * (M - i)), M), -i * i);
    }
    assert.notEqual(remainder(2n * P, P), 0n);
    assert.notEqual(remainder(((2n ** 32n - 1n) * 77n << 448n) + (1n << 447n), P), (((2n ** 32n - 1n) * 77n << 448n) + (1n << 447n)) % P);
  });

  it("is right for the modulus whatever the digits are", () => {
    const words = [0n, 1n, 2n, DIGIT - 1n, DIGIT - 2n, DIGIT / 2n, DIGIT / 2n - 1n, DIGIT / 2n + 1n];
    let state = 1;
    const next = () => (state = (state * 48271) % 2147483647);
    for (let i = 0; i < 3000; i++) {
      let dividend = 0n;
      for (let k = 0; k < 18; k++) dividend = dividend * DIGIT + (next() & 64 ? words[next() & 7] : (BigInt(next()) * 7n) % DIGIT);
      assert.equal(remainder(dividend, M), dividend % M);
    }
  });
});

describe("P-256 in BigInt: where it is taken", () => {
  it("is where the engine's BigInt works", () => {
    const host: any = {};
    addBigInt(host);
    assert.equal(host._p256._steps, WAYS[1][1]._steps);
  });

  it("all numbers on the way are others with other chance", () => {
    const arithmetic = WAYS[1][1];
    const seen = new Set<bigint>();
    for (const chance of ["0000000000000000", "0000000000000001", "ffffffffffffffff"]) {
      const m = arithmetic._begin(unhex(SAMPLES[0][0] + chance), unhex(SAMPLES[0][3]));
      const own = new Set<bigint>();
      for (let i = 0; i < 40; i++) {
        arithmetic._step(m, 1);
        for (const number of [...m._point, ...m._table.flat()] as bigint[]) own.add(number < 0n ? -number : number);
      }
      // Three of each point, and five of each in the table, those of a point and its negative being the same.
      assert.equal(own.size, 39 * 3 + 3 + 4 * 5 - 3);
      for (const number of own) assert.ok(!seen.has(number));
      for (const number of own) seen.add(number);
    }
  });
});

describe("P-256 in BigInt: in an instance", () => {
  const CODE = 271828;

  /** A phone pairs with the preset for engines that may have BigInt; the level that came of it. */
  function pair(more: object): number {
    const clock = new VirtualClock();
    const air = new Air(clock, { seed: 7 });
    const board = createBoard({ air, seed: 7 });
    const levels: number[] = [];
    const bt = open({ ...board.hal, ...more }, IMAGE, {});
    bt.setsecurity(4, CODE);
    bt.servegatt([{ uuid: 0xaa00, chars: [{ uuid: 0xaa01, value: "x" }] }]);
    bt.onconnect((connection) => void levels.push(connection.security()));
    bt.startadvertise("x", 100, 100);
    clock.run(60_000);
    const phone = new Phone(air, { address: "0b5e12e20001", interval: 7.5, mtu: 23, pairing: { passkey: CODE } });
    phone.connect();
    assert.equal(phone.read("aa01")[0], 120);
    assert.deepEqual(phone.violations, []);
    bt.close();
    clock.run(5000);
    return levels[0];
  }

  it("a pairing comes to level 4", () => {
    assert.equal(pair({}), 4);
  }).timeout(20_000);

  it("an accelerator of the board comes first, and gets a secret without what is behind it", () => {
    const lengths: number[] = [];
    const ecdh = createECDH("prime256v1");
    const crypto = {
      p256public: (secret: Uint8Array, target: Uint8Array): boolean => {
        lengths.push(secret.length);
        ecdh.setPrivateKey(secret);
        target.set(ecdh.getPublicKey().subarray(1));
        return true;
      },
      p256shared: (secret: Uint8Array, peer: Uint8Array, target: Uint8Array): boolean => {
        lengths.push(secret.length);
        ecdh.setPrivateKey(secret);
        target.set(ecdh.computeSecret(Uint8Array.from([4, ...peer])));
        return true;
      },
    };
    assert.equal(pair({ crypto }), 4);
    assert.ok(lengths.length >= 2 && lengths.every((length) => length === 32), String(lengths));
  }).timeout(20_000);
});
