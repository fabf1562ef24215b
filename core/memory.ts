import type { Host } from "./host.js";

/** A buffer with a bound: how much it holds, and the most that it has held since `open()`. */
export interface Gauge {
  readonly size: number;
  most: number;
}

/** What `bt.memory()` tells. Buffers of parts that a build does not have are left out. */
export interface Memory {
  /** Bytes of all buffers that `open()` has made. */
  reserved: number;
  /** The receive ring, in bytes. */
  receive: Gauge;
  /** Connections. */
  links?: Gauge;
  /** The longest queue of values to be notified, of any connection, in bytes with their headers. */
  queue?: Gauge;
  /** The most prepared writes of any connection, in bytes with their headers. */
  prepare?: Gauge;
  /** Adverts that wait for the application. */
  adverts?: Gauge;
  /** Bonds that are kept. */
  bonds?: Gauge;
}

/** Adds a gauge; `size` is the bound, `bytes` what is reserved for it. */
export function addGauge(host: Host, name: Exclude<keyof Memory, "reserved">, size: number, bytes: number): void {
  host._gauges[name] = { size: size, most: 0 };
  host._gauges.reserved += bytes;
}

/** Notes how much a buffer holds now. */
export function gauge(host: { readonly _gauges: Memory }, name: Exclude<keyof Memory, "reserved">, held: number): void {
  const row = host._gauges[name];
  if (row && row.most < held) row.most = held;
}

/** A copy of all gauges. */
export function readMemory(gauges: any): Memory {
  const copy: any = {};
  for (const name in gauges) {
    const row = gauges[name];
    copy[name] = row.size ? { size: row.size, most: row.most } : row;
  }
  return copy;
}
