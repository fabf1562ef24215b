/** What the stack throws and hands to `onerror`: an Error that says, in a form made for programs, what went wrong and where. */
export interface BlimpError extends Error {
  /** A word such as "argument", "no-answer" or "firmware-record". */
  code: string;
  /** The step of the bring-up, the role or the method that failed. */
  step: string;
  /** What goes with it: a status, a record's number, an argument's name. */
  detail: any;
  /** True where the instance has come to its end with it: the board has been given back. */
  final?: boolean;
}

/**
 * Makes a BlimpError.
 * @param code a word for programs; the reference says what each means
 * @param step the step, role or method
 * @param detail what goes with it
 * @param text what is to be said in place of code and detail
 */
export function failure(code: string, step: string, detail: any, text?: string): BlimpError {
  const error = new Error("blimp " + step + ": " + (text || code + " (" + detail + ")")) as BlimpError;
  error.code = code;
  error.step = step;
  error.detail = detail;
  return error;
}

/** Throws the error for a bad argument: method, argument, value (the beginning of a long one) and what was expected. */
export function reject(method: string, name: string, value: any, expected: string): never {
  let text: string = typeof value;
  try {
    text = String(value).substr(0, 80);
  } catch (e) {
    // What cannot be written is at least of some kind.
  }
  throw failure("argument", method, name, name + " is " + text + ", expected " + expected);
}

/**
 * Checks a number, whole or not.
 * @throws BlimpError "argument" unless it is one from `low` to `high`
 */
export function bounded(method: string, name: string, value: any, low: number, high: number): number {
  if (typeof value != "number" || !(value >= low && value <= high)) reject(method, name, value, low + ".." + high);
  return value;
}

/**
 * Checks a whole number.
 * @throws BlimpError "argument" unless it is one from `low` to `high`
 */
export function integer(method: string, name: string, value: any, low: number, high: number): number {
  if (typeof value != "number" || !(value >= low && value <= high) || value % 1) reject(method, name, value, "an integer, " + low + ".." + high);
  return value;
}

/** Checks that `value` is a function. */
export function callable(method: string, name: string, value: any): void {
  if (typeof value != "function") reject(method, name, value, "a function");
}
