/**
 * A seeded generator of pseudo-random numbers: sfc32 of Chris Doty-Humphrey (PractRand). The same seed gives the same numbers on every
 * engine. It is for tests: nothing secret may come from it.
 */
export class Random {
  private _a: number;
  private _b: number;
  private _c = 0x9e3779b9;
  private _counter = 1;

  /** @param seed any number; its low 32 bits count, and for larger numbers the next 21 as well */
  constructor(seed: number) {
    this._a = seed | 0;
    this._b = (seed / 0x100000000) | 0;
    // The state of a small seed is nearly all zeros: twelve rounds spread it, as the author of sfc32 asks.
    for (let i = 0; i < 12; i++) this.next();
  }

  /** The next 32 bits, as an integer from 0 to 2^32 - 1. */
  next(): number {
    const sum = (this._a + this._b + this._counter) | 0;
    this._counter = (this._counter + 1) | 0;
    this._a = this._b ^ (this._b >>> 9);
    this._b = (this._c + (this._c << 3)) | 0;
    this._c = ((this._c << 21) | (this._c >>> 11)) + sum | 0;
    return sum >>> 0;
  }

  /**
   * An integer from 0 to `n - 1`, each as likely as the others.
   * @param n 1 to 2^32
   */
  below(n: number): number {
    if (!(n >= 1 && n <= 0x100000000)) throw new RangeError(`Random.below: n is ${n}, not 1 to 2^32`);
    const limit = 0x100000000 - (0x100000000 % n);
    for (;;) {
      const value = this.next();
      if (value < limit) return value % n;
    }
  }

  /** A number from 0 up to, but not including, 1; it has 32 bits. */
  fraction(): number {
    return this.next() / 0x100000000;
  }

  /** Fills `target` with bytes. */
  fill(target: Uint8Array): void {
    let word = 0;
    for (let i = 0; i < target.length; i++) {
      word = i % 4 === 0 ? this.next() : word >>> 8;
      target[i] = word;
    }
  }

  /** A generator of its own, so that what one user draws does not shift what another one gets. */
  split(): Random {
    return new Random(this.next());
  }
}
