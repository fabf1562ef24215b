import type { Link } from "../connection.js";
import { cmac, encrypt } from "../crypto/provider.js";
import type { Host } from "../host.js";

/**
 * The functions of Vol 3 Part H section 2.2. All values most significant octet first, as the specification writes them; results are handed to
 * `done`, because another may do the encryption.
 */

type Done = (result: Uint8Array) => void;

/** All parts in one array. */
export function join(parts: ArrayLike<number>[]): Uint8Array {
  let length = 0;
  for (let i = 0; i < parts.length; i++) length += parts[i].length;
  const bytes = new Uint8Array(length);
  length = 0;
  for (let i = 0; i < parts.length; i++) {
    bytes.set(parts[i], length);
    length += parts[i].length;
  }
  return bytes;
}

/** The last bytes first. */
export function reversed(bytes: ArrayLike<number>, at: number, count: number): Uint8Array {
  const result = new Uint8Array(count);
  for (let i = 0; i < count; i++) result[i] = bytes[at + count - 1 - i];
  return result;
}

/** e, section 2.2.1: AES-128 of a block. */
function e(host: Host, link: Link | null, key: Uint8Array, block: Uint8Array, done: Done): void {
  encrypt(host, link, key, block, function () {
    done(block);
  });
}

/**
 * c1, section 2.2.3: the confirm value of legacy pairing.
 * @param p1 responder's and initiator's PDU, address type of the responder and of the initiator: 16 bytes
 * @param p2 four zeros, the address of the initiator, that of the responder: 16 bytes
 */
export function c1(host: Host, link: Link | null, key: Uint8Array, random: Uint8Array, p1: Uint8Array, p2: Uint8Array, done: Done): void {
  const block = new Uint8Array(16);
  for (let i = 0; i < 16; i++) block[i] = random[i] ^ p1[i];
  e(host, link, key, block, function () {
    for (let i = 0; i < 16; i++) block[i] ^= p2[i];
    e(host, link, key, block, done);
  });
}

/** s1, section 2.2.4: the key of legacy pairing, of the halves of the responder's random value and the initiator's. */
export function s1(host: Host, link: Link | null, key: Uint8Array, responder: Uint8Array, initiator: Uint8Array, done: Done): void {
  e(host, link, key, join([responder.subarray(8), initiator.subarray(8)]), done);
}

/** f4, section 2.2.6: the confirm value of Secure Connections, of two X coordinates, a nonce and one byte. */
export function f4(host: Host, link: Link | null, u: Uint8Array, v: Uint8Array, x: Uint8Array, z: number, done: Done): void {
  cmac(host, link, x, join([u, v, [z]]), done);
}

/** f5, section 2.2.7: MacKey, then the LTK, of the shared secret, both nonces and both addresses with their types before them. */
export function f5(host: Host, link: Link | null, w: Uint8Array, n1: Uint8Array, n2: Uint8Array, a1: Uint8Array, a2: Uint8Array, done: (mackey: Uint8Array, ltk: Uint8Array) => void): void {
  const salt = new Uint8Array([0x6c, 0x88, 0x83, 0x91, 0xaa, 0xf5, 0xa5, 0x38, 0x60, 0x37, 0x0b, 0xdb, 0x5a, 0x60, 0x83, 0xbe]);
  cmac(host, link, salt, w, function (t) {
    const message = join([[0, 0x62, 0x74, 0x6c, 0x65], n1, n2, a1, a2, [1, 0]]);
    cmac(host, link, t, message, function (mackey) {
      message[0] = 1;
      cmac(host, link, t, message, function (ltk) {
        done(mackey, ltk);
      });
    });
  });
}

/** f6, section 2.2.8: the check of what has been agreed. */
export function f6(host: Host, link: Link | null, w: Uint8Array, n1: Uint8Array, n2: Uint8Array, r: Uint8Array, io: Uint8Array, a1: Uint8Array, a2: Uint8Array, done: Done): void {
  cmac(host, link, w, join([n1, n2, r, io, a1, a2]), done);
}

/** g2, section 2.2.9: the six digits that are compared, of two X coordinates and two nonces. */
export function g2(host: Host, link: Link | null, u: Uint8Array, v: Uint8Array, x: Uint8Array, y: Uint8Array, done: (digits: number) => void): void {
  cmac(host, link, x, join([u, v, y]), function (mac) {
    done((mac[12] * 16777216 + mac[13] * 65536 + mac[14] * 256 + mac[15]) % 1000000);
  });
}

/** h6, section 2.2.10: a key of another key and the four bytes of a name. */
export function h6(host: Host, link: Link | null, w: Uint8Array, name: Uint8Array, done: Done): void {
  cmac(host, link, w, name, done);
}

/** h7, section 2.2.11: the same with a salt. */
export function h7(host: Host, link: Link | null, salt: Uint8Array, w: Uint8Array, done: Done): void {
  cmac(host, link, salt, w, done);
}

/** ah, section 2.2.2: the hash of a resolvable private address, 3 bytes, of the identity resolving key and the 3 bytes of the address that are random. */
export function ah(host: Host, link: Link | null, key: Uint8Array, random: Uint8Array, done: Done): void {
  e(host, link, key, join([new Uint8Array(13), random]), function (block) {
    done(block.subarray(13));
  });
}
