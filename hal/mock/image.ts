import { latin, le16, le32 } from "./bytes.js";
import { BLOCKS, Item } from "./patch.js";
import { deviceAddress } from "./pdu.js";
import { Random } from "./random.js";

/** Opcodes of the records of a .hcd image. */
export const ImageOpcode = { DOWNLOAD_MINIDRIVER: 0xfc2e, WRITE_RAM: 0xfc4c, LAUNCH_RAM: 0xfc4e } as const;

/** Most data of one Write_RAM record: 255 octets of parameters, 4 of them the address. */
const RECORD_MAX = 251;
/** What a block has before its items, and a short item before its data. */
const BLOCK_HEAD = 8 + 4 + 4;
const ITEM_HEAD = 2 + 1;
/** Data octets of a code patch item. */
const PATCH_DATA = 15;

export interface ImageOptions {
  /** HCI revision (item 0x0316); default 508, null leaves the item out. */
  revision?: number | null;
  /** Version text (item 0x0303); default "BCM43438A1 37.4MHz blimp". A chip starts only with a text that contains "4343". */
  name?: string;
  /** Address inside (item 0x0300): 12 hexadecimal digits, most significant octet first; default 4343a1121fac; null leaves the item out. */
  address?: string | null;
  /** Octets of the main run, which code patch items fill up to it; default 9000: real images have 8 KiB and more. What the other items need is there in any case. */
  size?: number;
  /** Where the main run is written; default 0x00211810. */
  start?: number;
  /** Data octets of a full record, 1 to 251; default 251. */
  record?: number;
  /** Single-octet writes to falling addresses behind the main run; default 3. */
  switches?: number;
  /** True: begins with a Download_Minidriver record, as some files do; default false. */
  minidriver?: boolean;
  /** Seed of the code patches; default 1. */
  seed?: number;
}

/** One record of an image. */
export interface ImageRecord {
  readonly opcode: number;
  readonly parameters: Uint8Array;
}

/**
 * Makes a .hcd patch image as the CYW43438 takes it: HCI commands without H4 indicator, Write_RAM records with the two configuration
 * blocks inside, Launch_RAM last. It holds no code; it satisfies the virtual chip and whoever checks images before downloading them.
 */
export function makeImage(options: ImageOptions = {}): Uint8Array {
  const { revision = 508, address = "4343a1121fac", start = 0x00211810, record = RECORD_MAX, switches = 3 } = options;
  const name = options.name ?? "BCM43438A1 37.4MHz blimp";
  const random = new Random(options.seed ?? 1);
  const fixed = address === null ? [] : item(Item.BD_ADDR, deviceAddress(address).bytes);
  const identity = [...item(Item.NAME, [...latin(name), 0]), ...(revision === null ? [] : item(Item.REVISION, le16(revision)))];
  const ends = 2 * (BLOCK_HEAD + ITEM_HEAD);
  const room = (options.size ?? 9000) - fixed.length - identity.length - ends;
  const run = [...block(BLOCKS[0], fixed), ...block(BLOCKS[1], [...identity, ...patches(room, random)])];

  const records: ImageRecord[] = [];
  if (options.minidriver === true) records.push({ opcode: ImageOpcode.DOWNLOAD_MINIDRIVER, parameters: new Uint8Array(0) });
  for (let at = 0; at < run.length; at += record) records.push(write(start + at, run.slice(at, at + record)));
  for (let i = 0; i < switches; i++) records.push(write(0x000d30dd - i, [random.below(256)]));
  records.push({ opcode: ImageOpcode.LAUNCH_RAM, parameters: Uint8Array.from(le32(0xffffffff)) });
  return joinImage(records);
}

/** Puts records together to an image. */
export function joinImage(records: readonly ImageRecord[]): Uint8Array {
  const bytes: number[] = [];
  for (const { opcode, parameters } of records) bytes.push(...le16(opcode), parameters.length, ...parameters);
  return Uint8Array.from(bytes);
}

/** Takes an image apart; the parameters are views. A last record that is cut off is left out. */
export function splitImage(image: Uint8Array): ImageRecord[] {
  const records: ImageRecord[] = [];
  for (let at = 0; at + 3 <= image.length; ) {
    const end = at + 3 + image[at + 2];
    if (end > image.length) break;
    records.push({ opcode: image[at] | (image[at + 1] << 8), parameters: image.subarray(at + 3, end) });
    at = end;
  }
  return records;
}

function write(address: number, data: number[]): ImageRecord {
  return { opcode: ImageOpcode.WRITE_RAM, parameters: Uint8Array.from([...le32(address), ...data]) };
}

function block(magic: string, items: number[]): number[] {
  const body = [...items, ...item(Item.END, [])];
  return [...latin(magic), ...le32(0), ...le32(body.length), ...body];
}

function item(type: number, data: ArrayLike<number>): number[] {
  return [...le16(type), ...leb128(data.length), ...Array.from(data)];
}

function leb128(value: number): number[] {
  return value < 128 ? [value] : [(value & 0x7f) | 0x80, ...leb128(value >> 7)];
}

/** Code patch items of 15 octets, as real images have them, the last ones shorter: `room` octets exactly, if they are 3 or more. */
function patches(room: number, random: Random): number[] {
  const bytes: number[] = [];
  for (let left = room; left >= ITEM_HEAD; left = room - bytes.length) {
    // An item must not leave less than another one needs.
    const most = left > ITEM_HEAD + PATCH_DATA && left < 2 * ITEM_HEAD + PATCH_DATA ? PATCH_DATA - ITEM_HEAD : PATCH_DATA;
    const data = new Uint8Array(Math.min(most, left - ITEM_HEAD));
    random.fill(data);
    bytes.push(...item(Item.PATCH, data));
  }
  return bytes;
}
