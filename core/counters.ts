/** What `bt.counters()` tells: how often each thing has happened since `open()`. */
export interface Counters {
  /** H4 packets received and sent. */
  received: number;
  sent: number;
  /** Bytes that found no room in the receive ring. */
  overruns: number;
  /** Bytes dropped while out of step with the chip, and how often that began. */
  dropped: number;
  resyncs: number;
  /** Events too short for what they claim to hold. */
  malformed: number;
  /** Events and packets that nobody here has asked for. */
  unknown: number;
  /** Commands without an answer in time, and answers that came too late or twice. */
  timeouts: number;
  late: number;
  /** Commands that the chip refused. */
  refused: number;
  /** Restarts of the chip after it had been ready. */
  restarts: number;
  /** Exceptions thrown by the application's callbacks. */
  exceptions: number;
  /** Adverts that came faster than the application took them. */
  adverts: number;
  /** Frames and requests of peers that are not for us or not allowed, and get no answer. */
  ignored: number;
  /** Values that were longer than a connection carries, and were cut. */
  cut: number;
  /** Pairings that have failed, in either role and for whatever reason. */
  pairings: number;
}

/** The counters' places in the array that keeps them: the order of their names. */
export const enum Counter {
  Received,
  Sent,
  Overruns,
  Dropped,
  Resyncs,
  Malformed,
  Unknown,
  Timeouts,
  Late,
  Refused,
  Restarts,
  Exceptions,
  Adverts,
  Ignored,
  Cut,
  Pairings,
  Count,
}

/** The counters as an object. */
export function readCounters(counters: Uint32Array): Counters {
  const names = "received sent overruns dropped resyncs malformed unknown timeouts late refused restarts exceptions adverts ignored cut pairings".split(" ");
  const copy: any = {};
  for (let i = 0; i < names.length; i++) copy[names[i]] = counters[i];
  return copy;
}
