/**
 * A byte ring in one typed array. Behind its end lies a reserve as long as the longest packet: what wraps is laid there once more, so
 * that a reader finds a packet in one piece, in place, from `_tail` on. The fields are read directly, because a call is what costs most on
 * an interpreter.
 */
export interface Ring {
  readonly _bytes: Uint8Array;
  readonly _size: number;
  _tail: number;
  /** How many bytes wait to be read. */
  _used: number;
  /** The most that have waited. */
  readonly _gauge: { most: number };
}

/**
 * @param size bytes that the ring holds
 * @param reserve the longest piece that has to lie in one, in bytes; not above `size`
 * @param gauge where the most that it has held is noted
 */
export function createRing(size: number, reserve: number, gauge: { most: number }): Ring {
  return { _bytes: new Uint8Array(size + reserve), _size: size, _tail: 0, _used: 0, _gauge: gauge };
}

/**
 * Takes in `data` from index `from` on: bytes, or the characters of a byte string.
 * @returns how many found room
 */
export function append(ring: Ring, data: Uint8Array | string, from: number): number {
  const bytes = ring._bytes;
  const size = ring._size;
  let count = data.length - from;
  let head = 0;
  if (count > size - ring._used) count = size - ring._used;
  if (ring._used) head = (ring._tail + ring._used) % size;
  else ring._tail = 0;
  if (typeof data != "string" && count == data.length && head + count <= size) {
    bytes.set(data, head);
  } else {
    for (let i = 0; i < count; i++) {
      bytes[(head + i) % size] = typeof data == "string" ? data.charCodeAt(from + i) : data[from + i];
    }
  }
  ring._used += count;
  if (ring._used > ring._gauge.most) ring._gauge.most = ring._used;
  return count;
}

/**
 * Makes what wraps lie in one piece with what stands before it: the ring's first bytes once more behind its end, as far as the reserve goes. To be
 * called only where a piece does wrap.
 */
export function unwrap(ring: Ring): void {
  const bytes = ring._bytes;
  for (let i = ring._size; i < bytes.length; i++) bytes[i] = bytes[i - ring._size];
}

/** Forgets the next `length` bytes, which must be there. */
export function drop(ring: Ring, length: number): void {
  ring._tail = (ring._tail + length) % ring._size;
  ring._used -= length;
}
