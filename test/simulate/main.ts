import { fork, type ChildProcess } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { isKind, KINDS, type Kind } from "./kinds.js";
import { mutate } from "./mutate.js";
import { Summary } from "./summary.js";
import { run, type Outcome, type RunOptions } from "./world.js";

const USAGE = `npm run simulate -- [--seed N] [--runs M] [--seconds S] [--jobs J] [--only KIND,...] [--without KIND,...] [--verbose] [--first]
npm run simulate -- --mutants [WORD...] [--seconds S]
kinds of fault: ${Object.keys(KINDS).join(", ")}`;

/** A run that takes longer hangs, ms. */
const HANGS = 60_000;

interface Wish {
  seed: number;
  runs: number;
  /** Wall time after which no further run begins; 0: no limit. */
  seconds: number;
  jobs: number;
  verbose: boolean;
  /** Ends with the first failure. */
  first: boolean;
  options: RunOptions;
}

function kindsOf(list: string): Kind[] {
  const words = list.split(",").filter((word) => word !== "");
  for (const word of words) if (!isKind(word)) throw new Error(`there is no fault "${word}"`);
  return words as Kind[];
}

function parse(words: string[]): Wish {
  const wish: Wish = { seed: 1, runs: 0, seconds: 0, jobs: availableParallelism(), verbose: false, first: false, options: {} };
  for (let i = 0; i < words.length; i++) {
    const value = (): string => words[++i] ?? "";
    const number = (least: number): number => {
      const given = Number(value());
      if (!Number.isInteger(given) || given < least) throw new Error(`${words[i - 1]}: ${words[i]} is not a whole number from ${least}`);
      return given;
    };
    if (words[i] === "--seed") wish.seed = number(0);
    else if (words[i] === "--runs") wish.runs = number(1);
    else if (words[i] === "--seconds") wish.seconds = number(1);
    else if (words[i] === "--jobs") wish.jobs = number(1);
    else if (words[i] === "--verbose") wish.verbose = true;
    else if (words[i] === "--first") wish.first = true;
    else if (words[i] === "--only") wish.options.kinds = kindsOf(value());
    else if (words[i] === "--without") wish.options.without = kindsOf(value());
    else throw new Error(`unknown: ${words[i]}`);
  }
  if (!wish.runs) wish.runs = wish.seconds ? 1_000_000 : 200;
  return wish;
}

/** A process that runs one seed after another, as it is told. */
function serve(): void {
  process.on("message", ({ seed, options, verbose }: { seed: number; options: RunOptions; verbose: boolean }) => {
    const outcome = run(seed, options);
    process.send!(verbose ? outcome : { ...outcome, log: [] });
  });
}

/** Gives seeds to so many processes until there are none left, or the time is over. */
async function distribute(wish: Wish, summary: Summary, done: (outcome: Outcome) => void): Promise<void> {
  const began = Date.now();
  let next = wish.seed;
  const end = wish.seed + wish.runs;
  const left = (): boolean => next < end && !(wish.first && summary.failed.length) && (!wish.seconds || Date.now() - began < wish.seconds * 1000);
  await Promise.all(
    Array.from({ length: Math.min(wish.jobs, wish.runs) }, async () => {
      let child: ChildProcess | null = null;
      while (left()) {
        const seed = next++;
        child ??= fork(fileURLToPath(import.meta.url), ["--serve"], { execArgv: ["--enable-source-maps"] });
        const outcome = await ask(child, seed, wish);
        if (outcome.failures.some((text) => text.startsWith("it hangs"))) {
          child.kill("SIGKILL");
          child = null;
        }
        summary.add(outcome);
        done(outcome);
      }
      child?.disconnect();
    }),
  );
}

function ask(child: ChildProcess, seed: number, { options, verbose }: Wish): Promise<Outcome> {
  return new Promise((resolve) => {
    const lost = (why: string): void => {
      end({ seed, failures: [why], counts: {}, digest: 0, recoveries: [], calm: 0, time: 0, reopened: 0, connections: 0, answers: 0, pairings: 0, errors: {}, log: [] });
    };
    const gone = (code: number | null): void => lost(`it hangs, or its process has ended (${code})`);
    const timer = setTimeout(() => lost(`it hangs: it has run for ${HANGS / 1000} s`), HANGS);
    const end = (outcome: Outcome): void => {
      clearTimeout(timer);
      child.off("message", end).off("exit", gone);
      resolve(outcome);
    };
    child.on("message", end).on("exit", gone);
    child.send({ seed, options, verbose });
  });
}

async function main(): Promise<void> {
  let wish: Wish;
  try {
    wish = parse(process.argv.slice(2));
  } catch (error: any) {
    console.error(`${error.message}\n${USAGE}`);
    process.exit(2);
  }
  const summary = new Summary();
  let failed = 0;
  await distribute(wish, summary, (outcome) => {
    if (wish.verbose) for (const line of outcome.log) console.log(line);
    if (wish.verbose && wish.runs === 1) console.log(`digest ${outcome.digest.toString(16).padStart(8, "0")}`);
    // At once, in case somebody ends it before it is done.
    if (outcome.failures.length && ++failed <= 20) console.log(`seed ${outcome.seed} fails: ${outcome.failures[0].split("\n")[0]}`);
  });
  summary.print((line) => console.log(line));
  process.exitCode = failed ? 1 : 0;
}

if (process.argv[2] === "--serve") serve();
else if (process.argv[2] === "--mutants") {
  const words = process.argv.slice(3);
  const at = words.indexOf("--seconds");
  const seconds = at < 0 ? 0 : Number(words.splice(at, 2)[1]);
  process.exitCode = (await mutate(words, availableParallelism(), seconds)) ? 0 : 1;
} else await main();
