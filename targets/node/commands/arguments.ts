import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { parseUuid } from "../ibeacon.js";

/** What was typed cannot be meant: says which option, which value, and what is allowed. */
export class UsageError extends Error {}

/** One option of a command. */
export interface OptionRow {
  readonly name: string;
  /** What stands for its value in the help; left out for an option that has none. */
  readonly value?: string;
  /** What it does, the bounds of its value, its default. */
  readonly text: string;
}

export const HELP_ROW: OptionRow = { name: "help", text: "this text" };

/** What was given on the command line. */
export class Arguments {
  /** By option, in the order in which they were given. */
  private readonly _values: ReadonlyMap<string, readonly string[]>;
  /** What stands there that is no option; "" where nothing does. */
  readonly operand: string;
  /** What follows it, where more is taken. */
  readonly rest: readonly string[];

  private constructor(values: ReadonlyMap<string, readonly string[]>, operand: string, rest: readonly string[]) {
    this._values = values;
    this.operand = operand;
    this.rest = rest;
  }

  /**
   * Takes a command line apart.
   * @param operand what the command takes besides options, once; without it nothing
   * @param more what may follow it: any number of words; the operand may then be left out
   * @throws UsageError for an option that is not in the table, a value that is missing or too much, an operand that is, and one that is missing
   *   unless help is asked for
   */
  static read(rows: readonly OptionRow[], words: string[], operand?: string, more = false): Arguments {
    const options = Object.fromEntries(rows.map(({ name, value }) => [name, { type: value === undefined ? "boolean" : "string" } as const]));
    // Not strict: the messages here are to name the bounds, and a value such as -59 is no option.
    const { tokens } = parseArgs({ args: words, options: { ...options, help: { type: "boolean", short: "h" } }, strict: false, tokens: true });
    const values = new Map<string, string[]>();
    let found = "";
    const rest: string[] = [];
    for (const token of tokens) {
      if (token.kind === "option-terminator") continue;
      if (token.kind === "positional") {
        if (operand === undefined) throw new UsageError(`${token.value}: not an option`);
        if (found !== "" && more) {
          rest.push(token.value);
          continue;
        }
        if (found !== "") throw new UsageError(`${token.value}: there is a ${operand} already, ${found}`);
        found = token.value;
        continue;
      }
      const row = rows.find(({ name }) => name === token.name);
      if (row === undefined) throw new UsageError(`${token.rawName}: no such option`);
      if (row.value === undefined) {
        if (token.value !== undefined) throw new UsageError(`${token.rawName}=${token.value}: takes no value`);
      } else if (!token.value || (!token.inlineValue && token.value.startsWith("--"))) {
        throw new UsageError(`${token.rawName}: ${row.value} is missing, ${row.text}`);
      }
      values.set(row.name, [...(values.get(row.name) ?? []), token.value ?? ""]);
    }
    if (operand !== undefined && !more && found === "" && !values.has("help")) throw new UsageError(`${operand} is missing`);
    return new Arguments(values, found, rest);
  }

  /** Whether the option was given. */
  has(name: string): boolean {
    return this._values.has(name);
  }

  /** The value of the option as it was typed; of several the last. */
  text(name: string): string | undefined {
    return this.texts(name).at(-1);
  }

  /** All values of an option that may be given several times. */
  texts(name: string): readonly string[] {
    return this._values.get(name) ?? [];
  }

  /** A whole number from `low` to `high`. */
  integer(name: string, low: number, high: number): number | undefined {
    return this._number(name, /^[+-]?\d+$/, "an integer", low, high);
  }

  /** A number from `low` to `high`. */
  decimal(name: string, low: number, high: number): number | undefined {
    return this._number(name, /^\d*\.?\d+$/, "a number", low, high);
  }

  /** The 16 bytes of a UUID. */
  uuid(name: string): Uint8Array | undefined {
    const text = this.text(name);
    return text === undefined ? undefined : (parseUuid(text) ?? this.refuse(name, "expected 32 hex digits, dashes allowed"));
  }

  /** The contents of the file that the option names. */
  file(name: string): Uint8Array | undefined {
    const path = this.text(name);
    return path === undefined ? undefined : this.attempt(name, () => new Uint8Array(readFileSync(path)));
  }

  /** Does something with the option's value; an exception is the value's fault. */
  attempt<Result>(name: string, action: () => Result): Result {
    try {
      return action();
    } catch (error) {
      return this.refuse(name, (error as Error).message);
    }
  }

  /** Throws the UsageError for the value of an option, or for an option without one. */
  refuse(name: string, reason: string, value = this.text(name)): never {
    throw new UsageError(`--${name}${value ? ` ${value}` : ""}: ${reason}`);
  }

  private _number(name: string, form: RegExp, what: string, low: number, high: number): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const value = Number(text);
    return form.test(text) && value >= low && value <= high ? value : this.refuse(name, `expected ${what} from ${low} to ${high}`);
  }
}

/** The help of a command, 80 columns wide where the texts of its options allow it. */
export function helpText(usage: string, summary: string, rows: readonly OptionRow[]): string {
  const heads = rows.map(({ name, value }) => `--${name}${value === undefined ? "" : ` ${value}`}`);
  const width = Math.max(...heads.map((head) => head.length)) + 4;
  const lines = rows.map(({ text }, i) => `  ${heads[i]}`.padEnd(width) + wrap(text, 80 - width).join("\n" + " ".repeat(width)));
  return `usage: ${usage}\n\n${wrap(summary, 80).join("\n")}\n\n${lines.join("\n")}\n`;
}

function wrap(text: string, width: number): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines[lines.length - 1];
    if (line === "") lines[lines.length - 1] = word;
    else if (line.length + 1 + word.length <= width) lines[lines.length - 1] += " " + word;
    else lines.push(word);
  }
  return lines;
}
