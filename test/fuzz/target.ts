import type { Random } from "../../hal/mock/random.js";
import type { Input } from "./input.js";

/** What is under test, in one life: made, fed, and looked at when it is over. */
export interface Subject {
  /**
   * Takes an input.
   * @throws Error where anything is not as it has to be
   */
  feed(packets: Input): void;
  /**
   * The inputs are over: what has to hold then.
   * @throws Error where it does not
   */
  end?(): void;
}

/** Something that takes bytes of others. */
export interface Target {
  readonly name: string;
  /** What it takes, and what is checked besides: that nothing throws, hangs or grows. */
  readonly about: string;
  /** Valid inputs, from which others are made. */
  readonly seeds: readonly Input[];
  /** Most packets of an input. */
  readonly most: number;
  /** How many inputs one subject is fed. */
  readonly life: number;
  /** Its share of the inputs of a run: 1 for the quick ones. */
  readonly share: number;
  /** Makes inputs in place of `mutate`. */
  make?(random: Random): Input;
  begin(random: Random): Subject;
}

/** Something that takes values of an application or a user: a property of fast-check. */
export interface Property {
  readonly name: string;
  readonly about: string;
  readonly share: number;
  /**
   * Tries so many values.
   * @throws Error with the smallest value that fails
   */
  check(runs: number, seed: number): void;
}
