/** Little-endian reading and writing, as HCI has it, and text to octets. */

export function u16(bytes: ArrayLike<number>, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8);
}

export function u32(bytes: ArrayLike<number>, at: number): number {
  return (u16(bytes, at) | (u16(bytes, at + 2) << 16)) >>> 0;
}

export function le16(value: number): [number, number] {
  return [value & 0xff, (value >> 8) & 0xff];
}

export function le32(value: number): [number, number, number, number] {
  return [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24];
}

/** The octets of `text`, whose characters are taken modulo 256. */
export function latin(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** The octets that an even number of hexadecimal digits stands for. */
export function hexBytes(digits: string): Uint8Array {
  const bytes = new Uint8Array(digits.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = parseInt(digits.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}
