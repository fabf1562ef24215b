import { closeSync, openSync, writeSync } from "node:fs";
import { performance } from "node:perf_hooks";
import type { TraceSink } from "../../core/hci/h4.js";

/** "btsnoop", a zero, version 1, datalink 1002: H4 packets with their indicator. */
const HEADER = Buffer.from("6274736e6f6f700000000001000003ea", "hex");

/** What stands before each packet: original and included length, flags, packets dropped so far, time. */
const RECORD_HEADER = 24;

/** Bits of the flags. */
const RECEIVED = 1;
const COMMAND_OR_EVENT = 2;

const COMMAND = 1;
const EVENT = 4;

/** The Unix epoch in the microseconds that the format counts from the year 0. */
const EPOCH = 0x00dcddb30f2f8000n;

/** The file is written in pieces of so many bytes, more than the longest packet has, and so many milliseconds after a packet at the latest. */
const PIECE = 131072;
const REST = 500;

export interface SnoopOptions {
  /** The clock that times the packets, in ms, such as `hal.timer.now`; default that of the process. */
  now?: () => number;
  /** The date, in ms since the Unix epoch, at which `now` says what it says at present; default the present. */
  date?: number;
}

/** Writes a btsnoop file, which Wireshark and btmon read. */
export interface SnoopWriter {
  /** For `bt.trace()`. */
  readonly sink: TraceSink;
  /** Writes what is buffered. What goes wrong `close` tells. */
  flush(): void;
  /**
   * Writes what is buffered and closes the file. May be called again; packets that come later are dropped.
   * @throws Error of node:fs where something could not be written; from then on nothing was
   */
  close(): void;
}

/**
 * Begins a btsnoop file; one that exists is replaced. What is buffered is written at the latest when the process exits.
 * @throws Error of node:fs where the file cannot be written
 */
export function createSnoopWriter(path: string, options: SnoopOptions = {}): SnoopWriter {
  const now = options.now ?? (() => performance.now());
  const origin = (options.date ?? Date.now()) - now();
  const file = openSync(path, "w");
  const buffer = Buffer.alloc(PIECE);
  let used = HEADER.copy(buffer);
  let open = true;
  let failed: unknown = null;
  let timer: NodeJS.Timeout | null = null;

  function flush(): void {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    try {
      // Never thrown into the stack, which is in the midst of a packet.
      for (let at = 0; at < used && failed === null; ) at += writeSync(file, buffer, at, used - at);
    } catch (error) {
      failed = error;
    }
    used = 0;
  }

  function add(sent: boolean, bytes: Uint8Array, at: number, length: number): void {
    if (used + RECORD_HEADER + length > buffer.length) flush();
    const type = bytes[at];
    buffer.writeUInt32BE(length, used);
    buffer.writeUInt32BE(length, used + 4);
    buffer.writeUInt32BE((sent ? 0 : RECEIVED) | (type === COMMAND || type === EVENT ? COMMAND_OR_EVENT : 0), used + 8);
    buffer.writeUInt32BE(0, used + 12);
    buffer.writeBigUInt64BE(EPOCH + BigInt(Math.round((origin + now()) * 1000)), used + 16);
    used += RECORD_HEADER;
    for (let i = 0; i < length; i++) buffer[used++] = bytes[at + i];
    if (timer === null) timer = setTimeout(flush, REST).unref();
  }

  function end(): void {
    if (!open) return;
    flush();
    open = false;
    process.off("exit", end);
    closeSync(file);
  }

  process.on("exit", end);
  return {
    sink: (sent, bytes, at, length) => {
      if (open) add(sent, bytes, at, length);
    },
    flush: () => {
      if (open) flush();
    },
    close: () => {
      const first = open;
      end();
      if (first && failed !== null) throw failed;
    },
  };
}
