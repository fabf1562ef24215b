import { createCipheriv, createECDH } from "node:crypto";
import type { Crypto } from "../../hal/hal.js";

/** AES and P-256 by this Node, as a board with such a library offers them. */
export const NATIVE: Crypto = {
  aes(key, block) {
    const cipher = createCipheriv("aes-128-ecb", key, null).setAutoPadding(false);
    block.set(cipher.update(block));
  },
  p256public(secret, target) {
    const ecdh = createECDH("prime256v1");
    try {
      ecdh.setPrivateKey(secret);
    } catch {
      return false;
    }
    target.set(ecdh.getPublicKey().subarray(1));
    return true;
  },
  p256shared(secret, peer, target) {
    const ecdh = createECDH("prime256v1");
    try {
      ecdh.setPrivateKey(secret);
      target.set(ecdh.computeSecret(Uint8Array.of(4, ...peer)));
    } catch {
      return false;
    }
    return true;
  },
};
