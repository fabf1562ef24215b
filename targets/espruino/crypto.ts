import type { Hal } from "../../hal/hal.js";
import { encryptBlock } from "../../core/crypto/aes.js";
import { hal as board, type Wiring } from "./hal.js";

declare function require(name: string): any;

/** AES of the board's own `crypto` module, or nothing where its firmware has none. */
function nativeAes(): ((key: Uint8Array, block: Uint8Array) => void) | undefined {
  let aes: any;
  try {
    aes = require("crypto").AES;
  } catch (e) {
    // No such module.
  }
  if (!aes) return undefined;
  return function (key, block) {
    // ECB of one block, without padding: the cipher itself.
    const made = aes.encrypt(block, key, { mode: "ECB" });
    // Without memory for the result there is none: the block must not pass for an encrypted one.
    if (made) block.set(new Uint8Array(made));
    else encryptBlock(key, block);
  };
}

/**
 * The HAL of an Espruino board, with what it encrypts by itself.
 * @param wiring the port and the pins
 */
export function hal(wiring: Wiring): Hal {
  const made: any = board(wiring);
  const aes = nativeAes();
  if (aes) made.crypto = { aes: aes };
  return made;
}
