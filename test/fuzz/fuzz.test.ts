import assert from "node:assert/strict";
import { Random } from "../../hal/mock/random.js";
import { drive, replay, tryValues } from "./drive.js";
import { corpora, formatInput, hex, input, parseInput, readCorpus, type Input } from "./input.js";
import { change, mutate } from "./mutate.js";
import type { Target } from "./target.js";
import { PROPERTIES, TARGETS } from "./targets/index.js";

/** Inputs of a target whose share is 1: some seconds for all of them together. `npm run fuzz` feeds millions. */
const RUNS = 3000;
const MS = 5000;

describe("fuzzing", function () {
  this.timeout(120_000);

  for (const target of TARGETS) {
    it(`${target.name}: ${target.about}`, () => {
      for (const { name, packets } of readCorpus(target.name)) {
        try {
          replay(target, packets);
        } catch (error: any) {
          throw new Error(`${name} of the corpus: ${error.message}`, { cause: error });
        }
      }
      assert.ok(drive(target, { runs: Math.ceil(RUNS * target.share), seed: 1, ms: MS }).inputs > 0);
    });
  }

  for (const property of PROPERTIES) {
    it(`${property.name}: ${property.about}`, () => {
      assert.ok(tryValues(property, { runs: Math.ceil(RUNS * property.share), seed: 1, ms: MS }).inputs > 0);
    });
  }

  it("every folder of the corpus is that of a target", () => {
    for (const folder of corpora()) assert.ok(TARGETS.some(({ name }) => name === folder), folder);
  });
});

describe("the fuzzer", () => {
  const seeds: Input[] = [input("0102030405", "060708"), input("ff")];

  it("makes the same inputs of the same seed, and others of another", () => {
    const made = (seed: number): string => {
      const random = new Random(seed);
      return Array.from({ length: 50 }, () => formatInput(mutate(random, seeds, 4))).join("\n");
    };
    assert.equal(made(5), made(5));
    assert.notEqual(made(5), made(6));
  });

  it("leaves the seeds as they are, and keeps to the number of packets", () => {
    const random = new Random(1);
    const before = seeds.map(formatInput);
    for (let i = 0; i < 5000; i++) {
      const { length } = mutate(random, seeds, 4);
      assert.ok(length >= 1 && length <= 4);
    }
    for (let i = 0; i < 5000; i++) change(random, seeds[0][0], seeds[0]);
    assert.deepEqual(seeds.map(formatInput), before);
  });

  it("writes inputs as the corpus reads them", () => {
    const long = [new Uint8Array(200).fill(7), new Uint8Array(0), Uint8Array.of(1)];
    assert.deepEqual(parseInput(formatInput(long)).map(hex), long.map(hex));
    assert.deepEqual(parseInput("# why\n01 02 # two\n-\n").map(hex), ["0102", ""]);
    assert.throws(() => parseInput("0x01"), /no hex digits/);
  });

  it("finds a mistake, and shows the least that leads to it", () => {
    /** Breaks at the byte 0x80 once it has seen two packets that begin with 7. */
    const broken: Target = {
      name: "broken",
      about: "",
      seeds: [input("07", "0801")],
      most: 4,
      life: 10_000,
      share: 1,
      begin() {
        let sevens = 0;
        return {
          feed(packets) {
            for (const packet of packets) {
              if (packet[0] === 7) sevens++;
              if (packet.includes(0x80) && sevens > 1) throw new Error("broken on purpose");
            }
          },
        };
      },
    };
    assert.throws(
      () => drive(broken, { runs: 100_000, seed: 3 }),
      (error: any) => {
        assert.match(error.message, /^broken: Error: broken on purpose/);
        const [, count] = /seed 3, input \d+; (\d) inputs? (?:is|are) enough:/.exec(error.message)!;
        assert.ok(Number(count) <= 3, error.message);
        return true;
      },
    );
  });
});
