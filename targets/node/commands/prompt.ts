import { createInterface, type Interface } from "node:readline";

/** Asks on the terminal. */
export interface Prompt {
  /** Takes lines until it is closed. */
  begin(take: (line: string) => void): void;
  /** Shows that the next line may come. */
  again(): void;
  ask(question: string, done: (answer: string) => void): void;
  say(text: string): void;
  close(): void;
}

/**
 * A prompt on standard input, which it leaves alone until something is asked.
 * @param output where questions stand
 * @param waits gets what shows the line again on which the user is typing; null when that line is complete
 * @param ended called once, at the end of the input and at an interrupt, unless it has been closed
 */
export function createPrompt(output: NodeJS.WritableStream, waits: (redraw: (() => void) | null) => void, ended: () => void): Prompt {
  let lines: Interface | null = null;
  let closed = false;
  /** The user is typing. */
  let asks = false;

  function settle(): void {
    asks = false;
    waits(null);
  }

  function open(): Interface {
    if (lines !== null) return lines;
    const made = createInterface({ input: process.stdin, output, prompt: "blimp> " });
    lines = made;
    made.on("SIGINT", () => made.close());
    made.on("close", () => {
      // What follows begins on a line of its own.
      if (asks) output.write("\n");
      settle();
      if (closed) return;
      closed = true;
      ended();
    });
    made.on("line", settle);
    return made;
  }

  /** Something is asked from now on. */
  function wait(made: Interface): void {
    asks = true;
    waits(() => {
      if (!closed) made.prompt(true);
    });
  }

  return {
    begin(take) {
      open().on("line", take);
      this.again();
    },
    again() {
      if (closed) return;
      const made = open();
      made.prompt();
      wait(made);
    },
    ask(question, done) {
      const made = open();
      made.question(question, (answer) => {
        settle();
        done(answer);
      });
      wait(made);
    },
    say: (text) => void output.write(`${text}\n`),
    close() {
      closed = true;
      lines?.close();
    },
  };
}
