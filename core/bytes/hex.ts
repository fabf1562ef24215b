const DIGITS = "0123456789abcdef";
const SEPARATORS = ":-. ";

/**
 * Bytes as lower-case hex digits, the one at `at` first, or last where `reversed`.
 * @param codes an array of two characters a byte to work in; it says how many bytes there are
 */
export function hexInto(codes: Uint8Array, bytes: Uint8Array, at: number, reversed?: boolean): string {
  const last = codes.length / 2 - 1;
  for (let i = 0; i <= last; i++) {
    const byte = bytes[at + (reversed ? last - i : i)];
    codes[2 * i] = DIGITS.charCodeAt(byte >> 4);
    codes[2 * i + 1] = DIGITS.charCodeAt(byte & 15);
  }
  return String.fromCharCode.apply(null, codes as any);
}

/** The same for `count` bytes. */
export function hex(bytes: Uint8Array, at: number, count: number, reversed?: boolean): string {
  return hexInto(new Uint8Array(2 * count), bytes, at, reversed);
}

/**
 * Reads a device address.
 * @param text 12 hex digits, either case, most significant first; any separators between them
 * @returns 6 bytes, least significant first as HCI has them, or null where it is no address
 */
export function parseAddress(text: any): Uint8Array | null {
  const address = new Uint8Array(6);
  let digits = 0;
  for (let i = 0; typeof text == "string" && i < text.length; i++) {
    const digit = DIGITS.indexOf(text[i].toLowerCase());
    if (digit >= 0 && digits < 12) address[5 - (digits >> 1)] |= digits & 1 ? digit : digit << 4;
    if (digit >= 0) digits++;
    else if (SEPARATORS.indexOf(text[i]) < 0) return null;
  }
  return digits == 12 ? address : null;
}
