import { createCipheriv, createECDH, type ECDH } from "node:crypto";

/**
 * The cryptographic toolbox of the Security Manager (Core Vol 3 Part H 2.2). All values are most significant octet first, as the document
 * prints them.
 */

export const LE_SALT_F5 = bytes("6c888391aaf5a53860370bdb5a6083be");
/** The key pair that the specification gives away for debugging (2.3.5.6.1): the private key. */
export const DEBUG_PRIVATE_KEY = bytes("3f49f6d4a3c55f3874c9b3e3d2103f504aff607beb40b7995899b8a6cd3c1abd");

/** Security function e (2.2.1): one block of AES-128. */
export function e(key: Uint8Array, plaintext: Uint8Array): Uint8Array {
  const cipher = createCipheriv("aes-128-ecb", key, null).setAutoPadding(false);
  return join(cipher.update(plaintext), cipher.final());
}

/** AES-CMAC (RFC 4493). */
export function cmac(key: Uint8Array, message: Uint8Array): Uint8Array {
  const k1 = double(e(key, new Uint8Array(16)));
  const k2 = double(k1);
  const blocks = Math.max(1, Math.ceil(message.length / 16));
  const whole = message.length === blocks * 16;
  const last = new Uint8Array(16);
  last.set(message.subarray(16 * (blocks - 1)));
  if (!whole) last[message.length % 16] = 0x80;
  let x: Uint8Array = new Uint8Array(16);
  for (let i = 0; i < blocks - 1; i++) x = e(key, xor(x, message.subarray(16 * i, 16 * i + 16)));
  return e(key, xor(x, xor(last, whole ? k1 : k2)));
}

/** Random address hash (2.2.2): 3 octets. */
export function ah(irk: Uint8Array, prand: Uint8Array): Uint8Array {
  return e(irk, join(new Uint8Array(13), prand)).slice(13);
}

/** Confirm value of legacy pairing (2.2.3); `preq` and `pres` are 7 octets, the address types one. */
export function c1(k: Uint8Array, r: Uint8Array, preq: Uint8Array, pres: Uint8Array, iat: number, ia: Uint8Array, rat: number, ra: Uint8Array): Uint8Array {
  const p1 = join(pres, preq, [rat], [iat]);
  const p2 = join(new Uint8Array(4), ia, ra);
  return e(k, xor(e(k, xor(r, p1)), p2));
}

/** Key of legacy pairing (2.2.4). */
export function s1(k: Uint8Array, r1: Uint8Array, r2: Uint8Array): Uint8Array {
  return e(k, join(r1.slice(8), r2.slice(8)));
}

/** Confirm value of Secure Connections (2.2.6). */
export function f4(u: Uint8Array, v: Uint8Array, x: Uint8Array, z: number): Uint8Array {
  return cmac(x, join(u, v, [z]));
}

/** Keys of Secure Connections (2.2.7); `a1` and `a2` are 7 octets, the address type first. */
export function f5(w: Uint8Array, n1: Uint8Array, n2: Uint8Array, a1: Uint8Array, a2: Uint8Array): { mackey: Uint8Array; ltk: Uint8Array } {
  const t = cmac(LE_SALT_F5, w);
  const part = (counter: number): Uint8Array => cmac(t, join([counter], bytes("62746c65"), n1, n2, a1, a2, [1, 0]));
  return { mackey: part(0), ltk: part(1) };
}

/** Check value of Secure Connections (2.2.8); `iocap` is AuthReq, OOB flag, IO capability. */
export function f6(w: Uint8Array, n1: Uint8Array, n2: Uint8Array, r: Uint8Array, iocap: Uint8Array, a1: Uint8Array, a2: Uint8Array): Uint8Array {
  return cmac(w, join(n1, n2, r, iocap, a1, a2));
}

/** Numeric comparison (2.2.9): 32 bits, of which the user sees the last six decimal digits. */
export function g2(u: Uint8Array, v: Uint8Array, x: Uint8Array, y: Uint8Array): number {
  const mac = cmac(x, join(u, v, y));
  return ((mac[12] << 24) | (mac[13] << 16) | (mac[14] << 8) | mac[15]) >>> 0;
}

/** Link key conversion (2.2.10). */
export function h6(w: Uint8Array, keyid: Uint8Array): Uint8Array {
  return cmac(w, keyid);
}

/** Link key conversion (2.2.11). */
export function h7(salt: Uint8Array, w: Uint8Array): Uint8Array {
  return cmac(salt, w);
}

/** A P-256 key pair of a private key of 32 octets; null if it is out of range. */
export function keyPair(privatekey: Uint8Array): { ecdh: ECDH; x: Uint8Array; y: Uint8Array } | null {
  const ecdh = createECDH("prime256v1");
  try {
    ecdh.setPrivateKey(privatekey);
  } catch {
    return null;
  }
  const point = Uint8Array.from(ecdh.getPublicKey());
  return { ecdh, x: point.slice(1, 33), y: point.slice(33) };
}

/** DHKey; null if the peer's key is no point of the curve. */
export function sharedSecret(ecdh: ECDH, x: Uint8Array, y: Uint8Array): Uint8Array | null {
  try {
    return Uint8Array.from(ecdh.computeSecret(join([4], x, y)));
  } catch {
    return null;
  }
}

export function join(...parts: ArrayLike<number>[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => Array.from(part)));
}

export function reversed(value: ArrayLike<number>): Uint8Array {
  return Uint8Array.from(value).reverse();
}

export function equal(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  return a.length === b.length && Array.from(a).every((octet, i) => octet === b[i]);
}

function xor(a: Uint8Array, b: Uint8Array): Uint8Array {
  return a.map((octet, i) => octet ^ b[i]);
}

/** Multiplication by x in GF(2^128), as RFC 4493 derives its subkeys. */
function double(a: Uint8Array): Uint8Array {
  const shifted = a.map((octet, i) => ((octet << 1) | ((a[i + 1] ?? 0) >> 7)) & 0xff);
  if (a[0] & 0x80) shifted[15] ^= 0x87;
  return shifted;
}

function bytes(digits: string): Uint8Array {
  return Uint8Array.from(digits.match(/../g)!, (pair) => parseInt(pair, 16));
}
