import { get16, toBytes } from "../bytes/bytes.js";
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
  /** Revision that the chip reports once the patch is in place; -1: the image does not tell. */
  _revision: number;
  /** What is odd about it: "foreign", it names another part than this one; "launch", its entry point is not the usual one. */
  _odd: string;
}

/** In bytes. */
export const enum FirmwareSize {
  /** Smallest and largest image. */
  Least = 8 * 1024,
  Most = 256 * 1024,
  /** A record before its parameters: opcode and length; and a Write_RAM before its data: the address as well. */
  RecordHeader = 3,
  WriteHeader = 7,
}

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
  if (typeof source != "string" && !(source instanceof Uint8Array) && !(source && source.read && source.length >= 0)) {
    reject("open", "firmware", source, "bytes, a byte string, {length, read} or null");
  }
  return { _source: source, _revision: -1, _odd: "" };
}

/** Puts `count` bytes of the image, from `offset` on, into `target` at `at`. */
export function readFirmware(firmware: Firmware, offset: number, target: Uint8Array, at: number, count: number): void {
  const source = firmware._source;
  if (source.read) source.read(offset, target.subarray(at, at + count));
  else target.set(source.substr ? toBytes(source.substr(offset, count))! : source.subarray(offset, offset + count), at);
}

/**
 * Checks an image along section 5 of the project's notes on the chip, and finds in it the revision that the chip will report. The image has no
 * checksum: what can be seen is its form.
 * @param scratch at least 4 bytes to work in
 * @returns null, or the error: "firmware-size"; "firmware-record", cut off in record `detail`; "firmware-opcode", record `detail` is no command
 *   of a download; "firmware-launch", the one Launch_RAM is not the last record; "firmware-block", a configuration block does not end where
 *   it says
 */
export function checkFirmware(firmware: Firmware, scratch: Uint8Array): Error | null {
  const length = firmware._source.length;
  let offset = 0;
  let record = -1;
  let opcode = 0;
  let left = 0; // data bytes left of the record that `offset` is in
  let text = ""; // what was taken last
  let taken = 0;
  let bad = length < FirmwareSize.Least || length > FirmwareSize.Most ? "size" : "";

  /** Goes on to the next Write_RAM record, from what is left of this one; false at the end, or where something is bad. */
  function advance(): boolean {
    offset += left;
    left = 0;
    if (offset == length || bad) return false;
    record++;
    if (opcode == Command.LaunchRam) bad = "launch";
    else if (offset + FirmwareSize.RecordHeader > length) bad = "record";
    else {
      readFirmware(firmware, offset, scratch, 0, FirmwareSize.RecordHeader);
      const size = scratch[2];
      opcode = get16(scratch, 0);
      if (offset + FirmwareSize.RecordHeader + size > length) bad = "record";
      else if (opcode == Command.WriteRam) {
        if (size < 5) bad = "opcode";
        offset += FirmwareSize.WriteHeader;
        left = size - 4;
        return true;
      } else if (opcode == Command.LaunchRam ? size != 4 : opcode != Command.DownloadMinidriver || size || record) bad = "opcode";
      else if (size) {
        readFirmware(firmware, offset + FirmwareSize.RecordHeader, scratch, 0, 4);
        if (get16(scratch, 0) + get16(scratch, 2) != 2 * 0xffff) firmware._odd = "launch";
      }
      offset += FirmwareSize.RecordHeader + size;
    }
    return advance();
  }

  /** Takes the next `count` bytes of what the records write, one after the other; into `text` where they are wanted. */
  function take(count: number, wanted: boolean): boolean {
    text = "";
    taken += count;
    while (count > 0) {
      if (!left && !advance()) return false;
      const part = wanted ? 1 : count < left ? count : left;
      if (wanted) {
        readFirmware(firmware, offset, scratch, 0, 1);
        text += String.fromCharCode(scratch[0]);
      }
      offset += part;
      left -= part;
      count -= part;
    }
    return true;
  }

  /** The little-endian number that the text ends with, from character `at` on. */
  function value(at: number): number {
    let sum = 0;
    for (let i = text.length; i-- > at; ) sum = sum * 256 + text.charCodeAt(i);
    return sum;
  }

  /** Walks the blocks BRCMcfgS and BRCMcfgD, if there are any; false where they are damaged. */
  function walk(): boolean {
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
        if (type == Item.End && size) return false;
        if (type == Item.Text && text.indexOf("4343") < 0) firmware._odd = "foreign";
        if (type == Item.Revision) firmware._revision = value(0);
      }
      if (taken != end) return false;
    }
    return true;
  }

  const whole = walk();
  const block = record;
  while (advance());
  if (!bad && opcode != Command.LaunchRam) bad = "launch";
  if (!bad && !whole) {
    bad = "block";
    record = block;
  }
  if (bad == "size") return failure("firmware-size", "firmware", length, "image of " + length + " bytes, expected " + FirmwareSize.Least + ".." + FirmwareSize.Most);
  return bad ? failure("firmware-" + bad, "firmware", record) : null;
}
