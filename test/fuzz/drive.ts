import { Random } from "../../hal/mock/random.js";
import { formatInput, type Input } from "./input.js";
import { mutate } from "./mutate.js";
import type { Property, Target } from "./target.js";

/** What a run has come to. */
export interface Outcome {
  readonly inputs: number;
  /** Milliseconds of it all. */
  readonly ms: number;
  /** Bytes of heap and buffers that are there after a collection and were not after the first tenth; NaN where the engine does not say. */
  readonly growth: number;
}

/** What has been found, with the way back to it. */
export class Finding extends Error {}

/** How far a run goes. */
export interface Extent {
  readonly runs: number;
  readonly seed: number;
  /** Milliseconds after which it comes to its end although there are runs left. */
  readonly ms?: number;
  /** Called before each input, so that whoever watches knows that it goes on. */
  readonly alive?: (seed: number, input: number) => void;
}

/** Values of a property between two looks at the time. */
const PIECE = 1000;
/** For shorter histories, in milliseconds. */
const PATIENCE = 20_000;

/** What is in use after a collection. */
function used(): number {
  if (!globalThis.gc) return NaN;
  for (let i = 0; i < 3; i++) globalThis.gc();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function makeInput(target: Target, random: Random): Input {
  return target.make ? target.make(random) : mutate(random, target.seeds, target.most);
}

/** Feeds a fresh subject; the error that comes of it, or null. */
function fails(target: Target, seed: number, history: readonly Input[]): Error | null {
  try {
    const subject = target.begin(new Random(seed));
    for (const packets of history) subject.feed(packets);
    subject.end?.();
  } catch (error) {
    return error as Error;
  }
  return null;
}

/** The shortest history that still fails, as far as it is found. */
function shorten(target: Target, { alive }: Extent, seed: number, history: Input[]): Input[] {
  const until = performance.now() + PATIENCE;
  let tries = 0;
  const still = (shorter: Input[]): boolean => {
    alive?.(seed, --tries);
    return performance.now() < until && fails(target, seed, shorter) !== null;
  };
  for (let size = history.length >> 1; size > 0; size >>= 1) {
    for (let at = history.length - size; at >= 0; at -= size) {
      const shorter = [...history.slice(0, at), ...history.slice(at + size)];
      if (still(shorter)) history = shorter;
    }
  }
  for (let i = history.length; i-- > 0; ) {
    for (let at = history[i].length; at-- > 0; ) {
      if (history[i].length < 2) break;
      const shorter = history.slice();
      shorter[i] = history[i].filter((_packet, j) => j !== at);
      if (still(shorter)) history = shorter;
    }
  }
  return history;
}

/** Replays one input of the corpus. */
export function replay(target: Target, packets: Input): void {
  const failed = fails(target, 1, [packets]);
  if (failed) throw failed;
}

/** Notes what is in use after a tenth of a run, and what comes after that. */
class Ruler {
  inputs = 0;
  private readonly _began = performance.now();
  private readonly _extent: Extent;
  private _before = NaN;

  constructor(extent: Extent) {
    this._extent = extent;
  }

  get left(): number {
    const { runs, ms = Infinity } = this._extent;
    return performance.now() - this._began > ms ? 0 : runs - this.inputs;
  }

  look(): void {
    const { runs, ms = Infinity } = this._extent;
    if (Number.isNaN(this._before) && (this.inputs >= runs / 10 || performance.now() - this._began > ms / 10)) this._before = used();
  }

  outcome(): Outcome {
    return { inputs: this.inputs, ms: performance.now() - this._began, growth: used() - this._before };
  }
}

/**
 * Feeds a target, one subject after the other, each by a seed of its own: the first by the seed, the next by the one after it.
 * @throws Finding with the seed and the shortest history that fails
 */
export function drive(target: Target, extent: Extent): Outcome {
  const { seed, alive } = extent;
  const ruler = new Ruler(extent);
  // The seeds have to pass as they are.
  for (const packets of target.seeds) {
    const failed = fails(target, seed, [packets]);
    if (failed) throw new Finding(`${target.name}: fails with a seed:\n${formatInput(packets)}${failed.stack}`);
  }
  for (let life = seed; ruler.left > 0; life++) {
    const mutations = new Random(life).split();
    const history: Input[] = [];
    try {
      const subject = target.begin(new Random(life));
      for (let count = target.life; count > 0 && ruler.left > 0; count--) {
        alive?.(life, history.length);
        const packets = makeInput(target, mutations);
        history.push(packets);
        subject.feed(packets);
        ruler.inputs++;
      }
      subject.end?.();
    } catch (error) {
      throw new Finding(`${target.name}: ${explain(target, extent, life, history, error as Error)}`);
    }
    history.length = 0;
    ruler.look();
  }
  return ruler.outcome();
}

function explain(target: Target, extent: Extent, seed: number, history: Input[], error: Error): string {
  const failed = fails(target, seed, history);
  if (!failed) return `seed ${seed}, input ${history.length}: ${error.stack}\nit does not fail a second time`;
  const short = shorten(target, extent, seed, history);
  const last = fails(target, seed, short) ?? failed;
  const text = short.map((packets, i) => `# input ${i + 1}\n${formatInput(packets)}`).join("");
  return `${last.stack}\nseed ${seed}, input ${history.length}; ${short.length} input${short.length > 1 ? "s are" : " is"} enough:\n${text}`;
}

/** Tries the values of a property, in pieces, each by a seed of its own. */
export function tryValues(property: Property, extent: Extent): Outcome {
  const { seed, alive } = extent;
  const ruler = new Ruler(extent);
  for (let piece = seed; ruler.left > 0; piece++) {
    const count = Math.min(PIECE, ruler.left);
    alive?.(piece, ruler.inputs);
    try {
      property.check(count, piece);
    } catch (error) {
      throw new Finding(`${property.name}, seed ${piece}: ${(error as Error).message}`);
    }
    ruler.inputs += count;
    ruler.look();
  }
  return ruler.outcome();
}
