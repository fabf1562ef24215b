import assert from "node:assert/strict";
import { EQUATION, multiply, PLAN, type Limbs } from "../../core/crypto/p256doubles.js";
import { modulo, P, power } from "../support/p256.js";

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
    let begin = 0;
    for (let at = 0; at < program.length; ) {
      const name = program[at];
      if (name === "v") {
        begin = at += 3;
      } else if (name === "w") {
        const place = code(at + 1) - 97;
        for (let i = code(at + 2) - 32; i > 0; i--) all[place] = this.multiply(all[place], all[place], 0, all[place]);
        at += 3;
      } else if (name === "x") {
        at = this.digits % 85 ? begin : at + 3;
      } else if (name === "y") {
        this.digits--;
        all.push(...all.splice(12, 2));
        at += 3;
      } else if (name === "z") {
        this.digits--;
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
    bounds.run(PLAN);
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
