import assert from "node:assert/strict";
import { createECDH, randomBytes } from "node:crypto";
import { BASE, isSecret } from "../../core/crypto/p256.js";
import { B, cubeRoot, digits, expected, G, hex, modulo, N, negative, P, pointAt, SAMPLES, unhex, WAYS } from "../support/p256.js";

for (const [way, arithmetic] of WAYS) {
  const { _steps: steps, _isOnCurve: isOnCurve } = arithmetic;

  /** The product as hex digits, in slices of `budget`; `chance` as hex digits behind the secret. */
  const times = (secret: string, point: string | null, budget = 1e6, chance = ""): string => {
    const m = arithmetic._begin(unhex(secret + chance), unhex(point ?? BASE));
    while (!arithmetic._step(m, budget));
    return hex(arithmetic._product(m));
  };

  const agree = (secret: string, point: string | null, budget?: number, chance?: string): void => {
    const product = times(secret, point, budget, chance);
    const wanted = expected(secret, point);
    assert.equal(product.slice(0, wanted.length), wanted, `${secret} times ${point}`);
    assert.equal(isOnCurve(unhex(product)), true);
  };

  describe(`P-256 in ${way}: sample data and edges`, function () {
    this.timeout(20_000);
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

  describe(`P-256 in ${way}: against node:crypto`, () => {
    it("1000 random keys", function () {
      this.timeout(20_000);
      let point: string | null = null;
      for (let i = 0; i < 500; i++) {
        const ecdh = createECDH("prime256v1");
        ecdh.generateKeys();
        const secret = ecdh.getPrivateKey("hex").padStart(64, "0");
        const chance = hex(randomBytes(8));
        const own = ecdh.getPublicKey("hex").slice(2);
        assert.equal(times(secret, null, 1e6, chance), own);
        agree(secret, point ?? own, 1e6, chance);
        point = own;
      }
    });

    it("whatever chance is given", () => {
      for (const chance of ["", "0000000000000000", "ffffffffffffffff", "0000000000000001", "8000000000000000"]) agree(SAMPLES[0][0], SAMPLES[0][3], 1e6, chance);
    });
  });

  describe(`P-256 in ${way}: slices`, () => {
    const [secret, product] = SAMPLES[0];

    for (const budget of [1, 2, 7, steps - 1, steps, 1e9]) {
      it(`of ${budget}`, () => {
        const m = arithmetic._begin(unhex(secret), unhex(BASE));
        let calls = 1;
        while (!arithmetic._step(m, budget)) calls++;
        assert.equal(calls, Math.floor(steps / budget) + 1);
        // Once finished it stays so.
        assert.equal(arithmetic._step(m, budget), true);
        assert.equal(hex(arithmetic._product(m)), product);
        assert.equal(hex(arithmetic._product(m)), product);
      });
    }

    it("as many for every secret and point", () => {
      const secrets = [1n, 2n, N - 1n, (N - 1n) / 2n, 2n ** 255n, 2n ** 224n - 1n].map(digits).concat(hex(randomBytes(31)).padStart(64, "0"));
      for (const secret of secrets) {
        for (const point of [BASE, ...SAMPLES.map((sample) => sample[3])]) {
          const m = arithmetic._begin(unhex(secret), unhex(point));
          let calls = 0;
          while (!arithmetic._step(m, 1)) calls++;
          assert.equal(calls, steps);
        }
      }
    });

    it("a budget of nothing is one of 1", () => {
      const m = arithmetic._begin(unhex(secret), unhex(BASE));
      let calls = 1;
      while (!arithmetic._step(m, 0)) calls++;
      assert.equal(calls, steps + 1);
    });

    it("two at a time do not disturb each other, and what was given may change", () => {
      const given = [unhex(SAMPLES[0][0]), unhex(SAMPLES[0][2])];
      const points = [unhex(SAMPLES[0][3]), unhex(SAMPLES[0][1])];
      const both = given.map((one, i) => arithmetic._begin(one, points[i]));
      for (const bytes of [...given, ...points]) bytes.fill(0xff);
      for (let left = 2, i = 0; left > 0; i ^= 1) if (arithmetic._step(both[i], 3 + i)) left--;
      for (const m of both) {
        while (!arithmetic._step(m, 1));
        assert.equal(hex(arithmetic._product(m).subarray(0, 32)), SAMPLES[0][4]);
      }
    });
  });

  describe(`P-256 in ${way}: points that are taken`, () => {
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
}

describe("P-256: secrets", () => {
  it("from 1 to n - 1", () => {
    const yes = [1n, 2n, 255n, 256n, 2n ** 255n, N / 2n, N - 2n, N - 1n];
    const no = [0n, N, N + 1n, N + 2n ** 32n, 2n ** 256n - 1n, 2n ** 256n - 2n ** 224n + 2n ** 192n];
    for (const secret of yes) assert.equal(isSecret(unhex(digits(secret))), true, digits(secret));
    for (const secret of no) assert.equal(isSecret(unhex(digits(secret))), false, digits(secret));
    for (let bit = 0n; bit < 256n; bit++) {
      assert.equal(isSecret(unhex(digits(N ^ (1n << bit)))), (N ^ (1n << bit)) < N, `n with bit ${bit} changed`);
      assert.equal(isSecret(unhex(digits(1n << bit))), true);
    }
  });

  it("only the first 32 bytes of what is given", () => {
    assert.equal(isSecret(unhex(digits(0n) + "01")), false);
    assert.equal(isSecret(unhex(digits(1n) + "00")), true);
  });
});
