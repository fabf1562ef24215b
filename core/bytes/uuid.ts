import { get16, toBytes } from "./bytes.js";
import { parseHex } from "./hex.js";

/** The 16-bit form of a UUID of `length` bytes, least significant first; 0 where it has none. */
export function shortUuid(bytes: ArrayLike<number>, at: number, length: number): number {
  let same = length == 16 && !bytes[at + 14] && !bytes[at + 15];
  // The Bluetooth base UUID, as far as all short ones share it.
  const base = same ? [0xfb, 0x34, 0x9b, 0x5f, 0x80, 0, 0, 0x80, 0, 0x10, 0, 0] : [];
  for (let i = 0; i < base.length; i++) if (bytes[at + i] != base[i]) same = false;
  return length == 2 ? get16(bytes, at) : same ? get16(bytes, at + 12) : 0;
}

/**
 * Reads a UUID.
 * @param value a number of 16 bits; 4 or 32 hex digits, either case, dashes allowed; or 2 or 16 bytes, most significant first
 * @returns 2 or 16 bytes, least significant first as they go over the air, or null where it is none of these
 */
export function parseUuid(value: any): Uint8Array | null {
  if (typeof value == "number") return value >= 0 && value <= 0xffff && value % 1 == 0 ? new Uint8Array([value, value >> 8]) : null;
  const bytes = typeof value == "string" ? parseHex(value.split("-").join("")) : toBytes(value);
  if (!bytes || (bytes.length != 2 && bytes.length != 16)) return null;
  const reversed = new Uint8Array(bytes.length);
  for (let i = 0; i < bytes.length; i++) reversed[i] = bytes[bytes.length - 1 - i];
  return reversed;
}
