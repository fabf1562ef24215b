import { checkFirmware, openFirmware } from "../../../core/chip/firmware.js";
import type { BlimpError } from "../../../core/errors.js";
import { makeImage, splitImage, ImageOpcode } from "../../../hal/mock/image.js";
import type { Random } from "../../../hal/mock/random.js";
import { type Input } from "../input.js";
import { change } from "../mutate.js";
import type { Target } from "../target.js";

const LEAST = 8 * 1024;
const MOST = 256 * 1024;

const IMAGES = [makeImage({ size: 8200 }), makeImage({ size: 8200, record: 40, minidriver: true, revision: null }), makeImage({ size: 8300, record: 17, switches: 9, name: "BCM4343A1" })];

/** About as many records as they have. */
const RECORDS = Math.max(...IMAGES.map((image) => splitImage(image).length));

/** Whether an image is a run of Write_RAM records with Launch_RAM as the last, in the plainest words. */
function isRun(image: Uint8Array): boolean {
  let at = 0;
  let last = 0;
  if (image.length < LEAST || image.length > MOST) return false;
  for (let record = 0; at < image.length; record++) {
    if (last === ImageOpcode.LAUNCH_RAM || at + 3 > image.length) return false;
    last = image[at] | (image[at + 1] << 8);
    const size = image[at + 2];
    if (at + 3 + size > image.length) return false;
    if (last === ImageOpcode.WRITE_RAM ? size < 5 : last === ImageOpcode.LAUNCH_RAM ? size !== 4 : last !== ImageOpcode.DOWNLOAD_MINIDRIVER || size !== 0 || record > 0) return false;
    at += 3 + size;
  }
  return last === ImageOpcode.LAUNCH_RAM;
}

/** Changes an image where it matters: in the heads of records, or in the blocks of the first ones. */
function makeInput(random: Random): Input {
  let image = IMAGES[random.below(IMAGES.length)];
  for (let changes = 1 + random.below(3); changes > 0; changes--) {
    const kind = random.below(8);
    if (kind < 3) {
      // Of the first bytes, where the blocks are, some are changed.
      const head = change(random, image.slice(0, 64 + random.below(192)), [image.slice(0, 256)]);
      image = new Uint8Array(Buffer.concat([head, image.subarray(head.length)]));
    } else if (kind < 6) {
      let at = 0;
      for (let skip = random.below(RECORDS); skip > 0 && at + 3 + image[at + 2] < image.length; skip--) at += 3 + image[at + 2];
      image = image.slice();
      image[at + random.below(8)] = random.below(4) ? random.below(256) : [0, 4, 5, 255][random.below(4)];
    } else if (kind === 6) image = image.slice(0, image.length - random.below(300));
    else image = new Uint8Array(Buffer.concat([image, image.subarray(image.length - 7 - random.below(20))]));
  }
  return [image];
}

export const FirmwareImage: Target = {
  name: "firmware",
  about: "firmware images: read inside their bounds alone, and a few times; what is accepted is a run of records that ends with Launch_RAM",
  seeds: IMAGES.map((image) => [image]),
  most: 1,
  life: 5000,
  share: 0.2,
  make: makeInput,
  begin: () => ({
    feed([image]) {
      let reads = 0;
      const reader = {
        length: image.length,
        read(offset: number, target: Uint8Array): void {
          if (!(Number.isInteger(offset) && offset >= 0 && target.length > 0 && offset + target.length <= image.length)) throw new Error(`reads ${target.length} bytes at ${offset} of ${image.length}`);
          reads++;
          target.set(image.subarray(offset, offset + target.length));
        },
      };
      const firmware = openFirmware(reader);
      const error = checkFirmware(firmware, new Uint8Array(259)) as BlimpError | null;
      if (reads > image.length) throw new Error(`${reads} reads of ${image.length} bytes`);
      if (error === null ? !isRun(image) : !/^firmware-(size|record|opcode|launch|block)$/.test(error.code)) throw new Error(`is found ${error ? error.code : "good"}`);
      if (error !== null && error.code !== "firmware-block" && isRun(image)) throw new Error(`a run of records is refused: ${error.message}`);
      if (!(firmware._revision >= -1)) throw new Error(`revision ${firmware._revision}`);
    },
  }),
};
