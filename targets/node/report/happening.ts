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

/** A code that is to be typed into a peer, as it is valid now; or that a peer has asked for. */
export interface Passkey {
  readonly ms: number;
  readonly code: number;
  /** Who asks for it; null: nobody yet. */
  readonly peer: Peer | null;
}

/** What one of several that take part says, in words that are harmless. */
export interface Word {
  readonly ms: number;
  readonly who: string;
  readonly text: string;
}

/** Something that a peer has done, or that was done for it, or to it. `ms`: since power-up. */
export type Happening = { readonly ms: number } & Peer &
  (
    | ({ readonly what: "connect"; readonly security: number } & Nowhere)
    /** `reason`: the error code of HCI; `why`: the same in words. */
    | ({ readonly what: "close"; readonly reason: number; readonly why: string } & Nowhere)
    /** `bonded`: the key is kept. */
    | ({ readonly what: "secure"; readonly security: number; readonly bonded: boolean } & Nowhere)
    /** `error`: in words; `reason`: the number of it, null where there is none; `failures`: how often in a row. */
    | ({ readonly what: "failed"; readonly operation: "pairing" | "discover"; readonly reason: number | null; readonly error: string; readonly failures?: number } & Nowhere)
    | ({ readonly what: "failed"; readonly operation: "read" | "write" | "send" | "subscribe"; readonly reason: number | null; readonly error: string } & Place)
    | ({ readonly what: "read" | "write" | "send"; readonly value: Uint8Array } & Place)
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

/** Why pairing fails, by the reasons of Vol 3 Part H section 3.5.5. */
const PAIRING_REASONS: { readonly [reason: number]: string | undefined } = {
  0x01: "no code was typed",
  0x02: "one side has no out-of-band data of the other",
  0x03: "one side cannot give the security that the other wants",
  0x04: "the code was wrong",
  0x05: "one side does not pair",
  0x06: "the encryption key would be too short",
  0x07: "one side does not know what the other has said",
  0x08: "one side has given up",
  0x09: "it was tried too often: it has to wait",
  0x0a: "something impossible was said, such as a forged key",
  0x0b: "the proofs of the keys differ: somebody may stand between",
  0x0c: "the numbers were not the same",
};

/** Why a request was refused, by the error codes of Vol 3 Part F section 3.4.1.1. */
const ATT_ERRORS: { readonly [code: number]: string | undefined } = {
  0x01: "there is no such handle",
  0x02: "it cannot be read",
  0x03: "it cannot be written",
  0x04: "the request made no sense to the device",
  0x05: "the device wants to be paired with first (--pair)",
  0x06: "the device does not support that",
  0x07: "the offset is beyond the value",
  0x08: "the device does not allow it",
  0x09: "too much is prepared already",
  0x0a: "there is no such attribute",
  0x0b: "the value is not long",
  0x0c: "the encryption key is too short",
  0x0d: "the value does not have the right length",
  0x0e: "the device could not do it",
  0x0f: "the device wants the connection to be encrypted first (--pair)",
  0x11: "the device is short of resources",
  0x13: "the value is not allowed",
  0xfc: "the device refuses the write",
  0xfd: "the device cannot tell in this way",
  0xfe: "the device is still busy with the last one",
  0xff: "the value is out of its range",
};

/** Why a pairing failed, in words. */
export function explainPairing(reason: number | null | undefined): string {
  if (reason === null || reason === undefined) return "the two could not agree";
  return PAIRING_REASONS[reason] ?? `reason 0x${hex2(reason)}`;
}

/** An error of the Attribute Protocol, in words. */
export function explainAtt(code: number): string {
  const own = code >= 0x80 && code <= 0x9f ? "the device refuses it for a reason of its own" : undefined;
  return `${ATT_ERRORS[code] ?? own ?? "the device refuses it"} (error 0x${hex2(code)})`;
}

/** A code as people see it: six digits. */
export function formatCode(code: number): string {
  return String(code).padStart(6, "0");
}

/** Why a connection ended, in words. */
export function explainReason(reason: number): string {
  return REASONS[reason] ?? `reason 0x${hex2(reason)}`;
}

function hex2(value: number): string {
  return value.toString(16).padStart(2, "0");
}

/** The names of the bits that are set. */
export function listed(names: readonly string[], bits: number): string[] {
  return names.filter((_, bit) => bits & (1 << bit));
}

/** The same for people. */
export function listOf(names: readonly string[], bits: number): string {
  return listed(names, bits).join(", ") || "nothing";
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
