/** Bytes in the forms in which an application hands them over: a Uint8Array, an array of numbers, or a string of characters 0 to 255. */
export type Bytes = Uint8Array | ArrayLike<number> | string;

/**
 * Copies bytes into `target` from offset `at` on.
 * @returns the offset behind the last
 */
export function put(target: Uint8Array, at: number, source: Bytes): number {
  if (typeof source == "string") {
    for (let i = 0; i < source.length; i++) target[at + i] = source.charCodeAt(i);
  } else {
    target.set(source, at);
  }
  return at + source.length;
}

/** Whether `value` is of the type Bytes; the characters of a string must be bytes. */
export function isBytes(value: any): value is Bytes {
  if (typeof value == "string") {
    for (let i = 0; i < value.length; i++) if (value.charCodeAt(i) > 255) return false;
    return true;
  }
  return value instanceof Uint8Array || Array.isArray(value);
}

/** The little-endian 16-bit number at `at`. */
export function get16(bytes: Uint8Array, at: number): number {
  return bytes[at] | (bytes[at + 1] << 8);
}
