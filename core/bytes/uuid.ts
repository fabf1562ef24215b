import { toBytes } from "./bytes.js";
import { parseHex } from "./hex.js";

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
