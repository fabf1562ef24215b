import { toBytes } from "./bytes.js";

/**
 * Reads a UUID.
 * @param value a number of 16 bits; 4 or 32 hex digits, either case, dashes allowed; or 2 or 16 bytes, most significant first
 * @returns 2 or 16 bytes, least significant first as they go over the air, or null where it is none of these
 */
export function parseUuid(value: any): Uint8Array | null {
  if (typeof value == "number") return value >= 0 && value <= 0xffff && value % 1 == 0 ? new Uint8Array([value, value >> 8]) : null;
  let source: any = value;
  if (typeof value == "string") {
    const digits = value.split("-").join("").toLowerCase();
    source = [];
    for (let i = 0; i < digits.length; i += 2) {
      const high = "0123456789abcdef".indexOf(digits[i]);
      const low = "0123456789abcdef".indexOf(digits[i + 1] || "?");
      if (high < 0 || low < 0) return null;
      source.push(high * 16 + low);
    }
  }
  const bytes = toBytes(source);
  if (!bytes || (bytes.length != 2 && bytes.length != 16)) return null;
  const reversed = new Uint8Array(bytes.length);
  for (let i = 0; i < bytes.length; i++) reversed[i] = bytes[bytes.length - 1 - i];
  return reversed;
}
