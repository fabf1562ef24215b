import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { getHeapStatistics } from "node:v8";

/** Does something `count` times. */
export type Work = (count: number) => void;

/** What so many of something do to the heap, in bytes: the least of several trials, as the engine's compiler allocates at times of its own. */
export interface Heap {
  readonly count: number;
  /** Everything allocated, collected since or not. */
  readonly allocated: number;
  /** What is still there after a collection. */
  readonly retained: number;
}

/** Times of one piece of work. */
export interface Speed {
  readonly count: number;
  /** Milliseconds of each round. */
  readonly rounds: number[];
  /** The best round, times a second. */
  readonly persecond: number;
}

/** How many pieces a heap measurement is cut into: small enough for most to see no collection of the young generation. */
const PIECES = 1000;
const ROUNDS = 7;
const TRIALS = 3;

function collect(): void {
  if (!globalThis.gc) throw new Error("needs node --expose-gc");
  for (let i = 0; i < 3; i++) globalThis.gc();
}

function used(): number {
  return getHeapStatistics().used_heap_size;
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[values.length >> 1];
}

/** Growth of the heap from one look to the next with `work` between them, piece by piece. */
function growth(work: Work, count: number, pieces: number): number[] {
  const steps: number[] = new Array<number>(pieces).fill(0);
  let before = used();
  for (let i = 0; i < pieces; i++) {
    work(count);
    const now = used();
    steps[i] = now - before;
    before = now;
  }
  return steps;
}

/**
 * Measures the heap that `work` takes. Pieces in which a collection ran (the heap shrank) say nothing, the others stand for them. Looking
 * costs some bytes itself: as many as between two looks with nothing between. Long work has few pieces.
 */
export function heapOf(work: Work, count: number, pieces = PIECES): Heap {
  const piece = Math.ceil(count / pieces);
  const nothing: Work = () => {};
  let allocated = Infinity;
  let retained = Infinity;
  work(count / 2);
  growth(work, 1, pieces);
  growth(nothing, 1, pieces);
  for (let trial = 0; trial < TRIALS; trial++) {
    collect();
    const look = median(growth(nothing, 1, pieces));
    collect();
    const clean = growth(work, piece, pieces).filter((step) => step >= 0);
    const sum = clean.reduce((all, step) => all + step - look, 0);
    if (clean.length > 0) allocated = Math.min(allocated, Math.round((Math.max(0, sum) * pieces) / clean.length));
    collect();
    const before = used();
    work(piece * pieces);
    collect();
    retained = Math.min(retained, Math.max(0, used() - before - look));
  }
  return { count: piece * pieces, allocated, retained };
}

/** Times several pieces of work in turn, so that what else the machine does falls on all of them. */
export function speedOf(works: Work[], count: number): Speed[] {
  const rounds = works.map((): number[] => []);
  for (const work of works) work(count / 2);
  for (let round = 0; round < ROUNDS; round++) {
    works.forEach((work, i) => {
      collect();
      const began = performance.now();
      work(count);
      rounds[i].push(performance.now() - began);
    });
  }
  return rounds.map((times) => ({ count, rounds: times, persecond: (count * 1000) / Math.min(...times) }));
}

/** Prints rows below their heads: the first column to the left, the others to the right. */
export function table(heads: string[], rows: string[][]): void {
  const widths = heads.map((head, column) => Math.max(head.length, ...rows.map((row) => row[column].length)));
  for (const row of [heads, widths.map((width) => "-".repeat(width)), ...rows]) {
    console.log(row.map((cell, column) => (column ? cell.padStart(widths[column]) : cell.padEnd(widths[column]))).join("  "));
  }
}

/** A number without fraction, in groups of three digits. */
export function whole(value: number): string {
  return Math.round(value).toLocaleString("en").replaceAll(",", " ");
}

/** Writes a result under its name to the file of `--json FILE`, if that is among the arguments; what other benches have written there stays. */
export function save(name: string, result: object): void {
  if (!process.argv.includes("--json")) return;
  const file = process.argv[process.argv.indexOf("--json") + 1];
  if (!file || file.startsWith("-")) throw new Error("--json FILE");
  const all = existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as object) : {};
  writeFileSync(file, JSON.stringify({ ...all, node: process.version, [name]: result }, null, 2) + "\n");
}
