import { EventEmitter } from "node:events";
import { createRequire } from "node:module";
import { answerTo } from "./null.js";

/** Takes what a UART has received. */
export type Feed = (bytes: Uint8Array) => void;

interface Manager {
  startScan(parameters: { scanFilters: object[] }): EventEmitter;
}

interface BleHost {
  BleManager: {
    create(transport: EventEmitter & { write(packet: Buffer): void }, options: object, ready: (error: unknown, manager: Manager) => void): void;
    BdAddrScanFilter: new (type: "public" | "random", address: string) => object;
    ServiceUUIDScanFilter: new (uuid: string) => object;
  };
}

/** What it is to scan for: one filter or the other is to match, where there are any; and what it calls with each report. */
export interface PeerScan {
  /** Public addresses, 12 hex digits each. */
  readonly addresses: string[];
  /** Service UUIDs, with dashes. */
  readonly services: string[];
  readonly report: (report: object) => void;
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
 * @param scan what it scans for, its own defaults otherwise; without it, it does not scan
 */
export function bleHost(scan?: PeerScan): { name: string; packets: Feed; bytes: Feed } | null {
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
  let ready: Manager | null = null;
  const waiting: Uint8Array[] = [];
  const transport = Object.assign(new EventEmitter(), {
    write(packet: Buffer) {
      if (!quiet) waiting.push(answerTo(packet, 0));
    },
  });
  const answer = (): void => {
    for (let packet = waiting.shift(); packet; packet = waiting.shift()) transport.emit("data", Buffer.from(packet));
  };
  host.BleManager.create(transport, {}, (error, manager) => {
    if (error) throw error as Error;
    ready = manager;
  });
  answer();
  const manager = ready as Manager | null;
  if (!manager) throw new Error("ble-host did not come up");
  if (scan) {
    const colons = (address: string): string => address.match(/../g)!.join(":").toUpperCase();
    const scanFilters = [
      ...scan.addresses.map((address) => new host.BleManager.BdAddrScanFilter("public", colons(address))),
      ...scan.services.map((uuid) => new host.BleManager.ServiceUUIDScanFilter(uuid)),
    ];
    manager.startScan({ scanFilters }).on("report", scan.report);
    answer();
  }
  quiet = true;
  const packets: Feed = (packet) => {
    transport.emit("data", packet);
  };
  return { name: `ble-host ${version}`, packets, bytes: framer(packets) };
}
