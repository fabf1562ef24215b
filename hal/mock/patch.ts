import { u16, u32 } from "./bytes.js";
import type { Memory } from "./memory.js";

/** Types of the items in a patch that matter here. */
export const Item = { BD_ADDR: 0x0300, NAME: 0x0303, REVISION: 0x0316, PATCH: 0x0110, END: 0x00fe } as const;
/** The two blocks, one right behind the other. */
export const BLOCKS = ["BRCMcfgS", "BRCMcfgD"] as const;

/** What a patch makes of the chip. */
export interface Patch {
  /** HCI revision, or null if the patch has none. */
  revision: number | null;
  /** BD_ADDR, least significant octet first, or null. */
  address: Uint8Array | null;
  /** Version text, "" if there is none. */
  name: string;
}

/**
 * Reads the patch that was written to `address` on: a block of static and one of dynamic configuration. Each is a magic of 8 characters, a
 * 32-bit zero, a 32-bit length, and items: 16-bit type, length in LEB128, data; an item of type 0x00FE and length 0 ends a block exactly.
 * Everything is little-endian.
 * @returns null where a byte is missing or a length does not fit: the chip would not start with that
 */
export function readPatch(memory: Memory, address: number): Patch | null {
  const patch: Patch = { revision: null, address: null, name: "" };
  const reader = new Reader(memory, address);
  try {
    for (const magic of BLOCKS) readBlock(reader, magic, patch);
  } catch (error) {
    if (error instanceof Damage) return null;
    throw error;
  }
  return patch;
}

class Damage extends Error {}

class Reader {
  at: number;
  private readonly _memory: Memory;

  constructor(memory: Memory, at: number) {
    this._memory = memory;
    this.at = at;
  }

  take(length: number): number[] {
    const bytes: number[] = [];
    while (bytes.length < length) {
      const byte = this._memory.at(this.at++);
      if (byte === undefined) throw new Damage();
      bytes.push(byte);
    }
    return bytes;
  }

  /** A number in groups of seven bits, low group first, bit 7 set on all but the last. */
  leb128(): number {
    let value = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const [byte] = this.take(1);
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw new Damage();
  }
}

function readBlock(reader: Reader, magic: string, patch: Patch): void {
  if (String.fromCharCode(...reader.take(8)) !== magic) throw new Damage();
  reader.take(4);
  const length = u32(reader.take(4), 0);
  const end = reader.at + length;
  for (;;) {
    const type = u16(reader.take(2), 0);
    const size = reader.leb128();
    if (reader.at + size > end) throw new Damage();
    if (type === Item.END) {
      if (size !== 0 || reader.at !== end) throw new Damage();
      return;
    }
    const data = reader.take(size);
    if (type === Item.REVISION && size === 2) patch.revision = u16(data, 0);
    else if (type === Item.BD_ADDR && size === 6) patch.address = Uint8Array.from(data);
    else if (type === Item.NAME) patch.name = String.fromCharCode(...data).split("\0", 1)[0];
  }
}
