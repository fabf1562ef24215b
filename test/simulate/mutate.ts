import { fork } from "node:child_process";
import { readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import * as esbuild from "esbuild";
import { MUTANTS, type Mutant } from "./mutants.js";

/** A defect has to be found within so many seeds. */
const SEEDS = 2000;

/** Bundles the simulation with a defect in it. */
async function build(mutant: Mutant, folder: string): Promise<string> {
  const changes = mutant.also ? [mutant, mutant.also] : [mutant];
  let changed = 0;
  await esbuild.build({
    entryPoints: ["test/simulate/main.ts"],
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    packages: "external",
    outfile: join(folder, "main.mjs"),
    logLevel: "error",
    plugins: [
      {
        name: "mutant",
        setup: (made) => {
          made.onLoad({ filter: /\.ts$/ }, ({ path }) => {
            const change = changes.find(({ file }) => resolve(file) === path);
            if (!change) return undefined;
            const text = readFileSync(path, "utf8");
            changed += text.split(change.from).length - 1;
            return { contents: text.replace(change.from, () => change.to), loader: "ts" };
          });
        },
      },
    ],
  });
  if (changed !== changes.length) throw new Error(`"${mutant.name}": its text has to stand once in ${mutant.file}`);
  return join(folder, "main.mjs");
}

/** Runs seeds until one fails; returns what was said of it, or null. */
function hunt(program: string, jobs: number): Promise<string | null> {
  return new Promise((done) => {
    const child = fork(program, ["--runs", String(SEEDS), "--jobs", String(jobs), "--first"], { silent: true });
    let said = "";
    child.stdout!.on("data", (data) => (said += data));
    child.stderr!.on("data", (data) => (said += data));
    child.on("exit", () => done(/^seed \d+ fails: .*$/m.exec(said)?.[0] ?? null));
  });
}

/**
 * Puts defects into the stack, one at a time, and shows that each is found.
 * @param wanted words of their names; none: all
 * @param seconds wall time after which no further one is put in; 0: no limit
 * @returns whether all were found
 */
export async function mutate(wanted: string[], jobs: number, seconds: number): Promise<boolean> {
  const folder = "build/mutant";
  const chosen = MUTANTS.filter(({ name }) => !wanted.length || wanted.some((word) => name.includes(word)));
  const start = Date.now();
  let missed = 0;
  let tried = 0;
  for (const mutant of chosen) {
    const began = Date.now();
    if (seconds && began - start > seconds * 1000) break;
    tried++;
    rmSync(folder, { recursive: true, force: true });
    const found = await hunt(await build(mutant, folder), jobs);
    if (!found) missed++;
    console.log(`${found ? "found " : "MISSED"} ${mutant.name} (${((Date.now() - began) / 1000).toFixed(0)} s)`);
    if (found) console.log(`       ${found.slice(0, 180)}`);
  }
  const left = chosen.length > tried ? `; no time was left for ${chosen.length - tried}` : "";
  console.log(`${tried} defects put in, ${tried - missed} found within ${SEEDS} seeds each${left}`);
  return missed === 0;
}
