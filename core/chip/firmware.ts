import { get16, put } from "../bytes/bytes.js";
import { failure, reject } from "../errors.js";
import { Command } from "../hci/codes.js";

/** A firmware image that is read piece by piece, from a flash chip or a file. */
export interface FirmwareReader {
  /** Length of the image in bytes. */
  readonly length: number;
  /** Fills `target` wholly with the image's bytes from `offset` on; both lie inside it. */
  read(offset: number, target: Uint8Array): void;
}

/** A firmware image: its bytes, a string of characters 0 to 255, or a reader. */
export type FirmwareSource = Uint8Array | string | FirmwareReader;

/** A patch for the chip: a run of HCI commands, as an .hcd file holds them. */
export interface Firmware {
  readonly _source: any;
  readonly _length: number;
  /** Revision that the chip reports once the patch is in place; -1: the image does not tell. */
  _revision: number;
  /** Whether the image names another part than this one. */
  _foreign: boolean;
}

/** Smallest and largest image, in bytes. */
const LEAST = 8 * 1024;
const MOST = 256 * 1024;

/** Bytes of a record before its parameters: opcode and length. */
export const RECORD_HEADER = 3;

/** Items of the configuration blocks that open the image. */
const enum Item {
  End = 0x00fe,
  Text = 0x0303,
  Revision = 0x0316,
}

/**
 * Takes a firmware image.
 * @param source as `FirmwareSource`
 * @throws BlimpError "argument" where it is none of these
 */
export function openFirmware(source: any): Firmware {
  if (typeof source != "string" && !(source instanceof Uint8Array) && !(source && typeof source.read == "function" && source.length >= 0)) {
    reject("open", "firmware", source, "bytes, a byte string, {length, read} or null");
  }
  return { _source: source, _length: source.length, _revision: -1, _foreign: false };
}

/** Puts `count` bytes of the image, from `offset` on, into `target` at `at`. */
export function readFirmware(firmware: Firmware, offset: number, target: Uint8Array, at: number, count: number): void {
  const source = firmware._source;
  if (source.read) source.read(offset, target.subarray(at, at + count));
  else put(target, at, source.substr ? source.substr(offset, count) : source.subarray(offset, offset + count));
}

/**
 * Checks an image along section 5 of the project's notes on the chip, and finds in it the revision that the chip will report. The image has no
 * checksum: what can be seen is its form.
 * @param scratch at least 16 bytes to work in
 * @returns null, or the error: "firmware-size"; "firmware-record", cut off in record `detail`; "firmware-opcode", record `detail` is no command
 *   of a download; "firmware-launch", the one Launch_RAM is not the last record; "firmware-block", a configuration block does not end where
 *   it says
 */
export function checkFirmware(firmware: Firmware, scratch: Uint8Array): Error | null {
  const length = firmware._length;
  let offset = 0;
  let record = 0;
  let first = -1;
  let opcode = 0;
  let bad = length < LEAST || length > MOST ? "size" : "";

  while (!bad && offset < length) {
    const launched = opcode == Command.LaunchRam;
    const start = offset;
    offset += RECORD_HEADER;
    if (offset > length) bad = "record";
    else {
      readFirmware(firmware, start, scratch, 0, RECORD_HEADER);
      const size = scratch[2];
      opcode = get16(scratch, 0);
      offset += size;
      if (launched) bad = "launch";
      else if (opcode == Command.WriteRam ? size < 5 : opcode == Command.LaunchRam ? size != 4 : opcode != Command.DownloadMinidriver || size || record) bad = "opcode";
      else if (offset > length) bad = "record";
      else if (first < 0 && opcode == Command.WriteRam) first = start;
      record++;
    }
  }
  if (!bad && opcode != Command.LaunchRam) bad = "launch";
  if (!bad && first >= 0 && !readBlocks(firmware, first, scratch)) bad = "block";
  return bad ? failure("firmware-" + bad, "firmware", record ? record - 1 : length) : null;
}

/** Walks the blocks BRCMcfgS and BRCMcfgD, whose bytes run on from record to record; false where they are damaged. */
function readBlocks(firmware: Firmware, offset: number, scratch: Uint8Array): boolean {
  let left = 0; // data bytes left in the record that `offset` is in
  let taken = 0;
  let text = "";

  /** The next `count` bytes of what the records write, one after the other into scratch[0]; all of them into `text`. False at the end. */
  function take(count: number, keep: boolean): boolean {
    text = "";
    taken += count;
    while (count) {
      if (!left) {
        if (offset + RECORD_HEADER > firmware._length) return false;
        readFirmware(firmware, offset, scratch, 0, RECORD_HEADER);
        if (get16(scratch, 0) != Command.WriteRam) return false;
        left = scratch[2] - 4;
        offset += RECORD_HEADER + 4;
      }
      let part = 1;
      if (keep) {
        readFirmware(firmware, offset, scratch, 0, 1);
        text += String.fromCharCode(scratch[0]);
      } else part = count < left ? count : left;
      offset += part;
      left -= part;
      count -= part;
    }
    return true;
  }

  /** The little-endian number in `text` from `at` on. */
  function value(at: number): number {
    let sum = 0;
    for (let i = text.length; i-- > at; ) sum = sum * 256 + text.charCodeAt(i);
    return sum;
  }

  for (let block = 0; block < 2; block++) {
    if (!take(8, true) || text != "BRCMcfg" + "SD"[block]) return !block;
    if (!take(8, true)) return false;
    const end = value(4);
    let type = 0;
    taken = 0;
    while (type != Item.End) {
      let size = 0;
      let scale = 1;
      if (!take(2, true)) return false;
      type = value(0);
      do {
        if (!take(1, true)) return false;
        size += (scratch[0] & 127) * scale;
        scale *= 128;
      } while (scratch[0] > 127);
      if (taken + size > end || !take(size, type == Item.Text || type == Item.Revision)) return false;
      if (type == Item.Text) firmware._foreign = text.indexOf("4343") < 0;
      if (type == Item.Revision) firmware._revision = value(0);
    }
    if (taken != end) return false;
  }
  return true;
}
