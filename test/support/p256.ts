/** P-256 for tests: the ways to multiply, the field by BigInt, points, and the specification's samples. */
import { createECDH } from "node:crypto";
import { addBigInt } from "../../core/crypto/p256bigint.js";
import type { Arithmetic } from "../../core/crypto/p256.js";
import { DOUBLES } from "../../core/crypto/p256doubles.js";

/** What the part leaves for an instance. */
function bigints(): Arithmetic {
  const host: any = {};
  addBigInt(host);
  return host._p256;
}

/** The two ways to multiply, and what they are called. */
export const WAYS: readonly (readonly [string, Arithmetic])[] = [
  ["doubles", DOUBLES],
  ["BigInt", bigints()],
];

export const P = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
export const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
export const B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;

export const modulo = (a: bigint, m = P) => ((a % m) + m) % m;

export function unhex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "hex"));
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

export function digits(value: bigint): string {
  return value.toString(16).padStart(64, "0");
}

/** The product as hex digits, as node:crypto has it; of a point that is not the base point (null) it tells only x. */
export function expected(secret: string, point: string | null): string {
  const ecdh = createECDH("prime256v1");
  ecdh.setPrivateKey(secret, "hex");
  return point === null ? ecdh.getPublicKey("hex").slice(2) : ecdh.computeSecret("04" + point, "hex", "hex");
}

export function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (; exponent > 0n; exponent >>= 1n, base = modulo(base * base)) if (exponent & 1n) result = modulo(result * base);
  return result;
}

/** The point with that x and the even y; null where there is none. */
export function pointAt(x: bigint): string | null {
  const square = modulo(x * x * x - 3n * x + B);
  const y = power(square, (P + 1n) / 4n);
  if (modulo(y * y) !== square) return null;
  return digits(x) + digits(y & 1n ? P - y : y);
}

/** The point with the other y. */
export function negative(point: string): string {
  return point.slice(0, 64) + digits(P - BigInt("0x" + point.slice(64)));
}

export const G = expected(digits(1n), null);

/** Sample data of the Core Specification, Vol 2 Part G 7.1.2: secret, public point, of two; and the x of the product. */
export const SAMPLES = [
  [
    "3f49f6d4a3c55f3874c9b3e3d2103f504aff607beb40b7995899b8a6cd3c1abd",
    "20b003d2f297be2c5e2c83a7e9f9a5b9eff49111acf4fddbcc0301480e359de6dc809c49652aeb6d63329abf5a52155c766345c28fed3024741c8ed01589d28b",
    "55188b3d32f6bb9a900afcfbeed4e72a59cb9ac2f19d7cfb6b4fdd49f47fc5fd",
    "1ea1f0f01faf1d9609592284f19e4c0047b58afd8615a69f559077b22faaa1904c55f33e429dad377356703a9ab85160472d1130e28e36765f89aff915b1214a",
    "ec0234a357c8ad05341010a60a397d9b99796b13b4f866f1868d34f373bfa698",
  ],
  [
    "06a516693c9aa31a6084545d0c5db641b48572b97203ddffb7ac73f7d0457663",
    "2c31a47b5779809ef44cb5eaaf5c3e43d5f8faad4a8794cb987e9b03745c78dd919512183898dfbecd52e2408e43871fd021109117bd3ed4eaf8437743715d4f",
    "529aa0670d72cd6497502ed473502b037e8803b5c60829a5a3caa219505530ba",
    "f465e43ff23d3f1b9dc7dfc04da8758184dbc966204796eccf0d6cf5e16500cc0201d048bcbbd899eeefc424164e33c201c2b010ca6b4d43a8a155cad8ecb279",
    "ab85843a2f6d883f62e5684b38e307335fe6e1945ecd19604105c6f23221eb69",
  ],
] as const;

/** A polynomial's remainder by x^3 - 3 x - c, coefficients from the lowest. */
export function reduceCubic(a: bigint[], c: bigint): bigint[] {
  const r = [...a];
  for (let i = r.length - 1; i >= 3; i--) {
    r[i - 2] = modulo(r[i - 2] + 3n * r[i]);
    r[i - 3] = modulo(r[i - 3] + c * r[i]);
  }
  return r.slice(0, 3);
}

/** A root of x^3 - 3 x = c where there is exactly one; else null: from the common divisor with x^p - x. */
export function cubeRoot(c: bigint): bigint | null {
  const product = (a: bigint[], b: bigint[]) => {
    const r = [0n, 0n, 0n, 0n, 0n];
    a.forEach((x, i) => b.forEach((y, k) => (r[i + k] = modulo(r[i + k] + x * y))));
    return reduceCubic(r, c);
  };
  let high = [1n, 0n, 0n];
  for (const bit of P.toString(2)) {
    high = product(high, high);
    if (bit === "1") high = product(high, [0n, 1n, 0n]);
  }
  let a = [modulo(-c), modulo(-3n), 0n, 1n];
  let b = [high[0], modulo(high[1] - 1n), high[2]];
  for (;;) {
    while (b.length && b[b.length - 1] === 0n) b.pop();
    if (!b.length) break;
    while (a.length >= b.length) {
      const factor = modulo(a[a.length - 1] * power(b[b.length - 1], P - 2n));
      const shift = a.length - b.length;
      b.forEach((x, i) => (a[i + shift] = modulo(a[i + shift] - factor * x)));
      a.pop();
    }
    [a, b] = [b, a];
  }
  return a.length === 2 ? modulo(-a[0] * power(a[1], P - 2n)) : null;
}
