import { open, type Bluetooth } from "../open.js";
import type { Report } from "../report/report.js";
import type { Connection } from "./connection.js";

/** How often it is looked whether the last connection has ended, ms. */
const MOMENT = 10;

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** An instance of the stack for the life of a command. */
export interface Session {
  readonly bt: Bluetooth;
  /** Time since power-up, ms; that of the outer session where there is one. */
  elapsed(): number;
  /** Ends after so many seconds. */
  limit(seconds: number): void;
  /**
   * Resets the chip and gives everything back, so that the process ends by itself; a session within this one, or around it, ends too. May be
   * called again.
   */
  end(): void;
  /** Called when it is to end: does what has to be done before, and then calls what ends it. */
  before: ((then: () => void) => void) | null;
  /** Called when it ends: ends the session within. */
  within: (() => void) | null;
  /** Called when it has ended: everything has been given back. */
  after: (() => void) | null;
}

/**
 * Brings a controller up and reports on it. The exit code is 1 where it failed, or was failing when the end came; SIGINT and SIGTERM are
 * an ordinary end.
 * @param ready called once the controller is up
 * @param outer the session on another board that this one belongs to: they share a clock, and end together
 */
export function startSession(
  { hal, firmware, options, trace }: Connection,
  report: Report,
  ready: (session: Session) => void,
  outer: Session | null = null,
): Session {
  const start = hal.timer.now();
  const elapsed = outer?.elapsed ?? ((): number => hal.timer.now() - start);
  let up = false;
  let ended = false;
  let timer: { handle: unknown } | null = null;

  function end(): void {
    if (ended) return;
    ended = true;
    for (const signal of SIGNALS) process.off(signal, end);
    if (timer !== null) hal.timer.clear(timer.handle);
    if (session.before !== null) session.before(close);
    else close();
  }

  function close(): void {
    session.within?.();
    bt.close();
    finish();
  }

  function finish(): void {
    // Connections are ended first, which takes a moment and belongs into the trace.
    if (hal.session?.held) return void hal.timer.set(MOMENT, finish);
    try {
      trace?.close();
    } catch (error) {
      fail(error as Error);
    }
    session.after?.();
    if (outer === null) report.end(elapsed());
    else outer.end();
  }

  function limit(seconds: number): void {
    const handle = hal.timer.set(seconds * 1000, () => {
      timer = null;
      end();
    });
    timer = { handle };
  }

  function fail(error: Error): void {
    process.exitCode = 1;
    report.error(error);
  }

  const bt = open(hal, firmware, {
    ...options,
    onstep: (step) => report.step(step, elapsed()),
    onprogress: (done, total) => report.progress(done, total),
    onwarning: (warning) => report.warning(warning),
    onerror: (error) => {
      fail(error);
      if (!up) end();
    },
    onready: (info) => {
      up = true;
      report.ready(outer === null ? info : { ...info, ms: elapsed() });
      ready(session);
    },
    onrecover: (info) => {
      process.exitCode = 0;
      report.recovered(info);
    },
  });
  const session: Session = { bt, elapsed, limit, end, before: null, within: null, after: null };
  if (trace !== null) bt.trace(trace.sink);
  if (outer !== null) {
    outer.within = end;
    return session;
  }
  for (const signal of SIGNALS) process.on(signal, end);
  // Whoever reads what is reported has gone: nobody minds what is not told any more.
  process.stdout.on("error", end);
  return session;
}
