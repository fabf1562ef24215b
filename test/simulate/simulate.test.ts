import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { CORRUPTING, KINDS, type Kind } from "./kinds.js";
import { MUTANTS } from "./mutants.js";
import { run } from "./world.js";

/** Seeds of `npm test`; CI runs thousands. */
const SEEDS = 200;
/** Wall time that they may take, ms: on a machine that is busy there are fewer. */
const TIME = 20_000;

describe("simulation", function () {
  this.timeout(180_000);

  it("of a few hundred seeds: whatever goes wrong, all that has to hold holds", () => {
    const began = Date.now();
    const struck: { [kind: string]: number } = {};
    let runs = 0;
    let sums = { connections: 0, pairings: 0, answers: 0, recoveries: 0 };
    for (let seed = 1_000_001; runs < SEEDS && (runs < 20 || Date.now() - began < TIME); seed++, runs++) {
      const { failures, counts, connections, pairings, answers, recoveries } = run(seed);
      assert.deepEqual(failures, [], `npm run simulate -- --seed ${seed} --runs 1 --verbose`);
      for (const kind of Object.keys(counts)) struck[kind] = (struck[kind] ?? 0) + 1;
      sums = { connections: sums.connections + connections, pairings: sums.pairings + pairings, answers: sums.answers + answers, recoveries: sums.recoveries + recoveries.length };
    }
    assert.ok(Object.keys(struck).length >= runs / 10, `kinds that have struck: ${Object.keys(struck)}`);
    for (const [name, sum] of Object.entries(sums)) assert.ok(sum > runs / 20, `${name}: ${sum} in ${runs} runs`);
  });

  it("is a function of its seed: every byte and its time", () => {
    for (const seed of [7, 8, 2_000_003]) {
      const [first, again] = [run(seed), run(seed)];
      assert.equal(first.digest, again.digest);
      assert.deepEqual(first.log, again.log);
      assert.notEqual(first.digest, run(seed + 1).digest);
    }
  });

  it("has each kind of fault do something", () => {
    const missing: Kind[] = [];
    for (const kind of Object.keys(KINDS) as Kind[]) {
      let count = 0;
      for (let seed = 1; seed <= 12 && !count; seed++) count = run(seed, { kinds: [kind] }).counts[kind] ?? 0;
      if (!count) missing.push(kind);
    }
    assert.deepEqual(missing, []);
  });

  it("leaves a kind of fault out without that the others strike elsewhere in their own chance", () => {
    const { counts } = run(11, { kinds: ["flip", "throws"], without: ["flip"] });
    assert.equal(counts.flip, undefined);
    assert.equal(run(11, { kinds: ["throws"] }).digest, run(11, { kinds: ["flip", "throws"], without: ["flip"] }).digest);
  });

  it("knows which kinds change what is said", () => {
    assert.ok(CORRUPTING.every((kind) => kind in KINDS));
    assert.ok(!CORRUPTING.includes("vanish"));
  });

  it("has defects to be put in, each at one place of the stack as it is", () => {
    for (const { name, also, ...change } of MUTANTS) for (const { file, from, to } of also ? [change, also] : [change]) {
      assert.equal(readFileSync(file, "utf8").split(from).length, 2, `"${name}": its text has to stand once in ${file}`);
      assert.notEqual(from, to);
    }
    assert.equal(new Set(MUTANTS.map(({ name }) => name)).size, MUTANTS.length);
  });
});
