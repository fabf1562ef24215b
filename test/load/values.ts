/** What passes between the device and its visitors. */

/** Milliseconds between two events of each link. */
export const INTERVAL = 30;
/** The visitors' MTU: a value of LENGTH takes four packets of 27 bytes. */
export const MTU = 100;
const LENGTH = 90;

/** The kinds of value, each with the low byte of its UUID 0xff00. */
export const HANDLES = { reader: 1, writer: 2, commanded: 3, notifier: 4, indicator: 5 } as const;

/** Handles of the values, all below 256. */
export type Handles = Record<keyof typeof HANDLES, number>;

/** A value that says of which kind and link it is and its number there (32 bits, least significant byte first), filled up with what follows from these. */
export function numbered(kind: number, link: number, number: number): Uint8Array {
  // Of a length of its own, so that frames end in packets of all lengths.
  const value = new Uint8Array(LENGTH - (number % 40));
  for (let i = 0; i < value.length; i++) value[i] = i < 2 ? [kind, link][i] : i < 6 ? number >>> (8 * (i - 2)) : kind * 31 + link * 7 + number + i;
  return value;
}

/** The number in a value of that kind and link; -1 where any byte of it is another than it has to be. */
export function numberOf(value: Uint8Array, kind: number, link: number): number {
  const number = value.length < 6 ? -1 : value[2] | (value[3] << 8) | (value[4] << 16) | (value[5] << 24);
  if (number < 0) return -1;
  const wanted = numbered(kind, link, number);
  return value.length === wanted.length && value.every((byte, i) => byte === wanted[i]) ? number : -1;
}
