import { hex, parseHex } from "../../core/bytes/hex.js";
import { addCrypto } from "../../core/crypto/provider.js";
import { encryptBlock } from "../../core/crypto/aes.js";
import type { Host } from "../../core/host.js";
import { receiveSmp } from "../../core/smp/pairing.js";
import { createStation, type Station } from "./_station.js";

/** Our public key: that of the secret that is drawn first, 000102..1f. */
const PUBLIC = "7a593180860c4037c83c12749845c8ee1424dd297fadcb895e358255d2c7d2b2a8ca25580f2626fe579062ff1b99ff91c24a0da06fb32b5be20148c9249f5650";

/** A device that waits to be asked to pair. Its random bytes are 0, 1, 2 and so on. */
export interface Paired {
  station: Station;
  /** The key that both have made, as it is handed to the controller; "" without one. */
  key: string;
  /** The reason why the pairing has failed. */
  failed: number;
}

/**
 * The Security Manager's protocol alone: what a preset does with its outcome would not fit. Multiplications on P-256 are handed in: a small engine takes
 * up to a minute for each, and the part p256 looks at them.
 * @param level the least that is to come of it
 * @param dhkey the common secret
 */
export function createPaired(level: number, dhkey: string): Paired {
  let next = 0;
  const paired: Paired = { station: null as any, key: "", failed: 0 };
  paired.station = createStation(
    [
      addCrypto,
      function (host: Host) {
        host._smp = receiveSmp;
        host._software = encryptBlock;
        host._level = level;
        host._code = 123456;
        host._quick = true;
        host._blocked = function () {
          return 0;
        };
        host._keeps = function () {
          return true;
        };
        host._settled = function (_link, pairing) {
          paired.key = hex(pairing._key!, 0, 16, true);
        };
        host._failed = function (_link, _pairing, reason) {
          paired.failed = reason;
        };
        host._beginners.push(function (_host, link) {
          link._smpQueue = [];
        });
      },
    ],
    {
      random: function (target: Uint8Array) {
        for (let i = 0; i < target.length; i++) target[i] = next++;
      },
      crypto: {
        p256public: function (_secret: Uint8Array, target: Uint8Array) {
          target.set(parseHex(PUBLIC)!);
          return true;
        },
        p256shared: function (_secret: Uint8Array, _peer: Uint8Array, target: Uint8Array) {
          target.set(parseHex(dhkey)!);
          return true;
        },
      },
    },
  );
  return paired;
}

/** Sends a PDU of the Security Manager; what comes back. */
export function smp(paired: Paired, digits: string): string {
  paired.station.frame("0600", digits);
  paired.station.bench.run(10);
  return paired.station.taken("0600");
}
