/** What `bt.counters()` tells: how often each thing happened since `open()`. */
export interface Counters {
  /** H4 packets received and sent. */
  received: number;
  sent: number;
  /** Bytes that found no room in the receive ring. */
  overruns: number;
  /** Bytes dropped while out of step with the chip, and how often that happened. */
  dropped: number;
  resyncs: number;
  /** Events too short for what they claim to hold. */
  malformed: number;
  /** Events and packets that nobody here asked for. */
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
}

export function createCounters(): Counters {
  return {
    received: 0,
    sent: 0,
    overruns: 0,
    dropped: 0,
    resyncs: 0,
    malformed: 0,
    unknown: 0,
    timeouts: 0,
    late: 0,
    refused: 0,
    restarts: 0,
    exceptions: 0,
  };
}
