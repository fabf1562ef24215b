/**
 * Software cryptography on Node: AES-128 blocks and P-256 multiplications, in doubles, by BigInt and, as the yardstick, with plain limbs, beside node:crypto's, with the
 * heap that they take; and what a slice of one multiplication in the field costs. `node --expose-gc crypto.bench.mjs [--json FILE]`. What counts on a microcontroller, instructions, is counted there.
 */
import { createCipheriv, createECDH } from "node:crypto";
import { encryptBlock } from "../core/crypto/aes.js";
import { BASE, type Arithmetic } from "../core/crypto/p256.js";
import { addBigInt } from "../core/crypto/p256bigint.js";
import { DOUBLES } from "../core/crypto/p256doubles.js";
import { multiplyPlainly } from "./p256plain.js";
import { heapOf, save, speedOf, table, whole, type Heap, type Speed, type Work } from "./measure.js";

const BLOCKS = 100_000;
const PRODUCTS = 20;
const PLAIN_PRODUCTS = 5;
const SLICES = 20_000;

const secret = Buffer.from("3f49f6d4a3c55f3874c9b3e3d2103f504aff607beb40b7995899b8a6cd3c1abd", "hex");
const other = Buffer.from(
  "1ea1f0f01faf1d9609592284f19e4c0047b58afd8615a69f559077b22faaa1904c55f33e429dad377356703a9ab85160472d1130e28e36765f89aff915b1214a",
  "hex",
);
const key = new Uint8Array(16);
const block = new Uint8Array(16);
const base = Buffer.from(BASE, "hex");

const host: any = {};
addBigInt(host);
const BIGINT: Arithmetic = host._p256;

const aes: Work = (count) => {
  for (let i = 0; i < count; i++) encryptBlock(key, block);
};

const nodeAes: Work = (count) => {
  const cipher = createCipheriv("aes-128-ecb", key, null);
  for (let i = 0; i < count; i++) cipher.update(block);
};

/** In slices of so many steps. */
function multiplication(arithmetic: Arithmetic, budget: number): Work {
  return (count) => {
    for (let i = 0; i < count; i++) {
      const m = arithmetic._begin(secret, other);
      while (!arithmetic._step(m, budget));
      arithmetic._product(m);
    }
  };
}

const plain: Work = (count) => {
  for (let i = 0; i < count; i++) multiplyPlainly(secret, other);
};

const nodeMultiplication: Work = (count) => {
  const ecdh = createECDH("prime256v1");
  const point = Buffer.concat([Buffer.of(4), other]);
  ecdh.setPrivateKey(secret);
  for (let i = 0; i < count; i++) ecdh.computeSecret(point);
};

/** One slice after another. */
function slices(arithmetic: Arithmetic): Work {
  return (count) => {
    let m = arithmetic._begin(secret, base);
    for (let i = 0; i < count; i++) if (arithmetic._step(m, 1)) m = arithmetic._begin(secret, base);
  };
}

function check(arithmetic: Arithmetic): Work {
  return (count) => {
    for (let i = 0; i < count; i++) if (!arithmetic._isOnCurve(other)) throw new Error("a point is not taken");
  };
}

interface Row {
  readonly what: string;
  readonly speed: Speed;
  readonly heap: Heap;
}

const cases: [what: string, work: Work, speed: number, heap: number][] = [
  ["AES-128 block", aes, BLOCKS, BLOCKS],
  ["the same by node:crypto", nodeAes, BLOCKS, BLOCKS],
  ["P-256 multiplication, plain limbs of 16 bits", plain, PLAIN_PRODUCTS, PLAIN_PRODUCTS],
  ["in doubles, in one", multiplication(DOUBLES, 1e9), PRODUCTS, PRODUCTS],
  ["in doubles, in slices of 1", multiplication(DOUBLES, 1), PRODUCTS, PRODUCTS],
  ["by BigInt, in one", multiplication(BIGINT, 1e9), PRODUCTS, PRODUCTS],
  ["by BigInt, in slices of 1", multiplication(BIGINT, 1), PRODUCTS, PRODUCTS],
  ["the same by node:crypto", nodeMultiplication, PRODUCTS, PRODUCTS],
  ["one slice of 1, in doubles", slices(DOUBLES), SLICES, SLICES],
  ["one slice of 1, by BigInt", slices(BIGINT), SLICES, SLICES],
  ["a point checked, in doubles", check(DOUBLES), SLICES / 10, SLICES / 10],
  ["a point checked, by BigInt", check(BIGINT), SLICES / 10, SLICES / 10],
];

const rows = cases.map(([what, work, count, heapCount]): Row => ({ what, speed: speedOf([work], count)[0], heap: heapOf(work, heapCount, Math.min(heapCount, 1000)) }));
console.log(`\nSoftware cryptography. Node ${process.version}\n`);
table(
  ["what", "a second", "microseconds each", "heap each, bytes", "retained"],
  rows.map(({ what, speed, heap }) => [what, whole(speed.persecond), (1e6 / speed.persecond).toFixed(2), (heap.allocated / heap.count).toFixed(1), whole(heap.retained)]),
);

save("crypto", { rows });
