import { get16 } from "../bytes/bytes.js";
import { append, drop, unwrap, type Ring } from "../bytes/ring.js";
import { clearTimer, setTimer, Slot, type Clock } from "../clock.js";
import { Counter } from "../counters.js";
import type { Memory } from "../memory.js";
import type { Session } from "../../hal/hal.js";
import { Event, Packet } from "./codes.js";

/** Sees every packet: true for one sent, the array, the offset of its indicator byte, its length with the indicator. */
export type TraceSink = (sent: boolean, bytes: Uint8Array, at: number, length: number) => void;

/** The UART transport, Vol 4 Part A: packets in, packets out. Offsets are into the receive ring, and hold until the call returns. */
export interface H4 extends Clock {
  readonly _ring: Ring;
  /** Where the next packet to be sent is built, indicator first. */
  readonly _packet: Uint8Array;
  /** The longest packet that may come in. */
  readonly _longest: number;
  readonly _counters: Uint32Array;
  /** What `bt.memory()` tells. */
  readonly _gauges: Memory;
  readonly _session: Session;
  /** The rate in bit/s at which the UART is open; 0: closed. */
  _baud: number;
  /** How many packets in a row have to look right before the stream is in step again; 0: it is. */
  _doubtful: number;
  /** Length of the packet that is being looked at. */
  _current: number;
  /** How many bytes have to be there before it is worth looking at them. */
  _least: number;
  /** How often in a row the line has stood still when it was looked at. */
  _strikes: number;
  _sink?: TraceSink | null;
  /** Hides what is secret in a packet that is shown: a copy without it, or null where there is nothing to hide. */
  _mask?: ((sent: boolean, bytes: Uint8Array, at: number, length: number) => Uint8Array | null) | null;
  /** The command under way, whose answer helps to find one's step. */
  _opcode: number;
  /** An event: its code, and where its `length` parameter bytes begin. */
  readonly _event: (h4: any, code: number, bytes: Uint8Array, at: number, length: number) => void;
  /** An ACL data packet, its `length` bytes beginning with the handle. */
  _acl?: (h4: any, bytes: Uint8Array, at: number, length: number) => void;
  /** In step again, as far as the bytes themselves can tell; something has been lost. */
  readonly _resynced: (h4: any) => void;
}

/**
 * Half the time, in milliseconds, after which a packet that stands still half received has lost bytes, and after which a line out of step is
 * quiet. Half, because both are looked at twice: a busy engine may run its timers before it fetches the bytes that have come in meanwhile.
 */
const enum Half {
  Stalled = 30,
  Quiet = 10,
}

const enum Sync {
  /** How many packets in a row that look right put a stream back in step. */
  Chain = 3,
}

function lose(h4: H4): void {
  if (!h4._doubtful) h4._counters[Counter.Resyncs]++;
  h4._doubtful = Sync.Chain;
}

function found(h4: H4): void {
  h4._doubtful = 0;
  h4._resynced(h4);
}

/** Forgets what was received. */
export function flush(h4: H4): void {
  h4._counters[Counter.Dropped] += h4._ring._used - h4._current;
  drop(h4._ring, h4._ring._used);
  h4._current = h4._least = 0;
}

function inspect(h4: H4): void {
  if (++h4._strikes > 1) {
    lose(h4);
    flush(h4);
    found(h4);
  }
  guard(h4);
}

/** Keeps one timer while something is unfinished on the line: a packet that stands still is a packet with bytes missing. */
function guard(h4: H4): boolean {
  if (h4._timers[Slot.Line] == null && (h4._doubtful || h4._ring._used)) setTimer(h4, Slot.Line, h4._doubtful ? Half.Quiet : Half.Stalled, inspect);
  return false;
}

/**
 * Hands on the next packet received; false where none is complete. Out of step, packets that look right are dropped until there have been
 * enough of them, or one is the answer to the command under way.
 */
export function receivePacket(h4: H4): boolean {
  const ring = h4._ring;
  const bytes = ring._bytes;
  const at = ring._tail;
  const type = bytes[at];
  const isEvent = type == Packet.Event;
  // Headers are 5, 4 and 3 bytes long. The length of what follows is their last byte; that of an ACL packet is their last two.
  let length = 7 - type;
  if (!ring._used) return guard(h4);
  if (type < Packet.Acl || type > Packet.Event) length = type == Packet.Diagnostic ? 64 : !type || type == Packet.Empty31 || type == Packet.Empty34 ? 1 : 0;
  else if (length <= ring._used) {
    if (at + length > ring._size) unwrap(ring);
    const last = bytes[at + length - 1];
    if (isEvent ? !bytes[at + 1] : (bytes[at + 2] & 15) == 15) length = 0;
    else if (type == Packet.Acl) length += bytes[at + 3] | (last << 8);
    else length += last;
  }
  if (!length || length > h4._longest) {
    lose(h4);
    h4._counters[Counter.Dropped]++;
    drop(ring, 1);
    return true;
  }
  if (length > ring._used) {
    h4._least = length;
    return guard(h4);
  }
  if (at + length > ring._size) unwrap(ring);
  h4._least = h4._strikes = 0;
  h4._current = length;
  if (h4._doubtful && length > 1 && (--h4._doubtful < 1 || (isEvent && bytes[at + 1] == Event.CommandComplete && get16(bytes, at + 4) == h4._opcode))) found(h4);
  if (!h4._doubtful && length > 1) {
    h4._counters[Counter.Received]++;
    if (h4._sink) show(h4, false, bytes, at, length);
    if (isEvent) h4._event(h4, bytes[at + 1], bytes, at + 3, length - 3);
    else if (type == Packet.Acl && h4._acl) h4._acl(h4, bytes, at + 1, length - 1);
    else h4._counters[Counter.Unknown]++;
  }
  drop(ring, h4._current);
  h4._current = 0;
  return true;
}

/** Lets the application see a packet. */
function show(h4: H4, sent: boolean, bytes: Uint8Array, at: number, length: number): void {
  try {
    const masked = h4._mask ? h4._mask(sent, bytes, at, length) : null;
    h4._sink!(sent, masked || bytes, masked ? 0 : at, length);
  } catch (e) {
    h4._counters[Counter.Exceptions]++;
  }
}

/** Opens the UART or changes its rate, in bit/s; false where that failed, which the layer above has been told. */
export function openUart(h4: H4, baud: number): boolean {
  const uart = h4._hal.uart;
  let gone = false;
  if (h4._baud == baud) return true;
  try {
    uart.open(
      baud,
      !!uart.flow,
      function (data) {
        let from = 0;
        h4._strikes = -1;
        while (from < data.length && h4._baud) {
          const taken = append(h4._ring, data, from);
          if (!taken) {
            h4._counters[Counter.Overruns] += data.length - from;
            return lose(h4);
          }
          from += taken;
          if (h4._ring._used >= h4._least) h4._wake(h4);
        }
      },
      function (reason) {
        gone = true;
        h4._fault(h4, reason);
        h4._wake(h4);
      },
    );
    if (gone) {
      if (!h4._baud) uart.close();
      return false;
    }
    h4._baud = baud;
    h4._session.baud = baud;
  } catch (e) {
    h4._fault(h4, String(e));
  }
  return h4._baud == baud;
}

/** Gives the UART back; no error where it is closed. */
export function closeUart(h4: H4): void {
  if (h4._baud) {
    h4._baud = 0;
    h4._doubtful = 0;
    flush(h4);
    clearTimer(h4, Slot.Line);
    try {
      h4._hal.uart.close();
    } catch (e) {
      h4._counters[Counter.Exceptions]++;
    }
  }
}

/** Sends so many empty packets that whatever the chip takes for an unfinished one is finished. */
export function pad(h4: H4): void {
  for (let i = 0; i < h4._packet.length; i++) h4._packet[i] = Packet.Empty;
  write(h4, h4._packet, 0, h4._packet.length);
}

/** Sends a packet: `length` bytes from `at` on, its indicator first. */
export function sendPacket(h4: H4, bytes: Uint8Array, at: number, length: number): void {
  h4._counters[Counter.Sent]++;
  if (h4._sink) show(h4, true, bytes, at, length);
  write(h4, bytes, at, length);
}

function write(h4: H4, bytes: Uint8Array, at: number, length: number): void {
  // The application may have closed it while it looked at the packet.
  if (!h4._baud) return;
  try {
    h4._hal.uart.write(bytes, at, length);
  } catch (e) {
    h4._fault(h4, String(e));
  }
}
