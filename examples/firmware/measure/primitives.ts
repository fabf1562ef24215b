/** Software cryptography by itself, to be counted on the board (primitives.js). It is built as the presets are. */
export { encryptBlock } from "../../../core/crypto/aes.js";
export { beginMultiply, isOnCurve, readProduct, stepMultiply } from "../../../core/crypto/p256.js";
