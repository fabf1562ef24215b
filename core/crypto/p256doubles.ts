import { hex, parseHex } from "../bytes/hex.js";
import { CONSTANT, ORDER, type Arithmetic } from "./p256.js";

/**
 * Multiplication on P-256 in doubles, which every engine has.
 *
 * A field element is 11 limbs of 24 bits, least significant first, each with a sign of its own. Columns of products are summed in doubles, and rounded to multiples of
 * 2^24 by adding and subtracting a number so large that a double has no smaller bits there. An element x stands for x / 2^264 modulo p, after Montgomery: as p is
 * -1 modulo 2^96, the multiple of p that makes the lowest limb vanish is that limb itself.
 *
 * Exactness: `multiply` leaves limbs 0 to 9 within 2^23, and the number within 0.51 p + |x y| / 2^264 + |factor * added|, less than 3 p, so that limb 10 is below 2^18.
 * What goes in are sums of such numbers that have not been rounded; one side is at most 4 times as large, the other 3 times. A column has at most 10 products without a
 * limb 10: they are within 10 * 12 * 2^46 < 2^52.91. What is added to them - products with a limb 10, a carry, digits, one of them times 2^16 - is within 2^48.
 * So every sum on the way is below 2^53. The test follows these bounds through all operations of the programs.
 *
 * Time: which operations are done is the same for all secrets. A secret chooses which of four points is added, by its place in an array, and a factor of 1 or -1. How long
 * an engine takes for a number may still depend on the number: this is not constant time in the strict sense.
 */

/**
 * A field element. Plain arrays: with Int32Array a product takes 4 % longer on JerryScript and 6 % on duktape, and as much memory; on Espruino 230 variables instead of 460,
 * but there it takes too long to be of use.
 */
export type Limbs = number[];

const enum Limb {
  Count = 11,
  Size = 16777216,
}

/**
 * `target` = x * y / 2^264 + factor * added, all modulo p and as far as that is exact; any of the arrays may be the same.
 * Internal: exported for its test.
 */
export function multiply(target: Limbs, x: Limbs, y: Limbs, factor: number, added: Limbs): void {
  // A variable, so that nothing but the engine divides: Espruino does not read long fractions exactly.
  let size = Limb.Size;
  const inverse = 1 / size;
  // 1.5 * 2^76 is what rounds to multiples of 2^24.
  const magic = 24 * size * size * size;
  const a0 = x[0], a1 = x[1], a2 = x[2], a3 = x[3], a4 = x[4], a5 = x[5], a6 = x[6], a7 = x[7], a8 = x[8], a9 = x[9], a10 = x[10];
  const b0 = y[0], b1 = y[1], b2 = y[2], b3 = y[3], b4 = y[4], b5 = y[5], b6 = y[6], b7 = y[7], b8 = y[8], b9 = y[9], b10 = y[10];
  let c0 = a0 * b0;
  let c1 = a0 * b1 + a1 * b0;
  let c2 = a0 * b2 + a1 * b1 + a2 * b0;
  let c3 = a0 * b3 + a1 * b2 + a2 * b1 + a3 * b0;
  let c4 = a0 * b4 + a1 * b3 + a2 * b2 + a3 * b1 + a4 * b0;
  let c5 = a0 * b5 + a1 * b4 + a2 * b3 + a3 * b2 + a4 * b1 + a5 * b0;
  let c6 = a0 * b6 + a1 * b5 + a2 * b4 + a3 * b3 + a4 * b2 + a5 * b1 + a6 * b0;
  let c7 = a0 * b7 + a1 * b6 + a2 * b5 + a3 * b4 + a4 * b3 + a5 * b2 + a6 * b1 + a7 * b0;
  let c8 = a0 * b8 + a1 * b7 + a2 * b6 + a3 * b5 + a4 * b4 + a5 * b3 + a6 * b2 + a7 * b1 + a8 * b0;
  let c9 = a0 * b9 + a1 * b8 + a2 * b7 + a3 * b6 + a4 * b5 + a5 * b4 + a6 * b3 + a7 * b2 + a8 * b1 + a9 * b0;
  let c10 = a0 * b10 + a1 * b9 + a2 * b8 + a3 * b7 + a4 * b6 + a5 * b5 + a6 * b4 + a7 * b3 + a8 * b2 + a9 * b1 + a10 * b0;
  let c11 = a1 * b10 + a2 * b9 + a3 * b8 + a4 * b7 + a5 * b6 + a6 * b5 + a7 * b4 + a8 * b3 + a9 * b2 + a10 * b1;
  let c12 = a2 * b10 + a3 * b9 + a4 * b8 + a5 * b7 + a6 * b6 + a7 * b5 + a8 * b4 + a9 * b3 + a10 * b2;
  let c13 = a3 * b10 + a4 * b9 + a5 * b8 + a6 * b7 + a7 * b6 + a8 * b5 + a9 * b4 + a10 * b3;
  let c14 = a4 * b10 + a5 * b9 + a6 * b8 + a7 * b7 + a8 * b6 + a9 * b5 + a10 * b4;
  let c15 = a5 * b10 + a6 * b9 + a7 * b8 + a8 * b7 + a9 * b6 + a10 * b5;
  let c16 = a6 * b10 + a7 * b9 + a8 * b8 + a9 * b7 + a10 * b6;
  let c17 = a7 * b10 + a8 * b9 + a9 * b8 + a10 * b7;
  let c18 = a8 * b10 + a9 * b9 + a10 * b8;
  let c19 = a9 * b10 + a10 * b9;
  let c20 = a10 * b10;
  let c21 = 0;
  let carry: number;
  if (factor) {
    c11 += factor * added[0];
    c12 += factor * added[1];
    c13 += factor * added[2];
    c14 += factor * added[3];
    c15 += factor * added[4];
    c16 += factor * added[5];
    c17 += factor * added[6];
    c18 += factor * added[7];
    c19 += factor * added[8];
    c20 += factor * added[9];
    c21 = factor * added[10];
  }
  carry = c0 + magic - magic;
  c0 -= carry;
  c1 += carry * inverse;
  carry = c1 + magic - magic;
  c1 -= carry;
  c2 += carry * inverse;
  carry = c2 + magic - magic;
  c2 -= carry;
  c3 += carry * inverse;
  carry = c3 + magic - magic;
  c3 -= carry;
  c4 += carry * inverse + c0;
  carry = c4 + magic - magic;
  c4 -= carry;
  c5 += carry * inverse + c1;
  carry = c5 + magic - magic;
  c5 -= carry;
  c6 += carry * inverse + c2;
  carry = c6 + magic - magic;
  c6 -= carry;
  c7 += carry * inverse + c3;
  carry = c7 + magic - magic;
  c7 -= carry;
  c8 += carry * inverse + c4 + c0;
  carry = c8 + magic - magic;
  c8 -= carry;
  c9 += carry * inverse + c5 + c1 - 256 * c0;
  carry = c9 + magic - magic;
  c9 -= carry;
  c10 += carry * inverse + c6 + c2 - 256 * c1 + 65536 * c0;
  carry = c10 + magic - magic;
  c10 -= carry;
  c11 += carry * inverse + c7 + c3 - 256 * c2 + 65536 * c1;
  carry = c11 + magic - magic;
  target[0] = c11 - carry;
  c12 += carry * inverse + c8 + c4 - 256 * c3 + 65536 * c2;
  carry = c12 + magic - magic;
  target[1] = c12 - carry;
  c13 += carry * inverse + c9 + c5 - 256 * c4 + 65536 * c3;
  carry = c13 + magic - magic;
  target[2] = c13 - carry;
  c14 += carry * inverse + c10 + c6 - 256 * c5 + 65536 * c4;
  carry = c14 + magic - magic;
  target[3] = c14 - carry;
  c15 += carry * inverse + c7 - 256 * c6 + 65536 * c5;
  carry = c15 + magic - magic;
  target[4] = c15 - carry;
  c16 += carry * inverse + c8 - 256 * c7 + 65536 * c6;
  carry = c16 + magic - magic;
  target[5] = c16 - carry;
  c17 += carry * inverse + c9 - 256 * c8 + 65536 * c7;
  carry = c17 + magic - magic;
  target[6] = c17 - carry;
  c18 += carry * inverse + c10 - 256 * c9 + 65536 * c8;
  carry = c18 + magic - magic;
  target[7] = c18 - carry;
  c19 += carry * inverse - 256 * c10 + 65536 * c9;
  carry = c19 + magic - magic;
  target[8] = c19 - carry;
  c20 += carry * inverse + 65536 * c10;
  carry = c20 + magic - magic;
  target[9] = c20 - carry;
  target[10] = carry * inverse + c21;
}

/** The elements' names in the programs, from "a" on. */
const enum Slot {
  /** The point: x, twice its y, z, and the fourth power of z: the latter of the true z, the former of z as it is seen from the table. */
  X,
  Y,
  Z,
  Z4,
  /** 1, later the z of the table. */
  TableZ,
  Free0,
  Free1,
  Free2,
  Free3,
  /** The number 1 itself. */
  Unit,
  /** What is to be added: two elements of the table. */
  AddedX,
  AddedY,
  /** The multiples by 1, 3, 5, 7 of the given point, with one z for all: x and twice y of each. */
  Table,
  Count = 20,
}

const enum Code {
  Element = 97,
  Number = 77,
  /** The number that is the sign of what is to be added. */
  Sign = 90,
  /** How often something is squared: the code of this character for 0. */
  Times = 32,
  /** Not elements but actions: here begins what is repeated; the element after it is squared, so many times; again, while there are digits; the next place of the table; the next digit. */
  Begin = 118,
  Square = 119,
  Again = 120,
  Rotate = 121,
  Select = 122,
}

const enum Digit {
  /** The secret's digits of 3 bits, without the highest, which is 1. */
  Count = 85,
  /** Before that they count the points of the table that are not there yet. */
  Before = 88,
}

/**
 * Programs. "xyz" is x = y * z; a capital letter in the place of z is a small number, M for 0, N for 1, L for -1, with which y is multiplied without
 * any rounding; and where a capital and an element follow, their product is added.
 */
const ENTER = "wf#aafbbf";
const DOUBLE = "faaLdffPcbcgbbhaggggddgaffKhhhOKabfhLg";
/** A multiplication. Internal: exported for its test. */
export const PLAN =
  // The given point, in Montgomery's form, is the table's last; then its double, and both with the z of the double.
  ENTER +
  "efjbbOceNdeNsaNtbN" +
  DOUBLE +
  "fccgfcssfttg" +
  // The double is added to the last, and all get the z of the sum.
  "vvvyyyhaNLqgbNLrfhOccfhfhhhOffhaahbbfmmhnnfoohppfqqhrrfhaNNqsggLhhaOKstghLbxxx" +
  // The first of the table.
  "fccdfffcNceNefNamNbnN" +
  "vvv" +
  DOUBLE +
  DOUBLE +
  DOUBLE +
  "zzzfccgfkLaffchlZhfhLbfgOccffffggfiaffffddffiONgahhLfiiOKabbgbhiKbxxx" +
  // The inverse of twice z: its power p - 2, by those of 2^2 - 1, 2^3 - 1, 2^6 - 1 and so on.
  "cceccOfccffcmfNwf!ffcnfNwf#ffnofNwf&ffowf#ffnofNwf/ffoofNwf\"ffmmfNwf@ffcwf`wf`ffmwf@ffmwf>ffowf\"" +
  // x and y, as numbers.
  "ffcgffggQaagggfbbgaajbbj";

/** The equation of the curve, without its constant. Internal: exported for its test. */
export const EQUATION = ENTER + "gaaggaJagbbLgggjaajbbj";

/** A multiplication under way. */
export interface Multiplication {
  readonly _elements: Limbs[];
  /** The odd secret; how many of its digits have not been used. */
  readonly _secret: Limbs;
  _digits: number;
  /** The sign of the current digit. */
  _sign: number;
  /** Where in the program, and where that begins which is repeated; how often something has been squared. */
  _at: number;
  _begin: number;
  _squared: number;
}

/** 0. */
function zero(): Limbs {
  return [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
}

/** The number in 32 bytes, times -1, 0 or 1. */
function read(bytes: Uint8Array, at: number, sign: number): Limbs {
  const limbs = zero();
  for (let i = 0; i < 32; i++) limbs[(i / 3) | 0] += sign * (bytes[at + 31 - i] << (8 * (i % 3)));
  return limbs;
}

/** Makes all limbs 0 to 2^24 - 1; where the number is negative it gives -1, and the limbs are those of 2^264 more. */
function settle(limbs: Limbs): number {
  let carry = 0;
  for (let i = 0; i < Limb.Count; i++) {
    carry += limbs[i];
    limbs[i] = carry & 0xffffff;
    carry >>= 24;
  }
  return carry;
}

/** Writes an element between -p and p as the number from 0 to p - 1 that it stands for, in 32 bytes. */
function write(limbs: Limbs, target: Uint8Array, at: number): void {
  const negative = settle(limbs);
  limbs[0] += negative;
  limbs[4] -= negative;
  limbs[8] -= negative;
  limbs[9] += 256 * negative;
  limbs[10] -= 65536 * negative;
  settle(limbs);
  for (let i = 0; i < 32; i++) target[at + 31 - i] = limbs[(i / 3) | 0] >> (8 * (i % 3));
}

/** The secret, or the order n less it: whichever is odd. */
export function oddOf(secret: Uint8Array): Limbs {
  const odd = secret[31] & 1;
  const limbs = read(secret, 0, 2 * odd - 1);
  const order = read(parseHex(ORDER)!, 0, 1 - odd);
  for (let i = 0; i < Limb.Count; i++) limbs[i] += order[i];
  settle(limbs);
  return limbs;
}

/**
 * A digit of an odd secret: 0 to 7 for -7, -5 and so on to 7, by the three bits of which each stands for itself or, where it is not set, for its negative.
 * @param at its place, 84 the highest; above it there is a 1
 */
export function digitOf(odd: Limbs, at: number): number {
  const limb = at >> 3;
  return ((odd[limb] | (odd[limb + 1] << 24)) >> (3 * (at & 7) + 1)) & 7;
}

/** Performs the operation of a program that is next; true for a multiplication. */
function perform(m: Multiplication, program: string): boolean {
  const elements = m._elements;
  const name = program.charCodeAt(m._at);
  const x = elements[program.charCodeAt(m._at + 1) - Code.Element];
  let second = program.charCodeAt(m._at + 2);
  let factor = program.charCodeAt(m._at + 3);
  let added = x;
  let multiplied = false;
  m._at += 3;
  if (name == Code.Begin) {
    m._begin = m._at;
  } else if (name == Code.Square) {
    multiplied = m._squared++ < second - Code.Times;
    if (multiplied) {
      m._at -= 3;
      multiply(x, x, x, 0, x);
    } else m._squared = 0;
  } else if (name == Code.Again) {
    if (m._digits % Digit.Count) m._at = m._begin;
  } else if (name == Code.Rotate) {
    m._digits--;
    elements.push(elements.splice(Slot.Table, 1)[0], elements.splice(Slot.Table, 1)[0]);
  } else if (name == Code.Select) {
    const digit = digitOf(m._secret, --m._digits);
    const positive = digit >> 2;
    const place = Slot.Table + 2 * ((digit ^ (positive - 1)) & 3);
    m._sign = 2 * positive - 1;
    elements[Slot.AddedX] = elements[place];
    elements[Slot.AddedY] = elements[place + 1];
  } else {
    const target = elements[name - Code.Element];
    // Behind the program's end there is no character: no number either.
    if (factor < Code.Element) {
      factor -= Code.Number;
      added = elements[program.charCodeAt(m._at + 1) - Code.Element];
      m._at += 2;
    } else {
      factor = 0;
    }
    if (second < Code.Element) {
      second = second == Code.Sign ? m._sign : second - Code.Number;
      for (let i = 0; i < Limb.Count; i++) target[i] = second * x[i] + factor * added[i];
    } else {
      multiply(target, x, elements[second - Code.Element], factor, added);
      multiplied = true;
    }
  }
  return multiplied;
}

/**
 * Begins to multiply a point, and does nothing long.
 *
 * There are no exceptional cases. An odd secret below the order n has 86 digits of +-1, +-3, +-5, +-7, the highest 1; an even one is replaced by n less it, and the
 * point by its negative. A sum 8 e P + d P, with e the digits so far, would be special for 8 e = +-d modulo n. Before the last digit 8 e is below n / 2 and not below
 * 8. At the last one 8 e + d is the secret: -d is out, as it is not 0; d leaves 2 d, which is even, and n - 2 |d|, for which 8 e = n - |d|; n is 1 modulo 8, so
 * |d| is 1; but (n - 1) / 8 is even, and e is odd.
 */
function begin(secret: Uint8Array, point: Uint8Array): Multiplication {
  const elements: Limbs[] = [];
  for (let i = 0; i < Slot.Count; i++) elements.push(zero());
  elements[Slot.X] = read(point, 0, 1);
  elements[Slot.Y] = read(point, 32, 2 * (secret[31] & 1) - 1);
  // 2^297, of which three squarings make 2^528.
  elements[Slot.Free0] = [512, 131072, 0, 0, -512, -131072, 0, 0, -512, 0, 0];
  elements[Slot.Unit][0] = 1;
  return { _elements: elements, _secret: oddOf(secret), _digits: Digit.Before, _sign: 0, _at: 0, _begin: 0, _squared: 0 };
}

/** Goes on with a multiplication: `budget` multiplications in the field. */
function step(m: Multiplication, budget: number): boolean {
  while (m._at < PLAN.length) if (perform(m, PLAN) && --budget < 1) return false;
  return true;
}

function product(m: Multiplication): Uint8Array {
  const target = new Uint8Array(64);
  write(m._elements[Slot.X], target, 0);
  write(m._elements[Slot.Y], target, 32);
  return target;
}

/** x and y come back as they are where they are below p, and the equation's constant as it follows from them. */
function isOnCurve(point: Uint8Array): boolean {
  const result = new Uint8Array(96);
  // An odd secret, with which the point is the given one.
  result[31] = 1;
  const m = begin(result, point);
  while (m._at < EQUATION.length) perform(m, EQUATION);
  for (let i = 0; i < 3; i++) write(m._elements[i < 2 ? i : Slot.Free1], result, 32 * i);
  return hex(result, 0, 96) == hex(point, 0, 64) + CONSTANT;
}

/** With this a step is a multiplication in the field. */
export const DOUBLES: Arithmetic = { _steps: 3478, _begin: begin, _step: step, _product: product, _isOnCurve: isOnCurve };
