/** Bytes in the forms in which an application hands them over: a Uint8Array, an array of numbers, or a string of characters 0 to 255. */
export type Bytes = Uint8Array | ArrayLike<number> | string;

/** A copy of what is of the type Bytes; null for what is not, or holds anything but bytes. */
export function toBytes(value: any): Uint8Array | null {
  const isText = typeof value == "string";
  if (!isText && !(value instanceof Uint8Array) && !Array.isArray(value)) return null;
  const bytes = new Uint8Array(value.length);
  for (let i = 0; i < bytes.length; i++) {
    const byte = isText ? value.charCodeAt(i) : value[i];
    if (typeof byte == "number") bytes[i] = byte;
    if (bytes[i] !== byte) return null;
  }
  return bytes;
}

/** The little-endian 16-bit number at `at`. */
export function get16(bytes: ArrayLike<number>, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8);
}
