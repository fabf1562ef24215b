import type { RemoteService } from "../../../core/gatt/client.js";
import type { Peer } from "./happening.js";

/** What was read of an attribute: its value, or why there is none, in words. */
export type Reading = Uint8Array | string;

/** What a device serves. */
export interface Explored {
  /** ms since power-up */
  readonly ms: number;
  readonly peer: Peer;
  readonly services: readonly RemoteService[];
  /** What was read, by handle. */
  readonly readings: ReadonlyMap<number, Reading>;
}

/** A handle as people write it. */
export function formatHandle(handle: number): string {
  return `0x${handle.toString(16).padStart(4, "0")}`;
}
