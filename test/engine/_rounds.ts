import { hex } from "../../core/bytes/hex.js";
import { same } from "./_check.js";
import { createPaired, smp, type Paired } from "./_pair.js";

// What the peer sends, and what is expected, has been computed with another implementation (hal/mock/phonecrypto.ts, over node:crypto). The peer's secret is 32 bytes a1, its
// random value of round i is 55 + 7i, 58 + 7i and so on, most significant octet first; addresses 665544332211 and 151413121110, both public; the passkey 123456.

/** The common secret, which the board hands in. */
export const DHKEY = "7d89edb87d9e3ba00064b78548a8f088274b2abf1eb565ea6dbc2d522e52414e";
/** Public keys, the peer's and ours. */
export const PEER = "0c59351454a27bb383e32e5bf6cc9d9107596b42d4ecd6f20f1ad3ff9e34ac0ac02952d5002d8eb93bcbcfbb6eae75dad5dcfc28a45e87b77be4bac1d4594a065d";
const OURS = "0cb2d2c7d25582355e89cbad7f29dd2414eec8459874123cc837400c868031597a50569f24c94801e25b2bb36fa00d4ac291ff991bff629057fe26260f5825caa8";
/** Confirm values of the 20 rounds, the peer's and ours. */
export const CONFIRMS =
  "5934e7a33e5d52db47cfc14a79340da817ea2f124832f7a2409c9362bad57c3f" +
  "8ce2f787c47b8a0d611c08fc0964bc0848a24ce6ac1d63a6d85fda4758fcfcae" +
  "eecbc72ebd3ab7e0d270c164d58f8b66471c9113d420f44594be4b031dc83013" +
  "1abec237995e9eb6f4dfeede77d18735e4f8e00e174d4dc940de310a25e908a9" +
  "55cf400b3b4917ef0f84ac3a8e6db4e25e18239d5f8ffd9f089aa265d2f0776e" +
  "58b759b329e6a1a7e3f204891dfc66dd9ed19aeed066a852d197f9fdeef51f49" +
  "18a2efefb9e85b19d31666554252e26540daf536712c764c2b89d9b44801b7f9" +
  "c834e8ddf5f53d0f5b7ddbf112eac00ba202e83b9e0867f16b360718b2b68a87" +
  "7eb105c7a07b9276eadfd37fc68dd680a53e53990ab11cf4a278ea2408b2eeac" +
  "402f2c94caa28029a60dfe3b62ce22707457a792560f2153bcc661ad191e8629" +
  "1c9fb611f009cf496c7de3a5e51b50da90b1df2559f649b5b70a44cdf6e69ce0" +
  "2a6eaf923f9fc71bdc94d1b74364624131fe34f8b7403c3d0fe9a2eb9c21b0d6" +
  "093f1a9d80faf7b120ee951dd367f909f8e4fd546ea5ea0196d17c0e1335a035" +
  "efe9769c0ccb26dc823d6f6cd2c613511ade5d2e52653e0f00200edbe6c837be" +
  "a47bd1a8a85d5ae7991cc79ae6924b5cc5322b51cd8e940f4792e2a6f8b58998" +
  "b224457b4267818a12f63170000b233717e43041d506fdf614f88c8967e335f6" +
  "a6d0bd6a86e00667e300d5668e6bca85ab9a0bd9df750c6d37312e76bea9a1c3" +
  "34857e40726ef8f25104864b024261fe48a24ce6ac1d63a6d85fda4758fcfcae" +
  "c68bfee54c628e39a58cace92cc68e55471c9113d420f44594be4b031dc83013" +
  "4d393c2df4a471496d9d239e424716fbe4f8e00e174d4dc940de310a25e908a9";

/** Pairing Random as it is sent: its bytes descend from `last` by `by`. */
export function nonce(last: number, by: number): string {
  const bytes = new Uint8Array(16);
  for (let i = 0; i < 16; i++) bytes[i] = last - i * by;
  return "04" + hex(bytes, 0, 16);
}

/** Pairs up to the end of so many rounds. */
export function rounds(count: number): Paired {
  const paired = createPaired(4, DHKEY);
  same(smp(paired, "0102000c100000"), "0200000c100000", "Pairing Response: DisplayOnly");
  same(smp(paired, PEER), OURS, "public key");
  for (let i = 0; i < count; i++) {
    const confirms = CONFIRMS.substr(64 * i, 64);
    same(smp(paired, "03" + confirms.substr(0, 32)), "03" + confirms.substr(32), "confirm value " + i);
    same(smp(paired, nonce(0x82 + 7 * i, 3)), nonce(0x2f + 16 * i, 1), "random value " + i);
  }
  return paired;
}
