import type { Table, TableCharacteristic } from "../commands/table.js";
import { formatUuid } from "../ibeacon.js";
import { printable } from "./printable.js";

/** What is served, and how it is advertised. */
export interface Served {
  readonly table: Table;
  readonly advert: Uint8Array;
  readonly scanResponse: Uint8Array | null;
  /** Handles of the values. */
  readonly handles: ReadonlyMap<TableCharacteristic, number>;
}

/** Who is at the other end of a connection. */
export interface Peer {
  readonly address: string;
  /** 0 public, 1 random */
  readonly addresstype: number;
}

/** Which characteristic: UUIDs in hex digits, handle of its value. */
export interface Place {
  readonly service: string;
  readonly uuid: string;
  readonly handle: number;
}

interface Nowhere {
  readonly uuid?: undefined;
}

/** Something that a peer has done, or that was done for it. `ms`: since power-up. */
export type Happening = { readonly ms: number } & Peer &
  (
    | ({ readonly what: "connect"; readonly security: number } & Nowhere)
    /** `reason`: the error code of HCI; `why`: the same in words. */
    | ({ readonly what: "close"; readonly reason: number; readonly why: string } & Nowhere)
    | ({ readonly what: "read" | "write"; readonly value: Uint8Array } & Place)
    /** `on`: 0 off, 1 notifications, 2 indications, 3 both. */
    | ({ readonly what: "subscribe"; readonly on: number } & Place)
    /** `error`: why an indication has not arrived; null: it has, or it is a notification. */
    | ({ readonly what: "notify"; readonly value: Uint8Array; readonly error: string | null } & Place)
  );

/** Names of the bits of a characteristic's properties, the lowest first: Vol 3 Part G section 3.3.1.1. */
export const PROPERTIES = ["broadcast", "read", "write without response", "write", "notify", "indicate", "signed write", "extended"];

export const SUBSCRIPTIONS = ["off", "notifications", "indications", "notifications and indications"];

/** Bytes of a value that are shown to people. */
const MOST = 32;

/** Why connections end, by the error codes of Vol 1 Part F. */
const REASONS: { readonly [reason: number]: string | undefined } = {
  0x05: "authentication failed",
  0x06: "the peer has lost its key",
  0x08: "nothing was heard of the peer any more",
  0x13: "the peer ended it",
  0x14: "the peer ended it, it is short of resources",
  0x15: "the peer ended it, it is being switched off",
  0x16: "it was ended here",
  0x1a: "the peer does not support what was asked of it",
  0x22: "the peer did not answer in time",
  0x28: "the peer missed the moment of a change",
  0x29: "pairing with a unit key is not supported",
  0x3b: "the peer does not accept the connection's parameters",
  0x3d: "an encrypted packet was not genuine: the keys differ",
  0x3e: "the connection was never established",
};

/** Why a connection ended, in words. */
export function explainReason(reason: number): string {
  return REASONS[reason] ?? `reason 0x${reason.toString(16).padStart(2, "0")}`;
}

/** The names of the bits that are set. */
export function listOf(names: readonly string[], bits: number): string {
  return names.filter((_, bit) => bits & (1 << bit)).join(", ") || "nothing";
}

/** A UUID of 4 or 32 hex digits as people write it. */
export function formatShortUuid(uuid: string): string {
  return uuid.length === 4 ? uuid.toUpperCase() : formatUuid(uuid);
}

export function formatPeer({ address }: Peer): string {
  return address.replace(/..(?=.)/g, "$&:");
}

/**
 * A value for people: hex digits and, unless `unicode` is null, what they are as text.
 * @param unicode whether letters beyond ASCII can be shown
 */
export function formatValue(value: Uint8Array, unicode: boolean | null): string {
  const shown = Buffer.from(value.subarray(0, MOST));
  const rest = value.length > MOST ? `... (${value.length} bytes)` : "";
  const text = unicode === null || value.length === 0 ? "" : ` "${printable(shown.toString("latin1"), unicode)}"`;
  return value.length === 0 ? "(empty)" : `${shown.toString("hex")}${text}${rest}`;
}
