import type { Random } from "../../../hal/mock/random.js";
import type { BondInfo } from "../../../core/smp/bonds.js";
import { open } from "../../../targets/node/open.js";
import { Board } from "../board.js";
import { hex, input, type Input } from "../input.js";
import type { Subject, Target } from "../target.js";

/** A record: type, length, content. The address; bonds as the store keeps them, whole or with what they may leave out. */
const ADDRESS = "01 06 563412ffeec0";
const BOND = "00 112233445566 04 01 " + "5a".repeat(16) + "0000 0000000000000000 00000000 00" + "00".repeat(16);
const BONDS = [
  `02 39 ${BOND} 00`,
  `02 5f 01 0102030405c6 03 06 ${"a5".repeat(16)} 3412 0102030405060708 05000000 01 ${"77".repeat(16)} 02 ${"11".repeat(16)} ${"22".repeat(16)} 0b0002 1c0001`,
  `02 49 00 665544332211 01 02 ${"3c".repeat(16)} 0000 0000000000000000 ffffffff 00 ${"00".repeat(16)} 00 ${"33".repeat(16)}`,
];

const SEEDS: readonly Input[] = [input(ADDRESS), ...BONDS.map((bond) => input(bond)), input(ADDRESS, BONDS[0], "7f 03 010203", BONDS[1], BONDS[2]), input(BONDS[0], BONDS[1], BONDS[0]), input("02 00", "01 00", "00 00")];

/** Of everything but bonds as little as may be: it is opened for each input. */
const SMALL = { links: 1, mtu: 23, queue: 1, prepare: 24, receive: 300, onerror: (error: Error) => { throw error; } };

function list(bonds: BondInfo[]): string {
  return bonds.map(({ address, addresstype, level }) => `${address} ${addresstype} ${level}`).join(", ");
}

/** The records of types that a part does not know, as far as the bytes make sense. */
function others(bytes: Uint8Array): string[] {
  const records: string[] = [];
  for (let at = 0; at + 2 <= bytes.length && at + 2 + bytes[at + 1] <= bytes.length; at += 2 + bytes[at + 1]) if (bytes[at] !== 2) records.push(hex(bytes.subarray(at, at + 2 + bytes[at + 1])));
  return records;
}

/** The bonds that there are in bytes, as docs and format have it, in the plainest words. */
function bondsIn(bytes: Uint8Array): string[] {
  const found: string[] = [];
  for (let at = 0; at + 2 <= bytes.length && at + 2 + bytes[at + 1] <= bytes.length; at += 2 + bytes[at + 1]) {
    const bond = bytes.subarray(at + 2, at + 2 + bytes[at + 1]);
    if (bytes[at] !== 2 || bond.length < 57) continue;
    const length = 57 + (bond[8] & 2 ? 16 : 0) + (bond[8] & 4 ? 16 : 0) + 3 * bond[56];
    const good = bond.length === length && [1, 3, 4].includes(bond[7]) && bond.subarray(9, 25).some((byte) => byte > 0);
    const name = `${hex(bond.slice(1, 7).reverse())} ${bond[0] & 1}`;
    if (good && found.length < 64 && !found.some((other) => other.startsWith(name))) found.push(`${name} ${bond[7]}`);
  }
  return found;
}

class Kept implements Subject {
  private readonly _random: Random;

  constructor(random: Random) {
    this._random = random;
  }

  feed(packets: Input): void {
    let bytes = new Uint8Array(Buffer.concat(packets));
    const board = new Board(this._random);
    let saves = 0;
    const store = {
      load: () => bytes,
      save(saved: Uint8Array) {
        saves++;
        bytes = new Uint8Array(saved);
        return true;
      },
    };
    const first = open(board.hal, null, { ...SMALL, store });
    const found = first.bonds();
    const before = others(bytes);
    if (list(found) !== bondsIn(bytes).join(", ")) throw new Error(`takes ${list(found)} for bonds, there are ${bondsIn(bytes).join(", ")}`);
    if (saves) throw new Error("saved though nothing has changed");
    if (found.length) {
      if (!first.forget(found[0].address)) throw new Error("a bond that is not found again");
      if (others(bytes).join() !== before.join()) throw new Error(`other records were ${before.join()}, and are ${others(bytes).join()}`);
      const left = first.bonds();
      first.close();
      const again = open(board.hal, null, { ...SMALL, store });
      if (list(again.bonds()) !== list(left)) throw new Error(`saved ${list(left)}, loaded ${list(again.bonds())}`);
      again.close();
    }
    first.close();
    board.clock.run(1);
    if (board.clock.pending) throw new Error(`${board.clock.pending} timers are left`);
  }
}

export const StoreBytes: Target = {
  name: "store",
  about: "the bytes of a store: what is taken for a bond can be one; a change keeps all other records and is read back as it was",
  seeds: SEEDS,
  most: 6,
  life: 20_000,
  share: 0.5,
  begin: (random) => new Kept(random),
};
