declare const print: ((text: string) => void) | undefined;
declare const console: { log(text: string): void } | undefined;

let passed = 0;
let failed = 0;

/** Prints a line on any engine. */
export function say(text: string): void {
  if (typeof print == "function") print(text);
  else if (typeof console == "object" && console) console.log(text);
}

/** Runs one check and prints how it went. */
export function check(name: string, body: () => void): void {
  try {
    body();
    passed++;
    say("ok " + name);
  } catch (e) {
    failed++;
    say("FAIL " + name + " " + ((e as Error).message || e));
  }
}

/** Throws unless both are the same number, text or boolean. */
export function same(actual: any, expected: any, what: string): void {
  if (actual !== expected) throw new Error(what + ": " + actual + ", expected " + expected);
}

/** True in the script that holds all parts. */
declare const ALL_PARTS: boolean;

/** Ends a part: prints its sum, unless others follow. */
export function finish(): void {
  if (!ALL_PARTS) sum();
}

/** Prints the sum, and throws if a check has failed. */
export function sum(): void {
  say(passed + " passed, " + failed + " failed");
  if (failed) throw new Error("checks failed");
}
