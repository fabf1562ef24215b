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
 * @param begun gets what shows the line again on which the user is typing
 * @param ended called once, at the end of the input and at an interrupt, unless it has been closed
 */
export function createPrompt(output: NodeJS.WritableStream, begun: (redraw: () => void) => void, ended: () => void): Prompt {
  let lines: Interface | null = null;
  let closed = false;

  function open(): Interface {
    if (lines !== null) return lines;
    const made = createInterface({ input: process.stdin, output, prompt: "blimp> " });
    lines = made;
    made.on("SIGINT", () => made.close());
    made.on("close", () => {
      if (closed) return;
      closed = true;
      ended();
    });
    begun(() => {
      if (!closed) made.prompt(true);
    });
    return made;
  }

  return {
    begin(take) {
      open().on("line", take).prompt();
    },
    again() {
      if (!closed) open().prompt();
    },
    ask(question, done) {
      open().question(question, done);
    },
    say: (text) => void output.write(`${text}\n`),
    close() {
      closed = true;
      lines?.close();
    },
  };
}
