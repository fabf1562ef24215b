import assert from "node:assert/strict";
import { createECDH, randomBytes } from "node:crypto";
import { beginMultiply, EQUATION, isOnCurve, isSecret, multiply, PLAN, readProduct, stepMultiply, type Limbs } from "../../core/crypto/p256.js";

const P = 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n;
const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const B = 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn;
/** Multiplications in the field that one of a point takes. */
const WORK = 3478;

const modulo = (a: bigint, m = P) => ((a % m) + m) % m;

function unhex(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "hex"));
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}

function digits(value: bigint): string {
  return value.toString(16).padStart(64, "0");
}

/** The product as hex digits, in slices of `budget`. */
function times(secret: string, point: string | null, budget = 1e6): string {
  const m = beginMultiply(unhex(secret), point === null ? null : unhex(point));
  const target = new Uint8Array(64);
  while (!stepMultiply(m, budget));
  assert.equal(readProduct(m, target), true);
  return hex(target);
}

/** The same as node:crypto has it. */
function expected(secret: string, point: string | null): string {
  const ecdh = createECDH("prime256v1");
  ecdh.setPrivateKey(secret, "hex");
  return point === null ? ecdh.getPublicKey("hex").slice(2) : ecdh.computeSecret("04" + point, "hex", "hex");
}

function agree(secret: string, point: string | null, budget?: number): void {
  const product = times(secret, point, budget);
  // node:crypto tells only x of a product that is not that of the base point.
  const wanted = expected(secret, point);
  assert.equal(product.slice(0, wanted.length), wanted, `${secret} times ${point}`);
  assert.equal(isOnCurve(unhex(product)), true);
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  for (; exponent > 0n; exponent >>= 1n, base = modulo(base * base)) if (exponent & 1n) result = modulo(result * base);
  return result;
}

/** The point with that x and the even y; null where there is none. */
function pointAt(x: bigint): string | null {
  const square = modulo(x * x * x - 3n * x + B);
  const y = power(square, (P + 1n) / 4n);
  if (modulo(y * y) !== square) return null;
  return digits(x) + digits(y & 1n ? P - y : y);
}

/** The point with the other y. */
function negative(point: string): string {
  return point.slice(0, 64) + digits(P - BigInt("0x" + point.slice(64)));
}

const G = expected(digits(1n), null);

/** Sample data of the Core Specification, Vol 2 Part G 7.1.2: secret, public point, of two; and the x of the product. */
const SAMPLES = [
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

describe("P-256: sample data and edges", () => {
  SAMPLES.forEach(([a, pointA, b, pointB, key], i) => {
    it(`the specification's sample ${i + 1}`, () => {
      assert.equal(times(a, null), pointA);
      assert.equal(times(b, null), pointB);
      assert.equal(times(a, pointB).slice(0, 64), key);
      assert.equal(times(b, pointA).slice(0, 64), key);
      assert.equal(times(a, G), pointA);
    });
  });

  const near: bigint[] = [];
  for (let i = 1n; i <= 40n; i++) near.push(i, N - i);
  const runs: bigint[] = [];
  for (let bit = 1n; bit < 256n; bit += 5n) runs.push(2n ** bit, 2n ** bit - 1n, N - 2n ** bit, modulo(2n ** bit + 1n, N), modulo(2n ** 255n - 2n ** bit, N));
  const pattern = (byte: string) => BigInt("0x" + byte.repeat(32)) % N;
  const groups: [string, bigint[]][] = [
    ["the smallest and the largest, what windows of 3 bits may stumble over among them", near],
    ["halves, and their neighbours", [(N - 1n) / 2n, (N + 1n) / 2n, (N + 3n) / 2n, (N - 3n) / 2n, (N + 1n) / 4n, (N - 1n) / 8n, (N + 7n) / 8n, (N - 9n) / 8n]],
    ["long runs of zeros and ones", runs],
    ["patterns", ["aa", "55", "92", "49", "24", "01", "80", "0f", "f0", "ff", "7f", "fe"].map(pattern)],
  ];
  for (const [name, secrets] of groups) {
    it(`secrets: ${name}`, () => {
      for (const secret of secrets) {
        const text = digits(secret);
        assert.equal(isSecret(unhex(text)), true, text);
        agree(text, null);
        agree(text, SAMPLES[0][1]);
      }
    });
  }

  it("n - k gives the negative of k, for any point", () => {
    for (let k = 1n; k < 20n; k++) {
      assert.equal(times(digits(N - k), SAMPLES[0][1]), negative(times(digits(k), SAMPLES[0][1])));
      assert.equal(times(digits(k), negative(SAMPLES[0][1])), negative(times(digits(k), SAMPLES[0][1])));
    }
  });

  it("points with x at its limits, either y", () => {
    const xs: bigint[] = [];
    for (let x = 0n; x < 24n; x++) xs.push(x, P - 1n - x);
    for (const bit of [8n, 23n, 24n, 25n, 48n, 96n, 128n, 192n, 224n, 240n, 248n, 255n]) for (let x = -3n; x < 4n; x++) xs.push(2n ** bit + x);
    const points = xs.map(pointAt).filter((point) => point !== null);
    assert.ok(points.length > 40);
    const secret = hex(randomBytes(31)).padStart(64, "0");
    for (const point of points) {
      for (const either of [point, negative(point)]) {
        assert.equal(isOnCurve(unhex(either)), true, either);
        agree(secret, either);
        assert.equal(times(digits(1n), either), either);
        assert.equal(times(digits(N - 1n), either), negative(either));
      }
    }
  });

  it("points with a small or a large y", () => {
    // For some of all y, x^3 - 3 x + b = y^2 has exactly one root.
    let found = 0;
    for (let y = 1n; found < 3 && y < 40n; y++) {
      const x = cubeRoot(modulo(y * y - B));
      if (x === null) continue;
      found++;
      for (const point of [digits(x) + digits(y), digits(x) + digits(P - y)]) {
        assert.equal(isOnCurve(unhex(point)), true);
        agree(SAMPLES[0][0], point);
        assert.equal(times(digits(1n), point), point);
      }
    }
    assert.equal(found, 3);
  });
});

/** A polynomial's remainder by x^3 - 3 x - c, coefficients from the lowest. */
function reduceCubic(a: bigint[], c: bigint): bigint[] {
  const r = [...a];
  for (let i = r.length - 1; i >= 3; i--) {
    r[i - 2] = modulo(r[i - 2] + 3n * r[i]);
    r[i - 3] = modulo(r[i - 3] + c * r[i]);
  }
  return r.slice(0, 3);
}

/** A root of x^3 - 3 x = c where there is exactly one; else null: from the common divisor with x^p - x. */
function cubeRoot(c: bigint): bigint | null {
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

describe("P-256: against node:crypto", () => {
  it("1000 random keys", function () {
    this.timeout(20_000);
    let point: string | null = null;
    for (let i = 0; i < 500; i++) {
      const ecdh = createECDH("prime256v1");
      ecdh.generateKeys();
      const secret = ecdh.getPrivateKey("hex").padStart(64, "0");
      const own = ecdh.getPublicKey("hex").slice(2);
      assert.equal(times(secret, null), own);
      agree(secret, point ?? own);
      point = own;
    }
  });
});

describe("P-256: slices", () => {
  const [secret, product] = SAMPLES[0];

  for (const budget of [1, 2, 7, 1000, 3477, 3478, 1e9]) {
    it(`of ${budget}`, () => {
      const m = beginMultiply(unhex(secret), null);
      const target = new Uint8Array(64);
      let calls = 1;
      while (!stepMultiply(m, budget)) calls++;
      assert.equal(calls, Math.floor(WORK / budget) + 1);
      // Once finished it stays so.
      assert.equal(stepMultiply(m, budget), true);
      assert.equal(readProduct(m, target), true);
      assert.equal(hex(target), product);
      assert.equal(readProduct(m, target), true);
      assert.equal(hex(target), product);
    });
  }

  it("as many for every secret and point", () => {
    const secrets = [1n, 2n, N - 1n, (N - 1n) / 2n, 2n ** 255n, 2n ** 224n - 1n].map(digits).concat(hex(randomBytes(31)).padStart(64, "0"));
    for (const secret of secrets) {
      for (const point of [null, ...SAMPLES.map((sample) => unhex(sample[3]))]) {
        const m = beginMultiply(unhex(secret), point);
        let calls = 0;
        while (!stepMultiply(m, 1)) calls++;
        assert.equal(calls, WORK);
      }
    }
  });

  it("a budget of nothing is one of 1", () => {
    const m = beginMultiply(unhex(secret), null);
    let calls = 1;
    while (!stepMultiply(m, 0)) calls++;
    assert.equal(calls, WORK + 1);
  });

  it("two at a time do not disturb each other, and what was given may change", () => {
    const given = [unhex(SAMPLES[0][0]), unhex(SAMPLES[0][2])];
    const points = [unhex(SAMPLES[0][3]), unhex(SAMPLES[0][1])];
    const both = given.map((one, i) => beginMultiply(one, points[i]));
    const target = new Uint8Array(64);
    for (const bytes of [...given, ...points]) bytes.fill(0xff);
    for (let left = 2, i = 0; left > 0; i ^= 1) if (stepMultiply(both[i], 3 + i)) left--;
    for (const m of both) {
      while (!stepMultiply(m, 1));
      assert.equal(readProduct(m, target), true);
      assert.equal(hex(target.subarray(0, 32)), SAMPLES[0][4]);
    }
  });

  it("what is no secret gives the point at infinity, if it gives that", () => {
    for (const no of [0n, N]) {
      const m = beginMultiply(unhex(digits(no)), null);
      while (!stepMultiply(m, 1000));
      const target = new Uint8Array(64).fill(1);
      assert.equal(readProduct(m, target), false);
      assert.deepEqual(target, new Uint8Array(64));
    }
  });
});

describe("P-256: what is taken", () => {
  it("secrets from 1 to n - 1", () => {
    const yes = [1n, 2n, 255n, 256n, 2n ** 255n, N / 2n, N - 2n, N - 1n];
    const no = [0n, N, N + 1n, N + 2n ** 32n, 2n ** 256n - 1n, 2n ** 256n - 2n ** 224n + 2n ** 192n];
    for (const secret of yes) assert.equal(isSecret(unhex(digits(secret))), true, digits(secret));
    for (const secret of no) assert.equal(isSecret(unhex(digits(secret))), false, digits(secret));
    for (let bit = 0n; bit < 256n; bit++) {
      assert.equal(isSecret(unhex(digits(N ^ (1n << bit)))), (N ^ (1n << bit)) < N, `n with bit ${bit} changed`);
      assert.equal(isSecret(unhex(digits(1n << bit))), true);
    }
  });

  it("points on the curve", () => {
    const [, a] = SAMPLES[0];
    for (const point of [G, a, negative(G), negative(a), SAMPLES[1][3]]) assert.equal(isOnCurve(unhex(point)), true);
  });

  it("no other points", () => {
    const [, a] = SAMPLES[0];
    const zero = digits(0n);
    const one = digits(1n);
    for (const point of [zero + zero, one + one, zero + one, a.slice(64) + a.slice(0, 64), "ff".repeat(64), digits(P) + digits(P), digits(P - 1n) + digits(P - 1n)]) {
      assert.equal(isOnCurve(unhex(point)), false, point);
    }
    for (let bit = 0; bit < 512; bit++) {
      const bytes = unhex(a);
      bytes[bit >> 3] ^= 128 >> (bit & 7);
      assert.equal(isOnCurve(bytes), false, `bit ${bit}`);
    }
  });

  it("no coordinates from p on", () => {
    // Points whose x or y has room for p on top of it in 32 bytes: the equation holds modulo p.
    let seen = 0;
    for (let x = 0n; x < 30n; x++) {
      const point = pointAt(x);
      if (!point) continue;
      seen++;
      assert.equal(isOnCurve(unhex(point)), true);
      assert.equal(isOnCurve(unhex(digits(x + P) + point.slice(64))), false, `x = p + ${x}`);
    }
    assert.ok(seen > 8);
    for (let y = 1n, found = 0; found < 2; y++) {
      const x = cubeRoot(modulo(y * y - B));
      if (x === null) continue;
      found++;
      assert.equal(isOnCurve(unhex(digits(x) + digits(y))), true);
      assert.equal(isOnCurve(unhex(digits(x) + digits(y + P))), false, `y = p + ${y}`);
    }
  });
});

const LIMB = 2 ** 24;
/** What lies between an element and the number that it stands for. */
const SCALE = power(modulo(2n ** 264n), P - 2n);

function valueOf(limbs: Limbs): bigint {
  return limbs.reduceRight((sum, limb) => sum * 2n ** 24n + BigInt(limb), 0n);
}

/** Between -limit and limit, the ends often. */
function chance(limit: number): number {
  const kind = Math.random() * 8;
  return kind < 1 ? limit : kind < 2 ? -limit : kind < 3 ? 0 : Math.round((Math.random() * 2 - 1) * limit);
}

function element(times: number): Limbs {
  const limbs = Array.from({ length: 11 }, () => chance((times * LIMB) / 2));
  limbs[10] = chance(times * 2 ** 18);
  return limbs;
}

describe("P-256: the field", () => {
  function judge(x: Limbs, y: Limbs, factor: number, added: Limbs): void {
    const target: Limbs = new Array<number>(11).fill(NaN);
    const wanted = modulo(valueOf(x) * valueOf(y) * SCALE + BigInt(factor) * valueOf(added));
    multiply(target, x, y, factor, added);
    assert.equal(modulo(valueOf(target)), wanted, JSON.stringify({ x, y, factor, added }));
    assert.ok(target.slice(0, 10).every((limb) => Math.abs(limb) <= LIMB / 2));
    assert.ok(Math.abs(target[10]) < 2 ** 22);
  }

  it("products, squares, with something added: against BigInt", () => {
    for (let i = 0; i < 4000; i++) {
      const x = element(4);
      const y = element(3);
      const square = element(3);
      const added = element(3);
      judge(x, y, 0, x);
      judge(y, x, [-3, -2, -1, 1][i & 3], added);
      judge(square, square, 0, x);
      judge(square, square, -2, added);
    }
  });

  it("the largest of all", () => {
    const full = (times: number, sign: (i: number) => number) => Array.from({ length: 11 }, (_, i) => sign(i) * times * (i < 10 ? LIMB / 2 : 2 ** 18));
    const signs = [() => 1, () => -1, (i: number) => (i & 1 ? -1 : 1), (i: number) => (i % 3 ? -1 : 1)];
    for (const a of signs) {
      for (const b of signs) {
        judge(full(4, a), full(3, b), 0, full(1, a));
        for (const factor of [-3, 1]) judge(full(4, a), full(3, b), factor, full(3, b));
      }
      const one = full(3, a);
      judge(one, one, -2, one);
    }
  });

  it("the result may take the place of any operand", () => {
    for (let i = 0; i < 50; i++) {
      const x = element(2);
      const y = element(2);
      const wanted = modulo(valueOf(x) * valueOf(y) * SCALE - 2n * valueOf(y));
      const [first, second] = [[...x], [...y]];
      multiply(first, first, y, -2, y);
      multiply(second, x, second, -2, second);
      assert.equal(modulo(valueOf(first)), wanted);
      assert.equal(modulo(valueOf(second)), wanted);
    }
  });
});

/** What is known of an element: the largest limb of 0 to 9, the largest limb 10, the largest number, in p. */
interface Bound {
  readonly limb: number;
  readonly top: number;
  readonly number: number;
}

const p = Number(P);

/** The most that limb 10 can be. */
function topOf(limb: number, number: number): number {
  return (number * p) / 2 ** 240 + (limb * 1.0000001) / LIMB;
}

/** Follows the programs with bounds in the place of numbers. */
class Bounds {
  readonly elements: Bound[];
  digits = 88;
  /** The largest sum in a column, the largest limb, the largest number that `multiply` gives, in p. */
  sum = 0;
  limb = 0;
  number = 0;

  constructor() {
    const given = { limb: LIMB, top: 65536, number: 2 ** 256 / p };
    this.elements = new Array<Bound>(20).fill({ limb: 0, top: 0, number: 0 });
    this.elements[0] = this.elements[1] = given;
    this.elements[5] = { limb: 131072, top: 0, number: 1 };
    this.elements[9] = { limb: 1, top: 0, number: 1 / p };
  }

  multiply(x: Bound, y: Bound, factor: number, added: Bound): Bound {
    const at = ({ limb, top }: Bound, i: number) => (i < 10 ? limb : top);
    const half = LIMB / 2;
    let carry = 0;
    for (let column = 0; column < 21; column++) {
      let sum = carry;
      for (let i = Math.max(0, column - 10); i <= Math.min(column, 10); i++) sum += at(x, i) * at(y, column - i);
      for (const [behind, weight] of [[4, 1], [8, 1], [9, 256], [10, 65536]]) if (column >= behind && column - behind < 11) sum += weight * half;
      if (column >= 11) sum += Math.abs(factor) * at(added, column - 11);
      // The number that rounds takes as much again as a limb.
      assert.ok(sum + LIMB < 2 ** 53, `column ${column}: ${sum / 2 ** 53} of what is exact`);
      this.sum = Math.max(this.sum, sum);
      carry = (sum + half) / LIMB;
    }
    const number = 0.50001 + (x.number * y.number * p) / 2 ** 264 + Math.abs(factor) * added.number;
    this.number = Math.max(this.number, number);
    return { limb: half, top: topOf(half, number), number };
  }

  run(program: string): void {
    const code = (at: number) => program.charCodeAt(at);
    const all = this.elements;
    for (let at = 0; at < program.length; ) {
      const name = program[at];
      if (name === "x") {
        at = this.digits % 85 ? 0 : at + 3;
      } else if (name === "y") {
        this.digits--;
        all.push(...all.splice(12, 2));
        at += 3;
      } else if (name === "z") {
        if (this.digits) this.digits--;
        // Whichever point it is.
        for (const i of [0, 1]) {
          const table = [12, 14, 16, 18].map((place) => all[place + i]);
          const most = (key: keyof Bound) => Math.max(...table.map((bound) => bound[key]));
          all[10 + i] = { limb: most("limb"), top: most("top"), number: most("number") };
        }
        at += 3;
      } else {
        const x = all[code(at + 1) - 97];
        const second = code(at + 2);
        const isFused = code(at + 3) < 97;
        const factor = isFused ? code(at + 3) - 77 : 0;
        const added = isFused ? all[code(at + 4) - 97] : x;
        let result: Bound;
        if (second >= 97) {
          result = this.multiply(x, all[second - 97], factor, added);
        } else {
          const other = second === 90 ? 1 : Math.abs(second - 77);
          const number = other * x.number + Math.abs(factor) * added.number;
          const limb = other * x.limb + Math.abs(factor) * added.limb;
          result = { limb, top: other * x.top + Math.abs(factor) * added.top, number };
        }
        all[name.charCodeAt(0) - 97] = result;
        this.limb = Math.max(this.limb, result.limb);
        at += isFused ? 5 : 3;
      }
    }
  }
}

describe("P-256: bounds of all that happens in doubles", () => {
  it("a multiplication", () => {
    const bounds = new Bounds();
    for (let i = 0; i < PLAN.length; i += 2) {
      for (let k = 0; k < Number(PLAN[i]); k++) bounds.run("fff");
      bounds.run(String(PLAN[i + 1]));
    }
    assert.equal(bounds.digits, 0);
    // What the module says of itself.
    assert.ok(bounds.limb <= 4 * (LIMB / 2), String(bounds.limb / LIMB));
    assert.ok(bounds.number < 3, String(bounds.number));
    assert.ok(bounds.sum < 2 ** 52.92, String(Math.log2(bounds.sum)));
    // What is written out lies between -p and p.
    assert.ok(bounds.elements[0].number < 1 && bounds.elements[1].number < 1);
  });

  it("the equation of the curve", () => {
    const bounds = new Bounds();
    bounds.run(EQUATION);
    for (const place of [0, 1, 6]) assert.ok(bounds.elements[place].number < 1);
  });
});
