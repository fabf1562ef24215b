import type { Random } from "../../hal/mock/random.js";
import type { Input } from "./input.js";

/** Values at which code changes its mind. */
const EDGES = [0, 1, 2, 3, 4, 7, 8, 15, 16, 17, 22, 23, 27, 28, 31, 32, 63, 64, 65, 127, 128, 129, 191, 192, 247, 248, 253, 254, 255];
const WORDS = [0, 1, 2, 3, 22, 23, 27, 31, 32, 255, 256, 257, 511, 512, 513, 517, 518, 0x7fff, 0x8000, 0xfffe, 0xffff];

/** Longest packet of pure chance, now and then. */
const LONG = 600;
const SHORT = 40;

function put(packet: Uint8Array, at: number, bytes: Uint8Array, removed = 0): Uint8Array {
  const made = new Uint8Array(packet.length + bytes.length - removed);
  made.set(packet.subarray(0, at), 0);
  made.set(bytes, at);
  made.set(packet.subarray(at + removed), at + bytes.length);
  return made;
}

/** A packet of chance alone. */
export function noise(random: Random): Uint8Array {
  const packet = new Uint8Array(random.below(random.below(16) ? SHORT : LONG));
  random.fill(packet);
  return packet;
}

/** A place in a packet; the beginning, where lengths and codes stand, more often than the rest. */
function placeIn(random: Random, length: number): number {
  return random.below(2) && length > 12 ? random.below(12) : random.below(length);
}

/**
 * Changes a packet once: a bit, a byte, a number of 16 bits, a piece that is added, left out, repeated, or taken from another packet.
 * @param others where pieces come from
 */
export function change(random: Random, packet: Uint8Array, others: Input): Uint8Array {
  const { length } = packet;
  if (!length) return noise(random);
  const copy = packet.slice();
  const at = placeIn(random, length);
  switch (random.below(12)) {
    case 0:
      copy[at] ^= 1 << random.below(8);
      return copy;
    case 1:
      copy[at] = random.below(256);
      return copy;
    case 2:
      copy[at] = EDGES[random.below(EDGES.length)];
      return copy;
    case 3:
      copy[at] += random.below(2) ? 1 : 255;
      return copy;
    case 4: {
      const word = WORDS[random.below(WORDS.length)];
      copy[at] = word;
      if (at + 1 < length) copy[at + 1] = word >> 8;
      return copy;
    }
    case 5:
      return copy.slice(0, at);
    case 6:
      return put(copy, at, new Uint8Array(0), 1 + random.below(Math.min(length - at, 8)));
    case 7:
      return put(copy, at, noise(random).slice(0, 1 + random.below(8)));
    case 8: {
      const from = random.below(length);
      return put(copy, at, copy.slice(from, from + 1 + random.below(16)));
    }
    case 9: {
      const other = others[random.below(others.length)];
      return put(copy.slice(0, at), at, other.slice(Math.min(at, other.length)));
    }
    case 10:
      return put(copy, length, noise(random));
    default:
      copy.fill(random.below(2) ? 0 : 255, at, at + 1 + random.below(8));
      return copy;
  }
}

/**
 * Makes an input: one of the seeds with some of its packets changed, left out, doubled or exchanged; packets of several seeds; or chance alone.
 * @param most how many packets it may have
 */
export function mutate(random: Random, seeds: readonly Input[], most: number): Input {
  const kind = random.below(16);
  const all = seeds[random.below(seeds.length)];
  if (kind === 0) return Array.from({ length: 1 + random.below(most) }, () => noise(random));
  let packets: Uint8Array[];
  if (kind < 6) {
    packets = Array.from({ length: 1 + random.below(most) }, () => {
      const seed = seeds[random.below(seeds.length)];
      return seed[random.below(seed.length)];
    });
  } else packets = all.slice(0, most);
  for (let changes = random.below(4); changes > 0; changes--) {
    const at = random.below(packets.length);
    const other = random.below(packets.length);
    switch (random.below(8)) {
      case 0:
        if (packets.length > 1) packets.splice(at, 1);
        break;
      case 1:
        if (packets.length < most) packets.splice(other, 0, packets[at]);
        break;
      case 2:
        [packets[at], packets[other]] = [packets[other], packets[at]];
        break;
      default:
        for (let times = 1 + random.below(3); times > 0; times--) packets[at] = change(random, packets[at], all);
    }
  }
  return packets;
}
