/** Software cryptography by itself, to be counted on the board (primitives.js). It is built as the presets are. */
import { parseHex } from "../../../core/bytes/hex.js";
import { BASE, type Arithmetic } from "../../../core/crypto/p256.js";
import { addBigInt } from "../../../core/crypto/p256bigint.js";
import { DOUBLES } from "../../../core/crypto/p256doubles.js";

export { encryptBlock } from "../../../core/crypto/aes.js";

const host: any = {};
addBigInt(host);

function arithmeticOf(big: boolean): Arithmetic {
  return big ? host._p256 : DOUBLES;
}

/** Whether the engine has BigInt. */
export function hasBigInt(): boolean {
  return !!host._p256;
}

/** The product of a secret and a point, or the base point, in slices of `budget` steps. */
export function multiply(big: boolean, secret: Uint8Array, point: Uint8Array | null, budget: number): Uint8Array {
  const arithmetic = arithmeticOf(big);
  const m = arithmetic._begin(secret, point || parseHex(BASE)!);
  while (!arithmetic._step(m, budget));
  return arithmetic._product(m);
}

/** Whether a point is on the curve. */
export function isOnCurve(big: boolean, point: Uint8Array): boolean {
  return arithmeticOf(big)._isOnCurve(point);
}
