import { KINDS, type Kind } from "./kinds.js";
import type { Outcome } from "./world.js";

/** What came of many runs. */
export class Summary {
  readonly failed: Outcome[] = [];
  runs = 0;
  /** Virtual time, ms. */
  private _time = 0;
  private readonly _sums = { connections: 0, pairings: 0, answers: 0, reopened: 0 };
  private readonly _counts: { [kind: string]: { struck: number; runs: number } } = {};
  private readonly _errors: { [code: string]: number } = {};
  private readonly _recoveries: number[] = [];
  private readonly _excess: number[] = [];
  private readonly _calms: number[] = [];

  add(outcome: Outcome): void {
    this.runs++;
    this._time += outcome.time;
    if (outcome.failures.length) this.failed.push(outcome);
    for (const name of Object.keys(this._sums) as (keyof typeof this._sums)[]) this._sums[name] += outcome[name];
    for (const [kind, count] of Object.entries(outcome.counts)) {
      const sum = (this._counts[kind] ??= { struck: 0, runs: 0 });
      sum.struck += count;
      sum.runs++;
    }
    for (const [code, count] of Object.entries(outcome.errors)) this._errors[code] = (this._errors[code] ?? 0) + count;
    for (const { ms, rise } of outcome.recoveries) {
      this._recoveries.push(ms);
      this._excess.push(ms - rise);
    }
    this._calms.push(outcome.calm);
  }

  /** The table. */
  print(say: (line: string) => void): void {
    const { connections, pairings, answers, reopened } = this._sums;
    say(`${this.runs} seeds, ${(this._time / 3_600_000).toFixed(1)} hours of virtual time: ${connections} connections, ${pairings} pairings, ${answers} ATT answers judged`);
    say("");
    say("fault".padEnd(12) + "struck".padStart(9) + "seeds".padStart(8));
    for (const kind of Object.keys(KINDS) as Kind[]) {
      const { struck, runs } = this._counts[kind] ?? { struck: 0, runs: 0 };
      say(kind.padEnd(12) + String(struck).padStart(9) + String(runs).padStart(8) + `   ${KINDS[kind]}`);
    }
    say("");
    say(`recoveries   ${this._recoveries.length}; ${spread(this._recoveries)}; beyond the first rise of the same board ${spread(this._excess)}`);
    say(`all is back  ${spread(this._calms)} after the last fault`);
    say(`given up     ${reopened} instances, opened again by their application`);
    say(`onerror      ${Object.entries(this._errors).sort((one, other) => other[1] - one[1]).map(([code, count]) => `${code} ${count}`).join(", ")}`);
    say("");
    for (const { seed, failures, counts } of this.failed) {
      say(`seed ${seed} fails (${Object.keys(counts).join(", ") || "no faults"}):`);
      for (const text of failures.slice(0, 3)) say(`    ${text}`);
      say(`    npm run simulate -- --seed ${seed} --runs 1 --verbose`);
    }
    say(`${this.runs} seeds, ${this.failed.length} failed`);
  }
}

function spread(values: number[]): string {
  const sorted = values.slice().sort((one, other) => one - other);
  if (!sorted.length) return "none";
  const at = (share: number): string => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))].toFixed(0);
  return `median ${at(0.5)} ms, 95 of 100 within ${at(0.95)} ms, worst ${at(1)} ms`;
}
