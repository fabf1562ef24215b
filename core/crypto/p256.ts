import { hex } from "../bytes/hex.js";

/**
 * A way to multiply points of NIST P-256 (FIPS 186-4, D.1.2.3), in slices between which other things can be done: `DOUBLES` on every engine, or what
 * `addBigInt` finds. Numbers and points are bytes, most significant first.
 */
export interface Arithmetic {
  /** How many steps a multiplication takes. */
  readonly _steps: number;
  /**
   * Begins to multiply a point, and does nothing long. What is given may change afterwards.
   * @param secret 32 bytes, for which `isSecret` holds; bytes behind them are chance, which hides where a number of the way is short or long
   * @param point x and y, 64 bytes, for which `_isOnCurve` holds
   */
  readonly _begin: (secret: Uint8Array, point: Uint8Array) => any;
  /**
   * Goes on with a multiplication.
   * @param budget so many steps, one at least
   * @returns whether it is finished
   */
  readonly _step: (multiplication: any, budget: number) => boolean;
  /** The product of a finished multiplication, x and y, 64 bytes. */
  readonly _product: (multiplication: any) => Uint8Array;
  /** Whether x and y, 64 bytes, are a point of the curve: both below p, and they satisfy its equation. */
  readonly _isOnCurve: (point: Uint8Array) => boolean;
}

/** The base point, x and y, and its order n; the constant of the curve's equation y^2 = x^3 - 3 x + b. All as hex digits. */
export const BASE = "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";
export const ORDER = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";

export const CONSTANT = "5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604b";

/** Whether 32 bytes are a secret: a number from 1 to the order of the base point less 1. */
export function isSecret(secret: Uint8Array): boolean {
  let bits = 0;
  for (let i = 0; i < 32; i++) bits |= secret[i];
  return bits > 0 && hex(secret, 0, 32) < ORDER;
}
