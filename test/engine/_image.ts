import type { FirmwareReader } from "../../core/chip/firmware.js";

/** Write_RAM records of the image, and data bytes of each. */
const enum Size {
  Records = 33,
  Data = 251,
  Record = 3 + 4 + 251,
  Launch = 7,
  /** What is there of the blocks besides their filling: two heads, a revision, the head of a filling, two ends. */
  Fixed = 16 + 3 + 16 + 5 + 5 + 3,
}

/** A firmware image that is computed where it is read: no engine has to hold it. Its revision is 508. */
export interface Image extends FirmwareReader {
  /** Changes one byte. */
  offset: number;
  value: number;
}

export function createImage(): Image {
  const total = Size.Records * Size.Record + Size.Launch;
  const filling = Size.Records * Size.Data - Size.Fixed;
  let head = "BRCMcfgS\0\0\0\0\x03\0\0\0\xfe\0\0BRCMcfgD\0\0\0\0";
  const end = 5 + 5 + filling + 3;
  head += String.fromCharCode(end & 255, end >> 8, 0, 0) + "\x16\x03\x02\xfc\x01" + "\x10\x01";
  head += String.fromCharCode((filling & 127) | 128, ((filling >> 7) & 127) | 128, filling >> 14);

  function byteAt(offset: number): number {
    const record = Math.floor(offset / Size.Record);
    const place = offset % Size.Record;
    if (record == Size.Records) return "\x4e\xfc\x04\xff\xff\xff\xff".charCodeAt(place);
    if (place < 7) return place > 2 ? (record * Size.Data) >> (8 * (place - 3)) : place ? (place == 1 ? 0xfc : 255) : 0x4c;
    const at = record * Size.Data + place - 7;
    if (at < head.length) return head.charCodeAt(at);
    return at == Size.Records * Size.Data - 3 ? 0xfe : 0;
  }

  const image: Image = {
    length: total,
    offset: -1,
    value: 0,
    read: function (offset, target) {
      for (let i = 0; i < target.length; i++) target[i] = offset + i == image.offset ? image.value : byteAt(offset + i);
    },
  };
  return image;
}
