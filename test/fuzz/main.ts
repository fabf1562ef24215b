/**
 * Feeds millions of inputs to everything that takes bytes or values of others. `npm run fuzz -- [TARGET]... [--runs N] [--seed S] [--seconds N]`
 */
import { Worker } from "node:worker_threads";
import { drive, Finding, replay, tryValues, type Extent, type Outcome } from "./drive.js";
import { readCorpus } from "./input.js";
import { PROPERTIES, TARGETS } from "./targets/index.js";

/** Inputs of a target whose share is 1. */
const RUNS = 300_000;
/** Seconds without a new input after which it hangs. */
const PATIENCE = 30;
/** Bytes by which what is kept may seem to grow: the engine's own code and tables. Eight bytes an input would be more. */
const GROWTH = 1 << 20;

const USAGE = "npm run fuzz -- [TARGET]... [--runs N] [--seed S] [--seconds N]";

interface Asked {
  readonly names: string[];
  readonly runs: number;
  readonly seed: number;
  /** For each target; 0: as long as it takes. */
  readonly ms: number;
}

function usage(text: string): never {
  console.error(`${text}\n${USAGE}\ntargets: ${[...TARGETS, ...PROPERTIES].map(({ name }) => name).join(", ")}`);
  process.exit(2);
}

function read(words: string[]): Asked {
  const all = [...TARGETS, ...PROPERTIES].map(({ name }) => name);
  const names: string[] = [];
  const numbers: { [option: string]: number } = { "--runs": RUNS, "--seed": 1, "--seconds": 0 };
  for (let at = 0; at < words.length; at++) {
    const word = words[at];
    if (word in numbers) {
      const value = Number(words[++at]);
      if (!Number.isInteger(value) || value < 1 || value > 2 ** 31) usage(`${word}: expected an integer, 1..${2 ** 31}`);
      numbers[word] = value;
    } else if (all.includes(word)) names.push(word);
    else usage(`${word}: no such target`);
  }
  return { names, runs: numbers["--runs"], seed: numbers["--seed"], ms: (numbers["--seconds"] * 1000) / (names.length || all.length) };
}

/** Ends the process, saying where it was, when nothing has moved for too long: a thread of its own, as this one would be the one that hangs. */
class Watch {
  private readonly _shared = new Int32Array(new SharedArrayBuffer(12));
  private readonly _worker: Worker;

  constructor(names: readonly string[]) {
    const code = `
      const { workerData } = require("node:worker_threads");
      let last = "";
      setInterval(() => {
        const now = Array.from(workerData.shared).join(" ");
        if (now === last) {
          const [target, seed, input] = workerData.shared;
          require("node:fs").writeSync(2, workerData.names[target] + " hangs: seed " + seed + ", input " + (input + 1) + "\\n");
          process.kill(process.pid, "SIGKILL");
        }
        last = now;
      }, ${PATIENCE * 1000});`;
    this._worker = new Worker(code, { eval: true, workerData: { shared: this._shared, names } });
    this._worker.unref();
  }

  moved(target: number, seed: number, input: number): void {
    this._shared[0] = target;
    this._shared[1] = seed;
    this._shared[2] = input;
  }

  end(): void {
    void this._worker.terminate();
  }
}

function whole(value: number): string {
  return Math.round(value).toLocaleString("en").replaceAll(",", " ");
}

function main(): number {
  const { names, runs, seed, ms } = read(process.argv.slice(2));
  const all = [...TARGETS.map(({ name }) => name), ...PROPERTIES.map(({ name }) => name)];
  const watch = new Watch(all);
  let failures = 0;
  let sum = 0;
  console.log(`${"target".padEnd(12)} ${"inputs".padStart(12)} ${"a second".padStart(10)} ${"heap grows".padStart(11)}  seed ${seed}`);

  const extent = (share: number, i: number): Extent => ({
    runs: Math.max(1, Math.round(runs * share)),
    seed,
    ms: ms || undefined,
    alive: (life, input) => watch.moved(i, life, input),
  });

  /** One row; what fails is told and does not end the others. */
  function row(name: string, work: () => Outcome): void {
    if (names.length && !names.includes(name)) return;
    try {
      const { inputs, ms, growth } = work();
      sum += inputs;
      console.log(`${name.padEnd(12)} ${whole(inputs).padStart(12)} ${whole((1000 * inputs) / ms).padStart(10)} ${(Number.isNaN(growth) ? "" : whole(growth)).padStart(11)}`);
      if (growth > GROWTH) {
        failures++;
        console.log(`FAIL ${name}: ${whole(growth)} bytes more are kept at the end than after a tenth, expected ${whole(GROWTH)} at the most`);
      }
    } catch (error) {
      failures++;
      console.log(`FAIL ${error instanceof Finding ? error.message : `${name}: ${(error as Error).stack}`}`);
    }
  }

  TARGETS.forEach((target, i) => {
    row(target.name, () => {
      for (const { name, packets } of readCorpus(target.name)) {
        try {
          replay(target, packets);
        } catch (error) {
          throw new Finding(`${target.name}: ${name} of the corpus: ${(error as Error).stack}`);
        }
      }
      return drive(target, extent(target.share, i));
    });
  });
  PROPERTIES.forEach((property, i) => {
    row(property.name, () => tryValues(property, extent(property.share, TARGETS.length + i)));
  });
  watch.end();
  console.log(`${whole(sum)} inputs, ${failures} failed`);
  return failures ? 1 : 0;
}

process.exitCode = main();
