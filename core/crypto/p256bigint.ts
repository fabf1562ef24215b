import { hex, parseHex } from "../bytes/hex.js";
import type { Host } from "../host.js";
import { BASE, CONSTANT } from "./p256.js";
import { digitOf, oddOf, type Limbs } from "./p256doubles.js";

/**
 * Multiplication on P-256 by numbers of any size, where the engine has them: on JerryScript twenty times as quick as in doubles.
 *
 * Numbers are kept modulo M = (2^32 + 1) p, and have either sign. JerryScript 3.0 corrects the estimate of a quotient's digit by the second digit of the divisor where the
 * dividend's is meant (ecma_big_uint_div_mod). With p as the divisor one remainder in 2^29 is wrong, and each that should be 0. Of M the second digit of 32 bits
 * is 0, once its highest bit stands in front as the division has it: then no estimate is corrected, and none needs it.
 *
 * Time: the operations are the same for all secrets, as with doubles; what the engine takes for one of them depends on its numbers. So the point begins with a z
 * by chance, of which nobody else knows, and with it all numbers on the way are by chance.
 */
declare const BigInt: ((digits: string) => bigint) | undefined;

const enum Step {
  /** The first makes the table, the others take a digit each; then comes the inverse, by so many bits of its exponent. */
  Inverse = 86,
  Bits = 16,
  Count = 102,
}

/** A point in Jacobian coordinates: x, twice its y, z; one of the table also has the second and the third power of its z. */
type Point = bigint[];

interface Multiplication {
  readonly _secret: Limbs;
  /** The point's multiples by -7, -5 and so on to 7. */
  readonly _table: Point[];
  _point: Point;
  _inverse: bigint;
  _at: number;
}

const make = typeof BigInt == "function" ? BigInt : null;
let p: bigint;
let scale: bigint;
/** (2^32 + 1) p. */
let modulus: bigint;

function numberOf(digits: string): bigint {
  return make!("0x" + digits);
}

/** Twice a point: 8 multiplications. */
function double(a: Point): Point {
  const m = modulus;
  const x = a[0];
  const y = a[1];
  const z = a[2];
  const c = (z * z) % m;
  const g = (y * y) % m;
  const s = (x * g) % m;
  const t = ((x - c) * (x + c)) % m;
  const u = t + t + t;
  const x3 = (u * u - s - s) % m;
  return [x3, ((u + u) * (s - x3) - g * g) % m, (y * z) % m];
}

/** The sum of a point and one of the table, which must not be the same: 14 multiplications. */
function add(a: Point, b: Point): Point {
  const m = modulus;
  const z = a[2];
  const c = (z * z) % m;
  const u = (a[0] * b[3]) % m;
  const h = (b[0] * c - u) % m;
  const s = (a[1] * b[4]) % m;
  const r = (((z * c) % m) * b[1] - s) % m;
  const d = h + h;
  const i = (d * d) % m;
  const j = (h * i) % m;
  const v = (u * i) % m;
  const x = (r * r - j - v - v) % m;
  return [x, ((r + r) * (v - x) - (s + s) * j) % m, (((z * b[2]) % m) * d) % m];
}

/** Makes a point one of the table. */
function entry(a: Point): Point {
  const z = a[2];
  const c = (z * z) % modulus;
  return [a[0], a[1], z, c, (z * c) % modulus];
}

function begin(secret: Uint8Array, point: Uint8Array): Multiplication {
  const y = numberOf(hex(point, 32, 32));
  // Of an even secret n - k is taken, and the point's negative.
  const a = entry([numberOf(hex(point, 0, 32)), secret[31] & 1 ? y + y : -y - y, numberOf("1" + hex(secret, 32, secret.length - 32))]);
  return { _secret: oddOf(secret), _table: [], _point: [(a[0] * a[3]) % modulus, (a[1] * a[4]) % modulus, a[2]], _inverse: numberOf("1"), _at: 0 };
}

function step(m: Multiplication, budget: number): boolean {
  while (m._at < Step.Count) {
    const table = m._table;
    const at = m._at++;
    let a = m._point;
    if (!at) {
      const twice = entry(double(a));
      for (let i = 4; i < 8; i++) {
        table[i] = a = entry(a);
        table[7 - i] = [a[0], -a[1], a[2], a[3], a[4]];
        a = add(a, twice);
      }
    } else if (at < Step.Inverse) {
      m._point = add(double(double(double(a))), table[digitOf(m._secret, Step.Inverse - 1 - at)]);
    } else {
      const from = (at - Step.Inverse) * Step.Bits;
      for (let i = from; i < from + Step.Bits; i++) {
        m._inverse = (m._inverse * m._inverse) % modulus;
        // The bits of p - 2.
        if (i < 32 || i == 63 || (i > 159 && i != 254)) m._inverse = (m._inverse * (a[2] + a[2])) % modulus;
      }
    }
    if (--budget < 1) return false;
  }
  return true;
}

/** The number from 0 to p - 1 that a number modulo M stands for, in 64 hex digits. */
function digits(value: bigint): string {
  // Multiplied by 2^32 + 1 it is that number times 2^32 + 1, which is 641 * 6700417: by a single digit it is divided rightly.
  const number: any = ((((value % modulus) + modulus) * scale) % modulus) / numberOf("281") / numberOf("663d81") + (numberOf("1") << numberOf("100"));
  return number.toString(16).substr(1);
}

function product(m: Multiplication): Uint8Array {
  const a = m._point;
  const d = m._inverse + m._inverse;
  const c = (d * d) % modulus;
  return parseHex(digits(a[0] * c) + digits(a[1] * ((m._inverse * c) % modulus)))!;
}

function isOnCurve(point: Uint8Array): boolean {
  const x = numberOf(hex(point, 0, 32));
  const y = numberOf(hex(point, 32, 32));
  return x < p && y < p && !(((y * y - x * x * x + x + x + x - numberOf(CONSTANT)) * scale) % modulus);
}

/** Multiplies by the engine's BigInt, where it has one that works. */
export function addBigInt(host: Host): void {
  if (!make) return;
  p = numberOf("ffffffff00000001000000000000000000000000ffffffffffffffffffffffff");
  scale = numberOf("0100000001");
  modulus = p * scale;
  if (isOnCurve(parseHex(BASE)!)) host._p256 = { _steps: Step.Count, _begin: begin, _step: step, _product: product, _isOnCurve: isOnCurve };
}
