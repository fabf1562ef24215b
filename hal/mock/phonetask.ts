/** What a phone's operation failed of: `code` is a word for programs, the rest says more where there is more. */
export class PhoneError extends Error {
  /**
   * `att` (refused, see `att`), `smp` (pairing failed, see `smp`), `encryption` (see `status`), `disconnected` (see `reason`), `timeout`,
   * `missing` (no such service, characteristic or bond), `protocol` (the peer broke the specification), `busy`, `argument`.
   */
  readonly code: string;
  /** The code of an ATT Error Response, and the handle that it names. */
  readonly att?: number;
  readonly handle?: number;
  /** The reason of a Pairing Failed, and whether the peer sent it (else the phone did). */
  readonly smp?: number;
  readonly theirs?: boolean;
  /** The status of an encryption that failed. */
  readonly status?: number;
  /** Why the connection ended. */
  readonly reason?: number;

  constructor(code: string, text: string, more: Partial<Omit<PhoneError, keyof Error | "code">> = {}) {
    super(text);
    this.name = "PhoneError";
    this.code = code;
    Object.assign(this, more);
  }
}

/** Called once: with an error, or with null and a value. */
export type Done<T> = (error: PhoneError | null, value: T) => void;

/** What a task waits for: begins it, and calls `resume` when it has come, at once or later. */
export type Wait = (resume: (error: Error | null, value?: unknown) => void) => void;

/** Steps that wait for the air and the clock, written one below the other; it runs on events, without promises. */
export type Task<T> = Generator<Wait, T, unknown>;

/** Runs a task until it ends, and tells how. */
export function run<T>(task: Task<T>, done: Done<T>): void {
  const step = (error: Error | null, value?: unknown): void => {
    let result: IteratorResult<Wait, T>;
    try {
      result = error === null ? task.next(value) : task.throw(error);
    } catch (thrown) {
      done(thrown as PhoneError, undefined as T);
      return;
    }
    if (result.done === true) {
      done(null, result.value);
      return;
    }
    let resumed = false;
    result.value((failure, given) => {
      if (resumed) return;
      resumed = true;
      step(failure, given);
    });
  };
  step(null);
}

/** Waits, and says of what type the answer is. */
export function* wait<T>(what: Wait): Task<T> {
  return (yield what) as T;
}
