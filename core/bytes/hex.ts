const DIGITS = "0123456789abcdefABCDEF";
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

/** The value of a hex digit, either case; -1 for anything else. */
function digitOf(character: string): number {
  const place = character ? DIGITS.indexOf(character) : -1;
  return place > 15 ? place - 6 : place;
}

/** The bytes of hex digits, either case, in the order in which they are written; null for anything else. */
export function parseHex(text: string): Uint8Array | null {
  const bytes = new Uint8Array((text.length + 1) >> 1);
  for (let i = 0; i < bytes.length; i++) {
    const high = digitOf(text.charAt(2 * i));
    const low = digitOf(text.charAt(2 * i + 1));
    if (high < 0 || low < 0) return null;
    bytes[i] = high * 16 + low;
  }
  return bytes;
}

/**
 * Reads the 12 hex digits of a device address, either case, most significant first, any separators between them.
 * @param address gets its 6 bytes, least significant first as HCI has them; zeros before
 * @param mask gets the bits of the digits that are given, and `_` stands for one that is not; without it all have to be
 * @returns whether it is an address
 */
export function readAddress(text: string, address: Uint8Array, mask?: Uint8Array): boolean {
  let digits = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = digitOf(text[i]);
    const place = 5 - (digits >> 1);
    if (digit >= 0 && digits < 12) {
      address[place] |= digits & 1 ? digit : digit << 4;
      if (mask) mask[place] |= digits & 1 ? 15 : 240;
    }
    if (digit >= 0 || (mask && text[i] == "_")) digits++;
    else if (SEPARATORS.indexOf(text[i]) < 0) return false;
  }
  return digits == 12;
}

/** The 6 bytes of a device address as `readAddress` reads it, or null. */
export function parseAddress(text: any): Uint8Array | null {
  const address = new Uint8Array(6);
  return typeof text == "string" && readAddress(text, address) ? address : null;
}
