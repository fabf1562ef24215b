import type { Core } from "../../../core/bluetooth.js";
import type { Advertising } from "../../../core/gap/advertiser.js";
import { open } from "../open.js";
import type { Report } from "../report/report.js";
import type { Connection } from "./connection.js";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** An instance of the stack for the life of a command. */
export interface Session {
  readonly bt: Core & Advertising;
  /** Resets the chip and gives everything back, so that the process ends by itself. May be called again. */
  end(): void;
}

/**
 * Brings a controller up and reports on it. The exit code is 1 where it failed, or was failing when the end came; SIGINT and SIGTERM are
 * an ordinary end.
 * @param ready called once the controller is up
 */
export function startSession({ hal, firmware, options, trace }: Connection, report: Report, ready: (session: Session) => void): Session {
  const start = hal.timer.now();
  const elapsed = (): number => hal.timer.now() - start;
  let up = false;
  let ended = false;

  function end(): void {
    if (ended) return;
    ended = true;
    for (const signal of SIGNALS) process.off(signal, end);
    bt.close();
    try {
      trace?.close();
    } catch (error) {
      fail(error as Error);
    }
    report.end(elapsed());
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
      report.ready(info);
      ready(session);
    },
    onrecover: (info) => {
      process.exitCode = 0;
      report.recovered(info);
    },
  });
  if (trace !== null) bt.trace(trace.sink);
  for (const signal of SIGNALS) process.on(signal, end);
  // Whoever reads what is reported has gone: nobody minds what is not told any more.
  process.stdout.on("error", end);
  const session: Session = { bt, end };
  return session;
}
