import { hex } from "../bytes/hex.js";
import type { Host } from "../host.js";

/** 48 bits that depend on every byte of a board's identity. */
function derive(identity: Uint8Array | string): Uint8Array {
  const address = new Uint8Array(6);
  // Primes: what they leave of the identity has nothing in common.
  const primes = [65521, 65519, 65497];
  for (let i = 0; i < 6; i += 2) {
    let sum = i + 1;
    for (let j = 0; j < identity.length; j++) {
      sum = (sum * 257 + (typeof identity == "string" ? identity.charCodeAt(j) : identity[j])) % primes[i >> 1];
    }
    address[i] = sum;
    address[i + 1] = sum >> 8;
  }
  return address;
}

/** Makes the first 6 bytes the device's static random address (Vol 6 Part B section 1.3.2.1). */
export function useRandomAddress(host: Host, bytes: Uint8Array): void {
  const address = new Uint8Array(bytes.subarray(0, 6));
  address[5] |= 0xc0;
  // That of the options holds for as long as they do.
  if (bytes != host._mac) host._session.address = address;
  host._address.set(address);
  host._addresstype = 1;
}

/**
 * Settles the device's address: the one of the options, else the controller's own (6 bytes at `at`), else a static random one of the last
 * `open()`, of the board's identity, or of its random source. Where there is none of these the type stays -1, and it has to be drawn.
 * @returns "", or what failed
 */
export function settleAddress(host: Host, bytes: Uint8Array, at: number): string {
  const hal = host._hal;
  const mac = host._mac;
  const own = hex(bytes, at, 6, true);
  for (let i = 0; i < 6; i++) host._address[i] = bytes[at + i];
  host._addresstype = 0;
  if (mac) {
    if (own != hex(mac, 0, 6, true)) {
      if (host._cyw || mac[5] < 0xc0) return "mac";
      useRandomAddress(host, mac);
    }
  } else if ("aaaaaaaaaaaa 4343a1121fac 4343a0121fac 000000000000 ffffffffffff".indexOf(own) >= 0) {
    // A manufacturer's placeholder: the ROM of this family, its patches, zeros, ones.
    host._addresstype = -1;
    if (host._session.address) useRandomAddress(host, host._session.address);
    else if (hal.uniqueid) useRandomAddress(host, derive(hal.uniqueid()));
    else if (hal.random) {
      const drawn = new Uint8Array(16);
      hal.random(drawn);
      return useDrawn(host, drawn, 0) || useDrawn(host, drawn, 8);
    }
  }
  return "";
}

/**
 * Takes 8 random bytes. An address needs two such blocks, because a source that repeats itself is none.
 * @returns "", or what failed
 */
export function useDrawn(host: Host, bytes: Uint8Array, at: number): string {
  const block = hex(bytes, at, 8);
  const first = host._drawn;
  host._drawn = block;
  if (first == block) return "random";
  if (first) {
    useRandomAddress(host, bytes.subarray(at));
    if (host._keep) host._keep(host._address);
  }
  return "";
}
