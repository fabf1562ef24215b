/**
 * Multiplication on P-256 as one would write it down first: 16 limbs of 16 bits, each product reduced by long division with p, double and add. It is the yardstick for
 * core/crypto/p256*.ts and used for nothing else.
 */

type Limbs = number[];

const COUNT = 16;
const P: Limbs = [0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0, 0, 0, 0, 0, 0, 1, 0, 0xffff, 0xffff];

interface Point {
  readonly x: Limbs;
  readonly y: Limbs;
  readonly z: Limbs;
}

function zero(): Limbs {
  return new Array<number>(COUNT).fill(0);
}

/** a - b, where a is 2^256 more than it seems if `carry` is 1; null where that is negative. */
function less(a: Limbs, b: Limbs, carry: number): Limbs | null {
  const result = zero();
  let borrow = 0;
  for (let i = 0; i < COUNT; i++) {
    const limb = a[i] - b[i] + borrow;
    result[i] = limb & 0xffff;
    borrow = limb >> 16;
  }
  return carry + borrow < 0 ? null : result;
}

function sum(a: Limbs, b: Limbs): Limbs {
  const result = zero();
  let carry = 0;
  for (let i = 0; i < COUNT; i++) {
    carry += a[i] + b[i];
    result[i] = carry & 0xffff;
    carry >>= 16;
  }
  return less(result, P, carry) ?? result;
}

function difference(a: Limbs, b: Limbs): Limbs {
  return less(a, b, 0) ?? sum(a, less(P, b, 0)!);
}

/** 2^16 a + limb, modulo p. */
function shifted(a: Limbs, limb: number): Limbs {
  let top = a[COUNT - 1];
  let result = [limb, ...a.slice(0, COUNT - 1)];
  // 2^256 is 2^224 - 2^192 - 2^96 + 1; what is carried out of it is again that much.
  while (top !== 0) {
    let carry = top;
    for (let i = 0; i < COUNT; i++) {
      carry += result[i] + (i === 14 ? top : i === 12 || i === 6 ? -top : 0);
      result[i] = carry & 0xffff;
      carry >>= 16;
    }
    top = carry;
  }
  return less(result, P, 0) ?? result;
}

function times(a: Limbs, b: Limbs): Limbs {
  const columns = new Array<number>(2 * COUNT).fill(0);
  for (let i = 0; i < COUNT; i++) {
    let carry = 0;
    for (let j = 0; j < COUNT; j++) {
      carry += columns[i + j] + a[i] * b[j];
      columns[i + j] = carry % 65536;
      carry = Math.floor(carry / 65536);
    }
    columns[i + COUNT] = carry;
  }
  let result = zero();
  for (let i = 2 * COUNT - 1; i >= 0; i--) result = shifted(result, columns[i]);
  return result;
}

function double({ x, y, z }: Point): Point {
  const zz = times(z, z);
  const yy = times(y, y);
  const b = times(x, yy);
  const t = times(difference(x, zz), sum(x, zz));
  const m = sum(sum(t, t), t);
  const b2 = sum(b, b);
  const b4 = sum(b2, b2);
  const x3 = difference(times(m, m), sum(b4, b4));
  const y4 = times(yy, yy);
  const y8 = sum(sum(y4, y4), sum(y4, y4));
  const z3 = times(y, z);
  return { x: x3, y: difference(times(m, difference(b4, x3)), sum(y8, y8)), z: sum(z3, z3) };
}

function add(a: Point, b: Point): Point {
  const za = times(a.z, a.z);
  const zb = times(b.z, b.z);
  const u = times(a.x, zb);
  const s = times(a.y, times(zb, b.z));
  const h = difference(times(b.x, za), u);
  const r = difference(times(b.y, times(za, a.z)), s);
  const hh = times(h, h);
  const hhh = times(h, hh);
  const v = times(u, hh);
  const x = difference(difference(times(r, r), hhh), sum(v, v));
  return { x, y: difference(times(r, difference(v, x)), times(s, hhh)), z: times(times(a.z, b.z), h) };
}

function read(bytes: Uint8Array, at: number): Limbs {
  return zero().map((_, i) => bytes[at + 30 - 2 * i] * 256 + bytes[at + 31 - 2 * i]);
}

/**
 * The product's x, 32 bytes.
 * @param secret 32 bytes, a number from 1 to n - 1
 * @param point x and y, 64 bytes
 */
export function multiplyPlainly(secret: Uint8Array, point: Uint8Array): Uint8Array {
  const one = zero();
  one[0] = 1;
  const given: Point = { x: read(point, 0), y: read(point, 32), z: one };
  let product: Point | null = null;
  for (let i = 0; i < 256; i++) {
    if (product) product = double(product);
    if ((secret[i >> 3] >> (7 - (i & 7))) & 1) product = product ? add(product, given) : given;
  }
  let inverse = one;
  const exponent = [0xfffd, ...P.slice(1)];
  for (let i = 255; i >= 0; i--) {
    inverse = times(inverse, inverse);
    if ((exponent[i >> 4] >> (i & 15)) & 1) inverse = times(inverse, product!.z);
  }
  const x = times(product!.x, times(inverse, inverse));
  return Uint8Array.from({ length: 32 }, (_, i) => x[15 - (i >> 1)] >> (i & 1 ? 0 : 8));
}
