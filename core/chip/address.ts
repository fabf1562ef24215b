import { hex } from "../bytes/hex.js";
import { Command, Supported } from "../hci/codes.js";
import { putBytes } from "../hci/commands.js";
import type { Host, Row } from "../host.js";
import { fail } from "./supervisor.js";

/** Manufacturers' placeholders: the ROM of this family, its patches, zeros and ones. */
const PLACEHOLDERS = "aaaaaaaaaaaa 4343a1121fac 4343a0121fac 000000000000 ffffffffffff";

/** Primes to make an address of a board's identity with: what they leave of it has nothing in common. */
const PRIMES = [65521, 65519, 65497];

/** 48 bits that depend on every byte of a board's identity. */
function derive(identity: Uint8Array | string): Uint8Array {
  const address = new Uint8Array(6);
  for (let i = 0; i < 6; i += 2) {
    let sum = i + 1;
    for (let j = 0; j < identity.length; j++) {
      sum = (sum * 257 + (typeof identity == "string" ? identity.charCodeAt(j) : identity[j])) % PRIMES[i >> 1];
    }
    address[i] = sum;
    address[i + 1] = sum >> 8;
  }
  return address;
}

/** Makes the device's address a static random one (Vol 6 Part B section 1.3.2.1). */
function useRandom(host: Host, address: Uint8Array): boolean {
  address[5] |= 0xc0;
  host._session.address = address;
  host._chip._address.set(address);
  host._chip._addresstype = 1;
  return true;
}

/** Uses the first of two blocks of random bytes; a source that repeats itself is none. */
function useDrawn(host: Host): boolean {
  if (hex(host._drawn, 0, 8) == hex(host._drawn, 8, 8)) {
    fail(host, "random", 0, true);
    return false;
  }
  return useRandom(host, new Uint8Array(host._drawn.subarray(0, 6)));
}

/** Takes the controller's own address, and finds another where that is none. */
function settleAddress(host: Host, bytes: Uint8Array, at: number): boolean {
  const chip = host._chip;
  const hal = host._hal;
  const mac = host._mac;
  const own = hex(bytes, at, 6, true);
  for (let i = 0; i < 6; i++) chip._address[i] = bytes[at + i];
  chip._addresstype = 0;
  host._blocks = 2;
  if (mac) {
    if (own == hex(mac, 0, 6, true)) return true;
    if (!chip._cyw && mac[5] > 0xbf) return useRandom(host, mac);
    fail(host, "mac", own, true);
    return false;
  }
  if (PLACEHOLDERS.indexOf(own) < 0) return true;
  if (host._session.address) return useRandom(host, host._session.address);
  if (hal.uniqueid) return useRandom(host, derive(hal.uniqueid()));
  if (!hal.random) {
    host._blocks = 0;
    return true;
  }
  hal.random(host._drawn);
  return useDrawn(host);
}

const DRAW: Row = {
  _opcode: Command.LeRand,
  _bit: Supported.LeRand,
  _least: 8,
  _wanted: function (host) {
    return host._blocks < 2;
  },
  _take: function (host, bytes, at) {
    for (let i = 0; i < 8; i++) host._drawn[8 * host._blocks + i] = bytes[at + i];
    return ++host._blocks < 2 || useDrawn(host);
  },
};

/**
 * Settles the device's address: the one of the options, else the controller's own, else a static random one of the last `open()`, of the board's
 * identity, or of a random source, in this order.
 */
export const ADDRESS: Row[] = [
  { _opcode: Command.ReadBdAddr, _least: 6, _take: settleAddress },
  DRAW,
  DRAW,
  {
    _opcode: Command.LeSetRandomAddress,
    _wanted: function (host) {
      return host._chip._addresstype > 0;
    },
    _build: function (host) {
      putBytes(host, host._chip._address);
    },
  },
];
