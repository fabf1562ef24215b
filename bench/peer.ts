import { EventEmitter } from "node:events";
import { createRequire } from "node:module";
import { answerTo } from "./null.js";

/** Takes what a UART has received. */
export type Feed = (bytes: Uint8Array) => void;

interface BleHost {
  BleManager: { create(transport: EventEmitter & { write(packet: Buffer): void }, options: object, ready: (error: unknown) => void): void };
}

/** Length of the event that begins at `at`, its H4 indicator included; 0 where it is not all there. */
function eventAt(bytes: Buffer, at: number): number {
  const length = at + 3 <= bytes.length ? 3 + bytes[at + 2] : Infinity;
  return at + length <= bytes.length ? length : 0;
}

/** The plainest way from a UART to whole events: what is left of one chunk is put before the next. */
function framer(emit: Feed): Feed {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    const bytes = rest.length > 0 ? Buffer.concat([rest, chunk]) : (chunk as Buffer);
    let at = 0;
    for (let length = eventAt(bytes, at); length > 0; length = eventAt(bytes, at)) {
      emit(bytes.subarray(at, at + length));
      at += length;
    }
    rest = bytes.subarray(at);
  };
}

/**
 * The npm package ble-host (node-ble-host), brought up by the same answers as the null board gives; null where it is not installed. It has no
 * H4 framer: its transport has to emit "data" once for each whole packet. `packets` takes those, so that finding where packets end is left
 * out of its time; `bytes` takes any chunks of Buffers, through a framer of ours.
 */
export function bleHost(): { name: string; packets: Feed; bytes: Feed } | null {
  const require = createRequire(import.meta.url);
  let host: BleHost;
  let version: string;
  try {
    host = require("ble-host") as BleHost;
    version = (require("ble-host/package.json") as { version: string }).version;
  } catch {
    return null;
  }
  let quiet = false;
  let ready = false;
  const waiting: Uint8Array[] = [];
  const transport = Object.assign(new EventEmitter(), {
    write(packet: Buffer) {
      if (!quiet) waiting.push(answerTo(packet, 0));
    },
  });
  host.BleManager.create(transport, {}, (error) => {
    if (error) throw error as Error;
    ready = true;
  });
  for (let answer = waiting.shift(); answer; answer = waiting.shift()) transport.emit("data", Buffer.from(answer));
  if (!ready) throw new Error("ble-host did not come up");
  quiet = true;
  const packets: Feed = (packet) => {
    transport.emit("data", packet);
  };
  return { name: `ble-host ${version}`, packets, bytes: framer(packets) };
}
