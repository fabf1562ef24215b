const DIGITS = "0123456789abcdef";
const SEPARATORS = ":-. ";

/**
 * `count` bytes as lower-case hex digits, the byte at `at` first, or last where `reversed`.
 */
export function hex(bytes: Uint8Array, at: number, count: number, reversed?: boolean): string {
  let text = "";
  for (let i = 0; i < count; i++) {
    const byte = bytes[reversed ? at + count - 1 - i : at + i];
    text += DIGITS[byte >> 4] + DIGITS[byte & 15];
  }
  return text;
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
